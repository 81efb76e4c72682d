#!/usr/bin/env python3
"""Claims that take seconds, with one seed: what has no luck in it must hold, the rest is run and printed.

    scripts/check_claims.py BUILD      BUILD: a configured build folder; its program is built first where it must be
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SECONDS = 6  # of one seed, as the claim says itself


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    made = subprocess.run(["cmake", "--build", str(build), "--target", "vitro"], capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stdout + made.stderr)
    program = str(build / "vitro")
    listed = json.loads(subprocess.check_output([program, "repro", "--list", "--json"]))
    names = [claim["name"] for claim in listed if claim["seconds"] <= SECONDS and claim["data_found"]]
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([program, "repro", *names, "--seeds", "1", "--json", "--quiet", "--out", f"{folder}/out"],
                             capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    if run.returncode:
        sys.exit(f"vitro repro ended with {run.returncode}: {run.stderr}")
    figures = json.loads(run.stdout)
    exact = [one for one in figures if one.get("exact")]
    rest = [one for one in figures if not one.get("exact")]
    failed = [f"{one['name']}: {one['figure']} is {one['mean']}, it has no luck in it and {one['verdict']}"
              for one in exact if one["verdict"] != "holds"]
    if not exact:
        failed.append("no figure was asserted")
    for line in failed:
        print(line)
    for one in rest:
        expected = next(one[key] for key in ("published", "at_least", "at_most") if one.get(key) is not None)
        print(f"{one['name']}: {one['figure']}: {one['mean']:.6g}, expected {expected:.6g}: {one['verdict']}")
    holds = sum(one["verdict"] == "holds" for one in rest)
    print(f"{len(names)} claims with one seed: {len(exact)} figures without luck hold, {holds} of {len(rest)} others do")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

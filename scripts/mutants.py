#!/usr/bin/env python3
"""Breaks every op's derivative on purpose and asks whether the gradient check notices.

The mutants are made at run time, by tests/ops_mutants_test.cpp: scaled, dropped and transposed
derivatives of every differentiable op. This script builds that test, runs it and shows its report.
Exit status: 0 if every mutant is caught, 1 if one survives, 2 if the test can't be built.
"""
import subprocess
import sys

BUILD = "build"


def main() -> int:
    if len(sys.argv) > 1:
        print(f"mutants: no argument \"{sys.argv[1]}\". Help: ./dev mutants takes none", file=sys.stderr)
        return 2
    steps = [
        ["cmake", "-S", ".", "-B", BUILD, "-G", "Ninja", "-DVITRO_TESTS=ON"],
        ["cmake", "--build", BUILD, "--target", "test_ops"],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout + done.stderr, file=sys.stderr)
            return 2
    done = subprocess.run([f"{BUILD}/tests/test_ops", "--gtest_filter=Mutants.*", "--gtest_brief=1"], capture_output=True, text=True)
    # The report: a line an op, the sum, then what survived or turned out to be no mutant.
    for line in done.stdout.splitlines():
        if "caught" in line or line.startswith("  "):
            print(line)
    if done.returncode:
        print("mutants: some survive: the gradient check is too weak", file=sys.stderr)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())

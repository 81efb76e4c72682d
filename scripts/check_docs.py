#!/usr/bin/env python3
"""The book and the reference say what the program says (scripts/docs.py).

    scripts/check_docs.py BUILD      BUILD: a configured build folder; its program is built first where it must be
"""
import pathlib
import subprocess
import sys


def main():
    build = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve())
    made = subprocess.run(["cmake", "--build", build, "--target", "vitro"], capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stdout + made.stderr)
    script = pathlib.Path(__file__).with_name("docs.py")
    sys.exit(subprocess.run([sys.executable, str(script), build, "--check"]).returncode)


if __name__ == "__main__":
    main()

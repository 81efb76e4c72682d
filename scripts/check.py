#!/usr/bin/env python3
"""All that can be said about the tree without running it: `./dev check`.

    scripts/check.py BUILD      BUILD: a configured build folder (its compile commands, its include link)

  format    clang-format has nothing to change in any C++ file (scripts/format.py)
  layers    every room includes only what it may (scripts/layers.py)
  budget    the engine stays below its number of lines
  headers   every header compiles by itself, as an installed program includes it, in about a second
  tidy      clang-tidy's few checks (.clang-tidy); what clang 14 cannot parse is g++'s business
  links     every relative link in the documents leads somewhere
  check_*   every scripts/check_NAME.py, run with BUILD as its argument

Exit 1 if any of them found something; all run, and each prints what it found.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENGINE_LINES = 15000
HEADER_LIMIT_S = 2.5  # of processor time; "about a second" on a machine that does nothing else
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
# clang 14 has none of its own, and cannot read g++'s.
SOURCE_LOCATION = """#pragma once
namespace std {
struct source_location {
  static constexpr source_location current(const char* file = __builtin_FILE(), const char* name = __builtin_FUNCTION(),
                                           unsigned line = __builtin_LINE()) { return {file, name, line}; }
  constexpr const char* file_name() const { return file_; }
  constexpr const char* function_name() const { return name_; }
  constexpr unsigned line() const { return line_; }
  constexpr unsigned column() const { return 0; }
  const char *file_ = "", *name_ = "";
  unsigned line_ = 0;
};
} // namespace std
"""
POOL = concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))


def run(*command):
    """(exit status, output, processor seconds)"""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return process.returncode, out.read().decode(errors="replace"), usage.ru_utime + usage.ru_stime


def files(*patterns):
    """What git tracks, and what is new and not ignored."""
    out = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
                                  cwd=ROOT, text=True)
    return sorted(name for name in set(out.split("\0")) if name and (ROOT / name).exists())


def check_format():
    status, out, _ = run(sys.executable, "scripts/format.py", "--check", *files("*.h", "*.cpp"))
    return out.splitlines() + ["./dev format puts this right"] if status else [], ""


def check_layers():
    status, out, _ = run(sys.executable, "scripts/layers.py")
    return out.splitlines() if status else [], ""


def check_budget():
    """Lines that hold code: what explains it is not what makes an engine large."""
    rooms = re.search(r"set\(engine_rooms ([^)]*)\)", (ROOT / "CMakeLists.txt").read_text())[1].split()
    lines = [line.strip() for name in files(*(f"src/{room}/*" for room in rooms))
             for line in (ROOT / name).read_text().splitlines()]
    code = sum(bool(line) and not line.startswith("//") for line in lines)
    found = [f"the engine has {code} lines of code, its budget is {ENGINE_LINES}"] if code > ENGINE_LINES else []
    return found, f"the engine has {code} of {ENGINE_LINES} lines of code; {len(lines)} with comments and blank ones"


def check_headers():
    headers = [name for name in files("src/*.h") if not name.endswith("-inl.h")]

    def compile_alone(name):
        with tempfile.NamedTemporaryFile("w", suffix=".cpp") as program:
            program.write(f"#include <vitro/{name.removeprefix('src/')}>\n")
            program.flush()
            includes = [f"-I{BUILD}/include", f"-I{ROOT}/src"]
            return run("g++", "-std=c++20", "-Wall", "-Wextra", "-fsyntax-only", *includes, program.name)

    found, slowest = [], (0.0, "")
    for name, (status, out, seconds) in zip(headers, POOL.map(compile_alone, headers)):
        slowest = max(slowest, (seconds, name))
        if status or out:
            found.append(f"{name} does not compile by itself:\n{out}")
        elif seconds > HEADER_LIMIT_S:
            found.append(f"{name} takes {seconds:.1f} s to compile, at most {HEADER_LIMIT_S} s is allowed")
    return found, f"{len(headers)} headers, the slowest takes {slowest[0]:.2f} s: {slowest[1]}"


def check_tidy():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    sources = sorted({entry["file"] for entry in commands})
    sources = [name for name in sources if name.startswith((f"{ROOT}/src/", f"{ROOT}/cli/"))]

    found, unparsed = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "source_location").write_text(SOURCE_LOCATION)

        def look(name):
            return run("clang-tidy", "-p", str(BUILD), "--quiet", f"--extra-arg=-I{folder}", name)[1]

        for out in POOL.map(look, sources):
            unparsed += "clang-diagnostic-error" in out
            for line in out.splitlines():
                if re.search(r"(warning|error): .*\[(?!clang-diagnostic)[a-z][\w.,-]*\]$", line):
                    found[line.replace(f"{ROOT}/", "")] = True
    return list(found), f"{len(sources)} files" + (f", {unparsed} of them only in part" if unparsed else "")


def check_links():
    found = []
    for name in files("*.md"):
        text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if not re.match(r"[a-z]+:", link) and not ((ROOT / name).parent / link).exists():
                found.append(f"{name}: the link to {link} leads nowhere")
    return found, ""


def check_script(path):
    status, out, _ = run(sys.executable, str(path), str(BUILD))
    lines = out.splitlines()
    return (lines, "") if status else ([], lines[-1] if lines else "")


def main():
    checks = {"format": check_format, "layers": check_layers, "budget": check_budget, "links": check_links,
              "headers": check_headers, "tidy": check_tidy}
    for path in sorted((ROOT / "scripts").glob("check_*.py")):
        checks[path.stem.removeprefix("check_")] = lambda path=path: check_script(path)
    failed = []
    for name, check in checks.items():
        start = time.monotonic()
        found, note = check()
        print(f"check {name}: {'FAILED' if found else 'ok'}, {time.monotonic() - start:.0f} s{note and '; ' + note}")
        for line in found:
            print("  " + line)
        sys.stdout.flush()
        if found:
            failed.append(name)
    if failed:
        sys.exit("./dev check found something: " + ", ".join(failed))


if __name__ == "__main__":
    main()

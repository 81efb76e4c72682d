#!/usr/bin/env python3
"""Formats C++ with clang-format, except tables that are laid out by hand.

    scripts/format.py --check FILE...   exit 1: each place that is not as clang-format would have it
    scripts/format.py FILE...           formats in place

A table is a constant at namespace scope whose members are named, as every op is:
    const Op tanh_op{
        .name = "tanh", .formula = "y = tanh x",
        ...};
clang-format would give each member a line and spread an op over three screens. A table keeps the
other rules: at most 120 columns, no tabs, no spaces at the end of a line.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

COLUMNS = 120
TABLE = re.compile(r"^(?:inline |static |extern )*const(?:expr)? [\w:<>]+ \w+(?:\[\])?(?: = )?\{\s*(?://.*)?$")
TEXT = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|//.*')


def tables(lines):
    """(first, last) of every table, counted from 1, the last line included."""
    found, first, depth = [], None, 0
    for number, line in enumerate(lines, 1):
        if first is None and TABLE.match(line) and number < len(lines) and re.match(r"\s+\.\w", lines[number]):
            first = number
        if first is not None:
            bare = TEXT.sub("", line)
            depth += bare.count("{") - bare.count("}")
            if depth == 0:
                found.append((first, number))
                first = None
    return found


def outside(by_hand, count):
    """The lines that clang-format sees, as its options."""
    start, ranges = 1, []
    for first, last in by_hand + [(count + 1, count + 1)]:
        if start < first:
            ranges.append(f"--lines={start}:{first - 1}")
        start = last + 1
    return ranges


def look(path, check):
    """The places in `path` that are not right; formats them unless `check`."""
    with open(path) as file:
        lines = file.read().splitlines()
    by_hand = tables(lines)
    found = []
    for first, last in by_hand:
        for number, line in enumerate(lines[first - 1:last], first):
            if len(line) > COLUMNS:
                found.append(f"{path}:{number}: {len(line)} columns in a table, at most {COLUMNS}")
            if "\t" in line or line != line.rstrip():
                found.append(f"{path}:{number}: a tab, or a space at the end of the line, in a table")
    ranges = outside(by_hand, len(lines)) if by_hand else []
    if by_hand and not ranges:
        return found
    mode = ["--dry-run", "-Werror"] if check else ["-i"]
    result = subprocess.run(["clang-format", *mode, *ranges, path], capture_output=True, text=True)
    found += sorted(set(re.findall(r"^(\S+:\d+):\d+: error: code should be clang-formatted", result.stderr, re.M)))
    if result.returncode and not found:
        found.append(f"{path}: {result.stderr}")
    return found


def main():
    check = sys.argv[1:2] == ["--check"]
    pool = concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    found = [place for places in pool.map(lambda path: look(path, check), sys.argv[1 + check:]) for place in places]
    if found:
        print("\n".join(found))
        sys.exit(1)


if __name__ == "__main__":
    main()

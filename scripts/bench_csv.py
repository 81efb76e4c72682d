#!/usr/bin/env python3
"""Times how fast a large table is read: writes one, runs a command on it, reports MB/s and peak memory.

    scripts/bench_csv.py [--bytes N] [--keep FILE] COMMAND...     FILE in COMMAND stands for the table

The table is what files of measurements look like: 12 columns of numbers as programs write them (whole, and of 2 to
17 digits), 3 columns of a few different texts, 1 of texts that are all different; a header; 1 % of the cells empty.
The same N gives the same bytes. Without COMMAND the table is only written (say --keep). The file is read once before
the clock starts, so that it comes from memory; the best of three runs counts.
"""
import argparse
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

NAMES = ["id", "age", "year", "count", "price", "rate", "x", "y", "z", "weight", "loss", "share", "score",
         "city", "kind", "colour"]
CITIES = ["Berlin", "Paris", "New York", "Rio de Janeiro", "Wien", "Oslo", "Lagos", "Osaka", "Quito", "Perth"]
KINDS = ["a", "b", "c"]
COLOURS = ["red", "green", "blue", "light grey"]


def row(random):
    numbers = [
        str(random.randrange(18, 95)), str(random.randrange(1950, 2025)), str(random.randrange(0, 100000)),
        f"{random.uniform(0, 1000):.2f}", f"{random.uniform(0, 1):.4f}", f"{random.gauss(0, 1):.6f}",
        f"{random.gauss(0, 100):.3f}", repr(random.gauss(0, 1)), f"{random.uniform(40, 120):.1f}",
        f"{random.expovariate(1) / 1000:.3e}", f"{random.uniform(0, 1):.6f}", str(random.randrange(-50, 50)),
    ]
    cells = numbers + [random.choice(CITIES), random.choice(KINDS), random.choice(COLOURS)]
    return ",".join("" if random.random() < 0.01 else cell for cell in cells) + "\n"


def write(path, size):
    source = random.Random(1)
    rows = [row(source) for _ in range(50000)]  # they come again, each time with another id
    written = number = 0
    with open(path, "w", encoding="ascii", newline="") as out:
        written += out.write(",".join(NAMES) + "\n")
        while written < size:
            block = "".join([f"sample-{number + i:08d},{rest}" for i, rest in enumerate(rows)])
            number += len(rows)
            if written + len(block) > size:
                out.write(block[:block.rfind("\n", 0, size - written) + 1])
                break
            written += out.write(block)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=10**9)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = options.keep or pathlib.Path(place) / "table.csv"
        if not path.exists():
            write(path, options.bytes)
        size = path.stat().st_size
        if not options.command:
            return
        command = [str(path) if word == "FILE" else word for word in options.command]
        with open(path, "rb") as table:
            while table.read(1 << 24):
                pass
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            done = subprocess.run(command, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - began)
            if done.returncode != 0:
                sys.exit(done.returncode)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{size / 1e6:.0f} MB in {min(seconds):.2f} s: {size / 1e6 / min(seconds):.0f} MB/s, "
              f"peak memory {peak:.0f} MiB, {os.cpu_count()} cores here")


if __name__ == "__main__":
    main()

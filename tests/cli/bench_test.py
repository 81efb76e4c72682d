#!/usr/bin/env python3
"""bench: what it measures, with peers that behave and those that do not."""
import unittest

from case import Case


class Bench(Case):
    def test_bench(self):
        keys = """workload threads microseconds flops bytes peak bandwidth share_of_limit peer peer_microseconds
            ratio""".split()
        rows = self.json("bench", "--only", "W6", "relu", "--rounds", "1", "--threads", "1,2")
        for row in rows:
            self.assertEqual(list(row), keys)
            self.assertGreater(row["microseconds"], 0)
            self.assertIsNone(row["peer"])
        work = [row for row in rows if row["workload"] == "W6"]
        self.assertEqual([row["threads"] for row in work], [1, 2])
        for row in work:
            self.assertEqual(row["flops"], 585600)
            limit = max(row["flops"] / row["peak"], row["bytes"] / row["bandwidth"])
            self.assertAlmostEqual(row["share_of_limit"], 1e6 * limit / row["microseconds"])
        self.assertEqual([row["threads"] for row in rows if row["workload"] == "relu"], [1])
        text = self.vitro("bench", "softmax-ce", "--rounds", "1").stdout
        self.assertIn("of the limit", text)
        self.assertIn("with the Jacobian", text)

    def test_bench_lists_what_it_knows(self):
        names = [entry["workload"] for entry in self.json("bench", "--list")]
        self.assertIn("W1", names)
        for name in names:
            self.assertIn(name, self.vitro("bench", "--list").stdout)

    def test_bench_start_and_memory(self):
        words = ["bench", "start", "memory", "memory-beside-data", "--rounds", "1", "--threads", "1"]
        rows = {row["workload"]: row for row in self.json(*words)}
        self.assertGreater(rows["start"]["microseconds"], 0)
        self.assertIsNone(rows["memory"]["microseconds"])
        for name in ("memory", "memory-beside-data"):  # of two processes: which holds more by a page is chance
            self.assertGreater(rows[name]["bytes"], 1 << 20)

    def test_bench_with_a_peer(self):
        (self.dir / "peer").write_text("#!/bin/sh\necho slowpoke 1.0\nwhile read name threads; do "
                                       "if [ $name = W6 ]; then printf '5e5\\tat leisure\\n'; else echo -; fi; done\n")
        (self.dir / "peer").chmod(0o755)
        words = ["bench", "W6", "W1-first", "--rounds", "2", "--threads", "1", "--peer", "./peer"]
        rows = {row["workload"]: row for row in self.json(*words)}
        self.assertEqual(rows["W6"]["peer"], "slowpoke 1.0, at leisure")
        self.assertEqual(rows["W6"]["peer_microseconds"], 5e5)
        self.assertAlmostEqual(rows["W6"]["ratio"], 5e5 / rows["W6"]["microseconds"])
        self.assertIsNone(rows["W1-first"]["peer"])
        self.assertIsNone(rows["W1-first"]["ratio"])
        self.assertIn("slowpoke", self.vitro(*words).stdout)

    def test_bad_input(self):
        self.refused("bench", "--only", "W9", says=("W9", '"W1"', "--list"))
        self.refused("bench", "mutmal", says='"matmul"')
        for threads in ("0", "257", "1,", "1,x", "-1", ""):
            self.refused("bench", f"--threads={threads}", "--only", "W6", says="--threads")
        self.refused("bench", "--rounds", "0", says="--rounds")
        self.refused("bench", "W6", "lr=1", says="lr=1")
        self.refused("bench", "W6", "--quiet", "--peer", "./nobody", says="nobody")

    def test_a_peer_that_misbehaves(self):
        for answers, says in (("exit", "ended"), ("echo me; exit", "ended"), ("echo me; read x; echo fast; read x", "fast"),
                              ("echo me; read x; echo -3; read x", "-3")):
            (self.dir / "peer").write_text(f"#!/bin/sh\n{answers}\n")
            (self.dir / "peer").chmod(0o755)
            self.refused("bench", "W6", "--threads=1", "--rounds=1", "--quiet", "--peer=./peer", says=says, status=1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""sweep: its table and picture, going on after a kill, and that the test part decides nothing."""
import json
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

from case import PROGRAM, Case


class Sweep(Case):
    keys = ["digits", "samples=400", "validation=200", "test=100", "epochs=2"]

    def test_a_sweep(self):
        words = [*self.keys, "lr=log:0.01..1:3", "seed=0..2"]
        found = self.json("sweep", *words)
        self.assertEqual(found["trainings"], 9)
        self.assertTrue(found["finished"])
        self.assertEqual([one["keys"] for one in found["settings"]], [{"lr": 0.01}, {"lr": 0.1}, {"lr": 1}])
        best = max(found["settings"], key=lambda one: one["mean"])
        self.assertEqual(found["best"], best)
        for one in found["settings"]:
            self.assertEqual(len(one["values"]), 3)
            self.assertAlmostEqual(one["mean"], sum(one["values"]) / 3)
        # The command is the training that was compared.
        command = found["command"].split()
        self.assertEqual(command[1:3], ["train", "digits"])
        result = self.json(*command[1:], "seed=1")
        self.assertEqual(result["validation_accuracy"], best["values"][1])
        out = self.vitro("sweep", *words, "--svg", "a.svg")
        self.assertIn("finished", out.stderr)
        self.assertIn("deviation", out.stdout)
        self.assertIn("The outcome of digits over lr", out.stdout)
        xml.etree.ElementTree.parse(self.dir / "a.svg")
        self.assertEqual(len((self.dir / found["out"] / "results.jsonl").read_text().splitlines()), 9)
        self.assertEqual(self.json("sweep", *words, "--jobs", 1, "--out", "alone")["settings"], found["settings"])
        self.assertNotIn("sweep", json.dumps(self.json("list", "runs")))

    def test_the_test_part_decides_nothing(self):
        self.write("points.csv", "x,y,colour\n" + "".join(f"{i % 17},{i % 13},{'red' if i % 17 > i % 13 else 'blue'}\n" for i in range(300)))
        found = self.json("sweep", "points.csv", "lr=0.01,0.1", "epochs=3", "--quiet")
        self.assertNotIn("test", json.dumps(found))
        self.assertNotIn("test", (self.dir / found["out"] / "results.jsonl").read_text())

    def test_a_killed_sweep_goes_on(self):
        words = [*self.keys[:-1], "epochs=6", "lr=log:0.001..1:6", "seed=0..1"]
        whole = self.json("sweep", *words, "--out", "whole")
        for moment in (0.1, 0.3, 0.6):
            process = subprocess.Popen([PROGRAM, "sweep", *words, "--quiet"], cwd=self.dir, env=self.env, stdout=subprocess.DEVNULL)
            time.sleep(moment)
            process.kill()
            process.wait()
        found = self.json("sweep", *words)
        self.assertEqual(found["out"], "runs/sweep-digits-001")  # the same one all along
        self.assertEqual(found["settings"], whole["settings"])
        self.assertEqual(found["best"], whole["best"])

    def test_an_interrupted_sweep_says_how_to_go_on(self):
        words = [*self.keys[:-1], "epochs=300", "lr=log:0.001..1:6"]
        process = subprocess.Popen([PROGRAM, "sweep", *words, "--jobs", "2"], cwd=self.dir, env=self.env, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        self.assertIn("6 trainings", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 130, rest)
        self.assertIn("sweep --resume runs/sweep-digits-001", rest)
        self.refused("sweep", "--resume", "runs/sweep-digits-001", "lr=1,2", says="nothing else")

    def test_sweeps_that_are_none(self):
        for words, says in (([], "nothing is swept"), (["lr=0.1"], "nothing is swept"), (["lrr=1,2"], '"lr"'),
                            (["lr=0.1,-1"], "lr=-1"), (["lr=1,1"], "same training"), (["lr=log:0..1:3"], "above 0"),
                            (["seed=0..20000"], "10000"), (["seed=0..999", "lr=log:1e-3..1:11"], "10000"),
                            (["batch=8,8.5"], "batch=8.5"), (["lr=0.1,0.2", "warmup=1000000"], "warmup"), (["net=mlp,mpl"], '"mlp"'), (["lr=0.1,0.2", "validation=0"], "validation"),
                            (["lr=0.1,0.2", "--jobs", "0"], "--jobs"), (["lr=0.1,0.2", "--out", "no/such/place"], "no/such")):
            keys = [one for one in self.keys if one.split("=")[0] not in {word.split("=")[0] for word in words}]
            self.refused("sweep", *keys, *words, says=says)
        self.refused("sweep", says="vitro sweep digits")
        self.refused("sweep", "digts", "lr=1,2", says='"digits"')
        self.refused("sweep", "--resume", "nowhere", says="no sweep")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Claims re-run: their list, figures, page, and what is said where data is missing."""
import signal
import subprocess
import time
import unittest

from case import PROGRAM, Case


class Repro(Case):
    KEYS = {"name", "figure", "published", "mean", "deviation", "seeds", "tolerance", "verdict", "values"}

    def test_the_list(self):
        claims = {claim["name"]: claim for claim in self.json("repro", "--list")}
        for name in """udacity-gd cs231n-linear cs231n-hidden linear-collapse batches zero-init init-race saturation
                lr-too-large lr-too-small softmax-ce-gradient softmax-ce-speed softmax-overflow vanishing nielsen-1
                nielsen-1-100 nielsen-3 overfit 3b1b kaggle-mlp bias slope nnfs-sgd nnfs-decay nnfs-momentum nnfs-adagrad
                nnfs-rmsprop nnfs-adam nnfs-l2 nnfs-dropout nnfs-binary bias-decay adadelta gelu-relu admissions
                range-test one-cycle decay perceptron""".split():
            for key in ("sentence", "source", "data", "data_found", "seconds"):
                self.assertIn(key, claims[name])
        self.assertFalse(claims["nielsen-1"]["data_found"])
        self.assertIn("mnist (missing)", self.vitro("repro", "--list").stdout)

    def test_figures(self):
        rows = self.json("repro", "slope", "cs231n-linear", "--seeds", 2)
        for row in rows:
            self.assertLessEqual(self.KEYS, set(row), row)
            self.assertEqual(row["seeds"], len(row["values"]))
            self.assertEqual((row["deviation"] is None), row["seeds"] == 1)
            self.assertEqual((row["published"] is None), "at_least" in row or "at_most" in row)
        self.assertEqual({row["name"] for row in rows}, {"slope", "cs231n-linear"})
        exact = [row for row in rows if row.get("exact")]
        self.assertGreaterEqual(len(exact), 7)
        self.assertEqual({row["verdict"] for row in exact}, {"holds"})
        loss = next(row for row in rows if row["figure"].startswith("loss at iteration 190"))
        self.assertAlmostEqual(loss["mean"], 0.786302, places=6)

    def test_the_same_with_any_number_of_jobs(self):
        rows = [self.json("repro", "cs231n-linear", "batches", "--seeds", 3, "--jobs", jobs) for jobs in (1, 2, 7)]
        self.assertEqual(rows[0], rows[1])
        self.assertEqual(rows[0], rows[2])

    def test_text_and_page(self):
        done = self.vitro("repro", "slope")
        for word in ("slope:", "published", "measured", "verdict", "holds", "at most 1e-06"):
            self.assertIn(word, done.stdout)
        self.assertIn("runs/repro-slope-001/repro.html", done.stderr)
        page = (self.dir / "runs/repro-slope-001/repro.html").read_text()
        self.assertIn("published figures hold", page)
        self.assertNotIn("<script", page)
        self.vitro("repro", "slope", "--out", "here")
        self.assertTrue((self.dir / "here/repro.html").exists())
        self.refused("repro", "slope", "--out", "here", says="not empty")
        self.vitro("train", "xor", "epochs=1", "--quiet", "--out", "runs/a")
        self.assertEqual(self.json("inspect")["run"] if "run" in self.json("inspect") else "runs/a", "runs/a")
        self.assertTrue(self.vitro("repro", "slope", "--markdown").stdout.startswith("| claim | figure | published |"))

    def test_bad_input(self):
        self.refused("repro", "slop", says=("no claim is called", 'did you mean "slope"', "repro --list"))
        self.refused("repro", says="which claim?")
        self.refused("repro", "--all", "slope", says="not both")
        self.refused("repro", "slope", "--seeds", 0, says="--seeds")
        self.refused("repro", "slope", "--jobs", 0, says="--jobs")
        self.refused("repro", "slope", "lr=1", says="takes no key=value")
        self.refused("repro", "slope", "--sedes", 1, says='did you mean "--seeds"')

    def test_missing_data(self):
        self.refused("repro", "nielsen-1", says=("mnist", "vitro data fetch mnist"))
        self.refused("repro", "udacity-gd", says="vitro data fetch udacity-points")
        done = self.vitro("repro", "udacity-gd", "slope", status=2)
        self.assertIn("not run", done.stdout)
        self.assertIn("holds", done.stdout)
        self.assertIn("could not be run: udacity-gd", done.stderr)
        rows = self.json("repro", "udacity-gd", "slope", status=2)
        self.assertEqual({row["verdict"] for row in rows if row["name"] == "udacity-gd"}, {"not run"})
        self.assertEqual({row["mean"] for row in rows if row["name"] == "udacity-gd"}, {None})

    def test_an_interrupt_ends_it_cleanly(self):
        process = subprocess.Popen([PROGRAM, "repro", "slope", "nnfs-adam", "--seeds", "20", "--jobs", "2"], cwd=self.dir,
                                   env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err)
        self.assertIn("slope:", out)
        self.assertNotIn("nnfs-adam:", out)

    def test_a_published_table_is_fetched_by_name(self):
        self.assertIn("udacity-points", self.vitro("list", "data").stdout)
        self.refused("data", "path", "udacity-points", says="vitro data fetch udacity-points")


if __name__ == "__main__":
    unittest.main()

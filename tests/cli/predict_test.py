#!/usr/bin/env python3
"""eval and predict: of tables, numbers and pictures, and the scores."""
import gzip
import json
import random
import unittest

from case import Case, idx, safetensors


class Predict(Case):
    def test_eval_predict_inspect_of_a_table(self):
        chance = random.Random(1)
        rows = [(chance.uniform(-1, 1), chance.uniform(-1, 1)) for _ in range(300)]
        self.write("points.csv", "x,y,colour\n" + "".join(f"{x},{y},{'red' if x > y else 'blue'}\n" for x, y in rows))
        result = self.json("train", "points.csv")
        self.assertGreater(result["test_accuracy"], 0.85)
        measured = self.json("eval")
        self.assertEqual(measured["accuracy"], result["test_accuracy"])
        self.assertEqual(measured["loss"], result["test_loss"])
        self.assertTrue(25 <= measured["samples"] <= 35)
        self.assertEqual(sum(map(sum, measured["confusion"])), measured["samples"])
        self.assertIn("precision", self.vitro("eval").stdout)
        whole = self.json("eval", result["out"], "points.csv")
        self.assertEqual(whole["samples"], 300)
        self.assertEqual(self.json("eval", "points.csv"), whole)
        self.refused("predict", result["out"], says="which file")
        self.write("new.csv", "y,x\n-0.9,0.9\n0.9,-0.9\n")  # no target, columns in another order
        said = self.json("predict", result["out"], "new.csv")["predictions"]
        self.assertEqual([one["class"] for one in said], ["red", "blue"])
        self.assertAlmostEqual(sum(said[0]["probabilities"]), 1, places=5)
        self.assertIn("red", self.vitro("predict", "new.csv").stdout)
        self.assertEqual(json.loads(self.vitro("predict", result["out"], "-", "--json", input=(self.dir / "new.csv").read_text()).stdout)["predictions"], said)
        self.refused("eval", result["out"], "new.csv", says="labels")
        for what in ([], [result["out"]], ["points.csv"], [result["out"] + "/weights.safetensors"]):
            self.assertGreater(len(self.vitro("inspect", *what).stdout), 200)
            self.json("inspect", *what)

    def test_predict_numbers(self):
        self.write("line.csv", "x,y\n" + "".join(f"{i / 50},{100 + 3 * i / 50 + 0.001 * (i % 3)}\n" for i in range(200)))
        result = self.json("train", "line.csv", "--net", "linear", "goal=regression", "epochs=300", "lr=0.02", "patience=0")
        self.assertGreater(result["test_r2"], 0.99)
        self.write("new.csv", "x\n2\n")
        self.assertAlmostEqual(self.json("predict", result["out"], "new.csv")["predictions"][0]["prediction"][0], 106, delta=0.3)
        self.assertIn("106", self.vitro("predict", result["out"], "new.csv").stdout.replace("105.9", "106"))

    def test_predict_images(self):
        self.json("train", "digits", "samples=300", "validation=0", "test=100", "epochs=1", "--out", "run")
        self.write("two.gz", gzip.compress(idx(8, (2, 28, 28), bytes(2 * 784))))
        said = self.json("predict", "run", "./two.gz")
        self.assertEqual(said["samples"], 2)
        self.assertEqual(len(said["predictions"][0]["probabilities"]), 10)
        self.assertIn("images", self.vitro("inspect", "./two.gz").stdout.replace("image ", "images "))

    def test_eval_scores(self):
        self.json("train", "digits", "samples=400", "validation=200", "test=100", "epochs=2")
        found = self.json("eval")
        for key in ("top_3", "top_5", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "roc_auc", "log_loss", "calibration_error"):
            self.assertTrue(0 <= found[key] <= (10 if key == "log_loss" else 1), key)
        self.assertLessEqual(found["accuracy"], found["top_3"])
        self.assertLessEqual(found["top_3"], found["top_5"])
        self.assertAlmostEqual(found["log_loss"], found["loss"], places=5)  # cross-entropy is the log loss
        self.assertEqual(sum(one["samples"] for one in found["calibration"]), found["samples"])
        shown = self.vitro("eval").stdout
        for word in ("ROC-AUC", "F1", "log loss", "calibration", "top 3"):
            self.assertIn(word, shown)
        page = (self.dir / "runs/digits-mlp-001/report.html").read_text()
        self.assertIn("How sure it is, and how often it is right", page)


if __name__ == "__main__":
    unittest.main()

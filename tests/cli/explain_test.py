#!/usr/bin/env python3
"""explain and gradcheck."""
import unittest

from case import Case


class Explain(Case):
    def test_explain(self):
        self.json("train", "spiral", "epochs=5", "--out", "a")
        for words in ([], ["--sample", "3", "--param", "fc1.weight:3,1"], ["--param", "fc2.bias[2]"]):
            one = self.json("explain", "a", *words)
            for key in ("gradient", "back_propagated", "finite_difference", "relative_error", "path"):
                self.assertIn(key, one)
            self.assertLessEqual(abs(one["gradient"] - one["back_propagated"]), 1e-9 + 1e-9 * abs(one["gradient"]))
            self.assertGreater(len(self.vitro("explain", "a", *words).stdout), 300)
        self.assertIn("fc1", self.vitro("explain", "a", "--neuron", "fc1:3").stdout)
        self.json("explain", "a", "--neuron", "fc1:3")
        self.refused("explain", "a", "--neuron", "fc1:3,1,1", says="no place on a map")
        self.refused("explain", "a", "--neuron", "fc1:3,x", says="no whole number")
        self.assertIn("fc1", self.vitro("explain", "a", "--symbolic").stdout)
        self.json("explain", "a", "--symbolic")
        many = self.json("explain", "a", "--param", "random:100")
        self.assertEqual(many["checked"], 100)
        self.assertEqual(many["failed"], 0)
        self.assertLessEqual(many["worst_relative_error"], 1e-5)

    def test_one_place_of_a_map(self):
        self.json("train", "digits", "--net", "lenet", "samples=60", "validation=20", "test=20", "epochs=1", "--out", "a")
        one = self.json("explain", "a", "--sample", "3", "--neuron", "conv2:5,4,7")
        self.assertEqual((one["place"], one["places"], one["units"]), ([4, 7], [10, 10], 16))
        window = one["window"]
        self.assertEqual((window["rows"], window["columns"], window["channels"], window["top"]), (5, 5, 6, 4))
        self.assertAlmostEqual(sum(x * w for x, w in zip(window["inputs"], window["weights"])), window["sum"], places=9)
        self.assertAlmostEqual(sum(p["product"] for p in one["products"]) + one["rest"], one["sum"], places=9)
        self.assertEqual(one["output"], max(0, one["stages"][0]["value"]))
        told = self.vitro("explain", "a", "--sample", "3", "--neuron", "conv1:0").stdout
        for words in ("Map 0 of layer conv1, row ", "one of 6 maps of 28 x 28", "kernel", "conv1.bias[0]", " * conv1.weight[0,0,"):
            self.assertIn(words, told)
        self.refused("explain", "a", "--neuron", "conv1:6", says="has 6 maps")
        self.refused("explain", "a", "--neuron", "conv1:0,28,0", says="has 28 rows")

    def test_gradcheck(self):
        for words in (["--all"], ["spiral"], ["xor", "--net", "linear"]):
            result = self.json("gradcheck", *words)
            for key in ("ops", "checked", "non_differentiable", "failed", "worst_relative_error"):
                self.assertIn(key, result)
            self.assertEqual(result["failed"], 0)
            self.assertGreater(result["checked"], 5)
            self.assertLessEqual(result["worst_relative_error"], 1e-5)
            self.vitro("gradcheck", *words)


if __name__ == "__main__":
    unittest.main()

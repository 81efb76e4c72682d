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
        self.assertIn("fc1", self.vitro("explain", "a", "--symbolic").stdout)
        self.json("explain", "a", "--symbolic")
        many = self.json("explain", "a", "--param", "random:100")
        self.assertEqual(many["checked"], 100)
        self.assertEqual(many["failed"], 0)
        self.assertLessEqual(many["worst_relative_error"], 1e-5)

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

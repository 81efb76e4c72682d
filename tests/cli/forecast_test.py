#!/usr/bin/env python3
"""A series: trained, judged beside naive forecasts, gone on with."""
import math
import unittest

from case import Case


def series(months):
    return "When,n\n" + "".join(f"{1990 + i // 12}-{i % 12 + 1:02d},{50 + i / 2 + 10 * math.sin(i * math.pi / 6) + 0.3 * (i * i % 7):.3f}\n"
                                for i in range(months))


class Forecast(Case):
    def test_a_series_from_file_to_next_rows(self):
        self.write("n.csv", series(160))
        run = self.json("train", "n.csv", "--forecast", "n", "--horizon", "3")
        self.assertLess(run["test_rmse"], min(run["naive_rmse"], run["seasonal_naive_rmse"]))
        self.assertEqual(run["baseline"], min(run["naive_rmse"], run["seasonal_naive_rmse"]))
        self.assertEqual(run["season"], 12)
        self.assertEqual([step["ahead"] for step in run["steps"]], [1, 2, 3])
        mean = sum(step["rmse"] ** 2 for step in run["steps"]) / 3
        self.assertAlmostEqual(math.sqrt(mean), run["test_rmse"], places=9)
        measured = self.json("eval")
        self.assertEqual(measured["rmse"], run["test_rmse"])
        self.assertEqual(measured["steps"], run["steps"])
        self.assertIn("seasonal naive (12 rows before)", self.vitro("eval").stdout)
        report = (self.dir / run["out"] / "report.html").read_text()
        self.assertIn("3 steps before", report)

        ahead = self.vitro("predict", run["out"], "n.csv").stdout.splitlines()
        self.assertEqual(ahead[0], "When,n")
        self.assertEqual([line.split(",")[0] for line in ahead[1:]], ["2003-05", "2003-06", "2003-07"])
        said = self.json("predict", run["out"], "n.csv")["predictions"]
        self.assertEqual([f"{one['value']:.6g}" for one in said], [line.split(",")[1] for line in ahead[1:]])
        self.write("later.csv", series(200))
        self.assertEqual(self.json("eval", run["out"], "later.csv")["samples"], 200 - 24 - 3 + 1)
        self.write("short.csv", series(20))
        self.refused("predict", run["out"], "short.csv", says=("20 rows", "last 24"))
        self.refused("eval", run["out"], "short.csv", says="27 in a row")

    def test_a_recipe_states_it_all(self):
        self.write("n.csv", series(120))
        recipe = self.vitro("init", "n.csv", "--forecast", "n", "--horizon", "2", "--set", "epochs=3").stdout
        for line in ('forecast = "n"', "horizon = 2", "window = 24"):
            self.assertIn(line, recipe)
        self.write("n.toml", recipe)
        again = self.json("train", "n.toml")
        self.assertEqual(self.json("train", "n.csv", "--forecast", "n", "--horizon", "2", "epochs=3")["weights_sha256"], again["weights_sha256"])

    def test_refusals(self):
        self.write("n.csv", series(60))
        for words, says in ((["--forecast", "m"], '"m"'), (["--forecast", "When"], "holds dates"), (["--forecast", "n", "--horizon", "0"], "horizon"),
                            (["--forecast", "n", "--group", "When"], "group"), (["--forecast", "n", "--target", "n"], "target"),
                            (["--forecast", "n", "folds=5"], "folds"), (["--horizon", "3"], "forecast"),
                            (["--forecast", "n", "--window", "90"], "window of 90"), (["--forecast", "n", "--horizon", "30"], "30 ahead")):
            self.refused("train", "n.csv", *words, says=says)


if __name__ == "__main__":
    unittest.main()

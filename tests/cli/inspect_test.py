#!/usr/bin/env python3
"""inspect and list: every entry of the catalogues, graphs, schedules."""
import unittest
import xml.etree.ElementTree

from case import Case


class Inspect(Case):
    def test_everything_listed_can_be_inspected(self):
        lists = self.json("list")
        for kind in ("ops", "layers", "losses", "optimisers", "schedules", "initialisers", "augmentations", "nets"):
            self.assertTrue(lists[kind], kind)
            self.assertTrue(self.vitro("list", kind).stdout)
            for entry in lists[kind]:
                if entry["name"] != "...":
                    self.assertIn(entry["name"], self.vitro("inspect", entry["name"]).stdout)
        for name in ("xor", "spiral", "sine"):
            self.assertIn("dense", self.vitro("inspect", name).stdout)

    def test_what_the_catalogues_say_and_draw(self):
        entries = self.json("inspect", "step")["entries"]
        self.assertEqual([entry["kind"] for entry in entries], ["op", "schedule"])
        (schedule,) = self.json("inspect", "step", "--kind", "schedules")["entries"]
        self.assertEqual(schedule["kind"], "schedule")
        self.assertIn("gamma", [argument["name"] for argument in schedule["arguments"]])
        facts = dict(self.json("inspect", "sigmoid")["entries"][0]["facts"])
        self.assertEqual(facts["derivative"], "dx = dy y (1 - y)")
        self.assertEqual(facts["PyTorch"], "nn.Sigmoid")
        self.assertIn("saturation", facts["claims"])
        for name, kind in (("tanh", "ops"), ("log", "ops"), ("squared_error", "losses"), ("cross_entropy", "losses"),
                           ("perceptron", "losses"), ("step", "ops"), ("step", "schedules"), ("time", "schedules")):
            self.vitro("inspect", name, "--kind", kind, "--svg", "curve.svg")
            root = xml.etree.ElementTree.parse(self.dir / "curve.svg").getroot()
            self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
            paths = [path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path")]
            self.assertGreater(max(map(len, paths)), 200, name)
            self.assertNotIn("nan", " ".join(paths))
        self.refused("inspect", "matmul", "--svg", "m.svg", says="has no curve")
        self.refused("inspect", "tanh", "--svg", "no/such/folder.svg", says="no/such")
        self.refused("inspect", "tanh", "--kind", "op", says='"ops"')
        self.refused("inspect", "tanh", "--kind", "losses", says="nothing is called that")

    def test_graphs(self):
        self.assertIn("matmul", self.vitro("inspect", "xor", "--graph").stdout)
        self.assertTrue(self.vitro("inspect", "xor", "--dot").stdout.startswith("digraph"))
        nodes = self.json("inspect", "xor", "--graph")
        self.assertIn("matmul", {node["op"] for node in nodes})

    def test_inspect_plots_the_schedule(self):
        out = self.vitro("inspect", "digits", "schedule=step", "epochs=4", "optimizer=momentum").stdout
        self.assertIn("The learning rate over the run", out)
        self.assertIn("The momentum over the run", out)
        found = self.json("inspect", "digits", "optimizer=adam", "lr=0.5", "schedule=step", "epochs=4", "gamma=0.1")["schedule"]
        self.assertEqual(found["lr"][0], 0.5)
        self.assertAlmostEqual(found["lr"][-1], 0.0005)
        self.assertEqual(found["momentum"], [])
        self.assertTrue(3.5 < found["epochs"][-1] < 4)
        cycle = self.json("inspect", "digits", "optimizer=momentum", "lr=0.5", "schedule=one_cycle", "epochs=4")["schedule"]
        peak = cycle["lr"].index(max(cycle["lr"]))
        self.assertAlmostEqual(cycle["lr"][peak], 0.5, places=4)
        self.assertEqual(cycle["momentum"].index(min(cycle["momentum"])), peak)  # the one high where the other is low
        self.assertIn("not drawn", self.vitro("inspect", "xor", "epochs=1000000000").stdout)
        self.refused("inspect", "tanh", "lr=1", says="lr=1")
        self.refused("inspect", "digits", "lrr=1", says='"lr"')


if __name__ == "__main__":
    unittest.main()

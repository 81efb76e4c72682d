#!/usr/bin/env python3
"""lr-find: what it suggests and draws, what is applied, tests that are none."""
import unittest
import xml.etree.ElementTree

from case import Case


class LrFind(Case):
    keys = ["digits", "samples=400", "validation=200", "test=100", "epochs=2"]

    def test_the_range_test_suggests_a_rate_that_learns(self):
        found = self.json("lr-find", *self.keys)
        for key in ("valley", "steepest", "losses", "rates"):
            self.assertIn(key, found)
        self.assertEqual(len(found["losses"]), len(found["rates"]))
        self.assertEqual(found["rates"][0], 1e-7)
        self.assertIn(found["valley"], found["rates"])
        self.assertTrue(1e-4 < found["valley"] < 1, found["valley"])
        self.assertEqual(self.json("lr-find", *self.keys, "--threads", 3), found)
        self.assertEqual(self.files(), [])

    def test_what_is_applied_is_what_was_suggested(self):
        found = self.json("lr-find", *self.keys)
        applied = self.json("lr-find", *self.keys, "--apply", "--out", "a")
        self.assertEqual({key: applied[key] for key in found}, found)
        self.assertEqual(applied["out"], "a")
        # All states were put back: it is the training that knows nothing of the range test.
        self.assertEqual(self.json("train", *self.keys, f"lr={found['valley']!r}")["weights_sha256"], applied["weights_sha256"])
        shown = self.vitro("lr-find", *self.keys, "--apply")
        self.assertIn("┊ valley", shown.stdout)
        self.assertIn("always ", shown.stdout)
        self.assertRegex(shown.stderr, r"train digits .*lr=0\.\d+")

    def test_the_picture(self):
        out = self.vitro("lr-find", *self.keys, "--svg", "rates.svg")
        self.assertIn("learning rate", out.stdout)
        self.assertIn("loss", out.stdout)
        self.assertIn("vitro train digits", out.stderr)
        root = xml.etree.ElementTree.parse(self.dir / "rates.svg").getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("valley", xml.etree.ElementTree.tostring(root, encoding="unicode"))

    def test_range_tests_that_are_none(self):
        for words, says in ((["--from", "1", "--to", "0.1"], "from 1 to 0.1"), (["--from", "0"], "from 0"),
                            (["--from", "x"], "--from"), (["--steps", "5"], "5 steps"), (["lrr=1"], '"lr"'),
                            (["--from", "1e30", "--to", "1e35"], "diverges"), (["batch=401"], ("400 samples", "batch=400")),
                            (["--out", "a"], "--apply"), (["--svg", "no/such/dir.svg"], "no/such")):
            if "--svg" in words:
                self.vitro("lr-find", *self.keys, *words, status=2)
            else:
                self.refused("lr-find", *self.keys, *words, says=says)
        self.refused("lr-find", says="vitro lr-find digits")
        self.refused("lr-find", "digts", says='"digits"')


if __name__ == "__main__":
    unittest.main()

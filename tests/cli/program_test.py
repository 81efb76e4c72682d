#!/usr/bin/env python3
"""Help, init, shape, data, and an output that is closed."""
import json
import os
import re
import subprocess
import unittest

from case import PROGRAM, Case


class Program(Case):
    def test_help(self):
        overview = self.vitro().stdout
        self.assertEqual(self.vitro("help").stdout, overview)
        self.assertEqual(self.vitro("--help").stdout, overview)
        verbs = re.findall(r"^  (\w[\w-]*)  +\S", overview.split("Verbs:")[1], re.M)
        self.assertIn("train", verbs)
        for verb in verbs:
            if verb == "help":
                continue
            text = self.vitro("help", verb).stdout
            self.assertIn("Examples:", text)
            self.assertEqual(self.vitro(verb, "--help").stdout, text)
        self.assertRegex(self.vitro("--version").stdout, r"^vitro \d+\.\d+\.\d+\n$")

    def test_init_states_what_train_uses(self):
        for what in ("digits", "mnist", "moons"):
            text = self.vitro("init", what).stdout
            self.assertIn("[train]", text)
            self.write("my.toml", text)
            self.assertEqual(self.vitro("init", "my.toml").stdout, text)

    def test_shape(self):
        def said(question):
            return json.loads(self.vitro("shape", question, "--json").stdout)
        self.assertEqual(said("(64,3) @ (3,5)")["matmul"], [64, 5])
        self.assertEqual(said("(2,3,4) matmul (2,4,5)")["matmul"], [2, 3, 5])
        self.assertEqual(said("(2,3,4) dot (6,4,5)")["dot"], [2, 3, 6, 5])
        self.assertEqual(said("(64,3) * (3,)")["*"], [64, 3])
        self.assertEqual(said("[4,1]+[1,5]")["+"], [4, 5])
        self.assertEqual(said("(3,) @ (3,)")["matmul"], [])
        every = said("(64,3) (3,5)")
        self.assertEqual((every["matmul"], every["*"]), ([64, 5], None))
        self.assertIn("3", self.vitro("shape", "(64,3) @ (64,3)").stdout)

    def test_data_path(self):
        self.assertIn(str(self.dir), self.vitro("data", "path").stdout)
        self.assertTrue(self.vitro("data", "path", "--data-dir", "here").stdout.startswith("here"))

    def test_a_closed_output_is_an_error(self):
        if os.path.exists("/dev/full"):
            with open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, "list"], cwd=self.dir, env=self.env, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Training: every generated set, the same bits whatever the threads, what a terminal and a pipe get, diagnoses."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import unittest

from case import PROGRAM, Case, safetensors

TRAIN_KEYS = """train_loss train_accuracy validation_accuracy test_accuracy test_loss baseline epochs seconds
    samples_per_second parameters weights_sha256 out""".split()


class Train(Case):
    def test_every_generated_set(self):
        sets = [entry["name"] for entry in self.json("list", "data") if "(generated" in entry["doc"]]
        self.assertGreaterEqual(len(sets), 8)
        for name in sets:
            more = ["samples=300", "validation=100", "test=100"] if name == "digits" else []
            result = self.json("train", name, "epochs=2", *more)
            for key in TRAIN_KEYS:
                self.assertIn(key, result, name)
            run = self.dir / result["out"]
            for file in ("recipe.toml", "input.json", "weights.safetensors", "history.csv", "checkpoint", "report.html"):
                self.assertTrue((run / file).exists(), f"{name}: {file}")
            self.assertEqual(result["epochs"], 2)
            self.assertRegex(result["weights_sha256"], "^[0-9a-f]{64}$")

    def test_they_are_learned(self):
        for name, least in (("xor", 0.95), ("spiral", 0.95), ("moons", 0.95), ("circles", 0.95), ("lines", 0.97)):
            result = self.json("train", name)
            self.assertGreaterEqual(result["test_accuracy"], least, name)
            self.assertLess(result["baseline"], 0.7, name)
            low, high = result["interval"]
            self.assertTrue(low < result["test_accuracy"] <= high)
            # A straight line tells lines apart, and arms of a spiral not at all.
            low, high = result["linear_interval"]
            self.assertTrue(low < result["linear"] <= high)
            least, most = {"lines": (0.97, 1), "moons": (0.8, 0.95), "spiral": (0.2, 0.6)}.get(name, (0.3, 0.8))
            self.assertTrue(least <= result["linear"] <= most, (name, result["linear"]))

    def test_a_curve_is_fitted(self):
        result = self.json("train", "sine")
        self.assertIsNone(result["test_accuracy"])
        self.assertLess(result["test_rmse"], 0.5 * result["baseline"])
        self.assertGreater(result["test_r2"], 0.7)
        for key in ("rmse", "mae", "r2"):
            low, high = result[f"test_{key}_interval"]
            self.assertTrue(low < result[f"test_{key}"] < high, key)
        self.assertTrue(result["test_rmse"] < result["linear_interval"][0] < result["linear"] < result["baseline"])

    def test_softmax_and_its_loss_jointly_and_apart(self):
        losses = []
        for last, loss in (("", '"cross_entropy"'), (', {op="softmax"}', '{op="cross_entropy", from_logits=false}'),
                           (', {op="log_softmax"}', '"nll"'), (', {op="log_softmax"}', '"kl_divergence"')):
            self.write("my.toml", 'vitro = 1\n[data]\nsource = "spiral"\n[net]\nlayers = [{op="dense", out=16}, {op="silu"}, '
                       f'{{op="dense", out="classes"}}{last}]\n[train]\nloss = {loss}\nlr = 0.5\nepochs = 10\ndtype = "f64"\n')
            losses.append(self.json("train", "my.toml")["test_loss"])
        self.assertLess(losses[0], 1)
        for loss in losses:
            self.assertAlmostEqual(loss, losses[0], places=9)

    def test_runs_get_numbers_and_directories_are_respected(self):
        self.assertEqual(self.json("train", "xor", "epochs=1")["out"], "runs/xor-mlp-001")
        self.assertEqual(self.json("train", "xor", "epochs=1")["out"], "runs/xor-mlp-002")
        self.assertEqual(self.json("train", "xor", "epochs=1", "--net", "linear")["out"], "runs/xor-linear-001")
        self.assertEqual(self.json("train", "xor", "epochs=1", "--out", "a")["out"], "a")
        self.refused("train", "xor", "--out", "a", says="not empty")
        (self.dir / "empty").mkdir()
        self.assertEqual(self.json("train", "xor", "epochs=1", "--out", "empty")["out"], "empty")

    def test_the_same_bits_on_any_number_of_threads(self):
        shas = {self.json("train", "digits", "samples=600", "validation=100", "test=100", "epochs=2", "--threads", n)["weights_sha256"]
                for n in (1, 2, 3, 4, 8)}
        self.assertEqual(len(shas), 1)

    def test_the_seed_decides(self):
        sha = [self.json("train", "spiral", "epochs=3", "--seed", seed)["weights_sha256"] for seed in (0, 0, 1)]
        self.assertEqual(sha[0], sha[1])
        self.assertNotEqual(sha[0], sha[2])

    def test_keys_are_set_in_every_way(self):
        one = self.json("train", "moons", "lr=0.05", "epochs=2", "batch=10")["weights_sha256"]
        two = self.json("train", "moons", "--set", "train.lr=0.05", "--set", "epochs=2", "--set", "batch=10")["weights_sha256"]
        self.assertEqual(one, two)
        self.write("my.toml", self.vitro("init", "moons", "lr=0.05", "epochs=2", "batch=10").stdout)
        self.assertEqual(self.json("train", "my.toml")["weights_sha256"], one)
        saved = self.dir / self.json("train", "moons", "lr=0.05", "epochs=2", "batch=10")["out"] / "recipe.toml"
        self.assertEqual(self.json("train", saved)["weights_sha256"], one)

    def test_rosenblatts_rule(self):
        result = self.json("train", "lines", "--net", "perceptron", "epochs=30")["perceptron"]
        self.assertTrue(result["separable"])
        self.assertTrue(0 < result["mistakes"] <= result["bound"])
        self.assertEqual(result["last_mistakes"], 0)
        self.assertGreater(result["settled_epoch"], 0)
        done = self.vitro("train", "xor", "noise=0", "samples=4", "shuffle=false", "epochs=20", "--net", "perceptron",
                          "--out", "xor")
        for word in ("has not settled", "no straight line separates", "(0.5, 0.5)", "round in a circle"):
            self.assertIn(word, " ".join(done.stdout.split()))
        self.assertIn("no straight line separates", (self.dir / "xor/report.html").read_text())
        moons = self.json("train", "moons", "--net", "perceptron", "epochs=10")["perceptron"]
        self.assertEqual((moons["separable"], moons["settled_epoch"], moons["bound"]), (False, 0, None))
        self.write("points.csv", "a,b,c\n" + "".join(f"{i % 7},{i % 5},{int(i % 7 > 3)}\n" for i in range(70)))
        self.assertTrue(self.json("train", "points.csv", "--net", "perceptron")["perceptron"]["separable"])
        self.assertNotIn("perceptron", self.json("train", "spiral", "--net", "perceptron", "epochs=1"))
        self.refused("train", "sine", "--net", "perceptron", says="is for classes")
        self.refused("train", "moons", "--net", "perceptrn", says='"perceptron"')

    def test_double(self):
        self.json("train", "xor", "epochs=2", "dtype=f64", "samples=40")

    def test_a_pipe_gets_plain_lines_and_quiet_is_quiet(self):
        done = self.vitro("train", "xor", "epochs=3")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertNotIn("\r", done.stderr)
        self.assertIn("epoch 3/3", done.stderr)
        self.assertIn("vitro explain runs/xor-mlp-001", done.stderr)
        self.assertIn("linear model", done.stdout)
        self.assertIn("always ", done.stdout)
        self.assertIn("generated", done.stdout)
        self.assertEqual(self.vitro("train", "xor", "epochs=1", "--quiet").stderr, "")

    def on_terminal(self, *words, env={}, interrupt_at=None, status=0):
        reader, writer = pty.openpty()
        process = subprocess.Popen([PROGRAM, *words], cwd=self.dir, env={**self.env, "TERM": "xterm", **env},
                                   stdin=writer, stdout=writer, stderr=writer)
        os.close(writer)
        out = b""
        while select.select([reader], [], [], 60)[0]:
            try:
                piece = os.read(reader, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
            if interrupt_at and interrupt_at in out:
                process.send_signal(signal.SIGINT)
                interrupt_at = None
        os.close(reader)
        self.assertEqual(process.wait(60), status, out)
        return out.decode()

    def test_a_terminal_gets_a_live_line(self):
        out = self.on_terminal("train", "spiral", "epochs=20")
        self.assertIn("\r", out)
        self.assertIn("━", out)
        self.assertIn("samples/s", out)
        plain = self.on_terminal("train", "spiral", "epochs=3", env={"NO_COLOR": "1"})
        self.assertNotIn("\x1b", plain)

    def test_watching_draws_the_layers_in_place_and_changes_no_bit(self):
        words = ["train", "digits", "samples=500", "validation=100", "test=100", "epochs=6"]
        out = self.on_terminal(*words, "--watch")
        for word in ("━", "training loss", "validation accuracy", "gradient", "update", "relu1", "fc2", "after epoch 6",
                     "diagnoses: none"):
            self.assertIn(word, out)
        self.assertRegex(out, r"\x1b\[\d+A\r")  # back up to the first line
        self.assertNotIn("epoch 1/6  train", out)
        self.assertEqual(self.json(*words)["weights_sha256"], re.findall(r"sha256 ([0-9a-f]{64})", out)[0])
        plain = self.on_terminal(*words, "--watch", env={"NO_COLOR": "1"})
        self.assertNotIn("\x1b", plain)
        self.assertRegex(plain, r"  fc1 gradient [\d.e-]+, update [\d.e-]+; relu1 \d+ % dead; fc2 gradient")
        piped = self.vitro(*words, "--watch")
        self.assertNotIn("\x1b", piped.stderr)
        self.assertEqual(len(re.findall(r"  fc1 gradient", piped.stderr)), 6)
        self.assertEqual(self.vitro(*words, "--watch", "--quiet").stderr, "")

    def test_an_interrupt_leaves_a_watched_terminal_as_it_was(self):
        out = self.on_terminal("train", "digits", "--watch", "epochs=1000", "--out", "cut", interrupt_at=b"after epoch 1",
                               status=130)
        self.assertIn("To go on:", out.splitlines()[-1])
        self.assertNotIn("\x1b[?", out)  # neither another screen nor a hidden cursor, which somebody would have to undo
        self.assertEqual(out.count("\x1b[1m") + out.count("\x1b[2m") + out.count("\x1b[31m") + out.count("\x1b[32m"),
                         out.count("\x1b[0m"))

    def test_a_column_that_gives_the_answer_away_is_told(self):
        rows = [f"{i % 7},{'paid' if i % 3 else 'none'},{'good' if i % 3 else 'bad'}\n" for i in range(200)]
        table = self.write("loans.csv", "size,after,result\n" + "".join(rows))
        told = self.vitro("train", table, "epochs=1", "--out", "a").stdout
        self.assertRegex(told, r"Too good to be true\?\n  after alone predicts the target: 100.0 % right")
        self.assertRegex(told, r"mistakes +a/mistakes.csv\n")
        self.assertTrue((self.dir / "a" / "mistakes.csv").read_text().startswith("file,line,size,after,truth,"))
        result = self.json("train", table, "epochs=1", "--out", "b")
        self.assertEqual([one["column"] for one in result["suspicions"]], ["after"])
        honest = self.json("train", table, "epochs=1", "--out", "c", "--drop", "after")
        self.assertEqual(honest["suspicions"], [])

    def test_diagnoses_are_told_and_stored(self):
        result = self.json("train", "digits", "samples=500", "validation=100", "test=100", "epochs=4", "lr=1e-7")
        self.assertEqual([d["name"] for d in result["diagnoses"]], ["lr_too_small"])
        one = result["diagnoses"][0]
        self.assertEqual(set(one), {"name", "layer", "since_epoch", "text", "advice"})
        self.assertIsNone(one["layer"])
        said = self.vitro("train", "digits", "samples=500", "validation=100", "test=100", "epochs=4", "lr=1e-7", "--out", "a")
        self.assertEqual(said.stderr.count("! the loss is where it was"), 1)
        self.assertIn("Diagnoses:\n  the loss is where it was", said.stdout)
        page = (self.dir / "a" / "report.html").read_text()
        self.assertIn("the loss is where it was", page)
        (self.dir / "a" / "report.html").unlink()
        self.vitro("report", "a")
        again = (self.dir / "a" / "report.html").read_text()
        self.assertIn("the loss is where it was", again)
        self.assertIn("Gradient", again)
        rows = (self.dir / "a" / "layers.csv").read_text().splitlines()
        self.assertTrue(rows[0].startswith("epoch,loss,training_loss,spread,input:size,input:feature,flatten1:mean"))
        self.assertEqual([row.split(",")[0] for row in rows[1:]], ["0", "1", "2", "3", "4"])
        healthy = self.vitro("train", "digits", "samples=500", "validation=100", "test=100", "epochs=4")
        self.assertRegex(healthy.stdout, r"diagnoses +none")

    def test_a_script_gets_the_diagnosis_of_a_failure(self):
        done = self.vitro("train", "sine", "optimizer=sgd", "lr=1e20", "--quiet", "--json", status=1)
        failed = json.loads(done.stdout)
        self.assertEqual(failed["diagnoses"][0]["name"], "not_finite")
        self.assertIn("not finite at epoch 1", failed["error"])
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_early_stop_restores_the_best(self):
        result = self.json("train", "moons", "noise=0.6", "samples=40", "epochs=400", "patience=5", "lr=0.05", "optimizer=adam")
        self.assertTrue(result["stopped_early"])
        self.assertEqual(result["best_epoch"], result["epochs"] - 5)
        rows = (self.dir / result["out"] / "history.csv").read_text().splitlines()
        column = rows[0].split(",").index("validation_loss")
        losses = [float(row.split(",")[column]) for row in rows[1:]]
        self.assertEqual(losses.index(min(losses)) + 1, result["best_epoch"])
        self.assertAlmostEqual(result["validation_loss"], min(losses), places=12)

    def test_a_value_that_is_not_finite_is_named_in_its_step(self):
        line = self.vitro("train", "sine", "optimizer=sgd", "lr=1e20", "--quiet", status=1).stderr
        self.assertIn("not finite at epoch 1, batch ", line)
        self.assertRegex(line, r"fc\d|squared_error|matmul")
        self.assertEqual(len(line.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()

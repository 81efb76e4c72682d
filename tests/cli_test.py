#!/usr/bin/env python3
"""The program as a user meets it: every verb, every bad input, interruptions, full disks.

    tests/cli_test.py PROGRAM [Suite ...]

Each test runs in an empty directory of its own, with no data set in reach but what is built in.
"""
import gzip
import html.parser
import json
import os
import pathlib
import pty
import random
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "vitro"
TRAIN_KEYS = """train_loss train_accuracy validation_accuracy test_accuracy test_loss baseline epochs seconds
    samples_per_second parameters weights_sha256 out""".split()


def idx(array_type, extents, elements):
    return struct.pack(">HBB", 0, array_type, len(extents)) + b"".join(struct.pack(">I", e) for e in extents) + elements


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


class Case(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.place.name)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.place.name, "LANG": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def tearDown(self):
        self.place.cleanup()

    def vitro(self, *words, status=0, **options):
        done = subprocess.run([PROGRAM, *map(str, words)], cwd=self.dir, env={**self.env, **options.pop("env", {})},
                              capture_output=True, text=True, timeout=300, **options)
        self.assertEqual(done.returncode, status, f"vitro {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *words, **options):
        return json.loads(self.vitro(*words, "--json", "--quiet", **options).stdout)

    def files(self):
        return sorted((str(p.relative_to(self.dir)), p.stat().st_size) for p in self.dir.rglob("*") if p.is_file())

    def refused(self, *words, says=(), status=2, **options):
        """Exit 2, one line that says so, nothing written."""
        before = self.files()
        done = self.vitro(*words, status=status, **options)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("vitro: "), lines[0])
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, lines[0])
        self.assertEqual(self.files(), before)
        self.assertFalse(list(self.dir.rglob(".*.part")))
        return lines[0]

    def write(self, name, content):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name


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


class Resume(Case):
    words = ["digits", "samples=500", "validation=200", "test=200", "epochs=6", "batch=16", "patience=50"]

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "train", *words, "--checkpoint", "0", "--json", "--quiet"], cwd=self.dir, env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_after_kill_at_any_moment_the_bits_are_those_of_an_undisturbed_run(self):
        begin = time.monotonic()
        words = self.words + ["norm=batch", "dropout=0.1"]  # with all that a step can carry: moments, running states, masks
        process = self.start(*words, "--out", "whole")
        whole = json.loads(process.communicate(timeout=300)[0])
        length = time.monotonic() - begin
        chance = random.Random(7)
        for trial in range(4):
            out = f"killed-{trial}"
            process = self.start(*words, "--out", out)
            for sitting in range(4):
                time.sleep(length * chance.uniform(0.02, 0.5))
                process.kill()
                process.communicate()
                if not (self.dir / out).exists():  # killed before the run was made
                    process = self.start(*words, "--out", out)
                    continue
                process = self.start("--resume", out)
            result = json.loads(process.communicate(timeout=300)[0])
            self.assertEqual(process.returncode, 0)
            for key in ("weights_sha256", "test_loss", "train_loss", "best_epoch", "epochs"):
                self.assertEqual(result[key], whole[key], key)
            self.assertEqual(self.history(out), self.history("whole"))

    def history(self, run):
        rows = [line.split(",") for line in (self.dir / run / "history.csv").read_text().splitlines()]
        drop = rows[0].index("seconds")
        return [row[:drop] + row[drop + 1:] for row in rows]

    def test_an_interrupt_saves_and_exits_with_130(self):
        whole = self.json("train", *self.words, "--out", "whole")
        process = subprocess.Popen([PROGRAM, "train", *self.words, "--out", "cut"], cwd=self.dir, env=self.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while "epoch 1/" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 130, rest)
        self.assertIn("vitro train --resume cut", rest)
        self.assertIn("interrupted", self.vitro("inspect", "cut").stdout)
        said = self.vitro("train", "--resume", "cut", "--json")
        self.assertIn("going on with cut", said.stderr)
        self.assertEqual(json.loads(said.stdout)["weights_sha256"], whole["weights_sha256"])
        again = self.vitro("train", "--resume", "cut", "--json")
        self.assertIn("finished", again.stderr)
        self.assertEqual(json.loads(again.stdout)["weights_sha256"], whole["weights_sha256"])
        self.assertEqual(json.loads(again.stdout)["epochs"], whole["epochs"])

    def test_where_nothing_was_saved_it_starts_afresh(self):
        whole = self.json("train", "xor", "epochs=3", "--out", "whole")
        shutil.copytree(self.dir / "whole", self.dir / "bare", ignore=shutil.ignore_patterns("checkpoint", "weights*", "history*"))
        said = self.vitro("train", "--resume", "bare", "--json")
        self.assertIn("afresh", said.stderr)
        self.assertEqual(json.loads(said.stdout)["weights_sha256"], whole["weights_sha256"])

    def test_resume_takes_nothing_else(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        self.refused("train", "--resume", "a", "lr=1", says="--resume")
        self.refused("train", "xor", "--resume", "a", says="--resume")
        self.refused("train", "--resume", "b", says="no such run")

    def test_on_a_full_disk_the_last_checkpoint_survives(self):
        self.json("train", *self.words, "--out", "whole")
        process = self.start(*self.words, "--out", "cut")
        while not (self.dir / "cut/checkpoint/state.safetensors").exists():
            time.sleep(0.01)
        process.kill()
        process.communicate()
        for part in self.dir.rglob(".*.part"):  # what the kill interrupted; the next write would replace it
            part.unlink()
        state = (self.dir / "cut/checkpoint/state.safetensors").read_bytes()

        def small_files_only():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.refused("train", "--resume", "cut", "--checkpoint", "0", "--quiet", status=1, preexec_fn=small_files_only)
        self.assertEqual((self.dir / "cut/checkpoint/state.safetensors").read_bytes(), state)
        self.assertEqual(self.json("train", "--resume", "cut")["weights_sha256"],
                         self.json("train", "--resume", "whole")["weights_sha256"])

    def test_a_damaged_checkpoint_is_refused(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        path = self.dir / "a/checkpoint/state.safetensors"
        path.write_bytes(path.read_bytes()[:-10])
        self.refused("train", "--resume", "a", "--quiet", says="state.safetensors")


class BadInput(Case):
    def test_usage(self):
        self.refused("trian", says='"train"')
        self.refused("train", "--thread", "2", says="--threads")
        self.refused("train", "digts", says='"digits"')
        self.refused("train", "xor", "moons", says='"moons"')
        self.refused("train", says="vitro train digits")
        self.refused("train", "xor", "--threads", "0", says="--threads")
        self.refused("train", "xor", "--threads", "many", says="--threads")
        self.refused("train", "xor", "--seed", "-1", says="seed")
        self.refused("list", "ops", "lr=1", says="lr=1")
        self.refused("list", "opps", says='"ops"')
        self.refused("help", "trian", says='"train"')
        self.refused("inspect", "tanhh", says='"tanh"')
        self.refused("eval", says="no run yet")
        self.refused("predict", says="FILE")

    def test_keys(self):
        for words, says in ((["lrr=1"], '"lr"'), (["batch=0"], "batch"), (["lr=-1"], "lr"), (["epochs=-1"], "epochs"),
                            (["lr=abc"], "lr"), (["net=mpl"], '"mlp"'), (["--net", "mpl"], '"mlp"'), (["optimizer=adm"], '"adam"'),
                            (["loss=cros_entropy"], '"cross_entropy"'), (["loss=squared_eror"], '"squared_error"'),
                            (["loss=huber", "delta=0"], "delta"), (["label_smoothing=1"], "label_smoothing"),
                            (["class_weights=[1]"], "class_weights has 1 number"), (["class_weights=[1, x]"], "class_weights"),
                            (["loss={op=\"cross_entropy\", from_logits=false}"], "softmax"), (["loss=nll"], "log_softmax"),
                            (["momentum=2", "optimizer=sgd"], "momentum"), (["schedule=tme"], '"time"'), (["lr=nan"], "lr")):
            self.refused("train", "xor", *words, says=says)

    def test_normalisation_and_dropout(self):
        for words, says in ((["dropout=1"], "p is 1"), (["dropout=-0.1"], "p is -0.1"), (["norm=bath"], '"batch"'),
                            (["norm=batch", "batch=1"], "at least 2 values"),
                            (["norm=batch", "batch=32", "samples=33"], "last one of an epoch"),
                            (["norm=batch", "batch=4", "shards=4"], "shards")):
            self.refused("train", "moons", *words, "--out", "run", says=says)
        head = 'vitro = 1\n[data]\nsource = "moons"\n[net]\nlayers = ['
        for layer, says in (('{op="batch_norm", momentum=1.5}', "momentum is 1.5"), ('{op="batch_norm", eps=0}', "eps is 0"),
                            ('{op="layer_norm", axes=3}', "axes is 3"), ('{op="dropout", p=2}', "p is 2"),
                            ('{op="dropout", rate=0.2}', "rate"), ('{op="BatchNormalization"}', "unknown layer")):
            self.write("my.toml", head + layer + ', {op="dense", out="classes"}]\n')
            self.refused("train", "my.toml", says=says)

    def test_recipes(self):
        head = 'vitro = 1\n[data]\nsource = "xor"\n'
        net = '[net]\nlayers = [{op="dense", out=4}, {op="dense", out="classes"}]\n'
        for text, says in ((head + "[net]\nlayers = [{op=\"dens\", out=4}]\n", '"dense"'),
                           (head + net + "[train]\nlerning_rate = 1\n", "lerning_rate"),
                           (head + "[net]\nlayers = [{op=\"dense\", out=4, from=\"nowhere\"}]\n", "nowhere"),
                           (head + "[net]\nlayers = [{op=\"tanhh\"}]\n", '"tanh"'),
                           (head + net + "[train]\nloss = \"squard_error\"\n", '"squared_error"'),
                           (head + net + "[train]\nloss = {op=\"huber\", dleta=1}\n", '"delta"'),
                           (head + '[net]\nlayers = [{op="dense", out="classes", gain="rleu"}]\n', '"relu"'),
                           (head + '[net]\nlayers = [{op="dense", out="classes", bias_init="orthogonal"}]\n', "orthogonal"),
                           (head + net + "[train\n", "my.toml"),
                           ("vitro = 1\n[data]\nsource = \"xr\"\n" + net, "xr"),
                           (head + '[net]\nlayers = [{op="dense", out=4, name="a"}, {op="dense", out=5, name="b"}, '
                                   '{op="add", from=["a","b"]}, {op="dense", out="classes"}]\n', ("[1, 4]", "[1, 5]")),
                           (head + '[net]\nlayers = [{op="dense", out=7}]\n', "7")):
            self.write("my.toml", text)
            self.refused("train", "my.toml", says=says)
        self.refused("train", "missing.toml", says="missing.toml")

    def images(self, where, images, labels, pack=False):
        for name, content in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
            self.write(f"{where}/{name}" + (".gz" if pack else ""), gzip.compress(content) if pack else content)

    def test_idx(self):
        good_images, good_labels = idx(8, (40, 3, 3), bytes(range(180)) * 2), idx(8, (40,), bytes([0, 1] * 20))
        self.images("good", good_images, good_labels)
        self.json("train", "./good", "epochs=1", "--out", "run")
        self.images("packed", good_images, good_labels, pack=True)
        self.json("train", "./packed", "epochs=1", "--out", "run2")
        for name, images, labels in (("truncated", good_images[:-5], good_labels), ("oversized", good_images + b"x", good_labels),
                                     ("magic", b"\1" + good_images[1:], good_labels), ("counts", good_images, idx(8, (39,), bytes(39))),
                                     ("empty", b"", good_labels), ("overflow", idx(8, (2**31, 2**31, 2**31), b"xx"), good_labels),
                                     ("header", good_images[:7], good_labels)):
            self.images(name, images, labels)
            self.refused("train", f"./{name}", says=name)
        self.write("broken/train-images-idx3-ubyte.gz", gzip.compress(good_images)[:-12])
        self.write("broken/train-labels-idx1-ubyte", good_labels)
        self.refused("train", "./broken", says="broken")
        self.refused("predict", "run", "truncated/train-images-idx3-ubyte")
        self.write("wide", idx(8, (4, 5, 5), bytes(100)))
        self.refused("predict", "run", "./wide", says=("3", "5"))
        self.images("labels", good_images, idx(8, (40,), bytes([7] * 40)))
        self.refused("eval", "run", "labels/train-images-idx3-ubyte", says="7")

    def test_csv(self):
        for name, text in (("ragged.csv", "a,b,c\n1,2,x\n1,2\n"), ("empty.csv", ""), ("words.csv", "a,b,c\n1,hello,x\n2,3,y\n"),
                           ("header.csv", "a,b,c\n")):
            self.write(name, text)
            self.refused("train", name, says=name)
        self.refused("train", "missing.csv", says="missing.csv")
        self.write("fine.csv", "a,b,c\n" + "".join(f"{i},{i * i % 7},{'xy'[i % 2]}\n" for i in range(60)))
        self.refused("train", "fine.csv", "target=d", says='d')
        self.refused("train", ".", says=".")

    def test_directories(self):
        self.write("file", "x")
        self.refused("train", "xor", "--out", "file", says="no directory")
        self.refused("train", "xor", "--out", "file/a")
        self.refused("train", "xor", "--out", "missing/a", says="missing")
        self.refused("train", "xor", "--out", "/proc/a")
        if os.getuid() != 0:
            (self.dir / "closed").mkdir(mode=0o500)
            self.refused("train", "xor", "--out", "closed/a", says="closed")

    def test_published_sets_that_are_not_here(self):
        self.refused("train", "mnist", says="vitro data fetch mnist")
        self.refused("data", "fetch", "mnits", says='"mnist"')
        self.refused("data", "pth", says='"path"')

    def test_safetensors(self):
        self.json("train", "xor", "epochs=1", "--out", "run")
        f4 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        for content in (safetensors({"a": f4}, b"1234", length=10**18), safetensors({"a": f4}, b"1234", length=3), b"12",
                        safetensors({"a": f4, "b": f4}, b"1234"),
                        safetensors({"a": {**f4, "data_offsets": [0, 400]}}, b"1234"),
                        safetensors({"a": {**f4, "data_offsets": [8, 4]}}, b"12345678"),
                        safetensors({"a": {**f4, "shape": [2**40, 2**40]}}, b"1234"),
                        safetensors({"a": {**f4, "shape": [-1]}}, b"1234"),
                        safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"1234"),
                        safetensors({"a": {**f4, "dtype": "Q7"}}, b"1234"), safetensors({"a": f4}, b"123"),
                        safetensors({"a": f4}, b"12345"), safetensors(b"{", b"")):
            self.write("run/weights.safetensors", content)
            self.refused("eval", "run", says="weights.safetensors")
            self.refused("inspect", "run/weights.safetensors")

    def test_weights_of_another_net(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        self.json("train", "xor", "epochs=1", "--net", "linear", "--out", "b")
        shutil.copy(self.dir / "b/weights.safetensors", self.dir / "a/weights.safetensors")
        self.refused("eval", "a", says="fc2.weight")

    def test_explain(self):
        self.json("train", "xor", "epochs=1", "--out", "a")
        for words, says in ((["--param", "fc9.weight:0,0"], "fc9"), (["--param", "fc1.weight:0"], "fc1.weight"),
                            (["--param", "fc1.weight:9999,0"], "9999"), (["--sample", "100000"], "--sample"),
                            (["--neuron", "fc1"], "--neuron"), (["--neuron", "fc1:100000"], "100000"), (["--param", "random:x"], "random")):
            self.refused("explain", "a", *words, says=says)

    def test_bench(self):
        self.refused("bench", "--only", "W7", says=("W7", '"W1"', "--list"))
        self.refused("bench", "mutmal", says='"matmul"')
        for threads in ("0", "257", "1,", "1,x", "-1", ""):
            self.refused("bench", f"--threads={threads}", "--only", "W6", says="--threads")
        self.refused("bench", "--rounds", "0", says="--rounds")
        self.refused("bench", "W6", "lr=1", says="lr=1")
        self.refused("bench", "W6", "--quiet", "--peer", "./nobody", says="nobody")

    def test_a_peer_that_misbehaves(self):
        for answers, says in (("exit", "ended"), ("echo me; exit", "ended"), ("echo me; read x; echo fast; read x", "fast"),
                              ("echo me; read x; echo -3; read x", "-3")):
            (self.dir / "peer").write_text(f"#!/bin/sh\n{answers}\n")
            (self.dir / "peer").chmod(0o755)
            self.refused("bench", "W6", "--threads=1", "--rounds=1", "--quiet", "--peer=./peer", says=says, status=1)

    def test_shapes(self):
        self.refused("shape", "(64,3) @", says="shape")
        self.refused("shape", "(64,3) % (3,)", says="%")
        self.refused("shape", "(-1,3) @ (3,)", says="extent")


class Page(html.parser.HTMLParser):
    """A page as a browser reads it: tags in balance, nothing loaded from elsewhere, no script."""
    EMPTY = {"meta", "img", "br", "hr", "path", "line", "rect", "circle", "image", "polygon"}

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.refresh, self.words, self.faults = [], [], None, "", []
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"not closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("script", "iframe", "link", "object", "embed") or any(name.startswith("on") for name in attributes):
            self.faults.append(f"{tag} {attributes}")
        for name in ("src", "href"):
            if name in attributes and not attributes[name].startswith(("data:image/png;base64,", "#")):
                self.faults.append(attributes[name])
        if tag == "img" and not attributes.get("alt"):
            self.faults.append("a picture without words")
        if tag == "section":
            self.ids.append(attributes["id"])
        if attributes.get("http-equiv") == "refresh":
            self.refresh = attributes["content"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words += data


class Report(Case):
    def page(self, run, size=1 << 20):
        text = (self.dir / run / "report.html").read_text(encoding="utf-8")
        self.assertLess(len(text), size)
        xml.etree.ElementTree.fromstring(text)  # strict: one bare & and it fails
        page = Page(text)
        self.assertEqual(page.faults, [])
        return page

    def test_every_kind_of_data(self):
        rows = "a,b,c\n" + "".join(f"{i % 7},{i % 3},{i % 7 + 0.5 * (i % 3)}\n" for i in range(90))
        self.write("table.csv", rows)
        for what, keys in (("digits", ["samples=300", "validation=60", "test=60"]), ("spiral", []), ("sine", []), ("xor", []),
                           ("table.csv", []), ("residual", []), ("digits", ["net=linear", "samples=100", "validation=0", "test=0"])):
            with self.subTest(what=what, keys=keys):
                result = self.json("train", what, "epochs=2", *keys)
                page = self.page(result["out"])
                self.assertIsNone(page.refresh)
                wanted = ["data", "curves", "layers", "results", "mistakes"] + ["weights"] * (what == "digits") + ["net", "why", "again"]
                self.assertEqual(page.ids, wanted)
                self.assertIn(result["weights_sha256"], page.words)
                self.assertIn("They agree", page.words)

    def test_the_numbers_are_those_of_the_run(self):
        result = self.json("train", "moons", "epochs=20", "--out", "a")
        page = self.page("a")
        self.assertIn(f"{100 * result['test_accuracy']:.1f}\u00a0%", page.words)
        self.assertIn(f"{100 * result['interval'][0]:.1f} to {100 * result['interval'][1]:.1f}\u00a0%", page.words)
        explained = re.search(r"vitro explain a --sample (\d+) --param (\S+?)How", page.words)
        self.assertIsNotNone(explained, "the command that explains the same")
        told = self.json("explain", "a", "--sample", explained[1], "--param", explained[2])
        self.assertIn(f"{told['gradient']:.6g}"[:7], page.words)
        self.assertEqual(self.json("explain", "a")["sample"], int(explained[1]))

    def test_names_of_strangers(self):
        evil = "<script>alert(1)</script>"
        rows = f'"{evil}","a ""b"" & \u4e1c\u4eac","{"long" * 500}"\n'
        rows += "".join(f'{i % 5},{i % 3},"{evil if i % 2 else chr(0x202e) + "&lt;"}"\n' for i in range(60))
        self.write("evil '&.csv", rows)
        self.json("train", "./evil '&.csv", "epochs=2", "--out", "it's")
        page = self.page("it's")
        self.assertIn(evil, page.words)
        self.assertIn("\u4e1c\u4eac", page.words)
        self.assertIn("'it'\\''s'", page.words)  # for a shell

    def test_it_is_written_anew_from_the_run(self):
        self.json("train", "xor", "epochs=3", "--out", "a")
        first = self.page("a")
        (self.dir / "a/report.html").unlink()
        self.assertEqual(self.vitro("report", "a").stdout, "a/report.html\n")
        again = self.page("a")

        def lasting(page):  # all but dates, and seconds, which a checkpoint counts until it is written
            return re.sub(r"Written.*|[0-9.]+ s\b", "", page.words)
        self.assertEqual(lasting(again), lasting(first))
        out = self.json("train", "xor", "epochs=3")["out"]
        self.assertEqual(self.json("report")["report"], f"{out}/report.html")  # the latest
        self.json("train", "xor", "epochs=3", "--out", "b", "--no-report")
        self.assertFalse((self.dir / "b/report.html").exists())
        self.refused("report", "missing", says="missing")
        (self.dir / "b/weights.safetensors").unlink()
        shutil.rmtree(self.dir / "b/checkpoint")
        self.refused("report", "b", says="no weights yet")

    def test_it_can_be_watched_and_survives_an_interrupt(self):
        process = subprocess.Popen([PROGRAM, "train", "digits", "epochs=100000", "patience=0", "samples=500", "--quiet", "--out", "a"],
                                   cwd=self.dir, env=self.env)
        try:
            seen = set()
            deadline = time.time() + 60
            while len(seen) < 3 and time.time() < deadline:  # three different pages, each whole
                if (self.dir / "a/report.html").exists():
                    page = self.page("a")
                    self.assertEqual(page.refresh, "2")
                    self.assertEqual(page.ids, ["data", "curves", "layers", "net", "again"])
                    seen.add(re.search(r"Epoch (\d+) of 100000", page.words)[1])
            self.assertGreaterEqual(len(seen), 3)
        finally:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 130)
        page = self.page("a")
        self.assertIsNone(page.refresh)
        self.assertIn("Interrupted after epoch", page.words)
        self.vitro("report", "a")
        page = self.page("a")
        self.assertIn("Not finished", page.words)
        self.assertIn("validation", page.words)
        self.assertIn("why", page.ids)

    def test_an_error_of_the_training_stands_in_it(self):
        self.vitro("train", "digits", "samples=200", "lr=1e30", "--out", "a", status=1)
        self.assertIn("not finite", self.page("a").words)

    def test_a_disk_without_room_leaves_no_half_page(self):
        def small_files_only():
            resource.setrlimit(resource.RLIMIT_FSIZE, (12000, 12000))
        done = self.vitro("train", "xor", "net.hidden=[2]", "epochs=3", "--out", "a", status=1, preexec_fn=small_files_only)
        self.assertIn("The training goes on", done.stderr)
        self.assertIn("always ", done.stdout)  # what came out is told, and kept
        self.assertTrue((self.dir / "a/weights.safetensors").exists())
        self.assertFalse((self.dir / "a/report.html").exists())
        self.assertFalse(list(self.dir.rglob(".*.part")))
        self.vitro("report", "a")
        self.page("a")


class Verbs(Case):
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

    def test_everything_listed_can_be_inspected(self):
        lists = self.json("list")
        for kind in ("ops", "layers", "losses", "optimisers", "schedules", "initialisers", "nets"):
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

    def test_bench(self):
        keys = """workload threads microseconds flops bytes peak bandwidth share_of_limit peer peer_microseconds
            ratio""".split()
        rows = self.json("bench", "--only", "W6", "relu", "--rounds", "1", "--threads", "1,2")
        for row in rows:
            self.assertEqual(list(row), keys)
            self.assertGreater(row["microseconds"], 0)
            self.assertIsNone(row["peer"])
        work = [row for row in rows if row["workload"] == "W6"]
        self.assertEqual([row["threads"] for row in work], [1, 2])
        for row in work:
            self.assertEqual(row["flops"], 585600)
            limit = max(row["flops"] / row["peak"], row["bytes"] / row["bandwidth"])
            self.assertAlmostEqual(row["share_of_limit"], 1e6 * limit / row["microseconds"])
        self.assertEqual([row["threads"] for row in rows if row["workload"] == "relu"], [1])
        text = self.vitro("bench", "softmax-ce", "--rounds", "1").stdout
        self.assertIn("of the limit", text)
        self.assertIn("with the Jacobian", text)

    def test_bench_lists_what_it_knows(self):
        names = [entry["workload"] for entry in self.json("bench", "--list")]
        self.assertIn("W1", names)
        for name in names:
            self.assertIn(name, self.vitro("bench", "--list").stdout)

    def test_bench_start_and_memory(self):
        rows = {row["workload"]: row for row in self.json("bench", "process", "--rounds", "1", "--threads", "1")}
        self.assertGreater(rows["start"]["microseconds"], 0)
        self.assertIsNone(rows["memory"]["microseconds"])
        for name in ("memory", "memory-beside-data"):  # of two processes: which holds more by a page is chance
            self.assertGreater(rows[name]["bytes"], 1 << 20)

    def test_bench_with_a_peer(self):
        (self.dir / "peer").write_text("#!/bin/sh\necho slowpoke 1.0\nwhile read name threads; do "
                                       "if [ $name = W6 ]; then printf '5e5\\tat leisure\\n'; else echo -; fi; done\n")
        (self.dir / "peer").chmod(0o755)
        words = ["bench", "W6", "W1-first", "--rounds", "2", "--threads", "1", "--peer", "./peer"]
        rows = {row["workload"]: row for row in self.json(*words)}
        self.assertEqual(rows["W6"]["peer"], "slowpoke 1.0, at leisure")
        self.assertEqual(rows["W6"]["peer_microseconds"], 5e5)
        self.assertAlmostEqual(rows["W6"]["ratio"], 5e5 / rows["W6"]["microseconds"])
        self.assertIsNone(rows["W1-first"]["peer"])
        self.assertIsNone(rows["W1-first"]["ratio"])
        self.assertIn("slowpoke", self.vitro(*words).stdout)

    def test_data_path(self):
        self.assertIn(str(self.dir), self.vitro("data", "path").stdout)
        self.assertTrue(self.vitro("data", "path", "--data-dir", "here").stdout.startswith("here"))

    def test_a_closed_output_is_an_error(self):
        if os.path.exists("/dev/full"):
            with open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, "list"], cwd=self.dir, env=self.env, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1)


class Search(Case):
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

    def test_eval_scores(self):
        self.json("train", *self.keys)
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

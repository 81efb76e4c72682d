#!/usr/bin/env python3
"""Going on after a kill, an interrupt, a full disk: to the bits of an undisturbed run."""
import json
import random
import resource
import shutil
import signal
import subprocess
import time
import unittest

from case import PROGRAM, Case, safetensors


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


if __name__ == "__main__":
    unittest.main()

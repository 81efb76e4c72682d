#!/usr/bin/env python3
"""Sounds: recordings become a net, a clip an answer; speakers stay on one side; what is damaged is named."""
import math
import random
import struct
import unittest

from case import Case


def wav(samples, rate=8000, channels=1, coding=1, promised=None):
    """samples: whole numbers of 16 bits, channels beside each other; `promised`: bytes of sound that the header states."""
    content = struct.pack(f"<{len(samples)}h", *samples)
    about = struct.pack("<HHIIHH", coding, channels, rate, 2 * channels * rate, 2 * channels, 16)
    stated = len(content) if promised is None else promised
    return (b"RIFF" + struct.pack("<I", 36 + stated) + b"WAVEfmt " + struct.pack("<I", 16) + about + b"data" +
            struct.pack("<I", stated) + content)


class Sounds(Case):
    def tone(self, chance, hz, rate=8000, seconds=0.25):
        hz *= chance.uniform(0.95, 1.05)
        return [int(9000 * math.sin(2 * math.pi * hz * t / rate) + chance.uniform(-300, 300))
                for t in range(int(rate * seconds * chance.uniform(0.7, 1.3)))]

    def record(self, where, name="{word}_{speaker}_{take}.wav", takes=5, speakers="abcd"):
        chance = random.Random(where)
        for word, hz in (("high", 1800), ("low", 300), ("middle", 800)):
            for speaker in speakers:
                for take in range(takes):
                    self.write(f"{where}/" + name.format(word=word, speaker=speaker, take=take),
                               wav(self.tone(chance, hz)))

    def test_folder_to_net_to_answer(self):
        self.record("words", "{word}/{speaker}{take}.wav")
        done = self.vitro("train", "words/", "--net", "lstm", "hidden=8", "over=mean", "epochs=12", "lr=0.02")
        for said in ("48 training, 6 validation, 6 test samples", "3 classes", "40 log-mel bands", "class by class"):
            self.assertIn(said, done.stderr)
        run = "runs/words-lstm-001"
        self.assertIn('features = "log_mel"', (self.dir / run / "recipe.toml").read_text())
        page = (self.dir / run / "report.html").read_text()
        self.assertIn("Spectrogram of", page)
        chance = random.Random(5)
        self.write("new/x.wav", wav(self.tone(chance, 300)))
        # Another rate, two channels: brought to the net's own, and it is said.
        both = [s for s in self.tone(chance, 1800, 16000) for _ in range(2)]
        self.write("new/y.wav", wav(both, 16000, 2))
        said = self.json("predict", run, "new")
        self.assertEqual([(one["sound"], one["class"]) for one in said["predictions"]],
                         [("new/x.wav", "low"), ("new/y.wav", "high")])
        self.assertAlmostEqual(sum(said["predictions"][0]["probabilities"]), 1, places=5)
        shown = self.vitro("predict", run, "new/y.wav", "new/x.wav")
        self.assertIn("new/y.wav", shown.stdout)
        self.assertIn("1 of 16000 Hz resampled to 8000 Hz", shown.stderr)
        self.assertIn("mean", shown.stderr)
        whole = self.json("eval", run, "words")
        self.assertEqual(whole["samples"], 60)
        self.assertGreater(whole["accuracy"], 0.9)
        self.assertEqual(self.json("eval", run)["samples"], 6)
        self.assertIn("dL/d", self.vitro("explain", run, "--sample", 0).stdout)

    def test_a_clip_alone_gets_the_bits_that_it_had_among_others(self):
        self.record("words", "{word}/{speaker}{take}.wav")
        self.vitro("train", "words/", "--net", "lstm", "hidden=8", "epochs=2")
        alone = self.json("predict", "words/low/a0.wav")["predictions"][0]["probabilities"]
        among = {one["sound"]: one["probabilities"] for one in self.json("predict", "words")["predictions"]}
        self.assertEqual(len(among), 60)
        for one, other in zip(alone, among["words/low/a0.wav"]):
            self.assertAlmostEqual(one, other, places=6)

    def test_patterns_and_groups(self):
        self.record("words", speakers="abcdefghij", takes=2)
        done = self.vitro("train", "words/", "--pattern", "{label}_{group}_{take}.wav", "--net", "lstm", "hidden=4", "epochs=1")
        self.assertIn("all of a group on one side", done.stderr)
        held = self.vitro("train", "words/", "--pattern", "{label}_{speaker}_{take}.wav", "group=speaker", "test_group=c",
                          "--net", "lstm", "hidden=4", "epochs=1")
        self.assertIn("test is what is of c", held.stderr)
        self.assertIn("6 test samples", held.stderr)
        recipe = (self.dir / "runs/words-lstm-002/recipe.toml").read_text()
        self.assertIn('test_group = ["c"]', recipe)
        # The recipe alone makes the same net.
        self.write("again.toml", recipe.encode())
        again = self.json("train", "again.toml")["weights_sha256"]
        self.assertEqual(again, self.json("train", "words/", "--pattern", "{label}_{speaker}_{take}.wav", "group=speaker",
                                          "test_group=c", "--net", "lstm", "hidden=4", "epochs=1")["weights_sha256"])

    def test_the_same_bits_on_any_number_of_threads(self):
        augment = 'augment=["speed", "shift", "gain", "noise", {op="time_mask", width=4}, "frequency_mask"]'
        asked = ("tones", "samples=64", "validation=16", "test=16", "--net", "lstm", "hidden=8", "epochs=2", augment)
        one = self.json("train", *asked, "--threads", 1)["weights_sha256"]
        self.assertEqual(one, self.json("train", *asked, "--threads", 3)["weights_sha256"])

    def test_what_is_generated_says_so(self):
        done = self.vitro("train", "tones", "samples=64", "validation=16", "test=16", "epochs=1", "hidden=4")
        self.assertIn("generated sounds, not speech", done.stdout + done.stderr)
        self.assertIn("tones", self.vitro("list", "data").stdout)

    def test_bad_input_is_one_line(self):
        pattern = ("--pattern", "{label}_{speaker}_{take}.wav")
        self.record("words")
        self.refused("train", "words/", says=("which class each is of", "--pattern"))
        self.refused("train", "words/", "--pattern", "{word}_{take}.wav", says="which class each is of")
        self.refused("train", "words/", "--pattern", "{label}-{take}.wav", says=("60 sounds, none of a name like", "high_a_0.wav"))
        self.refused("train", "words/", "--pattern", "{label_{take}.wav", says="without a name")
        self.refused("train", "words/", *pattern, "test_group=zoe", "group=speaker", says=("no speaker is called", "a, b, c, d"))
        self.refused("train", "words/", *pattern, "bands=300", says="narrower than the FFT's")
        self.refused("train", "words/", *pattern, "hop_ms=0", says="data.hop_ms")
        self.refused("train", "words/", *pattern, 'augment=["flip"]', says=("flip is for pictures", "gain"))
        self.refused("train", "words/low_a_0.wav", says="is one sound")
        self.refused("train", "moons", *pattern, says="no set of sounds")
        for name, content, said in (("empty.wav", b"", "is empty"), ("zero.wav", wav([]), "length is 0"),
                                    ("cut.wav", wav([1] * 50, promised=4000), "states 4000 bytes of sound, 100 are there"),
                                    ("text.wav", b"hello, this is no sound", "is no sound"),
                                    ("mp3.mp3", b"\xff\xfb\x90" + bytes(60), "is MP3"),
                                    ("zip.wav", wav([1] * 50, rate=0), "zip.wav")):
            self.write(f"bad/yes/{name}", content)
            self.write("bad/no/a.wav", wav([5, 6, 7] * 100))
            self.refused("train", "bad/", says=(name, said, "--skip-bad"))
            (self.dir / f"bad/yes/{name}").unlink()
        self.refused("train", "bad/", says="holds no sound")
        self.write("bad/yes/adpcm.wav", wav([1] * 600, coding=2))
        self.refused("train", "bad/", says="adpcm.wav")

    def test_what_is_bad_is_skipped_by_name(self):
        self.record("words", "{word}/{speaker}{take}.wav")
        self.write("words/low/broken.wav", wav([1] * 50, promised=4000))
        asked = ("train", "words/", "--net", "lstm", "hidden=4", "epochs=1")
        self.refused(*asked, says=("broken.wav", "--skip-bad"))
        done = self.vitro(*asked, "--skip-bad")
        self.assertIn("skipped 1 of 61 sounds, which can't be read: low/broken.wav", done.stderr)
        run = "runs/words-lstm-001"
        self.refused("predict", run, "words/low/broken.wav", says="broken.wav")
        self.assertIn("skipped 1 sound", self.vitro("predict", run, "words", "--skip-bad").stderr)
        self.write("table.csv", b"a,b\n1,2\n")
        self.refused("predict", run, "table.csv", says=("table.csv", "is no sound"))
        self.refused("predict", run, "words/low/a0.wav", "--as-is", says="no picture")
        self.refused("predict", run, "missing.wav", says="missing.wav")


if __name__ == "__main__":
    unittest.main()

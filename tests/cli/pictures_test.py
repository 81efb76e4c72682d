#!/usr/bin/env python3
"""Pictures: a folder becomes a net, a photograph an answer; what is damaged is named; augmentation goes on where it was."""
import json
import random
import struct
import unittest
import zlib

from case import Case, idx


def png(width, height, pixels, colour=2):
    """pixels: a byte for each channel of each pixel; colour 0 is grey, 2 red green blue."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    stride = width * (3 if colour == 2 else 1)
    rows = b"".join(b"\0" + bytes(pixels[y * stride:(y + 1) * stride]) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Pictures(Case):
    def picture(self, chance, tint, width=12, height=10):
        return png(width, height, [min(255, chance.randrange(60) + tint[i % 3]) for i in range(3 * width * height)])

    def folder(self, where, n=20, classes=(("blue", (0, 0, 150)), ("green", (0, 150, 0)), ("red", (150, 0, 0)))):
        chance = random.Random(where)
        for name, tint in classes:
            for i in range(n):
                self.write(f"{where}/{name}/{i}.png", self.picture(chance, tint))

    def test_folder_to_net_to_answer(self):
        self.folder("pictures")
        done = self.vitro("train", "pictures/", "--net", "mlp", "epochs=20", "hidden=[8]")
        for said in ("48 training, 6 validation, 6 test samples [3, 10, 12], 3 classes", "in colour", "class by class"):
            self.assertIn(said, done.stderr)
        run = "runs/pictures-mlp-001"
        self.assertIn('size = "10x12"', (self.dir / run / "recipe.toml").read_text())
        self.assertIn("blue/", (self.dir / run / "mistakes.csv").read_text() + "blue/")
        chance = random.Random(5)
        self.write("new/a.png", self.picture(chance, (0, 0, 150), 40, 33))
        self.write("new/b.png", self.picture(chance, (150, 0, 0), 9, 50))
        said = self.json("predict", run, "new")
        self.assertEqual([(one["picture"], one["class"]) for one in said["predictions"]],
                         [("new/a.png", "blue"), ("new/b.png", "red")])
        self.assertAlmostEqual(sum(said["predictions"][0]["probabilities"]), 1, places=5)
        self.assertNotIn("seen", said["predictions"][0])
        self.assertEqual(self.json("predict", "new/b.png", "new/a.png")["predictions"][1]["class"], "blue")
        shown = self.vitro("predict", run, "new/a.png").stdout
        self.assertIn("new/a.png", shown)
        self.assertIn("blue", shown)
        whole = self.json("eval", run, "pictures")
        self.assertEqual(whole["samples"], 60)
        self.assertGreater(whole["accuracy"], 0.9)
        self.assertEqual(self.json("eval", run)["samples"], 6)
        # The same pictures again, out of the cache or decoded anew: the same weights.
        self.assertEqual(self.json("train", "./pictures", "epochs=1", "--net", "mlp")["weights_sha256"],
                         self.json("train", "./pictures", "epochs=1", "--net", "mlp", env={"XDG_CACHE_HOME": "/proc/none"})["weights_sha256"])

    def test_the_usual_net_for_pictures(self):
        self.folder("small", n=22, classes=(("a", (0, 0, 90)), ("b", (90, 0, 0))))  # 36 to learn from
        result = self.json("train", "./small", "epochs=3", "samples=33")
        self.assertIn("net", result["out"])
        recipe = (self.dir / result["out"] / "recipe.toml").read_text()
        self.assertIn("conv2d", recipe)
        self.assertIn("batch = 64", recipe)
        self.json("train", "./small", "epochs=1", "samples=33", "data.size=4")  # no room for a convolution
        self.folder("odd", n=41, classes=(("a", (0, 0, 90)), ("b", (90, 0, 0))))  # 66 to learn from
        self.assertIn("batch = 63", (self.dir / self.json("train", "./odd", "epochs=1", "samples=65")["out"] / "recipe.toml").read_text())

    def test_what_is_bad(self):
        self.refused("train", "./nothing/", says="nothing")
        (self.dir / "empty").mkdir()
        self.refused("train", "./empty", says="neither folders of pictures nor IDX files")
        self.folder("one", classes=(("cats", (9, 9, 9)),))
        self.refused("train", "./one", says="one class alone, cats")
        self.folder("pictures", n=6)
        self.write("pictures/red/0.png", png(12, 10, [7] * 360)[:-30])
        self.write("pictures/red/1.gif", b"GIF89a" + bytes(30))
        self.refused("train", "./pictures", says="pictures/red/1.gif")
        (self.dir / "pictures/red/1.gif").unlink()
        self.refused("train", "./pictures", says=["pictures/red/0.png", "damaged PNG", "--skip-bad"])
        self.write("pictures/red/x.heic", b"\0\0\0\x18ftypheic" + bytes(20))
        self.refused("train", "./pictures", says=["x.heic", "heif-convert"])
        done = self.vitro("train", "./pictures", "--skip-bad", "epochs=1", "--out", "run")
        self.assertIn("skipped 2 of 19 pictures", done.stderr)
        self.assertIn("red/0.png, red/x.heic", done.stderr)
        self.assertIn("skip_bad = true", (self.dir / "run/recipe.toml").read_text())
        self.refused("predict", "run", "pictures/red/0.png", says="red/0.png")
        self.assertIn("skipped 2 pictures", self.vitro("predict", "run", "pictures", "--skip-bad").stderr)
        self.refused("predict", "run", "empty", says="holds no picture")
        self.refused("predict", "run", "/etc/passwd", says="is text, the net takes pictures")
        for words, says in ((["size=0"], "HEIGHTxWIDTH"), (["data.channels=2"], "1 (grey) or 3"), (["fit=squeeze"], "crop, pad, stretch"),
                            (["augment=flop"], '"flip"'), (["augment=[{op=\"crop\", padding=-1}]"], "padding is -1"),
                            (["augment=[mixup]", "loss=hinge"], "mixup")):
            self.refused("train", "./pictures", "--skip-bad", *words, "--out", "other", says=says)
        self.refused("train", "moons", "augment=flip", says="for pictures")
        self.refused("train", "moons", "size=8", says="no folder of pictures")
        self.json("train", "moons", "epochs=1", "--out", "points")
        self.refused("predict", "points", "pictures/red/2.png", says="the net takes")
        self.refused("predict", "points", "a.csv", "b.csv", says="a.csv")

    def test_a_digit_on_paper(self):
        self.json("train", "digits", "samples=3000", "validation=300", "test=100", "epochs=6", "--out", "run")
        self.assertIn('"ink": ', (self.dir / "run/input.json").read_text())
        # A seven, large, dark on light and in a corner.
        width, height = 240, 200
        rows = [[225] * width for _ in range(height)]
        for x in range(120, 200):
            for y in range(20, 31):
                rows[y][x] = 40
        for step in range(110):
            for x in range(189 - step // 2, 200 - step // 2):
                rows[25 + step][x] = 40
        self.write("seven.png", png(width, height, sum(rows, []), colour=0))
        said = self.json("predict", "run", "seven.png")["predictions"][0]
        self.assertEqual(said["class"], "7")
        seen = said["seen"]
        self.assertEqual((len(seen), len(seen[0])), (28, 28))
        self.assertEqual(max(map(max, seen)), 255)
        self.assertEqual(max(seen[0] + seen[-1]), 0)
        shown = self.vitro("predict", "run", "seven.png").stdout
        self.assertIn("What the net saw", shown)
        self.assertIn("=@=", shown)
        self.assertNotIn("seen", self.json("predict", "run", "seven.png", "--as-is")["predictions"][0])
        self.write("blank.png", png(50, 50, [200] * 2500, colour=0))
        self.refused("predict", "run", "blank.png", says="nothing that stands out")
        # What it saw, given again as a picture, is taken as it is.
        self.write("again.png", png(28, 28, sum(seen, []), colour=0))
        again = self.json("predict", "run", "again.png")["predictions"][0]
        self.assertEqual((again["seen"], again["probabilities"]), (seen, said["probabilities"]))

    def test_augmentation_on_any_number_of_threads_and_after_an_interruption(self):
        augment = 'augment=[{op="shift", by=0.1}, "rotate", {op="mixup", alpha=0.3}]'
        words = ["digits", "samples=400", "validation=50", "test=50", "epochs=4", augment]
        whole = self.json("train", *words, "--threads", "1")
        self.assertEqual(self.json("train", *words, "--threads", "3")["weights_sha256"], whole["weights_sha256"])
        self.assertNotEqual(self.json("train", *words[:-1])["weights_sha256"], whole["weights_sha256"])
        self.assertIn('{op="mixup", alpha=0.3}', (self.dir / whole["out"] / "recipe.toml").read_text())
        self.assertIn("elastic", self.vitro("list", "augmentations").stdout)
        self.assertIn("padding", self.vitro("inspect", "crop").stdout)

    def test_records(self):
        chance = random.Random(3)
        def records(n):
            return b"".join(bytes([i % 10]) + bytes([(i % 10) * 20 + chance.randrange(9)]) * 3072 for i in range(n))
        self.write("cifar10/data_batch_1.bin", records(300))
        self.write("cifar10/test_batch.bin", records(100))
        done = self.vitro("train", "cifar10", "--net", "mlp", "epochs=2", "--data-dir", self.dir)
        self.assertIn("part of cifar10: 270 training, 30 validation, 100 test", done.stderr)
        self.assertIn("a part of CIFAR-10", done.stderr)
        self.assertEqual(self.json("predict", "cifar10/test_batch.bin")["samples"], 100)
        self.write("cifar10/test_batch.bin", records(3)[:-5])
        self.refused("train", "./cifar10", says=["test_batch.bin", "whole records"])


if __name__ == "__main__":
    unittest.main()

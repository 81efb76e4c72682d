#!/usr/bin/env python3
"""A text: trained, measured, written on."""
import unittest

from case import Case

SMALL = ("samples=60", "validation=12", "test=8", "steps=16", "batch=4", "width=8", "hidden=16", "layers=1", "epochs=2", "dropout=0")


class Generate(Case):
    def train(self, *words, **options):
        return self.json("train", "sentences", *SMALL, "--out", "run", "--no-report", *words, **options)

    def test_a_file_from_training_to_text(self):
        self.write("book.txt", "".join(f"The fox number {i} said \"why not?\" and went on, little by little.\n" for i in range(120)))
        done = self.vitro("train", "book.txt", "--net", "char-lstm", "width=8", "hidden=16", "layers=1", "epochs=1", "steps=16")
        self.assertIn("kind", (self.dir / "runs").rglob("recipe.toml").__next__().read_text())
        for word in ("bits", "perplexity", "bigrams", "characters"):
            self.assertIn(word, done.stdout)
        self.assertIn("generate", done.stderr)
        report = next((self.dir / "runs").rglob("report.html")).read_text()
        for word in ("Bits per character", "What it writes", "What surprised it", "The greatest surprises"):
            self.assertIn(word, report)
        text = self.vitro("generate", "--prompt", "The fox", "length=40", "--quiet").stdout
        self.assertTrue(text.startswith("The fox"))
        self.assertEqual(len(text), 47)
        self.assertRegex(self.vitro("generate", "length=100").stderr, "100 characters in .* a second")

    def test_the_same_seed_writes_the_same(self):
        self.train()
        words = ("generate", "run", "--prompt", "The", "length=60", "--quiet")
        first = self.vitro(*words, "temperature=0.8", "--seed", 3).stdout
        self.assertEqual(self.vitro(*words, "temperature=0.8", "--seed", 3, "--threads", 1).stdout, first)
        self.assertNotEqual(self.vitro(*words, "temperature=0.8", "--seed", 4).stdout, first)
        self.assertEqual(self.vitro(*words, "temperature=0").stdout, self.vitro(*words, "top_k=1", "--seed", 9).stdout)
        said = self.json("generate", "run", "--prompt", "The", "length=60", "temperature=0.8", "--seed", 3)
        self.assertEqual(said["prompt"] + said["text"], first)
        self.assertEqual((said["length"], said["seed"], said["top_k"]), (60, 3, 0))
        self.assertEqual(self.vitro("generate", "run", "--prompt", "-", "length=60", "temperature=0.8", "--seed", 3, "--quiet", input="The").stdout, first)
        self.assertEqual(len(self.vitro("generate", "run", "length=60", "--quiet").stdout), 60)

    def test_measured_as_trained(self):
        run = self.train()
        self.assertAlmostEqual(run["bits"], run["nats"] / 0.6931471805599453, places=12)
        self.assertEqual(self.json("eval", "run")["nats"], run["nats"])
        self.assertEqual(self.json("eval", "run")["bigrams"], run["bigrams"])
        self.write("new.txt", "The fox sees a river.\n" * 20)
        self.assertEqual(self.json("eval", "run", "new.txt")["samples"], (440 - 1) // 16 * 16)
        self.write("strange.txt", "The fox sees 7 rivers.\n" * 20)
        self.refused("eval", "run", "strange.txt", says=("strange.txt", "line 1, character 14", '"7"'))
        self.assertIn("different", self.vitro("inspect", "sentences").stdout)

    def test_an_interrupted_training_goes_on(self):
        whole = self.train()
        recipe = self.vitro("init", "sentences", *SMALL).stdout
        self.write("mine.toml", recipe)
        again = self.json("train", "mine.toml", "--out", "again", "--threads", 1)
        self.assertEqual(again["weights_sha256"], whole["weights_sha256"])

    def test_refusals(self):
        self.train()
        self.json("train", "moons", "epochs=1", "--out", "points", "--no-report")
        for words, says in ((["temperature=-1"], ("temperature", "-1")), (["temperature=hot"], "temperature=hot"), (["length=0"], "length=0"),
                            (["top_k=-2"], "top_k=-2"), (["topk=2"], ('"topk"', "top_k")), (["--prompt", "The 7"], ("--prompt", "line 1, character 5", '"7"')),
                            (["--seed", "-1"], "--seed"), (["--temperature", "1"], "--temperature")):
            self.refused("generate", "run", *words, says=says)
        self.refused("generate", "run", "--prompt", "-", input="Zebra", says=("standard input", '"Z"'))
        self.refused("generate", "points", says=("points", "did not learn from a text", "vitro predict"))
        self.refused("generate", "nowhere", says="nowhere")
        self.refused("predict", "run", self.write("a.txt", "The fox"), says=("vitro generate",))
        self.write("latin.txt", b"caf\xe9 au lait, s'il vous pla\xeet.\n" * 30)
        self.refused("train", "latin.txt", says=("byte 3", "0xE9", "data.unit=bytes"))
        self.assertGreater(self.json("train", "latin.txt", "unit=bytes", "steps=8", "batch=4", "width=4", "hidden=8", "epochs=1", "--out", "bytes")["test_accuracy"], 0)
        self.refused("train", "latin.txt", "kind=table", says="latin.txt")
        self.write("short.txt", "Too short.\n")
        self.refused("train", "short.txt", says=("short.txt", "data.steps"))
        self.refused("train", "sentences", "batch=64", "samples=20", says=("batch is 64", "20 windows"))
        self.refused("train", "moons", "--net", "char-lstm", says="reads texts")


if __name__ == "__main__":
    unittest.main()

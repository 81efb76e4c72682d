#!/usr/bin/env python3
"""report.html, read as a browser would: tags in balance, nothing from elsewhere, the numbers those of the run."""
import html.parser
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

from case import PROGRAM, Case, safetensors


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
                wanted = ["data", "curves", "layers", "results"] + ["importance"] * (what == "table.csv") + ["mistakes"]
                wanted += ["attention", "weights"] * (what == "digits") + ["net", "why", "again"]
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


if __name__ == "__main__":
    unittest.main()

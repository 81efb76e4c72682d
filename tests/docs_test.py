#!/usr/bin/env python3
"""scripts/docs.py must be able to fail: with a program of two lines and chapters that are right and wrong."""
import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "scripts/docs.py"
spec = importlib.util.spec_from_file_location("docs", SCRIPT)
docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(docs)

CHAPTER = """# A chapter
It says 0.25, as below.

```sh
vitro train   # no output below: only shown
```

```sh
vitro one
echo more > file
```
```text
old
```

```sh
cat file
```
```text
more
```
"""


class Docs(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.place.name)
        docs.BOOK, docs.REFERENCE, docs.KINDS = folder / "book", folder / "reference", {}
        docs.BOOK.mkdir()
        docs.REFERENCE.mkdir()
        program = folder / "vitro"
        program.write_text("#!/bin/sh\n[ $1 = one ] || exit 3\n"
                           "echo 'loss 0.25  12.5 s, 1,234,567 samples/s, 3 samples   '\n")
        program.chmod(0o755)
        self.page = docs.BOOK / "01.md"

    def tearDown(self):
        self.place.cleanup()

    def run_docs(self, page, *words):
        if page is not None:
            self.page.write_text(page)
        argv, sys.argv = sys.argv, ["docs.py", self.place.name, *words]
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out), self.assertRaises(SystemExit) as end:
                docs.main()
        finally:
            sys.argv = argv
        return end.exception.code, out.getvalue()

    def test_outputs_are_put_below_their_commands_without_times(self):
        status, _ = self.run_docs(CHAPTER)
        self.assertEqual(status, 0)
        self.assertEqual(self.page.read_text(),
                         CHAPTER.replace("old", "loss 0.25  ... s, ... samples/s, 3 samples"))
        self.assertEqual(self.run_docs(None, "--check")[0], 0)

    def test_a_difference_is_shown_and_nothing_is_written(self):
        status, out = self.run_docs(CHAPTER, "--check")
        self.assertEqual(status, 1)
        self.assertIn("-old\n+loss 0.25", out)
        self.assertEqual(self.page.read_text(), CHAPTER)

    def test_a_command_that_fails_is_named_by_its_line(self):
        status, out = self.run_docs(CHAPTER.replace("vitro one", "vitro two"))
        self.assertEqual(status, 1)
        self.assertIn("01.md:8: the commands end with 3", out)

    def test_a_number_that_nothing_printed_is_refused(self):
        for said in ("It says 0.26", "It says 25 %", "It says 12.5"):
            status, out = self.run_docs(CHAPTER.replace("It says 0.25", said))
            self.assertEqual(status, 1, said)
            self.assertIn("no command or output beside it does", out)

    def test_what_nothing_makes_is_removed(self):
        (docs.REFERENCE / "old.md").write_text("old")
        self.assertEqual(self.run_docs(CHAPTER.replace("old", "x"), "--check")[0], 1)
        self.assertTrue((docs.REFERENCE / "old.md").exists())
        self.assertEqual(self.run_docs(CHAPTER)[0], 0)
        self.assertFalse((docs.REFERENCE / "old.md").exists())


if __name__ == "__main__":
    unittest.main()

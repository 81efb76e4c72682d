"""What every test of the program stands on: a directory of its own, with no data set in reach but what is built in, and
the program run there.

    tests/cli/VERB_test.py PROGRAM [CLASS.TEST ...]
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "vitro"


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

"""The check of the rooms (scripts/layers.py) must be able to fail: each breach, planted in a copy of
the tree, is found, and the copy without it passes."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Layers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        for part in ("src", "cli", "docs"):
            if (ROOT / part).exists():
                shutil.copytree(ROOT / part, self.tree / part)

    def check(self):
        return subprocess.run([sys.executable, ROOT / "scripts/layers.py", self.tree], capture_output=True, text=True)

    def plant(self, path, text):
        (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / path).write_text(text)

    def finds(self, *words):
        result = self.check()
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout + result.stderr)

    def test_the_tree_as_it_stands_passes(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_an_upward_include(self):
        self.plant("src/graph/up.h", "#pragma once\n")
        self.plant("src/core/planted.cpp", '#include <vector>\n#include "graph/up.h"\n')
        self.finds("src/core/planted.cpp:2", 'core includes "graph/up.h"')

    def test_a_sideways_include(self):
        self.plant("src/optim/side.h", "#pragma once\n")
        self.plant("src/nn/planted.h", '#include "optim/side.h"\n')
        self.finds("src/nn/planted.h:1")

    def test_a_third_party_header_in_a_room_that_may_not_see_it(self):
        self.plant("src/plan/planted.cpp", "#include <hwy/highway.h>\n")
        self.finds("plan includes <hwy/highway.h>")
        self.plant("src/plan/planted.cpp", '#include "hwy/highway.h"\n')
        self.finds("plan includes <hwy/highway.h>")

    def test_a_header_of_the_operating_system(self):
        self.plant("src/nn/planted.cpp", "#include <sys/stat.h>\n")
        self.finds("nn includes <sys/stat.h>")

    def test_an_include_that_names_no_room(self):
        self.plant("src/core/near.h", "#pragma once\n")
        self.plant("src/core/planted.cpp", '#include "near.h"\n')
        self.finds('write "core/near.h"')

    def test_a_file_that_does_not_exist(self):
        self.plant("src/core/planted.cpp", '#include "core/nowhere.h"\n')
        self.finds('"core/nowhere.h" does not exist')

    def test_a_circle_of_files(self):
        self.plant("src/core/planted_a.h", '#include "core/planted_b.h"\n')
        self.plant("src/core/planted_b.h", '#include "core/planted_a.h"\n')
        self.finds("circle", "src/core/planted_a.h")

    def test_a_room_outside_the_table(self):
        self.plant("src/shed/planted.h", "#pragma once\n")
        self.finds("src/shed: not in the table")

    def test_a_table_with_a_circle(self):
        table = (self.tree / "docs/architecture.md").read_text()
        core = next(line for line in table.splitlines() if line.startswith("| `src/core/`"))
        self.plant("docs/architecture.md", table.replace(core, core.replace("the standard library", "graph")))
        self.finds("src/core may import graph, which no row above defines")

    def test_what_is_commented_out_does_not_count(self):
        self.plant("src/core/planted.cpp", '// #include "train/loop.h"\n/*\n#include "train/loop.h"\n*/\n')
        self.assertEqual(self.check().returncode, 0)


if __name__ == "__main__":
    unittest.main()

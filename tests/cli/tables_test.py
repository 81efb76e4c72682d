#!/usr/bin/env python3
"""Tables: from a messy file to predictions as CSV, cross-validation, and everything that can be wrong with a table."""
import csv
import io
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import time
import unittest
import zipfile

from case import PROGRAM, Case


def people(rows=240, seed=1):
    """A table of every kind of column; survived goes with age and class."""
    chance = random.Random(seed)
    out = ["id,name,age,fare,joined,class,town,survived"]
    for i in range(rows):
        age = "" if i % 9 == 0 else chance.randint(1, 80)
        kind = chance.choice(["first", "second", "third"])
        likely = 0.9 if kind == "first" or (age and age < 15) else 0.15
        out.append(f'p{i},"Person, {i} ""the {i}th""",{age},"{1 + i % 8},{100 + i}.5",20{10 + i % 9}-0{1 + i % 9}-15,'
                   f'{kind},town {i % 45},{"yes" if chance.random() < likely else "no"}')
    return "\n".join(out) + "\n"


def numbers(rows=120):
    return "a;b;c\n" + "".join(f"{i % 17};{i % 5};{2 * (i % 17) - i % 5 + 0.25}\n" for i in range(rows))


def cells(text):
    return list(csv.reader(io.StringIO(text)))


class Predict(Case):
    def setUp(self):
        super().setUp()
        self.write("people.csv", people())
        self.run_of_people = self.json("train", "people.csv", "epochs=5")["out"]

    def test_classes_are_csv(self):
        header, *rows = cells(self.vitro("predict", self.run_of_people, "people.csv").stdout)
        self.assertEqual(header, ["survived", "probability", "p(no)", "p(yes)"])
        self.assertEqual(len(rows), 240)
        said = self.json("predict", self.run_of_people, "people.csv")["predictions"]
        for row, one in zip(rows, said):
            self.assertEqual(row[0], one["class"])
            self.assertAlmostEqual(float(row[2]) + float(row[3]), 1, places=6)
            self.assertEqual(float(row[1]), max(float(row[2]), float(row[3])))
            self.assertAlmostEqual(float(row[3]), one["probabilities"][1], places=7)

    def test_kept_columns_are_copied_as_written(self):
        words = ["predict", self.run_of_people, "people.csv", "--keep", "name,fare", "--keep", "survived"]
        header, *rows = cells(self.vitro(*words).stdout)
        self.assertEqual(header[:4], ["name", "fare", "true survived", "survived"])
        for row, written in zip(rows, cells((self.dir / "people.csv").read_text())[1:]):
            self.assertEqual(row[:3], [written[1], written[3], written[7]])
        self.assertIn('"Person, 3 ""the 3th""","4,103.5",', self.vitro(*words).stdout)
        self.assertEqual(self.json(*words)["predictions"][3]["kept"]["fare"], "4,103.5")
        self.refused("predict", self.run_of_people, "people.csv", "--keep", "nam", says=['no column is called "nam"', '"name"'])

    def test_columns_in_any_order_without_target_from_a_pipe(self):
        whole = self.vitro("predict", self.run_of_people, "people.csv").stdout
        table = cells((self.dir / "people.csv").read_text())
        text = io.StringIO()
        csv.writer(text).writerows([["more"] + row[6::-1] for row in table])
        self.assertEqual(self.vitro("predict", self.run_of_people, "-", input=text.getvalue()).stdout, whole)
        kept = self.vitro("predict", self.run_of_people, "-", "--keep", "id", input=text.getvalue()).stdout
        self.assertEqual([row[0] for row in cells(kept)], ["id"] + [f"p{i}" for i in range(240)])

    def test_what_training_never_saw(self):
        self.write("new.csv", "id,name,age,fare,joined,class,town\nx,y,,?,,fourth,nowhere\n")
        self.assertEqual(len(cells(self.vitro("predict", self.run_of_people, "new.csv").stdout)), 2)

    def test_numbers_read_back_as_the_same_floats(self):
        self.write("line.csv", numbers())
        run = self.json("train", "line.csv", "epochs=5")["out"]
        header, *rows = cells(self.vitro("predict", run, "line.csv", "--keep", "c,a").stdout)
        self.assertEqual(header, ["true c", "a", "c"])
        said = self.json("predict", run, "line.csv")["predictions"]
        for row, one in zip(rows, said):
            as_float = struct.unpack("f", struct.pack("f", one["prediction"][0]))[0]
            self.assertEqual(struct.unpack("f", struct.pack("f", float(row[2])))[0], as_float)

    def test_only_tables_have_columns_to_keep(self):
        run = self.json("train", "digits", "samples=100", "epochs=1")["out"]
        self.write("row.csv", ",".join(["0"] * 784) + "\n" + ",".join(["9"] * 784) + "\n")
        self.refused("predict", run, "row.csv", "--keep", "a", says="--keep")


class Arrays(Case):
    """Arrays of numpy, written as numpy.save and numpy.savez do."""

    @staticmethod
    def npy(kind, shape, values):
        letter = {"<f4": "f", "<f8": "d", "<i8": "q", "|u1": "B"}[kind]
        header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}{letter}", *values)

    def npz(self, name, **arrays):
        with zipfile.ZipFile(self.dir / name, "w", zipfile.ZIP_DEFLATED) as file:
            for key, array in arrays.items():
                file.writestr(key + ".npy", self.npy(*array))
        return name

    def test_learned_from_and_predicted(self):
        chance = random.Random(3)
        x = [chance.uniform(-1, 1) for _ in range(600)]
        labels = [1 if x[2 * i] > x[2 * i + 1] else -1 for i in range(300)]
        self.npz("points.npz", x=("<f8", (300, 2), x), y=("<i8", (300,), labels))
        result = self.json("train", "points.npz", "epochs=60")
        self.assertGreater(result["test_accuracy"], 0.9)
        self.assertEqual(self.json("eval")["accuracy"], result["test_accuracy"])
        self.write("x.npy", self.npy("<f8", (300, 2), x))
        said = self.json("predict", result["out"], "x.npy")["predictions"]
        self.assertGreater(sum(one["class"] == str(label) for one, label in zip(said, labels)), 270)
        self.refused("train", "x.npy", says="savez")
        self.refused("predict", result["out"], "points.npz", says="x.npy")
        self.write("cut.npz", (self.dir / "points.npz").read_bytes()[:-40])
        self.refused("train", "cut.npz", says="cut.npz")
        self.refused("train", self.npz("names.npz", a=("<f8", (2,), [1, 2])), says=["holds a", "x and y"])

    def test_pictures_with_a_test_part(self):
        chance = random.Random(4)
        parts = {}
        for part, n in (("train", 120), ("test", 30)):
            y = [i % 2 for i in range(n)]
            parts["x_" + part] = ("|u1", (n, 6, 6), [chance.randint(0, 90) + 150 * y[i // 36] for i in range(n * 36)])
            parts["y_" + part] = ("|u1", (n,), y)
        result = self.json("train", self.npz("bright.npz", **parts), "epochs=20")
        self.assertEqual(result["test_accuracy"], 1)
        self.assertEqual(self.json("inspect", "bright.npz")["test"], 30)

    def test_rows_of_a_table(self):
        self.write("line.csv", numbers())
        run = self.json("train", "line.csv", "epochs=5")["out"]
        said = self.vitro("predict", run, "line.csv").stdout
        rows = [float(cell) for i in range(120) for cell in (i % 17, i % 5)]
        self.write("x.npy", self.npy("<f4", (120, 2), rows))
        self.assertEqual(self.vitro("predict", run, "x.npy").stdout, said)
        self.write("wide.npy", self.npy("<f4", (40, 6), rows))
        self.refused("predict", run, "wide.npy", says=["2 numbers", "a, b"])
        self.refused("predict", run, "x.npy", "--keep", "a", says="--keep")


class Measure(Case):
    def agrees(self, what, *words):
        result = self.json("train", what, "epochs=2", "batch=256", *words)
        measured = self.json("eval", result["out"])
        self.assertEqual(measured["loss"], result["test_loss"], what)
        if result["test_accuracy"] is None:
            self.assertEqual((measured["rmse"], measured["r2"]), (result["test_rmse"], result["test_r2"]), what)
        else:
            self.assertEqual((measured["accuracy"], measured["interval"]), (result["test_accuracy"], result["interval"]), what)
        for name in ("baseline", "linear"):
            self.assertEqual(measured[name], result[name], what)

    def test_eval_repeats_what_training_measured(self):
        self.write("people.csv", people())
        self.agrees("people.csv")
        self.agrees("people.csv", "--target", "fare")
        self.agrees("people.csv", "--target", "class", "--group", "town", "--drop", "age,fare")
        self.write("line.csv", numbers())
        self.agrees("line.csv")
        self.write("later.csv", people(60, seed=2))
        self.agrees("people.csv", "--test", "later.csv")

    @unittest.skipUnless(pathlib.Path(os.environ.get("VITRO_DATA", ""), "tabular").is_dir() and os.environ.get("VITRO_DATA"),
                         "VITRO_DATA names no directory with tables")
    def test_of_published_tables_too(self):
        targets = {"titanic.csv": "Survived", "student_data.csv": "admit", "auto-mpg.data": "1"}
        for file in sorted(pathlib.Path(os.environ["VITRO_DATA"], "tabular").resolve().iterdir()):
            if file.suffix != ".names":
                self.agrees(file, *(["--target", targets[file.name]] if file.name in targets else []))


class Folds(Case):
    def test_estimate_and_final_net(self):
        self.write("people.csv", people())
        result = self.json("train", "people.csv", "epochs=5", "--folds", "4")
        self.assertEqual(len(result["folds"]), 4)
        self.assertEqual(sum(fold["rows"] for fold in result["folds"]), 240)
        run = self.dir / result["out"]
        header, *rows = cells((run / "folds.csv").read_text())
        self.assertEqual(header, ["line", "fold", "truth", "prediction", "probability"])
        table = (self.dir / "people.csv").read_text().splitlines()
        for row in rows:
            self.assertTrue(table[int(row[0]) - 1].endswith("," + row[2]))
        self.assertAlmostEqual(sum(row[2] == row[3] for row in rows) / 240, result["test_accuracy"])
        by_fold = [[row[2] == row[3] for row in rows if row[1] == str(k + 1)] for k in range(4)]
        for fold, hits in zip(result["folds"], by_fold):
            self.assertAlmostEqual(sum(hits) / len(hits), fold["accuracy"])
        accuracies = [fold["accuracy"] for fold in result["folds"]]
        mean = sum(accuracies) / 4
        self.assertAlmostEqual(result["mean"], mean)
        self.assertAlmostEqual(result["deviation"], (sum((a - mean) ** 2 for a in accuracies) / 3) ** 0.5)
        low, high = result["interval"]
        self.assertTrue(low < result["test_accuracy"] < high)
        # One of the folds by the recipe's keys.
        third = self.json("train", "people.csv", "epochs=5", "folds=4", "fold=3")
        self.assertEqual(third["test_accuracy"], result["folds"][2]["accuracy"])
        # The net that is kept has no test part, and its weights are those of a training without one.
        plain = self.json("train", "people.csv", "epochs=5", "test=0")
        self.assertEqual(plain["weights_sha256"], result["weights_sha256"])
        self.refused("eval", result["out"], says="has no test part")
        page = (run / "report.html").read_text()
        self.assertIn("Estimated by 4-fold cross-validation", page)
        self.assertEqual(len(cells(self.vitro("predict", result["out"], "people.csv").stdout)), 241)
        # Asked again, the run knows it still.
        again = self.json("train", "--resume", result["out"])
        self.assertEqual([again[k] for k in ("folds", "mean", "interval")], [result[k] for k in ("folds", "mean", "interval")])
        self.vitro("report", result["out"])
        self.assertIn("Estimated by 4-fold cross-validation", (run / "report.html").read_text())

    def test_numbers_as_text(self):
        self.write("line.csv", numbers())
        shown = self.vitro("train", "line.csv", "epochs=5", "--folds", "3").stdout
        for words in ("fold, RMSE", "linear model", "always the mean", "all rows", "mean of the folds", "by 3-fold cross-validation"):
            self.assertIn(words, shown)
        result = self.json("train", "line.csv", "epochs=5", "--folds", "3")
        self.assertLess(result["test_rmse_interval"][0], result["test_rmse"])
        self.assertLess(result["test_r2"], 1)

    def test_what_cannot_be(self):
        self.write("people.csv", people(60))
        self.write("later.csv", people(20))
        self.refused("train", "people.csv", "--folds", "1", says=["--folds", "from 2 on"])
        self.refused("train", "people.csv", "--folds", "61", says="60 rows for 61 folds")
        self.refused("train", "people.csv", "--folds", "5", "--group", "class", says="3 groups for 5 folds")
        self.refused("train", "people.csv", "--folds", "5", "--test", "later.csv", says="--test")
        self.refused("train", "people.csv", "--folds", "5", "test=0.2", says="leave test out")
        self.refused("train", "moons", "--folds", "5", says="no table")
        self.refused("train", "-", "--folds", "5", says="standard input", input=people(60))
        run = self.json("train", "people.csv", "epochs=1")["out"]
        self.refused("train", "--resume", run, "--folds", "5", says="folds")

    def test_interrupted_among_the_folds(self):
        self.write("people.csv", people())
        before = self.files()
        program = subprocess.Popen([PROGRAM, "train", "people.csv", "epochs=1000000", "patience=0", "--folds", "3"], cwd=self.dir,
                                   env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        program.send_signal(signal.SIGINT)
        out, error = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 130, out + error)
        self.assertIn("begins them anew", error)
        self.assertEqual(self.files(), before)


class Arguments(Case):
    def test_verbs_take_what_train_takes(self):
        self.write("people.csv", people())
        text = self.vitro("init", "people.csv", "--target", "class", "--drop", "name,town").stdout
        self.assertIn('target = "class"', text)
        self.write("my.toml", text)
        shown = self.json("inspect", "my.toml")
        self.assertEqual(shown["targets"], ["class"])
        self.assertEqual({one["name"] for one in shown["left_out"]} & {"name", "town"}, {"name", "town"})
        same = self.json("inspect", "people.csv", "--target", "class", "--drop", "name,town")
        self.assertEqual(same["columns"], shown["columns"])
        self.assertEqual(self.json("inspect", "--drop", "name,town", "people.csv", "--target", "class")["columns"], shown["columns"])
        self.assertIn("whether it is missing", self.vitro("inspect", "people.csv").stdout)
        found = self.json("lr-find", "people.csv", "--target", "class", "--drop", "name", "--steps", "20")
        self.assertGreater(found["valley"], 0)
        swept = self.json("sweep", "people.csv", "--target", "class", "--drop", "name,town", "lr=0.01,0.001", "epochs=1")
        self.assertEqual(swept["done"], 2)
        self.assertIn("class", json.dumps(swept["command"]))
        self.refused("inspect", "tanh", "--target", "class", says="tables")


class BadInput(Case):
    """Of a file that cannot be learned from one line says what and where, and no run is left behind."""

    def refuse(self, content, says, *words):
        self.write("bad.csv", content)
        self.refused("train", "bad.csv", *words, says=says)
        self.refused("init", "bad.csv", *words, says=says)
        self.assertFalse((self.dir / "runs").exists())

    def test_files(self):
        self.refuse("", "is empty")
        self.refuse("\n\n\n", "is empty")
        self.refuse("a,b,c\n", "header without a row")
        self.refuse("a,b\n1,2\n3,4\n5\n", ["line 4", "1 cell"])
        self.refuse("a,b\n1,2\n3,4,5\n", ["line 3", "3 cells"])
        self.refuse('a,b\n1,2\n"3,4\n5,6\n7,8\n', ["line 3", "quote"])
        self.refuse('a,b\n1,2\n"3"x,4\n', "line 3")
        self.refuse(b"a,b\n1,2\n\xe9t\xe9,4\n", ["byte 8", "UTF-8"])
        self.refuse(b"a,b\n1,\xc3\xa9\n2,\xe9\n", ["byte", "UTF-8"])
        self.refuse(b"a,b\n1,2\n3,\x004\n", ["byte 10", "zero"])
        self.refuse("a,b\n1,2\n".encode("utf-16"), "UTF-16")
        self.refuse("a,a\n1,2\n2,3\n", 'two columns are called "a"')
        self.refuse("a\n1\n2\n3\n", "1 column")

    def test_sizes(self):
        self.refuse("a,b\n1," + "x" * 10_000_000 + "\n", ["line 2", "cell"])
        self.refuse("a,b\n1,\"" + "x" * 10_000_000 + "\"\n", ["line 2", "cell"])
        self.refuse(",".join(f"c{i}" for i in range(1_000_000)) + "\n" + ",".join(["1"] * 1_000_000) + "\n", "100000")

    def test_targets(self):
        rows = [f"{i % 7},{i * i % 11}" for i in range(50)]
        table = lambda target: "a,b,t\n" + "".join(f"{row},{target(i)}\n" for i, row in enumerate(rows))
        self.refuse(table(lambda i: i % 2), ['no column is called "z"', "a, b, t"], "--target", "z")
        self.refuse(table(lambda i: i % 2), "no column 4", "--target", "4")
        self.refuse(table(lambda i: ""), "missing in every row")
        self.refuse(table(lambda i: 3), "3 in every row")
        self.refuse(table(lambda i: "yes"), '"yes" in every row')
        self.refuse(table(lambda i: f"name {i}"), "names the rows")
        self.refuse("a,b,t\n" + "".join(f"{i % 3},{i % 2},name {i}\n" for i in range(8)), "names the rows")
        self.refuse(table(lambda i: i), "counts the rows")
        self.refuse(table(lambda i: f"2020-01-{1 + i % 28:02}"), "dates")
        self.refuse(table(lambda i: 1 if i < 25 else ""), "1 in every row")
        self.refuse(table(lambda i: i % 2), "left to learn from", "--drop", "a,b")
        self.refuse(table(lambda i: i % 2), "column to predict", "--drop", "t")
        self.refuse(table(lambda i: i % 2), "no column is called", "--drop", "z")
        self.refuse(table(lambda i: i % 2), "no column is called", "--group", "z")

    def test_other_files_than_it_was_trained_on(self):
        self.write("people.csv", people())
        run = self.json("train", "people.csv", "epochs=1")["out"]
        header, *rows = cells(people(5))

        def with_column(name, value):
            text = io.StringIO()
            at = header.index(name)
            csv.writer(text).writerows([header] + [row[:at] + [value] + row[at + 1:] for row in rows])
            return self.write("new.csv", text.getvalue())

        for verb in ("predict", "eval"):
            self.refused(verb, run, with_column("age", "old"), says=["line 2", "age", "old"])
            self.refused(verb, run, with_column("joined", "soon"), says=["line 2", "joined", "soon"])
        self.write("other.csv", "age,name,colour\n1,x,red\n2,y,blue\n")
        self.refused("predict", run, "other.csv", says=['"fare"', '"class"', 'unknown to the net: "colour"'])
        self.refused("eval", run, with_column("survived", "maybe"), says=["line 2", '"maybe" is no class'])
        self.refused("train", "people.csv", "--test", "other.csv", says="has no column")
        self.refused("train", "people.csv", "--test", "none.csv", says="none.csv")
        for content, says in (("", "is empty"), ("a,b\n", "no row"), (b"age,\x00\n", "zero"), ('age\n"1\n', "quote")):
            self.write("broken.csv", content)
            self.refused("predict", run, "broken.csv", says=says)


if __name__ == "__main__":
    unittest.main()

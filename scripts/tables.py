#!/usr/bin/env python3
"""Seventeen tables, cross-validated: vitro's bare defaults beside scikit-learn's linear models, MLP and boosting.

    python3 -m venv peers && peers/bin/pip install numpy scikit-learn
    peers/bin/python scripts/tables.py --tables DIR [--vitro build/vitro] [--seeds 5] [--folds 5] [--only iris ...]

Each seed shuffles the rows into folds (stratified by class), and every model sees the same folds. The figure of a
table is the mean over all its fits: accuracy for classes, R2 for numbers. vitro is given the fold's rows as they stand
in the file (quotes, separators, line endings and gaps untouched), as train.csv and test.csv, and nothing else: no
recipe, no option that would tell it more than which column to predict. scikit-learn's models are given what a careful
user would give them: standardised numbers with the median where one is missing, one-hot categories, a standardised
target, and no column that only names its rows.

Every fit is kept in --results as one line of JSON, so an interrupted run goes on where it was. Delete the file, or
name another, to measure anew.
"""
import argparse
import csv
import dataclasses
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

MODELS = ("linear", "mlp", "boosting", "vitro")
TITLES = {"linear": "logistic / ridge", "mlp": "sklearn MLP", "boosting": "HistGradientBoosting", "vitro": "vitro"}
MISSING = {"", "?", "nan"}


@dataclasses.dataclass(frozen=True)
class Table:
    """One file as published. separator None: runs of blanks. target: counted from 0, -1 is the last column."""
    name: str
    files: tuple
    numbers: bool = False  # the target is a number, not a class
    separator: str | None = ","
    header: bool = False
    target: int = -1


TABLES = (
    Table("iris", ("iris.csv",)),
    Table("wheat-seeds", ("wheat-seeds.csv",)),
    Table("banknote", ("banknote_authentication.csv",)),
    Table("sonar", ("sonar.csv",)),
    Table("pima", ("pima-indians-diabetes.csv",)),
    Table("breast-cancer-wisconsin", ("breast-cancer-wisconsin.data",)),
    Table("breast-cancer", ("breast-cancer.csv",)),
    Table("titanic", ("titanic.csv",), header=True, target=1),
    Table("adult", ("adult-train.csv.gz", "adult-test.csv.gz")),
    Table("student", ("student_data.csv",), header=True, target=0),
    Table("udacity-points", ("udacity-points.csv",)),
    Table("housing", ("housing.data",), numbers=True, separator=None),
    Table("california", ("california-housing.csv",), numbers=True, header=True, target=8),
    Table("auto-mpg", ("auto-mpg.data",), numbers=True, separator=None, target=0),
    Table("abalone", ("abalone.csv",), numbers=True),
    Table("wine-red", ("winequality-red.csv",), numbers=True, separator=";", header=True),
    Table("wine-white", ("winequality-white.csv",), numbers=True, separator=";", header=True),
)


def lines_of(table, folder):
    """The header's line or None, and a row's line each, with the line endings they have in the file."""
    rows = []
    for name in table.files:
        data = (folder / name).read_bytes()
        if name.endswith(".gz"):
            data = gzip.decompress(data)
        rows += [line for line in data.splitlines(keepends=True) if line.strip()]
    if table.name == "adult":  # the test part ends its labels in a full stop, which would make them other classes
        rows = [line.replace(b"K.\n", b"K\n") for line in rows]
    return (rows[0], rows[1:]) if table.header else (None, rows)


def fields_of(table, lines):
    if table.separator is None:
        text = (" ".join(line.decode().split()) for line in lines)
        cells = csv.reader(text, delimiter=" ", skipinitialspace=True)
    else:
        cells = csv.reader((line.decode().strip() for line in lines), delimiter=table.separator, skipinitialspace=True)
    return [[None if cell.strip() in MISSING else cell.strip() for cell in row] for row in cells]


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


@dataclasses.dataclass
class Columns:
    """numbers: (rows, n) with NaN for missing; categories: (rows, c) of text; target: (rows) class index or number."""
    numbers: object
    categories: object
    target: object


def columns_of(table, header, lines):
    """Splits a table by kind and leaves out what only names a row: text or counters that hardly ever repeat."""
    import numpy as np
    rows = fields_of(table, lines)
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        sys.exit(f"{table.name}: rows of {sorted({len(row) for row in rows})} cells")
    columns = list(zip(*rows))
    target = columns.pop(table.target % width)
    numbers, categories = [], []
    for column in columns:
        present = [cell for cell in column if cell is not None]
        distinct = len(set(present))
        if all(map(is_number, present)):
            if distinct == len(rows) and all(float(cell).is_integer() for cell in present):
                continue
            numbers.append([float("nan") if cell is None else float(cell) for cell in column])
        elif 2 * distinct <= len(present):
            categories.append(["missing" if cell is None else cell for cell in column])
    if table.numbers:
        target = np.array([float(cell) for cell in target])
    else:
        target = np.unique(target, return_inverse=True)[1]
    def by_row(kept, kind):
        return np.array(kept, dtype=kind).T if kept else np.empty((len(rows), 0), dtype=kind)
    return Columns(by_row(numbers, float), by_row(categories, object), target)


def folds_of(table, target, folds, seed):
    from sklearn.model_selection import KFold, StratifiedKFold
    kind = KFold if table.numbers else StratifiedKFold
    return list(kind(folds, shuffle=True, random_state=seed).split(target, target))


def prepared(columns, train, test):
    """Both parts as a model of scikit-learn wants them, with what was learnt from the training rows alone."""
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    parts = []
    for values, steps in ((columns.numbers, make_pipeline(SimpleImputer(strategy="median"), StandardScaler())),
                          (columns.categories, OneHotEncoder(handle_unknown="ignore", sparse_output=False))):
        if values.shape[1]:
            parts.append((steps.fit_transform(values[train]), steps.transform(values[test])))
    return [np.hstack(side) for side in zip(*parts)]


def fit_reference(model, table, columns, train, test, seed):
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler
    made = {("linear", False): lambda: LogisticRegression(max_iter=1000),
            ("linear", True): Ridge,
            ("mlp", False): lambda: MLPClassifier(random_state=seed),
            ("mlp", True): lambda: TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler()),
            ("boosting", False): lambda: HistGradientBoostingClassifier(random_state=seed),
            ("boosting", True): lambda: HistGradientBoostingRegressor(random_state=seed)}[model, table.numbers]()
    seen, unseen = prepared(columns, train, test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the defaults' 200 epochs often end before the MLP says it has converged
        made.fit(seen, columns.target[train])
    return made.score(unseen, columns.target[test])


def fit_vitro(arguments, table, header, lines, train, test, seed):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, part in (("train.csv", train), ("test.csv", test)):
            text = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in (lines[row] for row in part))
            (folder / name).write_bytes((header or b"") + text)
        width = len(fields_of(table, lines[:1])[0])
        target = fields_of(table, [header])[0][table.target] if header else str(table.target % width + 1)
        command = [arguments.vitro, "train", str(folder / "train.csv"), "--target", target,
                   "--test", str(folder / "test.csv"), "--seed", str(seed), "--threads", str(arguments.threads),
                   # Grades and rings are whole numbers: that they are no classes, only their owner can say.
                   f"data.goal={'regression' if table.numbers else 'classification'}", "--no-report", "--json", "--quiet", "--out", str(folder / "run")]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{table.name}, seed {seed}: vitro ended with {done.returncode}: {done.stderr.strip()}")
    report = json.loads(done.stdout)
    figure = "test_r2" if table.numbers else "test_accuracy"
    if figure not in report:
        sys.exit(f"{table.name}, seed {seed}: no {figure} in what vitro reports: {', '.join(report)}")
    return report[figure]


def kept_results(path):
    if not path.exists():
        return {}
    with path.open() as file:
        lines = [json.loads(line) for line in file if line.endswith("\n")]  # a line cut short is measured again
    return {(one["table"], one["model"], one["folds"], one["seed"], one["fold"]): one for one in lines}


def measure(arguments, table, results, file):
    header, lines = lines_of(table, arguments.tables)
    columns = columns_of(table, header, lines)
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for fold, (train, test) in enumerate(folds_of(table, columns.target, arguments.folds, seed)):
            for model in arguments.models:
                key = (table.name, model, arguments.folds, seed, fold)
                if key in results:
                    continue
                start = time.monotonic()
                if model == "vitro":
                    score = fit_vitro(arguments, table, header, lines, train, test, seed)
                else:
                    score = fit_reference(model, table, columns, train, test, seed)
                one = dict(zip(("table", "model", "folds", "seed", "fold"), key), score=float(score),
                           seconds=round(time.monotonic() - start, 3))
                file.write(json.dumps(one) + "\n")
                file.flush()
                results[key] = one
        print(f"{table.name}: seed {seed} done", file=sys.stderr)


def report(arguments, tables, results):
    """Prints a Markdown table: mean and spread (standard deviation) over the fits, the mean over the tables below."""
    import numpy as np
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    means, worst = {model: [] for model in arguments.models}, {}
    print("| table | rows | metric | " + " | ".join(TITLES[model] for model in arguments.models) + " |")
    print("| --- | ---: | --- |" + " ---: |" * len(arguments.models))
    for table in tables:
        cells = []
        for model in arguments.models:
            scores = [results[table.name, model, arguments.folds, seed, fold]["score"]
                      for seed in seeds for fold in range(arguments.folds)]
            means[model].append(np.mean(scores))
            cells.append(f"{np.mean(scores):.4f} ± {np.std(scores):.4f}")
        rows = len(lines_of(table, arguments.tables)[1])
        print(f"| {table.name} | {rows} | {'R2' if table.numbers else 'accuracy'} | " + " | ".join(cells) + " |")
    print("| **mean** | | | " + " | ".join(f"**{np.mean(means[model]):.4f}**" for model in arguments.models) + " |")
    if {"vitro", "linear"} <= set(arguments.models):
        worst = {table.name: ours - linear for table, ours, linear in zip(tables, means["vitro"], means["linear"])}
        name = min(worst, key=worst.get)
        below = sum(difference < 0 for difference in worst.values())
        print(f"\nvitro is below the linear model on {below} of {len(tables)} tables; "
              f"at the least it gains {worst[name]:+.4f} ({name}).")


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--tables", type=pathlib.Path, required=True, help="the folder the files lie in")
    parse.add_argument("--vitro", default="build/vitro", help="the program (default: %(default)s)")
    parse.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL",
                       help=f"of {', '.join(MODELS)} (default: all)")
    parse.add_argument("--only", nargs="+", metavar="NAME", help="tables to measure (default: all)")
    parse.add_argument("--seeds", type=int, default=5)
    parse.add_argument("--first-seed", type=int, default=0)
    parse.add_argument("--folds", type=int, default=5)
    parse.add_argument("--threads", type=int, default=os.cpu_count(), help="for every model alike")
    parse.add_argument("--results", type=pathlib.Path, default=pathlib.Path("tables.jsonl"),
                       help="where each fit is kept (default: %(default)s)")
    arguments = parse.parse_args()
    names = [table.name for table in TABLES]
    unknown = sorted(set(arguments.only or ()) - set(names))
    if unknown:
        parse.error(f"no table is called {', '.join(unknown)}; there are {', '.join(names)}")
    for library in ("OMP", "OPENBLAS", "MKL"):  # read when numpy is first imported, which is below
        os.environ[f"{library}_NUM_THREADS"] = str(arguments.threads)
    tables = [table for table in TABLES if not arguments.only or table.name in arguments.only]
    results = kept_results(arguments.results)
    with arguments.results.open("a") as file:
        for table in tables:
            measure(arguments, table, results, file)
    report(arguments, tables, results)


if __name__ == "__main__":
    main()

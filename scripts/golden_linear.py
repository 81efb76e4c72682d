#!/usr/bin/env python3
"""Writes tests/golden/linear.json: what scikit-learn's Ridge and LogisticRegression make of small tables.

    scripts/golden_linear.py     needs scikit-learn; the tests read the committed file and need nothing

Tests do not run this script. Every input is a float exactly. A column of codes goes to scikit-learn as one
column of 0 and 1 for each category (OneHotEncoder's picture of it).
"""
import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "linear.json"
rng = np.random.default_rng(20261121)


def table(n, numbers, sizes=()):
    x = rng.normal(size=(n, numbers)).astype(np.float32).astype(float)
    x[:, 0] = x[:, 0] * 30 + 100  # not standardised
    x[:, -1] = 1 if numbers > 1 else x[:, -1]  # constant
    codes = np.stack([rng.integers(0, size, n) for size in sizes], 1) if sizes else np.zeros((n, 0), int)
    wide = np.concatenate([x.astype(np.float32).astype(float)] + [np.eye(size)[codes[:, k]] for k, size in enumerate(sizes)], 1)
    return np.concatenate([wide[:, :numbers], codes], 1), wide


def case(name, n, numbers, sizes, l2, classes=0, outputs=1):
    x, wide = table(n, numbers, sizes)
    scores = (wide - wide.mean(0)) @ rng.normal(size=(wide.shape[1], max(classes, outputs))) / 3
    scores += rng.normal(size=scores.shape)
    if classes:
        y = scores.argmax(1)
        model = LogisticRegression(C=1 / l2, tol=1e-12, max_iter=100000, solver="newton-cg").fit(wide, y)
        y, predictions = y.astype(int), model.predict_proba(wide)
    else:
        y = scores.astype(np.float32).astype(float)
        model = Ridge(alpha=l2, solver="svd").fit(wide, y)
        predictions = model.predict(wide).reshape(n, outputs)
    return {"name": name, "classes": classes, "outputs": outputs, "codes": list(sizes), "l2": l2, "x": x.tolist(),
            "y": y.tolist(), "weight": np.atleast_2d(model.coef_).tolist(),
            "bias": np.atleast_1d(model.intercept_).tolist(), "predictions": predictions.tolist()}


def main():
    if len(sys.argv) > 1:
        print("golden_linear: takes no arguments", file=sys.stderr)
        sys.exit(2)
    cases = [
        case("two classes", 60, 4, (), 1, classes=2),
        case("two classes, more columns than samples", 12, 20, (), 0.5, classes=2),
        case("four classes and codes", 80, 3, (2, 5), 1, classes=4),
        case("numbers", 50, 5, (), 1),
        case("two numbers, more columns than samples", 12, 20, (), 0.1, outputs=2),
        case("numbers and codes", 70, 3, (4, 3), 2.5),
    ]
    text = json.dumps({"written_by": "scikit-learn " + sklearn.__version__, "cases": cases}, separators=(",", ":"))
    OUT.write_text(text.replace('{"name":', '\n{"name":') + "\n")
    print(f"{OUT.name}: {len(text)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

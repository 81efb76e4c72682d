#!/usr/bin/env python3
"""Writes tests/golden/numpy.json: what numpy's legacy generator gives, and what a numpy program makes of it.

    scripts/golden_numpy.py        needs numpy; the tests read the committed file and need nothing

The spiral net is that of "Neural Networks from Scratch": 300 points, 2-64-3, gradient descent at rate 1, everything a
float, products added up in double. Its losses are those before each of the first steps.
"""
import json
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "numpy.json"


def draws(seed):
    np.random.seed(seed)
    bits = [int(np.random.randint(0, 2**32, dtype=np.uint64)) for _ in range(3)]
    np.random.seed(seed)
    uniform = np.random.random_sample(5).tolist()
    np.random.seed(seed)
    np.random.random_sample(1000)  # beyond the first block of the generator's state
    later = np.random.random_sample(3).tolist()
    np.random.seed(seed)
    normal = np.random.randn(7).tolist()
    return {"seed": seed, "bits": bits, "uniform": uniform, "after_1000": later, "normal": normal}


def spiral(turns):
    points = np.zeros((300, 2))
    for arm in range(3):
        r = np.linspace(0.0, 1, 100)
        t = np.linspace(arm * 4, (arm + 1) * 4, 100) + np.random.randn(100) * 0.2
        points[arm * 100:(arm + 1) * 100] = np.c_[r * np.sin(t * turns), r * np.cos(t * turns)]
    return points


def nnfs_losses(seed, steps):
    def product(a, b):
        return np.dot(a.astype("f8"), b.astype("f8")).astype("f4")

    np.random.seed(seed)
    x, y = spiral(2.5).astype("f4"), np.repeat(np.arange(3), 100)
    p = [np.float32(0.01) * np.random.randn(2, 64).astype("f4"), np.zeros((1, 64), "f4"),
         np.float32(0.01) * np.random.randn(64, 3).astype("f4"), np.zeros((1, 3), "f4")]
    first = [p[0].T.ravel()[:4].tolist(), p[2].T.ravel()[:4].tolist()]  # as vitro keeps them: [out, in]
    losses = []
    for _ in range(steps):
        z = product(x, p[0]) + p[1]
        h = np.maximum(0, z)
        s = product(h, p[2]) + p[3]
        e = np.exp(s - s.max(1, keepdims=True))
        q = e / e.sum(1, keepdims=True)
        losses.append(float(np.mean(-np.log(q[range(300), y]))))
        d = q.copy()
        d[range(300), y] -= 1
        d /= 300
        back = product(d, p[2].T)
        back[z <= 0] = 0
        for value, gradient in zip(p, [product(x.T, back), back.sum(0, keepdims=True), product(h.T, d),
                                       d.sum(0, keepdims=True)]):
            value -= gradient
    return first, losses


def main():
    np.random.seed(0)
    points = spiral(2.5)
    first, losses = nnfs_losses(0, 101)
    np.random.seed(44)
    content = {"written_by": "numpy " + np.__version__, "draws": [draws(seed) for seed in (0, 1, 44, 2**32 - 1)],
               "spiral_nnfs": points[[0, 1, 99, 100, 299]].tolist(), "spiral_rows": [0, 1, 99, 100, 299],
               "nnfs_weights": first, "nnfs_losses": losses,
               "udacity_weights": np.random.normal(scale=1 / 2**0.5, size=2).tolist()}
    OUT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()

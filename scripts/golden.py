#!/usr/bin/env python3
"""Writes tests/golden/*.json: what PyTorch gives for vitro's ops, nets, losses and optimisers.

    scripts/golden.py        needs torch; the tests read the committed files and need nothing

Everything is computed in double on inputs that a float holds exactly, so that the same file checks
double (to 1e-10) and float. Tests do not run this script. The files committed were written with
PyTorch 1.13 as Debian 12 packages it (apt-get install python3-torch); each states its version.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
torch.manual_seed(20261121)
torch.set_default_dtype(torch.float64)


def rand(*shape, low=-2.0, high=2.0):
    """Uniform in [low, high), each a float exactly."""
    return (torch.rand(shape) * (high - low) + low).float().double()


def tensor(x):
    kind = "i32" if x.dtype in (torch.int32, torch.int64) else "f64"
    return {"shape": list(x.shape), "dtype": kind, "values": x.reshape(-1).tolist()}


def write(name, content):
    OUT.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"written_by": "PyTorch " + torch.__version__, **content}, separators=(",", ":"))
    # One case a line, so that a change shows as a change of lines.
    text = text.replace('{"op":', '\n{"op":').replace('{"name":', '\n{"name":')
    (OUT / name).write_text(text + "\n")
    print(f"{name}: {len(text)} bytes", file=sys.stderr)


# ---- ops: value and gradient for a random dy -------------------------------------------------------

op_cases = []


def op(name, f, *xs, **attrs):
    """f of the inputs, and the gradient of sum(dy * f) with respect to each float input."""
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in xs]
    y = f(*leaves)
    y = list(y) if isinstance(y, (tuple, list)) else [y]
    dys = [rand(*v.shape) for v in y]
    dxs = [None] * len(leaves)
    if any(v.requires_grad for v in y):
        wrt = [x for x in leaves if x.requires_grad]
        total = sum((v * dy).sum() for v, dy in zip(y, dys) if v.requires_grad)
        found = iter(torch.autograd.grad(total, wrt, allow_unused=True))
        dxs = [next(found) if x.requires_grad else None for x in leaves]
    op_cases.append({
        "op": name, "attrs": attrs, "in": [tensor(x) for x in xs], "out": [tensor(v.detach()) for v in y],
        "dy": [tensor(dy) for dy in dys],
        "dx": [None if dx is None else tensor(dx.detach()) for dx in dxs],
    })


def ops():
    a, row, column = rand(3, 5), rand(5), rand(3, 1)
    positive, positive_row = rand(3, 5, low=0.2, high=3), rand(5, low=0.2, high=3)
    for b in (rand(3, 5), row, column, rand()):
        op("add", torch.add, a, b)
        op("subtract", torch.sub, a, b)
        op("multiply", torch.mul, a, b)
        op("maximum", torch.maximum, a, b)
        op("minimum", torch.minimum, a, b)
    for b in (rand(3, 5, low=0.5), positive_row):
        op("divide", torch.div, a, b)
        op("power", torch.pow, positive, b)
    for name, f in {"negate": torch.neg, "square": torch.square, "exp": torch.exp, "abs": torch.abs, "sign": torch.sign,
                    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "softplus": F.softplus,
                    "erf": torch.erf, "step": lambda x: (x > 0).double()}.items():
        op(name, f, rand(17, low=-6, high=6) if name in ("sigmoid", "tanh", "softplus") else rand(17))
    op("sqrt", torch.sqrt, positive)
    op("log", torch.log, positive)
    op("leaky_relu", F.leaky_relu, a)
    op("leaky_relu", lambda x: F.leaky_relu(x, 0.2), a, slope=0.2)
    tied = a.clone()
    tied[:, 1] = row[1]
    for name, f in {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le,
                    "greater": torch.gt, "greater_equal": torch.ge}.items():
        op(name, lambda x, y, f=f: f(x, y).double(), tied, row)
    mask = (rand(3, 5) > 0).double()
    op("where", lambda c, x, y: torch.where(c != 0, x, y), mask, a, row)

    for ta, tb in ((0, 0), (0, 1), (1, 0), (1, 1)):
        left, right = rand(*((4, 3) if ta else (3, 4))), rand(*((5, 4) if tb else (4, 5)))
        op("matmul", lambda x, y, ta=ta, tb=tb: (x.T if ta else x) @ (y.T if tb else y), left, right,
           transpose_a=ta, transpose_b=tb)
    op("matmul", torch.matmul, rand(2, 1, 3, 4), rand(5, 4, 2))

    cube = rand(2, 3, 4)
    op("reshape", lambda x: x.reshape(4, -1), cube, shape=[4, -1])
    op("transpose", lambda x: x.permute(2, 0, 1), cube, order=[2, 0, 1])
    op("transpose", lambda x: x.T, a)
    op("broadcast_to", lambda x: x.expand(2, 3, 5), column, shape=[2, 3, 5])
    op("slice", lambda x: x[:, 1:3], cube, axis=1, start=1, stop=3)
    op("slice", lambda x: x[..., 0:4:3], cube, axis=-1, start=0, stop=4, step=3)
    op("pad", lambda x: F.pad(x, (1, 2)), a, axis=1, before=1, after=2)
    op("concatenate", lambda *x: torch.cat(x, 1), cube, rand(2, 1, 4), rand(2, 2, 4), axis=1)
    index = torch.tensor([[3, 0], [1, 3]])
    op("gather", lambda x, i: x[:, :, i], cube, index, axis=2)
    op("gather", lambda x, i: x[i], rand(4, 3), index, axis=0)
    picks = torch.tensor([2, 0, 2])
    op("scatter_add", lambda x, i: torch.zeros(4, 5).index_add(0, i, x), a, picks, axis=0, extent=4)
    op("one_hot", lambda i: F.one_hot(i, 4).double(), picks, classes=4, dtype=1)

    for axes, keep in (([], 0), ([1], 0), ([0, -1], 1)):
        dims = axes or [0, 1, 2]
        op("sum", lambda x, d=dims, k=keep: x.sum(d, keepdim=bool(k)), cube, axes=axes, keep=keep)
        op("mean", lambda x, d=dims, k=keep: x.mean(d, keepdim=bool(k)), cube, axes=axes, keep=keep)
        op("max", lambda x, d=dims, k=keep: x.amax(d, keepdim=bool(k)), cube, axes=axes, keep=keep)
    ties = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    op("max", lambda x: x.amax(1), ties, axes=[1], keep=0)

    for axis in (-1, 0):
        op("softmax", lambda x, d=axis: F.softmax(x, d), rand(4, 5, low=-5, high=5), axis=axis)
        op("log_softmax", lambda x, d=axis: F.log_softmax(x, d), rand(4, 5, low=-5, high=5), axis=axis)
    logits, labels = rand(4, 5, low=-5, high=5), torch.tensor([4, 0, 2, 2])
    probabilities = F.softmax(rand(4, 5), -1).float().double()
    op("softmax_cross_entropy", lambda x, t: (F.cross_entropy(x, t), F.softmax(x, -1)), logits, labels)
    op("softmax_cross_entropy", lambda x, t: (F.cross_entropy(x, t), F.softmax(x, -1)), logits, probabilities)
    bits = (rand(4, 5) > 0).double()
    for reduction in ("mean", "sum"):
        op("binary_cross_entropy", lambda x, t, r=reduction: F.binary_cross_entropy_with_logits(x, t, reduction=r),
           logits, bits, reduction=reduction)
        op("squared_error", lambda x, t, r=reduction: F.mse_loss(x, t, reduction=r), logits, probabilities,
           reduction=reduction)
    # Nielsen's quadratic cost: half the squared distance of each sample, averaged.
    op("squared_error", lambda x, t: 0.5 * ((x - t) ** 2).sum(1).mean(), logits, probabilities, reduction="half")
    with torch.random.fork_rng():  # what follows keeps its random numbers
        op("subtract_one_hot", lambda x, i, s: (x - F.one_hot(i, 5)) * s, logits, labels, rand())
    with torch.random.fork_rng():
        def normalized(x, y, axes):
            return y, x.mean(axes), x.var(axes, unbiased=False)

        op("normalize", lambda x: normalized(x, F.batch_norm(x, None, None, training=True), [0, 2]), rand(4, 3, 5),
           axes=[0, 2], eps=1e-5)
        op("normalize", lambda x: normalized(x, F.layer_norm(x, [3, 5], eps=0.1), [1, 2]), rand(4, 3, 5),
           axes=[-1, 1], eps=0.1)
    write("ops.json", {"cases": op_cases})


# ---- nets of dense layers: predictions, loss, the gradient of every parameter ---------------------------

def nets():
    cases = []
    activations = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "softplus": F.softplus}
    plans = [("relu", [7], "cross_entropy"), ("tanh", [5, 3], "cross_entropy"), ("sigmoid", [6], "squared_error"),
             ("softplus", [4, 4], "binary_cross_entropy"), ("relu", [], "cross_entropy")]
    for activation, hidden, loss in plans:
        widths = [6] + hidden + [3]
        parameters = {}
        for i, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
            layer = torch.nn.Linear(fan_in, fan_out)
            parameters[f"fc{i + 1}.weight"] = layer.weight.detach().float().double().requires_grad_()
            parameters[f"fc{i + 1}.bias"] = layer.bias.detach().float().double().requires_grad_()
        x = rand(5, 6)
        h = x
        for i in range(len(widths) - 1):
            h = F.linear(h, parameters[f"fc{i + 1}.weight"], parameters[f"fc{i + 1}.bias"])
            if i + 2 < len(widths):
                h = activations[activation](h)
        if loss == "cross_entropy":
            t = torch.tensor([0, 2, 1, 1, 2])
            value, predictions = F.cross_entropy(h, t), F.softmax(h, -1)
        elif loss == "binary_cross_entropy":
            t = (rand(5, 3) > 0).double()
            value, predictions = F.binary_cross_entropy_with_logits(h, t), torch.sigmoid(h)
        else:
            t = rand(5, 3)
            value, predictions = F.mse_loss(h, t), h
        value.backward()
        cases.append({
            "name": f"{activation} {hidden} {loss}", "activation": activation, "hidden": hidden, "loss": loss,
            "x": tensor(x), "targets": tensor(t), "value": value.item(), "predictions": tensor(predictions.detach()),
            "parameters": {k: tensor(p.detach()) for k, p in parameters.items()},
            "gradients": {k: tensor(p.grad) for k, p in parameters.items()},
        })
    write("nets.json", {"cases": cases})


# ---- normalisation: ten steps of training, by the batches' own statistics; then evaluation by the running ones ----

class RmsNorm(torch.nn.Module):
    """Zhang and Sennrich 2019, equation 4; PyTorch has its own since 2.4."""

    def __init__(self, features, eps):
        super().__init__()
        self.weight, self.eps = torch.nn.Parameter(torch.ones(features)), eps

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


def normalization():
    torch.manual_seed(20261122)
    nn = torch.nn
    dense = {"op": "dense", "out": 7}
    last = {"op": "dense", "out": 3}

    def linear(*sizes, bias=True):
        return nn.Linear(*sizes, bias=bias)

    plans = [
        ("batch_norm", [6], [dense, {"op": "batch_norm"}, {"op": "relu"}, last],
         lambda: [("fc1", linear(6, 7)), ("bn1", nn.BatchNorm1d(7)), ("", nn.ReLU()), ("fc2", linear(7, 3))]),
        ("batch_norm, its arguments", [6],
         [{**dense, "bias": 0}, {"op": "batch_norm", "eps": 0.01, "momentum": 0.3}, {"op": "tanh"},
          {"op": "batch_norm", "affine": 0}, last],
         lambda: [("fc1", linear(6, 7, bias=False)), ("bn1", nn.BatchNorm1d(7, eps=0.01, momentum=0.3)), ("", nn.Tanh()),
                  ("bn2", nn.BatchNorm1d(7, affine=False)), ("fc2", linear(7, 3))]),
        ("batch_norm of pictures", [2, 3, 4], [{"op": "batch_norm"}, {"op": "flatten"}, last],
         lambda: [("bn1", nn.BatchNorm2d(2)), ("", nn.Flatten()), ("fc1", linear(24, 3))]),
        ("layer_norm", [6], [dense, {"op": "layer_norm"}, {"op": "relu"}, last],
         lambda: [("fc1", linear(6, 7)), ("ln1", nn.LayerNorm(7)), ("", nn.ReLU()), ("fc2", linear(7, 3))]),
        ("layer_norm, its arguments", [2, 3, 5],
         [{"op": "layer_norm", "axes": 2, "eps": 0.1}, {"op": "layer_norm", "affine": 0}, {"op": "flatten"}, last],
         lambda: [("ln1", nn.LayerNorm([3, 5], eps=0.1)), ("", nn.LayerNorm(5, elementwise_affine=False)),
                  ("", nn.Flatten()), ("fc1", linear(30, 3))]),
        ("rms_norm", [6], [dense, {"op": "rms_norm", "eps": 1e-6}, last],
         lambda: [("fc1", linear(6, 7)), ("rms1", RmsNorm(7, 1e-6)), ("fc2", linear(7, 3))]),
    ]
    cases = []
    for name, sample, layers, make in plans:
        parts = make()
        net = nn.Sequential(*[module for _, module in parts])
        for p in net.parameters():
            p.data = p.data.float().double() + (rand(*p.shape, low=-0.25, high=0.25) if p.dim() == 1 else 0)
            p.data = p.data.float().double()

        def states():
            return {f"{own}.{key}": tensor(value.clone()) for own, module in parts
                    for key, value in module.state_dict().items() if key != "num_batches_tracked"}

        start, batches, losses, gradients = states(), [], [], {}
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for step in range(10):
            size = 3 if step == 9 else 8  # the last one of an epoch is smaller
            x, t = rand(size, *sample), torch.randint(0, 3, (size,))
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), t)
            loss.backward()
            if step == 0:
                gradients = {f"{own}.{key}": tensor(p.grad.clone()) for own, module in parts
                             for key, p in module.named_parameters()}
            optimizer.step()
            batches.append({"x": tensor(x), "targets": tensor(t)})
            losses.append(loss.item())
        net.eval()
        x = rand(5, *sample)
        cases.append({"name": name, "sample": sample, "layers": layers, "start": start, "batches": batches,
                      "losses": losses, "gradients": gradients, "end": states(), "x": tensor(x),
                      "predictions": tensor(F.softmax(net(x), -1).detach())})
    write("normalization.json", {"cases": cases})


# ---- optimisers: 100 steps each ------------------------------------------------------------------------

STEPS = 100


def gradient_at(p, step):
    """A bumpy bowl that changes from step to step: what tests/golden_test.cpp computes too."""
    i = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
    return (0.3 + 0.1 * i) * (p - 0.5 * i) + torch.cos(3 * p + 0.1 * step) * 0.2


def optimizers():
    cases = []

    def run(name, args, make, decay=0.0, clip=0.0):
        """vitro's optimiser `name` with `args`; the rate at step t (from 0) is lr / (1 + decay t)."""
        parameters = {"w": rand(2, 3).requires_grad_(), "b": rand(3).requires_grad_()}
        start = {k: tensor(p.detach()) for k, p in parameters.items()}
        optimizer = make(list(parameters.values()))
        lr = optimizer.param_groups[0]["lr"]
        halfway = None
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = lr / (1 + decay * step)
            for p in parameters.values():
                p.grad = gradient_at(p.detach(), step)
            if clip:
                torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip)
            optimizer.step()
            if step + 1 == STEPS // 10:
                halfway = {k: tensor(p.detach().clone()) for k, p in parameters.items()}
        cases.append({"name": name, "args": args, "lr": lr, "decay": decay, "clip": clip, "steps": STEPS, "start": start,
                      "after_10": halfway, "end": {k: tensor(p.detach()) for k, p in parameters.items()}})

    o = torch.optim
    run("sgd", {"lr": 0.05}, lambda p: o.SGD(p, 0.05))
    run("sgd", {"lr": 0.05}, lambda p: o.SGD(p, 0.05), decay=0.1)
    run("sgd", {"lr": 0.05}, lambda p: o.SGD(p, 0.05), clip=0.5)
    run("sgd", {"lr": 0.05, "weight_decay": 0.1}, lambda p: o.SGD(p, 0.05, weight_decay=0.1))
    run("sgd", {"lr": 0.02, "momentum": 0.9}, lambda p: o.SGD(p, 0.02, momentum=0.9), decay=0.05)
    run("sgd", {"lr": 0.02, "momentum": 0.8, "nesterov": 1}, lambda p: o.SGD(p, 0.02, momentum=0.8, nesterov=True), decay=0.05)
    run("momentum", {"lr": 0.02}, lambda p: o.SGD(p, 0.02, momentum=0.9), decay=0.05)
    run("nesterov", {"lr": 0.02, "weight_decay": 0.03}, lambda p: o.SGD(p, 0.02, momentum=0.9, nesterov=True, weight_decay=0.03))
    # Keras's forms are PyTorch's as long as the rate stays the same.
    run("momentum_keras", {"lr": 0.02}, lambda p: o.SGD(p, 0.02, momentum=0.9))
    run("nesterov_keras", {"lr": 0.02}, lambda p: o.SGD(p, 0.02, momentum=0.9, nesterov=True))
    run("adagrad", {"lr": 0.1}, lambda p: o.Adagrad(p, 0.1))
    run("adagrad", {"lr": 0.1, "start": 0.1, "eps": 1e-7, "weight_decay": 0.01},
        lambda p: o.Adagrad(p, 0.1, initial_accumulator_value=0.1, eps=1e-7, weight_decay=0.01), decay=0.02)
    run("rmsprop", {"lr": 0.01}, lambda p: o.RMSprop(p, 0.01))
    run("rmsprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.01},
        lambda p: o.RMSprop(p, 0.01, alpha=0.9, momentum=0.5, weight_decay=0.01), decay=0.02)
    run("adam", {"lr": 0.01}, lambda p: o.Adam(p, 0.01))
    run("adam", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 1e-7, "weight_decay": 0.1},
        lambda p: o.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-7, weight_decay=0.1), decay=0.02)
    run("adamw", {"lr": 0.01}, lambda p: o.AdamW(p, 0.01))
    run("adamw", {"lr": 0.02, "weight_decay": 0.2}, lambda p: o.AdamW(p, 0.02, weight_decay=0.2), decay=0.02)
    write("optimizers.json", {"cases": cases})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print("golden: takes no arguments", file=sys.stderr)
        sys.exit(2)
    ops()
    nets()
    optimizers()
    normalization()

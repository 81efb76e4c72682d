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
        wide = rand(17, low=-7, high=8)
        for name, f in {"expm1": torch.expm1, "identity": lambda x: x.clone(), "relu6": F.relu6, "elu": F.elu,
                        "selu": F.selu, "gelu": F.gelu, "silu": F.silu,
                        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "softsign": F.softsign,
                        "log_cosh": lambda x: torch.log(torch.cosh(x)), "normal_cdf": torch.special.ndtr}.items():
            op(name, f, wide)
        op("elu", lambda x: F.elu(x, 0.3), wide, alpha=0.3)
        for slope in (1 / 6, 0.2):  # in double PyTorch's hardsigmoid keeps a float's 1/6 in its derivative
            op("hard_sigmoid", lambda x: torch.clamp(slope * x + 0.5, 0, 1), wide, slope=slope)
        op("prelu", F.prelu, rand(4, 5), rand(5))
        op("prelu", F.prelu, rand(4, 5), rand(1))
        x, z, v, s, u, e = rand(4, 5), rand(4, 5), rand(4, 5, low=0.5), rand(), rand(), rand(low=0.5)
        op("add_scaled", lambda x, z, a: x + a * z, x, z, s)
        op("subtract_scaled", lambda x, z, a: x - a * z, x, z, s)
        op("mix", lambda x, z, a, b: a * x + b * z, x, z, s, u)
        op("mix_square", lambda x, z, a, b: a * x + b * z * z, x, z, s, u)
        op("normalised_step", lambda x, m, v, a, b, e: x - a * m / (b * torch.sqrt(v) + e), x, z, v, s, abs(u), e)
    with torch.random.fork_rng():
        def normalized(x, y, axes):
            return y, x.mean(axes), x.var(axes, unbiased=False)

        op("normalize", lambda x: normalized(x, F.batch_norm(x, None, None, training=True), [0, 2]), rand(4, 3, 5),
           axes=[0, 2], eps=1e-5)
        op("normalize", lambda x: normalized(x, F.layer_norm(x, [3, 5], eps=0.1), [1, 2]), rand(4, 3, 5),
           axes=[-1, 1], eps=0.1)
    with torch.random.fork_rng():
        windows()

        def batch_norm(x, w, b, eps=1e-5):
            return F.batch_norm(x, None, None, w, b, training=True, eps=eps)

        def batch_norm_gradient(x, w, mean, variance, dy, eps, axes):
            """PyTorch's backward takes mean and deviation as they were saved; its own derivative takes them for x's."""
            across = lambda v: v.reshape([-1] + [1] * (x.dim() - 2))
            inverse, n = 1 / torch.sqrt(variance + eps), x.numel() / len(w)
            z = (x - across(mean)) * across(inverse)
            dweight, dbias = (dy * z).sum(axes), dy.sum(axes)
            dx = (dy - across(dbias / n) - z * across(dweight / n)) * across(w * inverse)
            theirs = torch.ops.aten.native_batch_norm_backward(dy, x, w, None, None, mean, inverse, True, eps, [True] * 3)
            assert all(torch.allclose(a, b, rtol=1e-12) for a, b in zip((dx, dweight, dbias), theirs))
            return dx, dweight, dbias

        for shape, eps in ((4, 3, 5), 1e-5), ((7, 2), 0.1):
            c, axes = shape[1], [0] if len(shape) == 2 else [0, 2]
            op("batch_norm", lambda x, w, b: (batch_norm(x, w, b, eps), *normalized(x, x, axes)[1:]), rand(*shape),
               rand(c), rand(c), eps=eps)
            op("batch_norm_gradient", lambda x, w, m, v, dy: batch_norm_gradient(x, w, m, v, dy, eps, axes),
               rand(*shape), rand(c), rand(c), rand(c, low=0.5), rand(*shape), eps=eps)
    with torch.random.fork_rng():
        sequences()
    write("ops.json", {"cases": op_cases})


def recurrent(cell, time, lengths, h, c, back=False):
    """A cell over all steps (or back over them): cell(t, h, c) gives what a step writes and the state behind it."""
    out = [None] * time
    for t in reversed(range(time)) if back else range(time):
        out[t], after_h, after_c = cell(t, h, c)
        runs = (t < lengths)[:, None] if lengths is not None else torch.ones(len(h), 1, dtype=torch.bool)
        out[t] = [torch.where(runs, running, ended) for running, ended in out[t]]
        h, c = torch.where(runs, after_h, h), torch.where(runs, after_c, c)
    return [torch.stack(x, 1) for x in zip(*out)], h, c


def theirs(kind, x, weight, bias, states, lengths, **args):
    """PyTorch's layer with the identity for its input's weight, on packed sequences."""
    module = getattr(torch.nn, kind)(x.shape[2], weight.shape[1], batch_first=True, **args)
    module._flat_weights = [torch.eye(x.shape[2]), weight, torch.zeros(x.shape[2]), bias]
    packed = x
    if lengths is not None:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    start = tuple(s[None] for s in states)
    y, end = module(packed, start if len(start) > 1 else start[0])
    if lengths is not None:
        y = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
    return [y, *(s[0] for s in (end if len(start) > 1 else [end]))]


def agree(ours, theirs):
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in zip(ours, theirs, strict=True))


def sequences():
    """LSTM, GRU, RNN: formulas for all that an op gives, held against PyTorch's layers and their backward."""
    sigmoid, tanh = torch.sigmoid, torch.tanh

    def lstm(x, w, h0, c0, lengths=None):
        def cell(t, h, c):
            i, f, g, o = (x[:, t] + h @ w.T).chunk(4, 1)
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            after = f * c + i * g
            y, gates = o * tanh(after), torch.cat([i, f, g, o], 1)
            return [(y, 0 * y), (h, h), (gates, 0 * gates), (after, c)], y, after
        (y, before, gates, cells), h, c = recurrent(cell, x.shape[1], lengths, h0, c0)
        agree((y, h, c), theirs("LSTM", x, w, torch.zeros(len(w)), (h0, c0), lengths))
        return y, h, c, before, gates, cells

    def lstm_gradient(gates, cells, w, c0, dy, dh, dc, lengths=None):
        def cell(t, dh, dc):
            i, f, g, o = gates[:, t].chunk(4, 1)
            c, s = cells[:, t - 1] if t else c0, tanh(cells[:, t])
            at_h = dh + dy[:, t]
            at_c = dc + at_h * o * (1 - s * s)
            dz = torch.cat([at_c * g * i * (1 - i), at_c * c * f * (1 - f), at_c * i * (1 - g * g),
                            at_h * s * o * (1 - o)], 1)
            return [(dz, 0 * dz), (at_h, dh), (at_c, dc)], dz @ w, at_c * f
        (dz, at_h, at_c), dh, dc = recurrent(cell, gates.shape[1], lengths, dh, dc, back=True)
        return dz, dh, dc, at_h, at_c

    def gru(x, w, b, h0, lengths=None):
        def cell(t, h, _):
            (xr, xu, xn), (zr, zu, m) = x[:, t].chunk(3, 1), (h @ w.T + b).chunk(3, 1)
            r, u = sigmoid(xr + zr), sigmoid(xu + zu)
            n = tanh(xn + r * m)
            y, gates = (1 - u) * n + u * h, torch.cat([r, u, n], 1)
            return [(y, 0 * y), (h, h), (gates, 0 * gates), (m, 0 * m)], y, h
        (y, before, gates, m), h, _ = recurrent(cell, x.shape[1], lengths, h0, h0)
        agree((y, h), theirs("GRU", x, w, b, (h0,), lengths))
        return y, h, before, gates, m

    def gru_gradient(gates, m, before, w, dy, dh, lengths=None):
        def cell(t, dh, _):
            r, u, n = gates[:, t].chunk(3, 1)
            at_h = dh + dy[:, t]
            dn = at_h * (1 - u) * (1 - n * n)
            du, dr = at_h * (before[:, t] - n) * u * (1 - u), dn * m[:, t] * r * (1 - r)
            dx, dz = torch.cat([dr, du, dn], 1), torch.cat([dr, du, dn * r], 1)
            return [(dx, 0 * dx), (dz, 0 * dz), (at_h, dh)], dz @ w + at_h * u, dh
        (dx, dz, at_h), dh, _ = recurrent(cell, gates.shape[1], lengths, dh, dh, back=True)
        return dx, dh, dz, at_h

    def rnn(x, w, h0, lengths=None, activation="tanh"):
        def cell(t, h, _):
            y = getattr(torch, activation)(x[:, t] + h @ w.T)
            return [(y, 0 * y), (h, h)], y, h
        (y, before), h, _ = recurrent(cell, x.shape[1], lengths, h0, h0)
        agree((y, h), theirs("RNN", x, w, torch.zeros(len(w)), (h0,), lengths, nonlinearity=activation))
        return y, h, before

    def rnn_gradient(y, w, dy, dh, lengths=None, activation="tanh"):
        def cell(t, dh, _):
            at_h = dh + dy[:, t]
            dz = at_h * ((y[:, t] > 0).double() if activation == "relu" else 1 - y[:, t] ** 2)
            return [(dz, 0 * dz), (at_h, dh)], dz @ w, dh
        (dz, at_h), dh, _ = recurrent(cell, y.shape[1], lengths, dh, dh, back=True)
        return dz, dh, at_h

    def held(kind, x, w, b, states, lengths, dys, ours, **args):
        """The derivatives of PyTorch's layer by its gates and first states are what the gradient's formula gives."""
        leaves = [v.clone().requires_grad_() for v in (x, *states)]
        ys = theirs(kind, leaves[0], w, b, leaves[1:], lengths, **args)
        agree(ours, torch.autograd.grad(ys, leaves, dys))

    for batch, time, units, lengths in ((2, 3, 3, None), (3, 4, 5, torch.tensor([2, 4, 1])), (1, 2, 7, None)):
        more = [] if lengths is None else [lengths]
        steps, state, zeros = (batch, time, units), (batch, units), torch.zeros
        w, h0, c0, dy, dh, dc = (rand(4 * units, units, low=-0.5, high=0.5), rand(*state), rand(*state), rand(*steps),
                                 rand(*state), rand(*state))
        x = rand(batch, time, 4 * units)
        op("lstm", lstm, x, w, h0, c0, *more)
        _, _, _, _, gates, cells = lstm(x, w, h0, c0, *more)
        back = gates.float().double(), cells.float().double(), w, c0, dy, dh, dc, *more
        op("lstm_gradient", lstm_gradient, *back)
        held("LSTM", x, w, zeros(4 * units), (h0, c0), lengths, (dy, dh, dc),
             lstm_gradient(gates, cells, *back[2:])[:3])

        x, w, b = rand(batch, time, 3 * units), w[:3 * units], rand(3 * units)
        op("gru", gru, x, w, b, h0, *more)
        _, _, before, gates, m = gru(x, w, b, h0, *more)
        back = gates.float().double(), m.float().double(), before.float().double(), w, dy, dh, *more
        op("gru_gradient", gru_gradient, *back)
        held("GRU", x, w, b, (h0,), lengths, (dy, dh), gru_gradient(gates, m, before, *back[3:])[:2])

        for activation in ("tanh", "relu"):
            x, w = rand(*steps), w[:units]
            op("rnn", lambda *xs: rnn(*xs, activation=activation), x, w, h0, *more, activation=activation)
            y = rnn(x, w, h0, *more, activation=activation)[0]
            back = y.float().double(), w, dy, dh, *more
            op("rnn_gradient", lambda *xs: rnn_gradient(*xs, activation=activation), *back, activation=activation)
            held("RNN", x, w, zeros(units), (h0,), lengths, (dy, dh),
                 rnn_gradient(y, *back[1:], activation=activation)[:2], nonlinearity=activation)

    index = torch.tensor([1, 0, 3])
    op("reverse_steps", lambda x: torch.flip(x, [1]), rand(3, 4, 2))
    op("reverse_steps",
       lambda x, n: torch.stack([torch.cat([torch.flip(row[:k], [0]), row[k:]]) for row, k in zip(x, n.tolist())]),
       rand(3, 4, 2), torch.tensor([4, 0, 3]))
    op("step_mask", lambda n: (torch.arange(4)[None] < n[:, None]).double(), torch.tensor([4, 0, 3]), steps=4)
    op("take_step", lambda x, i: x[torch.arange(3), i], rand(3, 4, 2), index)
    op("put_step", lambda x, i: torch.zeros(3, 4, 2).index_put((torch.arange(3), i), x), rand(3, 2), index, steps=4)
    for causal, lengths in ((0, None), (1, None), (0, torch.tensor([5, 2])), (1, torch.tensor([1, 5]))):
        def attention(q, k, v, *lengths):
            mask = torch.ones(2, 1, 4, 5, dtype=torch.bool)
            if lengths:
                mask = mask & (torch.arange(5)[None] < lengths[0][:, None])[:, None, None]
            if causal:
                mask = mask.tril()
            return F._scaled_dot_product_attention(q, k, v, mask, 0.0, True)
        op("scaled_dot_product_attention", attention, rand(2, 2, 4, 3), rand(2, 2, 5, 3), rand(2, 2, 5, 2),
           *([] if lengths is None else [lengths]), causal=causal)


def around(x, padding):
    """x with zeros around it: top, left, bottom, right."""
    top, left, bottom, right = padding
    return F.pad(x, (left, right, top, bottom))


def windows():
    """Convolution and pooling; what PyTorch cannot pad unevenly is padded first."""
    from torch.nn.grad import conv2d_input, conv2d_weight

    plans = [((2, 3, 5, 4), (4, 3, 3, 2), [1, 1], [0, 0, 0, 0], [1, 1], 1),
             ((1, 2, 7, 6), (3, 2, 3, 3), [2, 3], [1, 2, 1, 2], [1, 1], 1),
             ((2, 2, 8, 7), (2, 2, 3, 2), [1, 2], [2, 1, 2, 1], [2, 3], 1),
             ((1, 6, 5, 4), (4, 3, 3, 3), [1, 1], [1, 1, 1, 1], [1, 1], 2),
             ((2, 3, 6, 5), (6, 1, 2, 3), [2, 1], [0, 1, 0, 1], [1, 1], 3),
             ((1, 2, 4, 5), (2, 2, 2, 2), [2, 2], [1, 0, 0, 2], [1, 1], 1)]
    for size, kernel, stride, padding, dilation, groups in plans:
        attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        x, weight = rand(*size), rand(*kernel)
        outer = around(x, padding).shape
        top, left, bottom, right = padding

        def inner(y):
            return y[..., top:outer[2] - bottom, left:outer[3] - right]

        def conv(x, weight):
            return F.conv2d(around(x, padding), weight, None, stride, 0, dilation, groups)

        op("conv2d", conv, x, weight, **attrs)
        dy = rand(*conv(x, weight).shape)
        op("conv2d_input_gradient", lambda dy, weight: inner(conv2d_input(outer, weight, dy, stride, 0, dilation, groups)),
           dy, weight, height=size[2], width=size[3], **attrs)
        op("conv2d_weight_gradient",
           lambda x, dy: conv2d_weight(around(x, padding), kernel, dy, stride, 0, dilation, groups),
           x, dy, kernel=list(kernel[2:]), **attrs)
        if groups == 1:
            unfolded = [size[0], size[1], *kernel[2:], *dy.shape[2:]]
            both = {"kernel_size": kernel[2:], "dilation": dilation, "stride": stride}
            del attrs["groups"]
            op("unfold2d", lambda x: F.unfold(around(x, padding), **both).reshape(unfolded), x, kernel=list(kernel[2:]),
               **attrs)
            op("fold2d", lambda x: inner(F.fold(x.reshape(size[0], -1, dy.shape[2] * dy.shape[3]), outer[2:], **both)),
               rand(*unfolded), height=size[2], width=size[3], **attrs)

    for kernel, dilation in ((4, 1), (3, 2)):
        op("conv2d", lambda x, weight: F.conv2d(x, weight, padding="same", dilation=dilation), rand(1, 2, 5, 7),
           rand(2, 2, kernel, 2), padding=[], dilation=[dilation])

    plans = [((2, 3, 4, 6), [2, 2], [2, 2], [0, 0], 0), ((1, 2, 5, 7), [2, 3], [2, 1], [1, 1], 0),
             ((1, 2, 6, 7), [3, 3], [2, 2], [1, 0], 1), ((2, 1, 5, 5), [2, 2], [2, 2], [0, 0], 1),
             ((1, 1, 2, 2), [3, 3], [3, 3], [0, 0], 1)]
    for size, kernel, stride, padding, ceil in plans:
        attrs = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": ceil}
        given = (kernel, stride, padding)
        x = rand(*size)
        y, places = F.max_pool2d(x, *given, ceil_mode=bool(ceil), return_indices=True)
        op("max_pool2d", lambda x: F.max_pool2d(x, *given, ceil_mode=bool(ceil)), x, **attrs)
        op("max_pool2d", lambda x: F.max_pool2d(x, *given, ceil_mode=bool(ceil)), torch.round(x), **attrs)  # ties

        def scatter(x, v):
            empty = torch.zeros(size[0], size[1], size[2] * size[3])
            return empty.scatter_add(2, places.flatten(2), v.flatten(2)).reshape(size) + 0 * x

        op("max_pool2d_scatter", scatter, x, rand(*y.shape), **attrs)
        op("max_pool2d_pick", lambda x, v: v.flatten(2).gather(2, places.flatten(2)).reshape(y.shape) + 0 * x.sum(), x,
           rand(*size), **attrs)
        for count in (1, 0):
            def average(x):
                return F.avg_pool2d(x, *given, ceil_mode=bool(ceil), count_include_pad=bool(count))

            def spread(v):
                leaf = torch.zeros(size, requires_grad=True)
                return torch.autograd.grad(average(leaf), leaf, v, create_graph=True)[0]

            op("avg_pool2d", average, x, count_padding=count, **attrs)
            op("avg_pool2d_scatter", spread, rand(*y.shape), height=size[2], width=size[3], count_padding=count, **attrs)


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
    write("normalization.json", {"cases": trained(plans)})


class Embed(torch.nn.Module):
    def __init__(self, sizes, widths):
        super().__init__()
        for i, (size, width) in enumerate(zip(sizes, widths)):
            self.register_parameter(f"weight_{i}", torch.nn.Parameter(torch.randn(size, width)))
        self.count = len(sizes)

    def forward(self, x):
        tables = [getattr(self, f"weight_{i}") for i in range(self.count)]
        codes = [F.embedding(x[..., x.shape[-1] - self.count + i].long(), table) for i, table in enumerate(tables)]
        return torch.cat([x[..., :x.shape[-1] - self.count], *codes], -1)


def embeddings():
    torch.manual_seed(20261123)
    nn = torch.nn
    dense, last = {"op": "dense", "out": 7}, {"op": "dense", "out": 3}
    plans = [
        ("numbers and codes, the layer put in front", [5], [dense, {"op": "relu"}, last],
         lambda: [("embed", Embed([4, 30], [3, 11])), ("fc1", nn.Linear(17, 7)), ("", nn.ReLU()),
                  ("fc2", nn.Linear(7, 3))], [4, 30]),
        ("codes alone, of one width", [2], [{"op": "embed", "width": 2}, last],
         lambda: [("embed1", Embed([2, 6], [2, 2])), ("fc1", nn.Linear(4, 3))], [2, 6]),
    ]
    write("embeddings.json", {"cases": trained(plans)})


def trained(plans):
    """Ten steps of each net. A plan: name, sample, layers, the parts; where the last columns are codes, their sizes."""
    cases = []
    for name, sample, layers, make, *coded in plans:
        sizes = coded[0] if coded else []

        def samples(n):
            x = rand(n, *sample)
            for i, size in enumerate(sizes):
                x[..., x.shape[-1] - len(sizes) + i] = torch.randint(0, size, (n,)).double()
            return x

        parts = make()
        net = torch.nn.Sequential(*[module for _, module in parts])
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
            x, t = samples(size), torch.randint(0, 3, (size,))
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
        x = samples(5)
        cases.append({"name": name, "sample": sample, **({"codes": sizes} if sizes else {}), "layers": layers, "start": start, "batches": batches,
                      "losses": losses, "gradients": gradients, "end": states(), "x": tensor(x),
                      "predictions": tensor(F.softmax(net(x), -1).detach())})
    return cases


# ---- nets of pictures: ten steps of training from numbers that both sides can make, then evaluation ------------------

def noise(shape, key, offset=0.0, scale=1.0):
    """offset + scale u with u in [-1, 1), a float exactly; the test makes the same of key and position."""
    values, n = [], torch.Size(shape).numel()
    for i in range(n):
        z = ((i + 1) * 0x9E3779B1 + key * 0x85EBCA77) & 0xFFFFFFFF
        z ^= z >> 15
        z = (z * 0x2C1B3C6D) & 0xFFFFFFFF
        z ^= z >> 12
        values.append(offset + scale * (z / 2 ** 31 - 1))
    return torch.tensor(values).reshape(shape).float().double()


def digest(x):
    """At most 64 of its numbers, evenly spread, and the length of all."""
    flat = x.detach().reshape(-1)
    stride = max(1, (flat.numel() + 63) // 64)
    return {"stride": stride, "some": flat[::stride].tolist(), "norm": flat.norm().item()}


class Block(torch.nn.Module):
    """A residual block with a short cut that projects where the shape changes."""

    def __init__(self, before, out, stride):
        super().__init__()
        nn = torch.nn
        self.conv1, self.bn1 = nn.Conv2d(before, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.main = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        keeps = before == out and stride == 1
        self.short = nn.Identity() if keeps else nn.Sequential(nn.Conv2d(before, out, 1, stride, bias=False),
                                                               nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.main(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.short(x))


class Dense(torch.nn.Module):
    """A dense link: a layer's maps beside those that it was fed with."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(2, 3, 3, 1, 1), torch.nn.Conv2d(5, 4, 3, 1, 1)
        self.fc1 = torch.nn.Linear(9, 3)

    def forward(self, x):
        both = torch.cat([x, F.relu(self.conv1(x))], 1)
        return self.fc1(torch.cat([both, self.conv2(both)], 1).mean([2, 3]))


def pictures():
    nn = torch.nn

    def net(**parts):
        from collections import OrderedDict
        return nn.Sequential(OrderedDict(parts))

    flat, last = {"op": "flatten"}, {"op": "dense", "out": 3}
    conv = {"op": "conv2d", "out": 4, "kernel": 3}
    block = [{"op": "conv2d", "out": "$out", "kernel": 3, "stride": "$stride", "padding": 1, "bias": 0},
             {"op": "batch_norm"}, {"op": "relu"},
             {"op": "conv2d", "out": "$out", "kernel": 3, "padding": 1, "bias": 0}, {"op": "batch_norm", "name": "main"},
             {"op": "project", "name": "short", "from": ["input"], "out": "$out", "stride": "$stride"},
             {"op": "add", "from": ["main", "short"]}, {"op": "relu"}]
    plans = [
        ("conv2d", [2, 5, 6], [conv, {"op": "relu"}, flat, last],
         net(conv1=nn.Conv2d(2, 4, 3), relu=nn.ReLU(), flat=nn.Flatten(), fc1=nn.Linear(48, 3))),
        ("conv2d, its arguments", [2, 7, 6],
         [{"op": "conv2d", "out": 4, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}, {"op": "tanh"},
          {"op": "conv2d", "out": 6, "kernel": 3, "padding": "same", "dilation": 2, "groups": 2, "bias": 0}, {"op": "tanh"},
          {"op": "conv2d", "out": 3, "kernel": 1, "stride": 2, "padding": "valid"}, flat, last],
         net(conv1=nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 0)), a=nn.Tanh(),
             conv2=nn.Conv2d(4, 6, 3, padding="same", dilation=2, groups=2, bias=False), b=nn.Tanh(),
             conv3=nn.Conv2d(6, 3, 1, 2), flat=nn.Flatten(), fc1=nn.Linear(18, 3))),
        ("depthwise_conv2d", [3, 6, 5],
         [{"op": "depthwise_conv2d", "kernel": 3, "multiplier": 2, "padding": 1}, {"op": "relu"},
          {"op": "conv2d", "out": 6, "kernel": 3, "stride": 2, "groups": "depthwise"}, flat, last],
         net(depthwise1=nn.Conv2d(3, 6, 3, 1, 1, groups=3), relu=nn.ReLU(), conv1=nn.Conv2d(6, 6, 3, 2, groups=6),
             flat=nn.Flatten(), fc1=nn.Linear(24, 3))),
        ("conv1d, max_pool1d, avg_pool1d", [3, 19],
         [{"op": "conv1d", "out": 4, "kernel": 3, "stride": 2, "padding": 2, "dilation": 2}, {"op": "relu"},
          {"op": "max_pool1d", "kernel": 3, "stride": 2, "padding": 1},
          {"op": "conv1d", "out": 4, "kernel": 2, "padding": "same", "groups": 2},
          {"op": "avg_pool1d", "kernel": 2, "ceil": 1}, flat, last],
         net(conv1=nn.Conv1d(3, 4, 3, 2, 2, 2), relu=nn.ReLU(), a=nn.MaxPool1d(3, 2, 1),
             conv2=nn.Conv1d(4, 4, 2, padding="same", groups=2), b=nn.AvgPool1d(2, ceil_mode=True), flat=nn.Flatten(),
             fc1=nn.Linear(12, 3))),
        ("max_pool2d, avg_pool2d, global_avg_pool", [2, 9, 8],
         [conv, {"op": "max_pool2d", "kernel": 3, "stride": 2, "padding": 1, "ceil": 1},
          {"op": "conv2d", "out": 4, "kernel": 2, "padding": 1},
          {"op": "avg_pool2d", "kernel": [3, 2], "stride": [1, 2], "padding": 1, "count_padding": 0},
          {"op": "global_avg_pool"}, last],
         net(conv1=nn.Conv2d(2, 4, 3), a=nn.MaxPool2d(3, 2, 1, ceil_mode=True), conv2=nn.Conv2d(4, 4, 2, 1, 1),
             b=nn.AvgPool2d((3, 2), (1, 2), 1, count_include_pad=False), c=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(),
             fc1=nn.Linear(4, 3))),
        ("adaptive_avg_pool2d, adaptive_max_pool2d, global_max_pool", [2, 9, 8],
         [conv, {"op": "adaptive_avg_pool2d", "out": [5, 4]}, {"op": "conv2d", "out": 4, "kernel": 1},
          {"op": "adaptive_max_pool2d", "out": [3, 4]}, {"op": "conv2d", "out": 4, "kernel": 2},
          {"op": "adaptive_avg_pool2d", "out": 2}, {"op": "global_max_pool"}, last],
         net(conv1=nn.Conv2d(2, 4, 3), a=nn.AdaptiveAvgPool2d((5, 4)), conv2=nn.Conv2d(4, 4, 1),
             b=nn.AdaptiveMaxPool2d((3, 4)), conv3=nn.Conv2d(4, 4, 2), c=nn.AdaptiveAvgPool2d(2),
             d=nn.AdaptiveMaxPool2d(1), flat=nn.Flatten(), fc1=nn.Linear(4, 3))),
        ("group_norm", [2, 5, 4],
         [conv, {"op": "group_norm", "groups": 2}, {"op": "relu"},
          {"op": "group_norm", "groups": "depthwise", "eps": 0.1, "affine": 0}, flat, last],
         net(conv1=nn.Conv2d(2, 4, 3), gn1=nn.GroupNorm(2, 4), relu=nn.ReLU(),
             gn2=nn.GroupNorm(4, 4, eps=0.1, affine=False), flat=nn.Flatten(), fc1=nn.Linear(24, 3))),
        ("upsample, zero_pad2d", [2, 4, 5],
         [conv, {"op": "upsample"}, {"op": "zero_pad2d", "padding": [1, 0, 2, 1]}, {"op": "conv2d", "out": 2, "kernel": 2},
          {"op": "upsample", "factor": 3, "mode": "bilinear"}, flat, last],
         net(conv1=nn.Conv2d(2, 4, 3), a=nn.Upsample(scale_factor=2), b=nn.ZeroPad2d((0, 1, 1, 2)),
             conv2=nn.Conv2d(4, 2, 2), c=nn.Upsample(scale_factor=3, mode="bilinear", align_corners=False),
             flat=nn.Flatten(), fc1=nn.Linear(2 * 18 * 18, 3))),
        ("project, add", [4, 6, 5],
         {"blocks": {"res": block}, "layers": [{"op": "res", "out": 4, "stride": 1, "repeat": 2},
                                               {"op": "res", "out": 6, "stride": 2}, {"op": "global_avg_pool"}, last]},
         net(res1=Block(4, 4, 1), res2=Block(4, 4, 1), res3=Block(4, 6, 2), a=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(),
             fc1=nn.Linear(6, 3))),
        ("concatenate", [2, 5, 4],
         [{"op": "conv2d", "out": 3, "kernel": 3, "padding": 1}, {"op": "relu", "name": "a"},
          {"op": "concatenate", "name": "both", "from": ["input", "a"], "axis": 1},
          {"op": "conv2d", "out": 4, "kernel": 3, "padding": 1, "name": "conv2"},
          {"op": "concatenate", "from": ["both", "conv2"], "axis": 1}, {"op": "global_avg_pool"}, last], Dense()),
        ("lenet", [1, 28, 28], "lenet",
         net(conv1=nn.Conv2d(1, 6, 5, padding=2), a=nn.ReLU(), b=nn.MaxPool2d(2), conv2=nn.Conv2d(6, 16, 5), c=nn.ReLU(),
             d=nn.MaxPool2d(2), flat=nn.Flatten(), fc1=nn.Linear(400, 120), e=nn.ReLU(), fc2=nn.Linear(120, 84),
             f=nn.ReLU(), fc3=nn.Linear(84, 3))),
        ("resnet20", [3, 12, 12], "resnet20",
         net(conv1=nn.Conv2d(3, 16, 3, 1, 1, bias=False), bn1=nn.BatchNorm2d(16), a=nn.ReLU(),
             **{f"res{i + 1}": Block(before, out, stride) for i, (before, out, stride) in enumerate(
                 [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2)},
             b=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc1=nn.Linear(64, 3))),
    ]
    cases, batch = [], 6
    for name, sample, layers, module in plans:
        start = {}
        for key, (own, p) in enumerate(module.named_parameters()):
            fan = p[0].numel()
            offset = 1.0 if p.dim() == 1 and own.endswith("weight") else 0.0
            scale = 0.25 if p.dim() == 1 else 2.0 ** round(torch.log2(torch.tensor(2.0 / fan) ** 0.5).item())
            start[own] = [key + 1, offset, scale]
            p.data = noise(p.shape, key + 1, offset, scale)
        losses, gradients = [], {}
        # Twenty layers of kinks: a float's rounding puts a unit on its other side, and the steps go elsewhere. In double
        # nothing of that is seen.
        lr = 0.001 if name == "resnet20" else 0.05
        optimizer = torch.optim.SGD(module.parameters(), lr=lr)
        module.train()
        for step in range(10):
            x, t = noise([batch, *sample], 1000 + step), torch.tensor([(5 * i + step) % 3 for i in range(batch)])
            optimizer.zero_grad()
            loss = F.cross_entropy(module(x), t)
            loss.backward()
            if step == 0:
                gradients = {own: digest(p.grad) for own, p in module.named_parameters()}
            optimizer.step()
            losses.append(loss.item())
        module.eval()
        predictions = F.softmax(module(noise([batch, *sample], 2000)), -1)
        end = {own: digest(p) for own, p in module.state_dict().items() if "num_batches" not in own}
        cases.append({"name": name, "sample": sample, "batch": batch, "lr": lr, "net": layers, "start": start, "losses": losses,
                      "gradients": gradients, "end": end, "predictions": tensor(predictions.detach())})
    write("pictures.json", {"cases": cases})


# ---- losses: every reduction and option, value and gradient --------------------------------------------

loss_cases = []


def loss(name, f, x, t, reduction="mean", **args):
    """f(x, t, reduction) with PyTorch's word for the reduction; ours may be per_sample or half of that."""
    leaf = x.clone().requires_grad_()
    rows = x.shape[0]
    share = {"per_sample": 1 / rows, "half": 0.5 / rows}.get(reduction)
    value = f(leaf, t, "sum") * share if share else f(leaf, t, reduction)
    value.backward()
    loss_cases.append({"name": name, "reduction": reduction, "args": args, "x": tensor(x), "targets": tensor(t),
                       "value": value.item(), "dx": tensor(leaf.grad)})


def losses():
    logits, labels = rand(6, 5, low=-4, high=4), torch.tensor([4, 0, 2, 2, 1, 3])
    p, q = (F.softmax(rand(6, 5), -1).float().double() for _ in range(2))
    lp = F.log_softmax(logits, -1).float().double()
    w = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5])
    given = {"class_weights": w.tolist()}
    for r in ("mean", "sum"):
        for t in (labels, p):
            index = t is labels
            for smoothing in (0.0, 0.125):
                for weighed in (False, True):
                    args = dict({"label_smoothing": smoothing}, **(given if weighed else {}))
                    loss("cross_entropy", lambda x, t, r: F.cross_entropy(
                        x, t, w if weighed else None, reduction=r, label_smoothing=smoothing), logits, t, r, **args)
                    if index:
                        loss("cross_entropy", lambda x, t, r: F.cross_entropy(
                            x, t, w if weighed else None, ignore_index=2, reduction=r, label_smoothing=smoothing),
                             logits, t, r, ignore_index=2, **args)
                        loss("cross_entropy", lambda x, t, r: F.nll_loss(torch.log(x), t, w if weighed else None,
                                                                        ignore_index=2, reduction=r),
                             q, t, r, from_logits=0, ignore_index=2, **(given if weighed else {}))
                    else:  # probabilities made into logits
                        loss("cross_entropy", lambda x, t, r: -(
                            (t * (1 - smoothing) + smoothing / 5) * (w if weighed else 1) * torch.log(x)).sum() /
                            (6 if r == "mean" else 1), q, t, r, from_logits=0, **args)
        beyond = torch.where(labels == 2, -1, labels)
        loss("cross_entropy", lambda x, t, r: F.cross_entropy(x, t, w, ignore_index=-1, reduction=r, label_smoothing=0.25),
             logits, beyond, r, ignore_index=-1, label_smoothing=0.25, **given)
        loss("nll", lambda x, t, r: F.nll_loss(x, t, reduction=r), lp, labels, r)
        loss("nll", lambda x, t, r: F.nll_loss(x, t, w, ignore_index=2, reduction=r), lp, labels, r, ignore_index=2, **given)
        loss("cosine", lambda x, t, r: F.cosine_embedding_loss(x, t, torch.ones(6), reduction=r), logits, p, r)
    bits, one = (rand(6, 5) > 0).double(), torch.tensor([2.5])
    for r in ("mean", "sum", "per_sample"):
        loss("kl_divergence", lambda x, t, r: F.kl_div(x, t, reduction=r), lp, p, r)
        loss("kl_divergence", lambda x, t, r: F.kl_div(x, t, reduction=r), lp, F.one_hot(labels, 5).double(), r)
        for t in (bits, p):
            loss("binary_cross_entropy", lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r), logits, t, r)
            loss("binary_cross_entropy", lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r), q, t, r, from_logits=0)
            for each in (one, w):
                loss("binary_cross_entropy", lambda x, t, r: F.binary_cross_entropy_with_logits(
                    x, t, reduction=r, pos_weight=each), logits, t, r, pos_weight=each.tolist())
                loss("binary_cross_entropy", lambda x, t, r: F.binary_cross_entropy_with_logits(
                    torch.logit(x), t, reduction=r, pos_weight=each), q, t, r, pos_weight=each.tolist(), from_logits=0)
        fold = {"mean": torch.mean, "sum": torch.sum}
        for t in (bits, 2 * bits - 1):
            loss("hinge", lambda x, t, r: fold[r](F.relu(1 - torch.where(t > 0, 1.0, -1.0) * x)), logits, t, r)
            loss("squared_hinge", lambda x, t, r: fold[r](F.relu(1 - torch.where(t > 0, 1.0, -1.0) * x) ** 2), logits, t, r)
        loss("perceptron", lambda x, t, r: fold[r](F.relu(x) - x * t), logits, bits, r)
        t = rand(6, 5)
        loss("squared_error", lambda x, t, r: F.mse_loss(x, t, reduction=r), logits, t, r)
        loss("absolute_error", lambda x, t, r: F.l1_loss(x, t, reduction=r), logits, t, r)
        loss("log_cosh", lambda x, t, r: fold[r](torch.log(torch.cosh(x - t))), logits, t, r)
        for size in (1.0, 0.375):
            loss("smooth_l1", lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=size), logits, t, r, beta=size)
            loss("huber", lambda x, t, r: F.huber_loss(x, t, reduction=r, delta=size), logits, t, r, delta=size)
    loss("squared_error", lambda x, t, r: F.mse_loss(x, t, reduction=r), logits, t, "half")
    write("losses.json", {"cases": loss_cases})


# ---- optimisers: 100 steps each ------------------------------------------------------------------------

STEPS = 100


def gradient_at(p, step):
    """A bumpy bowl that changes from step to step: what tests/golden_test.cpp computes too."""
    i = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
    return (0.3 + 0.1 * i) * (p - 0.5 * i) + torch.cos(3 * p + 0.1 * step) * 0.2


def optimizers():
    torch.manual_seed(20261121)  # whatever came before
    cases = []

    def run(name, args, make, decay=0.0, clip=0.0, groups=(), schedule=None, after=None):
        """vitro's optimiser `name` with `args`; the rate at step t (from 0) is lr / (1 + decay t), or as `schedule`,
        (vitro's name, its arguments, PyTorch's scheduler), has it. `after(parameters)` is called after each step."""
        parameters = {"w": rand(2, 3).requires_grad_(), "b": rand(3).requires_grad_()}
        start = {k: tensor(p.detach()) for k, p in parameters.items()}
        optimizer = make(parameters if groups else list(parameters.values()))
        lr = optimizer.param_groups[0]["lr"]
        scheduler = schedule[2](optimizer) if schedule else None
        halfway = None
        for step in range(STEPS):
            for group in optimizer.param_groups if decay else ():
                group["lr"] = lr / (1 + decay * step)
            for p in parameters.values():
                p.grad = gradient_at(p.detach(), step)
            if clip:
                torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip)
            optimizer.step()
            if scheduler:
                scheduler.step()
            if after:
                with torch.no_grad():
                    after(parameters)
            if step + 1 == STEPS // 10:
                halfway = {k: tensor(p.detach().clone()) for k, p in parameters.items()}
        cases.append({"name": name, "args": args, "lr": lr, "decay": decay, "clip": clip, "groups": list(groups),
                      "schedule": {"name": schedule[0], "args": schedule[1]} if schedule else None, "steps": STEPS,
                      "start": start, "after_10": halfway, "end": {k: tensor(p.detach()) for k, p in parameters.items()}})

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

    run("rmsprop", {"centered": 1, "momentum": 0.6}, lambda p: o.RMSprop(p, 0.01, centered=True, momentum=0.6), decay=0.02)
    run("rmsprop", {"lr": 0.02, "centered": 1}, lambda p: o.RMSprop(p, 0.02, centered=True))
    run("adadelta", {}, lambda p: o.Adadelta(p), decay=0.02)
    run("adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-5, "weight_decay": 0.1},
        lambda p: o.Adadelta(p, 0.5, rho=0.95, eps=1e-5, weight_decay=0.1))
    run("adadelta_keras", {"lr": 0.5}, lambda p: o.Adadelta(p, 0.5, rho=0.95, eps=1e-7))
    run("adamax", {}, lambda p: o.Adamax(p))
    run("adamax", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1},
        lambda p: o.Adamax(p, 0.02, betas=(0.8, 0.95), weight_decay=0.1), decay=0.02)
    # foreach: the other path of PyTorch 1.13 counts mu_t twice in the product up to t + 1, against its own page.
    run("nadam", {}, lambda p: o.NAdam(p, foreach=True))
    run("nadam", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "momentum_decay": 1.0, "weight_decay": 0.1},
        lambda p: o.NAdam(p, 0.02, betas=(0.8, 0.95), momentum_decay=1, weight_decay=0.1, foreach=True), decay=0.02)
    run("amsgrad", {"lr": 0.01}, lambda p: o.Adam(p, 0.01, amsgrad=True))
    run("amsgrad", {"lr": 0.02, "beta2": 0.9, "weight_decay": 0.1, "decoupled_decay": 1},
        lambda p: o.AdamW(p, 0.02, betas=(0.9, 0.9), weight_decay=0.1, amsgrad=True), decay=0.02)

    class ByHand(o.Optimizer):
        """Forms of which PyTorch has none: rule(p, g, lr, t, s), s a dictionary of this parameter."""
        def __init__(self, parameters, lr, rule):
            super().__init__(parameters, {"lr": lr})
            self.rule = rule

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    s = self.state[p]
                    s["t"] = s.get("t", 0) + 1
                    p.copy_(self.rule(p, p.grad, group["lr"], s["t"], s))

    def hand(lr, rule):
        return lambda p: ByHand(p, lr, rule)

    def mean(s, name, keep, x):
        s[name] = keep * s.get(name, 0) + (1 - keep) * x
        return s[name]

    # Keras's forms, after keras.optimizers (Keras 2.11 and later).
    def adagrad_keras(p, g, lr, t, s):
        s["a"] = s.get("a", 0.1) + g * g
        return p - lr * g / (s["a"] + 1e-7).sqrt()

    def rmsprop_keras(p, g, lr, t, s, rho=0.9, momentum=0.0, centered=False):
        v = mean(s, "v", rho, g * g)
        if centered:
            v = v - mean(s, "m", rho, g) ** 2
        s["u"] = momentum * s.get("u", 0) + lr * g / (v + 1e-7).sqrt()
        return p - s["u"]

    def adam_keras(p, g, lr, t, s, b1=0.9, b2=0.999):
        m, v = mean(s, "m", b1, g), mean(s, "v", b2, g * g)
        return p - m * lr * (1 - b2 ** t) ** 0.5 / (1 - b1 ** t) / (v.sqrt() + 1e-7)

    def adamax_keras(p, g, lr, t, s, b1=0.9, b2=0.999):
        m = mean(s, "m", b1, g)
        s["u"] = torch.maximum(b2 * s.get("u", torch.zeros_like(g)), g.abs())
        return p - lr * m / ((1 - b1 ** t) * (s["u"] + 1e-7))

    def lamb(p, g, lr, t, s, b1=0.9, b2=0.999, eps=1e-6, decay=1e-2):
        m, v = mean(s, "m", b1, g) / (1 - b1 ** t), mean(s, "v", b2, g * g) / (1 - b2 ** t)
        u = m / (v.sqrt() + eps) + decay * p
        return p - lr * p.norm() / u.norm() * u

    run("adagrad_keras", {"lr": 0.1}, hand(0.1, adagrad_keras), decay=0.02)
    run("rmsprop_keras", {"lr": 0.01}, hand(0.01, rmsprop_keras), decay=0.02)
    run("rmsprop_keras", {"lr": 0.01, "alpha": 0.95, "momentum": 0.5, "centered": 1},
        hand(0.01, lambda *a: rmsprop_keras(*a, rho=0.95, momentum=0.5, centered=True)), decay=0.02)
    run("adam_keras", {"lr": 0.01}, hand(0.01, adam_keras), decay=0.02)
    run("adamax_keras", {"lr": 0.01}, hand(0.01, adamax_keras), decay=0.02)
    run("lamb", {"lr": 0.05}, hand(0.05, lamb), decay=0.02)
    run("lamb", {"lr": 0.05, "weight_decay": 0.0}, hand(0.05, lambda *a: lamb(*a, decay=0.0)))

    # Regularisation of parameters.
    run("sgd", {"lr": 0.05, "l1": 0.1, "weight_decay": 0.05},
        hand(0.05, lambda p, g, lr, t, s: p - lr * (g + 0.05 * p + 0.1 * p.sign())))
    run("sgd", {"lr": 0.02, "weight_decay": 0.5, "decoupled_decay": 1, "decay_biases": 0}, hand(
        0.02, lambda p, g, lr, t, s: p * (1 - lr * 0.5 * (p.dim() > 1)) - lr * g))

    def to_norm(p):  # torch.renorm leaves 1e-7 of room, so by hand
        n = p["w"].norm(dim=1, keepdim=True)
        p["w"].mul_(torch.where(n > 0.8, 0.8 / n, torch.ones_like(n)))

    def to_norm_keras(p):
        n = p["w"].norm(dim=1, keepdim=True)
        p["w"].mul_(n.clamp(0, 0.8) / (1e-7 + n))
    run("adam", {"lr": 0.02, "max_norm": 0.8}, lambda p: o.Adam(p, 0.02), after=to_norm)
    run("sgd", {"lr": 0.02, "max_norm": 0.8, "max_norm_keras": 1}, lambda p: o.SGD(p, 0.02), after=to_norm_keras)

    # Parameter groups, and schedules that drive both numbers.
    L = o.lr_scheduler
    run("adamw", {"lr": 0.02, "weight_decay": 0.2}, lambda p: o.AdamW(
        [{"params": [p["w"]]}, {"params": [p["b"]], "weight_decay": 0.0, "betas": (0.5, 0.999)}], 0.02, weight_decay=0.2),
        groups=[{"match": "b*", "args": {"weight_decay": 0.0, "beta1": 0.5}}])
    run("sgd", {"lr": 0.02, "momentum": 0.9}, lambda p: o.SGD(
        [{"params": [p["w"]]}, {"params": [p["b"]], "lr": 0.005, "momentum": 0.0}], 0.02, momentum=0.9),
        groups=[{"match": "b", "args": {"lr": 0.005, "momentum": 0.0}}],
        schedule=("cosine", {}, lambda x: L.CosineAnnealingLR(x, STEPS)))
    run("sgd", {"lr": 0.05, "momentum": 0.9}, lambda p: o.SGD(p, 0.05, momentum=0.9),
        schedule=("one_cycle", {}, lambda x: L.OneCycleLR(x, 0.05, STEPS)))
    run("adam", {"lr": 0.05}, lambda p: o.Adam(p, 0.05), schedule=("one_cycle", {"anneal_strategy": "linear"},
        lambda x: L.OneCycleLR(x, 0.05, STEPS, anneal_strategy="linear")))
    run("nesterov", {"lr": 0.04}, lambda p: o.SGD(p, 0.04, momentum=0.9, nesterov=True),
        schedule=("cyclic", {"step_size_up": 9, "mode": "triangular2"},
                  lambda x: L.CyclicLR(x, 0.01, 0.04, 9, mode="triangular2")))
    run("adamw", {"lr": 0.05}, lambda p: o.AdamW(p, 0.05), schedule=("step", {"per": "step", "step_size": 30},
        lambda x: L.StepLR(x, 30)))
    write("optimizers.json", {"cases": cases})


# ---- schedules: the rate, and where it is driven the momentum, of every step --------------------------------

def schedules():
    cases = []
    L = torch.optim.lr_scheduler

    def run(name, args, make, lr, steps, per_epoch, unit="step", losses=None):
        """PyTorch's scheduler beside vitro's schedule `name`; it moves on after every step, or (unit "epoch") epoch.
        With `losses` it hears the validation loss of each epoch."""
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr, momentum=0.5)
        scheduler = make(optimizer)
        rates, momenta = [], []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            epoch_ends = (step + 1) % per_epoch == 0
            if losses is not None:
                if epoch_ends:
                    scheduler.step(losses[step // per_epoch])
            elif unit == "fraction":
                scheduler.step((step + 1) / per_epoch)
            elif unit == "step" or epoch_ends:
                scheduler.step()
        cases.append({"name": name, "args": args, "lr": lr, "steps": steps, "per_epoch": per_epoch,
                      "losses": losses or [], "rates": rates, "momenta": momenta})

    run("constant", {}, lambda o: L.ConstantLR(o, 1.0), 0.3, 10, 5)
    run("time", {"k": 0.05}, lambda o: L.LambdaLR(o, lambda t: 1 / (1 + 0.05 * t)), 0.3, 40, 5)
    run("time", {"k": 0.5, "per": "epoch"}, lambda o: L.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)), 0.3, 40, 5, "epoch")
    run("step", {"gamma": 0.4, "step_size": 3}, lambda o: L.StepLR(o, 3, 0.4), 0.3, 40, 4, "epoch")
    run("step", {"gamma": 0.4, "step_size": 7, "per": "step"}, lambda o: L.StepLR(o, 7, 0.4), 0.3, 40, 4)
    run("multi_step", {"milestones": [2, 3, 7]}, lambda o: L.MultiStepLR(o, [2, 3, 7], 0.1), 0.3, 40, 4, "epoch")
    run("multi_step", {"milestones": [5, 31], "gamma": 0.5, "per": "step"}, lambda o: L.MultiStepLR(o, [5, 31], 0.5),
        0.3, 40, 4)
    run("exponential", {"gamma": 0.9}, lambda o: L.ExponentialLR(o, 0.9), 0.3, 40, 4, "epoch")
    run("exponential", {"gamma": 0.97, "per": "step"}, lambda o: L.ExponentialLR(o, 0.97), 0.3, 40, 4)
    run("polynomial", {"power": 2.5}, lambda o: L.PolynomialLR(o, 40, 2.5), 0.3, 40, 4)
    run("polynomial", {}, lambda o: L.PolynomialLR(o, 40, 1.0), 0.3, 40, 4)
    run("polynomial", {"eta_min": 0.1}, lambda o: L.LinearLR(o, 1.0, 0.25, 40), 0.4, 40, 4)
    run("cosine", {}, lambda o: L.CosineAnnealingLR(o, 40), 0.3, 40, 4)
    run("cosine", {"eta_min": 0.02}, lambda o: L.CosineAnnealingLR(o, 33, 0.02), 0.3, 33, 4)
    run("warm_restarts", {"eta_min": 0.01}, lambda o: L.CosineAnnealingWarmRestarts(o, 1, 2, 0.01), 0.3, 64, 4, "fraction")
    run("warm_restarts", {"T_0": 3, "T_mult": 1}, lambda o: L.CosineAnnealingWarmRestarts(o, 3, 1), 0.3, 64, 4, "fraction")
    for mode, more in (("triangular", {}), ("triangular2", {}), ("exp_range", {"gamma": 0.98})):
        run("cyclic", {"mode": mode, "div_factor": 5.0, "step_size_up": 7, **more},
            lambda o: L.CyclicLR(o, 0.06, 0.3, 7, mode=mode, **more), 0.3, 60, 4)
    run("cyclic", {"div_factor": 10.0, "step_size_up": 4, "step_size_down": 11, "base_momentum": 0.7, "max_momentum": 0.95},
        lambda o: L.CyclicLR(o, 0.03, 0.3, 4, 11, base_momentum=0.7, max_momentum=0.95), 0.3, 60, 4)
    run("cyclic", {"cycle_momentum": 0}, lambda o: L.CyclicLR(o, 0.075, 0.3, 8, cycle_momentum=False), 0.3, 60, 4)
    run("one_cycle", {}, lambda o: L.OneCycleLR(o, 0.3, 60), 0.3, 60, 4)
    run("one_cycle", {"cycle_momentum": 0, "pct_start": 0.5}, lambda o: L.OneCycleLR(
        o, 0.3, 37, pct_start=0.5, cycle_momentum=False), 0.3, 37, 4)
    run("one_cycle", {"anneal_strategy": "linear", "three_phase": 1, "pct_start": 0.45, "div_factor": 10.0,
                      "final_div_factor": 100.0, "base_momentum": 0.8, "max_momentum": 0.9},
        lambda o: L.OneCycleLR(o, 0.3, 61, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=100,
                               base_momentum=0.8, max_momentum=0.9, three_phase=True), 0.3, 61, 4)
    # A warm-up in front: the schedule proper begins when it is over.
    def warmed(start, n, make):
        return lambda o: L.SequentialLR(o, [L.LinearLR(o, start, 1.0, n), make(o)], [n])
    run("constant", {"warmup": 10.0, "warmup_start": 0.1}, lambda o: L.LinearLR(o, 0.1, 1.0, 10), 0.3, 40, 4)
    run("exponential", {"warmup": 0.2, "warmup_start": 0.25, "gamma": 0.9, "per": "step"},
        warmed(0.25, 8, lambda o: L.ExponentialLR(o, 0.9)), 0.3, 40, 4)
    run("polynomial", {"warmup": 5.0}, warmed(0.01, 5, lambda o: L.PolynomialLR(o, 35, 1.0)), 0.3, 40, 4)

    noise = torch.Generator().manual_seed(3)
    losses = (1 / (1 + 0.2 * torch.arange(40)) + 0.03 * torch.randn(40, generator=noise)).tolist()
    flat = [1.0] * 12 + [0.5] * 10 + [0.2] * 18
    for heard in (losses, flat):
        run("plateau", {"factor": 0.5, "patience": 2}, lambda o: L.ReduceLROnPlateau(o, factor=0.5, patience=2),
            0.3, 120, 3, losses=heard)
        run("plateau", {"factor": 0.3, "patience": 1, "threshold": 0.01, "threshold_mode": "abs", "cooldown": 3,
                        "min_lr": 0.002},
            lambda o: L.ReduceLROnPlateau(o, factor=0.3, patience=1, threshold=0.01, threshold_mode="abs", cooldown=3,
                                          min_lr=0.002), 0.3, 120, 3, losses=heard)

    class OpenNMT:
        """OpenNMT's rule (its docs/training/decay.md), of which PyTorch has none."""
        def __init__(self, optimizer, decay="default", factor=0.7, start=9, delta=0.0):
            self.group, self.decay, self.factor, self.start, self.delta = optimizer.param_groups[0], decay, factor, start, delta
            self.scores, self.on = [], False

        def step(self, loss):
            self.scores.append(loss)
            past = len(self.scores) >= self.start
            stuck = len(self.scores) > 1 and self.scores[-2] - loss <= self.delta
            if {"default": self.on or past or stuck, "epoch_only": past, "score_only": stuck}[self.decay]:
                self.group["lr"] *= self.factor
                self.on = True

    for decay in ("default", "epoch_only", "score_only"):
        run("opennmt", {"decay": decay}, lambda o: OpenNMT(o, decay), 0.3, 120, 3, losses=losses)
        run("opennmt", {"decay": decay, "factor": 0.5, "start_decay_at": 20, "score_delta": 0.01},
            lambda o: OpenNMT(o, decay, 0.5, 20, 0.01), 0.3, 120, 3, losses=losses)
    write("schedules.json", {"cases": cases})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print("golden: takes no arguments", file=sys.stderr)
        sys.exit(2)
    ops()
    with torch.random.fork_rng():
        losses()
    nets()
    optimizers()
    normalization()
    schedules()
    embeddings()
    pictures()

#!/usr/bin/env python3
"""Writes tests/golden/sequences.json: what PyTorch gives for nets of sequences, step by step.

    scripts/golden_sequences.py        needs torch, as scripts/golden.py; the tests read the committed file

Every recurrent layer, direction and pattern of lengths (packed sequences), the layers that put steps together,
attention, answers at each step, and states that are carried from batch to batch.
"""
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from golden import digest, noise, tensor, write

BATCH, TIME, FEATURES, CLASSES = 4, 6, 3, 3


def lengths_at(step):
    """What the test makes, too: at least one sample is whole, at least one has a single step."""
    return torch.tensor([TIME, 1 + step % TIME, 1, 1 + (3 * step + 2) % TIME])


def targets_at(step, each):
    count = BATCH * TIME if each else BATCH
    t = torch.tensor([(5 * i + step) % CLASSES for i in range(count)])
    return t.reshape(BATCH, TIME) if each else t


def last_of(y, lengths):
    return y[torch.arange(BATCH), lengths - 1]


class Net(torch.nn.Module):
    """A recurrent layer, then what `end` makes of its steps, then a dense layer."""

    def __init__(self, name, layer, end):
        super().__init__()
        self.name, self.end = name, end
        setattr(self, name, layer)
        directions = 2 if layer.bidirectional else 1
        self.fc1 = torch.nn.Linear(directions * layer.hidden_size, CLASSES)

    def forward(self, x, lengths=None, state=None):
        layer = getattr(self, self.name)
        if lengths is None:
            y, state = layer(x, state)
            lengths = torch.full((BATCH,), TIME)
        else:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            y, state = layer(packed, state)
            y, _ = pad_packed_sequence(y, batch_first=True, total_length=TIME)
        self.state = state
        return self.fc1(self.end(y, lengths))


class Attention(torch.nn.Module):
    def __init__(self, end, causal):
        super().__init__()
        self.attention1 = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc1 = torch.nn.Linear(4, CLASSES)
        self.end, self.causal = end, causal

    def forward(self, x, lengths=None, state=None):
        whole = torch.full((BATCH,), TIME) if lengths is None else lengths
        hidden = torch.arange(TIME)[None, :] >= whole[:, None]
        mask = torch.triu(torch.ones(TIME, TIME, dtype=torch.bool), 1) if self.causal else None
        y, _ = self.attention1(x, x, x, key_padding_mask=hidden, attn_mask=mask, need_weights=False)
        return self.fc1(self.end(y, whole))


def counting(lengths):
    return (torch.arange(TIME)[None, :] < lengths[:, None])[:, :, None]


def mean(y, lengths):
    m = counting(lengths)
    return (y * m).sum(1) / lengths[:, None]


def largest(y, lengths):
    return torch.where(counting(lengths), y, torch.tensor(-1e30)).amax(1)


def both_ends(y, lengths):
    half = y.shape[2] // 2
    return torch.cat([last_of(y[:, :, :half], lengths), y[:, 0, half:]], 1)


def every(y, lengths):
    return y


def plans():
    nn = torch.nn
    dense = {"op": "dense", "out": CLASSES}
    last, two = {"op": "last_step"}, {"op": "last_step", "bidirectional": 1}
    average, most = {"op": "mean_over_time"}, {"op": "max_over_time"}
    t = {"batch_first": True}
    # name, layers, module, lengths, answers at each step, carried
    yield "rnn", [{"op": "rnn", "out": 5}, last, dense], Net("rnn1", nn.RNN(3, 5, **t), last_of), False, False, False
    yield ("rnn-relu-lengths", [{"op": "rnn", "out": 5, "activation": "relu", "bidirectional": 1}, average, dense],
           Net("rnn1", nn.RNN(3, 5, nonlinearity="relu", bidirectional=True, **t), mean), True, False, False)
    yield ("rnn-no-bias", [{"op": "rnn", "out": 4, "bias": 0}, most, dense],
           Net("rnn1", nn.RNN(3, 4, bias=False, **t), largest), True, False, False)
    yield "lstm", [{"op": "lstm", "out": 5}, last, dense], Net("lstm1", nn.LSTM(3, 5, **t), last_of), False, False, False
    yield ("lstm-lengths", [{"op": "lstm", "out": 17}, last, dense], Net("lstm1", nn.LSTM(3, 17, **t), last_of),
           True, False, False)
    yield ("lstm-both-two", [{"op": "lstm", "out": 4, "layers": 2, "bidirectional": 1}, two, dense],
           Net("lstm1", nn.LSTM(3, 4, 2, bidirectional=True, **t), both_ends), True, False, False)
    yield ("lstm-no-bias", [{"op": "lstm", "out": 4, "bias": 0}, average, dense],
           Net("lstm1", nn.LSTM(3, 4, bias=False, **t), mean), False, False, False)
    yield "gru", [{"op": "gru", "out": 5}, last, dense], Net("gru1", nn.GRU(3, 5, **t), last_of), False, False, False
    yield ("gru-both-two", [{"op": "gru", "out": 4, "layers": 2, "bidirectional": 1}, two, dense],
           Net("gru1", nn.GRU(3, 4, 2, bidirectional=True, **t), both_ends), True, False, False)
    yield ("gru-no-bias", [{"op": "gru", "out": 16, "bias": 0}, most, dense],
           Net("gru1", nn.GRU(3, 16, bias=False, **t), largest), True, False, False)
    yield ("lstm-carried", [{"op": "lstm", "out": 5, "layers": 2}, dense],
           Net("lstm1", nn.LSTM(3, 5, 2, **t), every), False, True, True)
    yield "gru-carried", [{"op": "gru", "out": 5}, dense], Net("gru1", nn.GRU(3, 5, **t), every), False, True, True
    yield "rnn-carried", [{"op": "rnn", "out": 5}, dense], Net("rnn1", nn.RNN(3, 5, **t), every), False, True, True
    yield ("attention", [{"op": "attention", "heads": 2}, average, dense], Attention(mean, False), True, False, False)
    yield ("attention-causal", [{"op": "attention", "heads": 2, "causal": 1}, dense], Attention(every, True),
           False, True, False)


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def main():
    cases = []
    for name, layers, module, with_lengths, each, carried in plans():
        features = 4 if name.startswith("attention") else FEATURES
        start = {}
        for key, (own, p) in enumerate(module.named_parameters()):
            start[own] = [key + 1, 0.0, 0.5]
            p.data = noise(p.shape, key + 1, 0.0, 0.5)
        losses, gradients, state = [], {}, None
        optimizer = torch.optim.SGD(module.parameters(), lr=0.25)
        for step in range(10):
            x, t = noise([BATCH, TIME, features], 1000 + step), targets_at(step, each)
            optimizer.zero_grad()
            y = module(x, lengths_at(step) if with_lengths else None, state)
            loss = F.cross_entropy(y.reshape(-1, CLASSES), t.reshape(-1))
            loss.backward()
            if carried:
                state = detached(module.state)
            if step == 0:
                gradients = {own: digest(p.grad) for own, p in module.named_parameters()}
            optimizer.step()
            losses.append(loss.item())
        x = noise([BATCH, TIME, features], 2000)
        predictions = F.softmax(module(x, lengths_at(5) if with_lengths else None, state).reshape(-1, CLASSES), -1)
        cases.append({"name": name, "sample": [TIME, features], "layers": layers, "lengths": with_lengths, "each": each,
                      "carried": carried, "start": start, "losses": losses, "gradients": gradients,
                      "end": {own: digest(p) for own, p in module.named_parameters()},
                      "predictions": tensor(predictions.detach())})
    write("sequences.json", {"cases": cases})


if __name__ == "__main__":
    main()

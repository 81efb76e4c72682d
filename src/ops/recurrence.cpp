// Recurrent layers over whole sequences: LSTM, GRU and the plain RNN, each with its derivative as an op of its own.
//
// What is recurrent is alone here. The product of the input with its weight is one ordinary matmul for all steps, whose
// result [batch, time, gates * units] comes in; so are the derivatives of both weights. Beyond y and the last state an
// op hands on what its derivative reads: the state before each step, the gates after their activations.
//
// With lengths, row b ends after lengths[b] steps: the steps behind have y = 0, and the state stays as it is (PyTorch's
// packed sequences); no derivative flows from there.
#include <algorithm>

#include "core/named.h"
#include "kernels/recurrence.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

using kernels::Cell;
using kernels::Recurrence;

// --- shapes ---

struct Sizes {
  int64_t batch, time, units, gates; // gates: of one unit
  DType dtype;
  Type all() const { return {dtype, {batch, time, gates * units}}; }
  Type steps() const { return {dtype, {batch, time, units}}; }
  Type state() const { return {dtype, {batch, units}}; }
  Type weight() const { return {dtype, {gates * units, units}}; }
};

// Of x [batch, time, gates * units].
Sizes sizes_of(const Type& x, const char* name, int64_t gates) {
  if (!is_float(x.dtype) || x.shape.rank() != 3 || x.shape[1] == 0 || x.shape[2] == 0 || x.shape[2] % gates)
    bad_input("",
              text(name, " is ", x, ", expected floating point [batch, time, ", gates, " * units], time at least 1"));
  return {x.shape[0], x.shape[1], x.shape[2] / gates, gates, x.dtype};
}

void expect(const Type& found, const Type& wanted, const char* name) {
  if (found != wanted) bad_input("", text(name, " is ", found, ", expected ", wanted));
}
void expect_or_scalar(const Type& found, const Type& wanted, const char* name) {
  if (found != Type{wanted.dtype, {}}) expect(found, wanted, name);
}

struct Expected {
  const char* name;
  Type type;
};
// The inputs after the first one; then derivatives, of a type or one number for all of it; then lengths, or nothing.
void expect_all(const InferCall& call, const Sizes& of, const std::vector<Expected>& inputs,
                const std::vector<Expected>& derivatives = {}) {
  size_t i = 1;
  for (const auto& [name, type] : inputs) expect(call.in[i++], type, name);
  for (const auto& [name, type] : derivatives) expect_or_scalar(call.in[i++], type, name);
  if (call.in.size() > i + 1) bad_input("", text(call.in.size(), " inputs, expected at most ", i + 1));
  if (call.in.size() > i) expect(call.in[i], {DType::i32, {of.batch}}, "lengths");
}

// --- the steps, as ops ---

// Step t of x [batch, time, n]: [batch, n]; part i of its last axis, in parts of `units`; steps put together again.
Var at(const Var& x, int64_t t) { return reshape(slice(x, 1, t, t + 1), {x.shape()[0], x.shape()[2]}); }
Var part(const Var& x, int64_t i, int64_t units) { return slice(x, 1, i * units, (i + 1) * units); }
Var over_time(std::vector<Var> steps) {
  for (Var& step : steps) step = reshape(step, {step.shape()[0], 1, step.shape()[1]});
  return concatenate(steps, 1);
}

// Which rows still run at a step: all, where there are no lengths.
class Running {
public:
  Running(std::span<const Var> in, size_t count, const Sizes& of) {
    if (in.size() > count) mask_ = step_mask(in[count], of.time, of.dtype);
  }
  Var choose(int64_t t, const Var& running, In ended) const {
    return mask_ ? where(slice(mask_, 1, t, t + 1), running, ended) : running;
  }

private:
  Var mask_;
};

// A derivative given as a scalar holds for every element: 0 where nothing depends on an output.
Var spread(const Var& d, const Type& type) { return d.shape() == type.shape ? d : broadcast_to(d, type.shape); }

using Expand = std::vector<Var> (*)(std::span<const Var>, const Attrs&);

// The derivative of sum(y dy), over the outputs from `first` on, by way of the expansion. Its inputs are aliases here:
// they do not hang together, as those of the node may.
std::vector<Var> through_expansion(const GradOf& g, Expand expand, size_t first = 0) {
  std::vector<Var> held;
  for (const Var& x : g.xs) held.push_back(reshape(x, x.shape().list()));
  std::vector<Var> ys = expand(held, g.attrs);
  Var all;
  for (size_t i = first; i < ys.size(); ++i)
    if (g.dys[i]) {
      const Var term = sum(ys[i] * g.dys[i]);
      all = all ? all + term : term;
    }
  if (!all) return std::vector<Var>(g.xs.size());
  std::vector<Var> dxs = gradient(all, held);
  for (Var& dx : dxs)
    if (!is_float(dx.dtype())) dx = {}; // lengths
  return dxs;
}
template <Expand expand> std::vector<Var> grad_of_expansion(const GradOf& g) { return through_expansion(g, expand); }

// The derivative of an op by its own gradient op for the first `count` outputs; what its derivative reads (the other
// outputs) is differentiated for a second derivative alone, and by way of the expansion.
template <class First> std::vector<Var> grad_of_steps(const GradOf& g, Expand expand, size_t count, First first) {
  const auto given = [&](size_t begin, size_t end) {
    return std::any_of(g.dys.begin() + long(begin), g.dys.begin() + long(end), [](const Var& d) { return bool(d); });
  };
  std::vector<Var> dxs(g.xs.size());
  if (given(0, count)) std::ranges::copy(first(), dxs.begin());
  if (!given(count, g.dys.size())) return dxs;
  const std::vector<Var> others = through_expansion(g, expand, count);
  for (size_t i = 0; i < dxs.size(); ++i)
    if (others[i]) dxs[i] = dxs[i] ? dxs[i] + others[i] : others[i];
  return dxs;
}

// What an op's gradient op gives, of what it reads, the derivatives by the first `outputs` (the scalar 0 for none), and
// the lengths that may stand behind `inputs` inputs.
std::vector<Var> steps_back(const Op& op, const GradOf& g, std::vector<In> in, size_t outputs, size_t inputs) {
  for (size_t i = 0; i < outputs; ++i) in.push_back(g.dys[i] ? In(g.dys[i]) : In(0.0));
  in.insert(in.end(), g.xs.begin() + long(inputs), g.xs.end());
  return apply_all(op, in, g.attrs);
}

// The derivative of a product h W' over all steps, by W: dz [batch, time, m], h [batch, time, units].
Var weight_derivative(const Var& dz, const Var& h) {
  return matmul(reshape(dz, {-1, dz.shape()[2]}), reshape(h, {-1, h.shape()[2]}), true);
}

// --- the kernels ---

// The weight [gates * units, units] in the panels that a step multiplies by, where no panel belongs to two gates.
constexpr Layout panels{.axis = 0, .block = 16};

// `weight`: its position among the inputs.
template <size_t weight> LayoutWishes layouts(const LayoutCall& call) {
  const Shape& shape = call.in[weight].shape;
  if (shape[1] % panels.block) return {};
  LayoutWishes wishes{.in = std::vector<Layout>(call.in.size()), .states = std::vector<Layout>(weight + 1)};
  wishes.states[weight] = panels;
  if (call.held[weight] == panels) wishes.in[weight] = panels;
  return wishes;
}

// A call's arrays, by their places among the op's inputs and outputs.
struct Operands {
  const KernelCall& call;
  const std::vector<bool>& scalar; // of each input
  const int32_t* lengths;
  const float* in(size_t i) const { return static_cast<const float*>(call.in[i]); }
  float* out(size_t i) const { return static_cast<float*>(call.out[i]); }
  kernels::Arriving arriving(size_t i) const { return {in(i), scalar[i]}; }
};

// `lengths`: the position that they have among the inputs, where they are given.
// Output `all` is of the size of the first input: it is written over that where it can be.
Prepared prepared(const PrepareCall& call, Cell cell, size_t weight, size_t lengths, int all,
                  int64_t workspace(const Recurrence&), std::function<void(const Recurrence&, const Operands&)> run) {
  const Shape& x = call.in[0].shape;
  const int64_t gates = kernels::gates_of(cell), units = x[2] / gates;
  const Recurrence of{cell, x[0], x[1], units, !call.in_layouts[weight].row_major()};
  if (of.batch == 0) return {}; // its expansion will do
  std::vector<bool> scalar;
  for (const Type& type : call.in) scalar.push_back(type.shape.rank() == 0);
  return {.run =
              [=, given = call.in.size() > lengths](const KernelCall& k) {
                const Operands operands{k, scalar, given ? static_cast<const int32_t*>(k.in[lengths]) : nullptr};
                for (int64_t b = 0; given && b < of.batch; ++b)
                  if (const int32_t length = operands.lengths[b]; length < 0 || length > of.time)
                    bad_input("recurrence", text("length ", length, " is not in 0 to ", of.time));
                run(of, operands);
              },
          .workspace_bytes = workspace(of),
          .unread_optional = true,
          .flops = 2 * of.batch * of.time * gates * units * units,
          .over_output = all};
}
Prepared forward(const PrepareCall& call, Cell cell, size_t lengths, int all,
                 kernels::RecurrenceForward (*operands)(const Operands&)) {
  return prepared(
      call, cell, 1, lengths, all, kernels::recurrence_workspace,
      [=](const Recurrence& of, const Operands& k) { kernels::recurrence(of, operands(k), k.call.workspace); });
}
Prepared backward(const PrepareCall& call, Cell cell, size_t weight, size_t lengths,
                  kernels::RecurrenceBackward (*operands)(const Operands&)) {
  return prepared(call, cell, weight, lengths, 0, kernels::recurrence_gradient_workspace,
                  [=](const Recurrence& of, const Operands& k) {
                    kernels::recurrence_gradient(of, operands(k), k.call.workspace);
                  });
}

// --- LSTM ---

std::vector<Var> expand_lstm(std::span<const Var> in, const Attrs&) {
  const Sizes of = sizes_of(in[0].type(), "gates", 4);
  const Running running(in, 4, of);
  const Var& weight = in[1];
  Var h = in[2], c = in[3];
  std::vector<Var> y, before, activated, cells;
  for (int64_t t = 0; t < of.time; ++t) {
    const Var z = at(in[0], t) + matmul(h, weight, false, true);
    const Var i = sigmoid(part(z, 0, of.units)), f = sigmoid(part(z, 1, of.units)), g = tanh(part(z, 2, of.units)),
              o = sigmoid(part(z, 3, of.units));
    const Var next = f * c + i * g, out = o * tanh(next);
    before.push_back(h);
    y.push_back(running.choose(t, out, 0.0));
    activated.push_back(running.choose(t, concatenate({i, f, g, o}, 1), 0.0));
    h = running.choose(t, out, h);
    c = running.choose(t, next, c);
    cells.push_back(c);
  }
  return {over_time(y), h, c, over_time(before), over_time(activated), over_time(cells)};
}

std::vector<Var> expand_lstm_gradient(std::span<const Var> in, const Attrs&) {
  const Sizes of = sizes_of(in[0].type(), "activated", 4);
  const Running running(in, 7, of);
  const Var &activated = in[0], &cells = in[1], &weight = in[2], &c0 = in[3], dy = spread(in[4], of.steps());
  Var from_h = spread(in[5], of.state()), from_c = spread(in[6], of.state()); // what arrives from the step behind
  std::vector<Var> dz(size_t(of.time)), dh = dz, dc = dz;
  for (int64_t t = of.time - 1; t >= 0; --t) {
    const Var a = at(activated, t);
    const Var i = part(a, 0, of.units), f = part(a, 1, of.units), g = part(a, 2, of.units), o = part(a, 3, of.units);
    const Var c = t ? at(cells, t - 1) : c0, s = tanh(at(cells, t));
    const Var at_h = from_h + running.choose(t, at(dy, t), 0.0);
    const Var at_c = running.choose(t, from_c + at_h * o * (1 - square(s)), from_c);
    const Var z = concatenate(
        {at_c * g * i * (1 - i), at_c * c * f * (1 - f), at_c * i * (1 - square(g)), at_h * s * o * (1 - o)}, 1);
    dz[size_t(t)] = running.choose(t, z, 0.0);
    dh[size_t(t)] = at_h;
    dc[size_t(t)] = at_c;
    const Var back = matmul(dz[size_t(t)], weight);
    from_h = running.choose(t, back, at_h);
    from_c = running.choose(t, at_c * f, at_c);
  }
  return {over_time(dz), from_h, from_c, over_time(dh), over_time(dc)};
}

// --- GRU ---

std::vector<Var> expand_gru(std::span<const Var> in, const Attrs&) {
  const Sizes of = sizes_of(in[0].type(), "gates", 3);
  const Running running(in, 4, of);
  const Var &weight = in[1], &bias = in[2];
  Var h = in[3];
  std::vector<Var> y, before, activated, hidden;
  for (int64_t t = 0; t < of.time; ++t) {
    const Var x = at(in[0], t), z = matmul(h, weight, false, true) + bias, m = part(z, 2, of.units);
    const Var r = sigmoid(part(x, 0, of.units) + part(z, 0, of.units)),
              u = sigmoid(part(x, 1, of.units) + part(z, 1, of.units)), n = tanh(part(x, 2, of.units) + r * m);
    const Var out = n + u * (h - n);
    before.push_back(h);
    y.push_back(running.choose(t, out, 0.0));
    activated.push_back(running.choose(t, concatenate({r, u, n}, 1), 0.0));
    hidden.push_back(running.choose(t, m, 0.0));
    h = running.choose(t, out, h);
  }
  return {over_time(y), h, over_time(before), over_time(activated), over_time(hidden)};
}

std::vector<Var> expand_gru_gradient(std::span<const Var> in, const Attrs&) {
  const Sizes of = sizes_of(in[0].type(), "activated", 3);
  const Running running(in, 6, of);
  const Var &activated = in[0], &hidden = in[1], &before = in[2], &weight = in[3], dy = spread(in[4], of.steps());
  Var from_h = spread(in[5], of.state());
  std::vector<Var> dx(size_t(of.time)), dz = dx, dh = dx;
  for (int64_t t = of.time - 1; t >= 0; --t) {
    const Var a = at(activated, t), m = at(hidden, t), h = at(before, t);
    const Var r = part(a, 0, of.units), u = part(a, 1, of.units), n = part(a, 2, of.units);
    const Var at_h = from_h + running.choose(t, at(dy, t), 0.0);
    const Var at_n = at_h * (1 - u) * (1 - square(n)), at_u = at_h * (h - n) * u * (1 - u),
              at_r = at_n * m * r * (1 - r);
    dx[size_t(t)] = running.choose(t, concatenate({at_r, at_u, at_n}, 1), 0.0);
    dz[size_t(t)] = running.choose(t, concatenate({at_r, at_u, at_n * r}, 1), 0.0);
    dh[size_t(t)] = at_h;
    const Var back = matmul(dz[size_t(t)], weight) + at_h * u;
    from_h = running.choose(t, back, at_h);
  }
  return {over_time(dx), from_h, over_time(dz), over_time(dh)};
}

// --- RNN ---

const AttrSpec activation_attr{"activation", std::string("tanh"), "\"tanh\" or \"relu\""};
bool is_relu(const Attrs& attrs) {
  const std::string& activation = attrs.word("activation");
  expect_one_of("", "activation", activation, {"tanh", "relu"});
  return activation == "relu";
}
Cell cell_of(const Attrs& attrs) { return is_relu(attrs) ? Cell::rnn_relu : Cell::rnn_tanh; }

std::vector<Var> expand_rnn(std::span<const Var> in, const Attrs& attrs) {
  const Sizes of = sizes_of(in[0].type(), "gates", 1);
  const Running running(in, 3, of);
  Var h = in[2];
  std::vector<Var> y, before;
  for (int64_t t = 0; t < of.time; ++t) {
    const Var z = at(in[0], t) + matmul(h, in[1], false, true), out = is_relu(attrs) ? relu(z) : tanh(z);
    before.push_back(h);
    y.push_back(running.choose(t, out, 0.0));
    h = running.choose(t, out, h);
  }
  return {over_time(y), h, over_time(before)};
}

std::vector<Var> expand_rnn_gradient(std::span<const Var> in, const Attrs& attrs) {
  const Sizes of = sizes_of(in[0].type(), "y", 1);
  const Running running(in, 4, of);
  const Var &y = in[0], &weight = in[1], dy = spread(in[2], of.steps());
  Var from_h = spread(in[3], of.state());
  std::vector<Var> dz(size_t(of.time)), dh = dz;
  for (int64_t t = of.time - 1; t >= 0; --t) {
    const Var h = at(y, t), at_h = from_h + running.choose(t, at(dy, t), 0.0);
    dz[size_t(t)] = running.choose(t, at_h * (is_relu(attrs) ? step(h) : 1 - square(h)), 0.0);
    dh[size_t(t)] = at_h;
    from_h = running.choose(t, matmul(dz[size_t(t)], weight), at_h);
  }
  return {over_time(dz), from_h, over_time(dh)};
}

// --- examples: two rows of two steps, one unit; and of lengths 2 and 1 ---

Tensor some(const Shape& shape, double start) {
  std::vector<double> values(size_t(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = double((i * 5 + 3) % 8) * 0.25 - start;
  return {shape, values};
}
const Tensor lengths{Shape{2}, {2, 1}, DType::i32};

std::vector<Example> examples(const std::vector<Tensor>& in, const Attrs& attrs = {}) {
  std::vector<Tensor> with = in;
  with.push_back(lengths);
  return {{.in = in, .attrs = {}}, {.in = with, .attrs = attrs}};
}

} // namespace

const Op lstm_op{
    .name = "lstm", .formula = "y = o tanh(c), c = f c0 + i g, (i, f, g, o) = act(gates + h0 weight')",
    .doc = "A layer of LSTM cells over whole sequences, gates in the order i, f, g, o; further outputs: the last h and "
           "c, and of each step h before it, the gates, and c after it.",
    .origin = "Hochreiter, Schmidhuber, \"Long short-term memory\", 1997; Gers, Schmidhuber, Cummins, \"Learning to "
              "forget\", 2000, equations 1 to 6",
    .args = {"gates", "weight", "h0", "c0", "..."},
    .rules = {"dgates = lstm_gradient", "dweight = sum of dgates' h over the steps", "dh0 = lstm_gradient",
        "dc0 = lstm_gradient"},
    .infer = [](const InferCall& call) {
      const Sizes of = sizes_of(call.in[0], "gates", 4);
      expect_all(call, of, {{"weight", of.weight()}, {"h0", of.state()}, {"c0", of.state()}});
      return std::vector<Type>{of.steps(), of.state(), of.state(), of.steps(), of.all(), of.steps()};
    },
    .expand = expand_lstm,
    .grad = [](const GradOf& g) {
      return grad_of_steps(g, expand_lstm, 3, [&] {
        const std::vector<Var> d = steps_back(lstm_gradient_op, g, {g.ys[4], g.ys[5], g.xs[1], g.xs[3]}, 3, 4);
        return std::vector{d[0], weight_derivative(d[0], g.ys[3]), d[1], d[2]};
      });
    },
    .layouts = layouts<1>,
    .prepare = [](const PrepareCall& call) {
      return forward(call, Cell::lstm, 4, 4, [](const Operands& k) {
        return kernels::RecurrenceForward{.gates = k.in(0), .weight = k.in(1), .h0 = k.in(2), .c0 = k.in(3),
                                          .lengths = k.lengths, .y = k.out(0), .h = k.out(1), .c = k.out(2),
                                          .before = k.out(3), .activated = k.out(4), .kept = k.out(5)};
      });
    },
    .onnx = "LSTM", .peers = {"nn.LSTM(batch_first=True)", "LSTM(return_sequences=True)"},
    .examples = examples({some({2, 2, 4}, 1), some({4, 1}, 0.5), some({2, 1}, 1), some({2, 1}, 0.75)})};

const Op lstm_gradient_op{
    .name = "lstm_gradient", .formula = "y = (dc g i (1 - i), dc c0 f (1 - f), dc i (1 - g^2), dh tanh(c) o (1 - o))",
    .doc = "What LSTM sends back to its gates before their activations, with dc += dh o (1 - tanh(c)^2); further "
           "outputs: the derivatives of h0 and c0, and those that arrive at h and c of each step.",
    .origin = "Graves, \"Supervised sequence labelling with recurrent neural networks\", 2012, section 4.6",
    .args = {"activated", "cells", "weight", "c0", "dy", "dh", "dc", "..."},
    .rules = {"dactivated = by the formula", "dcells = by the formula", "dweight = by the formula",
        "dc0 = by the formula", "ddy = by the formula", "ddh = by the formula", "ddc = by the formula"},
    .infer = [](const InferCall& call) {
      const Sizes of = sizes_of(call.in[0], "activated", 4);
      expect_all(call, of, {{"cells", of.steps()}, {"weight", of.weight()}, {"c0", of.state()}},
                 {{"dy", of.steps()}, {"dh", of.state()}, {"dc", of.state()}});
      return std::vector<Type>{of.all(), of.state(), of.state(), of.steps(), of.steps()};
    },
    .expand = expand_lstm_gradient, .grad = grad_of_expansion<expand_lstm_gradient>, .layouts = layouts<2>,
    .prepare = [](const PrepareCall& call) {
      return backward(call, Cell::lstm, 2, 7, [](const Operands& k) {
        return kernels::RecurrenceBackward{.activated = k.in(0), .kept = k.in(1), .weight = k.in(2), .c0 = k.in(3),
                                           .dy = k.arriving(4), .dh = k.arriving(5), .dc = k.arriving(6),
                                           .lengths = k.lengths, .dgates = k.out(0), .dh0 = k.out(1),
                                           .dc0 = k.out(2), .at_h = k.out(3), .at_c = k.out(4)};
      });
    },
    .examples = examples({some({2, 2, 4}, 1), some({2, 2, 1}, 1), some({4, 1}, 0.5), some({2, 1}, 0.75),
        some({2, 2, 1}, 0.5), some({2, 1}, 1), some({2, 1}, 0.25)})};

const Op gru_op{
    .name = "gru", .formula = "y = n + u (h0 - n), n = tanh(gates + r m), (r, u) = sigmoid(gates + ..), (.., m) = h0 "
                              "weight' + bias",
    .doc = "A layer of gated recurrent units over whole sequences, gates in the order r, u (PyTorch's z), n; further "
           "outputs: the last h, and of each step h before it, the gates, and m.",
    .origin = "Cho et al., \"Learning phrase representations using RNN encoder-decoder\", 2014, equations 5 to 8, with "
              "the reset gate behind the product as in PyTorch",
    .args = {"gates", "weight", "bias", "h0", "..."},
    .rules = {"dgates = gru_gradient", "dweight = sum of dz' h over the steps, with gru_gradient's dz",
        "dbias = sum of dz over the steps", "dh0 = gru_gradient"},
    .infer = [](const InferCall& call) {
      const Sizes of = sizes_of(call.in[0], "gates", 3);
      expect_all(call, of, {{"weight", of.weight()}, {"bias", {of.dtype, {3 * of.units}}}, {"h0", of.state()}});
      return std::vector<Type>{of.steps(), of.state(), of.steps(), of.all(), of.steps()};
    },
    .expand = expand_gru,
    .grad = [](const GradOf& g) {
      return grad_of_steps(g, expand_gru, 2, [&] {
        const std::vector<Var> d = steps_back(gru_gradient_op, g, {g.ys[3], g.ys[4], g.ys[2], g.xs[1]}, 2, 4);
        return std::vector{d[0], weight_derivative(d[2], g.ys[2]), sum(d[2], {0, 1}), d[1]};
      });
    },
    .layouts = layouts<1>,
    .prepare = [](const PrepareCall& call) {
      return forward(call, Cell::gru, 4, 3, [](const Operands& k) {
        return kernels::RecurrenceForward{.gates = k.in(0), .weight = k.in(1), .bias = k.in(2), .h0 = k.in(3),
                                          .lengths = k.lengths, .y = k.out(0), .h = k.out(1), .before = k.out(2),
                                          .activated = k.out(3), .kept = k.out(4)};
      });
    },
    .onnx = "GRU", .peers = {"nn.GRU(batch_first=True)", "GRU(return_sequences=True): gates z, r, h"},
    .examples = examples({some({2, 2, 3}, 1), some({3, 1}, 0.5), some({3}, 1), some({2, 1}, 0.75)})};

const Op gru_gradient_op{
    .name = "gru_gradient", .formula = "y = (dn m r (1 - r), dh (h - n) u (1 - u), dn), dn = dh (1 - u) (1 - n^2)",
    .doc = "What GRU sends back to its gates before their activations; further outputs: the derivatives of h0, of h "
           "weight' + bias at each step (the last part times r), and that which arrives at h of each step.",
    .args = {"activated", "m", "h", "weight", "dy", "dh", "..."},
    .rules = {"dactivated = by the formula", "dm = by the formula", "dh = by the formula", "dweight = by the formula",
        "ddy = by the formula", "ddh = by the formula"},
    .infer = [](const InferCall& call) {
      const Sizes of = sizes_of(call.in[0], "activated", 3);
      expect_all(call, of, {{"m", of.steps()}, {"h", of.steps()}, {"weight", of.weight()}},
                 {{"dy", of.steps()}, {"dh", of.state()}});
      return std::vector<Type>{of.all(), of.state(), of.all(), of.steps()};
    },
    .expand = expand_gru_gradient, .grad = grad_of_expansion<expand_gru_gradient>, .layouts = layouts<3>,
    .prepare = [](const PrepareCall& call) {
      return backward(call, Cell::gru, 3, 6, [](const Operands& k) {
        return kernels::RecurrenceBackward{.activated = k.in(0), .kept = k.in(1), .before = k.in(2),
                                           .weight = k.in(3), .dy = k.arriving(4), .dh = k.arriving(5),
                                           .lengths = k.lengths, .dgates = k.out(0), .dh0 = k.out(1),
                                           .dz = k.out(2), .at_h = k.out(3)};
      });
    },
    .examples = examples({some({2, 2, 3}, 1), some({2, 2, 1}, 1), some({2, 2, 1}, 0.75), some({3, 1}, 0.5),
        some({2, 2, 1}, 0.5), some({2, 1}, 1)})};

const Op rnn_op{
    .name = "rnn", .formula = "y = act(gates + h0 weight')",
    .doc = "A plain recurrent layer over whole sequences; further outputs: the last h, and h before each step.",
    .origin = "Elman, \"Finding structure in time\", 1990", .traits = kinked, .args = {"gates", "weight", "h0", "..."},
    .rules = {"dgates = rnn_gradient", "dweight = sum of dgates' h over the steps", "dh0 = rnn_gradient"},
    .attrs = {activation_attr},
    .infer = [](const InferCall& call) {
      is_relu(call.attrs);
      const Sizes of = sizes_of(call.in[0], "gates", 1);
      expect_all(call, of, {{"weight", of.weight()}, {"h0", of.state()}});
      return std::vector<Type>{of.steps(), of.state(), of.steps()};
    },
    .expand = expand_rnn,
    .grad = [](const GradOf& g) {
      return grad_of_steps(g, expand_rnn, 2, [&] {
        const std::vector<Var> d = steps_back(rnn_gradient_op, g, {g.ys[0], g.xs[1]}, 2, 3);
        return std::vector{d[0], weight_derivative(d[0], g.ys[2]), d[1]};
      });
    },
    .layouts = layouts<1>,
    .prepare = [](const PrepareCall& call) {
      return forward(call, cell_of(call.attrs), 3, 0, [](const Operands& k) {
        return kernels::RecurrenceForward{.gates = k.in(0), .weight = k.in(1), .h0 = k.in(2), .lengths = k.lengths,
                                          .y = k.out(0), .h = k.out(1), .before = k.out(2)};
      });
    },
    .onnx = "RNN", .peers = {"nn.RNN(batch_first=True)", "SimpleRNN(return_sequences=True)"},
    .examples = examples({some({2, 2, 2}, 1), some({2, 2}, 0.4), some({2, 2}, 1)},
        {{"activation", std::string("relu")}})};

const Op rnn_gradient_op{
    .name = "rnn_gradient", .formula = "y = dh act'",
    .doc = "What a plain recurrent layer sends back to its sums, from its outputs h: act' is 1 - h^2, or for ReLU "
           "[h > 0]; further outputs: the derivative of h0, and that which arrives at h of each step.",
    .traits = kinked, .args = {"h", "weight", "dy", "dh", "..."},
    .rules = {"dh = by the formula", "dweight = by the formula", "ddy = by the formula", "ddh = by the formula"},
    .attrs = {activation_attr},
    .infer = [](const InferCall& call) {
      is_relu(call.attrs);
      const Sizes of = sizes_of(call.in[0], "h", 1);
      expect_all(call, of, {{"weight", of.weight()}}, {{"dy", of.steps()}, {"dh", of.state()}});
      return std::vector<Type>{of.all(), of.state(), of.steps()};
    },
    .expand = expand_rnn_gradient, .grad = grad_of_expansion<expand_rnn_gradient>, .layouts = layouts<1>,
    .prepare = [](const PrepareCall& call) {
      return backward(call, cell_of(call.attrs), 1, 4, [](const Operands& k) {
        return kernels::RecurrenceBackward{.activated = k.in(0), .weight = k.in(1), .dy = k.arriving(2),
                                           .dh = k.arriving(3), .lengths = k.lengths, .dgates = k.out(0),
                                           .dh0 = k.out(1), .at_h = k.out(2)};
      });
    },
    .examples = examples({some({2, 2, 2}, 0.8), some({2, 2}, 0.4), some({2, 2, 2}, 0.5), some({2, 2}, 1)},
        {{"activation", std::string("relu")}})};

namespace {

std::vector<Var> apply_steps(const Op& op, std::vector<In> in, const Var& lengths, const Attrs& attrs = {}) {
  if (lengths) in.emplace_back(lengths, in[0].where);
  return apply_all(op, in, attrs);
}

} // namespace

LstmOut lstm(In gates, In weight, In h0, In c0, const Var& lengths) {
  const std::vector<Var> out = apply_steps(lstm_op, {gates, weight, h0, c0}, lengths);
  return {out[0], out[1], out[2]};
}
RnnOut gru(In gates, In weight, In bias, In h0, const Var& lengths) {
  const std::vector<Var> out = apply_steps(gru_op, {gates, weight, bias, h0}, lengths);
  return {out[0], out[1]};
}
RnnOut rnn(In gates, In weight, In h0, const Var& lengths, const std::string& activation) {
  const std::vector<Var> out = apply_steps(rnn_op, {gates, weight, h0}, lengths, {{"activation", activation}});
  return {out[0], out[1]};
}

} // namespace vitro

// Recurrent layers over sequences [batch, time, features]: PyTorch's names, gate orders, layouts and defaults
// ("weight_ih_l0", the second layer's "..._l1", the reverse direction's "..._l0_reverse").
//
// What a sample's steps have in common is one product for all of them: x weight_ih'. What goes from step to step is the
// op of the same name (ops/recurrence.cpp). Padding behind a sample's length touches no state and comes out as zeros.
// Keras keeps kernels [in, gates * units], draws the recurrent one orthogonal, starts LSTM's forget bias at 1, and
// gives the last step unless return_sequences is set: here that is a layer, last_step.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

int64_t at_least_one(const LayerCall& call, const char* arg) {
  const int64_t value = call.args.integer(arg);
  if (value < 1) bad_input(text("layer ", call.name), text(arg, " is ", value, ", expected at least 1"));
  return value;
}

// One direction of one layer: x [batch, time, in], as the cell is to see it, to [batch, time, out].
struct Direction {
  const LayerCall& call;
  std::string suffix; // "l0", "l0_reverse"
  int64_t out;
  bool remembers; // the reverse direction begins where the others end: it has nothing to go on from

  // PyTorch draws everything from U(-1/sqrt(out), 1/sqrt(out)); whoever names an initialiser means Keras's habit, a
  // bias of zero.
  Start start(const char* arg, Fan fan) const {
    const std::string& init = call.args.word(arg);
    return init == "default" ? Start{"xavier_simple", {out, out}} : Start{init, fan};
  }
  Var parameter(const char* stem, const Shape& shape, const Start& start) const {
    return call.parameter(text(stem, "_", suffix).c_str(), shape, start);
  }
  Var bias(const char* stem, int64_t rows) const {
    const bool as_torch = call.args.word("init") == "default";
    return parameter(stem, Shape{rows}, {as_torch ? "xavier_simple" : "zero", {out, out}});
  }

  // What the cell's op is given of x: the part of each step's gates that x makes, [batch, time, gates * out], and the
  // weight by the state. The bias by the state is in that part, unless it stays `apart`.
  struct Parts {
    Var gates, weight, bias;
  };
  Parts parts(const Var& x, int64_t gates, bool apart = false) const {
    const Shape& s = x.shape();
    const int64_t rows = gates * out;
    const Var weight_ih = parameter("weight_ih", Shape{rows, s[2]}, start("init", {s[2], rows}));
    const Var weight_hh = parameter("weight_hh", Shape{rows, out}, start("recurrent_init", {out, rows}));
    Var y = matmul(reshape(x, {-1, s[2]}), weight_ih, false, true), bias_hh;
    if (call.args.integer("bias")) {
      const Var bias_ih = bias("bias_ih", rows);
      bias_hh = bias("bias_hh", rows);
      y = y + (apart ? bias_ih : bias_ih + bias_hh);
    } else if (apart) {
      bias_hh = constant(call.graph, Tensor(Type{x.dtype(), Shape{rows}}));
    }
    return {reshape(y, {s[0], s[1], rows}), weight_hh, bias_hh};
  }
  Var begin(const char* state, const Var& x) const {
    if (remembers) return call.memory(text(state, "_", suffix), Shape{out});
    return constant(call.graph, Tensor(Type{x.dtype(), Shape{x.shape()[0], out}}));
  }
  void end(const char* state, const Var& value) const {
    if (remembers) call.remember(text(state, "_", suffix), value);
  }
};

using Cell = Var (*)(const Direction&, const Var& x);

Var rnn_cell(const Direction& d, const Var& x) {
  const auto [gates, weight, bias] = d.parts(x, 1);
  const RnnOut out = rnn(gates, weight, d.begin("h", x), d.call.lengths, d.call.args.word("activation"));
  d.end("h", out.h);
  return out.y;
}

Var lstm_cell(const Direction& d, const Var& x) {
  const auto [gates, weight, bias] = d.parts(x, 4);
  const LstmOut out = lstm(gates, weight, d.begin("h", x), d.begin("c", x), d.call.lengths);
  d.end("h", out.h);
  d.end("c", out.c);
  return out.y;
}

// The bias of the recurrent part stays apart: the reset gate acts on it.
Var gru_cell(const Direction& d, const Var& x) {
  const auto [gates, weight, bias] = d.parts(x, 3, true);
  const RnnOut out = gru(gates, weight, bias, d.begin("h", x), d.call.lengths);
  d.end("h", out.h);
  return out.y;
}

template <Cell cell> Var build(const LayerCall& call) {
  const std::string where = text("layer ", call.name);
  const int64_t out = at_least_one(call, "out"), layers = at_least_one(call, "layers");
  const bool both = call.args.integer("bidirectional");
  const double p = call.args.real("dropout");
  if (!(p >= 0 && p < 1))
    bad_input(where, text("dropout is ", p, ", expected from 0 to below 1"), "it is the share that is dropped");
  Var x = call.in[0];
  if (x.shape().rank() != 3)
    bad_input(where, text("input is ", x.shape(), ", expected [batch, time, features]"),
              "feed it with sequences: text, sound, a series, or a layer that keeps their axes");
  if (x.shape()[1] < 1 || x.shape()[2] < 1) bad_input(where, text("input is ", x.shape(), ": nothing in it"));
  for (int64_t i = 0; i < layers; ++i) {
    const std::string suffix = text("l", i);
    const Var forward = cell({call, suffix, out, true}, x);
    if (both) {
      const Var backward = cell({call, suffix + "_reverse", out, false}, reverse_steps(x, call.lengths));
      x = concatenate({forward, reverse_steps(backward, call.lengths)}, 2);
    } else {
      x = forward;
    }
    if (call.training && p > 0 && i + 1 < layers) x = x * call.mask(x.shape(), p, ("mask_" + suffix).c_str());
  }
  return x;
}

std::vector<AttrSpec> args(std::vector<AttrSpec> own = {}) {
  std::vector<AttrSpec> all{
      {"out", int64_t{1}, "how many units: so many outputs a direction", true},
      {"layers", int64_t{1}, "so many, each fed with the outputs of the one below"},
      {"bidirectional", int64_t{0}, "1: a second one reads from the end; their outputs stand beside each other"},
      {"dropout", 0.0, "between the layers: the share that is dropped in training"},
      {"bias", int64_t{1}, "0: none"},
      {"init", std::string("default"),
       "how the weights by the input start; default: all from U(-1/sqrt(out), 1/sqrt(out)), as PyTorch"},
      {"recurrent_init", std::string("default"), "the same of the weights by the state; Keras: orthogonal"}};
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

} // namespace

const Layer rnn_layer{
    .name = "rnn", .aliases = {"RNN", "SimpleRNN"}, .short_name = "rnn",
    .formula = "h_t = tanh(x_t weight_ih' + bias_ih + h_{t-1} weight_hh' + bias_hh)",
    .doc = "A recurrent layer: each step sees its input and what the step before has made of all before it (Elman, "
           "\"Finding structure in time\", 1990).",
    .peers = {"nn.RNN(batch_first=True): its output", "SimpleRNN(return_sequences=True): orthogonal recurrent kernel"},
    .inputs = {"x"}, .args = args({{"activation", std::string("tanh"), "tanh or relu"}}),
    .parameters =
        {"weight_ih_l0 [out, in]", "weight_hh_l0 [out, out]", "bias_ih_l0 [out]", "bias_hh_l0 [out]"},
    .build = build<rnn_cell>};

const Layer lstm_layer{
    .name = "lstm", .aliases = {"LSTM"}, .short_name = "lstm",
    .formula = "i, f, o = sigmoid(..), g = tanh(..) of x_t weight_ih' + bias_ih + h_{t-1} weight_hh' + bias_hh; "
               "c_t = f c_{t-1} + i g; h_t = o tanh(c_t)",
    .doc = "Long short-term memory: gates decide what a cell forgets, takes in and shows, so that what matters later "
           "survives many steps (Hochreiter and Schmidhuber, 1997; Gers et al., \"Learning to forget\", 2000).",
    .peers = {"nn.LSTM(batch_first=True): its output", "LSTM(return_sequences=True): forget bias 1"},
    .inputs = {"x"}, .args = args(),
    .parameters = {"weight_ih_l0 [4 out, in]", "weight_hh_l0 [4 out, out]", "bias_ih_l0 [4 out]",
        "bias_hh_l0 [4 out]"},
    .build = build<lstm_cell>};

const Layer gru_layer{
    .name = "gru", .aliases = {"GRU"}, .short_name = "gru",
    .formula = "r, z = sigmoid(x_t weight_ih' + bias_ih + h_{t-1} weight_hh' + bias_hh); n = tanh(x_t weight_in' + "
               "bias_in + r (h_{t-1} weight_hn' + bias_hn)); h_t = (1 - z) n + z h_{t-1}",
    .doc = "The gated recurrent unit: a state that is kept or renewed, share by share (Cho et al., \"Learning phrase "
           "representations using RNN encoder-decoder\", 2014; the reset gate behind the product, as cuDNN).",
    .peers = {"nn.GRU(batch_first=True): its output", "GRU(return_sequences=True): reset_after=True is this one"},
    .inputs = {"x"}, .args = args(),
    .parameters = {"weight_ih_l0 [3 out, in]", "weight_hh_l0 [3 out, out]", "bias_ih_l0 [3 out]",
        "bias_hh_l0 [3 out]"},
    .build = build<gru_cell>};

} // namespace vitro

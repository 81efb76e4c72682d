#include "nn/nets.h"

#include "core/named.h"
#include "core/text.h"

namespace vitro {
namespace {

const LayerSpec to_outputs{.op = "dense", .args = {{"out", std::string("classes")}}};

NetSpec make_mlp(const std::vector<int64_t>& hidden, const std::string& activation, const std::string& norm = "",
                 double dropout = 0, const std::string& init = "default") {
  if (!norm.empty()) expect_one_of("net mlp", "norm", norm, {"batch", "layer", "rms"});
  NetSpec net{.layers = {{.op = "flatten"}}};
  for (const int64_t width : hidden) {
    net.layers.push_back({.op = "dense", .args = {{"out", width}}});
    if (norm == "batch") net.layers.back().args.set("bias", int64_t{0}); // the mean that is taken away holds it
    if (!norm.empty()) net.layers.push_back({.op = norm + "_norm"});
    net.layers.push_back({.op = activation == "linear" ? "identity" : activation}); // the layer "linear" is dense
    if (dropout != 0) net.layers.push_back({.op = "dropout", .args = {{"p", dropout}}});
  }
  net.layers.push_back(to_outputs);
  if (init != "default")
    for (LayerSpec& layer : net.layers)
      if (layer.op == "dense") layer.args.set("init", init);
  return net;
}

const NetKind mlp_net{
    .name = "mlp", .doc = "A multilayer perceptron: dense layers with an activation between them.",
    .args = {{"hidden", std::vector<int64_t>{128}, "widths of the hidden layers"},
             {"activation", std::string("relu"), "relu, tanh, sigmoid, gelu, silu, linear, ... (vitro list ops)"},
             {"norm", std::string(), "before each activation: batch, layer or rms; \"\": none"},
             {"dropout", 0.0, "behind each activation: the share that is dropped in training"},
             {"init", std::string("default"), "how the weights start (vitro list initialisers); default: as dense's"}},
    .make = [](const Attrs& args) {
      return make_mlp(args.list("hidden"), args.word("activation"), args.word("norm"), args.real("dropout"),
                      args.word("init"));
    }};

const NetKind linear_net{
    .name = "linear", .doc = "One dense layer: logistic or linear regression, the baseline that a net has to beat.",
    .make = [](const Attrs&) { return make_mlp({}, ""); }};

// Both parts begin at nothing: the first steps are a linear model's, and what the perceptron adds has to earn its
// place.
NetSpec make_tabular(const std::vector<int64_t>& hidden, const std::string& activation, double dropout) {
  LayerSpec linear = to_outputs, out = to_outputs;
  linear.name = "linear";
  linear.from = {"row"};
  out.name = "out";
  for (LayerSpec* last : {&linear, &out}) last->args.set("init", std::string("zero"));
  NetSpec net{.layers = {{.op = "flatten", .name = "row"}, linear}};
  for (const int64_t width : hidden) {
    net.layers.push_back({.op = "dense", .args = {{"out", width}, {"init", std::string("he_normal")}}});
    if (net.layers.size() == 3) net.layers.back().from = {"row"};
    net.layers.push_back({.op = activation == "linear" ? "identity" : activation});
    if (dropout != 0) net.layers.push_back({.op = "dropout", .args = {{"p", dropout}}});
  }
  if (hidden.empty()) out.from = {"row"};
  net.layers.push_back(out);
  net.layers.push_back({.op = "add", .name = "sum", .from = {"linear", "out"}});
  return net;
}

const NetKind tabular_net{
    .name = "tabular",
    .doc = "For tables: a linear model and a multilayer perceptron, added up; both begin at nothing.",
    .args = {{"hidden", std::vector<int64_t>{128, 128}, "widths of the perceptron's hidden layers"},
             {"activation", std::string("relu"), "relu, tanh, sigmoid, gelu, silu, ... (vitro list ops)"},
             {"dropout", 0.1, "behind each activation: the share that is dropped in training"}},
    .make = [](const Attrs& args) {
      return make_tabular(args.list("hidden"), args.word("activation"), args.real("dropout"));
    }};

const NetKind perceptron_net{
    .name = "perceptron",
    .doc = "Rosenblatt's, 1958: a dense layer from zero weights, a threshold, a rule that learns from mistakes alone.",
    .make = [](const Attrs&) {
      NetSpec net = make_mlp({}, "");
      net.layers.back().args.set("init", std::string("zero"));
      return net;
    },
    .training = R"(loss = "perceptron"
optimizer = "sgd"
lr = 1.0
schedule = {op="constant"}
batch = 1
patience = 0
best_weights = false
)"};

// LeCun et al., "Gradient-based learning applied to document recognition", 1998, figure 2, as it is built today: the
// padding makes 32 x 32 of MNIST's 28 x 28, the largest value stands for the average, and every map sees all before it.
NetSpec make_lenet(const std::string& activation) {
  NetSpec net;
  const auto add = [&](const std::string& op, Attrs args = {}) {
    net.layers.push_back({.op = op, .args = std::move(args)});
  };
  const auto maps = [&](int64_t out, int64_t padding) {
    add("conv2d", {{"out", out}, {"kernel", int64_t{5}}, {"padding", padding}});
    add(activation);
    add("max_pool2d", {{"kernel", int64_t{2}}});
  };
  maps(6, 2);
  maps(16, 0);
  add("flatten");
  for (const int64_t width : {120, 84}) {
    add("dense", {{"out", width}});
    add(activation);
  }
  net.layers.push_back(to_outputs);
  return net;
}

const NetKind lenet_net{
    .name = "lenet",
    .doc = "LeNet-5, for pictures: two convolutions, each with pooling behind it, and three dense layers.",
    .args = {{"activation", std::string("relu"), "relu, tanh, sigmoid, gelu, silu, ... (vitro list ops)"}},
    .make = [](const Attrs& args) { return make_lenet(args.word("activation")); }};

// He et al., "Deep residual learning for image recognition", 2015, section 4.2: 6 n + 2 layers in three stages of n
// blocks, of 16, 32 and 64 maps, each half as large as the one before; short cuts that project (option B).
NetSpec make_resnet(int64_t n) {
  const auto conv = [](const Attr& out, const Attr& stride) -> LayerSpec {
    return {.op = "conv2d",
            .args = {{"out", out},
                     {"kernel", int64_t{3}},
                     {"stride", stride},
                     {"padding", int64_t{1}},
                     {"bias", int64_t{0}},
                     {"init", std::string("he_normal")}}};
  };
  const std::string out = "$out", stride = "$stride";
  NetSpec net{.layers = {conv(int64_t{16}, int64_t{1}), {.op = "batch_norm"}, {.op = "relu"}}};
  net.blocks["res"] = {"res",
                       {conv(out, stride),
                        {.op = "batch_norm"},
                        {.op = "relu"},
                        conv(out, int64_t{1}),
                        {.op = "batch_norm", .name = "main"},
                        {.op = "project",
                         .name = "short",
                         .from = {"input"},
                         .args = {{"out", out}, {"stride", stride}, {"init", std::string("he_normal")}}},
                        {.op = "add", .from = {"main", "short"}},
                        {.op = "relu"}}};
  for (const int64_t maps : {16, 32, 64}) {
    const int64_t first = maps > 16 ? 2 : 1;
    net.layers.push_back({.op = "res", .args = {{"out", maps}, {"stride", first}}});
    if (n > 1) net.layers.push_back({.op = "res", .args = {{"out", maps}, {"stride", int64_t{1}}}, .repeat = n - 1});
  }
  net.layers.push_back({.op = "global_avg_pool"});
  net.layers.push_back(to_outputs);
  return net;
}

const NetKind resnet20_net{
    .name = "resnet20", .doc = "The residual net of 20 layers for small pictures; batch-norm, short cuts that project.",
    .make = [](const Attrs&) { return make_resnet(3); }};

// A recurrent layer, one vector out of its steps, one dense layer.
NetSpec make_recurrent(const Attrs& args) {
  const std::string &cell = args.word("cell"), &over = args.word("over");
  expect_one_of("net lstm", "cell", cell, {"lstm", "gru", "rnn"});
  expect_one_of("net lstm", "over", over, {"last", "mean", "max"});
  const int64_t both = args.integer("bidirectional");
  NetSpec net{.layers = {{.op = cell,
                          .args = {{"out", args.integer("hidden")},
                                   {"layers", args.integer("layers")},
                                   {"bidirectional", both},
                                   {"dropout", args.real("dropout")}}}}};
  if (over == "last")
    net.layers.push_back({.op = "last_step", .args = {{"bidirectional", both}}});
  else
    net.layers.push_back({.op = over + "_over_time"});
  if (args.real("dropout") != 0) net.layers.push_back({.op = "dropout", .args = {{"p", args.real("dropout")}}});
  net.layers.push_back(to_outputs);
  return net;
}

const NetKind lstm_net{
    .name = "lstm", .doc = "For sequences: a recurrent layer, one vector out of its steps, a dense layer.",
    .args = {{"hidden", int64_t{64}, "units a direction"},
             {"layers", int64_t{1}, "recurrent layers, one above the other"},
             {"bidirectional", int64_t{0}, "1: a second one reads from the end"},
             {"dropout", 0.0, "between the layers and behind the last: the share that is dropped in training"},
             {"cell", std::string("lstm"), "lstm, gru or rnn"},
             {"over", std::string("last"), "what is made of the steps: the last, their mean, their max"}},
    .make = make_recurrent};

// A. Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015 (char-rnn), with a vector for each
// symbol in place of a one. No window is shuffled away from the one before it, and long gradients are cut.
const NetKind char_lstm_net{
    .name = "char-lstm", .doc = "For texts: a vector for each symbol, LSTM layers, at every step what comes next.",
    .args = {{"width", int64_t{256}, "how long a symbol's vector is"},
             {"hidden", int64_t{256}, "units of each LSTM layer"},
             {"layers", int64_t{2}, "LSTM layers, one above the other"},
             {"dropout", 0.2, "behind each of them: the share that is dropped in training"}},
    .make = [](const Attrs& args) {
      const double dropout = args.real("dropout");
      // Vectors of PyTorch's size: from embed's small ones it takes twice the steps to leave the symbols' frequencies.
      NetSpec net{.layers = {{.op = "embed",
                              .args = {{"width", args.integer("width")}, {"init", std::string("normal(1)")}}},
                             {.op = "lstm",
                              .args = {{"out", args.integer("hidden")},
                                       {"layers", args.integer("layers")},
                                       {"dropout", dropout}}}}};
      if (dropout != 0) net.layers.push_back({.op = "dropout", .args = {{"p", dropout}}});
      net.layers.push_back(to_outputs);
      return net;
    },
    .training = R"(optimizer = "adam"
lr = 0.002
schedule = {op="cosine"}
batch = 32
shuffle = false
epochs = 30
clip_norm = 1
)",
    .text = true};

const std::vector<NetKind>& all() {
  static const std::vector<NetKind> list{mlp_net,      linear_net, tabular_net,   lenet_net,
                                         resnet20_net, lstm_net,   char_lstm_net, perceptron_net};
  return list;
}

} // namespace

std::span<const NetKind> nets() { return all(); }

NetSpec make_net(const std::string& name, const Attrs& args) {
  const NetKind& kind = named(all(), name, "net", "net");
  return kind.make(complete_attrs(kind.args, args, text("net ", name)));
}

NetSpec mlp(const std::vector<int64_t>& hidden, const std::string& activation) { return make_mlp(hidden, activation); }
NetSpec linear() { return make_mlp({}, ""); }

} // namespace vitro

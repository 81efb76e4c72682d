#include "nn/nets.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

const LayerSpec to_outputs{.op = "dense", .args = {{"out", std::string("classes")}}};

NetSpec make_mlp(const std::vector<int64_t>& hidden, const std::string& activation, const std::string& norm = "",
                 double dropout = 0, const std::string& init = "default") {
  const std::vector<std::string> norms{"batch", "layer", "rms"};
  if (!norm.empty() && std::ranges::find(norms, norm) == norms.end())
    bad_input("net mlp", text("norm is \"", norm, "\"", did_you_mean(norm, norms)),
              "it is one of " + join(norms, ", ") + ", or \"\" for none");
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

const std::vector<NetKind>& all() {
  static const std::vector<NetKind> list{mlp_net, linear_net, tabular_net, perceptron_net};
  return list;
}

} // namespace

std::span<const NetKind> nets() { return all(); }

NetSpec make_net(const std::string& name, const Attrs& args) {
  std::vector<std::string> known;
  for (const NetKind& kind : all()) {
    if (name == kind.name) return kind.make(complete_attrs(kind.args, args, text("net ", name)));
    known.push_back(kind.name);
  }
  bad_input("net", text("unknown net \"", name, "\"", did_you_mean(name, known)), "it is one of " + join(known, ", "));
}

NetSpec mlp(const std::vector<int64_t>& hidden, const std::string& activation) { return make_mlp(hidden, activation); }
NetSpec linear() { return make_mlp({}, ""); }

} // namespace vitro

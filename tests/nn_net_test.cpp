#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/text.h"
#include "nn/losses.h"
#include "nn/nets.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

using testing::Test;

const std::string classes = "classes";

std::string error_of(const NetSpec& net, const Shape& sample = {4}, int64_t outputs = 3) {
  try {
    States states;
    create_parameters(states, net, sample, outputs, 0);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

#define EXPECT_SAYS(message, piece) EXPECT_NE((message).find(piece), std::string::npos) << (message)

// Runs the net in double by the interpreter.
struct Ran {
  Tensor output;
  std::map<std::string, Tensor> layers;
};
Ran run(const NetSpec& net, const States& states, const Tensor& x, int64_t outputs = 3) {
  Trace trace(states);
  const Built built = build(trace, net, trace.input("x", x.type()), {.outputs = outputs});
  for (const BuiltLayer& layer : built.layers) trace.output(layer.name, layer.output);
  const Function function = trace.finish();
  const Interpretation values = interpret(function, read_states(states, function), {x});
  Ran out{values.at(built.output.edge()), {}};
  for (const Named& output : function.outputs) out.layers.emplace(output.name, values.at(output.edge));
  return out;
}

const Tensor sample_batch({2, 4}, {1, -2, 0.5, 3, -1, 0.25, 2, -0.5}, DType::f64);

TEST(Net, NamesAndShapesAreTorchs) {
  States states;
  create_parameters(states, mlp({5, 6}), {2, 2}, 3, 0);
  EXPECT_EQ(states.names(),
            (std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"}));
  EXPECT_EQ(states.at("fc1.weight").type.shape, (Shape{5, 4}));
  EXPECT_EQ(states.at("fc3.bias").type.shape, (Shape{3}));
  EXPECT_EQ(states.parameters(), 5 * 4 + 5 + 6 * 5 + 6 + 3 * 6 + 3);
  std::vector<std::string> names;
  for (const ResolvedLayer& layer : resolve(mlp({5, 6}), 3)) names.push_back(layer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"flatten1", "fc1", "relu1", "fc2", "relu2", "fc3"}));
}

TEST(Net, DenseIsWeightedSumsPlusBias) {
  const NetSpec net{.layers = {{.op = "dense", .args = {{"out", int64_t{2}}}}}};
  States states;
  create_parameters(states, net, {4}, 2, 5, DType::f64);
  const Tensor w = states.read("fc1.weight"), b = states.read("fc1.bias"), y = run(net, states, sample_batch).output;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 2; ++o) {
      double sum = b.at(o);
      for (int64_t i = 0; i < 4; ++i) sum += sample_batch.at(n * 4 + i) * w.at(o * 4 + i);
      EXPECT_NEAR(y.at(n * 2 + o), sum, 1e-14);
    }
  for (const double value : b.values()) EXPECT_LE(std::abs(value), 0.5); // U(-1/sqrt(4), 1/sqrt(4))
}

TEST(Net, DenseOverFurtherAxesAndWithoutBias) {
  const NetSpec net{
      .layers = {{.op = "Linear",
                  .name = "time",
                  .args = {{"out", int64_t{5}}, {"bias", int64_t{0}}, {"init", std::string("he_normal")}}}}};
  States states;
  create_parameters(states, net, {7, 4}, 5, 1, DType::f64);
  EXPECT_EQ(states.names(), (std::vector<std::string>{"time.weight"}));
  EXPECT_EQ(run(net, states, Tensor(Type{DType::f64, {3, 7, 4}})).output.shape(), (Shape{3, 7, 5}));
}

TEST(Net, ANamedInitialiserMeansABiasOfZero) {
  const NetSpec net{
      .layers = {
          {.op = "dense", .args = {{"out", int64_t{3}}, {"init", std::string("constant(2)")}, {"gain", 0.5}}},
          {.op = "dense",
           .args = {{"out", int64_t{3}}, {"init", std::string("zero")}, {"bias_init", std::string("constant(4)")}}}}};
  States states;
  create_parameters(states, net, {4}, 3, 1);
  EXPECT_EQ(states.read("fc1.bias"), Tensor(Type{DType::f32, {3}}));
  EXPECT_EQ(states.read("fc1.weight"), Tensor::full({DType::f32, {3, 4}}, 1));
  EXPECT_EQ(states.read("fc2.bias"), Tensor::full({DType::f32, {3}}, 4));
}

TEST(Net, SkipLinksAndSharedWeights) {
  const NetSpec net{.layers = {{.op = "dense", .name = "a", .args = {{"out", int64_t{4}}}},
                               {.op = "tanh"},
                               {.op = "dense", .name = "b", .share = "a"},
                               {.op = "add", .from = {"b", "input"}},
                               {.op = "concatenate", .from = {"add1", "a", "tanh1"}, .args = {{"axis", int64_t{1}}}}}};
  States states;
  create_parameters(states, net, {4}, 12, 2, DType::f64);
  EXPECT_EQ(states.names(), (std::vector<std::string>{"a.weight", "a.bias"}));
  const Ran ran = run(net, states, sample_batch);
  EXPECT_EQ(ran.output.shape(), (Shape{2, 12}));
  const Tensor w = states.read("a.weight"), bias = states.read("a.bias");
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 4; ++o) {
      double sum = bias.at(o);
      for (int64_t i = 0; i < 4; ++i) sum += ran.layers.at("tanh1").at(n * 4 + i) * w.at(o * 4 + i);
      EXPECT_NEAR(ran.output.at(n * 12 + o), sum + sample_batch.at(n * 4 + o), 1e-14);
      EXPECT_EQ(ran.output.at(n * 12 + 4 + o), ran.layers.at("a").at(n * 4 + o));
    }
}

TEST(Net, BlocksWithArgumentsAndRepeats) {
  NetSpec net{.layers = {{.op = "res", .args = {{"width", int64_t{4}}}, .repeat = 3},
                         {.op = "wrap", .name = "w", .args = {{"n", int64_t{4}}}},
                         {.op = "dense", .args = {{"out", classes}}}}};
  net.blocks["res"] = {"res",
                       {{.op = "dense", .args = {{"out", std::string("$width")}}},
                        {.op = "relu"},
                        {.op = "dense", .name = "main", .args = {{"out", std::string("$width")}}},
                        {.op = "add", .from = {"main", "input"}}}};
  net.blocks["wrap"] = {"wrap", {{.op = "res", .args = {{"width", std::string("$n")}}}, {.op = "tanh"}}};
  States states;
  create_parameters(states, net, {4}, 3, 0, DType::f64);
  const std::set<std::string> names = [&] {
    const auto list = states.names();
    return std::set<std::string>(list.begin(), list.end());
  }();
  EXPECT_EQ(names.size(), size_t(4 * 4 + 2));
  for (const char* name : {"res1.fc1.weight", "res3.main.bias", "w.res1.main.weight", "fc1.weight"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(states.at("fc1.weight").type.shape, (Shape{3, 4}));
  const Ran ran = run(net, states, sample_batch);
  EXPECT_EQ(ran.output.shape(), (Shape{2, 3}));
  EXPECT_TRUE(ran.layers.contains("res2.add1"));
}

TEST(Net, NamedRepeatsAreNumberedAndTheNameIsTheLast) {
  const NetSpec net{.layers = {{.op = "dense", .name = "h", .args = {{"out", int64_t{4}}}, .repeat = 2},
                               {.op = "add", .from = {"h", "h1"}}}};
  const auto list = resolve(net, 4);
  EXPECT_EQ(list[1].name, "h2");
  EXPECT_EQ(list[2].from, (std::vector<int>{1, 0}));
}

TEST(Net, GivenNamesAreSteppedAround) {
  const NetSpec net{.layers = {{.op = "dense", .args = {{"out", int64_t{4}}}},
                               {.op = "dense", .name = "fc1", .args = {{"out", int64_t{4}}}}}};
  EXPECT_EQ(resolve(net, 4)[0].name, "fc2");
}

TEST(Net, EveryNodeCarriesItsLayer) {
  States states;
  create_parameters(states, mlp({5}), {4}, 3, 0);
  Trace trace(states);
  const Built built = build(trace, mlp({5}), trace.input("x", {DType::f32, {2, 4}}), {.outputs = 3});
  EXPECT_EQ(built.at("fc1").output.node().name, "fc1");
  EXPECT_EQ(built.at("fc1").parameters, (std::vector<std::string>{"fc1.weight", "fc1.bias"}));
  for (const Node& node : trace.graph()->nodes) EXPECT_FALSE(node.name.empty());
  EXPECT_THROW(built.at("fc9"), Error);
}

TEST(Net, MistakesAreNamed) {
  const LayerSpec dense{.op = "dense", .args = {{"out", int64_t{3}}}};
  EXPECT_SAYS(error_of({.layers = {{.op = "dens", .args = {{"out", int64_t{3}}}}}}), "did you mean \"dense\"");
  EXPECT_SAYS(error_of({.layers = {{.op = "dense"}}}), "\"out\" is missing");
  EXPECT_SAYS(error_of({.layers = {{.op = "dense", .args = {{"otu", int64_t{3}}}}}}), "did you mean \"out\"");
  EXPECT_SAYS(error_of({.layers = {{.op = "dense", .args = {{"out", std::string("many")}}}}}), "expected an integer");
  EXPECT_SAYS(error_of({.layers = {{.op = "dense", .args = {{"out", int64_t{0}}}}}}), "expected at least 1");
  EXPECT_SAYS(
      error_of({.layers = {{.op = "dense", .args = {{"out", int64_t{3}}, {"init", std::string("he_unifrm")}}}}}),
      "did you mean \"he_uniform\"");
  EXPECT_SAYS(error_of({.layers = {dense, {.op = "add", .from = {"fc1", "fc2"}}}}), "no earlier layer \"fc2\"");
  EXPECT_SAYS(error_of({.layers = {dense, {.op = "add"}}}), "add takes 2 inputs, found 1");
  EXPECT_SAYS(error_of({.layers = {dense, {.op = "gather"}}}), "gather takes 2 inputs");
  EXPECT_SAYS(error_of({.layers = {dense, {.op = "gather", .from = {"fc1", "input"}}}}), "expected i32");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu", .name = "a"}, {.op = "relu", .name = "a"}}}),
              "two layers are called \"a\"");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu", .name = "a/b"}}}), "cannot be called");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu", .name = "input"}}}), "cannot be called");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu", .repeat = 0}}}), "repeat is 0");
  EXPECT_SAYS(error_of({.layers = {}}), "no layers");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu", .args = {{"slope", 0.1}}}}}), "unknown attribute \"slope\"");
}

TEST(Net, ShapesThatDoNotFitNameTheLayerAndBoth) {
  const std::string added = error_of({.layers = {{.op = "dense", .args = {{"out", int64_t{5}}}},
                                                 {.op = "add", .name = "sum", .from = {"fc1", "input"}}}});
  for (const char* piece : {"sum", "5", "4"}) EXPECT_SAYS(added, piece);
  const std::string shared = error_of({.layers = {{.op = "dense", .name = "a", .args = {{"out", int64_t{5}}}},
                                                  {.op = "dense", .name = "b", .share = "a"}}});
  for (const char* piece : {"layer b", "[5, 4]", "[5, 5]"}) EXPECT_SAYS(shared, piece);

  States states;
  create_parameters(states, mlp({5}), {4}, 3, 0);
  Trace trace(states);
  try {
    build(trace, mlp({5}), trace.input("x", {DType::f32, {2, 6}}), {.outputs = 3});
    FAIL();
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const char* piece : {"layer fc1", "[5, 6]", "[5, 4]"}) EXPECT_SAYS(message, piece);
  }
}

TEST(Net, MistakesInBlocksAndSharesAreNamed) {
  const LayerSpec dense{.op = "dense", .name = "d", .args = {{"out", std::string("$out")}}};
  const auto with_block = [&](std::vector<LayerSpec> layers, std::vector<LayerSpec> inside) {
    NetSpec net{.layers = std::move(layers)};
    net.blocks["block"] = {"block", std::move(inside)};
    return net;
  };
  EXPECT_SAYS(error_of(with_block({{.op = "block"}}, {dense})), "give the block its argument out");
  EXPECT_SAYS(error_of(with_block({{.op = "block", .args = {{"out", int64_t{2}}, {"uot", int64_t{2}}}}}, {dense})),
              "has no argument \"uot\" (did you mean \"out\"");
  EXPECT_SAYS(error_of(with_block({{.op = "block"}}, {{.op = "block"}})), "inside itself");
  EXPECT_SAYS(error_of(with_block({{.op = "blok"}}, {dense})), "did you mean the block \"block\"");
  EXPECT_SAYS(error_of(with_block({{.op = "relu"}, {.op = "block", .from = {"relu1", "input"}}}, {{.op = "relu"}})),
              "takes 1 input");
  EXPECT_SAYS(error_of(with_block({{.op = "block"}}, {})), "no layers");
  EXPECT_SAYS(error_of({.layers = {dense}}), "belong into a block");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu"}, {.op = "dense", .share = "relu1"}}}), "is not a dense layer");
  EXPECT_SAYS(error_of({.layers = {{.op = "relu"}, {.op = "relu", .share = "relu1"}}}), "no weights to share");
  NetSpec named{.layers = {{.op = "relu"}}};
  named.blocks["relu"] = {"relu", {{.op = "tanh"}}};
  EXPECT_SAYS(error_of(named), "has the name of a layer");
}

TEST(Net, BuiltInNetsTakeArguments) {
  EXPECT_EQ(
      resolve(make_net("mlp", {{"hidden", std::vector<int64_t>{7, 8}}, {"activation", std::string("tanh")}}), 3).size(),
      6u);
  EXPECT_EQ(resolve(make_net("linear"), 3).size(), 2u);
  EXPECT_EQ(resolve(mlp({}), 3).size(), 2u);
  try {
    make_net("mpl");
    FAIL();
  } catch (const Error& error) { EXPECT_SAYS(std::string(error.what()), "did you mean \"mlp\""); }
  EXPECT_THROW(make_net("linear", {{"hidden", int64_t{3}}}), Error);
}

TEST(Layers, AreDocumentedAndHaveOneNameEach) {
  std::set<std::string> names;
  for (const Layer* layer : layers()) {
    EXPECT_TRUE(names.insert(layer->name).second) << layer->name;
    for (const char* alias : layer->aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_FALSE(std::string(layer->doc).empty() || std::string(layer->formula).empty()) << layer->name;
    for (const AttrSpec& arg : layer->args) EXPECT_FALSE(std::string(arg.doc).empty()) << layer->name;
    EXPECT_TRUE(layer->build) << layer->name;
  }
}

TEST(Losses, OfClassIndicesAndOfTheSameAsNumbersAreEqual) {
  const Tensor labels({2}, {2, 0}, DType::i32), numbers({2, 3}, {0, 0, 1, 1, 0, 0}, DType::f64),
      x({2, 3}, {1, -2, 3, 0.5, 0.25, -1}, DType::f64);
  for (const Loss& loss : losses())
    for (const char* reduction : loss.reductions) {
      std::vector<double> found;
      for (const Tensor& targets : {labels, numbers}) {
        const States none;
        Trace trace(none);
        const Var output = trace.input("x", x.type());
        const Attrs args = complete_args(loss, {});
        const Var t = trace.input("t", targets.type());
        const LossParts parts = loss.build({output, t, reduction, args});
        trace.output("loss", parts.loss);
        trace.output("predictions", parts.predictions);
        trace.output("predicted", loss.predict(output, args));
        const Function function = trace.finish();
        const auto values = interpret(function, {}, {x, targets});
        found.push_back(values.at(function.outputs[0].edge).at(0));
        for (int64_t i = 0; i < 6; ++i)
          EXPECT_NEAR(values.at(function.outputs[1].edge).at(i), values.at(function.outputs[2].edge).at(i), 1e-15)
              << loss.name;
      }
      EXPECT_NEAR(found[0], found[1], 1e-14) << loss.name << " " << reduction;
    }
}

TEST(Losses, PerSampleSumsOverOutputsAndAveragesOverSamples) {
  const Tensor x({2, 3}, {1, -2, 3, 0.5, 0.25, -1}, DType::f64), t({2, 3}, {0, 0, 1, 1, 0, 0}, DType::f64);
  for (const auto& [name, elsewhere, factor] : {std::tuple{"squared_error", "mean", 3.0},
                                                {"squared_error", "half", 2.0},
                                                {"binary_cross_entropy", "mean", 3.0}}) {
    std::vector<double> found;
    for (const char* reduction : {"per_sample", elsewhere}) {
      const States none;
      Trace trace(none);
      const Var output = trace.input("x", x.type());
      const Var targets = trace.input("t", t.type());
      const Attrs args = complete_args(find_loss(name), {});
      trace.output("loss", find_loss(name).build({output, targets, reduction, args}).loss);
      const Function function = trace.finish();
      found.push_back(interpret(function, {}, {x, t}).at(function.outputs[0].edge).at(0));
    }
    EXPECT_DOUBLE_EQ(found[0], factor * found[1]) << name << " " << elsewhere;
  }
}

TEST(Losses, WithOneOutputClassOneCounts) {
  const Tensor x({2, 1}, {2, -1}, DType::f64), labels({2}, {1, 0}, DType::i32);
  const States none;
  Trace trace(none);
  const Var output = trace.input("x", x.type()), targets = trace.input("t", labels.type());
  const Attrs args = complete_args(find_loss("binary_crossentropy"), {});
  trace.output("loss", find_loss("binary_crossentropy").build({output, targets, "mean", args}).loss);
  const Function function = trace.finish();
  const double expected = (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0))) / 2;
  EXPECT_NEAR(interpret(function, {}, {x, labels}).at(function.outputs[0].edge).at(0), expected, 1e-15);
}

TEST(Net, BiasesStartAsTheirInitialiserSays) {
  const auto bias = [](Attrs args) {
    args.set("out", int64_t{300});
    States states;
    create_parameters(states, {.layers = {{.op = "dense", .args = args}}}, {4}, 300, 5, DType::f64);
    double squares = 0;
    for (const double value : states.read("fc1.bias").values()) squares += value * value / 300;
    return squares;
  };
  const auto word = [](const char* text) { return std::string(text); };
  EXPECT_NEAR(bias({}), 1.0 / 12, 0.02) << "U(-1/2, 1/2), as PyTorch";
  EXPECT_EQ(bias({{"init", word("he_normal")}}), 0);
  EXPECT_NEAR(bias({{"init", word("nielsen")}}), 1, 0.25) << "N(0, 1)";
  EXPECT_NEAR(bias({{"init", word("nielsen_large")}}), 1, 0.25);
  EXPECT_EQ(bias({{"init", word("nielsen")}, {"bias_init", word("zero")}}), 0);
  EXPECT_NEAR(bias({{"bias_init", word("uniform(3)")}}), 3, 0.5);
}

TEST(Net, AGainIsANumberOrAnActivation) {
  const auto weight = [](const Attr& gain) {
    States states;
    const Attrs args{{"out", int64_t{2}}, {"init", std::string("lecun_normal")}, {"gain", gain}};
    create_parameters(states, {.layers = {{.op = "dense", .args = args}}}, {4}, 2, 5, DType::f64);
    return states.read("fc1.weight").at(3);
  };
  EXPECT_DOUBLE_EQ(weight(std::string("relu")), weight(1.0) * std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(weight(std::string("tanh")), weight(1.0) * 5 / 3);
  try {
    weight(std::string("relo"));
    FAIL();
  } catch (const Error& error) { EXPECT_SAYS(std::string(error.what()), "did you mean \"relu\""); }
}

TEST(Net, PreluLearnsOneSlopeOrOneForEachFeature) {
  const auto net = [](int64_t count) {
    return NetSpec{.layers = {{.op = "PReLU", .args = {{"num_parameters", count}}}}};
  };
  for (const int64_t count : {1, 4}) {
    States states;
    create_parameters(states, net(count), {4}, 4, 0, DType::f64);
    EXPECT_EQ(states.names(true), (std::vector<std::string>{"prelu1.weight"}));
    EXPECT_EQ(states.read("prelu1.weight"), Tensor::full({DType::f64, {count}}, 0.25));
    if (count == 4) states.write("prelu1.weight", Tensor({4}, {0.5, 0.1, 0.2, 0.3}, DType::f64));
    const Tensor y = run(net(count), states, sample_batch, 4).output;
    EXPECT_DOUBLE_EQ(y.at(1), count == 4 ? -0.2 : -0.5);
    EXPECT_DOUBLE_EQ(y.at(4), count == 4 ? -0.5 : -0.25);
    EXPECT_DOUBLE_EQ(y.at(0), 1);
  }
  // Features lie on axis 1 where pictures have more.
  States states;
  create_parameters(states, net(3), {3, 2, 2}, 3, 0, DType::f64);
  states.write("prelu1.weight", Tensor({3}, {1, 2, 3}, DType::f64));
  const Tensor y = run(net(3), states, Tensor::full({DType::f64, {1, 3, 2, 2}}, -1), 3).output;
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(y.at(i), -double(i / 4 + 1));
  EXPECT_SAYS(error_of(net(3)), "num_parameters is 3");
}

TEST(Net, ActivationsGoByTheirUsualNames) {
  for (const auto& [name, kind] :
       {std::pair{"swish", "silu"}, {"SiLU", "silu"}, {"ReLU6", "relu6"}, {"GELU", "gelu"}}) {
    const Layer* found = find_layer(name);
    ASSERT_TRUE(found) << name;
    EXPECT_STREQ(found->name, kind);
  }
  for (const char* activation : {"linear", "identity", "step", "prelu", "gelu_tanh", "softsign", "log_softmax"}) {
    States states;
    const NetSpec net = mlp({5}, activation);
    create_parameters(states, net, {4}, 3, 0, DType::f64);
    EXPECT_EQ(run(net, states, sample_batch).output.shape(), (Shape{2, 3})) << activation;
  }
}

// The value and the predictions of a loss in double.
std::pair<double, Tensor> loss_of(const std::string& name, const Tensor& x, const Tensor& t, Attrs given = {},
                                  const std::string& reduction = "mean", Tensor* dx = nullptr) {
  const Loss& loss = find_loss(name);
  const Attrs args = complete_args(loss, given, x.shape()[1]);
  const States none;
  Trace trace(none);
  const Var output = trace.input("x", x.type()), targets = trace.input("t", t.type());
  const LossParts parts = loss.build({output, targets, reduction, args});
  trace.output("loss", parts.loss);
  trace.output("predictions", parts.predictions);
  trace.output("dx", gradient(parts.loss, {output})[0]);
  const Function function = trace.finish();
  const auto values = interpret(function, {}, {x, t});
  if (dx) *dx = values.at(function.outputs[2].edge);
  return {values.at(function.outputs[0].edge).at(0), values.at(function.outputs[1].edge)};
}

TEST(Losses, WhereEveryTargetIsIgnoredTheLossIsZeroAndSoIsItsGradient) {
  const Tensor x({2, 3}, {1, -2, 3, 0.5, 0.25, -1}, DType::f64), labels({2}, {1, 1}, DType::i32),
      beyond({2}, {-1, -1}, DType::i32);
  const auto weights = std::make_shared<const Tensor>(Tensor({3}, {1, 0, 2}, DType::f64));
  for (const auto& [name, args, t] :
       {std::tuple<const char*, Attrs, Tensor>{"cross_entropy", {{"ignore_index", int64_t{1}}}, labels},
        {"cross_entropy", {{"ignore_index", int64_t{1}}, {"label_smoothing", 0.1}}, labels},
        {"cross_entropy", {{"ignore_index", int64_t{-1}}}, beyond},
        {"cross_entropy", {{"class_weights", weights}}, labels},
        {"nll", {{"ignore_index", int64_t{1}}}, labels}})
    for (const char* reduction : {"mean", "sum"}) {
      Tensor dx;
      EXPECT_EQ(loss_of(name, x, t, args, reduction, &dx).first, 0) << name << args.str();
      for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(dx.at(i), 0) << name << args.str();
    }
}

TEST(Losses, SeparatelyAndJointlyTheSame) {
  const Tensor x({2, 3}, {1, -2, 3, 0.5, 0.25, -1}, DType::f64), labels({2}, {1, 2}, DType::i32);
  const auto through = [&](Var (*last)(In, int64_t), const char* name, const Attrs& given) {
    const Loss& loss = find_loss(name);
    const Attrs args = complete_args(loss, given);
    const States none;
    Trace trace(none);
    const Var logits = trace.input("x", x.type()), t = trace.input("t", labels.type());
    const Var output = last ? last(logits, -1) : logits;
    const std::string reduction = std::string(name) == "kl_divergence" ? "per_sample" : "mean"; // its own mean
    const LossParts parts = loss.build({output, t, reduction, args});
    for (const Var& y : {parts.loss, parts.predictions, gradient(parts.loss, {logits})[0]}) trace.output("y", y);
    const Function function = trace.finish();
    const auto values = interpret(function, {}, {x, labels});
    std::vector<double> out;
    for (const Named& output_of : function.outputs)
      for (const double value : values.at(output_of.edge).values()) out.push_back(value);
    return out;
  };
  const auto joint = through(nullptr, "cross_entropy", {});
  for (const auto& other : {through(log_softmax, "nll", {}), through(log_softmax, "kl_divergence", {}),
                            through(softmax, "cross_entropy", {{"from_logits", int64_t{0}}})})
    for (size_t i = 0; i < joint.size(); ++i) EXPECT_NEAR(other[i], joint[i], 1e-14);
}

TEST(Losses, ProbabilitiesOfZeroCostMuchButNotInfinitelyMuch) {
  const Tensor x({1, 2}, {0, 1}, DType::f64), wrong({1}, {0}, DType::i32), one({1, 2}, {1, 0}, DType::f64);
  for (const char* name : {"cross_entropy", "binary_cross_entropy"}) {
    Tensor dx;
    EXPECT_NEAR(loss_of(name, x, one, {{"from_logits", int64_t{0}}}, "sum", &dx).first,
                37 * std::log(10.0) * (std::string(name) == "cross_entropy" ? 1 : 2), 1e-9);
    for (const double slope : dx.values()) EXPECT_TRUE(std::isfinite(slope));
  }
}

TEST(Losses, HingeTakesMinusOneOrZeroForNo) {
  const Tensor x({2, 1}, {0.5, 0.25}, DType::f64), labels({2}, {1, 0}, DType::i32);
  for (const Tensor& t : {labels, Tensor({2, 1}, {1, 0}, DType::f64), Tensor({2, 1}, {1, -1}, DType::f64)}) {
    const auto [loss, predictions] = loss_of("hinge", x, t);
    EXPECT_DOUBLE_EQ(loss, (0.5 + 1.25) / 2);
    EXPECT_DOUBLE_EQ(predictions.at(0), 0.75);
  }
}

TEST(Losses, SenselessArgumentsAreNamed) {
  const auto said = [](const char* name, const Attrs& args, int64_t outputs = 3) {
    try {
      complete_args(find_loss(name), args, outputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto list = [](std::vector<double> values) {
    const Shape shape{int64_t(values.size())};
    return std::make_shared<const Tensor>(Tensor(shape, std::move(values), DType::f64));
  };
  EXPECT_SAYS(said("huber", {{"delta", 0.0}}), "greater than 0");
  EXPECT_SAYS(said("smooth_l1", {{"beta", -1.0}}), "beta is -1");
  EXPECT_SAYS(said("smooth_l1", {{"betas", 1.0}}), "did you mean \"beta\"");
  EXPECT_SAYS(said("cross_entropy", {{"label_smoothing", 1.0}}), "below 1");
  EXPECT_SAYS(said("cross_entropy", {{"label_smoothing", -0.1}}), "label_smoothing is -0.1");
  EXPECT_SAYS(said("cross_entropy", {{"label_smoothing", std::nan("")}}), "below 1");
  EXPECT_SAYS(said("cross_entropy", {{"class_weights", list({1, 2})}}), "class_weights has 2 numbers, the net 3");
  EXPECT_SAYS(said("cross_entropy", {{"class_weights", list({1, -2, 1})}}), "at least 0");
  EXPECT_SAYS(said("cross_entropy", {{"class_weights", list({0, 0, 0})}}), "not all of them 0");
  EXPECT_SAYS(said("cross_entropy", {{"from_logits", int64_t{2}}}), "from_logits is 2");
  EXPECT_SAYS(said("binary_cross_entropy", {{"pos_weight", list({1, 2})}}), "pos_weight has 2 numbers, the net 3");
  EXPECT_EQ(said("binary_cross_entropy", {{"pos_weight", list({2})}}), "no error");
  EXPECT_SAYS(said("nll", {}, 1), "nothing to choose from");
  EXPECT_SAYS(said("cosine", {}, 1), "two directions");
}

TEST(Losses, UnknownOnesAreNamed) {
  try {
    find_loss("cros_entropy");
    FAIL();
  } catch (const Error& error) { EXPECT_SAYS(std::string(error.what()), "did you mean \"cross_entropy\""); }
  EXPECT_THROW(check_reduction(find_loss("mse"), "maen"), Error);
}

} // namespace
} // namespace vitro

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/text.h"
#include "nn/losses.h"
#include "nn/nets.h"
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
        const LossParts parts = loss.build(output, trace.input("t", targets.type()), reduction);
        trace.output("loss", parts.loss);
        trace.output("predictions", parts.predictions);
        trace.output("predicted", loss.predict(output));
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
      trace.output("loss", find_loss(name).build(output, trace.input("t", t.type()), reduction).loss);
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
  trace.output("loss", find_loss("binary_crossentropy").build(output, targets, "mean").loss);
  const Function function = trace.finish();
  const double expected = (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0))) / 2;
  EXPECT_NEAR(interpret(function, {}, {x, labels}).at(function.outputs[0].edge).at(0), expected, 1e-15);
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

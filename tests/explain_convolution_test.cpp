// One place of a map: the window that it looks at, times the kernel, in numbers that one can follow by hand and in nets
// with strides, padding, dilation, groups, lines and batch-norm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "explain/explain.h"
#include "model/model.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LayerSpec layer(const char* op, Attrs args = {}) { return {.op = op, .args = std::move(args)}; }
LayerSpec conv(int64_t out, std::vector<int64_t> kernel, Attrs args = {}) {
  args.set("out", out);
  args.set("kernel", std::move(kernel));
  return layer("conv2d", std::move(args));
}
const Attrs classes{{"out", std::string("classes")}};

Explainer explainer_of(const Model& model, const Tensor& x, ExplainOptions options = {}) {
  return {model.loss_function(1), model.states(), {x, Tensor({1}, {1}, DType::i32)}, std::move(options)};
}

std::string message(Explainer& explainer, const std::string& layer, int64_t unit, const std::vector<int64_t>& place) {
  try {
    explainer.neuron(layer, unit, place);
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

TEST(ConvolutionNeuron, ByHand) {
  Model model({.net = {.layers = {conv(2, {2, 2}), layer("relu"), layer("flatten"), layer("dense", classes)}},
               .sample = {1, 3, 3},
               .outputs = 2,
               .dtype = DType::f64});
  model.states().write("conv1.weight", Tensor({2, 1, 2, 2}, {1, 0, 0, 1, /**/ 1, -1, 0, 2}, DType::f64));
  model.states().write("conv1.bias", Tensor({2}, {0, -10}, DType::f64));
  const Tensor x({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, DType::f64);
  Explainer explainer = explainer_of(model, x, {.terms = 2});
  EXPECT_THAT(explainer.neuron_layers(), ElementsAre("conv1", "fc1"));

  const Neuron n = explainer.neuron("conv1", 1, {0, 1});
  EXPECT_EQ(n.units, 2);
  EXPECT_THAT(n.place, ElementsAre(0, 1));
  EXPECT_THAT(n.places, ElementsAre(2, 2));
  ASSERT_TRUE(n.window);
  EXPECT_THAT(n.window->inputs, ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(n.window->weights, ElementsAre(1, -1, 0, 2));
  EXPECT_EQ(n.window->top, 0);
  EXPECT_EQ(n.window->left, 1);
  EXPECT_EQ(n.sum, 2 - 3 + 12);
  EXPECT_EQ(n.label, "s1[1,0,1]");
  EXPECT_EQ(n.formula, "s1[1,0,1] = sum_j,i x[j,i+1] * conv1.weight[1,0,j,i]");
  ASSERT_EQ(n.products.size(), 2u);
  EXPECT_EQ(n.products[0].expression, "x[1,2] * conv1.weight[1,0,1,1]");
  EXPECT_EQ(n.products[1].product, -3);
  EXPECT_EQ(n.rest, 2);
  EXPECT_EQ(n.zero_products, 1);
  ASSERT_EQ(n.stages.size(), 2u);
  EXPECT_EQ(n.stages[0].expression, "z1[1,0,1] = s1[1,0,1] + conv1.bias[1]");
  EXPECT_EQ(n.stages[0].numbers, "11 + (-10)");
  EXPECT_EQ(n.output, 1);
  EXPECT_THAT(text_of(n), HasSubstr("Map 1 of layer conv1, row 0, column 1   one of 2 maps of 2 x 2"));
  EXPECT_THAT(text_of(n), HasSubstr("  2 3                            1 -1\n  5 6                         *  0  2\n"));
  EXPECT_THAT(json_of(n), HasSubstr("\"place\":[0,1]"));

  EXPECT_THAT(explainer.neuron("conv1", 0).place, ElementsAre(1, 1)); // 5 + 9 is the largest
  EXPECT_THAT(message(explainer, "conv1", 2, {}), HasSubstr("has 2 maps, there is no 2"));
  EXPECT_THAT(message(explainer, "conv1", 0, {2, 0}), HasSubstr("has 2 rows, there is no 2"));
  EXPECT_THAT(message(explainer, "conv1", 0, {0, -1}), HasSubstr("has 2 columns, there is no -1"));
  EXPECT_THAT(message(explainer, "conv1", 0, {0}), HasSubstr("a row and a column of 2 x 2"));
  EXPECT_THAT(message(explainer, "fc1", 0, {0, 0}), HasSubstr("has no place on a map"));
}

Tensor drawn(const Shape& shape) {
  Tensor out({DType::f64, shape});
  const Stream stream(5, "drawn");
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stream.uniform(0, uint64_t(i), -1, 1));
  return out;
}

// Every place of every map: the sum, then what the layer makes of it, are what the net computes.
void agrees(const NetSpec& net, const Shape& sample, const std::string& layer, const std::string& whole) {
  const Model model({.net = net, .sample = sample, .outputs = 3, .dtype = DType::f64});
  std::vector<int64_t> extents = sample.list();
  extents.insert(extents.begin(), 1);
  const Tensor x = drawn(Shape(extents));
  const Tensor y = model.activations(x).at(whole);
  Explainer explainer = explainer_of(model, x);
  const Neuron first = explainer.neuron(layer, 0);
  const int64_t places = first.places[0] * first.places[1];
  ASSERT_EQ(first.units * places, y.elements());
  for (int64_t unit = 0; unit < first.units; ++unit)
    for (int64_t i = 0; i < places; ++i) {
      const Neuron n = explainer.neuron(layer, unit, {i / first.places[1], i % first.places[1]});
      double sum = n.rest, window = 0;
      for (const auto& product : n.products) sum += product.input * product.weight;
      EXPECT_NEAR(sum, n.sum, 1e-14);
      for (size_t k = 0; k < n.window->inputs.size(); ++k) window += n.window->inputs[k] * n.window->weights[k];
      EXPECT_NEAR(window, n.window->sum, 1e-14);
      if (n.window->channels == 1) { EXPECT_NEAR(window, n.sum, 1e-14); }
      EXPECT_NEAR(n.output, y.at(unit * places + i), 1e-13) << unit << ", " << i;
    }
}

TEST(ConvolutionNeuron, IsWhatTheNetComputes) {
  const auto with = [](LayerSpec first, std::vector<LayerSpec> then = {}) {
    NetSpec net{.layers = {std::move(first)}};
    for (LayerSpec& one : then) net.layers.push_back(std::move(one));
    net.layers.push_back(layer("flatten"));
    net.layers.push_back(layer("dense", classes));
    return net;
  };
  const std::vector<int64_t> two{2}, around{1, 2};
  agrees(with(conv(4, {3, 2}, {{"stride", two}, {"padding", around}})), {2, 6, 5}, "conv1", "conv1");
  agrees(with(conv(4, {3}, {{"dilation", two}, {"padding", two}, {"bias", int64_t{0}}})), {2, 6, 5}, "conv1", "conv1");
  agrees(with(conv(4, {2}, {{"groups", int64_t{2}}}), {layer("tanh")}), {4, 4, 4}, "conv1", "tanh1");
  agrees(with(conv(3, {3}, {{"bias", int64_t{0}}}), {layer("batch_norm"), layer("relu")}), {1, 5, 5}, "conv1", "relu1");
  agrees(with(layer("conv1d", {{"out", int64_t{3}}, {"kernel", int64_t{3}}}), {layer("sigmoid")}), {2, 9}, "conv1",
         "sigmoid1");
}

TEST(ConvolutionNeuron, SaysWhereItMeetsThePadding) {
  const Model model({.net = {.layers = {conv(1, {3}, {{"padding", std::vector<int64_t>{1}}}), layer("flatten"),
                                        layer("dense", classes)}},
                     .sample = {1, 4, 4},
                     .outputs = 2,
                     .dtype = DType::f64});
  Explainer explainer = explainer_of(model, drawn({1, 1, 4, 4}));
  const Neuron corner = explainer.neuron("conv1", 0, {0, 0});
  EXPECT_THAT(corner.notes, ElementsAre(HasSubstr("5 weights meet the padding")));
  EXPECT_EQ(corner.window->top, -1);
  EXPECT_EQ(corner.window->inputs[0], 0);
  EXPECT_EQ(int64_t(corner.products.size()) + corner.rest_products, 4);
  EXPECT_EQ(corner.formula, "s1[0,0] = sum_j,i x[j-1,i-1] * conv1.weight[0,0,j,i]");
  EXPECT_TRUE(explainer.neuron("conv1", 0, {1, 1}).notes.empty());
}

} // namespace
} // namespace vitro

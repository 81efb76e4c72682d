// What a look inside says is what the model's other readers say, and looking changes nothing.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "core/random.h"
#include "core/text.h"
#include "model/model.h"

namespace vitro {
namespace {

Tensor normal(const Shape& shape, const char* name, DType dtype) {
  Tensor out({dtype, shape});
  const Stream stream(1, name);
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stream.normal(uint64_t(i), 0));
  return out;
}

NetSpec net() {
  return {.layers = {{.op = "dense", .args = {{"out", int64_t{9}}}},
                     {.op = "relu"},
                     {.op = "dense", .args = {{"out", int64_t{7}}}},
                     {.op = "tanh"},
                     {.op = "dense", .args = {{"out", std::string("classes")}}}}};
}

struct Case {
  DType dtype;
  int64_t batch, shards;
};

class Looking : public testing::TestWithParam<Case> {};

double norm(const Tensor& tensor) {
  double sum = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) sum += tensor.at(i) * tensor.at(i);
  return std::sqrt(sum);
}

TEST_P(Looking, AgreesWithTheOtherReaders) {
  const auto [dtype, batch, shards] = GetParam();
  Model model({.net = net(), .sample = {5}, .outputs = 3, .optimizer = {"adam"}, .shards = shards, .dtype = dtype});
  const Tensor x = normal({batch, 5}, "x", dtype);
  Tensor labels({DType::i32, {batch}});
  for (int64_t i = 0; i < batch; ++i) labels.set(i, double(i % 3));
  for (int step = 0; step < 20; ++step) model.fit(x, labels, 0.05);

  const Statistics seen = model.statistics(x, labels);
  const Evaluation evaluation = model.evaluate(x, labels);
  EXPECT_EQ(seen.predictions, evaluation.predictions);
  EXPECT_NEAR(seen.loss, evaluation.loss / double(batch), 1e-12);
  EXPECT_NEAR(seen.training_loss, seen.loss, 1e-6); // nothing in this net acts in training only
  const auto outputs = model.activations(x);
  const auto gradients = model.gradient(x, labels);
  ASSERT_EQ(seen.layers.size(), 5u);
  for (const LayerStatistics& layer : seen.layers) {
    const Tensor& y = outputs.at(layer.name);
    std::vector<double> values(static_cast<size_t>(y.elements()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = y.at(int64_t(i));
    const double n = double(values.size()), mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double variance = 0;
    for (const double value : values) variance += (value - mean) * (value - mean) / n;
    EXPECT_NEAR(layer.mean, mean, 1e-6) << layer.name;
    EXPECT_NEAR(layer.deviation, std::sqrt(variance), 1e-5) << layer.name;
    EXPECT_NEAR(layer.low, *std::ranges::min_element(values), 1e-6);
    EXPECT_NEAR(layer.high, *std::ranges::max_element(values), 1e-6);
    EXPECT_EQ(layer.units, y.shape().back());
    EXPECT_EQ(std::accumulate(layer.histogram.begin(), layer.histogram.end(), int64_t{0}), y.elements());
    const bool weighted = layer.kind == "dense";
    EXPECT_EQ(std::isfinite(layer.weight), weighted) << layer.name;
    if (!weighted) continue;
    const Tensor& dw = gradients.at(layer.name + ".weight");
    const Tensor& db = gradients.at(layer.name + ".bias");
    EXPECT_NEAR(layer.gradient, std::hypot(norm(dw), norm(db)), 1e-6) << layer.name;
    EXPECT_NEAR(
        layer.weight,
        std::hypot(norm(model.states().read(layer.name + ".weight")), norm(model.states().read(layer.name + ".bias"))),
        1e-5);
    // Of a single sample dL/d(output) is dL/d(bias).
    if (batch == 1) { EXPECT_NEAR(layer.signal, norm(db), 1e-6) << layer.name; }
    EXPECT_GT(layer.signal, 0);
  }
}

TEST_P(Looking, ChangesNoState) {
  const auto [dtype, batch, shards] = GetParam();
  Model model({.net = net(), .sample = {5}, .outputs = 3, .optimizer = {"adam"}, .shards = shards, .dtype = dtype});
  const Tensor x = normal({batch, 5}, "x", dtype), labels({DType::i32, {batch}});
  model.fit(x, labels, 0.05);
  std::map<std::string, Tensor> before;
  for (const std::string& name : model.states().names()) before.emplace(name, model.states().read(name));
  const Statistics once = model.statistics(x, labels), twice = model.statistics(x, labels);
  for (const std::string& name : model.states().names()) EXPECT_EQ(model.states().read(name), before.at(name)) << name;
  EXPECT_EQ(once.loss, twice.loss);
  EXPECT_EQ(once.predictions, twice.predictions);
}

INSTANTIATE_TEST_SUITE_P(Batches, Looking,
                         testing::Values(Case{DType::f32, 1, 1}, Case{DType::f32, 37, 1}, Case{DType::f32, 37, 3},
                                         Case{DType::f64, 1, 1}, Case{DType::f64, 11, 1}));

// Weights set by hand: which units are dead, which values stand at the ends.
TEST(Statistics, DeadUnitsAndSaturatedValues) {
  Model model({.net = {.layers = {{.op = "dense", .args = {{"out", int64_t{4}}}},
                                  {.op = "relu"},
                                  {.op = "dense", .args = {{"out", int64_t{2}}}},
                                  {.op = "sigmoid"},
                                  {.op = "dense", .args = {{"out", int64_t{1}}}}}},
               .sample = {1},
               .outputs = 1,
               .loss = "squared_error"});
  States& states = model.states();
  states.write("fc1.weight", Tensor(Shape{4, 1}, {1, -1, 1, -1}));
  states.write("fc1.bias", Tensor(Shape{4}, {0, 0, -9, -9})); // x from 1 to 3: the second, third, fourth never fire
  states.write("fc2.weight", Tensor(Shape{2, 4}, {0, 0, 0, 0, 10, 0, 0, 0}));
  states.write("fc2.bias", Tensor(Shape{2}, {0, -20})); // sigmoid of 0, and of 10 x - 20
  const Tensor x(Shape{3, 1}, {1, 2, 3}), y(Shape{3, 1}, {0, 0, 0});
  const Statistics seen = model.statistics(x, y);
  EXPECT_EQ(seen.layers[1].dead, 0.75);
  EXPECT_TRUE(std::isnan(seen.layers[0].dead));
  EXPECT_NEAR(seen.layers[3].saturated, 2.0 / 6, 1e-12);
  EXPECT_TRUE(std::isnan(seen.layers[1].saturated));
  EXPECT_EQ(seen.layers[0].low, -12);
  EXPECT_EQ(seen.layers[0].high, 3);
}

// Where a derivative is zero everywhere, the signal in front of it is exactly zero.
TEST(Statistics, NothingPassesAFlatLayer) {
  Model model({.net = {.layers = {{.op = "dense", .args = {{"out", int64_t{4}}}},
                                  {.op = "dense", .name = "zero", .args = {{"out", int64_t{4}}}},
                                  {.op = "greater", .from = {"fc1", "zero"}},
                                  {.op = "dense", .name = "last", .args = {{"out", std::string("classes")}}}}},
               .sample = {3},
               .outputs = 2});
  const Statistics seen = model.statistics(normal({8, 3}, "x", DType::f32), Tensor({DType::i32, {8}}));
  EXPECT_EQ(seen.layers[0].signal, 0);
  EXPECT_GT(seen.layers[2].signal, 0);
  EXPECT_EQ(seen.layers[0].gradient, 0);
}

TEST(Statistics, AUnitOfAPictureIsAChannel) {
  Model model({.net = {.layers = {{.op = "relu"}, {.op = "flatten"}, {.op = "dense", .args = {{"out", int64_t{2}}}}}},
               .sample = {3, 2, 2},
               .outputs = 2});
  Tensor x({DType::f32, {2, 3, 2, 2}});
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, i / 4 % 3 == 1 ? 1 : -1); // only the second channel is positive
  const Statistics seen = model.statistics(x, Tensor({DType::i32, {2}}));
  EXPECT_EQ(seen.layers[0].units, 3);
  EXPECT_NEAR(seen.layers[0].dead, 2.0 / 3, 1e-12);
}

} // namespace
} // namespace vitro

// The linear model against scikit-learn's (tests/golden/linear.json), on large parts, and on ones that give it nothing.
#include "train/linear.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro {
namespace {

using json = nlohmann::json;

// Rows of columns "c0", ...; `truth` [n, outputs] or the classes.
Dataset table(int64_t columns, int64_t classes, const std::vector<double>& x, const std::vector<double>& truth,
              int64_t outputs = 1) {
  Dataset data;
  Schema& schema = data.schema;
  const int64_t n = int64_t(x.size()) / columns;
  schema.sample = Shape{columns};
  for (int64_t i = 0; i < columns; ++i) schema.features.push_back(text("c", i));
  data.samples = Tensor(Shape{n, columns}, x);
  if (classes) {
    for (int64_t i = 0; i < classes; ++i) schema.classes.push_back(text("class ", i));
    data.labels = Tensor(Shape{n}, truth, DType::i32);
  } else {
    schema.goal = Goal::numbers;
    for (int64_t i = 0; i < outputs; ++i) schema.targets.push_back(text("y", i));
    data.targets = Tensor(Shape{n, outputs}, truth);
  }
  return data;
}

std::vector<double> flat(const json& rows) {
  std::vector<double> out;
  for (const json& row : rows)
    if (row.is_array())
      for (const json& one : row) out.push_back(one);
    else
      out.push_back(row);
  return out;
}

void expect_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
}

TEST(Linear, IsWhatScikitLearnFinds) {
  std::ifstream file(text(VITRO_SOURCE_DIR, "/tests/golden/linear.json"));
  const json stated = json::parse(file);
  ASSERT_GE(stated["cases"].size(), 6u);
  for (const json& one : stated["cases"]) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const Dataset data =
        table(int64_t(one["x"][0].size()), one["classes"], flat(one["x"]), flat(one["y"]), one["outputs"]);
    const LinearModel model = fit_linear(data, {.l2 = one["l2"], .codes = one["codes"], .tolerance = 1e-11});
    EXPECT_EQ(model.rows, data.size());
    expect_close(model.weight, flat(one["weight"]), 1e-6);
    expect_close(model.bias, flat(one["bias"]), 1e-6);
    expect_close(predict(model, data).values(), flat(one["predictions"]), 1e-6);
    // What the default is content with says the same to anybody who reads percentages.
    const Tensor usual = predict(fit_linear(data, {.l2 = one["l2"], .codes = one["codes"]}), data);
    expect_close(usual.values(), flat(one["predictions"]), 2e-3);
  }
}

// Samples of a linear rule under noise.
Dataset drawn(int64_t n, int64_t columns, int64_t classes, uint64_t seed) {
  const Stream stream(seed, "linear test"), rule(0, "linear rule");
  std::vector<double> x, truth, weight;
  const auto units = size_t(std::max<int64_t>(1, classes));
  for (size_t i = 0; i < size_t(columns) * units; ++i) weight.push_back(rule.normal(0, i) / std::sqrt(double(columns)));
  for (int64_t i = 0; i < n; ++i) {
    std::vector<double> score(units);
    for (int64_t j = 0; j < columns; ++j) {
      x.push_back(stream.normal(uint64_t(i), uint64_t(j)));
      for (size_t k = 0; k < units; ++k) score[k] += x.back() * weight[size_t(j) * units + k];
    }
    for (size_t k = 0; k < units; ++k) score[k] += 0.3 * stream.normal(uint64_t(i), uint64_t(columns) + k);
    truth.push_back(classes ? double(std::max_element(score.begin(), score.end()) - score.begin()) : score[0]);
  }
  return table(columns, classes, x, truth);
}

TEST(Linear, IsTheSameForAnyNumberOfThreads) {
  const int before = thread_count();
  for (const int64_t classes : {0, 2, 5}) {
    const Dataset data = drawn(1500, 7, classes, 1);
    std::vector<LinearModel> found;
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      found.push_back(fit_linear(data));
    }
    EXPECT_EQ(found[0].weight, found[1].weight) << classes;
    EXPECT_EQ(found[0].bias, found[1].bias) << classes;
  }
  set_thread_count(before);
}

TEST(Linear, TakesAPartThatIsTooLargeBySomeOfItsSamples) {
  const Dataset data = drawn(20000, 600, 6, 2);
  const LinearModel model = fit_linear(data);
  EXPECT_LT(model.rows, 20000);
  EXPECT_GT(model.rows, 5000);
  EXPECT_LE(model.evaluations, 60);
  const std::optional<Baseline> judged = linear_baseline(data, drawn(2000, 600, 6, 3));
  ASSERT_TRUE(judged);
  EXPECT_THAT(judged->text, testing::HasSubstr(" samples"));
  EXPECT_GT(judged->value, 0.6); // of six classes, under noise
  const LinearModel numbers = fit_linear(drawn(12000, 1000, 0, 4));
  EXPECT_LT(numbers.rows, 12000);
  EXPECT_EQ(numbers.evaluations, 0);
}

// More columns than are solved directly: categories by the thousand.
TEST(Linear, OfManyCategoriesIsFoundStepByStep) {
  const Stream stream(5, "categories");
  std::vector<double> x, y;
  for (int64_t i = 0; i < 4000; ++i) {
    const auto code = double(stream.below(2000, 0, uint64_t(i)));
    x.insert(x.end(), {stream.normal(1, uint64_t(i)), code});
    y.push_back(2 * x[x.size() - 2] + (code < 1000 ? 3 : -3));
  }
  const Dataset data = table(2, 0, x, y);
  const std::vector<int64_t> codes{2000};
  const LinearModel model = fit_linear(data, {.l2 = 0.1, .codes = codes});
  EXPECT_GT(model.evaluations, 1);
  EXPECT_NEAR(model.weight[0], 2, 0.05);
  const std::optional<Baseline> judged = linear_baseline(data, data, codes);
  EXPECT_GT(judged->metrics.r2, 0.9);
}

TEST(Linear, OfNothingToLearnSaysWhatIsMostFrequent) {
  std::vector<double> x, one_class, labels, y;
  for (int i = 0; i < 30; ++i) {
    x.insert(x.end(), {5, -2});
    labels.push_back(i % 3 == 0);
    one_class.push_back(1);
    y.push_back(i % 2);
  }
  const Tensor p = predict(fit_linear(table(2, 2, x, labels)), table(2, 2, x, labels));
  EXPECT_NEAR(p.at(1), 1.0 / 3, 1e-4);
  EXPECT_GT(predict(fit_linear(table(2, 2, x, one_class)), table(2, 2, x, one_class)).at(1), 0.99);
  EXPECT_NEAR(predict(fit_linear(table(2, 0, x, y)), table(2, 0, x, y)).at(0), 0.5, 1e-6);
  EXPECT_EQ(predict(fit_linear(table(2, 2, x, labels)), empty_like(table(2, 2, x, labels).schema)).elements(), 0);
}

TEST(Linear, LearnsInTheTargetsScaleAndIsJudgedInItsUnits) {
  Dataset data = drawn(500, 4, 0, 6);
  const std::optional<Baseline> plain = linear_baseline(data, data);
  data.schema.target = {.scale = 1, .mean = {3}, .deviation = {0.25}};
  data.schema.input = {.scale = 1, .mean = {1, 2, 3, 4}, .deviation = {1, 1, 1, 1}};
  const std::optional<Baseline> scaled = linear_baseline(data, data);
  EXPECT_NEAR(scaled->value, plain->value, 1e-5);
  EXPECT_LT(scaled->value, 0.35); // the noise's 0.3
  const Interval interval = scaled->metrics.interval();
  EXPECT_LT(interval.low, scaled->value);
  EXPECT_GT(interval.high, scaled->value);
}

TEST(Linear, IsForTablesAlone) {
  Dataset picture = drawn(20, 4, 2, 7);
  EXPECT_TRUE(linear_baseline(picture, picture));
  EXPECT_FALSE(linear_baseline(picture, empty_like(picture.schema)));
  picture.schema.features.clear();
  EXPECT_FALSE(linear_baseline(picture, picture));
}

TEST(Linear, SaysWhatDoesNotFit) {
  const Dataset data = drawn(20, 4, 2, 8);
  EXPECT_THROW(fit_linear(data, {.l2 = 0}), Error);
  EXPECT_THROW(fit_linear(data, {.codes = {2, 2, 2, 2, 2}}), Error);
  EXPECT_THROW(fit_linear(data, {.codes = {0}}), Error);
  EXPECT_THROW(fit_linear(data, {.codes = {2}}), Error); // normal numbers are no codes
}

} // namespace
} // namespace vitro

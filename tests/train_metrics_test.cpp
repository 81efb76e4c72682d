// Metrics against numbers worked out by hand, and the baseline.
#include "train/metrics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/random.h"

namespace vitro {
namespace {

Dataset three_classes() {
  Dataset data;
  data.schema.classes = {"a", "b", "c"};
  data.schema.sample = Shape({1});
  data.samples = Tensor({DType::f32, {6, 1}});
  data.labels = Tensor(Shape({6}), {0, 0, 0, 1, 1, 2}, DType::i32);
  return data;
}

Dataset numbers() {
  Dataset data;
  data.schema.goal = Goal::numbers;
  data.schema.targets = {"y"};
  data.schema.sample = Shape({1});
  data.schema.target = {.scale = 1, .mean = {10}, .deviation = {2}};
  data.samples = Tensor({DType::f32, {4, 1}});
  data.targets = Tensor(Shape({4, 1}), {8, 10, 12, 14});
  return data;
}

TEST(Wilson, IsTheScoreInterval) {
  // 81 of 100: centre (p + z^2/2n) / (1 + z^2/n) and so on, by hand.
  const Interval some = wilson(81, 100);
  EXPECT_NEAR(some.low, 0.7222, 5e-5);
  EXPECT_NEAR(some.high, 0.8749, 5e-5);
  EXPECT_EQ(wilson(0, 10).low, 0);
  EXPECT_NEAR(wilson(0, 10).high, 0.2775, 5e-5);
  EXPECT_EQ(wilson(10, 10).high, 1);
  EXPECT_NEAR(wilson(10, 10).low, 1 - 0.2775, 5e-5);
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
  for (int64_t n = 1; n < 40; ++n)
    for (int64_t hits = 0; hits <= n; ++hits) {
      const Interval one = wilson(hits, n);
      EXPECT_LE(one.low, double(hits) / double(n));
      EXPECT_GE(one.high, double(hits) / double(n));
    }
}

TEST(Tally, CountsClasses) {
  const Dataset data = three_classes();
  Tally tally(data.schema);
  const std::vector<int64_t> first = {0, 1, 2, 3}, second = {5, 4};
  tally.add(data, first, 4.0, Tensor(Shape({4, 3}), {.8, .1, .1, .2, .7, .1, .5, .5, 0, 0, 1, 0}));
  tally.add(data, second, 2.0, Tensor(Shape({2, 3}), {.6, .2, .2, .1, .8, .1}));
  const Metrics metrics = tally.metrics();
  EXPECT_EQ(metrics.samples, 6);
  EXPECT_DOUBLE_EQ(metrics.loss, 1.0);
  EXPECT_EQ(metrics.confusion, (std::vector<int64_t>{2, 1, 0, 0, 2, 0, 1, 0, 0})); // a tie goes to the first
  EXPECT_EQ(metrics.correct, 4);
  EXPECT_DOUBLE_EQ(metrics.accuracy(), 4.0 / 6);
  EXPECT_EQ(metrics.of_class(0).support, 3);
  EXPECT_DOUBLE_EQ(metrics.of_class(0).precision(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.of_class(0).recall(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.of_class(1).precision(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.of_class(1).recall(), 1.0);
  EXPECT_TRUE(std::isnan(metrics.of_class(2).precision()));
  EXPECT_DOUBLE_EQ(metrics.of_class(2).recall(), 0.0);
}

TEST(Tally, ReadsASingleProbability) {
  Dataset data = three_classes();
  data.schema.classes = {"no", "yes"};
  data.labels = Tensor(Shape({3}), {0, 1, 1}, DType::i32);
  Tally tally(data.schema);
  const std::vector<int64_t> rows = {0, 1, 2};
  tally.add(data, rows, 0, Tensor(Shape({3, 1}), {0.2, 0.9, 0.5}));
  EXPECT_EQ(tally.metrics().confusion, (std::vector<int64_t>{1, 0, 1, 1}));
}

TEST(Tally, MeasuresNumbersInTheirOwnUnits) {
  const Dataset data = numbers();
  Tally tally(data.schema);
  const std::vector<int64_t> first = {0, 1}, second = {2, 3};
  // As learned: (raw - 10) / 2. Off by +2, 0, 0, -4 in raw units.
  tally.add(data, first, 1.0, Tensor(Shape({2, 1}), {0, 0}));
  tally.add(data, second, 3.0, Tensor(Shape({2, 1}), {1, 0}));
  const Metrics metrics = tally.metrics();
  EXPECT_DOUBLE_EQ(metrics.loss, 1.0);
  EXPECT_DOUBLE_EQ(metrics.rmse, std::sqrt(20.0 / 4));
  EXPECT_DOUBLE_EQ(metrics.mae, 6.0 / 4);
  EXPECT_DOUBLE_EQ(metrics.r2, 1 - 20.0 / 20.0); // squares about the mean 11: 9 + 1 + 1 + 9
}

// Errors of N(0, 2^2) on targets of deviation 5: what n samples may say is known.
TEST(Tally, IntervalsOfNumbersAreAsWideAsTheTheoryHasThem) {
  constexpr double one = 2, spread = 5;
  for (const int64_t n : {4000, 40000}) { // a group is a sample, or several
    Dataset data = numbers();
    data.schema.target = {};
    data.samples = Tensor({DType::f32, {n, 1}});
    data.targets = Tensor({DType::f32, {n, 1}});
    const Stream stream(3, "errors");
    Tally tally(data.schema);
    for (int64_t i = 0; i < n; ++i) {
      data.targets.set(i, 1e4 + spread * stream.normal(0, uint64_t(i)));
      const double said = data.targets.at(i) + one * stream.normal(1, uint64_t(i));
      tally.add_numbers(data, i, {&said, 1});
    }
    const Metrics metrics = tally.metrics();
    const NumberIntervals found = metrics.number_intervals();
    const auto expect = [&](const Interval& interval, double value, double deviation) {
      EXPECT_LT(interval.low, value);
      EXPECT_GT(interval.high, value);
      EXPECT_NEAR((interval.high - interval.low) / (2 * 1.96 * deviation), 1, 0.15) << n;
    };
    const double root = std::sqrt(double(n)), ratio = 1 - metrics.r2;
    expect(found.rmse, metrics.rmse, one / std::sqrt(2.0) / root);
    expect(found.mae, metrics.mae, one * std::sqrt(1 - 2 / 3.14159265) / root);
    expect(found.r2, metrics.r2, 2 * ratio / root); // of a ratio of two independent variances
    EXPECT_EQ(metrics.interval().low, found.rmse.low);
  }
}

TEST(Tally, OneNumberHasNoInterval) {
  Tally tally(numbers().schema);
  const double said = 3;
  tally.add_numbers(numbers(), 0, {&said, 1});
  EXPECT_EQ(tally.metrics().interval().low, 0);
  EXPECT_TRUE(std::isinf(tally.metrics().interval().high));
}

TEST(Tally, OfNothingIsNoNumber) {
  EXPECT_TRUE(std::isnan(Tally(three_classes().schema).metrics().accuracy()));
  EXPECT_TRUE(std::isnan(Tally(three_classes().schema).metrics().loss));
  EXPECT_TRUE(std::isnan(Tally(numbers().schema).metrics().rmse));
}

TEST(Baseline, NamesTheMostFrequentClassOfTheTrainingPart) {
  Dataset test = three_classes();
  test.labels = Tensor(Shape({6}), {2, 2, 2, 2, 0, 1}, DType::i32);
  const Baseline found = baseline(three_classes(), test);
  EXPECT_DOUBLE_EQ(found.value, 1.0 / 6);
  EXPECT_EQ(found.text, "always \"a\"");
  EXPECT_DOUBLE_EQ(found.metrics.interval().high, wilson(1, 6).high);
  EXPECT_TRUE(std::isnan(baseline(test, empty_like(test.schema)).value));
}

TEST(Baseline, NamesTheMean) { EXPECT_DOUBLE_EQ(baseline(numbers(), numbers()).value, std::sqrt(20.0 / 4)); }

} // namespace
} // namespace vitro

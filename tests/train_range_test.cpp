// The range test: the rates, the smoothing, the end, the suggestions; and that nothing is left of it.
#include "train/range_test.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "train_refusal.h"

namespace vitro {
namespace {

// Batches of points around one centre a class.
struct Blobs {
  Tensor x{Type{DType::f32, {16, 3}}}, labels{Type{DType::i32, {16}}};

  std::pair<ConstView, ConstView> operator()(int64_t step) {
    const Stream stream(1, "blobs");
    for (int64_t i = 0; i < 16; ++i) {
      const auto label = int64_t(stream.below(2, uint64_t(step), uint64_t(i)));
      labels.set(i, double(label));
      for (int64_t f = 0; f < 3; ++f)
        x.set(3 * i + f, double(2 * label - 1) + stream.normal(uint64_t(step), uint64_t(16 + 3 * i + f)));
    }
    return {x, labels};
  }
};

ModelSpec spec(const std::string& optimizer = "sgd") {
  return {.net = mlp({8}), .sample = {3}, .outputs = 2, .optimizer = {optimizer}};
}

std::map<std::string, std::vector<double>> states_of(const Model& model) {
  std::map<std::string, std::vector<double>> out;
  for (const std::string& name : model.states().names()) {
    const Tensor value = model.states().read(name);
    for (int64_t i = 0; i < value.elements(); ++i) out[name].push_back(value.at(i));
  }
  return out;
}

TEST(RangeTest, GrowsByEqualFactorsFromTheFirstRateToTheLast) {
  Model model(spec());
  const RangeTestResult result = range_test(model, {.from = 1e-6, .to = 1e-2, .steps = 41}, Blobs());
  ASSERT_EQ(result.rates.size(), 41u);
  EXPECT_EQ(result.rates.front(), 1e-6);
  EXPECT_EQ(result.rates.back(), 1e-2);
  for (size_t i = 1; i < 41; ++i) EXPECT_NEAR(result.rates[i] / result.rates[i - 1], std::pow(10, 0.1), 1e-12);
  EXPECT_FALSE(result.stopped);
}

TEST(RangeTest, ShowsTheLossesOfRealStepsSmoothed) {
  Model model(spec("adam")), same(spec("adam"));
  const RangeTestResult result = range_test(model, {}, Blobs());
  Blobs blobs;
  double mean = 0, best = INFINITY;
  for (size_t i = 0; i < result.rates.size(); ++i) {
    const auto [x, labels] = blobs(int64_t(i));
    mean = 0.98 * mean + 0.02 * same.fit(x, labels, result.rates[i]).loss;
    EXPECT_NEAR(result.losses[i], mean / (1 - std::pow(0.98, double(i + 1))), 1e-12);
    best = std::min(best, result.losses[i]);
    EXPECT_EQ(result.losses[i] > 4 * best, result.stopped && i + 1 == result.rates.size()) << i;
  }
}

TEST(RangeTest, PutsEverythingBack) {
  for (const char* optimizer : {"sgd", "adam", "momentum"}) {
    Model model(spec(optimizer)), same(spec(optimizer));
    Blobs blobs;
    for (int64_t step = 0; step < 5; ++step) { // moments and the counter are no zeros then
      const auto [x, labels] = blobs(step);
      model.fit(x, labels, 0.01);
      same.fit(x, labels, 0.01);
    }
    const RangeTestResult once = range_test(model, {}, Blobs()), again = range_test(model, {}, Blobs());
    EXPECT_EQ(states_of(model), states_of(same));
    EXPECT_EQ(once.losses, again.losses);
    EXPECT_EQ(once.valley, again.valley);
    const auto [x, labels] = blobs(7);
    model.fit(x, labels, 0.01);
    same.fit(x, labels, 0.01);
    EXPECT_EQ(states_of(model), states_of(same));
  }
}

TEST(RangeTest, PutsEverythingBackWhereTheBatchesThrow) {
  Model model(spec()), same(spec());
  Blobs blobs;
  EXPECT_THROW(range_test(model, {},
                          [&](int64_t step) {
                            if (step == 20) failure("disk", "gone");
                            return blobs(step);
                          }),
               Error);
  EXPECT_EQ(states_of(model), states_of(same));
}

TEST(RangeTest, EndsWhereTheLossBreaksOutAndSuggestsRatesBelow) {
  Model model(spec());
  const RangeTestResult result = range_test(model, {.from = 1e-5, .to = 1e6, .steps = 120}, Blobs());
  EXPECT_TRUE(result.stopped);
  EXPECT_LT(result.rates.size(), 120u);
  EXPECT_GT(result.valley, 1e-3);
  EXPECT_LT(result.valley, 10);
  EXPECT_GE(result.steepest, result.rates[12]); // a tenth of the steps is left out, and the last five
  EXPECT_LE(result.steepest, result.rates[result.rates.size() - 6]);
}

TEST(RangeTest, RefusesWhatIsNoTest) {
  Model model(spec());
  const auto said = [&](const RangeTest& test) { return refusal([&] { range_test(model, test, Blobs()); }); };
  EXPECT_THAT(said({.from = 1, .to = 1}), testing::HasSubstr("from 1 to 1"));
  EXPECT_THAT(said({.from = 2, .to = 1}), testing::HasSubstr("larger"));
  EXPECT_THAT(said({.from = 0}), testing::HasSubstr("above 0"));
  EXPECT_THAT(said({.from = NAN}), testing::HasSubstr("from nan"));
  EXPECT_THAT(said({.to = INFINITY}), testing::HasSubstr("inf"));
  EXPECT_THAT(said({.steps = 9}), testing::HasSubstr("9 steps"));
  EXPECT_THAT(said({.beta = 1}), testing::HasSubstr("beta"));
}

TEST(RangeTest, RefusesATestThatDivergesAtOnce) {
  Model model(spec()), same(spec());
  EXPECT_THAT(refusal([&] { range_test(model, {.from = 1e30, .to = 1e31}, Blobs()); }),
              testing::AllOf(testing::HasSubstr("diverges after"), testing::HasSubstr("--from")));
  EXPECT_EQ(states_of(model), states_of(same));
  Blobs blobs;
  const auto broken = [&](int64_t step) {
    const auto batch = blobs(step);
    blobs.x.set(0, NAN);
    return batch;
  };
  EXPECT_THAT(refusal([&] { range_test(model, {}, broken); }), testing::HasSubstr("at its first step"));
  EXPECT_EQ(states_of(model), states_of(same));
}

// fastai's own function (fastai/callback/schedule.py, valley) on these sequences; its results were read off by hand.
TEST(Valley, IsThatOfFastai) {
  // Falls throughout, 12 values: the sequence has 12, the stretch begins one before the first; -1 + 4 + 2.
  EXPECT_EQ(valley_of(std::vector<double>{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}), 5);
  // Up, then down by 6 values to place 8: 8 - 6 + 2 + 1.
  EXPECT_EQ(valley_of(std::vector<double>{1, 2, 3, 9, 8, 7, 6, 5, 4, 10}), 5);
  // Not neighbours: 9 7 6 4 with rises between them; the end is at 7, of 4 values: 7 - 4 + 1 + 0.
  EXPECT_EQ(valley_of(std::vector<double>{9, 9.5, 7, 8, 6, 6.5, 6.2, 4, 5, 5}), 3);
  // Of equally long ones the first.
  EXPECT_EQ(valley_of(std::vector<double>{3, 2, 1, 6, 5, 4}), 0);
  EXPECT_EQ(valley_of(std::vector<double>{1, 2, 3}), -1);
  EXPECT_EQ(valley_of(std::vector<double>{2, 2}), -1);
}

TEST(Steepest, IsThePlaceBeforeTheLargestFall) {
  EXPECT_EQ(steepest_of(std::vector<double>{5, 4.5, 3, 2.9, 2}), 1);
  EXPECT_EQ(steepest_of(std::vector<double>{4, 3, 2}), 0); // of equal ones the first
  // The loss breaks out to 9 and falls back to 6: a larger fall than any before, at a rate too large to learn at.
  EXPECT_EQ(steepest_of(std::vector<double>{5, 4.5, 3, 2.9, 9, 6, 8}), 1);
}

} // namespace
} // namespace vitro

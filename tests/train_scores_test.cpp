// Scores of probabilities, against scikit-learn and against what can be worked out by hand.
#include "train/scores.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/metrics.h"

namespace vitro {
namespace {

struct Judged {
  Dataset data;
  Tensor predictions;
};

Judged judged(const std::vector<int64_t>& labels, int64_t classes, const std::vector<double>& predictions) {
  Judged out;
  const auto n = int64_t(labels.size());
  for (int64_t c = 0; c < classes; ++c) out.data.schema.classes.push_back(std::string(1, char('a' + c)));
  out.data.schema.sample = Shape({1});
  out.data.samples = Tensor({DType::f32, {n, 1}});
  out.data.labels = Tensor({DType::i32, {n}});
  for (int64_t i = 0; i < n; ++i) out.data.labels.set(i, double(labels[size_t(i)]));
  out.predictions = Tensor({DType::f64, {n, n > 0 ? int64_t(predictions.size()) / n : classes}});
  for (int64_t i = 0; i < out.predictions.elements(); ++i) out.predictions.set(i, predictions[size_t(i)]);
  return out;
}

Metrics metrics_of(const Judged& given) {
  Tally tally(given.data.schema);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < given.data.size(); ++i) rows.push_back(i);
  tally.add(given.data, rows, 0, given.predictions);
  return tally.metrics();
}

// Shares of small whole numbers, drawn by x -> 1103515245 x + 12345 (mod 2^31), with many ties: the same as in Python
//   def draw(n): state = (state*1103515245+12345) % 2**31; return (state>>16) % n
//   w = [1+draw(16) for each class]; t = draw(classes); w[t] += draw(12); p = w/sum(w); label t
Judged drawn(int64_t n, int64_t classes, int64_t state) {
  const auto draw = [&](int64_t below) {
    state = (state * 1103515245 + 12345) % (int64_t(1) << 31);
    return (state >> 16) % below;
  };
  std::vector<int64_t> labels;
  std::vector<double> predictions;
  for (int64_t i = 0; i < n; ++i) {
    std::vector<int64_t> weights;
    for (int64_t c = 0; c < classes; ++c) weights.push_back(1 + draw(16));
    labels.push_back(draw(classes));
    weights[size_t(labels.back())] += draw(12);
    int64_t sum = 0;
    for (const int64_t weight : weights) sum += weight;
    for (const int64_t weight : weights) predictions.push_back(double(weight) / double(sum));
  }
  return judged(labels, classes, predictions);
}

// The numbers below are those of scikit-learn 1.2.1 (Debian 12): precision_recall_fscore_support, roc_auc_score
// (multi_class="ovr", average="macro"), log_loss, top_k_accuracy_score, sklearn.calibration.calibration_curve(15 bins).
TEST(Scores, OfFourClassesAreThoseOfScikitLearn) {
  const Judged given = drawn(200, 4, 7);
  const Scores scores = scores_of(given.predictions, given.data);
  const Metrics metrics = metrics_of(given);
  EXPECT_DOUBLE_EQ(metrics.accuracy(), 0.615);
  EXPECT_DOUBLE_EQ(metrics.macro().precision, 0.6090740740740741);
  EXPECT_DOUBLE_EQ(metrics.macro().recall, 0.609982847341338);
  EXPECT_DOUBLE_EQ(metrics.macro().f1, 0.6089319947964807);
  const double f1[] = {0.6346153846153846, 0.5, 0.6915887850467289, 0.6095238095238096};
  const double auc[] = {0.8144666666666668, 0.7490958408679927, 0.8439224746502375, 0.7589341692789968};
  for (int64_t c = 0; c < 4; ++c) {
    EXPECT_DOUBLE_EQ(metrics.of_class(c).f1(), f1[c]);
    EXPECT_NEAR(scores.class_auc[size_t(c)], auc[c], 1e-15);
  }
  EXPECT_NEAR(scores.roc_auc(), 0.7916047878659735, 1e-15);
  EXPECT_NEAR(scores.log_loss, 1.1277075448660452, 1e-14);
  EXPECT_DOUBLE_EQ(scores.top(1), 0.615);
  EXPECT_DOUBLE_EQ(scores.top(2), 0.78);
  EXPECT_DOUBLE_EQ(scores.top(3), 0.91);
  EXPECT_DOUBLE_EQ(scores.top(4), 1);
  EXPECT_DOUBLE_EQ(scores.top(100), 1);
  const std::vector<int64_t> counts = {0, 0, 0, 2, 35, 70, 46, 33, 7, 5, 1, 1, 0, 0, 0};
  const std::vector<double> right = {0.5,
                                     0.34285714285714286,
                                     0.5714285714285714,
                                     0.6521739130434783,
                                     0.8484848484848485,
                                     0.8571428571428571,
                                     0.8,
                                     1.0,
                                     1.0},
                            sure = {0.2649122807017544, 0.30879550198390665, 0.3722048262863968,
                                    0.432391918725263,  0.4944962010709529,  0.5613601677282337,
                                    0.6278944911297852, 0.6956521739130435,  0.7586206896551724};
  size_t filled = 0;
  for (size_t b = 0; b < 15; ++b) {
    EXPECT_EQ(scores.bins[b].samples, counts[b]) << b;
    if (counts[b] == 0) {
      EXPECT_TRUE(std::isnan(scores.bins[b].accuracy));
      continue;
    }
    EXPECT_NEAR(scores.bins[b].accuracy, right[filled], 1e-14);
    EXPECT_NEAR(scores.bins[b].confidence, sure[filled], 1e-14);
    ++filled;
  }
  EXPECT_NEAR(scores.calibration_error(), 0.2043816281954683, 1e-14);
}

TEST(Scores, OfTwoClassesAreThoseOfScikitLearn) {
  const Judged given = drawn(100, 2, 11);
  const Scores scores = scores_of(given.predictions, given.data);
  EXPECT_NEAR(scores.roc_auc(), 0.7765605622157916, 1e-15);
  EXPECT_NEAR(scores.log_loss, 0.5664575881590179, 1e-15);
  EXPECT_DOUBLE_EQ(metrics_of(given).of_class(0).f1(), 0.6666666666666666);
  EXPECT_DOUBLE_EQ(metrics_of(given).of_class(1).f1(), 0.7272727272727273);
}

TEST(Scores, ReadASingleProbabilityAsThatOfClassOne) {
  const Judged two = drawn(100, 2, 11);
  Judged one = two;
  one.predictions = Tensor({DType::f64, {100, 1}});
  for (int64_t i = 0; i < 100; ++i) one.predictions.set(i, two.predictions.at(2 * i + 1));
  const Scores a = scores_of(two.predictions, two.data), b = scores_of(one.predictions, one.data);
  EXPECT_NEAR(a.roc_auc(), b.roc_auc(), 1e-15);
  EXPECT_NEAR(a.log_loss, b.log_loss, 1e-14);
  EXPECT_NEAR(a.calibration_error(), b.calibration_error(), 1e-14);
  EXPECT_EQ(a.top(1), b.top(1));
}

// The share of pairs, counted pair by pair, a tie as half: what the ranks must come to, to the bit.
TEST(Scores, AreaIsTheShareOfPairsWithTiesAsHalves) {
  for (int64_t state = 1; state <= 20; ++state) {
    const Judged given = drawn(40, 3, state);
    const Scores scores = scores_of(given.predictions, given.data);
    const auto labels = given.data.label_of();
    for (int32_t c = 0; c < 3; ++c) {
      int64_t halves = 0, pairs = 0;
      for (int64_t i = 0; i < 40; ++i)
        for (int64_t j = 0; j < 40; ++j) {
          if (labels[size_t(i)] != c || labels[size_t(j)] == c) continue;
          const double a = given.predictions.at(3 * i + c), b = given.predictions.at(3 * j + c);
          halves += a > b ? 2 : a == b;
          ++pairs;
        }
      EXPECT_EQ(scores.class_auc[size_t(c)], double(halves) / (2.0 * double(pairs)));
    }
  }
}

TEST(Scores, OfEqualPredictionsAreThoseOfChance) {
  const Judged given = judged({0, 1, 2, 0, 1, 2}, 3, std::vector<double>(18, 1.0 / 3));
  const Scores scores = scores_of(given.predictions, given.data);
  EXPECT_EQ(scores.roc_auc(), 0.5);
  EXPECT_DOUBLE_EQ(scores.log_loss, std::log(3.0));
  EXPECT_DOUBLE_EQ(scores.top(1), metrics_of(given).accuracy()); // the first of equals
  EXPECT_DOUBLE_EQ(scores.top(2), 2.0 / 3);
  EXPECT_NEAR(scores.calibration_error(), 0, 1e-15); // as sure as right: a third
}

TEST(Scores, WhatIsNotDefinedIsNoNumber) {
  const Judged one_class = judged({1, 1, 1}, 2, {0.4, 0.6, 0.3, 0.7, 0.9, 0.1});
  EXPECT_TRUE(std::isnan(scores_of(one_class.predictions, one_class.data).roc_auc()));
  EXPECT_FALSE(std::isnan(scores_of(one_class.predictions, one_class.data).log_loss));
  // One class of three is missing: the mean is over the two that have pairs.
  const Judged missing = judged({0, 1, 0, 1}, 3, {.8, .1, .1, .3, .5, .2, .4, .5, .1, .2, .7, .1});
  const Scores scores = scores_of(missing.predictions, missing.data);
  EXPECT_TRUE(std::isnan(scores.class_auc[2]));
  EXPECT_DOUBLE_EQ(scores.roc_auc(), (scores.class_auc[0] + scores.class_auc[1]) / 2);

  const Judged nothing = judged({}, 2, {});
  EXPECT_TRUE(std::isnan(scores_of(nothing.predictions, nothing.data).log_loss));
  EXPECT_TRUE(std::isnan(scores_of(nothing.predictions, nothing.data).top(1)));

  const Judged not_finite = judged({0, 1}, 2, {NAN, 1, 0, 1});
  EXPECT_TRUE(std::isnan(scores_of(not_finite.predictions, not_finite.data).roc_auc()));
  EXPECT_TRUE(std::isnan(scores_of(not_finite.predictions, not_finite.data).log_loss));
}

TEST(Scores, RankWhatIsNoProbabilityButDoNotWeighIt) {
  const Judged given = judged({0, 1, 1}, 2, {3, -1, -2, 5, 1, 2});
  const Scores scores = scores_of(given.predictions, given.data);
  EXPECT_EQ(scores.roc_auc(), 1);
  EXPECT_EQ(scores.top(1), 1);
  EXPECT_TRUE(std::isnan(scores.log_loss));
  EXPECT_TRUE(std::isnan(scores.calibration_error()));
}

TEST(Scores, AProbabilityOfZeroCostsAFiniteLoss) {
  const Judged given = judged({0, 1}, 2, {0, 1, 0, 1});
  EXPECT_DOUBLE_EQ(scores_of(given.predictions, given.data).log_loss, 52 * std::log(2.0) / 2);
}

// scikit-learn 1.2.1 with zero_division=0: y = [0,0,1,1,3], predicted [0,1,1,1,1]. Class 2 is neither there nor named.
TEST(Macro, LeavesOutWhatIsNeitherThereNorNamedAndCountsWhatIsUndefinedAsZero) {
  const Judged given = judged({0, 0, 1, 1, 3}, 4, {1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0});
  const MacroMetrics macro = metrics_of(given).macro();
  EXPECT_DOUBLE_EQ(macro.precision, 0.5);
  EXPECT_DOUBLE_EQ(macro.recall, 0.5);
  EXPECT_DOUBLE_EQ(macro.f1, 0.4444444444444444);
  EXPECT_TRUE(std::isnan(metrics_of(given).of_class(2).f1()));
  EXPECT_EQ(metrics_of(given).of_class(3).f1(), 0);
  EXPECT_TRUE(std::isnan(Tally(given.data.schema).metrics().macro().f1));
}

// scikit-learn 1.2.1: mean_squared_error ** 0.5, mean_absolute_error, r2_score(multioutput="variance_weighted").
TEST(Numbers, AreThoseOfScikitLearn) {
  Dataset data;
  data.schema.goal = Goal::numbers;
  data.schema.targets = {"u", "v"};
  data.schema.sample = Shape({1});
  data.samples = Tensor({DType::f32, {4, 1}});
  data.targets = Tensor(Shape({4, 2}), {8, 1, 10, -3, 12, 2, 15, 7});
  Tally tally(data.schema);
  const std::vector<int64_t> rows = {0, 1, 2, 3};
  tally.add(data, rows, 0, Tensor(Shape({4, 2}), {9, 1.5, 10, -2, 11, 4, 13, 6}));
  EXPECT_DOUBLE_EQ(tally.metrics().rmse, 1.2374368670764582);
  EXPECT_DOUBLE_EQ(tally.metrics().mae, 1.0625);
  EXPECT_DOUBLE_EQ(tally.metrics().r2, 0.8419354838709677);
}

} // namespace
} // namespace vitro

// Which columns matter, and which give the answer away: on tables made so that it is known.
#include "train/importance.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// Column by column; `truth`: labels where there are classes, else numbers.
Dataset table(const std::vector<std::pair<std::string, std::vector<double>>>& columns, std::vector<double> truth,
              int64_t classes) {
  Dataset data;
  const auto n = int64_t(truth.size()), width = int64_t(columns.size());
  data.schema.sample = Shape{width};
  data.samples = Tensor({DType::f32, {n, width}});
  for (int64_t c = 0; c < width; ++c) {
    data.schema.features.push_back(columns[size_t(c)].first);
    for (int64_t i = 0; i < n; ++i) data.samples.set(i * width + c, columns[size_t(c)].second[size_t(i)]);
  }
  for (int64_t i = 0; i < classes; ++i) data.schema.classes.push_back(text("class ", i));
  if (classes) {
    data.labels = Tensor(Shape{n}, truth, DType::i32);
  } else {
    data.schema.goal = Goal::numbers;
    data.schema.targets = {"price"};
    data.targets = Tensor(Shape{n, 1}, truth);
  }
  return data;
}

std::vector<double> normals(int64_t n, const char* name) {
  std::vector<double> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(Stream(1, name).normal(0, uint64_t(i)));
  return out;
}

std::vector<std::string> names(const std::vector<Suspect>& suspects) {
  std::vector<std::string> out;
  for (const Suspect& one : suspects) out.push_back(one.name);
  return out;
}

TEST(Importance, OfAKnownModelIsKnown) {
  // y = 3 strong + weak; the model knows the rule, so shuffling a column of deviation 1 costs an RMSE of sqrt(2) times
  // its weight.
  constexpr int64_t n = 3000;
  const auto strong = normals(n, "strong"), weak = normals(n, "weak"), unused = normals(n, "unused");
  std::vector<double> y;
  for (int64_t i = 0; i < n; ++i) y.push_back(3 * strong[size_t(i)] + weak[size_t(i)]);
  const Dataset data = table({{"unused", unused}, {"weak", weak}, {"strong", strong}}, y, 0);
  Model model({.net = linear(), .sample = {3}, .outputs = 1, .loss = "squared_error"});
  model.states().write("fc1.weight", Tensor({1, 3}, {0, 1, 3}));
  model.states().write("fc1.bias", Tensor({1}, {0}));
  const Tensor before = data.samples;
  const auto found = permutation_importance(model, data);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "strong");
  EXPECT_EQ(found[0].column, 2);
  EXPECT_NEAR(found[0].worse, 3 * std::sqrt(2.0), 0.3);
  EXPECT_NEAR(found[0].loss, 18, 2.5);
  EXPECT_EQ(found[1].name, "weak");
  EXPECT_NEAR(found[1].worse, std::sqrt(2.0), 0.1);
  EXPECT_GT(found[1].worse_deviation, 0);
  EXPECT_EQ(found[2].worse, 0);
  EXPECT_EQ(found[2].loss_deviation, 0);
  EXPECT_EQ(data.samples, before);

  // The number of threads changes nothing.
  const int threads = thread_count();
  set_thread_count(1);
  const auto again = permutation_importance(model, data);
  set_thread_count(threads);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i].worse, found[i].worse);
  EXPECT_EQ(permutation_importance(model, data, {.repeats = 1, .most_rows = 100})[0].worse_deviation, 0);
}

TEST(Importance, OfClassesIsTheAccuracyLost) {
  constexpr int64_t n = 1000;
  const auto x = normals(n, "x");
  std::vector<double> label;
  for (const double one : x) label.push_back(one > 0);
  const Dataset data = table({{"noise", normals(n, "noise")}, {"x", x}}, label, 2);
  Model model({.net = linear(), .sample = {2}, .outputs = 2});
  model.states().write("fc1.weight", Tensor({2, 2}, {0, -5, 0, 5}));
  model.states().write("fc1.bias", Tensor({2}, {0, 0}));
  const auto found = permutation_importance(model, data);
  EXPECT_EQ(found[0].name, "x");
  EXPECT_NEAR(found[0].worse, 0.5, 0.05);
  EXPECT_EQ(found[1].worse, 0);
}

TEST(Importance, IsOfTablesAlone) {
  Model model({.net = linear(), .sample = {1, 2, 2}, .outputs = 2});
  Dataset pictures;
  pictures.schema.sample = Shape{1, 2, 2};
  pictures.schema.classes = {"a", "b"};
  pictures.samples = Tensor({DType::f32, {60, 1, 2, 2}});
  pictures.labels = Tensor({DType::i32, {60}});
  EXPECT_THAT(permutation_importance(model, pictures), IsEmpty());
  EXPECT_THAT(suspicious_columns(pictures), IsEmpty());
  EXPECT_THROW(permutation_importance(model, pictures, {.repeats = 0}), Error);
}

TEST(Suspicious, ColumnsOfClassesAreFound) {
  constexpr int64_t n = 800;
  const auto hidden = normals(n, "hidden"), noise = normals(n, "other");
  std::vector<double> label, threshold, copy, gaps, fair;
  for (int64_t i = 0; i < n; ++i) {
    const double h = hidden[size_t(i)];
    label.push_back(h < -0.5 ? 0 : h < 0.7 ? 1 : 2);
    threshold.push_back(std::exp(h));                               // tells the classes by two thresholds
    copy.push_back(i % 200 ? 7 - label.back() : 5);                 // a code, wrong now and then
    gaps.push_back(label.back() == 2 ? missing : noise[size_t(i)]); // missing where the outcome is known
    fair.push_back(h + 0.7 * noise[size_t(i)]);                     // good, and not too good
  }
  const Dataset data =
      table({{"fair", fair}, {"copy", copy}, {"noise", noise}, {"threshold", threshold}, {"gaps", gaps}}, label, 3);
  const auto found = suspicious_columns(data);
  EXPECT_THAT(names(found), testing::UnorderedElementsAre("copy", "threshold"));
  EXPECT_THAT(found[0].text, HasSubstr(" right; is it known before the outcome?"));

  // Two classes of which one is told by what is missing.
  std::vector<double> late;
  for (const double one : label) late.push_back(one == 2);
  EXPECT_THAT(names(suspicious_columns(table({{"fair", fair}, {"gaps", gaps}}, late, 2))), ElementsAre("gaps"));
}

TEST(Suspicious, RareClassesNeedMoreThanWhatIsMostFrequent) {
  constexpr int64_t n = 3000;
  const auto noise = normals(n, "noise");
  std::vector<double> label, leak, constant(size_t(n), 3.0);
  for (int64_t i = 0; i < n; ++i) {
    label.push_back(i % 50 == 0); // 2 %: who always says no is right in 98 %
    leak.push_back(label.back() * 40 + noise[size_t(i)]);
  }
  const auto found = suspicious_columns(table({{"noise", noise}, {"leak", leak}, {"same", constant}}, label, 2));
  EXPECT_THAT(names(found), ElementsAre("leak"));
  // One class alone can't be given away.
  EXPECT_THAT(suspicious_columns(table({{"noise", noise}}, std::vector<double>(size_t(n), 1.0), 2)), IsEmpty());
}

TEST(Suspicious, ColumnsOfNumbersAreFound) {
  constexpr int64_t n = 900;
  const auto hidden = normals(n, "hidden"), noise = normals(n, "noise");
  std::vector<double> price, euros, logarithm, fair, gaps;
  for (int64_t i = 0; i < n; ++i) {
    price.push_back(std::exp(1.2 * hidden[size_t(i)])); // a long tail, as prices have
    euros.push_back(price.back() * 0.92);
    logarithm.push_back(hidden[size_t(i)]);
    fair.push_back(price.back() + noise[size_t(i)]);
    gaps.push_back(i % 3 ? euros.back() : missing);
  }
  const auto found = suspicious_columns(
      table({{"fair", fair}, {"noise", noise}, {"euros", euros}, {"logarithm", logarithm}, {"gaps", gaps}}, price, 0));
  EXPECT_EQ(names(found).at(0), "euros");
  EXPECT_GT(found[0].score, 0.9999);
  EXPECT_THAT(found[0].text, testing::StartsWith("euros alone predicts the target: 100.0 % of its variance"));
  EXPECT_THAT(names(found), testing::Not(testing::Contains("fair")));
  EXPECT_THAT(names(found), testing::Not(testing::Contains("gaps")));
  EXPECT_THAT(names(found), testing::Not(testing::Contains("noise")));
}

// Identifiers: every value its own, so nothing can be learned from one about another.
TEST(Suspicious, CodesByTheThousandAreNoOrder) {
  constexpr int64_t n = 2000;
  std::vector<double> code, label;
  const auto order = permutation(Stream(2, "codes"), 500);
  for (int64_t i = 0; i < n; ++i) {
    code.push_back(double(order[size_t(i % 500)]));
    label.push_back(i % 500 % 2); // each of the 500 codes has its class, its neighbours don't share it
  }
  const Dataset data = table({{"code", code}}, label, 2);
  const std::vector<int64_t> coded{0};
  EXPECT_THAT(suspicious_columns(data), IsEmpty());
  EXPECT_THAT(names(suspicious_columns(data, coded)), ElementsAre("code"));
  std::vector<double> unique;
  for (int64_t i = 0; i < n; ++i) unique.push_back(double(i));
  EXPECT_THAT(suspicious_columns(table({{"id", unique}}, label, 2), coded), IsEmpty());
  EXPECT_THAT(suspicious_columns(take(data, std::vector<int64_t>{0, 1, 2})), IsEmpty()); // too few to say
}

} // namespace
} // namespace vitro

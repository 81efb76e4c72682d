// Rows that are there twice: counted exactly, whatever their type, and the same as by comparing all with all.
#include "train/duplicates.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/text.h"

namespace vitro {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

Dataset classes(const std::vector<std::vector<float>>& rows, const std::vector<int32_t>& labels) {
  const auto n = int64_t(rows.size()), width = n == 0 ? int64_t{2} : int64_t(rows[0].size());
  Schema schema;
  schema.goal = Goal::classes;
  schema.sample = {width};
  schema.classes = {"a", "b", "c"};
  Dataset out = empty_like(schema);
  out.samples = Tensor(Type{DType::f32, {n, width}});
  for (int64_t i = 0; i < n * width; ++i) out.samples.set(i, rows[size_t(i / width)][size_t(i % width)]);
  out.labels = Tensor(Type{DType::i32, {n}});
  for (int64_t i = 0; i < n; ++i) out.labels.set(i, labels[size_t(i)]);
  return out;
}

TEST(Duplicates, AMissingValueEqualsAMissingOneAndZeroMinusZero) {
  const Splits data{.train = classes({{1, nan}, {0, 2}, {3, 4}}, {0, 1, 2}),
                    .validation = classes({{nan, 1}}, {0}),
                    .test = classes({{1, -nan}, {-0.0F, 2}, {3, 5}}, {0, 1, 2})};
  const Duplicates found = find_duplicates(data);
  EXPECT_EQ(found.test.samples, 2);
  EXPECT_EQ(found.test.other_target, 0);
  EXPECT_EQ(found.validation.samples, 0);
  EXPECT_EQ(found.repeated, 0);
  EXPECT_EQ(found.ambiguous, 0);
}

TEST(Duplicates, AnotherTargetIsToldUnlessOneOfTheEqualsAgrees) {
  const Splits data{.train = classes({{1, 1}, {1, 1}, {1, 1}, {2, 2}, {2, 2}, {3, 3}}, {0, 1, 0, 2, 2, 0}),
                    .validation = classes({{3, 3}, {2, 2}}, {1, 2}),
                    .test = classes({{1, 1}, {1, 1}, {1, 1}}, {0, 1, 2})};
  const Duplicates found = find_duplicates(data);
  EXPECT_EQ(found.repeated, 3);
  EXPECT_EQ(found.ambiguous, 3);
  EXPECT_EQ(found.test.samples, 3);
  EXPECT_EQ(found.test.other_target, 1);
  EXPECT_EQ(found.validation.samples, 2);
  EXPECT_EQ(found.validation.other_target, 1);
}

TEST(Duplicates, OfPicturesEveryPixelCounts) {
  Schema schema;
  schema.goal = Goal::classes;
  schema.raw = DType::u8;
  schema.sample = {1, 3, 5};
  schema.classes = {"a", "b"};
  const auto pictures = [&](const std::vector<int>& last_pixel) {
    Dataset out = empty_like(schema);
    const auto n = int64_t(last_pixel.size());
    out.samples = Tensor(Type{DType::u8, {n, 1, 3, 5}});
    for (int64_t i = 0; i < n; ++i) out.samples.set(i * 15 + 14, last_pixel[size_t(i)]);
    out.labels = Tensor(Type{DType::i32, {n}});
    return out;
  };
  const Duplicates found =
      find_duplicates({.train = pictures({1, 2, 3}), .validation = pictures({}), .test = pictures({3, 4, 3})});
  EXPECT_EQ(found.test.samples, 2);
  EXPECT_EQ(found.repeated, 0);
}

TEST(Duplicates, OfNumbersEachOutputCounts) {
  Schema schema;
  schema.goal = Goal::numbers;
  schema.raw = DType::f64;
  schema.sample = {1};
  schema.targets = {"y", "z"};
  const auto rows = [&](const std::vector<std::array<double, 3>>& all) {
    Dataset out = empty_like(schema);
    const auto n = int64_t(all.size());
    out.samples = Tensor(Type{DType::f64, {n, 1}});
    out.targets = Tensor(Type{DType::f32, {n, 2}});
    for (int64_t i = 0; i < n; ++i) {
      out.samples.set(i, all[size_t(i)][0]);
      for (int64_t j = 0; j < 2; ++j) out.targets.set(2 * i + j, all[size_t(i)][size_t(j + 1)]);
    }
    return out;
  };
  const Duplicates found = find_duplicates({.train = rows({{1, 5, 6}, {1, 5, 7}, {2, 5, 6}}),
                                            .validation = rows({{2, 5, 6}}),
                                            .test = rows({{1, 5, 8}, {1.0000000001, 5, 6}})});
  EXPECT_EQ(found.ambiguous, 2);
  EXPECT_EQ(found.test.samples, 1);
  EXPECT_EQ(found.test.other_target, 1);
  EXPECT_EQ(found.validation.other_target, 0);
}

RC_GTEST_PROP(Duplicates, AreWhatComparingAllWithAllFinds, ()) {
  const auto part = [](int64_t least) {
    const auto n = *rc::gen::inRange<int64_t>(least, 12);
    std::vector<std::vector<float>> rows;
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < n; ++i) {
      const auto value = [] {
        const int drawn = *rc::gen::inRange(0, 3);
        return drawn == 2 ? nan : float(drawn);
      };
      rows.push_back({value(), value()});
      labels.push_back(*rc::gen::inRange(0, 3));
    }
    return classes(rows, labels);
  };
  const Splits data{.train = part(1), .validation = part(0), .test = part(0)};
  const auto same = [](const Dataset& a, int64_t i, const Dataset& b, int64_t j) {
    for (int64_t f = 0; f < 2; ++f) {
      const double x = a.samples.at(2 * i + f), y = b.samples.at(2 * j + f);
      if (!(x == y || (std::isnan(x) && std::isnan(y)))) return false;
    }
    return true;
  };
  Duplicates expected;
  const Dataset& train = data.train;
  for (int64_t i = 0; i < train.size(); ++i) {
    bool repeats = false, contradicted = false;
    for (int64_t j = 0; j < train.size(); ++j) {
      if (!same(train, i, train, j)) continue;
      repeats |= j < i;
      contradicted |= train.label_of()[size_t(i)] != train.label_of()[size_t(j)];
    }
    expected.repeated += repeats;
    expected.ambiguous += contradicted;
  }
  const auto against_train = [&](const Dataset& other) {
    Overlap out;
    for (int64_t i = 0; i < other.size(); ++i) {
      bool met = false, agrees = false;
      for (int64_t j = 0; j < train.size(); ++j) {
        if (!same(other, i, train, j)) continue;
        met = true;
        agrees |= other.label_of()[size_t(i)] == train.label_of()[size_t(j)];
      }
      out.samples += met;
      out.other_target += met && !agrees;
    }
    return out;
  };
  const Duplicates found = find_duplicates(data);
  RC_ASSERT(found.repeated == expected.repeated);
  RC_ASSERT(found.ambiguous == expected.ambiguous);
  for (const auto& [counted, part_of] : {std::pair{found.test, &data.test}, {found.validation, &data.validation}}) {
    const Overlap wanted = against_train(*part_of);
    RC_ASSERT(counted.samples == wanted.samples);
    RC_ASSERT(counted.other_target == wanted.other_target);
  }
}

} // namespace
} // namespace vitro

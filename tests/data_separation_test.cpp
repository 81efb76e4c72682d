// Separation: sets whose margin is known from their making, classes that no line parts, and the proofs.
#include "data/separation.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "data/generate.h"

namespace vitro {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

Dataset points(int64_t width, const std::vector<double>& values, const std::vector<double>& labels) {
  Dataset data;
  const auto n = int64_t(labels.size());
  data.schema.name = "points";
  data.schema.sample = {width};
  data.schema.classes = {"no", "yes"};
  data.samples = Tensor(Shape{n, width}, values);
  data.labels = Tensor(Shape{n}, labels, DType::i32);
  data.targets = Tensor(Type{DType::f32, {0}});
  return data;
}

TEST(Separation, OfTwoPointsTheMarginIsHalfTheWayBetweenThem) {
  // z: (3, 1) and (-1, -1); nearest to the origin on the line between them is (0.2, -0.4): x = 2 parts them.
  const Separation found = separation(points(1, {3, 1}, {1, 0}));
  EXPECT_EQ(found.answer, Separation::separable);
  EXPECT_NEAR(found.radius, std::sqrt(10.0), 1e-15);
  EXPECT_NEAR(found.margin, std::sqrt(0.2), 1e-12);
  EXPECT_THAT(found.normal,
              ElementsAre(DoubleNear(0.2 / std::sqrt(0.2), 1e-12), DoubleNear(-0.4 / std::sqrt(0.2), 1e-12)));
  EXPECT_NEAR(found.bound(), 50, 1e-10);
}

TEST(Separation, TheTruthTableOfXorHasItsProof) {
  const Separation found = separation(points(2, {0, 0, 0, 1, 1, 0, 1, 1}, {0, 1, 1, 0}));
  EXPECT_EQ(found.answer, Separation::inseparable);
  EXPECT_EQ(found.margin, 0);
  EXPECT_TRUE(std::isinf(found.bound()));
  EXPECT_THAT(found.witnesses, UnorderedElementsAre(0, 1, 2, 3));
  for (const double share : found.shares) EXPECT_NEAR(share, 0.5, 1e-12);
  EXPECT_THAT(found.meeting, ElementsAre(DoubleNear(0.5, 1e-12), DoubleNear(0.5, 1e-12)));
}

TEST(Separation, ASampleOfBothClassesIsTheWholeProof) {
  const Separation found = separation(points(2, {0, 0, 2, 3, 5, 5, 2, 3}, {0, 0, 1, 1}));
  EXPECT_EQ(found.answer, Separation::inseparable);
  EXPECT_THAT(found.witnesses, UnorderedElementsAre(1, 3));
  EXPECT_THAT(found.meeting, ElementsAre(DoubleNear(2, 1e-12), DoubleNear(3, 1e-12)));
}

// No unit normal of a fine grid over the sphere has a larger margin, and the normal that is told has the one told.
TEST(Separation, NoOtherNormalHasALargerMargin) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const Dataset data = generate_part("lines", Part::train, 60, {.seed = seed});
    const Separation found = separation(data);
    ASSERT_EQ(found.answer, Separation::separable);
    EXPECT_GE(found.margin, 0.5 / std::sqrt(26.0) - 1e-7); // 3x + 4y = 1 keeps 0.1
    EXPECT_NEAR(margin_of(data, found.normal), found.margin, 1e-15);
    double best = 0;
    for (int i = 0; i < 90; ++i)
      for (int k = 0; k < 180; ++k) {
        const double a = i * M_PI / 90, b = k * M_PI / 90;
        best = std::max(best, margin_of(data, {std::sin(a) * std::cos(b), std::sin(a) * std::sin(b), std::cos(a)}));
      }
    EXPECT_LE(best, found.margin * (1 + 1e-9));
    EXPECT_GE(best, 0.8 * found.margin); // the grid does come near
  }
}

// Whatever the points, the answer carries its proof: a margin that is there, or a mixture that is one point.
TEST(Separation, EveryAnswerIsProved) {
  int separable = 0, inseparable = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Draws draws(Stream(seed, "points"), 0);
    const auto width = int64_t(1 + seed % 6), n = int64_t(2 + seed % 9);
    std::vector<double> values, labels;
    for (int64_t i = 0; i < n; ++i) {
      labels.push_back(double(i % 2));
      // float, so that the set keeps them as they are
      for (int64_t j = 0; j < width; ++j) values.push_back(double(float(draws.normal())));
    }
    const Separation found = separation(points(width, values, labels));
    if (found.answer == Separation::separable) {
      ++separable;
      EXPECT_GT(found.margin, 0);
      EXPECT_NEAR(margin_of(points(width, values, labels), found.normal), found.margin, 1e-15);
      continue;
    }
    ASSERT_EQ(found.answer, Separation::inseparable) << seed;
    ++inseparable;
    std::vector<double> mixture[2] = {std::vector<double>(size_t(width)), std::vector<double>(size_t(width))};
    double share[2] = {0, 0};
    for (size_t i = 0; i < found.witnesses.size(); ++i) {
      const auto sample = size_t(found.witnesses[i]);
      const auto label = size_t(labels[sample]);
      EXPECT_GT(found.shares[i], 0);
      share[label] += found.shares[i];
      for (size_t j = 0; j < size_t(width); ++j)
        mixture[label][j] += found.shares[i] * values[sample * size_t(width) + j];
    }
    for (const double sum : share) EXPECT_NEAR(sum, 1, 1e-7);
    for (size_t j = 0; j < size_t(width); ++j) EXPECT_NEAR(mixture[0][j], mixture[1][j], 1e-6);
  }
  EXPECT_GT(separable, 20);
  EXPECT_GT(inseparable, 20);
}

TEST(Separation, ThreeClassesAreNoQuestionForIt) {
  EXPECT_THROW(separation(generate_part("blobs", Part::train, 30)), Error);
}

TEST(Separation, OneClassAloneIsSeparable) {
  const Separation found = separation(points(1, {1, -2}, {1, 1}));
  EXPECT_EQ(found.answer, Separation::separable);
  EXPECT_GT(found.margin, 0);
}

} // namespace
} // namespace vitro

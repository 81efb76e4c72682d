// Philox against its authors' vectors; streams by address, in any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/random.h"

namespace vitro {
namespace {

// Random123's kat_vectors, the lines "philox4x32 10".
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Philox{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Philox{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Philox{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Stream, ANumberDependsOnItsAddressAlone) {
  const Stream stream(7, "fc1.weight", 3);
  std::vector<uint64_t> forward, backward;
  for (uint64_t i = 0; i < 100; ++i) forward.push_back(stream.bits(i / 10, i % 10));
  const Stream again(7, "fc1.weight", 3);
  for (uint64_t i = 100; i-- > 0;) backward.push_back(again.bits(i / 10, i % 10));
  std::ranges::reverse(backward);
  EXPECT_EQ(forward, backward);
}

TEST(Stream, EveryPartOfTheAddressMatters) {
  const Stream stream(7, "fc1.weight", 3);
  const uint64_t here = stream.bits(2, 5);
  std::set<uint64_t> seen{here};
  const auto differs = [&](uint64_t bits) { EXPECT_TRUE(seen.insert(bits).second); };
  differs(Stream(8, "fc1.weight", 3).bits(2, 5));
  differs(Stream(7 + (uint64_t{1} << 32), "fc1.weight", 3).bits(2, 5));
  differs(Stream(7, "fc2.weight", 3).bits(2, 5));
  differs(Stream(7, "fc1.bias", 3).bits(2, 5));
  differs(Stream(7, "fc1.weight", 4).bits(2, 5));
  differs(Stream(7, "fc1.weight", 3 + (uint64_t{1} << 32)).bits(2, 5));
  differs(stream.bits(3, 5));
  differs(stream.bits(2, 6));
  differs(stream.bits(2 + (uint64_t{1} << 32), 5));
  differs(stream.bits(2, 5 + (uint64_t{1} << 32)));
  differs(stream.bits(5, 2));
}

TEST(Stream, NoTwoNeighboursAreEqual) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 4; ++seed)
    for (const char* name : {"a", "b", "shuffle"})
      for (uint64_t step = 0; step < 4; ++step)
        for (uint64_t i = 0; i < 256; ++i) seen.insert(Stream(seed, name, step).bits(i % 16, i / 16));
  EXPECT_EQ(seen.size(), size_t{4 * 3 * 4 * 256});
}

TEST(Stream, UniformIsUniform) {
  const Stream stream(1, "uniform");
  constexpr int n = 20000, bins = 20;
  std::array<int, bins> count{};
  for (uint64_t i = 0; i < n; ++i) {
    const double x = stream.uniform(i, 0);
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    ++count[size_t(x * bins)];
    const double y = stream.uniform(i, 1, -3, 5);
    ASSERT_GE(y, -3);
    ASSERT_LT(y, 5);
  }
  double chi2 = 0;
  for (const int c : count) chi2 += (c - n / bins) * (c - n / bins) / double(n / bins);
  EXPECT_LT(chi2, 43.8); // 19 degrees of freedom: exceeded once in 1000
}

TEST(Stream, NormalHasItsMoments) {
  const Stream stream(1, "normal");
  constexpr int n = 40000;
  double sum = 0, square = 0, cube = 0, fourth = 0, together = 0, last = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const double x = stream.normal(0, i);
    ASSERT_TRUE(std::isfinite(x));
    sum += x, square += x * x, cube += x * x * x, fourth += x * x * x * x, together += x * last;
    last = x;
  }
  const double deviation = std::sqrt(double(n));
  EXPECT_NEAR(sum / n, 0, 4 / deviation);
  EXPECT_NEAR(square / n, 1, 4 * std::sqrt(2.0) / deviation);
  EXPECT_NEAR(cube / n, 0, 4 * std::sqrt(15.0) / deviation);
  EXPECT_NEAR(fourth / n, 3, 4 * std::sqrt(96.0) / deviation);
  EXPECT_NEAR(together / n, 0, 4 / deviation);
}

TEST(Stream, BelowStaysBelowAndReachesAll) {
  const Stream stream(1, "below");
  std::array<int, 7> count{};
  for (uint64_t i = 0; i < 7000; ++i) ++count.at(stream.below(7, i, 0));
  for (const int c : count) EXPECT_NEAR(c, 1000, 150);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(stream.below(1, i, 0), 0u);
  EXPECT_LT(stream.below(UINT64_MAX, 0, 0), UINT64_MAX);
}

TEST(Stream, DrawsFollowTheStream) {
  const Stream stream(3, "digits", 1);
  Draws draws(stream, 9);
  EXPECT_EQ(draws.uniform(), stream.uniform(9, 0));
  EXPECT_EQ(draws.normal(), stream.normal(9, 1));
  EXPECT_EQ(draws.below(10), stream.below(10, 9, 2));
  EXPECT_EQ(draws.uniform(-1, 1), stream.uniform(9, 3, -1, 1));
}

TEST(Permutation, IsOneAndFair) {
  for (const int64_t n : {0, 1, 2, 3, 100}) {
    auto order = permutation(Stream(5, "shuffle", uint64_t(n)), n);
    EXPECT_EQ(int64_t(order.size()), n);
    std::ranges::sort(order);
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(order[size_t(i)], i);
  }
  std::array<std::array<int, 4>, 4> at{}; // [value][position]
  for (uint64_t epoch = 0; epoch < 4000; ++epoch) {
    const auto order = permutation(Stream(5, "shuffle", epoch), 4);
    for (size_t i = 0; i < 4; ++i) ++at[size_t(order[i])][i];
  }
  for (const auto& row : at)
    for (const int count : row) EXPECT_NEAR(count, 1000, 120);
  EXPECT_NE(permutation(Stream(5, "shuffle", 0), 100), permutation(Stream(5, "shuffle", 1), 100));
}

} // namespace
} // namespace vitro

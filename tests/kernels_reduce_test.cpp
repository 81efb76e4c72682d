// Reductions against their plain twins: the same bits on every instruction set, at every number of
// threads.
#include "kernels/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"

namespace vitro::kernels {
namespace {

using Reduction = void (*)(Axes, const float*, float*);

void compare(Reduction fast, Reduction plain, Axes axes, const float* x, const std::string& what) {
  const int64_t n = axes.outer * axes.inner;
  std::vector<float> got(size_t(n + 2 * guard), canary), want(size_t(n) + 1);
  fast(axes, x, got.data() + guard);
  plain(axes, x, want.data());
  const std::string where = what + " of " + std::to_string(axes.outer) + " x " + std::to_string(axes.reduced) + " x " +
                            std::to_string(axes.inner);
  expect_same_bits(got.data() + guard, want.data(), n, where);
  for (int64_t i = 0; i < guard; ++i)
    ASSERT_TRUE(got[size_t(i)] == canary && got[size_t(guard + n + i)] == canary) << where << " writes outside";
}

constexpr int64_t odd_sizes[] = {1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 255};

void compare_all() {
  for (int64_t reduced : odd_sizes)
    for (int64_t inner : odd_sizes)
      for (int64_t outer : {1, 3}) {
        const std::vector<float> x = random_values(outer * reduced * inner, uint32_t(reduced * 1000 + inner));
        compare(sum, sum_plain, {outer, reduced, inner}, x.data() + 1, "sum");
        compare(max, max_plain, {outer, reduced, inner}, x.data() + 1, "max");
        if (testing::Test::HasFatalFailure()) return;
      }
}

TEST(Reduce, HasTheBitsOfItsPlainTwinOnEveryInstructionSet) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    compare_all();
  }
}

TEST(Reduce, BitsDoNotDependOnThreads) {
  const int before = thread_count();
  for (const Axes axes :
       {Axes{1000, 300, 1}, Axes{1, 300, 1000}, Axes{7, 300, 100}, Axes{300000, 1, 1}, Axes{1, 300001, 1}}) {
    const std::vector<float> x = random_values(axes.outer * axes.reduced * axes.inner, 3);
    for (int threads : {1, 2, 3, 4, 8}) {
      set_thread_count(threads);
      compare(sum, sum_plain, axes, x.data(), "sum");
      compare(max, max_plain, axes, x.data(), "max");
    }
  }
  set_thread_count(before);
}

TEST(Reduce, NothingSumsToZero) {
  float y[3] = {7, 7, 7};
  sum({3, 0, 1}, nullptr, y);
  for (float value : y) EXPECT_EQ(value, 0);
  y[0] = y[1] = y[2] = 7;
  sum({1, 0, 3}, nullptr, y);
  for (float value : y) EXPECT_EQ(value, 0);
  sum({0, 5, 3}, nullptr, nullptr);
  sum({5, 3, 0}, nullptr, nullptr);
  max({0, 5, 1}, nullptr, nullptr);
}

TEST(Reduce, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (int64_t n : {1, 7, 16, 40})
      for (int64_t at = 0; at < n; ++at)
        for (int64_t inner : {int64_t(1), int64_t(3)}) {
          std::vector<float> x(size_t(n * inner), -2), y(size_t(inner), 7);
          x[size_t(at * inner)] = nan;
          max({1, n, inner}, x.data(), y.data());
          ASSERT_TRUE(std::isnan(y[0])) << n << " " << at;
          if (inner > 1) { ASSERT_EQ(y[1], -2); }
          x[size_t(at * inner)] = -infinity;
          max({1, n, inner}, x.data(), y.data());
          ASSERT_EQ(y[0], n == 1 ? -infinity : -2);
          x[size_t(at * inner)] = infinity;
          sum({1, n, inner}, x.data(), y.data());
          ASSERT_EQ(y[0], infinity);
          for (float zero : {0.0F, -0.0F}) {
            std::fill(x.begin(), x.end(), -zero);
            x[size_t(at * inner)] = zero;
            compare(sum, sum_plain, {1, n, inner}, x.data(), "sum");
            compare(max, max_plain, {1, n, inner}, x.data(), "max");
          }
        }
  }
}

} // namespace
} // namespace vitro::kernels

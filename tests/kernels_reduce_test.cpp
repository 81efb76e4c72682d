// Reductions: the bits of their plain twins; softmax within its rounding and without overflow.
#include "kernels/reduce.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.h"
#include "core/threads.h"

namespace vitro {
namespace {

using kernels::Axes;

std::vector<float> noise(int64_t n) {
  const Stream stream(2, "reduce");
  std::vector<float> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[size_t(i)] = float(stream.normal(0, uint64_t(i)));
  return out;
}

void expect_twins_agree(const char* where) {
  for (const int64_t outer : {0, 1, 2, 5})
    for (const int64_t reduced : {0, 1, 2, 15, 16, 17, 31, 100, 1000})
      for (const int64_t inner : {1, 2, 3, 7, 8, 15, 16, 17, 33, 100}) {
        const Axes axes{outer, reduced, inner};
        const auto x = noise(outer * reduced * inner);
        std::vector<float> fast(size_t(outer * inner) + 1, 7), plain = fast;
        kernels::sum(axes, x.data(), fast.data());
        kernels::sum_plain(axes, x.data(), plain.data());
        EXPECT_EQ(std::memcmp(fast.data(), plain.data(), fast.size() * sizeof(float)), 0)
            << where << ": sum " << outer << " " << reduced << " " << inner;
        if (reduced == 0) continue;
        kernels::max(axes, x.data(), fast.data());
        kernels::max_plain(axes, x.data(), plain.data());
        EXPECT_EQ(std::memcmp(fast.data(), plain.data(), fast.size() * sizeof(float)), 0)
            << where << ": max " << outer << " " << reduced << " " << inner;
      }
}

TEST(Reduce, HasTheBitsOfItsPlainTwins) { expect_twins_agree("best"); }

TEST(Reduce, HasTheSameBitsOnAvx2) {
  if (!(hwy::SupportedTargets() & HWY_AVX2)) return; // one instruction set: nothing to compare
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  expect_twins_agree("AVX2");
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Reduce, MaxPassesNanOn) {
  auto x = noise(40);
  for (const size_t at : {0, 7, 16, 39}) {
    auto y = x;
    y[at] = NAN;
    float most = 0;
    kernels::max({1, 40, 1}, y.data(), &most);
    EXPECT_TRUE(std::isnan(most)) << at;
  }
}

TEST(Reduce, SoftmaxIsRightOverAnyWidthAndInPlace) {
  for (const int64_t rows : {1, 3, 1000})
    for (const int64_t columns : {1, 2, 3, 10, 15, 16, 17, 100, 255, 256, 257, 600}) {
      const auto x = noise(rows * columns);
      std::vector<float> p(x.size()), lp(x.size()), place = x;
      kernels::softmax(rows, columns, x.data(), p.data());
      kernels::log_softmax(rows, columns, x.data(), lp.data());
      kernels::softmax(rows, columns, place.data(), place.data());
      EXPECT_EQ(place, p);
      for (int64_t r = 0; r < rows; ++r) {
        double total = 0;
        for (int64_t c = 0; c < columns; ++c) total += std::exp(double(x[size_t(r * columns + c)]));
        for (int64_t c = 0; c < columns; ++c) {
          const size_t at = size_t(r * columns + c);
          const double truth = std::exp(double(x[at])) / total;
          // The exponent carries the rounding of x - max, the sum that of its lanes' chains.
          ASSERT_NEAR(p[at], truth, truth * (8 + double(columns) / 16) * 0x1p-24);
          ASSERT_NEAR(lp[at], std::log(truth), (std::fabs(std::log(truth)) * 3 + 8 + double(columns) / 16) * 0x1p-24);
        }
      }
    }
}

TEST(Reduce, SoftmaxDoesNotOverflow) {
  const float x[] = {1e4f, -1e4f, 0, 1e4f};
  float p[4], lp[4];
  kernels::softmax(1, 4, x, p);
  kernels::log_softmax(1, 4, x, lp);
  EXPECT_FLOAT_EQ(p[0], 0.5f);
  EXPECT_EQ(p[1], 0);
  EXPECT_FLOAT_EQ(lp[0], -std::log(2.0f));
  EXPECT_FLOAT_EQ(lp[1], -2e4f - std::log(2.0f));
}

TEST(Reduce, HasTheSameBitsOnAnyNumberOfThreads) {
  const int before = thread_count();
  const auto x = noise(3000 * 100);
  std::vector<float> sums(3000), p(x.size());
  set_thread_count(1);
  kernels::sum({3000, 100, 1}, x.data(), sums.data());
  kernels::softmax(3000, 100, x.data(), p.data());
  for (const int threads : {2, 3, 4, 8}) {
    set_thread_count(threads);
    std::vector<float> again(3000), q(x.size());
    kernels::sum({3000, 100, 1}, x.data(), again.data());
    kernels::softmax(3000, 100, x.data(), q.data());
    EXPECT_EQ(again, sums);
    EXPECT_EQ(q, p);
  }
  set_thread_count(before);
}

} // namespace
} // namespace vitro

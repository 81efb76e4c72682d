// The loops that everything is measured against do what they say, on every instruction set of this machine.
#include "bench/loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels_targets.h"

namespace vitro::bench {

using namespace kernels;
namespace {

TEST(Limits, AStreamWritesTheMeanOfWhatItReads) {
  for (const Target& target : targets()) {
    SCOPED_TRACE(target.name);
    const OnTarget on(target.bit);
    for (const int64_t n : {1, 15, 64, 67, 1000})
      for (int reads = 1; reads <= most_streamed; ++reads)
        for (int writes = 1; writes <= reads; ++writes) {
          // One element more than is asked for, which nobody may touch.
          std::vector<std::vector<float>> in, out(size_t(writes), std::vector<float>(size_t(n + 1), -1));
          for (int r = 0; r < reads; ++r) {
            in.emplace_back(size_t(n + 1), 100.0F);
            for (int64_t i = 0; i < n; ++i) in.back()[size_t(i)] = float(i + 12 * r);
          }
          std::vector<const float*> from;
          std::vector<float*> to;
          for (const auto& x : in) from.push_back(x.data());
          for (auto& y : out) to.push_back(y.data());
          EXPECT_EQ(stream(from.data(), reads, to.data(), writes, n), 0);
          for (const auto& y : out) {
            for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(y[size_t(i)], double(i) + 6 * (reads - 1), 1e-3);
            ASSERT_EQ(y[size_t(n)], -1);
          }
        }
  }
}

TEST(Limits, AStreamInPlace) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    std::vector<float> p(77, 1), g(77, 3);
    const float* in[] = {p.data(), g.data()};
    float* out[] = {p.data()};
    stream(in, 2, out, 1, 77);
    EXPECT_EQ(p, std::vector<float>(77, 2)) << target.name;
  }
}

TEST(Limits, WhatIsReadIsSummed) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (const int64_t n : {0, 1, 127, 128, 1001}) {
      const std::vector<float> x(size_t(n), 0.5F);
      const float* in[] = {x.data(), x.data()};
      EXPECT_EQ(stream(in, 2, nullptr, 0, n, 3), float(3 * n)) << target.name;
    }
  }
}

TEST(Limits, MultiplyAddsStayFiniteAndAreAllDone) {
  for (const Target& target : targets()) {
    SCOPED_TRACE(target.name);
    const OnTarget on(target.bit);
    EXPECT_EQ(instruction_set(), target.name);
    EXPECT_EQ(fuses_multiply_add(), target.fused);
    // Every lane of every chain ends near 1, and stands for a multiplication and an addition of a round.
    const double chains = double(multiply_add_flops()) / 2;
    EXPECT_NEAR(multiply_adds(20000), chains, 1e-3 * chains);
    EXPECT_LT(multiply_adds(1), 0.9 * chains);
  }
}

} // namespace
} // namespace vitro::bench

// Values for the tests of the kernels, and what surrounds them.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace vitro::kernels {

inline constexpr float canary = -12345.678F; // stands before and behind a result: nothing may be written there
inline constexpr int64_t guard = 20;

/// Normally distributed; the first is to be left out, so that no load may count on alignment.
inline std::vector<float> random_values(int64_t n, uint32_t seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> x(size_t(n) + 1);
  for (float& value : x) value = normal(random);
  return x;
}

inline void expect_same_bits(const float* got, const float* want, int64_t n, const std::string& what) {
  for (int64_t i = 0; i < n; ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want[i])) << what << ", element " << i;
}

} // namespace vitro::kernels

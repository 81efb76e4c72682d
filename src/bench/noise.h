// What keeps a timing honest: arrays of random numbers, quickly made (never time on zeros), and results that count as
// used.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace vitro::bench {

/// Uniform in [-1, 1), by xorshift: good enough to time on, a nanosecond each, the same at every run. (Marsaglia,
/// "Xorshift RNGs", 2003.)
inline void fill_with_noise(std::span<float> out, uint32_t seed = 1) {
  uint32_t x = 2463534242U + 2 * seed;
  for (float& value : out) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    value = float(int32_t(x)) * 0x1p-31F;
  }
}

inline Tensor noise(Shape shape, uint32_t seed = 1) {
  Tensor out({DType::f32, shape});
  fill_with_noise(out.as<float>(), seed);
  return out;
}

/// The compiler must compute `value`, though nobody reads it.
template <class Value> inline void keep(const Value& value) { asm volatile("" : : "r,m"(value) : "memory"); }

} // namespace vitro::bench

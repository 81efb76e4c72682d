#include "core/numpy_random.h"

#include "core/math.h"

namespace vitro {

NumpyRandom::NumpyRandom(uint32_t seed) {
  for (size_t i = 0; i < size; ++i) {
    state_[i] = seed;
    seed = 1812433253u * (seed ^ (seed >> 30)) + uint32_t(i) + 1;
  }
}

void NumpyRandom::refill() {
  for (size_t i = 0; i < size; ++i) {
    const uint32_t mixed = (state_[i] & 0x80000000u) | (state_[(i + 1) % size] & 0x7fffffffu);
    state_[i] = state_[(i + middle) % size] ^ (mixed >> 1) ^ (mixed & 1 ? 0x9908b0dfu : 0);
  }
  next_ = 0;
}

uint32_t NumpyRandom::bits() {
  if (next_ == size) refill();
  uint32_t x = state_[next_++];
  x ^= x >> 11;
  x ^= (x << 7) & 0x9d2c5680u;
  x ^= (x << 15) & 0xefc60000u;
  return x ^ (x >> 18);
}

double NumpyRandom::uniform() {
  const uint32_t high = bits() >> 5, low = bits() >> 6;
  return (double(high) * 0x1p26 + double(low)) * 0x1p-53;
}

double NumpyRandom::normal() {
  if (kept_) {
    const double value = *kept_;
    kept_.reset();
    return value;
  }
  double x = 0, y = 0, square = 0;
  do {
    x = 2 * uniform() - 1;
    y = 2 * uniform() - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double factor = math::sqrt(-2 * math::log(square) / square);
  kept_ = factor * x;
  return factor * y;
}

void NumpyRandom::skip_normals(int64_t count) {
  for (; count > 0; --count) normal();
}

} // namespace vitro

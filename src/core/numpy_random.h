// numpy's legacy random numbers (np.random.seed, np.random.randn), so that a notebook's seed gives the notebook's
// numbers.
//
// One sequence: who asks first gets the first number, which is why vitro itself draws by address (core/random.h). Bits
// and uniform numbers are numpy's exactly; normal ones differ by the last digits in which two logarithms may differ.
// Sources: Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudorandom number
// generator", 1998, and their initialisation of 2002; Marsaglia and Bray, "A convenient method for generating normal
// variables", 1964, in the order in which numpy's RandomState hands out each pair: the second one first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace vitro {

class NumpyRandom {
public:
  /// As after np.random.seed(seed).
  explicit NumpyRandom(uint32_t seed);

  uint32_t bits();  // 32 random bits
  double uniform(); // np.random.random_sample(): [0, 1), 53 bits
  double normal();  // np.random.randn(): mean 0, deviation 1 (the polar method)
  /// As if so many normal numbers had been drawn.
  void skip_normals(int64_t count);

private:
  static constexpr size_t size = 624, middle = 397;
  void refill();

  std::array<uint32_t, size> state_;
  size_t next_ = size;
  std::optional<double> kept_; // the other of the last pair
};

} // namespace vitro

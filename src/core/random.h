// Random numbers by address, never by who asks first: Philox 4x32-10.
//
// A Stream is (seed, name, step): the seed of the run, the name of what draws (a layer's
// parameter, "shuffle", "digits"), and a step or epoch. Each of its numbers is addressed by
// (sample, element), so any thread or rank can draw its share in any order and get the same bits.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vitro {

using Philox = std::array<uint32_t, 4>;
/// Ten rounds of Philox 4x32 on `counter` under `key`.
Philox philox(Philox counter, std::array<uint32_t, 2> key);

class Stream {
public:
  Stream(uint64_t seed, std::string_view name, uint64_t step = 0);

  /// Four words of 32 random bits, number `block` of a sample: what fills masks. They are not to be mixed, under one
  /// name, with the numbers below, whose bits begin with the same words.
  Philox words(uint64_t sample, uint64_t block) const;
  uint64_t bits(uint64_t sample, uint64_t element) const;  // 64 random bits
  double uniform(uint64_t sample, uint64_t element) const; // [0, 1), 53 bits
  double uniform(uint64_t sample, uint64_t element, double low, double high) const;
  double normal(uint64_t sample, uint64_t element) const;                  // mean 0, deviation 1 (Box-Muller)
  uint64_t below(uint64_t bound, uint64_t sample, uint64_t element) const; // 0 .. bound-1

  // For kernels that make many at once: words(sample, block) = philox({block, sample, 0, step()}, key()), below 2^32.
  std::array<uint32_t, 2> key() const { return key_; }
  uint32_t step() const { return step_; }

private:
  std::array<uint32_t, 2> key_;
  uint32_t step_;
};

/// Draws from a stream one after the other: for sequential code (a generator of one sample).
class Draws {
public:
  Draws(const Stream& stream, uint64_t sample) : stream_(stream), sample_(sample) {}
  double uniform() { return stream_.uniform(sample_, next_++); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal() { return stream_.normal(sample_, next_++); }
  uint64_t below(uint64_t bound) { return stream_.below(bound, sample_, next_++); }

private:
  Stream stream_;
  uint64_t sample_, next_ = 0;
};

/// 0 .. n-1 in random order (Fisher and Yates).
std::vector<int64_t> permutation(const Stream& stream, int64_t n);

} // namespace vitro

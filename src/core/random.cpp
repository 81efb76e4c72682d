#include "core/random.h"

#include <numeric>
#include <utility>

#include "core/math.h"

namespace vitro {
namespace {

uint64_t fnv1a(std::string_view name, uint64_t hash = 0xcbf29ce484222325u) {
  for (const char c : name) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

} // namespace

Philox philox(Philox x, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t{0xD2511F53} * x[0], q = uint64_t{0xCD9E8D57} * x[2];
    x = {uint32_t(q >> 32) ^ x[1] ^ key[0], uint32_t(q), uint32_t(p >> 32) ^ x[3] ^ key[1], uint32_t(p)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return x;
}

Stream::Stream(uint64_t seed, std::string_view name, uint64_t step) : step_(uint32_t(step)) {
  // The seed is spread by the generator itself, so that seeds 0, 1, 2 give unrelated keys.
  const Philox mixed = philox({uint32_t(seed), uint32_t(seed >> 32), uint32_t(step >> 32), 0}, {0, 0});
  const uint64_t hash = fnv1a(name);
  key_ = {mixed[0] ^ uint32_t(hash), mixed[1] ^ uint32_t(hash >> 32)};
}

Philox Stream::words(uint64_t sample, uint64_t block) const {
  return philox({uint32_t(block), uint32_t(sample), uint32_t(block >> 32) ^ (uint32_t(sample >> 32) << 16), step_},
                key_);
}

uint64_t Stream::bits(uint64_t sample, uint64_t element) const {
  const Philox x = words(sample, element);
  return uint64_t{x[0]} << 32 | x[1];
}

double Stream::uniform(uint64_t sample, uint64_t element) const {
  return double(bits(sample, element) >> 11) * 0x1p-53;
}

double Stream::uniform(uint64_t sample, uint64_t element, double low, double high) const {
  return low + (high - low) * uniform(sample, element);
}

double Stream::normal(uint64_t sample, uint64_t element) const {
  // Two halves of one 64-bit draw: 1 - u lies in (0, 1], so the logarithm is finite.
  const uint64_t draw = bits(sample, element);
  const double u = 1 - double(draw >> 32) * 0x1p-32, turn = double(uint32_t(draw)) * 0x1p-32;
  return math::sqrt(-2 * math::log(u)) * math::cos(2 * math::pi * turn);
}

uint64_t Stream::below(uint64_t bound, uint64_t sample, uint64_t element) const {
  return uint64_t((static_cast<unsigned __int128>(bits(sample, element)) * bound) >> 64);
}

std::vector<int64_t> permutation(const Stream& stream, int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  std::iota(out.begin(), out.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) std::swap(out[i], out[stream.below(uint64_t(i) + 1, 0, uint64_t(i))]);
  return out;
}

} // namespace vitro

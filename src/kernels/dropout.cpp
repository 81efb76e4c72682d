// Philox 4x32-10 (core/random.h) in lanes: lane i of a vector is block number i, and its four words are
// four elements side by side.
#include "kernels/dropout.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

using Word = hn::RebindToUnsigned<Tag>;
using W = hn::Vec<Word>;

/// Both halves of the 64-bit product of each lane with `factor`.
struct Product {
  W high, low;
};
HWY_INLINE Product product(W a, uint32_t factor) {
  const Word d;
#if HWY_TARGET == HWY_SCALAR
  const uint64_t wide = uint64_t{hn::GetLane(a)} * factor;
  return {hn::Set(d, uint32_t(wide >> 32)), hn::Set(d, uint32_t(wide))};
#else
  const hn::RepartitionToWide<Word> wide;
  const W b = hn::Set(d, factor);
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), b);
  return {hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even))),
          hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even))};
#endif
}

void mask_rows(const Stream& stream, int64_t first, int64_t begin, int64_t end, int64_t elements, uint32_t threshold,
               float kept, float* mask) {
  const Word d;
  const V value = constant(kept);
  const W limit = hn::Set(d, threshold);
  for (int64_t s = begin; s < end; ++s)
    for (int64_t e = 0; e < elements; e += 4 * lanes) {
      W x0 = hn::Iota(d, uint32_t(e / 4)), x1 = hn::Set(d, uint32_t(first + s)), x2 = hn::Zero(d),
        x3 = hn::Set(d, stream.step());
      auto [key0, key1] = stream.key();
#pragma GCC unroll 10
      for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
        const Product p = product(x0, 0xD2511F53), q = product(x2, 0xCD9E8D57);
        x0 = hn::Xor(q.high, hn::Xor(x1, hn::Set(d, key0)));
        x2 = hn::Xor(p.high, hn::Xor(x3, hn::Set(d, key1)));
        x1 = q.low;
        x3 = p.low;
      }
      const auto chosen = [&](W words) HWY_ATTR {
        return hn::IfThenZeroElse(hn::RebindMask(Tag(), hn::Lt(words, limit)), value);
      };
      float* const to = mask + s * elements + e;
      const int64_t left = elements - e;
      HWY_ALIGN float tail[4 * lanes];
      hn::StoreInterleaved4(chosen(x0), chosen(x1), chosen(x2), chosen(x3), Tag(), left < 4 * lanes ? tail : to);
      for (int64_t i = 0; left < 4 * lanes && i < left; ++i) to[i] = tail[i];
    }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/pieces.h"

namespace vitro::kernels {

VITRO_TARGETS(mask_rows);

void dropout_mask(const Stream& stream, int64_t first, int64_t samples, int64_t elements, uint32_t threshold,
                  float kept, float* mask) {
  constexpr int64_t enough = 1 << 14; // elements from which on threads pay
  in_pieces(samples, samples * elements, enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(mask_rows)(stream, first, begin, end, elements, threshold, kept, mask);
  });
}

} // namespace vitro::kernels
#endif

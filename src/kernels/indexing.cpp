#include "kernels/indexing.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/indexing.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

/// Columns [begin, end) of y [extent, inner].
void add_strip(const float* x, const int32_t* index, int64_t chosen, float* y, int64_t extent, int64_t inner,
               int64_t begin, int64_t end) {
  const Tag d;
  const int64_t whole = begin + (end - begin) / lanes * lanes;
  for (int64_t row = 0; row < extent; ++row) {
    float* const to = y + row * inner;
    for (int64_t c = begin; c < whole; c += lanes) hn::StoreU(hn::Zero(d), d, to + c);
    for (int64_t c = whole; c < end; ++c) to[c] = 0;
  }
  for (int64_t i = 0; i < chosen; ++i, x += inner) {
    float* const to = y + index[i] * inner;
    for (int64_t c = begin; c < whole; c += lanes)
      hn::StoreU(hn::Add(hn::LoadU(d, to + c), hn::LoadU(d, x + c)), d, to + c);
    for (int64_t c = whole; c < end; ++c) to[c] += x[c];
  }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cstring>

#include "kernels/pieces.h"

namespace vitro::kernels {

VITRO_TARGETS(add_strip);

namespace {
constexpr int64_t enough = 1 << 15; // elements from which on threads pay
constexpr int64_t strip = 64;       // columns: four cache lines of each row, and a table of 65 symbols stays in cache
} // namespace

void gather_rows(const float* x, std::span<const int32_t> index, float* y, int64_t outer, int64_t extent,
                 int64_t inner) {
  const auto chosen = int64_t(index.size());
  in_pieces(outer * chosen, outer * chosen * inner, enough, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at)
      std::memcpy(y + at * inner, x + (at / chosen * extent + index[size_t(at % chosen)]) * inner,
                  size_t(inner) * sizeof(float));
  });
}

void scatter_add_rows(const float* x, std::span<const int32_t> index, float* y, int64_t outer, int64_t extent,
                      int64_t inner) {
  const auto chosen = int64_t(index.size());
  const int64_t strips = (inner + strip - 1) / strip;
  in_pieces(outer * strips, outer * (chosen + extent) * inner, enough, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t o = at / strips, first = at % strips * strip;
      VITRO_DISPATCH(add_strip)
      (x + o * chosen * inner, index.data(), chosen, y + o * extent * inner, extent, inner, first,
       std::min(inner, first + strip));
    }
  });
}

} // namespace vitro::kernels
#endif

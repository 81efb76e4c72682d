// Reductions over 16 lanes: lane l of a sum holds what stands at l, l + 16, l + 32, ..., added in that
// order; at the end l is joined with l + 8, then + 4, + 2, + 1. The lanes are those of one vector or of
// several, so the bits are the same at any width.
//
// Compiled once per instruction set (include after hwy/foreach_target.h).
#if defined(VITRO_KERNELS_REDUCE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VITRO_KERNELS_REDUCE_INL_H
#undef VITRO_KERNELS_REDUCE_INL_H
#else
#define VITRO_KERNELS_REDUCE_INL_H
#endif

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t width = 16;             // lanes of a reduction
inline constexpr int parts = int(width / lanes); // vectors that hold them

struct Adding {
  static HWY_INLINE V start() { return hn::Zero(Tag()); }
  static HWY_INLINE V join(V a, V b) { return hn::Add(a, b); }
};
struct Largest { // nan if any is
  static HWY_INLINE V start() { return constant(-infinity); }
  static HWY_INLINE V join(V a, V b) { return larger(a, b); }
};
struct LargestNumber { // whatever if one is nan
  static HWY_INLINE V start() { return constant(-infinity); }
  static HWY_INLINE V join(V a, V b) { return hn::Max(a, b); }
};

/// All lanes joined, in every lane.
template <class Kind> HWY_INLINE V join_lanes(const V* part) {
  V fold[parts];
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) fold[v] = part[v];
#pragma GCC unroll 4
  for (int step = parts / 2; step > 0; step /= 2)
#pragma GCC unroll 8
    for (int v = 0; v < step; ++v) fold[v] = Kind::join(fold[v], fold[v + step]);
  V all = fold[0];
#if HWY_TARGET != HWY_SCALAR
  const Tag d;
  if constexpr (lanes >= 16) all = Kind::join(all, hn::ConcatLowerUpper(d, all, all));
  if constexpr (lanes >= 8) all = Kind::join(all, hn::SwapAdjacentBlocks(all));
  all = Kind::join(all, hn::Shuffle1032(all));
  all = Kind::join(all, hn::Shuffle2301(all));
#endif
  return all;
}

/// All of x[0 .. n-1] joined, in every lane, each vector passed through map(vector, position, count) first.
template <class Kind, class Map> HWY_INLINE V reduce_contiguous(const float* x, int64_t n, Map map) {
  constexpr int64_t abreast = 4;
  const Tag d;
  V part[parts];
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) part[v] = Kind::start();
  int64_t i = 0;
  for (; i + abreast * lanes <= n && abreast % parts == 0; i += abreast * lanes) { // maps have a latency to hide
    V mapped[abreast];
#pragma GCC unroll 4
    for (int64_t v = 0; v < abreast; ++v) mapped[v] = hn::LoadU(d, x + i + v * lanes);
#pragma GCC unroll 4
    for (int64_t v = 0; v < abreast; ++v) mapped[v] = map(mapped[v], i + v * lanes, lanes);
#pragma GCC unroll 4
    for (int64_t v = 0; v < abreast; ++v) part[v % parts] = Kind::join(part[v % parts], mapped[v]);
  }
  for (; i + width <= n; i += width) {
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v)
      part[v] = Kind::join(part[v], map(hn::LoadU(d, x + i + v * lanes), i + v * lanes, lanes));
  }
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) {
    const int64_t at = i + v * lanes, count = n - at < lanes ? n - at : lanes;
    if (count <= 0) continue;
    const V value = map(load_first(x + at, count), at, count);
    part[v] = Kind::join(part[v], hn::IfThenElse(hn::FirstN(d, size_t(count)), value, Kind::start()));
  }
  return join_lanes<Kind>(part);
}

template <class Kind> HWY_INLINE V reduce_contiguous(const float* x, int64_t n) {
  return reduce_contiguous<Kind>(
      x, n, [](V v, int64_t, int64_t) HWY_ATTR __attribute__((always_inline)) { return v; });
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

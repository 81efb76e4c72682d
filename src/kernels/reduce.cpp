// Sums and maxima over 16 lanes (reduce-inl.h): along contiguous elements the lanes are those of the
// vectors; across columns there are 16 vectors of partial results, one per lane.
#include "kernels/reduce.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cpp"
#include "hwy/foreach_target.h"

#include "kernels/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t strip = 64; // columns of a task: whole cache lines

/// y over the rows of x [reduced, inner], for the first `count` columns: a vector of them (`whole`) or less.
template <class Kind, bool whole>
HWY_INLINE void reduce_columns(const float* x, int64_t reduced, int64_t inner, float* y, int64_t count) {
  const auto load = [=](const float* from) HWY_ATTR __attribute__((always_inline)) {
    return whole ? hn::LoadU(Tag(), from) : load_first(from, count);
  };
  V lane[width];
#pragma GCC unroll 16
  for (int64_t l = 0; l < width; ++l) lane[l] = Kind::start();
  int64_t r = 0;
  for (; r + width <= reduced; r += width) {
#pragma GCC unroll 16
    for (int64_t l = 0; l < width; ++l) lane[l] = Kind::join(lane[l], load(x + (r + l) * inner));
  }
#pragma GCC unroll 16
  for (int64_t l = 0; l < width; ++l)
    if (r + l < reduced) lane[l] = Kind::join(lane[l], load(x + (r + l) * inner));
#pragma GCC unroll 4
  for (int64_t step = width / 2; step > 0; step /= 2)
#pragma GCC unroll 8
    for (int64_t l = 0; l < step; ++l) lane[l] = Kind::join(lane[l], lane[l + step]);
  if (whole)
    hn::StoreU(lane[0], Tag(), y);
  else
    store_first(lane[0], y, count);
}

/// Strips [begin, end) of the output, counted over [outer][strips of inner].
template <class Kind> HWY_INLINE void reduce_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  if (axes.inner == 1) {
    for (int64_t i = begin; i < end; ++i)
      y[i] = hn::GetLane(reduce_contiguous<Kind>(x + i * axes.reduced, axes.reduced));
    return;
  }
  const int64_t strips = (axes.inner + strip - 1) / strip;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t outer = i / strips, first = i % strips * strip;
    const int64_t last = axes.inner - first < strip ? axes.inner : first + strip;
    const float* from = x + outer * axes.reduced * axes.inner;
    float* to = y + outer * axes.inner;
    int64_t j = first;
    for (; j + lanes <= last; j += lanes) reduce_columns<Kind, true>(from + j, axes.reduced, axes.inner, to + j, lanes);
    if (j < last) reduce_columns<Kind, false>(from + j, axes.reduced, axes.inner, to + j, last - j);
  }
}

void sum_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  reduce_strips<Adding>(axes, x, y, begin, end);
}
void max_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  reduce_strips<Largest>(axes, x, y, begin, end);
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/pieces.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(sum_strips);
VITRO_TARGETS(max_strips);

constexpr int64_t enough = 1 << 17; // elements from which on threads pay

using Strips = void (*)(Axes, const float*, float*, int64_t, int64_t);
void reduce(Strips strips, Axes axes, const float* x, float* y) {
  constexpr int64_t strip = 64;
  const int64_t items = axes.outer * (axes.inner == 1 ? 1 : (axes.inner + strip - 1) / strip);
  in_pieces(items, axes.outer * axes.reduced * axes.inner, enough,
            [&](int64_t begin, int64_t end) { strips(axes, x, y, begin, end); });
}

template <class Join> void reduce_plain(Axes axes, const float* x, float* y, float start, Join join) {
  for (int64_t o = 0; o < axes.outer; ++o)
    for (int64_t i = 0; i < axes.inner; ++i) {
      float lane[16];
      std::fill(lane, lane + 16, start);
      for (int64_t r = 0; r < axes.reduced; ++r)
        lane[r % 16] = join(lane[r % 16], x[(o * axes.reduced + r) * axes.inner + i]);
      for (int step = 8; step > 0; step /= 2)
        for (int l = 0; l < step; ++l) lane[l] = join(lane[l], lane[l + step]);
      y[o * axes.inner + i] = lane[0];
    }
}

} // namespace

void sum(Axes axes, const float* x, float* y) { reduce(VITRO_DISPATCH(sum_strips), axes, x, y); }
void max(Axes axes, const float* x, float* y) { reduce(VITRO_DISPATCH(max_strips), axes, x, y); }

void sum_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, x, y, 0, [](float a, float b) { return a + b; });
}

void max_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, x, y, -std::numeric_limits<float>::infinity(),
               [](float a, float b) { return a != a || a > b ? a : b; });
}

} // namespace vitro::kernels
#endif

#include "kernels/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/threads.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cpp"
#include <hwy/foreach_target.h>

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int64_t lanes = int64_t(hn::MaxLanes(D()));
constexpr int vectors = int(16 / lanes);

struct Add {
  static constexpr float start = 0;
  static HWY_INLINE V combine(V a, V b) { return hn::Add(a, b); }
  static float combine(float a, float b) { return a + b; }
};

struct Max {
  static constexpr float start = -std::numeric_limits<float>::infinity();
  static HWY_INLINE V combine(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b); }
  static float combine(float a, float b) { return std::isnan(a) || a > b ? a : b; }
};

// 16 lanes to one value, as a fixed binary tree.
template <class How> HWY_INLINE float fold(float* lane) {
  for (int width = 8; width >= 1; width /= 2)
    for (int l = 0; l < width; ++l) lane[l] = How::combine(lane[l], lane[l + width]);
  return lane[0];
}

// A run of neighbours: element r goes to lane r mod 16. What a last, partial group of 16 lacks is `start`.
template <class How> HWY_INLINE float along(const float* x, int64_t n) {
  const D d;
  V lane[vectors];
  for (V& v : lane) v = hn::Set(d, How::start);
  int64_t r = 0;
  for (; r + 16 <= n; r += 16)
    for (int v = 0; v < vectors; ++v) lane[v] = How::combine(lane[v], hn::LoadU(d, x + r + v * lanes));
  float out[16];
  for (int v = 0; v < vectors; ++v) hn::StoreU(lane[v], d, out + v * lanes);
  for (int l = 0; r < n; ++r, ++l) out[l] = How::combine(out[l], x[r]);
  return fold<How>(out);
}

// Columns side by side: each column keeps 16 lanes of its own.
template <class How> HWY_INLINE void across(const float* x, int64_t n, int64_t stride, float* y) {
  const D d;
  V lane[16];
  for (V& v : lane) v = hn::Set(d, How::start);
  int64_t r = 0;
  for (; r + 16 <= n; r += 16)
#pragma GCC unroll 16
    for (int l = 0; l < 16; ++l) lane[l] = How::combine(lane[l], hn::LoadU(d, x + (r + l) * stride));
  for (int l = 0; r < n; ++r, ++l) lane[l] = How::combine(lane[l], hn::LoadU(d, x + r * stride));
  for (int width = 8; width >= 1; width /= 2)
    for (int l = 0; l < width; ++l) lane[l] = How::combine(lane[l], lane[l + width]);
  hn::StoreU(lane[0], d, y);
}

template <class How> void reduce(Axes axes, const float* x, float* y) {
  if (axes.inner == 1) {
    for (int64_t o = 0; o < axes.outer; ++o) y[o] = along<How>(x + o * axes.reduced, axes.reduced);
    return;
  }
  for (int64_t o = 0; o < axes.outer; ++o, x += axes.reduced * axes.inner, y += axes.inner) {
    int64_t i = 0;
    for (; i + lanes <= axes.inner; i += lanes) across<How>(x + i, axes.reduced, axes.inner, y + i);
    for (; i < axes.inner; ++i) {
      float lane[16];
      std::fill_n(lane, 16, How::start);
      for (int64_t r = 0; r < axes.reduced; ++r) lane[r % 16] = How::combine(lane[r % 16], x[r * axes.inner + i]);
      y[i] = fold<How>(lane);
    }
  }
}

void sum(Axes axes, const float* x, float* y) { reduce<Add>(axes, x, y); }
void max(Axes axes, const float* x, float* y) { reduce<Max>(axes, x, y); }

// y = f(x), elements 0 .. n-1; a last, partial vector goes through a copy.
template <class F> HWY_INLINE void map_row(const float* x, float* y, int64_t n, F f) {
  const D d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(hn::LoadU(d, x + i)), d, y + i);
  if (i == n) return;
  float rest[16] = {};
  std::memcpy(rest, x + i, size_t(n - i) * sizeof(float));
  hn::StoreU(f(hn::LoadU(d, rest)), d, rest);
  std::memcpy(y + i, rest, size_t(n - i) * sizeof(float));
}

void softmax_rows(int64_t rows, int64_t columns, const float* x, float* y) {
  const D d;
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) {
    const V most = hn::Set(d, along<Max>(x, columns));
    map_row(x, y, columns, [&](V v) { return exp_of(d, hn::Sub(v, most)); });
    const V total = hn::Set(d, along<Add>(y, columns));
    map_row(y, y, columns, [&](V v) { return hn::Div(v, total); });
  }
}

void log_softmax_rows(int64_t rows, int64_t columns, const float* x, float* y) {
  const D d;
  float exponentials[256];
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) {
    const V most = hn::Set(d, along<Max>(x, columns));
    // The exponentials are summed over 16 lanes as `along` does, a piece that fits the buffer at a time.
    float lane[16] = {};
    for (int64_t begin = 0; begin < columns; begin += 256) {
      const int64_t n = std::min<int64_t>(256, columns - begin);
      map_row(x + begin, exponentials, n, [&](V v) { return exp_of(d, hn::Sub(v, most)); });
      for (int64_t i = 0; i < n; ++i) lane[i % 16] += exponentials[i];
    }
    float total[16];
    hn::StoreU(log_of(d, hn::Set(d, fold<Add>(lane))), d, total);
    const V log_total = hn::Set(d, total[0]);
    map_row(x, y, columns, [&](V v) { return hn::Sub(hn::Sub(v, most), log_total); });
  }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {
HWY_EXPORT(sum);
HWY_EXPORT(max);
HWY_EXPORT(softmax_rows);
HWY_EXPORT(log_softmax_rows);

namespace {

// Rows are independent: handed out in blocks of about this many elements.
constexpr int64_t elements_per_task = 32 * 1024;

template <class Body> void by_rows(int64_t rows, int64_t width, Body body) {
  const int64_t block = std::max<int64_t>(1, elements_per_task / std::max<int64_t>(1, width));
  parallel((rows + block - 1) / block, [&](int64_t task) {
    const int64_t first = task * block;
    body(first, std::min(rows - first, block));
  });
}

template <class Combine> void reduce_plain(Axes axes, float start, const float* x, float* y, Combine combine) {
  for (int64_t o = 0; o < axes.outer; ++o)
    for (int64_t i = 0; i < axes.inner; ++i) {
      float lane[16];
      std::fill_n(lane, 16, start);
      for (int64_t r = 0; r < axes.reduced; ++r) lane[r % 16] = combine(lane[r % 16], x[(o * axes.reduced + r) * axes.inner + i]);
      for (int width = 8; width >= 1; width /= 2)
        for (int l = 0; l < width; ++l) lane[l] = combine(lane[l], lane[l + width]);
      y[o * axes.inner + i] = lane[0];
    }
}

} // namespace

void sum(Axes axes, const float* x, float* y) {
  by_rows(axes.outer, axes.reduced * axes.inner, [&](int64_t first, int64_t count) {
    HWY_DYNAMIC_DISPATCH(sum)({count, axes.reduced, axes.inner}, x + first * axes.reduced * axes.inner, y + first * axes.inner);
  });
}

void max(Axes axes, const float* x, float* y) {
  by_rows(axes.outer, axes.reduced * axes.inner, [&](int64_t first, int64_t count) {
    HWY_DYNAMIC_DISPATCH(max)({count, axes.reduced, axes.inner}, x + first * axes.reduced * axes.inner, y + first * axes.inner);
  });
}

void softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  by_rows(rows, columns, [&](int64_t first, int64_t count) { HWY_DYNAMIC_DISPATCH(softmax_rows)(count, columns, x + first * columns, y + first * columns); });
}

void log_softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  by_rows(rows, columns, [&](int64_t first, int64_t count) { HWY_DYNAMIC_DISPATCH(log_softmax_rows)(count, columns, x + first * columns, y + first * columns); });
}

void sum_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, 0, x, y, [](float a, float b) { return a + b; });
}

void max_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, -std::numeric_limits<float>::infinity(), x, y, [](float a, float b) { return std::isnan(a) || a > b ? a : b; });
}

} // namespace vitro::kernels
#endif

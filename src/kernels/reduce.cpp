// Sums, maxima and softmax over 16 lanes.
//
// Along contiguous elements the lanes are those of the vectors; across columns there are 16 rows of
// partial results, one per lane, for a strip of columns. Either way lane l of a sum holds what
// stands at l, l + 16, l + 32, ..., added in that order.
#include "kernels/reduce.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t width = 16;             // lanes of a reduction
inline constexpr int parts = int(width / lanes); // vectors that hold them
inline constexpr int64_t strip = 64;             // columns reduced together: 16 x 64 partial results are 4 KiB

struct Adding {
  static HWY_INLINE V start() { return hn::Zero(Tag()); }
  static HWY_INLINE V join(V a, V b) { return hn::Add(a, b); }
  static HWY_INLINE float join(float a, float b) { return a + b; }
};
struct Largest {
  static HWY_INLINE V start() { return constant(-infinity); }
  static HWY_INLINE V join(V a, V b) { return larger(a, b); }
  static HWY_INLINE float join(float a, float b) { return a != a || a > b ? a : b; }
};

/// 16 lanes to one value: l with l + 8, then + 4, + 2, + 1.
template <class Kind> HWY_INLINE float join_lanes(const V* part) {
  HWY_ALIGN float lane[width];
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) hn::Store(part[v], Tag(), lane + v * lanes);
#pragma GCC unroll 4
  for (int step = 8; step > 0; step /= 2)
#pragma GCC unroll 8
    for (int l = 0; l < step; ++l) lane[l] = Kind::join(lane[l], lane[l + step]);
  return lane[0];
}

/// The whole of x[0 .. n-1], each vector passed through `map` first. What `map` is given behind the
/// end is zeros; they don't count.
template <class Kind, class Map> HWY_INLINE float reduce_contiguous(const float* x, int64_t n, Map map) {
  const Tag d;
  V part[parts];
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) part[v] = Kind::start();
  int64_t i = 0;
  for (; i + width <= n; i += width) {
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v)
      part[v] = Kind::join(part[v], map(hn::LoadU(d, x + i + v * lanes), i + v * lanes, lanes));
  }
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) {
    const int64_t at = i + v * lanes, count = n - at < lanes ? n - at : lanes;
    if (count <= 0) continue;
    const V value = map(count == lanes ? hn::LoadU(d, x + at) : load_first(x + at, count), at, count);
    part[v] = Kind::join(part[v], hn::IfThenElse(hn::FirstN(d, size_t(count)), value, Kind::start()));
  }
  return join_lanes<Kind>(part);
}

template <class Kind> HWY_INLINE float reduce_contiguous(const float* x, int64_t n) {
  return reduce_contiguous<Kind>(
      x, n, [](V v, int64_t, int64_t) HWY_ATTR __attribute__((always_inline)) { return v; });
}

/// y[j] over the rows of x [reduced, inner], for columns [begin, end) of at most `strip`.
template <class Kind>
HWY_INLINE void reduce_columns(const float* x, int64_t reduced, int64_t inner, float* y, int64_t begin, int64_t end) {
  const Tag d;
  HWY_ALIGN float partial[width][strip];
  for (int64_t l = 0; l < width; ++l)
    for (int64_t j = 0; j < strip; j += lanes) hn::Store(Kind::start(), d, partial[l] + j);
  const int64_t columns = end - begin;
  for (int64_t r = 0; r < reduced; ++r) {
    const float* row = x + r * inner + begin;
    float* to = partial[r % width];
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes)
      hn::Store(Kind::join(hn::Load(d, to + j), hn::LoadU(d, row + j)), d, to + j);
    if (j < columns) hn::Store(Kind::join(hn::Load(d, to + j), load_first(row + j, columns - j)), d, to + j);
  }
  for (int64_t j = 0; j < columns; j += lanes) {
    V lane[width];
#pragma GCC unroll 16
    for (int l = 0; l < width; ++l) lane[l] = hn::Load(d, partial[l] + j);
#pragma GCC unroll 4
    for (int step = 8; step > 0; step /= 2)
#pragma GCC unroll 8
      for (int l = 0; l < step; ++l) lane[l] = Kind::join(lane[l], lane[l + step]);
    if (columns - j >= lanes)
      hn::StoreU(lane[0], d, y + begin + j);
    else
      store_first(lane[0], y + begin + j, columns - j);
  }
}

/// Strips [begin, end) of the output, counted over [outer][strips of inner].
template <class Kind> HWY_INLINE void reduce_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  if (axes.inner == 1) {
    for (int64_t i = begin; i < end; ++i) y[i] = reduce_contiguous<Kind>(x + i * axes.reduced, axes.reduced);
    return;
  }
  const int64_t strips = (axes.inner + strip - 1) / strip;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t outer = i / strips, first = i % strips * strip;
    const int64_t last = axes.inner - first < strip ? axes.inner : first + strip;
    reduce_columns<Kind>(x + outer * axes.reduced * axes.inner, axes.reduced, axes.inner, y + outer * axes.inner, first,
                         last);
  }
}

void sum_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  reduce_strips<Adding>(axes, x, y, begin, end);
}
void max_strips(Axes axes, const float* x, float* y, int64_t begin, int64_t end) {
  reduce_strips<Largest>(axes, x, y, begin, end);
}

/// y[i] = f(x[i]) along one row.
template <class Formula> HWY_INLINE void each(const float* x, float* y, int64_t n, Formula formula) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(formula(hn::LoadU(d, x + i)), d, y + i);
  if (i < n) store_first(formula(load_first(x + i, n - i)), y + i, n - i);
}

void softmax_rows(int64_t columns, const float* x, float* y, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float* from = x + row * columns;
    float* to = y + row * columns;
    const V most = constant(reduce_contiguous<Largest>(from, columns));
    const V total = constant(reduce_contiguous<Adding>(
        from, columns, [=](V v, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
          const V e = exp(hn::Sub(v, most));
          if (count == lanes)
            hn::StoreU(e, Tag(), to + at);
          else
            store_first(e, to + at, count);
          return e;
        }));
    each(
        to, to, columns, [=](V e) HWY_ATTR __attribute__((always_inline)) { return hn::Div(e, total); });
  }
}

void log_softmax_rows(int64_t columns, const float* x, float* y, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float* from = x + row * columns;
    const V most = constant(reduce_contiguous<Largest>(from, columns));
    const V total = constant(reduce_contiguous<Adding>(
        from,
        columns, [=](V v, int64_t, int64_t) HWY_ATTR __attribute__((always_inline)) { return exp(hn::Sub(v, most)); }));
    const V log_total = log(total);
    each(
        from, y + row * columns,
        columns, [=](V v) HWY_ATTR __attribute__((always_inline)) { return hn::Sub(hn::Sub(v, most), log_total); });
  }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "core/threads.h"

namespace vitro::kernels {
namespace {

HWY_EXPORT(sum_strips);
HWY_EXPORT(max_strips);
HWY_EXPORT(softmax_rows);
HWY_EXPORT(log_softmax_rows);

// Elements read: of a sum, and of a softmax, which does some twenty times as much with each.
constexpr int64_t worth_a_thread = 1 << 17, worth_a_thread_softmax = 1 << 14;
constexpr int64_t most_tasks = 64;

/// Calls run(begin, end) for pieces of [0, items): in several tasks where the work is worth it.
template <class Run> void in_pieces(int64_t items, int64_t work, int64_t enough, Run&& run) {
  if (work < enough || items < 2) return run(0, items);
  const int64_t piece = (items + most_tasks - 1) / most_tasks;
  parallel((items + piece - 1) / piece, [&](int64_t task) { run(task * piece, std::min(items, (task + 1) * piece)); });
}

using Strips = void (*)(Axes, const float*, float*, int64_t, int64_t);
void reduce(Strips strips, Axes axes, const float* x, float* y) {
  constexpr int64_t strip = 64;
  const int64_t items = axes.outer * (axes.inner == 1 ? 1 : (axes.inner + strip - 1) / strip);
  in_pieces(items, axes.outer * axes.reduced * axes.inner, worth_a_thread,
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

void sum(Axes axes, const float* x, float* y) { reduce(HWY_DYNAMIC_DISPATCH(sum_strips), axes, x, y); }
void max(Axes axes, const float* x, float* y) { reduce(HWY_DYNAMIC_DISPATCH(max_strips), axes, x, y); }

void softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  in_pieces(
      rows, rows * columns, worth_a_thread_softmax,
      [&, run = HWY_DYNAMIC_DISPATCH(softmax_rows)](int64_t begin, int64_t end) { run(columns, x, y, begin, end); });
}

void log_softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  in_pieces(rows, rows * columns, worth_a_thread_softmax,
            [&, run = HWY_DYNAMIC_DISPATCH(log_softmax_rows)](int64_t begin, int64_t end) {
              run(columns, x, y, begin, end);
            });
}

void sum_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, x, y, 0, [](float a, float b) { return a + b; });
}

void max_plain(Axes axes, const float* x, float* y) {
  reduce_plain(axes, x, y, -std::numeric_limits<float>::infinity(),
               [](float a, float b) { return a != a || a > b ? a : b; });
}

} // namespace vitro::kernels
#endif

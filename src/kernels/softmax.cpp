// Softmax and cross-entropy: the exponentials of a row are made once and stay in registers or in cache.
//
// Three ways by the length of a row, to the same bits: a few columns stand one below the other, a lane
// for each row; up to 16 fill the lanes of a reduction, several rows on their way at once; longer ones
// are streamed.
#include "kernels/softmax.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cpp"
#include "hwy/foreach_target.h"

#include "kernels/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t block = 64; // rows whose maxima and sums are kept at a time
inline constexpr int64_t few = 6;    // columns

/// What the rows of a block have in common with all that follows from them.
struct Rows {
  HWY_ALIGN float most[block], total[block]; // the maximum; the sum of exp(x - maximum)
};

/// Lane r is row r, of at most a vector of them; lanes behind the last repeat it. The sum over columns is the
/// tree that 16 lanes with zeros behind `columns` are.
template <bool keep>
HWY_INLINE void across(int64_t rows, int64_t columns, const float* x, float* p, float* most, float* total) {
  const Tag d;
  const Int di;
  const auto row = hn::Min(hn::Iota(di, 0), hn::Set(di, int32_t(rows - 1)));
  const auto at = hn::Mul(row, hn::Set(di, int32_t(columns)));
  V e[8], sum[8], largest = constant(-infinity);
#pragma GCC unroll 8
  for (int64_t j = 0; j < 8; ++j) e[j] = hn::Zero(d);
#pragma GCC unroll 8
  for (int64_t j = 0; j < few; ++j) {
    if (j >= columns) break;
    e[j] = hn::GatherIndex(d, x + j, at);
    largest = hn::Max(largest, e[j]);
  }
#pragma GCC unroll 8
  for (int64_t j = 0; j < few; ++j) {
    if (j >= columns) break;
    e[j] = exp_bounded(hn::Sub(e[j], largest));
  }
#pragma GCC unroll 8
  for (int64_t j = 0; j < 8; ++j) sum[j] = e[j];
#pragma GCC unroll 4
  for (int64_t step = 4; step > 0; step /= 2)
#pragma GCC unroll 4
    for (int64_t j = 0; j < step; ++j) sum[j] = hn::Add(sum[j], sum[j + step]);
  hn::StoreU(largest, d, most);
  hn::StoreU(sum[0], d, total);
  if constexpr (keep) {
    const V share = hn::Div(constant(1.0F), sum[0]);
#pragma GCC unroll 8
    for (int64_t j = 0; j < few; ++j) {
      if (j >= columns) break;
      hn::ScatterIndex(hn::Mul(e[j], share), d, p + j, at);
    }
  }
}

/// Rows of at most 16 columns, `abreast` of them at once.
template <bool keep, int abreast>
HWY_INLINE void short_rows(int64_t columns, const float* x, float* p, float* most, float* total) {
  V e[abreast][parts], all[abreast];
  int64_t count[parts];
  hn::Mask<Tag> inside[parts];
#pragma GCC unroll 16
  for (int v = 0; v < parts; ++v) {
    const int64_t left = columns - v * lanes;
    count[v] = left < 0 ? 0 : left < lanes ? left : lanes;
    inside[v] = hn::FirstN(Tag(), size_t(count[v]));
  }
#pragma GCC unroll 4
  for (int r = 0; r < abreast; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v)
      e[r][v] = hn::IfThenElse(inside[v], count[v] ? load_first(x + r * columns + v * lanes, count[v]) : constant(0),
                               constant(-infinity));
#pragma GCC unroll 4
  for (int r = 0; r < abreast; ++r) all[r] = join_lanes<LargestNumber>(e[r]);
#pragma GCC unroll 4
  for (int r = 0; r < abreast; ++r) {
    most[r] = hn::GetLane(all[r]);
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v) { // e^-infinity would do, but slowly
      const V below = hn::IfThenElseZero(inside[v], hn::Sub(e[r][v], all[r]));
      e[r][v] = hn::IfThenElseZero(inside[v], exp_bounded(below));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < abreast; ++r) {
    all[r] = join_lanes<Adding>(e[r]);
    total[r] = hn::GetLane(all[r]);
    if constexpr (keep) {
      const V share = constant(1.0F / hn::GetLane(all[r]));
#pragma GCC unroll 16
      for (int v = 0; v < parts; ++v)
        if (count[v]) store_first(hn::Mul(e[r][v], share), p + r * columns + v * lanes, count[v]);
    }
  }
}

/// One row of any length. Its exponentials are written before they are divided.
template <bool keep> HWY_INLINE void long_row(int64_t columns, const float* x, float* p, float* most, float* total) {
  const Tag d;
  const V largest = reduce_contiguous<LargestNumber>(x, columns);
  const V sum = reduce_contiguous<Adding>(
      x, columns, [=](V v, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
        const V e = exp_bounded(hn::Sub(v, largest));
        if constexpr (keep) {
          if (count == lanes)
            hn::StoreU(e, Tag(), p + at);
          else
            store_first(e, p + at, count);
        }
        return e;
      });
  *most = hn::GetLane(largest);
  *total = hn::GetLane(sum);
  if constexpr (keep) {
    const V share = constant(1.0F / hn::GetLane(sum));
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, p + j), share), d, p + j);
    if (j < columns) store_first(hn::Mul(load_first(p + j, columns - j), share), p + j, columns - j);
  }
}

/// p = softmax(x) for at most `block` rows, and their maxima and sums; with `keep` false only these.
template <bool keep> HWY_INLINE void softmax_block(int64_t rows, int64_t columns, const float* x, float* p, Rows& out) {
  int64_t r = 0;
  if (columns <= few) {
    for (; r < rows; r += lanes)
      across<keep>(rows - r, columns, x + r * columns, p + r * columns, out.most + r, out.total + r);
    return;
  }
  if (columns <= width) {
    for (; r + 4 <= rows; r += 4)
      short_rows<keep, 4>(columns, x + r * columns, p + r * columns, out.most + r, out.total + r);
    for (; r < rows; ++r) short_rows<keep, 1>(columns, x + r * columns, p + r * columns, out.most + r, out.total + r);
  }
  for (; r < rows; ++r) long_row<keep>(columns, x + r * columns, p + r * columns, out.most + r, out.total + r);
}

/// Each sum becomes its logarithm.
HWY_INLINE void take_logarithms(int64_t rows, Rows& of) {
  const Tag d;
  for (int64_t r = 0; r < rows; r += lanes) hn::Store(log(hn::Load(d, of.total + r)), d, of.total + r);
}

/// Calls use(first row, rows) for blocks of rows begin to end.
template <class Use> HWY_INLINE void by_block(int64_t begin, int64_t end, Use use) {
  for (int64_t row = begin; row < end; row += block) use(row, end - row < block ? end - row : block);
}

void softmax_rows(int64_t columns, const float* x, float* y, int64_t begin, int64_t end) {
  Rows of;
  by_block(
      begin, end, [&](int64_t row, int64_t rows) HWY_ATTR __attribute__((always_inline)) {
        softmax_block<true>(rows, columns, x + row * columns, y + row * columns, of);
      });
}

void log_softmax_rows(int64_t columns, const float* x, float* y, int64_t begin, int64_t end) {
  const Tag d;
  Rows of = {};
  by_block(
      begin, end, [&](int64_t row, int64_t rows) HWY_ATTR __attribute__((always_inline)) {
        softmax_block<false>(rows, columns, x + row * columns, y + row * columns, of);
        take_logarithms(rows, of);
        for (int64_t r = 0; r < rows; ++r) {
          const float* from = x + (row + r) * columns;
          float* to = y + (row + r) * columns;
          const V most = constant(of.most[r]), logarithm = constant(of.total[r]);
          int64_t j = 0;
          for (; j + lanes <= columns; j += lanes)
            hn::StoreU(hn::Sub(hn::Sub(hn::LoadU(d, from + j), most), logarithm), d, to + j);
          if (j < columns)
            store_first(hn::Sub(hn::Sub(load_first(from + j, columns - j), most), logarithm), to + j, columns - j);
        }
      });
}

void cross_entropy_of_labels(int64_t columns, const float* x, const int32_t* labels, float* p, float* losses,
                             int64_t begin, int64_t end) {
  Rows of = {};
  by_block(
      begin, end, [&](int64_t row, int64_t rows) HWY_ATTR __attribute__((always_inline)) {
        softmax_block<true>(rows, columns, x + row * columns, p + row * columns, of);
        take_logarithms(rows, of);
        for (int64_t r = 0; r < rows; ++r) {
          const uint32_t label = uint32_t(labels[row + r]);
          losses[row + r] = label < uint64_t(columns) ? of.total[r] - (x[(row + r) * columns + label] - of.most[r])
                                                      : std::numeric_limits<float>::quiet_NaN();
        }
      });
}

void cross_entropy_of_targets(int64_t columns, const float* x, const float* targets, float* p, float* losses,
                              int64_t begin, int64_t end) {
  Rows of = {};
  by_block(
      begin, end, [&](int64_t row, int64_t rows) HWY_ATTR __attribute__((always_inline)) {
        softmax_block<true>(rows, columns, x + row * columns, p + row * columns, of);
        take_logarithms(rows, of);
        for (int64_t r = 0; r < rows; ++r) {
          const float* target = targets + (row + r) * columns;
          const V most = constant(of.most[r]), logarithm = constant(of.total[r]);
          losses[row + r] = hn::GetLane(reduce_contiguous<Adding>(
              x + (row + r) * columns,
              columns, [=](V v, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
                const V t = count == lanes ? hn::LoadU(Tag(), target + at) : load_first(target + at, count);
                return hn::Mul(t, hn::Sub(logarithm, hn::Sub(v, most)));
              }));
        }
      });
}

void subtract_one_hot_rows(int64_t columns, const float* p, const int32_t* labels, float scale, float* y, int64_t begin,
                           int64_t end) {
  const Tag d;
  const V factor = constant(scale);
  by_block(
      begin, end, [&](int64_t row, int64_t rows) HWY_ATTR __attribute__((always_inline)) {
        const float* from = p + row * columns;
        float* to = y + row * columns;
        const int64_t n = rows * columns;
        int64_t i = 0;
        for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, from + i), factor), d, to + i);
        if (i < n) store_first(hn::Mul(load_first(from + i, n - i), factor), to + i, n - i);
        for (int64_t r = 0; r < rows; ++r, from += columns, to += columns) {
          const uint32_t label = uint32_t(labels[row + r]);
          if (label < uint64_t(columns))
            to[label] = (from[label] - 1.0F) * scale;
          else
            for (int64_t j = 0; j < columns; ++j) to[j] = std::numeric_limits<float>::quiet_NaN();
        }
      });
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/pieces.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(softmax_rows);
VITRO_TARGETS(log_softmax_rows);
VITRO_TARGETS(cross_entropy_of_labels);
VITRO_TARGETS(cross_entropy_of_targets);
VITRO_TARGETS(subtract_one_hot_rows);

// Elements from which on threads pay.
constexpr int64_t enough = 1 << 14, enough_without_exponentials = 1 << 17;

} // namespace

void softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  in_pieces(rows, rows * columns, enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(softmax_rows)(columns, x, y, begin, end);
  });
}

void log_softmax(int64_t rows, int64_t columns, const float* x, float* y) {
  in_pieces(rows, rows * columns, enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(log_softmax_rows)(columns, x, y, begin, end);
  });
}

void cross_entropy(int64_t rows, int64_t columns, const float* x, const int32_t* labels, float* p, float* losses) {
  in_pieces(rows, rows * columns, enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(cross_entropy_of_labels)(columns, x, labels, p, losses, begin, end);
  });
}

void cross_entropy(int64_t rows, int64_t columns, const float* x, const float* targets, float* p, float* losses) {
  in_pieces(rows, rows * columns, enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(cross_entropy_of_targets)(columns, x, targets, p, losses, begin, end);
  });
}

void subtract_one_hot(int64_t rows, int64_t columns, const float* p, const int32_t* labels, float scale, float* y) {
  in_pieces(rows, rows * columns, enough_without_exponentials, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(subtract_one_hot_rows)(columns, p, labels, scale, y, begin, end);
  });
}

} // namespace vitro::kernels
#endif

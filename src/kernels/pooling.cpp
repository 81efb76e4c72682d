// One window at a time: of 16 channels side by side, or of one. Windows of 2 x 2 in a row-major map, the usual ones, go
// by the vector: forward a lane for each window, on the way back a lane for each value and its neighbour beside it.
#include "kernels/pooling.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

struct Taps {
  int64_t begin, end;
};
HWY_INLINE Taps taps(int64_t start, int64_t kernel, int64_t extent) {
  return {start < 0 ? -start : 0, extent - start < kernel ? extent - start : kernel};
}

/// v becomes the largest so far where it is larger or nan.
template <class D> HWY_INLINE hn::Mask<D> exceeds(D, hn::Vec<D> v, hn::Vec<D> largest) {
  return hn::Or(hn::Gt(v, largest), hn::IsNaN(v));
}

HWY_INLINE V load_some(const float* p, int64_t count) {
  return count <= 0 ? hn::Zero(Tag()) : count < lanes ? load_first(p, count) : hn::LoadU(Tag(), p);
}
HWY_INLINE void store_some(V v, float* p, int64_t count) {
  return count < lanes ? store_first(v, p, count) : hn::StoreU(v, Tag(), p);
}

#if HWY_TARGET == HWY_SCALAR
inline constexpr int64_t pairs = 0; // of neighbours in a vector: one value has none
#else
inline constexpr int64_t pairs = lanes / 2;

/// `count` values, at most `pairs`, each twice.
HWY_INLINE V doubled(const float* p, int64_t count) {
  const hn::Half<Tag> half;
  const hn::Repartition<uint64_t, Tag> wide;
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float buffer[lanes] = {};
  for (int64_t i = 0; i < count; ++i) buffer[i] = p[i];
  const auto values = hn::Load(half, buffer);
#else
  const auto values = hn::MaskedLoad(hn::FirstN(half, size_t(count)), half, p);
#endif
  const auto lower = hn::PromoteTo(wide, hn::BitCast(hn::RebindToUnsigned<decltype(half)>(), values));
  return hn::BitCast(Tag(), hn::Or(lower, hn::ShiftLeft<32>(lower)));
}

/// Two rows of `values` values (whole windows): g where each is its window's first largest, else 0. False, and nothing
/// is written, where there may be a nan.
HWY_INLINE bool scatter_pairs(const float* upper_row, const float* lower_row, V g, float* to_upper, float* to_lower,
                              int64_t values) {
  const V upper = load_some(upper_row, values), lower = load_some(lower_row, values);
  if (!hn::AllFalse(Tag(), hn::IsNaN(hn::Add(upper, lower)))) return false;
  const V beside_upper = hn::Shuffle2301(upper), beside_lower = hn::Shuffle2301(lower);
  const V most = hn::Max(hn::Max(upper, beside_upper), hn::Max(lower, beside_lower));
  const auto second = hn::Eq(hn::OddEven(constant(1), constant(0)), constant(1)); // of two neighbours
  const auto is = hn::Eq(upper, most), beside_is = hn::Eq(beside_upper, most);
  const auto above = hn::Or(is, beside_is);
  const auto take_upper = hn::AndNot(hn::And(second, beside_is), is);
  const auto take_lower = hn::AndNot(hn::Or(above, hn::And(second, hn::Eq(beside_lower, most))), hn::Eq(lower, most));
  // Added to 0, as everywhere: what was -0 no longer is.
  store_some(hn::Add(constant(0), hn::IfThenElseZero(take_upper, g)), to_upper, values);
  store_some(hn::Add(constant(0), hn::IfThenElseZero(take_lower, g)), to_lower, values);
  return true;
}
#endif

/// Of the windows of a row, those from the first on that go by the vector: 2 x 2, side by side, wholly on the map.
HWY_INLINE int64_t in_vectors(const Pooling& of, int64_t oy) {
  const bool in_pairs = pairs > 0 && of.lanes == 1 && of.kernel_height == 2 && of.kernel_width == 2 &&
                        of.stride_width == 2 && of.left == 0 && oy * of.stride_height >= of.top &&
                        oy * of.stride_height - of.top + 2 <= of.height;
  const int64_t whole = of.width / 2 < of.out_width ? of.width / 2 : of.out_width;
  return in_pairs ? whole : 0;
}

template <class D, bool average>
HWY_INLINE void pool(const Pooling& of, const float* share, const float* x, float* y, int64_t begin, int64_t end) {
  const D d;
  const int64_t row = of.width * of.lanes;
  for (int64_t plane = begin; plane < end; ++plane)
    for (int64_t oy = 0; oy < of.out_height; ++oy) {
      const int64_t y0 = oy * of.stride_height - of.top;
      const Taps down = taps(y0, of.kernel_height, of.height);
      const float* const from = x + (plane * of.height + y0) * row; // may lie before x: read from `down.begin` on
      float* const to = y + (plane * of.out_height + oy) * of.out_width * of.lanes;
      const float* const shares = average ? share + oy * of.out_width : nullptr;
      const int64_t vectors = in_vectors(of, oy);
#if HWY_TARGET != HWY_SCALAR
      for (int64_t ox = 0; ox < vectors; ox += lanes) {
        const int64_t some = vectors - ox < lanes ? vectors - ox : lanes;
        const float *const up = from + 2 * ox, *const under = up + row;
        const V u0 = load_some(up, 2 * some), u1 = load_some(up + lanes, 2 * some - lanes);
        const V l0 = load_some(under, 2 * some), l1 = load_some(under + lanes, 2 * some - lanes);
        const V v[4] = {hn::ConcatEven(Tag(), u1, u0), hn::ConcatOdd(Tag(), u1, u0), hn::ConcatEven(Tag(), l1, l0),
                        hn::ConcatOdd(Tag(), l1, l0)};
        V all = constant(average ? 0 : -infinity);
#pragma GCC unroll 4
        for (int tap = 0; tap < 4; ++tap)
          all = average ? hn::Add(all, v[tap]) : hn::IfThenElse(exceeds(Tag(), v[tap], all), v[tap], all);
        if (average) all = hn::Mul(all, load_some(shares + ox, some));
        store_some(all, to + ox, some);
      }
#endif
      for (int64_t ox = vectors; ox < of.out_width; ++ox) {
        const int64_t x0 = ox * of.stride_width - of.left;
        const Taps across = taps(x0, of.kernel_width, of.width);
        for (int64_t l = 0; l < of.lanes; l += int64_t(hn::MaxLanes(d))) {
          auto all = hn::Set(d, average ? 0 : -infinity);
          for (int64_t ky = down.begin; ky < down.end; ++ky)
            for (int64_t kx = across.begin; kx < across.end; ++kx) {
              const auto v = hn::LoadU(d, from + ky * row + (x0 + kx) * of.lanes + l);
              all = average ? hn::Add(all, v) : hn::IfThenElse(exceeds(d, v, all), v, all);
            }
          if (average) all = hn::Mul(all, hn::Set(d, shares[ox]));
          hn::StoreU(all, d, to + ox * of.lanes + l);
        }
      }
    }
}

/// dx holds zeros, unless windows tile it: then whatever.
template <class D, bool average> HWY_INLINE void scatter(const Pooling& of, const float* share, const float* x,
                                                         const float* dy, float* dx, int64_t begin, int64_t end) {
  const D d;
  const int64_t row = of.width * of.lanes;
  const bool tiles = of.tiles();
  for (int64_t plane = begin; plane < end; ++plane)
    for (int64_t oy = 0; oy < of.out_height; ++oy) {
      const int64_t y0 = oy * of.stride_height - of.top, start = (plane * of.height + y0) * row;
      const Taps down = taps(y0, of.kernel_height, of.height);
      const float* const given = dy + (plane * of.out_height + oy) * of.out_width * of.lanes;
      const float* const shares = average ? share + oy * of.out_width : nullptr;
      int64_t ox = 0;
#if HWY_TARGET != HWY_SCALAR
      const int64_t vectors = of.stride_height >= 2 ? in_vectors(of, oy) : 0; // rows of windows apart from each other
      for (bool known = true; known && ox < vectors;) {
        const int64_t at = start + 2 * ox, some = vectors - ox < pairs ? vectors - ox : pairs;
        V g = doubled(given + ox, some);
        if constexpr (average) {
          g = hn::Add(constant(0), hn::Mul(g, doubled(shares + ox, some)));
          store_some(g, dx + at, 2 * some);
          store_some(g, dx + at + row, 2 * some);
        } else {
          known = scatter_pairs(x + at, x + at + row, g, dx + at, dx + at + row, 2 * some);
        }
        if (known) ox += some;
      }
#endif
      for (; ox < of.out_width; ++ox) {
        const int64_t x0 = ox * of.stride_width - of.left;
        const Taps across = taps(x0, of.kernel_width, of.width);
        const auto place = [&](int64_t ky, int64_t kx) HWY_ATTR { return start + ky * row + (x0 + kx) * of.lanes; };
        for (int64_t l = 0; l < of.lanes; l += int64_t(hn::MaxLanes(d))) {
          auto g = hn::LoadU(d, given + ox * of.lanes + l);
          auto largest = hn::Set(d, -infinity);
          auto which = hn::Set(d, float(down.begin * of.kernel_width + across.begin));
          if constexpr (average) {
            g = hn::Mul(g, hn::Set(d, shares[ox]));
          } else {
            for (int64_t ky = down.begin; ky < down.end; ++ky)
              for (int64_t kx = across.begin; kx < across.end; ++kx) {
                const auto v = hn::LoadU(d, x + place(ky, kx) + l);
                const auto taken = exceeds(d, v, largest);
                largest = hn::IfThenElse(taken, v, largest);
                which = hn::IfThenElse(taken, hn::Set(d, float(ky * of.kernel_width + kx)), which);
              }
          }
          for (int64_t ky = down.begin; ky < down.end; ++ky)
            for (int64_t kx = across.begin; kx < across.end; ++kx) {
              float* const to = dx + place(ky, kx) + l;
              const auto here = hn::Eq(which, hn::Set(d, float(ky * of.kernel_width + kx)));
              const auto before = tiles ? hn::Zero(d) : hn::LoadU(d, to);
              hn::StoreU(hn::Add(before, average ? g : hn::IfThenElseZero(here, g)), d, to);
            }
        }
      }
    }
}

using One = hn::CappedTag<float, 1>;

void max_planes(const Pooling& of, const float*, const float* x, float* y, int64_t begin, int64_t end) {
  of.lanes == 1 ? pool<One, false>(of, nullptr, x, y, begin, end) : pool<Tag, false>(of, nullptr, x, y, begin, end);
}
void average_planes(const Pooling& of, const float* share, const float* x, float* y, int64_t begin, int64_t end) {
  of.lanes == 1 ? pool<One, true>(of, share, x, y, begin, end) : pool<Tag, true>(of, share, x, y, begin, end);
}
void scatter_max(const Pooling& of, const float*, const float* x, const float* dy, float* dx, int64_t begin,
                 int64_t end) {
  of.lanes == 1 ? scatter<One, false>(of, nullptr, x, dy, dx, begin, end)
                : scatter<Tag, false>(of, nullptr, x, dy, dx, begin, end);
}
void scatter_average(const Pooling& of, const float* share, const float*, const float* dy, float* dx, int64_t begin,
                     int64_t end) {
  of.lanes == 1 ? scatter<One, true>(of, share, nullptr, dy, dx, begin, end)
                : scatter<Tag, true>(of, share, nullptr, dy, dx, begin, end);
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cstring>

#include "kernels/pieces.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(max_planes);
VITRO_TARGETS(average_planes);
VITRO_TARGETS(scatter_max);
VITRO_TARGETS(scatter_average);

constexpr int64_t enough = 1 << 15;       // elements from which on threads pay
constexpr int64_t worth_a_call = 1 << 12; // elements that an epilogue is shown at a time, or a whole plane

template <class Planes> void pool(Planes planes, const Pooling& of, const float* share, const float* x, float* y) {
  in_pieces(of.planes, of.planes * of.height * of.width * of.lanes, enough,
            [&](int64_t begin, int64_t end) { planes(of, share, x, y, begin, end); });
}

template <class Planes> void scatter(Planes planes, const Pooling& of, const float* share, const float* x,
                                     const float* dy, float* dx, Epilogue epilogue) {
  const int64_t plane = of.height * of.width * of.lanes, some = plane ? std::max<int64_t>(1, worth_a_call / plane) : 1;
  in_pieces(of.planes, of.planes * plane, enough, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += some) {
      const int64_t last = std::min(first + some, end);
      if (!of.tiles()) std::memset(dx + first * plane, 0, size_t((last - first) * plane) * sizeof(float));
      planes(of, share, x, dy, dx, first, last);
      if (epilogue.run) epilogue.run(epilogue.context, {first * plane, last * plane}, dx + first * plane, 0);
    }
  });
}

} // namespace

void max_pool(const Pooling& of, const float* x, float* y) { pool(VITRO_DISPATCH(max_planes), of, nullptr, x, y); }
void average_pool(const Pooling& of, const float* share, const float* x, float* y) {
  pool(VITRO_DISPATCH(average_planes), of, share, x, y);
}
void max_pool_scatter(const Pooling& of, const float* x, const float* dy, float* dx, Epilogue epilogue) {
  scatter(VITRO_DISPATCH(scatter_max), of, nullptr, x, dy, dx, epilogue);
}
void average_pool_scatter(const Pooling& of, const float* share, const float* dy, float* dx, Epilogue epilogue) {
  scatter(VITRO_DISPATCH(scatter_average), of, share, nullptr, dy, dx, epilogue);
}

} // namespace vitro::kernels
#endif

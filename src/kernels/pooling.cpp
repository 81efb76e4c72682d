// One window at a time: of 16 channels side by side, or of one. Windows of 2 x 2 in a row-major map, the usual ones,
// go by the vector.
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

/// The number of the first largest of four.
HWY_INLINE V first_largest(const V* v) {
  V largest = v[0], which = constant(0);
#pragma GCC unroll 4
  for (int tap = 1; tap < 4; ++tap) {
    const auto taken = exceeds(Tag(), v[tap], largest);
    largest = hn::IfThenElse(taken, v[tap], largest);
    which = hn::IfThenElse(taken, constant(float(tap)), which);
  }
  return which;
}

/// `count` pairs of neighbours, at most a vector of them.
struct Pairs {
  V even, odd;
};
HWY_INLINE Pairs load_pairs(const float* p, int64_t count) {
  Pairs out;
  HWY_ALIGN float buffer[2 * lanes];
  if (count < lanes) {
    const int64_t rest = 2 * count - lanes;
    hn::Store(rest < 0 ? load_first(p, 2 * count) : hn::LoadU(Tag(), p), Tag(), buffer);
    if (rest > 0) hn::Store(load_first(p + lanes, rest), Tag(), buffer + lanes);
    p = buffer;
  }
  hn::LoadInterleaved2(Tag(), p, out.even, out.odd);
  return out;
}
HWY_INLINE void store_pairs(V even, V odd, float* p, int64_t count) {
  if (count == lanes) return hn::StoreInterleaved2(even, odd, Tag(), p);
  HWY_ALIGN float buffer[2 * lanes];
  hn::StoreInterleaved2(even, odd, Tag(), buffer);
  const int64_t rest = 2 * count - lanes;
  if (rest < 0) return store_first(hn::Load(Tag(), buffer), p, 2 * count);
  hn::StoreU(hn::Load(Tag(), buffer), Tag(), p);
  if (rest > 0) store_first(hn::Load(Tag(), buffer + lanes), p + lanes, rest);
}
HWY_INLINE V load_some(const float* p, int64_t count) {
  return count < lanes ? load_first(p, count) : hn::LoadU(Tag(), p);
}
HWY_INLINE void store_some(V v, float* p, int64_t count) {
  return count < lanes ? store_first(v, p, count) : hn::StoreU(v, Tag(), p);
}

/// Of the windows of a row, those from the first on that go by the vector: 2 x 2, side by side, wholly on the map.
HWY_INLINE int64_t in_vectors(const Pooling& of, int64_t oy) {
  const bool pairs = of.lanes == 1 && of.kernel_height == 2 && of.kernel_width == 2 && of.stride_width == 2 &&
                     of.left == 0 && oy * of.stride_height >= of.top && oy * of.stride_height - of.top + 2 <= of.height;
  const int64_t whole = of.width / 2 < of.out_width ? of.width / 2 : of.out_width;
  return pairs ? whole : 0;
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
      for (int64_t ox = 0; ox < vectors; ox += lanes) {
        const int64_t some = vectors - ox < lanes ? vectors - ox : lanes;
        const Pairs upper = load_pairs(from + 2 * ox, some), lower = load_pairs(from + row + 2 * ox, some);
        const V v[4] = {upper.even, upper.odd, lower.even, lower.odd};
        V all = constant(average ? 0 : -infinity);
#pragma GCC unroll 4
        for (int tap = 0; tap < 4; ++tap)
          all = average ? hn::Add(all, v[tap]) : hn::IfThenElse(exceeds(Tag(), v[tap], all), v[tap], all);
        if (average) all = hn::Mul(all, load_some(shares + ox, some));
        store_some(all, to + ox, some);
      }
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

/// dx holds zeros.
template <class D, bool average> HWY_INLINE void scatter(const Pooling& of, const float* share, const float* x,
                                                         const float* dy, float* dx, int64_t begin, int64_t end) {
  const D d;
  const int64_t row = of.width * of.lanes;
  for (int64_t plane = begin; plane < end; ++plane)
    for (int64_t oy = 0; oy < of.out_height; ++oy) {
      const int64_t y0 = oy * of.stride_height - of.top, start = (plane * of.height + y0) * row;
      const Taps down = taps(y0, of.kernel_height, of.height);
      const float* const given = dy + (plane * of.out_height + oy) * of.out_width * of.lanes;
      const float* const shares = average ? share + oy * of.out_width : nullptr;
      const bool apart = of.stride_height >= 2; // rows of windows, where they are pairs
      const int64_t vectors = apart ? in_vectors(of, oy) : 0;
      for (int64_t ox = 0; ox < vectors; ox += lanes) {
        const int64_t at = start + 2 * ox;
        const int64_t some = vectors - ox < lanes ? vectors - ox : lanes;
        V v[4], g = load_some(given + ox, some);
        if constexpr (average) {
          g = hn::Mul(g, load_some(shares + ox, some));
          v[0] = v[1] = v[2] = v[3] = hn::Add(constant(0), g);
        } else {
          const Pairs upper = load_pairs(x + at, some), lower = load_pairs(x + at + row, some);
          v[0] = upper.even, v[1] = upper.odd, v[2] = lower.even, v[3] = lower.odd;
          const V which = first_largest(v);
#pragma GCC unroll 4
          for (int tap = 0; tap < 4; ++tap) // added to 0, as everywhere: what was -0 no longer is
            v[tap] = hn::Add(constant(0), hn::IfThenElseZero(hn::Eq(which, constant(float(tap))), g));
        }
        store_pairs(v[0], v[1], dx + at, some);
        store_pairs(v[2], v[3], dx + at + row, some);
      }
      for (int64_t ox = vectors; ox < of.out_width; ++ox) {
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
              hn::StoreU(hn::Add(hn::LoadU(d, to), average ? g : hn::IfThenElseZero(here, g)), d, to);
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
      std::memset(dx + first * plane, 0, size_t((last - first) * plane) * sizeof(float));
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

// Convolution in rows: see convolution.h.
//
// What a band of rows reads is first copied to scratch, shifted: then a map of y is the product of a row of weights and
// those copies, vectors along positions, by the register tile (tile-inl.h). For dx there is such a product for each row
// of the kernel, and what belongs to one row of dx is then added up. For the weight's gradient each weight has 16
// partial sums along the positions (joined as reduce-inl.h does); the pictures are cut into a number of shares that the
// sizes give, whose sums are added in order.
#include "kernels/convolution_axis.h"
#include "kernels/targets.h"
#include "kernels/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution_rows.cpp"
#include "hwy/foreach_target.h"

#include "kernels/reduce-inl.h"
#include "kernels/tile-inl.h"

#ifndef VITRO_KERNELS_CONVOLUTION_SHIFTED
#define VITRO_KERNELS_CONVOLUTION_SHIFTED
namespace vitro::kernels::rows {

/// One shifted copy of a map per tap (or per column of the kernel, where its rows follow each other evenly), so that
/// positions that follow each other lie side by side whatever the tap.
struct Shifted {
  int64_t channels, height, width; // the map that is read
  Axis down, across;
  bool merged() const { return down.step == down.by; } // one copy serves all rows of the kernel
  int64_t copies() const { return across.taps * (merged() ? 1 : down.taps); }
  int64_t copy_rows(int64_t band) const { return merged() ? down.span(band) : band; }
  int64_t copy_size(int64_t band) const { return copy_rows(band) * across.count; }
  /// Where the tap's positions begin in the copies of its channel.
  int64_t tap(int64_t row, int64_t column, int64_t band) const {
    if (!merged()) return (row * across.taps + column) * copy_size(band);
    return column * copy_size(band) + down.place(row) * across.count;
  }
  int64_t size(int64_t band) const { return channels * copies() * copy_size(band); }
};

/// Of a tile of dot products: rows of dy by rows of shifted maps, over legs of positions.
struct Dots {
  const float* dy;
  int64_t dy_row, dy_picture;
  const float* maps;
  const int64_t* tap; // where each column's map begins
  int64_t map_picture;
  int64_t pictures, positions;
  float* sums; // 16 lanes each
  int64_t sum_row;
  bool continued;
};

} // namespace vitro::kernels::rows
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::rows::HWY_NAMESPACE {
using namespace vitro::kernels::HWY_NAMESPACE;

HWY_INLINE void copy_row(const float* from, int64_t n, float* to) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i < n) store_first(load_first(from + i, n - i), to + i, n - i);
}

/// The shifted copies of all channels' maps for the positions of rows [row, row + band); what lies outside of a map is
/// left as it is: zero.
void copy_shifted(const Shifted& s, const float* x, int64_t row, int64_t band, float* to) {
  const auto within = [](int64_t place, int64_t count) { return place < 0 ? 0 : place < count ? place : count; };
  const int64_t rows = s.copy_rows(band), copies = s.copies(), columns = s.across.count;
  const bool shifts = s.across.step == 1 && s.across.by == 1;
  for (int64_t channel = 0; channel < s.channels; ++channel, x += s.height * s.width)
    for (int64_t copy = 0; copy < copies; ++copy, to += rows * columns) {
      const int64_t tap_row = copy / s.across.taps, tap_column = copy % s.across.taps;
      const int64_t across = s.across.shift + tap_column * s.across.tap_shift;
      if (s.merged() && shifts) { // rows one by one, of each one piece
        const int64_t down = row + s.down.low();
        const int64_t first = within(-down, rows), last = within(s.height - down, rows);
        const int64_t begin = within(-across, columns), end = within(s.width - across, columns);
        const float* from = x + (first + down) * s.width + begin + across;
        float* at = to + first * columns + begin;
        const int64_t n = end - begin;
        if (n > 0 && n < lanes)
          for (int64_t r = first; r < last; ++r, from += s.width, at += columns)
            store_first(load_first(from, n), at, n);
        else if (n > 0)
          for (int64_t r = first; r < last; ++r, from += s.width, at += columns) copy_row(from, n, at);
        continue;
      }
      const int64_t step = s.merged() ? 1 : s.down.step, by = s.merged() ? 1 : s.down.by;
      const int64_t down = s.merged() ? s.down.low() : s.down.shift + tap_row * s.down.tap_shift;
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t place = (row + r) * step + down;
        if (place < 0 || place % by != 0 || place / by >= s.height) continue;
        const float* from = x + place / by * s.width;
        for (int64_t q = 0; q < columns; ++q) {
          const int64_t at = q * s.across.step + across;
          if (at >= 0 && at % s.across.by == 0 && at / s.across.by < s.width)
            to[r * columns + q] = from[at / s.across.by];
        }
      }
    }
}

/// rows x positions of y = weights x shifted maps: from row to row of the weights so many elements.
void multiply_shifted(const Leg* legs, int64_t leg_count, const float* weight, int64_t weight_row, int64_t weight_step,
                      const float* maps, int64_t map_step, int64_t rows, int64_t positions, float* y, int64_t y_row) {
  const int64_t all = (positions + 15) / 16;
  for (int64_t p = 0, panels; p < all; p += panels) {
    panels = next(all - p, strip_panels(rows));
    const int64_t last = positions - (p + panels - 1) * 16;
    for (int64_t i = 0, some; i < rows; i += some) {
      some = next(rows - i, most_rows(panels));
      tiles<>.of[some - 1][panels - 1]({.legs = legs,
                                        .leg_count = leg_count,
                                        .a = weight + i * weight_row,
                                        .a_row = weight_row,
                                        .a_column = weight_step,
                                        .b = maps + p * 16,
                                        .b_row = map_step,
                                        .b_panel = 16,
                                        .c = y + i * y_row + p * 16,
                                        .c_row = y_row,
                                        .c_panel = 16,
                                        .continued = false,
                                        .last_columns = last < 16 ? last : 16,
                                        .pads = false});
    }
  }
}

/// dx [channels, height, width] += (or, of the first band, =) the sums t [channels, kernel rows, dy's rows [row, row +
/// band), width]: those of kernel row k and dy's row r belong to row r stride + k dilation - top.
void fold_rows(const Convolution& c, const float* t, int64_t row, int64_t band, float* dx) {
  const Tag d;
  for (int64_t channel = 0; channel < c.in / c.groups; ++channel, t += c.kernel_height * band * c.width)
    for (int64_t h = 0; h < c.height; ++h, dx += c.width)
      for (int64_t i = 0; i < c.width; i += lanes) {
        const int64_t some = c.width - i;
        const auto load = [=](const float* from) HWY_ATTR __attribute__((always_inline)) {
          return some >= lanes ? hn::LoadU(d, from) : load_first(from, some);
        };
        V sum = row == 0 ? hn::Zero(d) : load(dx + i);
        for (int64_t k = 0; k < c.kernel_height; ++k) {
          const int64_t place = h + c.top - k * c.dilation_height, r = place / c.stride_height - row;
          if (place >= 0 && r >= 0 && r < band && place % c.stride_height == 0)
            sum = hn::Add(sum, load(t + (k * band + r) * c.width + i));
        }
        if (some >= lanes)
          hn::StoreU(sum, d, dx + i);
        else
          store_first(sum, dx + i, some);
      }
}

#if HWY_TARGET == HWY_AVX3 // 24 + 4 + 1 of 32 registers
inline constexpr int dot_rows = 6, dot_columns = 4;
#elif HWY_TARGET == HWY_AVX2 // 12 + 2 + 1 of 16
inline constexpr int dot_rows = 3, dot_columns = 2;
#else
inline constexpr int dot_rows = 1, dot_columns = 1;
#endif

template <int rows, int columns> void dot_tile(const Dots& t) {
  const Tag d;
  V sum[rows][columns][parts];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j)
#pragma GCC unroll 16
      for (int v = 0; v < parts; ++v)
        sum[i][j][v] = t.continued ? hn::LoadU(d, t.sums + i * t.sum_row + j * 16 + v * lanes) : hn::Zero(d);
  for (int64_t picture = 0; picture < t.pictures; ++picture) {
    const float* dy = t.dy + picture * t.dy_picture;
    const float* map[columns];
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) map[j] = t.maps + picture * t.map_picture + t.tap[j];
    for (int64_t at = 0; at < t.positions; at += 16)
#pragma GCC unroll 16
      for (int v = 0; v < parts; ++v) {
        const int64_t from = at + v * lanes, some = t.positions - from;
        if (some >= lanes) {
          V x[columns];
#pragma GCC unroll 16
          for (int j = 0; j < columns; ++j) x[j] = hn::LoadU(d, map[j] + from);
#pragma GCC unroll 16
          for (int i = 0; i < rows; ++i) {
            const V g = hn::LoadU(d, dy + i * t.dy_row + from);
#pragma GCC unroll 16
            for (int j = 0; j < columns; ++j) sum[i][j][v] = hn::MulAdd(g, x[j], sum[i][j][v]);
          }
        } else if (some > 0) {
          V x[columns];
#pragma GCC unroll 16
          for (int j = 0; j < columns; ++j) x[j] = load_first(map[j] + from, some);
#pragma GCC unroll 16
          for (int i = 0; i < rows; ++i) {
            const V g = load_first(dy + i * t.dy_row + from, some);
#pragma GCC unroll 16
            for (int j = 0; j < columns; ++j) sum[i][j][v] = hn::MulAdd(g, x[j], sum[i][j][v]);
          }
        }
      }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j)
#pragma GCC unroll 16
      for (int v = 0; v < parts; ++v) hn::StoreU(sum[i][j][v], d, t.sums + i * t.sum_row + j * 16 + v * lanes);
}

struct DotTiles {
  void (*of[dot_rows][dot_columns])(const Dots&) = {};
  template <int rows, int columns> constexpr void fill() {
    of[rows - 1][columns - 1] = dot_tile<rows, columns>;
    if constexpr (columns < dot_columns)
      fill<rows, columns + 1>();
    else if constexpr (rows < dot_rows)
      fill<rows + 1, 1>();
  }
  constexpr DotTiles() { fill<1, 1>(); }
};
inline constexpr DotTiles dot_tiles;

/// All sums of `rows` maps of dy with `columns` shifted maps.
void add_dots(const Dots& all, int64_t rows, int64_t columns) {
  for (int64_t j = 0, wide; j < columns; j += wide) {
    wide = next(columns - j, dot_columns);
    for (int64_t i = 0, high; i < rows; i += high) {
      high = next(rows - i, dot_rows);
      Dots one = all;
      one.dy += i * all.dy_row;
      one.tap += j;
      one.sums += i * all.sum_row + j * 16;
      dot_tiles.of[high - 1][wide - 1](one);
    }
  }
}

/// y[i] = the joined lanes of the sum over `shares` of x[share][i], n of 16 lanes each.
void join_shares(const float* x, int64_t shares, int64_t share, int64_t n, float* y) {
  const Tag d;
  for (int64_t i = 0; i < n; ++i) {
    V sum[parts];
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v) {
      sum[v] = hn::LoadU(d, x + i * 16 + v * lanes);
      for (int64_t s = 1; s < shares; ++s) sum[v] = hn::Add(sum[v], hn::LoadU(d, x + s * share + i * 16 + v * lanes));
    }
    y[i] = hn::GetLane(join_lanes<Adding>(sum));
  }
}

} // namespace vitro::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels::rows {
namespace {

VITRO_TARGETS(copy_shifted);
VITRO_TARGETS(multiply_shifted);
VITRO_TARGETS(fold_rows);
VITRO_TARGETS(add_dots);
VITRO_TARGETS(join_shares);

constexpr int64_t shared_by = 1600; // positions that partial sums should serve

int64_t leg_floats(int64_t legs) { return to_line(legs * int64_t(sizeof(Leg) / sizeof(float))); }

/// One group's product of weights and shifted maps.
struct Product {
  Shifted maps;
  int64_t rows, row, channel; // of the weights: how many, from one to the next, from channel to channel
  int64_t band;               // rows of positions at a time
  int64_t positions(int64_t band) const { return band * maps.across.count; }
  // Either the kernel's rows follow each other in one copy, or copies do.
  bool along_rows() const { return maps.merged() && maps.down.taps > 1; }
  int64_t legs() const { return maps.channels * (along_rows() ? maps.across.taps : 1); }
  int64_t map_floats() const { return to_line(maps.size(band) + 16); } // a last vector reads over the end
  int64_t floats() const { return leg_floats(legs()) + map_floats(); }

  /// For rows [first, first + some) of positions, to `to` [rows, positions]: from row to row `to_row`. `fresh`: scratch
  /// holds nothing of another picture, whose edges are this one's.
  void multiply(const float* x, const float* weight, int64_t first, int64_t some, bool fresh, float* scratch, float* to,
                int64_t to_row) const {
    Leg* const legs = reinterpret_cast<Leg*>(scratch);
    float* const copies = scratch + leg_floats(this->legs());
    if (fresh) std::fill_n(copies, map_floats(), 0.0F);
    VITRO_DISPATCH(copy_shifted)(maps, x, first, some, copies);
    const int64_t size = maps.copy_size(some), columns = maps.across.taps;
    int64_t count = 0;
    for (int64_t i = 0; i < maps.channels; ++i)
      for (int64_t column = 0; column < (along_rows() ? columns : 1); ++column)
        legs[count++] = {i * channel + column, i * maps.copies() * size + maps.tap(0, column, some),
                         along_rows() ? maps.down.taps : maps.copies()};
    VITRO_DISPATCH(multiply_shifted)
    (legs, count, weight, row, along_rows() ? columns : 1, copies,
     along_rows() ? maps.down.tap_shift * maps.across.count : size, rows, positions(some), to, to_row);
  }
};

int64_t group_weights(const Convolution& c) { return c.out / c.groups * (c.in / c.groups) * taps(c); }

/// A map of y is a row of weights.
Product forward_product(const Convolution& c) {
  const int64_t in = c.in / c.groups;
  const Shifted maps{in, c.height, c.width, rows_of(c), columns_of(c)};
  return {maps, c.out / c.groups, in * taps(c), taps(c),
          band_of(c.out_height, [&](int64_t rows) { return maps.size(rows); })};
}

/// A row of weights for each of dx's maps and each row of the kernel: its positions are dy's rows by dx's columns, and
/// no zero between or around dy's rows is multiplied.
Product input_gradient_product(const Convolution& c) {
  const int64_t in = c.in / c.groups, rows = in * c.kernel_height;
  const Shifted maps{c.out / c.groups,
                     c.out_height,
                     c.out_width,
                     {c.out_height, 1, 1, 0, 0},
                     {c.width, c.kernel_width, 1, c.left, -c.dilation_width, c.stride_width}};
  return {maps, rows, c.kernel_width, in * taps(c),
          band_of(c.out_height, [&](int64_t some) { return maps.size(some) + rows * some * c.width; })};
}
int64_t sum_floats(const Product& p) { return to_line(p.rows * p.positions(p.band)); }

/// Of a weight's gradient: shares of the pictures, 16 partial sums a weight; some pictures at a time.
struct Shares {
  Product product;
  int64_t share, shares, weights, pictures, scratch;
  explicit Shares(const Convolution& c) : product(forward_product(c)), weights(c.groups * group_weights(c)) {
    product.band = c.out_height;
    const int64_t positions = product.positions(c.out_height);
    share = std::max(ceil_div(c.batch, most_shares), ceil_div(shared_by, positions));
    shares = ceil_div(c.batch, share);
    // Many sums are visited seldom: then several pictures share a visit.
    pictures = std::clamp<int64_t>(weights * 16 / product.map_floats(), 1, 8);
    scratch = to_line(product.row * 2) + pictures * product.map_floats();
  }
};

} // namespace

int64_t forward_floats(const Convolution& c) {
  const Product p = forward_product(c);
  return Tasks(c.batch * c.groups * ceil_div(c.out_height, p.band)).count * p.floats();
}

void forward(const Convolution& c, const float* x, const float* weight, float* y, float* scratch, Epilogue epilogue) {
  const Product p = forward_product(c);
  const int64_t bands = ceil_div(c.out_height, p.band), map = p.positions(c.out_height);
  Tasks(c.batch * c.groups * bands).run(work(c), [&](int64_t task, int64_t item, bool first) {
    const int64_t n = item / bands, row = item % bands * p.band, band = std::min(c.out_height, row + p.band) - row;
    const int64_t begin = n * p.rows * map + p.positions(row), end = begin + p.positions(band); // n: picture and group
    p.multiply(x + n * p.maps.channels * c.height * c.width, weight + n % c.groups * group_weights(c), row, band,
               first || bands > 1, scratch + task * p.floats(), y + begin, map);
    finish(epilogue, bands == 1 ? Stripes{begin, begin + p.rows * map} : Stripes{begin, end, p.rows, map}, y);
  });
}

int64_t input_gradient_floats(const Convolution& c) {
  const Product p = input_gradient_product(c);
  return Tasks(c.batch * c.groups).count * (p.floats() + sum_floats(p));
}

void input_gradient(const Convolution& c, const float* dy, const float* weight, float* dx, float* scratch,
                    Epilogue epilogue) {
  const Product p = input_gradient_product(c);
  const int64_t maps = c.in / c.groups * c.height * c.width, dy_maps = p.maps.channels * c.out_height * c.out_width;
  Tasks(c.batch * c.groups).run(work(c), [&](int64_t task, int64_t n, bool first) { // n: picture and group
    float* const mine = scratch + task * (p.floats() + sum_floats(p));
    float* const sums = mine + p.floats();
    for (int64_t row = 0; row < c.out_height; row += p.band) {
      const int64_t band = std::min(c.out_height, row + p.band) - row;
      p.multiply(dy + n * dy_maps, weight + n % c.groups * group_weights(c), row, band, first || p.band < c.out_height,
                 mine, sums, p.positions(band));
      VITRO_DISPATCH(fold_rows)(c, sums, row, band, dx + n * maps);
    }
    finish(epilogue, {n * maps, (n + 1) * maps}, dx);
  });
}

int64_t weight_gradient_floats(const Convolution& c) {
  const Shares s(c);
  return s.shares * (s.weights * 16 + s.scratch);
}

void weight_gradient(const Convolution& c, const float* x, const float* dy, float* dweight, float* scratch,
                     Epilogue epilogue) {
  const Shares s(c);
  const Shifted& maps = s.product.maps;
  float* const sums = scratch;
  const int64_t out = c.out / c.groups, positions = s.product.positions(c.out_height), columns = s.product.row;
  const int64_t map_floats = s.product.map_floats(), size = maps.copies() * maps.copy_size(c.out_height);
  run_all(s.shares, work(c), [&](int64_t task) {
    auto* const starts = reinterpret_cast<int64_t*>(scratch + s.shares * s.weights * 16 + task * s.scratch);
    float* const copies = reinterpret_cast<float*>(starts) + to_line(columns * 2);
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t tap = i % taps(c);
      starts[i] = i / taps(c) * size + maps.tap(tap / c.kernel_width, tap % c.kernel_width, c.out_height);
    }
    std::fill_n(copies, s.pictures * map_floats, 0.0F);
    const int64_t begin = task * s.share, end = std::min(c.batch, begin + s.share);
    for (int64_t group = 0; group < c.groups; ++group)
      for (int64_t n = begin; n < end; n += s.pictures) {
        const int64_t some = std::min(s.pictures, end - n);
        for (int64_t i = 0; i < some; ++i) VITRO_DISPATCH(copy_shifted)
        (maps, x + ((n + i) * c.in + group * maps.channels) * c.height * c.width, 0, c.out_height,
         copies + i * map_floats);
        const Dots dots{dy + (n * c.out + group * out) * positions,
                        positions,
                        c.out * positions,
                        copies,
                        starts,
                        map_floats,
                        some,
                        positions,
                        sums + (task * s.weights + group * out * columns) * 16,
                        columns * 16,
                        n > begin};
        VITRO_DISPATCH(add_dots)(dots, out, columns);
      }
  });
  run_all(ceil_div(s.weights, piece / 16), work(c), [&](int64_t task) {
    const int64_t begin = task * (piece / 16), end = std::min(s.weights, begin + piece / 16);
    VITRO_DISPATCH(join_shares)(sums + begin * 16, s.shares, s.weights * 16, end - begin, dweight + begin);
    finish(epilogue, {begin, end}, dweight);
  });
}

} // namespace vitro::kernels::rows

namespace vitro::kernels {
const Way by_rows{rows::forward_floats, rows::input_gradient_floats, rows::weight_gradient_floats,
                  rows::forward,        rows::input_gradient,        rows::weight_gradient};
} // namespace vitro::kernels
#endif

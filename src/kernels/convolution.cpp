// Convolution in blocks and in rows: see convolution.h.
//
// A task takes its pictures one after the other, each in bands of rows. What a band reads is first copied to scratch
// with the zeros around it, so that no loop meets an edge; in rows the copy holds one shifted map per column of the
// kernel, so that positions that follow each other lie side by side whatever the tap. Then the tiles run, and the
// epilogue, while the band is in cache.
//
// The input gradient in blocks is the same walk with the roles of the maps exchanged, once for each phase of the
// stride. A weight's gradient adds up positions: in blocks by the tile, in rows by 16 partial sums a weight (lanes, as
// reduce-inl.h joins them). Its pictures are cut into a number of shares that the sizes give; their sums are added in
// order.
#include "kernels/convolution.h"

#include "kernels/targets.h"
#include "kernels/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution.cpp"
#include "hwy/foreach_target.h"

#include "kernels/reduce-inl.h"
#include "kernels/tile-inl.h"

#ifndef VITRO_KERNELS_CONVOLUTION_WALKS
#define VITRO_KERNELS_CONVOLUTION_WALKS
namespace vitro::kernels {

/// Where a map's position (row, column) reads another map: at (position * step + shift) / by, where that is whole and
/// inside; else it reads zero.
struct Axis {
  int64_t step, by;
  int64_t shift[2]; // of the first tap; what each further tap adds
  int64_t taps;
  /// The first and the last place that positions [0, count) read; of by = 1.
  int64_t low() const { return shift[1] < 0 ? shift[0] + (taps - 1) * shift[1] : shift[0]; }
  int64_t high(int64_t count) const {
    return (count - 1) * step + (shift[1] < 0 ? shift[0] : shift[0] + (taps - 1) * shift[1]);
  }
};

/// In blocks: y += x * w over taps, for one phase of y's rows and columns.
struct Walk {
  int64_t x_channels, x_height, x_width, x_lanes; // lanes 16, or 1: row-major
  int64_t y_channels, y_height, y_width;
  Axis down, across; // what y's rows and columns of this phase read of x
  int64_t first_tap_row, tap_row_step, first_tap_column, tap_column_step; // the phase's taps within the kernel
  int64_t kernel_width, taps;                                             // of the whole kernel
  int64_t y_row, y_row_step, y_column, y_column_step;                     // the phase within y
  int64_t rows, columns;                                                  // of the phase
  int64_t band;                                                           // of rows, that scratch has room for
  int64_t planes() const { return (x_channels + x_lanes - 1) / x_lanes; }
  int64_t y_blocks() const { return (y_channels + 15) / 16; }
  int64_t legs() const { return planes() * down.taps * (x_lanes == 1 ? 1 : across.taps); }
  int64_t scratch_width() const { return across.high(columns) - across.low() + 1; }
  int64_t scratch_height(int64_t rows) const { return down.high(rows) - down.low() + 1; }
  int64_t scratch_plane() const { return scratch_height(band) * scratch_width() * x_lanes; }
};

/// In rows: one shifted copy of a map per tap (or per column of the kernel, where rows follow each other evenly).
struct Shifted {
  int64_t channels, height, width; // the map that is read
  Axis down, across;
  int64_t columns;                                     // of the map that reads
  bool merged() const { return down.step == down.by; } // one copy serves all rows of the kernel
  int64_t copies() const { return across.taps * (merged() ? 1 : down.taps); }
  int64_t copy_rows(int64_t band) const { return merged() ? down.high(band) - down.low() + 1 : band; }
  int64_t copy_size(int64_t band) const { return copy_rows(band) * columns; }
  /// Where the tap's positions begin in the copies of its channel.
  int64_t tap(int64_t row, int64_t column, int64_t band) const {
    if (!merged()) return (row * across.taps + column) * copy_size(band);
    return column * copy_size(band) + (down.shift[0] + row * down.shift[1] - down.low()) * columns;
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

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

HWY_INLINE void copy_row(const float* from, int64_t n, float* to) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i < n) store_first(load_first(from + i, n - i), to + i, n - i);
}

void clear_row(float* to, int64_t n) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Zero(d), d, to + i);
  if (i < n) store_first(hn::Zero(d), to + i, n - i);
}

/// One plane of x from row `first` on, so many rows and columns (from column `left` on), zeros where it has none.
void copy_plane(const float* plane, int64_t height, int64_t width, int64_t lanes_of, int64_t first, int64_t rows,
                int64_t left, int64_t columns, float* to) {
  const int64_t begin = left < 0 ? -left : 0; // columns [begin, end) of the copy are inside
  const int64_t end = width - left < columns ? width - left : columns;
  for (int64_t r = 0; r < rows; ++r, to += columns * lanes_of) {
    const int64_t row = first + r;
    if (row < 0 || row >= height || end <= begin) {
      clear_row(to, columns * lanes_of);
      continue;
    }
    clear_row(to, begin * lanes_of);
    copy_row(plane + (row * width + left + begin) * lanes_of, (end - begin) * lanes_of, to + begin * lanes_of);
    clear_row(to + end * lanes_of, (columns - end) * lanes_of);
  }
}

inline constexpr int64_t leg_steps =
    160; // of k between two visits of C: what they read of B stays in the first-level cache
inline constexpr int64_t near_positions = 64; // of C, finished together

/// Rows [row, row_end) of the phase of one picture. `legs` as the walk has them, `scratch` for x's rows.
void walk_band(const Walk& w, const Leg* legs, const float* x, const float* weight, float* y, int64_t row,
               int64_t row_end, float* scratch) {
  const int64_t width = w.scratch_width(), lanes_of = w.x_lanes, leg_count = w.legs();
  const int64_t first = row * w.down.step + w.down.low(), left = w.across.low();
  for (int64_t p = 0; leg_count > 0 && p < w.planes(); ++p)
    copy_plane(x + p * w.x_height * w.x_width * lanes_of, w.x_height, w.x_width, lanes_of, first,
               w.scratch_height(row_end - row), left, width, scratch + p * w.scratch_plane());

  const int64_t blocks = w.y_blocks(), y_map = w.y_height * w.y_width * 16;
  const int64_t rows_near = near_positions / w.columns > 1 ? near_positions / w.columns : 1;
  const int64_t strip = strip_panels(w.columns);
  for (int64_t r0 = row, r1; r0 < row_end; r0 = r1) {
    r1 = row_end - r0 < rows_near ? row_end : r0 + rows_near;
    for (int64_t block = 0, panels; block < blocks; block += panels) {
      panels = next(blocks - block, strip);
      const int64_t last = w.y_channels - (block + panels - 1) * 16;
      int64_t leg = 0;
      do {
        int64_t leg_end = leg;
        for (int64_t steps = 0; leg_end < leg_count && (steps == 0 || steps + legs[leg_end].steps <= leg_steps);)
          steps += legs[leg_end++].steps;
        Tile tile{.legs = legs + leg,
                  .leg_count = leg_end - leg,
                  .a = nullptr,
                  .a_row = w.across.step * lanes_of,
                  .a_column = lanes_of == 1 ? w.across.shift[1] : 1,
                  .b = weight + block * w.x_channels * w.taps * 16,
                  .b_row = (lanes_of == 1 ? w.tap_column_step : w.taps) * 16,
                  .b_panel = w.x_channels * w.taps * 16,
                  .c = nullptr,
                  .c_row = w.y_column_step * 16,
                  .c_panel = y_map,
                  .continued = leg > 0,
                  .last_columns = last < 16 ? last : 16,
                  .pads = true};
        for (int64_t r = r0; r < r1; ++r) {
          const float* from = scratch + (r - row) * w.down.step * width * lanes_of;
          float* to = y + block * y_map + ((w.y_row + r * w.y_row_step) * w.y_width + w.y_column) * 16;
          for (int64_t column = 0, some; column < w.columns; column += some) {
            some = next(w.columns - column, most_rows(panels));
            tile.a = from + column * w.across.step * lanes_of;
            tile.c = to + column * w.y_column_step * 16;
            tiles<>.of[some - 1][panels - 1](tile);
          }
        }
        leg = leg_end;
      } while (leg < leg_count);
    }
  }
}

/// One picture's share of dL/dweight in blocks: of x's planes [plane, plane_end), added to (or put into) `sums`, which
/// have the weight's layout. `legs` has room for one per row of y.
void add_weight_gradient(const Convolution& c, const float* x, const float* dy, int64_t plane, int64_t plane_end,
                         bool continued, float* sums, Leg* legs, float* scratch) {
  const int64_t lanes_of = reads_blocks(c) ? 16 : 1, taps = c.kernel_height * c.kernel_width;
  const int64_t width = (c.out_width - 1) * c.stride_width + (c.kernel_width - 1) * c.dilation_width + 1;
  const int64_t height = (c.out_height - 1) * c.stride_height + (c.kernel_height - 1) * c.dilation_height + 1;
  for (int64_t r = 0; r < c.out_height; ++r)
    legs[r] = {r * c.stride_height * width * lanes_of, r * c.out_width * 16, c.out_width};
  for (int64_t p = plane; p < plane_end; ++p)
    copy_plane(x + p * c.height * c.width * lanes_of, c.height, c.width, lanes_of, -c.top, height, -c.left, width,
               scratch + (p - plane) * height * width * lanes_of);
  const int64_t blocks = (c.out + 15) / 16;
  Tile tile{.legs = legs,
            .leg_count = c.out_height,
            .a = nullptr,
            .a_row = 1,
            .a_column = c.stride_width * lanes_of,
            .b = nullptr,
            .b_row = 16,
            .b_panel = c.out_height * c.out_width * 16,
            .c = nullptr,
            .c_row = (lanes_of == 1 ? 1 : taps) * 16,
            .c_panel = c.in * taps * 16,
            .continued = continued,
            .last_columns = 16,
            .pads = true};
  const auto run = [&](int64_t channel, int64_t rows, int64_t tap, const float* a, const int64_t* a_rows) {
    for (int64_t block = 0, panels; block < blocks; block += panels) {
      panels = next(blocks - block, strip_panels(rows));
      const int64_t last = c.out - (block + panels - 1) * 16;
      tile.last_columns = last < 16 ? last : 16;
      tile.b = dy + block * tile.b_panel;
      for (int64_t i = 0, some; i < rows; i += some) {
        some = next(rows - i, most_rows(panels));
        tile.a = a_rows ? a : a + i;
        tile.a_rows = a_rows + (a_rows ? i : 0);
        tile.c = sums + block * tile.c_panel + ((channel + (a_rows ? 0 : i)) * taps + tap + (a_rows ? i : 0)) * 16;
        (a_rows ? tiles<true>.of : tiles<>.of)[some - 1][panels - 1](tile);
      }
    }
  };
  if (lanes_of == 1) { // all weights of one output channel: they lie side by side
    int64_t starts[64];
    const int64_t count = c.in * taps;
    for (int64_t first = 0; first < count; first += 64) {
      const int64_t some = count - first < 64 ? count - first : 64;
      for (int64_t i = 0; i < some; ++i) {
        const int64_t channel = (first + i) / taps, tap = (first + i) % taps;
        starts[i] = (channel * height + tap / c.kernel_width * c.dilation_height) * width +
                    tap % c.kernel_width * c.dilation_width;
      }
      run(0, some, first, scratch, starts);
    }
    return;
  }
  for (int64_t p = plane; p < plane_end; ++p)
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t at = (p - plane) * height * width + tap / c.kernel_width * c.dilation_height * width +
                         tap % c.kernel_width * c.dilation_width;
      run(p * 16, c.in - p * 16 < 16 ? c.in - p * 16 : 16, tap, scratch + at * 16, nullptr);
    }
}

/// Maps [channels, positions] in blocks of channels; padding is left as it is.
void block_maps(const float* maps, int64_t channels, int64_t positions, float* to) {
  for (int64_t i = 0; i < channels; i += 16)
    transpose(maps + i * positions, positions, channels - i < 16 ? channels - i : 16, positions, to + i * positions,
              16);
}

/// The shifted copies of all channels' maps for the positions of rows [row, row + band); what lies outside of a map is
/// left as it is: zero.
void copy_shifted(const Shifted& s, const float* x, int64_t row, int64_t band, float* to) {
  const auto within = [](int64_t place, int64_t count) { return place < 0 ? 0 : place < count ? place : count; };
  const int64_t rows = s.copy_rows(band), copies = s.copies(), columns = s.columns;
  const bool shifts = s.across.step == 1 && s.across.by == 1;
  for (int64_t channel = 0; channel < s.channels; ++channel, x += s.height * s.width)
    for (int64_t copy = 0; copy < copies; ++copy, to += rows * columns) {
      const int64_t tap_row = copy / s.across.taps, tap_column = copy % s.across.taps;
      const int64_t across = s.across.shift[0] + tap_column * s.across.shift[1];
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
      const int64_t down = s.merged() ? s.down.low() : s.down.shift[0] + tap_row * s.down.shift[1];
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

/// y[i] = the sum over `shares` of x[share][i].
void add_shares(const float* x, int64_t shares, int64_t share, int64_t n, float* y) {
  const Tag d;
  for (int64_t i = 0; i < n; i += lanes) { // whole blocks of 16
    V sum = hn::LoadU(d, x + i);
    for (int64_t s = 1; s < shares; ++s) sum = hn::Add(sum, hn::LoadU(d, x + s * share + i));
    hn::StoreU(sum, d, y + i);
  }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <numeric>

#include "core/threads.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(walk_band);
VITRO_TARGETS(add_weight_gradient);
VITRO_TARGETS(block_maps);
VITRO_TARGETS(copy_shifted);
VITRO_TARGETS(multiply_shifted);
VITRO_TARGETS(fold_rows);
VITRO_TARGETS(add_dots);
VITRO_TARGETS(join_shares);
VITRO_TARGETS(add_shares);

constexpr int64_t worth_a_thread = 1 << 18;   // multiply-adds; less is done before a thread wakes
constexpr int64_t most_tasks = 32;            // each has scratch of its own
constexpr int64_t scratch_floats = 48 * 1024; // that a band should do with: they stay in the second-level cache
constexpr int64_t shared_by = 1600;           // positions that partial sums should serve
constexpr int64_t most_shares = 16;
constexpr double worth_blocks = 0.7; // of a block's lanes in use

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t to_line(int64_t floats) { return ceil_div(floats, 16) * 16; }

double lanes_used(int64_t channels) { return double(channels) / double(to_line(channels)); }

int64_t taps(const Convolution& c) { return c.kernel_height * c.kernel_width; }
int64_t x_picture(const Convolution& c) { return (reads_blocks(c) ? to_line(c.in) : c.in) * c.height * c.width; }
int64_t y_picture(const Convolution& c) { return (in_blocks(c) ? to_line(c.out) : c.out) * c.out_height * c.out_width; }
int64_t work(const Convolution& c) {
  return c.batch * c.out * c.out_height * c.out_width * (c.in / c.groups) * taps(c);
}

/// Items in so many tasks, `share` each.
struct Tasks {
  int64_t items, count, share;
  explicit Tasks(int64_t items) : items(items), count(std::min(items, most_tasks)), share(0) {
    share = ceil_div(items, std::max<int64_t>(count, 1));
    count = share ? ceil_div(items, share) : 0;
  }
  template <class Body> void run(int64_t work, Body&& body) const {
    const auto task = [&](int64_t t) {
      for (int64_t item = t * share; item < std::min(items, (t + 1) * share); ++item) body(t, item, item == t * share);
    };
    if (work >= worth_a_thread)
      parallel(count, task);
    else
      for (int64_t t = 0; t < count; ++t) task(t);
  }
};

// --- in blocks ---

/// The most rows of which `floats(rows)` is at most `scratch_floats`; at least one.
template <class Floats> int64_t band_of(int64_t rows, Floats floats) {
  int64_t band = std::max<int64_t>(rows, 1);
  while (band > 1 && floats(band) > scratch_floats) band = ceil_div(band, 2);
  return band;
}

Walk with_band(Walk w) {
  w.band = band_of(w.rows,
                   [&](int64_t rows) { return w.planes() * w.x_lanes * w.scratch_height(rows) * w.scratch_width(); });
  return w;
}

Walk forward_walk(const Convolution& c) {
  return with_band({.x_channels = c.in,
                    .x_height = c.height,
                    .x_width = c.width,
                    .x_lanes = reads_blocks(c) ? 16 : 1,
                    .y_channels = c.out,
                    .y_height = c.out_height,
                    .y_width = c.out_width,
                    .down = {c.stride_height, 1, {-c.top, c.dilation_height}, c.kernel_height},
                    .across = {c.stride_width, 1, {-c.left, c.dilation_width}, c.kernel_width},
                    .first_tap_row = 0,
                    .tap_row_step = 1,
                    .first_tap_column = 0,
                    .tap_column_step = 1,
                    .kernel_width = c.kernel_width,
                    .taps = taps(c),
                    .y_row = 0,
                    .y_row_step = 1,
                    .y_column = 0,
                    .y_column_step = 1,
                    .rows = c.out_height,
                    .columns = c.out_width,
                    .band = 0});
}

/// The taps whose places (phase + before - tap dilation) are multiples of the stride: every `step`-th from `first` on.
struct PhaseTaps {
  int64_t first, step;
  Axis axis;
};
PhaseTaps phase_taps(int64_t phase, int64_t before, int64_t kernel, int64_t dilation, int64_t stride) {
  const int64_t step = stride / std::gcd(stride, dilation);
  for (int64_t tap = 0; tap < std::min(kernel, step); ++tap)
    if ((phase + before - tap * dilation) % stride == 0)
      return {tap,
              step,
              {1,
               1,
               {(phase + before - tap * dilation) / stride, -step * dilation / stride},
               (kernel - 1 - tap) / step + 1}};
  return {0, 1, {1, 1, {0, 0}, 0}};
}

/// dx at rows `phase_row`, `phase_row` + stride, ..., and columns alike: dy read by the taps that lead there.
Walk input_gradient_walk(const Convolution& c, int64_t phase_row, int64_t phase_column) {
  const auto down = phase_taps(phase_row, c.top, c.kernel_height, c.dilation_height, c.stride_height);
  const auto across = phase_taps(phase_column, c.left, c.kernel_width, c.dilation_width, c.stride_width);
  return with_band({.x_channels = c.out,
                    .x_height = c.out_height,
                    .x_width = c.out_width,
                    .x_lanes = 16,
                    .y_channels = c.in,
                    .y_height = c.height,
                    .y_width = c.width,
                    .down = down.axis,
                    .across = across.axis,
                    .first_tap_row = down.first,
                    .tap_row_step = down.step,
                    .first_tap_column = across.first,
                    .tap_column_step = across.step,
                    .kernel_width = c.kernel_width,
                    .taps = taps(c),
                    .y_row = phase_row,
                    .y_row_step = c.stride_height,
                    .y_column = phase_column,
                    .y_column_step = c.stride_width,
                    .rows = ceil_div(c.height - phase_row, c.stride_height),
                    .columns = ceil_div(c.width - phase_column, c.stride_width),
                    .band = 0});
}

void write_legs(const Walk& w, Leg* legs) {
  const auto place = [](const Axis& axis, int64_t tap) { return axis.shift[0] + tap * axis.shift[1] - axis.low(); };
  const int64_t runs = w.x_lanes == 1 ? 1 : w.across.taps, width = w.scratch_width();
  for (int64_t p = 0; p < w.planes(); ++p)
    for (int64_t i = 0; i < w.down.taps; ++i)
      for (int64_t j = 0; j < runs; ++j) {
        const int64_t tap =
            (w.first_tap_row + i * w.tap_row_step) * w.kernel_width + w.first_tap_column + j * w.tap_column_step;
        *legs++ = {p * w.scratch_plane() + (place(w.down, i) * width + place(w.across, j)) * w.x_lanes,
                   (p * w.x_lanes * w.taps + tap) * 16,
                   w.x_lanes == 1 ? w.across.taps : std::min<int64_t>(16, w.x_channels - p * 16)};
      }
}

int64_t leg_floats(int64_t legs) { return to_line(legs * int64_t(sizeof(Leg) / sizeof(float))); }
int64_t walk_floats(const Walk& w) {
  return leg_floats(w.legs()) + (w.legs() ? to_line(w.planes() * w.scratch_plane()) : 0);
}

void walk(const Walk& w, const float* x, const float* weight, float* y, int64_t row, int64_t row_end, float* scratch) {
  Leg* const legs = reinterpret_cast<Leg*>(scratch);
  write_legs(w, legs);
  VITRO_DISPATCH(walk_band)(w, legs, x, weight, y, row, row_end, scratch + leg_floats(w.legs()));
}

void finish(const Epilogue& epilogue, const Stripes& part, const float* y) {
  if (epilogue.run) epilogue.run(epilogue.context, part, y + part.begin, part.step);
}

void convolve_blocks(const Convolution& c, const float* x, const float* weight, float* y, float* scratch,
                     Epilogue epilogue) {
  const Walk w = forward_walk(c);
  const int64_t bands = ceil_div(w.rows, w.band), map = c.out_height * c.out_width * 16;
  Tasks(c.batch * bands).run(work(c), [&](int64_t task, int64_t item, bool) {
    const int64_t n = item / bands, row = item % bands * w.band, row_end = std::min(w.rows, row + w.band);
    walk(w, x + n * x_picture(c), weight, y + n * y_picture(c), row, row_end, scratch + task * walk_floats(w));
    const int64_t begin = n * y_picture(c);
    finish(epilogue,
           bands == 1 ? Stripes{begin, begin + y_picture(c)}
                      : Stripes{begin + row * c.out_width * 16, begin + row_end * c.out_width * 16, w.y_blocks(), map},
           y);
  });
}

int64_t input_gradient_task_floats(const Convolution& c) {
  int64_t most = 0;
  for (int64_t row = 0; row < std::min(c.stride_height, c.height); ++row)
    for (int64_t column = 0; column < std::min(c.stride_width, c.width); ++column)
      most = std::max(most, walk_floats(input_gradient_walk(c, row, column)));
  return most;
}
int64_t turned_floats(const Convolution& c) { return to_line(c.in) * c.out * taps(c); }

void input_gradient_blocks(const Convolution& c, const float* dy, const float* weight, float* dx, float* scratch,
                           Epilogue epilogue) {
  // The weight with the roles of its channels exchanged: [in / 16][out][taps][16].
  const int64_t all = taps(c);
  const auto turn = [&](int64_t block) {
    float* to = scratch + block * c.out * all * 16;
    for (int64_t o = 0; o < c.out; ++o)
      for (int64_t tap = 0; tap < all; ++tap)
        for (int64_t lane = 0; lane < 16; ++lane, ++to) {
          const int64_t i = block * 16 + lane;
          *to = i < c.in ? weight[((o / 16 * c.in + i) * all + tap) * 16 + o % 16] : 0;
        }
  };
  parallel(ceil_div(c.in, 16), turn);
  const float* turned = scratch;
  scratch += turned_floats(c);
  const int64_t phase_rows = std::min(c.stride_height, c.height), phase_columns = std::min(c.stride_width, c.width);
  const bool one_phase = phase_rows * phase_columns == 1;
  const Walk first = input_gradient_walk(c, 0, 0);
  const int64_t bands = one_phase ? ceil_div(first.rows, first.band) : 1, map = c.height * c.width * 16;
  const int64_t task_floats = input_gradient_task_floats(c);
  Tasks(c.batch * bands).run(work(c), [&](int64_t task, int64_t item, bool) {
    const int64_t n = item / bands, begin = n * x_picture(c);
    const float* from = dy + n * y_picture(c);
    float* const mine = scratch + task * task_floats;
    if (one_phase) {
      const int64_t row = item % bands * first.band, row_end = std::min(first.rows, row + first.band);
      walk(first, from, turned, dx + begin, row, row_end, mine);
      finish(epilogue,
             bands == 1 ? Stripes{begin, begin + x_picture(c)}
                        : Stripes{begin + row * c.width * 16, begin + row_end * c.width * 16, first.y_blocks(), map},
             dx);
      return;
    }
    for (int64_t phase = 0; phase < phase_rows * phase_columns; ++phase) {
      const Walk w = input_gradient_walk(c, phase / phase_columns, phase % phase_columns);
      for (int64_t row = 0; row < w.rows; row += w.band)
        walk(w, from, turned, dx + begin, row, std::min(w.rows, row + w.band), mine);
    }
    finish(epilogue, {begin, begin + x_picture(c)}, dx);
  });
}

/// Whether the lanes of a weight's gradient are output channels. dy is put in blocks for that where it is in rows.
bool sums_in_blocks(const Convolution& c) { return c.groups == 1 && lanes_used(c.out) >= worth_blocks; }

/// Of a weight's gradient in blocks: shares of the pictures, by groups of x's planes.
struct BlockShares {
  int64_t planes, groups, share, shares, weights, legs, blocked, scratch;
  explicit BlockShares(const Convolution& c) {
    const bool blocks = reads_blocks(c);
    planes = blocks ? ceil_div(c.in, 16) : c.in;
    groups = blocks ? planes : 1;
    share = ceil_div(c.batch, std::clamp<int64_t>(ceil_div(most_shares, groups), 1, c.batch));
    shares = ceil_div(c.batch, share);
    weights = to_line(c.out) * c.in * taps(c);
    legs = leg_floats(c.out_height);
    blocked = in_blocks(c) ? 0 : to_line(c.out) * c.out_height * c.out_width;
    scratch = legs + blocked +
              to_line(planes / groups * (blocks ? 16 : 1) *
                      ((c.out_height - 1) * c.stride_height + (c.kernel_height - 1) * c.dilation_height + 1) *
                      ((c.out_width - 1) * c.stride_width + (c.kernel_width - 1) * c.dilation_width + 1));
  }
  int64_t floats() const { return shares * (weights + groups * scratch); }
};

template <class Body> void run_all(int64_t tasks, int64_t work, Body&& body) {
  if (work >= worth_a_thread)
    parallel(tasks, body);
  else
    for (int64_t task = 0; task < tasks; ++task) body(task);
}

constexpr int64_t piece = 4096; // elements of a weight's gradient, finished together

void weight_gradient_blocks(const Convolution& c, const float* x, const float* dy, float* dweight, float* sums,
                            Epilogue epilogue) {
  const BlockShares s(c);
  run_all(s.shares * s.groups, work(c), [&](int64_t task) {
    const int64_t share = task / s.groups, group = task % s.groups, planes = s.planes / s.groups;
    float* const mine = sums + s.shares * s.weights + task * s.scratch;
    float* const blocked = mine + s.legs;
    std::fill_n(blocked, s.blocked, 0.0F);
    for (int64_t n = share * s.share; n < std::min(c.batch, (share + 1) * s.share); ++n) {
      const float* from = dy + n * y_picture(c);
      if (s.blocked) VITRO_DISPATCH(block_maps)(from, c.out, c.out_height * c.out_width, blocked);
      VITRO_DISPATCH(add_weight_gradient)
      (c, x + n * x_picture(c), s.blocked ? blocked : from, group * planes, (group + 1) * planes, n > share * s.share,
       sums + share * s.weights, reinterpret_cast<Leg*>(mine), blocked + s.blocked);
    }
  });
  float* const to = dweight && !s.blocked ? dweight : sums;
  run_all(ceil_div(s.weights, piece), work(c), [&](int64_t task) {
    const int64_t begin = task * piece, end = std::min(s.weights, begin + piece);
    VITRO_DISPATCH(add_shares)(sums + begin, s.shares, s.weights, end - begin, to + begin);
    if (!s.blocked) finish(epilogue, {begin, end}, to);
  });
  if (!s.blocked) return;
  const int64_t each = c.in * taps(c); // of an output channel
  for (int64_t o = 0; o < c.out; ++o)
    for (int64_t i = 0; i < each; ++i) dweight[o * each + i] = sums[(o / 16 * each + i) * 16 + o % 16];
  finish(epilogue, {0, c.out * each}, dweight);
}

// --- in rows ---

/// One group's product of weights and shifted maps.
struct Rows {
  Shifted maps;
  int64_t rows, row, channel; // of the weights: how many, from one to the next, from channel to channel
  int64_t height, columns;    // the positions
  int64_t band;               // rows of them at a time
  // Either the kernel's rows follow each other in one copy, or copies do.
  bool along_rows() const { return maps.merged() && maps.down.taps > 1; }
  int64_t legs() const { return maps.channels * (along_rows() ? maps.across.taps : 1); }
  int64_t map_floats() const { return to_line(maps.size(band) + 16); } // a last vector reads over the end
  int64_t floats() const { return leg_floats(legs()) + map_floats(); }

  /// For rows [row, row + band) of positions, to `to` [rows, positions]: from row to row `to_row`. `fresh`: scratch
  /// holds nothing of another picture, whose edges are this one's.
  void multiply(const float* x, const float* weight, int64_t first, int64_t some, bool fresh, float* scratch, float* to,
                int64_t to_row) const {
    Leg* const legs = reinterpret_cast<Leg*>(scratch);
    float* const copies = scratch + leg_floats(this->legs());
    if (fresh) std::fill_n(copies, map_floats(), 0.0F);
    VITRO_DISPATCH(copy_shifted)(maps, x, first, some, copies);
    const int64_t size = maps.copy_size(some), kernel_columns = maps.across.taps;
    int64_t count = 0;
    for (int64_t i = 0; i < maps.channels; ++i)
      for (int64_t column = 0; column < (along_rows() ? kernel_columns : 1); ++column)
        legs[count++] = {i * channel + column, i * maps.copies() * size + maps.tap(0, column, some),
                         along_rows() ? maps.down.taps : maps.copies()};
    VITRO_DISPATCH(multiply_shifted)
    (legs, count, weight, row, along_rows() ? kernel_columns : 1, copies,
     along_rows() ? maps.down.shift[1] * columns : size, rows, some * columns, to, to_row);
  }
};

Rows with_band(Rows r) {
  r.band = band_of(r.height, [&](int64_t rows) { return r.maps.size(rows); });
  return r;
}

int64_t group_weights(const Convolution& c) { return c.out / c.groups * (c.in / c.groups) * taps(c); }

/// y's maps are rows of weights.
Rows forward_rows(const Convolution& c) {
  const int64_t in = c.in / c.groups;
  return with_band({{in,
                     c.height,
                     c.width,
                     {c.stride_height, 1, {-c.top, c.dilation_height}, c.kernel_height},
                     {c.stride_width, 1, {-c.left, c.dilation_width}, c.kernel_width},
                     c.out_width},
                    c.out / c.groups,
                    in * taps(c),
                    taps(c),
                    c.out_height,
                    c.out_width,
                    0});
}

void convolve_rows(const Convolution& c, const float* x, const float* weight, float* y, float* scratch,
                   Epilogue epilogue) {
  const Rows r = forward_rows(c);
  const int64_t bands = ceil_div(r.height, r.band), map = r.height * r.columns;
  Tasks(c.batch * c.groups * bands).run(work(c), [&](int64_t task, int64_t item, bool first) {
    const int64_t n = item / bands, row = item % bands * r.band, band = std::min(r.height, row + r.band) - row;
    const int64_t begin = n * r.rows * map + row * r.columns, end = begin + band * r.columns; // n: picture and group
    r.multiply(x + n * r.maps.channels * c.height * c.width, weight + n % c.groups * group_weights(c), row, band,
               first || bands > 1, scratch + task * r.floats(), y + begin, map);
    finish(epilogue, bands == 1 ? Stripes{begin, begin + r.rows * map} : Stripes{begin, end, r.rows, map}, y);
  });
}

/// A row of weights for each of dx's maps and each row of the kernel: no zero between or around dy's rows is
/// multiplied. What belongs to one row of dx is then added up.
Rows input_gradient_rows(const Convolution& c) {
  const int64_t in = c.in / c.groups;
  Rows r{{c.out / c.groups,
          c.out_height,
          c.out_width,
          {1, 1, {0, 0}, 1},
          {1, c.stride_width, {c.left, -c.dilation_width}, c.kernel_width},
          c.width},
         in * c.kernel_height,
         c.kernel_width,
         in * taps(c),
         c.out_height,
         c.width,
         0};
  r.band = band_of(r.height, [&](int64_t rows) { return r.maps.size(rows) + r.rows * rows * c.width; });
  return r;
}
int64_t input_gradient_floats(const Rows& r) { return r.floats() + to_line(r.rows * r.band * r.columns); }

void input_gradient_in_rows(const Convolution& c, const float* dy, const float* weight, float* dx, float* scratch,
                            Epilogue epilogue) {
  const Rows r = input_gradient_rows(c);
  const int64_t maps = c.in / c.groups * c.height * c.width;
  Tasks(c.batch * c.groups).run(work(c), [&](int64_t task, int64_t n, bool first) { // n: picture and group
    float* const mine = scratch + task * input_gradient_floats(r);
    float* const sums = mine + r.floats();
    for (int64_t row = 0; row < r.height; row += r.band) {
      const int64_t band = std::min(r.height, row + r.band) - row;
      r.multiply(dy + n * r.maps.channels * c.out_height * c.out_width, weight + n % c.groups * group_weights(c), row,
                 band, first || r.band < r.height, mine, sums, band * r.columns);
      VITRO_DISPATCH(fold_rows)(c, sums, row, band, dx + n * maps);
    }
    finish(epilogue, {n * maps, (n + 1) * maps}, dx);
  });
}

/// Of a weight's gradient in rows: shares of the pictures, 16 partial sums a weight; some pictures at a time.
struct RowShares {
  Rows rows;
  int64_t share, shares, pictures, weights, scratch;
  explicit RowShares(const Convolution& c) : rows(forward_rows(c)) {
    rows.band = rows.height;
    const int64_t positions = c.out_height * c.out_width;
    share = std::max(ceil_div(c.batch, most_shares), ceil_div(shared_by, std::max<int64_t>(positions, 1)));
    shares = ceil_div(c.batch, share);
    weights = c.out * (c.in / c.groups) * taps(c);
    // Many sums are visited seldom: then several pictures share a visit.
    pictures = std::clamp<int64_t>(weights * 16 / std::max<int64_t>(rows.map_floats(), 1), 1, 8);
    scratch = to_line(c.in / c.groups * taps(c) * 2) + pictures * rows.map_floats();
  }
  int64_t floats() const { return shares * (weights * 16 + scratch); }
};

void weight_gradient_rows(const Convolution& c, const float* x, const float* dy, float* dweight, float* sums,
                          Epilogue epilogue) {
  const RowShares s(c);
  const Shifted& maps = s.rows.maps;
  float* const scratch = sums + s.shares * s.weights * 16;
  const int64_t in = c.in / c.groups, out = c.out / c.groups, positions = c.out_height * c.out_width;
  const int64_t columns = in * taps(c), band = s.rows.band;
  const auto add = [&](int64_t task) {
    auto* const starts = reinterpret_cast<int64_t*>(scratch + task * s.scratch);
    float* const copies = scratch + task * s.scratch + to_line(columns * 2);
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t channel = i / taps(c), tap = i % taps(c);
      starts[i] =
          channel * maps.copies() * maps.copy_size(band) + maps.tap(tap / c.kernel_width, tap % c.kernel_width, band);
    }
    std::fill_n(copies, s.pictures * s.rows.map_floats(), 0.0F);
    const int64_t begin = task * s.share, end = std::min(c.batch, begin + s.share);
    for (int64_t group = 0; group < c.groups; ++group)
      for (int64_t n = begin; n < end; n += s.pictures) {
        const int64_t some = std::min(s.pictures, end - n);
        for (int64_t i = 0; i < some; ++i) VITRO_DISPATCH(copy_shifted)
        (maps, x + ((n + i) * c.in + group * in) * c.height * c.width, 0, band, copies + i * s.rows.map_floats());
        VITRO_DISPATCH(add_dots)
        ({.dy = dy + (n * c.out + group * out) * positions,
          .dy_row = positions,
          .dy_picture = c.out * positions,
          .maps = copies,
          .tap = starts,
          .map_picture = s.rows.map_floats(),
          .pictures = some,
          .positions = positions,
          .sums = sums + (task * s.weights + group * out * columns) * 16,
          .sum_row = columns * 16,
          .continued = n > begin},
         out, columns);
      }
  };
  run_all(s.shares, work(c), add);
  run_all(ceil_div(s.weights, piece / 16), work(c), [&](int64_t task) {
    const int64_t begin = task * (piece / 16), end = std::min(s.weights, begin + piece / 16);
    VITRO_DISPATCH(join_shares)(sums + begin * 16, s.shares, s.weights * 16, end - begin, dweight + begin);
    finish(epilogue, {begin, end}, dweight);
  });
}

int64_t bytes(int64_t floats) { return floats * int64_t(sizeof(float)); }

} // namespace

bool in_blocks(const Convolution& c) {
  if (c.groups != 1 || lanes_used(c.out) < worth_blocks) return false;
  return c.in <= few_channels ? c.out % 16 == 0 : lanes_used(c.in) >= worth_blocks;
}
bool reads_blocks(const Convolution& c) { return in_blocks(c) && c.in > few_channels; }

int64_t convolve_workspace(const Convolution& c) {
  if (!in_blocks(c)) {
    const Rows r = forward_rows(c);
    return bytes(Tasks(c.batch * c.groups * ceil_div(r.height, r.band)).count * r.floats());
  }
  const Walk w = forward_walk(c);
  return bytes(Tasks(c.batch * ceil_div(w.rows, w.band)).count * walk_floats(w));
}

void convolve(const Convolution& c, const float* x, const float* weight, float* y, void* workspace, Epilogue epilogue) {
  auto* const scratch = static_cast<float*>(workspace);
  if (in_blocks(c))
    convolve_blocks(c, x, weight, y, scratch, epilogue);
  else
    convolve_rows(c, x, weight, y, scratch, epilogue);
}

int64_t convolve_input_gradient_workspace(const Convolution& c) {
  if (!reads_blocks(c)) {
    return bytes(Tasks(c.batch * c.groups).count * input_gradient_floats(input_gradient_rows(c)));
  }
  const Walk w = input_gradient_walk(c, 0, 0);
  const bool one_phase = std::min(c.stride_height, c.height) * std::min(c.stride_width, c.width) == 1;
  const Tasks tasks(c.batch * (one_phase ? ceil_div(w.rows, w.band) : 1));
  return bytes(turned_floats(c) + tasks.count * input_gradient_task_floats(c));
}

void convolve_input_gradient(const Convolution& c, const float* dy, const float* weight, float* dx, void* workspace,
                             Epilogue epilogue) {
  auto* const scratch = static_cast<float*>(workspace);
  if (reads_blocks(c))
    input_gradient_blocks(c, dy, weight, dx, scratch, epilogue);
  else
    input_gradient_in_rows(c, dy, weight, dx, scratch, epilogue);
}

int64_t convolve_weight_gradient_workspace(const Convolution& c) {
  return bytes(sums_in_blocks(c) ? BlockShares(c).floats() : RowShares(c).floats());
}

void convolve_weight_gradient(const Convolution& c, const float* x, const float* dy, float* dweight, void* workspace,
                              Epilogue epilogue) {
  auto* const scratch = static_cast<float*>(workspace);
  if (sums_in_blocks(c))
    weight_gradient_blocks(c, x, dy, dweight, scratch, epilogue);
  else
    weight_gradient_rows(c, x, dy, dweight, scratch, epilogue);
}

} // namespace vitro::kernels
#endif

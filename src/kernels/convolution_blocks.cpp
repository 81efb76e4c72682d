// Convolution in blocks of channels: see convolution.h.
//
// A task takes its pictures one after the other, each in bands of rows. What a band reads is first copied to scratch
// with the zeros around it, so that no loop meets an edge. Then the register tile (tile-inl.h) is led over it: a leg
// for each tap and each block of channels; and the epilogue follows while the band is in cache.
//
// The input gradient is the same walk with the roles of the maps exchanged, once for each phase of the stride. The
// weight's gradient adds up positions: a leg for each row of dy. Its pictures are cut into a number of shares that the
// sizes give, whose sums are added in order.
#include "kernels/convolution_axis.h"
#include "kernels/targets.h"
#include "kernels/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution_blocks.cpp"
#include "hwy/foreach_target.h"

#include "kernels/tile-inl.h"

#ifndef VITRO_KERNELS_CONVOLUTION_WALK
#define VITRO_KERNELS_CONVOLUTION_WALK
namespace vitro::kernels::blocks {

/// A map in memory: `lanes` channels side by side, 16 or 1.
struct Map {
  int64_t channels, height, width, lanes;
  int64_t planes() const { return ceil_div(channels, lanes); }
  int64_t plane() const { return height * width * lanes; }
  int64_t picture() const { return planes() * plane(); }
};

/// y = the sum over taps and channels of x times a weight, for the positions of two axes.
struct Walk {
  Map x, y;
  Axis down, across;
  int64_t kernel_width, taps; // of the whole kernel
  int64_t band;               // of rows, that scratch has room for
  int64_t legs() const { return x.planes() * down.taps * (x.lanes == 1 ? 1 : across.taps); }
  int64_t scratch_width() const { return across.span(across.count); }
  int64_t scratch_plane() const { return down.span(band) * scratch_width() * x.lanes; }
};

} // namespace vitro::kernels::blocks
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::blocks::HWY_NAMESPACE {
using namespace vitro::kernels::HWY_NAMESPACE;

void copy_row(const float* from, int64_t n, float* to) {
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

// k between two visits of C: what it reads of B stays in the first-level cache. Positions of C that are finished
// together.
inline constexpr int64_t leg_steps = 160, near_positions = 64;

/// Rows [row, row_end) of one picture. `legs` as the walk has them, `scratch` for x's rows.
void walk_band(const Walk& w, const Leg* legs, const float* x, const float* weight, float* y, int64_t row,
               int64_t row_end, float* scratch) {
  const int64_t width = w.scratch_width(), lanes_of = w.x.lanes, leg_count = w.legs(), columns = w.across.count;
  for (int64_t p = 0; leg_count > 0 && p < w.x.planes(); ++p)
    copy_plane(x + p * w.x.plane(), w.x.height, w.x.width, lanes_of, row * w.down.step + w.down.low(),
               w.down.span(row_end - row), w.across.low(), width, scratch + p * w.scratch_plane());

  const int64_t blocks = w.y.planes(), rows_near = near_positions / columns > 1 ? near_positions / columns : 1;
  for (int64_t r0 = row, r1; r0 < row_end; r0 = r1) {
    r1 = row_end - r0 < rows_near ? row_end : r0 + rows_near;
    for (int64_t block = 0, panels; block < blocks; block += panels) {
      panels = next(blocks - block, strip_panels(columns));
      const int64_t last = w.y.channels - (block + panels - 1) * 16;
      int64_t leg = 0;
      do {
        int64_t leg_end = leg;
        for (int64_t steps = 0; leg_end < leg_count && (steps == 0 || steps + legs[leg_end].steps <= leg_steps);)
          steps += legs[leg_end++].steps;
        Tile tile{.legs = legs + leg,
                  .leg_count = leg_end - leg,
                  .a = nullptr,
                  .a_row = w.across.step * lanes_of,
                  .a_column = lanes_of == 1 ? w.across.tap_shift : 1,
                  .b = weight + block * w.x.channels * w.taps * 16,
                  .b_row = (lanes_of == 1 ? 1 : w.taps) * 16,
                  .b_panel = w.x.channels * w.taps * 16,
                  .c = nullptr,
                  .c_row = w.across.every * 16,
                  .c_panel = w.y.plane(),
                  .continued = leg > 0,
                  .last_columns = last < 16 ? last : 16,
                  .pads = true};
        for (int64_t r = r0; r < r1; ++r) {
          const float* from = scratch + (r - row) * w.down.step * width * lanes_of;
          float* to = y + block * w.y.plane() + ((w.down.first + r * w.down.every) * w.y.width + w.across.first) * 16;
          for (int64_t column = 0, some; column < columns; column += some) {
            some = next(columns - column, most_rows(panels));
            tile.a = from + column * tile.a_row;
            tile.c = to + column * tile.c_row;
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
  const int64_t width = columns_of(c).span(c.out_width), height = rows_of(c).span(c.out_height);
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

/// y[i] = the sum over `shares` of x[share][i].
void add_shares(const float* x, int64_t shares, int64_t share, int64_t n, float* y) {
  const Tag d;
  for (int64_t i = 0; i < n; i += lanes) { // whole blocks of 16
    V sum = hn::LoadU(d, x + i);
    for (int64_t s = 1; s < shares; ++s) sum = hn::Add(sum, hn::LoadU(d, x + s * share + i));
    hn::StoreU(sum, d, y + i);
  }
}

} // namespace vitro::kernels::blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <numeric>

namespace vitro::kernels::blocks {
namespace {

VITRO_TARGETS(walk_band);
VITRO_TARGETS(add_weight_gradient);
VITRO_TARGETS(block_maps);
VITRO_TARGETS(add_shares);

Map map_of_x(const Convolution& c) { return {c.in, c.height, c.width, reads_blocks(c) ? 16 : 1}; }
Map map_of_y(const Convolution& c) { return {c.out, c.out_height, c.out_width, in_blocks(c) ? 16 : 1}; }

Walk walk_of(const Convolution& c, const Map& x, const Map& y, const Axis& down, const Axis& across) {
  Walk w{x, y, down, across, c.kernel_width, taps(c), 0};
  w.band =
      band_of(down.count, [&](int64_t rows) { return x.planes() * x.lanes * down.span(rows) * w.scratch_width(); });
  return w;
}
Walk forward_walk(const Convolution& c) { return walk_of(c, map_of_x(c), map_of_y(c), rows_of(c), columns_of(c)); }

/// dx at positions phase, phase + stride, ...: dy read by those taps that lead there, every `step`-th.
Axis phase_of(int64_t phase, int64_t extent, int64_t before, int64_t kernel, int64_t dilation, int64_t stride) {
  const int64_t count = ceil_div(extent - phase, stride), step = stride / std::gcd(stride, dilation);
  for (int64_t tap = 0; tap < std::min(kernel, step); ++tap)
    if (const int64_t place = phase + before - tap * dilation; place % stride == 0)
      return {count, (kernel - 1 - tap) / step + 1, 1, place / stride, -step * dilation / stride, 1, phase, stride, tap,
              step};
  return {count, 0, 1, 0, 0, 1, phase, stride};
}
struct Phases {
  int64_t rows, columns;
  explicit Phases(const Convolution& c)
      : rows(std::min(c.stride_height, c.height)), columns(std::min(c.stride_width, c.width)) {}
  int64_t count() const { return rows * columns; }
  Walk walk(const Convolution& c, int64_t phase) const {
    return walk_of(c, map_of_y(c), map_of_x(c),
                   phase_of(phase / columns, c.height, c.top, c.kernel_height, c.dilation_height, c.stride_height),
                   phase_of(phase % columns, c.width, c.left, c.kernel_width, c.dilation_width, c.stride_width));
  }
};

void write_legs(const Walk& w, Leg* legs) {
  const int64_t runs = w.x.lanes == 1 ? 1 : w.across.taps, width = w.scratch_width();
  for (int64_t p = 0; p < w.x.planes(); ++p)
    for (int64_t i = 0; i < w.down.taps; ++i)
      for (int64_t j = 0; j < runs; ++j) {
        const int64_t tap = (w.down.tap + i * w.down.tap_step) * w.kernel_width + w.across.tap + j * w.across.tap_step;
        *legs++ = {p * w.scratch_plane() + (w.down.place(i) * width + w.across.place(j)) * w.x.lanes,
                   (p * w.x.lanes * w.taps + tap) * 16,
                   w.x.lanes == 1 ? w.across.taps : std::min<int64_t>(16, w.x.channels - p * 16)};
      }
}

int64_t leg_floats(int64_t legs) { return to_line(legs * int64_t(sizeof(Leg) / sizeof(float))); }
int64_t walk_floats(const Walk& w) {
  return leg_floats(w.legs()) + (w.legs() ? to_line(w.x.planes() * w.scratch_plane()) : 0);
}

/// Rows [row, row_end) of picture n; `scratch` has walk_floats.
void walk(const Walk& w, const float* x, const float* weight, float* y, int64_t n, int64_t row, int64_t row_end,
          float* scratch) {
  Leg* const legs = reinterpret_cast<Leg*>(scratch);
  write_legs(w, legs);
  VITRO_DISPATCH(walk_band)
  (w, legs, x + n * w.x.picture(), weight, y + n * w.y.picture(), row, row_end, scratch + leg_floats(w.legs()));
}

/// One walk over all pictures: the positions of y are all there are.
void walk_all(const Convolution& c, const Walk& w, const float* x, const float* weight, float* y, float* scratch,
              Epilogue epilogue) {
  const int64_t bands = ceil_div(w.down.count, w.band);
  Tasks(c.batch * bands).run(work(c), [&](int64_t task, int64_t item, bool) {
    const int64_t n = item / bands, row = item % bands * w.band, row_end = std::min(w.down.count, row + w.band);
    walk(w, x, weight, y, n, row, row_end, scratch + task * walk_floats(w));
    const int64_t begin = n * w.y.picture(), each = w.y.width * 16;
    finish(epilogue,
           bands == 1 ? Stripes{begin, begin + w.y.picture()}
                      : Stripes{begin + row * each, begin + row_end * each, w.y.planes(), w.y.plane()},
           y);
  });
}
int64_t walk_all_floats(const Convolution& c, const Walk& w) {
  return Tasks(c.batch * ceil_div(w.down.count, w.band)).count * walk_floats(w);
}

/// The most that a phase needs, and the weight with the roles of its channels exchanged: [in / 16][out][taps][16].
int64_t phase_floats(const Convolution& c) {
  const Phases phases(c);
  int64_t most = 0;
  for (int64_t phase = 0; phase < phases.count(); ++phase) most = std::max(most, walk_floats(phases.walk(c, phase)));
  return most;
}
int64_t turned_floats(const Convolution& c) { return to_line(c.in) * c.out * taps(c); }

/// Of a weight's gradient: shares of the pictures, by groups of x's planes.
struct Shares {
  int64_t planes, groups, share, shares, weights, legs, blocked, scratch;
  explicit Shares(const Convolution& c) {
    const Map x = map_of_x(c);
    groups = x.lanes == 1 ? 1 : x.planes();
    planes = x.planes() / groups;
    share = ceil_div(c.batch, std::clamp<int64_t>(ceil_div(most_shares, groups), 1, c.batch));
    shares = ceil_div(c.batch, share);
    weights = to_line(c.out) * c.in * taps(c);
    legs = leg_floats(c.out_height);
    blocked = in_blocks(c) ? 0 : to_line(c.out) * c.out_height * c.out_width;
    scratch =
        legs + blocked + to_line(planes * x.lanes * rows_of(c).span(c.out_height) * columns_of(c).span(c.out_width));
  }
};

} // namespace

int64_t forward_floats(const Convolution& c) { return walk_all_floats(c, forward_walk(c)); }

void forward(const Convolution& c, const float* x, const float* weight, float* y, float* scratch, Epilogue epilogue) {
  walk_all(c, forward_walk(c), x, weight, y, scratch, epilogue);
}

int64_t input_gradient_floats(const Convolution& c) {
  const Phases phases(c);
  return turned_floats(c) +
         (phases.count() == 1 ? walk_all_floats(c, phases.walk(c, 0)) : Tasks(c.batch).count * phase_floats(c));
}

void input_gradient(const Convolution& c, const float* dy, const float* weight, float* dx, float* scratch,
                    Epilogue epilogue) {
  const int64_t all = taps(c);
  const float* const turned = scratch;
  run_all(ceil_div(c.in, 16), work(c), [&](int64_t block) {
    float* to = scratch + block * c.out * all * 16;
    for (int64_t o = 0; o < c.out; ++o)
      for (int64_t tap = 0; tap < all; ++tap)
        for (int64_t i = block * 16; i < block * 16 + 16; ++i)
          *to++ = i < c.in ? weight[((o / 16 * c.in + i) * all + tap) * 16 + o % 16] : 0;
  });
  scratch += turned_floats(c);
  const Phases phases(c);
  if (phases.count() == 1) return walk_all(c, phases.walk(c, 0), dy, turned, dx, scratch, epilogue);
  const int64_t floats = phase_floats(c), picture = map_of_x(c).picture();
  Tasks(c.batch).run(work(c), [&](int64_t task, int64_t n, bool) {
    for (int64_t phase = 0; phase < phases.count(); ++phase) {
      const Walk w = phases.walk(c, phase);
      for (int64_t row = 0; row < w.down.count; row += w.band)
        walk(w, dy, turned, dx, n, row, std::min(w.down.count, row + w.band), scratch + task * floats);
    }
    finish(epilogue, {n * picture, (n + 1) * picture}, dx);
  });
}

int64_t weight_gradient_floats(const Convolution& c) {
  const Shares s(c);
  return s.shares * (s.weights + s.groups * s.scratch);
}

void weight_gradient(const Convolution& c, const float* x, const float* dy, float* dweight, float* scratch,
                     Epilogue epilogue) {
  const Shares s(c);
  float* const sums = scratch;
  run_all(s.shares * s.groups, work(c), [&](int64_t task) {
    const int64_t share = task / s.groups, plane = task % s.groups * s.planes;
    float* const mine = scratch + s.shares * s.weights + task * s.scratch;
    float* const blocked = mine + s.legs;
    std::fill_n(blocked, s.blocked, 0.0F);
    for (int64_t n = share * s.share; n < std::min(c.batch, (share + 1) * s.share); ++n) {
      const float* from = dy + n * map_of_y(c).picture();
      if (s.blocked) VITRO_DISPATCH(block_maps)(from, c.out, c.out_height * c.out_width, blocked);
      VITRO_DISPATCH(add_weight_gradient)
      (c, x + n * map_of_x(c).picture(), s.blocked ? blocked : from, plane, plane + s.planes, n > share * s.share,
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

} // namespace vitro::kernels::blocks

namespace vitro::kernels {
const Way by_blocks{blocks::forward_floats, blocks::input_gradient_floats, blocks::weight_gradient_floats,
                    blocks::forward,        blocks::input_gradient,        blocks::weight_gradient};
} // namespace vitro::kernels
#endif

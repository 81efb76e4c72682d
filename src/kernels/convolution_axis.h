// How positions of one map read another, and how the work on many pictures is cut: what convolution in blocks and in
// rows have in common. Private to src/kernels/convolution*.cpp.
#pragma once

#include <algorithm>

#include "core/threads.h"
#include "kernels/convolution.h"

namespace vitro::kernels {

/// Along one axis: number n of the positions first, first + every, ... reads under number t of the taps tap, tap +
/// tap_step, ... another map's place (n step + shift + t tap_shift) / by; where that is not whole, or off the map,
/// zero.
struct Axis {
  int64_t count, taps;
  int64_t step, shift, tap_shift, by = 1;
  int64_t first = 0, every = 1, tap = 0, tap_step = 1;

  /// Of by = 1: the lowest place that the first position reads, and how many places `positions` of them span.
  int64_t low() const { return shift + std::min<int64_t>(0, (taps - 1) * tap_shift); }
  int64_t span(int64_t positions) const { return (positions - 1) * step + (taps - 1) * std::abs(tap_shift) + 1; }
  /// Where a tap's places begin, counted from `low`.
  int64_t place(int64_t t) const { return shift + t * tap_shift - low(); }
};

inline Axis rows_of(const Convolution& c) {
  return {c.out_height, c.kernel_height, c.stride_height, -c.top, c.dilation_height};
}
inline Axis columns_of(const Convolution& c) {
  return {c.out_width, c.kernel_width, c.stride_width, -c.left, c.dilation_width};
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t to_line(int64_t floats) { return ceil_div(floats, 16) * 16; }
inline int64_t taps(const Convolution& c) { return c.kernel_height * c.kernel_width; }
inline int64_t work(const Convolution& c) {
  return c.batch * c.out * c.out_height * c.out_width * (c.in / c.groups) * taps(c);
}
inline double lanes_used(int64_t channels) { return double(channels) / double(to_line(channels)); }

inline constexpr double worth_blocks = 0.7;          // of a block's lanes in use
inline constexpr int64_t worth_a_thread = 1 << 18;   // multiply-adds; less is done before a thread wakes
inline constexpr int64_t most_tasks = 16;            // each has scratch of its own
inline constexpr int64_t most_shares = 16;           // of the pictures, whose sums are kept apart
inline constexpr int64_t scratch_floats = 48 * 1024; // that a band should do with: they stay in the second-level cache
inline constexpr int64_t piece = 4096;               // elements of a weight's gradient, finished together

/// The most rows of which `floats(rows)` is at most `scratch_floats`; at least one.
template <class Floats> int64_t band_of(int64_t rows, Floats floats) {
  int64_t band = std::max<int64_t>(rows, 1);
  while (band > 1 && floats(band) > scratch_floats) band = ceil_div(band, 2);
  return band;
}

/// body(task) for all tasks, on several threads where the whole is worth it.
template <class Body> void run_all(int64_t tasks, int64_t work, Body&& body) {
  if (work >= worth_a_thread)
    parallel(tasks, body);
  else
    for (int64_t task = 0; task < tasks; ++task) body(task);
}

/// Items in so many tasks, `share` each.
struct Tasks {
  int64_t items, count, share;
  explicit Tasks(int64_t items) : items(items) {
    share = std::max<int64_t>(1, ceil_div(items, most_tasks));
    count = ceil_div(items, share);
  }
  /// body(task, item, whether it is the task's first)
  template <class Body> void run(int64_t work, Body&& body) const {
    run_all(count, work, [&](int64_t task) {
      for (int64_t i = task * share; i < std::min(items, (task + 1) * share); ++i) body(task, i, i == task * share);
    });
  }
};

inline void finish(const Epilogue& epilogue, const Stripes& part, const float* y) {
  if (epilogue.run) epilogue.run(epilogue.context, part, y + part.begin, part.step);
}

/// A way to go: floats of scratch that it needs, and what it does; see convolution.h.
struct Way {
  using Floats = int64_t (*)(const Convolution& c);
  using Run = void (*)(const Convolution& c, const float*, const float*, float* out, float* scratch, Epilogue epilogue);
  Floats forward_floats, input_gradient_floats, weight_gradient_floats;
  Run forward;         // x, weight -> y
  Run input_gradient;  // dy, weight -> dx
  Run weight_gradient; // x, dy -> dweight; in blocks, dy and dweight may be in rows
};
extern const Way by_blocks, by_rows;

} // namespace vitro::kernels

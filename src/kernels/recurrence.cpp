// A step of a recurrent layer, block by block of 16 units: the product of the state with the panels of all gates of
// these units (the register tile of tile-inl.h), then gates, cell and output in one pass while the sums are in the
// first-level cache. The way back is the same the other way round: the product of the gates' derivatives of the step
// behind with the panels of these units gives what arrives at h, from which one pass makes the derivatives of this
// step.
//
// Rows of the batch know nothing of each other: tasks take some of them through all steps. Few rows share a step's
// blocks out instead, where that is worth a meeting of threads at each.
#include "kernels/recurrence.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrence.cpp"
#include "hwy/foreach_target.h"

#include <tuple>
#include <type_traits>

#include "kernels/tile-inl.h"

#ifndef VITRO_KERNELS_RECURRENCE_TASK
#define VITRO_KERNELS_RECURRENCE_TASK
namespace vitro::kernels {

inline constexpr int64_t block = 16;     // units, the width of a panel
inline constexpr int64_t task_rows = 16; // at most
inline constexpr int64_t most_gates = 4;
inline constexpr int64_t abreast =
    4; // panels that are multiplied together, at most: all gates of a block, or as many blocks
inline constexpr int64_t k_block = 160; // steps of k that a strip of panels stays in the first-level cache for
inline constexpr int64_t ahead = 4;     // rows that are fetched before their turn
inline constexpr int64_t apart = 16; // floats between rows of scratch, so that they fall on different sets of a cache

/// Where everything lies that a step needs.
struct Steps {
  Recurrence of;
  int64_t gates, blocks, padded; // padded: units in whole blocks
  // Of the product [rows, k] by panels: k is `parts` runs of `units`, a_part apart in a row; panels of a block, of a
  // gate.
  int64_t parts, a_row, a_part, block_panel, gate_panel;
  const float* panels;
  float* state[2]; // [batch][a_row]: h, or the gates' derivatives, of the last step and of this one
  float* cell;     // [batch][padded]: c, or what arrives at it
  float* direct;   // [batch][padded]: what comes to h of a step from the step behind but not through the product
};
struct ForwardSteps : Steps {
  RecurrenceForward to;
};
struct BackwardSteps : Steps {
  RecurrenceBackward to;
  bool has_direct;
};

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

static_assert(block == panel_columns);

/// z [panels][rows][16] = the state's rows times `panels` panels, the first at b.
void multiply(const Steps& s, const float* state, int64_t rows, const float* b, int64_t panels, int64_t b_panel,
              float* z) {
  const int64_t units = s.of.units, k = s.parts * units, chunks = (k + k_block - 1) / k_block;
  const int64_t chunk = ((k + chunks - 1) / chunks + 15) / 16 * 16; // of nearly equal length
  const int64_t strip = strip_panels(rows);
  int64_t part = 0, x = 0;
  for (bool continued = false; part < s.parts; continued = true) {
    Leg legs[most_gates];
    int64_t count = 0;
    for (int64_t steps = 0, some; part < s.parts && steps < chunk; steps += some) {
      some = units - x < chunk - steps ? units - x : chunk - steps;
      legs[count++] = {part * s.a_part + x, (part * units + x) * block, some};
      x += some;
      if (x == units) x = 0, ++part;
    }
    for (int64_t p = 0, wide; p < panels; p += wide) {
      wide = next(panels - p, strip);
      Tile tile{.legs = legs,
                .leg_count = count,
                .a = state,
                .a_row = s.a_row,
                .a_column = 1,
                .b = b + p * b_panel,
                .b_row = block,
                .b_panel = b_panel,
                .c = z + p * rows * block,
                .c_row = block,
                .c_panel = rows * block,
                .continued = continued,
                .last_columns = block,
                .pads = false};
      for (int64_t r = 0, tall; r < rows; r += tall) {
        tall = next(rows - r, most_rows(wide));
        tile.a = state + r * s.a_row;
        tiles<>.of[tall - 1][wide - 1](tile);
        tile.c += tall * block;
      }
    }
  }
}

HWY_INLINE V load(const float* p, int64_t count) { return count >= lanes ? hn::LoadU(Tag(), p) : load_first(p, count); }
HWY_INLINE void store(V v, float* p, int64_t count) {
  if (count >= lanes)
    hn::StoreU(v, Tag(), p);
  else
    store_first(v, p, count);
}
HWY_INLINE void store_to(V v, float* p, int64_t at, int64_t count) {
  if (p) store(v, p + at, count);
}
/// x (1 - x)
HWY_INLINE V slope_of_sigmoid(V x) { return hn::NegMulAdd(x, x, x); }
/// 1 - x^2
HWY_INLINE V slope_of_tanh(V x) { return hn::NegMulAdd(x, x, constant(1.0F)); }

/// A cell's values at one step, and the derivatives that arrive there.
struct At {
  V x[most_gates], z[most_gates], gate[most_gates]; // the input's part, the state's, and the activated gates
  V h, c, kept;                                     // before the step; after it. kept: see RecurrenceForward
  V dh, dc, dx[most_gates], dz[most_gates],
      direct; // direct: what goes to h before the step, but not through the product
};

/// What a gate is made of: a function of the sum of its two parts, or more than that, for the cell to say.
enum class Gate : uint8_t { sigmoid, tanh, own };

struct Lstm {
  static constexpr int gates = 4;
  static constexpr Gate gate[] = {Gate::sigmoid, Gate::sigmoid, Gate::tanh, Gate::sigmoid};
  static constexpr bool has_cell = true, has_bias = false, has_gates = true, has_kept = true, has_direct = false;
  static HWY_INLINE void forward(At& at) {
    at.c = at.kept = hn::MulAdd(at.gate[1], at.c, hn::Mul(at.gate[0], at.gate[2]));
    at.h = hn::Mul(at.gate[3], tanh(at.c));
  }
  static HWY_INLINE void backward(At& at) { // c: before the step, kept: after it
    const V i = at.gate[0], f = at.gate[1], g = at.gate[2], o = at.gate[3], s = tanh(at.kept);
    at.dc = hn::MulAdd(hn::Mul(at.dh, o), slope_of_tanh(s), at.dc);
    at.dx[0] = hn::Mul(hn::Mul(at.dc, g), slope_of_sigmoid(i));
    at.dx[1] = hn::Mul(hn::Mul(at.dc, at.c), slope_of_sigmoid(f));
    at.dx[2] = hn::Mul(hn::Mul(at.dc, i), slope_of_tanh(g));
    at.dx[3] = hn::Mul(hn::Mul(at.dh, s), slope_of_sigmoid(o));
    at.c = hn::Mul(at.dc, f); // what goes to the step before
  }
};

struct Gru {
  static constexpr int gates = 3;
  static constexpr Gate gate[] = {Gate::sigmoid, Gate::sigmoid, Gate::own};
  static constexpr bool has_cell = false, has_bias = true, has_gates = true, has_kept = true, has_direct = true;
  static HWY_INLINE void forward(At& at) {
    at.kept = at.z[2];
    at.gate[2] = tanh(hn::MulAdd(at.gate[0], at.z[2], at.x[2]));
    at.h = hn::MulAdd(at.gate[1], hn::Sub(at.h, at.gate[2]), at.gate[2]);
  }
  static HWY_INLINE void backward(At& at) {
    const V r = at.gate[0], u = at.gate[1], n = at.gate[2];
    at.dx[2] = hn::Mul(hn::NegMulAdd(at.dh, u, at.dh), slope_of_tanh(n));
    at.dx[1] = hn::Mul(hn::Mul(at.dh, hn::Sub(at.h, n)), slope_of_sigmoid(u));
    at.dx[0] = hn::Mul(hn::Mul(at.dx[2], at.kept), slope_of_sigmoid(r));
    at.dz[0] = at.dx[0], at.dz[1] = at.dx[1], at.dz[2] = hn::Mul(at.dx[2], r);
    at.direct = hn::Mul(at.dh, u);
  }
};

template <bool relu> struct Rnn {
  static constexpr int gates = 1;
  static constexpr Gate gate[] = {Gate::own};
  static constexpr bool has_cell = false, has_bias = false, has_gates = false, has_kept = false, has_direct = false;
  static HWY_INLINE void forward(At& at) {
    const V sum = hn::Add(at.x[0], at.z[0]);
    at.h = relu ? at_least(sum, 0.0F) : tanh(sum);
  }
  static HWY_INLINE void backward(At& at) {
    const V y = at.gate[0];
    at.dx[0] = relu ? hn::IfThenElseZero(hn::Gt(y, hn::Zero(Tag())), at.dh) : hn::Mul(at.dh, slope_of_tanh(y));
  }
};

// Rows of one step lie a whole sequence apart, which no processor foresees. While the product of a block runs, what the
// pass behind it reads and writes is on its way to the second level of cache, and from there, some rows ahead of its
// turn, to the first: where a sequence is a power of two long, rows fall on the same set, and that holds eight of them.
inline constexpr std::integral_constant<int, 1> first_level;
inline constexpr std::integral_constant<int, 2> second_level;
template <class Level> HWY_INLINE void fetch_line(const float* at, Level level) {
  __builtin_prefetch(at, 0, 4 - level);
}

HWY_INLINE bool runs(const int32_t* lengths, int64_t row, int64_t t) { return !lengths || t < lengths[row]; }

/// Step t of rows [row, row_end) for units of blocks [begin, end), at most `abreast` panels of them.
template <class Kind>
void forward(const ForwardSteps& s, int64_t t, int64_t row, int64_t row_end, int64_t begin, int64_t end) {
  constexpr int gates = Kind::gates;
  const auto& [of, to] = std::tie(s.of, s.to);
  const int64_t units = of.units, rows = row_end - row;
  const float* const last = s.state[t & 1];
  float* const now = s.state[~t & 1];
  HWY_ALIGN float z[abreast * task_rows * block];
  const auto fetch = [&](int64_t r, auto level) HWY_ATTR {
    const int64_t step = r * of.time + t;
    for (int64_t b = begin; b < end && r < row_end; ++b) {
      for (int g = 0; g < gates; ++g) fetch_line(to.gates + (step * gates + g) * units + b * block, level);
      for (const float* to_row : {to.before, to.y, to.kept})
        if (to_row) fetch_line(to_row + step * units + b * block, level);
    }
  };
  for (int64_t r = row; r < row_end; ++r) fetch(r, second_level);
  multiply(s, last + row * s.a_row, rows, s.panels + begin * s.block_panel, gates == 1 ? end - begin : gates,
           gates == 1 ? s.block_panel : s.gate_panel, z);
  for (int64_t r = row; r < row_end; ++r) {
    fetch(r + ahead, first_level);
    const bool running = runs(to.lengths, r, t);
    const int64_t step = r * of.time + t;
    for (int64_t unit = begin * block; unit < end * block; unit += lanes) {
      const int64_t count = units - unit;
      if (count <= 0) break;
      At at;
      const float* const sums = z + ((unit / block - begin) * rows + (r - row)) * block + unit % block;
      at.h = hn::LoadU(Tag(), last + r * s.a_row + unit);
      if (Kind::has_cell) at.c = hn::LoadU(Tag(), s.cell + r * s.padded + unit);
      store_to(at.h, to.before, step * units + unit, count);
      V y = hn::Zero(Tag());
      if (running) {
#pragma GCC unroll 4
        for (int g = 0; g < gates; ++g) {
          at.z[g] = hn::LoadU(Tag(), sums + g * rows * block);
          at.x[g] = load(to.gates + (step * gates + g) * units + unit, count);
          if (Kind::has_bias) at.z[g] = hn::Add(at.z[g], load(to.bias + g * units + unit, count));
          if (Kind::gate[g] == Gate::sigmoid) at.gate[g] = sigmoid(hn::Add(at.x[g], at.z[g]));
          if (Kind::gate[g] == Gate::tanh) at.gate[g] = tanh(hn::Add(at.x[g], at.z[g]));
        }
        Kind::forward(at);
        y = at.h;
      } else {
#pragma GCC unroll 4
        for (int g = 0; g < gates; ++g) at.gate[g] = hn::Zero(Tag());
        at.kept = Kind::has_cell ? at.c : hn::Zero(Tag());
      }
      hn::StoreU(at.h, Tag(), now + r * s.a_row + unit);
      if (Kind::has_cell) hn::StoreU(at.c, Tag(), s.cell + r * s.padded + unit);
      store_to(y, to.y, step * units + unit, count);
      if (Kind::has_gates && to.activated) {
#pragma GCC unroll 4
        for (int g = 0; g < gates; ++g) store(at.gate[g], to.activated + (step * gates + g) * units + unit, count);
      }
      if (Kind::has_kept) store_to(at.kept, to.kept, step * units + unit, count);
      if (t + 1 == of.time) {
        store_to(at.h, to.h, r * units + unit, count);
        if (Kind::has_cell) store_to(at.c, to.c, r * units + unit, count);
      }
    }
  }
}

/// The same the other way; t = -1: what goes to the state before the first step.
template <class Kind>
void backward(const BackwardSteps& s, int64_t t, int64_t row, int64_t row_end, int64_t begin, int64_t end) {
  constexpr int gates = Kind::gates;
  const auto& [of, to] = std::tie(s.of, s.to);
  const int64_t units = of.units, rows = row_end - row;
  const float* const behind = s.state[~t & 1];
  float* const now = s.state[t & 1];
  const bool is_last = t + 1 == of.time;
  HWY_ALIGN float z[abreast * task_rows * block];
  const auto fetch = [&](int64_t r, auto level) HWY_ATTR {
    if (t < 0 || r >= row_end) return;
    const int64_t step = r * of.time + t;
    for (int64_t b = begin; b < end; ++b) {
      for (int g = 0; g < gates; ++g) fetch_line(to.activated + (step * gates + g) * units + b * block, level);
      if (Kind::has_kept) fetch_line(to.kept + (step - (Kind::has_cell && t)) * units + b * block, level);
      if (!to.dy.scalar) fetch_line(to.dy.data + step * units + b * block, level);
    }
  };
  for (int64_t r = row; r < row_end; ++r) fetch(r, second_level);
  if (!is_last)
    multiply(s, behind + row * s.a_row, rows, s.panels + begin * s.block_panel, end - begin, s.block_panel, z);
  for (int64_t r = row; r < row_end; ++r) {
    fetch(r + 1, first_level);
    const bool running = t >= 0 && runs(to.lengths, r, t);
    const int64_t step = r * of.time + t;
    for (int64_t unit = begin * block; unit < end * block; unit += lanes) {
      const int64_t count = units - unit;
      if (count <= 0) break;
      const auto arriving = [&](const Arriving& d, int64_t at)
                                HWY_ATTR { return d.scalar ? constant(*d.data) : load(d.data + at, count); };
      At at;
      const int64_t here = r * s.padded + unit;
      if (is_last) {
        at.dh = arriving(to.dh, r * units + unit);
      } else {
        at.dh = hn::LoadU(Tag(), z + ((unit / block - begin) * rows + (r - row)) * block + unit % block);
        if (s.has_direct) at.dh = hn::Add(at.dh, hn::LoadU(Tag(), s.direct + here));
      }
      if (Kind::has_cell) at.dc = is_last ? arriving(to.dc, r * units + unit) : hn::LoadU(Tag(), s.cell + here);
      if (t < 0) {
        store_to(at.dh, to.dh0, r * units + unit, count);
        if (Kind::has_cell) store_to(at.dc, to.dc0, r * units + unit, count);
        continue;
      }
      if (running) {
        at.dh = hn::Add(at.dh, arriving(to.dy, step * units + unit));
#pragma GCC unroll 4
        for (int g = 0; g < gates; ++g) at.gate[g] = load(to.activated + (step * gates + g) * units + unit, count);
        if (Kind::has_kept) at.kept = load(to.kept + step * units + unit, count);
        if (Kind::has_cell) at.c = load(t ? to.kept + (step - 1) * units + unit : to.c0 + r * units + unit, count);
        if (Kind::has_direct) at.h = load(to.before + step * units + unit, count);
        Kind::backward(at);
        if (!Kind::has_direct) at.direct = hn::Zero(Tag());
      } else {
#pragma GCC unroll 4
        for (int g = 0; g < gates; ++g) at.dx[g] = at.dz[g] = hn::Zero(Tag());
        at.direct = at.dh;
        if (Kind::has_cell) at.c = at.dc;
      }
#pragma GCC unroll 4
      for (int g = 0; g < gates; ++g) {
        const V dz = Kind::has_direct ? at.dz[g] : at.dx[g];
        const int64_t place = (step * gates + g) * units + unit;
        hn::StoreU(dz, Tag(), now + r * s.a_row + g * s.padded + unit);
        store_to(at.dx[g], to.dgates, place, count);
        if (Kind::has_direct) store_to(dz, to.dz, place, count);
      }
      if (s.has_direct) hn::StoreU(at.direct, Tag(), s.direct + here);
      if (Kind::has_cell) hn::StoreU(at.c, Tag(), s.cell + here);
      store_to(at.dh, to.at_h, step * units + unit, count);
      if (Kind::has_cell) store_to(at.dc, to.at_c, step * units + unit, count);
    }
  }
}

/// Blocks [begin, end), as many at a time as there are panels `abreast`; step(kind, b, b_end), kind: a value of the
/// type of the cell.
template <class Step> HWY_INLINE void by_blocks(Cell cell, int64_t begin, int64_t end, int64_t some, Step step) {
  for (int64_t b = begin; b < end; b += some) {
    const int64_t b_end = end - b < some ? end : b + some;
    switch (cell) {
      case Cell::lstm: step(Lstm(), b, b_end); break;
      case Cell::gru: step(Gru(), b, b_end); break;
      case Cell::rnn_tanh: step(Rnn<false>(), b, b_end); break;
      case Cell::rnn_relu: step(Rnn<true>(), b, b_end); break;
    }
  }
}

void forward_step(const ForwardSteps& s, int64_t t, int64_t row, int64_t row_end, int64_t begin, int64_t end) {
  by_blocks(s.of.cell, begin, end, s.gates == 1 ? abreast : 1, [&](auto kind, int64_t b, int64_t b_end) HWY_ATTR {
    forward<decltype(kind)>(s, t, row, row_end, b, b_end);
  });
}

void backward_step(const BackwardSteps& s, int64_t t, int64_t row, int64_t row_end, int64_t begin, int64_t end) {
  by_blocks(s.of.cell, begin, end, abreast, [&](auto kind, int64_t b, int64_t b_end) HWY_ATTR {
    backward<decltype(kind)>(s, t, row, row_end, b, b_end);
  });
}

/// The panel of a gate's block for the way forth, [units][16], out of the row-major weight; zeros beside the last unit.
void pack_forward(const Steps& s, const float* weight, float* to, int64_t gate, int64_t b) {
  const int64_t units = s.of.units, left = units - b * block, columns = left < block ? left : block;
  if (columns < block)
    for (int64_t i = 0; i < units * block; ++i) to[i] = 0;
  transpose(weight + (gate * units + b * block) * units, units, columns, units, to, block);
}

/// The panel of a block for the way back, [gates * units][16].
void pack_backward(const Steps& s, const float* weight, float* to, int64_t b) {
  const int64_t units = s.of.units, left = units - b * block, columns = left < block ? left : block;
  if (s.of.panels) {
    for (int64_t m = 0; m < s.gates * units; m += block)
      transpose(weight + m * units + b * block * block, block, columns, columns, to + m * block, block);
    return;
  }
  const Tag d;
  for (int64_t m = 0; m < s.gates * units; ++m)
    for (int64_t j = 0; j < block; j += lanes) {
      const float* from = weight + m * units + b * block + j;
      hn::StoreU(columns - j >= lanes ? hn::LoadU(d, from)
                 : columns > j        ? load_first(from, columns - j)
                                      : hn::Zero(d),
                 d, to + m * block + j);
    }
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "core/threads.h"
#include "kernels/pieces.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(forward_step);
VITRO_TARGETS(backward_step);
VITRO_TARGETS(pack_forward);
VITRO_TARGETS(pack_backward);

constexpr int64_t worth_a_thread = 1 << 20; // multiplications and additions; less is done before a thread wakes
constexpr int64_t cost_of_reading = 5;      // an element of the weight, in multiply-adds
constexpr int64_t few_rows = 8;             // share a step's blocks out rather than be shared out
constexpr int64_t worth_packing = 1 << 16;  // elements

int64_t blocks_of(const Recurrence& of) { return (of.units + block - 1) / block; }
int64_t weight_elements(const Recurrence& of) { return gates_of(of.cell) * blocks_of(of) * block * of.units; }

/// Calls step(t, row, row_end, begin, end) for all steps 0 .. count-1 in order, all rows, all blocks.
template <class Step> void all_steps(const Steps& s, int64_t count, int64_t group, Step step) {
  const int64_t batch = s.of.batch, elements = s.gates * s.of.units * s.of.units;
  if (batch < few_rows) {
    const int64_t groups = (s.blocks + group - 1) / group;
    const bool shared = 2 * (batch + cost_of_reading) * elements >= worth_a_thread;
    for (int64_t t = 0; t < count; ++t) {
      const auto run = [&](int64_t task) { step(t, 0, batch, task * group, std::min(s.blocks, (task + 1) * group)); };
      if (shared)
        parallel(groups, run);
      else
        step(t, 0, batch, 0, s.blocks);
    }
    return;
  }
  const int64_t tasks = 2 * ((batch + 2 * task_rows - 1) / (2 * task_rows)); // pairs: two threads have as much
  const auto run = [&](int64_t task) {
    for (int64_t t = 0; t < count; ++t) step(t, task * batch / tasks, (task + 1) * batch / tasks, 0, s.blocks);
  };
  if (2 * batch * count * elements >= worth_a_thread) return parallel(tasks, run);
  for (int64_t task = 0; task < tasks; ++task) run(task);
}

/// Rows of `from` [batch, units], or zeros, to rows of scratch.
void copy_state(const Recurrence& of, const float* from, float* to, int64_t to_row) {
  for (int64_t r = 0; r < of.batch; ++r) {
    std::copy_n(from + r * of.units, of.units, to + r * to_row);
    std::fill(to + r * to_row + of.units, to + (r + 1) * to_row, 0.0F);
  }
}

struct Scratch {
  int64_t padded, row, floats; // a row of state
  Scratch(const Recurrence& of, bool backward)
      : padded(blocks_of(of) * block), row((backward ? gates_of(of.cell) : 1) * padded + apart),
        floats(of.batch * (2 * row + 2 * padded)) {}
};

Steps steps_of(const Recurrence& of, bool backward, float* at) {
  const Scratch scratch(of, backward);
  const int64_t gates = gates_of(of.cell), batch = of.batch;
  return {.of = of,
          .gates = gates,
          .blocks = blocks_of(of),
          .padded = scratch.padded,
          .parts = backward ? gates : 1,
          .a_row = scratch.row,
          .a_part = scratch.padded,
          .block_panel = (backward ? gates : 1) * of.units * block,
          .gate_panel = blocks_of(of) * of.units * block,
          .panels = at + scratch.floats,
          .state = {at, at + batch * scratch.row},
          .cell = at + 2 * batch * scratch.row,
          .direct = at + 2 * batch * scratch.row + batch * scratch.padded};
}

} // namespace

int64_t recurrence_workspace(const Recurrence& of) {
  return (Scratch(of, false).floats + (of.panels ? 0 : weight_elements(of))) * int64_t(sizeof(float));
}
int64_t recurrence_gradient_workspace(const Recurrence& of) {
  return (Scratch(of, true).floats + weight_elements(of)) * int64_t(sizeof(float));
}

void recurrence(const Recurrence& of, const RecurrenceForward& to, void* workspace) {
  auto* const at = static_cast<float*>(workspace);
  ForwardSteps s{steps_of(of, false, at), to};
  if (of.panels) {
    s.panels = to.weight;
  } else {
    float* const panels = at + Scratch(of, false).floats;
    in_pieces(s.gates * s.blocks, weight_elements(of), worth_packing, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        VITRO_DISPATCH(pack_forward)(s, to.weight, panels + p * s.block_panel, p / s.blocks, p % s.blocks);
    });
  }
  copy_state(of, to.h0, s.state[0], s.a_row);
  if (to.c0) copy_state(of, to.c0, s.cell, s.padded);
  all_steps(s, of.time, s.gates == 1 ? abreast : 1,
            [&, step = VITRO_DISPATCH(forward_step)](int64_t t, int64_t row, int64_t row_end, int64_t begin,
                                                     int64_t end) { step(s, t, row, row_end, begin, end); });
}

void recurrence_gradient(const Recurrence& of, const RecurrenceBackward& to, void* workspace) {
  auto* const at = static_cast<float*>(workspace);
  const BackwardSteps s{steps_of(of, true, at), to, of.cell == Cell::gru || to.lengths != nullptr};
  float* const panels = at + Scratch(of, true).floats;
  in_pieces(s.blocks, weight_elements(of), worth_packing, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) VITRO_DISPATCH(pack_backward)(s, to.weight, panels + b * s.block_panel, b);
  });
  all_steps(
      s, of.time + 1, abreast,
      [&, step = VITRO_DISPATCH(backward_step)](int64_t i, int64_t row, int64_t row_end, int64_t begin, int64_t end) {
        step(s, of.time - 1 - i, row, row_end, begin, end);
      });
}

void reverse_steps(int64_t batch, int64_t time, int64_t inner, const int32_t* lengths, const float* x, float* y) {
  in_pieces(batch, batch * time * inner, worth_packing, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t length = lengths ? lengths[b] : time;
      for (int64_t t = 0; t < length; ++t)
        std::copy_n(x + (b * time + length - 1 - t) * inner, inner, y + (b * time + t) * inner);
      std::copy_n(x + (b * time + length) * inner, (time - length) * inner, y + (b * time + length) * inner);
    }
  });
}

} // namespace vitro::kernels
#endif

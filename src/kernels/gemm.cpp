// The matrix product: B in panels, a register tile of C, the rest is how to walk.
//
// A tile of rows x panels of C stays in registers while k runs; each step of k loads one row of the
// panels and broadcasts one element of A per row (Goto, van de Geijn, "Anatomy of high-performance
// matrix multiplication", 2008; Van Zee, van de Geijn, "BLIS", 2015). Long k is cut into blocks, so
// that a group of panels stays in the first-level cache while the rows pass over it; a tile then
// loads C and continues its chains, which changes no bit.
#include "kernels/gemm.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

#ifndef VITRO_KERNELS_GEMM_BLOCK
#define VITRO_KERNELS_GEMM_BLOCK
namespace vitro::kernels {

/// What a task needs to know: the operands, B in panels.
struct GemmOperands {
  GemmShape shape;
  Matrix a;
  const float* b;
  float* c;
  int64_t c_row, c_panel; // elements from a row of C to the next, from 16 columns to the next
  bool c_in_panels;
};

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

// The largest tile: its sums, one row of the panels and one broadcast fill the vector registers.
#if HWY_TARGET == HWY_AVX3
inline constexpr int most_rows = 8, most_panels = 3; // 24 + 3 + 1 of 32 registers
#elif HWY_TARGET == HWY_AVX2
inline constexpr int most_rows = 6, most_panels = 1; // 12 + 2 + 1 of 16
#elif HWY_TARGET == HWY_NEON
inline constexpr int most_rows = 6, most_panels = 1; // 24 + 4 + 1 of 32
#else
inline constexpr int most_rows = 2, most_panels = 1; // 8 + 4 + 1 of 16
#endif
inline constexpr int vectors = int(panel_width / lanes); // of one row of a panel
inline constexpr int64_t k_block = 256;

struct Tile {
  int64_t k;
  const float* a;
  int64_t a_row, a_column;
  const float* b;
  int64_t b_panel;
  float* c;
  int64_t c_row, c_panel;
  bool continued;       // C holds the sums so far
  int64_t last_columns; // of the last panel's 16, those that exist
  bool c_in_panels;
};

template <int rows, int panels> void multiply_tile(const Tile& t) {
  const Tag d;
  V sum[rows][panels][vectors];
  const float* a[rows];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    a[i] = t.a + i * t.a_row;
#pragma GCC unroll 16
    for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sum[i][p][v] = hn::Zero(d);
  }

  // The last panel may be cut off anywhere; all else is whole vectors.
  const auto columns = [&](int p, int v) HWY_ATTR {
    return p + 1 < panels ? lanes : t.last_columns - v * lanes; // of this vector: may be <= 0 or >= lanes
  };
  if (t.continued) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
          const float* c = t.c + i * t.c_row + p * t.c_panel + v * lanes;
          if (const int64_t some = columns(p, v); some >= lanes)
            sum[i][p][v] = hn::LoadU(d, c);
          else if (some > 0)
            sum[i][p][v] = load_first(c, some);
        }
  }

  const float* b = t.b;
  for (int64_t k = 0, at = 0; k < t.k; ++k, at += t.a_column, b += panel_width) {
    V row[panels][vectors];
#pragma GCC unroll 16
    for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) row[p][v] = hn::LoadU(d, b + p * t.b_panel + v * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const V x = hn::Set(d, a[i][at]);
#pragma GCC unroll 16
      for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sum[i][p][v] = hn::MulAdd(x, row[p][v], sum[i][p][v]);
    }
  }

#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) {
        float* c = t.c + i * t.c_row + p * t.c_panel + v * lanes;
        const int64_t some = columns(p, v);
        if (some >= lanes)
          hn::StoreU(sum[i][p][v], d, c);
        else if (t.c_in_panels) // the padding is zero even where A holds infinities
          hn::StoreU(some > 0 ? hn::IfThenElseZero(hn::FirstN(d, size_t(some)), sum[i][p][v]) : hn::Zero(d), d, c);
        else if (some > 0)
          store_first(sum[i][p][v], c, some);
      }
}

using MultiplyTile = void (*)(const Tile&);
template <int rows> inline constexpr MultiplyTile tiles_of[] = {
    multiply_tile<rows, 1>,
#if HWY_TARGET == HWY_AVX3
    multiply_tile<rows, 2>, multiply_tile<rows, 3>
#endif
};
inline constexpr const MultiplyTile* tiles[] = {
    tiles_of<1>, tiles_of<2>,
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_NEON
    tiles_of<3>, tiles_of<4>, tiles_of<5>, tiles_of<6>,
#endif
#if HWY_TARGET == HWY_AVX3
    tiles_of<7>, tiles_of<8>,
#endif
};
static_assert(sizeof(tiles) / sizeof(tiles[0]) == most_rows && sizeof(tiles_of<1>) / sizeof(tiles_of<1>[0]) == most_panels);

/// The next step through `left`: the largest, but what remains at the end is halved (9 = 5 + 4).
constexpr int64_t next(int64_t left, int64_t most) {
  return left >= 2 * most || left <= most ? (left < most ? left : most) : (left + 1) / 2;
}

/// Rows [row, row_end) and panels [panel, panel_end) of C.
void multiply_block(const GemmOperands& g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
  const auto [m, n, k] = g.shape;
  int64_t k0 = 0;
  do {
    const int64_t k1 = k - k0 > k_block ? k0 + k_block : k;
    for (int64_t p = panel, panels; p < panel_end; p += panels) {
      panels = next(panel_end - p, most_panels);
      const int64_t last = n - (p + panels - 1) * panel_width;
      for (int64_t i = row, rows; i < row_end; i += rows) {
        rows = next(row_end - i, most_rows);
        tiles[rows - 1][panels - 1]({.k = k1 - k0,
                                     .a = g.a.data + i * g.a.row + k0 * g.a.column,
                                     .a_row = g.a.row,
                                     .a_column = g.a.column,
                                     .b = g.b + (p * k + k0) * panel_width,
                                     .b_panel = k * panel_width,
                                     .c = g.c + i * g.c_row + p * g.c_panel,
                                     .c_row = g.c_row,
                                     .c_panel = g.c_panel,
                                     .continued = k0 > 0,
                                     .last_columns = last < panel_width ? last : panel_width,
                                     .c_in_panels = g.c_in_panels});
      }
    }
    k0 = k1;
  } while (k0 < k);
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/threads.h"

namespace vitro::kernels {
namespace {

HWY_EXPORT(multiply_block);

constexpr int64_t worth_a_thread = 1 << 20; // multiplications and additions; less is done before a thread wakes

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Runs all tasks, on several threads where the whole is worth it.
template <class Body> void run_tasks(int64_t tasks, int64_t work, Body&& body) {
  if (work >= worth_a_thread)
    parallel(tasks, body);
  else
    for (int64_t task = 0; task < tasks; ++task) body(task);
}

/// One panel of B, [k][16].
void pack_panel(const Matrix& b, int64_t k, int64_t n, int64_t panel, float* out) {
  const float* first = b.data + panel * panel_width * b.column;
  const int64_t columns = std::min(panel_width, n - panel * panel_width);
  if (b.column == 1 && columns == panel_width) {
    for (int64_t i = 0; i < k; ++i) std::memcpy(out + i * panel_width, first + i * b.row, panel_width * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < panel_width; ++j)
      out[i * panel_width + j] = j < columns ? first[i * b.row + j * b.column] : 0;
}

} // namespace

int64_t gemm_workspace(GemmShape shape, bool b_in_panels) {
  return b_in_panels ? 0 : ceil_div(shape.n, panel_width) * shape.k * panel_width * int64_t(sizeof(float));
}

void gemm(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels, void* workspace, Epilogue epilogue) {
  const auto [m, n, k] = shape;
  if (m == 0 || n == 0) return;
  const int64_t panels = ceil_div(n, panel_width), work = 2 * m * n * k;

  const float* packed = b.data;
  if (!b.panels) {
    float* out = static_cast<float*>(workspace);
    run_tasks(panels, work, [&](int64_t panel) { pack_panel(b, k, n, panel, out + panel * k * panel_width); });
    packed = out;
  }
  const GemmOperands operands{.shape = shape,
                              .a = a,
                              .b = packed,
                              .c = c,
                              .c_row = c_in_panels ? panel_width : n,
                              .c_panel = c_in_panels ? m * panel_width : panel_width,
                              .c_in_panels = c_in_panels};
  const auto block = HWY_DYNAMIC_DISPATCH(multiply_block);

  // Few rows are cut into groups of panels, many rows into groups of rows: by the shape alone.
  const bool few_rows = m <= 16;
  const int64_t task_rows = few_rows ? m : std::clamp<int64_t>(ceil_div(ceil_div(m, 16), 8) * 8, 16, 64);
  const int64_t task_panels = few_rows ? ceil_div(ceil_div(panels, 16), 3) * 3 : panels;
  const int64_t row_tasks = ceil_div(m, task_rows), panel_tasks = ceil_div(panels, task_panels);

  run_tasks(row_tasks * panel_tasks, work, [&](int64_t task) {
    const int64_t row = task / panel_tasks * task_rows, row_end = std::min(row + task_rows, m);
    const int64_t panel = task % panel_tasks * task_panels, panel_end = std::min(panel + task_panels, panels);
    block(operands, row, row_end, panel, panel_end);
    if (!epilogue.run) return;
    if (c_in_panels)
      for (int64_t p = panel; p < panel_end; ++p)
        epilogue.run(epilogue.context, (p * m + row) * panel_width, (p * m + row_end) * panel_width);
    else if (panel_tasks == 1)
      epilogue.run(epilogue.context, row * n, row_end * n);
  });
  // Row-major C cut by columns has no finished range until all tasks are done.
  if (epilogue.run && !c_in_panels && panel_tasks > 1) epilogue.run(epilogue.context, 0, m * n);
}

void gemm_plain(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels) {
  const auto [m, n, k] = shape;
  const int64_t columns = c_in_panels ? ceil_div(n, panel_width) * panel_width : n;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float sum = 0;
      const int64_t panel = j / panel_width, lane = j % panel_width;
      for (int64_t x = 0; x < k && j < n; ++x) {
        const float y = b.panels ? b.data[(panel * k + x) * panel_width + lane] : b.data[x * b.row + j * b.column];
        sum = std::fma(a.data[i * a.row + x * a.column], y, sum);
      }
      c[c_in_panels ? (panel * m + i) * panel_width + lane : i * n + j] = sum;
    }
}

} // namespace vitro::kernels
#endif

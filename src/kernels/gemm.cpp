// The matrix product: B in panels, a register tile of C, the rest is how to walk.
//
// A tile of rows x panels of C stays in registers while k runs; each step of k loads one row of the
// panels and broadcasts one element of A per row (Goto, van de Geijn, "Anatomy of high-performance
// matrix multiplication", 2008; Van Zee, van de Geijn, "BLIS", 2015). Long k is cut into blocks, so
// that what the rows of a task pass over stays in a near cache; a tile then loads C and continues its
// chains, which changes no bit.
//
// A is read where it lies; where its elements along k are far apart, a task copies its rows first.
// B is packed into panels, except where so few rows would use them that its rows are read in place.
#include "kernels/gemm.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

#ifndef VITRO_KERNELS_GEMM_BLOCK
#define VITRO_KERNELS_GEMM_BLOCK
namespace vitro::kernels {

inline constexpr int64_t most_task_rows = 64;

/// What a task needs to know. Steps are in elements: from a row to the next, from 16 columns to the next.
struct GemmOperands {
  GemmShape shape;
  Matrix a;
  const float* b;
  int64_t b_row, b_panel;
  float* c;
  int64_t c_row, c_panel;
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
  int64_t b_row, b_panel;
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
  for (int64_t k = 0, at = 0; k < t.k; ++k, at += t.a_column, b += t.b_row) {
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
template <int rows> inline constexpr MultiplyTile tiles_of[] = {multiply_tile<rows, 1>,
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
static_assert(sizeof(tiles) / sizeof(tiles[0]) == most_rows &&
              sizeof(tiles_of<1>) / sizeof(tiles_of<1>[0]) == most_panels);

/// The next step through `left`: the largest, but what remains at the end is halved (9 = 5 + 4).
constexpr int64_t next(int64_t left, int64_t most) {
  return left >= 2 * most || left <= most ? (left < most ? left : most) : (left + 1) / 2;
}

/// Copies A's rows [row, row_end) for k in [k0, k1) tile by tile, each [k][rows of the tile].
void pack_rows(const Matrix& a, int64_t row, int64_t row_end, int64_t k0, int64_t k1, float* out) {
  for (int64_t i = row, rows; i < row_end; i += rows) {
    rows = next(row_end - i, most_rows);
    for (int64_t k = k0; k < k1; ++k, out += rows) {
      const float* from = a.data + i * a.row + k * a.column;
      int64_t r = 0;
#if HWY_TARGET != HWY_SCALAR
      const hn::FixedTag<float, 4> d;
      if (a.row == 1)
        for (; r + 4 <= rows; r += 4) hn::StoreU(hn::LoadU(d, from + r), d, out + r);
#endif
      for (; r < rows; ++r) out[r] = from[r * a.row];
    }
  }
}

/// Rows [row, row_end), at most `most_task_rows`, and panels [panel, panel_end) of C.
void multiply_block(const GemmOperands& g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
  const auto [m, n, k] = g.shape;
  HWY_ALIGN float packed[most_task_rows * k_block];
  const bool packs = g.a.column != 1 && panel_end - panel > most_panels;
  const int64_t blocks = k > k_block ? (k + k_block - 1) / k_block : 1; // of nearly equal length
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t k0 = block * k / blocks, k1 = (block + 1) * k / blocks;
    if (packs) pack_rows(g.a, row, row_end, k0, k1, packed);
    for (int64_t p = panel, panels; p < panel_end; p += panels) {
      panels = next(panel_end - p, most_panels);
      const int64_t last = n - (p + panels - 1) * panel_width;
      for (int64_t i = row, rows; i < row_end; i += rows) {
        rows = next(row_end - i, most_rows);
        tiles[rows - 1][panels - 1](
            {.k = k1 - k0,
             .a = packs ? packed + (i - row) * (k1 - k0) : g.a.data + i * g.a.row + k0 * g.a.column,
             .a_row = packs ? 1 : g.a.row,
             .a_column = packs ? rows : g.a.column,
             .b = g.b + p * g.b_panel + k0 * g.b_row,
             .b_row = g.b_row,
             .b_panel = g.b_panel,
             .c = g.c + i * g.c_row + p * g.c_panel,
             .c_row = g.c_row,
             .c_panel = g.c_panel,
             .continued = k0 > 0,
             .last_columns = last < panel_width ? last : panel_width,
             .c_in_panels = g.c_in_panels});
      }
    }
  }
}

/// One panel [k][16] of B, whose first `columns` columns start at b; zeros in the others.
void pack_panel(const float* b, int64_t row, int64_t column, int64_t k, int64_t columns, float* out) {
  int64_t done = 0; // rows
#if HWY_TARGET != HWY_SCALAR
  if (columns == panel_width && (row == 1 || column == 1)) {
    const hn::FixedTag<float, 4> d;
    if (column == 1) {
      for (; done < k; ++done)
        for (int64_t j = 0; j < panel_width; j += 4)
          hn::Store(hn::LoadU(d, b + done * row + j), d, out + done * panel_width + j);
    } else {
      // Blocks of 4 x 4 are transposed in registers.
      for (; done + 4 <= k; done += 4)
        for (int64_t j = 0; j < panel_width; j += 4) {
          const float* from = b + done + j * column;
          const auto x0 = hn::LoadU(d, from), x1 = hn::LoadU(d, from + column);
          const auto x2 = hn::LoadU(d, from + 2 * column), x3 = hn::LoadU(d, from + 3 * column);
          const auto low01 = hn::InterleaveLower(d, x0, x1), low23 = hn::InterleaveLower(d, x2, x3);
          const auto high01 = hn::InterleaveUpper(d, x0, x1), high23 = hn::InterleaveUpper(d, x2, x3);
          float* to = out + done * panel_width + j;
          hn::Store(hn::ConcatLowerLower(d, low23, low01), d, to);
          hn::Store(hn::ConcatUpperUpper(d, low23, low01), d, to + panel_width);
          hn::Store(hn::ConcatLowerLower(d, high23, high01), d, to + 2 * panel_width);
          hn::Store(hn::ConcatUpperUpper(d, high23, high01), d, to + 3 * panel_width);
        }
    }
  }
#endif
  for (; done < k; ++done)
    for (int64_t j = 0; j < panel_width; ++j)
      out[done * panel_width + j] = j < columns ? b[done * row + j * column] : 0;
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
HWY_EXPORT(pack_panel);

constexpr int64_t worth_a_thread = 1 << 20; // multiplications and additions; less is done before a thread wakes

constexpr int64_t few_rows = 24; // that a copy of B's rows doesn't pay for

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Runs all tasks, on several threads where the whole is worth it.
template <class Body> void run_tasks(int64_t tasks, int64_t work, Body&& body) {
  if (work >= worth_a_thread)
    parallel(tasks, body);
  else
    for (int64_t task = 0; task < tasks; ++task) body(task);
}

} // namespace

int64_t gemm_workspace(GemmShape shape, bool b_in_panels) {
  return b_in_panels ? 0 : ceil_div(shape.n, panel_width) * shape.k * panel_width * int64_t(sizeof(float));
}

void gemm(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels, void* workspace, Epilogue epilogue) {
  const auto [m, n, k] = shape;
  if (m == 0 || n == 0) return;
  const int64_t panels = ceil_div(n, panel_width), work = 2 * m * n * k;

  // B is read in place where it is in panels, or where few rows would use its copy and whole vectors
  // of columns lie side by side; of that only the last panel, if it is cut off, is copied.
  const bool in_place = b.panels || (b.column == 1 && m <= few_rows);
  const int64_t first_packed = b.panels ? panels : in_place ? n / panel_width : 0;
  float* const copies = static_cast<float*>(workspace);
  run_tasks(panels - first_packed, work, [&, pack = HWY_DYNAMIC_DISPATCH(pack_panel)](int64_t task) {
    const int64_t column = (first_packed + task) * panel_width;
    pack(b.data + column * b.column, b.row, b.column, k, std::min(panel_width, n - column), copies + column * k);
  });
  const GemmOperands packed{.shape = shape,
                            .a = a,
                            .b = copies,
                            .b_row = panel_width,
                            .b_panel = k * panel_width,
                            .c = c,
                            .c_row = c_in_panels ? panel_width : n,
                            .c_panel = c_in_panels ? m * panel_width : panel_width,
                            .c_in_panels = c_in_panels};
  GemmOperands direct = packed;
  direct.b = b.data;
  if (!b.panels) direct.b_row = b.row, direct.b_panel = panel_width;

  // Few rows are cut into groups of panels, many rows into groups of rows: by the shape alone. The
  // more of B there is, the more rows have to share a walk through it.
  const int64_t least_rows = k * n > 1 << 18 ? most_task_rows : 16;
  const int64_t task_rows = m <= 16 ? m : std::clamp(ceil_div(ceil_div(m, 16), 8) * 8, least_rows, most_task_rows);
  const int64_t task_panels = m <= 16 ? ceil_div(ceil_div(panels, 16), 3) * 3 : panels;
  const int64_t row_tasks = ceil_div(m, task_rows), panel_tasks = ceil_div(panels, task_panels);

  run_tasks(row_tasks * panel_tasks, work, [&, multiply = HWY_DYNAMIC_DISPATCH(multiply_block)](int64_t task) {
    const int64_t row = task / panel_tasks * task_rows, row_end = std::min(row + task_rows, m);
    const int64_t panel = task % panel_tasks * task_panels, panel_end = std::min(panel + task_panels, panels);
    const int64_t middle = std::clamp(first_packed, panel, panel_end);
    if (panel < middle) multiply(direct, row, row_end, panel, middle);
    if (middle < panel_end) multiply(packed, row, row_end, middle, panel_end);
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

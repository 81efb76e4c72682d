// The matrix product: B in panels, a register tile of C, the rest is how to walk.
//
// Long k is cut into blocks, so that what the tiles (tile-inl.h) of a strip (one to three panels) pass over stays in
// the first-level cache; a tile then loads C and continues its chains, which changes no bit.
//
// B is packed into panels, except where so few rows would use them that its rows are read in place. A is read where it
// lies, except where its elements along k would fall on few sets of a cache: then its transpose is packed.
#include "kernels/gemm.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include "hwy/foreach_target.h"

#include "kernels/tile-inl.h"

#ifndef VITRO_KERNELS_GEMM_BLOCK
#define VITRO_KERNELS_GEMM_BLOCK
namespace vitro::kernels {

/// What a task needs to know. Steps are in elements: from a row to the next, from 16 columns to the next.
struct GemmOperands {
  GemmShape shape;
  Matrix a;
  const float* b;
  int64_t b_row, b_panel;
  Product c;
  Epilogue epilogue;
};

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t block_rows = 64; // of C, finished together: with a strip they stay in the first-level cache
inline constexpr int64_t k_block = 160;
static_assert(panel_columns == panel_width);

/// Rows [row, row_end) and panels [panel, panel_end) of C as a part of its storage.
Stripes part_of(const GemmOperands& g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
  const auto [m, n, k] = g.shape;
  const int64_t j = panel * panel_width, j_end = n < panel_end * panel_width ? n : panel_end * panel_width;
  switch (g.c.form) {
    case Product::panels:
      return {(panel * m + row) * panel_width, (panel * m + row_end) * panel_width, panel_end - panel, m * panel_width};
    case Product::transposed:
      if (row_end - row == m) return {j * m, j_end * m};
      return {j * m + row, j * m + row_end, j_end - j, m};
    default:
      if (j_end - j == n) return {row * n, row_end * n};
      return {row * n + j, row * n + j_end, row_end - row, n};
  }
}

/// The sums of C's rows [row, row_end) and `panels` panels from `panel`, over all of k, to `c`.
void multiply_strip(const GemmOperands& g, int64_t row, int64_t row_end, int64_t panel, int64_t panels, float* c,
                    int64_t c_row, int64_t c_panel, bool pads) {
  const auto [m, n, k] = g.shape;
  const int64_t last = n - (panel + panels - 1) * panel_width, last_columns = last < panel_width ? last : panel_width;
  const int64_t blocks = k > k_block ? (k + k_block - 1) / k_block : 1; // of nearly equal length, in whole panels of A
  const int64_t step = k > k_block ? (k + blocks * panel_width - 1) / (blocks * panel_width) * panel_width : k;
  const bool packed = g.a.form == Matrix::transposed_panels;
  const int64_t a_row = packed ? 1 : g.a.form == Matrix::panels ? panel_width : g.a.row;
  const int64_t a_column = packed ? panel_width : g.a.form == Matrix::panels ? 1 : g.a.column;
  int64_t k0 = 0;
  do {
    const int64_t k1 = k - k0 < step ? k : k0 + step;
    Leg legs[k_block / panel_width + 1]; // A in panels: one for each of them
    int64_t leg_count = 0;
    const int64_t leg_steps = g.a.form == Matrix::panels ? panel_width : k1 - k0;
    for (int64_t x = 0; x < k1 - k0; x += leg_steps)
      legs[leg_count++] = {x * m, x * g.b_row, k1 - k0 - x < leg_steps ? k1 - k0 - x : leg_steps};
    Tile tile{.legs = legs,
              .leg_count = leg_count,
              .a = nullptr,
              .a_row = a_row,
              .a_column = a_column,
              .b = g.b + panel * g.b_panel + k0 * g.b_row,
              .b_row = g.b_row,
              .b_panel = g.b_panel,
              .c = c,
              .c_row = c_row,
              .c_panel = c_panel,
              .continued = k0 > 0,
              .last_columns = last_columns,
              .pads = pads};
    for (int64_t i = row, rows; i < row_end; i += rows) {
      const int64_t left = row_end - i, in_panel = panel_width - i % panel_width;
      rows = next(packed && left > in_panel ? in_panel : left, most_rows(panels));
      if (k0 == 0 && g.epilogue.ahead)
        g.epilogue.ahead(g.epilogue.context, part_of(g, i, i + rows, panel, panel + panels));
      tile.a = g.a.data + (g.a.form == Matrix::panels ? k0 * m : k0 * a_column) +
               (packed ? i / panel_width * panel_width * k + i % panel_width : i * a_row);
      tiles<>.of[rows - 1][panels - 1](tile);
      tile.c += rows * c_row;
    }
    k0 = k1;
  } while (k0 < k);
}

/// Rows [row, row_end) and panels [panel, panel_end) of C, block by block, each with its epilogue.
void multiply(const GemmOperands& g, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
  const auto [m, n, k] = g.shape;
  float* const c = g.c.data;
  const auto finished = [&](const Stripes& part, const float* values, int64_t step) {
    if (g.epilogue.run) g.epilogue.run(g.epilogue.context, part, values, step);
  };
  HWY_ALIGN float square[block_rows * strip_panels(block_rows) * panel_width]; // a block that has no place in C
  for (int64_t i = row, i_end; i < row_end; i = i_end) {
    i_end = row_end - i < block_rows ? row_end : i + block_rows;
    const int64_t rows = i_end - i;
    const bool squared = g.c.form == Product::transposed || !c;
    const int64_t widest_strip = strip_panels(squared ? block_rows : rows);
    for (int64_t p = panel, panels; p < panel_end; p += panels) {
      panels = next(panel_end - p, widest_strip);
      const int64_t j = p * panel_width;
      switch (g.c.form) {
        case Product::rows: multiply_strip(g, i, i_end, p, panels, c + i * n + j, n, panel_width, false); break;
        case Product::panels: {
          float* const to = c ? c + j * m + i * panel_width : square;
          const int64_t to_panel = c ? m * panel_width : rows * panel_width;
          multiply_strip(g, i, i_end, p, panels, to, panel_width, to_panel, true);
          finished(part_of(g, i, i_end, p, p + panels), to, to_panel);
          break;
        }
        case Product::transposed: {
          const int64_t columns = panels * panel_width;
          multiply_strip(g, i, i_end, p, panels, square, columns, panel_width, true);
          transpose(square, columns, rows, n - j < columns ? n - j : columns, c + j * m + i, m);
        }
      }
    }
    if (g.c.form == Product::panels) continue;
    const Stripes part = part_of(g, i, i_end, panel, panel_end);
    finished(part, c + part.begin, part.step);
  }
}

/// One panel [k][16] of B, whose first `columns` columns start at b; zeros in the others.
void pack_panel(const float* b, int64_t row, int64_t column, int64_t k, int64_t columns, float* out) {
  const Tag d;
  if (column == 1) {
    for (int64_t x = 0; x < k; ++x, b += row, out += panel_width)
      for (int64_t j = 0; j < panel_width; j += lanes) {
        const int64_t some = columns - j;
        hn::StoreU(some >= lanes ? hn::LoadU(d, b + j) : some > 0 ? load_first(b + j, some) : hn::Zero(d), d, out + j);
      }
  } else if (columns == panel_width && row == 1) {
    transpose(b, column, panel_width, k, out, panel_width);
  } else {
    for (int64_t x = 0; x < k; ++x)
      for (int64_t j = 0; j < panel_width; ++j) out[x * panel_width + j] = j < columns ? b[x * row + j * column] : 0;
  }
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

VITRO_TARGETS(multiply);
VITRO_TARGETS(pack_panel);

constexpr int64_t worth_a_thread = 1 << 20; // multiplications and additions; less is done before a thread wakes
constexpr int64_t cost_of_reading = 5;      // an element of B, in multiply-adds: with few rows memory sets the pace

constexpr int64_t few_rows = 24; // that a copy of B's rows doesn't pay for
constexpr int64_t few_panels =
    12; // that are shared out in pairs of strips of two, for balance; more in strips of three
constexpr int64_t least_rows = 64; // of a task that walks all panels

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Runs all tasks, on several threads where the whole is worth it.
template <class Body> void run_tasks(int64_t tasks, int64_t work, Body&& body) {
  if (work >= worth_a_thread)
    parallel(tasks, body);
  else
    for (int64_t task = 0; task < tasks; ++task) body(task);
}

// Whether a copy of A pays: several strips read it, and its elements along k lie so that they fall on few sets of a
// cache.
bool packs_a(GemmShape shape, Matrix a) {
  return a.form == Matrix::strided && a.column > 1 && a.column % 256 == 0 && shape.m >= panel_width &&
         shape.n > 3 * panel_width;
}

} // namespace

int64_t gemm_workspace(GemmShape shape, Matrix a, Matrix b) {
  const auto copy = [&](int64_t columns) { return ceil_div(columns, panel_width) * shape.k * panel_width; };
  return int64_t(sizeof(float)) *
         ((packs_a(shape, a) ? copy(shape.m) : 0) + (b.form == Matrix::panels ? 0 : copy(shape.n)));
}

void gemm(GemmShape shape, Matrix a, Matrix b, Product c, void* workspace, Epilogue epilogue) {
  const auto [m, n, k] = shape;
  if (m == 0 || n == 0) return;
  const int64_t panels = ceil_div(n, panel_width), work = 2 * (m + cost_of_reading) * n * k;
  auto* copies = static_cast<float*>(workspace);
  const auto pack = [&, pack_panel = VITRO_DISPATCH(pack_panel)](const Matrix& x, int64_t columns, int64_t panel) {
    const int64_t column = panel * panel_width, some = std::min(panel_width, columns - column);
    float* const to = copies + column * k;
    if (x.form == Matrix::strided) return pack_panel(x.data + column * x.column, x.row, x.column, k, some, to);
    for (int64_t k0 = 0; k0 < k; k0 += panel_width) // panels of the transpose, [columns][16] each
      pack_panel(x.data + k0 * columns + column * panel_width, 1, panel_width, std::min(panel_width, k - k0), some,
                 to + k0 * panel_width);
  };

  if (packs_a(shape, a)) {
    const Matrix transposed{a.data, a.column, a.row};
    const int64_t row_panels = ceil_div(m, panel_width), share = 4;
    run_tasks(ceil_div(row_panels, share), work, [&](int64_t task) {
      for (int64_t p = task * share; p < std::min((task + 1) * share, row_panels); ++p) pack(transposed, m, p);
    });
    a = {copies, 0, 0, Matrix::transposed_panels};
    copies += row_panels * panel_width * k;
  }

  // B is read in place where it is in panels, or where few rows would use its copy and whole vectors
  // of columns lie side by side; of that only the last panel, if it is cut off, is copied.
  const bool rows_in_place = b.form == Matrix::strided && b.column == 1 && m <= few_rows;
  const int64_t first_packed = b.form == Matrix::panels ? panels : rows_in_place ? n / panel_width : 0;
  const GemmOperands packed{.shape = shape,
                            .a = a,
                            .b = copies,
                            .b_row = panel_width,
                            .b_panel = k * panel_width,
                            .c = c,
                            .epilogue = epilogue};
  GemmOperands direct = packed;
  direct.b = b.data;
  if (rows_in_place) direct.b_row = b.row, direct.b_panel = panel_width;
  const auto multiply = [&, multiply = VITRO_DISPATCH(multiply)](int64_t row, int64_t row_end, int64_t panel,
                                                                 int64_t panel_end) {
    const int64_t middle = std::clamp(first_packed, panel, panel_end);
    if (panel < middle) multiply(direct, row, row_end, panel, middle);
    if (middle < panel_end) multiply(packed, row, row_end, middle, panel_end);
  };

  // Where B or C is the larger part, tasks are groups of panels: each panel is packed, read and written by one thread
  // alone, and by the same one in the next step. Otherwise they are groups of rows, behind a common packing.
  const int64_t task_panels = panels < few_panels ? 4 : 3;
  if (c.form != Product::transposed && panels > task_panels && m * k <= std::max(n * k, m * n))
    return run_tasks(ceil_div(panels, task_panels), work, [&](int64_t task) {
      const int64_t panel = task * task_panels, panel_end = std::min(panel + task_panels, panels);
      for (int64_t p = std::max(panel, first_packed); p < panel_end; ++p) pack(b, n, p);
      multiply(0, m, panel, panel_end);
    });
  run_tasks(panels - first_packed, work, [&](int64_t task) { pack(b, n, first_packed + task); });
  run_tasks(ceil_div(m, least_rows), work,
            [&](int64_t task) { multiply(task * least_rows, std::min((task + 1) * least_rows, m), 0, panels); });
}

void gemm_plain(GemmShape shape, Matrix a, Matrix b, Product c) {
  const auto [m, n, k] = shape;
  const auto in_panels = [](int64_t rows, int64_t i, int64_t j) {
    return (j / panel_width * rows + i) * panel_width + j % panel_width;
  };
  const auto at = [&](const Matrix& x, int64_t rows, int64_t columns, int64_t i, int64_t j) {
    switch (x.form) {
      case Matrix::panels: return x.data[in_panels(rows, i, j)];
      case Matrix::transposed_panels: return x.data[in_panels(columns, j, i)];
      default: return x.data[i * x.row + j * x.column];
    }
  };
  const int64_t columns = c.form == Product::panels ? ceil_div(n, panel_width) * panel_width : n;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float sum = 0;
      for (int64_t x = 0; x < k && j < n; ++x) sum = std::fma(at(a, m, k, i, x), at(b, k, n, x, j), sum);
      c.data[c.form == Product::panels       ? in_panels(m, i, j)
             : c.form == Product::transposed ? j * m + i
                                             : i * n + j] = sum;
    }
}

} // namespace vitro::kernels
#endif

// How the product runs: b is brought into panels of 16 columns (a weight is kept so), a into blocks of
// a few rows, and a micro-kernel keeps a tile of c in registers over the whole of k:
// Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008.
// k is not cut, so each element is one chain of additions and c is written once.
#include "kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/threads.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef VITRO_KERNELS_GEMM_ONCE_
#define VITRO_KERNELS_GEMM_ONCE_
namespace vitro::kernels {

/// One task: rows [row, row + rows) of c, all columns.
struct GemmTask {
  GemmShape shape;
  Matrix a;
  const float* panels; // of b
  float* c;
  bool c_in_panels;
  float* packed_a;     // room for rows * k floats, or null: a is read in place
  int64_t row, rows;
};

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int lanes = int(hn::MaxLanes(D()));
constexpr int vectors = int(panel_width) / lanes; // per panel

// The largest tile whose accumulators leave registers for the operands: 8 x 48 with AVX-512's 32
// registers, 6 x 16 with AVX2's 16.
#if HWY_TARGET <= HWY_AVX3
constexpr int tile_rows = 8, tile_panels = 3;
#elif HWY_TARGET == HWY_AVX2
constexpr int tile_rows = 6, tile_panels = 1;
#elif HWY_TARGET == HWY_SSE2
constexpr int tile_rows = 2, tile_panels = 1;
#else
constexpr int tile_rows = 4, tile_panels = 1;
#endif

// c's tile of Rows x Panels * 16. a: element (r, l) at a[r * row + l * column]; Packed: row = 1, column = Rows.
template <int Rows, int Panels, bool Packed>
HWY_INLINE void tile(const GemmTask& task, const float* HWY_RESTRICT a, int64_t a_row, int64_t a_column, int64_t row, int64_t panel) {
  const D d;
  const int64_t k = task.shape.k;
  const float* HWY_RESTRICT b[Panels];
  for (int p = 0; p < Panels; ++p) b[p] = task.panels + (panel + p) * k * panel_width;
  V sum[Rows][Panels * vectors];
  for (auto& line : sum)
    for (V& v : line) v = hn::Zero(d);
  for (int64_t l = 0; l < k; ++l) {
    V right[Panels * vectors];
#pragma GCC unroll 12
    for (int v = 0; v < Panels * vectors; ++v) right[v] = hn::LoadU(d, b[v / vectors] + l * panel_width + v % vectors * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const V left = hn::Set(d, Packed ? a[l * Rows + r] : a[r * a_row + l * a_column]);
#pragma GCC unroll 12
      for (int v = 0; v < Panels * vectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
  }
  const GemmShape& shape = task.shape;
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) {
      const int64_t column = (panel + p) * panel_width, width = std::min(panel_width, shape.n - column);
      float* out = task.c_in_panels ? task.c + ((panel + p) * shape.m + row + r) * panel_width : task.c + (row + r) * shape.n + column;
      if (width == panel_width) {
        for (int v = 0; v < vectors; ++v) hn::StoreU(sum[r][p * vectors + v], d, out + v * lanes);
      } else { // the last panel: what lies beyond n is not written, in panels it is zero
        float line[panel_width];
        for (int v = 0; v < vectors; ++v) hn::StoreU(sum[r][p * vectors + v], d, line + v * lanes);
        std::memcpy(out, line, size_t(width) * sizeof(float));
        if (task.c_in_panels) std::memset(out + width, 0, size_t(panel_width - width) * sizeof(float));
      }
    }
}

template <int Rows, bool Packed> HWY_INLINE void rows_of(const GemmTask& task, const float* a, int64_t row) {
  // Few rows leave registers free: more panels at once hide the latency of the additions.
  constexpr int wide = tile_panels * tile_rows / Rows < 6 ? tile_panels : 6;
  const int64_t panels = (task.shape.n + panel_width - 1) / panel_width;
  int64_t panel = 0;
  for (; panel + wide <= panels; panel += wide) tile<Rows, wide, Packed>(task, a, task.a.row, task.a.column, row, panel);
  if constexpr (wide > 2)
    for (; panel + 2 <= panels; panel += 2) tile<Rows, 2, Packed>(task, a, task.a.row, task.a.column, row, panel);
  for (; panel < panels; ++panel) tile<Rows, 1, Packed>(task, a, task.a.row, task.a.column, row, panel);
}

// `rows` rows from `row` on, in blocks of the largest size that fits.
template <int Rows> HWY_INLINE void blocks(const GemmTask& task, int64_t row, int64_t end) {
  for (; row + Rows <= end; row += Rows) {
    const float* a = task.a.data + row * task.a.row;
    if (task.packed_a) {
      float* packed = task.packed_a + (row - task.row) * task.shape.k;
      for (int r = 0; r < Rows; ++r)
        for (int64_t l = 0; l < task.shape.k; ++l) packed[l * Rows + r] = a[r * task.a.row + l * task.a.column];
      rows_of<Rows, true>(task, packed, row);
    } else {
      rows_of<Rows, false>(task, a, row);
    }
  }
  if constexpr (Rows > 1) blocks<(Rows + 1) / 2>(task, row, end);
}

void run_task(const GemmTask& task) { blocks<tile_rows>(task, task.row, task.row + task.rows); }

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {
HWY_EXPORT(run_task);

namespace {

int64_t panel_floats(GemmShape shape) { return (shape.n + panel_width - 1) / panel_width * panel_width * shape.k; }

// Packing a pays where each element of it is read for several tiles of columns.
bool packs_a(GemmShape shape) { return shape.n > 3 * panel_width && shape.m >= 4; }

// Rows of a task: by the shape alone. Enough tasks for a few threads, enough rows for the tile.
int64_t rows_per_task(GemmShape shape) { return std::clamp<int64_t>((shape.m / 4 + 7) / 8 * 8, 8, 32); }

// Below this many multiply-adds, waking a second thread costs more than it gives.
constexpr int64_t threads_pay = 400 * 1000;

void pack_panel(GemmShape shape, Matrix b, int64_t panel, float* out) {
  const int64_t first = panel * panel_width, width = std::min(panel_width, shape.n - first);
  if (width < panel_width) std::memset(out, 0, size_t(shape.k * panel_width) * sizeof(float));
  if (b.column == 1) {
    for (int64_t l = 0; l < shape.k; ++l) std::memcpy(out + l * panel_width, b.data + l * b.row + first, size_t(width) * sizeof(float));
  } else {
    for (int64_t j = 0; j < width; ++j)
      for (int64_t l = 0; l < shape.k; ++l) out[l * panel_width + j] = b.data[l * b.row + (first + j) * b.column];
  }
}

} // namespace

int64_t gemm_workspace(GemmShape shape, bool b_in_panels) {
  return ((b_in_panels ? 0 : panel_floats(shape)) + (packs_a(shape) ? shape.m * shape.k : 0)) * int64_t(sizeof(float));
}

void gemm(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels, void* workspace, Epilogue epilogue) {
  if (shape.m == 0 || shape.n == 0) return;
  const int64_t panels = (shape.n + panel_width - 1) / panel_width, rows = rows_per_task(shape);
  const int64_t tasks = (shape.m + rows - 1) / rows;
  const bool threads = shape.m * shape.n * shape.k >= threads_pay;
  float* room = static_cast<float*>(workspace);
  const auto for_each = [&](int64_t count, auto&& body) {
    if (threads)
      parallel(count, body);
    else
      for (int64_t i = 0; i < count; ++i) body(i);
  };
  const float* in_panels = b.data;
  if (!b.panels) {
    in_panels = room;
    for_each(panels, [&](int64_t panel) { pack_panel(shape, b, panel, room + panel * shape.k * panel_width); });
    room += panel_floats(shape);
  }
  for_each(tasks, [&](int64_t index) {
    const int64_t row = index * rows, end = std::min(shape.m, row + rows);
    float* packed_a = packs_a(shape) ? room + row * shape.k : nullptr;
    HWY_DYNAMIC_DISPATCH(run_task)({shape, a, in_panels, c, c_in_panels, packed_a, row, end - row});
    if (!epilogue.run) return;
    if (!c_in_panels) return epilogue.run(epilogue.context, row * shape.n, end * shape.n);
    for (int64_t panel = 0; panel < panels; ++panel)
      epilogue.run(epilogue.context, (panel * shape.m + row) * panel_width, (panel * shape.m + end) * panel_width);
  });
}

void gemm_plain(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels) {
  const int64_t columns = c_in_panels ? (shape.n + panel_width - 1) / panel_width * panel_width : shape.n;
  for (int64_t i = 0; i < shape.m; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float sum = 0;
      for (int64_t l = 0; l < shape.k && j < shape.n; ++l) {
        const float left = a.data[i * a.row + l * a.column];
        const float right = b.panels ? b.data[(j / panel_width * shape.k + l) * panel_width + j % panel_width] : b.data[l * b.row + j * b.column];
        sum = std::fma(left, right, sum);
      }
      c[c_in_panels ? (j / panel_width * shape.m + i) * panel_width + j % panel_width : i * shape.n + j] = sum;
    }
}

} // namespace vitro::kernels
#endif

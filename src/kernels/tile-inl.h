// The register tile that matrix products and convolutions are made of: rows x panels of C stay in registers while k
// runs; each step of k loads one row of the panels and broadcasts one element of A per row (Goto, van de Geijn,
// "Anatomy of high-performance matrix multiplication", 2008; Van Zee, van de Geijn, "BLIS", 2015).
//
// Every element of C is one chain of fused multiply-adds along k, in the order of the legs: no tile size, no vector
// width changes a bit of it. Compiled once per instruction set (include after hwy/foreach_target.h).
#if defined(VITRO_KERNELS_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VITRO_KERNELS_TILE_INL_H
#undef VITRO_KERNELS_TILE_INL_H
#else
#define VITRO_KERNELS_TILE_INL_H
#endif

#include "kernels/math-inl.h"
#include "kernels/tile.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

inline constexpr int64_t panel_columns = 16;
inline constexpr int vectors = int(panel_columns / lanes); // of one row of a panel

// The largest tiles: their sums, one row of the panels and one broadcast fill the vector registers. Few rows take more
// panels: the sums in flight hide the latency of the multiply-add.
#if HWY_TARGET == HWY_AVX3 // 24 + 3 + 1 of 32 registers
constexpr int most_panels(int64_t rows) { return rows == 1 ? 8 : rows <= 6 ? 4 : rows <= 8 ? 3 : 2; }
constexpr int most_rows(int64_t panels) { return panels <= 2 ? 12 : panels == 3 ? 8 : panels == 4 ? 6 : 1; }
#elif HWY_TARGET == HWY_AVX2 // 12 + 2 + 1 of 16
constexpr int most_panels(int64_t rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }
constexpr int most_rows(int64_t panels) { return panels == 1 ? 6 : panels == 2 ? 2 : 1; }
#elif HWY_TARGET == HWY_NEON // 24 + 4 + 1 of 32
constexpr int most_panels(int64_t) { return 1; }
constexpr int most_rows(int64_t) { return 6; }
#else                        // 8 + 4 + 1 of 16
constexpr int most_panels(int64_t) { return 1; }
constexpr int most_rows(int64_t) { return 2; }
#endif

template <int rows, int panels, bool scattered> void multiply_tile(const Tile& t) {
  const Tag d;
  V sum[rows][panels][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sum[i][p][v] = hn::Zero(d);

  // The last panel may be cut off anywhere: `some` of this vector's lanes exist (<= 0: none). All else is whole
  // vectors.
  float* const c = t.c;
  const int64_t c_row = t.c_row, c_panel = t.c_panel, last_columns = t.last_columns;
  const bool whole = last_columns == panel_columns, pads = t.pads;
  if (t.continued) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
          const float* from = c + i * c_row + p * c_panel + v * lanes;
          if (const int64_t some = last_columns - v * lanes; whole || p + 1 < panels || some >= lanes)
            sum[i][p][v] = hn::LoadU(d, from);
          else if (some > 0)
            sum[i][p][v] = load_first(from, some);
        }
  }

  // A pointer and three steps reach four rows: all addresses stay in registers.
  const int64_t a_row = t.a_row, a_row3 = 3 * t.a_row, a_column = t.a_column;
  const int64_t b_panel = t.b_panel, b_panel3 = 3 * t.b_panel, b_row = t.b_row;
  const int64_t* const a_rows = t.a_rows;
  for (const Leg *leg = t.legs, *const end = leg + t.leg_count; leg != end; ++leg) {
    const float *a = t.a + leg->a, *a4 = a + 4 * a_row, *a8 = a + 8 * a_row, *b = t.b + leg->b, *b4 = b + 4 * b_panel;
    for (int64_t left = leg->steps; left > 0; --left) {
      V row[panels][vectors];
#pragma GCC unroll 16
      for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v)
          row[p][v] = hn::LoadU(d, (p < 4 ? b : b4) + (p % 4 == 3 ? b_panel3 : p % 4 * b_panel) + v * lanes);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        // Not (i < 4 ? a : ..)[down]: of that g++ 12 makes wrong addresses under -fsanitize=undefined.
        const int64_t down = scattered ? a_rows[i] : i % 4 == 3 ? a_row3 : i % 4 * a_row;
        const V x = hn::Set(d, scattered || i < 4 ? a[down] : i < 8 ? a4[down] : a8[down]);
#pragma GCC unroll 16
        for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
          for (int v = 0; v < vectors; ++v) sum[i][p][v] = hn::MulAdd(x, row[p][v], sum[i][p][v]);
      }
      a += a_column, b += b_row;
      if (!scattered && rows > 4) a4 += a_column;
      if (!scattered && rows > 8) a8 += a_column;
      if (panels > 4) b4 += b_row;
    }
  }

#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int p = 0; p < panels; ++p)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) {
        float* to = c + i * c_row + p * c_panel + v * lanes;
        const int64_t some = last_columns - v * lanes;
        if (whole || p + 1 < panels || some >= lanes)
          hn::StoreU(sum[i][p][v], d, to);
        else if (pads) // the padding is zero even where A holds infinities
          hn::StoreU(some > 0 ? hn::IfThenElseZero(hn::FirstN(d, size_t(some)), sum[i][p][v]) : hn::Zero(d), d, to);
        else if (some > 0)
          store_first(sum[i][p][v], to, some);
      }
}

using MultiplyTile = void (*)(const Tile&);
template <bool scattered> struct Tiles {
  MultiplyTile of[most_rows(1)][most_panels(1)] = {};
  template <int rows, int panels> constexpr void fill() {
    of[rows - 1][panels - 1] = multiply_tile<rows, panels, scattered>;
    if constexpr (panels < most_panels(rows))
      fill<rows, panels + 1>();
    else if constexpr (rows < most_rows(1))
      fill<rows + 1, 1>();
  }
  constexpr Tiles() { fill<1, 1>(); }
};
template <bool scattered = false> inline constexpr Tiles<scattered> tiles;

/// Panels of a strip that `rows` rows pass over: as many as the tallest tile has that holds 8 vectors of sums or more,
/// which hide the latency of the multiply-add.
constexpr int strip_panels(int64_t rows) {
  constexpr int64_t tall = HWY_TARGET == HWY_AVX3 ? most_rows(3) : most_rows(1);
  return most_panels(rows < tall ? rows : tall);
}

/// The next step through `left`: the largest, but what remains at the end is halved (9 = 5 + 4).
constexpr int64_t next(int64_t left, int64_t most) {
  return left >= 2 * most || left <= most ? (left < most ? left : most) : (left + 1) / 2;
}

/// to[j * to_row + i] = from[i * from_row + j], i < rows, j < columns.
inline void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  // Blocks of 4 x 4 are transposed in registers.
  const hn::FixedTag<float, 4> d;
  for (; i + 4 <= rows; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      const float* x = from + i * from_row + j;
      const auto x0 = hn::LoadU(d, x), x1 = hn::LoadU(d, x + from_row);
      const auto x2 = hn::LoadU(d, x + 2 * from_row), x3 = hn::LoadU(d, x + 3 * from_row);
      const auto low01 = hn::InterleaveLower(d, x0, x1), low23 = hn::InterleaveLower(d, x2, x3);
      const auto high01 = hn::InterleaveUpper(d, x0, x1), high23 = hn::InterleaveUpper(d, x2, x3);
      float* y = to + j * to_row + i;
      hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, y);
      hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, y + to_row);
      hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, y + 2 * to_row);
      hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, y + 3 * to_row);
    }
    for (; j < columns; ++j)
      for (int64_t r = i; r < i + 4; ++r) to[j * to_row + r] = from[r * from_row + j];
  }
#endif
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

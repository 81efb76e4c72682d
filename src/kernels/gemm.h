// The matrix product C = A B in float, and the panels that its operands may be kept in.
//
// Every element of C is one chain of fused multiply-adds along k in order 0 .. k-1, from 0: no
// blocking, tile size, thread count or vector width (AVX2, AVX-512) changes a bit of it.
//
// Panels: a matrix [rows, cols] stored as [ceil(cols / 16)][rows][16], the last panel padded with
// zeros. In core/layout.h's words: the transposed matrix [cols, rows] with axis 0 in blocks of 16.
#pragma once

#include <cstdint>

namespace vitro::kernels {

inline constexpr int64_t panel_width = 16;

/// A matrix read element by element: element (i, j) at data[i * row + j * column]; or in panels.
struct Matrix {
  const float* data;
  int64_t row, column;
  bool panels = false; // strides are ignored
};

/// Called with each finished range [begin, end) of C's storage, from the thread that made it, while
/// the range is still in its cache. Ranges are disjoint and together cover C's storage: whole rows
/// of a row-major C, rows of one panel (its padding included) of one in panels.
struct Epilogue {
  void (*run)(void* context, int64_t begin, int64_t end) = nullptr;
  void* context = nullptr;
};

struct GemmShape {
  int64_t m, n, k;
};

/// Bytes of scratch that `gemm` needs for these operands (packing of what is not in panels).
int64_t gemm_workspace(GemmShape shape, bool b_in_panels);

/// c = a b: a [m, k] by strides, b [k, n] by strides or in panels, c [m, n] row-major and dense, or
/// in panels where `c_in_panels` (with zeros in the padding). `workspace` is 64-byte aligned; it may
/// be null where gemm_workspace is 0. c must not overlap a or b. Allocates nothing.
void gemm(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels, void* workspace, Epilogue epilogue = {});

/// The plain twin: three loops, the same bits (fused multiply-adds in the same order).
void gemm_plain(GemmShape shape, Matrix a, Matrix b, float* c, bool c_in_panels);

} // namespace vitro::kernels

// The matrix product C = A B in float, and the panels that its operands may be kept in.
//
// Every element of C is one chain of fused multiply-adds along k in order 0 .. k-1, from 0: no
// blocking, tile size, thread count or vector width (AVX2, AVX-512) changes a bit of it.
//
// Panels: a matrix [rows, cols] stored as [ceil(cols / 16)][rows][16], the last panel padded with
// zeros. In core/layout.h's words: the transposed matrix [cols, rows] with axis 0 in blocks of 16.
#pragma once

#include <cstdint>

#include "core/stripes.h"

namespace vitro::kernels {

inline constexpr int64_t panel_width = 16;

/// A matrix read element by element: element (i, j) at data[i * row + j * column]; or in panels; or its transpose is.
struct Matrix {
  const float* data;
  int64_t row, column;
  enum Form { strided, panels, transposed_panels } form = strided; // strides are ignored unless strided
};

/// Where C goes: row-major and dense; in panels, with zeros in the padding; or its transpose, row-major and dense.
/// C in panels may have no place at all (null): then only the epilogue sees it.
struct Product {
  enum Form { rows, panels, transposed };
  float* data;
  Form form = rows;
};

/// Called with each finished part of C's storage and the values made for it (`step` elements from a stripe's to the
/// next one's), from the thread that made them, while they are in its cache. Parts are disjoint and together cover C's
/// storage; a stripe lies within one row or is several whole rows (in panels: rows of one panel, padding included).
struct Epilogue {
  void (*run)(void* context, const Stripes& part, const float* values, int64_t step) = nullptr;
  void* context = nullptr;
  /// If not null: called for parts of C before they are computed, so that `run` may fetch what it will read.
  void (*ahead)(void* context, const Stripes& part) = nullptr;
};

struct GemmShape {
  int64_t m, n, k;
};

/// Bytes of scratch that `gemm` needs for operands of these forms (packing of what is not in panels); reads no data.
int64_t gemm_workspace(GemmShape shape, Matrix a, Matrix b);

/// c = a b: a [m, k] and b [k, n] by strides or in panels. `workspace` is 64-byte aligned; it may be null where
/// gemm_workspace is 0. c must not overlap a or b. Allocates nothing.
void gemm(GemmShape shape, Matrix a, Matrix b, Product c, void* workspace, Epilogue epilogue = {});

/// The plain twin: three loops, the same bits (fused multiply-adds in the same order).
void gemm_plain(GemmShape shape, Matrix a, Matrix b, Product c);

} // namespace vitro::kernels

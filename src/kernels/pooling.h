// The largest value, or the average, of each window of a map; and the way back.
//
// Bits depend on the values alone: windows are read row by row, and what overlaps is added up in the order of the
// windows.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"

namespace vitro::kernels {

struct Pooling {
  int64_t planes, height, width, lanes; // x [planes, height, width, lanes]: 1, or 16 channels side by side
  int64_t out_height, out_width;        // y [planes, out_height, out_width, lanes]
  int64_t kernel_height, kernel_width, stride_height, stride_width, top, left; // taps off the map don't count
  /// Whether windows lie side by side and leave nothing of the map out.
  bool tiles() const {
    return stride_height == kernel_height && stride_width == kernel_width && top == 0 && left == 0 &&
           out_height * kernel_height == height && out_width * kernel_width == width;
  }
};

/// y = the largest of each window; nan if any is, of equals the first.
void max_pool(const Pooling& of, const float* x, float* y);
/// dx = dy where its window's first largest is, zero elsewhere. The epilogue (may be empty) sees whole planes.
void max_pool_scatter(const Pooling& of, const float* x, const float* dy, float* dx, Epilogue epilogue);

/// y = share [out_height, out_width] times the sum of each window.
void average_pool(const Pooling& of, const float* share, const float* x, float* y);
/// dx = dy times its window's share, wherever the window is.
void average_pool_scatter(const Pooling& of, const float* share, const float* dy, float* dx, Epilogue epilogue);

} // namespace vitro::kernels

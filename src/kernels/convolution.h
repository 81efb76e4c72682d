// Two-dimensional convolution and its two gradients, in float.
//
// All are the matrix product's register tile (tile-inl.h), led over a picture by legs. Which way depends on the numbers
// of channels:
// - *in blocks*: maps lie in blocks of 16 channels (core/layout.h: axis 1 in blocks of 16, n(c/16)hw16), a weight in
//   panels of 16 output channels (axis 0 in blocks of 16); the lanes of a vector are output channels.
// - *in rows*: everything is row-major; the lanes of a vector are 16 positions of a map. For few channels and for
// groups. Where x has at most `few_channels` it is row-major in either.
//
// Bits: no sum is cut by the number of threads, its order depends on the sizes alone, and is the same on AVX2 and
// AVX-512.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"

namespace vitro::kernels {

struct Convolution {
  int64_t batch, groups, in, height, width;                         // x [batch, in, height, width]
  int64_t out, out_height, out_width;                               // y [batch, out, out_height, out_width]
  int64_t kernel_height, kernel_width, stride_height, stride_width; // weight [out, in / groups, kernel_h., kernel_w.]
  int64_t dilation_height, dilation_width, top, left;               // rows and columns of zeros in front of x
};

inline constexpr int64_t few_channels = 4;

/// Whether y is kept in blocks of channels and the weight in panels; whether x and dx are in blocks, too. No map is
/// empty.
bool in_blocks(const Convolution& c);
bool reads_blocks(const Convolution& c);

/// y = conv(x, weight). `workspace` is 64-byte aligned, of so many bytes. The epilogue sees y once, part by part.
/// Nothing overlaps; nothing is allocated; what the padding of a block holds is read by nobody and written as 0.
int64_t convolve_workspace(const Convolution& c);
void convolve(const Convolution& c, const float* x, const float* weight, float* y, void* workspace, Epilogue epilogue);

/// dx, from dy = dL/dy: dL/dx.
int64_t convolve_input_gradient_workspace(const Convolution& c);
void convolve_input_gradient(const Convolution& c, const float* dy, const float* weight, float* dx, void* workspace,
                             Epilogue epilogue);

/// dL/dweight, in the weight's layout; in blocks it may be null where an epilogue sees it.
int64_t convolve_weight_gradient_workspace(const Convolution& c);
void convolve_weight_gradient(const Convolution& c, const float* x, const float* dy, float* dweight, void* workspace,
                              Epilogue epilogue);

} // namespace vitro::kernels

// Convolutions of maps.
#pragma once

#include <cstdint>

namespace vitro::kernels {

struct Convolution {
  int64_t batch, groups, in, height, width;                             // x [batch, in, height, width]
  int64_t out, out_height, out_width;                                   // y [batch, out, out_height, out_width]
  int64_t kernel_height, kernel_width, stride_height, stride_width;     // weight [out, in / groups, kernel_height, kernel_width]
  int64_t dilation_height, dilation_width, top, left;                   // rows and columns of zeros in front of x
};

} // namespace vitro::kernels

// Whether all of an array is finite: asked of every value that an update writes, so it must cost next to nothing.
#pragma once

#include <cstdint>

namespace vitro::kernels {

/// No NaN and no infinity among x[0 .. n-1].
bool all_finite(const float* x, int64_t n);

} // namespace vitro::kernels

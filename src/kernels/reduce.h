// Sums and maxima along one axis, in float.
//
// The array is seen as [outer, reduced, inner], row-major. A sum runs over 16 lanes: element r goes
// to lane r mod 16, each lane adds in order, and the lanes are added as a fixed binary tree
// (l + (l+8), then +4, +2, +1). So its bits depend on nothing but the values.
#pragma once

#include <cstdint>

namespace vitro::kernels {

struct Axes {
  int64_t outer, reduced, inner;
};

/// y [outer, inner] = sum over `reduced` of x. A sum of nothing is 0.
void sum(Axes axes, const float* x, float* y);
/// y [outer, inner] = max over `reduced` (at least 1) of x; nan if any is.
void max(Axes axes, const float* x, float* y);

/// The plain twins: readable loops in the same order, to the same bits.
void sum_plain(Axes axes, const float* x, float* y);
void max_plain(Axes axes, const float* x, float* y);

} // namespace vitro::kernels

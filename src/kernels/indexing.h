// Rows by index and rows added up at their indices: an embedding's look-up and its derivative.
//
// Bits: every element of a sum is one chain of additions, in the order of the indices, on any instruction set and any
// number of threads; a task takes a strip of columns and walks all indices.
#pragma once

#include <cstdint>
#include <span>

namespace vitro::kernels {

/// x [outer, extent, inner] at index [chosen], each 0 .. extent-1, is y [outer, chosen, inner].
void gather_rows(const float* x, std::span<const int32_t> index, float* y, int64_t outer, int64_t extent,
                 int64_t inner);

/// y [outer, extent, inner] = 0; y[o, index[i]] += x[o, i] for x [outer, chosen, inner], i ascending.
void scatter_add_rows(const float* x, std::span<const int32_t> index, float* y, int64_t outer, int64_t extent,
                      int64_t inner);

} // namespace vitro::kernels

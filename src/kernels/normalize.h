// Batch-norm and its derivative, in float: x is read from memory once for its statistics, and once to be normalised.
//
// A channel's values are taken in chunks that fit the nearest cache: 384 at most, whole samples or parts of one. Each
// chunk has its mean first and then the squares of the distances to it, so that a large mean costs no digits; the
// chunks are put together in double (Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing
// sample variances", 1979, equation 2.1 for many). Sums in a chunk run over 16 lanes: position p goes to lane p mod 16
// (of samples with one position: sample n to lane n mod 16). So bits depend on the values alone: not on how they
// lie, on threads, or on the instruction set.
#pragma once

#include <cstdint>

#include "kernels/gemm.h" // Epilogue

namespace vitro::kernels {

/// An array [samples, channels, positions], row-major; or `blocked`: [samples, ceil(channels / 16), positions, 16],
/// where the last block's padding may hold anything. Samples and positions: at least 1.
struct Channels {
  int64_t samples, channels, positions;
  bool blocked = false;
};

/// Bytes of scratch that either function below needs; 64-byte aligned.
int64_t batch_norm_workspace(const Channels& of);

/// y = (x - mean) / sqrt(variance + eps) weight + bias, of a channel's values; mean and variance (the mean squared
/// distance) [channels]. weight and bias [channels], or null: 1 and 0. y lies as x; null where only the epilogue sees
/// it, which is called with parts of y's storage.
void batch_norm(const Channels& of, const float* x, const float* weight, const float* bias, double eps, float* y,
                float* mean, float* variance, void* workspace, Epilogue epilogue = {});

/// dbias = sum(dy), dweight = sum(dy z), dx = (dy - dbias / n - z dweight / n) weight / sqrt(variance + eps), with
/// z = (x - mean) / sqrt(variance + eps) and n the values of a channel. x, dy, dx lie alike; dx and the epilogue as y
/// above.
void batch_norm_gradient(const Channels& of, const float* x, const float* weight, const float* mean,
                         const float* variance, const float* dy, double eps, float* dx, float* dweight, float* dbias,
                         void* workspace, Epilogue epilogue = {});

} // namespace vitro::kernels

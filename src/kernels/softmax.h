// Softmax along rows, and what training needs beside it: cross-entropy with its probabilities in one
// pass, and its derivative. All arrays are row-major [rows, columns], in float.
//
// A row's maximum and its sum run over 16 lanes in a fixed order (reduce.h), so its bits depend on
// nothing but its values: not on its neighbours, the threads, or the instruction set.
#pragma once

#include <cstdint>

namespace vitro::kernels {

/// y = exp(x - max) / sum. y may be x.
void softmax(int64_t rows, int64_t columns, const float* x, float* y);
/// y = x - max - log(sum(exp(x - max))). y may be x.
void log_softmax(int64_t rows, int64_t columns, const float* x, float* y);

/// p = softmax(x), and losses[r] = -log(p[r, labels[r]]) [rows]: nan where a label is not in 0 .. columns - 1.
void cross_entropy(int64_t rows, int64_t columns, const float* x, const int32_t* labels, float* p, float* losses);
/// The same with targets that are probabilities [rows, columns]: losses[r] = -sum(targets log(p)).
void cross_entropy(int64_t rows, int64_t columns, const float* x, const float* targets, float* p, float* losses);

/// y = (p - [column = label]) scale: the derivative of the losses of labels, times `scale`. A row whose label is not
/// in 0 .. columns - 1 becomes nan.
void subtract_one_hot(int64_t rows, int64_t columns, const float* p, const int32_t* labels, float scale, float* y);

} // namespace vitro::kernels

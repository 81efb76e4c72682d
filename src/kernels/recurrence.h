// Recurrent layers over whole sequences, in float: the product of the state with its weight and all that follows of it,
// step by step, and the way back. Products over all steps (of the input, of the weights' derivatives) are `gemm`'s.
//
// Bits hang neither on threads nor on the instruction set (AVX2, AVX-512): each element of a product is one chain of
// fused multiply-adds from 0 along the state (backward: along the gates, one after the other), to which the input's
// part is added; the rest is element by element.
#pragma once

#include <cstdint>

namespace vitro::kernels {

enum class Cell : uint8_t { lstm, gru, rnn_tanh, rnn_relu };

/// Gates of one unit: 4 (i, f, g, o), 3 (r, u, n), 1.
constexpr int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

/// batch, time, units: at least 1. The weight is [gates * units, units], row-major; or `panels`: with axis 0 in blocks
/// of 16 (core/layout.h), for which units divide by 16.
struct Recurrence {
  Cell cell;
  int64_t batch, time, units;
  bool panels = false;
};

/// `steps` is short for [batch, time, units], `all` for [batch, time, gates * units]. What is written may be null where
/// nobody reads it.
struct RecurrenceForward {
  const float *gates, *weight;      // all; the weight
  const float* bias = nullptr;      // [gates * units], added to the product: gru alone
  const float *h0, *c0 = nullptr;   // [batch, units]; c: lstm alone, here and below
  const int32_t* lengths = nullptr; // [batch], 0 to time; null: all of `time`. Behind them y is 0, and the state stays
  float *y, *h, *c = nullptr;       // steps; the last state [batch, units]
  float* before;                    // steps: h before each
  float* activated = nullptr;       // all: not rnn
  float* kept = nullptr;            // steps: lstm the cells after each, gru the last third of the product with its bias
};

/// A derivative by an output: of its shape, or one number for all of it.
struct Arriving {
  const float* data;
  bool scalar;
};

struct RecurrenceBackward {
  const float* activated; // all; rnn: y
  const float* kept = nullptr;
  const float* before = nullptr; // gru
  const float* weight;
  const float* c0 = nullptr;
  Arriving dy, dh, dc = {};
  const int32_t* lengths = nullptr;
  float *dgates, *dh0, *dc0 = nullptr;
  float* dz = nullptr;          // all, gru: by the product with its bias. Others: dgates
  float *at_h, *at_c = nullptr; // steps: what arrives at h and c of each
};

/// Bytes of scratch, 64-byte aligned.
int64_t recurrence_workspace(const Recurrence& of);
int64_t recurrence_gradient_workspace(const Recurrence& of);

void recurrence(const Recurrence& of, const RecurrenceForward& to, void* workspace);
void recurrence_gradient(const Recurrence& of, const RecurrenceBackward& to, void* workspace);

/// y[b, t] = x[b, lengths[b] - 1 - t] before lengths[b], x[b, t] behind it: x [batch, time, inner]; null: all of
/// `time`.
void reverse_steps(int64_t batch, int64_t time, int64_t inner, const int32_t* lengths, const float* x, float* y);

} // namespace vitro::kernels

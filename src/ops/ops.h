// The ops, as functions on Var. Each is told in full in the file of its family (arithmetic.cpp, ...),
// and all are listed in catalogue.cpp. An operand may be a number: `1 - square(y)`.
// Shapes broadcast as numpy's where two operands meet elementwise. All throw Error (input) where
// types don't fit, naming the op, the layer and the caller's line.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace vitro {

// arithmetic.cpp
Var operator+(In a, In b);
Var operator-(In a, In b);
Var operator*(In a, In b);
Var operator/(In a, In b);
Var operator-(In x);
Var square(In x);
Var sqrt(In x);
Var exp(In x);
Var log(In x);
Var pow(In x, In exponent);
Var abs(In x);
Var sign(In x); // -1, 0, 1
Var maximum(In a, In b);
Var minimum(In a, In b);

// comparisons.cpp: 1 where true, 0 where false, in the operands' element type
Var equal(In a, In b);
Var not_equal(In a, In b);
Var less(In a, In b);
Var less_equal(In a, In b);
Var greater(In a, In b);
Var greater_equal(In a, In b);
Var where(In condition, In a, In b); // condition != 0 ? a : b

// activations.cpp
Var sigmoid(In x);
Var tanh(In x);
Var relu(In x);
Var leaky_relu(In x, double slope = 0.01);
Var step(In x);     // x > 0 ? 1 : 0; its slope is zero
Var softplus(In x); // log(1 + e^x)
Var erf(In x);
Var normal_cdf(In x); // the share of normal numbers below x
Var expm1(In x);      // e^x - 1
Var identity(In x);
Var hard_sigmoid(In x, double slope = 1.0 / 6);
Var relu6(In x);
Var prelu(In x, In a); // a: the slope below 0
Var elu(In x, double alpha = 1);
Var selu(In x);
Var gelu(In x);
Var gelu_tanh(In x);
Var silu(In x);
Var softsign(In x);

// updates.cpp: tensors of one shape, then scalars
Var add_scaled(In x, In z, In a);                        // x + a z
Var subtract_scaled(In x, In z, In a);                   // x - a z
Var mix(In x, In z, In a, In b);                         // a x + b z
Var mix_square(In x, In z, In a, In b);                  // a x + b z^2
Var normalised_step(In x, In m, In v, In a, In b, In e); // x - a m / (b sqrt(v) + e)

// matmul.cpp
/// numpy's matmul: [.., m, k] by [.., k, n] gives [.., m, n], leading axes broadcast; a vector is a
/// row on the left, a column on the right. The flags transpose the last two axes without a copy.
Var matmul(In a, In b, bool transpose_a = false, bool transpose_b = false);
/// numpy's dot: the last axis of a with the last but one of b.
Var dot(In a, In b);
/// The shapes that these two give; throw, in plain words, where they don't fit.
Shape matmul_shape(const Shape& a, const Shape& b);
Shape dot_shape(const Shape& a, const Shape& b);

// movement.cpp
Var reshape(In x, const std::vector<int64_t>& shape);        // one extent may be -1
Var transpose(In x, const std::vector<int64_t>& order = {}); // {}: reversed
Var broadcast_to(In x, const Shape& shape);
Var slice(In x, int64_t axis, int64_t start, int64_t stop, int64_t step = 1);    // negative: from the end
Var pad(In x, int64_t axis, int64_t before, int64_t after, int64_t spacing = 1); // zeros around, and between
Var concatenate(const std::vector<Var>& parts, int64_t axis);

// indexing.cpp
Var gather(In x, In indices, int64_t axis = 0);                      // numpy's take; indices i32
Var scatter_add(In x, In indices, int64_t extent, int64_t axis = 0); // its transpose: rows with one index add up
/// [..] -> [.., classes]; the row of an index `ignore` is zero.
Var one_hot(In indices, int64_t classes, DType dtype = DType::f32, int64_t ignore = -100);
Var to_index(In x); // the nearest whole number, i32

// reductions.cpp. `axes` {}: all of them; `keep` leaves extents of 1 behind
Var sum(In x, const std::vector<int64_t>& axes = {}, bool keep = false);
Var mean(In x, const std::vector<int64_t>& axes = {}, bool keep = false);
Var max(In x, const std::vector<int64_t>& axes = {}, bool keep = false);
/// Sums x down to `shape`, from which it was broadcast: what a broadcast operand's derivative needs.
Var sum_to(const Var& x, const Shape& shape);

// softmax.cpp
Var softmax(In x, int64_t axis = -1);
Var log_softmax(In x, int64_t axis = -1);

// normalize.cpp
struct Normalized {
  Var y, mean, variance; // of x's shape; of what is left of it without `axes`
};
/// (x - mean) / sqrt(variance + eps), both taken over `axes`.
Normalized normalize(In x, const std::vector<int64_t>& axes, double eps = 1e-5);
/// x [batch, channels, ...]: normalised over all axes but 1, times weight [channels], plus bias [channels].
Normalized batch_norm(In x, In weight, In bias, double eps = 1e-5);

// dropout.cpp
/// `shape` [batch, ...]: 0 with probability p, else 1 / (1 - p). step and sample (the number of the first one): i32 [].
Var dropout_mask(In step, In sample, const Shape& shape, double p, uint64_t seed, const std::string& stream,
                 DType dtype = DType::f32);

// windows.cpp, convolution.cpp, pooling.cpp: maps [n, c, h, w]. A list is one number, or two: of rows and of columns.
struct Window {
  std::vector<int64_t> stride{1}, padding{0}, dilation{1}; // padding also: top, left, bottom, right
};
/// The values of each window: [n, c, kh, kw, oh, ow]; `fill` where it lies over the edge.
Var unfold2d(In x, const std::vector<int64_t>& kernel, const Window& window = {}, double fill = 0);
/// Its transpose: windows added up in a map [n, c, height, width].
Var fold2d(In x, int64_t height, int64_t width, const Window& window = {});
/// weight [o, c / groups, kh, kw]: map o is the sum of the windows of its group's maps, each times its weight.
Var conv2d(In x, In weight, const Window& window = {}, int64_t groups = 1);
struct Pool {
  std::vector<int64_t> kernel, stride{}, padding{0}; // stride {}: the kernel
  bool ceil = false;                                 // the last window may stand out over the edge
};
Var max_pool2d(In x, const Pool& pool);
Var avg_pool2d(In x, const Pool& pool, bool count_padding = true);

// recurrence.cpp: sequences as one op. gates [batch, time, n * units] is the input's product with its weight, bias
// included; weight [n * units, units] (PyTorch's weight_hh), h0 and c0 [batch, units]. y [batch, time, units] and the
// last state. lengths, i32 [batch]: a row's steps behind its length have y = 0 and leave the state as it is.
struct LstmOut {
  Var y, h, c;
};
LstmOut lstm(In gates, In weight, In h0, In c0, const Var& lengths = {}); // n = 4: i, f, g, o
struct RnnOut {
  Var y, h;
};
RnnOut gru(In gates, In weight, In bias, In h0, const Var& lengths = {}); // n = 3: r, z, n; bias [3 units]: bias_hh
RnnOut rnn(In gates, In weight, In h0, const Var& lengths = {}, const std::string& activation = "tanh"); // n = 1

// sequence.cpp: sequences [batch, time, ...]; lengths and index i32 [batch]
Var reverse_steps(In x, const Var& lengths = {});      // each row's first `length` steps; those behind stay
Var step_mask(In lengths, int64_t steps, DType dtype); // [batch, steps]: 1 where step < length
Var take_step(In x, In index);                         // [batch, ...]: step index[b] of row b
/// q [batch, heads, time, d], k [batch, heads, keys, d], v [batch, heads, keys, e]: [batch, heads, time, e]. lengths:
/// of the keys; causal: query t sees keys 0 to t.
Var scaled_dot_product_attention(In q, In k, In v, const Var& lengths = {}, bool causal = false);

// losses.cpp. `reduction`: "mean" over all elements (cross-entropy: over all rows), "sum", or
// "half" (half the squared norm of each sample, averaged over the first axis: Nielsen's quadratic cost)
struct CrossEntropy {
  Var loss, probabilities;
};
/// Softmax and cross-entropy jointly. logits [.., classes]; targets i32 [..] or probabilities [.., classes].
CrossEntropy softmax_cross_entropy(In logits, In targets);
/// (x - [index = class]) factor: x [.., classes], indices i32 [..], a scalar.
Var subtract_one_hot(In x, In indices, In factor);
Var binary_cross_entropy(In logits, In targets, const std::string& reduction = "mean");
Var squared_error(In predictions, In targets, const std::string& reduction = "mean");
Var log_cosh(In x); // log(cosh(x)) of each element

} // namespace vitro

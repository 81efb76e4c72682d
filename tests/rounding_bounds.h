// How far a float kernel may be from the truth, op by op: what "within rounding" means in the tests.
//
// Sums of n terms: gamma_n = n u / (1 - n u) times the sum of absolute values (Higham, "Accuracy and
// stability of numerical algorithms", 3.1 and 4.2). Elementary functions: the ulps that
// kernels/pointwise.h promises. What only moves or compares values is exact.
#pragma once

#include <cmath>
#include <vector>

#include "ops/catalogue.h"
#include "plan/interpret.h"

namespace vitro::test {

inline constexpr double unit = 0x1p-24; // half an ulp of 1 in float

inline double ulp_of(double truth) {
  const float nearest = std::fabs(float(truth));
  return nearest < 0x1p-126f ? 0x1p-149 : double(std::nextafter(nearest, INFINITY)) - double(nearest);
}

inline double promised_ulps(const Op& op) {
  for (const Op* wide : {&exp_op, &log_op, &tanh_op, &sigmoid_op, &softplus_op, &erf_op, &expm1_op})
    if (wide == &op) return 2;
  if (&op == &normal_cdf_op) return 5;
  return &op == &power_op ? 16 : 0.5;
}

/// What the op gives for these inputs by its plain loops or its expansion, in the inputs' element type.
inline std::vector<Tensor> plainly(const Op& op, const Attrs& given, const std::vector<Tensor>& in) {
  Node node{.op = &op, .attrs = complete_attrs(op, given), .in = {}, .out = {}, .grad_of = -1, .name = {}, .where = {}};
  std::vector<Type> types;
  std::vector<const Tensor*> pointers;
  for (const Tensor& x : in) {
    types.push_back(x.type());
    pointers.push_back(&x);
  }
  node.out = op.infer({node.attrs, types});
  return interpret_node(node, pointers);
}

inline std::vector<Tensor> in_doubles(std::vector<Tensor> in) {
  for (Tensor& x : in)
    if (is_float(x.dtype())) x = x.to(DType::f64);
  return in;
}

inline double largest(const Tensor& x) {
  double most = 0;
  for (int64_t i = 0; i < x.elements(); ++i) most = std::max(most, std::fabs(x.at(i)));
  return most;
}

/// For each output element, how far the float result may be from `truth`, which is the op in double on
/// the same inputs.
inline std::vector<Tensor> rounding_bounds(const Op& op, const Attrs& attrs, const std::vector<Tensor>& in,
                                           const std::vector<Tensor>& truth) {
  const auto gamma = [](double n) { return n * unit / (1 - n * unit); };
  std::vector<Tensor> bounds;
  for (const Tensor& y : truth) bounds.push_back(Tensor(Type{DType::f64, y.shape()}));
  // gamma_n times what the op gives for the inputs' absolute values.
  const auto sum_of_sizes = [&](double n) {
    std::vector<Tensor> sizes = in_doubles(in);
    for (Tensor& x : sizes)
      for (int64_t i = 0; i < x.elements(); ++i) x.set(i, std::fabs(x.at(i)));
    const Tensor size = plainly(op, attrs, sizes)[0];
    for (int64_t i = 0; i < size.elements(); ++i) bounds[0].set(i, gamma(n) * size.at(i));
  };
  const auto relative = [&](double n) {
    for (int64_t i = 0; i < truth[0].elements(); ++i) bounds[0].set(i, gamma(n) * std::fabs(truth[0].at(i)));
  };
  const double n = double(in.empty() ? 1 : in[0].elements());
  if (&op == &mix_op || &op == &mix_square_op) {
    sum_of_sizes(4); // each product is rounded once or twice, and their sum
  } else if (&op == &add_scaled_op || &op == &subtract_scaled_op || &op == &normalised_step_op) {
    const Tensor start = in[0].to(DType::f64); // what is added or taken away was rounded up to six times, then the sum
    for (int64_t i = 0; i < truth[0].elements(); ++i)
      bounds[0].set(i, gamma(8) * (std::fabs(start.at(i)) + std::fabs(truth[0].at(i) - start.at(i))));
  } else if (op.is(pointwise) && !op.plain) { // a few steps, of which some cancel: bounded in what they pass through
    for (int64_t i = 0; i < truth[0].elements(); ++i)
      bounds[0].set(i, gamma(12) * (1 + std::fabs(truth[0].at(i)) + largest(in[0])));
  } else if (op.is(pointwise)) {
    for (int64_t i = 0; i < truth[0].elements(); ++i) {
      const double y = truth[0].at(i);
      double slack = op.vector_params.empty() ? 0 : unit * std::fabs(y); // a parameter is rounded before it multiplies
      bounds[0].set(i, promised_ulps(op) * ulp_of(y) * (1 + 1e-6) + slack);
    }
  } else if (&op == &matmul_op) {
    const int axis = in[0].shape().rank() - (complete_attrs(op, attrs).integer("transpose_a") ? 2 : 1);
    sum_of_sizes(double(in[0].shape()[axis]));
  } else if (&op == &sum_op || &op == &scatter_add_op || &op == &mean_op || &op == &fold2d_op ||
             &op == &avg_pool2d_op || &op == &avg_pool2d_scatter_op) {
    sum_of_sizes(n + 2);
  } else if (&op == &conv2d_op || &op == &conv2d_input_gradient_op || &op == &conv2d_weight_gradient_op) {
    const int apart = &op == &conv2d_op ? 0 : 1; // the axis of the second operand that is not summed over
    sum_of_sizes(double(in[1].elements()) / double(std::max<int64_t>(in[1].shape()[apart], 1)) + 2);
  } else if (&op == &max_pool2d_scatter_op) { // each value at most once for each tap of a window
    const auto kernel = complete_attrs(op, attrs).list("kernel");
    const double taps = double(kernel.front() * kernel.back());
    for (int64_t i = 0; i < bounds[0].elements(); ++i) bounds[0].set(i, gamma(taps) * taps * largest(in[1]));
  } else if (&op == &normalize_op || &op == &batch_norm_op) {
    // The mean is off by gamma_n of the sizes, the distances to it by that and a rounding, and so on: y by as much
    // relative to the deviation.
    const double each = n / std::max(1.0, double(truth[1].elements())), eps = complete_attrs(op, attrs).real("eps");
    const double size = largest(in[0]), off = gamma(each + 3) * size;
    double least = INFINITY; // deviation
    for (int64_t i = 0; i < truth[2].elements(); ++i) least = std::min(least, std::sqrt(truth[2].at(i) + eps));
    const double of_y = gamma(each + 8);
    const bool affine = &op == &batch_norm_op;
    const double weight = affine ? largest(in[1]) : 1, bias = affine ? largest(in[2]) : 0;
    for (int64_t i = 0; i < truth[0].elements(); ++i) {
      const double y = std::fabs(truth[0].at(i)) + bias;
      bounds[0].set(i, 2 * off / least * (weight + y) + of_y * y);
    }
    for (int64_t i = 0; i < truth[1].elements(); ++i) {
      bounds[1].set(i, off);
      bounds[2].set(i, 4 * off * std::sqrt(truth[2].at(i)) + 2 * off * off + gamma(each + 4) * truth[2].at(i));
    }
  } else if (&op == &batch_norm_gradient_op) { // three terms, each to some roundings of the sizes it adds up
    const int64_t channels = truth[1].elements(), inner = int64_t(n) / channels / in[0].shape()[0];
    const double each = n / double(channels), eps = complete_attrs(op, attrs).real("eps");
    for (int64_t c = 0; c < channels; ++c) {
      const double inverse = 1 / std::sqrt(in[3].at(c) + eps);
      const auto z = [&](int64_t i) { return std::fabs(in[0].at(i) - in[2].at(c)) * inverse; };
      const auto for_each = [&](auto use) {
        for (int64_t i = 0; i < truth[0].elements(); ++i)
          if (i / inner % channels == c) use(i);
      };
      double sum = 0, products = 0;
      for_each([&](int64_t i) { sum += std::fabs(in[4].at(i)), products += std::fabs(in[4].at(i)) * z(i); });
      bounds[1].set(c, gamma(each + 8) * products);
      bounds[2].set(c, gamma(each + 2) * sum);
      for_each([&](int64_t i) {
        const double size = std::fabs(in[4].at(i)) + sum / each + z(i) * products / each;
        bounds[0].set(i, gamma(each + 12) * std::fabs(in[1].at(c)) * inverse * size);
      });
    }
  } else if (&op == &lstm_op || &op == &lstm_gradient_op || &op == &gru_op || &op == &gru_gradient_op ||
             &op == &rnn_op || &op == &rnn_gradient_op) {
    // Errors feed on themselves from step to step, so that no bound beforehand is of use: four times as far off as the
    // expansion is in float, at its worst element, and some roundings more.
    const std::vector<Tensor> floats = plainly(op, attrs, in);
    for (size_t j = 0; j < truth.size(); ++j) {
      double off = 0;
      for (int64_t i = 0; i < truth[j].elements(); ++i)
        off = std::max(off, std::fabs(floats[j].at(i) - truth[j].at(i)));
      for (int64_t i = 0; i < truth[j].elements(); ++i) bounds[j].set(i, 4 * off + gamma(8) * (largest(truth[j]) + 1));
    }
  } else if (&op == &scaled_dot_product_attention_op) {
    // A score is off by some roundings of a sum over d; the weights by twice that and what softmax's are; y by as much
    // of the largest value, and a sum over the keys.
    const double d = double(in[0].shape().back()), keys = double(in[1].shape()[2]);
    const double score = std::sqrt(d) * largest(in[0]) * largest(in[1]);
    const double weight = 2 * gamma(d + 4) * score + gamma(2 * keys + 2 * score + 16);
    for (size_t j = 0; j < truth.size(); ++j)
      for (int64_t i = 0; i < truth[j].elements(); ++i)
        bounds[j].set(i, j == 0 ? (weight * keys + gamma(keys)) * largest(in[2]) : weight);
  } else if (&op == &subtract_one_hot_op) {
    relative(2); // a difference and a product, each rounded once
  } else if (&op == &squared_error_op) {
    relative(n + 6);                            // all terms are positive
  } else if (&op == &binary_cross_entropy_op) { // softplus(x) - x t: a difference of what may be large
    const std::string reduction = complete_attrs(op, attrs).word("reduction");
    double sizes = 0;
    for (int64_t i = 0; i < in[0].elements(); ++i) sizes += std::fabs(in[0].at(i)) * (1 + std::fabs(in[1].at(i))) + 1;
    const double scale = reduction == "sum"    ? 1
                         : reduction == "mean" ? 1 / n
                                               : 0.5 / double(in[0].shape().rank() ? in[0].shape()[0] : 1);
    bounds[0].set(0, gamma(n + 8) * sizes * scale);
  } else if (&op == &softmax_op || &op == &log_softmax_op || &op == &softmax_cross_entropy_op) {
    // Exponentials to 2 ulp of arguments that were rounded once, a sum, a division or a logarithm.
    const double range = 2 * largest(in[0]), factor = gamma(n + range + 10);
    for (size_t j = 0; j < truth.size(); ++j) {
      const bool loss = &op == &softmax_cross_entropy_op && j == 0;
      // Targets need not add up to 1: the loss is as large as their sum.
      double weight = 1;
      if (loss && is_float(in[1].dtype())) weight = std::max(1.0, largest(in[1]) * double(in[0].shape().back()));
      for (int64_t i = 0; i < truth[j].elements(); ++i) {
        const double y = std::fabs(truth[j].at(i));
        bounds[j].set(i, &op == &log_softmax_op || loss ? factor * (y + weight * (range + 1)) : factor * y + 0x1p-149);
      }
    }
  }
  return bounds; // max, and whatever only moves values: exact
}

} // namespace vitro::test

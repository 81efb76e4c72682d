// The catalogue: every op there is. The op reference, `vitro list ops`, recipes and the contract tests read it.
#pragma once

#include <span>
#include <string>

#include "graph/graph.h"

namespace vitro {

extern const Op add_op, subtract_op, multiply_op, divide_op, negate_op, square_op, sqrt_op, exp_op, log_op, power_op,
    abs_op, sign_op, maximum_op, minimum_op;
extern const Op equal_op, not_equal_op, less_op, less_equal_op, greater_op, greater_equal_op, where_op;
extern const Op sigmoid_op, tanh_op, relu_op, leaky_relu_op, step_op, softplus_op, erf_op, normal_cdf_op, expm1_op,
    identity_op, hard_sigmoid_op, relu6_op, prelu_op, elu_op, selu_op, gelu_op, gelu_tanh_op, silu_op, softsign_op;
extern const Op matmul_op;
extern const Op reshape_op, transpose_op, broadcast_to_op, slice_op, pad_op, concatenate_op;
extern const Op gather_op, scatter_add_op, one_hot_op, to_index_op;
extern const Op add_scaled_op, subtract_scaled_op, mix_op, mix_square_op, normalised_step_op;
extern const Op sum_op, mean_op, max_op;
extern const Op softmax_op, log_softmax_op;
extern const Op unfold2d_op, fold2d_op;
extern const Op conv2d_op, conv2d_input_gradient_op, conv2d_weight_gradient_op;
extern const Op max_pool2d_op, max_pool2d_scatter_op, max_pool2d_pick_op, avg_pool2d_op, avg_pool2d_scatter_op;
extern const Op normalize_op, batch_norm_op, batch_norm_gradient_op, dropout_mask_op;
extern const Op lstm_op, lstm_gradient_op, gru_op, gru_gradient_op, rnn_op, rnn_gradient_op;
extern const Op reverse_steps_op, step_mask_op, take_step_op, put_step_op, scaled_dot_product_attention_op;
extern const Op softmax_cross_entropy_op, subtract_one_hot_op, binary_cross_entropy_op, squared_error_op, log_cosh_op;

/// All ops, in the order of the docs; input, state and constant are not among them.
std::span<const Op* const> catalogue();

/// The op of that name; nullptr where there is none.
const Op* find_op(const std::string& name);

} // namespace vitro

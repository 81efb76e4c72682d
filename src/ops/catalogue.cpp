#include "ops/catalogue.h"

namespace vitro {

std::span<const Op* const> catalogue() {
  static constexpr const Op* all[] = {
      // arithmetic
      &add_op,
      &subtract_op,
      &multiply_op,
      &divide_op,
      &negate_op,
      &square_op,
      &sqrt_op,
      &exp_op,
      &log_op,
      &power_op,
      &abs_op,
      &sign_op,
      &maximum_op,
      &minimum_op,
      // comparisons
      &equal_op,
      &not_equal_op,
      &less_op,
      &less_equal_op,
      &greater_op,
      &greater_equal_op,
      &where_op,
      // activations
      &sigmoid_op,
      &tanh_op,
      &relu_op,
      &leaky_relu_op,
      &step_op,
      &softplus_op,
      &erf_op,
      &normal_cdf_op,
      &expm1_op,
      &identity_op,
      &hard_sigmoid_op,
      &relu6_op,
      &prelu_op,
      &elu_op,
      &selu_op,
      &gelu_op,
      &gelu_tanh_op,
      &silu_op,
      &softsign_op,
      // updates
      &add_scaled_op,
      &subtract_scaled_op,
      &mix_op,
      &mix_square_op,
      &normalised_step_op,
      // matrix product
      &matmul_op,
      // movement
      &reshape_op,
      &transpose_op,
      &broadcast_to_op,
      &slice_op,
      &pad_op,
      &concatenate_op,
      // indexing
      &gather_op,
      &scatter_add_op,
      &one_hot_op,
      &to_index_op,
      // reductions
      &sum_op,
      &mean_op,
      &max_op,
      // convolution and pooling
      &unfold2d_op,
      &fold2d_op,
      &conv2d_op,
      &conv2d_input_gradient_op,
      &conv2d_weight_gradient_op,
      &max_pool2d_op,
      &max_pool2d_scatter_op,
      &max_pool2d_pick_op,
      &avg_pool2d_op,
      &avg_pool2d_scatter_op,
      // normalisation and dropout
      &normalize_op,
      &batch_norm_op,
      &batch_norm_gradient_op,
      &dropout_mask_op,
      // recurrence and sequences
      &lstm_op,
      &lstm_gradient_op,
      &gru_op,
      &gru_gradient_op,
      &rnn_op,
      &rnn_gradient_op,
      &reverse_steps_op,
      &step_mask_op,
      &take_step_op,
      &put_step_op,
      &scaled_dot_product_attention_op,
      // softmax and losses
      &softmax_op,
      &log_softmax_op,
      &softmax_cross_entropy_op,
      &subtract_one_hot_op,
      &binary_cross_entropy_op,
      &squared_error_op,
      &log_cosh_op,
  };
  return all;
}

const Op* find_op(const std::string& name) {
  for (const Op* op : catalogue())
    if (name == op->name) return op;
  return nullptr;
}

} // namespace vitro

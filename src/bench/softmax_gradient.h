// The gradient of softmax and cross-entropy by the logits, made in three ways: what does it save to
// derive the two jointly? Each is the straightforward loop that its formula suggests; a test holds
// them against one another.
#pragma once

#include <cstdint>
#include <span>

namespace vitro::bench {

/// `p` is softmax(logits), row by row; the loss is the mean over rows of -log p[label].
struct SoftmaxRows {
  int64_t rows, classes;
  std::span<const float> p;        // [rows, classes]
  std::span<const int32_t> labels; // [rows]
};

/// dx [rows, classes] = (p - y) / rows, y one-hot.
void joint_gradient(const SoftmaxRows& given, std::span<float> dx);

/// Two steps: dp = -y / p / rows, into the scratch [rows, classes]; then softmax's rule in closed form,
/// dx = p (dp - sum(p dp)).
void closed_form_gradient(const SoftmaxRows& given, std::span<float> dp, std::span<float> dx);

/// Two steps: dp as above; then row by row softmax's Jacobian diag(p) - p p' into the scratch [classes, classes], and
/// its product with dp.
void jacobian_gradient(const SoftmaxRows& given, std::span<float> dp, std::span<float> jacobian, std::span<float> dx);

} // namespace vitro::bench

// Gradient checks: back-propagated derivatives against central differences, in double.
//
// The relative error is |a - b| / max(|a|, |b|, 1e-8); up to 1e-5 is right. Where a derivative jumps
// inside the smallest step, neither answer is wrong: such kinks are counted, not failed.
// The differences are extrapolated after Richardson (h and h/2), with the step that agrees best with
// its half.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/interpret.h"

namespace vitro {

inline constexpr double gradcheck_tolerance = 1e-5;

double relative_error(double a, double b);

struct Difference {
  double value = 0;
  bool kink = false; // no two steps agree
};
/// The derivative of `f` at 0.
Difference central_difference(const std::function<double(double)>& f, double scale);

struct GradcheckResult {
  int64_t checked = 0, failed = 0, kinks = 0;
  double worst_relative_error = 0;
  std::string worst; // its address
  std::vector<std::string> failures; // "fc1.weight:3,17: 0.5 by the chain rule, 0.6 by difference"
};

/// Checks the derivative of `output` (one element) with respect to every element of every trainable state, or to
/// `count` of them chosen at random where count > 0.
GradcheckResult gradcheck(const Function& function, const States& states, const std::vector<Tensor>& inputs, const std::string& output = "loss",
                          int64_t count = 0, uint64_t seed = 0);

struct OpGradcheck {
  const Op* op;
  bool differentiable;      // false: its slope is zero by definition (comparisons, step, one_hot)
  GradcheckResult first;    // derivatives of each example
  GradcheckResult second;   // derivatives of a random projection of the derivative
};
/// One op on its examples; of a random projection of its floating outputs.
OpGradcheck gradcheck_op(const Op& op);
/// The whole catalogue.
std::vector<OpGradcheck> gradcheck_ops();

} // namespace vitro

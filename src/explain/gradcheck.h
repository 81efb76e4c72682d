// Gradient checks: back-propagation against finite differences, both in double.
//
// An element passes where |a - b| / max(|a|, |b|, 1e-8) is at most the tolerance. Where the function has a
// kink inside the step (a relu that changes sides) the step shrinks or turns to the free side; an element
// that sits on a kink has no derivative and is counted apart. So are the inputs of ops whose slope is
// zero by definition (comparisons, step, sign). Integer inputs (labels, indices) are not differentiated.
#pragma once

#include <string>
#include <vector>

#include "explain/address.h"

namespace vitro {

struct GradcheckOptions {
  int64_t elements = 0;   // of all trainable elements so many, drawn at random; 0: all of them
  int64_t directions = 0; // beside that, so many random directions through all trainable elements at once
                          // (as HIPS autograd checks); with elements = -1 nothing but these
  uint64_t seed = 0;
  double tolerance = 1e-5;
  std::string loss = "loss"; // the output that is differentiated: one element
};

struct GradcheckResult {
  int64_t checked = 0, failed = 0, non_differentiable = 0;
  int64_t kinks_met = 0; // checked all the same: a kink lay inside the first step, and a smaller one avoided it
  double worst_relative_error = 0;
  std::string worst; // its address, or "direction 0"
  double worst_back_propagated = 0, worst_difference = 0;
  std::vector<std::string> failures; // "fc1.weight[3,17]: back-propagated 0.1, finite difference 0.2, ...", 20 at most
};

/// Every trainable state that `function` reads, on these inputs. Throws as Explainer does.
GradcheckResult gradcheck(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                          GradcheckOptions options = {});

struct OpCheck {
  std::string op;
  GradcheckResult first, second; // the derivative, and the derivative's derivative
};
struct OpsCheck {
  std::vector<OpCheck> by_op; // in the order of the catalogue
  int64_t ops = 0, checked = 0, failed = 0, non_differentiable = 0;
  double worst_relative_error = 0;
  std::string worst; // "divide, example 1, second derivative, a[0,2]"
};

/// Every op of the catalogue on its own examples: each float input's derivative and its second derivative.
OpsCheck gradcheck_ops(double tolerance = 1e-5);
/// One op; throws bad_input for an unknown name, with the nearest.
OpCheck gradcheck_op(const std::string& op, double tolerance = 1e-5);

std::string text_of(const GradcheckResult& result, bool colour = false);
std::string text_of(const OpsCheck& result, bool colour = false);
/// Keys of both: ops (1 for a function), checked, non_differentiable, failed, worst_relative_error, worst.
std::string json_of(const GradcheckResult& result);
std::string json_of(const OpsCheck& result);

} // namespace vitro

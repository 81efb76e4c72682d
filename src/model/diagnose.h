// Where a value stopped being finite. Private to src/model.
#pragma once

#include "model/model.h"

namespace vitro {

/// Interprets `function` (loss and gradient) and names the first node, in order, whose value is not finite, looking
/// into an op that is composed of others. Values of the loss come before those of its derivative.
Diagnosis diagnose(const Function& function, const States& states, const std::vector<Tensor>& inputs);

} // namespace vitro

// The functions of a model, traced for one batch size and one kind of targets.
// Private to src/model. Inputs and outputs stand in the order in which they are listed here.
#pragma once

#include "model/model.h"

namespace vitro {

enum class Purpose : uint8_t {
  predict,  // x -> predictions
  evaluate, // x, targets -> loss, predictions
  explain,  // the same, and each layer's output by its name
  gradient, // x, targets -> loss, predictions, then one gradient per parameter by its name; in training
  update,   // one gradient per parameter, the optimiser's scalars -> updates
  average,  // the weight of the present parameters -> the averages' updates
  step,     // x, targets, the optimiser's scalars -> loss, predictions; updates: gradient and update in one
};

/// `spec` has canonical names; the states it needs are there. `targets` is i32 [batch] or float [batch, outputs].
/// Throws where the net's output is not [batch, outputs].
Function trace(const ModelSpec& spec, const States& states, Purpose purpose, int64_t batch, const Type& targets);

/// [batch, ...sample]
Type input_type(const ModelSpec& spec, int64_t batch);

} // namespace vitro

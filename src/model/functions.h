// The functions of a model, traced for one batch size and one kind of targets.
// Private to src/model. Inputs and outputs stand in the order in which they are listed here.
#pragma once

#include "model/model.h"

namespace vitro {

enum class Purpose : uint8_t {
  predict,       // x -> predictions
  predict_next,  // the same of samples that continue those before: layers' memories are read and updated
  evaluate,      // x, targets -> loss, predictions
  evaluate_next, // the same, continuing
  explain,       // the same, and each layer's output by its name
  observe,       // the same as evaluate; then each layer's output; dL/d of each; one gradient per parameter
  attribute,     // x, direction -> the net's output, d(output * direction)/dx; the last maps by their layer's name,
                 // d/d these
  training,      // x, targets -> loss, predictions; in training, as all below
  gradient, // the same, then one gradient per parameter by its name, then the running states' next values by theirs
  update,   // one gradient per parameter, the running states' next values, the optimiser's scalars -> updates
  average,  // the weight of the present values -> the averages' updates
  step,     // x, targets, the optimiser's scalars -> loss, predictions; updates: gradient and update in one
};

/// `spec` has canonical names; the states it needs are there. `targets` is i32 [batch] or float [batch, outputs]; where
/// the net answers at each step [batch, steps] or [batch, steps, outputs]. Behind x stands the input "lengths" where
/// the extent has them. Throws where the net's output is not [batch, outputs], or [batch, steps, outputs].
Function trace(const ModelSpec& spec, const States& states, Purpose purpose, const BatchSize& extent,
               const Type& targets);

/// [batch, ...sample], of a sequence with the extent's steps.
Type input_type(const ModelSpec& spec, const BatchSize& extent);
/// How many answers a batch has: its samples, or their steps.
int64_t answers(const ModelSpec& spec, const BatchSize& extent);
/// What a loss takes by nature as targets of such a batch.
Type target_type(const ModelSpec& spec, const BatchSize& extent);

} // namespace vitro

// What a batch shows of a net: how its layers answer, and how far the gradient comes.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace vitro {

/// One layer, in evaluation. NaN where a number means nothing for it.
struct LayerStatistics {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::string name, kind;
  int64_t units = 0;                                             // outputs of a sample: of a picture its channels
  double mean = none, deviation = none, low = none, high = none; // of its output
  double dead = none;                    // of a ReLU: share of units that are 0 for every sample
  double saturated = none;               // share of values in the outer 1 % at either end of a bounded activation
  double signal = none;                  // norm of dL/d(output)
  double weight = none, gradient = none; // norms over its parameters; over their gradients
  std::vector<int64_t> histogram = {};   // of its output, in equal bins from `low` to `high`
};

struct Statistics {
  double loss = 0;
  double training_loss = 0; // the same weights and samples, with what acts in training only (dropout, batch-norm)
  Tensor predictions = {};  // [batch, outputs]
  std::vector<LayerStatistics> layers = {};
};

class Run;
struct ModelSpec;
class States;
/// What `run`, of Purpose::observe, has left.
Statistics read_statistics(const ModelSpec& spec, const States& states, const Run& run);

} // namespace vitro

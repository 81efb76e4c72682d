// How good forecasts are beside those that need no learning: over all steps ahead, and step by step.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/metrics.h"

namespace vitro {

/// Root mean squared and mean absolute errors of forecasts, [horizon]: the first is of one step ahead.
struct StepErrors {
  std::string name; // "net", "naive", "seasonal naive"
  std::vector<double> rmse, mae;
};

/// Of `data`, which holds a series and at least one sample: the net's, whose `predictions` are [n, horizon] as it
/// learns them, then those of `naive_forecasts`.
std::vector<StepErrors> errors_by_step(const Tensor& predictions, const Dataset& data);

} // namespace vitro

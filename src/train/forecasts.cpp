#include "train/forecasts.h"

#include <cmath>
#include <functional>

namespace vitro {

std::vector<StepErrors> errors_by_step(const Tensor& predictions, const Dataset& data) {
  const Schema& schema = data.schema;
  const int64_t n = data.size(), horizon = schema.horizon();
  const auto errors = [&](const char* name, const std::function<double(int64_t sample, int64_t step)>& said) {
    StepErrors out{.name = name, .rmse = {}, .mae = {}};
    for (int64_t step = 0; step < horizon; ++step) {
      double squared = 0, absolute = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double error = said(i, step) - data.targets.at(i * horizon + step);
        squared += error * error;
        absolute += std::abs(error);
      }
      out.rmse.push_back(std::sqrt(squared / double(n)));
      out.mae.push_back(absolute / double(n));
    }
    return out;
  };
  std::vector<StepErrors> out = {
      errors("net", [&](int64_t i, int64_t step) { return raw_of(data, i, step, predictions.at(i * horizon + step)); }),
      errors("naive", [&](int64_t i, int64_t) { return last_value(data, i); })};
  if (schema.forecast->period > 0)
    out.push_back(
        errors("seasonal naive", [&](int64_t i, int64_t step) { return data.season.at(i * horizon + step); }));
  return out;
}

} // namespace vitro

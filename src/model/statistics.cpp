// Reads what an observing run leaves: layers' outputs, the gradient that arrives at each, the parameters' gradients.
// Sums run in double, in order: the same batch and weights give the same numbers.
#include "model/statistics.h"

#include <algorithm>
#include <cmath>

#include "model/runs.h"
#include "nn/net.h"

namespace vitro {
namespace {

constexpr int64_t bins = 24;
constexpr double outer = 0.01; // of a bounded activation's range

struct Bounded {
  const char* kind;
  double low, high;
};
constexpr Bounded bounded[] = {{"sigmoid", 0, 1}, {"hard_sigmoid", 0, 1}, {"tanh", -1, 1}, {"softsign", -1, 1}};

template <class T> double norm_squared(std::span<const T> values) {
  double sum = 0;
  for (const T value : values) sum += double(value) * double(value);
  return sum;
}
double norm_squared(ConstView view) {
  return view.type.dtype == DType::f64 ? norm_squared(view.as<double>()) : norm_squared(view.as<float>());
}

template <class T> void describe(LayerStatistics& out, const Shape& shape, std::span<const T> y) {
  // A unit is a feature of the last axis; of pictures [batch, channels, height, width] a channel.
  const int64_t axis = shape.rank() == 4 ? 1 : shape.rank() - 1;
  out.units = axis > 0 ? shape[axis] : 1;
  const size_t inner = shape.rank() == 4 ? size_t(shape[2] * shape[3]) : 1, units = size_t(out.units);
  std::vector<char> alive(units);
  double sum = 0, squares = 0;
  T low = y[0], high = y[0];
  for (size_t i = 0; i < y.size();)
    for (size_t unit = 0; unit < units; ++unit)
      for (size_t k = 0; k < inner; ++k, ++i) {
        sum += double(y[i]);
        squares += double(y[i]) * double(y[i]);
        low = std::min(low, y[i]);
        high = std::max(high, y[i]);
        alive[unit] |= char(y[i] != 0);
      }
  const double n = double(y.size());
  out.mean = sum / n;
  out.deviation = std::sqrt(std::max(0.0, squares / n - out.mean * out.mean));
  out.low = double(low);
  out.high = double(high);
  if (out.kind == "relu" || out.kind == "relu6") out.dead = double(std::ranges::count(alive, 0)) / double(units);
  for (const Bounded& kind : bounded) {
    if (out.kind != kind.kind) continue;
    const double margin = outer * (kind.high - kind.low);
    const auto at_end = [&](T value) { return value < kind.low + margin || value > kind.high - margin; };
    out.saturated = double(std::ranges::count_if(y, at_end)) / n;
  }
  out.histogram.assign(bins, 0);
  const double scale = double(bins) / (out.high - out.low);
  if (!std::isfinite(scale) || !std::isfinite(sum)) return;
  for (const T value : y)
    ++out.histogram[size_t(std::clamp(int64_t((double(value) - out.low) * scale), int64_t{0}, bins - 1))];
}

} // namespace

Statistics read_statistics(const ModelSpec& spec, const States& states, const Run& run) {
  const std::vector<ResolvedLayer> layers = resolve(spec.net, spec.outputs);
  const std::vector<std::string> parameters = states.names(true);
  Statistics out{.loss = run.output(0).at(0), .predictions = Tensor::copy_of(run.output(1))};
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerStatistics& layer = out.layers.emplace_back(layers[i].name, layers[i].layer->name);
    const ConstView y = run.output(2 + i);
    if (!is_float(y.type.dtype) || y.type.shape.elements() == 0) continue;
    if (y.type.dtype == DType::f64)
      describe(layer, y.type.shape, y.as<double>());
    else
      describe(layer, y.type.shape, y.as<float>());
    layer.signal = std::sqrt(norm_squared(run.output(2 + layers.size() + i)));
    double weights = 0, gradients = 0;
    bool found = false;
    for (size_t p = 0; p < parameters.size(); ++p)
      if (parameters[p].starts_with(layers[i].parameters + ".")) {
        weights += norm_squared(states.read(parameters[p]));
        gradients += norm_squared(run.output(2 + 2 * layers.size() + p));
        found = true;
      }
    if (!found) continue;
    layer.weight = std::sqrt(weights);
    layer.gradient = std::sqrt(gradients);
  }
  return out;
}

} // namespace vitro

#include "train/probe.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "data/batches.h"

namespace vitro {
namespace {

constexpr int64_t most_samples = 256, fewest_samples = 16;
constexpr int64_t most_values = int64_t{1} << 24; // outputs of all layers together, 64 MiB
constexpr int64_t always = 10;                    // epochs at the beginning
constexpr int64_t share = 32;                     // a look costs about as much as training on its samples twice
constexpr int64_t apart = 64;

constexpr double none = LayerStatistics::none;

// Root mean square over samples of the difference from a column's mean, over all columns; `value` of row and column.
template <class Value> double spread_of(int64_t rows, int64_t columns, Value value) {
  double squares = 0;
  for (int64_t j = 0; j < columns; ++j) {
    double mean = 0;
    for (int64_t i = 0; i < rows; ++i) mean += value(i, j) / double(rows);
    for (int64_t i = 0; i < rows; ++i) squares += (value(i, j) - mean) * (value(i, j) - mean);
  }
  return std::sqrt(squares / double(rows * columns));
}

double target_spread(const Tensor& targets, int64_t outputs) {
  const int64_t rows = is_float(targets.dtype()) ? targets.shape()[0] : targets.elements();
  if (is_float(targets.dtype()))
    return spread_of(rows, outputs, [&](int64_t i, int64_t j) { return targets.at(i * outputs + j); });
  return spread_of(rows, outputs, [&](int64_t i, int64_t j) { return targets.at(i) == double(outputs == 1 ? 1 : j); });
}

} // namespace

int64_t column_of(const History& table, const std::string& name) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), name);
  return found == table.columns.end() ? -1 : found - table.columns.begin();
}

Probe::Probe(const Model& model, const Dataset& train, uint64_t seed)
    : model_(model), train_(train), layers_(model.layers()) {
  int64_t values = train.schema.sample.elements();
  for (const Model::LayerSummary& layer : layers_) values += layer.output.elements();
  const int64_t samples =
      std::min(train.size(), std::clamp(most_values / std::max<int64_t>(values, 1), fewest_samples, most_samples));
  Batches order(train.size(), samples, seed, Order::shuffled);
  fill(train, order.rows({}), model.spec().dtype, batch_);
  target_spread_ = target_spread(batch_.targets, model.spec().outputs);
  const int64_t features = batch_.x.elements() / samples;
  const int64_t sizes = train.schema.text              ? 0
                        : train.schema.columns.empty() ? features
                                                       : encoding_of(train.schema.columns).inputs;
  if (sizes == 0) input_size_ = input_feature_ = none;
  for (int64_t j = 0; j < sizes; ++j) {
    double squares = 0;
    for (int64_t i = 0; i < samples; ++i) squares += batch_.x.at(i * features + j) * batch_.x.at(i * features + j);
    const double size = std::sqrt(squares / double(samples));
    if (size > input_size_) std::tie(input_size_, input_feature_) = std::pair(size, double(j));
  }
}

std::vector<std::string> Probe::columns() const {
  std::vector<std::string> out = {"epoch", "loss", "training_loss", "spread", "input:size", "input:feature"};
  for (const Model::LayerSummary& layer : layers_)
    for (const char* column : layer_columns) out.push_back(text(layer.name, ":", column));
  return out;
}

bool Probe::due(int64_t epoch, int64_t epochs, int64_t previous) const {
  const int64_t seldom = share * batch_.x.shape()[0] / train_.size();
  return epoch <= always || epoch >= epochs || epoch - previous >= std::max({int64_t{1}, seldom, epoch / apart});
}

void Probe::before_step() {
  for (const std::string& name : model_.states().names(true)) before_[name] = model_.states().read(name);
}

void Probe::after_step() {
  for (const Model::LayerSummary& layer : layers_) {
    double moved = 0, size = 0;
    const auto add = [&]<class T>(std::span<const T> now, std::span<const T> before) {
      for (size_t i = 0; i < now.size(); ++i) {
        moved += (double(now[i]) - double(before[i])) * (double(now[i]) - double(before[i]));
        size += double(before[i]) * double(before[i]);
      }
    };
    for (const std::string& name : layer.parameters) {
      const Tensor now = model_.states().read(name), &before = before_.at(name);
      if (now.dtype() == DType::f64)
        add(now.as<double>(), before.as<double>());
      else
        add(now.as<float>(), before.as<float>());
    }
    updates_[layer.name] = size > 0 ? std::sqrt(moved / size) : none;
  }
  before_.clear();
}

std::vector<double> Probe::look(int64_t epoch) {
  latest_ = model_.statistics(batch_.inputs(), batch_.targets);
  const Tensor& said = latest_.predictions;
  const int64_t rows = said.shape()[0], outputs = said.elements() / rows;
  const double spread = spread_of(rows, outputs, [&](int64_t i, int64_t j) { return said.at(i * outputs + j); });
  const double samples = model_.spec().reduction == "sum" ? double(rows) : 1;
  std::vector<double> row = {double(epoch),
                             latest_.loss / samples,
                             latest_.training_loss / samples,
                             target_spread_ > 0 ? spread / target_spread_ : none,
                             input_size_,
                             input_feature_};
  for (const LayerStatistics& layer : latest_.layers) {
    const auto update = updates_.find(layer.name);
    row.insert(row.end(), {layer.mean, layer.deviation, layer.dead, layer.saturated, layer.signal, layer.weight,
                           layer.gradient, update == updates_.end() ? none : update->second});
  }
  updates_.clear();
  return row;
}

} // namespace vitro

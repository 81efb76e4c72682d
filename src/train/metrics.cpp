#include "train/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/text.h"

namespace vitro {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double ratio(int64_t part, int64_t whole) { return whole > 0 ? double(part) / double(whole) : nothing; }

} // namespace

Interval wilson(int64_t hits, int64_t n) {
  if (n <= 0) return {};
  constexpr double z = 1.959963984540054; // 97.5 % of the standard normal distribution lie below
  const double count = double(n), share = double(hits) / count;
  const double centre = share + z * z / (2 * count);
  const double half = z * std::sqrt(share * (1 - share) / count + z * z / (4 * count * count));
  const double scale = 1 + z * z / count;
  // At the ends the formula gives exactly 0 and 1, but for its rounding.
  return {hits <= 0 ? 0.0 : (centre - half) / scale, hits >= n ? 1.0 : (centre + half) / scale};
}

double ClassMetrics::precision() const { return ratio(correct, predicted); }
double ClassMetrics::recall() const { return ratio(correct, support); }
double ClassMetrics::f1() const { return ratio(2 * correct, support + predicted); }

double Metrics::accuracy() const { return ratio(correct, samples); }

int64_t Metrics::classes() const { return std::llround(std::sqrt(double(confusion.size()))); }

ClassMetrics Metrics::of_class(int64_t index) const {
  const int64_t n = classes();
  ClassMetrics out;
  for (int64_t other = 0; other < n; ++other) {
    out.support += confusion[size_t(index * n + other)];
    out.predicted += confusion[size_t(other * n + index)];
  }
  out.correct = confusion[size_t(index * n + index)];
  return out;
}

MacroMetrics Metrics::macro() const {
  MacroMetrics sum;
  int64_t met = 0;
  const auto or_zero = [](double value) { return std::isnan(value) ? 0 : value; };
  for (int64_t i = 0; i < classes(); ++i) {
    const ClassMetrics one = of_class(i);
    if (one.support + one.predicted == 0) continue;
    ++met;
    sum.precision += or_zero(one.precision());
    sum.recall += or_zero(one.recall());
    sum.f1 += one.f1();
  }
  if (met == 0) return {nothing, nothing, nothing};
  return {sum.precision / double(met), sum.recall / double(met), sum.f1 / double(met)};
}

Tally::Tally(const Schema& schema) : schema_(schema) {
  if (schema.goal == Goal::classes) {
    const size_t classes = schema.classes.size();
    confusion_.resize(classes * classes);
  } else {
    mean_.resize(size_t(schema.outputs()));
    spread_.resize(size_t(schema.outputs()));
  }
}

void Tally::add(const Dataset& data, std::span<const int64_t> rows, double loss_sum, ConstView predictions) {
  const auto count = int64_t(rows.size());
  if (count == 0) return;
  const int64_t width = predictions.type.shape.elements() / count;
  if (predictions.type.shape.elements() != count * width || width == 0)
    throw std::logic_error(text("Tally: predictions ", predictions.type, " for ", count, " rows"));
  loss_ += loss_sum;
  std::vector<float> row(static_cast<size_t>(width));
  for (int64_t i = 0; i < count; ++i) {
    ++samples_;
    if (schema_.goal == Goal::classes) {
      for (int64_t j = 0; j < width; ++j) row[size_t(j)] = float(predictions.at(i * width + j));
      const int64_t truth = data.label_of()[size_t(rows[size_t(i)])];
      ++confusion_[size_t(truth) * schema_.classes.size() + size_t(class_of(row))];
      continue;
    }
    for (int64_t j = 0; j < width; ++j) {
      const double predicted = raw_of(data, rows[size_t(i)], j, predictions.at(i * width + j));
      const double truth = data.targets.at(rows[size_t(i)] * width + j);
      squared_ += (predicted - truth) * (predicted - truth);
      absolute_ += std::abs(predicted - truth);
      const double away = truth - mean_[size_t(j)];
      mean_[size_t(j)] += away / double(samples_);
      spread_[size_t(j)] += away * (truth - mean_[size_t(j)]);
    }
  }
}

Metrics Tally::metrics() const {
  Metrics out;
  out.goal = schema_.goal;
  out.samples = samples_;
  out.loss = samples_ > 0 ? loss_ / double(samples_) : nothing;
  out.confusion = confusion_;
  if (schema_.goal == Goal::classes) {
    for (size_t i = 0; i < schema_.classes.size(); ++i) out.correct += confusion_[i * (schema_.classes.size() + 1)];
    return out;
  }
  const double values = double(samples_) * double(mean_.size());
  double spread = 0;
  for (const double one : spread_) spread += one;
  out.rmse = values > 0 ? std::sqrt(squared_ / values) : nothing;
  out.mae = values > 0 ? absolute_ / values : nothing;
  out.r2 = spread > 0 ? 1 - squared_ / spread : nothing;
  return out;
}

int64_t class_of(std::span<const float> probabilities) {
  if (probabilities.size() == 1) return probabilities[0] > 0.5f;
  return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
}

Baseline baseline(const Dataset& train, const Dataset& on) {
  Baseline out{.value = nothing, .text = ""};
  if (train.schema.goal == Goal::classes) {
    const std::vector<int64_t> counts = class_counts(train);
    const auto most = std::max_element(counts.begin(), counts.end()) - counts.begin();
    if (on.size() > 0) out.value = ratio(class_counts(on)[size_t(most)], on.size());
    out.text = text("always \"", train.schema.classes[size_t(most)], "\"");
    return out;
  }
  out.text = "always the mean";
  const int64_t width = train.schema.outputs();
  std::vector<double> mean(static_cast<size_t>(width));
  for (int64_t i = 0; i < train.size() * width; ++i)
    mean[size_t(i % width)] += train.targets.at(i) / double(train.size());
  double squared = 0;
  for (int64_t i = 0; i < on.size() * width; ++i) {
    const double away = on.targets.at(i) - mean[size_t(i % width)];
    squared += away * away;
  }
  if (on.size() > 0) out.value = std::sqrt(squared / double(on.size() * width));
  return out;
}

} // namespace vitro

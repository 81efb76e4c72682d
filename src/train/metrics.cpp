#include "train/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/texts.h"

namespace vitro {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

constexpr int64_t most_groups = 4096, first_target = 3; // of Metrics::errors
constexpr size_t most_symbols_confused = 1000;
constexpr int64_t most_symbols_paired = 4096;

double ratio(int64_t part, int64_t whole) { return whole > 0 ? double(part) / double(whole) : nothing; }

} // namespace

const char* counted_in(const Schema& schema) { return schema.text ? name(schema.text->unit) : "samples"; }

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

Interval Metrics::interval() const {
  return goal == Goal::classes ? wilson(correct, samples) : number_intervals().rmse;
}

NumberIntervals Metrics::number_intervals() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr int64_t rounds = 1000, at_once = 25;
  if (samples < 2) return {{0, infinity}, {0, infinity}, {-infinity, 1}};
  const int64_t groups = std::min(samples, most_groups), columns = int64_t(errors.size()) / groups;
  std::vector<double> found[3];
  for (std::vector<double>& values : found) values.resize(rounds);
  const Stream stream(0, "bootstrap");
  parallel(rounds / at_once, [&](int64_t task) {
    std::vector<double> sums(static_cast<size_t>(columns));
    for (int64_t round = task * at_once; round < (task + 1) * at_once; ++round) {
      std::ranges::fill(sums, 0);
      Philox words{};
      for (int64_t i = 0; i < groups; ++i) {
        if (i % 4 == 0) words = stream.words(uint64_t(round), uint64_t(i / 4));
        // The word as a share of 2^32, so many groups on: unequal by less than a millionth.
        const uint64_t drawn = (uint64_t(words[size_t(i % 4)]) * uint64_t(groups)) >> 32;
        const double* const one = &errors[size_t(drawn) * size_t(columns)];
        for (int64_t j = 0; j < columns; ++j) sums[size_t(j)] += one[j];
      }
      double spread = 0;
      for (size_t j = first_target; j < size_t(columns); j += 2) spread += sums[j + 1] - sums[j] * sums[j] / sums[0];
      const double values = sums[0] * double(columns - first_target) / 2;
      found[0][size_t(round)] = std::sqrt(sums[1] / values);
      found[1][size_t(round)] = sums[2] / values;
      found[2][size_t(round)] = spread > 0 ? 1 - sums[1] / spread : -infinity;
    }
  });
  const auto between = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return Interval{values[rounds / 40 - 1], values[rounds - rounds / 40]};
  };
  return {between(found[0]), between(found[1]), between(found[2])};
}

double Metrics::accuracy() const { return ratio(correct, samples); }

double Metrics::bits() const { return nats / std::numbers::ln2; }
double Metrics::perplexity() const { return std::exp(nats); }

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
    if (!schema.text || classes <= most_symbols_confused) confusion_.resize(classes * classes);
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
  std::vector<double> numbers(static_cast<size_t>(width));
  for (int64_t i = 0; i < count; ++i) {
    if (schema_.goal == Goal::classes) {
      for (int64_t j = 0; j < width; ++j) row[size_t(j)] = float(predictions.at(i * width + j));
      add_class(data, rows[size_t(i)], class_of(row));
      if (schema_.text) add_probability(predictions.at(i * width + data.label_of()[size_t(rows[size_t(i)])]));
    } else {
      for (int64_t j = 0; j < width; ++j)
        numbers[size_t(j)] = raw_of(data, rows[size_t(i)], j, predictions.at(i * width + j));
      add_numbers(data, rows[size_t(i)], numbers);
    }
  }
}

void Tally::add_class(const Dataset& data, int64_t row, int64_t predicted) {
  ++samples_;
  const int64_t truth = data.label_of()[size_t(row)];
  correct_ += truth == predicted;
  if (!confusion_.empty()) ++confusion_[size_t(truth) * schema_.classes.size() + size_t(predicted)];
}

// What is below the smallest normal float counts as that: one symbol that was thought impossible makes no infinity.
void Tally::add_probability(double of_truth) {
  nats_ -= std::log(std::max(of_truth, double(std::numeric_limits<float>::min())));
}

void Tally::add_numbers(const Dataset& data, int64_t row, std::span<const double> predicted) {
  const size_t width = mean_.size(), columns = first_target + 2 * width;
  if (samples_ < most_groups) errors_.resize(errors_.size() + columns);
  double* const group = &errors_[size_t(samples_ % most_groups) * columns];
  ++samples_;
  ++group[0];
  for (size_t j = 0; j < width; ++j) {
    const double truth = data.targets.at(row * int64_t(width) + int64_t(j)), error = predicted[j] - truth;
    if (samples_ == 1) first_.push_back(truth);
    const double apart = truth - first_[j];
    group[1] += error * error;
    group[2] += std::abs(error);
    group[first_target + 2 * j] += apart;
    group[first_target + 2 * j + 1] += apart * apart;
    squared_ += error * error;
    absolute_ += std::abs(error);
    const double away = truth - mean_[j];
    mean_[j] += away / double(samples_);
    spread_[j] += away * (truth - mean_[j]);
  }
}

Metrics Tally::metrics() const {
  Metrics out;
  out.goal = schema_.goal;
  out.samples = samples_;
  out.loss = samples_ > 0 ? loss_ / double(samples_) : nothing;
  out.confusion = confusion_;
  if (schema_.goal == Goal::classes) {
    out.correct = correct_;
    out.text = schema_.text.has_value();
    if (out.text) out.nats = samples_ > 0 ? nats_ / double(samples_) : nothing;
    return out;
  }
  const double values = double(samples_) * double(mean_.size());
  double spread = 0;
  for (const double one : spread_) spread += one;
  out.rmse = values > 0 ? std::sqrt(squared_ / values) : nothing;
  out.mae = values > 0 ? absolute_ / values : nothing;
  out.r2 = spread > 0 ? 1 - squared_ / spread : nothing;
  out.errors = errors_;
  return out;
}

int64_t class_of(std::span<const float> probabilities) {
  if (probabilities.size() == 1) return probabilities[0] > 0.5f;
  return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
}

Baseline baseline(const Dataset& train, const Dataset& on) {
  if (on.schema.answers() > 1) return baseline(train, by_step(on));
  Tally tally(train.schema);
  if (train.schema.goal == Goal::classes) {
    const std::vector<int64_t> counts = class_counts(train);
    const auto most = std::max_element(counts.begin(), counts.end()) - counts.begin();
    const double all = double(train.labels.elements() + train.schema.outputs());
    for (int64_t i = 0; i < on.size(); ++i) {
      tally.add_class(on, i, most);
      if (on.schema.text) tally.add_probability(double(counts[size_t(on.label_of()[size_t(i)])] + 1) / all);
    }
    const Metrics metrics = tally.metrics();
    return {metrics, metrics.accuracy(), text("always \"", train.schema.classes[size_t(most)], "\"")};
  }
  if (std::vector<Baseline> naive = naive_forecasts(on); !naive.empty())
    return *std::ranges::min_element(naive, {}, [](const Baseline& one) { return one.value; });
  const int64_t width = train.schema.outputs();
  std::vector<double> mean(static_cast<size_t>(width));
  for (int64_t i = 0; i < train.size() * width; ++i)
    mean[size_t(i % width)] += train.targets.at(i) / double(train.size());
  for (int64_t i = 0; i < on.size(); ++i) tally.add_numbers(on, i, mean);
  const Metrics metrics = tally.metrics();
  return {metrics, metrics.rmse, "always the mean"};
}

std::vector<Baseline> naive_forecasts(const Dataset& on) {
  std::vector<Baseline> out;
  const Schema& schema = on.schema;
  if (!schema.forecast) return out;
  const int64_t horizon = schema.horizon();
  const auto add = [&](std::string name, auto&& said) {
    Tally tally(schema);
    std::vector<double> numbers(static_cast<size_t>(horizon));
    for (int64_t i = 0; i < on.size(); ++i) {
      for (int64_t step = 0; step < horizon; ++step) numbers[size_t(step)] = said(i, step);
      tally.add_numbers(on, i, numbers);
    }
    const Metrics metrics = tally.metrics();
    out.push_back({metrics, metrics.rmse, std::move(name)});
  };
  add("naive (the last value)", [&](int64_t i, int64_t) { return last_value(on, i); });
  if (const int64_t period = schema.forecast->period; period > 0)
    add(text("seasonal naive (", period, " rows before)"),
        [&](int64_t i, int64_t step) { return on.season.at(i * horizon + step); });
  return out;
}

std::vector<Baseline> text_models(const Dataset& train, const Dataset& on) {
  std::vector<Baseline> out;
  if (!on.schema.text || on.size() == 0) return out;
  out.push_back(baseline(train, on));
  out.back().value = out.back().metrics.nats;
  const int64_t symbols = train.schema.outputs();
  if (symbols > most_symbols_paired) return out;
  std::vector<int32_t> pairs(size_t(symbols * symbols)), before(static_cast<size_t>(symbols)), likeliest(before);
  const auto count = [&](const Dataset& data, auto&& each) {
    const auto from = data.samples.as<float>();
    const auto to = data.label_of();
    for (size_t i = 0; i < to.size(); ++i) each(int64_t(from[i]), int64_t(to[i]), int64_t(i));
  };
  count(train, [&](int64_t a, int64_t b, int64_t) {
    ++pairs[size_t(a * symbols + b)];
    ++before[size_t(a)];
  });
  for (int64_t a = 0; a < symbols; ++a) {
    const auto row = pairs.begin() + a * symbols;
    likeliest[size_t(a)] = int32_t(std::max_element(row, row + symbols) - row);
  }
  const Dataset steps = by_step(on);
  Tally tally(on.schema);
  count(steps, [&](int64_t a, int64_t b, int64_t i) {
    tally.add_class(steps, i, likeliest[size_t(a)]);
    tally.add_probability(double(pairs[size_t(a * symbols + b)] + 1) / double(before[size_t(a)] + symbols));
  });
  const Metrics metrics = tally.metrics();
  out.push_back({metrics, metrics.nats, "bigrams (the symbol before alone)"});
  return out;
}

} // namespace vitro

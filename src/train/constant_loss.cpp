#include "train/constant_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitro {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// -p log p
double nats(double p) { return p > 0 ? -p * std::log(p) : 0; }

// The numbers of a tensor argument; of one that isn't stated or isn't known to the loss, `otherwise`.
double number_of(const Attrs& args, const char* name, int64_t output, double otherwise) {
  const Attr* held = args.find(name);
  const int64_t count = held ? args.tensor(name).elements() : 0;
  return count == 0 ? otherwise : args.tensor(name).at(count == 1 ? 0 : output);
}

// One class out of several: the weights that the logarithms of the classes' probabilities are multiplied by decide, for
// the best probabilities are proportional to them.
double of_distribution(const ModelSpec& spec, const std::vector<double>& counts) {
  const Attrs& args = spec.loss_args;
  const Attr *smoothed = args.find("label_smoothing"), *ignoring = args.find("ignore_index");
  const double smoothing = smoothed ? args.real("label_smoothing") : 0;
  const int64_t ignored = ignoring ? args.integer("ignore_index") : -1;
  double samples = 0, weight = 0, total = 0, sum = 0; // of what counts; sum of a log a
  for (size_t j = 0; j < counts.size(); ++j)
    if (int64_t(j) != ignored) samples += counts[j];
  for (size_t j = 0; j < counts.size(); ++j) {
    const double factor = number_of(args, "class_weights", int64_t(j), 1), own = int64_t(j) == ignored ? 0 : counts[j];
    const double wanted = factor * ((1 - smoothing) * own + smoothing * samples / double(counts.size()));
    weight += factor * own;
    total += wanted;
    sum -= nats(wanted);
  }
  return (total > 0 ? total * std::log(total) - sum : 0) / (spec.reduction == "sum" ? samples : weight);
}

// Yes or no, one answer an output, a share p of them yes.
double of_share(const std::string& loss, double p, double pos_weight) {
  if (loss == "binary_cross_entropy") { // the best q is p w / (p w + 1 - p)
    const double yes = pos_weight * p, no = 1 - p, both = yes + no;
    return both > 0 ? both * (nats(yes / both) + nats(no / both)) : 0;
  }
  if (loss == "hinge") return 2 * std::min(p, 1 - p);
  if (loss == "squared_hinge") return 4 * p * (1 - p);
  if (loss == "squared_error") return p * (1 - p);
  return loss == "absolute_error" ? std::min(p, 1 - p) : unknown;
}

double of_numbers(const std::string& loss, std::vector<double>& targets) {
  const double n = double(targets.size());
  double mean = 0, squares = 0, away = 0;
  if (loss == "squared_error") {
    for (const double t : targets) mean += t / n;
    for (const double t : targets) squares += (t - mean) * (t - mean) / n;
    return squares;
  }
  if (loss != "absolute_error") return unknown;
  const auto middle = targets.begin() + std::ptrdiff_t(targets.size() / 2);
  std::ranges::nth_element(targets, middle);
  for (const double t : targets) away += std::abs(t - *middle) / n;
  return away;
}

} // namespace

double constant_loss(const ModelSpec& spec, const Dataset& train) {
  const int64_t outputs = spec.outputs, n = train.size();
  const Loss& loss = find_loss(spec.loss);
  const std::string reduction = spec.reduction.empty() ? loss.reductions[0] : spec.reduction;
  const double each = reduction == "mean" ? double(outputs) : reduction == "half" ? 2 : 1;
  double sum = 0;
  if (train.schema.goal == Goal::classes) {
    const std::vector<int64_t> found = class_counts(train);
    const std::vector<double> counts(found.begin(), found.end());
    if (loss.answer == Loss::distribution)
      return of_distribution(spec, counts) / (std::string_view(loss.name) == "kl_divergence" ? each : 1);
    for (int64_t j = 0; j < outputs; ++j) // with one output it says how likely class 1 is
      sum += of_share(loss.name, counts[size_t(outputs == 1 ? 1 : j)] / double(n),
                      number_of(spec.loss_args, "pos_weight", j, 1));
    return sum / each;
  }
  std::vector<double> targets(static_cast<size_t>(n));
  for (int64_t j = 0; j < outputs; ++j) {
    for (int64_t i = 0; i < n; ++i) targets[size_t(i)] = learned_of(train, i, j, train.targets.at(i * outputs + j));
    sum += of_numbers(loss.name, targets);
  }
  return sum / each;
}

} // namespace vitro

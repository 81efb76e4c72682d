#include "train/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitro {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr int bin_count = 15;
constexpr double least_probability = 0x1p-52, rounding = 1e-4; // of a sum of probabilities as floats

// The share of pairs (a sample of the class, another) in which the first has the larger score.
double area(const std::vector<double>& scores, std::span<const int32_t> labels, int32_t of_class) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[size_t(a)] < scores[size_t(b)]; });
  // Twice the ranks, from 1, equals sharing the mean of theirs: whole numbers, so that nothing is rounded.
  int64_t positive = 0, twice_ranks = 0;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    int64_t members = 0;
    for (; end < order.size() && scores[size_t(order[end])] == scores[size_t(order[begin])]; ++end)
      members += labels[size_t(order[end])] == of_class;
    positive += members;
    twice_ranks += members * int64_t(begin + 1 + end);
  }
  const int64_t negative = int64_t(scores.size()) - positive;
  if (positive == 0 || negative == 0) return nothing;
  return double(twice_ranks - positive * (positive + 1)) / (2.0 * double(positive) * double(negative));
}

std::vector<ConfidenceBin> bins_of_nothing() {
  std::vector<ConfidenceBin> bins;
  for (int i = 0; i < bin_count; ++i)
    bins.push_back({double(i) / bin_count, double(i + 1) / bin_count, 0, nothing, nothing});
  return bins;
}

} // namespace

double Scores::top(int64_t k) const {
  if (samples == 0 || places.empty()) return nothing;
  const auto end = places.begin() + std::min<int64_t>(k, int64_t(places.size()));
  return double(std::accumulate(places.begin(), end, int64_t{0})) / double(samples);
}

double Scores::roc_auc() const {
  if (class_auc.size() == 2) return class_auc[1];
  double sum = 0;
  int64_t known = 0;
  for (const double one : class_auc) {
    if (std::isnan(one)) continue;
    sum += one;
    ++known;
  }
  return known > 0 ? sum / double(known) : nothing;
}

double Scores::calibration_error() const {
  double sum = 0;
  int64_t counted = 0;
  for (const ConfidenceBin& bin : bins) {
    if (bin.samples == 0) continue;
    sum += double(bin.samples) * std::abs(bin.accuracy - bin.confidence);
    counted += bin.samples;
  }
  return counted > 0 ? sum / double(counted) : nothing;
}

Scores scores_of(const Tensor& predictions, const Dataset& data) {
  const int64_t n = data.size(), width = n > 0 ? predictions.elements() / n : 0;
  const auto classes = int64_t(data.schema.classes.size());
  const auto labels = data.label_of();
  Scores out{.samples = n, .places = {}, .log_loss = nothing, .class_auc = {}, .bins = bins_of_nothing()};
  out.class_auc.assign(size_t(classes), nothing);
  if (n == 0 || (width != classes && !(width == 1 && classes == 2))) return out;

  const auto score = [&](int64_t sample, int64_t c) {
    const double one = predictions.at(sample * width + (width == 1 ? 0 : c));
    return width == 1 && c == 0 ? 1 - one : one;
  };
  bool probabilities = true;
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const double one = score(i, c);
      if (!std::isfinite(one)) return out;
      probabilities = probabilities && one >= 0 && one <= 1 + rounding;
      sum += one;
    }
    probabilities = probabilities && std::abs(sum - 1) <= rounding;
  }

  out.places.assign(size_t(classes), 0);
  double log_loss = 0;
  std::vector<double> confidence(bin_count), right(bin_count);
  std::vector<int64_t> count(bin_count);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t truth = labels[size_t(i)];
    const double of_truth = score(i, truth);
    int64_t place = 0;
    double largest = of_truth;
    for (int64_t c = 0; c < classes; ++c) {
      const double one = score(i, c);
      place += one > of_truth || (one == of_truth && c < truth);
      largest = std::max(largest, one);
    }
    ++out.places[size_t(place)];
    log_loss -= std::log(std::max(of_truth, least_probability));
    const auto bin = size_t(std::clamp(std::ceil(largest * bin_count) - 1, 0.0, double(bin_count - 1)));
    ++count[bin];
    confidence[bin] += largest;
    right[bin] += place == 0;
  }
  if (probabilities) {
    out.log_loss = log_loss / double(n);
    for (size_t b = 0; b < bin_count; ++b)
      if (count[b] > 0) {
        out.bins[b].samples = count[b];
        out.bins[b].confidence = confidence[b] / double(count[b]);
        out.bins[b].accuracy = right[b] / double(count[b]);
      }
  }
  std::vector<double> scores(static_cast<size_t>(n));
  for (int64_t c = 0; c < classes; ++c) {
    for (int64_t i = 0; i < n; ++i) scores[size_t(i)] = score(i, c);
    out.class_auc[size_t(c)] = area(scores, labels, int32_t(c));
  }
  return out;
}

} // namespace vitro

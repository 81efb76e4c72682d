#include "train/importance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "report/terminal.h"
#include "train/measure.h"

namespace vitro {
namespace {

bool is_table(const Dataset& data) { return data.samples.shape().rank() == 2; }

std::string name_of(const Dataset& data, int64_t column) {
  const std::vector<std::string>& names = data.schema.features;
  return int64_t(names.size()) == data.samples.shape()[1] ? names[size_t(column)] : text("column ", column + 1);
}

// At most so many samples, in their order.
std::vector<int64_t> choose(const Stream& stream, int64_t all, int64_t most) {
  std::vector<int64_t> rows = permutation(stream, all);
  rows.resize(size_t(std::min(all, most)));
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Of values that come one by one.
struct Spread {
  std::vector<double> values;
  double mean() const { return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size()); }
  double deviation() const { // of the values themselves
    const double middle = mean();
    double squares = 0;
    for (const double value : values) squares += (value - middle) * (value - middle);
    return std::sqrt(squares / double(values.size()));
  }
};

// ---- One column against the target ---------------------------------------------------------------------

constexpr int64_t folds = 5, most_bins = 256, least_in_bin = 8, fewest_samples = 50, most_samples = 50000;
constexpr double suspicious = 0.98, plain_majority = 0.95, mistakes_left = 0.1;

// The bin of each value, 0 .. ; what is missing has the last.
std::vector<int64_t> bins_of(const std::vector<double>& values, bool coded) {
  std::vector<double> sorted;
  for (const double value : values)
    if (!std::isnan(value)) sorted.push_back(value);
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> lower = sorted; // where each bin begins
  lower.erase(std::unique(lower.begin(), lower.end()), lower.end());
  if (!coded && int64_t(lower.size()) > most_bins) {
    const auto n = int64_t(sorted.size()), bins = std::clamp<int64_t>(n / least_in_bin, 1, most_bins);
    lower.clear();
    for (int64_t b = 0; b < bins; ++b) lower.push_back(sorted[size_t(b * n / bins)]);
    lower.erase(std::unique(lower.begin(), lower.end()), lower.end());
  }
  std::vector<int64_t> out;
  for (const double value : values)
    out.push_back(std::isnan(value) ? int64_t(lower.size())
                                    : std::upper_bound(lower.begin(), lower.end(), value) - lower.begin() - 1);
  return out;
}

int64_t largest(const std::vector<int64_t>& counts) {
  return std::max_element(counts.begin(), counts.end()) - counts.begin();
}

// How many samples their bin names right, learned on the other folds; an empty bin says what is most frequent.
int64_t named_right(const std::vector<int64_t>& bins, const std::vector<int64_t>& fold,
                    const std::vector<int64_t>& labels, int64_t classes) {
  const int64_t count = *std::max_element(bins.begin(), bins.end()) + 1;
  int64_t right = 0;
  for (int64_t left_out = 0; left_out < folds; ++left_out) {
    std::vector<std::map<int64_t, int64_t>> seen(static_cast<size_t>(count)); // a bin meets few of the classes
    std::vector<int64_t> all(static_cast<size_t>(classes));
    for (size_t i = 0; i < bins.size(); ++i)
      if (fold[i] != left_out) {
        ++seen[size_t(bins[i])][labels[i]];
        ++all[size_t(labels[i])];
      }
    const int64_t usual = largest(all);
    std::vector<int64_t> answers;
    for (const auto& counts : seen) {
      int64_t answer = usual, most = 0;
      for (const auto& [label, times] : counts)
        if (times > most) std::tie(answer, most) = std::pair(label, times);
      answers.push_back(answer);
    }
    for (size_t i = 0; i < bins.size(); ++i) right += fold[i] == left_out && answers[size_t(bins[i])] == labels[i];
  }
  return right;
}

// A straight line by least squares, through what was added.
struct Line {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0; // means, and sums about them
  void add(double at, double value) {
    ++n;
    const double dx = at - x, dy = value - y;
    x += dx / n;
    y += dy / n;
    xx += dx * (at - x);
    xy += dx * (value - y);
  }
  double operator()(double at) const { return xx > 0 ? y + xy / xx * (at - x) : y; }
};

// R2 of the bins' lines, each sample judged by the other folds' lines.
double explained(const std::vector<double>& values, const std::vector<int64_t>& bins, const std::vector<int64_t>& fold,
                 const std::vector<double>& targets) {
  const int64_t count = *std::max_element(bins.begin(), bins.end()) + 1;
  double left = 0;
  Line all;
  for (const double target : targets) all.add(target, target);
  for (int64_t left_out = 0; left_out < folds; ++left_out) {
    std::vector<Line> lines(static_cast<size_t>(count));
    Line rest;
    for (size_t i = 0; i < bins.size(); ++i)
      if (fold[i] != left_out) {
        const double at = std::isnan(values[i]) ? 0 : values[i];
        lines[size_t(bins[i])].add(at, targets[i]);
        rest.add(0, targets[i]);
      }
    for (size_t i = 0; i < bins.size(); ++i) {
      if (fold[i] != left_out) continue;
      const Line& line = lines[size_t(bins[i])];
      const double away = targets[i] - (line.n > 0 ? line : rest)(std::isnan(values[i]) ? 0 : values[i]);
      left += away * away;
    }
  }
  return all.xx > 0 ? 1 - left / all.xx : 0;
}

} // namespace

std::vector<Importance> permutation_importance(const Model& model, const Dataset& part,
                                               const ImportanceOptions& options) {
  if (options.repeats < 1 || options.most_rows < 1)
    bad_input("importance",
              text("repeats is ", options.repeats, ", most_rows ", options.most_rows, ", expected at least 1 of each"));
  std::vector<Importance> out;
  if (!is_table(part) || part.size() < 2) return out;
  const Dataset chosen = take(part, choose(Stream(options.seed, "importance"), part.size(), options.most_rows));
  const int64_t n = chosen.size(), columns = chosen.samples.shape()[1];
  const auto badness = [](const Metrics& metrics) {
    return metrics.goal == Goal::classes ? -metrics.accuracy() : metrics.rmse;
  };
  const Metrics before = measure(model, chosen);
  Dataset shuffled = chosen;
  for (int64_t c = 0; c < columns; ++c) {
    const std::string name = name_of(chosen, c);
    Spread worse, loss;
    for (int64_t repeat = 0; repeat < options.repeats; ++repeat) {
      const std::vector<int64_t> order = permutation(Stream(options.seed, "importance/" + name, uint64_t(repeat)), n);
      for (int64_t i = 0; i < n; ++i)
        shuffled.samples.set(i * columns + c, chosen.samples.at(order[size_t(i)] * columns + c));
      const Metrics after = measure(model, shuffled);
      worse.values.push_back(badness(after) - badness(before));
      loss.values.push_back(after.loss - before.loss);
    }
    for (int64_t i = 0; i < n; ++i) shuffled.samples.set(i * columns + c, chosen.samples.at(i * columns + c));
    out.push_back({c, name, worse.mean(), worse.deviation(), loss.mean(), loss.deviation()});
  }
  std::stable_sort(out.begin(), out.end(), [](const Importance& a, const Importance& b) {
    return std::pair(a.worse, a.loss) > std::pair(b.worse, b.loss);
  });
  return out;
}

std::vector<Suspect> suspicious_columns(const Dataset& train, std::span<const int64_t> coded) {
  std::vector<Suspect> out;
  if (!is_table(train) || train.size() < fewest_samples) return out;
  const std::vector<int64_t> rows = choose(Stream(0, "suspicious columns"), train.size(), most_samples);
  const auto n = int64_t(rows.size()), columns = train.samples.shape()[1];
  std::vector<int64_t> fold = permutation(Stream(0, "folds"), n);
  for (int64_t& one : fold) one %= folds;

  const bool classes = train.schema.goal == Goal::classes;
  const int64_t outputs = train.schema.outputs();
  std::vector<int64_t> labels;
  std::vector<std::vector<double>> targets(classes ? 0 : size_t(outputs));
  for (const int64_t row : rows) {
    if (classes) labels.push_back(train.label_of()[size_t(row)]);
    for (size_t k = 0; k < targets.size(); ++k) targets[k].push_back(train.targets.at(row * outputs + int64_t(k)));
  }
  int64_t usual = 0; // samples of the most frequent class
  if (classes) {
    std::vector<int64_t> counts(static_cast<size_t>(outputs));
    for (const int64_t label : labels) ++counts[size_t(label)];
    usual = counts[size_t(largest(counts))];
  }

  std::vector<double> scores(static_cast<size_t>(columns)); // 0: not suspicious
  std::vector<size_t> of(static_cast<size_t>(columns));     // which target, of several numbers
  parallel(columns, [&](int64_t c) {
    std::vector<double> values;
    for (const int64_t row : rows) values.push_back(train.samples.at(row * columns + c));
    const std::vector<Column>& known = train.schema.columns;
    const bool codes = std::ranges::find(coded, c) != coded.end() || (!known.empty() && known[size_t(c)].coded());
    const std::vector<int64_t> bins = bins_of(values, codes);
    if (classes) {
      const int64_t right = named_right(bins, fold, labels, outputs);
      const double score = double(right) / double(n);
      const bool easy = double(usual) >= plain_majority * double(n);
      if (score >= suspicious && (!easy || double(n - right) <= mistakes_left * double(n - usual)) && usual < n)
        scores[size_t(c)] = score;
    }
    for (size_t k = 0; k < targets.size(); ++k)
      if (const double score = explained(values, bins, fold, targets[k]);
          score >= suspicious && score > scores[size_t(c)])
        std::tie(scores[size_t(c)], of[size_t(c)]) = std::pair(score, k);
  });
  for (int64_t c = 0; c < columns; ++c) {
    const double score = scores[size_t(c)];
    if (score == 0) continue;
    const std::string name = name_of(train, c);
    const std::string target = outputs > 1 && !classes ? cut(train.schema.targets[of[size_t(c)]], 48) : "the target";
    out.push_back({c, name, score,
                   text(cut(name, 48), " alone predicts ", target, ": ",
                        classes ? text(percent(score, 1), " right") : text(percent(score, 1), " of its variance"),
                        "; is it known before the outcome?")});
  }
  std::stable_sort(out.begin(), out.end(), [](const Suspect& a, const Suspect& b) { return a.score > b.score; });
  return out;
}

} // namespace vitro

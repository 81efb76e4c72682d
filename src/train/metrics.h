// How good predictions are: a Tally adds batches up, Metrics says what they come to.
//
// Everything is counted or summed in double in the order in which batches are added, so the same
// batches give the same numbers to the bit.
#pragma once

#include <span>
#include <vector>

#include "data/dataset.h"

namespace vitro {

/// What measurements count: "samples", of a text "characters" or "bytes".
const char* counted_in(const Schema& schema);

struct Interval {
  double low = 0, high = 1;
};

/// The 95 % interval of a share of which `hits` out of `n` were seen (Wilson's score interval, z = 1.96);
/// all of [0, 1] where n is 0.
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
Interval wilson(int64_t hits, int64_t n);

/// 95 % intervals of what is measured of numbers; all that is possible where there are fewer than two samples.
struct NumberIntervals {
  Interval rmse, mae, r2;
};

struct ClassMetrics {
  int64_t support = 0;   // samples of this class
  int64_t predicted = 0; // samples called it
  int64_t correct = 0;
  double precision() const; // correct / predicted; NaN where it was never predicted
  double recall() const;    // correct / support; NaN where there is none
  double f1() const;        // 2 correct / (support + predicted), the harmonic mean; NaN where both are 0
};

/// Means over the classes, each weighing the same. A class that is neither there nor named is left out; a precision or
/// recall that is not defined counts as 0 (as scikit-learn has it). The same counted over all samples ("micro") is the
/// accuracy, each of the three, since every sample has one class and is called one.
struct MacroMetrics {
  double precision = 0, recall = 0, f1 = 0; // NaN where there are no samples
};

struct Metrics {
  Goal goal = Goal::classes;
  int64_t samples = 0;
  double loss = 0; // mean over samples; NaN where there are none

  // Goal::classes
  int64_t correct = 0;
  std::vector<int64_t> confusion; // [truth, predicted], row-major; empty for a text of more than 1,000 symbols
  // Of a text, whose samples are its symbols: the mean of -ln(probability of the symbol that came).
  bool text = false;
  double nats = 0; // NaN where there are none

  double bits() const;       // the same to the base 2: bits per character
  double perplexity() const; // e^nats: as unsure as among so many that are equally likely

  // Goal::numbers, in the units of the raw targets, over all outputs
  double rmse = 0, mae = 0;
  // 1 - residual sum of squares / total sum of squares, both over all outputs; NaN where the targets are all equal.
  double r2 = 0;

  // Sums over the samples dealt in turn to at most 4,096 groups, [groups, 3 + 2 outputs]: samples, squared errors,
  // absolute ones; then of each output the target less the first sample's, and its square.
  std::vector<double> errors = {};

  double accuracy() const;   // NaN where there are no samples
  Interval interval() const; // 95 %, of the accuracy (Wilson's) or of the RMSE
  /// The percentile bootstrap: 2.5 % and 97.5 % of 1,000 values, each from as many groups drawn with replacement as
  /// there are. A group is a sample, up to 4,096 of them; then it is every 4,096th, which leaves the spread of a mean
  /// as it is and bounds the work. The draws are Stream(0, "bootstrap").
  /// Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
  NumberIntervals number_intervals() const;
  int64_t classes() const;
  ClassMetrics of_class(int64_t index) const;
  MacroMetrics macro() const;
};

class Tally {
public:
  explicit Tally(const Schema& schema);

  /// A batch of `rows` of `data` (of a text `by_step`): the loss added up over its samples, and what the net predicted,
  /// [rows, outputs]: probabilities (with a single output that of class 1), or numbers as the net learns them.
  void add(const Dataset& data, std::span<const int64_t> rows, double loss_sum, ConstView predictions);
  /// One sample that is called this class; one whose outputs are said to be these, in the units of the raw targets.
  void add_class(const Dataset& data, int64_t row, int64_t predicted);
  void add_numbers(const Dataset& data, int64_t row, std::span<const double> predicted);
  /// Of a text, to one that is called a class: the probability that the true one was given.
  void add_probability(double of_truth);
  Metrics metrics() const;

private:
  Schema schema_;
  int64_t samples_ = 0;
  double loss_ = 0;
  int64_t correct_ = 0;
  std::vector<int64_t> confusion_;
  double nats_ = 0;
  double squared_ = 0, absolute_ = 0;
  std::vector<double> errors_, first_; // the first sample's targets
  std::vector<double> mean_, spread_;  // of the targets, by output: Welford's running mean and sum of squares
};

/// The class of one row of predictions: the largest probability (the first of equals); with a single one, whether it
/// is above one half.
int64_t class_of(std::span<const float> probabilities);

/// What needs no learning, measured on `on`: the accuracy of always naming the most frequent class of `train`, or the
/// RMSE of always naming the training targets' mean; of a series, of the better of `naive_forecasts`. NaN where `on` is
/// empty.
struct Baseline {
  Metrics metrics;
  double value = 0; // its accuracy or RMSE
  std::string text; // "always \"7\"", "always the mean"
};
Baseline baseline(const Dataset& train, const Dataset& on);

/// Of a text, with the counts of the training part plus one: how frequent each symbol is; and, up to 4,096 of them, how
/// frequent after the one before (bigrams). `value` is the nats per symbol. Empty where `on` is no text, or empty.
std::vector<Baseline> text_models(const Dataset& train, const Dataset& on);

/// Of a series: that the window's last value stays, and, where there is a season, that what was a season before comes
/// again (Dataset::season). Empty where `on` is no series.
std::vector<Baseline> naive_forecasts(const Dataset& on);

} // namespace vitro

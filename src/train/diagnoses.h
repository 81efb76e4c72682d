// Why a net does not learn, in plain words: rules over the history of a training and the statistics of its layers.
//
// A rule looks at one epoch and says what it sees there; a diagnosis is what has been seen without a break until the
// last look, since its first. Rules read numbers that are stored in the run and nothing else, so the same run gives the
// same diagnoses whenever it is asked. docs/diagnoses.md is the same table for people.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/history.h"
#include "recipe/recipe.h"

namespace vitro {

struct Finding {
  std::string name;        // "dead_relu": that of its rule
  std::string layer;       // "" where it is about no single layer
  int64_t since_epoch = 0; // 0: from before the first step
  std::string text;        // "fc2: 61 % of units never fire since epoch 2 (dead ReLU)"
  std::string advice;      // "a lower lr (it is 0.5), or leaky_relu"
  std::string str() const { return text + ": " + advice; }
  bool operator==(const Finding&) const = default;
};

/// What rules know of a run beside its tables.
struct TrainingFacts {
  std::vector<ResolvedLayer> layers;
  Goal goal = Goal::classes;
  std::vector<std::string> features; // names of the net's inputs, where they have names
  double lr = 0;
  bool best_weights = true;
  int64_t steps_per_epoch = 1, train_samples = 0, validation_samples = 0;
  double train_baseline = 0, validation_baseline = 0; // accuracy or RMSE of what needs no learning
  std::string baseline;                               // what that is: always "7"
  double constant_loss = 0; // the training loss of the best answer that is the same for every sample; NaN: not known
};
TrainingFacts facts_of(const Model& model, const Recipe& recipe, const Splits& data);

/// Causes come before what follows from them, which is not told then. `history` as history.csv, `layers` as layers.csv
/// has it (train/probe.h); none where that is empty.
std::vector<Finding> diagnose(const TrainingFacts& facts, const History& history, const History& layers);

/// A value stopped being finite: the diagnosis that ends a training. `what` names op, layer and numbers.
Finding not_finite(const TrainingFacts& facts, const std::string& layer, int64_t epoch, const std::string& what);

/// The numbers of one look, with those of the epoch that it ends.
class Look {
public:
  Look(const TrainingFacts& facts, const History& history, const History& layers);
  const TrainingFacts& facts() const { return facts_; }
  bool none() const { return layers_.rows.empty(); }
  size_t looks() const { return layers_.rows.size(); }
  void go(size_t row) { row_ = row; }

  int64_t epoch() const;
  double probe(const std::string& column) const; // NaN where it is not there, as for all below
  double first(const std::string& column) const; // of the probe, before the first step
  double of(const std::string& layer, const char* statistic) const;
  double epochs(const char* column, int64_t epoch) const; // of the history; epochs count from 1
  double epochs(const char* column) const { return epochs(column, epoch()); }

private:
  double at(size_t row, const std::string& column) const;
  const TrainingFacts& facts_;
  const History &history_, &layers_;
  std::map<std::string, size_t> columns_;
  size_t row_ = 0;
};

struct Rule {
  const char* name;
  const char* what; // is seen, up to the limit that follows it
  double limit;
  const char* why;                   // that limit: a source, or what was measured
  int64_t after;                     // judged from this epoch on
  int64_t looks;                     // so many in succession
  std::vector<const char*> silences; // what follows from it
  /// What it sees in one look, at most one finding a layer. A since_epoch of -1 is filled in, and so is $since in
  /// texts.
  std::function<std::vector<Finding>(const Look& look, double limit)> see;
};
/// All rules, causes first.
std::span<const Rule> rules();

} // namespace vitro

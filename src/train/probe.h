// What a training is like inside: statistics of one fixed batch of training samples, a row for each epoch that is
// looked at.
//
// Invariant: looking changes nothing of the training, and when it happens hangs on the number of samples and epochs
// alone, never on the clock: the same run shows the same rows, interrupted or not.
#pragma once

#include "io/history.h"
#include "model/model.h"
#include "train/measure.h"

namespace vitro {

/// Columns of the table of rows (layers.csv). `epoch` 0 is the net before its first step.
///   loss, training_loss   of the probe batch, in evaluation and as in training
///   spread                how much predictions differ between samples, in shares of what the targets do
///   input:size            root mean square of that input which has the largest; input:feature: which, from 0. Codes
///                         of categories are no sizes and left out; where there is nothing else both are empty
///   LAYER:STATISTIC       for each layer and each of `layer_columns`; empty where it means nothing
/// LAYER:update is the norm of the last step's change of the layer's parameters, in shares of their own norm.
inline constexpr const char* layer_columns[] = {"mean",   "deviation", "dead",     "saturated",
                                                "signal", "weight",    "gradient", "update"};

/// Where a column stands in a table; -1: nowhere.
int64_t column_of(const History& table, const std::string& name);

class Probe {
public:
  /// Keeps references; `train` is not empty. At most 256 samples, drawn by the seed; fewer where a sample is large.
  Probe(const Model& model, const Dataset& train, uint64_t seed);

  std::vector<std::string> columns() const;
  /// Whether a row is due at the end of `epoch` of `epochs`; `previous` is the last that has one, -1 for none. The
  /// first ten and the last, else as seldom as makes it a 32nd of the samples, and at least e / 64 apart.
  bool due(int64_t epoch, int64_t epochs, int64_t previous) const;
  /// Around the last step before a look: how far it moves each layer.
  void before_step();
  void after_step();
  /// The row of `epoch`.
  std::vector<double> look(int64_t epoch);

  const Statistics& latest() const { return latest_; } // of the last look

private:
  const Model& model_;
  const Dataset& train_;
  std::vector<Model::LayerSummary> layers_;
  SampleBatch batch_;
  double input_size_ = 0, input_feature_ = 0, target_spread_ = 0;
  std::map<std::string, Tensor> before_;
  std::map<std::string, double> updates_; // by layer
  Statistics latest_;
};

} // namespace vitro

// Losses by name: how a net's output and its targets become one number, and how its output is read.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace vitro {

struct LossParts {
  Var loss;        // scalar
  Var predictions; // [batch, outputs]: probabilities, or the numbers themselves
};

struct Loss {
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula;
  const char* doc;
  Peers peers = {};
  bool classes;                        // made for classes: predictions are probabilities
  bool one_for_two = false;            // two classes are one question, yes or no: they take one output
  std::vector<const char*> reductions; // the first is the default
  /// From the net's output [batch, outputs] and targets of either kind (see below).
  std::function<LossParts(const Var& output, const Var& targets, const std::string& reduction)> build;
  /// The output for whom there are no targets: [batch, outputs] -> predictions.
  std::function<Var(const Var& output)> predict;
};

std::span<const Loss> losses();

/// By name or alias; throws, with the nearest name, where there is none.
const Loss& find_loss(const std::string& name);

/// Throws unless `reduction` is one of the loss's.
void check_reduction(const Loss& loss, const std::string& reduction);

/// Targets of a batch are class indices, i32 [batch], or one number an output, float [batch, outputs]
/// (probabilities for cross-entropy). With one output, class indices are 0 and 1.
/// The type that a loss takes by nature: class indices where it is a matter of classes, else numbers.
Type natural_targets(const Loss& loss, int64_t batch, int64_t outputs, DType dtype);

} // namespace vitro

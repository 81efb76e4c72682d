// Losses by name: how a net's output and its targets become one number, and how its output is read.
//
// A loss's arguments are data (AttrSpec), as those of optimisers and schedules are. Where PyTorch's and Keras's forms
// differ, the doc says which this is.
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

/// What a loss is built from: the net's output [batch, outputs], targets of either kind (see below), complete args.
struct LossCall {
  const Var &output, &targets;
  const std::string& reduction;
  const Attrs& args;
};

struct Loss {
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula; // x: the net's output, t: the targets
  const char* doc;
  const char* origin = "";
  Peers peers = {};
  /// What predictions are: numbers to be met; scores of classes, above 1/2 for yes; for each output the chance of yes;
  /// or probabilities of the classes, which add up to 1.
  enum Answer : uint8_t { numbers, scores, chances, distribution } answer;
  std::vector<const char*> reductions; // the first is the default
  std::vector<AttrSpec> args = {};
  std::function<LossParts(const LossCall&)> build;
  /// The output for whom there are no targets: [batch, outputs] -> predictions.
  std::function<Var(const Var& output, const Attrs& args)> predict;

  bool classes() const { return answer != numbers; } // made for classes
};

std::span<const Loss> losses();

/// By name or alias; throws, with the nearest name, where there is none.
const Loss& find_loss(const std::string& name);

/// Throws unless `reduction` is one of the loss's.
void check_reduction(const Loss& loss, const std::string& reduction);

/// The arguments with all defaults stated; throws on an unknown or senseless one. `outputs`, where it is known (not 0):
/// a list with a number for each output must be as long, and what chooses one class needs two of them.
Attrs complete_args(const Loss& loss, const Attrs& args, int64_t outputs = 0);

/// Whether the net itself has to end in probabilities or their logarithms: this loss makes none.
bool takes_probabilities(const Loss& loss, const Attrs& args);
/// Throws where `predictions` [batch, outputs] are no probabilities although the loss's answer is, naming the first
/// sample; `what` is what they are in the message.
void check_probabilities(const Loss& loss, ConstView predictions, const std::string& what, const std::string& help);

/// Targets of a batch are class indices, i32 [batch], or one number an output, float [batch, outputs]
/// (probabilities for cross-entropy). With one output, class indices are 0 and 1.
/// The type that a loss takes by nature: class indices where it is a matter of classes, else numbers.
Type natural_targets(const Loss& loss, int64_t batch, int64_t outputs, DType dtype);

} // namespace vitro

// What a training by Rosenblatt's rule came to: its mistakes, Novikoff's bound on them, or why it never settles.
//
// The rule changes the weights only where a sample is mistaken, so its mistakes are its steps. They were counted in the
// training itself, sample by sample: history.csv has the share of right answers, each asked before its step.
// Source: A. Novikoff, "On convergence proofs on perceptrons", 1962: from zero weights at most (R / gamma)^2 mistakes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/separation.h"
#include "io/history.h"
#include "model/model.h"
#include "recipe/recipe.h"

namespace vitro {

struct PerceptronCourse {
  int64_t epochs = 0, mistakes = 0, last_mistakes = 0; // in all, and in the last epoch
  int64_t settled = 0;                                 // the epoch (from 1) from which on there was none; 0: it did not
  Separation classes;                                  // of the training part
  bool weights_margin = false; // the margin is that of the weights that were found, not the largest there is
  int64_t cycle = 0;           // so many epochs on the weights are the same again, for ever; 0: not seen
};

/// Nothing unless the run is one of Rosenblatt's rule: one dense layer with one output and its bias, both from zero,
/// the loss perceptron, plain sgd at a constant rate, one sample a step. `model` holds the weights of the last epoch.
std::optional<PerceptronCourse> perceptron_course(const Model& model, const Recipe& recipe, const Dataset& train,
                                                  const History& history);

/// After how many epochs, at most `most`, the rule comes back to the very weights of `model`; 0 where it does not. Asks
/// for samples in the order in which they are stored: then the same weights mean the same epochs for ever.
int64_t perceptron_cycle(const Model& model, const Dataset& train, int64_t most);

/// The course in sentences, for people.
std::vector<std::string> sentences_of(const PerceptronCourse& course, const Dataset& train);

} // namespace vitro

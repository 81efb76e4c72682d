// How a table is trained where nobody says how: a net and a plan by the number of its rows, unless a linear model does
// as well.
//
// The plans and their numbers were chosen once, over many tables (`scripts/tables.py` compares them); whatever depends
// on a table depends on its rows, its goal, and the choice below.
#pragma once

#include <string>

#include "recipe/recipe.h"

namespace vitro {

inline constexpr const char* linear_part = "linear.weight"; // of the net `tabular`

/// [net] and [train] as TOML: the net `tabular`, AdamW, cosine. Passed over until there are 600 steps of 128 rows, and
/// at least 20 times in steps of 256 (40 times where numbers are predicted). A validation part isn't needed: on small
/// tables a fixed number of steps did better than stopping early by a part that is lost to training.
std::string plan_of_net(const Dataset& train);
/// The net `linear`, to its minimum: the linear model of train/linear.h, with its penalty.
std::string plan_of_linear(const Dataset& train);

/// Of a series: the same net, smaller, whose linear part learns fast and whose perceptron learns slowly, in steps of 32
/// windows (256 from 4,096 on) until there are 1,200, and over 30 passes at least. The weights of the epoch that is
/// best on the validation part are kept. Chosen by the validation parts of two series, one step and a season ahead.
std::string plan_of_forecast(const Dataset& train);

/// Whether a linear model does as well, by 5-fold cross-validation within the training part.
struct Choice {
  bool linear = false;
  std::string said; // for people; "" where it was not asked
};
/// The linear model is enough unless the net (`recipe`: complete) is better by two standard errors of the difference,
/// over the same rows: whoever brings 18,000 weights has to prove that they help. Asked of 50 to 5,000 rows: with more,
/// the net finds out by itself.
Choice choose(const Recipe& recipe, const Dataset& train);

} // namespace vitro

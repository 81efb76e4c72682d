// One training of a claim: one variant, one seed, and what its figures measure on the way.
//
// Invariant: the weights are those that `vitro train` gives for the same recipe and seed (tests/claims_trial_test.cpp);
// nothing is written, and the test part is read as often as a figure deliberately asks for it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "claims/claim.h"

namespace vitro {

struct TrialHooks {
  std::function<bool()> stop = {};               // asked before every batch
  std::function<void(double share)> passed = {}; // how much of the training is done
};

/// A value for each of `figures` (all of this recipe's variant); not a number from where the training stopped being
/// finite. Nothing where it was asked to stop.
std::optional<std::vector<double>> run_trial(const Recipe& recipe, const Splits& data,
                                             std::span<const Figure* const> figures, const TrialHooks& hooks = {});

} // namespace vitro

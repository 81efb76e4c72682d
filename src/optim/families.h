// The optimisers, a file for each family. Private to src/optim.
#pragma once

#include "optim/optimizer.h"

namespace vitro {

/// What every optimiser takes, around its `own` arguments.
std::vector<AttrSpec> with_common(double lr, const std::vector<AttrSpec>& own, double weight_decay = 0,
                                  int64_t decoupled_decay = 0);

std::vector<Optimizer> sgd_family();      // sgd.cpp: a step, with momentum in its four spellings
std::vector<Optimizer> adaptive_family(); // adaptive.cpp: a rate for each parameter
std::vector<Optimizer> adam_family();     // adam.cpp: both

} // namespace vitro

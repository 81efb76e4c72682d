// Gradient clipping, as nodes: between gradient and update, after shards have been added up.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace vitro {

/// 0: off. Where both are given, values are clipped first.
struct Clip {
  double norm = 0;  // the norm of all gradients together is at most this: g *= min(1, norm / (|g| + 1e-6)), as PyTorch
  double value = 0; // each element is held within [-value, value]
};

/// Throws on a negative limit.
std::vector<Var> clip(const std::vector<Var>& gradients, const Clip& limits);

} // namespace vitro

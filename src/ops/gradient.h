// The chain rule. It lives beside the ops because the nodes that it appends are ops: each op's own
// derivative, and the sums where a value has several readers.
#pragma once

#include "graph/graph.h"

namespace vitro {

/// Appends the derivative of `loss` with respect to each of `wrt`, as nodes like any other, so that
/// it can be printed, explained and differentiated again. `loss` is a scalar, or `seed` has its
/// shape and weighs its elements. Zeros for what the loss does not depend on. Nodes that no `wrt`
/// reaches are left out, so the first layer's input gradient is never computed.
std::vector<Var> gradient(const Var& loss, const std::vector<Var>& wrt, const Var& seed = {});

} // namespace vitro

// A function in double: what explanations and gradient checks are computed on.
// Private to src/explain.
#pragma once

#include "graph/function.h"

namespace vitro {

/// `function` with every floating type made f64 (constants converted), without updates. Node ids stay the same,
/// unless `open`: then each composed op is replaced by what it expands to, down to primitives.
Function in_double(const Function& function, bool open = false);

/// The output of that name; throws bad_input where there is none (with the nearest) or it has more than one element.
Edge scalar_output(const Function& function, const std::string& name);

/// For each node: whether `to` depends on it.
std::vector<bool> leads_to(const Graph& graph, NodeId to);
/// For each node: whether it depends on one of `from`.
std::vector<bool> depends_on(const Graph& graph, const std::vector<NodeId>& from);

} // namespace vitro

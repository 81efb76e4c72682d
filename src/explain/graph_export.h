// Readers: a graph for other programs, as Graphviz and as JSON.
#pragma once

#include <string>

#include "graph/graph.h"

namespace vitro {

/// Graphviz: boxes for nodes, one colour for derivatives.
std::string print_dot(const Graph& graph);
/// A JSON array of {id, op, name, in, out, attrs, grad_of, formula, where}.
std::string print_json(const Graph& graph);

} // namespace vitro

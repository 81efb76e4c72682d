// Runs a function node by node with the plain, readable kernels: the oracle and the debugger.
// A composed op is interpreted through its expansion. Nothing is fused, packed or reused.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/function.h"

namespace vitro {

using StateValues = std::map<std::string, Tensor>;

/// All states, or only those that `function` reads, row-major.
StateValues read_states(const States& states);
StateValues read_states(const States& states, const Function& function);

/// The value of every node that was run.
struct Interpretation {
  std::vector<std::vector<Tensor>> values; // by node and output; empty where the node was not needed
  const Tensor& at(Edge edge) const { return values[size_t(edge.node)][size_t(edge.output)]; }
};

struct InterpretOptions {
  std::optional<DType> floats; // f64: every float is computed in double, whatever the graph declares
  bool every_node = false;     // also what no output or update needs
};

/// `inputs` in the order of function.inputs; any float type is converted. Throws where a type,
/// shape or state doesn't fit.
Interpretation interpret(const Function& function, const StateValues& states, const std::vector<Tensor>& inputs,
                         InterpretOptions options = {});

/// One node alone, from the values of its inputs (by its plain loops or its expansion).
std::vector<Tensor> interpret_node(const Node& node, const std::vector<const Tensor*>& in);

/// What a composed node expands to, as a function of its own: inputs of these types, one output for each of the node's.
Function expansion(const Node& node, const std::vector<const Tensor*>& in);

/// Makes the function's updates take effect, all together.
void commit(const Function& function, const Interpretation& interpretation, States& states);

/// The first node, in order, with a value that is not finite; -1 where all are.
NodeId first_nonfinite(const Function& function, const Interpretation& interpretation);

} // namespace vitro

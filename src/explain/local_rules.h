// One node's derivative, alone: what its op's own rule makes of numbers.
//
// `Op::grad` emits the rule as nodes. Here it is traced once per node as a small function of the node's
// inputs, outputs and their adjoints, and run on numbers: `pull` brings adjoints from the outputs to the
// inputs, `push` brings a tangent from one input to the outputs. A rule is linear in the adjoint u, so
// with g(u) the rule and v a tangent, push(v) is the derivative of <g(u), v> with respect to u.
// Private to src/explain.
#pragma once

#include <map>

#include "plan/interpret.h"

namespace vitro {

class LocalRules {
public:
  /// `carries[node][output]`: whether an adjoint arrives at this output. `values` must outlive this.
  LocalRules(std::shared_ptr<Graph> graph, std::vector<std::vector<bool>> carries, const Interpretation& values);

  /// Whether the op's rule passes anything to this input at all.
  bool passes(NodeId node, size_t input);
  /// The adjoint of each input, given those of the outputs (read where an output carries); no elements where
  /// nothing passes.
  std::vector<Tensor> pull(NodeId node, const std::vector<Tensor>& adjoints);
  /// The tangent of each output where only input `input` moves, by `tangent`; no elements where it does not carry.
  std::vector<Tensor> push(NodeId node, size_t input, const Tensor& tangent);
  /// On which side of its kinks the node is, for these values: equal for two points where no kink lies between.
  /// (What the rule compares; the rule for an adjoint of 1 where it compares nothing, for then it is constant between
  /// kinks; the outputs where the slope is zero by definition.)
  std::vector<Tensor> sides(NodeId node, const std::vector<const Tensor*>& in, const std::vector<const Tensor*>& out);

private:
  struct Rule {
    bool flat = true;          // no rule at all
    Function pull, opened;     // the same down to primitives, once `sides` asks for it
    std::vector<int> position; // of each input's adjoint among the outputs of `pull`; -1: nothing passes
    std::map<size_t, Function> push;
  };
  Rule& rule(NodeId node);
  struct Traced {
    std::vector<Var> us, dxs;
  };
  Traced trace_rule(Trace& trace, const Node& node, const std::vector<bool>& carries) const;
  std::vector<Tensor> arguments(NodeId node) const;

  std::shared_ptr<Graph> graph_;
  std::vector<std::vector<bool>> carries_;
  const Interpretation& values_;
  std::map<NodeId, Rule> rules_;
};

} // namespace vitro

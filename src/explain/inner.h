// What an Explainer knows about its function before it is asked anything.
// Private to src/explain.
#pragma once

#include "explain/difference.h"
#include "explain/element_text.h"
#include "explain/explain.h"

namespace vitro {

using ByEdge = std::vector<std::vector<Tensor>>; // by node and output; empty where there is none

struct Explainer::Inner {
  Inner(const Function& given, const States& states, const std::vector<Tensor>& inputs, ExplainOptions options);

  ExplainOptions options;
  Function function; // in double; behind its own nodes stand those of gradient()
  std::shared_ptr<Graph> graph;
  Edge loss;
  NodeId forward = 0; // so many nodes are the function's own
  Interpretation values;
  std::vector<bool> to_loss;                                   // nodes that the loss depends on
  std::map<std::string, NodeId> states;                        // those that lead to the loss
  std::vector<std::string> trainable;                          // in the order of the states, of those
  std::map<std::string, Type> all_states;                      // every state that there is
  std::map<std::string, Edge> gradients;                       // gradient()'s nodes
  std::vector<std::vector<std::pair<NodeId, size_t>>> readers; // of each node: who reads it as which input
  std::optional<LocalRules> rules;
  ByEdge adjoint; // walked, rule by rule
  std::optional<Names> names;
  std::optional<ElementText> words;
  std::optional<Line> line;

  /// Throws where there is no such state, no such element, or it is no float.
  Shape check(const ElementAddress& address) const;
  /// The node of the state, -1 where no path leads from it to the loss.
  NodeId node_of(const std::string& state) const;
  double adjoint_at(Edge edge, int64_t element) const {
    return adjoint[size_t(edge.node)][size_t(edge.output)].at(element);
  }
  bool carries(Edge edge) const;
};

} // namespace vitro

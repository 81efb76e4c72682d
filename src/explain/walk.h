// What the walks of src/explain share: a function's values and adjoints in double, names of nodes and
// elements for people, and a node's own derivative on numbers. Private to src/explain.
#pragma once

#include <map>

#include "explain/explain.h"

namespace vitro {

std::vector<int64_t> index_of(const Shape& shape, int64_t element);
/// "[3]": without the leading axis where that is a batch of one.
std::string index_text(const Shape& shape, int64_t element);

class Walk {
public:
  Walk(const Function& function, const States& states, std::vector<Tensor> inputs);

  const Graph& graph() const { return *function_.graph; }
  const Function& function() const { return function_; }
  Edge loss() const { return loss_; }
  NodeId state_node(const std::string& state) const; // -1: the function does not read it
  const Tensor& value(Edge edge) const { return values_.at(edge); }
  const Tensor& adjoint(Edge edge) const { return adjoints_.at(adjoint_edge_.at({edge.node, edge.output})); }
  bool has_adjoint(Edge edge) const { return adjoint_edge_.contains({edge.node, edge.output}); }
  bool leads_to_loss(NodeId id) const { return leads_to_loss_[size_t(id)]; }
  /// For each node whether it depends on `from`.
  std::vector<bool> dependents(NodeId from) const;

  /// "fc1" for the value that a layer ends with, "fc1.matmul" inside, "x" for an input, "log %7" for the rest.
  std::string name(Edge edge) const;
  std::string element_name(Edge edge, int64_t element) const;

  /// The change of a node's outputs for a change of its inputs (empty: none): its Jacobian times a
  /// direction. Made from the op's own rule: the transposed product, differentiated by what it is linear in.
  std::vector<Tensor> push(NodeId id, const std::vector<Tensor>& direction) const;
  /// The adjoint that the node passes back to each input for these adjoints of its outputs.
  std::vector<Tensor> pull(NodeId id, const std::vector<Tensor>& adjoints) const;

  /// The loss, with one element of a state changed by `by`.
  double loss_at(const std::string& state, int64_t element, double by) const;

private:
  Function function_;          // with what was asked for as outputs
  StateValues states_;         // in double
  std::vector<Tensor> inputs_;
  Edge loss_;
  Interpretation values_, adjoints_;
  Function backward_;
  std::map<std::pair<NodeId, int32_t>, Edge> adjoint_edge_; // in backward_
  std::vector<bool> leads_to_loss_;
  std::vector<NodeId> last_of_layer_;                       // for each node, the last of its layer
};

} // namespace vitro

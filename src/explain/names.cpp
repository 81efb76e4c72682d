// Names for the values of a graph, as a textbook would choose them.
#include <algorithm>
#include <set>

#include "core/text.h"
#include "explain/address.h"
#include "explain/double.h"
#include "explain/element_text.h"

namespace vitro {
namespace {

// Ops that are an activation where they follow a weighted sum.
bool squashes(const Op& op) {
  static const std::set<std::string> known{"sigmoid", "tanh", "relu", "leaky_relu", "step", "softplus", "erf"};
  return known.contains(op.name);
}

bool is_named(const Op& op, const char* name) { return std::string(op.name) == name; }

} // namespace

std::string brief(double value) { return number(value == 0 ? 0 : value, 6); }

Index to_index(const std::vector<int64_t>& coordinates) {
  Index out;
  for (const int64_t at : coordinates) out.push_back(std::to_string(at));
  return out;
}

Names::Names(const Function& function, Edge loss) : graph_(function.graph), names_(size_t(function.graph->size())) {
  const Graph& graph = *graph_;
  std::set<std::string> taken{"L"};
  std::map<std::string, int> count;
  std::vector<int> layer(size_t(graph.size())); // the number of the last weighted sum before it
  std::vector<std::vector<NodeId>> readers(size_t(graph.size()));
  for (NodeId id = 0; id < graph.size(); ++id)
    for (const Edge edge : graph[id].in) readers[size_t(edge.node)].push_back(id);
  const auto from_state = [&](const Node& node) {
    return std::ranges::any_of(node.in, [&](Edge edge) {
      while (graph[edge.node].op->is(alias)) edge = graph[edge.node].in[0]; // under another shape
      return graph[edge.node].op == &state_op;
    });
  };
  const auto adds_bias = [&](NodeId id) { return is_named(*graph[id].op, "add") && from_state(graph[id]); };
  const auto unique = [&](const std::string& wish) {
    std::string name = wish;
    for (int i = 2; !taken.insert(name).second; ++i) name = text(wish, "_", i);
    return name;
  };
  int layers = 0;
  for (NodeId id = 0; id < graph.size(); ++id) { // names that are given come first
    const Node& node = graph[id];
    names_[size_t(id)].resize(node.out.size());
    if (node.op == &input_op || node.op == &state_op) names_[size_t(id)][0] = unique(node.name);
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    if (node.op == &input_op || node.op == &state_op) continue;
    for (const Edge edge : node.in) layer[size_t(id)] = std::max(layer[size_t(id)], layer[size_t(edge.node)]);
    std::string wish;
    if ((is_named(*node.op, "matmul") || is_named(*node.op, "conv2d")) && from_state(node)) {
      layer[size_t(id)] = ++layers;
      const bool biased = std::ranges::any_of(readers[size_t(id)], adds_bias);
      wish = text(biased ? "s" : "z", layers);
    } else if (adds_bias(id) && layer[size_t(id)] > 0) {
      wish = text("z", layer[size_t(id)]);
    } else if (squashes(*node.op) && layer[size_t(id)] > 0) {
      wish = text("h", layer[size_t(id)]);
    } else if (is_named(*node.op, "softmax")) {
      wish = "p";
    } else if (node.op == &constant_op) {
      const Tensor& value = node.attrs.tensor("value");
      names_[size_t(id)][0] =
          value.elements() == 1 ? brief(value.at(0)) : unique(text("constant", ++count["constant"]));
      continue;
    } else {
      wish = text(node.op->name, ++count[node.op->name]);
    }
    for (size_t o = 0; o < node.out.size(); ++o) {
      const bool probabilities = o == 1 && is_named(*node.op, "softmax_cross_entropy");
      names_[size_t(id)][o] = Edge{id, int32_t(o)} == loss ? "L"
                                                           : unique(probabilities ? "p"
                                                                    : o           ? text(wish, "_", o)
                                                                                  : wish);
    }
  }
}

std::string Names::element(Edge edge, const Index& index) const {
  const Node& node = (*graph_)[edge.node];
  const Shape& shape = node.out[size_t(edge.output)].shape;
  const bool whole = node.op != &state_op && shape.elements() == 1;
  if (whole || index.empty()) return of(edge);
  size_t first = 0;
  if (node.op != &state_op)
    while (first + 1 < index.size() && shape[int(first)] == 1) ++first;
  return text(of(edge), "[", join({index.begin() + long(first), index.end()}, ","), "]");
}

std::string Names::element(Edge edge, int64_t flat) const {
  return element(edge, to_index(coordinates(flat, graph_->type(edge).shape)));
}

} // namespace vitro

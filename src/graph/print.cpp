// A reader: the graph as text, in which each node states its own formula.
#include "core/text.h"
#include "graph/graph.h"

namespace vitro {
namespace {

std::string edge_text(const Graph& graph, Edge edge) {
  // A corrupt graph prints too: verify shows the node that is wrong.
  const bool whole = edge.output == 0 && edge.node >= 0 && edge.node < graph.size() && graph[edge.node].out.size() == 1;
  return whole ? text("%", edge.node) : text("%", edge.node, ".", edge.output);
}

std::string operands(const Graph& graph, const Node& node) {
  std::vector<std::string> pieces;
  for (const Edge edge : node.in) pieces.push_back(edge_text(graph, edge));
  return join(pieces, ", ");
}

std::string types(const Node& node) {
  std::vector<std::string> pieces;
  for (const Type& type : node.out) pieces.push_back(type.str());
  return join(pieces, " ");
}

bool declares_type(const Node& node) { return node.op == &input_op || node.op == &state_op; }

} // namespace

std::string print(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  std::string out = text("%", id, node.name.empty() ? "" : " " + node.name, ": ", types(node), " = ", node.op->name);
  if (!node.in.empty()) out += text("(", operands(graph, node), ")");
  if (!declares_type(node)) out += node.attrs.str();
  if (!node.op->is(source)) out += text("   ", node.op->formula);
  if (node.grad_of >= 0) out += text("   [derivative for %", node.grad_of, "]");
  return out;
}

std::string print(const Graph& graph) {
  std::string out;
  for (NodeId id = 0; id < graph.size(); ++id) out += print(graph, id) + "\n";
  return out;
}

} // namespace vitro

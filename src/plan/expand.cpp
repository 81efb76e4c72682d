#include <stdexcept>

#include "core/text.h"
#include "plan/program.h"

namespace vitro::program {
namespace {

bool all_float(const Graph& graph, const Node& node) {
  for (const Edge edge : node.in)
    if (graph.type(edge).dtype == DType::f64) return false;
  return node.out[0].dtype != DType::f64;
}

bool has_kernel(const Graph& graph, const Node& node) {
  if (node.op->is(source) || node.op->is(alias) || runs_vectorised(node)) return true;
  return bool(prepare(graph, node, std::vector<Layout>(node.in.size(), row_major), row_major).run);
}

std::vector<bool> needed_nodes(const Function& function, const std::vector<Edge>& observed, bool by_updates) {
  std::vector<bool> needed(size_t(function.graph->size()));
  const auto need = [&](const std::vector<Named>& ends) {
    for (const Named& end : ends) needed[size_t(end.edge.node)] = true;
  };
  need(function.inputs);
  need(function.outputs);
  if (by_updates) need(function.updates);
  for (const Edge edge : observed) needed[size_t(edge.node)] = true;
  for (NodeId id = function.graph->size() - 1; id >= 0; --id)
    if (needed[size_t(id)])
      for (const Edge edge : (*function.graph)[id].in) needed[size_t(edge.node)] = true;
  return needed;
}

// The needed nodes in the order in which they run: what only updates need comes last. A running mean would stand
// between batch-norm and the activation that rides on it.
std::vector<NodeId> order(const Expanded& from) {
  const auto first = needed_nodes(from.function, from.observed, false),
             needed = needed_nodes(from.function, from.observed, true);
  std::vector<NodeId> out;
  for (const bool by_updates : {false, true})
    for (size_t id = 0; id < needed.size(); ++id)
      if (needed[id] && first[id] != by_updates) out.push_back(NodeId(id));
  return out;
}

// One pass: copies the needed nodes into a new graph, composed ones as what they expand to.
// An expansion may use composed ops again; `changed` says that another pass is due.
Expanded pass(const Expanded& from, bool& changed) {
  const Graph& graph = *from.function.graph;
  const auto target = std::make_shared<Graph>();
  std::vector<std::vector<Var>> now(size_t(graph.size()));
  const auto var = [&](Edge edge) { return now[size_t(edge.node)][size_t(edge.output)]; };
  for (const NodeId id : order(from)) {
    const Node& node = graph[id];
    std::vector<Var> in;
    for (const Edge edge : node.in) in.push_back(var(edge));
    target->scope = node.name;
    target->serving =
        node.grad_of >= 0 && !now[size_t(node.grad_of)].empty() ? now[size_t(node.grad_of)][0].edge().node : -1;
    if (node.op->expand && !has_kernel(graph, node)) {
      now[size_t(id)] = node.op->expand(in, node.attrs);
      changed = true;
    } else {
      if (!all_float(graph, node))
        throw std::logic_error(text("plan: ", print(graph, id), " is in double; double is interpreted"));
      now[size_t(id)] = append(target, *node.op, in, node.attrs, node.where);
    }
  }
  target->scope.clear();
  target->serving = -1;
  Expanded to{{.graph = target, .inputs = {}, .outputs = {}, .updates = {}}, {}};
  const auto map = [&](const std::vector<Named>& ends, std::vector<Named>& out) {
    for (const Named& end : ends) out.push_back({end.name, var(end.edge).edge()});
  };
  map(from.function.inputs, to.function.inputs);
  map(from.function.outputs, to.function.outputs);
  map(from.function.updates, to.function.updates);
  for (const Edge edge : from.observed) to.observed.push_back(var(edge).edge());
  return to;
}

} // namespace

bool runs_vectorised(const Node& node) {
  return node.op->is(pointwise) && node.op->vector && node.out[0].dtype == DType::f32;
}

Prepared prepare(const Graph& graph, const Node& node, const std::vector<Layout>& in, Layout out) {
  if (!node.op->prepare || node.out[0].dtype != DType::f32) return {};
  std::vector<Type> types;
  for (const Edge edge : node.in) types.push_back(graph.type(edge));
  return node.op->prepare({node.attrs, types, node.out, in, out});
}

Expanded expand(const Function& function, const std::vector<Edge>& observe) {
  Expanded now{function, observe};
  for (bool changed = true; changed;) {
    changed = false;
    now = pass(now, changed);
  }
  return now;
}

} // namespace vitro::program

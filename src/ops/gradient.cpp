#include "ops/gradient.h"

#include "core/error.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// For each node up to `last`: whether its derivative is wanted, being one of `wrt` or on a way to one;
// and whether it is wanted of its inputs, so that the node's own rule is due.
struct Ways {
  std::vector<bool> wanted, through;
};

Ways ways_to(const Graph& graph, const std::vector<Var>& wrt, NodeId last) {
  Ways ways{std::vector<bool>(size_t(last) + 1), std::vector<bool>(size_t(last) + 1)};
  for (const Var& var : wrt)
    if (var.edge().node <= last) ways.wanted[size_t(var.edge().node)] = true;
  for (NodeId id = 0; id <= last; ++id) {
    if (!graph[id].op->is(constant_slope))
      for (const Edge edge : graph[id].in)
        if (ways.wanted[size_t(edge.node)]) ways.through[size_t(id)] = true;
    if (ways.through[size_t(id)]) ways.wanted[size_t(id)] = true;
  }
  return ways;
}

// Takes out of the graph the nodes from `first` on that none of `keep` needs, which are moved along: a rule
// states the derivative for every operand, also where nobody asks (the net's input, a constant).
void drop_unused(const std::shared_ptr<Graph>& graph, NodeId first, std::vector<Var>& keep) {
  std::vector<bool> needed(size_t(graph->size() - first));
  for (const Var& var : keep)
    if (var && var.edge().node >= first) needed[size_t(var.edge().node - first)] = true;
  for (NodeId id = graph->size() - 1; id >= first; --id)
    if (needed[size_t(id - first)])
      for (const Edge edge : (*graph)[id].in)
        if (edge.node >= first) needed[size_t(edge.node - first)] = true;
  std::vector<NodeId> now(needed.size());
  const auto moved = [&](Edge edge) {
    return edge.node < first ? edge : Edge{now[size_t(edge.node - first)], edge.output};
  };
  NodeId next = first;
  for (NodeId id = first; id < graph->size(); ++id) {
    if (!needed[size_t(id - first)]) continue;
    Node node = std::move(graph->nodes[size_t(id)]);
    for (Edge& edge : node.in) edge = moved(edge);
    if (node.grad_of >= first) node.grad_of = graph->serving; // a rule that is itself a gradient
    now[size_t(id - first)] = next;
    graph->nodes[size_t(next++)] = std::move(node);
  }
  graph->nodes.resize(size_t(next));
  for (Var& var : keep)
    if (var) var = Var(graph, moved(var.edge()));
}

} // namespace

std::vector<Var> gradient(const Var& loss, const std::vector<Var>& wrt, const Var& seed) {
  const std::shared_ptr<Graph>& graph = loss.graph();
  if (!seed && loss.shape().elements() != 1)
    bad_input("gradient", text("the loss is ", loss.type(), ", expected a scalar"),
              "reduce it with sum or mean, or give a seed of its shape");
  if (seed && seed.shape() != loss.shape())
    bad_input("gradient", text("the seed is ", seed.shape(), ", the loss ", loss.shape()));

  const NodeId last = loss.edge().node;
  const Ways ways = ways_to(*graph, wrt, last);
  std::vector<std::vector<Var>> adjoint(size_t(last) + 1);
  const auto add = [&](Edge edge, const Var& term) {
    auto& outputs = adjoint[size_t(edge.node)];
    outputs.resize((*graph)[edge.node].out.size());
    Var& sum = outputs[size_t(edge.output)];
    sum = sum ? sum + term : term;
  };

  const std::string outer_scope = graph->scope;
  const NodeId outer_serving = graph->serving;
  add(loss.edge(), seed ? seed : full_like(loss, 1));
  for (NodeId id = last; id >= 0; --id) {
    if (!ways.through[size_t(id)] || adjoint[size_t(id)].empty()) continue;
    const Node node = (*graph)[id]; // a copy: the graph grows below
    if (!node.op->grad)
      bad_input("gradient", text("the op \"", node.op->name, "\" has no derivative",
                                 node.name.empty() ? "" : text(" (layer \"", node.name, "\")")));
    graph->scope = node.name;
    graph->serving = id;
    std::vector<Var> xs, ys;
    for (const Edge edge : node.in) xs.emplace_back(graph, edge);
    for (size_t i = 0; i < node.out.size(); ++i) ys.emplace_back(graph, Edge{id, int32_t(i)});
    const std::vector<Var> dys = adjoint[size_t(id)];
    const Var none;
    const NodeId before = graph->size();
    auto dxs = node.op->grad({node.attrs, xs, ys, dys, xs.empty() ? none : xs[0], ys[0], dys[0]});
    for (size_t i = 0; i < dxs.size(); ++i)
      if (!ways.wanted[size_t(node.in[i].node)]) dxs[i] = {};
    drop_unused(graph, before, dxs);
    for (size_t i = 0; i < dxs.size(); ++i)
      if (dxs[i]) add(node.in[i], dxs[i]);
  }
  graph->scope = outer_scope;
  graph->serving = outer_serving;

  std::vector<Var> out;
  for (const Var& var : wrt) {
    const auto& sums = var.edge().node <= last ? adjoint[size_t(var.edge().node)] : std::vector<Var>{};
    const bool found = !sums.empty() && sums[size_t(var.edge().output)];
    out.push_back(found ? sums[size_t(var.edge().output)] : full_like(var, 0));
  }
  return out;
}

} // namespace vitro

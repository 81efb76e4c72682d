#include "explain/double.h"

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

using Map = std::vector<std::vector<Var>>;

// The same attributes with tensors and declared element types in double.
Attrs promoted(const Attrs& attrs) {
  Attrs out = attrs;
  for (const auto& [name, value] : attrs.items()) {
    if (const auto* tensor = std::get_if<std::shared_ptr<const Tensor>>(&value)) {
      if (is_float((*tensor)->dtype())) out.set(name, std::make_shared<const Tensor>((*tensor)->to(DType::f64)));
    } else if (const auto* number = std::get_if<int64_t>(&value);
               name == "dtype" && number && *number == int64_t(DType::f32)) {
      out.set(name, int64_t(DType::f64));
    }
  }
  return out;
}

bool composed(const Op& op) { return !op.plain && op.expand; }

// One pass over the nodes; an expansion may use composed ops again, so `changed` asks for another.
Function pass(const Function& function, bool open, bool& changed) {
  const Graph& graph = *function.graph;
  const auto target = std::make_shared<Graph>();
  Map now(size_t(graph.size()));
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    std::vector<Var> in;
    for (const Edge edge : node.in) in.push_back(now[size_t(edge.node)][size_t(edge.output)]);
    target->scope = node.name;
    target->serving = node.grad_of < 0 ? -1 : now[size_t(node.grad_of)][0].edge().node;
    if (open && composed(*node.op)) {
      now[size_t(id)] = node.op->expand(in, node.attrs);
      changed = true;
    } else {
      now[size_t(id)] = append(target, *node.op, std::move(in), promoted(node.attrs), node.where);
    }
  }
  target->scope.clear();
  target->serving = -1;
  Function out{.graph = target, .inputs = {}, .outputs = {}, .updates = {}};
  const auto moved = [&](const std::vector<Named>& ends) {
    std::vector<Named> result;
    for (const Named& end : ends)
      result.push_back({end.name, now[size_t(end.edge.node)][size_t(end.edge.output)].edge()});
    return result;
  };
  out.inputs = moved(function.inputs);
  out.outputs = moved(function.outputs);
  return out;
}

} // namespace

Function in_double(const Function& function, bool open) {
  bool changed = false;
  Function out = pass(function, open, changed);
  while (changed) {
    changed = false;
    out = pass(out, open, changed);
  }
  return out;
}

Edge scalar_output(const Function& function, const std::string& name) {
  const Edge edge = function.outputs[function.output(name)].edge;
  const Type& type = function.graph->type(edge);
  if (!is_float(type.dtype) || type.shape.elements() != 1)
    bad_input("explain", text("the output \"", name, "\" is ", type, ", expected one floating-point number"),
              "reduce it with sum or mean");
  return edge;
}

std::vector<bool> leads_to(const Graph& graph, NodeId to) {
  std::vector<bool> out(size_t(graph.size()));
  out[size_t(to)] = true;
  for (NodeId id = to; id >= 0; --id)
    if (out[size_t(id)])
      for (const Edge edge : graph[id].in) out[size_t(edge.node)] = true;
  return out;
}

std::vector<bool> depends_on(const Graph& graph, const std::vector<NodeId>& from) {
  std::vector<bool> out(size_t(graph.size()));
  for (const NodeId id : from) out[size_t(id)] = true;
  for (NodeId id = 0; id < graph.size(); ++id)
    for (const Edge edge : graph[id].in)
      if (out[size_t(edge.node)]) out[size_t(id)] = true;
  return out;
}

} // namespace vitro

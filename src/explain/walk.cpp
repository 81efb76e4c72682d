#include "explain/walk.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

constexpr InterpretOptions in_double{.floats = DType::f64};

} // namespace

std::vector<int64_t> index_of(const Shape& shape, int64_t element) {
  std::vector<int64_t> index(size_t(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[size_t(axis)] = element % shape[axis];
    element /= shape[axis];
  }
  return index;
}

std::string index_text(const Shape& shape, int64_t element) {
  std::vector<std::string> pieces;
  const auto index = index_of(shape, element);
  for (size_t axis = shape.rank() > 1 && shape[0] == 1 ? 1 : 0; axis < index.size(); ++axis) pieces.push_back(std::to_string(index[axis]));
  return pieces.empty() ? "" : "[" + join(pieces, ",") + "]";
}

Walk::Walk(const Function& function, const States& states, std::vector<Tensor> inputs)
    : function_(function), states_(read_states(states, function)), inputs_(std::move(inputs)) {
  for (auto& [name, value] : states_)
    if (is_float(value.dtype())) value = value.to(DType::f64);
  function_.updates.clear();
  loss_ = function_.outputs[function_.output("loss")].edge;
  if (graph().type(loss_).shape.elements() != 1) bad_input("explain", text("the loss is ", graph().type(loss_), ", expected one element"));
  function_.outputs = {{"loss", loss_}};

  const NodeId size = graph().size();
  leads_to_loss_.assign(size_t(size), false);
  leads_to_loss_[size_t(loss_.node)] = true;
  for (NodeId id = loss_.node; id >= 0; --id)
    if (leads_to_loss_[size_t(id)])
      for (const Edge edge : graph()[id].in) leads_to_loss_[size_t(edge.node)] = true;

  std::map<std::string, NodeId> last;
  for (NodeId id = 0; id < size; ++id)
    if (!graph()[id].op->is(source) && graph()[id].grad_of < 0 && !graph()[id].name.empty()) last[graph()[id].name] = id;
  last_of_layer_.assign(size_t(size), -1);
  for (NodeId id = 0; id < size; ++id)
    if (const auto found = last.find(graph()[id].name); found != last.end()) last_of_layer_[size_t(id)] = found->second;

  values_ = interpret(function_, states_, inputs_, {.floats = DType::f64, .every_node = true});

  // Every value between a state and the loss, differentiated at once, in a copy of the graph.
  backward_ = function_;
  backward_.graph = std::make_shared<Graph>(graph());
  std::vector<bool> depends(size_t(size), false);
  for (NodeId id = 0; id < size; ++id) {
    const Node& node = graph()[id];
    depends[size_t(id)] = node.op == &state_op && is_float(node.out[0].dtype);
    for (const Edge edge : node.in) depends[size_t(id)] = depends[size_t(id)] || depends[size_t(edge.node)];
  }
  std::vector<Var> wrt;
  for (NodeId id = 0; id <= loss_.node; ++id)
    if (depends[size_t(id)] && leads_to_loss_[size_t(id)])
      for (size_t k = 0; k < graph()[id].out.size(); ++k) wrt.emplace_back(backward_.graph, Edge{id, int32_t(k)});
  const auto adjoints = gradient(Var(backward_.graph, loss_), wrt);
  backward_.outputs.clear();
  for (size_t i = 0; i < wrt.size(); ++i) {
    adjoint_edge_[{wrt[i].edge().node, wrt[i].edge().output}] = adjoints[i].edge();
    backward_.outputs.push_back({text(i), adjoints[i].edge()});
  }
  adjoints_ = interpret(backward_, states_, inputs_, in_double);
}

NodeId Walk::state_node(const std::string& state) const {
  for (NodeId id = 0; id < graph().size(); ++id)
    if (graph()[id].op == &state_op && graph()[id].name == state) return id;
  return -1;
}

std::vector<bool> Walk::dependents(NodeId from) const {
  std::vector<bool> out(size_t(graph().size()), false);
  out[size_t(from)] = true;
  for (NodeId id = from + 1; id < graph().size(); ++id)
    for (const Edge edge : graph()[id].in)
      if (out[size_t(edge.node)]) out[size_t(id)] = true;
  return out;
}

std::string Walk::name(Edge edge) const {
  const Node& node = graph()[edge.node];
  if (node.op->is(source)) return node.op == &constant_op ? text("constant %", edge.node) : node.name;
  if (edge == loss_) return "loss";
  const std::string output = edge.output ? text(".", edge.output) : "";
  if (node.name.empty()) return text(node.op->name, " %", edge.node, output);
  return (last_of_layer_[size_t(edge.node)] == edge.node ? node.name : text(node.name, ".", node.op->name)) + output;
}

std::string Walk::element_name(Edge edge, int64_t element) const {
  const Node& node = graph()[edge.node];
  const Shape& shape = graph().type(edge).shape;
  // A state has no batch axis to leave out.
  if (node.op == &state_op) {
    std::vector<std::string> pieces;
    for (const int64_t i : index_of(shape, element)) pieces.push_back(std::to_string(i));
    return text(name(edge), "[", join(pieces, ","), "]");
  }
  return name(edge) + index_text(shape, element);
}

std::vector<Tensor> Walk::pull(NodeId id, const std::vector<Tensor>& adjoints) const {
  const Node& node = graph()[id];
  const States none;
  Trace trace(none);
  std::vector<Var> in, floats;
  std::vector<Tensor> values;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Tensor& value = values_.at(node.in[i]);
    in.push_back(trace.input(text("x", i), graph().type(node.in[i])));
    values.push_back(value);
    if (is_float(value.dtype())) floats.push_back(in.back());
  }
  const auto out = append(trace.graph(), *node.op, in, node.attrs, node.where);
  Var total;
  for (size_t k = 0; k < out.size(); ++k) {
    const Var weight = trace.input(text("dy", k), node.out[k]);
    values.push_back(adjoints[k]);
    const Var term = sum(out[k] * weight);
    total = total ? total + term : term;
  }
  const auto slopes = gradient(total, floats);
  for (size_t i = 0; i < slopes.size(); ++i) trace.output(text(i), slopes[i]);
  const Function function = trace.finish();
  const Interpretation run = interpret(function, {}, values, in_double);
  std::vector<Tensor> result(node.in.size());
  for (size_t i = 0, next = 0; i < node.in.size(); ++i)
    if (is_float(graph().type(node.in[i]).dtype)) result[i] = run.at(function.outputs[next++].edge);
  return result;
}

std::vector<Tensor> Walk::push(NodeId id, const std::vector<Tensor>& direction) const {
  const Node& node = graph()[id];
  const States none;
  Trace trace(none);
  std::vector<Var> in, moving, by;
  std::vector<Tensor> values;
  for (size_t i = 0; i < node.in.size(); ++i) {
    in.push_back(trace.input(text("x", i), graph().type(node.in[i])));
    values.push_back(values_.at(node.in[i]));
    if (direction[i].type().shape.rank() == 0 && graph().type(node.in[i]).shape.rank() > 0) continue; // does not move
    if (!is_float(in[i].dtype())) continue;
    moving.push_back(in[i]);
    by.push_back(trace.input(text("v", i), graph().type(node.in[i])));
    values.push_back(direction[i]);
  }
  const auto out = append(trace.graph(), *node.op, in, node.attrs, node.where);
  // <J' u, v> is linear in u: its derivative with respect to u is J v.
  std::vector<Var> weights;
  Var total;
  for (size_t k = 0; k < out.size(); ++k) {
    weights.push_back(trace.input(text("u", k), node.out[k]));
    values.emplace_back(Type{DType::f64, node.out[k].shape});
    const Var term = sum(out[k] * weights.back());
    total = total ? total + term : term;
  }
  const auto pulled = gradient(total, moving);
  Var inner;
  for (size_t i = 0; i < moving.size(); ++i) {
    const Var term = sum(pulled[i] * by[i]);
    inner = inner ? inner + term : term;
  }
  const auto pushed = gradient(inner, weights);
  for (size_t k = 0; k < pushed.size(); ++k) trace.output(text(k), pushed[k]);
  const Function function = trace.finish();
  const Interpretation run = interpret(function, {}, values, in_double);
  std::vector<Tensor> result;
  for (const Named& output : function.outputs) result.push_back(run.at(output.edge));
  return result;
}

double Walk::loss_at(const std::string& state, int64_t element, double by) const {
  StateValues states = states_;
  Tensor& value = states.at(state);
  value.set(element, value.at(element) + by);
  return interpret(function_, states, inputs_, in_double).at(loss_).at(0);
}

} // namespace vitro

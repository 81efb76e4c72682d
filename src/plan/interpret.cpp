#include "plan/interpret.h"

#include <cmath>
#include <stdexcept>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

Type promoted(Type type, const InterpretOptions& options) {
  if (options.floats && is_float(type.dtype)) type.dtype = *options.floats;
  return type;
}

Tensor fitted(const Tensor& value, const Type& type, const std::string& what) {
  const bool convertible = value.dtype() == type.dtype || (is_float(value.dtype()) && is_float(type.dtype));
  if (!convertible || value.shape() != type.shape)
    bad_input("interpret", text(what, " is ", value.type(), ", expected ", type));
  return value.to(type.dtype);
}

std::vector<bool> needed_nodes(const Function& function, bool every_node) {
  const Graph& graph = *function.graph;
  std::vector<bool> needed(size_t(graph.size()), every_node);
  for (const auto* ends : {&function.outputs, &function.updates})
    for (const Named& end : *ends) needed[size_t(end.edge.node)] = true;
  for (NodeId id = graph.size() - 1; id >= 0; --id)
    if (needed[size_t(id)])
      for (const Edge edge : graph[id].in) needed[size_t(edge.node)] = true;
  return needed;
}

std::vector<Tensor> run_plain(const Node& node, const std::vector<const Tensor*>& in) {
  std::vector<ConstView> views;
  std::vector<Type> types;
  for (const Tensor* tensor : in) {
    views.push_back(tensor->view());
    types.push_back(tensor->type());
  }
  std::vector<Tensor> out;
  std::vector<View> out_views;
  for (Type type : node.out) {
    // A source or an index-to-float op keeps the type that the caller has promoted in node.out.
    out.emplace_back(type);
  }
  for (Tensor& tensor : out) out_views.push_back(tensor.view());
  node.op->plain({node.attrs, views, out_views});
  return out;
}

std::vector<Tensor> run_expanded(const Node& node, const std::vector<const Tensor*>& in) {
  const Function function = expansion(node, in);
  std::vector<Tensor> values;
  for (const Tensor* tensor : in) values.push_back(*tensor);
  const Interpretation inner = interpret(function, {}, values);
  std::vector<Tensor> result;
  for (const Named& output : function.outputs) result.push_back(inner.at(output.edge));
  return result;
}

} // namespace

StateValues read_states(const States& states) {
  StateValues values;
  for (const auto& name : states.names()) values.emplace(name, states.read(name));
  return values;
}

StateValues read_states(const States& states, const Function& function) {
  StateValues values;
  for (const Node& node : function.graph->nodes)
    if (node.op == &state_op) values.emplace(node.name, states.read(node.name));
  return values;
}

Function expansion(const Node& node, const std::vector<const Tensor*>& in) {
  const States none;
  Trace trace(none);
  std::vector<Var> vars;
  for (size_t i = 0; i < in.size(); ++i) vars.push_back(trace.input(text("x", i), in[i]->type()));
  const auto out = node.op->expand(vars, node.attrs);
  for (size_t i = 0; i < out.size(); ++i) trace.output(text("y", i), out[i]);
  return trace.finish();
}

std::vector<Tensor> interpret_node(const Node& node, const std::vector<const Tensor*>& in) {
  if (node.op->plain) return run_plain(node, in);
  if (node.op->expand) return run_expanded(node, in);
  throw std::logic_error(text("op ", node.op->name, " has neither plain loops nor an expansion"));
}

Interpretation interpret(const Function& function, const StateValues& states, const std::vector<Tensor>& inputs,
                         InterpretOptions options) {
  const Graph& graph = *function.graph;
  if (inputs.size() != function.inputs.size())
    bad_input("interpret", text(inputs.size(), " inputs given, the function has ", function.inputs.size()));
  const auto needed = needed_nodes(function, options.every_node);
  Interpretation result;
  result.values.resize(size_t(graph.size()));
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!needed[size_t(id)]) continue;
    Node node = graph[id];
    for (Type& type : node.out) type = promoted(type, options);
    auto& out = result.values[size_t(id)];
    if (node.op == &input_op) {
      for (size_t i = 0; i < inputs.size(); ++i)
        if (function.inputs[i].edge.node == id)
          out = {fitted(inputs[i], node.out[0], text("input \"", node.name, "\""))};
    } else if (node.op == &state_op) {
      const auto found = states.find(node.name);
      if (found == states.end()) bad_input("interpret", text("no value for the state \"", node.name, "\""));
      out = {fitted(found->second, node.out[0], text("state \"", node.name, "\""))};
    } else {
      std::vector<const Tensor*> in;
      for (const Edge edge : node.in) in.push_back(&result.at(edge));
      out = interpret_node(node, in);
    }
  }
  return result;
}

void commit(const Function& function, const Interpretation& interpretation, States& states) {
  for (const Named& update : function.updates)
    states.write(update.name, interpretation.at(update.edge).to(states.at(update.name).type.dtype));
}

NodeId first_nonfinite(const Function& function, const Interpretation& interpretation) {
  for (NodeId id = 0; id < function.graph->size(); ++id)
    for (const Tensor& value : interpretation.values[size_t(id)])
      if (is_float(value.dtype()))
        for (int64_t i = 0; i < value.elements(); ++i)
          if (!std::isfinite(value.at(i))) return id;
  return -1;
}

} // namespace vitro

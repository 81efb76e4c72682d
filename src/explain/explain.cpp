// The Explainer: values, adjoints and local rules of one function on one set of inputs.
#include "explain/explain.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "explain/double.h"
#include "explain/inner.h"
#include "ops/gradient.h"

namespace vitro {
namespace {

std::vector<Tensor> zeros_of(const Node& node, const std::vector<bool>& carries) {
  std::vector<Tensor> out(node.out.size());
  for (size_t o = 0; o < out.size(); ++o)
    if (carries[o]) out[o] = Tensor(node.out[o]);
  return out;
}

} // namespace

double relative_error(double a, double b) { return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-8}); }

Explainer::Inner::Inner(const Function& given, const States& all, const std::vector<Tensor>& inputs,
                        ExplainOptions wanted)
    : options(std::move(wanted)) {
  scalar_output(given, options.loss); // a message about the function as it was given
  if (options.terms < 1) bad_input("explain", text("terms is ", options.terms, ", expected at least 1"));
  function = in_double(given, options.open);
  graph = function.graph;
  loss = scalar_output(function, options.loss);
  forward = graph->size();
  to_loss = leads_to(*graph, loss.node);

  StateValues state_values;
  std::vector<NodeId> from;
  for (NodeId id = 0; id < forward; ++id) {
    const Node& node = (*graph)[id];
    if (node.op != &state_op) continue;
    state_values.emplace(node.name, all.read(node.name));
    if (!to_loss[size_t(id)] || !is_float(node.out[0].dtype)) continue;
    states.emplace(node.name, id);
    from.push_back(id);
  }
  for (const auto& name : all.names()) all_states.emplace(name, all.at(name).type);
  for (const auto& name : all.names(true))
    if (states.contains(name)) trainable.push_back(name);

  names.emplace(function, loss);
  // gradient() appends behind the function's own nodes; every state is asked for.
  std::vector<Var> wrt;
  for (const auto& [name, id] : states) wrt.emplace_back(graph, Edge{id, 0});
  const auto derivatives = vitro::gradient(Var(graph, loss), wrt);
  size_t at = 0;
  for (const auto& [name, id] : states) {
    gradients[name] = derivatives[at++].edge();
    function.outputs.push_back({text("gradient of ", name), gradients[name]});
  }
  values = interpret(function, state_values, inputs);

  readers.resize(size_t(forward));
  std::vector<std::vector<bool>> carry(size_t(graph->size()));
  for (NodeId id = 0; id < graph->size(); ++id) carry[size_t(id)].resize((*graph)[id].out.size());
  carry[size_t(loss.node)][size_t(loss.output)] = true;
  for (NodeId id = 0; id <= loss.node; ++id) {
    if (!to_loss[size_t(id)]) continue;
    const Node& node = (*graph)[id];
    for (size_t i = 0; i < node.in.size(); ++i) {
      readers[size_t(node.in[i].node)].emplace_back(id, i);
      carry[size_t(node.in[i].node)][size_t(node.in[i].output)] = is_float(graph->type(node.in[i]).dtype);
    }
  }
  rules.emplace(graph, carry, values);
  words.emplace(graph, *names, values);
  line.emplace(function, loss, values, *rules,
               [this](Edge edge, int64_t element) { return names->element(edge, element); });

  // The walk back: each node's own rule, applied to the adjoints that have arrived.
  const auto moves = depends_on(*graph, from);
  adjoint.resize(size_t(forward));
  adjoint[size_t(loss.node)] = zeros_of((*graph)[loss.node], carry[size_t(loss.node)]);
  adjoint[size_t(loss.node)][size_t(loss.output)].set(0, 1);
  for (NodeId id = loss.node; id >= 0; --id) {
    if (!to_loss[size_t(id)] || !moves[size_t(id)]) continue;
    const Node& node = (*graph)[id];
    if (adjoint[size_t(id)].empty()) adjoint[size_t(id)] = zeros_of(node, carry[size_t(id)]);
    if (node.op->is(source)) continue;
    const auto passed = rules->pull(id, adjoint[size_t(id)]);
    for (size_t i = 0; i < passed.size(); ++i) {
      const Edge edge = node.in[i];
      if (!moves[size_t(edge.node)] || passed[i].type() != graph->type(edge)) continue;
      auto& sums = adjoint[size_t(edge.node)];
      if (sums.empty()) sums = zeros_of((*graph)[edge.node], carry[size_t(edge.node)]);
      const auto to = sums[size_t(edge.output)].as<double>();
      const auto term = passed[i].as<double>();
      for (size_t e = 0; e < to.size(); ++e) to[e] += term[e];
    }
  }
}

bool Explainer::Inner::carries(Edge edge) const {
  const auto& outputs = adjoint[size_t(edge.node)];
  return !outputs.empty() && outputs[size_t(edge.output)].dtype() == DType::f64 &&
         outputs[size_t(edge.output)].type() == graph->type(edge);
}

Shape Explainer::Inner::check(const ElementAddress& address) const {
  const auto found = all_states.find(address.state);
  if (found == all_states.end()) {
    std::vector<std::string> known;
    for (const auto& [name, type] : all_states) known.push_back(name);
    bad_input("explain", text("no state \"", address.state, "\"", did_you_mean(address.state, known)),
              "there is " + join(known, ", "));
  }
  const Type& type = found->second;
  if (!is_float(type.dtype))
    bad_input("explain", text("\"", address.state, "\" is ", type, ": integers have no derivative"));
  if (address.element < 0 || address.element >= type.shape.elements())
    bad_input("explain",
              text("element ", address.element, " of ", address.state, " is outside of its shape ", type.shape));
  return type.shape;
}

NodeId Explainer::Inner::node_of(const std::string& state) const {
  const auto found = states.find(state);
  return found == states.end() ? -1 : found->second;
}

Explainer::Explainer(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                     ExplainOptions options)
    : inner_(std::make_unique<Inner>(function, states, inputs, std::move(options))) {}
Explainer::~Explainer() = default;
Explainer::Explainer(Explainer&&) noexcept = default;
Explainer& Explainer::operator=(Explainer&&) noexcept = default;

double Explainer::loss() const { return inner_->values.at(inner_->loss).at(0); }

Tensor Explainer::gradient(const std::string& state) const {
  const Shape shape = inner_->check({state, 0});
  const auto found = inner_->gradients.find(state);
  if (found == inner_->gradients.end()) return Tensor(Type{DType::f64, shape});
  return inner_->values.at(found->second);
}

ElementAddress Explainer::steepest() const {
  ElementAddress best;
  double most = -1;
  for (const auto& name : inner_->trainable) {
    const Tensor& gradient = inner_->values.at(inner_->gradients.at(name));
    for (int64_t i = 0; i < gradient.elements(); ++i)
      if (std::fabs(gradient.at(i)) > most) {
        most = std::fabs(gradient.at(i));
        best = {name, i};
      }
  }
  if (most < 0) bad_input("explain", "the loss depends on no parameter", "steepest needs at least one trainable state");
  return best;
}

Difference Explainer::finite_difference(const ElementAddress& address) {
  inner_->check(address);
  const NodeId node = inner_->node_of(address.state);
  if (node < 0) return {};
  inner_->line->move(node, address.element);
  return inner_->line->derivative(inner_->values.at({node, 0}).at(address.element));
}

Explanation explain_parameter(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                              const ElementAddress& address, ExplainOptions options) {
  return Explainer(function, states, inputs, std::move(options)).parameter(address);
}

Neuron explain_neuron(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                      const std::string& layer, int64_t unit, ExplainOptions options) {
  return Explainer(function, states, inputs, std::move(options)).neuron(layer, unit);
}

Symbolic explain_symbolic(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                          const ElementAddress& address, ExplainOptions options) {
  return Explainer(function, states, inputs, std::move(options)).symbolic(address);
}

ElementAddress steepest(const Function& function, const States& states, const std::vector<Tensor>& inputs) {
  return Explainer(function, states, inputs).steepest();
}

} // namespace vitro

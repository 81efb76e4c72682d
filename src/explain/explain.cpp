#include "explain/explain.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "explain/gradcheck.h"
#include "explain/symbolic.h"
#include "explain/walk.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// Positions of the non-zero elements, the largest by size first.
std::vector<int64_t> by_size(const std::vector<double>& values) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] != 0) order.push_back(int64_t(i));
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return std::fabs(values[size_t(a)]) > std::fabs(values[size_t(b)]); });
  return order;
}

// "x = 1.27, y = 1.27" for an elementwise op; "y = 1.27" for the rest.
std::string numbers_of(const Walk& walk, NodeId id, int32_t output, int64_t element) {
  const Node& node = walk.graph()[id];
  const Edge edge{id, output};
  std::string out;
  if (node.op->is(pointwise)) {
    const Shape& shape = walk.graph().type(edge).shape;
    const auto index = index_of(shape, element);
    for (size_t i = 0; i < node.in.size(); ++i) {
      const auto stride = broadcast_strides(walk.graph().type(node.in[i]).shape, shape);
      int64_t at = 0;
      for (size_t axis = 0; axis < index.size(); ++axis) at += index[axis] * stride[axis];
      out += text(node.op->args[i], " = ", number(walk.value(node.in[i]).at(at), 6), ", ");
    }
  }
  return out + text("y = ", number(walk.value(edge).at(element), 6));
}

std::string rule_of(const Node& node, const std::vector<bool>& depends) {
  std::vector<std::string> rules;
  for (size_t i = 0; i < node.in.size(); ++i)
    if (depends[size_t(node.in[i].node)] && !node.op->rules.empty()) {
      const std::string rule = node.op->rules[std::min(i, node.op->rules.size() - 1)];
      if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
    }
  return join(rules, "; ");
}

} // namespace

std::string Address::str() const {
  std::vector<std::string> pieces;
  for (const int64_t i : index) pieces.push_back(std::to_string(i));
  return pieces.empty() ? state : text(state, ":", join(pieces, ","));
}

Address address_of(const State& state, int64_t element) { return {state.name, index_of(state.type.shape, element)}; }

Address parse_address(const std::string& raw, const States& states) {
  std::string given = raw;
  if (const size_t open = given.find('['); open != std::string::npos && given.back() == ']') {
    given[open] = ':';
    given.pop_back();
  }
  const size_t colon = given.find(':');
  Address address{given.substr(0, colon), {}};
  const State& state = states.at(address.state);
  const std::string help = text("\"", state.name, "\" is ", state.type.shape, "; write for example ", address_of(state, 0).str());
  std::string rest = colon == std::string::npos ? "" : given.substr(colon + 1);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string piece = rest.substr(0, comma);
    if (piece.empty() || piece.size() > 12 || piece.find_first_not_of("0123456789") != std::string::npos)
      bad_input("address", text("\"", raw, "\": \"", piece, "\" is no index"), help);
    address.index.push_back(std::stoll(piece));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
  }
  element_of(address, states); // checks the range
  return address;
}

int64_t element_of(const Address& address, const States& states) {
  const State& state = states.at(address.state);
  const Shape& shape = state.type.shape;
  const std::string help = text("\"", state.name, "\" is ", shape);
  if (int(address.index.size()) != shape.rank())
    bad_input("address", text("\"", address.str(), "\" has ", address.index.size(), " indices, expected ", shape.rank()), help);
  int64_t element = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64_t i = address.index[size_t(axis)];
    if (i < 0 || i >= shape[axis]) bad_input("address", text("\"", address.str(), "\": index ", i, " is not in 0 to ", shape[axis] - 1), help);
    element = element * shape[axis] + i;
  }
  return element;
}

struct Explainer::Inner {
  const States& states;
  ExplainOptions options;
  Walk walk;
};

Explainer::Explainer(const Function& function, const States& states, std::vector<Tensor> inputs, ExplainOptions options)
    : inner_(new Inner{states, options, Walk(function, states, std::move(inputs))}) {}
Explainer::~Explainer() = default;

Explanation Explainer::explain(const Address& address) const {
  const Walk& walk = inner_->walk;
  const Graph& graph = walk.graph();
  const int64_t element = element_of(address, inner_->states);
  Explanation out{.address = address, .weight = inner_->states.read(address.state).at(element), .loss = walk.value(walk.loss()).at(0)};
  const NodeId weight = walk.state_node(address.state);
  const auto difference = [&] {
    if (weight < 0) return Difference{};
    return central_difference([&](double by) { return walk.loss_at(address.state, element, by); }, std::max(1.0, std::fabs(out.weight)));
  }();
  out.finite_difference = difference.value;
  out.kink = difference.kink;
  if (weight < 0 || !walk.has_adjoint({weight, 0})) {
    out.remarks.push_back(text("no path leads from ", address.state, " to the loss: the loss does not depend on it"));
    return out;
  }
  out.back_propagated = walk.adjoint({weight, 0}).at(element);
  const auto depends = walk.dependents(weight);
  const auto in_cone = [&](NodeId id) { return depends[size_t(id)] && walk.leads_to_loss(id) && id <= walk.loss().node; };

  // Forwards: how each value changes with the weight.
  std::vector<std::vector<Tensor>> slopes(size_t(graph.size()));
  slopes[size_t(weight)] = {Tensor(Type{DType::f64, graph.type({weight, 0}).shape})};
  slopes[size_t(weight)][0].set(element, 1);
  for (NodeId id = weight + 1; id <= walk.loss().node; ++id) {
    if (!in_cone(id)) continue;
    const Node& node = graph[id];
    if (node.op->is(constant_slope)) {
      for (const Type& type : node.out) slopes[size_t(id)].emplace_back(Type{DType::f64, type.shape});
      continue;
    }
    std::vector<Tensor> direction;
    for (const Edge edge : node.in)
      direction.push_back(in_cone(edge.node) ? slopes[size_t(edge.node)][size_t(edge.output)] : Tensor(Type{DType::f64, graph.type(edge).shape}));
    slopes[size_t(id)] = walk.push(id, direction);
  }

  // Backwards: each node once, from the loss to the weight.
  for (NodeId id = walk.loss().node; id >= weight; --id) {
    if (!in_cone(id)) continue;
    const Node& node = graph[id];
    ExplainHop hop{.node = id, .name = walk.name({id, id == walk.loss().node ? walk.loss().output : 0}), .op = node.op->name, .formula = node.op->formula,
                   .rule = rule_of(node, depends), .shape = graph.type({id, 0}).shape.str(), .passes = 0};
    for (int32_t output = 0; output < int32_t(node.out.size()); ++output) {
      const Edge edge{id, output};
      if (!walk.has_adjoint(edge)) continue;
      const Tensor &adjoint = walk.adjoint(edge), &slope = slopes[size_t(id)][size_t(output)];
      std::vector<double> through(size_t(adjoint.elements())), moving(through.size());
      for (size_t e = 0; e < through.size(); ++e) {
        moving[e] = slope.at(int64_t(e));
        through[e] = adjoint.at(int64_t(e)) * moving[e];
        hop.passes += through[e];
        hop.relevant += moving[e] != 0;
      }
      // Where nothing passes, the elements that move most still show why.
      auto order = by_size(through);
      if (order.empty()) order = by_size(moving);
      for (size_t rank = 0; rank < order.size(); ++rank) {
        const int64_t e = order[rank];
        if (rank >= inner_->options.elements) {
          hop.rest += through[size_t(e)];
          continue;
        }
        ExplainElement shown{.name = walk.element_name(edge, e), .value = walk.value(edge).at(e), .adjoint = adjoint.at(e), .slope = moving[size_t(e)],
                             .numbers = node.op->is(source) ? "" : numbers_of(walk, id, output, e), .terms = {}};
        // The adjoint, taken apart: by each element of each reader, its adjoint times its slope here.
        std::vector<ExplainTerm> terms;
        for (NodeId reader = id + 1; reader <= walk.loss().node; ++reader) {
          const Node& reads = graph[reader];
          if (!in_cone(reader) || reads.op->is(constant_slope) || std::ranges::find(reads.in, edge) == reads.in.end()) continue;
          std::vector<Tensor> direction;
          for (const Edge in : reads.in) {
            direction.emplace_back(Type{DType::f64, graph.type(in).shape});
            if (in == edge) direction.back().set(e, 1);
          }
          const auto moved = walk.push(reader, direction);
          for (int32_t k = 0; k < int32_t(moved.size()); ++k)
            for (int64_t i = 0; i < moved[size_t(k)].elements(); ++i)
              if (const double local = moved[size_t(k)].at(i); local != 0) {
                const double arriving = walk.adjoint({reader, k}).at(i);
                if (reads.out.size() > 1 && arriving == 0) continue; // an output that the loss does not use
                terms.push_back({walk.element_name({reader, k}, i), arriving, local, arriving * local});
              }
        }
        std::ranges::stable_sort(terms, [](const ExplainTerm& a, const ExplainTerm& b) { return std::fabs(a.product) > std::fabs(b.product); });
        double sum = 0;
        for (const ExplainTerm& term : terms) sum += term.product;
        if (id == weight) out.gradient = sum;
        for (size_t i = 0; i < terms.size(); ++i) {
          if (i < inner_->options.terms) {
            shown.terms.push_back(terms[i]);
          } else {
            shown.rest += terms[i].product;
            ++shown.rest_count;
          }
        }
        hop.elements.push_back(std::move(shown));
      }
    }
    out.path.push_back(std::move(hop));
  }
  if (weight == walk.loss().node) out.gradient = 1;
  out.relative_error = std::max({relative_error(out.gradient, out.back_propagated), relative_error(out.gradient, out.finite_difference),
                                 relative_error(out.back_propagated, out.finite_difference)});
  if (out.kink) out.relative_error = relative_error(out.gradient, out.back_propagated);

  // In plain words.
  if (out.kink) out.remarks.push_back("a derivative jumps within every step that was tried (a kink): there is no finite difference to compare with");
  for (size_t i = 0; i + 1 < out.path.size(); ++i) {
    const ExplainHop &after = out.path[i], &before = out.path[i + 1];
    const Node& node = graph[after.node];
    if (after.elements.empty() && before.relevant > 0 && after.relevant == 0) {
      const std::string why = node.op->is(constant_slope) ? text(node.op->name, " is flat: its slope is 0 everywhere")
                              : node.op->is(kinked)       ? text(node.op->name, " is shut here: it passes nothing back (a dead unit for this sample)")
                                                          : text(node.op->name, " does not move with the weight");
      out.remarks.push_back(text(after.name, ": ", why));
    }
  }
  for (const ExplainHop& hop : out.path) {
    const Node& node = graph[hop.node];
    if (!node.op->is(pointwise) || node.in.size() != 1 || hop.elements.empty()) continue;
    const Tensor& into = slopes[size_t(node.in[0].node)].empty() ? Tensor() : slopes[size_t(node.in[0].node)][size_t(node.in[0].output)];
    const ExplainElement& shown = hop.elements[0];
    double most = 0, gives = 0;
    for (int64_t e = 0; e < into.elements(); ++e) most = std::max(most, std::fabs(into.at(e)));
    for (int64_t e = 0; e < into.elements(); ++e) gives = std::max(gives, std::fabs(slopes[size_t(hop.node)][0].at(e)));
    if (most > 0 && gives > 0 && gives < 0.01 * most)
      out.remarks.push_back(text(hop.name, ": ", node.op->name, " is saturated (", shown.numbers, "): it shrinks the gradient ", number(most / gives, 3), " times"));
  }
  if (out.gradient == 0 && out.remarks.empty()) {
    const bool silent = out.path.back().elements.empty() || out.path.back().elements[0].terms.empty();
    out.remarks.push_back(silent ? "what the weight is multiplied by is 0 for this sample (a blank input, or a unit that does not fire): it changes nothing"
                                 : "the terms cancel");
  }
  return out;
}

Address Explainer::steepest() const {
  Address best;
  double most = -1;
  for (const auto& name : inner_->states.names(true)) {
    const NodeId node = inner_->walk.state_node(name);
    if (node < 0 || !inner_->walk.has_adjoint({node, 0})) continue;
    const Tensor& adjoint = inner_->walk.adjoint({node, 0});
    for (int64_t e = 0; e < adjoint.elements(); ++e)
      if (std::fabs(adjoint.at(e)) > most) {
        most = std::fabs(adjoint.at(e));
        best = address_of(inner_->states.at(name), e);
      }
  }
  if (most < 0) bad_input("explain", "the loss depends on no trainable state");
  return best;
}

std::vector<Address> Explainer::random(size_t count, uint64_t seed) const {
  const Stream stream(seed, "explain");
  const auto names = inner_->states.names(true);
  const int64_t all = inner_->states.parameters();
  if (all == 0) bad_input("explain", "there are no trainable states");
  std::vector<Address> out;
  for (size_t i = 0; i < count; ++i) {
    int64_t at = int64_t(stream.below(uint64_t(all), 0, i));
    for (const auto& name : names) {
      const State& state = inner_->states.at(name);
      if (at < state.type.shape.elements()) {
        out.push_back(address_of(state, at));
        break;
      }
      at -= state.type.shape.elements();
    }
  }
  return out;
}

std::string Explainer::symbolic(const Address& address) const {
  element_of(address, inner_->states);
  return symbolic_gradient(inner_->walk, address);
}

NeuronExplanation explain_neuron(const Function& function, const States& states, const std::vector<Tensor>& inputs, const std::string& layer,
                                 const std::vector<int64_t>& unit, ExplainOptions options) {
  const Walk walk(function, states, inputs);
  const Graph& graph = walk.graph();
  NodeId last = -1;
  std::vector<std::string> known;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    if (node.op->is(source) || node.name.empty() || node.grad_of >= 0) continue;
    if (node.name == layer) last = id;
    if (std::ranges::find(known, node.name) == known.end()) known.push_back(node.name);
  }
  if (last < 0) bad_input("explain", text("no layer \"", layer, "\"", did_you_mean(layer, known)), "it has " + join(known, ", "));
  const Shape& shape = graph[last].out[0].shape;
  // The unit's position, with or without the leading axis of a batch of one.
  std::vector<int64_t> index = unit;
  if (int(index.size()) == shape.rank() - 1 && shape.rank() > 0 && shape[0] == 1) index.insert(index.begin(), 0);
  if (int(index.size()) != shape.rank()) bad_input("explain", text("unit of ", unit.size(), " indices, the layer \"", layer, "\" gives ", shape));
  int64_t element = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (index[size_t(axis)] < 0 || index[size_t(axis)] >= shape[axis])
      bad_input("explain", text("unit ", index[size_t(axis)], " is not in 0 to ", shape[axis] - 1), text("the layer \"", layer, "\" gives ", shape));
    element = element * shape[axis] + index[size_t(axis)];
  }

  NeuronExplanation out{.layer = layer, .unit = unit, .value = walk.value({last, 0}).at(element)};
  // Backwards through the layer's own nodes: what the unit is, per element of each of its states.
  std::vector<std::vector<Tensor>> adjoints(size_t(graph.size()));
  const auto arrive = [&](Edge edge, const Tensor& term) {
    auto& held = adjoints[size_t(edge.node)];
    if (held.empty())
      for (const Type& type : graph[edge.node].out) held.emplace_back(Type{DType::f64, type.shape});
    for (int64_t e = 0; e < term.elements(); ++e) held[size_t(edge.output)].set(e, held[size_t(edge.output)].at(e) + term.at(e));
  };
  Tensor one(Type{DType::f64, shape});
  one.set(element, 1);
  arrive({last, 0}, one);
  for (NodeId id = last; id >= 0; --id) {
    const Node& node = graph[id];
    if (adjoints[size_t(id)].empty() || node.name != layer || node.op->is(source) || node.op->is(constant_slope)) continue;
    const auto back = walk.pull(id, adjoints[size_t(id)]);
    for (size_t i = 0; i < back.size(); ++i)
      if (is_float(graph.type(node.in[i]).dtype)) arrive(node.in[i], back[i]);
  }
  for (NodeId id = 0; id < last; ++id) {
    if (graph[id].op != &state_op || adjoints[size_t(id)].empty()) continue;
    const Tensor &weights = walk.value({id, 0}), &inputs_of = adjoints[size_t(id)][0];
    NeuronExplanation::Part part{.state = graph[id].name, .terms = {}};
    std::vector<double> products(size_t(weights.elements()));
    for (size_t e = 0; e < products.size(); ++e) part.sum += products[e] = weights.at(int64_t(e)) * inputs_of.at(int64_t(e));
    for (const int64_t e : by_size(products)) {
      if (part.terms.size() < options.terms) {
        part.terms.push_back({walk.element_name({id, 0}, e), weights.at(e), inputs_of.at(e), products[size_t(e)]});
      } else {
        part.rest += products[size_t(e)];
        ++part.rest_count;
      }
    }
    out.parts.push_back(std::move(part));
  }
  // The elementwise functions of one input that follow, as long as nothing else reads in between.
  for (NodeId at = last;;) {
    NodeId next = -1;
    int readers = 0;
    for (NodeId id = at + 1; id < graph.size(); ++id)
      if (std::ranges::find(graph[id].in, Edge{at, 0}) != graph[id].in.end()) {
        ++readers;
        next = id;
      }
    if (readers != 1 || !graph[next].op->is(pointwise) || graph[next].in.size() != 1) break;
    out.after.push_back({walk.name({next, 0}), graph[next].op->formula, walk.value({next, 0}).at(element)});
    at = next;
  }
  return out;
}

} // namespace vitro

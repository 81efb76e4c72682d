#include "model/diagnose.h"

#include <cmath>

#include "core/text.h"

namespace vitro {
namespace {

struct Place {
  bool found = false;
  double value = 0;
  std::vector<int64_t> index = {};
  int64_t element = 0;
};

Place first_bad(const Tensor& tensor) {
  if (!is_float(tensor.dtype())) return {};
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (std::isfinite(tensor.at(i))) continue;
    Place place{true, tensor.at(i), {}, i};
    const auto strides = tensor.shape().strides();
    for (int64_t axis = 0, rest = i; axis < tensor.shape().rank(); rest %= strides[size_t(axis)], ++axis)
      place.index.push_back(rest / strides[size_t(axis)]);
    return place;
  }
  return {};
}

std::string at(const Place& place) {
  std::vector<std::string> pieces;
  for (const int64_t i : place.index) pieces.push_back(std::to_string(i));
  return pieces.empty() ? "" : text(" at ", join(pieces, ","));
}

// The range of the inputs, in words, for whoever wonders why; of a pointwise op also their value at that very place.
std::string ranges_of(const Node& node, const std::vector<const Tensor*>& in, const Place& place) {
  std::vector<std::string> pieces;
  for (size_t i = 0; i < in.size(); ++i) {
    if (!is_float(in[i]->dtype()) || in[i]->elements() == 0) continue;
    double low = in[i]->at(0), high = low;
    for (int64_t k = 1; k < in[i]->elements(); ++k) {
      low = std::min(low, in[i]->at(k));
      high = std::max(high, in[i]->at(k));
    }
    const bool beside = node.op->is(pointwise) && low != high && in[i]->shape() == node.out[0].shape;
    const bool named = i < node.op->args.size() && std::string_view(node.op->args[i]) != "...";
    pieces.push_back(
        text(named ? node.op->args[i] : "inputs",
             low == high ? text(" = ", number(low, 4)) : text(" from ", number(low, 4), " to ", number(high, 4)),
             beside ? text(", there ", number(in[i]->at(place.element), 4)) : ""));
  }
  return pieces.empty() ? "" : text(" (", join(pieces, ", "), ")");
}

// The op inside a composed one that is the first to fail; the op itself where it is primitive.
const char* innermost(const Node& node, const std::vector<const Tensor*>& in) {
  if (node.op->plain || !node.op->expand) return node.op->name;
  const Function function = expansion(node, in);
  std::vector<Tensor> values;
  for (const Tensor* tensor : in) values.push_back(*tensor);
  const Interpretation inner = interpret(function, {}, values);
  const NodeId bad = first_nonfinite(function, inner);
  if (bad < 0) return node.op->name;
  std::vector<const Tensor*> inner_in;
  for (const Edge edge : (*function.graph)[bad].in) inner_in.push_back(&inner.at(edge));
  return innermost((*function.graph)[bad], inner_in);
}

} // namespace

Diagnosis diagnose(const Function& function, const States& states, const std::vector<Tensor>& inputs) {
  const Interpretation values = interpret(function, read_states(states, function), inputs);
  const Graph& graph = *function.graph;
  const NodeId bad = first_nonfinite(function, values);
  if (bad < 0) return {};
  const Node& node = graph[bad];
  Place place;
  for (const Tensor& value : values.values[size_t(bad)])
    if (!place.found) place = first_bad(value);
  Diagnosis out{.found = true, .layer = node.name, .op = node.op->name, .in_gradient = node.grad_of >= 0, .node = bad};
  const std::string gave = number(place.value);
  if (node.op == &input_op || node.op == &state_op) {
    out.layer.clear();
    out.text = text("the ", node.op->name, " ", node.name, " holds ", gave, at(place));
    return out;
  }
  std::vector<const Tensor*> in;
  for (const Edge edge : node.in) in.push_back(&values.at(edge));
  const std::string inside = innermost(node, in);
  if (inside != out.op) out.op = text(inside, " of ", out.op);
  out.text = text(out.op, node.name.empty() ? "" : text(" in layer ", node.name),
                  out.in_gradient ? ", in its derivative," : "", " gave ", gave, at(place), ranges_of(node, in, place));
  return out;
}

} // namespace vitro

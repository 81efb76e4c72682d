// A unit of a layer: its weighted sum, term by term, and what the pointwise nodes behind it make of it.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "explain/inner.h"

namespace vitro {
namespace {

bool has_neurons(const Graph& graph, const Node& node) {
  return std::string(node.op->name) == "matmul" && !node.name.empty() && graph[node.in[1].node].op == &state_op &&
         graph.type(node.in[1]).shape.rank() == 2;
}

// The only reader of a node, where it is pointwise and takes nothing else but states and constants.
NodeId next_stage(const Explainer::Inner& in, Edge edge, bool& found) {
  const auto& readers = in.readers[size_t(edge.node)];
  found = false;
  if (readers.size() != 1) return -1;
  const NodeId id = readers[0].first;
  const Node& node = (*in.graph)[id];
  if (!node.op->is(pointwise) || node.out[0].shape != in.graph->type(edge).shape) return -1;
  for (const Edge other : node.in)
    if (other != edge && (*in.graph)[other.node].op != &state_op && (*in.graph)[other.node].op != &constant_op)
      return -1;
  found = true;
  return id;
}

} // namespace

std::vector<std::string> Explainer::neuron_layers() const {
  std::vector<std::string> out;
  for (NodeId id = 0; id < inner_->forward; ++id) {
    const Node& node = (*inner_->graph)[id];
    if (!inner_->values.values[size_t(id)].empty() && has_neurons(*inner_->graph, node) &&
        std::ranges::find(out, node.name) == out.end())
      out.push_back(node.name);
  }
  return out;
}

Neuron Explainer::neuron(const std::string& layer, int64_t unit, int64_t row) {
  Inner& in = *inner_;
  const Graph& graph = *in.graph;
  const auto known = neuron_layers();
  if (std::ranges::find(known, layer) == known.end())
    bad_input("explain", text("no layer with neurons is called \"", layer, "\"", did_you_mean(layer, known)),
              known.empty() ? "this function has no matrix product with a parameter" : "there is " + join(known, ", "));
  NodeId id = 0;
  while (in.values.values[size_t(id)].empty() || !has_neurons(graph, graph[id]) || graph[id].name != layer) ++id;
  const Node& node = graph[id];
  const bool ta = node.attrs.integer("transpose_a"), tb = node.attrs.integer("transpose_b");
  const Shape& shape = node.out[0].shape;
  const int64_t units = shape.back(), rows = shape.elements() / std::max<int64_t>(units, 1);
  if (unit < 0 || unit >= units)
    bad_input("explain", text("layer \"", layer, "\" has ", units, " neurons, there is no ", unit),
              text("they count from 0 to ", units - 1));
  if (row < 0 || row >= rows)
    bad_input("explain", text("layer \"", layer, "\" has ", rows, " rows here, there is no ", row),
              text("they count from 0 to ", rows - 1));

  const Tensor &a = in.values.at(node.in[0]), &b = in.values.at(node.in[1]);
  const int64_t inputs = b.shape()[tb ? 1 : 0], m = shape[shape.rank() - 2];
  Neuron out;
  out.layer = layer;
  out.unit = unit;
  out.units = units;
  const int64_t flat = row * units + unit;
  out.label = in.names->element({id, 0}, flat);
  out.formula =
      text(out.label, " = ", in.words->forward({id, 0}, to_index(coordinates(flat, shape)), in.words->names()));

  struct Found {
    int64_t a, b;
    double product;
  };
  std::vector<Found> found;
  for (int64_t l = 0; l < inputs; ++l) {
    // The product's row, within its batch of matrices [m, inputs].
    const int64_t at_a = row / m * m * inputs + (ta ? l * m + row % m : row % m * inputs + l);
    const int64_t at_b = tb ? unit * inputs + l : l * units + unit;
    found.push_back({at_a, at_b, a.at(at_a) * b.at(at_b)});
    out.sum += found.back().product;
  }
  std::ranges::stable_sort(found,
                           [](const Found& x, const Found& y) { return std::fabs(x.product) > std::fabs(y.product); });
  for (size_t i = 0; i < found.size(); ++i) {
    if (i >= size_t(in.options.terms)) {
      ++out.rest_products;
      out.rest += found[i].product;
      out.zero_products += found[i].product == 0;
      continue;
    }
    const double x = a.at(found[i].a), w = b.at(found[i].b);
    out.products.push_back({.expression = text(in.names->element(node.in[0], found[i].a), " * ",
                                               in.names->element(node.in[1], found[i].b)),
                            .numbers = text(brief(x), " * ", w < 0 ? text("(", brief(w), ")") : brief(w)),
                            .input = x,
                            .weight = w,
                            .product = found[i].product});
  }

  out.output = out.sum;
  Edge edge{id, 0};
  const Voice names = in.words->names();
  const Voice numbers = in.words->numbers([](Edge, int64_t) { return 0.0; });
  for (bool more = true; more;) {
    const NodeId next = next_stage(in, edge, more);
    if (!more) break;
    edge = {next, 0};
    const Index index = to_index(coordinates(flat, shape));
    out.output = in.values.at(edge).at(flat);
    out.stages.push_back(
        {.expression = text(in.names->element(edge, flat), " = ", in.words->forward(edge, index, names)),
         .numbers = in.words->forward(edge, index, numbers),
         .op = graph[next].op->name,
         .value = out.output});
    if (graph[next].op->is(kinked) && out.output == 0 && in.values.at(graph[next].in[0]).at(flat) < 0)
      out.notes.push_back(
          text(in.names->element(edge, flat), " is 0 for this sample: the sum stayed below 0, the unit is silent"));
  }
  return out;
}

} // namespace vitro

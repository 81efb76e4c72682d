// A unit of a layer: its weighted sum, term by term, and what the pointwise nodes behind it make of it. Of a
// convolution it is one place of one map: the window that it looks at, times the kernel.
#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/text.h"
#include "explain/inner.h"
#include "ops/windows.h"

namespace vitro {
namespace {

bool is(const Node& node, const char* name) { return std::string(node.op->name) == name; }

// The state that an edge is, under whatever shape; -1: none.
NodeId state_of(const Graph& graph, Edge edge) {
  while (graph[edge.node].op->is(alias)) edge = graph[edge.node].in[0];
  return graph[edge.node].op == &state_op ? edge.node : -1;
}

bool has_neurons(const Graph& graph, const Node& node) {
  if (node.name.empty()) return false;
  return is(node, "conv2d")
             ? state_of(graph, node.in[1]) >= 0
             : is(node, "matmul") && graph[node.in[1].node].op == &state_op && graph.type(node.in[1]).shape.rank() == 2;
}

// Which nodes move with the inputs; the others are made of states and constants alone.
std::vector<bool> moving(const Graph& graph, NodeId end) {
  std::vector<bool> out(static_cast<size_t>(end));
  for (NodeId id = 0; id < end; ++id)
    out[size_t(id)] = graph[id].op == &input_op ||
                      std::ranges::any_of(graph[id].in, [&](Edge edge) { return bool(out[size_t(edge.node)]); });
  return out;
}

// The only reader of a node, where it keeps the elements in their order and nothing but this node moves with the
// inputs; -1: there is none.
NodeId next_stage(const Explainer::Inner& in, const std::vector<bool>& moves, Edge edge) {
  const auto& readers = in.readers[size_t(edge.node)];
  if (readers.size() != 1 || readers[0].first >= in.forward) return -1;
  const NodeId id = readers[0].first;
  const Node& node = (*in.graph)[id];
  if (node.op->is(alias)) return id;
  if (!node.op->is(pointwise) || node.out[0].shape != in.graph->type(edge).shape) return -1;
  const bool alone =
      std::ranges::none_of(node.in, [&](Edge other) { return other != edge && moves[size_t(other.node)]; });
  return alone ? id : -1;
}

// One product of the sum: elements of the node's two inputs; -1: padding, which is 0.
struct Pair {
  int64_t input, weight;
};

// Those of the element of a matrix product in that row and column.
std::vector<Pair> pairs_of_product(const Graph& graph, const Node& node, int64_t row, int64_t unit) {
  const bool ta = node.attrs.integer("transpose_a"), tb = node.attrs.integer("transpose_b");
  const Shape &b = graph.type(node.in[1]).shape, &y = node.out[0].shape;
  const int64_t inputs = b[tb ? 1 : 0], units = y.back(), m = y[y.rank() - 2];
  std::vector<Pair> out;
  for (int64_t l = 0; l < inputs; ++l) // within its batch of matrices [m, inputs]
    out.push_back({row / m * m * inputs + (ta ? l * m + row % m : row % m * inputs + l),
                   tb ? unit * inputs + l : l * units + unit});
  return out;
}

// Windows over the maps of a convolution's first sample, and the channels that a unit sees.
struct Kernel {
  Windows windows;
  int64_t first, channels; // of the unit's group
  Kernel(const Graph& graph, const Node& node, int64_t unit) {
    const Shape &x = graph.type(node.in[0]).shape, &weight = graph.type(node.in[1]).shape;
    windows = windows_over(node.attrs, x[2], x[3], {weight[2], weight[3]});
    channels = weight[1];
    first = unit / (weight[0] / node.attrs.integer("groups")) * channels;
  }
  // The products of a place, channel by channel, each in the order of the kernel.
  std::vector<Pair> pairs(int64_t unit, int64_t row, int64_t column) const {
    const auto& [rows, columns] = windows;
    std::vector<Pair> out;
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t ky = 0; ky < rows.kernel; ++ky)
        for (int64_t kx = 0; kx < columns.kernel; ++kx) {
          const int64_t y = rows.place(row, ky), x = columns.place(column, kx);
          const bool on_map = y >= 0 && x >= 0 && y < rows.extent && x < columns.extent;
          out.push_back({on_map ? ((first + c) * rows.extent + y) * columns.extent + x : -1,
                         ((unit * channels + c) * rows.kernel + ky) * columns.kernel + kx});
        }
    return out;
  }
};

void expect(const std::string& layer, const char* what, int64_t given, int64_t count) {
  if (given < 0 || given >= count)
    bad_input("explain",
              text("layer \"", layer, "\" has ", count, " ", what, count == 1 ? "" : "s", ", there is no ", given),
              text("they count from 0 to ", count - 1));
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

Neuron Explainer::neuron(const std::string& layer, int64_t unit, const std::vector<int64_t>& place) {
  Inner& in = *inner_;
  const Graph& graph = *in.graph;
  const auto known = neuron_layers();
  if (std::ranges::find(known, layer) == known.end())
    bad_input("explain", text("no layer with neurons is called \"", layer, "\"", did_you_mean(layer, known)),
              known.empty() ? "this function has neither a matrix product nor a convolution with a parameter"
                            : "there is " + join(known, ", "));
  NodeId id = 0;
  while (in.values.values[size_t(id)].empty() || !has_neurons(graph, graph[id]) || graph[id].name != layer) ++id;
  const Node& node = graph[id];
  const bool convolves = is(node, "conv2d");
  const Shape& shape = node.out[0].shape;
  const Tensor &x = in.values.at(node.in[0]), &w = in.values.at(node.in[1]), &y = in.values.at({id, 0});
  Neuron out;
  out.layer = layer;
  out.unit = unit;
  out.units = convolves ? shape[1] : shape.back();
  expect(layer, convolves ? "map" : "neuron", unit, out.units);

  int64_t flat = 0;
  std::vector<Pair> pairs;
  if (convolves) {
    const int64_t rows = shape[2], columns = shape[3], first = unit * rows * columns;
    out.places = {rows, columns};
    if (place.empty()) {
      for (int64_t i = 1; i < rows * columns; ++i)
        if (y.at(first + i) > y.at(first + flat)) flat = i;
      out.place = {flat / columns, flat % columns};
    } else {
      if (place.size() != 2)
        bad_input("explain", text("the place on a map of layer \"", layer, "\" has ", place.size(), " numbers"),
                  text("it is a row and a column of ", rows, " x ", columns));
      expect(layer, "row", place[0], rows);
      expect(layer, "column", place[1], columns);
      out.place = place;
    }
    flat = first + out.place[0] * columns + out.place[1];
    const Kernel kernel(graph, node, unit);
    pairs = kernel.pairs(unit, out.place[0], out.place[1]);

    const auto size = pairs.size() / size_t(kernel.channels);
    Neuron::Window& window = out.window.emplace();
    for (int64_t c = 0; c < kernel.channels; ++c) {
      double sum = 0;
      for (size_t i = 0; i < size; ++i)
        if (const Pair& pair = pairs[size_t(c) * size + i]; pair.input >= 0)
          sum += x.at(pair.input) * w.at(pair.weight);
      if (c > 0 && std::fabs(sum) <= std::fabs(window.sum)) continue;
      window.channel = kernel.first + c;
      window.sum = sum;
    }
    const auto& [down, across] = kernel.windows;
    window.channels = kernel.channels;
    window.top = down.place(out.place[0], 0);
    window.left = across.place(out.place[1], 0);
    window.rows = down.kernel;
    window.columns = across.kernel;
    window.down = down.dilation;
    window.across = across.dilation;
    for (size_t i = 0; i < size; ++i) {
      const Pair& pair = pairs[size_t(window.channel - kernel.first) * size + i];
      window.inputs.push_back(pair.input < 0 ? 0 : x.at(pair.input));
      window.weights.push_back(w.at(pair.weight));
    }
  } else {
    const int64_t rows = shape.elements() / std::max<int64_t>(out.units, 1);
    if (place.size() > 1)
      bad_input("explain", text("a neuron of layer \"", layer, "\" has no place on a map"),
                "a row and a column are for convolutions");
    const int64_t row = place.empty() ? 0 : place[0];
    expect(layer, "row", row, rows);
    flat = row * out.units + unit;
    pairs = pairs_of_product(graph, node, row, unit);
  }

  // What only moves a state is called as the state is.
  Voice names = in.words->names();
  names.value = [&in, &graph, by_name = names.value, plain = names](Edge edge, const Index& index) {
    const bool moved = graph[edge.node].op->is(alias) && state_of(graph, edge) >= 0;
    return moved ? in.words->forward(edge, index, plain) : by_name(edge, index);
  };
  const auto named = [&](Edge edge, int64_t element) {
    return names.value(edge, to_index(coordinates(element, graph.type(edge).shape)));
  };
  out.label = in.names->element({id, 0}, flat);
  out.formula = text(out.label, " = ", in.words->forward({id, 0}, to_index(coordinates(flat, shape)), names));

  const int64_t padding = std::ranges::count(pairs, -1, &Pair::input);
  std::erase_if(pairs, [](const Pair& pair) { return pair.input < 0; });
  const auto product = [&](const Pair& pair) { return x.at(pair.input) * w.at(pair.weight); };
  for (const Pair& pair : pairs) out.sum += product(pair);
  std::ranges::stable_sort(pairs, std::ranges::greater(), [&](const Pair& pair) { return std::fabs(product(pair)); });
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i >= size_t(in.options.terms)) {
      ++out.rest_products;
      out.rest += product(pairs[i]);
      out.zero_products += product(pairs[i]) == 0;
      continue;
    }
    const double input = x.at(pairs[i].input), weight = w.at(pairs[i].weight);
    out.products.push_back(
        {.expression = text(named(node.in[0], pairs[i].input), " * ", named(node.in[1], pairs[i].weight)),
         .numbers = text(brief(input), " * ", weight < 0 ? text("(", brief(weight), ")") : brief(weight)),
         .input = input,
         .weight = weight,
         .product = product(pairs[i])});
  }
  if (padding > 0)
    out.notes.push_back(text(padding, padding == 1 ? " weight meets" : " weights meet",
                             " the padding around the map, which is 0 and adds nothing"));

  out.output = out.sum;
  Edge edge{id, 0};
  const Voice numbers = in.words->numbers([](Edge, int64_t) { return 0.0; });
  const std::vector<bool> moves = moving(graph, in.forward);
  for (NodeId next = next_stage(in, moves, edge); next >= 0; next = next_stage(in, moves, edge)) {
    edge = {next, 0};
    if (graph[next].op->is(alias)) continue; // the same elements in the same order
    const Index index = to_index(coordinates(flat, graph.type(edge).shape));
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

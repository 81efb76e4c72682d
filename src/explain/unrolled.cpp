#include "explain/unrolled.h"

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/text.h"
#include "explain/double.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

// Where a recurrence and its derivative keep what is read here, by output.
struct Cell {
  const Op *op, *gradient;
  int32_t activated;   // of op: [batch, time, gates * units]
  int32_t state, cell; // of gradient: what arrives at h and c of each step, [batch, time, units]; -1: none
  std::vector<const char*> gates;
};
const std::vector<Cell>& cells() {
  static const std::vector<Cell> all{{&lstm_op, &lstm_gradient_op, 4, 3, 4, {"input", "forget", "cell", "output"}},
                                     {&gru_op, &gru_gradient_op, 3, 3, -1, {"reset", "update", "new"}},
                                     {&rnn_op, &rnn_gradient_op, 0, 2, -1, {"state"}}};
  return all;
}
const Cell* cell_of(const Node& node) {
  for (const Cell& cell : cells())
    if (node.op == cell.op) return &cell;
  return nullptr;
}

// The product of the layer's input with its weight: what the gates are made of.
NodeId product_of(const Graph& graph, const Node& recurrence) {
  NodeId at = recurrence.in[0].node;
  while (graph[at].op != &matmul_op) {
    if (graph[at].in.empty()) return -1;
    at = graph[at].in[0].node;
  }
  return at;
}

// Whether its steps come in the reverse order.
bool reads_backwards(const Graph& graph, const Node& recurrence) {
  for (NodeId at = recurrence.in[0].node;;) {
    const Node& node = graph[at];
    if (node.op == &reverse_steps_op) return true;
    if (node.in.empty() || cell_of(node) || (node.op != &matmul_op && node.in.size() > 2)) return false;
    at = node.in[0].node;
  }
}

// Row `t` of values [.., time, width] of a single sample, columns `from` to `to`.
struct Row {
  const Tensor& values;
  int64_t width;
  double norm(int64_t t, int64_t from, int64_t to) const {
    double sum = 0;
    for (int64_t i = from; i < to; ++i) sum += values.at(t * width + i) * values.at(t * width + i);
    return std::sqrt(sum);
  }
  double norm(int64_t t) const { return norm(t, 0, width); }
  double mean(int64_t t, int64_t from, int64_t to) const {
    double sum = 0;
    for (int64_t i = from; i < to; ++i) sum += values.at(t * width + i);
    return sum / double(to - from);
  }
};

} // namespace

double Unrolled::growth() const {
  const double none = std::numeric_limits<double>::quiet_NaN();
  if (steps.size() < 2) return none;
  const double first = backwards ? steps.back().state : steps.front().state,
               last = backwards ? steps.front().state : steps.back().state;
  return first > 0 && last > 0 ? std::pow(first / last, 1 / double(steps.size() - 1)) : none;
}

std::vector<Unrolled> unroll(const Function& given, const States& states, const std::vector<Tensor>& inputs,
                             const std::string& loss) {
  Function function = in_double(given);
  const Graph& graph = *function.graph;
  const Edge of = scalar_output(function, loss);
  const NodeId forward = graph.size();

  // What is asked for: of each recurrence the derivatives by its gates' sums and by what it was fed with.
  struct Asked {
    NodeId node;
    const Cell* cell;
    Edge slopes = {}, input = {};
  };
  std::vector<Asked> asked;
  std::vector<Var> wrt;
  for (NodeId id = 0; id < forward; ++id) {
    const Node& node = graph[id];
    const Cell* cell = cell_of(node);
    if (!cell) continue;
    if (node.out[0].shape[0] != 1)
      bad_input("explain", text("the batch holds ", node.out[0].shape[0], " samples, expected 1"));
    const NodeId product = product_of(graph, node);
    asked.push_back({id, cell});
    wrt.emplace_back(function.graph, node.in[0]);
    wrt.emplace_back(function.graph, product < 0 ? node.in[0] : graph[product].in[0]);
  }
  if (asked.empty()) return {};
  const std::vector<Var> derivatives = gradient(Var(function.graph, of), wrt);
  for (size_t i = 0; i < asked.size(); ++i) {
    asked[i].slopes = derivatives[2 * i].edge();
    asked[i].input = derivatives[2 * i + 1].edge();
  }
  StateValues values;
  for (const Node& node : graph.nodes)
    if (node.op == &state_op) values.emplace(node.name, states.read(node.name));
  const Interpretation found = interpret(function, values, inputs, {.floats = {}, .every_node = true});

  int64_t counting = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (function.inputs[i].name == "lengths") counting = int64_t(inputs[i].at(0));

  std::vector<Unrolled> out;
  for (const Asked& one : asked) {
    const Node& node = graph[one.node];
    const Shape& shape = node.out[0].shape;
    const int64_t time = shape[1], units = shape[2], steps = std::min(time, counting);
    const auto gates = int64_t(one.cell->gates.size());
    Unrolled& layer = out.emplace_back();
    layer.layer = node.name;
    layer.kind = node.op->name;
    layer.backwards = reads_backwards(graph, node);
    layer.gates = one.cell->gates;
    const std::string& weight = graph[node.in[1].node].name; // "lstm1.weight_hh_l0"
    if (const size_t at = weight.find("weight_hh_"); at != std::string::npos) layer.part = weight.substr(at + 10);

    // The recurrence's derivative stands where the loss depends on it.
    NodeId back = -1;
    for (NodeId id = forward; id < graph.size(); ++id)
      if (graph[id].op == one.cell->gradient && graph[id].grad_of == one.node) back = id;
    const Row activated{found.at({one.node, one.cell->activated}), gates * units},
        slopes{found.at(one.slopes), gates * units}, input{found.at(one.input), found.at(one.input).elements() / time};
    layer.steps.resize(size_t(steps));
    for (int64_t t = 0; t < steps; ++t) {
      UnrolledStep& step = layer.steps[size_t(layer.backwards ? steps - 1 - t : t)];
      step.input = input.norm(t);
      for (int64_t g = 0; g < gates; ++g) {
        step.gates.push_back(activated.mean(t, g * units, (g + 1) * units));
        step.slopes.push_back(slopes.norm(t, g * units, (g + 1) * units));
      }
      if (back < 0) continue;
      step.state = Row{found.at({back, one.cell->state}), units}.norm(t);
      if (one.cell->cell >= 0) step.cell = Row{found.at({back, one.cell->cell}), units}.norm(t);
    }
  }
  return out;
}

} // namespace vitro

// One parameter's gradient, node by node.
//
// Tangents are pushed from the weight forward, adjoints were pulled from the loss back. An edge (reader c,
// input f) carries the flow <adjoint of c, push of f's tangent through c>. Every node's own flow must equal
// what its readers carry, and across every cut the flows must add up to the gradient.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/text.h"
#include "explain/double.h"
#include "explain/inner.h"

namespace vitro {
namespace {

constexpr double exact = 1e-9; // what two ways to add up the same double terms may differ by, relative to their size

double dot(const Tensor& a, const Tensor& b) {
  const auto x = a.as<double>(), y = b.as<double>();
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double size_of_dot(const Tensor& a, const Tensor& b) {
  const auto x = a.as<double>(), y = b.as<double>();
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += std::fabs(x[i] * y[i]);
  return sum;
}

bool all_zero(const Tensor& tensor) {
  return std::ranges::all_of(tensor.as<double>(), [](double x) { return x == 0; });
}

// The walk of one parameter.
class Walk {
public:
  Walk(Explainer::Inner& inner, const ElementAddress& address, NodeId start);
  Explanation explain();
  void explain_gradient(Explanation& out);

private:
  void push_forward();
  void reach_by_template(NodeId reader, size_t input, int32_t output, const Tensor& from, Tensor& mask);
  Step step(Edge edge);
  StepElement element(Edge edge, int64_t flat);
  void explain_words(Edge edge, Step& step);
  bool moves(Edge edge) const { return !tangent_[size_t(edge.node)].empty() && in_.carries(edge); }
  const Tensor& tangent(Edge edge) const { return tangent_[size_t(edge.node)][size_t(edge.output)]; }
  const Tensor& reach(Edge edge) const { return reach_[size_t(edge.node)][size_t(edge.output)]; }
  const Tensor& adjoint(Edge edge) const { return in_.adjoint[size_t(edge.node)][size_t(edge.output)]; }
  std::string label(Edge edge, int64_t flat) const { return in_.names->element(edge, flat); }

  Explainer::Inner& in_;
  const ElementAddress& address_;
  NodeId start_;
  ByEdge tangent_;                                                  // d element / d weight
  ByEdge reach_;                                                    // not 0 where the weight reaches, were no unit dead
  std::vector<std::pair<std::pair<NodeId, NodeId>, double>> flows_; // ((from, reader), flow)
  std::vector<double> arriving_; // by node: the flow on its readers' edges, of all outputs
  double scale_ = 0;             // the largest sum of |adjoint * tangent| at a node: what rounding is relative to
};

Walk::Walk(Explainer::Inner& inner, const ElementAddress& address, NodeId start)
    : in_(inner), address_(address), start_(start), tangent_(size_t(inner.forward)), reach_(size_t(inner.forward)),
      arriving_(size_t(inner.forward)) {
  Tensor one(in_.graph->type({start, 0}));
  one.set(address.element, 1);
  tangent_[size_t(start)] = {one};
  reach_[size_t(start)] = {one};
  push_forward();
}

// Where every factor is 0 (an input of zeros), the templates still know which elements the weight would reach.
void Walk::reach_by_template(NodeId reader, size_t input, int32_t output, const Tensor& from, Tensor& mask) {
  constexpr int most = 64; // enough to show; a layer of zeros reaches nothing more
  int told = 0;
  for (int64_t f = 0; f < from.elements() && told < most; ++f) {
    if (from.at(f) == 0) continue;
    ++told;
    const auto image = in_.words->image(reader, input, output, to_index(coordinates(f, from.shape())));
    if (int(image.at.size()) != mask.shape().rank()) continue;
    const auto fits = [&](int64_t e) {
      const auto at = coordinates(e, mask.shape());
      for (size_t axis = 0; axis < at.size(); ++axis)
        if (std::ranges::find(image.letters, image.at[axis]) == image.letters.end() &&
            image.at[axis] != std::to_string(at[axis]))
          return false;
      return true;
    };
    for (int64_t e = 0; e < mask.elements(); ++e)
      if (fits(e)) mask.set(e, 1);
  }
}

// A dead unit's tangent is 0, and so is all behind it. What the weight would reach is tracked beside it:
// pointwise ops pass the reach on whatever their slope, others by positive weights no sum of which vanishes.
void Walk::push_forward() {
  const Graph& graph = *in_.graph;
  const auto dependent = depends_on(graph, {start_});
  for (NodeId id = start_ + 1; id <= in_.loss.node; ++id) {
    if (!dependent[size_t(id)] || !in_.to_loss[size_t(id)]) continue;
    const Node& node = graph[id];
    auto &tangents = tangent_[size_t(id)], &reaches = reach_[size_t(id)];
    for (size_t o = 0; o < node.out.size(); ++o) {
      const bool carries = in_.carries({id, int32_t(o)});
      tangents.push_back(carries ? Tensor(node.out[o]) : Tensor());
      reaches.push_back(carries ? Tensor(node.out[o]) : Tensor());
    }
    for (size_t i = 0; i < node.in.size(); ++i) {
      const Edge from = node.in[i];
      if (!moves(from)) continue;
      const auto moved = in_.rules->push(id, i, tangent(from));
      std::vector<Tensor> reached;
      const bool simple = std::ranges::equal(tangent(from).as<double>(), reach(from).as<double>(),
                                             [](double t, double r) { return (t != 0) == (r != 0); });
      if (node.op->is(pointwise)) { // broadcast
        Tensor mask(node.out[0]);
        const Shape& shape = mask.shape();
        const auto stride = broadcast_strides(reach(from).shape(), shape);
        for (int64_t e = 0; e < mask.elements(); ++e) {
          const auto at = coordinates(e, shape);
          int64_t source_element = 0;
          for (int axis = 0; axis < shape.rank(); ++axis) source_element += at[size_t(axis)] * stride[size_t(axis)];
          if (reach(from).at(source_element) != 0) mask.set(e, 1);
        }
        reached = {mask};
      } else if (!simple) {
        Tensor direction = reach(from);
        for (int64_t e = 0; e < direction.elements(); ++e)
          if (direction.at(e) != 0) direction.set(e, 1 + std::fmod(double(e + 1) * 0.6180339887498949, 1.0));
        reached = in_.rules->push(id, i, direction);
      }
      if (!node.op->is(pointwise)) {
        auto& masks = reached.empty() ? (reached = moved) : reached;
        for (size_t o = 0; o < node.out.size(); ++o)
          if (in_.carries({id, int32_t(o)}) && all_zero(masks[o]))
            reach_by_template(id, i, int32_t(o), reach(from), masks[o]);
      }
      double flow = 0;
      for (size_t o = 0; o < node.out.size(); ++o) {
        const Edge to{id, int32_t(o)};
        if (!in_.carries(to)) continue;
        flow += dot(adjoint(to), moved[o]);
        scale_ = std::max(scale_, size_of_dot(adjoint(to), moved[o]));
        const auto sum = tangents[o].as<double>(), mask = reaches[o].as<double>();
        const auto term = moved[o].as<double>(), more = (reached.empty() ? moved : reached)[o].as<double>();
        for (size_t e = 0; e < sum.size(); ++e) {
          sum[e] += term[e];
          if (more[e] != 0) mask[e] = 1;
        }
      }
      flows_.push_back({{from.node, id}, flow});
      arriving_[size_t(from.node)] += flow;
    }
  }
}

StepElement Walk::element(Edge edge, int64_t flat) {
  const Node& node = (*in_.graph)[edge.node];
  const Shape& shape = node.out[size_t(edge.output)].shape;
  const Index index = to_index(coordinates(flat, shape));
  const Voice names = in_.words->names();
  const Voice numbers = in_.words->numbers([this](Edge of, int64_t e) { return in_.adjoint_at(of, e); });
  StepElement out;
  out.label = label(edge, flat);
  out.index = coordinates(flat, shape);
  out.value = in_.values.at(edge).at(flat);
  out.adjoint = adjoint(edge).at(flat);
  out.tangent = tangent(edge).at(flat);
  out.product = out.adjoint * out.tangent;
  if (!node.op->is(source)) {
    out.computed = in_.words->forward(edge, index, names);
    const std::string by_numbers = in_.words->forward(edge, index, numbers);
    if (!by_numbers.empty() && by_numbers != out.computed && by_numbers != brief(out.value))
      out.computed += " = " + by_numbers;
  }

  // The terms of its adjoint: every element of every reader that moves with this one.
  struct Found {
    NodeId reader;
    size_t input;
    int32_t output;
    int64_t element;
    double adjoint, slope;
    double product() const { return adjoint * slope; }
  };
  std::vector<Found> found;
  Tensor one(in_.graph->type(edge));
  one.set(flat, 1);
  for (const auto& [reader, input] : in_.readers[size_t(edge.node)]) {
    if ((*in_.graph)[reader].in[input] != edge) continue;
    const auto slopes = in_.rules->push(reader, input, one);
    for (size_t o = 0; o < slopes.size(); ++o) {
      const Edge to{reader, int32_t(o)};
      if (!in_.carries(to)) continue;
      const auto values = slopes[o].as<double>();
      for (size_t e = 0; e < values.size(); ++e)
        if (values[e] != 0)
          found.push_back({reader, input, int32_t(o), int64_t(e), in_.adjoint_at(to, int64_t(e)), values[e]});
    }
  }
  if (found.empty())
    for (const auto& [reader, input] : in_.readers[size_t(edge.node)]) {
      // Nothing moves with it: where a template knows the one element that would, its rule shows the zero.
      const auto image = in_.words->image(reader, input, 0, index);
      const Edge to{reader, 0};
      if ((*in_.graph)[reader].in[input] != edge || !in_.carries(to) || !in_.rules->passes(reader, input)) continue;
      const Shape& shape_of_reader = in_.graph->type(to).shape;
      if (!image.letters.empty() || int(image.at.size()) != shape_of_reader.rank()) continue;
      const int64_t e = flat_element(image.at, shape_of_reader);
      found.push_back({reader, input, 0, e, in_.adjoint_at(to, e), 0});
    }
  std::ranges::stable_sort(
      found, [](const Found& a, const Found& b) { return std::fabs(a.product()) > std::fabs(b.product()); });
  for (size_t i = 0; i < found.size(); ++i) {
    const Found& term = found[i];
    out.sum += term.product();
    if (i >= size_t(in_.options.terms)) {
      ++out.rest_terms;
      out.rest += term.product();
      continue;
    }
    const Edge to{term.reader, term.output};
    const Index e = to_index(coordinates(term.element, in_.graph->type(to).shape));
    out.terms.push_back(
        {.through = label(to, term.element),
         .expression = in_.words->chain(term.reader, term.input, term.output, e, index, names, term.slope),
         .numbers = in_.words->chain(term.reader, term.input, term.output, e, index, numbers, term.slope),
         .adjoint = term.adjoint,
         .slope = term.slope,
         .product = term.product()});
  }
  return out;
}

Step Walk::step(Edge edge) {
  const Node& node = (*in_.graph)[edge.node];
  Step out;
  out.node = edge.node;
  out.output = edge.output;
  out.name = in_.names->of(edge);
  out.op = node.op->name;
  out.layer = node.op->is(source) ? "" : node.name;
  out.formula = node.op->is(source) ? out.name : in_.words->formula(edge);
  out.shape = node.out[size_t(edge.output)].shape;
  for (const auto& [reader, input] : in_.readers[size_t(edge.node)])
    if ((*in_.graph)[reader].in[input] == edge) out.rules.push_back(in_.words->rule(reader, input));

  std::vector<int64_t> reached;
  for (int64_t e = 0; e < tangent(edge).elements(); ++e)
    if (reach(edge).at(e) != 0 || tangent(edge).at(e) != 0) reached.push_back(e);
  out.reached = int64_t(reached.size());
  const auto product = [&](int64_t e) { return std::fabs(adjoint(edge).at(e) * tangent(edge).at(e)); };
  std::ranges::stable_sort(reached, [&](int64_t a, int64_t b) {
    return product(a) != product(b) ? product(a) > product(b)
                                    : std::fabs(adjoint(edge).at(a)) > std::fabs(adjoint(edge).at(b));
  });
  const bool is_loss = edge == in_.loss;
  for (size_t i = 0; i < reached.size(); ++i) {
    const double flow = adjoint(edge).at(reached[i]) * tangent(edge).at(reached[i]);
    out.flow += flow;
    if (i < size_t(in_.options.terms)) {
      out.elements.push_back(element(edge, reached[i]));
    } else {
      ++out.rest_elements;
      out.rest += flow;
    }
  }
  out.arriving = is_loss ? out.flow : arriving_[size_t(edge.node)];
  if (node.out.size() == 1) out.adds_up = std::fabs(out.flow - out.arriving) <= exact * scale_;
  for (const StepElement& element : out.elements) {
    if (is_loss) continue; // its adjoint is 1 by definition
    double size = std::fabs(element.rest);
    for (const Term& term : element.terms) size += std::fabs(term.product);
    out.adds_up =
        out.adds_up && std::fabs(element.sum - element.adjoint) <= exact * std::max(size, std::fabs(element.adjoint));
  }
  explain_words(edge, out);
  return out;
}

// What a node's own slopes do to what passes it, where that deserves a sentence.
void Walk::explain_words(Edge edge, Step& step) {
  const Node& node = (*in_.graph)[edge.node];
  if (node.op->is(constant_slope)) {
    step.notes.push_back(
        text(node.op->name, " is flat wherever it is defined: its slope is 0, so nothing descends through it"));
    return;
  }
  if (!node.op->is(pointwise) || node.in.size() != 1 || !moves(node.in[0])) return;
  int64_t dead = 0, flat = 0;
  const Tensor ones = Tensor::full(node.out[0], 1);
  const Tensor slope = in_.rules->push(edge.node, 0, ones)[0];
  std::string example;
  double least = 1;
  for (int64_t e = 0; e < slope.elements(); ++e) {
    if (reach(edge).at(e) == 0) continue;
    const double s = slope.at(e), x = in_.values.at(node.in[0]).at(e);
    const std::string input = text(label(node.in[0], e), " = ", brief(x));
    if (node.op->is(kinked) && s == 0) {
      if (dead++ == 0) example = text(input, x < 0 ? " < 0" : "", ": ", node.op->name, " passes nothing back");
    } else if (!node.op->is(kinked) && std::fabs(s) < 0.01) {
      if (flat++ == 0 || std::fabs(s) < least) {
        least = std::fabs(s);
        example = text(input, ": ", node.op->name, " is nearly flat there (saturated), slope ", number(s, 3));
      }
    }
  }
  if (dead + flat == 0) return;
  if (dead + flat > 1)
    example += text("; so ", dead ? "do " : "are ", dead + flat - 1, " more of the ", step.reached,
                    " units that the weight reaches");
  step.notes.push_back(example);
}

// Why the gradient is zero, or where it vanishes.
void Walk::explain_gradient(Explanation& out) {
  const double total = out.gradient;
  if (total == 0) {
    // Each place where something arrives at the readers and nothing is handed on.
    const auto silent = [](const Step& step) {
      return std::ranges::all_of(step.elements, [](const StepElement& e) { return e.adjoint == 0; });
    };
    std::vector<std::string> reasons;
    for (const Step& step : out.path) {
      if (!silent(step) || step.elements.empty()) continue;
      const StepElement& element = step.elements.front();
      for (const Step& reader : out.path) {
        const auto& in = (*in_.graph)[reader.node].in;
        if (silent(reader) || std::ranges::find(in, Edge{step.node, step.output}) == in.end()) continue;
        std::string why = reader.notes.empty() ? "" : reader.notes.front();
        if (why.empty() && element.terms.size() == 1 && element.terms[0].slope == 0)
          why = text("dL/d", element.label, " = ", element.terms[0].expression, " = ", element.terms[0].numbers,
                     ", a factor is 0");
        if (why.empty())
          why = element.terms.empty() ? text(reader.op, " does not move with ", element.label)
                                      : text("the terms of dL/d", element.label, " cancel");
        if (std::ranges::find(reasons, why) == reasons.end()) reasons.push_back(why);
      }
    }
    if (reasons.empty()) reasons.push_back("what flows along different ways cancels");
    if (reasons.size() > 3) reasons.resize(3);
    out.notes.push_back(text("The gradient is exactly 0: ", join(reasons, "; "), "."));
    return;
  }
  if (std::fabs(total) >= 1e-6) return;
  // Where the adjoint (over what the weight reaches) shrinks most from one step to the next.
  double before = 0, most = 1;
  const Step *from = nullptr, *at = nullptr, *last = nullptr;
  for (const Step& step : out.path) {
    double size = 0;
    for (const StepElement& element : step.elements) size = std::max(size, std::fabs(element.adjoint));
    if (last && before > 0 && size > 0 && size / before < most) {
      most = size / before;
      from = last;
      at = &step;
    }
    before = size;
    last = &step;
  }
  if (!at) return;
  std::string why;
  for (const std::string& note : from->notes) why = text(" (", note, ")");
  out.notes.push_back(text("The gradient is tiny. It shrinks most from ", from->name, " to ", at->name, ": to ",
                           number(most, 2), " of what it was", why, "."));
}

Explanation Walk::explain() {
  Explanation out;
  const Edge weight{start_, 0};
  out.value = in_.values.at(weight).at(address_.element);
  out.loss = in_.values.at(in_.loss).at(0);
  out.back_propagated = in_.values.at(in_.gradients.at(address_.state)).at(address_.element);
  out.forward = moves(in_.loss) ? tangent(in_.loss).at(0) : 0;
  for (NodeId id = in_.loss.node; id >= start_; --id)
    for (int32_t o = 0; o < int32_t((*in_.graph)[id].out.size()); ++o)
      if (moves({id, o})) out.path.push_back(step({id, o}));
  if (!out.path.empty() && !out.path.back().elements.empty()) out.gradient = out.path.back().elements.front().sum;
  if (weight == in_.loss) out.gradient = 1;

  // Cuts: after each node, the flows on the edges that cross.
  std::vector<double> cut(size_t(in_.forward) + 1);
  for (const auto& [ends, flow] : flows_) {
    cut[size_t(ends.first)] += flow;
    cut[size_t(ends.second)] -= flow;
  }
  double crossing = 0;
  for (NodeId id = start_; id < in_.loss.node; ++id) {
    crossing += cut[size_t(id)];
    if (scale_ > 0) out.worst_cut = std::max(out.worst_cut, std::fabs(crossing - out.gradient) / scale_);
  }
  out.adds_up = out.worst_cut <= exact && std::ranges::all_of(out.path, [](const Step& step) { return step.adds_up; });
  return out;
}

} // namespace

Explanation Explainer::parameter(const ElementAddress& address) {
  Inner& in = *inner_;
  const Shape shape = in.check(address);
  const NodeId start = in.node_of(address.state);
  Explanation out;
  if (start < 0) {
    out.loss = loss();
    out.value = std::numeric_limits<double>::quiet_NaN(); // this function does not read it
    out.agrees = out.adds_up = true;
    out.notes.push_back(text("The gradient is exactly 0: no path leads from ", address.state, " to the loss."));
  } else {
    Walk walk(in, address, start);
    out = walk.explain();
    out.difference = finite_difference(address);
    if (out.difference.on_kink) {
      out.relative_error = relative_error(out.gradient, out.back_propagated);
      out.notes.push_back(text("The loss has a kink at this very value (", out.difference.kink, "): its slope is ",
                               brief(out.difference.left), " to the left and ", brief(out.difference.right),
                               " to the right. There is no finite difference to compare with."));
    } else {
      out.relative_error = std::max(relative_error(out.gradient, out.difference.value),
                                    relative_error(out.back_propagated, out.difference.value));
    }
    out.agrees = out.relative_error <= 1e-5;
    walk.explain_gradient(out);
  }
  out.parameter = to_text(address, shape);
  return out;
}

} // namespace vitro

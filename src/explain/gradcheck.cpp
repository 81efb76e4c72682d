#include "explain/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

std::string index_text(const Shape& shape, int64_t element) {
  std::vector<std::string> pieces(size_t(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    pieces[size_t(axis)] = std::to_string(element % shape[axis]);
    element /= shape[axis];
  }
  return join(pieces, ",");
}

void record(GradcheckResult& result, const std::string& where, double by_rule, const Difference& difference) {
  ++result.checked;
  const double error = relative_error(by_rule, difference.value);
  if (error > gradcheck_tolerance && difference.kink) {
    ++result.kinks;
    return;
  }
  if (!(error <= result.worst_relative_error)) {
    result.worst_relative_error = error;
    result.worst = where;
  }
  if (!(error <= gradcheck_tolerance)) {
    ++result.failed;
    result.failures.push_back(text(where, ": ", number(by_rule, 9), " by the chain rule, ", number(difference.value, 9), " by difference"));
  }
}

constexpr InterpretOptions in_double{.floats = DType::f64};

// A function of named states, one output "y" that is a scalar: checks all or some of their elements.
GradcheckResult check(const Function& function, StateValues values, const std::vector<Tensor>& inputs, const std::vector<std::string>& wrt,
                      const std::string& output, int64_t count, uint64_t seed) {
  GradcheckResult result;
  // The derivatives are appended to a copy: the caller's graph stays as it is.
  Function with_gradients = function;
  with_gradients.graph = std::make_shared<Graph>(*function.graph);
  const Var loss(with_gradients.graph, function.outputs[function.output(output)].edge);
  if (loss.shape().elements() != 1) bad_input("gradcheck", text("\"", output, "\" is ", loss.type(), ", expected one element"));
  std::vector<Var> states;
  std::vector<std::string> read;
  for (const auto& name : wrt)
    for (NodeId id = 0; id < function.graph->size(); ++id)
      if (const Node& node = (*function.graph)[id]; node.op == &state_op && node.name == name) {
        states.emplace_back(with_gradients.graph, Edge{id, 0});
        read.push_back(name);
      }
  with_gradients.outputs = {};
  with_gradients.updates = {};
  const auto gradients = gradient(loss, states);
  for (size_t i = 0; i < gradients.size(); ++i) with_gradients.outputs.push_back({read[i], gradients[i].edge()});
  for (auto& [name, value] : values)
    if (is_float(value.dtype())) value = value.to(DType::f64);
  const Interpretation by_rule = interpret(with_gradients, values, inputs, in_double);

  Function plain = function;
  plain.outputs = {function.outputs[function.output(output)]};
  plain.updates = {};
  struct Element { size_t state; int64_t element; };
  std::vector<Element> elements;
  for (size_t i = 0; i < read.size(); ++i)
    for (int64_t e = 0; e < values.at(read[i]).elements(); ++e) elements.push_back({i, e});
  if (count > 0 && count < int64_t(elements.size())) {
    const auto order = permutation(Stream(seed, "gradcheck"), int64_t(elements.size()));
    std::vector<Element> chosen;
    for (int64_t i = 0; i < count; ++i) chosen.push_back(elements[size_t(order[size_t(i)])]);
    elements = chosen;
  }
  for (const Element& at : elements) {
    Tensor& value = values.at(read[at.state]);
    const double centre = value.at(at.element);
    const auto moved = [&](double by) {
      value.set(at.element, centre + by);
      const double y = interpret(plain, values, inputs, in_double).at(plain.outputs[0].edge).at(0);
      value.set(at.element, centre);
      return y;
    };
    record(result, text(read[at.state], ":", index_text(value.shape(), at.element)), by_rule.at(gradients[at.state].edge()).at(at.element),
           central_difference(moved, std::max(1.0, std::fabs(centre))));
  }
  return result;
}

// Fixed weights, so that every element of an output counts and none cancels.
Tensor projection(const Type& type, const char* name) {
  const Stream stream(0, name);
  Tensor out(Type{DType::f64, type.shape});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, 0.5 + stream.uniform(0, uint64_t(i)));
  return out;
}

Var projected(const Var& y, const char* name) {
  return sum(y * constant(y.graph(), projection(y.type(), name).to(y.dtype())));
}

} // namespace

double relative_error(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::infinity();
  return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-8});
}

Difference central_difference(const std::function<double(double)>& f, double scale) {
  // Truncation wants small steps, rounding large ones; the pair that agrees best has balanced them.
  constexpr double steps[] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  Difference best{0, true};
  double least = std::numeric_limits<double>::infinity();
  for (const double step : steps) {
    const double h = step * scale;
    const double whole = (f(h) - f(-h)) / (2 * h), half = (f(h / 2) - f(-h / 2)) / h;
    const double disagreement = std::fabs(whole - half) / std::max({std::fabs(whole), std::fabs(half), 1e-8});
    if (!(disagreement < least)) continue;
    least = disagreement;
    best = {(4 * half - whole) / 3, disagreement > 1e-3};
    if (disagreement < 1e-9) break;
  }
  if (best.kink) return best;
  // A kink at the centre itself: both sides are smooth, and differ.
  const double h = 1e-6 * scale, centre = f(0), right = (f(h) - centre) / h, left = (centre - f(-h)) / h;
  const double jump = std::fabs(right - left) / std::max({std::fabs(right), std::fabs(left), 1e-8});
  best.kink = jump > 1e-2 && std::fabs(right - left) * h > 1e3 * std::numeric_limits<double>::epsilon() * std::fabs(centre);
  return best;
}

GradcheckResult gradcheck(const Function& function, const States& states, const std::vector<Tensor>& inputs, const std::string& output, int64_t count,
                          uint64_t seed) {
  return check(function, read_states(states), inputs, states.names(true), output, count, seed);
}

OpGradcheck gradcheck_op(const Op& op) {
  OpGradcheck result{&op, !op.is(constant_slope), {}, {}};
  if (!result.differentiable) return result;
  const auto merge = [](GradcheckResult& into, GradcheckResult from, const std::string& where) {
    into.checked += from.checked;
    into.failed += from.failed;
    into.kinks += from.kinks;
    if (from.worst_relative_error > into.worst_relative_error) {
      into.worst_relative_error = from.worst_relative_error;
      into.worst = text(where, " ", from.worst);
    }
    for (const auto& failure : from.failures) into.failures.push_back(text(where, " ", failure));
  };
  for (size_t example = 0; example < op.examples.size(); ++example) {
    const auto trace_example = [&](bool second) {
      States states;
      std::vector<std::string> wrt;
      for (size_t i = 0; i < op.examples[example].in.size(); ++i) {
        const Tensor& in = op.examples[example].in[i];
        const std::string name = i < op.args.size() && std::string(op.args[i]) != "..." ? op.args[i] : text("x", i);
        states.add(name, in);
        if (is_float(in.dtype())) wrt.push_back(name);
      }
      Trace trace(states);
      std::vector<In> in;
      std::vector<Var> floats;
      for (const auto& name : states.names()) {
        in.emplace_back(trace.state(name));
        if (is_float(in.back().var.dtype())) floats.push_back(in.back().var);
      }
      Var y;
      for (const Var& out : apply_all(op, in, op.examples[example].attrs)) y = y ? y + projected(out, "second output") : projected(out, "output");
      if (second) {
        const auto slopes = gradient(y, floats);
        y = {};
        for (const Var& slope : slopes) y = y ? y + projected(slope, "slope") : projected(slope, "slope");
      }
      trace.output("y", y);
      const Function function = trace.finish();
      return check(function, read_states(states), {}, wrt, "y", 0, 0);
    };
    merge(result.first, trace_example(false), text("example ", example));
    merge(result.second, trace_example(true), text("example ", example));
  }
  return result;
}

std::vector<OpGradcheck> gradcheck_ops() {
  std::vector<OpGradcheck> out;
  for (const Op* op : catalogue()) out.push_back(gradcheck_op(*op));
  return out;
}

} // namespace vitro

#include "explain/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "explain/inner.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

constexpr size_t most_failures = 20;

void judge(GradcheckResult& result, double tolerance, const std::string& where, double back_propagated,
           const Difference& difference) {
  if (difference.on_kink) {
    ++result.non_differentiable;
    return;
  }
  ++result.checked;
  result.kinks_met += !difference.kink.empty();
  double error = relative_error(back_propagated, difference.value);
  if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  if (result.worst.empty() || error > result.worst_relative_error) {
    result.worst_relative_error = error;
    result.worst = where;
    result.worst_back_propagated = back_propagated;
    result.worst_difference = difference.value;
  }
  if (error <= tolerance) return;
  ++result.failed;
  if (result.failures.size() < most_failures)
    result.failures.push_back(text(where, ": back-propagated ", number(back_propagated, 10), ", finite difference ",
                                   number(difference.value, 10), " (uncertain by ", number(difference.uncertainty, 2),
                                   "), relative error ", number(error, 3)));
}

// Trainable states that the loss depends on, as a States of their own for the drawing of addresses.
std::vector<ElementAddress> chosen(const Explainer::Inner& in, const GradcheckOptions& options) {
  int64_t all = 0;
  for (const auto& name : in.trainable) all += in.all_states.at(name).shape.elements();
  std::vector<ElementAddress> out;
  const bool every = options.elements == 0 || options.elements >= all;
  const Stream stream(options.seed, "gradcheck");
  // Selection sampling: each element in turn, with the chance that leaves every subset equally likely.
  int64_t left = all, wanted = every ? all : options.elements;
  for (const auto& name : in.trainable)
    for (int64_t e = 0; e < in.all_states.at(name).shape.elements(); ++e, --left) {
      if (!every && int64_t(stream.below(uint64_t(left), 0, uint64_t(left))) >= wanted) continue;
      out.push_back({name, e});
      --wanted;
    }
  return out;
}

} // namespace

GradcheckResult gradcheck(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                          GradcheckOptions options) {
  if (options.elements < -1 || options.directions < 0)
    bad_input("gradcheck", text(options.elements, " elements and ", options.directions, " directions"),
              "ask for 0 (all) or more elements");
  ExplainOptions explain_options;
  explain_options.loss = options.loss;
  Explainer explainer(function, states, inputs, explain_options);
  auto& in = *explainer.inner();
  GradcheckResult result;
  if (options.elements >= 0)
    for (const ElementAddress& address : chosen(in, options)) {
      const Difference difference = explainer.finite_difference(address);
      judge(result, options.tolerance, to_text(address, in.all_states.at(address.state).shape),
            in.values.at(in.gradients.at(address.state)).at(address.element), difference);
    }
  const Stream stream(options.seed, "gradcheck direction");
  for (int64_t d = 0; d < options.directions && !in.trainable.empty(); ++d) {
    std::map<NodeId, Tensor> directions;
    double length = 0, back_propagated = 0;
    uint64_t draw = 0;
    for (const auto& name : in.trainable) {
      Tensor direction(Type{DType::f64, in.all_states.at(name).shape});
      for (double& x : direction.as<double>()) {
        x = stream.normal(uint64_t(d), draw++);
        length += x * x;
      }
      directions.emplace(in.states.at(name), std::move(direction));
    }
    for (auto& [node, direction] : directions) {
      const Tensor& gradient = in.values.at(in.gradients.at((*in.graph)[node].name));
      for (int64_t e = 0; e < direction.elements(); ++e) {
        direction.set(e, direction.at(e) / std::sqrt(length));
        back_propagated += direction.at(e) * gradient.at(e);
      }
    }
    in.line->move(directions);
    judge(result, options.tolerance, text("direction ", d), back_propagated, in.line->derivative(1));
  }
  return result;
}

namespace {

// An example of an op as a function: float inputs are trainable states, the loss a random weighing of all
// float outputs; `order` 2: the same of the derivative with respect to each input.
struct Case {
  States states;
  Function function;
  std::vector<Tensor> inputs;
};

Var weighed(const Var& y, const Stream& stream, uint64_t which) {
  Tensor weights(y.type());
  for (int64_t i = 0; i < weights.elements(); ++i) weights.set(i, stream.uniform(which, uint64_t(i), 0.5, 1.5));
  return sum(y * constant(y.graph(), weights));
}

void trace_case(Case& out, const Op& op, const Example& example, int order) {
  const auto name_of = [&](size_t i) {
    const size_t named = op.args.size() - (std::string(op.args.back()) == "...");
    return i < named ? std::string(op.args[i]) : text(op.args[0], i);
  };
  for (size_t i = 0; i < example.in.size(); ++i)
    if (is_float(example.in[i].dtype())) out.states.add(name_of(i), example.in[i].to(DType::f64), true);
  Trace trace(out.states);
  std::vector<Var> in, wrt;
  for (size_t i = 0; i < example.in.size(); ++i) {
    if (is_float(example.in[i].dtype())) {
      in.push_back(trace.state(name_of(i)));
      wrt.push_back(in.back());
    } else {
      in.push_back(trace.input(name_of(i), example.in[i].type()));
      out.inputs.push_back(example.in[i]);
    }
  }
  const Stream stream(0, text("gradcheck ", op.name));
  const auto outputs = append(trace.graph(), op, in, example.attrs, std::source_location::current());
  Var loss;
  uint64_t which = 0;
  const auto add = [&](const Var& value) {
    if (!is_float(value.dtype())) return;
    const Var term = weighed(value, stream, which++);
    loss = loss ? loss + term : term;
  };
  for (const Var& y : outputs) add(y);
  if (order == 2) {
    const auto derivatives = gradient(loss, wrt);
    loss = Var();
    for (const Var& derivative : derivatives) add(derivative);
  }
  trace.output("loss", loss);
  out.function = trace.finish();
}

void add_up(GradcheckResult& to, const GradcheckResult& from, const std::string& where) {
  to.checked += from.checked;
  to.failed += from.failed;
  to.non_differentiable += from.non_differentiable;
  to.kinks_met += from.kinks_met;
  for (const std::string& failure : from.failures) to.failures.push_back(text(where, failure));
  if (from.checked && (to.worst.empty() || from.worst_relative_error > to.worst_relative_error)) {
    to.worst_relative_error = from.worst_relative_error;
    to.worst = where + from.worst;
    to.worst_back_propagated = from.worst_back_propagated;
    to.worst_difference = from.worst_difference;
  }
}

OpCheck check_op(const Op& op, double tolerance) {
  OpCheck out{.op = op.name, .first = {}, .second = {}};
  for (size_t i = 0; i < op.examples.size(); ++i)
    for (int order = 1; order <= 2; ++order) {
      const std::string where = text("example ", i + 1, ", ");
      auto& result = order == 1 ? out.first : out.second;
      if (op.is(constant_slope)) { // zero wherever it is defined
        for (const Tensor& in : op.examples[i].in)
          if (is_float(in.dtype())) result.non_differentiable += in.elements();
        continue;
      }
      Case one;
      trace_case(one, op, op.examples[i], order);
      GradcheckOptions options;
      options.tolerance = tolerance;
      add_up(result, gradcheck(one.function, one.states, one.inputs, options), where);
    }
  return out;
}

} // namespace

OpCheck gradcheck_op(const std::string& name, double tolerance) {
  if (const Op* op = find_op(name)) return check_op(*op, tolerance);
  std::vector<std::string> known;
  for (const Op* op : catalogue()) known.push_back(op->name);
  bad_input("gradcheck", text("no op \"", name, "\"", did_you_mean(name, known)), "the ops are " + join(known, ", "));
}

OpsCheck gradcheck_ops(double tolerance) {
  OpsCheck out;
  for (const Op* op : catalogue()) {
    out.by_op.push_back(check_op(*op, tolerance));
    ++out.ops;
    for (const auto* result : {&out.by_op.back().first, &out.by_op.back().second}) {
      out.checked += result->checked;
      out.failed += result->failed;
      out.non_differentiable += result->non_differentiable;
      if (result->checked && (out.worst.empty() || result->worst_relative_error > out.worst_relative_error)) {
        out.worst_relative_error = result->worst_relative_error;
        out.worst = text(op->name, result == &out.by_op.back().second ? ", second derivative, " : ", ", result->worst);
      }
    }
  }
  return out;
}

} // namespace vitro

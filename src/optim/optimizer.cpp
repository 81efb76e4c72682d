#include "optim/optimizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/named.h"
#include "core/text.h"
#include "ops/ops.h"
#include "optim/families.h"

namespace vitro {
namespace {

const std::vector<Optimizer>& all() {
  static const std::vector<Optimizer> list = [] {
    std::vector<Optimizer> out = sgd_family();
    for (auto family : {adaptive_family, adam_family})
      for (Optimizer& optimizer : family()) out.push_back(std::move(optimizer));
    return out;
  }();
  return list;
}

void check_numbers(const std::string& where, const Attrs& args) {
  static const std::vector<std::string> fractions{"momentum", "alpha", "rho", "beta1", "beta2"};
  for (const auto& [name, attr] : args.items()) {
    const double* real = std::get_if<double>(&attr);
    const double value = real ? *real : double(std::get<int64_t>(attr));
    const bool fraction = std::ranges::find(fractions, name) != fractions.end();
    if (!real && value != 0 && value != 1) bad_input(where, text(name, " is ", value), "it is 0 or 1");
    if (!(value >= 0) || value > 1e30 || (fraction && value >= 1))
      bad_input(where, text(name, " is ", value),
                fraction ? "give a number from 0 to below 1" : "give a number of at least 0");
  }
}

// Beside each optimiser's own scalars.
constexpr const char* common_scalars[] = {"decay", "l1", "max_norm"};

// A number for each scalar of one group of parameters.
void group_values(const Optimizer& optimizer, const Attrs& args, double lr, int64_t step, double* out) {
  optimizer.values(args, lr, step, out);
  out += optimizer.scalars.size();
  const double decay = args.real("weight_decay");
  const bool shrinks = args.integer("decoupled_decay") && !optimizer.decays_itself;
  out[0] = shrinks ? 1 - lr * decay : decay;
  out[1] = args.real("l1");
  out[2] = args.real("max_norm");
}

// Srivastava et al., "Dropout", 2014, section 5.1: no unit's incoming weights, a row, are longer than `limit`.
Var within_norm(const Var& p, const Var& limit, bool keras) {
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < p.shape().rank(); ++axis) axes.push_back(axis);
  const Var length = sqrt(sum(square(p), axes, true));
  return keras ? p * (minimum(length, limit) / (length + 1e-7)) : p * (limit / maximum(length, limit));
}

// The group of a parameter; past the end for the rest.
size_t group_of(const OptimizerSpec& spec, const std::string& parameter) {
  const auto has = [&](const ParameterGroup& group) {
    return std::ranges::find(group.parameters, parameter) != group.parameters.end();
  };
  return size_t(std::ranges::find_if(spec.groups, has) - spec.groups.begin());
}
const Attrs& args_of(const OptimizerSpec& spec, size_t group) {
  return group < spec.groups.size() ? spec.groups[group].complete : spec.args;
}

} // namespace

std::vector<AttrSpec> with_common(double lr, const std::vector<AttrSpec>& own, double weight_decay,
                                  int64_t decoupled_decay) {
  std::vector<AttrSpec> all{{"lr", lr, "learning rate"}};
  all.insert(all.end(), own.begin(), own.end());
  const AttrSpec common[] = {
      {"weight_decay", weight_decay,
       "L2: weight_decay p is added to the gradient (twice Keras's l2); see decoupled_decay"},
      {"l1", 0.0, "L1: l1 sign(p) is added to the gradient"},
      {"decay_biases", int64_t{1}, "0: both leave parameters with one axis (biases) alone"},
      {"decoupled_decay", decoupled_decay, "1: instead of L2 the parameter itself shrinks by lr weight_decay (AdamW)"},
      {"max_norm", 0.0, "each row of a weight is shortened to this length after the step; 0: off"},
      {"max_norm_keras", int64_t{0}, "1: shortened as Keras does, p min(n, max_norm) / (n + 1e-7), n the length"}};
  all.insert(all.end(), std::begin(common), std::end(common));
  return all;
}

std::span<const Optimizer> optimizers() { return all(); }

const Optimizer& find_optimizer(const std::string& name) { return named(all(), name, "optimizer", "optimiser"); }

OptimizerSpec complete(const OptimizerSpec& spec) {
  const Optimizer& optimizer = find_optimizer(spec.name);
  const std::string where = text("optimizer ", optimizer.name);
  OptimizerSpec out{optimizer.name, complete_attrs(optimizer.args, spec.args, where), spec.groups};
  check_numbers(where, out.args);
  for (ParameterGroup& group : out.groups) {
    const std::string here = text(where, ", group \"", group.match, "\"");
    group.complete = out.args;
    for (const auto& [name, value] : group.args.items()) group.complete.set(name, value);
    group.complete = complete_attrs(optimizer.args, group.complete, here);
    check_numbers(here, group.complete);
    if (!(group.lr_factor >= 0) || group.lr_factor > 1e30)
      bad_input(here, text("lr_factor is ", group.lr_factor), "give a number of at least 0");
  }
  return out;
}

void create_moments(States& states, const OptimizerSpec& spec) {
  const OptimizerSpec full = complete(spec);
  const Optimizer& optimizer = find_optimizer(full.name);
  for (const std::string& parameter : updated_parameters(full, states.names(true)))
    for (const Moment& moment : optimizer.moments(args_of(full, group_of(full, parameter))))
      states.add(text(parameter, "/", moment.name), Tensor::full(states.at(parameter).type, moment.start));
}

std::vector<std::string> scalar_inputs(const OptimizerSpec& spec) {
  std::vector<const char*> names = find_optimizer(spec.name).scalars;
  names.insert(names.end(), std::begin(common_scalars), std::end(common_scalars));
  std::vector<std::string> out;
  for (const char* name : names) out.push_back(text("optimizer/", name));
  for (size_t i = 0; i < spec.groups.size(); ++i)
    for (const char* name : names) out.push_back(text("optimizer/group", i, "/", name));
  return out;
}

void scalar_values(const OptimizerSpec& spec, double lr, int64_t step, std::span<double> out) {
  const Optimizer& optimizer = find_optimizer(spec.name);
  const size_t each = optimizer.scalars.size() + std::size(common_scalars);
  group_values(optimizer, spec.args, lr, step, out.data());
  const double base = spec.args.real("lr");
  for (size_t i = 0; i < spec.groups.size(); ++i) {
    const ParameterGroup& group = spec.groups[i];
    const double own = group.complete.real("lr");
    const double rate = !group.args.has("lr") || own == base ? lr : base > 0 ? lr * (own / base) : own;
    group_values(optimizer, group.complete, rate * group.lr_factor, step, out.data() + (1 + i) * each);
  }
}

void append_updates(Trace& trace, const OptimizerSpec& spec, const std::vector<std::string>& parameters,
                    const std::vector<Var>& gradients) {
  if (parameters.empty()) return;
  const OptimizerSpec full = complete(spec);
  const Optimizer& optimizer = find_optimizer(full.name);
  const size_t own = optimizer.scalars.size(), each = own + std::size(common_scalars);
  std::vector<Var> scalars;
  for (const std::string& name : scalar_inputs(full))
    scalars.push_back(trace.input(name, {gradients[0].dtype(), Shape{}}));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Scope scope(trace.graph(), parameters[i]);
    const size_t group = group_of(full, parameters[i]);
    const Attrs& args = args_of(full, group);
    const std::span<const Var> numbers =
        std::span(std::as_const(scalars)).subspan(group < full.groups.size() ? (1 + group) * each : 0, each);
    const Var &decay = numbers[own], &l1 = numbers[own + 1], &max_norm = numbers[own + 2];
    Var p = trace.state(parameters[i]), g = gradients[i];
    const bool weight = p.shape().rank() > 1, decays = weight || args.integer("decay_biases");
    const bool l2 = decays && args.real("weight_decay") > 0, decoupled = l2 && args.integer("decoupled_decay");
    if (l2 && !decoupled) g = add_scaled(g, p, decay);
    if (decays && args.real("l1") > 0) g = add_scaled(g, sign(p), l1);
    if (decoupled && !optimizer.decays_itself) p = p * decay;
    std::vector<Var> moments;
    const std::vector<Moment> kinds = optimizer.moments(args);
    for (const Moment& moment : kinds) moments.push_back(trace.state(text(parameters[i], "/", moment.name)));
    const Updated updated = optimizer.update(
        {args, p, g, moments, numbers.first(own), decoupled && optimizer.decays_itself ? decay : Var()});
    const bool bounded = weight && args.real("max_norm") > 0;
    trace.update(parameters[i], bounded ? within_norm(updated.p, max_norm, args.integer("max_norm_keras")) : updated.p);
    for (size_t k = 0; k < kinds.size(); ++k) trace.update(text(parameters[i], "/", kinds[k].name), updated.moments[k]);
  }
}

} // namespace vitro

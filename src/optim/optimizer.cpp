#include "optim/optimizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// What every optimiser takes beside its own.
std::vector<AttrSpec> with_common(double lr, const std::vector<AttrSpec>& own, double weight_decay = 0) {
  std::vector<AttrSpec> all{{"lr", lr, "learning rate"}};
  for (const AttrSpec& spec : own) all.push_back(spec);
  all.push_back({"weight_decay", weight_decay, "how strongly parameters are drawn to zero"});
  all.push_back({"decay_biases", int64_t{1}, "0: weight decay leaves parameters with one axis (biases) alone"});
  return all;
}

// --- gradient descent, with momentum in its four spellings ---

void sgd_values(const Attrs& args, double lr, int64_t, double* out) {
  out[0] = lr;
  out[1] = args.real("momentum");
}

std::vector<Moment> sgd_moments(const Attrs& args) {
  return args.real("momentum") > 0 ? std::vector<Moment>{{"momentum"}} : std::vector<Moment>{};
}

// v collects gradients; the rate is applied when it is used.
Updated torch_momentum(const UpdateCall& u, bool nesterov) {
  const Var &lr = u.scalars[0], &mu = u.scalars[1];
  if (u.moments.empty()) return {subtract_scaled(u.p, u.g, lr)};
  const Var v = add_scaled(u.g, u.moments[0], mu);
  return {subtract_scaled(u.p, nesterov ? add_scaled(u.g, v, mu) : v, lr), {v}};
}

// v collects steps; the rate is applied when a gradient comes in, and is kept when the rate changes.
Updated keras_momentum(const UpdateCall& u, bool nesterov) {
  const Var &lr = u.scalars[0], &mu = u.scalars[1];
  if (u.moments.empty()) return {subtract_scaled(u.p, u.g, lr)};
  const Var step = lr * u.g, v = subtract_scaled(mu * u.moments[0], u.g, lr);
  return {u.p + (nesterov ? mu * v - step : v), {v}};
}

const AttrSpec momentum_09{"momentum", 0.9, "how much of the velocity is kept from step to step"};
constexpr const char* polyak = "Polyak, \"Some methods of speeding up the convergence of iteration methods\", 1964";
constexpr const char* sutskever =
    "Sutskever, Martens, Dahl, Hinton, \"On the importance of initialization and momentum in deep learning\", 2013";

const Optimizer sgd{
    .name = "sgd", .aliases = {"SGD", "gradient_descent"},
    .formula = "p -= lr g; with momentum: v = momentum v + g, p -= lr v; with nesterov: p -= lr (g + momentum v)",
    .doc = "A step against the gradient of the batch.",
    .origin = "Robbins and Monro, \"A stochastic approximation method\", 1951",
    .args = with_common(1e-3, {{"momentum", 0.0, "how much of the velocity is kept from step to step"},
                               {"nesterov", int64_t{0}, "1: look ahead"}}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, u.args.integer("nesterov")); }};

const Optimizer momentum{
    .name = "momentum", .formula = "v = momentum v + g; p -= lr v",
    .doc = "A velocity that collects gradients (PyTorch's form).",
    .origin = polyak, .args = with_common(1e-3, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, false); }};

const Optimizer momentum_keras{
    .name = "momentum_keras", .aliases = {"keras_momentum"}, .formula = "v = momentum v - lr g; p += v",
    .doc = "A velocity that collects steps (Keras's form): it differs from PyTorch's as soon as lr changes.",
    .origin = sutskever, .args = with_common(1e-2, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return keras_momentum(u, false); }};

const Optimizer nesterov{
    .name = "nesterov", .formula = "v = momentum v + g; p -= lr (g + momentum v)",
    .doc = "Momentum that looks one step ahead (PyTorch's form).",
    .origin = "Nesterov, \"A method of solving a convex programming problem with convergence rate O(1/k^2)\", 1983",
    .args = with_common(1e-3, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, true); }};

const Optimizer nesterov_keras{
    .name = "nesterov_keras", .aliases = {"keras_nesterov"}, .formula = "v = momentum v - lr g; p += momentum v - lr g",
    .doc = "Momentum that looks one step ahead (Keras's form).", .origin = sutskever,
    .args = with_common(1e-2, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return keras_momentum(u, true); }};

// --- a rate for each parameter ---

const Optimizer adagrad{
    .name = "adagrad", .aliases = {"Adagrad"}, .formula = "s += g^2; p -= lr g / (sqrt(s) + eps)",
    .doc = "Divides by the size of all gradients so far: what is rare keeps a large rate. "
           "(Keras: start 0.1, lr 0.001.)",
    .origin = "Duchi, Hazan, Singer, \"Adaptive subgradient methods for online learning and stochastic "
              "optimization\", 2011",
    .args = with_common(1e-2, {{"start", 0.0, "what s starts at"}, {"eps", 1e-10, "keeps the divisor from zero"}}),
    .scalars = {"lr", "eps"},
    .moments = [](const Attrs& args) { return std::vector<Moment>{{"square_sum", args.real("start")}}; },
    .values = [](const Attrs& args, double lr, int64_t, double* out) {
      out[0] = lr;
      out[1] = args.real("eps");
    },
    .update = [](const UpdateCall& u) {
      const Var s = u.moments[0] + square(u.g);
      return Updated{normalised_step(u.p, u.g, s, u.scalars[0], 1, u.scalars[1]), {s}};
    }};

const Optimizer rmsprop{
    .name = "rmsprop", .aliases = {"RMSprop"}, .formula = "s = alpha s + (1 - alpha) g^2; p -= lr g / (sqrt(s) + eps)",
    .doc = "Divides by the size of recent gradients; with momentum, a velocity collects the quotients. "
           "(Keras: alpha 0.9, lr 0.001.)",
    .origin = "Tieleman and Hinton, \"Neural networks for machine learning\", lecture 6.5, 2012",
    .args = with_common(1e-2, {{"alpha", 0.99, "how much of s is kept from step to step"},
                               {"eps", 1e-8, "keeps the divisor from zero"},
                               {"momentum", 0.0, "how much of the velocity is kept"}}),
    .scalars = {"lr", "alpha", "1-alpha", "eps", "momentum"},
    .moments = [](const Attrs& args) {
      std::vector<Moment> out{{"square_mean"}};
      if (args.real("momentum") > 0) out.push_back({"momentum"});
      return out;
    },
    .values = [](const Attrs& args, double lr, int64_t, double* out) {
      out[0] = lr;
      out[1] = args.real("alpha");
      out[2] = 1 - args.real("alpha");
      out[3] = args.real("eps");
      out[4] = args.real("momentum");
    },
    .update = [](const UpdateCall& u) {
      const Var &lr = u.scalars[0], &alpha = u.scalars[1], &fresh = u.scalars[2], &eps = u.scalars[3];
      const Var s = mix_square(u.moments[0], u.g, alpha, fresh);
      if (u.moments.size() == 1) return Updated{normalised_step(u.p, u.g, s, lr, 1, eps), {s}};
      const Var v = add_scaled(u.g / (sqrt(s) + eps), u.moments[1], u.scalars[4]);
      return Updated{subtract_scaled(u.p, v, lr), {s, v}};
    }};

// --- both: a velocity and a rate for each parameter ---

const std::vector<AttrSpec> adam_args{{"beta1", 0.9, "how much of the mean gradient is kept from step to step"},
                                      {"beta2", 0.999, "how much of the mean square is kept"},
                                      {"eps", 1e-8, "keeps the divisor from zero; outside the root (Keras: 1e-7)"}};
const std::vector<const char*> adam_scalars{"beta1",          "1-beta1",           "beta2", "1-beta2",
                                            "lr/(1-beta1^t)", "1/sqrt(1-beta2^t)", "eps"};

void adam_values(const Attrs& args, double lr, int64_t step, double* out) {
  const double beta1 = args.real("beta1"), beta2 = args.real("beta2");
  out[0] = beta1;
  out[1] = 1 - beta1;
  out[2] = beta2;
  out[3] = 1 - beta2;
  out[4] = lr / (1 - math::pow(beta1, double(step)));
  out[5] = 1 / math::sqrt(1 - math::pow(beta2, double(step)));
  out[6] = args.real("eps");
}

std::vector<Moment> adam_moments(const Attrs&) { return {{"adam_m"}, {"adam_v"}}; }

Updated adam_update(const UpdateCall& u) {
  const auto& s = u.scalars;
  const Var m = mix(u.moments[0], u.g, s[0], s[1]), v = mix_square(u.moments[1], u.g, s[2], s[3]);
  return {normalised_step(u.p, m, v, s[4], s[5], s[6]), {m, v}};
}

const Optimizer adam{
    .name = "adam", .aliases = {"Adam"},
    .formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; "
               "p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)",
    .doc = "A velocity, divided by the size of recent gradients, both corrected for their start from zero.",
    .origin = "Kingma and Ba, \"Adam: a method for stochastic optimization\", 2015, algorithm 1",
    .args = with_common(1e-3, adam_args), .scalars = adam_scalars, .moments = adam_moments, .values = adam_values,
    .update = adam_update};

const Optimizer adamw{
    .name = "adamw", .aliases = {"AdamW"},
    .formula = "p *= 1 - lr weight_decay, then as adam",
    .doc = "Adam with weight decay applied to the parameter itself, not divided by the size of its gradients.",
    .origin = "Loshchilov and Hutter, \"Decoupled weight decay regularization\", 2019, algorithm 2",
    .args = with_common(1e-3, adam_args, 1e-2), .decoupled_decay = true, .scalars = adam_scalars,
    .moments = adam_moments,
    .values = adam_values, .update = adam_update};

const std::vector<Optimizer>& all() {
  static const std::vector<Optimizer> list{sgd,     momentum, momentum_keras, nesterov, nesterov_keras,
                                           adagrad, rmsprop,  adam,           adamw};
  return list;
}

void check_number(const std::string& where, const std::string& name, double value) {
  const bool fraction = name == "momentum" || name == "alpha" || name == "beta1" || name == "beta2";
  if (!(value >= 0) || value > 1e30 || (fraction && value >= 1))
    bad_input(where, text(name, " is ", value),
              fraction ? "give a number from 0 to below 1" : "give a number of at least 0");
}

} // namespace

std::span<const Optimizer> optimizers() { return all(); }

const Optimizer& find_optimizer(const std::string& name) {
  for (const Optimizer& optimizer : all())
    if (name == optimizer.name ||
        std::ranges::any_of(optimizer.aliases, [&](const char* alias) { return name == alias; }))
      return optimizer;
  std::vector<std::string> known;
  for (const Optimizer& optimizer : all()) known.push_back(optimizer.name);
  bad_input("optimizer", text("unknown optimiser \"", name, "\"", did_you_mean(name, known)),
            "it is one of " + join(known, ", "));
}

OptimizerSpec complete(const OptimizerSpec& spec) {
  const Optimizer& optimizer = find_optimizer(spec.name);
  const std::string where = text("optimizer ", optimizer.name);
  OptimizerSpec out{optimizer.name, complete_attrs(optimizer.args, spec.args, where)};
  for (const auto& [name, value] : out.args.items())
    if (const double* real = std::get_if<double>(&value)) check_number(where, name, *real);
  return out;
}

void create_moments(States& states, const OptimizerSpec& spec) {
  const OptimizerSpec full = complete(spec);
  for (const auto& moment : find_optimizer(full.name).moments(full.args))
    for (const std::string& parameter : states.names(true))
      states.add(text(parameter, "/", moment.name), Tensor::full(states.at(parameter).type, moment.start));
}

std::vector<std::string> scalar_inputs(const OptimizerSpec& spec) {
  std::vector<std::string> out;
  for (const char* name : find_optimizer(spec.name).scalars) out.push_back(text("optimizer/", name));
  out.push_back("optimizer/decay");
  return out;
}

void scalar_values(const OptimizerSpec& spec, double lr, int64_t step, std::span<double> out) {
  const Optimizer& optimizer = find_optimizer(spec.name);
  optimizer.values(spec.args, lr, step, out.data());
  const double decay = spec.args.real("weight_decay");
  out[optimizer.scalars.size()] = optimizer.decoupled_decay ? 1 - lr * decay : decay;
}

void append_updates(Trace& trace, const OptimizerSpec& spec, const std::vector<std::string>& parameters,
                    const std::vector<Var>& gradients) {
  if (parameters.empty()) return;
  const OptimizerSpec full = complete(spec);
  const Optimizer& optimizer = find_optimizer(full.name);
  const bool decays = full.args.real("weight_decay") > 0, biases_too = full.args.integer("decay_biases");
  std::vector<Var> scalars;
  for (const std::string& name : scalar_inputs(full))
    scalars.push_back(trace.input(name, {gradients[0].dtype(), Shape{}}));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Scope scope(trace.graph(), parameters[i]);
    Var p = trace.state(parameters[i]), g = gradients[i];
    if (decays && (biases_too || p.shape().rank() > 1)) {
      if (optimizer.decoupled_decay)
        p = p * scalars.back();
      else
        g = add_scaled(g, p, scalars.back());
    }
    std::vector<Var> moments;
    const std::vector<Moment> kinds = optimizer.moments(full.args);
    for (const Moment& moment : kinds) moments.push_back(trace.state(text(parameters[i], "/", moment.name)));
    const Updated updated = optimizer.update({full.args, p, g, moments, scalars});
    trace.update(parameters[i], updated.p);
    for (size_t k = 0; k < kinds.size(); ++k) trace.update(text(parameters[i], "/", kinds[k].name), updated.moments[k]);
  }
}

} // namespace vitro

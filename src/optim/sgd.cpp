// Gradient descent, with momentum in its four spellings.
#include "ops/ops.h"
#include "optim/families.h"

namespace vitro {
namespace {

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
    .peers = {"optim.SGD", "SGD: lr 0.01; its momentum is momentum_keras"},
    .args = with_common(1e-3, {{"momentum", 0.0, "how much of the velocity is kept from step to step"},
                               {"nesterov", int64_t{0}, "1: look ahead"}}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, u.args.integer("nesterov")); }};

const Optimizer momentum{
    .name = "momentum", .formula = "v = momentum v + g; p -= lr v",
    .doc = "A velocity that collects gradients (PyTorch's form).",
    .origin = polyak, .peers = {"optim.SGD(momentum=0.9)", "none: see momentum_keras"},
    .args = with_common(1e-3, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, false); }};

const Optimizer momentum_keras{
    .name = "momentum_keras", .aliases = {"keras_momentum"}, .formula = "v = momentum v - lr g; p += v",
    .doc = "A velocity that collects steps (Keras's form): it differs from PyTorch's as soon as lr changes.",
    .origin = sutskever, .peers = {"none: see momentum", "SGD(momentum=0.9)"},
    .args = with_common(1e-2, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return keras_momentum(u, false); }};

const Optimizer nesterov{
    .name = "nesterov", .formula = "v = momentum v + g; p -= lr (g + momentum v)",
    .doc = "Momentum that looks one step ahead (PyTorch's form).",
    .origin = "Nesterov, \"A method of solving a convex programming problem with convergence rate O(1/k^2)\", 1983",
    .peers = {"optim.SGD(momentum=0.9, nesterov=True)", "none: see nesterov_keras"},
    .args = with_common(1e-3, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return torch_momentum(u, true); }};

const Optimizer nesterov_keras{
    .name = "nesterov_keras", .aliases = {"keras_nesterov"}, .formula = "v = momentum v - lr g; p += momentum v - lr g",
    .doc = "Momentum that looks one step ahead (Keras's form).", .origin = sutskever,
    .peers = {"none: see nesterov", "SGD(momentum=0.9, nesterov=True)"},
    .args = with_common(1e-2, {momentum_09}),
    .scalars = {"lr", "momentum"}, .moments = sgd_moments, .values = sgd_values,
    .update = [](const UpdateCall& u) { return keras_momentum(u, true); }};

} // namespace

std::vector<Optimizer> sgd_family() { return {sgd, momentum, momentum_keras, nesterov, nesterov_keras}; }

} // namespace vitro

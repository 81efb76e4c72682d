// A rate for each parameter: a step divided by the size of the gradients so far.
#include "ops/ops.h"
#include "optim/families.h"

namespace vitro {
namespace {

const AttrSpec eps_outside{"eps", 1e-8, "keeps the divisor from zero"};
const AttrSpec eps_inside{"eps", 1e-7, "keeps the divisor from zero; inside the root"};

// --- AdaGrad ---

constexpr const char* duchi =
    "Duchi, Hazan, Singer, \"Adaptive subgradient methods for online learning and stochastic optimization\", 2011";

std::vector<Moment> adagrad_moments(const Attrs& args) { return {{"square_sum", args.real("start")}}; }

void adagrad_values(const Attrs& args, double lr, int64_t, double* out) {
  out[0] = lr;
  out[1] = args.real("eps");
}

const Optimizer adagrad{
    .name = "adagrad", .aliases = {"Adagrad"}, .formula = "s += g^2; p -= lr g / (sqrt(s) + eps)",
    .doc = "Divides by the size of all gradients so far: what is rare keeps a large rate.", .origin = duchi,
    .peers = {"optim.Adagrad: also has lr_decay, here a schedule", "none: see adagrad_keras"},
    .args = with_common(1e-2, {{"start", 0.0, "what s starts at"}, {"eps", 1e-10, "keeps the divisor from zero"}}),
    .scalars = {"lr", "eps"}, .moments = adagrad_moments, .values = adagrad_values,
    .update = [](const UpdateCall& u) {
      const Var s = u.moments[0] + square(u.g);
      return Updated{normalised_step(u.p, u.g, s, u.scalars[0], 1, u.scalars[1]), {s}};
    }};

const Optimizer adagrad_keras{
    .name = "adagrad_keras", .aliases = {"keras_adagrad"}, .formula = "s += g^2; p -= lr g / sqrt(s + eps)",
    .doc = "AdaGrad as Keras has it: s starts at 0.1, eps stands inside the root.", .origin = duchi,
    .peers = {"none: see adagrad", "Adagrad"},
    .args = with_common(1e-3, {{"start", 0.1, "what s starts at"}, eps_inside}),
    .scalars = {"lr", "eps"}, .moments = adagrad_moments, .values = adagrad_values,
    .update = [](const UpdateCall& u) {
      const Var s = u.moments[0] + square(u.g);
      return Updated{subtract_scaled(u.p, u.g / sqrt(s + u.scalars[1]), u.scalars[0]), {s}};
    }};

// --- RMSprop ---

constexpr const char* hinton = "Tieleman and Hinton, \"Neural networks for machine learning\", lecture 6.5, 2012; "
                               "centered: Graves, \"Generating sequences with recurrent neural networks\", 2013";

std::vector<AttrSpec> rmsprop_args(double lr, double alpha, const AttrSpec& eps) {
  return with_common(lr,
                     {{"alpha", alpha, "how much of s is kept from step to step (Keras: rho)"},
                      eps,
                      {"momentum", 0.0, "how much of the velocity is kept"},
                      {"centered", int64_t{0}, "1: divides by the deviation: m = alpha m + (1 - alpha) g, s - m^2"}});
}

std::vector<Moment> rmsprop_moments(const Attrs& args) {
  std::vector<Moment> out{{"square_mean"}};
  if (args.integer("centered")) out.push_back({"mean"});
  if (args.real("momentum") > 0) out.push_back({"momentum"});
  return out;
}

void rmsprop_values(const Attrs& args, double lr, int64_t, double* out) {
  out[0] = lr;
  out[1] = args.real("alpha");
  out[2] = 1 - args.real("alpha");
  out[3] = args.real("eps");
  out[4] = args.real("momentum");
}

// The velocity collects quotients (PyTorch), or steps (Keras), which keep the rate that they were made with.
Updated rmsprop_update(const UpdateCall& u, bool keras) {
  const auto &s = u.scalars, &old = u.moments;
  std::vector<Var> moments{mix_square(old[0], u.g, s[1], s[2])};
  Var squares = moments[0];
  if (u.args.integer("centered")) {
    moments.push_back(mix(old[1], u.g, s[1], s[2]));
    squares = maximum(squares - square(moments[1]), 0); // rounding may leave less than zero
  }
  const bool plain = moments.size() == old.size();
  if (plain && !keras) return {normalised_step(u.p, u.g, squares, s[0], 1, s[3]), moments};
  const Var quotient = u.g / (keras ? sqrt(squares + s[3]) : sqrt(squares) + s[3]);
  if (plain) return {subtract_scaled(u.p, quotient, s[0]), moments};
  const Var v = keras ? mix(old.back(), quotient, s[4], s[0]) : add_scaled(quotient, old.back(), s[4]);
  moments.push_back(v);
  return {keras ? u.p - v : subtract_scaled(u.p, v, s[0]), moments};
}

const std::vector<const char*> rmsprop_scalars{"lr", "alpha", "1-alpha", "eps", "momentum"};

const Optimizer rmsprop{
    .name = "rmsprop", .aliases = {"RMSprop"}, .formula = "s = alpha s + (1 - alpha) g^2; p -= lr g / (sqrt(s) + eps)",
    .doc = "Divides by the size of recent gradients; with momentum, a velocity collects the quotients.",
    .origin = hinton, .peers = {"optim.RMSprop", "none: see rmsprop_keras"},
    .args = rmsprop_args(1e-2, 0.99, eps_outside),
    .scalars = rmsprop_scalars, .moments = rmsprop_moments, .values = rmsprop_values,
    .update = [](const UpdateCall& u) { return rmsprop_update(u, false); }};

const Optimizer rmsprop_keras{
    .name = "rmsprop_keras", .aliases = {"keras_rmsprop"},
    .formula = "s = alpha s + (1 - alpha) g^2; p -= lr g / sqrt(s + eps); with momentum: v = momentum v + lr g / "
               "sqrt(s + eps), p -= v",
    .doc = "RMSprop as Keras has it: eps inside the root, a velocity that collects steps.",
    .origin = hinton, .peers = {"none: see rmsprop", "RMSprop: alpha is rho"},
    .args = rmsprop_args(1e-3, 0.9, eps_inside),
    .scalars = rmsprop_scalars, .moments = rmsprop_moments, .values = rmsprop_values,
    .update = [](const UpdateCall& u) { return rmsprop_update(u, true); }};

// --- AdaDelta ---

std::vector<AttrSpec> adadelta_args(double lr, double rho, double eps) {
  return with_common(lr, {{"rho", rho, "how much of s and d is kept from step to step"},
                          {"eps", eps, "keeps divisor and step from zero; inside the roots"}});
}

Optimizer adadelta_as(const char* name, const char* alias, const char* doc, const Peers& peers,
                      const std::vector<AttrSpec>& args) {
  return {.name = name,
          .aliases = {alias},
          .formula = "s = rho s + (1 - rho) g^2; u = g sqrt(d + eps) / sqrt(s + eps); d = rho d + (1 - rho) u^2; "
                     "p -= lr u",
          .doc = doc,
          .origin = "Zeiler, \"ADADELTA: an adaptive learning rate method\", 2012, algorithm 1",
          .peers = peers,
          .args = args,
          .scalars = {"lr", "rho", "1-rho", "eps"},
          .moments =
              [](const Attrs&) {
                return std::vector<Moment>{{"square_mean"}, {"step_mean"}};
              },
          .values =
              [](const Attrs& held, double lr, int64_t, double* out) {
                out[0] = lr;
                out[1] = held.real("rho");
                out[2] = 1 - held.real("rho");
                out[3] = held.real("eps");
              },
          .update =
              [](const UpdateCall& call) {
                const auto& c = call.scalars;
                const Var s = mix_square(call.moments[0], call.g, c[1], c[2]);
                const Var u = call.g * sqrt(call.moments[1] + c[3]) / sqrt(s + c[3]);
                return Updated{subtract_scaled(call.p, u, c[0]), {s, mix_square(call.moments[1], u, c[1], c[2])}};
              }};
}

const Optimizer adadelta = adadelta_as(
    "adadelta", "Adadelta", "Steps as large as recent steps were: the units fit, and lr is 1. (Paper: rho 0.95.)",
    {"optim.Adadelta", "none: see adadelta_keras"}, adadelta_args(1, 0.9, 1e-6));
const Optimizer adadelta_keras = adadelta_as(
    "adadelta_keras", "keras_adadelta", "AdaDelta with Keras's numbers; its lr of 0.001 is far below the paper's 1.",
    {"none: see adadelta", "Adadelta"}, adadelta_args(1e-3, 0.95, 1e-7));

} // namespace

std::vector<Optimizer> adaptive_family() {
  return {adagrad, adagrad_keras, rmsprop, rmsprop_keras, adadelta, adadelta_keras};
}

} // namespace vitro

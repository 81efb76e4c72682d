// Adam and its kin: a velocity and a rate for each parameter.
#include "core/math.h"
#include "ops/ops.h"
#include "optim/families.h"

namespace vitro {
namespace {

std::vector<AttrSpec> betas(double eps, const char* eps_doc = "keeps the divisor from zero; outside the root") {
  return {{"beta1", 0.9, "how much of the mean gradient is kept from step to step"},
          {"beta2", 0.999, "how much of the mean square is kept"},
          {"eps", eps, eps_doc}};
}

// What all of them multiply with; the rate and the correction of v are each one's own.
const std::vector<const char*> adam_scalars{"beta1",          "1-beta1",           "beta2", "1-beta2",
                                            "lr/(1-beta1^t)", "1/sqrt(1-beta2^t)", "eps"};

double corrected(double beta, int64_t step) { return 1 - math::pow(beta, double(step)); }

void adam_values(const Attrs& args, double lr, int64_t step, double* out) {
  const double beta1 = args.real("beta1"), beta2 = args.real("beta2");
  out[0] = beta1;
  out[1] = 1 - beta1;
  out[2] = beta2;
  out[3] = 1 - beta2;
  out[4] = lr / corrected(beta1, step);
  out[5] = 1 / math::sqrt(corrected(beta2, step));
  out[6] = args.real("eps");
}

std::vector<Moment> adam_moments(const Attrs&) { return {{"adam_m"}, {"adam_v"}}; }

struct Means {
  Var m, v;
};
Means means(const UpdateCall& u) {
  const auto& s = u.scalars;
  return {mix(u.moments[0], u.g, s[0], s[1]), mix_square(u.moments[1], u.g, s[2], s[3])};
}

Updated adam_update(const UpdateCall& u) {
  const auto& s = u.scalars;
  const auto [m, v] = means(u);
  return {normalised_step(u.p, m, v, s[4], s[5], s[6]), {m, v}};
}

const Optimizer adam{
    .name = "adam", .aliases = {"Adam"},
    .formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; "
               "p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)",
    .doc = "A velocity, divided by the size of recent gradients, both corrected for their start from zero.",
    .origin = "Kingma and Ba, \"Adam: a method for stochastic optimization\", 2015, algorithm 1",
    .peers = {"optim.Adam", "none: see adam_keras"},
    .args = with_common(1e-3, betas(1e-8)), .scalars = adam_scalars, .moments = adam_moments, .values = adam_values,
    .update = adam_update};

const Optimizer adamw{
    .name = "adamw", .aliases = {"AdamW"},
    .formula = "p *= 1 - lr weight_decay, then as adam",
    .doc = "Adam with weight decay applied to the parameter itself, not divided by the size of its gradients.",
    .origin = "Loshchilov and Hutter, \"Decoupled weight decay regularization\", 2019, algorithm 2",
    .peers = {"optim.AdamW", "AdamW: weight_decay 0.004, otherwise as adam_keras"},
    .args = with_common(1e-3, betas(1e-8), 1e-2, 1), .scalars = adam_scalars, .moments = adam_moments,
    .values = adam_values, .update = adam_update};

const Optimizer adam_keras{
    .name = "adam_keras", .aliases = {"keras_adam"},
    .formula = "m, v as adam; p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps)",
    .doc = "Adam as Keras has it: eps is added before v is corrected, so in the first steps it weighs more.",
    .origin = "Kingma and Ba, \"Adam: a method for stochastic optimization\", 2015, end of section 2",
    .peers = {"none: see adam", "Adam"},
    .args = with_common(1e-3, betas(1e-7)), .scalars = adam_scalars, .moments = adam_moments,
    .values = [](const Attrs& args, double lr, int64_t step, double* out) {
      adam_values(args, lr, step, out);
      out[4] /= out[5];
      out[5] = 1;
    },
    .update = adam_update};

const Optimizer amsgrad{
    .name = "amsgrad", .aliases = {"AMSGrad"},
    .formula = "m, v as adam; w = max(w, v); p -= lr m / (1 - beta1^t) / (sqrt(w / (1 - beta2^t)) + eps)",
    .doc = "Adam that divides by the largest mean square so far, so that rates never rise (PyTorch's form, bias "
           "correction kept).",
    .origin = "Reddi, Kale, Kumar, \"On the convergence of Adam and beyond\", 2018, algorithm 2",
    .peers = {"optim.Adam(amsgrad=True)", "Adam(amsgrad=True): eps as in adam_keras"},
    .args = with_common(1e-3, betas(1e-8)), .scalars = adam_scalars,
    .moments = [](const Attrs&) { return std::vector<Moment>{{"adam_m"}, {"adam_v"}, {"adam_v_max"}}; },
    .values = adam_values,
    .update = [](const UpdateCall& u) {
      const auto& s = u.scalars;
      const auto [m, v] = means(u);
      const Var most = maximum(u.moments[2], v);
      return Updated{normalised_step(u.p, m, most, s[4], s[5], s[6]), {m, v, most}};
    }};

// --- AdaMax: the largest gradient in v's place ---

Updated adamax_update(const UpdateCall& u, bool keras) {
  const auto& s = u.scalars;
  const Var m = mix(u.moments[0], u.g, s[0], s[1]), decayed = s[2] * u.moments[1];
  const Var largest = keras ? maximum(decayed, abs(u.g)) : maximum(decayed, abs(u.g) + s[6]);
  return {subtract_scaled(u.p, m / (keras ? largest + s[6] : largest), s[4]), {m, largest}};
}

std::vector<Moment> adamax_moments(const Attrs&) { return {{"adam_m"}, {"largest"}}; }

const Optimizer adamax{
    .name = "adamax", .aliases = {"Adamax", "AdaMax"},
    .formula = "m = beta1 m + (1 - beta1) g; u = max(beta2 u, abs(g) + eps); p -= lr / (1 - beta1^t) m / u",
    .doc = "Adam that divides by the largest recent gradient instead of the mean square.",
    .origin = "Kingma and Ba, \"Adam: a method for stochastic optimization\", 2015, algorithm 2",
    .peers = {"optim.Adamax", "none: see adamax_keras"},
    .args = with_common(2e-3, betas(1e-8, "keeps the divisor from zero")), .scalars = adam_scalars,
    .moments = adamax_moments, .values = adam_values,
    .update = [](const UpdateCall& u) { return adamax_update(u, false); }};

const Optimizer adamax_keras{
    .name = "adamax_keras", .aliases = {"keras_adamax"},
    .formula = "m = beta1 m + (1 - beta1) g; u = max(beta2 u, abs(g)); p -= lr / (1 - beta1^t) m / (u + eps)",
    .doc = "AdaMax as Keras has it: eps is added where it divides, and is no part of u.",
    .origin = "Kingma and Ba, \"Adam: a method for stochastic optimization\", 2015, algorithm 2",
    .peers = {"none: see adamax", "Adamax"},
    .args = with_common(1e-3, betas(1e-7, "keeps the divisor from zero")), .scalars = adam_scalars,
    .moments = adamax_moments, .values = adam_values,
    .update = [](const UpdateCall& u) { return adamax_update(u, true); }};

// --- NAdam: Nesterov's look ahead ---

const Optimizer nadam{
    .name = "nadam", .aliases = {"NAdam", "Nadam"},
    .formula = "m, v as adam; mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 .. mu_t; p -= lr ((1 - mu_t) "
               "/ (1 - M_t) g + mu_t+1 / (1 - M_t+1) m) / (sqrt(v / (1 - beta2^t)) + eps)",
    .doc = "Adam that looks one step ahead, as Nesterov's momentum does.",
    .origin = "Dozat, \"Incorporating Nesterov momentum into Adam\", 2016",
    .peers = {"optim.NAdam", "Nadam: lr 0.001, eps 1e-7, momentum_decay 1"},
    .args = with_common(2e-3, [] {
      std::vector<AttrSpec> args = betas(1e-8);
      args.push_back({"momentum_decay", 4e-3, "how fast mu rises from beta1 / 2 to beta1"});
      return args;
    }()),
    .scalars = {"beta1", "1-beta1", "beta2", "1-beta2", "lr mu_t+1/(1-M_t+1)", "1/sqrt(1-beta2^t)", "eps",
                "lr (1-mu_t)/(1-M_t)"},
    .moments = adam_moments,
    .values = [](const Attrs& args, double lr, int64_t step, double* out) {
      adam_values(args, lr, step, out);
      const double beta1 = args.real("beta1"), factor = math::pow(0.96, args.real("momentum_decay"));
      double power = 1, product = 1;
      // The product is soon too small to matter beside 1.
      for (int64_t t = 1; t <= step && product > 0x1p-60; ++t) product *= beta1 * (1 - 0.5 * (power *= factor));
      const auto mu_at = [&](int64_t t) { return beta1 * (1 - 0.5 * math::pow(factor, double(t))); };
      const double mu = mu_at(step), next = mu_at(step + 1);
      out[4] = lr * next / (1 - product * next);
      out[7] = lr * (1 - mu) / (1 - product);
    },
    .update = [](const UpdateCall& u) {
      const auto& s = u.scalars;
      const auto [m, v] = means(u);
      return Updated{normalised_step(u.p, mix(u.g, m, s[7], s[4]), v, 1, s[5], s[6]), {m, v}};
    }};

// --- LAMB: each parameter's step in proportion to its size ---

Var norm(const Var& x) { return sqrt(sum(square(x))); }

const Optimizer lamb{
    .name = "lamb", .aliases = {"LAMB"},
    .formula = "m, v as adam; u = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay p; "
               "p -= lr norm(p) / norm(u) u (the quotient is 1 where a norm is 0)",
    .doc = "Adam whose step for each parameter, a whole weight or bias, is as long as lr times the parameter: for "
           "large batches.",
    .origin = "You et al., \"Large batch optimization for deep learning: training BERT in 76 minutes\", 2020, "
              "algorithm 2",
    .peers = {"", "Lamb: eps 1e-7, no decay by default, and a decay outside the quotient"},
    .args = with_common(1e-3, betas(1e-6), 1e-2, 1), .decays_itself = true,
    .scalars = {"beta1", "1-beta1", "beta2", "1-beta2", "1/(1-beta1^t)", "1/sqrt(1-beta2^t)", "eps", "lr"},
    .moments = adam_moments,
    .values = [](const Attrs& args, double lr, int64_t step, double* out) {
      adam_values(args, 1, step, out);
      out[7] = lr;
    },
    .update = [](const UpdateCall& u) {
      const auto& s = u.scalars;
      const auto [m, v] = means(u);
      Var step = s[4] * m / (sqrt(v) * s[5] + s[6]);
      if (u.decay) step = add_scaled(step, u.p, u.decay);
      const Var own = norm(u.p), its = norm(step);
      const Var trust = where(greater(minimum(own, its), 0), own / maximum(its, 1e-30), 1);
      return Updated{subtract_scaled(u.p, step, s[7] * trust), {m, v}};
    }};

} // namespace

std::vector<Optimizer> adam_family() { return {adam, adamw, adam_keras, amsgrad, adamax, adamax_keras, nadam, lamb}; }

} // namespace vitro

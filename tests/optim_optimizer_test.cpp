// Every optimiser against a loop in double that is written as its paper or PyTorch's page states it.
#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "optim/average.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "plan/interpret.h"
#include "plan/plan.h"

namespace vitro {
namespace {

constexpr int64_t rows = 3, columns = 5, size = rows * columns;
constexpr int steps = 100;

// The gradient of step t at element i: noise around a slope, so that moments matter.
double gradient_at(int t, int64_t i) {
  static const Stream stream(3, "gradients");
  return std::sin(0.3 * double(i)) + 0.5 * stream.normal(uint64_t(t), uint64_t(i));
}
double start_at(int64_t i) { return 0.1 * double(i) - 0.7; }
// A schedule, so that forms that differ only when lr changes do differ.
double rate_at(double lr, int t) { return lr * (t < 50 ? 1.0 : 0.3); }

// One scalar parameter, followed by hand: `update(p, g, lr, t, moments)` with t from 1.
using Reference = std::function<double(double p, double g, double lr, int t, double* moments)>;

std::vector<double> by_hand(const Reference& update, double lr, double moment_start = 0) {
  std::vector<double> out;
  for (int64_t i = 0; i < size; ++i) {
    double p = start_at(i), moments[2] = {moment_start, moment_start};
    for (int t = 1; t <= steps; ++t) p = update(p, gradient_at(t, i), rate_at(lr, t), t, moments);
    out.push_back(p);
  }
  return out;
}

Tensor filled(DType dtype, const std::function<double(int64_t)>& value) {
  Tensor out(Type{dtype, {rows, columns}});
  for (int64_t i = 0; i < size; ++i) out.set(i, value(i));
  return out;
}

struct Updates {
  States states;
  Function function;
  OptimizerSpec spec;
  std::vector<Tensor> inputs; // the gradient, then the scalars

  Updates(const OptimizerSpec& given, DType dtype) : spec(complete(given)) {
    states.add("p", filled(dtype, start_at), true);
    create_moments(states, spec);
    Trace trace(states);
    const Var g = trace.input("g", states.at("p").type);
    append_updates(trace, spec, {"p"}, {g});
    function = trace.finish();
    inputs.push_back(Tensor(states.at("p").type));
    for (size_t i = 0; i < scalar_inputs(spec).size(); ++i) inputs.push_back(Tensor(Type{dtype, {}}));
  }
  void prepare(int t, double lr) {
    inputs[0] = filled(inputs[0].dtype(), [&](int64_t i) { return gradient_at(t, i); });
    std::vector<double> values(inputs.size() - 1);
    scalar_values(spec, lr, t, values);
    for (size_t i = 0; i < values.size(); ++i) inputs[i + 1].set(0, values[i]);
  }
};

std::vector<double> interpreted(const OptimizerSpec& spec, double lr) {
  Updates updates(spec, DType::f64);
  for (int t = 1; t <= steps; ++t) {
    updates.prepare(t, rate_at(lr, t));
    commit(updates.function, interpret(updates.function, read_states(updates.states), updates.inputs), updates.states);
  }
  return updates.states.read("p").values();
}

std::vector<double> planned(const OptimizerSpec& spec, double lr) {
  Updates updates(spec, DType::f32);
  Execution execution(std::make_shared<Plan>(updates.function, updates.states), std::make_shared<Arena>());
  for (int t = 1; t <= steps; ++t) {
    updates.prepare(t, rate_at(lr, t));
    for (size_t i = 0; i < updates.inputs.size(); ++i) execution.bind(i, updates.inputs[i]);
    EXPECT_TRUE(execution.run());
    EXPECT_FALSE(execution.nonfinite_update());
  }
  return updates.states.read("p").values();
}

void compare(const OptimizerSpec& spec, const Reference& update, double moment_start = 0) {
  const double lr = complete(spec).args.real("lr");
  const auto expected = by_hand(update, lr, moment_start), exact = interpreted(spec, lr), fast = planned(spec, lr);
  double largest = 0, moved = 0;
  for (int64_t i = 0; i < size; ++i) {
    largest = std::max(largest, std::fabs(expected[size_t(i)]));
    moved = std::max(moved, std::fabs(expected[size_t(i)] - start_at(i)));
  }
  EXPECT_GT(moved, 1e-3) << spec.name << ": nothing moved";
  for (size_t i = 0; i < size; ++i) {
    EXPECT_NEAR(exact[i], expected[i], 1e-12 * largest) << spec.name << " in double, element " << i;
    EXPECT_NEAR(fast[i], expected[i], 1e-5 * largest) << spec.name << " in float, element " << i;
  }
}

TEST(Optimizers, Sgd) {
  compare({"sgd", {{"lr", 0.1}}}, [](double p, double g, double lr, int, double*) { return p - lr * g; });
  compare({"sgd", {{"lr", 0.1}, {"weight_decay", 0.05}}},
          [](double p, double g, double lr, int, double*) { return p - lr * (g + 0.05 * p); });
}

TEST(Optimizers, MomentumInPyTorchsForm) {
  const Reference reference = [](double p, double g, double lr, int, double* v) {
    v[0] = 0.8 * v[0] + g;
    return p - lr * v[0];
  };
  compare({"momentum", {{"lr", 0.02}, {"momentum", 0.8}}}, reference);
  compare({"sgd", {{"lr", 0.02}, {"momentum", 0.8}}}, reference);
}

TEST(Optimizers, MomentumInKerassForm) {
  compare({"momentum_keras", {{"lr", 0.02}, {"momentum", 0.8}}}, [](double p, double g, double lr, int, double* v) {
    v[0] = 0.8 * v[0] - lr * g;
    return p + v[0];
  });
}

TEST(Optimizers, TheTwoFormsOfMomentumDifferWhereTheRateChanges) {
  const auto torch = interpreted({"momentum"}, 0.02), keras = interpreted({"momentum_keras"}, 0.02);
  EXPECT_GT(std::fabs(torch[4] - keras[4]), 1e-3);
}

TEST(Optimizers, NesterovInPyTorchsForm) {
  const Reference reference = [](double p, double g, double lr, int, double* v) {
    g += 0.01 * p;
    v[0] = 0.9 * v[0] + g;
    return p - lr * (g + 0.9 * v[0]);
  };
  compare({"nesterov", {{"lr", 0.02}, {"weight_decay", 0.01}}}, reference);
  compare({"sgd", {{"lr", 0.02}, {"momentum", 0.9}, {"nesterov", int64_t{1}}, {"weight_decay", 0.01}}}, reference);
}

TEST(Optimizers, NesterovInKerassForm) {
  compare({"nesterov_keras", {{"lr", 0.02}}}, [](double p, double g, double lr, int, double* v) {
    v[0] = 0.9 * v[0] - lr * g;
    return p + 0.9 * v[0] - lr * g;
  });
}

TEST(Optimizers, Adagrad) {
  compare({"adagrad"}, [](double p, double g, double lr, int, double* s) {
    s[0] += g * g;
    return p - lr * g / (std::sqrt(s[0]) + 1e-10);
  });
  compare(
      {"adagrad", {{"lr", 0.1}, {"start", 0.1}, {"eps", 1e-7}}},
      [](double p, double g, double lr, int, double* s) {
        s[0] += g * g;
        return p - lr * g / (std::sqrt(s[0]) + 1e-7);
      },
      0.1);
}

TEST(Optimizers, Rmsprop) {
  compare({"rmsprop"}, [](double p, double g, double lr, int, double* s) {
    s[0] = 0.99 * s[0] + 0.01 * g * g;
    return p - lr * g / (std::sqrt(s[0]) + 1e-8);
  });
  compare({"rmsprop", {{"lr", 1e-3}, {"alpha", 0.9}, {"momentum", 0.7}, {"weight_decay", 0.02}}},
          [](double p, double g, double lr, int, double* s) {
            g += 0.02 * p;
            s[0] = 0.9 * s[0] + 0.1 * g * g;
            s[1] = 0.7 * s[1] + g / (std::sqrt(s[0]) + 1e-8);
            return p - lr * s[1];
          });
}

double adam_by_hand(double p, double g, double lr, int t, double* s, double b1, double b2, double eps) {
  s[0] = b1 * s[0] + (1 - b1) * g;
  s[1] = b2 * s[1] + (1 - b2) * g * g;
  const double m = s[0] / (1 - std::pow(b1, t)), v = s[1] / (1 - std::pow(b2, t));
  return p - lr * m / (std::sqrt(v) + eps);
}

TEST(Optimizers, Adam) {
  compare({"adam", {{"lr", 0.01}}}, [](double p, double g, double lr, int t, double* s) {
    return adam_by_hand(p, g, lr, t, s, 0.9, 0.999, 1e-8);
  });
  compare({"adam", {{"beta1", 0.8}, {"beta2", 0.95}, {"eps", 1e-7}, {"weight_decay", 0.3}}},
          [](double p, double g, double lr, int t, double* s) {
            return adam_by_hand(p, g + 0.3 * p, lr, t, s, 0.8, 0.95, 1e-7);
          });
}

TEST(Optimizers, AdamwDecaysTheParameterItself) {
  compare({"adamw", {{"lr", 0.01}}}, [](double p, double g, double lr, int t, double* s) {
    return adam_by_hand(p * (1 - lr * 1e-2), g, lr, t, s, 0.9, 0.999, 1e-8);
  });
}

TEST(Optimizers, DecayMayLeaveBiasesAlone) {
  for (const int64_t biases_too : {0, 1}) {
    States states;
    const Tensor bias({3}, {1, 1, 1}, DType::f64), weight({1, 2}, {1, 1}, DType::f64);
    states.add("fc1.weight", weight, true);
    states.add("fc1.bias", bias, true);
    const OptimizerSpec spec = complete(OptimizerSpec{"sgd", {{"weight_decay", 0.5}, {"decay_biases", biases_too}}});
    Trace trace(states);
    append_updates(trace, spec, {"fc1.weight", "fc1.bias"},
                   {constant(trace.graph(), Tensor(weight.type())), constant(trace.graph(), Tensor(bias.type()))});
    const Function function = trace.finish();
    std::vector<double> numbers(scalar_inputs(spec).size());
    scalar_values(spec, 0.1, 1, numbers);
    std::vector<Tensor> inputs;
    for (const double number : numbers) inputs.push_back(Tensor::scalar(number, DType::f64));
    commit(function, interpret(function, read_states(states), inputs), states);
    EXPECT_DOUBLE_EQ(states.read("fc1.weight").at(1), 0.95);
    EXPECT_DOUBLE_EQ(states.read("fc1.bias").at(1), biases_too ? 0.95 : 1);
  }
}

TEST(Optimizers, AreDocumentedAndComplete) {
  for (const Optimizer& optimizer : optimizers()) {
    EXPECT_FALSE(std::string(optimizer.doc).empty() || std::string(optimizer.formula).empty() ||
                 std::string(optimizer.origin).empty())
        << optimizer.name;
    const OptimizerSpec full = complete(OptimizerSpec{optimizer.name});
    EXPECT_EQ(full.args.items().size(), optimizer.args.size());
    EXPECT_GT(full.args.real("lr"), 0);
  }
  EXPECT_EQ(complete(OptimizerSpec{"AdamW"}).name, "adamw");
  EXPECT_EQ(complete(OptimizerSpec{"AdamW"}).args.real("weight_decay"), 1e-2);
  EXPECT_EQ(complete(OptimizerSpec{"sgd", {{"momentum", int64_t{0}}}}).args.real("momentum"), 0)
      << "a whole number is a number";
}

TEST(Optimizers, MistakesAreNamed) {
  const auto message = [](const OptimizerSpec& spec) {
    try {
      complete(spec);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message({"adm"}).find("did you mean \"adam\""), std::string::npos);
  EXPECT_NE(message({"sgd", {{"momentun", 0.9}}}).find("did you mean \"momentum\""), std::string::npos);
  EXPECT_NE(message({"sgd", {{"lr", -0.1}}}).find("lr is -0.1"), std::string::npos);
  EXPECT_NE(message({"sgd", {{"lr", std::nan("")}}}).find("lr is nan"), std::string::npos);
  EXPECT_NE(message({"momentum", {{"momentum", 1.0}}}).find("below 1"), std::string::npos);
  EXPECT_NE(message({"adam", {{"beta2", 1.5}}}).find("beta2"), std::string::npos);
  EXPECT_NE(message({"adam", {{"lr", std::string("fast")}}}).find("expected a number"), std::string::npos);
}

// One update of parameters by gradients of zero, in double: what is left is regularisation.
std::map<std::string, Tensor> regularised(const OptimizerSpec& stated,
                                          const std::map<std::string, Tensor>& parameters) {
  States states;
  for (const auto& [name, value] : parameters) states.add(name, value, true);
  const OptimizerSpec spec = complete(resolve_groups(complete(stated), states.names(true)));
  create_moments(states, spec);
  Trace trace(states);
  const std::vector<std::string> updated = updated_parameters(spec, states.names(true));
  std::vector<Var> gradients;
  for (const auto& name : updated) gradients.push_back(constant(trace.graph(), Tensor(states.at(name).type)));
  append_updates(trace, spec, updated, gradients);
  const Function function = trace.finish();
  std::vector<double> numbers(scalar_inputs(spec).size());
  scalar_values(spec, spec.args.real("lr"), 1, numbers);
  std::vector<Tensor> inputs;
  for (const double number : numbers) inputs.push_back(Tensor::scalar(number, DType::f64));
  commit(function, interpret(function, read_states(states), inputs), states);
  std::map<std::string, Tensor> out;
  for (const auto& name : states.names(true)) out.emplace(name, states.read(name));
  return out;
}

TEST(Regularisation, L1L2AndDecoupledDecayWithOrWithoutBiases) {
  const Tensor w({1, 3}, {1, -2, 0}, DType::f64), b({2}, {1, -2}, DType::f64);
  struct Case {
    Attrs args;
    std::vector<double> w, b;
  };
  const Attr no = int64_t{0}, yes = int64_t{1};
  for (const Case& one :
       {Case{{{"l1", 0.5}}, {0.95, -1.95, 0}, {0.95, -1.95}},
        Case{{{"l1", 0.5}, {"decay_biases", no}}, {0.95, -1.95, 0}, {1, -2}},
        Case{{{"weight_decay", 0.5}}, {0.95, -1.9, 0}, {0.95, -1.9}},
        Case{{{"weight_decay", 0.5}, {"decoupled_decay", yes}, {"decay_biases", no}}, {0.95, -1.9, 0}, {1, -2}}}) {
    OptimizerSpec spec{"sgd", one.args};
    spec.args.set("lr", 0.1);
    const auto out = regularised(spec, {{"w", w}, {"b", b}});
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(out.at("w").at(int64_t(i)), one.w[i], 1e-15) << one.args.str();
    for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(out.at("b").at(int64_t(i)), one.b[i], 1e-15) << one.args.str();
  }
  // Adam divides L2 by the gradient's size, but not decoupled decay.
  EXPECT_NEAR(regularised({"adam", {{"lr", 0.1}, {"weight_decay", 0.5}}}, {{"w", w}}).at("w").at(1), -1.9, 1e-6);
  EXPECT_NEAR(regularised({"adamw", {{"lr", 0.1}, {"weight_decay", 0.5}}}, {{"w", w}}).at("w").at(1), -1.9, 1e-12);
  EXPECT_NEAR(regularised({"adam", {{"lr", 0.1}, {"weight_decay", 0.05}}}, {{"w", w}}).at("w").at(1), -1.9, 1e-6);
  EXPECT_NEAR(regularised({"adamw", {{"lr", 0.1}, {"weight_decay", 0.05}}}, {{"w", w}}).at("w").at(1), -1.99, 1e-12);
}

TEST(Regularisation, MaxNormShortensRowsOfWeightsAlone) {
  const Tensor w({3, 2}, {3, 4, 0.3, 0.4, 0, 0}, DType::f64), b({2}, {30, 40}, DType::f64);
  const auto out = regularised({"sgd", {{"max_norm", 1.0}}}, {{"w", w}, {"b", b}});
  EXPECT_EQ(out.at("b"), b);
  EXPECT_NEAR(out.at("w").at(0), 0.6, 1e-15);
  EXPECT_NEAR(out.at("w").at(1), 0.8, 1e-15);
  for (int64_t i = 2; i < 6; ++i) EXPECT_EQ(out.at("w").at(i), w.at(i)) << "a row within the limit stays as it is";
  const auto keras = regularised({"sgd", {{"max_norm", 1.0}, {"max_norm_keras", int64_t{1}}}}, {{"w", w}});
  EXPECT_NEAR(keras.at("w").at(1), 4 / (5 + 1e-7), 1e-15);
  EXPECT_NEAR(keras.at("w").at(3), 0.4 * 0.5 / (0.5 + 1e-7), 1e-15);
  EXPECT_EQ(keras.at("w").at(5), 0);
}

TEST(Groups, EachParameterHasWhatAllThatMatchState) {
  const std::vector<std::string> names{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};
  const OptimizerSpec spec = resolve_groups({"sgd",
                                             {{"lr", 0.1}},
                                             {{.match = "*.bias", .args = {{"weight_decay", 0.5}}},
                                              {.match = "fc1.*", .args = {{"lr", 0.01}}, .lr_factor = 2},
                                              {.match = "fc?.b*", .args = {{"weight_decay", 0.25}}}}},
                                            names);
  const auto all_of = [&](const std::string& name) {
    for (const ParameterGroup& group : spec.groups)
      if (std::ranges::find(group.parameters, name) != group.parameters.end()) return group;
    return ParameterGroup{.match = "", .complete = spec.args};
  };
  EXPECT_EQ(all_of("fc1.bias").complete.real("weight_decay"), 0.25) << "the later one";
  EXPECT_EQ(all_of("fc1.bias").complete.real("lr"), 0.01);
  EXPECT_EQ(all_of("fc1.weight").complete.real("weight_decay"), 0);
  EXPECT_EQ(all_of("fc1.weight").lr_factor, 2);
  EXPECT_EQ(all_of("fc2.bias").complete.real("lr"), 0.1);
  EXPECT_EQ(all_of("fc2.weight").complete.real("weight_decay"), 0);
  // The rates follow a schedule in proportion.
  const auto inputs = scalar_inputs(spec);
  std::vector<double> numbers(inputs.size());
  scalar_values(spec, 0.05, 1, numbers);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == "optimizer/lr") { EXPECT_EQ(numbers[i], 0.05); }
    if (inputs[i] == "optimizer/group0/lr") { EXPECT_NEAR(numbers[i], 2 * 0.005, 1e-17); }
  }
}

TEST(Groups, WhatIsFrozenStaysAndHasNoMoments) {
  const Tensor one({1, 1}, {1}, DType::f64);
  OptimizerSpec spec{"adamw", {{"lr", 0.5}, {"weight_decay", 0.5}}, {{.match = "a", .freeze = true}}};
  const auto out = regularised(spec, {{"a", one}, {"b", one}});
  EXPECT_EQ(out.at("a"), one);
  EXPECT_EQ(out.at("b").at(0), 0.75);
  States states;
  states.add("a", one, true);
  states.add("b", one, true);
  create_moments(states, resolve_groups(complete(spec), {"a", "b"}));
  EXPECT_FALSE(states.has("a/adam_m"));
  EXPECT_TRUE(states.has("b/adam_m"));
  spec.groups = {{.match = "a", .args = {{"lr", 0.0}}}};
  EXPECT_EQ(regularised(spec, {{"a", one}, {"b", one}}).at("a"), one) << "a rate of zero";
}

TEST(Groups, MistakesAreNamed) {
  const auto message = [](const ParameterGroup& group, const std::vector<std::string>& names) {
    try {
      resolve_groups(complete(OptimizerSpec{"sgd", {}, {group}}), names);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message({.match = "fc3.*"}, {"fc1.weight", "fc1.bias"}).find("there are fc1.weight, fc1.bias"),
            std::string::npos);
  EXPECT_NE(message({.match = "*", .freeze = true}, {"a", "b"}).find("all parameters"), std::string::npos);
  EXPECT_NE(message({.match = "a", .args = {{"momentum", 1.5}}}, {"a"}).find("below 1"), std::string::npos);
  EXPECT_NE(message({.match = "a", .args = {{"momentun", 0.5}}}, {"a"}).find("did you mean \"momentum\""),
            std::string::npos);
  EXPECT_NE(message({.match = "a", .lr_factor = -1}, {"a"}).find("lr_factor"), std::string::npos);
}

// --- averages ---

TEST(Averages, AreWhatTheirFormulasSay) {
  const double decay = 0.8;
  double corrected = 0, plain = 7, m = 0;
  for (int64_t t = 1; t <= 50; ++t) {
    const double p = std::sin(double(t));
    const double w = average_weight({.ema_decay = decay, .ema_correction = true}, t, 10);
    corrected = (1 - w) * corrected + w * p;
    m = decay * m + (1 - decay) * p;
    EXPECT_NEAR(corrected, m / (1 - std::pow(decay, double(t))), 1e-14);
    const double v = average_weight({.ema_decay = decay}, t, 10), before = plain;
    plain = (1 - v) * plain + v * p;
    EXPECT_NEAR(plain, decay * before + (1 - decay) * p, 1e-15);
  }
  // Epochs of 5 steps, from the third on: steps 15, 20, 25.
  double mean = 99, sum = 0;
  for (int64_t t = 1; t <= 29; ++t) {
    const double w = average_weight({.swa_start = 3}, t, 5), p = double(t * t);
    mean = (1 - w) * mean + w * p;
    if (t >= 15 && t % 5 == 0) sum += p;
    EXPECT_EQ(has_average({.swa_start = 3}, t, 5), t >= 15);
  }
  EXPECT_NEAR(mean, sum / 3, 1e-10);
  EXPECT_EQ(average_weight({}, 10, 5), 0);
  EXPECT_THROW(check(Averaging{.ema_decay = 1}, 10), Error);
  EXPECT_THROW(check(Averaging{.ema_decay = 0.9, .swa_start = 2}, 10), Error);
  EXPECT_THROW(check(Averaging{.swa_start = 11}, 10), Error);
  EXPECT_NO_THROW(check(Averaging{.swa_start = 10}, 10));
}

// --- clipping ---

std::vector<Tensor> clipped(const std::vector<Tensor>& gradients, const Clip& limits) {
  const States none;
  Trace trace(none);
  std::vector<Var> vars;
  for (size_t i = 0; i < gradients.size(); ++i) vars.push_back(trace.input(text("g", i), gradients[i].type()));
  for (const Var& g : clip(vars, limits)) trace.output("clipped", g);
  const Function function = trace.finish();
  const auto values = interpret(function, {}, gradients);
  std::vector<Tensor> out;
  for (const Named& output : function.outputs) out.push_back(values.at(output.edge));
  return out;
}

TEST(Clip, ByTheNormOfAllTogether) {
  const Tensor a({2}, {3, 0}, DType::f64), b({1, 1}, {-4}, DType::f64);
  const auto out = clipped({a, b}, {.norm = 1});
  EXPECT_NEAR(out[0].at(0), 3 / (5 + 1e-6), 1e-15);
  EXPECT_NEAR(out[1].at(0), -4 / (5 + 1e-6), 1e-15);
  EXPECT_EQ(clipped({a, b}, {.norm = 6})[1].at(0), -4) << "what is within the limit stays";
}

TEST(Clip, ByValueThenByNorm) {
  const Tensor a({3}, {3, -0.5, -7}, DType::f64);
  EXPECT_EQ(clipped({a}, {.value = 2})[0].values(), (std::vector<double>{2, -0.5, -2}));
  const double norm = std::sqrt(4 + 0.25 + 4);
  EXPECT_NEAR(clipped({a}, {.norm = 1, .value = 2})[0].at(2), -2 / (norm + 1e-6), 1e-15);
  EXPECT_EQ(clipped({a}, {})[0].values(), a.values());
  EXPECT_THROW(clip({}, {.norm = -1}), Error);
  EXPECT_THROW(clip({}, {.value = std::nan("")}), Error);
}

// --- schedules ---

TEST(Schedules, ConstantAndTime) {
  EXPECT_EQ(learning_rate(complete(ScheduleSpec{}), 0.1, {.step = 1000}), 0.1);
  const ScheduleSpec time = complete(ScheduleSpec{"inverse_time", {{"k", 0.5}}});
  EXPECT_EQ(time.name, "time");
  EXPECT_EQ(learning_rate(time, 0.1, {.step = 0}), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(time, 0.1, {.step = 2}), 0.05);
  EXPECT_DOUBLE_EQ(learning_rate(time, 0.1, {.step = 18}), 0.01);
  for (const Schedule& schedule : schedules()) EXPECT_FALSE(std::string(schedule.doc).empty());
  EXPECT_THROW(complete(ScheduleSpec{"tme"}), Error);
  EXPECT_THROW(complete(ScheduleSpec{"time", {{"k", -1.0}}}), Error);
  EXPECT_THROW(complete(ScheduleSpec{"constant", {{"k", 1.0}}}), Error);
}

TEST(Schedules, StepFallsAfterEverySoManyEpochs) {
  const ScheduleSpec step = complete(ScheduleSpec{"StepLR", {{"gamma", 0.5}, {"step_size", int64_t{2}}}});
  EXPECT_EQ(step.name, "step");
  const auto rate = [&](int64_t done) {
    return learning_rate(step, 0.8, {.step = done, .steps = 80, .steps_per_epoch = 10});
  };
  EXPECT_EQ(rate(0), 0.8);
  EXPECT_EQ(rate(19), 0.8);
  EXPECT_EQ(rate(20), 0.4);
  EXPECT_EQ(rate(39), 0.4);
  EXPECT_EQ(rate(40), 0.2);
  EXPECT_EQ(learning_rate(step, 0.8, {.step = 100}), 0.8) << "without epochs nothing falls";
  const ScheduleSpec off = complete(ScheduleSpec{"step", {{"gamma", 0.0}}});
  EXPECT_EQ(learning_rate(off, 0.8, {.step = 10, .steps = 80, .steps_per_epoch = 10}), 0.0);
  EXPECT_THROW(complete(ScheduleSpec{"step", {{"step_size", int64_t{0}}}}), Error);
  EXPECT_THROW(complete(ScheduleSpec{"step", {{"gamma", -0.5}}}), Error);
}

TEST(Schedules, SenselessArgumentsAreNamed) {
  const auto message = [](const ScheduleSpec& spec) {
    try {
      complete(spec);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  using List = std::vector<int64_t>;
  EXPECT_NE(message({"multi_step"}).find("milestones"), std::string::npos);
  EXPECT_NE(message({"multi_step", {{"milestones", List{3, 3}}}}).find("each larger"), std::string::npos);
  EXPECT_NE(message({"multi_step", {{"milestones", List{}}}}).find("at least one"), std::string::npos);
  EXPECT_NE(message({"cyclic", {{"mode", std::string("exp_rang")}}}).find("did you mean \"exp_range\""),
            std::string::npos);
  EXPECT_NE(message({"one_cycle", {{"pct_start", 1.5}}}).find("from 0 to 1"), std::string::npos);
  EXPECT_NE(message({"one_cycle", {{"max_momentum", 1.0}}}).find("below 1"), std::string::npos);
  EXPECT_NE(message({"plateau", {{"factor", 1.0}}}).find("below 1"), std::string::npos);
  EXPECT_NE(message({"cosine", {{"eta_min", std::nan("")}}}).find("eta_min"), std::string::npos);
  EXPECT_NE(message({"warm_restarts", {{"T_0", int64_t{0}}}}).find("from 1 to 1e9"), std::string::npos);
  EXPECT_NE(message({"cosin"}).find("did you mean \"cosine\""), std::string::npos);
}

TEST(Schedules, WhatDoesNotFitTheRunIsRefused) {
  const auto message = [](const ScheduleSpec& spec, bool validates = true) {
    try {
      Scheduler(spec, 0.1, {.steps = 100, .steps_per_epoch = 10}, validates);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return std::string(error.what());
    }
    return std::string("none");
  };
  using List = std::vector<int64_t>;
  const Attr by_step = std::string("step");
  EXPECT_EQ(message({"multi_step", {{"milestones", List{3, 9}}}}), "none");
  EXPECT_NE(message({"multi_step", {{"milestones", List{3, 10}}}}).find("a milestone is 10 epochs, but the run has 10"),
            std::string::npos);
  EXPECT_EQ(message({"multi_step", {{"milestones", List{3, 9}}, {"warmup", 50.0}}}), "none")
      << "counted from the beginning";
  EXPECT_EQ(message({"multi_step", {{"milestones", List{99}}, {"per", by_step}}}), "none");
  EXPECT_NE(message({"multi_step", {{"milestones", List{100}}, {"per", by_step}}}).find("100 steps"),
            std::string::npos);
  EXPECT_NE(message({"step", {{"step_size", int64_t{10}}}}).find("would never come"), std::string::npos);
  EXPECT_EQ(message({"warm_restarts", {{"T_0", int64_t{10}}}}), "none");
  EXPECT_NE(message({"warm_restarts", {{"T_0", int64_t{11}}}}).find("not one cycle ends"), std::string::npos);
  EXPECT_NE(message({"cyclic", {{"step_size_up", int64_t{101}}}}).find("never peaks"), std::string::npos);
  EXPECT_NE(message({"constant", {{"warmup", 100.0}}}).find("warmup is 100 steps, but the run has 100"),
            std::string::npos);
  EXPECT_NE(
      message({"opennmt", {{"decay", std::string("epoch_only")}, {"start_decay_at", int64_t{10}}}}).find("never falls"),
      std::string::npos);
  EXPECT_NE(message({"plateau"}, false).find("no samples are held out"), std::string::npos);
  EXPECT_EQ(message({"cosine"}, false), "none");
}

TEST(Schedules, WhatWasHeardIsRestoredToTheBit) {
  for (const char* name : {"plateau", "opennmt"}) {
    const ScheduleSpec spec{name, {}};
    const Progress run{.steps = 400, .steps_per_epoch = 10};
    Scheduler whole(spec, 0.1, run, true);
    for (int64_t epoch = 1; epoch <= 40; ++epoch) {
      Scheduler resumed(spec, 0.1, run, true);
      resumed.restore(whole.state());
      const double loss = 1 + 0.3 * std::sin(double(epoch));
      resumed.end_epoch(epoch, loss);
      whole.end_epoch(epoch, loss);
      EXPECT_EQ(resumed.state(), whole.state()) << name << " " << epoch;
      EXPECT_EQ(resumed.at(epoch * 10).lr, whole.at(epoch * 10).lr);
    }
    EXPECT_LT(whole.at(399).lr, 0.1) << name;
  }
}

} // namespace
} // namespace vitro

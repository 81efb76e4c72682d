// Explanations of nets that one can follow by hand: golden text, dead and saturated units, skips, shared
// weights, neurons, letters.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "explain/explain.h"
#include "explain/gradcheck.h"
#include "ops/ops.h"

namespace vitro {
namespace {

struct Net {
  States states;
  Function function;
  std::vector<Tensor> inputs;
};

Var dense(Trace& trace, const std::string& layer, const Var& x) {
  const Scope scope(trace.graph(), layer);
  return matmul(x, trace.state(layer + ".weight"), false, true) + trace.state(layer + ".bias");
}

Var activation(Trace& trace, const std::string& layer, Var (*op)(In), const Var& x) {
  const Scope scope(trace.graph(), layer);
  return op(x);
}

// 2 inputs, 2 hidden units, 2 classes, in numbers that are easy to follow: with x = (1, 2) the hidden sums
// are 0.5 + 0.5 = 1 and -1.5 + 0.25 = -1.25.
void small_net(Net& net, Var (*op)(In) = relu, double second_bias = 0.25) {
  net.states.add("fc1.weight", Tensor(Shape{2, 2}, {0.25, 0.125, -0.5, -0.5}), true);
  net.states.add("fc1.bias", Tensor(Shape{2}, {0.5, second_bias}), true);
  net.states.add("fc2.weight", Tensor(Shape{2, 2}, {1, 2, -0.5, 0.5}), true);
  net.states.add("fc2.bias", Tensor(Shape{2}, {0, 0}), true);
  net.states.add("unused", Tensor(Shape{2}, {1, 1}), true);
  net.states.add("step", Tensor(Shape{}, {3}, DType::i32));
  Trace trace(net.states);
  const Var x = trace.input("x", {DType::f32, {1, 2}}), y = trace.input("targets", {DType::i32, {1}});
  const Var h = activation(trace, "act1", op, dense(trace, "fc1", x)), z = dense(trace, "fc2", h);
  const Scope scope(trace.graph(), "loss");
  const CrossEntropy ce = softmax_cross_entropy(z, y);
  trace.output("loss", ce.loss);
  trace.output("predictions", ce.probabilities);
  net.function = trace.finish();
  net.inputs = {Tensor(Shape{1, 2}, {1, 2}), Tensor(Shape{1}, {1}, DType::i32)};
}

void expect_has(const std::string& whole, const std::string& part) {
  EXPECT_NE(whole.find(part), std::string::npos) << "no \"" << part << "\" in\n" << whole;
}

TEST(Explain, GoldenText) {
  Net net;
  small_net(net);
  const Explanation e =
      explain_parameter(net.function, net.states, net.inputs, parse_address("fc1.weight:0,1", net.states));
  // By hand: z1 = (1, -1.25), h1 = (1, 0), z2 = (1, -0.5), p0 = e / (e + e^-0.5); dL/dz2 = (p0, p1 - 1) = (p0, -p0);
  // dL/dh1[0] = p0 * 1 + (-p0) * (-0.5) = 1.5 p0; times x[1] = 2: 3 p0.
  const double p0 = 1 / (1 + std::exp(-1.5));
  EXPECT_NEAR(e.gradient, 3 * p0, 1e-14);
  EXPECT_NEAR(e.back_propagated, 3 * p0, 1e-14);
  EXPECT_NEAR(e.forward, 3 * p0, 1e-14);
  EXPECT_NEAR(e.difference.value, 3 * p0, 1e-9);
  EXPECT_LE(e.relative_error, 1e-9);
  EXPECT_TRUE(e.adds_up && e.agrees);
  const std::string text = text_of(e);
  const std::string steps = text.substr(text.find("1.   "));
  EXPECT_EQ(steps, R"(1.   L = softmax_cross_entropy(z2, targets)   layer loss
     L = -log(p[1]) = -log(0.182426) = 1.70141
     dL/dL = 1: here the walk begins

2.   z2 = s2 + fc2.bias   layer fc2, [1, 2]: the weight reaches all 2
     rule  dL/dz2 = (p - [targets = k])
     element   value   dL/d.      d./dw   product
     z2[0]     1       0.817574   2       1.63515
     z2[1]    -0.5    -0.817574  -1       0.817574
     sum                                  2.45272 of dL/dw passes here (100 % of the gradient)
     the largest: z2[0] = s2[0] + fc2.bias[0] = 1 + 0 = 1
     dL/dz2[0] = (p[0] - [targets = 0]) = 1 * (0.817574 - 0) = 0.817574

3.   s2 = h1 fc2.weight'   layer fc2, [1, 2]: the weight reaches all 2
     rule  dL/ds2 = dL/dz2
     element   value   dL/d.      d./dw   product
     s2[0]     1       0.817574   2       1.63515
     s2[1]    -0.5    -0.817574  -1       0.817574
     sum                                  2.45272 of dL/dw passes here (100 % of the gradient)
     the largest: s2[0] = sum_j h1[j] * fc2.weight[0,j] = 1
     dL/ds2[0] = dL/dz2[0] = 0.817574

4.   h1 = relu(z1)   layer act1, [1, 2]: the weight reaches 1 of 2
     rule  dL/dh1 = dL/ds2 fc2.weight
     h1[0] = relu(z1[0]) = max(0, 1) = 1
     dL/dh1[0] is a sum of 2 terms:
       dL/ds2[0] * fc2.weight[0,0]  = 0.817574 * 1        =   0.817574
       dL/ds2[1] * fc2.weight[1,0]  = -0.817574 * (-0.5)  =   0.408787
       sum                                                    1.22636
     dh1[0]/dw = 2, so 1.22636 * 2 = 2.45272 of dL/dw passes here (100 % of the gradient)

5.   z1 = s1 + fc1.bias   layer fc1, [1, 2]: the weight reaches 1 of 2
     rule  dL/dz1 = dL/dh1 * [z1 > 0]
     z1[0] = s1[0] + fc1.bias[0] = 0.5 + 0.5 = 1
     dL/dz1[0] = dL/dh1[0] * [z1[0] > 0] = 1.22636 * [1 > 0] = 1.22636
     dz1[0]/dw = 2, so 1.22636 * 2 = 2.45272 of dL/dw passes here (100 % of the gradient)

6.   s1 = x fc1.weight'   layer fc1, [1, 2]: the weight reaches 1 of 2
     rule  dL/ds1 = dL/dz1
     s1[0] = sum_j x[j] * fc1.weight[0,j] = 0.5
     dL/ds1[0] = dL/dz1[0] = 1.22636
     ds1[0]/dw = 2, so 1.22636 * 2 = 2.45272 of dL/dw passes here (100 % of the gradient)

7.   fc1.weight[0,1], the weight itself
     rule  dL/dfc1.weight = dL/ds1' x
     dL/dfc1.weight[0,1] = dL/ds1[0] * x[1] = 1.22636 * 2 = 2.45272

)");
  expect_has(text, "the three agree; every hop adds up: if w grows by a little d, the loss grows by 2.45272 d");
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_NE(text_of(e, true).find("\033[1m"), std::string::npos);
}

TEST(Explain, Json) {
  Net net;
  small_net(net);
  const std::string json = json_of(explain_parameter(net.function, net.states, net.inputs, {"fc1.weight", 1}));
  for (const char* key : {"{\"parameter\":\"fc1.weight[0,1]\"", "\"gradient\":2.4527", "\"back_propagated\":2.4527",
                          "\"finite_difference\":2.4527",
                          "\"relative_error\":", "\"path\":[{\"node\":", "\"agrees\":true", "\"adds_up\":true"})
    expect_has(json, key);
}

TEST(Explain, SymbolicSubstitutesBack) {
  Net net;
  small_net(net);
  const Symbolic s = explain_symbolic(net.function, net.states, net.inputs, {"fc1.weight", 1});
  EXPECT_EQ(s.gradient, "dL/dfc1.weight[0,1] = sum_k (p[k] - [targets = k]) * fc2.weight[k,0] * [z1[0] > 0] * x[1]");
  EXPECT_EQ(s.hops, (std::vector<std::string>{"dL/dz2[k] = (p[k] - [targets = k])", "dL/ds2[k] = dL/dz2[k]",
                                              "dL/dh1[0] = sum_k dL/ds2[k] * fc2.weight[k,0]",
                                              "dL/dz1[0] = dL/dh1[0] * [z1[0] > 0]", "dL/ds1[0] = dL/dz1[0]",
                                              "dL/dfc1.weight[0,1] = dL/ds1[0] * x[1]"}));
  EXPECT_EQ(s.where, (std::vector<std::string>{"p[k] = exp(z2[k]) / sum_j exp(z2[j])", "z2[k] = s2[k] + fc2.bias[k]",
                                               "s2[k] = sum_j h1[j] * fc2.weight[k,j]", "h1[j] = relu(z1[j])",
                                               "z1[0] = s1[0] + fc1.bias[0]", "s1[0] = sum_j x[j] * fc1.weight[0,j]"}));
  expect_has(text_of(s), s.gradient);
  expect_has(json_of(s), "\"hops\":[\"dL/dz2[k]");
  Explainer explainer(net.function, net.states, net.inputs);
  EXPECT_EQ(explainer.symbolic({"fc2.bias", 1}).gradient, "dL/dfc2.bias[1] = (p[1] - [targets = 1])");
  EXPECT_EQ(explainer.symbolic({"unused", 1}).gradient, "dL/dunused[1] = 0");
}

TEST(Explain, DeadReluSaysWhy) {
  Net net;
  small_net(net);
  const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.weight", 2});
  EXPECT_EQ(e.gradient, 0);
  EXPECT_EQ(e.relative_error, 0);
  ASSERT_EQ(e.notes.size(), 1u);
  EXPECT_EQ(e.notes[0], "The gradient is exactly 0: z1[1] = -1.25 < 0: relu passes nothing back.");
  EXPECT_EQ(e.path.size(), 7u); // the way is shown all the same
  const StepElement& h = e.path[3].elements.at(0);
  EXPECT_EQ(h.label, "h1[1]");
  EXPECT_NE(h.adjoint, 0); // what arrives, before the relu stops it
  expect_has(text_of(e), "dL/dz1[1] = dL/dh1[1] * [z1[1] > 0] = 1.22636 * [-1.25 > 0] = 0");
}

TEST(Explain, ZeroInputSaysWhy) {
  Net net;
  small_net(net);
  net.inputs[0] = Tensor(Shape{1, 2}, {1, 0});
  const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.weight", 1});
  EXPECT_EQ(e.gradient, 0);
  ASSERT_EQ(e.notes.size(), 1u);
  expect_has(e.notes[0], "dL/ds1[0] * x[1]");
  expect_has(e.notes[0], "* 0, a factor is 0");
}

TEST(Explain, StepPassesNothing) {
  Net net;
  small_net(net, step);
  const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.weight", 1});
  EXPECT_EQ(e.gradient, 0);
  EXPECT_EQ(e.relative_error, 0);
  ASSERT_EQ(e.notes.size(), 1u);
  expect_has(e.notes[0], "step is flat wherever it is defined");
}

TEST(Explain, NoPath) {
  Net net;
  small_net(net);
  Explainer explainer(net.function, net.states, net.inputs);
  const Explanation e = explainer.parameter({"unused", 1});
  EXPECT_EQ(e.gradient, 0);
  EXPECT_TRUE(e.path.empty());
  ASSERT_EQ(e.notes.size(), 1u);
  expect_has(e.notes[0], "no path leads from unused to the loss");
  expect_has(text_of(e), "no path");
  EXPECT_EQ(explainer.gradient("unused").values(), (std::vector<double>{0, 0}));
  EXPECT_EQ(explainer.finite_difference({"unused", 0}).value, 0);
}

TEST(Explain, SaturationAndVanishing) {
  Net net;
  small_net(net, sigmoid, -30); // the second unit's sum is -31.5: the slope of its sigmoid is 2e-14
  const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.bias", 1});
  EXPECT_NE(e.gradient, 0);
  EXPECT_LT(std::fabs(e.gradient), 1e-12);
  EXPECT_LE(e.relative_error, 1e-5);
  ASSERT_EQ(e.notes.size(), 1u);
  expect_has(e.notes[0], "shrinks most from h1 to z1");
  expect_has(e.notes[0], "z1[1] = -31.5: sigmoid is nearly flat there (saturated)");
}

TEST(Explain, KinkAtTheVeryPoint) {
  Net net;
  small_net(net, relu, 1.5); // z1[1] = 0 exactly
  const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.bias", 1});
  EXPECT_TRUE(e.difference.on_kink);
  EXPECT_NEAR(e.difference.left, 0, 1e-9);
  EXPECT_NEAR(e.difference.right, 1.5 / (1 + std::exp(-1.5)), 1e-5);
  ASSERT_FALSE(e.notes.empty());
  expect_has(text_of(e), "kink");
  expect_has(json_of(e), "\"finite_difference\":null");
  const GradcheckResult result = gradcheck(net.function, net.states, net.inputs);
  EXPECT_EQ(result.non_differentiable, 3); // two weights and the bias of that unit
  EXPECT_EQ(result.checked, 9);
  EXPECT_EQ(result.failed, 0);
}

TEST(Explain, KinkBesideThePoint) {
  for (const double distance : {1e-2, 1e-4, 1e-6}) {
    Net net;
    small_net(net, relu, 1.5 + distance);
    net.states.write("fc1.weight", Tensor(Shape{2, 2}, {0.25, 0.125, -0.5, -0.5}));
    const Explanation e = explain_parameter(net.function, net.states, net.inputs, {"fc1.bias", 1});
    EXPECT_FALSE(e.difference.on_kink);
    EXPECT_NEAR(e.difference.kink_distance, distance, 0.1 * distance);
    expect_has(e.difference.kink, "relu at h1[1] changes sides");
    EXPECT_LE(e.relative_error, 1e-8) << distance;
  }
}

TEST(Explain, SkipsAndSharedWeights) {
  Net net;
  const Stream stream(3, "skips");
  Tensor w(Type{DType::f32, Shape{4, 4}}), x(Type{DType::f32, Shape{2, 4}});
  for (int64_t i = 0; i < 16; ++i) w.set(i, stream.uniform(0, uint64_t(i), -1, 1));
  for (int64_t i = 0; i < 8; ++i) x.set(i, stream.uniform(1, uint64_t(i), -1, 1));
  net.states.add("w", w, true);
  Trace trace(net.states);
  Var h = trace.input("x", {DType::f32, {2, 4}});
  for (int i = 0; i < 20; ++i) h = h + tanh(matmul(h, trace.state("w"))) * 0.1; // 2^20 paths, one weight
  trace.output("loss", squared_error(h, full_like(h, 0.5)));
  net.function = trace.finish();
  net.inputs = {x};
  Explainer explainer(net.function, net.states, net.inputs);
  for (int64_t i = 0; i < 16; ++i) {
    const Explanation e = explainer.parameter({"w", i});
    EXPECT_TRUE(e.adds_up) << text_of(e);
    EXPECT_LE(e.relative_error, 1e-9);
    EXPECT_LE(relative_error(e.forward, e.gradient), 1e-12);
    EXPECT_EQ(e.path.back().elements.at(0).terms.size() + size_t(e.path.back().elements.at(0).rest_terms),
              40u); // 20 products, 2 rows
  }
  const Symbolic s = explainer.symbolic({"w", 5});
  EXPECT_LT(s.gradient.size(), 30000u);
  EXPECT_FALSE(s.notes.empty()); // too long to be substituted in full
}

TEST(Explain, NeuronShowsItsSum) {
  Net net;
  small_net(net);
  const Neuron n = explain_neuron(net.function, net.states, net.inputs, "fc1", 1, {.terms = 1});
  EXPECT_EQ(n.units, 2);
  EXPECT_EQ(n.formula, "s1[1] = sum_j x[j] * fc1.weight[1,j]");
  ASSERT_EQ(n.products.size(), 1u);
  EXPECT_EQ(n.products[0].expression, "x[1] * fc1.weight[1,1]");
  EXPECT_EQ(n.products[0].product, -1);
  EXPECT_EQ(n.rest_products, 1);
  EXPECT_EQ(n.rest, -0.5);
  EXPECT_EQ(n.sum, -1.5);
  ASSERT_EQ(n.stages.size(), 2u);
  EXPECT_EQ(n.stages[0].expression, "z1[1] = s1[1] + fc1.bias[1]");
  EXPECT_EQ(n.stages[0].value, -1.25);
  EXPECT_EQ(n.stages[1].expression, "h1[1] = relu(z1[1])");
  EXPECT_EQ(n.output, 0);
  expect_has(text_of(n), "z1[1] = s1[1] + fc1.bias[1] = -1.5 + 0.25 = -1.25");
  expect_has(json_of(n), "\"sum\":-1.5");

  Explainer explainer(net.function, net.states, net.inputs);
  EXPECT_EQ(explainer.neuron_layers(), (std::vector<std::string>{"fc1", "fc2"}));
  const auto message = [&](const std::string& layer, int64_t unit) {
    try {
      explainer.neuron(layer, unit);
    } catch (const Error& error) { return std::string(error.what()); }
    return std::string("no error");
  };
  expect_has(message("fc3", 0), "there is fc1, fc2");
  expect_has(message("fc_1", 0), "did you mean");
  expect_has(message("fc1", 2), "has 2 neurons");
  expect_has(message("fc1", -1), "0 to 1");
}

TEST(Explain, Steepest) {
  Net net;
  small_net(net);
  const ElementAddress best = steepest(net.function, net.states, net.inputs);
  Explainer explainer(net.function, net.states, net.inputs);
  const double most = std::fabs(explainer.parameter(best).gradient);
  for (const char* name : {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"})
    for (const double g : explainer.gradient(name).values()) EXPECT_LE(std::fabs(g), most);
}

TEST(Explain, BadInput) {
  Net net;
  small_net(net);
  const auto message = [&](auto use) {
    try {
      use();
    } catch (const Error& error) { return std::string(error.what()); }
    return std::string("no error");
  };
  Explainer explainer(net.function, net.states, net.inputs);
  expect_has(message([&] { explainer.parameter({"fc1.wieght", 0}); }), "did you mean \"fc1.weight\"");
  expect_has(message([&] { explainer.parameter({"fc1.weight", 4}); }), "[2, 2]");
  expect_has(message([&] { explainer.parameter({"step", 0}); }), "integers have no derivative");
  expect_has(message([&] { Explainer(net.function, net.states, net.inputs, {.loss = "predictions"}); }),
             "expected one floating-point number");
  expect_has(message([&] { Explainer(net.function, net.states, net.inputs, {.loss = "lost"}); }),
             "did you mean \"loss\"");
  expect_has(message([&] { Explainer(net.function, net.states, {net.inputs[0]}); }), "1 inputs given");
  expect_has(message([&] { Explainer(net.function, net.states, net.inputs, {.terms = 0}); }), "at least 1");
}

TEST(Explain, BatchesAndTargetsAsProbabilities) {
  Net net;
  net.states.add("w", Tensor(Shape{3, 2}, {0.5, -0.25, 0.125, 1, -1, 0.75}), true);
  Trace trace(net.states);
  const Var x = trace.input("x", {DType::f32, {4, 3}}), t = trace.input("targets", {DType::f32, {4, 2}});
  trace.output("loss", softmax_cross_entropy(matmul(x, trace.state("w")), t).loss);
  net.function = trace.finish();
  net.inputs = {Tensor(Shape{4, 3}, {1, 2, 3, -1, 0.5, 0.25, 2, -2, 1, 0.1, 0.2, 0.3}),
                Tensor(Shape{4, 2}, {0.5, 0.5, 1, 0, 0.25, 0.5, 0, 3})};
  Explainer explainer(net.function, net.states, net.inputs);
  for (int64_t i = 0; i < 6; ++i) {
    const Explanation e = explainer.parameter({"w", i});
    EXPECT_TRUE(e.adds_up && e.agrees) << text_of(e);
  }
  const Symbolic s = explainer.symbolic({"w", 3});
  EXPECT_EQ(s.gradient, "dL/dw[1,1] = sum_k (p[k,1] * sum(targets) - targets[k,1]) / 4 * x[k,1]");
}

// The figures that this room owes: one weight of a 784-128-10 net well under 2 s, a hundred in a minute.
TEST(Explain, IsQuickOnAnMlp) {
  Net net;
  const Stream stream(1, "mlp");
  uint64_t which = 0;
  const auto random = [&](const Shape& shape, double size) {
    Tensor out(Type{DType::f32, shape});
    for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stream.uniform(which, uint64_t(i), -size, size));
    ++which;
    return out;
  };
  net.states.add("fc1.weight", random(Shape{128, 784}, 1 / 28.0), true);
  net.states.add("fc1.bias", random(Shape{128}, 1 / 28.0), true);
  net.states.add("fc2.weight", random(Shape{10, 128}, 1 / 11.0), true);
  net.states.add("fc2.bias", random(Shape{10}, 1 / 11.0), true);
  Trace trace(net.states);
  const Var x = trace.input("x", {DType::f32, {1, 784}}), y = trace.input("targets", {DType::i32, {1}});
  const Var z = dense(trace, "fc2", activation(trace, "relu1", relu, dense(trace, "fc1", x)));
  trace.output("loss", softmax_cross_entropy(z, y).loss);
  net.function = trace.finish();
  net.inputs = {random(Shape{1, 784}, 1), Tensor(Shape{1}, {3}, DType::i32)};

  const auto start = std::chrono::steady_clock::now();
  Explainer explainer(net.function, net.states, net.inputs);
  for (const ElementAddress& address : parse_addresses("random:100", net.states)) {
    const Explanation e = explainer.parameter(address);
    EXPECT_TRUE(e.adds_up && e.agrees) << text_of(e);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(seconds, 60);
}

} // namespace
} // namespace vitro

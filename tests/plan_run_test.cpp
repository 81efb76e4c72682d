// What a plan promises beyond its numbers: updates together, the guard, layouts that nobody sees, shared
// arenas, clear errors.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "core/error.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"
#include "plan/plan.h"
#include "tests/op_cases.h"

namespace vitro {
namespace {

using namespace test;

struct Ready {
  std::shared_ptr<Plan> plan;
  Execution execution;
  Ready(const Function& function, States& states, PlanOptions options = {},
        std::shared_ptr<Arena> arena = std::make_shared<Arena>())
      : plan(std::make_shared<Plan>(function, states, options)), execution(plan, arena) {}
};

TEST(Updates, TwoStatesSwap) {
  for (const bool fuse : {true, false}) {
    States states;
    const Tensor a = random_tensor({17, 3}, 1), b = random_tensor({17, 3}, 2);
    states.add("a", a, true);
    states.add("b", b, true);
    Trace trace(states);
    trace.update("a", trace.state("b"));
    trace.update("b", trace.state("a"));
    Ready ready(trace.finish(), states, {.fuse = fuse});
    ready.execution.run();
    EXPECT_EQ(states.read("a"), b);
    EXPECT_EQ(states.read("b"), a);
    ready.execution.run();
    EXPECT_EQ(states.read("a"), a);
    EXPECT_EQ(states.read("b"), b);
  }
}

TEST(Updates, ReadOldValuesWhateverTheOrder) {
  for (const bool fuse : {true, false}) {
    States states;
    for (const char* name : {"a", "b", "c"}) states.add(name, Tensor::full({DType::f32, {5}}, name[0] - 'a' + 1), true);
    Trace trace(states);
    const Var a = trace.state("a"), b = trace.state("b"), c = trace.state("c");
    const Var new_a = a + b;
    trace.update("c", a * 10); // wants a before it changes
    trace.update("a", new_a);
    trace.update("b", new_a + c); // wants c before it changes, and a after
    trace.output("old a", a);
    trace.output("new a", new_a);
    Ready ready(trace.finish(), states, {.fuse = fuse});
    ready.execution.run();
    EXPECT_EQ(states.read("a").at(4), 3);
    EXPECT_EQ(states.read("b").at(4), 6);
    EXPECT_EQ(states.read("c").at(4), 10);
    EXPECT_EQ(ready.execution.output(0).at(4), 1) << "an output is the state as it was";
    EXPECT_EQ(ready.execution.output(1).at(4), 3);
  }
}

TEST(Updates, OneValueForTwoStatesAndAStateFromAnInput) {
  States states;
  states.add("a", Tensor(Shape{3}, {0, 0, 0}));
  states.add("b", Tensor(Shape{3}, {0, 0, 0}));
  states.add("c", Tensor(Shape{3}, {1, 2, 3}));
  states.add("never read", Tensor(Shape{3}, {9, 9, 9}));
  Trace trace(states);
  const Var x = trace.input("x", {DType::f32, {3}});
  const Var y = x * 2;
  trace.update("a", y);
  trace.update("b", y);
  trace.update("c", x);
  trace.update("never read", constant(trace.graph(), Tensor(Shape{3}, {4, 5, 6})));
  Ready ready(trace.finish(), states);
  const Tensor value(Shape{3}, {1, 2, 3});
  ready.execution.bind(0, value);
  ready.execution.run();
  EXPECT_EQ(states.read("a").values(), (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(states.read("b"), states.read("a"));
  EXPECT_EQ(states.read("c"), value);
  EXPECT_EQ(states.read("never read").values(), (std::vector<double>{4, 5, 6}));
}

// A step of a small net: its weight is kept in panels by the plan.
struct Net {
  States states;
  Function function;
  Tensor x = random_tensor({3, 7}, 1), labels = random_indices({3}, 2, 5);
  explicit Net(bool divides = false) {
    states.add("w", random_tensor({5, 7}, 3, 0.1, 0.9), true);
    states.add("w/m", Tensor(Type{DType::f32, {5, 7}}));
    Trace trace(states);
    const Var in = trace.input("x", x.type()), t = trace.input("t", labels.type());
    const Var w = trace.state("w"), logits = matmul(in, w, false, true);
    const Var loss = softmax_cross_entropy(logits, t).loss;
    const Var m = trace.state("w/m") * 0.9 + gradient(loss, {w})[0];
    trace.output("loss", loss);
    trace.update("w", divides ? square(w) / w - m * 0.1 : w - m * 0.1);
    trace.update("w/m", m);
    function = trace.finish();
  }
  void bind(Execution& execution) const {
    execution.bind(0, x);
    execution.bind(1, labels);
  }
};

TEST(Layouts, ArePackedInsideAndNeverSeen) {
  Net net, plain;
  Ready ready(net.function, net.states);
  net.bind(ready.execution);
  EXPECT_FALSE(net.states.at("w").layout.row_major()) << "the product wishes for panels";
  EXPECT_EQ(net.states.at("w").layout, net.states.at("w/m").layout) << "the moment follows the parameter";
  EXPECT_EQ(ready.plan->str().find("reorder"), std::string::npos) << "nothing is repacked in a step:\n"
                                                                  << ready.plan->str();
  EXPECT_EQ(net.states.read("w"), plain.states.read("w"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ready.execution.run());
    commit(plain.function,
           interpret(plain.function, read_states(plain.states), {plain.x, plain.labels}, {.floats = DType::f64}),
           plain.states);
  }
  for (const char* name : {"w", "w/m"}) {
    const Tensor found = net.states.read(name), truth = plain.states.read(name);
    for (int64_t i = 0; i < found.elements(); ++i) EXPECT_NEAR(found.at(i), truth.at(i), 1e-6) << name;
  }
}

TEST(Layouts, StayAsTheFirstPlanChoseThem) {
  Net net;
  Ready step(net.function, net.states);
  net.bind(step.execution);
  const Layout chosen = net.states.at("w").layout;
  const Tensor before = net.states.read("w");
  Trace trace(net.states); // another function over the same state, which would rather have it row-major
  trace.output("row sums", sum(trace.state("w"), {1}));
  trace.output("transposed", transpose(trace.state("w")));
  trace.output("itself", trace.state("w"));
  Ready other(trace.finish(), net.states);
  EXPECT_EQ(net.states.at("w").layout, chosen);
  other.execution.run();
  EXPECT_EQ(Tensor::copy_of(other.execution.output(2)), before);
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t k = 0; k < 7; ++k) EXPECT_EQ(other.execution.output(1).at(k * 5 + i), before.at(i * 7 + k));
  ASSERT_TRUE(step.execution.run());
  const Tensor after = net.states.read("w");
  EXPECT_FALSE(after == before);
  other.execution.run();
  EXPECT_EQ(Tensor::copy_of(other.execution.output(2)), after) << "each run reads the state as it is";
}

// 0/0 in the padding of a packed state is nobody's business.
TEST(Layouts, PaddingIsNotReported) {
  Net net(true);
  Ready ready(net.function, net.states);
  net.bind(ready.execution);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ready.execution.run());
    EXPECT_FALSE(ready.execution.nonfinite_update());
  }
  const Tensor w = net.states.read("w");
  for (int64_t i = 0; i < w.elements(); ++i) EXPECT_TRUE(std::isfinite(w.at(i)));
}

TEST(Guard, StopsBeforeAnyUpdate) {
  for (const bool fuse : {true, false}) {
    States states;
    states.add("w", Tensor(Shape{40}, std::vector<double>(40, 1)), true);
    states.add("count", Tensor::scalar(0));
    Trace trace(states);
    const Var x = trace.input("x", {DType::f32, {40}}), w = trace.state("w");
    const Var loss = mean(log(x * w));
    trace.update("count", trace.state("count") + 1);
    trace.update("w", w - gradient(loss, {w})[0] * 0.1);
    trace.output("loss", loss);
    Ready ready(trace.finish(), states, {.fuse = fuse, .guard = 0});
    const Tensor good = Tensor::full({DType::f32, {40}}, 2);
    Tensor bad = good;
    bad.set(17, -1);
    ready.execution.bind(0, good);
    EXPECT_TRUE(ready.execution.run());
    EXPECT_EQ(states.read("count").at(0), 1);
    const Tensor w1 = states.read("w");
    ready.execution.bind(0, bad);
    EXPECT_FALSE(ready.execution.run());
    EXPECT_TRUE(std::isnan(ready.execution.output(0).at(0)));
    EXPECT_EQ(states.read("count").at(0), 1);
    EXPECT_EQ(states.read("w"), w1);
    ready.execution.bind(0, good);
    EXPECT_TRUE(ready.execution.run());
    EXPECT_EQ(states.read("count").at(0), 2);
    EXPECT_FALSE(states.read("w") == w1);
  }
}

TEST(Guard, OfAConstantOrAStateHolds) {
  States states;
  states.add("w", Tensor::scalar(INFINITY), true);
  states.add("count", Tensor::scalar(0));
  Trace trace(states);
  trace.output("w", trace.state("w"));
  trace.update("count", trace.state("count") + 1);
  Ready ready(trace.finish(), states, {.guard = 0});
  EXPECT_FALSE(ready.execution.run()) << "the guarded output is not finite";
  EXPECT_EQ(states.read("count").at(0), 0);
}

TEST(Nonfinite, AnUpdateThatOverflowsIsReported) {
  for (const int64_t n : {1, 3, 17, 600}) {
    States states;
    states.add("w", Tensor::full({DType::f32, {n}}, 1e30), true);
    states.add("m", Tensor::full({DType::f32, {n}}, 1e30));
    Trace trace(states);
    const Var x = trace.input("x", {DType::f32, {n}});
    trace.update("w", trace.state("w") * x);
    trace.update("m", trace.state("m") * 1e30); // not trainable: not looked at
    Ready ready(trace.finish(), states);
    Tensor factor = Tensor::full({DType::f32, {n}}, 1);
    ready.execution.bind(0, factor);
    EXPECT_TRUE(ready.execution.run());
    EXPECT_FALSE(ready.execution.nonfinite_update()) << n;
    factor.set(n - 1, 1e30);
    EXPECT_TRUE(ready.execution.run());
    EXPECT_TRUE(ready.execution.nonfinite_update()) << n;
  }
}

TEST(Run, CountsSubnormalNumbersAsZeroAndLeavesTheCallersMode) {
  States states;
  Trace trace(states);
  const Var x = trace.input("x", {DType::f32, {3}});
  trace.output("y", x * 0.5);
  const Tensor given{Shape{3}, {0x1p-126, 0x1p-125, -0x1p-126}};
  Execution execution(std::make_shared<const Plan>(trace.finish(), states), std::make_shared<Arena>());
  execution.bind(0, given.view());
  ASSERT_TRUE(execution.run());
  EXPECT_EQ(Tensor::copy_of(execution.output(0)), (Tensor{Shape{3}, {0, 0x1p-126, -0.0}}));
  volatile float least = 0x1p-126F;
  EXPECT_GT(least / 2, 0);
}

TEST(Bind, WhatDoesNotFitIsAClearError) {
  Net net;
  Ready ready(net.function, net.states);
  EXPECT_THROW(ready.execution.run(), Error) << "nothing bound";
  EXPECT_THROW(ready.execution.bind(0, Tensor(Type{DType::f32, {3, 8}})), Error);
  EXPECT_THROW(ready.execution.bind(0, Tensor(Type{DType::f64, {3, 7}})), Error);
  EXPECT_THROW(ready.execution.bind(1, Tensor(Type{DType::f32, {3}})), Error);
  EXPECT_THROW(ready.execution.bind(2, net.x), Error);
  try {
    ready.execution.bind(0, Tensor(Type{DType::f32, {3, 8}}));
  } catch (const Error& error) {
    const std::string what = error.what();
    for (const char* piece : {"\"x\"", "f32[3, 8]", "f32[3, 7]"})
      EXPECT_NE(what.find(piece), std::string::npos) << what;
  }
  net.bind(ready.execution);
  EXPECT_TRUE(ready.execution.run());
}

TEST(Bind, InputsAreReadInPlaceAtEveryRun) {
  const States none;
  Trace trace(none);
  const Var first = trace.input("x", {DType::f32, {3}}), second = trace.input("z", {DType::f32, {3}});
  trace.output("y", exp(first) * 0 + second);
  States states;
  Ready ready(trace.finish(), states);
  Tensor x(Type{DType::f32, {3}}), z(Type{DType::f32, {3}}), elsewhere = Tensor::full({DType::f32, {3}}, 7);
  ready.execution.bind(0, x);
  ready.execution.bind(1, z);
  ready.execution.run();
  EXPECT_EQ(ready.execution.output(0).at(0), 0);
  z.set(0, 5);
  ready.execution.run();
  EXPECT_EQ(ready.execution.output(0).at(0), 5);
  ready.execution.bind(1, elsewhere);
  ready.execution.run();
  EXPECT_EQ(ready.execution.output(0).at(0), 7);
  EXPECT_EQ(x, Tensor(Type{DType::f32, {3}})) << "an input is never written";
}

TEST(Outputs, OfEveryKind) {
  States states;
  states.add("w", random_tensor({2, 3}, 1));
  Trace trace(states);
  const Var x = trace.input("x", {DType::f32, {2, 3}}), labels = trace.input("labels", {DType::i32, {2}});
  const Var y = x + 1;
  trace.output("an input", x);
  trace.output("whole numbers", labels);
  trace.output("a state", trace.state("w"));
  trace.output("a constant", constant(trace.graph(), Tensor(Shape{2}, {4, 5})));
  trace.output("an alias of an input", reshape(x, {3, 2}));
  trace.output("an alias of an alias", reshape(reshape(y, {6}), {1, 6}));
  trace.output("twice", y);
  trace.output("twice again", y);
  trace.output("nothing", slice(y, 0, 0, 0));
  Ready ready(trace.finish(), states);
  const Tensor value = random_tensor({2, 3}, 2), classes = random_indices({2}, 3, 9);
  ready.execution.bind(0, value);
  ready.execution.bind(1, classes);
  ASSERT_TRUE(ready.execution.run());
  const auto output = [&](size_t i) { return Tensor::copy_of(ready.execution.output(i)); };
  EXPECT_EQ(output(0), value);
  EXPECT_EQ(output(1), classes);
  EXPECT_EQ(output(2), states.read("w"));
  EXPECT_EQ(output(3).values(), (std::vector<double>{4, 5}));
  EXPECT_EQ(output(4), value.reshaped({3, 2}));
  EXPECT_EQ(output(5).at(0), double(float(value.at(0)) + 1.0f));
  EXPECT_EQ(output(6), output(7));
  EXPECT_EQ(output(8).shape(), (Shape{0, 3}));
}

TEST(Arena, IsSharedByPlansOfAnySize) {
  States states;
  const auto arena = std::make_shared<Arena>();
  std::vector<std::unique_ptr<Ready>> ready;
  std::vector<Tensor> inputs;
  for (const int64_t n : {3, 1000, 17}) { // the second makes the arena move
    Trace trace(states);
    const Var x = trace.input("x", {DType::f32, {n}});
    trace.output("y", sum(exp(tanh(x))));
    ready.push_back(std::make_unique<Ready>(trace.finish(), states, PlanOptions{}, arena));
    inputs.push_back(random_tensor({n}, uint64_t(n)));
  }
  std::vector<double> first;
  for (int round = 0; round < 2; ++round)
    for (size_t i = 0; i < ready.size(); ++i) {
      ready[i]->execution.bind(0, inputs[i]);
      ready[i]->execution.run();
      const double y = ready[i]->execution.output(0).at(0);
      if (round == 0)
        first.push_back(y);
      else
        EXPECT_EQ(y, first[i]);
    }
  int64_t largest = 0;
  for (const auto& one : ready) largest = std::max(largest, one->plan->arena_bytes());
  EXPECT_EQ(int64_t(arena->size()), largest);
}

TEST(Plan, ReusesItsMemory) {
  const States none;
  States states;
  Trace trace(none);
  Var x = trace.input("x", {DType::f32, {1000}});
  for (int i = 0; i < 50; ++i) x = tanh(x) + 0.1;
  trace.output("y", x);
  const Function f = trace.finish();
  const Plan fused(f, states), unfused(f, states, {.fuse = false});
  EXPECT_LE(fused.arena_bytes(), 3 * 4032);
  EXPECT_LE(unfused.arena_bytes(), 3 * 4032) << "two buffers take turns, at most one is spare";
}

// What an LSTM keeps for the way back lies where its gates lay, and their derivative there after it; not where somebody
// asks for the gates afterwards.
TEST(Plan, KernelsWriteOverInputsThatDie) {
  States states;
  const int64_t batch = 3, time = 400, units = 8, all = batch * time * 4 * units * int64_t(sizeof(float));
  const Tensor x = random_tensor({batch, time, 4 * units}, 5), w = random_tensor({4 * units, units}, 6);
  std::vector<Tensor> dgates;
  std::vector<int64_t> bytes;
  for (const bool asked : {false, true}) {
    Trace trace(states);
    const Var gates = trace.input("x", {DType::f32, x.shape()}) + 0.1, weight = constant(trace.graph(), w);
    const Var h = constant(trace.graph(), Tensor::full({DType::f32, {batch, units}}, 0.5));
    trace.output("dgates", gradient(sum(square(lstm(gates, weight, h, h).y)), {gates})[0]);
    if (asked) trace.output("gates", gates);
    Ready ready(trace.finish(), states);
    ready.execution.bind(0, x);
    ASSERT_TRUE(ready.execution.run());
    dgates.push_back(Tensor::copy_of(ready.execution.output(0)));
    bytes.push_back(ready.plan->arena_bytes());
    if (!asked) continue;
    EXPECT_EQ(ready.execution.output(1).at(7), double(float(x.at(7)) + 0.1f));
  }
  EXPECT_EQ(dgates[0], dgates[1]);
  EXPECT_LT(bytes[0], 2 * all + all / 4) << "the gates; y and what arrives at it, the cells, the state's scratch";
  EXPECT_EQ(bytes[0] + all, bytes[1]);
}

TEST(Plan, DoubleIsRefused) {
  const States none;
  States states;
  Trace trace(none);
  trace.output("y", exp(trace.input("x", {DType::f64, {3}})));
  const Function f = trace.finish();
  EXPECT_THROW(Plan(f, states), std::logic_error);
}

} // namespace
} // namespace vitro

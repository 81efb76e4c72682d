// States, traces and functions: names, layouts behind the scenes, what is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "graph/function.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

TEST(States, NamesAndValues) {
  States states;
  states.add("w", Tensor(Shape{2, 2}, {1, 2, 3, 4}), true);
  states.add("step", Tensor::scalar(0));
  EXPECT_EQ(states.names(), (std::vector<std::string>{"w", "step"}));
  EXPECT_EQ(states.names(true), (std::vector<std::string>{"w"}));
  EXPECT_EQ(states.parameters(), 4);
  EXPECT_THROW(states.add("w", Tensor::scalar(0)), Error);
  EXPECT_THROW(states.write("w", Tensor::scalar(0)), Error);
  EXPECT_THROW(states.write("w", Tensor(Shape{2, 2}, {1, 2, 3, 4}, DType::f64)), Error);
  try {
    states.read("sten");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"step\""), std::string::npos) << error.what();
  }
}

TEST(States, ALayoutIsNeverSeenFromOutside) {
  States states;
  Tensor value({DType::f32, {17, 5}});
  for (int64_t i = 0; i < value.elements(); ++i) value.set(i, double(i));
  State& state = states.add("w", value, true);
  states.choose_layout(state, {0, 16});
  EXPECT_EQ(int64_t(state.storage.size()), 32 * 5 * 4);
  EXPECT_EQ(states.read("w"), value);
  const Tensor other = Tensor::full(value.type(), 7);
  states.write("w", other);
  EXPECT_EQ(states.read("w"), other);
  states.choose_layout(state, row_major);
  EXPECT_EQ(states.read("w"), other);
}

TEST(Trace, RefusesWhatMakesNoSense) {
  States states;
  states.add("w", Tensor(Shape{2}, {1, 2}), true);
  Trace trace(states);
  const Var x = trace.input("x", {DType::f32, {2}});
  EXPECT_THROW(trace.input("x", {DType::f32, {2}}), Error);
  EXPECT_THROW(trace.state("v"), Error);
  EXPECT_EQ(trace.state("w"), trace.state("w")) << "one node per state";
  EXPECT_THROW(trace.update("w", sum(x)), Error);
  trace.update("w", x);
  EXPECT_THROW(trace.update("w", x), Error);
  EXPECT_THROW(trace.update("v", x), Error);
  EXPECT_THROW(trace.output("y", Var{}), std::logic_error);
}

TEST(Function, PositionsByName) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("left", {DType::f32, {2}}), y = trace.input("right", {DType::f32, {2}});
  trace.output("sum", x + y);
  trace.output("product", x * y);
  const Function f = trace.finish();
  EXPECT_EQ(f.input("right"), 1u);
  EXPECT_EQ(f.output("product"), 1u);
  EXPECT_THROW(f.input("lefft"), Error);
  EXPECT_THROW(f.output("difference"), Error);
}

TEST(Interpret, UpdatesTakeEffectTogether) {
  States states;
  states.add("a", Tensor::scalar(1));
  states.add("b", Tensor::scalar(2));
  Trace trace(states);
  trace.update("a", trace.state("b"));
  trace.update("b", trace.state("a") + trace.state("b"));
  const Function f = trace.finish();
  for (int i = 0; i < 8; ++i) commit(f, interpret(f, read_states(states, f), {}), states);
  EXPECT_EQ(states.read("a").at(0), 55); // Fibonacci
  EXPECT_EQ(states.read("b").at(0), 89);
}

TEST(Interpret, InputsAreChecked) {
  const States none;
  Trace trace(none);
  trace.output("y", exp(trace.input("x", {DType::f32, {2}})));
  const Function f = trace.finish();
  EXPECT_THROW(interpret(f, {}, {}), Error);
  EXPECT_THROW(interpret(f, {}, {Tensor::scalar(1)}), Error);
  EXPECT_THROW(interpret(f, {}, {Tensor(Shape{2}, {1, 2}, DType::i32)}), Error);
  EXPECT_EQ(interpret(f, {}, {Tensor(Shape{2}, {0, 0}, DType::f64)}).at(f.outputs[0].edge).dtype(), DType::f32);
  const auto wide = interpret(f, {}, {Tensor(Shape{2}, {1, 2})}, {.floats = DType::f64});
  EXPECT_EQ(wide.at(f.outputs[0].edge).at(0), std::exp(1.0));
}

TEST(Interpret, NamesTheFirstNodeThatIsNotFinite) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f32, {2}}), y = log(x);
  trace.output("y", y * 2);
  const Function f = trace.finish();
  EXPECT_EQ(first_nonfinite(f, interpret(f, {}, {Tensor(Shape{2}, {1, 2})})), -1);
  EXPECT_EQ(first_nonfinite(f, interpret(f, {}, {Tensor(Shape{2}, {1, 0})})), y.edge().node);
}

} // namespace
} // namespace vitro

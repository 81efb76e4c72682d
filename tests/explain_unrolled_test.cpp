// A recurrent net step by step: what is said to arrive at each step, against what finite differences say.
#include <cmath>

#include <gtest/gtest.h>

#include "core/random.h"
#include "explain/unrolled.h"
#include "model/model.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

Tensor normal_numbers(const Shape& shape) {
  const Stream stream(7, "x");
  Tensor x({DType::f64, shape});
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, stream.normal(0, uint64_t(i)));
  return x;
}

ModelSpec spec_of(const char* cell, bool both) {
  ModelSpec spec{.net = make_net("lstm", {{"cell", std::string(cell)},
                                          {"hidden", int64_t{4}},
                                          {"bidirectional", int64_t(both)},
                                          {"over", std::string("mean")}}),
                 .sample = {5, 3},
                 .outputs = 2,
                 .dtype = DType::f64};
  spec.sequence = true;
  return spec;
}

TEST(Unrolled, TheInputsGradientIsThatOfDifferences) {
  for (const char* cell : {"rnn", "gru", "lstm"}) {
    SCOPED_TRACE(cell);
    const Model model(spec_of(cell, false));
    const Tensor x = normal_numbers({1, 5, 3}), label(Shape{1}, {1}, DType::i32);
    const auto layers = unroll(model.loss_function({1, 5, false}), model.states(), {x, label});
    ASSERT_EQ(layers.size(), 1u);
    EXPECT_EQ(layers[0].kind, cell);
    EXPECT_EQ(layers[0].part, "l0");
    ASSERT_EQ(layers[0].steps.size(), 5u);
    for (int64_t t = 0; t < 5; ++t) {
      double squares = 0;
      for (int64_t i = 0; i < 3; ++i) {
        const auto loss_at = [&](double away) {
          Tensor moved = x;
          moved.set(t * 3 + i, x.at(t * 3 + i) + away);
          return model.evaluate(moved, label).loss;
        };
        const double slope = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
        squares += slope * slope;
      }
      EXPECT_NEAR(layers[0].steps[size_t(t)].input, std::sqrt(squares), 1e-8) << "step " << t;
    }
  }
}

TEST(Unrolled, StepsBehindTheEndAreNone) {
  const Model model(spec_of("lstm", true));
  const Tensor x = normal_numbers({1, 5, 3}), label(Shape{1}, {0}, DType::i32), lengths(Shape{1}, {3}, DType::i32);
  const auto layers = unroll(model.loss_function({1, 5, true}), model.states(), {x, lengths, label});
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_FALSE(layers[0].backwards);
  EXPECT_TRUE(layers[1].backwards);
  EXPECT_EQ(layers[1].part, "l0_reverse");
  for (const Unrolled& layer : layers) {
    ASSERT_EQ(layer.steps.size(), 3u);
    for (const UnrolledStep& step : layer.steps) {
      EXPECT_GT(step.input, 0);
      EXPECT_GT(step.state, 0);
      EXPECT_GT(step.cell, 0);
      ASSERT_EQ(step.gates.size(), 4u);
      for (const size_t gate : {0, 1, 3}) EXPECT_TRUE(step.gates[gate] > 0 && step.gates[gate] < 1) << gate;
    }
    EXPECT_TRUE(std::isfinite(layer.growth()));
  }
  // With the mean over three steps, what arrives at the state that is made last comes by its own output alone.
  const double last = layers[0].steps[2].state, first = layers[1].steps[0].state;
  EXPECT_GT(last, 0);
  EXPECT_GT(first, 0);
}

TEST(Unrolled, ANetWithoutRecurrenceHasNone) {
  const Model model({.net = mlp({3}), .sample = {2}, .outputs = 2, .dtype = DType::f64});
  EXPECT_TRUE(
      unroll(model.loss_function(1), model.states(), {normal_numbers({1, 2}), Tensor(Shape{1}, {1}, DType::i32)})
          .empty());
}

} // namespace
} // namespace vitro

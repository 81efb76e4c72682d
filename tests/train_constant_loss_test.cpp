// The best constant answer's loss in closed form, against the loss's own graph descended numerically.
#include "train/constant_loss.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

struct Case {
  std::string loss, reduction;
  int64_t outputs;
  Attrs args = {};
  double slack = 1e-6; // a kink is only come near to
};

Dataset classes(int64_t count, const std::vector<double>& labels) {
  Dataset out;
  out.schema.goal = Goal::classes;
  for (int64_t j = 0; j < count; ++j) out.schema.classes.push_back(text("class ", j));
  const auto n = int64_t(labels.size());
  out.samples = Tensor(Type{DType::f32, Shape{n, 1}});
  out.labels = Tensor(Shape{n}, labels, DType::i32);
  return out;
}

Dataset numbers(int64_t outputs, const std::vector<double>& targets) {
  Dataset out;
  out.schema.goal = Goal::numbers;
  const int64_t n = int64_t(targets.size()) / outputs;
  out.schema.target = {.mean = {0.5}, .deviation = {2}};
  out.samples = Tensor(Type{DType::f32, Shape{n, 1}});
  out.targets = Tensor(Shape{n, outputs}, targets);
  return out;
}

// The loss of every sample answered alike, as low as 1,500 ever smaller steps down its gradient bring it.
double descended(const Case& it, const Dataset& data) {
  const int64_t n = data.size();
  const bool labels = data.schema.goal == Goal::classes;
  Tensor targets = labels ? data.labels : Tensor(Type{DType::f64, Shape{n, it.outputs}});
  for (int64_t i = 0; !labels && i < targets.elements(); ++i)
    targets.set(i, data.schema.target.apply(data.targets.at(i), 0));
  const Loss& loss = find_loss(it.loss);
  const States none;
  Trace trace(none);
  const Var answer = trace.input("answer", {DType::f64, {1, it.outputs}});
  const Var t = constant(trace.graph(), targets);
  Var all = broadcast_to(answer, {n, it.outputs});
  if (it.loss == "nll" || it.loss == "kl_divergence") all = log_softmax(all);
  const Attrs args = complete_args(loss, it.args, it.outputs);
  Var y = loss.build({all, t, it.reduction, args}).loss;
  if (it.reduction == "sum") y = y / double(n);
  trace.output("loss", y);
  trace.output("slope", gradient(y, {answer})[0]);
  const Function function = trace.finish();
  Tensor at(Type{DType::f64, {1, it.outputs}});
  double lowest = INFINITY;
  for (int step = 0; step < 1500; ++step) {
    const Interpretation run = interpret(function, {}, {at});
    lowest = std::min(lowest, run.at(function.outputs[0].edge).at(0));
    const Tensor& slope = run.at(function.outputs[1].edge);
    for (int64_t j = 0; j < it.outputs; ++j) at.set(j, at.at(j) - 2 / (1 + 0.01 * step) * slope.at(j));
  }
  return lowest;
}

double in_closed_form(const Case& it, const Dataset& data) {
  ModelSpec spec;
  spec.outputs = it.outputs;
  spec.loss = it.loss;
  spec.reduction = it.reduction;
  spec.loss_args = complete_args(find_loss(it.loss), it.args, it.outputs);
  return constant_loss(spec, data);
}

Attr list(const std::vector<double>& values) {
  return std::make_shared<const Tensor>(Tensor(Shape{int64_t(values.size())}, values, DType::f64));
}

TEST(ConstantLoss, IsTheLowestOfClasses) {
  const Dataset three = classes(3, {0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 0, 1}), two = classes(2, {0, 1, 0, 0, 1, 0, 0});
  const Attr weights = list({0.5, 2, 3});
  for (const Case& it : {Case{"cross_entropy", "mean", 3},
                         {"cross_entropy", "sum", 3},
                         {"cross_entropy", "mean", 3, {{"label_smoothing", 0.2}}},
                         {"cross_entropy", "mean", 3, {{"class_weights", weights}}},
                         {"cross_entropy", "mean", 3, {{"ignore_index", int64_t{1}}}, 5e-3},
                         {"cross_entropy", "mean", 3, {{"label_smoothing", 0.1}, {"class_weights", weights}}},
                         {"cross_entropy",
                          "mean",
                          3,
                          {{"label_smoothing", 0.1}, {"class_weights", weights}, {"ignore_index", int64_t{0}}}},
                         {"nll", "mean", 3, {{"class_weights", weights}}},
                         {"kl_divergence", "per_sample", 3},
                         {"kl_divergence", "mean", 3},
                         {"binary_cross_entropy", "mean", 3},
                         {"binary_cross_entropy", "per_sample", 3, {{"pos_weight", weights}}},
                         {"hinge", "mean", 3, {}, 2e-2},
                         {"squared_hinge", "mean", 3},
                         {"squared_error", "half", 3},
                         {"absolute_error", "mean", 3, {}, 2e-2}})
    EXPECT_NEAR(in_closed_form(it, three), descended(it, three), it.slack) << it.loss << " " << it.args.str();
  for (const Case& it : {Case{"binary_cross_entropy", "mean", 1},
                         {"binary_cross_entropy", "mean", 1, {{"pos_weight", list({4})}}},
                         {"squared_hinge", "mean", 1}})
    EXPECT_NEAR(in_closed_form(it, two), descended(it, two), it.slack) << it.loss << " " << it.args.str();
}

TEST(ConstantLoss, IsTheLowestOfNumbers) {
  const Dataset one = numbers(1, {1, 4, -3, 0.5, 9}), two = numbers(2, {1, 7, 4, 0, -3, 2, 5, 5});
  EXPECT_NEAR(in_closed_form({"squared_error", "mean", 1}, one), descended({"squared_error", "mean", 1}, one), 1e-6);
  EXPECT_NEAR(in_closed_form({"squared_error", "half", 2}, two), descended({"squared_error", "half", 2}, two), 1e-6);
  EXPECT_NEAR(in_closed_form({"absolute_error", "mean", 1}, one), descended({"absolute_error", "mean", 1}, one), 2e-2);
  EXPECT_NEAR(in_closed_form({"absolute_error", "per_sample", 2}, two),
              descended({"absolute_error", "per_sample", 2}, two), 2e-2);
  EXPECT_TRUE(std::isnan(in_closed_form({"huber", "mean", 1}, one))); // no closed form: not known
}

} // namespace
} // namespace vitro

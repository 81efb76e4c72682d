#include "claims/experiments.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "core/random.h"
#include "model/model.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"
#include "plan/plan.h"

namespace vitro {
namespace {

using Numbers = std::map<std::string, double>;

// ---- saturation: Nielsen, chapter 3. One sigmoid neuron is to unlearn the answer 1. --------------

double after_300_steps(const std::vector<LayerSpec>& layers, const std::string& loss, const std::string& reduction) {
  Model model(
      {.net = {layers}, .sample = {1}, .outputs = 1, .loss = loss, .reduction = reduction, .dtype = DType::f64});
  const Tensor x(Shape{1, 1}, {1}, DType::f64), target(Shape{1, 1}, {0}, DType::f64);
  for (int step = 0; step < 300; ++step) model.fit(x, target, 0.15);
  return model.predict(x).at(0);
}

Numbers saturation(uint64_t) {
  const LayerSpec neuron{
      .op = "dense",
      .args = {{"out", int64_t{1}}, {"init", std::string("constant(2)")}, {"bias_init", std::string("constant(2)")}}};
  return {{"start", 1 / (1 + std::exp(-4.0))},
          {"quadratic", after_300_steps({neuron, {.op = "sigmoid"}}, "squared_error", "half")},
          {"cross_entropy", after_300_steps({neuron}, "binary_cross_entropy", "mean")}};
}

// ---- softmax and cross-entropy --------------------------------------------------------------------

Numbers softmax_ce_gradient(uint64_t) {
  const Tensor p(Shape{3, 3}, {0.7, 0.1, 0.2, 0.1, 0.5, 0.4, 0.02, 0.9, 0.08}, DType::f64);
  const Tensor targets(Shape{3}, {0, 1, 1}, DType::i32);
  Tensor logits(p.type());
  for (int64_t i = 0; i < p.elements(); ++i) logits.set(i, std::log(p.at(i))); // softmax of log p is p
  const States none;
  Trace trace(none);
  const Var x = trace.input("logits", logits.type()), t = trace.input("targets", targets.type());
  trace.output("joint", gradient(softmax_cross_entropy(x, t).loss, {x})[0]);
  const Var in_steps = -sum(one_hot(t, 3, DType::f64) * log(softmax(x))) / 3;
  trace.output("steps", gradient(in_steps, {x})[0]);
  const Function function = trace.finish();
  const Interpretation values = interpret(function, {}, {logits, targets});
  const Tensor &joint = values.at(function.outputs[0].edge), &steps = values.at(function.outputs[1].edge);
  double difference = 0;
  for (int64_t i = 0; i < joint.elements(); ++i)
    difference = std::max(difference, std::fabs(joint.at(i) - steps.at(i)));
  return {{"first", joint.at(0)}, {"second", joint.at(1)}, {"third", joint.at(2)}, {"difference", difference}};
}

Numbers softmax_overflow(uint64_t) {
  const Tensor logits(Shape{3, 3}, {1e4, -1e4, 0, -1e4, -1e4, 1e4, 1e4, 1e4, -1e4}, DType::f32);
  const Tensor targets(Shape{3}, {1, 2, 0}, DType::i32);
  States none;
  Trace trace(none);
  const Var x = trace.input("logits", logits.type()), t = trace.input("targets", targets.type());
  const auto [loss, probabilities] = softmax_cross_entropy(x, t);
  trace.output("loss", loss);
  trace.output("probabilities", probabilities);
  trace.output("gradient", gradient(loss, {x})[0]);
  trace.output("naive", exp(x) / sum(exp(x), {1}, true));
  const Function function = trace.finish();
  const Interpretation plain = interpret(function, {}, {logits, targets});
  Execution fast(std::make_shared<Plan>(function, none), std::make_shared<Arena>());
  fast.bind(0, logits);
  fast.bind(1, targets);
  fast.run();
  double careful = 0, naive = 0;
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    double& count = function.outputs[i].name == "naive" ? naive : careful;
    const Tensor& value = plain.at(function.outputs[i].edge);
    for (int64_t k = 0; k < value.elements(); ++k)
      count += double(!std::isfinite(value.at(k))) + double(!std::isfinite(fast.output(i).at(k)));
  }
  return {{"not_finite", careful}, {"naive_not_finite", naive}};
}

// The gradient of the mean loss with respect to logits, from the probabilities p [rows, classes], in three ways.
using Way = Var (*)(const Var& p, const Var& t, double n);

Var loss_gradient(const Var& p, const Var& t, double n) { return one_hot(t, p.shape()[1]) / p * (-1 / n); }

Var by_jacobian(const Var& p, const Var& t, double n) {
  const int64_t rows = p.shape()[0], classes = p.shape()[1];
  Tensor identity(Type{DType::f32, {classes, classes}});
  for (int64_t i = 0; i < classes; ++i) identity.set(i * classes + i, 1);
  const Var column = reshape(p, {rows, classes, 1}), row = reshape(p, {rows, 1, classes});
  const Var jacobian = constant(p.graph(), identity) * row - column * row;
  return reshape(matmul(jacobian, reshape(loss_gradient(p, t, n), {rows, classes, 1})), {rows, classes});
}

Var by_closed_form(const Var& p, const Var& t, double n) {
  const Var g = loss_gradient(p, t, n);
  return p * (g - sum(g * p, {1}, true));
}

Var jointly(const Var& p, const Var& t, double n) { return (p - one_hot(t, p.shape()[1])) * (1 / n); }

// Seconds for all of `p`, `at_once` rows at a time (Jacobians of all rows would not fit a cache): the least of nine,
// since whatever else the machine does can only add to it.
double seconds(Way way, const Tensor& p, const Tensor& targets, int64_t at_once) {
  const int64_t rows = p.shape()[0], classes = p.shape()[1];
  States none;
  Trace trace(none);
  const Type part{DType::f32, {at_once, classes}}, labels{DType::i32, {at_once}};
  const Var in = trace.input("p", part), t = trace.input("targets", labels);
  trace.output("gradient", way(in, t, double(rows)));
  Execution run(std::make_shared<Plan>(trace.finish(), none), std::make_shared<Arena>());
  const auto values = p.as<float>();
  const auto numbers = targets.as<int32_t>();
  const auto all = [&] {
    for (int64_t row = 0; row < rows; row += at_once) {
      run.bind(0, ConstView{part, values.data() + row * classes});
      run.bind(1, ConstView{labels, numbers.data() + row});
      run.run();
    }
  };
  using Clock = std::chrono::steady_clock;
  const auto timed = [&](int64_t times) {
    const Clock::time_point start = Clock::now();
    for (int64_t i = 0; i < times; ++i) all();
    return std::chrono::duration<double>(Clock::now() - start).count() / double(times);
  };
  const auto times = int64_t(std::clamp(2e-3 / timed(1), 1.0, 10000.0));
  double least = timed(times);
  for (int i = 1; i < 9; ++i) least = std::min(least, timed(times));
  return least;
}

Numbers softmax_ce_speed(uint64_t seed) {
  Numbers out;
  for (const auto& [name, classes] : {std::pair{"10", int64_t{10}}, {"1000", int64_t{1000}}}) {
    constexpr int64_t rows = 100;
    Tensor p(Type{DType::f32, {rows, classes}}), targets(Type{DType::i32, {rows}});
    const Stream stream(seed, "probabilities");
    for (int64_t row = 0; row < rows; ++row) {
      double total = 0;
      for (int64_t i = 0; i < classes; ++i) total += 0.1 + stream.uniform(uint64_t(row), uint64_t(i));
      for (int64_t i = 0; i < classes; ++i)
        p.set(row * classes + i, (0.1 + stream.uniform(uint64_t(row), uint64_t(i))) / total);
      targets.set(row, double(stream.below(uint64_t(classes), uint64_t(row), uint64_t(classes))));
    }
    const int64_t jacobians = std::clamp<int64_t>((1 << 14) / (classes * classes), 1, rows);
    const double jacobian = seconds(by_jacobian, p, targets, jacobians),
                 closed = seconds(by_closed_form, p, targets, rows), joint = seconds(jointly, p, targets, rows);
    out[std::string("jacobian_joint_") + name] = jacobian / joint;
    out[std::string("jacobian_closed_") + name] = jacobian / closed;
    out[std::string("closed_joint_") + name] = closed / joint;
  }
  return out;
}

// ---- slope: descent on functions that can be plotted -----------------------------------------------

// A function of a point [variables]; the sum of its terms is descended.
struct Hill {
  std::vector<double> steepness; // f = sum(steepness * x^2), lowest at 0

  Var at(const Var& x) const {
    return sum(square(x) * constant(x.graph(), Tensor(Shape{int64_t(steepness.size())}, steepness, DType::f64)));
  }
  double height(const std::vector<double>& x) const {
    double out = 0;
    for (size_t i = 0; i < x.size(); ++i) out += steepness[i] * x[i] * x[i];
    return out;
  }
};

// All points of a descent, the start included: x -= rate * slope, the slope as the chain rule gives it.
std::vector<std::vector<double>> descend(const Hill& hill, std::vector<double> x, double rate, int steps) {
  const States none;
  Trace trace(none);
  const Shape shape{int64_t(x.size())};
  const Var at = trace.input("x", {DType::f64, shape});
  trace.output("slope", gradient(hill.at(at), {at})[0]);
  const Function function = trace.finish();
  std::vector<std::vector<double>> path = {x};
  for (int step = 0; step < steps; ++step) {
    const Tensor slope = interpret(function, {}, {Tensor(shape, x, DType::f64)}).at(function.outputs[0].edge);
    for (size_t i = 0; i < x.size(); ++i) x[i] -= rate * slope.at(int64_t(i));
    path.push_back(x);
  }
  return path;
}

double distance(const std::vector<double>& x) {
  double squares = 0;
  for (const double one : x) squares += one * one;
  return std::sqrt(squares);
}

Numbers slope(uint64_t) {
  const Hill valley{{1}}, bowl{{1, 5}};
  Numbers out;
  for (const double start : {-4.0, 0.5, 3.0})
    out["reach"] = std::max(out["reach"], distance(descend(valley, {start}, 0.1, 100).back()));
  out["reach_two"] = distance(descend(bowl, {3, -2}, 0.05, 300).back());
  const auto leaps = descend(valley, {3}, 0.9, 20);
  for (size_t i = 1; i < leaps.size(); ++i) out["sides"] += double(leaps[i][0] * leaps[i - 1][0] < 0);
  out["creep"] = distance(descend(valley, {3}, 0.001, 100).back()) / 3;
  out["away"] = distance(descend(valley, {3}, 1.1, 20).back()) / 3;
  // Each step against a slope measured on the plot: the rise over a short run to both sides.
  const double run = 1e-5, rate = 0.05;
  const auto path = descend(bowl, {3, -2}, rate, 20);
  for (size_t i = 1; i < path.size(); ++i)
    for (size_t k = 0; k < 2; ++k) {
      std::vector<double> left = path[i - 1], right = path[i - 1];
      left[k] -= run;
      right[k] += run;
      const double measured = (bowl.height(right) - bowl.height(left)) / (2 * run);
      out["error"] = std::max(out["error"], std::fabs((path[i - 1][k] - path[i][k]) / rate - measured));
    }
  return out;
}

} // namespace

std::span<const Experiment> experiments() {
  static const std::vector<Experiment> all = {
      {"saturation",
       "one sigmoid neuron, w = b = 2, learns 1 -> 0 in 300 steps at rate 0.15",
       {{"start", "its output at the start"},
        {"quadratic", "at the end, with the quadratic cost"},
        {"cross_entropy", "at the end, with cross-entropy"}},
       saturation},
      {"slope",
       "descent on x^2, and on x^2 + 5 y^2",
       {{"reach", "how far from the lowest point, rate 0.1, from three starts"},
        {"reach_two", "the same with two variables, rate 0.05"},
        {"sides", "how often it leaps over the lowest point in 20 steps, rate 0.9"},
        {"creep", "which share of the way is left after 100 steps, rate 0.001"},
        {"away", "how many times farther it is after 20 steps, rate 1.1"},
        {"error", "how far a step over its rate is from the slope measured on the function"}},
       slope},
      {"softmax-ce-gradient",
       "the gradient of softmax and cross-entropy for three rows of probabilities",
       {{"first", "of the first row"},
        {"second", "of the first row"},
        {"third", "of the first row"},
        {"difference", "largest difference to the chain rule through log and softmax"}},
       softmax_ce_gradient},
      {"softmax-ce-speed",
       "times of three ways to that gradient, for 100 rows of 10 and of 1000 classes; they vary with the machine",
       {{"jacobian_joint_10", "time by the full Jacobian over time jointly"},
        {"jacobian_closed_10", "time by the full Jacobian over time by p (g - p.g)"},
        {"closed_joint_10", "time by p (g - p.g) over time jointly"},
        {"jacobian_joint_1000", "the same with 1000 classes"},
        {"jacobian_closed_1000", "the same with 1000 classes"},
        {"closed_joint_1000", "the same with 1000 classes"}},
       softmax_ce_speed,
       true},
      {"softmax-overflow",
       "logits of 10000 and -10000 in single precision, interpreted and planned",
       {{"not_finite", "values of loss, probabilities and gradient that are not finite"},
        {"naive_not_finite", "values of exp(x) / sum(exp(x)) that are not finite"}},
       softmax_overflow},
  };
  return all;
}

const Experiment* find_experiment(const std::string& name) {
  for (const Experiment& experiment : experiments())
    if (name == experiment.name) return &experiment;
  return nullptr;
}

} // namespace vitro

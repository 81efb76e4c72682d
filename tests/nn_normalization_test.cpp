// Batch-norm, layer-norm, RMS-norm and dropout as layers: what they do in training, in evaluation, and with mistakes.
// (Their numbers are held against PyTorch's in golden_test.cpp.)
#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "nn/nets.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

Tensor normal_numbers(const Shape& shape) {
  const Stream stream(5, "x");
  Tensor x({DType::f64, shape});
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, stream.normal(0, uint64_t(i)));
  return x;
}

struct Ran {
  Tensor y;
  std::map<std::string, Tensor> running; // as they are to be after the step
};

// The net in double, fed with x, its states as `change` leaves them.
Ran run(const std::vector<LayerSpec>& layers, const Tensor& x, bool training,
        const std::function<void(States&)>& change = nullptr) {
  States states;
  const NetSpec net{.layers = layers};
  Shape sample(x.shape().extents().subspan(1));
  create_parameters(states, net, sample, 1, 3, DType::f64);
  states.add("step", Tensor({DType::i32, Shape{}}));
  states.add("sample", Tensor({DType::i32, Shape{}}));
  if (change) change(states);
  Trace trace(states);
  const Built built = build(trace, net, trace.input("x", x.type()), {.training = training, .seed = 3});
  trace.output("y", built.output);
  for (const auto& [name, value] : built.updates) trace.update(name, value);
  const Function function = trace.finish();
  const Interpretation values = interpret(function, read_states(states, function), {x});
  Ran out{values.at(built.output.edge()), {}};
  for (const Named& update : function.updates) out.running.emplace(update.name, values.at(update.edge));
  return out;
}

std::string error_of(const std::vector<LayerSpec>& layers, const Shape& batch, bool training = true) {
  try {
    run(layers, Tensor(Type{DType::f64, batch}), training);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

#define EXPECT_SAYS(message, piece) EXPECT_NE((message).find(piece), std::string::npos) << (message)

struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const Tensor& x) {
  Moments of;
  for (int64_t i = 0; i < x.elements(); ++i) of.mean += x.at(i) / double(x.elements());
  for (int64_t i = 0; i < x.elements(); ++i)
    of.variance += (x.at(i) - of.mean) * (x.at(i) - of.mean) / double(x.elements());
  return of;
}

TEST(BatchNorm, ItsStatesAreNamedAsTorchs) {
  States states;
  create_parameters(states, mlp({5}), {4}, 3, 0);
  const auto before = states.parameters();
  States with;
  create_parameters(with, make_net("mlp", {{"hidden", std::vector<int64_t>{5}}, {"norm", std::string("batch")}}), {4},
                    3, 0);
  EXPECT_EQ(with.names(true),
            (std::vector<std::string>{"fc1.weight", "bn1.weight", "bn1.bias", "fc2.weight", "fc2.bias"}));
  EXPECT_EQ(with.running(), (std::vector<std::string>{"bn1.running_mean", "bn1.running_var"}));
  EXPECT_EQ(with.weights().size(), 7u);
  EXPECT_EQ(with.parameters(), before + 5) << "no bias before, a weight and a bias behind";
  EXPECT_EQ(with.read("bn1.weight"), Tensor::full({DType::f32, {5}}, 1));
  EXPECT_EQ(with.read("bn1.running_var"), Tensor::full({DType::f32, {5}}, 1));
  EXPECT_EQ(with.read("bn1.running_mean"), Tensor::full({DType::f32, {5}}, 0));
}

TEST(BatchNorm, RunningStatesMoveInTrainingAloneAndServeInEvaluation) {
  const Tensor x({2, 2}, {1, 10, 3, 30}, DType::f64);
  const std::vector<LayerSpec> net{{.op = "batch_norm", .args = {{"momentum", 0.25}, {"eps", 1e-12}}}};
  const Ran trained = run(net, x, true);
  EXPECT_NEAR(trained.y.at(0), -1, 1e-9);
  EXPECT_NEAR(trained.y.at(3), 1, 1e-9);
  EXPECT_NEAR(trained.running.at("bn1.running_mean").at(1), 0.25 * 20, 1e-12);
  EXPECT_NEAR(trained.running.at("bn1.running_var").at(0), 0.75 + 0.25 * 2, 1e-12) << "unbiased: 2, not 1";
  const Ran evaluated = run(net, x, false, [](States& states) {
    states.write("bn1.running_mean", Tensor({2}, {2, 10}, DType::f64));
    states.write("bn1.running_var", Tensor({2}, {4, 25}, DType::f64));
    states.write("bn1.weight", Tensor({2}, {3, 1}, DType::f64));
    states.write("bn1.bias", Tensor({2}, {0, 7}, DType::f64));
  });
  EXPECT_TRUE(evaluated.running.empty());
  const double expected[] = {-1.5, 7, 1.5, 11};
  for (int64_t i = 0; i < 4; ++i) EXPECT_NEAR(evaluated.y.at(i), expected[i], 1e-9);
}

TEST(BatchNorm, SharedGoesOnFromWhatTheFirstUseMadeOfIt) {
  const Tensor x({2, 1}, {1, 3}, DType::f64);
  const Ran ran = run({{.op = "batch_norm", .name = "a"},
                       {.op = "batch_norm", .name = "b", .from = {"input"}, .share = "a"},
                       {.op = "add", .from = {"a", "b"}}},
                      x, true);
  EXPECT_EQ(ran.running.size(), 2u);
  EXPECT_NEAR(ran.running.at("a.running_mean").at(0), 0.9 * (0.1 * 2) + 0.1 * 2, 1e-12);
}

TEST(LayerNorm, IsTheSameInTrainingAndEvaluation) {
  const Tensor x = normal_numbers({3, 4, 5});
  for (const char* op : {"layer_norm", "rms_norm"})
    for (const int64_t axes : {1, 2}) {
      const std::vector<LayerSpec> net{{.op = op, .args = {{"axes", axes}}}};
      EXPECT_EQ(run(net, x, true).y, run(net, x, false).y);
      EXPECT_TRUE(run(net, x, true).running.empty());
    }
}

TEST(Dropout, DropsItsShareAndKeepsTheMean) {
  const Tensor ones = Tensor::full({DType::f64, {200, 500}}, 1);
  for (const double p : {0.1, 0.5, 0.9}) {
    const Tensor y = run({{.op = "dropout", .args = {{"p", p}}}}, ones, true).y;
    int64_t dropped = 0;
    std::vector<int64_t> by_sample(200), by_element(500);
    for (int64_t i = 0; i < y.elements(); ++i) {
      const bool zero = y.at(i) == 0;
      if (!zero) { ASSERT_EQ(y.at(i), 1 / (1 - p)); }
      dropped += zero;
      by_sample[size_t(i / 500)] += zero;
      by_element[size_t(i % 500)] += zero;
    }
    // Five standard deviations of a binomial distribution.
    const auto near = [&](int64_t count, double n) {
      EXPECT_NEAR(double(count), p * n, 5 * std::sqrt(n * p * (1 - p))) << "p " << p;
    };
    near(dropped, 100000);
    for (const int64_t count : by_sample) near(count, 500);
    for (const int64_t count : by_element) near(count, 200);
  }
}

TEST(Dropout, DoesNothingInEvaluationAndNothingAtZero) {
  const Tensor x = normal_numbers({5, 7});
  for (const char* op : {"dropout", "alpha_dropout"}) {
    EXPECT_EQ(run({{.op = op}}, x, false).y, x);
    EXPECT_EQ(run({{.op = op, .args = {{"p", 0.0}}}}, x, true).y, x);
    EXPECT_NE(run({{.op = op}}, x, true).y, x);
  }
}

TEST(Dropout, EachLayerStepAndSampleDrawsItsOwn) {
  const Tensor x = Tensor::full({DType::f64, {4, 33}}, 1);
  const auto one = [&](const char* name, double step, double sample) {
    return run({{.op = "dropout", .name = name}}, x, true,
               [&](States& states) {
                 states.write("step", Tensor({}, {step}, DType::i32));
                 states.write("sample", Tensor({}, {sample}, DType::i32));
               })
        .y;
  };
  EXPECT_EQ(one("a", 3, 8), one("a", 3, 8));
  EXPECT_NE(one("a", 3, 8), one("b", 3, 8));
  EXPECT_NE(one("a", 3, 8), one("a", 4, 8));
  // Two samples further: the last two of one are the first two of the other.
  const Tensor here = one("a", 3, 8), there = one("a", 3, 10);
  for (int64_t i = 0; i < 2 * 33; ++i) EXPECT_EQ(here.at(i + 2 * 33), there.at(i));
}

TEST(Dropout, AlphaKeepsMeanAndVarianceBehindSelu) {
  Tensor x = normal_numbers({300, 300});
  for (int64_t i = 0; i < x.elements(); ++i) // selu
    x.set(i, 1.0507009873554805 * (x.at(i) > 0 ? x.at(i) : 1.6732632423543772 * std::expm1(x.at(i))));
  const Tensor y = run({{.op = "alpha_dropout", .args = {{"p", 0.3}}}}, x, true).y;
  const Moments of = moments(y);
  EXPECT_NEAR(of.mean, 0, 0.02);
  EXPECT_NEAR(of.variance, 1, 0.02);
  // PyTorch's form: (x d + alpha (1 - d)) a + b with d = 1 where kept, a = ((1 - p) (1 + p alpha^2))^(-1/2), b = -a p
  // alpha.
  const double p = 0.3, alpha = -1.7580993408473766, a = 1 / std::sqrt((1 - p) * (1 + p * alpha * alpha));
  int64_t dropped = 0;
  for (int64_t i = 0; i < y.elements(); ++i) {
    const double as_kept = a * x.at(i) - a * p * alpha, as_dropped = a * alpha - a * p * alpha;
    const bool is_dropped = std::fabs(y.at(i) - as_dropped) < 1e-12;
    dropped += is_dropped;
    if (!is_dropped) { ASSERT_NEAR(y.at(i), as_kept, 1e-12); }
  }
  EXPECT_NEAR(double(dropped), 0.3 * 90000, 5 * std::sqrt(90000 * 0.3 * 0.7));
}

TEST(NormalizationAndDropout, MistakesAreNamed) {
  const auto with = [](const char* op, const char* arg, double value) {
    return std::vector<LayerSpec>{{.op = op, .args = {{arg, value}}}};
  };
  for (const char* op : {"dropout", "alpha_dropout"})
    for (const double p : {-0.1, 1.0, 1.5, std::nan("")})
      for (const bool training : {true, false})
        EXPECT_SAYS(error_of(with(op, "p", p), {2, 3}, training), "expected from 0 to below 1");
  EXPECT_SAYS(error_of(with("batch_norm", "momentum", 1.01), {2, 3}), "[layer bn1] momentum is 1.01");
  EXPECT_SAYS(error_of(with("batch_norm", "momentum", -0.1), {2, 3}), "expected from 0 to 1");
  for (const char* op : {"batch_norm", "layer_norm", "rms_norm"})
    for (const double eps : {0.0, -1e-5, std::nan("")}) EXPECT_SAYS(error_of(with(op, "eps", eps), {2, 3}), "eps is ");
  const std::vector<LayerSpec> batch_norm{{.op = "batch_norm"}};
  EXPECT_SAYS(error_of(batch_norm, {1, 3}), "at least 2 values to have a variance, found 1 in a batch [1, 3]");
  EXPECT_SAYS(error_of(batch_norm, {1, 3}), "layer_norm");
  EXPECT_EQ(error_of(batch_norm, {1, 3}, false), "no error");
  EXPECT_EQ(error_of(batch_norm, {1, 3, 2}), "no error") << "two values a channel";
  EXPECT_SAYS(error_of(batch_norm, {4}), "expected [batch, channels, ...]");
  for (const int64_t axes : {0, 2, -1})
    EXPECT_SAYS(error_of({{.op = "layer_norm", .args = {{"axes", axes}}}}, {2, 3}), "expected from 1 to 1");
  EXPECT_SAYS(error_of({{.op = "BatchNormalization"}}, {2, 3}), "unknown layer");
  try {
    make_net("mlp", {{"norm", std::string("bacth")}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"batch\""), std::string::npos) << error.what();
  }
}

} // namespace
} // namespace vitro

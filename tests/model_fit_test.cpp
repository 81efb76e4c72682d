// What a model promises while it learns: the right step, the same bits, no allocation.
#include <atomic>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "model/model.h"
#include "tests/count_allocations.h"

namespace vitro {
namespace {

struct Batch {
  Tensor x, labels;
};

// Points of several classes around centres that overlap.
Batch blobs(int64_t n, int64_t features, int64_t classes, uint64_t seed = 0) {
  Batch out{Tensor(Type{DType::f32, {n, features}}), Tensor(Type{DType::i32, {n}})};
  const Stream stream(seed, "blobs");
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = int64_t(stream.below(uint64_t(classes), uint64_t(i), 0));
    out.labels.set(i, double(label));
    for (int64_t f = 0; f < features; ++f)
      out.x.set(i * features + f,
                std::sin(double(3 * label + f * (label + 1))) + 0.5 * stream.normal(uint64_t(i), uint64_t(f + 1)));
  }
  return out;
}

ModelSpec small() { return {.net = mlp({17, 9}), .sample = {13}, .outputs = 5, .optimizer = {"adam"}}; }

// A net with a skip link, a shared weight, a concatenation and two activations.
NetSpec wired() {
  return {.layers = {{.op = "dense", .name = "a", .args = {{"out", int64_t{13}}}},
                     {.op = "tanh"},
                     {.op = "dense", .name = "b", .share = "a"},
                     {.op = "add", .name = "skip", .from = {"b", "input"}},
                     {.op = "leaky_relu", .args = {{"slope", 0.1}}},
                     {.op = "concatenate", .from = {"leaky_relu1", "tanh1"}, .args = {{"axis", int64_t{1}}}},
                     {.op = "dense", .args = {{"out", std::string("classes")}}}}};
}

std::map<std::string, Tensor> states_of(const Model& model) {
  std::map<std::string, Tensor> out;
  for (const auto& name : model.states().names()) out.emplace(name, model.states().read(name));
  return out;
}

double largest_difference(const Model& a, const Model& b) {
  double out = 0;
  for (const auto& name : a.states().names(true)) {
    const Tensor x = a.states().read(name), y = b.states().read(name);
    for (int64_t i = 0; i < x.elements(); ++i) out = std::max(out, std::fabs(x.at(i) - y.at(i)));
  }
  return out;
}

TEST(Model, LearnsXor) {
  const Tensor x({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}), labels({4}, {0, 1, 1, 0}, DType::i32);
  Model model(
      {.net = mlp({8}, "tanh"), .sample = {2}, .outputs = 1, .loss = "binary_cross_entropy", .optimizer = {"adam"}});
  StepResult result;
  for (int i = 0; i < 500; ++i) result = model.fit(x, labels, 0.05);
  EXPECT_EQ(result.correct, 4);
  EXPECT_LT(result.loss, 0.01);
  const Tensor p = model.predict(x);
  for (int64_t i = 0; i < 4; ++i) EXPECT_NEAR(p.at(i), labels.at(i), 0.05);
  EXPECT_EQ(model.steps(), 500);
}

TEST(Model, LearnsBlobsWithEveryOptimizer) {
  const Batch batch = blobs(200, 13, 5);
  for (const Optimizer& optimizer : optimizers()) {
    ModelSpec spec = small();
    spec.optimizer = {optimizer.name};
    Model model(spec);
    const std::string name = optimizer.name;
    const bool collects = name.starts_with("momentum") || name.starts_with("nesterov");
    const double lr = name == "sgd"                  ? 0.5
                      : name.starts_with("adadelta") ? 1.0
                      : name == "adagrad_keras"      ? 0.1
                      : collects                     ? 0.05
                                                     : 0.01;
    const double before = model.evaluate(batch.x, batch.labels).loss / 200;
    for (int i = 0; i < 60; ++i) model.fit(batch.x, batch.labels, lr);
    const Evaluation after = model.evaluate(batch.x, batch.labels);
    EXPECT_LT(after.loss / 200, 0.8 * before) << optimizer.name;
    EXPECT_EQ(after.samples, 200);
  }
}

TEST(Model, WhatAGroupFreezesStaysAndTheRestIsClippedWithoutIt) {
  const Batch batch = blobs(12, 13, 5);
  for (const int64_t shards : {1, 2})
    for (const bool interpret : {false, true}) {
      ModelSpec spec = small();
      spec.optimizer = {"sgd", {}, {{.match = "fc1.*", .freeze = true}, {.match = "*.bias", .lr_factor = 0.5}}};
      spec.clip.norm = 0.01;
      spec.shards = shards;
      spec.interpret = interpret;
      Model model(spec);
      const auto before = states_of(model);
      auto gradient = model.gradient(batch.x, batch.labels);
      double squares = 0;
      for (const auto& name : model.states().names(true))
        for (int64_t i = 0; i < before.at(name).elements(); ++i)
          if (!name.starts_with("fc1.")) squares += gradient.at(name).at(i) * gradient.at(name).at(i);
      const double factor = 0.01 / std::sqrt(squares);
      ASSERT_LT(factor, 1) << "or nothing is clipped";
      model.fit(batch.x, batch.labels, 0.5);
      for (const auto& name : model.states().names(true)) {
        const Tensor after = model.states().read(name);
        const double rate = name.starts_with("fc1.") ? 0 : name.ends_with(".bias") ? 0.25 : 0.5;
        for (int64_t i = 0; i < after.elements(); ++i)
          ASSERT_NEAR(after.at(i), before.at(name).at(i) - rate * factor * gradient.at(name).at(i), 1e-6) << name;
      }
    }
  ModelSpec spec = small();
  spec.optimizer = {"sgd", {}, {{.match = "fc9.*"}}};
  EXPECT_THROW(Model{spec}, Error);
}

TEST(Model, MomentumAndBetaMayBeDriven) {
  const Batch batch = blobs(12, 13, 5);
  for (const char* name : {"momentum", "adam"}) {
    const std::string arg = name == std::string("adam") ? "beta1" : "momentum";
    ModelSpec spec = small();
    spec.optimizer = {name};
    Model driven(spec), set(spec), other(spec);
    driven.set_momentum(0.5);
    set.set_optimizer(arg, 0.5);
    for (int i = 0; i < 3; ++i)
      for (Model* model : {&driven, &set, &other}) model->fit(batch.x, batch.labels, 0.05);
    EXPECT_EQ(largest_difference(driven, set), 0);
    EXPECT_GT(largest_difference(driven, other), 0);
  }
  ModelSpec spec = small();
  spec.optimizer = {"sgd"};
  Model plain(spec);
  EXPECT_NO_THROW(plain.set_momentum(0.5)) << "it has none to be driven";
}

TEST(Model, AveragesFollowAndChangePlaces) {
  const Batch batch = blobs(12, 13, 5);
  for (const DType dtype : {DType::f32, DType::f64}) {
    ModelSpec spec = small();
    spec.average = true;
    spec.dtype = dtype;
    Model model(spec);
    Tensor expected = model.states().read("fc1.weight");
    for (int step = 0; step < 5; ++step) {
      model.fit(batch.x, batch.labels, 0.1);
      model.average(0.3);
      const Tensor p = model.states().read("fc1.weight");
      for (int64_t i = 0; i < p.elements(); ++i) expected.set(i, 0.7 * expected.at(i) + 0.3 * p.at(i));
    }
    const auto before = states_of(model);
    for (int64_t i = 0; i < expected.elements(); ++i)
      ASSERT_NEAR(before.at("fc1.weight/average").at(i), expected.at(i), 1e-6);
    model.exchange_averages();
    EXPECT_EQ(model.states().read("fc1.weight"), before.at("fc1.weight/average"));
    model.exchange_averages();
    EXPECT_EQ(states_of(model), before);
    model.average(1);
    EXPECT_EQ(model.states().read("fc1.weight/average"), before.at("fc1.weight")) << "a weight of 1 copies";
  }
}

TEST(Model, AStepIsTheOptimizersFormulaOnTheGradient) {
  const Batch batch = blobs(7, 13, 5);
  for (const int64_t shards : {1, 3}) {
    ModelSpec spec = small();
    spec.optimizer = {"sgd"};
    spec.shards = shards;
    Model model(spec);
    const auto before = states_of(model), gradient = model.gradient(batch.x, batch.labels);
    model.fit(batch.x, batch.labels, 0.5);
    for (const auto& name : model.states().names(true)) {
      const Tensor after = model.states().read(name);
      for (int64_t i = 0; i < after.elements(); ++i)
        ASSERT_NEAR(after.at(i), before.at(name).at(i) - 0.5 * gradient.at(name).at(i), 1e-6) << name << " " << i;
    }
  }
}

// The plan against the oracle, over nets, losses and optimisers.
TEST(Model, PlannedAndInterpretedAgree) {
  const Batch batch = blobs(11, 13, 5);
  const Tensor numbers = [&] {
    Tensor out(Type{DType::f32, {11, 5}});
    for (int64_t i = 0; i < 11; ++i) { // probabilities, which serve every loss
      double total = 0;
      for (int64_t j = 0; j < 5; ++j) total += std::fabs(std::sin(double(i * 5 + j)));
      for (int64_t j = 0; j < 5; ++j) out.set(i * 5 + j, std::fabs(std::sin(double(i * 5 + j))) / total);
    }
    return out;
  }();
  for (const NetSpec& net : {mlp({17, 9}), wired(), linear()})
    for (const Loss& loss : losses())
      for (const bool by_class : {true, false}) {
        NetSpec ended = net;
        if (takes_probabilities(loss, complete_args(loss, {}))) ended.layers.push_back({.op = "log_softmax"});
        ModelSpec spec{.net = ended,
                       .sample = {13},
                       .outputs = 5,
                       .loss = loss.name,
                       .optimizer = {"adam", {{"weight_decay", 0.01}}},
                       .clip = {.norm = 1}};
        Model planned(spec);
        spec.interpret = true;
        Model oracle(spec);
        const Tensor& targets = by_class ? batch.labels : numbers;
        for (int i = 0; i < 5; ++i) {
          const StepResult a = planned.fit(batch.x, targets, 1e-3), b = oracle.fit(batch.x, targets, 1e-3);
          EXPECT_NEAR(a.loss, b.loss, 1e-5 * std::fabs(b.loss)) << loss.name;
          EXPECT_EQ(a.correct, b.correct) << loss.name;
        }
        EXPECT_LT(largest_difference(planned, oracle), 1e-5) << loss.name;
      }
}

TEST(Model, InDoubleItIsExact) {
  const Batch batch = blobs(11, 13, 5);
  ModelSpec spec = small();
  spec.net = wired();
  Model single(spec);
  spec.dtype = DType::f64;
  Model exact(spec);
  EXPECT_EQ(exact.states().at("a.weight").type.dtype, DType::f64);
  EXPECT_LT(largest_difference(single, exact), 1e-7) << "the same start, rounded";
  for (int i = 0; i < 5; ++i) exact.fit(batch.x, batch.labels, 1e-3);
  EXPECT_EQ(exact.predict(batch.x).dtype(), DType::f64);

  // The gradient against central differences.
  const auto gradient = exact.gradient(batch.x, batch.labels);
  for (const auto& [name, g] : gradient)
    for (int64_t i = 0; i < g.elements(); i += 7) {
      const Tensor held = exact.states().read(name);
      double losses[2];
      for (const int side : {0, 1}) {
        Tensor moved = held;
        moved.set(i, held.at(i) + (side ? 1e-6 : -1e-6));
        exact.states().write(name, moved);
        losses[side] = exact.evaluate(batch.x, batch.labels).loss / 11;
      }
      exact.states().write(name, held);
      EXPECT_NEAR((losses[1] - losses[0]) / 2e-6, g.at(i), 1e-8) << name << ":" << i;
    }
}

TEST(Model, ShardsGiveNearlyTheSameWeightsAndAlwaysTheSameBits) {
  const Batch batch = blobs(37, 13, 5), tiny = blobs(2, 13, 5, 1);
  const auto trained = [&](int64_t shards, const char* reduction, bool interpret = false) {
    ModelSpec spec = small();
    spec.shards = shards;
    spec.reduction = reduction;
    spec.clip = {.norm = 0.5};
    spec.optimizer = {"momentum"};
    spec.interpret = interpret;
    Model model(spec);
    for (int i = 0; i < 10; ++i) {
      const StepResult result = model.fit(batch.x, batch.labels, 0.01);
      EXPECT_EQ(result.samples, 37);
      EXPECT_GE(result.correct, 0);
    }
    model.fit(tiny.x, tiny.labels, 0.01); // fewer samples than shards
    return model;
  };
  for (const char* reduction : {"mean", "sum"}) {
    const Model one = trained(1, reduction);
    for (const int64_t shards : {2, 3, 4, 7}) {
      const Model several = trained(shards, reduction);
      EXPECT_LT(largest_difference(one, several), 2e-5) << shards;
      EXPECT_EQ(states_of(several), states_of(trained(shards, reduction))) << shards;
      EXPECT_LT(largest_difference(several, trained(shards, reduction, true)), 2e-5) << shards;
      EXPECT_EQ(several.steps(), 11);
    }
  }
}

TEST(Model, BitsDoNotDependOnTheNumberOfThreads) {
  const Batch batch = blobs(300, 40, 5);
  const int before = thread_count();
  for (const int64_t shards : {1, 4}) {
    std::vector<std::map<std::string, Tensor>> ends;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      Model model(
          {.net = mlp({130, 70}), .sample = {40}, .outputs = 5, .optimizer = {"adamw"}, .shards = shards, .seed = 3});
      for (int i = 0; i < 5; ++i) model.fit(batch.x, batch.labels, 0.01);
      ends.push_back(states_of(model));
    }
    EXPECT_EQ(ends[0], ends[1]);
    EXPECT_EQ(ends[0], ends[2]);
  }
  set_thread_count(before);
}

TEST(Model, ContinuesFromItsStatesWithTheSameBits) {
  const Batch batch = blobs(20, 13, 5);
  Model whole(small()), first(small()), second(small());
  for (int i = 0; i < 6; ++i) whole.fit(batch.x, batch.labels, 0.01);
  for (int i = 0; i < 3; ++i) first.fit(batch.x, batch.labels, 0.01);
  for (const auto& [name, value] : states_of(first)) second.states().write(name, value);
  EXPECT_EQ(second.steps(), 3) << "the counter is a state, and Adam's correction needs it";
  for (int i = 0; i < 3; ++i) second.fit(batch.x, batch.labels, 0.01);
  EXPECT_EQ(states_of(whole), states_of(second));
}

TEST(Model, AStepAllocatesNothing) {
  const Batch batch = blobs(64, 13, 5), last = blobs(10, 13, 5);
  const NetSpec normalized = make_net("mlp", {{"norm", std::string("batch")}, {"dropout", 0.2}});
  const NetSpec embedded{.layers = {{.op = "step"}, // 0 or 1: codes
                                    {.op = "embed", .args = {{"sizes", std::vector<int64_t>{2, 3}}}},
                                    {.op = "dense", .args = {{"out", std::string("classes")}}}}};
  for (const NetSpec& net : {mlp({17, 9}), wired(), normalized, embedded})
    for (const char* optimizer : {"sgd", "adamw", "rmsprop"})
      for (const int64_t shards : {1, 4}) {
        Model model({.net = net,
                     .sample = {13},
                     .outputs = 5,
                     .optimizer = {optimizer},
                     .clip = {.norm = 1, .value = 0.5},
                     .shards = shards});
        for (int i = 0; i < 2; ++i) {
          model.fit(batch.x, batch.labels, 0.01);
          model.fit(last.x, last.labels, 0.01);
        }
        const int64_t before = allocations;
        for (int i = 0; i < 3; ++i) {
          model.fit(batch.x, batch.labels, 0.01);
          model.fit(last.x, last.labels, 0.02);
        }
        EXPECT_EQ(allocations - before, 0) << optimizer << ", shards " << shards;
      }
  Model model(small());
  Tensor room(Type{DType::f32, {64, 5}});
  model.predict(batch.x, room.view());
  const int64_t before = allocations;
  model.predict(batch.x, room.view());
  EXPECT_EQ(allocations - before, 0) << "nor does a prediction into given room";
}

TEST(Model, PredictsFromSeveralThreadsAtOnce) {
  Model model(small());
  std::vector<Batch> batches;
  std::vector<Tensor> expected;
  for (int64_t n = 1; n <= 24; ++n) batches.push_back(blobs(n, 13, 5, uint64_t(n))); // more shapes than the cache holds
  {
    Model same(small());
    for (const Batch& batch : batches) expected.push_back(same.predict(batch.x));
  }
  const Model& shared = model;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 4 * batches.size(); ++i) {
        const size_t at = (i * 5 + size_t(t) * 7) % batches.size();
        if (shared.predict(batches[at].x) != expected[at]) ++wrong;
        if (i % 8 == 0 && shared.evaluate(batches[at].x, batches[at].labels).predictions != expected[at]) ++wrong;
        if (i % 32 == 0 && shared.activations(batches[at].x).at("fc1").shape()[1] != 17) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Model, EvaluationAddsUpAndIsNoStep) {
  const Batch batch = blobs(20, 13, 5);
  Model model(small());
  const auto before = states_of(model);
  const Evaluation whole = model.evaluate(batch.x, batch.labels);
  double loss = 0;
  int64_t correct = 0;
  for (int64_t i = 0; i < 20; i += 10) {
    const Evaluation half = model.evaluate(ConstView{{DType::f32, {10, 13}}, batch.x.as<float>().data() + i * 13},
                                           {{DType::i32, {10}}, batch.labels.as<int32_t>().data() + i});
    loss += half.loss;
    correct += half.correct;
  }
  EXPECT_NEAR(whole.loss, loss, 1e-5);
  EXPECT_EQ(whole.correct, correct);
  EXPECT_EQ(states_of(model), before);
  for (int64_t i = 0; i < 20; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < 5; ++c) sum += whole.predictions.at(i * 5 + c);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Model, RatesChangeWithoutANewPlan) {
  const Batch batch = blobs(20, 13, 5);
  ModelSpec spec = small();
  spec.optimizer = {"momentum"};
  Model model(spec);
  model.fit(batch.x, batch.labels);
  model.fit(batch.x, batch.labels);
  model.set_optimizer("momentum", 0.5);
  const int64_t before = allocations;
  const auto velocity = model.states().read("fc1.bias/momentum");
  const auto gradient = model.gradient(batch.x, batch.labels);
  model.fit(batch.x, batch.labels, 0.25);
  EXPECT_GT(allocations, before);
  const auto after = model.states().read("fc1.bias/momentum");
  for (int64_t i = 0; i < after.elements(); ++i)
    EXPECT_NEAR(after.at(i), 0.5 * velocity.at(i) + gradient.at("fc1.bias").at(i), 1e-6);
  EXPECT_THROW(model.set_optimizer("momentum", 0), Error) << "the moment would go";
  EXPECT_THROW(model.set_optimizer("momentum", 1.5), Error);
  EXPECT_THROW(model.set_optimizer("weight_decay", 0.1), Error) << "no place for it in the step";
  EXPECT_THROW(model.set_optimizer("decay_biases", 0), Error);
  EXPECT_THROW(model.set_optimizer("moment", 0.5), Error);
}

TEST(Model, FunctionsNameWhatTheyGive) {
  const Model model(small());
  const Function loss = model.loss_function(4);
  EXPECT_EQ(loss.inputs[0].name, "x");
  EXPECT_EQ(loss.inputs[1].name, "targets");
  EXPECT_EQ(loss.graph->type(loss.outputs[loss.output("fc2")].edge).shape, (Shape{4, 9}));
  EXPECT_EQ(loss.output("loss"), 0u);
  EXPECT_EQ(loss.output("predictions"), 1u);
  EXPECT_EQ(model.gradient_function(4).output("fc1.weight"), 2u);
  EXPECT_EQ(model.step_function(4).updates.size(), 6u * 3);
  EXPECT_EQ(model.loss_function(4, Type{DType::f32, {4, 5}}).inputs.size(), 2u);
  EXPECT_THROW(model.loss_function(0), Error);
  const auto layers = model.layers();
  EXPECT_EQ(layers[1].name, "fc1");
  EXPECT_EQ(layers[1].kind, "dense");
  EXPECT_EQ(layers[1].output, (Shape{1, 17}));
  EXPECT_EQ(layers[1].parameters, (std::vector<std::string>{"fc1.weight", "fc1.bias"}));
}

// --- what is not finite ---

TEST(Model, ALossThatIsNotFiniteChangesNothingAndIsNamed) {
  // sqrt of a negative number, and log of a softmax that has underflowed to zero
  const NetSpec net{.layers = {{.op = "dense", .args = {{"out", std::string("classes")}}},
                               {.op = "softmax", .name = "probabilities"},
                               {.op = "log", .name = "logs"}}};
  for (const int64_t shards : {1, 2})
    for (const bool interpret : {false, true}) {
      Model model({.net = net,
                   .sample = {2},
                   .outputs = 2,
                   .loss = "squared_error",
                   .optimizer = {"adam"},
                   .shards = shards,
                   .interpret = interpret});
      model.states().write("fc1.weight", Tensor({2, 2}, {300, 0, -300, 0}));
      const Tensor fine({2, 2}, {0, 1, 0, 2}), bad({2, 2}, {0, 1, 5, 2}), labels({2}, {0, 1}, DType::i32);
      EXPECT_TRUE(model.fit(fine, labels, 0.0).finite);
      EXPECT_FALSE(model.diagnose(fine, labels).found);
      const auto before = states_of(model);
      const StepResult result = model.fit(bad, labels, 0.1);
      EXPECT_FALSE(result.finite);
      EXPECT_EQ(states_of(model), before) << "shards " << shards;
      EXPECT_EQ(model.steps(), 1);
      const Diagnosis diagnosis = model.diagnose(bad, labels);
      EXPECT_TRUE(diagnosis.found);
      EXPECT_EQ(diagnosis.layer, "logs");
      EXPECT_EQ(diagnosis.op, "log");
      EXPECT_FALSE(diagnosis.in_gradient);
      EXPECT_NE(diagnosis.text.find("log in layer logs gave -inf at 1,1"), std::string::npos) << diagnosis.text;
    }
}

TEST(Model, ADerivativeThatIsNotFiniteIsNamed) {
  const NetSpec net{.layers = {{.op = "dense", .args = {{"out", int64_t{1}}, {"init", std::string("zero")}}},
                               {.op = "sqrt", .name = "root"}}};
  Model model({.net = net, .sample = {2}, .outputs = 1, .loss = "squared_error"});
  const Tensor x({2, 2}, {0, 1, 5, 2}), targets({2}, {1, 2});
  const StepResult result = model.fit(x, targets, 0.1);
  EXPECT_TRUE(result.finite);
  EXPECT_FALSE(result.finite_update);
  Model again({.net = net, .sample = {2}, .outputs = 1, .loss = "squared_error"});
  const Diagnosis diagnosis = again.diagnose(x, targets);
  EXPECT_TRUE(diagnosis.in_gradient);
  EXPECT_EQ(diagnosis.layer, "root");
  EXPECT_EQ(diagnosis.op, "divide");
  const Diagnosis after = model.diagnose(x, targets);
  EXPECT_NE(after.text.find("state fc1.weight holds"), std::string::npos) << after.text;
  Tensor nan = x;
  nan.set(3, std::nan(""));
  EXPECT_EQ(again.diagnose(nan, targets).text, "the input x holds nan at 1,1");
}

// --- mistakes ---

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

#define EXPECT_SAYS(action, piece)                                                                                     \
  do {                                                                                                                 \
    const std::string said = error_of([&] { action; });                                                                \
    EXPECT_NE(said.find(piece), std::string::npos) << said;                                                            \
  } while (false)

TEST(Model, MistakesInASpecAreNamed) {
  const auto with = [](auto change) {
    ModelSpec spec = small();
    change(spec);
    Model model(spec);
  };
  EXPECT_SAYS(with([](ModelSpec& s) { s.loss = "cross_entrpy"; }), "did you mean \"cross_entropy\"");
  EXPECT_SAYS(with([](ModelSpec& s) { s.reduction = "half"; }), "cross_entropy has no reduction \"half\"");
  EXPECT_SAYS(with([](ModelSpec& s) { s.optimizer = {"adma"}; }), "did you mean \"adam\"");
  EXPECT_SAYS(with([](ModelSpec& s) { s.outputs = 0; }), "outputs is 0");
  EXPECT_SAYS(with([](ModelSpec& s) { s.outputs = 1; }), "binary_cross_entropy");
  EXPECT_SAYS(with([](ModelSpec& s) { s.shards = 0; }), "shards is 0");
  EXPECT_SAYS(with([](ModelSpec& s) { s.dtype = DType::i32; }), "f32 or f64");
  EXPECT_SAYS(with([](ModelSpec& s) { s.sample = {0}; }), "at least one element");
  EXPECT_SAYS(with([](ModelSpec& s) { s.clip.norm = -1; }), "limit is -1");
  EXPECT_SAYS(with([](ModelSpec& s) { s.net.layers[1].name = "loss"; }), "uses this name itself");
  EXPECT_SAYS(with([](ModelSpec& s) { s.net.layers.pop_back(); }), "the net's output is [32, 9], expected [32, 5]");
  EXPECT_SAYS(with([](ModelSpec& s) {
                s.net.layers.erase(s.net.layers.begin());
                s.sample = {3, 3};
              }),
              "after a flatten");
}

TEST(Model, BatchesThatDoNotFitAreNamedAndChangeNothing) {
  Model model(small());
  const Batch batch = blobs(4, 13, 5);
  const auto before = states_of(model);
  Tensor labels = batch.labels;
  labels.set(2, 5);
  EXPECT_SAYS(model.fit(batch.x, labels, 0.1), "the class of sample 2 of the batch is 5, the net knows 0 to 4");
  labels.set(2, -1);
  EXPECT_SAYS(model.evaluate(batch.x, labels), "is -1");
  EXPECT_SAYS(model.fit(batch.x, Tensor({3}, {0, 1, 2}, DType::i32), 0.1), "targets are i32[3]");
  EXPECT_SAYS(model.fit(batch.x, Tensor(Type{DType::f32, {4, 4}}), 0.1), "targets are f32[4, 4]");
  EXPECT_SAYS(model.fit(Tensor(Type{DType::f32, {4, 12}}), batch.labels, 0.1),
              "samples are [4, 12], expected [batch] and then [13]");
  EXPECT_SAYS(model.predict(Tensor(Type{DType::f32, {13}})), "samples are [13]");
  EXPECT_SAYS(model.predict(Tensor(Type{DType::f32, {0, 13}})), "no samples");
  EXPECT_SAYS(model.predict(Tensor(Type{DType::u8, {1, 13}})), "expected floating point");
  EXPECT_SAYS(model.fit(batch.x, batch.labels, -0.1), "the learning rate is -0.1");
  EXPECT_SAYS(model.fit(batch.x, batch.labels, std::nan("")), "the learning rate is nan");
  Tensor room(Type{DType::f32, {4, 4}});
  EXPECT_SAYS(model.predict(batch.x, room.view()), "room for predictions");
  EXPECT_EQ(states_of(model), before);
}

TEST(Model, WhatShouldBeProbabilitiesIs) {
  const auto with = [](const char* loss, Attrs args, std::vector<const char*> last) {
    ModelSpec spec = small();
    spec.loss = loss;
    spec.loss_args = std::move(args);
    for (const char* op : last) spec.net.layers.push_back({.op = op});
    return Model(spec);
  };
  const Attrs made{{"from_logits", int64_t{0}}};
  const Batch batch = blobs(4, 13, 5);
  // The net: whether it ends as the loss expects.
  EXPECT_SAYS(with("cross_entropy", made, {}), "end the net with {op=\"softmax\"}");
  EXPECT_SAYS(with("nll", {}, {}), "end the net with {op=\"log_softmax\"}");
  EXPECT_SAYS(with("nll", {}, {"softmax"}), "the exponentials of the net's outputs");
  EXPECT_SAYS(with("kl_divergence", {}, {"softmax"}), "log_softmax");
  EXPECT_SAYS(with("binary_cross_entropy", made, {}), "end the net with {op=\"sigmoid\"}");
  with("nll", {}, {"softmax", "log"}); // in two steps it is as good
  for (auto& [loss, args, last] : std::vector<std::tuple<const char*, Attrs, std::vector<const char*>>>{
           {"cross_entropy", made, {"softmax"}},
           {"nll", {}, {"log_softmax"}},
           {"kl_divergence", {}, {"log_softmax"}},
           {"binary_cross_entropy", made, {"sigmoid"}}}) {
    Model model = with(loss, args, last);
    const double before = model.evaluate(batch.x, batch.labels).loss;
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(model.fit(batch.x, batch.labels, 0.1).finite) << loss;
    EXPECT_LT(model.evaluate(batch.x, batch.labels).loss, 0.7 * before) << loss << " trains";
  }
  // The targets.
  Tensor targets = Tensor::full({DType::f32, {4, 5}}, 0.2);
  Model model(small());
  EXPECT_TRUE(model.fit(batch.x, targets, 0.1).finite);
  targets.set(7, 0.5);
  EXPECT_SAYS(model.fit(batch.x, targets, 0.1), "of sample 1 the targets add up to 1.3");
  targets.set(7, std::nan(""));
  EXPECT_SAYS(model.evaluate(batch.x, targets), "nan");
  targets.set(7, -0.2);
  EXPECT_SAYS(model.fit(batch.x, targets, 0.1), "-0.2");
  Model yes_no = with("binary_cross_entropy", {}, {});
  targets.set(7, 1);
  EXPECT_TRUE(yes_no.fit(batch.x, targets, 0.1).finite);
  targets.set(7, 2);
  EXPECT_SAYS(yes_no.fit(batch.x, targets, 0.1), "no probability");
}

TEST(Model, ALabelThatIsIgnoredNeedNotExist) {
  ModelSpec spec = small();
  spec.loss_args = {{"ignore_index", int64_t{-1}}};
  Model model(spec);
  Batch batch = blobs(4, 13, 5);
  for (int64_t i = 0; i < 4; ++i) batch.labels.set(i, -1);
  const auto before = states_of(model);
  const StepResult result = model.fit(batch.x, batch.labels, 0.1);
  EXPECT_EQ(result.loss, 0) << "a batch of nothing else costs nothing";
  EXPECT_TRUE(result.finite);
  for (const std::string& name : model.states().names(true)) EXPECT_EQ(model.states().read(name), before.at(name));
  batch.labels.set(1, -2);
  EXPECT_SAYS(model.fit(batch.x, batch.labels, 0.1), "is -2");
}

TEST(Model, ConvertsBetweenFloats) {
  const Batch batch = blobs(4, 13, 5);
  const Model model(small());
  EXPECT_EQ(model.predict(batch.x.to(DType::f64)), model.predict(batch.x));
}

TEST(Model, CanBeMoved) {
  const Batch batch = blobs(4, 13, 5);
  Model model(small());
  model.fit(batch.x, batch.labels, 0.1);
  const Tensor before = model.predict(batch.x);
  Model moved = std::move(model);
  EXPECT_EQ(moved.predict(batch.x), before);
  EXPECT_TRUE(moved.fit(batch.x, batch.labels, 0.1).finite);
}

TEST(Model, CountsRightAnswersOfEveryKind) {
  const NetSpec pass{
      .layers = {{.op = "dense", .args = {{"out", int64_t{2}}, {"bias", int64_t{0}}, {"init", std::string("zero")}}}}};
  const auto correct = [&](const char* loss, const Tensor& targets) {
    Model model({.net = pass, .sample = {2}, .outputs = 2, .loss = loss});
    model.states().write("fc1.weight", Tensor({2, 2}, {1, 0, 0, 1}));
    return model.evaluate(Tensor({3, 2}, {2, -1, -1, 3, 1, 4}), targets).correct;
  };
  EXPECT_EQ(correct("cross_entropy", Tensor({3}, {0, 1, 0}, DType::i32)), 2);
  EXPECT_EQ(correct("cross_entropy", Tensor({3, 2}, {0.9, 0.1, 0.2, 0.8, 0.3, 0.7})), 3);
  EXPECT_EQ(correct("binary_cross_entropy", Tensor({3, 2}, {1, 0, 0, 1, 1, 0})), 2)
      << "a sample is right when all its outputs are";
  EXPECT_EQ(correct("squared_error", Tensor({3}, {0, 0, 1}, DType::i32)), 2);
  EXPECT_EQ(correct("squared_error", Tensor({3, 2}, {0, 0, 0, 0, 0, 0})), -1);
}

} // namespace
} // namespace vitro

// Nets with batch-norm and dropout in a model: shards, threads, resumption, the oracle, what is refused.
#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "model/model.h"

namespace vitro {
namespace {

struct Batch {
  Tensor x, labels;
};

Batch some_batch(int64_t n, uint64_t seed = 0) {
  Batch out{Tensor(Type{DType::f32, {n, 13}}), Tensor(Type{DType::i32, {n}})};
  const Stream stream(seed, "batch");
  for (int64_t i = 0; i < n; ++i) {
    out.labels.set(i, double(stream.below(5, 1, uint64_t(i))));
    for (int64_t f = 0; f < 13; ++f)
      out.x.set(i * 13 + f, std::sin(double(3 * f) * (1 + out.labels.at(i))) + stream.normal(0, uint64_t(i * 13 + f)));
  }
  return out;
}

NetSpec net(const char* norm, double dropout) {
  return make_net("mlp", {{"hidden", std::vector<int64_t>{17, 9}}, {"norm", std::string(norm)}, {"dropout", dropout}});
}

ModelSpec with(const char* norm, double dropout, int64_t shards = 1) {
  return {.net = net(norm, dropout), .sample = {13}, .outputs = 5, .optimizer = {"adam"}, .shards = shards, .seed = 4};
}

using Values = std::map<std::string, Tensor>;
Values states_of(const Model& model) {
  Values out;
  for (const auto& name : model.states().names()) out.emplace(name, model.states().read(name));
  return out;
}

double largest_difference(const Model& a, const Model& b) {
  double out = 0;
  for (const auto& name : a.states().weights()) {
    const Tensor x = a.states().read(name), y = b.states().read(name);
    for (int64_t i = 0; i < x.elements(); ++i) out = std::max(out, std::fabs(x.at(i) - y.at(i)));
  }
  return out;
}

Model trained(const ModelSpec& spec, int steps = 6) {
  Model model(spec);
  for (int i = 0; i < steps; ++i) {
    const Batch batch = some_batch(i == 3 ? 16 : 37, uint64_t(i));
    EXPECT_TRUE(model.fit(batch.x, batch.labels, 0.01).finite_update);
  }
  return model;
}

TEST(Normalization, LearnsWithEachNormAndDropout) {
  const Batch batch = some_batch(100);
  for (const char* norm : {"", "batch", "layer", "rms"})
    for (const double dropout : {0.0, 0.2}) {
      Model model(with(norm, dropout));
      const double before = model.evaluate(batch.x, batch.labels).loss;
      for (int i = 0; i < 150; ++i) model.fit(batch.x, batch.labels, 0.01);
      EXPECT_LT(model.evaluate(batch.x, batch.labels).loss, 0.6 * before) << norm << ", dropout " << dropout;
    }
}

TEST(Normalization, PlannedAndInterpretedAgree) {
  for (const char* norm : {"", "batch", "layer", "rms"})
    for (const int64_t shards : {1, 3}) {
      ModelSpec spec = with(norm, 0.3, shards);
      const Model planned = trained(spec);
      spec.interpret = true;
      EXPECT_LT(largest_difference(planned, trained(spec)), 5e-5) << norm << ", shards " << shards;
      spec.dtype = DType::f64;
      EXPECT_LT(largest_difference(planned, trained(spec)), 1e-3) << norm << ", shards " << shards;
    }
}

// A sample meets the same mask in whichever shard it is; batch-norm knows its shard alone.
TEST(Normalization, ShardsDropWhatTheWholeBatchDrops) {
  ModelSpec spec = with("layer", 0.4);
  spec.optimizer = {"sgd"};
  const Model whole = trained(spec);
  for (const int64_t shards : {2, 3, 7}) {
    spec.shards = shards;
    EXPECT_LT(largest_difference(whole, trained(spec)), 2e-6) << shards;
  }
}

TEST(Normalization, RunningStatesAreTheMeanOverShards) {
  const Batch batch = some_batch(10);
  for (const char* reduction : {"mean", "sum"}) {
    ModelSpec spec{
        .net = {.layers = {{.op = "batch_norm"}, {.op = "dense", .args = {{"out", std::string("classes")}}}}},
        .sample = {13},
        .outputs = 5,
        .reduction = reduction,
        .shards = 3};
    Model model(spec);
    model.fit(batch.x, batch.labels, 0.01);
    const Tensor mean = model.states().read("bn1.running_mean"), variance = model.states().read("bn1.running_var");
    for (int64_t f = 0; f < 13; ++f) {
      double mean_of_all = 0, variance_of_all = 0;
      for (int64_t s = 0; s < 3; ++s) {
        const int64_t begin = s * 10 / 3, end = (s + 1) * 10 / 3, n = end - begin;
        double sum = 0, squares = 0;
        for (int64_t i = begin; i < end; ++i) sum += batch.x.at(i * 13 + f) / double(n);
        for (int64_t i = begin; i < end; ++i) squares += std::pow(batch.x.at(i * 13 + f) - sum, 2) / double(n - 1);
        mean_of_all += sum * double(n) / 10;
        variance_of_all += squares * double(n) / 10;
      }
      EXPECT_NEAR(mean.at(f), 0.1 * mean_of_all, 1e-6);
      EXPECT_NEAR(variance.at(f), 0.9 + 0.1 * variance_of_all, 1e-6);
    }
  }
}

TEST(Normalization, ThreadsChangeNoBit) {
  const int before = thread_count();
  Batch wide{Tensor(Type{DType::f32, {300, 40}}), Tensor(Type{DType::i32, {300}})};
  for (int64_t i = 0; i < wide.x.elements(); ++i) wide.x.set(i, std::sin(double(i)));
  for (const int64_t shards : {1, 4}) {
    std::vector<Values> ends;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      ModelSpec spec{
          .net = make_net(
              "mlp", {{"hidden", std::vector<int64_t>{130, 70}}, {"norm", std::string("batch")}, {"dropout", 0.2}}),
          .sample = {40},
          .outputs = 5,
          .shards = shards};
      Model model(spec);
      for (int i = 0; i < 4; ++i) model.fit(wide.x, wide.labels, 0.01);
      ends.push_back(states_of(model));
    }
    EXPECT_EQ(ends[0], ends[1]);
    EXPECT_EQ(ends[0], ends[2]);
  }
  set_thread_count(before);
}

TEST(Normalization, ContinuesFromItsStatesWithTheSameBits) {
  for (const int64_t shards : {1, 3}) {
    const ModelSpec spec = with("batch", 0.3, shards);
    const Model whole = trained(spec);
    const Values half = states_of(trained(spec, 3));
    Model second(spec);
    for (const auto& [name, value] : half) second.states().write(name, value);
    for (int i = 3; i < 6; ++i) {
      const Batch batch = some_batch(i == 3 ? 16 : 37, uint64_t(i));
      second.fit(batch.x, batch.labels, 0.01);
    }
    EXPECT_EQ(states_of(whole), states_of(second)) << "shards " << shards;
  }
}

TEST(Normalization, EvaluationChangesAndDropsNothing) {
  const Batch batch = some_batch(20);
  Model model(with("batch", 0.5));
  model.fit(batch.x, batch.labels, 0.01);
  const Values before = states_of(model);
  const Tensor p = model.predict(batch.x);
  EXPECT_EQ(model.evaluate(batch.x, batch.labels).predictions, p);
  EXPECT_EQ(model.predict(batch.x), p);
  model.gradient(batch.x, batch.labels);
  EXPECT_EQ(states_of(model), before) << "nor does a gradient that is only looked at";
  // One sample alone is answered as among others.
  const Tensor alone = model.predict(ConstView{{DType::f32, {1, 13}}, batch.x.as<float>().data()});
  for (int64_t c = 0; c < 5; ++c) EXPECT_NEAR(alone.at(c), p.at(c), 1e-6);
}

TEST(Normalization, ADroppedUnitIsDroppedForTheWholeStep) {
  const Batch batch = some_batch(6);
  const Model model(with("batch", 0.5));
  EXPECT_EQ(model.gradient(batch.x, batch.labels), model.gradient(batch.x, batch.labels));
}

TEST(Normalization, ALossThatIsNotFiniteLeavesRunningStatesAlone) {
  for (const int64_t shards : {1, 2}) {
    Model model(with("batch", 0.3, shards));
    Batch batch = some_batch(8);
    model.fit(batch.x, batch.labels, 0.01);
    const Values before = states_of(model);
    batch.x.set(5, std::nan(""));
    EXPECT_FALSE(model.fit(batch.x, batch.labels, 0.01).finite);
    EXPECT_EQ(states_of(model), before) << "shards " << shards;
  }
}

TEST(Normalization, ARunningStateThatLeavesTheFloatsIsNoticed) {
  for (const int64_t shards : {1, 2})
    for (const bool interpret : {false, true}) {
      ModelSpec spec = with("batch", 0, shards);
      spec.net.layers.insert(spec.net.layers.begin(), {.op = "batch_norm"});
      spec.interpret = interpret;
      Model model(spec);
      Batch batch = some_batch(8);
      for (int64_t i = 0; i < batch.x.elements(); ++i) batch.x.set(i, 1e25 * batch.x.at(i)); // its square is none
      const StepResult result = model.fit(batch.x, batch.labels, 0.01);
      EXPECT_FALSE(result.finite && result.finite_update) << "shards " << shards;
    }
}

TEST(Normalization, ABatchThatCannotBeTrainedOnIsNamedBeforehand) {
  const auto said = [](const Model& model, int64_t batch) -> std::string {
    try {
      (void)model.training_function(batch);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      return error.what();
    }
    return "";
  };
  const Model one(with("batch", 0)), three(with("batch", 0, 3)), without(with("layer", 0.5, 3));
  EXPECT_NE(said(one, 1).find("[layer bn1] in training a channel needs at least 2 values"), std::string::npos);
  EXPECT_EQ(said(one, 2), "");
  for (const int64_t alone : {1, 2, 3, 4, 5}) EXPECT_NE(said(three, alone), "") << alone;
  EXPECT_EQ(said(three, 6), "");
  EXPECT_EQ(said(without, 1), "");
  Model model(with("batch", 0));
  const Batch batch = some_batch(1);
  EXPECT_THROW(model.fit(batch.x, batch.labels, 0.1), Error);
  EXPECT_EQ(model.steps(), 0);
  EXPECT_NO_THROW(model.evaluate(batch.x, batch.labels));
}

} // namespace
} // namespace vitro

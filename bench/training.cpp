// Whole training steps on random data in memory: forward, loss, backward, update. The workloads are
// the ones that bench/README.md defines. FLOPs are those of the plan's matrix products and pointwise
// operations.
#include <benchmark/benchmark.h>

#include <chrono>
#include <vector>

#include "core/random.h"
#include "core/threads.h"
#include "model/model.h"
#include "plan/plan.h"

namespace {

using namespace vitro;

struct Workload {
  ModelSpec spec;
  int64_t batch;
};

Workload workload(int which) {
  const auto sgd = [](double lr) { return OptimizerSpec{"sgd", {{"lr", lr}}}; };
  switch (which) {
    case 0: return {{.net = mlp({128}), .sample = {784}, .outputs = 10, .optimizer = sgd(0.01)}, 32};
    case 1: return {{.net = mlp({128}), .sample = {784}, .outputs = 10, .optimizer = sgd(0.01)}, 128};
    case 2: return {{.net = mlp({1024, 1024}), .sample = {784}, .outputs = 10, .optimizer = {"adam"}}, 256};
    default: return {{.net = mlp({16, 16}), .sample = {2}, .outputs = 3, .optimizer = {"adam"}}, 300};
  }
}
constexpr const char* names[] = {"W1 784-128-10 batch 32 SGD", "W1b 784-128-10 batch 128 SGD",
                                 "W2 784-1024-1024-10 batch 256 Adam", "W6 2-16-16-3 batch 300 Adam"};

struct Batch {
  Tensor x, labels;
  Batch(const Workload& w) : x(Type{DType::f32, {w.batch, w.spec.sample[0]}}), labels(Type{DType::i32, {w.batch}}) {
    const Stream stream(0, "bench");
    for (int64_t i = 0; i < x.elements(); ++i) x.set(i, stream.normal(0, uint64_t(i)));
    for (int64_t i = 0; i < w.batch; ++i) labels.set(i, double(stream.below(uint64_t(w.spec.outputs), 1, uint64_t(i))));
  }
};

void step(benchmark::State& state) {
  set_thread_count(int(state.range(1)));
  const Workload w = workload(int(state.range(0)));
  Model model(w.spec);
  const Batch batch(w);
  for (int i = 0; i < 3; ++i) model.fit(batch.x, batch.labels);
  for (auto _ : state) benchmark::DoNotOptimize(model.fit(batch.x, batch.labels).loss);
  const double flops = double(Plan(model.step_function(w.batch), model.states()).flops());
  state.counters["FLOPs"] = flops;
  state.counters["FLOP/s"] = benchmark::Counter(flops * double(state.iterations()), benchmark::Counter::kIsRate);
  state.SetLabel(names[state.range(0)]);
}
BENCHMARK(step)
    ->ArgsProduct({{0, 1, 2, 3}, {1, 2}})
    ->ArgNames({"W", "threads"})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Everything between a recipe and the end of its first step: parameters, trace, plan, run.
void first_step(benchmark::State& state) {
  const Workload w = workload(0);
  const Batch batch(w);
  for (auto _ : state) {
    Model model(w.spec);
    benchmark::DoNotOptimize(model.fit(batch.x, batch.labels).loss);
  }
}
BENCHMARK(first_step)->UseRealTime()->Unit(benchmark::kMicrosecond);

// The same without creating the parameters: the trace, the plan and the run alone.
void first_step_of_a_model(benchmark::State& state) {
  const Workload w = workload(0);
  const Batch batch(w);
  for (auto _ : state) {
    Model model(w.spec);
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(model.fit(batch.x, batch.labels).loss);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}
BENCHMARK(first_step_of_a_model)->UseManualTime()->Unit(benchmark::kMicrosecond);

void predict(benchmark::State& state) {
  Workload w = workload(0);
  w.batch = state.range(0);
  const Model model(w.spec);
  const Batch batch(w);
  Tensor out(Type{DType::f32, {w.batch, w.spec.outputs}});
  for (auto _ : state) model.predict(batch.x, out.view());
}
BENCHMARK(predict)->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMicrosecond);

} // namespace

// Whole training steps, first steps, inference: on random data in memory.
#include <chrono>
#include <memory>

#include "bench/noise.h"
#include "bench/trainings.h"
#include "bench/workload.h"
#include "core/random.h"
#include "core/text.h"

namespace vitro::bench {
namespace {

// Parameters of dense layers, biases too.
double parameters(std::span<const int64_t> widths) {
  double out = 0;
  for (size_t i = 1; i < widths.size(); ++i) out += double(widths[i]) * double(widths[i - 1] + 1);
  return out;
}

double weights(std::span<const int64_t> widths) {
  double out = 0;
  for (size_t i = 1; i < widths.size(); ++i) out += double(widths[i]) * double(widths[i - 1]);
  return out;
}

double batch_bytes(int64_t batch, int64_t width) { return 4.0 * double(batch) * double(width + 1); }

int moments(const ModelSpec& spec) { return spec.optimizer.name == "adam" ? 2 : 0; }

Training training(const char* name, const char* what, int64_t batch, std::vector<int64_t> widths,
                  OptimizerSpec optimizer) {
  const std::vector<int64_t> hidden(widths.begin() + 1, widths.end() - 1);
  ModelSpec spec{
      .net = mlp(hidden), .sample = {widths.front()}, .outputs = widths.back(), .optimizer = std::move(optimizer)};
  return {name, what, batch, std::move(widths), std::move(spec)};
}

double seconds_of(const auto& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Workload whole_step(const Training& training) {
  const int held = moments(training.spec);
  return {.name = training.name,
          .group = "step",
          .what = training.what,
          .flops = step_flops(training.batch, training.widths),
          .bytes = step_bytes(training.batch, training.widths, held),
          .bandwidth = bandwidth_for(4 * (1 + held) * parameters(training.widths), true),
          .make = [training]() -> Job {
            const auto model = std::make_shared<Model>(training.spec);
            const auto batch = std::make_shared<const TrainingBatch>(training);
            return {.run = [=] { keep(model->fit(batch->x, batch->labels).loss); }};
          }};
}

// The first step of a model that exists, or with creating it. Its files are read, its functions are in memory: what
// `start` adds is the process.
Workload first_step(const Training& training, bool create) {
  return {.name = training.name + (create ? "-create" : "-first"),
          .group = "first",
          .what = create ? "a model created, and its first step: parameters, trace, plan, run"
                         : "the first step of a model: trace, plan, run",
          .flops = step_flops(training.batch, training.widths),
          .make = [training, create]() -> Job {
            const auto batch = std::make_shared<const TrainingBatch>(training);
            return {.measure = [=] {
              std::unique_ptr<Model> model;
              const auto make = [&] { model = std::make_unique<Model>(training.spec); };
              if (!create) make();
              return seconds_of([&] {
                if (create) make();
                keep(model->fit(batch->x, batch->labels).loss);
              });
            }};
          }};
}

Workload inference(Training training, int64_t batch) {
  training.batch = batch;
  return {.name = text(training.name, "-predict-", batch),
          .group = "predict",
          .what = text("probabilities of ", batch, batch == 1 ? " sample" : " samples"),
          .flops = 2 * double(batch) * weights(training.widths),
          .bytes = 4 * parameters(training.widths) + batch_bytes(batch, training.widths.front()),
          .bandwidth = bandwidth_for(4 * parameters(training.widths), false),
          .make = [training]() -> Job {
            const auto model = std::make_shared<const Model>(training.spec);
            const auto given = std::make_shared<const TrainingBatch>(training);
            const auto out = std::make_shared<Tensor>(Type{DType::f32, {training.batch, training.widths.back()}});
            return {.run = [=] { model->predict(given->x, out->view()); }};
          }};
}

} // namespace

double step_flops(int64_t batch, std::span<const int64_t> widths) {
  return 2 * double(batch) * (3 * weights(widths) - weights(widths.first(2)));
}

double step_bytes(int64_t batch, std::span<const int64_t> widths, int moments) {
  return batch_bytes(batch, widths.front()) + 4 * 2 * (1 + moments) * parameters(widths);
}

const std::vector<Training>& trainings() {
  static const OptimizerSpec sgd{"sgd", {{"lr", 0.01}}}, adam{"adam"};
  static const std::vector<Training> all{
      training("W1", "784-128-10 ReLU, batch 32, SGD", 32, {784, 128, 10}, sgd),
      training("W1b", "784-128-10 ReLU, batch 128, SGD", 128, {784, 128, 10}, sgd),
      training("W2", "784-1024-1024-10 ReLU, batch 256, Adam", 256, {784, 1024, 1024, 10}, adam),
      training("W6", "2-16-16-3 ReLU, 300 points in one batch, Adam", 300, {2, 16, 16, 3}, adam),
  };
  return all;
}

TrainingBatch::TrainingBatch(const Training& training)
    : x(noise({training.batch, training.widths.front()})), labels(Type{DType::i32, {training.batch}}) {
  const Stream stream(0, "bench");
  const auto classes = uint64_t(training.widths.back());
  for (int64_t i = 0; i < training.batch; ++i)
    labels.as<int32_t>()[size_t(i)] = int32_t(stream.below(classes, 0, uint64_t(i)));
}

std::vector<Workload> steps() {
  std::vector<Workload> out;
  for (const Training& training : trainings()) out.push_back(whole_step(training));
  const Training& w1 = trainings().front();
  for (const bool create : {false, true}) out.push_back(first_step(w1, create));
  for (const int64_t batch : {1, 32}) out.push_back(inference(w1, batch));
  return out;
}

} // namespace vitro::bench

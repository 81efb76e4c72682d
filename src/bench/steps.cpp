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

double sample_bytes(const Shape& sample) { return 4.0 * double(sample.elements() + 1); }

int moments(const ModelSpec& spec) {
  return spec.optimizer.name == "adam"                                          ? 2
         : spec.optimizer.name == "sgd" && spec.optimizer.args.find("momentum") ? 1
                                                                                : 0;
}

Training dense(const char* name, const char* what, int64_t batch, const std::vector<int64_t>& widths,
               OptimizerSpec optimizer) {
  const std::vector<int64_t> hidden(widths.begin() + 1, widths.end() - 1);
  return {
      name,
      what,
      batch,
      dense_cost(widths),
      {.net = mlp(hidden), .sample = {widths.front()}, .outputs = widths.back(), .optimizer = std::move(optimizer)}};
}

Training lenet(OptimizerSpec optimizer) {
  const std::vector<int64_t> widths{400, 120, 84, 10};
  const Cost last = dense_cost(widths);
  return {"W3",
          "LeNet: two convolutions 5 x 5 with ReLU and max-pool, 400-120-84-10, batch 64, Adam",
          64,
          {28 * 28 * 6 * 25, 10 * 10 * 16 * 150 + last.first + last.others, 6 * 26 + 16 * 151 + last.parameters},
          {.net = make_net("lenet"), .sample = {1, 28, 28}, .outputs = 10, .optimizer = std::move(optimizer)}};
}

// Convolutions 3 x 3 without bias, each with batch-norm and ReLU behind it.
Training conv_stack(OptimizerSpec optimizer) {
  NetSpec net;
  Cost cost{0, 64 * 10, 64 * 10 + 10};
  int64_t in = 3, size = 32;
  for (const auto& [out, stride] :
       std::vector<std::pair<int64_t, int64_t>>{{16, 1}, {32, 1}, {32, 2}, {32, 1}, {64, 2}, {64, 1}, {64, 1}}) {
    net.layers.push_back(
        {.op = "conv2d",
         .args = {
             {"out", out}, {"kernel", int64_t{3}}, {"stride", stride}, {"padding", int64_t{1}}, {"bias", int64_t{0}}}});
    net.layers.push_back({.op = "batch_norm"});
    net.layers.push_back({.op = "relu"});
    size /= stride;
    (in == 3 ? cost.first : cost.others) += double(size * size * out * in * 9);
    cost.parameters += double(out * in * 9 + 2 * out);
    in = out;
  }
  net.layers.push_back({.op = "global_avg_pool"});
  net.layers.push_back({.op = "dense", .args = {{"out", std::string("classes")}}});
  return {"W4",
          "seven convolutions 3 x 3 with batch-norm and ReLU, 3 x 32 x 32, batch 128, SGD with momentum",
          128,
          cost,
          {.net = net, .sample = {3, 32, 32}, .outputs = 10, .optimizer = std::move(optimizer)}};
}

constexpr int64_t time_steps = 64;

// A recurrent layer over 64 steps, whose last goes to a dense layer.
Training sequences(const char* name, const std::string& cell, OptimizerSpec optimizer) {
  constexpr int64_t features = 40, units = 128, classes = 10;
  const int64_t gates = units * (cell == "lstm" ? 4 : cell == "gru" ? 3 : 1);
  ModelSpec spec{.net = make_net("lstm", {{"cell", cell}, {"hidden", units}}), .sample = {time_steps, features}};
  spec.outputs = classes;
  spec.sequence = true;
  spec.optimizer = std::move(optimizer);
  return {name,
          text(cell, " 40-128 over 64 steps, the last to 10, batch 32, Adam"),
          32,
          {double(time_steps * features * gates), double(time_steps * units * gates + units * classes),
           double(gates * (features + units + 2) + classes * (units + 1))},
          std::move(spec)};
}

// Characters: an embedding, two recurrent layers, an answer at each of 64 steps.
Training characters(OptimizerSpec optimizer) {
  constexpr int64_t symbols = 65, units = 256, gates = 4 * units;
  ModelSpec spec{.net = {.layers = {{.op = "embed", .args = {{"width", units}}},
                                    {.op = "lstm", .args = {{"out", units}, {"layers", int64_t{2}}}},
                                    {.op = "dense", .args = {{"out", std::string("classes")}}}}},
                 .sample = {time_steps, 1},
                 .codes = {symbols},
                 .outputs = symbols};
  spec.sequence = spec.each_step = true;
  spec.optimizer = std::move(optimizer);
  return {"W7",
          "65 symbols embedded in 256, two LSTM of 256 over 64 steps, 65 at every step, batch 32, Adam",
          32,
          {0,
           double(time_steps * (4 * units * gates + units * symbols)), // even the first layer sends back to the table
           double(symbols * units + 2 * gates * (2 * units + 2) + symbols * (units + 1))},
          std::move(spec)};
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
          .flops = step_flops(training.batch, training.cost),
          .bytes = step_bytes(training.batch, training.spec.sample, training.cost, held),
          .bandwidth = bandwidth_for(4 * (1 + held) * training.cost.parameters, true),
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
          .flops = step_flops(training.batch, training.cost),
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
          .flops = 2 * double(batch) * (training.cost.first + training.cost.others),
          .bytes = 4 * training.cost.parameters + double(batch) * sample_bytes(training.spec.sample),
          .bandwidth = bandwidth_for(4 * training.cost.parameters, false),
          .make = [training]() -> Job {
            const auto model = std::make_shared<const Model>(training.spec);
            const auto given = std::make_shared<const TrainingBatch>(training);
            const auto out = std::make_shared<Tensor>(Type{DType::f32, {training.batch, training.spec.outputs}});
            return {.run = [=] { model->predict(given->x, out->view()); }};
          }};
}

} // namespace

Cost dense_cost(std::span<const int64_t> widths) {
  Cost out{0, 0, 0};
  for (size_t i = 1; i < widths.size(); ++i) {
    (i == 1 ? out.first : out.others) += double(widths[i]) * double(widths[i - 1]);
    out.parameters += double(widths[i]) * double(widths[i - 1] + 1);
  }
  return out;
}

double step_flops(int64_t batch, const Cost& cost) { return 2 * double(batch) * (2 * cost.first + 3 * cost.others); }

double step_bytes(int64_t batch, const Shape& sample, const Cost& cost, int moments) {
  return double(batch) * sample_bytes(sample) + 4 * 2 * (1 + moments) * cost.parameters;
}

const std::vector<Training>& trainings() {
  static const OptimizerSpec sgd{"sgd", {{"lr", 0.01}}}, momentum{"sgd", {{"lr", 0.01}, {"momentum", 0.9}}};
  static const OptimizerSpec adam{"adam"};
  static const std::vector<Training> all{
      dense("W1", "784-128-10 ReLU, batch 32, SGD", 32, {784, 128, 10}, sgd),
      dense("W1b", "784-128-10 ReLU, batch 128, SGD", 128, {784, 128, 10}, sgd),
      dense("W2", "784-1024-1024-10 ReLU, batch 256, Adam", 256, {784, 1024, 1024, 10}, adam),
      lenet(adam),
      conv_stack(momentum),
      sequences("W5", "lstm", adam),
      dense("W6", "2-16-16-3 ReLU, 300 points in one batch, Adam", 300, {2, 16, 16, 3}, adam),
      characters(adam),
  };
  return all;
}

TrainingBatch::TrainingBatch(const Training& training) {
  const ModelSpec& spec = training.spec;
  auto extents = spec.sample.list();
  extents.insert(extents.begin(), training.batch);
  x = noise(Shape(extents));
  labels = Tensor({DType::i32, spec.each_step ? Shape{extents[0], extents[1]} : Shape{extents[0]}});
  const Stream stream(0, "bench");
  const auto drawn = [&](int64_t below, uint64_t which, int64_t i) {
    return double(stream.below(uint64_t(below), which, uint64_t(i)));
  };
  for (int64_t i = 0; i < labels.elements(); ++i) labels.set(i, drawn(spec.outputs, 0, i));
  if (!spec.codes.empty())
    for (int64_t i = 0; i < x.elements(); ++i) x.set(i, drawn(spec.codes[0], 1, i));
}

std::vector<Workload> steps() {
  std::vector<Workload> out;
  for (const Training& training : trainings()) out.push_back(whole_step(training));
  const Training& w1 = trainings().front();
  for (const bool create : {false, true}) out.push_back(first_step(w1, create));
  for (const int64_t batch : {1, 32}) out.push_back(inference(w1, batch));
  for (const Training& training : trainings())
    if (training.name == "W3") out.push_back(inference(training, 1));
  return out;
}

} // namespace vitro::bench

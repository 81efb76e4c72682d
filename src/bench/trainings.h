// The training workloads W1 to W7: a net and a batch of random data, as bench/README.md defines them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/model.h"

namespace vitro::bench {

/// What a sample costs: multiply-adds of the first layer and of all others; and what a net has to learn.
struct Cost {
  double first, others, parameters;
};
/// Of dense layers, from the input's width on; biases are parameters.
Cost dense_cost(std::span<const int64_t> widths);

struct Training {
  std::string name;
  std::string what;
  int64_t batch;
  Cost cost;
  ModelSpec spec;
};

/// The first is W1, whose first step `start` takes.
const std::vector<Training>& trainings();

struct TrainingBatch {
  explicit TrainingBatch(const Training& training);
  Tensor x, labels; // f32 [batch, ...sample], i32 [batch]
};

/// FLOPs of a training step, those of its products and convolutions alone: forward, the derivative by each weight, and
/// by the input of each layer but the first.
double step_flops(int64_t batch, const Cost& cost);
/// Its bytes at the least: the batch of such samples read; every parameter and every moment read and written once.
double step_bytes(int64_t batch, const Shape& sample, const Cost& cost, int moments);

} // namespace vitro::bench

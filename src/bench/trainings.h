// The training workloads W1, W1b, W2 and W6: a net and a batch of random data, as bench/README.md defines them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/model.h"

namespace vitro::bench {

struct Training {
  std::string name;
  std::string what;
  int64_t batch;
  std::vector<int64_t> widths; // the input's and each layer's
  ModelSpec spec;
};

/// The first is W1, whose first step `start` takes.
const std::vector<Training>& trainings();

struct TrainingBatch {
  explicit TrainingBatch(const Training& training);
  Tensor x, labels; // f32 [batch, widths.front()], i32 [batch]
};

/// FLOPs of a training step of dense layers, those of its products alone: forward, the derivative by each weight, and
/// by the input of each layer but the first.
double step_flops(int64_t batch, std::span<const int64_t> widths);
/// Its bytes at the least: the batch read; every parameter (biases too) and every moment read and written once.
double step_bytes(int64_t batch, std::span<const int64_t> widths, int moments);

} // namespace vitro::bench

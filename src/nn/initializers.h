// How parameters start.
//
// An initialiser is named in a word: "he_normal", or with its numbers, "uniform(-0.05, 0.05)".
// Element i of a parameter is a function of (seed, the parameter's name, i) alone, in double, rounded
// once: the order in which parameters are made, or the number of threads, changes nothing. Only where a notebook's
// numbers are wanted is numpy's one sequence taken instead, in the order in which its programs draw.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/numpy_random.h"
#include "core/tensor.h"
#include "graph/op.h"

namespace vitro {

/// Fans as PyTorch counts them: of a weight [out, in, ...kernel], fan_in = in * kernel, fan_out = out * kernel.
/// A bias has the fans of its layer's weight.
struct Fan {
  int64_t in, out;
};
Fan fan_of(const Shape& weight);

struct Initializer {
  struct Parameter {
    const char* name;
    double fallback;
  };
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula;
  const char* doc;
  const char* origin = "";
  Peers peers = {};
  std::vector<Parameter> parameters = {};
  enum Draw { none, uniform, normal } draw = none;
  /// uniform: low and high; normal: mean and deviation; none: the value, twice.
  std::pair<double, double> (*range)(Fan fan, std::span<const double> numbers);
};

std::span<const Initializer> initializers();

/// The tensor that `word` gives for the parameter `name`, times `gain`. Throws bad_input (at `name`) for an unknown
/// initialiser (with the nearest), a malformed word or too many numbers. `numpy`: draws from there instead, a weight
/// [out, in] input by input, since numpy programs keep it as [in, out].
Tensor initial(const std::string& word, const std::string& name, const Type& type, Fan fan, uint64_t seed,
               double gain = 1, NumpyRandom* numpy = nullptr);

} // namespace vitro

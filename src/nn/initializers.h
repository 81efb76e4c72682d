// How parameters start.
//
// An initialiser is named in a word: "he_normal", or with its numbers, "uniform(-0.05, 0.05)".
// Element i of a parameter is a function of (seed, the parameter's name, i) alone (an orthogonal one's, of its shape
// too), in double, rounded once: the order in which parameters are made, or the number of threads, changes nothing.
// Only where a notebook's numbers are wanted is numpy's one sequence taken instead, in the order in which its programs
// draw.
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
  const char* bias = "zero"; // how a bias starts where nothing is said of it
  /// truncated: normal, drawn again where it is more than two deviations off; orthogonal: rows, or columns, made so.
  enum Draw { none, uniform, normal, truncated, orthogonal } draw = none;
  /// uniform: low and high; none: the value, twice; the others: mean and deviation.
  std::pair<double, double> (*range)(Fan fan, std::span<const double> numbers);
};

std::span<const Initializer> initializers();
/// By the name or alias in a word; throws bad_input at `where`, with the nearest, where there is none.
const Initializer& find_initializer(const std::string& word, const std::string& where);

/// What an activation makes smaller, the weights in front of it may make up for: PyTorch's table (calculate_gain).
/// `activation` is a name of it, "leaky_relu(0.2)" with its slope. Throws bad_input at `where` for another.
double gain_of(const std::string& activation, const std::string& where);

/// The tensor that `word` gives for the parameter `name`, times `gain`. Throws bad_input (at `name`) for an unknown
/// initialiser (with the nearest), a malformed word, too many numbers, or what has one axis and can't be orthogonal.
/// `numpy`: draws from there instead, a weight [out, in] input by input, since numpy programs keep it as [in, out].
Tensor initial(const std::string& word, const std::string& name, const Type& type, Fan fan, uint64_t seed,
               double gain = 1, NumpyRandom* numpy = nullptr);

} // namespace vitro

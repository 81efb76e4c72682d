// Claims that no training shows: each experiment is a few lines on the engine (graph, gradient, Model) that give named
// numbers for a claim's figures.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vitro {

struct Experiment {
  struct Number {
    const char* name;
    const char* doc;
  };
  const char* name;
  const char* doc;
  std::vector<Number> numbers;
  /// A value for each of `numbers`.
  std::map<std::string, double> (*run)(uint64_t seed);
  bool timed = false; // it measures time: nothing else may run meanwhile, and no run gives the same numbers
};

std::span<const Experiment> experiments();
/// nullptr where there is none.
const Experiment* find_experiment(const std::string& name);

} // namespace vitro

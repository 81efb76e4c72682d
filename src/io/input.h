// input.json: how raw input becomes numbers. With it and the weights a run reads raw files ever after.
#pragma once

#include <string>
#include <vector>

#include "core/shape.h"

namespace vitro {

/// number = (raw * scale - mean) / deviation; one mean and deviation for all elements of a sample, or one for each
/// equal, consecutive run of them (a channel, a feature).
struct InputScaling {
  double scale = 1;
  std::vector<double> mean = {0}, deviation = {1};
  bool operator==(const InputScaling&) const = default;
};

struct InputFormat {
  std::string name; // of the data set
  std::string description;
  bool generated = false;            // made by a program, not measured
  bool classes_wanted = true;        // "classification"; false: "regression"
  DType raw = DType::f32;            // u8, f32 or f64
  Shape sample;                      // of one sample: [1, 28, 28], [2]
  std::vector<std::string> features; // one name per element, or none
  std::vector<std::string> classes;  // in the order of the labels
  std::vector<std::string> targets;  // the predicted column(s)
  InputScaling input;
  InputScaling target; // regression: the net learns the scaled target
  bool operator==(const InputFormat&) const = default;
};

/// Indented JSON, keys in a fixed order, doubles in the shortest form that reads back the same. Throws bad_input where
/// a name is not UTF-8.
std::string to_json(const InputFormat& input);

/// Throws bad_input at `where` for what is no JSON, a key that is missing, unknown, twice there or of another kind,
/// numbers that are not finite, a deviation that is not above 0, lists whose lengths disagree.
InputFormat read_input(const std::string& json, const std::string& where);

} // namespace vitro

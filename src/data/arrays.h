// Arrays of numpy as data sets: x and y of one .npz file, or x_train, y_train, x_test and y_test as Keras keeps its
// sets.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "data/dataset.h"

namespace vitro {

/// The parts as they stand in the file: `test` is empty where the file has none of its own.
struct ArraySet {
  Dataset train;
  std::optional<Dataset> test;
};

/// x [n, ...]: bytes are pixels ([n, height, width] or [n, channels, height, width], scaled by 1/255), everything else
/// floats, as they stand. y [n] or [n, 1], whole numbers: classes, one for each that occurs, in ascending order; floats
/// ([n, outputs] too), and whole numbers where `goal` says so: numbers to predict. Throws bad_input at `where` for
/// other names, counts that differ, numbers that are not finite.
ArraySet array_set(std::map<std::string, Tensor> arrays, std::optional<Goal> goal, const std::string& where);

/// One array as samples of `schema`, [n, ...sample] (for predict); of a table's schema [n, columns], NaN where a value
/// is missing. Throws bad_input where the shape differs, or a column of the table holds texts or dates.
Tensor array_samples(Tensor x, const Schema& schema, const std::string& where);

} // namespace vitro

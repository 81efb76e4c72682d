// A run as others read it: the recipe, the schema and the trained model, out of its directory.
#pragma once

#include <string>

#include "io/input.h"
#include "io/run_directory.h"
#include "model/model.h"
#include "recipe/recipe.h"

namespace vitro {

struct StoredRun {
  RunDirectory directory;
  Recipe recipe;
  Schema schema;
  bool trained = false; // false: no weights were saved yet
  Model model;          // with the run's weights, or as it was initialised
};

/// Opens a run. Throws bad_input for a directory that is none, a damaged file, weights of another net.
StoredRun open_run(const RunDirectory& directory);

/// The data that the run was trained on, made or read again. Throws bad_input where it is gone, or where it no longer
/// is what the run learned from (other shape, columns, categories or classes).
Splits data_of(const StoredRun& run, const std::string& data_dir = "");

} // namespace vitro

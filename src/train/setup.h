// From what a user names to a recipe: a data set, a recipe of the program, a recipe's file, a file of data.
#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.h"

namespace vitro {

/// `what`: a word without `/` and `.` is an embedded recipe, else a data set by name; NAME.toml is a recipe's file;
/// anything else is a path of data. A data set without a recipe of its own gets the program's usual one. `assignments`
/// are set in it, as `set_all` does. Throws bad_input for an unknown name (with the nearest), or what is wrong in
/// recipe or key.
Recipe recipe_for(const std::string& what, const std::vector<std::string>& assignments = {});

/// A recipe and its data. What data without a recipe of its own is trained with depends on it: a table gets the net
/// `tabular`, and as many steps as its rows ask for. The recipe is complete. Throws as recipe_for, open_data and
/// complete do.
struct Trainable {
  Recipe recipe;
  Splits data;
};
Trainable open_trainable(const std::string& what, const std::vector<std::string>& assignments = {},
                         const std::string& data_dir = "");

/// The names that `recipe_for` knows.
std::vector<std::string> trainable_names();

} // namespace vitro

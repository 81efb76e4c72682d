#include "train/setup.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "recipe/embedded.h"
#include "recipe/value.h"

namespace vitro {
namespace {

// What data without a recipe of its own is trained with: small steps that suit most standardised tables.
constexpr const char* usual = R"([net]
name = "mlp"
[train]
optimizer = "adam"
lr = 0.003
batch = 32
epochs = 200
patience = 20
)";

Recipe usual_recipe(const std::string& source) {
  return parse_recipe(text("vitro = 1\n[data]\nsource = ", toml_text(source), "\n", usual), source);
}

Recipe named(const std::string& what) {
  for (const EmbeddedFile& file : embedded_recipes())
    if (file.name == what) return parse_recipe(std::string(file.text), text("recipe ", what));
  const std::vector<std::string> names = data_names();
  if (std::find(names.begin(), names.end(), what) != names.end()) return usual_recipe(what);
  bad_input(what, text("no data set and no recipe is called that", did_you_mean(what, trainable_names())),
            "`vitro list` shows them; a file is named with its folder or suffix: ./FILE, FILE.csv");
}

} // namespace

std::vector<std::string> trainable_names() {
  std::vector<std::string> names = data_names();
  for (const EmbeddedFile& file : embedded_recipes())
    if (std::find(names.begin(), names.end(), file.name) == names.end()) names.emplace_back(file.name);
  return names;
}

Recipe recipe_for(const std::string& what, const std::vector<std::string>& assignments) {
  Recipe recipe = what.ends_with(".toml")                                        ? parse_recipe(read_text(what), what)
                  : what.find_first_of("/.") == std::string::npos && what != "-" ? named(what)
                                                                                 : usual_recipe(what);
  set_all(recipe, assignments);
  return recipe;
}

} // namespace vitro

#include "train/setup.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "recipe/embedded.h"
#include "recipe/value.h"

namespace vitro {
namespace {

constexpr const char* linear_part = "linear.weight"; // of the net `tabular`

// What data without a recipe of its own is trained with.
constexpr const char* usual = R"([net]
name = "mlp"
[train]
optimizer = "adam"
lr = 0.003
batch = 32
epochs = 200
patience = 20
)";

// How many rows the training part has decides how long, and how strongly weights are held back: small tables are
// passed over more often and shrunk harder. A fixed number of steps without a validation part did better on small tables
// than stopping early by a tenth of them; `scripts/tables.py` compares.
std::string usual_of_table(const Schema& schema, int64_t rows) {
  constexpr double rate = 0.003;
  constexpr int64_t least_steps = 300, passes = 15;
  const int64_t batch = rows <= 2000 ? 128 : 256;
  const int64_t per_epoch = (rows + batch - 1) / batch, epochs = std::max(passes, (least_steps + per_epoch - 1) / per_epoch);
  // What a weight without a gradient would shrink to over the run, as an exponent: the same for any number of steps.
  const double shrink = schema.goal == Goal::classes ? 4.5 : 1.5;
  const double decay = shrink / (rate * double(epochs * per_epoch));
  const auto rounded = [](double x) { return number(x, 2); };
  return text("[net]\nname = \"tabular\"\n[train]\noptimizer = \"adamw\"\nlr = ", rate, "\nweight_decay = ", rounded(decay),
              "\ngroups = [{match=\"*.bias\", weight_decay=0.0}, {match=\"", linear_part, "\", weight_decay=", rounded(decay / 7),
              "}]\nschedule = {op=\"cosine\", warmup=0.1}\nbatch = ", batch, "\nepochs = ", epochs, "\n");
}

Recipe with_plan(const std::string& source, const std::string& plan) {
  return parse_recipe(text("vitro = 1\n[data]\nsource = ", toml_text(source), "\n", plan), source);
}

Recipe usual_recipe(const std::string& source) { return with_plan(source, usual); }

bool has_own_recipe(const std::string& what) {
  return what.ends_with(".toml") || std::ranges::any_of(embedded_recipes(), [&](const auto& f) { return f.name == what; });
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

Trainable open_trainable(const std::string& what, const std::vector<std::string>& assignments, const std::string& data_dir) {
  Recipe recipe = recipe_for(what, assignments);
  Splits data = open_data(recipe.data.source, data_options(recipe, data_dir));
  const Schema& schema = data.train.schema;
  if (!has_own_recipe(what) && !schema.columns.empty()) {
    recipe = with_plan(what, usual_of_table(schema, data.train.size()));
    set_all(recipe, assignments);
    // What was meant for this net and this optimiser goes with them.
    std::vector<ParameterGroup>& groups = recipe.train.optimizer.groups;
    if (recipe.train.optimizer.name != "adamw") groups.clear();
    if (recipe.net.name != "tabular") std::erase_if(groups, [](const auto& group) { return group.match == linear_part; });
  }
  return {complete(std::move(recipe), schema), std::move(data)};
}

} // namespace vitro

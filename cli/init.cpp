// vitro init: the recipe that `vitro train WHAT` uses, as TOML, to standard output.
#include <optional>

#include "cli/console.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/open.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

// What a built-in set's defaults depend on is known without reading it.
std::optional<Schema> known_schema(const Recipe& recipe) {
  for (const KnownSet& set : known_sets())
    if (set.name == recipe.data.source && set.form != PublishedAs::idx) return std::nullopt;
  for (const SourceEntry& entry : catalogue_of_data()) {
    if (entry.name != recipe.data.source) continue;
    if (entry.sounds) return std::nullopt;
    Schema schema;
    schema.goal = entry.goal;
    return schema;
  }
  return std::nullopt;
}

} // namespace

int init(Arguments& arguments) {
  Common common;
  std::string net;
  std::vector<std::string> set;
  arguments.option("--net", net, "NAME", "a built-in net (vitro list nets)");
  arguments.option("--set", set, "KEY=VALUE", "sets a recipe's key, like key=value; may be repeated");
  TableArguments table;
  table.declare(arguments);
  common.declare_data(arguments);
  arguments.parse(1);
  if (arguments.words().empty())
    bad_input("vitro init", "a recipe for what?", "vitro init digits > my.toml; `vitro list` shows what is built in");
  set.insert(set.begin(), arguments.overrides().begin(), arguments.overrides().end());
  for (const std::string& key : table.assignments()) set.push_back(key);
  if (!net.empty()) set.insert(set.begin(), "net=" + net);
  const std::string what = arguments.word(0);
  // Of a file only its content says what net it gets, and which keys that one has.
  if (what.ends_with(".toml") || (what.find_first_of("/.") == std::string::npos && what != "-")) {
    const Recipe recipe = recipe_for(what, set);
    if (const std::optional<Schema> schema = known_schema(recipe)) {
      Recipe whole = complete(recipe, *schema);
      whole.data.standardise = recipe.data.standardise; // the samples would say
      print(to_toml(whole, Comments::yes));
      return 0;
    }
  }
  const Trainable opened = open_trainable(what, set, common.data_dir);
  for (const std::string& remark : opened.data.remarks) say(remark);
  print(to_toml(opened.recipe, Comments::yes, &opened.data.train.schema));
  return 0;
}

} // namespace vitro::cli

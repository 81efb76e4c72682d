// vitro init: the recipe that `vitro train WHAT` uses, as TOML, to standard output.
#include "cli/console.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/open.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

// What a recipe's defaults depend on: of a built-in set it is known without reading the set.
Schema schema_for(const Recipe& recipe, const std::string& data_dir) {
  for (const SourceEntry& entry : catalogue_of_data()) {
    if (entry.name != recipe.data.source) continue;
    Schema schema;
    schema.goal = entry.goal;
    return schema;
  }
  const Splits data = open_data(recipe.data.source, data_options(recipe, data_dir));
  for (const std::string& remark : data.remarks) say(remark);
  return data.train.schema;
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
  const Recipe recipe = recipe_for(arguments.word(0), set);
  const Schema schema = schema_for(recipe, common.data_dir);
  print(to_toml(complete(recipe, schema), Comments::yes, &schema));
  return 0;
}

} // namespace vitro::cli

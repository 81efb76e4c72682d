// vitro data: fetch known data sets, say where they lie.
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/sources.h"

namespace vitro::cli {
namespace {

const KnownSet& known(const std::string& name) {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) {
    if (set.called(name)) return set;
    names.push_back(set.name);
  }
  bad_input("vitro data", text("\"", name, "\" is no published data set", did_you_mean(name, names)),
            text("there are ", join(names, ", ")));
}

} // namespace

int data(Arguments& arguments) {
  Common common;
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(2);
  arguments.refuse_overrides();
  const std::string what = arguments.word(0), name = arguments.word(1);
  nlohmann::ordered_json object;
  if (what == "fetch") {
    if (name.empty()) bad_input("vitro data fetch", "which one?", "vitro data fetch mnist");
    const std::string directory = fetch(known(name), common.data_dir, [&](const std::string& line) {
      if (!common.quiet) say(line);
    });
    object = {{"name", name}, {"directory", directory}};
    print(common.json ? object.dump() + "\n" : directory + "\n");
    return 0;
  }
  if (what == "path") {
    const std::vector<std::string> paths =
        name.empty() ? data_roots(common.data_dir) : find_known(known(name), common.data_dir);
    object[name.empty() ? "roots" : "files"] = paths;
    print(common.json ? object.dump() + "\n" : join(paths, "\n") + "\n");
    return 0;
  }
  bad_input("vitro data",
            what.empty() ? "what shall be done?"
                         : text("unknown: \"", what, "\"", did_you_mean(what, {"fetch", "path"})),
            "`vitro data fetch NAME` or `vitro data path [NAME]`");
}

} // namespace vitro::cli

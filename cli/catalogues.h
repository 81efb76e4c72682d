// Everything that has a name, as tables: `vitro list` prints them, `vitro inspect NAME` looks things up in them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/about.h"

namespace vitro::cli {

struct Entry {
  std::string name;
  std::string doc; // one line
};

struct Catalogue {
  std::vector<std::string> kinds; // what `list` calls it: "optimisers", "optimizers"; the first is shown
  bool in_overview;               // bare `vitro list` shows it
  std::function<std::vector<Entry>()> entries;
  /// All about the entry of that name or alias; nothing where there is none. Empty for what inspect knows otherwise.
  std::function<std::optional<About>(const std::string& name)> about;
};
const std::vector<Catalogue>& catalogues();

/// Every name in every catalogue: for "did you mean".
std::vector<std::string> all_names();

} // namespace vitro::cli

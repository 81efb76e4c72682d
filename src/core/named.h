// Things in a list that go by their names: layers, losses, nets, optimisers, schedules, initialisers; and words that an
// argument takes. A name that is none is told with the nearest that is one.
#pragma once

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

/// The one of `all` that is called `name` (its `name`, or one of its `aliases` where it has any), or null.
template <class All> const auto* find_named(const All& all, std::string_view name) {
  const auto fits = [&](const auto& one) {
    if constexpr (requires { one.aliases; })
      if (std::ranges::any_of(one.aliases, [&](const char* alias) { return name == alias; })) return true;
    return name == one.name;
  };
  const auto found = std::ranges::find_if(all, fits);
  return found == std::ranges::end(all) ? nullptr : &*found;
}

/// The same; throws bad_input where there is none. `kind`: what they are, "optimiser"; `help`: empty, the names of all.
template <class All> const auto& named(const All& all, const std::string& name, const std::string& where,
                                       const char* kind, std::string help = "") {
  if (const auto* found = find_named(all, name)) return *found;
  std::vector<std::string> names, known;
  for (const auto& one : all) {
    names.emplace_back(one.name);
    if constexpr (requires { one.aliases; }) known.insert(known.end(), one.aliases.begin(), one.aliases.end());
  }
  if (help.empty()) help = "it is one of " + join(names, ", ");
  known.insert(known.end(), names.begin(), names.end());
  bad_input(where, text("unknown ", kind, " \"", name, "\"", did_you_mean(name, known)), help);
}

/// Throws bad_input where the argument `key` is none of `known`.
inline void expect_one_of(const std::string& where, const std::string& key, const std::string& word,
                          const std::vector<std::string>& known) {
  if (std::ranges::find(known, word) == known.end())
    bad_input(where, text(key, " is \"", word, "\"", did_you_mean(word, known)), "it is one of " + join(known, ", "));
}

} // namespace vitro

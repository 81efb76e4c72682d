// The recipes that are part of the program: every file of recipes/, embedded when it is built.
#pragma once

#include <span>
#include <string_view>

namespace vitro {

struct EmbeddedFile {
  const char* name;      // the file's name without ".toml": what a user types
  std::string_view text; // the file, as it stands
};

/// All embedded recipes, names in ascending order.
std::span<const EmbeddedFile> embedded_recipes();

} // namespace vitro

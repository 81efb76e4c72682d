// The recipes and claims that are part of the program: every file of recipes/ and recipes/claims/, embedded when it is
// built.
#pragma once

#include <span>
#include <string_view>

namespace vitro {

struct EmbeddedFile {
  const char* name;      // the file's name without ".toml": what a user types
  std::string_view text; // the file, as it stands
};

/// All embedded recipes, names in ascending order; and all claims (claims/claim.h).
std::span<const EmbeddedFile> embedded_recipes();
std::span<const EmbeddedFile> embedded_claims();

} // namespace vitro

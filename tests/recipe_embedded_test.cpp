// The program carries every file of recipes/ byte for byte.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>

#include "recipe/embedded.h"

namespace vitro {
namespace {

TEST(EmbeddedRecipes, AreTheFilesOfTheFolder) {
  std::map<std::string, std::string> files, embedded;
  for (const auto& entry : std::filesystem::directory_iterator(VITRO_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() != ".toml") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().stem()] = {std::istreambuf_iterator<char>(file), {}};
  }
  for (const EmbeddedFile& recipe : embedded_recipes()) embedded[recipe.name] = recipe.text;
  EXPECT_EQ(embedded, files);
}

TEST(EmbeddedRecipes, StandInAscendingOrder) {
  const auto recipes = embedded_recipes();
  for (size_t i = 1; i < recipes.size(); ++i)
    EXPECT_LT(std::string_view(recipes[i - 1].name), std::string_view(recipes[i].name));
}

} // namespace
} // namespace vitro

# Writes OUT, a C++ file that holds the text of every file in the list RECIPES: each recipe is
# part of the program. Declared in src/recipe/embedded.h. A recipe's name is its file name
# without .toml; names are in ascending order.
cmake_policy(VERSION 3.25)
list(SORT RECIPES)
set(entries "")
foreach(path IN LISTS RECIPES)
  get_filename_component(name ${path} NAME_WLE)
  file(READ ${path} text)
  # Compilers need not take a string literal of more than 64 KiB; a recipe is far from that.
  string(APPEND entries "    {\"${name}\", R\"recipe(${text})recipe\"},\n")
endforeach()
list(LENGTH RECIPES count)
if(count EQUAL 0)
  set(body "  return {};\n")
else()
  set(body "  static constexpr EmbeddedFile recipes[] = {\n${entries}  };\n  return recipes;\n")
endif()
file(WRITE ${OUT} "// Generated from recipes/*.toml by cmake/embed_recipes.cmake.
#include \"recipe/embedded.h\"

namespace vitro {

std::span<const EmbeddedFile> embedded_recipes() {
${body}}

} // namespace vitro
")

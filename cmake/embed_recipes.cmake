# Writes OUT, a C++ file that holds the text of every file in the lists RECIPES and CLAIMS: each is part of
# the program. Declared in src/recipe/embedded.h. A file's name is its name without .toml; names are in ascending order.
cmake_policy(VERSION 3.25)

function(embed function files)
  list(TRANSFORM files REPLACE "\\.toml$" "" OUTPUT_VARIABLE stems) # "mnist" stands before "mnist-99"
  list(SORT stems)
  set(entries "")
  foreach(stem IN LISTS stems)
    get_filename_component(name ${stem} NAME)
    file(READ ${stem}.toml text)
    # Compilers need not take a string literal of more than 64 KiB; a recipe is far from that.
    string(APPEND entries "    {\"${name}\", R\"recipe(${text})recipe\"},\n")
  endforeach()
  list(LENGTH files count)
  if(count EQUAL 0)
    set(body "  return {};\n")
  else()
    set(body "  static constexpr EmbeddedFile all[] = {\n${entries}  };\n  return all;\n")
  endif()
  file(APPEND ${OUT} "
std::span<const EmbeddedFile> ${function}() {
${body}}
")
endfunction()

file(WRITE ${OUT} "// Generated from recipes/ by cmake/embed_recipes.cmake.
#include \"recipe/embedded.h\"

namespace vitro {
")
embed(embedded_recipes "${RECIPES}")
embed(embedded_claims "${CLAIMS}")
file(APPEND ${OUT} "
} // namespace vitro
")

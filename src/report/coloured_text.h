// A text whose background says a number for each of its symbols: blue above zero, orange below.
#pragma once

#include <string>
#include <vector>

#include "report/markup.h"

namespace vitro {

struct ColouredText {
  std::string name;                 // for those who don't see it
  std::vector<std::string> symbols; // as they are to be read; "\n" ends a line, and is shown
  std::vector<double> values;       // of each: -1 to 1, beyond it as the end; what is no number is blank
};
/// A box of lines as they stand. Symbols of one shade share an element, so that a page of them stays small.
Markup coloured_text(const ColouredText& text);

} // namespace vitro

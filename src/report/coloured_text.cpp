#include "report/coloured_text.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace vitro {
namespace {

constexpr double shades = 12; // on either side of blank

int shade_of(double value) {
  return std::isfinite(value) ? int(std::lround(std::clamp(value, -1.0, 1.0) * shades)) : 0;
}

} // namespace

Markup coloured_text(const ColouredText& text) {
  if (text.symbols.size() != text.values.size()) throw std::logic_error("coloured_text: a value for each symbol");
  Markup lines;
  for (size_t begin = 0, end = 0; begin < text.symbols.size(); begin = end) {
    const int shade = shade_of(text.values[begin]);
    std::string run;
    for (; end < text.symbols.size() && shade_of(text.values[end]) == shade; ++end)
      run += text.symbols[end] == "\n" ? "\u21B5\n" : text.symbols[end];
    if (shade == 0)
      lines.add(run);
    else
      lines.add(element(
          "span",
          {{"class", shade > 0 ? "up" : "down"}, {"style", "--a:" + coordinate(std::abs(shade) / shades * 0.85)}},
          run));
  }
  return element("div", {{"class", "scroll code"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", text.name}},
                 element("pre", {{"class", "coloured"}}, lines));
}

} // namespace vitro

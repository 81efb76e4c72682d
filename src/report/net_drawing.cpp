#include "report/net_drawing.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include "report/terminal.h"

namespace vitro {
namespace {

constexpr double width = 420, left = 150, right = 392, row_height = 46, top = 18;
constexpr int64_t most_dots = 13;

struct Row {
  double y = 0;
  std::vector<double> dots;
  bool cut = false; // the middle dots are left out
};

Row row_of(const DrawnLayer& layer, size_t position) {
  Row out;
  out.y = top + row_height * double(position);
  const int64_t shown = std::clamp<int64_t>(layer.units, 1, most_dots);
  out.cut = layer.units > most_dots;
  const double gap = std::min(24.0, (right - left) / double(std::max<int64_t>(1, most_dots - 1)));
  const double middle = 0.5 * (left + right);
  for (int64_t i = 0; i < shown; ++i) {
    if (out.cut && i == most_dots / 2) continue; // here stands the ellipsis
    out.dots.push_back(middle + gap * (double(i) - 0.5 * double(shown - 1)));
  }
  return out;
}

std::string joined(const Row& from, const Row& to, bool mixes) {
  std::string path;
  const auto line = [&](double a, double b) {
    path += fmt::format("M{} {}L{} {}", coordinate(a), coordinate(from.y), coordinate(b), coordinate(to.y));
  };
  if (mixes || from.dots.size() != to.dots.size())
    for (const double a : from.dots)
      for (const double b : to.dots) line(a, b);
  else
    for (size_t i = 0; i < to.dots.size(); ++i) line(from.dots[i], to.dots[i]);
  return path;
}

} // namespace

Markup net_drawing(const std::vector<DrawnLayer>& layers, const std::string& alt) {
  std::vector<Row> rows;
  for (size_t i = 0; i < layers.size(); ++i) rows.push_back(row_of(layers[i], i));
  Markup lines, dots, names;
  for (size_t i = 0; i < layers.size(); ++i) {
    const DrawnLayer& layer = layers[i];
    for (const int from : layer.from) {
      if (from < 0 || size_t(from) >= i)
        throw std::logic_error("net_drawing: " + layer.name + " is fed by no earlier layer");
      if (size_t(from) + 1 == i) {
        lines.add(element("path", {{"d", joined(rows[size_t(from)], rows[i], layer.mixes)}, {"class", "edge"}}));
        continue;
      }
      // What skips layers goes around them.
      const double a = rows[size_t(from)].y, b = rows[i].y, out = right + 12;
      lines.add(element("path", {{"d", fmt::format("M{0} {1}C{2} {1} {2} {3} {0} {3}", coordinate(right), coordinate(a),
                                                   coordinate(out + 14), coordinate(b))},
                                 {"class", "skip"}}));
    }
    for (const double x : rows[i].dots)
      dots.add(element("circle", {{"cx", x}, {"cy", rows[i].y}, {"r", 4.5}, {"class", "unit"}}));
    if (rows[i].cut)
      dots.add(element(
          "text", {{"x", 0.5 * (left + right)}, {"y", rows[i].y + 4}, {"text-anchor", "middle"}, {"class", "label"}},
          "…"));
    names.add(element("text", {{"x", 0}, {"y", rows[i].y - 1}, {"class", "label"}}, cut(layer.name, 20)));
    names.add(element("text", {{"x", 0}, {"y", rows[i].y + 14}, {"class", "tick"}}, cut(layer.label, 21)));
  }
  const double height = top + row_height * double(std::max<size_t>(1, layers.size()) - 1) + 24;
  return element("figure", {{"class", "chart"}},
                 element("svg",
                         {{"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(height))},
                          {"role", "img"},
                          {"aria-label", alt}},
                         lines, dots, names));
}

} // namespace vitro

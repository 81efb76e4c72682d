#include "report/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "report/scale.h"
#include "report/terminal.h"

namespace vitro {
namespace {

constexpr double width = 420, letter = 6.4; // of all charts; of a digit at 12 points
constexpr size_t most_points = 400, most_shapes = 8;

std::string class_of_series(size_t index, const char* kind) { return fmt::format("{} s{}", kind, index % most_shapes); }

Markup words(double x, double y, const char* anchor, const std::string& what, const char* kind) {
  return element("text", {{"x", x}, {"y", y}, {"text-anchor", anchor}, {"class", kind}}, what);
}

Markup straight(double x1, double y1, double x2, double y2, const char* kind) {
  return element("line", {{"x1", x1}, {"y1", y1}, {"x2", x2}, {"y2", y2}, {"class", kind}});
}

double widest_label(const std::vector<Tick>& marks) {
  int most = 1;
  for (const Tick& one : marks) most = std::max(most, columns(one.label));
  return letter * most;
}

std::string axis_label(const Axis& axis, bool logarithmic) {
  return cut(axis.label, 48) + (logarithmic ? " (logarithmic)" : "");
}

// Grid, ticks and labels of both axes.
Markup axes(const Axis& x_axis, const Scale& x, const Axis& y_axis, const Scale& y) {
  Markup out;
  for (const Tick& one : y.marks()) {
    out.add(straight(x.from(), y.at(one.at), x.to(), y.at(one.at), "grid"));
    out.add(words(x.from() - 6, y.at(one.at) + 4, "end", one.label, "tick"));
  }
  for (const Tick& one : x.marks()) {
    out.add(straight(x.at(one.at), y.from(), x.at(one.at), y.from() + 4, "axis"));
    out.add(words(x.at(one.at), y.from() + 18, "middle", one.label, "tick"));
  }
  out.add(straight(x.from(), y.from(), x.to(), y.from(), "axis"));
  out.add(words(x.to(), y.from() + 35, "end", axis_label(x_axis, x.logarithmic()), "name"));
  out.add(words(0, 12, "start", axis_label(y_axis, y.logarithmic()), "name"));
  return out;
}

Markup drawing(double height, const std::string& alt, const Markup& content) {
  return element("svg",
                 {{"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(height))},
                  {"role", "img"},
                  {"aria-label", alt}},
                 content);
}

Markup figure(const std::string& title, const Markup& legend, const Markup& drawn) {
  return element("figure", {{"class", "chart"}},
                 element("figcaption", {}, element("b", {}, title), legend.empty() ? Markup() : together(" ", legend)),
                 drawn);
}

Markup nothing_to_draw(const std::string& title) {
  return element("figure", {{"class", "chart"}}, element("figcaption", {}, element("b", {}, title)),
                 element("p", {{"class", "note"}}, "Nothing to draw yet."));
}

Markup legend_entry(const Markup& sample, const std::string& name) {
  return element(
      "span", {{"class", "key"}},
      element("svg", {{"viewBox", "0 0 28 12"}, {"width", 28}, {"height", 12}, {"aria-hidden", "true"}}, sample),
      cut(name, 48));
}

// At most `most_points`: of each run the lowest and the highest, so that no spike is lost.
std::vector<Spot> thinned(const std::vector<Spot>& points) {
  if (points.size() <= most_points) return points;
  std::vector<Spot> out;
  const size_t runs = most_points / 2;
  for (size_t run = 0; run < runs; ++run) {
    const auto begin = points.begin() + std::ptrdiff_t(run * points.size() / runs);
    const auto end = points.begin() + std::ptrdiff_t((run + 1) * points.size() / runs);
    if (std::any_of(begin, end, [](const Spot& spot) { return !drawable(spot.y); })) {
      out.push_back({begin->x, std::numeric_limits<double>::quiet_NaN()});
      continue;
    }
    auto [low, high] = std::minmax_element(begin, end, [](const Spot& a, const Spot& b) { return a.y < b.y; });
    if (low > high) std::swap(low, high);
    out.push_back(*low);
    if (low != high) out.push_back(*high);
  }
  return out;
}

std::string extremes(const Series& series) {
  Range range;
  const Spot* first = nullptr;
  const Spot* last = nullptr;
  for (const Spot& spot : series.points) {
    if (!drawable(spot.y)) continue;
    range.take(spot.y);
    if (!first) first = &spot;
    last = &spot;
  }
  if (!first) return series.name + ": no values";
  return fmt::format("{}: from {:.4g} to {:.4g}, lowest {:.4g}, highest {:.4g}", series.name, first->y, last->y,
                     range.low, range.high);
}

// The outline of one point of a group, around (0, 0): shapes tell groups apart where colours don't.
std::string shape_at(size_t group, double x, double y) {
  const auto at = [&](const char* rest) { return fmt::format("M{} {}{}", coordinate(x), coordinate(y), rest); };
  switch (group % most_shapes) {
    case 0: return at("m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z");                          // disc
    case 1: return at("m0-3.8l3.6 6.4h-7.2z");                                        // triangle
    case 2: return at("m-2.7-2.7h5.4v5.4h-5.4z");                                     // square
    case 3: return at("m0-4l3.4 4l-3.4 4l-3.4-4z");                                   // diamond
    case 4: return at("m-1.1-3.6h2.2v2.5h2.5v2.2h-2.5v2.5h-2.2v-2.5h-2.5v-2.2h2.5z"); // plus
    case 5: return at("m0 3.8l3.6-6.4h-7.2z");                                        // triangle on its tip
    case 6: return at("m-1.6-3.6h3.2v7.2h-3.2z");                                     // bar, upright
    default: return at("m-3.6-1.6h7.2v3.2h-7.2z");                                    // bar, lying
  }
}

// The words of an upright line: beside its upper end, so many rows above the drawing.
struct UprightLabel {
  double at = 0, length = 0;
  std::string label;
  bool leftwards = false;
  int row = 0;
  double left() const { return leftwards ? at - length : at; }
  double right() const { return leftwards ? at : at + length; }
};

// Words to the left of their line where there is room, and rows so that no words lie on others or on a line.
std::vector<UprightLabel> upright_labels(const std::vector<Mark>& marks, const Scale& x) {
  constexpr double gap = 5;
  std::vector<UprightLabel> out;
  for (const Mark& mark : marks) {
    const std::string label = cut(mark.label, 40);
    if (x.holds(mark.at)) out.push_back({.at = x.at(mark.at), .length = letter * columns(label) + gap, .label = label});
  }
  std::ranges::sort(out, {}, &UprightLabel::at);
  double last_rightwards = x.from();
  for (UprightLabel& one : out) {
    one.leftwards = one.at - one.length >= last_rightwards;
    if (!one.leftwards) last_rightwards = one.at;
  }
  // Words that reach over a line stand above its own, so that line comes first. Those to the left reach over none of
  // the others' lines.
  std::ranges::sort(
      out, {}, [](const UprightLabel& one) { return std::pair(!one.leftwards, one.leftwards ? one.at : -one.at); });
  for (size_t i = 0; i < out.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (out[i].left() < out[j].right() + gap && out[j].left() < out[i].right() + gap)
        out[i].row = std::max(out[i].row, out[j].row + 1);
  return out;
}

// A line chart without what stands around it.
struct Lines {
  double height = 0;
  std::string alt;
  Markup content;
};

std::optional<Lines> lines_of(const LineChart& chart) {
  Range xs, ys;
  for (const Series& one : chart.series)
    for (const Spot& spot : one.points)
      if (drawable(spot.y)) {
        xs.take(spot.x);
        ys.take(spot.y);
      }
  if (xs.empty()) return std::nullopt;
  const bool logarithmic = chart.y.logarithmic && ys.low > 0;
  const Extent vertical = widened(ys, logarithmic);
  Axis y_axis = chart.y;
  y_axis.logarithmic = logarithmic;
  constexpr double row_height = 16;
  const double height = 264, bottom = height - 42;
  const auto vertical_scale = [&](double top) { return Scale(y_axis, vertical.low, vertical.high, bottom, top, 6); };
  const Scale x(chart.x, xs.low, xs.high, widest_label(vertical_scale(24).marks()) + 10, width - 12, 7);
  const std::vector<UprightLabel> uprights = upright_labels(chart.at_x, x);
  int rows = 0;
  for (const UprightLabel& one : uprights) rows = std::max(rows, one.row + 1);
  const double top = 24 + row_height * rows;
  const Scale y = vertical_scale(top);

  Markup out = axes(chart.x, x, y_axis, y);
  for (const Mark& level : chart.levels) {
    if (!y.holds(level.at)) continue;
    out.add(straight(x.from(), y.at(level.at), x.to(), y.at(level.at), "level"));
    out.add(words(x.to(), y.at(level.at) - 5, "end", cut(level.label, 40), "tick"));
  }
  for (const UprightLabel& one : uprights) {
    const double words_at = top - 6 - row_height * one.row;
    out.add(straight(one.at, words_at - 2, one.at, bottom, "mark"));
    out.add(words(one.leftwards ? one.at - 5 : one.at + 5, words_at, one.leftwards ? "end" : "start", one.label,
                  "tick strong"));
  }
  std::vector<std::string> told;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    const std::vector<Spot> points = thinned(series.points);
    std::string path;
    Markup dots;
    bool pen_down = false;
    for (size_t p = 0; p < points.size(); ++p) {
      const Spot& spot = points[p];
      if (!drawable(spot.x) || !drawable(spot.y)) {
        pen_down = false;
        continue;
      }
      path += fmt::format("{}{} {}", pen_down ? 'L' : 'M', coordinate(x.at(spot.x)), coordinate(y.at(spot.y)));
      const bool alone = !pen_down && (p + 1 == points.size() || !drawable(points[p + 1].y));
      if (alone || points.size() <= 20)
        dots.add(element(
            "circle", {{"cx", x.at(spot.x)}, {"cy", y.at(spot.y)}, {"r", 2.6}, {"class", class_of_series(i, "fill")}}));
      pen_down = true;
    }
    out.add(element("path", {{"d", path}, {"class", class_of_series(i, "curve")}})).add(dots);
    told.push_back(extremes(series));
  }
  std::string alt = chart.title;
  for (const std::string& one : told) alt += "; " + one;
  for (const Mark& mark : chart.at_x) alt += fmt::format("; {} at {:.6g}", mark.label, mark.at);
  return Lines{height, alt, out};
}

// What the page's style says of a chart, for one that stands alone.
constexpr std::string_view file_style =
    "text{font:12px sans-serif;fill:#1c2126}.tick,.name{fill:#5a636d}.paper{fill:#fdfdfb}"
    ".grid{stroke:#d8dce0;stroke-width:.7}.axis{stroke:#5a636d}.level,.mark{stroke:#5a636d;stroke-dasharray:2 3}"
    ".curve{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".curve.s0{stroke:#0072b2}.curve.s1{stroke:#d55e00;stroke-dasharray:6 "
    "4}.curve.s2{stroke:#00805d;stroke-dasharray:2 4}"
    ".curve.s3{stroke:#b0508a;stroke-dasharray:9 3 2 3}.fill.s0{fill:#0072b2}.fill.s1{fill:#d55e00}";

} // namespace

std::array<uint8_t, 4> group_colour(size_t index, uint8_t alpha) {
  // As the page's style has them for bright screens.
  static constexpr std::array<uint32_t, most_shapes> colours = {0x0072b2, 0xd55e00, 0x00805d, 0xb0508a,
                                                                0x2f7fb8, 0xa97400, 0x6a6f2b, 0x555b61};
  const uint32_t one = colours[index % most_shapes];
  return {uint8_t(one >> 16), uint8_t(one >> 8 & 255), uint8_t(one & 255), alpha};
}

Extent extent_of(const std::vector<double>& values) {
  Range range;
  for (const double one : values) range.take(one);
  if (range.empty()) return {};
  const double room = range.high > range.low ? 0.05 * (range.high - range.low) : 0.5;
  return {range.low - room, range.high + room};
}

Markup line_chart(const LineChart& chart) {
  const std::optional<Lines> lines = lines_of(chart);
  if (!lines) return nothing_to_draw(chart.title);
  Markup legend;
  for (size_t i = 0; i < chart.series.size(); ++i)
    legend.add(legend_entry(straight(1, 6, 27, 6, class_of_series(i, "curve").c_str()), chart.series[i].name));
  return figure(chart.title, legend, drawing(lines->height, lines->alt, lines->content));
}

std::string svg_file(const LineChart& chart) {
  const Lines lines = lines_of(chart).value_or(Lines{30, chart.title + ": nothing to draw", {}});
  const double foot = lines.height + 20;
  Markup content = element("style", {}, Markup::literal(file_style));
  content.add(element("rect", {{"width", width}, {"height", foot + 8}, {"class", "paper"}})).add(lines.content);
  double x = 8;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const std::string name = cut(chart.series[i].name, 48);
    content.add(straight(x, foot - 4, x + 26, foot - 4, class_of_series(i, "curve").c_str()));
    content.add(words(x + 32, foot, "start", name, "label"));
    x += 50 + letter * columns(name);
  }
  return element("svg",
                 {{"xmlns", "http://www.w3.org/2000/svg"},
                  {"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(foot + 8))},
                  {"width", width},
                  {"height", foot + 8},
                  {"role", "img"},
                  {"aria-label", lines.alt}},
                 content)
             .str() +
         "\n";
}

Markup scatter(const Scatter& chart) {
  Range xs, ys;
  int64_t shown = 0;
  for (const Series& line : chart.lines)
    for (const Spot& spot : line.points) {
      xs.take(spot.x);
      ys.take(spot.y);
    }
  for (const PointGroup& group : chart.groups)
    for (const Spot& spot : group.points)
      if (drawable(spot.x) && drawable(spot.y)) {
        xs.take(spot.x);
        ys.take(spot.y);
        ++shown;
      }
  if (shown == 0) return nothing_to_draw(chart.title);
  if (chart.diagonal) { // both axes show the same quantity: the same range
    xs.take(ys.low);
    xs.take(ys.high);
    ys = xs;
  }
  const auto wide = [](const Range& range) { return extent_of({range.low, range.high}); };
  const double top = 24, left_for_digits = 62;
  const Extent horizontal = wide(xs), vertical = wide(ys);
  // The height follows from the range where one unit is to be as long on both axes.
  const double across = chart.x.high.value_or(horizontal.high) - chart.x.low.value_or(horizontal.low);
  const double up = chart.y.high.value_or(vertical.high) - chart.y.low.value_or(vertical.low);
  const double plot_width = width - 12 - left_for_digits;
  const double plot_height = chart.square || chart.diagonal
                                 ? std::clamp(plot_width * up / across, 0.4 * plot_width, 1.2 * plot_width)
                                 : 0.75 * plot_width;
  const Scale y(chart.y, vertical.low, vertical.high, top + plot_height, top, 7);
  const double left = std::min(left_for_digits, widest_label(y.marks()) + 10);
  const Scale x(chart.x, horizontal.low, horizontal.high, left, left + plot_width, 7);

  Markup out;
  if (chart.backdrop)
    out.add(element("image", {{"href", data_uri(*chart.backdrop)},
                              {"x", x.from()},
                              {"y", y.to()},
                              {"width", x.to() - x.from()},
                              {"height", y.from() - y.to()},
                              {"preserveAspectRatio", "none"}}));
  out.add(axes(chart.x, x, chart.y, y));
  if (chart.diagonal) {
    const double low = std::max(x.low(), y.low()), high = std::min(x.high(), y.high());
    out.add(straight(x.at(low), y.at(low), x.at(high), y.at(high), "mark"));
  }
  Markup legend;
  for (size_t i = 0; i < chart.groups.size(); ++i) {
    std::string path;
    for (const Spot& spot : chart.groups[i].points)
      if (x.holds(spot.x) && y.holds(spot.y)) path += shape_at(i, x.at(spot.x), y.at(spot.y));
    const std::string kind = class_of_series(i, "point");
    out.add(element("path", {{"d", path}, {"class", kind}}));
    legend.add(legend_entry(element("path", {{"d", shape_at(i, 14, 6)}, {"class", kind}}),
                            fmt::format("{} ({})", cut(chart.groups[i].name, 40), chart.groups[i].points.size())));
  }
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const std::string kind = class_of_series(chart.groups.size() + i, "curve");
    std::string path;
    for (const Spot& spot : chart.lines[i].points)
      if (x.holds(spot.x) && y.holds(spot.y))
        path += fmt::format("{}{} {}", path.empty() ? 'M' : 'L', coordinate(x.at(spot.x)), coordinate(y.at(spot.y)));
    if (!path.empty()) out.add(element("path", {{"d", path}, {"class", kind}}));
    legend.add(legend_entry(straight(1, 6, 27, 6, kind.c_str()), chart.lines[i].name));
  }
  if (chart.backdrop && !chart.backdrop_means.empty())
    legend.add(element("span", {{"class", "key"}}, chart.backdrop_means));
  if (chart.diagonal) legend.add(legend_entry(straight(1, 6, 27, 6, "mark"), "where both are equal"));
  const std::string alt = fmt::format("{}: {} points; {} from {:.4g} to {:.4g}, {} from {:.4g} to {:.4g}", chart.title,
                                      shown, chart.x.label, xs.low, xs.high, chart.y.label, ys.low, ys.high);
  return figure(chart.title, legend, drawing(top + plot_height + 42, alt, out));
}

Markup histogram(const Histogram& chart) {
  Range range;
  for (const double value : chart.values) range.take(value);
  if (range.empty() || chart.bins < 1) return nothing_to_draw(chart.title);
  // A single value has one bin, as wide as the axis will be.
  const auto bins = range.low < range.high ? chart.bins : int64_t{1};
  const double low = range.low, step = range.low < range.high ? (range.high - range.low) / double(bins) : 1;
  std::vector<int64_t> counts(static_cast<size_t>(bins));
  for (const double value : chart.values)
    if (drawable(value)) ++counts[size_t(std::min(double(bins - 1), (value - low) / step))];
  const auto most = double(*std::max_element(counts.begin(), counts.end()));

  const double height = 264, top = chart.at_x.empty() ? 24 : 40, bottom = height - 42;
  const Axis y_axis{.label = "how many", .whole = true, .low = 0};
  const Scale y(y_axis, 0, 1.05 * most, bottom, top, 6);
  const double first = bins > 1 ? low : low - 0.5;
  const double left = widest_label(y.marks()) + 10, right = width - 12;
  const auto with_ticks = [&](int most) {
    return Scale(chart.x, first, first + step * double(bins), left, right, most);
  };
  int most_ticks = 7; // as many as leave room for their labels
  while (most_ticks > 2 && double(most_ticks) * (widest_label(with_ticks(most_ticks).marks()) + letter) > right - left)
    --most_ticks;
  const Scale x = with_ticks(most_ticks);
  Markup out = axes(chart.x, x, y_axis, y);
  for (int64_t i = 0; i < bins; ++i) {
    if (counts[size_t(i)] == 0) continue;
    const double from = std::clamp(first + step * double(i), x.low(), x.high());
    const double to = std::clamp(first + step * double(i + 1), x.low(), x.high());
    const double at = y.at(double(counts[size_t(i)]));
    out.add(element("rect", {{"x", x.at(from) + 0.5},
                             {"y", at},
                             {"width", std::max(0.0, x.at(to) - x.at(from) - 1)},
                             {"height", bottom - at},
                             {"class", "fill s0"}}));
  }
  for (const Mark& mark : chart.at_x) {
    if (!x.holds(mark.at)) continue;
    const double at = x.at(mark.at);
    out.add(straight(at, top - 8, at, bottom, "mark"));
    const bool leftwards = at > 0.5 * width;
    out.add(
        words(leftwards ? at - 5 : at + 5, top - 6, leftwards ? "end" : "start", cut(mark.label, 40), "tick strong"));
  }
  const std::string alt = fmt::format("{}: {} values from {:.4g} to {:.4g}, at most {} in one of {} intervals",
                                      chart.title, chart.values.size(), range.low, range.high, most, bins);
  return figure(chart.title, {}, drawing(height, alt, out));
}

Markup dot_plot(const DotPlot& chart) {
  Range xs;
  bool any_expected = false, any_band = false;
  for (const DotRow& row : chart.rows) {
    for (const double value : row.values) xs.take(value);
    for (const auto& bound : {row.expected, row.low, row.high})
      if (bound) xs.take(*bound);
    any_expected = any_expected || row.expected;
    any_band = any_band || (row.low && row.high);
  }
  if (xs.empty()) return nothing_to_draw(chart.title);
  const double row_height = 44, top = 6, left = 10;
  const double bottom = top + row_height * double(chart.rows.size());
  const Extent extent = extent_of({xs.low, xs.high});
  const Scale x(chart.x, extent.low, extent.high, left, width - left, 7);

  Markup out;
  for (const Tick& one : x.marks()) {
    out.add(straight(x.at(one.at), top + 18, x.at(one.at), bottom + 4, "grid"));
    out.add(words(x.at(one.at), bottom + 18, "middle", one.label, "tick"));
  }
  out.add(straight(x.from(), bottom, x.to(), bottom, "axis"));
  out.add(words(x.to(), bottom + 35, "end", axis_label(chart.x, x.logarithmic()), "name"));
  std::string alt = chart.title;
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    const DotRow& row = chart.rows[i];
    const double y = top + row_height * double(i) + 29;
    const std::string verdict = cut(row.verdict, 24);
    const int room = int((width - 2 * left) / letter) - columns(verdict) - 1;
    out.add(words(left, y - 15, "start", cut(row.name, room), "label"));
    out.add(words(width - left, y - 15, "end", verdict, row.good ? "tick good" : "tick bad"));
    if (row.low && row.high) {
      const double from = x.at(std::max(*row.low, x.low())), to = x.at(std::min(*row.high, x.high()));
      if (to >= from)
        out.add(element(
            "rect",
            {{"x", from}, {"y", y - 9}, {"width", std::max(1.0, to - from)}, {"height", 18}, {"class", "band"}}));
    }
    out.add(straight(x.from(), y, x.to(), y, "grid"));
    if (row.expected && x.holds(*row.expected))
      out.add(straight(x.at(*row.expected), y - 11, x.at(*row.expected), y + 11, "expected"));
    double sum = 0;
    int64_t finite = 0;
    for (const double value : row.values) {
      if (!drawable(value) || !x.holds(value)) continue;
      // Dots on top of each other would hide how many there are: every second one a little higher or lower.
      const double lift = row.values.size() > 1 ? (finite % 3 - 1) * 3.2 : 0.0;
      out.add(element("circle", {{"cx", x.at(value)}, {"cy", y + lift}, {"r", 3.4}, {"class", "dot s0"}}));
      sum += value;
      ++finite;
    }
    alt += fmt::format("; {}: {} values", row.name, finite);
    if (finite > 0) alt += fmt::format(", mean {:.6g}", sum / double(finite));
    if (row.expected) alt += fmt::format(", {} {:.6g}", chart.line, *row.expected);
    if (!row.verdict.empty()) alt += ", " + row.verdict;
  }
  Markup legend = legend_entry(element("circle", {{"cx", 14}, {"cy", 6}, {"r", 3.4}, {"class", "dot s0"}}), chart.dot);
  if (any_expected) legend.add(legend_entry(straight(14, 0, 14, 12, "expected"), chart.line));
  if (any_band)
    legend.add(legend_entry(element("rect", {{"x", 2}, {"y", 1}, {"width", 24}, {"height", 10}, {"class", "band"}}),
                            chart.band));
  return figure(chart.title, legend, drawing(bottom + 42, alt, out));
}

} // namespace vitro

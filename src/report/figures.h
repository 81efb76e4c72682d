// Charts as inline SVG: line chart, scatter, histogram, dot plot. Each is one <figure> with its legend and a text for
// those who don't see it.
//
// They are drawn for a width of about 400 points and grow with the page, so that they can be read on a phone. No
// meaning hangs on colour alone: lines differ by their dashes, groups by the shape of their points. Values that are not
// finite, or from 1e300 on, are gaps. A chart of nothing says so.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/markup.h"
#include "report/picture.h"

namespace vitro {

struct Axis {
  std::string label;        // with its unit: "loss, nats", "epoch"
  bool logarithmic = false; // where a value is not above 0, it is drawn linear
  bool whole = false;       // ticks at whole numbers
  // The range, where it is not that of the data.
  std::optional<double> low = {}, high = {};
};

/// A point's x and y.
struct Spot {
  double x = 0, y = 0;
};

struct Series {
  std::string name;
  std::vector<Spot> points; // with x ascending
};

/// A value of an axis to be marked by a line across the chart.
struct Mark {
  double at = 0;
  std::string label;
};

struct LineChart {
  std::string title;
  Axis x, y;
  std::vector<Series> series;     // of more than 400 points, each run's extremes are drawn
  std::vector<Mark> at_x, levels; // lines from top to bottom; from left to right
};
Markup line_chart(const LineChart& chart);
/// The same as an SVG file of its own, for a Markdown page or a viewer: legend and colours are inside, on white paper.
std::string svg_file(const LineChart& chart);

struct PointGroup {
  std::string name;
  std::vector<Spot> points;
};

struct Scatter {
  std::string title;
  Axis x, y;
  std::vector<PointGroup> groups;
  std::vector<Series> lines = {}; // above the points
  bool diagonal = false;          // the line y = x, where both axes show the same quantity
  bool square = false;            // one unit is as long on both axes
  // Behind the points, over the whole of both axes' ranges, which must be stated; its top row is the largest y.
  std::optional<Raster> backdrop = {};
  std::string backdrop_means = {}; // for the legend
};
Markup scatter(const Scatter& chart);
/// The colour of group `index` as bytes, for what is drawn as pixels behind its points.
std::array<uint8_t, 4> group_colour(size_t index, uint8_t alpha);
/// The range in which values are shown: theirs, a twentieth wider at both ends. 0 to 1 where there are none.
struct Extent {
  double low = 0, high = 1;
};
Extent extent_of(const std::vector<double>& values);

/// How values are spread: so many in each of `bins` equal intervals from the lowest to the highest.
struct Histogram {
  std::string title;
  Axis x;
  std::vector<double> values;
  std::vector<Mark> at_x = {}; // lines from top to bottom
  int64_t bins = 24;
};
Markup histogram(const Histogram& chart);

/// Each value of a row as a dot on its own line, beside what was expected: a claim's seeds and the published number.
struct DotRow {
  std::string name;
  std::vector<double> values;
  std::optional<double> expected = {};       // a line across
  std::optional<double> low = {}, high = {}; // the range that counts as expected: a band
  std::string verdict = {};                  // a word or two at the right: "holds", "3 of 10"
  bool good = true;
};

struct DotPlot {
  std::string title;
  Axis x; // one for all rows
  std::vector<DotRow> rows;
  std::string dot = "one seed", line = "published", band = "tolerance"; // what the legend calls them
};
Markup dot_plot(const DotPlot& chart);

} // namespace vitro

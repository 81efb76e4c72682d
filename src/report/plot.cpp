#include "report/plot.h"

#include <algorithm>
#include <cmath>

#include "report/scale.h"

namespace vitro {
namespace {

constexpr std::string_view letters = "o*+x#%@&";
constexpr size_t few_points = 40;

// Cells of characters, each a Braille pattern, or a character of its own.
class Canvas {
public:
  Canvas(int columns, int rows)
      : columns_(columns), rows_(rows), dots_(size_t(columns * rows)), over_(dots_.size()), under_(dots_.size()) {}

  int across() const { return 2 * columns_; }
  int down() const { return 4 * rows_; }

  // A dot, from the left and from the top.
  void dot(int x, int y) {
    static constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x >= 0 && y >= 0 && x < across() && y < down()) dots_[cell(x / 2, y / 4)] |= bits[y % 4][x % 2];
  }
  void line(double x0, double y0, double x1, double y1) {
    const int steps = int(std::ceil(std::clamp(std::max(std::abs(x1 - x0), std::abs(y1 - y0)), 1.0, 1e4)));
    for (int i = 0; i <= steps; ++i) {
      const double share = double(i) / steps;
      dot(int(std::lround(x0 + share * (x1 - x0))), int(std::lround(y0 + share * (y1 - y0))));
    }
  }
  void put(double x, double y, char letter) { over_[cell(column(x), row(y))] = std::string(1, letter); }
  void upright(double x, const std::string& piece) {
    for (int i = 0; i < rows_; ++i) under_[cell(column(x), i)] = piece;
  }
  void across(double y, const std::string& piece) {
    for (int i = 0; i < columns_; ++i) under_[cell(i, row(y))] = piece;
  }
  int column(double x) const { return std::clamp(int(x) / 2, 0, columns_ - 1); }
  int row(double y) const { return std::clamp(int(y) / 4, 0, rows_ - 1); }

  std::string str(int row) const {
    std::string out, blanks;
    for (int i = 0; i < columns_; ++i) {
      const size_t at = cell(i, row);
      const std::string piece = !over_[at].empty() ? over_[at] : dots_[at] ? braille(dots_[at]) : under_[at];
      if (piece.empty()) {
        blanks += ' ';
        continue;
      }
      out += blanks + piece;
      blanks.clear();
    }
    return out;
  }

private:
  size_t cell(int column, int row) const { return size_t(row) * size_t(columns_) + size_t(column); }
  static std::string braille(unsigned bits) { // U+2800 and up, as UTF-8
    return {char(0xE2), char(0xA0 | bits >> 6), char(0x80 | (bits & 0x3F))};
  }

  int columns_, rows_;
  std::vector<unsigned> dots_;
  std::vector<std::string> over_, under_;
};

std::string right_aligned(const std::string& label, int width) {
  return std::string(size_t(std::max(0, width - columns(label))), ' ') + label;
}

// Words at columns of one line; what would touch the word before is left out.
struct Line {
  std::string text = {};
  bool put(int at, const std::string& word) {
    const int used = columns(text);
    if (at < 0 || at < used + (used > 0)) return false;
    text += std::string(size_t(at - used), ' ') + word;
    return true;
  }
};

void draw(Canvas& canvas, const Series& series, const Scale& x, const Scale& y, char letter, bool lettered) {
  const auto shown = [&](const Spot& spot) {
    return drawable(spot.x) && drawable(spot.y) && x.holds(spot.x) && (!x.logarithmic() || spot.x > 0) &&
           y.holds(spot.y);
  };
  const size_t every = series.points.size() <= few_points ? 1 : series.points.size() / 8;
  const Spot* before = nullptr;
  for (size_t i = 0; i < series.points.size(); ++i) {
    const Spot& spot = series.points[i];
    if (!shown(spot)) {
      before = nullptr;
      continue;
    }
    const Spot& from = before ? *before : spot;
    canvas.line(x.at(from.x), y.at(from.y), x.at(spot.x), y.at(spot.y));
    if (lettered && i % every == every / 2) canvas.put(x.at(spot.x), y.at(spot.y), letter);
    before = &spot;
  }
}

} // namespace

std::string terminal_chart(const LineChart& chart, int width, int height, const Palette& palette) {
  Range xs, ys;
  for (const Series& series : chart.series)
    for (const Spot& spot : series.points)
      if (drawable(spot.y) && drawable(spot.x)) {
        xs.take(spot.x);
        ys.take(spot.y);
      }
  const std::string title = chart.title.empty() ? "" : palette.strong(chart.title) + "\n";
  if (xs.empty()) return title + "Nothing to draw yet.\n";

  const int rows = std::max(height, 4);
  Axis y_axis = chart.y;
  y_axis.logarithmic = chart.y.logarithmic && ys.low > 0;
  const Extent vertical = widened(ys, y_axis.logarithmic);
  const Scale y(y_axis, vertical.low, vertical.high, 4 * rows - 1, 0, std::max(2, rows / 2));
  int left = 0;
  for (const Tick& tick : y.marks()) left = std::max(left, columns(tick.label));
  Canvas canvas(std::max(width, 30) - left - 2, rows);
  const Scale x(chart.x, xs.low, xs.high, 0, canvas.across() - 1, std::max(2, canvas.across() / 24));

  for (const Mark& level : chart.levels)
    if (y.holds(level.at)) canvas.across(y.at(level.at), "╌");
  std::vector<Line> above;
  std::vector<int> upright; // columns of the marks whose labels stand above
  for (const Mark& mark : chart.at_x) {
    if (!x.holds(mark.at)) continue;
    const int at = canvas.column(x.at(mark.at));
    canvas.upright(x.at(mark.at), "┊");
    Line line;
    std::vector<int> earlier = upright;
    std::sort(earlier.begin(), earlier.end());
    const bool leftwards = at + 2 + columns(mark.label) > canvas.across() / 2;
    const std::string label = leftwards ? mark.label + " ┊" : "┊ " + mark.label;
    const int begin = leftwards ? std::max(0, at + 1 - columns(label)) : at;
    for (const int column : earlier)
      if (column + 1 < begin) line.put(column, "┊"); // one that touches the words gives way to them
    line.put(begin, label);
    for (const int column : earlier)
      if (column >= begin) line.put(column, "┊");
    above.push_back(std::move(line));
    upright.push_back(at);
  }

  const bool several = chart.series.size() > 1;
  for (size_t i = 0; i < chart.series.size(); ++i)
    draw(canvas, chart.series[i], x, y, letters[i % letters.size()],
         several || chart.series[i].points.size() <= few_points);

  std::string out = title;
  if (several || !chart.levels.empty()) {
    std::string legend;
    for (size_t i = 0; several && i < chart.series.size(); ++i)
      legend +=
          (legend.empty() ? "" : "   ") + std::string(1, letters[i % letters.size()]) + " " + chart.series[i].name;
    for (const Mark& level : chart.levels)
      if (y.holds(level.at)) legend += (legend.empty() ? "" : "   ") + std::string("╌ ") + level.label;
    out += cut(legend, std::max(width, 30)) + "\n";
  }
  const std::string margin(size_t(left + 2), ' ');
  out += palette.faint(chart.y.label) + "\n";
  for (const Line& line : above) out += margin + line.text + "\n";
  for (int row = 0; row < rows; ++row) {
    std::string label;
    for (const Tick& tick : y.marks())
      if (canvas.row(y.at(tick.at)) == row) label = tick.label;
    out += palette.faint(right_aligned(label, left)) + (label.empty() ? " │" : " ┤") + canvas.str(row) + "\n";
  }
  std::string axis;
  Line ticks;
  std::vector<int> at_ticks;
  for (const Tick& tick : x.marks()) at_ticks.push_back(canvas.column(x.at(tick.at)));
  for (int i = 0; i < canvas.across() / 2; ++i)
    axis += std::find(at_ticks.begin(), at_ticks.end(), i) == at_ticks.end() ? "─" : "┬";
  for (size_t i = 0; i < at_ticks.size(); ++i) {
    const std::string& label = x.marks()[i].label;
    const int room = std::max(width, 30) - columns(label); // the last one may not leave the picture
    ticks.put(std::min(left + 2 + at_ticks[i] - columns(label) / 2, room), label);
  }
  out += std::string(size_t(left + 1), ' ') + "└" + axis + "\n" + palette.faint(ticks.text) + "\n";
  return out + right_aligned(palette.faint(chart.x.label), std::max(width, 30)) + "\n";
}

} // namespace vitro

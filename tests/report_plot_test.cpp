// Charts in a terminal: axes, what stands where, and whatever comes.
#include "report/plot.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "markup_check.h"

namespace vitro {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

LineChart chart_of(std::vector<Spot> points) {
  return {.title = "Title",
          .x = {.label = "rate"},
          .y = {.label = "loss"},
          .series = {{"one", std::move(points)}},
          .at_x = {},
          .levels = {}};
}

// A straight line from corner to corner, in a plot of 4 lines: the whole text, worked out by hand.
TEST(TerminalChart, DrawsAStraightLine) {
  LineChart chart = chart_of({});
  chart.y = {.label = "loss", .low = 0, .high = 1};
  for (int i = 0; i <= 100; ++i) chart.series[0].points.push_back({double(i), i / 100.0});
  const std::vector<std::string> lines = lines_of(terminal_chart(chart, 32, 4));
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines[0], "Title");
  EXPECT_EQ(lines[1], "loss");
  for (int row = 2; row < 6; ++row) EXPECT_THAT(lines[size_t(row)], testing::AnyOf(HasSubstr("│"), HasSubstr("┤")));
  EXPECT_THAT(lines[2], HasSubstr("1 ┤"));
  EXPECT_THAT(lines[5], HasSubstr("0 ┤⣀")); // it begins in the lowest row of dots
  EXPECT_THAT(lines[6], HasSubstr("└┬"));
  EXPECT_THAT(lines[7], HasSubstr("0"));
  EXPECT_THAT(lines[7], testing::EndsWith("100"));
  EXPECT_THAT(lines[8], testing::EndsWith("rate"));
  // It rises: in each line the drawing begins further right the higher it stands.
  size_t before = 1000;
  for (int row = 2; row < 6; ++row) {
    const std::string& line = lines[size_t(row)];
    const size_t first = line.find('\xE2', line.find_first_of("\xE2") + 3);
    ASSERT_NE(first, std::string::npos);
    EXPECT_LT(first, before);
    before = first;
  }
}

TEST(TerminalChart, ALogarithmicAxisHasItsPowersAtEqualDistances) {
  LineChart chart = chart_of({});
  chart.x = {.label = "rate", .logarithmic = true};
  for (int i = 0; i <= 40; ++i) chart.series[0].points.push_back({std::pow(10.0, i / 10.0 - 3), double(i)});
  const std::vector<std::string> lines = lines_of(terminal_chart(chart, 83, 6));
  const std::string& ticks = lines[lines.size() - 2];
  std::vector<size_t> places;
  for (const char* label : {"0.001", "0.01", "0.1", "1", "10"}) {
    const std::string padded = " " + std::string(label);
    const size_t at = ticks.find(padded + " ") != std::string::npos ? ticks.find(padded + " ") : ticks.rfind(padded);
    ASSERT_NE(at, std::string::npos) << label;
    places.push_back(at + 1 + std::string(label).size() / 2);
  }
  for (size_t i = 2; i < places.size(); ++i)
    EXPECT_NEAR(double(places[i] - places[i - 1]), double(places[1] - places[0]), 2);
}

TEST(TerminalChart, MarksStandUprightUnderTheirLabels) {
  LineChart chart = chart_of({});
  for (int i = 0; i <= 100; ++i) chart.series[0].points.push_back({double(i), 1.0});
  chart.at_x = {{20, "valley 20"}, {95, "steepest 95"}, {500, "outside"}};
  const std::string out = terminal_chart(chart, 80, 6);
  EXPECT_THAT(out, HasSubstr("┊ valley 20"));
  EXPECT_THAT(out, HasSubstr("steepest 95 ┊"));
  EXPECT_THAT(out, Not(HasSubstr("outside")));
  const std::vector<std::string> lines = lines_of(out);
  EXPECT_THAT(lines[3], HasSubstr("┊")); // the first mark goes on beside the second's label
}

// Wherever two marks stand, both have their words.
TEST(TerminalChart, NoMarkLosesItsLabel) {
  for (int first = 0; first <= 100; ++first) {
    LineChart chart = chart_of({});
    for (int i = 0; i <= 100; ++i) chart.series[0].points.push_back({double(i), 1.0});
    chart.at_x = {{double(first), "valley"}, {95, "steepest"}};
    const std::string out = terminal_chart(chart, 80, 6);
    EXPECT_THAT(out, HasSubstr("valley")) << first;
    EXPECT_THAT(out, HasSubstr("steepest")) << first;
  }
}

TEST(TerminalChart, SeveralSeriesAreToldApart) {
  LineChart chart = chart_of({{1, 1}, {2, 2}, {3, 3}});
  chart.series.push_back({"two", {{1, 3}, {2, 2.5}, {3, 1}}});
  chart.levels = {{2, "baseline"}};
  const std::string out = terminal_chart(chart, 60, 8);
  EXPECT_THAT(out, HasSubstr("o one   * two   ╌ baseline"));
  EXPECT_EQ(std::count(out.begin(), out.end(), '*'), 4); // the legend, and three points
  EXPECT_THAT(out, HasSubstr("╌╌"));
}

TEST(TerminalChart, OfNothingSaysSo) {
  EXPECT_THAT(terminal_chart(chart_of({}), 60, 8), HasSubstr("Nothing to draw yet."));
  EXPECT_THAT(terminal_chart(chart_of({{1, NAN}}), 60, 8), HasSubstr("Nothing to draw yet."));
  EXPECT_THAT(terminal_chart({}, 60, 8), HasSubstr("Nothing to draw yet."));
}

TEST(TerminalChart, OfWhateverComesFitsItsWidth) {
  rc::check([] {
    LineChart chart = chart_of({});
    chart.x.logarithmic = *rc::gen::arbitrary<bool>();
    chart.y.logarithmic = *rc::gen::arbitrary<bool>();
    const int series = *rc::gen::inRange(1, 11);
    for (int s = 0; s < series; ++s) {
      chart.series.push_back({"series " + std::to_string(s), {}});
      const int points = *rc::gen::inRange(0, 60);
      double x = *rc::gen::inRange(-5, 5);
      for (int i = 0; i < points; ++i) {
        const int kind = *rc::gen::inRange(0, 12);
        const double y = kind == 0   ? NAN
                         : kind == 1 ? INFINITY
                         : kind == 2 ? 1e305
                         : kind == 3 ? 1e250
                                     : *rc::gen::inRange(-50, 50) / 7.0;
        chart.series.back().points.push_back({x, y});
        x += *rc::gen::inRange(0, 3);
      }
    }
    chart.at_x = {{double(*rc::gen::inRange(-10, 100)), "a mark"}, {double(*rc::gen::inRange(-10, 100)), "another"}};
    const int width = *rc::gen::inRange(1, 130), height = *rc::gen::inRange(0, 20);
    const std::string out = terminal_chart(chart, width, height);
    for (const std::string& line : lines_of(out)) {
      RC_ASSERT(columns(line) <= std::max(width, 30) + 2);
      RC_ASSERT(line.find('\n') == std::string::npos);
    }
    RC_ASSERT(fault_of(svg_file(chart)).empty());
  });
}

TEST(SvgFile, IsAWholePictureOfItsOwn) {
  LineChart chart = chart_of({{1, 1}, {2, 2}});
  chart.series.push_back({"</svg><script>", {{1, 3}, {2, 1}}});
  const std::string out = svg_file(chart);
  EXPECT_EQ(fault_of(out), "");
  EXPECT_TRUE(out.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_THAT(out, HasSubstr("aria-label=\"Title"));
  EXPECT_THAT(out, HasSubstr("<style>"));
  EXPECT_THAT(out, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg_file(chart_of({})), HasSubstr("nothing to draw"));
}

} // namespace
} // namespace vitro

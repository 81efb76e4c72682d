// Charts and tables: ticks where a reader expects them, and well-formed drawings of whatever comes.
#include "report/figures.h"

#include <cmath>
#include <limits>
#include <regex>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "markup_check.h"
#include "report/coloured_text.h"
#include "report/net_drawing.h"
#include "report/page.h"
#include "report/ticks.h"

namespace vitro {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string hostile = "</svg><script>\"'&\xff\u202e";

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& one : ticks) out.push_back(one.label);
  return out;
}

TEST(Ticks, AreRound) {
  EXPECT_THAT(labels(ticks(0, 1, 6)), testing::ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(labels(ticks(93.1, 100, 6)), testing::ElementsAre("94", "96", "98", "100"));
  EXPECT_THAT(labels(ticks(0, 60000, 4)), testing::ElementsAre("0", "20,000", "40,000", "60,000"));
  EXPECT_THAT(labels(ticks(1, 3, 7, true)), testing::ElementsAre("1", "2", "3"));
  EXPECT_THAT(labels(ticks(-0.02, 0.02, 5)), testing::ElementsAre("-0.02", "-0.01", "0", "0.01", "0.02"));
  EXPECT_THAT(labels(ticks(5, 5, 5)), testing::ElementsAre("5"));
  EXPECT_THAT(labels(log_ticks(0.004, 2.2, 6)), testing::ElementsAre("0.01", "0.1", "1"));
  EXPECT_THAT(labels(log_ticks(0.05, 0.3, 6)), testing::ElementsAre("0.05", "0.1", "0.2"));
  EXPECT_THAT(labels(log_ticks(1e-9, 1e3, 5)), testing::ElementsAre("1e-09", "1e-06", "0.001", "1", "1000"));
  EXPECT_THROW(ticks(1, 0, 5), std::logic_error);
  EXPECT_THROW(ticks(0, NAN, 5), std::logic_error);
  EXPECT_THROW(log_ticks(0, 1, 5), std::logic_error);
}

TEST(Ticks, OfAnyRangeLieInsideInOrderAndDiffer) {
  rc::check([] {
    const double low = *rc::gen::inRange(-1000, 1000) * std::pow(10.0, *rc::gen::inRange(-9, 9));
    const double span =
        *rc::gen::inRange(1, 1000) * std::pow(10.0, *rc::gen::inRange(-4, 9)) * std::max(1e-3, std::abs(low));
    const int most = *rc::gen::inRange(2, 10);
    const auto check = [&](const std::vector<Tick>& found, double from, double to, int limit) {
      RC_ASSERT(!found.empty());
      RC_ASSERT(int(found.size()) <= limit);
      for (size_t i = 0; i < found.size(); ++i) {
        RC_ASSERT(found[i].at >= from - 1e-6 * (to - from));
        RC_ASSERT(found[i].at <= to + 1e-6 * (to - from));
        if (i > 0) {
          RC_ASSERT(found[i].at > found[i - 1].at);
          RC_ASSERT(found[i].label != found[i - 1].label);
        }
      }
    };
    check(ticks(low, low + span, most), low, low + span, most);
    const double positive = std::abs(low) + 1e-6;
    check(log_ticks(positive, positive + span, most), positive, positive + span, most);
  });
}

LineChart curves(std::vector<Spot> spots) {
  return {.title = "Loss",
          .x = {.label = "epoch", .whole = true},
          .y = {.label = "loss"},
          .series = {{"train", std::move(spots)}},
          .at_x = {},
          .levels = {}};
}

TEST(LineChart, DrawsWhateverThereIs) {
  const double nan = NAN, infinity = INFINITY;
  for (const std::vector<Spot>& spots : std::vector<std::vector<Spot>>{{},
                                                                       {{1, 0.5}},
                                                                       {{1, 0}},
                                                                       {{1, 2}, {2, 2}, {3, 2}},
                                                                       {{1, nan}, {2, 1}, {3, nan}},
                                                                       {{1, nan}},
                                                                       {{1, 1}, {2, infinity}, {3, -infinity}},
                                                                       {{1, 1e300}, {2, -1e300}},
                                                                       {{1, 1e-300}, {2, 3e-300}},
                                                                       {{1, 1.7e308}, {2, -1.7e308}},
                                                                       {{1, -5}, {2, -1e-12}}})
    for (const bool logarithmic : {false, true}) {
      LineChart chart = curves(spots);
      chart.y.logarithmic = logarithmic;
      chart.at_x = {{2, hostile}};
      chart.levels = {{0.5, hostile}};
      const std::string drawn = line_chart(chart).str();
      EXPECT_EQ(fault_of(drawn), "");
      EXPECT_THAT(drawn, Not(HasSubstr("nan")));
      EXPECT_THAT(drawn, Not(HasSubstr("inf")));
    }
  EXPECT_THAT(line_chart(curves({})).str(), HasSubstr("Nothing to draw yet"));
  EXPECT_THAT(line_chart(curves({{1, 0.5}})).str(), HasSubstr("<circle")); // a single epoch is seen
  EXPECT_THAT(line_chart(curves({{1, 0.5}, {2, 0.25}})).str(), HasSubstr("train: from 0.5 to 0.25"));
}

TEST(LineChart, WordsOfMarksLieOnNoOthersAndNoLineGoesThroughThem) {
  for (int first = 0; first <= 80; first += 4)
    for (int between = 1; between <= 20; between += 3) {
      LineChart chart = curves({{0, 0}, {120, 1}});
      for (int i = 0; i < 3; ++i) chart.at_x.push_back({double(first + i * between), "a mark of many words"});
      const std::string drawn = line_chart(chart).str();
      struct Box {
        double left, right, y;
      };
      std::vector<Box> words;
      std::vector<std::pair<double, double>> lines; // x, and how far up
      const std::regex text_of(
          "<text x=\"([0-9.]+)\" y=\"([0-9.]+)\" text-anchor=\"(start|end)\" class=\"tick strong\""),
          line_of("<line x1=\"([0-9.]+)\" y1=\"([0-9.]+)\"[^>]*class=\"mark\"");
      for (std::sregex_iterator it(drawn.begin(), drawn.end(), text_of), end; it != end; ++it) {
        const double x = std::stod((*it)[1]), length = 6.4 * 20;
        words.push_back({(*it)[3] == "end" ? x - length : x, (*it)[3] == "end" ? x : x + length, std::stod((*it)[2])});
      }
      for (std::sregex_iterator it(drawn.begin(), drawn.end(), line_of), end; it != end; ++it)
        lines.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
      ASSERT_EQ(words.size(), 3u);
      ASSERT_EQ(lines.size(), 3u);
      for (size_t i = 0; i < 3; ++i) {
        for (size_t j = 0; j < i; ++j)
          EXPECT_TRUE(words[i].right <= words[j].left || words[j].right <= words[i].left ||
                      std::fabs(words[i].y - words[j].y) >= 14)
              << first << " " << between;
        for (const auto& [x, up] : lines)
          EXPECT_FALSE(words[i].left < x && x < words[i].right && up < words[i].y - 4) << first << " " << between;
      }
    }
}

TEST(LineChart, TenThousandEpochsStaySmallAndKeepTheirSpikes) {
  std::vector<Spot> spots;
  for (int i = 1; i <= 10000; ++i) spots.push_back({double(i), i == 5003 ? 9.0 : 1.0 / i});
  LineChart chart = curves(spots);
  chart.y = {.label = "loss", .low = 0, .high = 9};
  const std::string drawn = line_chart(chart).str();
  EXPECT_LT(drawn.size(), 12000u);
  EXPECT_THAT(drawn, HasSubstr("highest 9"));
  EXPECT_THAT(drawn, HasSubstr(" 24L")); // the top of the chart is reached
}

TEST(Scatter, NamesGroupsAndKeepsThemApart) {
  Scatter chart;
  chart.title = hostile;
  chart.x = {.label = hostile};
  chart.y = {.label = "y"};
  for (int g = 0; g < 11; ++g)
    chart.groups.push_back({g == 0 ? hostile : std::to_string(g), {{double(g), 1.0}, {NAN, 2}, {1, INFINITY}}});
  chart.lines = {{"the net", {{0, 0}, {1, 1}}}};
  chart.backdrop = Raster{.width = 1, .height = 1, .channels = 1, .pixels = {0}, .palette = {group_colour(0, 70)}};
  for (const bool diagonal : {false, true}) {
    chart.diagonal = diagonal;
    const std::string drawn = scatter(chart).str();
    EXPECT_EQ(fault_of(drawn), "");
    EXPECT_THAT(drawn, Not(HasSubstr("nan")));
    EXPECT_THAT(drawn, HasSubstr("data:image/png;base64,"));
  }
  EXPECT_THAT(scatter({}).str(), HasSubstr("Nothing to draw yet"));
}

TEST(Histogram, CountsEveryValueThatCanBeDrawn) {
  const Histogram chart{.title = hostile,
                        .x = {.label = hostile},
                        .values = {0, 1, 1, 10, NAN, -INFINITY},
                        .at_x = {{5, hostile}, {99, "far"}},
                        .bins = 5};
  const std::string drawn = histogram(chart).str();
  EXPECT_EQ(fault_of(drawn), "");
  EXPECT_THAT(drawn, HasSubstr("6 values from 0 to 10, at most 3 in one of 5 intervals"));
  size_t bars = 0;
  for (size_t at = drawn.find("<rect"); at != std::string::npos; at = drawn.find("<rect", at + 1)) ++bars;
  EXPECT_EQ(bars, 2U); // 0 to 2 and 8 to 10
  EXPECT_THAT(drawn, Not(HasSubstr("far")));
  for (const std::vector<double>& values :
       {std::vector<double>{}, {NAN}, {7}, {7, 7}, {-9e299, 9e299}, {1e-300, 2e-300}, {1e15, 1e15 + 1}}) {
    const std::string any = histogram({.title = "any", .x = {}, .values = values}).str();
    EXPECT_EQ(fault_of(any), "");
    EXPECT_THAT(any, Not(HasSubstr("nan")));
  }
  EXPECT_THAT(histogram({.title = "none", .x = {}, .values = {NAN}}).str(), HasSubstr("Nothing to draw"));
}

TEST(DotPlot, ShowsEachSeedBesideWhatWasPublished) {
  DotPlot chart;
  chart.title = "Claims";
  chart.x = {.label = "accuracy, %"};
  chart.rows = {
      {.name = "one", .values = {95.1, 95.4, NAN}, .expected = 95.42, .low = 95, .high = 96, .verdict = "holds"},
      {.name = hostile, .values = {}, .expected = 97, .verdict = hostile, .good = false},
      {.name = std::string(500, 'x'), .values = {94}}};
  const std::string drawn = dot_plot(chart).str();
  EXPECT_EQ(fault_of(drawn), "");
  size_t dots = 0;
  for (size_t at = drawn.find("class=\"dot"); at != std::string::npos; at = drawn.find("class=\"dot", at + 1)) ++dots;
  EXPECT_EQ(dots, 3u + 1); // and one in the legend
  EXPECT_THAT(drawn, HasSubstr("one: 2 values, mean 95.25, published 95.42, holds"));
  EXPECT_THAT(dot_plot({}).str(), HasSubstr("Nothing to draw yet"));
}

TEST(NetDrawing, DrawsChainsAndSkips) {
  const std::string drawn =
      net_drawing({{.name = "input", .label = "[2]", .units = 2, .from = {}},
                   {.name = hostile, .label = hostile, .units = 1000000, .from = {0}, .mixes = true},
                   {.name = "add", .label = "", .units = 3, .from = {1, 0}}},
                  hostile)
          .str();
  EXPECT_EQ(fault_of(drawn), "");
  EXPECT_THAT(drawn, HasSubstr("class=\"skip\""));
  EXPECT_LT(drawn.size(), 20000u);
  EXPECT_THROW(net_drawing({{.name = "a", .label = "", .from = {0}}}, ""), std::logic_error);
}

TEST(PageElements, AreWellFormed) {
  const std::string table = table_element({"name", "> loss"}, {{hostile, "1"}, {"short"}}, hostile).str();
  EXPECT_EQ(fault_of(table), "");
  EXPECT_THAT(table, HasSubstr("<th scope=\"col\" class=\"right\">loss</th>"));
  EXPECT_THROW(table_element({"one"}, {{"a", "b"}}), std::logic_error);
  const std::string cross =
      cross_table_element(
          {.name = hostile, .rows = {"a", hostile}, .columns = {"a", hostile}, .counts = {1000, 0, 3, 0}})
          .str();
  EXPECT_EQ(fault_of(cross), "");
  EXPECT_THAT(cross, HasSubstr("1,000"));
  EXPECT_THROW(cross_table_element({.name = "", .rows = {"a"}, .columns = {"a", "b"}, .counts = {1}}),
               std::logic_error);
  EXPECT_EQ(fault_of(facts_element({{hostile, hostile}}).str() + code_element(hostile).str()), "");
}

TEST(Page, IsOneFileThatLoadsNothing) {
  Page page{.title = hostile, .kicker = hostile, .headline = hostile, .lead = {}, .footer = hostile, .sections = {}};
  page.sections.push_back({"a", hostile, "x"});
  page.sections.push_back({"b", "B", "y"});
  const std::string whole = html(page);
  EXPECT_EQ(fault_of(whole), "");
  EXPECT_THAT(whole, Not(HasSubstr("<script")));
  EXPECT_THAT(whole, Not(HasSubstr("http://")));
  EXPECT_THAT(whole, Not(HasSubstr("https://")));
  EXPECT_THAT(whole, Not(HasSubstr("http-equiv=\"refresh\"")));
  EXPECT_THAT(whole, HasSubstr("href=\"#b\""));
  page.refresh_s = 2;
  EXPECT_THAT(html(page), HasSubstr("<meta http-equiv=\"refresh\" content=\"2\"/>"));
}

TEST(ColouredText, JoinsEqualShadesAndEscapes) {
  ColouredText text{"a unit", {"a", "b", "\n", "<", "c", "d"}, {0.5, 0.501, 0.5, -1, 0, std::nan("")}};
  const std::string html = coloured_text(text).str();
  EXPECT_EQ(fault_of(html), "");
  EXPECT_THAT(html, HasSubstr("<span class=\"up\" style=\"--a:0.42\">ab\u21B5\n</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"down\" style=\"--a:0.85\">&lt;</span>cd"));
  EXPECT_THAT(html, HasSubstr("aria-label=\"a unit\""));
  text.symbols.assign(6, hostile);
  text.values = {2, -5, std::numeric_limits<double>::infinity(), 1e-9, 0.1, -0.1};
  EXPECT_EQ(fault_of(coloured_text(text).str()), "");
  EXPECT_THAT(coloured_text(text).str(), Not(HasSubstr("<script")));
  text.values.pop_back();
  EXPECT_THROW(coloured_text(text), std::logic_error);
}

} // namespace
} // namespace vitro

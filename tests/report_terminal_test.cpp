// Text for people: units, widths, tables, bars, pictures.
#include "report/terminal.h"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

namespace vitro {
namespace {

TEST(Units, SayWhatAPersonWouldSay) {
  EXPECT_EQ(percent(0.98411), "98.41 %");
  EXPECT_EQ(percent(1, 0), "100 %");
  EXPECT_EQ(percent(NAN), "-");
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(60000), "60,000");
  EXPECT_EQ(thousands(-1234567), "-1,234,567");
  EXPECT_EQ(thousands(-123), "-123");
  EXPECT_EQ(duration(0), "0 s");
  EXPECT_EQ(duration(0.4213), "0.42 s");
  EXPECT_EQ(duration(0.9999), "1 s");
  EXPECT_EQ(duration(12.34), "12.3 s");
  EXPECT_EQ(duration(125), "2 min 05 s");
  EXPECT_EQ(duration(7620), "2 h 07 min");
  EXPECT_EQ(duration(INFINITY), "-");
  EXPECT_EQ(fixed(0.5, 4), "0.5000");
  EXPECT_EQ(fixed(0, 4), "0.0000");
  EXPECT_EQ(fixed(1.2e-7, 4), "1.2e-07");
  EXPECT_EQ(fixed(3.2e9, 4), "3.2e+09");
  EXPECT_EQ(fixed(NAN, 4), "nan");
  EXPECT_EQ(plural(1, "class"), "1 class");
  EXPECT_EQ(plural(3, "class"), "3 classes");
  EXPECT_EQ(plural(0, "sample"), "0 samples");
}

TEST(Columns, CountCodePointsAndSkipColours) {
  EXPECT_EQ(columns(""), 0);
  EXPECT_EQ(columns("naïve ━"), 7);
  EXPECT_EQ(columns(Palette{true}.bad("no")), 2);
  EXPECT_EQ(Palette{false}.bad("no"), "no");
}

TEST(Cut, KeepsTheWidthAndWholeCharacters) {
  EXPECT_EQ(cut("short", 5), "short");
  EXPECT_EQ(cut("shorter", 5), "shor…");
  EXPECT_EQ(cut("ééééé", 3), "éé…");
  EXPECT_EQ(columns(cut(Palette{true}.good("a long green line"), 6)), 6);
  EXPECT_TRUE(cut(Palette{true}.good("a long green line"), 6).ends_with("\x1b[0m"));
}

TEST(Wrap, BreaksAtBlanks) {
  EXPECT_EQ(wrap("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrap("one two three", 9, 2), "one two\n  three");
  EXPECT_EQ(wrap("  a   b ", 10), "a b");
  EXPECT_EQ(wrap("unbreakable", 3), "unbreakable");
}

TEST(Table, AlignsItsColumns) {
  Table table({"name", "> loss", ""});
  table.add({"é", "0.5", "x"});
  table.add({"longer", "12.25"});
  EXPECT_EQ(table.str(), "name     loss\n"
                         "é         0.5  x\n"
                         "longer  12.25\n");
  EXPECT_EQ(table.str({}, 2).substr(0, 6), "  name");
  EXPECT_THROW(table.add({"1", "2", "3", "4"}), std::logic_error);
  Table bare({"", ""});
  bare.add({"a", "b"});
  EXPECT_EQ(bare.str(), "a  b\n");
}

TEST(Facts, PadTheNames) {
  Facts facts;
  facts.add("samples", "3");
  facts.add("net", "mlp");
  EXPECT_EQ(facts.str({}, 1), " samples  3\n net      mlp\n");
}

TEST(Bar, FillsItsShare) {
  EXPECT_EQ(bar(0, 4), "────");
  EXPECT_EQ(bar(0.5, 4), "━━──");
  EXPECT_EQ(bar(1, 4), "━━━━");
  EXPECT_EQ(bar(7, 2), "━━");
  EXPECT_EQ(bar(NAN, 2), "──");
}

TEST(Sparkline, GoesFromLowestToHighest) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 1, 2, 3}), "▁▃▆█");
  EXPECT_EQ(sparkline(std::vector<double>{5, 5}), "▅▅");
  EXPECT_EQ(sparkline(std::vector<double>{1, NAN, 2}), "▁?█");
  EXPECT_EQ(sparkline(std::vector<double>{}), "");
  const std::vector<double> many(1000, 1.0);
  EXPECT_EQ(columns(sparkline(many, 40)), 40);
}

TEST(Picture, DrawsTwoRowsPerLine) {
  const std::vector<double> pixels = {0, 255, 0, 255, 255, 0}; // 3 rows of 2
  EXPECT_EQ(picture(pixels, 3, 2, 0, 255), " @\n@\n");
  EXPECT_EQ(picture(std::vector<double>{0, 1}, 1, 2, 0, 0), "\n"); // no contrast: blank, no division by zero
}

TEST(Pictures, StandSideBySide) {
  EXPECT_EQ(pictures_in_rows({"ab\nc\n", "d\n"}, {"1", "2"}, 80), "1   2\nab  d\nc\n");
  EXPECT_EQ(pictures_in_rows({"ab\n", "d\n"}, {"1", "2"}, 4), "1\nab\n2\nd\n");
}

TEST(ProgressLine, FitsAnyWidth) {
  const Pace progress{.epoch = 3,
                      .epochs = 10,
                      .done = 52,
                      .of = 100,
                      .loss = 0.12345,
                      .samples_per_second = 41234.5,
                      .seconds_left = 3.2};
  EXPECT_EQ(progress_line(progress, 100),
            "epoch 3/10 ━━━━━━━━━━━━━━━───────────────  52 %  loss 0.1235  41,234 samples/s  4 s left");
  for (int width = 1; width <= 120; ++width) EXPECT_LE(columns(progress_line(progress, width, {true})), width) << width;
  EXPECT_NE(progress_line({}, 80), ""); // nothing known yet
}

} // namespace
} // namespace vitro

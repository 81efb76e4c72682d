// Text for people: numbers with units, aligned tables, bars, sparklines, pixels as characters.
//
// Every function returns text and writes nothing; whether there is a terminal, and how wide it is,
// is the caller's knowledge. Text is UTF-8; widths count code points, each one column wide.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitro {

std::string percent(double share, int decimals = 2);   // 0.9841 -> "98.41 %"; "-" where it is not a number
std::string thousands(int64_t n);                      // 60000 -> "60,000"
std::string duration(double seconds);                  // "0.42 s", "12.3 s", "3 min 05 s", "2 h 07 min"
std::string fixed(double value, int decimals);         // 0.5 -> "0.5000"; very small or large ones as 1.2e-07
std::string plural(int64_t n, const std::string& one); // "1 class", "3 classes", "60,000 samples"

/// Columns that `text` takes on a terminal (escape sequences of colours take none).
int columns(std::string_view text);
/// `text` cut to `width` columns, the last one an ellipsis where something was cut off.
std::string cut(std::string_view text, int width);

/// Lines of at most `width` columns, broken at blanks; every line but the first begins with `indent` blanks.
std::string wrap(std::string_view text, int width, int indent = 0);

/// `word` as a POSIX shell takes it, in quotes where it must be: for commands to type.
std::string quoted_for_shell(const std::string& word);

/// Colours, or none of them (NO_COLOR, a file, a pipe).
struct Palette {
  bool colour = false;
  std::string strong(std::string_view text) const; // bold
  std::string faint(std::string_view text) const;
  std::string good(std::string_view text) const; // green
  std::string bad(std::string_view text) const;  // red
};

/// Rows of cells under a heading; a column is as wide as its widest cell, two blanks between columns.
class Table {
public:
  enum class Align : uint8_t { left, right };
  /// A heading that begins with '>' makes its column right-aligned ("> loss"); all empty: no heading line.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells); // missing cells at the end are empty; more than headings: logic_error
  std::string str(const Palette& palette = {}, int indent = 0) const; // each line ends with a newline

private:
  std::vector<std::string> headings_;
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

/// "name   value" lines, the names padded to one width.
class Facts {
public:
  void add(std::string name, std::string value) { rows_.emplace_back(std::move(name), std::move(value)); }
  std::string str(const Palette& palette = {}, int indent = 0) const;

private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

/// `share` (0 to 1) of `width` columns drawn as a line.
std::string bar(double share, int width);

/// One block character per value, lowest to highest; more values than `width` are averaged in runs.
/// Values that are not finite show as '?'.
std::string sparkline(std::span<const double> values, int width = 40);

/// Pixels [height, width] as ASCII characters, each the mean of two rows, so that squares look square:
/// `low` is blank, `high` is '@'.
std::string picture(std::span<const double> pixels, int64_t height, int64_t width, double low, double high);

/// Several pictures side by side under their captions, as many in a row as `columns` allow.
std::string pictures_in_rows(const std::vector<std::string>& pictures, const std::vector<std::string>& captions,
                             int columns);

/// What a progress line tells.
struct Pace {
  int64_t epoch = 0, epochs = 0; // the epoch that is running, from 1
  int64_t done = 0, of = 0;      // samples of this epoch
  double loss = 0;               // mean so far in this epoch
  double samples_per_second = 0;
  double seconds_left = 0; // of the whole training, at most
  const char* counted = "samples";
};
/// "epoch 3/10 ━━━━━━━───────  52 %  loss 0.1234  41,200 samples/s  4 s left", within `width` columns.
std::string progress_line(const Pace& pace, int width, const Palette& palette = {});

} // namespace vitro

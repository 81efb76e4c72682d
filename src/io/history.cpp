#include "io/history.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/text.h"
#include "data/records.h"
#include "io/json_text.h"

namespace vitro {
namespace {

// The cells of the record that begins at `at`, which moves behind it.
std::vector<std::string> record(const std::string& csv, size_t& at, const std::string& where) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  while (at < csv.size()) {
    const char c = csv[at++];
    if (quoted) {
      if (c != '"')
        cells.back() += c;
      else if (at < csv.size() && csv[at] == '"')
        cells.back() += csv[at++];
      else
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else if (c == '\n') {
      return cells;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  if (quoted) bad_input(where, "ends inside quotes");
  return cells;
}

} // namespace

std::string to_csv(const History& history) {
  std::vector<std::string> cells;
  for (const std::string& column : history.columns) cells.push_back(csv_cell(column));
  std::string out = join(cells, ",") + "\n";
  for (const std::vector<double>& row : history.rows) {
    cells.clear();
    for (const double value : row) cells.push_back(std::isnan(value) ? "" : number(value));
    out += join(cells, ",") + "\n";
  }
  return out;
}

History read_history(const std::string& csv, const std::string& where) {
  History history;
  size_t at = 0;
  if (csv.empty()) bad_input(where, "is empty, expected a line of column names");
  history.columns = record(csv, at, where);
  for (int64_t line = 2; at < csv.size(); ++line) {
    const std::vector<std::string> cells = record(csv, at, where);
    const std::string here = text(where, ":", line);
    if (cells.size() != history.columns.size())
      bad_input(here, text("has ", cells.size(), " cells, expected ", history.columns.size()));
    std::vector<double>& row = history.rows.emplace_back();
    for (const std::string& word : cells) {
      double value = std::numeric_limits<double>::quiet_NaN();
      const char* const end = word.data() + word.size();
      if (!word.empty() && std::from_chars(word.data(), end, value).ptr != end)
        bad_input(here, text("has ", shown(word), " where a number was expected"));
      row.push_back(value);
    }
  }
  return history;
}

} // namespace vitro

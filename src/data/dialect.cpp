#include "data/dialect.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/forms.h"
#include "data/records.h"

namespace vitro {

const char* name(Separator separator) {
  switch (separator) {
    case Separator::comma: return ",";
    case Separator::semicolon: return ";";
    case Separator::tab: return "tab";
    case Separator::bar: return "|";
    default: return "blanks";
  }
}

char character(Separator separator) {
  switch (separator) {
    case Separator::comma: return ',';
    case Separator::semicolon: return ';';
    case Separator::tab: return '\t';
    case Separator::bar: return '|';
    default: return ' ';
  }
}

Separator separator_of(std::string_view word) {
  for (const Separator s : {Separator::comma, Separator::semicolon, Separator::tab, Separator::bar, Separator::blanks})
    if (word == name(s)) return s;
  if (word == "\t" || word == "\\t") return Separator::tab;
  if (word == " " || word == "space" || word == "spaces") return Separator::blanks;
  bad_input("separator", text("none is called \"", word, "\""), "use one of , ; tab | blanks");
}

namespace {

using Row = std::vector<std::string>;

// The first records of a text as one dialect cuts them.
struct Cut {
  std::vector<Row> rows;
  int64_t rows_with_quotes = 0;
  bool broken = false; // something is wrong below them

  // Every record has as many cells as the first, two or more. An error below some good records is the file's, or comes
  // from where the head ends; one that comes at once is the dialect's.
  bool even() const {
    if (rows.empty() || rows[0].size() < 2 || (broken && rows.size() < 2)) return false;
    return std::all_of(rows.begin(), rows.end(), [&](const Row& row) { return row.size() == rows[0].size(); });
  }
};

Cut cut(ByteSpan head, const Dialect& dialect, size_t most) {
  Cut out;
  ByteSource source = ByteSource::of(head);
  std::vector<Cell> cells;
  try {
    Records records(source, dialect, "");
    while (out.rows.size() < most && records.next(cells)) {
      Row& row = out.rows.emplace_back();
      for (const Cell& cell : cells) row.emplace_back(cell.text);
      out.rows_with_quotes += std::any_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.quoted; });
    }
  } catch (const Error&) {
    out.broken = true; // whoever reads the records says what
  }
  return out;
}

// Whether a cell is several numbers with blanks between them, and not one with blanks between its thousands.
bool several_numbers(std::string_view cell) {
  if (forms_of(cell, Separator::comma) != 0) return false;
  static const MissingWords missing({});
  size_t numbers = 0;
  double value = 0;
  while (true) {
    const size_t first = cell.find_first_not_of(" \t");
    if (first == cell.npos) return numbers > 1;
    const size_t last = std::min(cell.find_first_of(" \t", first), cell.size());
    const std::string_view word = cell.substr(first, last - first);
    if (parse_number(word, value))
      ++numbers;
    else if (missing.find(word) < 0)
      return false;
    cell.remove_prefix(last);
  }
}

// The separator, and the records as it cuts them.
std::pair<Separator, Cut> guess_separator(ByteSpan head, char quote) {
  constexpr size_t most = 200;
  const auto with = [&](Separator separator) { return cut(head, {separator, quote, false}, most); };
  const Cut blanks = with(Separator::blanks);
  std::optional<std::pair<Separator, Cut>> first;
  for (const Separator separator : {Separator::semicolon, Separator::tab, Separator::bar, Separator::comma}) {
    Cut found = with(separator);
    if (found.even()) {
      const bool coarse = blanks.even() && blanks.rows[0].size() > found.rows[0].size() &&
                          std::all_of(found.rows.begin(), found.rows.end(), [](const Row& row) {
                            return std::any_of(row.begin(), row.end(), several_numbers);
                          });
      if (coarse) break;
      return {separator, std::move(found)};
    }
    if (!first && !found.rows.empty() && found.rows[0].size() > 1) first = {separator, std::move(found)};
  }
  if (blanks.even()) return {Separator::blanks, blanks};
  if (first) return std::move(*first);
  const auto parted = std::count_if(blanks.rows.begin(), blanks.rows.end(), [](const Row& r) { return r.size() > 1; });
  if (size_t(parted) * 2 > blanks.rows.size()) return {Separator::blanks, blanks};
  return {Separator::comma, with(Separator::comma)};
}

bool guess_header(const std::vector<Row>& rows, Separator separator) {
  if (rows.size() < 2) return false;
  const Row& names = rows[0];
  if (std::any_of(names.begin(), names.end(), [&](const auto& cell) { return forms_of(cell, separator) != 0; }))
    return false;

  // What stands below each name: values of one form, or texts, and how many different ones.
  static const MissingWords missing({});
  bool values_below = false, few_below = false, distinct = true, again = false;
  std::set<std::string_view> seen;
  for (size_t c = 0; c < names.size(); ++c) {
    Forms some = ~Forms(0);
    std::set<std::string_view> below;
    int64_t cells = 0;
    for (size_t r = 1; r < rows.size(); ++r) {
      if (c >= rows[r].size() || missing.find(rows[r][c]) >= 0) continue;
      if (some != 0) some &= forms_of(rows[r][c], separator);
      below.insert(rows[r][c]);
      ++cells;
    }
    if (cells > 0 && some != 0 && missing.find(names[c]) < 0) values_below = true;
    few_below |= int64_t(below.size()) * 2 <= cells;
    again |= below.contains(names[c]);
    distinct &= !names[c].empty() && seen.insert(names[c]).second;
  }
  return values_below || (distinct && few_below && !again);
}

} // namespace

Dialect guess_dialect(ByteSpan head, const DialectOptions& options) {
  const auto with_quote = [&](char quote) -> std::pair<Separator, Cut> {
    if (options.separator) return {*options.separator, cut(head, {*options.separator, quote, false}, 200)};
    return guess_separator(head, quote);
  };
  Dialect dialect;
  auto [separator, found] = with_quote('"');
  if (found.rows_with_quotes == 0) {
    auto [other, single] = with_quote('\'');
    if (single.even() && single.rows_with_quotes * 2 >= int64_t(single.rows.size())) {
      dialect.quote = '\'';
      separator = other;
    }
  }
  dialect.separator = separator;
  dialect.header = options.header ? *options.header : guess_header(cut(head, dialect, 1000).rows, separator);
  return dialect;
}

bool looks_like_table(ByteSpan head) {
  constexpr size_t most = 200;
  const auto is_value = [](const std::string& cell, Separator separator) {
    static const MissingWords missing({});
    return forms_of(cell, separator) != 0 || missing.find(cell) >= 0;
  };
  for (const Separator separator :
       {Separator::semicolon, Separator::tab, Separator::bar, Separator::comma, Separator::blanks}) {
    const std::vector<Row> rows = cut(head, {separator, '"', false}, most).rows;
    std::map<size_t, size_t> of_width; // how many records have so many cells
    size_t cells = 0, values = 0, single_numbers = 0;
    for (const Row& row : rows) {
      ++of_width[row.size()];
      const auto found =
          size_t(std::ranges::count_if(row, [&](const auto& cell) { return is_value(cell, separator); }));
      cells += row.size();
      values += found;
      single_numbers += row.size() == 1 && found == 1;
    }
    if (rows.empty()) continue;
    const auto [width, alike] = *std::ranges::max_element(of_width, {}, [](const auto& one) { return one.second; });
    const auto nearly_all = [&](size_t count) { return 10 * count >= 9 * rows.size(); };
    if (rows.size() == 1 ? width > 1 && values == cells : nearly_all(single_numbers)) return true;
    if (rows.size() < 2 || width < 2 || !nearly_all(alike)) continue;
    if (separator != Separator::blanks || alike == rows.size() || 2 * values >= cells) return true;
  }
  return false;
}

} // namespace vitro

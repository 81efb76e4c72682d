#include "data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

bool blank(uint8_t c) { return c == ' ' || c == '\t'; }
bool line_end(uint8_t c) { return c == '\n' || c == '\r'; }

size_t after_byte_order_mark(ByteSpan bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0;
}

// A cell as error messages show it: short, on one line.
std::string shown(const std::string& cell) {
  std::string out;
  for (const char c : cell.substr(0, 24)) out += uint8_t(c) < 32 ? ' ' : c;
  return text("\"", out, cell.size() > 24 ? "..." : "", "\"");
}

// The whole of `cell` as a number, inf and nan included; the caller asks whether it is finite.
std::optional<double> to_number(std::string_view cell) {
  if (!cell.empty() && cell[0] == '+') cell.remove_prefix(1);
  if (cell.empty() || cell[0] == '+') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size()) return std::nullopt;
  // Out of range is far too large or far too small, and a float holds neither; the exponent's sign tells which.
  if (error == std::errc::result_out_of_range)
    return cell.find("e-") != cell.npos || cell.find("E-") != cell.npos ? 0 : std::numeric_limits<double>::infinity();
  if (error != std::errc()) return std::nullopt;
  return value;
}

} // namespace

Separator guess_separator(ByteSpan bytes) {
  bool semicolon = false, tab = false, bar = false, comma = false, quoted = false, any = false;
  for (size_t i = after_byte_order_mark(bytes); i < bytes.size(); ++i) {
    const uint8_t c = bytes[i];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (line_end(c)) {
      if (any) break; // blank lines above the first record decide nothing
      tab = false;
      continue;
    }
    any |= !blank(c);
    semicolon |= c == ';';
    tab |= c == '\t';
    bar |= c == '|';
    comma |= c == ',';
  }
  return semicolon ? Separator::semicolon
         : tab     ? Separator::tab
         : bar     ? Separator::bar
         : comma   ? Separator::comma
                   : Separator::blanks;
}

CsvRecords::CsvRecords(ByteSpan bytes, Separator separator, std::string where)
    : bytes_(bytes), separator_(separator), where_(std::move(where)), at_(after_byte_order_mark(bytes)) {}

bool CsvRecords::next(std::vector<CsvField>& fields) {
  fields.clear();
  const auto ends = [&] { return at_ == bytes_.size() || line_end(bytes_[at_]); };
  // With tabs between the fields a tab is not a blank around one.
  const auto skip_blanks = [&] {
    while (at_ < bytes_.size() && (bytes_[at_] == ' ' || (bytes_[at_] == '\t' && separator_ != Separator::tab))) ++at_;
  };
  const auto step_over_line_end = [&] {
    if (at_ == bytes_.size()) return;
    at_ += bytes_[at_] == '\r' && at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '\n' ? 2 : 1;
    ++line_;
  };
  skip_blanks();
  while (at_ < bytes_.size() && line_end(bytes_[at_])) {
    step_over_line_end();
    skip_blanks();
  }
  if (at_ == bytes_.size()) return false;

  record_line_ = line_;
  const auto between = uint8_t(character(separator_));
  while (true) {
    CsvField& field = fields.emplace_back();
    skip_blanks();
    if (!ends() && bytes_[at_] == '"') {
      field.quoted = true;
      const int64_t opened = line_;
      for (++at_;; ++at_) {
        if (at_ == bytes_.size()) bad_input(where_, text("line ", opened, ": a quote is opened and never closed"));
        const uint8_t c = bytes_[at_];
        if (c == '"') {
          if (at_ + 1 == bytes_.size() || bytes_[at_ + 1] != '"') break;
          ++at_; // a doubled quote stands for one
        }
        if (c == '\n') ++line_;
        field.text += char(c);
      }
      ++at_;
      const bool blanks_follow = !ends() && blank(bytes_[at_]);
      skip_blanks();
      if (!ends() && bytes_[at_] != between && !(separator_ == Separator::blanks && blanks_follow))
        bad_input(where_, text("line ", line_, ", column ", fields.size(), ": text follows a closing quote"),
                  "a quote inside a quoted field is written twice");
    } else {
      const size_t first = at_;
      while (!ends() && bytes_[at_] != between && !(separator_ == Separator::blanks && blank(bytes_[at_]))) {
        if (bytes_[at_] == 0) bad_input(where_, text("line ", line_, ": holds a zero byte, so it is no text file"));
        ++at_;
      }
      size_t last = at_;
      while (last > first && blank(bytes_[last - 1])) --last;
      field.text.assign(reinterpret_cast<const char*>(bytes_.data()) + first, last - first);
    }
    if (separator_ == Separator::blanks) {
      skip_blanks();
      if (!ends()) continue;
    } else if (!ends()) {
      ++at_;
      continue;
    }
    step_over_line_end();
    return true;
  }
}

namespace {

struct CsvTable {
  std::vector<std::string> header; // "" where the file names no columns
  bool named = false;
  std::vector<std::vector<std::string>> columns;
  std::vector<int64_t> lines; // of each row, for messages

  std::string column(size_t c) const {
    return named ? text("column ", c + 1, " (", header[c], ")") : text("column ", c + 1);
  }
};

// All records as columns of text, every row as long as the first.
CsvTable read_csv_table(ByteSpan bytes, const std::string& where, const CsvOptions& options) {
  const Separator separator = options.separator.value_or(guess_separator(bytes));
  CsvRecords records(bytes, separator, where);
  std::vector<CsvField> fields, second;
  if (!records.next(fields)) bad_input(where, "is empty: it has no row");
  const int64_t first_line = records.line();

  CsvTable table;
  const auto add = [&](std::vector<CsvField>& row, int64_t line) {
    if (row.size() != table.header.size())
      bad_input(where,
                text("line ", line, " has ", row.size(), row.size() == 1 ? " column" : " columns", ", line ",
                     first_line, " has ", table.header.size()),
                text("every row must have as many; fields were separated by ", name(separator)));
    for (size_t c = 0; c < row.size(); ++c) table.columns[c].push_back(std::move(row[c].text));
    table.lines.push_back(line);
  };
  const auto has_number = [](const std::vector<CsvField>& row) {
    return std::any_of(row.begin(), row.end(), [](const CsvField& f) { return to_number(f.text).has_value(); });
  };
  table.header.resize(fields.size());
  table.columns.resize(fields.size());
  const bool more = records.next(second);
  table.named = options.header.value_or(more && !has_number(fields) && has_number(second));
  if (table.named) {
    std::set<std::string> seen;
    for (size_t c = 0; c < fields.size(); ++c) {
      table.header[c] = fields[c].text.empty() ? text("column ", c + 1) : fields[c].text;
      if (!seen.insert(table.header[c]).second)
        bad_input(where, text("two columns are called ", shown(table.header[c])), "every column needs its own name");
    }
  } else {
    add(fields, first_line);
  }
  if (more) do
      add(second, records.line());
    while (records.next(second));
  if (table.lines.empty()) bad_input(where, "has a header and no row");
  return table;
}

// Position of a column by name, or from 1 (from the end where negative).
size_t find_column(const CsvTable& table, const std::string& word, const std::string& where) {
  const auto columns = int64_t(table.header.size());
  if (word.empty()) return size_t(columns - 1);
  if (table.named)
    for (size_t c = 0; c < table.header.size(); ++c)
      if (table.header[c] == word) return c;
  int64_t position = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), position);
  if (error == std::errc() && end == word.data() + word.size()) {
    if (position < 0) position += columns + 1;
    if (position >= 1 && position <= columns) return size_t(position - 1);
    bad_input(where, text("no column ", word, ": there are ", columns), "columns count from 1, -1 is the last");
  }
  if (!table.named)
    bad_input(where, text("no column is called ", shown(word), ": the file has no header"),
              text("name the column by its position, 1 to ", columns));
  bad_input(where, text("no column is called ", shown(word), did_you_mean(word, table.header)),
            text("the columns are ", join(table.header, ", ")));
}

double number_in(const CsvTable& table, size_t row, size_t c, const std::string& where) {
  const std::string& cell = table.columns[c][row];
  const std::string at = text("line ", table.lines[row], ", ", table.column(c), ": ");
  if (cell.empty()) bad_input(where, text(at, "is empty, a number was expected"));
  const std::optional<double> value = to_number(cell);
  if (!value)
    bad_input(where, text(at, shown(cell), " is not a number"),
              text("every column but the target must hold numbers",
                   row == 0 && !table.named ? "; say header=true if this row names the columns" : ""));
  if (!std::isfinite(*value) || std::fabs(*value) > double(std::numeric_limits<float>::max()))
    bad_input(where, text(at, shown(cell), " is not a finite number that a float holds"));
  return *value;
}

// [rows, columns] of the columns `which`, in this order.
Tensor numbers_of(const CsvTable& table, std::span<const size_t> which, const std::string& where,
                  DType dtype = DType::f32) {
  const size_t n = table.lines.size();
  Tensor out(Type{dtype, {int64_t(n), int64_t(which.size())}});
  for (size_t row = 0; row < n; ++row)
    for (size_t i = 0; i < which.size(); ++i)
      out.set(int64_t(row * which.size() + i), number_in(table, row, which[i], where));
  return out;
}

// Class names in the order of their labels: numbers by value ("1" and "1.0" are one class), texts by their bytes.
std::vector<std::string> names_in_order(std::span<const std::string> cells) {
  const bool numbers = std::all_of(cells.begin(), cells.end(), [](const auto& c) { return to_number(c).has_value(); });
  if (!numbers) {
    const std::set<std::string> distinct(cells.begin(), cells.end());
    return {distinct.begin(), distinct.end()};
  }
  std::set<double> distinct;
  for (const std::string& cell : cells) distinct.insert(*to_number(cell));
  std::vector<std::string> names;
  for (const double value : distinct) names.push_back(number(value));
  return names;
}

Tensor labels_of(const CsvTable& table, size_t c, std::span<const std::string> classes, const std::string& where) {
  std::map<std::string_view, int32_t> label;
  for (size_t i = 0; i < classes.size(); ++i) label[classes[i]] = int32_t(i);
  Tensor out(Type{DType::i32, {int64_t(table.lines.size())}});
  for (size_t row = 0; row < table.lines.size(); ++row) {
    const std::string& cell = table.columns[c][row];
    auto found = label.find(cell);
    if (const auto value = to_number(cell); found == label.end() && value) found = label.find(number(*value));
    if (found == label.end())
      bad_input(where,
                text("line ", table.lines[row], ", ", table.column(c), ": ", shown(cell), " is no class",
                     did_you_mean(cell, {classes.begin(), classes.end()})),
                text("the classes are ", join({classes.begin(), classes.end()}, ", ")));
    out.as<int32_t>()[row] = found->second;
  }
  return out;
}

} // namespace

Goal guess_goal(std::span<const std::string> cells) {
  std::set<double> distinct;
  for (const std::string& cell : cells) {
    const std::optional<double> value = to_number(cell);
    if (!value) return Goal::classes;
    if (*value != std::floor(*value)) return Goal::numbers;
    distinct.insert(*value);
    if (distinct.size() > 20) return Goal::numbers;
  }
  return distinct.size() <= 2 || distinct.size() * 4 <= cells.size() ? Goal::classes : Goal::numbers;
}

Dataset read_csv(ByteSpan bytes, const std::string& name, const std::string& where, const CsvOptions& options) {
  const CsvTable table = read_csv_table(bytes, where, options);
  if (table.header.size() < 2)
    bad_input(where, "has one column, at least one of numbers and one to predict were expected",
              "fields are separated by , ; tab | or blanks");
  const size_t target = find_column(table, options.target, where);
  const std::vector<std::string>& cells = table.columns[target];

  Dataset data;
  Schema& schema = data.schema;
  schema.name = name;
  schema.goal = options.goal.value_or(guess_goal(cells));
  std::vector<size_t> which;
  for (size_t c = 0; c < table.header.size(); ++c) {
    if (c == target) continue;
    which.push_back(c);
    schema.features.push_back(table.named ? table.header[c] : text("column ", c + 1));
  }
  schema.targets = {table.named ? table.header[target] : text("column ", target + 1)};
  schema.sample = {int64_t(which.size())};
  schema.input.mean.assign(which.size(), 0);
  schema.input.deviation.assign(which.size(), 1);
  schema.raw = options.dtype;
  data.samples = numbers_of(table, which, where, schema.raw);

  if (schema.goal == Goal::numbers) {
    data.targets = numbers_of(table, std::span(&target, 1), where);
    data.labels = Tensor(Type{DType::i32, {0}});
  } else {
    for (size_t row = 0; row < cells.size(); ++row)
      if (cells[row].empty())
        bad_input(where,
                  text("line ", table.lines[row], ", ", table.column(target), ": is empty, a class was expected"));
    schema.classes = names_in_order(cells);
    if (schema.classes.size() < 2)
      bad_input(where,
                text(table.column(target), " is ", shown(schema.classes[0]), " in every row: nothing to tell apart"),
                "name the column to predict with target=");
    if (schema.classes.size() > 20 && schema.classes.size() * 2 > cells.size())
      bad_input(where,
                text(table.column(target), " holds ", schema.classes.size(), " different texts in ", cells.size(),
                     " rows: that names the rows, it does not class them"),
                "name the column to predict with target=");
    data.labels = labels_of(table, target, schema.classes, where);
    data.targets = Tensor(Type{DType::f32, {0}});
  }
  data.origin = {where, "line", table.lines};
  schema.description =
      text(cells.size(), " rows of ", which.size(), which.size() == 1 ? " number" : " numbers", " from a CSV file; ",
           schema.goal == Goal::classes ? text(schema.classes.size(), " classes") : std::string("a number"), " in ",
           shown(schema.targets[0]));
  check(data, where);
  return data;
}

CsvSamples csv_samples(ByteSpan bytes, const Schema& schema, const std::string& where, const CsvOptions& options) {
  const CsvTable table = read_csv_table(bytes, where, options);
  const auto features = schema.sample.elements();
  const auto columns = int64_t(table.header.size());
  std::vector<size_t> which;
  std::optional<size_t> target;
  const auto place_of = [&](const std::string& column) -> std::optional<size_t> {
    for (size_t c = 0; c < table.header.size(); ++c)
      if (table.header[c] == column) return c;
    return std::nullopt;
  };
  const bool by_name = table.named && !schema.features.empty() &&
                       std::all_of(schema.features.begin(), schema.features.end(),
                                   [&](const std::string& f) { return place_of(f).has_value(); });
  if (by_name) {
    for (const std::string& feature : schema.features) which.push_back(*place_of(feature));
    if (!options.target.empty())
      target = find_column(table, options.target, where);
    else if (!schema.targets.empty())
      target = place_of(schema.targets[0]);
  } else {
    if (columns != features && columns != features + 1) {
      std::string missing;
      if (table.named)
        for (const std::string& f : schema.features)
          if (missing.empty() && !place_of(f)) missing = text(" and none is called ", shown(f));
      bad_input(where, text("has ", columns, " columns", missing, ", the net takes ", features, " numbers"),
                "give the columns that it was trained on, with or without the one to predict");
    }
    if (columns == features + 1) {
      // Without names the target lies where it lay in training: the one position that no feature had.
      std::string position = options.target;
      if (position.empty() && !schema.targets.empty()) {
        if (!schema.targets[0].starts_with("column "))
          bad_input(where, text("has ", columns, " columns without names: which is ", shown(schema.targets[0]), "?"),
                    "give it the header of the training file, or say target=POSITION");
        position = schema.targets[0].substr(7);
      }
      target = find_column(table, position, where);
    }
    for (size_t c = 0; c < table.header.size(); ++c)
      if (c != target) which.push_back(c);
  }

  CsvSamples out;
  Dataset& data = out.data;
  data = empty_like(schema);
  Tensor numbers = numbers_of(table, which, where, schema.raw == DType::f64 ? DType::f64 : DType::f32);
  std::vector<int64_t> extents = schema.sample.list();
  extents.insert(extents.begin(), int64_t(table.lines.size()));
  if (schema.raw == DType::u8)
    for (int64_t i = 0; i < numbers.elements(); ++i)
      if (const double v = numbers.at(i); v < 0 || v > 255 || v != std::floor(v))
        bad_input(where,
                  text("line ", table.lines[size_t(i / features)], ": ", v, " is no pixel, 0 to 255 was expected"));
  data.samples = numbers.to(schema.raw).reshaped(Shape(extents));
  if (!target) return out;
  out.labelled = true;
  if (schema.goal == Goal::classes)
    data.labels = labels_of(table, *target, schema.classes, where);
  else
    data.targets = numbers_of(table, std::span(&*target, 1), where);
  check(data, where);
  return out;
}

} // namespace vitro

#include "data/tabular.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data/match.h"

namespace vitro {
namespace {

// Names in the order of their labels: numbers by value, texts by their bytes.
std::vector<std::string> classes_of(const TableColumn& column, std::span<const int64_t> rows) {
  if (column.type == CellType::text) {
    std::vector<char> there(column.words.size(), 0);
    for (const int64_t row : rows) there[size_t(column.codes[size_t(row)])] = 1;
    std::vector<std::string> out;
    for (size_t i = 0; i < there.size(); ++i)
      if (there[i]) out.push_back(column.words[i]);
    std::sort(out.begin(), out.end());
    return out;
  }
  std::set<double> distinct;
  for (const int64_t row : rows) distinct.insert(column.numbers[size_t(row)]);
  std::vector<std::string> out;
  for (const double value : distinct) out.push_back(number(value));
  return out;
}

// Labels of `rows`. A class written with a full stop behind it ("<=50K." in the test part of the UCI's adult) is that
// class.
Tensor labels_of(const RawTable& table, size_t target, std::span<const int64_t> rows,
                 const std::vector<std::string>& classes) {
  std::map<std::string_view, int32_t> label;
  for (size_t i = 0; i < classes.size(); ++i) label[classes[i]] = int32_t(i);
  Tensor out(Type{DType::i32, {int64_t(rows.size())}});
  int32_t* to = out.as<int32_t>().data();
  for (const int64_t row : rows) {
    const std::string cell = cell_name(table.columns[target], row);
    auto found = label.find(cell);
    if (found == label.end() && cell.ends_with('.'))
      found = label.find(std::string_view(cell).substr(0, cell.size() - 1));
    if (found == label.end())
      bad_input(table.where,
                text(place(table, target, row), ": ", quoted(cell), " is no class", did_you_mean(cell, classes)),
                text("the classes are ", join(classes, ", ")));
    *to++ = found->second;
  }
  return out;
}

Tensor targets_of(const RawTable& table, size_t target, std::span<const int64_t> rows) {
  Tensor out(Type{DType::f32, {int64_t(rows.size()), 1}});
  float* to = out.as<float>().data();
  for (const int64_t row : rows) {
    *to = float(table.columns[target].numbers[size_t(row)]);
    if (!std::isfinite(*to++))
      bad_input(table.where, text(place(table, target, row), ": ", table.columns[target].numbers[size_t(row)],
                                  " is more than a float holds"));
  }
  return out;
}

Dataset dataset_of(const RawTable& table, const Kept& kept, std::optional<size_t> target, std::span<const int64_t> rows,
                   const Schema& schema) {
  Dataset out = empty_like(schema);
  out.samples = Tensor(Type{schema.raw, {int64_t(rows.size()), int64_t(kept.index.size())}});
  read_samples(table, kept, rows, out.samples);
  if (target && schema.goal == Goal::classes) out.labels = labels_of(table, *target, rows, schema.classes);
  if (target && schema.goal == Goal::numbers) out.targets = targets_of(table, *target, rows);
  out.origin = {table.where, "line", {}};
  out.origin.places.reserve(rows.size());
  for (const int64_t row : rows) out.origin.places.push_back(table.lines[size_t(row)]);
  return out;
}

std::vector<int64_t> rows_with(const RawTable& table, size_t target) {
  std::vector<int64_t> out;
  for (int64_t row = 0; row < table.rows(); ++row)
    if (!is_missing(table.columns[target], row)) out.push_back(row);
  return out;
}

// 0, 1, 2, ... by the value in the column; rows without one are a group each.
std::vector<int32_t> groups_of(const RawTable& table, size_t column, std::span<const int64_t> rows) {
  std::map<std::string, int32_t> known;
  std::vector<int32_t> out;
  int32_t next = 0;
  for (const int64_t row : rows) {
    if (is_missing(table.columns[column], row)) {
      out.push_back(next++);
      continue;
    }
    const auto [at, fresh] = known.emplace(cell_name(table.columns[column], row), next);
    next += fresh;
    out.push_back(at->second);
  }
  return out;
}

double share_of(const std::optional<double>& asked, double otherwise, int64_t n, const char* what,
                const std::string& where) {
  if (!asked) return otherwise;
  if (!(*asked >= 0) || (*asked >= 1 && *asked != std::floor(*asked)) || *asked >= double(n))
    bad_input(where, text(what, " is ", *asked, ": a share from 0 to below 1, or a number of samples below ", n,
                          ", was expected"));
  return *asked < 1 ? *asked : *asked / double(n);
}

std::vector<int64_t> chosen(std::span<const int64_t> rows, const std::vector<int64_t>& which) {
  std::vector<int64_t> out;
  out.reserve(which.size());
  for (const int64_t i : which) out.push_back(rows[size_t(i)]);
  return out;
}

class Opening {
public:
  Opening(ByteSource& source, const std::string& path, const std::string& name, const TabularOptions& options)
      : options_(options), table_(read_table(source, {.dialect = options.dialect, .missing = options.missing}, path)),
        name_(name) {}

  Splits open() {
    if (table_.columns.size() < 2)
      bad_input(table_.where, "has one column, at least one to learn from and one to predict were expected",
                "fields are separated by , ; tab | or blanks");
    if (table_.rows() == 1)
      bad_input(table_.where,
                table_.dialect.header ? "has a header and one row"
                                      : "has one line: a header without a row, or a row alone",
                "more rows to learn from were expected");
    find_target();
    find_parts();
    plan_columns();
    if (!options_.test_file.empty()) test_table_.emplace(read_test_table());
    return made();
  }

private:
  // The test part's file: its columns are read as the training file's are.
  RawTable read_test_table() const {
    TableOptions reading{.dialect = options_.dialect, .missing = options_.missing};
    reading.dialect.header = table_.dialect.header;
    for (const Column& column : kept_.columns) {
      reading.types[column.name] = column.cells;
      reading.formats[column.name] = column.format;
    }
    reading.types[table_.columns[target_].name] = table_.columns[target_].type;
    reading.formats[table_.columns[target_].name] = table_.columns[target_].format;
    ByteSource source = ByteSource::open(options_.test_file);
    return read_table(source, reading, options_.test_file);
  }

  void remark(std::string line) { remarks_.push_back(std::move(line)); }

  void find_target() {
    target_ = options_.target.empty() ? table_.columns.size() - 1 : find_column(table_, options_.target);
    const TableColumn& column = table_.columns[target_];
    rows_ = rows_with(table_, target_);
    if (rows_.empty()) bad_input(table_.where, text(quoted(column.name), " is missing in every row: nothing to learn"));
    if (column.various)
      bad_input(table_.where,
                text(quoted(column.name),
                     " holds more than 65,536 different texts: that names the rows, it does not class them"),
                "name the column to predict with --target");
    schema_.goal = options_.goal.value_or(guess_goal(column, table_.where));
    if (schema_.goal == Goal::numbers && column.type != CellType::number)
      bad_input(table_.where,
                text(quoted(column.name), " holds ", column.type == CellType::date ? "dates" : "texts", ", no numbers"),
                "goal=classification, or name the column to predict with --target");
    remark(text("target: ", column.name,
                options_.target.empty() ? ", the last column (--target NAME names another)" : "", "; ",
                vitro::name(schema_.goal), options_.goal ? " as asked" : ""));
    if (const auto without = table_.rows() - int64_t(rows_.size()); without > 0)
      remark(text(without, without == 1 ? " row has" : " rows have", " no ", column.name, " and ",
                  without == 1 ? "is" : "are", " left out"));
    if (schema_.goal == Goal::classes) {
      schema_.classes = classes_of(column, rows_);
      if (schema_.classes.size() < 2)
        bad_input(table_.where,
                  text(quoted(column.name), " is ", quoted(schema_.classes[0]), " in every row: nothing to tell apart"),
                  "name the column to predict with --target");
    }
    schema_.targets = {column.name};
  }

  void find_parts() {
    const auto n = int64_t(rows_.size());
    Tensor labels(Type{DType::i32, {0}});
    if (schema_.goal == Goal::classes) labels = labels_of(table_, target_, rows_, schema_.classes);
    const auto label = labels.as<int32_t>();
    std::vector<int32_t> groups;
    if (!options_.group.empty()) {
      group_ = find_column(table_, options_.group);
      groups = groups_of(table_, *group_, rows_);
    }
    const std::string& where = table_.where;
    const bool own_test = !options_.test_file.empty(), folded = options_.folds > 0;
    if ((own_test || folded) && options_.test.value_or(0) > 0)
      bad_input(where,
                text("test is ", *options_.test, ", but ",
                     own_test ? "the test part has a file of its own" : "folds are asked for"),
                "leave test out");
    if (own_test && folded) bad_input(where, "folds and a test file exclude each other");
    std::vector<int64_t> left(static_cast<size_t>(n));
    std::iota(left.begin(), left.end(), int64_t{0});
    if (folded) {
      if (options_.fold < 1 || options_.fold > options_.folds)
        bad_input(where, text("fold is ", options_.fold, " of ", options_.folds), "folds count from 1");
      const std::vector<int32_t> fold = deal_folds(n, label, groups, options_.folds, options_.seed);
      left.clear();
      for (int64_t i = 0; i < n; ++i) (fold[size_t(i)] + 1 == options_.fold ? test_ : left).push_back(i);
    }
    const bool deals_test = !own_test && !folded;
    const auto m = int64_t(left.size());
    const double validation = share_of(options_.validation, 0, m, "validation", where);
    const double test = deals_test ? share_of(options_.test, 0.2, m, "test", where) : 0;
    std::vector<int32_t> left_labels, left_groups;
    for (const int64_t i : left) {
      if (!label.empty()) left_labels.push_back(label[size_t(i)]);
      if (!groups.empty()) left_groups.push_back(groups[size_t(i)]);
    }
    // Groups count anew among the rows that are left.
    std::map<int32_t, int32_t> anew;
    for (int32_t& group : left_groups) group = anew.emplace(group, int32_t(anew.size())).first->second;
    const SplitRows parts = left_groups.empty() ? split_rows(m, left_labels, validation, test, options_.seed)
                                                : split_groups(left_groups, validation, test, options_.seed);
    train_ = chosen(rows_, chosen(left, parts.train));
    validation_ = chosen(rows_, chosen(left, parts.validation));
    test_ = chosen(rows_, folded ? test_ : chosen(left, parts.test));
    if (options_.samples) {
      if (*options_.samples < 1 || *options_.samples > int64_t(train_.size()))
        bad_input(where, text("samples is ", *options_.samples, ", 1 to ", train_.size(), " was expected"));
      train_.resize(size_t(*options_.samples));
    }
  }

  void plan_columns() {
    std::map<size_t, std::string> words;
    for (const auto& [column, word] : options_.columns) words[find_column(table_, column)] = word;
    for (const std::string& column : options_.drop) words[find_column(table_, column)] = "drop";
    if (words.contains(target_))
      bad_input(table_.where,
                text(quoted(table_.columns[target_].name), " is the column to predict, so it is none to learn from"));
    for (size_t c = 0; c < table_.columns.size(); ++c) {
      if (c == target_) continue;
      ColumnPlan plan = plan_column(table_, c, words[c], table_.where);
      if (c == group_ && plan.left_out.empty()) plan.left_out = "it groups the rows";
      if (!plan.left_out.empty()) {
        schema_.left_out.push_back({table_.columns[c].name, plan.left_out});
        continue;
      }
      kept_.index.push_back(c);
      kept_.columns.push_back(make_column(table_, plan, train_));
    }
    if (kept_.columns.empty()) {
      std::vector<std::string> why;
      for (const LeftOut& one : schema_.left_out) why.push_back(text(one.name, " (", one.reason, ")"));
      bad_input(table_.where, text("no column is left to learn from: ", join(why, ", ")));
    }
  }

  Splits made() {
    schema_.name = name_;
    schema_.raw = options_.dtype;
    schema_.header = table_.dialect.header;
    schema_.sample = {int64_t(kept_.columns.size())};
    for (const Column& column : kept_.columns) schema_.features.push_back(column.name);
    schema_.description =
        text(rows_.size(), " rows and ", kept_.columns.size(), kept_.columns.size() == 1 ? " column" : " columns",
             " of a table; ",
             schema_.goal == Goal::classes ? text(schema_.classes.size(), " classes") : std::string("a number"), " in ",
             quoted(schema_.targets[0]));
    schema_.columns = kept_.columns;
    Splits out;
    out.train = dataset_of(table_, kept_, target_, train_, schema_);
    std::vector<double> values(train_.size());
    for (size_t c = 0; c < kept_.columns.size(); ++c) {
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = out.train.samples.at(int64_t(i * kept_.columns.size() + c));
      fit_column(schema_.columns[c], values, options_.standardise);
    }
    if (schema_.goal == Goal::numbers && options_.standardise) schema_.target = standardise(out.train.targets);
    out.train.schema = schema_;
    out.validation = dataset_of(table_, kept_, target_, validation_, schema_);
    out.test = test_table_ ? test_part() : dataset_of(table_, kept_, target_, test_, schema_);
    out.files = {table_.where};
    if (test_table_) out.files.push_back(test_table_->where);
    check(out.train, table_.where);
    out.remarks = std::move(remarks_);
    return out;
  }

  Dataset test_part();

  const TabularOptions& options_;
  const RawTable table_;
  const std::string name_;
  std::optional<RawTable> test_table_;
  size_t target_ = 0;
  std::optional<size_t> group_;
  std::vector<int64_t> rows_, train_, validation_, test_; // of the table
  Kept kept_;
  Schema schema_;
  std::vector<std::string> remarks_;
};

// The place of each element of a sample that is no table's row, and of the target: by the features' names, else by
// position, with or without a column to predict.
Matched match_numbers(const RawTable& table, const Schema& schema, const std::string& target_word) {
  const auto elements = schema.sample.elements(), columns = int64_t(table.columns.size());
  Matched out;
  for (const std::string& feature : schema.features)
    for (size_t c = 0; c < table.columns.size(); ++c)
      if (table.columns[c].name == feature) out.kept.index.push_back(c);
  if (!schema.features.empty() && int64_t(out.kept.index.size()) == elements) {
    for (size_t c = 0; c < table.columns.size() && !schema.targets.empty(); ++c)
      if (table.columns[c].name == schema.targets[0]) out.target = c;
    if (!target_word.empty()) out.target = find_column(table, target_word);
  } else {
    if (columns != elements && columns != elements + 1)
      bad_input(table.where, text("has ", columns, " columns, the net takes ", elements, " numbers"),
                "give the numbers of a sample in each row, with or without a column to predict");
    if (columns == elements + 1) out.target = target_word.empty() ? size_t(elements) : find_column(table, target_word);
    out.kept.index.clear();
    for (size_t c = 0; c < table.columns.size(); ++c)
      if (c != out.target) out.kept.index.push_back(c);
  }
  for (const size_t c : out.kept.index) {
    if (table.columns[c].type != CellType::number || table.columns[c].missing > 0)
      bad_input(table.where,
                text("column ", table.columns[c].name,
                     table.columns[c].type != CellType::number ? " holds texts, numbers were expected"
                                                               : " has an empty cell, a number was expected in each"));
    out.kept.columns.push_back({.name = table.columns[c].name});
  }
  return out;
}

Dataset numbers_as(const RawTable& table, const Schema& schema, const Matched& matched, std::span<const int64_t> rows,
                   std::optional<size_t> target) {
  Dataset out = dataset_of(table, matched.kept, target, rows, [&] {
    Schema wide = schema;
    if (schema.raw == DType::u8) wide.raw = DType::f32;
    return wide;
  }());
  if (schema.raw == DType::u8)
    for (int64_t i = 0; i < out.samples.elements(); ++i)
      if (const double v = out.samples.at(i); v < 0 || v > 255 || v != std::floor(v))
        bad_input(table.where, text("line ", table.lines[size_t(i / schema.sample.elements())], ": ", v,
                                    " is no pixel, 0 to 255 was expected"));
  std::vector<int64_t> extents = schema.sample.list();
  extents.insert(extents.begin(), int64_t(rows.size()));
  out.samples = out.samples.to(schema.raw).reshaped(Shape(extents));
  out.schema = schema;
  return out;
}

// The cells of some columns as they are written.
std::vector<std::pair<std::string, std::vector<std::string>>> cells_of(ByteSource& source, const RawTable& table,
                                                                       const std::vector<std::string>& columns) {
  std::vector<size_t> index;
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const std::string& column : columns) {
    index.push_back(find_column(table, column));
    out.emplace_back(table.columns[index.back()].name, std::vector<std::string>());
  }
  if (columns.empty()) return out;
  Records records(source, table.dialect, table.where);
  std::vector<Cell> cells;
  if (table.dialect.header) records.next(cells);
  for (int64_t row = 0; row < table.rows(); ++row) {
    if (!records.next(cells) || cells.size() != table.columns.size())
      failure(table.where, "changed while it was read", "read it again when nobody writes to it");
    for (size_t i = 0; i < index.size(); ++i) out[i].second.emplace_back(cells[index[i]].text);
  }
  return out;
}

Dataset Opening::test_part() {
  const RawTable& table = *test_table_;
  const Matched matched = match(table, schema_);
  if (!matched.target)
    bad_input(table.where, text("has no column ", quoted(schema_.targets[0]), ", so it can't judge predictions of it"),
              "vitro predict takes rows without a target");
  return dataset_of(table, matched.kept, matched.target, rows_with(table, *matched.target), schema_);
}

} // namespace

Goal guess_goal(const TableColumn& column, const std::string& where) {
  const std::string help = "name the column to predict with --target, by name or position";
  const auto present =
      int64_t(column.type == CellType::text ? column.codes.size() : column.numbers.size()) - column.missing;
  if (column.type == CellType::date)
    bad_input(where, text(quoted(column.name), " holds dates: nothing that a net predicts"), help);
  if (column.type == CellType::text) {
    const auto different = int64_t(column.words.size());
    if ((different > 20 && different * 2 > present) || (different > 2 && different == present))
      bad_input(where,
                text(quoted(column.name), " holds ", different, " different texts in ", present,
                     " rows: that names the rows, it does not class them"),
                help);
    return Goal::classes;
  }
  std::set<double> distinct;
  bool whole = true;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const double value : column.numbers) {
    if (std::isnan(value)) continue;
    whole &= value == std::floor(value);
    low = std::min(low, value);
    high = std::max(high, value);
    if (distinct.size() <= 20) distinct.insert(value);
  }
  if (low == high)
    bad_input(where, text(quoted(column.name), " is ", number(low), " in every row: nothing to learn"), help);
  if (!whole) return Goal::numbers;
  if (distinct.size() <= 2 || (distinct.size() <= 20 && int64_t(distinct.size()) * 4 <= present)) return Goal::classes;
  if (present > 20 && high - low + 1 == double(present)) {
    std::vector<double> sorted;
    for (const double value : column.numbers)
      if (!std::isnan(value)) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end())
      bad_input(where, text(quoted(column.name), " counts the rows: nothing that a net predicts"), help);
  }
  return Goal::numbers;
}

Splits open_table(ByteSource& source, const std::string& path, const std::string& name, const TabularOptions& options) {
  return Opening(source, path, name, options).open();
}

TableSamples open_table_as(ByteSource& source, const Schema& schema, const std::string& path,
                           const TabularOptions& options) {
  const bool of_table = !schema.columns.empty();
  const auto [table, matched] = [&]() -> std::pair<RawTable, Matched> {
    if (of_table) return read_as(source, schema, path, options);
    RawTable numbers = read_table(source, {.dialect = options.dialect, .least_columns = 1}, path);
    Matched places = match_numbers(numbers, schema, options.target);
    return {std::move(numbers), std::move(places)};
  }();
  TableSamples out;
  std::vector<int64_t> rows(static_cast<size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  // A target that is missing in some rows judges none of them.
  out.labelled = matched.target && int64_t(rows_with(table, *matched.target).size()) == table.rows();
  const std::optional<size_t>& judged = matched.target;
  const std::optional<size_t> nobody;
  const std::optional<size_t>& target = out.labelled ? judged : nobody;
  out.data = of_table ? dataset_of(table, matched.kept, target, rows, schema)
                      : numbers_as(table, schema, matched, rows, target);
  if (out.labelled) check(out.data, path);
  out.kept = cells_of(source, table, options.keep);
  return out;
}

} // namespace vitro

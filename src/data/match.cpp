#include "data/match.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

std::vector<std::string> names_of(const RawTable& table) {
  std::vector<std::string> out;
  for (const TableColumn& column : table.columns) out.push_back(column.name);
  return out;
}

std::string columns_text(const std::vector<std::string>& names) {
  std::vector<std::string> some(names.begin(), names.begin() + std::min<long>(8, long(names.size())));
  for (std::string& one : some) one = quoted(one);
  return join(some, ", ") + (names.size() > 8 ? text(" and ", names.size() - 8, " more") : std::string());
}

template <class Number>
void read_samples(const RawTable& table, const Kept& kept, std::span<const int64_t> rows, Number* all) {
  const size_t width = kept.index.size();
  for (size_t c = 0; c < width; ++c) {
    const std::vector<double> values = raw_values(table, kept.index[c], rows, kept.columns[c]);
    for (size_t i = 0; i < rows.size(); ++i) {
      all[i * width + c] = Number(values[i]);
      if (std::isfinite(values[i]) && !std::isfinite(all[i * width + c]))
        bad_input(table.where,
                  text(place(table, kept.index[c], rows[i]), ": ", values[i], " is more than a float holds"));
    }
  }
}

} // namespace

size_t find_column(const RawTable& table, const std::string& word) {
  const auto count = int64_t(table.columns.size());
  for (size_t c = 0; c < table.columns.size(); ++c)
    if (table.columns[c].name == word) return c;
  int64_t position = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), position);
  if (error == std::errc() && end == word.data() + word.size()) {
    if (position < 0) position += count + 1;
    if (position >= 1 && position <= count) return size_t(position - 1);
    bad_input(table.where, text("no column ", word, ": there are ", count), "columns count from 1, -1 is the last");
  }
  if (!table.dialect.header)
    bad_input(table.where, text("no column is called ", quoted(word), ": the file has no header"),
              text("name the column by its position, 1 to ", count, ", or say header=true"));
  bad_input(table.where, text("no column is called ", quoted(word), did_you_mean(word, names_of(table))),
            text("the columns are ", join(names_of(table), ", ")));
}

std::string place(const RawTable& table, size_t column, int64_t row) {
  return text("line ", table.lines[size_t(row)], ", column ", table.columns[column].name);
}

void read_samples(const RawTable& table, const Kept& kept, std::span<const int64_t> rows, Tensor& out) {
  if (out.dtype() == DType::f64)
    read_samples(table, kept, rows, out.as<double>().data());
  else
    read_samples(table, kept, rows, out.as<float>().data());
}

Matched match(const RawTable& table, const Schema& schema) {
  Matched out{.kept = {.index = {}, .columns = schema.columns}, .target = {}};
  const auto place_of = [&](const std::string& name) -> std::optional<size_t> {
    for (size_t c = 0; c < table.columns.size(); ++c)
      if (table.columns[c].name == name) return c;
    return std::nullopt;
  };
  // A series is forecast by its own past: nothing but the columns is needed.
  const std::string target = schema.forecast ? std::string() : schema.targets[0];
  // Without names the file may lack the one column to predict: then those behind it have moved up by one.
  const size_t all = schema.columns.size() + schema.left_out.size() + (target.empty() ? 0 : 1);
  size_t shifted_from = all;
  if (!schema.header && !target.empty() && table.columns.size() + 1 == all) {
    for (size_t c = 0; c < all; ++c)
      if (target == text("column ", c + 1)) shifted_from = c;
  } else if (!schema.header && table.columns.size() != all) {
    bad_input(
        table.where,
        text("has ", table.columns.size(), " columns, the net was trained on a table of ", all, " without a header"),
        target.empty() ? "give the same columns" : text("give the same columns, with or without ", quoted(target)));
  }
  std::vector<std::string> missing, extra;
  for (const Column& column : schema.columns) {
    std::optional<size_t> at;
    if (schema.header) {
      at = place_of(column.name);
    } else {
      for (size_t c = 0; c < all; ++c)
        if (column.name == text("column ", c + 1)) at = c > shifted_from ? c - 1 : c;
    }
    if (at)
      out.kept.index.push_back(*at);
    else
      missing.push_back(column.name);
  }
  if (!missing.empty()) {
    for (const TableColumn& column : table.columns) {
      const auto same = [&](const auto& one) { return one.name == column.name; };
      if (column.name != target && std::ranges::none_of(schema.columns, same) &&
          std::ranges::none_of(schema.left_out, same))
        extra.push_back(column.name);
    }
    bad_input(table.where,
              text("has no column ", columns_text(missing),
                   extra.empty() ? std::string() : text("; unknown to the net: ", columns_text(extra))),
              "give the columns that it was trained on; their order does not matter");
  }
  if (target.empty()) return out;
  if (schema.header || shifted_from == all) out.target = place_of(target);
  return out;
}

std::pair<RawTable, Matched> read_as(ByteSource& source, const Schema& schema, const std::string& path,
                                     const TabularOptions& options) {
  TableOptions reading{.dialect = options.dialect, .missing = options.missing, .least_columns = 1};
  reading.dialect.header = schema.header;
  for (const bool again : {false, true}) {
    RawTable table = read_table(source, reading, path);
    Matched matched = match(table, schema);
    bool as_trained = true;
    for (size_t c = 0; c < schema.columns.size(); ++c) {
      const Column& column = schema.columns[c];
      const TableColumn& found = table.columns[matched.kept.index[c]];
      as_trained &= found.type == column.cells && found.format == column.format;
      reading.types[found.name] = column.cells;
      reading.formats[found.name] = column.format;
    }
    // What its own cells suggest is not what the column was: read once more, as that.
    if (as_trained || again) return {std::move(table), std::move(matched)};
  }
  failure(path, "changed while it was read");
}

} // namespace vitro

// The columns of a table as a schema or a user calls them: by name, or by position where the file names none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/tabular.h"

namespace vitro {

/// "line 17, column Age".
std::string place(const RawTable& table, size_t column, int64_t row);

/// Where a column stands: by name, or position from 1 (from the end where negative). Throws bad_input, with the
/// nearest.
size_t find_column(const RawTable& table, const std::string& word);

/// What the columns that the net sees are, and where they stand in a table.
struct Kept {
  std::vector<size_t> index;
  std::vector<Column> columns;
};

/// Their cells in these rows as samples hold them (`raw_values`); `out`: f32 or f64 [rows, columns]. Throws bad_input
/// for a number that a float does not hold.
void read_samples(const RawTable& table, const Kept& kept, std::span<const int64_t> rows, Tensor& out);

/// Where a schema's columns stand in another file's table, and its target, where it is there.
struct Matched {
  Kept kept;
  std::optional<size_t> target;
};
/// Throws bad_input where a column is missing that the net takes; the target may be.
Matched match(const RawTable& table, const Schema& schema);

/// The table in `source`, its cells of the types that the schema's columns had. Throws as read_table and match do.
std::pair<RawTable, Matched> read_as(ByteSource& source, const Schema& schema, const std::string& path,
                                     const TabularOptions& options);

} // namespace vitro

// A table becomes the parts of a data set: which column is to be predicted, what the others become, which rows are
// learned from.
//
// Whatever is taken of the rows (categories, means, ranks) is taken of the training rows alone.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace vitro {

struct TabularOptions {
  DialectOptions dialect = {};           // separator and header: guessed where not stated
  std::vector<std::string> missing = {}; // further words that stand for a missing value
  std::string target = {};               // a column's name, or its position from 1 (-1 is the last); "": the last
  std::optional<Goal> goal = {};         // default: `guess_goal`
  std::vector<std::pair<std::string, std::string>> columns = {}; // what a column is, by name: a Role's word, or "drop"
  std::vector<std::string> drop = {};                            // columns that the net does not see
  std::string group = {};                           // rows alike in this column stay together; the net does not see it
  std::string test_file = {};                       // a table of its own for the test part
  std::vector<std::string> keep = {};               // open_table_as: columns whose cells are wanted as they are written
  int64_t folds = 0, fold = 1;                      // from 2 on: the test part is the fold-th of so many
  bool standardise = true;                          // false: numbers as they stand
  DType dtype = DType::f32;                         // of the samples; f64: every digit of the file counts
  uint64_t seed = 0;                                // of the parts
  std::optional<double> validation = {}, test = {}; // shares below 1, or counts; default none, and a fifth
  std::optional<int64_t> samples = {};              // the first so many rows of the training part
  std::string forecast = {};                        // a series' column, by name or position: see data/forecast.h
  std::optional<int64_t> horizon = {}, window = {}; // rows: ahead of the window, of the window
};

/// Classes if the cells are texts; or if all are whole numbers and there are two of them, or at most 20 with four rows
/// each on average. Numbers otherwise. Throws bad_input at `where` for dates, one value alone, and what numbers or
/// names the rows.
Goal guess_goal(const TableColumn& column, const std::string& where);

/// The table in `source`, whose name is `path`. Rows without a target are left out, and counted in a remark. Throws
/// bad_input, naming line and column, for what read_table refuses, an unknown column, a target of which nothing can be
/// learned.
Splits open_table(ByteSource& source, const std::string& path, const std::string& name, const TabularOptions& options);

/// A table read as `schema` says: columns by name, in any order, others left aside; where the training file named none,
/// by position. Where the schema is none of a table, a sample's elements are columns of numbers. The target may be
/// missing: then labels (or targets) are empty and `labelled` is false. Throws bad_input for columns that are missing,
/// a text where there was a number, a class that there was not.
struct TableSamples {
  Dataset data;
  bool labelled = false;
  /// Of each column of `TabularOptions::keep` its name and its cells, row by row, blanks and quotes around them taken
  /// away.
  std::vector<std::pair<std::string, std::vector<std::string>>> kept = {};
};
TableSamples open_table_as(ByteSource& source, const Schema& schema, const std::string& path,
                           const TabularOptions& options);

} // namespace vitro

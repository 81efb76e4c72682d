// The columns of a table, and what each becomes for the net.
//
// A table's samples stay as they were read: a number (a date as days since 1970-01-01) or the code of a category, NaN
// where a cell was missing. `encode` turns such a row into the net's numbers by what the training part taught
// (`fit_column`), which is all in the Column: a saved run needs nothing else to take raw rows again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "data/table.h"

namespace vitro {

bool is_missing(const TableColumn& column, int64_t row);
/// A cell as a category or class is called: its text, its number in the shortest form, its date; "" where it is
/// missing.
std::string cell_name(const TableColumn& column, int64_t row);

/// How a column enters the net.
enum class Role : uint8_t {
  number,    // (x - mean) / deviation; a missing one is 0
  quantile,  // its rank among the training rows, spread as a normal distribution; a missing one is 0
  date,      // the day as a number; the time of the year and, where dates are near enough, of the week and of the day,
             // as points of a circle
  category,  // one input for each category, 1 for the one it is
  embedding, // the category's code: the net learns a vector for each
};
const char* name(Role role);
/// Reads what `name` writes. Throws bad_input at `where`.
Role role_of(const std::string& word, const std::string& where);

struct Column {
  std::string name;
  Role role = Role::number;
  std::string remark = {};           // what was seen and decided, for people: "0.42 to 80, 177 missing"
  CellType cells = CellType::number; // how its cells are read,
  std::string format = {};           // and written (TableColumn::format)
  bool clock = false;                // date: some have a time of day
  bool week = true;                  // date: some lie less than a week apart
  bool indicator = false;            // number, quantile, date: one more input says that the value is missing
  bool anchored = false;             // number, date, of a series: the value counts from that of its window's last row
  double mean = 0, deviation = 1;    // number, date
  std::vector<double> knots = {};    // quantile: ascending, of evenly spaced ranks
  std::vector<std::string> categories =
      {};              // in the order of their codes; "" is the missing cell, where training had some
  bool others = false; // category: one more input for all that is no category (rare in training)

  bool coded() const { return role == Role::category || role == Role::embedding; }
  /// How many of the net's inputs, codes not counted: 0 for an embedding.
  int64_t inputs() const;
  /// How many codes there are, the one for whatever is no category included; 0 for numbers.
  int64_t codes() const { return coded() ? int64_t(categories.size()) + 1 : 0; }
  /// A name for each input: "Age", "Age is missing", "Sex = male".
  std::vector<std::string> input_names() const;
  /// What becomes of it: "standardised (mean 29.7, deviation 14.5), and whether it is missing".
  std::string becomes() const;
  /// A sample's value as people write it: "3.5", "1949-02-01", "male"; "missing".
  std::string shown(double value) const;
  /// The code of a category: the last one for what is none.
  int64_t code_of(const std::string& category) const;

  bool operator==(const Column&) const = default;
};

/// A column of the file that the net does not see, and why.
struct LeftOut {
  std::string name, reason;
  bool operator==(const LeftOut&) const = default;
};

/// A column of a table as it stands in a file: what is done with it, before any number is taken of its rows.
struct ColumnPlan {
  size_t index = 0; // within the table
  Role role = Role::number;
  std::string remark = {};
  std::string left_out = {}; // why; "": it is kept
};

/// By the cells of all rows. Left out are columns that hold one value alone, or nothing, and those that name the rows:
/// texts of which more than half are different, whole numbers that count the rows or differ nearly all and are called
/// like an id. Texts are categories, from `least_embedded` kinds on embeddings, and so are whole numbers of 3 to
/// `most_grades` kinds, eight rows each on average (a class, a rank: what one step is worth may differ); all else is
/// number or date. `word`: "" or what the user said ("number", "category", ..., "drop"). Throws bad_input at `where`
/// for a word that does not fit the cells.
inline constexpr int64_t least_embedded = 33, most_grades = 5;
ColumnPlan plan_column(const RawTable& table, size_t index, const std::string& word, const std::string& where);

/// The column as its plan has it, with the categories of the training rows: those that at least two of them have.
Column make_column(const RawTable& table, const ColumnPlan& plan, std::span<const int64_t> training);

/// The cells of `rows` as samples hold them: the number or day, NaN where it is missing, or the code.
std::vector<double> raw_values(const RawTable& table, size_t index, std::span<const int64_t> rows,
                               const Column& column);

/// Mean, deviation, ranks, and whether any is missing, by the training values. `standardise` false: mean 0,
/// deviation 1.
void fit_column(Column& column, std::span<const double> values, bool standardise);

/// What the net takes of a row of such columns: the inputs of all, then the codes of the embeddings.
struct Encoding {
  int64_t inputs = 0;         // without the codes
  std::vector<int64_t> codes; // of each embedding, how many
  int64_t width() const { return inputs + int64_t(codes.size()); }
};
Encoding encoding_of(std::span<const Column> columns);
/// encoding_of(columns).width(), without an allocation.
int64_t encoded_width(std::span<const Column> columns);
std::vector<std::string> input_names(std::span<const Column> columns);

/// One row: `raw` of columns.size() values, `out` of encoding_of(columns).width(). `last`: the last row of the window
/// that it stands in, from which anchored columns count; null where none is anchored. Allocates nothing.
template <class Raw, class Out>
void encode(std::span<const Column> columns, const Raw* raw, Out* out, const Raw* last = nullptr);

/// "1985-04-12" of days since 1970-01-01, with "T07:30:00" where there is a fraction.
std::string date_text(double days);

} // namespace vitro

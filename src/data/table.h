// A text table as typed columns: numbers, dates, or texts.
//
// Each column has the first of these types that fits all of its cells that are not missing. The file is read in one
// pass: types are guessed from its beginning and hold for nearly every file; where a later cell does not fit, the
// file is read again, at most three times in all. Invariant: the result depends on the bytes alone, never on the size
// of the blocks. Memory is bounded by the columns that are kept.
//
// Missing: an empty cell, ? NA N/A n/a nan NaN null NULL None, in quotes or not; - and . in a column that holds
// numbers or dates otherwise.
// Numbers: a sign, digits, a decimal point, an exponent. A whole column may be written with marks between thousands
// ("1,234.5", "1 234", "1'234"), with a decimal comma ("3,14"; not between commas), with a percent sign behind
// ("12.5 %" is 12.5) or a currency before ("$1,234"). inf is no number.
// Codes: whole numbers that all have the same number of digits, three or more, some beginning with 0 ("01234"), are
// texts: the zeros would be lost.
// Dates: the patterns that `TableColumn::format` lists, of the proleptic Gregorian calendar, with or without a time of
// day; where each cell of a column may be month/day or day/month, month/day.
#pragma once

#include <map>

#include "data/forms.h"
#include "data/records.h"

namespace vitro {

enum class CellType : uint8_t { number, date, text };
const char* name(CellType type); // "number", "date", "text"

/// One column of a table as it stands in the file.
struct TableColumn {
  std::string name; // the header's, or "column 3"
  CellType type = CellType::number;
  std::vector<double>
      numbers; // number: value; date: days since 1970-01-01, with a fraction for the time of day; NaN: missing
  std::vector<int32_t> codes;     // text: index into `words`; -1: missing
  std::vector<std::string> words; // text: the distinct cells, in order of first appearance
  bool various = false;           // text with more than `most_words` distinct cells: codes and words are empty
  int64_t missing = 0;
  std::map<std::string, int64_t> missing_as; // how often each word stood for missing
  /// number: "" or "1,234" "1 234" "1'234" "3,14" "%" "$"; date: "YYYY-MM-DD" "YYYY/MM/DD" "DD.MM.YYYY" "MM/DD/YYYY"
  /// "DD/MM/YYYY" "YYYY-MM"; text: "". A time of day in some cells does not show in it.
  std::string format;

  static constexpr size_t most_words = 65536;
};

struct RawTable {
  std::string where;
  Dialect dialect;
  std::vector<TableColumn> columns; // those left out are not there
  std::vector<int64_t> lines;       // of each row, from 1

  int64_t rows() const { return int64_t(lines.size()); }
  const TableColumn* find(std::string_view name) const; // null where there is none
};

struct TableOptions {
  DialectOptions dialect = {};
  std::vector<std::string> leave_out = {};    // columns that are not kept; a name that no column has is no error
  std::map<std::string, CellType> types = {}; // of columns, fixed: a cell of another type is an error
  std::map<std::string, std::string> formats =
      {};                                // of columns whose type is fixed: how it was written (`TableColumn::format`)
  std::vector<std::string> missing = {}; // further words for missing; they may be numbers
  size_t least_columns = 2;              // fewer are an error: a wrong separator is the usual reason
  size_t block = Records::usual_block;   // bytes read at a time
};

/// A cell, or the name of a column, within a message: in quotes, cut where it is long.
std::string quoted(const std::string& word);

/// Reads `source` from its beginning. Throws bad_input at `where`, naming line and column, for what `Records` refuses,
/// and for: no row, a row of another length than the first, two columns of one name, fewer columns than
/// `least_columns`, a cell that its column's fixed type does not hold.
RawTable read_table(ByteSource& source, const TableOptions& options, const std::string& where);

} // namespace vitro

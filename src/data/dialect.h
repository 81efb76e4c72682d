// How a text table is written: what stands between its cells and around them, and whether it names its columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "data/bytes.h"

namespace vitro {

/// What stands between two cells. `blanks`: a run of spaces and tabs.
enum class Separator : uint8_t { comma, semicolon, tab, bar, blanks };
const char* name(Separator separator); // ",", ";", "tab", "|", "blanks"
char character(Separator separator);   // ',', ';', tab, '|', ' '
/// Reads what `name` writes (also " " and "space" for blanks, "\t"). Throws bad_input.
Separator separator_of(std::string_view word);

struct Dialect {
  Separator separator = Separator::comma;
  char quote = '"'; // or '\'', or 0: no quotes
  bool header = false;
  bool operator==(const Dialect&) const = default;
};

/// What the caller knows already; the rest is guessed.
struct DialectOptions {
  std::optional<Separator> separator = {};
  std::optional<bool> header = {};
};

/// The dialect of a table by its first records. `head`: the beginning of the file, whole lines of it. What
/// is wrong there is left to whoever reads the records.
/// - Separator: the first of ; tab | , that cuts all records into the same number of cells, two or more; blanks where
///   none does and none of them stands in the first record, or where cells would otherwise hold several numbers.
/// - Quote: '"', but '\'' where no cell begins with '"' and half of the records and more hold a cell in single quotes.
/// - Header: the first record, if it holds no number and no date, and a text in it stands above a column of numbers or
///   dates; in a table of texts alone, if its cells are distinct, not empty, none occurs again in its column, and some
///   column holds few different texts.
Dialect guess_dialect(ByteSpan head, const DialectOptions& options);

/// Whether a file is a table and no text, by its first records: nine in ten of them are cut by one separator into the
/// same number of cells, two or more (by blanks: all of them, or half of the cells are numbers too), or are one number
/// each; a single record, only if it is numbers alone. `head` as above.
bool looks_like_table(ByteSpan head);

} // namespace vitro

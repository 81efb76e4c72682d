// CSV: text tables with a class or target column.
//
// Three layers, each usable without the next: `CsvRecords` walks through the bytes record by record
// and knows nothing of numbers; `read_csv_numbers` makes columns of numbers and one of targets;
// `csv_samples` reads a new file the way a saved Schema says.
// Records: RFC 4180, and what real files do beyond it: LF, CRLF or CR; , ; tab | or runs of blanks between the
// fields; blanks around a field; blank lines; no newline at the end; a byte order mark.
#pragma once

#include <optional>
#include <string_view>

#include "data/bytes.h"
#include "data/dataset.h"
#include "data/records.h"

namespace vitro {

/// One field of a record. `quoted` tells "" and "nan" in quotes from an empty or missing cell.
struct CsvField {
  std::string text;
  bool quoted = false;
};

/// By the first record, outside quotes: a semicolon if it has one, else a tab, a bar, a comma, else blanks.
Separator guess_separator(ByteSpan bytes);

class CsvRecords {
public:
  CsvRecords(ByteSpan bytes, Separator separator, std::string where);
  /// The next record that is not blank, into `fields`; false at the end. Throws bad_input for an open
  /// quote, text behind a closing quote, a zero byte.
  bool next(std::vector<CsvField>& fields);
  int64_t line() const { return record_line_; } // of the record's first character, from 1

private:
  ByteSpan bytes_;
  Separator separator_;
  std::string where_;
  size_t at_ = 0;
  int64_t line_ = 1, record_line_ = 0;
};

struct CsvOptions {
  std::optional<Separator> separator = {}; // default: guessed
  std::optional<bool> header = {};         // default: a first record without any number, above one with a number
  std::string target = {};       // a column's name, or its position from 1 (-1 is the last); default: the last
  std::optional<Goal> goal = {}; // default: `guess_goal`
  DType dtype = DType::f32;      // of the samples; f64: every digit of the file counts
};

/// Classes if a cell of the target column is no number; or if all are whole numbers and there are two of
/// them, or at most 20 with four rows each on average. Numbers otherwise.
Goal guess_goal(std::span<const std::string> cells);

/// One set of all rows: samples [n, features], and labels or targets. Class names are sorted (numbers by
/// value). Scalings are left at 0 and 1. Throws bad_input at `where`, naming row and column, for an empty or
/// ragged table, a feature cell that is no finite number, an unknown target column.
Dataset read_csv(ByteSpan bytes, const std::string& name, const std::string& where, const CsvOptions& options = {});

/// A file read as `schema` says: with a header columns go by name (in any order, others are left aside); without,
/// by position. The target column may be missing: then labels (or targets) are empty and `labelled` is false.
struct CsvSamples {
  Dataset data;
  bool labelled = false;
};
CsvSamples csv_samples(ByteSpan bytes, const Schema& schema, const std::string& where, const CsvOptions& options = {});

} // namespace vitro

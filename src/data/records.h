// Text tables as records of cells: the grammar of CSV and its kin, and nothing of what the cells mean.
//
// RFC 4180, and what real files do beyond it: LF, CRLF or CR; , ; tab | or runs of blanks between the cells;
// blanks around a cell; double or single quotes; blank lines; no newline at the end; a byte order mark.
// Invariant: what comes out (records, lines, the error and its words) depends on the bytes alone, never on the
// size of the blocks in which they are read. Text is UTF-8 without zero bytes: anything else is refused where it
// stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/bytes.h"
#include "data/dialect.h"

namespace vitro {

/// One cell, without the blanks and quotes around it. `text` lives until the next call of `Records::next`.
struct Cell {
  std::string_view text;
  bool quoted = false;
};

/// The text as a cell of RFC 4180: in quotes where it holds a comma, a quote or a line end, or begins or ends with a
/// blank, which readers take away.
std::string csv_cell(std::string_view text);

class Records {
public:
  static constexpr size_t usual_block = size_t(256) << 10;
  static constexpr size_t longest_cell = size_t(1) << 20;
  static constexpr size_t most_cells = 100000;

  /// Reads `source` from its beginning, `block` bytes at a time. Errors name `where`.
  Records(ByteSource& source, const Dialect& dialect, std::string where, size_t block = usual_block);

  /// The next record that is not blank, into `cells`; false at the end. Throws bad_input, naming the line, for a quote
  /// that is never closed, text behind a closing quote, a cell longer than `longest_cell` bytes, a record of more than
  /// `most_cells` cells, a zero byte, bytes that are no UTF-8 (a UTF-16 file by its name).
  bool next(std::vector<Cell>& cells);
  int64_t line() const { return record_line_; } // of the record's first character, from 1

private:
  // How a look at the buffer ended: a record, the end of the file, or the end of what is in the buffer.
  enum class Seen { record, end, more };
  Seen parse(std::vector<Cell>& cells);
  bool quoted_cell(size_t& at, Cell& cell, size_t column, int64_t& line);
  void fill();
  void admit();
  [[noreturn]] void refuse_byte() const;
  [[noreturn]] void refuse_length(int64_t line, size_t column, const char* help) const;
  bool last_block() const { return all_ && !foreign_; }

  ByteSource& source_;
  Dialect dialect_;
  std::string where_;
  size_t block_;

  // buffer_[0, held_) was read, of which [0, end_) is known to be text; at_ is where the next record begins.
  std::vector<char> buffer_;
  size_t held_ = 0, end_ = 0, at_ = 0;
  int64_t passed_ = 0;          // bytes of the file before buffer_[0]
  bool all_ = false;            // the file's last byte is in the buffer
  bool foreign_ = false;        // buffer_[end_] is no text: nothing behind it counts
  std::vector<uint64_t> marks_; // a bit for each byte that may end a cell or open a quote
  std::vector<size_t> doubled_; // cells of this record that hold doubled quotes
  int64_t line_ = 1, record_line_ = 0;
};

} // namespace vitro

#include "data/records.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr size_t slack = 64; // bytes behind the buffer's end that may be looked at

bool blank(char c) { return c == ' ' || c == '\t'; }
bool line_end(char c) { return c == '\n' || c == '\r'; }

// Marks every byte of `text` that is a line end or one of a, b, c: a bit each, 64 to a word. Reads whole words, so
// behind `text` there must be `slack` bytes. The inner loop is one that compilers turn into vector code.
void mark(const char* text, size_t size, char a, char b, char c, uint64_t* words) {
  for (size_t at = 0; at < size; at += 64) {
    uint8_t found[64];
    const char* p = text + at;
    for (int i = 0; i < 64; ++i)
      found[i] = uint8_t((p[i] == a) | (p[i] == b) | (p[i] == c) | (p[i] == '\n') | (p[i] == '\r'));
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) {
      uint64_t eight = 0;
      std::memcpy(&eight, found + 8 * i, 8);
      if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
      // Byte k of `eight` is 0 or 1; the product gathers the eight of them in its highest byte, the first one lowest.
      word |= (eight * 0x0102040810204080u >> 56) << (8 * i);
    }
    words[at / 64] = word;
  }
}

// Walks over the marks from one place on. A local copy of little, so that it stays in registers.
class Marks {
public:
  Marks(const std::vector<uint64_t>& words, size_t at, size_t end)
      : words_(words.data()), count_(words.size()), word_(at / 64), end_(end),
        bits_(words[at / 64] & ~uint64_t(0) << (at % 64)) {}

  // Where the next marked byte stands; the end of the text if there is none.
  size_t next() {
    while (bits_ == 0) {
      if (++word_ >= count_) return end_;
      bits_ = words_[word_];
    }
    const size_t at = word_ * 64 + size_t(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return at;
  }

private:
  const uint64_t* words_;
  size_t count_, word_, end_;
  uint64_t bits_;
};

// How many bytes of `text` are UTF-8 without a zero byte. A character that may go on behind the end is not counted.
size_t valid_prefix(std::string_view text) {
  const auto byte = [&](size_t i) { return uint8_t(text[i]); };
  size_t at = 0;
  while (at < text.size()) {
    // Plain ASCII, eight bytes at a time: in each, neither the highest bit nor a borrow from 0 - 1.
    while (at + 8 <= text.size()) {
      uint64_t eight = 0;
      std::memcpy(&eight, text.data() + at, 8);
      if (((eight | (eight - 0x0101010101010101u)) & 0x8080808080808080u) != 0) break;
      at += 8;
    }
    if (at == text.size()) break;
    const uint8_t first = byte(at);
    if (first < 0x80) {
      if (first == 0) break;
      ++at;
      continue;
    }
    // The Unicode Standard, table 3-7: lengths, and the range of the second byte.
    const size_t length = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3 : 4;
    if (length == 4 && (first < 0xF0 || first > 0xF4)) break;
    if (at + length > text.size()) break;
    const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(at + 1) < low || byte(at + 1) > high) break;
    size_t k = 2;
    while (k < length && byte(at + k) >= 0x80 && byte(at + k) <= 0xBF) ++k;
    if (k < length) break;
    at += length;
  }
  return at;
}

} // namespace

std::string csv_cell(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  const bool plain = text.find_first_of(",\"\r\n") == std::string_view::npos;
  if (plain && (text.empty() || (!blank(text.front()) && !blank(text.back())))) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

Records::Records(ByteSource& source, const Dialect& dialect, std::string where, size_t block)
    : source_(source), dialect_(dialect), where_(std::move(where)), block_(std::max<size_t>(block, 4)) {
  source_.rewind();
  fill();
  // A byte order mark stands for nothing but itself.
  if (end_ >= 3 && std::memcmp(buffer_.data(), "\xEF\xBB\xBF", 3) == 0) at_ = 3;
}

// Lets go of the records that were read, and reads one more block behind what is left.
void Records::fill() {
  if (foreign_) refuse_byte();
  if (held_ > at_) std::memmove(buffer_.data(), buffer_.data() + at_, held_ - at_);
  passed_ += int64_t(at_);
  held_ -= at_;
  end_ -= at_;
  at_ = 0;
  // A record that fills the whole buffer gets one twice as large, so that it is looked at few times however long it is.
  const size_t wanted = std::max(block_, held_);
  if (buffer_.size() < held_ + wanted + slack) buffer_.resize(held_ + wanted + slack);
  const size_t got = source_.read({reinterpret_cast<uint8_t*>(buffer_.data()) + held_, wanted});
  held_ += got;
  all_ = got < wanted;
  admit();
}

// Finds how far the buffer is text, and marks what matters in it.
void Records::admit() {
  end_ += valid_prefix({buffer_.data() + end_, held_ - end_});
  // A character may go on in the next block: at most three of its bytes are here.
  foreign_ = end_ < held_ && (all_ || held_ - end_ > 3);
  const char second = dialect_.separator == Separator::blanks ? '\t' : character(dialect_.separator);
  marks_.resize((end_ + 63) / 64 + 1);
  marks_.back() = 0;
  mark(buffer_.data(), end_, character(dialect_.separator), second, dialect_.quote ? dialect_.quote : '\n',
       marks_.data());
  if (end_ % 64 != 0) marks_[end_ / 64] &= (uint64_t(1) << (end_ % 64)) - 1;
}

bool Records::next(std::vector<Cell>& cells) {
  while (true) {
    switch (parse(cells)) {
      case Seen::record: return true;
      case Seen::end: return false;
      case Seen::more: fill();
    }
  }
}

// Where the file stops being text.
void Records::refuse_byte() const {
  int64_t line = line_;
  for (size_t i = at_; i < end_; ++i)
    line += buffer_[i] == '\n' || (buffer_[i] == '\r' && i + 1 < held_ && buffer_[i + 1] != '\n');
  const int64_t offset = passed_ + int64_t(end_);
  const auto byte = uint8_t(buffer_[end_]);
  const auto after = end_ + 1 < held_ ? uint8_t(buffer_[end_ + 1]) : 0;
  if (offset == 0 && ((byte == 0xFF && after == 0xFE) || (byte == 0xFE && after == 0xFF)))
    bad_input(where_, "is UTF-16, UTF-8 was expected", "save it as UTF-8: iconv -f utf-16 -t utf-8");
  const std::string at = text("line ", line, ", byte ", offset, " of the file: ");
  if (byte == 0)
    bad_input(where_, at + "a zero byte, so it is no text in UTF-8", "a table of texts and numbers was expected");
  const char* const digits = "0123456789ABCDEF";
  bad_input(where_, text(at, "0x", digits[byte >> 4], digits[byte & 15], " is no UTF-8"),
            "save it as UTF-8, if it is Latin-1: iconv -f latin1 -t utf-8");
}

void Records::refuse_length(int64_t line, size_t column, const char* help) const {
  bad_input(where_, text("line ", line, ", column ", column, ": a cell of more than ", longest_cell, " bytes"), help);
}

// The cell whose quote opens at `at`, the record's `column`-th; leaves `at` behind the closing quote, and adds the line
// ends within to `line`. False where the buffer ends before it.
bool Records::quoted_cell(size_t& at, Cell& cell, size_t column, int64_t& line) {
  const char* const bytes = buffer_.data();
  const size_t first = at + 1;
  const int64_t opened = line;
  bool doubled = false;
  Marks marks(marks_, first, end_);
  while (true) {
    at = marks.next();
    if (at - first > longest_cell) refuse_length(opened, column, "is its quote closed?");
    if (at == end_) {
      if (!last_block()) return false;
      bad_input(where_, text("line ", opened, ", column ", column, ": a quote is opened and never closed"),
                "a quote inside a quoted cell is written twice");
    }
    if (bytes[at] == dialect_.quote) {
      if (at + 1 == end_ && !last_block()) return false;
      if (at + 1 == end_ || bytes[at + 1] != dialect_.quote) break;
      marks.next();
      doubled = true;
    } else {
      line += bytes[at] == '\n' || (bytes[at] == '\r' && at + 1 < end_ && bytes[at + 1] != '\n');
    }
  }
  cell = {{bytes + first, at - first}, true};
  if (doubled) doubled_.push_back(column - 1);
  ++at;
  return true;
}

// One record from at_. Nothing of it is kept when the buffer ends too early: the next look begins at at_ again.
Records::Seen Records::parse(std::vector<Cell>& cells) {
  const bool runs = dialect_.separator == Separator::blanks, last_block = this->last_block();
  const char between = character(dialect_.separator);
  char* const bytes = buffer_.data();
  size_t at = at_;
  // With tabs between the cells a tab is not a blank around one.
  const auto skip_blanks = [&] {
    while (at < end_ && (bytes[at] == ' ' || (bytes[at] == '\t' && between != '\t'))) ++at;
  };
  // Steps over the line end at `at`; false where the second half of \r\n may be missing.
  const auto step_over_line_end = [&] {
    if (at == end_) return last_block;
    if (bytes[at] == '\r') {
      if (at + 1 == end_ && !last_block) return false;
      if (at + 1 < end_ && bytes[at + 1] == '\n') ++at;
    }
    ++at;
    ++line_;
    return true;
  };

  while (true) { // blank lines are no records
    skip_blanks();
    if (at == end_) return last_block ? Seen::end : Seen::more;
    if (!line_end(bytes[at])) break;
    if (!step_over_line_end()) return Seen::more;
    at_ = at;
  }

  doubled_.clear();
  size_t count = 0, room = cells.size(); // `cells` still has those of the last record
  int64_t line = line_;                  // of what is looked at
  Marks marks(marks_, at, end_);
  while (true) {
    if (count == most_cells)
      bad_input(where_, text("line ", line_, ": has more than ", most_cells, " cells"),
                "a file of text tables was expected, with one record on each line");
    skip_blanks();
    if (count == room) cells.resize(room += 16);
    Cell& cell = cells[count++];
    if (at < end_ && bytes[at] == dialect_.quote && dialect_.quote != 0) {
      if (!quoted_cell(at, cell, count, line)) return Seen::more;
      const bool blanks_follow = at < end_ && blank(bytes[at]);
      skip_blanks();
      if (at == end_ && !last_block) return Seen::more;
      if (at < end_ && !line_end(bytes[at]) && bytes[at] != between && !(runs && blanks_follow))
        bad_input(where_, text("line ", line, ", column ", count, ": text follows a closing quote"),
                  "a quote inside a quoted cell is written twice");
      marks = Marks(marks_, at, end_);
    } else {
      const size_t first = at;
      do at = marks.next();
      while (at < first || (at < end_ && bytes[at] == dialect_.quote)); // a quote inside a cell is a character like any
      size_t last = at;
      while (last > first && blank(bytes[last - 1])) --last;
      cell = {{bytes + first, last - first}, false};
      if (cell.text.size() > longest_cell) refuse_length(line, count, "is its line end missing?");
      if (at == end_ && !last_block) return Seen::more;
    }
    if (runs) skip_blanks();
    if (at == end_ && !last_block) return Seen::more;
    if (at == end_ || line_end(bytes[at])) break;
    if (!runs) ++at;
  }
  cells.resize(count);
  const int64_t began = line_;
  if (!step_over_line_end()) return Seen::more;
  record_line_ = began;
  line_ += line - began;
  at_ = at;
  for (const size_t c : doubled_) {
    char* const first = bytes + (cells[c].text.data() - bytes);
    char* out = first;
    for (size_t i = 0; i < cells[c].text.size(); ++i) {
      *out++ = first[i];
      i += first[i] == dialect_.quote;
    }
    cells[c].text = {first, size_t(out - first)};
  }
  return Seen::record;
}

} // namespace vitro

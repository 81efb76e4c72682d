#include "data/table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr size_t head_bytes = size_t(1) << 20; // what types and dialect are guessed from
constexpr size_t head_rows = 1000;

// A cell as error messages show it: short, on one line, no character cut in two.
std::string shown(std::string_view cell) {
  size_t n = std::min<size_t>(cell.size(), 24);
  while (n > 0 && n < cell.size() && (uint8_t(cell[n]) & 0xC0) == 0x80) --n;
  std::string out(cell.substr(0, n));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return uint8_t(c) < 32; }, ' ');
  return text("\"", out, n < cell.size() ? "..." : "", "\"");
}

// Mixes eight bytes of a text into a hash: the two halves of a product, so that every bit counts.
uint64_t mixed(uint64_t hash, uint64_t eight) {
  const auto product = static_cast<unsigned __int128>(hash ^ eight) * 0x9E3779B97F4A7C15u;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

uint64_t hash_of(std::string_view word) {
  const char* p = word.data();
  const size_t n = word.size();
  uint64_t hash = 0xD6E8FEB86659FD93u ^ n, a = 0, b = 0;
  if (n >= 8) { // the last eight bytes may be counted twice
    for (size_t i = 0; i + 8 < n; i += 8) {
      std::memcpy(&a, p + i, 8);
      hash = mixed(hash, a);
    }
    std::memcpy(&a, p + n - 8, 8);
    return mixed(hash, a);
  }
  if (n >= 4) {
    std::memcpy(&a, p, 4);
    std::memcpy(&b, p + n - 4, 4);
  } else if (n > 0) {
    a = uint8_t(p[0]) | uint64_t(uint8_t(p[n / 2])) << 8;
    b = uint8_t(p[n - 1]);
  }
  return mixed(hash, a << 32 ^ b);
}

// The different texts of a column, numbered in order of first appearance: open addressing over a list of them.
class WordTable {
public:
  // The number of `word`; -1 - its position among `missing` if it stands for missing between texts.
  int32_t code_of(std::string_view word, const MissingWords& missing) {
    const uint64_t hash = hash_of(word);
    size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].entry != 0; at = (at + 1) & (slots_.size() - 1)) {
      const Entry& entry = entries_[size_t(slots_[at].entry - 1)];
      if (slots_[at].hash == uint32_t(hash >> 32) && entry.word == word) return entry.code;
    }
    return add(word, hash, missing);
  }
  std::vector<std::string> take_words() {
    std::vector<std::string> words;
    words.reserve(size_t(words_));
    for (Entry& entry : entries_)
      if (entry.code >= 0) words.push_back(std::move(entry.word));
    return words;
  }

private:
  struct Slot {
    uint32_t hash = 0; // its upper half
    int32_t entry = 0; // from 1
  };
  struct Entry {
    std::string word;
    uint64_t hash = 0;
    int32_t code = 0;
  };

  void place(size_t entry) {
    const uint64_t hash = entries_[entry].hash;
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].entry != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {uint32_t(hash >> 32), int32_t(entry + 1)};
  }
  int32_t add(std::string_view word, uint64_t hash, const MissingWords& missing) {
    const int position = missing.find(word);
    const int32_t code = position >= 0 && MissingWords::always(position) ? -1 - position : words_++;
    entries_.push_back({std::string(word), hash, code});
    if (entries_.size() * 2 > slots_.size()) {
      slots_.assign(slots_.size() * 2, {});
      for (size_t i = 0; i < entries_.size(); ++i) place(i);
    } else {
      place(entries_.size() - 1);
    }
    return code;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  std::vector<Entry> entries_;
  int32_t words_ = 0;
};

// Whether a column's cells so far are whole numbers of one width, three digits or more, some beginning with 0.
struct Codes {
  bool possible = true, padded = false;
  size_t width = 0;

  void see(std::string_view cell) {
    if (width == 0) width = cell.size();
    possible = cell.size() == width && width >= 3 &&
               std::all_of(cell.begin(), cell.end(), [](char c) { return c >= '0' && c <= '9'; });
    padded |= cell[0] == '0';
  }
  bool found() const { return possible && padded; }
};

// What the columns of one table share.
struct Common {
  const std::string& where;
  Separator separator;
  MissingWords missing;
};

// One column on its way from cells to a TableColumn. First `sample` a few cells; then, until `settled`: `begin` a pass
// and `take` every cell of it.
class ColumnReader {
public:
  ColumnReader(const Common& common, std::string name, std::optional<CellType> fixed, Forms allowed)
      : common_(common), fixed_(fixed), alive_(allowed) {
    out_.name = std::move(name);
  }

  void sample(std::string_view cell) {
    if (common_.missing.find(cell) >= 0) return;
    if (codes_.possible) codes_.see(cell);
    const Forms some = alive_ & forms_of(cell, common_.separator);
    if (some != 0 || !fixed_) alive_ = some; // a fixed type's error is for the pass, which knows the line
  }

  void plan() {
    if (fixed_ == CellType::text || alive_ == 0)
      read_text(true);
    else if (!fixed_ && codes_.found())
      read_text(false);
    else
      read_form(false);
  }

  void begin(size_t rows) {
    codes_ = {};
    codes_.possible = !fixed_;
    lost_ = false;
    missing_.assign(common_.missing.words().size(), 0);
    words_ = {};
    out_.codes.clear();
    out_.numbers.clear();
    if (out_.type == CellType::text)
      out_.codes.reserve(rows);
    else
      out_.numbers.reserve(rows);
  }

  void take(std::string_view cell, int64_t line) {
    switch (way_) {
      case Way::plain: {
        double value = 0;
        if (!parse_number(cell, value)) return take_carefully(cell, line);
        if (codes_.possible) codes_.see(cell);
        out_.numbers.push_back(value);
        return;
      }
      case Way::text: {
        const int32_t code = words_.code_of(cell, common_.missing);
        if (code >= int32_t(TableColumn::most_words)) return drop_words();
        if (code < 0) ++missing_[size_t(-1 - code)];
        if (codes_.possible && code >= 0) codes_.see(cell);
        out_.codes.push_back(std::max(code, -1));
        return;
      }
      case Way::careful: return take_carefully(cell, line);
      case Way::various:
        if (const int position = common_.missing.find(cell); position >= 0 && MissingWords::always(position))
          ++missing_[size_t(position)];
        else if (codes_.possible)
          codes_.see(cell);
        return;
      case Way::aside: return;
    }
  }

  // At the end of a pass: whether what was read stands. If not, plans the next pass.
  bool settled() {
    if (out_.type == CellType::text) {
      if (certain_ || codes_.found()) return true;
      read_form(true); // the head looked like codes: which form the numbers have is seen only by looking at all
    } else if (codes_.found() || (lost_ && alive_ == 0)) {
      read_text(true);
    } else if (lost_) {
      read_form(!judging_);
    } else {
      return true;
    }
    return false;
  }

  TableColumn finish() {
    out_.format = out_.type == CellType::text ? "" : pattern(form_);
    out_.various = way_ == Way::various;
    if (way_ == Way::text) out_.words = words_.take_words();
    for (size_t i = 0; i < missing_.size(); ++i)
      if (missing_[i] > 0) {
        out_.missing += missing_[i];
        out_.missing_as[common_.missing.words()[i]] = missing_[i];
      }
    return std::move(out_);
  }

private:
  // How `take` reads. plain: numbers without marks; careful: any form; various: texts that are only counted; aside: not
  // at all, for the rest of this pass.
  enum class Way : uint8_t { plain, careful, text, various, aside };

  void read_text(bool certain) {
    out_.type = CellType::text;
    way_ = Way::text;
    certain_ = certain;
  }
  // `judging`: looks at every form of every cell, so that the next pass, if there is one, knows the answer.
  void read_form(bool judging) {
    form_ = preferred(alive_, common_.separator);
    out_.type = is_date(form_) ? CellType::date : CellType::number;
    judging_ = judging;
    way_ = form_ == Form::plain && !judging && !common_.missing.numbers() ? Way::plain : Way::careful;
  }

  void take_carefully(std::string_view cell, int64_t line) {
    if (const int position = common_.missing.find(cell); position >= 0) {
      ++missing_[size_t(position)];
      if (!lost_) out_.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      return;
    }
    if (codes_.possible) codes_.see(cell);
    double value = 0;
    const bool fits = !lost_ && parse(form_, cell, value);
    if (fits) out_.numbers.push_back(value);
    if (fits && !judging_) return;
    const Forms some = alive_ & forms_of(cell, common_.separator);
    if (some == 0 && fixed_) refuse(cell, line);
    alive_ = some;
    lost_ = lost_ || !fits;
    if (lost_) out_.numbers.clear();
    if (lost_ && (!judging_ || alive_ == 0)) way_ = Way::aside;
  }

  void drop_words() {
    words_ = {};
    std::vector<int32_t>().swap(out_.codes);
    way_ = Way::various;
  }

  [[noreturn]] void refuse(std::string_view cell, int64_t line) const {
    const std::string kind = fixed_ == CellType::date ? "date" : "number";
    const Forms one = preferred(alive_, common_.separator) == form_ ? only(form_) : 0;
    bad_input(common_.where,
              text("line ", line, ", ", shown(out_.name), ": ", shown(cell), " is no ", kind,
                   one && pattern(form_)[0] ? text(" like ", pattern(form_)) : std::string()),
              text("this column holds ", kind, "s"));
  }

  const Common& common_;
  std::optional<CellType> fixed_;
  Forms alive_; // the forms that no cell seen so far rules out
  Form form_ = Form::plain;
  Way way_ = Way::plain;
  bool certain_ = false, judging_ = false;
  bool lost_ = false; // a cell of this pass did not fit
  Codes codes_;
  WordTable words_;
  std::vector<int64_t> missing_; // of this pass, by position among the words for missing
  TableColumn out_;
};

// The beginning of the file in whole lines: more of it where it has no line end, nothing where that does not help.
Bytes head_of(ByteSource& source) {
  Bytes head;
  source.rewind();
  for (size_t size = head_bytes; size <= head_bytes * 128; size *= 2) {
    const size_t held = head.size();
    head.resize(size);
    head.resize(held + source.read(std::span(head).subspan(held)));
    if (head.size() < size) return head; // the whole file
    const auto last = std::find_if(head.rbegin(), head.rend(), [](uint8_t c) { return c == '\n' || c == '\r'; });
    if (last != head.rend()) {
      head.erase(last.base(), head.end());
      return head;
    }
  }
  return {};
}

// About how many rows there are, to make room for once; a file whose head is no fair sample gets less.
size_t rows_expected(const ByteSource& source, ByteSpan head, size_t columns) {
  if (!source.size() || head.empty()) return 0;
  const auto lines = size_t(std::count(head.begin(), head.end(), uint8_t('\n')) + 1);
  const double rows = double(*source.size()) / double(head.size()) * double(lines) * 1.02 + 16;
  return size_t(std::min(rows, double(*source.size()) / double(columns) + 16));
}

std::vector<std::string> names_of(const std::vector<Cell>& cells, bool header, const std::string& where) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (size_t c = 0; c < cells.size(); ++c) {
    names.push_back(header && !cells[c].text.empty() ? std::string(cells[c].text) : text("column ", c + 1));
    if (!seen.insert(names[c]).second)
      bad_input(where, text("two columns are called ", shown(names[c])), "every column needs its own name");
  }
  return names;
}

} // namespace

const char* name(CellType type) {
  return type == CellType::number ? "number" : type == CellType::date ? "date" : "text";
}

const TableColumn* RawTable::find(std::string_view name) const {
  for (const TableColumn& column : columns)
    if (column.name == name) return &column;
  return nullptr;
}

std::string quoted(const std::string& word) {
  return text("\"", word.substr(0, 24), word.size() > 24 ? "..." : "", "\"");
}

RawTable read_table(ByteSource& source, const TableOptions& options, const std::string& where) {
  RawTable table;
  table.where = where;
  const Bytes head = head_of(source);
  table.dialect = guess_dialect(head, options.dialect);
  const bool header = table.dialect.header;
  std::vector<Cell> cells;
  std::optional<Records> records(std::in_place, source, table.dialect, where, options.block);
  if (!records->next(cells)) bad_input(where, "is empty: it has no row");
  const size_t width = cells.size();
  const int64_t first_line = records->line();
  if (width < options.least_columns)
    bad_input(where,
              text("has ", width, width == 1 ? " column" : " columns", ", at least ", options.least_columns,
                   " were expected"),
              text("cells are separated by , ; tab | or blanks; here by ", name(table.dialect.separator)));

  const Common common{where, table.dialect.separator, MissingWords(options.missing)};
  std::vector<ColumnReader> readers;
  readers.reserve(width);
  struct Place {
    size_t column;
    ColumnReader* reader;
  };
  std::vector<Place> open; // the columns that this pass reads
  const std::vector<std::string> names = names_of(cells, header, where);
  for (size_t c = 0; c < width; ++c) {
    if (std::find(options.leave_out.begin(), options.leave_out.end(), names[c]) != options.leave_out.end()) continue;
    std::optional<CellType> fixed;
    Forms allowed = number_forms | date_forms;
    if (const auto type = options.types.find(names[c]); type != options.types.end()) {
      fixed = type->second;
      if (fixed != CellType::text) allowed = fixed == CellType::date ? date_forms : number_forms;
      if (const auto format = options.formats.find(names[c]); format != options.formats.end())
        if ((form_called(format->second) & allowed) != 0) allowed = form_called(format->second);
    }
    open.push_back({c, &readers.emplace_back(common, names[c], fixed, allowed)});
  }

  // What is wrong in the head is left to the pass, which comes there too.
  try {
    ByteSource beginning = ByteSource::of(head);
    Records sample(beginning, table.dialect, where);
    for (size_t row = 0; row < head_rows && sample.next(cells); ++row)
      if (row > 0 || !header)
        for (const auto& [column, reader] : open)
          if (column < cells.size()) reader->sample(cells[column].text);
  } catch (const Error&) {}
  for (ColumnReader& reader : readers) reader.plan();

  size_t rows = rows_expected(source, head, width);
  table.lines.reserve(rows);
  for (int pass = 1; pass <= 3; ++pass) {
    for (const Place& place : open) place.reader->begin(rows);
    records.emplace(source, table.dialect, where, options.block);
    if (header) records->next(cells);
    int64_t row = 0;
    for (; records->next(cells); ++row) {
      const int64_t line = records->line();
      if (cells.size() != width)
        bad_input(where,
                  text("line ", line, " has ", cells.size(), cells.size() == 1 ? " cell" : " cells", ", line ",
                       first_line, " has ", width),
                  text("every row must have as many; cells are separated by ", name(table.dialect.separator),
                       ", and one that holds such a mark must stand in quotes"));
      if (pass == 1) table.lines.push_back(line);
      for (const auto& [column, reader] : open) reader->take(cells[column].text, line);
    }
    if (row != table.rows()) break;
    if (row == 0) bad_input(where, "has a header and no row");
    std::erase_if(open, [](const Place& place) { return place.reader->settled(); });
    if (open.empty()) {
      for (ColumnReader& reader : readers) table.columns.push_back(reader.finish());
      return table;
    }
    rows = size_t(row);
  }
  failure(where, "changed while it was read", "read it again when nobody writes to it");
}

} // namespace vitro

// Typed columns of text tables: what each cell may look like, when the file is read again, every error, real files.
#include "data/table.h"

#include <rapidcheck.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "data_scratch.h"

namespace vitro {
namespace {

using Strings = std::vector<std::string>;
using Numbers = std::vector<double>;

RawTable read(const std::string& text, const TableOptions& options = {}) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  return read_table(source, options, "table.csv");
}

// The second column of a table of these cells; the first numbers the rows.
TableColumn column(const Strings& cells, const TableOptions& options = {}, const std::string& between = ",") {
  std::string text = "row" + between + "x\n";
  for (size_t i = 0; i < cells.size(); ++i) text += std::to_string(i) + between + cells[i] + "\n";
  TableOptions with_header = options;
  with_header.dialect.header = true;
  return read(text, with_header).columns.at(1);
}

// Words of a text column by row, "-1" for missing.
Strings words(const TableColumn& column) {
  Strings out;
  for (const int32_t code : column.codes) out.push_back(code < 0 ? "-1" : column.words.at(size_t(code)));
  return out;
}

// Everything that a table holds, as one text.
std::string all_of(const RawTable& table) {
  std::string out =
      std::string(name(table.dialect.separator)) + table.dialect.quote + (table.dialect.header ? "h" : "");
  for (const int64_t line : table.lines) out += " " + std::to_string(line);
  for (const TableColumn& c : table.columns) {
    out += "\n" + c.name + " " + name(c.type) + " " + c.format + (c.various ? " various" : "");
    for (const double v : c.numbers) out += " " + std::to_string(v);
    for (const std::string& word : words(c)) out += " [" + word + "]";
    for (const auto& [word, n] : c.missing_as) out += " '" + word + "' " + std::to_string(n);
  }
  return out;
}

const double nan = std::numeric_limits<double>::quiet_NaN();

void expect_numbers(const TableColumn& column, const Numbers& expected, const std::string& format = "") {
  EXPECT_EQ(column.type, CellType::number);
  EXPECT_EQ(column.format, format);
  ASSERT_EQ(column.numbers.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(column.numbers[i] == expected[i] || (std::isnan(expected[i]) && std::isnan(column.numbers[i])))
        << i << ": " << column.numbers[i] << ", expected " << expected[i];
  EXPECT_TRUE(column.codes.empty());
}

void expect_texts(const TableColumn& column, const Strings& expected) {
  EXPECT_EQ(column.type, CellType::text);
  EXPECT_EQ(column.format, "");
  EXPECT_EQ(words(column), expected);
  EXPECT_TRUE(column.numbers.empty());
}

void expect_dates(const TableColumn& column, const Numbers& expected, const std::string& format) {
  EXPECT_EQ(column.type, CellType::date);
  EXPECT_EQ(column.format, format);
  EXPECT_EQ(column.numbers, expected);
}

TEST(RawTable, columns_have_names_types_and_lines) {
  const RawTable table = read("id,when,,kind\r\n1,2020-01-02,0.5,a\r\n\r\n2,2020-01-03,,b\r\n3,2020-01-01,1,a");
  EXPECT_EQ(table.where, "table.csv");
  EXPECT_TRUE(table.dialect.header);
  EXPECT_EQ(table.lines, (std::vector<int64_t>{2, 4, 5}));
  EXPECT_EQ(table.rows(), 3);
  ASSERT_EQ(table.columns.size(), 4u);
  expect_numbers(table.columns[0], {1, 2, 3});
  expect_dates(table.columns[1], {18263, 18264, 18262}, "YYYY-MM-DD");
  expect_numbers(table.columns[2], {0.5, nan, 1});
  expect_texts(table.columns[3], {"a", "b", "a"});
  EXPECT_EQ(table.columns[3].words, (Strings{"a", "b"}));
  EXPECT_EQ(table.columns[2].name, "column 3");
  EXPECT_EQ(table.columns[2].missing_as, (std::map<std::string, int64_t>{{"", 1}}));
  EXPECT_EQ(table.find("kind"), &table.columns[3]);
  EXPECT_EQ(table.find("column 4"), nullptr);
  EXPECT_EQ(read("1,2\n3,4\n").columns[1].name, "column 2");
}

TEST(RawTable, numbers_in_every_form) {
  expect_numbers(column({"1", "-2.5", "+3e2", ".5", "3504.", "1E-3", "0.10"}), {1, -2.5, 300, .5, 3504, 1e-3, .1});
  expect_numbers(column({"\"1,234\"", "\"12,345,678.5\"", "7", "-0.5"}), {1234, 12345678.5, 7, -.5}, "1,234");
  expect_numbers(column({"1 234", "12 345.5", "7"}), {1234, 12345.5, 7}, "1 234");
  expect_numbers(column({"1\u00A0234", "-12\u202F345"}), {1234, -12345}, "1 234");
  expect_numbers(column({"1'234", "1'234'567.25"}), {1234, 1234567.25}, "1'234");
  expect_numbers(column({"3,14", "-1.234.567,8", "2", "1,5e3"}, {}, ";"), {3.14, -1234567.8, 2, 1500}, "3,14");
  expect_numbers(column({"1,234", "2,5"}, {}, "\t"), {1.234, 2.5}, "3,14");
  expect_numbers(column({"1,234", "2,500"}, {}, ";"), {1.234, 2.5}, "3,14");
  expect_numbers(column({"1,234", "2,500"}, {}, "\t"), {1234, 2500}, "1,234");
  expect_numbers(column({"12.5%", "3 %"}), {12.5, 3}, "%");
  expect_numbers(column({"$5", "\"-$1,234.50\"", "\u20AC 3", "\u00A3.5"}), {5, -1234.5, 3, .5}, "$");
}

TEST(RawTable, what_is_no_number_is_text) {
  for (const std::string text :
       {"inf",   "-inf",     "1e999",      "0x10",      "1..2",          "1.2.3", "--1", "1e", "e5",    ".",   "+",
        "1_000", "\"1,23\"", "\"1,2345\"", "\"0,123\"", "\"1,234 567\"", "1 23",  "$",   "%",  "1e5%%", "true"})
    EXPECT_EQ(column({"x1", text}).type, CellType::text) << text;
  for (const std::string text :
       {"inf", "1e999", "0x10", "1..2", "--1", "1e", "\"3,14\"", "\"1,23\"", "12%", "$5", "true"})
    EXPECT_EQ(column({"5", text}).type, CellType::text) << text;
}

TEST(RawTable, dates_in_every_form) {
  expect_dates(column({"1970-01-01", "2000-02-29", "1969-12-31"}), {0, 11016, -1}, "YYYY-MM-DD");
  expect_dates(column({"1970/1/2", "1970/01/03"}), {1, 2}, "YYYY/MM/DD");
  expect_dates(column({"1.2.1970", "31.12.1970"}), {31, 364}, "DD.MM.YYYY");
  expect_dates(column({"1/2/1970", "12/31/1970"}), {1, 364}, "MM/DD/YYYY");
  expect_dates(column({"1/2/1970", "31/12/1970"}), {31, 364}, "DD/MM/YYYY");
  expect_dates(column({"1/2/1970", "3/4/1970"}), {1, 62}, "MM/DD/YYYY");
  expect_dates(column({"1949-01", "1970-02"}), {-7670, 31}, "YYYY-MM");
  expect_dates(column({"1970-01-01 06:00", "1970-01-01T12:00:00Z", "1970-01-02 00:00:43.2"}), {.25, .5, 1.0005},
               "YYYY-MM-DD");
  expect_dates(column({"0001-01-01", "9999-12-31", "1900-03-01"}), {-719162, 2932896, -25508}, "YYYY-MM-DD");
  for (const std::string text :
       {"1970-13-01", "1970-00-01", "1970-02-30", "1900-02-29", "1970-1-1", "70-01-01", "0000-01-01",
        "1970-01-01 24:00", "1970-01-01 1:60", "1970-01-01x", "1970-01-01 ", "1970-01"})
    EXPECT_EQ(column({"1970-01-01", text}).type, text.back() == ' ' ? CellType::date : CellType::text) << text;
}

TEST(RawTable, missing_has_many_words) {
  const TableColumn numbers =
      column({"1", "", "?", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "-", ".", "\"?\"", "\"\""});
  EXPECT_EQ(numbers.type, CellType::number);
  EXPECT_EQ(numbers.missing, 14);
  EXPECT_EQ(numbers.missing_as.at("?"), 2);
  EXPECT_EQ(numbers.missing_as.at("-"), 1);
  const TableColumn texts = column({"a", "", "?", "-", ".", "nan", "a"});
  expect_texts(texts, {"a", "-1", "-1", "-", ".", "-1", "a"});
  EXPECT_EQ(texts.missing, 3);
  EXPECT_EQ(texts.words, (Strings{"a", "-", "."}));
  EXPECT_EQ(column({"1970-01-01", "-"}).type, CellType::date);
  const TableColumn none = column({"", "?", "-"});
  expect_numbers(none, {nan, nan, nan});
  EXPECT_EQ(none.missing, 3);
  expect_numbers(column({"1", "-999", "unknown"}, {.missing = {"-999", "unknown"}}), {1, nan, nan});
  expect_texts(column({"a", "unknown"}, {.missing = {"unknown"}}), {"a", "-1"});
}

TEST(RawTable, codes_with_leading_zeros_are_texts) {
  expect_texts(column({"01234", "99999", "?", "12345"}), {"01234", "99999", "-1", "12345"});
  expect_numbers(column({"01", "12"}), {1, 12}, "");
  expect_numbers(column({"0123", "12"}), {123, 12}, "");
  expect_numbers(column({"012", "1.5"}), {12, 1.5}, "");
  expect_numbers(column({"123", "456"}), {123, 456}, "");
  expect_numbers(column({"000", "456"}, {.types = {{"x", CellType::number}}}), {0, 456});
}

// A cell that the head of the file does not foretell: behind its first 1000 rows.
TEST(RawTable, a_late_surprise_is_read_again) {
  const auto late = [](const std::string& cell, const Strings& surprises, size_t rows = 3000) {
    Strings cells(rows, cell);
    for (size_t i = 0; i < surprises.size(); ++i) cells[rows - 2 * surprises.size() + 2 * i] = surprises[i];
    return cells;
  };
  const auto type = [&](const std::string& cell, const Strings& surprises) {
    return column(late(cell, surprises)).type;
  };
  EXPECT_EQ(type("5", {"x"}), CellType::text);
  EXPECT_EQ(type("5", {"\"1,234\""}), CellType::number);
  EXPECT_EQ(type("5", {"\"1,234\"", "x"}), CellType::text);
  EXPECT_EQ(type("5", {"\"1,234\"", "1 234"}), CellType::text) << "no form has both";
  EXPECT_EQ(type("5", {"1970-01-01"}), CellType::text);
  EXPECT_EQ(type("?", {"1970-01-01"}), CellType::date) << "nothing but missing above";
  EXPECT_EQ(type("?", {"a"}), CellType::text);
  EXPECT_EQ(type("00123", {"1234"}), CellType::number) << "codes so far";
  EXPECT_EQ(type("00123", {"x"}), CellType::text);
  EXPECT_EQ(type("10123", {"01234"}), CellType::text);
  EXPECT_EQ(type("10123", {"0123"}), CellType::number);
  const TableColumn days = column(late("1/2/1970", {"13/2/1970"}));
  EXPECT_EQ(days.format, "DD/MM/YYYY");
  EXPECT_EQ(days.numbers[0], 31);
  EXPECT_EQ(type("1/2/1970", {"2/13/1970", "13/2/1970"}), CellType::text);
  const TableColumn marks = column(late("5", {"1,234", "-"}), {}, ";");
  EXPECT_EQ(marks.format, "3,14");
  EXPECT_EQ(marks.missing, 1) << "counted in one pass only";
  EXPECT_EQ(marks.numbers.size(), 3000u);
  const TableColumn texts = column(late("5", {"x", "-", "?"}));
  EXPECT_EQ(texts.words, (Strings{"5", "x", "-"}));
  EXPECT_EQ(texts.missing, 1);
}

TEST(RawTable, too_many_words_are_not_kept) {
  Strings cells;
  for (size_t i = 0; i < TableColumn::most_words; ++i) cells.push_back("w" + std::to_string(i));
  cells.push_back("?");
  const TableColumn most = column(cells);
  EXPECT_FALSE(most.various);
  EXPECT_EQ(most.words.size(), TableColumn::most_words);
  EXPECT_EQ(most.codes.back(), -1);
  EXPECT_EQ(most.codes[65535], 65535);
  cells.insert(cells.end(), {"one more", "", "w0"});
  const TableColumn various = column(cells);
  EXPECT_TRUE(various.various);
  EXPECT_TRUE(various.words.empty() && various.codes.empty());
  EXPECT_EQ(various.type, CellType::text);
  EXPECT_EQ(various.missing, 2);
}

TEST(RawTable, columns_can_be_left_out) {
  const RawTable table = read("a,b,c\n1,x,2\n3,y,4\n", {.leave_out = {"b", "nobody"}});
  ASSERT_EQ(table.columns.size(), 2u);
  EXPECT_EQ(table.columns[1].name, "c");
  expect_numbers(table.columns[1], {2, 4});
  EXPECT_EQ(read("1,2\n3,4\n", {.leave_out = {"column 1"}}).columns.size(), 1u);
}

// A row longer than what the types are guessed from, whatever stands where that ends.
TEST(RawTable, rows_may_be_long) {
  std::string row;
  while (row.size() < (size_t(1) << 21))
    row += (row.empty() ? "" : ",") + ("1970-01-02 00:00:00." + std::string(30, '0'));
  const RawTable table = read(row + "\n" + row);
  EXPECT_EQ(table.rows(), 2);
  for (const TableColumn& column : table.columns) ASSERT_EQ(column.type, CellType::date) << column.name;
  // The head ends within a quoted cell that holds line ends.
  const std::string cell = "\"" + std::string(9000, 'a') + "\n; ;\n" + std::string(1000, 'b') + "\"";
  std::string rows;
  for (int i = 0; i < 150; ++i) rows += "1;2," + cell + "\n";
  EXPECT_EQ(read(rows).columns.size(), 2u);
}

TEST(RawTable, fixed_types_hold) {
  const auto fixed = [](CellType type, const std::string& format = "") {
    TableOptions options{.types = {{"x", type}}};
    if (!format.empty()) options.formats = {{"x", format}};
    return options;
  };
  expect_texts(column({"1", "2", "?"}, fixed(CellType::text)), {"1", "2", "-1"});
  expect_bad_input({"table.csv", "line 3, \"x\"", "\"red\" is no number"}, [&] {
    column({"1", "red"}, fixed(CellType::number));
  });
  expect_bad_input({"line 2", "\"red\" is no number"}, [&] { column({"red", "1"}, fixed(CellType::number)); });
  expect_bad_input({"line 3", "\"5\" is no date"}, [&] { column({"1970-01-01", "5"}, fixed(CellType::date)); });
  expect_bad_input({"line 3", "no number"}, [&] { column({"\"1,234\"", "1 234"}, fixed(CellType::number)); });
  Strings late(3000, "5");
  late[2500] = "red";
  expect_bad_input({"line 2502", "\"red\" is no number"}, [&] { column(late, fixed(CellType::number)); });
  late[2500] = "\"1,234\"";
  EXPECT_EQ(column(late, fixed(CellType::number)).numbers[2500], 1234);
  late[2600] = "red";
  expect_bad_input({"line 2602", "\"red\" is no number"}, [&] { column(late, fixed(CellType::number)); });
  expect_dates(column({"1/2/1970"}, fixed(CellType::date, "DD/MM/YYYY")), {31}, "DD/MM/YYYY");
  expect_bad_input({"line 2", "no date like DD/MM/YYYY"},
                   [&] { column({"1/31/1970"}, fixed(CellType::date, "DD/MM/YYYY")); });
}

TEST(RawTable, says_what_is_wrong_with_the_whole) {
  expect_bad_input({"table.csv", "is empty"}, [] { read(""); });
  expect_bad_input({"is empty"}, [] { read("\n \n"); });
  expect_bad_input({"a header and no row"}, [] { read("a,b\n", {.dialect = {.header = true}}); });
  expect_bad_input({"line 4 has 3 cells, line 1 has 2", "separated by ,"}, [] { read("a,b\n1,2\n\n3,4,5\n"); });
  expect_bad_input({"line 3 has 1 cell, line 1 has 2"}, [] { read("a,b\n1,2\n3\n"); });
  expect_bad_input({"has 1 column, at least 2"}, [] { read("1\n2\n"); });
  EXPECT_EQ(read("1\n2\n", {.least_columns = 1}).columns.size(), 1u);
  expect_bad_input({"two columns are called \"a\""}, [] { read("a,b,a\n1,2,3\n4,5,6\n"); });
  expect_bad_input({"line 3", "never closed"}, [] { read("a,b\n1,2\n3,\"4\n"); });
  expect_bad_input({"line 2", "0xE9"}, [] { read("a,b\n1,\xE9\n"); });
  expect_bad_input({"UTF-16"}, [] {
    read(std::string("\xFF\xFE"
                     "a\0,\0b\0",
                     8));
  });
  expect_bad_input({"zero byte"}, [] { read(std::string("a,b\n1,\0\n", 8)); });
}

// The same table, or the same error, whatever the blocks, from memory, from a file and from a packed one.
TEST(RawTable, does_not_depend_on_blocks) {
  Scratch scratch;
  rc::check([&] {
    const auto piece = rc::gen::weightedElement<std::string>({{8, "1"},
                                                              {3, "2.5"},
                                                              {2, "?"},
                                                              {2, "red"},
                                                              {1, "01234"},
                                                              {1, "1970-01-02"},
                                                              {1, "\"1,234\""},
                                                              {1, "\"a\nb\""},
                                                              {1, "\"open"},
                                                              {1, "\u00E9"},
                                                              {1, "\xE9"}});
    const auto rows = *rc::gen::inRange(0, 30);
    const auto columns = *rc::gen::inRange(2, 5);
    std::string text;
    for (int i = 0; i < rows; ++i) {
      for (int c = 0; c < columns; ++c) text += (c > 0 ? "," : "") + *piece;
      if (*rc::gen::inRange(0, 40) == 0) text += ",";
      text += "\n";
    }
    const auto seen = [&](ByteSource source, size_t block) {
      try {
        return all_of(read_table(source, {.block = block}, "t"));
      } catch (const Error& error) { return std::string(error.what()); }
    };
    const Bytes bytes = bytes_of_text(text);
    const std::string whole = seen(ByteSource::of(bytes), Records::usual_block);
    for (const size_t block : {4, 9, 64}) RC_ASSERT(seen(ByteSource::of(bytes), block) == whole);
    RC_ASSERT(seen(ByteSource::open(scratch.write("plain.csv", text)), 11) == whole);
    if (!text.empty()) RC_ASSERT(seen(ByteSource::open(scratch.write("packed.csv", gzip(bytes))), 11) == whole);
  });
}

// Random columns written in a random dialect come back: values, words, what is missing.
TEST(RawTable, reads_back_what_was_written) {
  rc::check([] {
    const Separator separator =
        *rc::gen::element(Separator::comma, Separator::semicolon, Separator::tab, Separator::bar, Separator::blanks);
    const auto rows = *rc::gen::inRange<size_t>(3, 40);
    const auto numbers =
        *rc::gen::container<Numbers>(rows, rc::gen::map(rc::gen::arbitrary<int64_t>(), [](int64_t bits) {
                                       double value = 0;
                                       std::memcpy(&value, &bits, 8);
                                       return std::isfinite(value) ? value : double(bits) / 7;
                                     }));
    const auto texts = *rc::gen::container<Strings>(
        rows, rc::gen::map(rc::gen::container<std::string>(rc::gen::element('b', ',', ';', '"', ' ', '|', '\n')),
                           [](const std::string& s) { return "a" + s + "c"; }));
    const auto gaps = *rc::gen::container<std::vector<bool>>(rows, rc::gen::arbitrary<bool>());
    std::string text;
    for (size_t i = 0; i < rows; ++i) {
      char digits[32];
      text += std::string(digits, std::to_chars(digits, digits + 32, numbers[i]).ptr) + character(separator) + "\"";
      for (const char c : texts[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += std::string("\"") + character(separator) + (gaps[i] ? "?" : "7") + "\n";
    }
    const RawTable table = read(text, {.dialect = {.separator = separator, .header = false}});
    RC_ASSERT(table.columns.size() == 3u);
    RC_ASSERT(table.columns[0].numbers == numbers);
    RC_ASSERT(words(table.columns[1]) == texts);
    for (size_t i = 0; i < rows; ++i) RC_ASSERT(std::isnan(table.columns[2].numbers[i]) == gaps[i]);
  });
}

TEST(ParseNumber, is_correctly_rounded) {
  double value = 0;
  const auto parsed = [&](const std::string& text) { return parse_number(text, value) ? value : nan; };
  EXPECT_EQ(parsed("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(parsed("0.30000000000000004"), 0.30000000000000004);
  EXPECT_EQ(parsed("1e22"), 1e22);
  EXPECT_EQ(parsed("1e23"), 1e23);
  EXPECT_EQ(parsed("123456789012345678901234567890"), 123456789012345678901234567890.0);
  EXPECT_EQ(parsed("2.2250738585072011e-308"), 2.2250738585072011e-308);
  EXPECT_EQ(parsed("1e-999"), 0);
  EXPECT_EQ(parsed("1e-99999999999999999999"), 0);
  EXPECT_EQ(parsed("0e999"), 0);
  EXPECT_EQ(parsed("0." + std::string(400, '0') + "1"), 0);
  EXPECT_EQ(parsed("0." + std::string(400, '0') + "1e401"), 1);
  EXPECT_TRUE(std::signbit(parsed("-0")));
  EXPECT_TRUE(std::isnan(parsed("1" + std::string(400, '0'))));
  EXPECT_TRUE(std::isnan(parsed("1e99999999999999999999")));
  for (const std::string bad : {"",    "+",   "-",   ".",   "-.",  "1e",  "1e+",  "e1",        " 1",       "1 ",
                                "+-1", "1,2", "inf", "nan", "0x1", "1..", "1.2.", "12345678a", "1234567/", "1234567:"})
    EXPECT_TRUE(std::isnan(parsed(bad))) << bad;
}

TEST(ParseNumber, agrees_with_the_standard_library) {
  std::mt19937 random(1);
  int numbers = 0;
  for (int i = 0; i < 200000; ++i) {
    // Mostly a number, of any length, with now and then a character that makes it none.
    std::string text = random() % 4 == 0 ? "-" : "";
    const auto digits = [&](size_t most) {
      for (size_t n = random() % (most + 1); n > 0; --n) text += char('0' + random() % 10);
    };
    digits(random() % 8 == 0 ? 25 : 8);
    if (random() % 3 != 0) text += '.';
    digits(random() % 8 == 0 ? 25 : 6);
    if (random() % 4 == 0) text += (random() % 2 ? "e" : "E") + std::to_string(int(random() % 400) - 200);
    if (random() % 8 == 0 && !text.empty()) text[random() % text.size()] = char(32 + random() % 96);
    if (text.starts_with('+')) continue; // which the library does not take
    double ours = 0, theirs = 0;
    const bool good = parse_number(text, ours);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), theirs);
    if (error == std::errc::result_out_of_range) continue;
    ASSERT_EQ(good, error == std::errc() && end == text.data() + text.size()) << text;
    numbers += good;
    ASSERT_TRUE(!good || (ours == theirs && std::signbit(ours) == std::signbit(theirs))) << text;
  }
  EXPECT_GT(numbers, 150000);
}

// The files of a directory of real data, named by VITRO_DATA: rows, types and gaps as they are known.
TEST(RawTable, real_files) {
  const char* const data = std::getenv("VITRO_DATA");
  if (data == nullptr) return;
  struct Known {
    std::string file;
    int64_t rows;
    std::string types; // n, d, t for each column
    int64_t missing;
    Dialect dialect;
  };
  const std::string n12(12, 'n');
  for (const Known& known : std::initializer_list<Known>{
           {"iris.csv", 150, "nnnnt", 0, {}},
           {"wheat-seeds.csv", 210, "nnnnnnnn", 0, {}},
           {"banknote_authentication.csv", 1372, "nnnnn", 0, {}},
           {"sonar.csv", 208, std::string(60, 'n') + "t", 0, {}},
           {"pima-indians-diabetes.csv", 768, "nnnnnnnnn", 0, {}},
           {"breast-cancer-wisconsin.data", 699, "nnnnnnnnnnn", 16, {}},
           {"breast-cancer.csv", 286, "tttttntttt", 9, {Separator::comma, '\''}},
           {"titanic.csv", 891, "nnnttnnntntt", 866, {.header = true}},
           {"adult-train.csv.gz",
            32561,
            "ntntnttttt"
            "nnntt",
            4262,
            {}},
           {"adult-test.csv.gz",
            16281,
            "ntntnttttt"
            "nnntt",
            2203,
            {}},
           {"student_data.csv", 400, "nnnn", 0, {.header = true}},
           {"udacity-points.csv", 100, "nnn", 0, {}},
           {"housing.data", 506, std::string(14, 'n'), 0, {Separator::blanks}},
           {"california-housing.csv", 20640, "nnnnnnnnnt", 207, {.header = true}},
           {"auto-mpg.data", 398, "nnnnnnnnt", 6, {Separator::blanks}},
           {"abalone.csv", 4177, "tnnnnnnnn", 0, {}},
           {"winequality-red.csv", 1599, n12, 0, {Separator::semicolon, '"', true}},
           {"winequality-white.csv", 4898, n12, 0, {Separator::semicolon, '"', true}},
           {"airline-passengers.csv", 144, "dn", 0, {.header = true}},
           {"daily-min-temperatures.csv", 3650, "dn", 0, {.header = true}},
       }) {
    ByteSource source = ByteSource::open(std::string(data) + "/tabular/" + known.file);
    const RawTable table = read_table(source, {}, known.file);
    EXPECT_EQ(table.rows(), known.rows) << known.file;
    EXPECT_EQ(table.dialect, known.dialect) << known.file;
    std::string types;
    int64_t missing = 0;
    for (const TableColumn& column : table.columns) {
      types += name(column.type)[0];
      missing += column.missing;
    }
    EXPECT_EQ(types, known.types) << known.file;
    EXPECT_EQ(missing, known.missing) << known.file;
    EXPECT_EQ(all_of(read_table(source, {.block = 1000}, known.file)), all_of(table)) << known.file;
  }
}

} // namespace
} // namespace vitro

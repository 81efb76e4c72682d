// Records of text tables: the grammar, every way to break it, and that blocks do not matter; and the guess of dialects.
#include "data/records.h"

#include <rapidcheck.h>

#include "data_scratch.h"

namespace vitro {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

Rows records(const std::string& text, const Dialect& dialect = {}, size_t block = Records::usual_block,
             std::vector<int64_t>* lines = nullptr) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  Records reader(source, dialect, "records.csv", block);
  std::vector<Cell> cells;
  Rows out;
  while (reader.next(cells)) {
    Row& row = out.emplace_back();
    for (const Cell& cell : cells) row.emplace_back(cell.text);
    if (lines) lines->push_back(reader.line());
  }
  return out;
}

// What came out before the error, the lines, and the error: all that a caller can see.
std::string all_of(const std::string& text, const Dialect& dialect, size_t block) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  std::string out;
  try {
    Records reader(source, dialect, "records.csv", block);
    std::vector<Cell> cells;
    while (reader.next(cells)) {
      out += std::to_string(reader.line());
      for (const Cell& cell : cells) (out += cell.quoted ? "'" : " ") += cell.text;
      out += '\n';
    }
  } catch (const Error& error) { out += error.what(); }
  return out;
}

TEST(Records, follow_rfc_4180) {
  EXPECT_EQ(records("a,b\r\nc,d\r\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(records("a,b"), (Rows{{"a", "b"}})) << "no newline at the end";
  EXPECT_EQ(records("\"a,1\",\"say \"\"x\"\"\",\"two\nlines\"\nb,,"),
            (Rows{{"a,1", "say \"x\"", "two\nlines"}, {"b", "", ""}}));
  EXPECT_EQ(records("\"\",\"\"\"\"\n"), (Rows{{"", "\""}}));
  EXPECT_EQ(records(""), Rows{});
}

TEST(Records, take_what_real_files_do) {
  const Dialect blanks{Separator::blanks}, tab{Separator::tab};
  EXPECT_EQ(records("\xEF\xBB\xBF"
                    "a, b ,c\n\n \n\t\nd,e,f\n\n"),
            (Rows{{"a", "b", "c"}, {"d", "e", "f"}}));
  EXPECT_EQ(records("a,b\rc,d\r"), (Rows{{"a", "b"}, {"c", "d"}})) << "old Mac files";
  EXPECT_EQ(records("  1.5   2\t 3  \n4 5 6", blanks), (Rows{{"1.5", "2", "3"}, {"4", "5", "6"}}));
  EXPECT_EQ(records("1 2\t\"a b\"  \n\"c d\" \"e\" 3", blanks), (Rows{{"1", "2", "a b"}, {"c d", "e", "3"}}));
  EXPECT_EQ(records("a\t\tc\n\t\t\n", tab), (Rows{{"a", "", "c"}, {"", "", ""}})) << "empty cells between tabs";
  EXPECT_EQ(records("\n \n"), Rows{});
  EXPECT_EQ(records("5\" pipe,6'\n", {}), (Rows{{"5\" pipe", "6'"}})) << "a quote inside a cell is a character";
  EXPECT_EQ(records("'it''s','a,b',c's\n", {Separator::comma, '\''}), (Rows{{"it's", "a,b", "c's"}}));
  EXPECT_EQ(records("\"a\",'b'\n", {Separator::comma, 0}), (Rows{{"\"a\"", "'b'"}}));
  EXPECT_EQ(records(" \"a\" ,\t\"b\"\t\n"), (Rows{{"a", "b"}})) << "blanks around quotes";
}

TEST(Records, tell_quoted_cells) { EXPECT_EQ(all_of("\"\",,\"nan\"", {}, 16), "1' 'nan\n"); }

TEST(Records, know_their_lines) {
  std::vector<int64_t> lines;
  records("a\n\n\"b\r\nb\rb\"\r\nc\rd", {}, 4, &lines);
  EXPECT_EQ(lines, (std::vector<int64_t>{1, 3, 6, 7}));
}

TEST(Records, refuse_broken_quotes) {
  expect_bad_input({"records.csv", "line 2, column 2", "never closed"}, [] { records("a,b\nc,\"d\n\n"); });
  expect_bad_input({"line 1, column 1", "text follows a closing quote"}, [] { records("\"a\"b,c\n"); });
  expect_bad_input({"line 3, column 2", "text follows a closing quote"}, [] { records("a,b\n\"x\ny\",\"z\" 1\n"); });
}

TEST(Records, refuse_what_is_no_text) {
  expect_bad_input({"line 2, byte 5", "zero byte"}, [] { records(std::string("a,b\nc\0,d", 8)); });
  expect_bad_input({"line 2, byte 5", "0xE9 is no UTF-8", "iconv -f latin1"}, [] { records("a,b\nx\xE9,d\n"); });
  expect_bad_input({"UTF-16", "iconv -f utf-16"}, [] {
    records(std::string("\xFF\xFE"
                        "a\0,\0",
                        6));
  });
  expect_bad_input({"UTF-16"}, [] { records(std::string("\xFE\xFF\0a\0,", 6)); });
}

TEST(Records, know_utf_8) {
  for (const std::string good :
       {"\u00E9", "\u07FF", "\u0800", "\uFFFD", "\U00010000", "\U0010FFFF", "\uD7FF", "\uE000"})
    for (size_t before = 0; before < 12; ++before)
      EXPECT_EQ(records(std::string(before, 'a') + good, {}, 4), (Rows{{std::string(before, 'a') + good}}));
  // Overlong, surrogates, beyond the last, cut, alone, never used.
  for (const std::string bad :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82",
        "\x80", "\xFF", "\xF5\x80\x80\x80", "\xC3", "\xE2\x28\xA1"})
    for (size_t before = 0; before < 12; ++before)
      for (const std::string after : {"", ",b\n"})
        expect_bad_input({"line 1, byte " + std::to_string(before), "no UTF-8"},
                         [&] { records(std::string(before, 'a') + bad + after, {}, 4); });
}

TEST(Records, refuse_endless_cells_and_records) {
  const std::string most(Records::longest_cell, 'x');
  EXPECT_EQ(records("a," + most + "\n")[0][1].size(), Records::longest_cell);
  EXPECT_EQ(records("a,\"" + most + "\"\n")[0][1].size(), Records::longest_cell);
  expect_bad_input({"line 2, column 1", "1048576 bytes", "line end"}, [&] { records("a\nx" + most); });
  expect_bad_input({"line 2, column 1", "1048576 bytes", "closed"}, [&] { records("a\n\"x" + most + "\""); });
  std::string commas(Records::most_cells - 1, ',');
  EXPECT_EQ(records("a\n" + commas)[1].size(), Records::most_cells);
  expect_bad_input({"line 2", "more than 100000 cells"}, [&] { records("a\n," + commas); });
}

TEST(Records, do_not_depend_on_blocks) {
  rc::check([] {
    const Dialect dialect{
        *rc::gen::element(Separator::comma, Separator::semicolon, Separator::tab, Separator::bar, Separator::blanks),
        *rc::gen::element('"', '\'', '\0')};
    const auto piece = rc::gen::weightedElement<std::string>({{8, "a"},
                                                              {2, "\u00E9"},
                                                              {2, "\U0001F600"},
                                                              {6, ","},
                                                              {3, ";"},
                                                              {3, "\t"},
                                                              {3, "|"},
                                                              {4, " "},
                                                              {4, "\""},
                                                              {2, "'"},
                                                              {4, "\n"},
                                                              {3, "\r\n"},
                                                              {1, "\r"},
                                                              {1, "long text"}});
    std::string text;
    for (const std::string& one : *rc::gen::container<std::vector<std::string>>(piece)) text += one;
    // Now and then a byte that is no text.
    if (*rc::gen::inRange(0, 5) == 0)
      text.insert(*rc::gen::inRange<size_t>(0, text.size() + 1), 1, *rc::gen::element('\0', '\xE9', '\xFF'));
    const std::string whole = all_of(text, dialect, Records::usual_block);
    for (const size_t block : {4, 5, 7, 16, 64}) RC_ASSERT(all_of(text, dialect, block) == whole);
  });
}

// A table written in a dialect reads back.
TEST(Records, read_back_what_was_written) {
  rc::check([] {
    const Dialect dialect{
        *rc::gen::element(Separator::comma, Separator::semicolon, Separator::tab, Separator::bar, Separator::blanks),
        *rc::gen::element('"', '\'')};
    const std::string newline = *rc::gen::element<std::string>("\n", "\r\n", "\r");
    const auto width = *rc::gen::inRange<size_t>(1, 5);
    const auto cell =
        rc::gen::container<std::string>(rc::gen::element('a', '7', ' ', ',', ';', '\t', '|', '"', '\'', '\n', '\r'));
    const Rows rows = *rc::gen::container<Rows>(rc::gen::container<Row>(width, cell));
    std::string text;
    for (const Row& row : rows) {
      for (size_t c = 0; c < width; ++c) {
        if (c > 0) text += character(dialect.separator);
        const bool plain = !row[c].empty() && row[c].find_first_of(" ,;\t|\"'\n\r") == std::string::npos;
        if (plain && *rc::gen::arbitrary<bool>()) {
          text += row[c];
          continue;
        }
        text += dialect.quote;
        for (const char one : row[c]) text += one == dialect.quote ? std::string(2, one) : std::string(1, one);
        text += dialect.quote;
      }
      text += newline;
    }
    RC_ASSERT(records(text, dialect, *rc::gen::inRange<size_t>(4, 100)) == rows);
  });
}

Dialect guess(const std::string& text, const DialectOptions& options = {}) {
  return guess_dialect(bytes_of_text(text), options);
}

TEST(Dialect, separators_are_those_that_cut_evenly) {
  const auto separator = [](const std::string& text) { return guess(text).separator; };
  EXPECT_EQ(separator("1,2,3\n"), Separator::comma);
  EXPECT_EQ(separator("1,5;2,5;1\n2,5;3;4\n"), Separator::semicolon) << "decimal commas";
  EXPECT_EQ(separator("a\tb, c\td\n"), Separator::tab);
  EXPECT_EQ(separator("1|2|3"), Separator::bar);
  EXPECT_EQ(separator("\n\n  0.00632  18.00   2.310\n 1.0 2 3"), Separator::blanks);
  EXPECT_EQ(separator("\"a;b\",c\n"), Separator::comma) << "quoted ones do not count";
  EXPECT_EQ(separator("a;b,1\nc,2\n"), Separator::comma) << "a semicolon in one cell";
  EXPECT_EQ(separator("39, Private, 7\n50, Self, 8\n"), Separator::comma) << "blanks cut evenly too";
  EXPECT_EQ(separator("18.0  8 307.0\t\"a b c\"\n15.0  8 ?\t\"d\"\n"), Separator::blanks) << "a tab among blanks";
  EXPECT_EQ(separator("New York\t1 234\nSan Diego\t5 678\n"), Separator::tab) << "blanks within cells";
  EXPECT_EQ(separator("a,b\n1,2\n3\n"), Separator::comma) << "ragged: the error is to name what was meant";
  EXPECT_EQ(separator("3.5\n4.5\n"), Separator::comma) << "one column";
  EXPECT_EQ(guess("1;2,3\n", {.separator = Separator::comma}).separator, Separator::comma) << "as told";
}

TEST(Dialect, single_quotes_count_where_the_file_is_full_of_them) {
  EXPECT_EQ(guess("'40-49','a, b',nan\n'50-59','c','no'\n").quote, '\'');
  EXPECT_EQ(guess("\"a\",'b'\n").quote, '"');
  EXPECT_EQ(guess("tis,1\n'tis,2\nrock 'n' roll,3\n").quote, '"') << "apostrophes";
  EXPECT_EQ(guess("a,b\n1,2\n").quote, '"');
}

TEST(Dialect, headers_are_texts_above_values) {
  const auto header = [](const std::string& text) { return guess(text).header; };
  EXPECT_TRUE(header("x,y,kind\n1,2,red\n3,4,blue\n"));
  EXPECT_TRUE(header("Month;n\n1949-01;a\n1949-02;b\n"));
  EXPECT_TRUE(header(",x\na,1\nb,2\n")) << "a first column without a name";
  EXPECT_TRUE(header("x,y\n?,red\n3,blue\n")) << "missing below";
  EXPECT_TRUE(header("price,city\n\"1,234\",a\n\"2,500\",b\n"));
  EXPECT_FALSE(header("1,2,red\n3,4,blue\n"));
  EXPECT_FALSE(header("?,a\n2,b\n3,c\n")) << "a value that is missing is no name";
  EXPECT_FALSE(header("red,small\n"));
  EXPECT_TRUE(guess("1,2\n3,4\n", {.header = true}).header) << "as told";
  // Tables of texts alone.
  EXPECT_TRUE(header("colour,size\nred,small\nblue,small\nred,large\nred,large\n"));
  EXPECT_FALSE(header("red,small\nblue,small\nred,large\nred,large\n")) << "red comes again";
  EXPECT_FALSE(header("a,b\nc,d\ne,f\n")) << "nothing comes again: no telling";
}

TEST(Csv, cells_are_read_as_they_were_written) {
  EXPECT_EQ(csv_cell("plain text"), "plain text");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("a \"b\""), "\"a \"\"b\"\"\"");
  for (const std::string& text : {std::string("two\nlines"), std::string(" blanks around\t"), std::string("\""),
                                  std::string("\r"), std::string("a;b|c"), std::string("'q'")}) {
    const std::string file = csv_cell(text) + "," + csv_cell(text) + "\n";
    ByteSource source = ByteSource::of(ByteSpan(reinterpret_cast<const uint8_t*>(file.data()), file.size()));
    Records records(source, {}, "test");
    std::vector<Cell> cells;
    ASSERT_TRUE(records.next(cells));
    ASSERT_EQ(cells.size(), 2u) << file;
    EXPECT_EQ(cells[1].text, text);
  }
}

} // namespace
} // namespace vitro

// CSV: what files really look like, and every way in which one can be wrong.
#include "data/csv.h"

#include "data_scratch.h"

namespace vitro {
namespace {

using Strings = std::vector<std::string>;

Dataset read(const std::string& text, const CsvOptions& options = {}) {
  return read_csv(bytes_of_text(text), "points", "points.csv", options);
}

std::vector<Strings> records(const std::string& text, Separator separator = Separator::comma) {
  const Bytes bytes = bytes_of_text(text);
  CsvRecords reader(bytes, separator, "records.csv");
  std::vector<CsvField> fields;
  std::vector<Strings> out;
  while (reader.next(fields)) {
    Strings& row = out.emplace_back();
    for (const CsvField& field : fields) row.push_back(field.text);
  }
  return out;
}

TEST(CsvRecords, follow_rfc_4180) {
  EXPECT_EQ(records("a,b\r\nc,d\r\n"), (std::vector<Strings>{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(records("a,b"), (std::vector<Strings>{{"a", "b"}})) << "no newline at the end";
  EXPECT_EQ(records("\"a,1\",\"say \"\"x\"\"\",\"two\nlines\"\nb,,"),
            (std::vector<Strings>{{"a,1", "say \"x\"", "two\nlines"}, {"b", "", ""}}));
  EXPECT_EQ(records("\"\",\"\"\"\"\n"), (std::vector<Strings>{{"", "\""}}));
}

TEST(CsvRecords, take_what_real_files_do) {
  EXPECT_EQ(records("\xEF\xBB\xBF"
                    "a, b ,c\n\n \n\t\nd,e,f\n\n"),
            (std::vector<Strings>{{"a", "b", "c"}, {"d", "e", "f"}}));
  EXPECT_EQ(records("a,b\rc,d\r"), (std::vector<Strings>{{"a", "b"}, {"c", "d"}})) << "old Mac files";
  EXPECT_EQ(records("  1.5   2\t 3  \n4 5 6", Separator::blanks),
            (std::vector<Strings>{{"1.5", "2", "3"}, {"4", "5", "6"}}));
  EXPECT_EQ(records("1 2\t\"a b\"\n", Separator::blanks), (std::vector<Strings>{{"1", "2", "a b"}}));
  EXPECT_EQ(records("a\t\tc\n", Separator::tab), (std::vector<Strings>{{"a", "", "c"}}))
      << "an empty cell between tabs";
  EXPECT_EQ(records("\n \n"), (std::vector<Strings>{}));
}

TEST(CsvRecords, know_their_lines) {
  const Bytes bytes = bytes_of_text("a\n\n\"b\nb\"\nc");
  CsvRecords reader(bytes, Separator::comma, "lines.csv");
  std::vector<CsvField> fields;
  std::vector<int64_t> lines;
  while (reader.next(fields)) lines.push_back(reader.line());
  EXPECT_EQ(lines, (std::vector<int64_t>{1, 3, 5}));
}

TEST(CsvRecords, refuse_broken_quotes_and_binary_files) {
  expect_bad_input({"records.csv", "line 2", "never closed"}, [] { records("a,b\nc,\"d\n\n"); });
  expect_bad_input({"line 1, column 1", "closing quote"}, [] { records("\"a\"b,c\n"); });
  expect_bad_input({"line 2", "zero byte"}, [] { records(std::string("a,b\nc\0,d", 8)); });
}

TEST(Csv, separators_are_guessed_from_the_first_record) {
  const auto guess = [](const std::string& text) { return guess_separator(bytes_of_text(text)); };
  EXPECT_EQ(guess("1,2,3\n"), Separator::comma);
  EXPECT_EQ(guess("1,5;2,5;1\n"), Separator::semicolon) << "decimal commas";
  EXPECT_EQ(guess("a\tb, c\td\n"), Separator::tab);
  EXPECT_EQ(guess("1|2|3"), Separator::bar);
  EXPECT_EQ(guess("\n\n  0.00632  18.00   2.310\n1,2"), Separator::blanks);
  EXPECT_EQ(guess("\"a;b\",c\n"), Separator::comma) << "quoted ones do not count";
}

TEST(Csv, points_with_a_class_column) {
  const Dataset data = read("x,y,kind\n1,2,red\n3,4.5,blue\n-1e-3,+6,red");
  EXPECT_EQ(data.schema.features, (Strings{"x", "y"}));
  EXPECT_EQ(data.schema.targets, (Strings{"kind"}));
  EXPECT_EQ(data.schema.classes, (Strings{"blue", "red"})) << "sorted, not as they appear";
  EXPECT_EQ(data.samples, Tensor({3, 2}, {1, 2, 3, 4.5, -1e-3, 6}));
  EXPECT_EQ(data.labels, Tensor({3}, {1, 0, 1}, DType::i32));
  EXPECT_EQ(data.schema.goal, Goal::classes);
}

TEST(Csv, without_header_columns_have_positions) {
  const Dataset data = read("1 ,2, 10\n3,4, 9\n5,6, 10\n7,8, 9\r\n");
  EXPECT_EQ(data.schema.features, (Strings{"column 1", "column 2"}));
  EXPECT_EQ(data.schema.classes, (Strings{"9", "10"})) << "numbers by value";
  EXPECT_EQ(data.labels, Tensor({4}, {1, 0, 1, 0}, DType::i32));
  EXPECT_EQ(read("1,2,1\n3,4,1.0\n5,6,0").schema.classes, (Strings{"0", "1"})) << "1 and 1.0 are one class";
}

TEST(Csv, the_target_by_name_or_position) {
  const std::string text = "admit,gre\n1,380\n0,660\n";
  for (const char* target : {"admit", "1", "-2"}) {
    const Dataset data = read(text, {.target = target});
    EXPECT_EQ(data.schema.targets, (Strings{"admit"})) << target;
    EXPECT_EQ(data.samples, Tensor({2, 1}, {380, 660})) << target;
  }
  expect_bad_input({"points.csv", "admitt", "did you mean \"admit\"", "admit, gre"},
                   [&] { read(text, {.target = "admitt"}); });
  expect_bad_input({"no column 3", "there are 2"}, [&] { read(text, {.target = "3"}); });
  expect_bad_input({"no column 0"}, [&] { read(text, {.target = "0"}); });
  expect_bad_input({"has no header", "position"}, [&] { read("1,2\n3,4", {.target = "x"}); });
}

TEST(Csv, a_header_is_a_first_row_without_numbers_above_one_with) {
  EXPECT_EQ(read("a,b\n1,0\n2,1").size(), 2);
  EXPECT_EQ(read("1,a\n2,b").size(), 2);
  EXPECT_EQ(read("1,2\n3,4\n5,6", {.header = true}).schema.features, (Strings{"1"}));
  expect_bad_input({"line 1, column 1", "\"a\" is not a number", "header=true"},
                   [] { read("a,1\n2,3", {.header = false}); });
}

TEST(Csv, classes_or_numbers) {
  const auto goal = [](const Strings& cells) { return guess_goal(cells); };
  EXPECT_EQ(goal({"a", "b"}), Goal::classes);
  EXPECT_EQ(goal({"0", "1", "1"}), Goal::classes) << "two whole numbers";
  EXPECT_EQ(goal({"1", "2", "3"}), Goal::numbers) << "three in three rows";
  EXPECT_EQ(goal({"1", "2", "3", "1", "2", "3", "1", "2", "3", "1", "2", "3"}), Goal::classes)
      << "three, four rows each";
  EXPECT_EQ(goal({"0.5", "1"}), Goal::numbers);
  Strings many;
  for (int i = 0; i < 2100; ++i) many.push_back(std::to_string(i % 21));
  EXPECT_EQ(goal(many), Goal::numbers) << "21 different";
  for (std::string& cell : many) cell = std::to_string(std::stoi(cell) % 20);
  EXPECT_EQ(goal(many), Goal::classes) << "20 different";

  const Dataset data = read("1,2.5\n2,3.5\n");
  EXPECT_EQ(data.schema.goal, Goal::numbers);
  EXPECT_EQ(data.targets, Tensor({2, 1}, {2.5, 3.5}));
  EXPECT_EQ(read("1,0\n2,1\n", {.goal = Goal::numbers}).targets, Tensor({2, 1}, {0, 1}));
}

TEST(Csv, refuses_ragged_rows) {
  expect_bad_input({"points.csv", "line 3 has 2 columns", "line 1 has 3"}, [] { read("1,2,0\n3,4,1\n5,6\n"); });
  expect_bad_input({"line 2 has 4 columns"}, [] { read("1,2,0\n3,4,1,7\n"); });
  expect_bad_input({"line 2 has 1 column,"}, [] { read("1,2,0\n3\n"); });
}

TEST(Csv, refuses_cells_that_are_no_number) {
  expect_bad_input({"line 3, column 2 (y)", "\"abc\" is not a number"}, [] { read("x,y,c\n1,2,0\n1,abc,1\n"); });
  expect_bad_input({"line 2, column 1", "is empty"}, [] { read("1,2,0\n,4,1\n"); });
  for (const char* cell : {"nan", "inf", "-inf", "1e999", "1e39"})
    expect_bad_input({"line 2, column 1", "not a finite number"},
                     [&] { read("1,2,0\n" + std::string(cell) + ",4,1\n"); });
  for (const char* cell : {"1e", "0x10", "++1", "1 2", "1,5", "--1", "?"})
    expect_bad_input({"line 2, column 1", "is not a number"}, [&] { read("1;2;0\n" + std::string(cell) + ";4;1\n"); });
  EXPECT_EQ(read("1,2,0\n1e-999,4,1\n").samples.at(2), 0) << "too small is zero";
}

TEST(Csv, refuses_tables_without_content) {
  expect_bad_input({"points.csv", "is empty"}, [] { read("\n\n"); });
  expect_bad_input({"a header and no row"}, [] { read("x,y\n", {.header = true}); });
  expect_bad_input({"one column"}, [] { read("1\n2\n"); });
  expect_bad_input({"is \"red\" in every row"}, [] { read("1,red\n2,red\n"); });
  expect_bad_input({"line 2", "is empty, a class"}, [] { read("1,a\n2,\n"); });
  expect_bad_input({"two columns are called \"x\""}, [] { read("x,x,c\n1,2,0\n"); });
  std::string names;
  for (int i = 0; i < 30; ++i) names += std::to_string(i) + ",name" + std::to_string(i) + "\n";
  expect_bad_input({"30 different texts in 30 rows", "target="}, [&] { read(names); });
}

TEST(Csv, any_bytes_give_a_set_or_one_error) {
  // Property: no input crashes, and whatever is accepted is a sound set. Bytes that matter are drawn often.
  const std::string alphabet = "01234567890.,;\t \n\r\"\"abe-+|x";
  uint64_t state = 1;
  const auto draw = [&](uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  };
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint64_t n = draw(40); n > 0; --n) text += draw(50) == 0 ? char(draw(256)) : alphabet[draw(alphabet.size())];
    try {
      check(read(text), "fuzz");
      ++accepted;
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input) << text; }
  }
  EXPECT_GT(accepted, 10) << "the property was tested on refused input only";
}

TEST(CsvSamples, columns_go_by_name_where_there_are_names) {
  const Schema schema = read("x,y,kind\n1,2,red\n3,4,blue\n").schema;
  const auto as = [&](const std::string& text) { return csv_samples(bytes_of_text(text), schema, "new.csv"); };
  const CsvSamples swapped = as("kind,id,y,x\nred,7,20,10\n");
  EXPECT_TRUE(swapped.labelled);
  EXPECT_EQ(swapped.data.samples, Tensor({1, 2}, {10, 20}));
  EXPECT_EQ(swapped.data.labels, Tensor({1}, {1}, DType::i32));
  const CsvSamples bare = as("5,6\n7,8\n");
  EXPECT_FALSE(bare.labelled);
  EXPECT_EQ(bare.data.samples, Tensor({2, 2}, {5, 6, 7, 8}));
  expect_bad_input({"new.csv", "\"green\" is no class", "blue, red"}, [&] { as("x,y,kind\n1,2,green\n"); });
  expect_bad_input({"has 1 columns", "takes 2"}, [&] { as("5\n"); });
  expect_bad_input({"none is called \"y\""}, [&] { as("x,z,u,v\n1,2,3,4\n"); });
  expect_bad_input({"which is \"kind\""}, [&] { as("5,6,red\n"); });
}

TEST(CsvSamples, without_names_the_target_lies_where_it_lay) {
  const Schema schema = read("1,5,6\n0,7,8\n", {.target = "1"}).schema;
  const CsvSamples read_back = csv_samples(bytes_of_text("1,50,60\n0,70,80\n"), schema, "new.csv");
  EXPECT_TRUE(read_back.labelled);
  EXPECT_EQ(read_back.data.samples, Tensor({2, 2}, {50, 60, 70, 80}));
  EXPECT_EQ(read_back.data.labels, Tensor({2}, {1, 0}, DType::i32));
}

} // namespace
} // namespace vitro

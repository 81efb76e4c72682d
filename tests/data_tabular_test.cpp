// A table becomes a data set: target, parts, columns; and takes raw rows again.
#include "data/tabular.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/batches.h"
#include "data_scratch.h"
#include "rounds.h"

namespace vitro {
namespace {

using Strings = std::vector<std::string>;

Splits open(const std::string& text, TabularOptions options = {.validation = 0.0, .test = 0.0}) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  return open_table(source, "points.csv", "points", options);
}
Dataset read(const std::string& text, TabularOptions options = {}) {
  options.validation = 0.0;
  if (options.folds == 0 && options.test_file.empty()) options.test = 0.0;
  return open(text, options).train;
}
TableSamples as(const Schema& schema, const std::string& text, const TabularOptions& options = {}) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  return open_table_as(source, schema, "new.csv", options);
}

TEST(Tabular, points_with_a_class_column) {
  const Dataset data = read("x,y,kind\n1,2,red\n3,4.5,blue\n-1e-3,+6,red");
  EXPECT_EQ(data.schema.features, (Strings{"x", "y"}));
  EXPECT_EQ(data.schema.targets, (Strings{"kind"}));
  EXPECT_EQ(data.schema.classes, (Strings{"blue", "red"})) << "sorted, not as they appear";
  EXPECT_EQ(data.samples, Tensor({3, 2}, {1, 2, 3, 4.5, -1e-3, 6}));
  EXPECT_EQ(data.labels, Tensor({3}, {1, 0, 1}, DType::i32));
  EXPECT_EQ(data.schema.goal, Goal::classes);
  EXPECT_EQ(data.origin.places, (std::vector<int64_t>{2, 3, 4}));
}

TEST(Tabular, without_header_columns_have_positions) {
  const Dataset data = read("1 ,2, 10\n3,4, 9\n5,6, 10\n7,8, 9\r\n");
  EXPECT_EQ(data.schema.features, (Strings{"column 1", "column 2"}));
  EXPECT_EQ(data.schema.classes, (Strings{"9", "10"})) << "numbers by value";
  EXPECT_EQ(data.labels, Tensor({4}, {1, 0, 1, 0}, DType::i32));
  EXPECT_EQ(read("1,2,1\n3,4,1.0\n5,6,0").schema.classes, (Strings{"0", "1"})) << "1 and 1.0 are one class";
}

TEST(Tabular, the_target_by_name_or_position) {
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
  const Splits said = open(text);
  ASSERT_FALSE(said.remarks.empty());
  EXPECT_NE(said.remarks[0].find("gre, the last column"), std::string::npos) << said.remarks[0];
}

TEST(Tabular, classes_or_numbers) {
  const auto goal = [](const Strings& cells) {
    std::string text = "id,t\n";
    for (const std::string& cell : cells) text += "1," + cell + "\n";
    const Bytes bytes = bytes_of_text(text);
    ByteSource source = ByteSource::of(bytes);
    return guess_goal(read_table(source, {}, "t").columns[1], "t");
  };
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
  EXPECT_EQ(read("1,0\n2,1\n", {.goal = Goal::numbers}).targets, Tensor({2, 1}, {0, 1}));
}

TEST(Tabular, targets_of_which_nothing_can_be_learned) {
  expect_bad_input({"\"red\" in every row"}, [] { read("1,red\n2,red\n"); });
  expect_bad_input({"is 3 in every row"}, [] { read("1,3\n2,3\n"); });
  expect_bad_input({"missing in every row"}, [] { read("1,?\n2,?\n"); });
  expect_bad_input({"holds dates"}, [] { read("1,2024-01-01\n2,2024-01-02\n"); });
  std::string names, counts;
  for (int i = 0; i < 30; ++i) {
    names += std::to_string(i * 0.5) + ",name" + std::to_string(i) + "\n";
    counts += std::to_string(i * 0.5) + "," + std::to_string(i + 7) + "\n";
  }
  expect_bad_input({"30 different texts in 30 rows", "--target"}, [&] { read(names); });
  expect_bad_input({"counts the rows", "--target"}, [&] { read(counts); });
  expect_bad_input({"holds texts, no numbers"}, [] { read("1,a\n2,b\n", {.goal = Goal::numbers}); });
  expect_bad_input({"no column is left", "the same in every row"}, [] { read("1,a\n1,b\n"); });
  expect_bad_input({"the column to predict"}, [] { read("x,t\n1,a\n2,b\n", {.drop = {"t"}}); });
}

TEST(Tabular, rows_without_a_target_are_left_out_and_counted) {
  const Splits all = open("x,t\n1,a\n2,\n3,b\n4,?\n");
  EXPECT_EQ(all.train.origin.places, (std::vector<int64_t>{2, 4}));
  EXPECT_NE(std::find_if(all.remarks.begin(), all.remarks.end(),
                         [](const auto& line) { return line.find("2 rows have no t") != std::string::npos; }),
            all.remarks.end());
}

// 200 rows: an id, a number with holes, a kind, a person of eight rows each, and whether it was sold.
std::string shop() {
  std::string text = "id,price,kind,person,sold\n";
  for (int i = 0; i < 200; ++i) {
    text += std::to_string(i + 1) + ",";
    if (i % 10 != 3) text += std::to_string(0.25 * ((i * 37) % 101));
    text += std::string(",") +
            (i % 3 == 0   ? "lamp"
             : i % 3 == 1 ? "desk"
                          : "bed") +
            ",p" + std::to_string(i / 8) + (i % 4 == 0 ? ",yes\n" : ",no\n");
  }
  return text;
}

TEST(Tabular, what_is_taken_of_the_rows_is_taken_of_training_rows_alone) {
  const Splits all = open(shop(), {.seed = 3, .validation = 0.1, .test = 0.1});
  EXPECT_EQ(all.train.size() + all.validation.size() + all.test.size(), 200);
  EXPECT_EQ(all.test.size(), 20);
  const Schema& schema = all.train.schema;
  EXPECT_EQ(schema.features, (Strings{"price", "kind", "person"}));
  EXPECT_EQ(schema.left_out.size(), 1u);
  EXPECT_EQ(schema.left_out[0].name, "id");
  double sum = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < all.train.size(); ++i)
    if (const double price = all.train.samples.at(3 * i); !std::isnan(price)) sum += price, ++n;
  EXPECT_DOUBLE_EQ(schema.columns[0].mean, sum / double(n));
  EXPECT_TRUE(schema.columns[0].indicator);
  EXPECT_EQ(schema.columns[1].categories, (Strings{"bed", "desk", "lamp"}));
  // Each part holds its share of each class, and no row is in two.
  EXPECT_EQ(class_counts(all.test), (std::vector<int64_t>{15, 5}));
  std::set<int64_t> lines;
  for (const Dataset* part : {&all.train, &all.validation, &all.test})
    for (const int64_t line : part->origin.places) EXPECT_TRUE(lines.insert(line).second);
}

TEST(Tabular, a_group_is_never_on_both_sides) {
  for (const uint64_t seed : {0, 1, 2}) {
    const Splits all = open(shop(), {.group = "person", .seed = seed, .validation = 0.1, .test = 0.1});
    std::map<int64_t, const Dataset*> part_of;
    for (const Dataset* part : {&all.train, &all.validation, &all.test})
      for (const int64_t line : part->origin.places) {
        const auto [at, fresh] = part_of.emplace((line - 2) / 8, part);
        EXPECT_EQ(at->second, part) << "person " << (line - 2) / 8;
      }
    EXPECT_EQ(all.test.size(), 16 + 8 * (all.test.size() > 16)) << "20 asked for, in eights";
    EXPECT_EQ(std::count(all.train.schema.features.begin(), all.train.schema.features.end(), "person"), 0);
  }
  expect_bad_input({"no column is called \"persn\"", "did you mean \"person\""},
                   [] { open(shop(), {.group = "persn"}); });
}

TEST(Tabular, folds_share_the_rows_out) {
  std::set<int64_t> tested;
  for (int64_t fold = 1; fold <= 5; ++fold) {
    const Splits all = open(shop(), {.folds = 5, .fold = fold});
    EXPECT_EQ(all.test.size(), 40);
    EXPECT_EQ(class_counts(all.test), (std::vector<int64_t>{30, 10})) << "each class evenly";
    for (const int64_t line : all.test.origin.places) EXPECT_TRUE(tested.insert(line).second);
  }
  EXPECT_EQ(tested.size(), 200u);
  std::set<int64_t> persons;
  for (int64_t fold = 1; fold <= 4; ++fold) {
    std::set<int64_t> here;
    for (const int64_t line : open(shop(), {.group = "person", .folds = 4, .fold = fold}).test.origin.places)
      here.insert((line - 2) / 8);
    for (const int64_t person : here) EXPECT_TRUE(persons.insert(person).second);
  }
  EXPECT_EQ(persons.size(), 25u);
  expect_bad_input({"fold is 6 of 5"}, [] { open(shop(), {.folds = 5, .fold = 6}); });
  expect_bad_input({"4 rows for 5 folds"}, [] { open("1,a\n2,b\n3,a\n4,b\n", {.folds = 5}); });
  expect_bad_input({"folds are asked for"}, [] { open(shop(), {.folds = 5, .test = 0.1}); });
}

TEST(Tabular, a_test_file_is_read_as_the_training_file_was) {
  const Scratch scratch;
  const std::string test = scratch.write("test.csv", "sold,kind,extra,price\nyes.,lamp,1,2.5\nno,sofa,2,\n");
  const Splits all = open(shop(), {.drop = {"person"}, .test_file = test});
  EXPECT_EQ(all.test.size(), 2);
  EXPECT_EQ(all.test.labels, Tensor({2}, {1, 0}, DType::i32)) << "a full stop behind a class is none of its letters";
  EXPECT_EQ(all.test.samples.at(0), 2.5);
  EXPECT_TRUE(std::isnan(all.test.samples.at(2)));
  EXPECT_EQ(all.test.samples.at(3), 3) << "a kind that training had not";
  EXPECT_EQ(all.train.size(), 200) << "every row is there to learn from";
  EXPECT_EQ(all.files.size(), 2u);
  const std::string bad = scratch.write("bad.csv", "price,kind,person\n1,lamp,p1\n");
  expect_bad_input({"bad.csv", "no column \"sold\""}, [&] { open(shop(), {.test_file = bad}); });
  expect_bad_input({"a file of its own"}, [&] { open(shop(), {.test_file = test, .test = 0.2}); });
}

TEST(Tabular, raw_rows_give_the_same_inputs_as_in_training) {
  const Splits all = open(shop(), {.seed = 1});
  const TableSamples again = as(all.train.schema, shop());
  ASSERT_TRUE(again.labelled);
  ASSERT_EQ(again.data.size(), 200);
  std::vector<int64_t> rows;
  for (const int64_t line : all.test.origin.places) rows.push_back(line - 2);
  const std::vector<int64_t> there = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const int64_t width = all.train.schema.net_input().elements();
  Tensor a({DType::f32, {10, width}}), b({DType::f32, {10, width}});
  fill_samples(all.test, there, a.view());
  fill_samples(again.data, std::span(rows).first(10), b.view());
  EXPECT_EQ(a, b);
}

TEST(Tabular, new_rows_may_lack_the_target_and_come_in_any_order) {
  const Schema schema = read("x,y,kind\n1,2,red\n3,4,blue\n5,1,red\n2,2,blue\n").schema;
  const TableSamples swapped = as(schema, "kind,id,y,x\nred,7,20,10\n");
  EXPECT_TRUE(swapped.labelled);
  EXPECT_EQ(swapped.data.samples, Tensor({1, 2}, {10, 20}));
  EXPECT_EQ(swapped.data.labels, Tensor({1}, {1}, DType::i32));
  EXPECT_FALSE(as(schema, "x,y\n5,6\n7,8\n").labelled);
  EXPECT_FALSE(as(schema, "x,y,kind\n5,6,red\n7,8,\n").labelled) << "not every row has one";
  expect_bad_input({"new.csv", "\"green\" is no class", "blue, red"}, [&] { as(schema, "x,y,kind\n1,2,green\n"); });
  expect_bad_input({"new.csv", "no column \"y\"", "unknown to the net: \"z\""}, [&] { as(schema, "x,z\n1,2\n"); });
  expect_bad_input({"new.csv", "line 3", "y"}, [&] { as(schema, "x,y\n1,2\n1,two\n"); });
}

TEST(Tabular, without_names_the_target_lies_where_it_lay) {
  const Schema schema = read("1,5,6\n0,7,8\n1,6,6.5\n", {.target = "1"}).schema;
  const TableSamples whole = as(schema, "1,50,60\n0,70,80\n");
  EXPECT_TRUE(whole.labelled);
  EXPECT_EQ(whole.data.samples, Tensor({2, 2}, {50, 60, 70, 80}));
  EXPECT_EQ(whole.data.labels, Tensor({2}, {1, 0}, DType::i32));
  const TableSamples bare = as(schema, "50,60\n70,80\n");
  EXPECT_FALSE(bare.labelled);
  EXPECT_EQ(bare.data.samples, whole.data.samples) << "those behind it moved up";
  expect_bad_input({"has 4 columns", "of 3"}, [&] { as(schema, "1,2,3,4\n"); });
}

TEST(Tabular, a_net_of_plain_numbers_reads_a_table_too) {
  Schema schema;
  schema.sample = {1, 2, 2};
  schema.raw = DType::u8;
  schema.classes = {"0", "1"};
  EXPECT_EQ(as(schema, "1,2,3,255\n4,5,6,7\n").data.samples.shape(), (Shape{2, 1, 2, 2}));
  EXPECT_TRUE(as(schema, "1,2,3,255,1\n4,5,6,7,0\n").labelled);
  expect_bad_input({"line 2", "256 is no pixel"}, [&] { as(schema, "1,2,3,255\n4,5,6,256\n"); });
  expect_bad_input({"has 3 columns", "takes 4"}, [&] { as(schema, "1,2,3\n4,5,6\n"); });
}

TEST(Tabular, any_bytes_give_a_set_or_one_error) {
  // Property: no input crashes, and whatever is accepted is a sound set. Bytes that matter are drawn often.
  const std::string alphabet = "01234567890.,;\t \n\r\"\"abe-+|x?'/:";
  uint64_t state = 1;
  const auto draw = [&](uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  };
  int accepted = 0;
  for (int round = 0; round < rounds(20000); ++round) {
    std::string text;
    for (uint64_t n = draw(40); n > 0; --n) text += draw(50) == 0 ? char(draw(256)) : alphabet[draw(alphabet.size())];
    try {
      check(read(text), "fuzz");
      ++accepted;
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input) << text; }
  }
  EXPECT_GT(accepted, 10) << "the property was tested on refused input only";
}

} // namespace
} // namespace vitro

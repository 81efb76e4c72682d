// Columns: what is decided about each, and what the net takes of a row.
#include "data/columns.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "data_scratch.h"

namespace vitro {
namespace {

using Strings = std::vector<std::string>;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

RawTable table_of(const std::string& text) {
  const Bytes bytes = bytes_of_text(text);
  ByteSource source = ByteSource::of(bytes);
  return read_table(source, {.least_columns = 1}, "t.csv");
}

std::vector<int64_t> all_rows(const RawTable& table) {
  std::vector<int64_t> rows(static_cast<size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

// n rows of one column, the i-th as `cell` says.
RawTable column_of(int n, const std::function<std::string(int)>& cell, const std::string& name = "x") {
  std::string text = name + ",other\n";
  for (int i = 0; i < n; ++i) text += cell(i) + ",a\n";
  return table_of(text);
}

ColumnPlan plan(const RawTable& table, const std::string& word = "") { return plan_column(table, 0, word, "t.csv"); }

std::vector<double> encoded(const Column& column, double value) {
  std::vector<double> out(static_cast<size_t>(encoded_width(std::span(&column, 1))));
  encode(std::span(&column, 1), &value, out.data());
  return out;
}

TEST(Columns, numbers_texts_and_dates_are_told_apart) {
  EXPECT_EQ(plan(column_of(4, [](int i) { return std::to_string(i) + ".5"; })).role, Role::number);
  EXPECT_EQ(plan(column_of(4, [](int i) { return i % 2 ? "red" : "blue"; })).role, Role::category);
  EXPECT_EQ(plan(column_of(4, [](int i) { return "2024-01-0" + std::to_string(i + 1); })).role, Role::date);
  const auto kinds = [](int n) {
    return plan(column_of(3 * n, [n](int i) { return "kind" + std::to_string(i % n); })).role;
  };
  EXPECT_EQ(kinds(32), Role::category);
  EXPECT_EQ(kinds(33), Role::embedding);
  const auto grades = [](int n) { return plan(column_of(60, [n](int i) { return std::to_string(i % n); })).role; };
  EXPECT_EQ(grades(2), Role::number);
  EXPECT_EQ(grades(3), Role::category) << "a class, a rank";
  EXPECT_EQ(grades(5), Role::category);
  EXPECT_EQ(grades(6), Role::number);
}

TEST(Columns, what_says_nothing_or_names_the_rows_is_left_out) {
  EXPECT_EQ(plan(column_of(5, [](int) { return "7"; })).left_out, "the same in every row");
  EXPECT_EQ(plan(column_of(5, [](int) { return "?"; })).left_out, "every cell is missing");
  EXPECT_NE(plan(column_of(40, [](int i) { return "name " + std::to_string(i); })).left_out.find("all different texts"),
            std::string::npos);
  EXPECT_EQ(plan(column_of(
                     40, [](int i) { return std::to_string(i + 100); }, "anything"))
                .left_out,
            "whole numbers that count the rows");
  const auto scattered = [](int i) { return std::to_string((i * 7919) % 1000003); };
  EXPECT_NE(plan(column_of(40, scattered, "PassengerId")).left_out, "");
  EXPECT_NE(plan(column_of(40, scattered, "customer_id")).left_out, "");
  EXPECT_EQ(plan(column_of(40, scattered, "income")).left_out, "") << "all different, but no id";
  EXPECT_EQ(plan(column_of(
                     40, [](int i) { return std::to_string(i * 0.37); }, "id"))
                .left_out,
            "")
      << "not whole";
  EXPECT_EQ(plan(column_of(40, [](int i) { return i % 3 ? "" : "cabin " + std::to_string(i); })).left_out, "")
      << "that it is missing says something";
}

TEST(Columns, the_user_has_the_last_word_if_it_fits) {
  const RawTable numbers = column_of(40, [](int i) { return std::to_string(i % 7); });
  EXPECT_EQ(plan(numbers, "category").role, Role::category);
  EXPECT_EQ(plan(numbers, "quantile").role, Role::quantile);
  EXPECT_EQ(plan(numbers, "drop").left_out, "as asked");
  EXPECT_EQ(plan(column_of(40, [](int i) { return std::to_string(i); }), "number").left_out, "");
  const RawTable texts = column_of(4, [](int i) { return i % 2 ? "red" : "blue"; });
  expect_bad_input({"t.csv", "\"x\" holds texts such as \"blue\"", "category"}, [&] { plan(texts, "number"); });
  expect_bad_input({"t.csv", "\"x\" holds no dates"}, [&] { plan(texts, "date"); });
  expect_bad_input({"t.csv", "categry", "did you mean \"category\""}, [&] { plan(texts, "categry"); });
}

TEST(Columns, a_number_is_standardised_and_a_missing_one_is_the_mean) {
  Column column{.name = "age"};
  fit_column(column, std::vector<double>{1, 3, none}, true);
  EXPECT_EQ(column.mean, 2);
  EXPECT_EQ(column.deviation, 1);
  EXPECT_EQ(column.input_names(), (Strings{"age", "age is missing"}));
  EXPECT_EQ(encoded(column, 5), (std::vector<double>{3, 0}));
  EXPECT_EQ(encoded(column, none), (std::vector<double>{0, 1}));
  Column whole{.name = "size"};
  fit_column(whole, std::vector<double>{4, 4, 4}, true);
  EXPECT_EQ(encoded(whole, 5), (std::vector<double>{1})) << "a constant keeps its unit";
  EXPECT_EQ(encoded(whole, none), (std::vector<double>{0})) << "missing where training had none";
  fit_column(column, std::vector<double>{1, 3}, false);
  EXPECT_EQ(encoded(column, 5), (std::vector<double>{5}));
}

TEST(Columns, categories_come_from_training_rows_that_share_them) {
  const RawTable table = column_of(8, [](int i) { return Strings{"b", "a", "b", "a", "", "", "c", "d"}[size_t(i)]; });
  const std::vector<int64_t> training = {0, 1, 2, 3, 4, 5, 6};
  const Column column = make_column(table, plan(table), training);
  EXPECT_EQ(column.categories, (Strings{"", "a", "b"})) << "d is in no training row, c in one alone";
  EXPECT_TRUE(column.others);
  EXPECT_EQ(column.input_names(), (Strings{"x is missing", "x = a", "x = b", "x = another"}));
  const auto row = [&](int64_t i) { return encoded(column, raw_values(table, 0, std::span(&i, 1), column)[0]); };
  EXPECT_EQ(row(4), (std::vector<double>{1, 0, 0, 0}));
  EXPECT_EQ(row(0), (std::vector<double>{0, 0, 1, 0}));
  EXPECT_EQ(row(6), (std::vector<double>{0, 0, 0, 1})) << "rare";
  EXPECT_EQ(row(7), (std::vector<double>{0, 0, 0, 1})) << "never seen";
  const Column plain = make_column(table, plan(table), std::vector<int64_t>{0, 1, 2, 3});
  EXPECT_FALSE(plain.others);
  EXPECT_EQ(encoded(plain, raw_values(table, 0, std::vector<int64_t>{7}, plain)[0]), (std::vector<double>{0, 0}))
      << "nobody could learn of it";
}

TEST(Columns, numbers_may_stand_for_kinds) {
  const RawTable table = column_of(6, [](int i) { return i % 2 ? "2" : "10.0"; });
  const Column column = make_column(table, plan(table, "category"), all_rows(table));
  EXPECT_EQ(column.categories, (Strings{"10", "2"}));
  EXPECT_EQ(column.code_of("10"), 0);
  EXPECT_EQ(column.shown(1), "2");
  EXPECT_EQ(column.shown(2), "another");
}

TEST(Columns, embeddings_are_codes_behind_all_inputs) {
  Column code{.name = "zip", .role = Role::embedding, .categories = {"a", "b", "c"}};
  Column number{.name = "n"};
  Column kind{.name = "k", .role = Role::category, .categories = {"u", "v"}};
  const std::vector<Column> columns = {code, number, kind};
  const Encoding encoding = encoding_of(columns);
  EXPECT_EQ(encoding.inputs, 3);
  EXPECT_EQ(encoding.codes, (std::vector<int64_t>{4})) << "three, and one for whatever is none of them";
  EXPECT_EQ(encoding.width(), encoded_width(columns));
  EXPECT_EQ(input_names(columns), (Strings{"n", "k = u", "k = v", "zip"}));
  const float raw[] = {2, 7, 1};
  float out[4];
  encode(std::span(columns), raw, out);
  EXPECT_EQ(std::vector<float>(out, out + 4), (std::vector<float>{7, 0, 1, 2}));
}

TEST(Columns, ranks_spread_as_a_normal_distribution) {
  Column column{.name = "income", .role = Role::quantile};
  std::vector<double> values;
  for (int i = 0; i <= 1000; ++i) values.push_back(std::exp(0.01 * i)); // skewed: ranks do not care
  fit_column(column, values, true);
  EXPECT_NEAR(encoded(column, std::exp(5.0))[0], 0, 1e-6) << "the median";
  EXPECT_NEAR(encoded(column, std::exp(0.01 * 841.345))[0], 1, 5e-3) << "84.1345 % lie below one deviation";
  EXPECT_NEAR(encoded(column, std::exp(0.01 * 22.75))[0], -2, 2e-2);
  EXPECT_EQ(encoded(column, 1e9)[0], encoded(column, std::exp(10.0))[0]) << "no further than the ends";
  double before = -10;
  for (double x = 0; x < 3e4; x += 7.3) {
    const double now = encoded(column, x)[0];
    EXPECT_GE(now, before) << "order is kept at " << x;
    before = now;
  }
  Column ties{.name = "t", .role = Role::quantile};
  fit_column(ties, std::vector<double>{0, 0, 0, 0, 0, 0, 1, none}, true);
  EXPECT_TRUE(ties.indicator);
  EXPECT_LT(encoded(ties, 0)[0], encoded(ties, 0.5)[0]);
  EXPECT_LT(encoded(ties, 0.5)[0], encoded(ties, 1)[0]);
}

TEST(Columns, days_are_points_on_circles) {
  Column column{.name = "day", .role = Role::date, .cells = CellType::date};
  fit_column(column, std::vector<double>{0, 10}, true);
  EXPECT_EQ(column.inputs(), 5);
  const std::vector<double> monday = encoded(column, 4), next = encoded(column, 11),
                            year = encoded(column, 4 + 365.2425);
  EXPECT_NEAR(monday[3], next[3], 1e-12) << "a week later";
  EXPECT_NEAR(monday[4], next[4], 1e-12);
  EXPECT_GT(std::fabs(monday[3] - encoded(column, 6)[3]), 0.1);
  EXPECT_NEAR(monday[1], year[1], 1e-9) << "a year later";
  EXPECT_NEAR(monday[1] * monday[1] + monday[2] * monday[2], 1, 1e-12);
  EXPECT_EQ(encoded(column, none), (std::vector<double>{0, 0, 0, 0, 0}));
  column.clock = true;
  EXPECT_NEAR(encoded(column, 3.25)[5], 1, 1e-12) << "six in the morning";
  EXPECT_EQ(int64_t(column.input_names().size()), column.inputs());
}

TEST(Columns, dates_as_people_write_them) {
  EXPECT_EQ(date_text(0), "1970-01-01");
  EXPECT_EQ(date_text(-1), "1969-12-31");
  EXPECT_EQ(date_text(59), "1970-03-01");
  EXPECT_EQ(date_text(11016), "2000-02-29");
  EXPECT_EQ(date_text(19723.3125), "2024-01-01T07:30:00");
  EXPECT_EQ(date_text(-719162), "1-01-01");
}

} // namespace
} // namespace vitro

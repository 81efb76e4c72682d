// A series becomes windows: never a number of the future in what the net sees; parts that follow each other in time.
#include "data/forecast.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/text.h"
#include "data/batches.h"
#include "data_scratch.h"

namespace vitro {
namespace {

using Strings = std::vector<std::string>;

Splits open(const std::string& csv, const TabularOptions& options) {
  const Bytes bytes = bytes_of_text(csv);
  ByteSource source = ByteSource::of(bytes);
  return open_forecast(source, "series.csv", "series", options);
}
TableSamples as(const Schema& schema, const std::string& csv) {
  const Bytes bytes = bytes_of_text(csv);
  ByteSource source = ByteSource::of(bytes);
  return open_forecast_as(source, schema, "new.csv", {});
}
SeriesEnd end_of(const Schema& schema, const std::string& csv) {
  const Bytes bytes = bytes_of_text(csv);
  ByteSource source = ByteSource::of(bytes);
  return open_end_as(source, schema, "new.csv", {});
}

std::string day(int64_t row) { return date_text(double(4000 + row)); }

// Daily values with a second column, as CSV.
std::string daily(const std::vector<double>& values, const std::vector<double>& other = {}) {
  std::string out = other.empty() ? "Date,Temp\n" : "Date,Temp,Wind\n";
  for (size_t i = 0; i < values.size(); ++i) {
    out += text(day(int64_t(i)), ",", std::isnan(values[i]) ? std::string() : number(values[i]));
    out += other.empty() ? "\n" : text(",", number(other[i]), "\n");
  }
  return out;
}

// A week that repeats, and a walk upon it.
std::vector<double> weekly(int64_t rows) {
  std::vector<double> out;
  for (int64_t i = 0; i < rows; ++i) out.push_back(double((i % 7) * (i % 7)) + 0.25 * double((i * i) % 5));
  return out;
}

Tensor inputs(const Dataset& data) {
  std::vector<int64_t> rows(size_t(data.size())), extents = data.schema.net_input().list();
  std::iota(rows.begin(), rows.end(), int64_t{0});
  extents.insert(extents.begin(), data.size());
  Tensor out(Type{DType::f32, Shape(extents)});
  fill_samples(data, rows, out.view());
  return out;
}
Tensor learned(const Dataset& data) {
  std::vector<int64_t> rows(static_cast<size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Tensor out(Type{DType::f32, {data.size(), data.schema.outputs()}});
  fill_targets(data, rows, out.view());
  return out;
}

TEST(Forecast, windows_and_what_came_next) {
  const Splits parts = open(daily({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}),
                            {.validation = 2.0, .test = 2.0, .forecast = "Temp", .horizon = 2, .window = 3});
  const Schema& schema = parts.train.schema;
  EXPECT_EQ(schema.sample, (Shape{3, 2})) << "rows of a window, columns";
  EXPECT_EQ(schema.features, (Strings{"Date", "Temp"}));
  EXPECT_EQ(schema.targets, (Strings{"Temp +1", "Temp +2"}));
  EXPECT_EQ(parts.train.targets, Tensor({2, 2}, {3, 4, 4, 5}));
  EXPECT_EQ(parts.train.samples, Tensor({2, 3, 2}, {4000, 0, 4001, 1, 4002, 2, 4001, 1, 4002, 2, 4003, 3}));
  EXPECT_EQ(parts.validation.targets, Tensor({1, 2}, {6, 7})) << "both targets within the part, the window before it";
  EXPECT_EQ(parts.test.targets, Tensor({1, 2}, {8, 9}));
  EXPECT_EQ(parts.test.origin.places, (std::vector<int64_t>{10})) << "the line of the first target";
}

TEST(Forecast, a_column_of_numbers_alone_is_a_series) {
  const Splits parts = open("x\n1\n3\n2\n4\n3\n5\n4\n6\n5\n7\n6\n8\n", {.forecast = "1", .window = 2});
  EXPECT_EQ(parts.train.schema.sample, (Shape{2, 1}));
  EXPECT_TRUE(
      std::ranges::any_of(parts.remarks, [](const auto& line) { return line.find("order of the file") != line.npos; }));
}

TEST(Forecast, what_the_net_sees_counts_from_the_windows_end) {
  const Dataset train = open(daily(weekly(60)), {.forecast = "Temp", .horizon = 3, .window = 5}).train;
  const Tensor x = inputs(train), y = learned(train);
  const int64_t width = encoded_width(train.schema.columns);
  const Column& temp = train.schema.columns[1];
  for (int64_t i = 0; i < train.size(); ++i) {
    const double last = last_value(train, i);
    for (int64_t t = 0; t < 5; ++t) {
      const double raw = train.samples.at((i * 5 + t) * 2 + 1);
      EXPECT_EQ(x.at((i * 5 + t) * width + width - 1), float((raw - last - temp.mean) / temp.deviation));
      EXPECT_EQ(x.at((i * 5 + t) * width), x.at(t * width)) << "the same days before the end, whenever that is";
    }
    for (int64_t j = 0; j < 3; ++j) {
      const double raw = train.targets.at(i * 3 + j);
      EXPECT_EQ(y.at(i * 3 + j), float(train.schema.target.apply(raw - last, j)));
      EXPECT_NEAR(raw_of(train, i, j, learned_of(train, i, j, raw)), raw, 1e-13);
    }
  }
  double mean = 0;
  for (int64_t i = 0; i < train.size(); ++i) mean += y.at(i * 3 + 2) / double(train.size());
  EXPECT_NEAR(mean, 0, 1e-6) << "each step ahead is standardised on its own";
}

TEST(Forecast, adding_a_constant_changes_nothing_that_the_net_sees) {
  std::vector<double> raised = weekly(80);
  for (double& value : raised) value += 1024;
  const TabularOptions options{.forecast = "Temp", .horizon = 2, .window = 7};
  const Splits low = open(daily(weekly(80)), options), high = open(daily(raised), options);
  EXPECT_EQ(inputs(low.train), inputs(high.train));
  EXPECT_EQ(learned(low.test), learned(high.test));
}

// What is computed of a part, without the words about all rows.
bool same_part(const Dataset& a, const Dataset& b) {
  return a.samples == b.samples && a.targets == b.targets && a.season == b.season && inputs(a) == inputs(b) &&
         learned(a) == learned(b);
}

RC_GTEST_PROP(Forecast, nobody_peeks, ()) {
  const auto rows = *rc::gen::inRange<int64_t>(40, 90);
  const TabularOptions options{.validation = 0.2,
                               .test = 0.2,
                               .forecast = "Temp",
                               .horizon = *rc::gen::inRange<int64_t>(1, 5),
                               .window = *rc::gen::inRange<int64_t>(1, 9)};
  std::vector<double> values, other;
  for (int64_t i = 0; i < rows; ++i) {
    values.push_back(double(*rc::gen::inRange(-500, 500)) / 8);
    other.push_back(double(*rc::gen::inRange(-500, 500)) / 8);
  }
  values[0] = -100, values[1] = 100; // not constant in training
  other[0] = -100, other[1] = 100;
  const Splits before = open(daily(values, other), options);
  const int64_t changed = *rc::gen::inRange<int64_t>(2, rows);
  values[size_t(changed)] += 7.5;
  other[size_t(changed)] -= 7.5;
  const Splits after = open(daily(values, other), options);
  const int64_t test_begins = rows - int64_t(std::floor(double(rows) * 0.2 + 0.5)),
                train_ends = test_begins - (rows - test_begins);
  if (changed >= test_begins) {
    RC_ASSERT(same_part(before.train, after.train));
    RC_ASSERT(same_part(before.validation, after.validation));
    RC_ASSERT(before.train.schema.target == after.train.schema.target);
    RC_ASSERT(before.train.schema.forecast == after.train.schema.forecast);
  }
  if (changed >= train_ends) {
    RC_ASSERT(same_part(before.train, after.train));
    for (size_t c = 0; c < before.train.schema.columns.size(); ++c) {
      RC_ASSERT(before.train.schema.columns[c].mean == after.train.schema.columns[c].mean);
      RC_ASSERT(before.train.schema.columns[c].deviation == after.train.schema.columns[c].deviation);
    }
  }
  // A window that ends before the changed row: neither its rows, nor what a season says of its targets.
  for (const auto& [one, two] :
       {std::pair{&before.train, &after.train}, {&before.validation, &after.validation}, {&before.test, &after.test}}) {
    RC_ASSERT(one->size() == two->size());
    const int64_t elements = one->schema.sample.elements(), horizon = one->schema.horizon();
    for (int64_t i = 0; i < one->size(); ++i) {
      const int64_t end = one->origin.places[size_t(i)] - 3; // the header is line 1, row 0 line 2; the target is one on
      if (end >= changed) continue;
      for (int64_t e = 0; e < elements; ++e)
        RC_ASSERT(one->samples.at(i * elements + e) == two->samples.at(i * elements + e));
      if (one->schema.forecast == two->schema.forecast)
        for (int64_t j = 0; j < horizon; ++j)
          RC_ASSERT(one->season.at(i * horizon + j) == two->season.at(i * horizon + j));
    }
  }
}

TEST(Forecast, the_season_is_the_one_that_repeats_best_in_training) {
  const Splits parts = open(daily(weekly(200)), {.forecast = "Temp", .horizon = 10});
  const Schema& schema = parts.train.schema;
  EXPECT_EQ(schema.forecast->period, 7);
  EXPECT_EQ(schema.forecast->days, 1);
  EXPECT_EQ(schema.window(), 20) << "two horizons";
  const int64_t i = parts.test.size() - 1;
  const std::vector<double> values = weekly(200);
  for (int64_t step = 1; step <= 10; ++step)
    EXPECT_EQ(parts.test.season.at(i * 10 + step - 1), float(values[size_t(189 + step - (step <= 7 ? 7 : 14))]))
        << step;
}

TEST(Forecast, without_dates_the_season_is_found_by_itself) {
  std::string csv = "n\n", noise = "n\n";
  uint64_t state = 1;
  for (int64_t i = 0; i < 300; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    csv += text((i % 12) * (i % 12) - i % 5, ".5\n");
    noise += text(double(state >> 40), ".5\n");
  }
  EXPECT_EQ(open(csv, {.forecast = "n"}).train.schema.forecast->period, 12);
  EXPECT_EQ(open(noise, {.forecast = "n"}).train.schema.forecast->period, 0);
}

TEST(Forecast, rows_are_put_in_time) {
  const std::vector<double> values = weekly(60);
  std::string csv = "Date,Temp\n";
  for (int64_t i = 59; i >= 0; --i) csv += text(day(i), ",", number(values[size_t(i)]), "\n");
  const TabularOptions options{.forecast = "Temp", .window = 4};
  const Splits sorted = open(daily(values), options), turned = open(csv, options);
  EXPECT_EQ(sorted.train.samples, turned.train.samples);
  EXPECT_EQ(sorted.test.targets, turned.test.targets);
  EXPECT_TRUE(
      std::ranges::any_of(turned.remarks, [](const auto& line) { return line.find("put in its order") != line.npos; }));
}

TEST(Forecast, windows_with_a_missing_value_are_left_out) {
  std::vector<double> values = weekly(60);
  values[20] = std::nan("");
  const Splits parts = open(daily(values), {.forecast = "Temp", .horizon = 2, .window = 4});
  const Splits whole = open(daily(weekly(60)), {.forecast = "Temp", .horizon = 2, .window = 4});
  EXPECT_EQ(parts.train.size(), whole.train.size() - 6) << "four windows that it is in, two targets";
  EXPECT_TRUE(
      std::ranges::any_of(parts.remarks, [](const auto& line) { return line.starts_with("6 windows are left out"); }));
  for (int64_t i = 0; i < parts.train.samples.elements(); ++i) EXPECT_TRUE(std::isfinite(parts.train.samples.at(i)));
}

TEST(Forecast, a_gap_in_the_dates_is_said) {
  std::string csv = "Date,Temp\n";
  for (int64_t i = 0; i < 60; ++i)
    if (i != 30 && i != 31) csv += text(day(i), ",", (i * 7) % 11, ".5\n");
  const Splits parts = open(csv, {.forecast = "Temp", .window = 4});
  EXPECT_TRUE(std::ranges::any_of(
      parts.remarks, [](const auto& line) { return line.find("2 rows are missing in between") != line.npos; }));
}

TEST(Forecast, the_next_rows_have_the_next_dates) {
  const Splits parts = open(daily(weekly(60)), {.forecast = "Temp", .horizon = 3, .window = 4});
  const SeriesEnd end = end_of(parts.train.schema, daily(weekly(60)));
  EXPECT_EQ(end.time, "Date");
  EXPECT_EQ(end.when, (Strings{day(60), day(61), day(62)}));
  EXPECT_EQ(end.window.size(), 1);
  EXPECT_EQ(last_value(end.window, 0), weekly(60).back());
}

TEST(Forecast, months_end_where_they_end) {
  const auto monthly = [](const Strings& dates) {
    std::string csv = "When,n\n";
    for (size_t i = 0; i < dates.size(); ++i) csv += text(dates[i], ",", (i * 5) % 7, ".5\n");
    return csv;
  };
  Strings ends, starts, short_dates;
  const std::vector<int> length = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int m = 1; m <= 12; ++m) {
    const std::string month = text("2024-", m < 10 ? "0" : "", m);
    ends.push_back(text(month, "-", length[size_t(m - 1)]));
    starts.push_back(month + "-15");
    short_dates.push_back(month);
  }
  const TabularOptions options{.validation = 0.0, .forecast = "n", .horizon = 3, .window = 2};
  EXPECT_EQ(end_of(open(monthly(ends), options).train.schema, monthly(ends)).when,
            (Strings{"2025-01-31", "2025-02-28", "2025-03-31"}));
  EXPECT_EQ(end_of(open(monthly(starts), options).train.schema, monthly(starts)).when,
            (Strings{"2025-01-15", "2025-02-15", "2025-03-15"}));
  EXPECT_EQ(end_of(open(monthly(short_dates), options).train.schema, monthly(short_dates)).when,
            (Strings{"2025-01", "2025-02", "2025-03"}));
}

TEST(Forecast, hours_go_on_over_midnight) {
  std::string csv = "when,n\n";
  for (int64_t i = 0; i < 60; ++i)
    csv += text("2024-01-31 ", i / 4 + 8 < 10 ? "0" : "", i / 4 + 8, ":", i % 4 == 0 ? "00" : text(15 * (i % 4)), ",",
                (i * 5) % 7, ".5\n");
  const Schema schema = open(csv, {.forecast = "n", .horizon = 2, .window = 4}).train.schema;
  EXPECT_NEAR(schema.forecast->days, 1.0 / 96, 1e-12);
  EXPECT_EQ(end_of(schema, csv).when, (Strings{"2024-01-31T23:00:00", "2024-01-31T23:15:00"}));
  csv += "2024-01-31 23:00,1\n2024-01-31 23:15,2\n2024-01-31 23:30,3\n";
  EXPECT_EQ(end_of(schema, csv).when, (Strings{"2024-01-31T23:45:00", "2024-02-01T00:00:00"}));
}

TEST(Forecast, another_file_gives_its_windows) {
  const std::vector<double> values = weekly(100);
  const Schema schema = open(daily(values), {.forecast = "Temp", .horizon = 2, .window = 5}).train.schema;
  const std::vector<double> later(values.begin() + 50, values.begin() + 60);
  const TableSamples found = as(schema, daily(later));
  EXPECT_TRUE(found.labelled);
  EXPECT_EQ(found.data.size(), 10 - 5 - 2 + 1);
  EXPECT_EQ(found.data.targets.at(0), float(later[5]));
  expect_bad_input({"new.csv", "6 rows", "7 in a row"}, [&] { as(schema, daily({1, 2, 3, 4, 5, 6})); });
  expect_bad_input({"new.csv", "4 rows", "last 5"}, [&] { end_of(schema, daily({1, 2, 3, 4})); });
  expect_bad_input({"line 5", "Temp", "missing"}, [&] { end_of(schema, daily({1, 2, 3, std::nan(""), 5, 6})); });
}

TEST(Forecast, refusals) {
  const std::string csv = daily(weekly(40));
  const auto refuses = [&](const Strings& pieces, const TabularOptions& options, const std::string& of) {
    expect_bad_input(pieces, [&] { open(of, options); });
  };
  refuses({"Tmp", "did you mean \"Temp\""}, {.forecast = "Tmp"}, csv);
  refuses({"Date", "holds dates", "--forecast"}, {.forecast = "Date"}, csv);
  refuses({"horizon is 0"}, {.forecast = "Temp", .horizon = 0}, csv);
  refuses({"40 rows", "too few to look 40 ahead"}, {.forecast = "Temp", .horizon = 40}, csv);
  refuses({"window of 60", "training rows"}, {.forecast = "Temp", .window = 60}, csv);
  refuses({"test part has 2 rows", "too few for 5 ahead"}, {.test = 2.0, .forecast = "Temp", .horizon = 5}, csv);
  refuses({"3 rows", "1 is left"}, {.forecast = "Temp"}, daily({1, 2, 3}));
  refuses({"is 5 in all", "nothing to learn"}, {.forecast = "Temp"}, daily(std::vector<double>(40, 5)));
  refuses({"target is \"Date\""}, {.target = "Date", .forecast = "Temp"}, csv);
  refuses({"group is"}, {.group = "Date", .forecast = "Temp"}, csv);
  refuses({"folds is 3"}, {.folds = 3, .forecast = "Temp"}, csv);
  refuses({"test_file is"}, {.test_file = "x.csv", .forecast = "Temp"}, csv);
  refuses({"classification"}, {.goal = Goal::classes, .forecast = "Temp"}, csv);
  refuses({"lines 3 and 42", "same date"}, {.forecast = "Temp"}, csv + text(day(1), ",3\n"));
  refuses({"line 42", "no date"}, {.forecast = "Temp"}, csv + ",3\n");
  refuses({"\"n\"", "holds texts"}, {.forecast = "n"}, "n,m\na,1\nb,2\nc,3\n");
}

} // namespace
} // namespace vitro

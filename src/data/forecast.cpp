#include "data/forecast.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "data/match.h"
#include "data/timeline.h"

namespace vitro {
namespace {

constexpr int64_t shortest_usual_window = 16, longest_usual_window = 400;
constexpr int64_t most_bytes = int64_t{4} << 30;

std::string rows_text(int64_t n) { return text(n, n == 1 ? " row" : " rows"); }

// ---- Windows -----------------------------------------------------------------------------------------------

// The series as samples are cut from it: all rows in time.
struct Series {
  std::string where;
  std::vector<int64_t> lines;
  Tensor rows;                // f32 or f64 [rows, columns]
  std::vector<double> values; // of the column that is forecast
  std::vector<double> days;

  int64_t size() const { return int64_t(values.size()); }
};

Series series_of(const RawTable& table, const Kept& kept, const Timeline& time, size_t column, DType dtype) {
  Series out{.where = table.where, .lines = {}, .rows = {}, .values = {}, .days = time.days};
  out.rows = Tensor(Type{dtype, {int64_t(time.rows.size()), int64_t(kept.columns.size())}});
  read_samples(table, kept, time.rows, out.rows);
  for (const int64_t row : time.rows) {
    out.lines.push_back(table.lines[size_t(row)]);
    out.values.push_back(table.columns[kept.index[column]].numbers[size_t(row)]);
  }
  return out;
}

// Windows are named by their last row. Those between `first` and `last` that miss nothing, up to `ahead` rows behind.
std::vector<int64_t> whole_windows(const Series& series, int64_t window, int64_t ahead, int64_t first, int64_t last) {
  std::vector<int64_t> out;
  int64_t since = 0; // rows without a gap, up to the one that a window's last target stands in
  for (int64_t row = 0; row < std::min(series.size(), last + ahead + 1); ++row) {
    since = std::isnan(series.values[size_t(row)]) ? 0 : since + 1;
    if (row - ahead >= first && since >= window + ahead) out.push_back(row - ahead);
  }
  return out;
}

// What a season's last repetition says of row `row`, standing at row `end`: the latest value that is known then and
// lies whole seasons before. Where there is none, the value at `end`.
double season_before(const std::vector<double>& values, int64_t row, int64_t end, int64_t period) {
  if (period > 0)
    for (int64_t at = row - period; at >= 0; at -= period)
      if (at <= end && !std::isnan(values[size_t(at)])) return values[size_t(at)];
  return values[size_t(end)];
}

Dataset windows_of(const Series& series, std::span<const int64_t> ends, const Schema& schema, bool with_targets) {
  const int64_t window = schema.window(), columns = schema.sample[1], horizon = schema.horizon();
  const auto n = int64_t(ends.size());
  Dataset out = empty_like(schema);
  const int64_t bytes = Type{schema.raw, {columns}}.bytes(); // of a row
  if (n > 0 && bytes * window > most_bytes / n)
    bad_input(
        series.where,
        text(n, " windows of ", rows_text(window), " of ", columns, " columns are more than ", most_bytes >> 30, " GB"),
        "a smaller window, or drop columns");
  out.samples = Tensor(Type{schema.raw, {n, window, columns}});
  const auto* from = static_cast<const std::byte*>(series.rows.view().data);
  auto* to = static_cast<std::byte*>(out.samples.view().data);
  for (int64_t i = 0; i < n; ++i)
    std::memcpy(to + i * window * bytes, from + (ends[size_t(i)] - window + 1) * bytes, size_t(window * bytes));
  out.origin = {series.where, "line", {}};
  for (const int64_t end : ends) out.origin.places.push_back(series.lines[size_t(end + (with_targets ? 1 : 0))]);
  if (!with_targets) return out;
  out.targets = Tensor(Type{DType::f32, {n, horizon}});
  out.season = Tensor(Type{DType::f32, {n, horizon}});
  float *target = out.targets.as<float>().data(), *season = out.season.as<float>().data();
  for (const int64_t end : ends)
    for (int64_t step = 1; step <= horizon; ++step) {
      *target++ = float(series.values[size_t(end + step)]);
      *season++ = float(season_before(series.values, end + step, end, schema.forecast->period));
    }
  return out;
}

// ---- A training file ------------------------------------------------------------------------------------------

class Opening {
public:
  Opening(ByteSource& source, const std::string& path, const std::string& name, const TabularOptions& options)
      : options_(options),
        table_(read_table(source, {.dialect = options.dialect, .missing = options.missing, .least_columns = 1}, path)),
        name_(name) {}

  Splits open() {
    refuse_others();
    find_columns();
    find_parts();
    find_season();
    find_window();
    keep_columns();
    return made();
  }

private:
  void remark(std::string line) { remarks_.push_back(std::move(line)); }
  const std::string& column_name() const { return table_.columns[column_].name; }

  void refuse_others() const {
    const auto refuse = [&](bool given, const std::string& what, const std::string& why) {
      if (given) bad_input(table_.where, text("forecast is ", quoted(options_.forecast), ", and ", what), why);
    };
    refuse(!options_.target.empty(), text("target is ", quoted(options_.target)),
           "leave target out: the column that is forecast is the one to predict");
    refuse(options_.goal == Goal::classes, "goal is classification", "a forecast is one of numbers");
    const std::string in_time = "leave it out: the parts of a series follow each other in time";
    refuse(!options_.group.empty(), text("group is ", quoted(options_.group)), in_time);
    refuse(options_.folds > 0, text("folds is ", options_.folds), in_time);
    refuse(!options_.test_file.empty(), text("test_file is ", quoted(options_.test_file)),
           "put its rows behind the others: the test part is the end of the series");
    for (const auto& [value, what] : {std::pair{options_.horizon, "horizon"}, {options_.window, "window"}})
      if (value && *value < 1) bad_input(table_.where, text(what, " is ", *value), "it is a number of rows from 1 on");
  }

  void find_columns() {
    column_ = find_column(table_, options_.forecast);
    if (const CellType type = table_.columns[column_].type; type != CellType::number)
      bad_input(table_.where, text(quoted(column_name()), " holds ", vitro::name(type), "s, no numbers to forecast"),
                "name a column of numbers with --forecast");
    for (const auto& [column, word] : options_.columns) words_[find_column(table_, column)] = word;
    for (const std::string& column : options_.drop) words_[find_column(table_, column)] = "drop";
    if (const std::string& word = words_[column_]; !word.empty() && word != "number")
      bad_input(table_.where, text(quoted(column_name()), " is the column to forecast, it can't be ", quoted(word)));
    words_[column_] = "number";
    for (size_t c = 0; c < table_.columns.size() && !date_; ++c)
      if (table_.columns[c].type == CellType::date && (words_[c].empty() || words_[c] == "date")) date_ = c;
    time_ = timeline_of(table_, date_);
    for (const int64_t row : time_.rows) values_.push_back(table_.columns[column_].numbers[size_t(row)]);
    spacing_ = spacing_of(time_.days);
  }

  int64_t rows_for(const std::optional<double>& asked, const char* what) const {
    const auto n = int64_t(values_.size());
    if (!asked) return std::max(n / 10, 2 * horizon_ - 1);
    if (!(*asked >= 0) || (*asked >= 1 && *asked != std::floor(*asked)) || *asked >= double(n))
      bad_input(table_.where, text(what, " is ", *asked, ": a share from 0 to below 1, or a number of rows below ", n,
                                   ", was expected"));
    return *asked < 1 ? int64_t(std::floor(double(n) * *asked + 0.5)) : int64_t(*asked);
  }

  void find_parts() {
    horizon_ = options_.horizon.value_or(1);
    const auto n = int64_t(values_.size());
    if (horizon_ >= n)
      bad_input(table_.where, text("has ", rows_text(n), ", too few to look ", horizon_, " ahead"),
                "a shorter horizon, or more rows");
    const int64_t test = rows_for(options_.test, "test"), validation = rows_for(options_.validation, "validation");
    for (const auto& [rows, what] : {std::pair{test, "test"}, {validation, "validation"}})
      if (rows > 0 && rows < horizon_)
        bad_input(table_.where, text("the ", what, " part has ", rows_text(rows), ", too few for ", horizon_, " ahead"),
                  text(what, "=0 for none, ", what, "=", 2 * horizon_, ", or a shorter horizon"));
    train_ = n - validation - test;
    validation_ = n - test;
    if (train_ < horizon_ + 2)
      bad_input(table_.where,
                text("has ", rows_text(n), ": with ", validation, " for validation and ", test, " for the test ",
                     train_ <= 0 ? std::string("none is") : text(train_, train_ == 1 ? " is" : " are"),
                     " left to learn ", horizon_, " ahead from"),
                "a shorter horizon, smaller parts (validation=0), or more rows");
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const double value : training()) {
      if (std::isnan(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (low >= high)
      bad_input(table_.where,
                text(quoted(column_name()),
                     low == high ? text(" is ", number(low), " in all ") : std::string(" is missing in all "), train_,
                     " training rows: nothing to learn"));
  }

  std::span<const double> training() const { return std::span(values_).first(size_t(train_)); }

  void find_season() {
    std::vector<int64_t> candidates = seasons_of(spacing_);
    const bool by_dates = !candidates.empty();
    if (!by_dates)
      if (const int64_t lag = strongest_lag(training()); lag > 0) candidates = {lag};
    std::erase_if(candidates, [&](int64_t period) { return 2 * period > train_; });
    if (candidates.empty()) {
      remark("season: none was found");
      return;
    }
    const int64_t first = *std::ranges::max_element(candidates);
    double least = std::numeric_limits<double>::infinity();
    std::vector<std::string> tried;
    for (const int64_t period : candidates) {
      tried.push_back(text(period));
      if (const double error = repetition_error(training(), period, first); error < least) {
        least = error;
        period_ = period;
      }
    }
    remark(text("season: ", rows_text(period_),
                tried.size() > 1 ? text(", which predicts the training rows best of ", join(tried, ", "))
                : by_dates       ? std::string()
                                 : std::string(", by the autocorrelation of the training rows")));
  }

  void find_window() {
    // Training keeps half of its rows for targets.
    const int64_t room = std::max<int64_t>(1, train_ / 2 - horizon_);
    int64_t usual = std::max(shortest_usual_window, 2 * horizon_);
    if (2 * period_ <= longest_usual_window) usual = std::max(usual, 2 * period_);
    window_ = options_.window.value_or(std::min({usual, room, longest_usual_window}));
    if (window_ + horizon_ > train_)
      bad_input(table_.where,
                text("a window of ", window_, " and ", horizon_, " ahead need ", window_ + horizon_,
                     " training rows, there are ", train_),
                "a smaller window, a shorter horizon, or smaller parts");
  }

  void keep_columns() {
    const std::span<const int64_t> training_rows = std::span(time_.rows).first(size_t(train_));
    for (size_t c = 0; c < table_.columns.size(); ++c) {
      const ColumnPlan plan = plan_column(table_, c, words_[c], table_.where);
      if (!plan.left_out.empty()) {
        schema_.left_out.push_back({table_.columns[c].name, plan.left_out});
        continue;
      }
      if (c == column_) forecast_.column = int64_t(kept_.columns.size());
      if (c == date_) forecast_.date = int64_t(kept_.columns.size());
      kept_.index.push_back(c);
      kept_.columns.push_back(make_column(table_, plan, training_rows));
      kept_.columns.back().anchored = c == column_ || c == date_;
    }
    forecast_.period = period_;
    forecast_.days = spacing_.days;
    forecast_.months = spacing_.months;
  }

  // Mean, deviation and ranks by the training rows; of anchored columns by the training windows.
  void fit(const Series& series, const Dataset& train, int64_t rows) {
    const auto columns = int64_t(schema_.columns.size()), all = window_ * columns;
    std::vector<double> values;
    for (int64_t c = 0; c < columns; ++c) {
      values.clear();
      if (schema_.columns[size_t(c)].anchored) {
        for (int64_t i = 0; i < train.size(); ++i)
          for (int64_t t = 0; t < window_; ++t)
            values.push_back(train.samples.at(i * all + t * columns + c) -
                             train.samples.at((i + 1) * all - columns + c));
      } else {
        for (int64_t row = 0; row < rows; ++row) values.push_back(series.rows.at(row * columns + c));
      }
      fit_column(schema_.columns[size_t(c)], values, options_.standardise);
    }
    if (!options_.standardise) return;
    Tensor steps(Type{DType::f64, {train.size(), horizon_}});
    for (int64_t i = 0; i < steps.elements(); ++i)
      steps.set(i, learned_of(train, i / horizon_, i % horizon_, train.targets.at(i)));
    schema_.target = standardise(steps);
  }

  std::string when(int64_t row) const {
    return date_as(time_.days[size_t(row)], table_.columns[*date_].format, spacing_.days);
  }

  void say_course(int64_t left_out) {
    const auto n = int64_t(values_.size());
    std::vector<std::string> first = {text("forecast: ", column_name(), ", ", rows_text(horizon_),
                                           " ahead, from windows of ", window_,
                                           options_.window ? "" : " (--window N for another)")};
    if (date_) {
      const bool usual = spacing_.days > 0 || spacing_.months > 0;
      first.push_back(text("time: ", table_.columns[*date_].name, ", ", when(0), " to ", when(n - 1), ", ",
                           usual ? every(spacing_) : std::string("at various distances"),
                           spacing_.absent > 0 ? text(", ", rows_text(spacing_.absent),
                                                      spacing_.absent == 1 ? " is" : " are", " missing in between")
                                               : std::string(),
                           time_.sorted ? "" : "; the rows are put in its order"));
      std::string parts = text("parts: training to ", when(train_ - 1));
      if (validation_ > train_) parts += text(", validation to ", when(validation_ - 1));
      if (n > validation_) parts += text(", test to ", when(n - 1));
      first.push_back(std::move(parts));
    } else {
      first.emplace_back("time: no column holds dates, so the rows are taken in the order of the file");
    }
    if (left_out > 0)
      first.push_back(text(left_out, left_out == 1 ? " window is" : " windows are", " left out: ", column_name(),
                           " is missing in ", left_out == 1 ? "it" : "them", " or in what follows"));
    remarks_.insert(remarks_.begin(), first.begin(), first.end());
  }

  Splits made() {
    const auto n = int64_t(values_.size());
    schema_.name = name_;
    schema_.goal = Goal::numbers;
    schema_.raw = options_.dtype;
    schema_.header = table_.dialect.header;
    schema_.sample = {window_, int64_t(kept_.columns.size())};
    schema_.columns = kept_.columns;
    schema_.forecast = forecast_;
    for (const Column& column : kept_.columns) schema_.features.push_back(column.name);
    for (int64_t step = 1; step <= horizon_; ++step) schema_.targets.push_back(text(column_name(), " +", step));
    schema_.description = text(
        "windows of ", rows_text(window_), " and ",
        kept_.columns.size() == 1 ? "1 column" : text(kept_.columns.size(), " columns"), " of a series of ", n,
        "; the next ", horizon_ == 1 ? std::string("value") : text(horizon_, " values"), " of ", quoted(column_name()));
    const Series series = series_of(table_, kept_, time_, size_t(forecast_.column), schema_.raw);
    std::vector<int64_t> train = whole_windows(series, window_, horizon_, window_ - 1, train_ - horizon_ - 1);
    const std::vector<int64_t> validation = whole_windows(series, window_, horizon_, std::max(train_, window_) - 1,
                                                          validation_ - horizon_ - 1),
                               test = whole_windows(series, window_, horizon_, std::max(validation_, window_) - 1,
                                                    n - horizon_ - 1);
    const auto possible = [&](int64_t rows) { return std::max<int64_t>(0, rows - horizon_ + 1); };
    const int64_t left_out = possible(train_ - window_) + possible(validation_ - train_) + possible(n - validation_) -
                             int64_t(train.size() + validation.size() + test.size());
    if (train.empty())
      bad_input(table_.where,
                text(quoted(column_name()), " is missing so often that no training window of ", window_, " and ",
                     horizon_, " ahead is whole"),
                "fill the gaps, or take a smaller window");
    int64_t rows = train_;
    if (options_.samples) {
      if (*options_.samples < 1 || *options_.samples > int64_t(train.size()))
        bad_input(table_.where, text("samples is ", *options_.samples, ", 1 to ", train.size(), " was expected"));
      train.resize(size_t(*options_.samples));
      rows = train.back() + horizon_ + 1;
    }
    Splits out;
    out.train = windows_of(series, train, schema_, true);
    fit(series, out.train, rows);
    out.train.schema = schema_;
    out.validation = windows_of(series, validation, schema_, true);
    out.test = windows_of(series, test, schema_, true);
    out.files = {table_.where};
    for (const Dataset* part : {&out.train, &out.validation, &out.test}) check(*part, table_.where);
    say_course(left_out);
    out.remarks = std::move(remarks_);
    return out;
  }

  const TabularOptions& options_;
  const RawTable table_;
  const std::string name_;
  size_t column_ = 0; // of the table, as date_
  std::optional<size_t> date_;
  std::map<size_t, std::string> words_;
  Timeline time_;
  Spacing spacing_;
  std::vector<double> values_;                    // of the column, in time
  int64_t horizon_ = 1, window_ = 1, period_ = 0; // rows
  int64_t train_ = 0, validation_ = 0;            // where the part ends: a row in time
  Kept kept_;
  Forecast forecast_;
  Schema schema_;
  std::vector<std::string> remarks_;
};

// Another file's series, by the schema.
Series read_series(ByteSource& source, const Schema& schema, const std::string& path, const TabularOptions& options) {
  const auto [table, matched] = read_as(source, schema, path, options);
  std::optional<size_t> date;
  if (schema.forecast->date >= 0) date = matched.kept.index[size_t(schema.forecast->date)];
  return series_of(table, matched.kept, timeline_of(table, date), size_t(schema.forecast->column), schema.raw);
}

} // namespace

Splits open_forecast(ByteSource& source, const std::string& path, const std::string& name,
                     const TabularOptions& options) {
  return Opening(source, path, name, options).open();
}

TableSamples open_forecast_as(ByteSource& source, const Schema& schema, const std::string& path,
                              const TabularOptions& options) {
  const Series series = read_series(source, schema, path, options);
  const int64_t window = schema.window(), horizon = schema.horizon();
  const std::vector<int64_t> ends = whole_windows(series, window, horizon, window - 1, series.size() - horizon - 1);
  if (ends.empty())
    bad_input(path,
              text("has ", rows_text(series.size()), ", no ", window + horizon, " in a row without a missing ",
                   quoted(schema.columns[size_t(schema.forecast->column)].name)),
              text("a window has ", rows_text(window), ", and ", horizon, " more are compared with"));
  TableSamples out{windows_of(series, ends, schema, true), true};
  check(out.data, path);
  return out;
}

SeriesEnd open_end_as(ByteSource& source, const Schema& schema, const std::string& path,
                      const TabularOptions& options) {
  const Series series = read_series(source, schema, path, options);
  const Forecast& forecast = *schema.forecast;
  const int64_t window = schema.window(), last = series.size() - 1;
  if (series.size() < window)
    bad_input(path, text("has ", rows_text(series.size()), ", the net looks at the last ", window),
              "give it the rows before as well");
  for (int64_t row = series.size() - window; row <= last; ++row)
    if (std::isnan(series.values[size_t(row)]))
      bad_input(path,
                text("line ", series.lines[size_t(row)], ": ", quoted(schema.columns[size_t(forecast.column)].name),
                     " is missing within the last ", rows_text(window)),
                "fill it in, or leave out what follows it");
  const int64_t ends[] = {last};
  SeriesEnd out{.window = windows_of(series, ends, schema, false), .when = {}};
  const bool dated = forecast.date >= 0 && (forecast.days > 0 || forecast.months > 0);
  if (dated) out.time = schema.columns[size_t(forecast.date)].name;
  for (int64_t step = 1; step <= schema.horizon(); ++step)
    out.when.push_back(dated ? date_as(date_ahead(series.days, forecast, step),
                                       schema.columns[size_t(forecast.date)].format, forecast.days)
                             : text(step));
  return out;
}

} // namespace vitro

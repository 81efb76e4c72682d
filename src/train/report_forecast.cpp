// A forecast: how it goes beside the truth, and how its errors grow with the steps ahead.
#include <fmt/core.h>

#include "core/text.h"
#include "report/figures.h"
#include "report/terminal.h"
#include "train/forecasts.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

// The time of a sample's `step`-th target: a year where dates have a fixed distance, else the number of the sample.
double time_of(const Dataset& data, int64_t sample, int64_t step) {
  const Schema& schema = data.schema;
  const Forecast& forecast = *schema.forecast;
  const double between = forecast.months > 0 ? double(forecast.months) * 365.2425 / 12 : forecast.days;
  if (forecast.date < 0 || between == 0) return double(sample + step);
  const int64_t columns = schema.sample[1];
  const double end = data.samples.at((sample * schema.window() + schema.window() - 1) * columns + forecast.date);
  return 1970 + (end + double(step) * between) / 365.2425;
}

Markup course(const JudgedPart& part) {
  const Dataset& data = part.data;
  const Schema& schema = data.schema;
  const int64_t n = data.size(), horizon = schema.horizon();
  LineChart chart;
  const std::string& column = schema.columns[size_t(schema.forecast->column)].name;
  chart.title = text(short_name(column), ": the ", part.name, " part and what was said before");
  const bool dated = schema.forecast->date >= 0 && (schema.forecast->days > 0 || schema.forecast->months > 0);
  chart.x = {.label = dated ? "year" : "row"};
  chart.y = {.label = short_name(column)};
  const auto add = [&](const std::string& name, int64_t step, auto&& value) {
    Series line{name, {}};
    for (int64_t i = 0; i < n; ++i) line.points.push_back({time_of(data, i, step), value(i)});
    chart.series.push_back(std::move(line));
  };
  const auto forecast = [&](int64_t step) {
    return [&, step](int64_t i) { return raw_of(data, i, step - 1, part.predictions.at(i * horizon + step - 1)); };
  };
  add("truth", 1, [&](int64_t i) { return data.targets.at(i * horizon); });
  add("one step before", 1, forecast(1));
  if (horizon > 1) add(text(horizon, " steps before"), horizon, forecast(horizon));
  return line_chart(chart);
}

} // namespace

Markup forecast_section(const JudgedPart& part) {
  const std::vector<StepErrors> found = errors_by_step(part.predictions, part.data);
  std::vector<std::string> headings = {"> steps ahead"};
  for (const char* what : {"RMSE", "MAE"})
    for (const StepErrors& one : found) headings.push_back(text("> ", what, ", ", one.name));
  std::vector<std::vector<Markup>> rows;
  for (size_t step = 0; step < found[0].rmse.size(); ++step) {
    std::vector<Markup> row = {text(step + 1)};
    for (const StepErrors& one : found) row.emplace_back(number(one.rmse[step], 4));
    for (const StepErrors& one : found) row.emplace_back(number(one.mae[step], 4));
    rows.push_back(std::move(row));
  }
  Markup out = together(course(part), table_element(headings, rows, text("Errors on the ", part.name, " part")));
  const int64_t period = part.data.schema.forecast->period;
  return out.add(element("p", {{"class", "note"}}, "Naive: the last value stays. ",
                         period > 0 ? text("Seasonal naive: what was ", plural(period, "row"),
                                           " before, or whole seasons before where that is not known yet. ")
                                    : std::string("No season was found. "),
                         "All are measured on the same samples."));
}

} // namespace vitro

#include "data/timeline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "data/match.h"

namespace vitro {
namespace {

constexpr int64_t most_lags = 1000, most_heard = 50'000;
constexpr double days_of_year = 365.2425;
constexpr double regular = 0.95; // of the distances between dates are the usual one

std::chrono::year_month_day civil(double day) {
  return std::chrono::sys_days(std::chrono::days(int64_t(std::floor(day))));
}
bool ends_month(const std::chrono::year_month_day& date) {
  return date == std::chrono::year_month_day(date.year() / date.month() / std::chrono::last);
}

// The most frequent distance, and how many distances are that one.
std::pair<int64_t, int64_t> usual_of(const std::vector<int64_t>& distances) {
  std::map<int64_t, int64_t> count;
  for (const int64_t distance : distances) ++count[distance];
  const auto most = std::ranges::max_element(count, {}, [](const auto& one) { return one.second; });
  if (most == count.end()) return {0, 0};
  return {most->first, most->second};
}

} // namespace

Timeline timeline_of(const RawTable& table, std::optional<size_t> date) {
  Timeline out;
  out.rows.resize(size_t(table.rows()));
  std::iota(out.rows.begin(), out.rows.end(), int64_t{0});
  if (!date) return out;
  const std::vector<double>& days = table.columns[*date].numbers;
  for (const int64_t row : out.rows)
    if (std::isnan(days[size_t(row)]))
      bad_input(table.where, text(place(table, *date, row), ": no date, so its place in time is not known"),
                "leave the row out, or drop the column: then rows follow each other as in the file");
  const auto earlier = [&](int64_t a, int64_t b) { return days[size_t(a)] < days[size_t(b)]; };
  out.sorted = std::is_sorted(out.rows.begin(), out.rows.end(), earlier);
  std::stable_sort(out.rows.begin(), out.rows.end(), earlier);
  for (const int64_t row : out.rows) out.days.push_back(days[size_t(row)]);
  if (const auto twice = std::ranges::adjacent_find(out.days); twice != out.days.end()) {
    const auto at = size_t(twice - out.days.begin());
    bad_input(table.where,
              text("lines ", table.lines[size_t(out.rows[at])], " and ", table.lines[size_t(out.rows[at + 1])],
                   " have the same date, ", date_text(*twice)),
              "a series has one row at a time: keep one of several series, or one of the rows");
  }
  return out;
}

Spacing spacing_of(const std::vector<double>& days) {
  if (days.size() < 3) return {};
  std::vector<int64_t> months, milliseconds;
  const auto first = civil(days[0]);
  bool same_day = true, month_ends = true;
  for (size_t i = 0; i < days.size(); ++i) {
    const auto date = civil(days[i]);
    same_day &= date.day() == first.day() && days[i] - std::floor(days[i]) == days[0] - std::floor(days[0]);
    month_ends &= ends_month(date);
    if (i == 0) continue;
    const auto before = civil(days[i - 1]);
    months.push_back(12 * int64_t(int(date.year()) - int(before.year())) + int64_t(unsigned(date.month())) -
                     int64_t(unsigned(before.month())));
    milliseconds.push_back(std::llround((days[i] - days[i - 1]) * 86'400'000));
  }
  const bool by_months = (same_day || month_ends) && usual_of(months).first > 0;
  const auto [distance, count] = usual_of(by_months ? months : milliseconds);
  if (distance <= 0 || double(count) < regular * double(days.size() - 1)) return {};
  Spacing out;
  for (const int64_t one : by_months ? months : milliseconds) out.absent += std::max<int64_t>(0, one / distance - 1);
  if (by_months)
    out.months = distance;
  else
    out.days = double(distance) / 86'400'000;
  return out;
}

std::string every(const Spacing& spacing) {
  if (spacing.months == 1) return "monthly";
  if (spacing.months == 12) return "yearly";
  if (spacing.months > 0) return text("every ", spacing.months, " months");
  if (spacing.days == 1) return "daily";
  if (spacing.days == 7) return "weekly";
  if (spacing.days >= 1) return text("every ", number(spacing.days, 6), " days");
  const double minutes = spacing.days * 1440;
  return minutes == 60 ? std::string("hourly") : text("every ", number(minutes, 6), " minutes");
}

std::string date_as(double day, const std::string& format, double days) {
  const std::string whole = date_text(day);
  if (format == "YYYY-MM") return whole.substr(0, 7);
  return days != std::floor(days) && whole.find('T') == std::string::npos ? whole + "T00:00:00" : whole;
}

double date_ahead(const std::vector<double>& days, const Forecast& forecast, int64_t step) {
  using namespace std::chrono;
  const double last = days.back();
  // To the millisecond: midnight must not be a little before itself.
  if (forecast.months == 0) return std::round((last + double(step) * forecast.days) * 86'400'000) / 86'400'000;
  const year_month_day from = civil(last);
  const year_month to = from.year() / from.month() + months(int(step * forecast.months));
  const bool at_end = std::ranges::all_of(days, [](double day) { return ends_month(civil(day)); });
  const year_month_day end = to / std::chrono::last, same = to / from.day();
  const sys_days day = at_end || from.day() > end.day() ? end : same;
  return double(day.time_since_epoch().count()) + (last - std::floor(last));
}

std::vector<int64_t> seasons_of(const Spacing& spacing) {
  std::vector<int64_t> out;
  if (spacing.months > 0 && 12 % spacing.months == 0) out.push_back(12 / spacing.months);
  if (spacing.days > 0)
    for (const double cycle : {1.0, 7.0, days_of_year}) {
      const double rows = cycle / spacing.days, whole = std::round(rows);
      if (cycle == days_of_year || std::fabs(rows - whole) < 1e-6 * rows) out.push_back(int64_t(whole));
    }
  std::erase_if(out, [](int64_t period) { return period < 2; });
  return out;
}

int64_t strongest_lag(std::span<const double> values) {
  values = values.last(std::min<size_t>(values.size(), most_heard)); // of a long series its end says enough
  std::vector<double> steps;
  for (size_t i = 1; i < values.size(); ++i) steps.push_back(values[i] - values[i - 1]);
  double mean = 0;
  int64_t n = 0;
  for (const double step : steps)
    if (!std::isnan(step)) mean += step, ++n;
  if (n == 0) return 0;
  mean /= double(n);
  const auto agreement = [&](int64_t lag) {
    double both = 0, all = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (std::isnan(steps[i])) continue;
      all += (steps[i] - mean) * (steps[i] - mean);
      if (i >= size_t(lag) && !std::isnan(steps[i - size_t(lag)]))
        both += (steps[i] - mean) * (steps[i - size_t(lag)] - mean);
    }
    return all > 0 ? both / all : 0;
  };
  std::vector<double> found;
  for (int64_t lag = 2; lag <= std::min<int64_t>(most_lags, int64_t(values.size()) / 3); ++lag)
    found.push_back(agreement(lag));
  if (found.empty()) return 0;
  const double best = *std::ranges::max_element(found);
  if (best * std::sqrt(double(n)) < 4) return 0;
  return 2 + (std::ranges::find_if(found, [&](double one) { return one >= 0.9 * best; }) - found.begin());
}

double repetition_error(std::span<const double> values, int64_t period, int64_t first) {
  double sum = 0;
  int64_t n = 0;
  for (auto i = size_t(first); i < values.size(); ++i) {
    const double away = values[i] - values[i - size_t(period)];
    if (!std::isnan(away)) sum += away * away, ++n;
  }
  return n > 0 ? sum / double(n) : std::numeric_limits<double>::infinity();
}

} // namespace vitro

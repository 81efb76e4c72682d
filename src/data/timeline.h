// The rows of a table in time: their order, how far apart they are, after how many the series repeats itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace vitro {

/// The rows of a table in time, and their dates (empty where no column holds any).
struct Timeline {
  std::vector<int64_t> rows;
  std::vector<double> days;
  bool sorted = true; // as they stood
};
/// By the dates in the column `date`, in the file's order where there is none. Throws bad_input for a row without a
/// date, and for two rows of one date.
Timeline timeline_of(const RawTable& table, std::optional<size_t> date);

/// How far apart rows are: a number of days or of months, or neither where there is no usual distance.
struct Spacing {
  double days = 0;
  int64_t months = 0;
  int64_t absent = 0; // rows that a calendar would have in between
};
/// `days`: ascending.
Spacing spacing_of(const std::vector<double>& days);
std::string every(const Spacing& spacing); // "daily", "every 3 months"

/// A date as exact as its series: a month, a day, or a time of day where rows are no whole `days` apart.
std::string date_as(double day, const std::string& format, double days);
/// The `step`-th date behind the last one of `days`.
double date_ahead(const std::vector<double>& days, const Forecast& forecast, int64_t step);

/// Rows in a day, a week, a year.
std::vector<int64_t> seasons_of(const Spacing& spacing);
/// The shortest lag from 2 on at which the steps from row to row agree as well with themselves as at any; 0 where none
/// is beyond what noise would show: four standard errors of white noise. NaN: missing.
int64_t strongest_lag(std::span<const double> values);
/// The mean squared error of saying what was `period` rows before, from row `first` on; infinite where nothing can be
/// said.
double repetition_error(std::span<const double> values, int64_t period, int64_t first);

} // namespace vitro

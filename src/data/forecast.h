// A table whose rows follow each other in time becomes windows to look at, and what came next to be predicted.
//
// Invariant: nothing of a sample's inputs, nor of what it counts from, lies behind its window's end, and nothing that
// is taken of the rows (means, categories, the season) is taken of rows behind the training part. Parts follow each
// other in time. A sample belongs to the part that holds all its targets; its window may reach back into the part
// before, which is its past. A sample whose targets lie in two parts belongs to none.
#pragma once

#include "data/tabular.h"

namespace vitro {

/// The series in `source`, whose name is `path`: Schema::forecast is stated, samples are [window, columns], targets
/// [horizon] ("Temp +1", "Temp +2"). Rows are taken in the order of their dates, or, where no column holds any, of the
/// file. The column that is forecast, and the dates, count from the window's last row.
/// Where `options` say nothing: a horizon of 1; a tenth of the rows for validation and a tenth for the test, but as
/// many as make `horizon` samples; a window of two seasons or two horizons, whichever is longer, and at least 16 rows,
/// as long as that is at most 400 and training keeps half of its rows for targets.
/// Season: of a day, a week, a year in rows (and, of dates without a fixed distance or of none, the lag of the
/// strongest autocorrelation) the one whose last repetition predicts the training rows best. A window or target with a
/// missing value in that column makes no sample; how many is a remark. Throws bad_input for what read_table refuses, a
/// column that is unknown or holds no numbers, one value alone in training, a date that is missing or there twice, too
/// few rows; and for target, group, folds, test_file, a goal of classes, which a forecast has no use for.
Splits open_forecast(ByteSource& source, const std::string& path, const std::string& name,
                     const TabularOptions& options);

/// Another file of such a series: all its windows of which the next values are known, with these. Columns are found as
/// open_table_as finds them. Throws as it does, and for fewer rows than a window and a horizon.
TableSamples open_forecast_as(ByteSource& source, const Schema& schema, const std::string& path,
                              const TabularOptions& options);

/// The last window of such a file, whose next values nobody knows.
struct SeriesEnd {
  Dataset window;                // one sample, without targets
  std::string time = "step";     // what `when` is called: the column of dates
  std::vector<std::string> when; // for each step ahead its date; "1", "2", ... where dates have no fixed distance
};
/// Throws as open_forecast_as does, and where the window misses a value of the column that is forecast.
SeriesEnd open_end_as(ByteSource& source, const Schema& schema, const std::string& path, const TabularOptions& options);

} // namespace vitro

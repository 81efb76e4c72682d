// Metrics as text and as JSON: what train, eval and inspect share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "report/terminal.h"
#include "train/cross_validation.h"
#include "train/metrics.h"
#include "train/scores.h"
#include "train/training.h"

namespace vitro::cli {

using Json = nlohmann::ordered_json;

/// One line per part ("train", "test"): loss, then accuracy or RMSE with its 95 % interval, for numbers MAE and R2, of
/// a text nats, bits and perplexity; and below, on the unseen part, what simpler things achieve (null, or without a
/// value: left out).
struct Part {
  std::string name;
  const Metrics* metrics;
};
std::string metrics_table(const std::vector<Part>& parts, const std::vector<const Baseline*>& simpler,
                          const Palette& palette);

/// What stands below the parts: the linear model, then what needs no learning.
std::vector<const Baseline*> simpler_than(const std::optional<Baseline>& linear, const std::vector<Baseline>& naive,
                                          const Baseline* baseline);

/// Of a series, each step ahead: RMSE and MAE of the net and of what needs no learning. "" for other data.
std::string steps_table(const Tensor& predictions, const Dataset& data, const Palette& palette);
/// The same as keys: naive_rmse, seasonal_naive_rmse (null without a season), the same of mae, steps. {} otherwise.
Json steps_json(const Tensor& predictions, const Dataset& data);

/// Top-k, log loss, ROC-AUC, calibration error, and precision, recall and F1 over all classes. "" for numbers.
std::string scores_table(const Metrics& metrics, const Scores& scores, const Palette& palette);

/// Precision, recall, F1, ROC-AUC and support of every class, and the confusion matrix (up to 20 classes).
std::string class_tables(const Metrics& metrics, const Scores& scores, const std::vector<std::string>& classes,
                         const Palette& palette);

/// [low, high]; null where it has no end.
Json pair(const Interval& interval);

/// Of a text: nats, bits, perplexity, a symbol. {} otherwise.
Json text_json(const Metrics& metrics);

/// accuracy, loss, samples, interval, the scores, classes and confusion; or rmse, mae, r2 and their intervals.
Json to_json(const Metrics& metrics, const Scores& scores, const std::vector<std::string>& classes);

/// "20,000 training, 2,000 validation, 2,000 test samples [1, 28, 28], 10 classes".
std::string sizes(const Splits& data);

/// A line for each column of a table: what was seen of it and what becomes of it, or why it is left out. Equal lines of
/// columns in a row are one.
std::string columns_table(const Schema& schema, const Palette& palette);

/// A line per fold: the net, the linear model and what needs no learning on its rows; mean and deviation; all rows.
std::string folds_table(const CrossValidation& folds, const Palette& palette);
/// "82.15 % right (95 %: 79.50 to 84.53 %) on rows that the net had not seen, by 5-fold cross-validation".
std::string sentence_of(const CrossValidation& folds);
/// What stands in place of the test part's figures: test_accuracy, or test_rmse and test_r2, of all rows; intervals;
/// the baselines; mean, deviation, and `folds`.
Json to_json(const CrossValidation& folds);

/// `vitro train`, its JSON behind what `before` holds: for a verb that trains at its end.
class Arguments;
int train_after(Arguments& arguments, const Json& before);

} // namespace vitro::cli

// Cross-validation: how good nets of a recipe are on rows that they have not seen, where no row can be spared for a
// test part alone.
//
// The rows are dealt to K folds (data/tabular.h); for each of them a net learns from the other folds and is measured on
// it. So every row is predicted once, by a net that never saw it. What comes out is an estimate of the way of making
// nets; the net that is kept learns from all rows (`without_test`) and is measured by nothing else.
// Invariant: the numbers are a function of recipe, data and program, whatever the number of threads.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/run_directory.h"
#include "train/metrics.h"

namespace vitro {

/// What one fold came to: of classes the accuracy on its rows, of numbers the RMSE.
struct Fold {
  int64_t rows = 0, learned_from = 0;
  double net = 0, linear = 0, constant = 0; // linear: NaN where there is no linear model of the data
  int64_t epochs = 0;
};

struct CrossValidation {
  Goal goal = Goal::classes;
  std::string target;   // the predicted column
  std::string constant; // what needs no learning: "always the mean"
  std::vector<Fold> folds;
  int64_t rows = 0;                                  // of all folds
  double net = 0, linear_model = 0, no_learning = 0; // over all rows; as in Fold
  Interval interval;                                 // 95 %, of `net`
  double r2 = 0;                                     // Goal::numbers, over all rows
  Interval r2_interval;

  double mean() const;      // of the folds' nets
  double deviation() const; // of a fold (with K - 1)
  int64_t ahead() const;    // in how many folds the net is better than the linear model
  std::string name() const { return std::to_string(folds.size()) + "-fold cross-validation"; }
};

/// What was said of a row by the net that had not seen it.
struct UnseenRow {
  int64_t line = 0, fold = 0; // in the file, from 1; from 1
  std::string truth, prediction;
  double probability = 0; // of the predicted class; NaN where the loss makes none, and for numbers
};

struct CrossValidated {
  CrossValidation estimate;
  std::vector<UnseenRow> rows; // by line
};

struct FoldHooks {
  std::function<bool()> stop = {};                 // asked about ten times a second
  std::function<void(double share)> progress = {}; // how much of the epochs is done
};

/// The assignments with which the net learns from all rows but those that choose the epoch: no test part, no folds.
std::vector<std::string> without_test(std::vector<std::string> assignments);

/// Trains a net for each fold, at most `at_once` side by side, of what open_trainable makes of `what` and
/// `assignments`. Nothing where it was stopped; nothing is written. Throws bad_input for fewer than 2 folds, data that
/// are no table or come with a test part, fewer rows (or groups) than folds; what `train` throws.
std::optional<CrossValidated> cross_validate(const std::string& what, const std::vector<std::string>& assignments,
                                             int64_t folds, const std::string& data_dir, int64_t at_once,
                                             const FoldHooks& hooks = {});
/// Reads the data of the first fold, and throws what is wrong with recipe, folds and data.
void check_folds(const std::string& what, const std::vector<std::string>& assignments, int64_t folds,
                 const std::string& data_dir);

/// folds.json and folds.csv, for the run's directory.
std::vector<FileContent> files_of(const CrossValidated& all);
/// Of the run that lies there; nothing where its net was not cross-validated. Throws bad_input for a damaged file.
std::optional<CrossValidation> cross_validation_of(const RunDirectory& run);

} // namespace vitro

// The linear model of a training part: what a net has to beat to be worth its weights. Not trained step by step but
// solved, so that it depends on no learning rate: ridge regression for numbers, logistic regression for classes.
//
// It reads what the net reads (data/batches.h); a column of codes counts as one column of 0 and 1 for each category.
// Everything is in double, without the C library, and no sum is cut by the number of threads: the same part gives the
// same model, bit for bit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/metrics.h"

namespace vitro {

struct LinearOptions {
  /// The penalty: the summed loss of all samples + l2 / 2 times the sum of squared weights (numbers: squared errors
  /// / 2), biases free. scikit-learn's C = 1 / l2 and alpha = l2. Must be above 0.
  double l2 = 1;
  std::vector<int64_t> codes = {}; // the last columns of a sample are codes of so many categories each
  double tolerance = 1e-6;         // classes: the largest slope of the mean loss that is left over
};

struct LinearModel {
  Goal goal = Goal::classes;
  std::vector<int64_t> codes = {};
  int64_t numbers = 0;             // columns that are no codes
  int64_t outputs = 0;             // classes, or numbers
  std::vector<double> weight = {}; // [rows, numbers + categories of all codes]; two classes have one row, of class 1
  std::vector<double> bias = {};   // [rows]
  int64_t rows = 0;                // samples that it was fitted to
  int64_t evaluations = 0;         // of loss and gradient; 0 where it was solved directly
};

/// Fits it, in two or three seconds at most: where the part is too large for that, to a random choice of its samples
/// (`LinearModel::rows` says how many), and with fewer than the 40 to 300 evaluations that are allowed where that is
/// enough. `train` holds at least one sample. Throws bad_input where l2 is not above 0 or `codes` don't fit.
/// Numbers: the normal equations of the centred columns by Cholesky (A. E. Hoerl, R. W. Kennard, "Ridge regression",
/// 1970); beyond 1,536 columns, and for classes: L-BFGS with ten pairs behind a diagonal preconditioner (J. Nocedal,
/// "Updating quasi-Newton matrices with limited storage", 1980). Two classes have one logistic unit, more a softmax.
LinearModel fit_linear(const Dataset& train, const LinearOptions& options = {});

/// Probabilities [n, classes], or numbers as a net learns them (schema.target applied) [n, outputs]; f32.
Tensor predict(const LinearModel& model, const Dataset& data);

/// What the linear model of `train` achieves on `on`; nothing where a linear model is no fair comparison, as samples
/// are no rows of named columns (pictures), or where `on` is empty.
std::optional<Baseline> linear_baseline(const Dataset& train, const Dataset& on, std::span<const int64_t> codes = {});

} // namespace vitro

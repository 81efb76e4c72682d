// What the columns of a table are good for: how much a trained model leans on each, and which of them alone gives the
// answer away. Both read Dataset::samples [n, columns] as they were read, before anything is scaled or filled in; a
// missing number is NaN.
//
// Pure functions: they change nothing, and the same data give the same answer for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/model.h"

namespace vitro {

/// By how much predictions get worse when a column's values change places among the samples: mean and deviation over
/// the repeats. Near 0: the model does without it, or gets the same from another column.
struct Importance {
  int64_t column = 0;
  std::string name;
  double worse = 0, worse_deviation = 0; // accuracy lost, or RMSE gained in the target's units
  double loss = 0, loss_deviation = 0;   // loss gained, the mean over samples
};

struct ImportanceOptions {
  int64_t repeats = 5;
  int64_t most_rows = 2000; // of a larger part so many are chosen at random
  uint64_t seed = 0;
};

/// Of every column, the most important first (by `worse`, then by `loss`, then as they stand). The values of column c
/// are dealt by Stream(seed, "importance/NAME", repeat), so a column's numbers don't hang on which others there are.
/// Empty where samples are not [n, columns] or there are fewer than two. `part` is labelled and fits the model. Throws
/// bad_input where repeats or most_rows is below 1.
/// Source: L. Breiman, "Random forests", 2001, section 10.
std::vector<Importance> permutation_importance(const Model& model, const Dataset& part,
                                               const ImportanceOptions& options = {});

/// A column that alone predicts the target: hardly ever nature, often something noted down after the outcome.
struct Suspect {
  int64_t column = 0;
  std::string name;
  double score = 0; // accuracy, or R2, on samples that were left out
  std::string text; // "outcome_code alone predicts the target: 99.2 % right; is it known before the outcome?"
};

/// Each column is cut into bins: one for every value where it has at most 256, holds categories by the schema, or is
/// among `coded` (positions); else at most 256 of equally many samples, at least 8 each; one for what is missing. A bin
/// answers with its most frequent class, or with a straight line through its numbers, learned on four fifths of the
/// samples and judged on the last, in turn (5 folds; of a part beyond 50,000 samples, so many chosen at random).
/// Suspicious is an accuracy of 0.98 where the most frequent class has less than 0.95, or where at most a tenth of that
/// class's mistakes are left; or an R2 of 0.98. The most suspicious first. Empty where samples are not [n, columns], or
/// are fewer than 50.
std::vector<Suspect> suspicious_columns(const Dataset& train, std::span<const int64_t> coded = {});

} // namespace vitro

// The samples that a net is furthest off, as people can look them up: in the report, and all of them in mistakes.csv.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace vitro {

/// The samples of `part` that are named wrong, by how little probability the truth was left; of numbers the tenth
/// (rounded up) that is furthest off, of a text the 1,000 symbols that were least probable. The worst first, equals in
/// their order. `predictions` as predict_all gives them, `part` as shown_part.
std::vector<int64_t> mistakes_of(const Tensor& predictions, const Dataset& part);

/// The same as a CSV file (`csv_cell`), a line for each under a line of names: `file` and `line` (where the sample
/// was read; of what was generated `sample` alone), the columns that the net sees as they are written (of a text
/// `before`, what stood there), then of classes `truth`, `prediction`, `probability` and `of truth`: what the net gives
/// to the class that it names and to the true one; of numbers `truth`, `prediction` and `residual`, the prediction less
/// the truth, in the target's units; one of each for every target where there are several. A missing cell is empty, a
/// category that training did not know "another". A name that a column of the data has already gets "_" behind it.
std::string mistakes_csv(const Tensor& predictions, const Dataset& part);

/// Of a text by_step: up to so many symbols before the one that is predicted, as they are written, line ends as "\n".
std::string text_before(const Dataset& part, int64_t sample, int64_t symbols);

/// A value of a sample [features] as people write it: every digit, no exponent in whole numbers; "1949-02-01"; "male";
/// "" where it is missing.
std::string written(const Dataset& data, int64_t sample, int64_t feature);

} // namespace vitro

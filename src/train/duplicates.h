// Rows that are there more than once: what makes a test easier than it looks, and what no net can get right.
//
// Two samples are the same where the net can't tell them apart by what was read: all raw values are equal, a missing
// one equals a missing one, and 0 equals -0. The counts are exact (hashes only find candidates) and hang on nothing but
// the data.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace vitro {

/// Of the samples of one part, those that equal a training sample.
struct Overlap {
  int64_t samples = 0;
  int64_t other_target = 0; // of these, where no training sample that it equals has its target
};

struct Duplicates {
  int64_t repeated = 0;  // training samples that equal an earlier one
  int64_t ambiguous = 0; // training samples that equal one with another target
  Overlap validation, test;
};

/// Takes 24 bytes for each training sample beyond the data, and about one look at every value.
Duplicates find_duplicates(const Splits& data);

} // namespace vitro

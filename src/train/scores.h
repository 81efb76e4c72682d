// How good probabilities are: what a count of right and wrong does not say. Read from the predictions of a whole part.
//
// Sums run in double in the order of the samples. What is not defined is NaN, which shows as "-".
#pragma once

#include <vector>

#include "data/dataset.h"

namespace vitro {

/// The predictions whose confidence (the probability of the named class) is within (low, high].
struct ConfidenceBin {
  double low = 0, high = 1;
  int64_t samples = 0;
  double confidence = 0, accuracy = 0; // means; NaN where there are no samples
};

struct Scores {
  int64_t samples = 0;
  /// How many samples have their true class in place 0, 1, ... of the classes ordered by probability. Among equals the
  /// first class comes first, so that top(1) is the accuracy.
  std::vector<int64_t> places;
  /// The mean of -ln(probability of the true class), in nats; a probability below 2^-52 counts as that.
  double log_loss = 0;
  /// For each class: the share of pairs of a sample of it and one of another in which the first has the larger
  /// probability of this class; a tie is half a pair. Exact: from the ranks (Mann and Whitney). NaN where there is no
  /// such pair.
  std::vector<double> class_auc;
  /// 15 bins of equal width. Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", 2017.
  std::vector<ConfidenceBin> bins;

  /// The share of samples whose true class is among the `k` likeliest; NaN where there are none.
  double top(int64_t k) const;
  /// The area under the ROC curve: with two classes that of class 1 (which is that of class 0), else the mean over all
  /// classes that have one, each against the rest.
  /// Source: J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a ROC curve", 1982.
  double roc_auc() const;
  /// The mean of |accuracy - confidence| over the samples' bins (Guo et al., equation 3).
  double calibration_error() const;
};

/// `predictions` [n, outputs], as predict_all gives them, against the labels of `data` (Goal::classes); a single output
/// is the probability of class 1. Where they are no probabilities (a net that ends without sigmoid or softmax, say),
/// log_loss and the bins are NaN; where one is not finite, all but `samples`.
Scores scores_of(const Tensor& predictions, const Dataset& data);

} // namespace vitro

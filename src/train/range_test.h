// The range test: which learning rates a net learns at, before it is trained.
//
// A rate that grows from step to step by a constant factor, each step on a batch of its own: the loss stays, falls,
// and breaks out. Invariant: whatever happens, also an exception, all states are afterwards what they were before.
// Source: L. N. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3; growth, smoothing,
// end and suggestions as fastai has them (fastai/callback/schedule.py, LRFinder and Learner.lr_find).
#pragma once

#include <functional>

#include "model/model.h"

namespace vitro {

struct RangeTest {
  double from = 1e-7, to = 10; // the first rate and the last (fastai stops one step short of it)
  int64_t steps = 100;
  double beta = 0.98; // smoothed: m_i = beta m_(i-1) + (1 - beta) loss_i, shown as m_i / (1 - beta^(i + 1))
  double stop_at = 4; // ends where the smoothed loss exceeds so many times the smallest one so far
};

struct RangeTestResult {
  std::vector<double> rates, losses; // one a step: the rate, and the smoothed loss of the batch before the step
  double valley = 0, steepest = 0;   // suggested rates
  bool stopped = false;              // the loss broke out before the last rate
};

/// Runs the test. `batch` gives x and targets of step 0, 1, ... (`Model::fit`), valid until it is called again. Throws
/// bad_input for a range or a number of steps that makes no test; where the loss breaks out so early, or falls so
/// little, that nothing can be suggested.
RangeTestResult range_test(Model& model, const RangeTest& test,
                           const std::function<std::pair<ConstView, ConstView>(int64_t step)>& batch);

/// The place in `losses` that fastai's "valley" suggests: half way along the longest falling sequence (its values need
/// not be neighbours), taken as a stretch of as many steps that ends where the sequence ends. (fastai's text says
/// "roughly 2/3"; its code, which counts here, takes a third and half a third.) -1 where no value is below an earlier
/// one.
int64_t valley_of(std::span<const double> losses);
/// The place before the steepest fall from one step to the next, among those that lead to the smallest loss: what falls
/// behind it has broken out before. (fastai's "steep" looks there, too; where the smallest loss comes last they are the
/// same.) Rates of equal factors: the slope over log(rate).
int64_t steepest_of(std::span<const double> losses);

} // namespace vitro

#include "train/schedule_curve.h"

namespace vitro {

ScheduleCurve schedule_curve(const ScheduleSpec& spec, double lr, int64_t steps, int64_t steps_per_epoch) {
  Scheduler scheduler(spec, lr, {.steps = steps, .steps_per_epoch = steps_per_epoch}, true);
  ScheduleCurve out;
  out.steps.reserve(size_t(steps));
  for (int64_t step = 0; step < steps; ++step) {
    out.steps.push_back(scheduler.at(step));
    // A loss that falls by a constant part: each is better than the last by any threshold.
    if (steps_per_epoch > 0 && (step + 1) % steps_per_epoch == 0) {
      const int64_t epoch = (step + 1) / steps_per_epoch;
      scheduler.end_epoch(epoch, -1e30 * double(epoch));
    }
  }
  if (scheduler.listens()) out.depends = "falls as the validation loss says: shown as if that fell in every epoch";
  return out;
}

} // namespace vitro

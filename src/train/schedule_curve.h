// A learning-rate schedule as a curve, before any training.
#pragma once

#include "optim/schedule.h"

namespace vitro {

struct ScheduleCurve {
  std::vector<Setting> steps; // of every step of the run
  std::string depends = {};   // "" where the run changes nothing in it; else what it depends on
};
/// A run's schedule before any training. One that listens is shown as if the validation loss fell in every epoch.
/// Throws as Scheduler does, except that validation is taken for granted.
ScheduleCurve schedule_curve(const ScheduleSpec& spec, double lr, int64_t steps, int64_t steps_per_epoch);

} // namespace vitro

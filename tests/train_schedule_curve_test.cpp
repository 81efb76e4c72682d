// The curve of a schedule is what a run meets.
#include "train/schedule_curve.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace vitro {
namespace {

TEST(ScheduleCurve, IsWhatARunWouldMeet) {
  for (const Schedule& schedule : schedules()) {
    ScheduleSpec spec{schedule.name, {{"warmup", 7.0}}};
    if (spec.name == "multi_step") spec.args.set("milestones", std::vector<int64_t>{2, 5});
    const ScheduleCurve curve = schedule_curve(spec, 0.3, 90, 10);
    ASSERT_EQ(curve.steps.size(), 90u) << schedule.name;
    EXPECT_EQ(curve.depends.empty(), schedule.hear == nullptr) << schedule.name;
    EXPECT_NEAR(curve.steps[0].lr / curve.steps[7].lr, 0.01, 1e-12) << schedule.name;
    double most = 0;
    for (int64_t step = 0; step < 90; ++step) {
      const double found = curve.steps[size_t(step)].lr;
      EXPECT_TRUE(schedule.hear ||
                  found == learning_rate(complete(spec), 0.3, {.step = step, .steps = 90, .steps_per_epoch = 10}));
      most = std::max(most, curve.steps[size_t(step)].lr);
    }
    EXPECT_LE(most, 0.3 * (1 + 1e-12)) << schedule.name << ": lr is the highest rate";
  }
}

} // namespace
} // namespace vitro

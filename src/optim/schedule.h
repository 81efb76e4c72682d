// Schedules of the learning rate: host code, a number per step. A schedule is an entry of a table.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/op.h"

namespace vitro {

struct ScheduleSpec {
  std::string name = "constant";
  Attrs args = {};
};

/// Where training is.
struct Progress {
  int64_t step = 0;            // steps done
  int64_t steps = 0;           // steps in all, 0 if not known
  int64_t steps_per_epoch = 0; // 0 if not known
};

struct Schedule {
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula;
  const char* doc;
  const char* origin = "";
  Peers peers = {};
  std::vector<AttrSpec> args = {};
  double (*rate)(const Attrs& args, double lr, const Progress& at);
};

std::span<const Schedule> schedules();
/// By name or alias; throws, with the nearest name, where there is none.
const Schedule& find_schedule(const std::string& name);
/// The spec with canonical name and all defaults stated; throws on an unknown or senseless argument.
ScheduleSpec complete(const ScheduleSpec& spec);
/// The learning rate of the step that follows `at.step` steps. `spec` is complete.
double learning_rate(const ScheduleSpec& spec, double lr, const Progress& at);

} // namespace vitro

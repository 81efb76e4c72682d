// Schedules: the learning rate, and where a schedule drives it the momentum, of every step. Host code, two numbers a
// step; each schedule is an entry of a table.
//
// The optimiser's lr is the highest rate: a schedule lowers it, so that a rate found once (vitro lr-find) and the
// factors between parameter groups hold under every schedule. A schedule knows the run: one_cycle or cosine end with
// it, whatever its length. A linear warm-up may go in front of any; the schedule proper begins when it is over, and
// only `milestones` count from the beginning of the run. Names and defaults are PyTorch's where it has them.
#pragma once

#include <limits>
#include <map>
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
  int64_t warmed = 0;          // steps of warm-up, which `step` and `steps` leave out
};

/// What one step is made with.
struct Setting {
  double lr = 0;
  double momentum = -1; // momentum, or Adam's beta1; below 0: the optimiser's own
};

/// What a schedule that listens to the validation loss carries from epoch to epoch.
struct Heard {
  double lr = 0;
  double loss = std::numeric_limits<double>::infinity(); // plateau: the lowest so far; OpenNMT: the last
  double waited = 0, cooling = 0;                        // epochs
  double falling = 0;                                    // 1: it falls after every epoch from now on
};

struct Schedule {
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula;
  const char* doc;
  const char* origin = "";
  Peers peers = {};
  std::vector<AttrSpec> args = {};
  Setting (*at)(const Attrs& args, double lr, const Progress& at);
  /// Of a schedule that listens: after epoch `epoch` (from 1), changes `heard`, whose lr is the rate from then on.
  void (*hear)(const Attrs& args, int64_t epoch, double loss, Heard& heard) = nullptr;
  /// What is wrong with it in a run of this length; "" where nothing is.
  std::string (*misfit)(const Attrs& args, const Progress& run) = nullptr;
};

/// Without the arguments that all have, warmup and warmup_start: see `arguments`.
std::span<const Schedule> schedules();
/// By name or alias; throws, with the nearest name, where there is none.
const Schedule& find_schedule(const std::string& name);
/// The spec with canonical name and all defaults stated; throws on an unknown or senseless argument.
ScheduleSpec complete(const ScheduleSpec& spec);
/// The setting of the step that follows `at.step` steps, of a complete `spec`. One that listens hears nothing here.
Setting setting_at(const ScheduleSpec& spec, double lr, const Progress& at);
double learning_rate(const ScheduleSpec& spec, double lr, const Progress& at);

/// A schedule on its way through one run.
class Scheduler {
public:
  /// `run`: steps and steps_per_epoch. Throws bad_input where the schedule doesn't fit the run: a milestone that is
  /// never reached, a warm-up without end, a schedule that listens where nothing is validated.
  Scheduler(const ScheduleSpec& spec, double lr, const Progress& run, bool validates);

  Setting at(int64_t step) const; // `step` steps are done
  const Progress& run() const { return run_; }
  bool listens() const { return schedule_.hear != nullptr; }
  /// After epoch `epoch`, from 1. Nothing where it doesn't listen.
  void end_epoch(int64_t epoch, double validation_loss);
  /// What it has heard, for the checkpoint; {} where it doesn't listen.
  std::map<std::string, double> state() const;
  void restore(const std::map<std::string, double>& numbers); // names that are not its own are left alone

private:
  ScheduleSpec spec_;
  const Schedule& schedule_;
  Progress run_;
  Heard heard_;
};

} // namespace vitro

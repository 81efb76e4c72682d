#include "optim/schedule.h"

#include <algorithm>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"

namespace vitro {
namespace {

const Schedule constant{
    .name = "constant", .aliases = {"none"}, .formula = "lr", .doc = "The same rate throughout.",
    .rate = [](const Attrs&, double lr, const Progress&) { return lr; }};

const Schedule time_based{
    .name = "time", .aliases = {"time_based", "inverse_time"}, .formula = "lr / (1 + k t), t: steps done",
    .doc = "Falls as one over the number of steps.",
    .origin = "Robbins and Monro, \"A stochastic approximation method\", 1951",
    .args = {{"k", 1e-3, "how fast it falls; at t = 1/k the rate is halved"}},
    .rate = [](const Attrs& args, double lr, const Progress& at) {
      return lr / (1 + args.real("k") * double(at.step));
    }};

const Schedule stepwise{
    .name = "step", .aliases = {"step_decay", "StepLR"}, .formula = "lr gamma^floor(e / step_size), e: epochs done",
    .doc = "Falls by a factor after every so many epochs (PyTorch's StepLR).",
    .args = {{"gamma", 0.1, "the factor"}, {"step_size", int64_t{1}, "epochs from one fall to the next"}},
    .rate = [](const Attrs& args, double lr, const Progress& at) {
      const int64_t epochs = at.steps_per_epoch > 0 ? at.step / at.steps_per_epoch : 0;
      const double gamma = args.real("gamma");
      const int64_t falls = epochs / args.integer("step_size");
      return falls == 0 ? lr : gamma == 0 ? 0.0 : lr * math::pow(gamma, double(falls));
    }};

const std::vector<Schedule>& all() {
  static const std::vector<Schedule> list{constant, time_based, stepwise};
  return list;
}

} // namespace

std::span<const Schedule> schedules() { return all(); }

const Schedule& find_schedule(const std::string& name) {
  for (const Schedule& schedule : all())
    if (name == schedule.name ||
        std::ranges::any_of(schedule.aliases, [&](const char* alias) { return name == alias; }))
      return schedule;
  std::vector<std::string> known;
  for (const Schedule& schedule : all()) known.push_back(schedule.name);
  bad_input("schedule", text("unknown schedule \"", name, "\"", did_you_mean(name, known)),
            "it is one of " + join(known, ", "));
}

ScheduleSpec complete(const ScheduleSpec& spec) {
  const Schedule& schedule = find_schedule(spec.name);
  ScheduleSpec out{schedule.name, complete_attrs(schedule.args, spec.args, text("schedule ", schedule.name))};
  for (const auto& [key, value] : out.args.items()) {
    if (const int64_t* whole = std::get_if<int64_t>(&value); whole && *whole < 1)
      bad_input(text("schedule ", schedule.name), text(key, " is ", *whole, ", expected at least 1"));
    if (const double* real = std::get_if<double>(&value); real && !(*real >= 0))
      bad_input(text("schedule ", schedule.name), text(key, " is ", *real, ", expected at least 0"));
  }
  return out;
}

double learning_rate(const ScheduleSpec& spec, double lr, const Progress& at) {
  return find_schedule(spec.name).rate(spec.args, lr, at);
}

} // namespace vitro

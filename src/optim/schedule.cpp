#include "optim/schedule.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/named.h"
#include "core/text.h"

namespace vitro {
namespace {

// --- what the schedules count with ---

const AttrSpec per_epoch{"per", std::string("epoch"), "what is counted: epoch or step"};
const AttrSpec per_step{"per", std::string("step"), "what is counted: step or epoch"};

// Whole epochs, or steps, since the warm-up.
int64_t counted(const Attrs& args, const Progress& at) {
  if (args.word("per") == "step") return at.step;
  return at.steps_per_epoch > 0 ? at.step / at.steps_per_epoch : 0;
}
// How many of them the run has.
int64_t in_all(const Attrs& args, const Progress& run) {
  return args.word("per") == "step" ? run.steps : run.steps / std::max<int64_t>(run.steps_per_epoch, 1);
}
std::string longer(const Attrs& args, const char* what, int64_t count, const Progress& run) {
  const std::string unit = text(args.word("per"), "s");
  return text(what, " is ", count, " ", unit, ", but the run has ", in_all(args, run), ": it would never come");
}

double to_the(double gamma, int64_t falls) {
  return falls == 0 ? 1.0 : gamma == 0 ? 0.0 : math::pow(gamma, double(falls));
}
// From `a` to `b` along half a cosine, or straight; x from 0 to 1.
double between(double a, double b, double x, bool straight = false) {
  return straight ? a + (b - a) * x : b + (a - b) / 2 * (1 + math::cos(math::pi * x));
}

// --- a rate that falls ---

const Schedule constant{
    .name = "constant", .aliases = {"none"}, .formula = "lr", .doc = "The same rate throughout.",
    .peers = {"no scheduler; ConstantLR is another: lr / 3 for five epochs, then lr", "no schedule"},
    .at = [](const Attrs&, double lr, const Progress&) { return Setting{lr}; }};

const Schedule time_based{
    .name = "time", .aliases = {"time_based", "inverse_time", "InverseTimeDecay"},
    .formula = "lr / (1 + k t), t: steps done", .doc = "Falls as one over the number of steps.",
    .origin = "Robbins and Monro, \"A stochastic approximation method\", 1951",
    .peers = {"", "InverseTimeDecay: k is decay_rate / decay_steps"},
    .args = {{"k", 1e-3, "how fast it falls; at t = 1/k the rate is halved"}, per_step},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      return Setting{lr / (1 + args.real("k") * double(counted(args, at)))};
    }};

const Schedule stepwise{
    .name = "step", .aliases = {"step_decay", "StepLR"}, .formula = "lr gamma^floor(e / step_size), e: epochs done",
    .doc = "Falls by a factor after every so many epochs (PyTorch's StepLR).",
    .peers = {"lr_scheduler.StepLR", "ExponentialDecay(staircase=True): counts steps (per = step)"},
    .args = {{"gamma", 0.1, "the factor"}, {"step_size", int64_t{1}, "epochs from one fall to the next"}, per_epoch},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      return Setting{lr * to_the(args.real("gamma"), counted(args, at) / args.integer("step_size"))};
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      const int64_t size = args.integer("step_size"); // 1 is the default, and harmless in a run of one epoch
      return size > 1 && size >= in_all(args, run) ? longer(args, "step_size", size, run) : std::string();
    }};

const Schedule multi_step{
    .name = "multi_step", .aliases = {"MultiStepLR", "piecewise"},
    .formula = "lr gamma^n, n: milestones that e has reached, e: epochs done",
    .doc = "Falls by a factor after each of these epochs, counted from the beginning of the run (PyTorch's "
           "MultiStepLR).",
    .peers = {"lr_scheduler.MultiStepLR", "PiecewiseConstantDecay: rates, not a factor; in steps, one later"},
    .args = {{"milestones", std::vector<int64_t>{}, "epochs, [30, 60, 80]", true}, {"gamma", 0.1, "the factor"},
             per_epoch},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      const int64_t done = counted(args, {.step = at.step + at.warmed, .steps_per_epoch = at.steps_per_epoch});
      const auto& milestones = args.list("milestones");
      return Setting{lr * to_the(args.real("gamma"), std::ranges::upper_bound(milestones, done) - milestones.begin())};
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      const Progress whole{.steps = run.steps + run.warmed, .steps_per_epoch = run.steps_per_epoch};
      const int64_t last = args.list("milestones").back();
      return last >= in_all(args, whole) ? longer(args, "a milestone", last, whole) : std::string();
    }};

const Schedule exponential{
    .name = "exponential", .aliases = {"ExponentialLR", "ExponentialDecay"}, .formula = "lr gamma^e, e: epochs done",
    .doc = "Falls by the same factor after every epoch (PyTorch's ExponentialLR).",
    .peers = {"lr_scheduler.ExponentialLR", "ExponentialDecay: in steps; gamma is decay_rate^(1 / decay_steps)"},
    .args = {{"gamma", 0.95, "the factor"}, per_epoch},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      return Setting{lr * to_the(args.real("gamma"), counted(args, at))};
    }};

const AttrSpec eta_min{"eta_min", 0.0, "the rate at the end"};
double share_done(const Progress& at) { return at.steps > 0 ? std::min(1.0, double(at.step) / double(at.steps)) : 0.0; }

const Schedule polynomial{
    .name = "polynomial", .aliases = {"PolynomialLR", "PolynomialDecay", "linear"},
    .formula = "eta_min + (lr - eta_min) (1 - t/T)^power, t of T steps done",
    .doc = "Falls along a power of what is left of the run; power 1: a straight line.",
    .peers = {"lr_scheduler.PolynomialLR: over total_iters = 5, to 0",
              "PolynomialDecay: over decay_steps, to end_learning_rate = 0.0001"},
    .args = {{"power", 1.0, "1: straight; above 1: fast first"}, eta_min},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      const double end = args.real("eta_min"), left = 1 - share_done(at);
      return Setting{left > 0 ? end + (lr - end) * math::pow(left, args.real("power")) : end};
    }};

const Schedule cosine{
    .name = "cosine", .aliases = {"CosineAnnealingLR", "CosineDecay"},
    .formula = "eta_min + (lr - eta_min) (1 + cos(pi t/T)) / 2, t of T steps done",
    .doc = "Falls along half a cosine, slowly at both ends of the run.",
    .origin = "Loshchilov and Hutter, \"SGDR: stochastic gradient descent with warm restarts\", 2017, equation 5",
    .peers = {"lr_scheduler.CosineAnnealingLR: over T_max, and up again after it",
              "CosineDecay: over decay_steps, to alpha, a share of lr"},
    .args = {eta_min}, .at = [](const Attrs& args, double lr, const Progress& at) {
      return Setting{between(lr, args.real("eta_min"), share_done(at))};
    }};

// --- a rate that rises and falls ---

const Schedule warm_restarts{
    .name = "warm_restarts", .aliases = {"sgdr", "CosineAnnealingWarmRestarts", "cosine_restarts"},
    .formula = "eta_min + (lr - eta_min) (1 + cos(pi t/T)) / 2, t of the cycle's T epochs done; T: T_0, T_0 T_mult, ..",
    .doc = "Cosines one after the other: each begins at lr again, and is T_mult times as long as the one before.",
    .origin = "Loshchilov and Hutter, \"SGDR: stochastic gradient descent with warm restarts\", 2017, equation 5",
    .peers = {"lr_scheduler.CosineAnnealingWarmRestarts: T_mult 1",
              "CosineDecayRestarts: in steps, to alpha, a share of lr; m_mul may lower the peaks"},
    .args = {{"T_0", int64_t{1}, "epochs of the first cycle"}, {"T_mult", int64_t{2}, "how a cycle grows"}, eta_min},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      if (at.steps_per_epoch < 1) return Setting{lr};
      const double growth = double(args.integer("T_mult"));
      const int64_t first = args.integer("T_0") * at.steps_per_epoch;
      double done = double(growth == 1 ? at.step % first : at.step), cycle = double(first);
      for (; done >= cycle; cycle *= growth) done -= cycle;
      return Setting{between(lr, args.real("eta_min"), done / cycle)};
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      const int64_t epochs = run.steps / std::max<int64_t>(run.steps_per_epoch, 1), first = args.integer("T_0");
      return first > 1 && first > epochs
                 ? text("T_0 is ", first, " epochs, but the run has ", epochs, ": not one cycle ends")
                 : std::string();
    }};

const AttrSpec cycle_momentum{"cycle_momentum", int64_t{1}, "1: momentum (Adam's beta1) falls where the rate rises"};

int64_t rise(const Attrs& args, const Progress& at) {
  const int64_t stated = args.integer("step_size_up");
  return stated > 0 ? stated : 2 * std::max<int64_t>(at.steps_per_epoch, 1);
}

const Schedule cyclic{
    .name = "cyclic", .aliases = {"triangular", "CyclicLR"},
    .formula = "low + (lr - low) h s, low: lr / div_factor, h: a triangle from 0 to 1 and back; s: 1 (triangular), "
               "1/2^cycle (triangular2), gamma^t (exp_range)",
    .doc = "Rises and falls in straight lines, again and again; the peaks may fall. (PyTorch's CyclicLR, "
           "base_lr = lr / div_factor, max_lr = lr.)",
    .origin = "Smith, \"Cyclical learning rates for training neural networks\", 2017",
    .peers = {"lr_scheduler.CyclicLR: step_size_up 2000, gamma 1", ""},
    .args = {{"mode", std::string("triangular"), "triangular, triangular2 or exp_range"},
             {"div_factor", 4.0, "the lowest rate is lr / div_factor"},
             {"step_size_up", int64_t{0}, "steps of a rise; 0: two epochs"},
             {"step_size_down", int64_t{0}, "steps of a fall; 0: as many"},
             {"gamma", 0.9999, "of exp_range: the factor of each step"},
             cycle_momentum,
             {"base_momentum", 0.8, "the lowest momentum"},
             {"max_momentum", 0.9, "the highest"}},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      const int64_t up = rise(args, at), stated = args.integer("step_size_down"), down = stated > 0 ? stated : up;
      const int64_t cycle = at.step / (up + down), t = at.step % (up + down);
      const std::string& mode = args.word("mode");
      const double size = mode == "triangular2" ? to_the(0.5, cycle)
                          : mode == "exp_range" ? to_the(args.real("gamma"), at.step)
                                                : 1.0;
      const double height = size * (t <= up ? double(t) / double(up) : double(up + down - t) / double(down));
      const double low = lr / args.real("div_factor"), most = args.real("max_momentum");
      Setting out{low + (lr - low) * height};
      if (args.integer("cycle_momentum")) out.momentum = most - (most - args.real("base_momentum")) * height;
      return out;
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      const int64_t up = args.integer("step_size_up");
      return up > run.steps ? text("step_size_up is ", up, ", but the run has ", run.steps, " steps: it never peaks")
                            : std::string();
    }};

const Schedule one_cycle{
    .name = "one_cycle", .aliases = {"1cycle", "OneCycleLR", "onecycle"},
    .formula = "lr / div_factor up to lr in the first pct_start of the run, then down to lr / (div_factor "
               "final_div_factor); momentum from max to base and back",
    .doc = "One rise and one long fall over the whole run, momentum inversely. (PyTorch's OneCycleLR, max_lr = lr; "
           "Smith: anneal_strategy \"linear\", three_phase, pct_start 0.45.)",
    .origin = "Smith and Topin, \"Super-convergence: very fast training of neural networks using large learning "
              "rates\", 2018",
    .peers = {"lr_scheduler.OneCycleLR", ""},
    .args = {{"pct_start", 0.3, "the share of the run that rises"},
             {"anneal_strategy", std::string("cos"), "cos or linear"},
             {"div_factor", 25.0, "the first rate is lr / div_factor"},
             {"final_div_factor", 1e4, "the last rate is the first / final_div_factor"},
             {"three_phase", int64_t{0}, "1: falls to the first rate as fast as it rose, then to the last"},
             cycle_momentum,
             {"base_momentum", 0.85, "the lowest momentum"},
             {"max_momentum", 0.95, "the highest"}},
    .at = [](const Attrs& args, double lr, const Progress& at) {
      const double first = lr / args.real("div_factor"), last = first / args.real("final_div_factor");
      const double low = args.real("base_momentum"), high = args.real("max_momentum");
      const double peak = args.real("pct_start") * double(at.steps) - 1, end = double(at.steps) - 1;
      struct Phase {
        double until, lr[2], momentum[2];
      };
      const Phase one_fall[] = {{peak, {first, lr}, {high, low}}, {end, {lr, last}, {low, high}}};
      const Phase two_falls[] = {{peak, {first, lr}, {high, low}}, {2 * peak, {lr, first}, {low, high}},
                                 {end, {first, last}, {high, high}}};
      const std::span<const Phase> phases = args.integer("three_phase") ? std::span<const Phase>(two_falls) : one_fall;
      const bool straight = args.word("anneal_strategy") == "linear";
      const double t = std::min(double(at.step), std::max(end, 0.0));
      size_t i = 0;
      for (; i + 1 < phases.size() && t > phases[i].until; ++i) {}
      const double begin = i > 0 ? phases[i - 1].until : 0.0, length = phases[i].until - begin;
      const double x = length > 0 ? std::min(1.0, (t - begin) / length) : 1.0;
      Setting out{between(phases[i].lr[0], phases[i].lr[1], x, straight)};
      if (args.integer("cycle_momentum"))
        out.momentum = between(phases[i].momentum[0], phases[i].momentum[1], x, straight);
      return out;
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      if (args.integer("three_phase") && args.real("pct_start") > 0.5)
        return text("pct_start is ", args.real("pct_start"), ", but with three_phase two such parts must fit the run");
      return run.steps < 4 ? text("the run has ", run.steps, " steps, too few to rise and fall") : std::string();
    }};

// --- a rate that listens to the validation loss ---

const Schedule plateau{
    .name = "plateau", .aliases = {"reduce_on_plateau", "ReduceLROnPlateau"},
    .formula = "lr *= factor after more than patience epochs without a lower validation loss",
    .doc = "Falls by a factor when the validation loss no longer gets better.",
    .peers = {"lr_scheduler.ReduceLROnPlateau",
              "callbacks.ReduceLROnPlateau: threshold_mode abs, and one epoch sooner: patience 10 is 9 here"},
    .args = {{"factor", 0.1, "the factor"},
             {"patience", int64_t{10}, "epochs to wait for a lower loss"},
             {"threshold", 1e-4, "by how much a loss must be lower"},
             {"threshold_mode", std::string("rel"), "rel: a share of the lowest loss; abs: a difference"},
             {"cooldown", int64_t{0}, "epochs after a fall that are not counted"},
             {"min_lr", 0.0, "it falls no further"}},
    .at = [](const Attrs&, double lr, const Progress&) { return Setting{lr}; },
    .hear = [](const Attrs& args, int64_t, double loss, Heard& heard) {
      const double margin = args.real("threshold");
      const bool relative = args.word("threshold_mode") == "rel";
      const bool better = loss < (relative ? heard.loss * (1 - margin) : heard.loss - margin);
      if (better) heard.loss = loss;
      heard.waited = better ? 0 : heard.waited + 1;
      if (heard.cooling > 0) {
        --heard.cooling;
        heard.waited = 0;
      }
      if (heard.waited <= double(args.integer("patience"))) return;
      constexpr double too_little = 1e-8; // PyTorch's eps: a smaller change is none
      const double lower = std::max(heard.lr * args.real("factor"), args.real("min_lr"));
      if (heard.lr - lower > too_little) heard.lr = lower;
      heard.cooling = double(args.integer("cooldown"));
      heard.waited = 0;
    }};

const Schedule opennmt{
    .name = "opennmt", .aliases = {"OpenNMT"},
    .formula = "lr *= factor after an epoch: default: every one from the first past start_decay_at, or whose loss is "
               "not lower by more than score_delta; epoch_only, score_only: those of which just this holds",
    .doc = "OpenNMT's three decays: by the epoch, by the validation loss (its score), or by whichever comes first.",
    .origin = "Klein, Kim, Deng, Senellart, Rush, \"OpenNMT: open-source toolkit for neural machine translation\", "
              "2017",
    .args = {{"factor", 0.7, "the factor (learning_rate_decay)"},
             {"decay", std::string("default"), "default, epoch_only or score_only"},
             {"start_decay_at", int64_t{9}, "the epoch, from 1, after which it falls"},
             {"score_delta", 0.0, "what counts as no gain over the epoch before (start_decay_score_delta)"}},
    .at = [](const Attrs&, double lr, const Progress&) { return Setting{lr}; },
    .hear = [](const Attrs& args, int64_t epoch, double loss, Heard& heard) {
      const std::string& decay = args.word("decay");
      const bool past = epoch >= args.integer("start_decay_at") && decay != "score_only";
      const bool no_gain = heard.loss - loss <= args.real("score_delta") && decay != "epoch_only";
      heard.loss = loss;
      if (past || no_gain) heard.falling = 1;
      if (heard.falling > 0) heard.lr *= args.real("factor");
      if (decay != "default") heard.falling = 0;
    },
    .misfit = [](const Attrs& args, const Progress& run) {
      const int64_t epochs = (run.steps + run.warmed) / std::max<int64_t>(run.steps_per_epoch, 1);
      const int64_t start = args.integer("start_decay_at");
      return args.word("decay") == "epoch_only" && start >= epochs
                 ? text("start_decay_at is ", start, ", but the run has ", epochs, " epochs: it never falls")
                 : std::string();
    }};

// --- the catalogue ---

const AttrSpec warm_up[] = {{"warmup", 0.0, "steps of a linear rise in front, or below 1 a share of the run; 0: none"},
                            {"warmup_start", 0.01, "the rise begins at this factor"}};

const std::vector<Schedule>& all() {
  static const std::vector<Schedule> list = [] {
    std::vector<Schedule> out{constant, time_based,    stepwise, multi_step, exponential, polynomial,
                              cosine,   warm_restarts, cyclic,   one_cycle,  plateau,     opennmt};
    for (Schedule& schedule : out) schedule.args.insert(schedule.args.end(), std::begin(warm_up), std::end(warm_up));
    return out;
  }();
  return list;
}

// What words an argument takes, and from where to where a number goes.
const std::pair<const char*, std::vector<std::string>> words[] = {{"per", {"epoch", "step"}},
                                                                  {"anneal_strategy", {"cos", "linear"}},
                                                                  {"mode", {"triangular", "triangular2", "exp_range"}},
                                                                  {"threshold_mode", {"rel", "abs"}},
                                                                  {"decay", {"default", "epoch_only", "score_only"}}};
struct Range {
  double least, most;
  const char* text;
  std::vector<std::string> names;
};
constexpr double any = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::min();
constexpr double below_1 = 1 - 0x1p-53, countable = 1e9;
const Range ranges[] = {{0, 1, "from 0 to 1", {"pct_start", "warmup_start"}},
                        {0, 1, "0 or 1", {"three_phase", "cycle_momentum"}},
                        {0, below_1, "from 0 to below 1", {"factor", "threshold"}},
                        {tiny, below_1, "above 0 and below 1", {"base_momentum", "max_momentum"}},
                        {tiny, any, "above 0", {"final_div_factor", "power"}},
                        {1, any, "at least 1", {"div_factor"}},
                        {0, countable, "from 0 to 1e9", {"step_size_up", "step_size_down"}},
                        {1, countable, "from 1 to 1e9", {"step_size", "T_0", "T_mult"}}};
const Range others{0, any, "at least 0", {}};

void check_arg(const std::string& where, const std::string& key, const Attr& value) {
  if (const auto* word = std::get_if<std::string>(&value)) {
    for (const auto& [name, known] : words)
      if (key == name) expect_one_of(where, key, *word, known);
    return;
  }
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
    if (list->empty() || list->front() < 1 || std::ranges::adjacent_find(*list, std::greater_equal()) != list->end())
      bad_input(where, text(key, " is ", to_text(value), ", expected at least one number, each larger than the last"));
    return;
  }
  const int64_t* whole = std::get_if<int64_t>(&value);
  const double number = whole ? double(*whole) : std::get<double>(value);
  const auto holds = [&](const Range& one) { return std::ranges::find(one.names, key) != one.names.end(); };
  const Range* found = std::ranges::find_if(ranges, holds);
  const Range& wanted = found != std::end(ranges) ? *found : others;
  if (!(number >= wanted.least && number <= wanted.most))
    bad_input(where, text(key, " is ", number, ", expected ", wanted.text));
}

int64_t warmup_steps(const Attrs& args, const Progress& run) {
  const double stated = args.real("warmup");
  return int64_t(stated < 1 ? stated * double(run.steps) : std::min(stated, 1e15));
}

} // namespace

std::span<const Schedule> schedules() { return all(); }

const Schedule& find_schedule(const std::string& name) { return named(all(), name, "schedule", "schedule"); }

ScheduleSpec complete(const ScheduleSpec& spec) {
  const Schedule& schedule = find_schedule(spec.name);
  const std::string where = text("schedule ", schedule.name);
  ScheduleSpec out{schedule.name, complete_attrs(schedule.args, spec.args, where)};
  for (const auto& [key, value] : out.args.items()) check_arg(where, key, value);
  return out;
}

Setting setting_at(const ScheduleSpec& spec, double lr, const Progress& at) {
  const int64_t warm = warmup_steps(spec.args, at), warmed = std::min(at.step, warm);
  Setting out = find_schedule(spec.name).at(spec.args, lr,
                                            {.step = at.step - warmed,
                                             .steps = std::max<int64_t>(at.steps - warm, 0),
                                             .steps_per_epoch = at.steps_per_epoch,
                                             .warmed = warmed});
  const double start = spec.args.real("warmup_start");
  if (at.step < warm) out.lr *= start + (1 - start) * double(at.step) / double(warm);
  return out;
}

double learning_rate(const ScheduleSpec& spec, double lr, const Progress& at) { return setting_at(spec, lr, at).lr; }

Scheduler::Scheduler(const ScheduleSpec& spec, double lr, const Progress& run, bool validates)
    : spec_(complete(spec)), schedule_(find_schedule(spec.name)), run_(run), heard_{.lr = lr} {
  const std::string where = text("schedule ", spec_.name);
  const int64_t warm = warmup_steps(spec_.args, run);
  if (warm >= run.steps && warm > 0)
    bad_input(where, text("warmup is ", warm, " steps, but the run has ", run.steps),
              "warm up for fewer steps, or for a share below 1 of the run");
  if (listens() && !validates)
    bad_input(where, "listens to the validation loss, but no samples are held out",
              "hold some out (validation = 0.1), or take another schedule");
  const Progress rest{.steps = run.steps - warm, .steps_per_epoch = run.steps_per_epoch, .warmed = warm};
  if (const std::string wrong = schedule_.misfit ? schedule_.misfit(spec_.args, rest) : ""; !wrong.empty())
    bad_input(where, wrong, "change it, or the number of epochs");
}

Setting Scheduler::at(int64_t step) const {
  return setting_at(spec_, heard_.lr, {.step = step, .steps = run_.steps, .steps_per_epoch = run_.steps_per_epoch});
}

void Scheduler::end_epoch(int64_t epoch, double validation_loss) {
  if (listens()) schedule_.hear(spec_.args, epoch, validation_loss, heard_);
}

namespace {
constexpr std::pair<const char*, double Heard::*> heard_numbers[] = {{"schedule_lr", &Heard::lr},
                                                                     {"schedule_loss", &Heard::loss},
                                                                     {"schedule_waited", &Heard::waited},
                                                                     {"schedule_cooling", &Heard::cooling},
                                                                     {"schedule_falling", &Heard::falling}};
} // namespace

std::map<std::string, double> Scheduler::state() const {
  std::map<std::string, double> out;
  if (listens())
    for (const auto& [name, member] : heard_numbers) out[name] = heard_.*member;
  return out;
}

void Scheduler::restore(const std::map<std::string, double>& numbers) {
  if (!listens()) return;
  for (const auto& [name, member] : heard_numbers)
    if (const auto found = numbers.find(name); found != numbers.end()) heard_.*member = found->second;
}

} // namespace vitro

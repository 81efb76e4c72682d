#include "claims/repro.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "claims/experiments.h"
#include "claims/trial.h"
#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "data/open.h"
#include "train/jobs.h"

namespace vitro {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

const KnownSet* published_set(const std::string& source) {
  for (const KnownSet& set : known_sets())
    if (set.name == source) return &set;
  return nullptr;
}

// One variant of one claim with one seed.
struct Job {
  size_t claim = 0;
  std::string variant;
  int64_t seed = 0;
  double weight = 1;
  std::atomic<double> share = 0;
  double seconds = 0;
  bool done = false;
  std::map<std::string, double> values; // by figure; of its `minus` variant under "minus FIGURE"

  Job(size_t claim, std::string variant, int64_t seed) : claim(claim), variant(std::move(variant)), seed(seed) {}
};

std::string minus_of(const Figure& figure) { return "minus " + figure.name; }

std::vector<int64_t> seeds_of(const Figure& figure, int64_t seeds) {
  if (figure.seed) return {*figure.seed};
  std::vector<int64_t> out;
  for (int64_t seed = 0; seed < seeds; ++seed) out.push_back(seed);
  return out;
}

FigureResult summary(const Figure& figure, std::vector<int64_t> seeds, std::vector<double> values) {
  FigureResult out{figure, std::move(seeds), std::move(values)};
  const auto n = double(out.values.size());
  for (const double value : out.values) out.mean += value / n;
  double squares = 0;
  for (const double value : out.values) squares += (value - out.mean) * (value - out.mean);
  out.deviation = n > 1 ? math::sqrt(squares / (n - 1)) : 0;
  out.verdict = judge(figure, out.mean, out.deviation);
  return out;
}

class Workshop {
public:
  Workshop(std::vector<Claim> claims, const ReproOptions& options, const ReproHooks& hooks)
      : claims_(std::move(claims)), options_(options), hooks_(hooks), data_(options.data_dir) {
    for (size_t i = 0; i < claims_.size(); ++i) {
      not_run_.push_back(missing_data(claims_[i], options.data_dir));
      if (not_run_.back().empty()) plan(i);
    }
  }

  Reproduction run() {
    start_ = Clock::now();
    out_.stopped =
        !run_jobs(int64_t(jobs_.size()), options_.jobs,
                  [&](int64_t job, const std::atomic<bool>& stopping) { work(jobs_[size_t(job)], stopping); },
                  {.stop = hooks_.stop, .look = [&] {
                     deliver();
                     if (hooks_.progress) hooks_.progress(progress());
                   }});
    deliver();
    return std::move(out_);
  }

private:
  void plan(size_t index) {
    const Claim& claim = claims_[index];
    const size_t first = jobs_.size();
    const auto add = [&](const std::string& variant, int64_t seed) {
      for (size_t i = first; i < jobs_.size(); ++i)
        if (jobs_[i].variant == variant && jobs_[i].seed == seed) return;
      jobs_.emplace_back(index, variant, seed);
    };
    for (const Figure& figure : claim.figures)
      for (const int64_t seed : seeds_of(figure, options_.seeds)) {
        add(figure.variant, seed);
        if (!figure.minus.empty()) add(figure.minus, seed);
      }
    for (size_t i = first; i < jobs_.size(); ++i)
      jobs_[i].weight = std::max(0.01, claim.seconds) / double(jobs_.size() - first);
  }

  void work(Job& job, const std::atomic<bool>& stopping) {
    const Claim& claim = claims_[job.claim];
    std::unique_lock alone(floor_, std::defer_lock);
    std::shared_lock shared(floor_, std::defer_lock);
    if (claim.experiment && claim.experiment->timed)
      alone.lock();
    else
      shared.lock();
    const Clock::time_point start = Clock::now();
    const bool done = run(job, stopping);
    std::lock_guard lock(mutex_);
    job.done = done;
    job.share = 1;
    job.seconds = since(start);
  }

  bool run(Job& job, const std::atomic<bool>& stopping) {
    const Claim& claim = claims_[job.claim];
    if (claim.experiment) {
      const std::map<std::string, double> numbers = claim.experiment->run(uint64_t(job.seed));
      for (const Figure& figure : claim.figures) job.values[figure.name] = numbers.at(figure.measure);
      return true;
    }
    std::vector<const Figure*> figures;
    std::vector<std::string> names;
    for (const Figure& figure : claim.figures) {
      const std::vector<int64_t> seeds = seeds_of(figure, options_.seeds);
      if (std::find(seeds.begin(), seeds.end(), job.seed) == seeds.end()) continue;
      for (const bool minus : {false, true}) {
        if ((minus ? figure.minus.empty() : false) || (minus ? figure.minus : figure.variant) != job.variant) continue;
        figures.push_back(&figure);
        names.push_back(minus ? minus_of(figure) : figure.name);
      }
    }
    Recipe recipe = claim.variant(job.variant).recipe;
    recipe.train.seed = job.seed;
    const std::shared_ptr<const Splits> data = data_.open(recipe);
    const auto values = run_trial(
        recipe, *data, figures, {.stop = [&] { return stopping.load(); }, .passed = [&](double s) { job.share = s; }});
    if (!values) return false;
    for (size_t i = 0; i < figures.size(); ++i) job.values[names[i]] = (*values)[i];
    return true;
  }

  ReproProgress progress() {
    std::lock_guard lock(mutex_);
    ReproProgress out{.jobs = int64_t(jobs_.size()), .seconds = since(start_)};
    double weight = 0;
    for (const Job& job : jobs_) {
      out.jobs_done += job.done;
      out.share += job.weight * job.share;
      weight += job.weight;
      if (!job.done && out.running.empty()) out.running = claims_[job.claim].name;
    }
    out.share /= weight;
    return out;
  }

  // Claims whose jobs are all done, in their order.
  void deliver() {
    for (; delivered_ < claims_.size(); ++delivered_) {
      {
        std::lock_guard lock(mutex_);
        for (const Job& job : jobs_)
          if (job.claim == delivered_ && !job.done) return;
      }
      out_.claims.push_back(result(delivered_));
      if (hooks_.finished) hooks_.finished(out_.claims.back());
    }
  }

  ClaimResult result(size_t index) const {
    const Claim& claim = claims_[index];
    ClaimResult out{claim, not_run_[index], {}};
    for (const Job& job : jobs_)
      if (job.claim == index) out.seconds += job.seconds;
    const auto value = [&](const std::string& variant, int64_t seed, const std::string& name) {
      for (const Job& job : jobs_)
        if (job.claim == index && job.variant == variant && job.seed == seed) return job.values.at(name);
      return std::numeric_limits<double>::quiet_NaN();
    };
    for (const Figure& figure : claim.figures) {
      if (!out.not_run.empty()) {
        out.figures.push_back({.figure = figure, .mean = std::numeric_limits<double>::quiet_NaN()});
        continue;
      }
      std::vector<double> values;
      const std::vector<int64_t> seeds = seeds_of(figure, options_.seeds);
      for (const int64_t seed : seeds) {
        const double other = figure.minus.empty() ? 0 : value(figure.minus, seed, minus_of(figure));
        values.push_back(value(figure.variant, seed, figure.name) - other);
      }
      out.figures.push_back(summary(figure, seeds, std::move(values)));
    }
    return out;
  }

  const std::vector<Claim> claims_;
  const ReproOptions& options_;
  const ReproHooks& hooks_;
  SharedData data_;
  std::vector<std::string> not_run_; // by claim
  std::deque<Job> jobs_;
  Clock::time_point start_;

  std::shared_mutex floor_; // held by every job that runs; by one that takes times alone
  std::mutex mutex_;        // of what is below, and of a job's `done`, `seconds` and `values`

  size_t delivered_ = 0;
  Reproduction out_;
};

} // namespace

std::string missing_data(const Claim& claim, const std::string& data_dir) {
  for (const std::string& source : claim.data()) {
    const KnownSet* set = published_set(source);
    if (!set) continue;
    try {
      find_known(*set, data_dir);
    } catch (const Error& error) { return error.what(); }
  }
  return "";
}

Reproduction reproduce(std::vector<Claim> claims, const ReproOptions& options, const ReproHooks& hooks) {
  if (options.seeds < 1 || options.seeds > 1000)
    bad_input("--seeds", text("is ", options.seeds), "a number from 1 to 1000");
  if (options.jobs < 1 || options.jobs > 256) bad_input("--jobs", text("is ", options.jobs), "a number from 1 to 256");
  return Workshop(std::move(claims), options, hooks).run();
}

} // namespace vitro

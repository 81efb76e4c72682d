#include "bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro::bench {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int64_t most_repetitions = 1 << 24;

double seconds_of(const Job& job, int64_t times, const std::function<double()>& now) {
  const double begin = now();
  for (int64_t i = 0; i < times; ++i) job.run();
  return now() - begin;
}

// How often to run so that a sample is long enough. The first run is the one that plans and faults in memory.
int64_t repetitions(const Job& job, double sample_seconds, const std::function<double()>& now) {
  job.run();
  for (int64_t times = 1;; times *= 2) {
    const double seconds = seconds_of(job, times, now);
    if (seconds >= sample_seconds / 2 || times >= most_repetitions)
      return std::clamp(int64_t(std::ceil(double(times) * sample_seconds / std::max(seconds, 1e-12))), int64_t{1},
                        most_repetitions);
  }
}

} // namespace

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + int64_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double limit_seconds(double flops, double bytes, double peak, double bandwidth) {
  return std::max(peak > 0 ? flops / peak : 0, bandwidth > 0 ? bytes / bandwidth : 0);
}

std::vector<double> measure(const std::vector<Case>& cases, const Rounds& rounds) {
  const auto now = rounds.now ? rounds.now : std::function(steady_seconds);
  const auto use_threads = rounds.use_threads ? rounds.use_threads : std::function([](int n) {
    if (n != thread_count()) set_thread_count(n);
  });
  const auto begins = rounds.begins ? rounds.begins : [](int) {};

  begins(0);
  std::vector<int64_t> times(cases.size(), 1);
  for (size_t i = 0; i < cases.size(); ++i) {
    use_threads(cases[i].threads);
    if (cases[i].job.run)
      times[i] = repetitions(cases[i].job, rounds.sample_seconds, now);
    else
      cases[i].job.measure();
  }

  std::vector<std::vector<double>> samples(cases.size());
  for (int round = 0; round < rounds.rounds; ++round) {
    begins(round + 1);
    for (size_t i = 0; i < cases.size(); ++i) {
      const Case& one = cases[i];
      if (one.most_rounds && round >= one.most_rounds) continue;
      use_threads(one.threads);
      if (!one.job.run) {
        samples[i].push_back(one.job.measure());
        continue;
      }
      seconds_of(one.job, 1 + times[i] / 4, now);
      samples[i].push_back(seconds_of(one.job, times[i], now) / double(times[i]));
    }
  }
  std::vector<double> out;
  for (auto& of_case : samples) out.push_back(median(std::move(of_case)));
  return out;
}

std::vector<Workload> chosen(const std::vector<Workload>& all, const std::vector<std::string>& names) {
  std::set<std::string> wanted, known;
  for (const Workload& workload : all) known.insert({workload.name, workload.group});
  for (const std::string& name : names)
    if (!known.contains(name))
      bad_input("vitro bench",
                text("unknown workload \"", name, "\"", did_you_mean(name, {known.begin(), known.end()})),
                "vitro bench --list");
  for (const Workload& workload : all) {
    const auto named = [&](const std::string& name) { return name == workload.name || name == workload.group; };
    if (names.empty() || std::ranges::any_of(names, named))
      wanted.insert({workload.name, workload.bandwidth, peak_name});
  }
  std::vector<Workload> out;
  for (const Workload& workload : all)
    if (wanted.contains(workload.name)) out.push_back(workload);
  return out;
}

std::vector<Result> run(const std::vector<Workload>& picked, const std::vector<int>& threads, const Rounds& rounds,
                        const Peer* peer) {
  // What uses one thread needs the limits of one thread.
  const bool one_thread = std::ranges::any_of(picked, &Workload::one_thread);
  std::vector<int> limit_threads = threads;
  if (one_thread && std::ranges::find(threads, 1) == threads.end()) limit_threads.insert(limit_threads.begin(), 1);

  std::vector<Result> rows;
  std::vector<Job> jobs; // of each row; a workload's job serves any number of threads
  for (const Workload& workload : picked) {
    const Job job = workload.make();
    const std::vector<int> one{1};
    for (const int n : workload.one_thread ? one : workload.group == limits_group ? limit_threads : threads) {
      rows.push_back({.workload = workload, .threads = n});
      jobs.push_back(job);
    }
  }
  // All of one number of threads, then all of the next: a change of threads costs time and caches.
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t row) { return rows[row].threads; });

  std::vector<Case> cases;
  std::vector<std::function<void(double)>> takers; // of each case's median
  for (const size_t r : order) {
    Result& row = rows[r];
    cases.push_back({jobs[r], row.threads, row.workload.most_rounds});
    takers.emplace_back([&row](double value) { row.value = value; });
    if (!peer || row.workload.group == limits_group) continue;
    const auto ask = [&peer = *peer, &row] {
      const auto [number, how] = peer.sample(row.workload, row.threads);
      row.peer = how;
      return number;
    };
    // On one thread of ours: the pool's others end, so that none of them spins on the peer's cores.
    cases.push_back({Job{.measure = ask}, 1, row.workload.most_rounds});
    takers.emplace_back([&row](double value) { row.peer_value = value; });
  }
  const std::vector<double> values = measure(cases, rounds);
  for (size_t i = 0; i < values.size(); ++i) takers[i](values[i]);

  const auto row_of = [&](const std::string& name, int n) -> const Result* {
    for (const Result& row : rows)
      if (row.workload.name == name && row.threads == n) return &row;
    return nullptr;
  };
  for (Result& row : rows) {
    const Result* const peak = row_of(peak_name, row.threads);
    const Result* const stream = row_of(row.workload.bandwidth, row.threads);
    if (peak && row.workload.flops > 0) row.peak = peak->workload.flops / peak->value;
    if (stream && row.workload.bytes > 0) row.bandwidth = stream->workload.bytes / stream->value;
    if (row.workload.unit == Workload::Unit::seconds)
      row.share = limit_seconds(row.workload.flops, row.workload.bytes, row.peak, row.bandwidth) / row.value;
  }
  return rows;
}

} // namespace vitro::bench

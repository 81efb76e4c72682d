// Timing that a noisy machine cannot fool: every case has its turn in every round, and the median of
// the rounds counts. So a slow moment hits all cases alike, and ratios between them hold.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/workload.h"

namespace vitro::bench {

/// One workload at one number of threads.
struct Case {
  Job job;
  int threads = 1;
  int most_rounds = 0; // 0: all
};

struct Rounds {
  int rounds = 15;
  double sample_seconds = 2e-3; // a sample repeats `run` for at least about so long
  // What the tests replace: the clock, in seconds; the switch to a number of threads.
  std::function<double()> now = {};
  std::function<void(int threads)> use_threads = {};
  std::function<void(int round)> begins = {}; // for progress: 0 is the warm-up, then 1, 2, ...
};

/// For each case the median over the rounds, of seconds per run or of what it measures itself. Before the first round
/// every case is run until it is warm and the number of repetitions is known; every sample begins with a run, at least,
/// that is not timed, for whoever had his turn before has emptied the caches.
std::vector<double> measure(const std::vector<Case>& cases, const Rounds& rounds);

/// Of an even number of values the mean of the two in the middle; nan of none.
double median(std::vector<double> values);

/// Seconds below which no program could do it, even if it computed and moved at the same time: the larger of flops /
/// peak and bytes / bandwidth, of those that are known (above 0). 0: neither is.
double limit_seconds(double flops, double bytes, double peak, double bandwidth);

/// A workload's row: what was counted, measured, and what bounds it. 0 or nan: not applicable.
struct Result {
  Workload workload;
  int threads = 1;
  double value = 0;      // seconds, or bytes where that is the workload's unit
  double peak = 0;       // FLOP/s, same run, same threads
  double bandwidth = 0;  // byte/s, same run, same threads
  double share = 0;      // of the limit: limit_seconds / value
  std::string peer = {}; // who else, and how it was set up
  double peer_value = 0;
};

/// Another program that does the same workloads: asked for one sample at a time.
struct Peer {
  /// The number of the workload (its unit), and how it was set up; a number of 0 where it has no such workload.
  std::function<std::pair<double, std::string>(const Workload& workload, int threads)> sample;
};

/// The workloads named (by name or group; none: all), and before them what bounds them. Throws bad_input for an unknown
/// name, with the nearest.
std::vector<Workload> chosen(const std::vector<Workload>& all, const std::vector<std::string>& names);

/// Measures each of `picked` on each number of threads; a peer's sample follows ours at once. One row for each, the
/// threads of a workload one below the other.
std::vector<Result> run(const std::vector<Workload>& picked, const std::vector<int>& threads, const Rounds& rounds,
                        const Peer* peer = nullptr);

} // namespace vitro::bench

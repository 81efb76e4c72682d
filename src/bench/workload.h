// What is timed: a workload as data, and how it is made ready. bench/README.md says it for people.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vitro::bench {

/// A workload made ready: its arrays are filled, its functions planned. One of the two is set.
struct Job {
  /// Does it once; whoever measures takes the time of many.
  std::function<void()> run = {};
  /// Does it once and tells the number itself, in the workload's unit.
  std::function<double()> measure = {};
};

struct Workload {
  enum class Unit : uint8_t { seconds, bytes };

  std::string name = {};  // "W1"
  std::string group = {}; // "step": a name that stands for all of its workloads
  std::string what = {};  // one line
  double flops = 0;       // of one run; 0: not counted
  double bytes = 0;       // that one run has to move at least; 0: not counted
  // The workload, run along with this one, whose bytes per second bound it; "": none.
  std::string bandwidth = {};
  double elements = 0;     // those of an array that is gone through; 0: none
  bool one_thread = false; // it uses no more, whatever is allowed
  Unit unit = Unit::seconds;
  int most_rounds = 0; // 0: as many as all others
  std::function<Job()> make = {};
};

/// The multiply-adds that bound whatever computes.
inline constexpr const char* peak_name = "peak";
/// The group of `peak` and of the streams through each level of memory.
inline constexpr const char* limits_group = "limits";

/// All that this process can measure, in the order in which it is run and shown: what bounds others comes before them.
std::vector<Workload> workloads();

// The groups, each in a file of its own.
std::vector<Workload> limits();
std::vector<Workload> steps();
std::vector<Workload> products();
std::vector<Workload> convolutions();
std::vector<Workload> recurrences();
std::vector<Workload> elementwise();
std::vector<Workload> optimizers();
std::vector<Workload> losses();

/// The name of the limit, "read-L2" or "copy-L2", that bounds what goes over `footprint` bytes again and again.
std::string bandwidth_for(double footprint, bool writes);

} // namespace vitro::bench

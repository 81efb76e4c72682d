// The limits: multiply-adds between registers, and streams through each level of memory.
#include "bench/loops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro::bench {
namespace {

// Work is cut into so many tasks that threads of unlike speed end together.
constexpr int64_t tasks = 64;

// An array in as many slices as tasks, each gone over several times by whoever takes the task: a level
// is what holds one slice (L1, L2: each core's own) or all of them (L3, memory).
struct Level {
  const char* name;
  int64_t slice; // bytes
  int64_t passes;
  double footprint; // bytes that are gone over again and again by one core
};
constexpr Level levels[] = {{"L1", 16 << 10, 64, 16 << 10},
                            {"L2", 256 << 10, 32, 256 << 10},
                            {"L3", 64 << 10, 1, 4 << 20},
                            {"memory", 4 << 20, 1, 256 << 20}};

// The array of all levels: each uses as much of its beginning as it needs. Made when it is first used.
class Array {
public:
  float* of(const Level& level) {
    const auto floats = tasks * level.slice / int64_t(sizeof(float));
    if (!held_ || held_->elements() < floats) held_ = std::make_unique<Tensor>(noise({floats}));
    return held_->as<float>().data();
  }

private:
  std::unique_ptr<Tensor> held_;
};

Workload stream_through(const Level& level, bool writes, const std::shared_ptr<Array>& array) {
  const auto make = [=]() -> Job {
    // Asked for at every run: a larger level may have replaced the array by a larger one.
    return {.run = [=] {
      float* const all = array->of(level);
      parallel(tasks, [&](int64_t task) {
        const int64_t n = level.slice / int64_t(sizeof(float));
        float* const slice = all + task * n;
        // A copy goes from the slice's first half to its second.
        float* const to = slice + n / 2;
        const float* const from = slice;
        keep(stream(&from, 1, &to, writes, writes ? n / 2 : n, level.passes));
      });
    }};
  };
  const double bytes = double(tasks * level.slice * level.passes);
  return {.name = text(writes ? "copy-" : "read-", level.name),
          .group = limits_group,
          .what = text(writes ? "from one half to the other of " : "of ", level.slice >> 10, " KiB",
                       level.passes > 1 ? " by each core, again and again" : text(" in each of ", tasks, " tasks")),
          .bytes = bytes,
          .make = make};
}

} // namespace

std::string bandwidth_for(double footprint, bool writes) {
  const auto distance = [&](const Level& level) { return std::abs(std::log(footprint / level.footprint)); };
  const Level& nearest = *std::ranges::min_element(levels, {}, distance);
  return text(writes ? "copy-" : "read-", nearest.name);
}

std::vector<Workload> limits() {
  constexpr int64_t rounds = 4096;
  std::vector<Workload> out{
      {.name = peak_name,
       .group = limits_group,
       .what = "multiply-adds between registers",
       .flops = double(tasks * rounds * multiply_add_flops()),
       .make = []() -> Job { return {.run = [] { parallel(tasks, [](int64_t) { keep(multiply_adds(rounds)); }); }}; }}};
  const auto array = std::make_shared<Array>();
  for (const Level& level : levels)
    for (const bool writes : {false, true}) out.push_back(stream_through(level, writes, array));
  return out;
}

} // namespace vitro::bench

// Many trainings: several side by side, and the data that they share.
//
// Invariant: what a job computes does not depend on how many run beside it. Side by side each has one thread: nets
// small enough to be trained in such numbers gain nothing from two.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "recipe/recipe.h"

namespace vitro {

/// What the caller does meanwhile, on its own thread, about ten times a second and whenever a job ends; may be empty.
struct JobHooks {
  std::function<bool()> stop = {}; // true: no further job begins, and `stopping` becomes true for those that run
  std::function<void()> look = {};
};

/// Runs job 0 .. jobs-1, begun in this order, at most `at_once` side by side. False where it was stopped. Where a job
/// throws, the others are stopped, and the first that was thrown is thrown when all have ended.
bool run_jobs(int64_t jobs, int64_t at_once,
              const std::function<void(int64_t job, const std::atomic<bool>& stopping)>& run,
              const JobHooks& hooks = {});

enum class TestPart : uint8_t { kept, dropped };

/// Data sets as recipes ask for them, opened once for all jobs that ask for the same (the last few are held).
class SharedData {
public:
  /// `dropped`: nobody who gets data from here can read the test part: it holds no sample.
  explicit SharedData(std::string data_dir, TestPart test = TestPart::kept)
      : data_dir_(std::move(data_dir)), test_(test) {}

  /// Throws as open_data does. May be called by several threads at once.
  std::shared_ptr<const Splits> open(const Recipe& recipe);

private:
  struct Held {
    std::string key;
    std::mutex mutex; // of `data`: whoever comes while it is opened waits
    std::shared_ptr<const Splits> data = {};
  };
  const std::string data_dir_;
  const TestPart test_;
  std::mutex mutex_;                       // of what is below
  std::deque<std::shared_ptr<Held>> held_; // the last asked for at the end
};

/// What of a recipe decides its data: two recipes with equal keys have the same samples in the same parts.
std::string data_key(const Recipe& recipe);

} // namespace vitro

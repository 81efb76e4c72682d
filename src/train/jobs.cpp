#include "train/jobs.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <thread>

#include "core/threads.h"

namespace vitro {
namespace {

constexpr size_t most_held = 8;

// The pool would only get in the way of jobs side by side; one job at a time is helped by it.
class OneThreadEach {
public:
  explicit OneThreadEach(bool wanted) : before_(thread_count()), wanted_(wanted) {
    if (wanted_) set_thread_count(1);
  }
  ~OneThreadEach() {
    if (wanted_) set_thread_count(before_);
  }
  OneThreadEach(const OneThreadEach&) = delete;
  OneThreadEach& operator=(const OneThreadEach&) = delete;

private:
  const int before_;
  const bool wanted_;
};

} // namespace

bool run_jobs(int64_t jobs, int64_t at_once,
              const std::function<void(int64_t job, const std::atomic<bool>& stopping)>& run, const JobHooks& hooks) {
  std::mutex mutex; // of what is below
  std::condition_variable changed;
  int64_t next = 0, ended = 0;
  std::exception_ptr thrown;
  std::atomic<bool> stopping = false;

  const auto work = [&] {
    for (;;) {
      int64_t job = 0;
      {
        std::lock_guard lock(mutex);
        if (stopping || next == jobs) break;
        job = next++;
      }
      std::exception_ptr error;
      try {
        run(job, stopping);
      } catch (...) { error = std::current_exception(); }
      {
        std::lock_guard lock(mutex);
        ++ended;
        if (error && !thrown) thrown = error;
        if (error) stopping = true;
      }
      changed.notify_all();
    }
  };

  const int64_t workers = std::min(at_once, jobs);
  const OneThreadEach one_each(workers > 1);
  std::vector<std::thread> running;
  for (int64_t i = 0; i < workers; ++i) running.emplace_back(work);
  const auto over = [&] {
    std::lock_guard lock(mutex);
    return ended == jobs || stopping;
  };
  try {
    while (!over()) {
      {
        std::unique_lock lock(mutex);
        const int64_t seen = ended;
        changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return ended > seen || stopping; });
      }
      if (hooks.stop && hooks.stop()) stopping = true;
      if (hooks.look) hooks.look();
    }
  } catch (...) { // what a hook threw: the threads must end first
    std::lock_guard lock(mutex);
    if (!thrown) thrown = std::current_exception();
    stopping = true;
  }
  for (std::thread& worker : running) worker.join();
  if (thrown) std::rethrow_exception(thrown);
  if (hooks.look && jobs > 0) hooks.look();
  return !stopping;
}

std::string data_key(const Recipe& recipe) {
  const auto& sets = known_sets();
  const auto set =
      std::find_if(sets.begin(), sets.end(), [&](const KnownSet& one) { return one.name == recipe.data.source; });
  const bool same_for_all_seeds = set != sets.end() && set->form == PublishedAs::idx; // published parts
  Recipe asked;
  asked.data = recipe.data;
  asked.data.augment.clear(); // what is done to samples later
  asked.train.random = recipe.train.random;
  asked.train.seed = same_for_all_seeds ? 0 : recipe.train.seed;
  return to_toml(asked);
}

std::shared_ptr<const Splits> SharedData::open(const Recipe& recipe) {
  const std::string key = data_key(recipe);
  std::shared_ptr<Held> held;
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const auto& one) { return one->key == key; });
    if (found != held_.end()) {
      held = *found;
      held_.erase(found);
    } else {
      held = std::make_shared<Held>();
      held->key = key;
      if (held_.size() == most_held) held_.pop_front();
    }
    held_.push_back(held);
  }
  std::lock_guard lock(held->mutex);
  if (!held->data) {
    Splits data = open_data(recipe.data.source, data_options(recipe, data_dir_));
    if (test_ == TestPart::dropped) data.test = empty_like(data.test.schema);
    held->data = std::make_shared<const Splits>(std::move(data));
  }
  return held->data;
}

} // namespace vitro

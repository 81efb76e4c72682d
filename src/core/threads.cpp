#include "core/threads.h"

#include "core/error.h"
#include "core/text.h"

#ifdef VITRO_THREADS

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace vitro {
namespace {

int allowed_cores() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return int(std::max(1u, std::thread::hardware_concurrency()));
}

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

thread_local bool inside_task = false;

// Workers spin for a moment after each job, because the next step of a training plan follows within
// microseconds, and sleep after that. With more threads than cores nobody spins: a spinner would
// hold the core that the thread with the work needs.
class Pool {
public:
  Pool() : threads_(allowed_cores()) {}
  ~Pool() { stop(); }

  int threads() const { return threads_; }

  void resize(int threads) {
    std::lock_guard caller(caller_);
    stop();
    threads_ = threads;
  }

  void run(int64_t tasks, Task task, void* context) {
    if (tasks <= 1 || threads_ == 1 || inside_task || !caller_.try_lock()) {
      for (int64_t i = 0; i < tasks; ++i) task(context, i);
      return;
    }
    std::lock_guard caller(caller_, std::adopt_lock);
    if (workers_.empty()) start();
    task_ = task, context_ = context, tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    working_.store(int(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst)) {
      { std::lock_guard lock(sleep_); }
      wake_.notify_all();
    }
    take_tasks();
    for (int spins = 0; working_.load(std::memory_order_acquire);)
      ++spins < spin_limit_ ? relax() : std::this_thread::yield();
  }

private:
  void start() {
    stopping_ = false;
    spin_limit_ = threads_ <= allowed_cores() ? 20000 : 0;
    const uint64_t generation = generation_.load();
    for (int i = 1; i < threads_; ++i) workers_.emplace_back([this, generation] { work(generation); });
  }

  void stop() {
    {
      std::lock_guard lock(sleep_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

  void take_tasks() {
    inside_task = true;
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) task_(context_, i);
    inside_task = false;
  }

  void work(uint64_t seen) {
    for (;;) {
      for (int spins = 0; generation_.load(std::memory_order_acquire) == seen && !stopping_ && spins < spin_limit_;
           ++spins)
        relax();
      if (generation_.load(std::memory_order_acquire) == seen) {
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        std::unique_lock lock(sleep_);
        wake_.wait(lock, [&] { return stopping_ || generation_.load(std::memory_order_seq_cst) != seen; });
        sleepers_.fetch_sub(1);
        if (stopping_) return;
      }
      ++seen;
      take_tasks();
      working_.fetch_sub(1, std::memory_order_release);
    }
  }

  int threads_;
  int spin_limit_ = 0;
  std::vector<std::thread> workers_;
  std::mutex caller_, sleep_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> generation_ = 0;
  std::atomic<int> sleepers_ = 0, working_ = 0;
  std::atomic<int64_t> next_ = 0;
  int64_t tasks_ = 0;
  Task task_ = nullptr;
  void* context_ = nullptr;
};

Pool& pool() {
  static Pool pool;
  return pool;
}

} // namespace

int thread_count() { return pool().threads(); }

void set_thread_count(int threads) {
  if (threads < 1 || threads > 256) bad_input("threads", text(threads, " is not in 1 to 256"));
  pool().resize(threads);
}

void parallel(int64_t tasks, Task run, void* context) { pool().run(tasks, run, context); }

} // namespace vitro

#else

namespace vitro {

int thread_count() { return 1; }

void set_thread_count(int threads) {
  if (threads != 1) bad_input("threads", text(threads, " asked for, but this build has no threads"));
}

void parallel(int64_t tasks, Task run, void* context) {
  for (int64_t i = 0; i < tasks; ++i) run(context, i);
}

} // namespace vitro

#endif

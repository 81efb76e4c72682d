#include "core/threads.h"

#include "core/error.h"
#include "core/floating_mode.h"
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
//
// Tasks are shared out: each thread begins with its own share of consecutive tasks and then helps with the others'. So
// the same thread meets the same part of a weight in step after step, and finds it in its own cache.
//
// A worker joins a job only while it is open. The caller works too, closes the job when no task is
// left, and waits for those that joined, not for those that the system has not run yet: so a busy
// machine costs the missing thread, never a wait for it.
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
    task_ = task, context_ = context, mode_ = floating_mode();
    for (int i = 0; i < threads_; ++i) {
      shares_[size_t(i)].end = (i + 1) * tasks / threads_;
      shares_[size_t(i)].next.store(i * tasks / threads_, std::memory_order_relaxed);
    }
    gate_.store((generation_of(gate_.load()) + 1) << 32 | open, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst)) {
      { std::lock_guard lock(sleep_); }
      wake_.notify_all();
    }
    take_tasks(0);
    gate_.fetch_and(~open, std::memory_order_acq_rel);
    for (int spins = 0; gate_.load(std::memory_order_acquire) & joined;)
      ++spins < spin_limit_ ? relax() : std::this_thread::yield();
  }

private:
  // The gate in one word: how many workers have joined, whether the job is open, its number.
  static constexpr uint64_t joined = 0xffff, open = uint64_t{1} << 16;
  static uint64_t generation_of(uint64_t gate) { return gate >> 32; }

  void start() {
    stopping_ = false;
    spin_limit_ = threads_ <= allowed_cores() ? 20000 : 0;
    const uint64_t seen = generation_of(gate_.load());
    shares_ = std::vector<Share>(size_t(threads_));
    for (int i = 1; i < threads_; ++i) workers_.emplace_back([this, seen, i] { work(seen, i); });
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

  void take_tasks(int thread) {
    inside_task = true;
    for (int other = 0; other < threads_; ++other) {
      Share& share = shares_[size_t((thread + other) % threads_)];
      while (share.next.load(std::memory_order_relaxed) < share.end)
        if (const int64_t i = share.next.fetch_add(1, std::memory_order_relaxed); i < share.end) task_(context_, i);
    }
    inside_task = false;
  }

  bool waiting(uint64_t seen) const { return generation_of(gate_.load(std::memory_order_seq_cst)) == seen; }

  void work(uint64_t seen, int thread) {
    for (;;) {
      for (int spins = 0; waiting(seen) && !stopping_ && spins < spin_limit_; ++spins) relax();
      if (waiting(seen)) {
        std::unique_lock lock(sleep_);
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return stopping_ || !waiting(seen); });
        sleepers_.fetch_sub(1);
      }
      if (stopping_) return;
      uint64_t gate = gate_.load(std::memory_order_acquire);
      seen = generation_of(gate);
      while (gate & open) {
        if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel, std::memory_order_acquire))
          continue;
        seen = generation_of(gate);
        set_floating_mode(mode_);
        take_tasks(thread);
        gate_.fetch_sub(1, std::memory_order_release);
        break;
      }
    }
  }

  int threads_;
  int spin_limit_ = 0;
  std::vector<std::thread> workers_;
  std::mutex caller_, sleep_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> gate_ = 0;
  std::atomic<int> sleepers_ = 0;
  struct alignas(64) Share { // tasks next .. end; a cache line of its own
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };
  std::vector<Share> shares_; // of each thread
  Task task_ = nullptr;
  void* context_ = nullptr;
  uint64_t mode_ = 0; // the caller's
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

BesideThePool::BesideThePool() : before_(inside_task) { inside_task = true; }
BesideThePool::~BesideThePool() { inside_task = before_; }

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

BesideThePool::BesideThePool() : before_(true) {}
BesideThePool::~BesideThePool() = default;

} // namespace vitro

#endif

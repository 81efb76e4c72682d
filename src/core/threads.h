// One pool of threads for the whole process.
//
// Work is cut into tasks by its size alone, never by the number of threads, so a result cannot
// depend on who ran which task (the bit contract). A call from inside a task, or while another
// caller holds the pool, runs its tasks on the calling thread: slower, same bits, never more
// runnable threads than were asked for. Built without VITRO_THREADS (WebAssembly), every call does.
#pragma once

#include <cstdint>
#include <type_traits>

namespace vitro {

/// Threads that `parallel` may use, the caller included. At first: the cores allowed to the process.
int thread_count();
/// 1 to 256; throws where it is not. Not to be called from inside a task.
void set_thread_count(int threads);

using Task = void (*)(void* context, int64_t task);
/// Runs task 0 .. tasks-1, each once, in any order; returns when all are done. A task must not throw.
void parallel(int64_t tasks, Task run, void* context);

/// While it lives, `parallel` on this thread runs every task here: for a thread that works beside the pool, so that the
/// pool stays with whoever trains.
class BesideThePool {
public:
  BesideThePool();
  ~BesideThePool();
  BesideThePool(const BesideThePool&) = delete;
  BesideThePool& operator=(const BesideThePool&) = delete;

private:
  bool before_;
};

/// The same with a callable: parallel(tasks, [&](int64_t task) { ... }).
template <class Body> void parallel(int64_t tasks, Body&& body) {
  parallel(
      tasks, [](void* context, int64_t task) { (*static_cast<std::remove_reference_t<Body>*>(context))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

} // namespace vitro

// Cuts the work of a kernel into tasks: by its size alone, never by the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/threads.h"

namespace vitro::kernels {

/// Calls run(begin, end) for pieces of [0, items): in several tasks where `work`, in whatever unit, is `enough`.
template <class Run> void in_pieces(int64_t items, int64_t work, int64_t enough, Run&& run) {
  constexpr int64_t most_tasks = 64;
  if (work < enough || items < 2) return run(0, items);
  const int64_t piece = (items + most_tasks - 1) / most_tasks;
  parallel((items + piece - 1) / piece, [&](int64_t task) { run(task * piece, std::min(items, (task + 1) * piece)); });
}

} // namespace vitro::kernels

// All that this process can measure.
#include "bench/workload.h"

#include <algorithm>
#include <iterator>

namespace vitro::bench {

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const auto group : {limits, steps, products, convolutions, recurrences, elementwise, optimizers, losses}) {
    std::vector<Workload> some = group();
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

} // namespace vitro::bench

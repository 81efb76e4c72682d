// Lifetimes to offsets: the largest first, each at the lowest place where nothing that lives at the
// same time stands.
#include <algorithm>
#include <numeric>

#include "plan/program.h"

namespace vitro::program {

int64_t lay_out(std::vector<Lifetime>& lifetimes) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  const auto end = [](const Lifetime& of) { // in whole cache lines
    return of.offset + (of.bytes + int64_t(cache_line) - 1) / int64_t(cache_line) * int64_t(cache_line);
  };
  int64_t used = 0;
  std::vector<size_t> placed; // by offset
  for (const size_t which : order) {
    Lifetime& mine = lifetimes[which];
    mine.offset = 0;
    for (const size_t other : placed) {
      const Lifetime& theirs = lifetimes[other];
      if (theirs.last < mine.first || mine.last < theirs.first) continue;
      if (end(mine) <= theirs.offset) break;
      mine.offset = std::max(mine.offset, end(theirs));
    }
    used = std::max(used, end(mine));
    placed.insert(std::ranges::upper_bound(placed, mine.offset, {}, [&](size_t i) { return lifetimes[i].offset; }),
                  which);
  }
  return used;
}

} // namespace vitro::program

// Rows by index and rows added up against plain loops: the same bits on every instruction set and number of threads.
#include "kernels/indexing.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/random.h"
#include "core/threads.h"
#include "kernels_targets.h"

namespace vitro::kernels {
namespace {

constexpr float canary = -12345.678F;
constexpr size_t guard = 70;

struct Case {
  int64_t outer, extent, inner, chosen;
};

struct Numbers {
  std::vector<float> table, rows; // [outer, extent, inner], [outer, chosen, inner]
  std::vector<int32_t> index;
  explicit Numbers(const Case& of) {
    const Stream stream(3, "rows");
    for (int64_t i = 0; i < of.outer * of.extent * of.inner; ++i) table.push_back(float(stream.normal(0, uint64_t(i))));
    for (int64_t i = 0; i < of.outer * of.chosen * of.inner; ++i) rows.push_back(float(stream.normal(1, uint64_t(i))));
    for (int64_t i = 0; i < of.chosen; ++i) index.push_back(int32_t(stream.below(uint64_t(of.extent), 2, uint64_t(i))));
  }
};

std::vector<float> gathered(const Case& of, const Numbers& from) {
  std::vector<float> out(from.rows.size() + 2 * guard, canary);
  gather_rows(from.table.data(), from.index, out.data() + guard, of.outer, of.extent, of.inner);
  return out;
}
std::vector<float> added(const Case& of, const Numbers& from) {
  std::vector<float> out(from.table.size() + 2 * guard, canary);
  scatter_add_rows(from.rows.data(), from.index, out.data() + guard, of.outer, of.extent, of.inner);
  return out;
}

void compare(const Case& of) {
  const Numbers from(of);
  std::vector<float> picked(from.rows.size() + 2 * guard, canary), sums(from.table.size() + 2 * guard, canary);
  for (size_t i = 0; i < from.table.size(); ++i) sums[guard + i] = 0;
  for (int64_t o = 0; o < of.outer; ++o)
    for (int64_t i = 0; i < of.chosen; ++i)
      for (int64_t k = 0; k < of.inner; ++k) {
        const auto row = size_t((o * of.chosen + i) * of.inner + k);
        const auto cell = size_t((o * of.extent + from.index[size_t(i)]) * of.inner + k);
        picked[guard + row] = from.table[cell];
        sums[guard + cell] += from.rows[row];
      }
  EXPECT_EQ(gathered(of, from), picked);
  EXPECT_EQ(added(of, from), sums);
}

const std::vector<Case> cases = {{1, 1, 1, 1},   {1, 5, 3, 7},   {2, 3, 17, 4},    {3, 4, 64, 9},
                                 {1, 7, 65, 40}, {1, 9, 130, 0}, {1, 65, 256, 33}, {2, 11, 100, 50}};

TEST(Rows, AreThePlainLoopsOnEveryInstructionSet) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (const Case& of : cases) compare(of);
  }
}

TEST(Rows, ThreadsChangeNoBit) {
  const Case large{1, 65, 256, 2048}, wide{3, 20, 500, 200};
  const int before = thread_count();
  for (const Case& of : {large, wide}) {
    const Numbers from(of);
    set_thread_count(1);
    const std::vector<float> picked = gathered(of, from), sums = added(of, from);
    for (const int threads : {2, 3}) {
      set_thread_count(threads);
      EXPECT_EQ(gathered(of, from), picked) << threads << " threads";
      EXPECT_EQ(added(of, from), sums) << threads << " threads";
    }
    set_thread_count(before);
    compare(of);
  }
}

} // namespace
} // namespace vitro::kernels

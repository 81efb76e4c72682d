// The mask of dropout against its definition: the same words on every instruction set, at every number of threads.
#include "kernels/dropout.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/threads.h"
#include "kernels_targets.h"

namespace vitro::kernels {
namespace {

constexpr float canary = -12345.678F;
constexpr int64_t guard = 70;

std::vector<float> masked(const Stream& stream, int64_t first, int64_t samples, int64_t elements, uint32_t threshold) {
  std::vector<float> mask(size_t(samples * elements + 2 * guard), canary);
  dropout_mask(stream, first, samples, elements, threshold, 1.25F, mask.data() + guard);
  return mask;
}

void compare_all() {
  for (const int64_t elements : {1, 2, 3, 4, 5, 31, 63, 64, 65, 100, 128, 200})
    for (const uint32_t threshold : {0U, 1U, 1U << 30, 3U << 30, UINT32_MAX}) {
      const Stream stream(7, "dropout1.mask", uint64_t(elements));
      constexpr int64_t first = 11, samples = 3;
      const std::vector<float> mask = masked(stream, first, samples, elements, threshold);
      for (int64_t i = 0; i < int64_t(mask.size()); ++i) {
        const int64_t at = i - guard, s = at / elements, e = at % elements;
        const bool inside = at >= 0 && at < samples * elements;
        const uint32_t word = inside ? stream.words(uint64_t(first + s), uint64_t(e / 4))[size_t(e % 4)] : 0;
        ASSERT_EQ(mask[size_t(i)], !inside            ? canary
                                   : word < threshold ? 0.0F
                                                      : 1.25F)
            << elements << " elements, threshold " << threshold << ", at " << at;
      }
    }
}

TEST(DropoutMask, IsItsDefinitionOnEveryInstructionSet) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    compare_all();
  }
}

TEST(DropoutMask, ThreadsAndShardsChangeNoBit) {
  const Stream stream(1, "dropout1.mask", 40);
  constexpr int64_t samples = 600, elements = 101, cut = 217;
  const int before = thread_count();
  set_thread_count(1);
  const std::vector<float> whole = masked(stream, 0, samples, elements, 1U << 31);
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    EXPECT_EQ(masked(stream, 0, samples, elements, 1U << 31), whole) << threads << " threads";
  }
  set_thread_count(before);
  std::vector<float> parts(whole.size(), canary);
  dropout_mask(stream, 0, cut, elements, 1U << 31, 1.25F, parts.data() + guard);
  dropout_mask(stream, cut, samples - cut, elements, 1U << 31, 1.25F, parts.data() + guard + cut * elements);
  EXPECT_EQ(parts, whole);
}

} // namespace
} // namespace vitro::kernels

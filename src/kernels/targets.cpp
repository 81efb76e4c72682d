#include "kernels/targets.h"

#include <atomic>

namespace vitro::kernels {
namespace {

// In the order of VITRO_TARGETS.
#if HWY_ARCH_X86
constexpr int64_t order[] = {HWY_AVX3, HWY_AVX2, HWY_SSE4};

int64_t detected() {
  __builtin_cpu_init();
  int64_t found = HWY_STATIC_TARGET | HWY_SCALAR | HWY_EMU128;
  const bool sse4 =
      __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
  // What has AVX2 has half floats and lzcnt too, which compilers know under different names.
  const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx3 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  if (sse4) found |= HWY_SSE4;
  if (avx2) found |= HWY_AVX2;
  if (avx3) found |= HWY_AVX3;
  return found;
}
#else
constexpr int64_t order[] = {HWY_STATIC_TARGET};

int64_t detected() { return HWY_STATIC_TARGET; }
#endif

constexpr int unknown = -1;
std::atomic<int> in_use = unknown; // nobody has asked yet

int position_of(int64_t target) {
  int position = 0;
  for (const int64_t one : order) {
    if (one == target) break;
    ++position;
  }
  return position; // behind the last: the portable code
}

} // namespace

int64_t available_targets() {
  static const int64_t available = detected() & (HWY_TARGETS);
  return available;
}

void use_target(int64_t target) {
  const int64_t all = available_targets();
  in_use.store(position_of(target ? target : all & -all), std::memory_order_relaxed);
}

int target_in_use() {
  if (in_use.load(std::memory_order_relaxed) == unknown) use_target(0);
  return in_use.load(std::memory_order_relaxed);
}

} // namespace vitro::kernels

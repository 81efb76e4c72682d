// The instruction sets of this machine, one after the other: what the tests of the kernels compare.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/targets.h"

#include <hwy/highway.h>

namespace vitro::kernels {

/// Calls go to `target` while this lives; what the machine lacks must not be asked for.
class OnTarget {
public:
  explicit OnTarget(int64_t target) { use_target(target); }
  ~OnTarget() { use_target(0); }
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;
};

struct Target {
  int64_t bit;
  std::string name;
  bool fused; // has fused multiply-add: within the bit contract
};

/// Those that the kernels are compiled for and that this machine has, best first.
inline std::vector<Target> targets() {
  std::vector<Target> out;
  for (int64_t bits = available_targets(); bits; bits &= bits - 1) {
    const int64_t bit = bits & -bits;
#if HWY_ARCH_X86
    const bool fused = bit == HWY_AVX2 || bit == HWY_AVX3 || bit == HWY_AVX3_DL;
#else
    const bool fused = bit == HWY_NEON;
#endif
    out.push_back({bit, hwy::TargetName(bit), fused});
  }
  return out;
}

} // namespace vitro::kernels

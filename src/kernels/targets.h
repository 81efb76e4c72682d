// The instruction sets that the kernels are compiled for, and which of them a call goes to; included
// before any other Highway header.
//
// x86: AVX-512 ("AVX3"), AVX2, SSE4 for what is older than 2013, and the portable code that Highway
// always keeps. Elsewhere: what Highway finds (Neon, WebAssembly); no vectors of unknown length, for
// the kernels keep arrays of vectors. The bit contract holds between the sets with fused
// multiply-add (AVX2, AVX-512, Neon); the others agree to rounding.
//
// The choice is made here rather than in Highway's library, so that its headers are all that is needed: Debian's
// libhwy.so times the processor's clock before main, for 3.6 ms.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#include <cstdint>

#include "hwy/targets.h"

namespace vitro::kernels {

/// Highway's bits of those that the kernels are compiled for and that this machine has; the lowest is the best.
int64_t available_targets();
/// Calls go to `target`, one of them, from now on; 0: to the best again. For tests.
void use_target(int64_t target);
/// The position of the target in use in a table of VITRO_TARGETS.
int target_in_use();

} // namespace vitro::kernels

// One function of every instruction set (HWY_NAMESPACE::name), best first, and the one to call.
#if HWY_ARCH_X86
#define VITRO_TARGETS(name)                                                                                            \
  static constexpr decltype(&HWY_STATIC_DISPATCH(name)) name##_of_targets[] = {                                        \
      HWY_CHOOSE_AVX3(name), HWY_CHOOSE_AVX2(name), HWY_CHOOSE_SSE4(name), HWY_CHOOSE_FALLBACK(name)}
#else
#define VITRO_TARGETS(name)                                                                                            \
  static constexpr decltype(&HWY_STATIC_DISPATCH(name)) name##_of_targets[] = {&HWY_STATIC_DISPATCH(name)}
#endif
#define VITRO_DISPATCH(name) (*name##_of_targets[target_in_use()])

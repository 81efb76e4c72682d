// Which instruction sets Highway compiles the kernels for: the baseline of the processor family, AVX2
// and AVX-512 on x86; whatever Highway knows elsewhere. Others would only cost compile time and size.
// Included before foreach_target.h.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)

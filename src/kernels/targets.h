// The instruction sets that the kernels are compiled for; included before any Highway header.
//
// x86: AVX-512 ("AVX3"), AVX2, SSE4 for what is older than 2013, and the portable code that Highway
// always keeps. Elsewhere: what Highway finds (Neon, WebAssembly); no vectors of unknown length, for
// the kernels keep arrays of vectors. The bit contract holds between the sets with fused
// multiply-add (AVX2, AVX-512, Neon); the others agree to rounding.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

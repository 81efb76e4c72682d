// What the machine can do at most: loops that compute without memory, and loops that move memory
// without computing. The benchmark measures every workload against them, in the same run.
//
// They use the instruction set that all kernels use. Each works on the calling thread alone.
#pragma once

#include <cstdint>

namespace vitro::bench {

/// The instruction set that the kernels have chosen on this machine, by Highway's name: "AVX3" (AVX-512), "AVX2", ...
const char* instruction_set();
/// Whether it has fused multiply-add, which the speed and the bit contract rest on.
bool fuses_multiply_add();

/// `rounds` rounds of multiply-adds between registers, enough of them independent to fill every pipe: each lane of each
/// chain goes towards 1. Returns their sum, so that none can be left out.
float multiply_adds(int64_t rounds);
/// Floating-point operations of one round.
int64_t multiply_add_flops();

inline constexpr int most_streamed = 4;

/// Reads in[0 .. reads-1] once, and writes the mean of what stands at i in all of them to out[0 .. writes-1] at i, for
/// i = 0 .. n-1. An `out` may be one of the inputs (an update in place). 1 to 4 reads, fewer or as many writes, or
/// none: then it returns the sum of all that was read, else 0. All of it `passes` times over.
float stream(const float* const* in, int reads, float* const* out, int writes, int64_t n, int64_t passes = 1);

} // namespace vitro::bench

// The loops that limit all others.
#include "bench/loops.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/loops.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::bench::HWY_NAMESPACE {

using namespace kernels::HWY_NAMESPACE;

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

bool target_fuses() {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
  return true;
#else
  return false;
#endif
}

// A multiply-add takes 4 or 5 cycles, and two (Arm: four) start in each: 8 to 16 chains keep all pipes
// filled, and the registers hold them.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
inline constexpr int chains = 16;
#else
inline constexpr int chains = 12;
#endif

int64_t flops_of_a_round() { return 2 * chains * lanes; }

HWY_INLINE float sum_of_lanes(V v) {
  HWY_ALIGN float lane[lanes];
  hn::Store(v, Tag(), lane);
  float sum = 0;
  for (const float one : lane) sum += one;
  return sum;
}

float multiply_add_loop(int64_t rounds) {
  // Each chain walks towards 1 and stays there: no subnormal, no infinity.
  const V slope = constant(0.999F), rise = constant(0.001F);
  V chain[chains];
#pragma GCC unroll 16
  for (int c = 0; c < chains; ++c) chain[c] = constant(0.5F + 0.01F * float(c));
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < chains; ++c) chain[c] = hn::MulAdd(chain[c], slope, rise);
  }
  V sum = chain[0];
#pragma GCC unroll 16
  for (int c = 1; c < chains; ++c) sum = hn::Add(sum, chain[c]);
  return sum_of_lanes(sum);
}

// Sums in so many chains keep the adders from being the limit.
float read_loop(const float* x, int64_t n, int64_t passes) {
  constexpr int sums = chains;
  const Tag d;
  V sum[sums];
#pragma GCC unroll 16
  for (int s = 0; s < sums; ++s) sum[s] = hn::Zero(d);
  float rest = 0;
  for (int64_t pass = 0; pass < passes; ++pass) {
    int64_t i = 0;
    for (; i + sums * lanes <= n; i += sums * lanes) {
#pragma GCC unroll 16
      for (int s = 0; s < sums; ++s) sum[s] = hn::Add(sum[s], hn::LoadU(d, x + i + s * lanes));
    }
    for (; i < n; ++i) rest += x[i];
  }
#pragma GCC unroll 16
  for (int s = 1; s < sums; ++s) sum[0] = hn::Add(sum[0], sum[s]);
  return sum_of_lanes(sum[0]) + rest;
}

template <int reads, int writes> void mean_loop(const float* const* in, float* const* out, int64_t n) {
  const Tag d;
  // Pointers of their own: for all that the compiler knows, out[0] may overlap the arrays of pointers.
  const float* from[reads];
  float* to[writes];
  for (int r = 0; r < reads; ++r) from[r] = in[r];
  for (int w = 0; w < writes; ++w) to[w] = out[w];
  constexpr float share = 1.0F / reads;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
#pragma GCC unroll 4
    for (int64_t at = i; at < i + 4 * lanes; at += lanes) {
      V sum = hn::LoadU(d, from[0] + at);
#pragma GCC unroll 4
      for (int r = 1; r < reads; ++r) sum = hn::Add(sum, hn::LoadU(d, from[r] + at));
      sum = hn::Mul(sum, constant(share));
#pragma GCC unroll 4
      for (int w = 0; w < writes; ++w) hn::StoreU(sum, d, to[w] + at);
    }
  }
  for (; i < n; ++i) {
    float sum = from[0][i];
    for (int r = 1; r < reads; ++r) sum += from[r][i];
    for (int w = 0; w < writes; ++w) to[w][i] = sum * share;
  }
}

float stream_loop(const float* const* in, int reads, float* const* out, int writes, int64_t n, int64_t passes) {
  if (writes == 0) {
    float sum = 0;
    for (int r = 0; r < reads; ++r) sum += read_loop(in[r], n, passes);
    return sum;
  }
  using Mean = void (*)(const float* const*, float* const*, int64_t);
  constexpr Mean none = nullptr;
  static constexpr Mean loops[most_streamed][most_streamed] = {
      {mean_loop<1, 1>, none, none, none},
      {mean_loop<2, 1>, mean_loop<2, 2>, none, none},
      {mean_loop<3, 1>, mean_loop<3, 2>, mean_loop<3, 3>, none},
      {mean_loop<4, 1>, mean_loop<4, 2>, mean_loop<4, 3>, mean_loop<4, 4>}};
  for (int64_t pass = 0; pass < passes; ++pass) loops[reads - 1][writes - 1](in, out, n);
  return 0;
}

} // namespace vitro::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cassert>

namespace vitro::bench {

using kernels::target_in_use;

VITRO_TARGETS(target_name);
VITRO_TARGETS(target_fuses);
VITRO_TARGETS(flops_of_a_round);
VITRO_TARGETS(multiply_add_loop);
VITRO_TARGETS(stream_loop);

const char* instruction_set() { return VITRO_DISPATCH(target_name)(); }
bool fuses_multiply_add() { return VITRO_DISPATCH(target_fuses)(); }
float multiply_adds(int64_t rounds) { return VITRO_DISPATCH(multiply_add_loop)(rounds); }
int64_t multiply_add_flops() { return VITRO_DISPATCH(flops_of_a_round)(); }

float stream(const float* const* in, int reads, float* const* out, int writes, int64_t n, int64_t passes) {
  assert(reads >= 1 && reads <= most_streamed && writes >= 0 && writes <= reads);
  return VITRO_DISPATCH(stream_loop)(in, reads, out, writes, n, passes);
}

} // namespace vitro::bench
#endif

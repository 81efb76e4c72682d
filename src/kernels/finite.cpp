// x - x is 0 where x is finite and nan elsewhere: an OR of the bits of all differences tells.
#include "kernels/finite.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/finite.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

bool all_finite(const float* x, int64_t n) {
  const Tag d;
  const auto difference = [&](V v) HWY_ATTR { return hn::Sub(v, v); };
  V seen0 = hn::Zero(d), seen1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    seen0 = hn::Or(seen0, difference(hn::LoadU(d, x + i)));
    seen1 = hn::Or(seen1, difference(hn::LoadU(d, x + i + lanes)));
  }
  for (; i < n; i += lanes)
    seen0 = hn::Or(seen0, difference(n - i >= lanes ? hn::LoadU(d, x + i) : load_first(x + i, n - i)));
  const Int bits;
  return hn::AllTrue(bits, hn::Eq(hn::BitCast(bits, hn::Or(seen0, seen1)), hn::Zero(bits)));
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {

VITRO_TARGETS(all_finite);

bool all_finite(const float* x, int64_t n) { return VITRO_DISPATCH(all_finite)(x, n); }

} // namespace vitro::kernels
#endif

// Elementary functions on vectors of floats, compiled once for each instruction set.
//
// Each is the same sequence of IEEE operations at any width, fused multiply-adds written out, so
// AVX2 and AVX-512 agree bit for bit. Polynomials are minimax fits (Chebyshev, 40 digits, rounded to
// float) made for vitro on the intervals named; range reductions are Cody and Waite's. The errors that
// kernels/pointwise.h promises are measured by kernels_pointwise_test.
//
// Included by files that Highway's foreach_target.h includes again and again: no ordinary guard.
#if defined(VITRO_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VITRO_KERNELS_MATH_INL_H_
#undef VITRO_KERNELS_MATH_INL_H_
#else
#define VITRO_KERNELS_MATH_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule.
template <class V> HWY_INLINE V polynomial(V, float c) { return hn::Set(hn::DFromV<V>(), c); }
template <class V, class... Rest> HWY_INLINE V polynomial(V x, float c, Rest... rest) {
  return hn::MulAdd(polynomial(x, rest...), x, hn::Set(hn::DFromV<V>(), c));
}

/// 2^k for whole k in [-126, 127].
template <class D, class VI> HWY_INLINE hn::Vec<D> power_of_two(D d, VI k) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(k, hn::Set(di, 127))));
}

/// e^x = 2^k e^r, r = x - k ln 2 with |r| <= ln 2 / 2. The sum 1 + r + r^2 p loses nothing of r: what
/// 1 + r rounds off is added with the small terms. Scaled by 2^k in two factors, so that subnormal
/// results round once and the largest do not overflow early.
template <class D> HWY_INLINE hn::Vec<D> exp_of(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto clamped = hn::Min(hn::Max(x, hn::Set(d, -105.0f)), hn::Set(d, 89.0f));
  const auto k = hn::NearestInt(hn::Mul(clamped, hn::Set(d, 1.44269504f)));
  const auto kf = hn::ConvertTo(d, k);
  const auto high = hn::NegMulAdd(kf, hn::Set(d, 0x1.62e430p-1f), clamped); // exact
  const auto low = hn::Mul(kf, hn::Set(d, 0x1.05c610p-29f));
  const auto r = hn::Add(high, low);
  const auto p = polynomial(r, 0.5f, 0x1.555556p-3f, 0x1.5554eap-5f, 0x1.1110e0p-7f, 0x1.6d4320p-10f, 0x1.a124eep-13f);
  const auto sum = hn::Add(one, high);
  const auto lost = hn::Sub(high, hn::Sub(sum, one));
  const auto y = hn::Add(sum, hn::Add(lost, hn::MulAdd(hn::Mul(r, r), p, low)));
  const auto half = hn::ShiftRight<1>(k);
  const auto out = hn::Mul(hn::Mul(y, power_of_two(d, half)), power_of_two(d, hn::Sub(k, half)));
  return hn::IfThenElse(hn::IsNaN(x), x, out);
}

/// log x = e ln 2 + log m, m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s) with s = (m - 1) / (m + 1),
/// put together as fdlibm does, so that nothing cancels.
template <class D> HWY_INLINE hn::Vec<D> log_of(D d, hn::Vec<D> x) {
  const hn::RebindToSigned<D> di;
  const auto tiny = hn::Lt(x, hn::Set(d, 0x1p-126f));
  const auto scaled = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 0x1p25f)), x);
  const auto bits = hn::BitCast(di, scaled);
  // Adding this moves the border between exponents from 1 to sqrt(1/2).
  const auto shifted = hn::Sub(bits, hn::Set(di, 0x3f3504f3));
  const auto e = hn::Sub(hn::ConvertTo(d, hn::ShiftRight<23>(shifted)), hn::IfThenElseZero(tiny, hn::Set(d, 25.0f)));
  const auto m = hn::BitCast(d, hn::Add(hn::And(shifted, hn::Set(di, 0x007fffff)), hn::Set(di, 0x3f3504f3)));
  const auto f = hn::Sub(m, hn::Set(d, 1.0f));
  const auto s = hn::Div(f, hn::Add(f, hn::Set(d, 2.0f)));
  const auto z = hn::Mul(s, s);
  const auto rest = hn::Mul(z, polynomial(z, 0x1.555556p-1f, 0x1.9999ecp-2f, 0x1.245c38p-2f, 0x1.ddd172p-3f));
  const auto half_square = hn::Mul(hn::Mul(hn::Set(d, 0.5f), f), f);
  const auto low = hn::MulAdd(e, hn::Set(d, -0x1.05c610p-29f), hn::Mul(s, hn::Add(half_square, rest)));
  const auto log = hn::MulAdd(e, hn::Set(d, 0x1.62e430p-1f), hn::Sub(f, hn::Sub(half_square, low)));
  const auto infinity = hn::Inf(d);
  const auto at_edge = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), hn::NaN(d));
  const auto inside = hn::And(hn::Gt(x, hn::Zero(d)), hn::Lt(x, infinity));
  return hn::IfThenElse(inside, log, hn::IfThenElse(hn::Eq(x, infinity), infinity, at_edge));
}

/// log(1 + z) for z in [0, 1], as log_of puts it together.
template <class D> HWY_INLINE hn::Vec<D> log1p_of(D d, hn::Vec<D> z) {
  const auto s = hn::Div(z, hn::Add(z, hn::Set(d, 2.0f)));
  const auto w = hn::Mul(s, s);
  const auto rest = hn::Mul(w, polynomial(w, 0x1.555556p-1f, 0x1.9999a0p-2f, 0x1.248f58p-2f, 0x1.c7fb44p-3f, 0x1.65aca8p-3f, 0x1.a9bdb8p-3f));
  const auto half_square = hn::Mul(hn::Mul(hn::Set(d, 0.5f), z), z);
  return hn::Sub(z, hn::NegMulAdd(s, hn::Add(half_square, rest), half_square));
}

/// 1 / (1 + z) with z = e^-|x|; for x < 0, z / (1 + z) = z - z^2 / (1 + z), which is as exact as z where z is small.
template <class D> HWY_INLINE hn::Vec<D> sigmoid_of(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0f);
  const auto z = exp_of(d, hn::Neg(hn::Abs(x)));
  const auto y = hn::Div(one, hn::Add(one, z));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::NegMulAdd(hn::Mul(z, z), y, z), y);
}

/// Below 0.625: x + x^3 P(x^2). Above: 1 - 2 / (e^2|x| + 1), with x's sign.
template <class D> HWY_INLINE hn::Vec<D> tanh_of(D d, hn::Vec<D> x) {
  const auto size = hn::Abs(x), z = hn::Mul(x, x), one = hn::Set(d, 1.0f);
  const auto p = polynomial(z, -0x1.555552p-2f, 0x1.110e1cp-3f, -0x1.b9258ap-5f, 0x1.58048ep-6f, -0x1.8f8de4p-8f);
  const auto small = hn::MulAdd(hn::Mul(x, z), p, x);
  const auto e = exp_of(d, hn::Add(size, size));
  const auto large = hn::CopySign(hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one))), x);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.625f)), small, hn::IfThenElse(hn::IsNaN(x), x, large));
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
template <class D> HWY_INLINE hn::Vec<D> softplus_of(D d, hn::Vec<D> x) {
  const auto tail = log1p_of(d, exp_of(d, hn::Neg(hn::Abs(x))));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, hn::Zero(d)), tail));
}

/// Below 0.92: x + x P(x^2). Above: 1 - exp(Q(|x|)), Q the logarithm of the complement; 1 from 4.05 on.
template <class D> HWY_INLINE hn::Vec<D> erf_of(D d, hn::Vec<D> x) {
  const auto size = hn::Abs(x), z = hn::Mul(x, x), one = hn::Set(d, 1.0f);
  const auto p = polynomial(z, 0x1.06eba8p-3f, -0x1.812744p-2f, 0x1.ce2e2ep-4f, -0x1.b811b6p-6f, 0x1.54e64ap-8f, -0x1.ab4c20p-11f, 0x1.604feep-14f);
  const auto small = hn::MulAdd(x, p, x);
  const auto a = hn::Min(size, hn::Set(d, 4.05f));
  const auto q = polynomial(a, 0x1.493264p-12f, -0x1.215564p+0f, -0x1.438410p-1f, -0x1.c2bac4p-4f, 0x1.b08412p-6f, -0x1.376388p-8f, 0x1.37f154p-11f,
                            -0x1.8075fap-15f, 0x1.b43b54p-20f);
  const auto large = hn::CopySign(hn::Sub(one, exp_of(d, q)), x);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.92f)), small, hn::IfThenElse(hn::IsNaN(x), x, large));
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

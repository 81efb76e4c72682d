// Elementary functions on vectors of floats, and loads and stores of less than a vector.
//
// Compiled once per instruction set (include after hwy/foreach_target.h). Every function is the same
// sequence of IEEE operations at any width, so the same bits wherever fused multiply-add is fused.
// Range reduction after Cody and Waite, "Software Manual for the Elementary Functions" (1980): what
// remains is a polynomial on a short interval, its coefficients fitted here (weighted minimax,
// rounded one by one). Errors are measured against double by tests/kernels_pointwise_test.cpp.
#if defined(VITRO_KERNELS_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VITRO_KERNELS_MATH_INL_H
#undef VITRO_KERNELS_MATH_INL_H
#else
#define VITRO_KERNELS_MATH_INL_H
#endif

#include <cstddef>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>; // at most 16 lanes: the canonical number of a reduction
using V = hn::Vec<Tag>;
using Int = hn::RebindToSigned<Tag>;
inline constexpr int64_t lanes = hn::MaxLanes(Tag());
static_assert(16 % lanes == 0);

inline constexpr float infinity = std::numeric_limits<float>::infinity();

HWY_INLINE V constant(float value) { return hn::Set(Tag(), value); }

/// The first `count` (at least 1, less than a vector) of p, zeros behind them; nothing behind is read.
HWY_INLINE V load_first(const float* p, int64_t count) {
  const Tag d;
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float buffer[lanes] = {};
  for (int64_t i = 0; i < count; ++i) buffer[i] = p[i];
  return hn::Load(d, buffer);
#else
  return hn::MaskedLoad(hn::FirstN(d, size_t(count)), d, p);
#endif
}

/// Writes the first `count` lanes to p and nothing behind them.
HWY_INLINE void store_first(V v, float* p, int64_t count) {
  const Tag d;
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float buffer[lanes];
  hn::Store(v, d, buffer);
  for (int64_t i = 0; i < count; ++i) p[i] = buffer[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, size_t(count)), d, p);
#endif
}

/// c[0] + x c[1] + x^2 (c[2] + x c[3] + x^2 (...)): Horner's rule by pairs, half as long a chain.
HWY_INLINE V polynomial(V, V, float c) { return constant(c); }
template <class... Rest> HWY_INLINE V polynomial(V x, V x2, float c0, float c1, Rest... rest) {
  const V pair = hn::MulAdd(constant(c1), x, constant(c0));
  if constexpr (sizeof...(rest) == 0)
    return pair;
  else
    return hn::MulAdd(polynomial(x, x2, rest...), x2, pair);
}

/// The larger of a and b, b where they are equal, nan where either is. x86 hands on b where a comparison has no answer.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
HWY_INLINE V larger(V a, V b) { return hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b)); }
HWY_INLINE V smaller(V a, V b) { return hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b)); }
#else
HWY_INLINE V larger(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b); }
HWY_INLINE V smaller(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b); }
#endif

/// min(x, limit), max(x, limit); nan where x is. x86 hands on the second argument of a comparison with nan.
HWY_INLINE V at_most(V x, float limit) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, constant(limit)), constant(limit), x);
#else
  return hn::Min(constant(limit), x);
#endif
}
HWY_INLINE V at_least(V x, float limit) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Lt(x, constant(limit)), constant(limit), x);
#else
  return hn::Max(constant(limit), x);
#endif
}

/// -|x|
HWY_INLINE V negative(V x) { return hn::Or(x, hn::SignBit(Tag())); }

// ln 2 in two parts: the first has 10 bits, so that n times it is exact for every exponent n.
inline constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
// Added and taken away again it rounds to an integer, which then stands in the lowest bits.
inline constexpr float rounder = 12582912.0F; // 1.5 * 2^23

/// x = n ln 2 + r with |r| <= ln 2 / 2 (|x| < 2^20). n stands in the low bits of `n_bits`.
struct Reduced {
  V r, n_bits;
};
HWY_INLINE Reduced reduce(V x) {
  const V n_bits = hn::MulAdd(x, constant(1.44269504F), constant(rounder));
  const V n = hn::Sub(n_bits, constant(rounder));
  return {hn::NegMulAdd(n, constant(ln2_low), hn::NegMulAdd(n, constant(ln2_high), x)), n_bits};
}

/// 2^n, for n from -126 to 127.
HWY_INLINE V power_of_two(V n_bits) {
  const Int di;
  const auto shifted = hn::ShiftLeft<23>(hn::BitCast(di, n_bits));
  return hn::BitCast(Tag(), hn::Add(shifted, hn::BitCast(di, constant(1.0F))));
}

/// p 2^n rounded once, for n from -252 to 254, p near 1: two steps, the first of them exact. AVX-512
/// has an instruction for it.
HWY_INLINE V scale(V p, V n_bits) {
#if HWY_TARGET == HWY_AVX3
  return V{_mm512_scalef_ps(p.raw, hn::Sub(n_bits, constant(rounder)).raw)};
#else
  const Int di;
  const auto n = hn::Sub(hn::BitCast(di, n_bits), hn::BitCast(di, constant(rounder)));
  const auto half = hn::ShiftRight<1>(n);
  const auto one = hn::BitCast(di, constant(1.0F));
  const V first = hn::BitCast(Tag(), hn::Add(hn::ShiftLeft<23>(half), one));
  const V second = hn::BitCast(Tag(), hn::Add(hn::ShiftLeft<23>(hn::Sub(n, half)), one));
  return hn::Mul(hn::Mul(p, first), second);
#endif
}

/// e^r - 1 for |r| <= ln 2 / 2, to 2^-31 of itself before rounding.
HWY_INLINE V exp_minus_one_reduced(V r) {
  const V r2 = hn::Mul(r, r);
  const V q = polynomial(r, r2, 0.5F, 0.16666666F, 0.041666485F, 0.008333541F, 0.0013933228F, 0.00019766994F);
  return hn::MulAdd(r2, q, r);
}

/// e^r for |r| <= ln 2 / 2, to 2^-28.
HWY_INLINE V exp_reduced(V r) {
  const V r2 = hn::Mul(r, r);
  const V q = polynomial(r, r2, 0.5F, 0.16666514F, 0.04166642F, 0.008369527F, 0.0013939298F);
  return hn::Add(hn::MulAdd(r2, q, r), constant(1.0F));
}

/// e^x for x <= 90; a subnormal result is rounded once.
HWY_INLINE V exp_bounded(V x) {
  const Reduced it = reduce(at_least(x, -105.0F)); // beyond it 0
  return scale(exp_reduced(it.r), it.n_bits);
}

/// e^x for every x, 0 and infinity at their thresholds.
HWY_INLINE V exp(V x) { return exp_bounded(at_most(x, 90.0F)); }

/// e^x - 1 = 2 (2^(n-1) (e^r - 1) + 2^(n-1) - 1/2), which is exact in e^r - 1 where n is 0, and holds up to n = 128.
HWY_INLINE V exp_minus_one(V x) {
  const Int di;
  const Reduced it = reduce(at_least(at_most(x, 89.0F), -20.0F)); // beyond them infinity, -1
  const V half_scale = power_of_two(hn::BitCast(Tag(), hn::Sub(hn::BitCast(di, it.n_bits), hn::Set(di, 1))));
  const V half = hn::MulAdd(half_scale, exp_minus_one_reduced(it.r), hn::Sub(half_scale, constant(0.5F)));
  return hn::CopySign(hn::Add(half, half), x);
}

/// k ln 2 + log(1 + m) for -1/3 <= m <= 1/2 and an integer k, to 2^-27.7 before rounding.
HWY_INLINE V log_reduced(V m, V k) {
  const V m2 = hn::Mul(m, m);
  const V q = polynomial(m, m2, 0.33333266F, -0.25000197F, 0.20005518F, -0.16662592F, 0.14149073F, -0.124255404F,
                         0.12382041F, -0.11878502F, 0.06061404F);
  V low = hn::Mul(k, constant(ln2_low));
  low = hn::MulAdd(hn::Mul(m2, m), q, low);
  low = hn::NegMulAdd(constant(0.5F), m2, low);
  return hn::MulAdd(k, constant(ln2_high), hn::Add(m, low));
}

/// log x for every x: -infinity at 0, nan below it.
HWY_INLINE V log(V x) {
  const Tag d;
  const Int di;
  const auto subnormal = hn::Lt(x, constant(std::numeric_limits<float>::min()));
  const V normal = hn::IfThenElse(subnormal, hn::Mul(x, constant(8388608.0F)), x); // 2^23
  // x = 2^k f with 2/3 <= f < 4/3: k from the distance of the bits.
  const auto bits = hn::BitCast(di, normal);
  const auto k = hn::ShiftRight<23>(hn::Sub(bits, hn::BitCast(di, constant(0.6666667F))));
  const V f = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(k)));
  const V exponent = hn::Sub(hn::ConvertTo(d, k), hn::IfThenElseZero(subnormal, constant(23.0F)));
  V y = log_reduced(hn::Sub(f, constant(1.0F)), exponent);
  y = hn::IfThenElse(hn::Lt(x, constant(infinity)), y, x); // infinity and nan stay
  y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), constant(-infinity), y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), constant(std::numeric_limits<float>::quiet_NaN()), y);
}

/// 1 / (1 + e^-x). With e = e^-|x| nothing overflows: 1 / (1 + e) above 0, e / (1 + e) below.
HWY_INLINE V sigmoid(V x) {
  const V e = exp_bounded(negative(x));
  const V one = constant(1.0F);
  const V sum = hn::Add(one, e), dropped = hn::Sub(e, hn::Sub(sum, one));
  const V quotient = hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(Tag())), e, one), sum);
  // What the sum dropped matters most where it is near 1, and is there the quotient's relative error.
  return hn::NegMulAdd(quotient, dropped, quotient);
}

/// tanh |x| = (1 - e) / (1 + e) with e = e^(-2|x|) = 2^n (1 - 2 p): 1 - 2^n and 1 + 2^n are exact, so that
/// numerator and denominator are each rounded once, and nothing cancels. p = (1 - e^(-2h)) / 2 for
/// |h| <= ln 2 / 4; one part of ln 2 is enough, for where n is large e is small.
HWY_INLINE V tanh(V x) {
  const V one = constant(1.0F), magnitude = at_most(hn::Abs(x), 10.0F); // tanh 10 rounds to 1
  const V n_bits = hn::MulAdd(magnitude, constant(-2.88539008F), constant(rounder));
  const V h = hn::MulAdd(hn::Sub(n_bits, constant(rounder)), constant(0.34657359F), magnitude), h2 = hn::Mul(h, h);
  const V q = polynomial(h, h2, -2 * 0.5F, 4 * 0.16666666F, -8 * 0.041666485F, 16 * 0.008333541F, -32 * 0.0013933228F,
                         64 * 0.00019766994F);
  const V p = hn::MulAdd(h2, q, h), two_n = power_of_two(n_bits), twice = hn::Add(two_n, two_n);
  const V numerator = hn::MulAdd(twice, p, hn::Sub(one, two_n));
  const V denominator = hn::NegMulAdd(twice, p, hn::Add(one, two_n));
  return hn::CopySign(hn::Div(numerator, denominator), x);
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
HWY_INLINE V softplus(V x) {
  const V one = constant(1.0F);
  const V e = exp_bounded(negative(x));
  // 1 + e = 2 (1 + m) above 1.5, where e - 1 is exact.
  const auto high = hn::Gt(e, constant(0.5F));
  const V m = hn::IfThenElse(high, hn::Mul(constant(0.5F), hn::Sub(e, one)), e);
  const V rest = log_reduced(m, hn::IfThenElseZero(high, one));
  return hn::Add(at_least(x, 0.0F), rest);
}

/// erf x for |x| <= 1: x (1 + P(x^2)).
HWY_INLINE V erf_near(V x) {
  const V x2 = hn::Mul(x, x);
  return hn::MulAdd(x,
                    polynomial(x2, hn::Mul(x2, x2), 0.12837917F, -0.37612626F, 0.11283581F, -0.026853547F,
                               0.0051877405F, -0.0008004633F, 7.8346995e-05F),
                    x);
}

/// erf x: above 1 it is 1 - e^-Q(x), where Q = -log(erfc).
HWY_INLINE V erf(V x) {
  const V magnitude = hn::Abs(x), near = erf_near(magnitude);
  const V inside = at_most(magnitude, 3.93F); // erf 3.93 rounds to 1
  const V q = polynomial(inside, hn::Mul(inside, inside), -0.000188475F, 1.1295804F, 0.6332162F, 0.10842237F,
                         -0.02521054F, 0.004205367F, -0.00044148986F, 2.1699036e-05F);
  const Reduced it = reduce(hn::Neg(q));
  const V far = hn::NegMulAdd(exp_reduced(it.r), power_of_two(it.n_bits), constant(1.0F));
  return hn::CopySign(hn::IfThenElse(hn::Lt(magnitude, constant(1.0F)), near, far), x);
}

/// The share of normal numbers below x: (1 + erf(x / sqrt 2)) / 2 within 1 of 0. Beyond, where that would cancel, it is
/// of x = -z e^(-z^2 / 2) P((z - 3.5) / (z + 3.5)) / (1 + 2 z), and of x = z 1 less that. e^ would magnify what z^2
/// rounds off, so that is kept: with h, z to 12 bits, z^2 is h^2, which is exact, and (z + h) (z - h).
HWY_INLINE V normal_cdf(V x) {
  const Tag d;
  const Int di;
  const V one = constant(1.0F), half = constant(0.5F), middle = constant(3.5F);
  const V near = hn::MulAdd(half, erf_near(hn::Mul(x, constant(0.70710678F))), half);
  const V z = at_most(hn::Abs(x), 14.25F); // below -14.2 it rounds to 0
  const V t = hn::Div(hn::Sub(z, middle), hn::Add(z, middle));
  const V p =
      polynomial(t, hn::Mul(t, t), 0.850761235F, -0.00828539766F, -0.124281354F, 0.13773331F, -0.0795819983F,
                 0.0223326012F, 0.00193857425F, -0.00326384651F, 6.36433542e-05F, 0.00046365289F, 8.0223479e-05F);
  const V h = hn::BitCast(d, hn::And(hn::BitCast(di, z), hn::Set(di, ~0xFFF)));
  const V high = hn::Mul(half, hn::Mul(h, h)), low = hn::Mul(half, hn::Mul(hn::Add(z, h), hn::Sub(z, h)));
  const V power = hn::Add(high, low), lost = hn::Sub(low, hn::Sub(power, high));
  const V e = exp_bounded(hn::Neg(power));
  const V tail = hn::Mul(hn::NegMulAdd(e, lost, e), hn::Div(p, hn::MulAdd(constant(2.0F), z, one)));
  const V far = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(one, tail), tail);
  return hn::IfThenElse(hn::Ge(z, one), far, near); // nan is near, so that its sign stays
}

#if HWY_HAVE_FLOAT64
#if HWY_TARGET == HWY_SCALAR // one lane: there is no half of it
using HalfTag = Tag;
#else
using HalfTag = hn::Half<Tag>;
#endif
using DoubleTag = hn::Rebind<double, HalfTag>;
using HalfV = hn::Vec<HalfTag>;
using DoubleV = hn::Vec<DoubleTag>;

HWY_INLINE DoubleV constant_double(double value) { return hn::Set(DoubleTag(), value); }
HWY_INLINE DoubleV polynomial_double(DoubleV, double c) { return constant_double(c); }
template <class... Rest> HWY_INLINE DoubleV polynomial_double(DoubleV x, double c, Rest... rest) {
  return hn::MulAdd(polynomial_double(x, rest...), x, constant_double(c));
}

/// |x|^y = e^(y log |x|) in double, so that the product's error stays below float's rounding.
HWY_INLINE HalfV power_of_magnitude(HalfV magnitude, HalfV exponent) {
  const DoubleTag d;
  const hn::RebindToUnsigned<DoubleTag> du;
  const DoubleV one = constant_double(1.0), zero = hn::Zero(d);
  const DoubleV x = hn::PromoteTo(d, magnitude), y = hn::PromoteTo(d, exponent);

  // x = 2^k f with 2/3 <= f < 4/3; log f = 2 (s + s^3/3 + s^5/5 + ...), s = (f - 1) / (f + 1) <= 1/5.
  const auto bits = hn::BitCast(du, x);
  const auto shift = hn::Set(du, 0x3FF0000000000000U - 0x3FE5555555555555U); // bits of 1 less bits of 2/3
  const auto biased = hn::ShiftRight<52>(hn::Add(bits, shift));              // k + 1023
  const auto f_bits = hn::Sub(hn::Add(bits, hn::Set(du, 0x3FF0000000000000U)), hn::ShiftLeft<52>(biased));
  const double double_rounder = 6755399441055744.0; // 1.5 * 2^52: its low bits count integers
  const DoubleV k = hn::Sub(hn::BitCast(d, hn::Add(biased, hn::BitCast(du, constant_double(double_rounder)))),
                            constant_double(double_rounder + 1023));
  const DoubleV f = hn::BitCast(d, f_bits);
  const DoubleV s = hn::Div(hn::Sub(f, one), hn::Add(f, one)), s2 = hn::Mul(s, s);
  const DoubleV series = polynomial_double(s2, 1.0, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15);
  const double ln2 = 0.693147180559945309417;
  DoubleV log_x = hn::MulAdd(k, constant_double(ln2), hn::Mul(hn::Add(s, s), series));
  log_x = hn::IfThenElse(hn::Lt(x, constant_double(std::numeric_limits<double>::infinity())), log_x, x);
  log_x = hn::IfThenElse(hn::Eq(x, zero), constant_double(-std::numeric_limits<double>::infinity()), log_x);

  // An exponent of 0, like a magnitude of 1, gives 1 whatever the other is.
  DoubleV z = hn::IfThenElseZero(hn::Not(hn::Or(hn::Eq(log_x, zero), hn::Eq(y, zero))), hn::Mul(y, log_x));
  z = hn::IfThenElse(hn::IsNaN(log_x), log_x, z); // of two nans always the first, however the product was compiled
  const auto beyond = hn::Gt(hn::Abs(z), constant_double(120)); // beyond float on both sides
  z = hn::IfThenElse(beyond, hn::CopySign(constant_double(120), z), z);
  const DoubleV n_bits = hn::MulAdd(z, constant_double(1 / ln2), constant_double(double_rounder));
  const DoubleV r = hn::NegMulAdd(hn::Sub(n_bits, constant_double(double_rounder)), constant_double(ln2), z);
  const DoubleV p = polynomial_double(r, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
                                      1.0 / 40320, 1.0 / 362880, 1.0 / 3628800);
  const auto two_n = hn::Add(hn::ShiftLeft<52>(hn::BitCast(du, n_bits)), hn::BitCast(du, one));
  const DoubleV result = hn::Mul(p, hn::BitCast(d, two_n));
#if HWY_TARGET == HWY_SCALAR // its DemoteTo stops at the largest float
  return hn::Set(HalfTag(), static_cast<float>(hn::GetLane(result)));
#else
  return hn::DemoteTo(HalfTag(), result);
#endif
}

/// x^y with the special cases of C's pow (C17 F.10.4.4).
HWY_INLINE V power(V x, V y) {
  const Tag d;
  const V magnitude = hn::Abs(x);
#if HWY_TARGET == HWY_SCALAR
  const V z = power_of_magnitude(magnitude, y);
#else
  const HalfTag half;
  const V z = hn::Combine(d, power_of_magnitude(hn::UpperHalf(half, magnitude), hn::UpperHalf(half, y)),
                          power_of_magnitude(hn::LowerHalf(half, magnitude), hn::LowerHalf(half, y)));
#endif
  const V half_y = hn::Mul(y, constant(0.5F));
  const auto integer = hn::Eq(hn::Round(y), y);
  const auto odd = hn::And(integer, hn::Ne(hn::Round(half_y), half_y));
  const V one = constant(1.0F);
  V result = hn::IfThenElse(odd, hn::CopySign(z, x), z);
  const auto no_root = hn::And(hn::And(hn::Lt(x, hn::Zero(d)), hn::Gt(x, constant(-infinity))), hn::Not(integer));
  result = hn::IfThenElse(no_root, constant(std::numeric_limits<float>::quiet_NaN()), result);
  return hn::IfThenElse(hn::Or(hn::Eq(x, one), hn::Eq(y, hn::Zero(d))), one, result);
}
#endif

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

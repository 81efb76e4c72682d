#include "kernels/pointwise.h"

#include <cmath>
#include <cstring>

#include "core/math.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise.cpp"
#include <hwy/foreach_target.h>

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

// out[i] = f(in[0][i], ...) for all i. The last, partial vector goes through a copy, so that nothing
// outside the arrays is touched and every element meets the same vector code.
template <int Inputs, class F> HWY_INLINE void map(const float* const* in, float* out, int64_t n, F f) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = int64_t(hn::Lanes(d));
  const auto apply = [&](const float* a, const float* b, const float* c) {
    if constexpr (Inputs == 1)
      return f(d, hn::LoadU(d, a));
    else if constexpr (Inputs == 2)
      return f(d, hn::LoadU(d, a), hn::LoadU(d, b));
    else
      return f(d, hn::LoadU(d, a), hn::LoadU(d, b), hn::LoadU(d, c));
  };
  const float *a = in[0], *b = Inputs > 1 ? in[1] : nullptr, *c = Inputs > 2 ? in[2] : nullptr;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(apply(a + i, b + i, c + i), d, out + i);
  if (i == n) return;
  float rest[3][HWY_MAX_BYTES / sizeof(float)] = {}, result[HWY_MAX_BYTES / sizeof(float)];
  for (int k = 0; k < Inputs; ++k) std::memcpy(rest[k], in[k] + i, size_t(n - i) * sizeof(float));
  hn::StoreU(apply(rest[0], rest[1], rest[2]), d, result);
  std::memcpy(out + i, result, size_t(n - i) * sizeof(float));
}

template <class D, class M> HWY_INLINE hn::Vec<D> one_where(D d, M mask) { return hn::IfThenElseZero(mask, hn::Set(d, 1.0f)); }

#define VITRO_MAP(name, inputs, parameters, expression)                                    \
  void name(const float* const* in, float* out, int64_t n, const float* params) {         \
    (void)params;                                                                          \
    map<inputs>(in, out, n, [&](auto d, VITRO_UNPACK parameters) { (void)d; return expression; }); \
  }
#define VITRO_UNPACK(...) __VA_ARGS__

VITRO_MAP(add, 2, (auto a, auto b), hn::Add(a, b))
VITRO_MAP(subtract, 2, (auto a, auto b), hn::Sub(a, b))
VITRO_MAP(multiply, 2, (auto a, auto b), hn::Mul(a, b))
VITRO_MAP(divide, 2, (auto a, auto b), hn::Div(a, b))
VITRO_MAP(negate, 1, (auto x), hn::Neg(x))
VITRO_MAP(absolute, 1, (auto x), hn::Abs(x))
VITRO_MAP(sign, 1, (auto x), hn::Sub(one_where(d, hn::Gt(x, hn::Zero(d))), one_where(d, hn::Lt(x, hn::Zero(d)))))
VITRO_MAP(square, 1, (auto x), hn::Mul(x, x))
VITRO_MAP(square_root, 1, (auto x), hn::Sqrt(x))
VITRO_MAP(exponential, 1, (auto x), exp_of(d, x))
VITRO_MAP(logarithm, 1, (auto x), log_of(d, x))
// Written with comparisons: the hardware's max keeps a nan on one side only.
VITRO_MAP(maximum, 2, (auto a, auto b), hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b))
VITRO_MAP(minimum, 2, (auto a, auto b), hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b))
VITRO_MAP(equal, 2, (auto a, auto b), one_where(d, hn::Eq(a, b)))
VITRO_MAP(not_equal, 2, (auto a, auto b), hn::IfThenElse(hn::Eq(a, b), hn::Zero(d), hn::Set(d, 1.0f)))
VITRO_MAP(less, 2, (auto a, auto b), one_where(d, hn::Lt(a, b)))
VITRO_MAP(less_equal, 2, (auto a, auto b), one_where(d, hn::Le(a, b)))
VITRO_MAP(greater, 2, (auto a, auto b), one_where(d, hn::Gt(a, b)))
VITRO_MAP(greater_equal, 2, (auto a, auto b), one_where(d, hn::Ge(a, b)))
VITRO_MAP(where, 3, (auto c, auto a, auto b), hn::IfThenElse(hn::Eq(c, hn::Zero(d)), b, a))
VITRO_MAP(step, 1, (auto x), one_where(d, hn::Gt(x, hn::Zero(d))))
VITRO_MAP(relu, 1, (auto x), hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x))
VITRO_MAP(leaky_relu, 1, (auto x), hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(hn::Set(d, params[0]), x)))
VITRO_MAP(sigmoid, 1, (auto x), sigmoid_of(d, x))
VITRO_MAP(hyperbolic_tangent, 1, (auto x), tanh_of(d, x))
VITRO_MAP(softplus, 1, (auto x), softplus_of(d, x))
VITRO_MAP(error_function, 1, (auto x), erf_of(d, x))
#undef VITRO_MAP
#undef VITRO_UNPACK

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {
namespace {

// x^y with C's rules for signs and edges; in double, so the float is the nearest but for rare ties.
float power_of(float x, float y) {
  if (y == 0 || x == 1) return 1;
  if (std::isnan(x) || std::isnan(y)) return x + y;
  const bool whole = y == std::nearbyint(y), odd = whole && std::fabs(y) < 0x1p24f && std::fmod(y, 2.0f) != 0;
  const float size = std::fabs(x);
  if (std::isinf(y)) return size == 1 ? 1 : (size > 1) == (y > 0) ? INFINITY : 0;
  float out;
  if (size == 0 || std::isinf(size))
    out = (size == 0) == (y > 0) ? 0 : INFINITY;
  else if (x < 0 && !whole)
    return NAN;
  else
    out = float(math::pow(size, y));
  return x < 0 || (x == 0 && std::signbit(x)) ? (odd ? -out : out) : out;
}

} // namespace

void power(const float* const* in, float* out, int64_t n, const float*) {
  for (int64_t i = 0; i < n; ++i) out[i] = power_of(in[0][i], in[1][i]);
}

#define VITRO_EXPORT(name)                                                           \
  HWY_EXPORT(name);                                                                  \
  void name(const float* const* in, float* out, int64_t n, const float* params) {   \
    HWY_DYNAMIC_DISPATCH(name)(in, out, n, params);                                  \
  }
VITRO_EXPORT(add)
VITRO_EXPORT(subtract)
VITRO_EXPORT(multiply)
VITRO_EXPORT(divide)
VITRO_EXPORT(negate)
VITRO_EXPORT(absolute)
VITRO_EXPORT(sign)
VITRO_EXPORT(square)
VITRO_EXPORT(square_root)
VITRO_EXPORT(exponential)
VITRO_EXPORT(logarithm)
VITRO_EXPORT(maximum)
VITRO_EXPORT(minimum)
VITRO_EXPORT(equal)
VITRO_EXPORT(not_equal)
VITRO_EXPORT(less)
VITRO_EXPORT(less_equal)
VITRO_EXPORT(greater)
VITRO_EXPORT(greater_equal)
VITRO_EXPORT(where)
VITRO_EXPORT(step)
VITRO_EXPORT(relu)
VITRO_EXPORT(leaky_relu)
VITRO_EXPORT(sigmoid)
VITRO_EXPORT(hyperbolic_tangent)
VITRO_EXPORT(softplus)
VITRO_EXPORT(error_function)
#undef VITRO_EXPORT

} // namespace vitro::kernels
#endif

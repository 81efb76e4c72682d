// The elementwise kernels: one formula each, one loop for all of them.
//
// This file is compiled once per instruction set; a call goes through a table to the best one.
#include "kernels/pointwise.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise.cpp"
#include "hwy/foreach_target.h"

#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

// Vectors on their way at once: one alone waits for its own latency most of the time. The compiler
// interleaves them (CMakeLists.txt tells it to).
inline constexpr int64_t abreast = 4;

// out[i] = formula(in[i]...). The last elements go through the same formula as all others, in a vector
// that is only partly loaded and stored. Reading the inputs before the store allows out to be one of them.
template <class Formula, class... In> HWY_INLINE void each(float* out, int64_t n, Formula formula, const In*... in) {
  const Tag d;
  int64_t i = 0;
  for (; i + abreast * lanes <= n; i += abreast * lanes) {
    V y[abreast];
#pragma GCC unroll 4
    for (int64_t v = 0; v < abreast; ++v) y[v] = formula(hn::LoadU(d, in + i + v * lanes)...);
#pragma GCC unroll 4
    for (int64_t v = 0; v < abreast; ++v) hn::StoreU(y[v], d, out + i + v * lanes);
  }
  for (; i + lanes <= n; i += lanes) hn::StoreU(formula(hn::LoadU(d, in + i)...), d, out + i);
  if (i < n) store_first(formula(load_first(in + i, n - i)...), out + i, n - i);
}

HWY_INLINE V one_where(hn::Mask<Tag> condition) { return hn::IfThenElseZero(condition, constant(1.0F)); }

#define VITRO_UNARY(name, formula)                                                                                     \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    each(                                                                                                              \
        out, n, [](V x) HWY_ATTR __attribute__((always_inline)) { return formula; }, in[0]);                           \
  }
#define VITRO_BINARY(name, formula)                                                                                    \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    each(                                                                                                              \
        out, n, [](V a, V b) HWY_ATTR __attribute__((always_inline)) { return formula; }, in[0], in[1]);               \
  }

VITRO_BINARY(add, hn::Add(a, b))
VITRO_BINARY(subtract, hn::Sub(a, b))
VITRO_BINARY(multiply, hn::Mul(a, b))
VITRO_BINARY(divide, hn::Div(a, b))
VITRO_UNARY(negate, hn::Neg(x))
VITRO_UNARY(absolute, hn::Abs(x))
VITRO_UNARY(sign, hn::Sub(one_where(hn::Gt(x, hn::Zero(Tag()))), one_where(hn::Lt(x, hn::Zero(Tag())))))
VITRO_UNARY(square, hn::Mul(x, x))
VITRO_UNARY(square_root, hn::Sqrt(x))
VITRO_UNARY(exponential, exp(x))
VITRO_UNARY(logarithm, log(x))
VITRO_BINARY(power, power(a, b))
VITRO_BINARY(maximum, larger(a, b))
VITRO_BINARY(minimum, smaller(a, b))
VITRO_BINARY(equal, one_where(hn::Eq(a, b)))
VITRO_BINARY(not_equal, hn::IfThenZeroElse(hn::Eq(a, b), constant(1.0F))) // nan differs from all, Ne says no
VITRO_BINARY(less, one_where(hn::Lt(a, b)))
VITRO_BINARY(less_equal, one_where(hn::Le(a, b)))
VITRO_BINARY(greater, one_where(hn::Gt(a, b)))
VITRO_BINARY(greater_equal, one_where(hn::Ge(a, b)))
VITRO_UNARY(step, one_where(hn::Gt(x, hn::Zero(Tag()))))
VITRO_UNARY(relu, hn::IfThenElse(hn::Lt(x, hn::Zero(Tag())), hn::Zero(Tag()), x))
VITRO_UNARY(sigmoid, sigmoid(x))
VITRO_UNARY(hyperbolic_tangent, tanh(x))
VITRO_UNARY(softplus, softplus(x))
VITRO_UNARY(error_function, erf(x))
VITRO_UNARY(normal_integral, normal_cdf(x))
VITRO_UNARY(exponential_minus_one, exp_minus_one(x))

void where_loop(const float* const* in, float* out, int64_t n, const float*) {
  each(
      out, n, [](V c, V a, V b) HWY_ATTR __attribute__((always_inline)) {
        return hn::IfThenElse(hn::Eq(c, hn::Zero(Tag())), b, a);
      },
      in[0], in[1], in[2]);
}

void leaky_relu_loop(const float* const* in, float* out, int64_t n, const float* params) {
  const V slope = constant(params[0]);
  each(
      out, n,
      [slope](V x) HWY_ATTR
      __attribute__((always_inline)) { return hn::IfThenElse(hn::Gt(x, hn::Zero(Tag())), x, hn::Mul(slope, x)); },
      in[0]);
}

#define VITRO_SCALED(name, formula)                                                                                    \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    const V a = constant(in[2][0]);                                                                                    \
    each(                                                                                                              \
        out, n, [a](V x, V z) HWY_ATTR __attribute__((always_inline)) { return formula; }, in[0], in[1]);              \
  }
#define VITRO_MIX(name, what)                                                                                          \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    const V a = constant(in[2][0]), b = constant(in[3][0]);                                                            \
    each(                                                                                                              \
        out, n, [ a, b ](V x, V z) HWY_ATTR __attribute__((always_inline)) {                                           \
          return hn::Add(hn::Mul(a, x), hn::Mul(b, what));                                                             \
        },                                                                                                             \
        in[0], in[1]);                                                                                                 \
  }

VITRO_SCALED(add_scaled, hn::Add(x, hn::Mul(a, z)))
VITRO_SCALED(subtract_scaled, hn::Sub(x, hn::Mul(a, z)))
VITRO_MIX(mix, z)
VITRO_MIX(mix_square, hn::Mul(z, z))

void normalised_step_loop(const float* const* in, float* out, int64_t n, const float*) {
  const V a = constant(in[3][0]), b = constant(in[4][0]), e = constant(in[5][0]);
  each(
      out, n, [ a, b, e ](V x, V m, V v) HWY_ATTR __attribute__((always_inline)) {
        return hn::Sub(x, hn::Div(hn::Mul(a, m), hn::Add(hn::Mul(hn::Sqrt(v), b), e)));
      },
      in[0], in[1], in[2]);
}

#undef VITRO_SCALED
#undef VITRO_MIX
#undef VITRO_UNARY
#undef VITRO_BINARY

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {

#define VITRO_KERNEL(name)                                                                                             \
  VITRO_TARGETS(name##_loop);                                                                                          \
  void name(const float* const* in, float* out, int64_t n, const float* params) {                                      \
    VITRO_DISPATCH(name##_loop)(in, out, n, params);                                                                   \
  }

VITRO_KERNEL(add)
VITRO_KERNEL(subtract)
VITRO_KERNEL(multiply)
VITRO_KERNEL(divide)
VITRO_KERNEL(negate)
VITRO_KERNEL(absolute)
VITRO_KERNEL(sign)
VITRO_KERNEL(square)
VITRO_KERNEL(square_root)
VITRO_KERNEL(exponential)
VITRO_KERNEL(logarithm)
VITRO_KERNEL(power)
VITRO_KERNEL(maximum)
VITRO_KERNEL(minimum)
VITRO_KERNEL(equal)
VITRO_KERNEL(not_equal)
VITRO_KERNEL(less)
VITRO_KERNEL(less_equal)
VITRO_KERNEL(greater)
VITRO_KERNEL(greater_equal)
VITRO_KERNEL(where)
VITRO_KERNEL(step)
VITRO_KERNEL(relu)
VITRO_KERNEL(leaky_relu)
VITRO_KERNEL(sigmoid)
VITRO_KERNEL(hyperbolic_tangent)
VITRO_KERNEL(softplus)
VITRO_KERNEL(error_function)
VITRO_KERNEL(normal_integral)
VITRO_KERNEL(exponential_minus_one)
VITRO_KERNEL(add_scaled)
VITRO_KERNEL(subtract_scaled)
VITRO_KERNEL(mix)
VITRO_KERNEL(mix_square)
VITRO_KERNEL(normalised_step)
#undef VITRO_KERNEL

} // namespace vitro::kernels
#endif

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

// The last elements go through the same formula as all others, in a vector that is only partly
// loaded and stored. Reading all inputs of a vector before its store allows out to be an input.
template <class Formula> HWY_INLINE void each(const float* a, float* out, int64_t n, Formula formula) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(formula(hn::LoadU(d, a + i)), d, out + i);
  if (i < n) store_first(formula(load_first(a + i, n - i)), out + i, n - i);
}

template <class Formula> HWY_INLINE void each(const float* a, const float* b, float* out, int64_t n, Formula formula) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(formula(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  if (i < n) store_first(formula(load_first(a + i, n - i), load_first(b + i, n - i)), out + i, n - i);
}

template <class Formula>
HWY_INLINE void each(const float* a, const float* b, const float* c, float* out, int64_t n, Formula formula) {
  const Tag d;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(formula(hn::LoadU(d, a + i), hn::LoadU(d, b + i), hn::LoadU(d, c + i)), d, out + i);
  if (i < n)
    store_first(formula(load_first(a + i, n - i), load_first(b + i, n - i), load_first(c + i, n - i)), out + i, n - i);
}

HWY_INLINE V one_where(hn::Mask<Tag> condition) { return hn::IfThenElseZero(condition, constant(1.0F)); }

#define VITRO_UNARY(name, formula)                                                                                     \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    each(                                                                                                              \
        in[0], out, n, [](V x) HWY_ATTR __attribute__((always_inline)) { return formula; });                           \
  }
#define VITRO_BINARY(name, formula)                                                                                    \
  void name##_loop(const float* const* in, float* out, int64_t n, const float*) {                                      \
    each(                                                                                                              \
        in[0], in[1], out, n, [](V a, V b) HWY_ATTR __attribute__((always_inline)) { return formula; });               \
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

void where_loop(const float* const* in, float* out, int64_t n, const float*) {
  each(
      in[0], in[1], in[2], out, n, [](V c, V a, V b) HWY_ATTR __attribute__((always_inline)) {
        return hn::IfThenElse(hn::Eq(c, hn::Zero(Tag())), b, a);
      });
}

void leaky_relu_loop(const float* const* in, float* out, int64_t n, const float* params) {
  const V slope = constant(params[0]);
  each(
      in[0], out, n, [slope](V x) HWY_ATTR __attribute__((always_inline)) {
        return hn::IfThenElse(hn::Gt(x, hn::Zero(Tag())), x, hn::Mul(slope, x));
      });
}

#undef VITRO_UNARY
#undef VITRO_BINARY

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vitro::kernels {

#define VITRO_KERNEL(name)                                                                                             \
  HWY_EXPORT(name##_loop);                                                                                             \
  void name(const float* const* in, float* out, int64_t n, const float* params) {                                      \
    HWY_DYNAMIC_DISPATCH(name##_loop)(in, out, n, params);                                                             \
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
#undef VITRO_KERNEL

} // namespace vitro::kernels
#endif

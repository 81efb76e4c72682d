// What pointwise ops share: the shape rule, and plain loops over broadcast operands.
#pragma once

#include <array>

#include "core/error.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {

/// Calls use(float{}) or use(double{}).
template <class Use> void with_float(DType dtype, Use use) {
  if (dtype == DType::f64)
    use(double{});
  else
    use(float{});
}

/// Calls use with a zero of any element type: for ops that move values without looking at them.
template <class Use> void with_any(DType dtype, Use use) {
  switch (dtype) {
    case DType::f32: return use(float{});
    case DType::f64: return use(double{});
    case DType::i32: return use(int32_t{});
    case DType::u8: return use(uint8_t{});
  }
}

/// The broadcast shape of all inputs, which share one floating element type.
inline std::vector<Type> infer_pointwise(const InferCall& call) {
  Type out = call.in[0];
  for (const Type& type : call.in) {
    if (!is_float(type.dtype)) bad_input("", text("an input is ", type, ", expected floating point"));
    if (type.dtype != out.dtype) bad_input("", text("inputs are ", out, " and ", type, ", expected one element type"));
    out.shape = broadcast(out.shape, type.shape);
  }
  return {out};
}

/// y = f(x...) or f(attrs, x...) for every element, inputs broadcast.
template <int N, class F> auto plain_pointwise(F f) {
  return [f](const PlainCall& call) {
    with_float(call.out[0].type.dtype, [&](auto zero) {
      using T = decltype(zero);
      const Shape& shape = call.out[0].type.shape;
      std::array<std::span<const T>, N> x;
      std::array<std::array<int64_t, Shape::max_rank>, N> stride;
      std::array<int64_t, N> at{};
      for (int i = 0; i < N; ++i) {
        x[i] = call.in[i].as<T>();
        stride[i] = broadcast_strides(call.in[i].type.shape, shape);
      }
      std::array<int64_t, Shape::max_rank> index{};
      for (T& y : call.out[0].as<T>()) {
        [&]<size_t... I>(std::index_sequence<I...>) {
          if constexpr (std::is_invocable_v<F, const Attrs&, decltype(I, T{})...>)
            y = f(call.attrs, x[I][size_t(at[I])]...);
          else
            y = f(x[I][size_t(at[I])]...);
        }
        (std::make_index_sequence<N>{});
        for (int axis = shape.rank() - 1; axis >= 0; --axis) { // the odometer: advance the last axis, carry
          for (int i = 0; i < N; ++i) at[i] += stride[i][axis];
          if (++index[axis] < shape[axis]) break;
          for (int i = 0; i < N; ++i) at[i] -= stride[i][axis] * shape[axis];
          index[axis] = 0;
        }
      }
    });
  };
}

template <class F> auto unary(F f) { return plain_pointwise<1>(f); }
template <class F> auto binary(F f) { return plain_pointwise<2>(f); }
template <class F> auto ternary(F f) { return plain_pointwise<3>(f); }

} // namespace vitro

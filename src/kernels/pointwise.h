// Elementwise kernels in float, vectorised, dispatched once per process to the machine's best
// instruction set.
//
// One signature for all, so that a plan can chain them tile by tile. Element i of the result
// depends on element i of the inputs alone, and has the same bits wherever it stands in the array
// and on every instruction set with fused multiply-add. `out` may be one of the inputs.
// Errors against the true value, over the whole range with its subnormals: exp, log, tanh, sigmoid,
// softplus, erf, exp - 1 at most 2 ulp (measured: 1.05, 0.84, 1.94, 1.97, 1.64, 1.18, 1.40), the normal integral 5
// (4.61: a product of three), power 0.51 (computed in double); the rest is correctly rounded. Of equals (0 and -0)
// `maximum` and `minimum` give the second.
#pragma once

#include <cstdint>

namespace vitro::kernels {

/// out[i] = f(in[0][i], in[1][i], ...; params), for i = 0 .. n-1.
using Pointwise = void (*)(const float* const* in, float* out, int64_t n, const float* params);

#define VITRO_POINTWISE(name) void name(const float* const* in, float* out, int64_t n, const float* params)
VITRO_POINTWISE(add);
VITRO_POINTWISE(subtract);
VITRO_POINTWISE(multiply);
VITRO_POINTWISE(divide);
VITRO_POINTWISE(negate);
VITRO_POINTWISE(absolute);
VITRO_POINTWISE(sign);
VITRO_POINTWISE(square);
VITRO_POINTWISE(square_root);
VITRO_POINTWISE(exponential);
VITRO_POINTWISE(logarithm);
VITRO_POINTWISE(power);   // x^y as C's pow
VITRO_POINTWISE(maximum); // nan if either is
VITRO_POINTWISE(minimum);
VITRO_POINTWISE(equal); // comparisons give 1 or 0
VITRO_POINTWISE(not_equal);
VITRO_POINTWISE(less);
VITRO_POINTWISE(less_equal);
VITRO_POINTWISE(greater);
VITRO_POINTWISE(greater_equal);
VITRO_POINTWISE(where);      // in[0] != 0 ? in[1] : in[2]
VITRO_POINTWISE(step);       // x > 0 ? 1 : 0
VITRO_POINTWISE(relu);       // max(x, 0); nan stays nan
VITRO_POINTWISE(leaky_relu); // x > 0 ? x : params[0] x
VITRO_POINTWISE(sigmoid);    // 1 / (1 + e^-x)
VITRO_POINTWISE(hyperbolic_tangent);
VITRO_POINTWISE(softplus); // log(1 + e^x)
VITRO_POINTWISE(error_function);
VITRO_POINTWISE(normal_integral);       // the share of normal numbers below x
VITRO_POINTWISE(exponential_minus_one); // e^x - 1
// Updates: behind the tensors come scalars, of which the first element is read.
VITRO_POINTWISE(add_scaled);      // x + a z
VITRO_POINTWISE(subtract_scaled); // x - a z
VITRO_POINTWISE(mix);             // a x + b z
VITRO_POINTWISE(mix_square);      // a x + b z^2
VITRO_POINTWISE(normalised_step); // x - a m / (b sqrt(v) + e)
#undef VITRO_POINTWISE

} // namespace vitro::kernels

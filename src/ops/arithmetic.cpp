// Elementwise arithmetic.
#include <cmath>

#include "kernels/pointwise.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {-1.5, -0.5, 0.25, 0.75, 1.5, 2}};
const Tensor row{Shape{3}, {0.5, -2, 3}};
const Tensor positive{Shape{2, 3}, {0.1, 0.5, 1, 1.5, 2, 4}};
const Tensor positive_row{Shape{3}, {0.5, 2, 3}};

Var like(const Var& dx, const Var& x) { return sum_to(dx, x.shape()); }

} // namespace

const Op add_op{
    .name = "add", .formula = "y = a + b", .doc = "Adds elementwise.",
    .traits = pointwise, .args = {"a", "b"}, .rules = {"da = dy", "db = dy"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a + b; }),
    .grad = [](const GradOf& g) { return std::vector{like(g.dy, g.xs[0]), like(g.dy, g.xs[1])}; },
    .vector = kernels::add, .onnx = "Add", .examples = {{.in = {some, row}}}};

const Op subtract_op{
    .name = "subtract", .formula = "y = a - b", .doc = "Subtracts elementwise.",
    .traits = pointwise, .args = {"a", "b"}, .rules = {"da = dy", "db = -dy"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a - b; }),
    .grad = [](const GradOf& g) { return std::vector{like(g.dy, g.xs[0]), like(-g.dy, g.xs[1])}; },
    .vector = kernels::subtract, .onnx = "Sub", .examples = {{.in = {some, row}}}};

const Op multiply_op{
    .name = "multiply", .formula = "y = a b", .doc = "Multiplies elementwise (Hadamard's product).",
    .traits = pointwise, .args = {"a", "b"}, .rules = {"da = dy b", "db = dy a"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a * b; }),
    .grad = [](const GradOf& g) { return std::vector{like(g.dy * g.xs[1], g.xs[0]), like(g.dy * g.xs[0], g.xs[1])}; },
    .vector = kernels::multiply, .onnx = "Mul", .examples = {{.in = {some, row}}}};

const Op divide_op{
    .name = "divide", .formula = "y = a / b", .doc = "Divides elementwise.",
    .traits = pointwise, .args = {"a", "b"}, .rules = {"da = dy / b", "db = -dy y / b"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a / b; }),
    .grad = [](const GradOf& g) {
      const Var da = g.dy / g.xs[1];
      return std::vector{like(da, g.xs[0]), like(-da * g.y, g.xs[1])};
    },
    .vector = kernels::divide, .onnx = "Div", .examples = {{.in = {some, row}}}};

const Op negate_op{
    .name = "negate", .formula = "y = -x", .doc = "Changes the sign.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = -dy"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return -x; }),
    .grad = [](const GradOf& g) { return std::vector{-g.dy}; },
    .vector = kernels::negate, .onnx = "Neg", .examples = {{.in = {some}}}};

const Op square_op{
    .name = "square", .formula = "y = x^2", .doc = "The square of each value.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy 2 x"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return x * x; }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * (2 * g.x)}; },
    .vector = kernels::square, .examples = {{.in = {some}}}};

const Op sqrt_op{
    .name = "sqrt", .formula = "y = sqrt(x)", .doc = "The square root; nan below 0.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy / (2 y)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::sqrt(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy / (2 * g.y)}; },
    .vector = kernels::square_root, .onnx = "Sqrt", .examples = {{.in = {positive}}}};

const Op exp_op{
    .name = "exp", .formula = "y = exp(x)", .doc = "e to the power of each value.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy y"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::exp(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * g.y}; },
    .vector = kernels::exponential, .onnx = "Exp", .examples = {{.in = {some}}}};

const Op log_op{
    .name = "log", .formula = "y = log(x)", .doc = "The natural logarithm; log(0) is minus infinity, nan below 0.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy / x"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::log(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy / g.x}; },
    .vector = kernels::logarithm, .onnx = "Log", .examples = {{.in = {positive}}}};

const Op power_op{
    .name = "power", .formula = "y = a^b",
    .doc = "a to the power of b; nan for a negative a and a b that is not whole.",
    .traits = pointwise, .args = {"a", "b"}, .rules = {"da = dy b a^(b-1)", "db = dy y log(a)"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return std::pow(a, b); }),
    .grad = [](const GradOf& g) {
      const Var &a = g.xs[0], &b = g.xs[1];
      return std::vector{like(g.dy * (b * pow(a, b - 1)), a), like(g.dy * (g.y * log(a)), b)};
    },
    .vector = kernels::power, .onnx = "Pow", .examples = {{.in = {positive, positive_row}}}};

const Op abs_op{
    .name = "abs", .formula = "y = |x|", .doc = "The absolute value; the slope at 0 is taken as 0.",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy sign(x)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::fabs(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * sign(g.x)}; },
    .vector = kernels::absolute, .onnx = "Abs", .examples = {{.in = {some}}}};

const Op sign_op{
    .name = "sign", .formula = "y = sign(x)", .doc = "-1, 0 or 1; its slope is 0.",
    .traits = pointwise | kinked | constant_slope, .args = {"x"}, .rules = {"dx = 0"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return decltype(x)((x > 0) - (x < 0)); }),
    .vector = kernels::sign, .onnx = "Sign", .examples = {{.in = {some}}}};

const Op maximum_op{
    .name = "maximum", .formula = "y = max(a, b)",
    .doc = "The larger of two; where they are equal, each gets half of the derivative.",
    .traits = pointwise | kinked, .args = {"a", "b"}, .rules = {"da = dy [a > b]", "db = dy [b > a]"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a != a || a > b ? a : b; }),
    .grad = [](const GradOf& g) {
      const Var &a = g.xs[0], &b = g.xs[1];
      const Var to_a = (greater(a, b) + greater_equal(a, b)) * 0.5;
      return std::vector{like(g.dy * to_a, a), like(g.dy * (1 - to_a), b)};
    },
    .vector = kernels::maximum, .onnx = "Max", .examples = {{.in = {some, row}}}};

const Op minimum_op{
    .name = "minimum", .formula = "y = min(a, b)",
    .doc = "The smaller of two; where they are equal, each gets half of the derivative.",
    .traits = pointwise | kinked, .args = {"a", "b"}, .rules = {"da = dy [a < b]", "db = dy [b < a]"},
    .infer = infer_pointwise, .plain = binary([](auto a, auto b) { return a != a || a < b ? a : b; }),
    .grad = [](const GradOf& g) {
      const Var &a = g.xs[0], &b = g.xs[1];
      const Var to_a = (less(a, b) + less_equal(a, b)) * 0.5;
      return std::vector{like(g.dy * to_a, a), like(g.dy * (1 - to_a), b)};
    },
    .vector = kernels::minimum, .onnx = "Min", .examples = {{.in = {some, row}}}};

Var operator+(In a, In b) { return apply(add_op, {a, b}); }
Var operator-(In a, In b) { return apply(subtract_op, {a, b}); }
Var operator*(In a, In b) { return apply(multiply_op, {a, b}); }
Var operator/(In a, In b) { return apply(divide_op, {a, b}); }
Var operator-(In x) { return apply(negate_op, {x}); }
Var square(In x) { return apply(square_op, {x}); }
Var sqrt(In x) { return apply(sqrt_op, {x}); }
Var exp(In x) { return apply(exp_op, {x}); }
Var log(In x) { return apply(log_op, {x}); }
Var pow(In x, In exponent) { return apply(power_op, {x, exponent}); }
Var abs(In x) { return apply(abs_op, {x}); }
Var sign(In x) { return apply(sign_op, {x}); }
Var maximum(In a, In b) { return apply(maximum_op, {a, b}); }
Var minimum(In a, In b) { return apply(minimum_op, {a, b}); }

} // namespace vitro

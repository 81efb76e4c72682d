// Comparisons give 1 or 0 in their operands' element type; `where` chooses by them. No derivative
// flows through a comparison: it is flat wherever it is defined.
#include "kernels/pointwise.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {-1.5, -2, 0.25, 0.75, 1.5, 3}};
const Tensor row{Shape{3}, {0.5, -2, 3}};
const Tensor mask{Shape{2, 3}, {1, 0, 0, 1, 1, 0}};

template <class Compare> Op comparison(const char* name, const char* formula, const char* doc, Compare compare,
                                       VectorKernel vector, const char* onnx) {
  return {.name = name,
          .formula = formula,
          .doc = doc,
          .traits = pointwise | kinked | constant_slope,
          .args = {"a", "b"},
          .rules = {"da = 0", "db = 0"},
          .infer = infer_pointwise,
          .plain = binary([compare](auto a, auto b) { return decltype(a)(compare(a, b)); }),
          .vector = vector,
          .onnx = onnx,
          .examples = {{.in = {some, row}}}};
}

} // namespace

const Op equal_op = comparison(
    "equal", "y = [a = b]", "1 where a equals b, else 0.", [](auto a, auto b) { return a == b; }, kernels::equal,
    "Equal");
const Op not_equal_op = comparison(
    "not_equal", "y = [a != b]", "1 where a differs from b, else 0.", [](auto a, auto b) { return a != b; },
    kernels::not_equal, "");
const Op less_op = comparison(
    "less", "y = [a < b]", "1 where a is below b, else 0.", [](auto a, auto b) { return a < b; }, kernels::less,
    "Less");
const Op less_equal_op = comparison(
    "less_equal", "y = [a <= b]", "1 where a is at most b, else 0.", [](auto a, auto b) { return a <= b; },
    kernels::less_equal, "LessOrEqual");
const Op greater_op = comparison(
    "greater", "y = [a > b]", "1 where a is above b, else 0.", [](auto a, auto b) { return a > b; }, kernels::greater,
    "Greater");
const Op greater_equal_op = comparison(
    "greater_equal", "y = [a >= b]", "1 where a is at least b, else 0.", [](auto a, auto b) { return a >= b; },
    kernels::greater_equal, "GreaterOrEqual");

const Op where_op{
    .name = "where", .formula = "y = c ? a : b", .doc = "a where the condition c is not 0, else b.",
    .traits = pointwise | kinked, .args = {"c", "a", "b"}, .rules = {"dc = 0", "da = dy [c != 0]", "db = dy [c = 0]"},
    .infer = infer_pointwise, .plain = ternary([](auto c, auto a, auto b) { return c != 0 ? a : b; }),
    .grad = [](const GradOf& g) {
      const Var zero = full_like(g.dy, 0);
      return std::vector{Var{}, sum_to(where(g.xs[0], g.dy, zero), g.xs[1].shape()), sum_to(where(g.xs[0], zero, g.dy),
          g.xs[2].shape())};
    },
    .vector = kernels::where, .onnx = "Where", .examples = {{.in = {mask, some, row}}}};

Var equal(In a, In b) { return apply(equal_op, {a, b}); }
Var not_equal(In a, In b) { return apply(not_equal_op, {a, b}); }
Var less(In a, In b) { return apply(less_op, {a, b}); }
Var less_equal(In a, In b) { return apply(less_equal_op, {a, b}); }
Var greater(In a, In b) { return apply(greater_op, {a, b}); }
Var greater_equal(In a, In b) { return apply(greater_equal_op, {a, b}); }
Var where(In condition, In a, In b) { return apply(where_op, {condition, a, b}); }

} // namespace vitro

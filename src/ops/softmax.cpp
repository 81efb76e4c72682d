// Softmax: a smooth arg-max (the smooth maximum is log-sum-exp). The maximum is subtracted first,
// so that no exponential overflows.
#include "kernels/softmax.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {1, -2, 3, 0.5, 0.25, -1}};
const std::vector<AttrSpec> axis_attrs{{"axis", int64_t{-1}, "the axis that sums to 1"}};

std::vector<Type> infer(const InferCall& call) {
  if (!is_float(call.in[0].dtype)) bad_input("", text("the input is ", call.in[0], ", expected floating point"));
  if (call.in[0].shape[call.in[0].shape.axis(call.attrs.integer("axis"))] == 0)
    bad_input("", text("no classes in ", call.in[0].shape));
  return {call.in[0]};
}

Var shifted(const Var& x, int64_t axis) { return x - max(x, {axis}, true); }

// The kernels run along the last axis; another axis is left to the expansion.
auto prepare(void (*kernel)(int64_t rows, int64_t columns, const float* x, float* y)) {
  return [kernel](const PrepareCall& call) -> Prepared {
    const Shape& shape = call.in[0].shape;
    if (shape.axis(call.attrs.integer("axis")) != shape.rank() - 1) return {};
    const int64_t columns = shape.back(), rows = shape.elements() / columns;
    return {.run = [=](const KernelCall& k) {
      kernel(rows, columns, static_cast<const float*>(k.in[0]), static_cast<float*>(k.out[0]));
    }};
  };
}

} // namespace

const Op softmax_op{
    .name = "softmax", .formula = "y = exp(x) / sum(exp(x))", .doc = "Probabilities along an axis from any numbers.",
    .args = {"x"}, .rules = {"dx = y (dy - sum(dy y))"}, .attrs = axis_attrs, .infer = infer,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const int64_t axis = attrs.integer("axis");
      const Var e = exp(shifted(in[0], axis));
      return std::vector{e / sum(e, {axis}, true)};
    },
    .grad = [](const GradOf& g) {
      return std::vector{g.y * (g.dy - sum(g.dy * g.y, {g.attrs.integer("axis")}, true))};
    },
    .prepare = prepare(kernels::softmax), .onnx = "Softmax", .peers = {"nn.Softmax(dim=-1)", "softmax"},
    .examples = {{.in = {some}}, {.in = {some}, .attrs = {{"axis", int64_t{0}}}}}};

const Op log_softmax_op{
    .name = "log_softmax", .formula = "y = x - log(sum(exp(x)))",
    .doc = "The logarithm of softmax, without its underflow.",
    .args = {"x"}, .rules = {"dx = dy - exp(y) sum(dy)"}, .attrs = axis_attrs, .infer = infer,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const int64_t axis = attrs.integer("axis");
      const Var s = shifted(in[0], axis);
      return std::vector{s - log(sum(exp(s), {axis}, true))};
    },
    .grad = [](const GradOf& g) {
      return std::vector{g.dy - exp(g.y) * sum(g.dy, {g.attrs.integer("axis")}, true)};
    },
    .prepare = prepare(kernels::log_softmax), .onnx = "LogSoftmax", .peers = {"nn.LogSoftmax(dim=-1)", "log_softmax"},
    .examples = {{.in = {some}}, {.in = {some}, .attrs = {{"axis", int64_t{0}}}}}};

Var softmax(In x, int64_t axis) { return apply(softmax_op, {x}, {{"axis", axis}}); }
Var log_softmax(In x, int64_t axis) { return apply(log_softmax_op, {x}, {{"axis", axis}}); }

} // namespace vitro

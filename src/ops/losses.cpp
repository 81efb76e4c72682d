// Losses: how wrong the predictions are, as one number.

#include "core/named.h"
#include "kernels/reduce.h"
#include "kernels/softmax.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor logits{Shape{2, 3}, {1, -2, 3, 0.5, 0.25, -1}};
const Tensor labels{Shape{2}, {2, 0}, DType::i32};
const Tensor probabilities{Shape{2, 3}, {0.1, 0.2, 0.7, 0.5, 0.25, 0.25}};
const Tensor bits{Shape{2, 3}, {1, 0, 1, 0.25, 0, 1}};

// --- softmax and cross-entropy, jointly ---

std::vector<Type> infer_cross_entropy(const InferCall& call) {
  const Type &x = call.in[0], &t = call.in[1];
  if (!is_float(x.dtype) || x.shape.rank() < 1 || x.shape.elements() == 0)
    bad_input("", text("logits are ", x, ", expected floating point [.., classes]"));
  const Shape rows(x.shape.extents().first(size_t(x.shape.rank() - 1)));
  const bool by_index = t.dtype == DType::i32 && t.shape == rows, by_probability = t == x;
  if (!by_index && !by_probability)
    bad_input("", text("logits are ", x, ", targets ", t),
              text("expected i32", rows, " (class indices) or ", x, " (probabilities)"));
  return {Type{x.dtype, Shape{}}, x};
}

// Probabilities of the targets, for either kind of target.
Var target_probabilities(const Var& x, const Var& t) {
  return t.dtype() == DType::i32 ? one_hot(t, x.shape().back(), x.dtype()) : t;
}

double row_count(const Var& x) { return double(x.shape().elements() / x.shape().back()); }

std::vector<Var> expand_cross_entropy(std::span<const Var> in, const Attrs&) {
  const Var &x = in[0], lp = log_softmax(x);
  return {-sum(target_probabilities(x, in[1]) * lp) / row_count(x), softmax(x)};
}

// The loss's derivative is (p - t)/N where each row of t sums to 1. For targets given as
// probabilities the sum is kept, so that the formula is right for any targets.
std::vector<Var> grad_cross_entropy(const GradOf& g) {
  const Var &x = g.xs[0], &t = g.xs[1], &p = g.ys[1];
  const double n = row_count(x);
  Var dx, dt;
  if (const Var& dloss = g.dys[0]) {
    if (t.dtype() == DType::i32) {
      dx = subtract_one_hot(p, t, dloss / n);
    } else {
      dx = (p * sum(t, {-1}, true) - t) * (dloss / n);
      dt = -log_softmax(x) * (dloss / n);
    }
  }
  if (g.dys.size() > 1 && g.dys[1]) {
    const Var through = p * (g.dys[1] - sum(g.dys[1] * p, {-1}, true));
    dx = dx ? dx + through : through;
  }
  return {dx, dt};
}

Prepared prepare_cross_entropy(const PrepareCall& call) {
  const int64_t columns = call.in[0].shape.back(), rows = call.in[0].shape.elements() / columns;
  const bool by_index = call.in[1].dtype == DType::i32;
  return {.run =
              [=](const KernelCall& k) {
                const float* x = static_cast<const float*>(k.in[0]);
                float *p = static_cast<float*>(k.out[1]), *losses = static_cast<float*>(k.workspace);
                // Labels are checked where data enters; here one outside makes the loss nan rather than a stray read.
                if (by_index)
                  kernels::cross_entropy(rows, columns, x, static_cast<const int32_t*>(k.in[1]), p, losses);
                else
                  kernels::cross_entropy(rows, columns, x, static_cast<const float*>(k.in[1]), p, losses);
                float* loss = static_cast<float*>(k.out[0]);
                kernels::sum({1, rows, 1}, losses, loss);
                *loss /= float(rows);
              },
          .workspace_bytes = rows * 4};
}

// --- its derivative ---

std::vector<Type> infer_subtract_one_hot(const InferCall& call) {
  const Type &x = call.in[0], &i = call.in[1], &s = call.in[2];
  if (!is_float(x.dtype) || x.shape.rank() < 1)
    bad_input("", text("the input is ", x, ", expected floating point [.., classes]"));
  const Type indices{DType::i32, Shape(x.shape.extents().first(size_t(x.shape.rank() - 1)))}, factor{x.dtype, Shape{}};
  if (i != indices) bad_input("", text("the input is ", x, ", the indices ", i), text("expected ", indices));
  if (s != factor) bad_input("", text("the factor is ", s, ", expected ", factor));
  return {x};
}

Var less_one_hot(const Var& x, const Var& i) { return x - one_hot(i, x.shape().back(), x.dtype()); }

Prepared prepare_subtract_one_hot(const PrepareCall& call) {
  const int64_t columns = call.in[0].shape.back();
  if (columns == 0) return {}; // nothing to index: its expansion says so
  const int64_t rows = call.in[0].shape.elements() / columns;
  return {.run = [=](const KernelCall& k) {
    kernels::subtract_one_hot(rows, columns, static_cast<const float*>(k.in[0]), static_cast<const int32_t*>(k.in[1]),
                              *static_cast<const float*>(k.in[2]), static_cast<float*>(k.out[0]));
  }};
}

// --- elementwise losses and their reduction ---

const std::vector<AttrSpec> reduction_attrs{
    {"reduction", std::string("mean"),
     "mean over all elements; sum; half: half the squared norm of each sample, averaged"}};

std::vector<Type> infer_pair(const InferCall& call) {
  const std::string& reduction = call.attrs.word("reduction");
  expect_one_of("", "reduction", reduction, {"mean", "sum", "half"});
  if (call.in[0] != call.in[1] || !is_float(call.in[0].dtype))
    bad_input("",
              text("predictions are ", call.in[0], ", targets ", call.in[1], ", expected one floating type and shape"));
  if (call.in[0].shape.elements() == 0) bad_input("", text("nothing to reduce in ", call.in[0].shape));
  return {Type{call.in[0].dtype, Shape{}}};
}

// What the sum over all elements is multiplied by.
double scale(const Attrs& attrs, const Shape& shape) {
  const std::string& reduction = attrs.word("reduction");
  if (reduction == "sum") return 1;
  if (reduction == "mean") return 1 / double(shape.elements());
  return 0.5 / double(shape.rank() ? shape[0] : 1);
}

} // namespace

const Op softmax_cross_entropy_op{
    .name = "softmax_cross_entropy", .formula = "y = -sum(t log(softmax(x))) / n, p = softmax(x)",
    .doc = "Softmax and cross-entropy jointly: the mean loss over rows of logits, and the probabilities.",
    .args = {"x", "t"}, .rules = {"dx = dy (p - t) / n", "dt = -dy log(p) / n"},
    .infer = infer_cross_entropy, .expand = expand_cross_entropy, .grad = grad_cross_entropy,
    .prepare = prepare_cross_entropy,
    .onnx = "SoftmaxCrossEntropyLoss", .examples = {{.in = {logits, labels}}, {.in = {logits, probabilities}}}};

const Op subtract_one_hot_op{
    .name = "subtract_one_hot", .formula = "y = (x - [i = class]) s",
    .doc = "Takes 1 from each row at its index and scales: from probabilities, the derivative of their cross-entropy.",
    .args = {"x", "i", "s"}, .rules = {"dx = dy s", "di = 0", "ds = sum(dy (x - [i = class]))"},
    .infer = infer_subtract_one_hot,
    .expand = [](std::span<const Var> in, const Attrs&) { return std::vector{less_one_hot(in[0], in[1]) * in[2]}; },
    .grad = [](const GradOf& g) {
      return std::vector{g.dy * g.xs[2], Var{}, sum(g.dy * less_one_hot(g.x, g.xs[1]))};
    },
    .prepare = prepare_subtract_one_hot,
    .examples = {{.in = {probabilities, labels, Tensor::scalar(0.5)}}}};

const Op binary_cross_entropy_op{
    .name = "binary_cross_entropy", .formula = "y = mean(softplus(x) - x t)",
    .doc = "Cross-entropy of a yes-or-no answer: -t log p - (1 - t) log(1 - p), p = sigmoid(x), without overflow.",
    .args = {"x", "t"}, .rules = {"dx = dy (sigmoid(x) - t) / n", "dt = -dy x / n"}, .attrs = reduction_attrs,
    .infer = infer_pair,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      return std::vector{sum(softplus(in[0]) - in[0] * in[1]) * scale(attrs, in[0].shape())};
    },
    .grad = [](const GradOf& g) {
      const Var dy = g.dy * scale(g.attrs, g.x.shape());
      return std::vector{(sigmoid(g.x) - g.xs[1]) * dy, -g.x * dy};
    },
    .examples = {{.in = {logits, bits}}, {.in = {logits, bits}, .attrs = {{"reduction", std::string("sum")}}}}};

const Op squared_error_op{
    .name = "squared_error", .formula = "y = mean((x - t)^2)",
    .doc = "The mean squared error; also summed, or Nielsen's quadratic cost.",
    .args = {"x", "t"}, .rules = {"dx = dy 2 (x - t) / n", "dt = -dx"}, .attrs = reduction_attrs, .infer = infer_pair,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      return std::vector{sum(square(in[0] - in[1])) * scale(attrs, in[0].shape())};
    },
    .grad = [](const GradOf& g) {
      const Var dx = (g.x - g.xs[1]) * (g.dy * (2 * scale(g.attrs, g.x.shape())));
      return std::vector{dx, -dx};
    },
    .examples = {{.in = {logits, bits}}, {.in = {logits, bits}, .attrs = {{"reduction", std::string("half")}}}}};

const Op log_cosh_op{
    .name = "log_cosh", .formula = "y = log((exp(x) + exp(-x)) / 2)",
    .doc = "Half the square near 0, the absolute value less log(2) far off; it does not overflow.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy tanh(x)"}, .infer = infer_pointwise,
    .expand = [](std::span<const Var> in, const Attrs&) {
      const Var size = abs(in[0]);
      return std::vector{size + (softplus(-2 * size) - 0.69314718055994531)};
    },
    .grad = [](const GradOf& g) { return std::vector{g.dy * tanh(g.x)}; }, .examples = {{.in = {logits}}}};

CrossEntropy softmax_cross_entropy(In logits, In targets) {
  const std::array in{logits, targets};
  const auto out = apply_all(softmax_cross_entropy_op, in);
  return {out[0], out[1]};
}

Var subtract_one_hot(In x, In indices, In factor) { return apply(subtract_one_hot_op, {x, indices, factor}); }

Var binary_cross_entropy(In logits, In targets, const std::string& reduction) {
  return apply(binary_cross_entropy_op, {logits, targets}, {{"reduction", reduction}});
}

Var squared_error(In predictions, In targets, const std::string& reduction) {
  return apply(squared_error_op, {predictions, targets}, {{"reduction", reduction}});
}

Var log_cosh(In x) { return apply(log_cosh_op, {x}); }

} // namespace vitro

// Normalisation to mean 0 and variance 1: batch-norm (by channel, over all other axes) and what it has in common with
// layer-norm (over the last axes). The mean comes first and the variance from the distances to it, so that a large
// mean costs no digits.
#include <algorithm>

#include "kernels/normalize.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{3, 2, 2}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};

Shape kept_shape(const Attrs& attrs, const Shape& shape) {
  auto extents = shape.list();
  for (const int64_t axis : attrs.list("axes")) extents[size_t(shape.axis(axis))] = 1;
  return Shape(extents);
}

double checked_eps(const Attrs& attrs) {
  const double eps = attrs.real("eps");
  if (!(eps > 0)) bad_input("", text("eps is ", eps, ", expected above 0"));
  return eps;
}

kernels::Channels channels(const Shape& shape, Layout layout) {
  const int64_t n = shape[0], c = shape[1];
  return {n, c, c ? shape.elements() / n / c : 1, !layout.row_major()};
}

kernels::Epilogue epilogue_of(const KernelCall& k) { return {k.epilogue.run, k.epilogue.context, k.epilogue.ahead}; }
const float* in(const KernelCall& k, size_t i) { return static_cast<const float*>(k.in[i]); }
float* out(const KernelCall& k, size_t i) { return static_cast<float*>(k.out[i]); }

// `like`: the input that lies as the first output does, and that may be written over.
Prepared prepared(const kernels::Channels& of, int like, std::function<void(const KernelCall&)> run) {
  return {.run = std::move(run),
          .workspace_bytes = kernels::batch_norm_workspace(of),
          .takes_epilogue = true,
          .output_optional = true,
          .over_output = 0,
          .over_input = like};
}

// Over the last axes each of the others is a channel; over all but axis 1, as in batch-norm, that one is.
Prepared prepare_normalize(const PrepareCall& call) {
  const Shape& shape = call.in[0].shape;
  std::vector<bool> over(size_t(shape.rank()));
  for (const int64_t axis : call.attrs.list("axes")) over[size_t(shape.axis(axis))] = true;
  const int64_t count = call.out[1].shape.elements(), rank = shape.rank();
  kernels::Channels of{1, count, count ? shape.elements() / count : 1};
  if (!std::ranges::is_sorted(over)) {
    if (over[1] || std::ranges::count(over, true) != rank - 1) return {};
    of = channels(shape, row_major);
  }
  return prepared(of, 0, [of, eps = call.attrs.real("eps")](const KernelCall& k) {
    kernels::batch_norm(of, in(k, 0), nullptr, nullptr, eps, out(k, 0), out(k, 1), out(k, 2), k.workspace,
                        epilogue_of(k));
  });
}

// --- batch-norm ---

std::vector<Type> infer_batch_norm(const InferCall& call) {
  const Type& x = call.in[0];
  checked_eps(call.attrs);
  if (!is_float(x.dtype) || x.shape.rank() < 2)
    bad_input("", text("the input is ", x, ", expected floating point [batch, channels, ...]"));
  const Type by_channel{x.dtype, Shape{x.shape[1]}};
  if (x.shape.elements() == 0) bad_input("", text("nothing to normalise in ", x.shape));
  for (size_t i = 1; i < call.in.size(); ++i)
    if (const Type& wanted = i == 4 ? x : by_channel; call.in[i] != wanted)
      bad_input("", text("an input is ", call.in[i], ", expected ", wanted));
  return {x, by_channel, by_channel};
}

// All axes but the channels'; the shape in which what has one value a channel meets x.
std::vector<int64_t> axes_of(const Shape& shape) {
  std::vector<int64_t> axes{0};
  for (int64_t axis = 2; axis < shape.rank(); ++axis) axes.push_back(axis);
  return axes;
}
Var spread(const Var& v, const Var& x) {
  if (x.shape().rank() == 2) return v;
  std::vector<int64_t> across(size_t(x.shape().rank() - 1), 1);
  across[0] = x.shape()[1];
  return reshape(v, across);
}
double values_of(const Var& x) { return double(x.shape().elements() / x.shape()[1]); }

// x as it is held, all of its size alike.
LayoutWishes layouts(const LayoutCall& call) {
  constexpr Layout blocks{.axis = 1, .block = 16};
  if (call.held[0] != blocks) return {};
  LayoutWishes wishes{.in = std::vector<Layout>(call.in.size()), .out = blocks};
  for (size_t i = 0; i < call.in.size(); ++i)
    if (call.in[i] == call.in[0]) wishes.in[i] = blocks;
  return wishes;
}

std::vector<Var> expand_gradient(std::span<const Var> in, const Attrs& attrs) {
  const Var &x = in[0], &dy = in[4], deviation = sqrt(in[3] + attrs.real("eps"));
  const auto axes = axes_of(x.shape());
  const Var z = (x - spread(in[2], x)) / spread(deviation, x);
  const Var dbias = sum(dy, axes), dweight = sum(dy * z, axes);
  const double n = values_of(x);
  return {(dy - spread(dbias / n, x) - z * spread(dweight / n, x)) * spread(in[1] / deviation, x), dweight, dbias};
}

// Of the expansion, whose inputs are aliases here: they do not hang together, as those of the node may.
std::vector<Var> grad_gradient(const GradOf& g) {
  std::vector<Var> held;
  for (const Var& x : g.xs) held.push_back(reshape(x, x.shape().list()));
  const std::vector<Var> ys = expand_gradient(held, g.attrs);
  Var all;
  for (size_t i = 0; i < ys.size(); ++i)
    if (g.dys[i]) {
      const Var term = sum(ys[i] * g.dys[i]);
      all = all ? all + term : term;
    }
  return gradient(all, held);
}

const Tensor by_channel{Shape{2}, {0.5, -2}}, positive{Shape{2}, {2, 0.75}};
const AttrSpec eps_attr{"eps", 1e-5, "keeps the divisor off zero"};

} // namespace

const Op normalize_op{
    .name = "normalize", .formula = "y = (x - mean) / sqrt(variance + eps)",
    .doc = "Mean 0 and variance 1 over axes; further outputs: the mean, and the variance as the mean squared distance.",
    .origin = "Ioffe and Szegedy, \"Batch normalization\", 2015, algorithm 1; Ba, Kiros, Hinton, \"Layer "
              "normalization\", 2016, equation 3",
    .args = {"x"}, .rules = {"dx = (dy - mean(dy) - y mean(dy y)) / sqrt(variance + eps)"},
    .attrs = {{"axes", std::vector<int64_t>{}, "the axes to take mean and variance over", true}, eps_attr},
    .infer = [](const InferCall& call) {
      checked_eps(call.attrs);
      if (call.attrs.list("axes").empty()) bad_input("", "axes names none");
      const Type statistics = mean_op.infer({{{"axes", call.attrs.list("axes")}, {"keep", int64_t{0}}}, call.in})[0];
      return std::vector<Type>{call.in[0], statistics, statistics};
    },
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const auto& axes = attrs.list("axes");
      const Var m = mean(in[0], axes), away = in[0] - reshape(m, kept_shape(attrs, in[0].shape()).list());
      const Var v = mean(square(away), axes);
      return std::vector{away / reshape(sqrt(v + attrs.real("eps")), kept_shape(attrs, in[0].shape()).list()), m, v};
    },
    .grad = [](const GradOf& g) {
      const auto& axes = g.attrs.list("axes");
      const auto kept = kept_shape(g.attrs, g.x.shape()).list();
      const double n = double(g.x.shape().elements()) / double(g.ys[1].shape().elements());
      const Var deviation = reshape(sqrt(g.ys[2] + g.attrs.real("eps")), kept);
      Var dx;
      const auto add = [&](const Var& term) { dx = dx ? dx + term : term; };
      if (g.dys[0]) add((g.dy - mean(g.dy, axes, true) - g.y * mean(g.dy * g.y, axes, true)) / deviation);
      if (g.dys[1]) add(broadcast_to(reshape(g.dys[1] / n, kept), g.x.shape()));
      if (g.dys[2]) add(reshape(g.dys[2] * (2 / n), kept) * deviation * g.y);
      return std::vector{dx};
    },
    .prepare = prepare_normalize,
    .examples = {{.in = {some}, .attrs = {{"axes", std::vector<int64_t>{0, 2}}}},
                 {.in = {some}, .attrs = {{"axes", std::vector<int64_t>{-1}}, {"eps", 0.5}}}}};

const Op batch_norm_op{
    .name = "batch_norm", .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each channel (axis 1) to mean 0 and variance 1, then scaled and shifted; further outputs: mean, variance.",
    .origin = "Ioffe and Szegedy, \"Batch normalization\", 2015, algorithm 1", .args = {"x", "weight", "bias"},
    .rules = {"dx = (dy - mean(dy) - z mean(dy z)) weight / sqrt(variance + eps)", "dweight = sum(dy z)",
        "dbias = sum(dy)"},
    .attrs = {eps_attr}, .infer = infer_batch_norm,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const Normalized of = normalize(in[0], axes_of(in[0].shape()), attrs.real("eps"));
      return std::vector{of.y * spread(in[1], in[0]) + spread(in[2], in[0]), of.mean, of.variance};
    },
    .grad = [](const GradOf& g) {
      std::vector<Var> dxs(3);
      if (g.dys[0])
        dxs = apply_all(batch_norm_gradient_op, std::array<In, 5>{g.x, g.xs[1], g.ys[1], g.ys[2], g.dy}, g.attrs);
      const auto add = [&](const Var& term) { dxs[0] = dxs[0] ? dxs[0] + term : term; };
      const double n = values_of(g.x);
      if (g.dys[1]) add(broadcast_to(spread(g.dys[1] / n, g.x), g.x.shape()));
      if (g.dys[2]) add((g.x - spread(g.ys[1], g.x)) * spread(g.dys[2] * (2 / n), g.x));
      return dxs;
    },
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) {
      const auto of = channels(call.in[0].shape, call.out_layout);
      return prepared(of, 0, [of, eps = call.attrs.real("eps")](const KernelCall& k) {
        kernels::batch_norm(of, in(k, 0), in(k, 1), in(k, 2), eps, out(k, 0), out(k, 1), out(k, 2), k.workspace,
                            epilogue_of(k));
      });
    },
    .onnx = "BatchNormalization", .peers = {"nn.functional.batch_norm(training=True)", "BatchNormalization"},
    .examples = {{.in = {some, by_channel, positive}}, {.in = {some, positive, by_channel}, .attrs = {{"eps", 0.5}}}}};

const Op batch_norm_gradient_op{
    .name = "batch_norm_gradient", .formula = "y = (dy - mean(dy) - z mean(dy z)) weight / sqrt(variance + eps)",
    .doc = "What batch-norm sends back, with z = (x - mean) / sqrt(variance + eps); further outputs: the derivatives "
           "of weight, sum(dy z), and bias, sum(dy).",
    .origin = "Ioffe and Szegedy, \"Batch normalization\", 2015, section 3",
    .args = {"x", "weight", "mean", "variance", "dy"},
    .rules = {"dx = by the formula", "dweight = by the formula",
        "dmean = by the formula", "dvariance = by the formula",
        "ddy = by the formula"},
    .attrs = {eps_attr}, .infer = infer_batch_norm, .expand = expand_gradient, .grad = grad_gradient,
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) {
      const auto of = channels(call.in[0].shape, call.out_layout);
      return prepared(of, 4, [of, eps = call.attrs.real("eps")](const KernelCall& k) {
        kernels::batch_norm_gradient(of, in(k, 0), in(k, 1), in(k, 2), in(k, 3), in(k, 4), eps, out(k, 0), out(k, 1),
                                     out(k, 2), k.workspace, epilogue_of(k));
      });
    },
    .examples = {{.in = {some, by_channel, by_channel, positive, some}},
                 {.in = {some, positive, by_channel, positive, some}, .attrs = {{"eps", 0.5}}}}};

Normalized normalize(In x, const std::vector<int64_t>& axes, double eps) {
  const std::vector<Var> out = apply_all(normalize_op, std::array{x}, {{"axes", axes}, {"eps", eps}});
  return {out[0], out[1], out[2]};
}

Normalized batch_norm(In x, In weight, In bias, double eps) {
  const std::vector<Var> out = apply_all(batch_norm_op, std::array{x, weight, bias}, {{"eps", eps}});
  return {out[0], out[1], out[2]};
}

} // namespace vitro

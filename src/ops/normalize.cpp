// Normalisation to mean 0 and variance 1: what batch-norm (over all axes but the channels') and layer-norm
// (over the last axes) have in common. The mean comes first and the variance from the distances to it, so that
// a large mean costs no digits. A kernel of its own belongs here, as `prepare`.
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{3, 2, 2}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};

Shape kept_shape(const Attrs& attrs, const Shape& shape) {
  auto extents = shape.list();
  for (const int64_t axis : attrs.list("axes")) extents[size_t(shape.axis(axis))] = 1;
  return Shape(extents);
}

} // namespace

const Op normalize_op{
    .name = "normalize", .formula = "y = (x - mean) / sqrt(variance + eps)",
    .doc = "Mean 0 and variance 1 over axes; further outputs: the mean, and the variance as the mean squared distance.",
    .origin = "Ioffe and Szegedy, \"Batch normalization\", 2015, algorithm 1; Ba, Kiros, Hinton, \"Layer "
              "normalization\", 2016, equation 3",
    .args = {"x"}, .rules = {"dx = (dy - mean(dy) - y mean(dy y)) / sqrt(variance + eps)"},
    .attrs = {{"axes", std::vector<int64_t>{}, "the axes to take mean and variance over", true},
        {"eps", 1e-5, "keeps the divisor off zero"}},
    .infer = [](const InferCall& call) {
      const double eps = call.attrs.real("eps");
      if (!(eps > 0)) bad_input("", text("eps is ", eps, ", expected above 0"));
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
    .examples = {{.in = {some}, .attrs = {{"axes", std::vector<int64_t>{0, 2}}}},
                 {.in = {some}, .attrs = {{"axes", std::vector<int64_t>{-1}}, {"eps", 0.5}}}}};

Normalized normalize(In x, const std::vector<int64_t>& axes, double eps) {
  const std::vector<Var> out = apply_all(normalize_op, std::array{x}, {{"axes", axes}, {"eps", eps}});
  return {out[0], out[1], out[2]};
}

} // namespace vitro

// Sums, means and maxima over axes.
#include <algorithm>
#include <limits>

#include "kernels/reduce.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3, 2}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};

// Which axes are reduced: those named, or all where none is.
std::vector<bool> reduced_axes(const Attrs& attrs, const Shape& shape) {
  const auto& axes = attrs.list("axes");
  std::vector<bool> reduced(size_t(shape.rank()), axes.empty());
  for (const int64_t axis : axes) {
    const size_t at = size_t(shape.axis(axis));
    if (reduced[at]) bad_input("", text("axis ", axis, " is named twice"));
    reduced[at] = true;
  }
  return reduced;
}

// The shape with extents of 1 in place of what is reduced.
Shape kept_shape(const Attrs& attrs, const Shape& shape) {
  const auto reduced = reduced_axes(attrs, shape);
  auto extents = shape.list();
  for (size_t i = 0; i < extents.size(); ++i)
    if (reduced[i]) extents[i] = 1;
  return Shape(extents);
}

int64_t reduced_count(const Attrs& attrs, const Shape& shape) {
  int64_t count = 1;
  const auto reduced = reduced_axes(attrs, shape);
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (reduced[size_t(axis)]) count *= shape[axis];
  return count;
}

std::vector<Type> infer(const InferCall& call) {
  if (!is_float(call.in[0].dtype)) bad_input("", text("the input is ", call.in[0], ", expected floating point"));
  const auto reduced = reduced_axes(call.attrs, call.in[0].shape);
  std::vector<int64_t> extents;
  for (int axis = 0; axis < call.in[0].shape.rank(); ++axis)
    if (!reduced[size_t(axis)])
      extents.push_back(call.in[0].shape[axis]);
    else if (call.attrs.integer("keep"))
      extents.push_back(1);
  return {Type{call.in[0].dtype, Shape(extents)}};
}

std::vector<Type> infer_nonempty(const InferCall& call) {
  if (reduced_count(call.attrs, call.in[0].shape) == 0) bad_input("", text("nothing to reduce in ", call.in[0].shape));
  return infer(call);
}

template <class Combine> auto plain(double start, Combine combine) {
  return [=](const PlainCall& call) {
    with_float(call.out[0].type.dtype, [&](auto zero) {
      using T = decltype(zero);
      const Shape& shape = call.in[0].type.shape;
      const auto stride = broadcast_strides(kept_shape(call.attrs, shape), shape);
      const auto y = call.out[0].as<T>();
      std::ranges::fill(y, T(start));
      std::array<int64_t, Shape::max_rank> index{};
      int64_t at = 0;
      for (const T x : call.in[0].as<T>()) {
        y[size_t(at)] = combine(y[size_t(at)], x);
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
          at += stride[axis];
          if (++index[axis] < shape[axis]) break;
          at -= stride[axis] * shape[axis];
          index[axis] = 0;
        }
      }
    });
  };
}

// Of maps in blocks of channels [n, c/16, .., 16] the sums over all places are in rows again.
constexpr Layout blocks{.axis = 1, .block = 16};

LayoutWishes layouts(const LayoutCall& call) {
  const Shape& shape = call.in[0].shape;
  if (call.held[0] != blocks || shape[1] % 16) return {};
  const auto reduced = reduced_axes(call.attrs, shape);
  const bool all_places = std::all_of(reduced.begin() + 2, reduced.end(), [](bool axis) { return axis; });
  return {.in = {all_places && !reduced[1] ? blocks : row_major}};
}

// The reduced axes as runs of neighbours: one pass of the kernel each, the last run first, through
// two alternating buffers.
template <class Kernel> auto prepare(Kernel kernel) {
  return [kernel](const PrepareCall& call) {
    const Shape& shape = call.in[0].shape;
    auto extents = shape.list();
    auto reduced = reduced_axes(call.attrs, shape);
    if (!call.in_layouts[0].row_major()) {
      extents[1] /= blocks.block;
      extents.push_back(blocks.block);
      reduced.push_back(false);
    }
    std::vector<kernels::Axes> passes;
    int64_t inner = 1, largest = 0;
    for (int axis = int(extents.size()) - 1; axis >= 0;) {
      int64_t run = 1, outer = 1;
      const bool reduce = reduced[size_t(axis)];
      while (axis >= 0 && reduced[size_t(axis)] == reduce) run *= extents[size_t(axis--)];
      for (int i = 0; i <= axis; ++i) outer *= extents[size_t(i)];
      if (reduce) {
        passes.push_back({outer, run, inner});
        largest = std::max(largest, outer * inner);
      } else {
        inner *= run;
      }
    }
    if (passes.empty()) passes.push_back({1, 1, shape.elements()}); // rank 0: a copy
    return Prepared{.run =
                        [kernel, passes, largest](const KernelCall& k) {
                          float* spare = static_cast<float*>(k.workspace);
                          const float* x = static_cast<const float*>(k.in[0]);
                          for (size_t i = 0; i < passes.size(); ++i) {
                            float* y = i + 1 == passes.size() ? static_cast<float*>(k.out[0])
                                                              : spare + int64_t(i % 2) * largest;
                            kernel(passes[i], x, y);
                            x = y;
                          }
                        },
                    .workspace_bytes = passes.size() > 1 ? 2 * largest * int64_t(sizeof(float)) : 0};
  };
}

// dy, stretched over what was reduced.
Var stretched(const GradOf& g, const Var& dy) {
  return broadcast_to(reshape(dy, kept_shape(g.attrs, g.x.shape()).list()), g.x.shape());
}

const std::vector<AttrSpec> axes_attrs{
    {"axes", std::vector<int64_t>{}, "the axes to reduce; none: all"},
    {"keep", int64_t{0}, "1: leave extents of 1 behind"},
};
const std::vector<Example> examples{
    {.in = {some}},
    {.in = {some}, .attrs = {{"axes", std::vector<int64_t>{1}}}},
    {.in = {some}, .attrs = {{"axes", std::vector<int64_t>{0, -1}}, {"keep", int64_t{1}}}},
};

} // namespace

const Op sum_op{
    .name = "sum", .formula = "y = sum(x)", .doc = "The sum over axes.",
    .args = {"x"}, .rules = {"dx = dy"}, .attrs = axes_attrs, .infer = infer,
    .plain = plain(0, [](auto sum, auto x) { return sum + x; }),
    .grad = [](const GradOf& g) { return std::vector{stretched(g, g.dy)}; },
    .layouts = layouts, .prepare = prepare(kernels::sum), .onnx = "ReduceSum", .examples = examples};

const Op mean_op{
    .name = "mean", .formula = "y = sum(x) / n", .doc = "The mean over axes.",
    .args = {"x"}, .rules = {"dx = dy / n"}, .attrs = axes_attrs, .infer = infer_nonempty,
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      return std::vector{sum(in[0], attrs.list("axes"), attrs.integer("keep")) / double(reduced_count(attrs,
          in[0].shape()))};
    },
    .grad = [](const GradOf& g) { return std::vector{stretched(g, g.dy / double(reduced_count(g.attrs,
        g.x.shape())))}; },
    .onnx = "ReduceMean", .examples = examples};

const Op max_op{
    .name = "max", .formula = "y = max(x)",
    .doc = "The largest over axes; where several are, they share the derivative.",
    .traits = kinked, .args = {"x"}, .rules = {"dx = dy [x = y] / ties"}, .attrs = axes_attrs, .infer = infer_nonempty,
    .plain = plain(-std::numeric_limits<double>::infinity(), [](auto most, auto x) { return x > most
        || x != x ? x : most; }),
    .grad = [](const GradOf& g) {
      const Var kept = reshape(g.y, kept_shape(g.attrs, g.x.shape()).list());
      const Var hit = equal(g.x, kept);
      const Var ties = sum(hit, g.attrs.list("axes"), true);
      const Var share = reshape(g.dy, kept.shape().list()) / reshape(ties, kept.shape().list());
      return std::vector{hit * share};
    },
    .prepare = prepare(kernels::max), .onnx = "ReduceMax", .examples = examples};

Var sum(In x, const std::vector<int64_t>& axes, bool keep) {
  return apply(sum_op, {x}, {{"axes", axes}, {"keep", int64_t(keep)}});
}
Var mean(In x, const std::vector<int64_t>& axes, bool keep) {
  return apply(mean_op, {x}, {{"axes", axes}, {"keep", int64_t(keep)}});
}
Var max(In x, const std::vector<int64_t>& axes, bool keep) {
  return apply(max_op, {x}, {{"axes", axes}, {"keep", int64_t(keep)}});
}

Var sum_to(const Var& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  std::vector<int64_t> axes;
  const int added = x.shape().rank() - shape.rank();
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    if (axis < added || (shape[axis - added] == 1 && x.shape()[axis] != 1)) axes.push_back(axis);
  const Var y = axes.empty() ? x : sum(x, axes);
  return y.shape() == shape ? y : reshape(y, shape.list());
}

} // namespace vitro

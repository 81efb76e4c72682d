// Ops that choose by index: gather (an embedding's look-up), its transpose scatter_add, one_hot; to_index makes indices
// of numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/indexing.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor table{Shape{4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
const Tensor indices{Shape{2, 2}, {3, 0, 1, 3}, DType::i32};
const Tensor picked{Shape{2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

void expect_indices(const Type& type) {
  if (type.dtype != DType::i32) bad_input("", text("indices are ", type, ", expected i32"));
}

// x [outer, extent, inner] at indices [chosen] <-> y [outer, chosen, inner].
struct Rows {
  int64_t outer = 1, extent, inner = 1, chosen;
  Rows(const Shape& x, int64_t which, const Shape& indices) : extent(x[x.axis(which)]), chosen(indices.elements()) {
    const int axis = x.axis(which);
    for (int i = 0; i < axis; ++i) outer *= x[i];
    for (int i = axis + 1; i < x.rank(); ++i) inner *= x[i];
  }
  void check(int32_t index) const {
    if (index < 0 || index >= extent) bad_input("gather", text("index ", index, " is not in 0 to ", extent - 1));
  }
};

using RowKernel = void (*)(const float* x, std::span<const int32_t> index, float* y, int64_t outer, int64_t extent,
                           int64_t inner);

// `whole`: the input or the output whose axis is indexed.
Prepared prepare_rows(const PrepareCall& call, const Shape& whole, RowKernel kernel) {
  if (call.in[0].dtype != DType::f32) return {};
  return {.run = [rows = Rows(whole, call.attrs.integer("axis"), call.in[1].shape), kernel](const KernelCall& k) {
    const std::span index(static_cast<const int32_t*>(k.in[1]), size_t(rows.chosen));
    for (const int32_t i : index) rows.check(i);
    kernel(static_cast<const float*>(k.in[0]), index, static_cast<float*>(k.out[0]), rows.outer, rows.extent,
           rows.inner);
  }};
}

Shape replace_axis(const Shape& shape, int axis, std::span<const int64_t> by) {
  auto extents = shape.list();
  extents.erase(extents.begin() + axis);
  extents.insert(extents.begin() + axis, by.begin(), by.end());
  return Shape(extents);
}

} // namespace

const Op gather_op{
    .name = "gather", .formula = "y = x[i]",
    .doc = "Rows of x by index along one axis, as numpy's take: an embedding's look-up.",
    .args = {"x", "i"}, .rules = {"dx = dy added up at i", "di = 0"},
    .attrs = {{"axis", int64_t{0}, "the axis that is indexed"}},
    .infer = [](const InferCall& call) {
      expect_indices(call.in[1]);
      const int axis = call.in[0].shape.axis(call.attrs.integer("axis"));
      return std::vector{Type{call.in[0].dtype, replace_axis(call.in[0].shape, axis, call.in[1].shape.extents())}};
    },
    .plain = [](const PlainCall& call) {
      const Rows rows(call.in[0].type.shape, call.attrs.integer("axis"), call.in[1].type.shape);
      const auto index = call.in[1].as<int32_t>();
      with_any(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = call.in[0].as<T>().data();
        T* y = call.out[0].as<T>().data();
        for (int64_t o = 0; o < rows.outer; ++o)
          for (const int32_t i : index) {
            rows.check(i);
            y = std::copy_n(x + (o * rows.extent + i) * rows.inner, rows.inner, y);
          }
      });
    },
    .grad = [](const GradOf& g) {
      const int axis = g.x.shape().axis(g.attrs.integer("axis"));
      return std::vector{scatter_add(g.dy, g.xs[1], g.x.shape()[axis], axis), Var{}};
    },
    .prepare = [](const PrepareCall& call) { return prepare_rows(call, call.in[0].shape, kernels::gather_rows); },
    .onnx = "Gather",
    .examples = {{.in = {table, indices}}, {.in = {table, Tensor{Shape{2}, {2, 2}, DType::i32}}, .attrs = {{"axis",
        int64_t{1}}}}}};

const Op scatter_add_op{
    .name = "scatter_add", .formula = "y = 0; y[i] += x", .doc = "Adds rows up at their indices: gather, transposed.",
    .args = {"x", "i"}, .rules = {"dx = dy[i]", "di = 0"},
    .attrs = {{"axis", int64_t{0}, "the axis of y that is indexed"}, {"extent", int64_t{1}, "its extent", true}},
    .infer = [](const InferCall& call) {
      expect_indices(call.in[1]);
      const Shape &x = call.in[0].shape, &index = call.in[1].shape;
      const int64_t axis = call.attrs.integer("axis"), extent = call.attrs.integer("extent");
      if (axis < 0 || axis > x.rank() - index.rank())
        bad_input("", text("axis ", axis, " with indices ", index, " does not fit ", x));
      for (int i = 0; i < index.rank(); ++i)
        if (x[int(axis) + i] != index[i])
          bad_input("", text("indices ", index, " do not match axes ", axis, " .. of ", x));
      auto extents = x.list();
      extents.erase(extents.begin() + axis, extents.begin() + axis + index.rank());
      extents.insert(extents.begin() + axis, extent);
      return std::vector{Type{call.in[0].dtype, Shape(extents)}};
    },
    .plain = [](const PlainCall& call) {
      const Rows rows(call.out[0].type.shape, call.attrs.integer("axis"), call.in[1].type.shape);
      const auto index = call.in[1].as<int32_t>();
      with_any(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = call.in[0].as<T>().data();
        const auto y = call.out[0].as<T>();
        std::ranges::fill(y, T(0));
        for (int64_t o = 0; o < rows.outer; ++o)
          for (const int32_t i : index) {
            rows.check(i);
            for (int64_t k = 0; k < rows.inner; ++k) {
              T& sum = y[size_t((o * rows.extent + i) * rows.inner + k)];
              sum = T(sum + *x++);
            }
          }
      });
    },
    .grad = [](const GradOf& g) { return std::vector{gather(g.dy, g.xs[1], g.attrs.integer("axis")), Var{}}; },
    .prepare = [](const PrepareCall& call) { return prepare_rows(call, call.out[0].shape, kernels::scatter_add_rows); },
    .onnx = "", .examples = {{.in = {picked, indices}, .attrs = {{"extent", int64_t{4}}}}}};

const Op one_hot_op{
    .name = "one_hot", .formula = "y = [i = class]", .doc = "1 at the index, 0 elsewhere, along a new last axis.",
    .traits = constant_slope, .args = {"i"}, .rules = {"di = 0"},
    .attrs = {{"classes", int64_t{1}, "extent of the new axis", true}, {"dtype", int64_t{0},
        "element type: 0 f32, 1 f64"}, {"ignore", int64_t{-100}, "an index of no class: its row is zero"}},
    .infer = [](const InferCall& call) {
      expect_indices(call.in[0]);
      auto extents = call.in[0].shape.list();
      extents.push_back(call.attrs.integer("classes"));
      return std::vector{Type{call.attrs.integer("dtype") ? DType::f64 : DType::f32, Shape(extents)}};
    },
    .plain = [](const PlainCall& call) {
      const int64_t classes = call.attrs.integer("classes");
      with_float(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* y = call.out[0].as<T>().data();
        for (const int32_t i : call.in[0].as<int32_t>()) {
          if (i != call.attrs.integer("ignore") && (i < 0 || i >= classes))
            bad_input("one_hot", text("label ", i, " is not in 0 to ", classes - 1));
          for (int64_t c = 0; c < classes; ++c) *y++ = T(c == i && i != call.attrs.integer("ignore"));
        }
      });
    },
    .onnx = "OneHot",
    .examples = {{.in = {Tensor{Shape{3}, {2, 0, 1}, DType::i32}}, .attrs = {{"classes", int64_t{3}}}},
                 {.in = {Tensor{Shape{3}, {2, 0, 1}, DType::i32}}, .attrs = {{"classes", int64_t{3}}, {"ignore",
        int64_t{0}}}}}};

// ONNX's Cast cuts off instead of rounding: the same for whole numbers, which codes are.
const Op to_index_op{
    .name = "to_index", .formula = "y = round(x)",
    .doc = "The nearest whole number, as an index; -1, which is nobody's, for what has none in 32 bits.",
    .traits = constant_slope, .args = {"x"}, .rules = {"dx = 0"},
    .infer = [](const InferCall& call) {
      if (!is_float(call.in[0].dtype)) bad_input("", text("x is ", call.in[0], ", expected f32 or f64"));
      return std::vector{Type{DType::i32, call.in[0].shape}};
    },
    .plain = [](const PlainCall& call) {
      int32_t* y = call.out[0].as<int32_t>().data();
      with_float(call.in[0].type.dtype, [&](auto zero) {
        for (const auto x : call.in[0].as<decltype(zero)>()) {
          const double whole = std::nearbyint(double(x));
          // NaN compares as false.
          *y++ = std::abs(whole) <= std::numeric_limits<int32_t>::max() ? int32_t(whole) : -1;
        }
      });
    },
    .onnx = "Cast", .peers = {"x.round().int()", "ops.cast(ops.round(x), \"int32\")"},
    .examples = {{.in = {Tensor{Shape{4}, {0, 2, 1.25, 6.75}}}}}};

Var gather(In x, In indices, int64_t axis) { return apply(gather_op, {x, indices}, {{"axis", axis}}); }
Var scatter_add(In x, In indices, int64_t extent, int64_t axis) {
  return apply(scatter_add_op, {x, indices}, {{"axis", axis}, {"extent", extent}});
}
Var to_index(In x) { return apply(to_index_op, {x}); }
Var one_hot(In indices, int64_t classes, DType dtype, int64_t ignore) {
  return apply(one_hot_op, {indices},
               {{"classes", classes}, {"dtype", int64_t(dtype == DType::f64)}, {"ignore", ignore}});
}

} // namespace vitro

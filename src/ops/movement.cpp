// Ops that move values without changing them: reshape, transpose, broadcast, slice, pad, concatenate.
#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {1, 2, 3, 4, 5, 6}};
const Tensor more{Shape{2, 2}, {7, 8, 9, 10}};
const Tensor cube{Shape{2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

// Reads x along `shape` with `stride` (in elements) into y: what transpose and broadcast_to both are.
void plain_strided(const ConstView& x, const View& y, const std::array<int64_t, Shape::max_rank>& stride) {
  with_any(y.type.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Shape& shape = y.type.shape;
    const T* from = x.as<T>().data();
    std::array<int64_t, Shape::max_rank> index{};
    int64_t at = 0;
    for (T& value : y.as<T>()) {
      value = from[at];
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        at += stride[axis];
        if (++index[axis] < shape[axis]) break;
        at -= stride[axis] * shape[axis];
        index[axis] = 0;
      }
    }
  });
}

// For each axis of the output, the axis of the input. Without heap memory: `plain` may run inside a step.
struct Order {
  std::array<int, Shape::max_rank> axes{};
  size_t rank;
  auto begin() const { return axes.begin(); }
  auto end() const { return axes.begin() + rank; }
};

Order full_order(const Attrs& attrs, const Shape& shape) {
  const auto& given = attrs.list("order");
  Order order{.rank = size_t(shape.rank())};
  for (size_t i = 0; i < order.rank; ++i) order.axes[i] = int(order.rank - 1 - i);
  if (given.empty()) return order;
  if (given.size() != order.rank)
    bad_input("", text("order has ", given.size(), " axes, the input ", shape, " has ", shape.rank()));
  std::array<bool, Shape::max_rank> named{};
  for (size_t i = 0; i < order.rank; ++i) {
    order.axes[i] = shape.axis(given[i]);
    if (std::exchange(named[size_t(order.axes[i])], true))
      bad_input("", text("order ", to_text(given), " does not name each axis of ", shape, " once"));
  }
  return order;
}

// An axis of `shape` with what lies outside and inside of it: [outer, extent, inner].
struct Split {
  int axis;
  int64_t outer = 1, extent, inner = 1;
  Split(const Shape& shape, int64_t which) : axis(shape.axis(which)), extent(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

Type with_extent(Type type, int axis, int64_t extent) {
  auto extents = type.shape.list();
  extents[size_t(axis)] = extent;
  return {type.dtype, Shape(extents)};
}

struct Range {
  int64_t start, step, count;
};

// Python's slice: negative positions count from the end, what lies outside is cut off.
Range range(const Attrs& attrs, int64_t extent) {
  const int64_t step = attrs.integer("step");
  if (step < 1) bad_input("", text("step is ", step, ", expected at least 1"));
  const auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent); };
  const int64_t start = clamp(attrs.integer("start")), stop = clamp(attrs.integer("stop"));
  return {start, step, stop > start ? (stop - start - 1) / step + 1 : 0};
}

int64_t padded_extent(const Attrs& attrs, int64_t extent) {
  const int64_t before = attrs.integer("before"), after = attrs.integer("after"), spacing = attrs.integer("spacing");
  if (before < 0 || after < 0 || spacing < 1)
    bad_input("", text("before ", before, ", after ", after, ", spacing ", spacing, ": expected at least 0, 0, 1"));
  int64_t inside = 0, padded = 0;
  if ((extent && __builtin_mul_overflow(extent - 1, spacing, &inside)) ||
      __builtin_add_overflow(inside, before, &padded) || __builtin_add_overflow(padded, after, &padded) ||
      __builtin_add_overflow(padded, int64_t(extent > 0), &padded))
    bad_input("", text("before ", before, ", after ", after, ", spacing ", spacing, ": the extent overflows"));
  return padded;
}

// Copies rows of `inner` elements between [outer, n, inner] and [outer, m, inner], element i of the
// small axis at start + i step of the large one. `gather` reads the large, otherwise it is written.
void move_rows(const ConstView& x, const View& y, const Split& large, Range r, bool gather) {
  with_any(y.type.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.as<T>().data();
    T* to = y.as<T>().data();
    for (int64_t o = 0; o < large.outer; ++o)
      for (int64_t i = 0; i < r.count; ++i) {
        const int64_t big = (o * large.extent + r.start + i * r.step) * large.inner,
                      small = (o * r.count + i) * large.inner;
        std::copy_n(from + (gather ? big : small), large.inner, to + (gather ? small : big));
      }
  });
}

std::vector<Type> infer_concatenate(const InferCall& call) {
  const int axis = call.in[0].shape.axis(call.attrs.integer("axis"));
  int64_t extent = 0;
  for (const Type& type : call.in) {
    if (type.shape.rank() != call.in[0].shape.rank() || type.dtype != call.in[0].dtype ||
        with_extent(type, axis, 0) != with_extent(call.in[0], axis, 0))
      bad_input("", text("parts are ", call.in[0], " and ", type, ", expected equal extents except on axis ", axis));
    extent += type.shape[axis];
  }
  return {with_extent(call.in[0], axis, extent)};
}

} // namespace

const Op reshape_op{
    .name = "reshape", .formula = "y = x",
    .doc = "The same elements in the same order under another shape; one extent may be -1.",
    .traits = alias, .args = {"x"}, .rules = {"dx = dy"},
    .attrs = {{"shape", std::vector<int64_t>{}, "the extents", true}},
    .infer = [](const InferCall& call) {
      auto extents = call.attrs.list("shape");
      const int64_t elements = call.in[0].shape.elements();
      std::vector<int64_t> given = extents;
      const int64_t unknown = int64_t(std::erase(given, -1)), known = Shape(given).elements();
      if (unknown > 1) bad_input("", text("shape ", to_text(extents), " has more than one -1"));
      for (int64_t& extent : extents)
        if (extent == -1 && known && elements % known == 0) extent = elements / known;
      if (std::ranges::count(extents, -1) || Shape(extents).elements() != elements)
        bad_input("", text(call.in[0].shape, " of ", elements, " elements cannot become ",
            to_text(call.attrs.list("shape"))));
      return std::vector{Type{call.in[0].dtype, Shape(extents)}};
    },
    .plain = [](const PlainCall& call) {
      std::memcpy(call.out[0].data, call.in[0].data, size_t(call.out[0].type.bytes()));
    },
    .grad = [](const GradOf& g) { return std::vector{reshape(g.dy, g.x.shape().list())}; },
    .onnx = "Reshape", .examples = {{.in = {some}, .attrs = {{"shape", std::vector<int64_t>{3, -1}}}}}};

const Op transpose_op{
    .name = "transpose", .formula = "y = x'", .doc = "The axes in another order; without one, reversed.",
    .args = {"x"}, .rules = {"dx = dy'"},
    .attrs = {{"order", std::vector<int64_t>{}, "for each axis of y, the axis of x"}},
    .infer = [](const InferCall& call) {
      std::vector<int64_t> extents;
      for (const int axis : full_order(call.attrs, call.in[0].shape)) extents.push_back(call.in[0].shape[axis]);
      return std::vector{Type{call.in[0].dtype, Shape(extents)}};
    },
    .plain = [](const PlainCall& call) {
      const auto own = call.in[0].type.shape.strides();
      std::array<int64_t, Shape::max_rank> stride{};
      size_t at = 0;
      for (const int axis : full_order(call.attrs, call.in[0].type.shape)) stride[at++] = own[axis];
      plain_strided(call.in[0], call.out[0], stride);
    },
    .grad = [](const GradOf& g) {
      const Order order = full_order(g.attrs, g.x.shape());
      std::vector<int64_t> inverse(order.rank);
      for (size_t i = 0; i < order.rank; ++i) inverse[size_t(order.axes[i])] = int64_t(i);
      return std::vector{transpose(g.dy, inverse)};
    },
    .onnx = "Transpose",
    .examples = {{.in = {some}}, {.in = {cube}, .attrs = {{"order", std::vector<int64_t>{1, 2, 0}}}}}};

const Op broadcast_to_op{
    .name = "broadcast_to", .formula = "y = x", .doc = "Stretches extents of 1, and adds leading axes.",
    .args = {"x"}, .rules = {"dx = sum(dy)"}, .attrs = {{"shape", std::vector<int64_t>{}, "the extents", true}},
    .infer = [](const InferCall& call) {
      const Shape shape(call.attrs.list("shape"));
      if (broadcast(call.in[0].shape, shape) != shape)
        bad_input("", text(call.in[0].shape, " does not stretch to ", shape));
      return std::vector{Type{call.in[0].dtype, shape}};
    },
    .plain = [](const PlainCall& call) {
      plain_strided(call.in[0], call.out[0], broadcast_strides(call.in[0].type.shape, call.out[0].type.shape));
    },
    .grad = [](const GradOf& g) { return std::vector{sum_to(g.dy, g.x.shape())}; },
    .onnx = "Expand", .examples = {{.in = {some}, .attrs = {{"shape", std::vector<int64_t>{2, 2, 3}}}}}};

const Op slice_op{
    .name = "slice", .formula = "y = x[start:stop:step]",
    .doc = "A part of one axis, as Python's slices with a positive step.",
    .args = {"x"}, .rules = {"dx = dy, zeros elsewhere"},
    .attrs = {{"axis", int64_t{0}, "the axis"}, {"start", int64_t{0}, "first position"},
              {"stop", int64_t{1} << 40, "position after the last"}, {"step", int64_t{1}, "at least 1"}},
    .infer = [](const InferCall& call) {
      const int axis = call.in[0].shape.axis(call.attrs.integer("axis"));
      return std::vector{with_extent(call.in[0], axis, range(call.attrs, call.in[0].shape[axis]).count)};
    },
    .plain = [](const PlainCall& call) {
      const Split large(call.in[0].type.shape, call.attrs.integer("axis"));
      move_rows(call.in[0], call.out[0], large, range(call.attrs, large.extent), true);
    },
    .grad = [](const GradOf& g) {
      const int axis = g.x.shape().axis(g.attrs.integer("axis"));
      const Range r = range(g.attrs, g.x.shape()[axis]);
      if (r.count == 0) return std::vector{full_like(g.x, 0)};
      const int64_t end = r.start + (r.count - 1) * r.step + 1;
      return std::vector{pad(g.dy, axis, r.start, g.x.shape()[axis] - end, r.step)};
    },
    .onnx = "Slice",
    .examples = {{.in = {some}, .attrs = {{"axis", int64_t{1}}, {"start", int64_t{-2}}}},
                 {.in = {cube}, .attrs = {{"axis", int64_t{1}}, {"stop", int64_t{3}}, {"step", int64_t{2}}}}}};

const Op pad_op{
    .name = "pad", .formula = "y = 0 .. x .. 0",
    .doc = "Zeros before and after one axis, and spacing - 1 of them between its elements.",
    .args = {"x"}, .rules = {"dx = dy, the part that was x"},
    .attrs = {{"axis", int64_t{0}, "the axis"}, {"before", int64_t{0}, "zeros in front"},
              {"after", int64_t{0}, "zeros behind"}, {"spacing", int64_t{1}, "distance of neighbours, at least 1"}},
    .infer = [](const InferCall& call) {
      const int axis = call.in[0].shape.axis(call.attrs.integer("axis"));
      return std::vector{with_extent(call.in[0], axis, padded_extent(call.attrs, call.in[0].shape[axis]))};
    },
    .plain = [](const PlainCall& call) {
      std::memset(call.out[0].data, 0, size_t(call.out[0].type.bytes()));
      const Split large(call.out[0].type.shape, call.attrs.integer("axis"));
      const Range r{call.attrs.integer("before"), call.attrs.integer("spacing"), call.in[0].type.shape[large.axis]};
      move_rows(call.in[0], call.out[0], large, r, false);
    },
    .grad = [](const GradOf& g) {
      const int axis = g.x.shape().axis(g.attrs.integer("axis"));
      const int64_t before = g.attrs.integer("before");
      const int64_t end = g.dy.shape()[axis] - g.attrs.integer("after");
      return std::vector{slice(g.dy, axis, before, end, g.attrs.integer("spacing"))};
    },
    .onnx = "Pad",
    .examples = {{.in = {some}, .attrs = {{"axis", int64_t{1}}, {"before", int64_t{1}}, {"after", int64_t{2}}}},
                 {.in = {some}, .attrs = {{"axis", int64_t{-1}}, {"spacing", int64_t{3}}}}}};

const Op concatenate_op{
    .name = "concatenate", .formula = "y = [a, b, ..]", .doc = "Parts one after the other along an axis.",
    .args = {"a", "..."}, .rules = {"da = dy, the part that was a"}, .attrs = {{"axis", int64_t{0}, "the axis"}},
    .infer = infer_concatenate,
    .plain = [](const PlainCall& call) {
      const Split whole(call.out[0].type.shape, call.attrs.integer("axis"));
      int64_t start = 0;
      for (const ConstView& part : call.in) {
        const int64_t extent = part.type.shape[whole.axis];
        move_rows(part, call.out[0], whole, {start, 1, extent}, false);
        start += extent;
      }
    },
    .grad = [](const GradOf& g) {
      const int axis = g.x.shape().axis(g.attrs.integer("axis"));
      std::vector<Var> out;
      int64_t start = 0;
      for (const Var& part : g.xs) {
        out.push_back(slice(g.dy, axis, start, start + part.shape()[axis]));
        start += part.shape()[axis];
      }
      return out;
    },
    .onnx = "Concat", .examples = {{.in = {some, more, some}, .attrs = {{"axis", int64_t{1}}}}, {.in = {some, some}}}};

Var reshape(In x, const std::vector<int64_t>& shape) { return apply(reshape_op, {x}, {{"shape", shape}}); }
Var transpose(In x, const std::vector<int64_t>& order) { return apply(transpose_op, {x}, {{"order", order}}); }
Var broadcast_to(In x, const Shape& shape) { return apply(broadcast_to_op, {x}, {{"shape", shape.list()}}); }
Var slice(In x, int64_t axis, int64_t start, int64_t stop, int64_t step) {
  return apply(slice_op, {x}, {{"axis", axis}, {"start", start}, {"stop", stop}, {"step", step}});
}
Var pad(In x, int64_t axis, int64_t before, int64_t after, int64_t spacing) {
  return apply(pad_op, {x}, {{"axis", axis}, {"before", before}, {"after", after}, {"spacing", spacing}});
}
Var concatenate(const std::vector<Var>& parts, int64_t axis) {
  if (parts.empty()) bad_input("concatenate", "no parts", "give at least one");
  const std::vector<In> in(parts.begin(), parts.end());
  return apply(concatenate_op, in, {{"axis", axis}});
}

} // namespace vitro

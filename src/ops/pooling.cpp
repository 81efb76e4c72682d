// Pooling: the largest value or the average of each window of a map. max_pool2d's derivative asks again where the
// maxima are (of equals the first, row by row), and so does the derivative of that: nothing is kept in between.
#include "kernels/pooling.h"

#include <algorithm>

#include "ops/catalogue.h"
#include "ops/pointwise.h"
#include "ops/windows.h"

namespace vitro {
namespace {

Windows windows_of(const Attrs& attrs, int64_t height, int64_t width) {
  const auto kernel = rows_and_columns(attrs, "kernel");
  const Windows out = windows_over(attrs, height, width, kernel);
  for (const Sliding* axis : {&out.rows, &out.columns})
    if (axis->extent < 1 || axis->before >= axis->kernel || axis->after >= axis->kernel)
      bad_input("",
                text("windows of ", kernel[0], " x ", kernel[1], " on a map of ", height, " x ", width,
                     " with padding ", to_text(attrs.list("padding")), ": some would hold nothing"),
                "pad by less than the kernel");
  return out;
}
Windows windows_of(const Attrs& attrs, const Shape& x) { return windows_of(attrs, x[2], x[3]); }

Shape pooled(const Shape& x, const Windows& windows) {
  return {x[0], x[1], windows.rows.positions, windows.columns.positions};
}

// Visits the windows of all maps of x in order: visit(number of the window, its taps along rows and columns, its
// place).
struct Place {
  int64_t at, oy, ox, map;
  Span down, across;
};
template <class Visit> void each_window(const Shape& x, const Windows& windows, Visit visit) {
  int64_t at = 0;
  for (int64_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (int64_t oy = 0; oy < windows.rows.positions; ++oy)
      for (int64_t ox = 0; ox < windows.columns.positions; ++ox)
        visit(Place{at++, oy, ox, plane * x[2] * x[3], windows.rows.taps(oy), windows.columns.taps(ox)});
}
template <class Visit> void each_tap(const Windows& windows, const Place& place, Visit visit) {
  const auto& [rows, columns] = windows;
  for (int64_t ky = place.down.begin; ky < place.down.end; ++ky)
    for (int64_t kx = place.across.begin; kx < place.across.end; ++kx)
      visit(place.map + rows.place(place.oy, ky) * columns.extent + columns.place(place.ox, kx));
}

// Calls visit(window, where its first largest value is).
template <class T, class Visit>
void each_maximum(const Attrs& attrs, const Shape& shape, std::span<const T> x, Visit visit) {
  const Windows windows = windows_of(attrs, shape);
  each_window(shape, windows, [&](const Place& place) {
    size_t found = size_t(-1);
    each_tap(windows, place, [&](int64_t tap) {
      const size_t at = size_t(tap);
      if (found == size_t(-1) || x[at] > x[found] || x[at] != x[at]) found = at;
    });
    visit(size_t(place.at), found);
  });
}

// What a window's sum is divided by: its values on the map, or with the padding around it, but never what stands out
// beyond that.
int64_t divisor(const Windows& windows, const Place& place, bool count_padding) {
  const auto along = [&](const Sliding& axis, int64_t at, Span taps) {
    const int64_t start = axis.place(at, 0);
    return count_padding ? std::min(start + axis.kernel, axis.extent + axis.after) - start : taps.end - taps.begin;
  };
  return along(windows.rows, place.oy, place.down) * along(windows.columns, place.ox, place.across);
}

// Calls visit(window, element of the map, the window's share) for each tap.
template <class Visit> void each_share(const Attrs& attrs, const Shape& x, Visit visit) {
  const Windows windows = windows_of(attrs, x);
  each_window(x, windows, [&](const Place& place) {
    const double share = 1 / double(divisor(windows, place, attrs.integer("count_padding")));
    each_tap(windows, place, [&](int64_t at) { visit(size_t(place.at), size_t(at), share); });
  });
}

// Plain loops: y from zero; then add(call, x, y) with the last input's values.
template <class Add> auto plain(Add add) {
  return [add](const PlainCall& call) {
    with_float(call.out[0].type.dtype, [&](auto zero) {
      using T = decltype(zero);
      const std::span<T> y = call.out[0].as<T>();
      std::ranges::fill(y, T(0));
      add(call, call.in.back().as<T>(), y);
    });
  };
}

// The values of the last input where the first one is largest: of x itself, or of another map.
const auto pick = plain([]<class T>(const PlainCall& call, std::span<const T> v, std::span<T> y) {
  each_maximum(call.attrs, call.in[0].type.shape, call.in[0].as<T>(),
               [&](size_t at, size_t found) { y[at] = v[found]; });
});

Shape expect_pooled(const InferCall& call, size_t input, const Shape& expected, const char* what) {
  if (call.in[input] != Type{call.in[0].dtype, expected})
    bad_input("", text(what, " is ", call.in[input], ", expected ", Type{call.in[0].dtype, expected}));
  return expected;
}

Shape spread_shape(const Attrs& attrs, const Shape& dy) {
  return {dy[0], dy[1], map_extent(attrs, "height"), map_extent(attrs, "width")};
}

// --- kernels ---

// Maps stay as they are held: row by row, or in blocks of channels, whose lanes are pooled side by side.
constexpr Layout in_blocks{.axis = 1, .block = 16};

LayoutWishes layouts(const LayoutCall& call) {
  const Layout held = call.held[0] == in_blocks ? in_blocks : row_major;
  return {.in = std::vector<Layout>(call.in.size(), held), .out = held};
}

// Over maps of shape x, the first input being in `held`.
kernels::Pooling pooling(const Attrs& attrs, const Shape& x, Layout held) {
  const auto [rows, columns] = windows_of(attrs, x);
  const int64_t lanes = held.row_major() ? 1 : in_blocks.block;
  return {.planes = x[0] * ((x[1] + lanes - 1) / lanes),
          .height = x[2],
          .width = x[3],
          .lanes = lanes,
          .out_height = rows.positions,
          .out_width = columns.positions,
          .kernel_height = rows.kernel,
          .kernel_width = columns.kernel,
          .stride_height = rows.stride,
          .stride_width = columns.stride,
          .top = rows.before,
          .left = columns.before};
}

// The kernels number a window's taps in float.
bool numbered(const kernels::Pooling& of) { return of.kernel_height * of.kernel_width <= 1 << 24; }

std::vector<float> shares(const Attrs& attrs, const Shape& x) {
  const Windows windows = windows_of(attrs, x);
  std::vector<float> out;
  each_window({1, 1, x[2], x[3]}, windows, [&](const Place& place) {
    out.push_back(1.0F / float(divisor(windows, place, attrs.integer("count_padding"))));
  });
  return out;
}

const float* floats(const void* data) { return static_cast<const float*>(data); }
kernels::Epilogue epilogue_of(const KernelCall& call) {
  return {call.epilogue.run, call.epilogue.context, call.epilogue.ahead};
}

// --- attributes and examples ---

const AttrSpec pool_stride_attr{"stride", std::vector<int64_t>{},
                                "how far a window is from the next; none: the kernel"};
const AttrSpec ceil_attr{"ceil", int64_t{0}, "1: the last window may stand out over the edge"};
const AttrSpec count_attr{"count_padding", int64_t{1}, "0: the average of the values that are on the map"};
const std::vector<AttrSpec> max_attrs{kernel_attr, pool_stride_attr, padding_attr, ceil_attr};

const Tensor map{Shape{1, 1, 3, 4}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};
const Tensor slope{Shape{1, 1, 2, 2}, {1, -2, 0.5, 3}};
const Tensor row{Shape{1, 1, 1, 2}, {1, -2}};
const Tensor other{Shape{1, 1, 3, 4}, {2, 1, -1, 0.5, 3, 1.5, 0, 1, -2, -1, 0.25, 4}};
const Attrs plainly{{"kernel", std::vector<int64_t>{2}}};
const Attrs padded{{"kernel", std::vector<int64_t>{3, 2}},
                   {"stride", std::vector<int64_t>{2}},
                   {"padding", std::vector<int64_t>{1, 0}}};

Attrs and_size(Attrs attrs) {
  attrs.set("height", int64_t{3});
  attrs.set("width", int64_t{4});
  return attrs;
}

Attrs without_size(const Attrs& from) {
  Attrs out;
  for (const auto& [name, value] : from.items())
    if (name != "height" && name != "width") out.set(name, value);
  return out;
}

} // namespace

const Op max_pool2d_op{
    .name = "max_pool2d", .formula = "y = max(windows(x))",
    .doc = "The largest value of each window; the derivative goes to the first of the largest.",
    .origin = "Zhou and Chellappa, \"Computation of optical flow using a neural network\", 1988",
    .traits = kinked, .args = {"x"}, .rules = {"dx = scatter(x, dy)"}, .attrs = max_attrs,
    .infer = [](const InferCall& call) {
      expect_maps(call.in[0], "the input");
      const Shape& x = call.in[0].shape;
      return std::vector{Type{call.in[0].dtype, pooled(x, windows_of(call.attrs, x))}};
    },
    .plain = pick,
    .grad = [](const GradOf& g) { return std::vector{apply(max_pool2d_scatter_op, {g.x, g.dy}, g.attrs)}; },
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) {
      return Prepared{.run = [of = pooling(call.attrs, call.in[0].shape, call.in_layouts[0])](const KernelCall& k) {
        kernels::max_pool(of, floats(k.in[0]), static_cast<float*>(k.out[0]));
      }};
    },
    .onnx = "MaxPool", .peers = {"nn.functional.max_pool2d", "ops.max_pool: maps [n, h, w, c]"},
    .examples = {{.in = {map}, .attrs = plainly}, {.in = {map}, .attrs = padded}}};

const Op max_pool2d_scatter_op{
    .name = "max_pool2d_scatter", .formula = "y = 0; y[maxima of x] += v",
    .doc = "Puts a value for each window where the first of its largest values is: max_pool2d's derivative.",
    .traits = kinked, .args = {"x", "v"}, .rules = {"dx = 0", "dv = dy[maxima of x]"}, .attrs = max_attrs,
    .infer = [](const InferCall& call) {
      const Shape shape = max_pool2d_op.infer({call.attrs, call.in.first(1)})[0].shape;
      expect_pooled(call, 1, shape, "v");
      return std::vector{call.in[0]};
    },
    .plain = plain([]<class T>(const PlainCall& call, std::span<const T> v, std::span<T> y) {
      each_maximum(call.attrs, call.in[0].type.shape, call.in[0].as<T>(),
                   [&](size_t at, size_t found) { y[found] += v[at]; });
    }),
    .grad = [](const GradOf& g) {
      return std::vector{Var{}, apply(max_pool2d_pick_op, {g.x, g.dy}, g.attrs)};
    },
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) -> Prepared {
      const auto of = pooling(call.attrs, call.in[0].shape, call.in_layouts[0]);
      if (!numbered(of)) return {};
      return {.run = [of](const KernelCall& k) {
                kernels::max_pool_scatter(of, floats(k.in[0]), floats(k.in[1]), static_cast<float*>(k.out[0]),
                                          epilogue_of(k));
              },
              .takes_epilogue = true};
    },
    .examples = {{.in = {map, row}, .attrs = plainly}, {.in = {map, slope}, .attrs = padded}}};

const Op max_pool2d_pick_op{
    .name = "max_pool2d_pick", .formula = "y = v[maxima of x]",
    .doc = "Of each window the value of v where x is largest: max_pool2d_scatter, transposed.",
    .traits = kinked, .args = {"x", "v"}, .rules = {"dx = 0", "dv = 0; dv[maxima of x] += dy"}, .attrs = max_attrs,
    .infer = [](const InferCall& call) {
      const auto out = max_pool2d_op.infer({call.attrs, call.in.first(1)});
      expect_pooled(call, 1, call.in[0].shape, "v");
      return out;
    },
    .plain = pick,
    .grad = [](const GradOf& g) {
      return std::vector{Var{}, apply(max_pool2d_scatter_op, {g.x, g.dy}, g.attrs)};
    },
    .examples = {{.in = {map, other}, .attrs = plainly}, {.in = {map, other}, .attrs = padded}}};

const Op avg_pool2d_op{
    .name = "avg_pool2d", .formula = "y = mean(windows(x))", .doc = "The average of each window.",
    .origin = "LeCun et al., \"Gradient-based learning applied to document recognition\", 1998, section II.B",
    .args = {"x"}, .rules = {"dx = scatter(dy) / n"},
    .attrs = {kernel_attr, pool_stride_attr, padding_attr, ceil_attr, count_attr},
    .infer = max_pool2d_op.infer,
    .plain = plain([]<class T>(const PlainCall& call, std::span<const T> x, std::span<T> y) {
      each_share(call.attrs, call.in[0].type.shape,
                 [&](size_t at, size_t from, double share) { y[at] += T(x[from] * T(share)); });
    }),
    .grad = [](const GradOf& g) {
      Attrs attrs = g.attrs;
      attrs.set("height", g.x.shape()[2]);
      attrs.set("width", g.x.shape()[3]);
      return std::vector{apply(avg_pool2d_scatter_op, {g.dy}, attrs)};
    },
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) {
      const Shape& x = call.in[0].shape;
      const auto of = pooling(call.attrs, x, call.in_layouts[0]);
      return Prepared{.run = [of, share = shares(call.attrs, x)](const KernelCall& k) {
        kernels::average_pool(of, share.data(), floats(k.in[0]), static_cast<float*>(k.out[0]));
      }};
    },
    .onnx = "AveragePool", .peers = {"nn.functional.avg_pool2d", "ops.average_pool: maps [n, h, w, c]"},
    .examples = {{.in = {map}, .attrs = plainly}, {.in = {map}, .attrs = padded}}};

const Op avg_pool2d_scatter_op{
    .name = "avg_pool2d_scatter", .formula = "y = 0; windows(y) += x / n",
    .doc = "Spreads a value for each window evenly over it: avg_pool2d's derivative.",
    .args = {"x"}, .rules = {"dx = mean(windows(dy))"},
    .attrs = {height_attr, width_attr, kernel_attr, pool_stride_attr, padding_attr, ceil_attr, count_attr},
    .infer = [](const InferCall& call) {
      expect_maps(call.in[0], "the input");
      const Shape map = spread_shape(call.attrs, call.in[0].shape);
      expect_pooled(call, 0, pooled(map, windows_of(call.attrs, map)), "the input");
      return std::vector{Type{call.in[0].dtype, map}};
    },
    .plain = plain([]<class T>(const PlainCall& call, std::span<const T> x, std::span<T> y) {
      each_share(call.attrs, call.out[0].type.shape,
                 [&](size_t at, size_t to, double share) { y[to] += T(x[at] * T(share)); });
    }),
    .grad = [](const GradOf& g) { return std::vector{apply(avg_pool2d_op, {g.dy}, without_size(g.attrs))}; },
    .layouts = layouts,
    .prepare = [](const PrepareCall& call) {
      const Shape& map = call.out[0].shape;
      const auto of = pooling(call.attrs, map, call.in_layouts[0]);
      return Prepared{.run = [of, share = shares(call.attrs, map)](const KernelCall& k) {
                        kernels::average_pool_scatter(of, share.data(), floats(k.in[0]),
                                                      static_cast<float*>(k.out[0]), epilogue_of(k));
                      },
                      .takes_epilogue = true};
    },
    .examples = {{.in = {row}, .attrs = and_size(plainly)}, {.in = {slope}, .attrs = and_size(padded)}}};

Var max_pool2d(In x, const Pool& pool) {
  return apply(
      max_pool2d_op, {x},
      {{"kernel", pool.kernel}, {"stride", pool.stride}, {"padding", pool.padding}, {"ceil", int64_t(pool.ceil)}});
}
Var avg_pool2d(In x, const Pool& pool, bool count_padding) {
  return apply(avg_pool2d_op, {x},
               {{"kernel", pool.kernel},
                {"stride", pool.stride},
                {"padding", pool.padding},
                {"ceil", int64_t(pool.ceil)},
                {"count_padding", int64_t(count_padding)}});
}

} // namespace vitro

// A map as the windows over it (im2col), and windows added up into a map: each is the other's derivative.
#include "ops/windows.h"

#include <algorithm>

#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

constexpr int64_t most = int64_t{1} << 30; // of any attribute: their products stay in range

[[noreturn]] void refuse(const Attrs& attrs, const char* name, const char* expected) {
  bad_input("", text(name, " is ", to_text(*attrs.find(name)), ", expected ", expected));
}

// Sets the padding of both axes: as stated, or, where none is, so much that `stride` alone shrinks the map (the odd one
// behind, as TensorFlow and PyTorch do it).
void set_padding(const Attrs& attrs, Windows& windows) {
  const auto& given = attrs.list("padding");
  const size_t n = given.size();
  if (n == 0) {
    for (Sliding* axis : {&windows.rows, &windows.columns}) {
      const int64_t positions = (axis->extent + axis->stride - 1) / axis->stride;
      const int64_t all = std::max<int64_t>((positions - 1) * axis->stride + axis->reach() - axis->extent, 0);
      axis->before = all / 2;
      axis->after = all - axis->before;
    }
    return;
  }
  if ((n != 1 && n != 2 && n != 4) || std::ranges::any_of(given, [](int64_t x) { return x < 0 || x > most; }))
    refuse(attrs, "padding",
           "one number, two (rows, columns), four (top, left, bottom, right) or \"same\", none below 0");
  windows.rows.before = given[0];
  windows.columns.before = given[n > 1];
  windows.rows.after = given[n == 4 ? 2 : 0];
  windows.columns.after = given[n - 1];
}

// Positions along one axis; 0 or less where the window has no room. With `ceil` the last may stand out over the
// padding, if it begins before it (as PyTorch's ceil_mode).
int64_t count(const Sliding& s, bool ceil) {
  const int64_t room = s.extent + s.before + s.after - s.reach();
  if (!ceil) return room < 0 ? 0 : room / s.stride + 1;
  const int64_t steps = room < 0 ? -(-room / s.stride) : (room + s.stride - 1) / s.stride;
  return steps * s.stride < s.extent + s.before ? steps + 1 : steps;
}

// Calls visit(element of the windows, element of the maps) for all windows of `planes` maps, in order; -1: padding.
template <class Visit> void each_tap(int64_t planes, const Windows& windows, Visit visit) {
  const auto& [rows, columns] = windows;
  int64_t at = 0;
  for (int64_t plane = 0; plane < planes; ++plane)
    for (int64_t ky = 0; ky < rows.kernel; ++ky)
      for (int64_t kx = 0; kx < columns.kernel; ++kx) {
        const Span down = rows.positions_of(ky), across = columns.positions_of(kx);
        for (int64_t oy = 0; oy < rows.positions; ++oy) {
          const int64_t row = (plane * rows.extent + rows.place(oy, ky)) * columns.extent;
          for (int64_t ox = 0; ox < columns.positions; ++ox, ++at)
            visit(at, down.has(oy) && across.has(ox) ? row + columns.place(ox, kx) : -1);
        }
      }
}

Windows windows_of_map(const Attrs& attrs, const Shape& x) {
  return windows_over(attrs, x[2], x[3], rows_and_columns(attrs, "kernel"));
}
Windows windows_of_fold(const Attrs& attrs, const Shape& windows) {
  return windows_over(attrs, map_extent(attrs, "height"), map_extent(attrs, "width"), {windows[2], windows[3]});
}

Attrs with(const Attrs& from, Attrs more) {
  for (const char* name : {"stride", "padding", "dilation"}) more.set(name, from.list(name));
  return more;
}

const Tensor map{Shape{1, 1, 3, 4}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};
const Tensor unfolded{Shape{1, 1, 2, 2, 1, 2}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5}};

} // namespace

std::array<int64_t, 2> rows_and_columns(const Attrs& attrs, const char* name) {
  const auto& given = attrs.list(name);
  if (given.empty() || given.size() > 2 || std::ranges::any_of(given, [](int64_t x) { return x < 1 || x > most; }))
    refuse(attrs, name, "one number or two (rows, columns), at least 1");
  return {given.front(), given.back()};
}

Windows windows_over(const Attrs& attrs, int64_t height, int64_t width, std::array<int64_t, 2> kernel) {
  const auto stride = attrs.list("stride").empty() ? kernel : rows_and_columns(attrs, "stride");
  const auto dilation = attrs.has("dilation") ? rows_and_columns(attrs, "dilation") : std::array<int64_t, 2>{1, 1};
  const bool ceil = attrs.has("ceil") && attrs.integer("ceil");
  for (const int64_t extent : kernel)
    if (extent < 1 || extent > most)
      bad_input("", text("the kernel is ", kernel[0], " x ", kernel[1], ", expected at least 1 x 1"));
  Windows out{{height, kernel[0], stride[0], dilation[0]}, {width, kernel[1], stride[1], dilation[1]}};
  set_padding(attrs, out);
  for (Sliding* axis : {&out.rows, &out.columns}) axis->positions = count(*axis, ceil);
  if (out.rows.positions < 1 || out.columns.positions < 1) {
    const auto& [rows, columns] = out;
    std::string what = text("a map of ", height, " x ", width);
    if (rows.padded() != height || columns.padded() != width)
      what += text(" (padded: ", rows.padded(), " x ", columns.padded(), ")");
    what += text(" has no room for a kernel of ", kernel[0], " x ", kernel[1]);
    if (rows.reach() != kernel[0] || columns.reach() != kernel[1])
      what += text(" (dilated: ", rows.reach(), " x ", columns.reach(), ")");
    bad_input("", what, "take a smaller kernel, more padding, or fewer layers that shrink the map");
  }
  return out;
}

void expect_maps(const Type& type, const char* input) {
  if (!is_float(type.dtype) || type.shape.rank() != 4)
    bad_input("", text(input, " is ", type, ", expected floating point of 4 axes"));
}

int64_t map_extent(const Attrs& attrs, const char* name) {
  const int64_t extent = attrs.integer(name);
  if (extent < 0 || extent > most) refuse(attrs, name, "from 0 to 2^30");
  return extent;
}

const Op unfold2d_op{
    .name = "unfold2d", .formula = "y = windows(x)",
    .doc = "Each window's values side by side: [n, c, h, w] becomes [n, c, kh, kw, oh, ow]; `fill` where it lies over "
           "the edge.",
    .origin = "Chellapilla, Puri, Simard, \"High performance convolutional neural networks for document processing\", "
              "2006, section 3.1",
    .args = {"x"}, .rules = {"dx = fold2d(dy)"},
    .attrs = {kernel_attr, stride_attr, padding_attr, dilation_attr, {"fill", 0.0, "what stands around the map"}},
    .infer = [](const InferCall& call) {
      const Shape& x = call.in[0].shape;
      expect_maps(call.in[0], "the input");
      const auto [rows, columns] = windows_of_map(call.attrs, x);
      return std::vector{Type{call.in[0].dtype,
                              Shape{x[0], x[1], rows.kernel, columns.kernel, rows.positions, columns.positions}}};
    },
    .plain = [](const PlainCall& call) {
      const Shape& shape = call.in[0].type.shape;
      with_float(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto x = call.in[0].as<T>();
        const auto y = call.out[0].as<T>();
        const T fill = T(call.attrs.real("fill"));
        each_tap(shape[0] * shape[1], windows_of_map(call.attrs, shape),
                 [&](int64_t at, int64_t from) { y[size_t(at)] = from < 0 ? fill : x[size_t(from)]; });
      });
    },
    .grad = [](const GradOf& g) {
      const Shape& x = g.x.shape();
      return std::vector{apply(fold2d_op, {g.dy}, with(g.attrs, {{"height", x[2]}, {"width", x[3]}}))};
    },
    .peers = {"nn.functional.unfold", "ops.image.extract_patches"},
    .examples = {{.in = {map}, .attrs = {{"kernel", std::vector<int64_t>{2}}}},
                 {.in = {map}, .attrs = {{"kernel", std::vector<int64_t>{2, 3}}, {"stride", std::vector<int64_t>{2}},
                                         {"padding", std::vector<int64_t>{1, 0}}, {"fill", 0.5}}}}};

const Op fold2d_op{
    .name = "fold2d", .formula = "y = 0; windows(y) += x",
    .doc = "Adds windows [n, c, kh, kw, oh, ow] up where they lie in maps [n, c, height, width]: unfold2d, transposed.",
    .args = {"x"}, .rules = {"dx = windows(dy)"},
    .attrs = {height_attr, width_attr, stride_attr, padding_attr, dilation_attr},
    .infer = [](const InferCall& call) {
      const auto& [dtype, x] = call.in[0];
      if (!is_float(dtype) || x.rank() != 6)
        bad_input("", text("the input is ", call.in[0], ", expected floating point [n, c, kh, kw, oh, ow]"));
      const auto [rows, columns] = windows_of_fold(call.attrs, x);
      if (x[4] != rows.positions || x[5] != columns.positions)
        bad_input("", text("the input ", x, " holds ", x[4], " x ", x[5], " windows, a map of ", rows.extent, " x ",
                           columns.extent, " has ", rows.positions, " x ", columns.positions));
      return std::vector{Type{dtype, Shape{x[0], x[1], rows.extent, columns.extent}}};
    },
    .plain = [](const PlainCall& call) {
      const Shape& shape = call.in[0].type.shape;
      with_float(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto x = call.in[0].as<T>();
        const auto y = call.out[0].as<T>();
        std::ranges::fill(y, T(0));
        each_tap(shape[0] * shape[1], windows_of_fold(call.attrs, shape), [&](int64_t at, int64_t to) {
          if (to >= 0) y[size_t(to)] += x[size_t(at)];
        });
      });
    },
    .grad = [](const GradOf& g) {
      const Shape& x = g.x.shape();
      return std::vector{apply(unfold2d_op, {g.dy}, with(g.attrs, {{"kernel", std::vector<int64_t>{x[2], x[3]}}}))};
    },
    .peers = {"nn.functional.fold", ""},
    .examples = {{.in = {unfolded}, .attrs = {{"height", int64_t{2}}, {"width", int64_t{3}}}},
                 {.in = {unfolded}, .attrs = {{"height", int64_t{1}}, {"width", int64_t{3}},
                     {"stride", std::vector<int64_t>{2, 1}}, {"padding", std::vector<int64_t>{1, 0, 0, 0}}}}}};

Var unfold2d(In x, const std::vector<int64_t>& kernel, const Window& window, double fill) {
  return apply(unfold2d_op, {x},
               {{"kernel", kernel},
                {"stride", window.stride},
                {"padding", window.padding},
                {"dilation", window.dilation},
                {"fill", fill}});
}
Var fold2d(In x, int64_t height, int64_t width, const Window& window) {
  return apply(fold2d_op, {x},
               {{"height", height},
                {"width", width},
                {"stride", window.stride},
                {"padding", window.padding},
                {"dilation", window.dilation}});
}

} // namespace vitro

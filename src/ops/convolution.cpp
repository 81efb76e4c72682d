// Convolution and its two derivatives: a family of three, of which each one's derivatives are the other two. All are
// sums of x * weight * dy over the same triples, with one of them left out.
//
// As everywhere in neural networks the kernel is not mirrored (a cross-correlation).
#include "kernels/convolution.h"

#include "ops/catalogue.h"
#include "ops/pointwise.h"
#include "ops/windows.h"

namespace vitro {
namespace {

using kernels::Convolution;

// The one shape rule: what a convolution of x [n, c, h, w] with weight [o, c / groups, kh, kw] is.
Convolution convolution(const Attrs& attrs, const Shape& x, const Shape& weight) {
  const int64_t groups = attrs.integer("groups");
  if (groups < 1) bad_input("", text("groups is ", groups, ", expected at least 1"));
  if (x[1] % groups || weight[0] % groups)
    bad_input("", text(groups, " groups do not divide ", x[1], " channels in and ", weight[0], " out"));
  if (x[1] / groups != weight[1])
    bad_input("", text("the input ", x, " has ", x[1], " channels", groups > 1 ? text(" in ", groups, " groups") : "",
                       ", the weight ", weight, " is for ", weight[1], groups > 1 ? " each" : ""));
  const auto [rows, columns] = windows_over(attrs, x[2], x[3], {weight[2], weight[3]});
  return {.batch = x[0],
          .groups = groups,
          .in = x[1],
          .height = x[2],
          .width = x[3],
          .out = weight[0],
          .out_height = rows.positions,
          .out_width = columns.positions,
          .kernel_height = rows.kernel,
          .kernel_width = columns.kernel,
          .stride_height = rows.stride,
          .stride_width = columns.stride,
          .dilation_height = rows.dilation,
          .dilation_width = columns.dilation,
          .top = rows.before,
          .left = columns.before};
}

Shape x_shape(const Convolution& c) { return {c.batch, c.in, c.height, c.width}; }
Shape y_shape(const Convolution& c) { return {c.batch, c.out, c.out_height, c.out_width}; }
Shape weight_shape(const Convolution& c) { return {c.out, c.in / c.groups, c.kernel_height, c.kernel_width}; }

void expect_operands(const InferCall& call, const char* first, const char* second) {
  expect_maps(call.in[0], first);
  expect_maps(call.in[1], second);
  if (call.in[0].dtype != call.in[1].dtype)
    bad_input("", text("inputs are ", call.in[0], " and ", call.in[1], ", expected one element type"));
}

void expect_gradient(const Shape& dy, const Convolution& c) {
  if (dy != y_shape(c)) bad_input("", text("dy is ", dy, ", expected ", y_shape(c)));
}

Convolution of_forward(const Attrs& attrs, const Shape& x, const Shape& weight) {
  return convolution(attrs, x, weight);
}
Convolution of_input_gradient(const Attrs& attrs, const Shape& dy, const Shape& weight) {
  const Shape grouped{attrs.integer("groups") > 0 ? attrs.integer("groups") : 0, weight[1]}; // its product is in range
  const Convolution c =
      convolution(attrs, {dy[0], grouped.elements(), map_extent(attrs, "height"), map_extent(attrs, "width")}, weight);
  expect_gradient(dy, c);
  return c;
}
Convolution of_weight_gradient(const Attrs& attrs, const Shape& x, const Shape& dy) {
  const auto [height, width] = rows_and_columns(attrs, "kernel");
  const int64_t groups = attrs.integer("groups");
  const Convolution c = convolution(attrs, x, {dy[1], groups > 0 ? x[1] / groups : 0, height, width});
  expect_gradient(dy, c);
  return c;
}

// As matrices, one for each sample and group: a row for each channel, a column for each position; the windows have a
// row for each weight of an output channel.
int64_t taps(const Convolution& c) { return c.in / c.groups * c.kernel_height * c.kernel_width; }
Var as_matrices(const Var& maps, const Convolution& c) {
  const Shape& s = maps.shape();
  return reshape(maps, {s[0], c.groups, s[1] / c.groups, s[2] * s[3]});
}
Var as_matrix(const Var& weight, const Convolution& c) {
  return reshape(weight, {c.groups, c.out / c.groups, taps(c)});
}
Window window_of(const Attrs& attrs) { return {attrs.list("stride"), attrs.list("padding"), attrs.list("dilation")}; }
Var windows_of(const Var& x, const Attrs& attrs, const Convolution& c) {
  const Var windows = unfold2d(x, {c.kernel_height, c.kernel_width}, window_of(attrs));
  return reshape(windows, {c.batch, c.groups, taps(c), c.out_height * c.out_width});
}

// The attributes that all three have, and those that one has of its own.
Attrs shared(const Attrs& from, Attrs own = {}) {
  for (const char* name : {"stride", "padding", "dilation", "groups"}) own.set(name, *from.find(name));
  return own;
}
Var input_gradient(const Var& dy, const Var& weight, const Attrs& attrs, const Shape& x) {
  return apply(conv2d_input_gradient_op, {dy, weight}, shared(attrs, {{"height", x[2]}, {"width", x[3]}}));
}
Var weight_gradient(const Var& x, const Var& dy, const Attrs& attrs, const Shape& weight) {
  return apply(conv2d_weight_gradient_op, {x, dy},
               shared(attrs, {{"kernel", std::vector<int64_t>{weight[2], weight[3]}}}));
}

// What the kernels want: maps in blocks of channels and the weight in panels, or everything in rows.
Layout maps(bool blocks) { return blocks ? Layout{.axis = 1, .block = 16} : row_major; }
Layout panels(bool blocks) { return blocks ? Layout{.axis = 0, .block = 16} : row_major; }

// The three as kernels: how they read and write, and what runs.
using Describe = Convolution (*)(const Attrs&, const Shape&, const Shape&);
using Run = void (*)(const Convolution&, const float*, const float*, float*, void*, kernels::Epilogue);

template <Describe describe> auto layouts(LayoutWishes (*wishes)(const Convolution&)) {
  return [wishes](const LayoutCall& call) { return wishes(describe(call.attrs, call.in[0].shape, call.in[1].shape)); };
}
template <Describe describe>
auto prepare(Run run, int64_t (*workspace)(const Convolution&), bool output_optional = false) {
  return [=](const PrepareCall& call) -> Prepared {
    if (call.out[0].shape.elements() == 0 || call.in[0].shape.elements() == 0) return {}; // its expansion will do
    const Convolution c = describe(call.attrs, call.in[0].shape, call.in[1].shape);
    return {.run =
                [=](const KernelCall& k) {
                  run(c, static_cast<const float*>(k.in[0]), static_cast<const float*>(k.in[1]),
                      static_cast<float*>(k.out[0]), k.workspace,
                      {k.epilogue.run, k.epilogue.context, k.epilogue.ahead});
                },
            .workspace_bytes = workspace(c),
            .takes_epilogue = true,
            .output_optional = output_optional && kernels::in_blocks(c),
            .flops = 2 * c.batch * c.out * c.out_height * c.out_width * taps(c)};
  };
}

const AttrSpec groups_attr{"groups", int64_t{1}, "channels in as many groups, each convolved by itself"};
const char* const book = "Goodfellow, Bengio, Courville, \"Deep learning\", 2016, equation 9.6";

const Tensor map{Shape{1, 2, 3, 3}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25, 0, 1, -1, 2, -3, 0.5}};
const Tensor weight{Shape{2, 2, 2, 2}, {1, 0, -1, 2, 0.5, 1, 0, -2, -1, 1, 0.25, 0, 2, -0.5, 1, 1}};
const Tensor group{Shape{2, 1, 2, 2}, {1, 0, -1, 2, 0.5, 1, 0, -2}};
const Tensor slope{Shape{1, 2, 2, 2}, {1, -1, 0.5, 2, -2, 0.25, 1, 3}};
const Tensor wide{Shape{1, 2, 2, 2}, {1, 0.5, -1, 2, -2, 1, 0.25, 3}};
const Attrs strided{
    {"stride", std::vector<int64_t>{2}}, {"padding", std::vector<int64_t>{1, 0, 0, 1}}, {"groups", int64_t{2}}};

Attrs and_size(Attrs attrs) {
  attrs.set("height", int64_t{3});
  attrs.set("width", int64_t{3});
  return attrs;
}
Attrs and_kernel(Attrs attrs) {
  attrs.set("kernel", std::vector<int64_t>{2});
  return attrs;
}

} // namespace

const Op conv2d_op{
    .name = "conv2d", .formula = "y = conv(x, weight)",
    .doc = "Slides a kernel over maps: each output is the weighted sum of a window over all channels of its group.",
    .origin = book, .args = {"x", "weight"},
    .rules = {"dx = input_gradient(dy, weight)", "dweight = weight_gradient(x, dy)"},
    .attrs = {stride_attr, padding_attr, dilation_attr, groups_attr},
    .infer = [](const InferCall& call) {
      expect_operands(call, "the input", "the weight");
      return std::vector{Type{call.in[0].dtype, y_shape(of_forward(call.attrs, call.in[0].shape, call.in[1].shape))}};
    },
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const Convolution c = of_forward(attrs, in[0].shape(), in[1].shape());
      const Var y = matmul(as_matrix(in[1], c), windows_of(in[0], attrs, c));
      return std::vector{reshape(y, y_shape(c).list())};
    },
    .grad = [](const GradOf& g) {
      return std::vector{input_gradient(g.dy, g.xs[1], g.attrs, g.x.shape()),
                         weight_gradient(g.x, g.dy, g.attrs, g.xs[1].shape())};
    },
    .layouts = layouts<of_forward>([](const Convolution& c) -> LayoutWishes {
      const Layout weight = panels(in_blocks(c));
      return {.in = {maps(reads_blocks(c)), weight}, .out = maps(in_blocks(c)), .states = {row_major, weight}};
    }),
    .prepare = prepare<of_forward>(kernels::convolve, kernels::convolve_workspace),
    .onnx = "Conv", .peers = {"nn.functional.conv2d", "ops.conv: maps [n, h, w, c]"},
    .examples = {{.in = {map, weight}}, {.in = {map, group}, .attrs = strided}}};

const Op conv2d_input_gradient_op{
    .name = "conv2d_input_gradient", .formula = "y = input_gradient(x, weight)",
    .doc = "The derivative of conv2d by its input, for the derivative x by its output: a transposed convolution.",
    .origin = book, .args = {"x", "weight"},
    .rules = {"dx = conv(dy, weight)", "dweight = weight_gradient(dy, x)"},
    .attrs = {height_attr, width_attr, stride_attr, padding_attr, dilation_attr, groups_attr},
    .infer = [](const InferCall& call) {
      expect_operands(call, "dy", "the weight");
      return std::vector{
          Type{call.in[0].dtype, x_shape(of_input_gradient(call.attrs, call.in[0].shape, call.in[1].shape))}};
    },
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const Convolution c = of_input_gradient(attrs, in[0].shape(), in[1].shape());
      const Var windows = matmul(as_matrix(in[1], c), as_matrices(in[0], c), true);
      const Var unfolded =
          reshape(windows, {c.batch, c.in, c.kernel_height, c.kernel_width, c.out_height, c.out_width});
      return std::vector{fold2d(unfolded, c.height, c.width, window_of(attrs))};
    },
    .grad = [](const GradOf& g) {
      return std::vector{apply(conv2d_op, {g.dy, g.xs[1]}, shared(g.attrs)),
                         weight_gradient(g.dy, g.x, g.attrs, g.xs[1].shape())};
    },
    .layouts = layouts<of_input_gradient>([](const Convolution& c) -> LayoutWishes {
      const bool blocks = reads_blocks(c);
      return {.in = {maps(blocks), panels(blocks)}, .out = maps(blocks), .states = {row_major, panels(blocks)}};
    }),
    .prepare =
        prepare<of_input_gradient>(kernels::convolve_input_gradient, kernels::convolve_input_gradient_workspace),
    .peers = {"nn.grad.conv2d_input", "ops.conv_transpose"},
    .examples = {{.in = {slope, weight}, .attrs = and_size({})}, {.in = {wide, group}, .attrs = and_size(strided)}}};

const Op conv2d_weight_gradient_op{
    .name = "conv2d_weight_gradient", .formula = "y = weight_gradient(x, v)",
    .doc = "The derivative of conv2d by its weight, for the derivative v by its output.",
    .origin = book, .args = {"x", "v"},
    .rules = {"dx = input_gradient(v, dy)", "dv = conv(x, dy)"},
    .attrs = {kernel_attr, stride_attr, padding_attr, dilation_attr, groups_attr},
    .infer = [](const InferCall& call) {
      expect_operands(call, "the input", "dy");
      return std::vector{
          Type{call.in[0].dtype, weight_shape(of_weight_gradient(call.attrs, call.in[0].shape, call.in[1].shape))}};
    },
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const Convolution c = of_weight_gradient(attrs, in[0].shape(), in[1].shape());
      const Var each = matmul(as_matrices(in[1], c), windows_of(in[0], attrs, c), false, true);
      return std::vector{reshape(sum(each, {0}), weight_shape(c).list())};
    },
    .grad = [](const GradOf& g) {
      return std::vector{input_gradient(g.xs[1], g.dy, g.attrs, g.x.shape()),
                         apply(conv2d_op, {g.x, g.dy}, shared(g.attrs))};
    },
    .layouts = layouts<of_weight_gradient>([](const Convolution& c) -> LayoutWishes {
      const Layout weight = panels(in_blocks(c));
      return {.in = {maps(reads_blocks(c)), maps(in_blocks(c))}, .out = weight, .offers = {weight}};
    }),
    .prepare = prepare<of_weight_gradient>(kernels::convolve_weight_gradient,
        kernels::convolve_weight_gradient_workspace, true),
    .peers = {"nn.grad.conv2d_weight"},
    .examples = {{.in = {map, slope}, .attrs = and_kernel({})}, {.in = {map, wide}, .attrs = and_kernel(strided)}}};

Var conv2d(In x, In weight, const Window& window, int64_t groups) {
  return apply(
      conv2d_op, {x, weight},
      {{"stride", window.stride}, {"padding", window.padding}, {"dilation", window.dilation}, {"groups", groups}});
}

} // namespace vitro

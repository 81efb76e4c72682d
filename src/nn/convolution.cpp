// Convolutions: PyTorch's names, layouts and defaults (weight [out, in / groups, rows, columns], maps [batch, channels,
// rows, columns]). Keras has its channels last, its kernel [rows, columns, in, out], and starts from glorot_uniform
// with a bias of zero: init = "glorot_uniform".
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

std::string where(const LayerCall& call) { return text("layer ", call.name); }

void expect_maps(const LayerCall& call, int rank, const char* expected) {
  const Shape& x = call.in[0].shape();
  if (x.rank() != rank)
    bad_input(where(call), text("input is ", x, ", expected ", expected),
              "feed it with pictures, or with a layer that keeps their axes (flatten and dense don't)");
}

int64_t at_least_one(const LayerCall& call, const char* arg) {
  const int64_t value = call.args.integer(arg);
  if (value < 1) bad_input(where(call), text(arg, " is ", value, ", expected at least 1"));
  return value;
}

// One or two numbers, as the op takes them: those of a line in one row.
std::vector<int64_t> in_one_row(const LayerCall& call, const char* arg, int64_t along_rows) {
  const auto& given = call.args.list(arg);
  if (given.empty()) return given;
  if (given.size() > 2 || (given.size() == 2 && std::string(arg) != "padding"))
    bad_input(where(call), text(arg, " is ", to_text(given), ", expected one number"));
  if (std::string(arg) == "padding") return {0, given.front(), 0, given.back()};
  return {along_rows, given.front()};
}

// x [n, c, h, w] by a weight made here, with the layer's arguments for how it starts.
Var convolve(const LayerCall& call, const Var& x, int64_t out, int64_t groups, const std::vector<int64_t>& kernel,
             const Window& window, bool one_row) {
  const int64_t in = x.shape()[1];
  if (groups < 1 || in % groups || out % groups)
    bad_input(where(call), text(groups, " groups do not divide ", in, " channels in and ", out, " out"),
              "choose groups that divide both; groups = \"depthwise\" is one for each channel in");
  if (kernel.empty() || kernel.size() > 2 || kernel.front() < 1 || kernel.back() < 1)
    bad_input(where(call), text("kernel is ", to_text(call.args.list("kernel")), ", expected at least 1"),
              "write kernel = 3, or rows and columns, kernel = [3, 5]");
  const std::string& init = call.args.word("init");
  std::string bias_init = call.args.word("bias_init");
  if (bias_init.empty()) bias_init = init == "default" ? init : find_initializer(init, where(call)).bias;

  std::vector<int64_t> extents{out, in / groups, kernel.front(), kernel.back()};
  const Shape full(extents);
  if (one_row) extents.erase(extents.begin() + 2);
  const Shape own(extents);
  const Fan fan = fan_of(own);
  const Var kept =
      call.parameter("weight", own, {init == "default" ? "xavier_simple" : init, fan, call.args.real("gain")});
  const Var y = conv2d(x, one_row ? reshape(kept, full.list()) : kept, window, groups);
  if (!call.args.integer("bias")) return y;
  const Var bias = call.parameter("bias", Shape{out}, {bias_init == "default" ? "xavier_simple" : bias_init, fan});
  return y + reshape(bias, {out, 1, 1});
}

Window window_of(const LayerCall& call) {
  return {call.args.list("stride"), call.args.list("padding"), call.args.list("dilation")};
}

int64_t groups_of(const LayerCall& call) { // 0, as the word "depthwise" is read: one for each channel
  const int64_t groups = call.args.integer("groups");
  return groups == 0 ? call.in[0].shape()[1] : groups;
}

Var conv2d_maps(const LayerCall& call) {
  expect_maps(call, 4, "[batch, channels, rows, columns]");
  return convolve(call, call.in[0], at_least_one(call, "out"), groups_of(call), call.args.list("kernel"),
                  window_of(call), false);
}

Var depthwise(const LayerCall& call) {
  expect_maps(call, 4, "[batch, channels, rows, columns]");
  const int64_t in = call.in[0].shape()[1];
  return convolve(call, call.in[0], in * at_least_one(call, "multiplier"), in, call.args.list("kernel"),
                  window_of(call), false);
}

Var conv1d_lines(const LayerCall& call) {
  expect_maps(call, 3, "[batch, channels, steps]");
  const Shape& x = call.in[0].shape();
  const auto& kernel = call.args.list("kernel");
  if (kernel.size() != 1) bad_input(where(call), text("kernel is ", to_text(kernel), ", expected one number"));
  const Window window{in_one_row(call, "stride", 1), in_one_row(call, "padding", 0), in_one_row(call, "dilation", 1)};
  const Var y = convolve(call, reshape(call.in[0], {x[0], x[1], 1, x[2]}), at_least_one(call, "out"), groups_of(call),
                         {1, kernel[0]}, window, true);
  return reshape(y, {y.shape()[0], y.shape()[1], y.shape()[3]});
}

// The short cut of a residual block: its parameters are called as those of PyTorch's Sequential(conv, batch-norm).
Var project(const LayerCall& call) {
  expect_maps(call, 4, "[batch, channels, rows, columns]");
  const Var& x = call.in[0];
  const int64_t in = x.shape()[1], out = at_least_one(call, "out"), stride = at_least_one(call, "stride");
  if (in == out && stride == 1) return x;
  const Shape shape{out, in, 1, 1};
  const Var y =
      conv2d(x, call.parameter("0.weight", shape, {call.args.word("init"), fan_of(shape)}), {.stride = {stride}});
  const Attrs args = complete_attrs(batch_norm_layer.args, {}, where(call));
  const auto second = [](const char* own) { return text("1.", own); };
  return batch_norm_layer.build(
      {call.name,
       {y},
       args,
       call.graph,
       call.training,
       call.lengths,
       [&](const char* own, const Shape& of, const Start& start) {
         return call.parameter(second(own).c_str(), of, start);
       },
       [&](const char* own, const Shape& of, double start) { return call.running(second(own).c_str(), of, start); },
       [&](const char* own, const Var& value) { call.update(second(own).c_str(), value); },
       call.mask,
       call.memory,
       call.remember});
}

const AttrSpec out_arg{"out", int64_t{1}, "how many maps come out", true};
const AttrSpec kernel_arg{"kernel", std::vector<int64_t>{}, "the window: 3, or rows and columns, [3, 5]", true};
const AttrSpec stride_arg{"stride", std::vector<int64_t>{1}, "how far a window is from the next"};
const AttrSpec padding_arg{
    "padding", std::vector<int64_t>{0},
    "zeros around the maps: 1; rows and columns; top, left, bottom, right; \"same\": so many that "
    "a stride of 1 keeps their size; \"valid\": none"};
const AttrSpec dilation_arg{"dilation", std::vector<int64_t>{1}, "the distance of a window's taps"};
const AttrSpec groups_arg{"groups", int64_t{1}, "channels in so many groups, each by itself; \"depthwise\": each one"};
const AttrSpec bias_arg{"bias", int64_t{1}, "0: none"};
const AttrSpec init_arg{
    "init", std::string("default"),
    "how the weight starts; default: U(-1/sqrt(n), 1/sqrt(n)) for n values in a window, as PyTorch"};
const AttrSpec bias_init_arg{"bias_init", std::string(),
                             "how the bias starts: as the weight, or at zero where `init` is named"};
const AttrSpec gain_arg{"gain", 1.0, "the weight's start is multiplied by this; or an activation, whose gain is meant"};

} // namespace

const Layer conv2d_layer{
    .name = "conv2d", .aliases = {"Conv2d", "Conv2D"}, .short_name = "conv",
    .formula = "y = conv(x, weight) + bias",
    .doc = "Slides kernels over maps: each map that comes out is where one pattern was found.",
    .peers = {"nn.Conv2d", "Conv2D: channels last, kernel [rows, columns, in, out], glorot_uniform, a bias of zero"},
    .inputs = {"x"},
    .args = {out_arg, kernel_arg, stride_arg, padding_arg, dilation_arg, groups_arg, bias_arg, init_arg, bias_init_arg,
             gain_arg},
    .parameters = {"weight [out, in / groups, rows, columns]", "bias [out]"},
    .build = conv2d_maps};

const Layer depthwise_conv2d_layer{
    .name = "depthwise_conv2d", .aliases = {"DepthwiseConv2D"}, .short_name = "depthwise",
    .formula = "y = conv(x, weight) + bias, channel by channel",
    .doc = "conv2d with a group for each channel: kernels of their own, nothing added up across.",
    .peers = {"nn.Conv2d(groups=in)", "DepthwiseConv2D: depth_multiplier is multiplier"},
    .inputs = {"x"},
    .args = {kernel_arg, {"multiplier", int64_t{1}, "maps that come out for each channel"}, stride_arg, padding_arg,
             dilation_arg, bias_arg, init_arg, bias_init_arg, gain_arg},
    .parameters = {"weight [in multiplier, 1, rows, columns]", "bias [in multiplier]"},
    .build = depthwise};

const Layer conv1d_layer{
    .name = "conv1d", .aliases = {"Conv1d", "Conv1D"}, .short_name = "conv",
    .formula = "y = conv(x, weight) + bias",
    .doc = "Slides kernels along lines [batch, channels, steps]: sounds, series, texts.",
    .peers = {"nn.Conv1d", "Conv1D: channels last, kernel [steps, in, out], glorot_uniform, a bias of zero"},
    .inputs = {"x"},
    .args = {out_arg, kernel_arg, stride_arg, padding_arg, dilation_arg, groups_arg, bias_arg, init_arg, bias_init_arg,
             gain_arg},
    .parameters = {"weight [out, in / groups, steps]", "bias [out]"},
    .build = conv1d_lines};

const Layer project_layer{
    .name = "project", .short_name = "project",
    .formula = "y = x, or batch_norm(conv(x, weight)) where the shape changes",
    .doc = "The short cut around a residual block: where channels or size change, a 1 x 1 convolution and batch-norm "
           "(He et al., \"Deep residual learning for image recognition\", 2015, option B).",
    .peers = {"nn.Sequential(nn.Conv2d(.., 1, stride, bias=False), nn.BatchNorm2d(..))", ""},
    .inputs = {"x"},
    .args = {out_arg, {"stride", int64_t{1}, "of the block that it goes around"},
             {"init", std::string("xavier_simple"), "how the convolution starts"}},
    .parameters = {"0.weight [out, in, 1, 1]", "1.weight [out]", "1.bias [out]", "1.running_mean [out]",
                   "1.running_var [out]"},
    .build = project};

} // namespace vitro

// Pooling over whole maps, to a size that is asked for, and along lines. Windows over maps are the ops max_pool2d and
// avg_pool2d, which are layers by themselves.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

const Shape& maps(const LayerCall& call, int least_rank, const char* expected) {
  const Shape& x = call.in[0].shape();
  if (x.rank() < least_rank) bad_input(text("layer ", call.name), text("input is ", x, ", expected ", expected));
  return x;
}

// All axes behind the channels together.
Var over_all(const LayerCall& call, Var (*reduce)(In, const std::vector<int64_t>&, bool)) {
  const Shape& x = maps(call, 3, "[batch, channels, ...]");
  std::vector<int64_t> axes;
  for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  return reduce(call.in[0], axes, false);
}

// PyTorch's windows: output i covers from floor(i extent / out) to ceil((i + 1) extent / out). Where out divides the
// extent they are windows of one size side by side; else each row and each column of outputs is averaged by itself.
Var adaptive(const LayerCall& call, bool largest) {
  const Shape& x = maps(call, 4, "[batch, channels, rows, columns]");
  const auto& out = call.args.list("out");
  if (x.rank() != 4 || out.empty() || out.size() > 2 || out.front() < 1 || out.back() < 1)
    bad_input(text("layer ", call.name), text("out is ", to_text(out), ", the input ", x),
              "write out = 1, or rows and columns, out = [7, 7], for maps [batch, channels, rows, columns]");
  const auto along = [&](const Var& y, int axis, int64_t parts) {
    const int64_t extent = y.shape()[axis];
    if (extent % parts == 0) {
      const std::vector<int64_t> kernel =
          axis == 2 ? std::vector{extent / parts, int64_t{1}} : std::vector{int64_t{1}, extent / parts};
      return largest ? max_pool2d(y, {kernel}) : avg_pool2d(y, {kernel});
    }
    if (extent == 0) bad_input(text("layer ", call.name), text("input is ", x, ": nothing to pool"));
    std::vector<Var> pieces;
    for (int64_t i = 0; i < parts; ++i) {
      const Var piece = slice(y, axis, i * extent / parts, ((i + 1) * extent + parts - 1) / parts);
      pieces.push_back(largest ? max(piece, {axis}, true) : mean(piece, {axis}, true));
    }
    return concatenate(pieces, axis);
  };
  return along(along(call.in[0], 2, out.front()), 3, out.back());
}

// Lines [batch, channels, steps] as maps of one row.
Var along_lines(const LayerCall& call, bool largest) {
  const Shape& x = maps(call, 3, "[batch, channels, steps]");
  if (x.rank() != 3) bad_input(text("layer ", call.name), text("input is ", x, ", expected [batch, channels, steps]"));
  const auto in_one_row = [&](const char* arg, int64_t along_rows) -> std::vector<int64_t> {
    const auto& given = call.args.list(arg);
    if (given.empty()) return given;
    if (given.size() > 1)
      bad_input(text("layer ", call.name), text(arg, " is ", to_text(given), ", expected one number"));
    return {along_rows, given[0]};
  };
  const Pool pool{in_one_row("kernel", 1), in_one_row("stride", 1), in_one_row("padding", 0),
                  call.args.integer("ceil") != 0};
  const Var line = reshape(call.in[0], {x[0], x[1], 1, x[2]});
  const Var y = largest ? max_pool2d(line, pool) : avg_pool2d(line, pool, call.args.integer("count_padding"));
  return reshape(y, {x[0], x[1], y.shape()[3]});
}

const AttrSpec kernel_arg{"kernel", std::vector<int64_t>{}, "the window", true};
const AttrSpec stride_arg{"stride", std::vector<int64_t>{}, "how far a window is from the next; none: the kernel"};
const AttrSpec padding_arg{"padding", std::vector<int64_t>{0}, "how far windows reach over the edge; or \"same\""};
const AttrSpec ceil_arg{"ceil", int64_t{0}, "1: the last window may stand out over the edge"};
const AttrSpec out_arg{"out", std::vector<int64_t>{1}, "rows and columns that come out: 1, or [7, 7]"};

} // namespace

const Layer global_avg_pool_layer{
    .name = "global_avg_pool", .aliases = {"GlobalAveragePooling2D", "GlobalAveragePooling1D"}, .short_name = "pool",
    .formula = "y = mean(x), [batch, channels, ...] as [batch, channels]",
    .doc = "Each map's average: one number for each channel, whatever the size of the maps (Lin, Chen, Yan, \"Network "
           "in network\", 2014, section 3.2).",
    .peers = {"nn.AdaptiveAvgPool2d(1), nn.Flatten()", "GlobalAveragePooling2D: channels last"},
    .inputs = {"x"}, .build = [](const LayerCall& call) { return over_all(call, mean); }};

const Layer global_max_pool_layer{
    .name = "global_max_pool", .aliases = {"GlobalMaxPooling2D", "GlobalMaxPooling1D"}, .short_name = "pool",
    .formula = "y = max(x), [batch, channels, ...] as [batch, channels]",
    .doc = "Each map's largest value: whether its pattern is there at all, wherever that is.",
    .peers = {"nn.AdaptiveMaxPool2d(1), nn.Flatten()", "GlobalMaxPooling2D: channels last"},
    .inputs = {"x"}, .build = [](const LayerCall& call) { return over_all(call, max); }};

const Layer adaptive_avg_pool2d_layer{
    .name = "adaptive_avg_pool2d", .aliases = {"AdaptiveAvgPool2d", "AdaptiveAveragePooling2D"}, .short_name = "pool",
    .formula = "y = mean(windows(x)), as many windows as asked for",
    .doc = "Averages maps of any size down to a given one.",
    .peers = {"nn.AdaptiveAvgPool2d", "AdaptiveAveragePooling2D"},
    .inputs = {"x"}, .args = {out_arg}, .build = [](const LayerCall& call) { return adaptive(call, false); }};

const Layer adaptive_max_pool2d_layer{
    .name = "adaptive_max_pool2d", .aliases = {"AdaptiveMaxPool2d", "AdaptiveMaxPooling2D"}, .short_name = "pool",
    .formula = "y = max(windows(x)), as many windows as asked for",
    .doc = "The largest values of maps of any size, as many as asked for.",
    .peers = {"nn.AdaptiveMaxPool2d", "AdaptiveMaxPooling2D"},
    .inputs = {"x"}, .args = {out_arg}, .build = [](const LayerCall& call) { return adaptive(call, true); }};

const Layer max_pool1d_layer{
    .name = "max_pool1d", .aliases = {"MaxPool1d", "MaxPooling1D"}, .short_name = "pool",
    .formula = "y = max(windows(x))", .doc = "max_pool2d along lines [batch, channels, steps].",
    .peers = {"nn.MaxPool1d", "MaxPooling1D: channels last"},
    .inputs = {"x"}, .args = {kernel_arg, stride_arg, padding_arg, ceil_arg},
    .build = [](const LayerCall& call) { return along_lines(call, true); }};

const Layer avg_pool1d_layer{
    .name = "avg_pool1d", .aliases = {"AvgPool1d", "AveragePooling1D"}, .short_name = "pool",
    .formula = "y = mean(windows(x))", .doc = "avg_pool2d along lines [batch, channels, steps].",
    .peers = {"nn.AvgPool1d", "AveragePooling1D: channels last"},
    .inputs = {"x"},
    .args = {kernel_arg, stride_arg, padding_arg, ceil_arg,
             {"count_padding", int64_t{1}, "0: the average of the values that are on the line"}},
    .build = [](const LayerCall& call) { return along_lines(call, false); }};

} // namespace vitro

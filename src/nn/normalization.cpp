// Batch-norm, layer-norm, RMS-norm: PyTorch's formulas, names and defaults.
//
// Where Keras differs: its batch-norm counts channels on the last axis, its momentum (0.99) is the weight of the old
// value, its eps is 1e-3, and the variance that it keeps is the biased one.
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

double checked_eps(const LayerCall& call) {
  const double eps = call.args.real("eps");
  if (!(eps > 0 && eps < 1e30))
    bad_input(text("layer ", call.name), text("eps is ", eps, ", expected above 0"), "1e-5 is usual");
  return eps;
}

// The parameter, in a shape that meets x's axes.
Var stretched(const LayerCall& call, const char* own, const Shape& shape, double start, const Shape& meets) {
  const Var value = call.parameter(own, shape, {text("constant(", start, ")"), {1, 1}});
  return meets == shape ? value : reshape(value, meets.list());
}

Var batch_norm(const LayerCall& call) {
  const Var& x = call.in[0];
  const std::string where = text("layer ", call.name);
  const double eps = checked_eps(call), momentum = call.args.real("momentum");
  if (!(momentum >= 0 && momentum <= 1))
    bad_input(where, text("momentum is ", momentum, ", expected from 0 to 1"),
              "it is the weight of the new value, as in PyTorch: Keras's 0.99 is 0.01 here");
  if (x.shape().rank() < 2)
    bad_input(where, text("input is ", x.shape(), ", expected [batch, channels, ...]"),
              "give samples at least one axis");
  const Shape channels{x.shape()[1]};
  std::vector<int64_t> across(size_t(x.shape().rank() - 1), 1), axes{0}; // across: [channels, 1, ...]
  across[0] = channels[0];
  for (int64_t axis = 2; axis < x.shape().rank(); ++axis) axes.push_back(axis);

  Var weight, bias;
  if (call.args.integer("affine")) {
    weight = stretched(call, "weight", channels, 1, Shape(across));
    bias = stretched(call, "bias", channels, 0, Shape(across));
  }
  const auto affine = [&](const Var& y) { return weight ? y * weight + bias : y; };
  const Var mean = call.running("running_mean", channels, 0), variance = call.running("running_var", channels, 1);
  if (!call.training) {
    const auto spread = [&](const Var& v) { return axes.size() == 1 ? v : reshape(v, across); };
    const Var deviation = sqrt(spread(variance) + eps);
    const Var away = x - spread(mean);
    return weight ? away * (weight / deviation) + bias : away / deviation;
  }
  const int64_t n = channels[0] ? x.shape().elements() / channels[0] : 0;
  if (n < 2)
    bad_input(
        where,
        text("in training a channel needs at least 2 values to have a variance, found ", n, " in a batch ", x.shape()),
        "choose batch (and shards) so that neither the batches nor the last one of an epoch, which is smaller, "
        "leave a sample alone; or take layer_norm");
  const Normalized of = normalize(x, axes, eps);
  // PyTorch normalises by the biased variance (over n) and keeps the unbiased one (over n - 1).
  call.update("running_mean", mix(mean, of.mean, 1 - momentum, momentum));
  call.update("running_var", mix(variance, of.variance, 1 - momentum, momentum * double(n) / double(n - 1)));
  return affine(of.y);
}

// The last `axes` axes of x: their numbers, and their extents.
struct LastAxes {
  std::vector<int64_t> axes;
  Shape shape;
};

LastAxes last_axes(const LayerCall& call) {
  const Shape& x = call.in[0].shape();
  const int64_t count = call.args.integer("axes");
  if (count < 1 || count >= x.rank())
    bad_input(text("layer ", call.name),
              text("axes is ", count, " with an input ", x, ", expected from 1 to ", std::max(x.rank() - 1, 1)),
              "so many of the last axes are normalised together, and the batch is none of them");
  LastAxes last{std::vector<int64_t>(size_t(count)), Shape(x.extents().last(size_t(count)))};
  std::iota(last.axes.begin(), last.axes.end(), x.rank() - count);
  if (last.shape.elements() == 0) bad_input(text("layer ", call.name), text("nothing to normalise in ", x));
  return last;
}

Var layer_norm(const LayerCall& call) {
  const auto [axes, shape] = last_axes(call);
  Var y = normalize(call.in[0], axes, checked_eps(call)).y;
  if (!call.args.integer("affine")) return y;
  y = y * stretched(call, "weight", shape, 1, shape);
  return call.args.integer("bias") ? y + stretched(call, "bias", shape, 0, shape) : y;
}

Var rms_norm(const LayerCall& call) {
  const auto [axes, shape] = last_axes(call);
  const Var y = call.in[0] / sqrt(mean(square(call.in[0]), axes, true) + checked_eps(call));
  return call.args.integer("affine") ? y * stretched(call, "weight", shape, 1, shape) : y;
}

const AttrSpec axes_arg{"axes", int64_t{1}, "so many of the last axes together: as long as PyTorch's normalized_shape"};
const char* const weight_doc = "0: no weight and no bias";

} // namespace

const Layer batch_norm_layer{
    .name = "batch_norm", .aliases = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"}, .short_name = "bn",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each channel (axis 1) to mean 0 and variance 1: in training over the batch, else by running values.",
    .inputs = {"x"},
    .args = {{"eps", 1e-5, "keeps the divisor off zero (Keras: 1e-3)"},
             {"momentum", 0.1, "weight of the new mean and variance, from 0 to 1 (Keras: of the old, 0.99)"},
             {"affine", int64_t{1}, weight_doc}},
    .parameters = {"weight [channels]", "bias [channels]", "running_mean [channels]", "running_var [channels]"},
    .build = batch_norm};

const Layer layer_norm_layer{
    .name = "layer_norm", .aliases = {"LayerNorm", "LayerNormalization"}, .short_name = "ln",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each sample to mean 0 and variance 1 over its features: the same in training and evaluation.",
    .inputs = {"x"},
    .args = {axes_arg, {"eps", 1e-5, "keeps the divisor off zero (Keras: 1e-3)"}, {"affine", int64_t{1}, weight_doc},
             {"bias", int64_t{1}, "0: none"}},
    .parameters = {"weight [features]", "bias [features]"},
    .build = layer_norm};

const Layer rms_norm_layer{
    .name = "rms_norm", .aliases = {"RMSNorm", "RMSNormalization"}, .short_name = "rms",
    .formula = "y = x / sqrt(mean(x^2) + eps) weight",
    .doc = "Each sample to a mean square of 1 over its features (Zhang and Sennrich, \"Root mean square layer "
           "normalization\", 2019, equation 4).",
    .inputs = {"x"},
    .args = {axes_arg, {"eps", 0x1p-23, "keeps the divisor off zero (default: float's rounding, as PyTorch)"},
             {"affine", int64_t{1}, "0: no weight"}},
    .parameters = {"weight [features]"},
    .build = rms_norm};

} // namespace vitro

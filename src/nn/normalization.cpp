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

// y weight + bias, as far as the layer has them.
struct Affine {
  Var weight, bias;
  Var operator()(const Var& y) const {
    const Var scaled = weight ? y * weight : y;
    return bias ? scaled + bias : scaled;
  }
};

Affine affine(const LayerCall& call, const Shape& shape, bool with_bias) {
  Affine out;
  if (!call.args.integer("affine")) return out;
  out.weight = call.parameter("weight", shape, {"constant(1)", {1, 1}});
  if (with_bias) out.bias = call.parameter("bias", shape, {"zero", {1, 1}});
  return out;
}

Var channel_norm(const LayerCall& call) {
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
  const Affine end = affine(call, channels, true);
  const Var mean = call.running("running_mean", channels, 0), variance = call.running("running_var", channels, 1);
  if (!call.training) { // a multiplication and an addition for each element
    std::vector<int64_t> across(size_t(x.shape().rank() - 1), 1);
    across[0] = channels[0];
    const auto spread = [&](const Var& v) { return across.size() == 1 ? v : reshape(v, across); };
    const Var deviation = sqrt(variance + eps), scale = end.weight ? end.weight / deviation : 1 / deviation;
    return x * spread(scale) + spread(end.bias ? end.bias - mean * scale : -mean * scale);
  }
  const int64_t n = channels[0] ? x.shape().elements() / channels[0] : 0;
  if (n < 2)
    bad_input(where,
              text("in training a channel needs at least 2 values to have a variance, found ", n, " in ", x.shape()),
              "choose batch (and shards) so that neither the batches nor the last one of an epoch, which is smaller, "
              "leave a sample alone; or take layer_norm");
  const Normalized of =
      batch_norm(x, end.weight ? end.weight : full_like(mean, 1), end.bias ? end.bias : full_like(mean, 0), eps);
  // PyTorch normalises by the biased variance (over n) and keeps the unbiased one (over n - 1).
  call.update("running_mean", mix(mean, of.mean, 1 - momentum, momentum));
  call.update("running_var", mix(variance, of.variance, 1 - momentum, momentum * double(n) / double(n - 1)));
  return of.y;
}

// Over the last `axes` axes of each sample.
Var sample_norm(const LayerCall& call, bool centred) {
  const Var& x = call.in[0];
  const int64_t count = call.args.integer("axes"), rank = x.shape().rank();
  if (count < 1 || count >= rank || x.shape().elements() == 0)
    bad_input(
        text("layer ", call.name),
        text("axes is ", count, " with an input ", x.shape(), ", expected from 1 to ", std::max<int64_t>(rank - 1, 1)),
        "so many of the last axes are normalised together, and the batch is none of them");
  const Shape shape(x.shape().extents().last(size_t(count)));
  std::vector<int64_t> axes(static_cast<size_t>(count));
  std::iota(axes.begin(), axes.end(), rank - count);
  const double eps = checked_eps(call);
  const Var y = centred ? normalize(x, axes, eps).y : x / sqrt(mean(square(x), axes, true) + eps);
  return affine(call, shape, centred && call.args.integer("bias"))(y);
}

const AttrSpec axes_arg{"axes", int64_t{1}, "so many of the last axes together: as long as PyTorch's normalized_shape"};
const AttrSpec affine_arg{"affine", int64_t{1}, "0: no weight and no bias"};
const AttrSpec eps_arg{"eps", 1e-5, "keeps the divisor off zero (Keras: 1e-3)"};

} // namespace

const Layer batch_norm_layer{
    .name = "batch_norm", .aliases = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"}, .short_name = "bn",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each channel (axis 1) to mean 0 and variance 1: in training over the batch, else by running values.",
    .peers = {"nn.BatchNorm1d, 2d, 3d",
              "BatchNormalization: channels last, momentum 0.99 of the old value (0.01 here), eps 1e-3, "
              "keeps the biased variance"},
    .inputs = {"x"},
    .args = {eps_arg, {"momentum", 0.1, "weight of the new mean and variance, from 0 to 1 (Keras: of the old, 0.99)"},
             affine_arg},
    .parameters = {"weight [channels]", "bias [channels]", "running_mean [channels]", "running_var [channels]"},
    .build = channel_norm};

const Layer layer_norm_layer{
    .name = "layer_norm", .aliases = {"LayerNorm", "LayerNormalization"}, .short_name = "ln",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each sample to mean 0 and variance 1 over its features: the same in training and evaluation.",
    .peers = {"nn.LayerNorm(normalized_shape): axes is its length", "LayerNormalization: eps 1e-3"},
    .inputs = {"x"},
    .args = {axes_arg, eps_arg, affine_arg, {"bias", int64_t{1}, "0: none"}},
    .parameters = {"weight [features]", "bias [features]"},
    .build = [](const LayerCall& call) { return sample_norm(call, true); }};

const Layer rms_norm_layer{
    .name = "rms_norm", .aliases = {"RMSNorm", "RMSNormalization"}, .short_name = "rms",
    .formula = "y = x / sqrt(mean(x^2) + eps) weight",
    .doc = "Each sample to a mean square of 1 over its features (Zhang and Sennrich, \"Root mean square layer "
           "normalization\", 2019, equation 4).",
    .peers = {"nn.RMSNorm(normalized_shape): axes is its length", "RMSNormalization: eps 1e-6"},
    .inputs = {"x"},
    .args = {axes_arg, {"eps", 0x1p-23, "keeps the divisor off zero (default: float's rounding, as PyTorch)"},
             affine_arg},
    .parameters = {"weight [features]"},
    .build = [](const LayerCall& call) { return sample_norm(call, false); }};

} // namespace vitro

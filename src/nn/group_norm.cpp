// Group-norm: each sample's channels in groups, each group to mean 0 and variance 1. Between layer-norm (one group) and
// instance-norm (a group for each channel); like them it knows no batch, so training and evaluation are the same.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {

const Layer group_norm_layer{
    .name = "group_norm", .aliases = {"GroupNorm", "GroupNormalization"}, .short_name = "gn",
    .formula = "y = (x - mean) / sqrt(variance + eps) weight + bias",
    .doc = "Each sample's channels in groups, each to mean 0 and variance 1 (Wu and He, \"Group normalization\", 2018, "
           "equations 1 and 7).",
    .peers = {"nn.GroupNorm(num_groups, num_channels)", "GroupNormalization(groups): eps 1e-3"},
    .inputs = {"x"},
    .args = {{"groups", int64_t{32}, "into how many the channels are divided; \"depthwise\": each one"},
             {"eps", 1e-5, "keeps the divisor off zero (Keras: 1e-3)"},
             {"affine", int64_t{1}, "0: no weight and no bias"}},
    .parameters = {"weight [channels]", "bias [channels]"},
    .build = [](const LayerCall& call) {
      const Var& x = call.in[0];
      const Shape& shape = x.shape();
      const std::string where = text("layer ", call.name);
      if (shape.rank() < 2 || shape.elements() == 0)
        bad_input(where, text("input is ", shape, ", expected [batch, channels, ...]"));
      const int64_t channels = shape[1];
      const int64_t groups = call.args.integer("groups") == 0 ? channels : call.args.integer("groups");
      if (groups < 1 || channels % groups)
        bad_input(where, text(groups, " groups do not divide ", channels, " channels"), "32 is usual, or 8");
      const Var grouped = reshape(x, {shape[0], groups, shape.elements() / shape[0] / groups});
      const Var y = reshape(normalize(grouped, {2}, call.args.real("eps")).y, shape.list());
      if (!call.args.integer("affine")) return y;
      std::vector<int64_t> across(size_t(shape.rank() - 1), 1); // meets the channels
      across[0] = channels;
      const Var weight = call.parameter("weight", Shape{channels}, {"constant(1)", {1, 1}}),
                bias = call.parameter("bias", Shape{channels}, {"zero", {1, 1}});
      return y * reshape(weight, across) + reshape(bias, across);
    }};

} // namespace vitro

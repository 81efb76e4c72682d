// Dropout: in training some values are put out at random, in evaluation nothing happens. Inverted, as PyTorch and
// Keras do it (Keras calls p `rate`): what is kept is scaled up in training, so evaluation needs no correction.
//
// The masks are Philox's, also where a recipe lets numpy draw its weights.
#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// Whether anything is dropped; throws where p is no share.
double share(const LayerCall& call) {
  const double p = call.args.real("p");
  if (!(p >= 0 && p < 1))
    bad_input(text("layer ", call.name), text("p is ", p, ", expected from 0 to below 1"),
              "p is the share that is dropped: 0.5 drops every other value");
  if (call.in[0].shape().rank() == 0) bad_input(text("layer ", call.name), "input is [], expected [batch, ...]");
  return call.training ? p : 0;
}

// Whole channels: neighbours in a map say nearly the same, so that what is dropped value by value is not missed.
Var dropout2d(const LayerCall& call) {
  const double p = share(call);
  const Shape& x = call.in[0].shape();
  if (x.rank() < 3) bad_input(text("layer ", call.name), text("input is ", x, ", expected [batch, channels, ...]"));
  if (p == 0) return call.in[0];
  std::vector<int64_t> across(size_t(x.rank()), 1);
  across[0] = x[0], across[1] = x[1];
  return call.in[0] * reshape(call.mask(Shape{x[0], x[1]}, p, "mask"), across);
}

Var dropout(const LayerCall& call) {
  const double p = share(call);
  return p > 0 ? call.in[0] * call.mask(call.in[0].shape(), p, "mask") : call.in[0];
}

// A dropped value becomes selu's lower bound, alpha = -1.758; then a scale and a shift, so that mean 0 and variance 1
// stay. With the mask m, which is 1 / (1 - p) or 0: y = s ((x - alpha) m (1 - p) + alpha (1 - p)) where
// s = ((1 - p) (1 + p alpha^2))^(-1/2).
Var alpha_dropout(const LayerCall& call) {
  const double p = share(call), q = 1 - p, alpha = -1.7580993408473766;
  if (p == 0) return call.in[0];
  const double s = 1 / math::sqrt(q * (1 + p * alpha * alpha));
  return (call.in[0] - alpha) * (call.mask(call.in[0].shape(), p, "mask") * (s * q)) + s * q * alpha;
}

const std::vector<AttrSpec> args{{"p", 0.5, "the share that is dropped, from 0 to below 1"}};

} // namespace

const Layer dropout_layer{
    .name = "dropout", .aliases = {"Dropout"}, .short_name = "dropout",
    .formula = "training: y = x / (1 - p), or 0 with probability p; evaluation: y = x",
    .doc = "Puts out values at random, anew for every sample in every step, so that no unit can rely on another one.",
    .peers = {"nn.Dropout", "Dropout(rate): rate is p"},
    .inputs = {"x"}, .args = args, .build = dropout};

const Layer dropout2d_layer{
    .name = "dropout2d", .aliases = {"Dropout2d", "SpatialDropout2D", "Dropout1d", "SpatialDropout1D"},
    .short_name = "dropout",
    .formula = "training: y = x / (1 - p), or 0 with probability p, channel by channel; evaluation: y = x",
    .doc = "Puts out whole channels at random (Tompson et al., \"Efficient object localization using convolutional "
           "networks\", 2015, section 3.2).",
    .peers = {"nn.Dropout2d", "SpatialDropout2D(rate): channels last"},
    .inputs = {"x"}, .args = args, .build = dropout2d};

const Layer alpha_dropout_layer{
    .name = "alpha_dropout", .aliases = {"AlphaDropout"}, .short_name = "alpha_dropout",
    .formula = "training: y = s (x, or -1.758 with probability p) + t; evaluation: y = x",
    .doc = "Dropout behind selu: keeps mean 0 and variance 1 (Klambauer et al., \"Self-normalizing neural networks\").",
    .peers = {"nn.AlphaDropout", "AlphaDropout(rate): rate is p"},
    .inputs = {"x"}, .args = args, .build = alpha_dropout};

} // namespace vitro

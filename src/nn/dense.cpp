// The fully connected layer. PyTorch's Linear: weight [out, in]. (Keras's Dense keeps a kernel [in, out] and
// starts from glorot_uniform with a bias of zero: init = "glorot_uniform".)
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

Var build(const LayerCall& call) {
  const Var& x = call.in[0];
  const int64_t out = call.args.integer("out");
  if (out < 1) bad_input(text("layer ", call.name), text("out is ", out, ", expected at least 1"));
  if (x.shape().rank() < 2)
    bad_input(text("layer ", call.name), text("input is ", x.shape(), ", expected [batch, features]"),
              "give samples at least one axis");
  const int64_t features = x.shape().back();
  const std::string& init = call.args.word("init");
  // PyTorch draws a bias as it draws the weight; whoever names an initialiser means Keras's habit: a bias of zero
  // (Nielsen's two have a habit of their own).
  std::string bias_init = call.args.word("bias_init");
  if (bias_init.empty()) bias_init = init == "default" ? init : find_initializer(init, text("layer ", call.name)).bias;

  const Fan fan{features, out};
  const Var weight = call.parameter("weight", Shape{out, features},
                                    {init == "default" ? "xavier_simple" : init, fan, call.args.real("gain")});
  // Leading axes are many samples: one product for all of them.
  const bool flat = x.shape().rank() == 2;
  Var y = matmul(flat ? x : reshape(x, {-1, features}), weight, false, true);
  if (call.args.integer("bias"))
    y = y + call.parameter("bias", Shape{out}, {bias_init == "default" ? "xavier_simple" : bias_init, fan});
  if (flat) return y;
  auto extents = x.shape().list();
  extents[0] = -1;
  extents.back() = out;
  return reshape(y, extents);
}

} // namespace

const Layer dense_layer{
    .name = "dense", .aliases = {"linear", "Dense", "Linear"}, .short_name = "fc",
    .formula = "y = x weight' + bias",
    .doc = "Every output is a weighted sum of all inputs, plus a bias; further leading axes are further samples.",
    .peers = {"nn.Linear", "Dense: kernel [in, out], glorot_uniform, a bias of zero"},
    .inputs = {"x"},
    .args = {{"out", int64_t{1}, "how many outputs; \"classes\": as many as the data has", true},
             {"bias", int64_t{1}, "0: none"},
             {"init", std::string("default"), "how the weight starts; default: U(-1/sqrt(in), 1/sqrt(in)), as PyTorch"},
             {"bias_init", std::string(), "how the bias starts: as the weight, or at zero where `init` is named"},
             {"gain", 1.0, "the weight's start is multiplied by this; or an activation, whose gain is meant (he_normal "
                           "and he_uniform hold relu's already)"}},
    .parameters = {"weight [out, in]", "bias [out]"},
    .build = build};

} // namespace vitro

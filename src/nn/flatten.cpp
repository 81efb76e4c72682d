// Pictures to rows: what comes before a dense layer.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {

const Layer flatten_layer{
    .name = "flatten", .aliases = {"Flatten"}, .short_name = "flatten",
    .formula = "y = x, [batch, ...] as [batch, features]",
    .doc = "All values of a sample in one row; what is a row already stays.",
    .peers = {"nn.Flatten", "Flatten"},
    .inputs = {"x"},
    .build = [](const LayerCall& call) {
      const Var& x = call.in[0];
      if (x.shape().rank() == 2) return x;
      if (x.shape().rank() == 0)
        bad_input(text("layer ", call.name), text("input is ", x.shape(), ", expected [batch, ...]"));
      return reshape(x, {x.shape()[0], -1});
    }};

} // namespace vitro

// The relu that learns its slope below 0. PyTorch's PReLU: one slope, or one for each of the features on axis 1.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {

const Layer prelu_layer{
    .name = "prelu", .aliases = {"PReLU"}, .short_name = "prelu",
    .formula = "y = x > 0 ? x : weight x",
    .doc = "A relu that learns its slope below 0: one for all, or one for each feature. (Keras: one for each, from 0.)",
    .peers = {"nn.PReLU", "PReLU: a slope for every element of a sample, from 0"},
    .inputs = {"x"},
    .args = {{"num_parameters", int64_t{1}, "1: one slope for all; else as many as axis 1 has features"},
             {"init", std::string("constant(0.25)"), "how the slopes start"}},
    .parameters = {"weight [num_parameters]"},
    .build = [](const LayerCall& call) {
      const Var& x = call.in[0];
      const int64_t count = call.args.integer("num_parameters"), features = x.shape().rank() > 1 ? x.shape()[1] : 1;
      if (count != 1 && count != features)
        bad_input(text("layer ", call.name), text("num_parameters is ", count, ", the input ", x.shape()),
                  text("write 1, or ", features, ": one for each feature on axis 1"));
      const Var slope = call.parameter("weight", Shape{count}, {call.args.word("init"), {features, features}});
      if (count == 1 || x.shape().rank() == 2) return prelu(x, slope);
      std::vector<int64_t> along(size_t(x.shape().rank()) - 1, 1); // [features, 1, ...] meets [batch, features, ...]
      along[0] = count;
      return prelu(x, reshape(slope, along));
    }};

} // namespace vitro

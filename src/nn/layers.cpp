// The catalogue of layers.
#include <algorithm>
#include <map>
#include <memory>
#include <ranges>

#include "core/named.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/catalogue.h"

namespace vitro {
namespace {

// What PyTorch and Keras call an op that is a layer.
std::vector<const char*> also_called(const std::string& op) {
  static const std::map<std::string, std::vector<const char*>> names{{"relu", {"ReLU"}},
                                                                     {"sigmoid", {"Sigmoid"}},
                                                                     {"tanh", {"Tanh"}},
                                                                     {"relu6", {"ReLU6"}},
                                                                     {"leaky_relu", {"LeakyReLU"}},
                                                                     {"elu", {"ELU"}},
                                                                     {"selu", {"SELU"}},
                                                                     {"gelu", {"GELU"}},
                                                                     {"silu", {"swish", "SiLU"}},
                                                                     {"softsign", {"Softsign"}},
                                                                     {"softplus", {"Softplus"}},
                                                                     {"hard_sigmoid", {"hardsigmoid", "Hardsigmoid"}},
                                                                     {"softmax", {"Softmax"}},
                                                                     {"log_softmax", {"LogSoftmax"}},
                                                                     {"identity", {"Identity"}},
                                                                     {"max_pool2d", {"MaxPool2d", "MaxPooling2D"}},
                                                                     {"avg_pool2d", {"AvgPool2d", "AveragePooling2D"}},
                                                                     {"concatenate", {"concat", "Concatenate"}},
                                                                     {"add", {"Add"}}};
  const auto found = names.find(op);
  return found == names.end() ? std::vector<const char*>{} : found->second;
}

// An op as a layer: its inputs come from layers, its attributes are the arguments.
Layer from_op(const Op& op) {
  return {.name = op.name,
          .aliases = also_called(op.name),
          .short_name = op.name,
          .formula = op.formula,
          .doc = op.doc,
          .inputs = op.args,
          .args = op.attrs,
          .build =
              [&op](const LayerCall& call) {
                return append(call.graph, op, call.in, call.args, std::source_location::current())[0];
              },
          .op = &op};
}

std::vector<const Layer*> all_layers() {
  std::vector<const Layer*> all{&dense_layer,
                                &embed_layer,
                                &flatten_layer,
                                &conv2d_layer,
                                &depthwise_conv2d_layer,
                                &conv1d_layer,
                                &project_layer,
                                &global_avg_pool_layer,
                                &global_max_pool_layer,
                                &adaptive_avg_pool2d_layer,
                                &adaptive_max_pool2d_layer,
                                &max_pool1d_layer,
                                &avg_pool1d_layer,
                                &upsample_layer,
                                &zero_pad2d_layer,
                                &prelu_layer,
                                &batch_norm_layer,
                                &layer_norm_layer,
                                &rms_norm_layer,
                                &group_norm_layer,
                                &dropout_layer,
                                &dropout2d_layer,
                                &alpha_dropout_layer,
                                &rnn_layer,
                                &lstm_layer,
                                &gru_layer,
                                &last_step_layer,
                                &mean_over_time_layer,
                                &max_over_time_layer,
                                &attention_layer};
  static const std::vector<Layer> from_ops = [&] {
    std::vector<Layer> out;
    for (const Op* op : catalogue())
      if (std::ranges::none_of(all, [&](const Layer* own) { return std::string(own->name) == op->name; }))
        out.push_back(from_op(*op));
    return out;
  }();
  for (const Layer& layer : from_ops) all.push_back(&layer);
  return all;
}

auto each_layer() {
  return layers() | std::views::transform([](const Layer* one) -> const Layer& { return *one; });
}

} // namespace

std::span<const Layer* const> layers() {
  static const std::vector<const Layer*> all = all_layers(); // at first use, when every op has been constructed
  return all;
}

const Layer* find_layer(const std::string& name) { return find_named(each_layer(), name); }

const Layer& layer(const std::string& name, const std::string& where) {
  return named(each_layer(), name, where, "layer", "`vitro list layers` names them all");
}

} // namespace vitro

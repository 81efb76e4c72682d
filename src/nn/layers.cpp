// The catalogue of layers.
#include <memory>

#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/catalogue.h"

namespace vitro {
namespace {

// An op as a layer: its inputs come from layers, its attributes are the arguments.
Layer from_op(const Op& op) {
  return {.name = op.name,
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
  static const std::vector<Layer> from_ops = [] {
    std::vector<Layer> out;
    for (const Op* op : catalogue()) out.push_back(from_op(*op));
    return out;
  }();
  std::vector<const Layer*> all{&dense_layer,    &flatten_layer, &batch_norm_layer,   &layer_norm_layer,
                                &rms_norm_layer, &dropout_layer, &alpha_dropout_layer};
  for (const Layer& layer : from_ops) all.push_back(&layer);
  return all;
}

} // namespace

std::span<const Layer* const> layers() {
  static const std::vector<const Layer*> all = all_layers(); // at first use, when every op has been constructed
  return all;
}

const Layer* find_layer(const std::string& name) {
  for (const Layer* layer : layers()) {
    if (name == layer->name) return layer;
    for (const char* alias : layer->aliases)
      if (name == alias) return layer;
  }
  return nullptr;
}

const Layer& layer(const std::string& name, const std::string& where) {
  if (const Layer* found = find_layer(name)) return *found;
  std::vector<std::string> known;
  for (const Layer* layer : layers()) {
    known.push_back(layer->name);
    known.insert(known.end(), layer->aliases.begin(), layer->aliases.end());
  }
  bad_input(where, text("unknown layer \"", name, "\"", did_you_mean(name, known)),
            "`vitro list layers` names them all");
}

} // namespace vitro

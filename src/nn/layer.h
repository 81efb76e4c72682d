// Layer: all that there is to know about one kind of layer, as data.
//
// A layer is a composition of ops with parameters of its own. It holds no kernel: `build` appends
// nodes. Adding one = a file with its Layer, one line here, one in layers.cpp. Every op of the ops'
// catalogue is a layer too, by its own name, without parameters; unless a file here has that name.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/function.h"
#include "nn/initializers.h"

namespace vitro {

/// How a parameter starts: an initialiser in a word ("he_normal", "uniform(-1, 1)"), the fans it counts with, a factor.
struct Start {
  std::string initializer;
  Fan fan;
  double gain = 1;
};

/// What a layer's `build` is given.
struct LayerCall {
  const std::string& name; // the layer's, for messages
  std::vector<Var> in;     // at least as many as `inputs` says
  const Attrs& args;       // complete: every argument is there, of its kind
  const std::shared_ptr<Graph>& graph;
  bool training; // train or evaluate
  /// Where the samples are sequences [batch, time, ...] of different lengths: how many steps of each count, i32
  /// [batch]. An empty Var: all. A layer that mixes the steps of a sample reads it (`steps_of_each`).
  Var lengths;
  /// The parameter `NAME.own` of that shape: made where the net is being created, else read. Throws where a
  /// shared one has another shape.
  std::function<Var(const char* own, const Shape& shape, const Start& start)> parameter;
  /// The running state `NAME.own` of that shape, made where the net is being created. Evaluation needs it, so ask for
  /// it there too. In training `update` gives it its next value, which takes effect at the end of the step.
  std::function<Var(const char* own, const Shape& shape, double start)> running;
  std::function<void(const char* own, const Var& value)> update;
  /// `shape` [batch, ...]: 0 with probability p, else 1 / (1 - p), for this layer in this step. `own` tells apart what
  /// one layer draws.
  std::function<Var(const Shape& shape, double p, const char* own)> mask;
  /// What the layer was left with by the batch before, [batch, ...shape], where these samples continue those of that
  /// one (ModelSpec::carried); else zeros. `remember` is what the next batch finds.
  std::function<Var(const std::string& own, const Shape& shape)> memory;
  std::function<void(const std::string& own, const Var& value)> remember;
};

struct Layer {
  const char* name;
  std::vector<const char*> aliases = {}; // Keras's and PyTorch's spellings
  const char* short_name;                // layers without a name are called short_name + index: fc1, fc2
  const char* formula;
  const char* doc;
  Peers peers = {};
  std::vector<const char*> inputs; // their names; a last "..." allows more
  std::vector<AttrSpec> args = {};
  std::vector<const char*> parameters = {}; // "weight [out, in]"; running states after them
  std::function<Var(const LayerCall&)> build;
  const Op* op = nullptr; // a layer that is nothing but this op
};

extern const Layer dense_layer, embed_layer, flatten_layer, prelu_layer;
extern const Layer batch_norm_layer, layer_norm_layer, rms_norm_layer, group_norm_layer;
extern const Layer dropout_layer, dropout2d_layer, alpha_dropout_layer;
extern const Layer conv2d_layer, depthwise_conv2d_layer, conv1d_layer, project_layer;
extern const Layer global_avg_pool_layer, global_max_pool_layer, adaptive_avg_pool2d_layer, adaptive_max_pool2d_layer;
extern const Layer max_pool1d_layer, avg_pool1d_layer, upsample_layer, zero_pad2d_layer;
extern const Layer rnn_layer, lstm_layer, gru_layer;
extern const Layer last_step_layer, mean_over_time_layer, max_over_time_layer, attention_layer;

/// All layers: those with a file of their own first, then every op.
std::span<const Layer* const> layers();

/// By name or alias; nullptr where there is none.
const Layer* find_layer(const std::string& name);

/// The same; throws, with the nearest name, where there is none. `where` begins the message.
const Layer& layer(const std::string& name, const std::string& where);

} // namespace vitro

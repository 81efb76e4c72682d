// Random nets as recipes state them: skips, shared weights, blocks, every op that a net can state.
//
// All values are [batch, width]. Where an op gives another shape, layers around it bring it back. What a
// net cannot state are the ops that want indices (gather, scatter_add, one_hot, subtract_one_hot, step_mask, take_step,
// put_step) or give them (to_index), or want counters (dropout_mask): a layer makes floats.
#pragma once

#include <set>

#include "core/random.h"
#include "core/text.h"
#include "model/model.h"
#include "nn/embed.h"
#include "ops/catalogue.h"

namespace vitro::test {

class RandomNet {
public:
  RandomNet(uint64_t seed, int steps, int64_t scale = 1)
      : draws_(Stream(seed, "random net"), 0), steps_(steps), scale_(scale) {}

  ModelSpec make() {
    ModelSpec spec;
    spec.sample = draws_.below(3) ? Shape{width()} : Shape{2, width()};
    spec.outputs = 2 + int64_t(draws_.below(4));
    spec.seed = draws_.below(1000);
    const int64_t features = spec.sample.elements();
    block_ = draws_.below(2);
    values_ = {{layer("flatten", {"input"}), features}};
    dense(values_[0]);
    for (int i = 0; i < steps_; ++i) {
      one_more();
      if (draws_.below(3) == 0) push(layer("tanh", {values_.back().name}), values_.back().width);
    }
    // Everything made on the way is read once more, so that no layer hangs loose.
    std::string all = values_[0].name;
    int64_t sum = values_[0].width;
    for (size_t i = 1; i < values_.size(); i += 2) {
      all = layer("concatenate", {all, values_[i].name}, {{"axis", int64_t{1}}});
      sum += values_[i].width;
    }
    const std::string squashed = layer("tanh", {all});
    layer("dense", {squashed}, {{"out", std::string("classes")}});
    spec.net.layers = layers_;
    if (block_)
      spec.net.blocks["twist"] = {"twist",
                                  {{.op = "dense", .args = {{"out", std::string("$out")}}},
                                   {.op = "relu", .name = "bent"},
                                   {.op = "dense", .from = {"input"}, .args = {{"out", std::string("$out")}}},
                                   {.op = "add", .from = {"bent", "fc2"}}}};
    const char* names[] = {
        "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "smooth_l1", "huber", "log_cosh",
        "hinge",         "squared_hinge"};
    spec.loss = names[draws_.below(9)];
    const Loss& loss = find_loss(spec.loss);
    spec.reduction = loss.reductions[draws_.below(loss.reductions.size())];
    const auto all_optimizers = optimizers();
    spec.optimizer.name = all_optimizers[draws_.below(all_optimizers.size())].name;
    if (draws_.below(3) == 0) spec.optimizer.args.set("weight_decay", 0.01);
    spec.optimizer.args.set("lr", 0.01);
    if (draws_.below(3) == 0) spec.clip.norm = 0.5;
    if (draws_.below(4) == 0) spec.clip.value = 0.1;
    if (draws_.below(4) == 0) spec.shards = 2;
    for (const LayerSpec& layer : layers_) // of batches of 2 and 3
      if (layer.op == "batch_norm") spec.shards = 1;
    return spec;
  }

private:
  struct Value {
    std::string name;
    int64_t width;
  };

  int64_t width() { return (1 + int64_t(draws_.below(6))) * scale_; }
  const Value& pick() { return values_[draws_.below(values_.size())]; }
  void push(const std::string& name, int64_t width) { values_.push_back({name, width}); }

  std::string layer(const char* op, std::vector<std::string> from, Attrs args = {}, std::string share = {}) {
    layers_.push_back({.op = op,
                       .name = text("n", ++count_),
                       .from = std::move(from),
                       .args = std::move(args),
                       .share = std::move(share)});
    return layers_.back().name;
  }

  void dense(const Value& in) {
    for (const auto& [input, name, out] : denses_)
      if (input == in.width && draws_.below(2)) return push(layer("dense", {in.name}, {}, name), out);
    const int64_t out = width();
    const std::string name = layer("dense", {in.name}, {{"out", out}, {"bias", int64_t(draws_.below(4) > 0)}});
    denses_.push_back({in.width, name, out});
    push(name, out);
  }

  // A value as wide as `a`: another one, or one made for it.
  std::string partner(const Value& a) {
    for (int attempt = 0; attempt < 4; ++attempt)
      if (const Value& b = pick(); b.width == a.width || b.width == 1) return b.name;
    return layer("sigmoid", {layer("dense", {a.name}, {{"out", a.width}})});
  }

  void one_more() {
    using List = std::vector<int64_t>;
    const Value a = pick();
    const auto keep = [&](const std::string& name) { push(name, a.width); };
    const auto unary = [&](const char* op, const std::string& x) { return layer(op, {x}); };
    const auto scaled_by = [&](const std::string& scalar) { keep(layer("multiply", {a.name, unary("tanh", scalar)})); };
    switch (draws_.below(58)) {
      case 0: return keep(layer("add", {a.name, partner(a)}));
      case 1: return keep(layer("subtract", {a.name, partner(a)}));
      case 2: return keep(layer("multiply", {a.name, partner(a)}));
      case 3: return keep(layer("divide", {a.name, unary("exp", unary("tanh", partner(a)))}));
      case 4: return keep(unary("negate", a.name));
      case 5: return keep(unary("square", unary("tanh", a.name)));
      case 6: return keep(unary("sqrt", unary("exp", unary("tanh", a.name))));
      case 7: return keep(unary("log", unary("exp", unary("tanh", a.name))));
      case 8: return keep(layer("power", {unary("exp", unary("tanh", a.name)), unary("tanh", partner(a))}));
      case 9: return keep(unary("abs", a.name));
      case 10: return keep(layer("multiply", {a.name, unary("sign", partner(a))}));
      case 11: return keep(layer("maximum", {a.name, partner(a)}));
      case 12: return keep(layer("minimum", {a.name, partner(a)}));
      case 13: {
        const char* compare[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
        const std::string mask = layer(compare[draws_.below(6)], {a.name, partner(a)});
        return keep(layer("where", {mask, a.name, unary("tanh", a.name)}));
      }
      case 14: return keep(layer("multiply", {a.name, layer("not_equal", {a.name, unary("sigmoid", a.name)})}));
      case 15: return keep(unary("sigmoid", a.name));
      case 16: return keep(unary("relu", a.name));
      case 17: return keep(layer("leaky_relu", {a.name}, {{"slope", draws_.uniform(0.01, 0.3)}}));
      case 18:
        if (a.width % 2) return keep(layer("add", {a.name, unary("step", a.name)}));
        return push(layer("embed", {unary("step", a.name)}, {{"sizes", List{2, 3}}}), // what steps gives are codes
                    a.width - 2 + embedding_width(2) + embedding_width(3));
      case 19: return keep(unary("softplus", a.name));
      case 20: return keep(unary("erf", a.name));
      case 21: { // a' a [width, width] mixes samples and features
        const std::string own = layer("matmul", {a.name, a.name}, {{"transpose_a", int64_t{1}}});
        return keep(layer("matmul", {a.name, unary("tanh", own)}));
      }
      case 22:
        return keep(layer("reshape", {layer("reshape", {a.name}, {{"shape", List{-1, 1, a.width}}})},
                          {{"shape", List{-1, a.width}}}));
      case 23: return keep(layer("transpose", {unary("tanh", layer("transpose", {a.name}))}, {{"order", List{1, 0}}}));
      case 24: {
        const std::string row = layer("mean", {a.name}, {{"axes", List{0}}, {"keep", int64_t{1}}});
        const std::string stretched = layer("broadcast_to", {row}, {{"shape", List{2, 1, a.width}}});
        return keep(layer("add", {a.name, layer("mean", {stretched}, {{"axes", List{0}}})}));
      }
      case 25: {
        const int64_t stop = 1 + int64_t(draws_.below(uint64_t(a.width)));
        return push(layer("slice", {a.name}, {{"axis", int64_t{1}}, {"stop", stop}}), stop);
      }
      case 26: {
        const int64_t before = int64_t(draws_.below(3));
        return push(layer("pad", {a.name}, {{"axis", int64_t{1}}, {"before", before}, {"after", int64_t{1}}}),
                    a.width + before + 1);
      }
      case 27: {
        const Value b = pick();
        return push(layer("concatenate", {a.name, b.name}, {{"axis", int64_t{-1}}}), a.width + b.width);
      }
      case 28: return push(layer("sum", {unary("tanh", a.name)}, {{"axes", List{1}}, {"keep", int64_t{1}}}), 1);
      case 29: return push(layer("max", {a.name}, {{"axes", List{-1}}, {"keep", int64_t{1}}}), 1);
      case 30: return keep(layer("softmax", {a.name}));
      case 31: return keep(layer("log_softmax", {unary("tanh", a.name)}));
      case 32:
        return scaled_by(layer("squared_error", {a.name, unary("tanh", a.name)}, {{"reduction", std::string("mean")}}));
      case 33: return scaled_by(layer("binary_cross_entropy", {a.name, unary("sigmoid", a.name)}));
      case 34: return scaled_by(layer("softmax_cross_entropy", {a.name, layer("softmax", {unary("tanh", a.name)})}));
      case 35: return keep(layer("batch_norm", {a.name}, {{"affine", int64_t(draws_.below(2))}}));
      case 36: return keep(layer("layer_norm", {a.name}, {{"eps", 0.1}, {"affine", int64_t(draws_.below(2))}}));
      case 37: return keep(layer("rms_norm", {a.name}, {{"eps", 0.1}}));
      case 38: return keep(layer("dropout", {a.name}, {{"p", draws_.uniform(0, 0.6)}}));
      case 39: return keep(layer("alpha_dropout", {a.name}, {{"p", draws_.uniform(0, 0.6)}}));
      case 40: return keep(layer("normalize", {a.name}, {{"axes", List{draws_.below(2) ? 0 : 1}}, {"eps", 0.1}}));
      case 41:
      case 42:
      case 43: {
        const char* bend[] = {"identity", "hard_sigmoid", "relu6", "prelu",    "elu",      "selu",
                              "gelu",     "gelu_tanh",    "silu",  "softsign", "log_cosh", "normal_cdf"};
        return keep(unary(bend[draws_.below(12)], a.name));
      }
      case 44: return keep(unary("expm1", unary("tanh", a.name)));
      default:
        if (draws_.below(3) == 0) return sequences(a);
        if (draws_.below(4)) return maps(a);
        if (!block_) return dense(a);
        const int64_t out = width();
        push(layer("twist", {a.name}, {{"out", out}}), out);
    }
  }

  // Two maps of 3 x 4 made of a value, or two lines of 12; and what comes out as a row again.
  void maps(const Value& a) {
    using List = std::vector<int64_t>;
    const std::string wide = layer("tanh", {layer("dense", {a.name}, {{"out", int64_t{24}}})});
    const std::string x = layer("reshape", {wide}, {{"shape", List{-1, 2, 3, 4}}});
    const std::string lines = layer("reshape", {wide}, {{"shape", List{-1, 2, 12}}});
    const Attrs two{{"kernel", List{2}}};
    const auto row = [&](const std::string& y, int64_t width) { push(layer("flatten", {y}), width); };
    const auto mean_of = [&](const std::string& y) { return layer("mean", {y}, {{"axes", List{0}}}); };
    switch (draws_.below(21)) {
      case 0: return row(layer("conv2d", {x}, {{"out", int64_t{3}}, {"kernel", List{3}}, {"padding", List{1}}}), 36);
      case 1: return row(layer("depthwise_conv2d", {x}, two), 12);
      case 2: return row(layer("conv1d", {lines}, {{"out", int64_t{2}}, {"kernel", List{3}}}), 20);
      case 3: return row(layer("project", {x}, {{"out", int64_t{3}}, {"stride", int64_t{2}}}), 12);
      case 4: return row(layer("max_pool2d", {x}, two), 4);
      case 5: return row(layer("avg_pool2d", {x}, {{"kernel", List{2}}, {"stride", List{1}}}), 12);
      case 6: return row(layer(draws_.below(2) ? "max_pool1d" : "avg_pool1d", {lines}, {{"kernel", List{3}}}), 8);
      case 7: {
        const char* pool = draws_.below(2) ? "adaptive_avg_pool2d" : "adaptive_max_pool2d";
        return row(layer(pool, {x}, {{"out", List{2, 3}}}), 12);
      }
      case 8: return push(layer(draws_.below(2) ? "global_avg_pool" : "global_max_pool", {x}), 2);
      case 9: return row(layer("upsample", {x}), 96);
      case 10: return row(layer("zero_pad2d", {x}, {{"padding", List{1}}}), 60);
      case 11: return row(layer("group_norm", {x}, {{"groups", int64_t{2}}, {"eps", 0.1}}), 24);
      case 12: return row(layer("dropout2d", {x}), 24);
      case 13: {
        const Attrs size{{"height", int64_t{3}}, {"width", int64_t{4}}};
        return row(layer("fold2d", {layer("unfold2d", {x}, two)}, size), 24);
      }
      case 14: return row(layer("max_pool2d_pick", {x, layer("sigmoid", {x})}, two), 4);
      case 15: return row(layer("max_pool2d_scatter", {x, layer("avg_pool2d", {x}, two)}, two), 24);
      case 16: {
        Attrs size = two;
        size.set("height", int64_t{3});
        size.set("width", int64_t{4});
        return row(layer("avg_pool2d_scatter", {layer("avg_pool2d", {x}, two)}, size), 24);
      }
      case 17: { // one kernel for all samples
        const std::string kernel = layer("reshape", {mean_of(wide)}, {{"shape", List{2, 2, 2, 3}}});
        const Attrs size{{"height", int64_t{4}}, {"width", int64_t{6}}};
        return row(layer("conv2d_input_gradient", {x, kernel}, size), 48);
      }
      case 18: {
        const std::string scalar = layer("mean", {layer("conv2d_weight_gradient", {x, x}, {{"kernel", List{1}}})});
        return push(layer("multiply", {a.name, layer("tanh", {scalar})}), a.width);
      }
      case 19: {
        const std::string mean = mean_of(wide);
        return push(layer("batch_norm_gradient", {wide, mean, mean, layer("exp", {mean}), wide}), 24);
      }
      default: return row(layer("batch_norm", {x}), 24);
    }
  }

  // Three steps of eight features made of a value; and what comes out as a row again.
  void sequences(const Value& a) {
    using List = std::vector<int64_t>;
    const std::string wide = layer("tanh", {layer("dense", {a.name}, {{"out", int64_t{24}}})});
    const auto shaped = [&](const std::string& x, List shape) { return layer("reshape", {x}, {{"shape", shape}}); };
    const auto first = [&](const std::string& x, int64_t axis, int64_t count) {
      return layer("slice", {x}, {{"axis", axis}, {"stop", count}});
    };
    const auto row = [&](const std::string& y, int64_t width) { push(layer("flatten", {y}), width); };
    const std::string x = shaped(wide, {-1, 3, 8});
    // What the derivatives of two units over three steps read: a matrix for all samples, a state, the steps.
    const auto weight = [&](int64_t gates) {
      return shaped(first(layer("mean", {wide}, {{"axes", List{0}}}), 0, gates * 4), {gates * 2, 2});
    };
    const auto state = [&] { return first(wide, 1, 2); };
    const auto steps = [&](int64_t width) { return shaped(first(wide, 1, 3 * width), {-1, 3, width}); };
    switch (draws_.below(8)) {
      case 0:
      case 1:
      case 2: {
        const char* kinds[] = {"rnn", "gru", "lstm"};
        const int64_t out = 1 + int64_t(draws_.below(5)), both = int64_t(draws_.below(2));
        const std::string y = layer(kinds[draws_.below(3)], {x},
                                    {{"out", out},
                                     {"layers", 1 + int64_t(draws_.below(2))},
                                     {"bidirectional", both},
                                     {"bias", int64_t(draws_.below(4) > 0)},
                                     {"dropout", draws_.uniform(0, 0.5)}});
        if (draws_.below(2)) return push(layer("last_step", {y}, {{"bidirectional", both}}), out * (1 + both));
        return push(layer(draws_.below(2) ? "mean_over_time" : "max_over_time", {y}), out * (1 + both));
      }
      case 3: {
        const std::string y = layer("attention", {x}, {{"heads", int64_t{2}}, {"causal", int64_t(draws_.below(2))}});
        return push(layer("last_step", {y}), 8);
      }
      case 4: return row(layer("reverse_steps", {x}), 24);
      case 5: {
        const std::string heads = shaped(wide, {-1, 2, 3, 4});
        return row(layer("scaled_dot_product_attention", {heads, heads, heads}), 24);
      }
      case 6: {
        if (draws_.below(2)) return row(layer("rnn_gradient", {steps(2), weight(1), steps(2), state()}), 6);
        return row(layer("gru_gradient", {steps(6), steps(2), steps(2), weight(3), steps(2), state()}), 18);
      }
      default: row(layer("lstm_gradient", {steps(8), steps(2), weight(4), state(), steps(2), state(), state()}), 24);
    }
  }

  Draws draws_;
  int steps_, count_ = 0;
  int64_t scale_;
  bool block_ = false;
  std::vector<LayerSpec> layers_;
  std::vector<Value> values_;
  struct Dense {
    int64_t in;
    std::string name;
    int64_t out;
  };
  std::vector<Dense> denses_;
};

inline ModelSpec random_net(uint64_t seed, int steps = 6, int64_t scale = 1) {
  return RandomNet(seed, steps, scale).make();
}

/// A batch that fits: samples in [-1, 1], targets as the loss takes them by nature.
struct Batch {
  Tensor x, targets;
};
inline Batch random_batch(const ModelSpec& spec, int64_t size, uint64_t seed) {
  auto extents = spec.sample.list();
  extents.insert(extents.begin(), size);
  Batch out{Tensor(Type{spec.dtype, Shape(extents)}), {}};
  const Stream stream(seed, "batch");
  for (int64_t i = 0; i < out.x.elements(); ++i) out.x.set(i, double(float(stream.uniform(0, uint64_t(i), -1, 1))));
  const bool labels = spec.loss == "cross_entropy";
  out.targets = Tensor(labels ? Type{DType::i32, {size}} : Type{spec.dtype, {size, spec.outputs}});
  for (int64_t i = 0; i < out.targets.elements(); ++i)
    out.targets.set(i, labels ? double(stream.below(uint64_t(spec.outputs), 1, uint64_t(i)))
                              : double(float(stream.uniform(1, uint64_t(i)))));
  return out;
}

} // namespace vitro::test

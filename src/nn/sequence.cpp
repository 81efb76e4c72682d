// Layers over the steps of sequences [batch, time, features]: what makes one vector of them, and attention, by which
// each step looks at the others. Steps behind a sample's length count nowhere.
#include "core/error.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

const Var& sequences(const LayerCall& call) {
  const Var& x = call.in[0];
  if (x.shape().rank() != 3 || x.shape().elements() == 0)
    bad_input(text("layer ", call.name), text("input is ", x.shape(), ", expected [batch, time, features]"),
              "feed it with sequences, or with a layer that keeps their axes (flatten and last_step don't)");
  return x;
}

// [batch, time]: 1 where a step counts.
Var counting(const LayerCall& call, const Var& x) { return step_mask(call.lengths, x.shape()[1], x.dtype()); }
// Beside x [batch, time, features].
Var beside(const Var& mask) { return reshape(mask, {mask.shape()[0], mask.shape()[1], 1}); }

Var step_at(const Var& x, int64_t at) { return reshape(slice(x, 1, at, at + 1), {x.shape()[0], x.shape()[2]}); }
Var last_of(const LayerCall& call, const Var& x) {
  if (!call.lengths) return step_at(x, x.shape()[1] - 1);
  return take_step(x, to_index(sum(counting(call, x), {1}) - 1));
}

Var last_step(const LayerCall& call) {
  const Var& x = sequences(call);
  if (!call.args.integer("bidirectional")) return last_of(call, x);
  const int64_t features = x.shape()[2];
  if (features % 2)
    bad_input(text("layer ", call.name),
              text("input is ", x.shape(), ": ", features, " features are no two directions"),
              "bidirectional is for what a bidirectional layer gives");
  const Var forward = slice(x, 2, 0, features / 2), backward = slice(x, 2, features / 2, features);
  return concatenate({last_of(call, forward), step_at(backward, 0)}, 1);
}

Var mean_over_time(const LayerCall& call) {
  const Var& x = sequences(call);
  if (!call.lengths) return mean(x, {1});
  const Var counts = counting(call, x);
  return sum(x * beside(counts), {1}) / sum(counts, {1}, true);
}

Var max_over_time(const LayerCall& call) {
  const Var& x = sequences(call);
  if (!call.lengths) return max(x, {1});
  return max(where(beside(counting(call, x)), x, -1e30), {1});
}

Var attention(const LayerCall& call) {
  const Var& x = sequences(call);
  const int64_t batch = x.shape()[0], time = x.shape()[1], width = x.shape()[2], heads = call.args.integer("heads");
  if (heads < 1 || width % heads)
    bad_input(text("layer ", call.name), text("heads is ", heads, ", which does not divide ", width, " features"),
              "each head takes an equal share of the features");
  const bool bias = call.args.integer("bias");
  const auto dense = [&](const Var& in, const std::string& stem, const char* separator, int64_t out, const char* init) {
    Var y = matmul(in, call.parameter(text(stem, separator, "weight").c_str(), Shape{out, width}, {init, {width, out}}),
                   false, true);
    if (bias) y = y + call.parameter(text(stem, separator, "bias").c_str(), Shape{out}, {"zero", {width, out}});
    return y;
  };
  const Var all = dense(reshape(x, {-1, width}), "in_proj", "_", 3 * width, "xavier_uniform");
  const auto by_head = [&](int64_t part) { // [batch, heads, time, width / heads]
    const Var own = slice(all, 1, part * width, (part + 1) * width);
    return transpose(reshape(own, {batch, time, heads, width / heads}), {0, 2, 1, 3});
  };
  const Var mixed =
      scaled_dot_product_attention(by_head(0), by_head(1), by_head(2), call.lengths, call.args.integer("causal"));
  const Var y = dense(reshape(transpose(mixed, {0, 2, 1, 3}), {-1, width}), "out_proj", ".", width, "xavier_simple");
  return reshape(y, {batch, time, width});
}

} // namespace

const Layer last_step_layer{
    .name = "last_step", .aliases = {"last"}, .short_name = "last", .formula = "y = x_T",
    .doc = "The last step of each sequence: of a recurrent layer the one that has seen all of it.",
    .peers = {"x[:, -1]; of packed sequences h_n", "return_sequences=False"},
    .inputs = {"x"},
    .args = {{"bidirectional", int64_t{0}, "1: the second half of the features, which came from the end, is taken from "
                                           "the first step"}},
    .build = last_step};

const Layer mean_over_time_layer{
    .name = "mean_over_time", .short_name = "mean", .formula = "y = mean(x_t)",
    .doc = "The mean of a sequence's steps, feature by feature.",
    .peers = {"x.mean(1)", "GlobalAveragePooling1D with a mask"},
    .inputs = {"x"}, .build = mean_over_time};

const Layer max_over_time_layer{
    .name = "max_over_time", .short_name = "max", .formula = "y = max(x_t)",
    .doc = "The largest of a sequence's steps, feature by feature.",
    .peers = {"x.amax(1)", "GlobalMaxPooling1D"},
    .inputs = {"x"}, .build = max_over_time};

const Layer attention_layer{
    .name = "attention", .aliases = {"MultiheadAttention", "MultiHeadAttention", "self_attention"},
    .short_name = "attention", .formula = "y = concat_h(softmax(q k' / sqrt(d)) v) weight' + bias",
    .doc = "Self-attention: each step becomes a mixture of all steps, weighed by how well its query meets their keys, "
           "in several heads (Vaswani et al., \"Attention is all you need\", 2017, section 3.2).",
    .peers = {"nn.MultiheadAttention(batch_first=True) of x, x, x", "MultiHeadAttention of x, x"},
    .inputs = {"x"},
    .args = {{"heads", int64_t{1}, "so many, each with an equal share of the features"},
             {"causal", int64_t{0}, "1: a step sees those before it and itself"},
             {"bias", int64_t{1}, "0: none"}},
    .parameters = {"in_proj_weight [3 width, width]", "in_proj_bias [3 width]", "out_proj.weight [width, width]",
        "out_proj.bias [width]"},
    .build = attention};

} // namespace vitro

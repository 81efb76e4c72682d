// The embedding of categories: each code of a table's last columns becomes a learned vector, beside the ordinary
// numbers before them. PyTorch's Embedding, one for each coded column, and a concatenation.
//
// Codes come as floating point, as all samples do: 0 to 2^24 are exact in float. A code that its table doesn't have
// throws where it is looked up.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "nn/embed.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

constexpr int64_t most_categories = int64_t{1} << 24; // a float counts no further

Var embed(const LayerCall& call) {
  const Var& x = call.in[0];
  const std::string where = text("layer ", call.name);
  const std::vector<int64_t>& sizes = call.args.list("sizes");
  const int64_t width = call.args.integer("width"), codes = int64_t(sizes.size());
  if (sizes.empty())
    bad_input(where, "there are no codes to embed",
              "the data has no coded column: leave the layer out, or state sizes");
  for (const int64_t size : sizes)
    if (size < 1 || size > most_categories)
      bad_input(where, text("sizes has ", size, ", expected 1 to ", most_categories));
  if (width < 0) bad_input(where, text("width is ", width, ", expected at least 1, or 0: by the number of categories"));
  if (x.shape().rank() < 2 || x.shape().back() < codes)
    bad_input(where, text("input is ", x.shape(), ", expected [batch, ...] and at least ", codes, " columns"),
              "codes are the last columns of a sample, one for each of sizes");

  const int axis = x.shape().rank() - 1;
  const int64_t numbers = x.shape().back() - codes;
  auto samples = x.shape().list(); // of one column
  samples.pop_back();
  samples[0] = -1;
  std::vector<Var> parts;
  if (numbers > 0) parts.push_back(slice(x, axis, 0, numbers));
  for (int64_t i = 0; i < codes; ++i) {
    const int64_t size = sizes[size_t(i)], across = width > 0 ? width : embedding_width(size);
    const Var table = call.parameter(text("weight_", i).c_str(), Shape{size, across},
                                     {call.args.word("init"), {.in = across, .out = size}});
    const Var code = reshape(slice(x, axis, numbers + i, numbers + i + 1), samples);
    parts.push_back(gather(table, to_index(code)));
  }
  return parts.size() == 1 ? parts[0] : concatenate(parts, axis);
}

} // namespace

int64_t embedding_width(int64_t categories) {
  return std::min<int64_t>(50, std::max<int64_t>(1, std::llround(1.6 * math::pow(double(categories), 0.56))));
}

const Layer embed_layer{
    .name = "embed", .aliases = {"embedding", "Embedding"}, .short_name = "embed",
    .formula = "y = [numbers, weight_0[code 0], weight_1[code 1], ...]",
    .doc = "Turns each code of a category into a vector that is learned; numbers before the codes stay as they are.",
    .peers = {"nn.Embedding for each code, from N(0, 1), and torch.cat",
              "Embedding for each code, from U(-0.05, 0.05), and Concatenate"},
    .inputs = {"x"},
    .args = {{"sizes", std::vector<int64_t>{}, "how many categories each of the last columns has; []: as the data"},
             {"width", int64_t{0}, "how long the vectors are; 0: min(50, 1.6 n^0.56) of n categories, as fastai"},
             {"init", std::string("xavier_simple"),
              "how the vectors start: U(-1/sqrt(width), 1/sqrt(width)), as Gorishniy et al., \"Revisiting deep "
              "learning models for tabular data\", 2021"}},
    .parameters = {"weight_i [sizes[i], width]"},
    .build = embed};

NetSpec with_codes(NetSpec net, const std::vector<int64_t>& codes) {
  if (codes.empty() || net.layers.empty()) return net;
  const auto embeds = [](const LayerSpec& layer) { return find_layer(layer.op) == &embed_layer; };
  const auto fill = [&](std::vector<LayerSpec>& layers) {
    for (LayerSpec& layer : layers) {
      const Attr* sizes = layer.args.find("sizes");
      const auto* list = sizes ? std::get_if<std::vector<int64_t>>(sizes) : nullptr;
      const bool open = !sizes || (list && list->empty());
      if (embeds(layer) && layer.share.empty() && open) layer.args.set("sizes", codes);
    }
    return std::ranges::any_of(layers, embeds);
  };
  bool embedded = fill(net.layers);
  for (auto& [name, block] : net.blocks) embedded |= fill(block.layers);
  if (embedded) return net;
  const char* const name = "embed";
  for (LayerSpec& layer : net.layers)
    for (std::string& source : layer.from)
      if (source == "input") source = name;
  net.layers.insert(net.layers.begin(), {.op = name, .name = name, .args = {{"sizes", codes}}});
  return net;
}

} // namespace vitro

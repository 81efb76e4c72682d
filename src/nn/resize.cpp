// Maps made larger: by repetition or by lines between neighbours, and by zeros around them.
#include <algorithm>

#include "core/error.h"
#include "core/named.h"
#include "core/text.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace vitro {
namespace {

void expect_maps(const LayerCall& call) {
  if (call.in[0].shape().rank() != 4)
    bad_input(text("layer ", call.name),
              text("input is ", call.in[0].shape(), ", expected [batch, channels, rows, columns]"));
}

// PyTorch's bilinear with align_corners=False: the middle of output i lies at (i + 1/2) / factor - 1/2, between two
// rows of which the nearer one weighs more; over the edge the last one stands alone. A row of the matrix for each i.
Var between(const Var& x, int64_t factor) {
  const int64_t extent = x.shape().back();
  Tensor weights({x.dtype(), Shape{extent, extent * factor}});
  for (int64_t i = 0; i < extent * factor; ++i) {
    const double at = std::max((double(i) + 0.5) / double(factor) - 0.5, 0.0);
    const int64_t low = int64_t(at), high = std::min(low + 1, extent - 1);
    const auto add = [&](int64_t from, double weight) {
      const int64_t element = from * extent * factor + i;
      weights.set(element, weights.at(element) + weight);
    };
    add(low, 1 - (at - double(low)));
    add(high, at - double(low));
  }
  return matmul(x, constant(x.graph(), std::move(weights)));
}

Var upsample(const LayerCall& call) {
  expect_maps(call);
  const Var& x = call.in[0];
  const Shape& s = x.shape();
  const int64_t factor = call.args.integer("factor");
  const std::string& mode = call.args.word("mode");
  if (factor < 1 || factor > 1024)
    bad_input(text("layer ", call.name), text("factor is ", factor, ", expected from 1 to 1024"));
  expect_one_of(text("layer ", call.name), "mode", mode, {"nearest", "bilinear"});
  if (mode == "nearest") { // each value becomes a square
    const Var apart = reshape(x, {s[0], s[1], s[2], 1, s[3], 1});
    return reshape(broadcast_to(apart, {s[0], s[1], s[2], factor, s[3], factor}),
                   {s[0], s[1], s[2] * factor, s[3] * factor});
  }
  const std::vector<int64_t> turned{0, 1, 3, 2};
  return transpose(between(transpose(between(x, factor), turned), factor), turned);
}

Var zero_pad(const LayerCall& call) {
  expect_maps(call);
  const auto& p = call.args.list("padding");
  if ((p.size() != 1 && p.size() != 2 && p.size() != 4) || std::ranges::any_of(p, [](int64_t x) { return x < 0; }))
    bad_input(text("layer ", call.name), text("padding is ", to_text(p), ", expected one number, rows and columns, or ",
                                              "top, left, bottom, right, none below 0"));
  const int64_t top = p[0], left = p[p.size() > 1], bottom = p[p.size() == 4 ? 2 : 0], right = p.back();
  return pad(pad(call.in[0], 2, top, bottom), 3, left, right);
}

} // namespace

const Layer upsample_layer{
    .name = "upsample", .aliases = {"Upsample", "UpSampling2D"}, .short_name = "upsample",
    .formula = "y = x, each value as factor x factor of them",
    .doc = "Makes maps larger by a whole factor: every value repeated, or with straight lines in between (bilinear).",
    .peers = {"nn.Upsample(scale_factor)", "UpSampling2D(size): channels last"},
    .inputs = {"x"},
    .args = {{"factor", int64_t{2}, "how many times as many rows and columns"},
             {"mode", std::string("nearest"), "nearest or bilinear"}},
    .build = upsample};

const Layer zero_pad2d_layer{
    .name = "zero_pad2d", .aliases = {"ZeroPad2d", "ZeroPadding2D"}, .short_name = "pad",
    .formula = "y = 0 .. x .. 0", .doc = "Zeros around maps.",
    .peers = {"nn.ZeroPad2d: left, right, top, bottom", "ZeroPadding2D: channels last"},
    .inputs = {"x"},
    .args = {{"padding", std::vector<int64_t>{1}, "one number; rows and columns; or top, left, bottom, right"}},
    .build = zero_pad};

} // namespace vitro

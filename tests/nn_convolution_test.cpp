// Layers over maps: shapes, names, words for numbers, and mistakes. (Their numbers are held against PyTorch's in
// golden_test.cpp.)
#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/text.h"
#include "nn/nets.h"
#include "plan/interpret.h"

namespace vitro {
namespace {

using List = std::vector<int64_t>;

States states_of(const NetSpec& net, const Shape& sample, int64_t outputs = 10) {
  States states;
  create_parameters(states, net, sample, outputs, 1);
  return states;
}

// Of the last layer, for a batch of two.
Shape shape_of(const NetSpec& net, const Shape& sample) {
  States states = states_of(net, sample);
  auto extents = sample.list();
  extents.insert(extents.begin(), 2);
  Trace trace(states);
  return build(trace, net, trace.input("x", {DType::f32, Shape(extents)}), {.outputs = 10}).output.shape();
}

std::string error_of(const NetSpec& net, const Shape& sample) {
  try {
    states_of(net, sample);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

NetSpec one(const std::string& op, Attrs args = {}) { return {.layers = {{.op = op, .args = std::move(args)}}}; }
Attrs conv(int64_t out, const Attr& kernel, const Attrs& more = {}) {
  Attrs args{{"out", out}, {"kernel", kernel}};
  for (const auto& [name, value] : more.items()) args.set(name, value);
  return args;
}
const std::string same = "same", depthwise = "depthwise";

TEST(Convolution, ParametersAreTorchs) {
  const NetSpec net{.layers = {{.op = "conv2d", .args = conv(4, List{3, 5}, {{"groups", int64_t{2}}})},
                               {.op = "conv2d", .args = conv(6, int64_t{1}, {{"init", std::string("he_normal")}})},
                               {.op = "depthwise_conv2d", .args = {{"kernel", int64_t{3}}, {"multiplier", int64_t{2}}}},
                               {.op = "conv2d", .args = conv(3, int64_t{1}, {{"bias", int64_t{0}}})}}};
  const States states = states_of(net, {4, 9, 9});
  EXPECT_EQ(states.names(), (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                                      "depthwise1.weight", "depthwise1.bias", "conv3.weight"}));
  EXPECT_EQ(states.at("conv1.weight").type.shape, (Shape{4, 2, 3, 5}));
  EXPECT_EQ(states.at("depthwise1.weight").type.shape, (Shape{12, 1, 3, 3}));
  // U(-1/sqrt(n), 1/sqrt(n)) for the n = 2 x 3 x 5 values of a window, weight and bias.
  for (const char* name : {"conv1.weight", "conv1.bias"}) {
    double most = 0;
    for (const double x : states.read(name).values()) most = std::max(most, std::fabs(x));
    EXPECT_LE(most, 1 / std::sqrt(30.0)) << name;
    EXPECT_GT(most, 0.3 / std::sqrt(30.0)) << name;
  }
  for (const double x : states.read("conv2.bias").values()) EXPECT_EQ(x, 0) << "who names an initialiser means zero";
  EXPECT_EQ(states_of(one("conv1d", conv(4, int64_t{3})), {2, 9}).at("conv1.weight").type.shape, (Shape{4, 2, 3}));
}

TEST(Convolution, Shapes) {
  const Shape maps{4, 9, 7};
  const auto expect = [&](const std::string& op, const Attrs& args, const Shape& sample, const Shape& wanted) {
    SCOPED_TRACE(text(op, " ", args.str()));
    EXPECT_EQ(shape_of(one(op, args), sample), wanted);
  };
  expect("conv2d", conv(5, int64_t{3}), maps, {2, 5, 7, 5});
  expect("Conv2D", conv(5, List{3, 2}, {{"stride", List{2, 1}}, {"padding", List{1, 0}}}), maps, {2, 5, 5, 6});
  for (const int64_t stride : {1, 2, 3})
    for (const int64_t kernel : {1, 2, 3, 4, 5})
      expect("conv2d", conv(5, kernel, {{"stride", stride}, {"padding", same}}), maps,
             {2, 5, (9 + stride - 1) / stride, (7 + stride - 1) / stride});
  expect("conv2d", conv(5, int64_t{3}, {{"padding", same}, {"dilation", int64_t{3}}}), maps, {2, 5, 9, 7});
  expect("conv2d", conv(8, int64_t{3}, {{"padding", std::string("valid")}, {"groups", depthwise}}), maps, {2, 8, 7, 5});
  expect("depthwise_conv2d", {{"kernel", int64_t{3}}, {"padding", int64_t{1}}}, maps, {2, 4, 9, 7});
  expect("conv1d", conv(5, int64_t{3}, {{"stride", int64_t{2}}, {"padding", same}}), {4, 9}, {2, 5, 5});
  expect("MaxPool2d", {{"kernel", int64_t{2}}}, maps, {2, 4, 4, 3});
  expect("max_pool2d", {{"kernel", int64_t{2}}, {"ceil", int64_t{1}}}, maps, {2, 4, 5, 4});
  expect("max_pool2d", {{"kernel", int64_t{3}}, {"stride", int64_t{1}}, {"padding", same}}, maps, {2, 4, 9, 7});
  expect("avg_pool2d", {{"kernel", List{3, 2}}, {"stride", int64_t{1}}}, maps, {2, 4, 7, 6});
  expect("max_pool1d", {{"kernel", int64_t{2}}}, {4, 9}, {2, 4, 4});
  expect("avg_pool1d", {{"kernel", int64_t{2}}, {"ceil", int64_t{1}}}, {4, 9}, {2, 4, 5});
  expect("global_avg_pool", {}, maps, {2, 4});
  expect("global_max_pool", {}, {4, 9}, {2, 4});
  expect("adaptive_avg_pool2d", {}, maps, {2, 4, 1, 1});
  expect("adaptive_avg_pool2d", {{"out", List{3, 4}}}, maps, {2, 4, 3, 4});
  expect("adaptive_max_pool2d", {{"out", int64_t{9}}}, maps, {2, 4, 9, 9}); // more than there are
  expect("upsample", {}, maps, {2, 4, 18, 14});
  expect("upsample", {{"factor", int64_t{3}}, {"mode", std::string("bilinear")}}, maps, {2, 4, 27, 21});
  expect("zero_pad2d", {{"padding", List{1, 2, 0, 3}}}, maps, {2, 4, 10, 12});
  expect("group_norm", {{"groups", int64_t{2}}}, maps, {2, 4, 9, 7});
  expect("dropout2d", {}, maps, {2, 4, 9, 7});
  expect("project", {{"out", int64_t{6}}, {"stride", int64_t{2}}}, maps, {2, 6, 5, 4});
}

TEST(Convolution, MistakesAreNamed) {
  const Shape maps{4, 9, 7};
  const auto expect = [&](const std::string& op, const Attrs& args, const Shape& sample,
                          std::initializer_list<const char*> pieces) {
    const std::string message = error_of(one(op, args), sample);
    for (const char* piece : pieces) EXPECT_NE(message.find(piece), std::string::npos) << piece << " in: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  };
  expect("conv2d", conv(5, int64_t{3}), {36}, {"conv1", "[1, 36]", "[batch, channels, rows, columns]"});
  expect("conv2d", conv(5, int64_t{5}), {1, 2, 2}, {"conv1", "a map of 2 x 2 has no room for a kernel of 5 x 5"});
  expect("conv2d", conv(5, int64_t{3}, {{"dilation", int64_t{5}}}), maps, {"conv1", "dilated: 11 x 11"});
  expect("conv2d", conv(5, int64_t{4}, {{"padding", int64_t{1}}}), {1, 1, 9}, {"padded: 3 x 11", "4 x 4"});
  expect("conv2d", conv(5, int64_t{0}), maps, {"conv1", "kernel is [0]", "[3, 5]"});
  expect("conv2d", conv(0, int64_t{3}), maps, {"conv1", "out is 0"});
  expect("conv2d", conv(5, int64_t{3}, {{"stride", int64_t{0}}}), maps, {"conv1", "stride is [0]"});
  expect("conv2d", conv(5, int64_t{3}, {{"dilation", int64_t{0}}}), maps, {"conv1", "dilation is [0]"});
  expect("conv2d", conv(5, int64_t{3}, {{"padding", int64_t{-1}}}), maps, {"conv1", "padding is [-1]"});
  expect("conv2d", conv(5, int64_t{3}, {{"padding", List{1, 2, 3}}}), maps, {"conv1", "padding is [1, 2, 3]"});
  expect("conv2d", conv(6, int64_t{3}, {{"groups", int64_t{3}}}), maps,
         {"conv1", "3 groups", "4 channels in and 6 out"});
  expect("conv2d", conv(6, int64_t{3}, {{"groups", int64_t{-1}}}), maps, {"conv1", "-1 groups"});
  expect("conv2d", conv(6, int64_t{3}, {{"groups", std::string("deep")}}), maps, {"groups"});
  expect("conv2d", conv(6, int64_t{3}, {{"padding", std::string("sane")}}), maps, {"padding"});
  expect("conv2d", {{"out", int64_t{4}}}, maps, {"kernel", "missing"});
  expect("conv1d", conv(5, int64_t{3}), maps, {"conv1", "[batch, channels, steps]"});
  expect("conv1d", conv(5, List{3, 3}), {4, 9}, {"conv1", "kernel is [3, 3]"});
  expect("max_pool2d", {{"kernel", int64_t{3}}, {"padding", int64_t{3}}}, maps, {"max_pool2d1", "pad by less"});
  expect("max_pool2d", {{"kernel", int64_t{10}}}, maps, {"max_pool2d1", "9 x 7", "10 x 10"});
  expect("max_pool2d", {{"kernel", int64_t{2}}}, {36}, {"max_pool2d1", "[1, 36]"});
  expect("global_avg_pool", {}, {36}, {"pool1", "[1, 36]"});
  expect("adaptive_avg_pool2d", {{"out", int64_t{0}}}, maps, {"pool1", "out is [0]"});
  expect("group_norm", {{"groups", int64_t{3}}}, maps, {"gn1", "3 groups do not divide 4 channels"});
  expect("dropout2d", {}, {36}, {"dropout1", "[1, 36]"});
  expect("upsample", {{"mode", std::string("biliner")}}, maps, {"upsample1", "did you mean \"bilinear\""});
  expect("upsample", {{"factor", int64_t{0}}}, maps, {"upsample1", "factor is 0"});
  expect("zero_pad2d", {{"padding", int64_t{-2}}}, maps, {"pad1", "padding is [-2]"});
  expect("project", {{"out", int64_t{6}}}, {36}, {"project1", "[1, 36]"});
}

// Of 2 x 2 maps a net of five poolings leaves nothing: the one that has no room says so.
TEST(Convolution, TheLayerWithoutRoomSaysSo) {
  const NetSpec net{.layers = {{.op = "max_pool2d", .args = {{"kernel", int64_t{2}}}, .repeat = 5}}};
  const std::string message = error_of(net, {1, 28, 28});
  EXPECT_NE(message.find("max_pool2d5"), std::string::npos) << message;
  EXPECT_NE(message.find("a map of 1 x 1 has no room for a kernel of 2 x 2"), std::string::npos) << message;
}

TEST(Convolution, BuiltInNets) {
  EXPECT_EQ(states_of(make_net("lenet"), {1, 28, 28}).parameters(), 61706);
  EXPECT_EQ(shape_of(make_net("lenet"), {3, 32, 32}), (Shape{2, 10}));
  EXPECT_EQ(shape_of(make_net("lenet", {{"activation", std::string("tanh")}}), {2, 17, 40}), (Shape{2, 10}));
  const std::string message = error_of(make_net("lenet"), {1, 8, 8});
  EXPECT_NE(message.find("conv2"), std::string::npos) << message;
  EXPECT_NE(message.find("4 x 4 has no room for a kernel of 5 x 5"), std::string::npos) << message;
  // He et al.: 0.27 million; the two short cuts that project are 2,752 of them.
  EXPECT_EQ(states_of(make_net("resnet20"), {3, 32, 32}).parameters(), 272474);
  for (const Shape& sample : {Shape{1, 28, 28}, Shape{3, 8, 9}, Shape{2, 1, 1}})
    EXPECT_EQ(shape_of(make_net("resnet20"), sample), (Shape{2, 10}));
}

TEST(Convolution, AShortCutThatChangesNothingHasNoParameters) {
  EXPECT_EQ(states_of(one("project", {{"out", int64_t{4}}}), {4, 9, 7}).parameters(), 0);
  const States states = states_of(one("project", {{"out", int64_t{6}}}), {4, 9, 7});
  EXPECT_EQ(states.names(), (std::vector<std::string>{"project1.0.weight", "project1.1.weight", "project1.1.bias",
                                                      "project1.1.running_mean", "project1.1.running_var"}));
}

TEST(Convolution, DropoutOfWholeChannels) {
  const Shape shape{50, 20, 3, 4};
  States states;
  Trace trace(states);
  const Var x = trace.input("x", {DType::f64, shape});
  const NetSpec net = one("dropout2d", {{"p", 0.25}});
  trace.output("y", build(trace, net, x, {.training = true, .seed = 3}).output);
  const Function function = trace.finish();
  const Tensor y = interpret(function, {}, {Tensor::full({DType::f64, shape}, 1)}).at(function.outputs[0].edge);
  int64_t dropped = 0;
  for (int64_t channel = 0; channel < 50 * 20; ++channel) {
    const double first = y.at(channel * 12);
    dropped += first == 0;
    for (int64_t i = 0; i < 12; ++i) ASSERT_EQ(y.at(channel * 12 + i), first == 0 ? 0 : 1 / 0.75);
  }
  EXPECT_NEAR(double(dropped), 250, 5 * std::sqrt(1000 * 0.25 * 0.75));
}

} // namespace
} // namespace vitro

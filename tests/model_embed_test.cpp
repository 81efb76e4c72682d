// Embeddings of codes: what they look up, how they learn, and that a model puts one in front by itself. (Against
// PyTorch: golden_test.)
#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "model/model.h"
#include "nn/embed.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<int64_t> sizes{3, 8};
// A number and two codes each; labels that the codes decide.
const Tensor x({5, 3}, {0.5, 2, 7, -1, 0, 7, 2, 1, 0, 0.25, 2, 3, 1, 0, 1});
const Tensor labels({5}, {1, 0, 1, 1, 0}, DType::i32);

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

ModelSpec spec_of(NetSpec net, DType dtype = DType::f32) {
  return {.net = std::move(net), .sample = {3}, .codes = sizes, .outputs = 2, .dtype = dtype};
}

TEST(Embed, WidthIsFastaisRule) {
  // emb_sz_rule of fastai 2: min(600, round(1.6 n^0.56)), here at most 50 as the vectors of a table need no more.
  const std::vector<std::pair<int64_t, int64_t>> table{{1, 2},   {2, 2},    {3, 3},    {7, 5},
                                                       {42, 13}, {100, 21}, {471, 50}, {1000000, 50}};
  for (const auto& [categories, width] : table) EXPECT_EQ(embedding_width(categories), width) << categories;
}

TEST(Embed, KeepsTheNumbersAndLooksUpTheCodes) {
  Model model(spec_of({.layers = {{.op = "embed", .name = "both", .args = {{"width", int64_t{2}}}},
                                  {.op = "dense", .args = {{"out", std::string("classes")}}}}}));
  EXPECT_THAT(model.states().names(true), ElementsAre("both.weight_0", "both.weight_1", "fc1.weight", "fc1.bias"));
  Tensor first({DType::f32, {3, 2}}), second({DType::f32, {8, 2}});
  for (int64_t i = 0; i < 6; ++i) first.set(i, double(i));
  for (int64_t i = 0; i < 16; ++i) second.set(i, double(100 + i));
  model.states().write("both.weight_0", first);
  model.states().write("both.weight_1", second);
  EXPECT_EQ(model.activations(x).at("both"), Tensor({5, 5}, {0.5, 4,    5, 114, 115, -1,  0, 1, 114, 115, 2,  2, 3, 100,
                                                             101, 0.25, 4, 5,   106, 107, 1, 0, 1,   102, 103}));
}

TEST(Embed, ComesFirstInAnyNetAsALayerOfItsOwn) {
  for (const char* name : {"mlp", "linear"}) {
    Model model(spec_of(make_net(name)));
    const auto layers = model.layers();
    EXPECT_EQ(layers[0].name, "embed");
    EXPECT_EQ(layers[0].kind, "embed");
    EXPECT_EQ(layers[0].output, (Shape{1, 1 + 3 + 5}));
    EXPECT_THAT(layers[0].parameters, ElementsAre("embed.weight_0", "embed.weight_1"));
    EXPECT_EQ(model.states().at("embed.weight_1").type.shape, (Shape{8, 5}));
    for (int i = 0; i < 200; ++i) model.fit(x, labels, 0.5);
    EXPECT_EQ(model.evaluate(x, labels).correct, 5) << name;
  }
  // Whoever names the input is fed with the embedding; codes are never met as numbers.
  const NetSpec skip{.layers = {{.op = "dense", .name = "a", .args = {{"out", int64_t{9}}}},
                                {.op = "add", .from = {"a", "input"}},
                                {.op = "dense", .args = {{"out", std::string("classes")}}}}};
  EXPECT_EQ(Model(spec_of(skip)).layers()[2].output, (Shape{1, 9}));
  // Without codes nothing is added.
  EXPECT_EQ(with_codes(skip, {}).layers.size(), skip.layers.size());
}

TEST(Embed, StartsSmallerTheLongerTheVectors) {
  const Model model({.net = linear(), .sample = {1}, .codes = {400}, .outputs = 2});
  const Tensor table = model.states().read("embed.weight_0");
  const double bound = 1 / std::sqrt(double(table.shape()[1]));
  double largest = 0, sum = 0;
  for (int64_t i = 0; i < table.elements(); ++i) {
    largest = std::max(largest, std::abs(table.at(i)));
    sum += table.at(i) * table.at(i);
  }
  EXPECT_LE(largest, bound);
  EXPECT_NEAR(sum / double(table.elements()), bound * bound / 3, 0.02 * bound * bound);
}

TEST(Embed, GradientIsTheDifferenceQuotient) {
  const Model model(spec_of(mlp({4}, "tanh"), DType::f64));
  const Tensor wide = x.to(DType::f64);
  Model moved(spec_of(mlp({4}, "tanh"), DType::f64));
  for (const auto& [name, gradient] : model.gradient(wide, labels))
    for (int64_t i = 0; i < gradient.elements(); ++i) {
      const Tensor start = model.states().read(name);
      constexpr double h = 1e-6;
      const auto loss_at = [&](double value) {
        Tensor changed = start;
        changed.set(i, value);
        moved.states().write(name, changed);
        return moved.evaluate(wide, labels).loss / 5;
      };
      EXPECT_NEAR(gradient.at(i), (loss_at(start.at(i) + h) - loss_at(start.at(i) - h)) / (2 * h), 1e-9) << name;
      moved.states().write(name, start);
    }
}

TEST(Embed, PlannedIsInterpreted) {
  ModelSpec spec = spec_of(mlp({4}));
  spec.optimizer = {"adam"};
  spec.interpret = true;
  Model plain(spec);
  spec.interpret = false;
  Model planned(spec);
  for (int i = 0; i < 5; ++i) {
    planned.fit(x, labels, 0.1);
    plain.fit(x, labels, 0.1);
  }
  for (const std::string& name : plain.states().names(true))
    for (int64_t i = 0; i < plain.states().read(name).elements(); ++i)
      EXPECT_NEAR(planned.states().read(name).at(i), plain.states().read(name).at(i), 2e-6) << name;
}

// A loss that wants probabilities tries the net on random samples: these have codes too.
TEST(Embed, TakesLossesThatTryTheNet) {
  NetSpec net = linear();
  net.layers.push_back({.op = "log_softmax"});
  ModelSpec spec = spec_of(net);
  spec.loss = "nll";
  EXPECT_EQ(error_of([&] { Model{spec}; }), "no error");
}

TEST(Embed, SaysWhatDoesNotFit) {
  const LayerSpec last{.op = "dense", .args = {{"out", std::string("classes")}}};
  const auto of = [&](Attrs args, std::vector<int64_t> codes = {}, Shape sample = {3}) {
    return error_of([&] {
      Model{{.net = {.layers = {{.op = "embed", .args = args}, last}}, .sample = sample, .codes = codes, .outputs = 2}};
    });
  };
  EXPECT_EQ(of({{"sizes", sizes}}), "no error");
  EXPECT_THAT(of({}), HasSubstr("no coded column"));
  EXPECT_THAT(of({{"sizes", int64_t{0}}}), HasSubstr("expected 1 to"));
  EXPECT_THAT(of({{"width", int64_t{-1}}}, sizes), HasSubstr("width is -1"));
  EXPECT_THAT(of({{"sizes", std::vector<int64_t>{2, 2, 2, 2}}}), HasSubstr("at least 4 columns"));
  EXPECT_THAT(of({}, {2, 2, 2, 2}), HasSubstr("4 columns of samples [3] should be codes"));

  const Model model(spec_of(linear()));
  for (const double code : {3.0, -1.0, 1e20, std::nan("")}) {
    Tensor wrong = x;
    wrong.set(1, code);
    EXPECT_THAT(error_of([&] { model.predict(wrong); }), HasSubstr("is not in 0 to 2")) << code;
    EXPECT_THAT(error_of([&] { model.activations(wrong); }), HasSubstr("is not in 0 to 2")) << code;
  }
}

} // namespace
} // namespace vitro

// What an answer hangs on: nets made by hand whose maps are known, finite differences, covered pictures predicted anew.
#include "explain/attribution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LayerSpec layer(const char* op, Attrs args = {}) { return {.op = op, .args = std::move(args)}; }
const Attrs classes{{"out", std::string("classes")}};

Tensor pictures(const Shape& shape, DType dtype) {
  Tensor out({dtype, shape});
  const Stream stream(3, "pictures");
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stream.uniform(0, uint64_t(i), -1, 1));
  return out;
}

Tensor one_hot(int64_t rows, int64_t columns, int64_t at, DType dtype) {
  Tensor out({dtype, {rows, columns}});
  for (int64_t i = 0; i < rows; ++i) out.set(i * columns + at, 1);
  return out;
}

// Two maps of a picture of 2 x 2: itself, and itself mirrored at 0; each place of each map speaks for two classes.
Model by_hand() {
  Model model({.net = {.layers = {layer("conv2d", {{"out", int64_t{2}}, {"kernel", std::vector<int64_t>{1}}}),
                                  layer("flatten"), layer("dense", classes)}},
               .sample = {1, 2, 2},
               .outputs = 2,
               .dtype = DType::f64});
  const std::string conv = model.layers()[0].name, dense = model.layers()[2].name;
  model.states().write(conv + ".weight", Tensor({2, 1, 1, 1}, {1, -1}, DType::f64));
  model.states().write(conv + ".bias", Tensor({2}, {0, 0}, DType::f64));
  model.states().write(dense + ".weight",
                       Tensor({2, 8}, {4, 0, 0, 0, /**/ 0, 2, 0, 0, /**/ 0, 0, 0, 0, /**/ 0, 0, 4, 8}, DType::f64));
  model.states().write(dense + ".bias", Tensor({2}, {0.5, 0}, DType::f64));
  return model;
}

TEST(Attribution, OfANetMadeByHandIsKnown) {
  const Model model = by_hand();
  const Tensor x({1, 1, 2, 2}, {1, -2, 3, 5}, DType::f64);
  const Attribution first = model.attribution(x, one_hot(1, 2, 0, DType::f64));
  EXPECT_EQ(first.layer, model.layers()[0].name);
  EXPECT_THAT(first.scores.values(), ElementsAre(4 + 2 * 2 + 0.5, -(4 * 3 + 8 * 5)));
  EXPECT_THAT(first.gradient.values(), ElementsAre(4, -2, 0, 0));
  EXPECT_THAT(first.maps.values(), ElementsAre(1, -2, 3, 5, -1, 2, -3, -5));
  EXPECT_THAT(first.slopes.values(), ElementsAre(4, 0, 0, 0, 0, 2, 0, 0));
  EXPECT_THAT(saliency(first).values(), ElementsAre(4, 2, 0, 0));
  // The first map speaks with 4/4, the second with 2/4: x - x/2 where that is above 0.
  EXPECT_THAT(grad_cam(first).values(), ElementsAre(0.5, 0, 1.5, 2.5));

  const Attribution second = model.attribution(x, one_hot(1, 2, 1, DType::f64));
  EXPECT_THAT(saliency(second).values(), ElementsAre(0, 0, 4, 8));
  EXPECT_THAT(grad_cam(second).values(), ElementsAre(0, 6, 0, 0)); // only the mirrored map, with 12/4

  const Tensor rather({1, 2}, {1, -1}, DType::f64); // the first and not the second
  EXPECT_THAT(model.attribution(x, rather).gradient.values(), ElementsAre(4, -2, 4, 8));
}

NetSpec colourful() {
  return {.layers = {layer("conv2d", {{"out", int64_t{5}}, {"kernel", std::vector<int64_t>{3}}}), layer("batch_norm"),
                     layer("tanh"), layer("max_pool2d", {{"kernel", std::vector<int64_t>{2}}}),
                     layer("conv2d", {{"out", int64_t{4}}, {"kernel", std::vector<int64_t>{2}}}), layer("relu"),
                     layer("global_avg_pool"), layer("dense", classes)}};
}

TEST(Attribution, GradientsAreFiniteDifferencesOfTheScores) {
  Model model({.net = colourful(), .sample = {3, 9, 8}, .outputs = 4, .dtype = DType::f64});
  const Tensor x = pictures({2, 3, 9, 8}, DType::f64), asked = one_hot(2, 4, 2, DType::f64);
  const Attribution found = model.attribution(x, asked);
  EXPECT_EQ(found.layer, model.layers()[5].name);
  const std::string last = model.layers().back().name;
  const auto scores = model.activations(x).at(last);
  EXPECT_EQ(found.scores, scores);
  EXPECT_EQ(found.maps, model.activations(x).at(found.layer));
  const auto score = [&](const Tensor& of, int64_t sample) {
    return model.activations(of).at(last).at(sample * 4 + 2);
  };
  const Tensor looked = saliency(found);
  EXPECT_EQ(looked.shape(), (Shape{2, 9, 8}));
  constexpr double step = 1e-6;
  for (const int64_t pixel : {0, 17, 40, 71})
    for (int64_t sample = 0; sample < 2; ++sample) {
      double most = 0;
      for (int64_t c = 0; c < 3; ++c) {
        const int64_t at = (sample * 3 + c) * 72 + pixel;
        Tensor above = x, below = x;
        above.set(at, x.at(at) + step);
        below.set(at, x.at(at) - step);
        const double slope = (score(above, sample) - score(below, sample)) / (2 * step);
        EXPECT_NEAR(found.gradient.at(at), slope, 1e-8);
        most = std::max(most, std::abs(slope));
      }
      EXPECT_NEAR(looked.at(sample * 72 + pixel), most, 1e-8);
    }
}

TEST(Attribution, AFastModelAgreesWithTheOracle) {
  for (const NetSpec& net : {colourful(), make_net("lenet", {}), make_net("resnet20", {})}) {
    const Shape sample = net.blocks.empty() && net.layers.size() > 8 ? Shape{1, 28, 28} : Shape{3, 16, 16};
    const Model fast({.net = net, .sample = sample, .outputs = 10});
    const Model exact({.net = net, .sample = sample, .outputs = 10, .interpret = true});
    const Tensor x = pictures({2, sample[0], sample[1], sample[2]}, DType::f32), asked = one_hot(2, 10, 7, DType::f32);
    const Attribution a = fast.attribution(x, asked), b = exact.attribution(x, asked);
    EXPECT_EQ(a.layer, b.layer);
    const auto near = [](const Tensor& one, const Tensor& other) {
      ASSERT_EQ(one.type(), other.type());
      double most = 0;
      for (int64_t i = 0; i < other.elements(); ++i) most = std::max(most, std::abs(other.at(i)));
      for (int64_t i = 0; i < one.elements(); ++i) ASSERT_NEAR(one.at(i), other.at(i), 1e-5 * most);
    };
    near(a.scores, b.scores);
    near(a.gradient, b.gradient);
    near(a.maps, b.maps);
    near(a.slopes, b.slopes);
    near(saliency(a), saliency(b));
    near(grad_cam(a), grad_cam(b));
  }
}

TEST(Attribution, WithoutMapsThereIsStillAGradient) {
  const Model model(
      {.net = {.layers = {layer("flatten"), layer("dense", classes)}}, .sample = {1, 3, 3}, .outputs = 2});
  const Attribution found = model.attribution(pictures({1, 1, 3, 3}, DType::f32), one_hot(1, 2, 1, DType::f32));
  EXPECT_EQ(found.layer, "");
  const Tensor weight = model.states().read(model.layers()[1].name + ".weight");
  for (int64_t i = 0; i < 9; ++i) EXPECT_EQ(saliency(found).at(i), std::abs(weight.at(9 + i)));
  EXPECT_THROW(grad_cam(found), std::logic_error);
}

TEST(Attribution, RefusesOtherDirections) {
  const Model model = by_hand();
  const Tensor x({1, 1, 2, 2}, {1, -2, 3, 5}, DType::f64);
  for (const Tensor& wrong : {Tensor({DType::f64, {1, 3}}), Tensor({DType::i32, {1, 2}}), Tensor({DType::f64, {2}})}) {
    try {
      model.attribution(x, wrong);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) { EXPECT_THAT(error.what(), HasSubstr("the direction is")); }
  }
  EXPECT_THROW(model.attribution(Tensor({DType::f64, {1, 2, 2}}), one_hot(1, 2, 0, DType::f64)), Error);
}

TEST(Occlusion, IsTheDropOfWhatIsPredicted) {
  const Model model({.net = colourful(), .sample = {3, 9, 8}, .outputs = 4});
  const Tensor x = pictures({1, 3, 9, 8}, DType::f32);
  const std::vector<float> direction = {0, 0, 1, 0}, fill = {0.5F, -0.25F, 0};
  const Tensor drop = occlusion(model, x, direction, {.side = 3, .stride = 2, .fill = fill});
  ASSERT_EQ(drop.shape(), (Shape{5, 4}));
  const double whole = model.predict(x).at(2);
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t j = 0; j < 4; ++j) {
      Tensor covered = x;
      for (int64_t c = 0; c < 3; ++c)
        for (int64_t row = std::max<int64_t>(0, 2 * i); row < std::min<int64_t>(9, 2 * i + 3); ++row)
          for (int64_t column = 2 * j; column < std::min<int64_t>(8, 2 * j + 3); ++column)
            covered.set((c * 9 + row) * 8 + column, double(fill[size_t(c)]));
      EXPECT_NEAR(drop.at(i * 4 + j), whole - model.predict(covered).at(2), 1e-6) << i << ", " << j;
    }
}

TEST(Occlusion, OfManyPlacesAndBothClassesOfOneOutput) {
  const NetSpec net{.layers = {layer("flatten"), layer("dense", classes)}};
  const Model model({.net = net, .sample = {1, 10, 10}, .outputs = 1, .loss = "binary_cross_entropy"});
  const Tensor x = pictures({1, 1, 10, 10}, DType::f32);
  const std::vector<float> yes = {1}, no = {-1}, fill = {0};
  const Tensor for_yes = occlusion(model, x, yes, {.side = 1, .stride = 1, .fill = fill}),
               for_no = occlusion(model, x, no, {.side = 1, .stride = 1, .fill = fill});
  ASSERT_EQ(for_yes.elements(), 100); // more than a batch
  const double whole = model.predict(x).at(0);
  for (int64_t i = 0; i < 100; ++i) {
    Tensor covered = x;
    covered.set(i, 0);
    EXPECT_NEAR(for_yes.at(i), whole - model.predict(covered).at(0), 1e-6);
    EXPECT_EQ(for_yes.at(i), -for_no.at(i)); // one's probability is what the other's leaves
  }
}

} // namespace
} // namespace vitro

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/initializers.h"

namespace vitro {
namespace {

struct Moments {
  double mean = 0, variance = 0, low = 0, high = 0;
};

Moments moments(const Tensor& x) {
  Moments m{.low = x.at(0), .high = x.at(0)};
  for (const double v : x.values()) {
    m.mean += v / double(x.elements());
    m.low = std::min(m.low, v);
    m.high = std::max(m.high, v);
  }
  for (const double v : x.values()) m.variance += (v - m.mean) * (v - m.mean) / double(x.elements());
  return m;
}

Tensor draw(const std::string& word, DType dtype = DType::f64) {
  return initial(word, "fc1.weight", {dtype, {200, 300}}, {300, 200}, 7);
}

TEST(Initializers, HaveTheVariancesOfTheirPapers) {
  const std::map<std::string, double> variance{
      {"xavier_simple", 1.0 / 3 / 300}, {"xavier_uniform", 2.0 / 500}, {"xavier_normal", 2.0 / 500},
      {"he_uniform", 2.0 / 300},        {"he_normal", 2.0 / 300},      {"lecun_normal", 1.0 / 300},
      {"normal(1, 0.5)", 0.25},         {"uniform(-1, 3)", 16.0 / 12}, {"normal(2)", 4},
      {"uniform(2)", 16.0 / 12}};
  for (const auto& [word, expected] : variance) {
    const Moments m = moments(draw(word));
    EXPECT_NEAR(m.variance / expected, 1, 0.03) << word; // 60000 draws: 5 deviations of a normal's variance are 0.029
    const double mean = word == "normal(1, 0.5)" || word == "uniform(-1, 3)" ? 1 : 0;
    EXPECT_NEAR(m.mean, mean, 5 * std::sqrt(expected / 60000)) << word;
  }
}

TEST(Initializers, UniformOnesStayWithinAndFillTheirRange) {
  const std::map<std::string, double> limit{{"xavier_simple", 1 / std::sqrt(300.0)},
                                            {"glorot_uniform", std::sqrt(6.0 / 500)},
                                            {"kaiming_uniform", std::sqrt(6.0 / 300)},
                                            {"uniform(0.1)", 0.1}};
  for (const auto& [word, r] : limit) {
    const Moments m = moments(draw(word));
    EXPECT_LE(m.high, r) << word;
    EXPECT_GE(m.low, -r) << word;
    EXPECT_GT(m.high - m.low, 1.99 * r) << word;
  }
}

TEST(Initializers, ConstantsAndGain) {
  EXPECT_EQ(moments(draw("zero")).high, 0);
  EXPECT_EQ(moments(draw("constant(0.25)")).low, 0.25);
  const Tensor one = draw("he_normal"),
               two = initial("he_normal", "fc1.weight", {DType::f64, {200, 300}}, {300, 200}, 7, 2);
  for (int64_t i = 0; i < one.elements(); i += 997) EXPECT_EQ(two.at(i), 2 * one.at(i));
}

TEST(Initializers, AnElementDependsOnSeedNameAndPositionAlone) {
  const Tensor large = draw("normal"), small = initial("normal", "fc1.weight", {DType::f64, {5}}, {300, 200}, 7);
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(large.at(i), small.at(i));
  EXPECT_NE(large.at(0), initial("normal", "fc2.weight", {DType::f64, {5}}, {300, 200}, 7).at(0));
  EXPECT_NE(large.at(0), initial("normal", "fc1.weight", {DType::f64, {5}}, {300, 200}, 8).at(0));
  EXPECT_EQ(draw("normal", DType::f32).at(3), double(float(large.at(3)))) << "rounded once";
}

TEST(Initializers, FansAsPyTorchCountsThem) {
  EXPECT_EQ(fan_of({20, 30}).in, 30);
  EXPECT_EQ(fan_of({20, 30}).out, 20);
  EXPECT_EQ(fan_of({16, 8, 3, 5}).in, 8 * 15);
  EXPECT_EQ(fan_of({16, 8, 3, 5}).out, 16 * 15);
}

TEST(Initializers, BadWordsAreNamed) {
  const auto message = [](const std::string& word) {
    try {
      draw(word);
    } catch (const Error& error) { return std::string(error.what()); }
    return std::string("no error");
  };
  EXPECT_NE(message("he_norml").find("did you mean \"he_normal\""), std::string::npos) << message("he_norml");
  EXPECT_NE(message("uniform(1").find("closing bracket"), std::string::npos);
  EXPECT_NE(message("uniform(1, x)").find("\"x\""), std::string::npos);
  EXPECT_NE(message("normal(1, 2, 3)").find("3 numbers"), std::string::npos);
  EXPECT_NE(message("uniform()").find("not a number"), std::string::npos);
  EXPECT_NE(message("").find("unknown initialiser"), std::string::npos);
}

} // namespace
} // namespace vitro

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/threads.h"
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
      {"xavier_simple", 1.0 / 3 / 300},
      {"xavier_uniform", 2.0 / 500},
      {"xavier_normal", 2.0 / 500},
      {"he_uniform", 2.0 / 300},
      {"he_normal", 2.0 / 300},
      {"lecun_normal", 1.0 / 300},
      {"lecun_uniform", 1.0 / 300},
      {"nielsen", 1.0 / 300},
      {"nielsen_large", 1},
      // 1 - 4 phi(2) / (2 Phi(2) - 1): what is left of a normal's variance within two deviations
      {"truncated_normal(3)", 9 * 0.77374},
      {"normal(1, 0.5)", 0.25},
      {"uniform(-1, 3)", 16.0 / 12},
      {"normal(2)", 4},
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
                                            {"lecun_uniform", std::sqrt(3.0 / 300)},
                                            {"uniform(0.1)", 0.1}};
  for (const auto& [word, r] : limit) {
    const Moments m = moments(draw(word));
    EXPECT_LE(m.high, r) << word;
    EXPECT_GE(m.low, -r) << word;
    EXPECT_GT(m.high - m.low, 1.99 * r) << word;
  }
}

// The share of values below each of nine thresholds, against the distribution's: a Kolmogorov-Smirnov test by hand.
TEST(Initializers, AreDistributedAsTheySay) {
  const auto normal = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  const auto within_two = [&](double z) { return (normal(z) - normal(-2)) / (normal(2) - normal(-2)); };
  const std::map<std::string, double> deviation{{"normal(0, 1)", 1},
                                                {"nielsen_large", 1},
                                                {"nielsen", 1 / std::sqrt(300.0)},
                                                {"he_normal", std::sqrt(2.0 / 300)},
                                                {"xavier_normal", std::sqrt(2.0 / 500)},
                                                {"lecun_normal", 1 / std::sqrt(300.0)}};
  const auto largest_gap = [](const Tensor& x, auto below) {
    double most = 0;
    for (double at = -2; at <= 2; at += 0.25) {
      double count = 0;
      for (const double v : x.values()) count += v <= at;
      most = std::max(most, std::fabs(count / double(x.elements()) - below(at)));
    }
    return most;
  };
  const double critical = 1.95 / std::sqrt(60000.0); // one in a thousand
  for (const auto& [word, size] : deviation) {
    Tensor x = draw(word);
    for (int64_t i = 0; i < x.elements(); ++i) x.set(i, x.at(i) / size);
    EXPECT_LT(largest_gap(x, normal), critical) << word;
  }
  EXPECT_LT(largest_gap(draw("truncated_normal(0, 1)"), within_two), critical);
  EXPECT_GT(largest_gap(draw("normal(0, 1)"), within_two), critical) << "the test can tell the two apart";
  EXPECT_LT(largest_gap(draw("uniform(2)"), [](double x) { return (x + 2) / 4; }), critical);
}

TEST(Initializers, TruncatedOnesStayWithinTwoDeviations) {
  const Moments m = moments(draw("truncated_normal(1, 0.5)"));
  EXPECT_LE(m.high, 2);
  EXPECT_GE(m.low, 0);
  EXPECT_GT(m.high - m.low, 1.99);
}

TEST(Initializers, OrthogonalOnesKeepLengthsAndAngles) {
  for (const auto& [shape, gain] : {std::pair{Shape{20, 50}, 1.0},
                                    {Shape{50, 20}, 1.0},
                                    {Shape{33, 33}, 1.5},
                                    {Shape{8, 3, 2, 2}, 1.0},
                                    {Shape{1, 7}, 1.0},
                                    {Shape{7, 1}, 1.0}}) {
    const Tensor w = initial("orthogonal", "fc1.weight", {DType::f64, shape}, fan_of(shape), 7, gain);
    const int64_t rows = shape[0], columns = w.elements() / rows;
    const bool tall = rows > columns;
    for (int64_t a = 0; a < std::min(rows, columns); ++a)
      for (int64_t b = 0; b < std::min(rows, columns); ++b) {
        double dot = 0;
        for (int64_t k = 0; k < std::max(rows, columns); ++k)
          dot += tall ? w.at(k * columns + a) * w.at(k * columns + b) : w.at(a * columns + k) * w.at(b * columns + k);
        ASSERT_NEAR(dot, a == b ? gain * gain : 0, 1e-14 * gain * gain * 10) << shape.str() << " " << a << " " << b;
      }
  }
  // No direction is preferred: an element's variance is 1 / columns, and its mean 0.
  const Moments m = moments(initial("orthogonal", "fc1.weight", {DType::f64, {200, 300}}, {300, 200}, 7));
  EXPECT_NEAR(m.variance * 300, 1, 1e-3);
  EXPECT_NEAR(m.mean, 0, 5 / std::sqrt(300.0 * 60000));
  const int before = thread_count();
  set_thread_count(1);
  const Tensor one = draw("orthogonal", DType::f32);
  set_thread_count(3);
  EXPECT_EQ(draw("orthogonal", DType::f32), one) << "whatever the number of threads";
  set_thread_count(before);
}

TEST(Initializers, GainsArePyTorchs) {
  EXPECT_EQ(gain_of("linear", ""), 1);
  EXPECT_EQ(gain_of("sigmoid", ""), 1);
  EXPECT_DOUBLE_EQ(gain_of("tanh", ""), 5.0 / 3);
  EXPECT_DOUBLE_EQ(gain_of("relu", ""), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(gain_of("leaky_relu", ""), std::sqrt(2 / (1 + 1e-4)));
  EXPECT_DOUBLE_EQ(gain_of("leaky_relu(0.2)", ""), std::sqrt(2 / 1.04));
  EXPECT_EQ(gain_of("selu", ""), 0.75);
  for (const char* bad : {"rleu", "relu(2)", "leaky_relu(1, 2)", "leaky_relu(1", ""})
    EXPECT_THROW(gain_of(bad, "fc1"), Error) << bad;
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
  EXPECT_THROW(initial("orthogonal", "fc1.bias", {DType::f64, {5}}, {5, 5}, 0), Error);
}

} // namespace
} // namespace vitro

// math:: against the C library in long double, in units in the last place.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/math.h"
#include "core/random.h"

namespace vitro {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// |found - truth| in ulps of the double nearest to the truth.
double ulps(double found, long double truth) {
  const double nearest = std::fabs(double(truth));
  const double ulp = nearest < std::numeric_limits<double>::min() ? std::numeric_limits<double>::denorm_min()
                                                                  : std::nextafter(nearest, infinity) - nearest;
  return double(std::fabs(static_cast<long double>(found) - truth) / static_cast<long double>(ulp));
}

template <class Ours, class Theirs>
double worst(double low, double high, Ours ours, Theirs theirs, bool by_exponent = false) {
  const Stream stream(1, "math");
  double most = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    double x = stream.uniform(i, 0, low, high);
    if (by_exponent) x = std::ldexp(1 + stream.uniform(i, 1), int(x));
    most = std::max(most, ulps(ours(x), theirs(static_cast<long double>(x))));
  }
  return most;
}

TEST(Math, Exp) {
  const auto truth = [](long double x) { return expl(x); };
  EXPECT_LT(worst(-708, 709.7, math::exp, truth), 1.5);
  EXPECT_LT(worst(-1, 1, math::exp, truth), 1.5);
  EXPECT_LT(worst(-745, -708, math::exp, truth), 1.5); // subnormal results
  EXPECT_EQ(math::exp(0), 1);
  EXPECT_EQ(math::exp(710), infinity);
  EXPECT_EQ(math::exp(infinity), infinity);
  EXPECT_EQ(math::exp(-infinity), 0);
  EXPECT_EQ(math::exp(-800), 0);
  EXPECT_TRUE(std::isnan(math::exp(NAN)));
}

TEST(Math, Log) {
  const auto truth = [](long double x) { return logl(x); };
  EXPECT_LT(worst(-1022, 1023, math::log, truth, true), 1.5);
  EXPECT_LT(worst(0.5, 2, math::log, truth), 1.5);
  EXPECT_LT(worst(0.99, 1.01, math::log, truth), 1.5);
  constexpr double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_LT(ulps(math::log(smallest), logl(smallest)), 1.5);
  EXPECT_EQ(math::log(1), 0);
  EXPECT_EQ(math::log(0), -infinity);
  EXPECT_EQ(math::log(infinity), infinity);
  EXPECT_TRUE(std::isnan(math::log(-1)));
  EXPECT_TRUE(std::isnan(math::log(NAN)));
}

TEST(Math, SinAndCos) {
  const auto sine = [](long double x) { return sinl(x); };
  const auto cosine = [](long double x) { return cosl(x); };
  for (const double range : {1.0, 10.0, 1000.0, 1048576.0}) {
    const double bound = range > 1000 ? 2.5 : 1.5;
    EXPECT_LT(worst(-range, range, math::sin, sine), bound) << range;
    EXPECT_LT(worst(-range, range, math::cos, cosine), bound) << range;
  }
  for (int k = -1000; k <= 1000; ++k) { // where they vanish
    EXPECT_LT(ulps(math::sin(k * math::pi), sinl(k * math::pi)), 1.5) << k;
    EXPECT_LT(ulps(math::cos((k + 0.5) * math::pi), cosl((k + 0.5) * math::pi)), 1.5) << k;
  }
  EXPECT_EQ(math::sin(0), 0);
  EXPECT_EQ(math::cos(0), 1);
}

TEST(Math, Tanh) {
  const auto truth = [](long double x) { return tanhl(x); };
  EXPECT_LT(worst(-1, 1, math::tanh, truth), 2.5);
  EXPECT_LT(worst(-25, 25, math::tanh, truth), 2.5);
  EXPECT_LT(worst(-300, -2, math::tanh, truth, true), 2.5);
  EXPECT_EQ(math::tanh(0), 0);
  EXPECT_EQ(math::tanh(100), 1);
  EXPECT_EQ(math::tanh(-infinity), -1);
}

TEST(Math, SqrtAndPow) {
  EXPECT_EQ(math::sqrt(2), std::sqrt(2.0));
  EXPECT_EQ(math::pow(2, 10), 1024);
  EXPECT_EQ(math::pow(2, -2), 0.25);
  EXPECT_EQ(math::pow(-2, 3), -8);
  EXPECT_EQ(math::pow(5, 0), 1);
  const Stream stream(1, "pow");
  for (uint64_t i = 0; i < 20000; ++i) {
    const double x = stream.uniform(i, 0, 0.01, 100), y = stream.uniform(i, 1, -20, 20);
    const double size = std::fabs(y * std::log(x));
    EXPECT_LT(ulps(math::pow(x, y), powl(x, y)), 3 + 2 * size) << x << "^" << y;
  }
}

} // namespace
} // namespace vitro

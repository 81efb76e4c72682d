// The elementwise kernels against formulas in double, on every instruction set of this machine: exact
// where the header says correctly rounded, within stated ulps elsewhere; the same bits for an element
// wherever it stands and on every set with fused multiply-add; nothing written outside.
#include "kernels/pointwise.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "kernels_targets.h"

namespace vitro::kernels {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
constexpr float slope = 0.01F;

/// What a kernel must give, and how far off it may be; 0: the very bits.
struct Case {
  const char* name;
  Pointwise kernel;
  int inputs;
  double (*wanted)(double a, double b, double c);
  double ulps = 0;
};

double larger(double a, double b) { return a != a || a > b ? a : b; }
double smaller(double a, double b) { return a != a || a < b ? a : b; }

const Case cases[] = {
    {"add", add, 2, [](double a, double b, double) { return a + b; }},
    {"subtract", subtract, 2, [](double a, double b, double) { return a - b; }},
    {"multiply", multiply, 2, [](double a, double b, double) { return a * b; }},
    {"divide", divide, 2, [](double a, double b, double) { return a / b; }},
    {"negate", negate, 1, [](double a, double, double) { return -a; }},
    {"absolute", absolute, 1, [](double a, double, double) { return std::fabs(a); }},
    {"sign", sign, 1, [](double a, double, double) { return double((a > 0) - (a < 0)); }},
    {"square", square, 1, [](double a, double, double) { return a * a; }},
    {"square_root", square_root, 1, [](double a, double, double) { return std::sqrt(a); }},
    {"maximum", maximum, 2, [](double a, double b, double) { return larger(a, b); }},
    {"minimum", minimum, 2, [](double a, double b, double) { return smaller(a, b); }},
    {"equal", equal, 2, [](double a, double b, double) { return double(a == b); }},
    {"not_equal", not_equal, 2, [](double a, double b, double) { return double(a != b); }},
    {"less", less, 2, [](double a, double b, double) { return double(a < b); }},
    {"less_equal", less_equal, 2, [](double a, double b, double) { return double(a <= b); }},
    {"greater", greater, 2, [](double a, double b, double) { return double(a > b); }},
    {"greater_equal", greater_equal, 2, [](double a, double b, double) { return double(a >= b); }},
    {"where", where, 3, [](double c, double a, double b) { return c != 0 ? a : b; }},
    {"step", step, 1, [](double a, double, double) { return double(a > 0); }},
    {"relu", relu, 1, [](double a, double, double) { return a < 0 ? 0 : a; }},
    {"leaky_relu", leaky_relu, 1, [](double a, double, double) { return a > 0 ? a : double(slope) * a; }},
    {"exponential", exponential, 1, [](double a, double, double) { return std::exp(a); }, 2},
    {"logarithm", logarithm, 1, [](double a, double, double) { return std::log(a); }, 2},
    {"hyperbolic_tangent", hyperbolic_tangent, 1, [](double a, double, double) { return std::tanh(a); }, 2},
    {"sigmoid", sigmoid, 1,
     [](double a, double, double) { return (a < 0 ? std::exp(a) : 1) / (1 + std::exp(-std::fabs(a))); }, 2},
    {"softplus", softplus, 1,
     [](double a, double, double) { return a < 0 ? std::log1p(std::exp(a)) : a + std::log1p(std::exp(-a)); }, 2},
    {"error_function", error_function, 1, [](double a, double, double) { return std::erf(a); }, 2},
    {"normal_integral", normal_integral, 1,
     [](double a, double, double) { return std::erfc(-a * 0.70710678118654752) / 2; }, 5},
    {"exponential_minus_one", exponential_minus_one, 1, [](double a, double, double) { return std::expm1(a); }, 2},
    {"power", power, 2, [](double a, double b, double) { return std::pow(a, b); }, 0.51},
};

/// |got - want| in units of float's spacing at `want`; what overflows counts as 2^128.
double error_in_ulps(float got, double want) {
  const double wrong = 1e30;
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : wrong;
  if (std::isinf(want) || want == 0) {
    // An exact infinity or zero allows nothing else, except where `want` itself has left double's range.
    return std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(float(want)) ? 0 : wrong;
  }
  const double finite = std::isinf(got) ? std::copysign(0x1p128, got) : got;
  int exponent;
  std::frexp(std::min(std::fabs(want), 0x1.fffffep127), &exponent);
  const double clipped = std::isinf(float(want)) ? std::copysign(0x1p128, want) : want;
  return std::fabs(finite - clipped) / std::ldexp(1, std::max(exponent - 24, -149));
}

std::string show(const Case& it, const float* a, const float* b, const float* c, size_t i, float got, double want) {
  char text[300];
  std::snprintf(text, sizeof text, "%s(%.9g", it.name, a[i]);
  std::string out = text;
  if (it.inputs > 1) std::snprintf(text, sizeof text, ", %.9g", b[i]), out += text;
  if (it.inputs > 2) std::snprintf(text, sizeof text, ", %.9g", c[i]), out += text;
  std::snprintf(text, sizeof text, ") = %.9g, not %.12g", got, want);
  return out + text;
}

void check(const Case& it, const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c,
           const std::vector<double>& want) {
  std::vector<float> y(a.size());
  const float* in[] = {a.data(), b.data(), c.data()};
  it.kernel(in, y.data(), int64_t(a.size()), &slope);
  for (size_t i = 0; i < a.size(); ++i) {
    if (it.ulps > 0)
      ASSERT_LE(error_in_ulps(y[i], want[i]), it.ulps) << show(it, a.data(), b.data(), c.data(), i, y[i], want[i]);
    else
      ASSERT_TRUE(std::bit_cast<uint32_t>(y[i]) == std::bit_cast<uint32_t>(float(want[i])) ||
                  (std::isnan(y[i]) && std::isnan(want[i])))
          << show(it, a.data(), b.data(), c.data(), i, y[i], want[i]);
  }
}

const float special[] = {0.0F,
                         -0.0F,
                         1,
                         -1,
                         2,
                         -2,
                         0.5F,
                         -0.5F,
                         3,
                         -3,
                         1.5F,
                         16777216,
                         16777215,
                         -16777215,
                         8388607.5F,
                         1e10F,
                         -1e10F,
                         infinity,
                         -infinity,
                         nan,
                         std::numeric_limits<float>::min(),
                         -std::numeric_limits<float>::min(),
                         std::numeric_limits<float>::denorm_min(),
                         -std::numeric_limits<float>::denorm_min(),
                         1e-40F,
                         -1e-40F,
                         std::numeric_limits<float>::max(),
                         -std::numeric_limits<float>::max(),
                         0.99999994F,
                         1.0000001F,
                         88.72283F,
                         88.72284F,
                         -87.33655F,
                         -103.97208F,
                         -103.97209F,
                         -150,
                         150,
                         1e-8F,
                         10,
                         -10,
                         0.33333334F,
                         128,
                         127.99999F,
                         -149,
                         -150.5F};

/// All floats whose bits are a multiple of `stride`: with an odd one, every exponent and both signs.
std::vector<float> sample(uint32_t stride) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += stride) x.push_back(std::bit_cast<float>(uint32_t(bits)));
  return x;
}

TEST(Pointwise, SpecialValues) {
  std::vector<float> a, b, c;
  for (float x : special)
    for (float y : special) a.push_back(x), b.push_back(y), c.push_back(y == 2 ? -7.0F : x / 3);
  for (const Case& it : cases) {
    std::vector<double> want;
    for (size_t i = 0; i < a.size(); ++i) want.push_back(it.wanted(a[i], b[i], c[i]));
    for (const Target& target : targets()) {
      const OnTarget on(target.bit);
      SCOPED_TRACE(target.name);
      check(it, a, b, c, want);
    }
  }
}

TEST(Pointwise, EveryFunctionOfOneValueOverTheWholeRange) {
  const std::vector<float> x = sample(2'999);
  for (const Case& it : cases) {
    if (it.inputs != 1) continue;
    std::vector<double> want;
    want.reserve(x.size());
    for (float value : x) want.push_back(it.wanted(value, 0, 0));
    for (const Target& target : targets()) {
      const OnTarget on(target.bit);
      SCOPED_TRACE(target.name);
      check(it, x, x, x, want);
    }
  }
}

TEST(Pointwise, EveryFunctionOfTwoOrThreeValues) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> a, b, c;
  for (int i = 0; i < 100'000; ++i) {
    a.push_back(std::exp(3 * normal(random)) * (random() % 8 ? 1.0F : -1.0F));
    b.push_back(random() % 4 ? 10 * normal(random) : std::round(10 * normal(random)));
    c.push_back(normal(random));
  }
  for (int i = 0; i < 100'000; ++i) { // any bits at all
    a.push_back(std::bit_cast<float>(uint32_t(random())));
    b.push_back(std::bit_cast<float>(uint32_t(random())));
    c.push_back(std::bit_cast<float>(uint32_t(random())));
  }
  for (int i = 0; i < 20'000; ++i) { // powers near 1 to large exponents
    a.push_back(1 + 1e-3F * normal(random));
    b.push_back(3e4F * normal(random));
    c.push_back(0);
  }
  for (const Case& it : cases) {
    if (it.inputs == 1) continue;
    std::vector<double> want;
    for (size_t i = 0; i < a.size(); ++i) want.push_back(it.wanted(a[i], b[i], c[i]));
    for (const Target& target : targets()) {
      const OnTarget on(target.bit);
      SCOPED_TRACE(target.name);
      check(it, a, b, c, want);
    }
  }
}

TEST(Pointwise, SameBitsOnAllInstructionSetsWithFusedMultiplyAdd) {
  const std::vector<float> a = sample(1'999);
  std::vector<float> b = a, first(a.size()), y(a.size());
  std::shuffle(b.begin(), b.end(), std::mt19937(1));
  const float* in[] = {a.data(), b.data(), b.data()};
  for (const Case& it : cases) {
    bool any = false;
    for (const Target& target : targets()) {
      if (!target.fused) continue;
      const OnTarget on(target.bit);
      it.kernel(in, any ? y.data() : first.data(), int64_t(a.size()), &slope);
      if (any) {
        ASSERT_EQ(std::memcmp(first.data(), y.data(), a.size() * sizeof(float)), 0) << it.name << " on " << target.name;
      }
      any = true;
    }
  }
}

TEST(Pointwise, AnElementHasTheSameBitsWhereverItStands) {
  constexpr int64_t most = 70, guard = 20;
  constexpr float canary = -12345.678F;
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> a(most + 1), b(most + 1), c(most + 1);
  for (auto* x : {&a, &b, &c})
    for (float& value : *x) value = std::fabs(normal(random));
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (const Case& it : cases) {
      float alone[most];
      for (int64_t i = 0; i < most; ++i) {
        const float* in[] = {&a[size_t(i) + 1], &b[size_t(i) + 1], &c[size_t(i) + 1]};
        it.kernel(in, &alone[i], 1, &slope);
      }
      for (int64_t n = 0; n <= most; ++n) {
        // Copies of exactly n elements, so that a sanitizer sees a read behind the end.
        const std::vector<float> x(a.begin() + 1, a.begin() + 1 + n), y(b.begin() + 1, b.begin() + 1 + n),
            z(c.begin() + 1, c.begin() + 1 + n);
        std::vector<float> out(size_t(n + 2 * guard), canary), in_place(x);
        const float* in[] = {x.data(), y.data(), z.data()};
        it.kernel(in, out.data() + guard, n, &slope);
        for (int64_t i = 0; i < guard; ++i)
          ASSERT_TRUE(out[size_t(i)] == canary && out[size_t(guard + n + i)] == canary)
              << it.name << " writes outside, n = " << n;
        ASSERT_EQ(std::memcmp(out.data() + guard, alone, size_t(n) * sizeof(float)), 0)
            << it.name << " on " << target.name << ", n = " << n;
        if (n == 0) continue;
        const float* same[] = {in_place.data(), y.data(), z.data()};
        it.kernel(same, in_place.data(), n, &slope);
        ASSERT_EQ(std::memcmp(in_place.data(), alone, size_t(n) * sizeof(float)), 0)
            << it.name << " in place on " << target.name;
      }
    }
  }
}

} // namespace
} // namespace vitro::kernels

// Elementwise kernels: error bounds against double, the same bits at any place and on any instruction
// set, nothing touched outside the arrays.
#include "kernels/pointwise.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace vitro {
namespace {

using kernels::Pointwise;

struct Kernel {
  const char* name;
  Pointwise run;
  int inputs;
  double (*truth)(double a, double b, double c);
  double ulps; // kernels/pointwise.h promises no more
};

double truth_of_softplus(double a, double, double) {
  return std::isnan(a) ? a : std::fmax(a, 0) + std::log1p(std::exp(-std::fabs(a)));
}

const Kernel all_kernels[] = {
    {"add", kernels::add, 2, [](double a, double b, double) { return a + b; }, 0.5},
    {"subtract", kernels::subtract, 2, [](double a, double b, double) { return a - b; }, 0.5},
    {"multiply", kernels::multiply, 2, [](double a, double b, double) { return a * b; }, 0.5},
    {"divide", kernels::divide, 2, [](double a, double b, double) { return a / b; }, 0.5},
    {"negate", kernels::negate, 1, [](double a, double, double) { return -a; }, 0},
    {"absolute", kernels::absolute, 1, [](double a, double, double) { return std::fabs(a); }, 0},
    {"sign", kernels::sign, 1, [](double a, double, double) { return double((a > 0) - (a < 0)); }, 0},
    {"square", kernels::square, 1, [](double a, double, double) { return a * a; }, 0.5},
    {"square_root", kernels::square_root, 1, [](double a, double, double) { return std::sqrt(a); }, 0.5},
    {"exponential", kernels::exponential, 1, [](double a, double, double) { return std::exp(a); }, 0.8},
    {"logarithm", kernels::logarithm, 1, [](double a, double, double) { return std::log(a); }, 0.8},
    {"power", kernels::power, 2, [](double a, double b, double) { return std::pow(a, b); }, 0.6},
    {"maximum", kernels::maximum, 2, [](double a, double b, double) { return std::isnan(a) || a > b ? a : b; }, 0},
    {"minimum", kernels::minimum, 2, [](double a, double b, double) { return std::isnan(a) || a < b ? a : b; }, 0},
    {"equal", kernels::equal, 2, [](double a, double b, double) { return double(a == b); }, 0},
    {"not_equal", kernels::not_equal, 2, [](double a, double b, double) { return double(a != b); }, 0},
    {"less", kernels::less, 2, [](double a, double b, double) { return double(a < b); }, 0},
    {"less_equal", kernels::less_equal, 2, [](double a, double b, double) { return double(a <= b); }, 0},
    {"greater", kernels::greater, 2, [](double a, double b, double) { return double(a > b); }, 0},
    {"greater_equal", kernels::greater_equal, 2, [](double a, double b, double) { return double(a >= b); }, 0},
    {"where", kernels::where, 3, [](double a, double b, double c) { return a != 0 ? b : c; }, 0},
    {"step", kernels::step, 1, [](double a, double, double) { return double(a > 0); }, 0},
    {"relu", kernels::relu, 1, [](double a, double, double) { return a < 0 ? 0 : a; }, 0},
    {"leaky_relu", kernels::leaky_relu, 1, [](double a, double, double) { return a > 0 ? a : 0.25 * a; }, 0.5},
    {"sigmoid", kernels::sigmoid, 1, [](double a, double, double) { return 1 / (1 + std::exp(-a)); }, 2.0},
    {"hyperbolic_tangent", kernels::hyperbolic_tangent, 1, [](double a, double, double) { return std::tanh(a); }, 1.4},
    {"softplus", kernels::softplus, 1, truth_of_softplus, 2.1},
    {"error_function", kernels::error_function, 1, [](double a, double, double) { return std::erf(a); }, 1.2},
};
constexpr float slope[] = {0.25f};

// Distance in units of the last place of the float nearest to the truth; huge where kinds differ.
double ulps(float found, double truth) {
  if (std::isnan(truth)) return std::isnan(found) ? 0 : 1e9;
  const float nearest = float(truth);
  if (std::isinf(nearest)) return found == nearest ? 0 : 1e9;
  int exponent;
  std::frexp(truth, &exponent);
  return std::fabs(found - truth) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

// Every `stride`-th float, as bits: signs, subnormals, infinities and nans included.
std::vector<float> spread(uint32_t stride, uint32_t first) {
  std::vector<float> out;
  for (uint64_t bits = first; bits < (uint64_t{1} << 32); bits += stride) {
    const uint32_t word = uint32_t(bits);
    float x;
    std::memcpy(&x, &word, sizeof x);
    out.push_back(x);
  }
  for (const float x : {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 88.7228317f, 88.7228394f, -87.33655f,
                        -103.97208f, 0x1p-149f, 0x1p-126f})
    out.push_back(x);
  return out;
}

std::vector<float> run(const Kernel& kernel, const std::vector<std::vector<float>>& in) {
  std::vector<float> out(in[0].size());
  std::vector<const float*> pointers;
  for (const auto& x : in) pointers.push_back(x.data());
  kernel.run(pointers.data(), out.data(), int64_t(out.size()), slope);
  return out;
}

class PointwiseKernel : public testing::TestWithParam<Kernel> {};

TEST_P(PointwiseKernel, KeepsItsErrorBoundOverAllFloats) {
  const Kernel& kernel = GetParam();
  const std::vector<std::vector<float>> in{spread(997, 0), spread(997, 501), spread(997, 333)};
  const auto out = run(kernel, in);
  for (size_t i = 0; i < out.size(); ++i) {
    const double truth = kernel.truth(in[0][i], in[1][i], in[2][i]);
    ASSERT_LE(ulps(out[i], truth), kernel.ulps) << kernel.name << "(" << in[0][i] << ", " << in[1][i] << ", "
                                                << in[2][i] << ") = " << out[i] << ", not " << truth;
  }
}

TEST_P(PointwiseKernel, GivesAnElementTheSameBitsWhereverItStandsAndInPlace) {
  const Kernel& kernel = GetParam();
  const std::vector<std::vector<float>> in{spread(64 * 1024 * 1024 + 3, 77), spread(64 * 1024 * 1024 + 3, 5000),
                                           spread(64 * 1024 * 1024 + 3, 9)};
  const auto whole = run(kernel, in);
  for (size_t n = 0; n <= 35; ++n) {
    for (const size_t offset : {0, 1, 7}) {
      constexpr float canary = 12345.5f;
      std::vector<float> room(n + 8, canary);
      const float* from[] = {in[0].data() + offset, in[1].data() + offset, in[2].data() + offset};
      kernel.run(from, room.data() + 3, int64_t(n), slope);
      EXPECT_EQ(std::memcmp(room.data() + 3, whole.data() + offset, n * sizeof(float)), 0)
          << kernel.name << " n " << n << " offset " << offset;
      for (const size_t i : {size_t(2), n + 3}) EXPECT_EQ(room[i], canary) << kernel.name << " wrote outside";
      for (int k = 0; k < kernel.inputs; ++k) {
        std::vector<float> place(from[k], from[k] + n);
        const float* in_place[] = {from[0], from[1], from[2]};
        in_place[k] = place.data();
        kernel.run(in_place, place.data(), int64_t(n), slope);
        EXPECT_EQ(std::memcmp(place.data(), whole.data() + offset, n * sizeof(float)), 0)
            << kernel.name << " over its input " << k;
      }
    }
  }
}

TEST_P(PointwiseKernel, GivesTheSameBitsOnEveryInstructionSetWithFusedMultiplyAdd) {
  const Kernel& kernel = GetParam();
  const std::vector<std::vector<float>> in{spread(9973, 0), spread(9973, 501), spread(9973, 333)};
  const auto best = run(kernel, in);
  if (!(hwy::SupportedTargets() & HWY_AVX2)) return; // one instruction set: nothing to compare
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  const auto avx2 = run(kernel, in);
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(std::memcmp(best.data(), avx2.data(), best.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(All, PointwiseKernel, testing::ValuesIn(all_kernels),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace vitro

// Batch-norm: the same bits however the values lie, on every instruction set, at every number of threads; and digits.
#include "kernels/normalize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "core/layout.h"
#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"

namespace vitro::kernels {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  Channels of;
  std::vector<float> x, dy, weight, bias; // row-major
};

Case some_case(const Channels& of, float mean = 0.3F) {
  const int64_t n = of.samples * of.channels * of.positions;
  Case out{of, random_values(n, 1), random_values(n, 2), random_values(of.channels, 3), random_values(of.channels, 4)};
  for (float& x : out.x) x += mean;
  out.x.resize(size_t(n)), out.dy.resize(size_t(n)); // exactly as many: a sanitizer sees a read behind the end
  return out;
}

struct Result {
  std::vector<float> y, mean, variance, dx, dweight, dbias; // row-major
};

Result run(const Case& one, bool blocked) {
  Channels of = one.of;
  of.blocked = blocked;
  const Type type{DType::f32, Shape{of.samples, of.channels, of.positions}};
  const Layout layout = blocked ? Layout{.axis = 1, .block = 16} : row_major;
  const int64_t stored = stored_elements(type.shape, layout);
  const auto laid = [&](const std::vector<float>& values) {
    std::vector<float> out(static_cast<size_t>(stored));
    pack(type, layout, values.data(), out.data());
    const std::vector<float> there(values.size(), 1.0F);
    std::vector<float> mask(out.size());
    pack(type, layout, there.data(), mask.data());
    for (size_t i = 0; i < out.size(); ++i)
      if (mask[i] == 0) out[i] = nan; // nobody may count on the padding
    return out;
  };
  const std::vector<float> x = laid(one.x), dy = laid(one.dy);
  std::vector<double> workspace(size_t(batch_norm_workspace(of)) / sizeof(double) + 1, double(nan));
  const auto place = [](int64_t n) { return std::vector<float>(size_t(n + 2 * guard), canary); };
  std::vector<float> y = place(stored), dx = y, mean = place(of.channels), variance = mean, dweight = mean,
                     dbias = mean;
  batch_norm(of, x.data(), one.weight.data(), one.bias.data(), 1e-5, y.data() + guard, mean.data() + guard,
             variance.data() + guard, workspace.data());
  batch_norm_gradient(of, x.data(), one.weight.data(), mean.data() + guard, variance.data() + guard, dy.data(), 1e-5,
                      dx.data() + guard, dweight.data() + guard, dbias.data() + guard, workspace.data());
  const auto taken = [&](const std::vector<float>& from, bool map) {
    for (size_t i = 0; i < size_t(guard); ++i)
      EXPECT_TRUE(from[i] == canary && from[from.size() - 1 - i] == canary) << "written outside";
    std::vector<float> out(from.begin() + guard, from.end() - guard);
    if (!map) return out;
    std::vector<float> values(one.x.size());
    unpack(type, layout, out.data(), values.data());
    return values;
  };
  return {taken(y, true),  taken(mean, false),    taken(variance, false),
          taken(dx, true), taken(dweight, false), taken(dbias, false)};
}

void expect_same(const Result& a, const Result& b, const std::string& what) {
  const auto same = [&](const std::vector<float>& p, const std::vector<float>& q, const char* which) {
    expect_same_bits(p.data(), q.data(), int64_t(q.size()), what + ", " + which);
  };
  same(a.y, b.y, "y"), same(a.mean, b.mean, "mean"), same(a.variance, b.variance, "variance");
  same(a.dx, b.dx, "dx"), same(a.dweight, b.dweight, "dweight"), same(a.dbias, b.dbias, "dbias");
}

std::string str(const Channels& of) {
  return std::to_string(of.samples) + " x " + std::to_string(of.channels) + " x " + std::to_string(of.positions);
}

std::vector<Channels> shapes() {
  std::vector<Channels> out;
  for (const int64_t channels : {1, 3, 16, 17, 40})
    for (const int64_t positions : {1, 2, 7, 16, 49, 165, 385, 1024})
      for (const int64_t samples : {1, 2, 5, 33}) out.push_back({samples, channels, positions});
  out.push_back({400, 3, 1}); // several chunks of a batch
  out.push_back({1000, 100, 1});
  return out;
}

TEST(BatchNorm, HasTheSameBitsHoweverItsValuesLieOnEveryInstructionSet) {
  for (const Channels& of : shapes()) {
    const Case one = some_case(of);
    Result first;
    for (const Target& target : targets()) {
      const OnTarget on(target.bit);
      const Result rows = run(one, false);
      expect_same(run(one, true), rows, target.name + ", blocked " + str(of));
      if (first.y.empty()) first = rows;
      if (target.fused) expect_same(rows, first, target.name + ", " + str(of));
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
  }
}

TEST(BatchNorm, BitsDoNotDependOnThreads) {
  const int before = thread_count();
  for (const Channels& of : {Channels{33, 40, 165}, Channels{1000, 100, 1}, Channels{5, 16, 4000}}) {
    const Case one = some_case(of);
    set_thread_count(1);
    const Result first = run(one, false);
    for (const int threads : {1, 2, 3, 8})
      for (const bool blocked : {false, true}) {
        set_thread_count(threads);
        expect_same(run(one, blocked), first, str(of) + " by " + std::to_string(threads));
      }
  }
  set_thread_count(before);
}

// Against the formulas in double.
void expect_close(const Case& one, const Result& got, double of_y, double of_dx) {
  const auto [samples, channels, positions, blocked] = one.of;
  const double n = double(samples * positions);
  for (int64_t c = 0; c < channels; ++c) {
    const auto for_each = [&](auto use) {
      for (int64_t s = 0; s < samples; ++s)
        for (int64_t p = 0; p < positions; ++p) use(size_t((s * channels + c) * positions + p));
    };
    const double weight = one.weight[size_t(c)];
    double mean = 0, variance = 0, sum = 0, products = 0;
    for_each([&](size_t i) { mean += one.x[i] / n; });
    for_each([&](size_t i) { variance += (one.x[i] - mean) * (one.x[i] - mean) / n; });
    const double inverse = 1 / std::sqrt(variance + 1e-5);
    for_each([&](size_t i) { sum += one.dy[i], products += one.dy[i] * (one.x[i] - mean) * inverse; });
    ASSERT_NEAR(got.mean[size_t(c)], mean, std::fabs(mean) * 0x1p-24 + of_y * 0x1p-2);
    ASSERT_NEAR(got.variance[size_t(c)] / variance, 1, of_y);
    ASSERT_NEAR(got.dbias[size_t(c)], sum, of_dx * n);
    ASSERT_NEAR(got.dweight[size_t(c)], products, of_dx * n);
    for_each([&](size_t i) {
      const double z = (one.x[i] - mean) * inverse;
      ASSERT_NEAR(got.y[i], z * weight + one.bias[size_t(c)], of_y * (1 + std::fabs(weight)));
      ASSERT_NEAR(got.dx[i], (one.dy[i] - sum / n - z * products / n) * weight * inverse,
                  of_dx * std::fabs(weight) * inverse);
    });
  }
}

TEST(BatchNorm, IsTheFormula) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (const Channels& of : {Channels{33, 17, 49}, Channels{200, 40, 1}, Channels{7, 3, 1024}}) {
      const Case one = some_case(of);
      expect_close(one, run(one, false), 3e-6, 3e-6);
    }
  }
}

// What a mean of 10,000 deviations rounds to is off by half of 2^-10: y is not, for the rest of the mean is kept.
TEST(BatchNorm, ALargeMeanCostsNoDigits) {
  for (const Channels& of : {Channels{33, 17, 49}, Channels{500, 40, 1}, Channels{7, 3, 1024}}) {
    const Case one = some_case(of, 1e4F);
    expect_close(one, run(one, false), 3e-6, 3e-3);
  }
}

TEST(BatchNorm, EqualValuesHaveNoVariance) {
  for (const float value : {0.0F, 0.1F, -12345.678F}) {
    Case one = some_case({37, 5, 50});
    std::ranges::fill(one.x, value);
    const Result got = run(one, true);
    for (int64_t c = 0; c < 5; ++c) {
      ASSERT_EQ(got.mean[size_t(c)], value);
      ASSERT_EQ(got.variance[size_t(c)], 0);
      ASSERT_EQ(got.y[size_t(c * 50)], one.bias[size_t(c)]);
    }
  }
}

TEST(BatchNorm, ANanSpoilsItsChannelAlone) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (const bool blocked : {false, true})
      for (const Channels& of : {Channels{5, 17, 49}, Channels{37, 17, 1}}) {
        Case one = some_case(of);
        one.x[size_t((3 * 17 + 11) * of.positions)] = nan;
        const Result got = run(one, blocked);
        for (size_t i = 0; i < one.x.size(); ++i) {
          const bool there = int64_t(i) / of.positions % 17 == 11;
          ASSERT_EQ(std::isnan(got.y[i]), there) << i;
          ASSERT_EQ(std::isnan(got.dx[i]), there) << i;
        }
      }
  }
}

} // namespace
} // namespace vitro::kernels

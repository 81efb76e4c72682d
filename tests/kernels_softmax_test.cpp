// Softmax, cross-entropy and its derivative against double: the three ways of a row by its length give what
// the formula says, and the same bits whatever its neighbours, the threads or the instruction set.
#include "kernels/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"

namespace vitro::kernels {
namespace {

constexpr int64_t odd_sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255};

std::vector<int32_t> random_labels(int64_t rows, int64_t columns, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  for (int32_t& label : labels) label = int32_t(random() % uint32_t(columns));
  return labels;
}

double ulp_of(double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::ldexp(1, std::max(exponent - 24, -149));
}

TEST(Softmax, AgreesWithDoubleAndSumsToOne) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (int64_t columns : odd_sizes)
      for (float spread : {1.0F, 30.0F}) {
        const int64_t rows = 21; // whole vectors of rows, fours, and single ones
        const std::vector<float> x = random_values(rows * columns, uint32_t(columns), spread);
        std::vector<float> y(size_t(rows * columns + 2 * guard), canary), logs = y, in_place(x.begin() + 1, x.end());
        softmax(rows, columns, x.data() + 1, y.data() + guard);
        log_softmax(rows, columns, x.data() + 1, logs.data() + guard);
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x.data() + 1 + r * columns;
          const double most = *std::max_element(row, row + columns);
          double total = 0, ones = 0;
          for (int64_t j = 0; j < columns; ++j) total += std::exp(row[j] - most);
          for (int64_t j = 0; j < columns; ++j) {
            // x - max is rounded to half an ulp of itself, which the exponential turns into a relative error.
            const double z = row[j] - most, want = std::exp(z) / total,
                         relative = (std::fabs(z) + double(columns) / 8 + 8) * 0x1p-24;
            ASSERT_NEAR(y[size_t(guard + r * columns + j)], want, want * relative + 2 * ulp_of(want));
            const double want_log = z - std::log(total);
            ASSERT_NEAR(logs[size_t(guard + r * columns + j)], want_log,
                        (std::fabs(z) + std::log(total) + double(columns) / 8 + 8) * 0x1p-23);
            ones += y[size_t(guard + r * columns + j)];
          }
          ASSERT_NEAR(ones, 1, 1e-5);
        }
        for (int64_t i = 0; i < guard; ++i) {
          ASSERT_TRUE(y[size_t(i)] == canary && y[y.size() - 1 - size_t(i)] == canary);
          ASSERT_TRUE(logs[size_t(i)] == canary && logs[y.size() - 1 - size_t(i)] == canary);
        }
        softmax(rows, columns, in_place.data(), in_place.data());
        expect_same_bits(in_place.data(), y.data() + guard, rows * columns, "softmax in place");
        in_place.assign(x.begin() + 1, x.end());
        log_softmax(rows, columns, in_place.data(), in_place.data());
        expect_same_bits(in_place.data(), logs.data() + guard, rows * columns, "log_softmax in place");
      }
  }
}

TEST(Softmax, SameBitsOnAllInstructionSetsWithFusedMultiplyAdd) {
  const std::vector<float> x = random_values(37 * 101, 8, 10);
  for (auto* kernel : {softmax, log_softmax}) {
    std::vector<float> first;
    for (const Target& target : targets()) {
      if (!target.fused) continue;
      const OnTarget on(target.bit);
      std::vector<float> y(x.size());
      kernel(37, 101, x.data(), y.data());
      if (first.empty()) first = y;
      expect_same_bits(y.data(), first.data(), 37 * 101, target.name);
    }
  }
}

TEST(Softmax, LargeLogitsNeitherOverflowNorDivideByZero) {
  const std::vector<float> x = {1e30F, 1e30F, -1e30F, 0, 3.4e38F, -3.4e38F};
  std::vector<float> y(6);
  softmax(3, 2, x.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{0.5F, 0.5F, 0, 1, 1, 0}));
  log_softmax(2, 2, x.data(), y.data());
  EXPECT_EQ(y[2], -1e30F);
  EXPECT_EQ(y[3], 0);
}

struct Everything {
  std::vector<float> softmax, logs, p, losses, soft_p, soft_losses, gradient;
  bool operator==(const Everything&) const = default;
};

Everything all_of(int64_t rows, int64_t columns, const float* x, const int32_t* labels, const float* targets) {
  const std::vector<float> whole(size_t(rows * columns)), each(static_cast<size_t>(rows));
  Everything out{whole, whole, whole, each, whole, each, whole};
  softmax(rows, columns, x, out.softmax.data());
  log_softmax(rows, columns, x, out.logs.data());
  cross_entropy(rows, columns, x, labels, out.p.data(), out.losses.data());
  cross_entropy(rows, columns, x, targets, out.soft_p.data(), out.soft_losses.data());
  subtract_one_hot(rows, columns, out.p.data(), labels, 0.125F, out.gradient.data());
  return out;
}

TEST(Softmax, ARowHasTheSameBitsWhateverItsNeighboursTheThreadsAndTheInstructionSet) {
  const int before = thread_count();
  for (const int64_t columns : odd_sizes) {
    const int64_t rows = columns == 100 ? 300 : 71;
    const std::vector<float> x = random_values(rows * columns, uint32_t(columns), 5),
                             targets = random_values(rows * columns, 7);
    const std::vector<int32_t> labels = random_labels(rows, columns, 2);
    Everything first;
    for (const Target& target : kernels::targets()) {
      if (!target.fused) continue;
      const OnTarget on(target.bit);
      SCOPED_TRACE(target.name + ", columns " + std::to_string(columns));
      const Everything all = all_of(rows, columns, x.data(), labels.data(), targets.data());
      if (first.p.empty()) first = all;
      ASSERT_TRUE(all == first);
      ASSERT_TRUE(all.p == all.softmax && all.soft_p == all.softmax);
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t at = r * columns;
        const Everything alone = all_of(1, columns, &x[size_t(at)], &labels[size_t(r)], &targets[size_t(at)]);
        expect_same_bits(alone.p.data(), &all.p[size_t(at)], columns, "p");
        expect_same_bits(alone.logs.data(), &all.logs[size_t(at)], columns, "log_softmax");
        expect_same_bits(alone.losses.data(), &all.losses[size_t(r)], 1, "loss");
        expect_same_bits(alone.soft_losses.data(), &all.soft_losses[size_t(r)], 1, "soft loss");
        expect_same_bits(alone.gradient.data(), &all.gradient[size_t(at)], columns, "gradient");
        if (HasFatalFailure()) return;
      }
      for (const int threads : {2, 3}) {
        set_thread_count(threads);
        ASSERT_TRUE(all_of(rows, columns, x.data(), labels.data(), targets.data()) == first) << threads << " threads";
      }
      set_thread_count(before);
    }
  }
}

TEST(CrossEntropy, AgreesWithDouble) {
  for (const Target& target : kernels::targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (const int64_t columns : odd_sizes)
      for (const float spread : {1.0F, 30.0F}) {
        const int64_t rows = 21;
        const std::vector<float> x = random_values(rows * columns, uint32_t(columns), spread),
                                 targets = random_values(rows * columns, 7);
        const std::vector<int32_t> labels = random_labels(rows, columns, 2);
        const Everything got = all_of(rows, columns, x.data() + 1, labels.data(), targets.data());
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x.data() + 1 + r * columns;
          const double most = *std::max_element(row, row + columns);
          double total = 0, soft = 0, size = 0;
          for (int64_t j = 0; j < columns; ++j) total += std::exp(row[j] - most);
          for (int64_t j = 0; j < columns; ++j) {
            const double t = targets[size_t(r * columns + j)], log_p = row[j] - most - std::log(total);
            soft -= t * log_p;
            size += std::fabs(t) * (std::fabs(row[j] - most) + std::log(total));
          }
          const double z = row[labels[size_t(r)]] - most, slack = double(columns) / 8 + 8;
          ASSERT_NEAR(got.losses[size_t(r)], std::log(total) - z, (std::fabs(z) + std::log(total) + slack) * 0x1p-23);
          double target_size = 0;
          for (int64_t j = 0; j < columns; ++j) target_size += std::fabs(targets[size_t(r * columns + j)]);
          ASSERT_NEAR(got.soft_losses[size_t(r)], soft, (size + target_size) * slack * 0x1p-23);
          for (int64_t j = 0; j < columns; ++j) {
            const float p = got.p[size_t(r * columns + j)];
            ASSERT_EQ(got.gradient[size_t(r * columns + j)], (p - float(j == labels[size_t(r)])) * 0.125F);
          }
        }
      }
  }
}

TEST(CrossEntropy, ALabelOutsideGivesNanAndNothingIsReadThere) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (const int64_t columns : {3, 10, 40}) {
      const std::vector<float> x = random_values(3 * columns, 5);
      const std::vector<int32_t> labels{-1, 1, int32_t(columns)};
      const Everything got = all_of(3, columns, x.data(), labels.data(), x.data());
      EXPECT_TRUE(std::isnan(got.losses[0]) && std::isfinite(got.losses[1]) && std::isnan(got.losses[2]));
      for (int64_t j = 0; j < columns; ++j) {
        EXPECT_TRUE(std::isnan(got.gradient[size_t(j)]) && std::isnan(got.gradient[size_t(2 * columns + j)]));
        EXPECT_TRUE(std::isfinite(got.gradient[size_t(columns + j)]));
      }
    }
  }
}

TEST(Softmax, NothingIsWrittenOutside) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (const int64_t columns : odd_sizes)
      for (const int64_t rows : {1, 2, 5, 16, 19, 64, 67}) {
        // Copies of exactly as many elements, so that a sanitizer sees a read behind the end.
        const std::vector<float> drawn = random_values(rows * columns, 4), x(drawn.begin() + 1, drawn.end());
        const std::vector<int32_t> labels = random_labels(rows, columns, 6);
        const size_t n = x.size();
        std::vector<float> p(n + 2 * guard, canary), logs = p, soft = p, gradient = p;
        std::vector<float> losses(size_t(rows + 2 * guard), canary), soft_losses = losses;
        log_softmax(rows, columns, x.data(), logs.data() + guard);
        cross_entropy(rows, columns, x.data(), labels.data(), p.data() + guard, losses.data() + guard);
        cross_entropy(rows, columns, x.data(), x.data(), soft.data() + guard, soft_losses.data() + guard);
        subtract_one_hot(rows, columns, x.data(), labels.data(), 3, gradient.data() + guard);
        for (const auto* out : {&p, &logs, &soft, &gradient, &losses, &soft_losses})
          for (size_t i = 0; i < size_t(guard); ++i)
            ASSERT_TRUE((*out)[i] == canary && (*out)[out->size() - 1 - i] == canary) << rows << " x " << columns;
      }
  }
}

TEST(Softmax, ANanSpoilsItsRowAlone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (const int64_t columns : odd_sizes)
      for (const int64_t at : {int64_t(0), columns / 2, columns - 1}) {
        const int64_t rows = 37;
        std::vector<float> x = random_values(rows * columns, 9);
        x[size_t(20 * columns + at)] = nan;
        const Everything got = all_of(rows, columns, x.data(), random_labels(rows, columns, 1).data(), x.data());
        for (int64_t r = 0; r < rows; ++r) {
          ASSERT_EQ(std::isnan(got.losses[size_t(r)]), r == 20);
          for (int64_t j = 0; j < columns; ++j) {
            ASSERT_EQ(std::isnan(got.softmax[size_t(r * columns + j)]), r == 20) << columns << " " << at;
            ASSERT_EQ(std::isnan(got.logs[size_t(r * columns + j)]), r == 20);
          }
        }
      }
  }
}

} // namespace
} // namespace vitro::kernels

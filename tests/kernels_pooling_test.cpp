// Pooling against readable loops: the same bits on every instruction set with 16 channels side by side and with one,
// at every number of threads.
#include "kernels/pooling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"

namespace vitro::kernels {
namespace {

// Each window's taps, as places in its plane, row by row.
template <class Visit> void each_window(const Pooling& of, Visit visit) {
  for (int64_t plane = 0; plane < of.planes; ++plane)
    for (int64_t oy = 0; oy < of.out_height; ++oy)
      for (int64_t ox = 0; ox < of.out_width; ++ox)
        for (int64_t lane = 0; lane < of.lanes; ++lane) {
          std::vector<int64_t> taps;
          for (int64_t ky = 0; ky < of.kernel_height; ++ky)
            for (int64_t kx = 0; kx < of.kernel_width; ++kx) {
              const int64_t y = oy * of.stride_height - of.top + ky, x = ox * of.stride_width - of.left + kx;
              if (y >= 0 && y < of.height && x >= 0 && x < of.width)
                taps.push_back(((plane * of.height + y) * of.width + x) * of.lanes + lane);
            }
          visit(((plane * of.out_height + oy) * of.out_width + ox) * of.lanes + lane, oy * of.out_width + ox, taps);
        }
}

int64_t first_largest(const float* x, const std::vector<int64_t>& taps) {
  int64_t found = taps[0];
  for (const int64_t at : taps)
    if (x[at] > x[found] || std::isnan(x[at])) found = at;
  return found;
}

struct Case {
  Pooling of;
  std::vector<float> x, dy, share;
};

int64_t in_elements(const Pooling& of) { return of.planes * of.height * of.width * of.lanes; }
int64_t out_elements(const Pooling& of) { return of.planes * of.out_height * of.out_width * of.lanes; }

void compare(const Case& one, const std::string& what) {
  const Pooling& of = one.of;
  const float *x = one.x.data() + 1, *dy = one.dy.data() + 1, *share = one.share.data() + 1;
  const int64_t n = in_elements(of), m = out_elements(of);
  std::vector<float> most(size_t(m), 0), average(size_t(m), 0), back(size_t(n), 0), spread(size_t(n), 0);
  each_window(of, [&](int64_t at, int64_t position, const std::vector<int64_t>& taps) {
    const int64_t found = first_largest(x, taps);
    most[size_t(at)] = x[found];
    back[size_t(found)] += dy[at];
    for (const int64_t tap : taps) {
      average[size_t(at)] += x[tap];
      spread[size_t(tap)] += dy[at] * share[position];
    }
    average[size_t(at)] *= share[position];
  });
  const auto check = [&](const std::vector<float>& want, auto run, const char* which) {
    std::vector<float> got(want.size() + 2 * guard, canary);
    run(got.data() + guard);
    expect_same_bits(got.data() + guard, want.data(), int64_t(want.size()), what + ", " + which);
    for (int64_t i = 0; i < guard; ++i)
      ASSERT_TRUE(got[size_t(i)] == canary && got[want.size() + size_t(guard + i)] == canary) << "writes outside";
  };
  check(
      most, [&](float* y) { max_pool(of, x, y); }, "max");
  check(
      average, [&](float* y) { average_pool(of, share, x, y); }, "average");
  check(
      back, [&](float* dx) { max_pool_scatter(of, x, dy, dx, {}); }, "max, back");
  check(
      spread, [&](float* dx) { average_pool_scatter(of, share, dy, dx, {}); }, "average, back");
}

Case make(Pooling of, uint32_t seed, bool ties) {
  Case one{of, random_values(in_elements(of), seed), random_values(out_elements(of), seed + 1),
           random_values(of.out_height * of.out_width, seed + 2)};
  if (ties) // few values, so that many are equal, some of them zeros of either sign
    for (float& x : one.x) x = std::round(x);
  return one;
}

void compare_all() {
  uint32_t seed = 1;
  for (const int64_t lanes : {1, 16})
    for (const int64_t planes : {1, 5})
      for (const auto& [height, width] : {std::pair{2, 2}, {3, 5}, {4, 34}, {7, 67}, {8, 64}})
        for (const auto& [kernel, stride, before, after] : {std::array{2, 2, 0, 0},
                                                            {2, 2, 1, 1},
                                                            {2, 1, 0, 0},
                                                            {3, 2, 1, 1},
                                                            {2, 2, 0, 1},
                                                            {2, 3, 0, 0},
                                                            {3, 3, 1, 0}})
          for (const bool ties : {false, true}) {
            const auto out = [&](int64_t extent) { return (extent + before + after - kernel) / stride + 1; };
            Pooling of{planes, height, width,  lanes,  out(height), out(width),
                       kernel, kernel, stride, stride, before,      before};
            compare(make(of, ++seed, ties), "kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride) +
                                                ", map " + std::to_string(height) + " x " + std::to_string(width) +
                                                ", lanes " + std::to_string(lanes));
            if (testing::Test::HasFatalFailure()) return;
          }
}

TEST(Pooling, HasTheBitsOfReadableLoopsOnEveryInstructionSet) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    compare_all();
  }
}

TEST(Pooling, BitsDoNotDependOnThreads) {
  const int before = thread_count();
  for (const int threads : {1, 2, 3, 8}) {
    set_thread_count(threads);
    compare(make({130, 28, 28, 1, 14, 14, 2, 2, 2, 2, 0, 0}, 7, false), "row-major");
    compare(make({9, 28, 28, 16, 14, 14, 3, 3, 2, 2, 1, 1}, 8, false), "channels side by side");
  }
  set_thread_count(before);
}

TEST(Pooling, NanWinsAndSoDoesTheFirstOfEquals) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (const int64_t lanes : {1, 16})
      for (const std::array<float, 4>& window : {std::array{1.0F, nan, 3.0F, 2.0F},
                                                 {nan, 1.0F, 2.0F, 3.0F},
                                                 {1.0F, 2.0F, 3.0F, nan},
                                                 {-infinity, -infinity, -infinity, -infinity},
                                                 {-0.0F, 0.0F, 0.0F, -0.0F},
                                                 {0.0F, -0.0F, 0.0F, 0.0F},
                                                 {-infinity, infinity, infinity, 1.0F}}) {
        const int64_t width = 64; // of a row: 32 windows, so that vectors are used
        const Pooling of{1, 2, width, lanes, 1, width / 2, 2, 2, 2, 2, 0, 0};
        std::vector<float> x(size_t(in_elements(of))), dy(size_t(out_elements(of)), 1), y(dy.size()), dx(x.size());
        for (int64_t i = 0; i < in_elements(of); ++i) {
          const int64_t row = i / (width * lanes), column = i / lanes % width;
          x[size_t(i)] = window[size_t(row * 2 + column % 2)];
        }
        max_pool(of, x.data(), y.data());
        max_pool_scatter(of, x.data(), dy.data(), dx.data(), {});
        const size_t first = size_t(first_largest(window.data(), {0, 1, 2, 3}));
        for (const float value : y)
          EXPECT_TRUE(std::isnan(window[first])
                          ? std::isnan(value)
                          : std::bit_cast<uint32_t>(value) == std::bit_cast<uint32_t>(window[first]))
              << value << " on " << target.name;
        for (int64_t i = 0; i < in_elements(of); ++i)
          EXPECT_EQ(dx[size_t(i)], float(first == size_t(i / (width * lanes) * 2 + i / lanes % width % 2)))
              << target.name;
      }
  }
}

TEST(Pooling, NothingIsNothing) {
  max_pool({0, 4, 4, 1, 2, 2, 2, 2, 2, 2, 0, 0}, nullptr, nullptr);
  max_pool_scatter({0, 4, 4, 16, 2, 2, 2, 2, 2, 2, 0, 0}, nullptr, nullptr, nullptr, {});
}

} // namespace
} // namespace vitro::kernels

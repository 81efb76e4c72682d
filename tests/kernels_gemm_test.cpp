// The matrix product against its plain twin: the same bits, whatever the operands' form, the number
// of threads, the instruction set; nothing written outside C; every element through the epilogue once.
#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "core/threads.h"
#include "kernels_targets.h"

namespace vitro::kernels {
namespace {

int64_t panels_of(int64_t columns) { return (columns + panel_width - 1) / panel_width; }

/// Floats with a canary on either side, from an address that is a multiple of 4 bytes but of nothing more.
class Guarded {
public:
  explicit Guarded(int64_t n, float value = 0) : n_(n), data_(size_t(n) + 2 * guard + 1, canary) {
    std::fill_n(data(), n, value);
  }
  float* data() { return data_.data() + guard + 1; }
  const float* data() const { return data_.data() + guard + 1; }
  int64_t size() const { return n_; }
  bool intact() const {
    for (int64_t i = 0; i < guard; ++i)
      if (data_[size_t(i)] != canary || data_[size_t(guard + 1 + n_ + i)] != canary) return false;
    return true;
  }

private:
  static constexpr int64_t guard = 32;
  static constexpr float canary = -12345.678F;
  int64_t n_;
  std::vector<float> data_;
};

void expect_same_bits(const Guarded& got, const Guarded& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (int64_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(got.data()[i]), std::bit_cast<uint32_t>(want.data()[i]))
        << what << ", element " << i << ": " << got.data()[i] << ", not " << want.data()[i];
}

void expect_near(const Guarded& got, const Guarded& want, int64_t k, const std::string& what) {
  // Each of k roundings adds at most half an ulp of a sum that stays below k (|a|, |b| <= 1).
  for (int64_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got.data()[i], want.data()[i], double(k * k + 1) * 0x1p-23) << what << ", element " << i;
}

enum class Form { plain, transposed, gaps, panels, transposed_panels };

/// A random matrix in one of the forms in which an operand may come.
struct Operand {
  Guarded storage{0};
  Matrix view{};

  Operand(int64_t rows, int64_t columns, Form form, uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    int64_t row = columns, column = 1, size = rows * columns;
    if (form == Form::transposed) row = 1, column = rows;
    if (form == Form::gaps) row = 3 * columns + 5, column = 3, size = rows * row;
    if (form == Form::panels) size = panels_of(columns) * rows * panel_width;
    storage = Guarded(size);
    for (int64_t i = 0; i < size; ++i) storage.data()[i] = uniform(random);
    if (form == Form::panels)
      for (int64_t j = columns; j < panels_of(columns) * panel_width; ++j)
        for (int64_t i = 0; i < rows; ++i)
          storage.data()[(j / panel_width * rows + i) * panel_width + j % panel_width] = 0;
    if (form == Form::transposed_panels) { // what panels hold of the transpose, padding included
      const Operand other(columns, rows, Form::panels, seed);
      storage = other.storage;
    }
    view = {storage.data(), row, column,
            form == Form::panels              ? Matrix::panels
            : form == Form::transposed_panels ? Matrix::transposed_panels
                                              : Matrix::strided};
  }
};

/// Scratch with a canary behind it; none at all where none is asked for.
struct Workspace {
  explicit Workspace(int64_t bytes) : bytes_(bytes), whole_((bytes + 127) / 64 * 64) {
    if (bytes == 0) return;
    data = std::aligned_alloc(64, size_t(whole_));
    std::memset(data, 0xA5, size_t(whole_));
  }
  ~Workspace() { std::free(data); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  bool intact() const {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (int64_t i = bytes_; data && i < whole_; ++i)
      if (bytes[i] != 0xA5) return false;
    return true;
  }
  void* data = nullptr;

private:
  int64_t bytes_, whole_;
};

void compare(GemmShape s, Form a_form, Form b_form, Product::Form c_form, bool fused = true) {
  const std::string what = std::to_string(s.m) + " x " + std::to_string(s.n) + " x " + std::to_string(s.k) + ", a " +
                           std::to_string(int(a_form)) + ", b " + std::to_string(int(b_form)) + ", c " +
                           std::to_string(int(c_form));
  const Operand a(s.m, s.k, a_form, 1), b(s.k, s.n, b_form, 2);
  const int64_t size = c_form == Product::panels ? panels_of(s.n) * s.m * panel_width : s.m * s.n;
  Guarded c(size, std::numeric_limits<float>::quiet_NaN()), want(size, 7);
  Workspace workspace(gemm_workspace(s, a.view, b.view));
  gemm_plain(s, a.view, b.view, {want.data(), c_form});

  gemm(s, a.view, b.view, {c.data(), c_form}, workspace.data);
  if (fused)
    expect_same_bits(c, want, what + ", no epilogue");
  else
    expect_near(c, want, s.k, what);
  Guarded once = c;

  struct Seen {
    std::vector<std::atomic<int>> times;
    Guarded values;
  } seen{std::vector<std::atomic<int>>(size_t(size)), Guarded(size)};
  const Epilogue epilogue{.run =
                              [](void* context, const Stripes& part, const float* values, int64_t step) {
                                auto& seen = *static_cast<Seen*>(context);
                                ASSERT_LT(part.begin, part.end);
                                for (int64_t stripe = 0; stripe < part.count; ++stripe)
                                  for (int64_t i = part.begin; i < part.end; ++i) {
                                    const int64_t at = i + stripe * part.step;
                                    ++seen.times[size_t(at)];
                                    // What is not finished yet shows.
                                    seen.values.data()[at] = values[i - part.begin + stripe * step];
                                  }
                              },
                          .context = &seen};
  std::fill_n(c.data(), size, std::numeric_limits<float>::quiet_NaN());
  for (float* place : {c.data(), static_cast<float*>(nullptr)}) {
    if (!place && c_form != Product::panels) break;
    for (auto& times : seen.times) times = 0;
    std::fill_n(seen.values.data(), size, 7.0F);
    gemm(s, a.view, b.view, {place, c_form}, workspace.data, epilogue);
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(seen.times[size_t(i)], 1) << what << ", element " << i;
    expect_same_bits(seen.values, once, what + ", what the epilogue saw");
    expect_same_bits(c, once, what + ", with an epilogue");
    if (testing::Test::HasFatalFailure()) return;
  }
  ASSERT_TRUE(c.intact()) << what;
  ASSERT_TRUE(workspace.intact()) << what;
}

constexpr Product::Form c_forms[] = {Product::rows, Product::panels, Product::transposed};

constexpr int64_t odd_sizes[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 65, 100};

TEST(Gemm, HasTheBitsOfItsPlainTwinAtOddSizes) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    std::mt19937 random(5);
    const auto pick = [&] { return odd_sizes[random() % std::size(odd_sizes)]; };
    for (int64_t m : odd_sizes)
      for (int64_t n : odd_sizes) {
        const Form a = Form(random() % 5), b = Form(random() % 5);
        compare({m, n, pick()}, a, b, c_forms[random() % 3], target.fused);
        if (testing::Test::HasFatalFailure()) return;
      }
  }
}

TEST(Gemm, TakesEveryFormOfOperand) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (Form a : {Form::plain, Form::transposed, Form::gaps, Form::panels, Form::transposed_panels})
      for (Form b : {Form::plain, Form::transposed, Form::gaps, Form::panels, Form::transposed_panels})
        for (Product::Form c : c_forms)
          for (GemmShape s : {GemmShape{37, 53, 29}, GemmShape{1, 200, 17}, GemmShape{200, 1, 17}, GemmShape{70, 40, 0},
                              GemmShape{19, 21, 600}}) {
            compare(s, a, b, c, target.fused);
            if (testing::Test::HasFatalFailure()) return;
          }
  }
}

TEST(Gemm, BlocksOfKContinueTheSameChains) {
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    SCOPED_TRACE(target.name);
    for (int64_t k : {159, 160, 161, 255, 320, 321, 481, 1000, 1537}) {
      compare({11, 35, k}, Form::plain, Form::panels, Product::rows, target.fused);
      compare({11, 35, k}, Form::transposed, Form::plain, Product::panels, target.fused);
      compare({37, 19, k}, Form::panels, Form::transposed, Product::transposed, target.fused);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Gemm, BitsDoNotDependOnThreads) {
  const int before = thread_count();
  for (int threads : {1, 2, 3, 4, 8}) {
    set_thread_count(threads);
    SCOPED_TRACE(threads);
    compare({255, 129, 100}, Form::plain, Form::plain, Product::rows);
    compare({130, 255, 100}, Form::transposed, Form::panels, Product::panels);
    compare({300, 70, 130}, Form::panels, Form::transposed, Product::transposed);
    compare({3, 1000, 300}, Form::plain, Form::transposed, Product::rows);
    compare({1, 4000, 300}, Form::plain, Form::panels, Product::panels);
  }
  set_thread_count(before);
}

TEST(Gemm, PaddingOfPanelsIsZeroEvenBesideInfinities) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Target& target : targets()) {
    const OnTarget on(target.bit);
    for (int64_t n : {1, 3, 5, 9, 13, 15, 17, 35}) {
      const std::vector<float> a(6, infinity), b(size_t(2 * n), 1);
      std::vector<float> c(size_t(panels_of(n) * 3 * panel_width), 9);
      Workspace workspace(gemm_workspace({3, n, 2}, {a.data(), 2, 1}, {b.data(), n, 1}));
      gemm({3, n, 2}, {a.data(), 2, 1}, {b.data(), n, 1}, {c.data(), Product::panels}, workspace.data);
      for (int64_t p = 0; p < panels_of(n); ++p)
        for (int64_t i = 0; i < 3; ++i)
          for (int64_t j = 0; j < panel_width; ++j)
            ASSERT_EQ(c[size_t((p * 3 + i) * panel_width + j)], p * panel_width + j < n ? infinity : 0) << target.name;
    }
  }
}

} // namespace
} // namespace vitro::kernels

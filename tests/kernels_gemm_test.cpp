// The matrix product: the bits of its plain twin at any size, transposition, packing, thread count and
// instruction set; its epilogue sees every element once.
#include "kernels/gemm.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstring>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"
#include "core/threads.h"

namespace vitro {
namespace {

using kernels::GemmShape;
using kernels::Matrix;

constexpr float canary = 12345.5f;

struct Product {
  GemmShape shape;
  bool transpose_a, transpose_b, b_in_panels, c_in_panels;
  std::vector<float> a, b, panels;

  Product(GemmShape shape, int how)
      : shape(shape), transpose_a(how & 1), transpose_b(how & 2), b_in_panels(how & 4), c_in_panels(how & 8),
        a(noise(shape.m * shape.k, "a")), b(noise(shape.k * shape.n, "b")),
        panels(size_t((shape.n + 15) / 16 * 16 * shape.k)) {
    for (int64_t l = 0; l < shape.k; ++l)
      for (int64_t j = 0; j < shape.n; ++j)
        panels[size_t((j / 16 * shape.k + l) * 16 + j % 16)] =
            b[size_t(transpose_b ? j * shape.k + l : l * shape.n + j)];
  }

  static std::vector<float> noise(int64_t n, const char* name) {
    const Stream stream(1, name);
    std::vector<float> out(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) out[size_t(i)] = float(stream.normal(0, uint64_t(i)));
    return out;
  }
  int64_t stored() const { return c_in_panels ? (shape.n + 15) / 16 * 16 * shape.m : shape.m * shape.n; }
  Matrix left() const { return transpose_a ? Matrix{a.data(), 1, shape.m} : Matrix{a.data(), shape.k, 1}; }
  Matrix right() const {
    if (b_in_panels) return {panels.data(), 0, 0, true};
    return transpose_b ? Matrix{b.data(), 1, shape.k} : Matrix{b.data(), shape.n, 1};
  }
  std::vector<float> plain() const {
    std::vector<float> c(size_t(stored()) + 1, canary);
    kernels::gemm_plain(shape, left(), right(), c.data(), c_in_panels);
    return c;
  }
  std::vector<float> fast(kernels::Epilogue epilogue = {}) const {
    std::vector<float> c(size_t(stored()) + 1, canary);
    Buffer workspace(size_t(kernels::gemm_workspace(shape, b_in_panels)));
    kernels::gemm(shape, left(), right(), c.data(), c_in_panels, workspace.data(), epilogue);
    return c;
  }
};

const std::vector<GemmShape> shapes = [] {
  std::vector<GemmShape> out;
  for (const int64_t m : {0, 1, 2, 3, 5, 6, 7, 8, 9, 15, 33, 100})
    for (const int64_t n : {0, 1, 3, 15, 16, 17, 31, 33, 47, 48, 49, 97, 255})
      for (const int64_t k : {0, 1, 2, 5, 33}) out.push_back({m, n, k});
  out.push_back({130, 129, 255}); // large enough for threads
  out.push_back({257, 100, 65});
  return out;
}();

std::string name(const Product& p, int how) {
  return std::to_string(p.shape.m) + " x " + std::to_string(p.shape.n) + " x " + std::to_string(p.shape.k) + ", how " +
         std::to_string(how);
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Gemm, HasTheBitsOfItsPlainTwin) {
  for (const GemmShape shape : shapes)
    for (int how = 0; how < 16; ++how) {
      const Product product(shape, how);
      EXPECT_TRUE(same(product.fast(), product.plain())) << name(product, how);
    }
}

TEST(Gemm, HasTheSameBitsOnAnyNumberOfThreads) {
  const int before = thread_count();
  for (int how = 0; how < 16; ++how) {
    const Product product({257, 100, 65}, how);
    const auto plain = product.plain();
    for (const int threads : {1, 2, 3, 4, 8}) {
      set_thread_count(threads);
      EXPECT_TRUE(same(product.fast(), plain)) << name(product, how) << " on " << threads << " threads";
    }
  }
  set_thread_count(before);
}

TEST(Gemm, HasTheSameBitsOnAvx2) {
  if (!(hwy::SupportedTargets() & HWY_AVX2)) return; // one instruction set: nothing to compare
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  for (const GemmShape shape : shapes) {
    const Product product(shape, int(shape.m + shape.n) % 16);
    EXPECT_TRUE(same(product.fast(), product.plain())) << name(product, 0);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Gemm, ShowsItsEpilogueEveryElementOnceWhenItIsFinished) {
  for (const GemmShape shape : shapes)
    for (const int how : {0, 8}) {
      const Product product(shape, how);
      struct Seen {
        std::vector<int> times;
      } seen{std::vector<int>(size_t(product.stored()))};
      product.fast({[](void* context, int64_t begin, int64_t end) {
                      for (; begin < end; ++begin) ++static_cast<Seen*>(context)->times[size_t(begin)];
                    },
                    &seen});
      for (const int times : seen.times) ASSERT_EQ(times, 1) << name(product, how);
    }
}

} // namespace
} // namespace vitro

// Matrix products of the shapes that training uses.
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "kernels/gemm.h"

namespace vitro::bench {
namespace {

// As a plan makes them: a weight is kept in panels, so that nothing is packed between steps, and its derivative comes
// out in panels: dW' = x' dy.
enum class Kind : uint8_t { forward, weight_derivative };

struct MatrixProduct {
  Kind kind;
  kernels::GemmShape shape; // forward: [m, k] by [k, n]; the derivative is [n, k], summed over m
};

constexpr int64_t padded(int64_t columns) {
  return (columns + kernels::panel_width - 1) / kernels::panel_width * kernels::panel_width;
}

struct Operands {
  Tensor x, other, result; // `other`: the weight in panels, or dy
  Buffer workspace;
};

// The one place where the benchmark calls the kernel.
Job product_job(const MatrixProduct& product) {
  const auto [m, n, k] = product.shape;
  const bool forward = product.kind == Kind::forward;
  const auto held =
      std::make_shared<Operands>(Operands{noise({m, k}, 1),
                                          forward ? noise({padded(n), k}, 2) : noise({m, n}, 2),
                                          Tensor({DType::f32, forward ? Shape{m, n} : Shape{padded(n), k}}),
                                          {}});
  const float* const x = held->x.as<float>().data();
  const float* const other = held->other.as<float>().data();
  const kernels::GemmShape shape = forward ? product.shape : kernels::GemmShape{k, n, m};
  const kernels::Matrix left = forward ? kernels::Matrix{x, k, 1} : kernels::Matrix{x, 1, k};
  const kernels::Matrix right =
      forward ? kernels::Matrix{other, 0, 0, kernels::Matrix::panels} : kernels::Matrix{other, n, 1};
  const auto form = forward ? kernels::Product::rows : kernels::Product::panels;
  held->workspace = Buffer(size_t(kernels::gemm_workspace(shape, left, right)));
  return {.run = [=] {
    kernels::gemm(shape, left, right, {held->result.as<float>().data(), form}, held->workspace.data());
  }};
}

Workload workload_of(const MatrixProduct& product) {
  const auto [m, n, k] = product.shape;
  const bool forward = product.kind == Kind::forward;
  const double bytes = 4.0 * double(m * k + k * n + m * n);
  return {.name = text("matmul-", m, "x", n, "x", k, forward ? "" : "-dW"),
          .group = "matmul",
          .what = forward ? text("[", m, ", ", k, "] by [", k, ", ", n, "] in panels")
                          : text("[", m, ", ", n, "] transposed by [", m, ", ", k, "], into panels"),
          .flops = 2.0 * double(m) * double(n) * double(k),
          .bytes = bytes,
          .bandwidth = bandwidth_for(bytes, true),
          .make = [product] { return product_job(product); }};
}

} // namespace

std::vector<Workload> products() {
  std::vector<Workload> out;
  for (const MatrixProduct& product :
       {MatrixProduct{Kind::forward, {32, 128, 784}}, MatrixProduct{Kind::weight_derivative, {32, 128, 784}},
        MatrixProduct{Kind::forward, {128, 128, 784}}, MatrixProduct{Kind::forward, {32, 512, 128}},
        MatrixProduct{Kind::forward, {256, 1024, 1024}}, MatrixProduct{Kind::forward, {2048, 2048, 2048}}})
    out.push_back(workload_of(product));
  return out;
}

} // namespace vitro::bench

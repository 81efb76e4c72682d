// Kernels alone: elementwise functions in cache, matrix products of the shapes that training uses.
#include <benchmark/benchmark.h>

#include <vector>

#include "core/random.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "kernels/gemm.h"
#include "kernels/pointwise.h"

namespace {

using namespace vitro;

std::vector<float> noise(int64_t n, const char* name) {
  const Stream stream(0, name);
  std::vector<float> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[size_t(i)] = float(stream.normal(0, uint64_t(i)));
  return out;
}

struct Elementwise {
  const char* name;
  kernels::Pointwise kernel;
  int inputs;
};
constexpr Elementwise elementwise[] = {{"add", kernels::add, 2},
                                       {"multiply", kernels::multiply, 2},
                                       {"relu", kernels::relu, 1},
                                       {"exp", kernels::exponential, 1},
                                       {"log", kernels::logarithm, 1},
                                       {"sigmoid", kernels::sigmoid, 1},
                                       {"tanh", kernels::hyperbolic_tangent, 1},
                                       {"erf", kernels::error_function, 1}};

void pointwise(benchmark::State& state) {
  const Elementwise& f = elementwise[state.range(0)];
  const int64_t n = 4096;
  const auto a = noise(n, "a"), b = noise(n, "b");
  std::vector<float> out(static_cast<size_t>(n));
  const float* in[] = {a.data(), b.data()};
  for (auto _ : state) {
    f.kernel(in, out.data(), n, nullptr);
    benchmark::ClobberMemory();
  }
  state.counters["ns/element"] = benchmark::Counter(double(n) * double(state.iterations()) * 1e-9,
                                                    benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetLabel(f.name);
}
BENCHMARK(pointwise)->DenseRange(0, int64_t(std::size(elementwise)) - 1);

// m, n, k, threads; b kept in panels, as a plan keeps a weight.
void product(benchmark::State& state) {
  const kernels::GemmShape shape{state.range(0), state.range(1), state.range(2)};
  set_thread_count(int(state.range(3)));
  const auto a = noise(shape.m * shape.k, "a");
  const auto b = noise((shape.n + 15) / 16 * 16 * shape.k, "b");
  std::vector<float> c(size_t(shape.m * shape.n));
  Buffer workspace(size_t(kernels::gemm_workspace(shape, true)));
  for (auto _ : state) {
    kernels::gemm(shape, {a.data(), shape.k, 1}, {b.data(), 0, 0, true}, {c.data()}, workspace.data());
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * double(shape.m * shape.n * shape.k) * double(state.iterations()),
                                                benchmark::Counter::kIsRate);
}
BENCHMARK(product)
    ->ArgsProduct({{32, 128}, {128}, {784}, {1, 2}})
    ->Args({1, 128, 784, 1})
    ->Args({256, 1024, 1024, 1})
    ->Args({256, 1024, 1024, 2})
    ->UseRealTime();

} // namespace

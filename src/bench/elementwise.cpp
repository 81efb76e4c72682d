// Functions of single elements, in the first-level cache, on one thread.
#include <cmath>
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "kernels/pointwise.h"

namespace vitro::bench {
namespace {

constexpr int64_t n = 2048; // x and y together are 16 KiB

struct Function {
  const char* name;
  kernels::Pointwise kernel;
  double low, high; // of the arguments
};

} // namespace

std::vector<Workload> elementwise() {
  std::vector<Workload> out;
  for (const auto& [name, kernel, low, high] : {Function{"relu", kernels::relu, -3, 3},
                                                {"exp", kernels::exponential, -10, 10},
                                                {"log", kernels::logarithm, 1e-3, 10},
                                                {"tanh", kernels::hyperbolic_tangent, -3, 3},
                                                {"sigmoid", kernels::sigmoid, -10, 10},
                                                {"erf", kernels::error_function, -3, 3}})
    out.push_back({.name = name,
                   .group = "elementwise",
                   .what = text(n, " elements from ", low, " to ", high, " in the first-level cache"),
                   .bytes = double(2 * n) * sizeof(float),
                   .bandwidth = bandwidth_for(double(2 * n) * sizeof(float), true),
                   .elements = double(n),
                   .one_thread = true,
                   .make = [kernel = kernel, low = low, high = high]() -> Job {
                     const auto x = std::make_shared<Tensor>(noise({n}));
                     for (float& value : x->as<float>()) value = float(low + (high - low) * (value + 1) / 2);
                     const auto y = std::make_shared<Tensor>(x->type());
                     return {.run = [=] {
                       const float* const in = x->as<float>().data();
                       kernel(&in, y->as<float>().data(), n, nullptr);
                     }};
                   }});
  return out;
}

} // namespace vitro::bench

// Convolutions of the shapes that training uses: forward, by the input, by the weight, and the three together.
#include "kernels/convolution.h"

#include <algorithm>
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"

namespace vitro::bench {
namespace {

using kernels::Convolution;

struct Shapes {
  const char* name;
  Convolution convolution;
  bool first; // a net's first layer: nobody asks for dx
};

// Square maps and kernels, stride 1.
constexpr Convolution square(int64_t batch, int64_t in, int64_t size, int64_t out, int64_t kernel, int64_t padding) {
  const int64_t made = size + 2 * padding - kernel + 1;
  return {.batch = batch,
          .groups = 1,
          .in = in,
          .height = size,
          .width = size,
          .out = out,
          .out_height = made,
          .out_width = made,
          .kernel_height = kernel,
          .kernel_width = kernel,
          .stride_height = 1,
          .stride_width = 1,
          .dilation_height = 1,
          .dilation_width = 1,
          .top = padding,
          .left = padding};
}

int64_t in_blocks_of_16(int64_t channels, bool blocks) { return blocks ? (channels + 15) / 16 * 16 : channels; }

struct Operands {
  Tensor x, weight, dy, y, dx, dweight;
  Buffer workspace;
};

enum Direction : uint8_t { forward = 1, by_input = 2, by_weight = 4 };

// The one place where the benchmark calls the kernels.
Job job_of(const Convolution& c, int directions) {
  const int64_t in = in_blocks_of_16(c.in, reads_blocks(c)), out = in_blocks_of_16(c.out, in_blocks(c));
  const Shape x{c.batch, in, c.height, c.width}, y{c.batch, out, c.out_height, c.out_width};
  const Shape weight{out, c.in, c.kernel_height, c.kernel_width};
  const auto held = std::make_shared<Operands>(Operands{noise(x, 1),
                                                        noise(weight, 2),
                                                        noise(y, 3),
                                                        Tensor({DType::f32, y}),
                                                        Tensor({DType::f32, x}),
                                                        Tensor({DType::f32, weight}),
                                                        {}});
  held->workspace = Buffer(size_t(
      std::max({convolve_workspace(c), convolve_input_gradient_workspace(c), convolve_weight_gradient_workspace(c)})));
  const auto data = [](const Tensor& tensor) { return tensor.as<float>().data(); };
  const auto place = [](Tensor& tensor) { return tensor.as<float>().data(); };
  return {.run = [=] {
    Operands& o = *held;
    if (directions & forward) convolve(c, data(o.x), data(o.weight), place(o.y), o.workspace.data(), {});
    if (directions & by_input)
      convolve_input_gradient(c, data(o.dy), data(o.weight), place(o.dx), o.workspace.data(), {});
    if (directions & by_weight)
      convolve_weight_gradient(c, data(o.x), data(o.dy), place(o.dweight), o.workspace.data(), {});
  }};
}

} // namespace

std::vector<Workload> convolutions() {
  const Shapes all[] = {
      {"16x32x32-16", square(128, 16, 32, 16, 3, 1), false},  {"64x16x16-64", square(128, 64, 16, 64, 3, 1), false},
      {"128x8x8-128", square(128, 128, 8, 128, 3, 1), false}, {"3x32x32-16", square(128, 3, 32, 16, 3, 1), true},
      {"1x28x28-6", square(64, 1, 28, 6, 5, 2), true},        {"6x14x14-16", square(64, 6, 14, 16, 5, 0), false}};
  std::vector<Workload> out;
  for (const Shapes& shapes : all) {
    const Convolution& c = shapes.convolution;
    const double flops =
        2.0 * double(c.batch * c.out * c.out_height * c.out_width) * double(c.in * c.kernel_height * c.kernel_width);
    const int every = shapes.first ? forward | by_weight : forward | by_input | by_weight;
    const auto add = [&](const char* suffix, int directions, const std::string& what) {
      const int count =
          (directions & forward ? 1 : 0) + (directions & by_input ? 1 : 0) + (directions & by_weight ? 1 : 0);
      out.push_back({.name = text("conv-", shapes.name, suffix),
                     .group = "conv",
                     .what = text("[", c.batch, ", ", c.in, ", ", c.height, ", ", c.width, "] by [", c.out, ", ", c.in,
                                  ", ", c.kernel_height, ", ", c.kernel_width, "]", what),
                     .flops = flops * count,
                     .make = [c, directions] { return job_of(c, directions); }});
    };
    add("", every, shapes.first ? ", forward and by the weight" : ", in three directions");
    add("-y", forward, ", forward");
    if (!shapes.first) add("-dx", by_input, ", by the input");
    add("-dW", by_weight, ", by the weight");
  }
  return out;
}

} // namespace vitro::bench

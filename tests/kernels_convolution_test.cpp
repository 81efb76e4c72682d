// Convolution and its two gradients against sums in double, in blocks of channels and in rows: the same bits on AVX2
// and AVX-512 and at every number of threads, nothing written outside, every element through the epilogue once; what
// stands in the padding of blocks is read by nobody.
#include "kernels/convolution.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "core/layout.h"
#include "core/text.h"
#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"

namespace vitro::kernels {
namespace {

struct Case {
  int64_t batch, in, height, width, out, kernel_height, kernel_width;
  int64_t stride_height = 1, stride_width = 1, dilation = 1, padding = 0, groups = 1;
};

// Off the sizes of vectors, tiles and bands; the last ones are cut into several bands of rows.
const Case cases[] = {
    {.batch = 1, .in = 16, .height = 1, .width = 1, .out = 16, .kernel_height = 1, .kernel_width = 1},
    {.batch = 3, .in = 16, .height = 7, .width = 5, .out = 16, .kernel_height = 3, .kernel_width = 3, .padding = 1},
    {.batch = 2, .in = 27, .height = 6, .width = 9, .out = 29, .kernel_height = 2, .kernel_width = 3},
    {.batch = 2,
     .in = 33,
     .height = 9,
     .width = 8,
     .out = 48,
     .kernel_height = 3,
     .kernel_width = 3,
     .stride_height = 2,
     .stride_width = 2,
     .padding = 1},
    {.batch = 1,
     .in = 12,
     .height = 11,
     .width = 10,
     .out = 64,
     .kernel_height = 3,
     .kernel_width = 2,
     .stride_height = 3,
     .stride_width = 2,
     .dilation = 2,
     .padding = 2},
    {.batch = 2,
     .in = 16,
     .height = 6,
     .width = 6,
     .out = 16,
     .kernel_height = 1,
     .kernel_width = 1,
     .stride_height = 2,
     .stride_width = 2}, // most of dx is read by nobody
    {.batch = 5, .in = 3, .height = 8, .width = 14, .out = 32, .kernel_height = 3, .kernel_width = 3, .padding = 1},
    {.batch = 19, .in = 1, .height = 9, .width = 9, .out = 6, .kernel_height = 5, .kernel_width = 5, .padding = 2},
    {.batch = 17, .in = 6, .height = 14, .width = 14, .out = 16, .kernel_height = 5, .kernel_width = 5},
    {.batch = 2,
     .in = 7,
     .height = 5,
     .width = 33,
     .out = 3,
     .kernel_height = 3,
     .kernel_width = 2,
     .stride_height = 2,
     .stride_width = 3,
     .dilation = 2,
     .padding = 1},
    {.batch = 2,
     .in = 20,
     .height = 6,
     .width = 7,
     .out = 10,
     .kernel_height = 3,
     .kernel_width = 3,
     .padding = 1,
     .groups = 5},
    {.batch = 1,
     .in = 18,
     .height = 8,
     .width = 5,
     .out = 18,
     .kernel_height = 3,
     .kernel_width = 3,
     .padding = 1,
     .groups = 18},
    {.batch = 2, .in = 64, .height = 40, .width = 41, .out = 16, .kernel_height = 3, .kernel_width = 3, .padding = 1},
    {.batch = 1, .in = 5, .height = 90, .width = 90, .out = 5, .kernel_height = 5, .kernel_width = 5, .padding = 2},
};

Convolution of(const Case& one) {
  const auto made = [&](int64_t extent, int64_t kernel, int64_t stride) {
    return (extent + 2 * one.padding - one.dilation * (kernel - 1) - 1) / stride + 1;
  };
  return {.batch = one.batch,
          .groups = one.groups,
          .in = one.in,
          .height = one.height,
          .width = one.width,
          .out = one.out,
          .out_height = made(one.height, one.kernel_height, one.stride_height),
          .out_width = made(one.width, one.kernel_width, one.stride_width),
          .kernel_height = one.kernel_height,
          .kernel_width = one.kernel_width,
          .stride_height = one.stride_height,
          .stride_width = one.stride_width,
          .dilation_height = one.dilation,
          .dilation_width = one.dilation,
          .top = one.padding,
          .left = one.padding};
}

// An array, row-major and as the kernels hold it; what stands in the padding is nan.
struct Held {
  Type type;
  Layout layout;
  std::vector<float> values, stored;
  Held(const Shape& shape, Layout layout, uint32_t seed)
      : type{DType::f32, shape}, layout(layout), values(random_values(shape.elements(), seed)),
        stored(size_t(stored_elements(shape, layout))) {
    values.resize(size_t(shape.elements()));
    pack(type, layout, values.data(), stored.data());
    std::vector<float> ones(values.size(), 1), real(stored.size());
    pack(type, layout, ones.data(), real.data());
    for (size_t i = 0; i < stored.size(); ++i)
      if (real[i] == 0) stored[i] = std::numeric_limits<float>::quiet_NaN();
  }
};

struct Setting {
  Convolution c;
  Layout x_layout, y_layout, weight_layout, dx_weight_layout;
  Held x, weight, dx_weight, dy;
  explicit Setting(const Case& one)
      : c(of(one)), x_layout(reads_blocks(c) ? Layout{1, 16} : row_major),
        y_layout(in_blocks(c) ? Layout{1, 16} : row_major), weight_layout(in_blocks(c) ? Layout{0, 16} : row_major),
        dx_weight_layout(reads_blocks(c) ? Layout{0, 16} : row_major),
        x({c.batch, c.in, c.height, c.width}, x_layout, 1),
        weight({c.out, c.in / c.groups, c.kernel_height, c.kernel_width}, weight_layout, 2),
        dx_weight(weight.type.shape, dx_weight_layout, 2),
        dy({c.batch, c.out, c.out_height, c.out_width}, y_layout, 3) {
    // A weight's padding is zero: it is a state.
    for (Held* held : {&weight, &dx_weight})
      for (float& value : held->stored) value = std::isnan(value) ? 0 : value;
  }
};

// Calls add(x's place, weight's place, y's place) for all products of the convolution.
template <class Add> void each_product(const Convolution& c, Add add) {
  const int64_t in = c.in / c.groups, out = c.out / c.groups;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t o = 0; o < c.out; ++o)
      for (int64_t oy = 0; oy < c.out_height; ++oy)
        for (int64_t ox = 0; ox < c.out_width; ++ox)
          for (int64_t i = 0; i < in; ++i)
            for (int64_t ky = 0; ky < c.kernel_height; ++ky)
              for (int64_t kx = 0; kx < c.kernel_width; ++kx) {
                const int64_t y = oy * c.stride_height + ky * c.dilation_height - c.top;
                const int64_t x = ox * c.stride_width + kx * c.dilation_width - c.left;
                if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
                add(((n * c.in + o / out * in + i) * c.height + y) * c.width + x,
                    ((o * in + i) * c.kernel_height + ky) * c.kernel_width + kx,
                    ((n * c.out + o) * c.out_height + oy) * c.out_width + ox);
              }
}

struct Seen {
  std::vector<std::atomic<int>> times;
  std::vector<float> values;
  explicit Seen(size_t n) : times(n), values(n) {}
  Epilogue epilogue() {
    return {[](void* context, const Stripes& part, const float* values, int64_t step) {
              Seen& seen = *static_cast<Seen*>(context);
              for (int64_t stripe = 0; stripe < part.count; ++stripe)
                for (int64_t i = part.begin; i < part.end; ++i) {
                  ++seen.times[size_t(i + stripe * part.step)];
                  seen.values[size_t(i + stripe * part.step)] = values[i - part.begin + stripe * step];
                }
            },
            this};
  }
};

// Runs one of the three; the result, row-major.
template <class Run> std::vector<float> result(const Shape& shape, Layout layout, int64_t workspace, Run run) {
  const size_t n = size_t(stored_elements(shape, layout));
  std::vector<float> got(n + 2 * guard, canary);
  Buffer scratch{size_t(workspace)};
  std::fill_n(reinterpret_cast<uint8_t*>(scratch.data()), size_t(workspace), uint8_t(0xff)); // all nan
  Seen seen(n);
  run(got.data() + guard, scratch.data(), seen.epilogue());
  for (int64_t i = 0; i < guard; ++i)
    EXPECT_TRUE(got[size_t(i)] == canary && got[n + size_t(guard + i)] == canary) << "writes outside";
  for (size_t i = 0; i < n; ++i) {
    EXPECT_EQ(seen.times[i], 1) << "element " << i << " in the epilogue";
    EXPECT_EQ(std::bit_cast<uint32_t>(seen.values[i]), std::bit_cast<uint32_t>(got[size_t(guard) + i]));
    if (testing::Test::HasFailure()) return {};
  }
  std::vector<float> out(size_t(shape.elements()));
  unpack({DType::f32, shape}, layout, got.data() + guard, out.data());
  std::vector<float> again(n); // so the padding is zero
  pack({DType::f32, shape}, layout, out.data(), again.data());
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(again[i], got[size_t(guard) + i]) << "padding";
  return out;
}

struct Results {
  std::vector<float> y, dx, dweight;
  bool operator==(const Results&) const = default;
};

Results run(const Setting& s) {
  const Convolution& c = s.c;
  return {result(s.dy.type.shape, s.y_layout, convolve_workspace(c),
                 [&](float* y, void* scratch, Epilogue epilogue) {
                   convolve(c, s.x.stored.data(), s.weight.stored.data(), y, scratch, epilogue);
                 }),
          result(s.x.type.shape, s.x_layout, convolve_input_gradient_workspace(c),
                 [&](float* dx, void* scratch, Epilogue epilogue) {
                   // dy is in rows where dx is.
                   const float* dy = reads_blocks(c) ? s.dy.stored.data() : s.dy.values.data();
                   convolve_input_gradient(c, dy, s.dx_weight.stored.data(), dx, scratch, epilogue);
                 }),
          result(s.weight.type.shape, s.weight_layout, convolve_weight_gradient_workspace(c),
                 [&](float* dweight, void* scratch, Epilogue epilogue) {
                   convolve_weight_gradient(c, s.x.stored.data(), s.dy.stored.data(), dweight, scratch, epilogue);
                 })};
}

void expect_near(const std::vector<float>& got, const std::vector<double>& want, const std::vector<double>& size,
                 const std::vector<int64_t>& terms, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) // each addition rounds a sum that is at most the sum of the sizes
    ASSERT_LE(std::fabs(double(got[i]) - want[i]), double(terms[i] + 1) * size[i] * 0x1p-24)
        << what << ", element " << i;
}

TEST(Convolution, IsTheSumOfItsProductsOnEveryInstructionSet) {
  int blocks = 0;
  for (const Case& one : cases) {
    const Setting s(one);
    const std::string what = text(one.batch, " x ", one.in, " x ", one.height, " x ", one.width, " into ", one.out);
    SCOPED_TRACE(what);
    blocks += in_blocks(s.c);
    struct Sum {
      std::vector<double> value, size;
      std::vector<int64_t> terms;
      explicit Sum(const Held& like) : value(like.values.size()), size(value.size()), terms(value.size()) {}
      void add(int64_t at, double product) {
        value[size_t(at)] += product, size[size_t(at)] += std::fabs(product), ++terms[size_t(at)];
      }
    } y(s.dy), dx(s.x), dweight(s.weight);
    each_product(s.c, [&](int64_t x_at, int64_t w_at, int64_t y_at) {
      const double x = s.x.values[size_t(x_at)], w = s.weight.values[size_t(w_at)], dy = s.dy.values[size_t(y_at)];
      y.add(y_at, x * w), dx.add(x_at, dy * w), dweight.add(w_at, x * dy);
    });
    Results first;
    for (const Target& target : targets()) {
      const OnTarget on(target.bit);
      SCOPED_TRACE(target.name);
      const Results got = run(s);
      if (HasFailure()) return;
      expect_near(got.y, y.value, y.size, y.terms, "y");
      expect_near(got.dx, dx.value, dx.size, dx.terms, "dx");
      expect_near(got.dweight, dweight.value, dweight.size, dweight.terms, "dweight");
      if (first.y.empty()) first = got;
      if (target.fused) { EXPECT_TRUE(got == first) << "not the bits of " << targets()[0].name; }
    }
  }
  EXPECT_GE(blocks, 7);
  EXPECT_GE(int(std::size(cases)) - blocks, 6);
}

TEST(Convolution, BitsDoNotDependOnThreads) {
  const int before = thread_count();
  for (const Case& one : cases) {
    const Setting s(one);
    set_thread_count(1);
    const Results alone = run(s);
    for (const int threads : {2, 3, 8}) {
      set_thread_count(threads);
      EXPECT_TRUE(run(s) == alone) << one.in << " into " << one.out << ", " << threads << " threads";
    }
  }
  set_thread_count(before);
}

} // namespace
} // namespace vitro::kernels

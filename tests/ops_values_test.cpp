// Values and shapes that are known beforehand: numpy's matmul and dot, ties, edges of slices, large logits.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "core/error.h"
#include "tests/gradient_check.h"

namespace vitro {
namespace {

using namespace test;

std::optional<Shape> shape_or_error(Shape (*rule)(const Shape&, const Shape&), const Shape& a, const Shape& b) {
  try {
    return rule(a, b);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return std::nullopt;
  }
}

// The values of `build` on these inputs, in double.
std::vector<Tensor> values(const std::vector<Tensor>& in, const Build& build) {
  Built64 built(in, build);
  for (const Var& y : built.ys) built.output(y);
  built.finish();
  return built(in);
}

using Values = std::vector<double>;

TEST(Matmul, ShapesAsNumpys) {
  struct Row {
    Shape a, b;
    std::optional<Shape> matmul, dot; // none where numpy raises
  };
  const std::optional<Shape> none;
  const std::vector<Row> table{
      {{64, 3}, {3, 5}, Shape{64, 5}, Shape{64, 5}},
      {{3}, {3}, Shape{}, Shape{}},
      {{2, 3}, {3}, Shape{2}, Shape{2}},
      {{3}, {3, 4}, Shape{4}, Shape{4}},
      {{2, 3}, {2, 3}, none, none},
      {{}, {3}, none, Shape{3}},
      {{}, {}, none, Shape{}},
      {{2, 3}, {}, none, Shape{2, 3}},
      {{3}, {4}, none, none},
      {{7, 2, 3}, {3, 4}, Shape{7, 2, 4}, Shape{7, 2, 4}},
      {{7, 2, 3}, {7, 3, 4}, Shape{7, 2, 4}, Shape{7, 2, 7, 4}},
      {{7, 2, 3}, {1, 3, 4}, Shape{7, 2, 4}, Shape{7, 2, 1, 4}},
      {{7, 2, 3}, {5, 3, 4}, none, Shape{7, 2, 5, 4}},
      {{2, 3}, {5, 3, 4}, Shape{5, 2, 4}, Shape{2, 5, 4}},
      {{3}, {5, 3, 4}, Shape{5, 4}, Shape{5, 4}},
      {{5, 2, 3}, {3}, Shape{5, 2}, Shape{5, 2}},
      {{1, 1}, {1, 1}, Shape{1, 1}, Shape{1, 1}},
      {{2, 0}, {0, 3}, Shape{2, 3}, Shape{2, 3}},
      {{9, 1, 2, 3}, {4, 3, 2}, Shape{9, 4, 2, 2}, Shape{9, 1, 2, 4, 2}},
  };
  for (const Row& row : table) {
    EXPECT_EQ(shape_or_error(matmul_shape, row.a, row.b), row.matmul) << row.a.str() << " @ " << row.b.str();
    EXPECT_EQ(shape_or_error(dot_shape, row.a, row.b), row.dot) << row.a.str() << " dot " << row.b.str();
    const std::vector<Tensor> in{Tensor::full({DType::f64, row.a}, 2), Tensor::full({DType::f64, row.b}, 3)};
    if (row.matmul) {
      EXPECT_EQ(values(in, [](const auto& x) { return std::vector{matmul(x[0], x[1])}; })[0].shape(), *row.matmul);
    } else {
      EXPECT_THROW(values(in, [](const auto& x) { return std::vector{matmul(x[0], x[1])}; }), Error);
    }
    if (row.dot) {
      EXPECT_EQ(values(in, [](const auto& x) { return std::vector{dot(x[0], x[1])}; })[0].shape(), *row.dot);
    } else {
      EXPECT_THROW(values(in, [](const auto& x) { return std::vector{dot(x[0], x[1])}; }), Error);
    }
  }
}

TEST(Matmul, DotIsTheSumOfProducts) {
  // a [2, 3] dot b [2, 3, 2]: out[i, j, k] = sum over l of a[i, l] b[j, l, k]
  Tensor a({DType::f64, {2, 3}}), b({DType::f64, {2, 3, 2}});
  for (int64_t i = 0; i < 6; ++i) a.set(i, double(i + 1));
  for (int64_t i = 0; i < 12; ++i) b.set(i, double(i * i));
  const Tensor y = values({a, b}, [](const auto& x) { return std::vector{dot(x[0], x[1])}; })[0];
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 2; ++j)
      for (int64_t k = 0; k < 2; ++k) {
        double sum = 0;
        for (int64_t l = 0; l < 3; ++l) sum += a.at(i * 3 + l) * b.at((j * 3 + l) * 2 + k);
        EXPECT_EQ(y.at((i * 2 + j) * 2 + k), sum);
      }
}

TEST(Matmul, VectorsAndDotHaveGradients) {
  const auto some = [](const Shape& shape) { return Tensor::full({DType::f64, shape}, 1); };
  Tensor vector = some({3}), matrix = some({3, 4}), cube = some({2, 3, 2});
  for (Tensor* x : {&vector, &matrix, &cube})
    for (int64_t i = 0; i < x->elements(); ++i) x->set(i, std::sin(double(i + 1)));
  for (const auto& report :
       {check_both_gradients(
            {vector, matrix}, [](const auto& x) { return std::vector{matmul(x[0], x[1])}; }, "vector matrix"),
        check_both_gradients(
            {matrix, vector}, [](const auto& x) { return std::vector{matmul(x[0], x[1], true)}; }, "matrix' vector"),
        check_both_gradients(
            {vector, vector}, [](const auto& x) { return std::vector{dot(x[0], x[1])}; }, "vector vector"),
        check_both_gradients(
            {vector, cube}, [](const auto& x) { return std::vector{dot(x[0], x[1])}; }, "vector cube")})
    EXPECT_EQ(report.failed, 0) << report.first;
}

TEST(Slice, AsPythons) {
  const Tensor x(Shape{6}, {0, 1, 2, 3, 4, 5});
  const auto sliced = [&](int64_t start, int64_t stop, int64_t step) {
    return values({x}, [&](const auto& v) { return std::vector{slice(v[0], 0, start, stop, step)}; })[0].values();
  };
  EXPECT_EQ(sliced(1, 4, 1), (Values{1, 2, 3}));
  EXPECT_EQ(sliced(-2, 100, 1), (Values{4, 5}));
  EXPECT_EQ(sliced(0, -1, 2), (Values{0, 2, 4}));
  EXPECT_EQ(sliced(-100, 100, 5), (Values{0, 5}));
  EXPECT_EQ(sliced(4, 2, 1), (Values{}));
  EXPECT_EQ(sliced(0, 6, INT64_MAX), (Values{0}));
  EXPECT_EQ(sliced(6, 7, 1), (Values{}));
}

TEST(Movement, MovesWholeNumbersToo) {
  const Tensor labels(Shape{2, 3}, {0, 1, 2, 3, 4, 5}, DType::i32);
  const auto run = [&](const auto& f) {
    return values({labels}, [&](const auto& x) { return std::vector<Var>{f(x[0])}; })[0];
  };
  EXPECT_EQ(run([](const Var& x) { return transpose(x); }).values(), (Values{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(run([](const Var& x) { return slice(x, 1, 1, 2); }).values(), (Values{1, 4}));
  EXPECT_EQ(run([](const Var& x) { return concatenate({x, x}, 0); }).shape(), (Shape{4, 3}));
  EXPECT_EQ(run([](const Var& x) { return reshape(x, {-1}); }).dtype(), DType::i32);
}

TEST(Reduce, TiesShareTheDerivative) {
  const Tensor x(Shape{4}, {1, 3, 3, 2});
  const auto dx = values({x}, [](const auto& v) { return gradient(max(v[0]), {v[0]}); })[0];
  EXPECT_EQ(dx.values(), (Values{0, 0.5, 0.5, 0}));
  const Tensor a(Shape{3}, {1, 2, 3}), b(Shape{3}, {2, 2, 2});
  const auto both = values({a, b}, [](const auto& v) { return gradient(sum(maximum(v[0], v[1])), {v[0], v[1]}); });
  EXPECT_EQ(both[0].values(), (Values{0, 0.5, 1}));
  EXPECT_EQ(both[1].values(), (Values{1, 0.5, 0}));
  const auto low = values({a, b}, [](const auto& v) { return gradient(sum(minimum(v[0], v[1])), {v[0], v[1]}); });
  EXPECT_EQ(low[0].values(), (Values{1, 0.5, 0}));
}

TEST(Reduce, OfNothing) {
  EXPECT_EQ(
      values({Tensor({DType::f64, {0, 3}})}, [](const auto& x) { return std::vector{sum(x[0], {0})}; })[0].values(),
      (Values{0, 0, 0}));
  EXPECT_THROW(values({Tensor({DType::f64, {0, 3}})}, [](const auto& x) { return std::vector{max(x[0], {0})}; }),
               Error);
  EXPECT_THROW(values({Tensor({DType::f64, {0}})}, [](const auto& x) { return std::vector{mean(x[0])}; }), Error);
}

TEST(Activations, SlopesAtZeroAndNan) {
  const Tensor x(Shape{3}, {-1, 0, 2});
  EXPECT_EQ(values({x}, [](const auto& v) { return gradient(sum(relu(v[0])), {v[0]}); })[0].values(),
            (Values{0, 0, 1}));
  EXPECT_EQ(values({x}, [](const auto& v) { return gradient(sum(abs(v[0])), {v[0]}); })[0].values(),
            (Values{-1, 0, 1}));
  EXPECT_EQ(values({x}, [](const auto& v) { return gradient(sum(step(v[0])), {v[0]}); })[0].values(),
            (Values{0, 0, 0}));
  const Tensor nan(Shape{1}, {NAN});
  EXPECT_TRUE(std::isnan(values({nan}, [](const auto& v) { return std::vector{relu(v[0])}; })[0].at(0)))
      << "a nan is not swallowed";
  EXPECT_TRUE(std::isnan(values({nan}, [](const auto& v) { return std::vector{max(v[0])}; })[0].at(0)));
  const auto logs = values({Tensor(Shape{2}, {0, 1})}, [](const auto& v) { return std::vector{log(v[0])}; })[0];
  EXPECT_EQ(logs.values(), (Values{-INFINITY, 0}));
}

TEST(Losses, LargeLogitsNeitherOverflowNorVanish) {
  const Tensor logits(Shape{2, 3}, {1000, 0, -1000, -1000, 1000, 0});
  const Tensor labels(Shape{2}, {0, 2}, DType::i32);
  const auto ce = values({logits, labels}, [](const auto& x) {
    const auto out = softmax_cross_entropy(x[0], x[1]);
    return std::vector{out.loss, out.probabilities, gradient(out.loss, {x[0]})[0]};
  });
  EXPECT_EQ(ce[0].at(0), 500); // (0 + 1000) / 2
  EXPECT_EQ(ce[1].values(), (Values{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(ce[2].values(), (Values{0, 0, 0, 0, 0.5, -0.5}));
  const Tensor x(Shape{4}, {1000, -1000, 1000, -1000}), t(Shape{4}, {1, 0, 0, 1});
  EXPECT_EQ(values({x, t}, [](const auto& v) { return std::vector{binary_cross_entropy(v[0], v[1], "sum")}; })[0].at(0),
            2000);
}

TEST(Losses, Reductions) {
  const Tensor x(Shape{2, 3}, {1, 2, 3, 4, 5, 6}), t(Shape{2, 3}, {0, 0, 0, 0, 0, 0});
  const auto loss = [&](const char* reduction) {
    return values({x, t}, [&](const auto& v) { return std::vector{squared_error(v[0], v[1], reduction)}; })[0].at(0);
  };
  EXPECT_DOUBLE_EQ(loss("mean"), 91.0 / 6);
  EXPECT_DOUBLE_EQ(loss("sum"), 91);
  EXPECT_DOUBLE_EQ(loss("half"), 91.0 / 4); // half the squared norm of each of 2 samples, averaged
  EXPECT_THROW(loss("average"), Error);
}

} // namespace
} // namespace vitro

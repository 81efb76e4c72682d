// The chain rule over graphs: linear, zero where nothing depends, known second derivatives, nothing superfluous.
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/gradient_check.h"
#include "tests/op_cases.h"

namespace vitro {
namespace {

using namespace test;

std::vector<Tensor> values(const std::vector<Tensor>& in, const Build& build) {
  Built64 built(in, build);
  for (const Var& y : built.ys) built.output(y);
  built.finish();
  return built(in);
}

const Tensor x0 = random_tensor({3, 2}, 1), y0 = random_tensor({3, 2}, 2);

TEST(Gradient, IsLinear) {
  const auto f = [](const std::vector<Var>& v) { return sum(tanh(v[0]) * v[1]); };
  const auto g = [](const std::vector<Var>& v) { return mean(exp(v[0] * 0.3) + square(v[1])); };
  const auto dx = values({x0, y0}, [&](const std::vector<Var>& v) {
    const Var both = f(v) * 2 + g(v) * -3;
    return std::vector{gradient(both, {v[0]})[0], gradient(f(v), {v[0]})[0] * 2 - gradient(g(v), {v[0]})[0] * 3};
  });
  for (int64_t i = 0; i < 6; ++i) EXPECT_NEAR(dx[0].at(i), dx[1].at(i), 1e-14);
}

TEST(Gradient, IsZeroOfTheRightTypeWhereNothingDepends) {
  const auto dx = values({x0, y0}, [](const std::vector<Var>& v) {
    const Var later = exp(v[1]);
    return gradient(sum(square(v[0])), {v[1], v[0], later});
  });
  EXPECT_EQ(dx[0], Tensor({DType::f64, {3, 2}}));
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(dx[1].at(i), 2 * x0.at(i));
  EXPECT_EQ(dx[2], Tensor({DType::f64, {3, 2}})) << "made before the loss, not read by it";
}

TEST(Gradient, AddsUpWhereAValueHasSeveralReaders) {
  const auto dx = values({x0}, [](const std::vector<Var>& v) {
    const Var& x = v[0];
    return gradient(sum(x * x * x + x - x * 2), {x});
  });
  for (int64_t i = 0; i < 6; ++i) EXPECT_NEAR(dx[0].at(i), 3 * x0.at(i) * x0.at(i) - 1, 1e-14);
}

TEST(Gradient, OfIntermediateValues) {
  const auto dh = values({x0}, [](const std::vector<Var>& v) {
    const Var h = tanh(v[0]), flat = step(v[0]);
    return gradient(sum(square(h) + flat * 3), {h, flat, v[0]});
  });
  for (int64_t i = 0; i < 6; ++i) {
    const double h = std::tanh(x0.at(i));
    EXPECT_NEAR(dh[0].at(i), 2 * h, 1e-14);
    EXPECT_EQ(dh[1].at(i), 3) << "a flat op's own output has a derivative; it flows no further";
    EXPECT_NEAR(dh[2].at(i), 2 * h * (1 - h * h), 1e-14);
  }
}

TEST(Gradient, SecondAndThirdDerivativesOfKnownFunctions) {
  struct Known {
    const char* name;
    Var (*f)(const Var&);
    double (*first)(double);
    double (*second)(double);
    double (*third)(double);
  };
  const Known table[] = {
      {"x^4", [](const Var& x) { return square(square(x)); }, [](double x) { return 4 * x * x * x; },
       [](double x) { return 12 * x * x; }, [](double x) { return 24 * x; }},
      {"exp", [](const Var& x) { return exp(x); }, [](double x) { return std::exp(x); },
       [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
      {"tanh", [](const Var& x) { return tanh(x); }, [](double x) { return 1 - std::pow(std::tanh(x), 2); },
       [](double x) { return -2 * std::tanh(x) * (1 - std::pow(std::tanh(x), 2)); },
       [](double x) {
         const double t = std::tanh(x);
         return -2 * (1 - t * t) * (1 - 3 * t * t);
       }},
      {"1/x", [](const Var& x) { return 1 / x; }, [](double x) { return -1 / (x * x); },
       [](double x) { return 2 / (x * x * x); }, [](double x) { return -6 / (x * x * x * x); }},
      {"softplus", [](const Var& x) { return softplus(x); }, [](double x) { return 1 / (1 + std::exp(-x)); },
       [](double x) {
         const double s = 1 / (1 + std::exp(-x));
         return s * (1 - s);
       },
       [](double x) {
         const double s = 1 / (1 + std::exp(-x));
         return s * (1 - s) * (1 - 2 * s);
       }},
  };
  for (const Known& known : table) {
    const auto d = values({x0}, [&](const std::vector<Var>& v) {
      const Var first = gradient(sum(known.f(v[0])), {v[0]})[0];
      const Var second = gradient(sum(first), {v[0]})[0];
      return std::vector{first, second, gradient(sum(second), {v[0]})[0]};
    });
    for (int64_t i = 0; i < 6; ++i) {
      const double x = x0.at(i);
      EXPECT_LE(relative_error(d[0].at(i), known.first(x)), 1e-12) << known.name;
      EXPECT_LE(relative_error(d[1].at(i), known.second(x)), 1e-11) << known.name;
      EXPECT_LE(relative_error(d[2].at(i), known.third(x)), 1e-10) << known.name;
    }
  }
}

TEST(Gradient, ASeedWeighsTheElements) {
  const auto dx = values({x0, y0}, [](const std::vector<Var>& v) { return gradient(square(v[0]), {v[0]}, v[1]); });
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(dx[0].at(i), y0.at(i) * (2 * x0.at(i)));
  EXPECT_THROW(values({x0}, [](const std::vector<Var>& v) { return gradient(square(v[0]), {v[0]}); }), Error)
      << "not a scalar";
  EXPECT_THROW(values({x0}, [](const std::vector<Var>& v) { return gradient(square(v[0]), {v[0]}, sum(v[0])); }), Error)
      << "a seed of another shape";
}

TEST(Gradient, ComputesNothingThatNobodyAskedFor) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f32, {5, 7}}), w = trace.input("w", {DType::f32, {3, 7}});
  const Var h = matmul(tanh(x), w, false, true);
  const NodeId before = trace.graph()->size();
  gradient(sum(h), {h});
  int products = 0;
  for (NodeId id = before; id < trace.graph()->size(); ++id) products += (*trace.graph())[id].op == &matmul_op;
  EXPECT_EQ(products, 0) << "only what follows h is differentiated";
  gradient(sum(h), {w});
  for (const Node& node : trace.graph()->nodes) EXPECT_FALSE(node.op == &square_op) << "tanh's rule is not due";
}

TEST(Gradient, NodesKnowWhomTheyServe) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f32, {2}});
  Var y;
  {
    const Scope scope(trace.graph(), "act");
    y = tanh(x);
  }
  gradient(sum(y), {x});
  bool found = false;
  for (const Node& node : trace.graph()->nodes)
    if (node.grad_of == y.edge().node) {
      found = true;
      EXPECT_EQ(node.name, "act") << "and carry its layer's name";
    }
  EXPECT_TRUE(found);
  EXPECT_EQ(trace.graph()->serving, -1);
  EXPECT_EQ(trace.graph()->scope, "");
}

TEST(Gradient, OfADeepChain) {
  const auto report = check_both_gradients(
      {random_tensor({2, 3}, 5), random_tensor({3, 3}, 6)},
      [](const std::vector<Var>& v) {
        Var h = v[0];
        for (int i = 0; i < 5; ++i) h = tanh(matmul(h, v[1])) + h; // shared weights, skips
        return std::vector{mean(square(h))};
      },
      "a deep chain");
  EXPECT_EQ(report.failed, 0) << report.first;
}

} // namespace
} // namespace vitro

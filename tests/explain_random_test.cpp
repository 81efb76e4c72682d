// Explanations of random graphs over every op: each hop adds up, each cut carries the gradient, walk,
// back-propagation and finite difference agree, and the arithmetic that is printed is true.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "core/random.h"
#include "explain/explain.h"
#include "explain/gradcheck.h"
#include "explain_arithmetic.h"
#include "ops/catalogue.h"
#include "ops/ops.h"

namespace vitro {
namespace {

Tensor random_tensor(const Shape& shape, Draws& draws) {
  Tensor out(Type{DType::f32, shape});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, draws.uniform(-1, 1));
  return out;
}

// A graph whose values are all [3, 4]: every op once it is drawn, its result brought back to that shape.
struct Drawn {
  States states;
  Function function;
  std::vector<Tensor> inputs;
};

void draw(Drawn& out, uint64_t seed, std::set<std::string>& ops_used) {
  Draws draws(Stream(seed, "random graphs"), 0);
  out.states.add("a", random_tensor(Shape{3, 4}, draws), true);
  out.states.add("w", random_tensor(Shape{4, 4}, draws), true);
  out.states.add("b", random_tensor(Shape{4}, draws), true);
  out.states.add("table", random_tensor(Shape{5, 4}, draws), true);
  Trace trace(out.states);
  const Var x = trace.input("x", {DType::f32, {3, 4}}), labels = trace.input("labels", {DType::i32, {3}});
  out.inputs = {random_tensor(Shape{3, 4}, draws),
                Tensor(Shape{3}, {double(draws.below(4)), double(draws.below(4)), double(draws.below(4))}, DType::i32)};
  const Var a = trace.state("a"), w = trace.state("w"), b = trace.state("b"), table = trace.state("table");
  const Var codes = constant(trace.graph(), out.inputs[1].to(DType::f32));
  const auto map = [](const Var& p) { return reshape(p, {1, 1, 3, 4}); };
  const auto kernel = [](const Var& q) { return reshape(slice(q, 1, 0, 3), {1, 1, 3, 3}); };
  const auto flat = [](const Var& p) { return reshape(p, {3, 4}); };
  const Attrs pooled{
      {"kernel", std::vector<int64_t>{3}}, {"stride", std::vector<int64_t>{1}}, {"padding", std::vector<int64_t>{1}}};
  // Rows as two steps of two; a column; a small square; and what is beside what.
  const auto steps = [](const Var& p) { return reshape(p, {3, 2, 2}); };
  const auto column = [](const Var& p, int64_t at) { return slice(p, 1, at, at + 1); };
  const auto square_of = [](const Var& v) { return slice(slice(v, 0, 0, 2), 1, 0, 2); };
  const auto beside = [](const Var& p, const Var& q) { return concatenate({p, q}, 1); };
  const Var lengths = constant(trace.graph(), Tensor(Shape{3}, {2, 1, 2}, DType::i32)),
            index = constant(trace.graph(), Tensor(Shape{3}, {0, 1, 1}, DType::i32));
  std::vector<Var> pool{x, a};
  using Make = std::function<Var(const Var&, const Var&)>;
  const std::vector<Make> makers{
      [](const Var& p, const Var& q) { return p + q; },
      [](const Var& p, const Var& q) { return p - q; },
      [](const Var& p, const Var& q) { return p * q; },
      [](const Var& p, const Var& q) { return p / (2 + square(q)); },
      [](const Var& p, const Var&) { return -p; },
      [](const Var& p, const Var&) { return sqrt(1.5 + square(p)); },
      [](const Var& p, const Var&) { return exp(p * 0.3); },
      [](const Var& p, const Var&) { return log(2 + abs(p)); },
      [](const Var& p, const Var& q) { return pow(1.5 + tanh(p), q * 0.3); },
      [](const Var& p, const Var& q) { return maximum(p, q); },
      [](const Var& p, const Var& q) { return minimum(p, q); },
      [](const Var& p, const Var& q) { return where(greater(p, q), p, q * 0.5); },
      [](const Var& p, const Var& q) {
        return p * (less(p, q) + less_equal(q, 0.2) + equal(p, q) + not_equal(p, 0) + greater_equal(q, p));
      },
      [](const Var& p, const Var& q) { return p * sign(q) + step(q); },
      [](const Var& p, const Var&) { return sigmoid(p); },
      [](const Var& p, const Var&) { return tanh(p); },
      [](const Var& p, const Var&) { return relu(p); },
      [](const Var& p, const Var&) { return leaky_relu(p, 0.1); },
      [](const Var& p, const Var&) { return softplus(p); },
      [](const Var& p, const Var&) { return erf(p); },
      [](const Var& p, const Var&) { return normal_cdf(p); },
      [](const Var& p, const Var&) { return expm1(p * 0.3); },
      [](const Var& p, const Var& q) { return identity(p) * hard_sigmoid(q); },
      [](const Var& p, const Var&) { return relu6(p + 5.5); },
      [](const Var& p, const Var& q) { return prelu(p, q); },
      [](const Var& p, const Var&) { return elu(p, 0.5); },
      [](const Var& p, const Var&) { return selu(p); },
      [](const Var& p, const Var&) { return gelu(p); },
      [](const Var& p, const Var&) { return gelu_tanh(p); },
      [](const Var& p, const Var&) { return silu(p); },
      [](const Var& p, const Var&) { return softsign(p); },
      [](const Var& p, const Var&) { return log_cosh(p); },
      [](const Var& p, const Var& q) { return mix(add_scaled(p, q, 0.3), subtract_scaled(q, p, 0.2), 0.5, 0.4); },
      [](const Var& p, const Var& q) {
        return normalised_step(p, q, mix_square(square(p) + 0.1, q, 0.5, 0.2), 0.1, 1, 0.5);
      },
      [&](const Var& p, const Var&) { return matmul(p, w); },
      [&](const Var& p, const Var&) { return matmul(p, w, false, true) + b; },
      [&](const Var& p, const Var& q) { return matmul(p, matmul(q, p, true, false)) * 0.2; },
      [&](const Var& p, const Var& q) { return matmul(matmul(p, q, false, true), p) * 0.2; },
      [&](const Var& p, const Var&) { return transpose(matmul(w, p, true, true)); },
      [](const Var& p, const Var&) {
        return transpose(reshape(p, {4, 3}));
      },
      [](const Var& p, const Var&) {
        return reshape(reshape(p, {1, 12}), {3, 4});
      },
      [](const Var& p, const Var& q) {
        return p + broadcast_to(sum(q, {0}, true), Shape{3, 4}) * 0.3;
      },
      [](const Var& p, const Var& q) { return p - mean(q, {1}, true); },
      [](const Var& p, const Var& q) { return p - max(q, {1}, true) + max(p) * 0.1; },
      [](const Var& p, const Var& q) {
        return concatenate({slice(p, 1, 0, 2), slice(q, 1, -2, 4)}, 1);
      },
      [](const Var& p, const Var&) { return pad(slice(p, 0, 0, 3, 2), 0, 1, 0); },
      [](const Var& p, const Var&) { return slice(pad(slice(p, 1, 1, 3), 1, 0, 1, 3), 1, 0, 4); },
      [&](const Var& p, const Var&) { return p + gather(table, labels) * 0.5; },
      [&](const Var& p, const Var& q) { return slice(scatter_add(p, labels, 4) * 0.5, 0, 0, 3) + q; },
      [&](const Var& p, const Var&) { return p * one_hot(to_index(codes), 4); },
      [&](const Var& p, const Var& q) { return p + subtract_one_hot(q, labels, mean(p)) * 0.3; },
      [](const Var& p, const Var&) { return softmax(p); },
      [](const Var& p, const Var&) { return softmax(p, 0); },
      [](const Var& p, const Var&) { return log_softmax(p) * 0.5; },
      [](const Var& p, const Var& q) { return normalize(p, {1}, 0.1).y * 0.5 + normalize(q, {0}, 0.1).mean * 0.2; },
      [](const Var& p, const Var& q) { return p * sqrt(normalize(q, {0}, 0.1).variance + 0.5); },
      [](const Var& p, const Var& q) { return batch_norm(p, mean(q, {0}), max(q, {0}), 0.1).y * 0.5; },
      [](const Var& p, const Var& q) { return q * sqrt(batch_norm(p, mean(q, {0}), sum(q, {0}), 0.1).variance + 0.5); },
      [](const Var& p, const Var& q) {
        const std::array<In, 5> in{p, mean(q, {0}), mean(p, {0}), max(square(p), {0}), q};
        return apply_all(batch_norm_gradient_op, in, {{"eps", 0.1}})[0] * 0.3;
      },
      // One map, or three of a row each; the other's corner is the kernel.
      [&](const Var& p, const Var& q) { return flat(conv2d(map(p), kernel(q), {.padding = {1}})) * 0.3; },
      [&](const Var& p, const Var& q) {
        return flat(conv2d(reshape(p, {1, 3, 1, 4}), reshape(slice(q, 1, 0, 3), {3, 1, 1, 3}), {.padding = {0, 1}}, 3));
      },
      [&](const Var& p, const Var& q) {
        const Attrs size{{"height", int64_t{3}}, {"width", int64_t{4}}, {"padding", std::vector<int64_t>{1}}};
        return flat(apply(conv2d_input_gradient_op, {map(p), kernel(q)}, size)) * 0.3;
      },
      [&](const Var& p, const Var& q) {
        const Attrs size{{"kernel", std::vector<int64_t>{3}}, {"padding", std::vector<int64_t>{1}}};
        const Var dw = reshape(apply(conv2d_weight_gradient_op, {map(p), map(q)}, size), {3, 3});
        return p + pad(dw, 1, 0, 1) * 0.1;
      },
      [&](const Var& p, const Var&) {
        return flat(fold2d(tanh(unfold2d(map(p), {2, 3})), 3, 4)) * 0.5;
      },
      [&](const Var& p, const Var&) { return flat(apply(max_pool2d_op, {map(p)}, pooled)); },
      [&](const Var& p, const Var& q) {
        return flat(apply(max_pool2d_pick_op, {map(p), map(q)}, pooled));
      },
      [&](const Var& p, const Var& q) {
        return flat(apply(max_pool2d_scatter_op, {map(p), map(q)}, pooled)) * 0.5;
      },
      [&](const Var& p, const Var&) { return flat(apply(avg_pool2d_op, {map(p)}, pooled)); },
      [&](const Var& p, const Var&) {
        Attrs size = pooled;
        size.set("height", int64_t{3});
        size.set("width", int64_t{4});
        return flat(apply(avg_pool2d_scatter_op, {map(p)}, size));
      },
      [](const Var& p, const Var&) {
        const Var zero = constant(p.graph(), Tensor({DType::i32, Shape{}}));
        return p * dropout_mask(zero, zero, p.shape(), 0.3, 1, "dropout1");
      },
      // Two steps of one unit, or of two.
      [&](const Var& p, const Var& q) {
        const LstmOut out =
            lstm(reshape(beside(p, q), {3, 2, 4}), reshape(b, {4, 1}), column(p, 0), column(q, 1), lengths);
        return concatenate({reshape(out.y, {3, 2}), out.h, out.c}, 1);
      },
      [&](const Var& p, const Var& q) {
        const Var gates = reshape(slice(beside(p, q), 1, 0, 6), {3, 2, 3}), weight = reshape(slice(b, 0, 0, 3), {3, 1});
        const RnnOut out = gru(gates, weight, slice(b, 0, 1, 4), column(q, 0));
        return concatenate({reshape(out.y, {3, 2}), out.h, column(p, 3)}, 1);
      },
      [&](const Var& p, const Var& q) {
        return reshape(rnn(steps(p), square_of(w), slice(q, 1, 0, 2), lengths).y, {3, 4});
      },
      [&](const Var& p, const Var& q) {
        const std::vector<In> in{reshape(beside(p, q), {3, 2, 4}),
                                 reshape(slice(q, 1, 0, 2), {3, 2, 1}),
                                 reshape(b, {4, 1}),
                                 column(p, 0),
                                 reshape(slice(p, 1, 0, 2), {3, 2, 1}),
                                 column(q, 2),
                                 column(q, 3),
                                 lengths};
        const std::vector<Var> d = apply_all(lstm_gradient_op, in);
        return slice(reshape(d[0], {3, 8}), 1, 2, 6) * 0.3 + d[1];
      },
      [&](const Var& p, const Var& q) {
        const auto one = [](const Var& v) { return reshape(slice(v, 1, 1, 3), {3, 2, 1}); };
        const std::vector<In> in{reshape(slice(beside(p, q), 1, 0, 6), {3, 2, 3}),
                                 one(p),
                                 one(q),
                                 reshape(slice(b, 0, 0, 3), {3, 1}),
                                 one(q),
                                 column(p, 0)};
        return slice(reshape(apply_all(gru_gradient_op, in)[0], {3, 6}), 1, 1, 5) * 0.3;
      },
      [&](const Var& p, const Var& q) {
        const std::vector<In> in{steps(p), square_of(w), steps(q), slice(p, 1, 0, 2)};
        return reshape(apply_all(rnn_gradient_op, in)[0], {3, 4}) * 0.5;
      },
      [&](const Var& p, const Var&) {
        return reshape(reverse_steps(steps(p), lengths), {3, 4});
      },
      [&](const Var& p, const Var& q) { return p * step_mask(lengths, 4, p.dtype()) + q; },
      [&](const Var& p, const Var& q) { return beside(take_step(steps(p), index), slice(q, 1, 0, 2)); },
      [&](const Var& p, const Var& q) {
        return q + reshape(apply(put_step_op, {slice(p, 1, 0, 2), index}, {{"steps", int64_t{2}}}), {3, 4});
      },
      [&](const Var& p, const Var& q) {
        const auto heads = [](const Var& v) { return reshape(v, {3, 1, 2, 2}); };
        return reshape(scaled_dot_product_attention(heads(p), heads(q), heads(p), lengths), {3, 4});
      },
      [&](const Var& p, const Var& q) { return softmax_cross_entropy(p, labels).probabilities + q; },
      [&](const Var& p, const Var& q) { return q * softmax_cross_entropy(p, softmax(q)).loss; },
      [](const Var& p, const Var& q) {
        return p + squared_error(p, q, "half") * binary_cross_entropy(q, sigmoid(p), "sum") * 0.05;
      },
  };
  const auto pick = [&] { return pool[size_t(draws.below(pool.size()))]; };
  const int nodes = 5 + int(draws.below(12));
  for (int i = 0; i < nodes; ++i) {
    const Make& make = makers[size_t(draws.below(makers.size()))];
    const Var p = i % 2 ? pool.back() : pick(), q = pick(); // half of the time deeper, half of the time wider
    const Var y = make(p, q);
    pool.push_back(y);
  }
  Var loss;
  const Var last = pool.back() + pick() * 0.3;
  switch (draws.below(4)) {
    case 0: loss = softmax_cross_entropy(last, labels).loss; break;
    case 1: loss = squared_error(last, x); break;
    case 2: loss = binary_cross_entropy(last, sigmoid(x)); break;
    default: loss = sum(last * x); break;
  }
  trace.output("loss", loss);
  out.function = trace.finish();
  for (const Node& node : out.function.graph->nodes) ops_used.insert(node.op->name);
}

// What is printed says what is meant, to the digits that are printed.
void expect_true(const Explanation& e, const std::string& where) {
  for (const Step& step : e.path)
    for (const StepElement& element : step.elements) {
      double sum = element.rest;
      for (const Term& term : element.terms) {
        sum += term.product;
        EXPECT_NEAR(term.adjoint * term.slope, term.product, 1e-12 * std::fabs(term.product) + 1e-300);
        const double shown = testing::Arithmetic::of(term.numbers);
        EXPECT_NEAR(shown, term.product, 2e-5 * (std::fabs(term.product) + std::fabs(term.adjoint)) + 1e-12)
            << where << ", " << step.name << ": " << term.expression << " = " << term.numbers;
      }
      EXPECT_NEAR(sum, element.sum, 1e-9 * (1 + std::fabs(sum))) << where << ", " << element.label;
      const size_t equals = element.computed.rfind(" = ");
      // The last equation's right side is in numbers; that of a comparison has an "=" inside.
      if (equals == std::string::npos || step.op == "equal") continue;
      const double shown = testing::Arithmetic::of(element.computed.substr(equals + 3));
      EXPECT_NEAR(shown, element.value, 1e-4 * (1 + std::fabs(element.value)))
          << where << ", " << element.label << " = " << element.computed;
    }
}

TEST(ExplainRandom, EveryHopAddsUpAndAllThreeAgree) {
  std::set<std::string> used;
  int explained = 0, kinks = 0, zero = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Drawn one;
    draw(one, seed, used);
    Explainer explainer(one.function, one.states, one.inputs, {.terms = 3});
    // Mostly such as do have a gradient: many states are not read by a small graph.
    std::vector<ElementAddress> chosen;
    for (const ElementAddress& address : parse_addresses("random:20", one.states, seed))
      if (chosen.size() < 6 && (chosen.empty() || explainer.gradient(address.state).at(address.element) != 0))
        chosen.push_back(address);
    for (const ElementAddress& address : chosen) {
      const Explanation e = explainer.parameter(address);
      const std::string where = "graph " + std::to_string(seed) + ", " + e.parameter;
      EXPECT_TRUE(e.adds_up) << where << "\n" << text_of(e) << print(*one.function.graph);
      EXPECT_LE(e.relative_error, 1e-5) << where << "\n" << text_of(e) << print(*one.function.graph);
      EXPECT_LE(relative_error(e.gradient, e.back_propagated), 1e-9) << where;
      EXPECT_LE(relative_error(e.gradient, e.forward), 1e-8) << where;
      EXPECT_TRUE(e.gradient != 0 || !e.notes.empty()) << where;
      expect_true(e, where);
      EXPECT_FALSE(json_of(e).empty());
      EXPECT_FALSE(text_of(explainer.symbolic(address)).empty());
      ++explained;
      kinks += e.difference.on_kink;
      zero += e.gradient == 0;
    }
  }
  EXPECT_GT(explained, 800);
  EXPECT_LT(kinks, 20);
  EXPECT_LT(zero, explained / 4);
  for (const Op* op : catalogue()) EXPECT_TRUE(used.contains(op->name)) << op->name << " was never drawn";
}

TEST(ExplainRandom, OpenedGraphsGiveTheSameGradient) {
  std::set<std::string> used;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Drawn one;
    draw(one, seed, used);
    Explainer closed(one.function, one.states, one.inputs), open(one.function, one.states, one.inputs, {.open = true});
    for (const ElementAddress& address : parse_addresses("random:2", one.states, seed)) {
      const Explanation a = closed.parameter(address), b = open.parameter(address);
      EXPECT_TRUE(b.adds_up) << text_of(b);
      EXPECT_NEAR(a.gradient, b.gradient, 1e-9 * (1 + std::fabs(a.gradient)))
          << "graph " << seed << ", " << a.parameter;
      for (const Step& step : b.path) EXPECT_NE(step.op, "softmax");
    }
  }
}

TEST(ExplainRandom, GradientChecksPass) {
  std::set<std::string> used;
  for (uint64_t seed = 200; seed < 240; ++seed) {
    Drawn one;
    draw(one, seed, used);
    GradcheckOptions options;
    options.elements = 10;
    options.directions = 2;
    const GradcheckResult result = gradcheck(one.function, one.states, one.inputs, options);
    EXPECT_EQ(result.failed, 0) << "graph " << seed << "\n" << text_of(result) << print(*one.function.graph);
  }
}

} // namespace
} // namespace vitro

// Random functions over every op of the catalogue: skips, shared weights, mixed shapes, a loss, its
// gradient and an update of every state. The same seed gives the same function.
//
// Values are kept tame (what goes into a logarithm is positive, what goes into an exponential is
// squashed), so that nothing is infinite and rounding can be told from error.
#pragma once

#include <set>

#include "ops/gradient.h"
#include "ops/ops.h"
#include "tests/op_cases.h"

namespace vitro::test {

struct RandomFunction {
  States states;
  Function function;
  std::vector<Tensor> inputs;
  std::set<std::string> ops; // that are in it
};

class RandomGraph {
public:
  /// `scale` multiplies the extents: 1 for small ones, more where work should be handed to several threads.
  RandomGraph(uint64_t seed, int steps, int64_t scale = 1)
      : stream_(seed, "random graph"), draws_(stream_, 0), steps_(steps), scale_(scale) {}

  std::unique_ptr<RandomFunction> make() {
    auto out = std::make_unique<RandomFunction>();
    const int64_t sizes[] = {1, 2, 3, 5, 7, 16, 17, 20};
    const auto size = [&] { return sizes[draws_.below(std::size(sizes))] * scale_; };
    const int64_t batch = size(), features = size();
    int64_t widths[3];
    for (int64_t& width : widths) width = size();
    // States first: a trace reads them by name.
    add_state(*out, "w0", {widths[0], features});
    add_state(*out, "w1", {widths[1], widths[0]});
    add_state(*out, "w2", {widths[1], widths[1]}); // square: used again and again
    add_state(*out, "b0", {widths[0]});
    add_state(*out, "scalar", {});
    const int64_t channels[] = {2, 3, 12, 16, 17, 32};
    const int64_t seen = channels[draws_.below(6)], made = channels[draws_.below(6)];
    add_state(*out, "k0", {made, seen, 3, 2});
    add_state(*out, "k1", {made, made, 3, 3});
    add_state(*out, "kb", {made, 1, 1});
    for (const auto& name : out->states.names()) out->states.add(name + "/m", Tensor(out->states.at(name).type));

    Trace trace(out->states);
    out->inputs = {random_tensor({batch, features}, draws_.below(1000)),
                   random_indices({batch}, draws_.below(1000), widths[1])};
    out->inputs.push_back(random_tensor({1 + int64_t(draws_.below(3)), seen, 5 * scale_, 6}, draws_.below(1000)));
    const Var x = trace.input("x", out->inputs[0].type());
    labels_ = trace.input("labels", out->inputs[1].type());
    weight_ = trace.state("w2");
    {
      const Scope scope(trace.graph(), "first");
      pool_ = {x, tanh(matmul(x, trace.state("w0"), false, true) + trace.state("b0"))};
    }
    const Var second = matmul(pool_.back(), trace.state("w1"), false, true) * trace.state("scalar");
    pool_.push_back(second);
    for (int i = 0; i < steps_; ++i) {
      const Scope scope(trace.graph(), text("layer", i));
      Var y = one_more();
      if (y.shape().elements() == 0 || y.shape().elements() > 4000 * scale_ * scale_) continue;
      if (draws_.below(3) == 0) y = tanh(y); // keeps values tame
      pool_.push_back(y);
    }
    kernel_ = trace.state("k1");
    maps_ = {
        tanh(conv2d(trace.input("maps", out->inputs[2].type()), trace.state("k0"), {.padding = {1, 0, 1, 1}}) * 0.1 +
             trace.state("kb"))};
    for (int i = 0; i < steps_ / 2; ++i) maps_.push_back(tanh(one_more_map()));
    Var loss = losses(second);
    loss = loss + mean(square(sum(conv2d(maps_.back(), kernel_, {.stride = {2}, .padding = {1}}), {2, 3})));
    for (const Var& y : maps_) loss = loss + mean(square(y));
    for (const Var& y : pool_) loss = loss + mean(tanh(y)) * 0.1;
    trace.output("loss", loss);
    trace.output("last", pool_.back());
    trace.output("a map", maps_[draws_.below(maps_.size())]);
    if (draws_.below(2)) trace.output("state as it was", trace.state("w1"));

    std::vector<Var> parameters;
    const auto names = out->states.names(true);
    for (const auto& name : names) parameters.push_back(trace.state(name));
    const auto gradients = gradient(loss, parameters);
    for (size_t i = 0; i < names.size(); ++i) {
      const auto [p, m] = updated(parameters[i], gradients[i], trace.state(names[i] + "/m"));
      trace.update(names[i], p);
      trace.update(names[i] + "/m", m);
      if (draws_.below(3) == 0) trace.output("gradient of " + names[i], gradients[i]);
    }
    out->function = trace.finish();
    for (const Node& node : out->function.graph->nodes)
      if (!node.op->is(source)) out->ops.insert(node.op->name);
    return out;
  }

private:
  void add_state(RandomFunction& to, const std::string& name, const Shape& shape) {
    to.states.add(name, random_tensor(shape, draws_.below(1000), -0.5, 0.5), true);
  }

  // A parameter and its moment after a step of one kind or another.
  std::pair<Var, Var> updated(const Var& p, const Var& g, const Var& moment) {
    Var m;
    switch (draws_.below(3)) {
      case 0: m = add_scaled(g, moment, 0.9); return {subtract_scaled(p, m, 0.05), m};
      case 1:
        m = mix(moment, g, 0.9, 0.1);
        return {normalised_step(p, m, mix_square(abs(moment), g, 0.9, 0.1), 0.05, 1, 0.5), m};
      default: m = moment * 0.9 + g; return {p - m * 0.05, m};
    }
  }

  const Var& pick() { return pool_[draws_.below(pool_.size())]; }
  Var positive(const Var& x) { return abs(x) + 0.5; }

  // An operand for x: another value that broadcasts with it, its own row or column, or a number.
  In partner(const Var& x) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const Var& y = pick();
      try {
        if (broadcast(x.shape(), y.shape()).elements() <= 4 * x.shape().elements()) return y;
      } catch (const std::runtime_error&) { // does not broadcast: another
      }
    }
    switch (draws_.below(4)) {
      case 0: return In(draws_.uniform(-1, 1));
      case 1: return x.shape().rank() ? mean(x, {-1}, true) : x;
      case 2: return x.shape().rank() ? sum(tanh(x), {0}) * 0.1 : x;
      default: return x;
    }
  }

  Var rows(const Var& x) { return reshape(x, {-1, x.shape().rank() ? x.shape().back() : 1}); } // rank 2
  int64_t any_axis(const Var& x) {
    return int64_t(draws_.below(uint64_t(x.shape().rank()))) - (draws_.below(2) ? x.shape().rank() : 0);
  }
  Var indices(const Var& x, const Shape& shape, int64_t bound) {
    return constant(x.graph(), random_indices(shape, draws_.below(1000), bound));
  }

  Var counter(const Var& x, double value) { return constant(x.graph(), Tensor(Shape{}, {value}, DType::i32)); }

  Var one_more() {
    const Var x = pick();
    const Var x2 = rows(x);
    switch (draws_.below(57)) {
      case 0: return x + partner(x);
      case 1: return x - partner(x);
      case 2: return x * partner(x);
      case 3: {
        const In y = partner(x);
        return y.var ? x / positive(y.var) : x / (std::fabs(y.number) + 0.5);
      }
      case 4: return -x;
      case 5: return square(tanh(x));
      case 6: return sqrt(positive(x));
      case 7: return exp(tanh(x));
      case 8: return log(positive(x));
      case 9: {
        const In y = partner(x);
        return y.var ? pow(positive(tanh(x)), tanh(y.var)) : pow(positive(tanh(x)), y);
      }
      case 10: return abs(x);
      case 11: return sign(x) * x;
      case 12: return maximum(x, partner(x));
      case 13: return minimum(x, partner(x));
      case 14: return where(greater(x, 0.1), x, partner(x));
      case 15: return where(less_equal(x, partner(x)), x * 0.5, x);
      case 16: return (equal(x, x) + not_equal(x, partner(x)) + less(x, 0.3) + greater_equal(x, partner(x))) * x;
      case 17: return sigmoid(x);
      case 18: return relu(x);
      case 19: return leaky_relu(x, draws_.uniform(0.01, 0.3));
      case 20: return step(x) + x;
      case 21: return softplus(x);
      case 22: return erf(x);
      case 23: { // a product with a shared square weight
        if (x2.shape().back() != weight_.shape()[0]) return tanh(matmul(x2, x2, true, false));
        return tanh(matmul(x2, weight_, false, draws_.below(2)));
      }
      case 24: return tanh(matmul(x2, x2, false, true)); // [n, n]
      case 25: return reshape(x, {-1});
      case 26: return transpose(x);
      case 27: return broadcast_to(x2, Shape{2, x2.shape()[0], x2.shape()[1]});
      case 28: return slice(x2, any_axis(x2), 0, 1 + int64_t(draws_.below(20)), 1 + int64_t(draws_.below(2)));
      case 29:
        return pad(x2, any_axis(x2), int64_t(draws_.below(3)), int64_t(draws_.below(3)), 1 + int64_t(draws_.below(2)));
      case 30: return concatenate({x2, tanh(x2), x2}, any_axis(x2));
      case 31: {
        const Tensor codes = random_indices({3}, draws_.below(1000), x2.shape()[0]).to(DType::f32);
        return gather(x2, to_index(constant(x2.graph(), codes)), 0);
      }
      case 32: return gather(x2, indices(x2, {2, 2}, x2.shape()[1]), -1);
      case 33: return scatter_add(x2, indices(x2, {x2.shape()[0]}, 4), 4) * 0.3;
      case 34: {
        const Var index = indices(x, {x2.shape()[0]}, x2.shape()[1]);
        if (draws_.below(2)) return one_hot(index, x2.shape()[1]) * x2;
        return subtract_one_hot(x2, index, mean(x2));
      }
      case 35: return mean(x2, {draws_.below(2) ? 0 : -1}, draws_.below(2));
      case 36: return max(x2, {any_axis(x2)}, draws_.below(2));
      case 37: return softmax(x2, any_axis(x2));
      case 38: return log_softmax(x2, any_axis(x2)) * 0.1;
      case 39: {
        const Normalized of = normalize(x2, {draws_.below(2) ? 0 : -1}, 0.1);
        return of.y * mean(of.mean + of.variance);
      }
      case 40: {
        const Normalized of = batch_norm(x2, mean(x2, {0}), max(x2, {0}), 0.1);
        return of.y * mean(of.mean + of.variance);
      }
      case 41: return x2 * dropout_mask(counter(x, 5), counter(x, 64), x2.shape(), 0.3, 1, "dropout1");
      case 42: return sum(x2, {any_axis(x2)}, draws_.below(2)) * 0.2;
      case 43:
      case 44:
      case 45:
      case 46:
      case 47:
      case 48: return of_sequences(tanh(x2));
      default: return activation(x);
    }
  }

  // Of a tame matrix [n, w]: three steps of each row, with lengths or without, and a matrix [n, w] of what comes out.
  Var of_sequences(const Var& x) {
    const int64_t n = x.shape()[0], w = x.shape()[1];
    if (w > 20 || n > 40) return x * 0.5; // the weights would be large
    const std::vector<int64_t> steps{n, 3, w};
    const Var s = reshape(concatenate({x, x * -0.5, x * 0.3}, 1), steps);
    const Var lengths = draws_.below(2) ? constant(x.graph(), random_indices({n}, draws_.below(1000), 4)) : Var{};
    const Var index = indices(x, {n}, 3);
    const Var square = tanh(matmul(x, x, true)) * 0.3; // [w, w]
    const auto beside = [&](int count, const Var& one, int axis) {
      return count == 1 ? one : concatenate(std::vector<Var>(size_t(count), one), axis);
    };
    switch (draws_.below(6)) {
      case 0: {
        const LstmOut out = lstm(beside(4, s, 2), beside(4, square, 0), x, x * 0.5, lengths);
        return take_step(out.y, index) + out.h * out.c;
      }
      case 1: {
        const Var bias = reshape(beside(3, mean(x, {0}, true), 1), {3 * w});
        const RnnOut out = gru(beside(3, s, 2), beside(3, square, 0), bias, x, lengths);
        return sum(out.y, {1}) * 0.3 + out.h;
      }
      case 2: {
        const RnnOut out = rnn(s, square, x, lengths, draws_.below(2) ? "tanh" : "relu");
        return take_step(out.y, index) - out.h;
      }
      case 3: return reshape(slice(reverse_steps(s, lengths), 1, 0, 1), {n, w});
      case 4: {
        if (!lengths) return take_step(s, index);
        return sum(s * reshape(step_mask(lengths, 3, x.dtype()), {n, 3, 1}), {1});
      }
      default: {
        const Var heads = reshape(s, {n, 1, 3, w}), seen = indices(x, {n}, 3);
        const Var y =
            scaled_dot_product_attention(heads, heads, heads, draws_.below(2) ? seen : Var{}, draws_.below(2));
        return mean(reshape(y, steps), {1});
      }
    }
  }

  // Of maps [n, c, h, w] another of the same shape.
  Var one_more_map() {
    const Var x = maps_[draws_.below(maps_.size())], other = maps_[draws_.below(maps_.size())];
    const Attrs window{
        {"kernel", std::vector<int64_t>{3}}, {"stride", std::vector<int64_t>{1}}, {"padding", std::vector<int64_t>{1}}};
    switch (draws_.below(10)) {
      case 0:
      case 1: return conv2d(x, kernel_, {.padding = {1}}) * 0.1; // far from where tanh is flat: no two maxima alike
      case 2: return conv2d(relu(x), kernel_, {.padding = {2}, .dilation = {2}}) * 0.1;
      case 3: return x + other;
      case 4: return x * sigmoid(mean(other, {2, 3}, true)); // a number for each sample and channel
      case 5: return x - mean(other, {1}, true);             // for each place
      case 6: return apply(max_pool2d_op, {x}, window);
      case 7: return apply(max_pool2d_pick_op, {x, other}, window);
      case 8: return apply(avg_pool2d_op, {relu(x)}, window);
      default: return fold2d(tanh(unfold2d(x, {3, 3}, {.padding = {1}})), x.shape()[2], x.shape()[3], {.padding = {1}});
    }
  }

  Var activation(const Var& x) {
    switch (draws_.below(12)) {
      case 0: return expm1(tanh(x));
      case 1: return identity(x);
      case 2: return hard_sigmoid(x, draws_.uniform(0.1, 0.3));
      case 3: return relu6(x);
      case 4: return prelu(x, x.shape().rank() ? mean(x, {-1}, true) : x);
      case 5: return elu(x, draws_.uniform(0.5, 1.5));
      case 6: return selu(x);
      case 7: return gelu(x);
      case 8: return gelu_tanh(x);
      case 9: return silu(x);
      case 10: return softsign(x);
      default: return log_cosh(x);
    }
  }

  Var losses(const Var& logits) {
    const auto by_class = softmax_cross_entropy(logits, labels_);
    pool_.push_back(by_class.probabilities);
    switch (draws_.below(4)) {
      case 0: return by_class.loss + squared_error(logits, sigmoid(logits));
      case 1: return by_class.loss + binary_cross_entropy(logits, sigmoid(tanh(logits)), "half");
      case 2: return softmax_cross_entropy(logits, softmax(logits * 0.5)).loss;
      default: return by_class.loss;
    }
  }

  Stream stream_;
  Draws draws_;
  int steps_;
  int64_t scale_;
  std::vector<Var> pool_, maps_;
  Var labels_, weight_, kernel_;
};

inline std::unique_ptr<RandomFunction> random_function(uint64_t seed, int steps = 12, int64_t scale = 1) {
  return RandomGraph(seed, steps, scale).make();
}

} // namespace vitro::test

// What optimisers are made of: each step of a parameter or a moment as one pass over it. The factors
// are scalars, so a kernel holds them in registers; results are rounded after every operation, as if
// each stood alone.
#include <cmath>

#include "kernels/pointwise.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor x{Shape{2, 3}, {-1.5, -0.5, 0.25, 0.75, 1.5, 2}}, z{Shape{2, 3}, {0.5, 1, -2, 0.25, 3, -1}};
const Tensor positive{Shape{2, 3}, {0.1, 0.5, 1, 1.5, 2, 4}};
const Tensor a{Shape{}, {0.9}}, b{Shape{}, {0.125}}, small{Shape{}, {0.25}};

// Tensors of one type, then scalars.
template <size_t tensors> std::vector<Type> infer_update(const InferCall& call) {
  const std::vector<Type> out = infer_pointwise(call);
  for (size_t i = 0; i < call.in.size(); ++i)
    if (const Shape expected = i < tensors ? out[0].shape : Shape{}; call.in[i].shape != expected)
      bad_input("", text("input ", i, " is ", call.in[i], ", expected ", Type{out[0].dtype, expected}));
  return out;
}

} // namespace

const Op add_scaled_op{
    .name = "add_scaled", .formula = "y = x + a z", .doc = "Adds a multiple: a velocity, or weight decay.",
    .traits = pointwise, .args = {"x", "z", "a"}, .rules = {"dx = dy", "dz = dy a", "da = sum(dy z)"},
    .infer = infer_update<2>, .plain = ternary([](auto x, auto z, auto a) { return x + a * z; }),
    .grad = [](const GradOf& g) { return std::vector{g.dy, g.dy * g.xs[2], sum(g.dy * g.xs[1])}; },
    .vector = kernels::add_scaled, .examples = {{.in = {x, z, a}}}};

const Op subtract_scaled_op{
    .name = "subtract_scaled", .formula = "y = x - a z", .doc = "Subtracts a multiple: a step against the gradient.",
    .traits = pointwise, .args = {"x", "z", "a"}, .rules = {"dx = dy", "dz = -dy a", "da = -sum(dy z)"},
    .infer = infer_update<2>, .plain = ternary([](auto x, auto z, auto a) { return x - a * z; }),
    .grad = [](const GradOf& g) { return std::vector{g.dy, -g.dy * g.xs[2], -sum(g.dy * g.xs[1])}; },
    .vector = kernels::subtract_scaled, .examples = {{.in = {x, z, a}}}};

const Op mix_op{
    .name = "mix", .formula = "y = a x + b z", .doc = "A moving mean takes in what is new: a and b add up to 1.",
    .traits = pointwise, .args = {"x", "z", "a", "b"},
    .rules = {"dx = dy a", "dz = dy b", "da = sum(dy x)", "db = sum(dy z)"},
    .infer = infer_update<2>,
    .plain = plain_pointwise<4>([](auto x, auto z, auto a, auto b) { return a * x + b * z; }),
    .grad = [](const GradOf& g) {
      return std::vector{g.dy * g.xs[2], g.dy * g.xs[3], sum(g.dy * g.xs[0]), sum(g.dy * g.xs[1])};
    },
    .vector = kernels::mix, .examples = {{.in = {x, z, a, b}}}};

const Op mix_square_op{
    .name = "mix_square", .formula = "y = a x + b z^2", .doc = "A moving mean of squares takes in what is new.",
    .traits = pointwise, .args = {"x", "z", "a", "b"},
    .rules = {"dx = dy a", "dz = dy 2 b z", "da = sum(dy x)", "db = sum(dy z^2)"},
    .infer = infer_update<2>,
    .plain = plain_pointwise<4>([](auto x, auto z, auto a, auto b) { return a * x + b * (z * z); }),
    .grad = [](const GradOf& g) {
      return std::vector{g.dy * g.xs[2], g.dy * (2 * (g.xs[3] * g.xs[1])), sum(g.dy * g.xs[0]),
                         sum(g.dy * square(g.xs[1]))};
    },
    .vector = kernels::mix_square, .examples = {{.in = {x, z, a, b}}}};

const Op normalised_step_op{
    .name = "normalised_step", .formula = "y = x - a m / (b sqrt(v) + e)",
    .doc = "A step divided by the size of recent gradients: RMSprop's, Adam's.",
    .traits = pointwise, .args = {"x", "m", "v", "a", "b", "e"},
    .rules = {"dx = dy", "dm = -dy a / (b sqrt(v) + e)", "dv = dy a m b / (b sqrt(v) + e)^2 / (2 sqrt(v))",
              "da = -sum(dy m / (b sqrt(v) + e))", "db = sum(dy a m sqrt(v) / (b sqrt(v) + e)^2)",
              "de = sum(dy a m / (b sqrt(v) + e)^2)"},
    .infer = infer_update<3>,
    .plain = plain_pointwise<6>([](auto x, auto m, auto v, auto a, auto b, auto e) {
      return x - a * m / (std::sqrt(v) * b + e);
    }),
    .grad = [](const GradOf& g) {
      const Var &m = g.xs[1], &a = g.xs[3], &b = g.xs[4], root = sqrt(g.xs[2]), size = root * b + g.xs[5];
      const Var per_m = g.dy / size, per_size = per_m * (a * m) / size;
      return std::vector{g.dy, -per_m * a, per_size * b / (2 * root), -sum(per_m * m), sum(per_size * root),
                         sum(per_size)};
    },
    .vector = kernels::normalised_step, .examples = {{.in = {x, z, positive, a, b, small}}}};

Var add_scaled(In x, In z, In a) { return apply(add_scaled_op, {x, z, a}); }
Var subtract_scaled(In x, In z, In a) { return apply(subtract_scaled_op, {x, z, a}); }
Var mix(In x, In z, In a, In b) { return apply(mix_op, {x, z, a, b}); }
Var mix_square(In x, In z, In a, In b) { return apply(mix_square_op, {x, z, a, b}); }
Var normalised_step(In x, In m, In v, In a, In b, In e) { return apply(normalised_step_op, {x, m, v, a, b, e}); }

} // namespace vitro

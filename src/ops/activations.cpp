// Activations: what bends a network.
#include <cmath>

#include "kernels/pointwise.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {-3, -0.5, 0.25, 0.75, 1.5, 4}};

} // namespace

const Op sigmoid_op{
    .name = "sigmoid", .formula = "y = 1 / (1 + exp(-x))", .doc = "Squashes each value into (0, 1).",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy y (1 - y)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return 1 / (1 + std::exp(-x)); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * (g.y * (1 - g.y))}; },
    .vector = kernels::sigmoid, .onnx = "Sigmoid", .peers = {"nn.Sigmoid", "sigmoid"}, .examples = {{.in = {some}}}};

const Op tanh_op{
    .name = "tanh", .formula = "y = tanh(x)", .doc = "Squashes each value into (-1, 1).",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy (1 - y^2)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::tanh(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * (1 - square(g.y))}; },
    .vector = kernels::hyperbolic_tangent, .onnx = "Tanh", .peers = {"nn.Tanh", "tanh"}, .examples = {{.in = {some}}}};

const Op relu_op{
    .name = "relu", .formula = "y = max(0, x)",
    .doc = "Passes what is positive, stops the rest; not bounded above. The slope at 0 is taken as 0.",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy [x > 0]"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return x < 0 ? decltype(x)(0) : x; }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * step(g.x)}; },
    .vector = kernels::relu, .onnx = "Relu", .peers = {"nn.ReLU", "relu"}, .examples = {{.in = {some}}}};

const Op leaky_relu_op{
    .name = "leaky_relu", .formula = "y = x > 0 ? x : slope x",
    .doc = "A relu that lets a little through below 0, so that no unit dies.",
    .origin = "Maas, Hannun, Ng, \"Rectifier nonlinearities improve neural network acoustic models\", 2013",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy (x > 0 ? 1 : slope)"},
    .attrs = {{"slope", 0.01, "the slope below 0"}},
    .infer = infer_pointwise,
    .plain = unary([](const Attrs& attrs, auto x) { return x > 0 ? x : decltype(x)(attrs.real("slope")) * x; }),
    .grad = [](const GradOf& g) {
      const double slope = g.attrs.real("slope");
      return std::vector{g.dy * (slope + (1 - slope) * step(g.x))};
    },
    .vector = kernels::leaky_relu, .vector_params = {"slope"}, .onnx = "LeakyRelu",
    .peers = {"nn.LeakyReLU(negative_slope=0.01)", "LeakyReLU(negative_slope=0.3)"},
    .examples = {{.in = {some}}, {.in = {some}, .attrs = {{"slope", 0.2}}}}};

const Op step_op{
    .name = "step", .formula = "y = [x > 0]",
    .doc = "Rosenblatt's threshold: 1 above 0, else 0. Its slope is 0, so no gradient descends through it.",
    .traits = pointwise | kinked | constant_slope, .args = {"x"}, .rules = {"dx = 0"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return decltype(x)(x > 0); }),
    .vector = kernels::step, .peers = {"torch.heaviside(x, 0)", ""}, .examples = {{.in = {some}}}};

const Op softplus_op{
    .name = "softplus", .formula = "y = log(1 + exp(x))", .doc = "A smooth relu; it does not overflow.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy sigmoid(x)"},
    .infer = infer_pointwise,
    .plain = unary([](auto x) { return (x > 0 ? x : decltype(x)(0)) + std::log1p(std::exp(-std::fabs(x))); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * sigmoid(g.x)}; },
    .vector = kernels::softplus, .onnx = "Softplus",
    .peers = {"nn.Softplus(threshold=20): straight from there on", "softplus"}, .examples = {{.in = {some}}}};

const Op erf_op{
    .name = "erf", .formula = "y = erf(x)",
    .doc = "The error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy 2/sqrt(pi) exp(-x^2)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::erf(x); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * (1.1283791670955126 * exp(-square(g.x)))}; },
    .vector = kernels::error_function, .onnx = "Erf", .peers = {"torch.erf", "ops.erf"}, .examples = {{.in = {some}}}};

Var sigmoid(In x) { return apply(sigmoid_op, {x}); }
Var tanh(In x) { return apply(tanh_op, {x}); }
Var relu(In x) { return apply(relu_op, {x}); }
Var leaky_relu(In x, double slope) { return apply(leaky_relu_op, {x}, {{"slope", slope}}); }
Var step(In x) { return apply(step_op, {x}); }
Var softplus(In x) { return apply(softplus_op, {x}); }
Var erf(In x) { return apply(erf_op, {x}); }

} // namespace vitro

// Activations: what bends a network. Those that are composed of others expand into what a plan runs tile by tile.
#include <cmath>

#include "kernels/pointwise.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3}, {-3, -0.5, 0.25, 0.75, 1.5, 4}};
const Tensor wide{Shape{2, 3}, {-4, -2.75, -0.25, 0.5, 2.75, 7}};

// y = f(x, attrs), and dx = dy f(x, y, attrs).
template <class F> auto composed(F f) {
  return [f](std::span<const Var> in, const Attrs& attrs) { return std::vector<Var>{f(in[0], attrs)}; };
}
template <class F> auto slope(F f) {
  return [f](const GradOf& g) { return std::vector<Var>{g.dy * f(g.x, g.y, g.attrs)}; };
}

// 1 above 0, alpha e^x below; no exponential of what is above, which may overflow.
Var elu_slope(const Var& x, double alpha) { return where(greater(x, 0), 1, alpha * exp(minimum(x, 0))); }

// The normal distribution's integral up to x; and its approximation by a sigmoid, which is that by a tanh.
Var near_normal_integral(const Var& x) { return sigmoid(1.5957691216057308 * (x + 0.044715 * (square(x) * x))); }

// Klambauer et al., equation 14: they keep mean 0 and variance 1.
constexpr double selu_alpha = 1.6732632423543773, selu_scale = 1.0507009873554805;

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
    .grad = [](const GradOf& g) { return std::vector{g.dy * step(g.y)}; }, // as of x, which nobody has to keep
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
    .peers = {"nn.LeakyReLU(negative_slope=0.01)", "layers.LeakyReLU(negative_slope=0.3); activations.leaky_relu: 0.2"},
    .examples = {{.in = {some}}, {.in = {some}, .attrs = {{"slope", 0.2}}}}};

const Op step_op{
    .name = "step", .formula = "y = [x > 0]",
    .doc = "Rosenblatt's threshold: 1 above 0, else 0. It is flat wherever it has a slope, so the derivative is 0 and "
           "no layer before it learns by gradient descent; sigmoid is the step that does.",
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

const Op normal_cdf_op{
    .name = "normal_cdf", .formula = "y = (1 + erf(x / sqrt(2))) / 2",
    .doc = "The share of normal numbers below x, exact also far below 0, where 1 + erf would cancel.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy exp(-x^2 / 2) / sqrt(2 pi)"}, .infer = infer_pointwise,
    .plain = unary([](auto x) { return decltype(x)(std::erfc(-double(x) * 0.70710678118654752) / 2); }),
    .grad = [](const GradOf& g) { return std::vector{g.dy * (0.39894228040143268 * exp(-0.5 * square(g.x)))}; },
    .vector = kernels::normal_integral, .peers = {"torch.special.ndtr", ""}, .examples = {{.in = {some}}}};

const Op expm1_op{
    .name = "expm1", .formula = "y = exp(x) - 1", .doc = "The exponential less 1, exact also where x is small.",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy (y + 1)"},
    .infer = infer_pointwise, .plain = unary([](auto x) { return std::expm1(x); }),
    .grad = slope([](const Var&, const Var& y, const Attrs&) { return y + 1; }),
    .vector = kernels::exponential_minus_one, .peers = {"torch.expm1", "ops.expm1"},
    .examples = {{.in = {some}}}};

const Op identity_op{
    .name = "identity", .formula = "y = x",
    .doc = "No activation: what comes in goes out (Keras's \"linear\").",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy"}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return x; }),
    .grad = [](const GradOf& g) { return std::vector{g.dy}; }, .onnx = "Identity", .peers = {"nn.Identity", "linear"},
    .examples = {{.in = {some}}}};

const Op hard_sigmoid_op{
    .name = "hard_sigmoid", .formula = "y = min(max(0, slope x + 1/2), 1)",
    .doc = "A sigmoid of three straight pieces (PyTorch's slope is 1/6; ONNX's, and Keras's before version 3, 0.2).",
    .origin = "Courbariaux, Bengio, David, \"BinaryConnect\", 2015",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy slope [y > 0] [y < 1]"},
    .attrs = {{"slope", 1.0 / 6, "the slope between the flat ends"}}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs& attrs) {
      return minimum(maximum(attrs.real("slope") * x + 0.5, 0), 1);
    }),
    .grad = slope([](const Var&, const Var& y, const Attrs& attrs) {
      return attrs.real("slope") * (greater(y, 0) * less(y, 1));
    }),
    .onnx = "HardSigmoid", .peers = {"nn.Hardsigmoid", "hard_sigmoid; before Keras 3: slope 0.2"},
    .examples = {{.in = {wide}}, {.in = {wide}, .attrs = {{"slope", 0.2}}}}};

const Op relu6_op{
    .name = "relu6", .formula = "y = min(max(0, x), 6)", .doc = "A relu that stops at 6: few bits hold its values.",
    .origin = "Krizhevsky, \"Convolutional deep belief networks on CIFAR-10\", 2010",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy [x > 0] [x < 6]"}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return minimum(relu(x), 6); }),
    .grad = slope([](const Var& x, const Var&, const Attrs&) { return greater(x, 0) * less(x, 6); }),
    .onnx = "Clip", .peers = {"nn.ReLU6", "relu6"},
    .examples = {{.in = {wide}}}};

const Op prelu_op{
    .name = "prelu", .formula = "y = x > 0 ? x : a x",
    .doc = "A relu whose slope below 0 is an input: as a layer it is learned.",
    .origin = "He, Zhang, Ren, Sun, \"Delving deep into rectifiers\", 2015",
    .traits = pointwise | kinked, .args = {"x", "a"}, .rules = {"dx = dy (x > 0 ? 1 : a)", "da = dy min(x, 0)"},
    .infer = infer_pointwise,
    .expand = [](std::span<const Var> in, const Attrs&) {
      return std::vector{relu(in[0]) + in[1] * minimum(in[0], 0)};
    },
    .grad = [](const GradOf& g) {
      return std::vector{sum_to(g.dy * where(greater(g.x, 0), 1, g.xs[1]), g.x.shape()),
                         sum_to(g.dy * minimum(g.x, 0), g.xs[1].shape())};
    },
    .onnx = "PRelu", .peers = {"nn.functional.prelu", ""},
    .examples = {{.in = {some, Tensor{Shape{3}, {0.25, 0.1, -0.5}}}}}};

const Op elu_op{
    .name = "elu", .formula = "y = x > 0 ? x : alpha (exp(x) - 1)",
    .doc = "A relu with a soft floor at -alpha, so that means stay near 0.",
    .origin = "Clevert, Unterthiner, Hochreiter, \"Fast and accurate deep network learning by exponential linear "
              "units\", 2016",
    .traits = pointwise | kinked, .args = {"x"}, .rules = {"dx = dy (x > 0 ? 1 : alpha exp(x))"},
    .attrs = {{"alpha", 1.0, "the floor below 0, and the slope at it"}}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs& attrs) {
      return relu(x) + attrs.real("alpha") * expm1(minimum(x, 0));
    }),
    .grad = slope([](const Var& x, const Var&, const Attrs& attrs) { return elu_slope(x, attrs.real("alpha")); }),
    .onnx = "Elu", .peers = {"nn.ELU", "elu"},
    .examples = {{.in = {some}}, {.in = {some}, .attrs = {{"alpha", 0.5}}}}};

const Op selu_op{
    .name = "selu", .formula = "y = 1.0507009873554805 (x > 0 ? x : 1.6732632423543773 (exp(x) - 1))",
    .doc = "An elu that draws means to 0 and variances to 1, with weights that start as lecun_normal.",
    .origin = "Klambauer, Unterthiner, Mayr, Hochreiter, \"Self-normalizing neural networks\", 2017, equation 2",
    .traits = pointwise | kinked, .args = {"x"},
    .rules = {"dx = dy 1.0507009873554805 (x > 0 ? 1 : 1.6732632423543773 exp(x))"}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return selu_scale * elu(x, selu_alpha); }),
    .grad = slope([](const Var& x, const Var&, const Attrs&) { return selu_scale * elu_slope(x, selu_alpha); }),
    .onnx = "Selu", .peers = {"nn.SELU", "selu"},
    .examples = {{.in = {some}}}};

const Op gelu_op{
    .name = "gelu", .formula = "y = x (1 + erf(x / sqrt(2))) / 2",
    .doc = "x times the share of normal numbers below x (PyTorch's and Keras's default; their tanh form is gelu_tanh).",
    .origin = "Hendrycks and Gimpel, \"Gaussian error linear units\", 2016",
    .traits = pointwise, .args = {"x"},
    .rules = {"dx = dy ((1 + erf(x / sqrt(2))) / 2 + x exp(-x^2 / 2) / sqrt(2 pi))"}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return x * normal_cdf(x); }),
    .grad = slope([](const Var& x, const Var&, const Attrs&) {
      return normal_cdf(x) + x * (0.39894228040143268 * exp(-0.5 * square(x)));
    }),
    .onnx = "Gelu", .peers = {"nn.GELU", "gelu; ops.gelu is gelu_tanh by default"},
    .examples = {{.in = {some}}}};

const Op gelu_tanh_op{
    .name = "gelu_tanh", .formula = "y = x sigmoid(sqrt(8 / pi) (x + 0.044715 x^3))",
    .doc = "gelu's approximation, known as x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is the same.",
    .origin = "Hendrycks and Gimpel 2016", .traits = pointwise, .args = {"x"},
    .rules = {"dx = dy (sigmoid(sqrt(8 / pi) (x + 0.044715 x^3)) + y (1 - sigmoid(sqrt(8 / pi) (x + 0.044715 x^3))) "
              "sqrt(8 / pi) (1 + 0.134145 x^2))"},
    .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return x * near_normal_integral(x); }),
    .grad = slope([](const Var& x, const Var& y, const Attrs&) {
      const Var s = near_normal_integral(x);
      return s + y * (1 - s) * (1.5957691216057308 * (1 + 0.134145 * square(x)));
    }),
    .onnx = "Gelu", .peers = {"nn.GELU(approximate=\"tanh\")", "gelu(approximate=True)"},
    .examples = {{.in = {some}}}};

const Op silu_op{
    .name = "silu", .formula = "y = x sigmoid(x)", .doc = "A smooth relu that dips below 0; also called swish.",
    .origin = "Elfwing, Uchibe, Doya, \"Sigmoid-weighted linear units\", 2018; Ramachandran, Zoph, Le, \"Searching for "
              "activation functions\", 2017",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy (sigmoid(x) + y (1 - sigmoid(x)))"},
    .infer = infer_pointwise, .expand = composed([](const Var& x, const Attrs&) { return x * sigmoid(x); }),
    .grad = slope([](const Var& x, const Var& y, const Attrs&) {
      const Var s = sigmoid(x);
      return s + y * (1 - s);
    }),
    .peers = {"nn.SiLU", "silu"},
    .examples = {{.in = {some}}}};

const Op softsign_op{
    .name = "softsign", .formula = "y = x / (1 + |x|)", .doc = "Squashes as tanh, but comes to its ends slowly.",
    .origin = "Turian, Bergstra, Bengio, \"Quadratic features and deep architectures for chunking\", 2009",
    .traits = pointwise, .args = {"x"}, .rules = {"dx = dy / (1 + |x|)^2"}, .infer = infer_pointwise,
    .expand = composed([](const Var& x, const Attrs&) { return x / (1 + abs(x)); }),
    .grad = slope([](const Var& x, const Var&, const Attrs&) { return 1 / square(1 + abs(x)); }),
    .onnx = "Softsign", .peers = {"nn.Softsign", "softsign"},
    .examples = {{.in = {some}}}};

Var sigmoid(In x) { return apply(sigmoid_op, {x}); }
Var tanh(In x) { return apply(tanh_op, {x}); }
Var relu(In x) { return apply(relu_op, {x}); }
Var leaky_relu(In x, double slope) { return apply(leaky_relu_op, {x}, {{"slope", slope}}); }
Var step(In x) { return apply(step_op, {x}); }
Var softplus(In x) { return apply(softplus_op, {x}); }
Var erf(In x) { return apply(erf_op, {x}); }
Var normal_cdf(In x) { return apply(normal_cdf_op, {x}); }
Var expm1(In x) { return apply(expm1_op, {x}); }
Var identity(In x) { return apply(identity_op, {x}); }
Var hard_sigmoid(In x, double slope) { return apply(hard_sigmoid_op, {x}, {{"slope", slope}}); }
Var relu6(In x) { return apply(relu6_op, {x}); }
Var prelu(In x, In a) { return apply(prelu_op, {x, a}); }
Var elu(In x, double alpha) { return apply(elu_op, {x}, {{"alpha", alpha}}); }
Var selu(In x) { return apply(selu_op, {x}); }
Var gelu(In x) { return apply(gelu_op, {x}); }
Var gelu_tanh(In x) { return apply(gelu_tanh_op, {x}); }
Var silu(In x) { return apply(silu_op, {x}); }
Var softsign(In x) { return apply(softsign_op, {x}); }

} // namespace vitro

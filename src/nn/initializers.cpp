#include "nn/initializers.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/named.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro {
namespace {

using Numbers = std::span<const double>;
using Range = std::pair<double, double>;

Range within(double limit) { return {-limit, limit}; }
double at_least_one(int64_t fan) { return double(fan > 0 ? fan : 1); }

const Initializer zero{
    .name = "zero", .aliases = {"zeros"}, .formula = "0",
    .doc = "All zero: for biases; a hidden weight would never break its symmetry.",
    .peers = {"nn.init.zeros_", "Zeros"},
    .range = [](Fan, Numbers) { return Range{0, 0}; }};

const Initializer constant{
    .name = "constant", .formula = "value", .doc = "All the same.",
    .peers = {"nn.init.constant_", "Constant"}, .parameters = {{"value", 0}},
    .range = [](Fan, Numbers n) { return Range{n[0], n[0]}; }};

const Initializer uniform{
    .name = "uniform", .formula = "U(low, high)",
    .doc = "Evenly between two numbers; of one number r, between -r and r.",
    .peers = {"nn.init.uniform_(a=0, b=1)", "RandomUniform(-0.05, 0.05)"},
    .parameters = {{"low", -0.05}, {"high", 0.05}}, .draw = Initializer::uniform,
    .range = [](Fan, Numbers n) { return Range{n[0], n[1]}; }};

const Initializer normal{
    .name = "normal", .formula = "N(mean, deviation^2)",
    .doc = "The normal distribution; of one number d, with mean 0 and deviation d.",
    .peers = {"nn.init.normal_(std=1)", "RandomNormal(stddev=0.05)"},
    .parameters = {{"mean", 0}, {"deviation", 0.05}}, .draw = Initializer::normal,
    .range = [](Fan, Numbers n) { return Range{n[0], n[1]}; }};

const Initializer truncated_normal{
    .name = "truncated_normal", .aliases = {"trunc_normal"}, .formula = "N(mean, deviation^2) within two deviations",
    .doc = "The normal distribution without its tails: what is more than two deviations off is drawn again, so what "
           "comes out deviates by 0.88 times the number.",
    .peers = {"nn.init.trunc_normal_(std=1, a=-2, b=2): values, not deviations", "TruncatedNormal(stddev=0.05)"},
    .parameters = {{"mean", 0}, {"deviation", 0.05}}, .draw = Initializer::truncated,
    .range = [](Fan, Numbers n) { return Range{n[0], n[1]}; }};

const Initializer orthogonal{
    .name = "orthogonal", .formula = "W W' = 1, or W' W = 1 where there are more rows than columns",
    .doc = "A random rotation: keeps lengths and angles. Further axes count as columns.",
    .origin = "Saxe, McClelland, Ganguli, \"Exact solutions to the nonlinear dynamics of learning in deep linear "
              "neural networks\", 2014",
    .peers = {"nn.init.orthogonal_", "Orthogonal"},
    .draw = Initializer::orthogonal, .range = [](Fan, Numbers) { return Range{0, 1}; }};

const Initializer nielsen{
    .name = "nielsen", .formula = "N(0, 1 / fan_in), biases N(0, 1)",
    .doc = "Nielsen's better start: a hidden unit does not begin saturated.",
    .origin = "Nielsen, \"Neural networks and deep learning\", 2015, chapter 3", .bias = "normal(1)",
    .draw = Initializer::normal,
    .range = [](Fan fan, Numbers) { return Range{0, math::sqrt(1 / at_least_one(fan.in))}; }};

const Initializer nielsen_large{
    .name = "nielsen_large", .formula = "N(0, 1), biases too",
    .doc = "Nielsen's first start: with many inputs most units begin saturated, and learn slowly.",
    .origin = "Nielsen 2015, chapter 1", .bias = "normal(1)", .draw = Initializer::normal,
    .range = [](Fan, Numbers) { return Range{0, 1}; }};

const Initializer xavier_simple{
    .name = "xavier_simple", .formula = "U(-1/sqrt(fan_in), 1/sqrt(fan_in))",
    .doc = "Keeps the size of what flows forward; PyTorch's default for dense layers.",
    .origin = "LeCun, Bottou, Orr, Mueller, \"Efficient backprop\", 1998; Glorot and Bengio 2010, equation 1",
    .peers = {"the default of nn.Linear: kaiming_uniform_(a=sqrt(5))", ""},
    .draw = Initializer::uniform,
    .range = [](Fan fan, Numbers) { return within(1 / math::sqrt(at_least_one(fan.in))); }};

const Initializer xavier_uniform{
    .name = "xavier_uniform", .aliases = {"glorot_uniform"}, .formula = "U(-r, r), r = sqrt(6 / (fan_in + fan_out))",
    .doc = "A compromise between the size of values forward and of derivatives backward, for tanh and sigmoid.",
    .origin = "Glorot and Bengio, \"Understanding the difficulty of training deep feedforward neural networks\", 2010, "
              "equation 16",
    .peers = {"nn.init.xavier_uniform_", "GlorotUniform, the default of Dense"},
    .draw = Initializer::uniform,
    .range = [](Fan fan, Numbers) { return within(math::sqrt(6 / at_least_one(fan.in + fan.out))); }};

const Initializer xavier_normal{
    .name = "xavier_normal", .aliases = {"glorot_normal"}, .formula = "N(0, 2 / (fan_in + fan_out))",
    .doc = "The same variance, normally distributed (not truncated, as in PyTorch; Keras truncates).",
    .origin = "Glorot and Bengio 2010",
    .peers = {"nn.init.xavier_normal_", "GlorotNormal: truncated"}, .draw = Initializer::normal,
    .range = [](Fan fan, Numbers) { return Range{0, math::sqrt(2 / at_least_one(fan.in + fan.out))}; }};

const Initializer he_uniform{
    .name = "he_uniform", .aliases = {"kaiming_uniform"}, .formula = "U(-r, r), r = sqrt(6 / fan_in)",
    .doc = "Variance 2 / fan_in, for relu: it stops half of what arrives.",
    .origin = "He, Zhang, Ren, Sun, \"Delving deep into rectifiers\", 2015, equation 10",
    .peers = {"nn.init.kaiming_uniform_", "HeUniform"}, .draw = Initializer::uniform,
    .range = [](Fan fan, Numbers) { return within(math::sqrt(6 / at_least_one(fan.in))); }};

const Initializer he_normal{
    .name = "he_normal", .aliases = {"kaiming_normal"}, .formula = "N(0, 2 / fan_in)",
    .doc = "The same variance, normally distributed (not truncated, as in PyTorch; Keras truncates).",
    .origin = "He, Zhang, Ren, Sun 2015, equation 10",
    .peers = {"nn.init.kaiming_normal_", "HeNormal: truncated"}, .draw = Initializer::normal,
    .range = [](Fan fan, Numbers) { return Range{0, math::sqrt(2 / at_least_one(fan.in))}; }};

const Initializer lecun_normal{
    .name = "lecun_normal", .formula = "N(0, 1 / fan_in)",
    .doc = "Keeps the size of what flows forward, normally distributed (not truncated; Keras truncates).",
    .origin = "LeCun, Bottou, Orr, Mueller 1998; Nielsen, \"Neural networks and deep learning\", chapter 3",
    .peers = {"nn.init.kaiming_normal_(nonlinearity=\"linear\")", "LecunNormal: truncated"},
    .draw = Initializer::normal,
    .range = [](Fan fan, Numbers) { return Range{0, math::sqrt(1 / at_least_one(fan.in))}; }};

const Initializer lecun_uniform{
    .name = "lecun_uniform", .formula = "U(-r, r), r = sqrt(3 / fan_in)", .doc = "The same variance, evenly.",
    .origin = "LeCun, Bottou, Orr, Mueller 1998",
    .peers = {"nn.init.kaiming_uniform_(nonlinearity=\"linear\")", "LecunUniform"},
    .draw = Initializer::uniform,
    .range = [](Fan fan, Numbers) { return within(math::sqrt(3 / at_least_one(fan.in))); }};

const std::vector<Initializer>& all() {
  static const std::vector<Initializer> list{zero,       constant,      uniform,        normal,        truncated_normal,
                                             orthogonal, xavier_simple, xavier_uniform, xavier_normal, he_uniform,
                                             he_normal,  lecun_normal,  lecun_uniform,  nielsen,       nielsen_large};
  return list;
}

const Initializer& find(const std::string& word, const std::string& where) {
  return named(all(), word, where, "initialiser");
}

std::string trimmed(const std::string& piece) {
  const size_t first = piece.find_first_not_of(' '), last = piece.find_last_not_of(' ');
  return first == std::string::npos ? "" : piece.substr(first, last - first + 1);
}

// "uniform(-1, 1)" -> its numbers.
std::vector<double> numbers_in(const std::string& list, const std::string& word, const std::string& where) {
  std::vector<double> out;
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    const std::string piece = trimmed(list.substr(at, comma - at));
    double value = 0;
    const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
    if (error != std::errc{} || end != piece.data() + piece.size() || !std::isfinite(value))
      bad_input(where, text("\"", piece, "\" in \"", word, "\" is not a number"), "write it as \"uniform(-0.1, 0.1)\"");
    out.push_back(value);
    at = comma + 1;
  }
  return out;
}

// "uniform(-1, 1)" -> its name and its numbers.
std::pair<std::string, std::vector<double>> taken_apart(const std::string& word, const std::string& where) {
  const size_t open = word.find('(');
  if (open == std::string::npos) return {trimmed(word), {}};
  if (word.back() != ')') bad_input(where, text("\"", word, "\" lacks its closing bracket"));
  return {trimmed(word.substr(0, open)), numbers_in(word.substr(open + 1, word.size() - open - 2), word, where)};
}

// Vectors of `length`, one after the other, made orthogonal and of length 1: Gram and Schmidt's process, in which the
// later ones give up their share of each as soon as it is done. Twice: the first round leaves rounding times the
// condition of what was drawn, the second only rounding. The projections' signs make the result uniform among all
// (Mezzadri, "How to generate random matrices from the classical compact groups", 2007).
void orthogonalise(std::span<double> vectors, int64_t length) {
  const int64_t count = int64_t(vectors.size()) / length;
  const auto dot = [&](const double* a, const double* b) {
    double sums[4] = {};
    for (int64_t k = 0; k < length; ++k) sums[k % 4] += a[k] * b[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  };
  for (int round = 0; round < 2; ++round)
    for (int64_t j = 0; j < count; ++j) {
      double* const done = &vectors[size_t(j * length)];
      const double norm = math::sqrt(dot(done, done));
      for (int64_t k = 0; k < length; ++k) done[k] /= norm;
      constexpr int64_t piece = 16;
      parallel((count - j - 1 + piece - 1) / piece, [&](int64_t task) {
        for (int64_t i = j + 1 + task * piece; i < std::min(count, j + 1 + (task + 1) * piece); ++i) {
          double* const later = &vectors[size_t(i * length)];
          const double share = dot(done, later);
          for (int64_t k = 0; k < length; ++k) later[k] -= share * done[k];
        }
      });
    }
}

// Rows [rows, columns] made orthogonal where there are no more of them than columns, else the columns.
void make_orthogonal(Tensor& x, const std::string& name) {
  if (x.shape().rank() < 2) bad_input(name, text(x.shape(), " has one axis"), "orthogonal is for weights");
  const int64_t rows = x.shape()[0], columns = rows ? x.elements() / rows : 0, across = std::min(rows, columns);
  const bool tall = rows > columns;
  std::vector<double> vectors(size_t(x.elements()));
  const auto at = [&](int64_t i) { return size_t(tall ? i % columns * rows + i / columns : i); };
  for (int64_t i = 0; i < x.elements(); ++i) vectors[at(i)] = x.at(i);
  if (across > 0) orthogonalise(vectors, std::max(rows, columns));
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, vectors[at(i)]);
}

} // namespace

std::span<const Initializer> initializers() { return all(); }

const Initializer& find_initializer(const std::string& word, const std::string& where) {
  return find(taken_apart(word, where).first, where);
}

double gain_of(const std::string& activation, const std::string& where) {
  static const std::vector<std::pair<std::string, double>> table{{"linear", 1},
                                                                 {"identity", 1},
                                                                 {"sigmoid", 1},
                                                                 {"tanh", 5.0 / 3},
                                                                 {"relu", math::sqrt(2)},
                                                                 {"selu", 0.75},
                                                                 {"leaky_relu", math::sqrt(2 / (1 + 0.01 * 0.01))}};
  const auto [name, numbers] = taken_apart(activation, where);
  std::vector<std::string> known;
  for (const auto& [key, gain] : table) {
    known.push_back(key);
    if (key != name) continue;
    if (numbers.empty()) return gain;
    if (numbers.size() > 1 || name != "leaky_relu")
      bad_input(where, text("\"", activation, "\" has ", numbers.size(), " numbers"), "leaky_relu alone takes one");
    return math::sqrt(2 / (1 + numbers[0] * numbers[0]));
  }
  bad_input(where, text("no gain is known of \"", name, "\"", did_you_mean(name, known)),
            text("give a number, or one of ", join(known, ", ")));
}

Fan fan_of(const Shape& weight) {
  int64_t kernel = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) kernel *= weight[axis];
  return {weight.rank() > 1 ? weight[1] * kernel : weight.elements(), weight.rank() > 0 ? weight[0] * kernel : 1};
}

Tensor initial(const std::string& word, const std::string& name, const Type& type, Fan fan, uint64_t seed, double gain,
               NumpyRandom* numpy) {
  auto [kind, numbers] = taken_apart(word, name);
  const Initializer& initializer = find(kind, name);
  if (numbers.size() > initializer.parameters.size())
    bad_input(name, text("\"", word, "\" has ", numbers.size(), " numbers, ", initializer.name, " takes ",
                         initializer.parameters.size()));
  // Of one number, uniform makes a range around 0, and normal a deviation.
  if (numbers.size() == 1 && initializer.parameters.size() == 2)
    numbers = {initializer.draw == Initializer::uniform ? -numbers[0] : 0, numbers[0]};
  for (size_t i = numbers.size(); i < initializer.parameters.size(); ++i)
    numbers.push_back(initializer.parameters[i].fallback);

  const auto [first, second] = initializer.range(fan, numbers);
  const Stream stream(seed, name);
  const bool whole = initializer.draw == Initializer::orthogonal; // not element by element: its numbers are raw as yet
  Tensor out(whole ? Type{DType::f64, type.shape} : type);
  const auto place = [&](int64_t i, auto uniform, auto normal) {
    double value = first;
    if (initializer.draw == Initializer::uniform) {
      value = first + (second - first) * uniform();
    } else if (initializer.draw != Initializer::none) {
      double z = normal();
      while (initializer.draw == Initializer::truncated && std::fabs(z) > 2) z = normal();
      value = first + second * z;
    }
    out.set(i, whole ? value : value * gain);
  };
  const auto finished = [&] {
    if (!whole) return std::move(out);
    make_orthogonal(out, name);
    for (int64_t i = 0; i < out.elements(); ++i) out.set(i, out.at(i) * gain);
    return out.to(type.dtype);
  };
  const int64_t n = out.elements();
  if (numpy) { // one number after the other: the columns of [out, in], one by one
    const int64_t rows = type.shape.rank() == 2 ? type.shape[0] : 1, columns = n / rows;
    for (int64_t k = 0; k < n; ++k)
      place(
          k % rows * columns + k / rows, [&] { return numpy->uniform(); }, [&] { return numpy->normal(); });
    return finished();
  }
  constexpr int64_t piece = 4096;
  parallel((n + piece - 1) / piece, [&](int64_t task) {
    for (int64_t i = task * piece; i < std::min(n, (task + 1) * piece); ++i)
      place(
          i, [&] { return stream.uniform(0, uint64_t(i)); },
          [&, attempt = uint64_t{0}]() mutable { return stream.normal(attempt++, uint64_t(i)); });
  });
  return finished();
}

} // namespace vitro

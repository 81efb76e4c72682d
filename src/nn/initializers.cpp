#include "nn/initializers.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
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
    .peers = {"", "LecunNormal: truncated"},
    .draw = Initializer::normal,
    .range = [](Fan fan, Numbers) { return Range{0, math::sqrt(1 / at_least_one(fan.in))}; }};

const std::vector<Initializer>& all() {
  static const std::vector<Initializer> list{zero,           constant,      uniform,    normal,    xavier_simple,
                                             xavier_uniform, xavier_normal, he_uniform, he_normal, lecun_normal};
  return list;
}

const Initializer& find(const std::string& word, const std::string& where) {
  std::vector<std::string> known;
  for (const Initializer& initializer : all()) {
    known.push_back(initializer.name);
    known.insert(known.end(), initializer.aliases.begin(), initializer.aliases.end());
  }
  for (const Initializer& initializer : all()) {
    if (word == initializer.name) return initializer;
    for (const char* alias : initializer.aliases)
      if (word == alias) return initializer;
  }
  bad_input(where, text("unknown initialiser \"", word, "\"", did_you_mean(word, known)),
            "it is one of " + join(known, ", "));
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

} // namespace

std::span<const Initializer> initializers() { return all(); }

Fan fan_of(const Shape& weight) {
  int64_t kernel = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) kernel *= weight[axis];
  return {weight.rank() > 1 ? weight[1] * kernel : weight.elements(), weight.rank() > 0 ? weight[0] * kernel : 1};
}

Tensor initial(const std::string& word, const std::string& name, const Type& type, Fan fan, uint64_t seed, double gain,
               NumpyRandom* numpy) {
  const size_t open = word.find('(');
  if (open != std::string::npos && word.back() != ')')
    bad_input(name, text("\"", word, "\" lacks its closing bracket"));
  const Initializer& initializer = find(trimmed(word.substr(0, open)), name);
  std::vector<double> numbers;
  if (open != std::string::npos) numbers = numbers_in(word.substr(open + 1, word.size() - open - 2), word, name);
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
  Tensor out(type);
  const auto place = [&](int64_t i, auto uniform, auto normal) {
    double value = first;
    if (initializer.draw == Initializer::uniform) value = first + (second - first) * uniform();
    if (initializer.draw == Initializer::normal) value = first + second * normal();
    out.set(i, value * gain);
  };
  const int64_t n = out.elements();
  if (numpy) { // one number after the other: the columns of [out, in], one by one
    const int64_t rows = type.shape.rank() == 2 ? type.shape[0] : 1, columns = n / rows;
    for (int64_t k = 0; k < n; ++k)
      place(
          k % rows * columns + k / rows, [&] { return numpy->uniform(); }, [&] { return numpy->normal(); });
    return out;
  }
  constexpr int64_t piece = 4096;
  parallel((n + piece - 1) / piece, [&](int64_t task) {
    for (int64_t i = task * piece; i < std::min(n, (task + 1) * piece); ++i)
      place(
          i, [&] { return stream.uniform(0, uint64_t(i)); }, [&] { return stream.normal(0, uint64_t(i)); });
  });
  return out;
}

} // namespace vitro

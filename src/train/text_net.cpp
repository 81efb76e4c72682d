#include "train/text_net.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/math.h"
#include "core/random.h"
#include "core/text.h"
#include "plan/plan.h"

namespace vitro {
namespace {

ModelSpec of_one_stream(ModelSpec spec) {
  spec.carried = 1;
  spec.dtype = DType::f32;
  return spec;
}

} // namespace

void check(const Sampling& sampling) {
  if (!(sampling.temperature >= 0) || !std::isfinite(sampling.temperature))
    bad_input("temperature", text("is ", sampling.temperature), "a number from 0 on; 0: always the likeliest symbol");
  if (sampling.top_k < 0) bad_input("top_k", text("is ", sampling.top_k), "a whole number from 1 on, or 0 for all");
}

TextNet::TextNet(const Model& model, const TextForm& form)
    : form_(form), model_(of_one_stream(model.spec())), x_(Type{DType::f32, {1, 1, 1}}),
      probabilities_(Type{DType::f32, {1, form.size()}}), weights_(size_t(form.size())), order_(size_t(form.size())) {
  for (const std::string& name : model.states().weights())
    model_.states().write(name, model.states().read(name).to(DType::f32));
}

void TextNet::forget() { model_.forget(); }

void TextNet::read(int32_t code) {
  x_.as<float>()[0] = float(code);
  model_.predict_next(x_, probabilities_.view());
}

int32_t TextNet::draw(const Sampling& sampling, int64_t place) {
  const auto p = probabilities();
  const auto symbols = p.first(form_.symbols.size()); // without the unknown
  const auto likeliest = int32_t(std::ranges::max_element(symbols) - symbols.begin());
  if (sampling.temperature == 0) return likeliest;
  // p^(1/t), scaled so that the likeliest has 1.
  const double most = math::log(double(symbols[size_t(likeliest)])), power = 1 / sampling.temperature;
  for (size_t i = 0; i < symbols.size(); ++i) {
    const double ratio =
        symbols[i] > 0 ? math::log(double(symbols[i])) - most : -std::numeric_limits<double>::infinity();
    weights_[i] = symbols[i] > 0 ? math::exp(std::max(-700.0, ratio * power)) : 0;
  }
  if (sampling.top_k > 0 && sampling.top_k < int64_t(symbols.size())) {
    // Of equally likely ones those that come first.
    const auto order = std::span(order_).first(symbols.size());
    std::iota(order.begin(), order.end(), 0);
    const auto likelier = [&](int32_t a, int32_t b) {
      return symbols[size_t(a)] != symbols[size_t(b)] ? symbols[size_t(a)] > symbols[size_t(b)] : a < b;
    };
    std::ranges::nth_element(order, order.begin() + sampling.top_k - 1, likelier);
    for (const int32_t left_out : order.subspan(size_t(sampling.top_k))) weights_[size_t(left_out)] = 0;
  }
  double sum = 0;
  for (size_t i = 0; i < symbols.size(); ++i) sum += weights_[i];
  double left = Stream(sampling.seed, "generate").uniform(0, uint64_t(place)) * sum;
  for (size_t i = 0; i < symbols.size(); ++i) {
    left -= weights_[i];
    if (left < 0) return int32_t(i);
  }
  return likeliest; // rounding left a trace behind the last
}

int32_t TextNet::beginning() const {
  for (const char symbol : {'\n', ' '})
    if (const int32_t code = form_.code_of(uint8_t(symbol)); code >= 0) return code;
  return 0;
}

TextNet::Reading TextNet::observe(std::span<const int32_t> codes) {
  const auto steps = int64_t(codes.size()) - 1;
  if (steps < 1) bad_input("text", text(codes.size(), " symbols are too few to look at"), "at least 2");
  Tensor x(Type{DType::f32, {1, steps, 1}}), targets(Type{DType::i32, {1, steps}});
  for (int64_t i = 0; i < steps; ++i) {
    x.as<float>()[size_t(i)] = float(codes[size_t(i)]);
    targets.as<int32_t>()[size_t(i)] = codes[size_t(i) + 1];
  }
  const Function function = model_.loss_function({1, steps}, targets.type());
  const auto plan = std::make_shared<const Plan>(function, model_.states());
  Execution run(plan, std::make_shared<Arena>());
  run.bind(0, x);
  run.bind(1, targets);
  run.run();
  Reading out;
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    const std::string& name = function.outputs[i].name;
    const ConstView value = run.output(i);
    if (name == "predictions") {
      for (int64_t t = 0; t < steps; ++t) {
        const double p = value.at(t * form_.size() + codes[size_t(t) + 1]);
        out.nats.push_back(-std::log(std::max(p, double(std::numeric_limits<float>::min()))));
      }
    } else if (name != "loss" && value.type.shape.elements() % steps == 0) {
      out.outputs[name] = Tensor::copy_of(value).reshaped({steps, value.type.shape.elements() / steps});
    }
  }
  return out;
}

std::string written_on(TextNet& net, std::span<const int32_t> prompt, const Sampling& sampling, int64_t symbols) {
  check(sampling);
  net.forget();
  if (prompt.empty()) net.read(net.beginning());
  for (const int32_t code : prompt) net.read(code);
  std::string out;
  for (int64_t i = 0; i < symbols; ++i) {
    const int32_t code = net.draw(sampling, i);
    out += net.form().written(code);
    net.read(code);
  }
  return out;
}

} // namespace vitro

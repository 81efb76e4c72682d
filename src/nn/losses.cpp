#include "nn/losses.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// Targets as numbers [batch, outputs]: class indices become ones and zeros, of two classes with one output the 1
// counts.
Var as_numbers(const Var& output, const Var& targets) {
  if (is_float(targets.dtype())) return targets;
  const int64_t outputs = output.shape().back();
  if (outputs > 1) return one_hot(targets, outputs, output.dtype());
  return slice(one_hot(targets, 2, output.dtype()), 1, 1, 2);
}

const Loss cross_entropy_loss{
    .name = "cross_entropy",
    .aliases = {"softmax_cross_entropy", "categorical_crossentropy", "sparse_categorical_crossentropy",
                "log_likelihood"},
    .formula = "-sum(t log(softmax(x))) / batch",
    .doc = "For one class out of several: the mean negative logarithm of the probability given to the right one. Takes "
           "logits: no softmax layer comes before it.",
    .peers = {"nn.CrossEntropyLoss", "SparseCategoricalCrossentropy(from_logits=True); else it takes probabilities"},
    .classes = true, .reductions = {"mean", "sum"},
    .build = [](const Var& output, const Var& targets, const std::string& reduction) {
      const auto [loss, probabilities] = softmax_cross_entropy(output, targets);
      return LossParts{reduction == "sum" ? loss * double(output.shape()[0]) : loss, probabilities};
    },
    .predict = [](const Var& output) { return softmax(output); }};

const Loss binary_cross_entropy_loss{
    .name = "binary_cross_entropy", .aliases = {"binary_crossentropy", "logistic"},
    .formula = "-mean(t log(p) + (1 - t) log(1 - p)), p = sigmoid(x)",
    .doc = "For yes-or-no answers, one an output. Takes logits: no sigmoid layer comes before it. Reduction mean (over "
           "all outputs), sum, or per_sample (summed over outputs, averaged over samples: Nielsen's cross-entropy).",
    .peers = {"nn.BCEWithLogitsLoss", "BinaryCrossentropy(from_logits=True); else it takes probabilities"},
    .classes = true, .one_for_two = true, .reductions = {"mean", "sum", "per_sample"},
    .build = [](const Var& output, const Var& targets, const std::string& reduction) {
      const bool each = reduction == "per_sample";
      const Var loss = binary_cross_entropy(output, as_numbers(output, targets), each ? "mean" : reduction);
      return LossParts{each ? loss * double(output.shape().back()) : loss, sigmoid(output)};
    },
    .predict = [](const Var& output) { return sigmoid(output); }};

const Loss squared_error_loss{
    .name = "squared_error", .aliases = {"mse", "mean_squared_error", "quadratic"},
    .formula = "mean((x - t)^2)",
    .doc = "For numbers; also for classes, as ones and zeros. Reduction mean (over all outputs), sum, per_sample (the "
           "squared distance, averaged over samples: 3Blue1Brown's cost), or half of that (Nielsen's quadratic cost).",
    .peers = {"nn.MSELoss", "MeanSquaredError"},
    .classes = false, .reductions = {"mean", "sum", "half", "per_sample"},
    .build = [](const Var& output, const Var& targets, const std::string& reduction) {
      const bool each = reduction == "per_sample";
      const Var loss = squared_error(output, as_numbers(output, targets), each ? "half" : reduction);
      return LossParts{each ? 2 * loss : loss, output};
    },
    .predict = [](const Var& output) { return output; }};

// Which output fires: of one whether it is above the threshold, of several the largest.
Var fired(const Var& output) {
  return output.shape().back() == 1 ? step(output) : equal(output, max(output, {-1}, true));
}

// max(0, -s x) with s = 2t - 1, written so that at x = 0, where "no" is said, its slope is still said minus wanted.
const Loss perceptron_loss{
    .name = "perceptron", .formula = "mean(max(0, x) - x t)",
    .doc = "For yes-or-no answers, one an output, given by a threshold at 0. A right answer costs nothing, a wrong one "
           "its distance from the threshold. Its slope is [x > 0] - t: with sgd, lr 1 and batch 1 a step is "
           "Rosenblatt's rule, which adds or subtracts the sample that was mistaken and changes nothing else.",
    .classes = true, .one_for_two = true, .reductions = {"mean", "sum", "per_sample"},
    .build = [](const Var& output, const Var& targets, const std::string& reduction) {
      const Var total = sum(relu(output) - output * as_numbers(output, targets));
      const Shape& shape = output.shape();
      const double n = reduction == "sum" ? 1 : double(reduction == "mean" ? shape.elements() : shape[0]);
      return LossParts{total / n, fired(output)};
    },
    .predict = fired};

const std::vector<Loss>& all() {
  static const std::vector<Loss> list{cross_entropy_loss, binary_cross_entropy_loss, squared_error_loss,
                                      perceptron_loss};
  return list;
}

} // namespace

std::span<const Loss> losses() { return all(); }

const Loss& find_loss(const std::string& name) {
  std::vector<std::string> known, names;
  for (const Loss& loss : all()) {
    if (name == loss.name || std::ranges::any_of(loss.aliases, [&](const char* alias) { return name == alias; }))
      return loss;
    names.emplace_back(loss.name);
    known.emplace_back(loss.name);
    known.insert(known.end(), loss.aliases.begin(), loss.aliases.end());
  }
  bad_input("loss", text("unknown loss \"", name, "\"", did_you_mean(name, known)),
            "it is one of " + join(names, ", "));
}

void check_reduction(const Loss& loss, const std::string& reduction) {
  const std::vector<std::string> known(loss.reductions.begin(), loss.reductions.end());
  if (std::ranges::find(known, reduction) == known.end())
    bad_input("loss", text(loss.name, " has no reduction \"", reduction, "\"", did_you_mean(reduction, known)),
              "it has " + join(known, ", "));
}

Type natural_targets(const Loss& loss, int64_t batch, int64_t outputs, DType dtype) {
  return loss.classes ? Type{DType::i32, Shape{batch}} : Type{dtype, Shape{batch, outputs}};
}

} // namespace vitro

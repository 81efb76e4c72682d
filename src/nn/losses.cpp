#include "nn/losses.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/named.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// --- what losses share ---

// Targets as numbers [batch, outputs]: class indices become ones and zeros, of two classes with one output the 1
// counts.
Var as_numbers(const LossCall& c) {
  if (is_float(c.targets.dtype())) return c.targets;
  const int64_t outputs = c.output.shape().back();
  if (outputs > 1) return one_hot(c.targets, outputs, c.output.dtype());
  return slice(one_hot(c.targets, 2, c.output.dtype()), 1, 1, 2);
}

const std::vector<const char*> all_reductions{"mean", "sum", "per_sample"};

// `losses` [batch, outputs]: their mean, their sum, or summed over outputs and averaged over samples.
Var reduced(const Var& losses, const std::string& reduction) {
  if (reduction == "mean") return mean(losses);
  return reduction == "sum" ? sum(losses) : sum(losses) / double(losses.shape()[0]);
}

// A loss of each output by itself, from the output, its target and the arguments.
template <class F> auto each(F f) {
  return [f](const LossCall& c) {
    return LossParts{reduced(f(c.output, as_numbers(c), c.args), c.reduction), c.output};
  };
}

Var as_it_is(const Var& output, const Attrs&) { return output; }
Var exponential(const Var& output, const Attrs&) { return exp(output); }

// log(p), for p = 0 that of a tiny number: neither it nor 1/p leaves what a float can hold.
Var safe_log(const Var& p) { return log(maximum(p, 1e-37)); }

// A list of numbers, of which [] is none.
const Attr no_numbers = std::make_shared<const Tensor>(Tensor(Type{DType::f64, Shape{0}}));
bool stated(const Attrs& args, const char* name) { return args.tensor(name).elements() > 0; }
Var numbers(const Attrs& args, const char* name, const Var& like) {
  return constant(like.graph(), args.tensor(name).to(like.dtype()));
}

const AttrSpec from_logits{"from_logits", int64_t{1}, "0: the net ends in probabilities itself"};
const AttrSpec class_weights{"class_weights", no_numbers,
                             "a factor for each class; the mean divides by the factors of the batch's labels"};
const AttrSpec ignore_index{"ignore_index", int64_t{-100},
                            "samples of this class count for nothing; -100: none, for labels are from 0 on"};

// --- one class out of several ---

// Each sample's probabilities, weighed by class, smoothed: [batch, classes]. What their logarithms are multiplied by.
// `weight` is what the mean divides by (empty: the number of samples), and 1 where nothing is left to count.
struct Wanted {
  Var t, weight;
};

Wanted wanted(const LossCall& c, double smoothing) {
  const auto classes = double(c.output.shape().back());
  const bool labels = !is_float(c.targets.dtype()), weighed = stated(c.args, "class_weights");
  const int64_t ignored = c.args.integer("ignore_index");
  Wanted out{labels ? one_hot(c.targets, c.output.shape().back(), c.output.dtype(), ignored) : c.targets, {}};
  const Var weights = weighed ? numbers(c.args, "class_weights", c.output) : Var{};
  if (labels && (weighed || ignored != -100)) {
    out.weight = sum(weighed ? out.t * weights : out.t);
    out.weight = out.weight + equal(out.weight, 0);
  }
  if (smoothing > 0) {
    const Var kept = out.t * (1 - smoothing);
    const double spread = smoothing / classes;
    out.t = labels ? kept + spread * sum(out.t, {-1}, true) : kept + spread; // an ignored row stays zero
  }
  if (weighed) out.t = out.t * weights;
  return out;
}

// -sum(t lp), or its mean.
Var likelihood(const LossCall& c, const Wanted& w, const Var& lp) {
  const Var total = -sum(where(w.t, w.t * lp, 0)); // 0 log(0) is 0
  if (c.reduction == "sum") return total;
  return w.weight ? total / w.weight : total / double(c.output.shape()[0]);
}

const Loss cross_entropy_loss{
    .name = "cross_entropy",
    .aliases = {"softmax_cross_entropy", "categorical_crossentropy", "sparse_categorical_crossentropy",
                "log_likelihood", "CrossEntropyLoss"},
    .formula = "-sum(t log(softmax(x))) / batch",
    .doc = "For one class out of several: the mean negative logarithm of the probability given to the right one. Takes "
           "logits, so no softmax layer comes before it; softmax and loss are one op whose derivative is (p - t) / "
           "batch. With from_logits = 0 the net ends with a softmax layer and the two are differentiated one after the "
           "other (Keras's default): the same numbers, until a probability is too small for a float. Targets are class "
           "indices or probabilities.",
    .peers = {"nn.CrossEntropyLoss", "SparseCategoricalCrossentropy(from_logits=True)"},
    .answer = Loss::distribution, .reductions = {"mean", "sum"},
    .args = {{"label_smoothing", 0.0, "the share of a target that is spread evenly over all classes, below 1"},
             class_weights, ignore_index, from_logits},
    .build = [](const LossCall& c) {
      const double smoothing = c.args.real("label_smoothing"), batch = double(c.output.shape()[0]);
      if (!c.args.integer("from_logits"))
        return LossParts{likelihood(c, wanted(c, smoothing), safe_log(c.output)), c.output};
      const bool plain = smoothing == 0 && !stated(c.args, "class_weights") && c.args.integer("ignore_index") == -100;
      const Wanted w = plain ? Wanted{c.targets, {}} : wanted(c, smoothing);
      const auto [loss, probabilities] = softmax_cross_entropy(c.output, w.t);
      if (c.reduction == "sum") return LossParts{loss * batch, probabilities};
      return LossParts{w.weight ? loss * (batch / w.weight) : loss, probabilities};
    },
    .predict = [](const Var& output, const Attrs& args) {
      return args.integer("from_logits") ? softmax(output) : output;
    }};

const Loss nll_loss{
    .name = "nll", .aliases = {"negative_log_likelihood", "NLLLoss", "nll_loss"}, .formula = "-sum(t x) / batch",
    .doc = "For one class out of several, where the net ends with a log_softmax layer: its output for the right class, "
           "negated. With log_softmax it is cross_entropy in two parts, as in PyTorch.",
    .peers = {"nn.NLLLoss", ""},
    .answer = Loss::distribution, .reductions = {"mean", "sum"}, .args = {class_weights, ignore_index},
    .build = [](const LossCall& c) {
      return LossParts{likelihood(c, wanted(c, 0), c.output), exp(c.output)};
    },
    .predict = exponential};

const Loss kl_divergence_loss{
    .name = "kl_divergence", .aliases = {"kl_div", "KLDivLoss", "kullback_leibler_divergence"},
    .formula = "sum(t (log(t) - x)) / batch",
    .doc = "How far the predicted probabilities are from those wanted. As in PyTorch the net ends with log_softmax and "
           "the targets are probabilities (Keras takes probabilities on both sides). Reduction per_sample is PyTorch's "
           "batchmean, the divergence itself; mean, PyTorch's default, divides by the number of classes as well.",
    .origin = "Kullback and Leibler, \"On information and sufficiency\", 1951",
    .peers = {"nn.KLDivLoss; per_sample: reduction=\"batchmean\"", "KLDivergence: takes probabilities, no logarithms"},
    .answer = Loss::distribution, .reductions = {"per_sample", "mean", "sum"},
    .build = [](const LossCall& c) {
      const Var t = as_numbers(c);
      return LossParts{reduced(where(t, t * (safe_log(t) - c.output), 0), c.reduction), exp(c.output)};
    },
    .predict = exponential};

// --- yes or no ---

const Loss binary_cross_entropy_loss{
    .name = "binary_cross_entropy",
    .aliases = {"binary_crossentropy", "logistic", "BCEWithLogitsLoss"},
    .formula = "-mean(t log(p) + (1 - t) log(1 - p)), p = sigmoid(x)",
    .doc = "For yes-or-no answers, one an output. Takes logits: no sigmoid layer comes before it; with from_logits = 0 "
           "one does (PyTorch's BCELoss, Keras's default). Reduction mean (over all outputs), sum, or per_sample "
           "(summed over outputs, averaged over samples: Nielsen's cross-entropy).",
    .peers = {"nn.BCEWithLogitsLoss; from_logits = 0: nn.BCELoss", "BinaryCrossentropy(from_logits=True)"},
    .answer = Loss::chances, .reductions = all_reductions,
    .args = {{"pos_weight", no_numbers, "a factor for what a yes costs: one, or one for each output"}, from_logits},
    .build = [](const LossCall& c) {
      const Var &x = c.output, t = as_numbers(c);
      const bool logits = c.args.integer("from_logits"), weighed = stated(c.args, "pos_weight");
      if (logits && !weighed) {
        const bool of_sample = c.reduction == "per_sample";
        const Var loss = binary_cross_entropy(x, t, of_sample ? "mean" : c.reduction);
        return LossParts{of_sample ? loss * double(x.shape().back()) : loss, sigmoid(x)};
      }
      const Var yes = weighed ? t * numbers(c.args, "pos_weight", x) : t, no = 1 - t;
      if (logits) return LossParts{reduced(no * x + (no + yes) * softplus(-x), c.reduction), sigmoid(x)};
      return LossParts{reduced(-(yes * safe_log(x) + no * safe_log(1 - x)), c.reduction), x};
    },
    .predict = [](const Var& output, const Attrs& args) {
      return args.integer("from_logits") ? sigmoid(output) : output;
    }};

// max(0, 1 - s x), s = 1 for yes and -1 for no. The score 0 lies between the two, as 1/2 does between their indices.
Var margin(const Var& x, const Var& t) { return relu(1 - (2 * greater(t, 0) - 1) * x); }
Var as_score(const Var& output, const Attrs&) { return 0.5 * (1 + output); }

template <class F> auto margins(F f) {
  return [f](const LossCall& c) {
    return LossParts{reduced(f(margin(c.output, as_numbers(c))), c.reduction), as_score(c.output, c.args)};
  };
}

const Loss hinge_loss{
    .name = "hinge", .aliases = {"HingeLoss", "Hinge"}, .formula = "mean(max(0, 1 - s x)), s = 1 for yes, -1 for no",
    .doc = "For yes-or-no answers, one an output, of which only the side matters: what is right by a margin of 1 costs "
           "nothing. Class indices become -1 and 1 (of several classes the right one 1); of numbers those above 0 are "
           "yes, so -1 and 1 serve as well as 0 and 1. Predictions are (1 + x) / 2, yes above 1/2.",
    .origin = "Cortes and Vapnik, \"Support-vector networks\", 1995",
    .peers = {"none: HingeEmbeddingLoss and MultiMarginLoss are others", "Hinge"},
    .answer = Loss::scores, .reductions = all_reductions, .build = margins([](const Var& m) { return m; }),
    .predict = as_score};

const Loss squared_hinge_loss{
    .name = "squared_hinge", .aliases = {"SquaredHinge"},
    .formula = "mean(max(0, 1 - s x)^2), s = 1 for yes, -1 for no",
    .doc = "The hinge, squared: smooth where the margin is met, and harder on what is far off.",
    .peers = {"", "SquaredHinge"},
    .answer = Loss::scores, .reductions = all_reductions, .build = margins([](const Var& m) { return square(m); }),
    .predict = as_score};

// --- numbers ---

const Loss squared_error_loss{
    .name = "squared_error", .aliases = {"mse", "mean_squared_error", "quadratic", "MSELoss"},
    .formula = "mean((x - t)^2)",
    .doc = "For numbers; also for classes, as ones and zeros. Reduction mean (over all outputs), sum, per_sample (the "
           "squared distance, averaged over samples: 3Blue1Brown's cost), or half of that (Nielsen's quadratic cost).",
    .peers = {"nn.MSELoss", "MeanSquaredError"},
    .answer = Loss::numbers, .reductions = {"mean", "sum", "half", "per_sample"},
    .build = [](const LossCall& c) {
      const bool of_sample = c.reduction == "per_sample";
      const Var loss = squared_error(c.output, as_numbers(c), of_sample ? "half" : c.reduction);
      return LossParts{of_sample ? 2 * loss : loss, c.output};
    },
    .predict = as_it_is};

const Loss absolute_error_loss{
    .name = "absolute_error", .aliases = {"mae", "mean_absolute_error", "l1", "L1Loss"}, .formula = "mean(|x - t|)",
    .doc = "For numbers among which some are wild: each pulls with the same force, so the median wins, not the mean.",
    .peers = {"nn.L1Loss", "MeanAbsoluteError"},
    .answer = Loss::numbers, .reductions = all_reductions,
    .build = each([](const Var& x, const Var& t, const Attrs&) { return abs(x - t); }), .predict = as_it_is};

const Loss smooth_l1_loss{
    .name = "smooth_l1", .aliases = {"SmoothL1Loss"},
    .formula = "mean(d < beta ? d^2 / (2 beta) : d - beta / 2), d = |x - t|",
    .doc = "The absolute error, rounded off near 0: huber divided by beta. (PyTorch's beta 0 is absolute_error.)",
    .origin = "Girshick, \"Fast R-CNN\", 2015, equation 3",
    .peers = {"nn.SmoothL1Loss", "none: Huber(delta=beta) / beta"},
    .answer = Loss::numbers, .reductions = all_reductions, .args = {{"beta", 1.0, "where the line begins"}},
    .build = each([](const Var& x, const Var& t, const Attrs& args) {
      const Var d = abs(x - t);
      const double beta = args.real("beta");
      return where(less(d, beta), square(d) * (0.5 / beta), d - 0.5 * beta);
    }),
    .predict = as_it_is};

const Loss huber_loss{
    .name = "huber", .aliases = {"HuberLoss", "Huber"},
    .formula = "mean(d < delta ? d^2 / 2 : delta (d - delta / 2)), d = |x - t|",
    .doc = "Half the square near 0, a straight line of slope delta from there on: one wild target pulls no harder than "
           "that.",
    .origin = "Huber, \"Robust estimation of a location parameter\", 1964",
    .peers = {"nn.HuberLoss", "Huber"},
    .answer = Loss::numbers, .reductions = all_reductions, .args = {{"delta", 1.0, "where the line begins"}},
    .build = each([](const Var& x, const Var& t, const Attrs& args) {
      const Var d = abs(x - t);
      const double delta = args.real("delta");
      return where(less(d, delta), 0.5 * square(d), delta * (d - 0.5 * delta));
    }),
    .predict = as_it_is};

const Loss log_cosh_loss{
    .name = "log_cosh", .aliases = {"logcosh", "LogCosh"}, .formula = "mean(log(cosh(x - t)))",
    .doc = "As huber with delta 1, but smooth throughout.",
    .peers = {"", "LogCosh"},
    .answer = Loss::numbers, .reductions = all_reductions,
    .build = each([](const Var& x, const Var& t, const Attrs&) { return log_cosh(x - t); }), .predict = as_it_is};

const Loss cosine_loss{
    .name = "cosine", .aliases = {"cosine_similarity", "cosine_embedding", "CosineEmbeddingLoss", "CosineSimilarity"},
    .formula = "mean over samples of 1 - x.t / (|x| |t|)",
    .doc = "For directions: 0 where output and target point the same way, 2 where they point apart; lengths don't "
           "matter.",
    .peers = {"nn.CosineEmbeddingLoss, all targets 1", "CosineSimilarity: lacks the 1, so from -1 to 1"},
    .answer = Loss::numbers, .reductions = {"mean", "sum"},
    .build = [](const LossCall& c) {
      const Var &x = c.output, t = as_numbers(c);
      const auto length = [](const Var& v) { return sqrt(sum(square(v), {-1}) + 1e-12); }; // PyTorch's epsilon
      return LossParts{reduced(1 - sum(x * t, {-1}) / (length(x) * length(t)), c.reduction), x};
    },
    .predict = as_it_is};

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
    .answer = Loss::scores, .reductions = all_reductions,
    .build = [](const LossCall& c) {
      return LossParts{reduced(relu(c.output) - c.output * as_numbers(c), c.reduction), fired(c.output)};
    },
    .predict = [](const Var& output, const Attrs&) { return fired(output); }};

const std::vector<Loss>& all() {
  static const std::vector<Loss> list{
      cross_entropy_loss, nll_loss,           kl_divergence_loss, binary_cross_entropy_loss,
      hinge_loss,         squared_hinge_loss, squared_error_loss, absolute_error_loss,
      smooth_l1_loss,     huber_loss,         log_cosh_loss,      cosine_loss,
      perceptron_loss};
  return list;
}

} // namespace

std::span<const Loss> losses() { return all(); }

const Loss& find_loss(const std::string& name) { return named(all(), name, "loss", "loss"); }

void check_reduction(const Loss& loss, const std::string& reduction) {
  const std::vector<std::string> known(loss.reductions.begin(), loss.reductions.end());
  if (std::ranges::find(known, reduction) == known.end())
    bad_input("loss", text(loss.name, " has no reduction \"", reduction, "\"", did_you_mean(reduction, known)),
              "it has " + join(known, ", "));
}

Attrs complete_args(const Loss& loss, const Attrs& args, int64_t outputs) {
  const std::string where = text("loss ", loss.name);
  Attrs out = complete_attrs(loss.args, args, where);
  for (const auto& [key, value] : out.items()) {
    if (const double* real = std::get_if<double>(&value)) {
      const bool share = key == "label_smoothing";
      if (share ? !(*real >= 0 && *real < 1) : !(*real > 0 && *real < 1e30))
        bad_input(where, text(key, " is ", *real),
                  share ? "give a number from 0 to below 1" : "give a number greater than 0");
    }
    if (const int64_t* flag = std::get_if<int64_t>(&value); flag && key == "from_logits" && *flag != 0 && *flag != 1)
      bad_input(where, text(key, " is ", *flag), "give 1 or 0");
    const auto* list = std::get_if<std::shared_ptr<const Tensor>>(&value);
    if (!list || (*list)->elements() == 0) continue;
    const std::vector<double> factors = (*list)->values();
    if (std::ranges::any_of(factors, [](double factor) { return !(factor >= 0 && factor < 1e30); }) ||
        std::ranges::all_of(factors, [](double factor) { return factor == 0; }))
      bad_input(where, text(key, " is ", to_text(value)), "give numbers of at least 0, not all of them 0");
    const auto count = int64_t(factors.size());
    if (outputs > 0 && count != outputs && (count != 1 || key == "class_weights"))
      bad_input(where,
                text(key, " has ", count, count == 1 ? " number" : " numbers", ", the net ", outputs,
                     outputs == 1 ? " output" : " outputs"),
                "give one number for each");
  }
  if (outputs == 1 && loss.answer == Loss::distribution)
    bad_input("model", text(loss.name, " with one output has nothing to choose from"),
              "give it one output a class, or take binary_cross_entropy");
  if (outputs == 1 && std::string_view(loss.name) == "cosine")
    bad_input("model", "cosine with one output knows two directions only", "take squared_error");
  return out;
}

bool takes_probabilities(const Loss& loss, const Attrs& args) {
  const Attr* logits = args.find("from_logits");
  const bool made = logits && std::get<int64_t>(*logits);
  return !made && (loss.answer == Loss::chances || loss.answer == Loss::distribution);
}

void check_probabilities(const Loss& loss, ConstView predictions, const std::string& what, const std::string& help) {
  if (loss.answer != Loss::chances && loss.answer != Loss::distribution) return;
  const int64_t rows = predictions.type.shape[0], columns = predictions.type.shape.elements() / rows;
  for (int64_t row = 0; row < rows; ++row) {
    double total = 0;
    for (int64_t i = row * columns; i < (row + 1) * columns; ++i) {
      const double p = predictions.at(i);
      if (!(p >= 0 && p <= 1 + 1e-3))
        bad_input(text("loss ", loss.name),
                  text("of sample ", row, " ", what, " hold ", number(p, 6), ", which is no probability"), help);
      total += p;
    }
    if (loss.answer == Loss::distribution && !(std::fabs(total - 1) <= 1e-3))
      bad_input(text("loss ", loss.name),
                text("of sample ", row, " ", what, " add up to ", number(total, 6), ", not to 1"), help);
  }
}

Type natural_targets(const Loss& loss, int64_t batch, int64_t outputs, DType dtype) {
  return loss.classes() ? Type{DType::i32, Shape{batch}} : Type{dtype, Shape{batch, outputs}};
}

} // namespace vitro

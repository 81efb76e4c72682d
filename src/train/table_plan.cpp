#include "train/table_plan.h"

#include <algorithm>

#include "core/math.h"
#include "core/text.h"
#include "report/terminal.h"
#include "train/linear.h"
#include "train/measure.h"
#include "train/training.h"

namespace vitro {
namespace {

constexpr int64_t folds = 5, least_rows = 50, most_rows = 5000;

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How wrong each of the held-out rows is: 0 or 1 for a class, the squared distance for numbers.
void add_errors(std::vector<double>& out, const Tensor& predictions, const Dataset& held) {
  for (const double error : errors_of(predictions, held))
    out.push_back(held.schema.goal == Goal::classes ? double(error >= 1) : error);
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

// By two standard errors of the difference over the same rows. Of classes only the rows count on which one is right and
// the other wrong; where these are few, luck looks large, hence the 1 (A. L. Edwards, "Note on the correction for
// continuity in testing the significance of the difference between correlated proportions", 1948).
bool is_better(const std::vector<double>& net, const std::vector<double>& line, bool classes) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < net.size(); ++i) {
    const double gain = line[i] - net[i];
    sum += gain;
    squares += gain * gain;
  }
  if (classes) return sum - 1 > 2 * math::sqrt(squares);
  const auto n = double(net.size());
  return sum > 2 * math::sqrt((squares - sum * sum / n) * n / (n - 1));
}

} // namespace

std::string plan_of_net(const Dataset& train) {
  const bool classes = train.schema.goal == Goal::classes;
  const int64_t rows = train.size(), batch = rows < 4096 ? 128 : 256;
  const int64_t steps = std::max<int64_t>(600, divided_up((classes ? 20 : 40) * rows, 256));
  const int64_t per_epoch = divided_up(rows, batch), epochs = divided_up(steps, per_epoch);
  constexpr double rate = 0.003;
  // What a weight without a gradient would shrink by over the run, as an exponent: the same for any number of steps,
  // since the mean rate is half of the largest.
  const double shrink = classes ? 4 : 1, taken = double(epochs * per_epoch);
  const auto rounded = [](double x) { return number(x, 3); };
  return text("[net]\nname = \"tabular\"\ndropout = ", classes ? "0.3" : "0.1",
              "\n[train]\noptimizer = \"adamw\"\nlr = ", rate,
              "\nweight_decay = ", rounded(2 * shrink / (rate * taken)),
              "\ngroups = [{match=\"*.bias\", weight_decay=0.0}, {match=\"", linear_part,
              "\", lr_factor=2.0, weight_decay=", rounded(90 / taken),
              "}]\nschedule = {op=\"cosine\", warmup=0.1}\nbatch = ", batch, "\nepochs = ", epochs, "\n");
}

std::string plan_of_linear(const Dataset& train) {
  const bool classes = train.schema.goal == Goal::classes;
  const int64_t batch = std::min<int64_t>(train.size(), 4096);
  // Penalties go with the mean loss here, with its sum there; the square of numbers is not halved here.
  const bool two = classes && train.schema.outputs() == 2; // two rows of weights share what one row has there
  const double penalty = (two || !classes ? 2 : 1) / double(train.size());
  return text("[net]\nname = \"linear\"\n[train]\noptimizer = \"adam\"\nlr = 0.05\nweight_decay = ", number(penalty, 6),
              "\ngroups = [{match=\"*.bias\", weight_decay=0.0}]\nschedule = {op=\"cosine\"}\nbatch = ", batch,
              "\nepochs = 2000\n");
}

std::string plan_of_forecast(const Dataset& train) {
  const int64_t rows = train.size(), batch = rows < 4096 ? 32 : 256;
  const int64_t epochs = std::max<int64_t>(30, divided_up(1200, divided_up(rows, batch)));
  // What a weighted sum of the window says comes first, at a rate of 0.009; the perceptron mends it, slowly.
  return text("[net]\nname = \"tabular\"\nhidden = [64]\ndropout = 0.2\n[train]\noptimizer = \"adamw\"\nlr = 0.0003\n",
              "weight_decay = 0.1\ngroups = [{match=\"*.bias\", weight_decay=0.0}, {match=\"", linear_part,
              "\", lr_factor=30.0, weight_decay=0.01}]\nschedule = {op=\"cosine\", warmup=0.1}\nbatch = ", batch,
              "\nepochs = ", epochs, "\n");
}

Choice choose(const Recipe& recipe, const Dataset& train) {
  const int64_t rows = train.size();
  if (rows < least_rows || rows > most_rows) return {};
  const bool classes = train.schema.goal == Goal::classes;
  const auto labels = classes ? train.label_of() : std::span<const int32_t>{};
  const std::vector<int32_t> fold = deal_folds(rows, labels, {}, folds, uint64_t(recipe.train.seed));
  std::vector<double> of_net, of_line;
  for (int64_t held_out = 0; held_out < folds; ++held_out) {
    std::vector<int64_t> learned, held;
    for (int64_t row = 0; row < rows; ++row) (fold[size_t(row)] == held_out ? held : learned).push_back(row);
    const Splits parts{take(train, learned), empty_like(train.schema), empty_like(train.schema)};
    const Dataset judged = take(train, held);
    Model model(model_spec(recipe, train.schema));
    TrainingHooks quiet;
    quiet.probe = false;
    (void)vitro::train(model, recipe, parts, quiet);
    add_errors(of_net, predict_all(model, judged), judged);
    const LinearModel line = fit_linear(parts.train, {.codes = model.spec().codes});
    add_errors(of_line, predict(line, judged), judged);
  }
  Choice out{.linear = !is_better(of_net, of_line, classes), .said = {}};
  const auto shown = [&](const std::vector<double>& errors) {
    if (classes) return percent(1 - mean_of(errors), 1) + " right";
    return text("RMSE ", number(math::sqrt(mean_of(errors)) * train.schema.target.deviation[0], 4));
  };
  out.said = text(
      "5-fold cross-validation within the training rows: the net ", shown(of_net), ", a linear model ", shown(of_line),
      out.linear ? ": the linear model is as good, and is taken (--net tabular for the net)" : ": the net is taken");
  return out;
}

} // namespace vitro

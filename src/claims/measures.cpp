#include "claims/measures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/math.h"
#include "core/random.h"
#include "core/text.h"
#include "train/feed.h"
#include "train/measure.h"
#include "train/perceptron.h"
#include "train/range_test.h"

namespace vitro {
namespace {

std::vector<int64_t> first_rows(const Dataset& data, int64_t count) {
  std::vector<int64_t> rows(static_cast<size_t>(std::min(count, data.size())));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

double accuracy(const Snapshot& at, const MeasureArgs& args) { return at.metrics(args.part).accuracy(); }
double loss(const Snapshot& at, const MeasureArgs& args) { return at.metrics(args.part).loss; }

// Weight decay w adds w p to the gradient of p, so what descends is the loss and w/2 times the sum of all p^2.
double objective(const Snapshot& at, const MeasureArgs& args) {
  const Attrs& optimizer = at.model.spec().optimizer.args;
  const States& states = at.model.states();
  double squares = 0;
  for (const std::string& name : states.names(true)) {
    const Tensor value = states.read(name);
    if (value.shape().rank() < 2 && optimizer.integer("decay_biases") == 0) continue;
    for (int64_t i = 0; i < value.elements(); ++i) squares += value.at(i) * value.at(i);
  }
  return loss(at, args) + optimizer.real("weight_decay") / 2 * squares;
}

double parameters(const Snapshot& at, const MeasureArgs&) { return double(at.model.states().parameters()); }

double gradient_norm(const Snapshot& at, const MeasureArgs& args) {
  const Dataset& data = at.part(args.part);
  const SampleBatch batch = batch_of(data, first_rows(data, args.samples), at.model.spec().dtype);
  const Tensor gradient = at.model.gradient(batch.inputs(), batch.targets).at(args.parameter);
  double squares = 0;
  for (int64_t i = 0; i < gradient.elements(); ++i) squares += gradient.at(i) * gradient.at(i);
  return math::sqrt(squares);
}

// The gradient of a mean over n samples, times n, added up over the batches of an epoch.
std::map<std::string, std::vector<double>> summed_gradient(const Snapshot& at, const Dataset& data, int64_t size) {
  std::map<std::string, std::vector<double>> out;
  for (int64_t begin = 0; begin < data.size(); begin += size) {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(size, data.size() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const SampleBatch batch = batch_of(data, rows, at.model.spec().dtype);
    for (const auto& [name, gradient] : at.model.gradient(batch.inputs(), batch.targets)) {
      std::vector<double>& sum = out[name];
      sum.resize(size_t(gradient.elements()));
      for (int64_t i = 0; i < gradient.elements(); ++i) sum[size_t(i)] += double(rows.size()) * gradient.at(i);
    }
  }
  return out;
}

double gradient_split(const Snapshot& at, const MeasureArgs& args) {
  const Dataset& data = at.part(args.part);
  const auto whole = summed_gradient(at, data, data.size()), split = summed_gradient(at, data, args.batch);
  double most = 0, largest = 0;
  for (const auto& [name, sum] : whole)
    for (size_t i = 0; i < sum.size(); ++i) {
      most = std::max(most, std::fabs(sum[i] - split.at(name)[i]));
      largest = std::max(largest, std::fabs(sum[i]));
    }
  return most / largest;
}

double row_difference(const Snapshot& at, const MeasureArgs& args) {
  const Tensor value = at.model.states().read(args.parameter);
  const int64_t rows = value.shape()[0], columns = value.elements() / rows;
  double most = 0;
  for (int64_t i = columns; i < value.elements(); ++i)
    most = std::max(most, std::fabs(value.at(i) - value.at(i % columns)));
  return most;
}

// A straight map sends the middle of two points to the middle of what it sends them to.
double bend(const Snapshot& at, const MeasureArgs& args) {
  const Dataset& data = at.part(args.part);
  const int64_t count = std::min(args.samples, data.size());
  const SampleBatch batch = batch_of(data, first_rows(data, count), at.model.spec().dtype);
  Tensor middles(batch.x.type());
  const int64_t width = middles.elements() / count;
  for (int64_t i = 0; i < middles.elements(); ++i)
    middles.set(i, (batch.x.at(i) + batch.x.at((i + width) % middles.elements())) / 2);
  const std::string last = at.model.layers().back().name;
  const Tensor ends = at.model.activations(batch.inputs()).at(last), middle = at.model.activations(middles).at(last);
  const int64_t outputs = ends.elements() / count;
  double most = 0, largest = 0;
  for (int64_t i = 0; i < ends.elements(); ++i) {
    const double straight = (ends.at(i) + ends.at((i + outputs) % ends.elements())) / 2;
    most = std::max(most, std::fabs(middle.at(i) - straight));
    largest = std::max(largest, std::fabs(ends.at(i)));
  }
  return most / largest;
}

// What was right in an epoch before each step, as training itself saw it: with its dropout.
double running_accuracy(const Snapshot& at, const MeasureArgs&) {
  return at.history.rows.empty() ? std::numeric_limits<double>::quiet_NaN() : at.history.rows.back()[1];
}

double beyond_majority(const Snapshot& at, const MeasureArgs& args) {
  return accuracy(at, args) - baseline(at.data.train, at.part(args.part)).value;
}

// A net of its own, with the weights that the seed gives: a range test takes steps.
double of_range(const Snapshot& at, double (*number)(const RangeTestResult&)) {
  Model model(at.model.spec());
  Feed feed(at.recipe, at.data.train, model.spec().dtype, model.spec().outputs);
  Position position;
  return number(range_test(model, {.from = 1e-5, .to = 100}, [&](int64_t) {
    const SampleBatch& batch = feed.at(position);
    position = feed.after(position);
    return std::pair<ConstView, ConstView>(batch.x, batch.targets);
  }));
}
double range_fall(const Snapshot& at, const MeasureArgs&) {
  return of_range(at,
                  [](const RangeTestResult& test) { return *std::ranges::min_element(test.losses) / test.losses[0]; });
}
double range_break(const Snapshot& at, const MeasureArgs&) {
  return of_range(at, [](const RangeTestResult& test) { return test.stopped ? test.rates.back() : INFINITY; });
}
double range_room(const Snapshot& at, const MeasureArgs&) {
  return of_range(at, [](const RangeTestResult& test) { return test.rates.back() / test.valley; });
}

double noise_confidence(const Snapshot& at, const MeasureArgs& args) {
  Dataset noise = empty_like(at.data.train.schema);
  auto extents = noise.schema.sample.list();
  extents.insert(extents.begin(), args.samples);
  noise.samples = Tensor(Type{noise.schema.raw, Shape(extents)});
  const Stream stream(uint64_t(at.recipe.train.seed), "noise");
  const bool bytes = noise.schema.raw == DType::u8;
  for (int64_t i = 0; i < noise.samples.elements(); ++i)
    noise.samples.set(i, bytes ? double(stream.below(256, 0, uint64_t(i))) : stream.uniform(0, uint64_t(i)));
  const Tensor predictions = predict_all(at.model, noise);
  const int64_t outputs = predictions.elements() / args.samples;
  double sum = 0;
  for (int64_t row = 0; row < args.samples; ++row) {
    double most = predictions.at(row * outputs);
    for (int64_t i = 1; i < outputs; ++i) most = std::max(most, predictions.at(row * outputs + i));
    sum += most;
  }
  return sum / double(args.samples);
}

// ---- Rosenblatt's rule: a measure of what is not one is not a number -------------------------------

double of_course(const Snapshot& at, double (*number)(const PerceptronCourse&)) {
  const auto course = perceptron_course(at.model, at.recipe, at.data.train, at.history);
  return course ? number(*course) : std::numeric_limits<double>::quiet_NaN();
}
double mistakes(const Snapshot& at, const MeasureArgs&) {
  return of_course(at, [](const PerceptronCourse& course) { return double(course.mistakes); });
}
double last_mistakes(const Snapshot& at, const MeasureArgs&) {
  return of_course(at, [](const PerceptronCourse& course) { return double(course.last_mistakes); });
}
double novikoff(const Snapshot& at, const MeasureArgs&) {
  return of_course(at, [](const PerceptronCourse& course) { return double(course.mistakes) / course.classes.bound(); });
}
double margin(const Snapshot& at, const MeasureArgs&) {
  return of_course(at, [](const PerceptronCourse& course) { return course.classes.margin; });
}
double inseparable(const Snapshot& at, const MeasureArgs&) {
  return of_course(
      at, [](const PerceptronCourse& course) { return double(course.classes.answer == Separation::inseparable); });
}
double cycle(const Snapshot& at, const MeasureArgs&) {
  return of_course(at, [](const PerceptronCourse& course) { return double(course.cycle); });
}

} // namespace

const Dataset& Snapshot::part(Part part) const {
  const Dataset& data_of_part = part == Part::train ? data.train : part == Part::test ? data.test : data.validation;
  if (data_of_part.size() == 0)
    bad_input("claim", text("the ", name(part), " part holds no sample"), "measure on another part");
  return data_of_part;
}

const Metrics& Snapshot::metrics(Part part) const {
  std::optional<Metrics>& held = metrics_[size_t(part)];
  if (!held) held = measure(model, this->part(part));
  return *held;
}

const Scores& Snapshot::scores(Part part) const {
  std::optional<Scores>& held = scores_[size_t(part)];
  if (!held) held = scores_of(predict_all(model, this->part(part)), this->part(part));
  return *held;
}

std::span<const Measure> measures() {
  static const std::vector<Measure> all = {
      {"accuracy", "the share of samples that are classed right", {"part"}, accuracy},
      {"loss", "the mean loss of the samples", {"part"}, loss},
      {"f1",
       "the mean over the classes of the harmonic mean of precision and recall",
       {"part"},
       [](const Snapshot& at, const MeasureArgs& args) { return at.metrics(args.part).macro().f1; }},
      {"roc_auc",
       "the area under the ROC curve; of several classes the mean of each against the rest",
       {"part"},
       [](const Snapshot& at, const MeasureArgs& args) { return at.scores(args.part).roc_auc(); }},
      {"log_loss",
       "the mean of -ln(probability of the truth)",
       {"part"},
       [](const Snapshot& at, const MeasureArgs& args) { return at.scores(args.part).log_loss; }},
      {"calibration_error",
       "the mean distance of confidence and accuracy, over bins of equal confidence",
       {"part"},
       [](const Snapshot& at, const MeasureArgs& args) { return at.scores(args.part).calibration_error(); }},
      {"objective", "the loss, and what weight decay adds to it", {"part"}, objective},
      {"parameters", "how many numbers are learned", {}, parameters},
      {"gradient_norm",
       "the length of the loss's gradient with respect to a parameter, on the first samples",
       {"part", "parameter", "samples"},
       gradient_norm},
      {"gradient_split",
       "by how much the sum of the gradients over an epoch's batches misses that of all samples at once, relative to "
       "its "
       "largest element",
       {"part", "batch"},
       gradient_split},
      {"row_difference",
       "the largest difference between a parameter's first row and another",
       {"parameter"},
       row_difference},
      {"bend",
       "how far the last layer's values halfway between two samples lie from the middle of theirs, relative to the "
       "largest",
       {"part", "samples"},
       bend},
      {"mistakes", "how many samples Rosenblatt's rule mistook on its way", {}, mistakes},
      {"last_mistakes", "the same in the last epoch alone", {}, last_mistakes},
      {"novikoff", "those mistakes as a share of Novikoff's bound (R / gamma)^2", {}, novikoff},
      {"margin", "gamma, the largest margin of a hyperplane between the classes; 0: none separates them", {}, margin},
      {"inseparable",
       "1 where a point was found that belongs between samples of both classes, else 0",
       {},
       inseparable},
      {"cycle", "after how many epochs the rule comes back to the same weights; 0: not seen", {}, cycle},
      {"running_accuracy",
       "the share of the last epoch's samples that were right before their own step, in training (with dropout)",
       {},
       running_accuracy},
      {"beyond_majority", "the accuracy less that of always naming the most frequent class", {"part"}, beyond_majority},
      {"range_fall",
       "range test of 100 batches, rates from 1e-5 to 100: the lowest smoothed loss as a share of the first",
       {},
       range_fall},
      {"range_break", "the same: the rate where the loss broke out; infinite where it did not", {}, range_break},
      {"range_room", "the same: its last rate over the suggested one, the valley", {}, range_room},
      {"noise_confidence", "the mean largest prediction for random pixels", {"samples"}, noise_confidence},
  };
  return all;
}

const Measure* find_measure(const std::string& name) {
  for (const Measure& measure : measures())
    if (name == measure.name) return &measure;
  return nullptr;
}

} // namespace vitro

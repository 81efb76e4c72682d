#include "train/perceptron.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/terminal.h"
#include "train/measure.h"

namespace vitro {
namespace {

constexpr int64_t most_looks = 20'000, most_epochs = 1000; // samples and epochs for which a cycle is looked

// The one layer with parameters, if that is all there is: [1, features] and a bias.
const Model::LayerSummary* only_dense(const std::vector<Model::LayerSummary>& layers) {
  const Model::LayerSummary* found = nullptr;
  for (const Model::LayerSummary& layer : layers) {
    if (layer.kind == "flatten") continue;
    if (found || layer.kind != "dense" || layer.parameters.size() != 2) return nullptr;
    found = &layer;
  }
  return found;
}

bool all_zero(const Tensor& tensor) {
  const std::vector<double> values = tensor.values();
  return std::ranges::all_of(values, [](double value) { return value == 0; });
}

bool is_rosenblatt(const ModelSpec& spec, const Recipe& recipe) {
  if (spec.loss != "perceptron" || spec.outputs != 1 || recipe.train.batch != 1) return false;
  if (spec.clip.norm != 0 || spec.clip.value != 0 || recipe.train.schedule.name != "constant") return false;
  const double lr = spec.optimizer.args.real("lr");
  if (!(lr > 0) || spec.optimizer.name != "sgd") return false;
  return spec.optimizer.args.str() == complete(OptimizerSpec{"sgd", {{"lr", lr}}}).args.str();
}

std::vector<double> weights_of(const Model& model, const Model::LayerSummary& dense) {
  std::vector<double> out;
  for (const std::string& name : dense.parameters) {
    const std::vector<double> values = model.states().read(name).values();
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

std::string listed(const std::vector<int64_t>& samples) {
  std::string out;
  for (size_t i = 0; i < samples.size(); ++i)
    out += text(i == 0 ? "" : i + 1 == samples.size() ? " and " : ", ", samples[i]);
  return out;
}

std::string point_text(const std::vector<double>& point) {
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min<size_t>(point.size(), 4); ++i) out.push_back(number(point[i], 3));
  if (point.size() > 4) out.push_back(text("... ", point.size() - 4, " more"));
  return "(" + join(out, ", ") + ")";
}

} // namespace

int64_t perceptron_cycle(const Model& model, const Dataset& train, int64_t most) {
  Model on(model.spec());
  for (const std::string& name : model.states().names()) on.states().write(name, model.states().read(name));
  const std::vector<std::string> parameters = model.states().names(true);
  std::vector<Tensor> start;
  for (const std::string& name : parameters) start.push_back(model.states().read(name));
  SampleBatch batch;
  for (int64_t epoch = 1; epoch <= most; ++epoch) {
    for (int64_t row = 0; row < train.size(); ++row) {
      fill(train, {&row, 1}, model.spec().dtype, batch);
      on.fit(batch.x, batch.targets);
    }
    bool same = true;
    for (size_t i = 0; i < parameters.size(); ++i)
      same = same && on.states().read(parameters[i]).values() == start[i].values();
    if (same) return epoch;
  }
  return 0;
}

std::optional<PerceptronCourse> perceptron_course(const Model& model, const Recipe& recipe, const Dataset& train,
                                                  const History& history) {
  const ModelSpec& spec = model.spec();
  if (train.schema.goal != Goal::classes || train.schema.classes.size() != 2 || !is_rosenblatt(spec, recipe)) return {};
  const std::vector<Model::LayerSummary> layers = model.layers();
  const Model::LayerSummary* dense = only_dense(layers);
  const Model begun(spec);
  if (!dense ||
      !std::ranges::all_of(dense->parameters, [&](const auto& name) { return all_zero(begun.states().read(name)); }))
    return {};

  PerceptronCourse out;
  const auto column = std::ranges::find(history.columns, "train_accuracy") - history.columns.begin();
  for (const std::vector<double>& row : history.rows) {
    out.last_mistakes = std::llround((1 - row.at(size_t(column))) * double(train.size()));
    out.mistakes += out.last_mistakes;
    ++out.epochs;
    if (out.last_mistakes > 0) out.settled = 0;
    if (out.last_mistakes == 0 && out.settled == 0) out.settled = out.epochs;
  }
  out.classes = separation(train);
  const bool last_weights = !recipe.train.best_weights; // of the best epoch nothing more is to be learned
  if (out.settled > 0 && last_weights && out.classes.answer != Separation::separable) {
    out.classes.margin = margin_of(train, weights_of(model, *dense));
    out.weights_margin = out.classes.margin > 0;
  }
  if (out.settled == 0 && last_weights && !recipe.train.shuffle && out.epochs > 0)
    out.cycle = perceptron_cycle(model, train, std::min(most_epochs, most_looks / train.size()));
  return out;
}

std::vector<std::string> sentences_of(const PerceptronCourse& course, const Dataset& train) {
  std::vector<std::string> out;
  const Separation& classes = course.classes;
  const std::string plane = train.schema.net_input().elements() == 2 ? "straight line" : "hyperplane";
  const std::string mistakes = plural(course.mistakes, "mistake");
  out.push_back(
      course.settled > 0
          ? text("Rosenblatt's rule made ", mistakes, ", and none from epoch ", course.settled, " on: it has settled.")
          : text("Rosenblatt's rule made ", mistakes, ", ", thousands(course.last_mistakes), " of them in the last of ",
                 plural(course.epochs, "epoch"), ": it has not settled."));
  if (classes.margin > 0)
    out.push_back(text(
        "By Novikoff it makes at most (R / gamma)^2 = ", thousands(int64_t(classes.bound())),
        " in all: R = ", number(classes.radius, 4),
        " is the length of the longest sample with its bias input 1, gamma = ", number(classes.margin, 4),
        course.weights_margin ? " the margin of the weights that it found."
                              : text(" the largest margin that any ", plane, " has, its bias counted as a weight.")));
  if (classes.answer == Separation::inseparable) {
    std::vector<std::string> mixtures;
    for (const int32_t label : {1, 0}) {
      std::vector<int64_t> of;
      for (const int64_t sample : classes.witnesses)
        if (train.label_of()[size_t(sample)] == label) of.push_back(sample);
      std::ranges::sort(of);
      mixtures.push_back(text(of.size() == 1 ? "at sample " : "between samples ", listed(of), " of class ",
                              train.schema.classes[size_t(label)]));
    }
    out.push_back(text("It never will: no ", plane, " separates the classes. The point ", point_text(classes.meeting),
                       " lies ", join(mixtures, " and "), ", so it would have to be on both sides."));
  }
  if (course.cycle > 0)
    out.push_back(text("The weights go round in a circle: ", plural(course.cycle, "epoch"),
                       " on they are, to the bit, what they are now."));
  return out;
}

} // namespace vitro

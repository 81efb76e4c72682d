// What a figure of a claim may measure: a small fixed vocabulary. Each measure is a number that a net, at some moment
// of its training, has on some data.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/generate.h"
#include "io/history.h"
#include "model/model.h"
#include "recipe/recipe.h"
#include "train/metrics.h"
#include "train/scores.h"

namespace vitro {

/// What a figure may tell its measure; each measure takes some of it.
struct MeasureArgs {
  Part part = Part::test;
  std::string parameter = {}; // "fc1.bias"
  int64_t samples = 1000;     // the first so many
  int64_t batch = 0;
};

/// A net, its data, and how far its training has come. Metrics are measured once a part.
class Snapshot {
public:
  Snapshot(const Recipe& recipe, const Splits& data, const Model& model, const History& history)
      : recipe(recipe), data(data), model(model), history(history) {}

  const Dataset& part(Part part) const;
  const Metrics& metrics(Part part) const; // throws bad_input where the part is empty
  const Scores& scores(Part part) const;   // the same

  const Recipe& recipe; // complete
  const Splits& data;
  const Model& model;
  const History& history; // epoch and train_accuracy: the share of samples that were right before their own step

private:
  mutable std::optional<Metrics> metrics_[3];
  mutable std::optional<Scores> scores_[3];
};

struct Measure {
  const char* name;
  const char* doc;
  std::vector<const char*> takes; // of "part", "parameter", "samples", "batch"
  double (*of)(const Snapshot& snapshot, const MeasureArgs& args);
};

std::span<const Measure> measures();
/// nullptr where there is none.
const Measure* find_measure(const std::string& name);

} // namespace vitro

// A claim of a textbook as data: its sentence, how it was set up, and the figures that it is held to.
//
// A claim is a file of recipes/claims/: a recipe with three more kinds of table. [claim] says what is claimed, and
// where; [variant.NAME] sets keys of the recipe, or replaces its tables ([variant.NAME.net]), so that one claim may
// compare several nets; each [[figure]] names a
// measure (claims/measures.h), the published number or an inequality, and what counts as equal. Instead of a recipe of
// its own a claim may name an embedded one, or an experiment (claims/experiments.h) where nothing is trained.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "claims/measures.h"
#include "recipe/recipe.h"

namespace vitro {

struct Experiment;

/// Where in a training a figure is measured.
struct Instant {
  enum Kind : uint8_t { end, peak, after } kind = end; // peak: the largest over all epochs
  int64_t epoch = 0;                                   // `after` so many epochs; 0: before the first step
};

struct Figure {
  std::string name = {}; // "test accuracy after epoch 1"
  std::string measure = {};
  MeasureArgs args = {};
  Instant at = {};
  std::string variant = {}, minus = {}; // `minus`: what this variant gives is subtracted, seed by seed; "": nothing
  std::optional<int64_t> seed = {};     // of this seed alone; else of every seed
  std::optional<double> published = {}, at_least = {}, at_most = {}; // exactly one
  double tolerance = 0;                                              // at least this counts as equal to `published`
  bool percent = false;                                              // shown as percent
  bool exact = false;                                                // no luck in it: `./dev check` asserts it
};

struct Variant {
  std::string name; // "" where the claim has one set-up only
  Recipe recipe;
};

struct Claim {
  std::string name, sentence, source;
  std::vector<std::string> remarks;
  std::vector<std::string> shows;         // what it is about, by kind and name: "op relu", "schedule step"
  double seconds = 0;                     // about, for one seed
  std::vector<Variant> variants;          // none where there is an experiment
  const Experiment* experiment = nullptr; // its numbers are what figures measure then
  std::vector<Figure> figures;

  const Variant& variant(const std::string& name) const;
  std::vector<std::string> data() const; // the data sets that it needs
};

/// Throws bad_input at `origin:line` for what is no TOML, an unknown key, measure, experiment, variant, parameter or
/// data set (with the nearest name), a figure without a number or with two, an epoch beyond the last, and whatever the
/// recipe's reader says.
Claim parse_claim(const std::string& toml, const std::string& name, const std::string& origin);

std::vector<std::string> claim_names();
/// An embedded claim. Throws bad_input, with the nearest names, where there is none.
Claim find_claim(const std::string& name);

enum class Verdict : uint8_t { holds, differs };
const char* name(Verdict verdict);

/// `mean` over the seeds, and their deviation (0 where it isn't known: one seed). Holds where
/// |mean - published| <= max(2 deviations, tolerance), or the inequality holds. What is not a number differs.
Verdict judge(const Figure& figure, double mean, double deviation);

} // namespace vitro

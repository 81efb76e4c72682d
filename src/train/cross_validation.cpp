#include "train/cross_validation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "data/records.h"
#include "io/files.h"
#include "io/json_reader.h"
#include "io/json_text.h"
#include "train/jobs.h"
#include "train/setup.h"
#include "train/training.h"

namespace vitro {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

using Assignments = std::vector<std::string>;

Assignments of_fold(Assignments assignments, int64_t fold, int64_t folds) {
  assignments.push_back(text("data.folds=", folds));
  assignments.push_back(text("data.fold=", fold));
  return assignments;
}

// A fold, trained and measured; empty until then.
struct Outcome {
  Fold fold;
  std::string constant;
  Dataset part;
  Tensor predictions; // [rows, outputs], as the net makes them
  Scaling target;     // of the fold's own training rows
  Loss::Answer answer = Loss::distribution;
};

// What is wrong with it can be told before any data is read.
void check_asked(const std::string& what, const Assignments& assignments, int64_t folds) {
  if (folds < 2) bad_input("--folds", text("is ", folds), "a number from 2 on; 5 and 10 are usual");
  if (folds > 1000) bad_input("--folds", text("is ", folds, ", so many nets would be trained"), "5 and 10 are usual");
  const DataRecipe asked = recipe_for(what, assignments).data;
  if (!asked.test_file.empty())
    bad_input("--folds", text("the test part has a file of its own, ", asked.test_file),
              "leave out one of --folds and --test");
  if (asked.test.value_or(0) > 0)
    bad_input("--folds", text("test is ", *asked.test, ", but each fold is the test part once"), "leave test out");
  if (asked.source == "-") bad_input("--folds", "standard input can be read once alone", "name a file");
}

void check_table(const Splits& data, const std::string& what) {
  if (data.train.schema.columns.empty())
    bad_input("--folds", text(what, " is no table"), "leave out --folds: it has a test part");
}

std::optional<Outcome> outcome_of(Trainable of_one, const TrainingHooks& hooks) {
  auto& [recipe, data] = of_one;
  Model model(model_spec(recipe, data.train.schema));
  check_batches(model, recipe.train, data.train.size());
  TrainingResult result = train(model, recipe, data, hooks);
  if (result.ending == Ending::interrupted) return std::nullopt;
  const bool classes = result.test.goal == Goal::classes;
  Outcome out;
  out.fold = {.rows = result.test.samples,
              .learned_from = data.train.size() + data.validation.size(),
              .net = classes ? result.test.accuracy() : result.test.rmse,
              .linear = result.linear ? result.linear->value : std::numeric_limits<double>::quiet_NaN(),
              .constant = result.baseline.value,
              .epochs = result.epochs};
  out.constant = result.baseline.text;
  out.target = data.train.schema.target;
  out.part = std::move(data.test);
  out.predictions = std::move(result.predictions);
  out.answer = find_loss(model.spec().loss).answer;
  return out;
}

// Over all rows: the share that is right, or the root of the mean square.
double pooled(const CrossValidation& all, double Fold::*one) {
  double sum = 0;
  for (const Fold& fold : all.folds)
    sum += double(fold.rows) * (all.goal == Goal::classes ? fold.*one : fold.*one * fold.*one);
  return all.goal == Goal::classes ? sum / double(all.rows) : std::sqrt(sum / double(all.rows));
}

// Adds the rows of a fold to the tally of all, and to the rows.
void add(const Outcome& outcome, int64_t fold, Tally& tally, std::vector<UnseenRow>& rows) {
  const Dataset& part = outcome.part;
  const int64_t width = outcome.predictions.elements() / std::max<int64_t>(1, part.size());
  std::vector<float> said(static_cast<size_t>(width));
  std::vector<double> numbers(1);
  const bool probabilities = outcome.answer == Loss::chances || outcome.answer == Loss::distribution;
  for (int64_t i = 0; i < part.size(); ++i) {
    UnseenRow row{.line = part.origin.place(i),
                  .fold = fold,
                  .truth = {},
                  .prediction = {},
                  .probability = std::numeric_limits<double>::quiet_NaN()};
    if (part.schema.goal == Goal::classes) {
      for (int64_t j = 0; j < width; ++j) said[size_t(j)] = float(outcome.predictions.at(i * width + j));
      const int64_t named = class_of(said);
      tally.add_class(part, i, named);
      row.truth = part.schema.classes[size_t(part.label_of()[size_t(i)])];
      row.prediction = part.schema.classes[size_t(named)];
      if (probabilities) row.probability = width > 1 ? said[size_t(named)] : named == 1 ? said[0] : 1 - said[0];
    } else {
      numbers[0] = outcome.target.undo(outcome.predictions.at(i));
      tally.add_numbers(part, i, numbers);
      row.truth = number(float(part.targets.at(i)));
      row.prediction = number(float(numbers[0]));
    }
    rows.push_back(std::move(row));
  }
}

CrossValidated gathered(const std::vector<std::optional<Outcome>>& outcomes) {
  CrossValidated out;
  CrossValidation& all = out.estimate;
  const Schema& schema = outcomes[0]->part.schema;
  all.goal = schema.goal;
  all.target = schema.targets[0];
  all.constant = outcomes[0]->constant;
  Tally tally(schema);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    all.folds.push_back(outcomes[i]->fold);
    all.rows += outcomes[i]->fold.rows;
    add(*outcomes[i], int64_t(i) + 1, tally, out.rows);
  }
  std::stable_sort(out.rows.begin(), out.rows.end(),
                   [](const UnseenRow& a, const UnseenRow& b) { return a.line < b.line; });
  const Metrics metrics = tally.metrics();
  all.net = all.goal == Goal::classes ? metrics.accuracy() : metrics.rmse;
  all.linear_model = pooled(all, &Fold::linear);
  all.no_learning = pooled(all, &Fold::constant);
  all.interval = metrics.interval();
  if (all.goal == Goal::numbers) {
    all.r2 = metrics.r2;
    all.r2_interval = metrics.number_intervals().r2;
  }
  return out;
}

// JSON has no NaN and no infinity: JsonReader::real reads these.
ordered_json stated(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

ordered_json stated(const Interval& interval) { return {stated(interval.low), stated(interval.high)}; }

std::string json_of(const CrossValidation& all) {
  ordered_json folds = ordered_json::array();
  for (const Fold& fold : all.folds)
    folds.push_back({{"rows", fold.rows},
                     {"learned_from", fold.learned_from},
                     {"net", stated(fold.net)},
                     {"linear", stated(fold.linear)},
                     {"constant", stated(fold.constant)},
                     {"epochs", fold.epochs}});
  const ordered_json out = {{"goal", name(all.goal)},
                            {"target", all.target},
                            {"rows", all.rows},
                            {"measure", all.goal == Goal::classes ? "accuracy" : "rmse"},
                            {"net", stated(all.net)},
                            {"interval", stated(all.interval)},
                            {"linear", stated(all.linear_model)},
                            {"constant", stated(all.no_learning)},
                            {"constant_is", all.constant},
                            {"r2", stated(all.r2)},
                            {"r2_interval", stated(all.r2_interval)},
                            {"folds", std::move(folds)}};
  return out.dump(2) + "\n";
}

Interval interval_in(const JsonReader<json>& file, const char* key) {
  const std::vector<double> both = file.reals(key);
  if (both.size() != 2) file.wrong(key, "an interval");
  return {both[0], both[1]};
}

std::string csv_of(const CrossValidated& all) {
  const bool classes = all.estimate.goal == Goal::classes,
             probabilities = std::ranges::any_of(all.rows, [](const UnseenRow&row) { return row.probability >= 0; });
  std::string out =
      probabilities && classes ? "line,fold,truth,prediction,probability\n" : "line,fold,truth,prediction\n";
  for (const UnseenRow& row : all.rows) {
    out += text(row.line, ",", row.fold, ",", csv_cell(row.truth), ",", csv_cell(row.prediction));
    if (probabilities && classes) out += "," + number(float(row.probability));
    out += '\n';
  }
  return out;
}

} // namespace

double CrossValidation::mean() const {
  double sum = 0;
  for (const Fold& fold : folds) sum += fold.net;
  return sum / double(folds.size());
}

double CrossValidation::deviation() const {
  double squares = 0;
  for (const Fold& fold : folds) squares += (fold.net - mean()) * (fold.net - mean());
  return std::sqrt(squares / double(folds.size() - 1));
}

int64_t CrossValidation::ahead() const {
  return std::ranges::count_if(
      folds, [&](const Fold& fold) { return goal == Goal::classes ? fold.net > fold.linear : fold.net < fold.linear; });
}

Assignments without_test(Assignments assignments) {
  for (const char* key : {"data.folds=0", "data.fold=1", "data.test=0"}) assignments.emplace_back(key);
  return assignments;
}

void check_folds(const std::string& what, const Assignments& assignments, int64_t folds, const std::string& data_dir) {
  check_asked(what, assignments, folds);
  const Recipe first = recipe_for(what, of_fold(assignments, 1, folds));
  check_table(open_data(first.data.source, data_options(first, data_dir)), what);
}

std::optional<CrossValidated> cross_validate(const std::string& what, const Assignments& assignments, int64_t folds,
                                             const std::string& data_dir, int64_t at_once, const FoldHooks& hooks) {
  check_asked(what, assignments, folds);
  std::vector<std::optional<Outcome>> outcomes(static_cast<size_t>(folds));
  std::vector<std::atomic<double>> shares(static_cast<size_t>(folds));
  const auto train_fold = [&](int64_t fold, const std::atomic<bool>& stopping) {
    TrainingHooks inner;
    inner.probe = false;
    inner.stop = [&] { return stopping.load(); };
    inner.batch = [&](const Pace& pace) {
      shares[size_t(fold)] = (double(pace.epoch - 1) + double(pace.done) / double(pace.of)) / double(pace.epochs);
    };
    Trainable of_one = open_trainable(what, of_fold(assignments, fold + 1, folds), data_dir);
    check_table(of_one.data, what);
    outcomes[size_t(fold)] = outcome_of(std::move(of_one), inner);
    shares[size_t(fold)] = 1;
  };
  const auto look = [&] {
    if (!hooks.progress) return;
    double sum = 0;
    for (const std::atomic<double>& share : shares) sum += share;
    hooks.progress(sum / double(folds));
  };
  if (!run_jobs(folds, std::min(at_once, folds), train_fold, {.stop = hooks.stop, .look = look})) return std::nullopt;
  return gathered(outcomes);
}

std::vector<FileContent> files_of(const CrossValidated& all) {
  return {{"folds.json", json_of(all.estimate)}, {"folds.csv", csv_of(all)}};
}

std::optional<CrossValidation> cross_validation_of(const RunDirectory& run) {
  const std::string path = run.folds();
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string content = read_text(path);
  check_json(content, path);
  const json object = json::parse(content);
  const JsonReader<json> file(object, path);
  CrossValidation out;
  const std::string goal = file.word("goal");
  if (goal != name(Goal::classes) && goal != name(Goal::numbers)) file.wrong("goal", "a goal");
  out.goal = goal == name(Goal::classes) ? Goal::classes : Goal::numbers;
  out.target = file.word("target");
  out.rows = file.whole("rows");
  out.net = file.real("net");
  out.interval = interval_in(file, "interval");
  out.linear_model = file.real("linear");
  out.no_learning = file.real("constant");
  out.constant = file.word("constant_is");
  out.r2 = file.real("r2");
  out.r2_interval = interval_in(file, "r2_interval");
  if (!file.at("folds").is_array() || file.at("folds").size() < 2) file.wrong("folds", "a list of folds");
  for (const json& one : file.at("folds")) {
    const JsonReader<json> fold(one, path);
    out.folds.push_back({.rows = fold.whole("rows"),
                         .learned_from = fold.whole("learned_from"),
                         .net = fold.real("net"),
                         .linear = fold.real("linear"),
                         .constant = fold.real("constant"),
                         .epochs = fold.whole("epochs")});
  }
  return out;
}

} // namespace vitro

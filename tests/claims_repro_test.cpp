// Claims re-run: the weights are those of `vitro train`, jobs at once change no bit, what has no luck in it holds.
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "claims/page.h"
#include "claims/repro.h"
#include "claims/trial.h"
#include "claims/wording.h"
#include "core/error.h"
#include "core/threads.h"
#include "train/measure.h"
#include "train/setup.h"
#include "train/training.h"

namespace vitro {
namespace {

const std::string small = R"(vitro = 1
[claim]
sentence = "A small net learns the <spiral>."
source = "here"
remarks = ["A remark."]
[data]
source = "spiral"
samples = 90
validation = 0
test = 60
[net]
layers = [{op="dense", out=8}, {op="tanh"}, {op="dense", out="classes"}]
[train]
lr = 0.5
schedule = {op="step", gamma=0.5, step_size=3}
batch = 16
epochs = 7
best_weights = false
[variant.slow]
set = []
[variant.fast]
set = ["lr=1.0"]
[[figure]]
name = "loss"
measure = "loss"
part = "train"
variant = "slow"
published = 1.0
[[figure]]
name = "peak"
measure = "accuracy"
part = "test"
at = "peak"
variant = "fast"
at_least = 0.4
percent = true
[[figure]]
name = "gain"
measure = "accuracy"
part = "test"
at = 5
variant = "fast"
minus = "slow"
at_least = -1
[[figure]]
name = "seed 3"
measure = "objective"
part = "train"
at = 0
variant = "fast"
seed = 3
published = 1.0
tolerance = 1.0
)";

Claim small_claim() { return parse_claim(small, "small", "small.toml"); }

TEST(Trial, TrainsAsVitroTrainDoes) {
  Recipe recipe = small_claim().variant("slow").recipe;
  recipe.train.seed = 5;
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  Figure train_loss{.name = "train", .measure = "loss", .args = {.part = Part::train}};
  Figure test_loss{.name = "test", .measure = "loss", .args = {.part = Part::test}};
  const std::vector<const Figure*> figures = {&train_loss, &test_loss};
  const auto values = run_trial(recipe, data, figures);
  ASSERT_TRUE(values);

  const std::string place = testing::TempDir() + "vitro-trial-" + std::to_string(getpid());
  std::filesystem::create_directories(place);
  const Recipe whole = complete(recipe, data.train.schema);
  Model model(model_spec(whole, data.train.schema));
  const TrainingResult result = train(model, whole, data, RunDirectory(place));
  std::filesystem::remove_all(place);
  EXPECT_EQ((*values)[0], result.train.loss);
  EXPECT_EQ((*values)[1], result.test.loss);
}

TEST(Trial, StopsAndSaysSo) {
  const Recipe recipe = small_claim().variant("slow").recipe;
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  Figure loss{.name = "loss", .measure = "loss", .args = {.part = Part::train}};
  const std::vector<const Figure*> figures = {&loss};
  int asked = 0;
  EXPECT_FALSE(run_trial(recipe, data, figures, {.stop = [&] { return ++asked > 3; }, .passed = {}}));
  EXPECT_EQ(asked, 4);
}

TEST(Trial, WhatIsNoLongerFiniteIsNoNumber) {
  Recipe recipe = small_claim().variant("slow").recipe;
  set_all(recipe, {"lr=1e30", "fc1.init=normal(0, 1e20)"});
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  Figure before{.name = "before", .measure = "parameters", .at = {Instant::after, 0}};
  Figure after{.name = "after", .measure = "loss", .args = {.part = Part::train}};
  const std::vector<const Figure*> figures = {&before, &after};
  const auto values = run_trial(recipe, data, figures);
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[0], 51);
  EXPECT_TRUE(std::isnan((*values)[1]));
}

TEST(ReproThreads, JobsAtOnceChangeNoBit) {
  const int threads = thread_count();
  std::vector<std::vector<double>> seen;
  for (const int jobs : {1, 2, 5}) {
    const Reproduction done = reproduce({small_claim(), find_claim("cs231n-linear")}, {.seeds = 3, .jobs = jobs});
    EXPECT_EQ(thread_count(), threads) << "left as it was found";
    ASSERT_EQ(done.claims.size(), 2u);
    std::vector<double> values;
    for (const ClaimResult& claim : done.claims)
      for (const FigureResult& figure : claim.figures)
        values.insert(values.end(), figure.values.begin(), figure.values.end());
    EXPECT_EQ(values.size(), size_t(3 + 3 + 3 + 1 + 1 + 1 + 3));
    seen.push_back(values);
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
}

TEST(ReproThreads, CanBeStopped) {
  std::atomic<int> asked = 0;
  const Reproduction done = reproduce({find_claim("nnfs-sgd"), small_claim()}, {.seeds = 2, .jobs = 2},
                                      {.stop = [&] { return ++asked > 1; }});
  EXPECT_TRUE(done.stopped);
  EXPECT_TRUE(done.claims.empty());
}

TEST(Repro, SumsUpItsSeeds) {
  const Reproduction done = reproduce({small_claim()}, {.seeds = 4, .jobs = 2});
  const std::vector<FigureResult>& figures = done.claims.at(0).figures;
  const FigureResult& loss = figures[0];
  ASSERT_EQ(loss.values.size(), 4u);
  EXPECT_EQ(loss.seeds, (std::vector<int64_t>{0, 1, 2, 3}));
  double mean = 0, squares = 0;
  for (const double value : loss.values) mean += value / 4;
  for (const double value : loss.values) squares += (value - mean) * (value - mean);
  EXPECT_DOUBLE_EQ(loss.mean, mean);
  EXPECT_DOUBLE_EQ(loss.deviation, std::sqrt(squares / 3));
  EXPECT_EQ(figures[3].seeds, std::vector<int64_t>{3});
  EXPECT_EQ(figures[3].deviation, 0);
  EXPECT_EQ(words_of(done.claims[0], figures[3]).seeds, "seed 3");
  EXPECT_EQ(words_of(done.claims[0], figures[1]).published, "at least 40.00 %");
}

TEST(Repro, ThePageEscapesAndTellsAll) {
  const Reproduction done = reproduce({small_claim()}, {.seeds = 2, .jobs = 1});
  const std::string page = repro_page(done.claims, "vitro repro <small>", "vitro");
  EXPECT_NE(page.find("&lt;spiral&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<spiral>"), std::string::npos);
  EXPECT_NE(page.find("A remark."), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
}

TEST(Repro, MissingDataIsNamedAndTheRestIsRun) {
  const std::string nowhere = testing::TempDir() + "vitro-no-data";
  ASSERT_EQ(setenv("XDG_DATA_HOME", nowhere.c_str(), 1), 0);
  const char* given = std::getenv("VITRO_DATA");
  const std::string kept = given ? given : "";
  unsetenv("VITRO_DATA");
  const Reproduction done = reproduce({find_claim("udacity-gd"), find_claim("slope")}, {.seeds = 1, .jobs = 1});
  if (given) setenv("VITRO_DATA", kept.c_str(), 1);
  ASSERT_EQ(done.claims.size(), 2u);
  EXPECT_NE(done.claims[0].not_run.find("vitro data fetch udacity-points"), std::string::npos);
  EXPECT_EQ(words_of(done.claims[0], done.claims[0].figures[0]).verdict, "not run");
  EXPECT_EQ(done.claims[1].not_run, "");
}

TEST(Repro, WhatHasNoLuckInItHolds) {
  std::vector<Claim> claims;
  for (const char* name : {"saturation", "slope", "softmax-ce-gradient", "softmax-overflow", "batches",
                           "linear-collapse", "cs231n-linear"})
    claims.push_back(find_claim(name));
  if (missing_data(find_claim("udacity-gd"), "").empty()) claims.push_back(find_claim("udacity-gd"));
  for (const ClaimResult& claim : reproduce(claims, {.seeds = 1, .jobs = 2}).claims)
    for (const FigureResult& figure : claim.figures)
      if (figure.figure.exact) {
        EXPECT_EQ(figure.verdict, Verdict::holds)
            << claim.claim.name << ": " << figure.figure.name << " " << figure.mean;
      }
}

TEST(Repro, SenselessOptionsAreRefused) {
  EXPECT_THROW(reproduce({}, {.seeds = 0}), Error);
  EXPECT_THROW(reproduce({}, {.seeds = 1, .jobs = 0}), Error);
  EXPECT_TRUE(reproduce({}, {}).claims.empty());
}

TEST(Measures, OfProbabilitiesAreThoseOfTheScores) {
  Recipe recipe = recipe_for("moons", {"samples=60", "test=50"});
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  recipe = complete(std::move(recipe), data.train.schema);
  const Model model(model_spec(recipe, data.train.schema));
  const History none;
  const Snapshot snapshot(recipe, data, model, none);
  const Scores scores = scores_of(predict_all(model, data.test), data.test);
  const auto value = [&](const char* name) { return find_measure(name)->of(snapshot, {.part = Part::test}); };
  EXPECT_EQ(value("roc_auc"), scores.roc_auc());
  EXPECT_EQ(value("log_loss"), scores.log_loss);
  EXPECT_EQ(value("calibration_error"), scores.calibration_error());
  EXPECT_EQ(value("f1"), measure(model, data.test).macro().f1);
  EXPECT_EQ(value("beyond_majority"), measure(model, data.test).accuracy() - 0.5); // two classes of equal size
  EXPECT_TRUE(std::isnan(value("running_accuracy")));                              // nothing was trained
  const History one{{"epoch", "train_accuracy"}, {{1, 0.25}, {2, 0.75}}};
  EXPECT_EQ(find_measure("running_accuracy")->of(Snapshot(recipe, data, model, one), {}), 0.75);
}

TEST(Measures, OfARangeTestLeaveTheNetAsItIs) {
  Recipe recipe = recipe_for("blobs", {"optimizer=sgd", "momentum=0.9", "lr=0.01"});
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  recipe = complete(std::move(recipe), data.train.schema);
  const Model model(model_spec(recipe, data.train.schema));
  const Tensor before = model.states().read("fc1.weight");
  const History none;
  const Snapshot snapshot(recipe, data, model, none);
  const auto value = [&](const char* name) { return find_measure(name)->of(snapshot, {}); };
  EXPECT_LT(value("range_fall"), 1);
  EXPECT_GT(value("range_fall"), 0);
  const double broke = value("range_break");
  EXPECT_GT(broke, 0.01); // blobs are learned well at such a rate
  EXPECT_TRUE(std::isfinite(broke));
  EXPECT_GT(value("range_room"), 1);
  const Tensor after = model.states().read("fc1.weight");
  for (int64_t i = 0; i < before.elements(); ++i) EXPECT_EQ(before.at(i), after.at(i));
}

} // namespace
} // namespace vitro

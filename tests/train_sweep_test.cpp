// Sweeps: what is asked for, that a setting gives what a training gives, that the test part stays unread, and that an
// interrupted sweep goes on.
#include "train/sweep.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "train/setup.h"
#include "train/training.h"
#include "train_place.h"
#include "train_refusal.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> values(const std::string& word) { return read_sweep_key(word).values; }

TEST(SweepKeys, AreReadAsTheyAreWritten) {
  EXPECT_THAT(values("lr=0.1"), ElementsAre("0.1"));
  EXPECT_THAT(values("lr=0.1,0.2"), ElementsAre("0.1", "0.2"));
  EXPECT_THAT(values("seed=0..3"), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(values("seed=-1..1"), ElementsAre("-1", "0", "1"));
  EXPECT_THAT(values("seed=4..4"), ElementsAre("4"));
  EXPECT_THAT(values("lr=log:1e-4..10:6"), ElementsAre("0.0001", "0.001", "0.01", "0.1", "1", "10"));
  EXPECT_THAT(values("p=lin:0..1:6"), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(values("p=lin:-1..1:3"), ElementsAre("-1", "0", "1"));
  EXPECT_THAT(values("batch=lin:16..64:4"), ElementsAre("16", "32", "48", "64"));
  EXPECT_THAT(values("hidden=32,[64,16],[ ]"), ElementsAre("32", "[64,16]", "[ ]"));
  EXPECT_THAT(values("data=\"a,b\",c"), ElementsAre("\"a,b\"", "c"));
  EXPECT_THAT(values("data=../points.csv"), ElementsAre("../points.csv"));
  const std::vector<std::string> fine = values("lr=log:1..1.000001:5"); // six digits would make them one
  EXPECT_EQ(std::set<std::string>(fine.begin(), fine.end()).size(), 5u);
}

TEST(SweepKeys, KnowWhichGrowByEqualFactors) {
  EXPECT_TRUE(read_sweep_key("lr=log:1e-4..10:13").logarithmic);
  EXPECT_TRUE(read_sweep_key("lr=0.001,0.01,0.1").logarithmic);
  EXPECT_TRUE(read_sweep_key("hidden=32,64,128").logarithmic);
  EXPECT_FALSE(read_sweep_key("lr=0.1,0.2,0.3").logarithmic);
  EXPECT_FALSE(read_sweep_key("lr=lin:0..1:3").logarithmic);
  EXPECT_FALSE(read_sweep_key("net=mlp,linear").logarithmic);
}

TEST(SweepKeys, RefuseWhatTheyAreNot) {
  for (const auto& [word, says] : std::vector<std::pair<std::string, std::string>>{
           {"lr", "no key=values"},
           {"=1", "no key=values"},
           {"lr=", "no value"},
           {"lr=1,,2", "empty"},
           {"lr=log:1..10", "no range"},
           {"lr=log:1..10:x", "no range"},
           {"lr=log:a..10:3", "no range"},
           {"lr=log:0..10:3", "above 0"},
           {"lr=log:10..1:3", "from 10 to 1"},
           {"lr=log:1..inf:3", "from 1 to inf"},
           {"lr=log:1..10:1", "1 number"},
           {"lr=log:1..10:1000000000000", "10000"},
           {"lr=0.1..0.5", "lin:0.1..0.5:5"},
           {"seed=3..1", "from 3 to 1"},
           {"seed=0..9223372036854775807", "10000"},
           {"seed=-9223372036854775808..9223372036854775807", "10000"},
       })
    EXPECT_THAT(refusal([&] { read_sweep_key(word); }), HasSubstr(says)) << word;
}

TEST(SweepPlans, AreTheProductOfAllKeys) {
  const SweepPlan plan = plan_sweep("xor", {"lr=0.1,0.2", "epochs=5", "seed=0..2"});
  EXPECT_EQ(plan.trainings(), 6);
  EXPECT_THAT(plan.assignments(0), ElementsAre("lr=0.1", "epochs=5", "seed=0"));
  EXPECT_THAT(plan.assignments(1), ElementsAre("lr=0.1", "epochs=5", "seed=1"));
  EXPECT_THAT(plan.assignments(5), ElementsAre("lr=0.2", "epochs=5", "seed=2"));
  EXPECT_THAT(refusal([] { plan_sweep("xor", {}); }), HasSubstr("nothing is swept"));
  EXPECT_THAT(refusal([] { plan_sweep("xor", {"lr=0.1", "epochs=3"}); }), HasSubstr("nothing is swept"));
  EXPECT_THAT(refusal([] { plan_sweep("xor", {"lr=0.1", "lr=0.2"}); }), HasSubstr("stands twice"));
  EXPECT_THAT(refusal([] { plan_sweep("xor", {"seed=0..4999", "lr=1,2,3"}); }), HasSubstr("10000"));
  EXPECT_EQ(plan_sweep("xor", {"seed=0..4999", "lr=1,2"}).trainings(), 10000);
}

class Sweeps : public InOwnPlace {
protected:
  std::string at(const std::string& name) const { return (place_ / name).string(); }
};

const std::vector<std::string> small = {"lr=0.02,0.2", "hidden=4,8",    "epochs=3",  "samples=60",
                                        "batch=16",    "validation=40", "test=1000", "seed=0..1"};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

bool same(const SweepResult& a, const SweepResult& b) {
  return a.done == b.done && a.outcome == b.outcome && a.loss == b.loss && a.train_loss == b.train_loss &&
         a.weights_sha256 == b.weights_sha256 && a.diverged == b.diverged && a.best_epoch == b.best_epoch;
}

TEST_F(Sweeps, GiveWhatEachTrainingGivesWhateverRunsBesideIt) {
  Sweep sweep(plan_sweep("moons", small), "");
  ASSERT_TRUE(sweep.run(3));
  ASSERT_TRUE(sweep.finished());
  for (int64_t i = 0; i < sweep.plan().trainings(); ++i) {
    Recipe recipe = recipe_for("moons", sweep.plan().assignments(i));
    const Splits data = open_data(recipe.data.source, data_options(recipe));
    recipe = complete(std::move(recipe), data.train.schema);
    Model model(model_spec(recipe, data.train.schema));
    const TrainingResult expected = train(model, recipe, data);
    const SweepResult& found = sweep.results()[size_t(i)];
    EXPECT_EQ(found.weights_sha256, expected.weights_sha256) << i;
    EXPECT_EQ(found.outcome, expected.validation.accuracy());
    EXPECT_EQ(found.loss, expected.validation.loss);
    EXPECT_EQ(found.train_loss, expected.train.loss);
  }
}

TEST_F(Sweeps, MeanAndDeviationAreThoseOverTheSeeds) {
  Sweep sweep(plan_sweep("moons", small), "");
  sweep.run(2);
  const auto settings = sweep.settings();
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_THAT(settings[1].values, ElementsAre("0.02", "8"));
  EXPECT_THAT(settings[1].trainings, ElementsAre(2, 3));
  for (const SweepSetting& setting : settings) {
    const double a = sweep.results()[size_t(setting.trainings[0])].outcome;
    const double b = sweep.results()[size_t(setting.trainings[1])].outcome;
    EXPECT_DOUBLE_EQ(setting.mean, (a + b) / 2);
    EXPECT_NEAR(setting.deviation, std::abs(a - b) / std::sqrt(2), 1e-15);
  }
  const auto best = sweep.best(settings);
  ASSERT_TRUE(best);
  for (const SweepSetting& setting : settings) EXPECT_GE(settings[*best].mean, setting.mean);
  const std::vector<std::string> keys = sweep.assignments(settings[1]);
  EXPECT_THAT(keys,
              ElementsAre("lr=0.02", "hidden=8", "epochs=3", "samples=60", "batch=16", "validation=40", "test=1000"));
}

// The trainings that share the data of a sweep find no test sample there: nobody could measure on it.
TEST_F(Sweeps, HoldNoTestSample) {
  SharedData data("", TestPart::dropped);
  const Recipe recipe = recipe_for("moons", {"samples=60", "test=1000"});
  EXPECT_EQ(data.open(recipe)->test.size(), 0);
  EXPECT_GT(data.open(recipe)->validation.size(), 0);
  EXPECT_EQ(SharedData("").open(recipe)->test.size(), 1000);
  EXPECT_EQ(data.open(recipe).get(), data.open(recipe).get()); // opened once
}

TEST_F(Sweeps, GoOnWhereTheyWereStopped) {
  Sweep whole(plan_sweep("moons", small), "");
  whole.keep_in(at("whole"));
  ASSERT_TRUE(whole.run(2));
  EXPECT_EQ(lines_of(at("whole/results.jsonl")).size(), 8u);

  for (int sitting = 0; sitting < 3; ++sitting) {
    Sweep part(sitting == 0 ? plan_sweep("moons", small) : stored_plan(at("part")), "");
    EXPECT_EQ(part.keep_in(at("part")), at("part"));
    EXPECT_EQ(part.done(), 2 * sitting);
    const int64_t until = part.done() + 2;
    // It is asked ten times a second, so more than two may be done by then: the rest is taken out again.
    part.run(1, {.stop = [&] { return int64_t(lines_of(at("part/results.jsonl")).size()) >= until; }});
    std::vector<std::string> lines = lines_of(at("part/results.jsonl"));
    ASSERT_GE(int64_t(lines.size()), until);
    std::ofstream file(at("part/results.jsonl"), std::ios::trunc);
    for (int64_t i = 0; i < until; ++i) file << lines[size_t(i)] << "\n";
    if (sitting == 1) file << lines[0].substr(0, 40); // a line that a kill cut short
  }
  Sweep rest(stored_plan(at("part")), "");
  rest.keep_in(at("part"));
  EXPECT_EQ(rest.done(), 6);
  EXPECT_TRUE(rest.run(2));
  for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(same(rest.results()[i], whole.results()[i])) << i;
  EXPECT_EQ(lines_of(at("part/results.jsonl")).size(), 8u);
}

TEST_F(Sweeps, AreFoundAgainByTheirPlanAndData) {
  const std::vector<std::string> keys = {"lr=0.1,0.2", "epochs=1", "samples=30"};
  const std::string runs = at("runs");
  const auto directory = [&](const std::vector<std::string>& words) {
    Sweep sweep(plan_sweep("moons", words), "");
    const std::string out = sweep.keep_in("", runs);
    sweep.run(1);
    return std::filesystem::path(out).filename().string();
  };
  EXPECT_EQ(directory(keys), "sweep-moons-001");
  EXPECT_EQ(directory(keys), "sweep-moons-001");
  EXPECT_EQ(directory({"lr=0.1,0.3", "epochs=1", "samples=30"}), "sweep-moons-002");
  EXPECT_EQ(directory({"lr=0.1,0.2", "epochs=1", "samples=31"}), "sweep-moons-003");
  EXPECT_EQ(directory(keys), "sweep-moons-001");
}

TEST_F(Sweeps, RefuseADirectoryOfSomethingElse) {
  Sweep one(plan_sweep("moons", {"lr=0.1,0.2", "epochs=1"}), "");
  one.keep_in(at("one"));
  Sweep other(plan_sweep("moons", {"lr=0.1,0.3", "epochs=1"}), "");
  EXPECT_THAT(refusal([&] { other.keep_in(at("one")); }), HasSubstr("other keys"));
  Sweep again(plan_sweep("moons", {"lr=0.1,0.2", "epochs=1"}), "");
  EXPECT_THAT(refusal([&] { again.keep_in(at("one")); }), HasSubstr("another process"));
  std::filesystem::create_directory(at("full"));
  std::ofstream(at("full/notes.txt")) << "mine";
  EXPECT_THAT(refusal([&] { other.keep_in(at("full")); }), HasSubstr("not empty"));
  EXPECT_THAT(refusal([&] { stored_plan(at("full")); }), HasSubstr("no sweep"));
  EXPECT_THAT(refusal([&] { other.keep_in(at("no/such")); }), HasSubstr("no such directory"));
}

TEST_F(Sweeps, RefuseDamagedResults) {
  const std::vector<std::string> keys = {"lr=0.1,0.2", "epochs=1"};
  {
    Sweep sweep(plan_sweep("moons", keys), "");
    sweep.keep_in(at("a"));
    sweep.run(1);
  }
  const std::vector<std::string> lines = lines_of(at("a/results.jsonl"));
  const auto opened = [&](const std::string& content) {
    std::ofstream(at("a/results.jsonl"), std::ios::trunc) << content;
    return refusal([&] { Sweep(plan_sweep("moons", keys), "").keep_in(at("a")); });
  };
  EXPECT_EQ(opened(lines[0] + "\n"), "");
  EXPECT_THAT(opened(lines[0] + "\n{}\n"), HasSubstr("results.jsonl:2"));
  EXPECT_THAT(opened("nonsense\n"), HasSubstr("results.jsonl:1"));
  EXPECT_THAT(opened("{\"setting\":[\"lr=7\",\"epochs=1\"]}\n"), HasSubstr("no setting"));
}

TEST_F(Sweeps, CheckEverySettingBeforeTheFirst) {
  const auto said = [](const std::vector<std::string>& words, const std::string& what = "moons") {
    return refusal([&] { Sweep(plan_sweep(what, words), ""); });
  };
  EXPECT_THAT(said({"lrr=0.1,0.2"}), HasSubstr("\"lr\""));
  EXPECT_THAT(said({"lr=0.1,-1"}), HasSubstr("lr=-1"));
  EXPECT_THAT(said({"batch=log:1..100:4"}), HasSubstr("batch=4.64159"));
  EXPECT_THAT(said({"optimizer=adam,adm"}), HasSubstr("\"adam\""));
  EXPECT_THAT(said({"loss=cross_entropy,squared_error,poisson"}), HasSubstr("poisson"));
  EXPECT_THAT(said({"lr=0.1,0.10"}), HasSubstr("same training"));
  EXPECT_THAT(said({"lr=0.1,0.2", "train.lr=0.3,0.4"}), HasSubstr("same training"));
  EXPECT_THAT(said({"lr=0.1,0.2", "validation=0"}), HasSubstr("no validation part"));
  EXPECT_THAT(said({"data=moons,sine"}), HasSubstr("regression"));
  EXPECT_THAT(said({"lr=0.1,0.2"}, "mooons"), HasSubstr("\"moons\""));
  EXPECT_THAT(said({"hidden=4,8"}, "sine"), "");
}

TEST_F(Sweeps, SayWhichSettingsDiverge) {
  Sweep sweep(plan_sweep("sine", {"lr=0.01,1e20", "optimizer=sgd", "epochs=2", "samples=50", "seed=0..1"}), "");
  sweep.keep_in(at("a"));
  ASSERT_TRUE(sweep.run(2));
  const auto settings = sweep.settings();
  EXPECT_EQ(settings[0].diverged, 0);
  EXPECT_EQ(settings[1].diverged, 2);
  EXPECT_TRUE(std::isnan(settings[1].mean));
  EXPECT_EQ(sweep.best(settings), 0u);
  EXPECT_FALSE(sweep.better(2, 1)); // RMSE: less is better
  Sweep again(stored_plan(at("a")), "");
  EXPECT_THAT(refusal([&] { again.keep_in(at("a")); }), HasSubstr("another process")); // `sweep` still holds it
}

TEST(Jobs, AllRunOnceInTheirOrderAndStopWhenAsked) {
  for (const int64_t at_once : {1, 3, 100}) {
    std::mutex mutex;
    std::vector<int> times(20);
    EXPECT_TRUE(run_jobs(20, at_once, [&](int64_t job, const std::atomic<bool>&) {
      const std::lock_guard lock(mutex);
      ++times[size_t(job)];
    }));
    EXPECT_THAT(times, testing::Each(1));
  }
  EXPECT_TRUE(run_jobs(0, 2, [](int64_t, const std::atomic<bool>&) {}));
  int64_t ran = 0;
  EXPECT_FALSE(run_jobs(5, 1,
                        [&](int64_t, const std::atomic<bool>& stopping) {
                          ++ran;
                          while (!stopping) std::this_thread::yield();
                        },
                        {.stop = [] { return true; }}));
  EXPECT_EQ(ran, 1);
  EXPECT_THROW(run_jobs(5, 2,
                        [&](int64_t job, const std::atomic<bool>&) {
                          if (job == 1) failure("disk", "full");
                        }),
               Error);
}

} // namespace
} // namespace vitro

// Rosenblatt's rule as the machinery trains it, against the rule written down in four lines.
#include "train/perceptron.h"

#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/text.h"
#include "data/batches.h"
#include "train/run.h"
#include "train/setup.h"
#include "train/training.h"

namespace vitro {
namespace {

using testing::HasSubstr;

struct Trained {
  Recipe recipe;
  Splits data;
  Model model;
  TrainingResult result;
};

Trained trained(const std::string& what, std::vector<std::string> keys) {
  keys.insert(keys.begin(), "net=perceptron");
  Recipe recipe = recipe_for(what, keys);
  Splits data = open_data(recipe.data.source, data_options(recipe));
  recipe = complete(std::move(recipe), data.train.schema);
  Model model(model_spec(recipe, data.train.schema));
  const std::string place =
      testing::TempDir() + "vitro-perceptron-" + testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(place);
  const RunDirectory run = create_run(place, what, "perceptron", to_toml(recipe), to_json(data.train.schema));
  TrainingResult result = train(model, recipe, data, run);
  std::filesystem::remove_all(place);
  return {std::move(recipe), std::move(data), std::move(model), std::move(result)};
}

// Rosenblatt's rule in single precision: the weights, the bias last, and its mistakes.
struct Rule {
  std::vector<float> w = {0, 0, 0};
  int64_t mistakes = 0;

  void show(const Dataset& data, int64_t row) {
    const auto x = data.samples.as<float>().subspan(size_t(2 * row), 2);
    const bool wanted = data.label_of()[size_t(row)] == 1;
    const bool said = std::fma(x[1], w[1], x[0] * w[0]) + w[2] > 0;
    if (said == wanted) return;
    ++mistakes;
    const float sign = wanted ? 1 : -1;
    w = {w[0] + sign * x[0], w[1] + sign * x[1], w[2] + sign};
  }
};

TEST(Perceptron, IsRosenblattsRuleToTheBit) {
  const Trained run = trained("lines", {"epochs=5"});
  Rule rule;
  Batches batches(run.data.train.size(), 1, 0, Order::shuffled);
  for (Position at; at.epoch < 5; at = batches.after(at)) rule.show(run.data.train, batches.rows(at)[0]);
  const std::vector<double> w = run.model.states().read("fc1.weight").values();
  EXPECT_EQ(w[0], double(rule.w[0]));
  EXPECT_EQ(w[1], double(rule.w[1]));
  EXPECT_EQ(run.model.states().read("fc1.bias").at(0), double(rule.w[2]));
  ASSERT_TRUE(run.result.perceptron);
  EXPECT_GT(rule.mistakes, 0);
  EXPECT_EQ(run.result.perceptron->mistakes, rule.mistakes);
}

TEST(Perceptron, SettlesWithinNovikoffsBoundWhateverTheRate) {
  for (const char* lr : {"lr=1.0", "lr=0.25"})
    for (const char* seed : {"seed=0", "seed=1", "seed=2", "seed=3"}) {
      const Trained run = trained("lines", {lr, seed, "epochs=60"});
      ASSERT_TRUE(run.result.perceptron);
      const PerceptronCourse& course = *run.result.perceptron;
      EXPECT_GT(course.settled, 0) << seed;
      EXPECT_EQ(course.last_mistakes, 0);
      EXPECT_GT(course.mistakes, 0);
      EXPECT_LE(double(course.mistakes), course.classes.bound());
      EXPECT_EQ(run.result.train.accuracy(), 1);
      const std::vector<std::string> sentences = sentences_of(course, run.data.train);
      ASSERT_EQ(sentences.size(), 2u);
      EXPECT_THAT(sentences[0], HasSubstr("it has settled"));
      EXPECT_THAT(sentences[1], HasSubstr("(R / gamma)^2"));
    }
}

TEST(Perceptron, GoesRoundInACircleOnXor) {
  const Trained run = trained("xor", {"noise=0", "samples=4", "shuffle=false", "epochs=30"});
  ASSERT_TRUE(run.result.perceptron);
  const PerceptronCourse& course = *run.result.perceptron;
  EXPECT_EQ(course.settled, 0);
  EXPECT_GT(course.last_mistakes, 0);
  EXPECT_EQ(course.classes.answer, Separation::inseparable);
  ASSERT_GT(course.cycle, 0);
  // So many epochs on the weights are the same, and at no epoch before.
  Rule rule;
  std::vector<std::vector<float>> after;
  for (int64_t epoch = 0; epoch < 30 + course.cycle; ++epoch) {
    for (int64_t row = 0; row < 4; ++row) rule.show(run.data.train, row);
    after.push_back(rule.w);
  }
  EXPECT_EQ(after.back(), after[29]);
  for (int64_t epoch = 30; epoch + 1 < 30 + course.cycle; ++epoch) EXPECT_NE(after[size_t(epoch)], after[29]);
  const std::vector<std::string> sentences = sentences_of(course, run.data.train);
  ASSERT_EQ(sentences.size(), 3u);
  EXPECT_THAT(sentences[1], HasSubstr("(0.5, 0.5)"));
  EXPECT_THAT(sentences[2], HasSubstr("circle"));
}

TEST(Perceptron, SaysNothingOfOtherTrainings) {
  for (const std::vector<std::string>& keys : std::vector<std::vector<std::string>>{{"batch=2"},
                                                                                    {"momentum=0.9"},
                                                                                    {"loss=binary_cross_entropy"},
                                                                                    {"schedule=time"},
                                                                                    {"optimizer=adam"},
                                                                                    {"clip_norm=1"},
                                                                                    {"weight_decay=0.1"},
                                                                                    {"data=spiral"}}) {
    std::vector<std::string> all = keys;
    all.push_back("epochs=2");
    EXPECT_FALSE(trained("lines", all).result.perceptron) << keys[0];
  }
}

TEST(Perceptron, OfSeveralClassesTheLargestFires) {
  const Trained run = trained("blobs", {"epochs=30"});
  EXPECT_GT(run.result.test.accuracy(), 0.95);
  for (int64_t row = 0; row < 20; ++row) {
    double ones = 0;
    for (int64_t i = 0; i < 3; ++i) ones += run.result.predictions.at(3 * row + i);
    EXPECT_EQ(ones, 1);
  }
}

TEST(Perceptron, BringsItsWayOfLearningAlong) {
  const Recipe named = parse_recipe("vitro = 1\n[data]\nsource = \"lines\"\n[net]\nname = \"perceptron\"\n", "a.toml");
  EXPECT_EQ(named.train.loss, "perceptron");
  EXPECT_EQ(named.train.batch, 1);
  EXPECT_EQ(named.train.optimizer.args.real("lr"), 1);
  const Recipe set = recipe_for("moons", {"batch=7", "optimizer=adam", "net=perceptron"});
  EXPECT_EQ(set.train.loss, "perceptron");
  EXPECT_EQ(set.train.batch, 7); // what is said goes before what the net brings, in whatever order it is said
  EXPECT_EQ(set.train.optimizer.name, "adam");
}

} // namespace
} // namespace vitro

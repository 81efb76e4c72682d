// Each diagnosis is provoked by a real small training; healthy trainings provoke none; and looking changes nothing.
#include "train/diagnoses.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "train/probe.h"
#include "train/run.h"
#include "train/setup.h"
#include "train/training.h"
#include "train_place.h"

namespace vitro {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> names(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const Finding& one : findings) out.push_back(one.name);
  return out;
}

class Diagnoses : public InOwnPlace {
protected:
  using Change = std::function<void(Splits& data)>;
  struct Run {
    Recipe recipe;
    Splits data;
    RunDirectory directory;
    TrainingResult result;
  };
  Run run(Recipe recipe, const Change& change = {}, TrainingHooks hooks = {}) {
    Splits data = open_data(recipe.data.source, data_options(recipe));
    if (change) change(data);
    recipe = complete(std::move(recipe), data.train.schema);
    Model model(model_spec(recipe, data.train.schema));
    RunDirectory directory = create_run((place_ / text("run-", ++runs_)).string(), "run", "net", to_toml(recipe),
                                        to_json(data.train.schema));
    TrainingResult result = train(model, recipe, data, directory, hooks);
    return {std::move(recipe), std::move(data), std::move(directory), std::move(result)};
  }
  /// A recipe by its [net] and [train], on a data set with its keys.
  std::vector<Finding> seen(const std::string& data, const std::string& net, const std::string& plan,
                            const Change& change = {}) {
    return run(parse_recipe(text("vitro = 1\n[data]\n", data, "\n[net]\n", net, "\n[train]\n", plan, "\n"), "test"),
               change)
        .result.diagnoses;
  }

  int runs_ = 0;
};

/// The finding of that name; fails the test where there is none.
Finding only(const std::vector<Finding>& findings, const std::string& name) {
  for (const Finding& one : findings)
    if (one.name == name) return one;
  ADD_FAILURE() << "no " << name << " among " << testing::PrintToString(names(findings));
  return {};
}

// Which sample has which label is forgotten.
void shuffle_labels(Splits& data) {
  for (Dataset* part : {&data.train, &data.validation, &data.test}) {
    const auto labels = part->labels.as<int32_t>();
    const Stream stream(3, "shuffled labels");
    for (size_t i = labels.size(); i > 1; --i)
      std::swap(labels[i - 1], labels[size_t(stream.below(i, uint64_t(i), 0))]);
  }
}

const std::string digits = "source = \"digits\"\nsamples = 2000\nvalidation = 500\ntest = 100";
const std::string moons = "source = \"moons\"";

// ---- Healthy ------------------------------------------------------------------------------------------

TEST_F(Diagnoses, StockRecipesAreHealthy) {
  for (const char* name :
       {"digits", "moons", "circles", "blobs", "xor", "lines", "spiral", "spiral_nnfs", "sine", "residual", "shared"})
    for (const char* seed : {"seed=0", "seed=1"}) {
      const Run one = run(recipe_for(name, {seed}));
      EXPECT_THAT(names(one.result.diagnoses), IsEmpty()) << name << " " << seed;
      EXPECT_GE(one.result.layers.rows.size(), 2u);
    }
}

TEST_F(Diagnoses, HealthyNetsOfOtherActivationsAndOptimizers) {
  for (const char* activation : {"relu", "tanh", "sigmoid", "leaky_relu"})
    for (const char* plan : {"optimizer = \"adam\"\nlr = 0.003\nbatch = 32\nepochs = 15",
                             "optimizer = \"sgd\"\nlr = 0.02\nmomentum = 0.9\nbatch = 32\nepochs = 15"})
      EXPECT_THAT(
          names(seen(digits, text("name = \"mlp\"\nhidden = [64, 64]\nactivation = \"", activation, "\""), plan)),
          IsEmpty())
          << activation << " " << plan;
}

// Its loss begins at 0, where nothing is said; that it never settles on moons is the perceptron's own sentence.
TEST_F(Diagnoses, APerceptronsLossHasNoFirstValueToCompareWith) {
  for (const char* data : {"moons", "lines"})
    EXPECT_THAT(names(run(recipe_for(data, {"net=perceptron", "epochs=10"})).result.diagnoses), IsEmpty()) << data;
}

// ---- Provoked -------------------------------------------------------------------------------------------

TEST_F(Diagnoses, DeadRelu) {
  // Steps of this size throw most units to where no sample reaches them.
  const Finding one =
      only(seen(digits, "name = \"mlp\"\nhidden = [64, 64]", "optimizer = \"adam\"\nlr = 0.3\nbatch = 64\nepochs = 6"),
           "dead_relu");
  EXPECT_THAT(one.layer, testing::StartsWith("fc"));
  EXPECT_THAT(one.text, testing::MatchesRegex("fc[12]: [0-9]+ % of units never fire since epoch [0-9] .dead ReLU."));
  EXPECT_THAT(one.advice, HasSubstr("it is 0.3"));
}

TEST_F(Diagnoses, NoGradientPassesAStep) {
  const Finding one =
      only(seen(moons,
                "layers = [{op=\"dense\", out=16}, {op=\"dense\", out=16, name=\"zero\"}, {op=\"greater\", "
                "from=[\"fc1\", \"zero\"], name=\"step\"}, {op=\"dense\", out=\"classes\", name=\"out\"}]",
                "optimizer = \"adam\"\nlr = 0.01\nepochs = 5"),
           "no_gradient");
  EXPECT_EQ(one.layer, "step");
  EXPECT_EQ(one.since_epoch, 0);
  EXPECT_THAT(one.text, HasSubstr("from the start"));
}

TEST_F(Diagnoses, Saturated) {
  const auto found = seen(digits,
                          "layers = [{op=\"flatten\"}, {op=\"dense\", out=64, init=\"normal(0, 1)\"}, {op=\"tanh\"}, "
                          "{op=\"dense\", out=\"classes\"}]",
                          "optimizer = \"sgd\"\nlr = 0.01\nepochs = 4");
  const Finding one = only(found, "saturated");
  EXPECT_EQ(one.layer, "fc1");
  EXPECT_THAT(one.text, HasSubstr("ends of tanh from the start"));
}

TEST_F(Diagnoses, InputsThatAreNotScaled) {
  std::ofstream file(place_ / "houses.csv");
  file << "rooms,income,price\n";
  const Stream stream(5, "houses");
  for (int i = 0; i < 400; ++i) {
    const double rooms = 4 + stream.normal(uint64_t(i), 0), income = 50000 + 10000 * stream.normal(uint64_t(i), 1);
    file << rooms << "," << income << "," << 3 * rooms + income / 10000 << "\n";
  }
  file.close();
  const std::string data = text("source = \"", (place_ / "houses.csv").string(), "\"");
  const std::string net = "name = \"mlp\"\nhidden = [16]", plan = "optimizer = \"adam\"\nlr = 0.003\nepochs = 20";
  const Finding one = only(seen(data + "\nstandardise = false", net, plan), "inputs_not_scaled");
  EXPECT_THAT(one.text, HasSubstr("income"));
  EXPECT_THAT(one.advice, HasSubstr("standardise=true"));
  EXPECT_THAT(names(seen(data, net, plan)), IsEmpty());
}

std::string deep(const std::string& activation, const std::string& init) {
  std::string out = "layers = [{op=\"flatten\"}";
  for (int i = 0; i < 6; ++i) out += text(", {op=\"dense\", out=64", init, "}, {op=\"", activation, "\"}");
  return out + text(", {op=\"dense\", out=\"classes\"", init, "}]");
}

TEST_F(Diagnoses, Exploding) {
  const Finding one = only(
      seen(digits, deep("relu", ", init=\"normal(0, 1)\""), "optimizer = \"sgd\"\nlr = 1e-9\nepochs = 3"), "exploding");
  EXPECT_EQ(one.layer, "fc1");
  EXPECT_EQ(one.since_epoch, 0);
}

TEST_F(Diagnoses, Vanishing) {
  const auto found = seen(digits, deep("sigmoid", ""), "optimizer = \"sgd\"\nlr = 0.1\nepochs = 5");
  const Finding one = only(found, "vanishing");
  EXPECT_EQ(one.layer, "fc1");
  EXPECT_THAT(one.text, HasSubstr("times smaller than at fc7"));
}

TEST_F(Diagnoses, Diverging) {
  const Finding one = only(seen(digits, "name = \"linear\"", "optimizer = \"sgd\"\nlr = 20\nepochs = 5"), "diverging");
  EXPECT_THAT(one.text, HasSubstr("diverging"));
  EXPECT_THAT(one.advice, HasSubstr("it is 20"));
}

TEST_F(Diagnoses, LearningRateTooSmall) {
  const auto found = seen(digits, "name = \"mlp\"\nhidden = [64]", "optimizer = \"sgd\"\nlr = 1e-6\nepochs = 5");
  EXPECT_THAT(names(found), ElementsAre("lr_too_small"));
  EXPECT_THAT(found[0].advice, HasSubstr("lr-find"));
}

TEST_F(Diagnoses, ConstantPrediction) {
  // All weights zero: every unit gets the same gradient, none, and only the last bias learns.
  const auto found = seen(digits,
                          "layers = [{op=\"flatten\"}, {op=\"dense\", out=32, init=\"zero\"}, {op=\"tanh\"}, "
                          "{op=\"dense\", out=\"classes\", init=\"zero\"}]",
                          "optimizer = \"sgd\"\nlr = 0.1\nepochs = 5");
  EXPECT_THAT(names(found), ElementsAre("constant_prediction"));
  EXPECT_EQ(found[0].since_epoch, 0);
}

TEST_F(Diagnoses, LabelsThatDoNotBelongToTheInputs) {
  const auto memory = seen(digits, "name = \"mlp\"\nhidden = [128]",
                           "optimizer = \"adam\"\nlr = 0.001\nepochs = 40\npatience = 0", shuffle_labels);
  EXPECT_THAT(names(memory), ElementsAre("labels_unrelated"));
  EXPECT_THAT(memory[0].text, HasSubstr("by memory only"));
  EXPECT_THAT(memory[0].advice, HasSubstr("shuffled apart"));
  // A straight line cannot tell the corners of a square apart.
  const auto flat =
      seen("source = \"xor\"", "name = \"linear\"", "optimizer = \"adam\"\nlr = 0.01\nbatch = 8\nepochs = 60");
  EXPECT_THAT(names(flat), ElementsAre("labels_unrelated"));
  EXPECT_THAT(flat[0].text, HasSubstr("stays at 0.69"));
}

TEST_F(Diagnoses, Overfitting) {
  const auto found =
      seen(moons + "\nsamples = 40\nvalidation = 300\nnoise = 0.5", "name = \"mlp\"\nhidden = [256, 256]",
           "optimizer = \"adam\"\nlr = 0.003\nbatch = 8\nepochs = 150\nbest_weights = false");
  const Finding one = only(found, "overfitting");
  EXPECT_GT(one.since_epoch, 0);
  EXPECT_THAT(one.text, HasSubstr(text("since epoch ", one.since_epoch)));
  EXPECT_THAT(one.advice, HasSubstr("patience"));
}

TEST_F(Diagnoses, WhatActsInTrainingOnly) {
  const auto net = [](const std::string& layer) {
    return "layers = [{op=\"flatten\"}, {op=\"dense\", out=128}, " + layer +
           ", {op=\"relu\"}, {op=\"dense\", out=\"classes\"}]";
  };
  const auto dropped =
      seen(digits, net("{op=\"dropout\", p=0.8}"), "optimizer = \"adam\"\nlr = 0.001\nbatch = 32\nepochs = 6");
  ASSERT_THAT(names(dropped), ElementsAre("training_differs"));
  EXPECT_THAT(dropped[0].text, HasSubstr("because of dropout1"));
  EXPECT_THAT(dropped[0].advice, HasSubstr("nothing is wrong"));
  // Running means that hardly move are still those of the untrained net.
  const auto lagging =
      seen(digits, net("{op=\"batch_norm\", momentum=1e-4}"), "optimizer = \"sgd\"\nlr = 0.1\nbatch = 32\nepochs = 8");
  EXPECT_THAT(only(lagging, "training_differs").text, HasSubstr("does worse than in training"));
  EXPECT_THAT(names(seen(digits, net("{op=\"batch_norm\"}"), "optimizer = \"sgd\"\nlr = 0.02\nbatch = 32\nepochs = 8")),
              IsEmpty());
}

TEST_F(Diagnoses, WhatIsNotFiniteIsToldBeforeTheTrainingEnds) {
  std::vector<Finding> last;
  TrainingHooks hooks;
  hooks.look = [&](const Inside& inside) { last = inside.diagnoses; };
  // A softmax written by hand: exp overflows as soon as a logit passes 88.7.
  const std::string naive =
      "layers = [{op=\"flatten\"}, {op=\"dense\", out=\"classes\", init=\"normal(0, 3)\"}, {op=\"exp\"}]";
  const Recipe recipe =
      parse_recipe(text("vitro = 1\n[data]\n", digits, "\n[net]\n", naive,
                        "\n[train]\nloss = \"squared_error\"\noptimizer = \"sgd\"\nlr = 1e-9\nepochs = 2\n"),
                   "test");
  EXPECT_THROW(run(recipe, {}, hooks), Error);
  const Finding one = only(last, "not_finite");
  EXPECT_EQ(one.layer, "exp1");
  EXPECT_THAT(one.text, HasSubstr("the loss became inf: exp in layer exp1 gave inf"));
  EXPECT_THAT(one.text, HasSubstr("there "));
}

// ---- Tables, resuming ------------------------------------------------------------------------------------

TEST_F(Diagnoses, LookingChangesNoWeight) {
  const Recipe recipe = recipe_for("moons", {"samples=60", "epochs=7", "patience=0"});
  TrainingHooks blind;
  blind.probe = false;
  const Run looked = run(recipe), not_looked = run(recipe, {}, blind);
  EXPECT_EQ(looked.result.weights_sha256, not_looked.result.weights_sha256);
  EXPECT_EQ(looked.result.test.loss, not_looked.result.test.loss);
  EXPECT_EQ(looked.result.layers.rows.size(), 8u);
  EXPECT_TRUE(not_looked.result.layers.rows.empty());
  EXPECT_FALSE(std::filesystem::exists(not_looked.directory.layers()));
}

TEST_F(Diagnoses, AResumedRunGoesOnWithItsTable) {
  const Recipe recipe =
      recipe_for("moons", {"samples=60", "batch=8", "epochs=30", "patience=0", "lr=1e-7", "optimizer=sgd"});
  const Run whole = run(recipe);
  EXPECT_THAT(names(whole.result.diagnoses), ElementsAre("lr_too_small"));
  for (const int stop_after : {0, 3, 8, 100, 150}) {
    int batches = 0;
    TrainingHooks hooks;
    hooks.batch = [&](const Pace&) { ++batches; };
    hooks.stop = [&] { return batches >= stop_after; };
    const Run cut = run(recipe, {}, hooks);
    EXPECT_EQ(cut.result.ending, Ending::interrupted);
    StoredRun stored = open_run(cut.directory);
    Model fresh(model_spec(stored.recipe, stored.schema));
    const TrainingResult resumed = train(fresh, stored.recipe, data_of(stored), cut.directory);
    EXPECT_EQ(to_csv(resumed.layers), to_csv(whole.result.layers)) << stop_after;
    EXPECT_EQ(resumed.diagnoses, whole.result.diagnoses) << stop_after;
    EXPECT_EQ(read_text(cut.directory.layers()), to_csv(whole.result.layers));
    // Whoever looks at the run later sees the same.
    StoredRun again = open_run(cut.directory);
    EXPECT_EQ(standing(again.model, again.recipe, data_of(again), cut.directory).diagnoses, whole.result.diagnoses);
  }
}

TEST_F(Diagnoses, ACheckpointWithoutATableIsStillRead) {
  const Recipe recipe = recipe_for("moons", {"samples=60", "epochs=12", "patience=0"});
  TrainingHooks blind;
  blind.probe = false;
  int batches = 0;
  blind.batch = [&](const Pace&) { ++batches; };
  blind.stop = [&] { return batches >= 5; };
  const Run cut = run(recipe, {}, blind);
  StoredRun stored = open_run(cut.directory);
  Model fresh(model_spec(stored.recipe, stored.schema));
  const TrainingResult resumed = train(fresh, stored.recipe, data_of(stored), cut.directory);
  EXPECT_EQ(resumed.weights_sha256, run(recipe).result.weights_sha256);
  EXPECT_FALSE(resumed.layers.rows.empty());
}

TEST(Probe, LooksAsOftenAsSaid) {
  const auto looks = [](int64_t samples, int64_t epochs) {
    const Splits data = open_data("moons", {.samples = samples});
    const Model model({.net = mlp({4}), .sample = data.train.schema.sample, .outputs = 2});
    const Probe probe(model, data.train, 0);
    std::vector<int64_t> at = {0};
    for (int64_t epoch = 1; epoch <= epochs; ++epoch)
      if (probe.due(epoch, epochs, at.back())) at.push_back(epoch);
    return at;
  };
  EXPECT_EQ(looks(100000, 20).size(), 21u); // every epoch where it costs next to nothing
  const auto small = looks(100, 200);       // 32 samples of training between looks for one of the probe's
  EXPECT_EQ(small[10], 10);
  EXPECT_EQ(small[11], 42);
  EXPECT_EQ(small.back(), 200);
  EXPECT_LT(looks(100000, 30000).size(), 600u);
}

// ---- Rules over a table made by hand -------------------------------------------------------------------------

TEST(Probe, CodesOfCategoriesAreNoSizes) {
  Schema schema;
  schema.goal = Goal::classes;
  schema.sample = {2};
  schema.features = {"town", "size"};
  schema.targets = {"result"};
  schema.classes = {"a", "b"};
  schema.columns = {{.name = "town", .role = Role::embedding},
                    {.name = "size", .role = Role::number, .indicator = true}};
  for (int i = 0; i < 90; ++i) schema.columns[0].categories.push_back(text(i + 10));
  Splits data{empty_like(schema), empty_like(schema), empty_like(schema)};
  data.train.samples = Tensor(Type{DType::f32, {90, 2}});
  data.train.labels = Tensor(Type{DType::i32, {90}});
  for (int64_t i = 0; i < 90; ++i) {
    data.train.samples.set(2 * i, double(i));
    data.train.samples.set(2 * i + 1, i % 2 ? 3 : -3);
  }
  Recipe recipe =
      complete(parse_recipe("vitro = 1\n[data]\nsource = \"./towns.csv\"\n[net]\nname = \"mlp\"\n", "test"), schema);
  const auto size_of = [&] {
    for (Dataset* part : {&data.train, &data.validation, &data.test}) part->schema = schema;
    const Model model(model_spec(recipe, schema));
    Probe probe(model, data.train, 0);
    History layers{probe.columns(), {probe.look(0)}};
    const TrainingFacts facts = facts_of(model, recipe, data);
    const History none;
    const Look look(facts, none, layers);
    for (const Finding& one : diagnose(facts, none, layers)) EXPECT_NE(one.name, "inputs_not_scaled");
    return std::pair{look.probe("input:size"), look.probe("input:feature")};
  };
  EXPECT_EQ(size_of(), std::pair(3.0, 0.0)); // the first of the net's inputs; codes come last
  schema.columns[1] = {.name = "size", .role = Role::embedding, .categories = {"3"}};
  for (int64_t i = 0; i < 90; ++i) data.train.samples.set(2 * i + 1, i % 2);
  recipe =
      complete(parse_recipe("vitro = 1\n[data]\nsource = \"./towns.csv\"\n[net]\nname = \"mlp\"\n", "test"), schema);
  EXPECT_TRUE(std::isnan(size_of().first));
}

TEST(Rules, SinceIsTheBeginningOfTheLastUnbrokenStretch) {
  TrainingFacts setting;
  setting.layers = resolve({.layers = {{.op = "dense", .args = {{"out", int64_t{4}}}}, {.op = "relu"}}}, 4);
  History layers{{"epoch", "loss", "fc1:weight", "relu1:dead"}, {}};
  const auto with = [&](std::vector<double> dead) {
    layers.rows.clear();
    for (size_t i = 0; i < dead.size(); ++i) layers.rows.push_back({double(2 * i), 1, 1, dead[i]});
    return diagnose(setting, {}, layers);
  };
  EXPECT_THAT(with({0.1, 0.6, 0.61}), ElementsAre(testing::Field(&Finding::since_epoch, 2)));
  EXPECT_EQ(with({0.1, 0.6, 0.61})[0].text, "fc1: 61 % of units never fire since epoch 2 (dead ReLU)");
  EXPECT_EQ(with({0.6, 0.1, 0.6, 0.6})[0].since_epoch, 4);
  EXPECT_THAT(with({0.1, 0.1, 0.6}), IsEmpty()); // once is no diagnosis
  EXPECT_THAT(with({0.6, 0.6, 0.1}), IsEmpty()); // it is over
  EXPECT_THAT(with({}), IsEmpty());
  EXPECT_THAT(with({NAN, NAN}), IsEmpty());
}

TEST(Rules, WhatActsInTrainingOnlyExplainsTheDifference) {
  const Layer dropout{
      .name = "dropout", .short_name = "dropout", .formula = "", .doc = "", .inputs = {"x"}, .build = {}};
  TrainingFacts setting;
  setting.layers = {{"dropout1", &dropout, {}, {-1}, "dropout1"}};
  const auto with = [&](double training, double evaluation, double train, double validation) {
    const History history{{"epoch", "train_loss", "validation_loss"}, {{1, train, validation}, {2, train, validation}}};
    return diagnose(
        setting, history,
        {{"epoch", "loss", "training_loss"}, {{0, 2, 2}, {1, evaluation, training}, {2, evaluation, training}}});
  };
  const auto noisy = with(0.5, 0.3, 0.52, 0.35);
  EXPECT_THAT(names(noisy), ElementsAre("training_differs"));
  EXPECT_THAT(noisy[0].text, HasSubstr("since epoch 1 because of dropout1"));
  EXPECT_THAT(with(0.5, 0.3, 0.3, 0.35), IsEmpty()); // it does not look worse: nothing to explain
  EXPECT_THAT(with(0.31, 0.3, 0.52, 0.35), IsEmpty());
  EXPECT_THAT(with(0.3, 0.9, 0.3, 0.9)[0].text, HasSubstr("does worse than in training"));
  setting.layers.clear();
  EXPECT_THAT(with(0.5, 0.3, 0.52, 0.35), IsEmpty());
}

TEST(Rules, ATableWithHolesIsNoCrash) {
  TrainingFacts setting;
  setting.layers = resolve({.layers = {{.op = "dense", .args = {{"out", int64_t{4}}}}, {.op = "relu"}}}, 4);
  EXPECT_THAT(diagnose(setting, {}, {}), IsEmpty());
  EXPECT_THAT(diagnose(setting, {}, {{"epoch"}, {{}}}), IsEmpty());
  EXPECT_THAT(diagnose(setting, {}, {{"epoch", "loss"}, {{7, NAN}, {9, NAN}}}), IsEmpty());
  EXPECT_THAT(diagnose(setting, {{"epoch", "train_loss"}, {{1, NAN}}}, {{"loss"}, {{1}, {1}}}), IsEmpty());
}

TEST(Rules, AreStatedInTheDocs) {
  const std::string page = read_text(std::string(VITRO_SOURCE_DIR) + "/docs/diagnoses.md");
  for (const Rule& rule : rules()) {
    EXPECT_THAT(page, HasSubstr(text("| `", rule.name, "` | ", rule.what, " ", rule.limit, " | ", rule.why, " |")));
    for (const char* other : rule.silences)
      EXPECT_TRUE(std::ranges::any_of(rules(), [&](const Rule& one) { return std::string(one.name) == other; }))
          << other;
  }
}

} // namespace
} // namespace vitro

// key=value: unique suffixes, aliases, layers by name, and every mistake at its assignment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "recipe/recipe.h"

namespace vitro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string layered = R"(vitro = 1
[data]
source = "moons"
[block.res]
layers = [{op="dense", name="main", out="$width"}, {op="add", from=["main", "input"]}]
[net]
layers = [{op="dense", out=8}, {op="tanh"}, {op="res", name="first", width=8}, {op="dense", name="last", out="classes"}]
[train]
optimizer = "sgd"
lr = 0.1
momentum = 0.9
)";

const std::string named = R"(vitro = 1
[data]
source = "digits"
[net]
name = "mlp"
[train]
optimizer = "sgd"
lr = 0.1
momentum = 0.9
schedule = {op="time", k=0.5}
)";

Recipe changed(const std::string& toml, const std::vector<std::string>& assignments) {
  Recipe recipe = parse_recipe(toml, "r");
  set_all(recipe, assignments);
  return recipe;
}

std::string refusal(const std::string& toml, const std::vector<std::string>& assignments) {
  Recipe recipe = parse_recipe(toml, "r");
  const std::string before = to_toml(recipe);
  try {
    set_all(recipe, assignments);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_EQ(to_toml(recipe), before) << "nothing is set where one can't be";
    return error.what();
  }
  ADD_FAILURE() << "not refused: " << assignments.back();
  return "";
}

TEST(Set, SuffixesFullKeysAndAliases) {
  for (const char* key : {"lr", "train.lr", "learning_rate", "train.learning_rate"})
    EXPECT_EQ(changed(named, {std::string(key) + "=0.5"}).train.optimizer.args.real("lr"), 0.5) << key;
  EXPECT_EQ(changed(named, {"lr=1"}).train.optimizer.args.real("lr"), 1.0);
  EXPECT_EQ(changed(named, {"lr = 1e-3"}).train.optimizer.args.real("lr"), 1e-3);
  EXPECT_EQ(changed(named, {"batch_size=7"}).train.batch, 7);
  EXPECT_EQ(changed(named, {"batch=7", "batch=9"}).train.batch, 9) << "the last one counts";
  EXPECT_EQ(changed(named, {"schedule.k=2"}).train.schedule.args.real("k"), 2.0);
  EXPECT_EQ(changed(named, {"k=2"}).train.schedule.args.real("k"), 2.0);
  EXPECT_FALSE(changed(named, {"best_weights=false"}).train.best_weights);
  EXPECT_EQ(changed(named, {"noise=0.5"}).data.noise, 0.5);
  EXPECT_EQ(changed(named, {"lr=.5"}).train.optimizer.args.real("lr"), 0.5); // TOML would want the 0
}

TEST(Set, WordsNeedNoQuotes) {
  EXPECT_EQ(changed(named, {"activation=tanh"}).net.args.word("activation"), "tanh");
  EXPECT_EQ(changed(named, {"activation=\"tanh\""}).net.args.word("activation"), "tanh");
  EXPECT_EQ(changed(named, {"data=some/points.csv"}).data.source, "some/points.csv");
  EXPECT_EQ(changed(named, {"source=2024-01-01"}).data.source, "2024-01-01");
  EXPECT_EQ(changed(named, {"target=3"}).data.target, "3");
  EXPECT_EQ(changed(named, {"target=true"}).data.target, "true");
  EXPECT_EQ(changed(named, {"separator=;"}).data.separator, ";");
}

TEST(Set, ListsAndLoneNumbersForLists) {
  EXPECT_THAT(changed(named, {"hidden=[64,32]"}).net.args.list("hidden"), ElementsAre(64, 32));
  EXPECT_THAT(changed(named, {"hidden=64"}).net.args.list("hidden"), ElementsAre(64));
}

TEST(Set, LayersByNameAndPosition) {
  for (const char* key : {"layers.0.out", "net.layers.0.out"})
    EXPECT_EQ(changed(layered, {std::string(key) + "=64"}).net.spec.layers[0].args.integer("out"), 64) << key;
  EXPECT_EQ(changed(layered, {"last.out=3"}).net.spec.layers[3].args.integer("out"), 3);
  EXPECT_EQ(changed(layered, {"last.init=he_normal"}).net.spec.layers[3].args.word("init"), "he_normal");
  EXPECT_EQ(changed(layered, {"first.width=8"}).net.spec.layers[2].args.integer("width"), 8);
  EXPECT_EQ(changed(layered, {"main.gain=2"}).net.spec.blocks.at("res").layers[0].args.real("gain"), 2.0);
  const std::string plain = R"(vitro = 1
[data]
source = "moons"
[net]
layers = [{op="dense", out=8}, {op="tanh"}, {op="dense", out="classes"}])";
  EXPECT_EQ(changed(plain, {"fc1.out=64"}).net.spec.layers[0].args.integer("out"), 64) << "a name that nobody wrote";
}

TEST(Set, AnotherOptimiserBringsItsOwnDefaultsWhereverItStands) {
  const Recipe adam = changed(named, {"beta1=0.8", "optimizer=adam"});
  EXPECT_EQ(adam.train.optimizer.name, "adam");
  EXPECT_EQ(adam.train.optimizer.args.real("lr"), 1e-3);
  EXPECT_EQ(adam.train.optimizer.args.real("beta1"), 0.8);
  EXPECT_FALSE(adam.train.optimizer.args.has("momentum"));
  EXPECT_EQ(changed(named, {"lr=0.2", "optimizer=adam"}).train.optimizer.args.real("lr"), 0.2);
  EXPECT_EQ(changed(named, {"optimizer=sgd"}).train.optimizer.args.real("momentum"), 0.9) << "the same one stays";
}

TEST(Set, GroupsAndAverages) {
  const std::string groups =
      R"(groups=[{match="*.bias", weight_decay=0}, {match="fc1.*", learning_rate=0.5, lr_factor=2, freeze=true}])";
  const Recipe recipe = changed(named, {groups, "ema_decay=0.99"});
  ASSERT_EQ(recipe.train.optimizer.groups.size(), 2u);
  EXPECT_EQ(recipe.train.optimizer.groups[1].args.real("lr"), 0.5);
  EXPECT_TRUE(recipe.train.optimizer.groups[1].freeze);
  EXPECT_EQ(recipe.train.average.ema_decay, 0.99);
  const std::string toml = to_toml(recipe);
  EXPECT_EQ(to_toml(parse_recipe(toml, "again")), toml);
  EXPECT_THAT(
      toml,
      HasSubstr(
          R"(groups = [{match="*.bias", weight_decay=0.0}, {match="fc1.*", lr=0.5, lr_factor=2.0, freeze=true}])"));
  EXPECT_EQ(changed(toml, {"optimizer=adam"}).train.optimizer.groups.size(), 2u) << "another optimiser keeps them";
  EXPECT_TRUE(changed(toml, {"groups=[]"}).train.optimizer.groups.empty());
  EXPECT_THAT(refusal(named, {R"(groups=[{match="*", momentun=0.5}])"}), HasSubstr("did you mean \"momentum\""));
  EXPECT_THAT(refusal(named, {R"(groups=[{match="*", momentum=1.5}])"}),
              AllOf(HasSubstr("[groups="), HasSubstr("below 1")));
  EXPECT_THAT(refusal(named, {R"(groups=[{weight_decay=0}])"}), HasSubstr("has no match"));
  EXPECT_THAT(refusal(named, {R"(groups="*.bias")"}), HasSubstr("expected a list"));
  EXPECT_THAT(refusal(named, {"ema_decay=1"}), HasSubstr("below 1"));
  EXPECT_THAT(refusal(named, {"ema_decay=0.9", "swa_start=2"}), HasSubstr("one of the two"));
  EXPECT_THAT(refusal(named, {"epochs=5", "swa_start=6"}), HasSubstr("the run has 5 epochs"));
}

TEST(Set, NetLossAndSchedule) {
  const Recipe linear = changed(layered, {"net=linear"});
  EXPECT_EQ(linear.net.name, "linear");
  EXPECT_EQ(net_of(linear).layers.size(), 2u);
  EXPECT_THAT(changed(layered, {"hidden=[5]", "net=mlp"}).net.args.list("hidden"), ElementsAre(5));
  EXPECT_EQ(changed(named, {"schedule=constant"}).train.schedule.name, "constant");
  EXPECT_EQ(changed(named, {"schedule={op=\"time\", k=3}"}).train.schedule.args.real("k"), 3.0);
  EXPECT_EQ(changed(named, {"loss=mse", "reduction=half"}).train.reduction, "half");
  EXPECT_EQ(changed(named, {"reduction=half", "loss=mse"}).train.reduction, "half");
  EXPECT_EQ(changed(named, {"loss=mse"}).train.loss, "squared_error");
}

TEST(Set, MistakesAreToldAtTheAssignment) {
  EXPECT_THAT(refusal(named, {"batch=8", "lerning_rate=1"}),
              AllOf(HasSubstr("[lerning_rate=1]"), HasSubstr("did you mean \"learning_rate\"")));
  EXPECT_THAT(refusal(named, {"momentun=0.5"}), HasSubstr("did you mean \"momentum\""));
  EXPECT_THAT(refusal(layered, {"out=3"}),
              AllOf(HasSubstr("could be"), HasSubstr("net.last.out"), HasSubstr("net.layers.0.out")));
  EXPECT_THAT(refusal(named, {"batch=0"}), AllOf(HasSubstr("[batch=0]"), HasSubstr("from 1 on")));
  EXPECT_THAT(refusal(named, {"batch=many"}), HasSubstr("text \"many\""));
  EXPECT_THAT(refusal(named, {"epochs=2", "lr=-1"}), AllOf(HasSubstr("[lr=-1]"), HasSubstr("lr is -1")));
  EXPECT_THAT(refusal(named, {"lr=nan"}), HasSubstr("[lr=nan]"));
  EXPECT_THAT(refusal(named, {"k=-1"}), HasSubstr("[k=-1]"));
  EXPECT_THAT(refusal(named, {"optimizer=adan"}), HasSubstr("did you mean \"adam\""));
  EXPECT_THAT(refusal(named, {"net=mpl"}), HasSubstr("did you mean \"mlp\""));
  const auto delta = [](const Recipe& recipe) { return recipe.train.loss_args.real("delta"); };
  EXPECT_EQ(delta(changed(named, {"loss=huber"})), 1);
  EXPECT_EQ(delta(changed(named, {"delta=1.5", "loss=huber"})), 1.5);
  EXPECT_EQ(delta(changed(named, {"loss={op=\"Huber\", delta=2}"})), 2);
  EXPECT_EQ(delta(changed(to_toml(changed(named, {"loss=huber", "delta=3"})), {"loss=huber"})), 3)
      << "the same one stays";
  EXPECT_EQ(changed(named, {"loss=cross_entropy", "label_smoothing=0.1"}).train.loss_args.real("label_smoothing"), 0.1);
  EXPECT_EQ(changed(named, {"loss=cross_entropy", "class_weights=[1, 2.5]"}).train.loss_args.tensor("class_weights"),
            Tensor({2}, {1, 2.5}, DType::f64));
  EXPECT_THAT(refusal(named, {"loss=huber", "delta=0"}), HasSubstr("[delta=0] loss huber: delta is 0"));
  EXPECT_THAT(refusal(named, {"loss=cross_entropy", "label_smoothing=1.0"}), HasSubstr("below 1"));
  EXPECT_THAT(refusal(named, {"loss=cross_entropy", "class_weights=[1, -1]"}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal(named, {"loss=cross_entropy", "class_weights=[1, x]"}), HasSubstr("class_weights"));
  EXPECT_THAT(refusal(named, {"loss={op=\"huber\", dleta=1}"}), HasSubstr("did you mean \"delta\""));
  EXPECT_THAT(refusal(named, {"loss={delta=1}"}), HasSubstr("has no op"));
  EXPECT_THAT(refusal(named, {"loss=mse2"}), HasSubstr("[loss=mse2]"));
  EXPECT_THAT(refusal(named, {"loss=cross_entropy", "reduction=half"}), HasSubstr("half"));
  EXPECT_THAT(refusal(named, {"activation=tahn"}), HasSubstr("tahn"));
  EXPECT_THAT(refusal(named, {"hidden=[64,"}), HasSubstr("[hidden=[64,]"));
  EXPECT_THAT(refusal(named, {"lr"}), HasSubstr("no assignment"));
  EXPECT_THAT(refusal(named, {"=3"}), HasSubstr("no assignment"));
  EXPECT_THAT(refusal(named, {"lr="}), HasSubstr("no value"));
  EXPECT_THAT(refusal(named, {"shards=100"}), HasSubstr("shards"));
}

TEST(Set, KeysListWhatCanBeSet) {
  const std::vector<RecipeKey> keys = keys_of(parse_recipe(named, "r"));
  const auto value = [&](const std::string& key) -> std::string {
    for (const RecipeKey& one : keys)
      if (one.key == key) return one.value;
    return "no such key";
  };
  EXPECT_EQ(value("data.source"), "\"digits\"");
  EXPECT_EQ(value("data.noise"), "");
  EXPECT_EQ(value("net.hidden"), "[128]");
  EXPECT_EQ(value("train.lr"), "0.1");
  EXPECT_EQ(value("train.schedule.k"), "0.5");
  for (const RecipeKey& one : keys) {
    Recipe recipe = parse_recipe(named, "r");
    if (one.value.empty()) continue;
    EXPECT_NO_THROW(set_all(recipe, {one.key + "=" + one.value})) << one.key;
  }
}

TEST(Set, RubbishNeverCrashes) {
  const Stream stream(4, "rubbish");
  for (uint64_t round = 0; round < 3000; ++round) {
    Draws draws(stream, round);
    std::string assignment =
        std::vector<std::string>{"lr=0.1", "schedule={op=\"time\"}", "hidden=[1,2]", "net=mlp"}[round % 4];
    for (uint64_t flips = 1 + draws.below(3); flips > 0; --flips)
      assignment[draws.below(assignment.size())] = char(draws.below(256));
    Recipe recipe = parse_recipe(named, "r");
    try {
      set_all(recipe, {assignment});
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
}

} // namespace
} // namespace vitro

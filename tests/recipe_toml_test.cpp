// Recipes as TOML: there and back, and every mistake at its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "recipe/embedded.h"
#include "recipe/recipe.h"
#include "recipe/value.h"

namespace vitro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Lines 1 to 19.
const std::string good = R"(vitro = 1
[data]
source = "moons"
noise = 0.2

[net]
layers = [
  {op="dense", name="fc1", out=8, gain=2},
  {op="tanh"},
  {op="dense", out="classes"},
]

[train]
loss = "cross_entropy"
optimizer = "sgd"
lr = 0.1
momentum = 0.9
batch = 16
epochs = 3
)";

std::string refusal(const std::string& toml) {
  try {
    parse_recipe(toml, "my.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  ADD_FAILURE() << "not refused:\n" << toml;
  return "";
}

// `good` with a piece replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string out = good;
  const size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

std::string wrong(const std::string& from, const std::string& to) { return refusal(with(from, to)); }

Schema schema(Goal goal = Goal::classes) {
  Schema out;
  out.goal = goal;
  out.sample = {2};
  (goal == Goal::classes ? out.classes : out.targets) = {"a", "b"};
  return out;
}

TEST(Recipe, IsRead) {
  const Recipe r = parse_recipe(good, "my.toml");
  EXPECT_EQ(r.data.source, "moons");
  EXPECT_EQ(r.data.noise, 0.2);
  EXPECT_FALSE(r.data.samples);
  EXPECT_EQ(r.net.name, "");
  ASSERT_EQ(r.net.spec.layers.size(), 3u);
  EXPECT_EQ(r.net.spec.layers[0].name, "fc1");
  EXPECT_EQ(r.net.spec.layers[0].args.integer("out"), 8);
  EXPECT_EQ(r.net.spec.layers[0].args.real("gain"), 2.0) << "a whole number where a real one is wanted";
  EXPECT_EQ(r.net.spec.layers[2].args.word("out"), "classes");
  EXPECT_EQ(r.train.optimizer.name, "sgd");
  EXPECT_EQ(r.train.optimizer.args.real("lr"), 0.1);
  EXPECT_EQ(r.train.optimizer.args.real("momentum"), 0.9);
  EXPECT_EQ(r.train.optimizer.args.real("weight_decay"), 0.0) << "the optimiser's defaults are filled in";
  EXPECT_EQ(r.train.schedule.name, "constant");
  EXPECT_EQ(r.train.batch, 16);
  EXPECT_EQ(r.train.epochs, 3);
}

TEST(Recipe, SparseOnesGetDefaults) {
  const Recipe r = parse_recipe("vitro = 1\n[data]\nsource = \"a/b.csv\"\n[net]\nname = \"mlp\"\n", "r");
  EXPECT_EQ(r.net.args.list("hidden"), std::vector<int64_t>{128});
  EXPECT_EQ(net_of(r).layers.size(), 4u);
  EXPECT_EQ(r.train.loss, "") << "the data decides";
  EXPECT_EQ(complete(r, schema()).train.loss, "cross_entropy");
  EXPECT_EQ(complete(r, schema(Goal::numbers)).train.loss, "squared_error");
  EXPECT_EQ(model_spec(r, schema(Goal::numbers)).loss, "squared_error");
}

void expect_there_and_back(const Recipe& recipe) {
  const std::string once = to_toml(recipe);
  EXPECT_EQ(to_toml(parse_recipe(once, "once")), once);
  EXPECT_EQ(to_toml(parse_recipe(to_toml(recipe, Comments::yes), "commented")), once) << "comments change nothing";
}

TEST(Recipe, ThereAndBack) {
  Recipe recipe = parse_recipe(good, "my.toml");
  expect_there_and_back(recipe);
  expect_there_and_back(complete(recipe, schema()));
  recipe.data.source = "a \"b\"\\\n\t\x01 ä.csv";
  recipe.data.samples = 7;
  recipe.data.validation = 0.25;
  recipe.data.test = 1e-5;
  recipe.data.target = "y = x";
  recipe.data.goal = "regression";
  recipe.data.separator = ";";
  recipe.data.header = true;
  recipe.train.loss_args.set("class_weights", std::make_shared<const Tensor>(Tensor({2}, {0.1, 2}, DType::f64)));
  recipe.train.clip_norm = 1e20;
  recipe.train.min_delta = 0.1 + 0.2;
  recipe.train.best_weights = false;
  recipe.train.dtype = "f64";
  recipe.train.seed = INT64_MAX;
  expect_there_and_back(recipe);
  const Recipe back = parse_recipe(to_toml(recipe), "r");
  EXPECT_EQ(back.data.source, recipe.data.source);
  EXPECT_EQ(back.train.min_delta, 0.1 + 0.2) << "to the bit";
  EXPECT_EQ(back.train.seed, INT64_MAX);
}

TEST(Recipe, CompleteStatesEveryDefault) {
  const std::string toml = to_toml(complete(parse_recipe(good, "r"), schema()));
  for (const char* line :
       {"samples = 400", "validation = 400", "noise = 0.2", "weight_decay = 0.0", "nesterov = 0",
        "loss = {op=\"cross_entropy\", label_smoothing=0.0, class_weights=[], ignore_index=-100, from_logits=1}",
        "reduction = \"mean\"", "clip_norm = 0.0", "seed = 0", "dtype = \"f32\"", "best_weights = true"})
    EXPECT_THAT(toml, HasSubstr(std::string("\n") + line + "\n"));
  EXPECT_THAT(toml, HasSubstr("init=\"default\""));
  const Recipe once = complete(parse_recipe(good, "r"), schema());
  EXPECT_EQ(to_toml(complete(once, schema())), to_toml(once));
}

TEST(Recipe, EmbeddedOnesAreGoodAndSayWhatTheyShow) {
  EXPECT_GE(embedded_recipes().size(), 6u);
  for (const EmbeddedFile& file : embedded_recipes()) {
    EXPECT_TRUE(file.text.starts_with("# ")) << file.name;
    const Recipe recipe = parse_recipe(std::string(file.text), file.name);
    expect_there_and_back(recipe);
    const std::vector<std::string> names = data_names();
    if (std::find(names.begin(), names.end(), file.name) != names.end()) {
      EXPECT_EQ(recipe.data.source, file.name) << "a data set's own recipe";
    }
    expect_there_and_back(complete(recipe, schema()));
  }
}

// Wiring that a recipe can state: blocks with arguments, repeats, several inputs, shared weights.
TEST(Recipe, BlocksAndWiring) {
  const std::string toml = R"(vitro = 1
[data]
source = "moons"
[block.res]
layers = [
  {op="dense", name="main", out="$width"}, {op="relu"},
  {op="add", from=["relu1", "input"]},
]
[net]
layers = [
  {op="dense", name="a", units=6, use_bias=false},
  {op="res", width=6, repeat=2},
  {op="dense", share="a", from="input"},
  {op="concatenate", from=["res2", "a"]},
  {op="dense", out="classes"},
])";
  const Recipe r = parse_recipe(toml, "r");
  EXPECT_EQ(r.net.spec.layers[0].args.integer("out"), 6) << "Keras's spelling";
  EXPECT_EQ(r.net.spec.layers[0].args.integer("bias"), 0);
  EXPECT_EQ(r.net.spec.layers[2].share, "a");
  EXPECT_EQ(r.net.spec.layers[2].from, std::vector<std::string>{"input"});
  EXPECT_EQ(r.net.spec.layers[1].repeat, 2);
  EXPECT_EQ(r.net.spec.blocks.at("res").layers[0].args.word("out"), "$width");
  expect_there_and_back(r);
}

// A residual net for pictures: words for numbers, lists of two, Keras's and PyTorch's spellings.
TEST(Recipe, NetsOfPictures) {
  const std::string toml = R"(vitro = 1
[data]
source = "mnist"
[block.res]
layers = [
  {op="conv2d", out="$out", kernel=3, stride="$stride", padding=1}, {op="batch_norm"}, {op="relu"},
  {op="conv2d", out="$out", kernel=3, padding=1}, {op="batch_norm", name="main"},
  {op="project", from="input", out="$out", stride="$stride", name="short"},
  {op="add", from=["main", "short"]}, {op="relu"},
]
[net]
layers = [
  {op="Conv2D", filters=8, kernel_size=[3, 5], strides=1, padding="same"},
  {op="res", out=8, stride=1, repeat=2}, {op="res", out=16, stride=2},
  {op="conv2d", out=16, kernel=3, padding="valid", groups="depthwise"},
  {op="MaxPooling2D", pool_size=2, ceil_mode=true},
  {op="global_avg_pool"}, {op="dense", out="classes"},
])";
  const Recipe r = parse_recipe(toml, "r");
  expect_there_and_back(r);
  const std::vector<ResolvedLayer> layers = resolve(r.net.spec, 10);
  EXPECT_EQ(layers[0].args.list("kernel"), (std::vector<int64_t>{3, 5}));
  EXPECT_TRUE(layers[0].args.list("padding").empty()) << "same";
  States states;
  create_parameters(states, r.net.spec, {1, 28, 28}, 10, 0);
  EXPECT_TRUE(states.has("res3.short.0.weight") && !states.has("res1.short.0.weight"));
  EXPECT_EQ(states.at("conv2.weight").type.shape, (Shape{16, 1, 3, 3}));
}

TEST(Recipe, UnknownNamesComeWithTheNearestAndTheLine) {
  EXPECT_THAT(wrong("noise", "nois"),
              AllOf(HasSubstr("my.toml:4"), HasSubstr("\"nois\""), HasSubstr("did you mean \"noise\"")));
  EXPECT_THAT(wrong("[train]", "[trian]"), AllOf(HasSubstr("my.toml:13"), HasSubstr("did you mean \"train\"")));
  EXPECT_THAT(wrong("momentum", "momentom"), AllOf(HasSubstr("my.toml:17"), HasSubstr("did you mean \"momentum\"")));
  EXPECT_THAT(wrong("\"tanh\"", "\"tahn\""), AllOf(HasSubstr("my.toml:9"), HasSubstr("did you mean \"tanh\"")));
  EXPECT_THAT(wrong("gain", "gainn"), AllOf(HasSubstr("my.toml:8"), HasSubstr("did you mean \"gain\"")));
  EXPECT_THAT(wrong("cross_entropy", "cross_entropi"),
              AllOf(HasSubstr("my.toml:14"), HasSubstr("did you mean \"cross_entropy\"")));
  EXPECT_THAT(wrong("\"sgd\"", "\"adamm\""), AllOf(HasSubstr("my.toml:15"), HasSubstr("did you mean \"adam\"")));
  EXPECT_THAT(wrong("epochs = 3", "schedule = {op=\"tim\"}"),
              AllOf(HasSubstr("my.toml:19"), HasSubstr("did you mean \"time\"")));
  EXPECT_THAT(wrong("epochs = 3", "schedule = {op=\"time\", kk=1}"),
              AllOf(HasSubstr("my.toml:19"), HasSubstr("\"kk\"")));
  EXPECT_THAT(wrong("\"sgd\"", "\"adam\""), AllOf(HasSubstr("my.toml:17"), HasSubstr("optimiser adam")))
      << "momentum is no argument of adam";
}

TEST(Recipe, ValuesOfTheWrongKindSayWhatWasFoundAndExpected) {
  EXPECT_THAT(wrong("batch = 16", "batch = \"16\""),
              AllOf(HasSubstr("my.toml:18"), HasSubstr("text \"16\""), HasSubstr("a whole number from 1 on")));
  EXPECT_THAT(wrong("batch = 16", "batch = 16.0"), HasSubstr("batch is 16.0"));
  EXPECT_THAT(wrong("lr = 0.1", "lr = \"0.1\""), AllOf(HasSubstr("my.toml:16"), HasSubstr("number")));
  EXPECT_THAT(wrong("lr = 0.1", "lr = nan"), HasSubstr("finite"));
  EXPECT_THAT(wrong("lr = 0.1", "lr = true"), HasSubstr("true"));
  EXPECT_THAT(wrong("\"moons\"", "3"), AllOf(HasSubstr("my.toml:3"), HasSubstr("expected text")));
  EXPECT_THAT(wrong("\"moons\"", "\"\""), HasSubstr("expected text"));
  EXPECT_THAT(wrong("\"moons\"", "2024-01-01"), AllOf(HasSubstr("my.toml:3"), HasSubstr("dates")));
  EXPECT_THAT(wrong("out=8", "out=8.5"), AllOf(HasSubstr("my.toml:8"), HasSubstr("a whole number")));
  EXPECT_THAT(wrong("gain=2", "gain=[2]"), HasSubstr("a list of 1"));
  EXPECT_THAT(wrong("{op=\"tanh\"}", "\"tanh\""), AllOf(HasSubstr("my.toml:9"), HasSubstr("a table")));
  EXPECT_THAT(wrong("{op=\"tanh\"}", "{name=\"x\"}"), HasSubstr("no op"));
  EXPECT_THAT(wrong("[train]\n", "[[train]]\n"), HasSubstr("a table"));
  EXPECT_THAT(wrong("epochs = 3", "dtype = \"f16\""), HasSubstr("one of f32, f64"));
  EXPECT_THAT(wrong("epochs = 3", "best_weights = 2"), HasSubstr("true or false"));
}

TEST(Recipe, NumbersOutOfRange) {
  EXPECT_THAT(wrong("batch = 16", "batch = 0"),
              AllOf(HasSubstr("my.toml:18"), HasSubstr("batch is 0"), HasSubstr("from 1 on")));
  EXPECT_THAT(wrong("epochs = 3", "epochs = 0"), AllOf(HasSubstr("my.toml:19"), HasSubstr("epochs is 0")));
  EXPECT_THAT(wrong("lr = 0.1", "lr = -0.1"), AllOf(HasSubstr("my.toml:16"), HasSubstr("lr is -0.1")));
  EXPECT_THAT(wrong("momentum = 0.9", "momentum = 1.0"), AllOf(HasSubstr("my.toml:17"), HasSubstr("momentum is 1")));
  EXPECT_THAT(wrong("epochs = 3", "seed = -1"), HasSubstr("seed"));
  EXPECT_THAT(wrong("epochs = 3", "clip_norm = -1"), HasSubstr("clip_norm"));
  EXPECT_THAT(wrong("epochs = 3", "patience = -1"), HasSubstr("patience"));
  EXPECT_THAT(wrong("epochs = 3", "shards = 17"), AllOf(HasSubstr("shards is 17"), HasSubstr("16")));
  EXPECT_THAT(wrong("noise = 0.2", "noise = -0.2"), HasSubstr("noise"));
  EXPECT_THAT(wrong("noise = 0.2", "samples = 0"), HasSubstr("samples"));
  EXPECT_THAT(wrong("out=8", "out=8, repeat=0"), HasSubstr("repeat"));
}

TEST(Recipe, WhatIsMissingOrThereTwice) {
  EXPECT_THAT(wrong("vitro = 1", ""), HasSubstr("vitro = 1"));
  EXPECT_THAT(wrong("vitro = 1", "vitro = 2"), HasSubstr("only version"));
  EXPECT_THAT(refusal("vitro = 1\n[net]\nname=\"mlp\""), HasSubstr("states no data"));
  EXPECT_THAT(refusal("vitro = 1\n[data]\nsource=\"moons\""), HasSubstr("states no net"));
  EXPECT_THAT(refusal("vitro = 1\n[data]\n[net]\nname=\"mlp\""), HasSubstr("no source"));
  EXPECT_THAT(refusal("vitro = 1\n[data]\nsource=\"moons\"\n[net]\n"), HasSubstr("neither a name nor layers"));
  EXPECT_THAT(refusal("vitro = 1\n[data]\nsource=\"moons\"\n[net]\nlayers=[]"), HasSubstr("empty"));
  EXPECT_THAT(refusal("vitro = 1\n[data]\nsource=\"moons\"\n[net]\nname=\"mpl\""),
              AllOf(HasSubstr("my.toml:5"), HasSubstr("\"mlp\"")));
  EXPECT_THAT(refusal("vitro = 1\n[data]\nsource=\"moons\"\n[net]\nname=\"mlp\"\nhiden=[3]"),
              AllOf(HasSubstr("my.toml:6"), HasSubstr("\"hidden\"")));
  EXPECT_THAT(wrong("[net]\n", "[net]\nname = \"mlp\"\n"), HasSubstr("both"));
  EXPECT_THAT(wrong("lr = 0.1", "lr = 0.1\nlr = 0.2"), HasSubstr("my.toml:17"));
  EXPECT_THAT(wrong("lr = 0.1", "lr = 0.1\nlearning_rate = 0.2"), AllOf(HasSubstr("my.toml:17"), HasSubstr("twice")));
  EXPECT_THAT(wrong("out=8", "out=8, units=8"), HasSubstr("twice"));
  EXPECT_THAT(wrong(", out=8", ""), AllOf(HasSubstr("my.toml"), HasSubstr("out")));
}

TEST(Recipe, NetsThatCantBe) {
  EXPECT_THAT(wrong("{op=\"tanh\"}", "{op=\"tanh\", from=\"fc9\"}"), AllOf(HasSubstr("my.toml"), HasSubstr("fc9")));
  EXPECT_THAT(wrong("{op=\"tanh\"}", "{op=\"tanh\", name=\"fc1\"}"), AllOf(HasSubstr("my.toml"), HasSubstr("fc1")));
  EXPECT_THAT(refusal(with("\"tanh\"", "\"b\"") + "[block.b]\nlayers = [{op=\"b\"}]\n"), Not(testing::IsEmpty()))
      << "a block inside itself";
}

TEST(Recipe, BrokenTomlSaysWhere) {
  EXPECT_THAT(refusal("vitro = 1\n[data\n"), HasSubstr("my.toml:2"));
  EXPECT_THAT(refusal("vitro = \"\n"), HasSubstr("my.toml:1"));
  EXPECT_THAT(refusal(std::string("vitro = 1\n\0\n", 12)), HasSubstr("my.toml"));
  EXPECT_THAT(refusal("\xff\xfe"), HasSubstr("my.toml"));
  EXPECT_THAT(refusal(""), HasSubstr("vitro = 1"));
  EXPECT_THAT(refusal("a = " + std::string(100000, '[')), HasSubstr("my.toml"));
}

TEST(Recipe, LossesMeetTheGoal) {
  const Recipe r = parse_recipe(with("cross_entropy", "binary_cross_entropy"), "r");
  EXPECT_EQ(model_spec(r, schema()).outputs, 1) << "a yes-or-no question needs one answer";
  EXPECT_THROW(model_spec(r, schema(Goal::numbers)), Error);
}

// Damaged recipes are read or refused, and what is read can be written and read again.
TEST(Recipe, DamageNeverCrashes) {
  std::vector<std::string> files = {good};
  for (const EmbeddedFile& file : embedded_recipes()) files.emplace_back(file.text);
  const Stream stream(3, "damage");
  int read = 0;
  for (uint64_t round = 0; round < 4000; ++round) {
    Draws draws(stream, round);
    std::string bad = files[round % files.size()];
    if (round % 5 == 0) bad.resize(draws.below(bad.size()));
    for (uint64_t flips = draws.below(3); flips > 0 && !bad.empty(); --flips) {
      char& c = bad[draws.below(bad.size())];
      c = draws.below(3) ? "0123456789{}[]\",:-e=\\#\n ."[draws.below(26)] : char(draws.below(256));
    }
    try {
      const Recipe recipe = parse_recipe(bad, "r");
      const std::string once = to_toml(recipe);
      EXPECT_EQ(to_toml(parse_recipe(once, "again")), once);
      ++read;
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
  EXPECT_GT(read, 100);
}

} // namespace
} // namespace vitro

// The feed: the same batches whether they are made ahead or not, on any number of threads, and after an interruption.
#include "train/feed.h"

#include "core/error.h"

#include "core/threads.h"
#include "train/training.h"
#include "train_place.h"

namespace vitro {
namespace {

Recipe recipe_with(const std::string& augment, const std::string& more = "") {
  return parse_recipe(R"(vitro = 1
[data]
source = "digits"
samples = 150
validation = 40
test = 40
augment = )" + augment + R"(
[net]
name = "mlp"
hidden = [16]
[train]
optimizer = "adam"
lr = 0.003
batch = 32
epochs = 3
)" + more,
                      "test");
}

constexpr const char* several = R"([{op="shift"}, {op="rotate", degrees=15}, "elastic", {op="mixup", alpha=0.4}])";

TEST(Feed, a_batch_made_ahead_by_a_thread_is_the_same_batch) {
  const Recipe recipe = recipe_with(several);
  const Splits data = open_data("digits", data_options(recipe));
  Feed now(recipe, data.train, DType::f32, 10, Ahead::never), ahead(recipe, data.train, DType::f32, 10, Ahead::always);
  Position at;
  for (int step = 0; step < 13; ++step, at = now.after(at)) {
    const SampleBatch& one = now.at(at);
    const SampleBatch& other = ahead.at(at);
    ASSERT_EQ(one.x, other.x) << step;
    ASSERT_EQ(one.targets, other.targets) << step;
  }
  // Out of order, as a training that begins again asks.
  for (const Position odd : {Position{7, 2}, Position{0, 0}, Position{0, 1}, Position{7, 2}})
    ASSERT_EQ(now.at(odd).x, ahead.at(odd).x);
}

TEST(Feed, sounds_come_by_length_the_same_ahead_or_not) {
  const Recipe recipe = parse_recipe(R"(vitro = 1
[data]
source = "tones"
samples = 100
validation = 16
test = 16
augment = [{op="speed"}, {op="noise"}, {op="time_mask"}]
[net]
name = "lstm"
[train]
batch = 16
)",
                                     "test");
  const Splits data = open_data("tones", data_options(recipe));
  Feed now(recipe, data.train, DType::f32, 8, Ahead::never), ahead(recipe, data.train, DType::f32, 8, Ahead::always);
  Position at;
  for (int step = 0; step < 16; ++step, at = now.after(at)) {
    const SampleBatch& one = now.at(at);
    const SampleBatch& other = ahead.at(at);
    ASSERT_EQ(one.x, other.x) << step;
    ASSERT_EQ(one.lengths, other.lengths) << step;
    ASSERT_EQ(one.targets, other.targets) << step;
    ASSERT_EQ(one.x.shape()[0], one.lengths.elements());
    int64_t longest = 0;
    for (const int32_t length : one.lengths.as<int32_t>()) longest = std::max<int64_t>(longest, length);
    ASSERT_EQ(one.x.shape()[1], bucket_of(longest));
  }
}

std::string weights_after(const Recipe& given, int threads) {
  const Splits data = open_data("digits", data_options(given));
  const Recipe recipe = complete(given, data.train.schema);
  const int before = thread_count();
  set_thread_count(threads);
  Model model(model_spec(recipe, data.train.schema));
  TrainingHooks hooks;
  hooks.probe = false;
  const std::string sum = train(model, recipe, data, hooks).weights_sha256;
  set_thread_count(before);
  return sum;
}

TEST(Feed, weights_do_not_depend_on_threads_but_on_what_is_done) {
  const std::string alone = weights_after(recipe_with(several), 1);
  EXPECT_EQ(weights_after(recipe_with(several), 2), alone);
  EXPECT_EQ(weights_after(recipe_with(several), 5), alone);
  EXPECT_NE(weights_after(recipe_with("[]"), 2), alone);
}

class FeedOfARun : public InOwnPlace {};

TEST_F(FeedOfARun, an_interrupted_training_goes_on_with_the_same_pictures) {
  const Recipe recipe = complete(recipe_with(several), open_data("digits", {.samples = 10}).train.schema);
  const Splits data = open_data("digits", data_options(recipe));
  const std::string whole = weights_after(recipe, 2);
  const RunDirectory run = create_run((place_ / "run").string(), "digits", "mlp", to_toml(recipe), "{}");
  int64_t asked = 0;
  TrainingHooks hooks;
  hooks.probe = false;
  hooks.checkpoint_s = 0;
  for (int sitting = 0; sitting < 20; ++sitting) {
    hooks.stop = [&] { return ++asked % 4 == 0; }; // three batches in a sitting
    Model model(model_spec(recipe, data.train.schema));
    const TrainingResult result = train(model, recipe, data, run, hooks);
    if (result.ending == Ending::interrupted) continue;
    EXPECT_EQ(result.weights_sha256, whole);
    EXPECT_GT(sitting, 2);
    return;
  }
  FAIL() << "it never ended";
}

TEST(Feed, targets_are_blended_only_where_they_can_be) {
  const Schema schema = open_data("digits", {.samples = 10}).train.schema;
  EXPECT_THROW(model_spec(recipe_with(R"(["mixup"])", "loss = \"squared_error\"\n"), schema), Error);
  EXPECT_NO_THROW(model_spec(recipe_with(R"(["flip"])", "loss = \"squared_error\"\n"), schema));
  const Schema points = open_data("moons", {.samples = 10}).train.schema;
  EXPECT_THROW(model_spec(recipe_with(R"(["flip"])"), points), Error);
}

TEST(Feed, a_recipe_states_what_is_done_and_reads_it_again) {
  const Recipe recipe = recipe_with(several);
  ASSERT_EQ(recipe.data.augment.size(), 4u);
  EXPECT_EQ(recipe.data.augment[2], (Augmentation{"elastic", {34, 4}}));
  EXPECT_EQ(parse_recipe(to_toml(recipe), "again").data.augment, recipe.data.augment);
  Recipe set = recipe_with("[]");
  EXPECT_TRUE(set.data.augment.empty());
  set_all(set, {R"(augment=[{op="crop", padding=3}, "flip"])"});
  EXPECT_EQ(set.data.augment[0], (Augmentation{"crop", {3}}));
  set_all(set, {"augment=flip"});
  EXPECT_EQ(set.data.augment.size(), 1u);
  for (const char* wrong :
       {R"([{op="crop", paddign=3}])", R"([{padding=3}])", R"(["crp"])", "[3]", R"([{op="crop", padding=-1}])"})
    EXPECT_THROW(recipe_with(wrong), Error) << wrong;
}

} // namespace
} // namespace vitro

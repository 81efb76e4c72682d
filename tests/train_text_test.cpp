// Texts from data to text: what is measured, what needs no learning, memories between batches, going on, writing.
#include "train/text_net.h"

#include <cmath>
#include <fstream>
#include <numbers>

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/text.h"
#include "data/texts.h"
#include "io/input.h"
#include "io/run_directory.h"
#include "train/feed.h"
#include "train/mistakes.h"
#include "train/setup.h"
#include "train/training.h"
#include "train_place.h"

namespace vitro {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<std::string> small = {"samples=40", "validation=12", "test=9",   "steps=8",  "batch=4",
                                        "width=8",    "hidden=12",     "layers=1", "epochs=2", "dropout=0.1"};

struct Work {
  Recipe recipe;
  Splits data;
  Model model;
};
Work begun(const std::vector<std::string>& keys = small) {
  Trainable all = open_trainable("sentences", keys);
  Model model(model_spec(all.recipe, all.data.train.schema));
  return {std::move(all.recipe), std::move(all.data), std::move(model)};
}

TEST(TextRecipe, states_net_and_streams) {
  const Work work = begun();
  const ModelSpec& spec = work.model.spec();
  EXPECT_TRUE(spec.each_step);
  EXPECT_EQ(spec.carried, 4);
  EXPECT_EQ(spec.codes, std::vector<int64_t>{work.data.train.schema.outputs()});
  EXPECT_EQ(spec.outputs, work.data.train.schema.outputs());
  EXPECT_EQ(to_toml(parse_recipe(to_toml(work.recipe), "again")), to_toml(work.recipe));
  EXPECT_EQ(begun({"shuffle=true"}).model.spec().carried, 0);
  EXPECT_THAT([] { begun({"loss=squared_error"}); }, ThrowsMessage<Error>(HasSubstr("no probabilities")));
  EXPECT_THAT([] { begun({"net=mlp"}); }, ThrowsMessage<Error>(HasSubstr("answers at each step")));
  EXPECT_THAT(
      [] {
        open_trainable("moons", {"net=char-lstm"});
        model_spec(recipe_for("moons", {"net=char-lstm"}), open_data("moons").train.schema);
      },
      ThrowsMessage<Error>(HasSubstr("reads texts")));
}

TEST(TextRecipe, a_file_is_a_text_to_a_net_of_texts) {
  const std::string path = testing::TempDir() + "vitro-words.csv";
  std::ofstream file(path);
  for (int i = 0; i < 300; ++i) file << "w" << i % 7 << "," << (i % 3 ? "yes" : "no") << "\n";
  file.close();
  const Trainable table = open_trainable(path), of_text = open_trainable(path, {"net=char-lstm"});
  EXPECT_FALSE(table.data.train.schema.text);
  ASSERT_TRUE(of_text.data.train.schema.text);
  EXPECT_EQ(of_text.recipe.data.kind, "text");
  EXPECT_EQ(of_text.recipe.data.unit, "characters");
  std::filesystem::remove(path);
}

TEST(TextRecipe, streams_fit_the_windows_or_it_is_said) {
  const std::string path = testing::TempDir() + "vitro-short.txt";
  std::ofstream file(path);
  for (int i = 0; i < 90; ++i) file << "word " << i * i % 13 << ", ";
  file.close();
  const Trainable fits = open_trainable(path, {"steps=8"}), asked = open_trainable(path, {"steps=8", "batch=20"});
  EXPECT_GE(fits.recipe.train.batch, 16);
  EXPECT_LE(fits.data.train.size() % fits.recipe.train.batch, asked.data.train.size() % 20);
  EXPECT_EQ(asked.recipe.train.batch, 20);
  EXPECT_THAT(asked.data.remarks.back(), HasSubstr("fill no 20 streams"));
  std::filesystem::remove(path);
}

TEST(TextMetrics, are_nats_and_bits_of_the_probabilities_of_what_came) {
  Work work = begun();
  Tensor predictions;
  const Metrics metrics = measure_on(work.model, work.data.validation, &predictions);
  const Dataset steps = by_step(work.data.validation);
  EXPECT_EQ(metrics.samples, 12 * 8);
  EXPECT_EQ(predictions.shape(), (Shape{12 * 8, work.model.spec().outputs}));
  double nats = 0;
  int64_t right = 0;
  for (int64_t i = 0; i < steps.size(); ++i) {
    std::vector<float> row;
    for (int64_t c = 0; c < work.model.spec().outputs; ++c)
      row.push_back(float(predictions.at(i * work.model.spec().outputs + c)));
    nats -= std::log(double(row[size_t(steps.label_of()[size_t(i)])])) / double(steps.size());
    right += class_of(row) == steps.label_of()[size_t(i)];
  }
  EXPECT_NEAR(metrics.nats, nats, 1e-12);
  EXPECT_NEAR(metrics.loss, nats, 1e-6);
  EXPECT_DOUBLE_EQ(metrics.bits(), metrics.nats / std::numbers::ln2);
  EXPECT_DOUBLE_EQ(metrics.perplexity(), std::exp(metrics.nats));
  EXPECT_EQ(metrics.correct, right);
}

// Read in one go, the streams' text has the same predictions: the memory is carried, and windows are in their places.
TEST(TextMetrics, a_part_is_read_as_streams_that_remember) {
  Work work = begun();
  Tensor predictions;
  measure_on(work.model, work.data.validation, &predictions); // 12 windows, 4 streams of 3
  const Dataset& part = work.data.validation;
  TextNet net(work.model, *part.schema.text);
  const int64_t outputs = work.model.spec().outputs;
  for (int64_t stream = 0; stream < 4; ++stream) {
    net.forget();
    for (int64_t i = stream * 24; i < (stream + 1) * 24; ++i) {
      net.read(int32_t(part.samples.at(i)));
      for (int64_t c = 0; c < outputs; ++c)
        ASSERT_NEAR(net.probabilities()[size_t(c)], predictions.at(i * outputs + c), 1e-6) << stream << ", " << i;
    }
  }
  // 9 windows: 2 of each stream, and one that begins anew.
  measure_on(work.model, work.data.test, &predictions);
  net.forget();
  net.read(int32_t(work.data.test.samples.at(8 * 8)));
  for (int64_t c = 0; c < outputs; ++c)
    EXPECT_NEAR(net.probabilities()[size_t(c)], predictions.at(64 * outputs + c), 1e-6);
}

TEST(TextModels, count_symbols_and_pairs) {
  const std::string text = "abababababababababababababababababababac";
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const Splits data = open_text({bytes, text.size()}, "t", "t", {.steps = 3, .validation = 0.0}, 0);
  const std::vector<Baseline> models = text_models(data.train, data.train);
  ASSERT_EQ(models.size(), 2u);
  double one = 0, two = 0;
  const double n = 39, a = 19, b = 19, c = 1; // labels: babab...ac
  for (const double count : {a, b, c}) one -= count / n * std::log((count + 1) / (n + 3));
  two -= 19 / n * std::log(20.0 / 22) + 19 / n * std::log(20.0 / 23) + 1 / n * std::log(2.0 / 23);
  EXPECT_NEAR(models[0].value, one, 1e-12);
  EXPECT_NEAR(models[1].value, two, 1e-12);
  EXPECT_NEAR(models[1].metrics.accuracy(), 38 / n, 1e-12);
  EXPECT_TRUE(text_models(data.train, data.test).empty());
}

// Only where the real file is: the floors that were computed elsewhere (data/README.md of the project).
TEST(TextModels, of_shakespeare) {
  const char* root = std::getenv("VITRO_DATA");
  if (root == nullptr || !std::filesystem::exists(std::string(root) + "/text/tinyshakespeare.txt")) return;
  const Splits data = open_data("shakespeare", {.data_dir = root});
  const std::vector<Baseline> models = text_models(data.train, data.validation);
  EXPECT_NEAR(models[0].value, 3.347, 1e-3);
  EXPECT_NEAR(models[1].value, 2.482, 1e-3);
}

class TextTraining : public InOwnPlace {};

TEST_F(TextTraining, goes_on_with_the_same_bits_in_the_middle_of_an_epoch) {
  Work whole = begun();
  const TrainingResult result = train(whole.model, whole.recipe, whole.data);
  EXPECT_EQ(result.epochs, 2);
  EXPECT_EQ(result.naive.size(), 2u);
  EXPECT_EQ(result.test.samples, 9 * 8);
  EXPECT_LT(result.train.nats, std::log(double(whole.model.spec().outputs)));
  const RunDirectory run = create_run((place_ / "run").string(), "sentences", "char-lstm", to_toml(whole.recipe),
                                      to_json(whole.data.train.schema));
  for (int sitting = 0;; ++sitting) {
    ASSERT_LT(sitting, 20);
    Work part = begun();
    int batches = 0;
    TrainingHooks hooks;
    hooks.stop = [&] { return batches++ == 3; };
    const TrainingResult now = train(part.model, part.recipe, part.data, run, hooks);
    if (now.ending == Ending::interrupted) continue;
    EXPECT_EQ(now.weights_sha256, result.weights_sha256);
    EXPECT_EQ(now.test.nats, result.test.nats);
    EXPECT_EQ(now.history.rows[1][1], result.history.rows[1][1]);
    break;
  }
  EXPECT_TRUE(std::filesystem::exists(run.mistakes()));
}

// With a memory a step is another than without: it is used, and what was left of the last epoch is not.
TEST_F(TextTraining, batches_go_on_from_one_another_and_epochs_begin_anew) {
  std::vector<std::string> keys = small; // dropout would draw anew for each step
  keys.back() = "dropout=0";
  Work work = begun(keys);
  Feed feed(work.recipe, work.data.train, DType::f32, work.model.spec().outputs);
  const SampleBatch first = feed.at({0, 0}), second = feed.at({0, 1});
  Work other = begun(keys);
  work.model.fit(first.inputs(), first.targets, 0.0);
  const double carried = work.model.fit(second.inputs(), second.targets, 0.0).loss;
  const double fresh = other.model.fit(second.inputs(), second.targets, 0.0).loss;
  EXPECT_NE(carried, fresh);
  work.model.forget();
  EXPECT_EQ(work.model.fit(second.inputs(), second.targets, 0.0).loss, fresh);
}

TEST(TextNets, write_the_same_for_the_same_seed_and_never_the_unknown) {
  Work work = begun();
  TextForm form = *work.data.train.schema.text;
  TextNet net(work.model, form);
  const std::vector<int32_t> prompt = codes_of("The fox", form, "prompt");
  const std::string text = written_on(net, prompt, {.temperature = 1, .seed = 5}, 80);
  EXPECT_EQ(text.size(), 80u);
  EXPECT_EQ(written_on(net, prompt, {.temperature = 1, .seed = 5}, 80), text) << "from the beginning again";
  EXPECT_EQ(written_on(net, prompt, {.temperature = 1, .seed = 5}, 30), text.substr(0, 30));
  EXPECT_NE(written_on(net, prompt, {.temperature = 1, .seed = 6}, 80), text);
  const std::vector<float> behind(net.probabilities().begin(), net.probabilities().end());
  net.forget();
  net.read(prompt[0]);
  EXPECT_FALSE(std::ranges::equal(net.probabilities(), behind)) << "what was read counts";
  const std::string greedy = written_on(net, prompt, {.temperature = 0}, 40);
  EXPECT_EQ(written_on(net, prompt, {.temperature = 0, .seed = 9}, 40), greedy);
  EXPECT_EQ(written_on(net, prompt, {.temperature = 1, .top_k = 1, .seed = 9}, 40), greedy);
  EXPECT_EQ(written_on(net, prompt, {.temperature = 1e-6, .seed = 9}, 40), greedy);
  EXPECT_THAT([&] { written_on(net, prompt, {.temperature = -1}, 1); }, ThrowsMessage<Error>(HasSubstr("temperature")));
  EXPECT_THAT([&] { written_on(net, prompt, {.top_k = -1}, 1); }, ThrowsMessage<Error>(HasSubstr("top_k")));

  // The last symbol as the unknown: it is never drawn.
  form.symbols.pop_back();
  form.unknown = true;
  TextNet strange(work.model, form);
  for (int64_t place = 0; place < 300; ++place) {
    if (place % 100 == 0) strange.read(0);
    ASSERT_LT(strange.draw({.temperature = 50}, place), int32_t(form.symbols.size()));
  }
}

TEST(TextNets, draw_as_often_as_probable) {
  Work work = begun();
  TextNet net(work.model, *work.data.train.schema.text);
  net.read(3);
  const std::vector<float> p(net.probabilities().begin(), net.probabilities().end());
  constexpr int64_t draws = 20000;
  for (const double temperature : {1.0, 0.5}) {
    std::vector<int64_t> counts(p.size());
    double sum = 0;
    for (const float one : p) sum += std::pow(double(one), 1 / temperature);
    for (int64_t i = 0; i < draws; ++i) ++counts[size_t(net.draw({.temperature = temperature, .seed = 1}, i))];
    for (size_t c = 0; c < p.size(); ++c) {
      const double expected = std::pow(double(p[c]), 1 / temperature) / sum;
      EXPECT_NEAR(double(counts[c]) / draws, expected, 5 * std::sqrt(expected / draws) + 1e-4);
    }
  }
}

TEST(TextNets, observe_what_they_read) {
  Work work = begun();
  TextNet net(work.model, *work.data.train.schema.text);
  std::vector<int32_t> codes;
  for (int64_t i = 0; i < 20; ++i) codes.push_back(int32_t(work.data.train.samples.at(i)));
  const TextNet::Reading reading = net.observe(codes);
  ASSERT_EQ(reading.nats.size(), 19u);
  net.forget();
  for (size_t t = 0; t < 19; ++t) {
    net.read(codes[t]);
    EXPECT_NEAR(reading.nats[t], -std::log(net.probabilities()[size_t(codes[t + 1])]), 1e-5);
  }
  EXPECT_EQ(reading.outputs.at("lstm1").shape(), (Shape{19, 12}));
}

TEST(TextMistakes, are_listed_with_what_stood_before) {
  Work work = begun();
  Tensor predictions;
  measure_on(work.model, work.data.test, &predictions);
  const Dataset part = shown_part(work.data.test);
  const std::string csv = mistakes_csv(predictions, part);
  EXPECT_THAT(csv, HasSubstr("before,truth,prediction,probability,of truth"));
  const Dataset steps = by_step(work.data.test);
  const TextForm& form = *work.data.test.schema.text;
  EXPECT_EQ(text_before(steps, 3, 2),
            form.written(int32_t(steps.samples.at(2))) + form.written(int32_t(steps.samples.at(3))));
  EXPECT_EQ(text_before(steps, 1, 30).size(), 2u);
}

} // namespace
} // namespace vitro

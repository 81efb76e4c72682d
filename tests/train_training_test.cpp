// The training loop: interrupted anywhere it ends with the same bits; the best weights are kept; what is not finite
// is named in its step.
#include "train/training.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "train/measure.h"
#include "train/run.h"
#include "train/setup.h"
#include "train_place.h"

namespace vitro {
namespace {

class Training : public InOwnPlace {
protected:
  struct Work {
    Recipe recipe;
    Splits data;
    Model model;
    RunDirectory directory;
  };
  Work begin(const std::string& what, const std::vector<std::string>& keys, const std::string& name) {
    Recipe recipe = recipe_for(what, keys);
    Splits data = open_data(recipe.data.source, data_options(recipe));
    recipe = complete(std::move(recipe), data.train.schema);
    Model model(model_spec(recipe, data.train.schema));
    RunDirectory directory =
        create_run((place_ / name).string(), what, "mlp", to_toml(recipe), to_json(data.train.schema));
    return {std::move(recipe), std::move(data), std::move(model), std::move(directory)};
  }
};

History without_seconds(History history) {
  const auto column = std::find(history.columns.begin(), history.columns.end(), "seconds") - history.columns.begin();
  history.columns.erase(history.columns.begin() + column);
  for (auto& row : history.rows) row.erase(row.begin() + column);
  return history;
}

const std::vector<std::string> usual = {"samples=50", "validation=30",  "test=30", "batch=8",
                                        "epochs=4",   "optimizer=adam", "lr=0.05"};

TEST_F(Training, InterruptedAtAnyBatchItEndsWithTheSameBits) {
  const std::vector<std::vector<std::string>> kinds{
      {}, {"norm=batch", "dropout=0.3"}, {"norm=layer", "dropout=0.3", "shards=3"}};
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    const std::string prefix = "kind-" + std::to_string(kind) + "-";
    std::vector<std::string> keys = usual;
    keys.insert(keys.end(), kinds[kind].begin(), kinds[kind].end());
    Work whole = begin("moons", keys, prefix + "whole");
    const TrainingResult expected = train(whole.model, whole.recipe, whole.data, whole.directory);
    EXPECT_EQ(expected.ending, Ending::finished);
    EXPECT_EQ(expected.epochs, 4);
    for (const int stop_after : {0, 1, 6, 7, 8, 20, 27}) { // 7 batches an epoch
      Work work = begin("moons", keys, prefix + "cut-" + std::to_string(stop_after));
      int batches = 0;
      TrainingHooks hooks;
      hooks.batch = [&](const Pace&) { ++batches; };
      hooks.stop = [&] { return batches >= stop_after; };
      EXPECT_EQ(train(work.model, work.recipe, work.data, work.directory, hooks).ending, Ending::interrupted);
      EXPECT_EQ(batches, stop_after);
      vitro::StoredRun run = open_run(work.directory);
      Model fresh(model_spec(run.recipe, run.schema));
      const TrainingResult resumed = train(fresh, run.recipe, data_of(run), work.directory);
      EXPECT_EQ(resumed.weights_sha256, expected.weights_sha256) << stop_after;
      EXPECT_EQ(without_seconds(resumed.history), without_seconds(expected.history)) << stop_after;
      EXPECT_EQ(resumed.test.loss, expected.test.loss);
      EXPECT_EQ(resumed.best_epoch, expected.best_epoch);
      for (const std::string& name : whole.model.states().weights())
        EXPECT_EQ(open_run(work.directory).model.states().read(name), whole.model.states().read(name)) << name;
    }
  }
}

TEST_F(Training, SchedulesThatListenAndAveragesGoOnWithTheSameBits) {
  const std::vector<std::vector<std::string>> ways = {
      {"schedule={op=\"plateau\", patience=0, factor=0.5, threshold=0.2}", "best_weights=false"},
      {"schedule={op=\"opennmt\", start_decay_at=2}", "ema_decay=0.9"},
      {"schedule={op=\"one_cycle\", warmup=0.1}", "ema_decay=0.9", "ema_correction=true", "best_weights=false"},
      {"schedule={op=\"cyclic\", step_size_up=5}", "optimizer=momentum", "swa_start=2", "best_weights=false"},
      {"optimizer=nadam", "swa_start=2", "groups=[{match=\"fc1.*\", freeze=true}, {match=\"*.bias\", lr=0.1}]"}};
  for (size_t way = 0; way < ways.size(); ++way) {
    std::vector<std::string> keys = usual;
    keys.insert(keys.end(), ways[way].begin(), ways[way].end());
    Work whole = begin("moons", keys, "whole-" + std::to_string(way));
    const TrainingResult expected = train(whole.model, whole.recipe, whole.data, whole.directory);
    for (const int stop_after : {6, 7, 15, 21}) { // 7 batches an epoch
      SCOPED_TRACE(ways[way][0] + ", cut after " + std::to_string(stop_after));
      Work work = begin("moons", keys, "cut-" + std::to_string(way) + "-" + std::to_string(stop_after));
      int batches = 0;
      TrainingHooks hooks;
      hooks.batch = [&](const Pace&) { ++batches; };
      hooks.stop = [&] { return batches >= stop_after; };
      EXPECT_EQ(train(work.model, work.recipe, work.data, work.directory, hooks).ending, Ending::interrupted);
      vitro::StoredRun run = open_run(work.directory);
      Model fresh(model_spec(run.recipe, run.schema));
      const TrainingResult resumed = train(fresh, run.recipe, data_of(run), work.directory);
      EXPECT_EQ(resumed.weights_sha256, expected.weights_sha256);
      EXPECT_EQ(without_seconds(resumed.history), without_seconds(expected.history));
      EXPECT_EQ(resumed.test.loss, expected.test.loss);
    }
    Model again(model_spec(whole.recipe, whole.data.train.schema));
    EXPECT_EQ(train(again, whole.recipe, whole.data, whole.directory).weights_sha256, expected.weights_sha256)
        << "a finished run";
    EXPECT_EQ(weights_sha256(open_run(whole.directory).model.states()), expected.weights_sha256) << "what was saved";
  }
}

TEST_F(Training, ThePlateauIsTheOneOfTheHistory) {
  Work work = begin("moons",
                    {"samples=50", "validation=30", "batch=8", "epochs=20", "optimizer=adam", "lr=0.05",
                     "schedule={op=\"plateau\", patience=1, factor=0.5, threshold=0.4}"},
                    "run");
  const TrainingResult result = train(work.model, work.recipe, work.data, work.directory);
  double lr = 0.05, best = INFINITY;
  int waited = 0, falls = 0;
  for (const auto& row : result.history.rows) { // epoch, train_loss, train_accuracy, validation_loss, .., lr, seconds
    EXPECT_EQ(row[5], lr) << "epoch " << row[0];
    waited = row[3] < best * (1 - 0.4) ? 0 : waited + 1;
    if (waited == 0) best = row[3];
    if (waited > 1) {
      lr *= 0.5;
      waited = 0;
      ++falls;
    }
  }
  EXPECT_GT(falls, 0) << "or this test shows nothing";
}

TEST_F(Training, TheAverageIsMeasuredAndKept) {
  for (const bool swa : {false, true}) {
    std::vector<std::string> keys = usual;
    keys.insert(keys.end(), {"best_weights=false", swa ? "swa_start=2" : "ema_decay=0.9"});
    Work work = begin("moons", keys, swa ? "swa" : "ema");
    std::vector<double> expected = work.model.states().read("fc1.weight").values();
    int64_t epochs = 0;
    TrainingHooks hooks;
    hooks.batch = [&](const Pace& pace) {
      epochs += pace.done == pace.of;
      const bool counts = swa ? epochs >= 2 && pace.done == pace.of : true;
      const double w = swa ? 1.0 / double(epochs - 1) : 0.1;
      const std::vector<double> p = work.model.states().read("fc1.weight").values();
      for (size_t i = 0; counts && i < p.size(); ++i) expected[i] = (1 - w) * expected[i] + w * p[i];
    };
    const TrainingResult result = train(work.model, work.recipe, work.data, work.directory, hooks);
    EXPECT_EQ(epochs, 4);
    const std::vector<double> kept = work.model.states().read("fc1.weight").values();
    for (size_t i = 0; i < kept.size(); ++i) ASSERT_NEAR(kept[i], expected[i], 1e-5);
    EXPECT_EQ(result.validation.loss, result.history.rows.back()[3]) << "the average is what was validated";
    EXPECT_EQ(measure(open_run(work.directory).model, work.data.validation).loss, result.validation.loss);
  }
}

TEST_F(Training, AScheduleThatDoesNotFitIsRefused) {
  for (const std::string wrong :
       {"schedule={op=\"multi_step\", milestones=[2, 4]}", "schedule={op=\"constant\", warmup=28}"}) {
    std::vector<std::string> keys = usual;
    keys.push_back(wrong);
    Work work = begin("moons", keys, wrong.substr(14, 5));
    try {
      train(work.model, work.recipe, work.data, work.directory);
      FAIL() << wrong;
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input) << error.what(); }
    EXPECT_FALSE(std::filesystem::exists(work.directory.weights()));
  }
}

TEST_F(Training, CheckpointsChangeNothing) {
  Work often = begin("moons", usual, "often"), never = begin("moons", usual, "never");
  TrainingHooks every_batch, none;
  every_batch.checkpoint_s = 0;
  none.checkpoint_s = 1e9;
  EXPECT_EQ(train(often.model, often.recipe, often.data, often.directory, every_batch).weights_sha256,
            train(never.model, never.recipe, never.data, never.directory, none).weights_sha256);
}

TEST_F(Training, AFinishedRunIsReportedAndLeftAsItIs) {
  Work work = begin("moons", usual, "run");
  const TrainingResult first = train(work.model, work.recipe, work.data, work.directory);
  const std::string state = work.directory.checkpoint() + "/state.safetensors";
  const std::vector<uint8_t> before = read_file(state);
  Model fresh(model_spec(work.recipe, work.data.train.schema));
  const TrainingResult again = train(fresh, work.recipe, work.data, work.directory);
  EXPECT_EQ(again.weights_sha256, first.weights_sha256);
  EXPECT_EQ(again.test.loss, first.test.loss);
  EXPECT_EQ(again.seconds, load_checkpoint(work.directory.checkpoint())->progress.seconds);
  EXPECT_EQ(read_file(state), before);
  EXPECT_EQ(load_checkpoint(work.directory.checkpoint())->progress.numbers.at("test_accuracy"), first.test.accuracy());
}

TEST_F(Training, TheBestWeightsAreTheOnesOfTheLowestValidationLoss) {
  for (const char* norm : {"", "batch"}) {
    // Running states belong to the best weights: with others the loss would be another.
    const std::vector<std::string> keys{
        "samples=30", "validation=60",  "noise=0.7",  "epochs=60",
        "lr=0.05",    "optimizer=adam", "patience=0", std::string("norm=\"") + norm + "\""};
    Work work = begin("moons", keys, std::string("run") + norm);
    const TrainingResult result = train(work.model, work.recipe, work.data, work.directory);
    double least = INFINITY;
    int64_t at = 0;
    for (const auto& row : result.history.rows)
      if (row[3] < least) {
        least = row[3];
        at = int64_t(row[0]);
      }
    ASSERT_EQ(result.history.columns[3], "validation_loss");
    EXPECT_EQ(result.best_epoch, at);
    EXPECT_LT(result.best_epoch, 60); // it overfits, or this test shows nothing
    EXPECT_EQ(result.validation.loss, least);
    EXPECT_EQ(measure(open_run(work.directory).model, work.data.validation).loss, least);

    std::vector<std::string> to_the_last = keys;
    to_the_last.emplace_back("best_weights=false");
    Work last = begin("moons", to_the_last, std::string("last") + norm);
    const TrainingResult kept = train(last.model, last.recipe, last.data, last.directory);
    EXPECT_EQ(kept.best_epoch, 0);
    EXPECT_EQ(kept.validation.loss, kept.history.rows.back()[3]);
  }
}

TEST_F(Training, ALossThatIsNotFiniteIsNamed) {
  Work work = begin("sine", {"optimizer=sgd", "lr=1e25", "samples=64", "batch=8"}, "run");
  try {
    train(work.model, work.recipe, work.data, work.directory);
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::failure);
    EXPECT_THAT(error.what(), testing::HasSubstr("not finite at epoch 1, batch "));
    EXPECT_THAT(error.what(), testing::HasSubstr("layer"));
  }
  EXPECT_FALSE(std::filesystem::exists(work.directory.weights()));
}

TEST_F(Training, AnUpdateThatIsNotFiniteIsNamedInItsStepAndNothingBrokenIsSaved) {
  // The first step's loss and gradient are finite; 1e30 times the gradient is not.
  Work work = begin("moons", {"optimizer=sgd", "lr=1e30", "epochs=3", "samples=64", "batch=64", "clip_value=0"}, "run");
  for (auto name : {"fc1.weight", "fc1.bias"}) { // large activations make a gradient above 1
    Tensor value = work.model.states().read(name);
    for (int64_t i = 0; i < value.elements(); ++i) value.set(i, 1e9 * value.at(i));
    work.model.states().write(name, value);
  }
  TrainingHooks hooks;
  hooks.checkpoint_s = 0;
  try {
    train(work.model, work.recipe, work.data, work.directory, hooks);
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("epoch 1, batch 1"));
    EXPECT_THAT(error.what(), testing::HasSubstr("update"));
    EXPECT_THAT(error.what(), testing::HasSubstr("fc"));
  }
  const auto checkpoint = load_checkpoint(work.directory.checkpoint());
  ASSERT_TRUE(checkpoint);
  for (const NamedTensor& tensor : checkpoint->states)
    for (int64_t i = 0; i < tensor.value.elements(); ++i) EXPECT_TRUE(std::isfinite(tensor.value.at(i))) << tensor.name;
}

TEST_F(Training, OtherDataIsRefusedOnResume) {
  Work work = begin("moons", usual, "run");
  train(work.model, work.recipe, work.data, work.directory);
  vitro::StoredRun run = open_run(work.directory);
  run.schema.classes.push_back("third");
  EXPECT_THROW(data_of(run), Error);
}

TEST_F(Training, TheInputFormatKeepsTheWholeSchema) {
  for (const char* name : {"digits", "spiral", "sine"}) {
    const Schema schema = generate_part(name, Part::test, 10).schema;
    EXPECT_EQ(read_schema(to_json(schema), "test"), schema);
  }
}

TEST_F(Training, WorstSampleHasTheLargestLoss) {
  Work work = begin("spiral", {"epochs=3"}, "run");
  train(work.model, work.recipe, work.data, work.directory);
  const int64_t worst = worst_sample(work.model, work.data.test);
  const auto loss_of = [&](int64_t row) {
    const int64_t rows[] = {row};
    const SampleBatch batch = batch_of(work.data.test, rows, DType::f32);
    return work.model.evaluate(batch.x, batch.targets).loss;
  };
  for (int64_t row = 0; row < work.data.test.size(); row += 7) EXPECT_GE(loss_of(worst), loss_of(row)) << row;
  EXPECT_EQ(worst_sample(work.model, empty_like(work.data.test.schema)), -1);
}

} // namespace
} // namespace vitro

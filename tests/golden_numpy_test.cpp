// Against numpy: the legacy generator, and a net whose data and weights are drawn with it. scripts/golden_numpy.py
// wrote tests/golden/numpy.json.
#include <gtest/gtest.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "core/numpy_random.h"
#include "core/text.h"
#include "recipe/recipe.h"
#include "train/measure.h"

namespace vitro {
namespace {

using nlohmann::json;

const json& golden_of_numpy() {
  static const json content = [] {
    std::ifstream file(VITRO_SOURCE_DIR "/tests/golden/numpy.json");
    return json::parse(file);
  }();
  return content;
}

TEST(NumpyRandom, GivesItsBitsAndUniformNumbersExactly) {
  for (const json& seed : golden_of_numpy()["draws"]) {
    const auto start = seed["seed"].get<uint32_t>();
    SCOPED_TRACE(start);
    NumpyRandom bits(start), uniform(start), later(start);
    for (const json& expected : seed["bits"]) EXPECT_EQ(bits.bits(), expected.get<uint32_t>());
    for (const json& expected : seed["uniform"]) EXPECT_EQ(uniform.uniform(), expected.get<double>());
    for (int i = 0; i < 1000; ++i) later.uniform();
    for (const json& expected : seed["after_1000"]) EXPECT_EQ(later.uniform(), expected.get<double>());
  }
}

TEST(NumpyRandom, GivesItsNormalNumbersToALastDigit) {
  for (const json& seed : golden_of_numpy()["draws"]) {
    NumpyRandom random(seed["seed"].get<uint32_t>()), skipping = random;
    for (const json& expected : seed["normal"]) EXPECT_DOUBLE_EQ(random.normal(), expected.get<double>());
    skipping.skip_normals(3);
    EXPECT_DOUBLE_EQ(skipping.normal(), seed["normal"][3].get<double>());
  }
}

constexpr const char* nnfs = R"toml(vitro = 1
[data]
source = "spiral_nnfs"
validation = 0
test = 0
[net]
layers = [{op="dense", out=64, init="normal(0, 0.01)"}, {op="relu"}, {op="dense", out="classes", init="normal(0, 0.01)"}]
[train]
lr = 1.0
batch = 300
shuffle = false
random = "numpy"
)toml";

TEST(NumpyRandom, DrawsTheSpiralThenTheWeightsAsANotebookDoes) {
  const Recipe recipe = parse_recipe(nnfs, "here");
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  const json& rows = golden_of_numpy()["spiral_rows"];
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t k = 0; k < 2; ++k)
      EXPECT_FLOAT_EQ(float(data.train.samples.at(rows[i].get<int64_t>() * 2 + k)),
                      golden_of_numpy()["spiral_nnfs"][i][size_t(k)].get<float>());
  const Model model(model_spec(recipe, data.train.schema));
  for (const auto& [name, place] : {std::pair{"fc1.weight", 0}, std::pair{"fc2.weight", 1}}) {
    const Tensor weight = model.states().read(name);
    for (int64_t i = 0; i < 4; ++i)
      EXPECT_FLOAT_EQ(float(weight.at(i)), golden_of_numpy()["nnfs_weights"][size_t(place)][size_t(i)].get<float>())
          << name << " " << i;
  }
}

// What a numpy program prints, step for step, as long as rounding has not grown beyond it.
TEST(NumpyRandom, ANotebooksLossesAreItsLosses) {
  const Recipe recipe = parse_recipe(nnfs, "here");
  const Splits data = open_data(recipe.data.source, data_options(recipe));
  Model model(model_spec(recipe, data.train.schema));
  std::vector<int64_t> rows(300);
  for (int64_t i = 0; i < 300; ++i) rows[size_t(i)] = i;
  const SampleBatch batch = batch_of(data.train, rows, DType::f32);
  for (const json& expected : golden_of_numpy()["nnfs_losses"])
    EXPECT_NEAR(model.fit(batch.x, batch.targets, 1.0).loss, expected.get<double>(), 2e-6);
}

TEST(NumpyRandom, OtherSetsAndSeedsAreRefused) {
  const auto refused = [](const std::string& assignment) {
    Recipe recipe = parse_recipe(nnfs, "here");
    try {
      set_all(recipe, {assignment});
      open_data(recipe.data.source, data_options(recipe));
    } catch (const std::exception& error) { return std::string(error.what()); }
    return std::string();
  };
  EXPECT_NE(refused("data=moons").find("no numpy program"), std::string::npos);
  EXPECT_NE(refused("seed=4294967296").find("numpy's generator takes 0 to 4294967295"), std::string::npos);
  EXPECT_EQ(refused("data=spiral"), "");
}

} // namespace
} // namespace vitro

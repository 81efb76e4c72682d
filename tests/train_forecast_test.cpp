// A forecast, trained: judged beside what needs no learning on the same samples, and gone on with from a file's end.
#include "train/forecasts.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/text.h"
#include "data/forecast.h"
#include "io/input.h"
#include "model/model.h"
#include "recipe/recipe.h"
#include "train/linear.h"
#include "train/measure.h"
#include "train/training.h"

namespace vitro {
namespace {

// A trend, a season of twelve months, and a little that follows from neither.
double value(int64_t row) {
  return 50 + 0.5 * double(row) + 10 * std::sin(double(row % 12) * 0.5235987755982988) + 0.3 * double(row * row % 7);
}

std::string series(int64_t rows) {
  std::string out = "When,n\n";
  for (int64_t i = 0; i < rows; ++i)
    out += text(1990 + i / 12, "-", i % 12 < 9 ? "0" : "", i % 12 + 1, ",", number(value(i)), "\n");
  return out;
}

Splits open(const std::string& csv, int64_t horizon) {
  const Bytes bytes(csv.begin(), csv.end());
  ByteSource source = ByteSource::of(bytes);
  return open_forecast(source, "n.csv", "n", {.forecast = "n", .horizon = horizon, .window = 12});
}

TEST(Forecasts, naive_ones_by_hand) {
  const Splits data = open(series(120), 2);
  const std::vector<Baseline> naive = naive_forecasts(data.test);
  ASSERT_EQ(naive.size(), 2);
  EXPECT_EQ(naive[1].text, "seasonal naive (12 rows before)");
  double last = 0, season = 0;
  int64_t n = 0;
  for (int64_t row = 108; row + 1 < 120; ++row)
    for (int64_t step = 0; step < 2; ++step, ++n) {
      last += std::pow(value(row + step) - value(row - 1), 2);
      season += std::pow(value(row + step) - value(row + step - 12), 2);
    }
  EXPECT_NEAR(naive[0].value, std::sqrt(last / double(n)), 1e-4);
  EXPECT_NEAR(naive[1].value, std::sqrt(season / double(n)), 1e-4);
  EXPECT_EQ(baseline(data.train, data.test).value, std::min(naive[0].value, naive[1].value));
}

TEST(Forecasts, steps_add_up_to_the_whole) {
  const Splits data = open(series(120), 3);
  const LinearModel line = fit_linear(data.train, {});
  const Tensor predictions = predict(line, data.test);
  const std::vector<StepErrors> steps = errors_by_step(predictions, data.test);
  ASSERT_EQ(steps.size(), 3);
  const std::vector<Baseline> naive = naive_forecasts(data.test);
  for (size_t k = 0; k < 3; ++k) {
    double squares = 0, absolute = 0;
    for (size_t step = 0; step < 3; ++step)
      squares += steps[k].rmse[step] * steps[k].rmse[step] / 3, absolute += steps[k].mae[step] / 3;
    const double rmse = k == 0 ? linear_baseline(data.train, data.test)->value : naive[k - 1].value;
    EXPECT_NEAR(std::sqrt(squares), rmse, 1e-9 * rmse);
    if (k > 0) { EXPECT_NEAR(absolute, naive[k - 1].metrics.mae, 1e-9); }
  }
}

TEST(Forecasts, a_net_beats_those_that_need_no_learning_and_goes_on) {
  const std::string csv = series(160);
  const Splits data = open(csv, 2);
  Recipe recipe =
      parse_recipe("vitro = 1\n[data]\nsource = \"n.csv\"\nforecast = \"n\"\n[net]\nname = \"linear\"\n[train]\n"
                   "optimizer = \"adam\"\nlr = 0.01\nbatch = 32\nepochs = 150\n",
                   "test");
  recipe = complete(std::move(recipe), data.train.schema);
  EXPECT_EQ(recipe.data.window, 12);
  EXPECT_EQ(recipe.data.horizon, 2);
  EXPECT_EQ(recipe.data.target, "");
  Model model(model_spec(recipe, data.train.schema));
  const TrainingResult result = train(model, recipe, data);
  for (const Baseline& one : result.naive) EXPECT_LT(result.test.rmse, one.value) << one.text;
  EXPECT_EQ(result.baseline.value, std::min(result.naive[0].value, result.naive[1].value));

  // What the run keeps is enough to go on: the same window from the file's end gives the same bits.
  const Schema kept = read_schema(to_json(data.train.schema), "input.json");
  const auto end_at = [&](int64_t rows) {
    const std::string text = series(rows);
    const Bytes bytes(text.begin(), text.end());
    ByteSource source = ByteSource::of(bytes);
    return open_end_as(source, kept, "later.csv", {});
  };
  const SeriesEnd end = end_at(158);
  EXPECT_EQ(end.when[0], "2003-03");
  const int64_t last[] = {data.test.size() - 1};
  EXPECT_EQ(predict_all(model, end.window), predict_all(model, take(data.test, last)));
  const Tensor ahead = predict_all(model, end_at(160).window);
  EXPECT_NEAR(raw_of(end_at(160).window, 0, 0, ahead.at(0)), value(160), 5);
}

} // namespace
} // namespace vitro

// The screen of a running training fits its window, whatever it has to show.
#include "report/watch.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"

namespace vitro {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Watch watch(int layers, int diagnoses) {
  Watch out;
  out.pace = {.epoch = 3,
              .epochs = 10,
              .done = 520,
              .of = 1000,
              .loss = 0.1234,
              .samples_per_second = 41200,
              .seconds_left = 4};
  out.curves = {{"training loss", {2.3, 1.0, 0.5}}, {"validation accuracy", {0.1, 0.5, 0.912}, true}, {"empty", {}}};
  out.looked_epoch = 2;
  for (int i = 1; i <= layers; ++i) {
    out.layers.push_back({text("fc", i), "dense", 0.123, 1.3e-3, NAN, NAN, -2.5, 3.5, {0, 1, 5, 20, 5, 1}});
    out.layers.push_back({text("relu", i), "relu", NAN, NAN, 0.61, NAN, 0, 3.5, {50, 20, 5, 1}});
  }
  for (int i = 0; i < diagnoses; ++i)
    out.diagnoses.push_back("fc2: 61 % of units never fire since epoch 2 (dead ReLU): a lower lr, or leaky_relu");
  return out;
}

TEST(WatchScreen, ShowsLayersAndDiagnoses) {
  const std::string all = join(watch_screen(watch(2, 1), 100, 40, {}), "\n");
  for (const char* word : {"epoch 3/10", "training loss", "0.5000", "validation accuracy", "91.20 %", "after epoch 2",
                           "gradient", "fc2", "0.12", "0.0013", "61 %", "relu2", "-2.5", "! fc2: 61 % of units"})
    EXPECT_THAT(all, HasSubstr(word));
  EXPECT_THAT(all, Not(HasSubstr("empty")));
  EXPECT_THAT(all, Not(HasSubstr("nan")));
  EXPECT_THAT(join(watch_screen(watch(1, 0), 100, 40, {}), "\n"), HasSubstr("diagnoses: none"));
}

TEST(WatchScreen, FitsAnyWindow) {
  for (const int width : {1, 10, 40, 79, 200})
    for (const int height : {1, 2, 5, 10, 24, 60})
      for (const int layers : {0, 1, 30})
        for (const bool colour : {false, true}) {
          const auto lines = watch_screen(watch(layers, 3), width, height, {colour});
          EXPECT_LE(lines.size(), size_t(height));
          EXPECT_GE(lines.size(), 1u);
          for (const std::string& line : lines) {
            EXPECT_LE(columns(line), width) << line;
            EXPECT_THAT(line, Not(HasSubstr("\n")));
          }
        }
}

TEST(WatchScreen, WhereThereIsLittleRoomTheWeightsStay) {
  const std::string all = join(watch_screen(watch(4, 0), 100, 10, {}), "\n");
  EXPECT_THAT(all, HasSubstr("fc4"));
  EXPECT_THAT(all, Not(HasSubstr("relu4")));
  EXPECT_THAT(all, HasSubstr("more layers"));
}

TEST(WatchLines, BreakBetweenLayersAlone) {
  EXPECT_THAT(watch_lines(watch(1, 0), 49), ElementsAre("fc1 gradient 0.12, update 0.0013; relu1 61 % dead"));
  EXPECT_THAT(watch_lines(watch(1, 0), 48), ElementsAre("fc1 gradient 0.12, update 0.0013", "relu1 61 % dead"));
}

} // namespace
} // namespace vitro

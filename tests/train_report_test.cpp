// report.html: whole at every moment, rewritten as the training runs, complete at its end, honest in words.
#include "train/report.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/safetensors.h"
#include "markup_check.h"
#include "train/measure.h"
#include "train/report_sections.h"
#include "train/run.h"
#include "train/setup.h"

namespace vitro {
namespace {

using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
protected:
  void SetUp() override {
    place_ = std::filesystem::path(testing::TempDir()) /
             ("vitro-report-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(place_);
    std::filesystem::create_directories(place_);
  }
  void TearDown() override { std::filesystem::remove_all(place_); }

  struct Work {
    Recipe recipe;
    Splits data;
    Model model;
    RunDirectory directory;
  };
  Work begin(const std::string& what, const std::vector<std::string>& keys) {
    Recipe recipe = recipe_for(what, keys);
    Splits data = open_data(recipe.data.source, data_options(recipe));
    recipe = complete(std::move(recipe), data.train.schema);
    Model model(model_spec(recipe, data.train.schema));
    RunDirectory directory =
        create_run((place_ / "run").string(), what, "mlp", to_toml(recipe), to_json(data.train.schema));
    return {std::move(recipe), std::move(data), std::move(model), std::move(directory)};
  }
  // Trains, with the page written after every epoch, however short; returns the page as it stays.
  std::string report_on(Work& work, const std::function<void(const std::string& page)>& watch = {}) {
    RunReport report(work.model, work.recipe, work.data, work.directory, provenance("vitro train", "1.2.3"), "vitro");
    TrainingHooks hooks;
    hooks.epoch = [&](const History& history) {
      report.running(history);
      if (watch) watch(page_of(work));
    };
    report.ended(train(work.model, work.recipe, work.data, work.directory, hooks));
    return page_of(work);
  }
  static std::string page_of(const Work& work) { return read_text(work.directory.report()); }
  std::string file(const std::string& name, const std::string& content) const {
    const std::string path = (place_ / name).string();
    std::ofstream(path) << content;
    return path;
  }

  std::filesystem::path place_;
};

const std::vector<std::string> small = {"samples=60", "validation=30", "test=30", "batch=20", "epochs=3"};

TEST_F(Report, IsWholeAfterTheFirstEpochAndCompleteAtTheEnd) {
  Work work = begin("digits", small);
  int pages = 0;
  const std::string last = report_on(work, [&](const std::string& page) {
    ++pages;
    EXPECT_EQ(fault_of(page), "");
    EXPECT_THAT(page, HasSubstr("http-equiv=\"refresh\""));
    EXPECT_THAT(page, HasSubstr("of 3: "));
    for (const char* id : {"data", "curves", "net", "again"})
      EXPECT_THAT(page, HasSubstr(text("<section id=\"", id, "\"")));
    EXPECT_THAT(page, Not(HasSubstr("<section id=\"why\"")));
  });
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(fault_of(last), "");
  EXPECT_THAT(last, Not(HasSubstr("refresh")));
  size_t at = 0; // all sections, in this order
  for (const char* id : {"data", "curves", "results", "mistakes", "attention", "weights", "net", "why", "again"}) {
    const size_t found = last.find(text("<section id=\"", id, "\""));
    ASSERT_NE(found, std::string::npos) << id;
    EXPECT_GT(found, at) << id;
    at = found;
  }
  EXPECT_THAT(last, HasSubstr("of 30 unseen pictures named right ("));
  EXPECT_THAT(last, HasSubstr("With only 30 samples"));
  EXPECT_THAT(last, HasSubstr("always &quot;0&quot;"));
  EXPECT_THAT(last, HasSubstr("They agree"));
  EXPECT_THAT(last, HasSubstr("vitro explain"));
  EXPECT_THAT(last, HasSubstr("1.2.3"));
  EXPECT_THAT(last, HasSubstr(weights_sha256(work.model.states())));
  EXPECT_THAT(last, HasSubstr("momentum = "));
  EXPECT_LT(last.size(), size_t(1) << 20);
}

TEST_F(Report, OfATextSaysBitsAndWhichUnitsFollowSomething) {
  Work work = begin("sentences", {"samples=60", "validation=40", "test=40", "steps=16", "batch=8", "hidden=16",
                                  "layers=1", "epochs=2"});
  const std::string page = report_on(work, [&](const std::string& so_far) {
    EXPECT_EQ(fault_of(so_far), "");
    EXPECT_THAT(so_far, HasSubstr("bits</b> a character on 640 validation characters"));
  });
  EXPECT_EQ(fault_of(page), "");
  for (const char* id : {"data", "curves", "text", "results", "mistakes", "net", "again"})
    EXPECT_THAT(page, HasSubstr(text("<section id=\"", id, "\"")));
  EXPECT_THAT(page, HasSubstr("bits</b> a character on 640 unseen characters"));
  EXPECT_THAT(page, HasSubstr("where bigrams need"));
  for (const char* part : {"Bits per character", "What it writes", "What surprised it", "Units that follow something",
                           "of lstm1: quotes", "of lstm1: place in the line", "The greatest surprises", "perplexity"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, HasSubstr("class=\"coloured\""));
  EXPECT_LT(page.size(), size_t(1) << 20);
}

TEST_F(Report, OfBytesIsWellFormed) {
  // What bytes look like that are no text, and tags within one: nothing of it is markup.
  std::string strange;
  for (int i = 0; i < 3000; ++i) strange += i % 7 ? char(i * i % 256) : "<b>&\""[i % 5];
  Work bytes = begin(file("a.bin", strange), {"net=char-lstm", "unit=bytes", "steps=16", "batch=8", "hidden=16",
                                              "width=8", "layers=1", "epochs=1"});
  EXPECT_EQ(fault_of(report_on(bytes)), "");
}

TEST_F(Report, OfANetOfPicturesShowsWhatItLooksAt) {
  Work work = begin("digits", {"net=lenet", "samples=120", "validation=30", "test=60", "batch=20", "epochs=2",
                               "augment=[{op=\"shift\"}, {op=\"rotate\", degrees=20}]"});
  const std::string page = report_on(work);
  EXPECT_EQ(fault_of(page), "");
  const auto section = [&](const char* id) {
    const size_t begin = page.find(text("<section id=\"", id, "\""));
    return begin == std::string::npos ? "" : page.substr(begin, page.find("</section>", begin) - begin);
  };
  EXPECT_THAT(section("data"),
              HasSubstr("what the net learned from in epochs 1 to 2: shift (by 0.1), rotate (degrees 20)"));
  EXPECT_THAT(section("data"), HasSubstr("The same, as training saw it 2 times"));
  const Model& model = work.model;
  const Tensor predictions = predict_all(model, work.data.test);
  int64_t wrong = 0;
  std::map<std::pair<int64_t, int64_t>, int64_t> pairs;
  for (int64_t i = 0; i < 60; ++i) {
    int64_t named = 0;
    for (int64_t c = 1; c < 10; ++c)
      if (predictions.at(i * 10 + c) > predictions.at(i * 10 + named)) named = c;
    const int64_t truth = work.data.test.label_of()[size_t(i)];
    wrong += named != truth;
    if (named != truth) ++pairs[{truth, named}];
  }
  ASSERT_GT(wrong, 0); // two epochs of 120 samples
  const auto most = std::ranges::max_element(pairs, {}, [](const auto& pair) { return pair.second; });
  const auto& [truth, named] = most->first;
  const std::string times = most->second == 1 ? ", once" : text(", ", most->second, " times");
  EXPECT_THAT(section("results"), HasSubstr(text("<b>", truth, "</b> taken for <b>", named, "</b>", times)));
  for (const char* said : {"Gradient", "Occlusion", "Grad-CAM", "max_pool2d2, 5 x 5 places", "Mistakes"})
    EXPECT_THAT(section("attention"), HasSubstr(said));
  for (const Model::LayerSummary& layer : model.layers()) {
    if (layer.kind == "flatten") continue; // the same numbers under another shape
    EXPECT_THAT(section("maps"), HasSubstr(text("<b>", layer.name, "</b>"))) << layer.name;
  }
  EXPECT_THAT(section("maps"), HasSubstr("16 maps of 10 x 10"));
  EXPECT_LT(page.size(), size_t(1) << 20);

  std::filesystem::remove_all(work.directory.path()); // without maps there is neither Grad-CAM nor a walk through them
  Work dense = begin("digits", small);
  const std::string other = report_on(dense);
  EXPECT_THAT(other, HasSubstr("<section id=\"attention\""));
  EXPECT_THAT(other, HasSubstr("Occlusion"));
  for (const char* none : {"Grad-CAM", "<section id=\"maps\"", "What training makes of them"})
    EXPECT_THAT(other, Not(HasSubstr(none)));
}

TEST_F(Report, IsRewrittenAsTheHistoryGrows) {
  Work work = begin("moons", small);
  RunReport report(work.model, work.recipe, work.data, work.directory, {}, "vitro");
  History history;
  history.columns = {"epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                     "lr",    "seconds"};
  for (int epoch = 1; epoch <= 3; ++epoch) {
    history.rows.push_back({double(epoch), 1.0 / epoch, 0.5, epoch == 2 ? 0.25 : 0.5, 0.5, 0.1, 1.0 * epoch});
    const double spent = report.seconds();
    do report.running(history); // short epochs share a rewriting: this one waits for its turn
    while (report.seconds() == spent);
    EXPECT_THAT(page_of(work), HasSubstr(text("Epoch ", epoch, " of 3: ")));
  }
  EXPECT_THAT(page_of(work), HasSubstr("best so far: epoch 2"));
  report.failed("the loss is <NaN>");
  EXPECT_THAT(page_of(work), HasSubstr("Stopped by an error after the last epoch"));
  EXPECT_THAT(page_of(work), HasSubstr("the loss is &lt;NaN&gt;"));
  EXPECT_THAT(page_of(work), Not(HasSubstr("refresh")));
}

TEST_F(Report, TakesAtMostAThirtiethOfTheTime) {
  using Clock = std::chrono::steady_clock;
  Work work = begin("moons", small);
  RunReport report(work.model, work.recipe, work.data, work.directory, {}, "vitro");
  const History history{{"epoch", "train_loss", "lr", "seconds"}, {{1, 0.5, 0.1, 0.1}}};
  report.running(history);
  Clock::time_point written = Clock::now();
  double spent = report.seconds(), last = spent;
  for (int pages = 1; pages < 4;) {
    report.running(history);
    if (report.seconds() == spent) continue;
    // What passed since the page before, without this one's own time.
    const double cost = report.seconds() - spent;
    const double waited = std::chrono::duration<double>(Clock::now() - written).count() - cost;
    EXPECT_GE(waited, 29 * last);
    written = Clock::now();
    spent = report.seconds();
    last = cost;
    ++pages;
  }
}

TEST_F(Report, WhereThereIsNoTestPartItSaysSo) {
  std::string rows = "a,b,class\n";
  for (int i = 0; i < 60; ++i) rows += text(i % 7, ",", i % 2 ? i : -i, ",", i % 2 ? "up" : "down", "\n");
  Work with_validation = begin(file("two.csv", rows), {"test=0", "validation=0.1", "epochs=2"});
  const std::string chosen_by = report_on(with_validation);
  EXPECT_THAT(chosen_by, HasSubstr("validation rows named right"));
  EXPECT_THAT(chosen_by, HasSubstr("There is no test part"));
  std::filesystem::remove_all(with_validation.directory.path());
  Work alone = begin(file("two.csv", rows), {"test=0", "validation=0", "epochs=1"});
  const std::string page = report_on(alone);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_THAT(page, HasSubstr("neither a test nor a validation part"));
  EXPECT_THAT(page, Not(HasSubstr("unseen rows")));
}

TEST_F(Report, NoBetterThanTheBaselineIsSaid) {
  std::string rows = "a,class\n"; // nothing to learn
  for (int i = 0; i < 200; ++i) rows += text(i / 4 % 2, ",", i % 4 ? "often" : "rare", "\n");
  Work work = begin(file("noise.csv", rows), {"epochs=2"});
  EXPECT_THAT(report_on(work), HasSubstr("as good as always &quot;often&quot;"));
}

TEST_F(Report, NumbersGetErrorsAndAScatter) {
  Work work = begin("sine", {"samples=60", "epochs=2"});
  const std::string page = report_on(work);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_THAT(page, HasSubstr("RMSE"));
  EXPECT_THAT(page, HasSubstr("predicted against true"));
  EXPECT_THAT(page, HasSubstr("always the mean"));
}

TEST_F(Report, NamesOfStrangersStayText) {
  const std::string evil = "<script>alert(1)</script>";
  std::string rows = text("\"", evil, "\",\"col \"\"two\"\" & Zürich 東京\",", std::string(3000, 'x'), "\n");
  for (int i = 0; i < 80; ++i)
    rows += text(i % 5, ",", i % 2 ? 3 : -3, ",\"", i % 2 ? evil : "\"\"><img src=x onerror=y>'", "\"\n");
  Work work = begin(file("evil & <b>.csv", rows), {"epochs=2"});
  const std::string page = report_on(work);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("Zürich 東京"));
  EXPECT_THAT(page, HasSubstr("evil &amp; &lt;b&gt;.csv, lines counted from 1"));
}

TEST_F(Report, OfMistakesInATableSaysTheLine) {
  std::string rows = "x,y\n";
  for (int line = 2; line < 42; ++line) rows += text(line, ".5,", line * line, ".5\n");
  Work work = begin(file("squares.csv", rows), {"epochs=1", "goal=regression"});
  const Dataset& test = work.data.test;
  ASSERT_GT(test.size(), 1);
  const std::string page = report_on(work); // all rows of so small a part are among the worst
  for (int64_t i = 0; i < test.size(); ++i) {
    EXPECT_EQ(double(test.origin.place(i)) + 0.5, test.samples.at(i));
    EXPECT_THAT(page, HasSubstr(text("<td>line\u00a0", test.origin.place(i), "</td>")));
  }
}

// A table with all that a file may hold: dates, gaps, categories, names of rows, a column noted down afterwards.
std::string messy_table(const std::string& category) {
  std::string rows = "id,when,size,kind,town,after,result\n";
  for (int i = 0; i < 400; ++i) {
    const bool good = i * 37 % 100 < 40;
    rows += text(i + 1, ",2024-", i % 9 + 1 < 10 ? "0" : "", i % 9 + 1, "-1", i % 9, ",",
                 i % 11 == 0 ? std::string("?") : text((good ? 3 : 0) + i % 4, ".25"), ",\"",
                 i % 3 == 0 ? category : "plain", "\",town ", i % 40, ",", good ? "paid" : "none", ",",
                 good ? "good" : "bad", "\n");
  }
  return rows;
}

TEST(PlainNumber, IsWhatPeopleWrite) {
  EXPECT_EQ(plain_number(52954.6, 4), "52,950");
  EXPECT_EQ(plain_number(-399099.62, 3), "-399,000");
  EXPECT_EQ(plain_number(999.96, 3), "1,000");
  EXPECT_EQ(plain_number(500001, 7), "500,001");
  EXPECT_EQ(plain_number(12.25, 7), "12.25");
  EXPECT_EQ(plain_number(-0.0, 3), "0");
  EXPECT_EQ(plain_number(0.01234, 2), "0.012");
  EXPECT_EQ(plain_number(1e-9, 2), "1e-09");
  EXPECT_EQ(plain_number(2e20, 2), "2e+20");
  EXPECT_EQ(plain_number(std::nan(""), 2), "-");
}

TEST_F(Report, OfATableShowsItsColumnsAndWhatItLeansOn) {
  Work work = begin(file("messy.csv", messy_table("<i>odd</i>, \"\"so\"\"")), {"epochs=3"});
  const std::string page = report_on(work);
  EXPECT_EQ(fault_of(page), "");
  for (const std::string& said :
       {std::string("target: result, the last column"), std::string("YYYY-MM-DD, 2024-01-10 to 2024-09-18"),
        std::string("How the values of when are spread"), std::string("whole numbers that count the rows"),
        std::string("&lt;i&gt;odd&lt;/i&gt;"), std::string("a learned vector for each of 40 categories"),
        std::string("<section id=\"importance\""), std::string("accuracy lost, points"), std::string("linear model"),
        std::string("> missing").substr(2)})
    EXPECT_THAT(page, HasSubstr(said));
  // The leak is told at the top.
  const size_t warning = page.find("after alone predicts the target");
  ASSERT_NE(warning, std::string::npos);
  EXPECT_LT(warning, page.find("<section"));
  EXPECT_THAT(page, HasSubstr("--drop after"));
}

TEST_F(Report, ATableWithoutLeaksWarnsOfNothing) {
  std::string rows = messy_table("plain");
  Work work = begin(file("messy.csv", rows), {"epochs=1", "data.columns.after=drop"});
  const std::string page = report_on(work);
  EXPECT_THAT(page, Not(HasSubstr("Too good to be true")));
  EXPECT_THAT(page, Not(HasSubstr("class=\"warning\"")));
}

TEST_F(Report, SaysWhichRowsAreOnBothSides) {
  std::string rows = "a,b,class\n"; // 5 different rows, one of them in both classes
  for (int i = 0; i < 100; ++i) rows += text(i % 5, ",", i % 5 * 2, ",", i % 5 == 0 ? i % 2 : i % 5 < 3, "\n");
  Work work = begin(file("twice.csv", rows), {"epochs=1"});
  const std::string page = report_on(work);
  EXPECT_THAT(page,
              HasSubstr(text(work.data.test.size(), " of ", work.data.test.size(), " test rows equal a training row")));
  EXPECT_THAT(page, HasSubstr("training samples repeat an earlier one"));
  EXPECT_THAT(page, HasSubstr("no net gets all of them right"));
}

TEST_F(Report, TheMistakesOfTheTestPartAreAFileBesideThePage) {
  std::string rows = "a,word,class\n";
  for (int i = 0; i < 200; ++i)
    rows += text(i % 10, ",\"say \"\"", i % 3, "\"\"\",", i * i % 7 < 3 ? "up" : "down", "\n");
  Work work = begin(file("noise.csv", rows), {"epochs=2"});
  RunReport report(work.model, work.recipe, work.data, work.directory, {}, "vitro");
  const TrainingResult result = train(work.model, work.recipe, work.data, work.directory);
  report.ended(result);
  const std::string csv = read_text(work.directory.mistakes());
  EXPECT_EQ(std::ranges::count(csv, '\n'), 1 + result.test.samples - result.test.correct);
  EXPECT_THAT(csv, HasSubstr("file,line,a,word,truth,prediction,probability,of truth\n"));
  EXPECT_GT(result.test.samples, result.test.correct);
  EXPECT_THAT(csv, HasSubstr("\"say \"\""));
  EXPECT_THAT(page_of(work), HasSubstr("All of them are in mistakes.csv."));
}

TEST_F(Report, TwoColumnsOfATableAreAPlaneOnlyWhereBothArePlaces) {
  std::string places = "a,b,class\n", kinds = "a,b,class\n";
  for (int i = 0; i < 100; ++i) {
    places += text(i % 10 * 100, ",", i % 7, ".5,", i % 10 < 5 ? "up" : "down", "\n");
    kinds += text(i % 10 * 100, ",", i % 7 ? "x" : "y", ",", i % 10 < 5 ? "up" : "down", "\n");
  }
  Work plane = begin(file("places.csv", places), {"epochs=2"});
  EXPECT_THAT(report_on(plane), HasSubstr("shaded: what the net says there"));
  std::filesystem::remove_all(plane.directory.path());
  Work table = begin(file("kinds.csv", kinds), {"epochs=2"});
  const std::string page = report_on(table);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_THAT(page, Not(HasSubstr("shaded: what the net says there")));
}

TEST_F(Report, AFullDiskLeavesTheOldPage) {
  Work work = begin("moons", small);
  const std::string before = report_on(work);
  RunReport report(work.model, work.recipe, work.data, work.directory, {}, "vitro");
  const History history{{"epoch", "train_loss", "lr", "seconds"}, {{1, 0.5, 0.1, 0.1}}};
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit tight{4000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  EXPECT_THROW(report.running(history), Error);
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(page_of(work), before);
  for (const auto& entry : std::filesystem::directory_iterator(work.directory.path()))
    EXPECT_FALSE(entry.path().string().ends_with(".part")) << entry.path();
}

TEST_F(Report, OfARunThatStandsStillReadsNoTestPart) {
  Work work = begin("moons", {"samples=60", "validation=30", "test=30", "batch=20", "epochs=5"});
  int batches = 0;
  TrainingHooks hooks;
  hooks.notes = {{"command", "vitro train moons"}};
  hooks.batch = [&](const Pace&) { ++batches; };
  hooks.stop = [&] { return batches >= 7; };
  const TrainingResult stopped = train(work.model, work.recipe, work.data, work.directory, hooks);
  RunReport report(work.model, work.recipe, work.data, work.directory, {}, "vitro");
  report.ended(stopped);
  EXPECT_THAT(page_of(work), HasSubstr("Interrupted after epoch 2 of 5: "));
  EXPECT_THAT(page_of(work), HasSubstr("vitro train --resume"));

  const TrainingResult result = standing(work.model, work.recipe, work.data, work.directory);
  EXPECT_EQ(result.ending, Ending::interrupted);
  EXPECT_EQ(result.test.samples, 0);
  EXPECT_EQ(result.notes.at("command"), "vitro train moons");
  report.ended(result);
  EXPECT_EQ(fault_of(page_of(work)), "");
  EXPECT_THAT(page_of(work), HasSubstr("Not finished, interrupted after epoch 2 of 5: "));
  EXPECT_THAT(page_of(work), HasSubstr("30 validation points"));
  EXPECT_THAT(page_of(work), HasSubstr("vitro train moons"));

  Model fresh(model_spec(work.recipe, work.data.train.schema));
  const TrainingResult done = train(fresh, work.recipe, work.data, work.directory, {});
  const TrainingResult again = standing(fresh, work.recipe, work.data, work.directory);
  EXPECT_EQ(again.weights_sha256, done.weights_sha256);
  EXPECT_EQ(again.test.correct, done.test.correct);
  EXPECT_EQ(again.predictions, done.predictions);
  EXPECT_EQ(done.predictions, predict_all(fresh, work.data.test));
  EXPECT_EQ(again.epochs, 5);
}

} // namespace
} // namespace vitro

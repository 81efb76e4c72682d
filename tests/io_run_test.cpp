// Files, checkpoints, input.json and run directories, on disks that refuse and processes that die.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "io/input.h"
#include "io/run_directory.h"

namespace vitro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Folder {
  Folder() {
    char name[] = "/tmp/vitro-io-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string in(const std::string& name) const { return path + "/" + name; }
  std::vector<std::string> entries() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(path)) out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  std::string path;
};

struct Refusal {
  Fault fault = Fault::input;
  std::string message;
};

Refusal refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) { return {error.fault(), error.what()}; }
  ADD_FAILURE() << "not refused";
  return {};
}

// Runs `act` in a process of its own whose files may not grow beyond `most` bytes, the disk being "full" there;
// returns its exit status (the command line's: 0, 1, 2).
int with_small_files(rlim_t most, const std::function<void()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN); // then the write fails with EFBIG
    const rlimit limit{most, most};
    setrlimit(RLIMIT_FSIZE, &limit);
    int status = 0;
    try {
      act();
    } catch (const Error& error) {
      status = error.fault() == Fault::input ? 2 : 1;
      if (std::string(error.what()).find("untouched") == std::string::npos) status = 99;
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(WriteAtomically, ReplacesTheWholeFile) {
  const Folder folder;
  write_atomically(folder.in("a.txt"), "a longer text");
  write_atomically(folder.in("a.txt"), "short");
  EXPECT_EQ(read_text(folder.in("a.txt")), "short");
  write_atomically(folder.in("empty"), "");
  EXPECT_EQ(read_text(folder.in("empty")), "");
  EXPECT_THAT(folder.entries(), ElementsAre("a.txt", "empty"));
}

TEST(WriteAtomically, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  const std::string path = folder.in("weights");
  write_atomically(path, "old");
  const std::string big(100000, 'x');
  EXPECT_EQ(with_small_files(5000, [&] { write_atomically(path, big); }), 1);
  EXPECT_EQ(read_text(path), "old");
  EXPECT_THAT(folder.entries(), ElementsAre("weights")) << "the temporary file is gone";
  EXPECT_EQ(with_small_files(5000, [&] { write_atomically(path, "fits"); }), 0);
  EXPECT_EQ(read_text(path), "fits");
}

TEST(WriteAtomically, PlacesThatCantBeWrittenTo) {
  const Folder folder;
  const Refusal missing = refusal([&] { write_atomically(folder.in("no/such/file"), "x"); });
  EXPECT_EQ(missing.fault, Fault::input);
  EXPECT_THAT(missing.message, AllOf(HasSubstr("no/such/file"), HasSubstr("No such file or directory")));
  write_atomically(folder.in("file"), "x");
  EXPECT_EQ(refusal([&] { write_atomically(folder.in("file/below"), "x"); }).fault, Fault::input);
  EXPECT_THAT(refusal([&] { write_atomically(folder.path, "x"); }).message, HasSubstr("is a directory"));
  // A rename would replace the device itself.
  EXPECT_THAT(refusal([&] { write_atomically("/dev/null", "x"); }).message, HasSubstr("no regular file"));
  EXPECT_THAT(refusal([&] { write_atomically("/proc/file", "x"); }).message, HasSubstr("can't be written"));
  if (geteuid() == 0) return; // root may write everywhere else
  fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(refusal([&] { write_atomically(folder.in("b"), "x"); }).fault, Fault::input);
  fs::permissions(folder.path, fs::perms::owner_all);
}

TEST(WriteAtomically, ALeftoverOfAKilledProcessIsNoObstacle) {
  const Folder folder;
  write_atomically(folder.in(".a.part"), "half of somethi");
  write_atomically(folder.in("a"), "whole");
  EXPECT_EQ(read_text(folder.in("a")), "whole");
  EXPECT_THAT(folder.entries(), ElementsAre("a"));
}

TEST(ReadFile, RefusesWhatIsNoFile) {
  const Folder folder;
  EXPECT_THAT(refusal([&] { read_file(folder.in("none")); }).message, HasSubstr("can't be opened"));
  EXPECT_THAT(refusal([&] { read_file(folder.path); }).message, HasSubstr("is a directory"));
  EXPECT_THAT(refusal([&] { read_file("/dev/zero"); }).message, HasSubstr("no regular file"));
  write_atomically(folder.in("five"), "12345");
  EXPECT_THAT(refusal([&] { read_file(folder.in("five"), 4); }).message, HasSubstr("expected at most 4"));
}

History history() { return {{"epoch", "a,\"b\""}, {{0, 0.1}, {1, std::nan("")}, {2, INFINITY}, {3, 1e-300}}}; }

TEST(History, ReadsBackToTheBit) {
  const std::string csv = to_csv(history());
  EXPECT_EQ(csv, "epoch,\"a,\"\"b\"\"\"\n0,0.1\n1,\n2,inf\n3,1e-300\n");
  const History back = read_history(csv, "h");
  EXPECT_EQ(back.columns, history().columns);
  ASSERT_EQ(back.rows.size(), 4u);
  EXPECT_TRUE(std::isnan(back.rows[1][1]));
  EXPECT_EQ(to_csv(back), csv);
  EXPECT_THAT(refusal([] { read_history("a,b\n1,2\n3\n", "h.csv"); }).message, HasSubstr("h.csv:3"));
  EXPECT_THAT(refusal([] { read_history("a\n1x\n", "h.csv"); }).message, HasSubstr("\"1x\""));
  EXPECT_THAT(refusal([] { read_history("", "h.csv"); }).message, HasSubstr("empty"));
}

States states(double first) {
  States out;
  out.add("w", Tensor({2, 2}, {first, 2, 3, 4}), true);
  out.add("w.moment", Tensor({2, 2}, {5, 6, 7, 8}));
  out.add("step", Tensor::scalar(12, DType::i32));
  return out;
}

RunProgress progress() {
  RunProgress out;
  out.epoch = 3;
  out.batch = 17;
  out.seed = ~uint64_t(0);
  out.best = 0.1 + 0.2;
  out.best_epoch = 2;
  out.waited = 1;
  out.seconds = 12.25;
  out.numbers = {{"loss_sum", 1e-310}, {"worst", -INFINITY}};
  out.texts = {{"note", "a \"quoted\"\nline"}};
  out.history = history();
  out.layers = {{"epoch", "fc1:dead"}, {{0, std::nan("")}, {1, 0.5}}};
  return out;
}

TEST(Checkpoint, ReadsBackToTheBit) {
  const Folder folder;
  const std::string at = folder.in("checkpoint");
  EXPECT_FALSE(load_checkpoint(at));
  save_checkpoint(at, states(1), {{"w", Tensor({2, 2}, {9, 9, 9, 9})}}, progress());
  const auto back = load_checkpoint(at);
  ASSERT_TRUE(back);
  States restored = states(0);
  load_states(restored, restored.names(), back->states, at);
  EXPECT_EQ(restored.read("w"), states(1).read("w"));
  ASSERT_EQ(back->best.size(), 1u);
  EXPECT_EQ(back->best[0].name, "w");
  EXPECT_EQ(back->best[0].value.at(3), 9);
  const RunProgress& p = back->progress;
  EXPECT_EQ(p.epoch, 3);
  EXPECT_EQ(p.batch, 17);
  EXPECT_EQ(p.seed, ~uint64_t(0));
  EXPECT_FALSE(p.finished);
  EXPECT_EQ(p.best, 0.1 + 0.2);
  EXPECT_EQ(p.best_epoch, 2);
  EXPECT_EQ(p.waited, 1);
  EXPECT_EQ(p.seconds, 12.25);
  EXPECT_EQ(p.numbers, progress().numbers);
  EXPECT_EQ(p.texts, progress().texts);
  EXPECT_EQ(to_csv(p.history), to_csv(history()));
  EXPECT_EQ(to_csv(p.layers), "epoch,fc1:dead\n0,\n1,0.5\n");
}

TEST(Checkpoint, AFullDiskLeavesTheOldOne) {
  const Folder folder;
  const std::string at = folder.in("checkpoint");
  save_checkpoint(at, states(1), {}, progress());
  EXPECT_EQ(with_small_files(200, [&] { save_checkpoint(at, states(2), {}, progress()); }), 1);
  const auto back = load_checkpoint(at);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->states[0].value.at(0), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(at), {}), 1);
}

// A process that saves one checkpoint after the other is killed at odd moments: what is found is always one of
// them, whole, its weights and its position of the same moment.
TEST(Checkpoint, SurvivesKillAtAnyMoment) {
  const Folder folder;
  const std::string at = folder.in("checkpoint");
  save_checkpoint(at, states(0), {}, RunProgress{});
  for (int round = 0; round < 40; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      RunProgress p;
      for (p.epoch = 1;; ++p.epoch) save_checkpoint(at, states(double(p.epoch)), {}, p);
    }
    usleep(useconds_t(200 + 313 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const auto back = load_checkpoint(at);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->states[0].value.at(0), double(back->progress.epoch));
  }
}

TEST(Checkpoint, DamageIsRefused) {
  const Folder folder;
  const std::string at = folder.in("c"), file = at + "/state.safetensors";
  save_checkpoint(at, states(1), {}, progress());
  const std::string good = read_text(file);
  const Stream stream(1, "damage");
  for (uint64_t round = 0; round < 1500; ++round) {
    Draws draws(stream, round);
    std::string bad = good;
    if (round % 3 == 0)
      bad.resize(draws.below(good.size()));
    else
      bad[draws.below(good.size())] = char(draws.below(256));
    std::ofstream(file, std::ios::binary) << bad;
    try {
      load_checkpoint(at);
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
  write_atomically(file, write_safetensors({}, "w"));
  EXPECT_THAT(refusal([&] { load_checkpoint(at); }).message, HasSubstr("no position of a run"));
}

Schema format() {
  Schema out;
  out.name = "points";
  out.description = "two \"moons\"";
  out.generated = true;
  out.sample = {2};
  out.features = {"x", "größe"};
  out.classes = {"no", "yes"};
  out.targets = {"class"};
  out.input = {1.0 / 255, {0.1307, 1e-17}, {0.3081, 2}};
  return out;
}

// Every kind of column there is.
Schema table_format() {
  Schema out;
  out.goal = Goal::numbers;
  out.sample = {5};
  out.features = {"a", "b", "c", "d", "e"};
  out.targets = {"t"};
  out.header = true;
  out.columns = {
      {.name = "a", .remark = "0 to 1", .format = "1,234", .indicator = true, .mean = 0.1, .deviation = 1e-3},
      {.name = "b", .role = Role::quantile, .knots = {-1.5, 0.1, 0.1, 7}},
      {.name = "c", .role = Role::date, .cells = CellType::date, .format = "YYYY-MM-DD", .clock = true, .mean = 19000},
      {.name = "d",
       .role = Role::category,
       .cells = CellType::text,
       .categories = {"", "a \"b\"", "größe"},
       .others = true},
      {.name = "e", .role = Role::embedding, .cells = CellType::text, .categories = {"x", "y"}}};
  out.left_out = {{"id", "it names the rows"}};
  return out;
}

// What is said of the schema `good` with the last `from` in it replaced.
std::string refusal_of(std::string good, const std::string& from, const std::string& to) {
  const size_t at = good.rfind(from);
  EXPECT_NE(at, std::string::npos) << from;
  good.replace(at, from.size(), to);
  return refusal([&] { read_schema(good, "input.json"); }).message;
}

TEST(Input, ReadsBackToTheBit) {
  EXPECT_EQ(read_schema(to_json(format()), "i"), format());
  EXPECT_EQ(read_schema(to_json(table_format()), "i"), table_format());
  Schema pictures;
  pictures.goal = Goal::numbers;
  pictures.raw = DType::u8;
  pictures.sample = {3, 8, 8};
  pictures.targets = {"angle", "size"};
  pictures.input = {1.0 / 255, {0.1, 0.2, 0.3}, {1, 2, 3}};
  pictures.target = {1, {5, 6}, {1, 1}};
  EXPECT_EQ(read_schema(to_json(pictures), "i"), pictures);
}

TEST(Input, IsReadStrictly) {
  const std::string good = to_json(format());
  const auto with = [&](const std::string& from, const std::string& to) { return refusal_of(good, from, to); };
  EXPECT_THAT(with("\"generated\": true,", ""), HasSubstr("no \"generated\""));
  EXPECT_THAT(with("\"generated\": true", "\"generated\": 1"), HasSubstr("\"generated\" is not true or false"));
  EXPECT_THAT(with("\"generated\"", "\"generatd\": true, \"generated\""), HasSubstr("did you mean \"generated\""));
  EXPECT_THAT(with("\"generated\"", "\"generated\": true, \"generated\""), HasSubstr("twice"));
  EXPECT_THAT(with("\"version\": 4", "\"version\": 5"), HasSubstr("version 5"));
  EXPECT_THAT(with("classification", "clustering"), HasSubstr("\"goal\" is not"));
  EXPECT_THAT(with("\"f32\"", "\"i32\""), HasSubstr("\"raw\" is not"));
  EXPECT_THAT(with("0.3081", "0"), HasSubstr("deviation"));
  EXPECT_THAT(with("0.3081", "-1"), HasSubstr("deviation"));
  EXPECT_THAT(with("0.3081,", ""), HasSubstr("2 means and 1 deviations"));
  EXPECT_THAT(with("\"no\"", "\"yes\""), HasSubstr("a class twice"));
  EXPECT_THAT(with("\"x\",", ""), HasSubstr("1 features of a sample"));
  const size_t sample = good.find("\"sample\": [");
  const size_t end = good.find(']', sample);
  for (const char* shape : {"[-2]", "[0]", "[2.5]", "[1099511627776, 1099511627776]", "[99999999999999999999]", "2"}) {
    std::string bad = good;
    bad.replace(sample, end + 1 - sample, text("\"sample\": ", shape));
    EXPECT_THAT(refusal([&] { read_schema(bad, "i"); }).message, HasSubstr("\"sample\"")) << shape;
  }
  Schema latin1 = format();
  latin1.classes[0] = "gr\xf6\xdf"
                      "e";
  EXPECT_THAT(refusal([&] { to_json(latin1); }).message, HasSubstr("UTF-8"));
}

TEST(Input, ColumnsAreReadStrictly) {
  const std::string good = to_json(table_format());
  const auto with = [&](const std::string& from, const std::string& to) { return refusal_of(good, from, to); };
  EXPECT_THAT(with("\"quantile\"", "\"quantil\""), HasSubstr("did you mean \"quantile\""));
  EXPECT_THAT(with("\"cells\": \"text\"", "\"cells\": \"word\""), HasSubstr("\"cells\" is not"));
  EXPECT_THAT(with("\"clock\"", "\"clocks\""), HasSubstr("clock"));
  EXPECT_THAT(with("\"x\"", "\"z\""), HasSubstr("in the order of their bytes"));
  EXPECT_THAT(with("-1.5", "1.5"), HasSubstr("ascending"));
  EXPECT_THAT(with("0.001", "0.0"), HasSubstr("deviation"));
  EXPECT_THAT(with("\"reason\"", "\"resaon\""), HasSubstr("reason"));
}

Schema series_format() {
  Schema out;
  out.goal = Goal::numbers;
  out.sample = {14, 2};
  out.features = {"Date", "Temp"};
  out.targets = {"Temp +1", "Temp +2"};
  out.target = {1, {0.1, 0.2}, {3, 4}};
  out.header = true;
  out.columns = {{.name = "Date", .role = Role::date, .cells = CellType::date, .week = false, .anchored = true},
                 {.name = "Temp", .anchored = true, .mean = -0.1, .deviation = 2.5}};
  out.forecast = {.column = 1, .date = 0, .period = 7, .days = 1, .months = 0};
  return out;
}

TEST(Input, ForecastsReadBackToTheBit) {
  EXPECT_EQ(read_schema(to_json(series_format()), "i"), series_format());
  EXPECT_EQ(read_schema(to_json(format()), "i").forecast, std::nullopt);
}

TEST(Input, ForecastsAreReadStrictly) {
  const auto with = [](const std::string& from, const std::string& to) {
    return refusal_of(to_json(series_format()), from, to);
  };
  EXPECT_THAT(with("\"column\": 1", "\"column\": 2"), HasSubstr("\"column\" is not"));
  EXPECT_THAT(with("\"column\": 1", "\"column\": 0"), HasSubstr("a column of numbers"));
  EXPECT_THAT(with("\"date\": 0", "\"date\": 1"), HasSubstr("a column of dates"));
  EXPECT_THAT(with("\"period\": 7", "\"period\": -7"), HasSubstr("\"period\" is not"));
  EXPECT_THAT(with("\"months\": 0", "\"months\": 3"), HasSubstr("\"months\" is not"));
  EXPECT_THAT(with("\"days\": 1.0", "\"days\": -1.0"), HasSubstr("\"days\" is not"));
  EXPECT_THAT(with("\"period\"", "\"perod\""), HasSubstr("did you mean \"period\""));
  EXPECT_THAT(with("\"week\"", "\"weak\""), HasSubstr("week"));
  Schema unforeseen = series_format();
  unforeseen.forecast.reset();
  EXPECT_THAT(refusal([&] { read_schema(to_json(unforeseen), "i"); }).message, HasSubstr("forecasts nothing"));
  Schema flat = series_format();
  flat.sample = {2};
  EXPECT_THAT(refusal([&] { read_schema(to_json(flat), "i"); }).message, HasSubstr("rows and columns"));
}

TEST(Input, PicturesReadBackAndAreReadStrictly) {
  Schema ink;
  ink.raw = DType::u8;
  ink.sample = {1, 28, 28};
  ink.classes = {"0", "1"};
  ink.picture = PictureForm{.ink = 20};
  EXPECT_EQ(read_schema(to_json(ink), "i"), ink);
  Schema folder = ink;
  folder.picture = PictureForm{.fit = Fit::stretch};
  EXPECT_EQ(read_schema(to_json(folder), "i"), folder);
  EXPECT_EQ(read_schema(to_json(format()), "i").picture, std::nullopt);
  const auto with = [&](const std::string& from, const std::string& to) { return refusal_of(to_json(ink), from, to); };
  EXPECT_THAT(with("\"ink\": 20", "\"ink\": 29"), HasSubstr("\"ink\" is not"));
  EXPECT_THAT(with("\"ink\": 20", "\"ink\": -1"), HasSubstr("\"ink\" is not"));
  EXPECT_THAT(with("\"ink\"", "\"inc\": 3, \"ink\""), HasSubstr("did you mean \"ink\""));
  EXPECT_THAT(with("\"fit\": null", "\"fit\": \"squeeze\""), HasSubstr("\"fit\" is not"));
  Schema floats = ink;
  floats.raw = DType::f32;
  EXPECT_THAT(refusal([&] { read_schema(to_json(floats), "i"); }).message, HasSubstr("samples u8"));
}

TEST(Input, SoundsReadBackAndAreReadStrictly) {
  Schema sounds;
  sounds.name = "words";
  sounds.raw = DType::f32;
  sounds.sample = {12345};
  sounds.classes = {"no", "yes"};
  sounds.sound = SoundForm{.rate = 44100,
                           .frame = 1103,
                           .hop = 441,
                           .fft = 2048,
                           .features = SoundFeatures::mfcc,
                           .bands = 26,
                           .coefficients = 12,
                           .deltas = 2,
                           .low = 0.1,
                           .high = 20000,
                           .pre_emphasis = 0.97,
                           .trim = 30,
                           .normalise = Normalise::set,
                           .pattern = "{label}_{take}.wav"};
  sounds.input = {1, std::vector<double>(36, 0.1), std::vector<double>(36, 3)};
  EXPECT_EQ(read_schema(to_json(sounds), "i"), sounds);
  EXPECT_EQ(read_schema(to_json(format()), "i").sound, std::nullopt);
  const auto with = [&](const std::string& from, const std::string& to) {
    return refusal_of(to_json(sounds), from, to);
  };
  EXPECT_THAT(with("\"mfcc\"", "\"plp\""), HasSubstr("\"log_mel\" or \"mfcc\""));
  EXPECT_THAT(with("\"normalise\": \"set\"", "\"normalise\": \"all\""), HasSubstr("\"clip\", \"set\""));
  EXPECT_THAT(with("\"rate\": 44100", "\"rate\": 0"), HasSubstr("the rate is 0"));
  EXPECT_THAT(with("\"hop\": 441", "\"hop\": 0"), HasSubstr("the hop is 0"));
  EXPECT_THAT(with("\"deltas\": 2", "\"deltas\": 1"), HasSubstr("36 means"));
  EXPECT_THAT(with("\"raw\": \"f32\"", "\"raw\": \"u8\""), HasSubstr("needs waves"));
  EXPECT_THAT(with("\"hop\"", "\"hopp\""), HasSubstr("\"hop"));
}

TEST(Input, DamageNeverCrashes) {
  const std::string good = to_json(table_format());
  const Stream stream(2, "damage");
  for (uint64_t round = 0; round < 3000; ++round) {
    Draws draws(stream, round);
    std::string bad = good;
    bad[draws.below(good.size())] = char(draws.below(256));
    try {
      read_schema(bad, "i");
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
}

TEST(Runs, TakeTheNextFreeNumber) {
  const Folder folder;
  const std::string runs = folder.in("runs");
  const auto make = [&](const std::string& what) { return create_run("", what, "mlp", "r", "i", runs).path(); };
  EXPECT_EQ(make("mnist"), runs + "/mnist-mlp-001");
  EXPECT_EQ(make("mnist"), runs + "/mnist-mlp-002");
  EXPECT_EQ(make("some/My points.csv"), runs + "/My-points-mlp-001");
  fs::create_directory(runs + "/mnist-mlp-0999");
  fs::create_directory(runs + "/mnist-mlp-x");
  EXPECT_EQ(make("mnist"), runs + "/mnist-mlp-1000");
  EXPECT_EQ(read_text(runs + "/mnist-mlp-1000/recipe.toml"), "r");
  EXPECT_EQ(read_text(runs + "/mnist-mlp-1000/input.json"), "i");
}

TEST(Runs, AnOutThatIsTakenOrCantBeIsRefused) {
  const Folder folder;
  const auto make = [&](const std::string& out) { return create_run(out, "x", "mlp", "r", "i").path(); };
  EXPECT_EQ(make(folder.in("a")), folder.in("a"));
  EXPECT_THAT(refusal([&] { make(folder.in("a")); }).message, AllOf(HasSubstr("not empty"), HasSubstr("--resume")));
  fs::create_directory(folder.in("empty"));
  EXPECT_EQ(make(folder.in("empty/")), folder.in("empty"));
  EXPECT_EQ(make(folder.in("runs/b")), folder.in("runs/b")) << "runs/ itself is made";
  const Refusal typo = refusal([&] { make(folder.in("no/such/c")); });
  EXPECT_EQ(typo.fault, Fault::input);
  EXPECT_THAT(typo.message, HasSubstr("no such directory"));
  write_atomically(folder.in("file"), "x");
  EXPECT_THAT(refusal([&] { make(folder.in("file")); }).message, HasSubstr("is no directory"));
  EXPECT_THAT(refusal([&] { make(folder.in("file/d")); }).message, HasSubstr("is no directory"));
  EXPECT_EQ(refusal([&] { make("/proc/run"); }).fault, Fault::input);
  EXPECT_THAT(folder.entries(), ElementsAre("a", "empty", "file", "runs")) << "nothing half-made is left";
}

TEST(Runs, AFullDiskLeavesNothingBehind) {
  const Folder folder;
  const std::string big(100000, 'x');
  EXPECT_EQ(with_small_files(5000, [&] { create_run(folder.in("a"), "x", "mlp", big, "i"); }), 1);
  EXPECT_TRUE(folder.entries().empty());
}

TEST(Runs, TheLatestAreFoundByWhatWasWrittenLast) {
  const Folder folder;
  const std::string runs = folder.in("runs");
  EXPECT_THAT(refusal([&] { find_run("", runs); }).message, HasSubstr("no run yet"));
  const RunDirectory a = create_run("", "a", "mlp", "r", "i", runs), b = create_run("", "b", "mlp", "r", "i", runs);
  fs::create_directory(runs + "/not-a-run");
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(a.recipe(), now - std::chrono::hours(2));
  fs::last_write_time(b.recipe(), now - std::chrono::hours(1));
  EXPECT_EQ(find_run("", runs).path(), b.path());
  write_atomically(a.weights(), "w");
  EXPECT_EQ(find_run("", runs).path(), a.path());
  EXPECT_THAT(list_runs(runs), ElementsAre(b.path(), a.path()));
  EXPECT_EQ(find_run("b-mlp-001", runs).path(), b.path());
  EXPECT_EQ(find_run(b.path(), runs).path(), b.path());
  EXPECT_THAT(refusal([&] { find_run("b-mlp-01", runs); }).message, HasSubstr("did you mean \"b-mlp-001\""));
  EXPECT_THAT(refusal([&] { find_run("not-a-run", runs); }).message, HasSubstr("no recipe.toml"));
  EXPECT_THAT(refusal([&] { find_run(b.recipe(), runs); }).message, HasSubstr("a directory was expected"));
}

} // namespace
} // namespace vitro

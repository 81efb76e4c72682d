// A sweep: the same training with every combination of some keys' values, judged on the validation part.
//
// Invariants: the test part is never read, by construction: the data that a sweep opens holds no test sample. Every
// setting is checked before the first one is trained. What a setting gives is what `vitro train` gives for the same
// keys, whatever runs beside it. Each finished training is one line of results.jsonl, written when it ends; so an
// interrupted sweep loses those that were running, no more.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/files.h"
#include "train/jobs.h"
#include "train/metrics.h"

namespace vitro {

/// A key and what it is to be: "lr=log:1e-4..10:13" has 13 values, "epochs=5" one.
struct SweepKey {
  std::string word;                // as it was written
  std::string key;                 // "lr"
  std::vector<std::string> values; // as they would stand behind `key=`
  bool logarithmic = false;        // they grow by equal factors

  bool is_seed() const;
  bool varies() const { return values.size() > 1; }
};

/// Reads "key=values": `log:a..b:n` and `lin:a..b:n` (n numbers from a to b, both included, by equal factors or by
/// equal steps; rounded to 6 or 12 digits where that keeps them apart), `a..b` (whole numbers), `a,b,c`, or one value.
/// A comma within brackets or quotes belongs to its value. Throws bad_input at the word.
SweepKey read_sweep_key(const std::string& word);

constexpr int64_t most_trainings = 10'000;

struct SweepPlan {
  std::string what;
  std::vector<SweepKey> keys; // in the order of the command line; the last varies fastest

  int64_t trainings() const;
  /// "lr=0.1", "seed=2", ... of one of them.
  std::vector<std::string> assignments(int64_t training) const;
};

/// Throws bad_input for a word that is none, a key that is written twice, nothing that varies, too many combinations.
SweepPlan plan_sweep(const std::string& what, const std::vector<std::string>& words);

/// What became of one training: all with the chosen weights.
struct SweepResult {
  bool done = false;
  std::string diverged = {};                                 // why there are no numbers; "": there are
  double outcome = std::numeric_limits<double>::quiet_NaN(); // of the validation part: accuracy, or RMSE
  double loss = std::numeric_limits<double>::quiet_NaN();    // of the validation part
  double train_loss = std::numeric_limits<double>::quiet_NaN();
  int64_t epochs = 0, best_epoch = 0;
  double seconds = 0;
  std::string weights_sha256 = {};
};

/// All trainings that differ in their seed alone.
struct SweepSetting {
  std::vector<std::string> values; // of the keys that vary, without the seed
  std::vector<int64_t> trainings;
  int64_t done = 0, diverged = 0;
  // Over those that are done; NaN where one of them diverged, or none is done.
  double mean = 0, loss = 0;
  double deviation = 0; // of the sample (n - 1); NaN for less than two

  bool complete() const { return done == int64_t(trainings.size()) && diverged == 0; }
};

struct SweepProgress {
  int64_t done = 0, trainings = 0;
  double share = 0, seconds = 0; // of the work that this sitting began with, and since then
};

struct SweepHooks {
  std::function<bool()> stop = {};
  std::function<void(const SweepProgress& progress)> progress = {}; // about ten times a second
};

class Sweep {
public:
  /// Checks every setting: its keys and values, the data that it asks for, its net. Throws bad_input that names the
  /// setting; where there is no validation part; where two trainings would be the same.
  Sweep(SweepPlan plan, const std::string& data_dir);

  const SweepPlan& plan() const { return plan_; }
  Goal goal() const { return goal_; }
  std::string outcome() const { return goal_ == Goal::classes ? "validation accuracy" : "validation RMSE"; }
  bool better(double a, double b) const { return goal_ == Goal::classes ? a > b : a < b; }
  /// On the validation part; without text where the settings don't share their data.
  const Baseline& baseline() const { return baseline_; }

  /// Keeps its results in `directory`; where that is "", in the one of `runs` that holds the same sweep of the same
  /// data, else in runs/sweep-WHAT-001 with the next free number. What it holds already is taken over. Throws bad_input
  /// where it holds anything else, is damaged, or another process works on it. Returns the directory.
  std::string keep_in(const std::string& directory, const std::string& runs = "runs");

  int64_t done() const;
  bool finished() const { return done() == plan_.trainings(); }
  const std::vector<SweepResult>& results() const { return results_; }

  /// Trains what is missing, `at_once` side by side. False where it was stopped. Throws what a training throws that
  /// does not diverge, and what the disk refuses.
  bool run(int64_t at_once, const SweepHooks& hooks = {});

  /// The keys that vary, without the seed: their places in the plan.
  std::vector<size_t> swept() const;
  std::vector<SweepSetting> settings() const;
  /// Of those that are complete the one with the best mean, of equals that with the smallest loss; none where nothing
  /// is complete.
  std::optional<size_t> best(const std::vector<SweepSetting>& settings) const;
  /// "lr=0.1", "epochs=5": its keys, and those that don't vary.
  std::vector<std::string> assignments(const SweepSetting& setting) const;

private:
  void check();
  SweepResult train_one(int64_t training, const std::function<bool()>& stop,
                        const std::function<void(double share)>& passed);
  void take_over();
  void append(int64_t training);
  std::string results_file() const { return directory_ + "/results.jsonl"; }

  const SweepPlan plan_;
  SharedData data_;
  std::vector<Recipe> recipes_; // of each training
  Goal goal_ = Goal::classes;
  Baseline baseline_;
  std::string fingerprint_; // of all recipes and of the first one's data
  std::string directory_;   // "": kept nowhere
  std::optional<WorkLock> lock_;
  std::vector<SweepResult> results_;
};

/// What was begun in `directory`. Throws bad_input where no sweep lies there.
SweepPlan stored_plan(const std::string& directory);

} // namespace vitro

#include "train/sweep.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data/bytes.h"
#include "train/setup.h"
#include "train/training.h"

namespace vitro {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::string sum_of(const Tensor& tensor) {
  return sha256({static_cast<const uint8_t*>(tensor.view().data), size_t(tensor.type().bytes())});
}

// The recipe but for what changes no shape: settings that are equal in the rest have the same net.
std::string shape_key(Recipe recipe) {
  recipe.train.seed = 0;
  recipe.train.optimizer.args.set("lr", 1.0);
  return to_toml(recipe);
}

std::string without_seed(Recipe recipe) {
  recipe.train.seed = 0;
  return data_key(recipe);
}

// A table's usual plan depends on its rows.
Recipe base_of(const std::string& what, const std::string& data_dir) {
  const bool path = what.find_first_of("/.") != std::string::npos && !what.ends_with(".toml");
  return path ? open_trainable(what, {}, data_dir).recipe : recipe_for(what);
}

} // namespace

Sweep::Sweep(SweepPlan plan, const std::string& data_dir)
    : plan_(std::move(plan)), data_(data_dir, TestPart::dropped), results_(size_t(plan_.trainings())) {
  const Recipe base = base_of(plan_.what, data_dir);
  for (int64_t i = 0; i < plan_.trainings(); ++i) {
    Recipe recipe = base;
    set_all(recipe, plan_.assignments(i));
    recipes_.push_back(std::move(recipe));
  }
  check();
}

// What needs data and nets; keys and values were checked when they were set.
void Sweep::check() {
  std::string all;
  std::set<std::string> recipes, shapes, sets;
  for (size_t i = 0; i < recipes_.size(); ++i) {
    const Recipe& recipe = recipes_[i];
    const std::string where = join(plan_.assignments(int64_t(i)), " "), toml = to_toml(recipe);
    if (!recipes.insert(toml).second)
      bad_input(where, "is the same training as another one of the sweep", "name each value once");
    all += toml;
    sets.insert(without_seed(recipe));
    if (!shapes.insert(shape_key(recipe)).second) continue;
    const std::shared_ptr<const Splits> data = data_.open(recipe);
    const Schema& schema = data->train.schema;
    if (data->validation.size() == 0)
      bad_input(where, "there is no validation part to compare by",
                "validation=0.1; the test part is not for choosing");
    if (i == 0) {
      goal_ = schema.goal;
      baseline_ = vitro::baseline(data->train, data->validation);
      for (const Dataset* part : {&data->train, &data->validation})
        for (const Tensor* tensor : {&part->samples, &part->labels, &part->targets}) fingerprint_ += sum_of(*tensor);
    }
    if (schema.goal != goal_)
      bad_input(where, text("is ", name(schema.goal), ", the first setting is ", name(goal_)), "sweep them apart");
    try {
      const Recipe whole = complete(recipe, schema);
      const Model fits(model_spec(whole, schema));
      scheduler_of(whole, *data); // throws where the schedule doesn't fit the run
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      throw Error(Fault::input, text("[", where, "] ", error.what()));
    }
  }
  if (sets.size() > 1) baseline_.text.clear();
  fingerprint_ += all;
  fingerprint_ = sha256({reinterpret_cast<const uint8_t*>(fingerprint_.data()), fingerprint_.size()});
}

int64_t Sweep::done() const {
  return std::count_if(results_.begin(), results_.end(), [](const SweepResult& result) { return result.done; });
}

SweepResult Sweep::train_one(int64_t training, const std::function<bool()>& stop,
                             const std::function<void(double share)>& passed) {
  const Recipe& asked = recipes_[size_t(training)];
  const std::shared_ptr<const Splits> data = data_.open(asked);
  const Recipe recipe = complete(asked, data->train.schema);
  Model model(model_spec(recipe, data->train.schema));
  TrainingHooks hooks;
  hooks.stop = stop;
  hooks.batch = [&](const Pace& pace) {
    passed((double(pace.epoch - 1) + double(pace.done) / double(pace.of)) / double(pace.epochs));
  };
  SweepResult out;
  try {
    const TrainingResult result = train(model, recipe, *data, hooks);
    if (result.ending == Ending::interrupted) return out;
    out.outcome = goal_ == Goal::classes ? result.validation.accuracy() : result.validation.rmse;
    out.loss = result.validation.loss;
    out.train_loss = result.train.loss;
    out.epochs = result.epochs;
    out.best_epoch = result.best_epoch;
    out.seconds = result.seconds;
    out.weights_sha256 = result.weights_sha256;
  } catch (const Error& error) { // without a run nothing but a value that is not finite is a failure
    if (error.fault() != Fault::failure) throw;
    out.diverged = error.what();
  }
  out.done = true;
  return out;
}

bool Sweep::run(int64_t at_once, const SweepHooks& hooks) {
  if (at_once < 1 || at_once > 256) bad_input("--jobs", text("is ", at_once), "a number from 1 to 256");
  std::vector<int64_t> missing;
  double work = 0;
  for (int64_t i = 0; i < plan_.trainings(); ++i) {
    if (results_[size_t(i)].done) continue;
    missing.push_back(i);
    work += double(recipes_[size_t(i)].train.epochs);
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::atomic<double>> shares(missing.size());
  std::mutex mutex; // of results and their file
  const auto train_missing = [&](int64_t job, const std::atomic<bool>& stopping) {
    const int64_t training = missing[size_t(job)];
    SweepResult result = train_one(
        training, [&] { return stopping.load(); }, [&](double share) { shares[size_t(job)] = share; });
    if (!result.done) return;
    const std::lock_guard lock(mutex);
    results_[size_t(training)] = std::move(result);
    shares[size_t(job)] = 1;
    if (!directory_.empty()) append(training);
  };
  const auto look = [&] {
    if (!hooks.progress) return;
    SweepProgress progress{.done = 0, .trainings = plan_.trainings()};
    {
      const std::lock_guard lock(mutex);
      progress.done = done();
    }
    for (size_t i = 0; i < missing.size(); ++i)
      progress.share += shares[i] * double(recipes_[size_t(missing[i])].train.epochs) / work;
    progress.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    hooks.progress(progress);
  };
  return run_jobs(int64_t(missing.size()), at_once, train_missing, {.stop = hooks.stop, .look = look});
}

std::vector<size_t> Sweep::swept() const {
  std::vector<size_t> out;
  for (size_t i = 0; i < plan_.keys.size(); ++i)
    if (plan_.keys[i].varies() && !plan_.keys[i].is_seed()) out.push_back(i);
  return out;
}

std::vector<SweepSetting> Sweep::settings() const {
  const std::vector<size_t> keys = swept();
  std::vector<SweepSetting> out;
  std::map<std::vector<std::string>, size_t> known;
  for (int64_t i = 0; i < plan_.trainings(); ++i) {
    const std::vector<std::string> all = plan_.assignments(i);
    std::vector<std::string> values;
    for (const size_t key : keys) values.push_back(all[key].substr(all[key].find('=') + 1));
    const auto [found, is_new] = known.try_emplace(values, out.size());
    if (is_new) out.push_back({values, {}});
    out[found->second].trainings.push_back(i);
  }
  for (SweepSetting& setting : out) {
    for (const int64_t training : setting.trainings) {
      const SweepResult& result = results_[size_t(training)];
      if (!result.done) continue;
      ++setting.done;
      setting.diverged += !result.diverged.empty();
      setting.mean += result.outcome;
      setting.loss += result.loss;
    }
    const auto n = double(setting.done);
    setting.mean = setting.done > 0 ? setting.mean / n : nothing;
    setting.loss = setting.done > 0 ? setting.loss / n : nothing;
    double squares = 0;
    for (const int64_t training : setting.trainings)
      if (const SweepResult& result = results_[size_t(training)]; result.done)
        squares += (result.outcome - setting.mean) * (result.outcome - setting.mean);
    setting.deviation = setting.done > 1 ? std::sqrt(squares / (n - 1)) : nothing;
  }
  return out;
}

std::optional<size_t> Sweep::best(const std::vector<SweepSetting>& settings) const {
  std::optional<size_t> out;
  for (size_t i = 0; i < settings.size(); ++i) {
    if (!settings[i].complete() || !std::isfinite(settings[i].mean)) continue;
    if (!out || better(settings[i].mean, settings[*out].mean) ||
        (settings[i].mean == settings[*out].mean && settings[i].loss < settings[*out].loss))
      out = i;
  }
  return out;
}

std::vector<std::string> Sweep::assignments(const SweepSetting& setting) const {
  std::vector<std::string> out;
  size_t next = 0;
  for (const SweepKey& key : plan_.keys) {
    if (key.varies() && key.is_seed()) continue;
    out.push_back(key.key + "=" + (key.varies() ? setting.values[next++] : key.values[0]));
  }
  return out;
}

} // namespace vitro

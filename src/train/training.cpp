#include "train/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "data/batches.h"
#include "data/texts.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "train/feed.h"
#include "train/linear.h"
#include "train/measure.h"
#include "train/mistakes.h"
#include "train/probe.h"

namespace vitro {
namespace {

constexpr int64_t snapshot_steps = 200;   // how far back a broken update is replayed at most
constexpr double shortest_interval_s = 1; // epochs shorter than this share a checkpoint

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The sums of the epoch that is running; they are in the checkpoint, so that history.csv goes on too.
struct EpochSums {
  double loss = 0;
  int64_t correct = 0, samples = 0;
};

class Loop {
public:
  Loop(Model& model, const Recipe& recipe, const Splits& data, const RunDirectory* run, const TrainingHooks& hooks)
      : model_(model), recipe_(recipe), plan_(recipe.train), data_(data), run_(run), hooks_(hooks),
        classes_(data.train.schema.goal == Goal::classes),
        feed_(recipe, data.train, model.spec().dtype, model.spec().outputs), scheduler_(scheduler_of(recipe, data)),
        facts_(facts_of(model, recipe, data)) {
    if (hooks.probe) probe_.emplace(model, data.train, uint64_t(recipe.train.seed));
    history_.columns = {"epoch", "train_loss"};
    if (classes_) history_.columns.emplace_back("train_accuracy");
    if (validates())
      history_.columns.insert(history_.columns.end(),
                              {"validation_loss", classes_ ? "validation_accuracy" : "validation_rmse"});
    history_.columns.insert(history_.columns.end(), {"lr", "seconds"});
    notes_ = hooks.notes;
  }

  TrainingResult run() {
    check_batches(model_, plan_, feed_.samples());
    resume();
    start_ = last_saved_ = Clock::now();
    if (probe_ && layers_.columns != probe_->columns()) layers_ = {probe_->columns(), {}};
    if (probe_ && layers_.rows.empty() && at_ == Position{}) look_inside();
    while (at_.epoch < plan_.epochs && !stopped_early()) {
      if (!run_epoch()) return result(Ending::interrupted);
      end_epoch();
    }
    return finish();
  }

  TrainingResult look() {
    resume();
    start_ = Clock::now();
    return measured(finished_ ? ending() : Ending::interrupted);
  }

private:
  bool validates() const { return data_.validation.size() > 0; }
  bool keeps_best() const { return validates() && plan_.best_weights; }
  bool stopped_early() const { return validates() && plan_.patience > 0 && waited_ >= plan_.patience; }
  double seconds() const { return seconds_before_ + since(start_); }

  std::string place() const { return run_ ? run_->checkpoint() : "training"; }

  void resume() {
    if (!run_) return;
    std::optional<Checkpoint> found = load_checkpoint(run_->checkpoint());
    if (!found) return;
    load_states(model_.states(), model_.states().names(), found->states, run_->checkpoint());
    best_weights_ = std::move(found->best);
    const RunProgress& saved = found->progress;
    at_ = {saved.epoch, saved.batch};
    if (at_.batch >= feed_.per_epoch())
      bad_input(run_->checkpoint(), text("stands at batch ", at_.batch, ", but an epoch has ", feed_.per_epoch()),
                "the data is not what the run was begun with; train anew");
    best_ = saved.best;
    best_epoch_ = saved.best_epoch;
    waited_ = saved.waited;
    seconds_before_ = saved.seconds;
    finished_ = saved.finished;
    history_ = saved.history;
    layers_ = saved.layers;
    notes_ = saved.texts;
    const auto number = [&](const char* name) {
      const auto one = saved.numbers.find(name);
      return one == saved.numbers.end() ? 0.0 : one->second;
    };
    sums_ = {number("loss"), int64_t(number("correct")), int64_t(number("samples"))};
    fitting_s_ = number("fitting_seconds");
    fitted_ = int64_t(number("fitted"));
    scheduler_.restore(saved.numbers);
  }

  void save(bool finished = false) {
    if (!run_) return;
    RunProgress progress;
    progress.epoch = at_.epoch;
    progress.batch = at_.batch;
    progress.seed = uint64_t(plan_.seed);
    progress.finished = finished;
    progress.best = best_;
    progress.best_epoch = best_epoch_;
    progress.waited = waited_;
    progress.seconds = seconds();
    progress.numbers = {{"loss", sums_.loss},
                        {"correct", double(sums_.correct)},
                        {"samples", double(sums_.samples)},
                        {"fitting_seconds", fitting_s_},
                        {"fitted", double(fitted_)}};
    progress.numbers.merge(scheduler_.state());
    progress.numbers.insert(measured_.begin(), measured_.end());
    progress.texts = notes_;
    progress.history = history_;
    progress.layers = layers_;
    save_checkpoint(run_->checkpoint(), model_.states(), best_weights_, progress);
    last_saved_ = Clock::now();
  }

  StepResult fit() {
    if (at_.batch == 0 && model_.spec().carried > 0) model_.forget(); // an epoch begins at the streams' beginnings
    const SampleBatch& batch = feed_.at(at_);
    rate_ = scheduler_.at(model_.steps()).lr;
    return take_step(model_, recipe_, scheduler_, batch);
  }

  // False where the caller asked to stop: then everything is saved.
  bool run_epoch() {
    for (; at_.batch < feed_.per_epoch(); ++at_.batch) {
      if (hooks_.stop && hooks_.stop()) {
        save();
        return false;
      }
      if (since(last_saved_) >= hooks_.checkpoint_s) save();
      if (snapshot_.empty() || ++since_snapshot_ >= snapshot_steps) take_snapshot();
      const Clock::time_point begin = Clock::now();
      const bool looked_at = looks() && at_.batch + 1 == feed_.per_epoch();
      if (looked_at) probe_->before_step();
      const StepResult step = fit();
      if (!step.finite || !step.finite_update) stop_at_nonfinite(step);
      fitting_s_ += since(begin);
      if (looked_at) probe_->after_step();
      fitted_ += step.samples;
      sums_.loss += step.loss * (model_.spec().reduction == "sum" ? 1 : double(step.samples));
      sums_.correct += std::max<int64_t>(step.correct, 0);
      sums_.samples += step.samples;
      if (hooks_.batch) hooks_.batch(pace());
    }
    return true;
  }

  Pace pace() const {
    const double per_second = fitting_s_ > 0 ? double(fitted_) / fitting_s_ : 0;
    const int64_t in_epoch = feed_.samples() * data_.train.schema.answers();
    const int64_t left = (plan_.epochs - at_.epoch) * in_epoch - sums_.samples;
    // Validation and checkpoints take their share: as much per sample as so far.
    const double per_sample = fitted_ > 0 ? seconds() / double(fitted_) : 0;
    return {.epoch = at_.epoch + 1,
            .epochs = plan_.epochs,
            .done = sums_.samples,
            .of = in_epoch,
            .loss = sums_.loss / double(sums_.samples),
            .samples_per_second = per_second,
            .seconds_left = per_sample * double(left),
            .counted = counted_in(data_.train.schema)};
  }

  void end_epoch() {
    const double n = double(sums_.samples);
    std::vector<double> row = {double(at_.epoch + 1), sums_.loss / n};
    if (classes_) row.push_back(double(sums_.correct) / n);
    if (validates()) {
      const Averaged averaged(model_, recipe_, scheduler_);
      const Metrics metrics = measure_on(model_, data_.validation);
      row.insert(row.end(), {metrics.loss, classes_ ? metrics.accuracy() : metrics.rmse});
      judge(metrics.loss);
      scheduler_.end_epoch(at_.epoch + 1, metrics.loss);
    }
    row.insert(row.end(), {rate_, seconds()});
    history_.rows.push_back(std::move(row));
    sums_ = {};
    const bool looked_at = looks();
    at_ = {at_.epoch + 1, 0};
    if (scheduler_.listens()) snapshot_.clear(); // what it heard cannot be replayed
    if (looked_at) look_inside();
    if (hooks_.epoch) hooks_.epoch(history_);
    if (since(last_saved_) >= std::min(shortest_interval_s, hooks_.checkpoint_s)) {
      save();
      write_results();
    }
  }

  // Whether the end of the epoch that runs is looked at.
  bool looks() const {
    return probe_ &&
           probe_->due(at_.epoch + 1, plan_.epochs, layers_.rows.empty() ? -1 : int64_t(layers_.rows.back()[0]));
  }

  void look_inside() {
    layers_.rows.push_back(probe_->look(at_.epoch));
    diagnoses_ = diagnose(facts_, history_, layers_);
    if (hooks_.look) hooks_.look({history_, layers_, probe_->latest(), diagnoses_});
  }

  // Early stopping as the conventions have it: better is a validation loss below the best by more than min_delta.
  void judge(double loss) {
    const bool better = best_epoch_ < 0 || std::isnan(best_) || loss < best_ - plan_.min_delta;
    if (!better) {
      ++waited_;
      return;
    }
    best_ = loss;
    best_epoch_ = at_.epoch;
    waited_ = 0;
    if (keeps_best()) best_weights_ = tensors_of(model_.states(), model_.states().weights());
  }

  // The weights that a reader of the run gets: the best so far, or where none are kept the latest or their average.
  std::vector<NamedTensor> chosen() {
    if (!best_weights_.empty()) return best_weights_;
    const Averaged averaged(model_, recipe_, scheduler_);
    return tensors_of(model_.states(), model_.states().weights());
  }

  // What a reader of the run gets: the epochs, what was seen inside, and the chosen weights.
  void write_results() {
    if (!run_) return;
    write_atomically(run_->history(), to_csv(history_));
    if (!layers_.rows.empty()) write_atomically(run_->layers(), to_csv(layers_));
    TensorFile file{chosen(), {{"format", "pt"}}};
    write_atomically(run_->weights(), write_safetensors(file, run_->weights()));
  }

  Ending ending() const {
    return stopped_early() && at_.epoch < plan_.epochs ? Ending::stopped_early : Ending::finished;
  }

  // With the chosen weights, which stay in the model. Only at the end the test part is read.
  TrainingResult measured(Ending ending) {
    TrainingResult out = result(ending);
    load_states(model_.states(), model_.states().weights(), chosen(), place());
    out.best_epoch = best_weights_.empty() ? 0 : best_epoch_ + 1;
    const bool with_test = ending != Ending::interrupted && data_.test.size() > 0;
    Tensor* const wanted = &out.predictions;
    out.train = measure_on(model_, data_.train, !with_test && !validates() ? wanted : nullptr);
    out.validation = measure_on(model_, data_.validation, !with_test && validates() ? wanted : nullptr);
    out.test = measure_on(model_, with_test ? data_.test : empty_like(data_.test.schema), with_test ? wanted : nullptr);
    const Dataset& unseen = with_test ? data_.test : data_.validation;
    out.baseline = baseline(data_.train, unseen);
    out.naive = unseen.schema.text ? text_models(data_.train, unseen) : naive_forecasts(unseen);
    out.linear = linear_baseline(data_.train, unseen, model_.spec().codes);
    if (!data_.train.schema.columns.empty()) out.suspects = suspicious_columns(data_.train);
    out.weights_sha256 = weights_sha256(model_.states());
    out.perceptron = perceptron_course(model_, recipe_, data_.train, out.history);
    return out;
  }

  TrainingResult finish() {
    const std::vector<NamedTensor> last = tensors_of(model_.states(), model_.states().names());
    if (!finished_) write_results(); // before the chosen weights are loaded
    TrainingResult out = measured(ending());
    if (finished_) return out; // found as it is left: nothing is written again
    if (run_)
      write_atomically(run_->mistakes(), mistakes_csv(out.predictions, shown_part(data_.test.size() > 0 ? data_.test
                                                                                  : validates() ? data_.validation
                                                                                                : data_.train)));
    // "finished" is written last, when all else is: with the last weights as states, and what was measured.
    for (const auto& [part, metrics] :
         {std::pair{"train", &out.train}, {"validation", &out.validation}, {"test", &out.test}}) {
      if (metrics->samples == 0) continue;
      measured_[text(part, "_loss")] = metrics->loss;
      measured_[text(part, classes_ ? "_accuracy" : "_rmse")] = classes_ ? metrics->accuracy() : metrics->rmse;
    }
    load_states(model_.states(), model_.states().names(), last, place());
    save(true);
    load_states(model_.states(), model_.states().weights(), chosen(), place());
    return out;
  }

  TrainingResult result(Ending ending) const {
    TrainingResult out;
    out.ending = ending;
    out.epochs = at_.epoch;
    out.seconds = finished_ ? seconds_before_ : seconds();
    out.samples_per_second = fitting_s_ > 0 ? double(fitted_) / fitting_s_ : 0;
    out.history = history_;
    out.layers = layers_;
    out.diagnoses = diagnose(facts_, history_, layers_);
    out.notes = notes_;
    return out;
  }

  void take_snapshot() {
    snapshot_ = tensors_of(model_.states(), model_.states().names());
    snapshot_at_ = at_;
    since_snapshot_ = 0;
  }

  // The loss, or what the step wrote, is NaN or infinite. A step whose loss is not finite has changed nothing; one
  // whose update is not has, so its states are made again: back to the snapshot, and the same batches once more.
  [[noreturn]] void stop_at_nonfinite(const StepResult& step) {
    const Position broken = at_;
    if (step.finite) {
      load_states(model_.states(), model_.states().names(), snapshot_, "snapshot");
      for (at_ = snapshot_at_; at_ != broken; at_ = feed_.after(at_)) fit();
    }
    const SampleBatch& batch = feed_.at(at_);
    const Diagnosis diagnosis = model_.diagnose(batch.inputs(), batch.targets);
    std::string what = diagnosis.text;
    if (!diagnosis.found) { // loss and gradient are finite: the update itself leaves the range of its element type
      fit();
      what = "the update left the range of floats: " + first_nonfinite_state();
    }
    diagnoses_ = diagnose(facts_, history_, layers_);
    diagnoses_.insert(diagnoses_.begin(),
                      not_finite(facts_, diagnosis.layer, broken.epoch + 1,
                                 step.finite ? what : text("the loss became ", step.loss, ": ", what)));
    if (hooks_.look && probe_) hooks_.look({history_, layers_, probe_->latest(), diagnoses_});
    const bool saved = run_ && std::filesystem::exists(run_->checkpoint());
    failure("train",
            text("a value is not finite at epoch ", broken.epoch + 1, ", batch ", broken.batch + 1, ": ", what),
            text("a smaller learning rate (it was ", rate_, ") or clip_norm=1",
                 saved ? text("; the last good checkpoint is in ", run_->checkpoint()) : std::string()));
  }

  std::string first_nonfinite_state() const {
    for (const std::string& name : model_.states().names()) {
      const Tensor value = model_.states().read(name);
      for (int64_t i = 0; i < value.elements(); ++i)
        if (!std::isfinite(value.at(i))) return text(name, " is ", value.at(i), " at element ", i);
    }
    return "but no state shows it";
  }

  Model& model_;
  const Recipe& recipe_;
  const TrainRecipe& plan_;
  const Splits& data_;
  const RunDirectory* const run_; // null: nothing is kept
  const TrainingHooks& hooks_;
  const bool classes_;
  Feed feed_;
  Scheduler scheduler_;
  const TrainingFacts facts_;
  std::optional<Probe> probe_;

  Position at_;
  EpochSums sums_;
  History history_, layers_;
  std::vector<Finding> diagnoses_;
  std::map<std::string, std::string> notes_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t best_epoch_ = -1, waited_ = 0; // best_epoch_ counts from 0
  std::vector<NamedTensor> best_weights_;
  bool finished_ = false;                  // as it was found
  std::map<std::string, double> measured_; // at the end: for whoever looks at the run

  double rate_ = 0, seconds_before_ = 0, fitting_s_ = 0;
  int64_t fitted_ = 0;
  Clock::time_point start_, last_saved_;

  std::vector<NamedTensor> snapshot_;
  Position snapshot_at_;
  int64_t since_snapshot_ = 0;
};

} // namespace

void check_batches(const Model& model, const TrainRecipe& plan, int64_t samples) {
  for (const int64_t size : {std::min(plan.batch, samples), samples % plan.batch})
    if (size > 0) (void)model.training_function(size);
}

Scheduler scheduler_of(const Recipe& recipe, const Splits& data) {
  const int64_t per_epoch =
      Batches(data.train.size(), recipe.train.batch, 0, order_of(recipe, data.train.schema)).per_epoch();
  return {recipe.train.schedule,
          recipe.train.optimizer.args.real("lr"),
          {.steps = recipe.train.epochs * per_epoch, .steps_per_epoch = per_epoch},
          data.validation.size() > 0};
}

StepResult take_step(Model& model, const Recipe& recipe, const Scheduler& scheduler, const SampleBatch& batch) {
  const Setting setting = scheduler.at(model.steps());
  if (setting.momentum >= 0) model.set_momentum(setting.momentum);
  const StepResult step = model.fit(batch.inputs(), batch.targets, setting.lr);
  if (!step.finite || !step.finite_update) return step;
  const double weight = average_weight(recipe.train.average, model.steps(), scheduler.run().steps_per_epoch);
  if (weight > 0) model.average(weight);
  return step;
}

Averaged::Averaged(Model& model, const Recipe& recipe, const Scheduler& scheduler)
    : model_(has_average(recipe.train.average, model.steps(), scheduler.run().steps_per_epoch) ? &model : nullptr) {
  if (model_) model_->exchange_averages();
}
Averaged::~Averaged() {
  if (model_) model_->exchange_averages();
}

TrainingResult train(Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run,
                     const TrainingHooks& hooks) {
  return Loop(model, recipe, data, &run, hooks).run();
}

TrainingResult train(Model& model, const Recipe& recipe, const Splits& data, const TrainingHooks& hooks) {
  return Loop(model, recipe, data, nullptr, hooks).run();
}

TrainingResult standing(Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run) {
  TrainingHooks none;
  none.probe = false;
  return Loop(model, recipe, data, &run, none).look();
}

} // namespace vitro

#include "claims/trial.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "optim/schedule.h"
#include "train/feed.h"
#include "train/measure.h"
#include "train/training.h"

namespace vitro {
namespace {

class Trial {
public:
  Trial(const Recipe& recipe, const Splits& data, std::span<const Figure* const> figures, const TrialHooks& hooks)
      : recipe_(complete(recipe, data.train.schema)), data_(data), figures_(figures), hooks_(hooks),
        model_(model_spec(recipe_, data.train.schema)), scheduler_(scheduler_of(recipe_, data)),
        feed_(recipe_, data.train, model_.spec().dtype, model_.spec().outputs),
        values_(figures.size(), std::numeric_limits<double>::quiet_NaN()) {}

  std::optional<std::vector<double>> run() {
    int64_t last = 0;
    for (const Figure* figure : figures_)
      last = std::max(last, figure->at.kind == Instant::after ? figure->at.epoch : recipe_.train.epochs);
    look(0);
    for (Position at; at.epoch < last; at = feed_.after(at)) {
      if (hooks_.stop && hooks_.stop()) return std::nullopt;
      if (!step(at)) break;
      if (at.batch + 1 == feed_.per_epoch()) {
        history_.rows.push_back({double(at.epoch + 1), double(correct_) / double(data_.train.size())});
        correct_ = 0;
        end_epoch(at.epoch + 1);
      }
      if (hooks_.passed) hooks_.passed(double(model_.steps()) / double(last * feed_.per_epoch()));
    }
    return values_;
  }

private:
  bool step(Position at) {
    const StepResult result = take_step(model_, recipe_, scheduler_, feed_.at(at));
    correct_ += std::max<int64_t>(result.correct, 0);
    return result.finite && result.finite_update;
  }

  void end_epoch(int64_t epoch) {
    look(epoch);
    if (!scheduler_.listens()) return;
    const Averaged averaged(model_, recipe_, scheduler_);
    scheduler_.end_epoch(epoch, measure(model_, data_.validation).loss);
  }

  void look(int64_t epochs) {
    const Averaged averaged(model_, recipe_, scheduler_);
    const Snapshot snapshot(recipe_, data_, model_, history_);
    for (size_t i = 0; i < figures_.size(); ++i) {
      const auto& [kind, after] = figures_[i]->at;
      const bool peak = kind == Instant::peak;
      if (peak ? epochs == 0 : epochs != (kind == Instant::end ? recipe_.train.epochs : after)) continue;
      const double value = find_measure(figures_[i]->measure)->of(snapshot, figures_[i]->args);
      values_[i] = peak && !std::isnan(values_[i]) ? std::max(values_[i], value) : value;
    }
  }

  const Recipe recipe_;
  const Splits& data_;
  std::span<const Figure* const> figures_;
  const TrialHooks& hooks_;
  Model model_;
  Scheduler scheduler_;
  Feed feed_;
  History history_{{"epoch", "train_accuracy"}, {}};
  int64_t correct_ = 0; // in the epoch that runs
  std::vector<double> values_;
};

} // namespace

std::optional<std::vector<double>> run_trial(const Recipe& recipe, const Splits& data,
                                             std::span<const Figure* const> figures, const TrialHooks& hooks) {
  return Trial(recipe, data, figures, hooks).run();
}

} // namespace vitro

#include "claims/trial.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/batches.h"
#include "optim/schedule.h"
#include "train/measure.h"
#include "train/training.h"

namespace vitro {
namespace {

class Trial {
public:
  Trial(const Recipe& recipe, const Splits& data, std::span<const Figure* const> figures, const TrialHooks& hooks)
      : recipe_(complete(recipe, data.train.schema)), data_(data), figures_(figures), hooks_(hooks),
        model_(model_spec(recipe_, data.train.schema)), scheduler_(scheduler_of(recipe_, data)),
        batches_(data.train.size(), recipe_.train.batch, uint64_t(recipe_.train.seed),
                 recipe_.train.shuffle ? Order::shuffled : Order::as_stored),
        values_(figures.size(), std::numeric_limits<double>::quiet_NaN()) {}

  std::optional<std::vector<double>> run() {
    int64_t last = 0;
    for (const Figure* figure : figures_)
      last = std::max(last, figure->at.kind == Instant::after ? figure->at.epoch : recipe_.train.epochs);
    look(0);
    for (Position at; at.epoch < last; at = batches_.after(at)) {
      if (hooks_.stop && hooks_.stop()) return std::nullopt;
      if (!step(at)) break;
      if (at.batch + 1 == batches_.per_epoch()) end_epoch(at.epoch + 1);
      if (hooks_.passed) hooks_.passed(double(model_.steps()) / double(last * batches_.per_epoch()));
    }
    return values_;
  }

private:
  bool step(Position at) {
    fill(data_.train, batches_.rows(at), model_.spec().dtype, batch_);
    const StepResult result = take_step(model_, recipe_, scheduler_, batch_);
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
    const Snapshot snapshot(recipe_, data_, model_);
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
  Batches batches_;
  SampleBatch batch_;
  std::vector<double> values_;
};

} // namespace

std::optional<std::vector<double>> run_trial(const Recipe& recipe, const Splits& data,
                                             std::span<const Figure* const> figures, const TrialHooks& hooks) {
  return Trial(recipe, data, figures, hooks).run();
}

} // namespace vitro

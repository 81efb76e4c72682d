#include "model/runs.h"

#include <algorithm>
#include <cmath>

namespace vitro {
namespace {

bool all_finite(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (!std::isfinite(tensor.at(i))) return false;
  return true;
}

} // namespace

Run::Run(std::shared_ptr<const Ready> ready, std::shared_ptr<Arena> arena, States& states)
    : ready_(std::move(ready)), states_(states) {
  if (ready_->plan)
    execution_ = std::make_unique<Execution>(ready_->plan, std::move(arena));
  else
    bound_.resize(ready_->function.inputs.size());
}

void Run::bind(size_t i, ConstView value) {
  if (execution_)
    execution_->bind(i, value);
  else
    bound_[i] = value;
}

bool Run::run() {
  if (execution_) return execution_->run();
  const Function& function = ready_->function;
  std::vector<Tensor> inputs;
  for (const ConstView& view : bound_) inputs.push_back(Tensor::copy_of(view));
  values_ = interpret(function, read_states(states_, function), inputs);
  nonfinite_ = false;
  if (ready_->guard >= 0 && !all_finite(values_.at(function.outputs[size_t(ready_->guard)].edge))) return false;
  for (const Named& update : function.updates)
    if (const State& state = states_.at(update.name);
        (state.trainable || state.running) && !all_finite(values_.at(update.edge)))
      nonfinite_ = true;
  commit(function, values_, states_);
  return true;
}

ConstView Run::output(size_t i) const {
  return execution_ ? execution_->output(i) : values_.at(ready_->function.outputs[i].edge).view();
}

Runs::Runs(const ModelSpec& spec, States& states) : spec_(spec), states_(states) {
  ready_.reserve(most_ready + 1);
  idle_.reserve(most_idle);
  const std::scoped_lock lock(mutex_);
  ready({Purpose::predict, usual_batch, {}});
}

std::shared_ptr<const Ready> Runs::ready(const Key& key) {
  const auto found = std::ranges::find_if(ready_, [&](const auto& ready) { return ready->key == key; });
  if (found != ready_.end()) {
    std::rotate(found, found + 1, ready_.end());
    return ready_.back();
  }
  auto made = std::make_shared<Ready>();
  made->key = key;
  made->function = trace(spec_, states_, key.purpose, key.extent, key.targets);
  if (key.purpose == Purpose::step) made->guard = 0;
  if (spec_.dtype == DType::f32 && !spec_.interpret)
    made->plan = std::make_shared<const Plan>(made->function, states_, PlanOptions{.guard = made->guard});
  ready_.push_back(std::move(made));
  if (ready_.size() > most_ready) ready_.erase(ready_.begin());
  return ready_.back();
}

Runs::Lease Runs::lease(const Key& key) {
  std::shared_ptr<const Ready> wanted;
  std::unique_ptr<Seat> seat;
  {
    const std::scoped_lock lock(mutex_);
    wanted = ready(key);
    if (!idle_.empty()) {
      seat = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!seat) seat = std::make_unique<Seat>();
  auto& runs = seat->runs;
  const auto found = std::ranges::find_if(runs, [&](const auto& run) { return run->ready() == wanted; });
  if (found != runs.end()) {
    std::rotate(found, found + 1, runs.end());
  } else {
    if (runs.size() >= most_runs) runs.erase(runs.begin());
    runs.push_back(std::make_unique<Run>(std::move(wanted), seat->arena, states_));
  }
  Run* const run = runs.back().get();
  return {*this, std::move(seat), run};
}

void Runs::give_back(std::unique_ptr<Seat> seat) {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(seat));
}

} // namespace vitro

// Functions made ready to run, and who runs them. Private to src/model.
//
// A `Ready` is what is immutable: a function for one extent of a batch, and its plan (or none, where it is
// interpreted). A `Run` is one caller's: where inputs and outputs lie. A caller leases a seat (an
// arena and the runs made on it), so that any number of threads may call at once and all plans of
// one caller share one arena. Both the ready functions and a seat's runs are bounded; the one not
// used for the longest time goes first.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "model/functions.h"
#include "plan/plan.h"

namespace vitro {

struct Key {
  Purpose purpose = Purpose::predict;
  BatchSize extent = {};
  Type targets = {};
  bool operator==(const Key&) const = default;
};

struct Ready {
  Key key;
  Function function;
  std::shared_ptr<const Plan> plan; // null: interpreted
  int guard = -1;                   // an output that must be finite, or no update takes effect
};

class Run {
public:
  Run(std::shared_ptr<const Ready> ready, std::shared_ptr<Arena> arena, States& states);

  const std::shared_ptr<const Ready>& ready() const { return ready_; }
  /// Input i is read from here when it runs. Interpreted, any float type is converted.
  void bind(size_t i, ConstView value);
  /// False where the guarded output is not finite: then no state has changed.
  bool run();
  /// Valid until this caller's next run.
  ConstView output(size_t i) const;
  /// Whether the last run made a parameter that is not finite.
  bool nonfinite_update() const { return execution_ ? execution_->nonfinite_update() : nonfinite_; }

private:
  std::shared_ptr<const Ready> ready_;
  States& states_;
  std::unique_ptr<Execution> execution_;
  std::vector<ConstView> bound_; // this and all below: interpreted
  Interpretation values_;
  bool nonfinite_ = false;
};

struct Seat {
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
  std::vector<std::unique_ptr<Run>> runs; // the last used at the end
};

class Runs {
public:
  static constexpr int64_t usual_batch = 32; // ready to be predicted from the beginning
  /// Both must outlive it. Chooses the layouts of all parameters, so that none moves once several threads read them.
  Runs(const ModelSpec& spec, States& states);

  class Lease {
  public:
    Lease(Runs& runs, std::unique_ptr<Seat> seat, Run* run) : runs_(runs), seat_(std::move(seat)), run_(run) {}
    ~Lease() { runs_.give_back(std::move(seat_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Run* operator->() const { return run_; }
    Run& operator*() const { return *run_; }

  private:
    Runs& runs_;
    std::unique_ptr<Seat> seat_;
    Run* run_;
  };
  /// A run of that function for this caller alone, traced and planned where it is new. Allocates nothing where it
  /// isn't.
  Lease lease(const Key& key);

private:
  std::shared_ptr<const Ready> ready(const Key& key); // `mutex_` is held
  void give_back(std::unique_ptr<Seat> seat);

  // Of sequences each number of steps has functions of its own.
  static constexpr size_t most_ready = 64, most_runs = 48, most_idle = 64;
  const ModelSpec& spec_;
  States& states_;
  std::mutex mutex_;                                // of what is below
  std::vector<std::shared_ptr<const Ready>> ready_; // the last used at the end
  std::vector<std::unique_ptr<Seat>> idle_;
};

} // namespace vitro

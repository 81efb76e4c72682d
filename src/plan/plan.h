// A function compiled for one set of shapes: fused, laid out, ready to run without allocating.
//
// Plan is the immutable half: steps, layouts, offsets. Execution is the mutable half: where this
// caller's inputs, outputs and scratch lie. Any number of threads may each run an Execution of one
// Plan, as long as the plan updates no state.
//
// The plan names no op. It knows traits, vector kernels, prepared kernels with their layouts and
// epilogues, and expansions:
//   - a composed op without a kernel for these types is expanded;
//   - pointwise nodes over one shape join the group of what feeds them, and run tile by tile; the
//     group's first member may be a prepared kernel that takes an epilogue (a matrix product);
//   - a state's layout is chosen by the first plan that uses it; its gradient, moments and update
//     follow; whoever needs the row-major one gets a reorder in between;
//   - a state is updated in place where nobody reads its old value any more.
// Bits: fused and unfused, observed or not, on any number of threads: the same.
#pragma once

#include <memory>

#include "graph/function.h"

namespace vitro {

struct PlanOptions {
  bool fuse = true;               // false: one step a node (for tests and for looking)
  std::vector<Edge> observe = {}; // become outputs, after function.outputs
  int guard = -1;                 // an output (position): where it is not finite, the run stops before any update
};

/// Scratch memory shared by the plans of one caller: as large as the largest needs.
class Arena {
public:
  std::byte* reserve(size_t bytes);
  size_t size() const { return buffer_.size(); }

private:
  Buffer buffer_;
};

class Plan {
public:
  /// Float functions only (f64 is interpreted). Chooses the layouts of states that have none yet.
  /// `states` must outlive the plan.
  Plan(const Function& function, States& states, PlanOptions options = {});
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const std::vector<Named>& inputs() const;
  const std::vector<Named>& outputs() const; // the function's, then the observed ones
  const Type& input_type(size_t i) const;
  const Type& output_type(size_t i) const;
  int64_t arena_bytes() const;
  int64_t flops() const;   // multiply-adds of matrix products count as two; pointwise as one
  std::string str() const; // one line a step: what it runs, fused with what, where its output lies

  struct Program;
  const Program& program() const { return *program_; }

private:
  std::unique_ptr<Program> program_;
};

/// One caller's run of a plan. Not to be shared between threads.
class Execution {
public:
  Execution(std::shared_ptr<const Plan> plan, std::shared_ptr<Arena> arena);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Input `i` is read from here at every run, in place. Throws where the type differs.
  void bind(size_t i, ConstView value);
  /// Runs all steps; false where the guard was not finite: then no state has changed.
  bool run();
  /// Output `i`, row-major, valid until the next run of any Execution on this arena.
  ConstView output(size_t i) const;
  /// Whether a value that the last run wrote to a trainable or running state was not finite.
  bool nonfinite_update() const;
  const Plan& plan() const { return *plan_; }

private:
  struct Frame;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<Arena> arena_;
  std::unique_ptr<Frame> frame_;
};

} // namespace vitro

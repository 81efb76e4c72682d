// Optimisers: how a gradient changes a parameter, as nodes.
//
// An Optimizer is data and two functions: `values` computes, on the host and in double, all numbers
// that may change from step to step (rates, decays, bias corrections); `update` appends pointwise
// nodes over (parameter, gradient, moments, scalars), so that a plan makes one pass of them in
// whatever layout the parameter has, and a schedule never plans again. Moments are states
// `PARAMETER/MOMENT`. Names and defaults are PyTorch's.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/function.h"

namespace vitro {

struct OptimizerSpec {
  std::string name = "sgd";
  Attrs args = {}; // what differs from the defaults: lr, momentum, weight_decay, ...
};

struct Moment {
  const char* name;
  double start = 0;
};

struct UpdateCall {
  const Attrs& args;            // complete
  const Var &p, &g;             // the parameter; its gradient, weight decay included where that is the rule
  std::span<const Var> moments; // in the order of Optimizer::moments
  std::span<const Var> scalars; // in the order of Optimizer::scalars
};
struct Updated {
  Var p;
  std::vector<Var> moments = {};
};

struct Optimizer {
  const char* name;
  std::vector<const char*> aliases = {};
  const char* formula;
  const char* doc;
  const char* origin;
  Peers peers = {};
  std::vector<AttrSpec> args;
  bool decoupled_decay = false;     // the parameter shrinks by lr weight_decay; else weight_decay p is added to g
  std::vector<const char*> scalars; // numbers of one step
  std::function<std::vector<Moment>(const Attrs& args)> moments;
  /// Writes the scalars of step number `step`, counted from 1. Allocates nothing.
  void (*values)(const Attrs& args, double lr, int64_t step, double* out);
  std::function<Updated(const UpdateCall&)> update;
};

std::span<const Optimizer> optimizers();
/// By name or alias; throws, with the nearest name, where there is none.
const Optimizer& find_optimizer(const std::string& name);
/// The spec with canonical name and all defaults stated. Throws on an unknown argument (with the nearest), or one out
/// of range: a negative rate, a momentum or beta outside [0, 1).
OptimizerSpec complete(const OptimizerSpec& spec);

/// Adds the optimiser's moments of every trainable state.
void create_moments(States& states, const OptimizerSpec& spec);

/// Appends the updates of `parameters` (names) by `gradients` to the trace, and declares its scalar inputs
/// ("optimizer/lr", ...), of the parameters' element type.
void append_updates(Trace& trace, const OptimizerSpec& spec, const std::vector<std::string>& parameters,
                    const std::vector<Var>& gradients);

/// The names of those inputs, in the order in which they are declared.
std::vector<std::string> scalar_inputs(const OptimizerSpec& spec);
/// Their values for step number `step`, counted from 1, into `out`, which holds as many. `spec` is complete. Allocates
/// nothing.
void scalar_values(const OptimizerSpec& spec, double lr, int64_t step, std::span<double> out);

} // namespace vitro

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

/// Parameters that are updated in another way than the rest (groups.cpp).
struct ParameterGroup {
  std::string match;    // over names of parameters: `*` stands for any text, `?` for one character
  Attrs args = {};      // what differs from the optimiser's own; an lr here follows the schedule in proportion
  double lr_factor = 1; // on the rate
  bool freeze = false;  // never updated, and no part of the gradient's norm
  Attrs complete = {};  // filled in by `complete`: with the optimiser's own
  std::vector<std::string> parameters = {}; // filled in by `resolve_groups`
};

struct OptimizerSpec {
  std::string name = "sgd";
  Attrs args = {}; // what differs from the defaults: lr, momentum, weight_decay, ...
  std::vector<ParameterGroup> groups = {};
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
  Var decay = {};               // of an optimiser that decays itself: weight_decay, empty for none
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
  std::vector<AttrSpec> args;
  bool decays_itself = false;       // `update` sees to decoupled decay
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
/// of range: a negative rate, a momentum or beta outside [0, 1); in a group too.
OptimizerSpec complete(const OptimizerSpec& spec);

/// Says which parameters each group has, one group for every parameter: where several match, the new group has what
/// all of them state, the later ones first. Throws for a pattern that no name matches, or where nothing is left to
/// train. All below take a spec that is resolved.
OptimizerSpec resolve_groups(OptimizerSpec spec, const std::vector<std::string>& parameters);
/// The parameters that no group freezes, in their order.
std::vector<std::string> updated_parameters(const OptimizerSpec& spec, const std::vector<std::string>& parameters);

/// Adds the optimiser's moments of every trainable state that is updated.
void create_moments(States& states, const OptimizerSpec& spec);

/// Appends the updates of `parameters` (names, none frozen) by `gradients` to the trace, and declares its scalar inputs
/// ("optimizer/lr", ...), of the parameters' element type.
void append_updates(Trace& trace, const OptimizerSpec& spec, const std::vector<std::string>& parameters,
                    const std::vector<Var>& gradients);

/// The names of those inputs, in the order in which they are declared.
std::vector<std::string> scalar_inputs(const OptimizerSpec& spec);
/// Their values for step number `step`, counted from 1, into `out`, which holds as many. `spec` is complete. Allocates
/// nothing.
void scalar_values(const OptimizerSpec& spec, double lr, int64_t step, std::span<double> out);

} // namespace vitro

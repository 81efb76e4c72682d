// A recurrent net step by step: how much of the loss arrives at each step of a sequence, at the input, the state, the
// cell and the gates, and whether it vanishes or explodes on its way back.
//
// The walk through time is the recurrence's own derivative (ops/recurrence.cpp), which hands out what arrives at each
// step; here it is read, in double. Nothing is differentiated a second time.
#pragma once

#include <string>
#include <vector>

#include "graph/function.h"

namespace vitro {

/// What belongs to one step of one recurrent layer. Norms are Euclidean, over the layer's units or features.
struct UnrolledStep {
  double input = 0;           // |dL/dx_t|, x: what the layer is fed with
  double state = 0;           // |dL/dh_t|: of the loss by the state after the step, by all ways that lead on from there
  double cell = 0;            // |dL/dc_t|; 0 where there is no cell
  std::vector<double> gates;  // the mean over the units of each gate, after its activation
  std::vector<double> slopes; // |dL/dz_t| of each gate, before its activation
};

struct Unrolled {
  std::string layer;               // "lstm1"
  std::string part;                // "l0", "l1_reverse"
  std::string kind;                // "lstm", "gru", "rnn"
  bool backwards = false;          // it reads the sequence from its end
  std::vector<const char*> gates;  // names, in the order of the above
  std::vector<UnrolledStep> steps; // of the sequence, from its beginning, whichever way the layer reads it

  /// The factor by which |dL/dh| changes from a step to the one that was read before it, in the geometric mean over
  /// all: below 1 it vanishes, above 1 it explodes. NaN where there is one step alone, or nothing arrives.
  double growth() const;
};

/// All recurrent layers of `function`, whose scalar output `loss` is differentiated; inputs as it declares them, with a
/// single sample. Steps behind an input "lengths" are left out. Empty where nothing is recurrent.
std::vector<Unrolled> unroll(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                             const std::string& loss = "loss");

} // namespace vitro

// Averages of the weights over steps: which step counts how much. Host code; the averages are states of the model.
//
// After a step that counts, average := (1 - w) average + w weight. All that w depends on is how many steps were taken,
// so a run that goes on needs nothing but the states.
#pragma once

#include <cstdint>

namespace vitro {

/// An exponential moving average (EMA), or an equal one over the ends of epochs: stochastic weight averaging (SWA),
/// Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018. Or neither.
struct Averaging {
  double ema_decay = 0;        // how much of the average is kept from step to step; 0: no EMA
  bool ema_correction = false; // as if it began at nothing, as in Adam; else it begins with the initial weights
  int64_t swa_start = 0;       // the first epoch, from 1, whose last weights count; 0: no SWA
  bool on() const { return ema_decay > 0 || swa_start > 0; }
};

/// Throws bad_input for a decay outside [0, 1), both at once, or an SWA that would begin after the run's last epoch.
void check(const Averaging& averaging, int64_t epochs);
/// w after that many steps; 0: they don't count.
double average_weight(const Averaging& averaging, int64_t steps, int64_t steps_per_epoch);
/// Whether there is an average yet.
bool has_average(const Averaging& averaging, int64_t steps, int64_t steps_per_epoch);

} // namespace vitro

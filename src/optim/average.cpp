#include "optim/average.h"

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"

namespace vitro {

void check(const Averaging& averaging, int64_t epochs) {
  const double decay = averaging.ema_decay;
  if (!(decay >= 0 && decay < 1)) bad_input("", text("ema_decay is ", decay), "give a number from 0 to below 1");
  if (decay > 0 && averaging.swa_start > 0)
    bad_input("", "ema_decay is stated beside swa_start", "average in one of the two ways");
  if (averaging.swa_start < 0 || averaging.swa_start > epochs)
    bad_input("", text("swa_start is ", averaging.swa_start, ", but the run has ", epochs, " epochs"),
              "begin earlier, or 0 for no average");
}

double average_weight(const Averaging& averaging, int64_t steps, int64_t steps_per_epoch) {
  if (!has_average(averaging, steps, steps_per_epoch)) return 0;
  if (const double decay = averaging.ema_decay; decay > 0)
    return averaging.ema_correction ? (1 - decay) / (1 - math::pow(decay, double(steps))) : 1 - decay;
  return steps % steps_per_epoch ? 0 : 1 / double(steps / steps_per_epoch - averaging.swa_start + 1);
}

bool has_average(const Averaging& averaging, int64_t steps, int64_t steps_per_epoch) {
  if (averaging.ema_decay > 0) return steps > 0;
  return averaging.swa_start > 0 && steps >= averaging.swa_start * steps_per_epoch;
}

} // namespace vitro

#include "optim/clip.h"

#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {

std::vector<Var> clip(const std::vector<Var>& gradients, const Clip& limits) {
  for (const double limit : {limits.norm, limits.value})
    if (!(limit >= 0) || !std::isfinite(limit))
      bad_input("clip", text("the limit is ", limit), "give a positive number, or 0 for none");
  std::vector<Var> out = gradients;
  if (out.empty()) return out;
  const Scope scope(out[0].graph(), "clip");
  if (limits.value > 0)
    for (Var& g : out) g = minimum(maximum(g, -limits.value), limits.value);
  if (limits.norm > 0) {
    Var squares;
    for (const Var& g : out) {
      const Var own = sum(square(g));
      squares = squares ? squares + own : own;
    }
    const Var factor = minimum(limits.norm / (sqrt(squares) + 1e-6), 1);
    for (Var& g : out) g = g * factor;
  }
  return out;
}

} // namespace vitro

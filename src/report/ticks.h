// Where an axis has its ticks, and what stands beside them.
#pragma once

#include <string>
#include <vector>

namespace vitro {

struct Tick {
  double at = 0;
  std::string label;
};

/// At most `most` (>= 2) multiples of 1, 2 or 5 times a power of ten within [low, high], labelled with as many decimals
/// as tell them apart. `whole`: whole numbers only. Where low = high: that one value. Throws logic_error unless
/// low <= high, both finite.
std::vector<Tick> ticks(double low, double high, int most, bool whole = false);

/// The same for an axis that grows by factors, 0 < low <= high: powers of ten, all or every second, third, ...;
/// where there are fewer than two, 1, 2 and 5 times them; where even those are too few, as `ticks` does.
std::vector<Tick> log_ticks(double low, double high, int most);

} // namespace vitro

// An axis of a chart: the range of what is drawn, from data to places. Private to src/report.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "report/figures.h"
#include "report/ticks.h"

namespace vitro {

/// A finite number, and small enough for the difference of two to be one, too.
inline bool drawable(double value) { return std::abs(value) < 1e300; }

/// The smallest and largest value that can be drawn.
struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void take(double value) {
    if (!drawable(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

/// Room at both ends, but none below zero for what is never negative.
inline Extent widened(const Range& range, bool logarithmic) {
  if (range.empty()) return {};
  if (logarithmic && range.low > 0) return {range.low / 1.1, range.high * 1.1};
  const double room = 0.05 * (range.high - range.low);
  return {range.low >= 0 ? std::max(0.0, range.low - room) : range.low - room, range.high + room};
}

/// From data to places between `from` and `to`.
class Scale {
public:
  /// `low` and `high` where the axis states none; at most `most` ticks.
  Scale(const Axis& axis, double low, double high, double from, double to, int most)
      : low_(axis.low.value_or(low)), high_(axis.high.value_or(high)), from_(from), to_(to),
        logarithmic_(axis.logarithmic && low_ > 0) {
    if (!(low_ < high_)) { // a single value: in the middle
      const double room = low_ == 0 ? 1 : 0.5 * std::abs(low_);
      low_ = axis.whole ? low_ - 1 : low_ - room;
      high_ = axis.whole ? high_ + 1 : high_ + room;
      if (axis.logarithmic) logarithmic_ = low_ > 0;
    }
    ticks_ = logarithmic_ ? log_ticks(low_, high_, most) : ticks(low_, high_, most, axis.whole);
  }

  bool holds(double value) const { return value >= low_ && value <= high_; }
  double at(double value) const {
    const double share =
        logarithmic_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
  }
  double from() const { return from_; }
  double to() const { return to_; }
  double low() const { return low_; }
  double high() const { return high_; }
  bool logarithmic() const { return logarithmic_; }
  const std::vector<Tick>& marks() const { return ticks_; }

private:
  double low_, high_, from_, to_;
  bool logarithmic_;
  std::vector<Tick> ticks_;
};

} // namespace vitro

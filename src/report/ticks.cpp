#include "report/ticks.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/core.h>

#include "report/terminal.h"

namespace vitro {
namespace {

void check_range(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high) || !(low <= high))
    throw std::logic_error(fmt::format("ticks from {} to {}", low, high));
}

// `value` is a multiple of `step`.
std::string label_of(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (value == 0) return "0";
  if (size >= 1e7 || step < 1e-5) return fmt::format("{:.{}g}", value, step < size ? 4 : 1);
  const int decimals = std::max(0, -int(std::floor(std::log10(step) + 1e-9)));
  if (decimals == 0) return thousands(std::llround(value));
  return fmt::format("{:.{}f}", value, decimals);
}

} // namespace

std::vector<Tick> ticks(double low, double high, int most, bool whole) {
  check_range(low, high);
  if (low == high) return {{low, fmt::format("{:.4g}", low)}};
  const double raw = (high - low) / std::max(1, most - 1);
  double step = std::pow(10.0, std::floor(std::log10(raw)));
  const auto count = [&](double s) { return std::floor(high / s + 1e-9) - std::ceil(low / s - 1e-9) + 1; };
  const auto fits = [&](double s) { return count(s) <= most && (!whole || s >= 1); };
  const double decade = step;
  for (int power = 0;; ++power) {
    bool found = false;
    for (const double factor : {1.0, 2.0, 5.0}) {
      step = decade * std::pow(10.0, power) * factor;
      found = fits(step);
      if (found) break;
    }
    if (found || power > 20) break;
  }
  std::vector<Tick> out;
  const double first = std::ceil(low / step - 1e-9);
  for (double i = 0; i < count(step); ++i) {
    const double at = (first + i) * step;
    out.push_back({at, label_of(at, step)});
  }
  if (out.empty()) return {{low, fmt::format("{:.4g}", low)}};
  return out;
}

std::vector<Tick> log_ticks(double low, double high, int most) {
  check_range(low, high);
  if (!(low > 0)) throw std::logic_error(fmt::format("log_ticks from {}", low));
  const auto power_of = [](double x) { return std::log10(x); };
  const auto labelled = [](double at) { return Tick{at, fmt::format("{:.4g}", at)}; };
  const double first = std::ceil(power_of(low) - 1e-9), last = std::floor(power_of(high) + 1e-9);
  const int every = std::max(1, int(std::ceil((last - first + 1) / most)));
  std::vector<Tick> decades;
  for (double power = first; power <= last; power += every) decades.push_back(labelled(std::pow(10.0, power)));
  std::vector<Tick> finer;
  for (double power = std::floor(power_of(low)); power <= last; ++power)
    for (const double factor : {1.0, 2.0, 5.0})
      if (const double at = factor * std::pow(10.0, power); at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9))
        finer.push_back(labelled(at));
  if (finer.size() >= 2 && int(finer.size()) <= most) return finer;
  if (decades.size() >= 2) return decades;
  return ticks(low, high, most);
}

} // namespace vitro

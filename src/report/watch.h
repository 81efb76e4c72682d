// A training as it is seen in a terminal: its curves, its layers, its diagnoses, on one screen or in one line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/terminal.h"

namespace vitro {

/// A layer as the last look found it; NaN where a number means nothing for it.
struct WatchedLayer {
  std::string name, kind;
  double gradient = 0;            // norm over its parameters
  double update = 0;              // change of a step, in shares of the parameters' size
  double dead = 0;                // share of units that never fire
  double saturated = 0;           // share of values at the ends
  double low = 0, high = 0;       // of its output
  std::vector<int64_t> histogram; // of its output, from low to high
};

struct Curve {
  std::string name;
  std::vector<double> values; // one an epoch
  bool is_share = false;      // told in percent
};

struct Watch {
  Pace pace;
  std::vector<Curve> curves;
  int64_t looked_epoch = 0; // when the layers were looked at
  std::vector<WatchedLayer> layers;
  std::vector<std::string> diagnoses;
};

/// At most `height` lines of at most `width` columns; where that is too little, layers that say least are left out, and
/// said to be.
std::vector<std::string> watch_screen(const Watch& watch, int width, int height, const Palette& palette);

/// The layers in lines of at most `width` columns, but for one that is longer by itself:
/// "fc1 gradient 0.12, update 1.3e-3; relu1 3 % dead".
std::vector<std::string> watch_lines(const Watch& watch, int width);

} // namespace vitro

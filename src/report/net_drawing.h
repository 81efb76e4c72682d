// A net as a drawing: from the input at the top to the output at the bottom, each layer a row of dots.
#pragma once

#include <string>
#include <vector>

#include "report/markup.h"

namespace vitro {

struct DrawnLayer {
  std::string name;      // "fc1"
  std::string label;     // "256 units"
  int64_t units = 1;     // as many dots; where they are too many, the middle ones are left out
  std::vector<int> from; // positions of earlier layers; the first layer (the input) has none
  bool mixes = false;    // each dot is joined with all dots of the layer before (dense), not with one
};
/// Throws logic_error where `from` names no earlier layer.
Markup net_drawing(const std::vector<DrawnLayer>& layers, const std::string& alt);

} // namespace vitro

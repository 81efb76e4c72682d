// All about one thing that has a name (an op, a loss, a schedule): what `vitro inspect NAME` prints, and what
// docs/reference is made of. It comes from the catalogues alone, so that a new entry is documented by being one.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "data/augment.h"
#include "nn/layer.h"
#include "nn/losses.h"
#include "nn/nets.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "report/figures.h"

namespace vitro::cli {

struct About {
  std::string kind, name, doc;                                 // "op", "tanh", "Squashes each value into (-1, 1)."
  std::vector<std::pair<std::string, std::string>> facts = {}; // "formula", "y = tanh(x)"
  std::vector<AttrSpec> args = {};
  std::string more = {};              // what was computed just now: a worked example
  std::optional<LineChart> plot = {}; // function and derivative, or the curve of a schedule
};

About about(const Op& op);
About about(const Layer& layer);
About about(const Loss& loss);
About about(const Optimizer& optimizer);
About about(const Schedule& schedule);
About about(const Initializer& initializer);
About about(const NetKind& net);
About about(const AugmentationKind& kind);

std::string text_of(const About& about);
nlohmann::ordered_json json_of(const About& about);

} // namespace vitro::cli

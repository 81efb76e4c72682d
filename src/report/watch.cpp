#include "report/watch.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace vitro {
namespace {

std::string brief(double value) { return std::isfinite(value) ? number(value, 2) : std::isnan(value) ? "" : "inf"; }
std::string share(double value) { return std::isfinite(value) ? percent(value, 0) : ""; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// What a layer has to tell: parameters first, then activations, then those that only pass on.
int weight_of(const WatchedLayer& layer) {
  return std::isfinite(layer.gradient) ? 0 : std::isfinite(layer.saturated) || layer.dead > 0 ? 1 : 2;
}

std::vector<WatchedLayer> most_telling(const std::vector<WatchedLayer>& layers, size_t room) {
  std::vector<size_t> order(layers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](size_t i) { return weight_of(layers[i]); });
  order.resize(std::min(order.size(), room));
  std::ranges::sort(order);
  std::vector<WatchedLayer> out;
  for (const size_t i : order) out.push_back(layers[i]);
  return out;
}

std::string curve_line(const Curve& curve, int name_width, int width) {
  const std::string last = curve.is_share ? percent(curve.values.back()) : fixed(curve.values.back(), 4);
  return text(curve.name, std::string(size_t(std::max(1, name_width - columns(curve.name) + 2)), ' '),
              sparkline(curve.values, std::max(8, std::min(60, width - name_width - 14))), "  ", last);
}

} // namespace

std::vector<std::string> watch_screen(const Watch& watch, int width, int height, const Palette& palette) {
  std::vector<std::string> top = {progress_line(watch.pace, width, palette)}, bottom;
  int names = 0;
  for (const Curve& curve : watch.curves) names = std::max(names, columns(curve.name));
  for (const Curve& curve : watch.curves)
    if (!curve.values.empty()) top.push_back(curve_line(curve, names, width));
  if (watch.diagnoses.empty()) bottom.push_back(palette.faint("diagnoses: none"));
  for (const std::string& one : watch.diagnoses)
    for (const std::string& line : lines_of(wrap("! " + one, width, 2))) bottom.push_back(palette.bad(line));

  const int room = std::max(0, height - int(top.size()) - int(bottom.size()) - 2);
  const std::vector<WatchedLayer> shown = most_telling(watch.layers, size_t(room));
  Table table({"layer", "kind", "> gradient", "> update", "> dead", "> at ends", "> from", "output", "to"});
  for (const WatchedLayer& layer : shown) {
    const std::vector<double> counts(layer.histogram.begin(), layer.histogram.end());
    table.add({layer.name, layer.kind, brief(layer.gradient), brief(layer.update), share(layer.dead),
               share(layer.saturated), brief(layer.low), layer.high > layer.low ? sparkline(counts, 24) : "",
               brief(layer.high)});
  }
  if (!shown.empty()) {
    const size_t left = watch.layers.size() - shown.size();
    top.push_back(palette.faint(
        text(watch.looked_epoch == 0 ? std::string("before the first step") : text("after epoch ", watch.looked_epoch),
             left > 0 ? text(" (", left, " more layers)") : std::string())));
    for (const std::string& line : lines_of(table.str(palette))) top.push_back(line);
  }
  top.insert(top.end(), bottom.begin(), bottom.end());
  top.resize(std::min(top.size(), size_t(std::max(1, height))));
  for (std::string& line : top) line = cut(line, width);
  return top;
}

std::vector<std::string> watch_lines(const Watch& watch, int width) {
  std::vector<std::string> out;
  for (const WatchedLayer& layer : watch.layers) {
    std::vector<std::string> said;
    if (std::isfinite(layer.gradient)) said.push_back("gradient " + brief(layer.gradient));
    if (std::isfinite(layer.update)) said.push_back("update " + brief(layer.update));
    if (std::isfinite(layer.dead)) said.push_back(share(layer.dead) + " dead");
    if (std::isfinite(layer.saturated)) said.push_back(share(layer.saturated) + " at the ends");
    if (said.empty()) continue;
    const std::string one = layer.name + " " + join(said, ", ");
    if (!out.empty() && columns(out.back()) + 2 + columns(one) <= width)
      out.back() += "; " + one;
    else
      out.push_back(one);
  }
  return out;
}

} // namespace vitro

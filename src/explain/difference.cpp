#include "explain/difference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "explain/double.h"

namespace vitro {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double first_step = 0.05; // relative to the scale
constexpr double least_step = 1e-9; // below this a kink counts as lying at the very point
constexpr int halvings = 9;         // rows of the tableau

} // namespace

const char* name(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::central: return "central";
    case Difference::Kind::left: return "left";
    case Difference::Kind::right: return "right";
    case Difference::Kind::none: break;
  }
  return "none";
}

Line::Line(const Function& function, Edge loss, const Interpretation& base, LocalRules& rules,
           std::function<std::string(Edge, int64_t)> label)
    : function_(function), loss_(loss), base_(base), rules_(rules), label_(std::move(label)),
      needed_(leads_to(*function.graph, loss.node)), values_(size_t(function.graph->size())) {}

void Line::move(NodeId state, int64_t element) {
  directions_.clear();
  element_ = element;
  if (state_ == state) { // what depends on it is known already
    values_[size_t(state)][0] = base_.at({state, 0});
    center_ = at(0);
    return;
  }
  state_ = state;
  prepare({state});
}

void Line::move(const std::map<NodeId, Tensor>& directions) {
  directions_ = directions;
  state_ = -1;
  std::vector<NodeId> moved;
  for (const auto& [node, direction] : directions) moved.push_back(node);
  prepare(moved);
}

void Line::prepare(const std::vector<NodeId>& from) {
  const Graph& graph = *function_.graph;
  const auto dependent = depends_on(graph, from);
  moved_.clear();
  kinked_.clear();
  for (auto& value : values_) value.clear();
  for (const NodeId id : from) values_[size_t(id)] = {base_.at({id, 0})};
  for (NodeId id = 0; id <= loss_.node; ++id) {
    if (!dependent[size_t(id)] || !needed_[size_t(id)] || graph[id].op->is(source)) continue;
    moved_.push_back(id);
    if (graph[id].op->is(kinked) || graph[id].op->is(constant_slope)) kinked_.push_back(id);
  }
  center_ = at(0);
}

Line::Sample Line::at(double s) {
  const Graph& graph = *function_.graph;
  if (directions_.empty()) {
    values_[size_t(state_)][0].set(element_, base_.at({state_, 0}).at(element_) + s);
  } else {
    for (const auto& [id, direction] : directions_) {
      const auto from = base_.at({id, 0}).as<double>(), along = direction.as<double>();
      const auto to = values_[size_t(id)][0].as<double>();
      for (size_t i = 0; i < to.size(); ++i) to[i] = from[i] + s * along[i];
    }
  }
  const auto value = [&](Edge edge) {
    const auto& moved = values_[size_t(edge.node)];
    return moved.empty() ? &base_.at(edge) : &moved[size_t(edge.output)];
  };
  Sample sample{.s = s, .loss = 0, .sides = {}};
  auto next_kinked = kinked_.begin();
  for (const NodeId id : moved_) {
    std::vector<const Tensor*> in, out;
    for (const Edge edge : graph[id].in) in.push_back(value(edge));
    values_[size_t(id)] = interpret_node(graph[id], in);
    if (next_kinked == kinked_.end() || *next_kinked != id) continue;
    ++next_kinked;
    for (const Tensor& tensor : values_[size_t(id)]) out.push_back(&tensor);
    sample.sides.push_back(rules_.sides(id, in, out));
  }
  sample.loss = value(loss_)->at(0);
  ++points_;
  return sample;
}

bool Line::smooth(const Sample& sample) const { return std::isfinite(sample.loss) && sample.sides == center_.sides; }

// In words: the first node, in order, whose sides differ from those at the center.
std::string Line::crossing(const Sample& sample) const {
  for (size_t k = 0; k < kinked_.size(); ++k)
    for (size_t i = 0; i < sample.sides[k].size(); ++i)
      for (int64_t e = 0; e < sample.sides[k][i].elements(); ++e)
        if (sample.sides[k][i].at(e) != center_.sides[k][i].at(e)) {
          const Node& node = (*function_.graph)[kinked_[k]];
          const bool same_shape = sample.sides[k][i].shape() == node.out[0].shape;
          const Edge edge{kinked_[k], 0};
          return text(node.op->name, " at ", label_(edge, same_shape ? e : 0), " changes sides");
        }
  return "the loss is no longer finite";
}

Line::Reach Line::reach(double sign, double first, double least) {
  Reach out{.step = first, .kink = 0, .what = {}};
  Sample sample = at(sign * first);
  if (smooth(sample)) return out;
  double outside = first, inside = first / 2;
  for (; inside >= least; inside /= 2) {
    Sample nearer = at(sign * inside);
    if (smooth(nearer)) break;
    outside = inside;
    sample = std::move(nearer);
  }
  if (inside < least) return {.step = 0, .kink = outside, .what = crossing(sample)};
  for (int i = 0; i < 6; ++i) {
    const double middle = (inside + outside) / 2;
    Sample between = at(sign * middle);
    if (smooth(between)) {
      inside = middle;
    } else {
      outside = middle;
      sample = std::move(between);
    }
  }
  return {.step = inside, .kink = outside, .what = crossing(sample)};
}

// Ridders' tableau from `step` down; `sign` 0 for central differences, else the side. False where a
// sample inside has crossed a kink there and back: the step was too wide after all.
bool Line::extrapolate(double step, double sign, Difference& out) {
  std::array<double, halvings> last{}, row{};
  out.step = step;
  out.uncertainty = std::numeric_limits<double>::infinity();
  double h = step;
  const double ratio = sign == 0 ? 4 : 2; // central differences err in even powers of h, one-sided ones in all
  for (int i = 0; i < halvings; ++i, h /= 2) {
    const Sample right = at(sign == 0 ? h : sign * h), left = sign == 0 ? at(-h) : center_;
    if (!smooth(right) || !smooth(left)) return false;
    const double width = sign == 0 ? 2 * h : sign * h;
    row[0] = (right.loss - left.loss) / width;
    const double floor = 2 * epsilon * std::max(std::fabs(right.loss), std::fabs(left.loss)) / h;
    double factor = ratio;
    for (size_t j = 1; j <= size_t(i); ++j, factor *= ratio) {
      row[j] = (row[j - 1] * factor - last[j - 1]) / (factor - 1);
      const double error = std::max({std::fabs(row[j] - row[j - 1]), std::fabs(row[j] - last[j - 1]), floor});
      if (error <= out.uncertainty) {
        out.uncertainty = error;
        out.value = row[j];
      }
    }
    if (i >= 3 && out.uncertainty <= 1e-10 * std::fabs(out.value)) break;
    last = row;
  }
  return true;
}

Difference Line::derivative(double scale) {
  scale = std::max(1.0, std::fabs(scale));
  points_ = 0;
  Difference out;
  const double least = least_step * scale;
  Reach left = reach(-1, first_step * scale, least), right = reach(1, first_step * scale, least);
  if (left.kink > 0 || right.kink > 0) {
    const bool to_left = right.kink == 0 || (left.kink > 0 && left.kink < right.kink);
    const Reach& nearest = to_left ? left : right;
    out.kink_distance = nearest.kink;
    out.kink = text(nearest.what, " ", number(nearest.kink, 2), to_left ? " to the left" : " to the right");
  }
  if (left.step == 0 || right.step == 0) {
    out.on_kink = true;
    out.kind = Difference::Kind::none;
    out.value = std::numeric_limits<double>::quiet_NaN();
    out.step = 1e-6 * scale;
    out.left = (center_.loss - at(-out.step).loss) / out.step;
    out.right = (at(out.step).loss - center_.loss) / out.step;
    out.points = points_;
    return out;
  }
  // Central differences first. Where one side is much freer, that side alone may do better with its wider steps,
  // or worse, if the function bends more there: the smaller uncertainty wins.
  const auto attempt = [&](double sign, double step) {
    Difference tried = out;
    tried.kind = sign == 0 ? Difference::Kind::central : sign > 0 ? Difference::Kind::right : Difference::Kind::left;
    while (!extrapolate(step, sign, tried) && step >= least) step /= 2; // a kink was crossed there and back
    if (step < least) tried.uncertainty = std::numeric_limits<double>::infinity();
    return tried;
  };
  const double narrow = std::min(left.step, right.step), wide = std::max(left.step, right.step);
  Difference best = attempt(0, narrow);
  if (narrow < wide / 50) {
    const Difference one_sided = attempt(right.step > left.step ? 1 : -1, wide);
    if (one_sided.uncertainty < best.uncertainty) best = one_sided;
  }
  if (!std::isfinite(best.uncertainty)) {
    best.kind = Difference::Kind::none;
    best.value = std::numeric_limits<double>::quiet_NaN();
    best.on_kink = true;
  }
  best.points = points_;
  return best;
}

} // namespace vitro

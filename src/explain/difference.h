// Derivatives by differences: nothing but values of the function, in double.
//
// Central differences at a row of halved steps, extrapolated to step 0 (Ridders, "Accurate computation of
// F'(x) and F'(x) F''(x)", 1982: the entry of the tableau whose neighbours agree best wins, so the step
// chooses itself between the function's curvature and rounding). A kink inside the step spoils any
// difference; so the first step is cut to where no kinked node changes sides, and where one side is
// much freer than the other, that side alone is tried as well: the smaller uncertainty wins.
// Private to src/explain.
#pragma once

#include <functional>

#include "explain/explain.h"
#include "explain/local_rules.h"

namespace vitro {

/// The loss as a function of one number s: states moved by s along a direction.
class Line {
public:
  /// `base`: the values at s = 0 of `function` (in double). All arguments must outlive this.
  /// `label` names an element of an edge, for messages.
  Line(const Function& function, Edge loss, const Interpretation& base, LocalRules& rules,
       std::function<std::string(Edge, int64_t)> label);

  /// Moves one element of one state; or several states, each along a tensor of its shape.
  void move(NodeId state, int64_t element);
  void move(const std::map<NodeId, Tensor>& directions);

  /// d loss / ds at s = 0. `scale`: the size of what is moved (steps are relative to it); at least 1 is meant.
  Difference derivative(double scale);

private:
  struct Sample {
    double s = 0, loss = 0;
    std::vector<std::vector<Tensor>> sides; // by kinked node
  };
  struct Reach {
    double step = 0; // no kink up to here
    double kink = 0; // distance of the nearest kink inside the first step; 0: none
    std::string what;
  };
  void prepare(const std::vector<NodeId>& moved);
  Sample at(double s);
  bool smooth(const Sample& sample) const;
  std::string crossing(const Sample& sample) const;
  Reach reach(double sign, double first, double least);
  bool extrapolate(double step, double sign, Difference& out);

  const Function& function_;
  Edge loss_;
  const Interpretation& base_;
  LocalRules& rules_;
  std::function<std::string(Edge, int64_t)> label_;

  std::vector<bool> needed_;            // nodes that lead to the loss
  std::map<NodeId, Tensor> directions_; // empty: one element of one state
  NodeId state_ = -1;
  int64_t element_ = 0;
  std::vector<NodeId> moved_, kinked_;      // moved_: what depends on the moved states, in order
  std::vector<std::vector<Tensor>> values_; // of moved nodes, at the last sample
  Sample center_;
  int points_ = 0;
};

} // namespace vitro

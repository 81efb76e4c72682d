// Whether a hyperplane tells two classes apart, and with what margin.
//
// Every sample gets one more coordinate, 1, which is what a bias is multiplied with, and those of class 0 the other
// sign. A hyperplane separates the classes if all points z made so lie on one side of it: n.z > 0. The largest margin
// that any unit normal n has is the distance of the origin from the points' convex hull. Where the origin lies within
// the hull there is none, and the mixture of points that makes the origin is the proof.
#pragma once

#include <optional>
#include <vector>

#include "data/dataset.h"

namespace vitro {

struct Separation {
  enum Answer : uint8_t { separable, inseparable, unknown } answer = unknown; // unknown: too much work to settle
  double radius = 0;                                                          // R, the length of the longest z
  // separable: the largest gamma such that some unit normal has n.z >= gamma for all z, as measured for `normal`.
  double margin = 0;
  std::vector<double> normal; // a weight for each feature, then the bias's
  // inseparable: the samples of the mixture, their shares (of each class they add up to 1), and the point, a value for
  // each feature, that both classes' mixtures make: it would have to lie on both sides.
  std::vector<int64_t> witnesses;
  std::vector<double> shares, meeting;

  double bound() const; // Novikoff's (R / gamma)^2; infinite where no margin is known
};

/// Of `data`, whose goal is classes, two of them; samples as a net sees them, scaled. Where the hull comes nearer to
/// the origin than 1e-9 R the classes count as inseparable. Throws bad_input for another number of classes.
/// Source: P. Wolfe, "Finding the nearest point in a polytope", 1976.
Separation separation(const Dataset& data);

/// The smallest n.z over all samples for the unit normal along `weights`, a bias's last: the margin of a net that was
/// found somehow; not above 0 where it does not separate.
double margin_of(const Dataset& data, const std::vector<double>& weights);

} // namespace vitro

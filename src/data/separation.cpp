#include "data/separation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "data/batches.h"

namespace vitro {
namespace {

using Point = std::vector<double>;
constexpr double work = 3e9; // multiplications at most: seconds

double dot(const Point& a, const Point& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

// The points z: [features, 1], those of class 0 with the other sign.
std::vector<Point> signed_points(const Dataset& data) {
  if (data.schema.goal != Goal::classes || data.schema.classes.size() != 2)
    bad_input(data.schema.name, "separation is a matter of two classes");
  std::vector<int64_t> rows(size_t(data.size()));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const int64_t width = data.schema.net_input().elements();
  Tensor x(Type{DType::f64, {data.size(), width}});
  fill_samples(data, rows, x.view());
  const auto values = x.as<double>();
  std::vector<Point> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double sign = data.label_of()[i] == 1 ? 1 : -1;
    Point z(size_t(width) + 1, sign);
    for (size_t j = 0; j < size_t(width); ++j) z[j] *= values[i * size_t(width) + j];
    out.push_back(std::move(z));
  }
  return out;
}

// Shares, adding up to 1, of the point nearest to the origin in the flat through the corners (some may be negative):
// of (1 1' + P P') u = 1 the solution u, divided by its sum. Elimination with the largest pivot first.
std::vector<double> nearest_of_flat(const std::vector<Point>& z, const std::vector<size_t>& corners, double unit) {
  const size_t n = corners.size();
  std::vector<std::vector<double>> rows(n, std::vector<double>(n + 1, 1.0));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) rows[i][j] += dot(z[corners[i]], z[corners[j]]) / unit;
  for (size_t k = 0; k < n; ++k) {
    size_t best = k;
    for (size_t i = k; i < n; ++i)
      if (std::fabs(rows[i][k]) > std::fabs(rows[best][k])) best = i;
    std::swap(rows[k], rows[best]);
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = rows[k][k] == 0 ? 0 : rows[i][k] / rows[k][k];
      for (size_t j = k; j <= n; ++j) rows[i][j] -= factor * rows[k][j];
    }
  }
  std::vector<double> u(n);
  double total = 0;
  for (size_t k = n; k-- > 0;) {
    double rest = rows[k][n];
    for (size_t j = k + 1; j < n; ++j) rest -= rows[k][j] * u[j];
    total += u[k] = rows[k][k] == 0 ? 0 : rest / rows[k][k];
  }
  for (double& share : u) share /= total;
  return u;
}

// The point of the hull of z that is nearest to the origin, as a mixture of few corners. Wolfe's algorithm: take the
// corner that lies farthest against the present point, go to the nearest point of the flat through all corners taken,
// and where that leaves their hull, as far as its border, dropping corners there. Every round comes nearer.
class NearestPoint {
public:
  explicit NearestPoint(const std::vector<Point>& points) : z_(points) {
    size_t shortest = 0;
    for (size_t i = 0; i < z_.size(); ++i) {
      unit_ = std::max(unit_, dot(z_[i], z_[i]));
      if (dot(z_[i], z_[i]) < dot(z_[shortest], z_[shortest])) shortest = i;
    }
    corners = {shortest};
    shares = {1};
    at = z_[shortest];
  }

  // False where it was too much work; then `at` is on its way only.
  bool find() {
    for (double done = 0; done < work;) {
      size_t next = 0;
      double least = std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < z_.size(); ++i)
        if (const double along = dot(at, z_[i]); along < least) {
          least = along;
          next = i;
        }
      const bool known = std::ranges::find(corners, next) != corners.end();
      if (known || dot(at, at) - least <= 1e-14 * unit_) return true;
      corners.push_back(next);
      shares.push_back(0);
      done += double(z_.size() * at.size());
      while (!move()) done += std::pow(double(corners.size()), 3) + double(at.size()) * double(corners.size());
    }
    return false;
  }

  std::vector<size_t> corners;
  std::vector<double> shares;
  Point at;

private:
  // To the nearest point of the flat: true where that lies within the corners' hull; else to the border on the way.
  bool move() {
    const std::vector<double> wanted = nearest_of_flat(z_, corners, unit_);
    double step = 1;
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i] <= 0) step = std::min(step, shares[i] / (shares[i] - wanted[i]));
    const bool within = std::ranges::all_of(wanted, [](double share) { return share > 0; });
    std::vector<size_t> kept;
    std::vector<double> kept_shares;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double share = shares[i] + step * (wanted[i] - shares[i]);
      if (!(share > 1e-15)) continue;
      kept.push_back(corners[i]);
      kept_shares.push_back(share);
    }
    const bool dropped = kept.size() < corners.size();
    corners = std::move(kept);
    shares = std::move(kept_shares);
    at.assign(at.size(), 0);
    for (size_t i = 0; i < corners.size(); ++i)
      for (size_t j = 0; j < at.size(); ++j) at[j] += shares[i] * z_[corners[i]][j];
    return within || !dropped; // rounding may leave nothing to drop: then this is as near as it gets
  }

  const std::vector<Point>& z_;
  double unit_ = 0; // the longest point's length, squared
};

double margin_along(const std::vector<Point>& z, const Point& normal) {
  double least = std::numeric_limits<double>::infinity();
  for (const Point& point : z) least = std::min(least, dot(normal, point));
  return least / std::sqrt(dot(normal, normal));
}

} // namespace

double Separation::bound() const {
  return margin > 0 ? radius / margin * (radius / margin) : std::numeric_limits<double>::infinity();
}

double margin_of(const Dataset& data, const std::vector<double>& weights) {
  const double length = dot(weights, weights);
  return length > 0 && std::isfinite(length) ? margin_along(signed_points(data), weights) : 0;
}

Separation separation(const Dataset& data) {
  const std::vector<Point> z = signed_points(data);
  Separation out;
  for (const Point& point : z) out.radius = std::max(out.radius, std::sqrt(dot(point, point)));
  NearestPoint nearest(z);
  const bool found = nearest.find();
  const double distance = std::sqrt(dot(nearest.at, nearest.at));
  if (distance > 1e-9 * out.radius) {
    const double margin = margin_along(z, nearest.at);
    if (!found || !(margin > 0)) return out;
    out.answer = Separation::separable;
    out.margin = margin;
    out.normal = nearest.at;
    for (double& one : out.normal) one /= distance;
    return out;
  }
  out.answer = Separation::inseparable;
  out.meeting.assign(nearest.at.size() - 1, 0);
  for (size_t i = 0; i < nearest.corners.size(); ++i) {
    const Point& point = z[nearest.corners[i]];
    out.witnesses.push_back(int64_t(nearest.corners[i]));
    out.shares.push_back(2 * nearest.shares[i]); // the last coordinates cancel: each class has one half
    for (size_t j = 0; j + 1 < point.size(); ++j)
      if (point.back() > 0) out.meeting[j] += out.shares.back() * point[j];
  }
  return out;
}

} // namespace vitro

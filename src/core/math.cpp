#include "core/math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace vitro::math {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;

double power_of_two(int64_t exponent) { return std::bit_cast<double>(uint64_t(exponent + 1023) << 52); }

// Taylor sums on |x| <= pi/4: the first term left out is below 2^-57 of the sum.
double sin_small(double x) {
  const double s = x * x;
  double sum = 0;
  for (int k = 17; k >= 3; k -= 2) sum = (sum + 1) * (-s / double((k - 1) * k));
  return x + x * sum;
}

double cos_small(double x) {
  const double s = x * x;
  double sum = 0;
  for (int k = 18; k >= 2; k -= 2) sum = (sum + 1) * (-s / double((k - 1) * k));
  return 1 + sum;
}

// x = quarter * pi/2 + rest, with pi/2 in three pieces of 33 bits (Cody and Waite).
double reduce(double x, int64_t& quarter) {
  constexpr double a = 0x1.921fb54400000p+0, b = 0x1.0b4611a600000p-34, c = 0x1.3198a2e037073p-69;
  const double k = std::nearbyint(x * (2 / pi));
  quarter = int64_t(k);
  return ((x - k * a) - k * b) - k * c;
}

} // namespace

double sqrt(double x) { return std::sqrt(x); } // correctly rounded by IEEE 754

double exp(double x) {
  if (x != x) return x;
  if (x > 709.782712893384) return infinity;
  if (x < -745.2) return 0;
  const double k = std::nearbyint(x / (ln2_high + ln2_low));
  const double r = (x - k * ln2_high) - k * ln2_low; // |r| <= ln2 / 2
  double sum = 0;
  for (int n = 14; n >= 2; --n) sum = (sum + 1) * (r / n);
  const double y = 1 + (r + r * sum);
  const int64_t half = int64_t(k) / 2; // two factors, so that neither overflows
  return y * power_of_two(half) * power_of_two(int64_t(k) - half);
}

double log(double x) {
  if (x != x || x == infinity) return x;
  if (x == 0) return -infinity;
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  int exponent = 0;
  double m = std::frexp(x, &exponent); // [0.5, 1)
  if (m < 0.70710678118654752) m *= 2, --exponent;
  // log m = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.172: odd series to s^23
  const double f = m - 1, s = f / (m + 1), z = s * s;
  double sum = 0;
  for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
  const double rest = s * (2 * sum) - s * f; // log m = f + rest, for 2s = f - s f
  return exponent * ln2_high + (f + (rest + exponent * ln2_low));
}

double sin(double x) {
  int64_t quarter;
  const double r = reduce(x, quarter);
  switch (quarter & 3) {
    case 0: return sin_small(r);
    case 1: return cos_small(r);
    case 2: return -sin_small(r);
    default: return -cos_small(r);
  }
}

double cos(double x) {
  int64_t quarter;
  const double r = reduce(x, quarter);
  switch (quarter & 3) {
    case 0: return cos_small(r);
    case 1: return -sin_small(r);
    case 2: return -cos_small(r);
    default: return sin_small(r);
  }
}

double pow(double x, double y) {
  if (y == std::nearbyint(y) && std::fabs(y) <= 1 << 20) {
    double out = 1, square = x;
    for (int64_t n = int64_t(std::fabs(y)); n; n >>= 1, square *= square)
      if (n & 1) out *= square;
    return y < 0 ? 1 / out : out;
  }
  return exp(y * log(x));
}

double tanh(double x) {
  const double size = std::fabs(x);
  if (size < 0.3) { // odd continued fraction: no cancellation near 0
    const double s = x * x;
    double fraction = 19;
    for (int k = 17; k >= 1; k -= 2) fraction = k + s / fraction;
    return x / fraction;
  }
  if (size > 22) return x < 0 ? -1 : 1;
  const double y = 1 - 2 / (exp(2 * size) + 1);
  return x < 0 ? -y : y;
}

} // namespace vitro::math

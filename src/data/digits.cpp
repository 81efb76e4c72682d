#include "data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/math.h"
#include "core/random.h"
#include "core/threads.h"

namespace vitro {
namespace {

// A point that a stroke passes through, in hundredths of a box (x to the right, y down), for the two
// extremes of a way of writing: a sample lies somewhere between them. At a corner the pen turns sharply.
struct Spot {
  float x, y, x2, y2;
  bool corner = false;
};
using Stroke = std::vector<Spot>;

// One way of writing a digit, and how often it is chosen among the ways of that digit.
struct Way {
  double weight;
  std::vector<Stroke> strokes;
};

constexpr bool turn = true;

// Indexed by digit.
const std::array<std::vector<Way>, 10>& ways() {
  static const std::array<std::vector<Way>, 10> all = {{
      // 0: an oval, round to narrow; one whose ends cross or miss each other.
      {{3,
        {{{52, 2, 52, 2},
          {22, 14, 36, 12},
          {8, 50, 28, 50},
          {20, 86, 36, 88},
          {50, 98, 50, 98},
          {82, 86, 66, 88},
          {94, 50, 74, 50},
          {82, 14, 66, 12},
          {50, 2, 52, 2}}}},
       {1,
        {{{60, 10, 70, 4},
          {30, 10, 40, 6},
          {12, 45, 22, 50},
          {25, 90, 30, 92},
          {60, 96, 50, 98},
          {85, 70, 75, 75},
          {86, 30, 78, 30},
          {66, 6, 56, 8},
          {42, 6, 36, 20}}}}},
      // 1: a line; with a flag; with flag and foot.
      {{4, {{{50, 0, 54, 0}, {50, 50, 48, 50}, {50, 100, 50, 100}}}},
       {1.5, {{{24, 28, 42, 12}, {54, 0, 54, 0, turn}, {54, 50, 52, 50}, {54, 100, 50, 100}}}},
       {0.8,
        {{{24, 24, 36, 12}, {52, 0, 52, 0, turn}, {52, 50, 52, 50}, {52, 100, 52, 100}},
         {{14, 99, 34, 100}, {52, 99, 52, 100}, {90, 99, 70, 100}}}}},
      // 2: with a straight foot; looped at the foot; swung; a curl at its head.
      {{3,
        {{{14, 24, 22, 16},
          {40, 2, 46, 2},
          {78, 16, 74, 12},
          {74, 44, 72, 40},
          {40, 76, 44, 72},
          {8, 97, 12, 96, turn},
          {50, 96, 50, 97},
          {92, 96, 86, 98}}}},
       {2,
        {{{18, 22, 22, 12},
          {46, 2, 50, 2},
          {80, 18, 76, 20},
          {70, 48, 66, 52},
          {40, 84, 36, 86},
          {14, 96, 16, 98},
          {4, 82, 14, 84},
          {26, 70, 32, 80},
          {58, 90, 58, 94},
          {98, 88, 92, 86}}}},
       {1,
        {{{10, 12, 16, 18},
          {50, 4, 48, 2},
          {84, 10, 78, 22},
          {62, 44, 62, 54},
          {26, 78, 30, 84},
          {12, 94, 10, 96},
          {50, 88, 46, 94},
          {92, 94, 90, 98}}}},
       {0.8,
        {{{34, 30, 28, 36},
          {22, 18, 20, 20},
          {46, 2, 48, 0},
          {72, 20, 76, 22},
          {60, 56, 64, 52},
          {36, 80, 40, 82},
          {14, 98, 14, 96, turn},
          {50, 90, 48, 97},
          {88, 98, 88, 96}}}}},
      // 3: two bows meeting in a point, wide apart to flat; in a small loop; a flat top.
      {{3,
        {{{18, 14, 18, 8},
          {48, 2, 52, 2},
          {78, 16, 78, 22},
          {66, 40, 62, 44},
          {40, 48, 42, 50, turn},
          {72, 54, 68, 56},
          {84, 76, 76, 78},
          {52, 98, 44, 98},
          {14, 88, 6, 92}}}},
       {1.5,
        {{{16, 10, 20, 8},
          {54, 4, 50, 2},
          {76, 20, 74, 22},
          {54, 44, 52, 44},
          {38, 46, 42, 50},
          {60, 52, 58, 52},
          {82, 72, 76, 76},
          {50, 98, 50, 98},
          {14, 88, 8, 94}}}},
       {0.6,
        {{{14, 4, 18, 4},
          {48, 3, 48, 4},
          {80, 4, 74, 4, turn},
          {56, 28, 54, 26},
          {42, 42, 44, 40, turn},
          {74, 50, 70, 52},
          {82, 76, 76, 78},
          {50, 98, 48, 98},
          {12, 88, 16, 90}}}}},
      // 4: open; closed; with a sagging bar.
      {{3,
        {{{28, 2, 16, 4}, {20, 30, 10, 34}, {16, 54, 10, 58, turn}, {50, 54, 50, 54}, {92, 50, 88, 48}},
         {{78, 4, 72, 0}, {72, 50, 68, 46}, {68, 100, 64, 100}}}},
       {1,
        {{{66, 0, 62, 0}, {38, 34, 36, 30}, {6, 66, 10, 62, turn}, {50, 66, 50, 62}, {96, 66, 92, 62}},
         {{66, 0, 62, 0}, {66, 50, 64, 50}, {66, 100, 66, 100}}}},
       {1.2,
        {{{22, 8, 30, 2}, {14, 36, 16, 30}, {24, 54, 26, 52}, {52, 52, 54, 48}, {76, 44, 78, 40}},
         {{84, 8, 86, 4}, {74, 50, 74, 46}, {64, 100, 62, 100}}}}},
      // 5: body and bar; in one stroke; like an s.
      {{2.5,
        {{{28, 6, 32, 4},
          {22, 26, 28, 24},
          {18, 46, 24, 44, turn},
          {52, 38, 54, 38},
          {84, 60, 78, 62},
          {66, 92, 62, 94},
          {38, 99, 36, 98},
          {12, 90, 14, 88}},
         {{28, 6, 32, 6}, {58, 4, 64, 2}, {88, 4, 104, -6}}}},
       {1.5,
        {{{86, 4, 84, 6},
          {56, 4, 56, 4},
          {30, 6, 34, 4, turn},
          {26, 26, 28, 24},
          {24, 42, 26, 40, turn},
          {56, 40, 56, 44},
          {80, 64, 74, 66},
          {60, 94, 52, 96},
          {14, 92, 14, 94}}}},
       {1.2,
        {{{84, 6, 88, 10},
          {54, 8, 56, 6},
          {30, 20, 30, 20},
          {32, 40, 36, 36},
          {60, 54, 60, 54},
          {68, 74, 70, 76},
          {46, 96, 44, 96},
          {12, 90, 16, 88}}}}},
      // 6: a curved stem into a loop, small to large; a steep stem; a loop that does not close.
      {{3,
        {{{76, 2, 66, 0},
          {40, 22, 34, 20},
          {16, 56, 14, 54},
          {22, 88, 24, 88},
          {50, 98, 52, 98},
          {76, 84, 82, 80},
          {68, 64, 72, 50},
          {44, 62, 42, 48},
          {22, 78, 18, 72}}}},
       {1.5,
        {{{44, 0, 40, 0},
          {26, 36, 26, 34},
          {18, 68, 22, 66},
          {34, 94, 36, 96},
          {66, 94, 62, 94},
          {82, 74, 74, 76},
          {62, 56, 58, 64},
          {38, 62, 36, 70},
          {20, 80, 26, 82}}}},
       {1.5,
        {{{84, 4, 56, 0},
          {46, 24, 30, 26},
          {20, 62, 14, 60},
          {30, 94, 30, 96},
          {62, 94, 66, 94},
          {76, 72, 80, 70},
          {56, 54, 56, 52},
          {34, 64, 36, 62}}}}},
      // 7: plain; with a bar; with a hook at the left; with a bent stem.
      {{3, {{{10, 8, 12, 6}, {46, 6, 48, 4}, {88, 6, 84, 4, turn}, {64, 50, 62, 48}, {42, 100, 46, 100}}}},
       {1,
        {{{12, 8, 14, 6}, {46, 6, 48, 4}, {86, 6, 84, 4, turn}, {62, 50, 60, 48}, {40, 100, 42, 100}},
         {{30, 54, 38, 50}, {58, 52, 62, 50}, {84, 50, 80, 50}}}},
       {1.4,
        {{{12, 26, 14, 20},
          {16, 8, 18, 6},
          {48, 8, 48, 8},
          {84, 6, 82, 6, turn},
          {70, 40, 70, 36},
          {58, 70, 60, 66},
          {54, 100, 56, 100}}}},
       {1,
        {{{10, 12, 12, 14},
          {44, 6, 46, 2},
          {76, 12, 74, 14},
          {74, 36, 72, 38},
          {58, 68, 58, 70},
          {42, 100, 48, 100}}}}},
      // 8: one stroke from the upper right, its ends apart; the same, closed; begun in the middle; two circles.
      {{3,
        {{{84, 8, 74, 10},
          {52, 2, 50, 4},
          {24, 20, 28, 22},
          {44, 44, 46, 46},
          {70, 74, 66, 74},
          {46, 98, 48, 98},
          {20, 78, 28, 76},
          {50, 48, 50, 50},
          {76, 26, 72, 22},
          {94, 6, 82, 4}}}},
       {2,
        {{{78, 14, 74, 10},
          {50, 2, 50, 2},
          {22, 20, 28, 22},
          {46, 46, 48, 46},
          {76, 74, 70, 74},
          {50, 98, 50, 98},
          {22, 76, 28, 76},
          {52, 48, 52, 50},
          {78, 24, 72, 22},
          {70, 6, 66, 6}}}},
       {1,
        {{{54, 50, 52, 50},
          {26, 28, 32, 26},
          {46, 2, 50, 2},
          {76, 22, 70, 24},
          {50, 50, 50, 50},
          {22, 76, 28, 76},
          {50, 98, 50, 98},
          {78, 76, 72, 76},
          {54, 50, 52, 50}}}},
       {1,
        {{{50, 2, 50, 0}, {28, 22, 32, 22}, {50, 46, 50, 44}, {74, 24, 68, 22}, {50, 2, 50, 0}},
         {{50, 46, 50, 44}, {20, 72, 26, 72}, {50, 98, 50, 100}, {80, 72, 74, 72}, {50, 46, 50, 44}}}}},
      // 9: a loop, small to large, and a straight stem; round into the stem; a hooked tail; a loop left open.
      {{3,
        {{{74, 16, 72, 14},
          {50, 4, 46, 2},
          {26, 20, 20, 28},
          {40, 40, 38, 52},
          {66, 32, 66, 40},
          {76, 12, 76, 10, turn},
          {72, 54, 70, 54},
          {66, 100, 60, 100}}}},
       {2,
        {{{76, 20, 72, 12},
          {46, 2, 48, 2},
          {18, 26, 24, 22},
          {40, 52, 42, 42},
          {74, 28, 70, 22},
          {76, 44, 68, 46},
          {64, 76, 56, 76},
          {40, 100, 44, 100}}}},
       {1,
        {{{76, 22, 74, 18},
          {50, 2, 52, 2},
          {24, 24, 26, 26},
          {44, 46, 46, 46},
          {74, 24, 74, 24},
          {78, 60, 76, 60},
          {62, 96, 60, 96},
          {26, 92, 28, 90}}}},
       {1,
        {{{66, 6, 80, 6},
          {36, 10, 50, 2},
          {20, 32, 22, 22},
          {42, 48, 36, 48},
          {70, 34, 66, 42},
          {82, 8, 80, 16, turn},
          {74, 52, 74, 56},
          {60, 100, 66, 100}}}}},
  }};
  return all;
}

struct Dot {
  double x, y;
};

const Way& choose(const std::vector<Way>& ways, double u) {
  double all = 0;
  for (const Way& way : ways) all += way.weight;
  u *= all;
  for (const Way& way : ways)
    if ((u -= way.weight) < 0) return way;
  return ways.back();
}

// Two slow waves across the box, along and against: the plane bends as a hand does.
struct Bend {
  double ax, ay, fx, fy, px, py, qx, qy;
  explicit Bend(Draws& draws, double strength)
      : ax(strength * draws.normal()), ay(strength * draws.normal()), fx(draws.uniform(2, 5)), fy(draws.uniform(2, 5)),
        px(draws.uniform(0, 2 * math::pi)), py(draws.uniform(0, 2 * math::pi)), qx(draws.uniform(-2, 2)),
        qy(draws.uniform(-2, 2)) {}
  Dot operator()(Dot p) const {
    return {p.x + ax * math::sin(fx * p.y + qx * p.x + px), p.y + ay * math::sin(fy * p.x + qy * p.y + py)};
  }
};

// A cubic through the spots (Catmull-Rom: the tangent at a spot is half the chord between its neighbours; at an end
// or a corner, the chord to the one neighbour), `steps` pieces between two spots.
void trace(std::span<const Dot> spots, const Stroke& stroke, int steps, std::vector<Dot>& out) {
  const auto n = spots.size();
  out.clear();
  out.push_back(spots[0]);
  for (size_t i = 0; i + 1 < n; ++i) {
    const Dot a = spots[i], b = spots[i + 1];
    const bool left_end = i == 0 || stroke[i].corner, right_end = i + 2 == n || stroke[i + 1].corner;
    const Dot before = left_end ? a : spots[i - 1], after = right_end ? b : spots[i + 2];
    const double half_a = left_end ? 1 : 0.5, half_b = right_end ? 1 : 0.5;
    const Dot ta{half_a * (b.x - before.x), half_a * (b.y - before.y)};
    const Dot tb{half_b * (after.x - a.x), half_b * (after.y - a.y)};
    for (int s = 1; s <= steps; ++s) {
      const double t = double(s) / steps, t2 = t * t, t3 = t2 * t;
      const double h00 = 2 * t3 - 3 * t2 + 1, h10 = t3 - 2 * t2 + t, h01 = 3 * t2 - 2 * t3, h11 = t3 - t2;
      out.push_back({h00 * a.x + h10 * ta.x + h01 * b.x + h11 * tb.x, h00 * a.y + h10 * ta.y + h01 * b.y + h11 * tb.y});
    }
  }
}

// Inks the pixels near the piece from a to b: full within `radius`, fading over `edge`; the darkest piece wins.
void ink(Dot a, Dot b, double radius, double edge, std::array<float, digit_side * digit_side>& page) {
  const double reach = radius + edge;
  const auto clip = [](double v) { return int(std::clamp(v, 0.0, double(digit_side - 1))); };
  const int x0 = clip(std::min(a.x, b.x) - reach), x1 = clip(std::max(a.x, b.x) + reach);
  const int y0 = clip(std::min(a.y, b.y) - reach), y1 = clip(std::max(a.y, b.y) + reach);
  const auto ax = float(a.x), ay = float(a.y), dx = float(b.x - a.x), dy = float(b.y - a.y);
  const float length2 = dx * dx + dy * dy, inverse = length2 > 0 ? 1 / length2 : 0;
  const auto outer = float(reach), slope = float(1 / edge), outer2 = outer * outer;
  for (int y = y0; y <= y1; ++y) {
    const float py = float(y) + 0.5f - ay;
    float* row = &page[size_t(y * digit_side)];
    for (int x = x0; x <= x1; ++x) {
      const float px = float(x) + 0.5f - ax;
      const float t = std::min(1.0f, std::max(0.0f, (px * dx + py * dy) * inverse));
      const float ex = px - t * dx, ey = py - t * dy, d2 = ex * ex + ey * ey;
      if (d2 < outer2) row[x] = std::max(row[x], (outer - std::sqrt(d2)) * slope);
    }
  }
}

} // namespace

void draw_digit(uint64_t seed, Part part, int64_t index, std::span<uint8_t, digit_side * digit_side> pixels) {
  Draws draws(Stream(seed, "digits", uint64_t(part)), uint64_t(index));
  const Way& way = choose(ways()[size_t(digit_label(index))], draws.uniform());

  // The hand: what is drawn once for a sample. Lengths are in heights of the digit, those of the pen in pixels.
  const double between = draws.uniform(-0.2, 1.2);
  const double angle = 0.1 * draws.normal(), slant = 0.15 + 0.2 * draws.normal();
  const double wide = 0.95 * math::exp(0.25 * draws.normal());
  const double lower = 0.16 * draws.normal(), aside = 0.16 * draws.normal(); // where the middle lies
  const double cosine = math::cos(angle), sine = math::sin(angle);
  const Bend bend(draws, 0.045);
  const double fine = draws.uniform(0.4, 1.1), thick = draws.uniform();
  const double radius = fine + 0.7 * thick * thick * thick * thick; // now and then a broad pen
  const double edge = draws.uniform(0.9, 1.3);
  const double size = draws.uniform(17, 20), shift_x = 0.85 * draws.normal(), shift_y = 0.85 * draws.normal();

  std::array<std::vector<Dot>, 3> lines;
  std::vector<Dot> spots;
  double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9, length = 0, mass_x = 0, mass_y = 0;
  const size_t strokes = way.strokes.size();
  for (size_t s = 0; s < strokes; ++s) {
    spots.clear();
    for (const Spot& spot : way.strokes[s]) {
      // From hundredths to [-1, 1]; then the middle moves while the borders stay.
      double x = (spot.x + between * (spot.x2 - spot.x)) / 50 - 1, y = (spot.y + between * (spot.y2 - spot.y)) / 50 - 1;
      x += aside * (1 - x * x);
      y += lower * (1 - y * y);
      const bool end = spots.empty() || spots.size() + 1 == way.strokes[s].size();
      const double tremble = end ? 0.045 : 0.025;
      spots.push_back({x / 2 + tremble * draws.normal(), y / 2 + tremble * draws.normal()});
    }
    trace(spots, way.strokes[s], 5, lines[s]);
    for (size_t i = 0; i < lines[s].size(); ++i) {
      Dot& p = lines[s][i];
      p = bend(p);
      const double x = wide * p.x - slant * p.y, y = p.y;
      p = {cosine * x - sine * y, sine * x + cosine * y};
      left = std::min(left, p.x), right = std::max(right, p.x);
      top = std::min(top, p.y), bottom = std::max(bottom, p.y);
      if (i == 0) continue;
      const Dot q = lines[s][i - 1];
      const double piece = math::sqrt((p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y));
      length += piece;
      mass_x += piece * (p.x + q.x) / 2;
      mass_y += piece * (p.y + q.y) / 2;
    }
  }

  // As in MNIST, up to the jitter: the longer side of the inked box is 20 pixels, the centre of the ink in the middle.
  const double zoom = (size - 2 * radius) / std::max(right - left, bottom - top);
  // However it is shifted, it stays on the page with a pixel to spare.
  const auto place = [&](double centre, double low, double high) {
    const double margin = radius + 1.5;
    return std::clamp(centre, margin - zoom * low, digit_side - margin - zoom * high);
  };
  const double x0 = place(digit_side / 2.0 + shift_x - zoom * mass_x / length, left, right);
  const double y0 = place(digit_side / 2.0 + shift_y - zoom * mass_y / length, top, bottom);
  std::array<float, digit_side * digit_side> page{};
  for (size_t s = 0; s < strokes; ++s)
    for (size_t i = 0; i < lines[s].size(); ++i) {
      lines[s][i] = {x0 + zoom * lines[s][i].x, y0 + zoom * lines[s][i].y};
      if (i > 0) ink(lines[s][i - 1], lines[s][i], radius, edge, page);
    }
  for (size_t i = 0; i < page.size(); ++i) pixels[i] = uint8_t(std::min(1.0f, page[i]) * 255.0f + 0.5f);
}

void draw_digits(uint64_t seed, Part part, int64_t first, std::span<uint8_t> pixels) {
  constexpr int64_t each = digit_side * digit_side, at_once = 64;
  const int64_t n = int64_t(pixels.size()) / each;
  parallel((n + at_once - 1) / at_once, [&](int64_t task) {
    for (int64_t i = task * at_once; i < std::min(n, (task + 1) * at_once); ++i)
      draw_digit(seed, part, first + i,
                 std::span<uint8_t, digit_side * digit_side>(pixels.data() + i * each, size_t(each)));
  });
}

} // namespace vitro

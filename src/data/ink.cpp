#include "data/ink.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr uint8_t black = 32, drawn = 51; // at most, and from a fifth of white on

struct Box {
  int64_t top = 0, left = 0, bottom = 0, right = 0; // the last two: behind the last
  int64_t height() const { return bottom - top; }
  int64_t width() const { return right - left; }
  int64_t length() const { return std::max(height(), width()); }
};

Box box_of(const Picture& picture, int above) {
  const auto [height, width] = picture.size;
  Box out{height, width, 0, 0};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      if (*picture.at(y, x) > above)
        out = {std::min(out.top, y), std::min(out.left, x), std::max(out.bottom, y + 1), std::max(out.right, x + 1)};
  return out;
}

struct Point {
  double y = 0, x = 0;
};

Point centre_of_mass(const Picture& picture) {
  double mass = 0, down = 0, across = 0;
  for (int64_t y = 0; y < picture.size.height; ++y)
    for (int64_t x = 0; x < picture.size.width; ++x) {
      const double one = *picture.at(y, x);
      mass += one;
      down += one * (double(y) + 0.5);
      across += one * (double(x) + 0.5);
    }
  return mass > 0 ? Point{down / mass, across / mass} : Point{};
}

bool border_is_black(const Picture& picture) {
  const auto [height, width] = picture.size;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; x += y == 0 || y + 1 == height ? 1 : std::max<int64_t>(1, width - 1))
      if (*picture.at(y, x) > black) return false;
  return true;
}

// The plane a + b y + c x that comes nearest to the picture's outermost tenth, by least squares: paper in uneven light.
struct Paper {
  double level = 0, down = 0, across = 0, middle_y = 0, middle_x = 0;
  double at(int64_t y, int64_t x) const {
    return level + down * (double(y) - middle_y) + across * (double(x) - middle_x);
  }
};

Paper paper_of(const Picture& picture) {
  const auto [height, width] = picture.size;
  const int64_t rim_y = std::max<int64_t>(1, height / 10), rim_x = std::max<int64_t>(1, width / 10);
  // On a symmetrical rim the three terms are independent of each other, so each has a sum of its own.
  Paper out{0, 0, 0, double(height - 1) / 2, double(width - 1) / 2};
  double n = 0, level = 0, by_y = 0, by_x = 0, yy = 0, xx = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (y >= rim_y && y < height - rim_y && x >= rim_x && x < width - rim_x) continue;
      const double v = *picture.at(y, x), dy = double(y) - out.middle_y, dx = double(x) - out.middle_x;
      n += 1, level += v, by_y += v * dy, by_x += v * dx, yy += dy * dy, xx += dx * dx;
    }
  out.level = level / n;
  if (yy > 0) out.down = by_y / yy;
  if (xx > 0) out.across = by_x / xx;
  return out;
}

// Where the two kinds of pixels part. Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE
// Trans. SMC 9(1), 1979: the variance between the two is greatest.
int threshold_of(const Picture& picture) {
  std::array<double, 256> count{};
  for (const uint8_t value : picture.pixels) ++count[value];
  const double n = double(picture.pixels.size());
  double sum = 0, below = 0, sum_below = 0, best = -1;
  for (int v = 0; v < 256; ++v) sum += v * count[size_t(v)];
  int out = 0;
  for (int v = 0; v < 255; ++v) {
    below += count[size_t(v)];
    sum_below += v * count[size_t(v)];
    if (below == 0 || below == n) continue;
    const double apart = sum_below / below - (sum - sum_below) / (n - below);
    if (const double between = below * (n - below) * apart * apart; between > best) best = between, out = v;
  }
  return out;
}

// What is drawn consists of the largest connected part above `threshold` and all that have a tenth of its pixels; a
// part at the picture's edge counts only where nothing else is there. All other pixels become black.
void keep_drawing(Picture& picture, int threshold) {
  const auto [height, width] = picture.size;
  std::vector<int32_t> part(picture.pixels.size(), 0);
  struct Part {
    int64_t pixels = 0;
    bool at_edge = false;
  };
  std::vector<Part> parts(1);
  std::vector<int64_t> open;
  for (size_t start = 0; start < part.size(); ++start) {
    if (part[start] != 0 || picture.pixels[start] <= threshold) continue;
    const auto number = int32_t(parts.size());
    Part one;
    part[start] = number;
    open.push_back(int64_t(start));
    while (!open.empty()) {
      const int64_t at = open.back(), y = at / width, x = at % width;
      open.pop_back();
      ++one.pixels;
      one.at_edge |= y == 0 || x == 0 || y + 1 == height || x + 1 == width;
      for (int64_t ny = std::max<int64_t>(0, y - 1); ny < std::min(height, y + 2); ++ny)
        for (int64_t nx = std::max<int64_t>(0, x - 1); nx < std::min(width, x + 2); ++nx) {
          const auto next = size_t(ny * width + nx);
          if (part[next] != 0 || picture.pixels[next] <= threshold) continue;
          part[next] = number;
          open.push_back(int64_t(next));
        }
    }
    parts.push_back(one);
  }
  int64_t inside = 0, largest = 0;
  for (const Part& one : parts) {
    largest = std::max(largest, one.pixels);
    if (!one.at_edge) inside = std::max(inside, one.pixels);
  }
  const bool edge_counts = inside == 0;
  const int64_t least = std::max<int64_t>(1, (edge_counts ? largest : inside) / 10);
  const auto keeps = [&](int32_t number) {
    const Part& one = parts[size_t(number)];
    return number > 0 && one.pixels >= least && (edge_counts || !one.at_edge);
  };
  // Soft edges belong to a stroke: a pixel stays that touches one of its pixels.
  Picture out(picture.size, 1);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      bool near = false;
      for (int64_t ny = std::max<int64_t>(0, y - 1); ny < std::min(height, y + 2); ++ny)
        for (int64_t nx = std::max<int64_t>(0, x - 1); nx < std::min(width, x + 2); ++nx)
          near |= keeps(part[size_t(ny * width + nx)]);
      if (near) *out.at(y, x) = *picture.at(y, x);
    }
  picture = std::move(out);
}

// Twice the area over the outline: how wide the strokes are, in pixels.
double stroke_of(const Picture& picture, int threshold) {
  const auto [height, width] = picture.size;
  double area = 0, outline = 0;
  const auto in = [&](int64_t y, int64_t x) {
    return y >= 0 && x >= 0 && y < height && x<width&& * picture.at(y, x)> threshold;
  };
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (!in(y, x)) continue;
      area += 1;
      outline += !in(y - 1, x) || !in(y + 1, x) || !in(y, x - 1) || !in(y, x + 1);
    }
  return outline > 0 ? 2 * area / outline : 0;
}

// Each pixel the lightest within `radius`, along both axes one after the other.
Picture widened(const Picture& picture, int64_t radius) {
  Picture out = picture;
  const auto [height, width] = picture.size;
  for (const bool down : {false, true}) {
    const Picture before = out;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        uint8_t most = 0;
        const int64_t at = down ? y : x, end = down ? height : width;
        for (int64_t i = std::max<int64_t>(0, at - radius); i <= std::min(end - 1, at + radius); ++i)
          most = std::max(most, down ? *before.at(i, x) : *before.at(y, i));
        *out.at(y, x) = most;
      }
  }
  return out;
}

// Light on black, its background flattened; black throughout where nothing stands out.
Picture lifted(const Picture& picture) {
  const Paper paper = paper_of(picture);
  double darker = 0, lighter = 0;
  std::vector<double> away;
  away.reserve(picture.pixels.size());
  for (int64_t y = 0; y < picture.size.height; ++y)
    for (int64_t x = 0; x < picture.size.width; ++x) {
      const double d = paper.at(y, x) - *picture.at(y, x);
      (d > 0 ? darker : lighter) += d * d;
      away.push_back(d);
    }
  Picture out(picture.size, 1);
  for (size_t i = 0; i < away.size(); ++i)
    out.pixels[i] = uint8_t(std::clamp(std::llround(darker >= lighter ? away[i] : -away[i]), 0LL, 255LL));
  return out;
}

} // namespace

int64_t ink_length(const Tensor& samples) {
  const Shape& shape = samples.shape();
  if (samples.dtype() != DType::u8 || shape.rank() != 4 || shape[1] != 1 || shape[0] == 0) return 0;
  const int64_t looked_at = std::min<int64_t>(shape[0], 1000);
  int64_t empty = 0, dark = 0;
  Point away;
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < looked_at; ++i) {
    const Picture picture = picture_of(samples, i * shape[0] / looked_at);
    empty += border_is_black(picture);
    double sum = 0;
    for (const uint8_t value : picture.pixels) sum += value;
    dark += sum < 0.4 * 255 * double(picture.pixels.size());
    const Point centre = centre_of_mass(picture);
    away.y += std::abs(centre.y - double(shape[2]) / 2) / double(looked_at);
    away.x += std::abs(centre.x - double(shape[3]) / 2) / double(looked_at);
    lengths.push_back(box_of(picture, black).length());
  }
  const bool nearly_all = 10 * std::min(empty, dark) >= 9 * looked_at;
  if (!nearly_all || away.y > 0.05 * double(shape[2]) || away.x > 0.05 * double(shape[3])) return 0;
  std::ranges::nth_element(lengths, lengths.begin() + looked_at / 2);
  return std::clamp<int64_t>(lengths[size_t(looked_at / 2)], 1, std::min(shape[2], shape[3]));
}

Picture as_ink(const Picture& given, PictureSize size, int64_t length, const std::string& where) {
  if (given.size == size && border_is_black(given)) return given;
  constexpr int64_t most = 512; // beyond this a longer side shows grain, not strokes
  Picture picture = given;
  if (const int64_t side = std::max(given.size.height, given.size.width); side > most)
    picture = resampled(
        given, 0, 0, double(given.size.height), double(given.size.width),
        {std::max<int64_t>(1, given.size.height * most / side), std::max<int64_t>(1, given.size.width * most / side)});
  picture = lifted(picture);
  const int threshold = threshold_of(picture);
  double above = 0, sum_above = 0, sum_below = 0;
  for (const uint8_t value : picture.pixels) {
    above += value > threshold;
    (value > threshold ? sum_above : sum_below) += value;
  }
  const double below = double(picture.pixels.size()) - above, ink = above > 0 ? sum_above / above : 0,
               paper = below > 0 ? sum_below / below : 0;
  if (above == 0 || ink - paper < 20)
    bad_input(where, "shows nothing that stands out from its background",
              "one digit or sign, dark on light or light on dark, with some room around it");
  keep_drawing(picture, threshold);
  // Paper is black, ink is white, and what lies between them stays between them.
  for (uint8_t& value : picture.pixels)
    value = uint8_t(std::clamp(std::llround(255 * (double(value) - paper) / (ink - paper)), 0LL, 255LL));

  Box box = box_of(picture, drawn);
  // A thin pen would fade away when it is scaled down: a learned stroke is about a tenth of the drawing wide.
  const double lacking = double(box.length()) / 10 - stroke_of(picture, 127);
  if (lacking >= 2) {
    const auto radius = int64_t(lacking / 2);
    Picture wider({picture.size.height + 2 * radius, picture.size.width + 2 * radius}, 1);
    for (int64_t y = 0; y < picture.size.height; ++y)
      std::copy_n(picture.at(y, 0), picture.size.width, wider.at(y + radius, radius));
    picture = widened(wider, radius);
    box = box_of(picture, drawn);
  }
  const double scale = double(length) / double(box.length());
  const PictureSize small{std::clamp<int64_t>(std::llround(double(box.height()) * scale), 1, size.height),
                          std::clamp<int64_t>(std::llround(double(box.width()) * scale), 1, size.width)};
  Picture digit =
      resampled(picture, double(box.top), double(box.left), double(box.height()), double(box.width()), small);
  const uint8_t lightest = *std::ranges::max_element(digit.pixels);
  for (uint8_t& value : digit.pixels) value = uint8_t(value * 255 / std::max<int>(1, lightest));
  const Point centre = centre_of_mass(digit);
  const int64_t top = std::clamp<int64_t>(std::llround(double(size.height) / 2 - centre.y), 0,
                                          size.height - small.height),
                left =
                    std::clamp<int64_t>(std::llround(double(size.width) / 2 - centre.x), 0, size.width - small.width);
  Picture out(size, 1);
  for (int64_t y = 0; y < small.height; ++y) std::copy_n(digit.at(y, 0), small.width, out.at(top + y, left));
  return out;
}

} // namespace vitro

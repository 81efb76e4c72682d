#include "report/picture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <png.h>

#include <fmt/core.h>

#include "core/error.h"

namespace vitro {
namespace {

// Blue and vermilion are told apart with any kind of colour vision.
// Source: M. Okabe, K. Ito, "Color Universal Design", 2008.
constexpr std::array<uint8_t, 3> above = {0, 114, 178}, below = {213, 94, 0};

png_uint_32 format_of(const Raster& raster) {
  if (!raster.palette.empty()) return PNG_FORMAT_RGBA_COLORMAP;
  switch (raster.channels) {
    case 1: return PNG_FORMAT_GRAY;
    case 2: return PNG_FORMAT_GA;
    case 3: return PNG_FORMAT_RGB;
    default: return PNG_FORMAT_RGBA;
  }
}

void check_raster(const Raster& raster) {
  const bool fits = raster.width > 0 && raster.height > 0 && raster.width < 1 << 15 && raster.height < 1 << 15 &&
                    raster.channels >= 1 && raster.channels <= 4 && raster.palette.size() <= 256 &&
                    (raster.palette.empty() || raster.channels == 1) &&
                    int64_t(raster.pixels.size()) == raster.width * raster.height * raster.channels;
  if (!fits)
    throw std::logic_error(fmt::format("Raster: {} bytes for {} x {} x {}, {} colours", raster.pixels.size(),
                                       raster.width, raster.height, raster.channels, raster.palette.size()));
  if (raster.palette.empty()) return;
  if (*std::max_element(raster.pixels.begin(), raster.pixels.end()) >= raster.palette.size())
    throw std::logic_error("Raster: a pixel names a colour that the palette does not have");
}

} // namespace

std::string png(const Raster& raster) {
  check_raster(raster);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = png_uint_32(raster.width);
  image.height = png_uint_32(raster.height);
  image.format = format_of(raster);
  image.colormap_entries = png_uint_32(raster.palette.size());
  const void* palette = raster.palette.empty() ? nullptr : raster.palette.data();
  const auto refused = [&] {
    const std::string why = image.message;
    png_image_free(&image);
    failure("picture", "libpng refuses: " + why);
  };
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(image), '\0'); // an upper bound: it is compressed once
  png_alloc_size_t bytes = out.size();
  if (!png_image_write_to_memory(&image, out.data(), &bytes, 0, raster.pixels.data(), 0, palette)) refused();
  png_image_free(&image);
  out.resize(bytes);
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? uint32_t(static_cast<unsigned char>(bytes[at + i])) : 0);
    for (size_t i = 0; i < 4; ++i) out += i <= count ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string data_uri(const Raster& raster) { return "data:image/png;base64," + base64(png(raster)); }

Markup picture_element(const Raster& raster, const std::string& alt, double scale) {
  const bool ink = raster.palette.empty() && raster.channels <= 2;
  return element("img", {{"class", ink ? "pixels grey" : "pixels"},
                         {"src", data_uri(raster)},
                         {"alt", alt},
                         {"width", std::llround(double(raster.width) * scale)},
                         {"height", std::llround(double(raster.height) * scale)}});
}

Raster grey(std::span<const double> numbers, int64_t height, int64_t width, double low, double high) {
  Raster out{.width = width, .height = height, .channels = 1, .pixels = {}};
  for (const double one : numbers) {
    const double share = high > low && std::isfinite(one) ? std::clamp((one - low) / (high - low), 0.0, 1.0) : 0.0;
    out.pixels.push_back(uint8_t(std::lround(255 * share)));
  }
  return out;
}

Raster diverging(std::span<const double> numbers, int64_t height, int64_t width, double most) {
  Raster out{.width = width, .height = height, .channels = 1, .pixels = {}};
  for (int i = -127; i <= 127; ++i) {
    const auto& colour = i < 0 ? below : above;
    out.palette.push_back({colour[0], colour[1], colour[2], uint8_t(std::abs(i) * 255 / 127)});
  }
  for (const double one : numbers) {
    const double share = most > 0 && std::isfinite(one) ? std::clamp(one / most, -1.0, 1.0) : 0.0;
    out.pixels.push_back(uint8_t(127 + std::lround(127 * share)));
  }
  return out;
}

namespace {

// Of each new place along an axis: the first old one that it is made of, and their weights, which add up to 1.
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

// A triangle around the middle, one old place wide to either side, or where it shrinks one new one.
std::vector<Taps> taps_of(int64_t from, int64_t to) {
  const double step = double(from) / double(to), reach = std::max(step, 1.0);
  std::vector<Taps> out;
  for (int64_t i = 0; i < to; ++i) {
    const double middle = (double(i) + 0.5) * step - 0.5;
    const auto first = std::max<int64_t>(0, int64_t(std::ceil(middle - reach))),
               last = std::min(from - 1, int64_t(std::floor(middle + reach)));
    Taps taps{first, {}};
    double sum = 0;
    for (int64_t k = first; k <= last; ++k)
      sum += taps.weights.emplace_back(std::max(0.0, 1 - std::abs(double(k) - middle) / reach));
    for (double& weight : taps.weights) weight /= sum;
    out.push_back(std::move(taps));
  }
  return out;
}

} // namespace

std::vector<double> resized(std::span<const double> numbers, int64_t height, int64_t width, int64_t to_height,
                            int64_t to_width) {
  if (int64_t(numbers.size()) != height * width || to_height < 1 || to_width < 1)
    throw std::logic_error(
        fmt::format("resized: {} numbers, {} x {} to {} x {}", numbers.size(), height, width, to_height, to_width));
  std::vector<double> narrow, out;
  const std::vector<Taps> across = taps_of(width, to_width), down = taps_of(height, to_height);
  for (int64_t y = 0; y < height; ++y)
    for (const Taps& taps : across) {
      double sum = 0;
      for (size_t k = 0; k < taps.weights.size(); ++k)
        sum += taps.weights[k] * numbers[size_t(y * width + taps.first) + k];
      narrow.push_back(sum);
    }
  for (const Taps& taps : down)
    for (int64_t x = 0; x < to_width; ++x) {
      double sum = 0;
      for (size_t k = 0; k < taps.weights.size(); ++k)
        sum += taps.weights[k] * narrow[(size_t(taps.first) + k) * size_t(to_width) + size_t(x)];
      out.push_back(sum);
    }
  return out;
}

Raster overlaid(const Raster& picture, const Raster& ink) {
  check_raster(picture);
  check_raster(ink);
  if (picture.width != ink.width || picture.height != ink.height || ink.palette.empty() || !picture.palette.empty() ||
      picture.channels % 2 == 0)
    throw std::logic_error("overlaid: a picture and an ink of other kinds or sizes");
  constexpr double paled = 0.35; // of the picture's contrast stays, around a light grey that both inks stand out from
  constexpr double light = 225, cover = 0.85;
  Raster out{.width = picture.width, .height = picture.height, .channels = 3, .pixels = {}};
  for (size_t i = 0; i < ink.pixels.size(); ++i) {
    const auto& colour = ink.palette[ink.pixels[i]];
    const double share = cover * colour[3] / 255;
    for (size_t c = 0; c < 3; ++c) {
      const double own = picture.pixels[i * size_t(picture.channels) + (picture.channels == 3 ? c : 0)];
      const double under = light + paled * (own - 255);
      out.pixels.push_back(uint8_t(std::lround((1 - share) * under + share * colour[c])));
    }
  }
  return out;
}

Raster sheet(const std::vector<Raster>& tiles, int64_t columns, int64_t gap) {
  if (tiles.empty() || columns < 1) throw std::logic_error("sheet: of no tiles");
  const Raster& first = tiles[0];
  const auto count = int64_t(tiles.size());
  columns = std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  Raster out{.width = columns * first.width + (columns - 1) * gap,
             .height = rows * first.height + (rows - 1) * gap,
             .channels = first.channels,
             .pixels = {},
             .palette = first.palette};
  // A gap is transparent: one more channel, or one more colour of the palette.
  const bool alpha = first.palette.empty() && first.channels % 2 == 1;
  if (alpha) ++out.channels;
  uint8_t empty = 0;
  if (!first.palette.empty()) {
    empty = uint8_t(std::min<size_t>(first.palette.size(), 255));
    out.palette.resize(size_t(empty));
    out.palette.push_back({0, 0, 0, 0});
  }
  out.pixels.assign(size_t(out.width * out.height * out.channels), empty);
  for (int64_t i = 0; i < count; ++i) {
    const Raster& tile = tiles[size_t(i)];
    check_raster(tile);
    if (tile.width != first.width || tile.height != first.height || tile.channels != first.channels ||
        tile.palette != first.palette)
      throw std::logic_error("sheet: tiles of several kinds");
    const int64_t left = i % columns * (first.width + gap), top = i / columns * (first.height + gap);
    for (int64_t y = 0; y < tile.height; ++y)
      for (int64_t x = 0; x < tile.width; ++x) {
        uint8_t* to = &out.pixels[size_t(((top + y) * out.width + left + x) * out.channels)];
        const uint8_t* from = &tile.pixels[size_t((y * tile.width + x) * tile.channels)];
        std::copy(from, from + tile.channels, to);
        if (alpha) to[tile.channels] = 255;
      }
  }
  return out;
}

} // namespace vitro

// Pixels as PNG inside the page, so that it needs no other file.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/markup.h"

namespace vitro {

/// Row-major pixels: grey (1 channel), grey and alpha (2), red green blue (3), with alpha (4); or, where there is a
/// palette, an index into it (1 channel).
struct Raster {
  int64_t width = 0, height = 0;
  int channels = 1;
  std::vector<uint8_t> pixels;                      // height * width * channels
  std::vector<std::array<uint8_t, 4>> palette = {}; // red, green, blue, alpha; at most 256
};

/// The bytes of a PNG file. Throws logic_error where the numbers don't fit together, failure where libpng refuses.
std::string png(const Raster& raster);

std::string base64(std::string_view bytes); // RFC 4648, with padding
std::string data_uri(const Raster& raster); // "data:image/png;base64,..."

/// The picture, each pixel `scale` CSS pixels wide (or less, where there is no room) and with sharp edges. `alt` is for
/// those who don't see it.
Markup picture_element(const Raster& raster, const std::string& alt, double scale);

/// Numbers [height, width] in grey: `low` is black, `high` is white.
Raster grey(std::span<const double> numbers, int64_t height, int64_t width, double low, double high);
/// Numbers [height, width] around 0: transparent at 0, full blue at `most`, full orange at -`most`.
Raster diverging(std::span<const double> numbers, int64_t height, int64_t width, double most);

/// Numbers [height, width] brought to another size: where it is smaller, means of what a pixel covers (weighed by how
/// near its middle); where it is larger, on straight lines between the middles.
std::vector<double> resized(std::span<const double> numbers, int64_t height, int64_t width, int64_t to_height,
                            int64_t to_width);

/// A picture (grey, or red green blue) made pale, with the ink of `diverging`, of the same size, over it: what is
/// where.
Raster overlaid(const Raster& picture, const Raster& ink);

/// Rasters of one size and kind side by side, `columns` in a row, with transparent gaps of `gap` pixels.
Raster sheet(const std::vector<Raster>& tiles, int64_t columns, int64_t gap);

} // namespace vitro

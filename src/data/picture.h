// A decoded picture, and what is done to it before a net sees it: turned upright, made grey, brought to a size.
//
// Rows from the top, pixels from the left, a byte for each channel. Each step makes a new picture, and its sums run in
// a fixed order: the same bytes on any machine and any number of threads.
#pragma once

#include <optional>

#include "core/tensor.h"
#include "data/bytes.h"

namespace vitro {

struct PictureSize {
  int64_t height = 0, width = 0;
  bool operator==(const PictureSize&) const = default;
  std::string str() const; // "480 x 640", height first, as tensors have it
};
/// "64", "48x64": height x width, each 1 to 4096. Throws bad_input at `where`.
PictureSize picture_size_of(const std::string& word, const std::string& where);

struct Picture {
  PictureSize size;
  int64_t channels = 1; // 1: grey; 3: red, green, blue
  Bytes pixels;         // [height, width, channels]

  Picture() = default;
  Picture(PictureSize size, int64_t channels);
  const uint8_t* at(int64_t y, int64_t x) const { return &pixels[size_t((y * size.width + x) * channels)]; }
  uint8_t* at(int64_t y, int64_t x) { return &pixels[size_t((y * size.width + x) * channels)]; }
};

/// The picture as it is to be looked at; `orientation` is EXIF's, 1 to 8 (EXIF 2.3, JEITA CP-3451C, tag 0x0112): the
/// stored first row is the top (1, 2), the bottom (3, 4), the left (5, 8) or the right side (6, 7).
Picture upright(Picture picture, int orientation);

/// Whether red, green and blue are equal in every pixel.
bool is_grey(const Picture& picture);
/// Luma of ITU-R BT.601: 0.299 red + 0.587 green + 0.114 blue.
Picture grey_of(const Picture& picture);
Picture colour_of(const Picture& picture);

/// How a picture of another shape comes into the net's: its middle, cut out; all of it, black beside it; all of it,
/// drawn out of proportion.
enum class Fit : uint8_t { crop, pad, stretch };
const char* name(Fit fit);
std::optional<Fit> fit_of(const std::string& word);

/// The window [top, top + height) x [left, left + width) of the picture, in its pixels, at another size. Along an axis
/// that shrinks each pixel is the mean of the area that it covers; along one that grows, linear between the nearest
/// two.
Picture resampled(const Picture& picture, double top, double left, double height, double width, PictureSize size);
Picture fitted(const Picture& picture, PictureSize size, Fit fit);

/// Planes one after the other, as a net takes them: `out` [channels, height, width].
void to_planes(const Picture& picture, uint8_t* out);
/// Sample `sample` of u8 [n, channels, height, width].
Picture picture_of(const Tensor& samples, int64_t sample);

} // namespace vitro

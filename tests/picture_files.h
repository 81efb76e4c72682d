// For tests: PNG and JPEG files of every kind, made here.
#pragma once

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <png.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "data/picture.h"

namespace vitro {

/// Pixels as a file has them: `channels` values of `depth` bits each, rows packed as PNG packs them.
struct PngKind {
  int colour_type = PNG_COLOR_TYPE_RGB, depth = 8;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  std::vector<uint8_t> palette_alpha = {};
  Bytes exif = {}; // a TIFF structure
};

inline Bytes png_file(int64_t height, int64_t width, const Bytes& packed, PngKind kind = {}) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  Bytes out;
  png_set_write_fn(
      png, &out,
      [](png_structp from, png_bytep bytes, size_t count) {
        auto* to = static_cast<Bytes*>(png_get_io_ptr(from));
        to->insert(to->end(), bytes, bytes + count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, png_uint_32(width), png_uint_32(height), kind.depth, kind.colour_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!kind.palette.empty()) png_set_PLTE(png, info, kind.palette.data(), int(kind.palette.size()));
  if (!kind.palette_alpha.empty())
    png_set_tRNS(png, info, kind.palette_alpha.data(), int(kind.palette_alpha.size()), nullptr);
  if (!kind.exif.empty()) png_set_eXIf_1(png, info, png_uint_32(kind.exif.size()), kind.exif.data());
  png_write_info(png, info);
  const size_t stride = packed.size() / size_t(height);
  std::vector<png_bytep> rows;
  Bytes copy = packed;
  for (int64_t y = 0; y < height; ++y) rows.push_back(&copy[size_t(y) * stride]);
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

inline Bytes png_file(const Picture& picture) {
  return png_file(picture.size.height, picture.size.width, picture.pixels,
                  {.colour_type = picture.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB});
}

/// An EXIF structure that states the orientation and nothing else, in either order of bytes.
inline Bytes exif_of(int orientation, bool little = true) {
  const auto two = [&](int value) { return little ? Bytes{uint8_t(value), 0} : Bytes{0, uint8_t(value)}; };
  Bytes out = little ? Bytes{'I', 'I', 42, 0, 8, 0, 0, 0} : Bytes{'M', 'M', 0, 42, 0, 0, 0, 8};
  const auto add = [&](const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); };
  add(two(1)); // entries
  add(little ? Bytes{0x12, 0x01} : Bytes{0x01, 0x12});
  add(two(3));
  add(little ? Bytes{1, 0, 0, 0} : Bytes{0, 0, 0, 1});
  add(two(orientation));
  add({0, 0, 0, 0, 0, 0});
  return out;
}

struct JpegKind {
  bool progressive = false, cmyk = false;
  int quality = 95;
  Bytes exif = {}; // a TIFF structure
};

inline Bytes jpeg_file(const Picture& picture, JpegKind kind = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  jpeg_mem_dest(&info, &bytes, &count);
  info.image_width = JDIMENSION(picture.size.width);
  info.image_height = JDIMENSION(picture.size.height);
  info.input_components = kind.cmyk ? 4 : int(picture.channels);
  info.in_color_space = kind.cmyk ? JCS_CMYK : picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kind.quality, TRUE);
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (!kind.exif.empty()) {
    Bytes marker = {'E', 'x', 'i', 'f', 0, 0};
    marker.insert(marker.end(), kind.exif.begin(), kind.exif.end());
    jpeg_write_marker(&info, JPEG_APP0 + 1, marker.data(), unsigned(marker.size()));
  }
  Bytes pixels = picture.pixels;
  if (kind.cmyk) { // as Adobe stores them: light, not ink; black is left to the three colours
    pixels.clear();
    for (size_t i = 0; i < picture.pixels.size(); i += 3) {
      pixels.insert(pixels.end(), picture.pixels.begin() + std::ptrdiff_t(i),
                    picture.pixels.begin() + std::ptrdiff_t(i + 3));
      pixels.push_back(255);
    }
  }
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = &pixels[size_t(info.next_scanline) * info.image_width * size_t(info.input_components)];
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes out(bytes, bytes + count);
  std::free(bytes);
  return out;
}

/// Smooth, of no symmetry, so that turning, mirroring and mixed up channels show.
inline Picture slope(int64_t height, int64_t width, int64_t channels) {
  Picture out({height, width}, channels);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        out.at(y, x)[c] = uint8_t(10 + c * 20 + 90 * x / width + (50 + 20 * c) * y / height);
  return out;
}

/// Noise around a level of its own for each class: easy to tell apart.
inline Picture noise(int64_t height, int64_t width, int64_t channels, int level, uint64_t seed) {
  Picture out({height, width}, channels);
  Draws draws(Stream(seed, "noise"), 0);
  for (uint8_t& value : out.pixels) value = uint8_t(level + int(draws.below(60)));
  return out;
}

inline int largest_difference(const Picture& a, const Picture& b) {
  if (a.size != b.size || a.channels != b.channels) return 256;
  int out = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) out = std::max(out, std::abs(int(a.pixels[i]) - int(b.pixels[i])));
  return out;
}

} // namespace vitro

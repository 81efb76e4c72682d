// PNG by libpng's simplified interface, which keeps its setjmp to itself.
// Source of the chunks: PNG (Third Edition), W3C 2025, sections 5.3, 11.2.1, 11.3.4.5 (eXIf).
#include <png.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/picture_file.h"

namespace vitro {
namespace {

struct Reading {
  png_image image{};
  Reading() { image.version = PNG_IMAGE_VERSION; }
  ~Reading() { png_image_free(&image); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  [[noreturn]] void refuse(const std::string& where) const {
    bad_input(where, text("is a damaged PNG: ", image.message),
              "the file is truncated or broken: save it again, or leave it out");
  }
};

void begin(Reading& reading, ByteSpan bytes, const std::string& where) {
  if (!png_image_begin_read_from_memory(&reading.image, bytes.data(), bytes.size())) reading.refuse(where);
  const int64_t height = reading.image.height, width = reading.image.width;
  check_pixels(height, width, where);
  // Deflate makes at most 1032 bytes of one, and a pixel has at least one bit.
  if (height * width / 8 > 1032 * int64_t(bytes.size()) + 4096)
    bad_input(where, text("states ", height, " x ", width, " pixels, more than its ", bytes.size(), " bytes can hold"),
              "its header is damaged");
}

} // namespace

StoredPicture look_at_png(ByteSpan bytes, const std::string& where) {
  Reading reading;
  begin(reading, bytes, where);
  StoredPicture out{{int64_t(reading.image.height), int64_t(reading.image.width)}};
  const auto big_endian = [&](size_t at) {
    return size_t(bytes[at]) << 24 | size_t(bytes[at + 1]) << 16 | size_t(bytes[at + 2]) << 8 | bytes[at + 3];
  };
  for (size_t at = 8; at + 12 <= bytes.size();) { // length, type, content, checksum
    const size_t length = big_endian(at);
    if (length > bytes.size() - at - 12) break;
    const ByteSpan type = bytes.subspan(at + 4, 4);
    if (std::ranges::equal(type, ByteSpan(reinterpret_cast<const uint8_t*>("eXIf"), 4)))
      out.orientation = exif_orientation(bytes.subspan(at + 8, length));
    at += 12 + length;
  }
  return out;
}

Picture decode_png(ByteSpan bytes, const std::string& where) {
  Reading reading;
  begin(reading, bytes, where);
  png_image& image = reading.image;
  const bool colour = image.format & PNG_FORMAT_FLAG_COLOR, alpha = image.format & PNG_FORMAT_FLAG_ALPHA;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB; // 16 bits mean the same brightness as 8 where the file says nothing
  image.format = (colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY) | (alpha ? PNG_FORMAT_FLAG_ALPHA : 0);
  Picture out({int64_t(image.height), int64_t(image.width)}, colour ? 3 : 1);
  Bytes with_alpha(alpha ? PNG_IMAGE_SIZE(image) : 0);
  if (!png_image_finish_read(&image, nullptr, alpha ? with_alpha.data() : out.pixels.data(), 0, nullptr))
    reading.refuse(where);
  if (!alpha) return out;
  const size_t channels = size_t(out.channels);
  const uint8_t* from = with_alpha.data();
  for (size_t i = 0; i < out.pixels.size(); ++from)
    for (size_t c = 0, opacity = from[channels]; c < channels; ++c, ++from)
      out.pixels[i++] = uint8_t((*from * opacity + 255 * (255 - opacity) + 127) / 255); // over white
  return out;
}

} // namespace vitro

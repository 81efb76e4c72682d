#include "data/picture_file.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

bool has(ByteSpan bytes, size_t at, std::string_view word) {
  return bytes.size() >= at + word.size() &&
         std::equal(word.begin(), word.end(), bytes.begin() + std::ptrdiff_t(at),
                    [](char letter, uint8_t byte) { return uint8_t(letter) == byte; });
}

constexpr std::string_view four_zeros("\0\0\0\0", 4);

constexpr const char* magick = "convert it, for example with ImageMagick: magick OLD NEW.png";

// The formats that are known by sight, but not read.
constexpr struct {
  PictureFormat format;
  const char *name, *help;
} others[] = {
    {PictureFormat::heif, "HEIC or AVIF",
     "convert it: heif-convert OLD.heic NEW.jpg; an iPhone saves JPEG when its camera's format is \"Most Compatible\""},
    {PictureFormat::webp, "WebP", "convert it: dwebp OLD.webp -o NEW.png"},
    {PictureFormat::gif, "GIF", magick},
    {PictureFormat::bmp, "BMP", magick},
    {PictureFormat::tiff, "TIFF", magick},
    {PictureFormat::jxl, "JPEG XL", "convert it: djxl OLD.jxl NEW.png"},
};

[[noreturn]] void refuse(PictureFormat format, const std::string& where) {
  for (const auto& other : others)
    if (other.format == format) bad_input(where, text("is ", other.name, ", read are PNG and JPEG"), other.help);
  bad_input(where, "is no picture: it begins as neither PNG nor JPEG does", "read are PNG and JPEG");
}

} // namespace

PictureFormat picture_format(ByteSpan head) {
  if (has(head, 0, "\x89PNG\r\n\x1a\n")) return PictureFormat::png;
  if (has(head, 0, "\xff\xd8\xff")) return PictureFormat::jpeg;
  if (has(head, 0, "GIF87a") || has(head, 0, "GIF89a")) return PictureFormat::gif;
  if (has(head, 0, "RIFF") && has(head, 8, "WEBP")) return PictureFormat::webp;
  if (has(head, 0, "BM") && has(head, 6, four_zeros)) return PictureFormat::bmp; // a text may begin with BM, too
  if (has(head, 0, std::string_view("II*\0", 4)) || has(head, 0, std::string_view("MM\0*", 4)))
    return PictureFormat::tiff;
  if (has(head, 4, "ftyp")) return PictureFormat::heif;
  if (has(head, 4, "JXL ") || has(head, 0, "\xff\x0a")) return PictureFormat::jxl;
  return PictureFormat::none;
}

void check_pixels(int64_t height, int64_t width, const std::string& where) {
  if (height < 1 || width < 1) bad_input(where, text("states ", height, " x ", width, " pixels: it holds nothing"));
  if (height > most_pixels / width)
    bad_input(where, text("states ", height, " x ", width, " pixels, at most ", most_pixels, " are read"),
              "scale it down, or its header is damaged");
}

int exif_orientation(ByteSpan tiff) {
  const bool little = has(tiff, 0, std::string_view("II*\0", 4));
  if (!little && !has(tiff, 0, std::string_view("MM\0*", 4))) return 1;
  const auto number = [&](size_t at, size_t bytes) -> size_t { // beyond the end: 0
    size_t value = 0;
    if (at > tiff.size() || bytes > tiff.size() - at) return 0;
    for (size_t i = 0; i < bytes; ++i) value |= size_t(tiff[at + i]) << (8 * (little ? i : bytes - 1 - i));
    return value;
  };
  const size_t directory = number(4, 4), entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    constexpr size_t tag = 0x0112, two_bytes = 3;
    if (number(entry, 2) != tag) continue;
    const size_t value = number(entry + 8, 2);
    return number(entry + 2, 2) == two_bytes && value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

Picture read_picture(ByteSpan bytes, const std::string& where) {
  const PictureFormat format = picture_format(bytes);
  if (format == PictureFormat::png) return upright(decode_png(bytes, where), look_at_png(bytes, where).orientation);
  if (format == PictureFormat::jpeg) return upright(decode_jpeg(bytes, where), look_at_jpeg(bytes, where).orientation);
  refuse(format, where);
}

PictureSize size_of_picture(ByteSpan bytes, const std::string& where) {
  const PictureFormat format = picture_format(bytes);
  if (format != PictureFormat::png && format != PictureFormat::jpeg) refuse(format, where);
  const auto [size, orientation] =
      format == PictureFormat::png ? look_at_png(bytes, where) : look_at_jpeg(bytes, where);
  return orientation >= 5 ? PictureSize{size.width, size.height} : size;
}

} // namespace vitro

// JPEG by libjpeg(-turbo). It reports errors by longjmp: what may jump stands in functions of its own, whose frames
// hold nothing to destroy, and all that is to be freed belongs to the Reading outside of them.
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "data/picture_file.h"

namespace vitro {
namespace {

constexpr int most_scans = 500; // a few bytes each can ask for the whole picture again

struct Reading {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf back{};
  char message[JMSG_LENGTH_MAX] = {};

  Reading() { // in C's hands all of it
    info.err = jpeg_std_error(&errors);
    info.client_data = this;
    errors.error_exit = [](j_common_ptr from) { jump(from); };
    // A file that ends early or whose codes make no sense is only warned of, and filled up with grey.
    errors.emit_message = [](j_common_ptr from, int level) {
      const int code = from->err->msg_code;
      if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_BOGUS_ICC) jump(from);
    };
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr from) {
      const auto* info = reinterpret_cast<j_decompress_ptr>(from);
      if (info->input_scan_number <= most_scans) return;
      auto* self = static_cast<Reading*>(from->client_data);
      std::snprintf(self->message, sizeof self->message, "more than %d scans", most_scans);
      std::longjmp(self->back, 1);
    };
  }
  ~Reading() { jpeg_destroy_decompress(&info); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  [[noreturn]] static void jump(j_common_ptr from) {
    auto* self = static_cast<Reading*>(from->client_data);
    from->err->format_message(from, self->message);
    std::longjmp(self->back, 1);
  }
};

bool read_header(Reading& reading, const uint8_t* bytes, size_t count) {
  if (setjmp(reading.back)) return false;
  jpeg_create_decompress(&reading.info); // keeps err and client_data
  reading.info.progress = &reading.progress;
  jpeg_mem_src(&reading.info, bytes, count);
  jpeg_save_markers(&reading.info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&reading.info, TRUE);
  return true;
}

bool read_rows(Reading& reading, uint8_t* out) {
  if (setjmp(reading.back)) return false;
  jpeg_start_decompress(&reading.info);
  while (reading.info.output_scanline < reading.info.output_height) {
    JSAMPROW row =
        out + size_t(reading.info.output_scanline) * reading.info.output_width * size_t(reading.info.output_components);
    jpeg_read_scanlines(&reading.info, &row, 1);
  }
  jpeg_finish_decompress(&reading.info);
  return true;
}

[[noreturn]] void refuse(const Reading& reading, const std::string& where) {
  bad_input(where, text("is a damaged JPEG, or of a rare kind: ", static_cast<const char*>(reading.message)),
            "save it again, or leave it out");
}

void begin(Reading& reading, ByteSpan bytes, const std::string& where) {
  if (!read_header(reading, bytes.data(), bytes.size())) refuse(reading, where);
  check_pixels(reading.info.image_height, reading.info.image_width, where);
}

} // namespace

StoredPicture look_at_jpeg(ByteSpan bytes, const std::string& where) {
  Reading reading;
  begin(reading, bytes, where);
  StoredPicture out{{int64_t(reading.info.image_height), int64_t(reading.info.image_width)}};
  constexpr std::string_view exif("Exif\0\0", 6);
  for (const jpeg_marker_struct* marker = reading.info.marker_list; marker; marker = marker->next) {
    const std::string_view held(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (!held.starts_with(exif)) continue;
    out.orientation = exif_orientation(ByteSpan(marker->data + exif.size(), held.size() - exif.size()));
    break;
  }
  return out;
}

Picture decode_jpeg(ByteSpan bytes, const std::string& where) {
  Reading reading;
  begin(reading, bytes, where);
  const bool grey = reading.info.jpeg_color_space == JCS_GRAYSCALE,
             inks = reading.info.jpeg_color_space == JCS_CMYK || reading.info.jpeg_color_space == JCS_YCCK;
  reading.info.out_color_space = grey ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
  Picture out({int64_t(reading.info.image_height), int64_t(reading.info.image_width)}, grey ? 1 : 3);
  Bytes four(inks ? out.pixels.size() / 3 * 4 : 0);
  if (!read_rows(reading, inks ? four.data() : out.pixels.data())) refuse(reading, where);
  // Light passes through each ink and through black; Adobe stores how much light, others how much ink.
  const bool light = reading.info.saw_Adobe_marker;
  for (size_t i = 0; inks && i < out.pixels.size(); ++i) {
    const int ink = four[i / 3 * 4 + i % 3], black = four[i / 3 * 4 + 3];
    out.pixels[i] = uint8_t(((light ? ink * black : (255 - ink) * (255 - black)) + 127) / 255);
  }
  return out;
}

} // namespace vitro

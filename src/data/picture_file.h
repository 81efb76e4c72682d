// A file's bytes as a picture: PNG and JPEG. What a file holds is decided by its first bytes, never by its name.
//
// Both codecs report errors by longjmp; no object with a destructor lives between their setjmp and them. A header is
// believed only within bounds: nothing is allocated for a picture that is too large, or that its bytes cannot hold.
#pragma once

#include "data/picture.h"

namespace vitro {

enum class PictureFormat : uint8_t { none, png, jpeg, gif, webp, bmp, tiff, heif, jxl };
/// By the first 16 bytes, or as many as there are.
PictureFormat picture_format(ByteSpan head);

/// The most pixels that a picture may have: 2^27, a square of 11,585.
inline constexpr int64_t most_pixels = int64_t(1) << 27;

/// The picture, upright, grey (1 channel) or in colour (3), 8 bits a channel. PNG: any depth, palette and interlacing,
/// 16 bits rounded to 8; what is transparent is laid over white. JPEG: sequential and progressive, grey, colour and
/// CMYK (without its colour profile). EXIF's orientation is applied. Throws bad_input at `where` for other formats,
/// with the way out, for what is damaged or ends early, and for more than `most_pixels`.
Picture read_picture(ByteSpan bytes, const std::string& where);

/// The size of the upright picture, by its header alone. Throws as read_picture does.
PictureSize size_of_picture(ByteSpan bytes, const std::string& where);

/// EXIF's orientation, 1 to 8, in a TIFF structure (what follows "Exif\0\0" in a JPEG's APP1, or a PNG's eXIf); 1 where
/// it is not stated or makes no sense. Source: EXIF 2.3 (JEITA CP-3451C), sections 4.5.2 and 4.6.4; TIFF 6.0.
int exif_orientation(ByteSpan tiff);

/// What a codec finds in a header: the stored picture, and how it is to be turned.
struct StoredPicture {
  PictureSize size;
  int orientation = 1;
};
StoredPicture look_at_png(ByteSpan bytes, const std::string& where);
StoredPicture look_at_jpeg(ByteSpan bytes, const std::string& where);
/// As stored: not turned.
Picture decode_png(ByteSpan bytes, const std::string& where);
Picture decode_jpeg(ByteSpan bytes, const std::string& where);

/// Throws bad_input at `where` unless 1 to `most_pixels` pixels are stated.
void check_pixels(int64_t height, int64_t width, const std::string& where);

} // namespace vitro

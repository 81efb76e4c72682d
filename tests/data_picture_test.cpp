// Decoding, turning, scaling: what a file holds becomes the pixels that it shows, and what is damaged one clear error.
#include "data/picture.h"

#include "core/text.h"
#include "data/picture_file.h"
#include "data_scratch.h"
#include "picture_files.h"

namespace vitro {
namespace {

Picture read(const Bytes& bytes) { return read_picture(bytes, "x"); }

// Rows of whole bytes: what each pixel holds, in order.
Bytes bytes_of(std::initializer_list<int> values) { return Bytes(values.begin(), values.end()); }

TEST(Picture, png_of_8_bits_comes_back_as_it_was) {
  for (const int64_t channels : {1, 3}) {
    const Picture picture = slope(5, 9, channels), found = read(png_file(picture));
    EXPECT_EQ(found.channels, channels);
    EXPECT_EQ(found.size, picture.size);
    EXPECT_EQ(found.pixels, picture.pixels);
    EXPECT_EQ(size_of_picture(png_file(picture), "x"), picture.size);
  }
}

TEST(Picture, png_of_every_kind) {
  // 16 bits: rounded to 8.
  const Picture deep =
      read(png_file(1, 2, bytes_of({0x12, 0x34, 0xff, 0xff}), {.colour_type = PNG_COLOR_TYPE_GRAY, .depth = 16}));
  EXPECT_EQ(deep.pixels, bytes_of({0x12, 0xff}));
  EXPECT_EQ(deep.channels, 1);
  // A bit each, packed.
  const Picture bits = read(png_file(1, 4, bytes_of({0b10110000}), {.colour_type = PNG_COLOR_TYPE_GRAY, .depth = 1}));
  EXPECT_EQ(bits.pixels, bytes_of({255, 0, 255, 255}));
  // A palette; with alpha, laid over white.
  PngKind palette{.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 8};
  palette.palette = {{10, 20, 30}, {200, 100, 50}};
  EXPECT_EQ(read(png_file(1, 2, bytes_of({1, 0}), palette)).pixels, bytes_of({200, 100, 50, 10, 20, 30}));
  palette.palette_alpha = {255, 0};
  EXPECT_EQ(read(png_file(1, 2, bytes_of({1, 0}), palette)).pixels, bytes_of({255, 255, 255, 10, 20, 30}));
  // Alpha: (40 * 51 + 255 * 204) / 255 = 212.
  const Picture grey_alpha =
      read(png_file(1, 3, bytes_of({40, 255, 40, 51, 40, 0}), {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}));
  EXPECT_EQ(grey_alpha.pixels, bytes_of({40, 212, 255}));
  EXPECT_EQ(grey_alpha.channels, 1);
  const Picture rgba = read(png_file(1, 2, bytes_of({1, 2, 3, 255, 1, 2, 3, 0}), {.colour_type = PNG_COLOR_TYPE_RGBA}));
  EXPECT_EQ(rgba.pixels, bytes_of({1, 2, 3, 255, 255, 255}));
  const Picture picture = slope(13, 11, 3);
  EXPECT_EQ(read(png_file(13, 11, picture.pixels, {.interlaced = true})).pixels, picture.pixels);
}

TEST(Picture, jpeg_of_every_kind) {
  const Picture colour = slope(40, 56, 3), grey = slope(40, 56, 1);
  EXPECT_LE(largest_difference(read(jpeg_file(colour)), colour), 6);
  EXPECT_LE(largest_difference(read(jpeg_file(grey)), grey), 3);
  EXPECT_EQ(read(jpeg_file(grey)).channels, 1);
  EXPECT_LE(largest_difference(read(jpeg_file(colour, {.progressive = true})), colour), 6);
  EXPECT_LE(largest_difference(read(jpeg_file(colour, {.cmyk = true})), colour), 8);
  EXPECT_EQ(size_of_picture(jpeg_file(colour, {.progressive = true}), "x"), colour.size);
}

// What a camera held in that way has stored, where `looks` is what was seen.
Picture as_stored(const Picture& looks, int orientation) {
  const auto [height, width] = looks.size;
  const bool turned = orientation >= 5;
  Picture out(turned ? PictureSize{width, height} : looks.size, looks.channels);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      int64_t row = y, column = x;
      switch (orientation) { // of the stored pixel: EXIF's table, row 0 and column 0 as the sides of what is seen
        case 2: column = width - 1 - x; break;                       // top, right
        case 3: row = height - 1 - y, column = width - 1 - x; break; // bottom, right
        case 4: row = height - 1 - y; break;                         // bottom, left
        case 5: row = x, column = y; break;                          // left, top
        case 6: row = width - 1 - x, column = y; break;              // right, top
        case 7: row = width - 1 - x, column = height - 1 - y; break; // right, bottom
        case 8: row = x, column = height - 1 - y; break;             // left, bottom
        default: break;
      }
      std::copy_n(looks.at(y, x), looks.channels, out.at(row, column));
    }
  return out;
}

TEST(Picture, exif_turns_it_upright_in_all_eight_ways) {
  const Picture looks = slope(24, 40, 3);
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little : {true, false}) {
      const Picture stored = as_stored(looks, orientation);
      const Bytes exif = exif_of(orientation, little);
      const Bytes png = png_file(stored.size.height, stored.size.width, stored.pixels, {.exif = exif});
      EXPECT_EQ(largest_difference(read(png), looks), 0) << orientation;
      EXPECT_EQ(size_of_picture(png, "x"), looks.size);
      const Bytes jpeg = jpeg_file(stored, {.exif = exif});
      EXPECT_LE(largest_difference(read(jpeg), looks), 6) << orientation;
      EXPECT_EQ(size_of_picture(jpeg, "x"), looks.size);
    }
}

TEST(Picture, exif_that_makes_no_sense_turns_nothing) {
  EXPECT_EQ(exif_orientation(exif_of(6)), 6);
  for (const int value : {0, 9, 255}) EXPECT_EQ(exif_orientation(exif_of(value)), 1);
  const Bytes whole = exif_of(6);
  for (size_t cut = 0; cut < whole.size(); ++cut) // wherever it ends, nothing is read behind it
    EXPECT_TRUE(exif_orientation(ByteSpan(whole).first(cut)) == 1 || cut >= 20) << cut;
  Bytes far = whole;
  far[4] = far[5] = far[6] = far[7] = 0xff; // the directory lies beyond the end
  EXPECT_EQ(exif_orientation(far), 1);
  Bytes many = whole;
  many[8] = many[9] = 0xff;
  many[10] = 0; // 65,535 entries, none of them the one
  EXPECT_EQ(exif_orientation(many), 1);
}

TEST(Picture, damaged_files_are_one_clear_error) {
  const Bytes png = png_file(slope(30, 30, 3)), jpeg = jpeg_file(slope(30, 30, 3)),
              progressive = jpeg_file(noise(64, 64, 3, 50, 1), {.progressive = true});
  for (const Bytes* whole : {&png, &jpeg, &progressive})
    for (const double share : {0.02, 0.3, 0.6, 0.8}) {
      const ByteSpan cut = ByteSpan(*whole).first(size_t(double(whole->size()) * share));
      SCOPED_TRACE(text(cut.size(), " of ", whole->size(), " bytes"));
      expect_bad_input({"[cut.png]"}, [&] { read_picture(cut, "cut.png"); });
    }
  Bytes flipped = png;
  flipped[flipped.size() / 2] ^= 0x55;
  expect_bad_input({"[x]", "damaged PNG"}, [&] { read(flipped); });
  Bytes codes = jpeg_file(noise(64, 64, 3, 50, 1));
  for (size_t i = codes.size() / 2; i < codes.size() / 2 + 40; ++i) codes[i] = 0xff;
  expect_bad_input({"[x]", "damaged JPEG"}, [&] { read(codes); });
  expect_bad_input({"[x]", "no picture"}, [&] { read(bytes_of_text("hello, this is no picture")); });
  expect_bad_input({"[x]", "no picture"}, [&] { read({}); });
  // Any byte may be wrong: an error or a picture, never a crash.
  for (const Bytes* whole : {&png, &jpeg, &progressive})
    for (size_t i = 0; i < whole->size(); i += 7) {
      Bytes wrong = *whole;
      wrong[i] ^= uint8_t(1 + i % 255);
      try {
        read(wrong);
      } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
    }
}

TEST(Picture, a_header_that_promises_too_much_is_refused_before_anything_is_allocated) {
  Bytes giant = png_file(slope(4, 4, 1));
  const auto state = [&](uint32_t height, uint32_t width) {
    for (int i = 0; i < 4; ++i) {
      giant[size_t(16 + i)] = uint8_t(width >> (24 - 8 * i));
      giant[size_t(20 + i)] = uint8_t(height >> (24 - 8 * i));
    }
    const uLong sum = crc32(0, &giant[12], 17); // of IHDR
    for (int i = 0; i < 4; ++i) giant[size_t(29 + i)] = uint8_t(sum >> (24 - 8 * i));
  };
  state(100000, 100000);
  expect_bad_input({"[x]", "100000 x 100000 pixels", "at most"}, [&] { read(giant); });
  state(10000, 10000);
  expect_bad_input({"[x]", "10000 x 10000 pixels", "can hold"}, [&] { read(giant); });
  state(0, 4);
  expect_bad_input({"[x]"}, [&] { read(giant); });
  Bytes jpeg = jpeg_file(slope(16, 16, 3));
  for (size_t i = 0; i + 8 < jpeg.size(); ++i)
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) jpeg[i + 5] = jpeg[i + 7] = 0xff;
  expect_bad_input({"[x]", "pixels, at most"}, [&] { read(jpeg); });
}

TEST(Picture, other_formats_are_named_with_the_way_out) {
  const auto padded = [](std::string head) {
    head.resize(64, '\0');
    return bytes_of_text(head);
  };
  const std::string bmp("BM\x46\0\0\0\0\0\0\0", 10),
      heic("\0\0\0\x18"
           "ftypheic",
           12),
      tiff("II*\0", 4);
  expect_bad_input({"GIF", "magick"}, [&] { read(padded("GIF89a")); });
  expect_bad_input({"WebP", "dwebp"}, [&] { read(padded("RIFF1234WEBP")); });
  expect_bad_input({"BMP", "magick"}, [&] { read(padded(bmp)); });
  expect_bad_input({"TIFF", "magick"}, [&] { read(padded(tiff)); });
  expect_bad_input({"HEIC", "heif-convert"}, [&] { size_of_picture(padded(heic), "x"); });
  EXPECT_EQ(picture_format(bytes_of_text("BMI,age\n1,2\n3,4\n5,6\n")), PictureFormat::none) << "a table";
}

TEST(Picture, a_shrinking_pixel_is_the_mean_of_its_area) {
  Picture four({2, 4}, 1);
  four.pixels = {10, 20, 30, 40, 50, 60, 70, 80};
  EXPECT_EQ(resampled(four, 0, 0, 2, 4, {1, 2}).pixels, bytes_of({35, 55}));
  EXPECT_EQ(resampled(four, 0, 0, 2, 4, {1, 1}).pixels, bytes_of({45}));
  // Of three pixels into two, each is one and a half: (10 + 20 / 2) / 1.5 and (20 / 2 + 30) / 1.5.
  Picture three({1, 3}, 1);
  three.pixels = {10, 20, 30};
  EXPECT_EQ(resampled(three, 0, 0, 1, 3, {1, 2}).pixels, bytes_of({13, 27}));
  EXPECT_EQ(resampled(three, 0, 0, 1, 3, {1, 3}).pixels, three.pixels);
}

TEST(Picture, a_growing_pixel_lies_between_its_neighbours) {
  Picture two({1, 2}, 1);
  two.pixels = {0, 100};
  EXPECT_EQ(resampled(two, 0, 0, 1, 2, {1, 4}).pixels, bytes_of({0, 25, 75, 100}));
  Picture one({1, 1}, 3);
  one.pixels = {1, 2, 3};
  EXPECT_EQ(resampled(one, 0, 0, 1, 1, {2, 1}).pixels, bytes_of({1, 2, 3, 1, 2, 3}));
}

TEST(Picture, three_ways_into_another_shape) {
  Picture wide({2, 6}, 1);
  wide.pixels = {1, 1, 9, 9, 5, 5, 1, 1, 9, 9, 5, 5};
  EXPECT_EQ(fitted(wide, {2, 2}, Fit::crop).pixels, bytes_of({9, 9, 9, 9}));
  EXPECT_EQ(fitted(wide, {1, 3}, Fit::stretch).pixels, bytes_of({1, 9, 5}));
  EXPECT_EQ(fitted(wide, {3, 3}, Fit::pad).pixels, bytes_of({0, 0, 0, 1, 9, 5, 0, 0, 0}));
  const Picture large = slope(97, 31, 3); // odd sizes: nothing is read outside, each result has its size
  for (const Fit fit : {Fit::crop, Fit::pad, Fit::stretch})
    for (const PictureSize size : {PictureSize{1, 1}, {7, 3}, {31, 97}, {200, 5}, {64, 64}})
      EXPECT_EQ(fitted(large, size, fit).size, size);
}

TEST(Picture, sizes_as_they_are_written) {
  EXPECT_EQ(picture_size_of("64", "x"), (PictureSize{64, 64}));
  EXPECT_EQ(picture_size_of("48x64", "x"), (PictureSize{48, 64}));
  for (const char* wrong : {"", "0", "-3", "64x", "x64", "64X64", "9999", "a", "3x4x5"})
    expect_bad_input({"[here]", "HEIGHTxWIDTH"}, [&] { picture_size_of(wrong, "here"); });
}

TEST(Picture, grey_and_colour) {
  Picture red({1, 1}, 3);
  red.pixels = {255, 0, 0};
  EXPECT_EQ(grey_of(red).pixels, bytes_of({76}));
  EXPECT_FALSE(is_grey(red));
  EXPECT_TRUE(is_grey(colour_of(grey_of(red))));
  Bytes planes(12);
  Picture two({1, 2}, 3);
  two.pixels = {1, 2, 3, 4, 5, 6};
  to_planes(two, planes.data());
  EXPECT_EQ(Bytes(planes.begin(), planes.begin() + 6), bytes_of({1, 4, 2, 5, 3, 6}));
}

} // namespace
} // namespace vitro

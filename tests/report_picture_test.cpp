// Pictures: what is written as PNG is read back by libpng, pixel by pixel.
#include "report/picture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <rapidcheck.h>

#include "markup_check.h"

namespace vitro {
namespace {

std::vector<uint8_t> read_rgba(const std::string& file, int64_t width, int64_t height) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, file.data(), file.size())) << image.message;
  EXPECT_EQ(int64_t(image.width), width);
  EXPECT_EQ(int64_t(image.height), height);
  image.format = PNG_FORMAT_RGBA;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr)) << image.message;
  return pixels;
}

std::vector<uint8_t> as_rgba(const Raster& raster) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < raster.pixels.size(); i += size_t(raster.channels)) {
    const uint8_t* p = &raster.pixels[i];
    if (!raster.palette.empty())
      out.insert(out.end(), raster.palette[*p].begin(), raster.palette[*p].end());
    else if (raster.channels <= 2)
      out.insert(out.end(), {p[0], p[0], p[0], raster.channels == 2 ? p[1] : uint8_t(255)});
    else
      out.insert(out.end(), {p[0], p[1], p[2], raster.channels == 4 ? p[3] : uint8_t(255)});
  }
  return out;
}

TEST(Png, ReadsBackAsItWas) {
  rc::check([] {
    Raster raster{.width = *rc::gen::inRange<int64_t>(1, 40),
                  .height = *rc::gen::inRange<int64_t>(1, 40),
                  .channels = *rc::gen::inRange(1, 5),
                  .pixels = {}};
    const size_t bytes = size_t(raster.width * raster.height * raster.channels);
    raster.pixels = *rc::gen::container<std::vector<uint8_t>>(bytes, rc::gen::arbitrary<uint8_t>());
    RC_ASSERT(read_rgba(png(raster), raster.width, raster.height) == as_rgba(raster));
  });
}

TEST(Png, OfPalettes) {
  const std::vector<double> numbers = {-2, -1, -0.5, 0, 0.5, 1, 7, NAN};
  const Raster raster = diverging(numbers, 2, 4, 1);
  const std::vector<uint8_t> pixels = read_rgba(png(raster), 4, 2);
  EXPECT_EQ(pixels, as_rgba(raster));
  const auto alpha = [&](size_t i) { return int(pixels[4 * i + 3]); };
  EXPECT_EQ(alpha(0), 255); // beyond the scale
  EXPECT_EQ(alpha(1), 255);
  EXPECT_EQ(alpha(3), 0);
  EXPECT_EQ(alpha(7), 0); // no number, no ink
  EXPECT_NEAR(alpha(2), 128, 2);
  EXPECT_GT(pixels[4 * 0], pixels[4 * 0 + 2]); // orange
  EXPECT_LT(pixels[4 * 6], pixels[4 * 6 + 2]); // blue
}

TEST(Png, RefusesWhatDoesNotFit) {
  EXPECT_THROW(png({.width = 2, .height = 2, .channels = 1, .pixels = {0, 0, 0}}), std::logic_error);
  EXPECT_THROW(png({.width = 0, .height = 2, .channels = 1, .pixels = {}}), std::logic_error);
  EXPECT_THROW(png({.width = 1, .height = 1, .channels = 5, .pixels = {0, 0, 0, 0, 0}}), std::logic_error);
  EXPECT_THROW(png({.width = 1, .height = 1, .channels = 1, .pixels = {1}, .palette = {{0, 0, 0, 0}}}),
               std::logic_error);
}

TEST(Grey, GoesFromBlackToWhite) {
  const std::vector<double> numbers = {-1, 0, 0.5, 1, 2, NAN};
  EXPECT_THAT(grey(numbers, 2, 3, 0, 1).pixels, testing::ElementsAre(0, 0, 128, 255, 255, 0));
  EXPECT_THAT(grey(numbers, 1, 6, 3, 3).pixels, testing::Each(0)); // no range
}

TEST(Resized, KeepsWhatItIsGiven) {
  const std::vector<double> numbers = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(resized(numbers, 2, 3, 2, 3), numbers);
  EXPECT_THAT(resized(std::vector<double>{7}, 1, 1, 2, 3), testing::Each(7));
  for (const double one : resized(std::vector<double>(12, 0.25), 3, 4, 7, 2)) EXPECT_NEAR(one, 0.25, 1e-15);
  EXPECT_THROW(resized(numbers, 2, 2, 1, 1), std::logic_error);
  EXPECT_THROW(resized(numbers, 2, 3, 0, 1), std::logic_error);
}

TEST(Resized, GrowsOnStraightLinesBetweenTheMiddles) {
  const std::vector<double> numbers = {0, 4}; // with middles at 1/4 and 3/4
  EXPECT_THAT(resized(numbers, 1, 2, 1, 4), testing::ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(resized(numbers, 2, 1, 4, 1), testing::ElementsAre(0, 1, 3, 4));
}

TEST(Resized, ShrinksToMeans) {
  const std::vector<double> numbers = {0, 0, 8, 8, 0, 0, 8, 8};
  const std::vector<double> half = resized(numbers, 2, 4, 1, 2); // a quarter of the neighbour's side is seen, too
  EXPECT_THAT(half, testing::ElementsAre(testing::DoubleNear(8.0 / 7, 1e-12), testing::DoubleNear(48.0 / 7, 1e-12)));
  rc::check([] { // never beyond what it was made of
    const auto height = *rc::gen::inRange<int64_t>(1, 20), width = *rc::gen::inRange<int64_t>(1, 20);
    const auto some = *rc::gen::container<std::vector<int>>(size_t(height * width), rc::gen::inRange(-9, 10));
    const std::vector<double> from(some.begin(), some.end());
    const auto to = resized(from, height, width, *rc::gen::inRange<int64_t>(1, 30), *rc::gen::inRange<int64_t>(1, 30));
    RC_ASSERT(std::ranges::max(to) <= std::ranges::max(from) + 1e-9);
    RC_ASSERT(std::ranges::min(to) >= std::ranges::min(from) - 1e-9);
  });
}

TEST(Overlaid, IsAPalePictureUnderInk) {
  const Raster picture{.width = 3, .height = 1, .channels = 1, .pixels = {0, 255, 255}};
  const Raster out = overlaid(picture, diverging(std::vector<double>{0, 0, 1}, 1, 3, 1));
  ASSERT_EQ(out.channels, 3);
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_LT(out.pixels[c], out.pixels[3 + c]); // still dark beside light
    EXPECT_GT(out.pixels[c], 100);               // but pale
  }
  EXPECT_LT(out.pixels[6], out.pixels[8]); // blue
  const Raster colours{.width = 1, .height = 1, .channels = 3, .pixels = {255, 0, 0}};
  const Raster red = overlaid(colours, diverging(std::vector<double>{0}, 1, 1, 1));
  EXPECT_GT(red.pixels[0], red.pixels[1]);
  EXPECT_THROW(overlaid(picture, diverging(std::vector<double>{0}, 1, 1, 1)), std::logic_error);
  EXPECT_THROW(overlaid(colours, colours), std::logic_error);
}

TEST(Sheet, LaysTilesOutWithGaps) {
  const Raster black{.width = 1, .height = 1, .channels = 1, .pixels = {0}},
      white{.width = 1, .height = 1, .channels = 1, .pixels = {255}};
  const Raster out = sheet({black, white, white}, 2, 1);
  EXPECT_EQ(out.width, 3);
  EXPECT_EQ(out.height, 3);
  EXPECT_EQ(out.channels, 2);
  EXPECT_THAT(out.pixels,
              testing::ElementsAre(0, 255, 0, 0, 255, 255, /**/ 0, 0, 0, 0, 0, 0, /**/ 255, 255, 0, 0, 0, 0));
  const std::vector<double> one = {1};
  const Raster signed_tile = diverging(one, 1, 1, 1);
  const Raster signs = sheet({signed_tile, signed_tile}, 8, 1);
  EXPECT_EQ(signs.width, 3);
  EXPECT_EQ(as_rgba(signs)[4 + 3], 0); // the gap
  EXPECT_EQ(read_rgba(png(signs), 3, 1), as_rgba(signs));
  EXPECT_THROW(sheet({}, 2, 1), std::logic_error);
  EXPECT_THROW(sheet({black, signed_tile}, 2, 1), std::logic_error);
}

TEST(Base64, IsRfc4648) { // the RFC's own vectors, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(PictureElement, HasAnAltTextAndASize) {
  const std::string out =
      picture_element({.width = 2, .height = 1, .channels = 1, .pixels = {0, 255}}, "a \"7\"", 3).str();
  EXPECT_EQ(fault_of(out), "");
  EXPECT_THAT(out, testing::HasSubstr("alt=\"a &quot;7&quot;\" width=\"6\" height=\"3\""));
}

} // namespace
} // namespace vitro

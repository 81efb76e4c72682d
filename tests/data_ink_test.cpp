// A digit on paper becomes what a net has learned: light on black, of its size, around its centre of mass.
#include "data/ink.h"

#include <cmath>

#include "core/text.h"
#include "data/generate.h"
#include "data/open.h"
#include "data_scratch.h"
#include "picture_files.h"

namespace vitro {
namespace {

const Dataset& digits() {
  static const Dataset all = generate_part("digits", Part::test, 40);
  return all;
}

struct Photo {
  int64_t height = 300, width = 400, side = 170, top = 40, left = 190; // of the digit's 28 x 28
  double paper = 210, ink = 50, shade = 60;                            // shade: how much darker one corner is
  int grain = 8;
};

// The digit, pencilled on paper in uneven light, photographed.
Picture photo_of(const Picture& digit, const Photo& how = {}) {
  const Picture large = resampled(digit, 0, 0, 28, 28, {how.side, how.side});
  Picture out({how.height, how.width}, 1);
  Draws draws(Stream(7, "grain"), 0);
  for (int64_t y = 0; y < how.height; ++y)
    for (int64_t x = 0; x < how.width; ++x) {
      const int64_t row = y - how.top, column = x - how.left;
      const bool inside = row >= 0 && column >= 0 && row < how.side && column < how.side;
      const double ink = inside ? *large.at(row, column) / 255.0 : 0;
      const double light =
          1 - how.shade / how.paper * (double(x) / double(how.width) + double(y) / double(how.height)) / 2;
      const double level = (how.paper + (how.ink - how.paper) * ink) * light;
      *out.at(y, x) =
          uint8_t(std::clamp(level + double(draws.below(uint64_t(2 * how.grain + 1))) - how.grain, 0.0, 255.0));
    }
  return out;
}

double correlation(const Picture& a, const Picture& b) {
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  const double n = double(a.pixels.size());
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double x = a.pixels[i], y = b.pixels[i];
    sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
  }
  return (sab - sa * sb / n) / std::sqrt((saa - sa * sa / n) * (sbb - sb * sb / n));
}

// The best that moving it by a pixel gives: to which pixel a centre of mass is rounded is a matter of chance.
double likeness(const Picture& a, const Picture& b) {
  double best = -1;
  for (const int64_t down : {-1, 0, 1})
    for (const int64_t across : {-1, 0, 1}) {
      Picture moved(b.size, 1);
      for (int64_t y = 1; y < 27; ++y)
        for (int64_t x = 1; x < 27; ++x) *moved.at(y, x) = *b.at(y + down, x + across);
      best = std::max(best, correlation(a, moved));
    }
  return best;
}

TEST(Ink, is_told_from_other_pictures_by_the_training_samples) {
  const int64_t length = ink_length(digits().samples);
  EXPECT_GE(length, 17);
  EXPECT_LE(length, 22);
  Tensor bright(Type{DType::u8, {50, 1, 12, 12}});
  for (uint8_t& value : bright.as<uint8_t>()) value = 200;
  EXPECT_EQ(ink_length(bright), 0);
  Tensor aside(Type{DType::u8, {50, 1, 12, 12}}); // light on black, but in a corner
  for (int64_t i = 0; i < 50; ++i) aside.set(i * 144 + 2 * 12 + 2, 255);
  EXPECT_EQ(ink_length(aside), 0);
  EXPECT_EQ(open_data("digits", {.samples = 200}).train.schema.picture->ink, length);
}

// Only where the real files are.
TEST(Ink, mnist_is_ink_twenty_pixels_long_and_fashion_is_none) {
  const char* root = std::getenv("VITRO_DATA");
  if (root == nullptr || !std::filesystem::exists(std::string(root) + "/fashion-mnist")) return;
  EXPECT_EQ(open_data("mnist", {.data_dir = root}).train.schema.picture->ink, 20);
  EXPECT_EQ(open_data("fashion-mnist", {.data_dir = root}).train.schema.picture->ink, 0);
}

TEST(Ink, a_photographed_digit_is_the_digit_again) {
  for (int64_t i = 0; i < digits().size(); ++i) {
    const Picture digit = picture_of(digits().samples, i);
    // Without paper, grain and shade: what the preparation alone makes of it.
    const Picture alone = as_ink(resampled(digit, 0, 0, 28, 28, {280, 280}), {28, 28}, 19, "x");
    EXPECT_EQ(as_ink(alone, {28, 28}, 19, "x").pixels, alone.pixels) << "ink already";
    EXPECT_GT(likeness(as_ink(photo_of(digit), {28, 28}, 19, "x"), alone), 0.9) << i;
  }
}

TEST(Ink, light_on_dark_is_found_too_and_specks_are_not) {
  const Picture digit = picture_of(digits().samples, 3);
  const Picture dark = as_ink(photo_of(digit), {28, 28}, 20, "x");
  const Picture chalk = as_ink(photo_of(digit, {.paper = 60, .ink = 230, .shade = 10}), {28, 28}, 20, "x");
  EXPECT_GT(correlation(dark, chalk), 0.95);
  Picture dirty = photo_of(digit);
  for (int64_t y = 100; y < 104; ++y)
    for (int64_t x = 30; x < 34; ++x) *dirty.at(y, x) = 0;                 // a crumb
  for (int64_t y = 0; y < 300; ++y) *dirty.at(y, 0) = *dirty.at(y, 1) = 0; // the edge of the table
  EXPECT_GT(correlation(dark, as_ink(dirty, {28, 28}, 20, "x")), 0.95);
}

TEST(Ink, lies_around_its_centre_of_mass_with_the_stated_length) {
  const Picture found = as_ink(photo_of(picture_of(digits().samples, 8)), {28, 28}, 20, "x");
  double mass = 0, down = 0, across = 0;
  int64_t top = 28, bottom = -1, left = 28, right = -1;
  for (int64_t y = 0; y < 28; ++y)
    for (int64_t x = 0; x < 28; ++x) {
      const double value = *found.at(y, x);
      mass += value, down += value * (double(y) + 0.5), across += value * (double(x) + 0.5);
      if (value > 0)
        top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
    }
  EXPECT_NEAR(down / mass, 14, 0.75);
  EXPECT_NEAR(across / mass, 14, 0.75);
  EXPECT_EQ(std::max(bottom - top, right - left) + 1, 20);
}

TEST(Ink, a_thin_pen_is_not_lost) {
  Picture thin({400, 400}, 1);
  std::ranges::fill(thin.pixels, uint8_t{230});
  for (int64_t y = 60; y < 340; ++y) *thin.at(y, 200) = *thin.at(y, 201) = 40; // a 1, two pixels of 280 wide
  const Picture found = as_ink(thin, {28, 28}, 20, "x");
  int64_t inked = 0;
  for (const uint8_t value : found.pixels) inked += value > 128;
  EXPECT_GE(inked, 30) << "about two pixels wide, twenty long";
  EXPECT_LE(inked, 60);
}

TEST(Ink, nothing_to_see_is_said) {
  Picture empty({200, 200}, 1);
  std::ranges::fill(empty.pixels, uint8_t{180});
  expect_bad_input({"[blank.jpg]", "nothing that stands out"}, [&] { as_ink(empty, {28, 28}, 20, "blank.jpg"); });
  Draws draws(Stream(1, "grain"), 0);
  for (uint8_t& value : empty.pixels) value = uint8_t(180 + draws.below(9));
  expect_bad_input({"nothing that stands out"}, [&] { as_ink(empty, {28, 28}, 20, "x"); });
  for (const PictureSize size : {PictureSize{1, 1}, {1, 50}, {3, 2}}) { // whatever its size: an answer or an error
    Picture odd(size, 1);
    odd.pixels[0] = 255;
    try {
      EXPECT_EQ(as_ink(odd, {28, 28}, 20, "x").size, (PictureSize{28, 28}));
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
}

} // namespace
} // namespace vitro

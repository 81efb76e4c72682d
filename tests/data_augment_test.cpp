// Augmentation: each kind does what it says, and which numbers it draws depends on seed, place, epoch and sample alone.
#include "data/augment.h"

#include <cmath>
#include <numeric>

#include "core/text.h"
#include "core/threads.h"
#include "data/open.h"
#include "data_scratch.h"
#include "picture_files.h"

namespace vitro {
namespace {

Augmentation made(const std::string& op, std::vector<double> args = {}) {
  const AugmentationKind& kind = find_augmentation(op, "test");
  for (size_t i = args.size(); i < kind.args.size(); ++i) args.push_back(kind.args[i].fallback);
  return {op, std::move(args)};
}

// n pictures, each of its own level, of two classes; numbers as they stand: the net sees raw pixels.
Dataset pictures(int64_t n = 20, Shape sample = {3, 8, 10}) {
  Dataset out;
  out.schema.raw = DType::u8;
  out.schema.sample = sample;
  out.schema.classes = {"a", "b"};
  out.schema.picture = PictureForm{};
  out.samples = Tensor(Type{DType::u8, {n, sample[0], sample[1], sample[2]}});
  Draws draws(Stream(3, "pixels"), 0);
  for (uint8_t& value : out.samples.as<uint8_t>()) value = uint8_t(draws.below(256));
  out.labels = Tensor(Type{DType::i32, {n}});
  for (int64_t i = 0; i < n; ++i) out.labels.set(i, double(i % 2));
  out.targets = Tensor(Type{DType::f32, {0}});
  return out;
}

std::vector<double> seen(const Dataset& data, const std::vector<Augmentation>& list, int64_t row, int64_t epoch = 0,
                         uint64_t seed = 5) {
  Tensor out(Type{DType::f64, {1, data.schema.sample.elements()}});
  const std::vector<int64_t> rows = {row};
  Augmenter(list, data, seed).fill_samples(rows, epoch, out.view());
  return out.values();
}

std::vector<double> raw(const Dataset& data, int64_t row) { return seen(data, {}, row); }

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
  return out;
}

TEST(Augment, what_is_stated_as_nothing_changes_nothing) {
  const Dataset data = pictures();
  for (const Augmentation& none :
       {made("flip", {0}), made("crop", {0}), made("shift", {0}), made("rotate", {0}), made("scale", {0}),
        made("shear", {0}), made("elastic", {0, 4}), made("brightness", {0}), made("contrast", {0})})
    EXPECT_LT(largest_difference(seen(data, {none}, 7), raw(data, 7)), 1e-4) << none.op;
}

TEST(Augment, a_flip_mirrors_each_row) {
  const Dataset data = pictures();
  const std::vector<double> there = raw(data, 4), mirrored = seen(data, {made("flip", {1})}, 4);
  for (size_t line = 0; line < 24; ++line)
    for (size_t x = 0; x < 10; ++x) EXPECT_EQ(mirrored[10 * line + x], there[10 * line + 9 - x]);
  EXPECT_EQ(seen(data, {made("flip", {1}), made("flip", {1})}, 4), there);
  int64_t flipped = 0;
  for (int64_t epoch = 0; epoch < 200; ++epoch) flipped += seen(data, {made("flip")}, 4, epoch) != there;
  EXPECT_NEAR(double(flipped), 100, 30);
}

TEST(Augment, a_crop_is_a_window_of_the_padded_picture) {
  Dataset data = pictures(4, {1, 6, 6});
  data.schema.picture->ink = 4; // black outside
  const std::vector<double> there = raw(data, 2);
  const auto at = [&](const std::vector<double>& pixels, int64_t y, int64_t x) {
    return y < 0 || x < 0 || y > 5 || x > 5 ? 0.0 : pixels[size_t(6 * y + x)];
  };
  std::vector<int64_t> windows(25, 0);
  for (int64_t epoch = 0; epoch < 300; ++epoch) {
    const std::vector<double> found = seen(data, {made("crop", {2})}, 2, epoch);
    int64_t fits = 0;
    for (int64_t down = -2; down <= 2; ++down)
      for (int64_t across = -2; across <= 2; ++across) {
        bool same = true;
        for (int64_t y = 0; y < 6; ++y)
          for (int64_t x = 0; x < 6; ++x) same &= at(found, y, x) == at(there, y + down, x + across);
        fits += same;
        windows[size_t(5 * (down + 2) + across + 2)] += same;
      }
    EXPECT_EQ(fits, 1);
  }
  for (const int64_t count : windows) EXPECT_GT(count, 0) << "every window comes up";
}

TEST(Augment, outside_is_the_mean_and_nothing_to_the_net) {
  Dataset data = pictures(4, {3, 6, 6});
  data.schema.input = {1.0 / 255, {0.2, 0.4, 0.6}, {0.5, 0.5, 0.5}};
  const std::vector<double> found = seen(data, {made("shift", {1})}, 1, 3);
  int64_t nothing = 0;
  for (const double one : found) nothing += std::abs(one) < 1e-6;
  EXPECT_GT(nothing, 3 * 6) << "at least a row";
}

TEST(Augment, a_turned_picture_is_turned) {
  Dataset data = pictures(1, {1, 41, 41});
  for (uint8_t& value : data.samples.as<uint8_t>()) value = 0;
  data.schema.picture->ink = 20;
  for (int64_t y = 18; y < 23; ++y)
    for (int64_t x = 30; x < 35; ++x) data.samples.set(41 * y + x, 200); // right of the middle, 12 pixels away
  double turned = 0;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    const std::vector<double> found = seen(data, {made("rotate", {60})}, 0, epoch);
    double mass = 0, y = 0, x = 0;
    for (size_t i = 0; i < found.size(); ++i)
      mass += found[i], y += found[i] * (double(i / 41) - 20), x += found[i] * (double(i % 41) - 20);
    EXPECT_NEAR(std::hypot(y / mass, x / mass), 12, 0.2) << "as far from the middle as before";
    EXPECT_NEAR(mass, 25 * 200, 150);
    turned = std::max(turned, std::abs(std::atan2(y, x)));
  }
  EXPECT_GT(turned, 0.6);
  EXPECT_LE(turned, 60 * 3.1416 / 180);
  // What follows each other is resampled once: there and back again is exact.
  const std::vector<double> grown = seen(data, {made("scale", {0.5})}, 0, 1);
  EXPECT_NE(std::accumulate(grown.begin(), grown.end(), 0.0), 5000);
}

TEST(Augment, an_elastic_field_is_smooth_and_as_strong_as_the_paper_has_it) {
  Dataset data = pictures(1, {1, 29, 29});
  for (int64_t i = 0; i < 29 * 29; ++i) data.samples.set(i, double(5 * (i % 29))); // level says where it came from
  double squares = 0, jump = 0;
  int64_t n = 0;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    const std::vector<double> found = seen(data, {made("elastic")}, 0, epoch);
    for (int64_t y = 8; y < 20; ++y)
      for (int64_t x = 8; x < 20; ++x) {
        const double moved = found[size_t(29 * y + x)] / 5 - double(x);
        squares += moved * moved;
        ++n;
        jump = std::max(jump, std::abs(found[size_t(29 * y + x + 1)] - found[size_t(29 * y + x)]) / 5);
      }
  }
  // The deviation of a uniform number, times alpha, times what the bell leaves of it: 1 / (2 sigma sqrt(pi)).
  const double expected = 34 / std::sqrt(3) / (2 * 4 * std::sqrt(3.14159265));
  EXPECT_NEAR(std::sqrt(squares / double(n)), expected, 0.35 * expected);
  EXPECT_LT(jump, 3);
}

TEST(Augment, cutout_brightness_and_contrast) {
  Dataset data = pictures(3, {3, 12, 12});
  data.schema.input = {1, {10, 20, 30}, {1, 1, 1}};
  const std::vector<double> cut = seen(data, {made("cutout", {4})}, 1, 2), there = raw(data, 1);
  int64_t changed = 0;
  for (size_t i = 0; i < cut.size(); ++i)
    if (cut[i] != there[i]) {
      ++changed;
      EXPECT_EQ(cut[i], 0) << "the mean";
    }
  EXPECT_LE(changed, 48);
  EXPECT_GE(changed, 3 * 4);
  data.schema.input = {};
  const std::vector<double> plain = raw(data, 1), light = seen(data, {made("brightness", {0.5})}, 1, 1);
  double factor = 0;
  for (size_t i = 0; i < plain.size() && factor == 0; ++i)
    if (plain[i] > 20 && light[i] < 250) factor = light[i] / plain[i];
  EXPECT_TRUE(factor >= 0.5 && factor <= 1.5);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(light[i], std::min(255.0, factor * plain[i]), 0.01);
  const std::vector<double> flat = seen(data, {made("contrast", {1})}, 1, 1);
  const double mean = std::accumulate(plain.begin(), plain.end(), 0.0) / double(plain.size());
  for (size_t i = 1; i < plain.size(); ++i)
    if (flat[i] > 0 && flat[i] < 255) { EXPECT_EQ(flat[i] > mean - 0.01, plain[i] > mean - 0.01); }
}

const std::vector<Augmentation> everything = {
    made("flip"),    made("crop", {2}),   made("shift"),      made("rotate"),   made("scale"),       made("shear"),
    made("elastic"), made("cutout", {3}), made("brightness"), made("contrast"), made("mixup", {0.5})};

TEST(Augment, numbers_depend_on_seed_place_epoch_and_sample_alone) {
  const Dataset data = pictures();
  for (const Augmentation& one : everything) {
    int64_t epochs = 0, seeds = 0, samples = 0;
    for (int64_t i = 0; i < 10; ++i) {
      EXPECT_EQ(seen(data, {one}, i, 3), seen(data, {one}, i, 3));
      epochs += seen(data, {one}, i, 0) != seen(data, {one}, i, 1);
      seeds += seen(data, {one}, i, 0, 1) != seen(data, {one}, i, 0, 2);
      samples += seen(data, {one}, i) != seen(data, {one}, i + 1);
    }
    EXPECT_GT(epochs, 1) << one.op;
    EXPECT_GT(seeds, 1) << one.op;
    EXPECT_GT(samples, 5) << one.op;
  }
  EXPECT_NE(seen(data, {made("shift"), made("shift", {0})}, 1), seen(data, {made("shift", {0}), made("shift")}, 1));
}

TEST(Augment, the_same_bits_in_any_batch_order_and_number_of_threads) {
  const Dataset data = pictures(50);
  std::vector<int64_t> rows(50);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const int64_t elements = data.schema.sample.elements();
  const Augmenter augmenter(everything, data, 9);
  const auto filled = [&](std::span<const int64_t> asked) {
    Tensor out(Type{DType::f32, {int64_t(asked.size()), elements}});
    augmenter.fill_samples(asked, 4, out.view());
    return out;
  };
  const int before = thread_count();
  set_thread_count(1);
  const Tensor alone = filled(rows);
  set_thread_count(4);
  EXPECT_EQ(filled(rows), alone);
  std::vector<int64_t> backwards(rows.rbegin(), rows.rend());
  const Tensor turned = filled(std::span(backwards).first(17));
  for (int64_t i = 0; i < 17; ++i)
    for (int64_t e = 0; e < elements; ++e) ASSERT_EQ(turned.at(i * elements + e), alone.at((49 - i) * elements + e));
  {
    const BesideThePool beside;
    EXPECT_EQ(filled(rows), alone);
  }
  set_thread_count(before);
}

TEST(Augment, mixup_blends_pictures_and_classes_alike) {
  Dataset data = pictures(200, {1, 2, 2});
  for (int64_t i = 0; i < 200; ++i) // the picture is its class: 0 or 200
    for (int64_t p = 0; p < 4; ++p) data.samples.set(4 * i + p, double(200 * (i % 2)));
  std::vector<int64_t> rows(200);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const Augmenter augmenter({made("mixup", {1})}, data, 2);
  Tensor x(Type{DType::f64, {200, 4}}), both(Type{DType::f64, {200, 2}}), second(Type{DType::f64, {200, 1}});
  augmenter.fill_samples(rows, 0, x.view());
  augmenter.fill_targets(rows, 0, both.view());
  augmenter.fill_targets(rows, 0, second.view());
  double sum = 0;
  int64_t blended = 0;
  for (int64_t i = 0; i < 200; ++i) {
    EXPECT_NEAR(both.at(2 * i) + both.at(2 * i + 1), 1, 1e-12);
    EXPECT_NEAR(both.at(2 * i + 1), x.at(4 * i) / 200, 1e-6) << "by the same share";
    EXPECT_EQ(second.at(i), both.at(2 * i + 1));
    const double own = i % 2 == 1 ? second.at(i) : 1 - second.at(i);
    blended += own > 0.001 && own < 0.999;
    sum += own;
  }
  // With alpha 1 any share alike, half of the others of the same class: blended 1 in 2, own share 3/4 on average.
  EXPECT_NEAR(double(blended), 100, 25);
  EXPECT_NEAR(sum / 200, 0.75, 0.07);
}

const std::vector<Augmentation> of_sounds = {made("shift"), made("gain"),      made("noise"),
                                             made("speed"), made("time_mask"), made("frequency_mask")};

// The first `rows` as the augmenter makes them: features, and how many frames each has.
std::pair<Tensor, Tensor> sounds_seen(const Dataset& data, const std::vector<Augmentation>& list,
                                      std::span<const int64_t> rows, int64_t epoch = 0, uint64_t seed = 5) {
  const Augmenter augmenter(list, data, seed);
  const auto n = int64_t(rows.size());
  Tensor x(Type{DType::f32, {n, augmenter.steps_of(rows, epoch), data.schema.sound->width()}}),
      lengths(Type{DType::i32, {n}});
  augmenter.fill_samples(rows, epoch, x.view());
  augmenter.fill_lengths(rows, epoch, lengths.view());
  return {std::move(x), std::move(lengths)};
}

TEST(AugmentSounds, what_is_stated_as_nothing_changes_nothing) {
  const Dataset data = open_data("tones", {.samples = 16}).train;
  const std::vector<int64_t> rows = {4, 9, 1};
  const auto [x, lengths] = sounds_seen(data, {}, rows);
  for (const Augmentation& none : {made("shift", {0}), made("gain", {0}), made("time_mask", {0}),
                                   made("frequency_mask", {8, 0}), made("noise", {100, 100})}) {
    const auto [seen, long_] = sounds_seen(data, {none}, rows);
    EXPECT_EQ(long_, lengths) << none.op;
    ASSERT_EQ(seen.type(), x.type());
    double worst = 0;
    for (int64_t i = 0; i < x.elements(); ++i) worst = std::max(worst, std::abs(seen.at(i) - x.at(i)));
    EXPECT_LT(worst, none.op == "noise" ? 1e-2 : 1e-4) << none.op;
  }
}

TEST(AugmentSounds, each_does_what_it_says) {
  const Dataset data = open_data("tones", {.samples = 64, .standardise = false}).train;
  std::vector<int64_t> rows(64);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const auto [plain, lengths] = sounds_seen(data, {}, rows);
  const int64_t width = 40, steps = plain.shape()[1];
  // Louder or softer: all of a clip by the same decibels, within 6.
  const Tensor gained = sounds_seen(data, {made("gain", {6})}, rows).first;
  int64_t louder = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const int64_t middle = (i * steps + int64_t(lengths.at(i)) / 2) * width + 5;
    const double by = gained.at(middle) - plain.at(middle);
    EXPECT_LE(std::abs(by), 6.0001);
    EXPECT_NEAR(gained.at(middle + 3) - plain.at(middle + 3), by, 1e-3);
    louder += by > 0;
  }
  EXPECT_NEAR(double(louder), 32, 16);
  // Faster is shorter: 1 / 0.8 to 1 / 1.2 times as long.
  const auto [fast, shorter] = sounds_seen(data, {made("speed", {0.2})}, rows);
  int64_t changed = 0;
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_GE(shorter.at(i), lengths.at(i) / 1.2 - 2);
    EXPECT_LE(shorter.at(i), lengths.at(i) / 0.8 + 2);
    changed += shorter.at(i) != lengths.at(i);
  }
  EXPECT_GT(changed, 50);
  EXPECT_EQ(fast.shape()[1] % 8, 0);
  // Masks: bands and frames that are constant, and not more of them than asked.
  const Tensor bands = sounds_seen(data, {made("frequency_mask", {8, 2})}, rows).first,
               frames = sounds_seen(data, {made("time_mask", {6, 1})}, rows).first;
  int64_t masked_bands = 0, masked_frames = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const auto length = int64_t(lengths.at(i));
    int64_t here = 0;
    for (int64_t k = 0; k < width; ++k) {
      bool flat = true;
      for (int64_t t = 1; t < length; ++t)
        flat &= bands.at((i * steps + t) * width + k) == bands.at(i * steps * width + k);
      here += flat;
    }
    EXPECT_LE(here, 16);
    masked_bands += here;
    here = 0;
    for (int64_t t = 0; t < length; ++t)
      here += frames.at((i * steps + t) * width + 7) != plain.at((i * steps + t) * width + 7);
    EXPECT_LE(here, 6);
    masked_frames += here;
  }
  EXPECT_GT(masked_bands, 64);
  EXPECT_GT(masked_frames, 64);
  // Noise: the quietest band of a sound becomes louder the more there is.
  const Tensor some = sounds_seen(data, {made("noise", {20, 20})}, rows).first,
               more = sounds_seen(data, {made("noise", {0, 0})}, rows).first;
  double of_some = 0, of_more = 0, of_none = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const int64_t at = (i * steps + int64_t(lengths.at(i)) / 2) * width + 39;
    of_none += plain.at(at);
    of_some += some.at(at);
    of_more += more.at(at);
  }
  EXPECT_GT(of_some, of_none);
  EXPECT_NEAR(of_more - of_some, 64 * 20, 64 * 4);
}

TEST(AugmentSounds, the_same_bits_in_any_batch_order_and_number_of_threads) {
  const Dataset data = open_data("tones", {.samples = 32}).train;
  std::vector<int64_t> rows(32);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  const int before = thread_count();
  set_thread_count(1);
  const auto [alone, lengths] = sounds_seen(data, of_sounds, rows, 3);
  set_thread_count(4);
  EXPECT_EQ(sounds_seen(data, of_sounds, rows, 3).first, alone);
  const std::vector<int64_t> some = {31, 7};
  const auto [turned, of_two] = sounds_seen(data, of_sounds, some, 3);
  set_thread_count(before);
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t row = some[size_t(i)];
    EXPECT_EQ(of_two.at(i), lengths.at(row));
    for (int64_t e = 0; e < int64_t(lengths.at(row)) * 40; ++e)
      ASSERT_EQ(turned.at(i * turned.shape()[1] * 40 + e), alone.at(row * alone.shape()[1] * 40 + e));
  }
  EXPECT_NE(sounds_seen(data, of_sounds, rows, 4).first, alone);
  EXPECT_NE(sounds_seen(data, of_sounds, rows, 3, 6).first, alone);
}

TEST(AugmentSounds, what_is_for_others_is_refused) {
  Schema sounds = open_data("tones", {.samples = 16}).train.schema,
         digits = open_data("digits", {.samples = 20}).train.schema;
  expect_bad_input({"[here]", "flip is for pictures", "gain"}, [&] { check({made("flip")}, sounds, "here"); });
  expect_bad_input({"[here]", "speed is for sounds", "flip"}, [&] { check({made("speed")}, digits, "here"); });
  expect_bad_input({"pictures and sounds"}, [&] { check({made("shift")}, open_data("moons").train.schema, "here"); });
  check({made("shift")}, sounds, "here");
  check({made("shift")}, digits, "here");
  sounds.sound->features = SoundFeatures::mfcc;
  expect_bad_input({"neighbouring bands"}, [&] { check({made("frequency_mask")}, sounds, "here"); });
  for (const Augmentation& wrong :
       {made("gain", {-1}), made("speed", {0.6}), made("time_mask", {2.5}), made("noise", {101})})
    expect_bad_input({"[here]", wrong.op, "expected a"}, [&] { check({wrong}, "here"); });
  expect_bad_input({"low is 30, above high, 20"}, [] { check({made("noise", {30, 20})}, "here"); });
}

TEST(Augment, what_makes_no_sense_is_refused) {
  expect_bad_input({"[here]", "did you mean \"rotate\""}, [] { find_augmentation("rotat", "here"); });
  for (const Augmentation& wrong : {made("flip", {1.5}), made("crop", {-1}), made("crop", {2.5}), made("shift", {2}),
                                    made("rotate", {181}), made("scale", {0.95}), made("elastic", {3, 0}),
                                    made("cutout", {0}), made("mixup", {0}), made("brightness", {NAN})})
    expect_bad_input({"[here]", wrong.op, "expected a"}, [&] { check({wrong}, "here"); });
  expect_bad_input({"mixup more than once"}, [] { check({made("mixup"), made("mixup")}, "here"); });
  EXPECT_TRUE(mixes(everything));
  EXPECT_FALSE(mixes({made("flip")}));
}

} // namespace
} // namespace vitro

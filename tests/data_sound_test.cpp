// Features of sounds against librosa's (scripts/golden_sound.py wrote tests/golden/sound.json), and their laws.
#include "data/sound.h"

#include <cmath>
#include <fstream>
#include <numeric>

#include <nlohmann/json.hpp>

#include "core/random.h"
#include "core/text.h"
#include "data_scratch.h"

namespace vitro {
namespace {

using nlohmann::json;

json golden(const char* part) {
  std::ifstream file(text(VITRO_SOURCE_DIR, "/tests/golden/sound.json"));
  json content = json::parse(file);
  EXPECT_TRUE(content["written_by"].get<std::string>().starts_with("librosa "));
  return content[part];
}

std::vector<float> wave_of(const json& stated) {
  std::vector<float> out;
  for (const json& sample : stated["samples"]) out.push_back(float(sample.get<int>()) / 32768);
  return out;
}

SoundForm form_of(const json& stated) {
  SoundForm form{.rate = stated["rate"], .frame = stated["frame"], .hop = stated["hop"], .fft = stated["fft"]};
  form.bands = stated["bands"];
  if (const int64_t coefficients = stated["mfcc"]; coefficients > 0) {
    form.features = SoundFeatures::mfcc;
    form.coefficients = coefficients;
  }
  form.deltas = stated["deltas"];
  form.low = stated["low"];
  form.high = stated["high"];
  form.pre_emphasis = stated["pre_emphasis"];
  form.normalise = stated["clip"].get<bool>() ? Normalise::clip : Normalise::none;
  return form;
}

TEST(Sound, features_are_librosas_to_1e_minus_6) {
  for (const json& stated : golden("cases")) {
    const std::string name = stated["name"];
    const SoundForm form = form_of(stated);
    form.bands == 128 ? void() : check(form, name); // librosa's 128 bands over 2048 samples: some hold nothing
    const std::vector<float> wave = wave_of(stated);
    const std::vector<double> found = FeatureMaker(form).features(wave);
    ASSERT_EQ(int64_t(found.size()), stated["frames"].get<int64_t>() * form.width()) << name;
    ASSERT_EQ(form.frames_of(int64_t(wave.size())), stated["frames"].get<int64_t>()) << name;
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, std::abs(found[i] - stated["features"][i].get<double>()));
    EXPECT_LT(worst, 1e-6) << name;
  }
}

TEST(Sound, what_is_cut_off_is_what_librosa_cuts_off) {
  for (const json& stated : golden("trims")) {
    SoundForm form;
    form.frame = stated["frame"];
    form.hop = stated["hop"];
    form.trim = stated["top_db"];
    const std::vector<float> wave = wave_of(stated);
    const std::span<const float> kept = trimmed(form, wave);
    EXPECT_EQ(kept.data() - wave.data(), stated["begin"].get<int64_t>()) << stated["name"];
    EXPECT_EQ(int64_t(kept.size()), stated["end"].get<int64_t>() - stated["begin"].get<int64_t>()) << stated["name"];
  }
}

std::vector<float> noise(size_t n, uint64_t seed) {
  std::vector<float> out(n);
  Draws draws(Stream(seed, "noise"), 0);
  for (float& one : out) one = float(draws.uniform(-0.3, 0.3));
  return out;
}

TEST(Sound, a_tone_lies_in_the_band_of_its_pitch) {
  SoundForm form;
  form.normalise = Normalise::none;
  size_t last = 0;
  for (const double hz : {200.0, 600.0, 1500.0, 3000.0}) {
    std::vector<float> wave(2000);
    for (size_t i = 0; i < wave.size(); ++i)
      wave[i] = float(0.5 * std::sin(2 * 3.14159265358979 * hz * double(i) / 8000));
    const std::vector<double> found = FeatureMaker(form).features(wave);
    const auto middle = found.begin() + 12 * form.bands;
    const auto loudest = size_t(std::max_element(middle, middle + form.bands) - middle);
    EXPECT_GT(loudest, last) << hz;
    last = loudest;
    // ten times as loud: 20 dB more, in every frame
    std::vector<float> louder = wave;
    for (float& one : louder) one *= 1.9F;
    EXPECT_NEAR(FeatureMaker(form).features(louder)[12 * 40 + loudest] - middle[std::ptrdiff_t(loudest)],
                20 * std::log10(1.9), 1e-5);
  }
}

TEST(Sound, a_clip_that_is_normalised_does_not_know_its_level) {
  SoundForm form;
  form.deltas = 1;
  std::vector<float> wave = noise(3000, 1), quiet = wave;
  for (float& one : quiet) one *= 0.125F;
  const std::vector<double> loud = FeatureMaker(form).features(wave), soft = FeatureMaker(form).features(quiet);
  for (size_t i = 0; i < loud.size(); ++i) ASSERT_NEAR(loud[i], soft[i], 1e-9);
  const int64_t width = form.width(), frames = int64_t(loud.size()) / width;
  for (int64_t k = 0; k < width; ++k) {
    double sum = 0, squares = 0;
    for (int64_t t = 0; t < frames; ++t) {
      sum += loud[size_t(t * width + k)];
      squares += loud[size_t(t * width + k)] * loud[size_t(t * width + k)];
    }
    EXPECT_NEAR(sum, 0, 1e-9);
    EXPECT_NEAR(squares / double(frames), 1, 1e-9);
  }
  for (const double one : FeatureMaker(form).features(std::vector<float>(500))) EXPECT_EQ(one, 0) << "silence";
  for (const double one : FeatureMaker(form).features(noise(3, 2))) EXPECT_EQ(one, 0) << "one frame";
}

TEST(Sound, buckets_are_few_and_hardly_larger) {
  std::vector<int64_t> sizes;
  for (int64_t steps = 1; steps <= 5000; ++steps) {
    const int64_t bucket = bucket_of(steps);
    ASSERT_GE(bucket, steps);
    ASSERT_LT(bucket - steps, std::max<int64_t>(8, steps / 8 + 1));
    ASSERT_EQ(bucket_of(bucket), bucket);
    if (sizes.empty() || sizes.back() != bucket) sizes.push_back(bucket);
  }
  EXPECT_LT(sizes.size(), 64u);
}

TEST(Sound, what_makes_no_sense_is_refused) {
  const auto refused = [](const std::string& piece, auto change) {
    SoundForm form;
    change(form);
    expect_bad_input({"[here]", piece}, [&] { check(form, "here"); });
  };
  check(SoundForm{}, "here");
  refused("the rate is 0", [](SoundForm& f) { f.rate = 0; });
  refused("a frame is 1", [](SoundForm& f) { f.frame = 1; });
  refused("the hop is 0", [](SoundForm& f) { f.hop = 0; });
  refused("fft is 128", [](SoundForm& f) { f.fft = 128; });
  refused("fft is 254", [](SoundForm& f) { f.fft = 254; });
  refused("bands is 0", [](SoundForm& f) { f.bands = 0; });
  refused("coefficients is 41", [](SoundForm& f) { f.features = SoundFeatures::mfcc, f.coefficients = 41; });
  refused("deltas is 3", [](SoundForm& f) { f.deltas = 3; });
  refused("pre_emphasis is 2", [](SoundForm& f) { f.pre_emphasis = 2; });
  refused("trim_db is -1", [](SoundForm& f) { f.trim = -1; });
  refused("high_hz is 5000", [](SoundForm& f) { f.high = 5000; });
  refused("high_hz is 300", [](SoundForm& f) { f.low = 300, f.high = 300; });
  refused("band 1 of 200 is narrower", [](SoundForm& f) { f.bands = 200; });
}

} // namespace
} // namespace vitro

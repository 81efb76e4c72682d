// WAV and FLAC as they come: every coding that is read, every other by its name, and no header believed.
#include "data/sound_file.h"

#include <limits>
#include <numeric>

#include "core/text.h"
#include "data_scratch.h"
#include "sound_files.h"

namespace vitro {
namespace {

constexpr size_t length_at = 40; // of the data chunk, where its header is the usual 44 bytes

void set_word(Bytes& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = uint8_t(value >> (8 * i));
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 1e9;
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(double(a[i]) - double(b[i])));
  return out;
}

TEST(SoundFile, whole_numbers_and_floats_of_every_width) {
  const std::vector<float> wave = tone(440, 1000);
  const struct {
    int format;
    double step;
  } kinds[] = {{SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 1.0 / 128},
               {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1.0 / 32768},
               {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 1.0 / 8388608},
               {SF_FORMAT_WAV | SF_FORMAT_PCM_32, 1e-7},
               {SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},
               {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0},
               {SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 1.0 / 32768},
               {SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 1.0 / 32768},
               {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1.0 / 32768},
               {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1.0 / 8388608},
               {SF_ENDIAN_BIG | SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1.0 / 32768}};
  for (const auto& kind : kinds) {
    const Sound found = read_sound(sound_file(wave, {kind.format, 22050}), "here");
    EXPECT_EQ(found.rate, 22050);
    EXPECT_EQ(found.channels, 1);
    EXPECT_LE(largest_difference(found.wave, wave), kind.step) << kind.format;
  }
}

TEST(SoundFile, several_channels_are_their_mean) {
  std::vector<float> both, mean;
  const std::vector<float> left = tone(300, 500), right = tone(700, 500);
  for (size_t i = 0; i < left.size(); ++i) {
    both.insert(both.end(), {left[i], right[i]});
    mean.push_back(float((double(left[i]) + double(right[i])) / 2));
  }
  const Sound found = read_sound(sound_file(both, {SF_FORMAT_WAV | SF_FORMAT_FLOAT, 8000, 2}), "here");
  EXPECT_EQ(found.channels, 2);
  EXPECT_EQ(found.wave, mean);
}

TEST(SoundFile, other_codings_and_formats_are_refused_by_name) {
  const std::vector<float> wave = tone(440, 1000);
  const auto refused = [&](int format, const std::string& name) {
    expect_bad_input({"[clip]", name, "ffmpeg"}, [&] { read_sound(sound_file(wave, {format}), "clip"); });
  };
  refused(SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, "Microsoft ADPCM");
  refused(SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, "IMA ADPCM");
  refused(SF_FORMAT_WAV | SF_FORMAT_ULAW, "U-Law");
  refused(SF_FORMAT_WAV | SF_FORMAT_ALAW, "A-Law");
  refused(SF_FORMAT_WAV | SF_FORMAT_GSM610, "GSM");
  refused(SF_FORMAT_AIFF | SF_FORMAT_PCM_16, "AIFF");
  refused(SF_FORMAT_AU | SF_FORMAT_PCM_16, "is AU");
  refused(SF_FORMAT_CAF | SF_FORMAT_PCM_16, "is CAF");
  refused(SF_FORMAT_OGG | SF_FORMAT_VORBIS, "Ogg");
  const auto begins = [](const std::string& head, const std::string& name) {
    expect_bad_input({"[clip]", name}, [&] { read_sound(bytes_of_text(head + std::string(40, 'x')), "clip"); });
  };
  begins(std::string("ID3\3\0", 5), "MP3");
  begins("\xff\xfb\x90", "MP3");
  begins(std::string("\0\0\0\x20", 4) + "ftypM4A ", "MPEG-4");
  begins("#!AMR\n", "AMR");
  begins("ID3,is,a,header", "no sound");
  begins("RIFF1234AVI ", "no sound");
  expect_bad_input({"[clip]", "is empty"}, [] { read_sound({}, "clip"); });
}

TEST(SoundFile, a_header_that_lies_is_found_out) {
  const Bytes right = sound_file(tone(440, 1000));
  ASSERT_EQ(right.size(), 2044u);
  const auto with = [&](size_t at, uint32_t value) {
    Bytes bytes = right;
    set_word(bytes, at, value);
    return bytes;
  };
  Bytes head = with(length_at, 0);
  head.resize(44);
  expect_bad_input({"[clip]", "length is 0"}, [&] { read_sound(head, "clip"); });
  expect_bad_input({"states 9000 bytes of sound, 2000 are there", "truncated"},
                   [&] { read_sound(with(length_at, 9000), "clip"); });
  expect_bad_input({"states 0 bytes of sound, but 2000 follow"}, [&] { read_sound(with(length_at, 0), "clip"); });
  // Written into a pipe: the length is not known.
  EXPECT_EQ(read_sound(with(length_at, 0xffffffff), "clip").wave.size(), 1000u);
  EXPECT_EQ(read_sound(with(length_at, 0x7fffffff), "clip").wave.size(), 1000u);
  expect_bad_input({"[clip]"}, [&] { read_sound(with(24, 0), "clip"); });          // no rate
  expect_bad_input({"[clip]"}, [&] { read_sound(with(24, 999), "clip"); });        // hardly one
  expect_bad_input({"[clip]"}, [&] { read_sound(with(24, 999999999), "clip"); });  // too high a one
  expect_bad_input({"[clip]"}, [&] { read_sound(with(16, 0x7fffff00), "clip"); }); // a format of 2 GB
  Bytes channels = right;
  channels[22] = 0;
  expect_bad_input({"[clip]"}, [&] { read_sound(channels, "clip"); });
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_bad_input({"sample 1 is not a finite number"}, [&] {
    read_sound(sound_file({0, nan, 0}, {SF_FORMAT_WAV | SF_FORMAT_FLOAT}), "clip");
  });
}

TEST(SoundFile, what_is_cut_off_or_damaged_is_an_error_or_a_sound_and_never_more) {
  const std::vector<float> wave = tone(440, 300);
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16}) {
    const Bytes whole = sound_file(wave, {format});
    for (size_t length = 1; length < whole.size(); ++length)
      expect_bad_input({"[clip]"}, [&] { read_sound(ByteSpan(whole).first(length), "clip"); });
    Draws draws(Stream(1, "damage"), 0);
    for (int trial = 0; trial < 400; ++trial) {
      Bytes bytes = whole;
      for (int i = 0; i < 3; ++i) bytes[draws.below(std::min<size_t>(bytes.size(), 60))] = uint8_t(draws.below(256));
      try {
        EXPECT_LE(read_sound(bytes, "clip").wave.size(), 10000u);
      } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input) << error.what(); }
    }
  }
}

// Largest deviation from a tone of this pitch and amplitude 1/2, away from the ends.
double away_from(const std::vector<float>& wave, double hz, double rate) {
  double out = 0;
  for (size_t i = wave.size() / 4; i < 3 * wave.size() / 4; ++i)
    out = std::max(out, std::abs(double(wave[i]) - 0.5 * std::sin(6.283185307179586 * hz * double(i) / rate)));
  return out;
}

TEST(SoundFile, another_rate_keeps_pitch_and_place) {
  std::vector<float> wave(4410);
  for (size_t i = 0; i < wave.size(); ++i) wave[i] = float(0.5 * std::sin(6.283185307179586 * 440 * double(i) / 44100));
  const std::vector<float> down = resampled(wave, 8000.0 / 44100), up = resampled(wave, 48000.0 / 44100);
  EXPECT_EQ(down.size(), 800u);
  EXPECT_EQ(up.size(), 4800u);
  EXPECT_LT(away_from(down, 440, 8000), 1e-3);
  EXPECT_LT(away_from(up, 440, 48000), 1e-3);
  // What the lower rate can't hold is gone, not folded back.
  for (size_t i = 0; i < wave.size(); ++i)
    wave[i] = float(0.5 * std::sin(6.283185307179586 * 6000 * double(i) / 44100));
  EXPECT_LT(away_from(resampled(wave, 8000.0 / 44100), 0, 8000), 1e-3);
  EXPECT_EQ(resampled({0.5F}, 0.1).size(), 1u);
}

} // namespace
} // namespace vitro

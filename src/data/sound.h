// Sounds as a net takes them: a wave is cut into overlapping frames, and each frame becomes a few numbers.
//
// A wave is mono, f32, within -1 and 1 where its file was. Frame t has its middle at sample t * hop; outside the wave
// there is silence. So a wave of n samples, n >= 1, has 1 + n / hop frames, however short it is. A frame's numbers:
//   power     |FFT|^2 of the frame under a Hann window (periodic), centred in `fft` samples
//   mel       triangular filters over it, equally spaced in mel (Slaney's scale and areas, as librosa's)
//   log       10 log10(max(mel, 1e-10)), at most 80 below the wave's largest
//   mfcc      the first coefficients of the orthonormal DCT-II of these (Davis, Mermelstein, 1980)
//   deltas    slopes over five frames, and slopes of slopes (The HTK Book, version 3.4, equation 5.16)
// These are librosa's definitions and defaults where it has them (librosa.feature.mfcc, power_to_db; its deltas with
// width=5, mode="nearest"); tests/golden/sound.json holds its numbers. All is computed in double and rounded once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vitro {

/// Samples a second that are believed, and made.
inline constexpr int64_t least_rate = 1000, most_rate = 768000;

enum class SoundFeatures : uint8_t { log_mel, mfcc };
const char* name(SoundFeatures features); // "log_mel", "mfcc"
std::optional<SoundFeatures> sound_features_of(const std::string& name);

/// To what mean 0 and deviation 1 refer: one wave, for each of its numbers; the training part; or they are left as they
/// are.
enum class Normalise : uint8_t { clip, set, none };
const char* name(Normalise normalise); // "clip", "set", "none"
std::optional<Normalise> normalise_of(const std::string& name);

/// How a sound that was made elsewhere becomes a sample, and a sample the net's numbers.
struct SoundForm {
  int64_t rate = 8000;           // samples a second
  int64_t frame = 200, hop = 80; // samples
  int64_t fft = 256;             // samples, frame or more
  SoundFeatures features = SoundFeatures::log_mel;
  int64_t bands = 40;          // filters
  int64_t coefficients = 13;   // of mfcc
  int64_t deltas = 0;          // 1: slopes beside the numbers, 2: slopes of slopes too
  double low = 0, high = 4000; // Hz, where the filters begin and end
  double pre_emphasis = 0;     // x[i] - pre_emphasis * x[i - 1]; 0: none
  double trim = 0;             // dB: what is so much quieter is cut off at both ends; 0: nothing
  Normalise normalise = Normalise::clip;
  std::string pattern = {}; // of file names, which says each one's class; "": by folders

  /// Numbers of a frame before slopes, and in all.
  int64_t plain_width() const { return features == SoundFeatures::mfcc ? coefficients : bands; }
  int64_t width() const { return plain_width() * (1 + deltas); }
  int64_t frames_of(int64_t samples) const { return 1 + samples / hop; }
  bool operator==(const SoundForm&) const = default;
  std::string str() const; // "40 log-mel bands, frames of 25 ms every 10 ms, ..."
};
/// Throws bad_input at `where` for what makes no sense: a frame of no length or longer than the FFT, bands beyond half
/// the rate or so narrow that the FFT has nothing in them.
void check(const SoundForm& form, const std::string& where);

/// Makes features; holds window, filters and roots of unity. May be used by several threads at once.
class FeatureMaker {
public:
  explicit FeatureMaker(const SoundForm& form); // a checked one
  ~FeatureMaker();
  FeatureMaker(const FeatureMaker&) = delete;
  FeatureMaker& operator=(const FeatureMaker&) = delete;

  /// Each frame's numbers before slopes and normalising, [frames, plain_width].
  std::vector<double> plain(std::span<const float> wave) const;
  /// From these to what the net takes, but for a scaling by the training part: [frames, width].
  std::vector<double> finished(const std::vector<double>& plain) const;
  std::vector<double> features(std::span<const float> wave) const { return finished(plain(wave)); }

private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

/// Energy of each frame, [frames]: the mean of the squares of its `frame` samples, silence outside included.
std::vector<double> frame_energies(const SoundForm& form, std::span<const float> wave);
/// What form.trim leaves of the wave: from the first to the last frame that is not so much quieter than the loudest, a
/// hop each (as librosa.effects.trim). At least one sample.
std::span<const float> trimmed(const SoundForm& form, std::span<const float> wave);

/// Steps that a batch is given, whose longest sample has `steps`: the next multiple of 8, from 128 on of an eighth of
/// the power of two below. So few lengths come up, each of which is planned once, and at most an eighth is added.
int64_t bucket_of(int64_t steps);

} // namespace vitro

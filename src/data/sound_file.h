// A file's bytes as a sound: WAV and FLAC. What a file holds is decided by its first bytes, never by its name.
//
// A header is believed only within bounds: what it promises must be there, and nothing is allocated by its word.
#pragma once

#include <string>
#include <vector>

#include "data/bytes.h"

namespace vitro {

enum class SoundFormat : uint8_t { none, wav, flac, mp3, ogg, mp4, aiff, au, asf, amr, caf };
/// By the first 16 bytes, or as many as there are.
SoundFormat sound_format(ByteSpan head);

/// The most samples that a sound may have, of all channels together: 2^28, at 44,100 Hz in stereo 50 minutes.
inline constexpr int64_t most_samples = int64_t(1) << 28;

struct Sound {
  int64_t rate = 0;        // samples a second
  int64_t channels = 1;    // that the file had
  std::vector<float> wave; // their mean, within -1 and 1 where samples are whole numbers; at least one sample
};

/// WAV (8, 16, 24, 32 bits, float, double) and FLAC. Throws bad_input at `where` for other formats and codings, by name
/// and with the way out, for no samples at all, what is damaged or ends early, a rate outside of 1,000 to 768,000 Hz, a
/// number that is not finite, and more than `most_samples`; failure where libsndfile is not installed.
Sound read_sound(ByteSpan bytes, const std::string& where);

/// The wave at so many times its samples a second (band-limited, libsamplerate's medium quality): max(1, round(n
/// times)) samples. `times` lies within 1/256 and 256. Throws failure where libsamplerate is not installed.
std::vector<float> resampled(const std::vector<float>& wave, double times);

} // namespace vitro

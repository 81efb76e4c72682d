// Generated sounds, not speech: vowels and glides between them, said by a voice of pulses through resonances.
//
// A sample draws its pitch and how this falls, how long the tract is (all resonances higher or lower), how long the
// sound and the silences around it last, how loud it is and how much noise there is. "ai" and "ia" hold the same
// resonances in opposite order: what tells them apart is time. Every sample is decided by (seed, part, index) alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/generate.h"

namespace vitro {

inline constexpr int64_t tone_rate = 8000;

/// What is said: "a", "ai", "au", "e", "i", "ia", "o", "u". The label of sample `index` is index mod 8.
const std::vector<std::string>& tone_classes();

/// Sample `index`: 0.2 to 0.7 s, within -1 and 1.
inline constexpr int64_t longest_tone = 7 * tone_rate / 10;
std::vector<float> make_tone(uint64_t seed, Part part, int64_t index);

} // namespace vitro

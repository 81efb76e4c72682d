// Generated digits, not MNIST: our own strokes, drawn as a hand would vary them.
//
// Each digit is a few strokes (lines and curves) in several ways of writing it: a 1 with or without
// serif and foot, a 7 with or without bar, an open or a closed 4, a looped 2. A sample picks a way, moves its
// control points, bends the plane a little (elastic), rotates, scales, shears and shifts, picks a pen
// width, and draws antialiased into 28 x 28 bytes, ink 255 on 0, fitted and centred by mass as MNIST's.
// Every pixel is decided by (seed, part, index) alone.
#pragma once

#include <cstdint>
#include <span>

#include "data/generate.h"

namespace vitro {

inline constexpr int64_t digit_side = 28;

/// The digit of sample `index`: index mod 10.
inline int digit_label(int64_t index) { return int(index % 10); }

/// Draws sample `index` into 28 * 28 bytes, row-major.
void draw_digit(uint64_t seed, Part part, int64_t index, std::span<uint8_t, digit_side * digit_side> pixels);

/// Draws samples first .. first + pixels.size() / 784 - 1, on all threads.
void draw_digits(uint64_t seed, Part part, int64_t first, std::span<uint8_t> pixels);

} // namespace vitro

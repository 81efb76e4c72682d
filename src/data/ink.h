// What somebody has written or drawn, found in a photograph and brought into the form that a net learned: light strokes
// on black, of one size, around their centre of mass.
//
// That is how MNIST was made: each digit was scaled, keeping its proportions, into 20 x 20 pixels, and laid into 28 x
// 28 so that its centre of mass is the middle. Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based
// learning applied to document recognition", Proc. IEEE 86(11), 1998, section III.A.
#pragma once

#include "data/picture.h"

namespace vitro {

/// Whether the samples u8 [n, 1, height, width] are such ink: nearly all have an empty border, are dark, and have their
/// centre of mass in the middle. Then how long the longer side of what is drawn usually is, in pixels; else 0.
int64_t ink_length(const Tensor& samples);

/// `picture` (grey, of any size) as such ink: what differs from its background, dark on light or light on dark, without
/// specks and without what hangs over from the picture's edge; its longer side `length` pixels long, its centre of mass
/// in the middle of `size`. A picture that is of `size` and black at its border is taken to be ink already. Throws
/// bad_input at `where` where nothing stands out.
Picture as_ink(const Picture& picture, PictureSize size, int64_t length, const std::string& where);

} // namespace vitro

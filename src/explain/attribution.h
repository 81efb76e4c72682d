// What an answer hangs on: which pixels of a picture, and which places of the maps that the net makes of it, out of
// what `Model::attribution` gives.
//
// An answer is asked for as weights of the net's outputs, its `direction` [outputs]: {0, 1, 0} is the second class,
// {-1, 0, 1} the third rather than the first; where one output stands for two classes {1} is the second, {-1} the
// first. Everything is found in evaluation; nothing changes a state.
#pragma once

#include <span>

#include "model/model.h"

namespace vitro {

/// How much each pixel moves the score: the largest |d score / d x| of its channels, f64 [batch, height, width].
/// Source: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", 2013, section 3.1.
/// Throws logic_error unless samples are [channels, height, width].
Tensor saliency(const Attribution& of);

/// Where the maps speak for the answer: max(0, sum_k a_k map_k), with a_k the mean of the slopes of map k; f64 [batch,
/// height, width] of the maps. Throws logic_error where the net has none.
/// Source: R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization",
/// 2017, equations 1 and 2.
Tensor grad_cam(const Attribution& of);

/// A square that is slid over a picture.
struct Occlusion {
  int64_t side = 1, stride = 1;     // pixels
  std::span<const float> fill = {}; // what the net sees there, a number for each channel
};
/// By how much the answer's prediction falls (of a class: its probability) where a square covers x [1, channels,
/// height, width]: f64 [rows, columns], rows = ceil(height / stride). The square of (i, j) begins at pixel i stride +
/// stride / 2 - side / 2, and ends at the picture's edge. Below 0: without what was covered, it would be surer.
/// Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013, section 4.2.
Tensor occlusion(const Model& model, ConstView x, std::span<const float> direction, const Occlusion& square);

} // namespace vitro

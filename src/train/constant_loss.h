// The training loss of the best answer that is the same for every sample: what a net gets that ignores its inputs.
//
// In closed form, so for the losses that have one: cross-entropy, negative log-likelihood and divergence (with label
// smoothing, class weights and an ignored class), binary cross-entropy (with its weight of a yes), the hinges, and
// squared and absolute error.
#pragma once

#include "data/dataset.h"
#include "model/model.h"

namespace vitro {

/// Of a sample, as history.csv has train_loss. NaN where no closed form is known here.
double constant_loss(const ModelSpec& spec, const Dataset& train);

} // namespace vitro

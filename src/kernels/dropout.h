// Which values are dropped: random bits for a whole batch at a time.
#pragma once

#include <cstdint>

#include "core/random.h"

namespace vitro::kernels {

/// mask [samples, elements] = 0 where word e % 4 of stream.words(first + s, e / 4) is below `threshold`, else `kept`.
/// first + samples and elements / 4 stay below 2^32.
void dropout_mask(const Stream& stream, int64_t first, int64_t samples, int64_t elements, uint32_t threshold,
                  float kept, float* mask);

} // namespace vitro::kernels

// A part of a buffer's storage: equal ranges of consecutive elements, an even step apart.
#pragma once

#include <cstdint>

namespace vitro {

/// Elements [begin + i step, end + i step) for i = 0 .. count-1.
struct Stripes {
  int64_t begin, end;
  int64_t count = 1, step = 0;
};

} // namespace vitro

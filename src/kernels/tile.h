// What the register tile of matrix products and convolutions (tile-inl.h) is told.
#pragma once

#include <cstdint>

namespace vitro::kernels {

/// Steps of k that follow each other evenly: they begin so many elements behind the tile's a and b.
struct Leg {
  int64_t a, b, steps;
};

struct Tile {
  const Leg* legs; // k, leg by leg; none: C is zero
  int64_t leg_count;
  const float* a; // from row to row of C, from step to step
  int64_t a_row, a_column;
  const int64_t* a_rows = nullptr; // scattered: where each row begins, in place of a_row
  const float* b;                  // from step to step, from panel to panel
  int64_t b_row, b_panel;
  float* c;
  int64_t c_row, c_panel;
  bool continued;       // C holds the sums so far
  int64_t last_columns; // of the last panel's 16, those that exist
  bool pads;            // C has room for all 16: zeros
};

} // namespace vitro::kernels

// Windows that slide over a map: the shape rule that unfolding, convolution and pooling share.
#pragma once

#include "graph/op.h"
#include "ops/ops.h"

namespace vitro {

struct Span {
  int64_t begin, end;
  bool has(int64_t at) const { return at >= begin && at < end; }
};

/// A window along one axis of a map: tap `tap` of position `at` meets it at place(at, tap), which is on the map or in
/// the padding around it.
struct Sliding {
  int64_t extent, kernel, stride, dilation, before = 0, after = 0, positions = 0;

  int64_t reach() const { return (kernel - 1) * dilation + 1; } // from the first tap to the last
  int64_t padded() const { return before + extent + after; }

  int64_t place(int64_t at, int64_t tap) const { return at * stride + tap * dilation - before; }
  Span taps(int64_t at) const { return on_map(place(at, 0), dilation, kernel); }            // of a position, on the map
  Span positions_of(int64_t tap) const { return on_map(place(0, tap), stride, positions); } // where a tap is on the map

private:
  // Those of i = 0 .. count-1 for which start + i step is on the map.
  Span on_map(int64_t start, int64_t step, int64_t count) const {
    const int64_t begin = start < 0 ? (-start + step - 1) / step : 0;
    const int64_t end = start < extent ? (extent - 1 - start) / step + 1 : 0;
    return {begin, end < begin ? begin : end < count ? end : count};
  }
};

struct Windows {
  Sliding rows, columns;
  int64_t positions() const { return rows.positions * columns.positions; }
};

/// The attribute's one or two numbers as rows and columns; throws where there are more, or one is below 1.
std::array<int64_t, 2> rows_and_columns(const Attrs& attrs, const char* name);

/// Windows of kernel[0] x kernel[1] over a map of height x width, by the attributes `stride` (none: the kernel),
/// `padding` and, where the op has them, `dilation` and `ceil`. Throws where there is no room for even one.
Windows windows_over(const Attrs& attrs, int64_t height, int64_t width, std::array<int64_t, 2> kernel);

/// Throws unless the input is floating point [n, c, h, w].
void expect_maps(const Type& type, const char* input);

/// An extent of the map that the op makes: the attribute `name`.
int64_t map_extent(const Attrs& attrs, const char* name);

// Inline, so that they are there before the ops that are made of them.
inline const AttrSpec kernel_attr{"kernel", std::vector<int64_t>{}, "the window: one number, or rows and columns",
                                  true};
inline const AttrSpec stride_attr{"stride", std::vector<int64_t>{1}, "how far a window is from the next"};
inline const AttrSpec padding_attr{
    "padding", std::vector<int64_t>{0},
    "around the map: one number; rows and columns; top, left, bottom, right; none, \"same\": as "
    "much as keeps its size at a stride of 1"};
inline const AttrSpec dilation_attr{"dilation", std::vector<int64_t>{1}, "the distance of a window's taps"};
inline const AttrSpec height_attr{"height", int64_t{1}, "rows of the map", true};
inline const AttrSpec width_attr{"width", int64_t{1}, "columns of the map", true};

} // namespace vitro

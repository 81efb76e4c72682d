// How a buffer's elements lie in memory.
//
// A layout belongs to a buffer of a plan or to a state, never to a Type: graphs, files and readers
// see row-major only. One form serves all fast kernels: axis `axis` is cut into blocks of `block`,
// and the position within the block moves to the end, the last block padded with zeros:
//   [d0, .., d_axis, .., dn]  ->  [d0, .., ceil(d_axis / block), .., dn, block]
// A weight [out, in] with axis 0 becomes the matrix kernel's panels; an image [n, c, h, w] with
// axis 1 becomes n(c/b)hw(b).
#pragma once

#include <compare>

#include "core/tensor.h"

namespace vitro {

struct Layout {
  int8_t axis = -1; // -1: row-major
  int16_t block = 1;
  bool row_major() const { return axis < 0; }
  auto operator<=>(const Layout&) const = default;
  std::string str() const; // "row-major", "axis 0 in blocks of 16"
};

inline constexpr Layout row_major{};

/// Elements that a buffer of `shape` holds in `layout`, padding included.
int64_t stored_elements(const Shape& shape, Layout layout);

/// Copies between row-major and `layout` (4-byte or 8-byte elements). `pack` writes zeros into the padding.
void pack(const Type& type, Layout layout, const void* row_major, void* packed);
void unpack(const Type& type, Layout layout, const void* packed, void* row_major);

} // namespace vitro

#include "core/layout.h"

#include <cstring>

#include "core/text.h"

namespace vitro {
namespace {

// Visits every (row-major offset, packed offset) pair of runs along the blocked axis.
// The array is seen as [outer, axis, inner]; packed as [outer, blocks, inner, block].
template <class T, class Move> void walk(const Shape& shape, Layout layout, Move move) {
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < layout.axis; ++i) outer *= shape[i];
  for (int i = layout.axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const int64_t extent = shape[layout.axis], block = layout.block, blocks = (extent + block - 1) / block;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t i = 0; i < inner; ++i)
        for (int64_t lane = 0; lane < block; ++lane) {
          const int64_t a = b * block + lane;
          const int64_t packed = ((o * blocks + b) * inner + i) * block + lane;
          move(a < extent ? (o * extent + a) * inner + i : -1, packed);
        }
}

template <class T> void pack_as(const Shape& shape, Layout layout, const T* from, T* to) {
  walk<T>(shape, layout, [&](int64_t plain, int64_t packed) { to[packed] = plain < 0 ? T(0) : from[plain]; });
}

template <class T> void unpack_as(const Shape& shape, Layout layout, const T* from, T* to) {
  walk<T>(shape, layout, [&](int64_t plain, int64_t packed) {
    if (plain >= 0) to[plain] = from[packed];
  });
}

} // namespace

std::string Layout::str() const { return row_major() ? "row-major" : text("axis ", axis, " in blocks of ", block); }

int64_t stored_elements(const Shape& shape, Layout layout) {
  if (layout.row_major()) return shape.elements();
  const int64_t extent = shape[layout.axis], padded = (extent + layout.block - 1) / layout.block * layout.block;
  return extent ? shape.elements() / extent * padded : 0;
}

void pack(const Type& type, Layout layout, const void* from, void* to) {
  if (layout.row_major())
    std::memcpy(to, from, size_t(type.bytes()));
  else if (bytes_of(type.dtype) == 8)
    pack_as(type.shape, layout, static_cast<const uint64_t*>(from), static_cast<uint64_t*>(to));
  else
    pack_as(type.shape, layout, static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to));
}

void unpack(const Type& type, Layout layout, const void* from, void* to) {
  if (layout.row_major())
    std::memcpy(to, from, size_t(type.bytes()));
  else if (bytes_of(type.dtype) == 8)
    unpack_as(type.shape, layout, static_cast<const uint64_t*>(from), static_cast<uint64_t*>(to));
  else
    unpack_as(type.shape, layout, static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to));
}

} // namespace vitro

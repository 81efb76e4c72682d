#include "core/shape.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

const char* name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
  }
  return "?";
}

int64_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return 8;
    case DType::u8: return 1;
    default: return 4;
  }
}

Shape::Shape(std::initializer_list<int64_t> extents)
    : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const int64_t> extents) {
  if (extents.size() > max_rank) bad_input("shape", text("rank ", extents.size(), " is above the limit of ", max_rank));
  int64_t product = 1;
  for (const int64_t extent : extents) {
    if (extent < 0) bad_input("shape", text("extent ", extent, " is negative"));
    if (extent && (__builtin_mul_overflow(product, extent, &product) || product > (int64_t{1} << 59)))
      bad_input("shape", "the product of the extents overflows");
    elements_ *= extent;
    extents_[rank_++] = extent;
  }
}

std::array<int64_t, Shape::max_rank> Shape::strides() const {
  std::array<int64_t, max_rank> out{};
  int64_t stride = 1;
  for (int axis = rank_ - 1; axis >= 0; --axis) {
    out[axis] = stride;
    stride *= std::max<int64_t>(extents_[axis], 1); // an extent of 0 has nothing to step over
  }
  return out;
}

int Shape::axis(int64_t axis) const {
  if (axis < -rank_ || axis >= rank_)
    bad_input("", text("axis ", axis, " does not exist in ", str(), " of rank ", rank_));
  return int(axis < 0 ? axis + rank_ : axis);
}

bool Shape::operator==(const Shape& other) const { return std::ranges::equal(extents(), other.extents()); }

std::string Shape::str() const {
  std::vector<std::string> pieces;
  for (const int64_t extent : extents()) pieces.push_back(std::to_string(extent));
  return "[" + join(pieces, ", ") + "]";
}

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> out(rank);
  for (int i = 1; i <= rank; ++i) {
    const int64_t m = i <= a.rank() ? a[a.rank() - i] : 1;
    const int64_t n = i <= b.rank() ? b[b.rank() - i] : 1;
    if (m != n && m != 1 && n != 1)
      bad_input("", text("shapes ", a, " and ", b, " do not broadcast: aligned at the last axis, ", m, " meets ", n,
                         " on axis ", -i, " and neither is 1"));
    out[rank - i] = m == 1 ? n : m;
  }
  return Shape(out);
}

std::array<int64_t, Shape::max_rank> broadcast_strides(const Shape& from, const Shape& to) {
  const auto own = from.strides();
  std::array<int64_t, Shape::max_rank> out{};
  for (int i = 1; i <= from.rank(); ++i) out[to.rank() - i] = from[from.rank() - i] == 1 ? 0 : own[from.rank() - i];
  return out;
}

std::string Type::str() const { return name(dtype) + shape.str(); }

} // namespace vitro

// Shapes and element types.
//
// A Shape is the extents of a dense array, outermost first (C order, as numpy). Rank 0 is a scalar.
// A Type is an element type and a shape: what flows along an edge of the graph.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace vitro {

enum class DType : uint8_t { f32, f64, i32, u8 };

const char* name(DType dtype);
int64_t bytes_of(DType dtype);
inline bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

template <class T> constexpr DType dtype_of();
template <> constexpr DType dtype_of<float>() { return DType::f32; }
template <> constexpr DType dtype_of<double>() { return DType::f64; }
template <> constexpr DType dtype_of<int32_t>() { return DType::i32; }
template <> constexpr DType dtype_of<uint8_t>() { return DType::u8; }

class Shape {
public:
  static constexpr int max_rank = 8;

  Shape() = default;
  /// Throws on a negative extent, a rank above 8, or where the extents other than 0 multiply to more than
  /// 2^59: so neither strides nor bytes overflow.
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(std::span<const int64_t> extents);
  explicit Shape(const std::vector<int64_t>& extents) : Shape(std::span<const int64_t>(extents)) {}

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[axis]; }
  int64_t back() const { return extents_[rank_ - 1]; }
  int64_t elements() const { return elements_; }
  std::span<const int64_t> extents() const { return {extents_.data(), size_t(rank_)}; }
  std::vector<int64_t> list() const { return {extents_.begin(), extents_.begin() + rank_}; }

  /// Elements to step over to advance by one along each axis, in row-major order.
  std::array<int64_t, max_rank> strides() const;

  /// `axis` counted from the end where negative; throws where it does not exist.
  int axis(int64_t axis) const;

  bool operator==(const Shape& other) const;
  std::string str() const; // "[32, 784]"

private:
  std::array<int64_t, max_rank> extents_{};
  int rank_ = 0;
  int64_t elements_ = 1;
};

/// The shape that numpy's broadcasting gives: aligned at the last axis, an extent of 1 stretches.
/// Throws, naming the axis, where two extents differ and neither is 1.
Shape broadcast(const Shape& a, const Shape& b);

/// Strides with which an array of shape `from` is read as one of shape `to` (0 where it stretches).
std::array<int64_t, Shape::max_rank> broadcast_strides(const Shape& from, const Shape& to);

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  bool operator==(const Type&) const = default;
  int64_t bytes() const { return shape.elements() * bytes_of(dtype); }
  std::string str() const; // "f32[32, 784]"
};

} // namespace vitro

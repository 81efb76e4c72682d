// Dense arrays: Tensor owns its elements, View and ConstView only point at them.
// All three are row-major and contiguous; other layouts exist only inside a plan (core/layout.h).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/shape.h"

namespace vitro {

inline constexpr size_t cache_line = 64;

/// Zero-filled bytes at a cache-line boundary. A value: copying copies the bytes.
class Buffer {
public:
  Buffer() = default;
  explicit Buffer(size_t bytes);
  Buffer(const Buffer& other);
  Buffer(Buffer&& other) noexcept = default;
  Buffer& operator=(Buffer other) noexcept;

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

void check_dtype(DType asked, DType held); // throws std::logic_error where they differ

struct ConstView {
  Type type;
  const void* data = nullptr;
  template <class T> std::span<const T> as() const {
    check_dtype(dtype_of<T>(), type.dtype);
    return {static_cast<const T*>(data), size_t(type.shape.elements())};
  }
  /// Element `i` in row-major order, as a double, whatever the element type.
  double at(int64_t i) const;
};

struct View {
  Type type;
  void* data = nullptr;
  template <class T> std::span<T> as() const {
    check_dtype(dtype_of<T>(), type.dtype);
    return {static_cast<T*>(data), size_t(type.shape.elements())};
  }
  operator ConstView() const { return {type, data}; }
};

class Tensor {
public:
  Tensor() = default;
  explicit Tensor(Type type); // zeros
  Tensor(Shape shape, std::span<const double> values, DType dtype = DType::f32);
  Tensor(Shape shape, std::initializer_list<double> values, DType dtype = DType::f32);
  static Tensor scalar(double value, DType dtype = DType::f32);
  static Tensor full(Type type, double value);
  static Tensor copy_of(ConstView view);

  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  int64_t elements() const { return type_.shape.elements(); }

  template <class T> std::span<T> as() { return view().as<T>(); }
  template <class T> std::span<const T> as() const { return view().template as<T>(); }
  View view() { return {type_, buffer_.data()}; }
  ConstView view() const { return {type_, buffer_.data()}; }
  operator ConstView() const { return view(); }

  double at(int64_t i) const { return view().at(i); }
  void set(int64_t i, double value); // rounds to the element type
  std::vector<double> values() const;
  Tensor to(DType dtype) const; // converts every element
  Tensor reshaped(Shape shape) const&;
  Tensor reshaped(Shape shape) &&; // the same memory

  bool operator==(const Tensor& other) const; // same type, same bits

private:
  Type type_;
  Buffer buffer_;
};

} // namespace vitro

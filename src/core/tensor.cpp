#include "core/tensor.h"

#include <cstring>
#include <new>
#include <stdexcept>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

// Calls `use` with a value of the element type that `dtype` names.
template <class Use> auto with_dtype(DType dtype, Use use) {
  switch (dtype) {
    case DType::f64: return use(double{});
    case DType::i32: return use(int32_t{});
    case DType::u8: return use(uint8_t{});
    default: return use(float{});
  }
}

} // namespace

void Buffer::Free::operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{cache_line}); }

Buffer::Buffer(size_t bytes) : size_(bytes) {
  // Rounded up to whole cache lines, so that a vector load of the last element stays inside.
  const size_t rounded = (bytes + cache_line - 1) / cache_line * cache_line + cache_line;
  data_.reset(static_cast<std::byte*>(::operator new (rounded, std::align_val_t{cache_line})));
  std::memset(data_.get(), 0, rounded);
}

Buffer::Buffer(const Buffer& other) : Buffer(other.size_) {
  if (size_) std::memcpy(data(), other.data(), size_);
}

Buffer& Buffer::operator=(Buffer other) noexcept {
  data_ = std::move(other.data_);
  size_ = other.size_;
  return *this;
}

void check_dtype(DType asked, DType held) {
  if (asked != held) throw std::logic_error(text("tensor of ", name(held), " read as ", name(asked)));
}

double ConstView::at(int64_t i) const {
  return with_dtype(type.dtype, [&](auto zero) { return double(static_cast<const decltype(zero)*>(data)[i]); });
}

Tensor::Tensor(Type type) : type_(type), buffer_(size_t(type.bytes())) {}

Tensor::Tensor(Shape shape, std::span<const double> values, DType dtype) : Tensor(Type{dtype, shape}) {
  if (int64_t(values.size()) != elements())
    bad_input("tensor", text(values.size(), " values for shape ", shape, ", which holds ", elements()));
  for (size_t i = 0; i < values.size(); ++i) set(int64_t(i), values[i]);
}

Tensor::Tensor(Shape shape, std::initializer_list<double> values, DType dtype)
    : Tensor(shape, std::span<const double>(values.begin(), values.size()), dtype) {}

Tensor Tensor::scalar(double value, DType dtype) { return full({dtype, Shape{}}, value); }

Tensor Tensor::full(Type type, double value) {
  Tensor out(type);
  with_dtype(type.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (T& x : out.as<T>()) x = T(value);
  });
  return out;
}

Tensor Tensor::copy_of(ConstView view) {
  Tensor out(view.type);
  if (view.type.bytes()) std::memcpy(out.buffer_.data(), view.data, size_t(view.type.bytes()));
  return out;
}

void Tensor::set(int64_t i, double value) {
  with_dtype(dtype(), [&](auto zero) { as<decltype(zero)>()[size_t(i)] = decltype(zero)(value); });
}

std::vector<double> Tensor::values() const {
  std::vector<double> out(static_cast<size_t>(elements()));
  for (int64_t i = 0; i < elements(); ++i) out[size_t(i)] = at(i);
  return out;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  Tensor out(Type{dtype, shape()});
  with_dtype(dtype, [&](auto to) {
    with_dtype(this->dtype(), [&](auto from) {
      const auto x = as<decltype(from)>();
      const auto y = out.as<decltype(to)>();
      for (size_t i = 0; i < x.size(); ++i) y[i] = decltype(to)(x[i]);
    });
  });
  return out;
}

Tensor Tensor::reshaped(Shape shape) const& { return Tensor(*this).reshaped(shape); }

Tensor Tensor::reshaped(Shape shape) && {
  if (shape.elements() != elements())
    bad_input("tensor",
              text(this->shape(), " cannot become ", shape, ": ", elements(), " elements against ", shape.elements()));
  type_.shape = shape;
  return std::move(*this);
}

bool Tensor::operator==(const Tensor& other) const {
  return type_ == other.type_ &&
         (type_.bytes() == 0 || std::memcmp(buffer_.data(), other.buffer_.data(), size_t(type_.bytes())) == 0);
}

} // namespace vitro

#include "model/shards.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/threads.h"

namespace vitro {
namespace {

// Elements handed to a thread at a time.
constexpr int64_t piece = 16 * 1024;

template <class Body> void in_pieces(int64_t elements, Body body) {
  parallel((elements + piece - 1) / piece,
           [&](int64_t task) { body(task * piece, std::min(elements, (task + 1) * piece)); });
}

template <class Use> void with_float(DType dtype, Use use) {
  if (dtype == DType::f64)
    use(double{});
  else
    use(float{});
}

} // namespace

ShardSum::ShardSum(const std::vector<Type>& types, int64_t shards) : types_(types) {
  constexpr int64_t line = 16; // each gradient starts at a cache line
  int64_t elements = 0;
  for (const Type& type : types) {
    offsets_.push_back(elements);
    elements += (type.shape.elements() + line - 1) / line * line;
  }
  const Type flat{types.empty() ? DType::f32 : types[0].dtype, Shape{elements}};
  levels_.assign(size_t(std::bit_width(uint64_t(shards))), Tensor(flat));
  full_.assign(levels_.size(), false);
  arriving_ = Tensor(flat);
}

void ShardSum::start() { std::fill(full_.begin(), full_.end(), false); }

void ShardSum::set(size_t i, double weight, ConstView gradient) {
  with_float(arriving_.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = gradient.as<T>().data();
    T* to = arriving_.as<T>().data() + offsets_[i];
    const T factor = T(weight);
    in_pieces(types_[i].shape.elements(), [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) to[k] = factor * from[k];
    });
  });
}

void ShardSum::add_nothing() {
  std::memset(arriving_.view().data, 0, size_t(arriving_.type().bytes()));
  carry();
}

void ShardSum::carry() {
  size_t level = 0;
  for (; full_[level]; ++level) {
    add_into(levels_[level], arriving_); // the left one first
    std::swap(levels_[level], arriving_);
    full_[level] = false;
  }
  std::swap(levels_[level], arriving_);
  full_[level] = true;
}

void ShardSum::add_into(Tensor& to, const Tensor& right) {
  with_float(to.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* a = to.as<T>().data();
    const T* b = right.as<T>().data();
    in_pieces(to.elements(), [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) a[k] = a[k] + b[k];
    });
  });
}

void ShardSum::finish() {
  result_ = nullptr;
  for (size_t level = 0; level < levels_.size(); ++level)
    if (full_[level]) {
      if (result_) add_into(levels_[level], *result_);
      result_ = &levels_[level];
    }
}

ConstView ShardSum::sum(size_t i) const {
  return {types_[i], static_cast<const std::byte*>(result_->view().data) + offsets_[i] * bytes_of(types_[i].dtype)};
}

} // namespace vitro

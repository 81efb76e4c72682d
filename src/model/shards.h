// Adds the gradients of a batch's shards in a fixed binary tree. Private to src/model.
//
// Shards 0 and 1 are added, 2 and 3, then these two sums, and so on: the order depends on the number
// of shards alone. As in a binary counter, one buffer a level is enough: level k holds the sum of
// 2^k neighbours until its twin arrives.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace vitro {

class ShardSum {
public:
  /// One buffer a level for gradients of these types (one float type).
  ShardSum(const std::vector<Type>& types, int64_t shards);

  void start();
  /// The next shard's gradient number i is weight * view where gradient(i) = {weight, view}. Asks for all of them.
  template <class Gradient> void add(Gradient gradient) {
    for (size_t i = 0; i < types_.size(); ++i) {
      const auto [weight, view] = gradient(i);
      set(i, weight, view);
    }
    carry();
  }
  /// A shard without samples adds zeros.
  void add_nothing();
  /// The sum of all that were added, gradient i.
  void finish();
  ConstView sum(size_t i) const;

private:
  void set(size_t i, double weight, ConstView gradient);
  void carry();
  void add_into(Tensor& to, const Tensor& right); // to = to + right

  std::vector<Type> types_;
  std::vector<int64_t> offsets_; // of each gradient, in elements
  std::vector<Tensor> levels_;   // [all elements]
  std::vector<bool> full_;       // by level
  Tensor arriving_;
  Tensor* result_ = nullptr;
};

} // namespace vitro

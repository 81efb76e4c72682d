// The batches of a training, in their order: which samples, what is done to them, and the next one made ahead.
//
// Invariant: the batch at a position is a function of (recipe, data, position) alone. While one is trained on, a thread
// of its own makes the next where that takes long enough to be worth it, which changes no bit. Built without
// VITRO_THREADS, or where one thread is all that may be used, every batch is made when it is asked for.
#pragma once

#include <memory>
#include <optional>

#include "data/augment.h"
#include "data/batches.h"
#include "recipe/recipe.h"
#include "train/measure.h"

namespace vitro {

/// The order of an epoch's samples: of a text that is not shuffled, each batch goes on from the one before.
Order order_of(const Recipe& recipe, const Schema& schema);

enum class Ahead : uint8_t { where_it_helps, never, always };

class Feed {
public:
  /// `train` must outlive it. `outputs`: of the net, for targets that are blended (data/augment.h).
  Feed(const Recipe& recipe, const Dataset& train, DType dtype, int64_t outputs, Ahead ahead = Ahead::where_it_helps);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  int64_t samples() const { return batches_.samples(); }
  int64_t per_epoch() const { return batches_.per_epoch(); }
  Position after(Position at) const { return batches_.after(at); }
  /// Any batch of any epoch; asking in order is what is prepared for. Valid until the next call.
  const SampleBatch& at(Position at);

private:
  void make(std::span<const int64_t> rows, int64_t epoch, SampleBatch& batch) const;

  const Dataset& train_;
  const DType dtype_;
  const int64_t outputs_;
  Batches batches_;
  std::optional<Augmenter> augmenter_;
  bool blends_ = false;
  SampleBatch batch_;
  struct Helper;
  std::unique_ptr<Helper> helper_; // none: nothing is made ahead
};

} // namespace vitro

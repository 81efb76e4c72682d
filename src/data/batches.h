// Which samples make a batch, and the batch as numbers.
//
// The order of an epoch is a pure function of (seed, epoch): any batch of any epoch can be asked for,
// so a resumed run continues where it was and a prefetcher may ask ahead. Filling reads the set and
// writes the buffer, keeps nothing, and may run in several threads at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "data/dataset.h"

namespace vitro {

/// The batch to be used next: what a checkpoint keeps.
struct Position {
  int64_t epoch = 0, batch = 0;
  bool operator==(const Position&) const = default;
};

/// continued: of samples that follow each other, each batch goes on where the one before it ended. They are `batch`
/// streams, one after the other of equal length; batch k is the k-th sample of each. What fills no stream, fewer
/// samples than a batch has, is left out.
enum class Order : uint8_t { shuffled, as_stored, continued };

/// So many batches at a time are sorted by length.
inline constexpr int64_t batches_sorted_together = 16;

class Batches {
public:
  /// Batches of `batch` samples out of 0 .. samples-1, the last one smaller where it does not divide. An epoch is
  /// the permutation Stream(seed, "shuffle", epoch). Throws bad_input for a batch below 1, no samples, or
  /// fewer than a continued batch has.
  /// With the `steps` of each sample (empty: all alike) and shuffled, samples of like length come together, so that
  /// little is padded: the permutation is cut into pieces of `batches_sorted_together` batches, each is sorted by
  /// steps, and the batches (but the smaller one, which stays last) are put into the order of
  /// Stream(seed, "shuffle.batches", epoch).
  Batches(int64_t samples, int64_t batch, uint64_t seed = 0, Order order = Order::shuffled,
          std::vector<int64_t> steps = {});

  int64_t samples() const { return samples_; } // of an epoch
  int64_t batch() const { return batch_; }
  int64_t per_epoch() const { return (samples_ + batch_ - 1) / batch_; }

  /// The rows of that batch; valid until a batch of another epoch is asked for.
  std::span<const int64_t> rows(Position at);
  Position after(Position at) const;

private:
  void sort_by_steps(int64_t epoch);

  int64_t samples_, batch_;
  uint64_t seed_;
  Order order_;
  std::vector<int64_t> steps_;
  int64_t held_epoch_ = -1;
  std::vector<int64_t> permutation_;
};

/// Of sounds: frames of that sample, and of each one; of others none.
int64_t frames_of(const Dataset& data, int64_t row);
std::vector<int64_t> frames_of(const Dataset& data);
/// Of sounds: the steps that a batch of these rows has, the frames of the longest or a few more (`bucket_of`).
int64_t steps_of(const Dataset& data, std::span<const int64_t> rows);
/// Of sounds: how many steps of each row count, into i32 [rows].
void fill_lengths(const Dataset& data, std::span<const int64_t> rows, View out);

/// Rows as the network's input: data.schema.input applied, or its columns encoded. `out`: f32 or f64, of rows.size() *
/// net_input elements in any shape; of sounds [rows, steps, numbers of a frame], any steps that hold the longest, zeros
/// behind each one's end. Runs on all threads.
void fill_samples(const Dataset& data, std::span<const int64_t> rows, View out);
/// One row of that: a sound's features [frames, numbers] into row `row` of [rows, steps, numbers].
void write_features(const Schema& schema, const std::vector<double>& features, int64_t row, View out);
/// Labels into i32 [rows], of a text [rows, steps].
void fill_labels(const Dataset& data, std::span<const int64_t> rows, View out);
/// Targets as the net learns them (`learned_of`) into f32 or f64 [rows, outputs].
void fill_targets(const Dataset& data, std::span<const int64_t> rows, View out);

} // namespace vitro

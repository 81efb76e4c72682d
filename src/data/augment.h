// Augmentation: what is done to a training picture or sound, anew in every epoch, before the net sees it.
//
// What is done to a sample is a pure function of (seed, place in the list, epoch, sample): it does not depend on the
// batch that the sample comes in, on its order or on threads, so a training that goes on sees the same pictures. Only
// training batches are augmented; whatever measures sees the samples as they are. Of pictures what turns and moves is
// collected, and the picture resampled once (linear between pixels). What comes into view from outside is the training
// part's mean, or black where pictures are ink on black (data/ink.h): zero, or paper, to the net. Of sounds what
// changes the wave comes first, in the list's order, then what masks its features.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"
#include "data/dataset.h"

namespace vitro {

struct AugmentationArg {
  const char* name;
  double fallback, least, most;
  const char* doc;
};
struct AugmentationKind {
  const char* name;
  const char* doc; // and its source
  std::vector<AugmentationArg> args;
  bool pictures = true, sounds = false; // what it is for
};
std::span<const AugmentationKind> augmentations();
/// Throws bad_input at `where` for an unknown name, with the nearest.
const AugmentationKind& find_augmentation(const std::string& name, const std::string& where);

struct Augmentation {
  std::string op;           // of `augmentations`
  std::vector<double> args; // in the order of its kind, complete
  bool operator==(const Augmentation&) const = default;
};
/// Throws bad_input at `where` for an argument out of its range, or more than one mixup.
void check(const std::vector<Augmentation>& list, const std::string& where);

/// Throws bad_input at `where` where one of them is not for the samples of this schema.
void check(const std::vector<Augmentation>& list, const Schema& schema, const std::string& where);

/// Whether targets are blended, too, and so are probabilities of classes.
bool mixes(const std::vector<Augmentation>& list);

class Augmenter {
public:
  /// `train` must outlive it. `list` is checked.
  Augmenter(std::vector<Augmentation> list, const Dataset& train, uint64_t seed);
  ~Augmenter();

  /// The samples `rows` as the net takes them in that epoch: f32 or f64, of rows.size() samples in any shape; of sounds
  /// [rows, steps, numbers of a frame]. Runs on all threads.
  void fill_samples(std::span<const int64_t> rows, int64_t epoch, View out) const;
  /// Of sounds, whose lengths may change: steps_of and fill_lengths (data/batches.h) for that epoch.
  int64_t steps_of(std::span<const int64_t> rows, int64_t epoch) const;
  void fill_lengths(std::span<const int64_t> rows, int64_t epoch, View out) const;
  /// Where the list mixes: the probabilities of the classes, f32 or f64 [rows, classes]; or that of the second alone,
  /// [rows, 1], where the net has one output.
  void fill_targets(std::span<const int64_t> rows, int64_t epoch, View out) const;

private:
  struct Canvas;
  struct Mix {
    int64_t other; // the sample that is mixed in
    double share;  // of the sample itself
  };
  std::vector<Stream> streams(int64_t epoch) const;
  Mix mix_of(const Stream& stream, double alpha, int64_t row) const;
  void paint(int64_t row, size_t steps, const std::vector<Stream>& streams, Canvas& canvas) const;
  int64_t length_of(int64_t row, const std::vector<Stream>& streams) const;
  std::vector<float> heard(int64_t row, const std::vector<Stream>& streams) const;
  void mask(int64_t row, const std::vector<Stream>& streams, std::vector<double>& features) const;
  void fill_sounds(std::span<const int64_t> rows, int64_t epoch, View out) const;
  template <class Out> void fill(std::span<const int64_t> rows, int64_t epoch, Out* out) const;

  std::vector<Augmentation> list_;
  const Dataset& train_;
  uint64_t seed_;
  std::vector<float> mean_, outside_;         // raw, of each channel of pictures
  std::unique_ptr<const FeatureMaker> maker_; // of sounds
};

} // namespace vitro

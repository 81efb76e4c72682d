// A set of samples in memory, and what its numbers mean.
//
// A Dataset keeps samples as they were read: pixels stay bytes, measurements are floats. What turns
// them into the network's input is written down in the Schema, and only applied when a batch is
// filled (data/batches.h), so that a run can save the Schema and read raw files ever after.
// Invariant of every Dataset that this room returns (see `check`): samples [n, ...sample], labels
// [n] (of a text [n, steps]) within the classes or targets [n, outputs], every number finite; in a table's samples NaN
// is a missing value.
// Sounds are of different lengths, and held without padding: one long clip among thousands costs its own length alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "data/columns.h"
#include "data/picture.h"
#include "data/sound.h"
#include "data/symbols.h"

namespace vitro {

/// How a raw value becomes the network's: (raw * scale - mean) / deviation, in double, rounded once.
/// One mean and deviation for all, or one for each equal, consecutive run of a sample's elements:
/// with a sample [channels, height, width] one per channel, with [features] one per feature.
struct Scaling {
  double scale = 1;
  std::vector<double> mean = {0}, deviation = {1}; // of equal size; deviation > 0

  double apply(double raw, int64_t group = 0) const { return (raw * scale - mean[group]) / deviation[group]; }
  double undo(double number, int64_t group = 0) const { return (number * deviation[group] + mean[group]) / scale; }
  bool operator==(const Scaling&) const = default;
  std::string str() const; // "raw / 255, then (x - 0.1307) / 0.3081"
};

/// What is to be predicted: one of several classes, or one or more numbers.
enum class Goal : uint8_t { classes, numbers };
const char* name(Goal goal); // "classification", "regression"

/// Of a series: a sample is a window [window, columns], consecutive rows in time, and its targets are the next values
/// of one of the columns. That column is anchored where the net learns them as differences to the window's last value
/// (as NLinear of A. Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023).
struct Forecast {
  int64_t column = 0; // of Schema::columns, whose next values are the targets
  int64_t date = -1;  // of Schema::columns, which says when; -1: none, rows are in the order of their file
  int64_t period = 0; // rows in a season; 0: none was found
  double days = 0;    // from row to row; 0: no fixed number of days
  int64_t months = 0; // the same in months; at most one of them is not 0
  bool operator==(const Forecast&) const = default;
};

/// Of pictures, u8 [1 or 3, height, width]: how one that was made elsewhere becomes a sample.
struct PictureForm {
  std::optional<Fit> fit = {}; // how those of a folder were brought to their size; others are cropped
  // From 1 on: the samples are light strokes on black, in a frame that is empty, their longer side about so many pixels
  // long, their centre of mass in the middle (MNIST's: 20). What is drawn is made so (data/ink.h). 0: only scaled.
  int64_t ink = 0;
  bool operator==(const PictureForm&) const = default;
};

/// All that there is to know about a data set but its samples: what a run keeps beside its weights.
struct Schema {
  std::string name;        // "mnist", "points"
  std::string description; // "generated digits, not MNIST: ..."
  bool generated = false;  // made by this program, not measured
  Goal goal = Goal::classes;
  DType raw = DType::f32;             // u8, f32 or f64
  Shape sample;                       // of one sample: [1, 28, 28] (channels first), [2]; of sounds the longest
  std::vector<std::string> features;  // a name for each element of a sample's last axis; else empty
  std::vector<std::string> classes;   // names; a label is an index into them; empty for Goal::numbers
  std::vector<std::string> targets;   // the predicted column(s): of a table also the class column's name
  Scaling input;                      // where there are no columns
  Scaling target;                     // Goal::numbers: the network learns target.apply(raw)
  std::vector<Column> columns;        // of a table: what each element of a sample's last axis is, and becomes
  std::vector<LeftOut> left_out;      // of a table: the columns that the net does not see
  bool header = false;                // of a table: the file names its columns
  std::optional<Forecast> forecast;   // of a series
  std::optional<PictureForm> picture; // of pictures
  std::optional<SoundForm> sound;     // of sounds; `input` then scales a frame's numbers: one mean for all, or each

  std::optional<TextForm> text; // of a text; `classes` are its symbols' names

  int64_t outputs() const; // how many classes, or how many numbers
  /// How many answers a sample asks for: of a window of a text one at each step.
  int64_t answers() const { return text && sample.rank() == 2 ? sample[0] : 1; }
  /// A sample as the network takes it: `sample`, its last axis as wide as the columns make it. Of sounds the longest:
  /// [frames, numbers].
  Shape net_input() const;
  /// Of a series: how many rows a window has, how many steps ahead are predicted.
  int64_t window() const { return sample[0]; }
  int64_t horizon() const { return int64_t(targets.size()); }
  /// What is predicted, for people: "price, size"; of a series "Temp +1 to +7".
  std::string asked() const;
  bool operator==(const Schema&) const = default;
};

/// Where samples stand in the file that they were read from, for whoever wants to look them up.
struct Origin {
  std::string file;                                           // as it was opened; "" where they were generated
  std::string counts;                                         // what `places` count: "line" (from 1), "sample" (from 0)
  std::vector<int64_t> places;                                // of each sample; empty: 0, 1, 2, ...
  std::shared_ptr<const std::vector<std::string>> names = {}; // of each place, where `file` is a folder: its file in it

  int64_t place(int64_t sample) const { return places.empty() ? sample : places[size_t(sample)]; }
  /// The file that the sample is in.
  std::string file_of(int64_t sample) const {
    return names ? file + (file.ends_with('/') ? "" : "/") + (*names)[size_t(place(sample))] : file;
  }
};

struct Dataset {
  Schema schema;
  Tensor samples; // u8, f32 or f64 [n, ...schema.sample]; of sounds f32, one wave behind the other (`wave_of`)
  Tensor labels;  // i32 [n] for Goal::classes, [n, steps] of a text; else i32 [0]
  Tensor targets; // f32 [n, outputs] for Goal::numbers, raw; else f32 [0]
  Origin origin = {};
  // Of a series, f32 [n, horizon]: for each target the value of its season before, as far as the window's end knows it.
  Tensor season = {};
  // Of sounds, i32 [n]: how many samples each wave has, at least one; and where it begins in `samples`.
  Tensor lengths = {};
  std::vector<int64_t> starts = {};

  int64_t size() const {
    const Tensor& one_each = schema.sound ? lengths : samples;
    return one_each.shape().rank() == 0 ? 0 : one_each.shape()[0];
  }
  std::span<const int32_t> label_of() const { return labels.as<int32_t>(); }
};

/// The three parts of a set. Validation or test may hold no sample (size 0), train never does.
/// Means and deviations come from the training part alone.
struct Splits {
  Dataset train, validation, test;
  std::vector<std::string> files = {};   // that they were read from; none where they were generated
  std::vector<std::string> remarks = {}; // what was decided on reading, for people: "the target is Survived, ..."
};

/// Of sounds: that sample's wave.
std::span<const float> wave_of(const Dataset& data, int64_t sample);
/// Makes these the samples of a set of sounds: `samples`, `lengths` and `starts`.
void hold_waves(Dataset& data, const std::vector<std::vector<float>>& waves);

/// An empty part: the schema, and no sample.
Dataset empty_like(const Schema& schema);

/// The samples `rows` (each 0 .. n-1, in this order, repeats allowed) as a set of their own.
Dataset take(const Dataset& all, std::span<const int64_t> rows);

/// Goal::numbers: what the net learns in place of the number `raw`, which is the `output`-th of that sample, and the
/// number that an output of the net stands for. In double; each the other's inverse but for rounding. In a series
/// numbers are learned as differences to the window's last value, where that column is anchored.
double learned_of(const Dataset& data, int64_t sample, int64_t output, double raw);
double raw_of(const Dataset& data, int64_t sample, int64_t output, double learned);
/// Of a series: the last value of the sample's window, of the column that is forecast.
double last_value(const Dataset& data, int64_t sample);

/// Samples per class.
std::vector<int64_t> class_counts(const Dataset& data);

/// Throws bad_input at `where` unless shapes and counts agree with the schema and every label is a class.
void check(const Dataset& data, const std::string& where);

/// One mean and deviation (population) per feature of samples f32 or f64 [n, features]; a constant feature
/// gets deviation 1. Sums run in double, in row order.
Scaling standardise(const Tensor& rows);

struct SplitRows {
  std::vector<int64_t> train, validation, test; // each ascending
};
/// Deals n rows into three parts, at random by (seed, "split"). Where `labels` (i32 [n]) is not empty, each
/// class is dealt on its own, so that the parts have the same mixture. A part's share of c rows is
/// floor(c * fraction + 1/2); training keeps the rest, at least one row of each class.
SplitRows split_rows(int64_t n, std::span<const int32_t> labels, double validation, double test, uint64_t seed);
/// The same where rows belong together: all of a group (`groups` i32 [n], from 0 on) come into the same part, whose
/// share is met as nearly as they allow. Throws bad_input where a part that is asked for gets none, or training.
SplitRows split_groups(std::span<const int32_t> groups, double validation, double test, uint64_t seed);

/// For cross-validation: which of `folds` parts each row is in, of equal sizes (up to one), each class spread evenly;
/// with `groups` all of a group in one fold. Dealt by (seed, "folds"). Throws bad_input for fewer than 2 folds, or
/// fewer rows or groups than folds.
std::vector<int32_t> deal_folds(int64_t n, std::span<const int32_t> labels, std::span<const int32_t> groups,
                                int64_t folds, uint64_t seed);

/// The same as three sets, the scaling left as it is.
Splits split(const Dataset& all, double validation, double test, uint64_t seed);

} // namespace vitro

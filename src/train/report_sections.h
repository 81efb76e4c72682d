// The sections of report.html, each from what it shows. Private to src/train.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/page.h"
#include "report/picture.h"
#include "train/cross_validation.h"
#include "train/report.h"

namespace vitro {

struct ReportSources {
  const Model& model;
  const Recipe& recipe;
  const Splits& data;
  const RunDirectory& run;
  const std::string& program;
};

/// The part that the page speaks of, and what the net says of it.
struct JudgedPart {
  const Dataset& data; // `shown_part` of it
  std::string name;    // "test", "validation", "training"
  const Metrics& metrics;
  const Tensor& predictions;  // [n, outputs]
  std::vector<double> errors; // errors_of
  const Baseline& baseline;   // of the same part, as is the linear model
  const std::optional<Baseline>& linear;
  const std::vector<Baseline>& naive;  // of a series or a text
  std::vector<Importance> importances; // empty where the data is no table, or it would take too long
};

// ---- What several sections need -------------------------------------------------------------------

/// Whether a sample is a picture: [1 or 3, height, width].
bool is_picture(const Schema& schema);
/// Numbers [channels, height, width] as a picture: 0 to 255, or, where samples are no bytes, from the least to the
/// largest of them. What has more than `most` pixels on its longer side is shrunk to that.
Raster raster_of(const Schema& schema, std::span<const double> numbers, int64_t most);
/// The same of a sample as it was read.
Raster raster_of(const Dataset& data, int64_t sample, int64_t most);
/// The picture, its longer side `side` CSS pixels long, or longer where it has more pixels.
Markup picture_of(const Raster& raster, const std::string& alt, int64_t side);
/// Of a sound: its mel bands over time, low ones below, from its quietest to its loudest value.
Raster spectrogram_of(const Dataset& data, int64_t sample);
/// "10,000 pictures", "1 row"; with an adjective "10,000 unseen pictures".
std::string counted_samples(int64_t n, const Schema& schema, const std::string& adjective = "");
/// Where the part's samples were found: "t10k-images-idx3-ubyte.gz, counted from 0", "generated from the seed".
std::string source_of(const Dataset& data);
/// A sample's place there: "sample 1232", "line 17".
std::string place_of(const Dataset& data, int64_t sample);
/// "98.1 %" with a blank that no line breaks.
std::string share_text(double share, int decimals);
/// A probability: "0.0012 %", "97.3 %", "> 99.9 %".
std::string probability_text(double probability);
/// A share in percent with as many decimals as `n` samples carry.
std::string share_of_samples(double share, int64_t n);
std::string interval_of_samples(const Interval& interval, int64_t n); // "97.87 to 98.40 %"
/// So many significant digits, as people write them: "52,950", "0.0123", "1.2e-07"; "-" for what is no number.
std::string plain_number(double value, int significant_digits);
/// Of an element of a sample: its column's name, in a window with how long before its last row; "x1" without names.
std::string feature_name(const Schema& schema, int64_t element);
/// A name as far as it is short; on one line where it is very short. The whole of it shows on pointing at it.
Markup name_element(const std::string& name);
/// The same as text.
std::string short_name(const std::string& name);

/// What the net says of a sample.
struct Answer {
  std::string truth, predicted;         // class names, or numbers
  double probability = 0, of_truth = 0; // of the predicted and the true class
  bool right = true;
};
Answer answer_of(const JudgedPart& part, int64_t sample);
/// The index of the class that the net names.
int64_t named_class(const JudgedPart& part, int64_t sample);
/// The cells of the confusion matrix off its diagonal that hold a sample, truth * classes + prediction; the largest
/// first.
std::vector<int64_t> confused_classes(const JudgedPart& part);
/// The samples by how wrong they are, the worst first; of classes the wrong ones alone, unless there is none.
std::vector<int64_t> worst_first(const JudgedPart& part, int64_t count);

// ---- The sections -----------------------------------------------------------------------------------

/// Some samples or the columns, what they become, counts. `with_regions`: points of the plane stand on what the net
/// says of their surroundings, with its present weights.
Markup data_section(const ReportSources& from, bool with_regions);
/// Some training pictures and what is made of them in the first epochs; nothing without augmentation.
Markup augmented_pictures(const ReportSources& from);
/// Whether the data section shows the net's present weights, so that it is made anew with each epoch.
bool data_shows_net(const ReportSources& from);
/// The columns of the training part, what is left out of it, and why.
Markup columns_table(const Dataset& train);
/// Spectrograms of some training sounds of each class, and of what the net takes wrongly.
Markup sounds(const Dataset& train);
Markup mistake_sounds(const JudgedPart& part, const std::vector<int64_t>& samples);
/// Which samples of one part are in another, and which contradict each other. Nothing for generated data.
Markup duplicates_text(const Splits& data);
/// A warning of columns that alone give the answer away; nothing where there is none.
Markup suspects_box(const std::vector<Suspect>& suspects);
/// Permutation importance with as many rows and repeats as take a few tenths of a second; empty where none do, or the
/// data is no table.
std::vector<Importance> importances_within_reason(const Model& model, const Dataset& part);
/// How much the net leans on each column.
Markup importance_section(const JudgedPart& part);
/// `best_epoch`: from 1, 0 for none. `chosen`: the training is over, that epoch's weights stayed.
Markup curves_section(const History& history, int64_t best_epoch, bool chosen, const Baseline& baseline);
/// What went wrong, and how gradients and layers fared over the epochs that were looked into (train/probe.h).
Markup layers_section(const History& layers, const std::vector<Finding>& diagnoses);
/// Beside simpler models; what is taken for what; for numbers what is predicted against what is true.
Markup results_section(const JudgedPart& part);
/// What each fold's net, the linear model and no learning came to on its rows.
Markup folds_section(const CrossValidation& folds);
/// Of a series: the truth and what was said of it before, and the errors by the steps ahead.
Markup forecast_section(const JudgedPart& part);
/// Of a text: bits by epoch, what the net writes, what of the part surprised it, units that follow something.
Markup text_section(const ReportSources& from, const JudgedPart& part, const History& history, int64_t best_epoch);
/// Of a text, in place of the mistakes: the symbols that it found least probable. `file` as below.
Markup surprises_section(const JudgedPart& part, const std::string& file);
/// `file`: where all of them stand ("mistakes.csv"); "" where there is none.
Markup mistakes_section(const JudgedPart& part, const std::string& file);
/// The pictures behind the largest numbers of the confusion matrix, with their places; nothing without mistakes.
Markup confused_pictures(const JudgedPart& part);
/// What some answers hang on: gradient, occlusion, Grad-CAM (explain/attribution.h). Nothing where samples are no
/// pictures or have no classes.
std::optional<Markup> attention_section(const ReportSources& from, const JudgedPart& part);
/// What each layer makes of the picture that the net is furthest off with; nothing where no layer makes maps.
std::optional<Markup> maps_section(const ReportSources& from, const JudgedPart& part);
/// Nothing where the first layer with weights does not look at pictures.
std::optional<Markup> weights_section(const ReportSources& from);
Markup net_section(const ReportSources& from);
Markup explanation_section(const ReportSources& from, const JudgedPart& part);
/// `sha256` of the weights; "" where they aren't settled yet.
Markup reproduction_section(const ReportSources& from, const std::map<std::string, std::string>& notes,
                            const std::string& sha256, double seconds, double samples_per_second, Sums sums);

} // namespace vitro

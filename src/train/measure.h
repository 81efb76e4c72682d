// A model on a whole data set: metrics, and the predictions themselves.
#pragma once

#include <functional>

#include "model/model.h"
#include "train/metrics.h"

namespace vitro {

/// The samples `rows` as the model takes them: x [rows, ...sample], of sequences the steps that count (i32 [rows];
/// empty: all), and their targets (i32 [rows] or [rows, outputs]).
struct SampleBatch {
  Tensor x, lengths, targets;
  Inputs inputs() const { return {x, lengths}; }
  /// For a function of the model: its size, and what it is called with, in this order.
  BatchSize size(const ModelSpec& spec) const {
    return {x.shape()[0], spec.sequence ? x.shape()[1] : 0, lengths.shape().rank() > 0};
  }
  std::vector<Tensor> arguments() const {
    return lengths.shape().rank() > 0 ? std::vector{x, lengths, targets} : std::vector{x, targets};
  }
};
SampleBatch batch_of(const Dataset& data, std::span<const int64_t> rows, DType dtype);
/// The same into `batch`, which is only made anew where its shape differs.
void fill(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch);
/// Without targets: what a prediction needs.
void fill_inputs(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch);
/// Its two halves, for whoever makes the samples otherwise (train/feed.h): room for `rows` of them, of sounds with so
/// many steps, and their targets.
View room_for_samples(const Dataset& data, int64_t rows, DType dtype, SampleBatch& batch, int64_t steps = 0);
void fill_answers(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch);

/// Evaluates `data` (labelled) in batches of a fixed size, in order, sounds by their lengths: the same numbers whoever
/// asks. `predictions`, where it is given, becomes what predict_all returns.
Metrics measure(const Model& model, const Dataset& data, Tensor* predictions = nullptr);

/// The same with what recurrent layers remember, where batches continue one another (ModelSpec::carried): a text is
/// read as so many streams, from its beginning; windows that fill none, fewer than there are streams, begin with no
/// memory. Changes what the model remembers. `predictions` are those of `shown_part`.
Metrics measure_on(Model& model, const Dataset& data, Tensor* predictions = nullptr);

/// Predictions of all samples, [n, outputs], of a text one row for each step; needs no labels.
Tensor predict_all(const Model& model, const Dataset& data);

/// What of a part is listed and shown beside its predictions: of a text each step as a sample of its own, and only the
/// first windows where there are more than 2^24 predictions; anything else as it is.
Dataset shown_part(const Dataset& part);

/// How wrong the prediction of each sample is, [n]; `predictions` as predict_all gives them, `data` by_step. Classes:
/// one minus the probability of the true one, plus one where another had more; numbers: the squared distance, in the
/// target's scale.
std::vector<double> errors_of(const Tensor& predictions, const Dataset& data);

/// The sample of `data` with the largest loss: of the wrongly classified ones if there are any. -1 where `data` is
/// empty.
int64_t worst_sample(const Model& model, const Dataset& data);

} // namespace vitro

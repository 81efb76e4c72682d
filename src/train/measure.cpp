#include "train/measure.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "data/batches.h"

namespace vitro {
namespace {

constexpr int64_t batch_size = 250; // divides the usual test parts, so that one plan serves

Shape with_batch(int64_t rows, const Shape& sample) {
  std::vector<int64_t> extents = {rows};
  extents.insert(extents.end(), sample.extents().begin(), sample.extents().end());
  return Shape(extents);
}

// In the set's order; sounds by their lengths, so that little is padded.
template <class Body> void in_batches(const Dataset& data, Body body) {
  const int64_t n = data.size();
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (data.schema.sound) std::ranges::stable_sort(order, {}, [&](int64_t row) { return frames_of(data, row); });
  for (int64_t begin = 0; begin < n; begin += batch_size)
    body(std::span<const int64_t>(order).subspan(size_t(begin), size_t(std::min(batch_size, n - begin))));
}

// What was said of these rows, at their places in [n, outputs].
void put(const Tensor& said, std::span<const int64_t> rows, Tensor& all) {
  const int64_t bytes = said.type().bytes() / int64_t(rows.size());
  const auto* from = static_cast<const std::byte*>(said.view().data);
  auto* to = static_cast<std::byte*>(all.view().data);
  for (size_t i = 0; i < rows.size(); ++i) std::memcpy(to + rows[i] * bytes, from + int64_t(i) * bytes, size_t(bytes));
}

} // namespace

namespace {

void make_room(Tensor& held, const Type& type) {
  if (held.type() != type) held = Tensor(type);
}

} // namespace

View room_for_samples(const Dataset& data, int64_t rows, DType dtype, SampleBatch& batch, int64_t steps) {
  const bool of_lengths = data.schema.sound.has_value();
  if (of_lengths) make_room(batch.lengths, {DType::i32, {rows}});
  make_room(batch.x, {dtype, of_lengths ? Shape{rows, steps, data.schema.sound->width()}
                                        : with_batch(rows, data.schema.net_input())});
  return batch.x.view();
}

void fill_answers(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch) {
  const auto n = int64_t(rows.size());
  const bool classes = data.schema.goal == Goal::classes;
  make_room(batch.targets, classes ? Type{DType::i32, {n}} : Type{dtype, {n, data.schema.outputs()}});
  if (classes)
    fill_labels(data, rows, batch.targets.view());
  else
    fill_targets(data, rows, batch.targets.view());
}

void fill_inputs(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch) {
  const bool of_lengths = data.schema.sound.has_value();
  const int64_t steps = of_lengths ? steps_of(data, rows) : 0;
  fill_samples(data, rows, room_for_samples(data, int64_t(rows.size()), dtype, batch, steps));
  if (of_lengths) fill_lengths(data, rows, batch.lengths.view());
}

void fill(const Dataset& data, std::span<const int64_t> rows, DType dtype, SampleBatch& batch) {
  fill_inputs(data, rows, dtype, batch);
  fill_answers(data, rows, dtype, batch);
}

SampleBatch batch_of(const Dataset& data, std::span<const int64_t> rows, DType dtype) {
  SampleBatch batch;
  fill(data, rows, dtype, batch);
  return batch;
}

Metrics measure(const Model& model, const Dataset& data, Tensor* predictions) {
  Tally tally(data.schema);
  SampleBatch batch;
  if (predictions) *predictions = Tensor({model.spec().dtype, {data.size(), model.spec().outputs}});
  in_batches(data, [&](std::span<const int64_t> rows) {
    fill(data, rows, model.spec().dtype, batch);
    const Evaluation evaluation = model.evaluate(batch.inputs(), batch.targets);
    tally.add(data, rows, evaluation.loss, evaluation.predictions);
    if (predictions) put(evaluation.predictions, rows, *predictions);
  });
  return tally.metrics();
}

Tensor predict_all(const Model& model, const Dataset& data) {
  const DType dtype = model.spec().dtype;
  Tensor out({dtype, {data.size(), model.spec().outputs}});
  SampleBatch batch;
  in_batches(data, [&](std::span<const int64_t> rows) {
    fill_inputs(data, rows, dtype, batch);
    put(model.predict(batch.inputs()), rows, out);
  });
  return out;
}

std::vector<double> errors_of(const Tensor& predictions, const Dataset& data) {
  const int64_t n = data.size(), width = n > 0 ? predictions.elements() / n : 0;
  std::vector<double> errors;
  for (int64_t i = 0; i < n; ++i) {
    double error = 0;
    if (data.schema.goal == Goal::classes) {
      const int64_t truth = data.label_of()[size_t(i)];
      double of_truth = 0, largest = 0;
      if (width == 1) {
        const double of_one = predictions.at(i);
        of_truth = truth == 1 ? of_one : 1 - of_one;
        largest = std::max(of_one, 1 - of_one);
      } else {
        of_truth = predictions.at(i * width + truth);
        for (int64_t j = 0; j < width; ++j) largest = std::max(largest, predictions.at(i * width + j));
      }
      error = (1 - of_truth) + (of_truth < largest ? 1 : 0);
    } else {
      for (int64_t j = 0; j < width; ++j) {
        const double away = predictions.at(i * width + j) - learned_of(data, i, j, data.targets.at(i * width + j));
        error += away * away;
      }
    }
    errors.push_back(error);
  }
  return errors;
}

int64_t worst_sample(const Model& model, const Dataset& data) {
  const std::vector<double> errors = errors_of(predict_all(model, data), data);
  return errors.empty() ? -1 : std::max_element(errors.begin(), errors.end()) - errors.begin();
}

} // namespace vitro

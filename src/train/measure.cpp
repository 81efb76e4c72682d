#include "train/measure.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "data/batches.h"
#include "data/texts.h"

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
  const int64_t answers = data.schema.answers();
  make_room(batch.targets, !classes      ? Type{dtype, {n, data.schema.outputs()}}
                           : answers > 1 ? Type{DType::i32, {n, answers}}
                                         : Type{DType::i32, {n}});
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

namespace {

// Evaluations of batches of windows, put together: what is measured, and the predictions of the first so many samples.
class Measuring {
public:
  Measuring(const Model& model, const Dataset& data, Tensor* predictions)
      : steps_(by_step(data)), answers_(data.schema.answers()), tally_(data.schema) {
    if (!predictions) return;
    shown_ = shown_part(data).size();
    *predictions = Tensor({model.spec().dtype, {shown_, model.spec().outputs}});
    bytes_ = static_cast<std::byte*>(predictions->view().data);
  }

  void add(std::span<const int64_t> rows, const Evaluation& evaluation) {
    if (answers_ == 1) {
      tally_.add(steps_, rows, evaluation.loss, evaluation.predictions);
    } else {
      expanded_.clear();
      for (const int64_t row : rows)
        for (int64_t t = 0; t < answers_; ++t) expanded_.push_back(row * answers_ + t);
      tally_.add(steps_, expanded_, evaluation.loss, evaluation.predictions);
    }
    if (!bytes_) return;
    const auto* from = static_cast<const std::byte*>(evaluation.predictions.view().data);
    const auto size = evaluation.predictions.type().bytes() / int64_t(rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      if ((rows[i] + 1) * answers_ <= shown_)
        std::memcpy(bytes_ + rows[i] * size, from + int64_t(i) * size, size_t(size));
  }

  Metrics metrics() const { return tally_.metrics(); }

private:
  const Dataset steps_;
  const int64_t answers_;
  Tally tally_;
  std::vector<int64_t> expanded_;
  int64_t shown_ = 0;
  std::byte* bytes_ = nullptr;
};

} // namespace

Metrics measure(const Model& model, const Dataset& data, Tensor* predictions) {
  Measuring measuring(model, data, predictions);
  SampleBatch batch;
  in_batches(data, [&](std::span<const int64_t> rows) {
    fill(data, rows, model.spec().dtype, batch);
    measuring.add(rows, model.evaluate(batch.inputs(), batch.targets));
  });
  return measuring.metrics();
}

Metrics measure_on(Model& model, const Dataset& data, Tensor* predictions) {
  const int64_t streams = model.spec().carried;
  if (streams == 0 || data.schema.answers() == 1) return measure(model, data, predictions);
  Measuring measuring(model, data, predictions);
  SampleBatch batch;
  model.forget();
  int64_t read = 0;
  if (data.size() >= streams) {
    Batches batches(data.size(), streams, 0, Order::continued);
    for (int64_t k = 0; k < batches.per_epoch(); ++k) {
      const std::span<const int64_t> rows = batches.rows({0, k});
      fill(data, rows, model.spec().dtype, batch);
      measuring.add(rows, model.evaluate_next(batch.inputs(), batch.targets));
    }
    read = batches.samples();
  }
  std::vector<int64_t> rest(size_t(data.size() - read));
  std::iota(rest.begin(), rest.end(), read);
  if (!rest.empty()) {
    fill(data, rest, model.spec().dtype, batch);
    measuring.add(rest, model.evaluate(batch.inputs(), batch.targets));
  }
  model.forget();
  return measuring.metrics();
}

Dataset shown_part(const Dataset& part) {
  constexpr int64_t most = int64_t{1} << 24;
  const int64_t windows = std::max<int64_t>(1, most / (part.schema.answers() * part.schema.outputs()));
  if (part.schema.answers() == 1 || part.size() <= windows) return by_step(part);
  std::vector<int64_t> first(static_cast<size_t>(windows));
  std::iota(first.begin(), first.end(), int64_t{0});
  return by_step(take(part, first));
}

Tensor predict_all(const Model& model, const Dataset& data) {
  const DType dtype = model.spec().dtype;
  Tensor out({dtype, {data.size() * data.schema.answers(), model.spec().outputs}});
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
  const std::vector<double> errors = errors_of(predict_all(model, data), by_step(data));
  if (errors.empty()) return -1;
  return (std::max_element(errors.begin(), errors.end()) - errors.begin()) / data.schema.answers();
}

} // namespace vitro

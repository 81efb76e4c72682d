#include "data/batches.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro {

Batches::Batches(int64_t samples, int64_t batch, uint64_t seed, Order order, std::vector<int64_t> steps)
    : samples_(samples), batch_(batch), seed_(seed), order_(order), steps_(std::move(steps)) {
  if (batch < 1) bad_input("data", text("batch is ", batch, ", at least 1 was expected"));
  if (samples < 1) bad_input("data", "there is no sample to make a batch of");
  if (order != Order::continued) return;
  if (samples < batch)
    bad_input("data", text("batch is ", batch, ", but there are ", samples, " windows to be read on from"),
              text("batch=", samples, " or less, shorter windows (data.steps), or a longer text"));
  samples_ -= samples % batch;
}

void Batches::sort_by_steps(int64_t epoch) {
  const int64_t piece = batches_sorted_together * batch_;
  for (int64_t first = 0; first < samples_; first += piece)
    std::stable_sort(permutation_.begin() + first, permutation_.begin() + std::min(samples_, first + piece),
                     [&](int64_t a, int64_t b) { return steps_[size_t(a)] < steps_[size_t(b)]; });
  const std::vector<int64_t> order =
      vitro::permutation(Stream(seed_, "shuffle.batches", uint64_t(epoch)), samples_ / batch_);
  const std::vector<int64_t> sorted = permutation_;
  for (size_t i = 0; i < order.size(); ++i)
    std::copy_n(sorted.begin() + order[i] * batch_, batch_, permutation_.begin() + int64_t(i) * batch_);
}

std::span<const int64_t> Batches::rows(Position at) {
  if (at.epoch < 0 || at.batch < 0 || at.batch >= per_epoch())
    bad_input("data", text("batch ", at.batch, " of epoch ", at.epoch, ": an epoch has ", per_epoch(), " batches"),
              "the checkpoint was saved with another batch size or another set");
  if (order_ == Order::shuffled ? held_epoch_ != at.epoch : permutation_.empty()) {
    if (order_ == Order::shuffled) {
      permutation_ = permutation(Stream(seed_, "shuffle", uint64_t(at.epoch)), samples_);
      if (!steps_.empty()) sort_by_steps(at.epoch);
    } else {
      permutation_.resize(size_t(samples_));
      std::iota(permutation_.begin(), permutation_.end(), int64_t{0});
    }
    if (order_ == Order::continued) // place k * batch + s of the list is the k-th sample of stream s
      for (int64_t i = 0; i < samples_; ++i) permutation_[size_t(i)] = i % batch_ * per_epoch() + i / batch_;
    held_epoch_ = at.epoch;
  }
  const int64_t first = at.batch * batch_, count = std::min(batch_, samples_ - first);
  return std::span<const int64_t>(permutation_).subspan(size_t(first), size_t(count));
}

Position Batches::after(Position at) const {
  return at.batch + 1 < per_epoch() ? Position{at.epoch, at.batch + 1} : Position{at.epoch + 1, 0};
}

namespace {

void expect(const Dataset& data, std::span<const int64_t> rows, int64_t per_row, View out) {
  if (out.type.shape.elements() != int64_t(rows.size()) * per_row)
    bad_input("data", text("a batch of ", rows.size(), " rows of ", per_row, " numbers does not fit ", out.type));
  for (const int64_t row : rows)
    if (row < 0 || row >= data.size()) bad_input("data", text("row ", row, " of ", data.size()));
}

// Runs body(i) for each row of the batch, about 16,000 numbers to a task.
template <class Body> void each_row(int64_t rows, int64_t per_row, Body&& body) {
  const int64_t at_once = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, per_row));
  parallel((rows + at_once - 1) / at_once, [&](int64_t task) {
    for (int64_t i = task * at_once; i < std::min(rows, (task + 1) * at_once); ++i) body(i);
  });
}

template <class Raw, class Out>
void fill_by_formula(const Raw* all, const Scaling& scaling, std::span<const int64_t> rows, int64_t per_row, Out* out) {
  const auto groups = int64_t(scaling.mean.size()), run = per_row / groups;
  each_row(int64_t(rows.size()), per_row, [&](int64_t i) {
    const Raw* from = all + rows[size_t(i)] * per_row;
    Out* to = out + i * per_row;
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t e = 0; e < run; ++e) *to++ = Out(scaling.apply(double(*from++), g));
  });
}

// A byte has 256 values, so with few groups the formula runs once for each and the rest is looking up: same bits.
// The tables lie on the stack, since a training step allocates nothing.
constexpr int64_t most_tables = 4;

template <class Out> void fill_by_table(const uint8_t* all, const Scaling& scaling, std::span<const int64_t> rows,
                                        int64_t per_row, Out* out) {
  const auto groups = int64_t(scaling.mean.size()), run = per_row / groups;
  Out tables[most_tables][256];
  for (int64_t g = 0; g < groups; ++g)
    for (int value = 0; value < 256; ++value) tables[g][value] = Out(scaling.apply(value, g));
  each_row(int64_t(rows.size()), per_row, [&](int64_t i) {
    const uint8_t* from = all + rows[size_t(i)] * per_row;
    Out* to = out + i * per_row;
    for (int64_t g = 0; g < groups; ++g, from += run, to += run) {
      const Out* table = tables[g];
      for (int64_t e = 0; e < run; ++e) to[e] = table[from[e]];
    }
  });
}

template <class Out>
void fill(const Tensor& values, const Scaling& scaling, std::span<const int64_t> rows, int64_t per_row, Out* out) {
  if (values.dtype() == DType::f32)
    fill_by_formula(values.as<float>().data(), scaling, rows, per_row, out);
  else if (values.dtype() == DType::f64)
    fill_by_formula(values.as<double>().data(), scaling, rows, per_row, out);
  else if (int64_t(scaling.mean.size()) <= most_tables)
    fill_by_table(values.as<uint8_t>().data(), scaling, rows, per_row, out);
  else
    fill_by_formula(values.as<uint8_t>().data(), scaling, rows, per_row, out);
}

void fill(const Tensor& values, const Scaling& scaling, std::span<const int64_t> rows, int64_t per_row, View out) {
  if (out.type.dtype == DType::f64)
    fill(values, scaling, rows, per_row, out.as<double>().data());
  else
    fill(values, scaling, rows, per_row, out.as<float>().data());
}

template <class Raw, class Out>
void fill_by_columns(const Schema& schema, const Raw* all, std::span<const int64_t> rows, Out* out) {
  const auto columns = int64_t(schema.columns.size()), per_row = schema.sample.elements();
  const int64_t width = encoded_width(schema.columns), steps = per_row / columns;
  each_row(int64_t(rows.size()), steps * width, [&](int64_t i) {
    const Raw* const first = all + rows[size_t(i)] * per_row;
    for (int64_t t = 0; t < steps; ++t)
      encode(std::span(schema.columns), first + t * columns, out + (i * steps + t) * width,
             first + (steps - 1) * columns);
  });
}

void fill_by_columns(const Dataset& data, std::span<const int64_t> rows, View out) {
  const auto from = [&](const auto* raw) {
    if (out.type.dtype == DType::f64)
      fill_by_columns(data.schema, raw, rows, out.as<double>().data());
    else
      fill_by_columns(data.schema, raw, rows, out.as<float>().data());
  };
  if (data.schema.raw == DType::f64)
    from(data.samples.as<double>().data());
  else
    from(data.samples.as<float>().data());
}

} // namespace

int64_t frames_of(const Dataset& data, int64_t row) {
  return data.schema.sound->frames_of(data.lengths.as<int32_t>()[size_t(row)]);
}

std::vector<int64_t> frames_of(const Dataset& data) {
  std::vector<int64_t> out;
  for (int64_t row = 0; data.schema.sound && row < data.size(); ++row) out.push_back(frames_of(data, row));
  return out;
}

int64_t steps_of(const Dataset& data, std::span<const int64_t> rows) {
  int64_t longest = 1;
  for (const int64_t row : rows) longest = std::max(longest, frames_of(data, row));
  return bucket_of(longest);
}

void fill_lengths(const Dataset& data, std::span<const int64_t> rows, View out) {
  expect(data, rows, 1, out);
  const auto to = out.as<int32_t>();
  for (size_t i = 0; i < rows.size(); ++i) to[i] = int32_t(frames_of(data, rows[i]));
}

void write_features(const Schema& schema, const std::vector<double>& features, int64_t row, View out) {
  const int64_t width = schema.sound->width(), all = out.type.shape[1] * width, held = int64_t(features.size());
  const bool of_each = schema.input.mean.size() > 1;
  const auto write = [&](auto* to) {
    using Out = std::remove_reference_t<decltype(*to)>;
    for (int64_t e = 0; e < held; ++e) to[e] = Out(schema.input.apply(features[size_t(e)], of_each ? e % width : 0));
    std::fill(to + held, to + all, Out(0));
  };
  if (out.type.dtype == DType::f64)
    write(out.as<double>().data() + row * all);
  else
    write(out.as<float>().data() + row * all);
}

namespace {

void fill_by_frames(const Dataset& data, std::span<const int64_t> rows, View out) {
  const auto n = int64_t(rows.size());
  const FeatureMaker maker(*data.schema.sound);
  parallel(n, [&](int64_t i) { write_features(data.schema, maker.features(wave_of(data, rows[size_t(i)])), i, out); });
}

} // namespace

void fill_samples(const Dataset& data, std::span<const int64_t> rows, View out) {
  if (data.schema.sound) {
    const int64_t steps = out.type.shape.rank() == 3 ? out.type.shape[1] : 0;
    expect(data, rows, steps * data.schema.sound->width(), out);
    for (const int64_t row : rows)
      if (frames_of(data, row) > steps)
        bad_input("data", text("row ", row, " has ", frames_of(data, row), " frames, a batch ", out.type));
    fill_by_frames(data, rows, out);
    return;
  }
  const int64_t per_row = data.schema.sample.elements();
  if (!data.schema.columns.empty()) {
    expect(data, rows, per_row / int64_t(data.schema.columns.size()) * encoded_width(data.schema.columns), out);
    fill_by_columns(data, rows, out);
    return;
  }
  expect(data, rows, per_row, out);
  fill(data.samples, data.schema.input, rows, per_row, out);
}

void fill_labels(const Dataset& data, std::span<const int64_t> rows, View out) {
  const int64_t per_row = data.schema.answers();
  expect(data, rows, per_row, out);
  const int32_t* const from = data.label_of().data();
  int32_t* to = out.as<int32_t>().data();
  for (const int64_t row : rows) to = std::copy_n(from + row * per_row, per_row, to);
}

void fill_targets(const Dataset& data, std::span<const int64_t> rows, View out) {
  const int64_t per_row = data.schema.outputs();
  expect(data, rows, per_row, out);
  if (!data.schema.forecast) {
    fill(data.targets, data.schema.target, rows, per_row, out);
    return;
  }
  const auto anchored = [&](auto* to) {
    for (const int64_t row : rows)
      for (int64_t j = 0; j < per_row; ++j) {
        const double learned = learned_of(data, row, j, data.targets.at(row * per_row + j));
        *to++ = std::remove_reference_t<decltype(*to)>(learned);
      }
  };
  if (out.type.dtype == DType::f64)
    anchored(out.as<double>().data());
  else
    anchored(out.as<float>().data());
}

} // namespace vitro

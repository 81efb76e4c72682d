#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/math.h"
#include "core/random.h"
#include "core/text.h"

namespace vitro {
namespace {

Shape with_rows(int64_t n, const Shape& sample) {
  std::vector<int64_t> extents = sample.list();
  extents.insert(extents.begin(), n);
  return Shape(extents);
}

Shape label_shape(const Schema& schema, int64_t n) {
  return schema.answers() > 1 ? Shape{n, schema.answers()} : Shape{n};
}

Tensor take_rows(const Tensor& all, std::span<const int64_t> rows) {
  std::vector<int64_t> extents = all.shape().list();
  const int64_t n = extents[0], row_bytes = n == 0 ? 0 : all.type().bytes() / n;
  extents[0] = int64_t(rows.size());
  Tensor out(Type{all.dtype(), Shape(extents)});
  const auto* from = static_cast<const std::byte*>(all.view().data);
  auto* to = static_cast<std::byte*>(out.view().data);
  for (const int64_t row : rows) {
    if (row < 0 || row >= n) bad_input("data", text("row ", row, " of ", n));
    std::memcpy(to, from + row * row_bytes, size_t(row_bytes));
    to += row_bytes;
  }
  return out;
}

} // namespace

std::string Scaling::str() const {
  if (*this == Scaling{}) return "as it is";
  std::string raw = scale == 1 ? "x" : scale == 1.0 / 255 ? "x / 255" : text("x * ", scale);
  if (mean.size() > 1) return text("(", raw, " - mean) / deviation, for each of ", mean.size());
  if (mean[0] == 0 && deviation[0] == 1) return raw;
  return text("(", raw, " - ", mean[0], ") / ", deviation[0]);
}

const char* name(Goal goal) { return goal == Goal::classes ? "classification" : "regression"; }

int64_t Schema::outputs() const { return int64_t(goal == Goal::classes ? classes.size() : targets.size()); }

Shape Schema::net_input() const {
  if (sound) return Shape{sound->frames_of(sample[0]), sound->width()};
  if (columns.empty()) return sample;
  std::vector<int64_t> extents = sample.list();
  extents.back() = encoded_width(columns);
  return Shape(extents);
}

std::string Schema::asked() const {
  return forecast && targets.size() > 1 ? vitro::text(targets[0], " to +", targets.size()) : join(targets, ", ");
}

std::span<const float> wave_of(const Dataset& data, int64_t sample) {
  return data.samples.as<float>().subspan(size_t(data.starts[size_t(sample)]),
                                          size_t(data.lengths.as<int32_t>()[size_t(sample)]));
}

namespace {

// `wave(i)` is the i-th of n.
template <class Wave> void hold(Dataset& data, int64_t n, Wave wave) {
  data.starts.clear();
  data.lengths = Tensor(Type{DType::i32, {n}});
  int64_t all = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto length = int64_t(wave(i).size());
    data.starts.push_back(all);
    data.lengths.as<int32_t>()[size_t(i)] = int32_t(length);
    all += length;
  }
  Tensor samples(Type{DType::f32, {all}});
  float* to = samples.as<float>().data();
  for (int64_t i = 0; i < n; ++i) to = std::ranges::copy(wave(i), to).out;
  data.samples = std::move(samples);
}

} // namespace

void hold_waves(Dataset& data, const std::vector<std::vector<float>>& waves) {
  hold(data, int64_t(waves.size()), [&](int64_t i) { return std::span<const float>(waves[size_t(i)]); });
}

Dataset empty_like(const Schema& schema) {
  const Shape targets = schema.goal == Goal::numbers ? Shape{0, schema.outputs()} : Shape{0};
  return {schema,
          Tensor(Type{schema.raw, schema.sound ? Shape{0} : with_rows(0, schema.sample)}),
          Tensor(Type{DType::i32, label_shape(schema, 0)}),
          Tensor(Type{DType::f32, targets}),
          {},
          schema.forecast ? Tensor(Type{DType::f32, targets}) : Tensor(),
          schema.sound ? Tensor(Type{DType::i32, {0}}) : Tensor(),
          {}};
}

Dataset take(const Dataset& all, std::span<const int64_t> rows) {
  const bool classes = all.schema.goal == Goal::classes;
  Dataset out{all.schema,
              all.schema.sound ? Tensor() : take_rows(all.samples, rows),
              classes ? take_rows(all.labels, rows) : all.labels,
              classes ? all.targets : take_rows(all.targets, rows),
              {all.origin.file, all.origin.counts, {}, all.origin.names},
              all.schema.forecast ? take_rows(all.season, rows) : all.season,
              {},
              {}};
  // Only now: take_rows has seen that they are rows.
  for (const int64_t row : rows) out.origin.places.push_back(all.origin.place(row));
  if (all.schema.sound) hold(out, int64_t(rows.size()), [&](int64_t i) { return wave_of(all, rows[size_t(i)]); });
  return out;
}

double last_value(const Dataset& data, int64_t sample) {
  const Schema& schema = data.schema;
  const int64_t columns = schema.sample[1];
  return data.samples.at((sample * schema.window() + schema.window() - 1) * columns + schema.forecast->column);
}

namespace {

double anchor_of(const Dataset& data, int64_t sample) {
  const std::optional<Forecast>& forecast = data.schema.forecast;
  return forecast && data.schema.columns[size_t(forecast->column)].anchored ? last_value(data, sample) : 0;
}

// Scaling groups are equal runs of the outputs.
int64_t group_of(const Schema& schema, int64_t output) {
  const auto groups = int64_t(schema.target.mean.size());
  return groups == 1 ? 0 : output * groups / schema.outputs();
}

} // namespace

double learned_of(const Dataset& data, int64_t sample, int64_t output, double raw) {
  return data.schema.target.apply(raw - anchor_of(data, sample), group_of(data.schema, output));
}

double raw_of(const Dataset& data, int64_t sample, int64_t output, double learned) {
  return data.schema.target.undo(learned, group_of(data.schema, output)) + anchor_of(data, sample);
}

std::vector<int64_t> class_counts(const Dataset& data) {
  std::vector<int64_t> counts(data.schema.classes.size());
  if (data.schema.goal == Goal::classes)
    for (const int32_t label : data.label_of()) ++counts[size_t(label)];
  return counts;
}

namespace {

void check_waves(const Dataset& data, const std::string& where) {
  const Schema& schema = data.schema;
  check(*schema.sound, where);
  if (schema.raw != DType::f32 || schema.sample.rank() != 1 || data.samples.dtype() != DType::f32 ||
      data.samples.shape().rank() != 1 || data.lengths.dtype() != DType::i32 || data.lengths.shape().rank() != 1 ||
      data.starts.size() != size_t(data.size()))
    bad_input(where, text("samples are ", data.samples.type(), ", lengths ", data.lengths.type(),
                          ", waves f32 [all] and i32 [n] were expected"));
  int64_t all = 0;
  for (size_t i = 0; i < data.starts.size(); ++i) {
    const int64_t length = data.lengths.as<int32_t>()[i];
    if (length < 1 || data.starts[i] != all)
      bad_input(where, text("wave ", i, " has ", length, " samples from ", data.starts[i], " on"));
    all += length;
  }
  if (all != data.samples.elements()) bad_input(where, text("waves of ", all, " samples in ", data.samples.type()));
}

} // namespace

void check(const Dataset& data, const std::string& where) {
  const Schema& schema = data.schema;
  const int64_t n = data.size();
  if (schema.sound)
    check_waves(data, where);
  else if (data.samples.type() != Type{schema.raw, with_rows(n, schema.sample)})
    bad_input(where, text("samples are ", data.samples.type(), ", ", name(schema.raw), " [n] of ", schema.sample,
                          " was expected"));
  if (!schema.columns.empty() &&
      (schema.sample.rank() == 0 || schema.sample.list().back() != int64_t(schema.columns.size())))
    bad_input(where, text("samples ", schema.sample, " of ", schema.columns.size(), " columns"));
  const auto groups = int64_t(schema.input.mean.size());
  if (groups == 0 || schema.input.deviation.size() != schema.input.mean.size() ||
      (schema.sound ? schema.sound->width() : schema.sample.elements()) % groups != 0)
    bad_input(where,
              text(groups, " means and ", schema.input.deviation.size(), " deviations for samples ", schema.sample));
  for (const Scaling* scaling : {&schema.input, &schema.target})
    for (size_t i = 0; i < scaling->mean.size(); ++i)
      if (!std::isfinite(scaling->mean[i]) || !std::isfinite(scaling->deviation[i]) || !(scaling->deviation[i] > 0))
        bad_input(where, text("mean ", scaling->mean[i], " and deviation ", scaling->deviation[i], " of number ", i + 1,
                              " are no scaling"));
  if (schema.goal == Goal::numbers) {
    if (data.targets.type() != Type{DType::f32, {n, schema.outputs()}})
      bad_input(where, text(n, " samples, but targets ", data.targets.type()));
    return;
  }
  if (data.labels.type() != Type{DType::i32, label_shape(schema, n)})
    bad_input(where, text(n, " samples, but labels ", data.labels.type()));
  const auto labels = data.label_of();
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= schema.outputs())
      bad_input(where, text("label ", labels[i], " of sample ", int64_t(i) / schema.answers(),
                            " is out of range: there are ", schema.outputs(), " classes, 0 to ", schema.outputs() - 1));
}

Scaling standardise(const Tensor& rows) {
  const int64_t n = rows.shape()[0], features = rows.shape()[1];
  if (n == 0) bad_input("data", "no rows to take a mean of");
  Scaling out{1, std::vector<double>(size_t(features)), std::vector<double>(size_t(features))};
  for (int64_t i = 0; i < n; ++i)
    for (int64_t f = 0; f < features; ++f) out.mean[size_t(f)] += rows.at(i * features + f);
  for (double& mean : out.mean) mean /= double(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t f = 0; f < features; ++f) {
      const double d = rows.at(i * features + f) - out.mean[size_t(f)];
      out.deviation[size_t(f)] += d * d;
    }
  for (int64_t f = 0; f < features; ++f) {
    double& deviation = out.deviation[size_t(f)];
    deviation = math::sqrt(deviation / double(n));
    // Below this the spread of a constant column is only the rounding of its mean.
    if (deviation <= 1e-9 * std::fabs(out.mean[size_t(f)])) deviation = 1;
    if (deviation == 0) deviation = 1;
  }
  return out;
}

SplitRows split_rows(int64_t n, std::span<const int32_t> labels, double validation, double test, uint64_t seed) {
  if (!(validation >= 0) || !(test >= 0) || !(validation + test < 1))
    bad_input("data", text("validation = ", validation, " and test = ", test, " leave nothing to train on"),
              "both are shares of the whole, such as 0.1");
  int32_t classes = 1;
  for (const int32_t label : labels) classes = std::max(classes, label + 1);
  std::vector<int64_t> count(size_t(classes), labels.empty() ? n : 0), dealt(static_cast<size_t>(classes));
  for (const int32_t label : labels) ++count[size_t(label)];

  enum : uint8_t { to_train, to_validation, to_test };
  std::vector<uint8_t> part(size_t(n), to_train);
  for (const int64_t row : permutation(Stream(seed, "split"), n)) {
    const size_t c = labels.empty() ? 0 : size_t(labels[size_t(row)]);
    const auto share = [&](double fraction) { return int64_t(std::floor(double(count[c]) * fraction + 0.5)); };
    // Training's at least one row of a class comes first, then test, then validation.
    const int64_t testing = std::min(share(test), count[c] - 1);
    const int64_t validating = std::min(share(validation), count[c] - 1 - testing);
    const int64_t place = dealt[c]++;
    part[size_t(row)] = place < testing ? to_test : place < testing + validating ? to_validation : to_train;
  }
  SplitRows out;
  for (int64_t row = 0; row < n; ++row)
    (part[size_t(row)] == to_train  ? out.train
     : part[size_t(row)] == to_test ? out.test
                                    : out.validation)
        .push_back(row);
  return out;
}

SplitRows split_groups(std::span<const int32_t> groups, double validation, double test, uint64_t seed) {
  const auto n = int64_t(groups.size());
  if (!(validation >= 0) || !(test >= 0) || !(validation + test < 1))
    bad_input("data", text("validation = ", validation, " and test = ", test, " leave nothing to train on"),
              "both are shares of the whole, such as 0.1");
  int32_t count = 0;
  for (const int32_t group : groups) count = std::max(count, group + 1);
  std::vector<int64_t> size(size_t(count), 0);
  for (const int32_t group : groups) ++size[size_t(group)];
  enum : uint8_t { to_train, to_validation, to_test };
  std::vector<uint8_t> part(size_t(count), to_train);
  int64_t testing = 0, validating = 0;
  // A group comes into a part while that brings its size nearer to its share.
  const auto fits = [&](int64_t held, int64_t more, double share) {
    return double(held) + double(more) / 2 <= share * double(n);
  };
  for (const int64_t group : permutation(Stream(seed, "split"), count)) {
    const int64_t rows = size[size_t(group)];
    if (test > 0 && (testing == 0 || fits(testing, rows, test))) {
      part[size_t(group)] = to_test;
      testing += rows;
    } else if (validation > 0 && (validating == 0 || fits(validating, rows, validation))) {
      part[size_t(group)] = to_validation;
      validating += rows;
    }
  }
  SplitRows out;
  for (int64_t row = 0; row < n; ++row) {
    const uint8_t to = part[size_t(groups[size_t(row)])];
    (to == to_train ? out.train : to == to_test ? out.test : out.validation).push_back(row);
  }
  if (out.train.empty() || (test > 0 && out.test.empty()) || (validation > 0 && out.validation.empty()))
    bad_input("data", text("there are ", count, " groups: too few for training, validation and test"),
              "set validation=0, give a file of its own with --test, or group by another column");
  return out;
}

std::vector<int32_t> deal_folds(int64_t n, std::span<const int32_t> labels, std::span<const int32_t> groups,
                                int64_t folds, uint64_t seed) {
  if (folds < 2) bad_input("data", text("folds is ", folds), "at least 2 folds are dealt");
  std::vector<int32_t> out(static_cast<size_t>(n));
  if (!groups.empty()) {
    int32_t count = 0;
    for (const int32_t group : groups) count = std::max(count, group + 1);
    if (count < folds) bad_input("data", text("there are ", count, " groups for ", folds, " folds"), "ask for fewer");
    std::vector<int64_t> size(size_t(count), 0), held(size_t(folds), 0);
    for (const int32_t group : groups) ++size[size_t(group)];
    std::vector<int64_t> order = permutation(Stream(seed, "folds"), count);
    // The largest first, each into the smallest fold.
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return size[size_t(a)] > size[size_t(b)]; });
    std::vector<int32_t> fold(static_cast<size_t>(count));
    for (const int64_t group : order) {
      const auto to = std::min_element(held.begin(), held.end()) - held.begin();
      fold[size_t(group)] = int32_t(to);
      held[size_t(to)] += size[size_t(group)];
    }
    for (size_t row = 0; row < out.size(); ++row) out[row] = fold[size_t(groups[row])];
    return out;
  }
  if (n < folds) bad_input("data", text("there are ", n, " rows for ", folds, " folds"), "ask for fewer folds");
  std::vector<int64_t> order = permutation(Stream(seed, "folds"), n);
  if (!labels.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return labels[size_t(a)] < labels[size_t(b)]; });
  for (size_t i = 0; i < order.size(); ++i) out[size_t(order[i])] = int32_t(int64_t(i) % folds);
  return out;
}

Splits split(const Dataset& all, double validation, double test, uint64_t seed) {
  const bool classes = all.schema.goal == Goal::classes;
  const SplitRows rows =
      split_rows(all.size(), classes ? all.label_of() : std::span<const int32_t>{}, validation, test, seed);
  return {take(all, rows.train), take(all, rows.validation), take(all, rows.test)};
}

} // namespace vitro

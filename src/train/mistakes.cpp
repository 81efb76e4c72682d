#include "train/mistakes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "core/text.h"
#include "data/records.h"
#include "train/measure.h"

namespace vitro {
namespace {

int64_t width_of(const Tensor& predictions, const Dataset& part) {
  return predictions.elements() / std::max<int64_t>(1, part.size());
}

int64_t named(const Tensor& predictions, int64_t sample, int64_t width) {
  std::vector<float> row;
  for (int64_t j = 0; j < width; ++j) row.push_back(float(predictions.at(sample * width + j)));
  return class_of(row);
}

// Shortest digits that read back to what was read, as f32 where that is how samples are kept.
std::string digits(double value, DType kept_as) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return number(static_cast<long long>(value));
  return kept_as == DType::f64 ? number(value) : number(float(value));
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) out += csv_cell(cell) + ",";
  out.back() = '\n';
  return out;
}

} // namespace

std::vector<int64_t> mistakes_of(const Tensor& predictions, const Dataset& part) {
  std::vector<int64_t> order(static_cast<size_t>(part.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  const bool classes = part.schema.goal == Goal::classes;
  const int64_t width = width_of(predictions, part);
  if (classes)
    std::erase_if(order, [&](int64_t i) { return named(predictions, i, width) == part.label_of()[size_t(i)]; });
  std::vector<double> errors = errors_of(predictions, part);
  for (double& error : errors) // nothing is further off than what is no number
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return errors[size_t(a)] > errors[size_t(b)]; });
  if (!classes) order.resize((order.size() + 9) / 10);
  if (part.schema.text) order.resize(std::min<size_t>(order.size(), 1000));
  return order;
}

std::string mistakes_csv(const Tensor& predictions, const Dataset& part) {
  const Schema& schema = part.schema;
  const bool classes = schema.goal == Goal::classes, from_file = !part.origin.file.empty();
  const int64_t width = width_of(predictions, part);
  std::vector<std::string> features; // a picture or a sound has too many: it is looked up by its place
  if (schema.text) {
    features = {"before"};
  } else if (schema.sample.rank() == 1 && !schema.sound) {
    features = schema.features;
    for (int64_t f = int64_t(features.size()); f < schema.sample[0]; ++f) features.push_back(text("x", f + 1));
  }
  const auto free_name = [&](std::string name) {
    while (std::ranges::find(features, name) != features.end()) name += "_";
    return name;
  };
  std::vector<std::string> cells;
  if (from_file) cells.push_back(free_name("file"));
  cells.push_back(free_name(part.origin.counts.empty() ? "sample" : part.origin.counts));
  cells.insert(cells.end(), features.begin(), features.end());
  const std::vector<const char*> said = classes ? std::vector{"truth", "prediction", "probability", "of truth"}
                                                : std::vector{"truth", "prediction", "residual"};
  for (int64_t j = 0; j < (classes ? 1 : width); ++j)
    for (const char* what : said)
      cells.push_back(free_name(width > 1 && !classes ? text(what, " ", schema.targets[size_t(j)]) : what));
  std::string out = csv_line(cells);
  for (const int64_t i : mistakes_of(predictions, part)) {
    cells.clear();
    if (from_file) cells.push_back(part.origin.file_of(i));
    cells.push_back(text(part.origin.place(i)));
    if (schema.text)
      cells.push_back(text_before(part, i, 30));
    else
      for (int64_t f = 0; f < int64_t(features.size()); ++f) cells.push_back(written(part, i, f));
    if (classes) {
      const int64_t truth = part.label_of()[size_t(i)], prediction = named(predictions, i, width);
      const auto of = [&](int64_t c) {
        const double one = predictions.at(width > 1 ? i * width + c : i);
        return number(float(width > 1 || c == 1 ? one : 1 - one));
      };
      for (const int64_t c : {truth, prediction}) cells.push_back(schema.classes[size_t(c)]);
      for (const int64_t c : {prediction, truth}) cells.push_back(of(c));
    } else {
      for (int64_t j = 0; j < width; ++j) {
        const double truth = part.targets.at(i * width + j);
        const double answer = raw_of(part, i, j, predictions.at(i * width + j));
        for (const double value : {truth, answer, answer - truth}) cells.push_back(digits(value, DType::f32));
      }
    }
    out += csv_line(cells);
  }
  return out;
}

std::string text_before(const Dataset& part, int64_t sample, int64_t symbols) {
  const TextForm& form = *part.schema.text;
  std::string out;
  for (int64_t i = std::max<int64_t>(0, sample - symbols + 1); i <= sample; ++i) {
    const auto code = int32_t(part.samples.at(i));
    const std::string symbol = form.written(code);
    out += symbol == " " ? symbol : part.schema.classes[size_t(code)];
  }
  return out;
}

std::string written(const Dataset& data, int64_t sample, int64_t feature) {
  const Schema& schema = data.schema;
  const double value = data.samples.at(sample * schema.sample.elements() + feature);
  if (std::isnan(value)) return "";
  if (schema.columns.empty()) return digits(value, schema.raw);
  const Column& column = schema.columns[size_t(feature) % schema.columns.size()];
  if (column.role == Role::date) return date_text(value);
  if (!column.coded()) return digits(value, schema.raw);
  const auto code = size_t(value);
  return code < column.categories.size() ? column.categories[code] : "another";
}

} // namespace vitro

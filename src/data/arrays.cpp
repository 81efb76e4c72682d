#include "data/arrays.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data/idx.h"

namespace vitro {
namespace {

constexpr size_t most_classes = 1000;

// [n, 1] is [n].
Tensor without_last_one(Tensor y) {
  const Shape shape = y.shape();
  return shape.rank() == 2 && shape[1] == 1 ? std::move(y).reshaped({shape[0]}) : y;
}

// Of whole numbers; every class of any part is one.
std::vector<int32_t> values_in(const std::vector<const Tensor*>& labels) {
  std::set<int32_t> all;
  for (const Tensor* one : labels)
    for (int64_t i = 0; i < one->elements(); ++i) all.insert(int32_t(one->at(i)));
  return {all.begin(), all.end()};
}

Dataset of_classes(Tensor x, const Tensor& y, const std::vector<int32_t>& values, const std::string& where) {
  Tensor labels(Type{DType::i32, y.shape()});
  for (int64_t i = 0; i < y.elements(); ++i)
    labels.as<int32_t>()[size_t(i)] =
        int32_t(std::lower_bound(values.begin(), values.end(), int32_t(y.at(i))) - values.begin());
  std::vector<std::string> names;
  for (const int32_t value : values) names.push_back(text(value));
  return idx_dataset(std::move(x), labels, std::move(names), where, where);
}

Dataset of_numbers(Tensor x, const Tensor& y, const std::string& where) {
  const int64_t n = x.shape()[0], outputs = y.shape().rank() == 1 ? 1 : y.shape()[1];
  if (y.shape()[0] != n) bad_input(where, text("holds ", y.shape()[0], " rows of y for ", n, " of x"));
  // The samples' rules are those of labelled ones; then the numbers take the labels' place.
  Dataset out = idx_dataset(std::move(x), Tensor(Type{DType::i32, {n}}), {"0", "1"}, where, where);
  out.labels = Tensor(Type{DType::i32, {0}});
  out.targets = y.to(DType::f32).reshaped({n, outputs});
  out.schema.goal = Goal::numbers;
  out.schema.classes = {};
  for (int64_t j = 0; j < outputs; ++j) out.schema.targets.push_back(outputs == 1 ? std::string("y") : text("y", j));
  for (int64_t i = 0; i < out.targets.elements(); ++i)
    if (!std::isfinite(out.targets.at(i)))
      bad_input(where, text("y of row ", i / outputs, " is ", y.at(i), ", no finite number"));
  check(out, where);
  return out;
}

Tensor* find(std::map<std::string, Tensor>& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  return found == arrays.end() ? nullptr : &found->second;
}

} // namespace

ArraySet array_set(std::map<std::string, Tensor> arrays, std::optional<Goal> goal, const std::string& where) {
  Tensor *x = find(arrays, "x_train"), *y = find(arrays, "y_train"), *x_test = nullptr, *y_test = nullptr;
  if (x && y) {
    x_test = find(arrays, "x_test");
    y_test = find(arrays, "y_test");
  } else {
    x = find(arrays, arrays.contains("x") ? "x" : "X");
    y = find(arrays, "y");
  }
  if (!x || !y || !x_test != !y_test) {
    std::vector<std::string> names;
    for (const auto& [name, array] : arrays) names.push_back(name);
    bad_input(where, text("holds ", names.empty() ? "no array" : join(names, ", ")),
              "x and y were expected, or x_train, y_train, x_test and y_test");
  }
  std::vector<const Tensor*> labels;
  for (Tensor* one : {y, y_test}) {
    if (!one) continue;
    *one = without_last_one(std::move(*one));
    if (one->shape().rank() == 0 || one->shape().rank() > 2)
      bad_input(where, text("y is ", one->type(), ", a number for each row was expected"));
    labels.push_back(one);
  }
  const bool whole = std::ranges::none_of(
      labels, [](const Tensor* one) { return is_float(one->dtype()) || one->shape().rank() == 2; });
  if (goal == Goal::classes && !whole)
    bad_input(where, text("y is ", y->type(), ", classes are whole numbers, one a row"));
  std::vector<int32_t> values;
  if (goal.value_or(whole ? Goal::classes : Goal::numbers) == Goal::classes) {
    values = values_in(labels);
    if (values.size() > most_classes)
      bad_input(where,
                text("y holds ", values.size(), " different whole numbers, at most ", most_classes, " are classes"),
                "goal=regression predicts them as numbers");
    if (values.size() < 2) bad_input(where, text("y is ", values[0], " in every row: nothing to tell apart"));
  }
  const auto made = [&](Tensor* samples, Tensor* truth) {
    return values.empty() ? of_numbers(std::move(*samples), *truth, where)
                          : of_classes(std::move(*samples), *truth, values, where);
  };
  ArraySet out{made(x, y), std::nullopt};
  // Rows of numbers are columns, which have names.
  Schema& schema = out.train.schema;
  for (int64_t j = 0; schema.raw != DType::u8 && schema.sample.rank() == 1 && j < schema.sample[0]; ++j)
    schema.features.push_back(text("x", j));
  if (!x_test) return out;
  out.test = made(x_test, y_test);
  if (out.test->schema.sample != out.train.schema.sample || out.test->schema.raw != out.train.schema.raw)
    bad_input(where, text("x_test is ", out.test->samples.type(), ", x_train ", out.train.samples.type()));
  out.test->schema = schema;
  return out;
}

Tensor array_samples(Tensor x, const Schema& schema, const std::string& where) {
  if (schema.columns.empty()) return idx_samples(std::move(x), schema, where);
  for (const Column& column : schema.columns)
    if (column.cells != CellType::number)
      bad_input(where,
                text("is an array of numbers, but the column ", column.name, " of the table holds ",
                     column.cells == CellType::date ? "dates" : "texts"),
                "give the rows as CSV");
  const auto columns = int64_t(schema.columns.size());
  if (x.shape().rank() != 2 || x.shape()[1] != columns)
    bad_input(where, text("is ", x.type(), ", the net takes rows of ", columns, columns == 1 ? " number" : " numbers"),
              text("in this order: ", join(schema.features, ", ")));
  for (int64_t i = 0; i < x.elements(); ++i)
    if (std::isinf(x.at(i)) || std::isinf(float(x.at(i))))
      bad_input(where, text("row ", i / columns, ", column ", schema.features[size_t(i % columns)], ": ", x.at(i),
                            " is more than a float holds"));
  Tensor out = x.to(schema.raw);
  for (int64_t i = 0; i < out.elements(); ++i) {
    const Column& column = schema.columns[size_t(i % columns)];
    if (!column.coded()) continue;
    const double value = x.at(i);
    const std::string written = x.dtype() == DType::f64 ? number(value) : number(float(value));
    out.set(i, double(column.code_of(std::isnan(value) ? std::string() : written)));
  }
  return out;
}

} // namespace vitro

#include "data/arrays.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"

namespace vitro {
namespace {

using Arrays = std::map<std::string, Tensor>;

Tensor filled(DType dtype, Shape shape, const std::function<double(int64_t)>& value) {
  Tensor out(Type{DType::f64, shape});
  for (int64_t i = 0; i < out.elements(); ++i) out.as<double>()[size_t(i)] = value(i);
  return out.to(dtype);
}

void expect_refused(Arrays arrays, const std::string& says, std::optional<Goal> goal = {}) {
  try {
    array_set(std::move(arrays), goal, "set.npz");
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("set.npz"), testing::HasSubstr(says)));
  }
}

TEST(Arrays, PicturesWithATestPartAsKerasKeepsThem) {
  const auto pictures = [](int64_t n) {
    return filled(DType::u8, {n, 4, 5}, [](int64_t i) { return double(i % 256); });
  };
  const auto labels = [](int64_t n) { return filled(DType::u8, {n}, [](int64_t i) { return double(i % 3); }); };
  const ArraySet set =
      array_set({{"x_train", pictures(7)}, {"y_train", labels(7)}, {"x_test", pictures(4)}, {"y_test", labels(4)}}, {},
                "set.npz");
  EXPECT_EQ(set.train.schema.sample, (Shape{1, 4, 5}));
  EXPECT_EQ(set.train.schema.raw, DType::u8);
  EXPECT_EQ(set.train.schema.classes, (std::vector<std::string>{"0", "1", "2"}));
  ASSERT_TRUE(set.test);
  EXPECT_EQ(set.test->size(), 4);
  EXPECT_EQ(set.train.label_of()[5], 2);
}

TEST(Arrays, EveryWholeNumberThatOccursIsAClass) {
  const ArraySet set = array_set({{"x", filled(DType::f64, {6, 2}, [](int64_t i) { return 0.5 * double(i); })},
                                  {"y", filled(DType::i32, {6, 1}, [](int64_t i) { return i % 2 ? 7 : -1; })}},
                                 {}, "set.npz");
  EXPECT_EQ(set.train.schema.classes, (std::vector<std::string>{"-1", "7"}));
  EXPECT_EQ(set.train.label_of()[1], 1);
  EXPECT_EQ(set.train.schema.raw, DType::f32);
  EXPECT_EQ(set.train.samples.at(3), 1.5);
  EXPECT_FALSE(set.test);
}

TEST(Arrays, FloatsAreNumbersAndSoAreWholeOnesWhereAsked) {
  const Tensor x = filled(DType::f32, {5, 3}, [](int64_t i) { return double(i); });
  const ArraySet one =
      array_set({{"X", x.to(DType::f32)}, {"y", filled(DType::f64, {5}, [](int64_t i) { return 0.25 * double(i); })}},
                {}, "set.npz");
  EXPECT_EQ(one.train.schema.goal, Goal::numbers);
  EXPECT_EQ(one.train.schema.targets, (std::vector<std::string>{"y"}));
  EXPECT_EQ(one.train.targets.at(3), 0.75);
  const ArraySet two = array_set(
      {{"x", x.to(DType::f32)}, {"y", filled(DType::f32, {5, 2}, [](int64_t i) { return double(i); })}}, {}, "set.npz");
  EXPECT_EQ(two.train.schema.targets, (std::vector<std::string>{"y0", "y1"}));
  const ArraySet asked =
      array_set({{"x", x.to(DType::f32)}, {"y", filled(DType::i32, {5}, [](int64_t i) { return double(10 * i); })}},
                Goal::numbers, "set.npz");
  EXPECT_EQ(asked.train.targets.at(2), 20);
}

TEST(Arrays, WhatCannotBeLearnedFromIsRefused) {
  const auto x = [] { return filled(DType::f32, {4, 2}, [](int64_t i) { return double(i); }); };
  const auto y = [] { return filled(DType::i32, {4}, [](int64_t i) { return double(i % 2); }); };
  expect_refused({}, "no array");
  expect_refused({{"a", x()}, {"b", y()}}, "holds a, b");
  expect_refused({{"x_train", x()}, {"y_train", y()}, {"x_test", x()}}, "x_test and y_test");
  expect_refused({{"x", x()}, {"y", filled(DType::i32, {3}, [](int64_t i) { return double(i); })}}, "3");
  expect_refused({{"x", x()}, {"y", filled(DType::f32, {3}, [](int64_t i) { return double(i); })}},
                 "3 rows of y for 4");
  expect_refused({{"x", x()}, {"y", filled(DType::i32, {4}, [](int64_t) { return 1.0; })}}, "nothing to tell apart");
  expect_refused({{"x", x()}, {"y", filled(DType::f32, {4}, [](int64_t) { return 0.5; })}}, "whole numbers",
                 Goal::classes);
  expect_refused({{"x", x()}, {"y", filled(DType::f32, {4}, [](int64_t i) { return i ? 1.0 : std::nan(""); })}},
                 "row 0");
  expect_refused({{"x", filled(DType::f32, {4, 2}, [](int64_t) { return HUGE_VAL; })}, {"y", y()}}, "finite");
  expect_refused({{"x_train", x()},
                  {"y_train", y()},
                  {"x_test", filled(DType::f32, {4, 3}, [](int64_t i) { return double(i); })},
                  {"y_test", y()}},
                 "x_train");
}

TEST(Arrays, SamplesOfATable) {
  Schema schema;
  schema.raw = DType::f32;
  schema.sample = {2};
  schema.features = {"a", "b"};
  schema.columns = {{.name = "a"}, {.name = "b"}};
  const auto rows = [](int64_t width) {
    return filled(DType::f64, {3, width}, [](int64_t i) { return i == 1 ? std::nan("") : double(i); });
  };
  const Tensor samples = array_samples(rows(2), schema, "x.npy");
  EXPECT_EQ(samples.type(), (Type{DType::f32, {3, 2}}));
  EXPECT_TRUE(std::isnan(samples.at(1)));
  EXPECT_EQ(samples.at(4), 4);
  EXPECT_THROW(array_samples(rows(3), schema, "x.npy"), Error);
  EXPECT_THROW(array_samples(filled(DType::f64, {3, 2}, [](int64_t) { return 1e300; }), schema, "x.npy"), Error);
  schema.columns[1].role = Role::category;
  schema.columns[1].categories = {"", "3", "5"};
  const Tensor coded = array_samples(rows(2), schema, "x.npy"); // the column holds NaN, 3, 5
  EXPECT_EQ(coded.at(1), 0);
  EXPECT_EQ(coded.at(3), 1);
  EXPECT_EQ(coded.at(5), 2);
  EXPECT_EQ(coded.at(4), 4);
  schema.columns[1].cells = CellType::text;
  EXPECT_THROW(array_samples(rows(2), schema, "x.npy"), Error);
}

} // namespace
} // namespace vitro

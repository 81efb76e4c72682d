// Shapes, broadcasting as numpy's, element types, errors.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <optional>

#include "core/error.h"
#include "core/shape.h"

namespace vitro {
namespace {

[[maybe_unused]] const int seeded = setenv("RC_PARAMS", "seed=20261121", 0); // the same cases at every run

std::optional<Shape> try_broadcast(const Shape& a, const Shape& b) {
  try {
    return broadcast(a, b);
  } catch (const Error&) { return std::nullopt; }
}

TEST(Shape, BroadcastAsNumpyTable) {
  struct Row {
    Shape a, b;
    std::optional<Shape> out;
  };
  // numpy.broadcast_shapes(a, b); none where it raises.
  const std::vector<Row> table{
      {{}, {}, Shape{}},
      {{}, {3}, Shape{3}},
      {{1}, {3}, Shape{3}},
      {{3}, {3}, Shape{3}},
      {{3}, {4}, std::nullopt},
      {{2, 3}, {3}, Shape{2, 3}},
      {{2, 3}, {2}, std::nullopt},
      {{2, 3}, {2, 1}, Shape{2, 3}},
      {{2, 1}, {3}, Shape{2, 3}},
      {{2, 1}, {1, 3}, Shape{2, 3}},
      {{5, 1, 4, 1}, {3, 1, 6}, Shape{5, 3, 4, 6}},
      {{8, 1, 6, 1}, {7, 1, 5}, Shape{8, 7, 6, 5}},
      {{256, 256, 3}, {3}, Shape{256, 256, 3}},
      {{256, 256, 3}, {256, 3}, Shape{256, 256, 3}},
      {{2, 1}, {8, 4, 3}, std::nullopt},
      {{0}, {1}, Shape{0}},
      {{0}, {}, Shape{0}},
      {{0}, {0}, Shape{0}},
      {{0}, {2}, std::nullopt},
      {{3, 0}, {1, 1}, Shape{3, 0}},
      {{1, 0}, {3, 1}, Shape{3, 0}},
      {{15, 3, 5}, {15, 1, 5}, Shape{15, 3, 5}},
      {{1, 1, 1, 1, 1, 1, 1, 2}, {2, 1}, Shape{1, 1, 1, 1, 1, 1, 2, 2}},
  };
  for (const Row& row : table) {
    EXPECT_EQ(try_broadcast(row.a, row.b), row.out) << row.a.str() << " with " << row.b.str();
    EXPECT_EQ(try_broadcast(row.b, row.a), row.out) << row.b.str() << " with " << row.a.str();
  }
}

TEST(Shape, BroadcastErrorNamesBothShapesAndTheAxis) {
  try {
    broadcast({2, 3}, {2, 4});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    const std::string what = error.what();
    for (const char* piece : {"[2, 3]", "[2, 4]", "axis -1", "3 meets 4"})
      EXPECT_NE(what.find(piece), std::string::npos) << what;
  }
}

// A shape of rank 0 to 4 with extents 1 to 4, and one with which it broadcasts.
Shape some_shape() {
  const auto extents = *rc::gen::resize(4, rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 5)));
  return Shape(std::vector<int64_t>(extents.begin(), extents.end()));
}

TEST(Shape, BroadcastingIsCommutativeIdempotentAndAssociative) {
  EXPECT_TRUE(rc::check("broadcast", [] {
    const Shape a = some_shape(), b = some_shape(), c = some_shape();
    RC_ASSERT(broadcast(a, a) == a);
    RC_ASSERT(broadcast(a, Shape{}) == a);
    RC_ASSERT(try_broadcast(a, b) == try_broadcast(b, a));
    const auto ab = try_broadcast(a, b), bc = try_broadcast(b, c);
    if (ab && bc) { RC_ASSERT(try_broadcast(*ab, c) == try_broadcast(a, *bc)); }
    if (ab) {
      RC_ASSERT(broadcast(*ab, a) == *ab); // both stretch to the result
      RC_ASSERT(broadcast(*ab, b) == *ab);
      RC_ASSERT(ab->rank() == std::max(a.rank(), b.rank()));
    }
  }));
}

TEST(Shape, BroadcastStridesReadTheElementThatNumpyReads) {
  EXPECT_TRUE(rc::check("broadcast_strides", [] {
    const Shape a = some_shape(), b = some_shape();
    const auto both = try_broadcast(a, b);
    RC_PRE(both.has_value());
    const Shape& to = *both;
    const auto stride = broadcast_strides(a, to), own = a.strides(), whole = to.strides();
    for (int64_t i = 0; i < to.elements(); ++i) {
      int64_t read = 0, expected = 0;
      for (int axis = 0; axis < to.rank(); ++axis) {
        const int64_t index = i / whole[axis] % to[axis];
        read += index * stride[axis];
        const int mine = axis - (to.rank() - a.rank());
        if (mine >= 0) expected += (a[mine] == 1 ? 0 : index) * own[mine];
      }
      RC_ASSERT(read == expected);
      RC_ASSERT(read < a.elements());
    }
  }));
}

TEST(Shape, ElementsStridesAxesText) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(shape.strides()[0], 12);
  EXPECT_EQ(shape.strides()[1], 4);
  EXPECT_EQ(shape.strides()[2], 1);
  EXPECT_EQ(shape.axis(-1), 2);
  EXPECT_EQ(shape.axis(-3), 0);
  EXPECT_THROW(shape.axis(3), Error);
  EXPECT_THROW(shape.axis(-4), Error);
  EXPECT_THROW(Shape{}.axis(0), Error);
  EXPECT_EQ(shape.str(), "[2, 3, 4]");
  EXPECT_EQ(Shape{}.str(), "[]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{0, 5}).elements(), 0);
  EXPECT_EQ((Type{DType::f32, {32, 784}}).str(), "f32[32, 784]");
  EXPECT_EQ((Type{DType::f64, {3}}).bytes(), 24);
  EXPECT_EQ((Type{DType::u8, {3}}).bytes(), 3);
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2}), Shape({2, 1}));
}

TEST(Shape, WhatDoesNotFitInMemoryIsAnError) {
  constexpr int64_t big = int64_t{1} << 40;
  EXPECT_THROW((Shape{-1}), Error);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{big, big}), Error);
  EXPECT_THROW((Shape{INT64_MAX}), Error);
  EXPECT_THROW((Shape{INT64_MAX, INT64_MAX, INT64_MAX}), Error);
  EXPECT_THROW((Shape{0, big, big}), Error) << "its strides would overflow";
  EXPECT_THROW((Shape{big, big, 0}), Error);
  const Shape largest{int64_t{1} << 59};
  EXPECT_EQ((Type{DType::f64, largest}).bytes(), int64_t{1} << 62);
}

} // namespace
} // namespace vitro

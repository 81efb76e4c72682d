// Tensors: construction, conversion, copies, alignment.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/error.h"
#include "core/tensor.h"

namespace vitro {
namespace {

TEST(Tensor, ValuesAndTypes) {
  Tensor x(Shape{2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(x.type().str(), "f32[2, 2]");
  EXPECT_EQ(x.values(), (std::vector<double>{1, 2, 3, 4}));
  x.set(3, 0.1);
  EXPECT_EQ(x.at(3), double(0.1f)) << "rounds to the element type";
  EXPECT_THROW(x.as<double>(), std::logic_error);
  EXPECT_THROW((Tensor{Shape{3}, {1, 2}}), Error);
  EXPECT_EQ(Tensor::scalar(7, DType::i32).as<int32_t>()[0], 7);
  EXPECT_EQ(Tensor::full({DType::u8, {3}}, 255).values(), (std::vector<double>{255, 255, 255}));
  EXPECT_EQ((Tensor{Type{DType::f64, {2}}}).values(), (std::vector<double>{0, 0})) << "zeros";
}

TEST(Tensor, ConvertsBetweenAllTypes) {
  const Tensor x(Shape{3}, {0, 1, 200}, DType::f64);
  for (const DType through : {DType::f32, DType::i32, DType::u8, DType::f64})
    EXPECT_EQ(x.to(through).to(DType::f64), x) << name(through);
}

TEST(Tensor, EqualMeansSameTypeAndBits) {
  const Tensor x(Shape{2}, {1, 2});
  EXPECT_EQ(x, Tensor(Shape{2}, {1, 2}));
  EXPECT_FALSE(x == Tensor(Shape{2}, {1, 3}));
  EXPECT_FALSE(x == Tensor(Shape{2, 1}, {1, 2}));
  EXPECT_FALSE(x == x.to(DType::f64));
  EXPECT_FALSE(Tensor::scalar(0.0) == Tensor::scalar(-0.0));
  EXPECT_EQ((Tensor{Type{DType::f32, {0}}}), (Tensor{Type{DType::f32, {0}}}));
}

TEST(Tensor, ACopyIsItsOwn) {
  Tensor x(Shape{2}, {1, 2});
  const Tensor y = x, z = Tensor::copy_of(x);
  x.set(0, 9);
  EXPECT_EQ(y.at(0), 1);
  EXPECT_EQ(z.at(0), 1);
  const Tensor moved = std::move(x);
  EXPECT_EQ(moved.at(0), 9);
}

TEST(Tensor, ReshapedKeepsTheElements) {
  const Tensor x(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(x.reshaped({3, 2}).values(), x.values());
  EXPECT_THROW(x.reshaped({4}), Error);
}

TEST(Buffer, StartsAtACacheLine) {
  for (const size_t bytes : {0, 1, 63, 64, 65, 1000}) {
    const Buffer buffer(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % cache_line, 0u);
    EXPECT_EQ(buffer.size(), bytes);
    for (size_t i = 0; i < bytes; ++i) ASSERT_EQ(buffer.data()[i], std::byte{0});
  }
}

} // namespace
} // namespace vitro

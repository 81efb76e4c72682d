// Packing and unpacking: every axis, block and odd extent.
#include <gtest/gtest.h>

#include <cstring>

#include "core/layout.h"

namespace vitro {
namespace {

Tensor counting(Type type) {
  Tensor out(type);
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double(i + 1));
  return out;
}

TEST(Layout, RoundTripAndPaddingOfZeros) {
  const std::vector<Shape> shapes{{1},     {5},       {16},          {17},   {3, 5}, {17, 3},
                                  {33, 1}, {2, 7, 3}, {2, 17, 2, 2}, {0, 3}, {3, 0}};
  for (const Shape& shape : shapes)
    for (const DType dtype : {DType::f32, DType::f64, DType::i32})
      for (int axis = 0; axis < shape.rank(); ++axis)
        for (const int block : {1, 2, 4, 16}) {
          const Layout layout{int8_t(axis), int16_t(block)};
          const Tensor x = counting({dtype, shape});
          const int64_t stored = stored_elements(shape, layout);
          EXPECT_GE(stored, shape.elements());
          Tensor packed = Tensor::full({dtype, Shape{stored}}, -1); // so that padding that is not written shows
          pack(x.type(), layout, x.view().data, packed.view().data);
          int64_t zeros = 0;
          for (int64_t i = 0; i < stored; ++i) {
            EXPECT_NE(packed.at(i), -1);
            zeros += packed.at(i) == 0;
          }
          EXPECT_EQ(zeros, stored - shape.elements()) << shape.str() << " " << layout.str();
          Tensor back = Tensor::full(x.type(), -1);
          unpack(x.type(), layout, packed.view().data, back.view().data);
          EXPECT_EQ(back, x) << shape.str() << " " << layout.str();
        }
}

TEST(Layout, AWeightBecomesPanels) {
  // [out, in] with axis 0 in blocks of 4: [ceil(out / 4), in, 4]
  const Type type{DType::f32, {5, 3}};
  const Tensor x = counting(type);
  Tensor packed({DType::f32, {2, 3, 4}});
  pack(type, {0, 4}, x.view().data, packed.view().data);
  for (int64_t out = 0; out < 8; ++out)
    for (int64_t in = 0; in < 3; ++in)
      EXPECT_EQ(packed.at((out / 4 * 3 + in) * 4 + out % 4), out < 5 ? x.at(out * 3 + in) : 0);
}

TEST(Layout, AnImageBecomesBlocksOfChannels) {
  const Type type{DType::f64, {2, 3, 2, 2}};
  const Tensor x = counting(type);
  Tensor packed({DType::f64, {2, 2, 2, 2, 2}}); // n, ceil(c / 2), h, w, 2
  pack(type, {1, 2}, x.view().data, packed.view().data);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 4; ++c)
      for (int64_t p = 0; p < 4; ++p)
        EXPECT_EQ(packed.at(((n * 2 + c / 2) * 4 + p) * 2 + c % 2), c < 3 ? x.at((n * 3 + c) * 4 + p) : 0);
}

TEST(Layout, RowMajorIsACopy) {
  const Tensor x = counting({DType::f32, {3, 5}});
  Tensor y({DType::f32, {3, 5}});
  pack(x.type(), row_major, x.view().data, y.view().data);
  EXPECT_EQ(x, y);
  EXPECT_EQ(stored_elements({3, 5}, row_major), 15);
  EXPECT_EQ(row_major.str(), "row-major");
  EXPECT_EQ((Layout{0, 16}).str(), "axis 0 in blocks of 16");
}

} // namespace
} // namespace vitro

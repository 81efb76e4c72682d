// Text from values, shortest numbers, the nearest name; errors and their form.
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "core/random.h"
#include "core/shape.h"
#include "core/text.h"

namespace vitro {
namespace {

TEST(Text, PiecesOfEveryKind) {
  EXPECT_EQ(text("epoch ", 3, " of ", 10u, ", ", 0.5, ' ', true, " ", std::string("x"), " ", Shape{2, 3}),
            "epoch 3 of 10, 0.5 true x [2, 3]");
  EXPECT_EQ(text(), "");
  EXPECT_EQ(text(int64_t{-9223372036854775807}), "-9223372036854775807");
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
}

TEST(Text, NumbersReadBackToTheSameBits) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(0.1f), "0.1");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(3.14159265, 3), "3.14");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(number(std::numeric_limits<float>::infinity()), "inf");
  const Stream stream(1, "bits");
  for (uint64_t i = 0; i < 20000; ++i) {
    const double x = std::bit_cast<double>(stream.bits(i, 0));
    const float y = std::bit_cast<float>(uint32_t(stream.bits(i, 1)));
    if (x == x) {
      EXPECT_EQ(std::bit_cast<uint64_t>(std::strtod(number(x).c_str(), nullptr)), std::bit_cast<uint64_t>(x))
          << number(x);
    }
    if (y == y) {
      EXPECT_EQ(std::bit_cast<uint32_t>(std::strtof(number(y).c_str(), nullptr)), std::bit_cast<uint32_t>(y))
          << number(y);
    }
  }
}

TEST(Text, TheNearestName) {
  const std::vector<std::string> names{"dense", "relu", "softmax", "sigmoid", "tanh"};
  EXPECT_EQ(nearest("dens", names), "dense");
  EXPECT_EQ(nearest("rleu", names), "relu");
  EXPECT_EQ(nearest("sofmax", names), "softmax");
  EXPECT_EQ(nearest("sigmiod", names), "sigmoid");
  EXPECT_EQ(nearest("convolution", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("dense", {}), "");
  EXPECT_EQ(did_you_mean("tahn", names), " (did you mean \"tanh\"?)");
  EXPECT_EQ(did_you_mean("zzzzzzzz", names), "");
}

TEST(Error, SaysWhereWhatAndTheWayOut) {
  try {
    bad_input("dense", "input has 3 features", "give 4");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_STREQ(error.what(), "[dense] input has 3 features. Help: give 4");
  }
  try {
    failure("disk", "full");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::failure);
    EXPECT_STREQ(error.what(), "[disk] full");
  }
}

} // namespace
} // namespace vitro

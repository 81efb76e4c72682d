// Element addresses: both forms, random choice, and errors that state the shape.
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "explain/address.h"

namespace vitro {
namespace {

States some_states() {
  States states;
  states.add("fc1.weight", Tensor(Type{DType::f32, Shape{4, 7}}), true);
  states.add("fc1.bias", Tensor(Type{DType::f32, Shape{4}}), true);
  states.add("scale", Tensor::scalar(1), true);
  states.add("step", Tensor(Type{DType::i32, Shape{}}));
  return states;
}

std::string message_of(const std::string& address, const States& states) {
  try {
    parse_addresses(address, states);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "no error";
}

TEST(Address, BothForms) {
  const States states = some_states();
  const ElementAddress expected{"fc1.weight", 3 * 7 + 5};
  for (const char* form : {"fc1.weight:3,5", "fc1.weight[3,5]", "fc1.weight[3, 5]", "fc1.weight: 3 ,5"})
    EXPECT_EQ(parse_address(form, states), expected) << form;
  EXPECT_EQ(parse_address("fc1.bias:0", states), (ElementAddress{"fc1.bias", 0}));
  for (const char* form : {"scale", "scale[]", "scale:"})
    EXPECT_EQ(parse_address(form, states), (ElementAddress{"scale", 0})) << form;
}

TEST(Address, PrintsWhatItReads) {
  const States states = some_states();
  for (int64_t e = 0; e < 28; ++e) {
    const ElementAddress address{"fc1.weight", e};
    EXPECT_EQ(parse_address(to_text(address, states), states), address);
    EXPECT_EQ(parse_address(to_text(address, states, true), states), address);
  }
  EXPECT_EQ(to_text({"fc1.weight", 26}, states), "fc1.weight[3,5]");
  EXPECT_EQ(to_text({"fc1.weight", 26}, states, true), "fc1.weight:3,5");
  EXPECT_EQ(to_text({"scale", 0}, states, true), "scale");
}

TEST(Address, ErrorsStateTheShape) {
  const States states = some_states();
  const auto has = [&](const std::string& address, const std::string& part) {
    const std::string message = message_of(address, states);
    EXPECT_NE(message.find(part), std::string::npos) << address << ": " << message;
  };
  has("fc1.weight:4,0", "[4, 7]");
  has("fc1.weight:4,0", "0 to 3");
  has("fc1.weight:0,7", "axis 1");
  has("fc1.weight:-1,0", "[4, 7]");
  has("fc1.weight:3", "1 index");
  has("fc1.weight", "[4, 7]");
  has("fc1.weight:1,2,3", "3 indices");
  has("fc1.weight:1,", "comma");
  has("fc1.weight:1,x", "whole number");
  has("fc1.weight:1,99999999999999999999", "whole number");
  has("fc1.weight[1,2", "bracket");
  has("fc1.wieght:1,2", "did you mean \"fc1.weight\"");
  has("", "fc1.weight");
  has("step", "i32");
  has("random:0", "1 to 33");
  has("random:34", "33");
  has("random:many", "whole number");
}

TEST(Address, RandomDrawsDifferentOnesRepeatably) {
  const States states = some_states();
  for (const int64_t count : {1, 5, 32, 33}) {
    const auto drawn = parse_addresses("random:" + std::to_string(count), states, 7);
    EXPECT_EQ(int64_t(drawn.size()), count);
    std::set<std::string> different;
    for (const auto& address : drawn) different.insert(to_text(address, states));
    EXPECT_EQ(int64_t(different.size()), count);
    EXPECT_EQ(drawn, parse_addresses("random:" + std::to_string(count), states, 7));
  }
  EXPECT_NE(parse_addresses("random:5", states, 7), parse_addresses("random:5", states, 8));
}

} // namespace
} // namespace vitro

// The safetensors format: what is written reads back, and no damage gets through or crashes.
#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"

namespace vitro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<uint8_t> file_of(const std::string& header, size_t data_bytes, int64_t claimed = -1) {
  const uint64_t length = claimed < 0 ? header.size() : uint64_t(claimed);
  std::vector<uint8_t> out;
  for (int i = 0; i < 8; ++i) out.push_back(uint8_t(length >> (8 * i)));
  out.insert(out.end(), header.begin(), header.end());
  out.resize(out.size() + data_bytes, 7);
  return out;
}

// The message with which `bytes` are refused; "" where they are read.
std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    read_safetensors(bytes, "w.safetensors");
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "";
}

std::string refusal(const std::string& header, size_t data_bytes) { return refusal(file_of(header, data_bytes)); }

TensorFile sample() {
  TensorFile file;
  file.tensors = {{"fc1.weight", Tensor({2, 3}, {1, -2, 3.5, 0, 1e-40, 6})},
                  {"fc1.bias", Tensor({2}, {0.1, 0.2}, DType::f64)},
                  {"empty", Tensor(Type{DType::f32, {0, 5}})},
                  {"step", Tensor::scalar(7, DType::i32)},
                  {"bytes", Tensor({3}, {1, 2, 255}, DType::u8)}};
  file.metadata = {{"b", "line\nbreak \"quoted\" \xc3\xa4"}, {"a", ""}};
  return file;
}

TEST(Safetensors, WhatIsWrittenReadsBack) {
  const TensorFile file = sample();
  const std::vector<uint8_t> bytes = write_safetensors(file, "w");
  const TensorFile back = read_safetensors(bytes, "w");
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (const NamedTensor& tensor : file.tensors) {
    ASSERT_NE(back.find(tensor.name), nullptr) << tensor.name;
    EXPECT_EQ(*back.find(tensor.name), tensor.value) << tensor.name;
  }
  EXPECT_EQ(back.find("fc2.weight"), nullptr);
  EXPECT_EQ(write_safetensors(back, "w"), bytes) << "deterministic, and a fixed point";
}

TEST(Safetensors, TheBytesAreTheFormats) {
  TensorFile file;
  file.tensors = {{"a", Tensor({2}, {1, 2})}};
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string expected("\x38\0\0\0\0\0\0\0", 8);
  expected += header + "  " + std::string("\0\0\x80\x3f\0\0\0\x40", 8);
  const std::vector<uint8_t> bytes = write_safetensors(file, "w");
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), expected);
}

TEST(Safetensors, EachTensorLiesAligned) {
  TensorFile file;
  file.tensors = {
      {"u", Tensor({3}, {1, 2, 3}, DType::u8)}, {"d", Tensor({1}, {1}, DType::f64)}, {"f", Tensor({1}, {1})}};
  const TensorFile back = read_safetensors(write_safetensors(file, "w"), "w");
  EXPECT_EQ(back.tensors[0].name, "d");
  EXPECT_EQ(back.tensors[1].name, "f");
  EXPECT_EQ(back.tensors[2].name, "u");
}

TEST(Safetensors, NothingButMetadataOrNothingAtAll) {
  EXPECT_EQ(refusal("{}", 0), "");
  EXPECT_EQ(refusal(R"({"__metadata__":{}})", 0), "");
  EXPECT_EQ(read_safetensors(write_safetensors({}, "w"), "w").tensors.size(), 0u);
}

TEST(Safetensors, HeadersThatLie) {
  EXPECT_THAT(refusal(std::vector<uint8_t>{}), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal(std::vector<uint8_t>{1, 0, 0}), HasSubstr("3 bytes"));
  EXPECT_THAT(refusal(file_of("{}", 0, 3)), HasSubstr("claims a header of 3 bytes, but only 2 follow"));
  EXPECT_THAT(refusal(file_of("{}", 0, int64_t(1) << 40)), HasSubstr("claims a header"));
  std::vector<uint8_t> huge(16, 0xff); // 2^64 - 1: must not wrap around
  EXPECT_THAT(refusal(huge), HasSubstr("claims a header"));
  EXPECT_THAT(refusal(file_of("{}", 0, 0)), HasSubstr("does not begin with {"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("does not begin with {"));
  EXPECT_THAT(refusal("{\"a\":", 0), HasSubstr("no JSON"));
  EXPECT_THAT(refusal("{\"\xff\":{}}", 0), HasSubstr("no JSON"));
  EXPECT_THAT(refusal("{} {}", 0), HasSubstr("no JSON"));
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_THAT(refusal(deep, 0), HasSubstr("nested"));
}

TEST(Safetensors, NamesThatOccurTwice) {
  const std::string one = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(refusal("{" + one + "," + one + "}", 1), HasSubstr("\"a\" twice"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("\"dtype\" twice"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"k":"1","k":"2"}})", 0), HasSubstr("\"k\" twice"));
  // The same name spelled with an escape is the same name.
  EXPECT_THAT(refusal("{" + one + R"(,"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("twice"));
  TensorFile file;
  file.tensors = {{"a", Tensor({1}, {1})}, {"a", Tensor({1}, {1})}};
  EXPECT_THROW(write_safetensors(file, "w"), Error);
  file.tensors = {{"__metadata__", Tensor({1}, {1})}};
  EXPECT_THROW(write_safetensors(file, "w"), Error);
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return text(R"({"a":{"dtype":)", dtype, R"(,"shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
}

TEST(Safetensors, EntriesThatLie) {
  EXPECT_EQ(refusal(entry("\"F32\"", "[2]", "[0,8]"), 8), "");
  EXPECT_EQ(refusal(entry("\"F32\"", "[]", "[0,4]"), 4), "") << "a scalar";
  EXPECT_THAT(refusal(entry("\"F32\"", "[2]", "[0,8]"), 7),
              HasSubstr("ends at byte 8 of the data, but the file has 7"));
  EXPECT_THAT(refusal(entry("\"F32\"", "[2]", "[0,8]"), 9), HasSubstr("1 bytes behind its last tensor"));
  EXPECT_THAT(refusal(entry("\"F32\"", "[3]", "[0,8]"), 8), AllOf(HasSubstr("f32[3] of 12 bytes"), HasSubstr("8")));
  EXPECT_THAT(refusal(entry("\"F32\"", "[2]", "[8,0]"), 8), HasSubstr("before it begins"));
  EXPECT_THAT(refusal(entry("\"F32\"", "[2]", "[1,9]"), 9), HasSubstr("gap"));
  EXPECT_THAT(refusal(entry("\"BF16\"", "[2]", "[0,4]"), 4), AllOf(HasSubstr("\"BF16\""), HasSubstr("F32, F64")));
  EXPECT_THAT(refusal(entry("7", "[2]", "[0,4]"), 4), HasSubstr("no text"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[-2]", "[0,4]"), 4), HasSubstr("shape"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[2.0]", "[0,2]"), 2), HasSubstr("shape"));
  EXPECT_THAT(refusal(entry("\"U8\"", "2", "[0,2]"), 2), HasSubstr("shape"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[2]", "[0]"), 2), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[2]", "[0,1e0]"), 2), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[2]", "[0,18446744073709551615]"), 2), HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(entry("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1), HasSubstr("9 axes"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[1]}})", 1), HasSubstr("no \"data_offsets\""));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1), HasSubstr("unknown key"));
  EXPECT_THAT(refusal(R"({"a":5})", 0), HasSubstr("something else than an object"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"k":1}})", 0), HasSubstr("no text"));
  EXPECT_THAT(refusal(R"({"__metadata__":[]})", 0), HasSubstr("no object"));
}

TEST(Safetensors, ProductsThatOverflow) {
  for (const char* shape : {"[4294967296,4294967296]", "[4611686018427387904,4]", "[18446744073709551615]",
                            "[4294967296,4294967296,0]", "[0,4294967296,4294967296]", "[9223372036854775808]"})
    EXPECT_THAT(refusal(entry("\"F32\"", shape, "[0,0]"), 0), HasSubstr("shape")) << shape;
  EXPECT_EQ(refusal(entry("\"F32\"", "[0,4294967296]", "[0,0]"), 0), "");
}

TEST(Safetensors, OverlapsAndGapsBetweenTensors) {
  const auto two = [](const std::string& a, const std::string& b) {
    return text(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)", a,
                R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)", b, "}}");
  };
  EXPECT_EQ(refusal(two("[4,8]", "[0,4]"), 8), "");
  EXPECT_THAT(refusal(two("[0,4]", "[2,6]"), 8), HasSubstr("inside the one before"));
  EXPECT_THAT(refusal(two("[0,4]", "[0,4]"), 8), HasSubstr("inside the one before"));
  EXPECT_THAT(refusal(two("[0,4]", "[6,10]"), 10), HasSubstr("gap"));
}

TEST(Safetensors, NamesInMessagesAreSafeForATerminal) {
  const std::string message = refusal("{\"\\u001b[31m\":5}", 0);
  EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
}

// Every cut, and thousands of flipped bits and bytes: each file is read or refused, nothing else.
TEST(Safetensors, DamageNeverCrashes) {
  const std::vector<uint8_t> good = write_safetensors(sample(), "w");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(refusal(std::vector<uint8_t>(good.begin(), good.begin() + std::ptrdiff_t(size))), "") << size;
  const Stream stream(1, "damage");
  size_t header = 0;
  for (size_t i = 0; i < 8; ++i) header |= size_t(good[i]) << (8 * i);
  int refused = 0;
  for (uint64_t round = 0; round < 6000; ++round) {
    Draws draws(stream, round);
    std::vector<uint8_t> bad = good;
    for (uint64_t flips = 1 + draws.below(3); flips > 0; --flips) {
      uint8_t& byte = bad[draws.below(8 + header)];
      byte =
          draws.below(2) ? uint8_t(byte ^ (1u << draws.below(8))) : uint8_t("0123456789{}[]\",:-e\\"[draws.below(20)]);
    }
    refused += !refusal(bad).empty();
  }
  EXPECT_GT(refused, 3000);
}

States net() {
  States states;
  states.add("fc1.weight", Tensor({3, 2}, {1, 2, 3, 4, 5, 6}), true);
  states.add("fc1.bias", Tensor({3}, {7, 8, 9}), true);
  states.add("step", Tensor::scalar(4, DType::i32));
  return states;
}

TEST(LoadStates, RestoresWhatWasSavedWhateverTheLayout) {
  States from = net(), to = net();
  to.write("fc1.weight", Tensor({3, 2}, {0, 0, 0, 0, 0, 0}));
  to.choose_layout(to.at("fc1.weight"), Layout{0, 16});
  from.choose_layout(from.at("fc1.weight"), Layout{0, 2});
  const std::vector<std::string> names = from.names(true);
  load_states(to, names, tensors_of(from, names), "w");
  EXPECT_EQ(to.read("fc1.weight"), net().read("fc1.weight"));
  EXPECT_EQ(weights_sha256(to), weights_sha256(net()));
}

TEST(LoadStates, SaysWhatIsMissingLeftOverAndDifferentAndLoadsNothing) {
  States states = net();
  const std::vector<NamedTensor> other = {{"fc1.weight", Tensor({3, 4}, std::vector<double>(12))},
                                          {"fc1.bias", Tensor({3}, {0, 0, 0})},
                                          {"fc2.bias", Tensor({1}, {1})}};
  try {
    load_states(states, states.names(), other, "other.safetensors");
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("other.safetensors"), HasSubstr("missing: step"), HasSubstr("left over: fc2.bias"),
                      HasSubstr("fc1.weight (file f32[3, 4], net f32[3, 2])")));
  }
  EXPECT_EQ(weights_sha256(states), weights_sha256(net()));
  const std::vector<NamedTensor> twofold = {{"fc1.bias", Tensor({3}, {0, 0, 0}, DType::f64)}};
  EXPECT_THROW(load_states(states, {"fc1.bias"}, twofold, "w"), Error);
}

TEST(LoadStates, ListsFewOfMany) {
  States states;
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) states.add(names.emplace_back(text("w", i)), Tensor::scalar(0), true);
  try {
    load_states(states, names, {}, "w");
    FAIL() << "not refused";
  } catch (const Error& error) { EXPECT_THAT(error.what(), HasSubstr("and 15 more")); }
}

TEST(WeightsSha256, DependsOnNameShapeAndBitsOfTrainableStatesAlone) {
  States a = net();
  const std::string sum = weights_sha256(a);
  EXPECT_EQ(sum.size(), 64u);
  a.write("step", Tensor::scalar(5, DType::i32));
  EXPECT_EQ(weights_sha256(a), sum);
  a.write("fc1.bias", Tensor({3}, {7, 8, 9.0000005}));
  EXPECT_NE(weights_sha256(a), sum);

  States named, shaped;
  named.add("w", Tensor({2, 1}, {1, 2}), true);
  shaped.add("w", Tensor({1, 2}, {1, 2}), true);
  EXPECT_NE(weights_sha256(named), weights_sha256(shaped));
  // printf 'w\0f32[1, 2]\0\0\0\x80\x3f\0\0\0\x40' | sha256sum
  EXPECT_EQ(weights_sha256(shaped), "ce83335f665c62ed9c80d60a5dce0b17d85df2d7f8c4b7b7493dd6756447e6ff");
}

} // namespace
} // namespace vitro

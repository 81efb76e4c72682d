// IDX: every element type, and every way in which a file can be wrong.
#include "data/idx.h"

#include <limits>

#include "data_scratch.h"

namespace vitro {
namespace {

Tensor images(int64_t n, int64_t height = 3, int64_t width = 5) {
  Tensor out(Type{DType::u8, {n, height, width}});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double(i * 37 % 256));
  return out;
}

Tensor labels(std::initializer_list<double> values) { return Tensor({int64_t(values.size())}, values, DType::u8); }

TEST(Idx, reads_the_bytes_that_the_format_describes) {
  // Two pictures of 1 x 3, written by hand from the format's description.
  const Bytes file = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255};
  const Tensor read = read_idx(file, "file");
  EXPECT_EQ(read, Tensor({2, 1, 3}, {10, 20, 30, 40, 50, 255}, DType::u8));
  EXPECT_EQ(write_idx(read), file);
}

TEST(Idx, reads_every_element_type) {
  const Bytes i8 = {0, 0, 9, 1, 0, 0, 0, 3, 0xFF, 0x80, 0x7F};
  EXPECT_EQ(read_idx(i8, "i8"), Tensor({3}, {-1, -128, 127}, DType::i32));
  const Bytes i16 = {0, 0, 0x0B, 1, 0, 0, 0, 2, 0x80, 0, 0x01, 0x02};
  EXPECT_EQ(read_idx(i16, "i16"), Tensor({2}, {-32768, 258}, DType::i32));
  for (const DType dtype : {DType::i32, DType::f32, DType::f64}) {
    const Tensor values({2, 2}, {-1, 0.5, 65536, -2147483648.0}, dtype);
    EXPECT_EQ(read_idx(write_idx(values), "round"), values) << name(dtype);
  }
}

TEST(Idx, refuses_a_file_cut_at_any_length) {
  const Bytes whole = write_idx(images(2));
  expect_bad_input({"cut", "is empty"}, [&] { read_idx({}, "cut"); });
  for (size_t n = 1; n < whole.size(); ++n)
    expect_bad_input({"[cut]"}, [&] { read_idx(ByteSpan(whole).first(n), "cut"); });
  expect_bad_input({"30 bytes", "has 29", "truncated"},
                   [&] { read_idx(ByteSpan(whole).first(whole.size() - 1), "cut"); });
}

TEST(Idx, refuses_bytes_too_many) {
  Bytes file = write_idx(images(2));
  file.push_back(0);
  expect_bad_input({"long", "2 x 3 x 5", "has 31", "longer"}, [&] { read_idx(file, "long"); });
}

TEST(Idx, refuses_a_wrong_magic_number) {
  for (const auto& [at, value] : {std::pair{0, 1}, {1, 1}, {2, 7}, {2, 0x0A}, {2, 0x0F}, {3, 0}, {3, 9}}) {
    Bytes file = write_idx(images(2));
    file[size_t(at)] = uint8_t(value);
    expect_bad_input({"no IDX magic number", "0x00000803"}, [&] { read_idx(file, "magic"); });
  }
}

TEST(Idx, refuses_extents_that_overflow_or_hold_nothing) {
  Bytes file = {0, 0, 8, 8};
  for (int i = 0; i < 8; ++i) file.insert(file.end(), {0xFF, 0xFF, 0xFF, 0xFF});
  expect_bad_input({"4294967295 x", "more than any file holds"}, [&] { read_idx(file, "huge"); });
  // 2^32 x 2^32 would be 0 in 64 bits: wrapped around it would look like an empty, correct file.
  Bytes wraps = {0, 0, 8, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 0};
  expect_bad_input({"2147483648 x 2147483648"}, [&] { read_idx(wraps, "wraps"); });
  const Bytes none = {0, 0, 8, 1, 0, 0, 0, 0};
  expect_bad_input({"holds nothing"}, [&] { read_idx(none, "none"); });
}

TEST(Idx, a_pair_is_a_set_with_its_channel_axis) {
  const Dataset data = idx_dataset(images(3), labels({2, 0, 1}), {}, "images", "labels");
  EXPECT_EQ(data.samples.type(), (Type{DType::u8, {3, 1, 3, 5}}));
  EXPECT_EQ(data.schema.sample, (Shape{1, 3, 5}));
  EXPECT_EQ(data.schema.input.scale, 1.0 / 255);
  EXPECT_EQ(data.schema.classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(data.labels, Tensor({3}, {2, 0, 1}, DType::i32));
}

TEST(Idx, refuses_pairs_that_do_not_fit) {
  expect_bad_input({"labels", "2 labels", "3 images"}, [&] {
    idx_dataset(images(3), labels({0, 1}), {}, "images", "labels");
  });
  expect_bad_input({"labels", "label 2 of sample 1", "2 classes"}, [&] {
    idx_dataset(images(2), labels({1, 2}), {"a", "b"}, "images", "labels");
  });
  expect_bad_input({"labels", "label -1"}, [&] {
    idx_dataset(images(2), Tensor({2}, {0, -1}, DType::i32), {}, "images", "labels");
  });
  expect_bad_input({"labels", "one whole number"}, [&] { idx_dataset(images(2), images(2), {}, "images", "labels"); });
  expect_bad_input({"images", "list of 2"}, [&] {
    idx_dataset(labels({0, 1}), labels({0, 1}), {}, "images", "labels");
  });
  const Tensor nan({2, 2}, {0, 1, std::numeric_limits<double>::quiet_NaN(), 2}, DType::f32);
  expect_bad_input({"images", "element 2", "nan"}, [&] { idx_dataset(nan, labels({0, 1}), {}, "images", "labels"); });
}

} // namespace
} // namespace vitro

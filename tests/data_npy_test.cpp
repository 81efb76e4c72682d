// Arrays of numpy: files that numpy itself wrote, every element type, and every way in which a file can be wrong.
#include "data/npy.h"

#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "data_scratch.h"

namespace vitro {
namespace {

// Written by numpy 2.4.6: [[1, -2, 3.5], [4, 5, -6]] in two orders, [3, -4, 2^31 - 1], and savez and savez_compressed
// of x, the first of these, and label, [1, 0].
const char* const f4_rows =
    "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c2027736861"
    "7065273a2028322c2033292c207d2020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020202020200a0000803f000000c000006040000080400000a0400000c0c0";
const char* const f8_columns =
    "934e554d50590200740000007b276465736372273a20273c6638272c2027666f727472616e5f6f72646572273a20547275652c20277368"
    "617065273a2028322c2033292c207d20202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020202020200a000000000000f03f000000000000104000000000000000c000000000000014400000000000"
    "000c4000000000000018c0";
const char* const i8_version_3 =
    "934e554d50590300740000007b276465736372273a20273c6938272c2027666f727472616e5f6f72646572273a2046616c73652c202773"
    "68617065273a2028332c292c207d2020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020202020200a0300000000000000fcffffffffffffffffffff7f00000000";
const char* const stored =
    "504b03042d0000000000000021006cac8e38ffffffffffffffff05001400782e6e70790100100098000000000000009800000000000000"
    "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c2027736861"
    "7065273a2028322c2033292c207d2020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020202020200a0000803f000000c000006040000080400000a0400000c0c0504b03042d0000000000000021"
    "004e636bb1ffffffffffffffff090014006c6162656c2e6e70790100100082000000000000008200000000000000934e554d5059010076"
    "007b276465736372273a20277c7531272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c29"
    "2c207d20202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020200a0100504b01022d032d0000000000000021006cac8e38980000009800000005000000000000000000000080010000"
    "0000782e6e7079504b01022d032d0000000000000021004e636bb182000000820000000900000000000000000000008001cf0000006c61"
    "62656c2e6e7079504b050600000000020002006a0000008c0100000000";
const char* const deflated =
    "504b03042d0000000800000021006cac8e38ffffffffffffffff05001400782e6e70790100100098000000000000005a00000000000000"
    "9bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402"
    "f91a463a0ac69a3a0ab50a64032e0686067b060686030c0c090e4036102f00e2030700504b03042d0000000800000021004e636bb1ffff"
    "ffffffffffff090014006c6162656c2e6e707901001000820000000000000046000000000000009bec17ea1b10c9c850c650ad9e925a9c"
    "5ca46ea5a05e536aa8aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a463a9a3a0ab50a14002e46060050"
    "4b01022d032d0000000800000021006cac8e385a00000098000000050000000000000000000000800100000000782e6e7079504b01022d"
    "032d0000000800000021004e636bb146000000820000000900000000000000000000008001910000006c6162656c2e6e7079504b050600"
    "000000020002006a000000120100000000";

Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return uint8_t(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(uint8_t(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return out;
}

Bytes with_header(const std::string& header, const std::string& data) {
  Bytes out = bytes_of_text(std::string("\x93NUMPY\x01\0", 8));
  out.push_back(uint8_t(header.size()));
  out.push_back(0);
  for (const std::string* part : {&header, &data}) out.insert(out.end(), part->begin(), part->end());
  return out;
}

Bytes array(const std::string& descr, const std::string& shape, const std::string& data) {
  return with_header("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n", data);
}

Tensor read(const Bytes& bytes) { return read_npy(bytes, "a.npy"); }

const Tensor matrix({2, 3}, {1, -2, 3.5, 4, 5, -6});

TEST(Npy, reads_what_numpy_writes) {
  EXPECT_EQ(read(from_hex(f4_rows)), matrix);
  EXPECT_EQ(read(from_hex(f8_columns)), matrix.to(DType::f64)) << "the first axis runs fastest";
  EXPECT_EQ(read(from_hex(i8_version_3)), Tensor({3}, {3, -4, 2147483647}, DType::i32));
}

TEST(Npy, writes_what_numpy_writes) { EXPECT_EQ(write_npy(matrix), from_hex(f4_rows)); }

TEST(Npy, reads_every_type_of_number) {
  const auto at = [](const std::string& descr, const std::string& data) { return read(array(descr, "1,", data)); };
  EXPECT_EQ(at("|u1", "\xFE"), Tensor({1}, {254}, DType::u8));
  EXPECT_EQ(at("|b1", "\x01"), Tensor({1}, {1}, DType::u8));
  EXPECT_EQ(at("|i1", "\xFE"), Tensor({1}, {-2}, DType::i32));
  EXPECT_EQ(at("<u2", "\xFE\xFF"), Tensor({1}, {65534}, DType::i32));
  EXPECT_EQ(at("<i2", "\xFE\xFF"), Tensor({1}, {-2}, DType::i32));
  EXPECT_EQ(at("<i4", "\xFE\xFF\xFF\xFF"), Tensor({1}, {-2}, DType::i32));
  EXPECT_EQ(at("<u4", "\xFE\xFF\xFF\xFF"), Tensor({1}, {4294967294}, DType::f64));
  EXPECT_EQ(at("<u4", std::string("\x01\0\0\0", 4)), Tensor({1}, {1}, DType::i32));
  EXPECT_EQ(at("<i8", std::string("\0\0\0\x80\0\0\0\0", 8)), Tensor({1}, {2147483648}, DType::f64));
  expect_bad_input({"a.npy", "9007199254740993"}, [&] { at("<i8", std::string("\x01\0\0\0\0\0\x20\0", 8)); });
  const auto half = [&](const std::string& data) { return at("<f2", data).at(0); };
  EXPECT_EQ(half(std::string("\0\x3E", 2)), 1.5);
  EXPECT_EQ(half("\x66\xAE"), -0.0999755859375);
  EXPECT_EQ(half("\xFF\x7B"), 65504);
  EXPECT_EQ(half(std::string("\x01\0", 2)), 0x1p-24);
  EXPECT_EQ(half(std::string("\xA8\0", 2)), 1.0013580322265625e-05);
  EXPECT_EQ(half(std::string("\0\x7C", 2)), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(half(std::string("\0\x7E", 2))));
}

TEST(Npy, reads_every_shape) {
  EXPECT_EQ(read(array("|u1", "", "a")).shape(), Shape{}) << "one number";
  EXPECT_EQ(read(array("|u1", "0, 3", "")).shape(), (Shape{0, 3}));
  EXPECT_EQ(read(array("|u1", "1,2,1,1,1,1,1,1", "ab")).shape().rank(), 8);
  EXPECT_EQ(read(with_header("{'shape':(2 , ),\"fortran_order\":True,'descr':'|u1'}", "ab")),
            Tensor({2}, {97, 98}, DType::u8));
}

TEST(Npy, refuses_by_name_what_is_no_plain_number) {
  expect_bad_input({"a.npy", "Python objects"}, [] { read(array("|O", "1,", "12345678")); });
  expect_bad_input({"big-endian", ">f4", "astype('<f4')"}, [] { read(array(">f4", "1,", "1234")); });
  expect_bad_input({"texts", "<U3"}, [] { read(array("<U3", "1,", "1234")); });
  expect_bad_input({"<c8", "none of"}, [] { read(array("<c8", "1,", "12345678")); });
  expect_bad_input({"several fields"}, [] {
    read(with_header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"));
  });
  expect_bad_input({"9 axes"}, [] { read(array("|u1", "1,1,1,1,1,1,1,1,1", "a")); });
}

TEST(Npy, refuses_damaged_files) {
  const Bytes whole = from_hex(f4_rows);
  for (size_t n = 0; n < whole.size(); ++n)
    expect_bad_input({"a.npy", "npy file"}, [&] { read(Bytes(whole.begin(), whole.begin() + ptrdiff_t(n))); });
  Bytes longer = whole;
  longer.push_back(0);
  expect_bad_input({"25 bytes of numbers, 24 were expected"}, [&] { read(longer); });
  for (const std::string shape :
       {"99999999999", "9999999999,9999999999,9999999999", "0,9999999999,9999999999", "-1", "x", "1 2"})
    expect_bad_input({"damaged npy file"}, [&] { read(array("|u1", shape, "")); });
  for (const std::string header :
       {"", "{}", "{'descr': '|u1', 'fortran_order': False}", "{'descr': '|u1', 'fortran_order': 0, 'shape': (), }",
        "{'descr': '|u1, ", "{'other': 'x'}", "{'descr': '|u1', 'fortran_order': True, 'shape': ()} x"})
    expect_bad_input({"damaged npy file"}, [&] { read(with_header(header, "abc")); });
  Bytes newer = whole;
  newer[6] = 4;
  expect_bad_input({"version 4"}, [&] { read(newer); });
  // Any damage is an error or another array, no crash.
  rc::check([&] {
    Bytes damaged = whole;
    damaged[*rc::gen::inRange<size_t>(0, damaged.size())] = *rc::gen::arbitrary<uint8_t>();
    try {
      read(damaged);
    } catch (const Error& error) { RC_ASSERT(error.fault() == Fault::input); }
  });
}

TEST(Npz, reads_what_numpy_writes) {
  const std::map<std::string, Tensor> expected = {{"x", matrix}, {"label", Tensor({2}, {1, 0}, DType::u8)}};
  EXPECT_EQ(read_npz(from_hex(stored), "a.npz"), expected);
  EXPECT_EQ(read_npz(from_hex(deflated), "a.npz"), expected);
  EXPECT_EQ(read_npz(write_npz(expected), "a.npz"), expected);
  EXPECT_EQ(read_npz(write_npz({}), "a.npz"), (std::map<std::string, Tensor>{}));
}

// The same central directory with sizes, place and end as zip64 writes them.
TEST(Npz, reads_sizes_of_64_bits) {
  const Bytes plain = write_npz({{"x", matrix}});
  const auto get = [&](size_t at) {
    uint64_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint64_t(plain[at + i]) << (8 * i);
    return value;
  };
  const size_t end = plain.size() - 22, central = get(end + 16);
  Bytes wide(plain.begin(), plain.begin() + ptrdiff_t(end));
  const auto put = [&](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) wide.push_back(uint8_t(value >> (8 * i)));
  };
  put(1, 2), put(24, 2), put(get(central + 24), 8), put(get(central + 20), 8), put(get(central + 42), 8);
  for (const size_t at : {central + 20, central + 24, central + 42}) std::fill_n(wide.begin() + ptrdiff_t(at), 4, 0xFF);
  wide[central + 30] = 28;
  const size_t end64 = wide.size();
  put(0x06064b50, 4), put(44, 8), put(45, 2), put(45, 2), put(0, 8), put(1, 8), put(1, 8), put(end64 - central, 8),
      put(central, 8);
  put(0x07064b50, 4), put(0, 4), put(end64, 8), put(1, 4);
  put(0x06054b50, 4), put(0, 4), put(0xFFFF, 2), put(0xFFFF, 2), put(0xFFFFFFFF, 4), put(0xFFFFFFFF, 4), put(0, 2);
  EXPECT_EQ(read_npz(wide, "a.npz").at("x"), matrix);
}

TEST(Npz, refuses_what_is_damaged_or_no_array) {
  expect_bad_input({"a.npz", "no npz file"}, [] { read_npz(bytes_of_text("hello"), "a.npz"); });
  for (const char* const golden : {stored, deflated}) {
    const Bytes whole = from_hex(golden);
    for (size_t n = 0; n < whole.size(); ++n)
      expect_bad_input({"a.npz"}, [&] { read_npz(ByteSpan(whole).first(n), "a.npz"); });
    rc::check([&] {
      Bytes damaged = whole;
      damaged[*rc::gen::inRange<size_t>(0, damaged.size())] = *rc::gen::arbitrary<uint8_t>();
      try {
        read_npz(damaged, "a.npz");
      } catch (const Error& error) { RC_ASSERT(error.fault() == Fault::input); }
    });
  }
  const auto with = [](size_t back, uint8_t value) { // a byte of the central header of a file with one array, "x"
    Bytes bytes = write_npz({{"x", matrix}});
    bytes[bytes.size() - 22 - 46 - 5 + back] = value;
    return bytes;
  };
  expect_bad_input({"a.npz: x.npy", "encrypted"}, [&] { read_npz(with(8, 1), "a.npz"); });
  expect_bad_input({"a.npz: x.npy", "method 12"}, [&] { read_npz(with(10, 12), "a.npz"); });
  expect_bad_input({"x.npz, which is no array"}, [&] { read_npz(with(50, 'z'), "a.npz"); });
  expect_bad_input({"damaged"}, [&] { read_npz(with(16, 1), "a.npz"); });
}

TEST(Npz, written_arrays_come_back) {
  rc::check([] {
    std::map<std::string, Tensor> arrays;
    for (const auto& name :
         *rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(rc::gen::inRange('a', 'z')))) {
      const Shape shape(
          *rc::gen::container<std::vector<int64_t>>(*rc::gen::inRange<size_t>(0, 4), rc::gen::inRange<int64_t>(0, 4)));
      Tensor tensor(Type{*rc::gen::element(DType::f32, DType::f64, DType::i32, DType::u8), shape});
      for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, *rc::gen::inRange(0, 256));
      arrays[name] = tensor;
    }
    RC_ASSERT(read_npz(write_npz(arrays), "a.npz") == arrays);
  });
}

} // namespace
} // namespace vitro

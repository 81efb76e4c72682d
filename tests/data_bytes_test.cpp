// Files as bytes: what is there is read whole, whatever else is one clear error.
#include "data/bytes.h"

#include <sys/stat.h>

#include <numeric>
#include <thread>

#include "data_scratch.h"

namespace vitro {
namespace {

Bytes counting(size_t n) {
  Bytes bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = uint8_t(i * 7 + i / 251);
  return bytes;
}

TEST(Bytes, reads_a_file_whole_at_every_odd_size) {
  const Scratch scratch;
  for (const size_t n : {1u, 2u, 65535u, 65536u, 65537u, 300001u})
    EXPECT_EQ(read_bytes(scratch.write("file", counting(n))), counting(n)) << n;
}

TEST(Bytes, inflates_gzip_by_content_whatever_the_name) {
  const Scratch scratch;
  for (const size_t n : {1u, 100u, 65536u, 300001u})
    EXPECT_EQ(read_bytes(scratch.write("no-ending", gzip(counting(n)))), counting(n)) << n;
  const Bytes zeros(5'000'000);
  EXPECT_EQ(read_bytes(scratch.write("zeros.gz", gzip(zeros))), zeros);
}

TEST(Bytes, gzip_members_behind_each_other_are_one_file) {
  Bytes two = gzip(counting(1000));
  const Bytes second = gzip(counting(77));
  two.insert(two.end(), second.begin(), second.end());
  Bytes expected = counting(1000);
  const Bytes tail = counting(77);
  expected.insert(expected.end(), tail.begin(), tail.end());
  EXPECT_EQ(inflate_gzip(two, "two.gz"), expected);
}

TEST(Bytes, refuses_what_is_no_file) {
  const Scratch scratch;
  expect_bad_input({scratch / "none", "can't be opened", "No such file"}, [&] { read_bytes(scratch / "none"); });
  expect_bad_input({scratch.path(), "is a directory"}, [&] { read_bytes(scratch.path()); });
  const std::string empty = scratch.write("empty", "");
  expect_bad_input({empty, "is empty"}, [&] { read_bytes(empty); });
  const std::string wrapped = scratch.write("empty.gz", gzip({}));
  expect_bad_input({wrapped, "is empty"}, [&] { read_bytes(wrapped); });
  if (geteuid() != 0) {
    const std::string locked = scratch.write("locked", "x");
    chmod(locked.c_str(), 0);
    expect_bad_input({locked, "Permission denied"}, [&] { read_bytes(locked); });
  }
}

TEST(Bytes, refuses_gzip_cut_at_any_length) {
  const Bytes whole = gzip(counting(3000));
  for (size_t n = 2; n < whole.size(); ++n)
    expect_bad_input({"cut.gz", "gzip"}, [&] { inflate_gzip(ByteSpan(whole).first(n), "cut.gz"); });
}

TEST(Bytes, refuses_gzip_with_any_damaged_byte) {
  const Bytes whole = gzip(counting(3000));
  int accepted = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= 0x41;
    // The header's time stamp, extra flags and system (bytes 4 to 9) say nothing of the content.
    if (i >= 4 && i < 10) continue;
    try {
      accepted += inflate_gzip(damaged, "damaged.gz") != Bytes{};
    } catch (const Error& error) { EXPECT_EQ(error.fault(), Fault::input); }
  }
  // Flags that only announce a text or a comment may pass; the sum over the content must catch all else.
  EXPECT_LE(accepted, 1);
}

TEST(Bytes, refuses_bytes_behind_the_stream_and_more_than_the_limit) {
  Bytes longer = gzip(counting(50));
  longer.push_back(0);
  expect_bad_input({"long.gz", "1 bytes behind the end"}, [&] { inflate_gzip(longer, "long.gz"); });
  const Bytes bomb = gzip(Bytes(1'000'000));
  expect_bad_input({"bomb.gz", "more than 1000 bytes"}, [&] { inflate_gzip(bomb, "bomb.gz", 1000); });
  EXPECT_EQ(inflate_gzip(bomb, "bomb.gz", 1'000'000).size(), 1'000'000u);
}

// FIPS 180-4, examples for SHA-256: "abc" and the empty message.
TEST(Bytes, sha256_of_the_published_examples) {
  EXPECT_EQ(sha256(bytes_of_text("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// All bytes of a source, taken in pieces of `piece`.
Bytes all_of(ByteSource& source, size_t piece) {
  Bytes out, next(piece);
  while (true) {
    const size_t got = source.read(next);
    out.insert(out.end(), next.begin(), next.begin() + ptrdiff_t(got));
    if (got < piece) return out;
  }
}

TEST(ByteSource, gives_the_bytes_in_order_as_often_as_wanted) {
  const Scratch scratch;
  Bytes members = gzip(counting(200000));
  const Bytes second = gzip(counting(77)), both = [] {
    Bytes bytes = counting(200000), more = counting(77);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
  }();
  members.insert(members.end(), second.begin(), second.end());
  for (const size_t piece : {1000, 4096, 1 << 20}) {
    ByteSource plain = ByteSource::open(scratch.write("plain", both)), held = ByteSource::of(both),
               packed = ByteSource::open(scratch.write("packed", members));
    EXPECT_EQ(plain.size(), both.size());
    EXPECT_EQ(held.size(), both.size());
    EXPECT_EQ(packed.size(), std::nullopt);
    for (ByteSource* source : {&plain, &held, &packed}) {
      EXPECT_EQ(all_of(*source, piece), both);
      source->rewind();
      Bytes few(10);
      EXPECT_EQ(source->read(few), 10u);
      source->rewind();
      ByteSource moved = std::move(*source);
      EXPECT_EQ(all_of(moved, piece), both);
    }
  }
}

TEST(ByteSource, holds_what_can_be_read_only_once) {
  const Scratch scratch;
  const std::string pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << "a,b\n1,2\n"; });
  ByteSource source = ByteSource::open(pipe);
  writer.join();
  for (int i = 0; i < 2; ++i, source.rewind()) EXPECT_EQ(all_of(source, 100), bytes_of_text("a,b\n1,2\n"));
}

TEST(ByteSource, refuses_what_cannot_be_read) {
  const Scratch scratch;
  expect_bad_input({"absent", "can't be opened"}, [&] { ByteSource::open(scratch / "absent"); });
  expect_bad_input({"directory"}, [&] { ByteSource::open(scratch.path()); });
  ByteSource empty = ByteSource::open(scratch.write("empty", ""));
  EXPECT_EQ(all_of(empty, 10), Bytes{});
  Bytes cut = gzip(counting(3000));
  cut.resize(cut.size() - 9);
  ByteSource source = ByteSource::open(scratch.write("cut.gz", cut));
  expect_bad_input({"cut.gz", "truncated gzip"}, [&] { all_of(source, 100); });
  for (const std::string behind : {"x", "xyz"}) {
    Bytes longer = gzip(counting(50));
    longer.insert(longer.end(), behind.begin(), behind.end());
    ByteSource both = ByteSource::open(scratch.write("long.gz", longer));
    expect_bad_input({"long.gz", std::to_string(behind.size()) + " bytes behind the end"}, [&] { all_of(both, 100); });
  }
}

} // namespace
} // namespace vitro

// CIFAR's records: parts by their files' names, a part never taken for the whole, archives, damage.
#include "data/cifar.h"

#include <cstring>

#include "core/text.h"
#include "data/open.h"
#include "data/tar.h"
#include "data_scratch.h"

namespace vitro {
namespace {

// Record i: class i mod 10, every byte of its red (i mod 200), green 50 and blue 100.
Bytes records(int64_t n, int64_t first = 0) {
  Bytes out;
  for (int64_t i = first; i < first + n; ++i) {
    out.push_back(uint8_t(i % 10));
    for (const int64_t value : {i % 200, int64_t{50}, int64_t{100}}) out.insert(out.end(), 1024, uint8_t(value));
  }
  return out;
}

Bytes tar(const std::vector<std::pair<std::string, Bytes>>& members) {
  Bytes out;
  for (const auto& [name, bytes] : members) {
    Bytes header(512);
    std::memcpy(header.data(), name.data(), name.size());
    std::snprintf(reinterpret_cast<char*>(&header[124]), 12, "%011llo", static_cast<unsigned long long>(bytes.size()));
    header[156] = '0';
    std::memcpy(&header[257], "ustar", 6);
    std::memset(&header[148], ' ', 8);
    unsigned sum = 0;
    for (const uint8_t byte : header) sum += byte;
    std::snprintf(reinterpret_cast<char*>(&header[148]), 8, "%06o", sum);
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.resize((out.size() + 511) / 512 * 512);
  }
  out.resize(out.size() + 1024);
  return out;
}

TEST(Cifar, a_record_is_a_class_and_three_planes) {
  const Dataset data = read_cifar(records(12), {}, "x");
  EXPECT_EQ(data.samples.shape(), (Shape{12, 3, 32, 32}));
  EXPECT_EQ(data.label_of()[11], 1);
  EXPECT_EQ(data.schema.classes[6], "frog");
  EXPECT_EQ(data.samples.at(11 * 3072), 11);
  EXPECT_EQ(data.samples.at(11 * 3072 + 1024), 50);
  EXPECT_EQ(data.samples.at(11 * 3072 + 2048), 100);
  EXPECT_EQ(data.schema.input.mean, (std::vector<double>{0.4914, 0.4822, 0.4465}));
}

TEST(Cifar, damaged_records_are_refused) {
  Bytes cut = records(3);
  cut.pop_back();
  expect_bad_input({"[x]", "2 and 3072 bytes"}, [&] { read_cifar(cut, {}, "x"); });
  expect_bad_input({"[x]"}, [&] { read_cifar(Bytes{}, {}, "x"); });
  Bytes wrong = records(3);
  wrong[3073] = 10;
  expect_bad_input({"[x]", "label 10 of sample 1"}, [&] { read_cifar(wrong, {}, "x"); });
}

TEST(Cifar, a_part_is_opened_and_called_a_part) {
  const Scratch place;
  place.write("cifar10/data_batch_1.bin.gz", gzip(records(10000)));
  place.write("cifar10/data_batch_5_first4000.bin.gz", gzip(records(40)));
  place.write("cifar10/test_batch_first1000.bin", records(20, 100));
  place.write("cifar10/batches.meta.txt", bytes_of_text("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"));
  const Splits parts = open_data("cifar10", {.data_dir = place.path()});
  EXPECT_EQ(parts.train.size(), 10000);
  EXPECT_EQ(parts.validation.size(), 40);
  EXPECT_EQ(parts.test.size(), 20);
  EXPECT_EQ(parts.test.samples.at(0), 100);
  EXPECT_EQ(parts.train.schema.classes[1], "b");
  EXPECT_EQ(parts.train.schema.name, "part of cifar10");
  EXPECT_NE(parts.train.schema.description.find("not the whole"), std::string::npos);
  const std::string said = join(parts.remarks, "\n");
  for (const char* word :
       {"1 of 5 training files", "the first 40 of data_batch_5", "20 of 10000", "data_batch_2", "data_batch_5"})
    EXPECT_NE(said.find(word), std::string::npos) << word << " in " << said;
  EXPECT_EQ(open_data(place / "cifar10").train.size(), 10000) << "the same as a path";
  EXPECT_EQ(open_data(place / "cifar10", {.samples = 100}).train.size(), 100);
  expect_bad_input({"its own validation part"}, [&] { open_data(place / "cifar10", {.validation = 0.1}); });
}

TEST(Cifar, the_whole_set_has_the_usual_parts) {
  const Scratch place;
  std::vector<std::pair<std::string, Bytes>> members;
  for (int k = 1; k <= 5; ++k)
    members.emplace_back(text("cifar-10-batches-bin/data_batch_", k, ".bin"), records(10000, k));
  members.emplace_back("cifar-10-batches-bin/test_batch.bin", records(10000));
  members.emplace_back("cifar-10-batches-bin/batches.meta.txt", bytes_of_text("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"));
  place.write("cifar10/cifar-10-binary.tar.gz", gzip(tar(members)));
  const Splits parts = open_data("cifar10", {.data_dir = place.path()});
  EXPECT_EQ(parts.train.size(), 45000);
  EXPECT_EQ(parts.validation.size(), 5000);
  EXPECT_EQ(parts.test.size(), 10000);
  EXPECT_EQ(parts.train.samples.at(10000 * 3072), 2) << "batches in their order";
  EXPECT_EQ(parts.train.schema.name, "cifar10");
  EXPECT_EQ(parts.train.schema.classes[0], "a");
  EXPECT_TRUE(parts.remarks.empty());
}

TEST(Cifar, records_of_ones_own) {
  const Scratch place;
  place.write("mine/records.bin", records(100));
  const Splits parts = open_data(place / "mine");
  EXPECT_EQ(parts.train.size() + parts.validation.size() + parts.test.size(), 100);
  EXPECT_EQ(parts.train.schema.name, "mine");
  EXPECT_EQ(open_data(place / "mine/records.bin").test.size(), 10);
  const RawFile again = open_as(parts.train.schema, place / "mine/records.bin");
  EXPECT_TRUE(again.labelled);
  EXPECT_EQ(again.data.size(), 100);
}

TEST(Tar, damage_is_found) {
  const Bytes whole = tar({{"a", Bytes(700, 1)}, {"b", Bytes(3, 2)}});
  const auto members = read_tar(whole, "x");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[1].name, "b");
  EXPECT_EQ(members[1].bytes[2], 2);
  expect_bad_input({"[x]", "truncated"}, [&] { read_tar(ByteSpan(whole).first(800), "x"); });
  expect_bad_input({"[x]", "truncated"}, [&] { read_tar(ByteSpan(whole).first(1536), "x"); });
  Bytes wrong = whole;
  wrong[3] = 'x';
  expect_bad_input({"[x]", "wrong sum"}, [&] { read_tar(wrong, "x"); });
}

} // namespace
} // namespace vitro

// One way in: names, files, directories; known sets without a network; fetching from a file: address.
#include "data/open.h"

#include <sys/stat.h>

#include <cmath>
#include <numeric>

#include "core/text.h"
#include "data/batches.h"
#include "data/idx.h"
#include "data_scratch.h"

namespace vitro {
namespace {

// A small set in IDX: n pictures of 4 x 4, label = index mod 10, the first pixel tells the index.
struct Pair {
  Bytes images, labels;
};
Pair pair(int64_t n, int first = 0) {
  Tensor images(Type{DType::u8, {n, 4, 4}}), labels(Type{DType::u8, {n}});
  for (int64_t i = 0; i < n; ++i) {
    images.set(16 * i, double((i + first) % 256));
    images.set(16 * i + 5, 200);
    labels.set(i, double(i % 10));
  }
  return {write_idx(images), write_idx(labels)};
}

// Files named as MNIST's, packed or not; the training part has 60 pictures, the test part 10.
void write_mnist_like(const Scratch& scratch, const std::string& directory, bool packed) {
  const auto put = [&](const std::string& name, const Bytes& bytes) {
    scratch.write(directory + "/" + name + (packed ? ".gz" : ""), packed ? gzip(bytes) : bytes);
  };
  put("train-images-idx3-ubyte", pair(60).images);
  put("train-labels-idx1-ubyte", pair(60).labels);
  put("t10k-images-idx3-ubyte", pair(10, 100).images);
  put("t10k-labels-idx1-ubyte", pair(10).labels);
}

TEST(Open, a_known_set_is_found_packed_or_not_wherever_it_may_lie) {
  for (const bool packed : {false, true}) {
    const Scratch scratch;
    write_mnist_like(scratch, "mnist", packed);
    const Variable none("VITRO_DATA", std::nullopt), home("HOME", scratch / "home"), xdg("XDG_DATA_HOME", std::nullopt);
    const Splits by_argument = open_data("mnist", {.data_dir = scratch.path()});
    EXPECT_EQ(by_argument.train.size(), 50);
    EXPECT_EQ(by_argument.validation.size(), 10);
    EXPECT_EQ(by_argument.test.size(), 10);
    EXPECT_EQ(by_argument.validation.samples.at(0), 50) << "the last sixth of the training part";
    EXPECT_EQ(by_argument.test.samples.at(0), 100);
    EXPECT_EQ(by_argument.train.schema.input, (Scaling{1.0 / 255, {0.1307}, {0.3081}}));
    EXPECT_EQ(open_data("mnist", {.data_dir = scratch / "mnist"}).train.size(), 50) << "the directory itself";
    {
      const Variable variable("VITRO_DATA", scratch.path());
      EXPECT_EQ(open_data("mnist").train.size(), 50);
    }
    {
      const Variable variable("XDG_DATA_HOME", scratch / "share");
      write_mnist_like(scratch, "share/vitro/mnist", packed);
      EXPECT_EQ(open_data("mnist").train.size(), 50);
    }
    write_mnist_like(scratch, "home/.local/share/vitro/mnist", packed);
    EXPECT_EQ(open_data("mnist").train.size(), 50);
  }
}

TEST(Open, a_known_table_is_found_wherever_it_may_lie) {
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += text(i, ".5,", 0.123456789 * i, ",", i % 2, "\n");
  for (const char* place : {"a/udacity-points/", "b/", "c/tabular/"}) {
    const Scratch scratch;
    scratch.write(std::string(place) + "udacity-points.csv", rows);
    const std::string root = scratch / std::string(1, place[0]);
    const Splits parts = open_data("udacity-points", {.data_dir = root});
    EXPECT_EQ(parts.train.size(), 24) << place;
    EXPECT_EQ(parts.files.size(), 1u);
  }
}

TEST(Open, a_known_table_knows_its_target_unless_another_is_named) {
  const Scratch scratch;
  std::string rows = "admit,gre,gpa,rank\n";
  for (int i = 0; i < 40; ++i) rows += text(i % 2, ",", 200 + i, ",3.", 10 + i, ",", 1 + i % 4, "\n");
  scratch.write("tabular/student_data.csv", rows);
  const std::string root = scratch / "";
  EXPECT_EQ(open_data("admissions", {.data_dir = root}).train.schema.classes, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(open_data("admissions", {.data_dir = root, .table = {.target = "rank"}}).train.schema.classes.size(), 4u);
}

TEST(Open, numbers_as_they_stand_and_in_double) {
  const Scratch scratch;
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += text(i, ".5,", 0.123456789 * i, ",", i % 2, "\n");
  const std::string path = scratch.write("t.csv", rows);
  const Splits standard = open_data(path, {.validation = 0, .test = 0});
  EXPECT_NE(standard.train.schema.columns[0].mean, 0);
  const Splits raw =
      open_data(path, {.validation = 0, .test = 0, .standardise = false, .table = {.dtype = DType::f64}});
  EXPECT_EQ(raw.train.schema.columns[0].mean, 0);
  EXPECT_EQ(raw.train.schema.columns[0].deviation, 1);
  EXPECT_EQ(raw.train.samples.dtype(), DType::f64);
  EXPECT_EQ(raw.train.size(), 30);
  std::vector<int64_t> all(30);
  std::iota(all.begin(), all.end(), 0);
  Tensor batch(Type{DType::f64, {30, 2}});
  fill_samples(raw.train, all, batch.view());
  for (int64_t i = 0; i < 30; ++i) EXPECT_DOUBLE_EQ(batch.at(2 * i + 1), 0.123456789 * double(i));
  const Splits digits = open_data("digits", {.samples = 20, .validation = 1, .test = 1, .standardise = false});
  EXPECT_EQ(digits.train.schema.input, (Scaling{1.0 / 255}));
}

TEST(Open, a_missing_set_names_the_places_and_the_way_out) {
  const Scratch scratch;
  const Variable none("VITRO_DATA", scratch / "v"), home("HOME", scratch / "home"), xdg("XDG_DATA_HOME", std::nullopt);
  scratch.write("v/fashion-mnist/t10k-labels-idx1-ubyte", "x");
  expect_bad_input({"fashion-mnist", scratch / "d/fashion-mnist", scratch / "v/fashion-mnist (1 of 4 files)",
                    scratch / "home/.local/share/vitro", "vitro data fetch fashion-mnist", "--data-dir"},
                   [&] { open_data("fashion-mnist", {.data_dir = scratch / "d"}); });
  // Files of the same names that are another set are not taken for it.
  write_mnist_like(scratch, "d", true);
  expect_bad_input({"was not found"}, [&] { open_data("fashion-mnist", {.data_dir = scratch / "d"}); });
}

TEST(Open, a_directory_and_an_idx_file) {
  const Scratch scratch;
  write_mnist_like(scratch, "set", true);
  for (const std::string& what : {scratch / "set", scratch / "set/train-images-idx3-ubyte.gz"}) {
    const Splits parts = open_data(what);
    EXPECT_EQ(parts.train.size(), 50);
    EXPECT_EQ(parts.validation.size(), 10);
    EXPECT_EQ(parts.test.size(), 10);
    EXPECT_EQ(parts.test.schema, parts.train.schema);
    double sum = 0;
    for (int64_t i = 0; i < parts.train.samples.elements(); ++i) sum += parts.train.samples.at(i) / 255;
    EXPECT_NEAR(parts.train.schema.input.mean[0], sum / (50 * 16), 1e-12) << "by the training part alone";
  }
  scratch.write("alone/my-images", pair(200).images);
  scratch.write("alone/my-labels", pair(200).labels);
  const Splits alone = open_data(scratch / "alone/my-images");
  EXPECT_EQ(alone.train.size(), 160);
  EXPECT_EQ(class_counts(alone.test), std::vector<int64_t>(10, 2));
}

TEST(Open, wrong_idx_files_are_refused) {
  const Scratch scratch;
  scratch.write("a/images", pair(20).images);
  expect_bad_input({"a/images", "no file of labels"}, [&] { open_data(scratch / "a/images"); });
  scratch.write("a/labels", pair(19).labels);
  expect_bad_input({"a/labels", "19 labels", "20 images"}, [&] { open_data(scratch / "a/images"); });
  expect_bad_input({"a/labels", "list of 19"}, [&] { open_data(scratch / "a/labels"); });
  Bytes cut = gzip(pair(20).images);
  cut.resize(cut.size() / 2);
  scratch.write("a/images", cut);
  expect_bad_input({"a/images", "truncated gzip"}, [&] { open_data(scratch / "a/images"); });
  std::filesystem::create_directories(scratch / "void");
  expect_bad_input({scratch / "void", "nor IDX files"}, [&] { open_data(scratch / "void"); });
  write_mnist_like(scratch, "mnist", false);
  Tensor labels(Type{DType::u8, {10}});
  labels.set(3, 10);
  scratch.write("mnist/t10k-labels-idx1-ubyte", write_idx(labels));
  expect_bad_input({"t10k-labels", "label 10 of sample 3"}, [&] { open_data("mnist", {.data_dir = scratch.path()}); });
}

TEST(Open, a_csv_file_is_dealt_and_standardised_by_its_training_part) {
  const Scratch scratch;
  std::string text = "x,y,class\n";
  for (int i = 0; i < 100; ++i)
    text += std::to_string(0.5 * i) + "," + std::to_string(1000 - 3 * i) + (i < 50 ? ",a\n" : ",b\n");
  for (const std::string& what :
       {scratch.write("points.csv", text), scratch.write("p.csv.gz", gzip(bytes_of_text(text)))}) {
    const Splits parts = open_data(what);
    EXPECT_EQ(class_counts(parts.train), (std::vector<int64_t>{40, 40}));
    EXPECT_EQ(parts.validation.size(), 0);
    EXPECT_EQ(class_counts(parts.test), (std::vector<int64_t>{10, 10}));
    const Scaling whole = standardise(parts.train.samples);
    for (size_t c = 0; c < 2; ++c) EXPECT_EQ(parts.train.schema.columns[c].mean, whole.mean[c]);
    EXPECT_EQ(parts.test.schema, parts.train.schema);
    const Splits asked = open_data(what, {.samples = 7, .validation = 0.2, .test = 30.0});
    EXPECT_EQ(asked.train.size(), 7);
    EXPECT_EQ(asked.validation.size(), 20);
    EXPECT_EQ(asked.test.size(), 30);
  }
  EXPECT_EQ(open_data(scratch / "points.csv").train.schema.name, "points");
  EXPECT_EQ(open_data(scratch / "p.csv.gz").train.schema.name, "p");
  const Splits numbers = open_data(scratch.write("n.csv", "1,2.5\n2,3.5\n3,4.5\n4,5.5\n"));
  EXPECT_EQ(numbers.train.schema.target, standardise(numbers.train.targets));
}

TEST(Open, generated_sets_take_their_options) {
  const Splits parts =
      open_data("blobs", {.samples = 50, .validation = 0.2, .test = 500.0, .classes = 5, .noise = 0.0});
  EXPECT_EQ(parts.train.size(), 50);
  EXPECT_EQ(parts.validation.size(), 10);
  EXPECT_EQ(parts.test.size(), 500);
  EXPECT_EQ(class_counts(parts.test), std::vector<int64_t>(5, 100));
}

TEST(Open, wrong_names_and_options_are_refused) {
  const Scratch scratch;
  const std::string csv = scratch.write("points.csv", "1,0\n2,1\n3,0\n4,1\n");
  expect_bad_input({"mnits", "did you mean \"mnist\"", "digits", "./mnits"}, [] { open_data("mnits"); });
  expect_bad_input({"no data set was named"}, [] { open_data(""); });
  expect_bad_input({"none.csv", "can't be opened"}, [] { open_data("./none.csv"); });
  expect_bad_input({"points.csv", "validation is 4"}, [&] { open_data(csv, {.validation = 4.0}); });
  expect_bad_input({"points.csv", "test is -0.1"}, [&] { open_data(csv, {.test = -0.1}); });
  expect_bad_input({"points.csv", "test is 1.5"}, [&] { open_data(csv, {.test = 1.5}); });
  expect_bad_input({"leave nothing"}, [&] { open_data(csv, {.validation = 0.5, .test = 0.5}); });
  expect_bad_input({"samples is 9"}, [&] { open_data(csv, {.samples = 9}); });
  expect_bad_input({"neither classes nor noise"}, [&] { open_data(csv, {.noise = 0.1}); });
  write_mnist_like(scratch, "mnist", false);
  expect_bad_input({"own test part"}, [&] { open_data("mnist", {.data_dir = scratch.path(), .test = 0.1}); });
}

TEST(Open, a_raw_file_for_a_saved_schema) {
  const Scratch scratch;
  write_mnist_like(scratch, "mnist", true);
  const Schema schema = open_data("mnist", {.data_dir = scratch.path()}).train.schema;
  const RawFile labelled = open_as(schema, scratch / "mnist/t10k-images-idx3-ubyte.gz");
  EXPECT_TRUE(labelled.labelled);
  EXPECT_EQ(labelled.data.size(), 10);
  const RawFile bare = open_as(schema, scratch.write("pictures", pair(3).images));
  EXPECT_FALSE(bare.labelled);
  EXPECT_EQ(bare.data.samples.type(), (Type{DType::u8, {3, 1, 4, 4}}));
  const Tensor wide(Type{DType::u8, {3, 4, 5}});
  const std::string other = scratch.write("wide", write_idx(wide));
  expect_bad_input({"wide", "u8[1, 4, 5]", "u8[1, 4, 4]"}, [&] { open_as(schema, other); });
  const RawFile text = open_as(schema, scratch.write("row.csv", "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,255\n"));
  EXPECT_EQ(text.data.samples.at(15), 255);
  const std::string bright = scratch.write("row.csv", "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,256\n");
  expect_bad_input({"256 is no pixel"}, [&] { open_as(schema, bright); });
}

// curl reads file: addresses, so the whole way is walked without a network.
class Fetch : public testing::Test {
protected:
  Scratch scratch;
  KnownSet set;
  void SetUp() override {
    ASSERT_EQ(std::system("curl --version > /dev/null 2>&1"), 0) << "curl is not installed; ./dev test installs it";
    write_mnist_like(scratch, "source", true);
    set = known_sets()[0];
    set.url = "file://" + scratch.path() + "/source/";
    for (KnownFile& file : set.files) file.sha256 = sha256(read_raw_bytes(scratch / ("source/" + file.name)));
  }
};

TEST_F(Fetch, brings_the_files_checks_them_and_keeps_what_is_there) {
  std::vector<std::string> lines;
  const auto say = [&](const std::string& line) { lines.push_back(line); };
  EXPECT_EQ(fetch(set, scratch / "data", say), scratch / "data/mnist");
  EXPECT_EQ(lines.size(), 4u);
  EXPECT_EQ(open_data("mnist", {.data_dir = scratch / "data"}).train.size(), 50);
  std::filesystem::remove_all(scratch / "source");
  lines.clear();
  fetch(set, scratch / "data", say);
  EXPECT_NE(lines[0].find("there already"), std::string::npos);
}

TEST_F(Fetch, keeps_nothing_that_is_wrong) {
  set.files[2].sha256[0] = set.files[2].sha256[0] == '0' ? '1' : '0';
  expect_error(Fault::failure, {"t10k-images", "with the sum", "nothing was kept"},
               [&] { fetch(set, scratch / "data"); });
  EXPECT_TRUE(std::filesystem::exists(scratch / "data/mnist/train-images-idx3-ubyte.gz"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "data/mnist/t10k-images-idx3-ubyte.gz"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "data/mnist/t10k-images-idx3-ubyte.gz.part"));
}

TEST_F(Fetch, says_what_failed) {
  set.url = "file://" + scratch.path() + "/nowhere/";
  expect_error(Fault::failure, {"nowhere/train-images", "can't be read", "try again"},
               [&] { fetch(set, scratch / "data"); });
  set.url = "http://127.0.0.1:9/";
  expect_error(Fault::failure, {"127.0.0.1", "can't be reached"}, [&] { fetch(set, scratch / "data"); });
  const std::string file = scratch.write("file", "x");
  expect_error(Fault::failure, {file, "can't be made"}, [&] { fetch(set, file); });
  const Variable path("PATH", scratch.path());
  expect_error(Fault::failure, {"curl", "not installed"}, [&] { fetch(set, scratch / "data"); });
}

TEST(FetchNames, are_checked) {
  expect_bad_input({"mnits", "did you mean \"mnist\""}, [] { fetch("mnits", "/nowhere"); });
  expect_bad_input({"spiral is generated"}, [] { fetch("spiral", "/nowhere"); });
}

// Only where the real files are: what was published about them.
TEST(RealSets, are_what_was_published) {
  const char* root = std::getenv("VITRO_DATA");
  for (const KnownSet& set : known_sets()) {
    if (set.form != PublishedAs::idx) continue;
    if (root == nullptr || !std::filesystem::exists(std::string(root) + "/" + set.name)) continue;
    const Published read = read_known(set, root);
    EXPECT_EQ(read.train.size(), 60000);
    EXPECT_EQ(read.test.size(), 10000);
    double sum = 0, squares = 0;
    for (const uint8_t pixel : read.train.samples.as<uint8_t>()) {
      sum += pixel / 255.0;
      squares += pixel / 255.0 * pixel / 255.0;
    }
    const double n = double(read.train.samples.elements()), mean = sum / n;
    EXPECT_NEAR(mean, set.mean, 6e-5);
    EXPECT_NEAR(std::sqrt(squares / n - mean * mean), set.deviation, 6e-5);
    const std::vector<int64_t> published = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    EXPECT_EQ(class_counts(read.test), set.name == "mnist" ? published : std::vector<int64_t>(10, 1000));
    for (size_t i = 0; i < set.files.size(); ++i) {
      const std::string path = std::string(root) + "/" + set.name + "/" + set.files[i].name;
      if (!std::filesystem::exists(path)) continue;
      EXPECT_EQ(sha256(read_raw_bytes(path)), set.files[i].sha256) << path;
    }
  }
}

TEST(RealSets, cifar10_as_far_as_it_is_there) {
  const char* root = std::getenv("VITRO_DATA");
  if (root == nullptr || !std::filesystem::exists(std::string(root) + "/cifar10")) return;
  const Splits parts = open_data("cifar10", {.data_dir = root});
  const auto labels = parts.train.label_of(), tested = parts.test.label_of();
  EXPECT_EQ(std::vector<int32_t>(labels.begin(), labels.begin() + 10),
            (std::vector<int32_t>{6, 9, 9, 4, 1, 1, 2, 7, 8, 3}));
  EXPECT_EQ(std::vector<int32_t>(tested.begin(), tested.begin() + 10),
            (std::vector<int32_t>{3, 8, 8, 0, 6, 6, 1, 6, 3, 1}));
  // The published mean is that of 50,000; a fifth of them comes within two levels of it.
  const int64_t n = parts.train.size();
  for (int64_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i)
      for (const uint8_t pixel : parts.train.samples.as<uint8_t>().subspan(size_t((3 * i + c) * 1024), 1024))
        sum += pixel;
    EXPECT_NEAR(sum / double(n * 1024) / 255, parts.train.schema.input.mean[size_t(c)], 2.0 / 255);
  }
}

TEST(Catalogue, names_every_set_with_its_kind) {
  for (const SourceEntry& entry : catalogue_of_data()) {
    EXPECT_FALSE(entry.doc.empty());
    EXPECT_TRUE(entry.kind == "generated" || entry.kind == "published");
  }
  EXPECT_EQ(data_names().size(), generators().size() + known_sets().size());
}

} // namespace
} // namespace vitro

// Folders of pictures: classes and parts by the folders' names, one size, what is bad, and a cache that is never stale.
#include "data/pictures.h"

#include <filesystem>
#include <thread>

#include "core/text.h"
#include "core/threads.h"
#include "data/open.h"
#include "data_scratch.h"
#include "picture_files.h"

namespace vitro {
namespace {

namespace fs = std::filesystem;

// A place without a user's cache, so that every test decodes for itself.
struct Place : Scratch {
  Variable home{"HOME", std::nullopt}, cache{"XDG_CACHE_HOME", std::nullopt};
};

// n pictures of each class, in `folder`/CLASS.
void fill(const Scratch& place, const std::string& folder, const std::vector<std::string>& classes, int n,
          PictureSize size = {8, 8}, int64_t channels = 3) {
  for (size_t c = 0; c < classes.size(); ++c)
    for (int i = 0; i < n; ++i)
      place.write(text(folder, "/", classes[c], "/", i, ".png"),
                  png_file(noise(size.height, size.width, channels, int(20 + 70 * c), 100 * c + size_t(i))));
}

TEST(Pictures, classes_are_the_folders_in_the_order_of_their_names) {
  const Place place;
  fill(place, "p", {"dogs", "ants", "cats"}, 10);
  const Splits parts = open_data(place / "p");
  EXPECT_EQ(parts.train.schema.classes, (std::vector<std::string>{"ants", "cats", "dogs"}));
  EXPECT_EQ(parts.train.schema.sample, (Shape{3, 8, 8}));
  EXPECT_EQ(parts.train.schema.input.mean.size(), 3u) << "one for each channel";
  EXPECT_EQ(class_counts(parts.train), (std::vector<int64_t>{8, 8, 8}));
  EXPECT_EQ(class_counts(parts.validation), (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(class_counts(parts.test), (std::vector<int64_t>{1, 1, 1}));
  // A sample is the picture of its own file.
  const Dataset& test = parts.test;
  for (int64_t i = 0; i < test.size(); ++i) {
    const std::string file = test.origin.file_of(i);
    EXPECT_NE(file.find(test.schema.classes[size_t(test.label_of()[size_t(i)])]), std::string::npos) << file;
    const RawFile again = open_as(test.schema, file);
    EXPECT_EQ(again.data.samples.as<uint8_t>()[5], test.samples.as<uint8_t>()[size_t(i * 192 + 5)]);
  }
}

TEST(Pictures, parts_are_the_folders_of_that_name) {
  for (const char* validation : {"val", "valid", "validation"}) {
    const Place place;
    fill(place, "p/train", {"a", "b"}, 5);
    fill(place, std::string("p/") + validation, {"a", "b"}, 3);
    fill(place, "p/test", {"a", "b"}, 2);
    const Splits parts = open_data(place / "p");
    EXPECT_EQ(parts.train.size(), 10);
    EXPECT_EQ(parts.validation.size(), 6);
    EXPECT_EQ(parts.test.size(), 4);
    expect_bad_input({"its own test part"}, [&] { open_data(place / "p", {.test = 0.2}); });
  }
  const Place place;
  fill(place, "p/train", {"a", "b"}, 20);
  fill(place, "p/test", {"b"}, 2);
  const Splits dealt = open_data(place / "p");
  EXPECT_EQ(dealt.validation.size(), 4) << "a tenth of training, class by class";
  EXPECT_EQ(dealt.train.size(), 36);
  fill(place, "p/test", {"c"}, 2);
  expect_bad_input({"p/test/c", "does not have"}, [&] { open_data(place / "p"); });
}

TEST(Pictures, pictures_of_several_sizes_come_to_one_and_it_is_said) {
  const Place place;
  fill(place, "p", {"a", "b"}, 10, {40, 60}, 1);
  EXPECT_EQ(open_data(place / "p").train.schema.sample, (Shape{1, 40, 60}))
      << "all of one size keep it; grey stays grey";
  fill(place, "p", {"c"}, 10, {90, 50}, 1);
  const Splits mixed = open_data(place / "p");
  EXPECT_EQ(mixed.train.schema.sample, (Shape{1, 32, 32}));
  EXPECT_NE(mixed.remarks[0].find("40 x 60 to 90 x 50"), std::string::npos) << mixed.remarks[0];
  DataOptions asked;
  asked.pictures = {.size = PictureSize{12, 20}, .channels = 3, .fit = Fit::pad};
  const Splits made = open_data(place / "p", asked);
  EXPECT_EQ(made.train.schema.sample, (Shape{3, 12, 20}));
  EXPECT_EQ(made.train.schema.picture->fit, Fit::pad);
  place.write("p/a/colour.png", png_file(slope(30, 30, 3)));
  EXPECT_EQ(open_data(place / "p").train.schema.sample[0], 3) << "one in colour is enough";
}

TEST(Pictures, what_is_bad_is_named_or_skipped) {
  const Place place;
  fill(place, "p", {"a", "b"}, 10);
  Bytes cut = png_file(slope(8, 8, 3));
  cut.resize(cut.size() - 20);
  place.write("p/a/7.png", cut);
  expect_bad_input({"[" + (place / "p/a/7.png") + "]", "damaged PNG", "--skip-bad"}, [&] { open_data(place / "p"); });
  place.write("p/b/2.jpg", bytes_of_text("no picture at all"));
  place.write("p/b/3.heic", std::string("\0\0\0\x18"
                                        "ftypheic",
                                        12));
  place.write("p/b/notes.txt", bytes_of_text("hello"));
  place.write("p/b/.DS_Store", bytes_of_text("hello"));
  place.write("p/b/Thumbs.db", bytes_of_text("hello"));
  DataOptions skip;
  skip.pictures.skip_bad = true;
  const Splits parts = open_data(place / "p", skip);
  EXPECT_EQ(parts.train.size() + parts.validation.size() + parts.test.size(), 19);
  const std::string said = join(parts.remarks, "\n");
  EXPECT_NE(said.find("skipped 3 of 22 pictures"), std::string::npos) << said;
  EXPECT_NE(said.find("a/7.png, b/2.jpg, b/3.heic"), std::string::npos) << said;
  EXPECT_NE(said.find("passed over 1 file"), std::string::npos) << said;
  for (const char* left : {"a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/8", "a/9"})
    fs::remove(place / text("p/", left, ".png"));
  expect_bad_input({"class a"}, [&] { open_data(place / "p", skip); });
}

TEST(Pictures, folders_that_are_no_data_set) {
  const Place place;
  fs::create_directories(place / "empty");
  expect_bad_input({"empty", "neither folders of pictures"}, [&] { open_data(place / "empty"); });
  fill(place, "one", {"cats"}, 3);
  expect_bad_input({"one class alone, cats"}, [&] { open_data(place / "one"); });
  fs::create_directories(place / "one/dogs");
  expect_bad_input({"one/dogs", "holds no picture"}, [&] { open_data(place / "one"); });
  place.write("flat/a.png", png_file(slope(4, 4, 1)));
  expect_bad_input({"which class"}, [&] { open_data(place / "flat"); });
  expect_bad_input({"one picture"}, [&] { open_data(place / "flat/a.png"); });
  DataOptions sized;
  sized.pictures.size = PictureSize{8, 8};
  expect_bad_input({"no folder of pictures"}, [&] { open_data("digits", sized); });
}

TEST(Pictures, the_same_bytes_on_any_number_of_threads) {
  const Place place;
  fill(place, "p", {"a", "b"}, 12, {50, 70});
  fill(place, "p", {"c"}, 12, {33, 21});
  const int before = thread_count();
  set_thread_count(1);
  const Splits alone = open_data(place / "p");
  set_thread_count(4);
  EXPECT_EQ(open_data(place / "p").train.samples, alone.train.samples);
  set_thread_count(before);
}

TEST(Pictures, a_cache_answers_only_for_what_it_was_made_from) {
  const Scratch place;
  const Variable cache("XDG_CACHE_HOME", place / "cache"), home("HOME", std::nullopt);
  fill(place, "p", {"a", "b"}, 10);
  const auto cached = [&] {
    std::vector<std::string> files;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(place / "cache/vitro", none))
      files.push_back(entry.path().string());
    return files;
  };
  const Splits fresh = open_data(place / "p");
  EXPECT_TRUE(cached().empty()) << "files as young as a clock's tick are not remembered";
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  open_data(place / "p");
  ASSERT_EQ(cached().size(), 2u) << "as it was asked, and with the size stated that was chosen";
  const auto same = [&](const DataOptions& options = {}) {
    return open_data(place / "p", options).train.samples == fresh.train.samples;
  };
  EXPECT_TRUE(same());
  DataOptions stated;
  stated.pictures = {.size = PictureSize{8, 8}, .channels = 3};
  EXPECT_TRUE(same(stated));

  // It is read: pixels that are changed in it, with a sum that fits, come out. Damaged, it is passed over.
  const std::vector<std::string> files = cached();
  for (const std::string& file : files) {
    Bytes bytes = read_raw_bytes(file);
    bytes[bytes.size() - 1] ^= 1;
    place.write("changed", bytes);
    fs::copy_file(place / "changed", file, fs::copy_options::overwrite_existing);
  }
  EXPECT_TRUE(same()) << "a wrong sum";
  for (const std::string& file : cached()) fs::resize_file(file, 50);
  EXPECT_TRUE(same()) << "cut off";
  for (const std::string& file : cached()) fs::resize_file(file, 0);
  EXPECT_TRUE(same()) << "empty";

  // Another picture of the same length and time of change under the same name.
  const std::string one = place / "p/a/0.png";
  open_data(place / "p");
  const auto time = fs::last_write_time(one);
  Bytes other = read_raw_bytes(one);
  place.write("p/a/0.png", png_file(noise(8, 8, 3, 200, 77)));
  if (fs::file_size(one) != other.size()) fs::resize_file(one, std::max<size_t>(fs::file_size(one), other.size()));
  fs::last_write_time(one, time);
  EXPECT_FALSE(same());
  fs::remove(one);
  EXPECT_EQ(open_data(place / "p").train.size() + open_data(place / "p").test.size() +
                open_data(place / "p").validation.size(),
            19);
  fs::remove_all(place / "cache");
  open_data(place / "p");
}

TEST(Pictures, a_saved_schema_reads_pictures_of_any_size) {
  const Place place;
  fill(place, "p", {"a", "b"}, 10, {16, 16});
  const Schema schema = open_data(place / "p").train.schema;
  place.write("new/x.jpg", jpeg_file(slope(100, 70, 3)));
  place.write("new/sub/grey.png", png_file(slope(9, 9, 1)));
  const RawPictures all = open_pictures_as(schema, {place / "new", place / "new/x.jpg"}, false, false);
  EXPECT_EQ(all.names.size(), 3u);
  EXPECT_EQ(all.data.samples.shape(), (Shape{3, 3, 16, 16}));
  EXPECT_FALSE(all.labelled);
  EXPECT_FALSE(all.prepared);
  const RawFile labelled = open_as(schema, place / "p");
  EXPECT_TRUE(labelled.labelled);
  EXPECT_EQ(labelled.data.size(), 20);
  place.write("new/bad.png", bytes_of_text("bad"));
  expect_bad_input({"new/bad.png"}, [&] { open_pictures_as(schema, {place / "new"}, false, false); });
  EXPECT_EQ(open_pictures_as(schema, {place / "new"}, false, true).skipped.size(), 1u);
  fs::create_directories(place / "none");
  expect_bad_input({"none", "no picture"}, [&] { open_pictures_as(schema, {place / "none"}, false, false); });
  expect_bad_input({"the net takes samples"}, [&] { open_as(open_data("moons").train.schema, place / "new/x.jpg"); });
}

} // namespace
} // namespace vitro

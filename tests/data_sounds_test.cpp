// Recordings as data sets: classes by folders or names, groups on one side, one rate, what is bad, and generated ones.
#include "data/sounds.h"

#include <filesystem>
#include <numeric>
#include <set>

#include "core/text.h"
#include "core/threads.h"
#include "data/batches.h"
#include "data/file_pattern.h"
#include "data/open.h"
#include "data/tones.h"
#include "data_scratch.h"
#include "sound_files.h"

namespace vitro {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// Takes of each word by each speaker, of lengths of their own: "DIR/yes_ann_0.wav". A word is a pitch.
void record(const Scratch& place, const std::string& folder, const Words& words, const Words& speakers, int takes,
            SoundKind kind = {}) {
  uint64_t seed = 0;
  for (size_t w = 0; w < words.size(); ++w)
    for (const std::string& speaker : speakers)
      for (int take = 0; take < takes; ++take, ++seed)
        place.write(text(folder, "/", words[w], "_", speaker, "_", take, ".wav"),
                    sound_file(tone(200.0 + 300.0 * double(w), 800 + 37 * int64_t(seed % 40), kind.rate, seed), kind));
}

DataOptions by_pattern(const std::string& pattern) {
  DataOptions out;
  out.sounds.pattern = pattern;
  return out;
}

constexpr const char* usual = "{label}_{group}_{take}.wav";

// The speakers (second word of their names) in a part.
std::set<std::string> speakers_in(const Dataset& part) {
  std::set<std::string> out;
  for (int64_t i = 0; i < part.size(); ++i) {
    const std::string name = fs::path(part.origin.file_of(i)).filename().string();
    out.insert(name.substr(name.find('_') + 1, name.rfind('_') - name.find('_') - 1));
  }
  return out;
}

TEST(Sounds, patterns_say_what_names_say) {
  const FilePattern pattern(usual, "here");
  EXPECT_EQ(pattern.match("7_jackson_31.wav"), (Words{"7", "jackson", "31"}));
  EXPECT_EQ(pattern.match("some/folder/7_jackson_31.wav"), (Words{"7", "jackson", "31"}));
  EXPECT_EQ(pattern.match("a_b_c_d.wav"), (Words{"a", "b", "c_d"})) << "the last field takes the rest";
  EXPECT_EQ(pattern.match("7_jackson.wav"), std::nullopt);
  EXPECT_EQ(pattern.match("_jackson_31.wav"), std::nullopt) << "a field is not empty";
  EXPECT_EQ(pattern.match("7_jackson_31.flac"), std::nullopt);
  EXPECT_EQ(FilePattern("{group}/{label}-{take}.wav", "here").match("x/ann/yes-0.wav"), (Words{"ann", "yes", "0"}));
  EXPECT_EQ(FilePattern("{group}/{label}-{take}.wav", "here").match("yes-0.wav"), std::nullopt);
  EXPECT_EQ(FilePattern("{group}_nohash_{take}.wav", "here").match("yes/0a7c_nohash_1.wav"), (Words{"0a7c", "1"}));
  for (const char* wrong : {"plain.wav", "{a}{b}", "{a", "a}", "{}", "{a}_{a}", "{a{b}}"})
    expect_bad_input({"[here]", "pattern", wrong}, [&] { FilePattern(wrong, "here"); });
}

TEST(Sounds, classes_are_folders) {
  const Scratch place;
  for (const char* word : {"yes", "no", "stop"})
    for (int i = 0; i < 10; ++i)
      place.write(text("s/", word, "/deep/", i, ".wav"), sound_file(tone(300, 500 + 13 * i, 8000, uint64_t(i))));
  const Splits parts = open_data(place / "s");
  const Schema& schema = parts.train.schema;
  EXPECT_EQ(schema.classes, (Words{"no", "stop", "yes"}));
  EXPECT_EQ(class_counts(parts.train), (std::vector<int64_t>{8, 8, 8}));
  EXPECT_EQ(parts.validation.size(), 3);
  EXPECT_EQ(parts.test.size(), 3);
  EXPECT_EQ(schema.sample, Shape{617});
  EXPECT_EQ(schema.sound->rate, 8000);
  EXPECT_EQ(schema.net_input(), (Shape{1 + 617 / 80, 40}));
  // A sample is the sound of its own file.
  for (int64_t i = 0; i < parts.test.size(); ++i) {
    const RawFile again = open_as(schema, parts.test.origin.file_of(i));
    EXPECT_TRUE(std::ranges::equal(wave_of(again.data, 0), wave_of(parts.test, i)));
    EXPECT_FALSE(again.labelled);
  }
  const RawFile all = open_as(schema, place / "s");
  EXPECT_TRUE(all.labelled);
  EXPECT_EQ(all.data.size(), 30);
  EXPECT_EQ(class_counts(all.data), (std::vector<int64_t>{10, 10, 10}));
}

TEST(Sounds, parts_are_the_folders_of_that_name) {
  const Scratch place;
  for (const char* part : {"train", "val", "test"}) record(place, text("s/", part, "/yes"), {"x"}, {"ann"}, 3);
  for (const char* part : {"train", "val", "test"}) record(place, text("s/", part, "/no"), {"x"}, {"ann"}, 4);
  const Splits parts = open_data(place / "s");
  EXPECT_EQ(parts.train.size(), 7);
  EXPECT_EQ(parts.validation.size(), 7);
  EXPECT_EQ(parts.test.size(), 7);
  // ... also where names say the class
  record(place, "n/train", {"yes", "no"}, {"ann"}, 5);
  record(place, "n/test", {"yes", "no"}, {"bob"}, 2);
  const Splits named = open_data(place / "n", by_pattern("{label}_{speaker}_{take}.wav"));
  EXPECT_EQ(named.test.size(), 4);
  EXPECT_EQ(named.train.size() + named.validation.size(), 10);
  DataOptions share = by_pattern("{label}_{speaker}_{take}.wav");
  share.test = 0.2;
  expect_bad_input({"test part by its folders"}, [&] { open_data(place / "n", share); });
}

TEST(Sounds, a_group_stays_on_one_side) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann", "bob", "cem", "dee", "eve", "flo", "gus", "han", "ida", "jan"}, 3);
  const Splits parts = open_data(place / "s", by_pattern(usual));
  std::set<std::string> all;
  size_t count = 0;
  for (const Dataset* part : {&parts.train, &parts.validation, &parts.test}) {
    EXPECT_GT(part->size(), 0);
    const std::set<std::string> speakers = speakers_in(*part);
    count += speakers.size();
    all.insert(speakers.begin(), speakers.end());
  }
  EXPECT_EQ(count, 10u);
  EXPECT_EQ(all.size(), 10u);
  // Called otherwise, groups say nothing until they are asked to.
  const std::string pattern = "{label}_{speaker}_{take}.wav";
  EXPECT_EQ(speakers_in(open_data(place / "s", by_pattern(pattern)).train).size(), 10u);
  DataOptions grouped = by_pattern(pattern);
  grouped.table.group = "speaker";
  EXPECT_LT(speakers_in(open_data(place / "s", grouped).train).size(), 10u);
  DataOptions held_out = by_pattern(pattern);
  held_out.table.group = "speaker";
  held_out.sounds.test_group = {"eve"};
  held_out.sounds.validation_group = {"bob", "cem"};
  const Splits held = open_data(place / "s", held_out);
  EXPECT_EQ(speakers_in(held.test), (std::set<std::string>{"eve"}));
  EXPECT_EQ(speakers_in(held.validation), (std::set<std::string>{"bob", "cem"}));
  EXPECT_EQ(speakers_in(held.train).size(), 7u);
  const auto refused = [&](const Words& pieces, auto change) {
    DataOptions options = held_out;
    change(options);
    expect_bad_input(pieces, [&] { open_data(place / "s", options); });
  };
  refused({"no speaker is called \"evi\"", "eve"}, [](DataOptions& o) { o.sounds.test_group = {"evi"}; });
  refused({"eve is in another part"}, [](DataOptions& o) { o.sounds.validation_group = {"eve"}; });
  refused({"say no \"singer\"", "label, speaker, take"}, [](DataOptions& o) { o.table.group = "singer"; });
  refused({"test can't be chosen"}, [](DataOptions& o) { o.test = 0.1; });
}

TEST(Sounds, classes_are_folders_and_names_say_groups) {
  const Scratch place;
  for (const char* word : {"yes", "no"})
    for (int i = 0; i < 12; ++i)
      place.write(text("s/", word, "/", i % 6, "_nohash_", i, ".wav"), sound_file(tone(300, 600, 8000, uint64_t(i))));
  const Splits parts = open_data(place / "s", by_pattern("{group}_nohash_{take}.wav"));
  EXPECT_EQ(parts.train.schema.classes, (Words{"no", "yes"}));
  const auto speakers = [](const Dataset& part) {
    std::set<std::string> out;
    for (int64_t i = 0; i < part.size(); ++i)
      out.insert(fs::path(part.origin.file_of(i)).filename().string().substr(0, 1));
    return out;
  };
  EXPECT_EQ(speakers(parts.train).size() + speakers(parts.validation).size() + speakers(parts.test).size(), 6u);
}

TEST(Sounds, several_rates_and_channels_come_to_one_and_it_is_said) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann"}, 6, {.rate = 16000});
  std::vector<float> both(2000, 0.25F);
  place.write("s/yes_bob_0.wav", sound_file(both, {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2}));
  const Splits parts = open_data(place / "s", by_pattern("{label}_{speaker}_{take}.wav"));
  EXPECT_EQ(parts.train.schema.sound->rate, 16000);
  EXPECT_EQ(parts.train.schema.sound->frame, 400);
  EXPECT_EQ(parts.train.schema.sound->fft, 512);
  const std::string said = join(parts.remarks, "\n");
  EXPECT_NE(said.find("1 of 44100 Hz resampled to 16000 Hz"), std::string::npos) << said;
  EXPECT_NE(said.find("1 has several channels"), std::string::npos) << said;
  DataOptions lower = by_pattern("{label}_{speaker}_{take}.wav");
  lower.sounds.rate = 8000;
  const Splits low = open_data(place / "s", lower);
  EXPECT_EQ(low.train.schema.sound->rate, 8000);
  EXPECT_NEAR(double(low.train.schema.sample[0]) * 2, double(parts.train.schema.sample[0]), 2);
}

TEST(Sounds, what_is_bad_is_named_or_skipped) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann", "bob"}, 6);
  Bytes cut = sound_file(tone(440, 500));
  cut.resize(cut.size() - 100);
  place.write("s/no_ann_3.wav", cut);
  const DataOptions options = by_pattern("{label}_{speaker}_{take}.wav");
  expect_bad_input({"[" + (place / "s/no_ann_3.wav") + "]", "1000 bytes of sound, 900", "--skip-bad"},
                   [&] { open_data(place / "s", options); });
  place.write("s/no_ann_4.wav", sound_file({}));
  place.write("s/yes_ann_9.wav", sound_file(tone(440, 500), {SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM}));
  place.write("s/notes.txt", bytes_of_text("hello"));
  place.write("s/other.wav", sound_file(tone(440, 500)));
  DataOptions skip = options;
  skip.pictures.skip_bad = true;
  const Splits parts = open_data(place / "s", skip);
  EXPECT_EQ(parts.train.size() + parts.validation.size() + parts.test.size(), 22);
  const std::string said = join(parts.remarks, "\n");
  EXPECT_NE(said.find("skipped 3 of 25 sounds"), std::string::npos) << said;
  EXPECT_NE(said.find("passed over 2 files"), std::string::npos) << said;
}

TEST(Sounds, what_is_no_data_set) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann"}, 3);
  expect_bad_input({"holds sounds, but nothing says which class", "--pattern"}, [&] { open_data(place / "s"); });
  expect_bad_input({"holds sounds, but nothing says which class", "--pattern"},
                   [&] { open_data(place / "s", by_pattern("{word}_{group}_{take}.wav")); });
  expect_bad_input({"6 sounds, none of a name like \"{label}-{take}.wav\"", "no_ann_0.wav"},
                   [&] { open_data(place / "s", by_pattern("{label}-{take}.wav")); });
  expect_bad_input({"one class alone, n:"}, [&] { open_data(place / "s", by_pattern("{label}o_{group}_{take}.wav")); });
  expect_bad_input({"1 group by the field group", "data.validation=0"},
                   [&] { open_data(place / "s", by_pattern(usual)); });
  record(place, "one/yes", {"x"}, {"ann"}, 3);
  expect_bad_input({"one class alone, yes"}, [&] { open_data(place / "one"); });
  fs::create_directories(place / "one/no");
  expect_bad_input({"one/no", "holds no sound"}, [&] { open_data(place / "one"); });
  fs::create_directories(place / "empty");
  expect_bad_input({"empty", "holds no sound"}, [&] { open_data(place / "empty", by_pattern(usual)); });
  expect_bad_input({"is one sound"}, [&] { open_data(place / "s/yes_ann_0.wav"); });
  expect_bad_input({"no set of sounds"}, [&] { open_data("moons", by_pattern(usual)); });
  DataOptions wrong = by_pattern("{label}_{speaker}_{take}.wav");
  wrong.sounds.bands = 500;
  expect_bad_input({"narrower than the FFT's"}, [&] { open_data(place / "s", wrong); });
  wrong.sounds.bands = 40;
  wrong.sounds.rate = 10;
  expect_bad_input({"data.rate", "10 Hz"}, [&] { open_data(place / "s", wrong); });
  wrong.sounds.rate = {};
  wrong.sounds.frame_ms = 0;
  expect_bad_input({"data.frame_ms", "0 ms"}, [&] { open_data(place / "s", wrong); });
  wrong.sounds.frame_ms = 25;
  wrong.pictures.size = PictureSize{8, 8};
  expect_bad_input({"no folder of pictures"}, [&] { open_data(place / "s", wrong); });
  expect_bad_input({"is a sound", "the net takes samples"},
                   [&] { open_as(open_data("moons").train.schema, place / "s/yes_ann_0.wav"); });
  const Schema schema = open_data(place / "s", by_pattern("{label}_{speaker}_{take}.wav")).train.schema;
  place.write("x.csv", bytes_of_text("a,b\n1,2\n"));
  expect_bad_input({"x.csv", "is no sound"}, [&] { open_as(schema, place / "x.csv"); });
  expect_bad_input({"missing.wav"}, [&] { open_as(schema, place / "missing.wav"); });
}

TEST(Sounds, an_archive_is_a_folder) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann", "bob"}, 5);
  ASSERT_EQ(std::system(text("tar -C '", place.path(), "' -czf '", place / "s.tar.gz", "' s").c_str()), 0);
  const DataOptions options = by_pattern("{label}_{speaker}_{take}.wav");
  const Splits packed = open_data(place / "s.tar.gz", options), loose = open_data(place / "s", options);
  EXPECT_EQ(packed.train.samples, loose.train.samples);
  EXPECT_EQ(packed.test.labels, loose.test.labels);
  expect_bad_input({"s.tar.gz", "class", "data.pattern"}, [&] { open_data(place / "s.tar.gz"); });
  Bytes cut = read_bytes(place / "s.tar.gz");
  cut.resize(cut.size() / 2);
  place.write("cut.tar", cut);
  expect_bad_input({"cut.tar", "truncated"}, [&] { open_data(place / "cut.tar", options); });
}

TEST(Sounds, the_same_bits_on_any_number_of_threads) {
  const Scratch place;
  record(place, "s", {"yes", "no"}, {"ann", "bob"}, 8, {.rate = 11025});
  DataOptions options = by_pattern("{label}_{speaker}_{take}.wav");
  options.sounds.rate = 8000;
  options.sounds.normalise = Normalise::set;
  const auto read = [&](int threads) {
    set_thread_count(threads);
    Splits parts = open_data(place / "s", options);
    std::vector<int64_t> rows(size_t(parts.train.size()));
    std::iota(rows.begin(), rows.end(), 0);
    Tensor x(Type{DType::f32, {parts.train.size(), steps_of(parts.train, rows), 40}});
    fill_samples(parts.train, rows, x.view());
    return std::pair(std::move(parts), std::move(x));
  };
  const int before = thread_count();
  const auto [alone, x_alone] = read(1);
  const auto [several, x_several] = read(4);
  set_thread_count(before);
  EXPECT_EQ(alone.train.samples, several.train.samples);
  EXPECT_EQ(alone.train.schema, several.train.schema);
  EXPECT_EQ(x_alone, x_several);
}

TEST(Sounds, normalised_over_the_set_if_not_stated_means_over_its_frames) {
  DataOptions options{.samples = 40};
  options.sounds.deltas = 1;
  const Splits parts = open_data("tones", options);
  const Dataset& train = parts.train;
  EXPECT_EQ(train.schema.input.mean.size(), 80u);
  EXPECT_EQ(parts.test.schema, train.schema);
  std::vector<int64_t> rows(40);
  std::iota(rows.begin(), rows.end(), 0);
  const int64_t steps = steps_of(train, rows);
  Tensor x(Type{DType::f64, {40, steps, 80}}), lengths(Type{DType::i32, {40}});
  fill_samples(train, rows, x.view());
  fill_lengths(train, rows, lengths.view());
  for (const int64_t k : {0, 17, 79}) {
    double sum = 0, squares = 0, n = 0;
    for (int64_t i = 0; i < 40; ++i)
      for (int64_t t = 0; t < int64_t(lengths.at(i)); ++t, ++n) {
        const double one = x.at((i * steps + t) * 80 + k);
        sum += one;
        squares += one * one;
      }
    EXPECT_NEAR(sum / n, 0, 1e-9);
    EXPECT_NEAR(squares / n, 1, 1e-9);
  }
}

TEST(Sounds, a_batch_is_padded_with_zeros_behind_each_end) {
  DataOptions options{.samples = 24};
  options.sounds.normalise = Normalise::clip;
  const Splits parts = open_data("tones", options);
  const std::vector<int64_t> rows = {3, 11, 5};
  const int64_t steps = steps_of(parts.train, rows);
  Tensor x(Type{DType::f32, {3, steps, 40}}), lengths(Type{DType::i32, {3}});
  for (float& one : x.as<float>()) one = 7;
  fill_samples(parts.train, rows, x.view());
  fill_lengths(parts.train, rows, lengths.view());
  int64_t longest = 0;
  for (int64_t i = 0; i < 3; ++i) {
    const auto length = int64_t(lengths.at(i));
    longest = std::max(longest, length);
    EXPECT_EQ(length, 1 + int64_t(wave_of(parts.train, rows[size_t(i)]).size()) / 80);
    for (int64_t e = length * 40; e < steps * 40; ++e) ASSERT_EQ(x.at(i * steps * 40 + e), 0);
    const std::vector<double> own =
        FeatureMaker(*parts.train.schema.sound).features(wave_of(parts.train, rows[size_t(i)]));
    for (size_t e = 0; e < own.size(); ++e) ASSERT_EQ(float(own[e]), float(x.at(i * steps * 40 + int64_t(e))));
  }
  EXPECT_EQ(steps, bucket_of(longest));
  Tensor small(Type{DType::f32, {3, 4, 40}});
  expect_bad_input({"frames, a batch"}, [&] { fill_samples(parts.train, rows, small.view()); });
}

TEST(Sounds, rows_are_taken_with_their_lengths) {
  const Splits parts = open_data("tones", {.samples = 24});
  const std::vector<int64_t> rows = {9, 2, 9};
  const Dataset some = take(parts.train, rows);
  check(some, "test");
  EXPECT_EQ(some.size(), 3);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(wave_of(some, int64_t(i)), wave_of(parts.train, rows[i])));
    EXPECT_EQ(some.label_of()[i], parts.train.label_of()[size_t(rows[i])]);
  }
  EXPECT_EQ(empty_like(some.schema).size(), 0);
  check(empty_like(some.schema), "test");
  Dataset wrong = some;
  wrong.lengths.set(1, 5);
  expect_bad_input({"[test]"}, [&] { check(wrong, "test"); });
  expect_bad_input({"row 3 of 3"}, [&] { take(some, std::vector<int64_t>{3}); });
}

TEST(Tones, are_decided_by_seed_part_and_index_alone) {
  EXPECT_EQ(make_tone(1, Part::train, 5), make_tone(1, Part::train, 5));
  EXPECT_NE(make_tone(1, Part::train, 5), make_tone(2, Part::train, 5));
  EXPECT_NE(make_tone(1, Part::train, 5), make_tone(1, Part::test, 5));
  for (int64_t i = 0; i < 200; ++i) {
    const std::vector<float> wave = make_tone(3, Part::train, i);
    EXPECT_LE(int64_t(wave.size()), longest_tone);
    EXPECT_GE(int64_t(wave.size()), tone_rate / 5);
    for (const float one : wave) ASSERT_TRUE(one >= -1 && one <= 1);
  }
  const Splits parts = open_data("tones");
  EXPECT_EQ(parts.train.size(), 1600);
  EXPECT_EQ(parts.train.schema.classes.size(), 8u);
  EXPECT_TRUE(parts.train.schema.generated);
  EXPECT_EQ(class_counts(parts.test), std::vector<int64_t>(8, 50));
  DataOptions wrong;
  wrong.sounds.rate = 16000;
  expect_bad_input({"is generated"}, [&] { open_data("tones", wrong); });
  wrong.sounds.rate = 8000;
  open_data("tones", wrong);
}

// What the nearest class's mean over all frames says: "ai" and "ia" can't be told apart by it, the vowels can.
TEST(Tones, vowels_differ_by_their_bands_and_glides_by_time_alone) {
  const Splits parts = open_data("tones", {.samples = 400, .test = 200});
  const auto mean_frames = [](const Dataset& data) {
    std::vector<std::vector<double>> out;
    const FeatureMaker maker([&] {
      SoundForm form = *data.schema.sound;
      form.normalise = Normalise::none;
      return form;
    }());
    for (int64_t i = 0; i < data.size(); ++i) {
      std::vector<double> mean(40);
      const std::vector<double> features = maker.features(wave_of(data, i));
      for (size_t e = 0; e < features.size(); ++e) mean[e % 40] += features[e] * 40 / double(features.size());
      const double level = std::accumulate(mean.begin(), mean.end(), 0.0) / 40;
      for (double& one : mean) one -= level;
      out.push_back(std::move(mean));
    }
    return out;
  };
  const auto train = mean_frames(parts.train), test = mean_frames(parts.test);
  int64_t right = 0, of_vowels = 0;
  for (size_t i = 0; i < test.size(); ++i) {
    size_t best = 0;
    double least = 1e300;
    for (size_t j = 0; j < train.size(); ++j) {
      double distance = 0;
      for (size_t k = 0; k < 40; ++k) distance += (test[i][k] - train[j][k]) * (test[i][k] - train[j][k]);
      if (distance < least) least = distance, best = j;
    }
    const std::string& word = tone_classes()[size_t(parts.test.label_of()[i])];
    if (word == "ai" || word == "ia") continue;
    ++of_vowels;
    right += parts.test.label_of()[i] == parts.train.label_of()[best];
  }
  EXPECT_GT(double(right), 0.6 * double(of_vowels));
}

// Only where the real recordings are.
TEST(RealSounds, fsdd_as_published) {
  const char* root = std::getenv("VITRO_DATA");
  if (root == nullptr || !fs::exists(std::string(root) + "/fsdd")) GTEST_SKIP();
  const Splits parts = open_data("fsdd");
  EXPECT_EQ(parts.train.size(), 2400);
  EXPECT_EQ(parts.validation.size(), 300);
  EXPECT_EQ(class_counts(parts.validation), std::vector<int64_t>(10, 30));
  EXPECT_EQ(class_counts(parts.test), std::vector<int64_t>(10, 30));
  EXPECT_EQ(parts.train.schema.sample, Shape{18262});
  for (int64_t i = 0; i < parts.test.size(); ++i) {
    const std::string name = parts.test.origin.file_of(i);
    const char take = name[name.size() - 5];
    EXPECT_TRUE(take >= '0' && take <= '4' && name[name.size() - 6] == '_') << name;
  }
  EXPECT_EQ(speakers_in(parts.test).size(), 6u);
  DataOptions held_out;
  held_out.sounds.test_group = {"jackson"};
  const Splits held = open_data("fsdd", held_out);
  EXPECT_EQ(held.test.size(), 500);
  EXPECT_EQ(speakers_in(held.test), (std::set<std::string>{"jackson"}));
  EXPECT_EQ(speakers_in(held.train).size(), 5u);
  EXPECT_EQ(held.validation.size(), 250);
}

} // namespace
} // namespace vitro

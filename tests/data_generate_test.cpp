// Generated sets: their formulas, their balance, and that their bits never change by accident.
#include "data/generate.h"

#include <cmath>

#include "core/threads.h"
#include "data/digits.h"
#include "data_scratch.h"

namespace vitro {
namespace {

std::string sum_of(const Tensor& tensor) {
  return sha256({static_cast<const uint8_t*>(tensor.view().data), size_t(tensor.type().bytes())});
}

TEST(Generate, every_set_is_sound_and_balanced) {
  for (const Generator& about : generators()) {
    SCOPED_TRACE(about.name);
    GenerateOptions options;
    options.samples = 211; // odd: no number of classes divides it
    options.validation = 1;
    options.test = 0;
    const Splits parts = generate(about.name, options);
    for (const Dataset* part : {&parts.train, &parts.validation, &parts.test}) check(*part, about.name);
    EXPECT_EQ(parts.train.size(), 211);
    EXPECT_EQ(parts.validation.size(), 1);
    EXPECT_EQ(parts.test.size(), 0);
    EXPECT_TRUE(parts.train.schema.generated);
    EXPECT_NE(parts.train.schema.description.find("generated"), std::string::npos);
    if (about.goal == Goal::numbers || about.name == "lines" || about.text) continue;
    for (const int64_t count : class_counts(parts.train))
      EXPECT_LE(std::abs(count - 211 / about.classes), 1 + (about.name == "xor" ? 1 : 0));
  }
}

TEST(Generate, digits_say_that_they_are_not_mnist) {
  EXPECT_NE(generate_part("digits", Part::test, 1).schema.description.find("generated digits, not MNIST"),
            std::string::npos);
}

TEST(Generate, a_sample_does_not_depend_on_how_many_are_asked_for_elsewhere) {
  EXPECT_EQ(take(generate_part("digits", Part::train, 90), std::vector<int64_t>{0, 63, 64, 65}).samples,
            take(generate_part("digits", Part::train, 70), std::vector<int64_t>{0, 63, 64, 65}).samples);
  EXPECT_EQ(generate("lines").test.samples, generate_part("lines", Part::test, 200).samples);
}

TEST(Generate, parts_and_seeds_differ) {
  for (const char* name : {"digits", "spiral", "lines", "sine"}) {
    const Tensor train = generate_part(name, Part::train, 30).samples;
    EXPECT_FALSE(train == generate_part(name, Part::test, 30).samples) << name;
    EXPECT_FALSE(train == generate_part(name, Part::train, 30, {.seed = 1}).samples) << name;
    EXPECT_TRUE(train == generate_part(name, Part::train, 30).samples) << name;
  }
}

// CS231n's and NNFS's spirals without noise: radius 0 .. 1 along an arm, t from 4j to 4(j+1), (r sin ct, r cos ct).
TEST(Generate, spirals_follow_their_formula) {
  for (const auto& [name, turns] : {std::pair{"spiral", 1.0}, {"spiral_nnfs", 2.5}}) {
    const Dataset data = generate_part(name, Part::train, 300, {.noise = 0.0});
    EXPECT_EQ(class_counts(data), (std::vector<int64_t>{100, 100, 100}));
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t i = 0; i < 100; ++i) {
        const double r = double(i) / 99, t = 4.0 * double(j) + 4.0 * double(i) / 99;
        const int64_t row = 100 * j + i;
        EXPECT_EQ(data.labels.at(row), double(j));
        EXPECT_NEAR(data.samples.at(2 * row), r * std::sin(turns * t), 1e-6) << name << " " << row;
        EXPECT_NEAR(data.samples.at(2 * row + 1), r * std::cos(turns * t), 1e-6) << name << " " << row;
      }
  }
}

TEST(Generate, noise_of_a_spiral_turns_and_keeps_the_radius) {
  const Dataset data = generate_part("spiral", Part::train, 3000);
  double squares = 0;
  for (int64_t row = 0; row < 3000; ++row) {
    const double x = data.samples.at(2 * row), y = data.samples.at(2 * row + 1), r = double(row % 1000) / 999;
    EXPECT_NEAR(std::sqrt(x * x + y * y), r, 1e-6);
    if (r == 0) continue;
    const double t = 4.0 * double(row / 1000) + 4 * r;
    squares += std::pow(std::remainder(std::atan2(x, y) - t, 2 * M_PI), 2);
  }
  EXPECT_NEAR(std::sqrt(squares / 3000), 0.2, 0.01);
}

TEST(Generate, plane_sets_follow_their_formulas_without_noise) {
  const auto each = [](const char* name, auto holds) {
    const Dataset data = generate_part(name, Part::train, 101, {.noise = 0.0});
    for (int64_t i = 0; i < data.size(); ++i)
      EXPECT_TRUE(holds(data.samples.at(2 * i), data.samples.at(2 * i + 1), int(data.labels.at(i))))
          << name << " " << i;
  };
  const auto near = [](double a, double b) { return std::fabs(a - b) < 1e-6; };
  each("moons", [&](double x, double y, int c) {
    return c == 0 ? near(x * x + y * y, 1) && y > -1e-6
                  : near((x - 1) * (x - 1) + (y - 0.5) * (y - 0.5), 1) && y < 0.5 + 1e-6;
  });
  each("circles", [&](double x, double y, int c) { return near(std::sqrt(x * x + y * y), c == 0 ? 1 : 0.5); });
  each("blobs", [&](double x, double y, int c) {
    return near(x, 2 * std::cos(2 * M_PI * c / 3)) && near(y, 2 * std::sin(2 * M_PI * c / 3));
  });
  each("xor", [&](double x, double y, int c) {
    return (near(x, 0) || near(x, 1)) && (near(y, 0) || near(y, 1)) && c == (x != y);
  });
  each("lines", [&](double x, double y, int c) {
    const double d = (3 * x + 4 * y - 1) / 5;
    return std::fabs(d) > 0.1 - 1e-6 && c == (d > 0);
  });
  const Dataset sine = generate_part("sine", Part::train, 101, {.noise = 0.0});
  for (int64_t i = 0; i < 101; ++i) EXPECT_NEAR(sine.targets.at(i), std::sin(2 * M_PI * sine.samples.at(i)), 1e-6);
}

TEST(Generate, options_that_a_set_does_not_take_are_refused) {
  expect_bad_input({"spirral", "did you mean \"spiral\""}, [] { generate("spirral"); });
  expect_bad_input({"moons", "always 2 classes"}, [] { generate("moons", {.classes = 3}); });
  expect_bad_input({"sine", "no classes"}, [] { generate("sine", {.classes = 3}); });
  expect_bad_input({"blobs", "classes is 1", "2 to 12"}, [] { generate("blobs", {.classes = 1}); });
  expect_bad_input({"digits", "takes no noise"}, [] { generate("digits", {.noise = 0.1}); });
  expect_bad_input({"spiral", "noise is -1"}, [] { generate("spiral", {.noise = -1.0}); });
  expect_bad_input({"spiral", "noise is nan"}, [] { generate("spiral", {.noise = std::nan("")}); });
  expect_bad_input({"spiral", "0 samples for train"}, [] { generate("spiral", {.samples = 0}); });
  expect_bad_input({"digits", "-5 samples for test"}, [] { generate("digits", {.test = -5}); });
  EXPECT_EQ(class_counts(generate("spiral", {.samples = 20, .classes = 5}).train),
            (std::vector<int64_t>{4, 4, 4, 4, 4}));
}

TEST(Digits, are_the_same_bits_for_any_number_of_threads) {
  const int before = thread_count();
  std::vector<std::string> sums;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    sums.push_back(sum_of(generate_part("digits", Part::validation, 1003).samples));
  }
  set_thread_count(before);
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_EQ(sums[0], sums[2]);
}

TEST(Digits, a_range_is_the_same_as_the_whole) {
  std::vector<uint8_t> whole(300 * 784), range(100 * 784);
  draw_digits(7, Part::test, 0, whole);
  draw_digits(7, Part::test, 150, range);
  EXPECT_TRUE(std::equal(range.begin(), range.end(), whole.begin() + 150 * 784));
}

// Ink on paper, centred: what anybody would say of a picture of a digit.
TEST(Digits, are_centred_ink_inside_the_page) {
  const Dataset data = generate_part("digits", Part::train, 2000);
  const auto pixels = data.samples.as<uint8_t>();
  double sum = 0, squares = 0;
  int64_t cut = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    double ink = 0, x = 0, y = 0;
    bool border = false;
    for (int64_t p = 0; p < 784; ++p) {
      const double v = pixels[size_t(i * 784 + p)] / 255.0;
      ink += v;
      x += v * double(p % 28);
      y += v * double(p / 28);
      squares += v * v;
      border |= v > 0.5 && (p % 28 == 0 || p % 28 == 27 || p / 28 == 0 || p / 28 == 27);
    }
    sum += ink;
    cut += border;
    EXPECT_GT(ink, 15) << i;
    EXPECT_LT(ink, 400) << i;
    EXPECT_NEAR(x / ink, 13.5, 5) << i;
    EXPECT_NEAR(y / ink, 13.5, 5) << i;
  }
  EXPECT_EQ(cut, 0) << "of 2000 digits touch the border";
  const double mean = sum / (2000 * 784), deviation = std::sqrt(squares / (2000 * 784) - mean * mean);
  EXPECT_NEAR(mean, data.schema.input.mean[0], 0.003);
  EXPECT_NEAR(deviation, data.schema.input.deviation[0], 0.003);
}

// The golden sums: a change here changes every published number that was trained on generated data.
TEST(Generate, golden_bits) {
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"digits", "d9bd1fc70346135c683b59177c14b2bd3967cf9366a488e66d23b9913e39fc67"},
      {"spiral", "352d1503aa1d8ddfbdf0b9d83b851f6528177fbea8fe292e7ed603f90d088084"},
      {"spiral_nnfs", "7e3333735bad407b2db2e988e2f6c0e5bd9283ce389ce8755af9b61dbbf70d3c"},
      {"moons", "3e8739660dd2b2ddcc8f272a8e90303db19abc4e21e0879d53769fecb3da1aa2"},
      {"circles", "701eb772d904269ae3e752f89fdee10d7fc1d891207fb888fdefdd045ad0a676"},
      {"blobs", "8a2a212aac56fc602799dd62b4cdfb5c4b7bba25abebbfb02e5f059a01d7c3df"},
      {"xor", "b6131007524f014bf8527f52a3f35d946a85f5463239af701ab8c4136b4f6600"},
      {"lines", "6c68220902e6166a4b05bb7f6e7cab248094077c0f4462a8ed7e2aacb8858464"},
      {"sine", "3d9ce287857be981de0111a1f7f8cf38829458c6380a7235c8528facb7fc297f"},
      {"tones", "0703d8c47672ec02124090f8e17526ce3d8a5b5ce21ec98b9cd94936a39c5884"},
      {"sentences", "0563b69814384d57018857bd518ffe23236b855ad18847a6f6bae95aa7a35baf"},
  };
  ASSERT_EQ(expected.size(), generators().size());
  for (const auto& [name, sum] : expected)
    EXPECT_EQ(sum_of(generate_part(name, Part::train, 500).samples), sum) << name;
}

} // namespace
} // namespace vitro

#include "data/generate.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/numpy_random.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/digits.h"
#include "data/sentences.h"
#include "data/texts.h"
#include "data/tones.h"

namespace vitro {
namespace {

// What one point of a set is made from: the index-th of n, its class (of `classes`), the spread, its own draws.
struct Asked {
  int64_t index, n, classes;
  double noise;
  Draws draws;
  NumpyRandom* numpy = nullptr; // where the set is drawn as its numpy program does
  double normal() { return numpy ? numpy->normal() : draws.normal(); }
};

struct Point {
  double x = 0, y = 0;
  int32_t label = 0;
};

// Points come class after class, as the published spirals do: class c has n / classes of them, the first n mod classes
// one more. `place` counts 0 .. count-1 within the class.
struct Place {
  int32_t label;
  int64_t place, count;
};
Place place_of(const Asked& asked) {
  const int64_t each = asked.n / asked.classes, longer = asked.n % asked.classes, split = longer * (each + 1);
  if (asked.index < split) return {int32_t(asked.index / (each + 1)), asked.index % (each + 1), each + 1};
  const int64_t behind = asked.index - split;
  return {int32_t(longer + behind / each), behind % each, each};
}

// numpy's linspace(low, high, count)[i], which ends at `high`.
double linspace(double low, double high, int64_t i, int64_t count) {
  return count < 2 ? low : low + (high - low) * double(i) / double(count - 1);
}

Point spiral(Asked& asked, double turns) {
  const auto [label, i, count] = place_of(asked);
  const double r = linspace(0, 1, i, count);
  const double t = linspace(4.0 * label, 4.0 * (label + 1), i, count) + asked.noise * asked.normal();
  return {r * math::sin(turns * t), r * math::cos(turns * t), label};
}

Point cs231n_spiral(Asked& asked) { return spiral(asked, 1); }
Point nnfs_spiral(Asked& asked) { return spiral(asked, 2.5); }

Point moons(Asked& asked) {
  const auto [label, i, count] = place_of(asked);
  const double t = linspace(0, math::pi, i, count);
  const double x = label == 0 ? math::cos(t) : 1 - math::cos(t), y = label == 0 ? math::sin(t) : 0.5 - math::sin(t);
  return {x + asked.noise * asked.normal(), y + asked.noise * asked.normal(), label};
}

Point circles(Asked& asked) {
  const auto [label, i, count] = place_of(asked);
  const double r = 1 - double(label) / double(asked.classes), t = 2 * math::pi * double(i) / double(count);
  return {r * math::cos(t) + asked.noise * asked.normal(), r * math::sin(t) + asked.noise * asked.normal(), label};
}

Point blobs(Asked& asked) {
  const int32_t label = place_of(asked).label;
  const double t = 2 * math::pi * double(label) / double(asked.classes);
  return {2 * math::cos(t) + asked.noise * asked.normal(), 2 * math::sin(t) + asked.noise * asked.normal(), label};
}

Point exclusive_or(Asked& asked) {
  const double a = asked.index / 2 % 2 ? 1 : 0, b = asked.index % 2 ? 1 : 0;
  return {a + asked.noise * asked.normal(), b + asked.noise * asked.normal(), int32_t(a != b)};
}

// The line is 3x + 4y = 1; a point nearer than the margin is drawn anew.
Point lines(Asked& asked) {
  constexpr double margin = 0.1;
  while (true) {
    const double x = asked.draws.uniform(-1, 1), y = asked.draws.uniform(-1, 1);
    const double distance = (3 * x + 4 * y - 1) / 5;
    if (std::fabs(distance) < margin) continue;
    return {x + asked.noise * asked.normal(), y + asked.noise * asked.normal(), int32_t(distance > 0)};
  }
}

Point sine(Asked& asked) {
  const double x = asked.draws.uniform();
  return {x, math::sin(2 * math::pi * x) + asked.noise * asked.normal(), 0};
}

struct Recipe {
  Generator about;
  Point (*point)(Asked&); // none for digits, sounds and texts
};

// Statistics of the pixels / 255 of the default training part.
constexpr double digits_mean = 0.1454, digits_deviation = 0.3251;

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = {
      {{"digits", "handwritten-looking digits from our own strokes, 28 x 28 grey levels (not MNIST)",
        "each digit: strokes in several ways of writing, bent, rotated, scaled, sheared, drawn with a pen; see "
        "data/digits.h",
        Goal::classes, 30000, 5000, 10, 10, 0, ""},
       nullptr},
      {{"tones", "vowels and glides between them, said by a synthetic voice, 0.2 to 0.7 s (not speech)",
        "pulses through three resonances (Peterson and Barney, 1952; Klatt, 1980), each voice another pitch, length "
        "and "
        "noise; see data/tones.h",
        Goal::classes, 1600, 400, 8, 8, 0, "", false, true},
       nullptr},
      {{"spiral", "arms of a spiral, wound into each other: no straight line tells them apart",
        "arm j: r = 0 .. 1, t = 4j .. 4(j+1) + noise * normal, point (r sin t, r cos t); CS231n, neural network case "
        "study",
        Goal::classes, 300, 300, 3, 10, 0.2, "deviation of the angle t", true},
       cs231n_spiral},
      {{"spiral_nnfs", "the same spiral wound two and a half times as tightly",
        "as spiral, point (r sin 2.5t, r cos 2.5t); H. Kinsley and D. Kukiela, Neural Networks from Scratch",
        Goal::classes, 300, 300, 3, 10, 0.2, "deviation of the angle t", true},
       nnfs_spiral},
      {{"moons", "two half circles that reach into each other",
        "t = 0 .. pi: (cos t, sin t) and (1 - cos t, 1/2 - sin t), plus noise * normal", Goal::classes, 400, 400, 2, 2,
        0.1, "deviation of both coordinates"},
       moons},
      {{"circles", "rings around one centre", "ring j of k: radius 1 - j/k, plus noise * normal", Goal::classes, 400,
        400, 2, 6, 0.08, "deviation of both coordinates"},
       circles},
      {{"blobs", "round clouds of points, their centres on a circle of radius 2",
        "centre j of k at the angle 2 pi j/k, plus noise * normal", Goal::classes, 300, 300, 3, 12, 0.5,
        "deviation of both coordinates"},
       blobs},
      {{"xor", "four clouds at the corners of a square; opposite corners are one class",
        "corners (a, b) of {0, 1}, class a xor b, plus noise * normal; noise=0 samples=4 is the truth table",
        Goal::classes, 400, 400, 2, 2, 0.15, "deviation of both coordinates"},
       exclusive_or},
      {{"lines", "two classes on the two sides of a straight line, with a gap: what a perceptron learns",
        "uniform in [-1, 1] x [-1, 1], class 3x + 4y > 1, none nearer to the line than 0.1, plus noise * normal",
        Goal::classes, 200, 200, 2, 2, 0, "deviation of both coordinates"},
       lines},
      {{"sine", "one wave of a sine: a curve to fit, not classes",
        "x uniform in [0, 1), y = sin 2 pi x + noise * normal", Goal::numbers, 400, 200, 0, 0, 0.05, "deviation of y"},
       sine},
      {{.name = "sentences",
        .doc = "sentences of a small grammar, with quotes, brackets and lines of one length: a text for nets that read",
        .formula =
            "one of ten nouns, a verb that agrees with it, a place; in quotes, brackets or plain: see data/sentences.h",
        .goal = Goal::classes,
        .samples = 3000,
        .held_out = 300,
        .classes = 0,
        .most_classes = 0,
        .noise = 0,
        .noise_means = "",
        .text = true},
       nullptr},
  };
  return all;
}

const Recipe& recipe_of(const std::string& name) {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    if (recipe.about.name == name) return recipe;
    names.push_back(recipe.about.name);
  }
  bad_input("data", text("no generated set is called \"", name, "\"", did_you_mean(name, names)),
            text("there are ", join(names, ", ")));
}

} // namespace

const char* name(Part part) { return part == Part::train ? "train" : part == Part::validation ? "validation" : "test"; }

std::span<const Generator> generators() {
  static const std::vector<Generator> all = [] {
    std::vector<Generator> out;
    for (const Recipe& recipe : recipes()) out.push_back(recipe.about);
    return out;
  }();
  return all;
}

int64_t numpy_normals(const std::string& name, std::optional<int64_t> samples) {
  for (const Recipe& recipe : recipes()) {
    if (recipe.about.name != name) continue;
    if (!recipe.about.numpy)
      bad_input(name, "is made by no numpy program, so numpy's generator cannot draw it",
                "write random = \"philox\", or take a spiral");
    return samples.value_or(recipe.about.samples);
  }
  return 0;
}

namespace {

Dataset text_part(const Generator& about, Part part, int64_t n, const GenerateOptions& options) {
  const int64_t steps = options.steps.value_or(usual_steps);
  if (steps < 2 || steps > 1 << 16)
    bad_input(about.name, text("steps is ", steps, ", 2 to ", 1 << 16, " was expected"));
  const auto symbols = [](const std::string& letters) {
    return symbols_of(letters, TextUnit::characters, "sentences");
  };
  Schema schema;
  schema.name = about.name;
  schema.generated = true;
  schema.description = text("generated: ", about.doc);
  schema.sample = {steps, 1};
  schema.text = TextForm{TextUnit::characters, symbols(letters_of_sentences())};
  schema.classes = schema.text->names();
  const int64_t length = n * steps + (n > 0 ? 1 : 0);
  return windows_of(symbols(sentences(options.seed, part, length)), schema, "", 0);
}

} // namespace

Dataset generate_part(const std::string& name, Part part, int64_t n, const GenerateOptions& options) {
  const Recipe& recipe = recipe_of(name);
  const Generator& about = recipe.about;
  const int64_t classes = options.classes.value_or(about.classes);
  const double noise = options.noise.value_or(about.noise);
  if (options.noise && about.noise_means.empty())
    bad_input(name, about.text ? "takes no noise: it is a text" : "takes no noise: its samples vary by themselves");
  if (options.steps && !about.text) bad_input(name, "takes no steps: it is no text");
  if (!(noise >= 0) || noise > 100) bad_input(name, text("noise is ", noise, ", 0 to 100 was expected"));
  if (options.classes && classes != about.classes && about.most_classes == about.classes)
    bad_input(name, about.classes ? text("has always ", about.classes, " classes, not ", classes)
                    : about.text  ? std::string("is a text: its characters are its classes")
                                  : std::string("predicts a number and has no classes"));
  if (options.classes && about.classes && (classes < 2 || classes > about.most_classes))
    bad_input(name, text("classes is ", classes, ", 2 to ", about.most_classes, " was expected"));
  const int64_t least = part == Part::train ? std::max<int64_t>(1, classes) : 0, most = 10'000'000;
  if (n < least || n > most)
    bad_input(name, text(n, " samples for ", vitro::name(part), ", ", least, " to ", most, " was expected"));
  if (about.text) return text_part(about, part, n, options);

  Dataset data;
  Schema& schema = data.schema;
  schema.name = name;
  schema.generated = true;
  schema.goal = about.goal;
  schema.description = recipe.point ? text("generated: ", about.doc)
                       : about.sounds
                           ? std::string("generated sounds, not speech: a synthetic voice's vowels and glides")
                           : std::string("generated digits, not MNIST: our own strokes, drawn anew for each sample");
  for (int64_t c = 0; c < classes; ++c) schema.classes.push_back(text(c));
  data.labels = Tensor(Type{DType::i32, {about.goal == Goal::classes ? n : 0}});
  data.targets = Tensor(Type{DType::f32, {0}});

  if (about.sounds) {
    schema.sound.emplace();
    schema.sound->rate = tone_rate;
    schema.sample = {longest_tone};
    schema.classes = tone_classes();
    std::vector<std::vector<float>> waves(static_cast<size_t>(n));
    parallel(n, [&](int64_t i) { waves[size_t(i)] = make_tone(options.seed, part, i); });
    hold_waves(data, waves);
    for (int64_t i = 0; i < n; ++i) data.labels.set(i, double(i % classes));
    return data;
  }
  if (!recipe.point) {
    schema.raw = DType::u8;
    schema.sample = {1, digit_side, digit_side};
    schema.input = {1.0 / 255, {digits_mean}, {digits_deviation}};
    data.samples = Tensor(Type{DType::u8, {n, 1, digit_side, digit_side}});
    draw_digits(options.seed, part, 0, data.samples.as<uint8_t>());
    for (int64_t i = 0; i < n; ++i) data.labels.as<int32_t>()[size_t(i)] = digit_label(i);
    return data;
  }
  const bool curve = about.goal == Goal::numbers;
  schema.features = curve ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "y"};
  schema.sample = {int64_t(schema.features.size())};
  if (curve) {
    schema.targets = {"y"};
    data.targets = Tensor(Type{DType::f32, {n, 1}});
  }
  data.samples = Tensor(Type{DType::f32, {n, schema.sample[0]}});
  const Stream stream(options.seed, name, uint64_t(part));
  NumpyRandom numpy{uint32_t(options.seed)};
  const bool from_numpy = options.numpy && part == Part::train && numpy_normals(name, n) > 0;
  const auto x = data.samples.as<float>();
  for (int64_t i = 0; i < n; ++i) {
    Asked asked{i, n, std::max<int64_t>(1, classes), noise, Draws(stream, uint64_t(i)), from_numpy ? &numpy : nullptr};
    const Point point = recipe.point(asked);
    const auto row = size_t(i);
    if (curve) {
      x[row] = float(point.x);
      data.targets.as<float>()[row] = float(point.y);
    } else {
      x[2 * row] = float(point.x);
      x[2 * row + 1] = float(point.y);
      data.labels.as<int32_t>()[row] = point.label;
    }
  }
  return data;
}

Splits generate(const std::string& name, const GenerateOptions& options) {
  const Generator& about = recipe_of(name).about;
  return {generate_part(name, Part::train, options.samples.value_or(about.samples), options),
          generate_part(name, Part::validation, options.validation.value_or(about.held_out), options),
          generate_part(name, Part::test, options.test.value_or(about.held_out), options)};
}

} // namespace vitro

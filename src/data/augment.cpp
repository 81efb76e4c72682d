#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/sound_file.h"

namespace vitro {
namespace {

constexpr double by_least = 0, by_most = 1;

} // namespace

std::span<const AugmentationKind> augmentations() {
  static const std::vector<AugmentationKind> all = {
      {"flip", "mirrored, left and right", {{"p", 0.5, 0, 1, "how often"}}},
      {"crop",
       "a window of the picture's size out of the picture with so many pixels more on every side (He et al., \"Deep "
       "residual learning\", 2016, section 4.2)",
       {{"padding", 4, 0, 1024, "pixels, whole"}}},
      {"shift",
       "moved down and across; of sounds in time, with silence behind it",
       {{"by", 0.1, by_least, by_most, "at most so much of height and width, or of the length"}},
       true,
       true},
      {"rotate", "turned around the middle", {{"degrees", 10, 0, 180, "at most, either way"}}},
      {"scale", "larger or smaller around the middle", {{"by", 0.1, by_least, 0.9, "at most so much"}}},
      {"shear", "slanted", {{"degrees", 10, 0, 80, "at most, either way"}}},
      {"elastic",
       "each pixel moved by a smooth random field (Simard, Steinkraus, Platt, \"Best practices for convolutional "
       "neural "
       "networks\", 2003)",
       {{"alpha", 34, 0, 10000, "strength: pixels before smoothing"},
        {"sigma", 4, 0.5, 64, "of the smoothing, pixels"}}},
      {"cutout",
       "a square somewhere is the mean (DeVries, Taylor, \"Improved regularization of convolutional neural networks "
       "with "
       "cutout\", 2017)",
       {{"size", 8, 1, 4096, "pixels, whole"}}},
      {"brightness", "lighter or darker: pixels times 1 - by to 1 + by", {{"by", 0.2, by_least, by_most, "at most"}}},
      {"contrast",
       "distance to the picture's mean times 1 - by to 1 + by",
       {{"by", 0.2, by_least, by_most, "at most"}}},
      {"mixup",
       "blended with another training sample, and so are their classes: shares of Beta(alpha, alpha) (Zhang et al., "
       "\"mixup: beyond empirical risk minimization\", 2018)",
       {{"alpha", 0.2, 0.01, 1, "near 0: hardly; 1: any share alike"}}},
      {"gain", "louder or softer", {{"db", 6, 0, 60, "at most, either way, decibels"}}, false, true},
      {"noise",
       "white noise added, softer than the sound by low to high decibels",
       {{"low", 10, -20, 100, "decibels"}, {"high", 40, -20, 100, "decibels"}},
       false,
       true},
      {"speed",
       "faster and higher, or slower and lower, 1 - by to 1 + by times (Ko et al., \"Audio augmentation for speech "
       "recognition\", 2015)",
       {{"by", 0.1, by_least, 0.5, "at most"}},
       false,
       true},
      {"time_mask",
       "so many frames are the sound's mean (Park et al., \"SpecAugment\", 2019)",
       {{"width", 10, 0, 10000, "at most, of a quarter of the frames, whole"}, {"count", 1, 0, 100, "masks, whole"}},
       false,
       true},
      {"frequency_mask",
       "so many log-mel bands are the sound's mean (Park et al., \"SpecAugment\", 2019)",
       {{"width", 8, 0, 1024, "at most, bands, whole"}, {"count", 1, 0, 100, "masks, whole"}},
       false,
       true},
  };
  return all;
}

const AugmentationKind& find_augmentation(const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  for (const AugmentationKind& kind : augmentations()) {
    if (kind.name == name) return kind;
    names.emplace_back(kind.name);
  }
  bad_input(where, text("unknown augmentation \"", name, "\"", did_you_mean(name, names)),
            "it is one of " + join(names, ", "));
}

bool mixes(const std::vector<Augmentation>& list) {
  return std::ranges::any_of(list, [](const Augmentation& one) { return one.op == "mixup"; });
}

void check(const std::vector<Augmentation>& list, const std::string& where) {
  for (const Augmentation& one : list) {
    const AugmentationKind& kind = find_augmentation(one.op, where);
    for (size_t i = 0; i < kind.args.size(); ++i) {
      const AugmentationArg& arg = kind.args[i];
      const double value = one.args[i];
      const bool whole = std::string(arg.doc).ends_with(", whole");
      if (!(value >= arg.least && value <= arg.most) || (whole && value != std::floor(value)))
        bad_input(where, text(kind.name, ": ", arg.name, " is ", value, ", expected a ", whole ? "whole " : "",
                              "number from ", arg.least, " to ", arg.most));
    }
  }
  for (const Augmentation& one : list)
    if (one.op == "noise" && one.args[0] > one.args[1])
      bad_input(where, text("noise: low is ", one.args[0], ", above high, ", one.args[1]));
  if (std::ranges::count(list, "mixup", &Augmentation::op) > 1)
    bad_input(where, "has mixup more than once", "samples are blended in pairs");
}

void check(const std::vector<Augmentation>& list, const Schema& schema, const std::string& where) {
  if (list.empty()) return;
  if (!schema.picture && !schema.sound)
    bad_input(where, text("is for pictures and sounds; samples of ", schema.name, " are ", schema.net_input()),
              "leave it out");
  for (const Augmentation& one : list) {
    const AugmentationKind& kind = find_augmentation(one.op, where);
    if (schema.sound ? !kind.sounds : !kind.pictures) {
      std::vector<std::string> fit;
      for (const AugmentationKind& other : augmentations())
        if (schema.sound ? other.sounds : other.pictures) fit.emplace_back(other.name);
      bad_input(where,
                text(kind.name, " is for ", schema.sound ? "pictures" : "sounds", ", ", schema.name, " holds ",
                     schema.sound ? "sounds" : "pictures"),
                "it is one of " + join(fit, ", "));
    }
    if (one.op == "frequency_mask" && schema.sound->features != SoundFeatures::log_mel)
      bad_input(where, "frequency_mask needs neighbouring bands, MFCC have none", "write features = \"log_mel\"");
  }
}

namespace {

// Where a pixel of the new picture comes from, around the middle of both: (y, x) = matrix (y', x') + move.
struct Map {
  double yy = 1, yx = 0, xy = 0, xx = 1, y = 0, x = 0;
  // What is done after what was done so far: its pixels come from where this map says.
  void then(const Map& next) {
    *this = {yy * next.yy + yx * next.xy, yy * next.yx + yx * next.xx,   xy * next.yy + xx * next.xy,
             xy * next.yx + xx * next.xx, yy * next.y + yx * next.x + y, xy * next.y + xx * next.x + x};
  }
  bool operator==(const Map&) const = default;
};

// Weights of a normal distribution from -3 sigma to 3 sigma, which add up to 1.
std::vector<double> bell(double sigma) {
  const auto radius = int64_t(std::ceil(3 * sigma));
  std::vector<double> out;
  double sum = 0;
  for (int64_t i = -radius; i <= radius; ++i)
    sum += out.emplace_back(math::exp(-0.5 * double(i * i) / (sigma * sigma)));
  for (double& one : out) one /= sum;
  return out;
}

// Numbers uniform within -1 and 1, smoothed; outside the picture they are 0.
std::vector<double> smooth_field(Draws& draws, int64_t height, int64_t width, double sigma) {
  std::vector<double> field(size_t(height * width)), across(field.size());
  for (double& one : field) one = draws.uniform(-1, 1);
  const std::vector<double> weights = bell(sigma);
  const auto radius = int64_t(weights.size() / 2);
  const auto smooth = [&](const std::vector<double>& from, std::vector<double>& to, int64_t lines, int64_t length,
                          int64_t line_step, int64_t step) {
    for (int64_t line = 0; line < lines; ++line)
      for (int64_t i = 0; i < length; ++i) {
        double sum = 0;
        for (int64_t k = std::max(-radius, -i); k <= std::min(radius, length - 1 - i); ++k)
          sum += weights[size_t(k + radius)] * from[size_t(line * line_step + (i + k) * step)];
        to[size_t(line * line_step + i * step)] = sum;
      }
  };
  smooth(field, across, height, width, width, 1);
  smooth(across, field, width, height, 1, width);
  return field;
}

double radians(double degrees) { return degrees * math::pi / 180; }

} // namespace

// A sample while it is worked on: raw pixels, planes one after the other.
struct Augmenter::Canvas {
  int64_t channels, height, width;
  const std::vector<float>& outside;
  std::vector<float> pixels, before;
  Map map = {}; // still to be done

  Canvas(const Shape& sample, const std::vector<float>& of_outside)
      : channels(sample[0]), height(sample[1]), width(sample[2]), outside(of_outside),
        pixels(size_t(sample.elements())), before(pixels.size()) {}

  // Does what the map says, after each pixel was moved by the field (`down`, `across`), where there is one.
  void resample(const std::vector<double>& down = {}, const std::vector<double>& across = {}) {
    if (map == Map{} && down.empty()) return;
    std::swap(pixels, before);
    const double middle_y = double(height - 1) / 2, middle_x = double(width - 1) / 2;
    const bool straight = down.empty() && map.yy == 1 && map.yx == 0 && map.xy == 0 && std::abs(map.xx) == 1 &&
                          map.y == std::floor(map.y) && map.x == std::floor(map.x);
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        double v = double(y) - middle_y, u = double(x) - middle_x;
        if (!down.empty()) {
          v += down[size_t(y * width + x)];
          u += across[size_t(y * width + x)];
        }
        const double from_y = map.yy * v + map.yx * u + map.y + middle_y,
                     from_x = map.xy * v + map.xx * u + map.x + middle_x;
        if (straight)
          copy(y, x, int64_t(from_y), int64_t(from_x), from_y >= 0 && from_x >= 0);
        else
          interpolate(y, x, from_y, from_x);
      }
    map = {};
  }

  void copy(int64_t y, int64_t x, int64_t from_y, int64_t from_x, bool positive) {
    const bool inside = positive && from_y < height && from_x < width;
    for (int64_t c = 0; c < channels; ++c)
      pixels[at(c, y, x)] = inside ? before[at(c, from_y, from_x)] : outside[size_t(c)];
  }

  void interpolate(int64_t y, int64_t x, double from_y, double from_x) {
    const bool near = from_y > -1 && from_x > -1 && from_y < double(height) && from_x < double(width);
    const auto top = near ? int64_t(std::floor(from_y)) : -2, left = near ? int64_t(std::floor(from_x)) : -2;
    const auto down = float(from_y - double(top)), across = float(from_x - double(left));
    for (int64_t c = 0; c < channels; ++c) {
      const float other = outside[size_t(c)];
      if (!near) {
        pixels[at(c, y, x)] = other;
        continue;
      }
      const auto value = [&](int64_t row, int64_t column) {
        return row >= 0 && column >= 0 && row < height && column < width ? before[at(c, row, column)] : other;
      };
      const float upper = value(top, left) * (1 - across) + value(top, left + 1) * across,
                  lower = value(top + 1, left) * (1 - across) + value(top + 1, left + 1) * across;
      pixels[at(c, y, x)] = upper * (1 - down) + lower * down;
    }
  }

  size_t at(int64_t c, int64_t y, int64_t x) const { return size_t((c * height + y) * width + x); }

  // Each pixel `factor` times as far from `level`, within what a byte can hold.
  void stretch(float level, float factor) {
    for (float& one : pixels) one = std::clamp(level + (one - level) * factor, 0.0F, 255.0F);
  }

  void cut_out(int64_t size, int64_t y, int64_t x, const std::vector<float>& mean) {
    const int64_t top = y - size / 2, left = x - size / 2;
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t row = std::max<int64_t>(0, top); row < std::min(height, top + size); ++row)
        for (int64_t column = std::max<int64_t>(0, left); column < std::min(width, left + size); ++column)
          pixels[at(c, row, column)] = mean[size_t(c)];
  }
};

Augmenter::Augmenter(std::vector<Augmentation> list, const Dataset& train, uint64_t seed)
    : list_(std::move(list)), train_(train), seed_(seed) {
  const Schema& schema = train.schema;
  check(list_, schema, "data.augment");
  if (schema.sound) {
    maker_ = std::make_unique<const FeatureMaker>(*schema.sound);
    // Where the library is missing it is said here, not by a thread in the middle of a training.
    if (std::ranges::find(list_, "speed", &Augmentation::op) != list_.end()) resampled({0, 0}, 0.5);
    return;
  }
  const auto groups = int64_t(schema.input.mean.size());
  for (int64_t c = 0; c < schema.sample[0]; ++c) {
    mean_.push_back(std::clamp(float(schema.input.undo(0, groups == 1 ? 0 : c)), 0.0F, 255.0F));
    outside_.push_back(schema.picture->ink > 0 ? 0.0F : mean_.back());
  }
}

Augmenter::~Augmenter() = default;

std::vector<Stream> Augmenter::streams(int64_t epoch) const {
  std::vector<Stream> out;
  for (size_t i = 0; i < list_.size(); ++i) out.emplace_back(seed_, text("augment.", i), uint64_t(epoch));
  return out;
}

// A share of Beta(alpha, alpha), in logarithms, since u^(1/alpha) is soon too small for a double.
// Source: M. D. Jöhnk, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", Metrika 8, 1964.
Augmenter::Mix Augmenter::mix_of(const Stream& stream, double alpha, int64_t row) const {
  Draws draws(stream, uint64_t(row));
  const auto other = int64_t(draws.below(uint64_t(train_.size())));
  for (;;) {
    const double a = math::log(1 - draws.uniform()) / alpha, b = math::log(1 - draws.uniform()) / alpha;
    if (math::exp(a) + math::exp(b) <= 1) return {other, 1 / (1 + math::exp(b - a))};
  }
}

// The sample after the first `steps` of the list.
void Augmenter::paint(int64_t row, size_t steps, const std::vector<Stream>& streams, Canvas& canvas) const {
  const auto from = train_.samples.as<uint8_t>().subspan(size_t(row) * canvas.pixels.size(), canvas.pixels.size());
  std::ranges::copy(from, canvas.pixels.begin());
  canvas.map = {};
  for (size_t i = 0; i < steps; ++i) {
    const std::string& op = list_[i].op;
    const std::vector<double>& args = list_[i].args;
    Draws draws(streams[i], uint64_t(row));
    if (op == "flip") {
      if (draws.uniform() < args[0]) canvas.map.then({.xx = -1});
    } else if (op == "crop") {
      const auto window = uint64_t(2 * args[0] + 1);
      const double down = double(draws.below(window)) - args[0], across = double(draws.below(window)) - args[0];
      canvas.map.then({.y = down, .x = across});
    } else if (op == "shift") {
      const double down = draws.uniform(-args[0], args[0]), across = draws.uniform(-args[0], args[0]);
      canvas.map.then({.y = down * double(canvas.height), .x = across * double(canvas.width)});
    } else if (op == "rotate") {
      const double angle = radians(draws.uniform(-args[0], args[0])), sine = math::sin(angle),
                   cosine = math::cos(angle);
      canvas.map.then({.yy = cosine, .yx = sine, .xy = -sine, .xx = cosine});
    } else if (op == "scale") {
      const double factor = 1 / draws.uniform(1 - args[0], 1 + args[0]);
      canvas.map.then({.yy = factor, .xx = factor});
    } else if (op == "shear") {
      const double angle = radians(draws.uniform(-args[0], args[0]));
      canvas.map.then({.xy = math::sin(angle) / math::cos(angle)});
    } else if (op == "elastic") {
      std::vector<double> down = smooth_field(draws, canvas.height, canvas.width, args[1]),
                          across = smooth_field(draws, canvas.height, canvas.width, args[1]);
      for (std::vector<double>* field : {&down, &across})
        for (double& one : *field) one *= args[0];
      canvas.resample(down, across);
    } else { // what looks at pixels finds them where they are by now
      canvas.resample();
      if (op == "cutout") {
        const auto y = int64_t(draws.below(uint64_t(canvas.height))), x = int64_t(draws.below(uint64_t(canvas.width)));
        canvas.cut_out(int64_t(args[0]), y, x, mean_);
      } else if (op == "mixup") {
        const Mix mix = mix_of(streams[i], args[0], row);
        Canvas other(train_.schema.sample, outside_);
        paint(mix.other, i, streams, other);
        const auto share = float(mix.share);
        for (size_t p = 0; p < canvas.pixels.size(); ++p)
          canvas.pixels[p] = share * canvas.pixels[p] + (1 - share) * other.pixels[p];
      } else {
        float level = 0;
        if (op == "contrast") {
          double sum = 0;
          for (const float one : canvas.pixels) sum += one;
          level = float(sum / double(canvas.pixels.size()));
        }
        canvas.stretch(level, float(draws.uniform(1 - args[0], 1 + args[0])));
      }
    }
  }
  canvas.resample();
}

template <class Out> void Augmenter::fill(std::span<const int64_t> rows, int64_t epoch, Out* out) const {
  const Schema& schema = train_.schema;
  const std::vector<Stream> drawn = streams(epoch);
  const int64_t elements = schema.sample.elements(), plane = elements / schema.sample[0];
  const bool of_each = schema.input.mean.size() > 1;
  const auto n = int64_t(rows.size());
  constexpr int64_t at_once = 4;
  parallel((n + at_once - 1) / at_once, [&](int64_t task) {
    Canvas canvas(schema.sample, outside_);
    for (int64_t i = task * at_once; i < std::min(n, (task + 1) * at_once); ++i) {
      paint(rows[size_t(i)], list_.size(), drawn, canvas);
      for (int64_t e = 0; e < elements; ++e)
        out[i * elements + e] = Out(schema.input.apply(canvas.pixels[size_t(e)], of_each ? e / plane : 0));
    }
  });
}

void Augmenter::fill_samples(std::span<const int64_t> rows, int64_t epoch, View out) const {
  if (train_.schema.sound)
    fill_sounds(rows, epoch, out);
  else if (out.type.dtype == DType::f64)
    fill(rows, epoch, out.as<double>().data());
  else
    fill(rows, epoch, out.as<float>().data());
}

void Augmenter::fill_targets(std::span<const int64_t> rows, int64_t epoch, View out) const {
  const auto n = int64_t(rows.size()), width = out.type.shape.elements() / n;
  const std::vector<Stream> drawn = streams(epoch);
  const auto position = size_t(std::ranges::find(list_, "mixup", &Augmentation::op) - list_.begin());
  const auto labels = train_.label_of();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = rows[size_t(i)];
    const Mix mix = mix_of(drawn[position], list_[position].args[0], row);
    const int32_t own = labels[size_t(row)], other = labels[size_t(mix.other)];
    for (int64_t j = 0; j < width; ++j) {
      const int64_t asked = width == 1 ? 1 : j;
      const double chance =
          own == other ? double(own == asked) : (own == asked ? mix.share : 0) + (other == asked ? 1 - mix.share : 0);
      if (out.type.dtype == DType::f64)
        out.as<double>()[size_t(i * width + j)] = chance;
      else
        out.as<float>()[size_t(i * width + j)] = float(chance);
    }
  }
}

} // namespace vitro

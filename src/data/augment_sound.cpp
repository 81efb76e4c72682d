// Augmentation of sounds (data/augment.h).
#include <algorithm>
#include <cmath>

#include "core/math.h"
#include "core/threads.h"
#include "data/augment.h"
#include "data/batches.h"
#include "data/sound_file.h"

namespace vitro {
namespace {

constexpr double tenth_ln_10 = 0.23025850929940456840; // ln 10 / 10
double power_of(double decibels) { return math::exp(tenth_ln_10 * decibels); }

// How many times as fast, and how long that is.
double speed_of(const Stream& stream, double by, int64_t row) {
  return Draws(stream, uint64_t(row)).uniform(1 - by, 1 + by);
}
int64_t played(int64_t samples, double speed) {
  return std::max<int64_t>(1, std::llround(double(samples) * (1 / speed)));
}

// The wave `by` samples later (negative: earlier); what comes in is silence.
void shift(std::vector<float>& wave, int64_t by) {
  if (by > 0) {
    std::shift_right(wave.begin(), wave.end(), by);
    std::fill_n(wave.begin(), by, 0.0F);
  } else {
    std::shift_left(wave.begin(), wave.end(), -by);
    std::fill(wave.end() + by, wave.end(), 0.0F);
  }
}

void add_noise(std::vector<float>& wave, double below_db, Draws& draws) {
  double sum = 0;
  for (const float one : wave) sum += double(one) * double(one);
  const double deviation = math::sqrt(sum / double(wave.size()) / power_of(below_db));
  for (float& one : wave) one += float(deviation * draws.normal());
}

} // namespace

int64_t Augmenter::length_of(int64_t row, const std::vector<Stream>& streams) const {
  auto length = int64_t(wave_of(train_, row).size());
  for (size_t i = 0; i < list_.size(); ++i)
    if (list_[i].op == "speed") length = played(length, speed_of(streams[i], list_[i].args[0], row));
  return length;
}

// The wave after all of the list that changes waves.
std::vector<float> Augmenter::heard(int64_t row, const std::vector<Stream>& streams) const {
  const std::span<const float> from = wave_of(train_, row);
  std::vector<float> wave(from.begin(), from.end());
  for (size_t i = 0; i < list_.size(); ++i) {
    const std::string& op = list_[i].op;
    const std::vector<double>& args = list_[i].args;
    Draws draws(streams[i], uint64_t(row));
    if (op == "speed") {
      wave = resampled(wave, 1 / speed_of(streams[i], args[0], row));
    } else if (op == "shift") {
      shift(wave, std::llround(draws.uniform(-args[0], args[0]) * double(wave.size())));
    } else if (op == "gain") {
      const double factor = math::sqrt(power_of(draws.uniform(-args[0], args[0])));
      for (float& one : wave) one *= float(factor);
    } else if (op == "noise") {
      const double below_db = draws.uniform(args[0], args[1]);
      add_noise(wave, below_db, draws);
    }
  }
  return wave;
}

// Masks on features before slopes, [frames, width]: their mean over the sound takes their place.
void Augmenter::mask(int64_t row, const std::vector<Stream>& streams, std::vector<double>& features) const {
  const int64_t width = train_.schema.sound->plain_width(), frames = int64_t(features.size()) / width;
  std::vector<double> mean;
  for (size_t i = 0; i < list_.size(); ++i) {
    const bool of_time = list_[i].op == "time_mask";
    if (!of_time && list_[i].op != "frequency_mask") continue;
    if (mean.empty()) {
      mean.assign(size_t(width), 0);
      for (size_t e = 0; e < features.size(); ++e) mean[e % size_t(width)] += features[e] / double(frames);
    }
    Draws draws(streams[i], uint64_t(row));
    const int64_t all = of_time ? frames : width, most = of_time ? frames / 4 : width;
    for (int64_t count = int64_t(list_[i].args[1]); count > 0; --count) {
      const auto wide = int64_t(draws.below(uint64_t(std::min(int64_t(list_[i].args[0]), most)) + 1)),
                 first = int64_t(draws.below(uint64_t(all - wide) + 1));
      for (int64_t e = 0; e < int64_t(features.size()); ++e)
        if (const int64_t at = of_time ? e / width : e % width; at >= first && at < first + wide)
          features[size_t(e)] = mean[size_t(e % width)];
    }
  }
}

int64_t Augmenter::steps_of(std::span<const int64_t> rows, int64_t epoch) const {
  const std::vector<Stream> drawn = streams(epoch);
  int64_t longest = 1;
  for (const int64_t row : rows) longest = std::max(longest, train_.schema.sound->frames_of(length_of(row, drawn)));
  return bucket_of(longest);
}

void Augmenter::fill_lengths(std::span<const int64_t> rows, int64_t epoch, View out) const {
  const std::vector<Stream> drawn = streams(epoch);
  for (size_t i = 0; i < rows.size(); ++i)
    out.as<int32_t>()[i] = int32_t(train_.schema.sound->frames_of(length_of(rows[i], drawn)));
}

void Augmenter::fill_sounds(std::span<const int64_t> rows, int64_t epoch, View out) const {
  const std::vector<Stream> drawn = streams(epoch);
  parallel(int64_t(rows.size()), [&](int64_t i) {
    const int64_t row = rows[size_t(i)];
    std::vector<double> features = maker_->plain(heard(row, drawn));
    mask(row, drawn, features);
    write_features(train_.schema, maker_->finished(features), i, out);
  });
}

} // namespace vitro

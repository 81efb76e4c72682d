#include "data/tones.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/math.h"
#include "core/random.h"

namespace vitro {
namespace {

// The first three resonances of vowels, Hz: means over 33 men. Source: G. E. Peterson and H. L. Barney, "Control
// methods used in a study of the vowels", J. Acoust. Soc. Am. 24, 1952, table II.
using Vowel = std::array<double, 3>;
constexpr Vowel a = {730, 1090, 2440}, e = {530, 1840, 2480}, i = {270, 2290, 3010}, o = {570, 840, 2410},
                u = {300, 870, 2240};
constexpr struct {
  const char* name;
  Vowel from, to;
} words[] = {{"a", a, a}, {"ai", a, i}, {"au", a, u}, {"e", e, e}, {"i", i, i}, {"ia", i, a}, {"o", o, o}, {"u", u, u}};

// y = A x + B y' + C y'' rings at `hz`. Source: D. H. Klatt, "Software for a cascade/parallel formant synthesizer",
// J. Acoust. Soc. Am. 67, 1980, equations 1 and 2.
class Resonator {
public:
  explicit Resonator(double bandwidth) : decay_(math::exp(-math::pi * bandwidth / double(tone_rate))) {}
  void tune(double hz) { b_ = 2 * decay_ * math::cos(2 * math::pi * hz / double(tone_rate)); }
  double step(double x) {
    const double c = -decay_ * decay_, y = (1 - b_ - c) * x + b_ * before_ + c * before_that_;
    before_that_ = before_;
    before_ = y;
    return y;
  }

private:
  double decay_, b_ = 0, before_ = 0, before_that_ = 0;
};
constexpr int64_t tuned_every = 40; // 5 ms

// Numbers within -1 and 1, four of a block of random bits.
class Noise {
public:
  Noise(const Stream& stream, int64_t sample) : stream_(stream), sample_(uint64_t(sample)) {}
  double next() {
    if (count_ % 4 == 0) words_ = stream_.words(sample_, count_ / 4);
    return double(words_[count_++ % 4]) / 2147483648.0 - 1;
  }

private:
  Stream stream_;
  uint64_t sample_, count_ = 0;
  Philox words_ = {};
};

int64_t samples_of(double seconds) { return int64_t(seconds * double(tone_rate)); }

} // namespace

const std::vector<std::string>& tone_classes() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (const auto& word : words) out.emplace_back(word.name);
    return out;
  }();
  return all;
}

std::vector<float> make_tone(uint64_t seed, Part part, int64_t index) {
  Draws draws(Stream(seed, "tones", uint64_t(part)), uint64_t(index));
  const auto& word = words[size_t(index) % std::size(words)];
  const double pitch = draws.uniform(90, 240), fall = draws.uniform(0.75, 1.05), tract = draws.uniform(0.88, 1.18),
               loudness = math::exp(draws.uniform(-2.5, -0.3)), noise = math::exp(draws.uniform(-6.5, -3.5)),
               turn = draws.uniform(0.35, 0.65);
  const int64_t before = samples_of(draws.uniform(0, 0.1)), said = samples_of(draws.uniform(0.2, 0.5)),
                behind = samples_of(draws.uniform(0, 0.1));
  std::vector<double> voice(static_cast<size_t>(said));
  Noise air(Stream(seed, "tones.noise", uint64_t(part)), index);
  std::array<Resonator, 3> resonators = {Resonator(60), Resonator(90), Resonator(120)}; // bandwidths, Hz
  double phase = draws.uniform(), breath = 0, largest = 1e-9;
  for (int64_t t = 0; t < said; ++t) {
    const double along = double(t) / double(said);
    phase += pitch * (1 + (fall - 1) * along) / double(tone_rate);
    // A pulse a period, made softer by a pole at 0.9, and the breath between.
    double x = 0.02 * air.next();
    if (phase >= 1) {
      phase -= 1;
      x += 1;
    }
    x = breath = x + 0.9 * breath;
    // The glide takes a fifth of the sound, around its turn.
    const double share = std::clamp((along - turn) * 5 + 0.5, 0.0, 1.0);
    for (size_t k = 0; k < resonators.size(); ++k) {
      if (t % tuned_every == 0) resonators[k].tune(tract * (word.from[k] + share * (word.to[k] - word.from[k])));
      x = resonators[k].step(x);
    }
    const double ends = std::min({1.0, double(t) / 160, double(said - t) / 320}); // 20 ms in, 40 ms out
    voice[size_t(t)] = x * ends;
    largest = std::max(largest, std::fabs(voice[size_t(t)]));
  }
  std::vector<float> out;
  for (int64_t t = -before; t < said + behind; ++t) {
    const double one = t >= 0 && t < said ? loudness * voice[size_t(t)] / largest : 0;
    out.push_back(float(std::clamp(one + noise * loudness * air.next(), -1.0, 1.0)));
  }
  return out;
}

} // namespace vitro

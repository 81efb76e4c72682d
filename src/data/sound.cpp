#include "data/sound.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include <kissfft/kissfft.hh>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr double floor_power = 1e-10, most_below = 80;
constexpr int64_t slope_reach = 2;                  // frames on each side
constexpr double ln_to_db = 4.34294481903251827651; // 10 / ln 10

// Slaney's mel scale: linear to 1000 Hz, logarithmic above. Source: M. Slaney, "Auditory Toolbox", version 2, 1998.
constexpr double linear_step = 200.0 / 3, linear_end = 1000, linear_mels = linear_end / linear_step;
double log_step() { return math::log(6.4) / 27; }
double mel_of(double hz) {
  return hz < linear_end ? hz / linear_step : linear_mels + math::log(hz / linear_end) / log_step();
}
double hz_of(double mel) {
  return mel < linear_mels ? mel * linear_step : linear_end * math::exp(log_step() * (mel - linear_mels));
}

// A triangle over the FFT's frequencies, of area 1 over Hz: the weights of those that it covers.
struct Filter {
  int64_t first = 0;
  std::vector<double> weights;
};
std::vector<Filter> filters_of(const SoundForm& form) {
  const double low = mel_of(form.low), high = mel_of(form.high);
  std::vector<double> edges;
  for (int64_t i = 0; i < form.bands + 2; ++i)
    edges.push_back(hz_of(low + (high - low) * double(i) / double(form.bands + 1)));
  std::vector<Filter> out;
  for (size_t band = 0; band < size_t(form.bands); ++band) {
    const double left = edges[band], middle = edges[band + 1], right = edges[band + 2];
    Filter filter;
    for (int64_t k = 0; k <= form.fft / 2; ++k) {
      const double hz = double(k) * double(form.rate) / double(form.fft);
      const double weight = std::min((hz - left) / (middle - left), (right - hz) / (right - middle));
      if (weight <= 0) continue;
      if (filter.weights.empty()) filter.first = k;
      filter.weights.push_back(weight * 2 / (right - left));
    }
    out.push_back(std::move(filter));
  }
  return out;
}

} // namespace

const char* name(SoundFeatures features) { return features == SoundFeatures::mfcc ? "mfcc" : "log_mel"; }
std::optional<SoundFeatures> sound_features_of(const std::string& name) {
  if (name == "log_mel") return SoundFeatures::log_mel;
  return name == "mfcc" ? std::optional(SoundFeatures::mfcc) : std::nullopt;
}

const char* name(Normalise normalise) {
  return normalise == Normalise::clip ? "clip" : normalise == Normalise::set ? "set" : "none";
}
std::optional<Normalise> normalise_of(const std::string& name) {
  for (const Normalise one : {Normalise::clip, Normalise::set, Normalise::none})
    if (vitro::name(one) == name) return one;
  return std::nullopt;
}

std::string SoundForm::str() const {
  const auto ms = [&](int64_t samples) { return number(1000 * double(samples) / double(rate), 4); };
  const char* const beside = deltas == 0   ? ""
                             : deltas == 1 ? " and their slopes"
                                           : ", their slopes and slopes of these";
  return text(features == SoundFeatures::mfcc ? text(coefficients, " MFCC of ", bands) : text(bands), " log-mel bands",
              beside, ", frames of ", ms(frame), " ms every ", ms(hop), " ms at ", rate, " Hz",
              normalise == Normalise::clip  ? ", each clip normalised"
              : normalise == Normalise::set ? ", normalised over the training part"
                                            : "");
}

void check(const SoundForm& form, const std::string& where) {
  const auto between = [&](const char* what, double value, double least, double most, const char* unit) {
    if (!(value >= least && value <= most))
      bad_input(where, text(what, " is ", value, unit, ", ", least, " to ", most, " was expected"));
  };
  between("the rate", double(form.rate), double(least_rate), double(most_rate), " Hz");
  between("a frame", double(form.frame), 2, double(form.rate), " samples");
  between("the hop", double(form.hop), 1, double(form.rate), " samples");
  between("fft", double(form.fft), double(form.frame), double(1 << 20), " samples");
  // For other factors kissfft keeps scratch space, which threads would share.
  int64_t rest = form.fft;
  for (const int64_t factor : {2, 3, 5})
    while (rest % factor == 0) rest /= factor;
  if (rest != 1 || form.fft % 2 != 0)
    bad_input(where, text("fft is ", form.fft, ", an even number without factors but 2, 3 and 5 was expected"),
              "powers of two are the usual ones: 256, 512");
  between("bands", double(form.bands), 1, 1024, "");
  if (form.features == SoundFeatures::mfcc)
    between("coefficients", double(form.coefficients), 1, double(form.bands), "");
  between("deltas", double(form.deltas), 0, 2, "");
  between("pre_emphasis", form.pre_emphasis, 0, 1, "");
  between("trim_db", form.trim, 0, 200, " dB");
  between("low_hz", form.low, 0, double(form.rate) / 2, " Hz");
  if (!(form.high > form.low && form.high <= double(form.rate) / 2))
    bad_input(where, text("high_hz is ", form.high, ", above low_hz, ", form.low, ", and up to half the rate, ",
                          double(form.rate) / 2, ", was expected"));
  const std::vector<Filter> filters = filters_of(form);
  for (size_t band = 0; band < filters.size(); ++band)
    if (filters[band].weights.empty())
      bad_input(where,
                text("band ", band + 1, " of ", form.bands, " is narrower than the FFT's ",
                     number(double(form.rate) / double(form.fft), 4), " Hz: nothing would be in it"),
                "ask for fewer bands, or a longer fft");
}

// The FFT's roots of unity are the C library's, to the last bit but one of a double: the one place of features where
// core/math.h can't be used, since kissfft makes them itself.
struct FeatureMaker::Tables {
  explicit Tables(const SoundForm& of)
      : form(of), filters(filters_of(of)), transform(size_t(of.fft / 2), false), offset((of.fft - of.frame) / 2) {
    for (int64_t i = 0; i < form.frame; ++i)
      window.push_back(0.5 - 0.5 * math::cos(2 * math::pi * double(i) / double(form.frame)));
    // X[k] of a real signal out of the FFT of half its length, whose samples are pairs of its own.
    for (int64_t k = 0; k <= form.fft / 2; ++k) {
      const double angle = -2 * math::pi * double(k) / double(form.fft);
      roots.emplace_back(math::cos(angle), math::sin(angle));
    }
    if (form.features != SoundFeatures::mfcc) return;
    const auto n = double(form.bands);
    for (int64_t k = 0; k < form.coefficients; ++k)
      for (int64_t b = 0; b < form.bands; ++b)
        dct.push_back(math::sqrt((k == 0 ? 1 : 2) / n) * math::cos(math::pi * double(k) * (double(b) + 0.5) / n));
  }

  SoundForm form;
  std::vector<Filter> filters;
  kissfft<double> transform;
  int64_t offset; // of the frame in the FFT's samples
  std::vector<double> window;
  std::vector<std::complex<double>> roots;
  std::vector<double> dct; // [coefficients, bands]
};

FeatureMaker::FeatureMaker(const SoundForm& form) : tables_(std::make_unique<Tables>(form)) {}
FeatureMaker::~FeatureMaker() = default;

std::vector<double> FeatureMaker::plain(std::span<const float> wave) const {
  const Tables& t = *tables_;
  const SoundForm& form = t.form;
  const auto n = int64_t(wave.size()), half = form.fft / 2, frames = form.frames_of(n), bands = form.bands;
  std::vector<std::complex<double>> pairs(static_cast<size_t>(half)), spectrum(pairs.size());
  std::vector<double> samples(size_t(form.fft)), power(size_t(half + 1)), log_mel(size_t(frames * bands));
  for (int64_t frame = 0; frame < frames; ++frame) {
    // The frame's first sample in the wave; the window is centred in the FFT's samples, these in the frame's middle.
    const int64_t begin = frame * form.hop - half + t.offset;
    for (int64_t i = 0; i < form.frame; ++i) {
      const int64_t at = begin + i;
      double value = at >= 0 && at < n ? wave[size_t(at)] : 0;
      if (form.pre_emphasis != 0 && at >= 1 && at < n) value -= form.pre_emphasis * double(wave[size_t(at - 1)]);
      samples[size_t(t.offset + i)] = value * t.window[size_t(i)];
    }
    for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = {samples[2 * i], samples[2 * i + 1]};
    t.transform.transform(pairs.data(), spectrum.data());
    for (int64_t k = 0; k <= half; ++k) {
      const std::complex<double> a = spectrum[size_t(k % half)], b = std::conj(spectrum[size_t((half - k) % half)]);
      const std::complex<double> even = a + b, odd = a - b, root = t.roots[size_t(k)];
      // (a + b) / 2 - i root (a - b) / 2, written out: std::complex's product looks for infinities.
      const double re = 0.5 * (even.real() + root.real() * odd.imag() + root.imag() * odd.real()),
                   im = 0.5 * (even.imag() + root.imag() * odd.imag() - root.real() * odd.real());
      power[size_t(k)] = re * re + im * im;
    }
    for (int64_t band = 0; band < bands; ++band) {
      const Filter& filter = t.filters[size_t(band)];
      double sum = 0;
      for (size_t i = 0; i < filter.weights.size(); ++i) sum += filter.weights[i] * power[size_t(filter.first) + i];
      log_mel[size_t(frame * bands + band)] = ln_to_db * math::log(std::max(sum, floor_power));
    }
  }
  const double least = *std::ranges::max_element(log_mel) - most_below;
  for (double& one : log_mel) one = std::max(one, least);
  if (form.features != SoundFeatures::mfcc) return log_mel;
  std::vector<double> out(size_t(frames * form.coefficients));
  for (int64_t frame = 0; frame < frames; ++frame)
    for (int64_t k = 0; k < form.coefficients; ++k) {
      double sum = 0;
      for (int64_t b = 0; b < bands; ++b) sum += t.dct[size_t(k * bands + b)] * log_mel[size_t(frame * bands + b)];
      out[size_t(frame * form.coefficients + k)] = sum;
    }
  return out;
}

std::vector<double> FeatureMaker::finished(const std::vector<double>& plain) const {
  const SoundForm& form = tables_->form;
  const int64_t own = form.plain_width(), width = form.width(), frames = int64_t(plain.size()) / own;
  std::vector<double> out(size_t(frames * width));
  for (int64_t frame = 0; frame < frames; ++frame)
    std::copy_n(&plain[size_t(frame * own)], own, &out[size_t(frame * width)]);
  // sum of j (x[t + j] - x[t - j]) over 2 sum of j^2; beyond the ends the last frame stands.
  for (int64_t order = 1; order <= form.deltas; ++order)
    for (int64_t frame = 0; frame < frames; ++frame)
      for (int64_t i = (order - 1) * own; i < order * own; ++i) {
        double sum = 0, squares = 0;
        for (int64_t j = 1; j <= slope_reach; ++j) {
          sum += double(j) * (out[size_t(std::min(frame + j, frames - 1) * width + i)] -
                              out[size_t(std::max<int64_t>(frame - j, 0) * width + i)]);
          squares += double(j * j);
        }
        out[size_t(frame * width + own + i)] = sum / (2 * squares);
      }
  if (form.normalise != Normalise::clip) return out;
  for (int64_t i = 0; i < width; ++i) {
    double mean = 0, squares = 0;
    for (int64_t frame = 0; frame < frames; ++frame) mean += out[size_t(frame * width + i)];
    mean /= double(frames);
    for (int64_t frame = 0; frame < frames; ++frame) {
      const double away = out[size_t(frame * width + i)] - mean;
      squares += away * away;
    }
    // What hardly moves (a wave of silence, or of one frame) is not blown up: a thousandth of a decibel is nothing.
    const double deviation = math::sqrt(squares / double(frames)), divisor = deviation > 1e-3 ? deviation : 1;
    for (int64_t frame = 0; frame < frames; ++frame) {
      double& one = out[size_t(frame * width + i)];
      one = (one - mean) / divisor;
    }
  }
  return out;
}

std::vector<double> frame_energies(const SoundForm& form, std::span<const float> wave) {
  const auto n = int64_t(wave.size());
  std::vector<double> out;
  for (int64_t frame = 0; frame < form.frames_of(n); ++frame) {
    const int64_t begin = frame * form.hop - form.frame / 2;
    double sum = 0;
    for (int64_t at = std::max<int64_t>(0, begin); at < std::min(n, begin + form.frame); ++at)
      sum += double(wave[size_t(at)]) * double(wave[size_t(at)]);
    out.push_back(sum / double(form.frame));
  }
  return out;
}

std::span<const float> trimmed(const SoundForm& form, std::span<const float> wave) {
  if (form.trim == 0 || wave.empty()) return wave;
  const std::vector<double> energies = frame_energies(form, wave);
  const double loudest = std::max(*std::ranges::max_element(energies), floor_power);
  const double limit = loudest * math::exp(-form.trim / ln_to_db);
  const auto heard = [&](double energy) { return std::max(energy, floor_power) > limit; };
  const auto first = std::ranges::find_if(energies, heard) - energies.begin();
  const auto behind = std::find_if(energies.rbegin(), energies.rend(), heard).base() - energies.begin();
  const int64_t begin = std::min(first * form.hop, int64_t(wave.size()) - 1),
                end = std::min(behind * form.hop, int64_t(wave.size()));
  return wave.subspan(size_t(begin), size_t(std::max<int64_t>(1, end - begin)));
}

int64_t bucket_of(int64_t steps) {
  int64_t unit = 8;
  while (unit * 16 <= steps) unit *= 2;
  return (steps + unit - 1) / unit * unit;
}

} // namespace vitro

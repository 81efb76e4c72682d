// For tests: sound files of every kind, made here.
#pragma once

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/random.h"
#include "data/bytes.h"

namespace vitro {

struct SoundKind {
  int format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  int rate = 8000, channels = 1;
};

/// `samples` with their channels beside each other, within -1 and 1 where they become whole numbers.
inline Bytes sound_file(const std::vector<float>& samples, SoundKind kind = {}) {
  struct Written {
    Bytes bytes;
    size_t at = 0;
  } written;
  SF_VIRTUAL_IO calls = {[](void* of) { return sf_count_t(static_cast<Written*>(of)->bytes.size()); },
                         [](sf_count_t to, int from, void* of) {
                           auto& self = *static_cast<Written*>(of);
                           const size_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? self.at : self.bytes.size();
                           self.at = size_t(sf_count_t(base) + to);
                           return sf_count_t(self.at);
                         },
                         [](void* into, sf_count_t count, void* of) {
                           auto& self = *static_cast<Written*>(of);
                           const size_t got =
                               std::min(size_t(count), self.bytes.size() - std::min(self.at, self.bytes.size()));
                           std::memcpy(into, self.bytes.data() + self.at, got);
                           self.at += got;
                           return sf_count_t(got);
                         },
                         [](const void* from, sf_count_t count, void* of) {
                           auto& self = *static_cast<Written*>(of);
                           if (self.bytes.size() < self.at + size_t(count)) self.bytes.resize(self.at + size_t(count));
                           std::memcpy(self.bytes.data() + self.at, from, size_t(count));
                           self.at += size_t(count);
                           return count;
                         },
                         [](void* of) { return sf_count_t(static_cast<Written*>(of)->at); }};
  SF_INFO info{};
  info.format = kind.format;
  info.samplerate = kind.rate;
  info.channels = kind.channels;
  SNDFILE* file = sf_open_virtual(&calls, SFM_WRITE, &info, &written);
  if (!file) throw std::runtime_error(sf_strerror(nullptr));
  sf_writef_float(file, samples.data(), sf_count_t(samples.size()) / kind.channels);
  sf_close(file);
  return written.bytes;
}

/// A tone of this pitch, a little noise with it, so that no two are alike.
inline std::vector<float> tone(double hz, int64_t samples, int64_t rate = 8000, uint64_t seed = 0) {
  std::vector<float> out;
  Draws draws(Stream(seed, "tone"), 0);
  for (int64_t i = 0; i < samples; ++i)
    out.push_back(
        float(0.5 * std::sin(6.283185307179586 * hz * double(i) / double(rate)) + draws.uniform(-0.01, 0.01)));
  return out;
}

} // namespace vitro

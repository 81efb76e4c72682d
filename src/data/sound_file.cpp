#include "data/sound_file.h"

#include <samplerate.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "data/shared_library.h"
#include "data/sound.h"

namespace vitro {
namespace {

constexpr int64_t most_channels = 64;

bool has(ByteSpan bytes, size_t at, std::string_view word) {
  return bytes.size() >= at + word.size() &&
         std::equal(word.begin(), word.end(), bytes.begin() + std::ptrdiff_t(at),
                    [](char letter, uint8_t byte) { return uint8_t(letter) == byte; });
}

constexpr const char* convert = "convert it: ffmpeg -i OLD NEW.wav";

// The formats that are known by sight, but not read.
constexpr struct {
  SoundFormat format;
  const char* name;
} others[] = {{SoundFormat::mp3, "MP3"},    {SoundFormat::ogg, "Ogg (Vorbis or Opus)"},
              {SoundFormat::mp4, "MPEG-4"}, {SoundFormat::aiff, "AIFF"},
              {SoundFormat::au, "AU"},      {SoundFormat::asf, "Windows Media"},
              {SoundFormat::amr, "AMR"},    {SoundFormat::caf, "CAF"}};

// libsndfile's functions that are called, loaded with the first sound.
struct Sndfile {
  SharedLibrary library{"libsndfile.so.1", "libsndfile1"};
  decltype(sf_open_virtual)* open = library.function<decltype(sf_open_virtual)>("sf_open_virtual");
  decltype(sf_close)* close = library.function<decltype(sf_close)>("sf_close");
  decltype(sf_readf_float)* read = library.function<decltype(sf_readf_float)>("sf_readf_float");
  decltype(sf_command)* command = library.function<decltype(sf_command)>("sf_command");
  decltype(sf_error)* error = library.function<decltype(sf_error)>("sf_error");
  decltype(sf_strerror)* describe = library.function<decltype(sf_strerror)>("sf_strerror");
};
const Sndfile& sndfile() {
  static const Sndfile loaded;
  return loaded;
}

struct Samplerate {
  SharedLibrary library{"libsamplerate.so.0", "libsamplerate0"};
  decltype(src_simple)* simple = library.function<decltype(src_simple)>("src_simple");
  decltype(src_strerror)* describe = library.function<decltype(src_strerror)>("src_strerror");
};
const Samplerate& samplerate() {
  static const Samplerate loaded;
  return loaded;
}

// Bytes as libsndfile's file.
struct Reading {
  ByteSpan bytes;
  sf_count_t at = 0;

  static SF_VIRTUAL_IO calls() {
    return {[](void* of) { return sf_count_t(static_cast<Reading*>(of)->bytes.size()); },
            [](sf_count_t to, int from, void* of) {
              Reading& self = *static_cast<Reading*>(of);
              const auto size = sf_count_t(self.bytes.size());
              const sf_count_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? self.at : size;
              self.at = std::clamp<sf_count_t>(base + to, 0, size);
              return self.at;
            },
            [](void* into, sf_count_t count, void* of) {
              Reading& self = *static_cast<Reading*>(of);
              const sf_count_t got = std::clamp<sf_count_t>(count, 0, sf_count_t(self.bytes.size()) - self.at);
              std::memcpy(into, self.bytes.data() + self.at, size_t(got));
              self.at += got;
              return got;
            },
            [](const void*, sf_count_t, void*) { return sf_count_t{0}; },
            [](void* of) { return static_cast<Reading*>(of)->at; }};
  }
};

// What libsndfile passes over: it reads as much as is there, whatever a RIFF header says of its length.
// Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991, chapters 2 and 3.
void check_riff(ByteSpan bytes, const std::string& where) {
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint32_t(bytes[at + i]) << (8 * i);
    return value;
  };
  constexpr size_t head = 8;
  bool formatted = false;
  for (size_t at = 12; at + head <= bytes.size();) {
    const size_t stated = number(at + 4), left = bytes.size() - at - head;
    formatted |= has(bytes, at, "fmt ");
    if (has(bytes, at, "data")) {
      if (!formatted) bad_input(where, "is damaged: its sound begins before its format is stated");
      if (stated == 0 && left > 0)
        bad_input(where, text("states 0 bytes of sound, but ", left, " follow"),
                  "its header is damaged, or unfinished");
      // Who writes into a pipe does not know the length; the largest number stands for it.
      constexpr size_t unknown = 0x7fff0000;
      if (stated > left && stated < unknown)
        bad_input(where, text("states ", stated, " bytes of sound, ", left, " are there"), "the file is truncated");
      return;
    }
    if (stated > left) break;
    at += head + stated + stated % 2;
  }
  bad_input(where, "ends before its sound begins", "the file is truncated or damaged");
}

// "Microsoft ADPCM", as libsndfile calls a coding.
std::string coding_name(int format) {
  SF_FORMAT_INFO about{format & SF_FORMAT_SUBMASK, nullptr, nullptr};
  const bool known = sndfile().command(nullptr, SFC_GET_FORMAT_INFO, &about, sizeof about) == 0 && about.name;
  return known ? about.name : "in an unknown coding";
}

bool is_read(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE: return true;
    default: return false;
  }
}

std::string first_line(std::string all) {
  all = all.substr(0, all.find('\n'));
  while (!all.empty() && (all.back() == '.' || all.back() == ' ')) all.pop_back();
  return all;
}

} // namespace

SoundFormat sound_format(ByteSpan head) {
  if ((has(head, 0, "RIFF") || has(head, 0, "RIFX") || has(head, 0, "RF64")) && has(head, 8, "WAVE"))
    return SoundFormat::wav;
  if (has(head, 0, "fLaC")) return SoundFormat::flac;
  if (has(head, 0, "OggS")) return SoundFormat::ogg;
  if (has(head, 4, "ftypM4A") || has(head, 4, "ftypmp4") || has(head, 4, "ftypisom")) return SoundFormat::mp4;
  if (has(head, 0, "FORM") && (has(head, 8, "AIFF") || has(head, 8, "AIFC"))) return SoundFormat::aiff;
  if (has(head, 0, std::string_view(".snd\0", 5))) return SoundFormat::au;
  if (has(head, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")) return SoundFormat::asf;
  if (has(head, 0, "#!AMR")) return SoundFormat::amr;
  if (has(head, 0, std::string_view("caff\0", 5))) return SoundFormat::caf;
  // A frame of MPEG layer III, or a tag before it; a text may begin with ID3, too, and one in UTF-16 with FF FE.
  const bool tag = has(head, 0, "ID3") && head.size() > 4 && head[3] >= 2 && head[3] <= 4 && head[4] == 0;
  const bool frame = head.size() > 1 && head[0] == 0xff && (head[1] == 0xfb || head[1] == 0xf3 || head[1] == 0xf2);
  return tag || frame ? SoundFormat::mp3 : SoundFormat::none;
}

Sound read_sound(ByteSpan bytes, const std::string& where) {
  if (bytes.empty()) bad_input(where, "is empty");
  const SoundFormat format = sound_format(bytes.first(std::min<size_t>(bytes.size(), 16)));
  for (const auto& other : others)
    if (other.format == format) bad_input(where, text("is ", other.name, ", read are WAV and FLAC"), convert);
  if (format == SoundFormat::none)
    bad_input(where, "is no sound: it begins as neither WAV nor FLAC does", "read are WAV and FLAC");
  if (has(bytes, 0, "RIFF")) check_riff(bytes, where);

  const Sndfile& library = sndfile();
  Reading reading{bytes};
  SF_VIRTUAL_IO calls = Reading::calls();
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, decltype(library.close)> file(library.open(&calls, SFM_READ, &info, &reading),
                                                               library.close);
  const char* const name = format == SoundFormat::wav ? "WAV" : "FLAC";
  if (!file)
    bad_input(where, text("can't be read as ", name, ": ", first_line(library.describe(nullptr))),
              "it is damaged, or in a coding that is not known");
  if (!is_read(info.format))
    bad_input(where, text("is ", coding_name(info.format), ", read are samples as whole numbers (PCM) or floats"),
              "convert it: ffmpeg -i OLD.wav -c:a pcm_s16le NEW.wav");
  if (info.samplerate < least_rate || info.samplerate > most_rate)
    bad_input(where,
              text("states ", info.samplerate, " samples a second, ", least_rate, " to ", most_rate, " are read"),
              "its header is damaged");
  if (info.channels < 1 || info.channels > most_channels)
    bad_input(where, text("states ", info.channels, " channels, 1 to ", most_channels, " are read"));

  Sound out{info.samplerate, info.channels, {}};
  constexpr int64_t at_once = 4096;
  const int64_t channels = info.channels;
  std::vector<float> piece(size_t(at_once * channels));
  for (int64_t got = at_once; got == at_once;) {
    got = library.read(file.get(), piece.data(), at_once);
    for (int64_t i = 0; i < got; ++i) {
      double sum = 0;
      for (int64_t c = 0; c < channels; ++c) sum += double(piece[size_t(i * channels + c)]);
      if (!std::isfinite(sum))
        bad_input(where, text("sample ", out.wave.size(), " is not a finite number"), "the file is damaged");
      out.wave.push_back(float(sum / double(channels)));
    }
    if (int64_t(out.wave.size()) * channels > most_samples)
      bad_input(where, text("has more than ", most_samples, " samples"), "cut it into clips");
  }
  const auto samples = int64_t(out.wave.size());
  if (library.error(file.get()) != SF_ERR_NO_ERROR || (samples < info.frames && info.frames != SF_COUNT_MAX))
    bad_input(where, text("is damaged or truncated: it states ", int64_t(info.frames), " samples, ", samples,
                          " could be read"));
  if (samples == 0) bad_input(where, "holds no sound: its length is 0");
  return out;
}

std::vector<float> resampled(const std::vector<float>& wave, double times) {
  const auto expected = std::max<int64_t>(1, std::llround(double(wave.size()) * times));
  std::vector<float> out(size_t(expected) + 16);
  SRC_DATA job{};
  job.data_in = wave.data();
  job.input_frames = long(wave.size());
  job.data_out = out.data();
  job.output_frames = long(out.size());
  job.src_ratio = times;
  if (const int state = samplerate().simple(&job, SRC_SINC_MEDIUM_QUALITY, 1); state != 0)
    failure("libsamplerate", text("can't make ", times, " samples of one: ", samplerate().describe(state)));
  out.resize(size_t(expected)); // the last ones are silence where it made fewer
  return out;
}

} // namespace vitro

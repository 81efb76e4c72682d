#include "data/picture_cache.h"

#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/text.h"
#include "data/bytes.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

constexpr const char* format = "vitro pictures 1\n";

ByteSpan bytes_in(const std::string& word) { return {reinterpret_cast<const uint8_t*>(word.data()), word.size()}; }

// $XDG_CACHE_HOME where it is an absolute path, else ~/.cache (XDG Base Directory Specification 0.8).
std::string directory() {
  const char *xdg = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (xdg && *xdg == '/') return std::string(xdg) + "/vitro";
  return home && *home ? std::string(home) + "/.cache/vitro" : std::string();
}

std::string file_of(const std::string& place) {
  const std::string in = directory();
  return in.empty() ? in : text(in, "/pictures-", sha256(bytes_in(place)));
}

// What stands between key and pixels: how much of each there is.
struct Extents {
  int64_t pictures, samples, channels, height, width, words, scaled;
};

uint32_t sum_of(const Extents& extents, const std::string& words, const Tensor& samples) {
  uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(&extents), sizeof extents);
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(words.data()), words.size());
  return uint32_t(crc32_z(sum, samples.as<uint8_t>().data(), size_t(samples.elements())));
}

} // namespace

PictureCache::PictureCache(const std::string& place, const std::string& state)
    : path_(file_of(place)), key_(format + sha256(bytes_in(state))) {}

std::optional<DecodedPictures> PictureCache::load() const {
  std::ifstream file(path_, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  const auto size = int64_t(file.tellg());
  file.seekg(0);
  std::string key(key_.size(), '\0');
  Extents found{};
  uint32_t sum = 0;
  file.read(key.data(), std::streamsize(key.size()));
  file.read(reinterpret_cast<char*>(&found), sizeof found);
  file.read(reinterpret_cast<char*>(&sum), sizeof sum);
  if (!file || key != key_ || found.words < 0 || found.words > size || found.pictures > found.words)
    return std::nullopt;
  int64_t pixels = 1; // what its extents say must be what there is: nothing else is allocated
  for (const int64_t extent : {found.samples, found.channels, found.height, found.width})
    if (extent < 0 || __builtin_mul_overflow(pixels, extent, &pixels)) return std::nullopt;
  if (size != int64_t(key_.size() + sizeof found + sizeof sum) + found.words + pixels) return std::nullopt;
  std::string words(size_t(found.words), '\0');
  DecodedPictures out;
  out.samples = Tensor(Type{DType::u8, {found.samples, found.channels, found.height, found.width}});
  file.read(words.data(), std::streamsize(words.size()));
  file.read(reinterpret_cast<char*>(out.samples.as<uint8_t>().data()), std::streamsize(pixels));
  if (!file || sum_of(found, words, out.samples) != sum) return std::nullopt;
  out.scaled = found.scaled != 0;
  size_t at = 0;
  for (int64_t i = 0; i <= found.pictures; ++i) { // each ends with a zero byte, the remark comes last
    const size_t end = words.find('\0', at);
    if (end == std::string::npos) return std::nullopt;
    if (i < found.pictures)
      out.bad.push_back(words.substr(at, end - at));
    else
      out.remark = words.substr(at, end - at);
    at = end + 1;
  }
  return out;
}

void PictureCache::store(const DecodedPictures& pictures, const std::string& also) const {
  if (path_.empty()) return;
  std::string words;
  for (const std::string& one : pictures.bad) words += one + '\0';
  words += pictures.remark + '\0';
  const Shape& shape = pictures.samples.shape();
  const Extents extents{int64_t(pictures.bad.size()), shape[0],       shape[1], shape[2], shape[3],
                        int64_t(words.size()),        pictures.scaled};
  const uint32_t sum = sum_of(extents, words, pictures.samples);
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  const std::string part = text(path_, ".", int64_t(::getpid()), ".part");
  std::ofstream file(part, std::ios::binary);
  file.write(key_.data(), std::streamsize(key_.size()));
  file.write(reinterpret_cast<const char*>(&extents), sizeof extents);
  file.write(reinterpret_cast<const char*>(&sum), sizeof sum);
  file.write(words.data(), std::streamsize(words.size()));
  file.write(reinterpret_cast<const char*>(pictures.samples.as<uint8_t>().data()),
             std::streamsize(pictures.samples.elements()));
  file.close();
  if (file) fs::rename(part, path_, error);
  if (const std::string other = file_of(also); file && !error && other != path_) {
    fs::remove(other, error);
    fs::create_hard_link(path_, other, error);
  }
  fs::remove(part, error); // nothing is there any more once it was renamed
}

} // namespace vitro

#include "data/tar.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr size_t block = 512;

std::string word(ByteSpan field) { return {field.begin(), std::ranges::find(field, uint8_t{0})}; }

uint64_t octal(ByteSpan field) {
  uint64_t out = 0;
  for (const uint8_t digit : field)
    if (digit >= '0' && digit <= '7') out = out << 3 | uint64_t(digit - '0');
  return out;
}

} // namespace

std::vector<TarMember> read_tar(ByteSpan archive, const std::string& where) {
  std::vector<TarMember> out;
  for (size_t at = 0;;) {
    if (archive.size() - at < block) bad_input(where, "ends without the end of an archive", "the file is truncated");
    const ByteSpan header = archive.subspan(at, block);
    if (std::ranges::all_of(header, [](uint8_t byte) { return byte == 0; })) return out;
    constexpr size_t sum_at = 148, sum_length = 8;
    uint64_t sum = 0;
    for (size_t i = 0; i < block; ++i) sum += i >= sum_at && i < sum_at + sum_length ? ' ' : header[i];
    if (sum != octal(header.subspan(sum_at, sum_length)))
      bad_input(where, text("has a header with a wrong sum at byte ", at), "it is no tar archive, or damaged");
    const uint64_t length = octal(header.subspan(124, 12));
    at += block;
    if (length > archive.size() - at)
      bad_input(where, text("ends within ", word(header.subspan(0, 100))), "the file is truncated");
    const uint8_t kind = header[156];
    const std::string folder = word(header.subspan(345, 155)), name = word(header.subspan(0, 100));
    if (kind == '0' || kind == 0)
      out.push_back({folder.empty() ? name : folder + "/" + name, archive.subspan(at, size_t(length))});
    at += std::min<size_t>((size_t(length) + block - 1) / block * block, archive.size() - at);
  }
}

} // namespace vitro

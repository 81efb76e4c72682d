// The zip files of npy.h.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/text.h"
#include "data/npy.h"

namespace vitro {
namespace {

constexpr uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50, end64_mark = 0x06064b50,
                   locator_mark = 0x07064b50;
constexpr size_t local_size = 30, central_size = 46, end_size = 22, locator_size = 20;

// One file within: where it stands, how it is packed.
struct Member {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, at = 0;
};

// Little-endian numbers of a zip file; one that stands outside of it is an error.
class Zip {
public:
  Zip(ByteSpan bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::vector<Member> members() const {
    uint64_t at = find_end();
    uint64_t count = get(at + 10, 2), central = get(at + 16, 4);
    if ((count == 0xFFFF || central == 0xFFFFFFFF) && at >= locator_size && get(at - locator_size, 4) == locator_mark) {
      at = get(at - locator_size + 8, 8);
      if (get(at, 4) != end64_mark) broken();
      count = get(at + 32, 8);
      central = get(at + 48, 8);
    }
    std::vector<Member> out;
    for (uint64_t i = 0; i < count; ++i) {
      Member& member = out.emplace_back();
      if (get(central, 4) != central_mark) broken();
      member.flags = uint16_t(get(central + 8, 2));
      member.method = uint16_t(get(central + 10, 2));
      member.crc = uint32_t(get(central + 16, 4));
      member.packed = get(central + 20, 4);
      member.size = get(central + 24, 4);
      member.at = get(central + 42, 4);
      const uint64_t name = get(central + 28, 2), extra = get(central + 30, 2), comment = get(central + 32, 2);
      const ByteSpan letters = piece(central + central_size, name);
      member.name.assign(letters.begin(), letters.end());
      wide_sizes(member, central + central_size + name, extra);
      central += central_size + name + extra + comment;
    }
    return out;
  }

  Bytes unpacked(const Member& member) const {
    if (get(member.at, 4) != local_mark) broken();
    const uint64_t begin = member.at + local_size + get(member.at + 26, 2) + get(member.at + 28, 2);
    const ByteSpan packed = piece(begin, member.packed);
    const std::string where = text(where_, ": ", member.name);
    if (member.flags & 1) bad_input(where, "is encrypted");
    Bytes out;
    if (member.method == 0) {
      out.assign(packed.begin(), packed.end());
    } else if (member.method == 8) {
      out = inflated(packed, member.size, where);
    } else {
      bad_input(where, text("is packed by method ", member.method, ", deflate was expected"),
                "numpy.savez and numpy.savez_compressed write what can be read");
    }
    if (out.size() != member.size || crc32_z(0, out.data(), out.size()) != member.crc) broken();
    return out;
  }

private:
  [[noreturn]] void broken() const { bad_input(where_, "is a damaged npz file", "download or copy the file again"); }
  ByteSpan piece(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) broken();
    return bytes_.subspan(at, size);
  }
  uint64_t get(uint64_t at, size_t size) const {
    uint64_t value = 0;
    std::memcpy(&value, piece(at, size).data(), size);
    return value;
  }
  // The record at the end, which a comment of up to 65535 bytes may follow.
  uint64_t find_end() const {
    for (size_t behind = end_size; behind <= bytes_.size() && behind <= end_size + 0xFFFF; ++behind)
      if (get(bytes_.size() - behind, 4) == end_mark && get(bytes_.size() - behind + 20, 2) == behind - end_size)
        return bytes_.size() - behind;
    broken();
  }
  // Sizes and place of 64 bits stand in an extra field, those of them that do not fit into 32.
  void wide_sizes(Member& member, uint64_t at, uint64_t size) const {
    const uint64_t end = at + size;
    while (at + 4 <= end) {
      const uint64_t kind = get(at, 2), length = get(at + 2, 2);
      at += 4;
      if (kind == 1) {
        uint64_t next = at;
        for (uint64_t* const value : {&member.size, &member.packed, &member.at})
          if (*value == 0xFFFFFFFF) {
            if (next + 8 > at + length) broken();
            *value = get(next, 8);
            next += 8;
          }
      }
      at += length;
    }
  }
  // Believes the stated size only as far as deflate's best ratio (1032 to 1) allows.
  Bytes inflated(ByteSpan packed, uint64_t size, const std::string& where) const {
    if (size > largest_input) bad_input(where, text("has ", size, " bytes, at most ", largest_input, " are read"));
    if (size > (packed.size() + 16) * 1032) broken();
    Bytes out(size + 1); // one more, so that a stream that goes on is seen
    z_stream stream{};
    if (inflateInit2(&stream, -15) != Z_OK) failure(where, "zlib could not start");
    size_t read = 0, held = 0;
    int state = Z_OK;
    while (state == Z_OK) {
      const size_t give = std::min<size_t>(packed.size() - read, 1u << 30);
      const size_t room = std::min<size_t>(out.size() - held, 1u << 30);
      stream.next_in = const_cast<Bytef*>(packed.data() + read);
      stream.avail_in = uInt(give);
      stream.next_out = out.data() + held;
      stream.avail_out = uInt(room);
      state = inflate(&stream, Z_NO_FLUSH);
      read += give - stream.avail_in;
      held += room - stream.avail_out;
    }
    inflateEnd(&stream);
    if (state == Z_MEM_ERROR) failure(where, "not enough memory to inflate it");
    if (state != Z_STREAM_END || read != packed.size()) broken();
    out.resize(held);
    return out;
  }

  ByteSpan bytes_;
  const std::string& where_;
};

void put(Bytes& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(uint8_t(i < 8 ? value >> (8 * i) : 0));
}

} // namespace

bool is_npz(ByteSpan bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' &&
         ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6)); // the second: nothing within
}

std::map<std::string, Tensor> read_npz(ByteSpan bytes, const std::string& where) {
  if (!is_npz(bytes)) bad_input(where, "is no npz file", "numpy.savez writes one");
  const Zip zip(bytes, where);
  std::map<std::string, Tensor> out;
  for (const Member& member : zip.members()) {
    if (!member.name.ends_with(".npy"))
      bad_input(where, text("holds ", member.name, ", which is no array"), "numpy.savez writes nothing but arrays");
    const std::string name = member.name.substr(0, member.name.size() - 4);
    if (!out.emplace(name, read_npy(zip.unpacked(member), text(where, ": ", name))).second)
      bad_input(where, text("holds two arrays that are called ", name));
  }
  return out;
}

Bytes write_npz(const std::map<std::string, Tensor>& tensors) {
  if (tensors.size() >= 0xFFFF) bad_input("npz", text(tensors.size(), " arrays, fewer than 65535 were expected"));
  Bytes out, central;
  for (const auto& [name, tensor] : tensors) {
    const Bytes array = write_npy(tensor);
    const std::string file = name + ".npy";
    const uint64_t at = out.size();
    if (at + array.size() + file.size() + (size_t(1) << 16) > 0xFFFFFFFF)
      bad_input("npz", "more than 4 GiB in one file", "write each array as a file of its own: npy");
    // What local and central header share: version 2.0, UTF-8 names, not packed, the first day of 1980.
    Bytes shared;
    put(shared, 20, 2);
    put(shared, 1 << 11, 2);
    put(shared, 0, 2);
    put(shared, 0, 2);
    put(shared, 1 << 5 | 1, 2);
    put(shared, crc32_z(0, array.data(), array.size()), 4);
    put(shared, array.size(), 4);
    put(shared, array.size(), 4);
    put(shared, file.size(), 2);
    put(shared, 0, 2); // no extra field
    put(out, local_mark, 4);
    out.insert(out.end(), shared.begin(), shared.end());
    out.insert(out.end(), file.begin(), file.end());
    out.insert(out.end(), array.begin(), array.end());
    put(central, central_mark, 4);
    put(central, 20, 2);
    central.insert(central.end(), shared.begin(), shared.end());
    put(central, 0, 2 + 2 + 2 + 4); // no comment, the first disk, no attributes
    put(central, at, 4);
    central.insert(central.end(), file.begin(), file.end());
  }
  const uint64_t at = out.size();
  out.insert(out.end(), central.begin(), central.end());
  put(out, end_mark, 4);
  put(out, 0, 4);
  put(out, tensors.size(), 2);
  put(out, tensors.size(), 2);
  put(out, central.size(), 4);
  put(out, at, 4);
  put(out, 0, 2);
  return out;
}

} // namespace vitro

#include "data/bytes.h"

#include <sha256.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

// Ends zlib's state on every way out, an exception included.
struct Inflater {
  z_stream stream{};
  ~Inflater() { inflateEnd(&stream); }
};

} // namespace

Bytes read_raw_bytes(const std::string& path) {
  const bool standard_input = path == "-";
  const std::string where = standard_input ? "standard input" : path;
  std::unique_ptr<std::FILE, Close> file(standard_input ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) bad_input(where, text("can't be opened: ", std::strerror(errno)), "check the path and its permissions");
  struct stat about {};
  size_t expected = 0;
  if (fstat(fileno(file.get()), &about) == 0) {
    if (S_ISDIR(about.st_mode)) bad_input(where, "is a directory, a file was expected", "name a file in it");
    if (S_ISREG(about.st_mode)) expected = size_t(about.st_size);
  }
  if (expected > largest_input)
    bad_input(where, text("has ", expected, " bytes, at most ", largest_input, " are read"));

  // One byte more than the file claims to have, so that its end is seen without growing; pipes grow by doubling.
  Bytes bytes(expected > 0 ? expected + 1 : size_t(1) << 16);
  size_t held = 0;
  while (true) {
    const size_t got = std::fread(bytes.data() + held, 1, bytes.size() - held, file.get());
    held += got;
    if (held < bytes.size()) break;
    if (held > largest_input) bad_input(where, text("has more than ", largest_input, " bytes"));
    bytes.resize(bytes.size() * 2);
  }
  if (std::ferror(file.get())) failure(where, text("can't be read: ", std::strerror(errno)));
  if (held == 0) bad_input(where, "is empty");
  bytes.resize(held);
  return bytes;
}

Bytes read_bytes(const std::string& path) {
  Bytes bytes = read_raw_bytes(path);
  const std::string where = path == "-" ? "standard input" : path;
  if (!is_gzip(bytes)) return bytes;
  Bytes inflated = inflate_gzip(bytes, where);
  if (inflated.empty()) bad_input(where, "is empty inside its gzip wrapper");
  return inflated;
}

bool is_gzip(ByteSpan bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

Bytes inflate_gzip(ByteSpan bytes, const std::string& where, size_t most) {
  const std::string again = "download or copy the file again";
  Inflater inflater;
  z_stream& stream = inflater.stream;
  if (inflateInit2(&stream, 15 + 16) != Z_OK) failure(where, "zlib could not start");

  // The last four bytes state the size modulo 2^32: a hint for the first allocation, believed only as far
  // as deflate's best ratio (1032 to 1) allows.
  size_t hint = 1 << 16;
  if (bytes.size() >= 18) {
    uint32_t stated = 0;
    for (int i = 0; i < 4; ++i) stated |= uint32_t(bytes[bytes.size() - 4 + size_t(i)]) << (8 * i);
    hint = std::min({size_t(stated), bytes.size() * 1032, most}) + 1;
  }
  Bytes out(hint);
  size_t held = 0, read = 0;
  while (true) {
    const size_t give = std::min<size_t>(bytes.size() - read, 1u << 30);
    if (held == out.size()) out.resize(out.size() * 2);
    const size_t room = std::min<size_t>(out.size() - held, 1u << 30);
    stream.next_in = const_cast<Bytef*>(bytes.data() + read);
    stream.avail_in = uInt(give);
    stream.next_out = out.data() + held;
    stream.avail_out = uInt(room);
    const int state = inflate(&stream, Z_NO_FLUSH);
    read += give - stream.avail_in;
    held += room - stream.avail_out;
    if (held > most) bad_input(where, text("inflates to more than ", most, " bytes"));
    if (state == Z_STREAM_END) {
      if (read == bytes.size()) break;
      // Several gzip members behind each other are one file (RFC 1952, section 2.2).
      if (!is_gzip(bytes.subspan(read)))
        bad_input(where, text("has ", bytes.size() - read, " bytes behind the end of its gzip stream"), again);
      if (inflateReset(&stream) != Z_OK) failure(where, "zlib could not go on");
    } else if (state == Z_BUF_ERROR || (state == Z_OK && give == 0 && stream.avail_out > 0)) {
      if (read == bytes.size() && stream.avail_out > 0) bad_input(where, "is a truncated gzip file", again);
    } else if (state == Z_MEM_ERROR) {
      failure(where, "not enough memory to inflate it");
    } else if (state != Z_OK) {
      bad_input(where, text("is a damaged gzip file: ", stream.msg ? stream.msg : "not deflate"), again);
    }
  }
  out.resize(held);
  return out;
}

std::string sha256(ByteSpan bytes) {
  SHA256_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, bytes.data(), bytes.size());
  char hex[SHA256_DIGEST_STRING_LENGTH];
  return SHA256End(&context, hex);
}

} // namespace vitro

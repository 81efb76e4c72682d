#include "data/bytes.h"

#include <fcntl.h>
#include <sha256.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

const char* const again = "download or copy the file again";

// Gzip as a stream. `feed` gives the next packed bytes (at most 1 GiB), none at their end; a piece stays where it is
// until the next one is asked for.
class Inflater {
public:
  using Feed = std::function<ByteSpan()>;
  Inflater(Feed feed, std::string where) : feed_(std::move(feed)), where_(std::move(where)) {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) failure(where_, "zlib could not start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `into`; fewer bytes mean the end.
  size_t read(std::span<uint8_t> into) {
    size_t held = 0;
    while (held < into.size() && !ended_) {
      take();
      const size_t room = std::min<size_t>(into.size() - held, 1u << 30);
      stream_.next_out = into.data() + held;
      stream_.avail_out = uInt(room);
      const int state = inflate(&stream_, Z_NO_FLUSH);
      held += room - stream_.avail_out;
      if (state == Z_STREAM_END)
        next_member();
      else if (state != Z_OK)
        refuse(state);
    }
    return held;
  }

private:
  void take() {
    if (stream_.avail_in > 0 || dry_) return;
    const ByteSpan piece = feed_();
    dry_ = piece.empty();
    stream_.next_in = const_cast<Bytef*>(piece.data());
    stream_.avail_in = uInt(piece.size());
  }

  // Several gzip members behind each other are one file (RFC 1952, section 2.2).
  void next_member() {
    take();
    ended_ = dry_;
    later_ = true;
    if (!ended_ && inflateReset(&stream_) != Z_OK) failure(where_, "zlib could not go on");
  }

  void refuse(int state) {
    if (state == Z_BUF_ERROR && !dry_) return; // it only wants more
    if (state == Z_MEM_ERROR) failure(where_, "not enough memory to inflate it");
    // No further member begins here: its first two bytes would say so.
    if (later_ && stream_.total_in <= 2) {
      size_t behind = stream_.total_in;
      for (; !dry_; take()) {
        behind += stream_.avail_in;
        stream_.avail_in = 0;
      }
      bad_input(where_, text("has ", behind, " bytes behind the end of its gzip stream"), again);
    }
    if (state == Z_BUF_ERROR) bad_input(where_, "is a truncated gzip file", again);
    bad_input(where_, text("is a damaged gzip file: ", stream_.msg ? stream_.msg : "not deflate"), again);
  }

  Feed feed_;
  std::string where_;
  z_stream stream_{};
  bool dry_ = false, later_ = false, ended_ = false;
};

// Each piece of `bytes` once.
Inflater::Feed pieces_of(ByteSpan bytes) {
  return [bytes]() mutable {
    const ByteSpan piece = bytes.first(std::min<size_t>(bytes.size(), 1u << 30));
    bytes = bytes.subspan(piece.size());
    return piece;
  };
}

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
  // The last four bytes state the size modulo 2^32: a hint for the first allocation, believed only as far
  // as deflate's best ratio (1032 to 1) allows.
  size_t hint = 1 << 16;
  if (bytes.size() >= 18) {
    uint32_t stated = 0;
    for (int i = 0; i < 4; ++i) stated |= uint32_t(bytes[bytes.size() - 4 + size_t(i)]) << (8 * i);
    hint = std::min({size_t(stated), bytes.size() * 1032, most}) + 1;
  }
  Inflater inflater(pieces_of(bytes), where);
  Bytes out(hint);
  size_t held = 0;
  while (true) {
    held += inflater.read(std::span(out).subspan(held));
    if (held > most) bad_input(where, text("inflates to more than ", most, " bytes"));
    if (held < out.size()) break;
    out.resize(out.size() * 2);
  }
  out.resize(held);
  return out;
}

// One of three: a file that is read as it is, a gzip file, or bytes in memory (`file` is -1).
struct ByteSource::State {
  std::string where;
  int file = -1;
  std::optional<size_t> size;
  bool packed = false;
  Bytes piece; // of a packed file
  std::unique_ptr<Inflater> inflater;
  Bytes held;
  ByteSpan bytes;
  size_t at = 0;

  ~State() {
    if (file >= 0) ::close(file);
  }

  size_t from_file(std::span<uint8_t> into) const {
    size_t got = 0;
    while (got < into.size()) {
      const ssize_t n = ::read(file, into.data() + got, std::min<size_t>(into.size() - got, 1u << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) failure(where, text("can't be read: ", std::strerror(errno)));
      if (n == 0) break;
      got += size_t(n);
    }
    return got;
  }
};

ByteSource::ByteSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;
ByteSource::~ByteSource() = default;

ByteSource ByteSource::of(ByteSpan bytes) {
  auto state = std::make_unique<State>();
  state->bytes = bytes;
  state->size = bytes.size();
  return ByteSource(std::move(state));
}

ByteSource ByteSource::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->where = path == "-" ? "standard input" : path;
  struct stat about {};
  // A pipe must not be opened to look at it: its writer would be gone when it is opened to be read.
  const bool plain = path != "-" && ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
  if (plain) state->file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (state->file < 0) {
    // What is no plain file is either an error, which read_bytes words, or can be read only once.
    state->held = read_bytes(path);
    state->bytes = state->held;
    state->size = state->held.size();
    return ByteSource(std::move(state));
  }
  uint8_t head[2] = {};
  state->packed = is_gzip({head, state->from_file(head)});
  if (!state->packed) state->size = size_t(about.st_size);
  ByteSource source(std::move(state));
  source.rewind();
  return source;
}

size_t ByteSource::read(std::span<uint8_t> into) {
  State& state = *state_;
  if (state.packed) return state.inflater->read(into);
  if (state.file >= 0) return state.from_file(into);
  const size_t got = std::min(into.size(), state.bytes.size() - state.at);
  std::copy_n(state.bytes.begin() + ptrdiff_t(state.at), got, into.begin());
  state.at += got;
  return got;
}

void ByteSource::rewind() {
  State& state = *state_;
  state.at = 0;
  if (state.file >= 0 && ::lseek(state.file, 0, SEEK_SET) != 0)
    failure(state.where, text("can't be read again: ", std::strerror(errno)));
  if (!state.packed) return;
  state.piece.resize(size_t(1) << 17);
  // Not `this`: the source may be moved while it is read, its state is not.
  state.inflater = std::make_unique<Inflater>(
      [&state] { return ByteSpan(state.piece).first(state.from_file(state.piece)); }, state.where);
}

std::optional<size_t> ByteSource::size() const { return state_->size; }

std::string sha256(ByteSpan bytes) {
  SHA256_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, bytes.data(), bytes.size());
  char hex[SHA256_DIGEST_STRING_LENGTH];
  return SHA256End(&context, hex);
}

} // namespace vitro

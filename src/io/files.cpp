#include "io/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

class Descriptor {
public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  /// False where the system reports a write error only now, as network file systems do.
  bool close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

private:
  int fd_;
};

template <class Call> auto retried(Call call) {
  decltype(call()) got;
  do got = call();
  while (got < 0 && errno == EINTR);
  return got;
}

// What the user can mend by naming another path is bad input; the rest is the machine's refusal.
[[noreturn]] void refuse(const std::string& path, const std::string& doing, int error) {
  const std::string what = text("can't be ", doing, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR: bad_input(path, what, "create the directory first, or name another");
    case EACCES:
    case EPERM:
    case EROFS: bad_input(path, what, "name a directory that you may write to");
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG: bad_input(path, what, "name another path");
    case ENOSPC:
    case EDQUOT: failure(path, what, "free some space and try again; what was there before is untouched");
    default: failure(path, what, "what was there before is untouched");
  }
}

} // namespace

std::vector<uint8_t> read_file(const std::string& path, int64_t most) {
  const Descriptor file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file.open())
    bad_input(path, text("can't be opened: ", std::strerror(errno)), "check the path and its permissions");
  struct stat about {};
  if (fstat(file.get(), &about) != 0) failure(path, text("can't be read: ", std::strerror(errno)));
  if (S_ISDIR(about.st_mode)) bad_input(path, "is a directory, a file was expected", "name a file in it");
  if (!S_ISREG(about.st_mode)) bad_input(path, "is no regular file");
  if (about.st_size > most) bad_input(path, text("has ", about.st_size, " bytes, expected at most ", most));
  std::vector<uint8_t> bytes(static_cast<size_t>(about.st_size));
  size_t held = 0;
  while (held < bytes.size()) {
    const ssize_t got = retried([&] { return ::read(file.get(), bytes.data() + held, bytes.size() - held); });
    if (got < 0) failure(path, text("can't be read: ", std::strerror(errno)));
    if (got == 0) break; // it shrank meanwhile: what is there is what it holds
    held += size_t(got);
  }
  bytes.resize(held);
  return bytes;
}

std::string read_text(const std::string& path, int64_t most) {
  const std::vector<uint8_t> bytes = read_file(path, most);
  return {bytes.begin(), bytes.end()};
}

void write_atomically(const std::string& path, std::span<const uint8_t> bytes) {
  namespace fs = std::filesystem;
  const fs::path target(path);
  const std::string directory = target.has_parent_path() ? target.parent_path().string() : ".";
  struct stat about {};
  if (target.filename().empty()) bad_input(path, "names no file", "append a file name");
  if (::lstat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISLNK(about.st_mode))
    bad_input(path, S_ISDIR(about.st_mode) ? "is a directory" : "is no regular file", "name another path");

  // A fixed name: what a killed process left behind is overwritten by the next write, and never piles up.
  const std::string part = (fs::path(directory) / ("." + target.filename().string() + ".part")).string();
  const auto give_up = [&](const std::string& doing) {
    const int error = errno;
    ::unlink(part.c_str());
    refuse(path, doing, error);
  };
  Descriptor file(retried([&] { return ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); }));
  if (!file.open()) refuse(path, "written", errno);
  for (size_t written = 0; written < bytes.size();) {
    // Some systems take at most 2 GiB per call.
    const size_t give = std::min(bytes.size() - written, size_t(1) << 30);
    const ssize_t took = retried([&] { return ::write(file.get(), bytes.data() + written, give); });
    if (took < 0) give_up("written");
    written += size_t(took);
  }
  if (retried([&] { return ::fsync(file.get()); }) != 0) give_up("synced to the disk");
  if (!file.close()) give_up("closed");
  if (::rename(part.c_str(), path.c_str()) != 0) give_up("renamed into place");

  // The new name is on the disk only once the directory is; file systems that can't sync one say EINVAL.
  const Descriptor folder(retried([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.open() && retried([&] { return ::fsync(folder.get()); }) != 0 && errno != EINVAL)
    failure(directory, text("can't be synced to the disk: ", std::strerror(errno)));
}

void write_atomically(const std::string& path, std::string_view text) {
  write_atomically(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void append_line(const std::string& path, std::string_view line) {
  Descriptor file(retried([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666); }));
  if (!file.open()) refuse(path, "written", errno);
  const std::string whole = std::string(line) + "\n";
  for (size_t written = 0; written < whole.size();) {
    const ssize_t took = retried([&] { return ::write(file.get(), whole.data() + written, whole.size() - written); });
    if (took < 0) refuse(path, "written", errno);
    written += size_t(took);
  }
  if (retried([&] { return ::fsync(file.get()); }) != 0) refuse(path, "synced to the disk", errno);
  if (!file.close()) refuse(path, "closed", errno);
}

WorkLock::WorkLock(const std::string& path) : fd_(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); })) {
  if (fd_ < 0) bad_input(path, text("can't be opened: ", std::strerror(errno)));
  if (retried([&] { return ::flock(fd_, LOCK_EX | LOCK_NB); }) == 0) return;
  const int error = errno; // a file system without locks goes without
  if (error != EWOULDBLOCK) return;
  ::close(fd_);
  bad_input(path, "another process works on it", "wait for its end, or name another directory with --out");
}

WorkLock::~WorkLock() { ::close(fd_); }

} // namespace vitro

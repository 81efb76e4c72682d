// Whole files: read at once, written atomically.
//
// Invariant: whoever reads a path that is written here finds the old file or the new one, whole, also after a
// power cut or kill -9 at any moment. A write that fails leaves the old file and nothing else.
// One writer per path at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitro {

/// The bytes of a regular file. Throws bad_input where it is missing, not readable, a directory, or has more than
/// `most` bytes; failure where reading it breaks off.
std::vector<uint8_t> read_file(const std::string& path, int64_t most = int64_t(1) << 36);

/// The same as text.
std::string read_text(const std::string& path, int64_t most = int64_t(1) << 28);

/// Writes `.NAME.part` in the same directory, syncs it to the disk, renames it to `path`, syncs the directory.
/// Throws bad_input where the directory is missing or must not be written to, or `path` is no regular file (a
/// device, a directory); failure where the machine refuses (disk full, file too large, an error of the disk).
void write_atomically(const std::string& path, std::span<const uint8_t> bytes);
void write_atomically(const std::string& path, std::string_view text);

/// Adds `line` and a newline to a file, which is made where it is missing, and syncs it to the disk. Whoever is killed
/// meanwhile leaves a last line without newline. Throws as write_atomically does.
void append_line(const std::string& path, std::string_view line);

/// Held while this process works on something that one at a time may work on; `path` is a file that is there. Ends with
/// the object or the process. Throws bad_input where another process holds it.
class WorkLock {
public:
  explicit WorkLock(const std::string& path);
  ~WorkLock();
  WorkLock(const WorkLock&) = delete;
  WorkLock& operator=(const WorkLock&) = delete;

private:
  int fd_;
};

} // namespace vitro

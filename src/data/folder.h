// What lies in a directory: the only place of the room that lists one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitro {

/// A name may be that of a file or of a link to one. Left out: names that begin with a dot, and what systems leave
/// behind in folders of pictures (Thumbs.db, desktop.ini, __MACOSX).
struct Folder {
  std::vector<std::string> folders, files; // by the order of their bytes
};
/// Throws bad_input where there is no such directory or it can't be read.
Folder list_folder(const std::string& path);

/// All files in `path` and in the folders in it, as "sub/name", in the order of their bytes; links to folders are not
/// followed below `path`.
std::vector<std::string> files_below(const std::string& path);

/// What tells whether a file is still the same: its length, and when its content and its entry were last changed
/// (nanoseconds since 1970; nobody can set the second). Zeros where there is none.
struct FileStamp {
  int64_t bytes = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const std::string& path);

} // namespace vitro

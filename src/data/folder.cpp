#include "data/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

bool left_behind(const std::string& name) {
  return name.starts_with('.') || name == "Thumbs.db" || name == "desktop.ini" || name == "__MACOSX";
}

} // namespace

Folder list_folder(const std::string& path) {
  Folder out;
  std::error_code error;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (left_behind(name)) continue;
    std::error_code none;
    if (entries->is_directory(none))
      out.folders.push_back(std::move(name));
    else if (entries->is_regular_file(none))
      out.files.push_back(std::move(name));
  }
  if (error) bad_input(path, text("can't be listed: ", error.message()));
  std::ranges::sort(out.folders);
  std::ranges::sort(out.files);
  return out;
}

std::vector<std::string> files_below(const std::string& path) {
  const Folder here = list_folder(path);
  std::vector<std::string> out = here.files;
  for (const std::string& folder : here.folders) {
    std::error_code none;
    const fs::path below = fs::path(path) / folder;
    if (fs::is_symlink(below, none)) continue;
    for (const std::string& file : files_below(below.string())) out.push_back(folder + "/" + file);
  }
  std::ranges::sort(out);
  return out;
}

FileStamp stamp_of(const std::string& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0) return {};
  const auto ns = [](const timespec& time) { return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec; };
  return {int64_t(state.st_size), ns(state.st_mtim), ns(state.st_ctim)};
}

} // namespace vitro

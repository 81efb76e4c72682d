#include "io/run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

const std::string own_name = "runs";

fs::path without_slash(const std::string& path) {
  fs::path out = fs::path(path).lexically_normal();
  return out.filename().empty() && out.has_parent_path() ? out.parent_path() : out;
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void check_writable(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    bad_input(directory.string(), fs::exists(directory, error) ? "is no directory" : "there is no such directory",
              text("mkdir -p ", directory.string()));
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    bad_input(directory.string(), text("can't be written to: ", std::strerror(errno)),
              "name a directory that you may write to with --out");
}

// "data/My points.csv" becomes "My-points": what a shell takes without quotes.
std::string plain(const std::string& what) {
  std::string out = without_slash(what).stem().string();
  for (char& c : out) {
    const bool kept =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (!kept) c = '-';
  }
  out.resize(std::min<size_t>(out.size(), 60));
  while (out.starts_with('.') || out.starts_with('-')) out.erase(0, 1);
  return out.empty() ? "run" : out;
}

// One more than the highest number that a directory of this prefix carries.
int64_t next_number(const fs::path& runs, const std::string& prefix) {
  int64_t highest = 0;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(runs, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    int64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + prefix.size(), end, number);
    if (read.ec == std::errc() && read.ptr == end && number < 1'000'000'000) highest = std::max(highest, number);
  }
  return highest + 1;
}

std::string numbered(const std::string& prefix, int64_t count) {
  const std::string digits = number(static_cast<long long>(count));
  return prefix + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

// Removes what was put together, unless it was renamed into place.
struct Discard {
  fs::path path;
  ~Discard() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

} // namespace

void check_out(const std::string& out) {
  const fs::path path = without_slash(out);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const bool empty = fs::is_empty(path, error);
    if (error) bad_input(out, text("can't be read: ", error.message()), "name another with --out");
    if (!empty)
      bad_input(out, "is not empty",
                fs::exists(path / "recipe.toml", error)
                    ? text("name another with --out, or go on with `vitro train --resume ", out, "`")
                    : std::string("name another with --out"));
  } else if (fs::exists(fs::symlink_status(path, error))) {
    bad_input(out, "is no directory", "name another with --out");
  }
  const fs::path parent = parent_of(path);
  const bool to_make = parent.filename() == own_name && !fs::exists(fs::symlink_status(parent, error));
  check_writable(to_make ? parent_of(parent) : parent);
}

std::string numbered_directory(const std::string& first, const std::string& second, const std::string& runs) {
  const std::string prefix = text(plain(first), "-", plain(second), "-");
  return (fs::path(runs) / numbered(prefix, next_number(runs, prefix))).string();
}

std::string create_directory(const std::string& out, const std::string& first, const std::string& second,
                             const std::vector<FileContent>& files, const std::string& runs) {
  fs::path path = out.empty() ? fs::path(numbered_directory(first, second, runs)) : without_slash(out);
  check_out(path.string());

  const fs::path parent = parent_of(path);
  std::error_code error;
  fs::create_directory(parent, error); // only one called "runs" can still be missing
  const fs::path part = parent / text(".", path.filename().string(), ".", static_cast<long long>(::getpid()), ".part");
  fs::create_directory(part, error);
  if (error == std::errc::no_space_on_device || error == std::errc::io_error)
    failure(path.string(), text("can't be made: ", error.message()));
  if (error) bad_input(path.string(), text("can't be made: ", error.message()), "name another directory with --out");
  Discard discard{part};
  for (const FileContent& file : files) write_atomically((part / file.name).string(), file.content);

  // A rename replaces an empty directory and refuses any other: where somebody took the number, the next one it is.
  while (std::rename(part.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    const bool taken = reason == ENOTEMPTY || reason == EEXIST;
    if (!taken || !out.empty()) failure(path.string(), text("can't be made: ", std::strerror(reason)));
    path = numbered_directory(first, second, runs);
  }
  discard.path.clear();
  return path.string();
}

RunDirectory create_run(const std::string& out, const std::string& what, const std::string& net,
                        const std::string& recipe_toml, const std::string& input_json, const std::string& runs,
                        std::vector<FileContent> more) {
  more.push_back({"recipe.toml", recipe_toml});
  more.push_back({"input.json", input_json});
  return RunDirectory(create_directory(out, what, net, more, runs));
}

std::vector<std::string> list_runs(const std::string& runs) {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(runs, error)) {
    if (entry.path().filename().string().starts_with('.')) continue;
    const RunDirectory run(entry.path().string());
    const fs::file_time_type recipe = fs::last_write_time(run.recipe(), error);
    if (error) continue;
    const fs::file_time_type weights = fs::last_write_time(run.weights(), error);
    found.emplace_back(error ? recipe : std::max(recipe, weights), entry.path().string());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (auto& [when, path] : found) out.push_back(std::move(path));
  return out;
}

RunDirectory find_run(const std::string& run, const std::string& runs) {
  const std::vector<std::string> known = list_runs(runs);
  if (run.empty()) {
    if (known.empty()) bad_input(runs, "there is no run yet", "make one, for example with `vitro train digits`");
    return RunDirectory(known.back());
  }
  std::error_code error;
  std::string path = run;
  if (!fs::is_directory(path, error)) path = (fs::path(runs) / run).string();
  if (!fs::is_directory(path, error)) {
    std::vector<std::string> names;
    for (const std::string& one : known) names.push_back(fs::path(one).filename().string());
    if (fs::exists(run, error)) bad_input(run, "is no run: a directory was expected");
    bad_input(run, text("there is no such run", did_you_mean(run, names)),
              known.empty() ? "make one, for example with `vitro train digits`" : text("the latest is ", known.back()));
  }
  const RunDirectory out(path);
  if (!fs::exists(out.recipe(), error))
    bad_input(path, "is no run: it holds no recipe.toml", "name a directory that `vitro train` made");
  return out;
}

} // namespace vitro

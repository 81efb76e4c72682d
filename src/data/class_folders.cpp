#include "data/class_folders.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/folder.h"

namespace vitro {
namespace {

std::string wanted(const FileKind& kind) { return text("a sub-folder for each class, with ", kind.read, " in it"); }

// The class folders in directory/below, as part `part`.
void find_below(const std::string& directory, const std::string& below, size_t part, const FileKind& kind,
                ClassFolders& out) {
  const std::string where = below.empty() ? directory : joined(directory, below);
  const Folder here = list_folder(where);
  for (const std::string& file : here.files) out.passed_over.push_back(below.empty() ? file : joined(below, file));
  if (part == 0) out.classes = here.folders;
  for (const std::string& folder : here.folders) {
    const auto found = std::ranges::find(out.classes, folder);
    const std::string of_class = joined(where, folder);
    if (found == out.classes.end())
      bad_input(of_class, text("is a class that the training part does not have", did_you_mean(folder, out.classes)),
                text("its classes are ", join(out.classes, ", ")));
    size_t files = 0;
    for (const std::string& file : files_below(of_class)) {
      const std::string name = joined(below.empty() ? folder : joined(below, folder), file);
      if (!kind.has_name(file)) {
        out.passed_over.push_back(name);
        continue;
      }
      out.files.push_back({name, part, int32_t(found - out.classes.begin())});
      ++files;
    }
    if (files == 0)
      bad_input(of_class, text("holds no ", kind.one), text("each class needs some; expected is ", wanted(kind)));
  }
}

} // namespace

size_t part_of_folder(const std::string& folder) {
  if (folder == "train") return 0;
  if (folder == "val" || folder == "valid" || folder == "validation") return 1;
  return folder == "test" ? 2 : 3;
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder + (folder.ends_with('/') ? "" : "/") + name;
}

ClassFolders find_classes(const std::string& directory, const FileKind& kind) {
  const Folder top = list_folder(directory);
  ClassFolders out;
  const bool parts = std::ranges::find(top.folders, "train") != top.folders.end() &&
                     !list_folder(joined(directory, "train")).folders.empty();
  if (!parts) {
    if (top.folders.empty())
      bad_input(directory,
                std::ranges::any_of(top.files, kind.has_name)
                    ? text("holds ", kind.many, ", but nothing says which class each is of")
                    : text("holds neither folders of ", kind.many, " nor IDX files"),
                text("expected is ", wanted(kind), kind.else_read));
    find_below(directory, "", 0, kind, out);
    out.parts[0] = true;
  } else {
    for (const size_t part : {size_t{0}, size_t{1}, size_t{2}}) // the classes are those of training
      for (const std::string& folder : top.folders) {
        if (part_of_folder(folder) != part) continue;
        if (part > 0 && list_folder(joined(directory, folder)).folders.empty()) {
          out.remarks.push_back(text(folder, " has no folders of classes: it is passed over"));
          continue;
        }
        if (out.parts[part]) bad_input(directory, "has more than one of the folders val, valid and validation");
        out.parts[part] = true;
        find_below(directory, folder, part, kind, out);
      }
    for (const std::string& folder : top.folders)
      if (part_of_folder(folder) == 3)
        out.remarks.push_back(text(folder, " is none of train, val and test: it is passed over"));
  }
  if (out.classes.size() == 1)
    bad_input(directory, text("holds one class alone, ", out.classes[0], ": there is nothing to tell apart"),
              text("expected is ", wanted(kind)));
  return out;
}

} // namespace vitro

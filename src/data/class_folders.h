// Folders of files as classes: which file is of which class by the folder that it lies in, and of which part.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vitro {

/// What is looked for, and how it is called.
struct FileKind {
  bool (*has_name)(const std::string& path); // others are passed over
  const char* one;                           // "picture"
  const char* many;                          // "pictures"
  const char* read;                          // "PNG or JPEG pictures": what a class's folder should hold
  const char* else_read;                     // "; or IDX files, ...": what a directory may hold as well
};

struct ClassFile {
  std::string name; // below the directory
  size_t part = 0;  // 0, 1, 2: training, validation, test
  int32_t label = 0;
};

struct ClassFolders {
  std::vector<ClassFile> files; // by their parts, then in the order of their names
  std::vector<std::string> classes;
  std::vector<std::string> remarks;
  std::array<bool, 3> parts = {}; // which the directory has; training always
  std::vector<std::string> passed_over;
};

/// `directory` holds a folder for each class, their order that of their names; or folders train, val (valid,
/// validation) and test, each of which does. Files may lie deeper in a class's folder. Throws bad_input, naming the
/// folder, where there is no such file, a class has none or is alone, or test has a class that train does not have.
ClassFolders find_classes(const std::string& directory, const FileKind& kind);

/// 0, 1, 2 for the folders train, val (valid, validation), test; 3 for any other.
size_t part_of_folder(const std::string& folder);

/// "folder/name"
std::string joined(const std::string& folder, const std::string& name);

} // namespace vitro

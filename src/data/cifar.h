// CIFAR-10's binary records: a byte for the class, then 32 x 32 bytes of red, of green and of blue, row by row.
// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the data's own page,
// section "Binary version".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace vitro {

inline constexpr int64_t cifar_record = 1 + 3 * 32 * 32;

/// Whether a file is called as records are: .bin, or .bin.gz.
bool has_cifar_name(const std::string& path);

/// The files of records in `directory` or its folder cifar-10-batches-bin, or the archive cifar-10-binary.tar.gz in it;
/// none where there is neither.
std::vector<std::string> cifar_files(const std::string& directory);

/// The records in u8 [n, 3, 32, 32], pixels / 255. `classes` empty: the published ten. Throws bad_input at `where`
/// unless the bytes are whole records of these classes.
Dataset read_cifar(ByteSpan records, std::vector<std::string> classes, const std::string& where);

/// What lies in files of records. By their names: data_batch_1 to data_batch_5 train, test_batch tests. Where these are
/// not whole, whole batches train, a batch that is cut off (data_batch_5_first4000) validates, and a remark says what
/// is there and what is missing. Files of other names train, all of them.
struct CifarParts {
  Dataset train;
  std::optional<Dataset> validation, test;
  std::vector<std::string> files, remarks;
};
/// `files` as cifar_files gives them: names of classes are read from batches.meta.txt beside them.
CifarParts read_cifar_files(const std::vector<std::string>& files);

} // namespace vitro

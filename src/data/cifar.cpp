#include "data/cifar.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "data/folder.h"
#include "data/tar.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

constexpr int64_t of_batch = 10000; // records in each published file
const std::vector<std::string> published_classes = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                    "dog",      "frog",       "horse", "ship", "truck"};
// Of the 50,000 training pictures, red, green and blue.
const Scaling published{1.0 / 255, {0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}};

// "x/data_batch_5_first4000.bin.gz" is data_batch_5_first4000.
std::string stem_of(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name.substr(0, name.find(".bin"));
}

Dataset together(std::vector<Dataset> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  int64_t n = 0;
  for (const Dataset& part : parts) n += part.size();
  Dataset out = empty_like(parts[0].schema);
  out.samples = Tensor(Type{DType::u8, {n, 3, 32, 32}});
  out.labels = Tensor(Type{DType::i32, {n}});
  uint8_t* pixels = out.samples.as<uint8_t>().data();
  int32_t* labels = out.labels.as<int32_t>().data();
  for (const Dataset& part : parts) {
    pixels = std::ranges::copy(part.samples.as<uint8_t>(), pixels).out;
    labels = std::ranges::copy(part.label_of(), labels).out;
  }
  out.origin = {fs::path(parts[0].origin.file).parent_path().string(), "sample", {}};
  return out;
}

// A line each; what is behind the last name is blank.
std::vector<std::string> class_names(ByteSpan bytes) {
  std::vector<std::string> out;
  std::string line;
  for (const uint8_t byte : bytes) {
    if (byte != '\n' && byte != '\r') {
      line += char(byte);
    } else if (!line.empty()) {
      out.push_back(std::move(line));
      line.clear();
    }
  }
  if (!line.empty()) out.push_back(line);
  return out;
}

struct Named {
  std::string name; // of the file
  Bytes held;
  ByteSpan bytes;
};

} // namespace

bool has_cifar_name(const std::string& path) { return path.ends_with(".bin") || path.ends_with(".bin.gz"); }

std::vector<std::string> cifar_files(const std::string& directory) {
  std::error_code none;
  for (const fs::path& place : {fs::path(directory) / "cifar-10-batches-bin", fs::path(directory)}) {
    if (!fs::is_directory(place, none)) continue;
    std::vector<std::string> found;
    for (const std::string& file : list_folder(place.string()).files)
      if (has_cifar_name(file)) found.push_back((place / file).string());
    if (!found.empty()) return found;
    const fs::path archive = place / "cifar-10-binary.tar.gz";
    if (fs::is_regular_file(archive, none)) return {archive.string()};
  }
  return {};
}

Dataset read_cifar(ByteSpan records, std::vector<std::string> classes, const std::string& where) {
  if (classes.empty()) classes = published_classes;
  const auto bytes = int64_t(records.size()), n = bytes / cifar_record;
  if (n == 0 || bytes % cifar_record != 0)
    bad_input(where,
              text("has ", bytes, " bytes, which are not whole records of ", cifar_record, " (", n, " and ",
                   bytes % cifar_record, " bytes)"),
              "the file is truncated, or holds no CIFAR-10 records");
  Dataset out;
  out.schema.name = "cifar10";
  out.schema.raw = DType::u8;
  out.schema.sample = Shape{3, 32, 32};
  out.schema.classes = std::move(classes);
  out.schema.input = published;
  out.samples = Tensor(Type{DType::u8, {n, 3, 32, 32}});
  out.labels = Tensor(Type{DType::i32, {n}});
  out.targets = Tensor(Type{DType::f32, {0}});
  out.origin = {where, "sample", {}};
  uint8_t* pixels = out.samples.as<uint8_t>().data();
  for (int64_t i = 0; i < n; ++i) {
    const uint8_t* record = &records[size_t(i * cifar_record)];
    out.labels.as<int32_t>()[size_t(i)] = record[0];
    std::memcpy(pixels + i * (cifar_record - 1), record + 1, size_t(cifar_record - 1));
  }
  check(out, where);
  return out;
}

CifarParts read_cifar_files(const std::vector<std::string>& paths) {
  CifarParts out;
  out.files = paths;
  const fs::path place = fs::path(paths[0]).parent_path();
  std::vector<std::string> classes;
  std::vector<Named> files;
  if (paths[0].ends_with(".tar.gz")) {
    Bytes archive = read_bytes(paths[0]);
    for (const TarMember& member : read_tar(archive, paths[0])) {
      if (has_cifar_name(member.name)) files.push_back({paths[0] + ":" + member.name, {}, member.bytes});
      if (member.name.ends_with("batches.meta.txt")) classes = class_names(member.bytes);
    }
    if (files.empty()) bad_input(paths[0], "holds no .bin files: it is not CIFAR-10's binary version");
    files[0].held = std::move(archive); // its bytes stay where they are
  } else {
    std::error_code none;
    if (const fs::path meta = place / "batches.meta.txt"; fs::is_regular_file(meta, none))
      classes = class_names(read_bytes(meta.string()));
    for (const std::string& path : paths) {
      files.push_back({path, read_bytes(path), {}});
      files.back().bytes = files.back().held;
    }
  }
  std::ranges::sort(files, {}, &Named::name);

  std::vector<Dataset> train, cut_off, test;
  std::vector<std::string> cut_names;
  bool known = false;
  int64_t whole = 0, tested = 0;
  std::vector<std::string> missing = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"};
  for (const Named& file : files) {
    Dataset data = read_cifar(file.bytes, classes, file.name);
    const std::string stem = stem_of(file.name);
    const int64_t n = data.size();
    if (stem.starts_with("test")) {
      known |= stem.starts_with("test_batch");
      tested += n;
      test.push_back(std::move(data));
    } else if (stem.starts_with("data_batch_") && n != of_batch) {
      known = true;
      cut_names.push_back(text(n, " of ", stem.substr(0, std::string("data_batch_1").size())));
      cut_off.push_back(std::move(data));
    } else {
      known |= stem.starts_with("data_batch_");
      whole += std::erase(missing, stem);
      train.push_back(std::move(data));
    }
  }
  if (train.empty()) std::swap(train, cut_off);
  if (train.empty()) bad_input(place.string(), "holds test records alone: there is nothing to learn from");
  out.train = together(std::move(train));
  if (!cut_off.empty()) out.validation = together(std::move(cut_off));
  if (!test.empty()) out.test = together(std::move(test));
  const int64_t learned = out.train.size() + (out.validation ? out.validation->size() : 0);
  std::string name = place.filename().string(), description = text(learned + tested, " pictures of 32 x 32 in colour");
  if (known && missing.empty() && tested == of_batch) {
    name = "cifar10";
    description = "CIFAR-10: 60,000 pictures of 32 x 32 in colour, ten classes (Krizhevsky)";
  } else if (known) {
    name = "part of cifar10";
    description = text("a part of CIFAR-10, not the whole: ", learned, " of its 50000 training pictures and ", tested,
                       " of its 10000 test pictures");
    std::string remark = text("a part of CIFAR-10: ", whole, " of 5 training files");
    if (!cut_names.empty()) remark += text(", the first ", join(cut_names, ", "), out.validation ? " to validate" : "");
    remark += text("; ", tested, " of 10000 test pictures");
    out.remarks.push_back(missing.empty() ? remark : text(remark, "; not there as a whole: ", join(missing, ", ")));
  }
  for (Dataset* part : {&out.train, out.validation ? &*out.validation : nullptr, out.test ? &*out.test : nullptr}) {
    if (!part) continue;
    part->schema.name = name;
    part->schema.description = description;
  }
  return out;
}

} // namespace vitro

// A folder of pictures as a data set: a sub-folder for each class, its name the class's.
//
// Pictures are decoded once, brought to one size, and kept as bytes; what was decoded is remembered (picture_cache.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace vitro {

struct PictureOptions {
  std::optional<PictureSize> size = {}; // default: theirs, where all have the same; else `usual_size`
  std::optional<int64_t> channels = {}; // 1: grey, 3: colour; default: grey where all are
  Fit fit = Fit::crop;
  bool skip_bad = false; // what can't be read is left out, and named in a remark
  bool operator==(const PictureOptions&) const = default;
};

/// Whether files by this name are taken for pictures: .png, .jpg and the like, and the endings of formats that can't be
/// read, which are said so. Other files in a folder of pictures are passed over.
bool has_picture_name(const std::string& path);

/// Whether there is one in the folder, or the folders in it.
bool holds_pictures(const std::string& directory);

/// What a folder holds. Samples u8 [channels, height, width], pixels / 255, not standardised.
struct PictureFolder {
  Dataset train;                           // or all, where the folder has no parts
  std::optional<Dataset> validation, test; // where it has them
  std::vector<std::string> remarks;
};
/// `directory` holds a folder for each class, their order that of their names; or folders train, val (valid,
/// validation) and test, each of which does. Throws bad_input, naming the file, for a folder without pictures, one
/// class alone, a class of test that train does not have, and (unless bad ones are skipped) the first picture that
/// can't be read.
PictureFolder open_picture_folder(const std::string& directory, const PictureOptions& options);

/// Pictures for a saved schema (predict, eval).
struct RawPictures {
  Dataset data;
  std::vector<std::string> names = {};   // of each sample its file
  bool labelled = false;                 // all lie in folders that are called as classes are
  bool prepared = false;                 // as ink, not only scaled (data/ink.h)
  std::vector<std::string> skipped = {}; // with skip_bad: what can't be read
};
/// `paths`: pictures, and folders, of which all in them. Each becomes a sample as `schema.picture` says; `as_is`: only
/// scaled. Throws bad_input for a schema that is none of pictures, no picture at all, one that can't be read.
RawPictures open_pictures_as(const Schema& schema, const std::vector<std::string>& paths, bool as_is, bool skip_bad);

} // namespace vitro

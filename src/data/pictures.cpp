#include "data/pictures.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "data/class_folders.h"
#include "data/each_file.h"
#include "data/folder.h"
#include "data/ink.h"
#include "data/picture_cache.h"
#include "data/picture_file.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

constexpr FileKind pictures_kind = {has_picture_name, "picture", "pictures", "PNG or JPEG pictures",
                                    "; or IDX files, as train-images-idx3-ubyte"};

constexpr int64_t usual_side = 64, most_kept = 128 * 128; // pictures of one size keep it up to so many pixels
constexpr int64_t most_bytes = int64_t(1) << 29;          // of a file
constexpr int64_t settled_ns = 2'000'000'000;             // the coarsest clock of a file system: FAT's

Bytes picture_bytes(const std::string& path) {
  if (stamp_of(path).bytes > most_bytes)
    bad_input(path, text("has more than ", most_bytes, " bytes: no picture has"), "leave it out");
  return read_raw_bytes(path);
}

struct Sizing {
  PictureSize size;
  std::string remark;
};

// `sizes` of pictures whose header could be read.
Sizing sizing(std::vector<PictureSize> sizes, const PictureOptions& options) {
  const auto [low, high] =
      std::ranges::minmax(sizes, {}, [](const PictureSize& size) { return size.height * size.width; });
  const bool alike = std::ranges::all_of(sizes, [&](const PictureSize& size) { return size == sizes[0]; });
  if (alike && low.height * low.width <= most_kept) return {low, text("pictures: all ", low)};
  std::ranges::nth_element(sizes, sizes.begin() + std::ptrdiff_t(sizes.size() / 2), {},
                           [](const PictureSize& size) { return std::min(size.height, size.width); });
  const PictureSize& middle = sizes[sizes.size() / 2];
  const int64_t side = std::clamp<int64_t>(std::min(middle.height, middle.width) / 16 * 16, 16, usual_side);
  const char* done = options.fit == Fit::crop  ? "scaled, its middle cut out,"
                     : options.fit == Fit::pad ? "scaled, black beside it,"
                                               : "drawn";
  return {{side, side},
          text("pictures: ", alike ? text("all ", low) : text(low, " to ", high), "; each is ", done, " to ", side,
               " x ", side, " (data.size, data.fit)")};
}

DecodedPictures decoded(const std::vector<std::string>& paths, const PictureOptions& options) {
  const auto n = int64_t(paths.size());
  DecodedPictures out;
  out.bad.resize(paths.size());
  PictureSize size;
  if (options.size) {
    size = *options.size;
    out.remark = text("pictures: each ", size, " (data.size), ", name(options.fit));
  } else {
    std::vector<PictureSize> sizes(paths.size());
    out.bad = each_file(n, options.skip_bad, [&](int64_t i) {
      sizes[size_t(i)] = size_of_picture(picture_bytes(paths[size_t(i)]), paths[size_t(i)]);
    });
    if (!options.skip_bad) raise_first(out.bad);
    std::erase_if(sizes, [](const PictureSize& one) { return one == PictureSize{}; });
    if (sizes.empty()) raise(out.bad[0]);
    const Sizing found = sizing(std::move(sizes), options);
    size = found.size;
    out.remark = found.remark;
  }
  // Until all are seen nobody knows whether one has colour.
  const int64_t channels = options.channels.value_or(3), plane = size.height * size.width;
  std::atomic<bool> colour = false, scaled = false;
  out.samples = Tensor(Type{DType::u8, {n, channels, size.height, size.width}});
  uint8_t* const pixels = out.samples.as<uint8_t>().data();
  const std::vector<std::string> wrong = each_file(n, options.skip_bad, [&](int64_t i) {
    if (!out.bad[size_t(i)].empty()) return;
    Picture picture = read_picture(picture_bytes(paths[size_t(i)]), paths[size_t(i)]);
    if (channels == 1 || is_grey(picture))
      picture = grey_of(picture);
    else
      colour = true;
    if (picture.size != size) scaled = true;
    picture = fitted(picture, size, options.fit);
    to_planes(channels == 1 ? picture : colour_of(picture), pixels + i * channels * plane);
  });
  if (!options.skip_bad) raise_first(wrong);
  out.scaled = scaled;
  const int64_t kept_channels = options.channels ? channels : colour ? 3 : 1;
  int64_t kept = 0; // moved together: the readable ones, and one plane of what has no colour
  for (int64_t i = 0; i < n; ++i) {
    if (!wrong[size_t(i)].empty()) out.bad[size_t(i)] = wrong[size_t(i)];
    if (!out.bad[size_t(i)].empty()) continue;
    std::memmove(pixels + kept++ * kept_channels * plane, pixels + i * channels * plane, size_t(kept_channels * plane));
  }
  if (kept == 0) raise(out.bad[0]);
  if (kept < n || kept_channels < channels) {
    Tensor samples(Type{DType::u8, {kept, kept_channels, size.height, size.width}});
    std::memcpy(samples.as<uint8_t>().data(), pixels, size_t(samples.elements()));
    out.samples = std::move(samples);
  }
  return out;
}

DecodedPictures decoded_or_remembered(const std::string& directory, const std::vector<ClassFile>& pictures,
                                      const PictureOptions& options) {
  std::vector<std::string> paths;
  std::string state;
  int64_t youngest = 0;
  const auto look = [&] {
    state.clear();
    for (const ClassFile& one : pictures) {
      const FileStamp stamp = stamp_of(joined(directory, one.name));
      youngest = std::max({youngest, stamp.modified_ns, stamp.changed_ns});
      state += text(one.name, '\0', stamp.bytes, " ", stamp.modified_ns, " ", stamp.changed_ns, "\n");
    }
    return state;
  };
  for (const ClassFile& one : pictures) paths.push_back(joined(directory, one.name));
  std::error_code none;
  const std::string folder = fs::weakly_canonical(directory, none).string();
  const auto place = [&](const std::string& size, int64_t channels) {
    return text(folder, "\n", size, "\n", channels, " ", name(options.fit), " ", options.skip_bad);
  };
  const std::string before = look();
  const PictureCache cache(place(options.size ? options.size->str() : "", options.channels.value_or(0)), before);
  if (std::optional<DecodedPictures> held = cache.load(); held && held->bad.size() == paths.size()) return *held;
  DecodedPictures out = decoded(paths, options);
  // A file that is written to while it is read, or so shortly before that its time may not tell, is not remembered.
  const int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (look() != before || youngest >= now - settled_ns) return out;
  const Shape& shape = out.samples.shape();
  cache.store(out, place(PictureSize{shape[2], shape[3]}.str(), shape[1]));
  return out;
}

// A net takes bytes as pixels / 255.
Schema schema_of(const std::string& directory, const ClassFolders& found, const DecodedPictures& pictures, Fit fit) {
  Schema out;
  fs::path name = fs::path(directory).lexically_normal();
  if (name.filename().empty()) name = name.parent_path();
  out.name = name.filename().empty() || name.filename() == "." ? "pictures" : name.filename().string();
  const Shape& shape = pictures.samples.shape();
  out.raw = DType::u8;
  out.sample = Shape{shape[1], shape[2], shape[3]};
  out.description = text(shape[0], " pictures ", shape[2], " x ", shape[3], shape[1] == 1 ? ", grey" : ", in colour");
  out.classes = found.classes;
  out.input.scale = 1.0 / 255;
  out.picture = PictureForm{.fit = fit};
  return out;
}

} // namespace

bool has_picture_name(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  for (char& letter : ending)
    if (letter >= 'A' && letter <= 'Z') letter = char(letter - 'A' + 'a');
  static constexpr std::array endings = {".png",  ".jpg",  ".jpeg", ".jpe", ".jfif", ".heic", ".heif",
                                         ".avif", ".webp", ".gif",  ".bmp", ".tif",  ".tiff", ".jxl"};
  return std::ranges::find(endings, ending) != endings.end();
}

bool holds_pictures(const std::string& directory) {
  return std::ranges::any_of(files_below(directory), has_picture_name);
}

PictureFolder open_picture_folder(const std::string& directory, const PictureOptions& options) {
  const ClassFolders found = find_classes(directory, pictures_kind);
  const DecodedPictures pictures = decoded_or_remembered(directory, found.files, options);
  const Schema schema = schema_of(directory, found, pictures, options.fit);
  PictureFolder out;
  out.remarks.push_back(text(pictures.remark, schema.sample[0] == 1 ? ", grey" : ", in colour"));
  std::vector<std::string> names, skipped;
  std::array<std::vector<int64_t>, 3> rows;
  std::vector<double> labels;
  for (size_t i = 0; i < found.files.size(); ++i) {
    const ClassFile& one = found.files[i];
    if (!pictures.bad[i].empty()) {
      skipped.push_back(one.name);
      continue;
    }
    rows[one.part].push_back(int64_t(names.size()));
    names.push_back(one.name);
    labels.push_back(one.label);
  }
  if (!skipped.empty())
    out.remarks.push_back(text("skipped ", skipped.size(), " of ", found.files.size(),
                               " pictures, which can't be read: ", some_of(skipped)));
  if (!found.passed_over.empty())
    out.remarks.push_back(text("passed over ", found.passed_over.size(),
                               found.passed_over.size() == 1 ? " file" : " files",
                               " that by the name are no pictures: ", some_of(found.passed_over)));
  out.remarks.insert(out.remarks.end(), found.remarks.begin(), found.remarks.end());

  Dataset all{schema,
              pictures.samples,
              Tensor(Shape{int64_t(labels.size())}, labels, DType::i32),
              Tensor(Type{DType::f32, {0}}),
              {directory, "picture", {}, std::make_shared<const std::vector<std::string>>(std::move(names))}};
  check(all, directory);
  out.train = take(all, rows[0]);
  // Pictures that were scaled are whatever scaling makes of them.
  if (!pictures.scaled) out.train.schema.picture->ink = ink_length(out.train.samples);
  const std::vector<int64_t> counts = class_counts(out.train);
  for (size_t c = 0; c < counts.size(); ++c)
    if (counts[c] == 0)
      bad_input(directory, text("has no picture of the class ", schema.classes[c], " to learn from that can be read"));
  if (found.parts[1]) out.validation = take(all, rows[1]);
  if (found.parts[2]) out.test = take(all, rows[2]);
  return out;
}

RawPictures open_pictures_as(const Schema& schema, const std::vector<std::string>& paths, bool as_is, bool skip_bad) {
  const std::string asked = paths.empty() ? std::string("pictures") : paths[0];
  if (!schema.picture)
    bad_input(asked,
              text("is a picture, or a folder of them; the net takes ",
                   schema.columns.empty() ? text("samples ", schema.sample) : std::string("the rows of a table")));
  RawPictures out{empty_like(schema)};
  std::vector<int32_t> labels;
  for (const std::string& path : paths) {
    std::error_code none;
    if (!fs::is_directory(path, none)) {
      out.names.push_back(path);
      labels.push_back(-1);
      continue;
    }
    const size_t before = out.names.size();
    for (const std::string& file : files_below(path)) {
      if (!has_picture_name(file)) continue;
      out.names.push_back(joined(path, file));
      const auto found = std::ranges::find(schema.classes, file.substr(0, file.find('/')));
      const bool of_class = file.find('/') != std::string::npos && found != schema.classes.end();
      labels.push_back(of_class ? int32_t(found - schema.classes.begin()) : -1);
    }
    if (out.names.size() == before) bad_input(path, "holds no picture, read are PNG and JPEG");
  }
  const PictureForm& form = *schema.picture;
  const PictureSize size{schema.sample[1], schema.sample[2]};
  const auto n = int64_t(out.names.size());
  const int64_t elements = schema.sample.elements();
  Bytes pixels(size_t(n * elements));
  out.prepared = form.ink > 0 && !as_is;
  const std::vector<std::string> wrong = each_file(n, skip_bad, [&](int64_t i) {
    const std::string& path = out.names[size_t(i)];
    Picture picture = read_picture(picture_bytes(path), path);
    if (schema.sample[0] == 1) picture = grey_of(picture);
    picture =
        out.prepared ? as_ink(picture, size, form.ink, path) : fitted(picture, size, form.fit.value_or(Fit::crop));
    to_planes(schema.sample[0] == 1 ? picture : colour_of(picture), &pixels[size_t(i * elements)]);
  });
  if (!skip_bad) raise_first(wrong);
  std::vector<std::string> names;
  std::vector<double> kept_labels;
  for (size_t i = 0; i < wrong.size(); ++i) {
    if (!wrong[i].empty()) {
      out.skipped.push_back(out.names[i]);
      continue;
    }
    std::memmove(&pixels[names.size() * size_t(elements)], &pixels[i * size_t(elements)], size_t(elements));
    names.push_back(out.names[i]);
    kept_labels.push_back(labels[i]);
  }
  if (names.empty()) raise(wrong.empty() ? text("[", asked, "] holds no picture") : wrong[0]);
  out.names = std::move(names);
  const auto kept = int64_t(out.names.size());
  out.data.samples = Tensor(Type{DType::u8, {kept, schema.sample[0], size.height, size.width}});
  std::memcpy(out.data.samples.as<uint8_t>().data(), pixels.data(), size_t(kept * elements));
  out.labelled =
      schema.goal == Goal::classes && std::ranges::all_of(kept_labels, [](double label) { return label >= 0; });
  if (out.labelled) out.data.labels = Tensor(Shape{kept}, kept_labels, DType::i32);
  out.data.origin = {"", "picture", {}, {}};
  return out;
}

} // namespace vitro

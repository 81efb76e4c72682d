#include "data/open.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "data/arrays.h"
#include "data/bytes.h"
#include "data/cifar.h"
#include "data/forecast.h"
#include "data/idx.h"
#include "data/ink.h"
#include "data/npy.h"
#include "data/picture_file.h"
#include "data/sound_file.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

// How many of n rows a part gets: `asked` is a share below 1, a number from 1 on.
int64_t share_of(double asked, int64_t n, const std::string& what, const std::string& where) {
  if (!(asked >= 0) || (asked >= 1 && asked != std::floor(asked)) || asked >= double(n))
    bad_input(where, text(what, " is ", asked, ": a share from 0 to below 1, or a number of samples below ", n,
                          ", was expected"));
  return asked < 1 ? int64_t(std::floor(double(n) * asked + 0.5)) : int64_t(asked);
}

std::vector<int64_t> range(int64_t first, int64_t last) {
  std::vector<int64_t> rows(size_t(std::max<int64_t>(0, last - first)));
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

// The first `samples` rows, where the user asked for fewer than there are.
void keep_first(Dataset& data, const DataOptions& options, const std::string& where) {
  if (!options.samples || *options.samples == data.size()) return;
  if (*options.samples < 1 || *options.samples > data.size())
    bad_input(where, text("samples is ", *options.samples, ", 1 to ", data.size(), " was expected"));
  data = take(data, range(0, *options.samples));
}

void check_not_generated(const DataOptions& options, const std::string& where) {
  if (options.classes || options.noise) bad_input(where, "takes neither classes nor noise: it is not generated");
}

// A set that comes with its own test part: validation is the end of the training part, the n-th of it where not stated.
Splits with_own_test(Dataset train, Dataset test, const DataOptions& options, const std::string& where,
                     int64_t validation = 6) {
  if (options.test) bad_input(where, "comes with its own test part: test can't be chosen", "leave test out");
  check_not_generated(options, where);
  const int64_t n = train.size();
  const int64_t kept = options.validation ? share_of(*options.validation, n, "validation", where) : n / validation;
  Splits out{take(train, range(0, n - kept)), take(train, range(n - kept, n)), std::move(test)};
  keep_first(out.train, options, where);
  return out;
}

// Mean and deviation of the pixels of each channel, after the scale, in exact integer sums.
Scaling pixel_scaling(const Tensor& samples, double scale) {
  const Shape& shape = samples.shape();
  const int64_t channels = shape.rank() == 4 ? shape[1] : 1, n = shape[0], run = samples.elements() / n / channels;
  Scaling out{scale, {}, {}};
  for (int64_t c = 0; c < channels; ++c) {
    uint64_t sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i)
      for (const uint8_t pixel : samples.as<uint8_t>().subspan(size_t((i * channels + c) * run), size_t(run))) {
        sum += pixel;
        squares += uint64_t(pixel) * pixel;
      }
    const double mean = double(sum) / double(n * run), variance = double(squares) / double(n * run) - mean * mean;
    out.mean.push_back(mean * scale);
    out.deviation.push_back(variance > 0 ? math::sqrt(variance) * scale : 1);
  }
  return out;
}

// Fits the scalings on the training part and gives them to all parts.
void scale_by_training(Splits& parts) {
  Schema& schema = parts.train.schema;
  const Tensor& samples = parts.train.samples;
  if (schema.raw == DType::u8)
    schema.input = pixel_scaling(samples, schema.input.scale);
  else
    schema.input = standardise(samples.reshaped({parts.train.size(), schema.sample.elements()}));
  if (schema.goal == Goal::numbers) schema.target = standardise(parts.train.targets);
  parts.validation.schema = parts.test.schema = schema;
}

// `test`: the share where none is stated.
Splits dealt(const Dataset& all, const DataOptions& options, const std::string& where, double test = 0.1) {
  check_not_generated(options, where);
  const int64_t n = all.size();
  const auto share = [&](const std::optional<double>& asked, const char* what, double usual) {
    if (!asked) return usual;
    const int64_t rows = share_of(*asked, n, what, where); // checks a share, counts rows
    return *asked < 1 ? *asked : double(rows) / double(n);
  };
  Splits out =
      split(all, share(options.validation, "validation", 0.1), share(options.test, "test", test), options.seed);
  keep_first(out.train, options, where);
  scale_by_training(out);
  return out;
}

// What a file holds, by its first bytes: no text begins with a zero byte, and IDX files do. Only CIFAR's records begin
// with nothing in particular.
enum class Kind : uint8_t { text, idx, npy, npz, picture, sound };
Kind kind_of(ByteSource& source) {
  std::array<uint8_t, 16> head{};
  const ByteSpan read(head.data(), source.read(head));
  source.rewind();
  if (picture_format(read) != PictureFormat::none) return Kind::picture;
  if (sound_format(read) != SoundFormat::none) return Kind::sound;
  if (is_npy(read)) return Kind::npy;
  if (is_npz(read)) return Kind::npz;
  return !read.empty() && read[0] == 0 ? Kind::idx : Kind::text;
}

Bytes rest_of(ByteSource& source) {
  Bytes out;
  size_t held = 0;
  do {
    out.resize(held + std::max<size_t>(held, size_t(1) << 20));
    held += source.read(std::span(out).subspan(held));
  } while (held == out.size());
  out.resize(held);
  return out;
}

Splits table(ByteSource& source, const std::string& path, const std::string& name, const DataOptions& options) {
  if (options.classes || options.noise) bad_input(path, "takes neither classes nor noise: it is not generated");
  TabularOptions own = options.table;
  own.standardise = options.standardise;
  own.seed = options.seed;
  own.validation = options.validation;
  own.test = options.test;
  own.samples = options.samples;
  return own.forecast.empty() ? open_table(source, path, name, own) : open_forecast(source, path, name, own);
}

Splits text_of(ByteSpan bytes, const std::string& path, const std::string& name, const DataOptions& options,
               double test) {
  check_not_generated(options, path);
  TextOptions own = options.text;
  own.validation = options.validation;
  own.test = options.test;
  own.samples = options.samples;
  Splits out = open_text(bytes, path, name, own, test);
  out.files = {path};
  return out;
}

// Whether a file of words and numbers is meant to be a table.
bool is_table(ByteSource& source, const std::string& path, const DataOptions& options) {
  if (options.read_as != ReadAs::looks) return options.read_as == ReadAs::table;
  if (options.text.unit || options.text.steps) return false;
  const TabularOptions& t = options.table;
  const bool asked = !t.target.empty() || !t.forecast.empty() || !t.group.empty() || !t.test_file.empty() ||
                     !t.columns.empty() || !t.drop.empty() || !t.missing.empty() || t.goal || t.folds > 0 ||
                     t.dialect.separator || t.dialect.header;
  if (asked) return true;
  fs::path file(path);
  if (file.extension() == ".gz") file = file.stem();
  const std::string ending = file.extension().string();
  for (const char* table : {".csv", ".tsv", ".tab", ".psv", ".data", ".dat"})
    if (ending == table) return true;
  Bytes head(size_t(64) << 10);
  head.resize(source.read(head));
  source.rewind();
  // The last line may be cut off.
  const auto end = std::find(head.rbegin(), head.rend(), uint8_t{'\n'});
  return looks_like_table(ByteSpan(head).first(end == head.rend() ? head.size() : size_t(head.rend() - end)));
}

bool is_file(const std::string& path) {
  std::error_code none;
  return fs::is_regular_file(path, none);
}

std::string replaced(std::string all, const std::string& from, const std::string& to) {
  const size_t at = all.rfind(from);
  return at == std::string::npos ? std::string() : all.replace(at, from.size(), to);
}

// `path`, or the same file packed or unpacked; "" if there is none.
std::string packed_or_not(const std::string& path) {
  if (path.empty() || is_file(path)) return path;
  const std::string other = path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path + ".gz";
  return is_file(other) ? other : std::string();
}

// `path` with `from` in its last component replaced, packed or not; "" if that is no file.
std::string sibling(const std::string& path, const std::string& from, const std::string& to) {
  const fs::path whole(path);
  const std::string file = replaced(whole.filename().string(), from, to);
  return file.empty() ? file : packed_or_not((whole.parent_path() / file).string());
}

// The labels beside an IDX file of images: "images" becomes "labels", "idx3" (or 4, 2) becomes "idx1".
std::string labels_beside(const std::string& images) {
  const fs::path whole(images);
  std::string file = replaced(whole.filename().string(), "images", "labels");
  if (file.empty()) return file;
  for (const char* rank : {"idx3", "idx4", "idx2"})
    if (const std::string named = replaced(file, rank, "idx1"); !named.empty()) file = named;
  return packed_or_not((whole.parent_path() / file).string());
}

Dataset read_pair(Tensor images, const std::string& path, const std::string& labels, std::vector<std::string> classes) {
  return idx_dataset(std::move(images), read_idx(read_bytes(labels), labels), std::move(classes), path, labels);
}

std::string stem_of(const std::string& path) {
  if (path == "-") return "data";
  fs::path name = fs::path(path).filename();
  if (name.empty()) name = fs::path(path).parent_path().filename();
  if (name.extension() == ".gz") name = name.stem();
  return name.stem().empty() ? "data" : name.stem().string();
}

Splits open_idx(const std::string& path, Tensor images, const std::string& name, const DataOptions& options) {
  if (images.shape().rank() == 1)
    bad_input(path, text("holds a list of ", images.elements(), " numbers, images were expected"),
              "name the file of images; its labels are found beside it");
  const std::string labels = labels_beside(path);
  if (labels.empty())
    bad_input(path, "holds images, but no file of labels lies beside it",
              "the labels' file is called as the images' is, with \"labels\" for \"images\"");
  Dataset train = read_pair(std::move(images), path, labels, {});
  train.schema.name = name;
  train.schema.description = text(train.size(), " samples ", train.schema.sample, " from IDX files");
  std::string test_path = sibling(path, "train", "t10k");
  if (test_path.empty()) test_path = sibling(path, "train", "test");
  if (test_path.empty()) {
    Splits out = dealt(train, options, path);
    out.files = {path, labels};
    return out;
  }

  const std::string test_labels = labels_beside(test_path);
  if (test_labels.empty()) bad_input(test_path, "holds test images, but no file of labels lies beside it");
  // Classes are the training part's: a test label beyond them is an error.
  Dataset test = read_pair(read_idx(read_bytes(test_path), test_path), test_path, test_labels, train.schema.classes);
  if (test.schema.sample != train.schema.sample || test.schema.raw != train.schema.raw)
    bad_input(test_path, text("samples are ", test.samples.type(), ", those of training ", train.samples.type()));
  Splits out = with_own_test(std::move(train), std::move(test), options, path);
  scale_by_training(out);
  out.files = {path, labels, test_path, test_labels};
  return out;
}

// Parts that a set comes with stay what they are; the missing ones are dealt out of the training part.
Splits with_own_parts(Dataset train, std::optional<Dataset> validation, std::optional<Dataset> test,
                      const DataOptions& options, const std::string& where) {
  for (const auto& [own, asked, name] :
       {std::tuple(validation.has_value(), options.validation.has_value(), "validation"),
        std::tuple(test.has_value(), options.test.has_value(), "test")})
    if (own && asked)
      bad_input(where, text("comes with its own ", name, " part: ", name, " can't be chosen"),
                text("leave ", name, " out"));
  if (!validation && !test) return dealt(train, options, where);
  DataOptions of_train = options;
  if (validation) of_train.validation = 0;
  Splits out = dealt(train, of_train, where, 0);
  if (validation) out.validation = std::move(*validation);
  if (test) out.test = std::move(*test);
  scale_by_training(out);
  return out;
}

Splits open_records(const std::vector<std::string>& files, const std::string& where, const DataOptions& options) {
  CifarParts parts = read_cifar_files(files);
  const Scaling published = parts.train.schema.input;
  Splits out =
      parts.test && !parts.validation
          ? with_own_test(std::move(parts.train), std::move(*parts.test), options, where, 10)
          : with_own_parts(std::move(parts.train), std::move(parts.validation), std::move(parts.test), options, where);
  for (Dataset* part : {&out.train, &out.validation, &out.test}) part->schema.input = published;
  out.files = std::move(parts.files);
  out.remarks = std::move(parts.remarks);
  return out;
}

Splits open_pictures(const std::string& directory, const DataOptions& options) {
  PictureFolder folder = open_picture_folder(directory, options.pictures);
  const bool dealt_out = !folder.validation || !folder.test, none = folder.validation && !folder.test && !options.test;
  Splits out =
      with_own_parts(std::move(folder.train), std::move(folder.validation), std::move(folder.test), options, directory);
  out.remarks = std::move(folder.remarks);
  if (none)
    out.remarks.emplace_back("parts: as its folders say; there is no test part (data.test deals one)");
  else
    out.remarks.emplace_back(dealt_out ? "parts: what its folders do not say is dealt at random, class by class"
                                       : "parts: as its folders say");
  out.files = {directory};
  return out;
}

bool has_archive_name(const std::string& path) {
  return path.ends_with(".tar") || path.ends_with(".tar.gz") || path.ends_with(".tgz");
}

// Recordings: which part each is in. What groups, folders or the publisher say stands; the rest is dealt.
class SoundParts {
public:
  SoundParts(const SoundSet& set, const DataOptions& options, const std::string& where, bool published)
      : set_(set), options_(options), where_(where), part_(size_t(set.all.size()), open_) {
    const bool has_group = std::ranges::find(set.fields, "group") != set.fields.end();
    together_ = has_group || !options.table.group.empty();
    published_ = published && options.table.group.empty() && options.sounds.test_group.empty();
    by_ = !options.table.group.empty() ? options.table.group : published ? "speaker" : "group";
    if (together_ || published) groups_ = groups_of(set, by_, "data.group");
    assign(2, options.sounds.test_group, options.test.has_value(), "test");
    assign(1, options.sounds.validation_group, options.validation.has_value(), "validation");
    if (published_) take_as_published();
    deal();
  }

  Splits parts() const {
    std::array<std::vector<int64_t>, 3> rows;
    for (size_t i = 0; i < part_.size(); ++i) rows[part_[i]].push_back(int64_t(i));
    Splits out{take(set_.all, rows[0]), take(set_.all, rows[1]), take(set_.all, rows[2])};
    out.remarks = set_.remarks;
    out.remarks.insert(out.remarks.end(), remarks_.begin(), remarks_.end());
    return out;
  }

private:
  static constexpr uint8_t open_ = 3;

  // What groups or folders say of a part.
  void assign(uint8_t part, const std::vector<std::string>& asked, bool share, const char* name) {
    const bool own = set_.parts[part];
    if ((own || !asked.empty()) && share)
      bad_input(
          where_,
          text("has its ", name, " part by ", own ? "its folders" : "its groups", ": ", name, " can't be chosen, too"),
          text("leave ", name, " out"));
    if (own && !asked.empty())
      bad_input(where_, text("has its ", name, " part by its folders: data.", name, "_group has no meaning"));
    for (const int64_t row : set_.rows[part]) part_[size_t(row)] = part;
    if (asked.empty()) return;
    if (groups_.names.empty()) groups_ = groups_of(set_, by_, text("data.", name, "_group"));
    for (const std::string& group : asked) {
      const auto found = std::ranges::find(groups_.names, group);
      if (found == groups_.names.end())
        bad_input(text("data.", name, "_group"),
                  text("no ", by_, " is called \"", group, "\"", did_you_mean(group, groups_.names)),
                  text("there are ", join(groups_.names, ", ")));
      for (size_t i = 0; i < part_.size(); ++i) {
        if (groups_.of[i] != found - groups_.names.begin()) continue;
        if (part_[i] != open_ && part_[i] != part)
          bad_input(text("data.", name, "_group"), text(group, " is in another part already"));
        part_[i] = part;
      }
    }
    remarks_.push_back(text("parts: ", name, " is what is of ", join(asked, ", "), " (data.", name, "_group)"));
  }

  // The test set that FSDD's README names in its section "Usage".
  void take_as_published() {
    if (options_.test)
      bad_input(where_, "comes with its own test part: test can't be chosen",
                "leave test out, or hold a speaker out: data.test_group=\"jackson\"");
    const SoundGroups takes = groups_of(set_, "take", where_);
    for (size_t i = 0; i < part_.size(); ++i) {
      const std::string& take = takes.names[size_t(takes.of[i])];
      if (take.size() == 1 && take[0] >= '0' && take[0] <= '4' && part_[i] == open_) part_[i] = 2;
    }
    remarks_.emplace_back("parts: test is takes 0 to 4, as published; every speaker is in all parts");
  }

  void deal() {
    std::vector<int64_t> rest;
    std::array<bool, 3> held = {};
    for (size_t i = 0; i < part_.size(); ++i) {
      if (part_[i] == open_)
        rest.push_back(int64_t(i));
      else
        held[part_[i]] = true;
    }
    const auto n = int64_t(rest.size());
    // Of FSDD's 2,700 other takes as many as there are for the test.
    const auto share = [&](uint8_t part, const std::optional<double>& asked, const char* name) {
      if (held[part]) return 0.0;
      if (!asked) return published_ ? 1.0 / 9 : 0.1;
      const int64_t rows = share_of(*asked, n, name, where_);
      return *asked < 1 ? *asked : double(rows) / double(n);
    };
    const double validation = share(1, options_.validation, "validation"), test = share(2, options_.test, "test");
    std::vector<int32_t> strata, groups;
    std::vector<int32_t> renumbered(groups_.names.size(), -1);
    int32_t count = 0;
    for (const int64_t row : rest) {
      const auto i = size_t(row);
      const int32_t label = set_.all.label_of()[i], of = groups_.of.empty() ? 0 : groups_.of[i];
      // Each speaker's takes of a word are dealt on their own where both are known.
      strata.push_back(label * int32_t(std::max<size_t>(1, groups_.names.size())) + of);
      if (!together_) continue;
      if (renumbered[size_t(of)] < 0) renumbered[size_t(of)] = count++;
      groups.push_back(renumbered[size_t(of)]);
    }
    const int32_t wanted = 1 + (validation > 0 ? 1 : 0) + (test > 0 ? 1 : 0);
    if (together_ && count < wanted)
      bad_input(
          where_,
          text("has ", count, count == 1 ? " group" : " groups", " by the field ", by_, " for ", wanted, " parts"),
          "set data.validation=0; or call the field otherwise in the pattern, so that each group is on both sides");
    const SplitRows dealt = together_ ? split_groups(groups, validation, test, options_.seed)
                                      : split_rows(n, strata, validation, test, options_.seed);
    for (const auto& [rows, part] : {std::pair(&dealt.train, 0), {&dealt.validation, 1}, {&dealt.test, 2}})
      for (const int64_t row : *rows) part_[size_t(rest[size_t(row)])] = uint8_t(part);
    if (validation == 0 && test == 0) return;
    remarks_.push_back(text("parts: ",
                            held[1] || validation == 0 ? "test"
                            : held[2] || test == 0     ? "validation"
                                                       : "validation and test",
                            " dealt at random, ",
                            together_               ? text("all of a ", by_, " on one side")
                            : groups_.names.empty() ? "class by class"
                                                    : text("class by class and ", by_, " by ", by_)));
  }

  const SoundSet& set_;
  const DataOptions& options_;
  const std::string& where_;
  std::vector<uint8_t> part_;
  SoundGroups groups_;
  std::string by_; // the field that says groups
  bool together_ = false, published_ = false;
  std::vector<std::string> remarks_;
};

Splits open_recordings(const std::string& path, const DataOptions& options, const KnownSet* known = nullptr) {
  check_not_generated(options, path);
  SoundSet set = open_sounds(path, options.sounds, options.pictures.skip_bad);
  if (known) {
    set.all.schema.name = known->name;
    set.all.schema.description = known->doc;
  }
  Splits out = SoundParts(set, options, path, known != nullptr).parts();
  keep_first(out.train, options, path);
  const std::vector<int64_t> counts = class_counts(out.train);
  for (size_t c = 0; c < counts.size(); ++c)
    if (counts[c] == 0)
      bad_input(path, text("has no sound of the class ", out.train.schema.classes[c], " to learn from"));
  out.files = {path};
  return out;
}

// The IDX file of training images in a directory; "" where there is none.
std::string idx_in(const std::string& directory) {
  for (const char* name : {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images", "images-idx3-ubyte",
                           "images.idx3-ubyte", "images"})
    if (const std::string file = packed_or_not((fs::path(directory) / name).string()); !file.empty()) return file;
  return "";
}

Splits open_directory(const std::string& directory, const DataOptions& options) {
  if (const std::string file = idx_in(directory); !file.empty())
    return open_idx(file, read_idx(read_bytes(file), file), stem_of(directory), options);
  if (const std::vector<std::string> records = cifar_files(directory); !records.empty())
    return open_records(records, directory, options);
  if (!options.sounds.pattern.empty() || (holds_sounds(directory) && !holds_pictures(directory)))
    return open_recordings(directory, options);
  return open_pictures(directory, options);
}

Splits open_npz(ByteSource& source, const std::string& path, const std::string& name, const DataOptions& options) {
  ArraySet arrays = array_set(read_npz(rest_of(source), path), options.table.goal, path);
  arrays.train.schema.name = name;
  arrays.train.schema.description =
      text(arrays.train.size(), " samples ", arrays.train.schema.sample, " from arrays of numpy");
  Splits out = arrays.test ? with_own_test(std::move(arrays.train), std::move(*arrays.test), options, path)
                           : dealt(arrays.train, options, path);
  if (arrays.test) scale_by_training(out);
  out.files = {path};
  return out;
}

Splits open_as_published(const std::string& what, const DataOptions& options) {
  if (what.empty()) bad_input("data", "no data set was named", text("there are ", join(data_names(), ", ")));
  const bool any_text = options.text.unit || options.text.steps;
  const bool word = what != "-" && what.find_first_of("/.") == std::string::npos;
  if (word) {
    for (const Generator& generator : generators()) {
      if (generator.name != what) continue;
      if (options.read_as == ReadAs::table || (options.read_as == ReadAs::text && !generator.text))
        bad_input(what, text("is generated, and ", generator.text ? "a text" : "no text"), "leave data.kind out");
      if (options.text.unit) bad_input(what, "is generated: its unit can't be chosen", "leave data.unit out");
      GenerateOptions g{options.samples,    {},           {},           options.classes, options.noise,
                        options.text.steps, options.seed, options.numpy};
      const auto held_out = [&](const std::optional<double>& asked, const char* part) -> std::optional<int64_t> {
        if (!asked) return std::nullopt;
        const int64_t n = options.samples.value_or(generator.samples);
        if (*asked >= 1 && *asked == std::floor(*asked) && *asked < 1e9)
          return int64_t(*asked); // drawn fresh: any number
        return share_of(*asked, n, part, what);
      };
      g.validation = held_out(options.validation, "validation");
      g.test = held_out(options.test, "test");
      return generate(what, g);
    }
    for (const KnownSet& set : known_sets()) {
      if (!set.called(what)) continue;
      if (set.form == PublishedAs::text) {
        const std::string file = find_known(set, options.data_dir)[0];
        Splits out = text_of(read_bytes(file), file, set.name, options, 0);
        for (Dataset* part : {&out.train, &out.validation, &out.test}) part->schema.description = set.doc;
        return out;
      }
      if (any_text || options.read_as == ReadAs::text) bad_input(what, "is no text", "leave kind, unit and steps out");
      if (set.table()) {
        const std::string file = find_known(set, options.data_dir)[0];
        DataOptions own = options;
        if (own.table.target.empty() && own.table.forecast.empty()) own.table.target = set.target;
        ByteSource source = ByteSource::open(file);
        return table(source, file, set.name, own);
      }
      if (set.form == PublishedAs::cifar) return open_records(find_known(set, options.data_dir), what, options);
      if (set.form == PublishedAs::sounds) {
        DataOptions own = options;
        if (own.sounds.pattern.empty()) own.sounds.pattern = set.pattern;
        return open_recordings(find_known(set, options.data_dir)[0], own, &set);
      }
      Published published = read_known(set, options.data_dir);
      Splits out = with_own_test(std::move(published.train), std::move(published.test), options, what);
      out.files = std::move(published.files);
      return out;
    }
    bad_input("data", text("no data set is called \"", what, "\"", did_you_mean(what, data_names())),
              text("there are ", join(data_names(), ", "), "; a file is named with its ending or a path, as ./", what));
  }
  std::error_code none;
  const bool directory = fs::is_directory(what, none);
  if (directory && (any_text || options.read_as != ReadAs::looks))
    bad_input(what, "is a directory: kind, unit and steps are for a file of text", "name the file");
  if (directory) return open_directory(what, options);
  if (has_cifar_name(what) && options.read_as == ReadAs::looks) return open_records({what}, what, options);
  if (has_archive_name(what) && is_file(what)) return open_recordings(what, options);
  ByteSource source = ByteSource::open(what);
  const Kind kind = options.read_as == ReadAs::text ? Kind::text : kind_of(source);
  if (kind == Kind::text && is_table(source, what, options)) return table(source, what, stem_of(what), options);
  if (kind == Kind::text) {
    Splits out = text_of(rest_of(source), what, stem_of(what), options, 0.05);
    if (options.read_as == ReadAs::looks && !any_text)
      out.remarks.insert(out.remarks.begin(), text("read as a text: it does not look like a table (kind=table if it is "
                                                   "one)"));
    return out;
  }
  if (any_text || options.read_as != ReadAs::looks)
    bad_input(what, "is no file of text", "leave kind, unit and steps out");
  if (kind == Kind::picture)
    bad_input(what, "is one picture: there is nothing to tell apart", "name a folder with a sub-folder for each class");
  if (kind == Kind::sound)
    bad_input(what, "is one sound: there is nothing to tell apart", "name a folder with a sub-folder for each class");
  if (kind == Kind::npz) return open_npz(source, what, stem_of(what), options);
  if (kind == Kind::npy)
    bad_input(what, "is one array: there is nothing beside it to predict", "numpy.savez(\"data.npz\", x=..., y=...)");
  return open_idx(what, read_idx(rest_of(source), what), stem_of(what), options);
}

} // namespace

std::vector<std::string> data_names() {
  std::vector<std::string> names;
  for (const SourceEntry& entry : catalogue_of_data()) names.push_back(entry.name);
  return names;
}

namespace {

// What is known once the parts are: the form of generated sounds, and the training part's mean.
void finish_sounds(Splits& out, const std::string& what, const DataOptions& options) {
  Schema& schema = out.train.schema;
  if (schema.generated) {
    SoundOptions form = options.sounds;
    if ((form.rate && *form.rate != schema.sound->rate) || !form.pattern.empty() || !form.test_group.empty() ||
        !form.validation_group.empty())
      bad_input(what, "is generated: rate, pattern and groups have no meaning for it", "leave them out");
    schema.sound = form_of(form, schema.sound->rate);
  }
  if (!options.standardise) schema.sound->normalise = Normalise::none;
  if (schema.sound->normalise == Normalise::set) schema.input = feature_scaling(out.train);
  out.validation.schema = out.test.schema = schema;
}

} // namespace

Splits open_data(const std::string& what, const DataOptions& options) {
  Splits out = open_as_published(what, options);
  PictureOptions pictures = options.pictures;
  if (out.train.schema.sound) pictures.skip_bad = false; // theirs, too
  if (const std::optional<PictureForm>& form = out.train.schema.picture;
      pictures != PictureOptions{} && !(form && form->fit))
    bad_input(what, "is no folder of pictures: size, channels, fit and skip_bad have no meaning for it",
              "leave them out");
  if (out.train.schema.sound)
    finish_sounds(out, what, options);
  else if (options.sounds != SoundOptions{})
    bad_input(what,
              "is no set of sounds: pattern, rate, frames, features and what else is said of these have no meaning",
              "leave them out");
  else if (!options.standardise) {
    Schema& schema = out.train.schema;
    schema.input = {schema.raw == DType::u8 ? 1.0 / 255 : 1.0};
    if (schema.goal == Goal::numbers) schema.target = {};
    out.validation.schema = out.test.schema = schema;
  }
  // What a photograph needs, to be like what was learned from, is seen in the training part.
  Schema& schema = out.train.schema;
  const Shape& sample = schema.sample;
  if (schema.raw == DType::u8 && sample.rank() == 3 && (sample[0] == 1 || sample[0] == 3)) {
    if (!schema.picture) schema.picture = PictureForm{.ink = ink_length(out.train.samples)};
    out.validation.schema = out.test.schema = schema;
  }
  return out;
}

bool are_pictures(const std::string& path) {
  std::error_code none;
  if (path != "-" && fs::is_directory(path, none)) return true;
  if (path == "-" || !is_file(path) || has_cifar_name(path)) return false;
  ByteSource source = ByteSource::open(path);
  return kind_of(source) == Kind::picture;
}

bool are_sounds(const std::string& path) {
  std::error_code none;
  if (path != "-" && fs::is_directory(path, none)) return true;
  if (path == "-" || !is_file(path) || has_cifar_name(path)) return false;
  ByteSource source = ByteSource::open(path);
  return kind_of(source) == Kind::sound;
}

RawFile open_as(const Schema& schema, const std::string& path, const TabularOptions& options) {
  if (schema.text) return {open_text_as(read_bytes(path), schema, path), true};
  if (schema.sound || (are_sounds(path) && !are_pictures(path))) {
    RawSounds sounds = open_sounds_as(schema, {path}, false);
    return {std::move(sounds.data), sounds.labelled};
  }
  if (are_pictures(path)) {
    RawPictures pictures = open_pictures_as(schema, {path}, false, false);
    return {std::move(pictures.data), pictures.labelled};
  }
  if (has_cifar_name(path)) {
    Dataset records = read_cifar(read_bytes(path), schema.classes, path);
    if (records.schema.sample != schema.sample || records.schema.raw != schema.raw)
      bad_input(path, text("holds records of ", records.schema.sample, ", the net takes samples ", schema.sample));
    records.schema = schema;
    return {std::move(records), true};
  }
  ByteSource source = ByteSource::open(path);
  const Kind kind = kind_of(source);
  if (kind == Kind::text && schema.picture && schema.picture->fit)
    bad_input(path, "is text, the net takes pictures", "name PNG or JPEG files, or a folder of them");
  if (kind == Kind::text)
    return schema.forecast ? open_forecast_as(source, schema, path, options)
                           : open_table_as(source, schema, path, options);
  if (schema.forecast) bad_input(path, "is no text, the net takes the rows of a series");
  RawFile out{empty_like(schema), false};
  if (kind == Kind::npy) {
    out.data.samples = array_samples(read_npy(rest_of(source), path), schema, path);
    return out;
  }
  if (kind == Kind::npz)
    bad_input(path, "holds several arrays, the samples alone were expected", "numpy.save(\"x.npy\", x)");
  if (!schema.columns.empty()) bad_input(path, "holds pictures, the net takes the rows of a table");
  out.data.samples = idx_samples(read_idx(rest_of(source), path), schema, path);
  const std::string labels = schema.goal == Goal::classes && path != "-" ? labels_beside(path) : std::string();
  if (labels.empty()) return out;
  const Tensor read = read_idx(read_bytes(labels), labels);
  if (read.shape() != Shape{out.data.size()})
    bad_input(labels, text("holds labels ", read.shape(), ", but ", path, " holds ", out.data.size(), " images"));
  out.data.labels = read.to(DType::i32);
  out.labelled = true;
  check(out.data, labels);
  return out;
}

SeriesEnd open_end(const Schema& schema, const std::string& path, const TabularOptions& options) {
  ByteSource source = ByteSource::open(path);
  if (kind_of(source) != Kind::text) bad_input(path, "is no text, the net takes the rows of a table");
  return open_end_as(source, schema, path, options);
}

} // namespace vitro

// Known data sets: what they are, where they are looked for, how they are fetched.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/generate.h"

namespace vitro {

struct KnownFile {
  std::string name;   // as it is kept: "train-images-idx3-ubyte.gz"
  std::string sha256; // of the published (packed) file
  int64_t bytes;
  std::string published_as = {}; // "": by the same name
};

/// A published set: four IDX files (train images, train labels, test images, test labels, in this order); one table, a
/// CSV file; CIFAR's records, one archive of them (data/cifar.h); recordings, an archive or a folder (the first file
/// without its ending); or one text. Of all but the first only name, doc, url, files, target, pattern, also and size
/// say anything. A set without url can't be fetched: `by_hand` says how to get it.
enum class PublishedAs : uint8_t { idx, table, cifar, sounds, text };
struct KnownSet {
  std::string name, doc;
  std::string url; // the files' names are appended
  std::vector<KnownFile> files;
  PublishedAs form = PublishedAs::idx;
  std::vector<std::string> classes = {};
  double mean = 0, deviation = 1;      // of the 60,000 training images' pixels / 255
  std::string test_labels_sha256 = {}; // of the unpacked test labels: tells sets with equal file names apart
  std::string target = {};             // a table's column to predict; "": the last
  std::string pattern = {};            // of the names of recordings
  std::string by_hand = {};            // a command that gets it
  std::string size = {};               // training, validation and test samples, as `vitro list data` says it
  std::string also = {};               // another name

  bool table() const { return form == PublishedAs::table; }
  bool called(const std::string& word) const { return word == name || (!also.empty() && word == also); }
};
std::span<const KnownSet> known_sets();
/// The name of the published set that is also called `word`; any other word as it is.
std::string usual_name(const std::string& word);

/// The directories that are searched, best first: `data_dir` (--data-dir; "" for none), $VITRO_DATA,
/// the user's data directory ($XDG_DATA_HOME/vitro, else ~/.local/share/vitro).
std::vector<std::string> data_roots(const std::string& data_dir);

/// Where each of the set's files lies, packed or not, in the order of `files`: in `root/name/`, or in `root`
/// itself if it is called `name` or its test labels are this set's; a table also in `root` and `root/tabular/`, a text
/// in `root` and `root/text/`. Of CIFAR's records the files that there are, or the archive of all (`cifar_files`), in
/// `root/name/` or a `root` called `name`; of recordings the archive or the folder, in the same places. Throws
/// bad_input that lists the places and names `vitro data fetch`.
std::vector<std::string> find_known(const KnownSet& set, const std::string& data_dir);

/// Of IDX files: the training part as published, and the test part, read and checked, with the published mean and
/// deviation.
struct Published {
  Dataset train, test;
  std::vector<std::string> files; // that were read
};
Published read_known(const KnownSet& set, const std::string& data_dir);

/// Downloads a known set with the program `curl` into `root/name/` (root: `data_dir`, else the first of
/// data_roots), a file at a time: to a temporary name, sum checked, renamed. Files that are there with the
/// right sum are kept. `say` gets a line per file. Returns the directory. Throws bad_input for an unknown
/// set, failure where curl is missing, there is no network, the disk refuses or a sum differs.
std::string fetch(const std::string& name, const std::string& data_dir,
                  const std::function<void(const std::string& line)>& say = {});
/// The same for a set that is described elsewhere.
std::string fetch(const KnownSet& set, const std::string& data_dir,
                  const std::function<void(const std::string& line)>& say = {});

/// One line of `vitro list data`.
struct SourceEntry {
  std::string name;
  std::string kind; // "generated", "published"
  Goal goal;
  std::string size; // "30000 + 5000 + 5000": training, validation, test
  std::string doc;
  bool sounds = false;
};
/// Every set that can be opened by name.
std::vector<SourceEntry> catalogue_of_data();

} // namespace vitro

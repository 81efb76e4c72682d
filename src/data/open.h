// One way in: a name or a path becomes the three parts of a data set.
#pragma once

#include "data/forecast.h"
#include "data/generate.h"
#include "data/pictures.h"
#include "data/sounds.h"
#include "data/sources.h"
#include "data/tabular.h"
#include "data/texts.h"

namespace vitro {

/// What a file of text is read as; by default what it looks like.
enum class ReadAs : uint8_t { looks, table, text };

struct DataOptions {
  std::string data_dir = {};             // --data-dir; "" where not given
  uint64_t seed = 0;                     // of generated samples and of the split
  std::optional<int64_t> samples = {};   // generated sets: training samples; others: the first so many of that part
  std::optional<double> validation = {}; // below 1: a share; from 1 on: so many samples
  std::optional<double> test = {};       // the same; not for sets that come with a test part
  std::optional<int64_t> classes = {};   // generated sets
  std::optional<double> noise = {};
  bool standardise = true;      // false: numbers as they stand, pixels within 0 and 1
  bool numpy = false;           // generated sets: see GenerateOptions
  PictureOptions pictures = {}; // skip_bad: of sounds, too
  SoundOptions sounds = {};     // table.group: of sounds a field of the pattern
  ReadAs read_as = ReadAs::looks;
  // Of what is above, a table's and a text's own seed, shares, samples and standardise are set from it.
  TabularOptions table = {};
  TextOptions text = {};
};

/// `what`: a word without `/` and `.` is a generated or a known set; anything else is a path (or "-"): a
/// directory with IDX files, CIFAR's records (data/cifar.h), a folder of pictures or of sounds for each class
/// (data/pictures.h, data/sounds.h), or sounds whose names say their class; an archive of such sounds (.tar, .tar.gz,
/// .tgz); an IDX file of images (its labels lie beside it), a file of records, a table (data/tabular.h), or a text
/// (data/texts.h); what a file holds is decided by its content. Of words and numbers that is a table if its name ends
/// in .csv, .tsv and the like, if something is asked that only tables have, or if it looks like one (data/dialect.h);
/// else a text, and a remark says so. Splits where `options` say nothing: generated sets draw each part; known sets,
/// and IDX sets with a test part, keep the last sixth of the training part for validation (of 60,000: the usual last
/// 10,000), CIFAR-10 the last tenth, Shakespeare too, which has no test part; a text the tenth before its last
/// twentieth, which is the test; an IDX set without test part, and pictures and sounds whose folder has no parts, are
/// dealt 80 / 10 / 10, a table 80 / 0 / 20 at random, class by class; of sounds all of a group together, where the
/// pattern has {group} or table.group names a field. FSDD is tested on takes 0 to 4, as published, and validated on as
/// many. A table's numbers, and targets of Goal::numbers, are standardised by the training part; pixels get the
/// published mean and deviation, or the training part's, of each channel. Throws bad_input for whatever is wrong with
/// the name, the options or the file.
Splits open_data(const std::string& what, const DataOptions& options = {});

/// A raw file for a saved schema (predict, eval): a table, IDX, CIFAR's records, a picture, a sound or a folder of
/// them, with labels where it has them.
using RawFile = TableSamples;
RawFile open_as(const Schema& schema, const std::string& path, const TabularOptions& options = {});

/// Whether that is a picture (a sound), by its first bytes, or a folder.
bool are_pictures(const std::string& path);
bool are_sounds(const std::string& path);

/// The end of a raw file of a series, to be gone on from: the schema is one of a forecast.
SeriesEnd open_end(const Schema& schema, const std::string& path, const TabularOptions& options = {});

/// Every name that open_data knows: for "did you mean".
std::vector<std::string> data_names();

} // namespace vitro

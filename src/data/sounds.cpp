#include "data/sounds.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/class_folders.h"
#include "data/each_file.h"
#include "data/file_pattern.h"
#include "data/folder.h"
#include "data/sound_file.h"
#include "data/tar.h"

namespace vitro {
namespace fs = std::filesystem;
namespace {

constexpr int64_t most_bytes = int64_t(1) << 30; // of a file: most_samples of 32 bits
constexpr FileKind sounds_kind = {has_sound_name, "sound", "sounds", "WAV or FLAC sounds",
                                  "; or a pattern for their names: --pattern \"{label}_{group}_{take}.wav\""};

// Files by name, in a folder or an archive.
struct Source {
  std::string path;
  std::vector<std::string> names; // below the folder, or of the archive's members
  Bytes archive;
  std::vector<TarMember> members; // of the archive; none of a folder

  explicit Source(const std::string& where) : path(where) {
    std::error_code none;
    if (fs::is_directory(path, none)) {
      names = files_below(path);
      return;
    }
    archive = read_bytes(path);
    members = read_tar(archive, path);
    std::ranges::sort(members, {}, &TarMember::name);
    for (const TarMember& member : members) names.push_back(member.name);
  }

  std::string where(const std::string& name) const { return joined(path, name); }
  Sound read(const std::string& name) const {
    if (!members.empty())
      return read_sound(std::ranges::lower_bound(members, name, {}, &TarMember::name)->bytes, where(name));
    if (stamp_of(where(name)).bytes > most_bytes)
      bad_input(where(name), text("has more than ", most_bytes, " bytes"), "cut it into clips");
    return read_sound(read_raw_bytes(where(name)), where(name));
  }
};

// What is to be read, and what is known of it before.
struct Listed {
  std::vector<std::string> names, labels;
  std::vector<size_t> parts;
  std::vector<std::vector<std::string>> said;
  std::array<bool, 3> has_part = {};
  std::vector<std::string> passed_over, remarks;
};

Listed listed(const Source& source, const std::optional<FilePattern>& pattern) {
  const std::optional<size_t> label = pattern ? pattern->field("label") : std::nullopt;
  Listed out;
  size_t sounds = 0;
  std::string unlike; // the first whose name is not of the pattern
  const auto add = [&](const std::string& name, const std::string& class_name, size_t part) {
    ++sounds;
    std::optional<std::vector<std::string>> said = pattern ? pattern->match(name) : std::vector<std::string>{};
    if (!said) {
      if (unlike.empty()) unlike = name;
      out.passed_over.push_back(name);
      return;
    }
    out.names.push_back(name);
    out.labels.push_back(label ? (*said)[*label] : class_name);
    out.parts.push_back(part);
    out.said.push_back(std::move(*said));
    out.has_part[part] = true;
  };
  if (label) {
    // Folders are parts where one of them is called train.
    const auto part_of = [](const std::string& name) {
      return name.find('/') == std::string::npos ? 3 : part_of_folder(name.substr(0, name.find('/')));
    };
    const bool parts = std::ranges::any_of(source.names, [&](const std::string& name) { return part_of(name) == 0; });
    for (const std::string& name : source.names) {
      const size_t part = parts ? part_of(name) : 0;
      if (has_sound_name(name) && part < 3)
        add(name, "", part);
      else
        out.passed_over.push_back(name);
    }
  } else if (!source.members.empty()) {
    bad_input(source.path, "is an archive: the class of each sound must stand in its name",
              "say where: data.pattern=\"{label}_{group}_{take}.wav\"");
  } else {
    ClassFolders found = find_classes(source.path, sounds_kind);
    for (const ClassFile& one : found.files) add(one.name, found.classes[size_t(one.label)], one.part);
    out.passed_over.insert(out.passed_over.begin(), found.passed_over.begin(), found.passed_over.end());
    out.remarks = std::move(found.remarks);
  }
  if (sounds == 0) bad_input(source.path, "holds no sound", "read are WAV and FLAC");
  if (out.names.empty())
    bad_input(source.path,
              text("holds ", sounds, sounds == 1 ? " sound" : " sounds", ", none of a name like \"", pattern->str(),
                   "\"; one is called ", unlike),
              "a field in braces ends where the text behind it begins");
  if (!out.has_part[0]) bad_input(source.path, "has nothing in its folder train", "the training part is needed");
  return out;
}

// Clips after reading: at one rate, mono, trimmed.
struct Clips {
  std::vector<std::vector<float>> waves;
  std::vector<std::string> wrong; // of each why it can't be read; "" of those that can
  std::vector<std::string> remarks;
  SoundForm form;
};

std::string seconds(int64_t samples, int64_t rate) { return number(double(samples) / double(rate), 3); }

// `form`: of which rate they are to be; none: of what the options and the commonest rate make.
Clips read_clips(const std::vector<std::string>& names, const std::function<Sound(const std::string&)>& read,
                 bool skip_bad, const SoundForm* form, const SoundOptions& options) {
  const auto n = int64_t(names.size());
  std::vector<Sound> sounds(names.size());
  Clips out;
  out.wrong = each_file(n, skip_bad, [&](int64_t i) { sounds[size_t(i)] = read(names[size_t(i)]); });
  if (!skip_bad) raise_first(out.wrong);
  std::map<int64_t, int64_t> rates;
  int64_t several = 0;
  for (const Sound& one : sounds) {
    if (one.wave.empty()) continue;
    ++rates[one.rate];
    several += one.channels > 1;
  }
  if (rates.empty()) raise(out.wrong[0]);
  const int64_t commonest = std::ranges::max_element(rates, {}, [](const auto& one) { return one.second; })->first;
  out.form = form ? *form : form_of(options, options.rate.value_or(commonest));
  const int64_t rate = out.form.rate;
  out.waves.resize(names.size());
  std::vector<int64_t> cut(names.size());
  const std::vector<std::string> failed = each_file(n, true, [&](int64_t i) {
    Sound& sound = sounds[size_t(i)];
    if (sound.wave.empty()) return;
    if (sound.rate != rate) sound.wave = resampled(sound.wave, double(rate) / double(sound.rate));
    const std::span<const float> kept = trimmed(out.form, sound.wave);
    cut[size_t(i)] = int64_t(sound.wave.size() - kept.size());
    out.waves[size_t(i)].assign(kept.begin(), kept.end());
    sound.wave = {};
  });
  raise_first(failed);
  std::vector<std::string> others;
  for (const auto& [other, count] : rates)
    if (other != rate) others.push_back(text(count, " of ", other, " Hz"));
  if (!others.empty()) out.remarks.push_back(text(join(others, ", "), " resampled to ", rate, " Hz (data.rate)"));
  if (several > 0)
    out.remarks.push_back(text(several, several == 1 ? " has" : " have", " several channels: their mean is taken"));
  int64_t before = 0, gone = 0;
  for (size_t i = 0; i < cut.size(); ++i) {
    before += cut[i] + int64_t(out.waves[i].size());
    gone += cut[i];
  }
  if (out.form.trim > 0)
    out.remarks.push_back(text("silence at both ends cut off: ", seconds(gone, rate), " of ", seconds(before, rate),
                               " s (data.trim_db)"));
  return out;
}

// "a" of ["a", "b"] is 0.
int32_t place_in(const std::vector<std::string>& sorted, const std::string& word) {
  const auto found = std::ranges::lower_bound(sorted, word);
  return found != sorted.end() && *found == word ? int32_t(found - sorted.begin()) : -1;
}

std::vector<std::string> unique_of(const std::vector<std::string>& words) {
  const std::set<std::string> all(words.begin(), words.end());
  return {all.begin(), all.end()};
}

std::string name_of_set(const std::string& path) {
  fs::path name = fs::path(path).lexically_normal();
  if (name.filename().empty()) name = name.parent_path();
  const std::string out = name.filename().string();
  return out.empty() || out == "." ? "sounds" : out.substr(0, out.find(".tar"));
}

} // namespace

SoundForm form_of(const SoundOptions& options, int64_t rate) {
  SoundForm out;
  out.rate = rate;
  if (rate < least_rate || rate > most_rate)
    bad_input("data.rate", text("is ", rate, " Hz, ", least_rate, " to ", most_rate, " was expected"));
  const auto samples = [&](double ms, const char* key) {
    if (!(ms > 0 && ms <= 1000)) bad_input(key, text("is ", ms, " ms, above 0 to 1000 was expected"));
    return std::max<int64_t>(1, std::llround(ms * double(rate) / 1000));
  };
  out.frame = samples(options.frame_ms.value_or(25), "data.frame_ms");
  out.hop = samples(options.hop_ms.value_or(10), "data.hop_ms");
  out.fft = 2;
  while (out.fft < out.frame) out.fft *= 2;
  out.fft = options.fft.value_or(out.fft);
  out.features = options.features.value_or(SoundFeatures::log_mel);
  out.bands = options.bands.value_or(out.bands);
  out.coefficients = options.coefficients.value_or(std::min(out.coefficients, out.bands));
  out.deltas = options.deltas.value_or(0);
  out.low = options.low_hz.value_or(0);
  out.high = options.high_hz.value_or(double(rate) / 2);
  out.pre_emphasis = options.pre_emphasis.value_or(0);
  out.trim = options.trim_db.value_or(0);
  out.normalise = options.normalise.value_or(Normalise::set);
  out.pattern = options.pattern;
  check(out, "data");
  return out;
}

bool has_sound_name(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  for (char& letter : ending)
    if (letter >= 'A' && letter <= 'Z') letter = char(letter - 'A' + 'a');
  static constexpr std::array endings = {".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac",
                                         ".aif", ".aiff", ".aifc", ".au",  ".snd", ".wma", ".amr",  ".caf"};
  return std::ranges::find(endings, ending) != endings.end();
}

bool holds_sounds(const std::string& directory) { return std::ranges::any_of(files_below(directory), has_sound_name); }

SoundSet open_sounds(const std::string& path, const SoundOptions& options, bool skip_bad) {
  std::optional<FilePattern> pattern;
  if (!options.pattern.empty()) pattern.emplace(options.pattern, "data.pattern");
  const Source source(path);
  Listed list = listed(source, pattern);
  const std::vector<std::string> classes = unique_of(list.labels);
  if (classes.size() == 1)
    bad_input(path, text("holds one class alone, ", classes[0], ": there is nothing to tell apart"),
              "expected is a sub-folder for each class, or a pattern with {label}");
  Clips clips = read_clips(
      list.names, [&](const std::string& name) { return source.read(name); }, skip_bad, nullptr, options);

  SoundSet out;
  if (pattern) out.fields = pattern->fields();
  out.parts = list.has_part;
  std::vector<std::vector<float>> waves;
  std::vector<std::string> names, skipped;
  std::vector<double> labels;
  int64_t shortest = most_samples, longest = 1;
  for (size_t i = 0; i < list.names.size(); ++i) {
    if (!clips.wrong[i].empty()) {
      skipped.push_back(list.names[i]);
      continue;
    }
    out.rows[list.parts[i]].push_back(int64_t(waves.size()));
    const auto length = int64_t(clips.waves[i].size());
    shortest = std::min(shortest, length);
    longest = std::max(longest, length);
    waves.push_back(std::move(clips.waves[i]));
    names.push_back(list.names[i]);
    labels.push_back(place_in(classes, list.labels[i]));
    out.said.push_back(std::move(list.said[i]));
  }
  Schema schema;
  schema.name = name_of_set(path);
  schema.description = text(waves.size(), " recordings of ", seconds(shortest, clips.form.rate), " to ",
                            seconds(longest, clips.form.rate), " s, ", clips.form.rate, " Hz");
  schema.sample = Shape{longest};
  schema.classes = classes;
  schema.sound = clips.form;
  out.all = empty_like(schema);
  hold_waves(out.all, waves);
  out.all.labels = Tensor(Shape{int64_t(labels.size())}, labels, DType::i32);
  out.all.origin = {path, "sound", {}, std::make_shared<const std::vector<std::string>>(std::move(names))};
  check(out.all, path);

  out.remarks.push_back(text("sounds: ", schema.description, "; ", clips.form.str()));
  out.remarks.insert(out.remarks.end(), clips.remarks.begin(), clips.remarks.end());
  if (!skipped.empty())
    out.remarks.push_back(text("skipped ", skipped.size(), " of ", list.names.size(),
                               " sounds, which can't be read: ", some_of(skipped)));
  if (!list.passed_over.empty())
    out.remarks.push_back(text("passed over ", list.passed_over.size(),
                               list.passed_over.size() == 1 ? " file" : " files", " that by the name ",
                               pattern ? "do not belong to it: " : "are no sounds: ", some_of(list.passed_over)));
  out.remarks.insert(out.remarks.end(), list.remarks.begin(), list.remarks.end());
  return out;
}

SoundGroups groups_of(const SoundSet& set, const std::string& field, const std::string& where) {
  const auto found = std::ranges::find(set.fields, field);
  if (found == set.fields.end())
    bad_input(where,
              text("names of sounds say no \"", field, "\"",
                   set.fields.empty() ? std::string() : did_you_mean(field, set.fields)),
              set.fields.empty() ? "give a pattern: data.pattern=\"{label}_{group}_{take}.wav\""
                                 : text("the pattern says ", join(set.fields, ", ")));
  std::vector<std::string> words;
  for (const std::vector<std::string>& said : set.said) words.push_back(said[size_t(found - set.fields.begin())]);
  SoundGroups out{{}, unique_of(words)};
  for (const std::string& word : words) out.of.push_back(place_in(out.names, word));
  return out;
}

RawSounds open_sounds_as(const Schema& schema, const std::vector<std::string>& paths, bool skip_bad) {
  const std::string asked = paths.empty() ? std::string("sounds") : paths[0];
  if (!schema.sound)
    bad_input(asked, text("is a sound, or a folder of them; the net takes ", schema.picture ? std::string("pictures")
                                                                             : schema.columns.empty()
                                                                                 ? text("samples ", schema.sample)
                                                                                 : std::string("the rows of a table")));
  std::optional<FilePattern> pattern;
  if (!schema.sound->pattern.empty()) pattern.emplace(schema.sound->pattern, asked);
  const std::optional<size_t> label = pattern ? pattern->field("label") : std::nullopt;
  RawSounds out{empty_like(schema)};
  std::vector<std::string> names;
  std::vector<int32_t> labels;
  const auto add = [&](const std::string& path, const std::string& folder) {
    std::string said = folder;
    if (label) {
      const std::optional<std::vector<std::string>> match = pattern->match(path);
      said = match ? (*match)[*label] : "";
    }
    const auto found = std::ranges::find(schema.classes, said);
    names.push_back(path);
    labels.push_back(found == schema.classes.end() ? -1 : int32_t(found - schema.classes.begin()));
  };
  for (const std::string& path : paths) {
    std::error_code none;
    if (!fs::is_directory(path, none)) {
      add(path, "");
      continue;
    }
    const size_t before = names.size();
    for (const std::string& file : files_below(path))
      if (has_sound_name(file))
        add(joined(path, file), file.find('/') == std::string::npos ? "" : file.substr(0, file.find('/')));
    if (names.size() == before) bad_input(path, "holds no sound, read are WAV and FLAC");
  }
  if (names.empty()) bad_input(asked, "holds no sound");
  Clips clips = read_clips(names, [&](const std::string& name) { return read_sound(read_raw_bytes(name), name); },
                           skip_bad, &*schema.sound, {});
  out.remarks = std::move(clips.remarks);
  std::vector<std::vector<float>> waves;
  std::vector<double> kept;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!clips.wrong[i].empty()) {
      out.skipped.push_back(names[i]);
      continue;
    }
    waves.push_back(std::move(clips.waves[i]));
    out.names.push_back(names[i]);
    kept.push_back(labels[i]);
  }
  hold_waves(out.data, waves);
  out.labelled = schema.goal == Goal::classes && std::ranges::all_of(kept, [](double one) { return one >= 0; });
  if (out.labelled) out.data.labels = Tensor(Shape{int64_t(kept.size())}, kept, DType::i32);
  out.data.origin = {"", "sound", {}, {}};
  return out;
}

Scaling feature_scaling(const Dataset& train) {
  const SoundForm& form = *train.schema.sound;
  const FeatureMaker maker(form);
  const int64_t n = train.size(), width = form.width();
  // Sums of each clip on their own, added up in their order: the same bits on any number of threads.
  std::vector<std::vector<double>> sums(static_cast<size_t>(n));
  Scaling out{1, std::vector<double>(size_t(width)), std::vector<double>(size_t(width))};
  int64_t frames = 0;
  for (const bool second : {false, true}) {
    parallel(n, [&](int64_t i) {
      const std::vector<double> features = maker.features(wave_of(train, i));
      std::vector<double>& sum = sums[size_t(i)];
      sum.assign(size_t(width), 0);
      for (size_t e = 0; e < features.size(); ++e) {
        const size_t k = e % size_t(width);
        const double away = features[e] - out.mean[k];
        sum[k] += second ? away * away : features[e];
      }
    });
    std::vector<double>& total = second ? out.deviation : out.mean;
    frames = 0;
    for (int64_t i = 0; i < n; ++i) {
      frames += form.frames_of(int64_t(wave_of(train, i).size()));
      for (size_t k = 0; k < total.size(); ++k) total[k] += sums[size_t(i)][k];
    }
    for (double& one : total) one /= double(std::max<int64_t>(1, frames));
  }
  for (double& one : out.deviation) one = one > 1e-6 ? math::sqrt(one) : 1; // a thousandth of a decibel is nothing
  return out;
}

} // namespace vitro

// Recordings as a data set: the class of each by the folder that it lies in, or by its name.
//
// Each is read once, becomes mono, comes to the set's rate and is held as it is; features are made when a batch is
// filled (data/sound.h).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace vitro {

struct SoundOptions {
  std::string pattern = {};                 // of names: "{label}_{group}_{take}.wav"; "": the class is the folder
  std::vector<std::string> test_group = {}; // what is recorded of these is the test part
  std::vector<std::string> validation_group = {};
  std::optional<int64_t> rate = {};    // Hz; default: the commonest
  std::optional<double> frame_ms = {}; // default: 25
  std::optional<double> hop_ms = {};   // default: 10
  std::optional<int64_t> fft = {};     // samples; default: the first power of two that holds a frame
  std::optional<SoundFeatures> features = {};
  std::optional<int64_t> bands = {}, coefficients = {}, deltas = {};
  std::optional<double> low_hz = {}, high_hz = {}; // default: from 0 to half the rate
  std::optional<double> pre_emphasis = {}, trim_db = {};
  std::optional<Normalise> normalise = {};
  bool operator==(const SoundOptions&) const = default;
};

/// The form that they ask for, at this rate. Throws bad_input where it makes no sense.
SoundForm form_of(const SoundOptions& options, int64_t rate);

/// Whether files by this name are taken for sounds: .wav, .flac, and the endings of formats that can't be read, which
/// are said so.
bool has_sound_name(const std::string& path);
/// Whether there is one in the folder, or the folders in it.
bool holds_sounds(const std::string& directory);

/// What a folder or an archive holds, and what its names say.
struct SoundSet {
  Dataset all;                                // not standardised
  std::array<std::vector<int64_t>, 3> rows;   // of training, validation and test, where folders say so; else training
  std::array<bool, 3> parts = {};             // which of them there are
  std::vector<std::string> fields;            // of the pattern
  std::vector<std::vector<std::string>> said; // of each sample what stands for each field
  std::vector<std::string> remarks;
};
/// `path`: a folder; or a tar archive, packed or not, whose names the pattern is held against. Throws bad_input, naming
/// the file, for no sound, one class alone, a pattern that no name has or that says no class where no folder does, and
/// (unless `skip_bad`) the first that can't be read.
SoundSet open_sounds(const std::string& path, const SoundOptions& options, bool skip_bad);

/// Of each sample which of the groups it belongs to, from 0 on, and their names, in the order of these.
struct SoundGroups {
  std::vector<int32_t> of;
  std::vector<std::string> names;
};
/// By a field of the pattern. Throws bad_input at `where` for one that it does not have.
SoundGroups groups_of(const SoundSet& set, const std::string& field, const std::string& where);

/// Mean and deviation of each of a frame's numbers over all frames of the set, in double.
Scaling feature_scaling(const Dataset& train);

/// Recordings for a saved schema (predict, eval).
struct RawSounds {
  Dataset data;
  std::vector<std::string> names = {};   // of each sample its file
  bool labelled = false;                 // pattern or folder says a class of every one
  std::vector<std::string> skipped = {}; // with skip_bad: what can't be read
  std::vector<std::string> remarks = {};
};
/// `paths`: recordings, and folders, of which all in them. Throws bad_input for a schema that is none of sounds, no
/// sound at all, one that can't be read.
RawSounds open_sounds_as(const Schema& schema, const std::vector<std::string>& paths, bool skip_bad);

} // namespace vitro

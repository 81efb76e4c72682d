// Generated sets: points in the plane (spirals, moons, circles, blobs, xor, lines), one curve,
// handwritten-looking digits (data/digits.h), sounds of vowels (data/tones.h), and sentences of a small grammar
// (data/sentences.h).
//
// A sample depends on (seed, name, part, index) and on the options, on nothing else: not on how many
// are asked for elsewhere, not on threads, not on the machine (core/random.h, core/math.h). So the
// parts need no splitting: validation and test are drawn fresh.
#pragma once

#include <optional>

#include "data/dataset.h"

namespace vitro {

enum class Part : uint8_t { train = 0, validation = 1, test = 2 };
const char* name(Part part);

struct GenerateOptions {
  std::optional<int64_t> samples = {};    // training samples in all; default: the set's own
  std::optional<int64_t> validation = {}; // default: the set's own
  std::optional<int64_t> test = {};
  std::optional<int64_t> classes = {}; // spirals, circles and blobs only
  std::optional<double> noise = {};    // >= 0; each set says what it means
  std::optional<int64_t> steps = {};   // of a text's windows
  uint64_t seed = 0;
  bool numpy = false; // the training part as a numpy program draws it after np.random.seed(seed): spirals only
};

struct Generator {
  std::string name;
  std::string doc;     // one sentence
  std::string formula; // and its source
  Goal goal;
  int64_t samples, held_out; // defaults: training; validation and test each
  int64_t classes;           // default; 0 for Goal::numbers and texts
  int64_t most_classes;      // what `classes` may be at most; equal to `classes` where it is fixed
  double noise;              // default
  std::string noise_means;   // "" where the set takes none
  bool numpy = false;        // published as a numpy program, which draws one normal number a sample
  bool sounds = false;       // waves, not points or pictures
  bool text = false;         // samples are windows of a text
};

std::span<const Generator> generators();

/// The three parts of the generated set `name`. Throws bad_input for an unknown name (with the nearest)
/// or an option that the set does not take.
Splits generate(const std::string& name, const GenerateOptions& options = {});

/// How many normal numbers numpy's generator has given when the training part of `name` is made: 0 for what is no
/// generated set. Throws bad_input for a set that no numpy program makes.
int64_t numpy_normals(const std::string& name, std::optional<int64_t> samples);

/// One part of n samples.
Dataset generate_part(const std::string& name, Part part, int64_t n, const GenerateOptions& options = {});

} // namespace vitro

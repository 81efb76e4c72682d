// A recipe: data, net and training plan, everything that decides a run's weights.
//
// TOML states it (see docs or `vitro init`), and to_toml states it back, every default included, so that
// parse(to_toml(r)) is r. What does not decide the weights (threads, where data lies, where results go)
// is no part of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/augment.h"
#include "data/open.h"
#include "model/model.h"
#include "optim/average.h"
#include "optim/schedule.h"

namespace vitro {

struct DataRecipe {
  std::string source;               // a data set's name, or a path
  std::optional<int64_t> samples;   // this and all below: the data set's own where not stated
  std::optional<double> validation; // below 1: a share; from 1 on: so many samples
  std::optional<double> test;
  std::optional<int64_t> classes;
  std::optional<double> noise;
  std::optional<bool> standardise; // false: numbers as they stand, pixels within 0 and 1
  // Of tables:
  std::string target;               // a column's name, or its position from 1; "": the last
  std::string goal;                 // "classification", "regression", "": by the target's values
  std::string test_file;            // a file of its own for the test part
  std::string group;                // rows alike in this column stay in one part; of sounds: in this field of `pattern`
  int64_t folds = 0, fold = 1;      // from 2 on: the test part is the fold-th of so many
  std::string separator;            // "," ";" "|" "tab" "blanks"; "": guessed
  std::optional<bool> header;       // the first line names the columns
  std::vector<std::string> missing; // further words that stand for a missing value
  std::vector<std::string> drop;    // columns that the net does not see
  std::vector<std::pair<std::string, std::string>> columns; // what a column is, by name: a Role's word, or "drop"
  // Of pictures:
  std::string size;                  // "64", "48x64" (height first); "": theirs, where all have the same
  std::optional<int64_t> channels;   // 1 or 3; grey where all are grey
  std::string fit;                   // "crop", "pad", "stretch"; "": crop
  std::optional<bool> skip_bad;      // what can't be read is left out
  std::vector<Augmentation> augment; // of sounds, too: what is done to training samples, in this order, in every epoch
  // Of sounds (data/sounds.h); what is not stated is SoundOptions' default:
  std::string pattern;                       // of names, "{label}_{group}_{take}.wav"; "": the class is the folder
  std::vector<std::string> test_group;       // groups that are the test part
  std::vector<std::string> validation_group; // and validation
  std::optional<int64_t> rate;               // Hz
  std::optional<double> frame_ms, hop_ms;
  std::optional<int64_t> fft; // samples
  std::string features;       // "log_mel", "mfcc"; "": log_mel
  std::optional<int64_t> bands, coefficients, deltas;
  std::optional<double> low_hz, high_hz, pre_emphasis, trim_db;
  std::string normalise; // "clip", "set", "none"; "": set
  // Of tables whose rows follow each other in time:
  std::string forecast;           // the column whose next values are predicted, by name or position; "": none
  std::optional<int64_t> horizon; // rows ahead
  std::optional<int64_t> window;  // rows that the net looks at
  // Of texts:
  std::string kind;             // "table", "text"; "": by the file's content
  std::string unit;             // "characters", "bytes"; "": characters
  std::optional<int64_t> steps; // symbols that a window holds
};

/// Either a built-in net by name, with its arguments, or layers and blocks.
struct NetRecipe {
  std::string name; // "mlp"; "": `spec` holds
  Attrs args;       // of the named net, complete
  NetSpec spec;
};

struct TrainRecipe {
  std::string loss;      // canonical; "": by the data: cross_entropy for classes, squared_error for numbers
  Attrs loss_args;       // of the named loss, complete
  std::string reduction; // "": the loss's first
  OptimizerSpec optimizer{"sgd", {}}; // complete: its arguments are keys of [train] beside the others
  ScheduleSpec schedule;              // complete
  int64_t batch = 64;
  bool shuffle = true; // false: every epoch in the order in which the samples are stored
  int64_t epochs = 10;
  double clip_norm = 0, clip_value = 0; // 0: off
  int64_t patience = 0;                 // stop after so many epochs without a better validation loss; 0: never
  double min_delta = 0;                 // what counts as better
  bool best_weights = true;             // end with the weights of the best epoch
  Averaging average;                    // what is evaluated and kept, once there is one, in the weights' place
  int64_t shards = 1;
  std::string dtype = "f32"; // "f64": interpreted, exact and slow
  int64_t seed = 0;
  std::string random = "philox"; // what draws spirals and weights; "numpy": as a notebook does after np.random.seed
};

struct Recipe {
  DataRecipe data;
  NetRecipe net;
  TrainRecipe train;
};

/// Reads a recipe and checks it. `origin` is the file's name for messages. Throws bad_input at `origin:line` for what
/// is no TOML, another `vitro =` version, an unknown key, layer, argument, loss, optimiser, schedule (with the
/// nearest name), a value of another kind or out of range, and what `resolve` says of the net.
Recipe parse_recipe(const std::string& toml, const std::string& origin);
/// The same of a table that was read already (recipe/value.h).
struct Value;
Recipe parse_recipe(const Value& table, const std::string& origin);

enum class Comments : uint8_t { no, yes };
/// The recipe as TOML. With comments each key says what it means, and what is not stated is named; with the `schema` of
/// its data each column of a table what was seen of it.
std::string to_toml(const Recipe& recipe, Comments comments = Comments::no, const Schema* schema = nullptr);

/// Throws bad_input at `origin` unless net, loss, optimiser and schedule exist and all numbers are in range.
/// Fills in the defaults of optimiser, schedule and named net.
void check(Recipe& recipe, const std::string& origin);

/// The same recipe with every default stated that the data set, its schema or the layers decide.
Recipe complete(Recipe recipe, const Schema& schema);

/// The layers that the recipe asks for.
NetSpec net_of(const Recipe& recipe);
/// What open_data is to be asked for. The recipe's seed draws generated samples and splits.
DataOptions data_options(const Recipe& recipe, const std::string& data_dir = "");
/// The model for data of this schema. Throws bad_input where the loss doesn't suit the goal.
ModelSpec model_spec(const Recipe& recipe, const Schema& schema);
/// "mlp", or "net" where layers are listed: for the run's name.
std::string net_label(const Recipe& recipe);

/// Sets keys as a user writes them: "train.lr=0.1", a unique suffix "lr=0.1", or an alias "learning_rate=0.1";
/// layers by name or position, "fc1.out=64", "layers.0.out=64"; "net=linear", "data=moons". A value is TOML, a
/// bare word is text. They are set in their order, but what brings other keys along comes first: the net (a perceptron
/// brings its way of learning), then optimizer, schedule and loss (another optimiser begins with its own defaults, its
/// rate included). Throws bad_input at
/// the assignment for an unknown key (with the nearest), an ambiguous one (with those that it could be), a value
/// of another kind or out of range; then none is set.
void set_all(Recipe& recipe, const std::vector<std::string>& assignments);

struct RecipeKey {
  std::string key;   // "train.lr"
  std::string value; // as TOML; "" where it is not stated
  std::string doc;
};
/// Every key that set_all takes for this recipe, in the order of the file.
std::vector<RecipeKey> keys_of(const Recipe& recipe);

} // namespace vitro

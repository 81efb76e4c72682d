#include "recipe/fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"

namespace vitro {
namespace {

std::string stated(int64_t value) { return number(static_cast<long long>(value)); }
std::string stated(double value) { return toml_text(value); }
std::string stated(bool value) { return value ? "true" : "false"; }
std::string stated(const std::string& value) { return value.empty() ? "" : toml_text(value); }
template <class Held> std::string stated(const std::optional<Held>& value) { return value ? stated(*value) : ""; }

// Each makes a Field of a member that `at` finds: at(recipe) is a reference to it.
template <class At> Field whole(const char* name, int64_t least, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.whole(least); },
          [=](const Recipe& r) { return stated(at(r)); }};
}
template <class At> Field real(const char* name, double least, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.real(least); },
          [=](const Recipe& r) { return stated(at(r)); }};
}
// A share below 1, or a count, which is then written as one.
template <class At> Field share(const char* name, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.real(0); },
          [=](const Recipe& r) {
            const std::optional<double>& held = at(r);
            const bool count = held && *held >= 1 && *held < 1e15 && *held == std::floor(*held);
            return count ? stated(int64_t(*held)) : stated(held);
          }};
}
template <class At> Field flag(const char* name, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.flag(); },
          [=](const Recipe& r) { return stated(at(r)); }};
}
template <class At> Field word(const char* name, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.word(); },
          [=](const Recipe& r) { return stated(at(r)); }, true};
}
// A list of words; one may stand alone.
template <class At> Field words(const char* name, const char* doc, At at) {
  return {name, doc,
          [=](Recipe& r, const Item& item) {
            std::vector<std::string> out;
            if (item.value.as<Value::List>())
              for (const Value& one : item.list()) out.push_back(Item{one, item.key, item.origin}.word());
            else
              out.push_back(item.word());
            at(r) = std::move(out);
          },
          [=](const Recipe& r) {
            std::vector<std::string> out;
            for (const std::string& one : at(r)) out.push_back(stated(one));
            return out.empty() ? std::string() : "[" + join(out, ", ") + "]";
          },
          true};
}
template <class At> Field one_of(const char* name, std::vector<std::string> words, const char* doc, At at) {
  return {name, doc, [=](Recipe& r, const Item& item) { at(r) = item.one_of(words); },
          [=](const Recipe& r) { return stated(at(r)); }, true};
}

// A column by its name, or its position from 1.
template <class At> Field column(const char* name, const char* doc, At at) {
  return {name, doc,
          [=](Recipe& r, const Item& item) {
            const int64_t* position = item.value.as<int64_t>();
            at(r) = position ? stated(*position) : item.word();
          },
          [=](const Recipe& r) { return stated(at(r)); }, true};
}

void read_columns(Recipe& recipe, const Item& item) {
  for (const auto& [column, value] : item.table()) {
    const Item one{value, text(item.key, ".", column), item.origin};
    if (one.word() != "drop") role_of(one.word(), one.where());
    const auto held = std::ranges::find(recipe.data.columns, column, [](const auto& pair) { return pair.first; });
    if (held == recipe.data.columns.end())
      recipe.data.columns.emplace_back(column, one.word());
    else
      held->second = one.word();
  }
}

std::string write_columns(const Recipe& recipe) {
  std::string out;
  for (const auto& [column, word] : recipe.data.columns)
    out += text(out.empty() ? "{" : ", ", toml_key(column), " = ", toml_text(word));
  return out.empty() ? out : out + "}";
}

void read_separator(Recipe& recipe, const Item& item) {
  try {
    recipe.data.separator = name(separator_of(item.word()));
  } catch (const Error& error) { relocate(error, item.where()); }
}

// What is stated as a word, or as a table {op="huber", delta=1.5}, of the kind that `find` finds by its name.
struct Call {
  std::string name; // canonical
  Attrs args;       // as stated
};

template <class Find> Call read_call(const Item& item, const std::string& what, Find find) {
  if (item.value.as<std::string>()) return {find(item.word()).name, {}};
  const Value* op = nullptr;
  for (const auto& [key, value] : item.table())
    if (key == "op") op = &value;
  if (!op) bad_input(what, "has no op", text("write {op=\"", what == "loss" ? "huber" : "constant", "\"}"));
  const auto& kind = find(Item{*op, what + ".op", item.origin}.word());
  Call out{kind.name, {}};
  for (const auto& [key, value] : item.table()) {
    if (key == "op") continue;
    const AttrSpec* spec = find_spec(kind.args, key);
    if (!spec)
      bad_input(what, text(kind.name, " has no argument \"", key, "\"", did_you_mean(key, names_of(kind.args))),
                kind.args.empty() ? "it takes none" : "it takes " + join(names_of(kind.args), ", "));
    out.args.set(key, read_attr({value, text(what, ".", key), item.origin}, spec, false));
  }
  return out;
}

// An error that names the place already stays as it is.
[[noreturn]] void relocate_once(const Error& error, const Item& item) {
  if (std::string(error.what()).starts_with("[" + item.origin)) throw error;
  relocate(error, item.where());
}

void read_loss(Recipe& recipe, const Item& item) {
  try {
    TrainRecipe& train = recipe.train;
    const std::string before = train.loss;
    const Call call = read_call(item, "loss", find_loss);
    // Another loss begins with its own reduction and arguments; the order in which a file states them says nothing.
    if (!before.empty() && before != call.name) train.reduction = "";
    const bool word = item.value.as<std::string>() != nullptr;
    train.loss_args = complete_args(find_loss(call.name), word && before == call.name ? train.loss_args : call.args);
    train.loss = call.name;
  } catch (const Error& error) { relocate_once(error, item); }
}

void read_optimizer(Recipe& recipe, const Item& item) {
  try {
    const std::string name = find_optimizer(item.word()).name;
    if (name != recipe.train.optimizer.name) recipe.train.optimizer = {name, {}, recipe.train.optimizer.groups};
  } catch (const Error& error) { relocate(error, item.where()); }
}

void read_groups(Recipe& recipe, const Item& item) {
  OptimizerSpec& optimizer = recipe.train.optimizer;
  const std::vector<AttrSpec>& args = find_optimizer(optimizer.name).args;
  std::vector<ParameterGroup> groups;
  for (const Value& table : item.list()) {
    ParameterGroup& group = groups.emplace_back();
    const std::string place = text(item.key, ".", groups.size() - 1);
    for (const auto& [given, value] : Item{table, place, item.origin}.table()) {
      const Item one{value, text(place, ".", given), item.origin};
      const std::string key = canonical_key(given);
      if (key == "match") {
        group.match = one.word();
      } else if (key == "lr_factor") {
        group.lr_factor = one.real(0);
      } else if (key == "freeze") {
        group.freeze = one.flag();
      } else if (const AttrSpec* spec = find_spec(args, key)) {
        group.args.set(key, read_attr(one, spec, false));
      } else {
        std::vector<std::string> known = names_of(args);
        for (const char* name : {"match", "lr_factor", "freeze"}) known.emplace_back(name);
        bad_input(one.where(),
                  text(place, ", with the optimiser ", optimizer.name, ", has no \"", given, "\"",
                       did_you_mean(given, known)),
                  "it takes " + join(known, ", "));
      }
    }
    if (group.match.empty())
      bad_input(Item{table, place, item.origin}.where(), text(place, " has no match"), "write {match=\"*.bias\", ...}");
  }
  optimizer.groups = std::move(groups);
}

// A list of words and tables {op="crop", padding=4}; one may stand alone.
void read_augment(Recipe& recipe, const Item& item) {
  std::vector<Augmentation> list;
  const auto add = [&](const Item& one) {
    const bool word = one.value.as<std::string>() != nullptr;
    const Value* op = word ? &one.value : nullptr;
    if (!word)
      for (const auto& [key, value] : one.table())
        if (key == "op") op = &value;
    if (!op) bad_input(one.where(), text(one.key, " has no op"), "write {op=\"crop\", padding=4}");
    const AugmentationKind& kind = find_augmentation(Item{*op, one.key + ".op", one.origin}.word(), one.where());
    Augmentation& made = list.emplace_back(Augmentation{kind.name, {}});
    std::vector<std::string> known;
    for (const AugmentationArg& arg : kind.args) {
      made.args.push_back(arg.fallback);
      known.emplace_back(arg.name);
    }
    if (word) return;
    for (const auto& [key, value] : one.table()) {
      if (key == "op") continue;
      const auto found = std::ranges::find(known, key);
      if (found == known.end())
        bad_input(one.where(), text(kind.name, " has no argument \"", key, "\"", did_you_mean(key, known)),
                  "it takes " + join(known, ", "));
      made.args[size_t(found - known.begin())] =
          Item{value, text(one.key, ".", key), one.origin}.real(-std::numeric_limits<double>::infinity());
    }
  };
  if (item.value.as<Value::List>())
    for (const Value& one : item.list()) add({one, text(item.key, ".", list.size()), item.origin});
  else
    add(item);
  check(list, item.where());
  recipe.data.augment = std::move(list);
}

std::string write_augment(const Recipe& recipe) {
  std::vector<std::string> tables;
  for (const Augmentation& one : recipe.data.augment) {
    const AugmentationKind& kind = find_augmentation(one.op, "data.augment");
    std::string out = text("{op=", toml_text(one.op));
    for (size_t i = 0; i < one.args.size(); ++i) out += text(", ", kind.args[i].name, "=", number(one.args[i]));
    tables.push_back(out + "}");
  }
  return tables.empty() ? "" : text("[", join(tables, ", "), "]");
}

std::string write_groups(const Recipe& recipe) {
  std::vector<std::string> tables;
  for (const ParameterGroup& group : recipe.train.optimizer.groups) {
    std::string out = text("{match=", toml_text(group.match));
    for (const auto& [key, value] : group.args.items()) out += text(", ", key, "=", write_attr(value));
    if (group.lr_factor != 1) out += text(", lr_factor=", toml_text(group.lr_factor));
    tables.push_back(out + (group.freeze ? ", freeze=true}" : "}"));
  }
  return tables.empty() ? "" : text("[", join(tables, ", "), "]");
}

std::string write_call(const std::string& name, const Attrs& args) {
  std::string out = text("{op=", toml_text(name));
  for (const auto& [key, value] : args.items()) out += text(", ", key, "=", write_attr(value));
  return out + "}";
}

std::string write_loss(const Recipe& recipe) {
  const TrainRecipe& train = recipe.train;
  return train.loss_args.items().empty() ? stated(train.loss) : write_call(train.loss, train.loss_args);
}

// Where one command names the nets of all: a name here is an alias only where the table has no key of that name.
const std::pair<const char*, const char*> aliases[] = {{"learning_rate", "lr"},     {"batch_size", "batch"},
                                                       {"optimiser", "optimizer"},  {"num_epochs", "epochs"},
                                                       {"max_epochs", "epochs"},    {"clipnorm", "clip_norm"},
                                                       {"clipvalue", "clip_value"}, {"random_seed", "seed"},
                                                       {"beta_1", "beta1"},         {"beta_2", "beta2"},
                                                       {"epsilon", "eps"},          {"scheduler", "schedule"},
                                                       {"lr_schedule", "schedule"}, {"criterion", "loss"},
                                                       {"dataset", "source"},       {"validation_split", "validation"}};

// The same for the arguments of layers.
const std::pair<const char*, const char*> layer_aliases[] = {{"units", "out"},
                                                             {"out_features", "out"},
                                                             {"filters", "out"},
                                                             {"out_channels", "out"},
                                                             {"output_size", "out"},
                                                             {"kernel_size", "kernel"},
                                                             {"pool_size", "kernel"},
                                                             {"strides", "stride"},
                                                             {"dilation_rate", "dilation"},
                                                             {"depth_multiplier", "multiplier"},
                                                             {"num_groups", "groups"},
                                                             {"ceil_mode", "ceil"},
                                                             {"count_include_pad", "count_padding"},
                                                             {"scale_factor", "factor"},
                                                             {"kernel_initializer", "init"},
                                                             {"bias_initializer", "bias_init"},
                                                             {"use_bias", "bias"}};

} // namespace

std::string Item::where() const { return value.line > 0 ? text(origin, ":", value.line) : origin; }

void Item::expected(const std::string& what) const {
  bad_input(where(), text(key, " is ", value.str(), ", expected ", what));
}

int64_t Item::whole(int64_t least) const {
  const int64_t* held = value.as<int64_t>();
  const bool any = least == std::numeric_limits<int64_t>::min();
  if (!held || *held < least) expected(any ? "a whole number" : text("a whole number from ", least, " on"));
  return *held;
}

double Item::real(double least) const {
  const int64_t* whole = value.as<int64_t>();
  const double* held = value.as<double>();
  const double number = whole ? double(*whole) : held ? *held : std::nan("");
  if (!std::isfinite(number) || number < least)
    expected(std::isfinite(least) ? text("a number from ", least, " on") : std::string("a finite number"));
  return number;
}

bool Item::flag() const {
  if (const int64_t* held = value.as<int64_t>(); held && (*held == 0 || *held == 1)) return *held == 1;
  if (!value.as<bool>()) expected("true or false");
  return *value.as<bool>();
}

const std::string& Item::word() const {
  const std::string* held = value.as<std::string>();
  if (!held || held->empty()) expected("text");
  return *held;
}

std::string Item::one_of(const std::vector<std::string>& words) const {
  if (std::find(words.begin(), words.end(), word()) == words.end())
    expected(text("one of ", join(words, ", "), did_you_mean(word(), words)));
  return word();
}

const Value::List& Item::list() const {
  if (!value.as<Value::List>()) expected("a list: [3, 4]");
  return *value.as<Value::List>();
}

const Value::Table& Item::table() const {
  if (!value.as<Value::Table>()) expected("a table");
  return *value.as<Value::Table>();
}

std::span<const Field> data_fields() {
  static const std::vector<Field> all = {
      word(
          "source", "a data set by name (vitro list data), or a path: CSV, IDX, a directory of IDX files or pictures",
          [](auto& r) -> auto& { return r.data.source; }),
      whole(
          "samples", 1, "training samples; of a file the first so many",
          [](auto& r) -> auto& { return r.data.samples; }),
      share(
          "validation", "held out to choose by: a share below 1, else so many samples",
          [](auto& r) -> auto& { return r.data.validation; }),
      share(
          "test", "held out for the end: a share below 1, else so many samples",
          [](auto& r) -> auto& { return r.data.test; }),
      whole(
          "classes", 2, "of a generated set", [](auto& r) -> auto& { return r.data.classes; }),
      real(
          "noise", 0, "of a generated set", [](auto& r) -> auto& { return r.data.noise; }),
      flag(
          "standardise", "mean 0 and deviation 1; false: numbers as they stand, pixels within 0 and 1",
          [](auto& r) -> auto& { return r.data.standardise; }),
      column(
          "target", "of a table: the column to predict, by name or position from 1; the last one where not stated",
          [](auto& r) -> auto& { return r.data.target; }),
      one_of(
          "goal", {"classification", "regression"}, "of a table: by the target's values where not stated",
          [](auto& r) -> auto& { return r.data.goal; }),
      word(
          "test_file", "of a table: another file that holds the test part",
          [](auto& r) -> auto& { return r.data.test_file; }),
      word(
          "group", "rows of a table alike in this column, or sounds in this field of pattern, stay in one part",
          [](auto& r) -> auto& { return r.data.group; }),
      whole(
          "folds", 0, "of a table: from 2 on the test part is one of so many equal parts",
          [](auto& r) -> auto& { return r.data.folds; }),
      whole(
          "fold", 1, "of a table: which of the folds", [](auto& r) -> auto& { return r.data.fold; }),
      {"separator", "of a table: , ; | tab blanks; guessed where not stated", read_separator,
       [](const Recipe& r) { return stated(r.data.separator); }, true},
      flag(
          "header", "of a table: the first line names the columns; guessed where not stated",
          [](auto& r) -> auto& { return r.data.header; }),
      words(
          "missing", "of a table: further words for a missing value, beside ? NA nan and the empty cell",
          [](auto& r) -> auto& { return r.data.missing; }),
      words(
          "drop", "of a table: columns that the net does not see", [](auto& r) -> auto& { return r.data.drop; }),
      {"columns", "of a table: what each is: number, quantile, date, category, embedding, drop", read_columns,
       write_columns},
      {"size", "of pictures: 64, or 48x64 (height first); theirs where all have the same, else 64 or less",
       [](Recipe& r, const Item& item) {
         const int64_t* side = item.value.as<int64_t>();
         r.data.size = side ? stated(*side) : item.word();
         picture_size_of(r.data.size, item.where());
       },
       [](const Recipe& r) { return stated(r.data.size); }, true},
      {"channels", "of pictures: 1 (grey) or 3; grey where all are grey if not stated",
       [](Recipe& r, const Item& item) {
         r.data.channels = item.whole(1);
         if (*r.data.channels != 1 && *r.data.channels != 3) item.expected("1 (grey) or 3 (colour)");
       },
       [](const Recipe& r) { return stated(r.data.channels); }},
      one_of(
          "fit", {"crop", "pad", "stretch"}, "of pictures of another shape: the middle, all with black beside it, all",
          [](auto& r) -> auto& { return r.data.fit; }),
      flag(
          "skip_bad", "of pictures and sounds: those that can't be read are left out, and named",
          [](auto& r) -> auto& { return r.data.skip_bad; }),
      {"augment", "in training: [{op=\"flip\"}, {op=\"crop\", padding=4}] (vitro list augmentations)", read_augment,
       write_augment},
      word(
          "pattern",
          "of sounds: what their names say: {label}_{group}_{take}.wav; the class is the folder if not stated",
          [](auto& r) -> auto& { return r.data.pattern; }),
      words(
          "test_group", "of sounds: the groups, by pattern, that are the test part",
          [](auto& r) -> auto& { return r.data.test_group; }),
      words(
          "validation_group", "of sounds: the groups, by pattern, that validate",
          [](auto& r) -> auto& { return r.data.validation_group; }),
      whole(
          "rate", 1, "of sounds: samples a second; the commonest where not stated",
          [](auto& r) -> auto& { return r.data.rate; }),
      real(
          "frame_ms", 0, "of sounds: how long a frame is; 25", [](auto& r) -> auto& { return r.data.frame_ms; }),
      real(
          "hop_ms", 0, "of sounds: from frame to frame; 10", [](auto& r) -> auto& { return r.data.hop_ms; }),
      whole(
          "fft", 2, "of sounds: samples; the first power of two that holds a frame where not stated",
          [](auto& r) -> auto& { return r.data.fft; }),
      one_of(
          "features", {"log_mel", "mfcc"}, "of sounds: what a frame becomes; log_mel where not stated",
          [](auto& r) -> auto& { return r.data.features; }),
      whole(
          "bands", 1, "of sounds: mel bands; 40", [](auto& r) -> auto& { return r.data.bands; }),
      whole(
          "coefficients", 1, "of sounds: of mfcc; 13", [](auto& r) -> auto& { return r.data.coefficients; }),
      whole(
          "deltas", 0, "of sounds: 1: slopes beside the features, 2: slopes of slopes, too",
          [](auto& r) -> auto& { return r.data.deltas; }),
      real(
          "low_hz", 0, "of sounds: where the bands begin; 0", [](auto& r) -> auto& { return r.data.low_hz; }),
      real(
          "high_hz", 0, "of sounds: where they end; half the rate", [](auto& r) -> auto& { return r.data.high_hz; }),
      real(
          "pre_emphasis", 0, "of sounds: x[i] - pre_emphasis * x[i - 1]; 0: off",
          [](auto& r) -> auto& { return r.data.pre_emphasis; }),
      real(
          "trim_db", 0, "of sounds: what is so much quieter than the loudest is cut off at both ends; 0: nothing",
          [](auto& r) -> auto& { return r.data.trim_db; }),
      one_of(
          "normalise", {"clip", "set", "none"},
          "of sounds: mean 0 and deviation 1 of each feature over the training part, or over each clip; set where not "
          "stated",
          [](auto& r) -> auto& { return r.data.normalise; }),
      column(
          "forecast", "of a series: the column whose next values are predicted, by name or position from 1",
          [](auto& r) -> auto& { return r.data.forecast; }),
      whole(
          "horizon", 1, "of a series: how many rows ahead; 1 where not stated",
          [](auto& r) -> auto& { return r.data.horizon; }),
      whole(
          "window", 1, "of a series: how many rows the net looks at; two seasons or horizons where not stated",
          [](auto& r) -> auto& { return r.data.window; }),
      one_of(
          "kind", {"table", "text"}, "of a file: what it is read as; what it looks like where not stated",
          [](auto& r) -> auto& { return r.data.kind; }),
      one_of(
          "unit", {"characters", "bytes"}, "of a text: what it is made of; characters of UTF-8 where not stated",
          [](auto& r) -> auto& { return r.data.unit; }),
      whole(
          "steps", 2, "of a text: how many characters or bytes a window holds; 64 where not stated",
          [](auto& r) -> auto& { return r.data.steps; }),
  };
  return all;
}

std::span<const Field> train_fields() {
  static const std::vector<Field> all = {
      {"loss", "cross_entropy for classes, squared_error for numbers where not stated (vitro list losses)", read_loss,
       write_loss, true},
      word(
          "reduction", "how the loss adds up over a batch: the loss's first one where not stated",
          [](auto& r) -> auto& { return r.train.reduction; }),
      {"optimizer", "how a gradient changes the weights (vitro list optimizers)", read_optimizer,
       [](const Recipe& r) { return stated(r.train.optimizer.name); }, true},
      {"groups", "parameters that are updated otherwise: [{match=\"*.bias\", weight_decay=0}], or lr_factor, freeze",
       read_groups, write_groups},
      {"schedule", "how the rate changes (vitro list schedules)",
       [](Recipe& r, const Item& item) { r.train.schedule = read_schedule(item); },
       [](const Recipe& r) { return write_call(r.train.schedule.name, r.train.schedule.args); }, true},
      whole(
          "batch", 1, "samples in a step", [](auto& r) -> auto& { return r.train.batch; }),
      flag(
          "shuffle",
          "every epoch in another order; false: as the samples are stored, of a text each batch going on from the last",
          [](auto& r) -> auto& { return r.train.shuffle; }),
      whole(
          "epochs", 1, "passes over the training samples", [](auto& r) -> auto& { return r.train.epochs; }),
      real(
          "clip_norm", 0, "the gradient is shortened to this length; 0: off",
          [](auto& r) -> auto& { return r.train.clip_norm; }),
      real(
          "clip_value", 0, "each element of the gradient is held within this; 0: off",
          [](auto& r) -> auto& { return r.train.clip_value; }),
      whole(
          "patience", 0, "stop after so many epochs without a better validation loss; 0: never",
          [](auto& r) -> auto& { return r.train.patience; }),
      real(
          "min_delta", 0, "by how much a validation loss must be lower to be better",
          [](auto& r) -> auto& { return r.train.min_delta; }),
      flag(
          "best_weights", "end with the weights of the best epoch, not the last",
          [](auto& r) -> auto& { return r.train.best_weights; }),
      real(
          "ema_decay", 0, "weights are averaged, so much of the average is kept in each step; 0: off",
          [](auto& r) -> auto& { return r.train.average.ema_decay; }),
      flag(
          "ema_correction", "the average begins at nothing, corrected as in Adam; false: with the initial weights",
          [](auto& r) -> auto& { return r.train.average.ema_correction; }),
      whole(
          "swa_start", 0, "the weights at the ends of epochs are averaged from this epoch on; 0: off",
          [](auto& r) -> auto& { return r.train.average.swa_start; }),
      whole(
          "shards", 1, "gradients are made on so many parts of a batch and added up",
          [](auto& r) -> auto& { return r.train.shards; }),
      one_of(
          "dtype", {"f32", "f64"}, "f64: exact and slow", [](auto& r) -> auto& { return r.train.dtype; }),
      whole(
          "seed", 0, "of weights, order and generated samples", [](auto& r) -> auto& { return r.train.seed; }),
      one_of(
          "random", {"philox", "numpy"}, "what draws spirals and weights; numpy: as after np.random.seed(seed)",
          [](auto& r) -> auto& { return r.train.random; }),
  };
  return all;
}

std::string canonical_key(const std::string& key) {
  for (const auto& [alias, name] : aliases)
    if (key == alias) return name;
  return key;
}

std::vector<std::string> with_aliases(const std::vector<std::string>& keys) {
  std::vector<std::string> out = keys;
  for (const auto& [alias, name] : aliases)
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) out.emplace_back(alias);
  return out;
}

const AttrSpec* find_spec(std::span<const AttrSpec> specs, const std::string& name) {
  const auto found = std::find_if(specs.begin(), specs.end(), [&](const AttrSpec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

std::vector<std::string> names_of(std::span<const AttrSpec> specs) {
  std::vector<std::string> out;
  for (const AttrSpec& spec : specs) out.push_back(spec.name);
  return out;
}

Attr read_attr(const Item& item, const AttrSpec* spec, bool words) {
  constexpr int64_t any = std::numeric_limits<int64_t>::min();
  const bool word = item.value.as<std::string>() != nullptr;
  const auto whole_list = [&] {
    std::vector<int64_t> out;
    for (const Value& element : item.list()) out.push_back(Item{element, item.key, item.origin}.whole(any));
    return out;
  };
  if (!spec) {
    if (word) return item.word();
    if (item.value.as<double>()) return item.real(-std::numeric_limits<double>::infinity());
    if (item.value.as<Value::List>()) return whole_list();
    return item.value.as<bool>() ? int64_t(item.flag()) : item.whole(any);
  }
  if (std::holds_alternative<std::string>(spec->fallback)) {
    if (!word) item.expected("text");
    return *item.value.as<std::string>();
  }
  if (word && words) return item.word();
  if (std::holds_alternative<double>(spec->fallback)) return item.real(-std::numeric_limits<double>::infinity());
  if (std::holds_alternative<std::vector<int64_t>>(spec->fallback)) {
    if (item.value.as<int64_t>()) return std::vector<int64_t>{item.whole(any)};
    return whole_list();
  }
  if (!std::holds_alternative<int64_t>(spec->fallback)) { // a list of numbers; one of them may stand alone
    constexpr double least = -std::numeric_limits<double>::infinity();
    std::vector<double> out;
    if (item.value.as<Value::List>())
      for (const Value& element : item.list()) out.push_back(Item{element, item.key, item.origin}.real(least));
    else
      out.push_back(item.real(least));
    const Shape shape{int64_t(out.size())};
    return std::make_shared<const Tensor>(Tensor(shape, std::move(out), DType::f64));
  }
  if (item.value.as<bool>()) return int64_t(item.flag());
  return item.whole(any);
}

std::string write_attr(const Attr& attr) {
  struct Print {
    std::string operator()(int64_t value) const { return stated(value); }
    std::string operator()(double value) const { return stated(value); }
    std::string operator()(const std::string& value) const { return toml_text(value); }
    std::string operator()(const std::vector<int64_t>& value) const { return to_text(value); }
    std::string operator()(const std::shared_ptr<const Tensor>& value) const {
      if (value->shape().rank() != 1) return "";
      std::vector<std::string> pieces;
      for (const double x : value->values()) pieces.push_back(stated(x));
      return "[" + join(pieces, ", ") + "]";
    }
  };
  return std::visit(Print{}, attr);
}

Attrs with_fallbacks(std::span<const AttrSpec> specs, const Attrs& args) {
  Attrs out = args;
  for (const AttrSpec& spec : specs)
    if (!spec.required && !out.has(spec.name) && !write_attr(spec.fallback).empty()) out.set(spec.name, spec.fallback);
  return out;
}

void relocate(const Error& error, const std::string& where) {
  std::string what = error.what();
  if (const size_t end = what.find("] "); what.starts_with('[') && end != std::string::npos)
    what = what.substr(1, end - 1) + ": " + what.substr(end + 2);
  throw Error(error.fault(), text("[", where, "] ", what));
}

void complete_optimizer(OptimizerSpec& spec, const std::function<std::string(const std::string& arg)>& where_of) {
  try {
    spec = complete(spec);
  } catch (const Error& whole_error) {
    // Alone each argument meets only the others' defaults: the one that is refused even so is the one at fault.
    for (const auto& item : spec.args.items()) {
      try {
        complete(OptimizerSpec{spec.name, {item}});
      } catch (const Error& error) { relocate(error, where_of(item.first)); }
    }
    const bool in_group = std::any_of(spec.groups.begin(), spec.groups.end(), [](const ParameterGroup& group) {
      return group.lr_factor != 1 || !group.args.items().empty();
    });
    relocate(whole_error, where_of(in_group ? "groups" : "optimizer"));
  }
}

void learn_as(Recipe& recipe, const NetKind& kind) {
  const std::string origin = text("net ", kind.name);
  const Value table = read_toml(kind.training, origin);
  for (const auto& [key, value] : std::get<Value::Table>(table.held)) {
    const Item item{value, key, origin};
    const auto fields = train_fields();
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& one) { return one.name == key; });
    if (field != fields.end())
      field->read(recipe, item);
    else
      recipe.train.optimizer.args.set(
          key, read_attr(item, find_spec(find_optimizer(recipe.train.optimizer.name).args, key), false));
  }
}

LayerSpec read_layer(const Item& item, const std::vector<std::string>& blocks) {
  const Value* op = nullptr;
  for (const auto& [key, value] : item.table())
    if (key == "op") op = &value;
  if (!op) bad_input(item.where(), text(item.key, " has no op"), "write {op=\"dense\", out=10}");
  LayerSpec out;
  out.op = Item{*op, item.key + ".op", item.origin}.word();
  const bool block = std::find(blocks.begin(), blocks.end(), out.op) != blocks.end();
  const Layer* kind = block ? nullptr : find_layer(out.op);
  if (!kind && !block) {
    std::vector<std::string> known = blocks;
    for (const Layer* one : layers()) {
      known.push_back(one->name);
      known.insert(known.end(), one->aliases.begin(), one->aliases.end());
    }
    bad_input(Item{*op, "", item.origin}.where(), text("unknown layer \"", out.op, "\"", did_you_mean(out.op, known)),
              "`vitro list layers` names them all");
  }
  for (const auto& [given, value] : item.table()) {
    const Item one{value, text(item.key, ".", given), item.origin};
    if (given == "op") continue;
    if (given == "name") {
      out.name = one.word();
    } else if (given == "from") {
      if (value.as<std::string>()) {
        out.from = {one.word()};
      } else {
        for (const Value& name : one.list()) out.from.push_back(Item{name, one.key, item.origin}.word());
        if (out.from.empty()) one.expected("at least one name");
      }
    } else if (given == "share") {
      out.share = one.word();
    } else if (given == "repeat") {
      out.repeat = one.whole(1);
    } else {
      std::string key = given;
      if (kind && !find_spec(kind->args, key))
        for (const auto& [alias, name] : layer_aliases)
          if (key == alias && find_spec(kind->args, name)) key = name;
      const AttrSpec* spec = kind ? find_spec(kind->args, key) : nullptr;
      if (kind && !spec) {
        std::vector<std::string> known = names_of(kind->args);
        for (const char* name : {"name", "from", "share", "repeat"}) known.push_back(name);
        bad_input(one.where(),
                  text("layer ", kind->name, " has no argument \"", given, "\"", did_you_mean(given, known)),
                  "it takes " + join(known, ", "));
      }
      if (out.args.has(key)) bad_input(one.where(), text(one.key, " is stated twice, once as ", key));
      out.args.set(key, read_attr(one, spec, true));
    }
  }
  return out;
}

ScheduleSpec read_schedule(const Item& item) {
  try {
    const Call call = read_call(item, "schedule", find_schedule);
    return complete(ScheduleSpec{call.name, call.args});
  } catch (const Error& error) { relocate_once(error, item); }
}

} // namespace vitro

#include "recipe/recipe.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "recipe/fields.h"

namespace vitro {
namespace {

const NetKind* find_kind(const std::string& name) {
  for (const NetKind& kind : nets())
    if (kind.name == name) return &kind;
  return nullptr;
}

// Not a data set by name.
bool is_path(const std::string& source) { return source.find_first_of("/.") != std::string::npos || source == "-"; }

void state_layers(std::vector<LayerSpec>& layers, const NetSpec& net) {
  for (LayerSpec& layer : layers) {
    const Layer* kind = net.blocks.contains(layer.op) ? nullptr : find_layer(layer.op);
    // A layer that shares another's weights takes that one's arguments.
    if (!kind) continue;
    layer.op = kind->name;
    if (layer.share.empty()) layer.args = with_fallbacks(kind->args, layer.args);
  }
}

// What the data set decides where the recipe doesn't.
void state_data(DataRecipe& data) {
  for (const Generator& generator : generators()) {
    if (generator.name != data.source) continue;
    if (!data.samples) data.samples = generator.samples;
    if (!data.validation) data.validation = double(generator.held_out);
    if (!data.test) data.test = double(generator.held_out);
    if (!data.classes && generator.classes && generator.most_classes != generator.classes)
      data.classes = generator.classes;
    if (!data.noise && !generator.noise_means.empty()) data.noise = generator.noise;
  }
}

// The size and channels that pictures of a folder were brought to.
void state_pictures(DataRecipe& data, const Schema& schema) {
  if (!schema.picture || !schema.picture->fit) return;
  data.size =
      schema.sample[1] == schema.sample[2] ? text(schema.sample[1]) : text(schema.sample[1], "x", schema.sample[2]);
  data.channels = schema.sample[0];
  data.fit = name(*schema.picture->fit);
}

// The form that sounds got.
void state_sounds(DataRecipe& data, const Schema& schema) {
  if (!schema.sound) return;
  const SoundForm& form = *schema.sound;
  const auto ms = [&](int64_t samples) { return 1000 * double(samples) / double(form.rate); };
  data.pattern = form.pattern;
  data.rate = form.rate;
  data.frame_ms = ms(form.frame);
  data.hop_ms = ms(form.hop);
  data.fft = form.fft;
  data.features = name(form.features);
  data.bands = form.bands;
  if (form.features == SoundFeatures::mfcc) data.coefficients = form.coefficients;
  data.deltas = form.deltas;
  data.low_hz = form.low;
  data.high_hz = form.high;
  data.pre_emphasis = form.pre_emphasis;
  data.trim_db = form.trim;
  data.normalise = name(form.normalise);
}

// What a text is made of. A set by name is a text anyway.
void state_text(DataRecipe& data, const Schema& schema) {
  if (!schema.text) return;
  data.steps = schema.sample[0];
  if (schema.generated) return;
  data.unit = name(schema.text->unit);
  if (is_path(data.source)) data.kind = "text";
}

// A table's target, goal and columns as they were found: a line each, to be edited.
void state_columns(DataRecipe& data, const Schema& schema) {
  if (schema.columns.empty()) return;
  if (schema.forecast) {
    data.forecast = schema.columns[size_t(schema.forecast->column)].name;
    data.horizon = schema.horizon();
    data.window = schema.window();
  } else {
    data.target = schema.targets[0];
    data.goal = name(schema.goal);
  }
  data.header = schema.header;
  data.drop.clear();
  data.columns.clear();
  for (const Column& column : schema.columns) data.columns.emplace_back(column.name, name(column.role));
  for (const LeftOut& one : schema.left_out)
    if (one.name != data.group) data.columns.emplace_back(one.name, "drop");
}

} // namespace

void check(Recipe& recipe, const std::string& origin) {
  // Whatever a program put together meets the same readers as a file does.
  const auto held = [&](std::span<const Field> fields, const std::string& section) {
    for (const Field& field : fields) {
      const std::string stated = field.write(recipe);
      if (stated.empty()) continue;
      const Value value = read_toml_value(stated, origin);
      field.read(recipe, {value, text(section, ".", field.name), origin});
    }
  };
  held(data_fields(), "data");
  held(train_fields(), "train");
  if (recipe.data.source.empty()) bad_input(origin, "states no data", "write source = \"digits\" below [data]");
  if (recipe.data.forecast.empty() && (recipe.data.horizon || recipe.data.window))
    bad_input(origin, text(recipe.data.horizon ? "horizon" : "window", " is stated, but no column to forecast"),
              "write forecast = \"COLUMN\" below [data]");
  if (recipe.data.kind == "table" && (recipe.data.steps || !recipe.data.unit.empty()))
    bad_input(origin, text(recipe.data.steps ? "steps" : "unit", " is stated, and that it is a table"),
              "it is for texts: leave it out");
  if (recipe.train.random == "numpy" && recipe.train.seed > int64_t(UINT32_MAX))
    bad_input(origin, text("seed is ", recipe.train.seed, ", numpy's generator takes 0 to ", UINT32_MAX));
  if (recipe.train.shards > recipe.train.batch)
    bad_input(origin,
              text("shards is ", recipe.train.shards, ", more than a batch of ", recipe.train.batch, " has samples"));
  try {
    if (!recipe.net.name.empty())
      if (const NetKind* kind = find_kind(recipe.net.name))
        recipe.net.args = with_fallbacks(kind->args, recipe.net.args);
    // How many outputs there are only the data knows; that two are possible is all that matters here.
    resolve(net_of(recipe), 2);
    complete_optimizer(recipe.train.optimizer, [&](const std::string&) { return origin; });
    recipe.train.schedule = complete(recipe.train.schedule);
    check(recipe.train.average, recipe.train.epochs);
    if (!recipe.train.reduction.empty() && !recipe.train.loss.empty())
      check_reduction(find_loss(recipe.train.loss), recipe.train.reduction);
  } catch (const Error& error) {
    if (std::string(error.what()).starts_with("[" + origin)) throw;
    relocate(error, origin);
  }
}

Recipe complete(Recipe recipe, const Schema& schema) {
  state_data(recipe.data);
  if (!recipe.data.standardise)
    recipe.data.standardise = !schema.columns.empty() || schema.sound || schema.input.mean != Scaling{}.mean ||
                              schema.input.deviation != Scaling{}.deviation;
  state_columns(recipe.data, schema);
  state_pictures(recipe.data, schema);
  state_sounds(recipe.data, schema);
  state_text(recipe.data, schema);
  state_layers(recipe.net.spec.layers, recipe.net.spec);
  for (auto& [name, block] : recipe.net.spec.blocks) state_layers(block.layers, recipe.net.spec);
  if (recipe.train.loss.empty()) recipe.train.loss = schema.goal == Goal::classes ? "cross_entropy" : "squared_error";
  const Loss& loss = find_loss(recipe.train.loss);
  recipe.train.loss_args = complete_args(loss, recipe.train.loss_args);
  if (recipe.train.reduction.empty()) recipe.train.reduction = loss.reductions[0];
  check(recipe, "recipe");
  return recipe;
}

NetSpec net_of(const Recipe& recipe) {
  if (!recipe.net.name.empty()) return make_net(recipe.net.name, recipe.net.args);
  if (recipe.net.spec.layers.empty()) bad_input("net", "has no layers", "write name = \"mlp\", or layers = [...]");
  return recipe.net.spec;
}

DataOptions data_options(const Recipe& recipe, const std::string& data_dir) {
  const DataRecipe& data = recipe.data;
  DataOptions out;
  out.data_dir = data_dir;
  out.seed = uint64_t(recipe.train.seed);
  out.samples = data.samples;
  out.validation = data.validation;
  out.test = data.test;
  out.classes = data.classes;
  out.noise = data.noise;
  out.standardise = data.standardise.value_or(true);
  out.numpy = recipe.train.random == "numpy";
  if (!data.size.empty()) out.pictures.size = picture_size_of(data.size, "data.size");
  out.pictures.channels = data.channels;
  out.pictures.fit = fit_of(data.fit).value_or(Fit::crop);
  out.pictures.skip_bad = data.skip_bad.value_or(false);
  SoundOptions& sounds = out.sounds;
  sounds.pattern = data.pattern;
  sounds.test_group = data.test_group;
  sounds.validation_group = data.validation_group;
  sounds.rate = data.rate;
  sounds.frame_ms = data.frame_ms;
  sounds.hop_ms = data.hop_ms;
  sounds.fft = data.fft;
  sounds.features = sound_features_of(data.features);
  sounds.bands = data.bands;
  sounds.coefficients = data.coefficients;
  sounds.deltas = data.deltas;
  sounds.low_hz = data.low_hz;
  sounds.high_hz = data.high_hz;
  sounds.pre_emphasis = data.pre_emphasis;
  sounds.trim_db = data.trim_db;
  sounds.normalise = normalise_of(data.normalise);
  TabularOptions& table = out.table;
  table.target = data.target;
  if (!data.goal.empty()) table.goal = data.goal == "regression" ? Goal::numbers : Goal::classes;
  table.dialect.header = data.header;
  if (!data.separator.empty()) table.dialect.separator = separator_of(data.separator);
  table.missing = data.missing;
  table.columns = data.columns;
  table.drop = data.drop;
  table.group = data.group;
  table.test_file = data.test_file;
  table.folds = data.folds;
  table.fold = data.fold;
  table.forecast = data.forecast;
  table.horizon = data.horizon;
  table.window = data.window;
  const NetKind* const net = find_kind(recipe.net.name);
  const bool reads_text = data.kind == "text" || (data.kind.empty() && net && net->text && is_path(data.source));
  out.read_as = data.kind == "table" ? ReadAs::table : reads_text ? ReadAs::text : ReadAs::looks;
  if (!data.unit.empty()) out.text.unit = data.unit == "bytes" ? TextUnit::bytes : TextUnit::characters;
  out.text.steps = data.steps;
  if (recipe.train.dtype == "f64") table.dtype = DType::f64;
  return out;
}

ModelSpec model_spec(const Recipe& recipe, const Schema& schema) {
  ModelSpec out;
  out.net = net_of(recipe);
  out.sample = schema.net_input();
  out.codes = encoding_of(schema.columns).codes;
  out.sequence = schema.sound.has_value();
  if (schema.text) {
    out.codes = {schema.outputs()};
    out.sequence = out.each_step = true;
    out.carried = recipe.train.shuffle ? 0 : recipe.train.batch;
  }
  out.loss = recipe.train.loss;
  if (out.loss.empty()) out.loss = schema.goal == Goal::classes ? "cross_entropy" : "squared_error";
  const Loss& loss = find_loss(out.loss);
  if (schema.goal == Goal::numbers && loss.classes())
    bad_input("train.loss", text(out.loss, " is for classes, but ", schema.name, " asks for numbers"),
              "write loss = \"squared_error\"");
  check(recipe.data.augment, schema, "data.augment");
  if (mixes(recipe.data.augment) &&
      (schema.goal != Goal::classes || (loss.answer != Loss::chances && loss.answer != Loss::distribution)))
    bad_input("data.augment", text("mixup blends classes into probabilities, but the loss ", out.loss, " takes none"),
              "leave mixup out, or write loss = \"cross_entropy\"");
  if (schema.text && loss.answer != Loss::distribution)
    bad_input("train.loss", text(out.loss, " makes no probabilities, by which a text's symbols are measured"),
              "write loss = \"cross_entropy\"");
  if (const NetKind* kind = find_kind(recipe.net.name); kind && kind->text && !schema.text)
    bad_input("net", text(kind->name, " reads texts; samples of ", schema.name, " are ", schema.net_input()),
              "take another net (vitro list nets)");
  out.loss_args = recipe.train.loss_args;
  out.reduction = recipe.train.reduction;
  // A yes-or-no question needs one answer.
  const bool one = (loss.answer == Loss::chances || loss.answer == Loss::scores) && schema.outputs() == 2;
  out.outputs = one ? 1 : schema.outputs();
  out.optimizer = recipe.train.optimizer;
  out.clip = {recipe.train.clip_norm, recipe.train.clip_value};
  out.average = recipe.train.average.on();
  out.shards = recipe.train.shards;
  out.dtype = recipe.train.dtype == "f64" ? DType::f64 : DType::f32;
  out.seed = uint64_t(recipe.train.seed);
  if (recipe.train.random == "numpy") {
    // A notebook draws its data first, its weights next, all from one sequence.
    out.numpy = NumpyRandom(uint32_t(recipe.train.seed));
    out.numpy->skip_normals(numpy_normals(recipe.data.source, recipe.data.samples));
  }
  return out;
}

std::string net_label(const Recipe& recipe) { return recipe.net.name.empty() ? "net" : recipe.net.name; }

} // namespace vitro

// vitro inspect: anything, by name or path. What a file holds is decided by its content.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "cli/catalogues.h"
#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/batches.h"
#include "data/idx.h"
#include "explain/graph_export.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "io/safetensors.h"
#include "recipe/embedded.h"
#include "report/plot.h"
#include "train/feed.h"
#include "train/mistakes.h"
#include "train/run.h"
#include "train/schedule_curve.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

bool among(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

struct Options {
  Common common;
  TableArguments table;
  bool graph = false, dot = false;
  std::vector<std::string> set; // keys of a recipe
  std::string svg, kind;
};

// ---- Tensors ---------------------------------------------------------------------------------

struct Range {
  double low = INFINITY, high = -INFINITY, mean = 0;
  int64_t not_finite = 0;
};

Range range_of(const Tensor& tensor) {
  Range out;
  int64_t count = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = tensor.at(i);
    if (!std::isfinite(value)) {
      ++out.not_finite;
      continue;
    }
    out.low = std::min(out.low, value);
    out.high = std::max(out.high, value);
    out.mean += (value - out.mean) / double(++count);
  }
  if (count == 0) out.low = out.high = out.mean = std::numeric_limits<double>::quiet_NaN();
  return out;
}

std::string tensor_table(const std::vector<NamedTensor>& tensors) {
  Table table({"name", "type", "> elements", "> least", "> mean", "> greatest", ""});
  for (const NamedTensor& tensor : tensors) {
    const Range range = range_of(tensor.value);
    table.add({tensor.name, tensor.value.type().str(), thousands(tensor.value.elements()), number(range.low, 4),
               number(range.mean, 4), number(range.high, 4),
               range.not_finite ? text(thousands(range.not_finite), " not finite") : ""});
  }
  return table.str(out_stream().palette);
}

Json tensors_json(const std::vector<NamedTensor>& tensors) {
  Json out = Json::array();
  for (const NamedTensor& tensor : tensors) {
    const Range range = range_of(tensor.value);
    out.push_back(Json{{"name", tensor.name},
                       {"dtype", name(tensor.value.dtype())},
                       {"shape", tensor.value.shape().list()},
                       {"least", range.low},
                       {"mean", range.mean},
                       {"greatest", range.high},
                       {"not_finite", range.not_finite}});
  }
  return out;
}

// ---- Nets ------------------------------------------------------------------------------------

std::string layer_table(const Model& model) {
  Table table({"layer", "kind", "arguments", "output", "> parameters"});
  for (const Model::LayerSummary& layer : model.layers()) {
    std::vector<std::string> parameters;
    int64_t elements = 0;
    for (const std::string& state : layer.parameters) elements += model.states().at(state).type.shape.elements();
    table.add({layer.name, layer.kind, layer.args.items().empty() ? "" : layer.args.str(), layer.output.str(),
               elements ? thousands(elements) : ""});
  }
  return table.str(out_stream().palette) + text(thousands(model.states().parameters()), " parameters\n");
}

Json layers_json(const Model& model) {
  Json out = Json::array();
  for (const Model::LayerSummary& layer : model.layers())
    out.push_back(Json{
        {"name", layer.name}, {"kind", layer.kind}, {"output", layer.output.list()}, {"parameters", layer.parameters}});
  return out;
}

// The graph of one training step on a batch as the recipe has it.
std::string graph_of(const Model& model, const Recipe& recipe, const Schema& schema, const Options& options) {
  const int64_t batch = recipe.train.batch;
  const Type targets = schema.text                    ? Type{DType::i32, {batch * schema.answers()}}
                       : schema.goal == Goal::classes ? Type{DType::i32, {batch}}
                                                      : Type{model.spec().dtype, {batch, schema.outputs()}};
  const Function step = model.step_function(batch, targets);
  if (options.dot) return print_dot(*step.graph);
  if (options.common.json) return print_json(*step.graph) + "\n";
  return vitro::print(*step.graph);
}

std::string plan_of(const Recipe& recipe) {
  const TrainRecipe& train = recipe.train;
  Facts facts;
  facts.add("loss", text(train.loss, train.loss_args.items().empty() ? "" : " " + train.loss_args.str()));
  facts.add("optimiser", text(train.optimizer.name, " ", train.optimizer.args.str()));
  facts.add("schedule",
            text(train.schedule.name, train.schedule.args.items().empty() ? "" : " " + train.schedule.args.str()));
  facts.add("batch", text(train.batch, ", ", plural(train.epochs, "epoch"),
                          train.patience ? text(", patience ", train.patience) : ""));
  return facts.str(out_stream().palette);
}

// What the schedule will do, and the momentum where there is one.
struct Rates {
  std::vector<double> epochs = {}, rates = {},
                      momenta = {}; // at most so many steps, evenly chosen, the last among them
  std::string depends = {};         // what the rate does that no picture can show; or ""
};
Rates rates_of(const Recipe& recipe, const Splits& data, int64_t most = 400) {
  const TrainRecipe& train = recipe.train;
  const int64_t per_epoch = Batches(data.train.size(), train.batch, 0, order_of(recipe, data.train.schema)).per_epoch();
  const int64_t steps = per_epoch * train.epochs;
  if (steps > 20'000'000) return {.depends = text("is not drawn: the run has ", thousands(steps), " steps")};
  const Attrs& args = train.optimizer.args;
  const double own = args.find("momentum") ? args.real("momentum") : 0;
  const ScheduleCurve curve = schedule_curve(train.schedule, args.real("lr"), steps, per_epoch);
  const int64_t shown = std::min(steps, most);
  Rates out{.depends = curve.depends};
  for (int64_t i = 0; i < shown; ++i) {
    const int64_t step = shown == 1 ? 0 : i * (steps - 1) / (shown - 1);
    const Setting& setting = curve.steps[size_t(step)];
    out.epochs.push_back(double(step) / double(per_epoch));
    out.rates.push_back(setting.lr);
    if (setting.momentum >= 0 || own > 0) out.momenta.push_back(setting.momentum >= 0 ? setting.momentum : own);
  }
  return out;
}

std::string rates_text(const Rates& rates) {
  std::string out;
  for (const auto& [name, values] : {std::pair{"learning rate", &rates.rates}, {"momentum", &rates.momenta}}) {
    if (values->empty()) continue;
    LineChart chart{.title = text("The ", name, " over the run"),
                    .x = {.label = "epochs"},
                    .y = {.label = name},
                    .series = {{name, {}}},
                    .at_x = {},
                    .levels = {}};
    for (size_t i = 0; i < values->size(); ++i) chart.series[0].points.push_back({rates.epochs[i], (*values)[i]});
    out += "\n" + terminal_chart(chart, std::min(out_stream().width, 80), 7, out_stream().palette);
  }
  if (!rates.depends.empty()) out += "\n" + wrap("The rate " + rates.depends, std::min(out_stream().width, 100)) + "\n";
  return out;
}

// ---- Data sets -------------------------------------------------------------------------------

// The first sample of each of the first classes, as pictures; or the first rows as numbers.
std::string samples_of(const Dataset& data) {
  const Schema& schema = data.schema;
  const Shape& shape = schema.sample;
  if (schema.text) { // its beginning
    std::string out;
    for (int64_t i = 0; i < std::min<int64_t>(data.samples.elements(), 300); ++i)
      out += schema.text->unit == TextUnit::characters ? schema.text->written(int32_t(data.samples.at(i)))
                                                       : schema.classes[size_t(data.samples.at(i))] + " ";
    return wrap(out, std::min(out_stream().width, 100)) + "\n";
  }
  if (shape.rank() == 3 && (shape[0] == 1 || shape[0] == 3) && shape[2] <= 100) {
    const int64_t plane = shape[1] * shape[2];
    std::vector<std::string> drawings, captions;
    for (size_t c = 0; c < std::min<size_t>(schema.classes.size(), 10); ++c) {
      const auto labels = data.label_of();
      const auto found = std::find(labels.begin(), labels.end(), int32_t(c));
      if (found == labels.end()) continue;
      const int64_t row = found - labels.begin();
      std::vector<double> pixels;
      for (int64_t i = 0; i < plane; ++i) { // of colours their mean
        double sum = 0;
        for (int64_t c = 0; c < shape[0]; ++c) sum += data.samples.at((row * shape[0] + c) * plane + i);
        pixels.push_back(sum / double(shape[0]));
      }
      drawings.push_back(picture(pixels, shape[1], shape[2], *std::min_element(pixels.begin(), pixels.end()),
                                 *std::max_element(pixels.begin(), pixels.end())));
      captions.push_back(text("sample ", row, ": ", schema.classes[c]));
    }
    return pictures_in_rows(drawings, captions, out_stream().terminal ? out_stream().width : 120);
  }
  if (shape.rank() != 1 || schema.sound) return "";
  const int64_t shown = std::min<int64_t>(shape[0], 8);
  std::vector<std::string> headings = {"> sample"};
  for (int64_t j = 0; j < shown; ++j)
    headings.push_back("> " + (schema.features.empty() ? text("x", j) : schema.features[size_t(j)]));
  if (shown < shape[0]) headings.push_back(text("(", shape[0] - shown, " more)"));
  headings.push_back(schema.targets.empty() ? "class" : schema.targets[0]);
  Table table(headings);
  for (int64_t i = 0; i < std::min<int64_t>(data.size(), 5); ++i) {
    std::vector<std::string> row = {thousands(i)};
    for (int64_t j = 0; j < shown; ++j)
      row.push_back(schema.columns.empty() ? number(data.samples.at(i * shape[0] + j), 5)
                                           : cut(written(data, i, j), 24));
    if (shown < shape[0]) row.emplace_back();
    row.push_back(schema.goal == Goal::classes ? schema.classes[size_t(data.label_of()[size_t(i)])]
                                               : number(data.targets.at(i * schema.outputs()), 5));
    table.add(std::move(row));
  }
  return table.str(out_stream().palette);
}

std::string data_text(const Splits& data) {
  const Schema& schema = data.train.schema;
  const Palette& palette = out_stream().palette;
  std::string out = palette.strong(text("data ", schema.name)) + "\n";
  if (!schema.description.empty()) out += wrap(schema.description, std::min(out_stream().width, 100)) + "\n";
  out += "\n";
  Facts facts;
  facts.add("goal", name(schema.goal));
  facts.add("samples", sizes(data));
  if (schema.columns.empty())
    facts.add("raw", text(name(schema.raw), "; the net's input is ",
                          schema.input.mean.size() == 1
                              ? schema.input.str()
                              : text("standardised by ", schema.input.mean.size(), " means and deviations")));
  out += facts.str(palette);
  for (const std::string& remark : data.remarks) out += remark + "\n";
  if (!schema.columns.empty())
    out += text("\n", columns_table(schema, palette), "\n", plural(schema.net_input().elements(), "number"),
                " go into the net\n");
  if (schema.goal == Goal::classes) {
    Table table({"class", "> training", "> validation", "> test"});
    const auto train = class_counts(data.train), validation = class_counts(data.validation),
               test = class_counts(data.test);
    for (size_t i = 0; i < schema.classes.size() && i < 30; ++i)
      table.add({schema.classes[i], thousands(train[i]), thousands(validation[i]), thousands(test[i])});
    out += "\n" + table.str(palette);
    if (schema.classes.size() > 30) out += text("and ", schema.classes.size() - 30, " more classes\n");
  }
  return out + "\n" + samples_of(data.train);
}

Json data_json(const Splits& data) {
  const Schema& schema = data.train.schema;
  Json out = {{"name", schema.name},
              {"description", schema.description},
              {"generated", schema.generated},
              {"goal", name(schema.goal)},
              {"sample", schema.sample.list()},
              {"features", schema.features},
              {"classes", schema.classes},
              {"targets", schema.targets},
              {"training", data.train.size()},
              {"validation", data.validation.size()},
              {"test", data.test.size()}};
  if (schema.goal == Goal::classes) out["counts"] = class_counts(data.train);
  if (schema.columns.empty()) return out;
  out["columns"] = Json::array();
  for (const Column& column : schema.columns)
    out["columns"].push_back({{"name", column.name},
                              {"is", name(column.role)},
                              {"seen", column.remark},
                              {"becomes", column.becomes()},
                              {"inputs", column.role == Role::embedding ? Json(1) : Json(column.inputs())}});
  out["left_out"] = Json::array();
  for (const LeftOut& one : schema.left_out) out["left_out"].push_back({{"name", one.name}, {"reason", one.reason}});
  out["remarks"] = data.remarks;
  return out;
}

// What the catalogues say of a name: text, or JSON, or its curve as a file.
int show_entries(const std::vector<About>& found, const std::string& what, const Options& options) {
  if (!options.svg.empty()) {
    const auto drawn = std::ranges::find_if(found, [](const About& one) { return one.plot.has_value(); });
    if (drawn == found.end())
      bad_input("--svg", text(found[0].kind, " ", what, " has no curve"), "activations, losses and schedules have one");
    write_atomically(options.svg, svg_file(*drawn->plot));
    return 0;
  }
  std::string out;
  Json entries = Json::array();
  for (const About& one : found) {
    out += (out.empty() ? "" : "\n") + text_of(one);
    entries.push_back(json_of(one));
  }
  print(options.common.json ? Json({{"name", what}, {"entries", entries}}).dump() + "\n" : out);
  return 0;
}

// ---- The kinds of things -----------------------------------------------------------------------

int show_run(const RunDirectory& directory, const Options& options) {
  const StoredRun run = open_run(directory);
  if (options.graph || options.dot) {
    print(graph_of(run.model, run.recipe, run.schema, options));
    return 0;
  }
  const std::optional<Checkpoint> checkpoint = load_checkpoint(directory.checkpoint());
  History history;
  if (checkpoint) history = checkpoint->progress.history;
  const std::string state = !checkpoint ? "nothing was saved yet"
                            : checkpoint->progress.finished
                                ? "finished"
                                : text("interrupted in epoch ", checkpoint->progress.epoch + 1);
  if (options.common.json) {
    Json object = {{"run", directory.path()},
                   {"state", state},
                   {"recipe", to_toml(run.recipe)},
                   {"layers", layers_json(run.model)},
                   {"parameters", run.model.states().parameters()},
                   {"trained", run.trained},
                   {"weights_sha256", weights_sha256(run.model.states())},
                   {"columns", history.columns},
                   {"history", history.rows}};
    if (checkpoint) object["numbers"] = checkpoint->progress.numbers;
    print(object.dump() + "\n");
    return 0;
  }
  const Palette& palette = out_stream().palette;
  std::string out = palette.strong(text("run ", directory.path())) + "\n\n";
  Facts facts;
  facts.add("state", state);
  facts.add("data", text(run.schema.name, run.schema.description.empty() ? "" : ": " + run.schema.description));
  facts.add("weights", run.trained ? text("sha256 ", weights_sha256(run.model.states())) : "none yet");
  if (checkpoint)
    facts.add("trained",
              text(plural(int64_t(history.rows.size()), "epoch"), ", ", duration(checkpoint->progress.seconds),
                   checkpoint->progress.best_epoch >= 0
                       ? text(", best validation loss in epoch ", checkpoint->progress.best_epoch + 1)
                       : ""));
  for (const auto& [key, value] : checkpoint ? checkpoint->progress.numbers : std::map<std::string, double>())
    if (key.starts_with("test_"))
      facts.add(key == "test_accuracy" ? "test accuracy"
                : key == "test_rmse"   ? "test RMSE"
                                       : "test loss",
                key == "test_accuracy" ? percent(value) : fixed(value, 4));
  out += facts.str(palette) + "\n" + layer_table(run.model) + "\n" + plan_of(run.recipe);
  if (!history.rows.empty()) {
    Table table({"history", "", "> first", "> last"});
    for (size_t c = 1; c < history.columns.size(); ++c) {
      if (history.columns[c] == "seconds") continue;
      std::vector<double> values;
      for (const auto& row : history.rows) values.push_back(row[c]);
      table.add({history.columns[c], sparkline(values), number(values.front(), 4), number(values.back(), 4)});
    }
    out += "\n" + table.str(palette);
  }
  if (run.trained) {
    std::vector<NamedTensor> weights = tensors_of(run.model.states(), run.model.states().weights());
    out += "\n" + tensor_table(weights);
  }
  print(out);
  return 0;
}

// A data set, and where `with_net` the net that its recipe puts on it.
int show_recipe(const std::string& what, const Options& options) {
  const auto [recipe, data] = open_trainable(what, options.set, options.common.data_dir);
  const Schema& schema = data.train.schema;
  const Model model(model_spec(recipe, schema));
  if (options.graph || options.dot) {
    print(graph_of(model, recipe, schema, options));
    return 0;
  }
  if (options.common.json) {
    Json object = data_json(data);
    object["recipe"] = to_toml(recipe);
    object["layers"] = layers_json(model);
    object["parameters"] = model.states().parameters();
    const Rates rates = rates_of(recipe, data);
    object["schedule"] = {{"epochs", rates.epochs}, {"lr", rates.rates}, {"momentum", rates.momenta}};
    print(object.dump() + "\n");
    return 0;
  }
  const Palette& palette = out_stream().palette;
  print(data_text(data) + "\n" +
        palette.strong(text("net ", net_label(recipe), ", as `vitro train ", what, "` has it")) + "\n\n" +
        layer_table(model) + "\n" + plan_of(recipe) + rates_text(rates_of(recipe, data)));
  return 0;
}

int show_tensors(const TensorFile& file, const std::string& path, const Options& options) {
  if (options.common.json) {
    print(Json({{"file", path}, {"metadata", file.metadata}, {"tensors", tensors_json(file.tensors)}}).dump() + "\n");
    return 0;
  }
  std::string out = out_stream().palette.strong(text("safetensors ", path)) + "\n\n" + tensor_table(file.tensors);
  for (const auto& [key, value] : file.metadata) out += text(key, ": ", cut(value, 100), "\n");
  print(out);
  return 0;
}

int show_idx(const Tensor& array, const std::string& path, const Options& options) {
  if (options.common.json) {
    print(Json({{"file", path}, {"tensors", tensors_json({{"idx", array}})}}).dump() + "\n");
    return 0;
  }
  std::string out = out_stream().palette.strong(text("IDX ", path)) + "\n\n" + tensor_table({{"idx", array}});
  const Shape& shape = array.shape();
  if (shape.rank() == 3 && shape[2] <= 100) {
    std::vector<std::string> drawings, captions;
    for (int64_t row = 0; row < std::min<int64_t>(shape[0], 8); ++row) {
      std::vector<double> pixels;
      for (int64_t i = 0; i < shape[1] * shape[2]; ++i) pixels.push_back(array.at(row * shape[1] * shape[2] + i));
      drawings.push_back(picture(pixels, shape[1], shape[2], *std::min_element(pixels.begin(), pixels.end()),
                                 *std::max_element(pixels.begin(), pixels.end())));
      captions.push_back(text("image ", row));
    }
    out += "\n" + pictures_in_rows(drawings, captions, out_stream().terminal ? out_stream().width : 120);
  } else if (shape.rank() == 1) {
    out += "\nfirst values: ";
    for (int64_t i = 0; i < std::min<int64_t>(shape[0], 20); ++i) out += text(i ? " " : "", number(array.at(i), 5));
    out += "\n";
  }
  print(out);
  return 0;
}

bool is_safetensors(ByteSpan bytes) {
  if (bytes.size() < 9 || bytes[8] != '{') return false;
  uint64_t header = 0;
  for (size_t i = 0; i < 8; ++i) header |= uint64_t(bytes[i]) << (8 * i);
  return header <= bytes.size() || header < (uint64_t(1) << 32);
}

int show_file(const std::string& path, const Options& options) {
  const Bytes bytes = read_bytes(path);
  if (!options.set.empty() && (is_safetensors(bytes) || is_idx(bytes)))
    bad_input(options.set[0], text(path, " is no recipe and no table: it has no key to set"));
  if (is_safetensors(bytes)) return show_tensors(read_safetensors(bytes, path), path, options);
  if (is_idx(bytes)) return show_idx(read_idx(bytes, path), path, options);
  return show_recipe(path, options);
}

} // namespace

int inspect(Arguments& arguments) {
  Options options;
  arguments.flag("--graph", options.graph, "the graph of one training step (of a run, recipe or data set)");
  arguments.flag("--dot", options.dot, "the same for Graphviz");
  arguments.option("--svg", options.svg, "FILE", "the curve of an activation, loss or schedule, as a picture");
  arguments.option("--kind", options.kind, "KIND", "where several things have the name: ops, schedules, ...");
  options.table.declare(arguments);
  options.common.declare_data(arguments);
  options.common.declare(arguments);
  arguments.parse(1);
  options.common.apply();
  options.set = arguments.overrides();
  const std::vector<std::string> of_table = options.table.assignments();
  options.set.insert(options.set.end(), of_table.begin(), of_table.end());
  const std::string what = arguments.word(0);
  std::vector<std::string> kinds, first_spellings;
  for (const Catalogue& catalogue : catalogues())
    if (catalogue.about) {
      kinds.insert(kinds.end(), catalogue.kinds.begin(), catalogue.kinds.end());
      first_spellings.push_back(catalogue.kinds[0]);
    }
  if (!options.kind.empty() && !among(kinds, options.kind))
    bad_input("--kind", text("unknown kind \"", options.kind, "\"", did_you_mean(options.kind, kinds)),
              "there are " + join(first_spellings, ", "));
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool word = what.find_first_of("/.") == std::string::npos,
             run = fs::exists(fs::path(what) / "recipe.toml", ignored);
  const std::vector<std::string> trainable = trainable_names();
  const bool named = word && std::find(trainable.begin(), trainable.end(), what) != trainable.end();
  if (what.empty() || run || (word && !named)) { // keys are set in what may be trained
    arguments.refuse_overrides();
    if (!of_table.empty())
      bad_input("vitro inspect", "--target, --drop, --group and --test are for tables", "vitro inspect FILE.csv");
  }
  if (what.empty() || run) return show_run(find_run(what), options);
  if (!word) {
    if (fs::is_directory(what, ignored) || what.ends_with(".toml")) return show_recipe(what, options);
    return show_file(what, options);
  }
  if (named && options.kind.empty()) return show_recipe(what, options);
  std::vector<About> found;
  for (const Catalogue& catalogue : catalogues()) {
    if (!catalogue.about || !(options.kind.empty() || among(catalogue.kinds, options.kind))) continue;
    if (std::optional<About> about = catalogue.about(what)) found.push_back(std::move(*about));
  }
  if (!found.empty()) return show_entries(found, what, options);
  if (fs::exists(fs::path("runs") / what / "recipe.toml", ignored)) return show_run(find_run(what), options);
  bad_input(what, text("nothing is called that", did_you_mean(what, all_names())),
            "`vitro list` shows what there is; a file is named with its folder or suffix");
}

} // namespace vitro::cli

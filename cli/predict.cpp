// vitro predict: what a run says about the samples of a raw file. Of a table's rows as CSV, so that the next program
// can read it; of pictures and the like as a table for people.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <numeric>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/records.h"
#include "train/measure.h"
#include "train/run.h"

namespace vitro::cli {
namespace {

bool makes_probabilities(const StoredRun& run) {
  const Loss::Answer answer = find_loss(run.model.spec().loss).answer;
  return answer == Loss::chances || answer == Loss::distribution;
}

// What the net says of one sample: a number for each class (a probability, where the loss makes one) ...
std::vector<double> scores(const Tensor& predictions, int64_t row, int64_t width) {
  if (width == 1) return {1 - predictions.at(row), predictions.at(row)};
  std::vector<double> out;
  for (int64_t j = 0; j < width; ++j) out.push_back(predictions.at(row * width + j));
  return out;
}

// ... or the predicted numbers in the units of the raw targets.
std::vector<double> numbers(const Dataset& data, const Tensor& predictions, int64_t row, int64_t width) {
  std::vector<double> out;
  for (int64_t j = 0; j < width; ++j) out.push_back(raw_of(data, row, j, predictions.at(row * width + j)));
  return out;
}

// What is to be predicted: the samples, and where they are pictures or sounds, what of.
struct Asked {
  RawFile raw;
  std::vector<std::string> files = {}; // of each sample its own; none: they are rows of one file
  const char* kind = "";               // "picture", "sound"
  bool prepared = false;               // as ink: the net saw something else than a smaller photograph
};

std::string class_table(const StoredRun& run, const Asked& asked, const Tensor& predictions) {
  const RawFile& raw = asked.raw;
  const bool probabilities = makes_probabilities(run);
  const auto shown = [&](double score) { return probabilities ? percent(score) : fixed(score, 4); };
  const bool files = !asked.files.empty();
  std::vector<std::string> headings = {files ? asked.kind : "> sample", "class",
                                       probabilities ? "> probability" : "> score", "then"};
  if (raw.labelled) headings.emplace_back("truth");
  Table table(headings);
  const std::vector<std::string>& classes = run.schema.classes;
  for (int64_t i = 0; i < raw.data.size(); ++i) {
    const std::vector<double> values = scores(predictions, i, run.model.spec().outputs);
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
    std::string then;
    for (size_t k = 1; k < std::min<size_t>(order.size(), 3); ++k)
      then += text(k > 1 ? ", " : "", classes[order[k]], " ", shown(values[order[k]]));
    std::vector<std::string> row = {files ? asked.files[size_t(i)] : thousands(i), classes[order[0]],
                                    shown(values[order[0]]), then};
    if (raw.labelled) {
      const auto truth = size_t(raw.data.label_of()[size_t(i)]);
      row.push_back(classes[truth] + (truth == order[0] ? "" : "  (wrong)"));
    }
    table.add(std::move(row));
  }
  return table.str(out_stream().palette);
}

// The pictures that the net saw in the photographs' place, the first few.
std::string seen(const StoredRun& run, const Asked& asked) {
  constexpr int64_t most = 6;
  const Shape& shape = run.schema.sample;
  const int64_t shown = std::min(asked.raw.data.size(), most), elements = shape.elements();
  std::vector<std::string> drawings, captions;
  for (int64_t i = 0; i < shown; ++i) {
    std::vector<double> pixels;
    for (int64_t p = 0; p < elements; ++p) pixels.push_back(asked.raw.data.samples.at(i * elements + p));
    drawings.push_back(picture(pixels, shape[1], shape[2], 0, 255));
    captions.push_back(std::filesystem::path(asked.files[size_t(i)]).filename().string());
  }
  return text("What the net saw: light on black, its longer side ", run.schema.picture->ink,
              " pixels, its centre of mass in the middle of ", shape[1], " x ", shape[2],
              shown < asked.raw.data.size() ? text("; the first ", shown) : "", " (--as-is: only scaled)\n") +
         pictures_in_rows(drawings, captions, out_stream().terminal ? out_stream().width : 120);
}

std::string number_table(const StoredRun& run, const RawFile& raw, const Tensor& predictions) {
  const int64_t width = run.model.spec().outputs;
  std::vector<std::string> headings = {"> sample"};
  for (const std::string& target : run.schema.targets) headings.push_back("> " + target);
  if (raw.labelled)
    for (const std::string& target : run.schema.targets) headings.push_back(text("> true ", target));
  Table table(headings);
  for (int64_t i = 0; i < raw.data.size(); ++i) {
    std::vector<std::string> row = {thousands(i)};
    for (const double value : numbers(raw.data, predictions, i, width)) row.push_back(number(value, 6));
    for (int64_t j = 0; raw.labelled && j < width; ++j) row.push_back(number(raw.data.targets.at(i * width + j), 6));
    table.add(std::move(row));
  }
  return table.str(out_stream().palette);
}

// A line per row, in the file's order: the columns that are kept, what is predicted under the target's name, and for
// classes how probable that is and, where they are few, how probable each. Numbers in the shortest form that reads back
// to the same float.
constexpr size_t most_probabilities = 20;
std::string csv_of(const StoredRun& run, const RawFile& raw, const Tensor& predictions) {
  const Schema& schema = run.schema;
  const bool classes = schema.goal == Goal::classes, few = schema.classes.size() <= most_probabilities;
  const std::string certainty = makes_probabilities(run) ? "probability" : "score";
  std::vector<std::string> cells;
  for (const auto& [name, column] : raw.kept) // beside a prediction of the same name stands the truth
    cells.push_back(csv_cell(name == schema.targets[0] ? "true " + name : name));
  cells.push_back(csv_cell(schema.targets[0]));
  if (classes) cells.push_back(certainty);
  for (size_t c = 0; classes && few && c < schema.classes.size(); ++c)
    cells.push_back(csv_cell(text(makes_probabilities(run) ? "p" : "score", "(", schema.classes[c], ")")));
  std::string out = join(cells, ",") + "\n";
  const int64_t width = run.model.spec().outputs;
  for (int64_t i = 0; i < raw.data.size(); ++i) {
    cells.clear();
    for (const auto& [name, column] : raw.kept) cells.push_back(csv_cell(column[size_t(i)]));
    if (classes) {
      const std::vector<double> values = scores(predictions, i, width);
      const auto best = size_t(std::max_element(values.begin(), values.end()) - values.begin());
      cells.push_back(csv_cell(schema.classes[best]));
      cells.push_back(number(float(values[best])));
      for (size_t c = 0; few && c < values.size(); ++c) cells.push_back(number(float(values[c])));
    } else {
      for (const double value : numbers(raw.data, predictions, i, width)) cells.push_back(number(float(value)));
    }
    out += join(cells, ",") + "\n";
  }
  return out;
}

Json object_of(const StoredRun& run, const Asked& asked, const Tensor& predictions) {
  const RawFile& raw = asked.raw;
  const int64_t width = run.model.spec().outputs;
  const Shape& shape = run.schema.sample;
  Json list = Json::array();
  for (int64_t i = 0; i < raw.data.size(); ++i) {
    Json one;
    if (!asked.files.empty()) one[asked.kind] = asked.files[size_t(i)];
    if (run.schema.goal == Goal::classes) {
      const std::vector<double> values = scores(predictions, i, width);
      const auto best = size_t(std::max_element(values.begin(), values.end()) - values.begin());
      one["class"] = run.schema.classes[best];
      one[makes_probabilities(run) ? "probabilities" : "scores"] = values;
      if (raw.labelled) one["truth"] = run.schema.classes[size_t(raw.data.label_of()[size_t(i)])];
    } else {
      one["prediction"] = numbers(raw.data, predictions, i, width);
    }
    for (const auto& [name, column] : raw.kept) one["kept"][name] = column[size_t(i)];
    for (int64_t y = 0; asked.prepared && y < shape[1]; ++y) {
      Json& row = one["seen"].emplace_back(Json::array());
      for (int64_t x = 0; x < shape[2]; ++x) row.push_back(int(raw.data.samples.at((i * shape[1] + y) * shape[2] + x)));
    }
    list.push_back(std::move(one));
  }
  return {{"run", run.directory.path()},
          {"samples", raw.data.size()},
          {"classes", run.schema.classes},
          {"targets", run.schema.targets},
          {"predictions", std::move(list)}};
}

// The rows that come next: CSV, as they would stand in the file.
std::string next_rows(const StoredRun& run, const std::string& file, bool json) {
  const SeriesEnd end = open_end(run.schema, file, data_options(run.recipe).table);
  const Tensor predictions = predict_all(run.model, end.window);
  const std::vector<double> values = numbers(end.window, predictions, 0, run.schema.horizon());
  const std::string& column = run.schema.columns[size_t(run.schema.forecast->column)].name;
  std::string out = text(csv_cell(end.time), ",", csv_cell(column), "\n");
  Json list = Json::array();
  for (size_t i = 0; i < values.size(); ++i) {
    out += text(end.when[i], ",", number(values[i], 6), "\n");
    list.push_back({{"when", end.when[i]}, {"value", values[i]}});
  }
  if (!json) return out;
  return Json({{"run", run.directory.path()},
               {"forecast", column},
               {"time", end.time},
               {"predictions", std::move(list)}})
             .dump() +
         "\n";
}

bool is_run(const std::string& path) { return std::filesystem::exists(RunDirectory(path).recipe()); }

void say_skipped(const std::vector<std::string>& skipped, const char* kind) {
  if (!skipped.empty())
    say(text("skipped ", plural(int64_t(skipped.size()), kind), " that can't be read: ", join(skipped, ", ")));
}

Asked pictures_of(const StoredRun& run, const std::vector<std::string>& files, bool as_is, bool skip_bad, bool quiet) {
  RawPictures found = open_pictures_as(run.schema, files, as_is, skip_bad);
  if (!quiet) say_skipped(found.skipped, "picture");
  return {{std::move(found.data), found.labelled}, std::move(found.names), "picture", found.prepared};
}

Asked sounds_of(const StoredRun& run, const std::vector<std::string>& files, bool skip_bad, bool quiet) {
  RawSounds found = open_sounds_as(run.schema, files, skip_bad);
  for (const std::string& remark : found.remarks)
    if (!quiet) say(remark);
  if (!quiet) say_skipped(found.skipped, "sound");
  return {{std::move(found.data), found.labelled}, std::move(found.names), "sound"};
}

} // namespace

int predict(Arguments& arguments) {
  Common common;
  std::vector<std::string> keep;
  bool as_is = false, skip_bad = false;
  arguments.option("--keep", keep, "COLUMNS",
                   "of a table: columns to be copied beside the prediction; names between commas");
  arguments.flag("--as-is", as_is, "of pictures: only scaled, not prepared as the handwriting that the net learned");
  arguments.flag("--skip-bad", skip_bad, "of pictures and sounds: leave out, and name, what can't be read");
  common.declare(arguments);
  arguments.parse(std::numeric_limits<size_t>::max());
  arguments.refuse_overrides();
  common.apply();
  std::vector<std::string> files = arguments.words();
  if (files.empty() || (files.size() == 1 && is_run(files[0])))
    bad_input("vitro predict", "which file?", "vitro predict RUN FILE; a FILE alone is for the latest run");
  // Several words may be a run and its files, or files alone, for the latest run.
  const bool named = files.size() > 1 && (is_run(files[0]) || !std::filesystem::exists(files[0]));
  const StoredRun run = open_run(find_run(named ? files[0] : ""));
  if (named) files.erase(files.begin());
  const std::string file = files[0];
  if (!run.trained)
    bad_input(run.directory.path(), "has no weights yet", text("vitro train --resume ", run.directory.path()));
  if (run.schema.text)
    bad_input(run.directory.path(), "learned from a text: it says what comes next",
              text("vitro generate ", run.directory.path(), " --prompt \"...\""));
  // Folders are of either; what is no sound a net of sounds refuses by its name.
  const bool of_sounds = run.schema.sound.has_value();
  const bool of_pictures = !of_sounds && std::ranges::all_of(files, are_pictures);
  if (files.size() > 1 && !of_pictures && !of_sounds)
    bad_input(*std::ranges::find_if_not(files, are_pictures),
              "is no picture, and only of pictures and sounds several are taken", "one file at a time");
  if (as_is && !of_pictures) bad_input("--as-is", text(file, " is no picture"), "leave it out");
  if (skip_bad && !of_pictures && !of_sounds)
    bad_input("--skip-bad", text(file, " is neither picture nor sound"), "leave it out");
  if (run.schema.forecast) {
    if (!keep.empty())
      bad_input("--keep", text(run.directory.path(), " forecasts: it makes rows of its own"), "leave out --keep");
    print(next_rows(run, file, common.json));
    return 0;
  }
  const bool of_table = !run.schema.columns.empty();
  TabularOptions reading = data_options(run.recipe).table;
  reading.keep = names_between_commas(keep);
  if (!of_table && !reading.keep.empty())
    bad_input("--keep", text(run.directory.path(), " did not learn from a table"), "leave out --keep");
  const Asked asked = of_pictures ? pictures_of(run, files, as_is, skip_bad, common.quiet)
                      : of_sounds ? sounds_of(run, files, skip_bad, common.quiet)
                                  : Asked{open_as(run.schema, file, reading)};
  const RawFile& raw = asked.raw;
  if (raw.kept.size() != reading.keep.size())
    bad_input("--keep", text(file, " is no text: its columns have no names"), "leave out --keep");
  const Tensor predictions = predict_all(run.model, raw.data);
  if (common.json)
    print(object_of(run, asked, predictions).dump() + "\n");
  else if (of_table)
    print(csv_of(run, raw, predictions));
  else
    print((run.schema.goal == Goal::classes ? class_table(run, asked, predictions)
                                            : number_table(run, raw, predictions)) +
          (asked.prepared ? "\n" + seen(run, asked) : ""));
  return 0;
}

} // namespace vitro::cli

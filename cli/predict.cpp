// vitro predict: what a run says about the samples of a raw file. Of a table's rows as CSV, so that the next program
// can read it; of pictures and the like as a table for people.
#include <algorithm>
#include <filesystem>
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

std::string class_table(const StoredRun& run, const RawFile& raw, const Tensor& predictions) {
  const bool probabilities = makes_probabilities(run);
  const auto shown = [&](double score) { return probabilities ? percent(score) : fixed(score, 4); };
  std::vector<std::string> headings = {"> sample", "class", probabilities ? "> probability" : "> score", "then"};
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
    std::vector<std::string> row = {thousands(i), classes[order[0]], shown(values[order[0]]), then};
    if (raw.labelled) {
      const auto truth = size_t(raw.data.label_of()[size_t(i)]);
      row.push_back(classes[truth] + (truth == order[0] ? "" : "  (wrong)"));
    }
    table.add(std::move(row));
  }
  return table.str(out_stream().palette);
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

Json object_of(const StoredRun& run, const RawFile& raw, const Tensor& predictions) {
  const int64_t width = run.model.spec().outputs;
  Json list = Json::array();
  for (int64_t i = 0; i < raw.data.size(); ++i) {
    Json one;
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

} // namespace

int predict(Arguments& arguments) {
  Common common;
  std::vector<std::string> keep;
  arguments.option("--keep", keep, "COLUMNS",
                   "of a table: columns to be copied beside the prediction; names between commas");
  common.declare(arguments);
  arguments.parse(2);
  arguments.refuse_overrides();
  common.apply();
  if (arguments.words().empty() || (arguments.words().size() == 1 && std::filesystem::is_directory(arguments.word(0))))
    bad_input("vitro predict", "which file?", "vitro predict RUN FILE; a FILE alone is for the latest run");
  const bool named = arguments.words().size() == 2;
  const StoredRun run = open_run(find_run(named ? arguments.word(0) : ""));
  const std::string file = arguments.word(named ? 1 : 0);
  if (!run.trained)
    bad_input(run.directory.path(), "has no weights yet", text("vitro train --resume ", run.directory.path()));
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
  const RawFile raw = open_as(run.schema, file, reading);
  if (raw.kept.size() != reading.keep.size())
    bad_input("--keep", text(file, " is no text: its columns have no names"), "leave out --keep");
  const Tensor predictions = predict_all(run.model, raw.data);
  if (common.json)
    print(object_of(run, raw, predictions).dump() + "\n");
  else if (of_table)
    print(csv_of(run, raw, predictions));
  else
    print(run.schema.goal == Goal::classes ? class_table(run, raw, predictions) : number_table(run, raw, predictions));
  return 0;
}

} // namespace vitro::cli

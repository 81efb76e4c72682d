// vitro predict: what a run says about the samples of a raw file.
#include <algorithm>
#include <filesystem>
#include <numeric>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
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
    list.push_back(std::move(one));
  }
  return {{"run", run.directory.path()},
          {"samples", raw.data.size()},
          {"classes", run.schema.classes},
          {"targets", run.schema.targets},
          {"predictions", std::move(list)}};
}

// A cell of CSV (RFC 4180): in quotes where a separator, a quote or an end of line stands in it.
std::string cell(const std::string& word) {
  if (word.find_first_of(",\"\r\n") == std::string::npos) return word;
  std::string out = "\"";
  for (const char c : word) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// The rows that come next: CSV, as they would stand in the file.
std::string next_rows(const StoredRun& run, const std::string& file, bool json) {
  const SeriesEnd end = open_end(run.schema, file, data_options(run.recipe).table);
  const Tensor predictions = predict_all(run.model, end.window);
  const std::vector<double> values = numbers(end.window, predictions, 0, run.schema.horizon());
  const std::string& column = run.schema.columns[size_t(run.schema.forecast->column)].name;
  std::string out = text(cell(end.time), ",", cell(column), "\n");
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
    print(next_rows(run, file, common.json));
    return 0;
  }
  const RawFile raw = open_as(run.schema, file, data_options(run.recipe).table);
  const Tensor predictions = predict_all(run.model, raw.data);
  if (common.json)
    print(object_of(run, raw, predictions).dump() + "\n");
  else
    print(run.schema.goal == Goal::classes ? class_table(run, raw, predictions) : number_table(run, raw, predictions));
  return 0;
}

} // namespace vitro::cli

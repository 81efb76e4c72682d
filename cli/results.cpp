#include "cli/results.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "core/text.h"

namespace vitro::cli {

std::string metrics_table(const std::vector<Part>& parts, const Baseline& baseline, const Palette& palette) {
  const bool classes = parts.empty() || parts[0].metrics->goal == Goal::classes;
  Table table(classes ? std::vector<std::string>{"", "> loss", "> accuracy", "> 95 % interval", "> samples"}
                      : std::vector<std::string>{"", "> loss", "> RMSE", "> MAE", "> R2", "> samples"});
  for (const Part& part : parts) {
    const Metrics& metrics = *part.metrics;
    if (metrics.samples == 0) continue;
    if (classes) {
      const Interval interval = metrics.interval();
      table.add({part.name, fixed(metrics.loss, 4), percent(metrics.accuracy()),
                 text(fixed(100 * interval.low, 2), " to ", fixed(100 * interval.high, 2), " %"),
                 thousands(metrics.samples)});
    } else {
      table.add({part.name, fixed(metrics.loss, 4), fixed(metrics.rmse, 4), fixed(metrics.mae, 4), fixed(metrics.r2, 4),
                 thousands(metrics.samples)});
    }
  }
  if (std::isfinite(baseline.value))
    table.add({"baseline", "", classes ? percent(baseline.value) : fixed(baseline.value, 4), baseline.text});
  return table.str(palette);
}

std::string class_tables(const Metrics& metrics, const std::vector<std::string>& classes, const Palette& palette) {
  const auto n = int64_t(classes.size());
  Table table({"class", "> precision", "> recall", "> samples"});
  for (int64_t i = 0; i < n; ++i) {
    const ClassMetrics one = metrics.of_class(i);
    table.add({classes[size_t(i)], percent(one.precision()), percent(one.recall()), thousands(one.support)});
  }
  std::string out = table.str(palette);
  if (n > 20) return out;
  std::vector<std::string> headings = {"truth \\ named"};
  for (const std::string& name : classes) headings.push_back("> " + cut(name, 8));
  Table confusion(headings);
  for (int64_t i = 0; i < n; ++i) {
    std::vector<std::string> row = {classes[size_t(i)]};
    for (int64_t j = 0; j < n; ++j) {
      const int64_t count = metrics.confusion[size_t(i * n + j)];
      row.push_back(count == 0 ? "." : thousands(count));
    }
    confusion.add(std::move(row));
  }
  return out + "\n" + confusion.str(palette);
}

Json to_json(const Metrics& metrics, const std::vector<std::string>& classes) {
  Json out;
  if (metrics.goal == Goal::numbers)
    return {{"loss", metrics.loss}, {"samples", metrics.samples}, {"accuracy", nullptr},
            {"rmse", metrics.rmse}, {"mae", metrics.mae},         {"r2", metrics.r2}};
  const Interval interval = metrics.interval();
  out = {{"accuracy", metrics.accuracy()},
         {"loss", metrics.loss},
         {"samples", metrics.samples},
         {"interval", {interval.low, interval.high}}};
  Json per_class = Json::array(), confusion = Json::array();
  const auto n = int64_t(classes.size());
  for (int64_t i = 0; i < n; ++i) {
    const ClassMetrics one = metrics.of_class(i);
    per_class.push_back({{"class", classes[size_t(i)]},
                         {"precision", one.precision()},
                         {"recall", one.recall()},
                         {"support", one.support}});
    confusion.push_back(
        std::vector<int64_t>(metrics.confusion.begin() + i * n, metrics.confusion.begin() + (i + 1) * n));
  }
  out["classes"] = std::move(per_class);
  out["confusion"] = std::move(confusion);
  return out;
}

std::string sizes(const Splits& data) {
  const Schema& schema = data.train.schema;
  std::string out = text(thousands(data.train.size()), " training, ", thousands(data.validation.size()),
                         " validation, ", thousands(data.test.size()), " test samples ", schema.sample);
  if (schema.goal == Goal::classes) return text(out, ", ", plural(int64_t(schema.classes.size()), "class"));
  return text(out, ", predicting ", join(schema.targets, ", "));
}

} // namespace vitro::cli

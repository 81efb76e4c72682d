#include "cli/results.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "core/text.h"
#include "train/forecasts.h"

namespace vitro::cli {

namespace {

// Of a text: how well it is foreseen, in nats and bits a symbol.
std::string text_table(const std::vector<Part>& parts, const std::vector<const Baseline*>& simpler,
                       const Palette& palette) {
  Table table({"", "> nats", "> bits", "> perplexity", "> accuracy", "> symbols"});
  const auto add = [&](const std::string& name, const Metrics& metrics) {
    if (metrics.samples == 0) return;
    table.add({name, fixed(metrics.nats, 4), fixed(metrics.bits(), 4), fixed(metrics.perplexity(), 3),
               percent(metrics.accuracy()), thousands(metrics.samples)});
  };
  for (const Part& part : parts) add(part.name, *part.metrics);
  for (const Baseline* one : simpler)
    if (one) add(one->text, one->metrics);
  return table.str(palette);
}

} // namespace

std::string metrics_table(const std::vector<Part>& parts, const std::vector<const Baseline*>& simpler,
                          const Palette& palette) {
  const bool classes = parts.empty() || parts[0].metrics->goal == Goal::classes;
  if (!parts.empty() && parts[0].metrics->text) return text_table(parts, simpler, palette);
  Table table(classes
                  ? std::vector<std::string>{"", "> loss", "> accuracy", "> 95 % interval", "> samples"}
                  : std::vector<std::string>{"", "> loss", "> RMSE", "> 95 % interval", "> MAE", "> R2", "> samples"});
  const auto add = [&](const std::string& name, const std::string& loss, const Metrics& metrics) {
    const Interval interval = metrics.interval();
    if (classes) {
      table.add({name, loss, percent(metrics.accuracy()),
                 text(fixed(100 * interval.low, 2), " to ", fixed(100 * interval.high, 2), " %"),
                 thousands(metrics.samples)});
    } else {
      table.add({name, loss, fixed(metrics.rmse, 4),
                 std::isfinite(interval.high) ? text(fixed(interval.low, 4), " to ", fixed(interval.high, 4)) : "-",
                 fixed(metrics.mae, 4), fixed(metrics.r2, 4), thousands(metrics.samples)});
    }
  };
  for (const Part& part : parts)
    if (part.metrics->samples > 0) add(part.name, fixed(part.metrics->loss, 4), *part.metrics);
  for (const Baseline* one : simpler)
    if (one && one->metrics.samples > 0) add(one->text, "", one->metrics);
  return table.str(palette);
}

std::vector<const Baseline*> simpler_than(const std::optional<Baseline>& linear, const std::vector<Baseline>& naive,
                                          const Baseline* baseline) {
  std::vector<const Baseline*> out;
  if (linear) out.push_back(&*linear);
  for (const Baseline& one : naive) out.push_back(&one);
  if (naive.empty() && baseline) out.push_back(baseline);
  return out;
}

std::string steps_table(const Tensor& predictions, const Dataset& data, const Palette& palette) {
  if (!data.schema.forecast || data.size() == 0) return "";
  const std::vector<StepErrors> found = errors_by_step(predictions, data);
  std::vector<std::string> headings = {"> steps ahead"};
  for (const char* what : {"RMSE", "MAE"})
    for (const StepErrors& one : found) headings.push_back(text("> ", what, ", ", one.name));
  Table table(headings);
  for (size_t step = 0; step < found[0].rmse.size(); ++step) {
    std::vector<std::string> row = {text(step + 1)};
    for (const StepErrors& one : found) row.push_back(fixed(one.rmse[step], 4));
    for (const StepErrors& one : found) row.push_back(fixed(one.mae[step], 4));
    table.add(std::move(row));
  }
  return table.str(palette);
}

Json steps_json(const Tensor& predictions, const Dataset& data) {
  Json out = Json::object();
  if (!data.schema.forecast || data.size() == 0) return out;
  const std::vector<Baseline> naive = naive_forecasts(data);
  for (size_t i = 0; i < 2; ++i) {
    const std::string name = i == 0 ? "naive" : "seasonal_naive";
    out[name + "_rmse"] = i < naive.size() ? Json(naive[i].metrics.rmse) : Json(nullptr);
    out[name + "_mae"] = i < naive.size() ? Json(naive[i].metrics.mae) : Json(nullptr);
  }
  out["season"] = data.schema.forecast->period > 0 ? Json(data.schema.forecast->period) : Json(nullptr);
  const std::vector<StepErrors> found = errors_by_step(predictions, data);
  out["steps"] = Json::array();
  for (size_t step = 0; step < found[0].rmse.size(); ++step) {
    Json one = {{"ahead", step + 1}, {"rmse", found[0].rmse[step]}, {"mae", found[0].mae[step]}};
    for (size_t i = 1; i < found.size(); ++i) {
      one[i == 1 ? "naive_rmse" : "seasonal_naive_rmse"] = found[i].rmse[step];
      one[i == 1 ? "naive_mae" : "seasonal_naive_mae"] = found[i].mae[step];
    }
    out["steps"].push_back(std::move(one));
  }
  return out;
}

namespace {

// The k of top-k that say something: below the number of classes.
std::vector<int64_t> top_of(const Scores& scores) {
  std::vector<int64_t> out;
  for (const int64_t k : {3, 5})
    if (k < int64_t(scores.class_auc.size())) out.push_back(k);
  return out;
}

// "-" where it is not defined.
std::string defined(double value, int decimals) { return std::isfinite(value) ? fixed(value, decimals) : "-"; }

} // namespace

std::string scores_table(const Metrics& metrics, const Scores& scores, const Palette& palette) {
  if (metrics.goal != Goal::classes) return "";
  const MacroMetrics macro = metrics.macro();
  Facts facts;
  for (const int64_t k : top_of(scores))
    facts.add(text("top ", k), text(percent(scores.top(k)), " have their class among the ", k, " likeliest"));
  facts.add("precision", text(percent(macro.precision), ", the mean over the classes (macro)"));
  facts.add("recall", text(percent(macro.recall), ", the same"));
  facts.add("F1", text(defined(macro.f1, 4), " macro, ", defined(metrics.accuracy(), 4), " micro (the accuracy)"));
  facts.add("ROC-AUC", text(defined(scores.roc_auc(), 4),
                            scores.class_auc.size() > 2 ? ", the mean of each class against the rest" : ""));
  facts.add("log loss", text(defined(scores.log_loss, 4), " nats"));
  facts.add("calibration", text(percent(scores.calibration_error()), " between confidence and accuracy, on average"));
  return facts.str(palette);
}

std::string class_tables(const Metrics& metrics, const Scores& scores, const std::vector<std::string>& classes,
                         const Palette& palette) {
  const auto n = int64_t(classes.size());
  Table table({"class", "> precision", "> recall", "> F1", "> ROC-AUC", "> samples"});
  for (int64_t i = 0; i < n; ++i) {
    const ClassMetrics one = metrics.of_class(i);
    table.add({classes[size_t(i)], percent(one.precision()), percent(one.recall()), defined(one.f1(), 4),
               defined(scores.class_auc[size_t(i)], 4), thousands(one.support)});
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

Json pair(const Interval& interval) { return {interval.low, interval.high}; }

Json to_json(const Metrics& metrics, const Scores& scores, const std::vector<std::string>& classes) {
  Json out;
  if (metrics.goal == Goal::numbers)
    return {{"loss", metrics.loss},
            {"samples", metrics.samples},
            {"accuracy", nullptr},
            {"rmse", metrics.rmse},
            {"mae", metrics.mae},
            {"r2", metrics.r2},
            {"rmse_interval", pair(metrics.number_intervals().rmse)},
            {"mae_interval", pair(metrics.number_intervals().mae)},
            {"r2_interval", pair(metrics.number_intervals().r2)}};
  const Interval interval = metrics.interval();
  out = {{"accuracy", metrics.accuracy()},
         {"loss", metrics.loss},
         {"samples", metrics.samples},
         {"interval", pair(interval)}};
  if (metrics.text) {
    out.update(text_json(metrics));
    return out;
  }
  const MacroMetrics macro = metrics.macro();
  for (const int64_t k : top_of(scores)) out[text("top_", k)] = scores.top(k);
  out["precision_macro"] = macro.precision;
  out["recall_macro"] = macro.recall;
  out["f1_macro"] = macro.f1;
  for (const char* name : {"precision_micro", "recall_micro", "f1_micro"}) out[name] = metrics.accuracy();
  out["roc_auc"] = scores.roc_auc();
  out["log_loss"] = scores.log_loss;
  out["calibration_error"] = scores.calibration_error();
  out["calibration"] = Json::array();
  for (const ConfidenceBin& bin : scores.bins)
    if (bin.samples > 0)
      out["calibration"].push_back({{"low", bin.low},
                                    {"high", bin.high},
                                    {"samples", bin.samples},
                                    {"confidence", bin.confidence},
                                    {"accuracy", bin.accuracy}});
  Json per_class = Json::array(), confusion = Json::array();
  const auto n = int64_t(classes.size());
  for (int64_t i = 0; i < n; ++i) {
    const ClassMetrics one = metrics.of_class(i);
    per_class.push_back({{"class", classes[size_t(i)]},
                         {"precision", one.precision()},
                         {"recall", one.recall()},
                         {"f1", one.f1()},
                         {"roc_auc", scores.class_auc[size_t(i)]},
                         {"support", one.support}});
    confusion.push_back(
        std::vector<int64_t>(metrics.confusion.begin() + i * n, metrics.confusion.begin() + (i + 1) * n));
  }
  out["classes"] = std::move(per_class);
  out["confusion"] = std::move(confusion);
  return out;
}

Json text_json(const Metrics& metrics) {
  if (!metrics.text) return Json::object();
  return {{"nats", metrics.nats}, {"bits", metrics.bits()}, {"perplexity", metrics.perplexity()}};
}

std::string sizes(const Splits& data) {
  const Schema& schema = data.train.schema;
  if (schema.text) {
    const auto symbols = [&](const Dataset& part) { return thousands(part.size() * schema.answers()); };
    return text(symbols(data.train), " training, ", symbols(data.validation), " validation, ", symbols(data.test),
                " test ", name(schema.text->unit), " in windows of ", schema.answers(), ", ", schema.outputs(),
                " different");
  }
  std::string out =
      text(thousands(data.train.size()), " training, ", thousands(data.validation.size()), " validation, ",
           thousands(data.test.size()), " test samples",
           schema.sound ? text(" of up to ", schema.net_input()[0], " frames") : text(" ", schema.sample));
  if (schema.goal == Goal::classes) return text(out, ", ", plural(int64_t(schema.classes.size()), "class"));
  return text(out, ", predicting ", schema.asked());
}

std::string columns_table(const Schema& schema, const Palette& palette) {
  Table table({"column", "is", "seen", "becomes"});
  constexpr int widest = 46;
  // Sonar's sixty echoes differ in their numbers alone: a table of many columns shows the first and the last of a run.
  const auto kind = [](const Column& column) { return text(name(column.role), column.indicator, column.format); };
  const std::vector<Column>& columns = schema.columns;
  constexpr size_t many = 24;
  for (size_t c = 0; c < columns.size(); ++c) {
    const Column& column = columns[c];
    size_t last = c;
    while (columns.size() > many && !column.coded() && last + 1 < columns.size() &&
           kind(columns[last + 1]) == kind(column))
      ++last;
    if (last > c + 1) {
      table.add({text(column.name, " ... ", columns[last].name), name(column.role), text(last - c + 1, " columns"),
                 column.indicator ? "standardised, and whether it is missing" : "standardised"});
      c = last;
      continue;
    }
    table.add({cut(column.name, 32), name(column.role), cut(column.remark, widest), cut(column.becomes(), 2 * widest)});
  }
  for (const LeftOut& one : schema.left_out) table.add({cut(one.name, 32), "left out", one.reason, ""});
  std::string out = table.str(palette);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string folds_table(const CrossValidation& folds, const Palette& palette) {
  const bool classes = folds.goal == Goal::classes;
  const bool linear = std::isfinite(folds.linear_model);
  const auto shown = [&](double value) { return classes ? percent(value) : fixed(value, 4); };
  std::vector<std::string> headings = {classes ? "fold, accuracy" : "fold, RMSE", "> rows", "> net"};
  if (linear) headings.emplace_back("> linear model");
  headings.push_back("> " + cut(folds.constant, 24));
  headings.emplace_back("> epochs");
  Table table(headings);
  const auto add = [&](const std::string& name, int64_t rows, const std::string& net, double of_linear, double constant,
                       const std::string& epochs) {
    std::vector<std::string> row = {name, thousands(rows), net};
    if (linear) row.push_back(std::isfinite(of_linear) ? shown(of_linear) : "");
    row.push_back(std::isfinite(constant) ? shown(constant) : "");
    row.push_back(epochs);
    table.add(std::move(row));
  };
  for (size_t i = 0; i < folds.folds.size(); ++i) {
    const Fold& fold = folds.folds[i];
    add(text(i + 1), fold.rows, shown(fold.net), fold.linear, fold.constant, thousands(fold.epochs));
  }
  add("all rows", folds.rows, shown(folds.net), folds.linear_model, folds.no_learning, "");
  std::string out = table.str(palette);
  out += text("mean of the folds ", shown(folds.mean()), ", deviation ", shown(folds.deviation()));
  if (linear) out += text("; ahead of the linear model in ", folds.ahead(), " of ", folds.folds.size());
  return out + "\n";
}

std::string sentence_of(const CrossValidation& folds) {
  const Interval& in = folds.interval;
  const std::string unseen = text(" on rows that the net had not seen, by ", folds.name());
  if (folds.goal == Goal::classes)
    return text(percent(folds.net), " right (95 %: ", fixed(100 * in.low, 2), " to ", fixed(100 * in.high, 2), " %)",
                unseen);
  return text("off by ", fixed(folds.net, 4), " (RMSE, 95 %: ", fixed(in.low, 4), " to ", fixed(in.high, 4), "), R2 ",
              fixed(folds.r2, 4), unseen);
}

Json to_json(const CrossValidation& folds) {
  const bool classes = folds.goal == Goal::classes;
  Json list = Json::array();
  for (const Fold& fold : folds.folds)
    list.push_back({{"rows", fold.rows},
                    {"learned_from", fold.learned_from},
                    {classes ? "accuracy" : "rmse", fold.net},
                    {"linear", fold.linear},
                    {"baseline", fold.constant},
                    {"epochs", fold.epochs}});
  Json out = {{"mean", folds.mean()},         {"deviation", folds.deviation()}, {"baseline", folds.no_learning},
              {"baseline_interval", nullptr}, {"linear", folds.linear_model},   {"linear_interval", nullptr},
              {"folds", std::move(list)}};
  if (classes) {
    out["test_accuracy"] = folds.net;
    out["interval"] = pair(folds.interval);
  } else {
    out["test_rmse"] = folds.net;
    out["test_rmse_interval"] = pair(folds.interval);
    out["test_r2"] = folds.r2;
    out["test_r2_interval"] = pair(folds.r2_interval);
    out["test_mae"] = nullptr;
    out["test_mae_interval"] = nullptr;
  }
  return out;
}

} // namespace vitro::cli

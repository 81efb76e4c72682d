// What came out: what is taken for what, and the worst mistakes.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

#include "core/text.h"
#include "report/figures.h"
#include "report/terminal.h"
#include "train/measure.h"
#include "train/mistakes.h"
#include "train/report_sections.h"
#include "train/scores.h"

namespace vitro {
namespace {

constexpr int64_t most_matrix = 30, most_classes = 100, most_pictures = 24, most_rows = 12, most_columns = 16,
                  most_points = 1000;
constexpr int64_t card = 84; // the longer side of a picture with words below it, pixels

std::vector<float> row_of(const Tensor& predictions, int64_t sample, int64_t width) {
  std::vector<float> row;
  for (int64_t j = 0; j < width; ++j) row.push_back(float(predictions.at(sample * width + j)));
  return row;
}

int64_t width_of(const JudgedPart& part) {
  return part.predictions.elements() / std::max<int64_t>(1, part.data.size());
}

Markup class_table(const JudgedPart& part) {
  const std::vector<std::string>& names = part.data.schema.classes;
  std::vector<std::vector<Markup>> rows;
  const size_t shown = std::min(names.size(), size_t(most_classes));
  for (size_t c = 0; c < shown; ++c) {
    const ClassMetrics one = part.metrics.of_class(int64_t(c));
    rows.push_back({name_element(names[c]), share_text(one.precision(), 1), share_text(one.recall(), 1),
                    thousands(one.support), thousands(one.predicted)});
  }
  if (shown < names.size()) rows.push_back({text("the first ", shown, " of ", names.size(), " classes")});
  return table_element({"class", "> precision", "> recall", "> samples", "> named so"}, rows);
}

// The most frequent mistakes in words.
Markup confusions(const JudgedPart& part) {
  const auto n = int64_t(part.data.schema.classes.size());
  const std::vector<int64_t> cells = confused_classes(part);
  if (cells.empty()) return {};
  std::vector<std::string> most;
  for (size_t i = 0; i < std::min<size_t>(cells.size(), 3); ++i) {
    const int64_t times = part.metrics.confusion[size_t(cells[i])];
    most.push_back(text("“", short_name(part.data.schema.classes[size_t(cells[i] / n)]), "” for “",
                        short_name(part.data.schema.classes[size_t(cells[i] % n)]), "” (",
                        times == 1 ? "once" : text(thousands(times), " times"), ")"));
  }
  return element("p", {}, text("Most often it takes ", join(most, ", "), "."));
}

Markup predicted_against_true(const JudgedPart& part) {
  const Schema& schema = part.data.schema;
  const int64_t width = width_of(part), n = part.data.size();
  const int64_t step = std::max<int64_t>(1, (n + most_points - 1) / most_points);
  Markup charts;
  for (int64_t j = 0; j < std::min<int64_t>(width, 6); ++j) {
    Scatter chart;
    chart.title = text(short_name(schema.targets[size_t(j)]), ": predicted against true");
    chart.x = {.label = "true"};
    chart.y = {.label = "predicted"};
    chart.diagonal = true;
    chart.groups = {{text(part.name, " part"), {}}};
    for (int64_t i = 0; i < n; i += step)
      chart.groups[0].points.push_back(
          {part.data.targets.at(i * width + j), raw_of(part.data, i, j, part.predictions.at(i * width + j))});
    charts.add(scatter(chart));
  }
  return charts;
}

// How far the predictions are off, above the truth to the right.
Markup residuals(const JudgedPart& part) {
  const Schema& schema = part.data.schema;
  const int64_t width = width_of(part), n = part.data.size();
  Markup charts;
  for (int64_t j = 0; j < std::min<int64_t>(width, 6); ++j) {
    Histogram chart{.title = text(short_name(schema.targets[size_t(j)]), ": how far it is off"),
                    .x = {.label = "predicted less true"},
                    .values = {},
                    .at_x = {{0, "right"}}};
    for (int64_t i = 0; i < n; ++i)
      chart.values.push_back(raw_of(part.data, i, j, part.predictions.at(i * width + j)) -
                             part.data.targets.at(i * width + j));
    charts.add(histogram(chart));
  }
  return charts;
}

// The net's numbers beside those of the linear model and of what needs no learning, each with its 95 % interval.
Markup beside_simpler(const JudgedPart& part) {
  const bool classes = part.metrics.goal == Goal::classes;
  std::vector<std::vector<Markup>> rows;
  const auto add = [&](const Markup& name, const Metrics& metrics) {
    if (metrics.samples == 0) return;
    if (metrics.text) {
      rows.push_back({name, fixed(metrics.bits(), 3), fixed(metrics.nats, 3), fixed(metrics.perplexity(), 2),
                      share_of_samples(metrics.accuracy(), metrics.samples)});
      return;
    }
    if (classes) {
      rows.push_back({name, share_of_samples(metrics.accuracy(), metrics.samples),
                      interval_of_samples(metrics.interval(), metrics.samples)});
      return;
    }
    const NumberIntervals intervals = metrics.number_intervals();
    const auto between = [](const Interval& one) {
      return std::isfinite(one.low) && std::isfinite(one.high)
                 ? text(plain_number(one.low, 3), " to ", plain_number(one.high, 3))
                 : std::string("-");
    };
    const auto share = [](double value) { // to three decimals, and no -0
      return std::isfinite(value) ? fixed(std::round(1000 * value) / 1000 + 0.0, 3) : std::string("-");
    };
    rows.push_back({name, plain_number(metrics.rmse, 4), between(intervals.rmse), plain_number(metrics.mae, 4),
                    between(intervals.mae), share(metrics.r2),
                    text(share(intervals.r2.low), " to ", share(intervals.r2.high))});
  };
  add(element("b", {}, "the net"), part.metrics);
  if (part.linear) add(short_name(part.linear->text), part.linear->metrics);
  for (const Baseline& one : part.naive) add(short_name(one.text), one.metrics);
  if (part.naive.empty()) add(short_name(part.baseline.text), part.baseline.metrics);
  Markup table =
      table_element(part.metrics.text ? std::vector<std::string>{"", "> bits", "> nats", "> perplexity", "> right"}
                    : classes         ? std::vector<std::string>{"", "> right", "> 95 % interval"}
                              : std::vector<std::string>{"", "> RMSE", "> 95 % interval", "> MAE", "> 95 % interval",
                                                         "> R²", "> 95 % interval"},
                    rows);
  return classes ? table
                 : table.add(element("p", {{"class", "note"}},
                                     "RMSE: the root of the mean squared error. MAE: the mean distance from the truth. "
                                     "R²: the share of the variance that is explained."));
}

Markup mistake_pictures(const JudgedPart& part, const std::vector<int64_t>& samples) {
  Markup cards;
  const bool classes = part.data.schema.goal == Goal::classes;
  for (const int64_t sample : samples) {
    const Answer answer = answer_of(part, sample);
    const std::string alt = text("Picture of \"", answer.truth, "\", taken for \"", answer.predicted, "\"");
    Markup lines = together("it is ", element("b", {}, answer.truth), element("br", {}), "the net says ",
                            element("b", {}, answer.predicted));
    if (classes)
      lines.add(text(" (", probability_text(answer.probability), ")"))
          .add(element("br", {}))
          .add(element("span", {{"class", "muted"}}, text(probability_text(answer.of_truth), " for ", answer.truth)));
    cards.add(element("li", {}, picture_of(raster_of(part.data, sample, card), alt, card), lines, element("br", {}),
                      element("span", {{"class", "muted"}}, place_of(part.data, sample))));
  }
  return element("ul", {{"class", "cards"}}, cards);
}

// Which columns of a sample are shown beside a mistake: all, or those that the net leans on most, as they stand.
std::vector<int64_t> columns_to_show(const JudgedPart& part) {
  const int64_t width = part.data.schema.sample.elements();
  std::vector<int64_t> out;
  if (width <= most_columns || part.importances.empty()) {
    // Of a window the last, which are the nearest.
    const int64_t first = part.data.schema.forecast ? std::max<int64_t>(0, width - most_columns) : 0;
    for (int64_t f = first; f < std::min(width, first + most_columns); ++f) out.push_back(f);
    return out;
  }
  for (int64_t i = 0; i < most_columns; ++i) out.push_back(part.importances[size_t(i)].column);
  std::sort(out.begin(), out.end());
  return out;
}

// As it was written; a text as far as it is short.
Markup value_element(const Dataset& data, int64_t sample, int64_t feature) {
  const std::string cell = written(data, sample, feature);
  return cell.empty() ? element("span", {{"class", "muted"}}, "missing") : name_element(cell);
}

Markup mistake_rows(const JudgedPart& part, const std::vector<int64_t>& samples) {
  const Schema& schema = part.data.schema;
  const bool classes = schema.goal == Goal::classes;
  const int64_t width = schema.sample.elements();
  const std::vector<int64_t> shown = columns_to_show(part);
  std::vector<std::string> headings = {"where", "> truth", "> the net says"};
  headings.push_back(classes ? "> its probability" : "> off by");
  if (classes) headings.emplace_back("> of the truth");
  for (const int64_t f : shown) headings.push_back("> " + cut(feature_name(schema, f), 32));
  if (int64_t(shown.size()) < width) headings.push_back(text("… ", width - int64_t(shown.size()), " more"));
  std::vector<std::vector<Markup>> rows;
  for (const int64_t sample : samples) {
    const Answer answer = answer_of(part, sample);
    std::vector<Markup> row = {place_of(part.data, sample), answer.truth, element("b", {}, answer.predicted)};
    if (classes) {
      row.emplace_back(probability_text(answer.probability));
      row.emplace_back(probability_text(answer.of_truth));
    } else {
      const int64_t outputs = width_of(part);
      std::vector<std::string> away;
      for (int64_t j = 0; j < outputs; ++j)
        away.push_back(plain_number(raw_of(part.data, sample, j, part.predictions.at(sample * outputs + j)) -
                                        part.data.targets.at(sample * outputs + j),
                                    3));
      row.emplace_back(join(away, ", "));
    }
    for (const int64_t f : shown) row.emplace_back(value_element(part.data, sample, f));
    rows.push_back(std::move(row));
  }
  return table_element(headings, rows);
}

std::string defined(double value, int digits) { return std::isfinite(value) ? number(value, digits) : "-"; }

// Whether the net is as sure as it is right.
Markup calibration(const JudgedPart& part, const Scores& scores) {
  Scatter chart;
  chart.title = "How sure it is, and how often it is right";
  chart.x = {.label = "its probability for what it names", .low = 0, .high = 1};
  chart.y = {.label = "share that is right", .low = 0, .high = 1};
  chart.diagonal = true;
  chart.groups = {{text(part.name, " part, in bins"), {}}};
  Series line{"from bin to bin", {}};
  for (const ConfidenceBin& bin : scores.bins) {
    if (bin.samples == 0) continue;
    chart.groups[0].points.push_back({bin.confidence, bin.accuracy});
    line.points.push_back({bin.confidence, bin.accuracy});
  }
  chart.lines = {line};
  const MacroMetrics macro = part.metrics.macro();
  std::vector<std::pair<std::string, Markup>> facts;
  for (const int64_t k : {3, 5})
    if (k < int64_t(scores.class_auc.size()))
      facts.emplace_back(text("Top ", k),
                         text(share_text(scores.top(k), 2), ": the true class is among the ", k, " likeliest"));
  facts.emplace_back("F1", text(defined(macro.f1, 4), ": precision and recall in one, the mean over the classes"));
  facts.emplace_back("ROC-AUC",
                     text(defined(scores.roc_auc(), 4),
                          ": how often a sample of a class gets more of its probability than one of another"));
  facts.emplace_back("Log loss", text(defined(scores.log_loss, 4), " nats: what the truth's probability lacks"));
  facts.emplace_back("Calibration", text(share_text(scores.calibration_error(), 2),
                                         " between how sure it is and how often it is right, on average"));
  return element("div", {{"class", "pair"}}, facts_element(facts),
                 chart.groups[0].points.empty()
                     ? element("p", {{"class", "note"}}, "What it predicts are no probabilities.")
                     : scatter(chart));
}

} // namespace

std::vector<int64_t> confused_classes(const JudgedPart& part) {
  const auto n = int64_t(part.data.schema.classes.size());
  const std::vector<int64_t>& counts = part.metrics.confusion;
  std::vector<int64_t> cells;
  for (int64_t cell = 0; cell < n * n; ++cell)
    if (cell / n != cell % n && counts[size_t(cell)] > 0) cells.push_back(cell);
  std::ranges::stable_sort(cells, [&](int64_t a, int64_t b) { return counts[size_t(a)] > counts[size_t(b)]; });
  return cells;
}

std::vector<int64_t> worst_first(const JudgedPart& part, int64_t count) {
  std::vector<int64_t> order(size_t(part.data.size()));
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::ptrdiff_t(std::min<int64_t>(count, int64_t(order.size())));
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    const double x = part.errors[size_t(a)], y = part.errors[size_t(b)];
    return x != y ? x > y : a < b;
  });
  order.erase(end, order.end());
  if (part.data.schema.goal == Goal::classes && part.metrics.correct < part.metrics.samples)
    std::erase_if(order, [&](int64_t sample) { return answer_of(part, sample).right; });
  return order;
}

int64_t named_class(const JudgedPart& part, int64_t sample) {
  return class_of(row_of(part.predictions, sample, width_of(part)));
}

Answer answer_of(const JudgedPart& part, int64_t sample) {
  const Schema& schema = part.data.schema;
  const int64_t width = width_of(part);
  Answer out;
  if (schema.goal == Goal::classes) {
    const std::vector<float> row = row_of(part.predictions, sample, width);
    const int64_t truth = part.data.label_of()[size_t(sample)], said = class_of(row);
    const auto of = [&](int64_t c) { return double(width > 1 ? row[size_t(c)] : c == 1 ? row[0] : 1 - row[0]); };
    out.truth = short_name(schema.classes[size_t(truth)]);
    out.predicted = short_name(schema.classes[size_t(said)]);
    out.probability = of(said);
    out.of_truth = of(truth);
    out.right = truth == said;
    return out;
  }
  std::vector<std::string> truth, predicted;
  for (int64_t j = 0; j < width; ++j) {
    truth.push_back(plain_number(part.data.targets.at(sample * width + j), 7));
    predicted.push_back(plain_number(raw_of(part.data, sample, j, part.predictions.at(sample * width + j)), 5));
  }
  out.truth = join(truth, ", ");
  out.predicted = join(predicted, ", ");
  return out;
}

Markup results_section(const JudgedPart& part) {
  const Schema& schema = part.data.schema;
  Markup out = element("p", {{"class", "note"}},
                       text("Measured on the ", part.name, " part: ", counted_samples(part.data.size(), schema), "."));
  out.add(beside_simpler(part));
  if (schema.goal == Goal::numbers)
    return out.add(element("div", {{"class", "pair"}}, predicted_against_true(part), residuals(part)));
  const auto n = int64_t(schema.classes.size());
  if (part.metrics.text)
    out.add(element("p", {{"class", "note"}},
                    "A symbol's bits: how much its coming surprised, -log2 of the probability that it was given; nats: "
                    "the same by the natural logarithm. Perplexity: among so many equally likely ones it would be as "
                    "hard. Bigrams: how often each symbol followed the one before it in training, plus one."));
  if (part.metrics.confusion.empty()) return out;
  out.add(confusions(part));
  const bool with_matrix = n <= most_matrix;
  const Markup matrix = with_matrix ? cross_table_element({.name = "What is taken for what",
                                                           .rows = schema.classes,
                                                           .columns = schema.classes,
                                                           .counts = part.metrics.confusion})
                                    : Markup();
  out.add(element("div", {{"class", "beside"}}, matrix, class_table(part)));
  out.add(element("p", {{"class", "note"}},
                  text(with_matrix ? "In the square a row is what the samples are, a column what the net says; on "
                                     "the diagonal it is right. The darker, the larger the share of the row. "
                                   : "",
                       "Precision: of those named so, the share that is. Recall: of those that are, the share "
                       "that was found.")));
  if (is_picture(schema)) out.add(confused_pictures(part));
  return part.metrics.text ? out : out.add(calibration(part, scores_of(part.predictions, part.data)));
}

Markup folds_section(const CrossValidation& folds) {
  const bool classes = folds.goal == Goal::classes, linear = std::isfinite(folds.linear_model);
  const auto shown = [&](double value) { return classes ? share_text(value, 1) : number(value, 4); };
  std::vector<std::string> headings = {"fold", "> rows", classes ? "> net, right" : "> net, RMSE"};
  if (linear) headings.emplace_back("> linear model");
  headings.push_back("> " + short_name(folds.constant));
  std::vector<std::vector<Markup>> rows;
  const auto add = [&](const std::string& name, int64_t count, double net, double of_linear, double constant) {
    std::vector<Markup> row = {name, thousands(count), element("b", {}, shown(net))};
    if (linear) row.emplace_back(shown(of_linear));
    row.emplace_back(shown(constant));
    rows.push_back(std::move(row));
  };
  for (size_t i = 0; i < folds.folds.size(); ++i)
    add(text(i + 1), folds.folds[i].rows, folds.folds[i].net, folds.folds[i].linear, folds.folds[i].constant);
  add("all rows", folds.rows, folds.net, folds.linear_model, folds.no_learning);
  return together(element("p", {{"class", "note"}},
                          text("Each fold was the test part of a net that learned from the others. Mean of the folds ",
                               shown(folds.mean()), ", deviation ", shown(folds.deviation()),
                               ". folds.csv beside this page holds what was said of each row.")),
                  table_element(headings, rows));
}

Markup mistakes_section(const JudgedPart& part, const std::string& file) {
  const Schema& schema = part.data.schema;
  const bool pictures = is_picture(schema), classes = schema.goal == Goal::classes;
  const int64_t wrong = part.metrics.samples - part.metrics.correct;
  const std::vector<int64_t> samples = worst_first(part, pictures || schema.sound ? most_pictures : most_rows);
  std::string intro;
  if (!classes)
    intro = text("The ", samples.size(), " rows of the ", part.name, " part that it is furthest off.");
  else if (wrong == 0)
    intro = text("It makes no mistake among the ", counted_samples(part.data.size(), schema), " of the ", part.name,
                 " part. These it is least sure of.");
  else
    intro = text(int64_t(samples.size()) < wrong ? text("The ", samples.size(), " worst of ", thousands(wrong))
                 : wrong == 1                    ? std::string("The one mistake")
                                                 : text("All ", wrong, " mistakes"),
                 int64_t(samples.size()) < wrong ? " mistakes" : "", " on the ", part.name,
                 " part, the surest first: little probability was left for the truth.");
  intro += text(" Where they stand: ", source_of(part.data), ".");
  if (!file.empty() && (!classes || wrong > 0))
    intro += text(classes ? " All of them are in " : " The tenth of the part that is furthest off is in ", file, ".");
  return together(element("p", {}, intro), schema.sound ? mistake_sounds(part, samples)
                                           : pictures   ? mistake_pictures(part, samples)
                                                        : mistake_rows(part, samples));
}

} // namespace vitro

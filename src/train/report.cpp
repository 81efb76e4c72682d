#include "train/report.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numbers>

#include <fmt/chrono.h>

#include "core/text.h"
#include "core/threads.h"
#include "io/files.h"
#include "report/terminal.h"
#include "train/cross_validation.h"
#include "train/measure.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double share_of_time = 1.0 / 30; // that rewriting may take
constexpr int64_t few = 200;               // samples: fewer say little

std::string now() { return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr))); }

// What Linux says of the processor; other systems say nothing here.
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const size_t at = line.find(": "); at != std::string::npos) return line.substr(at + 2);
  return "";
}

double last_of(const History& history, const std::string& column) {
  const auto found = std::find(history.columns.begin(), history.columns.end(), column);
  if (history.rows.empty() || found == history.columns.end()) return std::numeric_limits<double>::quiet_NaN();
  return history.rows.back()[size_t(found - history.columns.begin())];
}

// The epoch with the lowest validation loss; 0 where there is none.
int64_t lowest_epoch(const History& history) {
  const auto found = std::find(history.columns.begin(), history.columns.end(), "validation_loss");
  if (found == history.columns.end()) return 0;
  const auto at = size_t(found - history.columns.begin());
  int64_t best = 0;
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < history.rows.size(); ++i)
    if (history.rows[i][at] < lowest) {
      lowest = history.rows[i][at];
      best = int64_t(i) + 1;
    }
  return best;
}

// The targets' names; of a series one name for all of its steps.
std::string what_is_predicted(const Schema& schema) {
  if (!schema.forecast) return join(schema.targets, ", ");
  return text(schema.columns[size_t(schema.forecast->column)].name, ", ", plural(schema.horizon(), "row"), " ahead");
}

Markup strong(const std::string& what) { return element("b", {}, what); }
Markup paragraph(const Markup& what) { return element("p", {}, what); }

// ---- The verdict --------------------------------------------------------------------------------------

struct Verdict {
  Markup headline;
  std::vector<std::string> remarks; // sentences
};

// Where an interval of what was measured lies beside what needs no learning; `better`: larger is better.
std::string against_baseline(const Interval& interval, double value, double baseline, const std::string& name,
                             const std::string& number, bool larger_is_better) {
  if (!std::isfinite(baseline)) return "";
  const bool sure = larger_is_better ? interval.low > baseline : interval.high < baseline;
  const bool surely_worse = larger_is_better ? interval.high < baseline : interval.low > baseline;
  if (sure) return text(", where ", name, " gets ", number);
  if (surely_worse) return text(": worse than ", name, ", which gets ", number);
  return text(value == baseline ? ": as good as " : ": not to be told from ", name, ", which gets ", number);
}

// What a linear model of the same columns achieves, and what that says about the net.
std::string against_linear(const Metrics& net, const Baseline& linear) {
  const bool classes = net.goal == Goal::classes;
  const Interval of_linear = linear.metrics.interval(), of_net = net.interval();
  const auto shown = [&](double value) { return classes ? percent(value, 1) : plain_number(value, 3); };
  const bool better = classes ? of_net.low > linear.value : of_net.high < linear.value;
  const bool worse = classes ? of_net.high < linear.value : of_net.low > linear.value;
  return text("A ", linear.text, " of the same columns gets ", shown(linear.value), " (", shown(of_linear.low), " to ",
              shown(of_linear.high),
              better  ? "): the net found what no weighted sum can say."
              : worse ? "): the net is worse, so take the linear model or train another net."
                      : "): the net is not to be told from it, so the simpler model may do.");
}

// `over`: the training is, so the test part has been read if there is one.
Verdict verdict_on(const JudgedPart& part, const Baseline& baseline, const std::optional<Baseline>& linear, bool over) {
  const Schema& schema = part.data.schema;
  const Metrics& metrics = part.metrics;
  const int64_t n = metrics.samples;
  const std::string samples = counted_samples(n, schema, part.name == "test" ? "unseen " : part.name + " ");
  Verdict out;
  if (schema.text) {
    out.headline = together(
        strong(text(fixed(metrics.bits(), 2), " bits")), text(" a ", singular_name(schema.text->unit)), " on ", samples,
        text(" (", fixed(metrics.nats, 3), " nats)"),
        part.naive.size() > 1 ? text(", where bigrams need ", fixed(part.naive[1].metrics.bits(), 2)) : "", ".");
    out.remarks.push_back(text("It is as unsure as among ", fixed(metrics.perplexity(), 1),
                               " equally likely ones, and names ", percent(metrics.accuracy(), 1), " right."));
    if (part.name == "validation" && over)
      out.remarks.emplace_back("There is no test part: this is the validation part, which also chose the epoch, so it "
                               "flatters a little.");
    return out;
  }
  if (schema.goal == Goal::classes) {
    const Interval interval = metrics.interval();
    const auto share = [&](double value) { return share_of_samples(value, n); };
    out.headline = together(strong(share(metrics.accuracy())), " of ", samples, " named right (",
                            interval_of_samples(interval, n), ")",
                            against_baseline(interval, metrics.accuracy(), baseline.value, short_name(baseline.text),
                                             share(baseline.value), true),
                            ".");
  } else {
    const Interval interval = metrics.interval();
    out.headline =
        together("Off by ", strong(plain_number(metrics.rmse, 3)), " in ", short_name(what_is_predicted(schema)),
                 " (RMSE; ", plain_number(interval.low, 3), " to ", plain_number(interval.high, 3), ") on ", samples,
                 against_baseline(interval, metrics.rmse, baseline.value, short_name(baseline.text),
                                  plain_number(baseline.value, 3), false),
                 ".");
    if (std::isfinite(metrics.r2))
      out.remarks.push_back(metrics.r2 > 0 ? text("It explains ", percent(metrics.r2, 0), " of the variance.")
                                           : std::string("It explains nothing of the variance."));
  }
  if (linear) out.remarks.push_back(against_linear(metrics, *linear));
  out.remarks.emplace_back(
      "In parentheses: the 95 % interval, which says how much of this is the luck of which samples "
      "were measured.");
  if (n < few)
    out.remarks.push_back(
        text("With only ", n, n == 1 ? " sample" : " samples", " it is wide: take the number with care."));
  if (part.name == "validation" && over)
    out.remarks.emplace_back("There is no test part: this is the validation part, which also chose the epoch, so it "
                             "flatters a little.");
  if (part.name == "validation" && !over)
    out.remarks.emplace_back(
        "The validation part also chooses the epoch, so it flatters a little; the test part is read "
        "when the training is over.");
  if (part.name == "training")
    out.remarks.emplace_back("There is neither a test nor a validation part: the net was measured on what it learned "
                             "from, which says nothing about anything new.");
  return out;
}

// Of a net that learned from all rows: what those of the folds did on the rows that they had not seen.
Verdict verdict_on(const CrossValidation& folds) {
  const bool classes = folds.goal == Goal::classes;
  const auto shown = [&](double value) { return classes ? share_of_samples(value, folds.rows) : number(value, 3); };
  const std::string against = against_baseline(folds.interval, folds.net, folds.no_learning, short_name(folds.constant),
                                               shown(folds.no_learning), classes);
  const std::string rows = text(thousands(folds.rows), " rows");
  Verdict out;
  if (classes)
    out.headline = together(strong(shown(folds.net)), " of ", rows, " named right (",
                            interval_of_samples(folds.interval, folds.rows), ")", against, ".");
  else
    out.headline = together("Off by ", strong(shown(folds.net)), " in ", short_name(folds.target), " (RMSE; ",
                            shown(folds.interval.low), " to ", shown(folds.interval.high), ") on ", rows, against, ".");
  out.remarks.push_back(text("Estimated by ", folds.name(),
                             ": each row was predicted by a net that had not seen it. The net that is kept learned "
                             "from all rows in the same way, so there are none left to measure it on."));
  if (!classes && std::isfinite(folds.r2))
    out.remarks.push_back(folds.r2 > 0 ? text("It explains ", percent(folds.r2, 0), " of the variance.")
                                       : std::string("It explains nothing of the variance."));
  if (std::isfinite(folds.linear_model))
    out.remarks.push_back(text("A linear model of the same columns gets ", shown(folds.linear_model),
                               "; the net is ahead of it in ", folds.ahead(), " of ", folds.folds.size(), " folds."));
  out.remarks.emplace_back(
      "In parentheses: the 95 % interval, which says how much of this is the luck of which samples "
      "were measured.");
  return out;
}

// What the last row of the history says, for a training that is not over.
Markup so_far(const Splits& data, const History& history, const Baseline& baseline) {
  if (history.rows.empty()) return "nothing was measured yet";
  const Schema& schema = data.train.schema;
  const bool validated = data.validation.size() > 0;
  if (schema.goal == Goal::numbers)
    return validated
               ? together("off by ", strong(plain_number(last_of(history, "validation_rmse"), 3)), " (RMSE) on ",
                          counted_samples(data.validation.size(), schema, "validation "),
                          std::isfinite(baseline.value)
                              ? text(", where ", short_name(baseline.text), " gets ", plain_number(baseline.value, 3))
                              : "")
               : together("a training loss of ", strong(number(last_of(history, "train_loss"), 4)));
  const int64_t n = (validated ? data.validation.size() : data.train.size()) * schema.answers();
  if (schema.text) {
    const double nats = last_of(history, validated ? "validation_loss" : "train_loss");
    return together(strong(text(fixed(nats / std::numbers::ln2, 2), " bits")),
                    text(" a ", singular_name(schema.text->unit)), " on ",
                    counted_samples(n, schema, validated ? "validation " : "training "));
  }
  const double share = last_of(history, validated ? "validation_accuracy" : "train_accuracy");
  const Interval interval = wilson(std::llround(share * double(n)), n);
  Markup out = together(strong(share_of_samples(share, n)), " of ",
                        counted_samples(n, schema, validated ? "validation " : "training "), " named right");
  if (validated) out.add(text(" (", interval_of_samples(interval, n), ")"));
  if (validated && std::isfinite(baseline.value))
    out.add(text(", where ", short_name(baseline.text), " gets ", share_of_samples(baseline.value, n)));
  return out;
}

Markup sentences(const std::vector<std::string>& all) { return paragraph(join(all, " ")); }

} // namespace

std::map<std::string, std::string> provenance(const std::string& command, const std::string& version) {
  return {{"command", command},
          {"version", version},
          {"threads", text(thread_count())},
          {"machine", processor()},
          {"began", now()}};
}

RunReport::RunReport(const Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run,
                     std::map<std::string, std::string> notes, std::string program)
    : model_(model), recipe_(recipe), data_(data), run_(run), notes_(std::move(notes)), program_(std::move(program)) {}

ReportSources RunReport::sources() const { return {model_, recipe_, data_, run_, program_}; }

Page RunReport::blank() const {
  std::filesystem::path path(run_.path());
  if (!path.has_filename()) path = path.parent_path();
  const std::string name = path.filename().string();
  return {.title = name + " · vitro",
          .kicker = text("vitro · ", data_.train.schema.name, " · ", net_label(recipe_), " · run ", name),
          .headline = {},
          .lead = {},
          .refresh_s = 0,
          .footer = text("Written ", now(), " by vitro", notes_.contains("version") ? " " + notes_.at("version") : "",
                         ". This file needs no network and no other file."),
          .sections = {}};
}

void RunReport::add_data(Page& page) {
  const bool shows_net = data_shows_net(sources());
  if (!data_markup_ || shows_net) data_markup_ = data_section(sources(), shows_net);
  page.sections.push_back({"data", "The data", *data_markup_});
}

void RunReport::add_net(Page& page) {
  if (!net_markup_) net_markup_ = net_section(sources());
  page.sections.push_back({"net", "The net", *net_markup_});
}

void RunReport::add_layers(Page& page) {
  if (!layers_.rows.empty() || !diagnoses_.empty())
    page.sections.push_back({"layers", "Inside", layers_section(layers_, diagnoses_)});
}

void RunReport::look(const Inside& inside) {
  layers_ = inside.layers;
  diagnoses_ = inside.diagnoses;
}

const Baseline& RunReport::on_validation() {
  if (!baseline_) baseline_ = baseline(data_.train, data_.validation);
  return *baseline_;
}

// The page of a training that is not over: what is cheap.
Page RunReport::unfinished(int64_t best_epoch) {
  Page page = blank();
  add_data(page);
  page.sections.push_back({"curves", "The curves", curves_section(history_, best_epoch, false, on_validation())});
  add_layers(page);
  add_net(page);
  page.sections.push_back(
      {"again", "How to make it again",
       reproduction_section(sources(), notes_, "", last_of(history_, "seconds"), 0, Sums::small_files)});
  return page;
}

void RunReport::running(const History& history) {
  history_ = history;
  const Clock::time_point begin = Clock::now();
  if (any_ && std::chrono::duration<double>(begin - written_).count() * share_of_time < last_s_) return;
  Page page = unfinished(lowest_epoch(history));
  page.headline = together(text("Epoch ", history.rows.size(), " of ", recipe_.train.epochs, ": "),
                           so_far(data_, history, on_validation()), ".");
  page.refresh_s = 2;
  page.lead = together(
      paragraph(
          "The training runs; this page loads itself again every two seconds. Results, mistakes and an explanation "
          "follow at its end."),
      paragraph(together(text("Written ", now(), ". If that is long ago, it was stopped; to go on: "),
                         element("code", {}, resume_command()))));
  write(page, begin);
}

void RunReport::failed(const std::string& why) {
  const Clock::time_point begin = Clock::now();
  Page page = unfinished(lowest_epoch(history_));
  const auto done = int64_t(history_.rows.size()), epochs = recipe_.train.epochs;
  page.headline = done < epochs ? text("Stopped by an error in epoch ", done + 1, " of ", epochs, ".")
                                : std::string("Stopped by an error after the last epoch.");
  page.lead = together(
      element("p", {{"class", "mono"}}, why),
      history_.rows.empty()
          ? Markup()
          : paragraph(together("After the last whole epoch: ", so_far(data_, history_, on_validation()), ".")));
  write(page, begin);
}

void RunReport::ended(const TrainingResult& result, Sums sums) {
  const Clock::time_point begin = Clock::now();
  history_ = result.history;
  layers_ = result.layers;
  diagnoses_ = result.diagnoses;
  if (!result.notes.empty()) notes_ = result.notes;
  const bool interrupted = result.ending == Ending::interrupted, measured = result.train.samples > 0;
  const int64_t epochs = recipe_.train.epochs;
  const std::string where = result.epochs == 0 ? text("in the first of ", plural(epochs, "epoch"))
                                               : text("after epoch ", result.epochs, " of ", epochs);
  const Markup to_go_on = paragraph(together("To go on: ", element("code", {}, resume_command())));
  if (!measured) {
    Page page = unfinished(lowest_epoch(history_));
    page.headline = together(text("Interrupted ", where, ": "), so_far(data_, history_, on_validation()), ".");
    page.lead = together(
        to_go_on, paragraph(together("To measure the best weights so far: ",
                                     element("code", {}, text(program_, " report ", quoted_for_shell(run_.path()))))));
    write(page, begin);
    return;
  }
  const bool test = result.test.samples > 0, validation = result.validation.samples > 0;
  const Dataset judged = shown_part(test ? data_.test : validation ? data_.validation : data_.train);
  const Metrics& metrics = test ? result.test : validation ? result.validation : result.train;

  std::vector<double> errors = errors_of(result.predictions, judged);
  const JudgedPart part{judged,
                        test         ? "test"
                        : validation ? "validation"
                                     : "training",
                        metrics,
                        result.predictions,
                        std::move(errors),
                        result.baseline,
                        result.linear,
                        result.naive,
                        importances_within_reason(model_, judged)};
  const std::optional<CrossValidation> folds = cross_validation_of(run_);
  Verdict verdict = folds ? verdict_on(*folds) : verdict_on(part, result.baseline, result.linear, !interrupted);

  Page page = blank();
  page.headline =
      interrupted ? together(text("Not finished, interrupted ", where, ": "), verdict.headline) : verdict.headline;
  std::vector<std::string> course;
  if (!interrupted) {
    course.push_back(text("Trained for ", plural(result.epochs, "epoch"), " in ", duration(result.seconds), "."));
    if (result.ending == Ending::stopped_early)
      course.push_back(text("It stopped before its ", epochs, " epochs were over, as ",
                            plural(recipe_.train.patience, "epoch"), " had brought no better validation loss."));
  }
  if (result.best_epoch > 0)
    course.push_back(
        text("The weights are those of epoch ", result.best_epoch, ", whose validation loss is the lowest."));
  if (!interrupted && result.best_epoch == result.epochs && result.epochs > 1 && result.ending == Ending::finished)
    course.emplace_back("As that is the last one, more epochs may help.");
  if (part.name != "training" && judged.schema.text)
    course.push_back(text("Of what it learned from a ", singular_name(judged.schema.text->unit), " takes ",
                          fixed(result.train.bits(), 2), " bits."));
  else if (part.name != "training")
    course.push_back(metrics.goal == Goal::classes
                         ? text("Of what it learned from it names ",
                                share_of_samples(result.train.accuracy(), result.train.samples), " right.")
                         : text("On what it learned from it is off by ", plain_number(result.train.rmse, 3), "."));
  if (result.perceptron)
    for (const std::string& sentence : sentences_of(*result.perceptron, data_.train)) course.push_back(sentence);
  page.lead = together(suspects_box(result.suspects), sentences(verdict.remarks),
                       course.empty() ? Markup() : sentences(course), interrupted ? to_go_on : Markup());

  if (folds) page.sections.push_back({"folds", "The folds", folds_section(*folds)});
  add_data(page);
  page.sections.push_back(
      {"curves", "The curves", curves_section(history_, result.best_epoch, !interrupted, on_validation())});
  add_layers(page);
  if (judged.schema.text)
    page.sections.push_back({"text", "The text", text_section(sources(), part, history_, result.best_epoch)});
  if (judged.schema.forecast) page.sections.push_back({"forecast", "The forecast", forecast_section(part)});
  page.sections.push_back({"results", metrics.goal == Goal::classes ? "What it takes for what" : "Predicted and true",
                           results_section(part)});
  if (!part.importances.empty()) page.sections.push_back({"importance", "What it leans on", importance_section(part)});
  std::error_code none;
  const std::string listed = std::filesystem::exists(run_.mistakes(), none) ? "mistakes.csv" : "";
  if (judged.schema.text)
    page.sections.push_back({"mistakes", "The greatest surprises", surprises_section(part, listed)});
  else
    page.sections.push_back({"mistakes", "The worst mistakes", mistakes_section(part, listed)});
  const auto add = [&](const char* id, const char* heading, std::optional<Markup> content) {
    if (content) page.sections.push_back({id, heading, std::move(*content)});
  };
  add("attention", "What it looked at", attention_section(sources(), part));
  add("weights", "What the first layer looks for", weights_section(sources()));
  add("maps", "One picture, layer by layer", maps_section(sources(), part));
  add_net(page);
  if (!judged.schema.text) // a window's steps all hang together: `vitro explain` unrolls them
    page.sections.push_back({"why", "One mistake by the chain rule", explanation_section(sources(), part)});
  page.sections.push_back({"again", "How to make it again",
                           reproduction_section(sources(), notes_, result.weights_sha256, result.seconds,
                                                result.samples_per_second, sums)});
  write(page, begin);
}

std::string RunReport::resume_command() const {
  return text(program_, " train --resume ", quoted_for_shell(run_.path()));
}

void RunReport::write(const Page& page, Clock::time_point begin) {
  write_atomically(run_.report(), html(page));
  written_ = Clock::now();
  last_s_ = std::chrono::duration<double>(written_ - begin).count();
  seconds_ += last_s_;
  any_ = true;
}

} // namespace vitro

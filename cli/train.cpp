// vitro train: a recipe, a run directory, the loop, what came out, and what to try next.
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "cli/watch.h"
#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "io/checkpoint.h"
#include "train/cross_validation.h"
#include "train/report.h"
#include "train/run.h"
#include "train/setup.h"
#include "train/training.h"

namespace vitro::cli {
namespace {

struct Options {
  Common common;
  TableArguments table;
  std::string net, out, resume;
  std::optional<int64_t> seed;
  std::vector<std::string> set;
  std::optional<int64_t> checkpoint_s, folds;
  bool no_report = false, watch = false;

  explicit Options(Arguments& arguments) {
    arguments.option("--net", net, "NAME", "a built-in net (vitro list nets)");
    arguments.option("--out", out, "DIR", "where the run goes (default: runs/WHAT-NET-001, the next free number)");
    arguments.option("--resume", resume, "RUN", "go on with an interrupted run; needs nothing else");
    arguments.option("--seed", seed, "N", "seed of weights, shuffling and generated data (default: the recipe's, 0)");
    arguments.option("--set", set, "KEY=VALUE", "sets a recipe's key, like key=value; may be repeated");
    arguments.option("--checkpoint", checkpoint_s, "SECONDS",
                     "at most so long without a checkpoint (default: 10; 0: every batch)");
    arguments.flag("--watch", watch, "show the layers live: gradients, updates, dead units, outputs");
    arguments.flag("--no-report", no_report, "write no report.html");
    table.declare(arguments);
    arguments.option("--folds", folds, "K",
                     "of a table: measure K nets on the rows that they have not seen, then train "
                     "the net that is kept on all rows");
    common.declare_data(arguments);
    common.declare(arguments);
    arguments.parse(1);
    common.apply();
    if (checkpoint_s.value_or(0) < 0) bad_input("--checkpoint", text("is ", *checkpoint_s), "a number from 0 on");
    set.insert(set.begin(), arguments.overrides().begin(), arguments.overrides().end());
    for (const std::string& key : table.assignments()) set.push_back(key);
    if (!net.empty()) set.insert(set.begin(), "net=" + net);
    if (seed) set.push_back(text("seed=", *seed));
  }
};

// What is about to be trained: a new run, or one that goes on.
struct Work {
  Recipe recipe;
  Splits data;
  Model model;
  RunDirectory directory;
  bool finished = false; // nothing is left to train
  std::optional<CrossValidation> folds;
};

void introduce(const Splits& data, const Recipe& recipe, const Model& model, bool with_columns) {
  const Schema& schema = data.train.schema;
  say(text(schema.name, ": ", sizes(data), schema.generated ? "; generated" : ""));
  for (const std::string& remark : data.remarks) say(remark);
  if (!schema.columns.empty() && with_columns) say(columns_table(schema, error_stream().palette));
  const TrainRecipe& plan = recipe.train;
  say(text(net_label(recipe), ": ", thousands(model.states().parameters()), " parameters; ", plan.optimizer.name,
           ", lr ", plan.optimizer.args.real("lr"), ", batch ", plan.batch, ", ", plural(plan.epochs, "epoch")));
}

// The nets of all folds; nothing where the user ended it.
std::optional<CrossValidated> folds_of(const Options& options, const std::string& what) {
  const bool quiet = options.common.quiet;
  LiveLine live(!quiet);
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  FoldHooks hooks{.stop = interrupted, .progress = [&](double share) {
                    if (live.due())
                      live.draw(cut(text(bar(share, 20), "  ", *options.folds, " folds, ", duration(seconds())),
                                    error_stream().width - 1));
                  }};
  std::optional<CrossValidated> out =
      cross_validate(what, options.set, *options.folds, options.common.data_dir, thread_count(), hooks);
  live.clear();
  if (!out) return out;
  if (!quiet) say(text(*options.folds, " folds in ", duration(seconds()), "; now the net of all rows"));
  if (!options.common.json) print("\n" + folds_table(out->estimate, out_stream().palette));
  flush_output();
  return out;
}

// Nothing where the user ended it among the folds, before there was a run.
std::optional<Work> begin(const Options& options, const std::string& what) {
  if (what.empty())
    bad_input("vitro train", "what shall be trained?",
              "vitro train digits, or a recipe, or a file of data; `vitro list` shows what is built in");
  if (!options.out.empty()) check_out(options.out);
  if (options.folds) check_folds(what, options.set, *options.folds, options.common.data_dir);
  auto [recipe, data] =
      open_trainable(what, options.folds ? without_test(options.set) : options.set, options.common.data_dir);
  Model model(model_spec(recipe, data.train.schema)); // whatever does not fit shows before anything is written
  check_batches(model, recipe.train, data.train.size());
  scheduler_of(recipe, data);
  std::optional<CrossValidation> folds;
  std::vector<FileContent> files;
  if (options.folds) { // which takes a while: the columns are shown before it
    if (!options.common.quiet) introduce(data, recipe, model, true);
    std::optional<CrossValidated> all = folds_of(options, what);
    if (!all) return std::nullopt;
    files = files_of(*all);
    folds = std::move(all->estimate);
  }
  RunDirectory directory =
      create_run(options.out, what, net_label(recipe), to_toml(recipe, Comments::yes, &data.train.schema),
                 to_json(data.train.schema), "runs", std::move(files));
  if (!options.folds && !options.common.quiet) introduce(data, recipe, model, true);
  return Work{std::move(recipe), std::move(data), std::move(model), std::move(directory), false, std::move(folds)};
}

Work go_on(const Options& options, const std::string& what) {
  if (!what.empty() || !options.set.empty() || !options.out.empty() || options.folds)
    bad_input("vitro train --resume", "takes no other data set, key, folds or directory: the run's own recipe holds",
              text("vitro train --resume ", options.resume));
  RunDirectory directory = find_run(options.resume);
  // Weights of the best epoch may lie in the run; what goes on is the checkpoint, on a fresh model.
  StoredRun run = open_run(directory);
  Splits data = data_of(run, options.common.data_dir);
  Model model(model_spec(run.recipe, run.schema));
  const std::optional<Checkpoint> found = load_checkpoint(directory.checkpoint());
  const bool finished = found && found->progress.finished;
  if (!options.common.quiet) {
    if (!found)
      say(text("nothing was saved in ", directory.path(), " yet: it starts afresh"));
    else if (finished)
      say(text(directory.path(), " is finished: nothing is left to train"));
    else
      say(text("going on with ", directory.path(), " at epoch ", found->progress.epoch + 1, ", batch ",
               found->progress.batch + 1));
    introduce(data, run.recipe, model, !finished);
  }
  std::optional<CrossValidation> folds = cross_validation_of(directory);
  return {std::move(run.recipe), std::move(data), std::move(model), std::move(directory), finished, std::move(folds)};
}

Json json_of(const std::vector<Finding>& diagnoses) {
  Json out = Json::array();
  for (const Finding& one : diagnoses)
    out.push_back({{"name", one.name},
                   {"layer", one.layer.empty() ? Json(nullptr) : Json(one.layer)},
                   {"since_epoch", one.since_epoch},
                   {"text", one.text},
                   {"advice", one.advice}});
  return out;
}

Json json_of(const std::vector<Suspect>& suspects) {
  Json out = Json::array();
  for (const Suspect& one : suspects) out.push_back({{"column", one.name}, {"score", one.score}, {"text", one.text}});
  return out;
}

// The part that the predictions are of.
const Dataset& judged(const Work& work, const TrainingResult& result) {
  return result.test.samples > 0         ? work.data.test
         : result.validation.samples > 0 ? work.data.validation
                                         : work.data.train;
}

Json object_of(const Work& work, const TrainingResult& result) {
  const auto accuracy = [](const Metrics& metrics) -> Json {
    if (metrics.goal == Goal::numbers || metrics.samples == 0) return nullptr;
    return metrics.accuracy();
  };
  Json out = {{"train_loss", result.train.loss},
              {"train_accuracy", accuracy(result.train)},
              {"validation_accuracy", accuracy(result.validation)},
              {"test_accuracy", accuracy(result.test)},
              {"test_loss", result.test.loss},
              {"baseline", result.baseline.value},
              {"epochs", result.epochs},
              {"seconds", result.seconds},
              {"samples_per_second", result.samples_per_second},
              {"parameters", work.model.states().parameters()},
              {"weights_sha256", result.weights_sha256},
              {"out", work.directory.path()},
              {"validation_loss", result.validation.loss},
              {"best_epoch", result.best_epoch},
              {"stopped_early", result.ending == Ending::stopped_early},
              {"generated", work.data.train.schema.generated},
              {"diagnoses", json_of(result.diagnoses)},
              {"suspicions", json_of(result.suspects)}};
  const Metrics& unseen = result.test.samples > 0 ? result.test : result.validation;
  if (unseen.goal == Goal::numbers) {
    const NumberIntervals intervals = unseen.number_intervals();
    out["test_rmse"] = unseen.rmse;
    out["test_rmse_interval"] = pair(intervals.rmse);
    out["test_mae"] = unseen.mae;
    out["test_mae_interval"] = pair(intervals.mae);
    out["test_r2"] = unseen.r2;
    out["test_r2_interval"] = pair(intervals.r2);
  } else {
    out["interval"] = pair(unseen.interval());
  }
  out["baseline_interval"] = pair(result.baseline.metrics.interval());
  out["linear"] = result.linear ? Json(result.linear->value) : Json(nullptr);
  out["linear_interval"] = result.linear ? pair(result.linear->metrics.interval()) : Json(nullptr);
  if (work.folds) out.update(to_json(*work.folds));
  out.update(steps_json(result.predictions, judged(work, result)));
  out.update(text_json(unseen));
  if (unseen.text && result.naive.size() > 1) out["bigrams"] = result.naive[1].value;
  if (result.perceptron) {
    const PerceptronCourse& course = *result.perceptron;
    const Separation& classes = course.classes;
    Json& object = out["perceptron"] = {{"mistakes", course.mistakes},
                                        {"last_mistakes", course.last_mistakes},
                                        {"settled_epoch", course.settled},
                                        {"radius", classes.radius},
                                        {"margin", classes.margin},
                                        {"bound", classes.bound()}, // null where there is no margin
                                        {"separable", classes.answer == Separation::separable},
                                        {"cycle_epochs", course.cycle}};
    if (classes.answer == Separation::unknown) object["separable"] = nullptr;
  }
  return out;
}

std::string summary(const Work& work, const TrainingResult& result, bool with_report) {
  const Palette& palette = out_stream().palette;
  std::string out =
      metrics_table({{"train", &result.train}, {"validation", &result.validation}, {"test", &result.test}},
                    work.folds ? std::vector<const Baseline*>() // the folds have said it of all rows
                               : simpler_than(result.linear, result.naive, &result.baseline),
                    palette) +
      "\n";
  if (const std::string steps = steps_table(result.predictions, judged(work, result), palette); !steps.empty())
    out += steps + "\n";
  Facts facts;
  if (work.folds) facts.add("estimated", sentence_of(*work.folds));
  const Schema& schema = work.data.train.schema;
  std::string epochs = plural(result.epochs, "epoch");
  if (result.ending == Ending::stopped_early) epochs += ", stopped early";
  if (result.best_epoch > 0) epochs += text(", weights of epoch ", result.best_epoch);
  facts.add("trained", text(epochs, ", ", duration(result.seconds), ", ",
                            thousands(std::llround(result.samples_per_second)), " ", counted_in(schema), "/s"));
  if (schema.generated) facts.add("data", schema.description);
  facts.add("parameters", thousands(work.model.states().parameters()));
  facts.add("weights", text("sha256 ", result.weights_sha256));
  facts.add("run", work.directory.path());
  if (with_report) facts.add("report", work.directory.report());
  facts.add("mistakes", work.directory.mistakes());
  if (result.diagnoses.empty() && !result.layers.rows.empty()) facts.add("diagnoses", "none");
  out += facts.str(palette);
  if (!result.diagnoses.empty()) out += "\nDiagnoses:\n";
  for (const Finding& one : result.diagnoses)
    out += "  " + wrap(one.str(), std::min(out_stream().width, 100) - 2, 4) + "\n";
  if (!result.suspects.empty()) out += "\nToo good to be true?\n";
  for (const Suspect& one : result.suspects)
    out += "  " + wrap(one.text, std::min(out_stream().width, 100) - 2, 4) + "\n";
  if (result.perceptron)
    for (const std::string& sentence : sentences_of(*result.perceptron, work.data.train))
      out += "\n" + wrap(sentence, std::min(out_stream().width, 100)) + "\n";
  return out;
}

std::string advice(const Work& work, const TrainingResult& result) {
  const std::string& run = work.directory.path();
  Table table({"", ""});
  const Metrics& unseen = result.test.samples > 0 ? result.test : result.validation;
  const bool mistakes = unseen.goal == Goal::classes && unseen.correct < unseen.samples;
  if (work.data.train.schema.text)
    table.add({text(program(), " generate ", run, " temperature=0.8"), "what it writes"});
  table.add({text(program(), " explain ", run),
             mistakes ? "its worst mistake, number by number" : "one loss, number by number"});
  table.add({text(program(), " inspect ", run), "layers, parameters, history"});
  table.add({text(program(), " eval ", run), "per class, and what is taken for what"});
  return "\nWhat to try next:\n" + table.str(error_stream().palette, 2);
}

// An error of the training stands in the page, too, as far as that can be written; and a script gets what was seen.
TrainingResult trained(Work& work, const TrainingHooks& hooks, RunReport* page, const TrainingView& view, bool json) {
  try {
    return vitro::train(work.model, work.recipe, work.data, work.directory, hooks);
  } catch (const Error& error) {
    try {
      if (page) page->failed(error.what());
    } catch (const Error&) { // a full disk, say: the first error is the one to be told
    }
    if (json)
      print(Json({{"error", error.what()}, {"out", work.directory.path()}, {"diagnoses", json_of(view.diagnoses())}})
                .dump() +
            "\n");
    throw;
  }
}

std::string after(Json before, const Json& object) {
  before.update(object);
  return before.dump() + "\n";
}

} // namespace

int train(Arguments& arguments) { return train_after(arguments, Json::object()); }

int train_after(Arguments& arguments, const Json& before) {
  const Options options(arguments);
  const bool quiet = options.common.quiet;
  watch_interrupts();
  std::optional<Work> begun =
      options.resume.empty() ? begin(options, arguments.word(0)) : go_on(options, arguments.word(0));
  if (!begun) {
    if (options.common.json) print(after(before, {{"interrupted", true}, {"out", nullptr}}));
    say("interrupted among the folds; nothing was kept: the same command begins them anew");
    return 130;
  }
  Work& work = *begun;
  const TrainRecipe& plan = work.recipe.train;
  TrainingView view(quiet ? Shown::nothing : options.watch ? Shown::layers : Shown::lines, plan.epochs);
  TrainingHooks hooks;
  hooks.notes = provenance(text(program(), " ", arguments.typed()), VITRO_VERSION);
  const bool reported = !options.no_report && !work.finished;
  bool page_works = reported;
  RunReport page(work.model, work.recipe, work.data, work.directory, hooks.notes, program());
  hooks.stop = interrupted;
  if (options.checkpoint_s) hooks.checkpoint_s = double(*options.checkpoint_s);
  hooks.batch = [&](const Pace& pace) { view.batch(pace); };
  hooks.look = [&](const Inside& inside) {
    view.look(inside);
    page.look(inside);
  };
  hooks.epoch = [&](const History& history) {
    try {
      if (page_works) page.running(history);
    } catch (const Error& error) { // no reason to lose a training; at its end it is tried once more
      page_works = false;
      view.message(text("vitro: ", error.what(), ". The training goes on."));
    }
    view.epoch(history);
  };
  const TrainingResult result = trained(work, hooks, reported ? &page : nullptr, view, options.common.json);
  view.end();

  if (result.ending == Ending::interrupted) {
    if (reported) page.ended(result);
    if (options.common.json)
      print(after(before, {{"interrupted", true},
                           {"epochs", result.epochs},
                           {"seconds", result.seconds},
                           {"out", work.directory.path()},
                           {"diagnoses", json_of(result.diagnoses)}}));
    say(text("interrupted; saved in ", work.directory.path(), ". To go on: ", program(), " train --resume ",
             work.directory.path()));
    return 130;
  }
  print(options.common.json ? after(before, object_of(work, result)) : "\n" + summary(work, result, reported));
  if (reported) page.ended(result); // after the numbers, which nobody should have to wait for
  if (!quiet && !options.common.json) {
    flush_output(); // so that the advice comes last where both streams are the same terminal
    say(advice(work, result));
  }
  return 0;
}

} // namespace vitro::cli

// vitro eval: a run's weights on the test part of its data, or on a file.
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "train/linear.h"
#include "train/measure.h"
#include "train/run.h"

namespace vitro::cli {
namespace {

struct Chosen {
  Dataset data;
  std::string name;                         // "test part", or the file
  std::optional<Baseline> baseline, linear; // a file alone has no training part
  std::vector<Baseline> naive;
};

Chosen choose(const StoredRun& run, const std::string& file, const std::string& part, const std::string& data_dir) {
  if (!file.empty()) {
    if (!part.empty()) bad_input("vitro eval", "takes a file or --part, not both");
    RawFile raw = open_as(run.schema, file, data_options(run.recipe).table);
    if (!raw.labelled)
      bad_input(file, "holds no labels to compare with", text("vitro predict ", run.directory.path(), " ", file));
    std::vector<Baseline> naive = naive_forecasts(raw.data);
    return {std::move(raw.data), file, {}, {}, std::move(naive)};
  }
  Splits splits = data_of(run, data_dir);
  const bool only_validates = run.schema.text && splits.test.size() == 0 && splits.validation.size() > 0;
  const std::string wanted = !part.empty() ? part : only_validates ? "validation" : "test";
  const std::vector<std::string> parts = {"train", "validation", "test"};
  Dataset* const found[] = {&splits.train, &splits.validation, &splits.test};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != wanted) continue;
    if (found[i]->size() == 0)
      bad_input(run.recipe.data.source, text("has no ", wanted, " part"), "--part train, or name a file with labels");
    Baseline nothing_learned = baseline(splits.train, *found[i]);
    std::optional<Baseline> linear = linear_baseline(splits.train, *found[i], run.model.spec().codes);
    std::vector<Baseline> naive = run.schema.text ? text_models(splits.train, *found[i]) : naive_forecasts(*found[i]);
    return {std::move(*found[i]), wanted + " part", std::move(nothing_learned), std::move(linear), std::move(naive)};
  }
  bad_input("--part", text("is \"", wanted, "\"", did_you_mean(wanted, parts)), "train, validation or test");
}

} // namespace

int eval(Arguments& arguments) {
  Common common;
  std::string part;
  arguments.option("--part", part, "PART", "train, validation or test (default: test)");
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(2);
  arguments.refuse_overrides();
  common.apply();
  // A word alone is a run, or a file for the latest one.
  const bool file_alone = arguments.words().size() == 1 && std::filesystem::is_regular_file(arguments.word(0));
  StoredRun run = open_run(find_run(file_alone ? "" : arguments.word(0)));
  if (!run.trained && !common.quiet)
    say(text(run.directory.path(), " has no weights yet: measuring it as it was initialised"));
  const Chosen chosen = choose(run, arguments.word(file_alone ? 0 : 1), part, common.data_dir);
  const bool metrics_alone = run.schema.text.has_value(); // its symbols are too many to be judged one by one
  Tensor predictions;
  const Metrics metrics = measure_on(run.model, chosen.data, metrics_alone ? nullptr : &predictions);
  const Scores scores =
      metrics.goal == Goal::classes && !metrics_alone ? scores_of(predictions, chosen.data) : Scores();
  const Palette& palette = out_stream().palette;
  if (common.json) {
    Json object = to_json(metrics, scores, run.schema.classes);
    object["run"] = run.directory.path();
    object["data"] = chosen.name;
    object["baseline"] = chosen.baseline ? Json(chosen.baseline->value) : Json();
    object["linear"] = chosen.linear ? Json(chosen.linear->value) : Json();
    if (metrics.text && chosen.naive.size() > 1) object["bigrams"] = chosen.naive[1].value;
    object["generated"] = run.schema.generated;
    object.update(steps_json(predictions, chosen.data));
    print(object.dump() + "\n");
    return 0;
  }
  std::string out =
      metrics_table({{chosen.name, &metrics}},
                    simpler_than(chosen.linear, chosen.naive, chosen.baseline ? &*chosen.baseline : nullptr), palette);
  if (const std::string steps = steps_table(predictions, chosen.data, palette); !steps.empty()) out += "\n" + steps;
  if (metrics.goal == Goal::classes && !metrics_alone)
    out += "\n" + scores_table(metrics, scores, palette) + "\n" +
           class_tables(metrics, scores, run.schema.classes, palette);
  if (run.schema.generated) out += "\n" + run.schema.description + "\n";
  print(out);
  return 0;
}

} // namespace vitro::cli

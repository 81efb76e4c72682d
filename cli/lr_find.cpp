// vitro lr-find: the range test, its picture, and what to train with.
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "report/plot.h"
#include "train/feed.h"
#include "train/measure.h"
#include "train/range_test.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

struct Options {
  Common common;
  std::string net, from, to, svg, out;
  std::optional<int64_t> seed, steps;
  bool apply = false;
  std::vector<std::string> set;

  explicit Options(Arguments& arguments) {
    arguments.option("--from", from, "RATE", "the first learning rate (default: 1e-7)");
    arguments.option("--to", to, "RATE", "the last one (default: 10)");
    arguments.option("--steps", steps, "N", "how many steps from the one to the other (default: 100)");
    arguments.option("--svg", svg, "FILE", "the picture as a file, too");
    arguments.flag("--apply", apply, "train with the suggested rate right after");
    arguments.option("--out", out, "DIR", "where that run goes (default: runs/WHAT-NET-001, the next free number)");
    arguments.option("--net", net, "NAME", "a built-in net (vitro list nets)");
    arguments.option("--seed", seed, "N", "seed of weights, shuffling and generated data (default: the recipe's, 0)");
    arguments.option("--set", set, "KEY=VALUE", "sets a recipe's key, like key=value; may be repeated");
    TableArguments table;
    table.declare(arguments);
    common.declare_data(arguments);
    common.declare(arguments);
    arguments.parse(1);
    common.apply();
    if (!out.empty() && !apply) bad_input("--out", "is where a run goes, and without --apply there is none");
    set.insert(set.begin(), arguments.overrides().begin(), arguments.overrides().end());
    for (const std::string& key : table.assignments()) set.push_back(key);
    if (!net.empty()) set.insert(set.begin(), "net=" + net);
    if (seed) set.push_back(text("seed=", *seed));
  }
};

double rate_of(const std::string& option, const std::string& given, double otherwise) {
  if (given.empty()) return otherwise;
  double out = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), out);
  if (error != std::errc() || end != given.data() + given.size())
    bad_input(option, text("is \"", given, "\", expected a number"), text(option, " 1e-5"));
  return out;
}

RangeTestResult tested(const Recipe& recipe, const Splits& data, const RangeTest& test, bool quiet) {
  const int64_t samples = data.train.size(), size = recipe.train.batch;
  if (samples < size)
    bad_input(recipe.data.source,
              text("the training part has ", plural(samples, "sample"), ", fewer than a batch of ", size),
              text("batch=", samples, " or less"));
  Model model(model_spec(recipe, data.train.schema));
  Feed feed(recipe, data.train, model.spec().dtype, model.spec().outputs);
  Position at;
  LiveLine live(!quiet);
  return range_test(model, test, [&](int64_t step) {
    if (live.due()) live.draw(text("range test: step ", step + 1, " of ", test.steps));
    const SampleBatch& batch = feed.at(at);
    at = feed.after(at);
    return std::pair<ConstView, ConstView>(batch.x, batch.targets);
  });
}

LineChart picture_of(const RangeTestResult& result) {
  LineChart chart{.title = "Range test: the loss while the learning rate grows",
                  .x = {.label = "learning rate", .logarithmic = true},
                  .y = {.label = "loss, smoothed"},
                  .series = {{"loss", {}}},
                  .at_x = {{result.valley, text("valley ", number(result.valley, 3))}},
                  .levels = {}};
  if (result.steepest != result.valley)
    chart.at_x.push_back({result.steepest, text("steepest ", number(result.steepest, 3))});
  // Where the loss broke out, its last few values would leave the rest flat.
  const size_t shown = result.rates.size() - (result.stopped ? 5 : 0);
  for (size_t i = 0; i < shown; ++i) chart.series[0].points.push_back({result.rates[i], result.losses[i]});
  return chart;
}

} // namespace

int lr_find(Arguments& arguments) {
  const Options options(arguments);
  const bool quiet = options.common.quiet;
  const std::string what = arguments.word(0);
  if (what.empty())
    bad_input("vitro lr-find", "the learning rate of what?", "vitro lr-find digits, or a recipe, or a file of data");
  RangeTest test;
  test.from = rate_of("--from", options.from, test.from);
  test.to = rate_of("--to", options.to, test.to);
  test.steps = options.steps.value_or(test.steps);
  const auto [recipe, data] = open_trainable(what, options.set, options.common.data_dir);
  const RangeTestResult result = tested(recipe, data, test, quiet);

  std::vector<std::string> words = {what};
  words.insert(words.end(), options.set.begin(), options.set.end());
  words.push_back("lr=" + number(result.valley));
  Json object = {{"valley", result.valley},
                 {"steepest", result.steepest},
                 {"losses", result.losses},
                 {"rates", result.rates},
                 {"stopped", result.stopped}};
  const LineChart chart = picture_of(result);
  if (!options.common.json) {
    const Palette& palette = out_stream().palette;
    Facts facts;
    facts.add("valley", text(number(result.valley, 3), ": half way down the longest fall; the usual choice"));
    facts.add("steepest", text(number(result.steepest, 3), ": where it falls fastest"));
    facts.add("seen", text(plural(int64_t(result.rates.size()), "step"), " from ", number(result.rates.front(), 3),
                           " to ", number(result.rates.back(), 3), result.stopped ? ", where the loss broke out" : "",
                           "; the weights are as they were"));
    print(terminal_chart(chart, std::min(out_stream().width, 100), 16, palette) + "\n" + facts.str(palette));
  }
  if (!options.svg.empty()) write_atomically(options.svg, svg_file(chart));
  if (options.apply) {
    flush_output();
    for (const auto& [name, value] : {std::pair{"--out", options.out}, {"--data-dir", options.common.data_dir}})
      if (!value.empty()) words.insert(words.end(), {name, value});
    if (options.common.threads) words.insert(words.end(), {"--threads", text(*options.common.threads)});
    if (options.common.json) words.emplace_back("--json");
    if (quiet) words.emplace_back("--quiet");
    Arguments training("train", std::move(words));
    if (!quiet) say("\n" + program() + " " + training.typed());
    return train_after(training, object);
  }
  if (options.common.json) {
    print(object.dump() + "\n");
  } else if (!quiet) {
    flush_output();
    std::string command = program() + " train";
    for (const std::string& word : words) command += " " + quoted_for_shell(word);
    say("\nTo train with it: " + command);
  }
  return 0;
}

} // namespace vitro::cli

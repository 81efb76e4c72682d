// vitro generate: a net that learned a text writes on, symbol by symbol, as it is made.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/bytes.h"
#include "data/texts.h"
#include "recipe/value.h"
#include "train/run.h"
#include "train/text_net.h"

namespace vitro::cli {
namespace {

struct Wanted {
  Sampling sampling;
  int64_t length = 500;
};

// temperature=0.8 length=500 top_k=40
void set(Wanted& wanted, const std::string& assignment) {
  const std::vector<std::string> keys = {"temperature", "length", "top_k"};
  const size_t equals = assignment.find('=');
  const std::string key = assignment.substr(0, equals);
  if (std::ranges::find(keys, key) == keys.end())
    bad_input(assignment, text("unknown key \"", key, "\"", did_you_mean(key, keys)), "there are " + join(keys, ", "));
  const Value value = read_toml_value(assignment.substr(equals + 1), assignment);
  const int64_t* const whole = value.as<int64_t>();
  const double* const real = value.as<double>();
  if (key == "temperature") {
    if (!whole && !real) bad_input(assignment, text("is ", value.str()), "a number from 0 on");
    wanted.sampling.temperature = whole ? double(*whole) : *real;
    return;
  }
  const int64_t least = key == "length" ? 1 : 0;
  if (!whole || *whole < least)
    bad_input(assignment, text("is ", value.str()), text("a whole number from ", least, " on"));
  (key == "length" ? wanted.length : wanted.sampling.top_k) = *whole;
}

} // namespace

int generate(Arguments& arguments) {
  Common common;
  Wanted wanted;
  std::string prompt;
  std::optional<int64_t> seed;
  arguments.option("--prompt", prompt, "TEXT", "what it goes on from; - reads standard input (default: a line's end)");
  arguments.option("--seed", seed, "N", "of what is drawn (default: 0)");
  common.declare(arguments);
  arguments.parse(1);
  for (const std::string& assignment : arguments.overrides()) set(wanted, assignment);
  if (seed.value_or(0) < 0) bad_input("--seed", text("is ", *seed), "a whole number from 0 on");
  wanted.sampling.seed = uint64_t(seed.value_or(0));
  check(wanted.sampling);
  common.apply();
  const StoredRun run = open_run(find_run(arguments.word(0)));
  const std::string& path = run.directory.path();
  if (!run.schema.text) bad_input(path, "did not learn from a text, so it can write none", "vitro predict RUN FILE");
  if (!run.trained) bad_input(path, "has no weights yet", text("vitro train --resume ", path));
  const bool from_input = prompt == "-";
  if (from_input) {
    const Bytes bytes = read_raw_bytes("-");
    prompt.assign(bytes.begin(), bytes.end());
  }
  const std::vector<int32_t> codes = codes_of(prompt, *run.schema.text, from_input ? "standard input" : "--prompt");

  TextNet net(run.model, *run.schema.text);
  if (codes.empty()) net.read(net.beginning());
  for (const int32_t code : codes) net.read(code);
  if (!common.json) print(prompt);
  constexpr int64_t at_once = 64; // symbols between two writings
  std::string all, waiting;
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < wanted.length; ++i) {
    const int32_t code = net.draw(wanted.sampling, i);
    (common.json ? all : waiting) += net.form().written(code);
    if (i + 1 < wanted.length) net.read(code);
    if (common.json || ((i + 1) % at_once != 0 && i + 1 < wanted.length)) continue;
    print(waiting);
    waiting.clear();
    flush_output();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double rate = double(wanted.length) / seconds;
  if (common.json) {
    const Json object = {{"run", path},
                         {"prompt", prompt},
                         {"text", all},
                         {"length", wanted.length},
                         {"temperature", wanted.sampling.temperature},
                         {"top_k", wanted.sampling.top_k},
                         {"seed", wanted.sampling.seed},
                         {"symbols_per_second", rate}};
    // Bytes need not be UTF-8.
    print(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  if (out_stream().terminal) print("\n");
  flush_output();
  if (!common.quiet)
    say(text(thousands(wanted.length), " ", name(run.schema.text->unit), " in ", duration(seconds), ", ",
             thousands(std::llround(rate)), " a second"));
  return 0;
}

} // namespace vitro::cli

#include "cli/arguments.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "recipe/value.h"
#include "report/terminal.h"

namespace vitro::cli {

struct Arguments::Parser {
  CLI::App app;
  Table listing{{"", ""}};
};

namespace {

// An override is a word whose part before '=' is a recipe's key; "./a=b.csv" is a path.
bool is_override(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + std::ptrdiff_t(equals), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
  });
}

} // namespace

Arguments::Arguments(std::string verb, std::vector<std::string> arguments, bool wants_help)
    : verb_(std::move(verb)), arguments_(std::move(arguments)), wants_help_(wants_help),
      parser_(std::make_unique<Parser>()) {
  parser_->app.set_help_flag();
  parser_->app.allow_extras();
}

Arguments::~Arguments() = default;

void Arguments::flag(const std::string& name, bool& value, const std::string& doc) {
  parser_->app.add_flag(name, value);
  parser_->listing.add({name, doc});
}

void Arguments::option(const std::string& name, std::string& value, const std::string& placeholder,
                       const std::string& doc) {
  parser_->app.add_option(name, value);
  parser_->listing.add({name + " " + placeholder, doc});
}

void Arguments::option(const std::string& name, std::optional<int64_t>& value, const std::string& placeholder,
                       const std::string& doc) {
  parser_->app.add_option(name, value);
  parser_->listing.add({name + " " + placeholder, doc});
}

void Arguments::option(const std::string& name, std::vector<std::string>& values, const std::string& placeholder,
                       const std::string& doc) {
  parser_->app.add_option(name, values)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  parser_->listing.add({name + " " + placeholder, doc});
}

void Arguments::parse(size_t most_words) {
  const auto asks = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (wants_help_ || std::any_of(arguments_.begin(), arguments_.end(), asks))
    throw HelpWanted{parser_->listing.str({}, 2)};
  const std::string help = text("vitro help ", verb_);
  try {
    parser_->app.parse(std::vector<std::string>(arguments_.rbegin(), arguments_.rend())); // CLI11 takes them reversed
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    if (what.ends_with('.')) what.pop_back();
    bad_input(text("vitro ", verb_), what, help);
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : parser_->app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const std::string& word : parser_->app.remaining()) {
    if (word.size() > 1 && word[0] == '-') {
      const std::string bare = word.substr(0, word.find('='));
      bad_input(text("vitro ", verb_), text("unknown option ", bare, did_you_mean(bare, names)), help);
    }
    (is_override(word) ? overrides_ : words_).push_back(word);
  }
  if (words_.size() > most_words)
    bad_input(text("vitro ", verb_), text("did not expect \"", words_[most_words], "\""), help);
}

std::string Arguments::typed() const {
  std::string out = verb_;
  for (const std::string& word : arguments_) out += " " + quoted_for_shell(word);
  return out;
}

void Arguments::refuse_overrides() const {
  if (!overrides_.empty())
    bad_input(text("vitro ", verb_), text("takes no key=value, but \"", overrides_[0], "\" was given"),
              text("vitro help ", verb_));
}

void Common::declare(Arguments& arguments) {
  arguments.option("--threads", threads, "N",
                   "threads to use (default: the cores allowed); results do not depend on it");
  arguments.flag("--json", json, "one JSON object on standard output instead of text");
  arguments.flag("--quiet", quiet, "no progress and no advice");
}

void Common::declare_data(Arguments& arguments) {
  arguments.option("--data-dir", data_dir, "DIR",
                   "where known data sets lie (default: $VITRO_DATA, then your data directory)");
}

std::vector<std::string> names_between_commas(const std::vector<std::string>& lists) {
  std::vector<std::string> out;
  for (const std::string& list : lists)
    for (size_t begin = 0, end = 0; begin <= list.size(); begin = end + 1) {
      end = std::min(list.find(',', begin), list.size());
      if (end > begin) out.push_back(list.substr(begin, end - begin));
    }
  return out;
}

void TableArguments::declare(Arguments& arguments) {
  arguments.option("--target", target, "COLUMN",
                   "of a table: what to predict, by name or position (default: the last)");
  arguments.option("--drop", drop, "COLUMNS", "of a table: what the net must not see; names between commas");
  arguments.option("--group", group, "COLUMN", "of a table: rows alike in it are never on both sides of a split");
  arguments.option("--test", test, "FILE", "of a table: another file is the test part");
  arguments.option("--forecast", forecast, "COLUMN", "of rows in time: predict the next values of this column");
  arguments.option("--horizon", horizon, "N", "of a forecast: so many rows ahead (default: 1)");
  arguments.option("--window", window, "N", "of a forecast: from so many rows (default: two seasons or horizons)");
  arguments.option("--pattern", pattern, "NAMES", "of sounds: what their names say, \"{label}_{group}_{take}.wav\"");
  arguments.flag("--skip-bad", skip_bad, "of pictures and sounds: leave out, and name, what can't be read");
}

std::vector<std::string> TableArguments::assignments() const {
  std::vector<std::string> out;
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) out.push_back(text(key, "=", toml_text(value)));
  };
  set("data.target", target);
  set("data.group", group);
  set("data.test_file", test);
  set("data.forecast", forecast);
  set("data.pattern", pattern);
  if (horizon) out.push_back(text("data.horizon=", *horizon));
  if (window) out.push_back(text("data.window=", *window));
  if (skip_bad) out.emplace_back("data.skip_bad=true");
  std::vector<std::string> names;
  for (const std::string& name : names_between_commas(drop)) names.push_back(toml_text(name));
  if (!names.empty()) out.push_back(text("data.drop=[", join(names, ", "), "]"));
  return out;
}

void Common::apply() const {
  if (!threads) return;
  if (*threads < 1 || *threads > 256) bad_input("--threads", text("is ", *threads), "a number from 1 to 256");
  set_thread_count(int(*threads));
}

} // namespace vitro::cli

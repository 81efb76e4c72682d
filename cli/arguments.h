// What follows a verb: options, and words. CLI11 does the parsing, and is seen by arguments.cpp alone.
//
// A verb declares its options and calls `parse`. Words are what is no option; a word `key=value` is
// an override of a recipe's key, the others say what the verb is about.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitro::cli {

/// Thrown by `parse` where help is wanted instead; `text` lists the options.
struct HelpWanted {
  std::string options;
};

class Arguments {
public:
  /// `wants_help`: `parse` throws HelpWanted.
  Arguments(std::string verb, std::vector<std::string> arguments, bool wants_help = false);
  ~Arguments();

  // `name`: "--out". `placeholder`: "DIR". `doc`: one line.
  void flag(const std::string& name, bool& value, const std::string& doc);
  void option(const std::string& name, std::string& value, const std::string& placeholder, const std::string& doc);
  void option(const std::string& name, std::optional<int64_t>& value, const std::string& placeholder,
              const std::string& doc);
  void option(const std::string& name, std::vector<std::string>& values, const std::string& placeholder,
              const std::string& doc); // may be given several times

  /// Throws bad_input for an unknown option (with the nearest), a missing or malformed value, more than `most` words.
  void parse(size_t most_words);

  const std::string& verb() const { return verb_; }
  /// The verb and what follows it, as typed, for a shell.
  std::string typed() const;
  /// Words without '=', in order.
  const std::vector<std::string>& words() const { return words_; }
  /// The word at `index`, or "".
  std::string word(size_t index) const { return index < words_.size() ? words_[index] : ""; }
  /// "key=value" words.
  const std::vector<std::string>& overrides() const { return overrides_; }
  /// Throws bad_input where there are any: this verb takes none.
  void refuse_overrides() const;

private:
  struct Parser;
  std::string verb_;
  std::vector<std::string> arguments_, words_, overrides_;
  bool wants_help_;
  std::unique_ptr<Parser> parser_;
};

/// The options that nearly every verb takes.
struct Common {
  std::string data_dir;
  std::optional<int64_t> threads;
  bool json = false, quiet = false;

  void declare(Arguments& arguments);
  void declare_data(Arguments& arguments);
  /// After `parse`: sets the number of threads. Throws bad_input.
  void apply() const;
};

/// "a,b" and "c" are a, b, c: how several columns are named.
std::vector<std::string> names_between_commas(const std::vector<std::string>& lists);

/// The options that say how a table, or a folder of pictures, is learned from.
struct TableArguments {
  std::string target, group, test;
  std::vector<std::string> drop;
  std::string forecast, pattern;
  std::optional<int64_t> horizon, window;
  bool skip_bad = false;

  void declare(Arguments& arguments);
  /// As keys of a recipe.
  std::vector<std::string> assignments() const;
};

} // namespace vitro::cli

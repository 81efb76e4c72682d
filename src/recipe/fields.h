// The keys of a recipe as a table: what reads a file, writes one, sets a key and lists the keys walks through it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "recipe/recipe.h"
#include "recipe/value.h"

namespace vitro {

/// A value, and how a message names it: `[my.toml:12] batch is text "x", expected ...`.
struct Item {
  const Value& value;
  std::string key;
  std::string origin; // the file, or the assignment on the command line

  std::string where() const;
  int64_t whole(int64_t least) const; // each throws bad_input for another kind, or a number below `least`
  double real(double least) const;    // finite
  bool flag() const;
  const std::string& word() const;
  std::string one_of(const std::vector<std::string>& words) const;
  const Value::List& list() const;
  const Value::Table& table() const;
  [[noreturn]] void expected(const std::string& what) const;
};

struct Field {
  const char* name;
  const char* doc;
  std::function<void(Recipe&, const Item&)> read;
  std::function<std::string(const Recipe&)> write; // as TOML; "" where it is not stated
  bool word = false;                               // text is wanted, so `target=3` means "3"
};

std::span<const Field> data_fields();
/// All of [train] but the optimiser's own arguments, which follow "optimizer".
std::span<const Field> train_fields();

/// The key that an alias stands for ("learning_rate" for "lr"), else `key` itself.
std::string canonical_key(const std::string& key);
/// `keys`, and behind them what they are also called: for "did you mean".
std::vector<std::string> with_aliases(const std::vector<std::string>& keys);

/// A table's argument for a layer, net, optimiser or schedule. `spec` is null where its kind is not known (a
/// block's argument). `words`: a number may also be stated by a word ("classes", "$out").
Attr read_attr(const Item& item, const AttrSpec* spec, bool words);
/// As TOML; a tensor with one axis is a list of numbers, "" for any other, which no recipe states.
std::string write_attr(const Attr& attr);

const AttrSpec* find_spec(std::span<const AttrSpec> specs, const std::string& name);
std::vector<std::string> names_of(std::span<const AttrSpec> specs);

/// The arguments with every fallback stated that a recipe can state.
Attrs with_fallbacks(std::span<const AttrSpec> specs, const Attrs& args);

/// `error` again, with `where` in front: "[fc1] out is 0" becomes "[my.toml:3] fc1: out is 0".
[[noreturn]] void relocate(const Error& error, const std::string& where);

/// Completes the optimiser, naming by `where_of` the argument that is at fault.
void complete_optimizer(OptimizerSpec& spec, const std::function<std::string(const std::string& arg)>& where_of);

/// The way of learning that a named net brings along, where it does: what a recipe states itself comes after it.
void learn_as(Recipe& recipe, const NetKind& kind);

/// Reads a layer out of a table.
LayerSpec read_layer(const Item& item, const std::vector<std::string>& blocks);
ScheduleSpec read_schedule(const Item& item);

} // namespace vitro

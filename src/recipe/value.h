// TOML as values of our own: each knows its line, none knows the parser.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace vitro {

struct Value {
  using List = std::vector<Value>;
  using Table = std::vector<std::pair<std::string, Value>>; // in the order of the file
  std::variant<bool, int64_t, double, std::string, List, Table> held;
  int64_t line = 0; // from 1; 0: not from a file

  template <class T> const T* as() const { return std::get_if<T>(&held); }
  const Value* find(const std::string& key) const; // of a table; nullptr where there is none
  std::string str() const;                         // for messages: `text "adam"`, `0.5`, `a list of 3`
};

/// Reads a TOML 1.0 document. Throws bad_input at `origin:line` for what is no TOML, or a date or time.
Value read_toml(const std::string& text, const std::string& origin);

/// Reads what stands behind `key=` on a command line: a TOML value, or a bare word as text. Throws bad_input at
/// `where` for an open quote or bracket and the like.
Value read_toml_value(const std::string& text, const std::string& where);

/// TOML's spelling: text in quotes and escaped, a double always with a point or an exponent.
std::string toml_text(const std::string& value);
std::string toml_text(double value);
/// A key: bare where letters, digits, _ and - are all there is, else in quotes.
std::string toml_key(const std::string& key);

} // namespace vitro

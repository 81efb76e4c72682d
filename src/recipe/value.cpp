#include "recipe/value.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

// Damaged input makes some of the parser's own assertions fail (toml++ 3.3: a table's name behind a broken line). They
// stay on in every build, and throw.
struct ParserStopped {};
[[noreturn]] void parser_stopped() { throw ParserStopped(); }

} // namespace
} // namespace vitro

#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : vitro::parser_stopped())
#include <toml++/toml.h>

namespace vitro {
namespace {

Value converted(const toml::node& node, const std::string& origin) {
  Value out;
  out.line = int64_t(node.source().begin.line);
  switch (node.type()) {
    case toml::node_type::boolean: out.held = node.as_boolean()->get(); break;
    case toml::node_type::integer: out.held = node.as_integer()->get(); break;
    case toml::node_type::floating_point: out.held = node.as_floating_point()->get(); break;
    case toml::node_type::string: out.held = node.as_string()->get(); break;
    case toml::node_type::array: {
      Value::List list;
      for (const toml::node& element : *node.as_array()) list.push_back(converted(element, origin));
      out.held = std::move(list);
      break;
    }
    case toml::node_type::table: {
      // The parser sorts keys; a reader of messages and of saved recipes expects the file's order.
      std::vector<std::pair<toml::source_position, std::pair<std::string, Value>>> entries;
      for (const auto& [key, value] : *node.as_table())
        entries.push_back({key.source().begin, {std::string(key.str()), converted(value, origin)}});
      std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      Value::Table table;
      for (auto& [position, entry] : entries) table.push_back(std::move(entry));
      out.held = std::move(table);
      break;
    }
    default:
      bad_input(text(origin, ":", out.line), "a recipe holds no dates and times",
                "put it in quotes if it is meant as text");
  }
  return out;
}

// One line of printable text, whatever the parser quotes from a damaged file.
std::string printable(std::string_view message) {
  std::string out;
  for (const char c : message.substr(0, 200)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

} // namespace

const Value* Value::find(const std::string& key) const {
  if (const Table* table = as<Table>())
    for (const auto& [name, value] : *table)
      if (name == key) return &value;
  return nullptr;
}

std::string Value::str() const {
  struct Print {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(int64_t value) const { return text(value); }
    std::string operator()(double value) const { return toml_text(value); }
    std::string operator()(const std::string& value) const { return text("text ", toml_text(value.substr(0, 60))); }
    std::string operator()(const List& value) const { return text("a list of ", value.size()); }
    std::string operator()(const Table&) const { return "a table"; }
  };
  return std::visit(Print{}, held);
}

Value read_toml(const std::string& text_of_file, const std::string& origin) {
  try {
    return converted(toml::parse(text_of_file), origin);
  } catch (const toml::parse_error& error) {
    bad_input(text(origin, ":", int64_t(error.source().begin.line), ":", int64_t(error.source().begin.column)),
              printable(error.description()));
  } catch (const ParserStopped&) {
    bad_input(origin, "is no TOML", "look for a line that is neither [section] nor key = value");
  }
}

Value read_toml_value(const std::string& word, const std::string& where) {
  const bool one_line = word.find_first_of("\r\n") == std::string::npos;
  if (word.empty()) bad_input(where, "has no value", "write key=value");
  // TOML wants a digit before the point; a shell's users leave out a zero.
  const size_t sign = word.find_first_of("+-") == 0 ? 1 : 0;
  const bool pointed =
      word.size() > sign + 1 && word[sign] == '.' && std::isdigit(static_cast<unsigned char>(word[sign + 1]));
  try {
    if (!one_line) return {word, 0};
    const toml::table table = toml::parse("v = " + (pointed ? word.substr(0, sign) + "0" + word.substr(sign) : word));
    if (table.size() == 1 && table.contains("v")) {
      Value out = converted(*table.get("v"), where);
      out.line = 0;
      return out;
    }
  } catch (const toml::parse_error& error) {
    // What begins as a value and isn't one is a slip of the pen; all else is a word or a path.
    if (word.find_first_of("\"'[{") == 0) bad_input(where, printable(error.description()));
  } catch (const ParserStopped&) { return {word, 0}; } catch (const Error&) {
    return {word, 0}; // a date: 2024-01-01 may be the name of a file
  }
  return {word, 0};
}

std::string toml_text(const std::string& value) {
  static const char* const digits = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (code < 0x20 || code == 0x7f)
      out += {'\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]};
    else
      out += c;
  }
  return out + "\"";
}

std::string toml_key(const std::string& key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? key : toml_text(key);
}

std::string toml_text(double value) {
  std::string out = number(value);
  const bool whole = std::isfinite(value) && out.find_first_of(".e") == std::string::npos;
  return whole ? out + ".0" : out;
}

} // namespace vitro

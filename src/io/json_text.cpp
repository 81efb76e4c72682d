#include "io/json_text.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr size_t deepest = 64;

struct Check final : nlohmann::json_sax<nlohmann::json> {
  std::vector<std::set<std::string>> keys; // of each open object; an empty set for an open array
  std::string wrong;

  bool open() {
    if (keys.size() == deepest) return say(text("is nested more than ", deepest, " deep"));
    keys.emplace_back();
    return true;
  }
  bool close() {
    keys.pop_back();
    return true;
  }
  bool say(std::string what) {
    wrong = std::move(what);
    return false;
  }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    return keys.back().insert(name).second || say(text("has ", shown(name), " twice"));
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return say(text("is no JSON from byte ", position, " on"));
  }
};

} // namespace

void check_json(std::string_view text, const std::string& where) {
  Check check;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &check))
    bad_input(where, check.wrong, "the file is damaged; restore it or make it again");
}

std::string shown(std::string_view name) {
  static const char* const digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char raw : name.substr(0, 60)) {
    const auto c = static_cast<unsigned char>(raw);
    if (c >= 0x20 && c < 0x7f)
      out += raw;
    else
      out += {'\\', 'x', digits[c >> 4], digits[c & 15]};
  }
  return out + (name.size() > 60 ? "...\"" : "\"");
}

} // namespace vitro

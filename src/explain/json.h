// JSON as text: the engine writes it by hand, so that it needs no library.
// Private to src/explain.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/text.h"

namespace vitro::json {

inline std::string string(const std::string& raw) {
  constexpr const char* hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20)
      out += text("\\u00", hex[byte >> 4], hex[byte & 15]);
    else
      out += c;
  }
  return out + '"';
}

/// JSON knows neither nan nor infinity: null.
inline std::string value(double x) { return std::isfinite(x) ? vitro::number(x) : "null"; }
inline std::string value(int64_t x) { return std::to_string(x); }
inline std::string value(int x) { return std::to_string(x); }
inline std::string value(bool x) { return x ? "true" : "false"; }
inline std::string value(const std::string& x) { return string(x); }
inline std::string value(const char* x) { return string(x); }

template <class Item, class Write> std::string array(const std::vector<Item>& items, Write write) {
  std::vector<std::string> pieces;
  for (const Item& item : items) pieces.push_back(write(item));
  return "[" + join(pieces, ",") + "]";
}
template <class Item> std::string array(const std::vector<Item>& items) {
  return array(items, [](const Item& item) { return value(item); });
}

/// {"key":value,..}: keys in the order in which they are put.
class Object {
public:
  template <class Value> Object& put(const char* key, const Value& value) { return raw(key, json::value(value)); }
  Object& raw(const char* key, const std::string& json) {
    fields_.push_back(string(key) + ":" + json);
    return *this;
  }
  std::string str() const { return "{" + join(fields_, ",") + "}"; }

private:
  std::vector<std::string> fields_;
};

} // namespace vitro::json

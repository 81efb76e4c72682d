// A JSON object read strictly: a key that is missing or of another kind is an error that says so.
// `Json` is the parser's value type; naming it only in .cpp files keeps the parser out of every header.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

template <class Json> class JsonReader {
public:
  /// `object` must outlive the reader. Throws bad_input at `where` unless it is an object.
  JsonReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) bad_input(where_, "is no JSON object");
  }

  const Json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) bad_input(where_, text("has no \"", key, "\""), "it is damaged or of another version");
    return *found;
  }
  int64_t whole(const char* key) const {
    const Json& value = at(key);
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.template get<uint64_t>() > uint64_t(INT64_MAX));
    if (!fits) wrong(key, "a whole number");
    return value.template get<int64_t>();
  }
  uint64_t natural(const char* key) const {
    if (!at(key).is_number_unsigned()) wrong(key, "a whole number from 0 on");
    return at(key).template get<uint64_t>();
  }
  bool flag(const char* key) const {
    if (!at(key).is_boolean()) wrong(key, "true or false");
    return at(key).template get<bool>();
  }
  double real(const char* key) const { return real(at(key), key); }
  /// JSON has no infinity and no NaN: they stand as "inf", "-inf", "nan".
  double real(const Json& value, const char* key) const {
    if (value.is_number()) return value.template get<double>();
    if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (value == "inf") return std::numeric_limits<double>::infinity();
    if (value == "-inf") return -std::numeric_limits<double>::infinity();
    wrong(key, "a number");
  }
  std::string word(const char* key) const { return word(at(key), key); }
  std::string word(const Json& value, const char* key) const {
    if (!value.is_string()) wrong(key, "text");
    return value.template get<std::string>();
  }
  std::vector<std::string> words(const char* key) const {
    return list<std::string>(key, [&](const Json& value) { return word(value, key); });
  }
  std::vector<double> reals(const char* key) const {
    return list<double>(key, [&](const Json& value) { return real(value, key); });
  }
  [[noreturn]] void wrong(const char* key, const char* expected) const {
    bad_input(where_, text("\"", key, "\" is not ", expected), "the file is damaged; restore it or make it again");
  }

private:
  template <class Value, class Read> std::vector<Value> list(const char* key, Read read) const {
    if (!at(key).is_array()) wrong(key, "a list");
    std::vector<Value> out;
    for (const Json& value : at(key)) out.push_back(read(value));
    return out;
  }

  const Json& object_;
  std::string where_;
};

} // namespace vitro

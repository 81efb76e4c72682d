// Text from values, without streams or locales: text("epoch ", 3, " of ", 10).
// Numbers print in the shortest form that reads back to the same value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vitro {

std::string number(double value); // shortest form that reads back to the same double
std::string number(float value);  // ... to the same float
std::string number(double value, int significant_digits);
std::string number(long long value);

inline void append_text(std::string& out, std::string_view piece) { out += piece; }
inline void append_text(std::string& out, const char* piece) { out += piece; }
inline void append_text(std::string& out, char piece) { out += piece; }
inline void append_text(std::string& out, bool piece) { out += piece ? "true" : "false"; }
template <class Number>
requires std::is_arithmetic_v<Number>
void append_text(std::string& out, Number piece) {
  if constexpr (std::is_floating_point_v<Number>)
    out += number(piece);
  else
    out += number(static_cast<long long>(piece));
}
template <class Named>
requires requires(const Named& piece) {
  { piece.str() } -> std::convertible_to<std::string>;
}
void append_text(std::string& out, const Named& piece) { out += piece.str(); }

template <class... Pieces> std::string text(const Pieces&... pieces) {
  std::string out;
  (append_text(out, pieces), ...);
  return out;
}

std::string join(const std::vector<std::string>& pieces, std::string_view separator);

/// The candidate nearest to `word` in edit distance, or "" if none is near: for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// ` (did you mean "dense"?)`, or "" where nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

} // namespace vitro

#include "core/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace vitro {
namespace {

template <class Float, class... How> std::string digits(Float value, How... how) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, how...).ptr;
  return {buffer, end};
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string message(const std::string& where, const std::string& what, const std::string& help) {
  std::string out = where.empty() ? what : text("[", where, "] ", what);
  if (!help.empty()) out += text(". Help: ", help);
  return out;
}

} // namespace

std::string number(double value) { return digits(value); }
std::string number(float value) { return digits(value); }
std::string number(double value, int significant_digits) {
  return digits(value, std::chars_format::general, significant_digits);
}
std::string number(long long value) { return std::to_string(value); }

std::string join(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i) out += separator;
    out += pieces[i];
  }
  return out;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = nearest(word, candidates);
  return best.empty() ? "" : text(" (did you mean \"", best, "\"?)");
}

void bad_input(const std::string& where, const std::string& what, const std::string& help) {
  throw Error(Fault::input, message(where, what, help));
}

void failure(const std::string& where, const std::string& what, const std::string& help) {
  throw Error(Fault::failure, message(where, what, help));
}

} // namespace vitro

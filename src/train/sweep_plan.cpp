// What is to be swept: from words to every combination.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"
#include "recipe/fields.h"
#include "train/sweep.h"

namespace vitro {
namespace {

template <class Number> std::optional<Number> read(std::string_view word) {
  Number out{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return out;
}

struct Ends {
  std::string low, high;
};

std::optional<Ends> ends_of(const std::string& word) {
  const size_t dots = word.find("..");
  if (dots == std::string::npos) return std::nullopt;
  return Ends{word.substr(0, dots), word.substr(dots + 2)};
}

[[noreturn]] void too_many(const std::string& where) {
  bad_input(where, text("asks for more than ", most_trainings, " trainings"), "take fewer values, or sweep in parts");
}

// The numbers as text: rounded to a few digits, unless two of them become one.
std::vector<std::string> written(const std::vector<double>& numbers, int digits) {
  std::vector<std::string> out;
  for (const double one : numbers) out.push_back(number(one, digits));
  const bool apart = std::set<std::string>(out.begin(), out.end()).size() == out.size();
  if (apart) return out;
  out.clear();
  for (const double one : numbers) out.push_back(number(one));
  return out;
}

// log:a..b:n or lin:a..b:n
std::vector<std::string> spaced(const std::string& word, const std::string& given, bool logarithmic) {
  const std::string form =
      text("write ", logarithmic ? "log:1e-4..10:13" : "lin:0..0.5:6", ": the first number, the last, how many");
  const size_t colon = given.rfind(':');
  const auto ends = ends_of(given.substr(0, colon == std::string::npos ? 0 : colon));
  const auto low = ends ? read<double>(ends->low) : std::nullopt, high = ends ? read<double>(ends->high) : std::nullopt;
  const auto count = colon == std::string::npos ? std::nullopt : read<int64_t>(given.substr(colon + 1));
  if (!low || !high || !count) bad_input(word, text("\"", given, "\" is no range of numbers"), form);
  if (!std::isfinite(*low) || !std::isfinite(*high) || !(*low < *high))
    bad_input(word, text("goes from ", *low, " to ", *high), "from the smaller number to the larger");
  if (logarithmic && !(*low > 0))
    bad_input(word, text("begins at ", *low), "equal factors need numbers above 0; or lin:");
  if (*count < 2)
    bad_input(word, text("asks for ", *count, *count == 1 ? " number" : " numbers"),
              "at least 2, both ends are among them");
  if (*count > most_trainings) too_many(word);
  std::vector<double> numbers;
  for (int64_t i = 0; i < *count; ++i) {
    const double share = double(i) / double(*count - 1);
    numbers.push_back(i == 0            ? *low
                      : i == *count - 1 ? *high
                      : logarithmic     ? *low * math::exp(share * math::log(*high / *low))
                                        : *low + share * (*high - *low));
  }
  return written(numbers, logarithmic ? 6 : 12);
}

// Split at commas that no bracket and no quote holds.
std::vector<std::string> listed(const std::string& given) {
  std::vector<std::string> out = {""};
  int depth = 0;
  char quote = 0;
  for (const char c : given) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      out.emplace_back();
      continue;
    }
    out.back() += c;
  }
  return out;
}

bool equal_factors(const std::vector<std::string>& values) {
  if (values.size() < 3) return false;
  std::vector<double> logs;
  for (const std::string& value : values) {
    const auto one = read<double>(value);
    if (!one || !(*one > 0)) return false;
    logs.push_back(std::log(*one));
  }
  // A list as 0.001,0.01,0.1 is meant so, too; 1,2,3 is not.
  const double first = logs[1] - logs[0];
  for (size_t i = 1; i < logs.size(); ++i)
    if (std::abs(logs[i] - logs[i - 1] - first) > 1e-3 * std::abs(first)) return false;
  return first != 0;
}

} // namespace

bool SweepKey::is_seed() const { return canonical_key(key.substr(key.rfind('.') + 1)) == "seed"; }

SweepKey read_sweep_key(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0)
    bad_input(word, "is no key=values", "write lr=log:1e-4..10:13, seed=0..2, hidden=32,64 or epochs=5");
  SweepKey out{word, word.substr(0, equals), {}};
  const std::string given = word.substr(equals + 1);
  if (given.starts_with("log:") || given.starts_with("lin:")) {
    out.values = spaced(word, given.substr(4), given.starts_with("log:"));
  } else if (const auto ends = ends_of(given); ends && read<double>(ends->low) && read<double>(ends->high)) {
    const auto low = read<int64_t>(ends->low), high = read<int64_t>(ends->high);
    if (!low || !high)
      bad_input(word, "a..b counts whole numbers", text("write ", out.key, "=lin:", given, ":5 for 5 numbers"));
    if (*low > *high) bad_input(word, text("goes from ", *low, " to ", *high), "from the smaller number to the larger");
    if (uint64_t(*high) - uint64_t(*low) >= uint64_t(most_trainings)) too_many(word);
    for (int64_t value = *low; value <= *high; ++value) out.values.push_back(text(value));
  } else {
    out.values = listed(given);
    for (const std::string& value : out.values)
      if (value.find_first_not_of(" \t") == std::string::npos)
        bad_input(word, out.values.size() == 1 ? "has no value" : "one of the values is empty", "write key=a,b,c");
  }
  out.logarithmic = equal_factors(out.values);
  return out;
}

int64_t SweepPlan::trainings() const {
  int64_t out = 1;
  for (const SweepKey& key : keys) out *= int64_t(key.values.size());
  return out;
}

std::vector<std::string> SweepPlan::assignments(int64_t training) const {
  std::vector<std::string> out;
  for (size_t i = keys.size(); i-- > 0;) {
    const auto count = int64_t(keys[i].values.size());
    out.push_back(keys[i].key + "=" + keys[i].values[size_t(training % count)]);
    training /= count;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

SweepPlan plan_sweep(const std::string& what, const std::vector<std::string>& words) {
  SweepPlan out{what, {}};
  int64_t trainings = 1;
  for (const std::string& word : words) {
    SweepKey key = read_sweep_key(word);
    for (const SweepKey& other : out.keys)
      if (other.key == key.key)
        bad_input(word, text(key.key, " stands twice"), text(key.key, "=a,b,c names all values"));
    trainings *= int64_t(key.values.size()); // both at most 10,000: no overflow
    if (trainings > most_trainings) too_many(join(words, " "));
    out.keys.push_back(std::move(key));
  }
  if (trainings < 2)
    bad_input("sweep", "nothing is swept: no key has two values",
              text("vitro sweep ", what, " lr=log:1e-4..10:13 seed=0..2"));
  return out;
}

} // namespace vitro

#include "data/file_pattern.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

FilePattern::FilePattern(const std::string& pattern, const std::string& where) : pattern_(pattern) {
  const auto refuse = [&](const std::string& what) {
    bad_input(where, text("the pattern \"", pattern, "\" ", what), "write it as \"{label}_{group}_{take}.wav\"");
  };
  std::string before;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '}') refuse("closes a brace that it does not open");
    if (pattern[i] != '{') {
      before += pattern[i];
      continue;
    }
    const size_t end = pattern.find('}', i);
    if (end == std::string::npos) refuse("opens a brace that it does not close");
    const std::string name = pattern.substr(i + 1, end - i - 1);
    if (name.empty() || name.find('{') != std::string::npos) refuse("has a field without a name");
    if (field(name)) refuse(text("has the field ", name, " twice"));
    if (before.empty() && !fields_.empty())
      refuse(text("has nothing between ", fields_.back(), " and ", name, ": nobody can tell them apart"));
    texts_.push_back(std::move(before));
    before.clear();
    fields_.push_back(name);
    i = end;
  }
  texts_.push_back(std::move(before));
  if (fields_.empty()) refuse("has no field in braces");
}

std::optional<size_t> FilePattern::field(const std::string& name) const {
  const auto found = std::ranges::find(fields_, name);
  return found == fields_.end() ? std::nullopt : std::optional(size_t(found - fields_.begin()));
}

std::optional<std::vector<std::string>> FilePattern::match(const std::string& path) const {
  // As many of the last folders as the pattern has.
  size_t begin = path.size();
  for (int64_t left = std::ranges::count(pattern_, '/') + 1; left > 0; --left) {
    if (begin == 0) return std::nullopt;
    const size_t slash = path.rfind('/', begin - 1);
    begin = left > 1 ? slash : slash == std::string::npos ? 0 : slash + 1;
    if (begin == std::string::npos) return std::nullopt;
  }
  const std::string name = path.substr(begin), &end = texts_.back();
  if (!name.starts_with(texts_[0])) return std::nullopt;
  std::vector<std::string> out;
  size_t at = texts_[0].size();
  for (size_t i = 0; i < fields_.size(); ++i) {
    const bool last = i + 1 == fields_.size();
    if (last && (name.size() < at + end.size() || !name.ends_with(end))) return std::nullopt;
    const size_t stop = last ? name.size() - end.size() : name.find(texts_[i + 1], at + 1);
    if (stop == std::string::npos || stop <= at) return std::nullopt;
    out.push_back(name.substr(at, stop - at));
    if (out.back().find('/') != std::string::npos) return std::nullopt;
    at = stop + texts_[i + 1].size();
  }
  return out;
}

} // namespace vitro

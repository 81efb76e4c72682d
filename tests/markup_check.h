// Whether markup is well-formed: every element closed in its order, every value in quotes, nothing unescaped.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace vitro {

/// "" where it is; else what is wrong, and where. Reads what report/markup.h writes: no comments, no CDATA.
inline std::string fault_of(std::string_view html) {
  std::vector<std::string> open;
  const auto at_fault = [&](const char* what, size_t at) {
    return std::string(what) + " at \"" + std::string(html.substr(at, 60)) + "\"";
  };
  const auto entity = [&](size_t at) {
    for (const char* known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
      if (html.substr(at).starts_with(known)) return true;
    return false;
  };
  if (html.starts_with("<!DOCTYPE html>")) html.remove_prefix(15);
  for (size_t at = 0; at < html.size();) {
    const bool in_style = !open.empty() && open.back() == "style";
    if (html[at] != '<') {
      if (html[at] == '&' && !in_style && !entity(at)) return at_fault("a bare &", at);
      if (html[at] == '>' && !in_style) return at_fault("a bare >", at);
      ++at;
      continue;
    }
    const bool closing = html.substr(at, 2) == "</";
    size_t end = at + 1 + closing;
    while (end < html.size() && html[end] != ' ' && html[end] != '>' && html[end] != '/') ++end;
    const std::string name(html.substr(at + 1 + closing, end - at - 1 - closing));
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c); }))
      return at_fault("a tag without a name", at);
    while (end < html.size() && html[end] == ' ') { // name="value"
      const size_t equals = html.find("=\"", end);
      if (equals == std::string_view::npos) return at_fault("an attribute without a value", end);
      const size_t quote = html.find('"', equals + 2);
      if (quote == std::string_view::npos) return at_fault("an open quote", end);
      for (size_t i = equals + 2; i < quote; ++i)
        if (html[i] == '<' || html[i] == '>' || (html[i] == '&' && !entity(i)))
          return at_fault("an unescaped value", end);
      end = quote + 1;
    }
    const bool empty = html.substr(end, 2) == "/>";
    if (html.substr(end + empty, 1) != ">") return at_fault("a tag that does not end", at);
    if (closing) {
      if (open.empty() || open.back() != name) return at_fault("closed in another order", at);
      open.pop_back();
    } else if (!empty) {
      open.push_back(name);
    }
    at = end + empty + 1;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

} // namespace vitro

#include "report/markup.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/core.h>

namespace vitro {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

struct Decoded {
  uint32_t point = 0;
  size_t bytes = 0; // 0: no UTF-8
};

// One code point of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
Decoded decode(std::string_view raw) {
  const auto byte = [&](size_t i) { return uint32_t(static_cast<unsigned char>(raw[i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || raw.size() < bytes) return {};
  uint32_t point = first & (0xFFU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && point < 0x800) || (bytes == 4 && point < 0x10000);
  if (overlong || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {};
  return {point, bytes};
}

bool unprintable(uint32_t point) {
  if (point == '\n' || point == '\t') return false;
  return point < 0x20 || (point >= 0x7F && point < 0xA0) ||                              // control characters
         (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || // directions of writing
         point == 0xFFFE || point == 0xFFFF;                                             // no characters in XML
}

bool never_has_content(std::string_view tag) {
  static constexpr std::array<std::string_view, 10> empty = {"br",   "circle", "hr",   "image",   "img",
                                                             "line", "meta",   "path", "polygon", "rect"};
  return std::find(empty.begin(), empty.end(), tag) != empty.end();
}

} // namespace

std::string escape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) {
    const Decoded one = decode(raw.substr(at));
    if (one.bytes == 0 || unprintable(one.point))
      out += replacement;
    else if (one.point == '&')
      out += "&amp;";
    else if (one.point == '<')
      out += "&lt;";
    else if (one.point == '>')
      out += "&gt;";
    else if (one.point == '"')
      out += "&quot;";
    else if (one.point == '\'')
      out += "&#39;";
    else
      out += raw.substr(at, one.bytes);
    at += std::max<size_t>(one.bytes, 1);
  }
  return out;
}

std::string coordinate(double value) {
  if (!std::isfinite(value)) return "0";
  std::string out = fmt::format("{:.2f}", value);
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out == "-0" ? "0" : out;
}

Markup element_of(const char* tag, const Attributes& attributes, const Markup& content) {
  std::string out = "<";
  out += tag;
  for (const Attribute& one : attributes) {
    out += ' ';
    out += one.name;
    out += "=\"";
    out += escape(one.value);
    out += '"';
  }
  if (never_has_content(tag)) {
    out += "/>";
  } else {
    out += '>';
    out += content.str();
    out += "</";
    out += tag;
    out += '>';
  }
  return Markup::literal(out);
}

} // namespace vitro

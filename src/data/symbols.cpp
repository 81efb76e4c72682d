#include "data/symbols.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

[[noreturn]] void refuse(ByteSpan bytes, size_t at, const std::string& where) {
  const bool marked =
      bytes.size() >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF));
  if (marked) bad_input(where, "is UTF-16, UTF-8 was expected", "save it as UTF-8: iconv -f utf-16 -t utf-8");
  const auto line = 1 + std::count(bytes.begin(), bytes.begin() + std::ptrdiff_t(at), uint8_t{'\n'});
  const char* const digits = "0123456789ABCDEF";
  bad_input(where,
            text("byte ", at, " of the text (line ", line, "): 0x", digits[bytes[at] >> 4], digits[bytes[at] & 15],
                 " is no UTF-8"),
            "read bytes with data.unit=bytes; or save it as UTF-8, if it is Latin-1: iconv -f latin1 -t utf-8");
}

// The character that begins at `at`, which moves behind it. The Unicode Standard, table 3-7: lengths, and the range of
// the second byte, which keeps surrogates, overlong forms and what is beyond U+10FFFF out.
uint32_t next_character(ByteSpan bytes, size_t& at, const std::string& where) {
  const uint8_t first = bytes[at];
  if (first < 0x80) return bytes[at++];
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || at + length > bytes.size()) refuse(bytes, at, where);
  const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (bytes[at + 1] < low || bytes[at + 1] > high) refuse(bytes, at, where);
  uint32_t symbol = first & (0xFFu >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    if ((bytes[at + k] & 0xC0) != 0x80) refuse(bytes, at, where);
    symbol = symbol << 6 | (bytes[at + k] & 0x3Fu);
  }
  at += length;
  return symbol;
}

std::string utf8(uint32_t symbol) {
  std::string out;
  const auto tail = [&](int shift) { out += char(0x80 | (symbol >> shift & 0x3F)); };
  if (symbol < 0x80) {
    out += char(symbol);
  } else if (symbol < 0x800) {
    out += char(0xC0 | symbol >> 6);
    tail(0);
  } else if (symbol < 0x10000) {
    out += char(0xE0 | symbol >> 12);
    tail(6);
    tail(0);
  } else {
    out += char(0xF0 | symbol >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return out;
}

// Characters that show nothing, join what is beside them, or turn it around: the Unicode blocks and general categories
// Zs, Zl, Zp, Cc, Cf and the common ones of Mn.
bool shows_by_itself(uint32_t c) {
  const auto within = [c](uint32_t low, uint32_t high) { return c >= low && c <= high; };
  return !(c < 0x21 || within(0x7F, 0xA0) || c == 0xAD || within(0x300, 0x36F) || within(0x483, 0x489) ||
           within(0x591, 0x5BD) || within(0x600, 0x605) || within(0x610, 0x61A) || within(0x61C, 0x61C) ||
           within(0x64B, 0x65F) || c == 0x1680 || within(0x1AB0, 0x1AFF) || within(0x1DC0, 0x1DFF) ||
           within(0x2000, 0x200F) || within(0x2028, 0x202F) || within(0x205F, 0x206F) || within(0x20D0, 0x20FF) ||
           c == 0x3000 || within(0xD800, 0xF8FF) || within(0xFE00, 0xFE0F) || within(0xFE20, 0xFE2F) || c == 0xFEFF ||
           within(0xFFF0, 0xFFFB) || c >= 0xE0000);
}

std::string hexadecimal(uint32_t value, int width) {
  std::string out;
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 15];
  return out;
}

} // namespace

const char* name(TextUnit unit) { return unit == TextUnit::characters ? "characters" : "bytes"; }
const char* singular_name(TextUnit unit) { return unit == TextUnit::characters ? "character" : "byte"; }

int32_t TextForm::code_of(uint32_t symbol) const {
  const auto found = std::ranges::lower_bound(symbols, symbol);
  return found != symbols.end() && *found == symbol ? int32_t(found - symbols.begin()) : -1;
}

std::string TextForm::written(int32_t code) const {
  if (code < 0 || size_t(code) >= symbols.size()) return "";
  const uint32_t symbol = symbols[size_t(code)];
  return unit == TextUnit::bytes ? std::string(1, char(symbol)) : utf8(symbol);
}

std::vector<std::string> TextForm::names() const {
  std::vector<std::string> out;
  for (const uint32_t symbol : symbols) out.push_back(symbol_name(symbol, unit));
  if (unknown) out.emplace_back("unknown");
  return out;
}

std::vector<uint32_t> symbols_of(ByteSpan bytes, TextUnit unit, const std::string& where) {
  if (unit == TextUnit::bytes) return {bytes.begin(), bytes.end()};
  std::vector<uint32_t> out;
  out.reserve(bytes.size());
  const bool marked = bytes.size() >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF;
  for (size_t at = marked ? 3 : 0; at < bytes.size();) out.push_back(next_character(bytes, at, where));
  return out;
}

std::vector<uint32_t> symbols_of(std::string_view bytes, TextUnit unit, const std::string& where) {
  return symbols_of(ByteSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), unit, where);
}

// Names of more than one character never are a symbol that stands for itself, so no two are the same.
std::string symbol_name(uint32_t symbol, TextUnit unit) {
  switch (symbol) {
    case ' ': return "space";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case 0: return "\\0";
    default: break;
  }
  if (unit == TextUnit::bytes)
    return symbol > 0x20 && symbol < 0x7F ? std::string(1, char(symbol)) : "\\x" + hexadecimal(symbol, 2);
  if (shows_by_itself(symbol)) return utf8(symbol);
  return symbol < 0x100     ? "\\x" + hexadecimal(symbol, 2)
         : symbol < 0x10000 ? "\\u" + hexadecimal(symbol, 4)
                            : "\\U" + hexadecimal(symbol, 8);
}

} // namespace vitro

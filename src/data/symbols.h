// What a text is made of: symbols, and the list of those that a net knows.
//
// A symbol is a character (a code point of Unicode, read from UTF-8) or a byte: a number in either case. A code is its
// place in a TextForm; the net sees codes alone. Invariant: bytes that became symbols become the same bytes again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/bytes.h"

namespace vitro {

enum class TextUnit : uint8_t { characters, bytes };
const char* name(TextUnit unit);          // "characters", "bytes"
const char* singular_name(TextUnit unit); // "character", "byte"

/// Of a text: a sample is a window [steps, 1] of codes, its labels [steps] are at each step the symbol that comes next.
struct TextForm {
  TextUnit unit = TextUnit::characters;
  std::vector<uint32_t> symbols = {}; // ascending: code c stands for symbols[c]
  bool unknown = false;               // one more code, the last, for whatever is none of them

  int64_t size() const { return int64_t(symbols.size()) + unknown; }
  /// -1 for a symbol that is not among them.
  int32_t code_of(uint32_t symbol) const;
  /// The symbol of a code as it is written; "" for the unknown.
  std::string written(int32_t code) const;
  /// For people: "a", "space", "\n", "\u0301", "unknown". Printable, and no two of a list are the same.
  std::vector<std::string> names() const;
  bool operator==(const TextForm&) const = default;
};

/// The symbols of `bytes` in order; a byte order mark in front is left out. Throws bad_input at `where`, naming the
/// byte, where characters are wanted and it is no UTF-8.
std::vector<uint32_t> symbols_of(ByteSpan bytes, TextUnit unit, const std::string& where);
std::vector<uint32_t> symbols_of(std::string_view bytes, TextUnit unit, const std::string& where);

/// One symbol for people: see TextForm::names.
std::string symbol_name(uint32_t symbol, TextUnit unit);

} // namespace vitro

#include "data/forms.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace vitro {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr double signed_powers[2][8] = {{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7},
                                        {-1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7}};

// The `n` bytes at `p`, 1 to 8 of them, in the lowest bytes of a word; bytes of the text alone are read.
uint64_t first_bytes(const char* p, size_t n) {
  if (n < 4)
    return uint64_t(uint8_t(p[0])) | uint64_t(uint8_t(p[n / 2])) << (n / 2 * 8) |
           uint64_t(uint8_t(p[n - 1])) << (n * 8 - 8);
  uint32_t head = 0, tail = 0; // they overlap, and agree where they do
  std::memcpy(&head, p, 4);
  std::memcpy(&tail, p + n - 4, 4);
  return head | uint64_t(tail) << (n * 8 - 32);
}

// Most numbers: up to eight digits, with or without a point, in one word, without a loop whose length the processor
// would have to guess. The first character is the lowest byte.
bool parse_short(const char* p, size_t n, bool negative, double& value) {
  uint64_t word = first_bytes(p, n);
  word = word << (64 - n * 8) | 0x3030303030303030u >> 1 >> (n * 8 - 1); // zeros in front
  size_t fraction = 0;
  // Bytes that are a point become 0; the lowest bit that is set below marks the first of them.
  const uint64_t pointless = word ^ 0x2E2E2E2E2E2E2E2Eu;
  if (const uint64_t point = (pointless - 0x0101010101010101u) & ~pointless & 0x8080808080808080u; point != 0) {
    if (n == 1) return false;
    const auto at = size_t(std::countr_zero(point)) / 8; // its byte goes, those in front of it move up
    const uint64_t front = (uint64_t(1) << (at * 8)) - 1;
    word = (word & ~(front << 8 | 0xFF)) | (word & front) << 8 | 0x30;
    fraction = 7 - at;
  }
  const uint64_t digits = word ^ 0x3030303030303030u; // 0 to 9 if it is a digit
  if (((digits | (digits + 0x0606060606060606u)) & 0xF0F0F0F0F0F0F0F0u) != 0) return false;
  // Tens and ones to pairs, pairs to fours, fours to eight digits.
  uint64_t sum = digits * 10 + (digits >> 8);
  sum = (sum & 0x00FF00FF00FF00FFu) * 100 + ((sum >> 16) & 0x00FF00FF00FF00FFu);
  sum = (sum & 0x0000FFFF0000FFFFu) * 10000 + ((sum >> 32) & 0x0000FFFF0000FFFFu);
  // The sign comes with the power: signs come as they like, a branch on them would be guessed wrong half the time.
  value = double(int64_t(sum & 0xFFFFFFFFu)) / signed_powers[negative][fraction];
  return true;
}

// A number whose thousands may be parted by `mark`, and whose fraction begins with `point`.
bool parse_marked(std::string_view text, std::string_view mark, char point, double& value) {
  std::array<char, 64> plain;
  size_t held = 0, at = 0;
  if (text.size() > plain.size()) return false;
  const auto take_digits = [&] {
    const size_t first = at;
    while (at < text.size() && digit(text[at])) plain[held++] = text[at++];
    return at - first;
  };
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) plain[held++] = text[at++];
  const size_t first = at, whole = take_digits();
  if (text.substr(at).starts_with(mark)) {
    if (whole < 1 || whole > 3 || text[first] == '0') return false;
    while (text.substr(at).starts_with(mark)) {
      at += mark.size();
      if (take_digits() != 3) return false;
    }
  }
  if (at < text.size() && text[at] == point) {
    plain[held++] = '.';
    ++at;
    take_digits();
  }
  if (at < text.size() && text[at] != 'e' && text[at] != 'E') return false;
  while (at < text.size()) plain[held++] = text[at++];
  return parse_number({plain.data(), held}, value);
}

bool parse_currency(std::string_view text, double& value) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  for (const std::string_view symbol : {"$", "\u20AC", "\u00A3"}) {
    if (!text.starts_with(symbol)) continue;
    text = trimmed(text.substr(symbol.size()));
    if (text.empty() || !(digit(text[0]) || text[0] == '.') || !parse_marked(text, ",", '.', value)) return false;
    if (negative) value = -value;
    return true;
  }
  return false;
}

// Reads one piece after the other off the front of a text; once one is not there, none is.
struct Pieces {
  std::string_view rest;
  bool good = true;

  int number(size_t least, size_t most) {
    size_t n = 0;
    int value = 0;
    for (; n < rest.size() && n < most && digit(rest[n]); ++n) value = value * 10 + (rest[n] - '0');
    good = good && n >= least && (n == rest.size() || !digit(rest[n]));
    rest.remove_prefix(n);
    return value;
  }
  void mark(char c) {
    good = good && rest.starts_with(c);
    if (good) rest.remove_prefix(1);
  }
};

bool leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
int64_t days(int year, int month, int day) {
  constexpr std::array before = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const int64_t y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400 + before[size_t(month - 1)] + (month > 2 && leap(year)) + day - 1 - 719162;
}

bool parse_date(Form form, std::string_view text, double& value) {
  Pieces pieces{text};
  int year = 0, month = 0, day = 1;
  const auto ymd = [&](char mark, size_t least) {
    year = pieces.number(4, 4);
    pieces.mark(mark);
    month = pieces.number(least, 2);
    if (form == Form::ym_dash) return;
    pieces.mark(mark);
    day = pieces.number(least, 2);
  };
  const auto backwards = [&](char mark, int& first, int& second) {
    first = pieces.number(1, 2);
    pieces.mark(mark);
    second = pieces.number(1, 2);
    pieces.mark(mark);
    year = pieces.number(4, 4);
  };
  switch (form) {
    case Form::ymd_slash: ymd('/', 1); break;
    case Form::dmy_dot: backwards('.', day, month); break;
    case Form::mdy_slash: backwards('/', month, day); break;
    case Form::dmy_slash: backwards('/', day, month); break;
    default: ymd('-', 2);
  }
  constexpr std::array longest = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!pieces.good || year < 1 || month < 1 || month > 12 || day < 1 || day > longest[size_t(month - 1)]) return false;
  if (month == 2 && day == 29 && !leap(year)) return false;
  value = double(days(year, month, day));
  if (pieces.rest.empty()) return true;
  if (form == Form::ym_dash) return false;

  pieces.mark(pieces.rest[0] == 'T' ? 'T' : ' ');
  const int hour = pieces.number(1, 2);
  pieces.mark(':');
  const int minute = pieces.number(2, 2);
  double second = 0;
  if (pieces.good && pieces.rest.starts_with(':')) {
    pieces.mark(':');
    const std::string_view seconds = pieces.rest.substr(0, pieces.rest.find_first_not_of("0123456789."));
    pieces.good = seconds.size() >= 2 && digit(seconds[0]) && digit(seconds[1]) &&
                  (seconds.size() == 2 || seconds[2] == '.') && parse_number(seconds, second);
    pieces.rest.remove_prefix(seconds.size());
  }
  if (pieces.rest.starts_with('Z')) pieces.rest.remove_prefix(1);
  if (!pieces.good || !pieces.rest.empty() || hour > 23 || minute > 59 || second >= 60) return false;
  value += (hour * 3600 + minute * 60 + second) / 86400;
  return true;
}

} // namespace

const char* pattern(Form form) {
  constexpr std::array names = {"",           "1,234",      "1 234",      "1'234",      "3,14",       "%",      "$",
                                "YYYY-MM-DD", "YYYY/MM/DD", "DD.MM.YYYY", "MM/DD/YYYY", "DD/MM/YYYY", "YYYY-MM"};
  static_assert(names.size() == form_count);
  return names[size_t(form)];
}

Forms form_called(std::string_view word) {
  for (int i = 0; i < form_count; ++i)
    if (word == pattern(Form(i))) return only(Form(i));
  return 0;
}

bool parse_number(std::string_view text, double& value) {
  if (text.empty()) return false;
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = *p == '-';
  p += (*p == '-') | (*p == '+');
  const char* const begin = p;
  if constexpr (std::endian::native == std::endian::little)
    if (p != end && end - p <= 8 && parse_short(p, size_t(end - p), negative, value)) return true;
  uint64_t digits = 0;
  for (; p != end && digit(*p); ++p) digits = digits * 10 + uint64_t(*p - '0');
  ptrdiff_t held = p - begin, exponent = 0;
  if (p != end && *p == '.') {
    const char* const point = p++;
    for (; p != end && digit(*p); ++p) digits = digits * 10 + uint64_t(*p - '0');
    exponent = point + 1 - p;
    held = p - begin - 1;
  }
  if (held == 0) return false;
  if (p != end) {
    if (*p != 'e' && *p != 'E') return false;
    const bool down = ++p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+')) ++p;
    if (p == end) return false;
    ptrdiff_t written = 0;
    for (; p != end && digit(*p); ++p)
      if (written < 1000000000) written = written * 10 + (*p - '0');
    if (p != end) return false;
    exponent += down ? -written : written;
  }
  // Up to 19 digits `digits` is exact; so are it as a double and the power of ten within these bounds, and one
  // operation on exact values rounds once.
  if (held <= 19 && digits <= (uint64_t(1) << 53) && exponent >= -22 && exponent <= 22) {
    const auto whole = double(int64_t(digits));
    value = exponent < 0 ? whole / powers[-exponent] : whole * powers[exponent];
    if (negative) value = -value;
    return true;
  }
  const auto [stop, error] = std::from_chars(begin, end, value);
  // Out of range is far too large or far too small: the power of ten of the first digit that is not 0 tells which.
  if (error == std::errc::result_out_of_range) {
    const char* first = begin;
    while (*first == '0' || *first == '.') ++first;
    ptrdiff_t significant = 0;
    for (; first != end && (digit(*first) || *first == '.'); ++first) significant += *first != '.';
    if (significant + exponent > 0) return false;
    value = 0;
  } else if (error != std::errc() || stop != end) {
    return false;
  }
  if (negative) value = -value;
  return true;
}

bool parse(Form form, std::string_view text, double& value) {
  switch (form) {
    case Form::plain: return parse_number(text, value);
    case Form::comma_marks: return parse_marked(text, ",", '.', value);
    case Form::blank_marks: // a blank, and two that do not break
      return parse_marked(text, " ", '.', value) || parse_marked(text, "\u00A0", '.', value) ||
             parse_marked(text, "\u202F", '.', value);
    case Form::apostrophe_marks: return parse_marked(text, "'", '.', value);
    case Form::decimal_comma: return parse_marked(text, ".", ',', value);
    case Form::percent: return text.ends_with('%') && parse_number(trimmed(text.substr(0, text.size() - 1)), value);
    case Form::currency: return parse_currency(text, value);
    default: return parse_date(form, text, value);
  }
}

Forms forms_of(std::string_view text, Separator separator) {
  Forms some = 0;
  double value = 0;
  for (int i = 0; i < form_count; ++i)
    if (Form(i) != Form::decimal_comma || separator != Separator::comma)
      if (parse(Form(i), text, value)) some |= only(Form(i));
  return some;
}

Form preferred(Forms some, Separator separator) {
  const Forms either = only(Form::decimal_comma) | only(Form::comma_marks);
  if (separator == Separator::semicolon && (some & only(Form::plain)) == 0 && (some & either) == either)
    return Form::decimal_comma;
  return Form(std::countr_zero(some));
}

MissingWords::MissingWords(const std::vector<std::string>& further)
    : words_({"", "-", ".", "?", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None"}) {
  words_.insert(words_.end(), further.begin(), further.end());
  double value = 0;
  for (const std::string& word : words_) {
    longest_ = std::max(longest_, word.size());
    numbers_ |= parse_number(word, value);
  }
}

int MissingWords::search(std::string_view text) const {
  for (size_t i = 0; i < words_.size(); ++i)
    if (words_[i] == text) return int(i);
  return -1;
}

} // namespace vitro

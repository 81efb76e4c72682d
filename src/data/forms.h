// How numbers and dates are written in the cells of text tables: a `Form` is one way, and a cell may be read in several
// ("1,234" is 1234 or 1.234). A column has one form, which all of its cells must have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/dialect.h"

namespace vitro {

/// In the order of preference (see `preferred`), numbers before dates.
enum class Form : uint8_t {
  plain,
  comma_marks,
  blank_marks,
  apostrophe_marks,
  decimal_comma,
  percent,
  currency,
  ymd_dash,
  ymd_slash,
  dmy_dot,
  mdy_slash,
  dmy_slash,
  ym_dash
};
inline constexpr int form_count = 13;

/// A set of forms, a bit each.
using Forms = uint32_t;
constexpr Forms only(Form form) { return Forms(1) << int(form); }
inline constexpr Forms number_forms = only(Form::ymd_dash) - 1, date_forms = only(Form(form_count)) - 1 - number_forms;
constexpr bool is_date(Form form) { return (only(form) & date_forms) != 0; }

/// "" for plain numbers, else an example or a pattern: "1,234" "1 234" "1'234" "3,14" "%" "$" "YYYY-MM-DD" ...
const char* pattern(Form form);
/// The forms of this pattern: one, or none.
Forms form_called(std::string_view pattern);

/// The whole of `text` as a decimal number: sign, digits, point, exponent ("-1.5e3", ".5", "3504."), correctly rounded;
/// too small ones are 0. False for anything else: blanks, marks between thousands, inf, nan, a value that no double
/// holds. Clinger's exact case (PLDI 1990): at most 2^53 times or over a power of ten up to 10^22; else
/// std::from_chars.
bool parse_number(std::string_view text, double& value);

/// The whole of `text` in this form: a number, or days since 1970-01-01 with the time of day as a fraction.
/// A date is `pattern`'s, one of the proleptic Gregorian calendar in the years 1 to 9999; days and months may lack
/// their leading 0 unless the year stands first with dashes; a time may follow: a blank or T, hh:mm[:ss[.f]], Z or
/// nothing.
bool parse(Form form, std::string_view text, double& value);

/// All forms that `text` has. Between commas a decimal comma is none.
Forms forms_of(std::string_view text, Separator separator);
/// The first of them; among semicolons a decimal comma goes before marks between thousands. `some` is not empty.
Form preferred(Forms some, Separator separator);

/// The words that stand for a missing value: the empty cell, ? NA N/A n/a nan NaN null NULL None, those that the caller
/// adds, and - and . which do so only where no text stands beside them.
class MissingWords {
public:
  explicit MissingWords(const std::vector<std::string>& further);
  /// Position of `text` among `words`, or -1.
  int find(std::string_view text) const {
    if (text.empty()) return 0;
    return text.size() > longest_ ? -1 : search(text);
  }
  /// Whether the word at this position is missing between texts too.
  static bool always(int position) { return position != dash && position != dot; }
  /// Whether one of them is a number, so that cells which are numbers must be looked up too.
  bool numbers() const { return numbers_; }
  const std::vector<std::string>& words() const { return words_; }

private:
  static constexpr int dash = 1, dot = 2;
  int search(std::string_view text) const;
  std::vector<std::string> words_;
  size_t longest_ = 0;
  bool numbers_ = false;
};

} // namespace vitro

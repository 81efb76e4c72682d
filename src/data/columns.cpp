#include "data/columns.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr std::array<std::pair<Role, const char*>, 5> role_names{{{Role::number, "number"},
                                                                  {Role::quantile, "quantile"},
                                                                  {Role::date, "date"},
                                                                  {Role::category, "category"},
                                                                  {Role::embedding, "embedding"}}};

constexpr double days_of_year = 365.2425, days_of_week = 7;
constexpr size_t most_knots = 257;

// What there is of a column, in one pass over it.
struct Facts {
  int64_t rows = 0, missing = 0, different = 0;
  int64_t shared = 0; // of texts: how many different ones stand in two rows at least
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool whole = true;

  int64_t present() const { return rows - missing; }
};

Facts facts_of(const TableColumn& column, int64_t rows) {
  Facts out{.rows = rows, .missing = column.missing};
  if (column.type == CellType::text) {
    std::vector<int64_t> count(column.words.size());
    for (const int32_t code : column.codes)
      if (code >= 0) ++count[size_t(code)];
    out.different = int64_t(column.words.size());
    out.shared = std::ranges::count_if(count, [](int64_t n) { return n >= 2; });
    return out;
  }
  std::vector<double> sorted;
  sorted.reserve(column.numbers.size());
  for (const double value : column.numbers) {
    if (std::isnan(value)) continue;
    sorted.push_back(value);
    out.whole &= value == std::floor(value);
  }
  std::sort(sorted.begin(), sorted.end());
  if (!sorted.empty()) out.low = sorted.front(), out.high = sorted.back();
  out.different = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
  return out;
}

// "id", "PassengerId", "row_no", "uuid", and the empty heading of an index column.
bool called_like_an_id(const std::string& name, size_t index) {
  std::string lower;
  for (const char c : name) lower += char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const char* word : {"id", "index", "key", "uuid", "guid", "no", "nr", "number", "row"})
    if (lower == word || lower.ends_with(std::string("_") + word) || lower.ends_with(std::string(" ") + word))
      return true;
  return name.ends_with("Id") || name.ends_with("ID") || lower.starts_with("unnamed") ||
         (index == 0 && name == "column 1");
}

std::string named_rows(const Facts& facts, const char* what) {
  return text(facts.different == facts.present() ? "all different" : text(facts.different, " different"), " ", what,
              " in ", facts.present(), " rows: they name the rows");
}

std::string missing_text(int64_t missing) { return missing == 0 ? std::string() : text(", ", missing, " missing"); }

std::string why_left_out(const TableColumn& column, size_t index, const Facts& facts) {
  if (facts.present() == 0) return "every cell is missing";
  if (column.various) return "more than 65,536 different texts: they name the rows";
  if (facts.different == 1 && facts.missing == 0) return "the same in every row";
  if (column.type == CellType::text && facts.different > 20 && facts.different * 2 > facts.present() &&
      facts.missing * 20 <= facts.rows)
    return named_rows(facts, "texts");
  if (column.type == CellType::number && facts.whole && facts.present() > 20) {
    const bool counts = facts.different == facts.rows && facts.high - facts.low + 1 == double(facts.rows);
    const bool id = facts.different * 10 > facts.present() * 9 && facts.high > 100 * double(facts.rows);
    if (counts) return "whole numbers that count the rows";
    if (called_like_an_id(column.name, index) && (id || facts.different == facts.present()))
      return named_rows(facts, "whole numbers");
  }
  return "";
}

// The standard normal's quantile, |error| < 1.2e-9 of the value.
// Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function", 2003.
double normal_quantile(double p) {
  constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                          1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                          -1.328068155288572e+01};
  constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                          -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
  if (p > 0.5) return -normal_quantile(1 - p);
  if (p < 0.02425) {
    const double q = math::sqrt(-2 * math::log(p));
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
  }
  const double q = p - 0.5, r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

// The share of training values below: halfway between the first and the last knot that equal it.
double rank_of(const std::vector<double>& knots, double value) {
  const auto at = [&](auto it) {
    const auto i = size_t(it - knots.begin());
    if (i == 0) return 0.0;
    if (i == knots.size()) return double(knots.size() - 1);
    return double(i - 1) + (value - knots[i - 1]) / (knots[i] - knots[i - 1]);
  };
  const auto [low, high] = std::equal_range(knots.begin(), knots.end(), value);
  const double place = low == high ? at(low) : (double(low - knots.begin()) + double(high - 1 - knots.begin())) / 2;
  return place / double(knots.size() - 1);
}

double quantile_number(const std::vector<double>& knots, double value) {
  // Ends at the quantile of half a knot's share, as the middle of the outermost ones.
  const double end = 0.5 / double(knots.size());
  return normal_quantile(std::clamp(rank_of(knots, value), end, 1 - end));
}

} // namespace

bool is_missing(const TableColumn& column, int64_t row) {
  return column.type == CellType::text ? column.codes[size_t(row)] < 0 : std::isnan(column.numbers[size_t(row)]);
}

std::string cell_name(const TableColumn& column, int64_t row) {
  if (is_missing(column, row)) return "";
  if (column.type == CellType::text) return column.words[size_t(column.codes[size_t(row)])];
  const double value = column.numbers[size_t(row)];
  return column.type == CellType::date ? date_text(value) : number(value);
}

const char* name(Role role) {
  for (const auto& [value, word] : role_names)
    if (value == role) return word;
  return "";
}

Role role_of(const std::string& word, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& [role, written] : role_names) {
    if (word == written) return role;
    known.emplace_back(written);
  }
  known.emplace_back("drop");
  bad_input(where, text("a column can't be \"", word, "\"", did_you_mean(word, known)),
            "it is one of " + join(known, ", "));
}

int64_t Column::inputs() const {
  switch (role) {
    case Role::date: return 3 + (week ? 2 : 0) + (clock ? 2 : 0) + (indicator ? 1 : 0);
    case Role::category: return int64_t(categories.size()) + (others ? 1 : 0);
    case Role::embedding: return 0;
    default: return 1 + (indicator ? 1 : 0);
  }
}

std::vector<std::string> Column::input_names() const {
  std::vector<std::string> out;
  if (role == Role::category) {
    for (const std::string& category : categories)
      out.push_back(category.empty() ? name + " is missing" : text(name, " = ", category));
    if (others) out.push_back(name + " = another");
    return out;
  }
  if (role == Role::embedding) return out;
  out.push_back(name);
  if (role == Role::date) {
    for (const char* part : {"year, sine", "year, cosine"}) out.push_back(text(name, ", time of the ", part));
    if (week)
      for (const char* part : {"week, sine", "week, cosine"}) out.push_back(text(name, ", time of the ", part));
    if (clock)
      for (const char* part : {"day, sine", "day, cosine"}) out.push_back(text(name, ", time of the ", part));
  }
  if (indicator) out.push_back(name + " is missing");
  return out;
}

std::string Column::becomes() const {
  const auto kinds = [&] {
    int64_t n = int64_t(categories.size());
    std::string out = text(n - (n > 0 && categories[0].empty() ? 1 : 0), " categories");
    if (n > 0 && categories[0].empty()) out += ", missing as one of its own";
    return out;
  };
  std::string out;
  switch (role) {
    case Role::category: return text("one input for each of ", kinds(), others ? ", rare ones together" : "");
    case Role::embedding: return text("a learned vector for each of ", kinds(), "; rare and unseen ones share one");
    case Role::quantile: out = "its rank, spread as a normal distribution"; break;
    case Role::date:
      out = text(anchored ? "days before the last" : "the day", ", the time of the year",
                 week ? " and of the week" : "", clock ? " and of the day" : "");
      break;
    default: {
      // "(x - 29.78) / 14.53", "x + 119.6"; of a series "(x - last - 0.0059) / 3.666"
      std::string from_mean = anchored ? "x - last" : "x";
      if (mean != 0) from_mean += text(mean < 0 ? " + " : " - ", number(std::fabs(mean), 4));
      if (deviation == 1)
        out = from_mean == "x" ? "as it is" : from_mean;
      else
        out = text(from_mean == "x" ? from_mean : text("(", from_mean, ")"), " / ", number(deviation, 4));
    }
  }
  return indicator ? out + ", and whether it is missing" : out;
}

std::string Column::shown(double value) const {
  if (std::isnan(value)) return "missing";
  if (role == Role::date) return date_text(value);
  if (!coded()) return number(value, 6);
  const auto code = size_t(value);
  if (code >= categories.size()) return "another";
  return categories[code].empty() ? "missing" : categories[code];
}

int64_t Column::code_of(const std::string& category) const {
  // Sorted, so that "" stands first.
  const auto found = std::lower_bound(categories.begin(), categories.end(), category);
  return found != categories.end() && *found == category ? found - categories.begin() : int64_t(categories.size());
}

ColumnPlan plan_column(const RawTable& table, size_t index, const std::string& word, const std::string& where) {
  const TableColumn& column = table.columns[index];
  const Facts facts = facts_of(column, table.rows());
  ColumnPlan out{.index = index};
  if (word == "drop") {
    out.left_out = "as asked";
    return out;
  }
  const bool is_text = column.type == CellType::text;
  if (word.empty()) {
    out.left_out = why_left_out(column, index, facts);
    if (!out.left_out.empty()) return out;
    const bool grades = column.type == CellType::number && facts.whole && facts.different >= 3 &&
                        facts.different <= most_grades && facts.present() >= 8 * facts.different;
    out.role = is_text || grades               ? (facts.shared >= least_embedded ? Role::embedding : Role::category)
               : column.type == CellType::date ? Role::date
                                               : Role::number;
  } else {
    out.role = role_of(word, where);
    const bool counted = out.role == Role::number || out.role == Role::quantile;
    if (column.various)
      bad_input(where, text(quoted(column.name), " holds more than 65,536 different texts"), "drop it");
    if (counted && is_text)
      bad_input(where, text(quoted(column.name), " holds texts such as ", quoted(column.words[0]), ", no numbers"),
                "make it a category, or drop it");
    if (out.role == Role::date && column.type != CellType::date)
      bad_input(where, text(quoted(column.name), " holds no dates"),
                "dates are written as 2024-12-31, 31.12.2024, 12/31/2024");
    if (facts.present() == 0) {
      out.left_out = "every cell is missing";
      return out;
    }
  }
  const bool coded = out.role == Role::category || out.role == Role::embedding;
  if (coded) {
    std::string examples;
    if (is_text) {
      std::vector<std::string> some(column.words.begin(),
                                    column.words.begin() + std::min<long>(3, long(column.words.size())));
      for (std::string& one : some) one = quoted(one);
      examples = ": " + join(some, ", ") + (facts.different > 3 ? ", ..." : "");
    }
    out.remark = text(facts.different, is_text ? " texts" : " numbers", examples, missing_text(facts.missing));
    if (word.empty() && !is_text) // only its owner can tell
      out.remark += text(", ", number(facts.low, 6), " to ", number(facts.high, 6), ": say number if they measure");
  } else if (column.type == CellType::date) {
    out.remark =
        text(column.format, ", ", date_text(facts.low), " to ", date_text(facts.high), missing_text(facts.missing));
  } else {
    out.remark = text(number(facts.low, 6), " to ", number(facts.high, 6), missing_text(facts.missing));
    if (!column.format.empty()) out.remark += text(", written as ", column.format);
  }
  return out;
}

Column make_column(const RawTable& table, const ColumnPlan& plan, std::span<const int64_t> training) {
  const TableColumn& from = table.columns[plan.index];
  Column out{.name = from.name, .role = plan.role, .remark = plan.remark, .cells = from.type, .format = from.format};
  if (plan.role == Role::date) {
    std::vector<double> days;
    for (const double day : from.numbers)
      if (!std::isnan(day)) days.push_back(day);
    std::sort(days.begin(), days.end());
    days.erase(std::unique(days.begin(), days.end()), days.end());
    out.clock = std::ranges::any_of(days, [](double day) { return day != std::floor(day); });
    out.week = std::ranges::adjacent_find(days, [](double a, double b) { return b - a < days_of_week; }) != days.end();
  }
  if (!out.coded()) return out;
  std::map<std::string, int64_t> count;
  if (from.type == CellType::text) {
    std::vector<int64_t> by_code(from.words.size());
    for (const int64_t row : training) {
      const int32_t code = from.codes[size_t(row)];
      if (code < 0)
        ++count[""];
      else
        ++by_code[size_t(code)];
    }
    for (size_t i = 0; i < by_code.size(); ++i)
      if (by_code[i] > 0) count[from.words[i]] = by_code[i];
  } else {
    for (const int64_t row : training) ++count[cell_name(from, row)];
  }
  for (const auto& [category, n] : count) {
    if (n >= 2)
      out.categories.push_back(category);
    else
      out.others = true;
  }
  return out;
}

std::vector<double> raw_values(const RawTable& table, size_t index, std::span<const int64_t> rows,
                               const Column& column) {
  const TableColumn& from = table.columns[index];
  std::vector<double> out;
  out.reserve(rows.size());
  if (column.coded() && from.type == CellType::text) { // a text is looked up once, however many rows have it
    std::vector<double> of_word;
    of_word.reserve(from.words.size());
    for (const std::string& word : from.words) of_word.push_back(double(column.code_of(word)));
    const auto of_missing = double(column.code_of(""));
    for (const int64_t row : rows) {
      const int32_t word = from.codes[size_t(row)];
      out.push_back(word < 0 ? of_missing : of_word[size_t(word)]);
    }
    return out;
  }
  for (const int64_t row : rows)
    out.push_back(column.coded() ? double(column.code_of(cell_name(from, row))) : from.numbers[size_t(row)]);
  return out;
}

void fit_column(Column& column, std::span<const double> values, bool standardise) {
  if (column.coded()) return;
  double sum = 0, squares = 0;
  int64_t n = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++n;
  }
  column.indicator = n < int64_t(values.size());
  column.mean = 0;
  column.deviation = 1;
  column.knots.clear();
  if (column.role == Role::quantile) {
    std::vector<double> sorted;
    for (const double value : values)
      if (!std::isnan(value)) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) sorted = {0};
    const size_t knots = std::clamp<size_t>(sorted.size(), 2, most_knots);
    for (size_t i = 0; i < knots; ++i) column.knots.push_back(sorted[i * (sorted.size() - 1) / (knots - 1)]);
    return;
  }
  if (!standardise || n == 0) return;
  column.mean = sum / double(n);
  for (const double value : values)
    if (!std::isnan(value)) squares += (value - column.mean) * (value - column.mean);
  column.deviation = math::sqrt(squares / double(n));
  // Below this the spread of a constant column is only the rounding of its mean.
  if (column.deviation <= 1e-9 * std::fabs(column.mean) || column.deviation == 0) column.deviation = 1;
}

Encoding encoding_of(std::span<const Column> columns) {
  Encoding out;
  for (const Column& column : columns) {
    out.inputs += column.inputs();
    if (column.role == Role::embedding) out.codes.push_back(column.codes());
  }
  return out;
}

int64_t encoded_width(std::span<const Column> columns) {
  int64_t width = 0;
  for (const Column& column : columns) width += column.role == Role::embedding ? 1 : column.inputs();
  return width;
}

std::vector<std::string> input_names(std::span<const Column> columns) {
  std::vector<std::string> out;
  for (const Column& column : columns)
    for (std::string& one : column.input_names()) out.push_back(std::move(one));
  for (const Column& column : columns)
    if (column.role == Role::embedding) out.push_back(column.name);
  return out;
}

template <class Raw, class Out>
void encode(std::span<const Column> columns, const Raw* raw, Out* out, const Raw* last) {
  int64_t inputs = 0;
  for (const Column& column : columns) inputs += column.inputs();
  Out* code = out + inputs;
  for (const Column& column : columns) {
    const double value = double(*raw++), end = last ? double(*last++) : 0;
    const double counted = column.anchored ? value - end : value;
    const bool missing = std::isnan(value);
    const auto scaled = [&] { return missing ? Out(0) : Out((counted - column.mean) / column.deviation); };
    const auto circle = [&](double period) {
      const double angle = 2 * math::pi * (value / period - std::floor(value / period));
      *out++ = missing ? Out(0) : Out(math::sin(angle));
      *out++ = missing ? Out(0) : Out(math::cos(angle));
    };
    switch (column.role) {
      case Role::number: *out++ = scaled(); break;
      case Role::quantile: *out++ = missing ? Out(0) : Out(quantile_number(column.knots, value)); break;
      case Role::date:
        *out++ = scaled();
        circle(days_of_year);
        if (column.week) circle(days_of_week);
        if (column.clock) circle(1);
        break;
      case Role::category: {
        const auto width = column.inputs();
        for (int64_t i = 0; i < width; ++i) out[i] = Out(0);
        if (const auto at = int64_t(value); at < width) out[at] = Out(1);
        out += width;
        continue;
      }
      case Role::embedding: *code++ = Out(value); continue;
    }
    if (column.indicator) *out++ = Out(missing ? 1 : 0);
  }
}

template void encode(std::span<const Column>, const float*, float*, const float*);
template void encode(std::span<const Column>, const float*, double*, const float*);
template void encode(std::span<const Column>, const double*, float*, const double*);
template void encode(std::span<const Column>, const double*, double*, const double*);

std::string date_text(double days) {
  const auto whole = int64_t(std::floor(days));
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(whole))};
  const auto two = [](int64_t n) { return text(n < 10 ? "0" : "", n); };
  std::string out =
      text(int(date.year()), "-", two(int64_t(unsigned(date.month()))), "-", two(int64_t(unsigned(date.day()))));
  const auto seconds = int64_t(std::floor((days - double(whole)) * 86400 + 0.5));
  if (seconds > 0 && seconds < 86400)
    out += text("T", two(seconds / 3600), ":", two(seconds / 60 % 60), ":", two(seconds % 60));
  return out;
}

} // namespace vitro

// The columns of a table: what each is, how it is spread and what the net sees of it; rows that are there twice; how
// much the net leans on each column, and which are too good to be true.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/text.h"
#include "report/terminal.h"
#include "train/duplicates.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

constexpr int64_t most_columns = 100, most_rows = 20000, most_bars = 4, most_importances = 30;

// At most so many training rows are looked at for the spread of a column.
int64_t rows_of(const Dataset& data) { return std::min(data.size(), most_rows); }

std::vector<double> values_of(const Dataset& data, int64_t feature) {
  const int64_t width = data.schema.sample.elements();
  std::vector<double> out;
  for (int64_t i = 0; i < rows_of(data); ++i) out.push_back(data.samples.at(i * width + feature));
  return out;
}

std::vector<double> targets_of(const Dataset& data, int64_t target) {
  const int64_t outputs = data.schema.outputs();
  std::vector<double> out;
  for (int64_t i = 0; i < rows_of(data); ++i) out.push_back(data.targets.at(i * outputs + target));
  return out;
}

// A bar whose length is this share of the longest.
Markup bar(double share) {
  return element("span", {{"class", "bar"},
                          {"aria-hidden", "true"},
                          {"style", text("width:", coordinate(5 * std::clamp(share, 0.0, 1.0)), "em")}});
}

// Twelve columns, without the values that are missing.
Markup outline(const std::vector<double>& values, const std::string& name) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values)
    if (!std::isnan(value)) low = std::min(low, value), high = std::max(high, value);
  if (low > high) return "always missing";
  if (low == high) return "always the same";
  std::array<int64_t, 12> counts{};
  for (const double value : values)
    if (!std::isnan(value)) ++counts[size_t(std::min(11.0, 12 * ((value - low) / (high - low))))];
  const double most = double(*std::max_element(counts.begin(), counts.end()));
  Markup bars;
  for (size_t i = 0; i < counts.size(); ++i) {
    // A few among many are to be seen, too.
    const double height = counts[i] == 0 ? 0 : std::max(0.6, 20 * double(counts[i]) / most);
    bars.add(element(
        "rect", {{"x", 6 * double(i)}, {"y", 20 - height}, {"width", 5}, {"height", height}, {"class", "fill s0"}}));
  }
  return element("svg",
                 {{"viewBox", "0 0 72 20"},
                  {"width", 72},
                  {"height", 20},
                  {"role", "img"},
                  {"aria-label", text("How the values of ", short_name(name), " are spread")}},
                 bars);
}

// The commonest of several kinds, and how many others there are.
Markup commonest(const std::vector<int64_t>& counts, const std::function<std::string(size_t)>& name) {
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t kind) { return counts[kind] == 0; });
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return counts[a] > counts[b]; });
  const auto all = double(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  const size_t shown = order.size() == most_bars + 1 ? order.size() : std::min(order.size(), size_t(most_bars));
  Markup out;
  double rest = 1;
  for (size_t i = 0; i < shown; ++i) {
    const double share = double(counts[order[i]]) / all;
    rest -= share;
    out.add(element("div", {{"class", "tie"}}, bar(share), cut(name(order[i]), 24), " ",
                    element("span", {{"class", "muted"}}, share_text(share, 1))));
  }
  if (shown < order.size())
    out.add(element("div", {{"class", "muted"}},
                    text(thousands(int64_t(order.size() - shown)), " more, ", share_text(std::max(0.0, rest), 1))));
  return out;
}

Markup spread_of(const Column& column, const std::vector<double>& values) {
  if (!column.coded()) return outline(values, column.name);
  std::vector<int64_t> counts(static_cast<size_t>(column.codes()));
  for (const double value : values) ++counts[size_t(value)];
  return commonest(counts, [&](size_t code) { return column.shown(double(code)); });
}

// The share of the rows in which it is missing.
double missing_share(const Column& column, const std::vector<double>& values) {
  const bool as_category = column.coded() && !column.categories.empty() && column.categories[0].empty();
  const auto missing =
      std::ranges::count_if(values, [&](double value) { return std::isnan(value) || (as_category && value == 0); });
  return double(missing) / double(values.size());
}

std::string becomes(const Scaling& scaling, int64_t group) {
  if (scaling.scale != 1) return scaling.str();
  const double mean = scaling.mean[size_t(group)], deviation = scaling.deviation[size_t(group)];
  if (mean == 0 && deviation == 1) return "as it is";
  return text("(x − ", plain_number(mean, 4), ") / ", plain_number(deviation, 4));
}

std::string range_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return text(plain_number(*low, 7), " to ", plain_number(*high, 7));
}

} // namespace

Markup columns_table(const Dataset& data) {
  const Schema& schema = data.schema;
  const int64_t elements = schema.sample.elements();
  // Where a sample is several rows, its last one is shown.
  const int64_t width = schema.columns.empty() ? elements : int64_t(schema.columns.size());
  std::vector<std::vector<Markup>> table;
  if (schema.goal == Goal::numbers) {
    const int64_t outputs = schema.outputs(), groups = int64_t(schema.target.mean.size());
    for (int64_t t = 0; t < std::min(outputs, most_columns); ++t) {
      const std::vector<double> values = targets_of(data, t);
      table.push_back({name_element(schema.targets[size_t(t)]), "to\u00a0predict", range_of(values), "",
                       outline(values, schema.targets[size_t(t)]), becomes(schema.target, t * groups / outputs)});
    }
  } else if (!schema.targets.empty()) {
    table.push_back({name_element(schema.targets[0]), "to\u00a0predict",
                     text(plural(int64_t(schema.classes.size()), "class")), "",
                     commonest(class_counts(data), [&](size_t label) { return schema.classes[label]; }), "a class"});
  }
  const auto groups = int64_t(schema.input.mean.size());
  bool any_missing = false;
  for (int64_t f = 0; f < std::min(width, most_columns); ++f) {
    const std::vector<double> values = values_of(data, elements - width + f);
    const std::string name = schema.features.empty() ? text("x", f + 1) : schema.features[size_t(f)];
    if (schema.columns.empty()) {
      table.push_back({name_element(name), "number", range_of(values), "", outline(values, name),
                       becomes(schema.input, f * groups / width)});
      continue;
    }
    const Column& column = schema.columns[size_t(f)];
    const double missing = missing_share(column, values);
    any_missing |= missing > 0;
    table.push_back({name_element(name), vitro::name(column.role), cut(column.remark, 120),
                     missing > 0 ? Markup(share_text(missing, 1)) : Markup(), spread_of(column, values),
                     cut(column.becomes(), 160)});
  }
  std::vector<std::string> headings = {"column", "is", "seen", "> missing", "spread", "what the net sees"};
  if (!any_missing) {
    headings.erase(headings.begin() + 3);
    for (std::vector<Markup>& row : table) row.erase(row.begin() + 3);
  }
  Markup out = table_element(headings, table, "Columns of the training part");
  std::vector<std::string> notes;
  if (width > most_columns) notes.push_back(text("the first ", most_columns, " of ", thousands(width), " columns"));
  if (rows_of(data) < data.size()) notes.push_back(text("of the first ", thousands(rows_of(data)), " rows"));
  if (!notes.empty()) out.add(element("p", {{"class", "note"}}, "Shown: " + join(notes, "; ") + "."));
  if (schema.left_out.empty()) return out;
  std::vector<std::vector<Markup>> left_out;
  for (size_t c = 0; c < std::min(schema.left_out.size(), size_t(most_columns)); ++c)
    left_out.push_back({name_element(schema.left_out[c].name), cut(schema.left_out[c].reason, 200)});
  if (left_out.size() < schema.left_out.size())
    left_out.push_back({text(thousands(int64_t(schema.left_out.size() - left_out.size())), " more")});
  return out.add(table_element({"column", "why"}, left_out, "Left out: columns that the net does not see"));
}

Markup duplicates_text(const Splits& data) {
  const Schema& schema = data.train.schema;
  if (schema.generated) return {};
  const Duplicates found = find_duplicates(data);
  const bool table = !schema.columns.empty() && !schema.forecast;
  const std::string equal = table ? "equal a training row in all columns that the net sees" : "equal a training sample";
  const std::string equals =
      table ? "equals a training row in all columns that the net sees" : "equals a training sample";
  const std::string other = schema.goal == Goal::classes ? "of another class" : "with another number to predict";
  std::vector<std::string> told;
  const auto tell = [&](const Overlap& overlap, const char* part, int64_t n) {
    if (overlap.samples == 0) return;
    told.push_back(text(thousands(overlap.samples), " of ", counted_samples(n, schema, std::string(part) + " "), " ",
                        overlap.samples == 1 ? equals : equal,
                        overlap.other_target > 0
                            ? text(" (",
                                   overlap.other_target == overlap.samples ? std::string("all ")
                                                                           : text(thousands(overlap.other_target), " "),
                                   other, ")")
                            : std::string(),
                        "."));
  };
  tell(found.test, "test", data.test.size());
  tell(found.validation, "validation", data.validation.size());
  if (told.empty() && data.test.size() + data.validation.size() > 0)
    told.push_back(text("Nothing is on both sides: no ", data.test.size() > 0 ? "test" : "",
                        data.test.size() > 0 && data.validation.size() > 0 ? " or " : "",
                        data.validation.size() > 0 ? "validation" : "", " sample ", equals, "."));
  else if (!told.empty())
    told.emplace_back("What the net knows by heart is no test of anything new.");
  if (found.repeated > 0)
    told.push_back(text(thousands(found.repeated), " training ",
                        found.repeated == 1 ? "sample repeats" : "samples repeat", " an earlier one."));
  if (found.ambiguous > 0)
    told.push_back(text(thousands(found.ambiguous), " training samples look like one ", other,
                        schema.goal == Goal::classes ? ": no net gets all of them right." : "."));
  return element("p", {}, join(told, " "));
}

Markup suspects_box(const std::vector<Suspect>& suspects) {
  if (suspects.empty()) return {};
  Markup lines = element("b", {}, "Too good to be true?");
  constexpr size_t most = 5;
  for (size_t i = 0; i < std::min(suspects.size(), most); ++i) lines.add(element("p", {}, suspects[i].text));
  if (suspects.size() > most) lines.add(element("p", {}, text("So do ", suspects.size() - most, " more columns.")));
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(suspects.size(), most); ++i) names.push_back(suspects[i].name);
  lines.add(element(
      "p", {},
      "What is noted down only after the outcome is not there when the net is asked. If that is so, train without: ",
      element("code", {}, cut("--drop " + quoted_for_shell(join(names, ",")), 240)), "."));
  return element("div", {{"class", "warning"}, {"role", "note"}}, lines);
}

Markup importance_section(const JudgedPart& part) {
  const std::vector<Importance>& all = part.importances;
  const bool classes = part.data.schema.goal == Goal::classes;
  const std::string unit = classes ? std::string("accuracy lost, points") : std::string("RMSE gained");
  double most = 0;
  for (const Importance& one : all) most = std::max(most, one.worse);
  const auto shown = [&](double value) { // in points to one decimal, and no -0
    return classes ? fixed(std::round(1000 * value) / 10 + 0.0, 1) : plain_number(value, 3);
  };
  std::vector<std::vector<Markup>> rows;
  for (size_t i = 0; i < std::min(all.size(), size_t(most_importances)); ++i) {
    const Importance& one = all[i];
    rows.push_back({name_element(one.name), most > 0 && one.worse > 0 ? bar(one.worse / most) : Markup(),
                    shown(one.worse), "±\u00a0" + shown(one.worse_deviation)});
  }
  if (rows.size() < all.size())
    rows.push_back({text(thousands(int64_t(all.size() - rows.size())), " more"), "",
                    text("at most ", shown(all[rows.size()].worse)), ""});
  return together(
      element(
          "p", {},
          text("How much worse it gets when a column's values are dealt out anew among the rows, so that the column "
               "says nothing: the mean of several deals, ± how far they differ. Near 0 the net does without the "
               "column, or gets the same from another.")),
      table_element({"column", "", "> " + unit, ">"}, rows, "Of the " + part.name + " part"));
}

std::vector<Importance> importances_within_reason(const Model& model, const Dataset& part) {
  if (part.schema.columns.empty()) return {};
  constexpr double most_work = 4e9; // multiplications: some tenths of a second
  constexpr int64_t most_rows_dealt = 1000, fewest_rows = 100;
  const double inputs = double(part.schema.net_input().elements());
  const double row = double(part.schema.columns.size()) * (double(model.states().parameters()) + 50 * inputs);
  for (const int64_t repeats : {5, 2, 1}) {
    const auto rows = int64_t(std::min(most_work / (row * double(repeats)), double(most_rows_dealt)));
    if (rows >= std::min(fewest_rows, part.size()))
      return permutation_importance(model, part, {.repeats = repeats, .most_rows = std::max<int64_t>(1, rows)});
  }
  return {};
}

} // namespace vitro

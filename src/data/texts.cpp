#include "data/texts.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

std::string counted(int64_t n, TextUnit unit) {
  return n == 1 ? text("1 ", singular_name(unit)) : text(n, " ", name(unit));
}

// "é", "\n" and 3 more: the first few of a list.
std::string first_of(const std::vector<std::string>& names) {
  constexpr size_t most = 5;
  const std::vector<std::string> shown(names.begin(), names.begin() + std::ptrdiff_t(std::min(most, names.size())));
  return text(join(shown, " "), names.size() > most ? text(" and ", names.size() - most, " more") : "");
}

std::vector<uint32_t> distinct(std::span<const uint32_t> symbols) {
  std::vector<uint32_t> out;
  // Most symbols of a text are of the first few hundred characters: they are found without sorting it all.
  std::vector<uint8_t> low(1 << 16);
  for (const uint32_t symbol : symbols) {
    if (symbol >= low.size())
      out.push_back(symbol);
    else
      low[symbol] = 1;
  }
  for (uint32_t symbol = 0; symbol < low.size(); ++symbol)
    if (low[symbol] != 0) out.push_back(symbol);
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

// Where validation and test begin.
struct Cuts {
  int64_t validation, test;
};

Cuts cut(int64_t n, int64_t steps, const std::string& path, const TextOptions& options, double usual_test) {
  const auto checked = [&](const std::optional<double>& asked, double usual, const char* part) {
    const double share = asked.value_or(usual);
    if (!(share >= 0) || (share >= 1 && (share != std::floor(share) || share > double(n))))
      bad_input(path, text(part, " is ", share, ": a share from 0 to below 1, or a number of windows, was expected"));
    const double symbols = share < 1 ? double(n) * share : share * double(steps) + 1;
    // A part that nobody asked for is there only if it holds a window.
    if (asked || symbols > double(steps)) return share;
    return 0.0;
  };
  const double validation = checked(options.validation, 0.1, "validation"),
               test = checked(options.test, usual_test, "test");
  const auto windows = [&](double count) { return int64_t(count) * steps + 1; };
  Cuts out{};
  out.test = test < 1 ? int64_t(std::floor(double(n) * (1 - test))) : n - windows(test);
  if (validation >= 1)
    out.validation = out.test - windows(validation);
  else if (test < 1)
    out.validation = int64_t(std::floor(double(n) * (1 - validation - test)));
  else
    out.validation = out.test - int64_t(std::floor(double(n) * validation + 0.5));
  const auto long_enough = [&](int64_t symbols, const char* part) {
    if (symbols <= steps)
      bad_input(path,
                text("the ", part, " part has ", std::max<int64_t>(0, symbols), " symbols; a window of ", steps,
                     " and what follows it take ", steps + 1),
                "a longer text, shorter windows (data.steps=16), or another share");
  };
  long_enough(out.validation, "training");
  if (validation > 0) long_enough(out.test - out.validation, "validation");
  if (test > 0) long_enough(n - out.test, "test");
  return out;
}

// Of a part: its line and column, from 1, for a message.
std::string place_in(std::span<const uint32_t> symbols, size_t at, const TextForm& form) {
  int64_t line = 1, column = 1;
  for (size_t i = 0; i < at; ++i) {
    ++column;
    if (symbols[i] == '\n') ++line, column = 1;
  }
  return text("line ", line, ", ", singular_name(form.unit), " ", column);
}

[[noreturn]] void refuse_unseen(std::span<const uint32_t> symbols, size_t at, const TextForm& form,
                                const std::string& where, const std::string& help) {
  const std::string shown = symbol_name(symbols[at], form.unit);
  bad_input(where,
            text(place_in(symbols, at, form), ": \"", shown, "\" is no ", singular_name(form.unit),
                 " that the net has learned"),
            help);
}

} // namespace

Dataset windows_of(std::span<const uint32_t> symbols, const Schema& schema, const std::string& path, int64_t offset) {
  const TextForm& form = *schema.text;
  const int64_t steps = schema.sample[0], n = std::max<int64_t>(0, (int64_t(symbols.size()) - 1) / steps);
  const auto code = [&](int64_t at) {
    const int32_t found = form.code_of(symbols[size_t(at)]);
    return found >= 0 ? found : int32_t(form.symbols.size());
  };
  Dataset out{schema, Tensor(Type{DType::f32, {n, steps, 1}}), Tensor(Type{DType::i32, {n, steps}}),
              Tensor(Type{DType::f32, {0}})};
  out.origin = {path, singular_name(form.unit), {}};
  for (int64_t i = 0; i < n; ++i) out.origin.places.push_back(offset + i * steps);
  if (n == 0) return out;
  const auto codes = out.samples.as<float>();
  const auto labels = out.labels.as<int32_t>();
  int32_t next = code(0);
  for (int64_t i = 0; i < n * steps; ++i) {
    codes[size_t(i)] = float(next);
    next = code(i + 1);
    labels[size_t(i)] = next;
  }
  return out;
}

Splits open_text(ByteSpan bytes, const std::string& path, const std::string& name, const TextOptions& options,
                 double test) {
  const TextUnit unit = options.unit.value_or(TextUnit::characters);
  const std::vector<uint32_t> symbols = symbols_of(bytes, unit, path);
  const auto n = int64_t(symbols.size());
  const int64_t steps = options.steps.value_or(usual_steps);
  if (steps < 2 || steps > 1 << 20) bad_input(path, text("steps is ", steps, ", 2 to ", 1 << 20, " was expected"));
  const Cuts cuts = cut(n, steps, path, options, test);
  const std::span<const uint32_t> all(symbols), training = all.first(size_t(cuts.validation)),
                                                unseen = all.subspan(size_t(cuts.validation));

  TextForm form{unit, distinct(training)};
  if (form.symbols.size() < 2)
    bad_input(path, text("the training part holds nothing but \"", symbol_name(symbols[0], unit),
                         "\": there is nothing to predict"));
  Splits out;
  std::vector<std::string> strange;
  for (const uint32_t symbol : distinct(unseen))
    if (form.code_of(symbol) < 0) strange.push_back(symbol_name(symbol, unit));
  form.unknown = !strange.empty();

  Schema schema;
  schema.name = name;
  schema.description = text("a text of ", counted(n, unit), ", ", form.symbols.size(), " different ones in training");
  schema.sample = {steps, 1};
  schema.classes = form.names();
  schema.text = std::move(form);
  out.train = windows_of(training, schema, path, 0);
  out.validation = windows_of(all.subspan(size_t(cuts.validation), size_t(cuts.test - cuts.validation)), schema, path,
                              cuts.validation);
  out.test = windows_of(all.subspan(size_t(cuts.test)), schema, path, cuts.test);
  if (options.samples) {
    if (*options.samples < 1 || *options.samples > out.train.size())
      bad_input(path, text("samples is ", *options.samples, ", 1 to ", out.train.size(), " windows were expected"));
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < *options.samples; ++i) rows.push_back(i);
    out.train = take(out.train, rows);
  }

  const int64_t validating = cuts.test - cuts.validation, testing = n - cuts.test;
  out.remarks.push_back(text("text: ", counted(n, unit), ", ", schema.text->symbols.size(),
                             " different in training; windows of ", steps, " (data.steps)"));
  out.remarks.push_back(text("parts: the first ", cuts.validation, " train",
                             validating > 0 ? text(", the next ", validating, " validate") : ", none validate",
                             testing > 0 ? text(", the last ", testing, " test") : ", none test"));
  if (!strange.empty())
    out.remarks.push_back(text("unknown: ", first_of(strange), strange.size() == 1 ? " stands" : " stand",
                               " behind the training part alone, and count", strange.size() == 1 ? "s" : "",
                               " as one symbol that no net can learn"));
  return out;
}

Dataset open_text_as(ByteSpan bytes, const Schema& schema, const std::string& path) {
  const TextForm& form = *schema.text;
  const std::vector<uint32_t> symbols = symbols_of(bytes, form.unit, path);
  for (size_t i = 0; i < symbols.size() && !form.unknown; ++i)
    if (form.code_of(symbols[i]) < 0)
      refuse_unseen(symbols, i, form, path, "leave it out of the file, or train on a text that holds it");
  const int64_t steps = schema.sample[0];
  if (int64_t(symbols.size()) <= steps)
    bad_input(path, text("holds ", counted(int64_t(symbols.size()), form.unit), "; a window of ", steps,
                         " and what follows it take ", steps + 1));
  return windows_of(symbols, schema, path, 0);
}

Dataset by_step(const Dataset& data) {
  if (data.schema.answers() == 1) return data;
  const int64_t n = data.size(), steps = data.schema.answers();
  Dataset out = data;
  out.schema.sample = {1};
  out.samples = std::move(out.samples).reshaped({n * steps, 1});
  out.labels = std::move(out.labels).reshaped({n * steps});
  out.origin.places.clear();
  out.origin.places.reserve(size_t(n * steps));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t t = 1; t <= steps; ++t) out.origin.places.push_back(data.origin.place(i) + t);
  return out;
}

std::vector<int32_t> codes_of(std::string_view written, const TextForm& form, const std::string& where) {
  const std::vector<uint32_t> symbols = symbols_of(written, form.unit, where);
  std::vector<int32_t> out;
  for (size_t i = 0; i < symbols.size(); ++i) {
    out.push_back(form.code_of(symbols[i]));
    if (out.back() < 0)
      refuse_unseen(symbols, i, form, where,
                    text("it knows ", form.symbols.size(), ", among them ", first_of(form.names())));
  }
  return out;
}

} // namespace vitro

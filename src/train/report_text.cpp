// A text: what the net writes, what surprised it, and which of its units follow something that people can name.
//
// Source of the idea: A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent networks", 2015.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <set>

#include <fmt/core.h>

#include "core/text.h"
#include "data/texts.h"
#include "report/coloured_text.h"
#include "report/figures.h"
#include "report/terminal.h"
#include "train/measure.h"
#include "train/report_sections.h"
#include "train/text_net.h"

namespace vitro {
namespace {

constexpr int64_t written_symbols = 600;
constexpr double written_temperature = 0.8;
// Units are chosen on the first, and judged on the second, which is shown.
constexpr int64_t most_to_choose_by = 3000, most_shown = 1000;

// ---- What can be followed in a text -------------------------------------------------------------------

struct Feature {
  std::string name, means;
  std::vector<double> values; // of each symbol, once it is read
};

bool is_letter(uint32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0; }
bool is_upper(uint32_t c) { return c >= 'A' && c <= 'Z'; }

std::vector<Feature> features_of(std::span<const uint32_t> symbols) {
  std::vector<Feature> out;
  const auto add = [&](std::string name, std::string means, auto&& of) {
    Feature feature{std::move(name), std::move(means), {}};
    for (const uint32_t symbol : symbols) feature.values.push_back(of(symbol));
    out.push_back(std::move(feature));
  };
  add("quotes", "between an opening and a closing quote", [inside = false](uint32_t c) mutable {
    if (c == '"') inside = !inside;
    if (c == 0x201C || c == 0x201E) inside = true; // of quotes that turn, these open
    if (c == 0x201D) inside = false;
    return double(inside);
  });
  add("brackets", "how many are open", [depth = 0](uint32_t c) mutable {
    depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
    return double(depth = std::max(depth, 0));
  });
  add("place in the line", "symbols since its beginning", [place = 0](uint32_t c) mutable {
    place = c == '\n' ? 0 : place + 1;
    return double(place);
  });
  add("lines since a blank one", "as paragraphs and speeches have them",
      [lines = 0, before = uint32_t('\n')](uint32_t c) mutable {
        if (c == '\n') lines = before == '\n' ? 0 : lines + 1;
        before = c;
        return double(lines);
      });
  add("place in the word", "letters since its beginning", [place = 0](uint32_t c) mutable {
    place = is_letter(c) ? place + 1 : 0;
    return double(place);
  });
  add("inside a word", "a letter", [](uint32_t c) { return double(is_letter(c)); });
  add("capitals", "an upper-case letter", [](uint32_t c) { return double(is_upper(c)); });
  add("a line's end", "the symbol itself", [](uint32_t c) { return double(c == '\n'); });
  add("a sentence's end", "after . ? or !, until the next letter", [ended = false](uint32_t c) mutable {
    ended = c == '.' || c == '?' || c == '!' || (ended && !is_letter(c));
    return double(ended);
  });
  return out;
}

// Pearson's correlation over [begin, end); NaN where one of them does not vary.
double correlation(int64_t begin, int64_t end, const std::function<double(int64_t)>& x,
                   const std::function<double(int64_t)>& y) {
  const double n = double(end - begin);
  double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (int64_t i = begin; i < end; ++i) mean_x += x(i) / n, mean_y += y(i) / n;
  for (int64_t i = begin; i < end; ++i) {
    const double dx = x(i) - mean_x, dy = y(i) - mean_y;
    xx += dx * dx, yy += dy * dy, xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::nan("");
}

// ---- The excerpt ----------------------------------------------------------------------------------------

struct Excerpt {
  TextNet& net;
  std::vector<int32_t> codes; // one more than steps
  int64_t chosen_by = 0;      // the steps before those that are shown
  TextNet::Reading reading;

  int64_t steps() const { return int64_t(codes.size()) - 1; }
  // Step t reads codes[t] and foresees codes[t + 1].
  ColouredText coloured(const std::string& name, bool foreseen, const std::function<double(int64_t)>& value) const {
    ColouredText out{name, {}, {}};
    for (int64_t t = chosen_by; t < steps(); ++t) {
      out.symbols.push_back(readable(codes[size_t(t + (foreseen ? 1 : 0))]));
      out.values.push_back(value(t));
    }
    return out;
  }
  std::string readable(int32_t code) const {
    const std::string written = net.form().written(code);
    if (written == "\n" || written == " ") return written;
    const std::vector<std::string>& names = names_;
    return names[size_t(code)];
  }
  std::vector<std::string> names_ = net.form().names();
};

Excerpt excerpt_of(TextNet& net, const Dataset& part) {
  Excerpt out{net, {}, 0, {}};
  const int64_t symbols = std::min(part.size(), most_to_choose_by + most_shown);
  for (int64_t i = 0; i < symbols; ++i) out.codes.push_back(int32_t(part.samples.at(i)));
  out.codes.push_back(part.label_of()[size_t(symbols - 1)]);
  out.chosen_by = std::min(most_to_choose_by, out.steps() * 3 / 4);
  out.reading = net.observe(out.codes);
  return out;
}

// ---- What it shows --------------------------------------------------------------------------------------

Markup surprise(const Excerpt& excerpt, const JudgedPart& part) {
  const double most = std::log(double(part.data.schema.outputs()));
  const ColouredText text = excerpt.coloured(text("The ", part.name, " part"), true, [&](int64_t t) {
    return -excerpt.reading.nats[size_t(t)] / (1.5 * most);
  });
  double bits = 0;
  for (int64_t t = excerpt.chosen_by; t < excerpt.steps(); ++t)
    bits += excerpt.reading.nats[size_t(t)] / std::numbers::ln2 / double(excerpt.steps() - excerpt.chosen_by);
  return together(element("h3", {}, "What surprised it"),
                  element("p", {},
                          text("From the ", part.name,
                               " part. The deeper the orange, the less probable the net found a "
                               "symbol that came: ",
                               fixed(bits, 2), " bits a symbol here, on average.")),
                  coloured_text(text));
}

// The layer whose units are looked at: the last one with a memory.
std::string last_recurrent(const Model& model) {
  std::string out;
  for (const Model::LayerSummary& layer : model.layers())
    if (layer.kind == "lstm" || layer.kind == "gru" || layer.kind == "rnn") out = layer.name;
  return out;
}

Markup tracking_units(const Excerpt& excerpt, const Model& model) {
  const std::string layer = last_recurrent(model);
  const auto held = excerpt.reading.outputs.find(layer);
  if (layer.empty() || held == excerpt.reading.outputs.end()) return {};
  const Tensor& outputs = held->second;
  const int64_t units = outputs.shape()[1], steps = excerpt.steps();
  std::vector<uint32_t> symbols;
  const TextForm& form = excerpt.net.form();
  for (int64_t t = 0; t < steps; ++t) {
    const auto code = size_t(excerpt.codes[size_t(t)]);
    symbols.push_back(code < form.symbols.size() ? form.symbols[code] : 0);
  }
  Markup found;
  std::set<int64_t> taken;
  for (const Feature& feature : features_of(symbols)) {
    const auto of_feature = [&](int64_t t) { return feature.values[size_t(t)]; };
    const auto of_unit = [&](int64_t unit) {
      return [&outputs, units, unit](int64_t t) { return outputs.at(t * units + unit); };
    };
    int64_t best = -1;
    double strongest = 0;
    for (int64_t unit = 0; unit < units; ++unit) {
      const double r = correlation(0, excerpt.chosen_by, of_unit(unit), of_feature);
      if (std::abs(r) > strongest) strongest = std::abs(r), best = unit;
    }
    const double r = best < 0 ? std::nan("") : correlation(excerpt.chosen_by, steps, of_unit(best), of_feature);
    if (!std::isfinite(r)) continue; // there is nothing of that kind in the text
    double most = 0;
    for (int64_t t = excerpt.chosen_by; t < steps; ++t) most = std::max(most, std::abs(outputs.at(t * units + best)));
    const ColouredText shown =
        excerpt.coloured(text("Unit ", best, " of ", layer, " over a text: ", feature.name), false,
                         [&](int64_t t) { return most > 0 ? outputs.at(t * units + best) / most : 0.0; });
    found.add(element("h3", {}, text("Unit ", best, " of ", layer, ": ", feature.name)))
        .add(element("p", {},
                     text("It goes with ", feature.name, " (", feature.means, "): correlation ", fixed(r, 2),
                          " in what is shown, ", fixed(strongest, 2), " in size where it was chosen.",
                          taken.insert(best).second ? "" : " The same unit as above.")))
        .add(coloured_text(shown));
  }
  if (found.empty()) return {};
  return together(
      element("h3", {}, "Units that follow something"),
      element("p", {},
              text("Of the ", units, " units of ", layer,
                   " for each of these the one whose value goes with it most closely "
                   "over ",
                   thousands(excerpt.chosen_by), " symbols, shown on the ", thousands(steps - excerpt.chosen_by),
                   " after them. Blue: above zero, orange: below; each symbol has the value after it was read.")),
      found);
}

} // namespace

Markup bits_chart(const History& history, int64_t best_epoch, const std::vector<Baseline>& models) {
  LineChart chart;
  chart.title = "Bits per character";
  chart.x = {.label = "epoch", .whole = true};
  chart.y = {.label = "bits"};
  if (best_epoch > 0) chart.at_x.push_back({double(best_epoch), text("epoch ", best_epoch)});
  for (const auto& [column, name] : {std::pair{"train_loss", "training"}, {"validation_loss", "validation"}}) {
    const auto found = std::ranges::find(history.columns, column);
    if (found == history.columns.end()) continue;
    Series line{name, {}};
    for (const auto& row : history.rows)
      line.points.push_back({row[0], row[size_t(found - history.columns.begin())] / std::numbers::ln2});
    chart.series.push_back(std::move(line));
  }
  for (const Baseline& one : models) chart.levels.push_back({one.metrics.bits(), one.text});
  return line_chart(chart);
}

Markup text_section(const ReportSources& from, const JudgedPart& part, const History& history, int64_t best_epoch) {
  const TextForm& form = *part.data.schema.text;
  TextNet net(from.model, form);
  const std::string sample = written_on(net, {}, {.temperature = written_temperature}, written_symbols);
  Markup out = together(element("div", {{"class", "pair"}}, bits_chart(history, best_epoch, part.naive)),
                        element("h3", {}, "What it writes"),
                        element("p", {},
                                text(written_symbols, " symbols from the end of a line on, at temperature ",
                                     number(written_temperature), ":")),
                        code_element(sample),
                        code_element(text(from.program, " generate ", quoted_for_shell(from.run.path()),
                                          " temperature=", number(written_temperature), " length=", written_symbols)));
  if (part.data.size() < 16) return out;
  const Excerpt excerpt = excerpt_of(net, part.data);
  return out.add(surprise(excerpt, part)).add(tracking_units(excerpt, from.model));
}

Markup surprises_section(const JudgedPart& part, const std::string& file) {
  constexpr int64_t rows_shown = 12, before = 30;
  const Schema& schema = part.data.schema;
  std::vector<int64_t> order(static_cast<size_t>(part.data.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto count = std::ptrdiff_t(std::min<int64_t>(rows_shown, part.data.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int64_t a, int64_t b) {
    const double x = part.errors[size_t(a)], y = part.errors[size_t(b)];
    return x != y ? x > y : a < b;
  });
  std::vector<std::vector<Markup>> rows;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const int64_t at = order[size_t(i)];
    const Answer answer = answer_of(part, at);
    rows.push_back({place_of(part.data, at), element("code", {}, text_before(part.data, at, before)), answer.truth,
                    element("b", {}, answer.predicted), probability_text(answer.probability),
                    probability_text(answer.of_truth)});
  }
  const int64_t wrong = part.metrics.samples - part.metrics.correct;
  return together(
      element("p", {},
              text("Of the ", part.name, " part ", thousands(wrong), " of ", thousands(part.metrics.samples),
                   " symbols were not the likeliest. These it was surest not to come. Where they stand: ",
                   source_of(part.data), ".", file.empty() ? "" : " A thousand of them are in " + file + ".")),
      table_element({"where", "after", "came", "> it said", "> its probability", "> of what came"}, rows));
}

} // namespace vitro

// How it came about: the curves, the net, one mistake by the chain rule, and how to make the run again.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/core.h>

#include "core/text.h"
#include "data/bytes.h"
#include "explain/explain.h"
#include "nn/net.h"
#include "report/figures.h"
#include "report/net_drawing.h"
#include "report/terminal.h"
#include "train/measure.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

// ---- Curves -----------------------------------------------------------------------------------------

Series series_of(const History& history, const std::string& column, const std::string& name, double factor = 1) {
  Series out{name, {}};
  const auto found = std::find(history.columns.begin(), history.columns.end(), column);
  if (found == history.columns.end()) return out;
  const auto at = size_t(found - history.columns.begin());
  for (const std::vector<double>& row : history.rows) out.points.push_back({row[0], factor * row[at]});
  return out;
}

Extent range_of(const std::vector<Series>& series) {
  Extent out{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Series& one : series)
    for (const Spot& spot : one.points)
      if (std::isfinite(spot.y)) out = {std::min(out.low, spot.y), std::max(out.high, spot.y)};
  return out;
}

LineChart chart_of(const std::string& title, const std::string& label, std::vector<Series> series,
                   const std::vector<Mark>& at_x) {
  std::erase_if(series, [](const Series& one) { return one.points.empty(); });
  return {.title = title,
          .x = {.label = "epoch", .whole = true},
          .y = {.label = label},
          .series = std::move(series),
          .at_x = at_x,
          .levels = {}};
}

// ---- The walk of the chain rule ---------------------------------------------------------------------

std::string brief(double value) { return number(value, 5); }

std::string signed_brief(double value) { return (value < 0 ? "−" : "") + number(std::abs(value), 5); }

std::string equation(const std::vector<std::string>& sides) {
  std::vector<std::string> told;
  for (const std::string& side : sides)
    if (!side.empty() && (told.empty() || side != told.back())) told.push_back(side);
  return join(told, " = ");
}

Markup line(const std::string& what) { return element("div", {{"class", "mono"}}, what); }

// How an element's adjoint comes about: one term in a line, several in a table.
Markup arrival(const StepElement& one) {
  const std::string left = "dL/d" + one.label;
  if (one.terms.empty()) return line(equation({left, brief(one.adjoint)}));
  if (one.terms.size() == 1 && one.rest_terms == 0)
    return line(equation({left, one.terms[0].expression, one.terms[0].numbers, brief(one.adjoint)}));
  std::vector<std::vector<Markup>> rows;
  for (const Term& term : one.terms)
    rows.push_back(
        {element("code", {}, term.expression), element("code", {}, term.numbers), signed_brief(term.product)});
  if (one.rest_terms > 0) rows.push_back({text(thousands(one.rest_terms), " more"), Markup(), signed_brief(one.rest)});
  rows.push_back({element("b", {}, "sum"), Markup(), element("b", {}, signed_brief(one.sum))});
  return table_element({left + " is the sum of", "in numbers", "> product"}, rows);
}

Markup step_item(const Step& step, const Explanation& all) {
  const bool is_state = step.op == "state", is_loss = step.name == "L";
  Markup out = element("h3", {}, element("code", {}, is_state ? all.parameter : step.formula),
                       is_state ? " — the weight itself" : "");
  std::vector<std::string> about;
  if (!step.layer.empty()) about.push_back("layer " + step.layer);
  if (step.shape.elements() > 1 && !is_state)
    about.push_back(
        text("the weight reaches ", thousands(step.reached), " of ", thousands(step.shape.elements()), " numbers"));
  for (const std::string& rule : step.rules) about.push_back("rule: " + rule);
  if (!about.empty()) out.add(element("p", {{"class", "note"}}, join(about, " · ")));
  if (is_loss && !step.elements.empty()) {
    out.add(line(equation({"L", step.elements[0].computed, brief(step.elements[0].value)})));
    return element("li", {}, out.add(line("dL/dL = 1: here the walk begins")));
  }
  if (!step.elements.empty()) {
    const StepElement& largest = step.elements[0];
    if (step.elements.size() > 1 || step.rest_elements > 0) {
      std::vector<std::vector<Markup>> rows;
      for (const StepElement& one : step.elements)
        rows.push_back({element("code", {}, one.label), signed_brief(one.value), signed_brief(one.adjoint),
                        signed_brief(one.tangent), signed_brief(one.product)});
      if (step.rest_elements > 0)
        rows.push_back(
            {text(thousands(step.rest_elements), " more"), Markup(), Markup(), Markup(), signed_brief(step.rest)});
      rows.push_back(
          {element("b", {}, "sum"), Markup(), Markup(), Markup(), element("b", {}, signed_brief(step.flow))});
      out.add(table_element({"number", "> value", "> dL/d it", "> d it/dw", "> product"}, rows));
      out.add(element("p", {{"class", "note"}}, "The largest of them:"));
    }
    if (!is_state) out.add(line(equation({largest.label, largest.computed, brief(largest.value)})));
    out.add(arrival(largest));
    if (!is_state && all.gradient != 0)
      out.add(element("p", {{"class", "note"}},
                      text(signed_brief(step.flow), " of dL/dw passes here: ",
                           number(100 * step.flow / all.gradient, 3), " % of the gradient.")));
  }
  for (const std::string& note : step.notes) out.add(element("p", {}, note));
  if (!step.adds_up) out.add(element("p", {{"class", "bad"}}, "This hop does not add up."));
  return element("li", {}, out);
}

// ---- The files ----------------------------------------------------------------------------------------

std::string file_line(const std::string& path, Sums sums) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path, none);
  if (none) return path;
  std::string out = text(path, " (", thousands(int64_t(bytes)), " bytes");
  constexpr uintmax_t small = 2 << 20;
  out += sums == Sums::all_files || bytes <= small ? ", sha256 " + sha256(read_raw_bytes(path))
                                                   : std::string("; vitro report adds its sha256");
  return out + ")";
}

} // namespace

Markup curves_section(const History& history, int64_t best_epoch, bool chosen, const Baseline& baseline) {
  if (history.rows.empty()) return element("p", {{"class", "note"}}, "No epoch is over yet.");
  std::vector<Mark> best;
  if (best_epoch > 0)
    best.push_back(
        {double(best_epoch), chosen ? text("epoch ", best_epoch, " chosen") : text("best so far: epoch ", best_epoch)});
  Markup charts;
  LineChart loss = chart_of(
      "Loss", "mean loss of a sample",
      {series_of(history, "train_loss", "training"), series_of(history, "validation_loss", "validation")}, best);
  const Extent range = range_of(loss.series);
  loss.y.logarithmic = range.low > 0 && range.high > 20 * range.low;
  charts.add(line_chart(loss));
  LineChart accuracy = chart_of("Accuracy", "right, %",
                                {series_of(history, "train_accuracy", "training", 100),
                                 series_of(history, "validation_accuracy", "validation", 100)},
                                best);
  if (std::isfinite(baseline.value)) accuracy.levels.push_back({100 * baseline.value, baseline.text});
  if (!accuracy.series.empty()) charts.add(line_chart(accuracy));
  LineChart rmse = chart_of("Error", "RMSE", {series_of(history, "validation_rmse", "validation")}, best);
  if (std::isfinite(baseline.value)) rmse.levels.push_back({baseline.value, baseline.text});
  if (!rmse.series.empty()) charts.add(line_chart(rmse));
  const LineChart rate =
      chart_of("Learning rate", "learning rate", {series_of(history, "lr", "at the epoch's end")}, {});
  const Extent rates = range_of(rate.series);
  if (rates.low < rates.high) charts.add(line_chart(rate));
  return together(element("div", {{"class", "pair"}}, charts),
                  element("p", {{"class", "note"}},
                          "The training curve is measured while the epoch runs and the weights change, the validation "
                          "curve at its end. The numbers stand in history.csv."));
}

Markup layers_section(const History& layers, const std::vector<Finding>& diagnoses) {
  Markup out;
  for (const Finding& one : diagnoses) out.add(element("p", {}, element("b", {}, one.text), ": ", one.advice));
  if (diagnoses.empty()) out.add(element("p", {{"class", "note"}}, "No rule sees anything wrong."));
  if (layers.rows.empty()) return out;
  Markup charts;
  const auto chart = [&](const char* statistic, const char* title, const char* label, double factor) {
    std::vector<Series> series;
    for (const std::string& column : layers.columns)
      if (const size_t end = column.rfind(':'); end != std::string::npos && column.substr(end + 1) == statistic) {
        Series one = series_of(layers, column, column.substr(0, end), factor);
        if (std::ranges::any_of(one.points, [](const Spot& spot) { return std::isfinite(spot.y); }))
          series.push_back(std::move(one));
      }
    // Of many layers the first, the last and some between.
    constexpr size_t most = 6;
    std::vector<Series> drawn;
    for (size_t i = 0; i < std::min(series.size(), most); ++i)
      drawn.push_back(series.size() <= most ? series[i] : series[i * (series.size() - 1) / (most - 1)]);
    LineChart out = chart_of(title, label, std::move(drawn), {});
    const Extent range = range_of(out.series);
    out.y.logarithmic = factor == 1 && range.low > 0;
    if (!out.series.empty()) charts.add(line_chart(out));
  };
  chart("gradient", "Gradient", "norm over a layer's parameters", 1);
  chart("update", "Update", "length of a step over that of the weights", 1);
  chart("dead", "Dead units", "units that never fire, %", 100);
  chart("saturated", "Saturated", "values at the ends, %", 100);
  return together(out, element("div", {{"class", "pair"}}, charts),
                  element("p", {{"class", "note"}},
                          "Measured on one fixed batch of training samples; epoch 0 is the untrained net. The numbers "
                          "stand in layers.csv."));
}

Markup net_section(const ReportSources& from) {
  const std::vector<Model::LayerSummary> layers = from.model.layers();
  const std::vector<ResolvedLayer> resolved = resolve(from.model.spec().net, from.model.spec().outputs);
  const Shape sample = from.data.train.schema.net_input();
  std::vector<std::vector<Markup>> rows = {{"input", "", "", sample.str(), ""}};
  std::vector<DrawnLayer> drawn = {{.name = "input", .label = sample.str(), .units = sample.elements(), .from = {}}};
  for (size_t i = 0; i < layers.size(); ++i) {
    const Model::LayerSummary& layer = layers[i];
    int64_t elements = 0;
    for (const std::string& state : layer.parameters) elements += from.model.states().at(state).type.shape.elements();
    const std::vector<int64_t> extents = layer.output.list();
    const Shape output(
        std::span<const int64_t>(extents).subspan(std::min<size_t>(1, extents.size()))); // without the batch
    std::vector<std::string> arguments;
    for (const Attrs::Item& item : layer.args.items())
      if (const std::string value = to_text(item.second); !value.empty()) arguments.push_back(item.first + "=" + value);
    rows.push_back({element("b", {}, layer.name), layer.kind,
                    arguments.empty() ? Markup() : element("span", {{"class", "note"}}, join(arguments, ", ")),
                    output.str(), elements > 0 ? thousands(elements) : ""});
    DrawnLayer one{.name = layer.name,
                   .label = text(layer.kind, " ", output),
                   .units = output.elements(),
                   .from = {},
                   .mixes = !layer.parameters.empty()};
    for (const int feeder : resolved[i].from) one.from.push_back(feeder + 1);
    drawn.push_back(std::move(one));
  }
  rows.push_back({element("b", {}, "all"), "", "", "", element("b", {}, thousands(from.model.states().parameters()))});
  const Markup table = table_element({"layer", "kind", "arguments", "output of one sample", "> parameters"}, rows);
  constexpr size_t most_drawn = 60;
  if (drawn.size() > most_drawn) return table;
  const std::string alt = text("The net from its input at the top to its output at the bottom, ",
                               plural(int64_t(layers.size()), "layer"), "; the table says the same in words");
  return together(table, net_drawing(drawn, alt));
}

Markup explanation_section(const ReportSources& from, const JudgedPart& part) {
  const auto sample = std::max_element(part.errors.begin(), part.errors.end()) - part.errors.begin();
  const int64_t row[] = {sample};
  const SampleBatch batch = batch_of(part.data, row, from.model.spec().dtype);
  Explainer explainer(from.model.loss_function(batch.size(from.model.spec()), batch.targets.type()),
                      from.model.states(), batch.arguments());
  const ElementAddress address = explainer.steepest();
  const Explanation e = explainer.parameter(address);

  const Answer answer = answer_of(part, sample);
  const bool classes = part.data.schema.goal == Goal::classes;
  Markup what =
      together(text("Of the ", part.name, " part (", source_of(part.data), ") "), place_of(part.data, sample), " is ",
               element("b", {}, answer.truth), ", and the net says ", element("b", {}, answer.predicted));
  if (classes) what.add(text(" (", probability_text(answer.probability), ")"));
  what.add(text(classes && !answer.right ? ", its worst mistake." : ", its largest loss."));
  Markup intro = element("p", {}, what);
  if (is_picture(part.data.schema))
    intro.add(picture_of(raster_of(part.data, sample, 112), text("The picture: ", answer.truth), 112));
  if (part.data.schema.sound)
    intro.add(picture_element(spectrogram_of(part.data, sample), text("The spectrogram: ", answer.truth), 2));
  const std::string direction = e.gradient > 0   ? text("grows by ", number(std::abs(e.gradient), 5), " d")
                                : e.gradient < 0 ? text("falls by ", number(std::abs(e.gradient), 5), " d")
                                                 : std::string("stays");
  intro.add(element("p", {}, "Of all weights ", element("code", {}, e.parameter),
                    text(" moves this loss most: if it grows by a little d, the loss ", direction,
                         ". The same derivative was found in three ways:")));
  const bool three = e.difference.kind != Difference::Kind::none;
  intro.add(
      facts_element({{"the loss L", brief(e.loss)},
                     {"the weight w", brief(e.value)},
                     {"dL/dw by walking", text(number(e.gradient, 10), " (node by node, below)")},
                     {"back-propagated", text(number(e.back_propagated, 10), " (by the graph that trains the net)")},
                     {"by differences", three ? text(number(e.difference.value, 10), " (of the loss alone, in double)")
                                              : std::string("none: the loss has a kink here")}}));
  intro.add(element("p", {{"class", e.agrees && e.adds_up ? "good" : "bad"}},
                    e.agrees && e.adds_up
                        ? text("They agree (relative error ", number(e.relative_error, 2), "), and every hop adds up.")
                    : e.adds_up ? text("They do not agree: relative error ", number(e.relative_error, 2), ".")
                                : std::string("A hop does not add up.")));
  for (const std::string& note : e.notes) intro.add(element("p", {}, note));
  Markup steps;
  for (const Step& step : e.path) steps.add(step_item(step, e));
  if (!e.path.empty())
    intro.add(element("h3", {}, "From the loss back to the weight"))
        .add(element(
            "p", {{"class", "note"}},
            "dL/dx: how the loss moves with x. dx/dw: how x moves with the weight. Their products, added up over "
            "the numbers of one node, are what of the gradient passes there."))
        .add(element("ol", {{"class", "walk"}}, steps));
  intro.add(element("p", {}, "The same in a terminal, and any other sample and weight:"));
  return intro.add(code_element(text(from.program, " explain ", quoted_for_shell(from.run.path()), " --sample ",
                                     int64_t(sample), " --param ", to_text(address, from.model.states(), true))));
}

Markup reproduction_section(const ReportSources& from, const std::map<std::string, std::string>& notes,
                            const std::string& sha256, double seconds, double samples_per_second, Sums sums) {
  const std::string recipe = quoted_for_shell(from.run.recipe());
  Markup out = element(
      "p", {}, "The same recipe, seed and program give the same weights, bit for bit, on any number of threads:");
  out.add(code_element(text(from.program, " train ", recipe)));
  std::vector<std::pair<std::string, Markup>> facts;
  const auto note = [&](const char* key, const char* name) {
    const auto found = notes.find(key);
    if (found != notes.end() && !found->second.empty()) facts.emplace_back(name, found->second);
  };
  if (const auto typed = notes.find("command"); typed != notes.end())
    facts.emplace_back("command", element("code", {}, typed->second));
  note("version", "version");
  facts.emplace_back("seed", text(from.recipe.train.seed));
  note("threads", "threads");
  note("machine", "machine");
  note("began", "began");
  if (seconds > 0)
    facts.emplace_back(
        "time", text(duration(seconds), samples_per_second > 0
                                            ? text(", ", thousands(std::llround(samples_per_second)), " samples/s")
                                            : std::string()));
  facts.emplace_back("parameters", thousands(from.model.states().parameters()));
  if (!sha256.empty()) facts.emplace_back("weights", element("span", {{"class", "mono"}}, "sha256 ", sha256));
  if (from.data.files.empty()) {
    facts.emplace_back("data", from.data.train.schema.generated ? "generated from the seed" : from.recipe.data.source);
  } else if (!sha256.empty()) { // reading them takes a while: once, at the end
    Markup files;
    for (const std::string& file : from.data.files)
      files.add(element("div", {{"class", "mono"}}, file_line(file, sums)));
    facts.emplace_back("data as it is now", files);
  }
  out.add(facts_element(facts));
  out.add(element("h3", {}, "The recipe, every default stated"));
  return out.add(code_element(to_toml(from.recipe)));
}

} // namespace vitro

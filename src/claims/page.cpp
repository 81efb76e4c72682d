#include "claims/page.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "claims/wording.h"
#include "core/text.h"
#include "report/figures.h"
#include "report/page.h"
#include "report/terminal.h"

namespace vitro {
namespace {

Markup paragraph(const Markup& content) { return element("p", {}, content); }

Markup table_of(const ClaimResult& claim) {
  std::vector<std::vector<Markup>> rows;
  for (const FigureResult& figure : claim.figures) {
    const FigureWords words = words_of(claim, figure);
    rows.push_back({figure.figure.name, words.published, words.tolerance, words.measured, words.deviation, words.seeds,
                    words.verdict});
  }
  return table_element({"figure", "> published", "> tolerance", "> measured", "> deviation", "> seeds", "verdict"},
                       rows);
}

DotRow row_of(const FigureResult& result) {
  const Figure& figure = result.figure;
  const double scale = figure.percent ? 100 : 1;
  DotRow row{.name = figure.name,
             .values = {},
             .expected = figure.published  ? *figure.published * scale
                         : figure.at_least ? *figure.at_least * scale
                                           : *figure.at_most * scale,
             .verdict = name(result.verdict),
             .good = result.verdict == Verdict::holds};
  for (const double value : result.values)
    if (std::isfinite(value)) row.values.push_back(value * scale);
  if (figure.published && figure.tolerance > 0) {
    row.low = (*figure.published - figure.tolerance) * scale;
    row.high = (*figure.published + figure.tolerance) * scale;
  }
  return row;
}

// What luck decides, as dots: figures of one unit on one axis. What is exact is told by the table.
Markup dots_of(const ClaimResult& claim) {
  std::vector<DotPlot> plots;
  for (const FigureResult& figure : claim.figures) {
    if (figure.figure.exact) continue;
    const std::string unit = figure.figure.percent ? "percent" : claim.claim.experiment ? "" : figure.figure.measure;
    auto plot = std::find_if(plots.begin(), plots.end(), [&](const DotPlot& one) { return one.x.label == unit; });
    if (plot == plots.end())
      plot = plots.insert(plots.end(), {.title = claim.claim.name, .x = {.label = unit}, .rows = {}});
    plot->rows.push_back(row_of(figure));
  }
  Markup out;
  for (DotPlot& plot : plots) {
    double low = std::numeric_limits<double>::infinity(), high = 0;
    for (const DotRow& row : plot.rows)
      for (const double value : row.values) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
    plot.x.logarithmic = low > 0 && high > 20 * low;
    for (char& c : plot.x.label)
      if (c == '_') c = ' ';
    out.add(dot_plot(plot));
  }
  return out;
}

Markup section_of(const ClaimResult& claim) {
  Markup out =
      together(paragraph(claim.claim.sentence), paragraph(element("small", {}, claim.claim.source)), table_of(claim));
  if (claim.not_run.empty()) out.add(dots_of(claim));
  for (const std::string& remark : claim.claim.remarks) out.add(paragraph(remark));
  if (!claim.not_run.empty()) out.add(paragraph(text("Not run: ", claim.not_run)));
  return out;
}

} // namespace

std::string repro_page(const std::vector<ClaimResult>& claims, const std::string& command, const std::string& footer) {
  int64_t figures = 0, hold = 0, not_run = 0;
  for (const ClaimResult& claim : claims) {
    if (!claim.not_run.empty()) {
      ++not_run;
      continue;
    }
    figures += int64_t(claim.figures.size());
    for (const FigureResult& figure : claim.figures) hold += figure.verdict == Verdict::holds;
  }
  Page page{.title = claims.size() == 1 ? claims[0].claim.name : "claims, re-run",
            .kicker = "vitro repro",
            .headline = text(hold, " of ", plural(figures, "published figure"), figures == 1 ? " holds." : " hold."),
            .lead = {},
            .footer = footer,
            .sections = {}};
  page.lead = together(
      paragraph("A figure holds where the mean over the seeds lies within two deviations of the published number, or "
                "within the tolerance, whichever is more; or where the inequality is true. What differs is left so."),
      paragraph(together("Made by ", element("code", {}, command), ".")));
  if (not_run > 0) page.lead.add(paragraph(text(plural(not_run, "claim"), " could not be run: the data is missing.")));
  for (const ClaimResult& claim : claims)
    page.sections.push_back({claim.claim.name, text(claim.claim.name, ": ", tally_of(claim)), section_of(claim)});
  return html(page);
}

} // namespace vitro

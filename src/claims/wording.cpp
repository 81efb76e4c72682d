#include "claims/wording.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/terminal.h"

namespace vitro {
namespace {

std::string shown(const Figure& figure, double value, int digits) {
  if (std::isnan(value)) return "-";
  return figure.percent ? percent(value) : number(value, digits);
}

} // namespace

FigureWords words_of(const ClaimResult& claim, const FigureResult& result) {
  const Figure& figure = result.figure;
  const bool several = result.values.size() > 1;
  FigureWords out;
  out.published = figure.at_least  ? text("at least ", shown(figure, *figure.at_least, 9))
                  : figure.at_most ? text("at most ", shown(figure, *figure.at_most, 9))
                                   : shown(figure, *figure.published, 9);
  out.tolerance = figure.published ? shown(figure, figure.tolerance, 3) : "-";
  // An equality without luck is shown to its last digit; all else would only pretend to more than it knows.
  out.measured = shown(figure, result.mean, !figure.published ? 3 : figure.exact ? 9 : 6);
  out.deviation = several ? shown(figure, result.deviation, 3) : "-";
  out.seeds = figure.seed ? text("seed ", *figure.seed) : text(result.values.size());
  out.verdict = claim.not_run.empty() ? name(result.verdict) : "not run";
  return out;
}

std::string tally_of(const ClaimResult& claim) {
  if (!claim.not_run.empty()) return "not run";
  const auto hold = std::count_if(claim.figures.begin(), claim.figures.end(),
                                  [](const FigureResult& figure) { return figure.verdict == Verdict::holds; });
  const auto all = int64_t(claim.figures.size());
  if (all == 1) return hold ? "holds" : "differs";
  return text(hold == all ? std::string("all") : text(hold, " of"), " ", all, " figures hold");
}

std::string markdown_heading() {
  return "| claim | figure | published | tolerance | measured | deviation | seeds | verdict | time |\n"
         "|---|---|---|---|---|---|---|---|---|\n";
}

std::string markdown_rows(const ClaimResult& claim) {
  std::string out;
  for (const FigureResult& figure : claim.figures) {
    const FigureWords words = words_of(claim, figure);
    const bool first = &figure == &claim.figures[0];
    out +=
        text("| ", first ? text("`", claim.claim.name, "`") : std::string(), " | ", figure.figure.name, " | ",
             words.published, " | ", words.tolerance, " | ", words.measured, " | ", words.deviation, " | ", words.seeds,
             " | ", words.verdict, " | ", first && claim.not_run.empty() ? duration(claim.seconds) : "", " |\n");
  }
  return out;
}

} // namespace vitro

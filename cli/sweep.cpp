// vitro sweep: every combination of some keys' values, trained side by side, and which of them is best.
#include "train/sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "report/plot.h"

namespace vitro::cli {
namespace {

constexpr size_t most_rows = 60, most_series = 8;

std::optional<double> numeric(const std::string& word) {
  double out = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

// What is to be seen of a sweep, gathered once.
struct Outcome {
  const Sweep& sweep;
  std::vector<SweepSetting> settings = sweep.settings();
  std::optional<size_t> best = sweep.best(settings);
  std::vector<size_t> swept = sweep.swept();
  bool shares = sweep.goal() == Goal::classes;

  std::string shown(double value) const {
    return !std::isfinite(value) ? "-" : shares ? percent(value) : fixed(value, 4);
  }
  const SweepKey& key(size_t place) const { return sweep.plan().keys[swept[place]]; }
  std::string command(const SweepSetting& setting) const {
    std::string out = program() + " train " + quoted_for_shell(sweep.plan().what);
    for (const std::string& one : sweep.assignments(setting)) out += " " + quoted_for_shell(one);
    return out;
  }
};

std::string remark(const SweepSetting& setting, bool best) {
  const auto all = int64_t(setting.trainings.size());
  if (setting.diverged > 0) return all == 1 ? "diverged" : text(setting.diverged, " of ", all, " diverged");
  if (setting.done < all) return text(setting.done, " of ", all, " done");
  return best ? "best" : "";
}

std::string table_of(const Outcome& outcome) {
  const Palette& palette = out_stream().palette;
  std::vector<std::string> headings;
  for (size_t i = 0; i < outcome.swept.size(); ++i) headings.push_back("> " + outcome.key(i).key);
  for (const std::string& heading : {"> " + outcome.sweep.outcome(), std::string("> deviation"), std::string("> loss"),
                                     std::string("> seeds"), std::string()})
    headings.push_back(heading);
  // Where there are many, the best of them.
  std::vector<size_t> rows;
  for (size_t i = 0; i < outcome.settings.size(); ++i) rows.push_back(i);
  const bool cut_short = rows.size() > most_rows;
  if (cut_short) {
    std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) {
      const double x = outcome.settings[a].mean, y = outcome.settings[b].mean;
      return std::isnan(y) ? !std::isnan(x) : outcome.sweep.better(x, y);
    });
    rows.resize(most_rows);
  }
  Table table(headings);
  for (const size_t i : rows) {
    const SweepSetting& setting = outcome.settings[i];
    std::vector<std::string> row;
    for (const std::string& value : setting.values) {
      const auto one = numeric(value);
      row.push_back(one ? number(*one, 4) : value);
    }
    const std::string word = remark(setting, outcome.best == i);
    for (const std::string& cell :
         {outcome.shown(setting.mean), outcome.shown(setting.deviation),
          std::isfinite(setting.loss) ? fixed(setting.loss, 4) : std::string("-"), text(setting.trainings.size()),
          word == "best"         ? palette.good(word)
          : setting.diverged > 0 ? palette.bad(word)
                                 : word})
      row.push_back(cell);
    table.add(std::move(row));
  }
  std::string out = table.str(palette);
  if (cut_short) out += text("The best ", most_rows, " of ", outcome.settings.size(), " settings; --json shows all.\n");
  return out;
}

// The outcome over the key that has the most numbers; the others make series, or where these are too many, the best of
// them counts. Nothing where no key has three numbers.
std::optional<LineChart> chart_of(const Outcome& outcome) {
  std::optional<size_t> along;
  for (size_t i = 0; i < outcome.swept.size(); ++i) {
    const std::vector<std::string>& values = outcome.key(i).values;
    if (values.size() < 3 || !std::all_of(values.begin(), values.end(), [](const auto& v) { return numeric(v); }))
      continue;
    if (!along || values.size() > outcome.key(*along).values.size()) along = i;
  }
  if (!along) return std::nullopt;
  LineChart chart{.title = text("The outcome of ", outcome.sweep.plan().what, " over ", outcome.key(*along).key),
                  .x = {.label = outcome.key(*along).key, .logarithmic = outcome.key(*along).logarithmic},
                  .y = {.label = outcome.sweep.outcome() + (outcome.shares ? ", %" : "")},
                  .series = {},
                  .at_x = {},
                  .levels = {}};
  const double unit = outcome.shares ? 100 : 1;
  for (const SweepSetting& setting : outcome.settings) {
    std::vector<std::string> others;
    for (size_t i = 0; i < outcome.swept.size(); ++i)
      if (i != *along) others.push_back(outcome.key(i).key + "=" + setting.values[i]);
    const std::string name = others.empty() ? outcome.sweep.outcome() : join(others, " ");
    auto series =
        std::find_if(chart.series.begin(), chart.series.end(), [&](const Series& one) { return one.name == name; });
    if (series == chart.series.end()) series = chart.series.insert(series, {name, {}});
    series->points.push_back({*numeric(setting.values[*along]), unit * setting.mean});
  }
  const auto by_x = [](const Spot& a, const Spot& b) { return a.x < b.x; };
  if (chart.series.size() > most_series) {
    Series best{"the best of the other keys' values", {}};
    for (size_t i = 0; i < outcome.key(*along).values.size(); ++i) {
      Spot spot{*numeric(outcome.key(*along).values[i]), std::numeric_limits<double>::quiet_NaN()};
      for (const Series& one : chart.series)
        for (const Spot& other : one.points)
          if (other.x == spot.x && (std::isnan(spot.y) || outcome.sweep.better(other.y, spot.y))) spot.y = other.y;
      best.points.push_back(spot);
    }
    chart.title += ", " + best.name;
    chart.series = {best};
  }
  for (Series& one : chart.series) std::stable_sort(one.points.begin(), one.points.end(), by_x);
  const Baseline& baseline = outcome.sweep.baseline();
  if (!baseline.text.empty() && std::isfinite(baseline.value))
    chart.levels.push_back({unit * baseline.value, "baseline: " + baseline.text});
  return chart;
}

// A number or a list as JSON has it, else text.
Json value_of(const std::string& word) { return Json::accept(word) ? Json::parse(word) : Json(word); }

Json or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json object_of(const Outcome& outcome, const std::string& directory) {
  const Sweep& sweep = outcome.sweep;
  const auto keys = [&](const SweepSetting& setting) {
    Json out = Json::object();
    for (size_t i = 0; i < outcome.swept.size(); ++i) out[outcome.key(i).key] = value_of(setting.values[i]);
    return out;
  };
  Json settings = Json::array();
  for (const SweepSetting& setting : outcome.settings) {
    Json values = Json::array();
    for (const int64_t training : setting.trainings)
      values.push_back(or_null(sweep.results()[size_t(training)].outcome));
    settings.push_back({{"keys", keys(setting)},
                        {"mean", or_null(setting.mean)},
                        {"deviation", or_null(setting.deviation)},
                        {"validation_loss", or_null(setting.loss)},
                        {"values", values},
                        {"done", setting.done},
                        {"diverged", setting.diverged}});
  }
  Json out = {{"what", sweep.plan().what},
              {"outcome", outcome.shares ? "validation_accuracy" : "validation_rmse"},
              {"settings", settings},
              {"best", nullptr},
              {"command", nullptr},
              {"baseline", sweep.baseline().text.empty() ? Json(nullptr) : or_null(sweep.baseline().value)},
              {"trainings", sweep.plan().trainings()},
              {"done", sweep.done()},
              {"finished", sweep.finished()},
              {"out", directory}};
  if (outcome.best) {
    out["best"] = settings[*outcome.best];
    out["command"] = outcome.command(outcome.settings[*outcome.best]);
  }
  return out;
}

std::string summary(const Outcome& outcome, const std::string& directory) {
  const Palette& palette = out_stream().palette;
  std::string out = table_of(outcome);
  if (const auto chart = chart_of(outcome))
    out += "\n" + terminal_chart(*chart, std::min(out_stream().width, 100), 14, palette);
  Facts facts;
  const Baseline& baseline = outcome.sweep.baseline();
  if (!baseline.text.empty()) facts.add("baseline", text(outcome.shown(baseline.value), ", ", baseline.text));
  if (outcome.best) {
    const SweepSetting& setting = outcome.settings[*outcome.best];
    facts.add("best", text(outcome.sweep.outcome(), " ", outcome.shown(setting.mean), ": ", outcome.command(setting)));
    facts.add("", text("being the best of ", outcome.settings.size(),
                       " flatters it; the test part was not read: the command measures it"));
  }
  facts.add("sweep", directory);
  return out + "\n" + facts.str(palette);
}

} // namespace

int sweep(Arguments& arguments) {
  Common common;
  std::string out, resume, svg;
  std::optional<int64_t> jobs;
  arguments.option("--jobs", jobs, "N", "trainings at once (default: the cores allowed); results do not depend on it");
  arguments.option("--out", out, "DIR", "where results go (default: runs/sweep-WHAT-001; the same sweep goes on)");
  arguments.option("--resume", resume, "DIR", "go on with an interrupted sweep; needs nothing else");
  arguments.option("--svg", svg, "FILE", "the picture as a file, too");
  TableArguments table;
  table.declare(arguments);
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(1);
  common.apply();
  const std::string what = arguments.word(0);
  std::vector<std::string> keys = arguments.overrides();
  for (const std::string& key : table.assignments()) keys.push_back(key);
  if (!resume.empty() && (!what.empty() || !out.empty() || !keys.empty()))
    bad_input("vitro sweep --resume", "takes nothing else: the sweep's own keys hold",
              "vitro sweep --resume " + resume);
  if (resume.empty() && what.empty())
    bad_input("vitro sweep", "what shall be trained?", "vitro sweep digits lr=log:1e-3..1:7 seed=0..2");
  Sweep sweep(resume.empty() ? plan_sweep(what, keys) : stored_plan(resume), common.data_dir);
  const int64_t at_once = jobs.value_or(thread_count());
  if (at_once < 1 || at_once > 256) bad_input("--jobs", text("is ", at_once), "a number from 1 to 256");
  watch_interrupts();
  const std::string directory = sweep.keep_in(resume.empty() ? out : resume);
  if (!common.quiet)
    say(sweep.finished() ? text(directory, " is finished: nothing is left to train")
        : sweep.done() > 0
            ? text("going on with ", directory, ": ", sweep.done(), " of ", sweep.plan().trainings(),
                   " trainings are done")
            : text(plural(sweep.plan().trainings(), "training"), ", ", at_once, " at a time, in ", directory));

  LiveLine live(!common.quiet);
  SweepHooks hooks;
  hooks.stop = interrupted;
  hooks.progress = [&](const SweepProgress& progress) {
    if (!live.due()) return;
    const double left = progress.share > 0.01 ? progress.seconds / progress.share - progress.seconds : 0;
    live.draw(cut(text(bar(progress.share, 20), "  ", progress.done, " of ", plural(progress.trainings, "training"),
                       left > 0 ? text(", ", duration(left), " left") : std::string()),
                  error_stream().width - 1));
  };
  const bool whole = sweep.run(at_once, hooks);
  live.clear();
  const Outcome outcome{sweep};
  Json object = object_of(outcome, directory);
  if (!whole) object["interrupted"] = true;
  print(common.json ? object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : summary(outcome, directory));
  if (!svg.empty()) {
    const auto chart = chart_of(outcome);
    if (!chart) bad_input("--svg", "there is nothing to draw: no key has three numbers", "lr=log:1e-3..1:7");
    write_atomically(svg, svg_file(*chart));
  }
  if (whole) return 0;
  flush_output();
  say(text("interrupted; to go on: ", program(), " sweep --resume ", quoted_for_shell(directory)));
  return 130;
}

} // namespace vitro::cli

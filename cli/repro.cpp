// vitro repro: claims of textbooks, re-run and held against the published numbers.
#include "claims/repro.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "claims/page.h"
#include "claims/wording.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "io/files.h"
#include "io/run_directory.h"

namespace vitro::cli {
namespace {

std::string table_of(const ClaimResult& result) {
  const Palette& palette = out_stream().palette;
  const int width = std::min(out_stream().width, 110);
  std::string out = palette.strong(result.claim.name) + ": " + wrap(result.claim.sentence, width, 2) + "\n  " +
                    palette.faint(wrap(result.claim.source, width, 2)) + "\n";
  Table table({"figure", "> published", "> tolerance", "> measured", "> deviation", "> seeds", "verdict"});
  for (const FigureResult& figure : result.figures) {
    const FigureWords words = words_of(result, figure);
    table.add({figure.figure.name, words.published, words.tolerance, words.measured, words.deviation, words.seeds,
               words.verdict == "holds"     ? palette.good(words.verdict)
               : words.verdict == "differs" ? palette.bad(words.verdict)
                                            : words.verdict});
  }
  out += table.str(palette, 2);
  for (const std::string& remark : result.claim.remarks) out += "  " + wrap(remark, width, 2) + "\n";
  if (!result.not_run.empty()) out += "  " + wrap(text("not run: ", result.not_run), width, 2) + "\n";
  return out + "\n";
}

Json or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json rows_of(const ClaimResult& result) {
  Json out = Json::array();
  for (const FigureResult& figure : result.figures) {
    Json row = {{"name", result.claim.name},
                {"figure", figure.figure.name},
                {"published", or_null(figure.figure.published)},
                {"mean", or_null(figure.mean)},
                {"deviation", figure.values.size() > 1 ? or_null(figure.deviation) : Json(nullptr)},
                {"seeds", figure.values.size()},
                {"tolerance", figure.figure.published ? Json(figure.figure.tolerance) : Json(nullptr)},
                {"verdict", words_of(result, figure).verdict}};
    if (figure.figure.at_least) row["at_least"] = *figure.figure.at_least;
    if (figure.figure.at_most) row["at_most"] = *figure.figure.at_most;
    if (figure.figure.exact) row["exact"] = true;
    row["values"] = Json::array();
    for (const double value : figure.values) row["values"].push_back(or_null(value));
    out.push_back(std::move(row));
  }
  return out;
}

int show_list(const Common& common) {
  Json list = Json::array();
  Table table({"claim", "> about", "data", "what it says"});
  const int width = out_stream().terminal ? out_stream().width : 10000;
  for (const std::string& name : claim_names()) {
    const Claim claim = find_claim(name);
    const bool there = missing_data(claim, common.data_dir).empty();
    list.push_back({{"name", name},
                    {"sentence", claim.sentence},
                    {"source", claim.source},
                    {"data", claim.data()},
                    {"data_found", there},
                    {"seconds", claim.seconds}});
    const std::string data = claim.data().empty() ? "-" : join(claim.data(), ", ");
    table.add({name, duration(claim.seconds), there ? data : data + " (missing)",
               cut(text(claim.sentence, " (", claim.source, ")"), std::max(40, width - 60))});
  }
  print(common.json ? list.dump() + "\n" : table.str(out_stream().palette));
  if (!common.json && !common.quiet)
    say("\nThe time is that of one seed on one core. `" + program() + " data fetch NAME` gets data that is missing.");
  return 0;
}

std::string write_page(const Reproduction& done, const std::string& directory, const std::string& command) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) failure(directory, text("can't be made: ", error.message()), "name another directory with --out");
  std::string path = directory + "/repro.html";
  write_atomically(path, repro_page(done.claims, command, "vitro " VITRO_VERSION));
  return path;
}

} // namespace

int repro(Arguments& arguments) {
  Common common;
  bool all = false, list = false, markdown = false;
  std::optional<int64_t> seeds, jobs;
  std::string out;
  arguments.flag("--all", all, "every claim");
  arguments.flag("--list", list, "the claims: what they need, about how long one seed takes");
  arguments.option("--seeds", seeds, "K", "seeds 0 to K-1 (default: 5)");
  arguments.option("--jobs", jobs, "N", "trainings at once (default: the cores allowed); results do not depend on it");
  arguments.option("--out", out, "DIR", "where repro.html goes (default: runs/repro-NAME-001, the next free number)");
  arguments.flag("--markdown", markdown, "rows of a Markdown table instead of text");
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(1000);
  common.apply();
  arguments.refuse_overrides();
  if (list) return show_list(common);
  if (all != arguments.words().empty())
    bad_input("vitro repro", all ? "takes --all or names, not both" : "which claim?",
              "vitro repro udacity-gd; `vitro repro --list` shows all");
  const std::string what = all ? "all" : arguments.words().size() == 1 ? arguments.word(0) : "claims";
  std::vector<Claim> claims;
  for (const std::string& name : all ? claim_names() : arguments.words()) claims.push_back(find_claim(name));
  if (claims.size() == 1)
    if (const std::string missing = missing_data(claims[0], common.data_dir); !missing.empty())
      throw Error(Fault::input, missing);
  const std::string directory = out.empty() ? numbered_directory("repro", what) : out;
  check_out(directory); // before the work begins

  ReproOptions options{.seeds = seeds.value_or(5), .jobs = jobs.value_or(thread_count()), .data_dir = common.data_dir};
  watch_interrupts();
  LiveLine live(!common.quiet);
  ReproHooks hooks;
  hooks.stop = interrupted;
  hooks.progress = [&](const ReproProgress& progress) {
    if (!live.due()) return;
    const double left = progress.share > 0.01 ? progress.seconds / progress.share - progress.seconds : 0;
    live.draw(cut(text(progress.running, "  ", bar(progress.share, 20), "  ", progress.jobs_done, " of ",
                       plural(progress.jobs, "run"), left > 0 ? text(", ", duration(left), " left") : std::string()),
                  error_stream().width - 1));
  };
  Json rows = Json::array();
  hooks.finished = [&](const ClaimResult& result) {
    live.clear();
    if (common.json) {
      for (Json& row : rows_of(result)) rows.push_back(std::move(row));
    } else {
      print(markdown ? markdown_rows(result) : table_of(result));
      flush_output();
    }
  };
  if (markdown && !common.json) print(markdown_heading());
  const Reproduction done = reproduce(std::move(claims), options, hooks);
  live.clear();
  const bool ran = std::any_of(done.claims.begin(), done.claims.end(),
                               [](const ClaimResult& result) { return result.not_run.empty(); });
  if (common.json) print(rows.dump() + "\n");
  flush_output(); // results first: a page that cannot be written costs none of them
  if (ran) {
    const std::string page = write_page(done, directory, text(program(), " ", arguments.typed()));
    if (!common.quiet) say(text("each seed as a dot: ", page));
  }
  if (done.stopped) {
    say("interrupted: the claims above were finished");
    return 130;
  }
  std::vector<std::string> not_run;
  for (const ClaimResult& result : done.claims)
    if (!result.not_run.empty()) not_run.push_back(result.claim.name);
  if (not_run.empty()) return 0;
  say(text("vitro: data is missing, so ", plural(int64_t(not_run.size()), "claim"),
           " could not be run: ", join(not_run, ", "), ". Help: `", program(), " repro --list` says what they need"));
  return 2;
}

} // namespace vitro::cli

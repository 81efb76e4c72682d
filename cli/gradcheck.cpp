// vitro gradcheck: back-propagated derivatives against finite differences, in double.
#include "explain/gradcheck.h"

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "data/batches.h"
#include "train/measure.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

struct Summary {
  int64_t ops = 0, checked = 0, constant = 0, kinks = 0, failed = 0;
  double worst = 0;
  std::string worst_at;
  std::vector<std::string> failures;

  void add(const GradcheckResult& result, const std::string& what) {
    checked += result.checked;
    kinks += result.kinks;
    failed += result.failed;
    if (result.worst_relative_error >= worst) {
      worst = result.worst_relative_error;
      worst_at = what.empty() ? result.worst : text(what, result.worst.empty() ? "" : " ", result.worst);
    }
    for (const std::string& failure : result.failures) failures.push_back(what.empty() ? failure : text(what, ": ", failure));
  }
};

std::string verdict(const Summary& summary) {
  const Palette& palette = out_stream().palette;
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(summary.failures.size(), 20); ++i) out += palette.bad(summary.failures[i]) + "\n";
  Facts facts;
  if (summary.ops > 0) facts.add("ops", text(summary.ops, summary.constant ? text(", of them ", summary.constant, " with a slope of zero by definition") : ""));
  facts.add("derivatives checked", thousands(summary.checked));
  if (summary.kinks > 0) facts.add("at a kink", text(thousands(summary.kinks), ": the derivative jumps within the step"));
  facts.add("failed", summary.failed ? palette.bad(thousands(summary.failed)) : palette.good("0"));
  facts.add("worst relative error", text(number(summary.worst, 3), " (up to ", gradcheck_tolerance, " is right)",
                                         summary.worst_at.empty() ? "" : text(" at ", summary.worst_at)));
  return out + facts.str(palette);
}

Summary check_all_ops(bool table_wanted) {
  Summary summary;
  Table table({"op", "> checked", "> worst error", "> second derivative", ""});
  for (const OpGradcheck& one : gradcheck_ops()) {
    ++summary.ops;
    if (!one.differentiable) {
      ++summary.constant;
      table.add({one.op->name, "", "", "", "slope zero by definition"});
      continue;
    }
    summary.add(one.first, one.op->name);
    summary.add(one.second, text(one.op->name, " (second derivative)"));
    const int64_t kinks = one.first.kinks + one.second.kinks;
    table.add({one.op->name, thousands(one.first.checked + one.second.checked), number(one.first.worst_relative_error, 3),
               number(one.second.worst_relative_error, 3),
               one.first.failed + one.second.failed ? "FAILED" : kinks ? text(kinks, " at a kink") : ""});
  }
  if (table_wanted) print(table.str(out_stream().palette) + "\n");
  return summary;
}

Summary check_net(const std::string& what, const std::vector<std::string>& set, const std::string& data_dir, int64_t count,
                  int64_t samples) {
  Recipe recipe = recipe_for(what, set);
  const Splits data = open_data(recipe.data.source, data_options(recipe, data_dir));
  recipe = complete(std::move(recipe), data.train.schema);
  const Model model(model_spec(recipe, data.train.schema));
  const int64_t n = std::min(samples, data.train.size());
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(i);
  const Batch batch = batch_of(data.train, rows, model.spec().dtype);
  const Function function = model.loss_function(n, batch.targets.type());
  Summary summary;
  summary.add(gradcheck(function, model.states(), {batch.x, batch.targets}, "loss", count, uint64_t(recipe.train.seed)), "");
  return summary;
}

} // namespace

int gradcheck(Arguments& arguments) {
  Common common;
  bool all = false;
  std::string net;
  std::vector<std::string> set;
  std::optional<int64_t> count, samples;
  arguments.flag("--all", all, "every op of the catalogue, on its examples, first and second derivative");
  arguments.option("--net", net, "NAME", "a built-in net (vitro list nets)");
  arguments.option("--set", set, "KEY=VALUE", "sets a recipe's key, like key=value; may be repeated");
  arguments.option("--count", count, "N", "so many parameters, chosen at random (default: 200; 0: all)");
  arguments.option("--samples", samples, "N", "the first so many samples as one batch (default: 4)");
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(1);
  common.apply();
  if (all == !arguments.words().empty())
    bad_input("vitro gradcheck", all ? "takes --all or a recipe, not both" : "what shall be checked?",
              "vitro gradcheck --all, or vitro gradcheck digits");
  if (count.value_or(0) < 0) bad_input("--count", text("is ", *count), "a number from 0 on");
  if (samples.value_or(1) < 1) bad_input("--samples", text("is ", *samples), "a number from 1 on");
  set.insert(set.begin(), arguments.overrides().begin(), arguments.overrides().end());
  if (!net.empty()) set.insert(set.begin(), "net=" + net);
  const Summary summary = all ? check_all_ops(!common.json)
                              : check_net(arguments.word(0), set, common.data_dir, count.value_or(200), samples.value_or(4));
  if (common.json)
    print(Json({{"ops", summary.ops},
                {"checked", summary.checked},
                {"non_differentiable", summary.kinks},
                {"failed", summary.failed},
                {"worst_relative_error", summary.worst},
                {"worst", summary.worst_at},
                {"constant_slope", summary.constant},
                {"failures", summary.failures}})
              .dump() +
          "\n");
  else
    print(verdict(summary));
  return summary.failed ? 1 : 0;
}

} // namespace vitro::cli

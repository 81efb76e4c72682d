// vitro gradcheck: back-propagated derivatives against finite differences, in double.
#include "explain/gradcheck.h"

#include <numeric>

#include "cli/console.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "train/measure.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

GradcheckResult check_net(const std::string& what, const std::vector<std::string>& set, const std::string& data_dir,
                          int64_t count, int64_t samples) {
  const auto [recipe, data] = open_trainable(what, set, data_dir);
  const Model model(model_spec(recipe, data.train.schema));
  std::vector<int64_t> rows(static_cast<size_t>(std::min(samples, data.train.size())));
  std::iota(rows.begin(), rows.end(), 0);
  const SampleBatch batch = batch_of(data.train, rows, model.spec().dtype);
  const Function function = model.training_function(batch.size(model.spec()), batch.targets.type());
  GradcheckOptions options;
  options.elements = count;
  options.seed = uint64_t(recipe.train.seed);
  return gradcheck(function, model.states(), batch.arguments(), options);
}

template <class Result> int show(const Result& result, bool json) {
  print(json ? json_of(result) + "\n" : text_of(result, out_stream().palette.colour));
  return result.failed ? 1 : 0;
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
  if (all) return show(gradcheck_ops(), common.json);
  return show(check_net(arguments.word(0), set, common.data_dir, count.value_or(200), samples.value_or(4)),
              common.json);
}

} // namespace vitro::cli

// vitro report: a run's report.html, written anew from what lies in its directory.
#include "train/report.h"

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "io/checkpoint.h"
#include "train/run.h"

namespace vitro::cli {

int report(Arguments& arguments) {
  Common common;
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(1);
  arguments.refuse_overrides();
  common.apply();
  StoredRun run = open_run(find_run(arguments.word(0)));
  const std::string& path = run.directory.path();
  if (!run.trained && !load_checkpoint(run.directory.checkpoint()))
    bad_input(path, "has no weights yet: there is nothing to report",
              text(program(), " train --resume ", quoted_for_shell(path)));
  const Splits data = data_of(run, common.data_dir);
  const TrainingResult result = standing(run.model, run.recipe, data, run.directory);
  RunReport page(run.model, run.recipe, data, run.directory, {{"version", VITRO_VERSION}}, program());
  page.ended(result, Sums::all_files);
  if (common.json)
    print(Json({{"run", path}, {"report", run.directory.report()}, {"seconds", page.seconds()}}).dump() + "\n");
  else
    print(run.directory.report() + "\n");
  return 0;
}

} // namespace vitro::cli

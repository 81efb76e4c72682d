#include "train/run.h"

#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/safetensors.h"

namespace vitro {

StoredRun open_run(const RunDirectory& directory) {
  Recipe recipe = parse_recipe(read_text(directory.recipe()), directory.recipe());
  Schema schema = read_schema(read_text(directory.input()), directory.input());
  Model model(model_spec(recipe, schema));
  const bool trained = std::filesystem::exists(directory.weights());
  if (trained)
    load_states(model.states(), model.states().weights(),
                read_safetensors(read_file(directory.weights()), directory.weights()).tensors, directory.weights());
  return {directory, std::move(recipe), std::move(schema), trained, std::move(model)};
}

Splits data_of(const StoredRun& run, const std::string& data_dir) {
  Splits splits = open_data(run.recipe.data.source, data_options(run.recipe, data_dir));
  const Schema& found = splits.train.schema;
  const std::string where = run.recipe.data.source;
  const std::string help = text("name the data that the run ", run.directory.path(), " was trained on, or train anew");
  if (found.sample != run.schema.sample)
    bad_input(where, text("samples are ", found.sample, ", the run was trained on ", run.schema.sample), help);
  if (found.features != run.schema.features)
    bad_input(where,
              text("the columns are ", join(found.features, ", "), ", the run was trained on ",
                   join(run.schema.features, ", ")),
              help);
  for (size_t c = 0; c < found.columns.size(); ++c)
    if (found.columns[c].categories != run.schema.columns[c].categories ||
        found.columns[c].cells != run.schema.columns[c].cells)
      bad_input(where, text("the column ", found.features[c], " holds other values than the run was trained on"), help);
  if (found.forecast != run.schema.forecast)
    bad_input(where, "has another season, or dates at other distances, than the run was trained on", help);
  if (found.classes != run.schema.classes)
    bad_input(where,
              text("there are ", found.classes.size(), " classes, other than the ", run.schema.classes.size(),
                   " that the run was trained on"),
              help);
  // The run's own scaling holds, also where the file has grown since.
  for (Dataset* part : {&splits.train, &splits.validation, &splits.test}) part->schema = run.schema;
  return splits;
}

} // namespace vitro

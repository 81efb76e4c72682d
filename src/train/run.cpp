#include "train/run.h"

#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/safetensors.h"

namespace vitro {
namespace {

InputScaling kept(const Scaling& scaling) { return {scaling.scale, scaling.mean, scaling.deviation}; }
Scaling given(const InputScaling& scaling) { return {scaling.scale, scaling.mean, scaling.deviation}; }

} // namespace

InputFormat input_format(const Schema& schema) {
  InputFormat input;
  input.name = schema.name;
  input.description = schema.description;
  input.generated = schema.generated;
  input.classes_wanted = schema.goal == Goal::classes;
  input.raw = schema.raw;
  input.sample = schema.sample;
  input.features = schema.features;
  input.classes = schema.classes;
  input.targets = schema.targets;
  input.input = kept(schema.input);
  input.target = kept(schema.target);
  return input;
}

Schema schema_of(const InputFormat& input) {
  Schema schema;
  schema.name = input.name;
  schema.description = input.description;
  schema.generated = input.generated;
  schema.goal = input.classes_wanted ? Goal::classes : Goal::numbers;
  schema.raw = input.raw;
  schema.sample = input.sample;
  schema.features = input.features;
  schema.classes = input.classes;
  schema.targets = input.targets;
  schema.input = given(input.input);
  schema.target = given(input.target);
  return schema;
}

StoredRun open_run(const RunDirectory& directory) {
  Recipe recipe = parse_recipe(read_text(directory.recipe()), directory.recipe());
  Schema schema = schema_of(read_input(read_text(directory.input()), directory.input()));
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

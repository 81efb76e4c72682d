#include "train/setup.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "recipe/embedded.h"
#include "recipe/fields.h"
#include "recipe/value.h"
#include "train/feed.h"
#include "train/table_plan.h"

namespace vitro {
namespace {

// What data without a recipe of its own is trained with, unless it is a table (train/table_plan.h) or pictures.
constexpr const char* usual = R"([net]
name = "mlp"
[train]
optimizer = "adam"
lr = 0.003
batch = 32
epochs = 200
patience = 20
)";

// The same of pictures [1 or 3, height, width]: a convolution and a pooling by two, with more maps each time, until the
// maps are smaller than 8 pixels. Such small pictures have no room for any.
std::string plan_of_pictures(const Dataset& train) {
  const Shape& sample = train.schema.sample;
  std::string layers;
  int64_t maps = 16;
  for (int64_t side = std::min(sample[1], sample[2]); side >= 8; side /= 2, maps = std::min<int64_t>(2 * maps, 128))
    layers += text("  {op=\"conv2d\", out=", maps,
                   ", kernel=3, padding=1, bias=0, init=\"he_normal\"}, {op=\"batch_norm\"}, {op=\"relu\"},\n"
                   "  {op=\"max_pool2d\", kernel=2},\n");
  // Of one sample alone, as the last of an epoch, batch-norm knows no variance.
  int64_t batch = 64;
  while (train.size() % batch == 1) --batch;
  return text(layers.empty()
                  ? "[net]\nname = \"mlp\"\n"
                  : text("[net]\nlayers = [\n", layers, "  {op=\"flatten\"}, {op=\"dense\", out=\"classes\"}]\n"),
              "[train]\noptimizer = \"adam\"\nlr = 0.002\nbatch = ", batch, "\nepochs = 30\npatience = 6\n");
}

// The same of sounds: a recurrent layer in both directions, the mean of its steps. Clips are few, so much is dropped.
constexpr const char* plan_of_sounds = R"([net]
name = "lstm"
hidden = 128
bidirectional = 1
dropout = 0.3
over = "mean"
[train]
optimizer = "adam"
lr = 0.002
batch = 32
epochs = 40
patience = 10
clip_norm = 1.0
)";

// So many streams, or down to half of them where that leaves fewer windows out.
int64_t streams_for(int64_t windows, int64_t most) {
  most = std::min(most, windows);
  int64_t best = most;
  for (int64_t streams = most; 2 * streams >= most && streams > 0; --streams)
    if (windows % streams < windows % best) best = streams;
  return best;
}

void say_what_fills_no_stream(const Recipe& recipe, Splits& data) {
  const int64_t windows = data.train.size(), batch = recipe.train.batch;
  if (order_of(recipe, data.train.schema) != Order::continued || windows < batch) return;
  if (const int64_t left = windows % batch; 100 * left > windows)
    data.remarks.push_back(text("left out: the last ", left, " of ", windows, " training windows, which fill no ",
                                batch, " streams of equal length (another batch leaves out others)"));
}

constexpr const char* plan_of_text = "[net]\nname = \"char-lstm\"\n";

Recipe with_plan(const std::string& source, const std::string& plan) {
  return parse_recipe(text("vitro = 1\n[data]\nsource = ", toml_text(source), "\n", plan), source);
}

Recipe usual_recipe(const std::string& source) { return with_plan(source, usual); }

bool has_own_recipe(const std::string& what) {
  return what.ends_with(".toml") ||
         std::ranges::any_of(embedded_recipes(), [&](const auto& f) { return f.name == what; });
}

Recipe named(const std::string& what) {
  for (const EmbeddedFile& file : embedded_recipes())
    if (file.name == what) return parse_recipe(std::string(file.text), text("recipe ", what));
  const std::vector<std::string> names = data_names();
  if (std::find(names.begin(), names.end(), what) != names.end()) return usual_recipe(what);
  if (usual_name(what) != what) return named(usual_name(what));
  bad_input(what, text("no data set and no recipe is called that", did_you_mean(what, trainable_names())),
            "`vitro list` shows them; a file is named with its folder or suffix: ./FILE, FILE.csv");
}

// The key of an assignment by its usual name, without the section: "lr" of "train.learning_rate=0.1".
std::string key_of(const std::string& assignment) {
  const std::string key = assignment.substr(0, assignment.find('='));
  const size_t section = key.starts_with("train.") || key.starts_with("data.") ? key.find('.') + 1 : 0;
  return canonical_key(key.substr(section));
}

// Whether an assignment is about the data, or the seed, and not about net or training.
bool says_what_to_read(const std::string& assignment) {
  const std::string key = key_of(assignment);
  if (key == "seed" || assignment.starts_with("data.") || key.starts_with("columns.")) return true;
  return std::ranges::any_of(data_fields(), [&](const Field& field) { return key == field.name; });
}

// The same, and what else of a recipe changes what is read: a net of texts, who draws, how exact numbers are.
bool decides_the_data(const std::string& assignment) {
  const std::string key = key_of(assignment);
  return says_what_to_read(assignment) || key == "net" || key == "net.name" || key == "random" || key == "dtype" ||
         key == "data";
}

} // namespace

std::vector<std::string> trainable_names() {
  std::vector<std::string> names = data_names();
  for (const EmbeddedFile& file : embedded_recipes())
    if (std::find(names.begin(), names.end(), file.name) == names.end()) names.emplace_back(file.name);
  return names;
}

Recipe recipe_for(const std::string& what, const std::vector<std::string>& assignments) {
  Recipe recipe = what.ends_with(".toml")                                        ? parse_recipe(read_text(what), what)
                  : what.find_first_of("/.") == std::string::npos && what != "-" ? named(what)
                                                                                 : usual_recipe(what);
  set_all(recipe, assignments);
  return recipe;
}

Trainable open_trainable(const std::string& what, const std::vector<std::string>& assignments,
                         const std::string& data_dir) {
  // Which net's keys there are only the data knows, unless there is a recipe.
  const bool own = has_own_recipe(usual_name(what));
  std::vector<std::string> of_data;
  std::ranges::copy_if(assignments, std::back_inserter(of_data), decides_the_data);
  const Recipe recipe = recipe_for(what, own ? assignments : of_data);
  Splits data = open_data(recipe.data.source, data_options(recipe, data_dir));
  const Schema& schema = data.train.schema;
  const auto planned = [&](const std::string& plan) {
    Recipe out = with_plan(what, plan);
    set_all(out, assignments);
    return complete(std::move(out), schema);
  };
  if (own) {
    Recipe whole = complete(recipe, schema);
    say_what_fills_no_stream(whole, data);
    return {std::move(whole), std::move(data)};
  }
  if (schema.text) {
    Recipe of_text = planned(plan_of_text);
    if (std::ranges::none_of(assignments, [](const auto& one) { return key_of(one) == "batch"; }))
      of_text.train.batch = streams_for(data.train.size(), of_text.train.batch);
    say_what_fills_no_stream(of_text, data);
    return {std::move(of_text), std::move(data)};
  }
  if (schema.sound) {
    Recipe of_sounds = planned(plan_of_sounds);
    return {std::move(of_sounds), std::move(data)};
  }
  if (schema.picture) return {planned(plan_of_pictures(data.train)), std::move(data)};
  if (schema.columns.empty()) return {complete(recipe_for(what, assignments), schema), std::move(data)};
  Recipe net = planned(schema.forecast ? plan_of_forecast(data.train) : plan_of_net(data.train));
  // Whoever says how to train has chosen.
  const bool free = std::ranges::all_of(assignments, says_what_to_read);
  if (free && recipe.data.group.empty() && !schema.forecast) {
    const Choice choice = choose(net, data.train);
    if (!choice.said.empty()) data.remarks.push_back(choice.said);
    if (choice.linear) return {planned(plan_of_linear(data.train)), std::move(data)};
  }
  // What was meant for this net and this optimiser goes with them.
  std::vector<ParameterGroup>& groups = net.train.optimizer.groups;
  if (net.train.optimizer.name != "adamw") groups.clear();
  if (net.net.name != "tabular") std::erase_if(groups, [](const auto& group) { return group.match == linear_part; });
  return {std::move(net), std::move(data)};
}

} // namespace vitro

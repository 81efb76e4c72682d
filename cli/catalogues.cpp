#include "cli/catalogues.h"

#include <algorithm>
#include <filesystem>

#include "claims/claim.h"
#include "cli/console.h"
#include "core/text.h"
#include "data/sources.h"
#include "io/files.h"
#include "io/history.h"
#include "io/run_directory.h"
#include "nn/initializers.h"
#include "nn/layer.h"
#include "nn/losses.h"
#include "nn/nets.h"
#include "ops/catalogue.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "recipe/embedded.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

template <class Item> bool answers_to(const Item& item, const std::string& name) {
  if (item.name == name) return true;
  return std::any_of(item.aliases.begin(), item.aliases.end(), [&](const char* alias) { return alias == name; });
}

// The first comment line of a recipe says what it is.
std::string purpose_of(std::string_view recipe) {
  if (!recipe.starts_with('#')) return "";
  const size_t end = std::min(recipe.find('\n'), recipe.size());
  const size_t begin = std::min(recipe.find_first_not_of("# "), end);
  return std::string(recipe.substr(begin, end - begin));
}

template <class Span> std::vector<Entry> named(const Span& span) {
  std::vector<Entry> out;
  for (const auto& item : span) out.push_back({item.name, item.doc});
  return out;
}

template <class Span> auto by_name(const Span& span) {
  return [span](const std::string& name) -> std::optional<About> {
    for (const auto& item : span)
      if (answers_to(item, name)) return about(item);
    return {};
  };
}

std::vector<Entry> data_entries() {
  std::vector<Entry> out;
  for (const SourceEntry& entry : catalogue_of_data())
    out.push_back({entry.name, text(entry.doc, " (", entry.kind, ", ", entry.size, ")")});
  return out;
}

std::vector<Entry> recipe_entries() {
  std::vector<Entry> out;
  for (const EmbeddedFile& file : embedded_recipes()) out.push_back({file.name, purpose_of(file.text)});
  return out;
}

// "epoch 10, train loss 0.0320, validation accuracy 97.72 %", out of history.csv.
std::string last_epoch(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return "nothing saved yet";
  const History history = read_history(read_text(path), path);
  if (history.rows.empty()) return "no epoch finished yet";
  std::string out;
  for (size_t c = 0; c < history.columns.size(); ++c) {
    const std::string& name = history.columns[c];
    const double value = history.rows.back()[c];
    if (name == "epoch") out = text("epoch ", int64_t(value));
    if (name == "train_loss") out += text(", train loss ", fixed(value, 4));
    if (name == "validation_accuracy") out += text(", validation accuracy ", percent(value));
    if (name == "validation_rmse") out += text(", validation RMSE ", fixed(value, 4));
  }
  return out;
}

std::vector<Entry> run_entries() {
  std::vector<Entry> out;
  for (const std::string& run : list_runs()) out.push_back({run, last_epoch(RunDirectory(run).history())});
  return out;
}

std::vector<Entry> layer_entries() {
  std::vector<Entry> out;
  for (const Layer* layer : layers())
    if (!layer->op) out.push_back({layer->name, layer->doc});
  out.push_back({"...", "and every op, by its own name (vitro list ops)"});
  return out;
}

std::vector<Entry> op_entries() {
  std::vector<Entry> out;
  for (const Op* op : catalogue()) out.push_back({op->name, text(op->formula, "   ", op->doc)});
  return out;
}

} // namespace

const std::vector<Catalogue>& catalogues() {
  static const std::vector<Catalogue> all = {
      {{"data", "datasets"}, true, data_entries, {}},
      {{"recipes"}, true, recipe_entries, {}},
      {{"nets"},
       true,
       [] { return named(nets()); },
       [](const std::string& name) -> std::optional<About> {
         for (const NetKind& net : nets())
           if (net.name == name) return about(net);
         return {};
       }},
      {{"runs"}, true, run_entries, {}},
      {{"claims"},
       false,
       [] {
         std::vector<Entry> out;
         for (const std::string& name : claim_names()) out.push_back({name, find_claim(name).sentence});
         return out;
       },
       {}},
      {{"layers"},
       false,
       layer_entries,
       [](const std::string& name) -> std::optional<About> {
         const Layer* layer = find_layer(name);
         if (!layer || layer->op) return {}; // the op says all
         return about(*layer);
       }},
      {{"ops"},
       false,
       op_entries,
       [](const std::string& name) -> std::optional<About> {
         if (const Op* op = find_op(name)) return about(*op);
         const Layer* layer = find_layer(name); // an alias of a layer that is an op
         if (layer && layer->op) return about(*layer->op);
         return {};
       }},
      {{"losses"}, false, [] { return named(losses()); }, by_name(losses())},
      {{"optimisers", "optimizers"}, false, [] { return named(optimizers()); }, by_name(optimizers())},
      {{"schedules"}, false, [] { return named(schedules()); }, by_name(schedules())},
      {{"augmentations"},
       false,
       [] { return named(augmentations()); },
       [](const std::string& name) -> std::optional<About> {
         for (const AugmentationKind& kind : augmentations())
           if (kind.name == name) return about(kind);
         return {};
       }},
      {{"initialisers", "initializers"}, false, [] { return named(initializers()); }, by_name(initializers())},
  };
  return all;
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const Catalogue& catalogue : catalogues())
    for (const Entry& entry : catalogue.entries())
      if (std::find(out.begin(), out.end(), entry.name) == out.end()) out.push_back(entry.name);
  return out;
}

} // namespace vitro::cli

// TOML to a recipe.
#include <algorithm>
#include <limits>

#include "core/text.h"
#include "recipe/fields.h"

namespace vitro {
namespace {

constexpr int64_t version = 1;

class Reader {
public:
  Reader(const Value& file, std::string origin) : file_(file), origin_(std::move(origin)) {}

  Recipe read() {
    static const std::vector<std::string> sections = {"vitro", "data", "net", "block", "train"};
    const Value* stated = file_.find("vitro");
    if (!stated) bad_input(origin_, "has no line `vitro = 1`", "is it a recipe? Then write that line first");
    const Item version_item = item(*stated, "vitro");
    if (version_item.whole(0) != version) version_item.expected("1, the only version that this program reads");
    for (const auto& [key, value] : std::get<Value::Table>(file_.held))
      if (std::find(sections.begin(), sections.end(), key) == sections.end()) unknown(value, key, "a recipe", sections);
    read_data();
    read_net();
    read_train();
    check(recipe_, origin_);
    return std::move(recipe_);
  }

private:
  Item item(const Value& value, std::string key) const { return {value, std::move(key), origin_}; }

  [[noreturn]] void unknown(const Value& value, const std::string& key, const std::string& place,
                            const std::vector<std::string>& known) const {
    bad_input(item(value, key).where(),
              text("unknown key \"", key, "\" in ", place, did_you_mean(key, with_aliases(known))),
              "it takes " + join(known, ", "));
  }

  void read_data() {
    const Value* section = file_.find("data");
    if (!section) bad_input(origin_, "states no data", "write [data] and below it source = \"digits\"");
    std::vector<std::string> seen;
    for (const auto& [given, value] : item(*section, "data").table()) {
      const std::string key = once(value, given, seen);
      const Field* field = find(data_fields(), key);
      if (!field) unknown(value, given, "[data]", names(data_fields()));
      field->read(recipe_, item(value, given));
    }
    if (recipe_.data.source.empty())
      bad_input(item(*section, "").where(), "[data] has no source", "write source = \"digits\" below it");
  }

  void read_net() {
    const Value* section = file_.find("net");
    if (!section) bad_input(origin_, "states no net", "write [net] and below it name = \"mlp\", or layers = [...]");
    const Item net = item(*section, "net");
    std::vector<std::string> blocks;
    if (const Value* all = file_.find("block"))
      for (const auto& [name, block] : item(*all, "block").table()) blocks.push_back(name);
    for (const std::string& name : blocks) {
      const Item block = item(*file_.find("block")->find(name), "block." + name);
      for (const auto& [key, value] : block.table())
        if (key != "layers") unknown(value, key, text("[block.", name, "]"), {"layers"});
      const Value* layers = block.value.find("layers");
      if (!layers) bad_input(block.where(), text("[block.", name, "] has no layers"));
      recipe_.net.spec.blocks[name] = {name, read_layers(*layers, block.key + ".layers", blocks)};
    }

    const Value* name = section->find("name");
    const Value* layers = section->find("layers");
    if (name && layers && !layers->as<Value::List>()) layers = nullptr; // a number of layers, which some nets take
    if (!name == !layers)
      bad_input(net.where(), name ? "[net] has both a name and layers" : "[net] has neither a name nor layers",
                "write name = \"mlp\", or layers = [...]");
    if (layers) {
      for (const auto& [key, value] : net.table())
        if (key != "layers") unknown(value, key, "a [net] of layers", {"layers"});
      recipe_.net.spec.layers = read_layers(*layers, "net.layers", blocks);
      return;
    }
    if (!blocks.empty())
      bad_input(item(*file_.find("block"), "").where(), "blocks are of no use to a net by name",
                "list the net's layers");
    const NetKind& kind = find_net(item(*name, "net.name"));
    recipe_.net.name = kind.name;
    for (const auto& [key, value] : net.table()) {
      if (key == "name") continue;
      const AttrSpec* spec = find_spec(kind.args, key);
      if (!spec) {
        std::vector<std::string> known = names_of(kind.args);
        known.push_back("name");
        unknown(value, key, text("the net ", kind.name), known);
      }
      recipe_.net.args.set(key, read_attr(item(value, "net." + key), spec, false));
    }
    learn_as(recipe_, kind);
  }

  std::vector<LayerSpec> read_layers(const Value& list, const std::string& key,
                                     const std::vector<std::string>& blocks) {
    std::vector<LayerSpec> out;
    for (const Value& layer : item(list, key).list())
      out.push_back(read_layer(item(layer, text(key, ".", out.size())), blocks));
    if (out.empty()) bad_input(item(list, key).where(), text(key, " is empty"), "a net has at least one layer");
    return out;
  }

  void read_train() {
    const Value* section = file_.find("train");
    if (!section) return;
    const Value::Table& table = item(*section, "train").table();
    OptimizerSpec& optimizer = recipe_.train.optimizer;
    // Which keys there are depends on the optimiser, wherever its line stands.
    for (const auto& [given, value] : table)
      if (canonical_key(given) == "optimizer") find(train_fields(), "optimizer")->read(recipe_, item(value, given));
    const std::vector<AttrSpec>& args = find_optimizer(optimizer.name).args;

    std::vector<std::string> seen;
    for (const auto& [given, value] : table) {
      const std::string key = once(value, given, seen);
      if (const Field* field = find(train_fields(), key)) {
        field->read(recipe_, item(value, given));
      } else if (const AttrSpec* spec = find_spec(args, key)) {
        optimizer.args.set(key, read_attr(item(value, given), spec, false));
      } else {
        std::vector<std::string> known = names(train_fields());
        const std::vector<std::string> own = names_of(args);
        known.insert(known.begin(), own.begin(), own.end());
        unknown(value, given, text("[train] with the optimiser ", optimizer.name), known);
      }
    }
    complete_optimizer(optimizer, [&](const std::string& arg) {
      for (const auto& [given, value] : table)
        if (canonical_key(given) == arg) return item(value, given).where();
      return item(*section, "").where();
    });
  }

  // The canonical key, which may not have been stated under another name before.
  std::string once(const Value& value, const std::string& given, std::vector<std::string>& seen) const {
    const std::string key = canonical_key(given);
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      bad_input(item(value, given).where(), text("\"", key, "\" is stated twice, once as \"", given, "\""));
    seen.push_back(key);
    return key;
  }

  const NetKind& find_net(const Item& name) const {
    std::vector<std::string> known;
    for (const NetKind& kind : nets()) {
      if (name.word() == kind.name) return kind;
      known.push_back(kind.name);
    }
    bad_input(name.where(), text("unknown net \"", name.word(), "\"", did_you_mean(name.word(), known)),
              "it is one of " + join(known, ", "));
  }

  static const Field* find(std::span<const Field> fields, const std::string& name) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
    return found == fields.end() ? nullptr : &*found;
  }

  static std::vector<std::string> names(std::span<const Field> fields) {
    std::vector<std::string> out;
    for (const Field& field : fields) out.push_back(field.name);
    return out;
  }

  const Value& file_;
  std::string origin_;
  Recipe recipe_;
};

} // namespace

Recipe parse_recipe(const std::string& toml, const std::string& origin) {
  return parse_recipe(read_toml(toml, origin), origin);
}

Recipe parse_recipe(const Value& table, const std::string& origin) { return Reader(table, origin).read(); }

} // namespace vitro

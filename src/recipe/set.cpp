// key=value: one key of a recipe set as a user writes it.
#include <algorithm>

#include "core/text.h"
#include "recipe/fields.h"

namespace vitro {
namespace {

// A key that can be set, under the names that it goes by.
struct Slot {
  std::vector<std::string> names; // in full; the first is what is shown
  std::string value;              // as it stands now
  std::string doc;
  bool word = false; // text is wanted
  int turn = 2; // what brings other keys along, or takes them away, comes first: a net, then optimizer and the like
  std::function<void(Recipe&, const Item&)> assign;
};

void set_net(Recipe& recipe, const Item& item) {
  try {
    make_net(item.word());
  } catch (const Error& error) { relocate(error, item.where()); }
  recipe.net = {item.word(), {}, {}};
  for (const NetKind& kind : nets()) {
    if (kind.name != recipe.net.name) continue;
    recipe.net.args = with_fallbacks(kind.args, {});
    learn_as(recipe, kind);
  }
}

using LayersOf = std::function<std::vector<LayerSpec>&(Recipe&)>;

void add_layers(std::vector<Slot>& out, const std::vector<LayerSpec>& layers, const std::vector<std::string>& names,
                const NetSpec& net, const std::string& prefix, const LayersOf& layers_of) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerSpec& layer = layers[i];
    const Layer* kind = net.blocks.contains(layer.op) ? nullptr : find_layer(layer.op);
    std::vector<std::string> args = kind ? names_of(kind->args) : std::vector<std::string>();
    if (!kind)
      for (const auto& [key, value] : layer.args.items()) args.push_back(key);
    for (const std::string& arg : args) {
      const AttrSpec* spec = kind ? find_spec(kind->args, arg) : nullptr;
      const Attr* held = layer.args.find(arg);
      Slot slot;
      slot.names = {text(prefix, ".layers.", i, ".", arg)};
      if (!names[i].empty()) slot.names.insert(slot.names.begin(), text(prefix, ".", names[i], ".", arg));
      // Without its beginning the position means the net's own layer, not a block's.
      if (prefix == "net") slot.names.push_back(text("layers.", i, ".", arg));
      slot.value = held ? write_attr(*held) : "";
      slot.doc = spec ? spec->doc : "";
      slot.assign = [=](Recipe& recipe, const Item& item) {
        layers_of(recipe)[i].args.set(arg, read_attr(item, spec, true));
      };
      out.push_back(std::move(slot));
    }
  }
}

// The names of the net's own layers, given ones and implied ones; a block's or a repeated layer's stays "".
std::vector<std::string> layer_names(const NetSpec& net) {
  std::vector<std::string> names;
  for (const LayerSpec& layer : net.layers) names.push_back(layer.name);
  const bool plain = std::all_of(net.layers.begin(), net.layers.end(), [&](const LayerSpec& layer) {
    return layer.repeat == 1 && !net.blocks.contains(layer.op);
  });
  if (plain) {
    const std::vector<ResolvedLayer> resolved = resolve(net, 2);
    if (resolved.size() == names.size())
      for (size_t i = 0; i < names.size(); ++i) names[i] = resolved[i].name;
  }
  return names;
}

std::vector<Slot> slots_of(const Recipe& recipe) {
  std::vector<Slot> out;
  const auto add_field = [&](const std::string& section, const Field& field) {
    const std::string name = field.name;
    Slot slot{{section + "." + name},
              field.write(recipe),
              field.doc,
              field.word,
              name == "optimizer" || name == "schedule" || name == "loss" ? 1 : 2,
              field.read};
    if (section + name == "datasource") slot.names.push_back("data");
    out.push_back(std::move(slot));
  };
  for (const Field& field : data_fields()) add_field("data", field);

  out.push_back({{"net", "net.name"},
                 recipe.net.name.empty() ? "" : toml_text(recipe.net.name),
                 "a built-in net (vitro list nets)",
                 true,
                 0,
                 set_net});
  if (recipe.net.name.empty()) {
    const NetSpec& net = recipe.net.spec;
    add_layers(out, net.layers, layer_names(net), net, "net",
               [](Recipe& r) -> std::vector<LayerSpec>& { return r.net.spec.layers; });
    for (const auto& [name, block] : net.blocks) {
      std::vector<std::string> names;
      for (const LayerSpec& layer : block.layers) names.push_back(layer.name);
      add_layers(out, block.layers, names, net, "block." + name,
                 [name = name](Recipe& r) -> std::vector<LayerSpec>& { return r.net.spec.blocks.at(name).layers; });
    }
  } else {
    for (const NetKind& kind : nets()) {
      if (kind.name != recipe.net.name) continue;
      for (const AttrSpec& spec : kind.args) {
        const Attr* held = recipe.net.args.find(spec.name);
        out.push_back(
            {{text("net.", spec.name)},
             held ? write_attr(*held) : "",
             spec.doc,
             std::holds_alternative<std::string>(spec.fallback),
             2,
             [&spec](Recipe& r, const Item& item) { r.net.args.set(spec.name, read_attr(item, &spec, false)); }});
      }
    }
  }

  for (const Field& field : train_fields()) {
    add_field("train", field);
    if (std::string(field.name) == "optimizer") {
      for (const AttrSpec& spec : find_optimizer(recipe.train.optimizer.name).args) {
        const Attr* held = recipe.train.optimizer.args.find(spec.name);
        out.push_back({{text("train.", spec.name)},
                       held ? write_attr(*held) : "",
                       spec.doc,
                       false,
                       2,
                       [&spec](Recipe& r, const Item& item) {
                         r.train.optimizer.args.set(spec.name, read_attr(item, &spec, false));
                       }});
      }
    }
    if (std::string(field.name) == "loss") {
      // Where no loss is stated, whoever sets an argument of cross-entropy's means that.
      const std::string loss = recipe.train.loss.empty() ? "cross_entropy" : recipe.train.loss;
      for (const AttrSpec& spec : find_loss(loss).args) {
        const Attr* held = recipe.train.loss_args.find(spec.name);
        out.push_back({{text("train.loss.", spec.name)},
                       held ? write_attr(*held) : "",
                       spec.doc,
                       false,
                       false,
                       [loss, &spec](Recipe& r, const Item& item) {
                         r.train.loss = loss;
                         r.train.loss_args.set(spec.name, read_attr(item, &spec, false));
                         try {
                           r.train.loss_args = complete_args(find_loss(loss), r.train.loss_args);
                         } catch (const Error& error) { relocate(error, item.where()); }
                       }});
      }
    }
    if (std::string(field.name) == "schedule") {
      for (const AttrSpec& spec : find_schedule(recipe.train.schedule.name).args) {
        const Attr* held = recipe.train.schedule.args.find(spec.name);
        out.push_back({{text("train.schedule.", spec.name)},
                       held ? write_attr(*held) : "",
                       spec.doc,
                       false,
                       2,
                       [&spec](Recipe& r, const Item& item) {
                         r.train.schedule.args.set(spec.name, read_attr(item, &spec, false));
                         try {
                           r.train.schedule = complete(r.train.schedule);
                         } catch (const Error& error) { relocate(error, item.where()); }
                       }});
      }
    }
  }
  return out;
}

bool is_suffix(const std::string& key, const std::string& of) {
  return of == key || (of.size() > key.size() && of.ends_with(key) && of[of.size() - key.size() - 1] == '.');
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('.') + 1); }

// `key` with an alias in its last part replaced.
std::string canonical(const std::string& key) {
  const std::string last = last_part(key);
  return key.substr(0, key.size() - last.size()) + canonical_key(last);
}

const Slot& find(const std::vector<Slot>& all, const std::string& given, const std::string& where) {
  for (const std::string& key : {given, canonical(given)}) {
    std::vector<const Slot*> found;
    for (const Slot& slot : all) {
      if (std::find(slot.names.begin(), slot.names.end(), key) != slot.names.end()) return slot;
      if (std::any_of(slot.names.begin(), slot.names.end(), [&](const auto& name) { return is_suffix(key, name); }))
        found.push_back(&slot);
    }
    if (found.size() == 1) return *found[0];
    if (found.size() > 1) {
      std::vector<std::string> candidates;
      for (const Slot* slot : found) candidates.push_back(slot->names[0]);
      const size_t most = 8, more = candidates.size() > most ? candidates.size() - most : 0;
      candidates.resize(candidates.size() - more);
      bad_input(where,
                text("\"", given, "\" could be ", join(candidates, ", "), more ? text(" or ", more, " more") : ""),
                "write more of the key");
    }
  }
  std::vector<std::string> known, shown;
  for (const Slot& slot : all)
    for (const std::string& name : slot.names) {
      known.push_back(name);
      known.push_back(last_part(name));
    }
  for (const Slot& slot : all)
    if (slot.names[0].starts_with("train.") || slot.names[0].starts_with("data."))
      shown.push_back(last_part(slot.names[0]));
  bad_input(where, text("unknown key \"", given, "\"", did_you_mean(given, with_aliases(known))),
            text("there are ", join(shown, ", "), ", and the net's"));
}

struct Assignment {
  std::string whole, key, value;
};

Assignment split(const std::string& whole) {
  const size_t equals = whole.find('=');
  if (equals == std::string::npos || equals == 0) bad_input(whole, "is no assignment", "write key=value, as lr=0.1");
  const auto trimmed = [](const std::string& word) {
    const size_t first = word.find_first_not_of(" \t"), last = word.find_last_not_of(" \t");
    return first == std::string::npos ? std::string() : word.substr(first, last + 1 - first);
  };
  return {whole, trimmed(whole.substr(0, equals)), trimmed(whole.substr(equals + 1))};
}

} // namespace

void set_all(Recipe& recipe, const std::vector<std::string>& assignments) {
  Recipe changed = recipe;
  std::vector<Assignment> left;
  std::vector<std::pair<std::string, std::string>> set; // key in full, and by which assignment
  // "columns.Age=drop": whether there is such a column, only the table knows.
  const auto set_column = [&](const Assignment& one) {
    for (const std::string prefix : {"columns.", "data.columns."}) {
      if (!one.key.starts_with(prefix) || one.key.size() == prefix.size()) continue;
      const Value word{Value::Table{{one.key.substr(prefix.size()), Value{one.value}}}};
      for (const Field& field : data_fields())
        if (std::string(field.name) == "columns") field.read(changed, {word, "columns", one.whole});
      return true;
    }
    return false;
  };
  // False where it is not this key's turn.
  const auto assign = [&](const Assignment& one, int turn) {
    const std::vector<Slot> all = slots_of(changed);
    const auto meant = [&](const Slot& slot) {
      return slot.turn == turn && std::ranges::any_of(slot.names, [&](const std::string& name) {
               return is_suffix(one.key, name) || is_suffix(canonical(one.key), name);
             });
    };
    if (turn < 2 && std::ranges::none_of(all, meant)) return false; // perhaps a key that is not there yet
    const Slot& slot = find(all, one.key, one.whole);
    if (turn < 2 && slot.turn != turn) return false;
    Value value = read_toml_value(one.value, one.whole);
    const bool stays = value.as<std::string>() || value.as<Value::Table>() || value.as<Value::List>();
    if (slot.word && !stays) value.held = one.value; // a number or the like, as it was written
    slot.assign(changed, {value, last_part(slot.names[0]), one.whole});
    set.emplace_back(slot.names[0], one.whole);
    return true;
  };
  for (const std::string& whole : assignments)
    if (const Assignment one = split(whole); !set_column(one)) left.push_back(one);
  for (const int turn : {0, 1, 2}) {
    std::vector<Assignment> later;
    for (const Assignment& one : left)
      if (!assign(one, turn)) later.push_back(one);
    left = std::move(later);
  }

  complete_optimizer(changed.train.optimizer, [&](const std::string& arg) {
    for (const auto& [key, whole] : set)
      if (key == "train." + arg) return whole;
    return set.empty() ? std::string("recipe") : set.back().second;
  });
  check(changed, assignments.empty() ? "recipe" : join(assignments, " "));
  recipe = std::move(changed);
}

std::vector<RecipeKey> keys_of(const Recipe& recipe) {
  std::vector<RecipeKey> out;
  for (const Slot& slot : slots_of(recipe)) out.push_back({slot.names[0], slot.value, slot.doc});
  return out;
}

} // namespace vitro

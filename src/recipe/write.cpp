// A recipe to TOML.
#include "core/text.h"
#include "recipe/fields.h"

namespace vitro {
namespace {

class Writer {
public:
  explicit Writer(Comments comments) : comments_(comments == Comments::yes) {}

  void section(const std::string& name) { out_ += text("\n[", name, "]\n"); }

  void line(const std::string& key, const std::string& value, const std::string& doc) {
    if (value.empty() && !comments_) return;
    std::string line = value.empty() ? text("# ", key, " =") : text(key, " = ", value);
    // Where a comment would stand alone far right it starts behind the value.
    if (comments_ && !doc.empty()) line += text(std::string(line.size() < 28 ? 28 - line.size() : 1, ' '), "# ", doc);
    out_ += line + "\n";
  }

  void args(const Attrs& args, std::span<const AttrSpec> specs) {
    for (const auto& [key, value] : args.items()) {
      const AttrSpec* spec = find_spec(specs, key);
      line(key, write_attr(value), spec ? spec->doc : "");
    }
  }

  void layers(const std::vector<LayerSpec>& layers) {
    out_ += "layers = [\n";
    for (const LayerSpec& layer : layers) {
      out_ += text("  {op=", toml_text(layer.op));
      if (!layer.name.empty()) out_ += text(", name=", toml_text(layer.name));
      if (layer.from.size() == 1) out_ += text(", from=", toml_text(layer.from[0]));
      if (layer.from.size() > 1) {
        std::vector<std::string> names;
        for (const std::string& name : layer.from) names.push_back(toml_text(name));
        out_ += text(", from=[", join(names, ", "), "]");
      }
      for (const auto& [key, value] : layer.args.items()) out_ += text(", ", key, "=", write_attr(value));
      if (!layer.share.empty()) out_ += text(", share=", toml_text(layer.share));
      if (layer.repeat != 1) out_ += text(", repeat=", layer.repeat);
      out_ += "},\n";
    }
    out_ += "]\n";
  }

  std::string out_ = "vitro = 1\n";

private:
  bool comments_;
};

// What was seen of the column, for whoever edits its line.
std::string remark_on(const Schema& schema, const std::string& column) {
  for (const Column& one : schema.columns)
    if (one.name == column) return one.remark;
  for (const LeftOut& one : schema.left_out)
    if (one.name == column) return one.reason;
  return "";
}

} // namespace

std::string to_toml(const Recipe& recipe, Comments comments, const Schema* schema) {
  Writer writer(comments);
  writer.section("data");
  // A table's columns are a section of their own, a line each.
  for (const Field& field : data_fields())
    if (std::string(field.name) != "columns") writer.line(field.name, field.write(recipe), field.doc);
  if (!recipe.data.columns.empty()) {
    writer.section("data.columns");
    for (const auto& [column, word] : recipe.data.columns)
      writer.line(toml_key(column), toml_text(word), schema ? remark_on(*schema, column) : "");
  }

  for (const auto& [name, block] : recipe.net.spec.blocks) {
    writer.section("block." + toml_key(name));
    writer.layers(block.layers);
  }
  writer.section("net");
  if (recipe.net.name.empty()) {
    writer.layers(recipe.net.spec.layers);
  } else {
    writer.line("name", toml_text(recipe.net.name), "a built-in net (vitro list nets), or write layers = [...]");
    for (const NetKind& kind : nets())
      if (kind.name == recipe.net.name) writer.args(recipe.net.args, kind.args);
  }

  writer.section("train");
  for (const Field& field : train_fields()) {
    writer.line(field.name, field.write(recipe), field.doc);
    if (std::string(field.name) == "optimizer")
      writer.args(recipe.train.optimizer.args, find_optimizer(recipe.train.optimizer.name).args);
  }
  return writer.out_;
}

} // namespace vitro

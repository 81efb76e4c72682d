#include "explain/graph_export.h"

#include "core/text.h"
#include "explain/json.h"

namespace vitro {
namespace {

std::vector<std::string> types(const Node& node) {
  std::vector<std::string> out;
  for (const Type& type : node.out) out.push_back(type.str());
  return out;
}

std::string place(const Node& node) {
  const std::string path = node.where.file_name();
  return text(path.substr(path.find_last_of('/') + 1), ":", node.where.line());
}

} // namespace

std::string print_dot(const Graph& graph) {
  std::string out = "digraph vitro {\n  rankdir=TB; node [shape=box, style=filled, fontname=\"sans-serif\"];\n";
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    const char* colour = node.op->is(source) ? "lightyellow" : node.grad_of >= 0 ? "mistyrose" : "aliceblue";
    const std::string label =
        text(node.op->name, node.name.empty() ? "" : " " + node.name, "\n", join(types(node), " "));
    out += text("  n", id, " [label=", json::string(label), ", fillcolor=", colour, "];\n");
    for (const Edge edge : node.in) out += text("  n", edge.node, " -> n", id, ";\n");
  }
  // A label's line break is Graphviz's \n, which a JSON string has as a control character.
  for (size_t at; (at = out.find("\\u000a")) != std::string::npos;) out.replace(at, 6, "\\n");
  return out + "}\n";
}

std::string print_json(const Graph& graph) {
  std::vector<std::string> nodes;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    json::Object attrs;
    for (const auto& [key, value] : node.attrs.items()) attrs.put(key.c_str(), to_text(value));
    nodes.push_back(
        json::Object()
            .put("id", int64_t(id))
            .put("op", node.op->name)
            .put("name", node.name)
            .raw("in", json::array(node.in, [](Edge in) { return text("[", in.node, ",", in.output, "]"); }))
            .raw("out", json::array(types(node)))
            .raw("attrs", attrs.str())
            .put("grad_of", int64_t(node.grad_of))
            .put("formula", node.op->formula)
            .put("where", place(node))
            .str());
  }
  return "[\n " + join(nodes, ",\n ") + "\n]\n";
}

} // namespace vitro

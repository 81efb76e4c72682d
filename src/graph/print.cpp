// Readers: the graph as text, as Graphviz, as JSON. Each node states its own formula.
#include "core/text.h"
#include "graph/graph.h"

namespace vitro {
namespace {

std::string edge_text(const Graph& graph, Edge edge) {
  // A corrupt graph prints too: verify shows the node that is wrong.
  const bool whole = edge.output == 0 && edge.node >= 0 && edge.node < graph.size() && graph[edge.node].out.size() == 1;
  return whole ? text("%", edge.node) : text("%", edge.node, ".", edge.output);
}

std::string operands(const Graph& graph, const Node& node) {
  std::vector<std::string> pieces;
  for (const Edge edge : node.in) pieces.push_back(edge_text(graph, edge));
  return join(pieces, ", ");
}

std::string types(const Node& node) {
  std::vector<std::string> pieces;
  for (const Type& type : node.out) pieces.push_back(type.str());
  return join(pieces, " ");
}

std::string place(const Node& node) {
  const std::string path = node.where.file_name();
  return text(path.substr(path.find_last_of('/') + 1), ":", node.where.line());
}

std::string quoted(const std::string& raw) {
  std::string out = "\"";
  for (const char c : raw) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr const char* hex = "0123456789abcdef";
      out += text("\\u00", hex[c >> 4], hex[c & 15]);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool declares_type(const Node& node) { return node.op == &input_op || node.op == &state_op; }

} // namespace

std::string print(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  std::string out = text("%", id, node.name.empty() ? "" : " " + node.name, ": ", types(node), " = ", node.op->name);
  if (!node.in.empty()) out += text("(", operands(graph, node), ")");
  if (!declares_type(node)) out += node.attrs.str();
  if (!node.op->is(source)) out += text("   ", node.op->formula);
  if (node.grad_of >= 0) out += text("   [derivative for %", node.grad_of, "]");
  return out;
}

std::string print(const Graph& graph) {
  std::string out;
  for (NodeId id = 0; id < graph.size(); ++id) out += print(graph, id) + "\n";
  return out;
}

std::string print_dot(const Graph& graph) {
  std::string out = "digraph vitro {\n  rankdir=TB; node [shape=box, style=filled, fontname=\"sans-serif\"];\n";
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    const char* colour = node.op->is(source) ? "lightyellow" : node.grad_of >= 0 ? "mistyrose" : "aliceblue";
    const std::string label = text(node.op->name, node.name.empty() ? "" : " " + node.name, "\n", types(node));
    out += text("  n", id, " [label=", quoted(label), ", fillcolor=", colour, "];\n");
    for (const Edge edge : node.in) out += text("  n", edge.node, " -> n", id, ";\n");
  }
  // A label's line break is Graphviz's \n, which `quoted` has written as a control character.
  for (size_t at; (at = out.find("\\u000a")) != std::string::npos;) out.replace(at, 6, "\\n");
  return out + "}\n";
}

std::string print_json(const Graph& graph) {
  std::string out = "[";
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    std::vector<std::string> in, types, attrs;
    for (const Edge edge : node.in) in.push_back(text("[", edge.node, ",", edge.output, "]"));
    for (const Type& type : node.out) types.push_back(quoted(type.str()));
    for (const auto& [key, value] : node.attrs.items()) attrs.push_back(quoted(key) + ":" + quoted(to_text(value)));
    out += text(id ? ",\n " : "\n ", "{\"id\":", id, ",\"op\":", quoted(node.op->name), ",\"name\":", quoted(node.name),
                ",\"in\":[", join(in, ","), "],\"out\":[", join(types, ","), "],\"attrs\":{", join(attrs, ","),
                "},\"grad_of\":", node.grad_of, ",\"formula\":", quoted(node.op->formula),
                ",\"where\":", quoted(place(node)), "}");
  }
  return out + "\n]\n";
}

} // namespace vitro

// A graph for other programs: Graphviz and JSON.
#include "explain/graph_export.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <regex>

#include "core/text.h"
#include "small_graph.h"

namespace vitro {
namespace {

TEST(GraphExport, JsonReadsBackWhole) {
  const std::string nasty = "la\"yer\\ \n\t<1>";
  const Small small(nasty);
  const auto json = nlohmann::json::parse(print_json(small.graph()));
  ASSERT_EQ(int(json.size()), small.graph().size());
  for (NodeId id = 0; id < small.graph().size(); ++id) {
    const Node& node = small.graph()[id];
    const auto& printed = json[size_t(id)];
    EXPECT_EQ(printed["id"], id);
    EXPECT_EQ(printed["op"], node.op->name);
    EXPECT_EQ(printed["name"], node.name);
    EXPECT_EQ(printed["formula"], node.op->formula);
    EXPECT_EQ(printed["grad_of"], node.grad_of);
    ASSERT_EQ(printed["in"].size(), node.in.size());
    for (size_t i = 0; i < node.in.size(); ++i) {
      EXPECT_EQ(printed["in"][i][0], node.in[i].node);
      EXPECT_EQ(printed["in"][i][1], node.in[i].output);
    }
    ASSERT_EQ(printed["out"].size(), node.out.size());
    for (size_t i = 0; i < node.out.size(); ++i) EXPECT_EQ(printed["out"][i], node.out[i].str());
    EXPECT_EQ(printed["attrs"].size(), node.attrs.items().size());
    for (const auto& [key, value] : node.attrs.items()) EXPECT_EQ(printed["attrs"][key], to_text(value));
  }
}

// Balanced braces, every string closed, every edge between nodes that are declared.
TEST(GraphExport, DotIsWellFormed) {
  const Small small("la\"yer\\ {");
  const std::string dot = print_dot(small.graph());
  EXPECT_EQ(dot.rfind("digraph vitro {\n", 0), 0u);
  EXPECT_EQ(dot.substr(dot.size() - 2), "}\n");
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < dot.size(); ++i) {
    if (quoted && dot[i] == '\\') {
      ++i;
    } else if (dot[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      depth += dot[i] == '{' || dot[i] == '[';
      depth -= dot[i] == '}' || dot[i] == ']';
      EXPECT_GE(depth, 0);
    }
  }
  EXPECT_EQ(depth, 0);
  EXPECT_FALSE(quoted);
  const std::regex edge("  n(\\d+) -> n(\\d+);");
  int edges = 0, expected = 0;
  for (std::sregex_iterator at(dot.begin(), dot.end(), edge), end; at != end; ++at) {
    ++edges;
    EXPECT_LT(std::stoi((*at)[1]), std::stoi((*at)[2]));
    EXPECT_LT(std::stoi((*at)[2]), small.graph().size());
  }
  for (const Node& node : small.graph().nodes) expected += int(node.in.size());
  EXPECT_EQ(edges, expected);
}

} // namespace
} // namespace vitro

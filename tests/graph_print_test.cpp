// The readers that print: text, Graphviz, JSON; and what errors say.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <regex>

#include "core/error.h"
#include "core/text.h"
#include "graph/function.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

struct Small {
  States states;
  Trace trace{states};
  Var loss;
  explicit Small(const std::string& layer = "fc1") {
    states.add("fc1.weight", Tensor(Shape{4, 3}, std::vector<double>(12, 0.5)), true);
    const Var x = trace.input("x", {DType::f32, {2, 3}});
    const Var t = trace.input("t", {DType::i32, {2}});
    {
      const Scope scope(trace.graph(), layer);
      loss = softmax_cross_entropy(leaky_relu(matmul(x, trace.state("fc1.weight"), false, true), 0.2), t).loss;
    }
    gradient(loss, {trace.state("fc1.weight")});
  }
  const Graph& graph() const { return *trace.graph(); }
};

TEST(Print, OneLineANodeWithItsFormula) {
  const Small small;
  const std::string out = print(small.graph());
  EXPECT_EQ(int(std::count(out.begin(), out.end(), '\n')), small.graph().size());
  for (const char* piece :
       {"%0 x: f32[2, 3] = input\n", "%1 t: i32[2] = input\n", "%2 fc1.weight: f32[4, 3] = state\n",
        "%3 fc1: f32[2, 4] = matmul(%0, %2){transpose_a=0, transpose_b=1}   y = a b\n",
        "%4 fc1: f32[2, 4] = leaky_relu(%3){slope=0.2}", "%5 fc1: f32[] f32[2, 4] = softmax_cross_entropy(%4, %1)",
        "%5.1", "[derivative for %5]", "[derivative for %3]"})
    EXPECT_NE(out.find(piece), std::string::npos) << piece << "\nin\n" << out;
}

TEST(Print, JsonReadsBackWhole) {
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
TEST(Print, DotIsWellFormed) {
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

TEST(Append, ErrorsNameOpLayerAndLine) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f32, {2, 784}}), w = trace.input("w", {DType::f32, {10, 512}});
  const Scope scope(trace.graph(), "fc1");
  unsigned line = 0;
  try {
    line = __LINE__ + 1;
    matmul(x, w, false, true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    const std::string what = error.what();
    for (const std::string& piece :
         {std::string("[matmul]"), std::string("[2, 784]"), std::string("[10, 512]"), std::string("784"),
          std::string("512"), std::string("layer \"fc1\""), text("graph_print_test.cpp:", line)})
      EXPECT_NE(what.find(piece), std::string::npos) << piece << " in " << what;
  }
  try {
    line = __LINE__ + 1;
    x + w;
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(text("graph_print_test.cpp:", line)), std::string::npos) << error.what();
  }
}

TEST(Append, KeepsGraphsApart) {
  const States none;
  Trace one(none), other(none);
  const Var x = one.input("x", {DType::f32, {2}}), y = other.input("y", {DType::f32, {2}});
  EXPECT_THROW(x + y, std::logic_error);
  EXPECT_THROW(other.output("x", x), std::logic_error);
}

TEST(Append, NumbersBecomeConstantsOfTheOtherOperandsType) {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f64, {2}});
  const Var y = 1 - x * 0.1;
  EXPECT_EQ(y.type().str(), "f64[2]");
  int constants = 0;
  for (const Node& node : trace.graph()->nodes)
    if (node.op == &constant_op) {
      ++constants;
      EXPECT_EQ(node.out[0].str(), "f64[]");
    }
  EXPECT_EQ(constants, 2);
}

TEST(Attrs, TextAndAccess) {
  const Attrs attrs{{"axis", int64_t{1}},
                    {"slope", 0.2},
                    {"reduction", std::string("sum")},
                    {"axes", std::vector<int64_t>{0, -1}},
                    {"value", std::make_shared<const Tensor>(Tensor(Shape{2}, {1, 2.5}))}};
  EXPECT_EQ(attrs.str(), "{axis=1, slope=0.2, reduction=sum, axes=[0, -1], value=[1, 2.5]}");
  EXPECT_EQ(attrs.integer("axis"), 1);
  EXPECT_EQ(attrs.real("slope"), 0.2);
  EXPECT_EQ(attrs.word("reduction"), "sum");
  EXPECT_EQ(attrs.list("axes").size(), 2u);
  EXPECT_EQ(attrs.tensor("value").at(1), 2.5);
  EXPECT_THROW(attrs.integer("slope"), std::logic_error);
  EXPECT_THROW(attrs.integer("none"), std::logic_error);
  EXPECT_EQ(Attrs{}.str(), "");
}

} // namespace
} // namespace vitro

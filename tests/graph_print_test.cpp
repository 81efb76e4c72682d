// The graph as text, and what errors say.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/text.h"
#include "ops/catalogue.h"
#include "small_graph.h"

namespace vitro {
namespace {

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
